// A running gateway: `mcp-gateway up` on ports that the kernel chooses, with its own data folder.
//
// Whoever starts one must end it (stop), and the end is a proof: every process that was ever seen
// below it, and every process that inherited its mark, is gone, and nothing that they wrote has a
// secret in it (secrecy.mjs). Logs go to a file beside the data; with MCPGW_KEEP in the environment
// the folder is kept.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import readline from 'node:readline';
import { request } from './http.mjs';
import * as processes from './processes.mjs';
import { BIN, EXAMPLE_SERVER, GATEWAY } from './programs.mjs';
import { proveNothingWritten, proveSecrecy } from './secrecy.mjs';
import { until, within } from './wait.mjs';

const MARK = 'MCPGW_TEST_MARK';
const DATAPLANE = 'mcp-gateway-dataplane';
const CONTROLPLANE = 'mcp-gateway-controlplane';

export const exampleAdapter = (name, fields = {}) => ({
  name,
  command: [EXAMPLE_SERVER],
  transport: 'streamable-http',
  ...fields,
});

// Runs one of our programs to its end: {code, signal, stdout, stderr}.
export function run(program, args, { input, env = {}, deadlineMs = 30_000 } = {}) {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, timeout: deadlineMs, maxBuffer: 1 << 26 };
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      try {
        proveSecrecy(`what ${program} says`, stdout + stderr);
        resolve({ code: error ? error.code : 0, signal: error?.signal ?? null, stdout, stderr });
      } catch (leak) {
        reject(leak);
      }
    });
    child.stdin.on('error', () => {}); // it may end without reading its input
    child.stdin.end(input ?? '');
  });
}

export const cli = (args, options) => run(GATEWAY, args, options);

export class Gateway {
  // Options: args (further flags of `up`), env, folder (an existing one, kept at the end), before
  // (a program and its first arguments, which becomes `up`), headers (of the test's own requests
  // to the management API), audit (writes `auditFile`). `end` takes what ends it (ends.mjs).
  static async start(end, options = {}) {
    const { args = [], env = {}, folder, before = [], headers = {}, audit = false } = options;
    const gateway = new Gateway(folder ?? mkdtempSync(join(tmpdir(), 'mcpgw-')));
    gateway.headers = headers;
    end(async () => {
      await gateway.stop();
      const keep = folder !== undefined || process.env.MCPGW_KEEP !== undefined;
      if (!keep) rmSync(gateway.folder, { recursive: true, force: true });
    });
    const record = audit ? ['--audit-log', gateway.auditFile] : [];
    await gateway.#start([...args, ...record], env, before);
    return gateway;
  }

  constructor(folder) {
    this.folder = folder;
    this.dataDir = join(folder, 'data');
    this.logFile = join(folder, 'gateway.log');
    this.auditFile = join(folder, 'audit.jsonl');
    this.mark = randomUUID();
    this.seen = new Map();
  }

  async #start(args, env, before) {
    const flags = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', ...args];
    if (!args.includes('--drain-seconds')) flags.push('--drain-seconds', '1');
    const log = openSync(this.logFile, 'a');
    const [program, ...words] = [...before, GATEWAY, 'up', '--data-dir', this.dataDir, ...flags];
    this.child = spawn(
      program,
      words,
      { stdio: ['ignore', 'pipe', log], env: { ...process.env, ...env, [MARK]: this.mark } },
    );
    closeSync(log);
    this.exit = new Promise((resolve, reject) => {
      this.child.once('exit', (code, signal) => resolve({ code, signal }));
      this.child.once('error', reject);
    });
    this.output = [];
    const lines = readline.createInterface({ input: this.child.stdout });
    const ready = new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        this.output.push(line);
        const match = /^ready (http:\/\/\S+)$/.exec(line);
        if (match) resolve(match[1]);
      });
      this.exit.then(({ code, signal }) => {
        reject(new Error(`up ended with ${code ?? signal} before it was ready\n${this.log()}`));
      }, reject);
    });
    this.url = await within('the line `ready …`', ready);
    this.look();
  }

  log() {
    return readFileSync(this.logFile, 'utf8');
  }

  // The kernel chose the port; the line of the log that says `starting` names it.
  adminUrl() {
    const line = this.log().split('\n').find((one) => one.includes('"admin_listen"'));
    return `http://${JSON.parse(line).admin_listen}`;
  }

  mcpUrl(adapter) {
    return new URL(`${this.url}/adapters/${adapter}/mcp`);
  }

  rest(method, path, { headers, ...options } = {}) {
    const all = { ...this.headers, ...headers };
    return request(this.url, method, path, { headers: all, ...options });
  }

  cli(args, options) {
    return cli([...args, '--server', this.url], options);
  }

  // Creates the adapter and waits until every replica is ready.
  async apply(adapter) {
    const answer = await this.rest('POST', '/adapters', { body: adapter });
    assert.equal(answer.status, 201, answer.text);
    const status = await this.healthy(adapter.name, adapter.replicaCount ?? 1);
    await this.known(adapter.name);
    return status;
  }

  // The control plane says what is ready a moment before the data plane has heard of it. A server
  // of HTTP+SSE is known by its 405.
  async known(name) {
    await until(`${name} in the data plane`, async () => {
      const headers = { 'Mcp-Session-Id': 'none' };
      const body = { jsonrpc: '2.0', id: 0, method: 'ping' };
      const answer = await this.rest('POST', `/adapters/${name}/mcp`, { headers, body });
      return answer.status === 405 || answer.json?.error?.code === -32001;
    });
  }

  async status(name) {
    const answer = await this.rest('GET', `/adapters/${name}/status`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  }

  async healthy(name, replicas) {
    const status = await until(`${replicas} ready replicas of ${name}`, async () => {
      const now = await this.status(name);
      return now.readyReplicas === replicas && now.replicaStatus === 'Healthy' && now;
    });
    this.look();
    return status;
  }

  // Notes every process below this gateway: the end must prove that each of them is gone.
  look() {
    const found = processes.descendantsOf(this.child.pid);
    for (const one of found) this.seen.set(`${one.pid} ${one.startTime}`, one);
    return found;
  }

  // The data plane writes the last good snapshot at most once a second (limits.h); a death of both
  // planes right after a change may find the one before on disk.
  async onDisk(name, replicas) {
    await until(`${name} with ${replicas} ready replicas in the snapshot on disk`, () => {
      const { adapters } = JSON.parse(readFileSync(join(this.dataDir, 'snapshot.json'), 'utf8'));
      const adapter = adapters.find((one) => one.name === name);
      return adapter?.instances.filter((one) => one.state === 'ready').length === replicas;
    });
  }

  // The one process below the gateway that runs the program.
  process(program) {
    const found = this.look().filter((one) => one.program === program);
    assert.equal(found.length, 1, `one ${program}, not:\n${processes.describe(found)}`);
    return found[0];
  }

  dataplane = () => this.process(DATAPLANE);
  controlplane = () => this.process(CONTROLPLANE);

  servers(program = 'mcp-gateway-example-server') {
    return this.look().filter((one) => one.program === program && one.command[0] !== DATAPLANE);
  }

  // Kills a plane without warning and waits for its successor.
  async kill(plane) {
    const old = plane();
    process.kill(old.pid, 'SIGKILL');
    return until(`a successor of ${old.program}`, () => {
      const now = plane();
      return now.pid !== old.pid && now;
    });
  }

  // Ends it as a user would, and proves that nothing is left. Safe to call again.
  async stop(signal = 'SIGTERM') {
    this.stopped ??= this.#stop(signal);
    return this.stopped;
  }

  async #stop(signal) {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.look();
      const metrics = await this.#lastMetrics();
      if (signal !== 'SIGKILL') {
        await until('no zombies', () => !this.look().some(processes.isZombie), 5_000);
      }
      process.kill(this.child.pid, signal);
      const end = await within(`the end of up after ${signal}`, this.exit);
      await this.nothingLeft();
      if (signal !== 'SIGKILL') {
        assert.deepEqual(end, { code: 0, signal: null }, `${signal}\n${this.log().slice(-4000)}`);
      }
      this.#nothingLeaked(metrics);
      return;
    }
    await this.nothingLeft();
    this.#nothingLeaked('');
  }

  // The metrics as they are at the end, from a gateway that can still say them.
  async #lastMetrics() {
    try {
      const asked = request(this.adminUrl(), 'GET', '/metrics');
      return (await within('the last metrics', asked, 2_000)).text;
    } catch {
      return '';
    }
  }

  // Nothing secret is in what the processes wrote (log, audit file, metrics, standard output), in
  // their command lines, or, of what tests have confided, in any file of theirs.
  #nothingLeaked(metrics) {
    proveNothingWritten({
      log: this.log(),
      'audit file': existsSync(this.auditFile) ? readFileSync(this.auditFile, 'utf8') : '',
      metrics,
      output: this.output.join('\n'),
      'command lines': [...this.seen.values()].map((one) => one.command.join(' ')).join('\n'),
    }, this.folder);
  }

  async nothingLeft() {
    const left = () => [
      ...[...this.seen.values()].filter(processes.isAlive),
      ...processes.processesWithVariable(MARK, this.mark),
    ];
    try {
      await until('the end of every process of the gateway', () => left().length === 0, 15_000);
    } catch (error) {
      const found = left();
      for (const one of found) process.kill(one.pid, 'SIGKILL');
      throw new Error(`${error.message}\nleft behind:\n${processes.describe(found)}`);
    }
  }
}

export { BIN };
