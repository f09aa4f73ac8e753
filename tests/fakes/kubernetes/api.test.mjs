// What the fake's API does beside what was recorded: apply of nested lists, watches with selectors,
// rights by rules, paging, faults. By the upstream API conventions and the OpenAPI documents.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import {
  Client, MAPS, PODS, SETS, begin, configMap, statefulSet, until,
} from './client_for_test.mjs';
import { typesText } from './make_types.mjs';
import { FOLDER, closeConnections } from './replay/recordings.mjs';

after(closeConnections);

const typesOf = ({ lines }) => lines.map((line) => {
  const { type, object } = JSON.parse(line);
  return `${type} ${object.metadata?.name ?? object.reason ?? ''}`;
});

test('types_are_those_of_the_published_documents', () => {
  const written = readFileSync(new URL('types.txt', import.meta.url), 'utf8');
  assert.equal(written, typesText(`${FOLDER}openapi`));
});

test('applied_lists_lose_what_is_left_out_and_keep_what_others_own', async (t) => {
  const { cluster, client } = await begin({}, t);
  cluster.loop.hold();
  const withEnv = (env) => statefulSet('s', { container: { env } });
  const path = `${SETS}/s`;
  assert.equal((await client.apply(path, withEnv([
    { name: 'A', value: '1' }, { name: 'B', value: '2' },
  ]))).status, 201);
  await client.must('PATCH', path, {
    spec: { template: { spec: { containers: [{ name: 'server', env: [
      { name: 'C', value: '3' },
    ] }] } } },
  }, { type: 'application/strategic-merge-patch+json', agent: 'somebody/1' });
  const { body } = await client.apply(path, withEnv([{ name: 'B', value: '2' }]));
  const [container] = body.spec.template.spec.containers;
  assert.deepEqual(container.env, [{ name: 'B', value: '2' }, { name: 'C', value: '3' }]);
  assert.equal(container.ports[0].protocol, 'TCP');
  const again = await client.apply(path, withEnv([{ name: 'B', value: '2' }]));
  assert.equal(again.body.metadata.resourceVersion, body.metadata.resourceVersion);
  const other = await client.apply(path, withEnv([{ name: 'C', value: 'mine' }]), 'other');
  assert.equal(other.status, 409);
  assert.deepEqual(other.body.details.causes.map(({ field }) => field), [
    '.spec.template.spec.containers[name="server"].env[name="C"].value',
  ]);
});

test('whole_applied_structs_go_when_nobody_owns_them', async (t) => {
  const { cluster, client } = await begin({}, t);
  cluster.loop.hold();
  const probe = { readinessProbe: { tcpSocket: { port: 'http' } } };
  const path = `${SETS}/s`;
  await client.apply(path, statefulSet('s', { container: probe }));
  const { body } = await client.apply(path, statefulSet('s'));
  const [container] = body.spec.template.spec.containers;
  assert.equal(container.readinessProbe?.tcpSocket, undefined);
  assert.equal(body.metadata.generation, 2);
});

test('a_field_that_is_not_in_the_types_is_refused_by_apply', async (t) => {
  const { client } = await begin({}, t);
  const { status, body } = await client.apply(`${MAPS}/m`, { ...configMap('m'), dta: {} });
  assert.equal(status, 500);
  assert.match(body.message, /\.dta: field not declared in schema/);
});

test('wrong_types_are_refused_at_creation', async (t) => {
  const { client } = await begin({}, t);
  const { status, body } = await client.ask('POST', SETS,
    statefulSet('s', { spec: { replicas: 'two' } }));
  assert.equal(status, 400);
  assert.match(body.message, /cannot unmarshal string into Go struct field StatefulSetSpec\.spec/);
});

test('watch_with_selector_shows_objects_that_begin_and_stop_to_match', async (t) => {
  const { client } = await begin({}, t);
  await client.must('POST', MAPS, configMap('m', { metadata: { labels: { app: 'a' } } }));
  const { metadata } = await client.must('GET', MAPS);
  const watch = await client.follow(`${MAPS}?watch=1&resourceVersion=${metadata.resourceVersion}`
    + '&labelSelector=app%3Da');
  const label = (app) => client.must('PATCH', `${MAPS}/m`, { metadata: { labels: { app } } }, {
    type: 'application/merge-patch+json',
  });
  await label('b');
  const back = await label('a');
  await client.must('DELETE', `${MAPS}/m`);
  await until('three events', () => watch.lines.length === 3);
  assert.deepEqual(typesOf(watch), ['DELETED m', 'ADDED m', 'DELETED m']);
  const [gone] = watch.lines.map((line) => JSON.parse(line).object);
  assert.equal(gone.metadata.labels.app, 'a');
  assert.ok(BigInt(gone.metadata.resourceVersion) < BigInt(back.metadata.resourceVersion));
  watch.close();
});

test('watch_resumes_without_loss_and_ends_with_410_when_compacted', async (t) => {
  const { cluster, client } = await begin({}, t);
  const { metadata: { resourceVersion } } = await client.must('GET', MAPS);
  for (const name of ['a', 'b', 'c']) await client.must('POST', MAPS, configMap(name));
  const first = await client.follow(`${MAPS}?watch=1&resourceVersion=${resourceVersion}`);
  await until('the past', () => first.lines.length >= 3);
  const { object } = JSON.parse(first.lines.filter((line) => line.includes('"b"'))[0]);
  const rest = await client.follow(`${MAPS}?watch=1&resourceVersion=`
    + object.metadata.resourceVersion);
  await until('the rest', () => rest.lines.length === 1);
  assert.deepEqual(typesOf(rest), ['ADDED c']);
  cluster.registry.store.compact();
  const late = await client.follow(`${MAPS}?watch=1&resourceVersion=${resourceVersion}`);
  await until('its end', () => late.ended);
  assert.equal(JSON.parse(late.lines[0]).object.code, 410);
});

test('pages_are_of_one_moment', async (t) => {
  const { client } = await begin({}, t);
  for (const name of ['a', 'b', 'c']) await client.must('POST', MAPS, configMap(name));
  const first = await client.must('GET', `${MAPS}?limit=2`);
  await client.must('DELETE', `${MAPS}/c`);
  const second = await client.must('GET', `${MAPS}?limit=2&continue=${first.metadata.continue}`);
  const names = [...first.items, ...second.items].map(({ metadata }) => metadata.name);
  assert.deepEqual(names, ['a', 'b', 'c', 'kube-root-ca.crt']);
  assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
});

test('rules_give_rights_by_verb_resource_and_namespace', async (t) => {
  const rules = [{ verbs: ['get', 'watch'], resources: ['pods', 'pods/log'], namespaces: ['ns'] }];
  const { cluster } = await begin({ tokens: [{ token: 't', user: 'u', rules }] }, t);
  const client = new Client(cluster.url, 't');
  assert.equal((await client.ask('GET', `${PODS}/none`)).status, 404);
  assert.equal((await client.ask('GET', `${PODS}/none/log`)).status, 404);
  assert.equal((await client.ask('GET', PODS)).status, 403);
  assert.equal((await client.ask('GET', '/api/v1/namespaces/other/pods/x')).status, 403);
  const review = await client.must('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    { spec: { resourceAttributes: { namespace: 'ns', verb: 'get', resource: 'pods' } } });
  assert.equal(review.status.allowed, true);
  cluster.auth.revoke('t');
  assert.equal((await client.ask('GET', `${PODS}/none`)).status, 401);
});

test('readiness_needs_no_token_and_version_has_its_shape', async (t) => {
  const { cluster, client } = await begin({}, t);
  const nobody = new Client(cluster.url, 'unknown');
  assert.equal((await nobody.ask('GET', '/readyz')).status, 401);
  assert.equal((await client.must('GET', '/version')).major, '1');
});

const control = (client, method, path, body) => client.must(method, `/fake/${path}`, body);

test('faults_are_the_same_for_the_same_seed', async (t) => {
  const { client } = await begin({}, t);
  const rules = [{ verb: 'get', probability: 0.5, fault: { status: 503, retryAfter: 2 } }];
  const seen = [];
  for (let round = 0; round < 2; round += 1) {
    await control(client, 'PUT', 'faults', { seed: 7, rules });
    const statuses = [];
    for (let index = 0; index < 20; index += 1) {
      statuses.push((await client.ask('GET', `${MAPS}/none`)).status);
    }
    seen.push(statuses.join());
  }
  assert.equal(seen[0], seen[1]);
  assert.match(seen[0], /503/);
  assert.match(seen[0], /404/);
});

test('faults_answer_with_status_and_retry_after', async (t) => {
  const { client } = await begin({}, t);
  for (const [fault, header] of [
    [{ status: 429, retryAfter: 3 }, '3'], [{ status: 429 }, undefined], [{ status: 409 }],
    [{ status: 410 }], [{ status: 500 }], [{ status: 503, retryAfter: 1 }, '1'],
  ]) {
    await control(client, 'PUT', 'faults', { rules: [{ resource: 'configmaps', fault }] });
    const answer = await client.ask('GET', MAPS);
    assert.equal(answer.status, fault.status);
    assert.equal(answer.body.code, fault.status);
    assert.equal(answer.headers['retry-after'], header);
  }
  await control(client, 'PUT', 'faults', { rules: [] });
  assert.equal((await client.ask('GET', MAPS)).status, 200);
});

test('a_connection_can_be_cut_before_or_after_the_write', async (t) => {
  const { client } = await begin({}, t);
  for (const [drop, stored] of [['before', 404], ['after', 200]]) {
    await control(client, 'PUT', 'faults', { rules: [{ verb: 'create', fault: { drop } }] });
    await assert.rejects(client.ask('POST', MAPS, configMap(drop)));
    assert.equal((await client.ask('GET', `${MAPS}/${drop}`)).status, stored);
  }
});

test('watches_can_be_dropped_and_told_410', async (t) => {
  const { client } = await begin({}, t);
  const watch = await client.follow(`${MAPS}?watch=1`);
  assert.deepEqual(await control(client, 'GET', 'statistics').then((all) => all.watches),
    { configmaps: 1 });
  assert.deepEqual(await control(client, 'POST', 'watches/drop', {}), { dropped: 1 });
  await until('its end', () => watch.ended);
  const rules = [{ verb: 'watch', fault: { watchError: 410 } }];
  await control(client, 'PUT', 'faults', { rules });
  const other = await client.follow(`${MAPS}?watch=1`);
  await until('its end', () => other.ended);
  assert.equal(JSON.parse(other.lines[0]).object.reason, 'Expired');
});

test('an_outage_cuts_everything_and_passes', async (t) => {
  const { client } = await begin({}, t);
  await control(client, 'PUT', 'outage', { ms: 200 });
  await assert.rejects(client.ask('GET', MAPS));
  await until('the end of the outage', () => client.ask('GET', MAPS).then(
    ({ status }) => status === 200, () => false));
});

test('foreign_objects_are_placed_with_their_status', async (t) => {
  const { cluster, client } = await begin({}, t);
  cluster.loop.hold();
  const { objects: [placed] } = await control(client, 'POST', 'objects', {
    manager: 'helm', objects: [{ ...configMap('m'), metadata: { name: 'm', namespace: 'ns' },
      data: { k: 'v' } }],
  });
  assert.equal(placed.metadata.managedFields[0].manager, 'helm');
  assert.equal((await client.apply(`${MAPS}/m`, configMap('m', { data: { k: 'w' } }))).status, 409);
});
