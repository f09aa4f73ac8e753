// A changed definition replaces every instance, one after the other, under two hundred sessions
// that never pause: who sits on an instance that lives notices nothing, who sits on one that is
// replaced is told once, with 404, and goes on elsewhere with the next session.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { call, connect, KINDS } from './lib/clients.mjs';
import { Crowd } from './lib/crowd.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { toolCall } from './lib/mcp.mjs';
import { EXAMPLE_SERVER } from './lib/programs.mjs';
import { until, within } from './lib/wait.mjs';

const REPLICAS = 3;
const OFFICIAL = 12;
const RAW = 188;
const PACE_MS = 50; // between two calls of a session, so that this process keeps up
const LONG_MS = 60_000;

// It takes its time to start, so that meanwhile the others have to serve everybody; and to end,
// when it breaks off what it was doing and takes nothing more.
const SCRIPT = `sleep 0.5
setsid "$0" --port "$PORT" &
trap "kill -9 $!; sleep 1; exit" TERM
wait`;
const slowAdapter = (generation) => ({
  name: 'example',
  command: ['/bin/sh', '-c', SCRIPT, EXAMPLE_SERVER],
  replicaCount: REPLICAS,
  environmentVariables: { GENERATION: generation },
});

const end = endOfFile();
let gateway;
let oldAddresses;
before(async () => {
  gateway = await Gateway.start(end, { args: ['--workers', '2'] });
  const { instances } = await gateway.apply(slowAdapter('1'));
  oldAddresses = new Map(instances.map((one) => [one.name, one.address]));
});

const GONE = { status: 404, message: 'Session not found' };
const isGone = (text) => /-32001,"message":"Session not found/.test(text);
// What a session of an instance that has just ended is told while nobody has heard of that yet: the
// gateway waits half a second for the news, and on a busy machine they may come later.
const isUnheard = (text) => /-32603/.test(text);

// The first answer, unless that is of the moment only: then it must be the end of the session in
// time, and no call succeeds any more.
async function whenHeard(ask) {
  const first = await ask();
  if (!isUnheard(first.message ?? '')) return first;
  return until('the end of a session whose instance has ended', async () => {
    const later = await ask();
    if (later.value !== undefined) return { message: `${first.message}, and yet an answer` };
    return !isUnheard(later.message) && later;
  });
}

// A tool of a session: {value}, or {status, message} of what was answered instead.
class RawSession {
  static async open(crowd) {
    return new RawSession(crowd, await crowd.open());
  }

  constructor(crowd, id) {
    Object.assign(this, { crowd, id });
  }

  async call(name) {
    return whenHeard(async () => {
      const { status, text, message } = await this.crowd.post(this.id, toolCall(name, name));
      if (status === 200 && message?.result) return { value: message.result.structuredContent };
      if (status === 404 && isGone(text)) return GONE;
      return { status, message: text };
    });
  }

  close() {}
}

class OfficialSession {
  static async open(kind, endOfTest) {
    return new OfficialSession(await connect(endOfTest, kind, gateway.mcpUrl('example')));
  }

  constructor(session) {
    this.session = session;
  }

  // The client does not tell status and code, but the whole of what was answered.
  async call(name) {
    return whenHeard(async () => {
      try {
        return { value: JSON.parse(await call(this.session, name)) };
      } catch ({ message }) {
        return isGone(message) ? GONE : { message };
      }
    });
  }

  close() {
    return this.session.client.close();
  }
}

// Calls and calls until it is stopped, and opens another session whenever its session has ended.
class Client {
  constructor(open) {
    this.open = open;
    this.lives = []; // of sessions: {pid, instance, calls, end, seen}
    this.stopping = false;
    this.ended = this.#go();
    this.ended.catch((error) => (this.failure = error));
  }

  async #go() {
    while (!this.stopping) {
      const life = { calls: 0 };
      this.lives.push(life);
      const session = await this.#begin(life);
      while (!this.stopping && !life.end) {
        await count(session, life);
        await pause(PACE_MS);
      }
      if (life.instance && life.end) life.seen = await instanceOf(life);
      await session?.close();
    }
  }

  // A session may end while it is being opened.
  async #begin(life) {
    try {
      const session = await this.open();
      const { value, ...end } = await session.call('whoami');
      Object.assign(life, value ?? { end });
      return session;
    } catch ({ message }) {
      const hasBegun = !message.startsWith('initialize:'); // nobody opens one on what is leaving
      life.end = isGone(message) || (hasBegun && isUnheard(message)) ? GONE : { message };
      return undefined;
    }
  }

  get life() {
    return this.lives.at(-1);
  }

  stop() {
    this.stopping = true;
    return within('the last answer', this.ended);
  }
}

// One more call, whose answer says whether none was lost and none was made twice.
async function count(session, life) {
  const { value, ...end } = await session.call('count');
  if (value === undefined) life.end = end;
  else assert.equal(value.count, (life.calls += 1));
}

// What the gateway says at the moment of the instance that had the session, if it is still there:
// its successor has the same name, but not the same address.
async function instanceOf({ instance }) {
  const { instances } = await gateway.status('example');
  return instances.find((one) => one.address === oldAddresses.get(instance));
}

test('a rolling restart ends each session of a replaced instance once', async (t) => {
  const crowd = new Crowd(endOf(t), gateway.mcpUrl('example'));
  const openers = [
    ...Array.from({ length: RAW }, () => () => RawSession.open(crowd)),
    ...Array.from({ length: OFFICIAL }, (_, n) => () =>
      OfficialSession.open(KINDS[n % KINDS.length], endOf(t))),
  ];
  const clients = openers.map((open) => new Client(open));
  endOf(t)(() => clients.forEach((one) => (one.stopping = true)));
  const all = async (what, holds) => {
    const done = () => clients.every((one) => one.life && holds(one.life));
    await until(what, () => done() || clients.some((one) => one.failure), LONG_MS);
    const failures = clients.map((one) => one.failure).filter(Boolean);
    assert.equal(failures.length, 0, `${failures.length} clients, as: ${failures[0]?.message}`);
  };
  await all('every client is at work', (life) => life.calls > 2);
  const old = new Set(clients.map((one) => one.life.pid));
  assert.equal(old.size, REPLICAS);

  const changed = await gateway.rest('PUT', '/adapters/example', { body: slowAdapter('2') });
  assert.equal(changed.status, 200, changed.text);
  await all('every client is at work on a new instance', (life) =>
    !old.has(life.pid) && life.calls > 2);
  await Promise.all(clients.map((one) => one.stop()));

  const lives = clients.flatMap((one) => one.lives);
  const ended = lives.filter((one) => one.end);
  const calls = lives.reduce((sum, one) => sum + one.calls, 0);
  t.diagnostic(`${calls} calls in ${lives.length} sessions, of which ${ended.length} ended`);
  assert.deepEqual(ended.filter(({ end }) => end.status !== 404), []);
  const known = ended.filter((one) => one.pid);
  assert.deepEqual(known.filter(({ pid }) => !old.has(pid)), [], 'new instances stay');
  assert.deepEqual(known.filter(({ seen }) => seen?.ready), []);
  // One session after the other: at most one for each instance that was replaced, and the last.
  assert.ok(clients.every((one) => one.lives.length <= REPLICAS + 1));
});
