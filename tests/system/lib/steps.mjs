// A control plane that is killed at every step of a change, and what must be so afterwards.
//
// A step is what others can see of it: a file written, a process started, a message sent
// (tests/steps/counted_steps.cpp, which is preloaded into it). A change is made once to count its
// steps. Then it is made again for each of them, up to that one; the control plane is started again
// and has to come to what is desired: if it had answered, what was changed, else that or what was
// before, but nothing in between, and nothing left over.
//
// A death after a step mostly leaves the same as one before the next, so the sides take turns,
// unless MCPGW_STEP_SIDES is 2.
// What is specific to a deployer is its world: see ProcessWorld in steps.test.mjs.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync, constants, existsSync, mkdtempSync, openSync, readFileSync, readSync, rmSync,
  writeFileSync, writeSync,
} from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BIN } from './programs.mjs';
import { until, within } from './wait.mjs';

const PROGRAM = join(BIN, 'mcp-gateway-controlplane');
const PRELOAD = join(BIN, '../tests/mcpgw-counted-steps.so');
const PATIENCE_MS = 20_000;
// All of so many steps are tried; of more, the first and last ones and an even sample.
const STEPS_MAX = 60;
const EDGE = 10;
const BOTH_SIDES = process.env.MCPGW_STEP_SIDES === '2';

// The board of counted_steps.cpp: armed, kill_at, kill_after, taken, and the names of the steps.
class Board {
  static #names = { at: 16, bytes: 16, max: 8_192 };

  constructor(path) {
    this.path = path;
    writeFileSync(path, Buffer.alloc(Board.#names.at + Board.#names.bytes * Board.#names.max));
    this.fd = openSync(path, 'r+');
  }

  #put(at, value) {
    const word = Buffer.alloc(4);
    word.writeUInt32LE(value);
    writeSync(this.fd, word, 0, 4, at);
  }

  arm({ number, after }) {
    this.#put(0, 0);
    this.#put(4, number);
    this.#put(8, after ? 1 : 0);
    this.#put(12, 0);
    this.#put(0, 1);
  }

  disarm() {
    this.#put(0, 0);
  }

  taken() {
    const word = Buffer.alloc(4);
    readSync(this.fd, word, 0, 4, 12);
    return word.readUInt32LE();
  }

  names() {
    const { at, bytes } = Board.#names;
    const all = Buffer.alloc(bytes * this.taken());
    readSync(this.fd, all, 0, all.length, at);
    const texts = [];
    for (let i = 0; i < all.length; i += bytes) {
      texts.push(all.toString('latin1', i, i + bytes).replace(/\0.*$/s, ''));
    }
    return texts;
  }
}

// One data directory and the control planes that follow each other on it, without data plane.
class Lane {
  constructor(end, args) {
    this.args = args;
    this.folder = mkdtempSync(join(tmpdir(), 'mcpgw-steps-'));
    this.dataDir = join(this.folder, 'data');
    this.logFile = join(this.folder, 'controlplane.log');
    this.board = new Board(join(this.folder, 'board'));
    // Servers end when the writing end is closed, so whatever happens here, none stays.
    const lifeline = join(this.folder, 'lifeline');
    execFileSync('mkfifo', [lifeline]);
    this.lifeline = openSync(lifeline, constants.O_RDONLY | constants.O_NONBLOCK);
    this.writer = openSync(lifeline, constants.O_WRONLY);
    end(async () => {
      await this.kill();
      for (const fd of [this.lifeline, this.writer, this.board.fd]) closeSync(fd);
      if (!process.env.MCPGW_KEEP) rmSync(this.folder, { recursive: true, force: true });
    });
  }

  // Does not wait until it serves.
  spawn() {
    const log = openSync(this.logFile, 'a');
    const env = {
      ...process.env, LD_PRELOAD: PRELOAD, MCPGW_STEPS_FILE: this.board.path,
      MCP_GATEWAY_LIFELINE_FD: '3',
    };
    delete env.NODE_TEST_CONTEXT;
    const args = ['--data-dir', this.dataDir, '--drain-seconds', '0', ...this.args];
    const child = spawn(PROGRAM, args, { stdio: ['ignore', log, log, this.lifeline], env });
    closeSync(log);
    this.isDead = false;
    this.exit = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        this.isDead = true;
        resolve({ code, signal });
      });
    });
    this.child = child;
  }

  async start() {
    this.spawn();
    await until('a control plane that answers', async () => {
      if (this.isDead) throw new Error(`it ended: ${this.log()}`);
      return (await this.rest('GET', '/adapters')).status === 200;
    }, PATIENCE_MS);
  }

  async kill() {
    if (this.child === undefined || this.isDead) return;
    this.child.kill('SIGKILL');
    await this.exit;
  }

  log() {
    return existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').slice(-4_000) : '';
  }

  rest(method, path, body) {
    const answer = new Promise((resolve, reject) => {
      const call = http.request({
        socketPath: join(this.dataDir, 'api.sock'), method, path, agent: false,
        headers: {
          'X-Mcp-UserId': 'steps', 'X-Mcp-Roles': 'mcp.admin', 'Content-Type': 'application/json',
        },
      }, (response) => {
        let text = '';
        response.on('data', (piece) => (text += piece));
        response.on('error', reject);
        response.on('end', () => {
          resolve({ status: response.statusCode, text, json: text && JSON.parse(text) });
        });
      });
      call.on('error', reject);
      call.end(body && JSON.stringify(body));
    });
    return within(`an answer to ${method} ${path}`, answer, PATIENCE_MS);
  }
}

const put = { method: 'PUT', path: '/adapters/x', status: 200 };
// `next` makes of the present state the one that is desired; a state is {version, replicas}.
const CHANGES = [
  {
    name: 'create', method: 'POST', path: '/adapters', status: 201,
    next: () => ({ version: 1, replicas: 2 }),
  },
  { name: 'update', ...put, next: (state) => ({ ...state, version: state.version + 1 }) },
  { name: 'scale up', ...put, next: (state) => ({ ...state, replicas: 3 }) },
  { name: 'scale down', ...put, next: (state) => ({ ...state, replicas: 1 }) },
  { name: 'start', next: (state) => state },
  { name: 'delete', method: 'DELETE', path: '/adapters/x', status: 204, next: () => undefined },
];

const same = (a, b) => a?.version === b?.version && a?.replicas === b?.replicas;

// Goes through the changes again and again on one lane, with a death in each.
class Trials {
  constructor(lane, world) {
    this.lane = lane;
    this.world = world;
    this.state = undefined;
  }

  // Makes the change; `death` is {number, after}, with number 0 for none.
  async make(change, death) {
    const what = `${change.name}, killed ${death.after ? 'after' : 'at'} step ${death.number}`;
    try {
      await this.#make(change, death);
    } catch (error) {
      const last = this.lane.board.names().slice(-3).join(' ');
      throw new Error(`${what} (${last})\n${this.lane.log()}`, { cause: error });
    }
  }

  async #make(change, death) {
    const { lane, world } = this;
    const wanted = change.next(this.state);
    if (change.method === undefined) await lane.kill();
    lane.board.arm(death);
    const answered = await this.#ask(change, wanted);
    await until('the end of the change, or of the control plane', () => (
      lane.isDead || (answered !== undefined && world.isDone(wanted))), PATIENCE_MS);
    lane.board.disarm();
    this.counted = lane.board.names();
    if (death.number > 0 && death.number <= this.counted.length) {
      const end = await within('the death', lane.exit, PATIENCE_MS);
      assert.deepEqual(end, { code: null, signal: 'SIGKILL' });
      await world.afterDeath?.();
      await lane.start();
    }
    const now = await this.#desired();
    if (answered || !same(now, this.state)) {
      assert.deepEqual(now, wanted, answered ? 'what was answered is lost' : 'half a change');
    }
    await this.#isWhole(now);
    if (!same(now, wanted)) {
      // It was not made at all: made now, it has to come to the same end.
      assert.equal(await this.#ask(change, wanted), true);
      await this.#isWhole(wanted);
    }
    this.state = wanted;
  }

  // True: it says that it is done; undefined: no answer.
  async #ask({ method, path, status }, wanted) {
    const { lane, world } = this;
    if (method === undefined) {
      lane.spawn();
      await until('a start, or a death', async () => (
        lane.isDead || (await lane.rest('GET', '/adapters')).status === 200), PATIENCE_MS);
      return lane.isDead ? undefined : true;
    }
    let answer;
    try {
      answer = await lane.rest(method, path, wanted && world.adapter(wanted));
    } catch {
      await within('the death of who does not answer', lane.exit, PATIENCE_MS);
      return undefined;
    }
    assert.equal(answer.status, status, answer.text);
    return true;
  }

  async #desired() {
    const { status, json, text } = await this.lane.rest('GET', '/adapters/x');
    if (status === 404) return undefined;
    assert.equal(status, 200, text);
    return { version: Number(json.environmentVariables.VERSION), replicas: json.replicaCount };
  }

  async #isWhole(state) {
    await until(`everything of ${JSON.stringify(state)} and no more`, async () => {
      if (state !== undefined) {
        const { json } = await this.lane.rest('GET', '/adapters/x/status');
        assert.deepEqual(
          [json.readyReplicas, json.updatedReplicas, json.instances.length, json.replicaStatus],
          [state.replicas, state.replicas, state.replicas, 'Healthy'], JSON.stringify(json),
        );
      }
      await this.world.check(state);
      return true;
    }, PATIENCE_MS);
  }
}

// A small generator of our own, so that a seed says everything (xorshift32).
function dice(seed) {
  let word = seed >>> 0 || 1;
  return (sides) => {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    return (word >>> 0) % sides;
  };
}

// The numbers of the steps that are tried, of `count`.
function chosen(count, roll) {
  const all = Array.from({ length: count }, (_, i) => i + 1);
  if (count <= STEPS_MAX) return all;
  const stride = (count - 2 * EDGE) / (STEPS_MAX - 2 * EDGE);
  const offset = roll(Math.ceil(stride));
  return all.filter((number) => number <= EDGE || number > count - EDGE
    || (number - EDGE + offset) % stride < 1);
}

// `open(end)` makes the world of a lane: {args, adapter, isDone, check, afterDeath, bind}.
export async function killAtEveryStep(t, end, { open, lanes = 4 }) {
  const seed = Number(process.env.MCPGW_SEED ?? Date.now() % 1_000_000);
  const roll = dice(seed);
  t.diagnostic(`seed ${seed}`);
  assert.ok(existsSync(PRELOAD), `${PRELOAD} is not built`);
  const trials = await Promise.all(Array.from({ length: lanes }, async () => {
    const world = await open(end);
    const lane = new Lane(end, world.args);
    world.bind(lane);
    await lane.start();
    return new Trials(lane, world);
  }));
  const plan = new Map();
  for (const change of CHANGES) {
    await trials[0].make(change, { number: 0, after: false });
    const names = trials[0].counted;
    assert.ok(names.length > 0, `${change.name} has no steps`);
    plan.set(change, chosen(names.length, roll));
    t.diagnostic(`${change.name}: ${plan.get(change).length} of ${names.length} steps: ${
      summary(names)}`);
  }
  await Promise.all(trials.map(async (one, lane) => {
    const own = new Map([...plan].map(([change, numbers]) => (
      [change, deaths(numbers, roll).filter((_, i) => i % lanes === lane)])));
    while ([...own.values()].some((list) => list.length > 0)) {
      for (const change of CHANGES) {
        // Where all of them have been tried, one is tried once more.
        const death = own.get(change).shift()
          ?? { number: 1 + roll(plan.get(change).at(-1)), after: roll(2) === 1 };
        await one.make(change, death);
      }
    }
  }));
}

function deaths(numbers, roll) {
  const first = roll(2);
  return numbers.flatMap((number) => (
    BOTH_SIDES ? [{ number, after: false }, { number, after: true }]
      : [{ number, after: (number + first) % 2 === 1 }]));
}

// "open64 pwrite64x4 fdatasync": which steps there are, in order.
function summary(names) {
  const runs = [];
  for (const name of names) {
    if (runs.at(-1)?.name === name) runs.at(-1).times++;
    else runs.push({ name, times: 1 });
  }
  return runs.map(({ name, times }) => (times > 1 ? `${name}x${times}` : name)).join(' ');
}
