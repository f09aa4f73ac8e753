// The rows that adapters and tools have in common: one test for each, named by the row. `scene()`
// gives the gateway and the kind of resource that they are asked of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOf } from './ends.mjs';
import {
  ADMIN, ALICE, as, assertProblem, IDENTITY_ROLE, LINES, MEMBER, STRANGER,
} from './scenarios.mjs';
import { until } from './wait.mjs';

export function creating(scene, path) {
  test('POST valid', async (t) => {
    const { headers, json } = await scene().make(t, 'valid');
    assert.equal(headers.location, `${path}/valid`);
    const { createdAt, lastUpdatedAt, ...rest } = json;
    for (const [field, value] of Object.entries({
      id: 'valid', name: 'valid', createdBy: 'alice', replicaCount: 1, environmentVariables: {},
      description: '', useWorkloadIdentity: false, requiredRoles: [],
    })) {
      assert.deepEqual(rest[field], value, field);
    }
    for (const time of [createdAt, lastUpdatedAt]) {
      assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    }
  });

  test('POST name `Invalid Name!`, `UPPER`, `a_b`, ""', async () => {
    for (const name of ['Invalid Name!', 'UPPER', 'a_b', '']) {
      await scene().refuses(scene().body(name), 400, 'name');
    }
  });

  test('POST name of 64+ chars or leading/trailing \'-\'', async () => {
    for (const name of ['a'.repeat(64), 'a'.repeat(51), '-a', 'a-']) {
      await scene().refuses(scene().body(name), 400, 'name');
    }
  });

  test('POST duplicate name', async (t) => {
    await scene().make(t, 'twice');
    assertProblem(await scene().post(scene().body('twice')), 409);
  });

  test('POST imageName `../x`, `a..b`, `Foo`, `reg:5000/x`, `-x`, `x-`', async () => {
    for (const imageName of ['../x', 'a..b', 'Foo', 'reg:5000/x', '-x', 'x-']) {
      await scene().refuses(scene().body('image', { imageName }), 400, 'imageName');
    }
  });

  test('POST imageName `team/app`, `a.b-c_d`', async (t) => {
    for (const [n, imageName] of ['team/app', 'a.b-c_d'].entries()) {
      await scene().make(t, `image-${n}`, { imageName });
    }
  });

  test('POST imageVersion', async (t) => {
    for (const imageVersion of ['-1', 'a'.repeat(129), 'a b']) {
      await scene().refuses(scene().body('version', { imageVersion }), 400, 'imageVersion');
    }
    for (const [n, imageVersion] of ['1.0.0', 'v1_a'].entries()) {
      await scene().make(t, `version-${n}`, { imageVersion });
    }
  });

  test('POST missing imageName / malformed JSON', async () => {
    const { imageName: _, imageVersion: _2, ...without } = scene().body('half');
    await scene().refuses(without, 400);
    await scene().refuses(scene().body('half', { url: 'http://127.0.0.1:1/mcp' }), 400);
    assertProblem(await scene().post('{"name": '), 400);
  });

  test('POST unknown field', async () => {
    await scene().refuses(scene().body('unknown', { protocol: 'MCP' }), 400, 'protocol');
  });

  test('POST useWorkloadIdentity', async (t) => {
    const wanted = { useWorkloadIdentity: true };
    await scene().refuses(scene().body('identity', wanted), 403);
    const rolesOf = { 'by-admin': ADMIN, 'by-role': as('bob', IDENTITY_ROLE.toUpperCase()) };
    for (const [name, headers] of Object.entries(rolesOf)) {
      await scene().make(t, name, wanted, headers);
    }
    await scene().make(t, 'without', { useWorkloadIdentity: false });
    const labelOf = async (name) => {
      const set = await until(`the StatefulSet ${name}`, () => scene().complete(name));
      return set.spec.template.metadata.labels['azure.workload.identity/use'];
    };
    assert.equal(await labelOf('by-admin'), 'true');
    assert.equal(await labelOf('by-role'), 'true');
    assert.equal(await labelOf('without'), 'false');
  });

  test('POST without env / empty / several', async (t) => {
    const rows = { 'env-none': undefined, 'env-empty': {}, 'env-several': { B: '2', A: '$(B)' } };
    for (const [name, environmentVariables] of Object.entries(rows)) {
      await scene().make(t, name, environmentVariables && { environmentVariables });
      const given = Object.fromEntries(Object.entries(environmentVariables ?? {})
        .map(([key, value]) => [key, value.replaceAll('$', '$$$$')]));
      assert.deepEqual(await scene().environment(name), given);
    }
  });

  test('POST while a StatefulSet of that name exists in the cluster', async (t) => {
    const metadata = { name: 'taken', labels: { app: 'theirs' } };
    const template = {
      metadata: { labels: { app: 'theirs' } },
      spec: { containers: [{ name: 'c', image: 'theirs' }] },
    };
    const selector = { matchLabels: { app: 'theirs' } };
    const foreign = {
      apiVersion: 'apps/v1', kind: 'StatefulSet', metadata,
      spec: { replicas: 0, serviceName: 'theirs', selector, template },
    };
    const { uid } = scene().cluster.place(foreign).metadata;
    assertProblem(await scene().post(scene().body('taken')), 409);
    assert.equal(scene().cluster.object('StatefulSet', 'taken').metadata.uid, uid);
    assertProblem(await scene().ask('GET', '/taken', { headers: ADMIN }), 404);
    // One that is marked as ours is taken over.
    const marked = { ...foreign, metadata: {
      name: 'left', labels: { ...metadata.labels, 'app.kubernetes.io/managed-by': 'mcp-gateway' },
      annotations: { 'mcp-gateway/resource': 'left' },
    } };
    scene().cluster.place(marked);
    await scene().makeReady(t, 'left');
  });

  test('POST a reserved name', async () => {
    for (const name of ['mcp', 'toolgateway', 'gateway']) {
      await scene().refuses(scene().body(name), 400, 'name');
    }
  });
}

export function reading(scene) {
  test('GET list', async (t) => {
    await scene().make(t, 'list-own');
    await scene().make(t, 'list-team', { requiredRoles: ['team'] });
    await scene().make(t, 'list-others', {}, STRANGER);
    const names = async (headers) => (await scene().ask('GET', '', { headers })).json
      .map((one) => one.name).filter((name) => name.startsWith('list-'));
    assert.deepEqual(await names(ALICE), ['list-own', 'list-team']);
    assert.deepEqual(await names(MEMBER), ['list-team']);
    assert.deepEqual(await names(STRANGER), ['list-others']);
    assert.deepEqual(await names(ADMIN), ['list-others', 'list-own', 'list-team']);
  });

  test('GET missing', async () => {
    for (const tail of ['', '/status', '/logs']) {
      assertProblem(await scene().ask('GET', `/missing${tail}`), 404);
    }
  });

  test('GET not permitted', async (t) => {
    await scene().make(t, 'private');
    const there = await scene().ask('GET', '/private', { headers: STRANGER });
    const missing = await scene().ask('GET', '/missing', { headers: STRANGER });
    assertProblem(there, 404);
    assert.deepEqual(JSON.parse(there.text.replaceAll('private', 'missing')), missing.json);
    for (const tail of ['/status', '/logs']) {
      assertProblem(await scene().ask('GET', `/private${tail}`, { headers: STRANGER }), 404);
    }
  });
}

export function changing(scene) {
  test('PUT same body', async (t) => {
    await scene().makeReady(t, 'same');
    const generation = () => scene().cluster.object('StatefulSet', 'same').metadata.generation;
    const before = generation();
    const patches = scene().patches();
    assert.equal((await scene().put('same')).status, 200);
    await scene().make(t, 'same-later'); // made after it, so it is done with it
    await until('another one', () => scene().complete('same-later'));
    await scene().ready('same', 1);
    assert.equal(generation(), before, `patches: ${scene().patches() - patches}`);
  });

  test('PUT replica/env/image change', async (t) => {
    await scene().makeReady(t, 'patched');
    const generation = () => scene().cluster.object('StatefulSet', 'patched').metadata.generation;
    let fields = {};
    for (const [replicas, change] of [
      [2, { replicaCount: 2 }], [2, { environmentVariables: { A: '1' } }],
      [2, { imageVersion: '2' }],
    ]) {
      fields = { ...fields, ...change };
      const [before, patches] = [generation(), scene().patches()];
      assert.equal((await scene().put('patched', fields)).status, 200);
      await until('its generation', () => generation() > before);
      await scene().ready('patched', replicas);
      assert.equal(generation(), before + 1, JSON.stringify(change));
      assert.equal(scene().patches(), patches + 1, JSON.stringify(change));
    }
  });

  test('PUT as reader but non-owner', async (t) => {
    await scene().make(t, 'readable', { requiredRoles: ['team'] });
    assertProblem(await scene().put('readable', {}, MEMBER), 403);
  });

  test('PUT missing', async () => assertProblem(await scene().put('missing'), 404));

  test('PUT name mismatch', async (t) => {
    await scene().make(t, 'named');
    const body = scene().body('other');
    assertProblem(await scene().ask('PUT', '/named', { body }), 400, 'name');
  });

  test('PUT toggling workload identity (even admin)', async (t) => {
    await scene().make(t, 'toggled');
    const changed = { useWorkloadIdentity: true };
    assertProblem(await scene().put('toggled', changed, ADMIN), 400, 'useWorkloadIdentity');
  });

  test('PUT keeps createdBy/createdAt', async (t) => {
    const { json: { createdBy, createdAt } } = await scene().make(t, 'kept');
    const { json } = await scene().put('kept', { description: 'new' }, ADMIN);
    assert.deepEqual([json.createdBy, json.createdAt, json.description],
      [createdBy, createdAt, 'new']);
  });

  test('PUT removing an env variable', async (t) => {
    await scene().makeReady(t, 'removed', { environmentVariables: { GO: '1', STAY: '2' } });
    await scene().put('removed', { environmentVariables: { STAY: '2' } });
    await until('the variable to go', async () => (
      !('GO' in await scene().environment('removed'))));
    assert.deepEqual(await scene().environment('removed'), { STAY: '2' });
    await scene().ready('removed', 1);
    const [pod] = scene().cluster.podsOf('removed');
    assert.deepEqual(pod.spec.containers[0].env.map((one) => one.name), ['PORT', 'STAY']);
  });
}

export function deleting(scene) {
  test('DELETE', async (t) => {
    await scene().makeReady(t, 'gone');
    assert.equal((await scene().ask('DELETE', '/gone')).status, 204);
    await scene().cluster.gone('gone');
  });

  test('DELETE again; as a reader but non-owner', async (t) => {
    await scene().make(t, 'again', { requiredRoles: ['team'] });
    assertProblem(await scene().ask('DELETE', '/again', { headers: MEMBER }), 403);
    assert.equal((await scene().ask('DELETE', '/again')).status, 204);
    assertProblem(await scene().ask('DELETE', '/again'), 404);
  });

  test('DELETE with the StatefulSet already missing', async (t) => {
    await scene().makeReady(t, 'half-gone');
    withoutStatefulSet(t, scene(), 'half-gone');
    assert.equal((await scene().ask('DELETE', '/half-gone')).status, 204);
    await scene().cluster.gone('half-gone');
  });
}

// Takes it away, and for the rest of the test it cannot be made again.
function withoutStatefulSet(t, { cluster }, name) {
  const rules = [{ verb: 'create', resource: 'statefulsets', fault: { status: 500 } }];
  cluster.fake.faults.set({ seed: 1, rules });
  endOf(t)(() => cluster.fake.faults.set({ seed: 1, rules: [] }));
  cluster.delete('StatefulSet', name);
}

export function watching(scene) {
  test('Status ready = desired / fewer', async (t) => {
    await scene().makeReady(t, 'healthy', { replicaCount: 2 });
    const { readyReplicas, updatedReplicas, availableReplicas, image } = (
      await scene().status('healthy'));
    assert.deepEqual([readyReplicas, updatedReplicas, availableReplicas], [2, 2, 2]);
    assert.match(image, /example:1$/);
    await scene().make(t, 'degraded', { imageName: 'missing', replicaCount: 2 });
    const { replicaStatus } = await until('the reason', async () => {
      const status = await scene().status('degraded');
      return /cannot pull/.test(status.replicaStatus) && status;
    });
    assert.match(replicaStatus, /^Degraded: 0\/2 ready, degraded-0: cannot pull the image/);
  });

  test('Status, StatefulSet gone', async (t) => {
    await scene().makeReady(t, 'lost');
    withoutStatefulSet(t, scene(), 'lost');
    const { replicaStatus } = await until('the reason', async () => {
      const status = await scene().status('lost');
      return /^Degraded: 0\/1 ready, \S/.test(status.replicaStatus) && status;
    });
    assert.ok(replicaStatus.length > 'Degraded: 0/1 ready, '.length);
    await scene().ask('DELETE', '/lost');
    assertProblem(await scene().ask('GET', '/lost/status'), 404);
  });

  test('Status, replicaCount 0', async (t) => {
    await scene().make(t, 'none', { replicaCount: 0 });
    await scene().ready('none', 0);
  });

  test('Logs default / instance=1', async (t) => {
    await scene().makeReady(t, 'logs', { imageName: 'talking', replicaCount: 2 });
    for (const query of ['', '?instance=1']) {
      const { status, headers, text } = await scene().ask('GET', `/logs/logs${query}`);
      assert.equal(status, 200, text);
      assert.match(headers['content-type'], /^text\/plain/);
      const lines = text.trimEnd().split('\n');
      assert.equal(lines.length, 1000);
      assert.equal(lines.at(-1), `line ${LINES}`);
    }
  });

  test('Logs while the container is being created', async (t) => {
    await scene().make(t, 'creating', { imageName: 'missing' });
    const { status, text } = await scene().ask('GET', '/creating/logs');
    assert.equal(status, 200);
    assert.match(text, /^[^\n]*not started yet[^\n]*\n$/);
  });

  test('Logs bad ordinal', async (t) => {
    await scene().makeReady(t, 'ordinal');
    assertProblem(await scene().ask('GET', '/ordinal/logs?instance=7'), 404);
    assertProblem(await scene().ask('GET', '/ordinal/logs?instance=-1'), 400);
  });
}

export function permissions(scene) {
  const verdicts = async (name, headers) => [
    (await scene().ask('GET', `/${name}`, { headers })).status,
    (await scene().put(name, { requiredRoles: ['team'] }, headers)).status,
    (await scene().ask('DELETE', `/${name}`, { headers })).status,
  ];
  const row = (name, headers, wanted, fields = { requiredRoles: ['team'] }) => {
    test(name, async (t) => {
      await scene().make(t, 'guarded', fields);
      assert.deepEqual(await verdicts('guarded', headers), wanted);
    });
  };
  row('creator full access', ALICE, [200, 200, 204]);
  row('mcp.admin full (case-insensitive)', as('root', 'mCp.aDmIn'), [200, 200, 204]);
  row('requiredRoles role: read yes, write no', MEMBER, [200, 403, 403]);
  row('other role: no', as('eve', 'teams'), [404, 404, 404]);
  row('empty requiredRoles: others denied', MEMBER, [404, 404, 404], {});

  test('values of variables are for those who may write', async (t) => {
    const fields = { requiredRoles: ['team'], environmentVariables: { KEY: 'secret' } };
    await scene().make(t, 'masked', fields);
    const seen = async (headers) => (
      (await scene().ask('GET', '/masked', { headers })).json.environmentVariables.KEY);
    assert.deepEqual([await seen(ALICE), await seen(MEMBER)], ['secret', '***']);
  });
}
