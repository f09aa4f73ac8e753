// The scenarios of microsoft/mcp-gateway for the data plane, with our answers: one test for each
// row, named by it. Rows about tokens are missing: there are none yet.
import assert from 'node:assert/strict';
import net from 'node:net';
import { before, describe, test } from 'node:test';
import { endOf, endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { openStream, request } from './lib/http.mjs';
import { initialize, inSession, messageOf, open, post, toolCall, valueOf } from './lib/mcp.mjs';
import { ALICE, as, MEMBER, STRANGER } from './lib/scenarios.mjs';
import { polite, ToldServer } from './lib/told_server.mjs';
import { until } from './lib/wait.mjs';

const end = endOfFile();
let gateway;
let server;
const REPLICAS = 3;
before(async () => {
  gateway = await Gateway.start(end);
  server = await ToldServer.start(end);
  await gateway.apply(exampleAdapter('example', { replicaCount: REPLICAS }));
  await gateway.apply({ name: 'told', url: server.url });
});

const example = () => gateway.mcpUrl('example');
const told = () => gateway.mcpUrl('told');
const whoami = (session, headers = {}) => (
  post(example(), toolCall(1, 'whoami'), inSession(session, headers)));
const list = { jsonrpc: '2.0', id: 5, method: 'tools/list', params: {} };

function assertError(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.error.code, code, answer.text);
}

describe('where requests go', () => {
  test('GET /', async () => {
    const { status, headers } = await gateway.rest('GET', '/');
    assert.equal(status, 404);
    assert.equal(headers.location, undefined);
  });

  test('POST /adapters/unknown/mcp', async () => {
    assertError(await post(gateway.mcpUrl('unknown'), initialize()), 404, -32000);
  });

  test('not permitted', async (t) => {
    endOf(t)(() => gateway.rest('DELETE', '/adapters/private', { headers: ALICE }));
    const body = { name: 'private', url: server.url };
    await gateway.rest('POST', '/adapters', { body, headers: ALICE });
    await until('routing', async () => (
      (await post(gateway.mcpUrl('private'), initialize(), ALICE)).status === 200));
    const denied = await post(gateway.mcpUrl('private'), initialize(), STRANGER);
    assertError(denied, 404, -32000);
    const missing = await post(gateway.mcpUrl('unknown'), initialize(), STRANGER);
    assert.equal(denied.text.replaceAll('private', 'unknown'), missing.text);
  });

  test('no ready pod', async (t) => {
    endOf(t)(() => gateway.rest('DELETE', '/adapters/none'));
    await gateway.rest('POST', '/adapters', { body: exampleAdapter('none', { replicaCount: 0 }) });
    await until('routing', async () => (
      (await post(gateway.mcpUrl('none'), initialize())).status !== 404));
    assertError(await post(gateway.mcpUrl('none'), initialize()), 503, -32603);
  });

  test('initialize without id, next POST with the returned id: same pod, also after a restart of'
    + ' the gateway', async () => {
    const sessions = await Promise.all(Array.from({ length: 12 }, () => open(example())));
    const first = await Promise.all(sessions.map(async (one) => valueOf(await whoami(one)).pid));
    assert.equal(new Set(first).size, REPLICAS, 'every instance has some');
    await gateway.onDisk('example', REPLICAS);
    await gateway.kill(gateway.dataplane);
    for (const [n, session] of sessions.entries()) {
      assert.equal(valueOf(await whoami(session)).pid, first[n]);
    }
  });

  test('id in query `session_id`', async () => {
    const session = await open(example());
    const { pid } = valueOf(await whoami(session));
    const ask = (path, headers) => request(gateway.url, 'POST', path, {
      headers: { Accept: 'application/json, text/event-stream', ...headers },
      body: toolCall(1, 'whoami'),
    });
    const both = await ask('/adapters/example/mcp?session_id=forged', inSession(session));
    assert.equal(valueOf(both).pid, pid, 'the header counts');
    const only = await ask(`/adapters/example/mcp?session_id=${session}`, {});
    assert.notEqual(only.status, 200, 'the query does not');
  });

  test('same id, other user / other adapter', async (t) => {
    endOf(t)(() => gateway.rest('DELETE', '/adapters/shared', { headers: ALICE }));
    const body = exampleAdapter('shared', { requiredRoles: ['team'] });
    await gateway.rest('POST', '/adapters', { body, headers: ALICE });
    const url = gateway.mcpUrl('shared');
    await until('routing', async () => (await post(url, initialize(), MEMBER)).status === 200);
    const session = await open(url, MEMBER);
    const asked = (headers) => post(url, toolCall(1, 'whoami'), inSession(session, headers));
    assert.equal((await asked(MEMBER)).status, 200);
    assertError(await asked(ALICE), 404, -32001);
    assertError(await whoami(session), 404, -32001);
  });

  test('ids `bad:id`, `bad/id`, `..`, `evil@host`, `has space`, 129 chars; unknown session',
    async () => {
      const before = server.requests.length;
      const ids = ['bad:id', 'bad/id', '..', 'evil@host', 'has space', 'a'.repeat(129), 'unknown'];
      for (const id of ids) assertError(await post(told(), list, inSession(id)), 404, -32001);
      assert.equal(server.requests.length, before);
    });

  test('adapter deleted: its sessions are invalid at once', async () => {
    await gateway.apply({ name: 'short', url: server.url });
    const url = gateway.mcpUrl('short');
    const session = await open(url);
    assert.equal((await gateway.rest('DELETE', '/adapters/short')).status, 204);
    await until('404', async () => (await post(url, list, inSession(session))).status === 404);
  });

  test('role revoked in mid-session', async (t) => {
    endOf(t)(() => gateway.rest('DELETE', '/adapters/revoked', { headers: ALICE }));
    const body = { name: 'revoked', url: server.url, requiredRoles: ['team'] };
    await gateway.rest('POST', '/adapters', { body, headers: ALICE });
    const url = gateway.mcpUrl('revoked');
    await until('routing', async () => (await post(url, initialize(), MEMBER)).status === 200);
    const session = await open(url, MEMBER);
    assert.equal((await post(url, list, inSession(session, MEMBER))).status, 200);
    assertError(await post(url, list, inSession(session, as('bob', 'mcp.dev'))), 404, -32000);
  });
});

describe('what servers answer', () => {
  const answersOnce = (t, answer) => {
    const { answer: before } = server;
    server.answer = answer;
    endOf(t)(() => (server.answer = before));
  };

  test('backend issues id `abc_DEF.1~x` (legal MCP)', async (t) => {
    for (const id of ['abc_DEF.1~x', '!~', 'x'.repeat(1024)]) {
      answersOnce(t, polite(id));
      const session = await open(told());
      assert.equal((await post(told(), list, inSession(session))).status, 200);
      assert.equal(server.last.headers['mcp-session-id'], id);
    }
  });

  test('backend issues an id with control characters or over the limit', async (t) => {
    for (const id of ['a\tb', 'x'.repeat(1025), 'has space']) {
      answersOnce(t, polite(id));
      const answer = await post(told(), initialize());
      assert.equal(answer.status, 502, `${id}: ${answer.text}`);
      assert.equal(answer.headers['mcp-session-id'], undefined);
    }
  });

  test('backend 4xx on initialize', async (t) => {
    for (const status of [400, 401, 404, 406, 429]) {
      const headers = { 'Content-Type': 'application/json', 'Retry-After': '7' };
      const body = `{"why":${status}}`;
      answersOnce(t, () => ({ status, headers, body }));
      const answer = await post(told(), initialize());
      assert.deepEqual([answer.status, answer.text], [status, body]);
      assert.equal(answer.headers['retry-after'], '7');
    }
  });

  test('backend down', async (t) => {
    const listener = net.createServer((socket) => socket.resetAndDestroy());
    await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
    endOf(t)(() => new Promise((resolve) => listener.close(resolve)));
    endOf(t)(() => gateway.rest('DELETE', '/adapters/down'));
    const body = { name: 'down', url: `http://127.0.0.1:${listener.address().port}/mcp` };
    await gateway.rest('POST', '/adapters', { body });
    await until('routing', async () => (
      (await post(gateway.mcpUrl('down'), initialize())).status !== 404));
    const answer = await post(gateway.mcpUrl('down'), initialize());
    assert.ok([502, 503].includes(answer.status), answer.text);
    assert.equal(answer.json.error.code, -32603);
  });

  test('first byte too late', async (t) => {
    endOf(t)(() => gateway.rest('DELETE', '/adapters/late'));
    const timeouts = { firstByteMs: 200 };
    await gateway.apply({ name: 'late', url: server.url, timeouts });
    const { answer: before } = server;
    server.answer = () => ({ status: 200, body: () => {} });
    endOf(t)(() => (server.answer = before));
    assertError(await post(gateway.mcpUrl('late'), initialize()), 504, -32603);
  });

  test('response headers', async (t) => {
    answersOnce(t, polite('session-2', {
      Server: 'theirs', 'Set-Cookie': 'a=b', 'Cache-Control': 'no-store', 'Retry-After': '3',
      'Mcp-New-Header': 'kept',
    }));
    const { headers } = await post(told(), initialize());
    assert.notEqual(headers.server, 'theirs');
    assert.equal(headers['set-cookie'], undefined);
    assert.equal(headers['cache-control'], 'no-store');
    assert.equal(headers['retry-after'], '3');
    assert.equal(headers['mcp-new-header'], 'kept');
    assert.match(headers['content-type'], /^application\/json/);
    assert.match(headers['mcp-session-id'], /^v1\./);
  });

  test('SSE frames arrive as emitted; disconnect propagates to the backend', async (t) => {
    const session = await open(told());
    let stream;
    let left = false;
    answersOnce(t, () => ({
      status: 200,
      headers: { 'Content-Type': 'text/event-stream' },
      body: (response) => {
        stream = response;
        response.on('close', () => (left = true));
        response.flushHeaders();
      },
    }));
    const headers = { ...inSession(session), Accept: 'text/event-stream' };
    const seen = openStream(endOf(t), told(), headers);
    assert.equal(await seen.status, 200);
    for (const n of [1, 2, 3]) {
      stream.write(`event: message\ndata: {"n":${n}}\n\n`);
      await until(`frame ${n}`, () => seen.text.endsWith(`{"n":${n}}\n\n`));
    }
    seen.close();
    await until('the end at the server', () => left);
  });
});

describe('what servers are sent', () => {
  test('GET stream, DELETE', async (t) => {
    const session = await open(example());
    const { instance } = valueOf(await whoami(session));
    const headers = { ...inSession(session), Accept: 'text/event-stream' };
    const stream = openStream(endOf(t), example(), headers);
    assert.equal(await stream.status, 200);
    assert.match(stream.headers['content-type'], /^text\/event-stream/);
    assert.match(instance, /^example-/);
    const own = await open(told());
    const { origin, pathname } = told();
    const deleted = await request(origin, 'DELETE', pathname, { headers: inSession(own) });
    assert.equal(deleted.status, 200);
    assert.deepEqual([server.last.method, server.last.headers['mcp-session-id']],
      ['DELETE', 'session-1']);
    assertError(await post(told(), list, inSession(own)), 404, -32001);
  });

  test('spoofed X-Mcp-UserId/Roles, X-Gateway-Secret, Authorization', async () => {
    const spoofed = {
      'X-Mcp-UserId': 'root', 'X-Mcp-Roles': 'mcp.admin', 'X-Mcp-UserName': 'root',
      X_Mcp_UserId: 'root', Authorization: 'Bearer t',
    };
    assert.equal((await post(told(), initialize(), spoofed)).status, 200);
    const { headers } = server.last;
    assert.deepEqual([headers['x-mcp-userid'], headers['x-mcp-roles']], ['dev', 'mcp.dev']);
    for (const name of ['x-mcp-username', 'x_mcp_userid', 'authorization']) {
      assert.equal(headers[name], undefined, name);
    }
    await post(told(), initialize());
    assert.equal(server.last.headers['x-gateway-secret'], undefined, 'the gateway has no secret');
  });

  test('Host, Cookie, hop-by-hop, X-Dev-* of the client', async () => {
    const sent = {
      Cookie: 'a=b', 'X-Dev-UserId': 'dev', 'X-Forwarded-For': '1.2.3.4', TE: 'trailers',
      'Keep-Alive': 'timeout=5', 'Proxy-Connection': 'keep-alive', Origin: 'http://localhost:1',
      Connection: 'X-Named', 'X-Named': 'hop',
    };
    assert.equal((await post(told(), initialize(), sent)).status, 200);
    const { headers } = server.last;
    assert.equal(headers.host, server.host);
    for (const name of Object.keys(sent).filter((one) => one !== 'Connection')) {
      assert.equal(headers[name.toLowerCase()], undefined, name);
    }
    assert.notEqual(headers.connection, 'X-Named');
  });

  test('body with Content-Length, chunked without length, > 64 KiB', async () => {
    const text = (size) => JSON.stringify({ ...list, params: { _: 'x'.repeat(size) } });
    for (const size of [0, 70_000, 3_000_000]) {
      for (const framing of [{}, { 'Transfer-Encoding': 'chunked' }]) {
        const answer = await post(told(), text(size), framing);
        assert.equal(answer.status, 200, answer.text);
        assert.ok(server.last.body === text(size), `${size} bytes, ${JSON.stringify(framing)}`);
      }
    }
  });

  test('backend answering 307: nothing is followed', async (t) => {
    const { answer: before } = server;
    endOf(t)(() => (server.answer = before));
    server.answer = () => ({ status: 307, headers: { Location: '/mcp/' } });
    const count = server.requests.length;
    const answer = await post(told(), initialize());
    assert.equal(answer.status, 307);
    assert.equal(server.requests.length, count + 1);
    assert.equal(messageOf(await whoami(await open(example()))).error, undefined);
  });
});
