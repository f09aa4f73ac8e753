// The control plane killed at every step of a change, with each deployer but systemd's, which
// under_systemd/steps.mjs tries (lib/steps.mjs says what a step is and what must hold).
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { imageAdapter, TestCluster } from './lib/cluster.mjs';
import { endOf } from './lib/ends.mjs';
import { exampleAdapter } from './lib/gateway.mjs';
import { allProcesses, describe, processesWithVariable } from './lib/processes.mjs';
import { killAtEveryStep } from './lib/steps.mjs';

const MARK = 'MCPGW_TEST_MARK';

function listed(folder) {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

// Servers as processes: a shim, a server and a directory each.
class ProcessWorld {
  args = ['--deployer', 'process'];
  #mark = randomUUID();

  static open(end) {
    const world = new ProcessWorld();
    // Somebody else's, who was started as our servers are.
    const env = { ...process.env, MCP_GATEWAY_INSTANCE_UID: randomUUID() };
    world.foreign = spawn('sleep', ['1000'], { env, stdio: 'ignore' });
    end(() => world.foreign.kill('SIGKILL'));
    return world;
  }

  bind(lane) {
    this.root = join(lane.dataDir, 'instances');
    this.dataDir = lane.dataDir;
  }

  adapter({ version, replicas }) {
    return exampleAdapter('x', {
      replicaCount: replicas,
      environmentVariables: { VERSION: String(version), [MARK]: this.#mark },
    });
  }

  #states() {
    return listed(join(this.root, 'x')).map((name) => {
      const state = readFileSync(join(this.root, 'x', name, 'state.json'), 'utf8');
      return { name, ...JSON.parse(state) };
    });
  }

  // From the files alone, because questions to the control plane would be steps.
  isDone(state) {
    if (state === undefined) return !existsSync(join(this.root, 'x'));
    const states = this.#states();
    return states.length === state.replicas
      && states.every((one) => one.phase === 'running' && this.#versionOf(one) === state.version);
  }

  #versionOf({ serverPid }) {
    const environment = readFileSync(`/proc/${serverPid}/environ`, 'utf8').split('\0');
    const value = environment.find((one) => one.startsWith('VERSION='));
    return value && Number(value.slice('VERSION='.length));
  }

  check(state) {
    const states = state ? this.#states() : [];
    const count = state?.replicas ?? 0;
    assert.deepEqual(listed(this.root), state ? ['x'] : []);
    assert.equal(states.length, count);
    for (const key of ['uid', 'port', 'shimPid', 'serverPid']) {
      assert.equal(new Set(states.map((one) => one[key])).size, count, key);
    }
    for (const one of states) assert.equal(this.#versionOf(one), state.version);
    const files = /^(lock|log|log\.1|state\.json)$/;
    for (const { name } of states) {
      for (const file of listed(join(this.root, 'x', name))) assert.match(file, files);
    }
    const shims = allProcesses().filter((one) => (
      one.program === 'mcp-gateway-shim' && one.command[1].startsWith(this.root)));
    assert.equal(shims.length, count, describe(shims));
    const servers = processesWithVariable(MARK, this.#mark);
    assert.deepEqual(
      servers.map((one) => one.pid).sort(), states.map((one) => one.serverPid).sort(),
      describe(servers),
    );
    assert.equal(this.foreign.exitCode ?? this.foreign.signalCode, null, 'a foreign process ended');
    for (const file of listed(this.dataDir)) assert.doesNotMatch(file, /new|tmp/);
  }
}

test('processes: killed at every step, it comes to what is desired', async (t) => {
  await killAtEveryStep(t, endOf(t), { open: ProcessWorld.open });
});

const NOBODYS = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'nobodys', labels: { 'app.kubernetes.io/managed-by': 'mcp-gateway' } },
  spec: { ports: [{ port: 1 }] },
};

// Servers as pods, which only pretend to run: what is tried here are the objects.
class ClusterWorld {
  static async open(end) {
    const world = new ClusterWorld();
    world.cluster = await TestCluster.start(end, { images: {} });
    world.args = world.cluster.flags();
    world.cluster.place(NOBODYS);
    world.foreign = world.#foreign();
    return world;
  }

  #foreign = () => JSON.stringify(this.cluster.object('Service', 'nobodys'));

  bind() {}

  adapter({ version, replicas }) {
    return imageAdapter('x', {
      replicaCount: replicas, environmentVariables: { VERSION: String(version) },
    });
  }

  #versionOf(containers) {
    return Number(containers[0].env.find((one) => one.name === 'VERSION').value);
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
    const { cluster } = this;
    const count = state ? 1 : 0;
    const sets = cluster.objects('StatefulSet');
    assert.equal(sets.length, count);
    assert.equal(cluster.objects('Service').length, count + 1);
    const pods = cluster.objects('Pod');
    assert.equal(pods.length, state?.replicas ?? 0);
    for (const set of sets) {
      assert.equal(set.spec.replicas, state.replicas);
      assert.equal(this.#versionOf(set.spec.template.spec.containers), state.version);
    }
    for (const pod of pods) assert.equal(this.#versionOf(pod.spec.containers), state.version);
    assert.equal(this.#foreign(), this.foreign);
  }

  // As if the time of the dead leader's lease were over.
  afterDeath() {
    this.cluster.endLeases();
  }
}

test('pods: killed at every step, it comes to what is desired', async (t) => {
  await killAtEveryStep(t, endOf(t), { open: ClusterWorld.open });
});
