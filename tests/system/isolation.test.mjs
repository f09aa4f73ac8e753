// Whatever a client receives is its own. Sixty-four sessions on three instances talk at the same
// time; all of them number their requests from 0 and use equal progress tokens, as clients do, and
// every message says whose it is. Half of what the servers say comes on the standalone streams.
//
// Most clients are written by hand, because official ones drop what they do not expect.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, test } from 'node:test';
import { call as callTool, connect, KINDS } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { openStream } from './lib/http.mjs';
import {
  initialize,
  inSession,
  messagesOf,
  open,
  post,
  postModern,
  toolCall,
} from './lib/mcp.mjs';
import { fixtureAdapter } from './lib/programs.mjs';
import { until } from './lib/wait.mjs';

const SESSIONS = 64;
const REPLICAS = 3;
const ROUNDS = 3;
const LINES = 8; // of each call, and as many on the standalone stream
const TOKEN = 7;

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end, { args: ['--workers', '2'] });
  await gateway.apply(fixtureAdapter('fixture', { replicaCount: REPLICAS }));
});

const call = (id, name, args) => {
  const request = toolCall(id, name, args);
  request.params._meta = { progressToken: TOKEN };
  return request;
};

// The stream of a call of `chatter` must hold its own lines and progress in order, and then its
// result. Returns the instance that has answered.
function judgeChat(messages, id, own) {
  const result = messages.pop();
  assert.equal(result.id, id, `${own}: result of another request`);
  const { nonce, instance } = JSON.parse(result.result.content[0].text);
  assert.equal(nonce, own, 'result of another session');
  const lines = messages.filter((one) => one.method === 'notifications/message');
  const progress = messages.filter((one) => one.method === 'notifications/progress');
  assert.equal(messages.length, lines.length + progress.length, JSON.stringify(messages));
  const numbers = Array.from({ length: LINES }, (_, n) => n + 1);
  assert.deepEqual(progress.map((one) => one.params.progress), numbers);
  assert.ok(progress.every((one) => one.params.progressToken === TOKEN));
  const data = lines.map((one) => one.params.data);
  assert.deepEqual(data, numbers.map((seq) => ({ nonce: own, seq, on: 'call' })));
  return instance;
}

// One session with everything that came for it.
class Session {
  static async open(t, nonce) {
    const url = gateway.mcpUrl('fixture');
    const session = new Session();
    session.nonce = nonce;
    session.headers = inSession(await open(url));
    session.post = (body) => post(url, body, session.headers);
    const accept = { ...session.headers, Accept: 'text/event-stream' };
    session.stream = openStream(endOf(t), url, accept);
    await session.text(call(0, 'introduce', { nonce }));
    return session;
  }

  // The text of the result of a call that must be answered with its own id and nothing else.
  async text(request) {
    const messages = messagesOf(await this.post(request));
    const result = messages.at(-1);
    assert.equal(result.id, request.id);
    return result.result.content[0].text;
  }

  // What one call says: LINES lines and as much progress on its own stream, then the result.
  async chat(id) {
    const args = { nonce: this.nonce, calls: LINES, standalone: LINES };
    const answer = await this.post(call(id, 'chatter', args));
    this.instances.add(judgeChat(messagesOf(answer), id, this.nonce));
  }

  instances = new Set();

  standalone() {
    return messagesOf(this.stream).map((one) => one.params.data);
  }
}

const helloOf = (nonce) => `hello ${nonce}`;

async function live(session) {
  for (let round = 0; round < ROUNDS; round++) {
    // Two calls at a time, whose ids every other session uses at the same time.
    const first = 1 + 2 * round;
    await Promise.all([session.chat(first), session.chat(first + 1)]);
    const who = JSON.parse(await session.text(call(0, 'who', {})));
    assert.equal(who.nonce, session.nonce, 'the server knows another session');
    session.instances.add(who.instance);
  }
}

test('sixty-four sessions with equal ids and tokens hear only what is theirs', async (t) => {
  const nonces = Array.from({ length: SESSIONS }, () => randomBytes(8).toString('hex'));
  const sessions = await Promise.all(nonces.map((nonce) => Session.open(t, nonce)));
  await until('every standalone stream', async () => {
    // What a server says before the stream is there is lost.
    const silent = sessions.filter((session) => session.standalone().length === 0);
    const hello = ({ nonce }) =>
      call(0, 'chatter', { nonce: helloOf(nonce), calls: 0, standalone: 1 });
    await Promise.all(silent.map((session) => session.text(hello(session))));
    return silent.length === 0;
  });
  await Promise.all(sessions.map(live));

  const expected = 2 * ROUNDS * LINES;
  for (const session of sessions) {
    // How many hellos there were, and whether the last has come yet, does not matter.
    const hello = helloOf(session.nonce);
    const lived = () => session.standalone().filter(({ nonce }) => nonce !== hello);
    await until('all of the standalone stream', () => lived().length >= expected);
    assert.equal(lived().length, expected);
    for (const { nonce, on } of lived()) {
      assert.deepEqual([nonce, on], [session.nonce, 'standalone'], 'a message of another session');
    }
    assert.equal(session.instances.size, 1, 'one instance for each session');
  }
  const used = new Set(sessions.flatMap((session) => [...session.instances]));
  assert.equal(used.size, REPLICAS);
});

test('batches of many sessions with equal ids get their own answers', async () => {
  const url = gateway.mcpUrl('fixture');
  const ask = async (nonce) => {
    const hello = initialize(0);
    hello.params.protocolVersion = '2025-03-26';
    const answer = await post(url, hello);
    const headers = { 'Mcp-Session-Id': answer.headers['mcp-session-id'] };
    await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, headers);
    const batch = [1, 2, 3].map((id) => toolCall(id, 'introduce', { nonce: `${nonce} ${id}` }));
    const messages = messagesOf(await post(url, batch, headers));
    const texts = messages.map(({ id, result }) => [id, result.content[0].text]);
    const expected = [1, 2, 3].map((id) => [id, `${nonce} ${id}`]);
    assert.deepEqual(texts.sort(), expected);
  };
  await Promise.all(Array.from({ length: 24 }, (_, n) => ask(`batch ${n}`)));
});

test('what a server asks back is answered by the client that it asked', async (t) => {
  const ask = async (speaker, nonce) => {
    const answers = {
      'elicitation/create': () => ({
        action: 'accept',
        content: { username: nonce, email: 'own@localhost' },
      }),
    };
    const url = gateway.mcpUrl('fixture');
    const session = await connect(endOf(t), speaker, url, { answers });
    for (let round = 0; round < ROUNDS; round++) {
      const text = await callTool(session, 'test_elicitation', { message: nonce });
      assert.equal(text, `accept {"username":"${nonce}","email":"own@localhost"}`);
    }
  };
  const asked = Array.from({ length: SESSIONS / 2 }, (_, n) =>
    ask(KINDS[n % KINDS.length], `user ${n}`));
  await Promise.all(asked);
});

test('modern requests with equal ids and tokens hear only what is theirs', async () => {
  const ask = async (nonce) => {
    const request = call(0, 'chatter', { nonce, calls: LINES, standalone: 0 });
    const answer = await postModern(gateway.mcpUrl('fixture'), request, { logLevel: 'info' });
    return judgeChat(messagesOf(answer), 0, nonce);
  };
  const instances = await Promise.all(Array.from({ length: SESSIONS }, (_, n) => ask(`m ${n}`)));
  assert.equal(new Set(instances).size, REPLICAS);
});
