// A gateway that cannot start says why in one sentence, ends with the right code, and leaves
// nothing behind; another gateway that is running is not harmed.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, count } from './lib/clients.mjs';
import { endOf } from './lib/ends.mjs';
import { cli, exampleAdapter, Gateway, run } from './lib/gateway.mjs';
import { allProcesses, describe } from './lib/processes.mjs';
import { GATEWAY } from './lib/programs.mjs';

const ANY = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];

function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
  endOf(t)(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// `up` with these arguments ends with the code and says what matches, without ever being ready.
async function refused(folder, args, code, sentence) {
  const ended = await cli(['up', ...args], { deadlineMs: 20_000 });
  assert.equal(ended.code, code, `${ended.code ?? ended.signal}\n${ended.stdout}${ended.stderr}`);
  assert.match(ended.stderr, sentence);
  assert.doesNotMatch(ended.stdout, /^ready/m);
  const left = allProcesses().filter((one) => one.command.join(' ').includes(folder));
  assert.equal(left.length, 0, describe(left));
}

async function occupiedPort(t) {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  endOf(t)(() => server.close());
  return server.address().port;
}

for (const flag of ['--listen', '--admin-listen']) {
  test(`the port of ${flag} is in use`, async (t) => {
    const folder = temporaryFolder(t);
    const address = `127.0.0.1:${await occupiedPort(t)}`;
    const args = [...ANY, '--data-dir', join(folder, 'data')];
    args[args.indexOf(flag) + 1] = address;
    await refused(folder, args, 1, new RegExp(`${address}.*in use`));
  });
}

test('the data directory is a file', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'data'), '');
  await refused(folder, [...ANY, '--data-dir', join(folder, 'data')], 1, /data.*director/i);
});

test('the file of certificate authorities holds none', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'ca.pem');
  writeFileSync(file, 'none\n');
  const args = [...ANY, '--data-dir', join(folder, 'data'), '--oidc-ca', file];
  await refused(folder, args, 2, /ca\.pem holds no certificate/);
});

test('a parent of the data directory is a file', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  const path = join(folder, 'file', 'data');
  await refused(folder, [...ANY, '--data-dir', path], 1, /file.*director/i);
});

// Root may write everywhere, so as root the test gives up that very privilege.
test('the data directory is not writable', async (t) => {
  const folder = temporaryFolder(t);
  const data = join(folder, 'data');
  mkdirSync(data, { mode: 0o555 });
  const unprivileged = ['--bounding-set=-dac_override,-dac_read_search', GATEWAY];
  const [program, ...before] = process.getuid() === 0 ? ['setpriv', ...unprivileged] : [GATEWAY];
  const ended = await run(program, [...before, 'up', ...ANY, '--data-dir', data]);
  assert.equal(ended.code, 1, ended.stderr);
  assert.match(ended.stderr, /data.*(not writable|permission)/i);
});

test('a second gateway on the same data directory is refused, the first unharmed', async (t) => {
  const first = await Gateway.start(endOf(t));
  await first.apply(exampleAdapter('example'));
  const session = await connect(endOf(t), 'sdk', first.mcpUrl('example'));
  assert.equal(await count(session), 1);
  const planes = [first.dataplane().pid, first.controlplane().pid];
  const ended = await cli(['up', ...ANY, '--data-dir', first.dataDir]);
  assert.equal(ended.code, 1, ended.stderr);
  assert.match(ended.stderr, new RegExp(`\\b${first.child.pid}\\b`), 'names the one that has it');
  assert.doesNotMatch(ended.stdout, /^ready/m);
  assert.equal(await count(session), 2);
  assert.deepEqual([first.dataplane().pid, first.controlplane().pid], planes);
  assert.equal((await first.rest('GET', '/adapters')).json.length, 1);
});

function config(folder, text) {
  const file = join(folder, 'gateway.toml');
  writeFileSync(file, text);
  return [...ANY, '--data-dir', join(folder, 'data'), '--config', file];
}

test('an unknown key in the configuration is named with file and line', async (t) => {
  const folder = temporaryFolder(t);
  const args = config(folder, '# ours\nworkers = 1\n\nworker-count = 2\n');
  await refused(folder, args, 2, /gateway\.toml:4\b.*worker-count/);
});

test('a wrong value in the configuration is named with file, line and key', async (t) => {
  const folder = temporaryFolder(t);
  await refused(folder, config(folder, 'workers = "many"\n'), 2, /gateway\.toml:1\b.*workers/);
});

test('a configuration that is no TOML is named with file and line', async (t) => {
  const folder = temporaryFolder(t);
  await refused(folder, config(folder, 'workers = 1\n= 3\n'), 2, /gateway\.toml:2\b/);
});

test('a configuration file that does not exist', async (t) => {
  const folder = temporaryFolder(t);
  const args = [...ANY, '--data-dir', join(folder, 'data'), '--config', join(folder, 'none.toml')];
  const ended = await cli(['up', ...args]);
  assert.ok([1, 2].includes(ended.code), ended.stderr);
  assert.match(ended.stderr, /none\.toml/);
});

test('wrong flags', async (t) => {
  const folder = temporaryFolder(t);
  const data = [...ANY, '--data-dir', join(folder, 'data')];
  await refused(folder, [...data, '--no-such-flag'], 2, /no-such-flag/);
  await refused(folder, [...data, '--workers', 'x'], 2, /workers/);
  await refused(folder, ['--listen', 'example.com:80'], 2, /listen/);
});

test('an address that is not loopback needs more than development mode', async (t) => {
  const folder = temporaryFolder(t);
  const args = ['--listen', '0.0.0.0:0', '--admin-listen', '127.0.0.1:0'];
  const all = [...args, '--data-dir', join(folder, 'data')];
  await refused(folder, all, 2, /dev-auth-on-any-address/);
});
