// /openapi.json against what is really answered: the document is sound, every answer that it
// describes is provoked and keeps to it, every method that it leaves out is refused, and its
// schemas refuse exactly the bodies that the gateway refuses.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { before, describe, test } from 'node:test';
import { endOf, endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { openStream, request } from './lib/http.mjs';
import { quota } from './lib/limited.mjs';
import { ACCEPT, initialize, inSession, toolCall } from './lib/mcp.mjs';
import { Description, Recorder } from './lib/description.mjs';
import { accessTests } from './lib/access_tests.mjs';
import { until } from './lib/wait.mjs';

const end = endOfFile();
const ADMIN = { 'X-Dev-UserId': 'root', 'X-Dev-Roles': 'mcp.admin' };
const MEMBER = { 'X-Dev-UserId': 'bob', 'X-Dev-Roles': 'team' };

// What is described and not provoked here, and why.
const ELSEWHERE = {
  'getReadiness 503': 'draining.test.mjs: a gateway that ends',
  'replaceAdapter 409': 'kubernetes.test.mjs: needs objects of others in a cluster',
  'replaceTool 409': 'as for adapters',
};
for (const operation of ['create', 'replace', 'delete']) {
  for (const kind of ['Adapter', 'Tool']) {
    ELSEWHERE[`${operation}${kind} 507`] = 'store.test.mjs: needs a file system of its own';
  }
}
for (const operation of ['replaceTenant', 'deleteTenant', 'createToken', 'deleteToken']) {
  ELSEWHERE[`${operation} 507`] = 'as for adapters: the same store';
}
for (const status of [502, 503, 504]) {
  ELSEWHERE[`postMessage ${status}`] = 'sse.test.mjs, failures.test.mjs: ends its stream as well';
}

let gateway;
let description;
let recorder;

// Servers that are reached by url: /sse and /messages keep to HTTP+SSE of 2024-11-05, /reset breaks
// every connection, /silent never answers.
async function servers() {
  const server = http.createServer((asked, response) => {
    asked.resume();
    asked.on('error', () => {});
    const { pathname } = new URL(asked.url, 'http://x');
    if (pathname === '/reset') asked.socket.destroy();
    const plain = { 'Content-Type': 'text/plain' };
    if (pathname === '/messages') response.writeHead(202, plain).end('Accepted');
    if (pathname !== '/sse') return;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('event: endpoint\ndata: /messages?sessionId=1\n\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  end(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

before(async () => {
  gateway = await Gateway.start(end, { args: ['--max-sessions-per-user', '2'] });
  const answer = await gateway.rest('GET', '/openapi.json');
  assert.equal(answer.status, 200, answer.text);
  description = new Description(answer.json);
  recorder = new Recorder(gateway.url, description);
});

const send = (method, path, options) => recorder.send(method, path, options);
const toolBody = (name, fields = {}) => ({
  ...exampleAdapter(name, { replicaCount: 0 }),
  toolDefinition: { tool: { name, inputSchema: { type: 'object' } } },
  ...fields,
});
const isMcp = ({ tags }) => tags.includes('mcp');
const isManagement = ({ tags }) => !tags.includes('mcp') && !tags.includes('gateway');
const pathOf = ({ path }, name = 'nobody') => path.replace(/\{\w+\}/, name);
// With a body where one is needed, so that nothing else is wrong.
const bodyFor = ({ operationId, requestBody }) => {
  if (!requestBody) return undefined;
  if (/Mcp|Message/.test(operationId)) return initialize();
  if (/Tenant/.test(operationId)) return {};
  if (/Token/.test(operationId)) return { user: 'nobody' };
  return /Tool/.test(operationId) ? toolBody('nobody') : exampleAdapter('nobody');
};

test('the document is sound', () => {
  description.assertSound();
});

test('it describes what there is and nothing else', async () => {
  const { paths } = description.document;
  const there = ['', '/{name}', '/{name}/status', '/{name}/logs'];
  assert.deepEqual(Object.keys(paths).sort(), [
    ...there.map((rest) => `/adapters${rest}`), ...there.map((rest) => `/tools${rest}`),
    '/adapters/{name}/mcp', '/adapters/{name}/sse', '/adapters/{name}/messages',
    '/sessions', '/sessions/{id}', '/tenants', '/tenants/{id}', '/tokens', '/tokens/{id}',
    '/audit', '/ping', '/healthz', '/readyz', '/openapi.json',
  ].sort());
  // When one of these is there, it has to be described.
  for (const path of ['/mcp', '/.well-known/oauth-protected-resource']) {
    assert.equal((await gateway.rest('GET', path)).status, 404, path);
  }
});

test('methods that are not described are refused with those that are', async () => {
  for (const path of Object.keys(description.document.paths)) {
    const described = description.operations.filter((one) => one.path === path)
      .map(({ method }) => method.toUpperCase());
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
      if (described.includes(method)) continue;
      const answer = await gateway.rest(method, pathOf({ path }));
      assert.equal(answer.status, 405, `${method} ${path}: ${answer.text}`);
      const allowed = answer.headers.allow.split(', ').filter((one) => one !== 'OPTIONS');
      const isOwnPage = ['/ping', '/healthz', '/readyz'].includes(path);
      assert.deepEqual(allowed.filter((one) => !isOwnPage || one !== 'HEAD').sort(),
        described.sort(), path);
      const schema = /\/(mcp|sse|messages)$/.test(path) ? 'JsonRpcError' : 'Problem';
      const complaint = description.complaint({ $ref: `#/components/schemas/${schema}` },
        answer.json);
      assert.equal(complaint, undefined, `${method} ${path}: ${answer.text}`);
    }
  }
});

describe('anybody', () => {
  test('reads the document, without saying who', async () => {
    for (const headers of [{}, { 'X-Dev-UserId': 'not a name' }, { Authorization: 'Bearer x' }]) {
      const answer = await send('GET', '/openapi.json', { headers, status: 200 });
      assert.deepEqual(answer.json, description.document);
      assert.equal((await send('HEAD', '/openapi.json', { headers, status: 200 })).text, '');
    }
  });

  test('need not read it twice', async () => {
    const { etag } = (await send('GET', '/openapi.json')).headers;
    for (const method of ['GET', 'HEAD']) {
      for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
        const headers = { 'If-None-Match': tag };
        const answer = await send(method, '/openapi.json', { headers, status: 304 });
        assert.equal(answer.headers.etag, etag);
      }
      await send(method, '/openapi.json', { headers: { 'If-None-Match': '"x"' }, status: 200 });
    }
  });

  test('sees whether the gateway is well', async () => {
    for (const path of ['/ping', '/healthz', '/readyz']) await send('GET', path, { status: 200 });
  });
});

describe('every operation', () => {
  test('refuses a foreign Host', async () => {
    for (const operation of description.operations) {
      const headers = { Host: 'evil.example' };
      const options = { headers, body: bodyFor(operation), status: 403 };
      await send(operation.method.toUpperCase(), pathOf(operation), options);
    }
  });

  test('refuses names that are none, unless it is for everybody', async () => {
    for (const operation of description.operations) {
      const headers = { 'X-Dev-UserId': 'not a name' };
      const options = { headers, body: bodyFor(operation) };
      const answer = await send(operation.method.toUpperCase(), pathOf(operation), options);
      const isForAll = operation.security?.length === 0;
      assert.equal(answer.status === 400, !isForAll, `${operation.operationId} ${answer.text}`);
    }
  });

  test('of management refuses parameters that it does not know', async () => {
    for (const operation of description.operations.filter(isManagement)) {
      const path = `${pathOf(operation)}?nonsense=1`;
      const options = { headers: ADMIN, body: bodyFor(operation), status: 400 };
      const answer = await send(operation.method.toUpperCase(), path, options);
      assert.ok('nonsense' in answer.json.errors, answer.text);
    }
  });

  test('of one resource does not find what is not there', async () => {
    // PUT makes a tenant that is not there.
    const isOfOne = ({ path, operationId }) => path.includes('{')
      && operationId !== 'replaceTenant';
    for (const operation of description.operations.filter(isOfOne)) {
      const options = { headers: ADMIN, body: bodyFor(operation), status: 404 };
      await send(operation.method.toUpperCase(), pathOf(operation), options);
    }
  });
});

for (const [kind, collection, make] of [
  ['adapters', '/adapters', (name, fields) => exampleAdapter(name, { replicaCount: 0, ...fields })],
  ['tools', '/tools', toolBody],
]) {
  describe(kind, () => {
    const one = kind === 'adapters' ? 'an-adapter' : 'a-tool';
    const path = `${collection}/${one}`;

    test('are created, read, replaced and deleted', async () => {
      const full = make(one, {
        description: 'what for',
        environmentVariables: { TOKEN: 'x' },
        requiredRoles: ['team'],
        requestHeaders: { Authorization: 'Bearer x' },
        healthCheck: {},
        timeouts: { connectMs: 1 },
        tenant: 't',
        requiredScopes: ['s'],
        limits: { quota: { requests: 1, perSeconds: 1 }, perUser: { maxSessions: 1 } },
        identityAssertion: true,
        resources: { requests: { cpu: '0.5' }, limits: { cpu: '1', memory: '1Gi' } },
      });
      const created = await send('POST', collection, { body: full, status: 201 });
      assert.equal(created.headers.location, path);
      assert.equal(created.headers.etag, `"${created.json.version}"`);
      await send('POST', collection, { body: full, status: 409 });
      await send('GET', path, { status: 200 });
      const masked = await send('GET', path, { headers: MEMBER, status: 200 });
      assert.deepEqual(masked.json.environmentVariables, { TOKEN: '***' });
      await send('GET', `${path}/status`, { status: 200 });
      const logs = await send('GET',
        `${path}/logs?instance=0&tail=5&since=15m&previous=false&follow=0`);
      assert.ok([200, 404].includes(logs.status), logs.text);
      // What was read can be sent back.
      const headers = { 'If-Match': created.headers.etag };
      await send('PUT', path, { body: created.json, headers, status: 200 });
      await send('PUT', path, { body: created.json, headers, status: 412 });
      await send('DELETE', path, { headers, status: 412 });
      await send('PUT', path, { body: full, headers: MEMBER, status: 403 });
      await send('DELETE', path, { headers: MEMBER, status: 403 });
      await send('PUT', path, { body: make('another'), status: 400 });
      await send('DELETE', path, { headers: { 'If-Match': '*' }, status: 204 });
    });

    test('are listed in pages', async () => {
      const names = ['page-1', 'page-2', 'page-3'].map((name) => `${kind}-${name}`);
      for (const name of names) await send('POST', collection, { body: make(name), status: 201 });
      const first = await send('GET', `${collection}?limit=2`, { status: 200 });
      assert.equal(first.json.length, 2);
      const [, next] = /<([^>]+)>/.exec(first.headers.link);
      const second = await send('GET', next, { status: 200 });
      assert.deepEqual([...first.json, ...second.json].map(({ name }) => name), names);
      for (const limit of [0, 1001]) {
        await send('GET', `${collection}?limit=${limit}`, { status: 400 });
      }
      for (const name of names) await send('DELETE', `${collection}/${name}`, { status: 204 });
    });

    test('have logs', async () => {
      await send('POST', collection, { body: make('chatty', { replicaCount: 1 }), status: 201 });
      const logs = `${collection}/chatty/logs`;
      await until('a log', async () => (await send('GET', logs)).status === 200);
      await send('GET', `${logs}?instance=0&tail=5&since=15m&previous=false`, { status: 200 });
      await send('GET', `${logs}?tail=-1`, { status: 400 });
      await until('an instance', async () => {
        const { json } = await send('GET', `${collection}/chatty/status`, { status: 200 });
        return json.instances.length === 1;
      });
      await send('DELETE', `${collection}/chatty`, { status: 204 });
    });

    test('are refused in bodies that are none, too large, of another type, or not for here',
      async () => {
        await send('POST', collection, { body: make('kept'), status: 201 });
        const text = (type) => ({ 'Content-Type': type });
        const huge = make('kept', { description: 'd'.repeat(2 << 20) });
        const image = make('kept', { command: undefined, imageName: 'x', imageVersion: '1' });
        for (const [method, target] of [['POST', collection], ['PUT', `${collection}/kept`]]) {
          const broken = await send(method, target, { body: '{', status: 400 });
          assert.equal(broken.json.errors, undefined);
          await send(method, target, { body: huge, status: 413 });
          const headers = text('text/plain');
          await send(method, target, { body: make('kept'), headers, status: 415 });
          await send(method, target, { body: image, status: 422 });
        }
        await send('DELETE', `${collection}/kept`, { status: 204 });
      });
  });
}

describe('MCP', () => {
  const asUser = (user) => ({ ...ACCEPT, 'X-Dev-UserId': user, 'X-Dev-Roles': 'mcp.admin' });
  const mcp = '/adapters/mcp-server/mcp';
  const start = async (user) => {
    const options = { headers: asUser(user), body: initialize(), status: 200 };
    return inSession((await send('POST', mcp, options)).headers['mcp-session-id'], asUser(user));
  };

  const openSse = async (t, adapter, user) => {
    const stream = openStream(endOf(t), `${gateway.url}/adapters/${adapter}/sse`, asUser(user));
    assert.equal(await stream.status, 200);
    await until('the endpoint', () => /data: \S+\n/.test(stream.text));
    return /data: (\S+)\n/.exec(stream.text)[1];
  };

  before(async () => {
    const base = await servers();
    const adapters = [
      exampleAdapter('mcp-server'),
      exampleAdapter('asleep', { replicaCount: 0 }),
      exampleAdapter('asleep-sse', { replicaCount: 0, transport: 'sse' }),
      { name: 'old', url: `${base}/sse`, transport: 'sse' },
      { name: 'scarce', url: `${base}/reset`, limits: quota(1) },
      { name: 'scarce-sse', url: `${base}/sse`, transport: 'sse', limits: quota(1) },
    ];
    for (const [transport, suffix] of [['streamable-http', ''], ['sse', '-sse']]) {
      adapters.push({ name: `breaks${suffix}`, url: `${base}/reset`, transport });
      const timeouts = { firstByteMs: 200 };
      adapters.push({ name: `silent${suffix}`, url: `${base}/silent`, transport, timeouts });
    }
    for (const adapter of adapters) {
      const answer = await gateway.rest('POST', '/adapters', { body: adapter });
      assert.equal(answer.status, 201, answer.text);
    }
    for (const { name, replicaCount } of adapters) {
      if (replicaCount !== 0) await gateway.healthy(name, 1);
    }
    await gateway.known('mcp-server');
  });

  test('a session, from its begin to its end', async (t) => {
    const session = await start('ann');
    await send('POST', mcp, { headers: session, status: 202,
      body: { jsonrpc: '2.0', method: 'notifications/initialized' } });
    const call = { headers: session, body: toolCall(1, 'count'), status: 200 };
    await send('POST', mcp, call);
    const stream = openStream(endOf(t), `${gateway.url}${mcp}`,
      { ...session, Accept: 'text/event-stream' });
    assert.equal(await stream.status, 200);
    assert.match(stream.headers['content-type'], /^text\/event-stream/);
    recorder.note(description.operation('streamMcp'), 200);
    const listed = await send('GET', '/sessions?adapter=mcp-server&limit=5',
      { headers: ADMIN, status: 200 });
    assert.ok(listed.json.some(({ user }) => user === 'ann'), listed.text);
    await send('DELETE', mcp, { headers: session, status: 200 });
    await send('POST', mcp, { ...call, status: 404 });
  });

  test('more sessions than one may have; those of the list can be ended', async () => {
    await start('greedy');
    await start('greedy');
    await send('POST', mcp, { headers: asUser('greedy'), body: initialize(), status: 429 });
    const { json } = await send('GET', '/sessions?user=greedy', { headers: ADMIN, status: 200 });
    assert.equal(json.length, 2);
    for (const { id } of json) await send('DELETE', `/sessions/${id}`, { headers: ADMIN });
    await send('GET', '/sessions?limit=0', { headers: ADMIN, status: 400 });
    recorder.note(description.operation('endSession'), 204);
  });

  test('an event stream of 2024-11-05', async (t) => {
    const endpoint = await openSse(t, 'old', 'carl');
    recorder.note(description.operation('streamSse'), 200);
    const headers = asUser('carl');
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    await send('POST', endpoint, { headers, body: ping, status: 202 });
    await send('POST', endpoint, { headers, body: 'x'.repeat(5 << 20), status: 413 });
    await openSse(t, 'old', 'dora');
    await openSse(t, 'old', 'dora');
    await send('GET', '/adapters/old/sse', { headers: asUser('dora'), status: 429 });
  });

  test('more than a quota allows, whatever it is', async (t) => {
    const headers = asUser('fay');
    const path = '/adapters/scarce/mcp';
    await send('POST', path, { headers, body: toolCall(1, 'x'), status: 502 });
    await send('POST', path, { headers, body: toolCall(1, 'x'), status: 429 });
    for (const method of ['GET', 'DELETE']) await send(method, path, { headers, status: 429 });
    const endpoint = await openSse(t, 'scarce-sse', 'fay');
    await send('POST', endpoint, { headers, body: toolCall(1, 'x'), status: 429 });
  });

  test('servers that do not do what they should', async () => {
    const headers = asUser('eve');
    const probe = { jsonrpc: '2.0', id: 1, method: 'server/discover' };
    await send('POST', '/adapters/asleep/mcp', { headers, body: probe, status: 400 });
    await send('POST', mcp, { headers, body: 'x'.repeat(5 << 20), status: 413 });
    for (const [name, status] of [['breaks', 502], ['asleep', 503], ['silent', 504]]) {
      const path = `/adapters/${name}/mcp`;
      await send('POST', path, { headers, body: toolCall(1, 'x'), status });
      await send('GET', path, { headers, status });
      await send('DELETE', path, { headers, status });
      await send('GET', `/adapters/${name}-sse/sse`, { headers, status });
    }
  });
});

describe('access', () => accessTests({ send: (...what) => send(...what), ADMIN, MEMBER }));

test('the audit log is for administrators', async () => {
  const body = exampleAdapter('audited', { replicaCount: 0 });
  await send('POST', '/adapters', { body, status: 201 });
  await send('DELETE', '/adapters/audited', { status: 204 });
  const headers = ADMIN;
  const first = await send('GET', '/audit?limit=1&resource=audited', { headers, status: 200 });
  assert.equal(first.json[0].after, null);
  const [, next] = /<([^>]+)>/.exec(first.headers.link);
  const { json } = await send('GET', next, { headers, status: 200 });
  assert.equal(json[0].after.name, 'audited');
  const answer = await send('GET', '/audit', { headers: MEMBER });
  assert.equal(answer.status, 403, answer.text);
});

test('without the control plane management is not available, and says so', async () => {
  const { pid } = gateway.controlplane();
  process.kill(gateway.child.pid, 'SIGSTOP'); // so that nobody starts another
  try {
    process.kill(pid, 'SIGKILL');
    const isAway = (one) => isManagement(one) || one.path === '/openapi.json';
    for (const operation of description.operations.filter(isAway)) {
      const options = { headers: ADMIN, body: bodyFor(operation) };
      const ask = () => send(operation.method.toUpperCase(), pathOf(operation), options);
      await until(`503 of ${operation.operationId}`, async () => (await ask()).status === 503);
    }
  } finally {
    process.kill(gateway.child.pid, 'SIGCONT');
    await until('the control plane', async () => (await send('GET', '/adapters')).status === 200);
  }
});

describe('schemas and gateway refuse the same', () => {
  const long = (size, letter = 'a') => letter.repeat(size);
  const tool = (fields, more) => ({ toolDefinition: {
    tool: { name: 'probe', inputSchema: { type: 'object' }, ...fields }, ...more,
  } });
  const IMAGE = { command: undefined, imageName: 'a', imageVersion: '1' };
  // Bodies are these fields over a good one; undefined leaves a field out.
  const GOOD = [
    {}, { replicaCount: 1000 }, { description: long(4096) }, { description: 'a\tb\r\nc \u00e9' },
    { name: '0' }, { name: 'a-b' }, { name: long(50) }, { name: 'mcp1' },
    { command: ['a', ''] }, { command: Array(256).fill('a') },
    { environmentVariables: { A: '', 'b.c-d_1': 'é\n', _: 'x', '.x': '', '-x': '' } },
    { requiredRoles: ['a b', 'x'] }, { requiredRoles: [] }, { tenant: 'x-1' },
    { requiredScopes: ['a:b', 'api://x/.default'] }, { identityAssertion: true }, { limits: {} },
    { limits: { rateLimit: { requestsPerSecond: 1000000, burst: 1 }, maxSessions: 4294967295 } },
    { limits: { quota: { requests: 1, perSeconds: 2678400 }, perUser: { maxStreams: 0 } } },
    { affinity: 'none' }, { aggregate: true }, { useWorkloadIdentity: false },
    { healthCheck: {} }, { healthCheck: { path: '/h', intervalMs: 100, timeoutMs: 600000 } },
    { healthCheck: { unhealthyAfter: 1000, healthyAfter: 1, intervalMs: 3600000 } },
    { requestHeaders: { Authorization: 'a b', 'X-Key': '' } },
    { requestHeaders: { Cookie: { secret: 'NAME' } } },
    { timeouts: { connectMs: 0, firstByteMs: 86400000, sessionIdleSeconds: 2592000 } },
    { resources: {} }, { resources: { cpu: '500m', memory: '1.5Gi' } },
    { resources: { requests: { cpu: '1' }, limits: {} } },
    { id: 7, createdBy: null, createdAt: 'x', lastUpdatedAt: [], version: 'x' },
    { command: undefined, imageName: 'a/b-c_d.e1', imageVersion: 'V1._-' },
    ...[{ secret: 's' }, { secret: 's.t-u', key: '.k_1' }].map((place) => (
      { ...IMAGE, environmentVariables: { A: place, B: 'x' } })),
    { command: undefined, url: 'HTTP://[::1]:8080/a//b' },
    { command: undefined, url: 'http://a.b_c-d' },
    { command: undefined, url: 'https://example.test:65535/' },
  ];
  const BAD = [
    { name: undefined }, { name: '' }, { name: 'A' }, { name: '-a' }, { name: 'a-' },
    { name: 'mcp' }, { name: 'toolgateway' }, { name: 'gateway' }, { name: long(51) },
    { name: 7 }, { name: 'a\n' }, { unknown: 1 }, { replicaCount: -1 }, { replicaCount: 1001 },
    { replicaCount: 1.5 }, { replicaCount: '1' }, { replicaCount: null }, { description: 7 },
    { description: long(4097) }, { description: '\u0000' }, { description: '\u007f' },
    { command: [] }, { command: [''] }, { command: ['a', 7] }, { command: 'a' },
    { command: ['a\u0000'] }, { command: Array(257).fill('a') }, { command: undefined },
    { url: 'http://x' }, { imageName: 'x', imageVersion: '1' }, { imageVersion: '1' },
    { command: undefined, imageName: 'x' }, { command: undefined, imageVersion: '1' },
    ...['A', 'a..b', '/a', 'a/', '', 'a:1', long(1025)].map((imageName) => (
      { command: undefined, imageName, imageVersion: '1' })),
    ...['', '-a', long(129), 'a b'].map((imageVersion) => (
      { command: undefined, imageName: 'a', imageVersion })),
    ...['', 'x', 'ftp://x', 'http://', 'http://a@b', 'http://a?b', 'http://a#b', 'http://a:0',
      'http://a:65536', 'http://a:', 'http://a:x', 'http://.a', 'http://a..b', 'http://a/../b',
      'http://a/ b', 'http://[::1', 'http://a b', `http://${long(254)}`,
      `http://a/${long(1024)}`].map((url) => ({ command: undefined, url })),
    { environmentVariables: { A: { secret: 's' } } },
    ...[{}, { secret: 'S' }, { secret: 'a..b' }, { secret: 's', key: 'a/b' },
      { secret: 's', key: '..a' }, { secret: 's', key: 1 }, { secret: 's', optional: true },
    ].map((place) => ({ ...IMAGE, environmentVariables: { A: place } })),
    { environmentVariables: [] }, { environmentVariables: { '': 'x' } },
    { environmentVariables: { '1a': 'x' } }, { environmentVariables: { 'a b': 'x' } },
    { environmentVariables: { A: 1 } }, { environmentVariables: { A: '\u0000' } },
    { environmentVariables: Object.fromEntries(Array(257).keys().map((i) => [`V${i}`, ''])) },
    { requiredRoles: 'a' }, { requiredRoles: [''] }, { requiredRoles: [' a'] },
    { requiredRoles: ['a,b'] }, { requiredRoles: ['é'] }, { requiredRoles: [long(257)] },
    { tenant: '' }, { tenant: 'a b' }, { tenant: 'a,b' }, { tenant: long(257) },
    { requiredScopes: 'a' }, { requiredScopes: ['a b'] }, { requiredScopes: ['"'] },
    { identityAssertion: 'yes' }, { limits: 1 }, { limits: { id: 't' } },
    { limits: { quota: { requests: 1 } } }, { limits: { rateLimit: { burst: 1 } } },
    { limits: { quota: { requests: 0, perSeconds: 1 } } }, { limits: { maxSessions: -1 } },
    { limits: { perUser: { perUser: {} } } }, { limits: { rateLimit: { requestsPerSecond: 0 } } },
    { affinity: 'Session' }, { aggregate: 'true' }, { useWorkloadIdentity: 1 },
    { healthCheck: null }, { healthCheck: { path: 'h' } }, { healthCheck: { intervalMs: 99 } },
    { healthCheck: { intervalMs: 3600001 } }, { healthCheck: { timeoutMs: 0 } },
    { healthCheck: { timeoutMs: 600001 } }, { healthCheck: { unhealthyAfter: 0 } },
    { healthCheck: { healthyAfter: 1001 } }, { healthCheck: { x: 1 } },
    { requestHeaders: { 'a b': 'x' } }, { requestHeaders: { Host: 'x' } },
    { requestHeaders: { 'cOnTent-Length': '1' } }, { requestHeaders: { 'X-MCP-a': 'x' } },
    { requestHeaders: { 'x-forwarded-for': 'x' } }, { requestHeaders: { 'Mcp-Name': 'x' } },
    { requestHeaders: { A: ' x' } }, { requestHeaders: { A: 'é' } }, { requestHeaders: { A: 1 } },
    { requestHeaders: { A: {} } }, { requestHeaders: { A: { secret: 'a b' } } },
    { requestHeaders: { A: { secret: 'A', x: 1 } } },
    { requestHeaders: Object.fromEntries(Array(33).keys().map((i) => [`H${i}`, ''])) },
    { timeouts: { connectMs: -1 } }, { timeouts: { firstByteMs: 86400001 } },
    { timeouts: { idleMs: '1' } }, { timeouts: { sessionIdleSeconds: 2592001 } },
    { timeouts: { connect: 1 } }, { resources: { cpu: 1 } }, { resources: { cpu: '1Mi' } },
    { resources: { cpu: '.5' } }, { resources: { memory: '1m' } }, { resources: { memory: '-1' } },
    { resources: { gpu: '1' } }, { resources: { cpu: '1', limits: {} } },
    { resources: { limits: { cpu: '1.0123456789' } } },
  ];
  const PATHS = { good: ['/', '/a//b', '/a.b/..c', '/%2F~!$&\'()*+,;=:@', `/${long(1023)}`],
    bad: ['', 'a', '/a/..', '/./a', '/a?b', '/a#b', '/a b', '/%2', '/é', `/${long(1024)}`] };
  const rules = (...accessRules) => ({ accessRules });
  const deny = { effect: 'deny', tools: ['write_*'] };
  const endpoint = {
    good: [rules(), rules(deny, { effect: 'allow', roles: ['a b'], methods: ['tools/*'] }),
      rules(...Array(64).fill(deny)),
      { transport: 'sse' }, { transport: 'stdio' }, { port: 65535 }, { port: 1 },
      { command: undefined, url: 'http://a/%20b:@' },
      ...PATHS.good.map((path) => ({ path }))],
    bad: [{ accessRules: {} }, rules(7), rules({ tools: ['a'] }), rules({ effect: 'deny' }),
      rules({ ...deny, methods: ['a'] }), rules({ ...deny, tools: [] }), rules({ ...deny, x: 1 }),
      rules({ ...deny, tools: [''] }), rules({ ...deny, roles: ['a,b'] }),
      rules({ ...deny, effect: 'maybe' }), rules(...Array(65).fill(deny)),
      { transport: 'SSE' }, { transport: 1 }, { port: 0 }, { port: 65536 }, { port: 1.5 },
      ...PATHS.bad.map((path) => ({ path })), tool({}),
      { command: undefined, url: 'http://x', transport: 'stdio' }],
  };
  const CALLS = { good: ['/', '/a/b_c.d-e', `/${long(1023)}`],
    bad: ['', 'a', '/..', '/a%20', '/a:1', '/a?b', `/${long(1024)}`] };
  const calls = {
    good: [{ transport: 'streamable-http' }, tool({}, { port: 65535 }), tool({ own: [1] }),
      tool({ title: 't', annotations: { readOnlyHint: true, x: 1 }, outputSchema: {}, _meta: {} }),
      tool({ inputSchema: { type: 'object', properties: { a: 1 }, required: ['a'], x: 1 } }),
      ...CALLS.good.map((path) => tool({}, { path }))],
    bad: [{ transport: 'sse' }, { accessRules: [] }, { command: undefined, url: 'http://a/%20b' },
      { toolDefinition: undefined }, { toolDefinition: null },
      { toolDefinition: {} }, { toolDefinition: { tool: 'x' } }, tool({ name: undefined }),
      tool({ inputSchema: undefined }), tool({ inputSchema: {} }), tool({ title: 1 }),
      tool({ inputSchema: { type: 'array' } }), tool({ annotations: { readOnlyHint: 'x' } }),
      tool({ inputSchema: { type: 'object', required: [1] } }), tool({ outputSchema: 'x' }),
      tool({ inputSchema: { type: 'object', properties: [] } }), tool({ icons: {} }),
      tool({ _meta: 1 }), tool({ description: [] }), tool({ annotations: [] }),
      tool({}, { port: 0 }), tool({}, { port: 65536 }), tool({}, { method: 'GET' }),
      ...CALLS.bad.map((path) => tool({}, { path }))],
  };
  // What a schema cannot say, or not in a way that people can read: the gateway alone refuses it,
  // and the descriptions tell of it.
  const total = Object.fromEntries(Array(5).keys().map((i) => [`V${i}`, long(30000)]));
  const BEYOND = [
    { description: long(2100, 'é') }, { command: ['a', long(65536)] },
    { environmentVariables: total }, { requiredRoles: Array(20).fill(long(200)) },
    { requestHeaders: { A: 'x', a: 'y' } }, { requestHeaders: { A: long(8192) } },
    { command: undefined, url: 'http://[::::]/' },
  ];
  const beyondOfTools = [tool({ name: 'other' }), { port: 1 }, { path: '/other' },
    tool({ description: long(300000) })];

  async function compare(collection, operation, base, fields, expected) {
    const body = { ...base, ...fields };
    if (body.toolDefinition?.tool && 'name' in fields) {
      body.toolDefinition = { tool: { ...body.toolDefinition.tool, name: fields.name } };
    }
    const text = JSON.stringify(body);
    const sent = JSON.parse(text);
    const complaint = description.complaint(description.bodySchema(operation), sent);
    const answer = await request(gateway.url, 'POST', collection, { body: text });
    const what = `${text.slice(0, 300)}: ${complaint}; ${answer.status} ${answer.text}`;
    assert.equal(complaint === undefined, expected.schema, what);
    assert.equal(answer.status !== 400, expected.gateway, what);
    assert.ok([201, 400, 422].includes(answer.status), what);
    if (answer.status !== 201) return;
    const removed = await gateway.rest('DELETE', answer.headers.location);
    assert.equal(removed.status, 204, `${what} ${removed.text}`);
  }

  for (const [collection, operation, base, more, beyond] of [
    ['/adapters', 'createAdapter', { name: 'probe', command: ['x'], replicaCount: 0 }, endpoint,
      []],
    ['/tools', 'createTool', { name: 'probe', command: ['x'], replicaCount: 0, ...tool({}) },
      calls, beyondOfTools],
  ]) {
    for (const [name, rows, expected] of [
      ['good', [...GOOD, ...more.good], { schema: true, gateway: true }],
      ['bad', [...BAD, ...more.bad], { schema: false, gateway: false }],
      ['beyond schemas', [...BEYOND, ...beyond], { schema: true, gateway: false }],
    ]) {
      test(`${collection}: ${name}`, async () => {
        for (const fields of rows) await compare(collection, operation, base, fields, expected);
      });
    }
  }
});

test('every answer that is described has been seen', () => {
  const missing = recorder.missing();
  assert.deepEqual(missing.filter((one) => !(one in ELSEWHERE)), []);
  assert.deepEqual(Object.keys(ELSEWHERE).filter((one) => !missing.includes(one)), [],
    'seen here, so no longer to be excepted');
});
