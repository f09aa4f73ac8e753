// A server that dies takes its sessions with it and nothing else: its clients are told at their
// next request, everybody else notices nothing, and a replacement comes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, connect, count, failureOf, KINDS, whoami } from './lib/clients.mjs';
import { endOf } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { inSession, open, post, toolCall, valueOf } from './lib/mcp.mjs';
import { until, within } from './lib/wait.mjs';

const REPLICAS = 3;
const pidOf = async (session) => (await whoami(session)).pid;

async function start(t) {
  const gateway = await Gateway.start(endOf(t));
  await gateway.apply(exampleAdapter('example', { replicaCount: REPLICAS }));
  return gateway;
}

// Opens sessions until each instance has at least one.
async function occupyAll(t, gateway) {
  const sessions = [];
  for (let n = 0; n < 60; n++) {
    const kind = KINDS[n % KINDS.length];
    const session = await connect(endOf(t), kind, gateway.mcpUrl('example'));
    session.pid = await pidOf(session);
    await count(session);
    sessions.push(session);
    const occupied = new Set(sessions.map((one) => one.pid));
    if (n >= 11 && occupied.size === REPLICAS) return sessions;
  }
  throw new Error('sixty sessions did not reach every instance');
}

test('a killed instance loses its own sessions only, and is replaced', async (t) => {
  const gateway = await start(t);
  const sessions = await occupyAll(t, gateway);
  const victim = sessions[0].pid;
  assert.ok(gateway.servers().some((one) => one.pid === victim), 'whoami tells the real pid');
  const before = await gateway.status('example');
  const told = until('the loss in the status', async () => {
    const now = await gateway.status('example');
    return now.instances.some((one) => !one.ready) && now;
  });
  process.kill(victim, 'SIGKILL');

  for (const session of sessions.filter((one) => one.pid === victim)) {
    const error = await failureOf(call(session, 'whoami'));
    assert.match(error.message, /Session not found/);
  }
  for (const session of sessions.filter((one) => one.pid !== victim)) {
    assert.equal(await pidOf(session), session.pid);
    assert.equal(await count(session), 2);
  }
  const fresh = await connect(endOf(t), 'sdk', gateway.mcpUrl('example'));
  assert.notEqual(await pidOf(fresh), victim);

  const loss = await told;
  assert.equal(loss.readyReplicas, REPLICAS - 1);
  assert.match(loss.replicaStatus, /^Degraded: 2\/3 ready/);
  const lostInstance = loss.instances.find((one) => !one.ready);
  assert.notEqual(lostInstance.reason, '');

  const status = await gateway.healthy('example', REPLICAS);
  const names = (of) => of.instances.map((one) => one.name).sort();
  assert.deepEqual(names(status), names(before));
  const replaced = status.instances.filter((one) => one.restarts > 0);
  assert.equal(replaced.length, 1, JSON.stringify(status));
  assert.equal(replaced[0].restarts, 1);
  assert.equal(replaced[0].name, lostInstance.name);
  assert.match(replaced[0].reason, /^ready; before: .*(SIGKILL|signal 9|killed)/i);
  assert.equal(replaced[0].ready, true);
  assert.ok(replaced[0].since > lostInstance.since, JSON.stringify([lostInstance, replaced[0]]));

  // The old id stays dead although an instance of that name runs again.
  const lost = sessions.find((one) => one.pid === victim);
  const error = await failureOf(call(lost, 'whoami'));
  assert.match(error.message, /Session not found/);
  await until('a session on the replacement', async () => {
    const another = await connect(endOf(t), 'sdk', gateway.mcpUrl('example'));
    const pid = await pidOf(another);
    return sessions.every((known) => known.pid !== pid);
  });
});

test('the very next request after the kill is answered 404 with -32001 and its id', async (t) => {
  const gateway = await start(t);
  const url = gateway.mcpUrl('example');
  const id = await open(url);
  const who = await post(url, toolCall('who', 'whoami'), inSession(id));
  process.kill(valueOf(who).pid, 'SIGKILL');
  const answer = await post(url, toolCall('after-kill', 'whoami'), inSession(id));
  assert.equal(answer.status, 404, answer.text);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.json.jsonrpc, '2.0');
  assert.equal(answer.json.id, 'after-kill');
  assert.equal(answer.json.error.code, -32001);
});

test('a call that is under way ends with an error, not with silence', async (t) => {
  const gateway = await start(t);
  const session = await connect(endOf(t), 'client', gateway.mcpUrl('example'));
  const pid = await pidOf(session);
  const progress = [];
  const pending = failureOf(
    session.client.callTool(
      { name: 'progress', arguments: { steps: 10_000 } },
      { onprogress: (one) => progress.push(one) },
    ),
  );
  await until('the call is under way', () => progress.length > 0);
  process.kill(pid, 'SIGKILL');
  const error = await within('the end of the call', pending);
  assert.equal(error.code, -32603, error.message);
});

test('an adapter without a single ready instance says so', async (t) => {
  const gateway = await Gateway.start(endOf(t));
  const body = { name: 'broken', command: ['/nonexistent/server'] };
  const created = await gateway.rest('POST', '/adapters', { body });
  assert.equal(created.status, 201, created.text);
  const status = await until('the reason in the status', async () => {
    const now = await gateway.status('broken');
    return /cannot start/.test(now.instances[0]?.reason) && now;
  });
  assert.equal(status.readyReplicas, 0);
  assert.match(status.replicaStatus, /^Degraded: 0\/1 ready/);
  assert.match(status.instances[0].reason, /\/nonexistent\/server|No such file/);
  const answer = await post(gateway.mcpUrl('broken'), toolCall(7, 'whoami'));
  assert.equal(answer.status, 503, answer.text);
  assert.deepEqual([answer.json.id, answer.json.error.code], [7, -32603]);
});
