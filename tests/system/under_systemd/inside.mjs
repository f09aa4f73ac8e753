// What people get from `--deployer systemd`: official clients, REST and command line, with a real
// systemd beside them. Started by systemd.test.mjs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { call, connect, count, failureOf, KINDS, whoami } from '../lib/clients.mjs';
import { endOf } from '../lib/ends.mjs';
import { exampleAdapter, Gateway } from '../lib/gateway.mjs';
import { EVERYTHING, NODE } from '../lib/programs.mjs';
import { leaksIn, MARKER } from '../lib/secrecy.mjs';
import { until } from '../lib/wait.mjs';

const SCOPE = process.env.MCPGW_SYSTEMD_SCOPE;

function systemctl(...args) {
  const scope = SCOPE === 'user' ? ['--user'] : [];
  return execFileSync('systemctl', [...scope, ...args], { encoding: 'utf8' });
}

async function start(t, args = []) {
  const chosen = ['--deployer', 'systemd', '--systemd-scope', SCOPE];
  const gateway = await Gateway.start(endOf(t), { args: [...chosen, ...args] });
  gateway.id = readFileSync(join(gateway.dataDir, 'systemd-id'), 'utf8').trim();
  return gateway;
}

// Units of the gateway's servers, by name, whatever their state.
const units = (gateway) =>
  systemctl('list-units', '--all', '--plain', '--no-legend', `mcp-gateway-${gateway.id}-*`)
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[0])
    .filter((name) => name !== '' && !name.includes('LIFELINE'));

const noUnits = (gateway) =>
  until('the end of every unit', () => units(gateway).length === 0).catch((error) => {
    throw new Error(`${error.message}\n${units(gateway)}`);
  });

const mainPid = (unit) => Number(systemctl('show', '--value', '-p', 'MainPID', unit));

async function put(gateway, fields) {
  const body = exampleAdapter('example', fields);
  const answer = await gateway.rest('PUT', '/adapters/example', { body });
  assert.equal(answer.status, 200, answer.text);
}

async function remove(gateway, name) {
  const answer = await gateway.rest('DELETE', `/adapters/${name}`);
  assert.equal(answer.status, 204, answer.text);
}

// Opens sessions until one is on the instance; the others are closed.
async function openOn(t, gateway, instance) {
  return until(`a session on ${instance}`, async () => {
    const session = await connect(endOf(t), 'sdk', gateway.mcpUrl('example'));
    session.who = await whoami(session);
    if (session.who.instance === instance) return session;
    await session.transport.terminateSession();
    return undefined;
  });
}

test('clients reach servers that are units, and nothing is left of them', async (t) => {
  const gateway = await start(t);
  await gateway.apply(exampleAdapter('example', { replicaCount: 2 }));
  const found = units(gateway);
  assert.equal(found.length, 2, found.join());
  const pids = found.map(mainPid);
  for (const kind of KINDS) {
    const session = await connect(endOf(t), kind, gateway.mcpUrl('example'));
    assert.ok(pids.includes((await whoami(session)).pid));
    assert.equal(await count(session), 1);
    assert.equal(await count(session), 2);
  }
  await until('the first lines in the journal', async () => {
    const logs = await gateway.cli(['adapters', 'logs', 'example']);
    assert.equal(logs.code, 0, logs.stderr);
    return logs.stdout !== '';
  });

  await put(gateway, { replicaCount: 3 });
  await gateway.healthy('example', 3);
  await until('three units', () => units(gateway).length === 3);
  await remove(gateway, 'example');
  await noUnits(gateway);
  // The unit goes first; what the gateway has written for it goes when the gateway sees that.
  const left = join(gateway.dataDir, 'units/example');
  await until('the end of the files', () => !existsSync(left));
});

test('a stdio server runs behind the bridge in a unit', async (t) => {
  const gateway = await start(t);
  const command = [NODE, realpathSync(EVERYTHING), 'stdio'];
  await gateway.apply({ name: 'everything', command, transport: 'stdio' });
  for (const kind of KINDS) {
    const session = await connect(endOf(t), kind, gateway.mcpUrl('everything'));
    assert.match(await call(session, 'echo', { message: 'through a unit' }), /through a unit/);
  }
  assert.match(systemctl('cat', units(gateway)[0]), /"bridge"/);
});

test('variables are in a private file and in the process, and in no unit', async (t) => {
  const gateway = await start(t);
  const secret = `${MARKER}-of-a-unit`;
  await gateway.apply(exampleAdapter('example', { environmentVariables: { API_KEY: secret } }));
  const [unit] = units(gateway);
  const ofProcess = (name) => readFileSync(`/proc/${mainPid(unit)}/${name}`, 'utf8').split('\0');
  assert.ok(ofProcess('environ').includes(`API_KEY=${secret}`));
  assert.deepEqual(leaksIn(ofProcess('cmdline').join(' ')), []);
  // Both are for everybody on the machine.
  const shown = systemctl('show', unit);
  for (const text of [shown, systemctl('cat', unit)]) assert.deepEqual(leaksIn(text), []);
  const [, file] = /^EnvironmentFiles=(\S+)/m.exec(shown);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.ok(readFileSync(file, 'utf8').includes(secret));
});

test('an update is rolled out without losing a session', async (t) => {
  const gateway = await start(t, ['--drain-seconds', '600']);
  await gateway.apply(exampleAdapter('example', { replicaCount: 2 }));
  const kept = await openOn(t, gateway, 'example-0');
  const other = await openOn(t, gateway, 'example-1');
  await put(gateway, { replicaCount: 2, environmentVariables: { VERSION: '2' } });
  const drain = (name) => until(`the drain of ${name}`, async () => {
    const { instances } = await gateway.status('example');
    return instances.some((one) => one.name === name && /^draining/.test(one.reason));
  });
  await drain('example-0');
  for (const session of [kept, other]) {
    for (let n = 0; n < 10; n++) assert.deepEqual(await whoami(session), session.who);
  }
  // Who leaves lets the next one be replaced; who stays keeps its server.
  await kept.transport.terminateSession();
  await drain('example-1');
  assert.deepEqual(await whoami(other), other.who);
  await other.transport.terminateSession();
  await until('the end of the roll-out', async () => {
    const { updatedReplicas, readyReplicas } = await gateway.status('example');
    return updatedReplicas === 2 && readyReplicas === 2;
  });
  await until('two units', () => units(gateway).length === 2);
});

test('a killed server is told, replaced, and loses its own sessions only', async (t) => {
  const gateway = await start(t);
  await gateway.apply(exampleAdapter('example', { replicaCount: 2 }));
  const victim = await openOn(t, gateway, 'example-0');
  const other = await openOn(t, gateway, 'example-1');
  process.kill(victim.who.pid, 'SIGKILL');
  const status = await until('the loss and the replacement', async () => {
    const now = await gateway.status('example');
    return now.instances[0].restarts === 1 && now.instances[0].ready && now;
  });
  assert.equal(status.instances[0].reason, 'ready; before: killed by signal 9');
  assert.match((await failureOf(call(victim, 'whoami'))).message, /Session not found/);
  assert.deepEqual(await whoami(other), other.who);
});

test('a SIGKILL of the control plane loses no session and no server', async (t) => {
  const gateway = await start(t);
  await gateway.apply(exampleAdapter('example', { replicaCount: 2 }));
  const session = await connect(endOf(t), 'client', gateway.mcpUrl('example'));
  const who = await whoami(session);
  const before = units(gateway);
  await gateway.kill(gateway.controlplane);
  assert.deepEqual(await whoami(session), who);
  await gateway.healthy('example', 2);
  assert.deepEqual(units(gateway), before);
  assert.deepEqual(await whoami(session), who);
  // The next control plane is in charge of them.
  await remove(gateway, 'example');
  await noUnits(gateway);
});

for (const signal of ['SIGTERM', 'SIGKILL']) {
  test(`servers end with up after ${signal}`, async (t) => {
    const gateway = await start(t);
    await gateway.apply(exampleAdapter('example', { replicaCount: 2 }));
    const pids = units(gateway).map(mainPid);
    await gateway.stop(signal);
    await noUnits(gateway);
    for (const pid of pids) assert.equal(existsSync(`/proc/${pid}`), false);
  });
}
