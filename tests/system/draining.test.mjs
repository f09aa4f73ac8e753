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
import { inSession, messageOf, open, post, toolCall, valueOf } from './lib/mcp.mjs';
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

const instance = (status, name) => status.instances.find((one) => one.name === name);

const statusWhen = (gateway, what, condition) =>
  until(what, async () => {
    const status = await gateway.status('example');
    return condition(status) && status;
  });

const drains = (name) => (status) =>
  /^draining: \d+ s left$/.test(instance(status, name)?.reason ?? '');

// The status once the instance drains, and the data plane routes by that: what it has on disk is
// not newer than that.
async function statusOfDrain(gateway, name) {
  const status = await statusWhen(gateway, `the drain of ${name}`, drains(name));
  await until(`the drain of ${name} in the data plane`, () => {
    const text = readFileSync(join(gateway.dataDir, 'snapshot.json'), 'utf8');
    const [{ instances }] = JSON.parse(text).adapters;
    return instances.find((one) => one.name === name).state === 'draining';
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

test('a new replica gets the next sessions', async (t) => {
  const gateway = await start(t, 1, LONG_SECONDS);
  await openMany(gateway, 10);
  await put(gateway, { replicaCount: 2 });
  await gateway.healthy('example', 2);
  await openOn(gateway, 'example-1'); // the status may be ahead of the data plane
  for (let n = 0; n < 8; n++) assert.equal((await openOne(gateway)).instance, 'example-1');
});

test('a new definition drains one instance after another', async (t) => {
  const gateway = await start(t, 2, LONG_SECONDS);
  const all = [];
  const first = await openOn(gateway, 'example-0', all);
  const second = await openOn(gateway, 'example-1', all);
  await put(gateway, { replicaCount: 2, environmentVariables: { VERSION: '2' } });

  let status = await statusOfDrain(gateway, 'example-0');
  assert.equal(instance(status, 'example-1').ready, true);
  for (const one of await openMany(gateway, 4)) {
    assert.equal(one.pid, second.pid);
    await close(gateway, one);
  }
  for (const one of all) await stillThere(gateway, one);
  for (const one of all) if (one.instance === 'example-0') await close(gateway, one);

  status = await statusOfDrain(gateway, 'example-1');
  assert.equal(instance(status, 'example-0').ready, true);
  for (const one of all) if (one.instance === 'example-1') await stillThere(gateway, one);
  for (const one of await openMany(gateway, 4)) {
    assert.equal(one.instance, 'example-0');
    assert.notEqual(one.pid, first.pid);
  }
  for (const one of all) if (one.instance === 'example-1') await close(gateway, one);
  await statusWhen(gateway, 'the end of the roll-out', (now) =>
    now.readyReplicas === 2 && now.updatedReplicas === 2);
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
