// What may die without anybody losing a session: either plane. Servers keep running, sealed session
// ids keep their meaning, and what was changed meanwhile arrives afterwards.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, count, KINDS, whoami } from './lib/clients.mjs';
import { endOf } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { inSession, open, post, toolCall, valueOf } from './lib/mcp.mjs';
import { until } from './lib/wait.mjs';

async function start(t, args = []) {
  const gateway = await Gateway.start(endOf(t), { args });
  await gateway.apply(exampleAdapter('example', { replicaCount: 2 }));
  return gateway;
}

const pids = (gateway) => gateway.servers().map((one) => one.pid).sort();

async function openMany(t, gateway) {
  const sessions = [];
  for (let n = 0; n < 6; n++) {
    const kind = KINDS[n % KINDS.length];
    sessions.push(await connect(endOf(t), kind, gateway.mcpUrl('example')));
  }
  for (const session of sessions) {
    session.who = await whoami(session);
    assert.equal(await count(session), 1);
  }
  return sessions;
}

async function goOn(sessions, expected) {
  for (const session of sessions) {
    assert.deepEqual(await whoami(session), session.who);
    assert.equal(await count(session), expected);
  }
}

// The client's next call has to succeed as soon as somebody listens again.
const listensAgain = (gateway) =>
  until('the next data plane is ready', async () => {
    const answer = await gateway.rest('GET', '/readyz');
    return answer.status === 200;
  });

test('a second worker serves the sessions of the first', async (t) => {
  const gateway = await start(t, ['--workers', '2']);
  const id = await open(gateway.mcpUrl('example'));
  const seen = [];
  // Each request is a connection of its own, which the kernel gives to either worker.
  for (let n = 1; n <= 40; n++) {
    const answer = await post(gateway.mcpUrl('example'), toolCall(n, 'count'), inSession(id));
    assert.equal(answer.status, 200, answer.text);
    seen.push(valueOf(answer).count);
  }
  assert.deepEqual(seen, Array.from({ length: 40 }, (_, n) => n + 1));
});

test('a SIGKILL of the data plane loses no session', async (t) => {
  const gateway = await start(t);
  const sessions = await openMany(t, gateway);
  const servers = pids(gateway);
  await gateway.kill(gateway.dataplane);
  await listensAgain(gateway);
  await goOn(sessions, 2);
  assert.deepEqual(pids(gateway), servers);
});

test('a SIGKILL of the control plane loses no session and no server', async (t) => {
  const gateway = await start(t);
  const sessions = await openMany(t, gateway);
  const servers = pids(gateway);
  await gateway.kill(gateway.controlplane);
  await goOn(sessions, 2);
  const status = await gateway.healthy('example', 2);
  assert.deepEqual(pids(gateway), servers, 'the successor adopts the servers');
  assert.deepEqual(status.instances.map((one) => one.restarts), [0, 0]);
  await goOn(sessions, 3);
});

test('a SIGKILL of both planes loses no session', async (t) => {
  const gateway = await start(t);
  const sessions = await openMany(t, gateway);
  const servers = pids(gateway);
  await gateway.onDisk('example', 2);
  await Promise.all([gateway.kill(gateway.controlplane), gateway.kill(gateway.dataplane)]);
  await listensAgain(gateway);
  await goOn(sessions, 2);
  await gateway.healthy('example', 2);
  assert.deepEqual(pids(gateway), servers);
});

test('traffic flows while the control plane is away, and changes flow after it', async (t) => {
  const gateway = await start(t);
  const sessions = await openMany(t, gateway);
  await gateway.onDisk('example', 2);
  const stopped = gateway.controlplane();
  process.kill(stopped.pid, 'SIGSTOP');
  try {
    await goOn(sessions, 2);
    const fresh = await connect(endOf(t), 'sdk', gateway.mcpUrl('example'));
    assert.equal(await count(fresh), 1, 'new sessions open too');
    // The data plane dies while nobody can send it a snapshot: it has the last one on disk.
    await gateway.kill(gateway.dataplane);
    await listensAgain(gateway);
    await goOn(sessions, 3);
    assert.equal(await count(fresh), 2);
  } finally {
    process.kill(stopped.pid, 'SIGCONT');
  }
  await gateway.kill(gateway.controlplane);
  await gateway.healthy('example', 2);
  await gateway.apply(exampleAdapter('another'));
  const late = await connect(endOf(t), 'client', gateway.mcpUrl('another'));
  assert.equal(await count(late), 1);
  const body = exampleAdapter('example', { replicaCount: 3 });
  const changed = await gateway.rest('PUT', '/adapters/example', { body });
  assert.equal(changed.status, 200, changed.text);
  await gateway.healthy('example', 3);
  await goOn(sessions, 4);
  const deleted = await gateway.rest('DELETE', '/adapters/another');
  assert.equal(deleted.status, 204, deleted.text);
  await until('requests to the deleted adapter are refused', async () => {
    const answer = await post(gateway.mcpUrl('another'), toolCall(1, 'count'));
    return answer.status === 404 && answer.json.error.code === -32000;
  });
});

test('the gateway starts again with what it knew', async (t) => {
  const first = await start(t);
  await first.stop();
  const second = await Gateway.start(endOf(t), { folder: first.folder });
  await second.healthy('example', 2);
  const list = await second.rest('GET', '/adapters');
  assert.deepEqual(list.json.map((one) => one.name), ['example']);
  const session = await connect(endOf(t), 'sdk', second.mcpUrl('example'));
  assert.equal(await count(session), 1);
});
