// --audit-log: one line for every MCP request, with what the documentation says and nothing of what
// was said; and which lines are there after rotations, a full disk and a death.
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { before, describe, test } from 'node:test';
import { allLines, filesOf, linesAfterKill, linesIn, linesOf, Traced } from './lib/audit_lines.mjs';
import { call, connect } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Front } from './lib/front.mjs';
import { cli, exampleAdapter, Gateway } from './lib/gateway.mjs';
import { openStream, request } from './lib/http.mjs';
import {
  initialize, inSession, modernRequest, open, post, toolCall,
} from './lib/mcp.mjs';
import { metricsOf } from './lib/metrics.mjs';
import { everythingCommand, fixtureAdapter } from './lib/programs.mjs';
import { MARKER } from './lib/secrecy.mjs';
import { as, startSecured } from './lib/secured.mjs';
import { ToldServer } from './lib/told_server.mjs';
import { TokenIssuer } from './lib/token_issuer.mjs';
import { until } from './lib/wait.mjs';

const ONE_WORKER = { audit: true, args: ['--workers', '1'] };
const QUEUE = 4096; // records that one worker may have to lose

const ANN = { 'X-Dev-UserId': 'ann', 'X-Dev-Roles': 'team', 'X-Dev-Tenant': 'blue' };
const ADMIN = { 'X-Dev-UserId': 'root', 'X-Dev-Roles': 'mcp.admin' };
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };

const sessionsOf = async (user) =>
  (await gateway.rest('GET', `/sessions?user=${user}`, { headers: ADMIN })).json;
const members = (line) => Object.keys(line).sort();

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end, ONE_WORKER);
  const team = { requiredRoles: ['team'] };
  await gateway.apply(exampleAdapter('plain', team));
  await gateway.apply(exampleAdapter('owned', { ...team, tenant: 'acme' }));
  await gateway.apply(exampleAdapter('ruled', {
    ...team,
    accessRules: [{ effect: 'deny', tools: ['echo'] }],
  }));
  await gateway.apply(fixtureAdapter('modern', team));
  await gateway.apply({
    name: 'old',
    command: everythingCommand('sse'),
    transport: 'sse',
    ...team,
  });
});

describe('a line', () => {
  test('has the documented members, and no others', async () => {
    const url = gateway.mcpUrl('plain');
    const id = await open(url, ANN);
    const session = await until('the session', async () =>
      (await sessionsOf('ann')).find((one) => one.adapter === 'plain'));
    const body = JSON.stringify(toolCall(7, 'sleep', { ms: 50 }));
    const from = Date.now();
    let answer;
    const [line, ...more] = await linesOf(gateway, async () => {
      const traceparent = `00-${TRACE}-b7ad6b7169203331-01`;
      answer = await post(url, body, inSession(id, { ...ANN, traceparent }));
      assert.equal(answer.status, 200, answer.text);
    });
    assert.deepEqual(more, []);
    const { time, durationMs, ...rest } = line;
    assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.ok(Date.parse(time) >= from + 49 && Date.parse(time) <= Date.now(), time);
    assert.ok(durationMs >= 49 && durationMs < Date.now() - from + 1, `${durationMs}`);
    assert.deepEqual(rest, {
      user: 'ann',
      tenant: 'blue',
      adapter: 'plain',
      instance: 'plain-0',
      httpMethod: 'POST',
      method: 'tools/call',
      tool: 'sleep',
      session: session.id.split('-').at(-1),
      status: 200,
      requestBytes: body.length,
      responseBytes: Buffer.byteLength(answer.text),
      traceId: TRACE,
    });
  });

  test('names the tenant of the adapter before that of the caller', async () => {
    const lines = await linesOf(gateway, () => open(gateway.mcpUrl('owned'), ANN));
    assert.deepEqual(lines.map((line) => [line.method, line.tenant]), [
      ['initialize', 'acme'],
      ['notifications/initialized', 'acme'],
    ]);
  });

  test('is there for every request of a client, in its order', async (t) => {
    const lines = await linesOf(gateway, async () => {
      const url = gateway.mcpUrl('modern');
      const session = await connect(endOf(t), 'client modern', url, { headers: ANN });
      await session.client.listTools();
      assert.equal(await call(session, 'test_simple_text'), 'A simple text.');
    });
    const said = lines.map(({ method, tool, status }) => [method, tool, status]);
    assert.deepEqual(said, [
      ['server/discover', undefined, 200],
      ['tools/list', undefined, 200],
      ['tools/call', 'test_simple_text', 200],
    ]);
    assert.equal(lines[0].session, undefined);
  });

  test('says neither method nor tool of a batch, of GET and of DELETE', async () => {
    const url = gateway.mcpUrl('plain');
    const id = await open(url, ANN);
    const all = inSession(id, ANN);
    const lines = await linesOf(gateway, async () => {
      await post(url, [toolCall(1, 'count'), toolCall(2, 'whoami')], all);
      await request(url.origin, 'DELETE', url.pathname, { headers: all });
      await request(url.origin, 'PUT', url.pathname, { headers: all });
    });
    assert.deepEqual(lines.map((line) => line.httpMethod), ['POST', 'DELETE', 'PUT']);
    for (const line of lines) {
      assert.ok(!('method' in line) && !('tool' in line), JSON.stringify(line));
    }
    assert.equal(lines[2].status, 405);
  });

  test('of a stream comes when the stream ends', async (t) => {
    const url = gateway.mcpUrl('plain');
    const id = await open(url, ANN);
    const isOpen = () => linesIn(gateway.auditFile).every((line) => line.httpMethod !== 'GET');
    const headers = inSession(id, { ...ANN, Accept: 'text/event-stream' });
    const stream = openStream(endOf(t), url, headers);
    assert.equal(await stream.status, 200);
    await linesOf(gateway, () => {});
    assert.ok(isOpen(), 'it goes on');
    stream.close();
    const line = await until('the line of the stream', () =>
      linesIn(gateway.auditFile).find((one) => one.httpMethod === 'GET'));
    assert.deepEqual([line.adapter, line.status, line.user], ['plain', 200, 'ann']);
  });

  test('of a client that went away has status 0', async (t) => {
    const asked = [];
    const silent = http.createServer((incoming) => {
      incoming.resume();
      asked.push(incoming);
    });
    await new Promise((resolve) => silent.listen(0, '127.0.0.1', resolve));
    endOf(t)(() => {
      silent.closeAllConnections();
      silent.close();
    });
    const url = `http://127.0.0.1:${silent.address().port}/mcp`;
    await gateway.apply({ name: 'silent', url, requiredRoles: ['team'] });
    const { headers, body } = modernRequest(toolCall(1, 'anything'));
    const options = { method: 'POST', agent: false, headers: { ...headers, ...ANN } };
    const gone = http.request(gateway.mcpUrl('silent'), options);
    gone.on('error', () => {}); // it is given up
    gone.end(JSON.stringify(body));
    await until('the call at the server', () => asked.length === 1);
    gone.destroy();
    const line = await until('its line', () =>
      linesIn(gateway.auditFile).find((one) => one.tool === 'anything'));
    const { adapter, status, user, instance, refusal } = line;
    assert.deepEqual([adapter, status, user, instance], ['silent', 0, 'ann', 'silent-0']);
    assert.equal(refusal, undefined);
  });

  test('is there for both halves of 2024-11-05', async (t) => {
    let session;
    const lines = await linesOf(gateway, async () => {
      const url = new URL('/adapters/old/sse', gateway.url);
      session = await connect(endOf(t), 'sdk', url, { over: 'sse', headers: ANN });
      assert.equal(await call(session, 'echo', { message: 'x' }), 'Echo: x');
    });
    assert.deepEqual(lines.map(({ httpMethod, method, tool }) => [httpMethod, method, tool]), [
      ['POST', 'initialize', undefined],
      ['POST', 'notifications/initialized', undefined],
      ['POST', 'tools/call', 'echo'],
    ]);
    await session.client.close();
    const stream = await until('the line of the stream', () => linesIn(gateway.auditFile)
      .find((line) => line.adapter === 'old' && line.httpMethod === 'GET'));
    assert.equal(stream.session, lines[0].session);
  });

  test('is there for no request that is not for a server', async () => {
    const lines = await linesOf(gateway, async () => {
      for (const path of ['/ping', '/healthz', '/readyz', '/openapi.json', '/adapters',
        '/adapters/plain/status', '/sessions', '/.well-known/mcp-gateway/jwks.json', '/nowhere']) {
        await gateway.rest('GET', path);
      }
      await gateway.rest('OPTIONS', '/adapters/plain/mcp');
    });
    assert.deepEqual(lines, []);
  });
});

describe('a refusal', () => {
  // What is asked, and what the line says of it.
  const refusals = {
    'by a rule': [
      () => post(gateway.mcpUrl('ruled'), toolCall(1, 'echo'), ANN),
      { adapter: 'ruled', method: 'tools/call', tool: 'echo', status: 403 },
      /^The access rules of this server do not allow/,
    ],
    'of a message that is unclear': [
      () => post(gateway.mcpUrl('ruled'), '{"id":1,"method":"ping","method":"ping"}', ANN),
      { adapter: 'ruled', status: 400 },
      /^The access rules of this server cannot be held/,
    ],
    'of a session that is not known': [
      () => post(gateway.mcpUrl('plain'), PING, inSession('none', ANN)),
      { adapter: 'plain', method: 'ping', status: 404 },
      /^Session not found$/,
    ],
    'of an adapter that is not there': [
      () => post(gateway.mcpUrl('absent'), PING, ANN),
      { adapter: 'absent', method: 'ping', status: 404 },
      /^No such adapter$/,
    ],
    'to somebody who may not read it': [
      () => post(gateway.mcpUrl('plain'), PING, { ...ANN, 'X-Dev-Roles': 'others' }),
      { adapter: 'plain', method: 'ping', status: 404 },
      /^No such adapter$/,
    ],
    'of a body that is too large': [
      () => post(gateway.mcpUrl('plain'), JSON.stringify('x'.repeat(5 << 20)), ANN),
      { adapter: 'plain', status: 413 },
      /^Request body too large$/,
    ],
    'of a call that names its tool too late': [
      () => {
        const x = 'x'.repeat(2 << 20);
        const body = `{"id":1,"method":"tools/call","params":{"x":"${x}","name":"count"}}`;
        return post(gateway.mcpUrl('ruled'), body, ANN);
      },
      { adapter: 'ruled', method: 'tools/call', status: 400 },
      /^The access rules of this server cannot be held/,
    ],
    'of an origin that is not allowed': [
      () => post(gateway.mcpUrl('plain'), PING, { ...ANN, Origin: 'http://evil.example' }),
      { adapter: 'plain', status: 403 },
      /^Origin not allowed$/,
    ],
    'by headers that contradict the body': [
      () => {
        const { headers, body } = modernRequest(toolCall(1, 'who'));
        return post(gateway.mcpUrl('modern'), body, { ...ANN, ...headers, 'Mcp-Name': 'other' });
      },
      { adapter: 'modern', status: 400 },
      /contradicts the body/,
    ],
  };
  for (const [what, [ask, expected, reason]] of Object.entries(refusals)) {
    test(`${what} says why`, async () => {
      const [line, ...more] = await linesOf(gateway, async () => {
        const answer = await ask();
        assert.equal(answer.status, expected.status, answer.text);
      });
      assert.deepEqual(more, []);
      assert.ok(line, 'it has a line');
      for (const [name, value] of Object.entries(expected)) assert.equal(line[name], value, name);
      assert.match(line.refusal, reason);
      assert.equal(line.instance, undefined);
    });
  }

  test('by a quota, and a server that is not there, say why', async () => {
    const limits = { quota: { requests: 1, perSeconds: 86_400 } };
    await gateway.apply(exampleAdapter('scarce', { requiredRoles: ['team'], limits }));
    const body = exampleAdapter('nobody', { requiredRoles: ['team'], replicaCount: 0 });
    assert.equal((await gateway.rest('POST', '/adapters', { body })).status, 201);
    await gateway.known('nobody');
    const lines = await linesOf(gateway, async () => {
      const url = gateway.mcpUrl('scarce');
      await until('the end of the quota', async () =>
        (await post(url, initialize(), ANN)).status === 429);
      await post(gateway.mcpUrl('nobody'), initialize(), ANN);
    });
    const [quota, nobody] = lines.slice(-2);
    assert.deepEqual([quota.status, quota.adapter], [429, 'scarce']);
    assert.match(quota.refusal, /^The quota is used up/);
    assert.deepEqual([nobody.status, nobody.refusal], [503, 'No server instance is ready']);
  });

  test('and no answer of a server has a reason', async () => {
    const isServed = (line) => line.instance !== undefined;
    const lines = linesIn(gateway.auditFile);
    assert.ok(lines.some(isServed) && !lines.every(isServed));
    for (const line of lines) {
      assert.equal(line.refusal === undefined, isServed(line), JSON.stringify(line));
    }
  });
});

describe('what was said stays unsaid', () => {
  const SECRET = `${MARKER}-in-a-message`;
  let secured;
  let headers;
  before(async () => {
    const issuer = await TokenIssuer.start(end);
    secured = await startSecured(end, [issuer], await Front.start(end), {
      args: ['--workers', '1'],
    });
    headers = await as(issuer, 'ann', { roles: ['team'], tid: 'blue', secret: SECRET });
    await secured.apply(exampleAdapter('plain', { requiredRoles: ['team'] }));
  });

  test('arguments, results, ids, headers and tokens are in no line', async () => {
    const url = secured.mcpUrl('plain');
    const id = await open(url, headers);
    const extra = {
      ...inSession(id, headers),
      'X-Secret': SECRET,
      'User-Agent': SECRET,
      'Cookie': `a=${SECRET}`,
      'tracestate': `a=${SECRET}`,
      'baggage': `a=${SECRET}`,
    };
    const body = toolCall(SECRET, 'echo', { message: SECRET, [SECRET]: SECRET });
    body.params._meta = { progressToken: SECRET };
    const lines = await linesOf(secured, async () => {
      const answer = await post(url, body, extra);
      assert.ok(answer.text.includes(SECRET), 'the server has repeated it');
      await request(url.origin, 'POST', `${url.pathname}?key=${SECRET}`, { headers: extra, body });
      await post(url, toolCall(SECRET, 'sleep', { ms: SECRET }), extra);
      await post(url, body, { ...extra, 'Mcp-Session-Id': SECRET });
      await post(url, `{"jsonrpc":"2.0","id":"${SECRET}","method":`, extra);
      await post(url, body, { Authorization: `Bearer ${SECRET}` });
    });
    assert.equal(lines.length, 6);
    const text = readFileSync(secured.auditFile, 'utf8');
    assert.ok(!text.includes(MARKER), text);
    assert.ok(!text.includes(id), 'nor the sealed session id');
    const token = headers.Authorization.split(' ')[1];
    for (const part of token.split('.').slice(1)) assert.ok(!text.includes(part));
    assert.deepEqual([lines[0].user, lines[0].tenant, lines[0].tool], ['ann', 'blue', 'echo']);
  });

  test('who has no token, or a wrong one, has no name', async () => {
    const url = secured.mcpUrl('plain');
    const lines = await linesOf(secured, async () => {
      await post(url, toolCall(1, 'echo'));
      await post(url, toolCall(1, 'echo'), { Authorization: 'Bearer nonsense' });
    });
    assert.equal(lines.length, 2);
    for (const line of lines) {
      assert.deepEqual([line.adapter, line.status, line.user], ['plain', 401, undefined]);
      assert.equal(typeof line.refusal, 'string');
      assert.deepEqual(members(line).filter((one) => ['tenant', 'instance'].includes(one)), []);
    }
  });
});

describe('files', () => {
  const MAX_BYTES = 64 * 1024;
  const rotating = (files) =>
    ['--workers', '2', '--audit-log-max-bytes', `${MAX_BYTES}`, '--audit-log-files', `${files}`];

  // A gateway with a server that answers at once, and many requests for it.
  async function traced(end, args, options = { audit: true }) {
    const gateway = await Gateway.start(end, { args, ...options });
    const server = await ToldServer.start(end);
    await gateway.apply({ name: 'told', url: server.url });
    return { gateway, traffic: new Traced(end, gateway.mcpUrl('told')) };
  }
  const allSeen = (traffic, path) => until('every line', () => {
    const seen = traffic.seenIn(allLines(path));
    return seen.length === traffic.answered.length;
  });

  for (const files of [1, 3]) {
    test(`${files} of the given size are kept, with the newest lines`, async (t) => {
      const { gateway, traffic } = await traced(endOf(t), rotating(files));
      const path = gateway.auditFile;
      // Sixteen files' worth at least; in rounds, so that what is written at once is small.
      for (let round = 0; round < 40; round++) {
        await traffic.send(100);
        const last = traffic.answered.at(-1);
        await until('the last line', () => linesIn(path).at(-1)?.traceId === last);
      }
      const kept = filesOf(path);
      const names = kept.map((one) => basename(one));
      assert.deepEqual(names, ['audit.jsonl.2', 'audit.jsonl.1', 'audit.jsonl'].slice(-files));
      for (const one of kept) {
        const { size, mode } = statSync(one);
        assert.equal(mode & 0o777, 0o600);
        assert.ok(size <= MAX_BYTES, `${one}: ${size}`);
        if (one !== path) assert.ok(size > MAX_BYTES / 3, `${one}: ${size}`);
      }
      const traces = allLines(path).map((line) => line.traceId);
      assert.deepEqual(traces, traffic.answered.slice(-traces.length));
      assert.ok(traces.length < traffic.answered.length / 2, 'older ones are gone');
    });
  }

  test('no line is lost or doubled over many rotations', async (t) => {
    const { gateway, traffic } = await traced(endOf(t), rotating(1000));
    await traffic.send(4000, 8);
    await allSeen(traffic, gateway.auditFile);
    assert.ok(filesOf(gateway.auditFile).length >= 5);
    assert.equal((await metricsOf(gateway))('audit_dropped_total'), 0);
  });

  test('lines that were due when the gateway ends are written before it does', async (t) => {
    const { gateway, traffic } = await traced(endOf(t), ['--workers', '2']);
    await traffic.send(3000, 16);
    await gateway.stop();
    assert.equal(traffic.seenIn(linesIn(gateway.auditFile)).length, traffic.answered.length);
  });

  test('what is in the file survives a kill, and whole lines follow it', async (t) => {
    const { gateway, traffic } = await traced(endOf(t), ['--workers', '1']);
    await traffic.send(300, 4);
    await allSeen(traffic, gateway.auditFile);
    const before = readFileSync(gateway.auditFile, 'utf8');
    await gateway.kill(gateway.dataplane);
    await gateway.known('told');
    await traffic.send(300, 4);
    await allSeen(traffic, gateway.auditFile);
    assert.ok(readFileSync(gateway.auditFile, 'utf8').startsWith(before));
  });

  test('a kill under load loses at most what one queue holds', async (t) => {
    const { gateway, traffic } = await traced(endOf(t), ['--workers', '1']);
    const { pid } = gateway.dataplane();
    const enough = QUEUE + 1000;
    let killed = false;
    await traffic.run(16, ({ answered }) => {
      if (answered.length >= enough && !killed) {
        killed = true;
        process.kill(pid, 'SIGKILL');
      }
      return killed;
    });
    const lost = traffic.answered.length - traffic.seenIn(linesAfterKill(gateway.auditFile)).length;
    assert.ok(lost <= QUEUE, `${lost} of ${traffic.answered.length} are lost`);
    await until('a successor', () => gateway.dataplane().pid !== pid);
    await gateway.known('told');
    const from = traffic.answered.length;
    await traffic.send(50);
    await until('the lines of the successor', () =>
      traffic.seenIn(linesAfterKill(gateway.auditFile)).slice(-50)[0] === traffic.answered[from]);
  });

  test('a line that a crash has cut spoils none of those that follow', async (t) => {
    const { gateway, traffic } = await traced(endOf(t), ['--workers', '1']);
    await traffic.send(10);
    await allSeen(traffic, gateway.auditFile);
    const { pid } = gateway.dataplane();
    appendFileSync(gateway.auditFile, '{"time":"2026-');
    process.kill(pid, 'SIGKILL');
    await until('a successor', () => gateway.dataplane().pid !== pid);
    await gateway.known('told');
    await traffic.send(10);
    const last = traffic.answered.at(-1);
    const text = await until('the last line', () => {
      const now = readFileSync(gateway.auditFile, 'utf8');
      return now.includes(last) && now;
    });
    const spoilt = text.split('\n').slice(0, -1).filter((line) => !/^\{[^{]*\}$/.test(line));
    assert.deepEqual(spoilt.filter((line) => line !== '{"time":"2026-'), []);
  });

  test('a disk that is full stops no request; what is lost is counted, and said', async (t) => {
    const flags = ['--workers', '1', '--audit-log', '/dev/full'];
    const { gateway, traffic } = await traced(endOf(t), flags, {});
    await traffic.send(200, 4);
    await until('the count', async () => (await metricsOf(gateway))('audit_dropped_total') >= 200);
    const said = gateway.log().split('\n').filter((line) => line.includes('audit log cannot be'));
    assert.equal(said.length, 1);
  });

  test('what cannot be opened, or is no size, ends the start and is named', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
    endOf(t)(() => rmSync(folder, { recursive: true, force: true }));
    const up = (...flags) => cli(['up', '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0',
      '--data-dir', folder, ...flags]);
    const absent = join(folder, 'no', 'such', 'folder');
    const { code, stderr } = await up('--audit-log', absent);
    assert.ok(code === 1 || code === 2, `${code} ${stderr}`);
    assert.ok(stderr.includes(absent), stderr);
    const small = await up('--audit-log', join(folder, 'a'), '--audit-log-max-bytes', '1000');
    assert.equal(small.code, 2, small.stderr);
    assert.match(small.stderr, /audit-log-max-bytes/);
  });
});
