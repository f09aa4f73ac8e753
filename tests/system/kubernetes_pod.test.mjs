// The pod of deploy/kubernetes on a fake cluster: both planes as its manifest starts them, the data
// plane under its seccomp profile, with the rights of the Role and no others. A system call that
// the profile refuses ends the data plane here, and a request that the Role does not allow is a
// 403; so neither passes unseen.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { resourceAt } from '../fakes/kubernetes/resources.mjs';
import { imageAdapter, NAMESPACE, TestCluster } from './lib/cluster.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { openStream } from './lib/http.mjs';
import { rightsOf, seccompProfile } from './lib/manifests.mjs';
import { inSession, messageOf, open, post, toolCall, valueOf } from './lib/mcp.mjs';
import { confined, Pod } from './lib/pod.mjs';
import { until, within } from './lib/wait.mjs';

const end = endOfFile();
let cluster;
let pod;
before(async () => {
  cluster = await TestCluster.start(end);
  pod = await Pod.make(end, cluster);
  pod.start('controlplane');
  await pod.startDataplane();
  await until('readiness', async () => await pod.probe('readinessProbe') === 200);
});

const put = (adapter) => pod.rest('PUT', `/adapters/${adapter.name}`, { body: adapter });
const call = (session, ...what) => (
  post(pod.mcpUrl('served'), toolCall(1, ...what), inSession(session)));
const instanceOf = async (session) => valueOf(await call(session, 'whoami')).instance;

let session;
test('an adapter is made and serves, under the profile of the data plane', async () => {
  assert.equal(await pod.probe('livenessProbe'), 200);
  await pod.apply(imageAdapter('served', { replicaCount: 2 }));
  session = await open(pod.mcpUrl('served'));
  assert.match(await instanceOf(session), /^served-[01]$/);
  const steps = await call(session, 'progress', { steps: 3 });
  assert.equal(steps.status, 200, steps.text);
  // Longer than what goes through buffers, both ways.
  const message = 'x'.repeat(3 << 20);
  assert.ok(messageOf(await call(session, 'echo', { message })).result);
  const list = await pod.rest('GET', '/sessions');
  assert.equal(list.json.length, 1, list.text);
  assert.equal((await post(pod.mcpUrl('served'), '{', inSession('forged'))).status, 404);
  pod.isRunning('dataplane');
});

test('it is scaled, changed, and tells its status and logs', async () => {
  const instance = await instanceOf(session);
  for (const replicaCount of [3, 2]) {
    assert.equal((await put(imageAdapter('served', { replicaCount }))).status, 200);
    await pod.healthy('served', replicaCount);
    await until(`${replicaCount} pods`, () => cluster.podsOf('served').length === replicaCount);
  }
  assert.equal(await instanceOf(session), instance);
  const logs = await pod.rest('GET', '/adapters/served/logs');
  assert.equal(logs.status, 200, logs.text);
  await until('two instances', async () => {
    const { instances } = await pod.status('served');
    return instances.map((one) => one.name).join() === 'served-0,served-1';
  });
});

test('either plane starts again, and the session goes on', async () => {
  const instance = await instanceOf(session);
  await pod.signal('dataplane', 'SIGKILL');
  await pod.startDataplane();
  await until('readiness', async () => await pod.probe('readinessProbe') === 200);
  assert.equal(await instanceOf(session), instance);
  await pod.signal('controlplane', 'SIGKILL');
  assert.equal(await instanceOf(session), instance);
  pod.start('controlplane');
  await until('the management API', async () => (
    (await pod.rest('GET', '/adapters')).status === 200));
  assert.equal(await instanceOf(session), instance);
});

// The Leases of the namespace, whoever made them.
const leases = () => (
  cluster.fake.registry.store.list(resourceAt('coordination.k8s.io', 'leases'), NAMESPACE));
const holder = () => leases()[0]?.spec.holderIdentity;

test('another gateway takes over the lead when the first one ends', async (t) => {
  await until('a leader', holder);
  const first = holder();
  const other = await Pod.make(endOf(t), cluster);
  other.start('controlplane');
  await until('another control plane', () => (
    other.events('controlplane').some((one) => one.message === 'serving')));
  assert.deepEqual(await pod.signal('controlplane', 'SIGTERM'), { code: 0, signal: null });
  await until('another leader', () => holder() && holder() !== first);
  assert.deepEqual(await other.signal('controlplane', 'SIGTERM'), { code: 0, signal: null });
  pod.start('controlplane');
  await until('the first one, which is known by its store', () => holder() === first);
  assert.equal(leases().length, 1);
});

test('a deleted adapter leaves nothing', async () => {
  await pod.apply(imageAdapter('short'));
  assert.equal((await pod.rest('DELETE', '/adapters/short')).status, 204);
  await cluster.gone('short');
});

test('the Role allows what was asked for, and nothing else', async () => {
  const { requests, answers } = cluster.fake.statistics;
  assert.equal(answers[403], undefined, JSON.stringify(requests));
  const granted = rightsOf('mcp-gateway', 'mcp-gateway').flatMap(({ verbs, resources }) => (
    verbs.flatMap((verb) => resources.map((resource) => `${verb} ${resource}`))));
  const isOfResource = (one) => !one.includes(' /');
  assert.deepEqual(Object.keys(requests).filter(isOfResource).sort(), [...granted].sort());
});

test('a right that is not given is refused, also of another object', async () => {
  const headers = { Authorization: `Bearer ${cluster.token}` };
  const ask = (method, path) => new Promise((resolve, reject) => {
    const options = { method, headers, ca: cluster.fake.authority, agent: false };
    https.request(`${cluster.fake.url}${path}`, options, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', reject).end();
  });
  const core = `/api/v1/namespaces/${NAMESPACE}`;
  const election = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
  assert.equal(await ask('GET', `${election}/mcp-gateway`), 200);
  for (const [method, path] of [
    ['GET', `${core}/secrets/any`], ['GET', `${core}/services`], ['DELETE', `${core}/pods/any`],
    ['GET', '/api/v1/namespaces/default/services/any'], ['GET', '/api/v1/namespaces'],
    ['GET', `${election}/another`], ['DELETE', `${election}/mcp-gateway`],
  ]) {
    assert.equal(await ask(method, path), 403, `${method} ${path}`);
  }
});

test('SIGTERM drains the data plane within its time', async (t) => {
  const stream = openStream(endOf(t), pod.mcpUrl('served'), {
    ...inSession(session), Accept: 'text/event-stream',
  });
  assert.equal(await stream.status, 200);
  const counted = async () => (await pod.rest('GET', '/sessions')).json[0].requests;
  const before = await counted();
  const running = call(session, 'sleep', { ms: 500 });
  await until('the call in the data plane', async () => await counted() > before);
  const ended = await pod.signal('dataplane', 'SIGTERM');
  assert.deepEqual(ended, { code: 0, signal: null });
  assert.equal((await running).status, 200);
  await within('the end of the stream', until('it', () => stream.ended));
  assert.deepEqual(await pod.signal('controlplane', 'SIGTERM'), { code: 0, signal: null });
});

// The numbers of io_uring_setup, unshare, ptrace, mount, clone, socket.
const NUMBERS = { x64: [425, 272, 101, 165, 56, 41], arm64: [425, 97, 117, 40, 220, 198] };
const CLONE_NEWUSER = 0x10000000;
const AF_UNIX = 1;
const AF_PACKET = 17;
const ENOSYS = 38;
const EFAULT = 14;

// The errors that system calls end with under the profile; 0: none.
async function errorsOf(calls) {
  const [runner, args] = confined([], { calls });
  const { stdout } = await promisify(execFile)(runner, args);
  return JSON.parse(stdout);
}

test('what the profile refuses looks as if the kernel did not have it', async () => {
  const [setup, unshare, ptrace, mount, clone, socket] = NUMBERS[process.arch];
  const errors = await errorsOf([
    [setup, 1, 0], [unshare, 0], [ptrace, 0, 0, 0, 0], [mount, 0, 0, 0, 0, 0],
    [clone, CLONE_NEWUSER, 0, 0, 0, 0], [socket, AF_PACKET, 3, 0], [socket, AF_UNIX, 1, 0],
  ]);
  assert.deepEqual(errors, [EFAULT, ...Array(5).fill(ENOSYS), 0]);
});

test('without rings the data plane ends and says what to change', async (t) => {
  const profile = seccompProfile();
  profile.syscalls = profile.syscalls.filter((one) => !one.names.includes('io_uring_setup'));
  const file = join(pod.folder, 'without_rings.json');
  writeFileSync(file, JSON.stringify(profile));
  t.after(() => rmSync(file));
  pod.start('dataplane', { profile: file });
  const { exit } = pod.running.get('dataplane');
  assert.deepEqual(await within('its end', exit), { code: 1, signal: null });
  const { message, reason } = pod.events('dataplane').at(-1);
  assert.equal(message, 'the data plane cannot start');
  assert.match(reason, /io_uring/);
});
