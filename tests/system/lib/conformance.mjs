// Runs the official conformance suite and reads its verdicts: not the summary that it prints, but
// every single check, so that two runs can be compared check by check.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { run } from './gateway.mjs';
import { CONFORMANCE, NODE } from './programs.mjs';

const DEADLINE_MS = 240_000;
const FOLDER = /^(?:server-)?(.+)-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9-]+Z$/;

// The revisions of the suite: how it is told, and how many scenarios count.
export const REVISIONS = {
  '2025-06-18': { choice: ['--spec-version', '2025-06-18'], scored: 27 },
  '2025-11-25': { choice: ['--requirements', '2025-11-25'], scored: 30 },
  '2026-07-28': { choice: ['--requirements', '2026-07-28'], scored: 37 },
};

// {code, scenarios: {name: {statuses: {id: [status, …]}, failed, reasons}}, output}
async function suite(mode, args, env) {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgw-conformance-'));
  try {
    const whole = [CONFORMANCE, mode, ...args, '--output-dir', folder];
    const ended = await run(NODE, whole, { env, deadlineMs: DEADLINE_MS });
    const scenarios = {};
    for (const path of readdirSync(folder, { recursive: true })) {
      if (basename(path) !== 'checks.json') continue;
      const checks = JSON.parse(readFileSync(join(folder, path), 'utf8'));
      scenarios[FOLDER.exec(dirname(path))[1]] = verdict(checks);
    }
    return { code: ended.code, scenarios, output: `${ended.stdout}\n${ended.stderr}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// Checks of status INFO only record what passed by.
function verdict(checks) {
  const statuses = {};
  const reasons = [];
  for (const { id, status, errorMessage } of checks) {
    if (status === 'INFO') continue;
    (statuses[id] ??= []).push(status);
    if (status === 'FAILURE') reasons.push(`${id}: ${errorMessage}`);
  }
  return { statuses, failed: reasons.length, reasons };
}

export const againstServer = (url, revision) =>
  suite('server', ['--url', String(url), ...REVISIONS[revision].choice], {});

export const againstClient = (command, scenario, revision, env) =>
  suite('client', ['--command', command, '--scenario', scenario, '--spec-version', revision], env);

// The revisions that each scenario for clients is of: {name: [revision or `extension`, …]}.
export async function clientScenarios() {
  const { stdout } = await run(NODE, [CONFORMANCE, 'list', '--client']);
  const lines = [...stdout.matchAll(/^ +- (\S+) \[([^\]]*)\]$/gm)];
  return Object.fromEntries(lines.map(([, name, tags]) => [name, tags.split(',')]));
}

export const passing = ({ scenarios }) =>
  Object.keys(scenarios).filter((name) => scenarios[name].failed === 0);

// Every scenario has the same checks with the same verdicts in both runs.
export function assertSame(through, direct) {
  const names = (run) => Object.keys(run.scenarios).sort();
  assert.deepEqual(names(through), names(direct));
  for (const name of names(direct)) {
    const [seen, expected] = [through.scenarios[name], direct.scenarios[name]];
    assert.deepEqual(seen.statuses, expected.statuses, [name, ...seen.reasons].join('\n'));
  }
}
