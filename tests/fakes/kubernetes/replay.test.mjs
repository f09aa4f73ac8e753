// The fake against the recordings of a real API server: every request of them is made again, in the
// recorded order, and status, headers, bodies and watch events must be alike (replay/likeness.mjs).
//
// What the recorder did without recording it (pods of its own, a restart of the API server) is done
// here at the same place, and controllers are held where a recording shows the state before they
// did anything. Times are shortened; left_out.mjs names what is not replayed, and why.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster } from './cluster.mjs';
import { LEFT_OUT, SUBSETS } from './replay/left_out.mjs';
import { Pairs, bodyDifferences, headDifferences } from './replay/likeness.mjs';
import { ask, closeConnections, follow, readRecordings } from './replay/recordings.mjs';
import {
  endingDifferences, eventDifferences, sliceDifferences, tailDifferences,
} from './replay/streams.mjs';

const SCALE = 0.2;
const PATIENCE_MS = 5000;
const TOKENS = [
  { token: 'REDACTED-ADMIN-TOKEN', user: 'test-admin', admin: true },
  { token: 'REDACTED-NOPERM-TOKEN', user: 'test-noperm' },
  { token: 'REDACTED-CONTROLPLANE-TOKEN', user: 'test-controlplane', uid: 'uid-cp' },
  {
    token: 'REDACTED-SERVICEACCOUNT-TOKEN',
    user: 'system:serviceaccount:rec:cp',
    rules: [
      { apiGroups: ['apps'], resources: ['statefulsets'], verbs: ['get', 'list', 'watch'] },
      { apiGroups: [''], resources: ['services', 'configmaps'], verbs: ['*'] },
    ],
  },
];
const AUTHORITY = 'REDACTED-CERTIFICATE\n';

const recordings = readRecordings();
let pairs = new Pairs();
const open = new Map(); // number of a recording -> its open stream
let cluster;

// Starts with nothing stored and nothing paired, as each of the two recorded runs did.
async function begin() {
  await cluster?.close();
  pairs = new Pairs();
  cluster = await Cluster.start({
    tokens: TOKENS, namespaces: [], scale: SCALE,
    node: { podNetwork: '127.77.0', manager: 'unknown' },
  });
  cluster.controllers[0].authority = AUTHORITY;
}

before(begin);
after(async () => {
  await cluster?.close();
  closeConnections();
});

// The request of a recording, with what stands for the recorded names and versions here.
function requestOf(number) {
  const { method, path, headers, body } = recordings.get(number).request;
  const there = path
    .replace(/(?<=resourceVersion=)\d+/, (rv) => (
      pairs.of('list', rv) === rv ? pairs.of('object', rv) : pairs.of('list', rv)))
    .replace(/(?<=continue=)[^&]+/, (token) => pairs.of('continue', token));
  return { method, path: there, headers, body: bodyOf(body) };
}

// 83 applies a body in YAML; the fake knows only the part of YAML that is JSON, which the gateway
// sends.
const AS_JSON = JSON.stringify({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ssa2' }, data: { k: 'v' },
});

function bodyOf(body) {
  if (body?.startsWith('apiVersion: ')) return AS_JSON;
  if (body === null) return null;
  const omitted = /^<(\d+) bytes of JSON omitted>$/.exec(body);
  if (omitted) {
    const start = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"k":"';
    return `${start}${'x'.repeat(Number(omitted[1]) - start.length - 3)}"}}`;
  }
  try {
    return JSON.stringify(JSON.parse(body), (key, value) => {
      if (key === 'resourceVersion') return pairs.of('object', value);
      return key === 'uid' ? pairs.of('token', value) : value;
    });
  } catch {
    return body;
  }
}

// A request that was not recorded, in the recorder's name.
async function admin(method, path, object) {
  const headers = {
    Authorization: 'Bearer REDACTED-ADMIN-TOKEN', 'User-Agent': 'transcript-recorder/1',
    'Content-Type': 'application/json',
  };
  const body = object ? JSON.stringify(object) : null;
  const answer = await ask(cluster.url, { method, path, headers, body });
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.body}`);
  return JSON.parse(answer.body);
}

const PODS = '/api/v1/namespaces/rec/pods';

function pod(name, { labels, annotations, ...spec }, container) {
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { name, labels, annotations },
    spec: { ...spec, containers: [{ name: 'c', image: 'x', ...container }] },
  };
}

async function makeFailingPods() {
  for (const fail of [
    'ImagePullBackOff', 'CrashLoopBackOff', 'OOMKilled', 'Unschedulable', 'Evicted',
  ]) {
    await admin('POST', PODS, pod(`f-${fail.toLowerCase()}`, {
      labels: { app: 'fail' }, annotations: { 'fake/fail': fail },
      terminationGracePeriodSeconds: 0,
    }, { image: 'example.invalid/x:1' }));
  }
  await settle();
}

const CRASHING = ['/bin/sh', '-c', 'echo started; sleep 0.1; echo dying >&2; exit 3'];

// The process of the recording, which sleeps a second there.
async function makeCrashingPod() {
  cluster.loop.hold();
  await admin('POST', PODS, pod('real', {
    labels: { app: 'real' }, annotations: { 'fake/exec': '1' }, terminationGracePeriodSeconds: 1,
  }, { command: CRASHING }));
}

async function settle() {
  assert.ok(await cluster.settled(PATIENCE_MS), 'the controllers do not come to rest');
}

async function openStream(number) {
  open.set(number, await follow(cluster.url, requestOf(number)));
}

const MORE = '/api/v1/namespaces/more';
const MORE_SETS = '/apis/apps/v1/namespaces/more/statefulsets';
const recordedBody = (number) => JSON.parse(recordings.get(number).request.body);

// What is done before the request of a recording.
const BEFORE = new Map([
  [16, settle],
  [107, async () => {
    await settle();
    for (const number of [158, 159, 160, 161, 162]) await openStream(number);
  }],
  [113, settle],
  [115, async () => {
    await settle();
    cluster.loop.hold();
  }],
  [118, settleReleased],
  [135, settle],
  [136, settle],
  [137, settle],
  [138, settle],
  [140, holdSettled],
  [142, settleReleased],
  [151, holdSettled],
  [153, async () => {
    cluster.loop.release();
    await holdSettled();
  }],
  [155, settleReleased],
  [158, settle],
  [163, settle],
  [164, holdSettled],
  [167, settleReleased],
  [168, settle],
  [169, settle],
  [171, async () => {
    await settle();
    await makeFailingPods();
  }],
  [178, async () => {
    await admin('POST', PODS, pod('web', { labels: { app: 'web' } }));
    await settle();
  }],
  [179, makeCrashingPod],
  [187, () => cluster.registry.store.skip(3)],
  [188, () => cluster.registry.store.compact()],
  [197, async () => {
    await admin('POST', '/api/v1/namespaces', {
      apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'rec-term' },
    });
    await settle();
    cluster.loop.hold();
  }],
  [199, settleReleased],
  [201, () => {
    cluster.node.reachable = false;
  }],
  [202, async () => {
    await begin();
    cluster.addNamespace('more');
    await settle();
    pairs.match('list', '275', String(cluster.registry.store.revision));
    await openStream(206);
  }],
  [204, settle],
  [205, settle],
  [206, async () => {
    await settle();
    await admin('DELETE', `${MORE_SETS}/mcp`);
    await settle();
    await admin('DELETE', `${MORE}/services/mcp`);
    await settle();
  }],
  [210, settle],
  [212, async () => {
    await admin('POST', `${MORE}/services`, recordedBody(202));
    await settle();
  }],
]);

async function holdSettled() {
  await settle();
  cluster.loop.hold();
}

async function settleReleased() {
  cluster.loop.release();
  await settle();
}

// What is done after it.
const AFTER = new Map([
  [182, () => cluster.loop.hold()],
]);

// The recording with what is different on purpose here.
function expected(number) {
  return recordings.get(number).response;
}

function subset(recorded, actual, list) {
  const [one, other] = [JSON.parse(recorded), JSON.parse(actual)];
  if (!list) {
    delete one.serverAddressByClientCIDRs[0].serverAddress;
    delete other.serverAddressByClientCIDRs[0].serverAddress;
    return [one, other].map(JSON.stringify);
  }
  const version = (text) => text.replace('autoscaling/v2', 'autoscaling/v1');
  one[list] = other[list].map(({ name }) => one[list].find((each) => each.name === name));
  return [version(JSON.stringify(one)), JSON.stringify(other)];
}

// Makes the request until it is answered alike (reads: what is read may still be under way).
async function replayOnce(number) {
  const wanted = expected(number);
  const body = wanted.body ?? wanted.stream.map(({ line }) => line).join('');
  const retries = recordings.get(number).request.method === 'GET';
  const end = Date.now() + (retries ? PATIENCE_MS : 0);
  for (;;) {
    const answer = await ask(cluster.url, requestOf(number));
    const trial = pairs.copy();
    const [one, other] = SUBSETS.has(number)
      ? subset(body, answer.body, SUBSETS.get(number)) : [body, answer.body];
    const differences = [
      ...headDifferences(wanted, answer), ...bodyDifferences(one, other, trial),
    ];
    if (differences.length === 0) {
      pairs = trial;
      return;
    }
    if (Date.now() > end) {
      assert.fail(`${recordings.get(number).file}:\n${differences.slice(0, 12).join('\n')}`);
    }
    await pause(10);
  }
}

async function until(what, holds) {
  const end = Date.now() + PATIENCE_MS;
  while (!holds()) {
    assert.ok(Date.now() < end, `not in time: ${what}`);
    await pause(5);
  }
}

const linesOf = (number) => expected(number).stream.map(({ line }) => line);

function checkEvents(number, compare) {
  const stream = open.get(number);
  const trial = pairs.copy();
  const differences = [
    ...headDifferences(expected(number), stream),
    ...compare(linesOf(number), stream.lines, trial),
  ];
  assert.deepEqual(differences.slice(0, 12), [], recordings.get(number).file);
  pairs = trial;
}

// The pods' events are in one order until two pods are deleted at once: three events each.
const podEvents = (recorded, actual, trial) => [
  ...eventDifferences(recorded, actual, trial, recorded.length - 6),
  ...tailDifferences(recorded, actual, trial, recorded.length - 6),
];

// Recordings of streams: how each is begun, ended and compared.
const STREAMS = new Map([
  [158, () => checkEvents(158, podEvents)],
  [162, () => checkEvents(162, podEvents)],
  [159, () => checkEvents(159, (recorded, actual, trial) => [
    ...eventDifferences(recorded, actual, trial, 28),
    ...sliceDifferences(recorded, actual, trial),
  ])],
  [160, () => checkEvents(160, (recorded, actual, trial) => {
    const from = recorded.findIndex((line) => JSON.parse(line).object.status
      .observedGeneration === 6);
    return [
      ...eventDifferences(recorded, actual, trial, from),
      ...endingDifferences(recorded, actual, from),
    ];
  })],
  [161, () => checkEvents(161, eventDifferences)],
  [178, async () => {
    await openStream(178);
    await until('the log begins', () => open.get(178).lines.length > 0);
    checkEvents(178, (recorded, actual) => (
      actual.join('') === recorded.join('') ? [] : [`got ${actual.join('')}`]));
    assert.equal(open.get(178).ended, false);
    open.get(178).close();
  }],
  // How many restarts fit into the time of the watch is chance; two must.
  [179, async () => {
    await openStream(179);
    await replayOnce(180);
    cluster.loop.release();
    await until('the watch ends', () => open.get(179).ended);
    checkEvents(179, (recorded, actual, trial) => {
      const count = Math.min(recorded.length, actual.length);
      return count < 9 ? [`only ${count} events`]
        : eventDifferences(recorded, actual, trial, count);
    });
  }],
  [180, () => {}],
  [184, async () => {
    await openStream(184);
    await until('the list is sent', () => open.get(184).lines.some((line) => (
      line.includes('initial-events-end'))));
    cluster.loop.release();
    await until('the watch ends', () => open.get(184).ended);
    checkEvents(184, eventDifferences);
    assert.equal(open.get(184).lines.length, linesOf(184).length);
  }],
  [187, async () => {
    const request = requestOf(187);
    const path = request.path.replace('537', String(cluster.registry.store.revision));
    open.set(187, await follow(cluster.url, { ...request, path }));
    for (const watch of cluster.api.watches) watch.drop();
    await until('the connection breaks', () => open.get(187).ended);
    checkEvents(187, (recorded, actual) => actual);
  }],
  [206, () => checkEvents(206, (recorded, actual, trial) => [
    ...eventDifferences(recorded, actual, trial, 1),
    ...sliceDifferences(recorded, actual, trial),
  ])],
]);
// Watches that end by themselves.
for (const number of [185, 190, 191, 193]) {
  STREAMS.set(number, async () => {
    await openStream(number);
    await until('the watch ends', () => open.get(number).ended);
    checkEvents(number, eventDifferences);
    assert.equal(open.get(number).lines.length, linesOf(number).length);
  });
}

for (const [number, { file }] of recordings) {
  if (LEFT_OUT.has(number)) continue;
  test(file, async () => {
    await BEFORE.get(number)?.();
    await (STREAMS.get(number) ?? (() => replayOnce(number)))();
    await AFTER.get(number)?.();
  });
}
