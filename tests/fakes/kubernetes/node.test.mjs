// What the fake's controllers and its node do beside what was recorded: real processes with logs,
// probes, crashes and ends; failures that users see; rollouts, slices and owners.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import http from 'node:http';
import {
  EVENTS, PODS, SERVICES, SETS, SLICES, begin, configMap, service, statefulSet, until,
} from './client_for_test.mjs';
import { closeConnections } from './replay/recordings.mjs';

after(closeConnections);

const SERVER = `
  const http = require('node:http');
  console.log('hello ' + process.env.GREETING + ' from ' + process.env.POD_NAME);
  process.on('SIGTERM', () => { console.log('ending'); process.exit(0); });
  http.createServer((request, response) => {
    if (request.url === '/die') { console.error('dying'); process.exit(3); }
    response.end(process.env.GREETING);
  }).listen(Number(process.argv[2]), process.argv[1]);
`;
const IMAGES = {
  'good:1': { command: [process.execPath, '-e', SERVER, '{address}', '{port}'] },
  'missing:*': { fail: 'ErrImagePull' },
  'huge:1': { fail: 'Unschedulable' },
};
const PROBE = {
  readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1 },
  env: [
    { name: 'GREETING', valueFrom: { secretKeyRef: { name: 'words', key: 'greeting' } } },
  ],
};
const SECRET = {
  apiVersion: 'v1', kind: 'Secret', metadata: { name: 'words' }, stringData: { greeting: 'salve' },
};

const get = (address, path) => new Promise((resolve, reject) => {
  http.get({ host: address, port: 8080, path, agent: false }, (response) => {
    response.setEncoding('utf8');
    let text = '';
    response.on('data', (piece) => {
      text += piece;
    });
    response.on('end', () => resolve(text));
  }).on('error', reject);
});

const readyPod = (client, name) => until(`${name} is ready`, async () => {
  const { body } = await client.ask('GET', `${PODS}/${name}`);
  return body.status?.containerStatuses?.[0]?.ready ? body : undefined;
});
const isAlive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

async function serveRealPods(t) {
  const begun = await begin({ scale: 0.1, node: { images: IMAGES } }, t);
  await begun.client.must('POST', '/api/v1/namespaces/ns/secrets', SECRET);
  await begun.client.must('POST', SERVICES, service('s'));
  await begun.client.must('POST', SETS, statefulSet('s', { container: PROBE }));
  return begun;
}

test('a_pod_is_a_process_that_answers_at_its_address', async (t) => {
  const { cluster, client } = await serveRealPods(t);
  const { status } = await readyPod(client, 's-0');
  assert.equal(await get(status.podIP, '/'), 'salve');
  const { items: [slice] } = await client.must('GET', SLICES);
  assert.deepEqual(slice.endpoints[0].addresses, [status.podIP]);
  assert.deepEqual(slice.ports, [{ name: 'http', protocol: 'TCP', port: 8080 }]);
  const log = await client.ask('GET', `${PODS}/s-0/log?tailLines=5`);
  assert.equal(log.body, 'hello salve from s-0\n');
  const [{ pid }] = cluster.node.processes;
  const follower = await client.follow(`${PODS}/s-0/log?follow=true`);
  await client.must('DELETE', `${SETS}/s?propagationPolicy=Foreground`);
  await until('the process ends', () => !isAlive(pid));
  await until('the log ends', () => follower.ended);
  assert.deepEqual(follower.lines, ['hello salve from s-0\n', 'ending\n']);
  await until('the set is gone', async () => (await client.ask('GET', `${SETS}/s`)).status === 404);
});

test('a_process_that_dies_is_restarted_with_back_off', async (t) => {
  const { client } = await serveRealPods(t);
  const { status } = await readyPod(client, 's-0');
  await assert.rejects(get(status.podIP, '/die'));
  const waiting = await until('the back-off', async () => {
    const { body } = await client.ask('GET', `${PODS}/s-0`);
    const [container] = body.status.containerStatuses;
    return container.restartCount === 1 && container;
  });
  assert.equal(waiting.lastState.terminated.exitCode, 3);
  await readyPod(client, 's-0');
  assert.equal(await get(status.podIP, '/'), 'salve');
  const previous = await client.ask('GET', `${PODS}/s-0/log?previous=true`);
  assert.equal(previous.body, 'hello salve from s-0\ndying\n');
});

test('processes_end_with_the_fake', async () => {
  const ends = [];
  const { cluster, client } = await serveRealPods({ after: (end) => ends.push(end) });
  await readyPod(client, 's-0');
  const [{ pid }] = cluster.node.processes;
  for (const end of ends) await end();
  await until('the process ends', () => !isAlive(pid));
});

test('a_missing_secret_is_a_reason_to_wait', async (t) => {
  const { client } = await begin({ scale: 0.1, node: { images: IMAGES } }, t);
  await client.must('POST', SETS, statefulSet('s', { container: PROBE }));
  const waiting = await until('the reason', async () => {
    const { body } = await client.ask('GET', `${PODS}/s-0`);
    return body.status?.containerStatuses?.[0]?.state.waiting?.reason
      === 'CreateContainerConfigError' && body.status.containerStatuses[0].state.waiting;
  });
  assert.match(waiting.message, /secret "words" not found/);
  await client.must('POST', '/api/v1/namespaces/ns/secrets', SECRET);
  await readyPod(client, 's-0');
});

test('failures_show_reasons_and_events', async (t) => {
  const { cluster, client } = await begin({ scale: 0.01, node: { images: IMAGES } }, t);
  await client.must('POST', SETS, statefulSet('a', { container: { image: 'missing:1' } }));
  await client.must('POST', SETS, statefulSet('b', { container: { image: 'huge:1' } }));
  await cluster.settled();
  cluster.setQuota(2);
  await client.must('POST', SETS, statefulSet('c'));
  await until('the image is given up', async () => {
    const { status } = await client.must('GET', `${PODS}/a-0`);
    return status.containerStatuses[0].state.waiting.reason === 'ImagePullBackOff';
  });
  const { items } = await client.must('GET', `${EVENTS}?fieldSelector=type%3DWarning`);
  const reasons = items.map(({ involvedObject, reason }) => `${involvedObject.name} ${reason}`);
  for (const reason of ['a-0 Failed', 'a-0 BackOff', 'b-0 FailedScheduling', 'c FailedCreate']) {
    assert.ok(reasons.includes(reason), `${reason} in ${reasons}`);
  }
  assert.match(items.find(({ reason }) => reason === 'FailedCreate').message, /exceeded quota/);
  cluster.setQuota(undefined);
  await readyPod(client, 'c-0');
  const { items: own } = await client.must('GET', `${EVENTS}?fieldSelector=`
    + 'involvedObject.name%3Db-0%2CinvolvedObject.kind%3DPod');
  assert.deepEqual(own.map(({ reason }) => reason), ['FailedScheduling']);
});

test('a_partition_holds_back_the_lower_ordinals', async (t) => {
  const { cluster, client } = await begin({}, t);
  const spec = { replicas: 3 };
  await client.must('POST', SETS, statefulSet('s', { spec }));
  await cluster.settled();
  await client.must('PATCH', `${SETS}/s`, {
    spec: {
      updateStrategy: { rollingUpdate: { partition: 2 } },
      template: { metadata: { annotations: { rev: '2' } } },
    },
  }, { type: 'application/merge-patch+json' });
  await cluster.settled();
  const { items } = await client.must('GET', PODS);
  assert.deepEqual(items.map(({ metadata }) => metadata.annotations?.rev),
    [undefined, undefined, '2']);
  const { status } = await client.must('GET', `${SETS}/s`);
  assert.equal(status.updatedReplicas, 1);
  assert.notEqual(status.currentRevision, status.updateRevision);
});

test('a_new_set_adopts_the_pods_that_an_orphaning_delete_has_left', async (t) => {
  const { cluster, client } = await begin({}, t);
  await client.must('POST', SETS, statefulSet('s'));
  await cluster.settled();
  const before = await client.must('GET', `${PODS}/s-0`);
  await client.must('DELETE', `${SETS}/s?propagationPolicy=Orphan`);
  await cluster.settled();
  const { metadata: { uid } } = await client.must('POST', SETS, statefulSet('s'));
  await cluster.settled();
  const { metadata } = await client.must('GET', `${PODS}/s-0`);
  assert.equal(metadata.uid, before.metadata.uid);
  assert.equal(metadata.ownerReferences[0].uid, uid);
});

test('slices_hold_no_more_than_their_limit_and_one_family_each', async (t) => {
  const { cluster, client } = await begin({ endpointsMax: 2, node: { ipv6: true } }, t);
  const dual = { ipFamilies: ['IPv4', 'IPv6'], ipFamilyPolicy: 'PreferDualStack' };
  await client.must('POST', SERVICES, service('s', dual));
  await client.must('POST', SETS, statefulSet('s', {
    spec: { replicas: 3, podManagementPolicy: 'Parallel' },
  }));
  await cluster.settled();
  const { items } = await client.must('GET', SLICES);
  const sizes = items.map(({ addressType, endpoints }) => `${addressType} ${endpoints.length}`);
  assert.deepEqual(sizes.sort(), ['IPv4 1', 'IPv4 2', 'IPv6 1', 'IPv6 2']);
});

test('a_namespace_goes_with_everything_in_it', async (t) => {
  const { cluster, client } = await begin({}, t);
  await client.must('POST', SETS, statefulSet('s'));
  await client.must('POST', '/api/v1/namespaces/ns/configmaps', configMap('m'));
  await cluster.settled();
  await client.must('DELETE', '/api/v1/namespaces/ns');
  await cluster.settled();
  assert.equal((await client.ask('GET', '/api/v1/namespaces/ns')).status, 404);
  assert.equal((await client.must('GET', '/api/v1/pods')).items.length, 0);
});

test('a_held_cluster_shows_the_state_between_two_steps', async (t) => {
  const { cluster, client } = await begin({}, t);
  await client.must('PUT', '/fake/controllers', { held: true });
  await client.must('POST', SETS, statefulSet('s'));
  assert.equal((await client.must('GET', PODS)).items.length, 0);
  await client.must('PUT', '/fake/controllers', { held: false });
  assert.equal(await cluster.settled(), true);
  assert.equal((await client.must('GET', PODS)).items.length, 1);
});
