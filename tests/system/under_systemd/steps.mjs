// The control plane killed at every step of a change while its servers are units of a real systemd
// (lib/steps.mjs says what a step is and what must hold). Started by systemd.test.mjs.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { endOf } from '../lib/ends.mjs';
import { exampleAdapter } from '../lib/gateway.mjs';
import { killAtEveryStep } from '../lib/steps.mjs';

const SCOPE = process.env.MCPGW_SYSTEMD_SCOPE;
// Units of a gateway that never was: names like ours, and none of our marks.
const NOBODYS = 'mcp-gateway-0123456789abcdef-x-0-1.service';

function run(program, ...args) {
  const scope = SCOPE === 'user' ? ['--user'] : [];
  return execFileSync(program, [...scope, ...args], { encoding: 'utf8', stdio: 'pipe' });
}

function listed(folder) {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

function properties(unit, ...names) {
  const lines = run('systemctl', 'show', unit, ...names.flatMap((name) => ['-p', name]));
  return Object.fromEntries(lines.trim().split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  }));
}

class UnitWorld {
  args = ['--deployer', 'systemd', '--systemd-scope', SCOPE];

  static open() {
    return new UnitWorld();
  }

  bind(lane) {
    this.dataDir = lane.dataDir;
    this.root = join(lane.dataDir, 'units');
  }

  adapter({ version, replicas }) {
    const environmentVariables = { VERSION: String(version) };
    return exampleAdapter('x', { replicaCount: replicas, environmentVariables });
  }

  #units() {
    const id = readFileSync(join(this.dataDir, 'systemd-id'), 'utf8').trim();
    const all = run('systemctl', 'list-units', '--all', '--plain', '--no-legend', `*${id}-*`);
    return all.split('\n').map((line) => line.trim().split(/\s+/)).filter(([name, , active]) => (
      name.endsWith('.service') && !(name.includes('LIFELINE') && active === 'active')));
  }

  isDone(state) {
    try {
      this.check(state);
      return true;
    } catch {
      return false;
    }
  }

  check(state) {
    const count = state?.replicas ?? 0;
    assert.deepEqual(listed(this.root), state ? ['x'] : []);
    const units = this.#units();
    assert.equal(units.length, count, JSON.stringify(units));
    const all = listed(join(this.root, 'x'));
    const [directories, homes] = [/^\d/, /^home-\d+$/].map((form) => (
      all.filter((name) => form.test(name))));
    assert.equal(directories.length, count, String(all));
    assert.equal(homes.length, SCOPE === 'user' ? count : 0, String(all));
    assert.equal(all.length, directories.length + homes.length, String(all));
    const named = directories.map((name) => (
      readFileSync(join(this.root, 'x', name, 'unit'), 'utf8').trim()));
    assert.deepEqual(units.map(([name]) => name).sort(), named.sort());
    for (const [name, , active, sub] of units) {
      assert.deepEqual([active, sub], ['active', 'running'], name);
      const { MainPID } = properties(name, 'MainPID');
      const environment = readFileSync(`/proc/${MainPID}/environ`, 'utf8').split('\0');
      assert.ok(environment.includes(`VERSION=${state.version}`), `${name} is an old one`);
    }
    assert.equal(properties(NOBODYS, 'ActiveState').ActiveState, 'active');
    for (const file of listed(this.dataDir)) assert.doesNotMatch(file, /new|tmp/);
  }
}

test('units: killed at every step, it comes to what is desired', async (t) => {
  run('systemd-run', `--unit=${NOBODYS}`, 'sleep', '1000');
  t.after(() => run('systemctl', 'stop', NOBODYS));
  await killAtEveryStep(t, endOf(t), { open: UnitWorld.open });
});
