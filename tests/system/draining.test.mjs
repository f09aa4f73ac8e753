// Instances that are not wanted any more, or not as they are, are drained: what they have goes on
// until the time to drain is over, what is new goes elsewhere, and who has nothing left goes at
// once.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { endOf } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { request } from './lib/http.mjs';
import { initialize, inSession, messageOf, open, post, toolCall, valueOf } from './lib/mcp.mjs';
import { until } from './lib/wait.mjs';

// Longer than any of these tests takes; none waits for its end.
const LONG_SECONDS = '600';

async function start(t, replicaCount, drainSeconds) {
  const gateway = await Gateway.start(endOf(t), { args: ['--drain-seconds', drainSeconds] });
  await gateway.apply(exampleAdapter('example', { replicaCount }));
  return gateway;
}

async function put(gateway, fields) {
  const body = exampleAdapter('example', fields);
  const answer = await gateway.rest('PUT', '/adapters/example', { body });
  assert.equal(answer.status, 200, answer.text);
}

// A tool of the example server in a session that is known by its id; each on its own connection.
const call = (gateway, id, name, args) =>
  post(gateway.mcpUrl('example'), toolCall(1, name, args), inSession(id));

async function openOne(gateway) {
  const id = await open(gateway.mcpUrl('example'));
  const { instance, pid } = valueOf(await call(gateway, id, 'whoami'));
  return { id, instance, pid };
}

const openMany = (gateway, count) =>
  Promise.all(Array.from({ length: count }, () => openOne(gateway)));

// Opens sessions, one after the other, until one is on the instance, and returns that; `opened`
// gets all of them.
async function openOn(gateway, instance, opened = []) {
  return until(`a session on ${instance}`, async () => {
    const session = await openOne(gateway);
    opened.push(session);
    return session.instance === instance && session;
  });
}

async function close(gateway, session) {
  const { pathname } = gateway.mcpUrl('example');
  const answer = await gateway.rest('DELETE', pathname, { headers: inSession(session.id) });
  assert.ok(answer.status < 300, answer.text);
}

// Of two with one name, the successor.
const instance = (status, name) => status.instances.find((one) => one.name === name);

const statusWhen = (gateway, what, condition) =>
  until(what, async () => {
    const status = await gateway.status('example');
    return condition(status) && status;
  });

const drains = (name) => (status) => status.instances.some((one) =>
  one.name === name && /^draining: \d+ s left$/.test(one.reason));

// The status once the instance drains, and the data plane routes by that: what it has on disk is
// not newer than that.
async function statusOfDrain(gateway, name) {
  const status = await statusWhen(gateway, `the drain of ${name}`, drains(name));
  await until(`the drain of ${name} in the data plane`, () => {
    const text = readFileSync(join(gateway.dataDir, 'snapshot.json'), 'utf8');
    const [{ instances }] = JSON.parse(text).adapters;
    return instances.some((one) => one.name === name && one.state === 'draining');
  });
  return status;
}

async function streamsActive(gateway) {
  const { text } = await request(gateway.adminUrl(), 'GET', '/metrics');
  return Number(/^mcp_gateway_streams_active (\d+)$/m.exec(text)[1]);
}

async function stillThere(gateway, session) {
  const answer = await call(gateway, session.id, 'whoami');
  assert.equal(answer.status, 200, answer.text);
  assert.equal(valueOf(answer).pid, session.pid);
}

test('fewer replicas: sessions and calls go on, idle ones go', async (t) => {
  const gateway = await start(t, 3, LONG_SECONDS);
  const sessions = await openMany(gateway, 12);
  assert.equal(new Set(sessions.map((one) => one.instance)).size, 3);
  for (const one of sessions.filter((session) => session.instance === 'example-2')) {
    await close(gateway, one);
  }
  const kept = sessions.find((one) => one.instance === 'example-0');
  const leaving = sessions.find((one) => one.instance === 'example-1');
  const slow = call(gateway, leaving.id, 'sleep', { ms: 2_000 });
  await until('the call is under way', async () => (await streamsActive(gateway)) > 0);

  await put(gateway, { replicaCount: 1 });
  const draining = await statusOfDrain(gateway, 'example-1');
  assert.deepEqual([draining.readyReplicas, draining.replicaStatus], [1, 'Healthy']);
  assert.equal(instance(draining, 'example-1').ready, false);
  await statusWhen(gateway, 'the end of the idle one', (now) => !instance(now, 'example-2'));

  for (const one of await openMany(gateway, 6)) assert.equal(one.instance, 'example-0');
  const answer = await slow;
  assert.equal(answer.status, 200, answer.text);
  assert.equal(messageOf(answer).error, undefined, answer.text);
  await stillThere(gateway, leaving);
  await stillThere(gateway, kept);
});

test('a session ends with the time to drain, and not before', async (t) => {
  const seconds = 3;
  const gateway = await start(t, 2, String(seconds));
  const kept = await openOn(gateway, 'example-0');
  const leaving = await openOn(gateway, 'example-1');
  const begin = performance.now();
  await put(gateway, { replicaCount: 1 });
  const end = await until('the end of the session', async () => {
    const last = await call(gateway, leaving.id, 'whoami');
    if (last.status === 200) assert.equal(valueOf(last).pid, leaving.pid);
    return last.status !== 200 && last;
  });
  const lived = performance.now() - begin;
  assert.deepEqual([end.status, end.json.error.code], [404, -32001], end.text);
  assert.ok(lived >= seconds * 1_000, `${lived} ms`);
  await stillThere(gateway, kept);
  const left = await statusWhen(gateway, 'one instance', (now) => now.instances.length === 1);
  assert.equal(left.instances[0].restarts, 0);
});

test('one that is wanted again goes on with its sessions', async (t) => {
  const gateway = await start(t, 2, LONG_SECONDS);
  const session = await openOn(gateway, 'example-1');
  await put(gateway, { replicaCount: 1 });
  await statusOfDrain(gateway, 'example-1');
  await put(gateway, { replicaCount: 2 });
  const status = await gateway.healthy('example', 2);
  assert.deepEqual(status.instances.map((one) => one.restarts), [0, 0]);
  await stillThere(gateway, session);
  await openOn(gateway, 'example-1');
});

// What is asserted is that the way from readiness to routing has no pause of its own: the second is
// what users are promised, and a hundred times what it takes.
test('scaled to nothing it says so, and serves within a second of readiness', async (t) => {
  const gateway = await start(t, 1, '0');
  await openOne(gateway);
  await put(gateway, { replicaCount: 0 });
  await gateway.healthy('example', 0);
  const refused = await until('the answer of an adapter without servers', async () => {
    const answer = await post(gateway.mcpUrl('example'), initialize());
    return answer.status !== 200 && answer;
  });
  assert.equal(refused.status, 503);
  assert.equal(messageOf(refused).error.message, 'No server instance is ready');

  await put(gateway, { replicaCount: 1 });
  const [{ since }] = (await gateway.healthy('example', 1)).instances;
  await until('a session', async () => (
    (await post(gateway.mcpUrl('example'), initialize())).status === 200));
  const waited = Date.now() - Date.parse(since);
  assert.ok(waited < 1_000, `${waited} ms`);
});

test('a new replica gets the next sessions', async (t) => {
  const gateway = await start(t, 1, LONG_SECONDS);
  await openMany(gateway, 10);
  await put(gateway, { replicaCount: 2 });
  await gateway.healthy('example', 2);
  await openOn(gateway, 'example-1'); // the status may be ahead of the data plane
  for (let n = 0; n < 8; n++) assert.equal((await openOne(gateway)).instance, 'example-1');
});

test('a new definition replaces one instance after another, which drains', async (t) => {
  const gateway = await start(t, 2, LONG_SECONDS);
  const all = [];
  const first = await openOn(gateway, 'example-0', all);
  const second = await openOn(gateway, 'example-1', all);
  await put(gateway, { replicaCount: 2, environmentVariables: { VERSION: '2' } });

  let status = await statusOfDrain(gateway, 'example-0');
  assert.deepEqual([status.readyReplicas, status.updatedReplicas], [2, 1]);
  for (const one of await openMany(gateway, 4)) {
    assert.notEqual(one.pid, first.pid);
    await close(gateway, one);
  }
  for (const one of all) await stillThere(gateway, one);
  for (const one of all) if (one.instance === 'example-0') await close(gateway, one);

  status = await statusOfDrain(gateway, 'example-1');
  assert.deepEqual([status.readyReplicas, status.updatedReplicas], [2, 2]);
  for (const one of all) if (one.instance === 'example-1') await stillThere(gateway, one);
  for (const one of await openMany(gateway, 4)) {
    assert.ok(one.pid !== first.pid && one.pid !== second.pid);
  }
  for (const one of all) if (one.instance === 'example-1') await close(gateway, one);
  await statusWhen(gateway, 'the end of the roll-out', (now) =>
    now.readyReplicas === 2 && now.updatedReplicas === 2);
});

test('the only instance is replaced without a moment in which there is none', async (t) => {
  const gateway = await start(t, 1, LONG_SECONDS);
  const old = await openOne(gateway);
  const opened = [];
  let stopping = false;
  const opening = (async () => {
    while (!stopping) opened.push(await openOne(gateway));
  })();
  endOf(t)(() => (stopping = true));
  await put(gateway, { environmentVariables: { VERSION: '2' } });
  await statusOfDrain(gateway, 'example-0');
  await until('sessions on the successor', () => opened.some((one) => one.pid !== old.pid));
  stopping = true;
  await opening; // none was refused
  await stillThere(gateway, old);
  const pids = new Set(opened.map((one) => one.pid));
  pids.add(old.pid);
  assert.equal(pids.size, 2);
  for (const one of opened) if (one.pid === old.pid) await close(gateway, one);
  await close(gateway, old);
  await statusWhen(gateway, 'the end of the old one', (now) => now.instances.length === 1);
  for (const one of opened) if (one.pid !== old.pid) await stillThere(gateway, one);
});

test('a definition that never answers takes nothing from the old one', async (t) => {
  const gateway = await start(t, 1, LONG_SECONDS);
  const old = await openOne(gateway);
  await put(gateway, { command: ['/bin/sh', '-c', 'exit 3'] });
  const status = await statusWhen(gateway, 'a failure of the new one', (now) =>
    /^exited with status 3, restarting/.test(now.instances[0].reason));
  assert.deepEqual([status.readyReplicas, status.updatedReplicas], [1, 0]);
  const told = Object.fromEntries(status.conditions.map((one) => [one.type, one]));
  assert.equal(told.Ready.status, 'True');
  assert.equal(told.Degraded.status, 'True');
  assert.match(told.Degraded.message, /^example-0: exited with status 3/);
  await stillThere(gateway, old);
  assert.equal((await openOne(gateway)).pid, old.pid);
  await put(gateway, {});
  await statusWhen(gateway, 'only the old one', (now) =>
    now.instances.length === 1 && now.updatedReplicas === 1);
  await stillThere(gateway, old);
});

test('a data plane that was restarted does not know of all sessions', async (t) => {
  const gateway = await start(t, 2, LONG_SECONDS);
  const session = await openOn(gateway, 'example-1');
  await put(gateway, { replicaCount: 1 });
  const secondsLeft = (status) => Number(/\d+/.exec(instance(status, 'example-1').reason)[0]);
  await statusWhen(gateway, 'the drain', drains('example-1'));
  await gateway.kill(gateway.dataplane);
  // It would have said so several times by the second second.
  const restarted = await statusWhen(gateway, 'the next data plane', drains('example-1'));
  await statusWhen(gateway, 'two seconds of its life', (now) => {
    assert.ok(drains('example-1')(now), JSON.stringify(now));
    return secondsLeft(now) <= secondsLeft(restarted) - 3;
  });
  await stillThere(gateway, session);
});
