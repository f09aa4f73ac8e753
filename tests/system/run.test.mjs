// `./dev run` on a machine that has everything: what it prints can be pasted into a client as it
// is, and Ctrl-C ends all of it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, count, KINDS, whoami } from './lib/clients.mjs';
import { endOf } from './lib/ends.mjs';
import { processesWithVariable } from './lib/processes.mjs';
import { ROOT } from './lib/programs.mjs';
import { until, within } from './lib/wait.mjs';

const MARK = 'MCPGW_TEST_MARK';

// The JSON object in the text that has the member.
function configurationIn(text) {
  const start = text.indexOf('\n{');
  const end = text.indexOf('\n}', start);
  return start < 0 || end < 0 ? undefined : JSON.parse(text.slice(start, end + 2));
}

test('the printed configuration works with the official clients', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
  endOf(t)(() => rmSync(folder, { recursive: true, force: true }));
  const mark = randomUUID();
  const addresses = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
  const child = spawn('./dev', ['run', ...addresses, '--data-dir', join(folder, 'data')], {
    cwd: ROOT,
    detached: true, // a process group of its own, as a terminal gives it
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, [MARK]: mark },
  });
  const exit = new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal));
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (piece) => (output += piece));
  child.stderr.on('data', (piece) => (errors += piece));
  endOf(t)(async () => {
    if (child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await within('the end', exit);
  });

  const ended = exit.then((code) => {
    throw new Error(`./dev run ended with ${code}\n${output}${errors}`);
  });
  ended.catch(() => {});
  const printed = until('the configuration', () => configurationIn(output), 300_000);
  const configuration = await Promise.race([printed, ended]);
  const [name] = Object.keys(configuration.mcpServers);
  const { type, url } = configuration.mcpServers[name];
  assert.equal(type, 'http');
  assert.match(output, /^ready http:\/\/127\.0\.0\.1:\d+$/m);

  const instances = new Set();
  for (let n = 0; n < 20; n++) {
    const session = await connect(endOf(t), KINDS[n % KINDS.length], url);
    assert.equal(await count(session), 1);
    instances.add((await whoami(session)).pid);
    await session.client.close();
  }
  assert.equal(instances.size, 2, 'two replicas');

  process.kill(-child.pid, 'SIGINT');
  assert.equal(await within('the end after Ctrl-C', exit), 0, errors.slice(-2000));
  await until('the end of everything', () => processesWithVariable(MARK, mark).length === 0);
});
