// Adapters with images on a cluster: made, scaled, changed and removed, with sessions that live
// through it, and everything that can be in the way. The cluster is a fake that answers as
// recordings of a real one do; its pods are real processes.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { imageAdapter, TestCluster } from './lib/cluster.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { exampleAdapter } from './lib/gateway.mjs';
import { openStream } from './lib/http.mjs';
import { inSession, open, post, toolCall, valueOf } from './lib/mcp.mjs';
import { processesWithVariable } from './lib/processes.mjs';
import { MARKER } from './lib/secrecy.mjs';
import { until } from './lib/wait.mjs';

const end = endOfFile();
let cluster;
let gateway;
before(async () => {
  cluster = await TestCluster.start(end);
  gateway = await cluster.gateway(end);
});

// The pod that answers in this session; undefined once the session is gone.
async function podOf(name, session) {
  const answer = await post(gateway.mcpUrl(name), toolCall(1, 'whoami'), inSession(session));
  return answer.status === 200 ? valueOf(answer).instance : undefined;
}

const put = (adapter) => gateway.rest('PUT', `/adapters/${adapter.name}`, { body: adapter });
const remove = (name) => gateway.rest('DELETE', `/adapters/${name}`);

async function makeAndRemove(t, adapter) {
  endOf(t)(async () => {
    await remove(adapter.name);
    await cluster.gone(adapter.name);
  });
  return gateway.apply(adapter);
}

// The status says so, in whatever words around it.
function says(name, pattern) {
  return until(`${name}: ${pattern}`, async () => {
    const status = await gateway.status(name);
    return pattern.test(status.replicaStatus) && status;
  });
}

test('a variable can be a key of a Secret, which the gateway never reads', async (t) => {
  const adapter = imageAdapter('secretive', {
    environmentVariables: { API_TOKEN: { secret: 'tickets', key: 'token' } },
  });
  const created = await gateway.rest('POST', '/adapters', { body: adapter });
  endOf(t)(() => remove('secretive'));
  assert.equal(created.status, 201, created.text);
  assert.deepEqual(created.json.environmentVariables,
    { API_TOKEN: { secret: 'tickets', key: 'token' } });
  await until('the trouble in the status', async () => {
    const { json } = await gateway.rest('GET', '/adapters/secretive/status');
    return /tickets/.test(json.replicaStatus);
  });
  const variables = cluster.object('StatefulSet', 'secretive').spec.template.spec.containers[0].env;
  assert.deepEqual(variables.find(({ name }) => name === 'API_TOKEN').valueFrom,
    { secretKeyRef: { name: 'tickets', key: 'token' } });
  // The end of the gateway, and that of the cluster, prove that nobody has written it.
  const token = `${MARKER}-of-tickets`;
  cluster.place({
    apiVersion: 'v1', kind: 'Secret', metadata: { name: 'tickets' }, stringData: { token },
  });
  await gateway.healthy('secretive', 1);
  assert.equal(processesWithVariable('API_TOKEN', token).length, 1);
});

test('an adapter becomes a StatefulSet and a Service, and serves', async (t) => {
  const status = await makeAndRemove(t, imageAdapter('made', {
    replicaCount: 2, environmentVariables: { COST: '$(PORT) $5', B: '2' },
  }));
  assert.deepEqual(status.instances.map((one) => one.name), ['made-0', 'made-1']);
  assert.equal(status.updatedReplicas, 2);
  const set = cluster.object('StatefulSet', 'made');
  const [container] = set.spec.template.spec.containers;
  assert.equal(container.image, 'registry.test:5000/mcp/example:1');
  assert.deepEqual(container.env.map((one) => one.name), ['B', 'COST', 'PORT']);
  assert.equal(set.spec.template.spec.securityContext.runAsUser, 1100);
  assert.equal(cluster.object('Service', 'made-service').spec.clusterIP, 'None');
  const session = await open(gateway.mcpUrl('made'));
  assert.match(await podOf('made', session), /^made-[01]$/);
});

test('it is scaled up, to nothing and up again', async (t) => {
  await makeAndRemove(t, imageAdapter('scaled'));
  for (const replicaCount of [3, 0, 2]) {
    assert.equal((await put(imageAdapter('scaled', { replicaCount }))).status, 200);
    await gateway.healthy('scaled', replicaCount);
    await until(`${replicaCount} pods`, () => cluster.podsOf('scaled').length === replicaCount);
    if (replicaCount > 0) continue;
    await until('503 without instances', async () => {
      const answer = await post(gateway.mcpUrl('scaled'), toolCall(1, 'whoami'));
      return answer.status === 503;
    });
  }
});

test('a change rolls through the pods, and a removed variable disappears', async (t) => {
  const environmentVariables = { KEEP: '1', GO: '1' };
  await makeAndRemove(t, imageAdapter('rolled', { replicaCount: 3, environmentVariables }));
  const uids = cluster.podsOf('rolled').map((pod) => pod.metadata.uid);
  // No request of a session may fail while its pod is alive.
  const sessions = await Promise.all([1, 2, 3, 4, 5, 6].map(() => open(gateway.mcpUrl('rolled'))));
  const pods = await Promise.all(sessions.map((one) => podOf('rolled', one)));
  const next = imageAdapter('rolled', {
    replicaCount: 3, imageVersion: '2', environmentVariables: { KEEP: '1' },
  });
  assert.equal((await put(next)).status, 200);
  await until('three new pods', async () => {
    for (const [n, session] of sessions.entries()) {
      const now = await podOf('rolled', session);
      assert.ok(now === undefined || now === pods[n], `${pods[n]} became ${now}`);
    }
    const status = await gateway.status('rolled');
    return status.updatedReplicas === 3 && status.replicaStatus === 'Healthy';
  });
  for (const pod of cluster.podsOf('rolled')) {
    assert.ok(!uids.includes(pod.metadata.uid));
    assert.deepEqual(pod.spec.containers[0].env.map((one) => one.name), ['KEEP', 'PORT']);
  }
  // Its own session is the only one that a new pod knows.
  await open(gateway.mcpUrl('rolled'));
  for (const session of sessions) assert.equal(await podOf('rolled', session), undefined);
});

test('what does not touch the pods does not restart them', async (t) => {
  await makeAndRemove(t, imageAdapter('words'));
  const [{ metadata: { uid } }] = cluster.podsOf('words');
  const { generation } = cluster.object('StatefulSet', 'words').metadata;
  await put(imageAdapter('words', { description: 'other words' }));
  await gateway.healthy('words', 1);
  assert.equal(cluster.podsOf('words')[0].metadata.uid, uid);
  assert.equal(cluster.object('StatefulSet', 'words').metadata.generation, generation);
});

test('logs: the end of them, an unknown instance, and following', async (t) => {
  await makeAndRemove(t, imageAdapter('logged'));
  const logs = (query) => gateway.rest('GET', `/adapters/logged/logs${query}`);
  const all = await until('a line of log', async () => {
    const answer = await logs('');
    assert.equal(answer.status, 200);
    return answer.text.includes('\n') && answer.text;
  });
  assert.doesNotMatch(all, /^\d{4}-\d\d-\d\dT\S+Z \S/m, 'the stamps of the API server are gone');
  assert.equal((await logs('?instance=7')).status, 404);
  assert.match((await logs('?previous=true')).text, /no earlier run/);
  const stream = openStream(
    endOf(t), new URL('/adapters/logged/logs?follow=true', gateway.url), {},
  );
  assert.equal(await stream.status, 200);
  await until('the log so far', () => stream.text.startsWith(all));
  cluster.deletePod('logged-0');
  await until('the log of its successor', () => stream.text.length >= all.length * 2);
  assert.equal(stream.ended, false);
});

test('logs of a pod that has not started are one line that says why', async (t) => {
  endOf(t)(() => remove('unstarted'));
  const answer = await gateway.rest('POST', '/adapters', {
    body: imageAdapter('unstarted', { imageName: 'missing' }),
  });
  assert.equal(answer.status, 201, answer.text);
  await says('unstarted', /cannot pull the image registry\.test:5000\/mcp\/missing:1/);
  const logs = await gateway.rest('GET', '/adapters/unstarted/logs');
  assert.equal(logs.status, 200);
  assert.match(logs.text, /^unstarted-0 has not started yet: cannot pull the image .*\n$/);
});

test('status tells why pods are missing or end', async (t) => {
  endOf(t)(async () => {
    cluster.fake.setQuota(undefined);
    await remove('crashing');
    await remove('quota');
  });
  const body = imageAdapter('crashing', { imageName: 'crashing' });
  assert.equal((await gateway.rest('POST', '/adapters', { body })).status, 201);
  const crashed = await says('crashing', /exited with status 1, restarting with growing pauses/);
  assert.equal(crashed.instances[0].restarts, 3);
  cluster.fake.setQuota(cluster.objects('Pod').length);
  await gateway.rest('POST', '/adapters', { body: imageAdapter('quota') });
  await says('quota', /its pod cannot be created: .*exceeded quota/);
  cluster.fake.setQuota(undefined);
  await gateway.healthy('quota', 1);
});

test('objects of somebody else are refused at creation and never touched', async (t) => {
  const foreign = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'taken-service', labels: { 'app.kubernetes.io/managed-by': 'mcp-gateway' } },
    spec: { ports: [{ port: 1 }] },
  };
  cluster.place(foreign);
  const before = JSON.stringify(cluster.object('Service', 'taken-service'));
  const answer = await gateway.rest('POST', '/adapters', { body: imageAdapter('taken') });
  assert.equal(answer.status, 409, answer.text);
  assert.match(answer.json.detail, /Service taken-service .* has not made/);
  assert.equal((await gateway.rest('GET', '/adapters/taken')).status, 404);
  // It may also come between two writes of ours.
  await makeAndRemove(t, imageAdapter('robbed'));
  await cluster.change('Service', 'robbed-service', (live) => ({
    ...live, metadata: { ...live.metadata, annotations: {} },
  }));
  await put(imageAdapter('robbed', { replicaCount: 2 }));
  const { instances } = await until('the reason', async () => {
    const status = await gateway.status('robbed');
    return /has not made/.test(status.instances[0].reason) && status;
  });
  assert.equal(instances[0].ready, true, 'what runs goes on');
  await cluster.change('Service', 'robbed-service', (live) => ({
    ...live,
    metadata: { ...live.metadata, annotations: { 'mcp-gateway/resource': 'robbed' } },
  }));
  await put(imageAdapter('robbed', { replicaCount: 3 }));
  await gateway.healthy('robbed', 3);
  assert.equal(JSON.stringify(cluster.object('Service', 'taken-service')), before);
});

test('what somebody changes or deletes by hand is repaired', async (t) => {
  await makeAndRemove(t, imageAdapter('repaired', { replicaCount: 2 }));
  await cluster.change('StatefulSet', 'repaired', (live) => ({
    ...live, spec: { ...live.spec, replicas: 5 },
  }));
  await until('two replicas again', () => (
    cluster.object('StatefulSet', 'repaired').spec.replicas === 2));
  await gateway.healthy('repaired', 2);
});

test('sessions go on while the API server is away, and changes come after it', async (t) => {
  await makeAndRemove(t, imageAdapter('steady'));
  const session = await open(gateway.mcpUrl('steady'));
  cluster.fake.goAway(60_000);
  await until('the status that says so', async () => {
    const { instances: [one] } = await gateway.status('steady');
    return one.ready && /no news of .* from the Kubernetes API server since 20/.test(one.reason);
  });
  assert.equal((await put(imageAdapter('steady', { replicaCount: 2 }))).status, 200);
  assert.equal(await podOf('steady', session), 'steady-0');
  // A control plane that starts meanwhile knows of no pod, and must not say that there is none.
  await gateway.kill(gateway.controlplane);
  const since = performance.now();
  const answers = new Set();
  await until('longer than it waits for other deployers', async () => {
    answers.add(await podOf('steady', session));
    return performance.now() - since > 5_000;
  });
  assert.deepEqual([...answers], ['steady-0']);
  cluster.fake.goAway(0);
  await gateway.healthy('steady', 2);
  assert.equal(await podOf('steady', session), 'steady-0');
  await until('contact of every watch', async () => {
    const { instances } = await gateway.status('steady');
    return instances.every((one) => one.reason === 'ready');
  });
});

test('a new token is used as soon as it is there', async (t) => {
  await makeAndRemove(t, imageAdapter('rotated'));
  cluster.newToken('token-2');
  await put(imageAdapter('rotated', { replicaCount: 2 }));
  await gateway.healthy('rotated', 2);
});

test('a control plane that is killed at any time finishes what was begun', async (t) => {
  const names = ['k0', 'k1', 'k2'];
  endOf(t)(() => Promise.all(names.map(remove)));
  for (const [n, name] of names.entries()) {
    const made = await gateway.rest('POST', '/adapters', { body: imageAdapter(name) });
    assert.equal(made.status, 201);
    // Each time a little later in what follows from it.
    const { revision } = cluster.fake.statistics;
    await until('some writes', () => cluster.fake.statistics.revision >= revision + n);
    await gateway.kill(gateway.controlplane);
    await gateway.healthy(name, 1);
  }
  // What is ready is told to the data plane once everything has been looked at again.
  const sessions = await Promise.all(names.map((name) => until(`a session of ${name}`, () => (
    open(gateway.mcpUrl(name)).catch(() => undefined)))));
  await gateway.kill(gateway.controlplane);
  for (const [n, name] of names.entries()) {
    await gateway.healthy(name, 1);
    assert.equal(await podOf(name, sessions[n]), `${name}-0`, 'sessions outlive the control plane');
  }
  for (const name of names) {
    assert.equal((await remove(name)).status, 204);
    await gateway.kill(gateway.controlplane);
    await cluster.gone(name);
  }
});

test('commands are refused, urls are not', async () => {
  const answer = await gateway.rest('POST', '/adapters', { body: exampleAdapter('local') });
  assert.equal(answer.status, 422);
  assert.match(answer.json.detail, /process deployer/);
});

test('nothing is left of all this', () => cluster.nothingOfOurs());
