// The gateway with `--deployer systemd`, from outside: real systemds are started for it, a user's
// and the system's, and under_systemd/ runs in each.
//
// Where the machine permits no namespaces, the scripts that start them say so by status 125; that
// is told, and not taken for a success of what could not be tried.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from './lib/gateway.mjs';
import { GATEWAY, NODE, ROOT } from './lib/programs.mjs';

const TESTENV = process.env.MCPGW_TESTENV ?? join(ROOT, '../shared/testenv');
const INSIDE = join(ROOT, 'tests/system/under_systemd');
const IMPOSSIBLE = 125;

function runUnder(script, scope) {
  const files = scope === 'system' ? ['inside.mjs', 'services.mjs'] : ['inside.mjs', 'steps.mjs'];
  const flags = ['--test', '--test-reporter=spec', '--test-concurrency=1', '--test-timeout=120000'];
  const args = [NODE, ...flags, ...files.map((file) => join(INSIDE, file))];
  // The runner of tests would take a child of its own for a part of it.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(join(TESTENV, script), args, {
    env: { ...env, MCPGW_SYSTEMD_SCOPE: scope },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, output }));
  });
}

for (const [script, scope] of [['systemd-user', 'user'], ['systemd-pid1', 'system']]) {
  test(`under a real systemd: ${scope}`, async (t) => {
    const { code, signal, output } = await runUnder(script, scope);
    if (code === IMPOSSIBLE) {
      t.skip(`NOT TRIED, the environment cannot be set up: ${output.trim()}`);
      return;
    }
    assert.deepEqual({ code, signal }, { code: 0, signal: null }, output);
    assert.match(output, /^ℹ pass [1-9]/m, output);
  });
}

const CHOSEN = ['--deployer', 'systemd', '--systemd-scope', 'user'];

async function cannotStart(t, program, args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const flags = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--data-dir', folder];
  const all = [...args, 'up', ...flags, ...CHOSEN];
  const { code, stdout, stderr } = await run(program, all, { env });
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  return stderr;
}

test('without a bus the gateway does not start, and says why', async (t) => {
  const env = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus', XDG_RUNTIME_DIR: '' };
  const said = await cannotStart(t, GATEWAY, [], env);
  assert.match(said, /cannot reach the user's bus: .*needs a user manager/);
});

test('on a bus without systemd the gateway does not start, and says why', async (t) => {
  const said = await cannotStart(t, 'dbus-run-session', ['--', GATEWAY], {});
  assert.match(said, /systemd does not list its units: .*needs a user manager/);
});
