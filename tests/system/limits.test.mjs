// Quotas and rates over two workers, exact whatever dies meanwhile; and places of streams that are
// given back however a stream ends.
import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';
import { endOf } from './lib/ends.mjs';
import { openStream } from './lib/http.mjs';
import { metricsOf } from './lib/metrics.mjs';
import { toldAdapter, ToldPlane } from './lib/told_plane.mjs';
import { until } from './lib/wait.mjs';

const CLIENTS = 8;
const QUOTA = 1000;
const CALL = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } };

// A window that does not end within the test.
const windowSeconds = () =>
  [3600, 31 * 24 * 3600].find((one) => one - (Date.now() / 1000) % one > 120);

// Answers every POST with a result, every GET with a stream that stays open.
async function startServer(end) {
  const server = http.createServer((asked, response) => {
    if (asked.method === 'GET') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(': here\n\n');
      server.streams.add(response);
      response.on('close', () => server.streams.delete(response));
      return;
    }
    asked.resume();
    asked.on('end', () => {
      server.calls++;
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result: {} }));
    });
  });
  server.calls = 0;
  server.streams = new Set();
  server.keepAliveTimeout = 60_000;
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  end(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return server;
}

const pair = (all, perUser = {}) => ({ all, per_user: perUser });

// A told data plane with the adapter `a`, limited so, and tenants.
async function startLimited(end, { limits, tenants = [] }) {
  const server = await startServer(end);
  const adapter = toldAdapter('a', server.address().port, limits && { limits });
  const plane = await ToldPlane.start(end, { adapters: [adapter], tenants });
  return { server, plane };
}

// One call of the adapter: its status; 0 if the connection broke before an answer.
async function call(plane, headers = {}) {
  try {
    return await plane.rest('POST', '/adapters/a/mcp', { body: CALL, headers });
  } catch (error) {
    if (!['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(error.code)) throw error;
    return { status: 0, refused: error.code === 'ECONNREFUSED' };
  }
}

// Clients ask until they were asked `times` altogether, or `whenDone` says so. `at` is called at
// each number of answers, and nobody waits for it.
async function crowd(plane, { isDone, at = () => {}, headers = () => ({}) }) {
  const seen = { passed: 0, refused: 0, broken: 0 };
  const one = async (client) => {
    while (!isDone(seen)) {
      const answer = await call(plane, headers(client));
      if (answer.status === 200) at(++seen.passed);
      else if (answer.status === 429) seen.refused++;
      else if (answer.status === 0) seen.broken += answer.refused ? 0 : 1;
      else assert.fail(`${answer.status} ${answer.text}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => one(client)));
  return seen;
}

test('eight clients over two workers get exactly the quota', async (t) => {
  const seconds = windowSeconds();
  const { server, plane } = await startLimited(endOf(t), {
    limits: pair({ quota_requests: QUOTA, quota_seconds: seconds }),
  });
  const seen = await crowd(plane, { isDone: ({ refused }) => refused >= 200 });
  assert.equal(seen.passed, QUOTA);
  assert.equal(server.calls, QUOTA);
  const refused = await call(plane);
  assert.equal(refused.status, 429);
  assert.equal(refused.json.error.code, -32000);
  assert.equal(refused.headers['ratelimit-policy'], `"quota";q=${QUOTA};w=${seconds}`);
  assert.match(refused.headers.ratelimit, /^"quota";r=0;t=[0-9]+$/);
  const left = seconds - (Date.now() / 1000) % seconds;
  assert.ok(Math.abs(Number(refused.headers['retry-after']) - left) <= 2, `${left}`);
});

test('a quota is exact over the tenant, its users and the adapter together', async (t) => {
  const window = { quota_seconds: windowSeconds() };
  const { server, plane } = await startLimited(endOf(t), {
    limits: pair({ quota_requests: QUOTA + 50, ...window }),
    tenants: [{
      id: 'acme',
      limits: pair({ quota_requests: QUOTA, ...window }, { quota_requests: 300, ...window }),
    }],
  });
  const headers = (client) => ({
    'X-Dev-UserId': `user-${client % 4}`,
    'X-Dev-Roles': 'user',
    'X-Dev-Tenant': 'acme',
  });
  const seen = await crowd(plane, { isDone: ({ refused }) => refused >= 300, headers });
  assert.equal(seen.passed, QUOTA);
  assert.equal(server.calls, QUOTA);
});

test('a quota survives SIGKILL of either plane without loss', async (t) => {
  const { server, plane } = await startLimited(endOf(t), {
    limits: pair({ quota_requests: QUOTA, quota_seconds: windowSeconds() }),
  });
  const deaths = [];
  const at = (passed) => {
    if (passed === 250 || passed === 700) deaths.push(plane.kill());
    if (passed === 500) deaths.push(plane.lose());
  };
  const seen = await crowd(plane, { isDone: ({ refused }) => refused >= 200, at });
  await Promise.all(deaths);
  assert.equal(deaths.length, 3);
  assert.ok(server.calls <= QUOTA, `${server.calls} calls`);
  assert.ok(seen.passed <= QUOTA, `${seen.passed} passed`);
  // What was counted, but had no answer when the data plane died, is all that is missing.
  assert.ok(seen.passed + seen.broken >= QUOTA, JSON.stringify(seen));
  assert.ok(seen.broken <= 2 * CLIENTS, JSON.stringify(seen));
  assert.equal((await call(plane)).status, 429);
});

test('a rate is kept within five percent over ten seconds', async (t) => {
  const PER_SECOND = 100;
  const { plane } = await startLimited(endOf(t), {
    limits: pair({ requests_per_second: PER_SECOND, burst: 10 }),
  });
  await crowd(plane, { isDone: ({ refused }) => refused >= 50 }); // the burst is used up
  const begin = performance.now();
  const isDone = () => performance.now() - begin >= 10_000;
  const { passed } = await crowd(plane, { isDone });
  const wanted = (PER_SECOND * (performance.now() - begin)) / 1000;
  assert.ok(passed >= wanted * 0.95 && passed <= wanted * 1.05, `${passed} instead of ${wanted}`);
  const metric = await metricsOf(plane);
  assert.ok(metric('limit_refusals_total', 'limit="rate",scope="adapter"') > 0);
  assert.equal(metric('limit_refusals_total', 'limit="quota"'), 0);
  assert.equal(metric('limit_counters_in_use'), 1);
});

test('streams get their places back however they end', async (t) => {
  const end = endOf(t);
  const { server, plane } = await startLimited(end, { limits: pair({ streams_max: 3 }) });
  const open = async () => {
    const stream = openStream(end, `${plane.url}/adapters/a/mcp`, { Accept: 'text/event-stream' });
    return { stream, status: await stream.status };
  };
  const fill = async () => {
    const streams = [];
    for (;;) {
      const { stream, status } = await open();
      if (status !== 200) {
        assert.equal(status, 429);
        return streams;
      }
      streams.push(stream);
    }
  };
  const isFree = (places) => until(`${places} places`, async () => {
    const streams = await fill();
    if (streams.length === places) return streams;
    for (const stream of streams) stream.close();
    return undefined;
  });
  const first = await fill();
  assert.equal(first.length, 3);
  for (const stream of first) stream.close(); // the client leaves
  await isFree(3);
  for (const response of server.streams) response.destroy(); // the server breaks off
  await isFree(3);
  await plane.kill(); // the data plane dies, and its streams with it
  await isFree(3);
});
