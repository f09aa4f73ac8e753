// Clients that go without a word: thousands of sessions that nobody ends, and clients that are
// killed. Each session expires in its time, its server is told once, those that are in use stay,
// and the gateway is afterwards as it was before.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Crowd, inTurns } from './lib/crowd.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { inSession, toolCall } from './lib/mcp.mjs';
import { metricsOf } from './lib/metrics.mjs';
import { memoryOf } from './lib/processes.mjs';
import { NODE } from './lib/programs.mjs';
import { Recorder } from './lib/recorder.mjs';
import { until, within } from './lib/wait.mjs';

const SESSIONS = 5000;
const USED = 50;
const IDLE_MS = 2000;
// The gateway counts in seconds and looks at each session once in a second; the rest is for DELETEs
// that wait for their turn on a busy machine.
const LATE_MS = 8000;
// A server hears of the end of a stream after the gateway, on a busy machine by up to so much.
const HEARD_LATE_MS = 500;
// On three example servers, which hold 1,024 each: two rounds do not fit unless the first has gone.
const ON_EXAMPLES = 2400;
const CLIENTS = 500;
// Half of what the sessions of a round take in the table.
const MARGIN_KIB = 512;
// A client that was killed looks like one that has ended its writing side and still waits: a call
// that its server does not answer holds its session for so long.
const FIRST_BYTE_MS = 5000;
// Else each thread keeps what its largest burst has taken, and which gets the next is chance.
const env = { MALLOC_ARENA_MAX: '1' };

const end = endOfFile();
const timeouts = { sessionIdleSeconds: IDLE_MS / 1000 };
let gateway;
let recorder;
before(async () => {
  recorder = await Recorder.start(end);
  gateway = await Gateway.start(end, { args: ['--workers', '2'], env });
  await gateway.apply({ name: 'recorder', url: recorder.url, timeouts });
  const impatient = { ...timeouts, firstByteMs: FIRST_BYTE_MS };
  await gateway.apply({ name: 'impatient', url: recorder.url, timeouts: impatient });
  await gateway.apply(exampleAdapter('example', { replicaCount: 3, timeouts }));
});

const expired = (metric, reason) => metric('sessions_expired_total', `reason="${reason}"`);
const lost = (metric, reason) => metric('sessions_lost_total', `reason="${reason}"`);

// One who uses a session until stopped, in one of three ways. A `hold` is answered when another
// one has come, so that no moment is without one, however slow this machine is.
class User {
  static WAYS = ['ping', 'hold', 'stream'];

  constructor(crowd, id, way) {
    Object.assign(this, { crowd, id, stopping: false, calls: 0, held: new Set() });
    this.ended = this[way]();
    this.ended.catch(() => {}); // stop() tells
  }

  async ping() {
    while (!this.stopping) {
      await this.expect('ping');
      await pause(100);
    }
  }

  async hold() {
    const send = () => {
      const one = this.expect('hold').finally(() => this.held.delete(one));
      one.catch(() => {}); // race() tells, or stop()
      this.held.add(one);
    };
    send();
    while (!this.stopping) {
      send();
      await Promise.race(this.held);
      await pause(100);
    }
  }

  async stream() {
    const response = await this.crowd.stream(this.id);
    await new Promise((resolve, reject) => {
      response.on('close', () => reject(new Error('the stream ended')));
      this.leave = () => response.off('close', reject).destroy() && resolve();
    });
  }

  expect(method) {
    const message = { jsonrpc: '2.0', id: (this.calls += 1), method };
    const expected = this.crowd.post(this.id, message).then((answer) => {
      assert.deepEqual([answer.status, answer.message?.id], [200, message.id], answer.text);
    });
    expected.catch(() => {}); // whoever waits for it hears of it
    return expected;
  }

  async stop() {
    this.stopping = true;
    this.leave?.();
    await within('the last answer', this.ended);
    await this.expect('ping');
    const ended = await this.crowd.send('DELETE', inSession(this.id));
    assert.equal(ended.status, 200, ended.text);
    await Promise.all(this.held); // answered by the server when it was told
  }
}

// What is told to the server comes once, after the idle time and not much later.
function assertTold(abandoned) {
  assert.equal(recorder.strayDeletes, 0);
  const waits = abandoned.map((one) => one.deletedAt[0] - one.usedAt).sort((a, b) => a - b);
  const [first, last] = [waits[0], waits.at(-1)];
  assert.ok(first >= IDLE_MS - HEARD_LATE_MS, `the first was ended after ${first} ms`);
  assert.ok(last <= IDLE_MS + LATE_MS, `the last was ended after ${last} ms`);
}

const assertToldOnce = () => {
  const often = [...recorder.sessions.values()].filter((one) => one.deletedAt.length !== 1);
  assert.equal(often.length, 0, JSON.stringify(often[0]));
};

const notToldYet = () =>
  [...recorder.sessions.values()].filter((one) => one.deletedAt.length === 0);

async function allGone() {
  return until('nothing is left', async () => {
    const metric = await metricsOf(gateway);
    const left = ['session_table_entries', 'sessions_active', 'streams_active'];
    return left.every((name) => metric(name) === 0) && metric;
  });
}

// Opens all sessions and waits until those that nobody uses have expired.
async function abandon(endOfRound) {
  const before = await metricsOf(gateway);
  const opening = new Crowd(endOfRound, gateway.mcpUrl('recorder'), 16);
  const examples = new Crowd(endOfRound, gateway.mcpUrl('example'), 8);
  const using = new Crowd(endOfRound, gateway.mcpUrl('recorder'));
  const users = [];
  // Every second one does not even say that it is initialized.
  const openOne = async (n) => {
    const id = await opening.open({ ready: n % 2 === 0 });
    if (n % (SESSIONS / USED) !== 0) return;
    users.push(new User(using, id, User.WAYS[users.length % User.WAYS.length]));
  };
  await Promise.all([
    inTurns(SESSIONS, 16, openOne),
    inTurns(ON_EXAMPLES, 8, (n) => examples.open({ ready: n % 2 === 0 })),
  ]);
  await until('all but the used ones expire', async () => {
    const metric = await metricsOf(gateway);
    const ended = (reason) => expired(metric, reason) - expired(before, reason);
    const unready = (SESSIONS + ON_EXAMPLES) / 2;
    for (const reason of ['instance_gone', 'server_forgot']) {
      assert.equal(lost(metric, reason), lost(before, reason));
    }
    return ended('never_used') === unready && ended('idle') === unready - USED && metric;
  });
  await until('the server is told', () => notToldYet().length === USED);
  return users;
}

// What ends with a round, and at the latest with its test.
function endsOf(t) {
  const ends = [];
  const endAll = () => ends.forEach((one) => one());
  endOf(t)(endAll);
  return [(one) => ends.push(one), endAll];
}

async function round(t) {
  const [endOfRound, endRound] = endsOf(t);
  const told = new Set(recorder.sessions.values());
  const users = await abandon(endOfRound);
  const metric = await metricsOf(gateway);
  assert.equal(metric('session_table_entries'), USED);
  assert.equal(metric('sessions_active', 'adapter="recorder"'), USED);
  assert.equal(metric('sessions_active', 'adapter="example"'), 0);
  const used = new Set(notToldYet());
  assertTold([...recorder.sessions.values()].filter((one) => !used.has(one) && !told.has(one)));
  for (const user of users) await user.stop();
  endRound();
  await allGone();
  assertToldOnce();
}

const memory = () => memoryOf(gateway.dataplane().pid);

test('abandoned sessions expire, and their places and memory are used again', async (t) => {
  await round(t);
  const after = memory();
  await round(t);
  await until('the memory is that of one round', () => {
    const more = memory() - after;
    t.diagnostic(`${after} KiB after the first round, ${more} KiB more after the second`);
    return more <= MARGIN_KIB;
  });
});

// Clients with streams, which are killed when a session that was opened later than theirs has
// expired: an open stream is use.
async function killClients(endOfRound) {
  const script = fileURLToPath(new URL('lib/streaming_clients.mjs', import.meta.url));
  const child = spawn(NODE, [script, gateway.mcpUrl('impatient').href, String(CLIENTS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  endOfRound(() => child.kill('SIGKILL'));
  await within('the streams of all clients', new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`the clients ended with ${code}`)));
  }));
  await new Crowd(endOfRound, gateway.mcpUrl('impatient')).open();
  const later = [...recorder.sessions.values()].at(-1);
  await until('the session without a stream expires', () => later.deletedAt.length === 1);
  await until('the sessions of the clients, and no others', async () => {
    const metric = await metricsOf(gateway);
    return metric('sessions_active', 'adapter="impatient"') === CLIENTS;
  });
  const exit = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  child.kill('SIGKILL');
  assert.equal(await within('the end of the clients', exit), 'SIGKILL');
}

test('sessions of killed clients expire like abandoned ones', async (t) => {
  const sizes = [];
  for (let n = 0; n < 2; n++) {
    const [endOfRound, endRound] = endsOf(t);
    const told = new Set(recorder.sessions.values());
    await killClients(endOfRound);
    await until('their streams end', () => notToldYet().every((one) => one.streams === 0));
    await until('their sessions expire', () => notToldYet().length === 0);
    endRound();
    await allGone();
    assertTold([...recorder.sessions.values()].filter((one) => !told.has(one)));
    assertToldOnce();
    sizes.push(memory());
  }
  t.diagnostic(`${sizes.join(' and ')} KiB`);
  assert.ok(sizes[1] - sizes[0] <= MARGIN_KIB);
});
