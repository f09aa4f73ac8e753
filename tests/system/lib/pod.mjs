// The pod of deploy/kubernetes, as far as it can be had without a kubelet: both containers as
// processes, with the commands, arguments, settings, user and seccomp profile of the manifest.
//
// Volumes are folders, and paths into them are changed accordingly. Addresses, registry and the
// time of the drain are the test's. Instead of the token that a kubelet mounts there is a
// kubeconfig.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync, chownSync, closeSync, copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync,
  readdirSync, rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REGISTRY } from './cluster.mjs';
import { Gateway } from './gateway.mjs';
import { request } from './http.mjs';
import { bundle, MANIFESTS, named } from './manifests.mjs';
import { BIN, ROOT } from './programs.mjs';
import { proveNothingWritten } from './secrecy.mjs';
import { until, within } from './wait.mjs';

const CONFINE = join(ROOT, 'tests/system/lib/confine.py');
const PROFILE = join(MANIFESTS, 'seccomp/mcp-gateway-dataplane.json');
const { objects } = bundle();
const { spec } = named(objects, 'Deployment').spec.template;
const settings = named(objects, 'ConfigMap', 'mcp-gateway-settings').data;
const { runAsUser } = spec.securityContext;
const isRoot = process.getuid() === 0;

const containerOf = (name) => spec.containers.find((one) => one.name === name);

function give(path) {
  if (!isRoot) return;
  chownSync(path, runAsUser, runAsUser);
}

// The command that runs a command as a container of the pod, or tries some system calls there.
export function confined(command, { profile = PROFILE, kill = false, calls } = {}) {
  const options = [
    ...(profile ? [`--profile=${profile}`] : []),
    ...(isRoot ? [`--user=${runAsUser}`] : []),
    ...(kill ? ['--kill'] : []),
    ...(calls ? [`--calls=${JSON.stringify(calls)}`] : []),
  ];
  return ['python3', [CONFINE, ...options, '--', ...command]];
}

// What a gateway offers to tests is what this pod offers.
export class Pod extends Gateway {
  static async make(end, cluster) {
    const pod = new Pod(mkdtempSync(join(tmpdir(), 'mcpgw-pod-')));
    end(async () => {
      await pod.end();
      const logs = [...pod.running.keys()].map((name) => [`log of ${name}`, pod.log(name)]);
      proveNothingWritten(Object.fromEntries(logs), pod.folder);
      if (process.env.MCPGW_KEEP !== undefined) return;
      rmSync(pod.folder, { recursive: true, force: true });
    });
    pod.#prepare(cluster);
    return pod;
  }

  #prepare(cluster) {
    this.running = new Map(); // container -> {child, exit}
    this.kubeconfig = cluster.kubeconfig;
    chmodSync(this.folder, 0o755);
    // The user of the pod may not look into the folder that holds the build.
    mkdirSync(join(this.folder, 'bin'));
    for (const { command: [program] } of spec.containers) {
      copyFileSync(join(BIN, program), join(this.folder, 'bin', program));
    }
    give(cluster.folder);
    for (const file of readdirSync(cluster.folder)) give(join(cluster.folder, file));
  }

  look() {
    return [];
  }

  #folderOf({ name, subPath }) {
    const volume = join(this.folder, name);
    const folder = subPath ? join(volume, subPath) : volume;
    mkdirSync(folder, { recursive: true });
    give(volume);
    give(folder);
    return folder;
  }

  log(name) {
    return readFileSync(join(this.folder, `${name}.log`), 'utf8');
  }

  // The lines of a container's log that are events.
  events(name) {
    return this.log(name).split('\n').filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
  }

  // `profile`: another seccomp profile than the container's.
  start(name, { profile } = {}) {
    const { command: [program], args, volumeMounts, securityContext } = containerOf(name);
    const folders = volumeMounts.map((one) => [one.mountPath, this.#folderOf(one)]);
    const inside = (arg) => {
      const mounted = folders.find(([path]) => arg.includes(`=${path}`));
      return mounted ? arg.replace(...mounted) : arg;
    };
    const isLocalhost = securityContext.seccompProfile?.type === 'Localhost';
    const confinement = { profile: profile ?? (isLocalhost ? PROFILE : undefined), kill: !profile };
    if (!confinement.profile) confinement.profile = null;
    const full = [join(this.folder, 'bin', program), ...args.map(inside)];
    const log = openSync(join(this.folder, `${name}.log`), 'a');
    const [runner, runnerArgs] = confined(full, confinement);
    const child = spawn(runner, runnerArgs, {
      stdio: ['ignore', log, log], env: this.#environment(), cwd: this.folder,
    });
    closeSync(log);
    const exit = new Promise((resolve, reject) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', reject);
    });
    this.running.set(name, { child, exit });
  }

  #environment() {
    return {
      PATH: process.env.PATH,
      ...settings,
      MCP_GATEWAY_LISTEN: '127.0.0.1:0',
      MCP_GATEWAY_ADMIN_LISTEN: '127.0.0.1:0',
      // On loopback only loopback has a name; probes come with another.
      MCP_GATEWAY_ALLOWED_HOSTS: 'mcp-gateway',
      MCP_GATEWAY_DRAIN_SECONDS: '2',
      MCP_GATEWAY_REGISTRY: REGISTRY,
      KUBECONFIG: this.kubeconfig,
    };
  }

  // Starts the data plane and learns where it listens.
  async startDataplane() {
    const before = this.running.has('dataplane') ? this.#servings().length : 0;
    this.start('dataplane');
    const { exit } = this.running.get('dataplane');
    const died = exit.then((how) => {
      throw new Error(`the data plane ended: ${JSON.stringify(how)}\n${this.log('dataplane')}`);
    });
    died.catch(() => {});
    const serving = until('the data plane serves', () => this.#servings()[before]);
    const { address, admin } = await Promise.race([serving, died]);
    this.url = `http://${address}`;
    this.admin = `http://${admin}`;
  }

  #servings() {
    return this.events('dataplane').filter((one) => one.message === 'serving');
  }

  // What a probe of the manifest is answered.
  async probe(kind) {
    const { path, httpHeaders } = containerOf('dataplane')[kind].httpGet;
    const headers = Object.fromEntries(httpHeaders.map((one) => [one.name, one.value]));
    return (await request(this.admin, 'GET', path, { headers })).status;
  }

  async signal(name, signal) {
    const { child, exit } = this.running.get(name);
    child.kill(signal);
    return within(`the end of ${name}`, exit);
  }

  async end() {
    for (const { child, exit } of this.running.values()) {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await exit;
    }
  }

  // Whether it still runs; a refused system call would have ended it.
  isRunning(name) {
    const { child } = this.running.get(name);
    assert.deepEqual([child.exitCode, child.signalCode], [null, null], name);
  }
}
