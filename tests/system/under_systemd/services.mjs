// The two planes as services of the system, from the unit files of deploy/systemd, installed as
// docs/operating/systemd.md says. Started by systemd.test.mjs where everything written is discarded
// and the network is the test's own, so the files' ports are free.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, count, whoami } from '../lib/clients.mjs';
import { endOf } from '../lib/ends.mjs';
import { BIN } from '../lib/gateway.mjs';
import { request } from '../lib/http.mjs';
import { ROOT } from '../lib/programs.mjs';
import { until } from '../lib/wait.mjs';

const GATEWAY = 'http://127.0.0.1:8000';
const CONTROLPLANE = 'mcp-gateway-controlplane.service';
const DATAPLANE = 'mcp-gateway-dataplane.service';
const SOCKETS = ['mcp-gateway.socket', 'mcp-gateway-admin.socket'];

const systemctl = (...args) => execFileSync('systemctl', args, { encoding: 'utf8' });

function install(from, names, to) {
  for (const name of names) copyFileSync(join(from, name), join(to, name));
}

const rest = (method, path, options) => request(GATEWAY, method, path, options);

const servers = () =>
  systemctl('list-units', '--all', '--plain', '--no-legend', 'mcp-gateway-*-example-*.service')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.trim().split(/\s+/)[0]);

test('both planes run as services, and may be restarted at any time', async (t) => {
  const programs = readdirSync(BIN).filter((name) => name.startsWith('mcp-gateway'));
  install(BIN, programs, '/usr/bin');
  const files = join(ROOT, 'deploy/systemd');
  install(files, readdirSync(files), '/etc/systemd/system');
  mkdirSync('/etc/mcp-gateway');
  writeFileSync('/etc/mcp-gateway/environment', 'MCP_GATEWAY_DRAIN_SECONDS=1\n');
  systemctl('daemon-reload');
  systemctl('enable', '--now', CONTROLPLANE, ...SOCKETS, DATAPLANE);
  await until('the data plane', async () => (await rest('GET', '/readyz')).status === 200);

  const body = { name: 'example', command: ['mcp-gateway-example-server'] };
  assert.equal((await rest('POST', '/adapters', { body })).status, 201);
  const ready = async () => {
    const answer = await rest('GET', '/adapters/example/status');
    return answer.json?.readyReplicas === 1;
  };
  await until('the server', ready);
  const url = new URL(`${GATEWAY}/adapters/example/mcp`);
  const session = await until('a session', () => connect(endOf(t), 'sdk', url));
  const who = await whoami(session);
  assert.equal(await count(session), 1);
  const [unit] = servers();
  assert.equal(systemctl('show', '--value', '-p', 'MainPID', unit).trim(), String(who.pid));

  systemctl('restart', CONTROLPLANE);
  assert.deepEqual(await whoami(session), who);
  await until('the control plane', ready);
  systemctl('restart', DATAPLANE);
  await until('the data plane', async () => (await rest('GET', '/readyz')).status === 200);
  assert.deepEqual(await whoami(session), who);
  assert.equal(await count(session), 2);
  systemctl('kill', '--signal=KILL', CONTROLPLANE);
  await until('the next control plane', ready);
  assert.deepEqual(await whoami(session), who);
  assert.deepEqual(servers(), [unit]);

  assert.equal((await rest('DELETE', '/adapters/example')).status, 204);
  await until('the end of the unit', () => servers().length === 0);
  const id = readFileSync('/var/lib/mcp-gateway/systemd-id', 'utf8').trim();
  // They go after the unit, which must not have them any more.
  const left = () =>
    ['/var/lib', '/var/lib/private', '/var/cache', '/var/cache/private']
      .flatMap((folder) => readdirSync(folder))
      .filter((name) => name.startsWith(`mcp-gateway-${id}-`));
  await until('the end of its folders', () => left().length === 0);
});
