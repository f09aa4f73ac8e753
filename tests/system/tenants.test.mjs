// Tenants: whose request counts for which, what counts, and what GET /tenants/{id} tells of it,
// whoever has died or changed meanwhile.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { openStream, RawConnection } from './lib/http.mjs';
import {
  ADMIN, ask, assertRefused, limitedAdapter, limitTenant, onDisk, putTenant, quota, standingOf,
  startServer, tenant, toldUsage, user, windowSeconds,
} from './lib/limited.mjs';
import { ACCEPT, initialize, inSession, toolCall } from './lib/mcp.mjs';
import { metricsOf } from './lib/metrics.mjs';
import { SecondPlane } from './lib/second_plane.mjs';
import { until } from './lib/wait.mjs';

const WORKERS = { args: ['--workers', '2'] };
const LARGE = quota(1000);

const end = endOfFile();
let gateway;
let server;
const theirs = (fields) => limitedAdapter('theirs', server, fields); // of callers' tenants
before(async () => {
  gateway = await Gateway.start(end, WORKERS);
  server = await startServer(end);
  await gateway.apply(theirs());
});

const usedOf = async (id, at = gateway) => (await tenant(at, id)).used;

async function remove(id) {
  const answer = await gateway.rest('DELETE', `/tenants/${id}`, { headers: ADMIN });
  assert.equal(answer.status, 204, answer.text);
}

// Until answers to somebody say nothing of limits any more.
const isFree = (headers) =>
  until('the end of the limits', async () => {
    const answer = await ask(gateway, 'theirs', headers);
    return answer.status === 200 && answer.headers.ratelimit === undefined;
  });

test("a request is of its adapter's tenant, else its caller's, else default", async () => {
  const owned = limitedAdapter('owned', server, { tenant: 'owner' });
  await gateway.apply(owned);
  const of = (id) => user('ann', id);
  await limitTenant(gateway, 'owner', LARGE, { adapter: 'owned', headers: of('caller') });
  await limitTenant(gateway, 'caller', LARGE, { adapter: 'theirs', headers: of('caller') });
  assert.equal(await usedOf('owner'), 1);
  assert.equal(await usedOf('caller'), 1);
  await ask(gateway, 'owned', of('caller'));
  assert.equal(server.last.headers['x-mcp-tenant'], 'owner');
  await ask(gateway, 'owned', of('nobody'));
  await ask(gateway, 'owned', of());
  assert.equal(await usedOf('owner'), 4);
  assert.equal(await usedOf('caller'), 1);
  await ask(gateway, 'theirs', of('caller'));
  assert.equal(server.last.headers['x-mcp-tenant'], 'caller');
  assert.equal(await usedOf('caller'), 2);

  const free = await ask(gateway, 'theirs', of());
  assert.equal(free.headers.ratelimit, undefined, 'there is no default yet');
  await limitTenant(gateway, 'default', LARGE, { adapter: 'theirs', headers: of() });
  assert.equal(await usedOf('default'), 1);
  assert.equal(server.last.headers['x-mcp-tenant'], undefined, 'only who is counted there');
  const unknown = await ask(gateway, 'theirs', of('nobody'));
  assert.equal(unknown.status, 200);
  assert.equal(unknown.headers.ratelimit, undefined, 'a name that is no tenant is not limited');
  assert.equal(server.last.headers['x-mcp-tenant'], 'nobody');
  await ask(gateway, 'theirs', of('caller'));
  assert.deepEqual([await usedOf('default'), await usedOf('caller')], [1, 3]);
  await remove('default');
  await isFree(of());
});

test('who is in a tenant reads it, and nobody else', async () => {
  await putTenant(gateway, 'readable', LARGE);
  const get = (headers) => gateway.rest('GET', '/tenants/readable', { headers });
  assert.equal((await get(user('ann', 'readable'))).status, 200);
  assert.equal((await get(user('ann', 'another'))).status, 404);
  assert.equal((await get(user('ann'))).status, 404);
  assert.equal((await get(ADMIN)).status, 200);
});

test('a tenant tells what it uses right after each request, and when its window ends', async () => {
  const headers = user('ann', 'told');
  const limits = quota(50);
  const seconds = limits.quota.perSeconds;
  const created = await putTenant(gateway, 'told', limits);
  assert.equal(created.used, undefined, 'only GET asks');
  const ends = Math.ceil(Date.now() / 1000 / seconds) * seconds * 1000;
  const fresh = await tenant(gateway, 'told');
  assert.equal(fresh.used, 0);
  assert.equal(Date.parse(fresh.resetsAt), ends, 'windows are multiples of their length');
  await limitTenant(gateway, 'told', limits, { adapter: 'theirs', headers });
  for (let used = 2; used <= 50; used++) {
    const answer = await ask(gateway, 'theirs', headers);
    assert.equal(standingOf(answer).left, 50 - used);
    const now = await tenant(gateway, 'told');
    assert.equal(now.used, used);
    assert.equal(Date.parse(now.resetsAt), ends);
  }
  const refusals = ['limit_refusals_total', 'limit="quota",scope="tenant"'];
  const before = await metricsOf(gateway);
  const refused = await ask(gateway, 'theirs', headers);
  assertRefused(refused);
  const after = await metricsOf(gateway);
  assert.equal(after(...refusals) - before(...refusals), 1);
  assert.equal(await usedOf('told'), 50, 'what is refused does not count');
  const wait = Number(refused.headers['retry-after']);
  assert.ok(Math.abs(ends - Date.now() - wait * 1000) <= 3000, `${wait} s until ${ends}`);

  const seen = await gateway.cli(['tenants', 'get', 'told', '--json', '--as', 'root', '--roles',
    'mcp.admin']);
  const { used, resetsAt } = JSON.parse(seen.stdout);
  assert.deepEqual({ used, ends: Date.parse(resetsAt) }, { used: 50, ends });
});

test('a tenant tells its sessions and streams', async (t) => {
  const headers = user('ann', 'busy');
  const numbers = async () => {
    const { sessions, streams } = await tenant(gateway, 'busy');
    return { sessions, streams };
  };
  await limitTenant(gateway, 'busy', { ...LARGE, maxStreams: 5 }, { adapter: 'theirs', headers });
  assert.deepEqual(await numbers(), { sessions: 0, streams: 0 });
  const begun = await ask(gateway, 'theirs', headers, initialize());
  const session = inSession(begun.headers['mcp-session-id'], headers);
  assert.deepEqual(await numbers(), { sessions: 1, streams: 0 });
  const get = { Accept: 'text/event-stream', ...session };
  const stream = openStream(endOf(t), gateway.mcpUrl('theirs'), get);
  assert.equal(await stream.status, 200);
  assert.deepEqual(await numbers(), { sessions: 1, streams: 1 });
  stream.close();
  await until('the end of the stream', async () => (await numbers()).streams === 0);
  await gateway.rest('DELETE', '/adapters/theirs/mcp', { headers: session });
  assert.deepEqual(await numbers(), { sessions: 0, streams: 0 });
});

test('what is used is told after a death of each plane, and after a new start', async (t) => {
  const first = await Gateway.start(endOf(t), WORKERS);
  const mine = await startServer(endOf(t));
  await first.apply(limitedAdapter('lasting', mine, { tenant: 'lasting' }));
  await limitTenant(first, 'lasting', LARGE, { adapter: 'lasting' });
  let used = 1;
  const goesOn = async (at) => {
    assert.equal((await toldUsage(at, 'lasting')).used, used);
    const answer = await until('an answer of the server', async () => {
      const one = await ask(at, 'lasting');
      return one.status === 200 && one;
    });
    used = 1000 - standingOf(answer).left;
    assert.equal(await usedOf('lasting', at), used);
  };
  await goesOn(first);
  assert.equal(used, 2);
  await first.kill(first.controlplane);
  await goesOn(first);
  assert.equal(used, 3);
  await first.onDisk('lasting', 1);
  await onDisk(first, 'lasting');
  await first.kill(first.dataplane);
  await goesOn(first);
  assert.equal(used, 4);
  await first.stop();
  const second = await Gateway.start(endOf(t), { ...WORKERS, folder: first.folder });
  await second.healthy('lasting', 1);
  await goesOn(second);
  assert.ok(used >= 5, `${used} used`);
});

test('sessions are counted again as they are used after a death of the data plane', async (t) => {
  const mortal = await Gateway.start(endOf(t), WORKERS);
  const mine = await startServer(endOf(t));
  await mortal.apply(limitedAdapter('known', mine, { tenant: 'known' }));
  await putTenant(mortal, 'known', { maxSessions: 1 });
  await mortal.onDisk('known', 1);
  await onDisk(mortal, 'known');
  const begun = await ask(mortal, 'known', {}, initialize());
  assert.equal(begun.status, 200);
  assertRefused(await ask(mortal, 'known', {}, initialize()), 0);
  await mortal.kill(mortal.dataplane);
  assert.equal((await toldUsage(mortal, 'known')).sessions, 0);
  const session = inSession(begun.headers['mcp-session-id']);
  await until('the session goes on', async () => {
    return (await ask(mortal, 'known', session)).status === 200;
  });
  assert.equal((await tenant(mortal, 'known')).sessions, 1);
  assertRefused(await ask(mortal, 'known', {}, initialize()), 0);
});

test('each data plane counts for itself, and a tenant tells the sum', async (t) => {
  const first = await Gateway.start(endOf(t), WORKERS);
  const mine = await startServer(endOf(t));
  await first.apply(limitedAdapter('sum', mine, { tenant: 'sum' }));
  await limitTenant(first, 'sum', quota(10), { adapter: 'sum' });
  const second = await SecondPlane.start(endOf(t), first);
  const answer = await until('the limits in the second data plane', async () => {
    const one = await ask(second, 'sum');
    return one.status === 200 && one;
  });
  assert.equal(standingOf(answer).left, 9, 'of its own');
  await until('the sum', async () => (await usedOf('sum', first)) === 2);
  for (let used = 3; used <= 11; used++) {
    assert.equal((await ask(second, 'sum')).status, 200);
    assert.equal(await usedOf('sum', first), used);
  }
  assertRefused(await ask(second, 'sum'));
  assert.equal((await ask(first, 'sum')).status, 200);
  assert.equal(await usedOf('sum', first), 12);
});

test('limits that are changed hold at once, together with what is used already', async () => {
  const headers = user('ann', 'changing');
  const seconds = windowSeconds();
  const set = (requests) =>
    limitTenant(gateway, 'changing', quota(requests, seconds), { adapter: 'theirs', headers });
  await set(3);
  assert.equal((await ask(gateway, 'theirs', headers)).status, 200);
  assert.equal((await ask(gateway, 'theirs', headers)).status, 200);
  assertRefused(await ask(gateway, 'theirs', headers));
  await putTenant(gateway, 'changing', quota(5, seconds));
  const more = await until('the larger quota', async () => {
    const answer = await ask(gateway, 'theirs', headers);
    return answer.status === 200 && answer;
  });
  assert.equal(standingOf(more).left, 1);
  await putTenant(gateway, 'changing', quota(2, seconds));
  const less = await until('the smaller quota', async () => {
    const answer = await ask(gateway, 'theirs', headers);
    return answer.status === 429 && answer.headers['ratelimit-policy'].includes('q=2;') && answer;
  });
  assert.equal(standingOf(less).left, 0);
  const { used } = await tenant(gateway, 'changing');
  assert.ok(used === 4 || used === 5, `${used}`); // the fifth may have passed before the change
});

test('a longer window goes on with what the shorter one has counted', async () => {
  const headers = user('ann', 'longer');
  const seconds = windowSeconds();
  const at = { adapter: 'theirs', headers };
  await limitTenant(gateway, 'longer', quota(10, seconds), at);
  await ask(gateway, 'theirs', headers);
  const before = await tenant(gateway, 'longer');
  assert.equal(before.used, 2);
  const first = await limitTenant(gateway, 'longer', quota(10, 2 * seconds), at);
  const after = await tenant(gateway, 'longer');
  assert.equal(after.used, 10 - standingOf(first).left);
  assert.ok(after.used >= 3, `${after.used}`);
  const ends = Date.parse(after.resetsAt) / 1000;
  assert.equal(ends, Math.ceil(Date.now() / 1000 / (2 * seconds)) * 2 * seconds);
});

test('a deleted tenant limits nobody, and finds its count when it is made again', async () => {
  const headers = user('ann', 'passing');
  const limits = quota(2);
  await limitTenant(gateway, 'passing', limits, { adapter: 'theirs', headers });
  assert.equal((await ask(gateway, 'theirs', headers)).status, 200);
  assertRefused(await ask(gateway, 'theirs', headers));
  await remove('passing');
  await isFree(headers);
  const gone = await gateway.rest('GET', '/tenants/passing', { headers: ADMIN });
  assert.equal(gone.status, 404);
  await putTenant(gateway, 'passing', limits);
  await until('the quota that is used up', async () => {
    return (await ask(gateway, 'theirs', headers)).status === 429;
  });
  assert.equal(await usedOf('passing'), 2);
});

// [what, method, path, body, headers, status, what it counts]
const COUNTS = [
  ['a call', 'POST', '/adapters/ruled/mcp', toolCall(1, 'x'), {}, 200, 1],
  ['initialize', 'POST', '/adapters/ruled/mcp', initialize(), {}, 200, 1],
  ['a notification', 'POST', '/adapters/ruled/mcp',
    { jsonrpc: '2.0', method: 'notifications/cancelled' }, {}, 202, 1],
  ['DELETE without a session', 'DELETE', '/adapters/ruled/mcp', undefined, {}, 200, 1],
  ['a session that is unknown', 'POST', '/adapters/ruled/mcp', toolCall(1, 'x'),
    { 'Mcp-Session-Id': 'none' }, 404, 1],
  ['what the rules of the adapter deny', 'POST', '/adapters/ruled/mcp', toolCall(1, 'denied'), {},
    403, 1],
  ['a server that is away', 'POST', '/adapters/away/mcp', toolCall(1, 'x'), {}, 502, 1],
  ['what cannot be told from what the rules deny', 'POST', '/adapters/ruled/mcp', '{', {}, 400, 1],
  ['another method', 'PUT', '/adapters/ruled/mcp', {}, {}, 405, 0],
  ['an adapter that is none', 'POST', '/adapters/nothing/mcp', toolCall(1, 'x'), {}, 404, 0],
  ['an adapter that one may not read', 'POST', '/adapters/ruled/mcp', toolCall(1, 'x'),
    { 'X-Dev-Roles': 'stranger' }, 404, 0],
  ['scopes that one does not have', 'POST', '/adapters/scoped/mcp', toolCall(1, 'x'),
    { 'X-Dev-Scopes': 'other' }, 403, 1],
  ['a batch', 'POST', '/adapters/ruled/mcp', [toolCall(1, 'x'), toolCall(2, 'x')], {}, 202, 1],
  ['what is too long', 'POST', '/adapters/ruled/mcp', 'x'.repeat(5 << 20), {}, 413, 0],
  ['the management API', 'GET', '/adapters', undefined, {}, 200, 0],
  ['a health check', 'GET', '/healthz', undefined, {}, 200, 0],
  ['a preflight', 'OPTIONS', '/adapters/ruled/mcp', undefined, {}, 204, 0],
];

test('what counts', async (t) => {
  const make = (name, fields) => gateway.apply(limitedAdapter(name, server, fields));
  await make('ruled', { accessRules: [{ effect: 'deny', tools: ['denied'] }] });
  await make('scoped', { requiredScopes: ['wanted'] });
  const ends = [];
  await gateway.apply(limitedAdapter('away', await startServer((one) => ends.push(one))));
  for (const one of ends) await one();
  const all = user('ann', 'counted');
  await limitTenant(gateway, 'counted', LARGE, { adapter: 'ruled', headers: all });
  for (const [what, method, path, body, more, status, count] of COUNTS) {
    await t.test(what, async () => {
      const used = await usedOf('counted');
      const headers = { ...ACCEPT, ...all, ...more };
      const answer = await gateway.rest(method, path, { headers, body });
      assert.equal(answer.status, status, answer.text);
      assert.equal((await usedOf('counted')) - used, count);
    });
  }
});

// RFC 9110 section 10.1.1: the client sends its body only when it is told to.
test('what is refused by its head counts as it does with its body', async () => {
  const fields = { ...ACCEPT, ...user('ann', 'polite'), 'X-Dev-Scopes': 'other' };
  const body = JSON.stringify(toolCall(1, 'x'));
  const at = { adapter: 'theirs', headers: user('ann', 'polite') };
  await limitTenant(gateway, 'polite', LARGE, at);
  const send = async (more, content) => {
    const connection = await RawConnection.open(gateway.url);
    const lines = Object.entries({ ...fields, ...more, 'Content-Length': body.length });
    connection.write([
      'POST /adapters/scoped/mcp HTTP/1.1',
      `Host: ${gateway.mcpUrl('scoped').host}`,
      'Content-Type: application/json',
      ...lines.map(([name, value]) => `${name}: ${value}`),
      `\r\n${content}`,
    ].join('\r\n'));
    const { status } = await connection.answer();
    connection.destroy();
    assert.equal(status, 403);
    return usedOf('polite');
  };
  assert.equal(await send({}, body), 2);
  assert.equal(await send({ Expect: '100-continue' }, ''), 3);
});
