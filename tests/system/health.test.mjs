// Which servers get new sessions: those whose health checks are good, and those whose secrets are
// there. What a health check asks and what a secret is worth can change while sessions go on.
import assert from 'node:assert/strict';
import http from 'node:http';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { endOf, endOfFile } from './lib/ends.mjs';
import { cli, exampleAdapter, Gateway } from './lib/gateway.mjs';
import { initialize, inSession, open, post, toolCall, valueOf } from './lib/mcp.mjs';
import { until } from './lib/wait.mjs';

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
});

// Enough of an MCP server to open sessions and to answer tool calls. Its health is what the test
// says, and it keeps what it was asked.
async function startServer(t) {
  const server = { health: 200, checks: [], requests: [] };
  const listener = http.createServer((request, response) => {
    if (request.url === '/healthz') {
      server.checks.push({ method: request.method, headers: request.headers });
      response.writeHead(server.health).end();
      return;
    }
    server.requests.push(request.headers);
    request.resume().on('end', () => {
      const headers = { 'Content-Type': 'application/json', 'Mcp-Session-Id': 'one' };
      const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} };
      response.writeHead(200, headers).end(JSON.stringify({ jsonrpc: '2.0', id: 0, result }));
    });
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  endOf(t)(() => new Promise((resolve) => {
    listener.close(resolve);
    listener.closeAllConnections();
  }));
  server.url = `http://127.0.0.1:${listener.address().port}/mcp`;
  return server;
}

const fastCheck = (fields = {}) => ({ intervalMs: 100, unhealthyAfter: 1, ...fields });

async function put(adapter) {
  const answer = await gateway.rest('PUT', `/adapters/${adapter.name}`, { body: adapter });
  assert.equal(answer.status, 200, answer.text);
}

async function create(t, adapter) {
  const answer = await gateway.rest('POST', '/adapters', { body: adapter });
  assert.equal(answer.status, 201, answer.text);
  endOf(t)(() => gateway.rest('DELETE', `/adapters/${adapter.name}`));
}

const notReady = (name, reason) =>
  until(`${name} is not ready because of ${reason}`, async () => {
    const status = await gateway.status(name);
    return status.readyReplicas === 0 && status.instances[0]?.reason.includes(reason) && status;
  });

const opens = (name, status) =>
  until(`initialize at ${name} is answered with ${status}`, async () => {
    const answer = await post(gateway.mcpUrl(name), initialize());
    return answer.status === status && answer;
  });

// Readers of the API, its logs and the gateway's own log get names, never values.
async function assertNowhere(name, values) {
  const answers = await Promise.all([
    gateway.rest('GET', `/adapters/${name}`),
    gateway.rest('GET', '/adapters'),
    gateway.rest('GET', `/adapters/${name}/status`),
  ]);
  const texts = [...answers.map((answer) => answer.text), gateway.log()];
  for (const value of values) {
    for (const text of texts) assert.ok(!text.includes(value), `${value} in ${text}`);
  }
}

describe('health checks', () => {
  test('a server that answers 503 gets no new sessions until it is well again', async (t) => {
    const server = await startServer(t);
    await create(t, { name: 'checked', url: server.url, healthCheck: fastCheck() });
    const { headers } = await opens('checked', 200);
    const session = inSession(headers['mcp-session-id']);

    server.health = 503;
    await notReady('checked', 'health check GET /healthz: answered 503');
    await opens('checked', 503);
    // Whoever has a session keeps it.
    const call = await post(gateway.mcpUrl('checked'), toolCall(1, 'any'), session);
    assert.equal(call.status, 200, call.text);

    server.health = 200;
    await opens('checked', 200);
    for (const { method, headers: asked } of server.checks) {
      assert.equal(method, 'GET');
      assert.equal(asked['user-agent'], 'mcp-gateway-probe');
      assert.equal(asked.host, new URL(server.url).host);
    }
  });

  test('a changed health check counts at once and restarts nothing', async (t) => {
    const adapter = exampleAdapter('local');
    await create(t, adapter);
    await opens('local', 200);
    const url = gateway.mcpUrl('local');
    const session = inSession(await open(url));
    const whoami = async () => valueOf(await post(url, toolCall(1, 'whoami'), session));
    const { pid } = await whoami();

    // The next check by the interval would be in an hour.
    const lost = { path: '/nowhere', intervalMs: 3_600_000, unhealthyAfter: 1000 };
    await put({ ...adapter, healthCheck: lost });
    await notReady('local', 'health check GET /nowhere: answered 404');
    await opens('local', 503);
    await put({ ...adapter, healthCheck: fastCheck() });
    await opens('local', 200);

    assert.equal((await whoami()).pid, pid);
    const status = await gateway.status('local');
    assert.deepEqual([status.instances[0].restarts, status.updatedReplicas], [0, 1]);
  });

  test('a stdio server is asked by way of its bridge', async (t) => {
    const healthCheck = fastCheck({ path: '/of/its/own' });
    await create(t, { name: 'stdio', command: ['/bin/cat'], transport: 'stdio', healthCheck });
    await gateway.healthy('stdio', 1);
  });
});

describe('secrets', () => {
  const secrets = async (args, input) => {
    const done = await cli(['secrets', ...args, '--data-dir', gateway.dataDir], { input });
    assert.equal(done.code, 0, done.stderr);
    return done.stdout;
  };

  test('reach the server, change without a restart, and are shown to nobody', async (t) => {
    const server = await startServer(t);
    const name = 'guarded';
    const requestHeaders = { Authorization: { secret: 'token' } };
    await create(t, { name, url: server.url, requestHeaders });
    const status = await notReady(name, 'secret token is missing');
    assert.match(status.replicaStatus, /set it with `mcp-gateway secrets set token`/);
    await opens(name, 503);

    await secrets(['set', 'token'], 'Bearer first-value\n');
    const { headers } = await opens(name, 200);
    const session = inSession(headers['mcp-session-id']);
    assert.equal(server.requests.at(-1).authorization, 'Bearer first-value');

    await secrets(['set', 'token'], 'Bearer second-value\n');
    await until('the new value at the server', async () => {
      const answer = await post(gateway.mcpUrl(name), toolCall(1, 'any'), session);
      assert.equal(answer.status, 200, answer.text);
      return server.requests.at(-1).authorization === 'Bearer second-value';
    });
    assert.equal(await secrets(['list']), 'token\n');

    await secrets(['delete', 'token']);
    await notReady(name, 'secret token is missing');
    await opens(name, 503);
    await post(gateway.mcpUrl(name), toolCall(2, 'any'), session);
    assert.equal(server.requests.at(-1).authorization, undefined);
    await assertNowhere(name, ['first-value', 'second-value']);
    for (const { headers: asked } of server.checks) assert.equal(asked.authorization, undefined);
  });

  test('come from the environment where there is no file', async (t) => {
    const server = await startServer(t);
    const env = { MCP_GATEWAY_SECRET_API_KEY: 'Bearer of-the-environment' };
    const other = await Gateway.start(endOf(t), { env });
    const requestHeaders = { 'X-Api-Key': { secret: 'api-key' } };
    await other.apply({ name: 'x', url: server.url, requestHeaders });
    const answer = await post(other.mcpUrl('x'), initialize());
    assert.equal(answer.status, 200, answer.text);
    assert.equal(server.requests.at(-1)['x-api-key'], 'Bearer of-the-environment');
    // The snapshot on disk has to hold it, for its owner alone.
    await other.onDisk('x', 1);
    const { mode } = statSync(join(other.dataDir, 'snapshot.json'));
    assert.equal(mode & 0o777, 0o600);
  });
});

test('a server behind https is taken, and its status says what is missing', async (t) => {
  await create(t, { name: 'remote', url: 'https://127.0.0.1:1/mcp' });
  await notReady('remote', 'TLS towards servers is not there yet');
  await opens('remote', 503);
  const body = { name: 'odd', url: 'wss://127.0.0.1:1/mcp' };
  assert.equal((await gateway.rest('POST', '/adapters', { body })).status, 400);
});
