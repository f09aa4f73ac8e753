// Sealing keys: rotated under clients that are connected, shared by two gateways behind a load
// balancer that knows nothing of sessions, rotated by the gateway itself, and refused.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { before, describe, test } from 'node:test';
import { call, connect, count, failureOf, KINDS } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { cli, exampleAdapter, Gateway } from './lib/gateway.mjs';
import { request } from './lib/http.mjs';
import { inSession, initialize, post, toolCall } from './lib/mcp.mjs';
import { everythingCommand } from './lib/programs.mjs';
import { fetchAlone, Splitter } from './lib/splitter.mjs';
import { until } from './lib/wait.mjs';

const KEYS_MAX = 16;
const DAY_MS = 86_400_000;

const keyOf = (sessionId) => sessionId.split('.')[1];

// The servers live longer than the gateways under test: one more gateway runs them.
const end = endOfFile();
const urls = {};
before(async () => {
  const host = await Gateway.start(end);
  const everything = everythingCommand('streamableHttp');
  for (const adapter of [exampleAdapter('example'), { name: 'everything', command: everything }]) {
    const { instances } = await host.apply(adapter);
    urls[adapter.name] = `http://${instances[0].address}/mcp`;
  }
});

const shared = (name) => ({ name, url: urls[name], transport: 'streamable-http' });

function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
  endOf(t)(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function sessionKeys(...args) {
  const ended = await cli(['session-keys', ...args, '--json']);
  assert.equal(ended.code, 0, ended.stderr);
  return JSON.parse(ended.stdout);
}

async function newKeys(t) {
  const file = join(temporaryFolder(t), 'keys.json');
  await sessionKeys('new', file);
  return file;
}

// A session by hand, with the id of the key that has sealed it.
async function openSession(url) {
  const answer = await post(url, initialize());
  assert.equal(answer.status, 200, answer.text);
  const id = answer.headers['mcp-session-id'];
  return { id, key: keyOf(id) };
}

async function endSession(url, id) {
  const ended = await request(url, 'DELETE', '', { headers: inSession(id) });
  assert.equal(ended.status, 200, ended.text);
}

// Opens sessions until a key that is wanted seals one, and returns that. The others are ended,
// because the server holds no more than a thousand.
async function sessionSealedBy(what, url, isWanted) {
  return until(what, async () => {
    const session = await openSession(url);
    if (isWanted(session.key)) return session;
    await endSession(url, session.id);
    return false;
  });
}

const statusOf = async (url, id) => (await post(url, toolCall(1, 'count'), inSession(id))).status;

async function assertGone(url, id) {
  const answer = await post(url, toolCall(1, 'count'), inSession(id));
  assert.equal(answer.status, 404, answer.text);
  assert.equal(answer.json.error.code, -32001);
}

test('rotation under clients that are connected', async (t) => {
  const file = await newKeys(t);
  const gateway = await Gateway.start(endOf(t), { args: ['--session-keys', file] });
  await gateway.apply(shared('example'));
  const url = gateway.mcpUrl('example');
  const [first] = await sessionKeys('show', file);
  const old = await Promise.all(KINDS.map((kind) => connect(endOf(t), kind, url)));
  for (const session of old) assert.equal(keyOf(session.sessionId()), first.id);

  // They call without a pause while keys come, and no call fails.
  let calls = 0;
  let rotating = true;
  const busy = old.map(async (session) => {
    for (let n = 1; rotating; n++, calls++) assert.equal(await count(session), n);
  });
  await sessionKeys('rotate', file, '--activate-after', '1');
  const second = (await sessionKeys('show', file))[1];
  assert.equal(Date.parse(second.sealsFrom) - Date.parse(second.created), 1_000);
  const young = await sessionSealedBy('a session of the second key', url, (key) =>
    key === second.id);
  assert.equal((await sessionKeys('show', file))[1].state, 'sealing');
  const before = calls;
  await until('calls of old sessions after the rotation', () => calls > before + 20);
  rotating = false;
  await Promise.all(busy);

  // Fourteen more fill the file, and the next one drops the first key.
  for (let n = 2; n < KEYS_MAX; n++) await sessionKeys('rotate', file, '--activate-after', '0');
  const full = await sessionKeys('show', file);
  assert.equal(full.length, KEYS_MAX);
  await sessionSealedBy('a session of the last key', url, (key) => key === full.at(-1).id);
  for (const session of old) await count(session);
  await sessionKeys('rotate', file, '--activate-after', '0');
  await until('the end of the first key', async () => {
    return (await statusOf(url, old[0].sessionId())) === 404;
  });
  for (const session of old) {
    await assertGone(url, session.sessionId());
    assert.match((await failureOf(count(session))).message, /Session not found/);
  }
  assert.equal(await statusOf(url, young.id), 200);
});

test('a file that becomes no good leaves the keys in force', async (t) => {
  const file = await newKeys(t);
  const gateway = await Gateway.start(endOf(t), { args: ['--session-keys', file] });
  await gateway.apply(shared('example'));
  const url = gateway.mcpUrl('example');
  const { id, key } = await openSession(url);
  chmodSync(file, 0o640);
  await until('a complaint in the log', () => gateway.log().includes('chmod 600'));
  assert.equal(await statusOf(url, id), 200);
  assert.equal((await openSession(url)).key, key);
  chmodSync(file, 0o600);
  await sessionKeys('rotate', file, '--activate-after', '0');
  await sessionSealedBy('a session of the next key', url, (next) => next !== key);
  assert.equal(await statusOf(url, id), 200);
});

test('the gateway rotates its own keys, and old sessions go on', async (t) => {
  const youngestSealsFrom = ({ dataDir }) => {
    const database = new DatabaseSync(join(dataDir, 'controlplane.db'), { readOnly: true });
    const query = 'SELECT max(seals_from_unix_ms) AS youngest FROM sealing_keys';
    const { youngest } = database.prepare(query).get();
    database.close();
    return youngest;
  };
  const folder = temporaryFolder(t);
  const first = await Gateway.start(endOf(t), { folder });
  await first.apply(shared('example'));
  const { id, key } = await openSession(first.mcpUrl('example'));
  await first.stop();
  const database = new DatabaseSync(join(first.dataDir, 'controlplane.db'));
  database.exec(`UPDATE sealing_keys SET created_at_unix_ms = created_at_unix_ms - ${2 * DAY_MS},
    seals_from_unix_ms = seals_from_unix_ms - ${2 * DAY_MS}`);
  database.close();

  const args = ['--session-key-days', '2'];
  const second = await Gateway.start(endOf(t), { folder, args });
  await second.healthy('example', 1);
  await second.known('example');
  const url = second.mcpUrl('example');
  const opened = await openSession(url);
  const sealsFrom = youngestSealsFrom(second);
  if (Date.now() < sealsFrom) assert.equal(opened.key, key, 'a new key only opens at first');
  const young = await sessionSealedBy('a session of the next key', url, (next) => next !== key);
  assert.ok(Date.now() >= sealsFrom, 'it seals when its time has come');
  assert.equal(await statusOf(url, id), 200);
  await second.kill(second.dataplane);
  assert.equal(await statusOf(url, id), 200);
  assert.equal(await statusOf(url, young.id), 200);
});

describe('two gateways behind a splitter', () => {
  let gateways;
  let splitter;
  let file;
  const at = (name) => new URL(`/adapters/${name}/mcp`, splitter.url);
  const answers = {
    'sampling/createMessage': () => ({
      model: 'none',
      role: 'assistant',
      content: { type: 'text', text: 'sampled' },
    }),
    'elicitation/create': () => ({ action: 'accept', content: { name: 'Ada', check: true } }),
  };

  before(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
    end(() => rmSync(folder, { recursive: true, force: true }));
    file = join(folder, 'keys.json');
    await sessionKeys('new', file);
    gateways = [];
    for (const name of ['a', 'b']) {
      mkdirSync(join(folder, name));
      const args = ['--session-keys', file];
      const gateway = await Gateway.start(end, { folder: join(folder, name), args });
      for (const adapter of Object.keys(urls)) await gateway.apply(shared(adapter));
      gateways.push(gateway);
    }
    splitter = await Splitter.start(end, gateways.map((gateway) => gateway.url));
  });

  // The GET stream is opened by the client by itself; the next connections alternate for sure.
  async function connectThrough(t, kind, options = {}) {
    const from = splitter.connections.length;
    const session = await connect(endOf(t), kind, at('everything'), {
      transport: { fetch: fetchAlone },
      answers,
      ...options,
    });
    await until('the standalone stream', () => {
      return splitter.requests().slice(from).some((one) => one.method === 'GET');
    });
    return session;
  }

  for (const kind of KINDS) {
    test(`requests of one session alternate, ${kind} client`, async (t) => {
      const from = splitter.connections.length;
      const session = await connectThrough(t, kind);
      for (let n = 0; n < 10; n++) {
        assert.equal(await call(session, 'echo', { message: `${n}` }), `Echo: ${n}`);
      }
      const used = splitter.requests().slice(from);
      for (const gateway of gateways) {
        const calls = used.filter((one) => one.to === gateway.url && one.message?.params?.name);
        assert.equal(calls.length, 5);
      }
    });

    for (const [tool, args, proof] of [
      ['trigger-sampling-request', { prompt: 'p', maxTokens: 5 }, /sampled/],
      ['trigger-elicitation-request', {}, /Ada/],
    ]) {
      test(`the answer to a ${tool} goes through the other gateway, ${kind} client`, async (t) => {
        const session = await connectThrough(t, kind);
        const ways = new Set();
        for (let round = 0; round < 3; round++) {
          const from = splitter.connections.length;
          assert.match(await call(session, tool, args), proof);
          const used = splitter.requests().slice(from);
          const asked = used.find((one) => one.message?.params?.name === tool);
          const answered = used.find((one) => one.message?.result);
          assert.notEqual(asked.to, answered.to);
          ways.add(asked.to);
          await call(session, 'echo', { message: 'so that the next one begins elsewhere' });
        }
        assert.equal(ways.size, 2, 'in both directions');
      });
    }

    test(`notifications reach the stream of the other gateway, ${kind} client`, async (t) => {
      const updated = [];
      const on = {
        'notifications/resources/updated': (note) => void updated.push(note.params.uri),
        'notifications/message': () => {},
      };
      const session = await connectThrough(t, kind, { on });
      const { resources } = await session.client.listResources();
      for (const { uri } of resources.slice(0, 2)) await session.client.subscribeResource({ uri });
      await call(session, 'toggle-subscriber-updates');
      for (const { uri } of resources.slice(0, 2)) {
        await until(`an update of ${uri}`, () => updated.includes(uri));
      }
      await call(session, 'toggle-subscriber-updates');
    });

    test(`DELETE through either gateway ends the session for both, ${kind} client`, async (t) => {
      const deletedBy = new Set();
      for (let round = 0; deletedBy.size < 2; round++) {
        assert.ok(round < 10, 'each gateway gets a DELETE');
        const session = await connect(endOf(t), kind, at('example'), {
          transport: { fetch: fetchAlone },
        });
        for (let n = 0; n <= round % 2; n++) await count(session);
        const id = session.sessionId();
        const from = splitter.connections.length;
        await session.transport.terminateSession();
        const used = splitter.requests().slice(from);
        deletedBy.add(used.find((one) => one.method === 'DELETE').to);
        for (const gateway of gateways) await assertGone(gateway.mcpUrl('example'), id);
      }
    });
  }

  test('rotation reaches both before either seals with the new key', async (t) => {
    const from = (await sessionKeys('show', file)).length;
    const session = await connect(endOf(t), 'sdk', at('example'), {
      transport: { fetch: fetchAlone },
    });
    // More than enough for both to read the file, also when this machine is busy.
    await sessionKeys('rotate', file, '--activate-after', '10');
    const { id: young } = (await sessionKeys('show', file))[from];
    // Every session that is opened meanwhile is used at once through the other gateway, and ended,
    // because the server holds no more than a thousand.
    let calls = 0;
    const end = performance.now() + 60_000;
    for (const seen = new Set(); seen.size < 2; ) {
      assert.ok(performance.now() < end, `${seen.size} of them seal with it`);
      for (const [one, other] of [gateways, [...gateways].reverse()]) {
        const { id, key } = await openSession(one.mcpUrl('example'));
        if (key === young) seen.add(one);
        assert.equal(await statusOf(other.mcpUrl('example'), id), 200);
        await endSession(other.mcpUrl('example'), id);
        assert.equal(await count(session), ++calls);
      }
    }
  });

  test('a restart of one gateway changes nothing', async (t) => {
    const session = await connectThrough(t, 'sdk');
    assert.equal(await call(session, 'echo', { message: 'before' }), 'Echo: before');
    const [old, other] = gateways;
    splitter.targets = [other.url]; // a balancer that has noticed
    await old.stop();
    assert.equal(await call(session, 'echo', { message: 'meanwhile' }), 'Echo: meanwhile');
    const args = ['--session-keys', file];
    const next = await Gateway.start(endOf(t), { folder: old.folder, args });
    await next.healthy('everything', 1);
    await next.known('everything');
    gateways = [next, other];
    splitter.targets = gateways.map((gateway) => gateway.url);
    const from = splitter.connections.length;
    for (let n = 0; n < 6; n++) {
      assert.equal(await call(session, 'echo', { message: `${n}` }), `Echo: ${n}`);
    }
    const used = new Set(splitter.requests().slice(from).map((one) => one.to));
    assert.equal(used.size, 2);
    assert.match(await call(session, 'trigger-elicitation-request'), /Ada/);
  });
});

describe('files that are refused', () => {
  const good = async (file) => void (await sessionKeys('new', file));
  const cases = [
    ['a missing one', async () => {}, /cannot read .*keys\.json/],
    ['an empty one', (file) => writeFileSync(file, '', { mode: 0o600 }), /keys\.json: is empty/],
    [
      'a broken one',
      (file) => writeFileSync(file, '{\n  "version": 1,\n  "keys": [}\n', { mode: 0o600 }),
      /keys\.json: line 3, column \d+.*session-keys new/,
    ],
    [
      'one with an unknown key',
      (file) => writeFileSync(file, '{"version":1,"keys":[],"extra":1}', { mode: 0o600 }),
      /keys\.json: extra is not a known field/,
    ],
    ['one that its group may read', async (file) => {
      await good(file);
      chmodSync(file, 0o640);
    }, /keys\.json: .*chmod 600/],
    ['one that others may read', async (file) => {
      await good(file);
      chmodSync(file, 0o604);
    }, /keys\.json: .*chmod 600/],
    ['a folder', (file) => mkdirSync(file), /keys\.json: is not a regular file/],
  ];
  for (const [what, make, sentence] of cases) {
    test(what, async (t) => {
      const folder = temporaryFolder(t);
      const file = join(folder, 'keys.json');
      await make(file);
      const ports = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
      const up = ['up', '--data-dir', join(folder, 'data'), ...ports];
      const env = { MCP_GATEWAY_SESSION_KEYS: file };
      for (const ended of [
        await cli([...up, '--session-keys', file], { deadlineMs: 20_000 }),
        await cli(up, { deadlineMs: 20_000, env }),
      ]) {
        assert.equal(ended.code, 2, `${ended.code}\n${ended.stdout}${ended.stderr}`);
        assert.match(ended.stderr, sentence);
      }
    });
  }

  test('an existing file is not overwritten', async (t) => {
    const file = await newKeys(t);
    const before = await sessionKeys('show', file);
    const ended = await cli(['session-keys', 'new', file]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /exists/);
    const after = await sessionKeys('show', file);
    assert.deepEqual(after.map((key) => key.id), before.map((key) => key.id));
  });
});
