// Quotas and rates over two workers, exact whatever dies meanwhile; and places of sessions and
// streams that are given back however they end.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { call, connect, count, failureOf, KINDS } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { openStream } from './lib/http.mjs';
import {
  ask, assertRefused, CLIENTS, crowd, limitAdapter, limitedAdapter, limitTenant, onDisk, putTenant,
  quota, standingOf, startServer, tenant, toldUsage, user,
} from './lib/limited.mjs';
import { ACCEPT, initialize, inSession, toolCall } from './lib/mcp.mjs';
import { metricsOf } from './lib/metrics.mjs';
import { until } from './lib/wait.mjs';

const QUOTA = 1000;
const WORKERS = { args: ['--workers', '2'] };

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end, WORKERS);
});

// An adapter of its own for each test, with a server of its own.
async function serve(t, name, fields = {}, at = gateway) {
  const server = await startServer(endOf(t));
  const adapter = limitedAdapter(name, server, fields);
  await at.apply(adapter);
  return { server, adapter };
}

// How often a limit of that scope has refused, from one moment to the next.
async function refusalsOf(limit, scope) {
  const label = `limit="${limit}",scope="${scope}"`;
  return (await metricsOf(gateway))('limit_refusals_total', label);
}

test('eight clients over two workers get exactly the quota', async (t) => {
  const { server, adapter } = await serve(t, 'whole');
  const limits = quota(QUOTA);
  const unlimited = await ask(gateway, 'whole');
  assert.equal(unlimited.headers.ratelimit, undefined);
  const first = await limitAdapter(gateway, adapter, limits);
  assert.equal(standingOf(first).left, QUOTA - 1, 'what came before the limit does not count');
  const before = server.calls();
  const refusals = await refusalsOf('quota', 'adapter');
  const seen = await crowd(gateway, 'whole', { isDone: ({ refused }) => refused >= 200 });
  assert.equal(1 + seen.passed, QUOTA);
  assert.equal(server.calls() - before, seen.passed, 'what is refused reaches no server');
  assert.equal((await refusalsOf('quota', 'adapter')) - refusals, seen.refused);

  const refused = await ask(gateway, 'whole', {}, toolCall('seven', 'x'));
  assertRefused(refused, 'seven');
  const { perSeconds } = limits.quota;
  assert.equal(refused.headers['ratelimit-policy'], `"quota";q=${QUOTA};w=${perSeconds}`);
  const { limit, left, seconds } = standingOf(refused);
  assert.deepEqual({ limit, left }, { limit: 'quota', left: 0 });
  assert.equal(Number(refused.headers['retry-after']), seconds);
  const rest = perSeconds - (Date.now() / 1000) % perSeconds;
  assert.ok(Math.abs(seconds - rest) <= 2, `${seconds} s, not ${rest} s`);
});

test('a quota is exact over a tenant, its users and an adapter together', async (t) => {
  const { server, adapter } = await serve(t, 'together');
  await limitAdapter(gateway, adapter, quota(QUOTA + 50));
  const shared = { ...quota(QUOTA), perUser: quota(300) };
  const headers = (client) => user(`user-${client % 4}`, 'together');
  await putTenant(gateway, 'together', shared);
  // The user has less left than the tenant: so his quota is what is told.
  await until('the tenant', async () => {
    const answer = await ask(gateway, 'together', headers(0));
    return answer.headers['ratelimit-policy'].includes('q=300;') && answer;
  });
  const { used } = await tenant(gateway, 'together');
  assert.equal(used, 1);
  const before = server.calls();
  const seen = await crowd(gateway, 'together', {
    isDone: ({ refused }) => refused >= 300,
    headers,
  });
  assert.equal(seen.passed, QUOTA - 1);
  assert.equal(server.calls() - before, QUOTA - 1);
  assert.equal((await tenant(gateway, 'together')).used, QUOTA);
});

for (const kind of KINDS) {
  test(`the ${kind} client reports a refusal, and does not ask again`, async (t) => {
    const name = `official-${kind}`;
    const adapter = exampleAdapter(name, { requiredRoles: ['user'] });
    await gateway.apply(adapter);
    const session = await connect(endOf(t), kind, gateway.mcpUrl(name));
    assert.equal(await count(session), 1);
    const body = { ...adapter, limits: quota(1) };
    assert.equal((await gateway.rest('PUT', `/adapters/${name}`, { body })).status, 200);
    await until('the quota is used up', async () => (await ask(gateway, name)).status === 429);
    const refusals = await refusalsOf('quota', 'adapter');
    const error = await failureOf(call(session, 'count'));
    assert.match(error.message, /quota is used up/);
    assert.equal((await refusalsOf('quota', 'adapter')) - refusals, 1);
  });
}

test('a request that one limit refuses is not counted by the others', async (t) => {
  const { adapter } = await serve(t, 'apart');
  const of = (name) => user(name, 'apart');
  const shared = { ...quota(100), perUser: quota(3) };
  await putTenant(gateway, 'apart', shared);
  await until('the tenant', async () => {
    const answer = await ask(gateway, 'apart', of('ann'));
    return answer.headers['ratelimit-policy']?.includes('q=3;');
  });
  const refusals = await refusalsOf('quota', 'tenant_user');
  for (const status of [200, 200, 429, 429, 429]) {
    assert.equal((await ask(gateway, 'apart', of('ann'))).status, status);
  }
  assert.equal((await refusalsOf('quota', 'tenant_user')) - refusals, 3);
  assert.equal((await tenant(gateway, 'apart')).used, 3);
  assert.equal((await ask(gateway, 'apart', of('bob'))).status, 200, 'another user of the tenant');
  assert.equal((await ask(gateway, 'apart', user('ann'))).status, 200, 'the user without tenant');

  // The same at the adapter, which limits whoever comes, of whatever tenant.
  const limits = { ...quota(100), perUser: quota(5) };
  const body = { ...adapter, limits };
  assert.equal((await gateway.rest('PUT', '/adapters/apart', { body })).status, 200);
  const first = await until('the limits of the adapter', async () => {
    const answer = await ask(gateway, 'apart', user('eve'));
    return answer.headers['ratelimit-policy']?.includes('q=5;') && answer;
  });
  assert.equal(standingOf(first).left, 4);
  const atAdapter = await refusalsOf('quota', 'adapter_user');
  for (const status of [200, 200, 200, 200, 429, 429]) {
    assert.equal((await ask(gateway, 'apart', user('eve'))).status, status);
  }
  assert.equal((await refusalsOf('quota', 'adapter_user')) - atAdapter, 2);
  const { left } = standingOf(await ask(gateway, 'apart', user('dan')));
  assert.equal(left, 4, 'another user has all of his own');
});

// With a tenant, whose `used` says what was counted. Planes die at these numbers of answers.
test('a quota survives SIGKILL of either plane without loss', async (t) => {
  const mortal = await Gateway.start(endOf(t), WORKERS);
  const { server } = await serve(t, 'mortal', { tenant: 'mortal' }, mortal);
  await limitTenant(mortal, 'mortal', quota(QUOTA), { adapter: 'mortal' });
  await mortal.onDisk('mortal', 1);
  await onDisk(mortal, 'mortal');
  const before = server.calls();
  const planes = {
    200: [mortal.dataplane],
    400: [mortal.controlplane],
    600: [mortal.dataplane],
    800: [mortal.controlplane, mortal.dataplane],
  };
  const deaths = [];
  const at = (passed) => {
    for (const plane of planes[passed] ?? []) deaths.push(mortal.kill(plane));
  };
  const seen = await crowd(mortal, 'mortal', { isDone: ({ refused }) => refused >= 200, at });
  await Promise.all(deaths);
  assert.equal(deaths.length, 5);
  // Nothing is granted twice; and what was counted and had no answer, because the data plane died
  // meanwhile, is all that is missing.
  assert.ok(server.calls() - before <= QUOTA - 1, `${server.calls() - before} calls`);
  assert.ok(1 + seen.passed <= QUOTA, `${seen.passed} passed`);
  assert.ok(1 + seen.passed + seen.broken >= QUOTA, JSON.stringify(seen));
  assert.ok(seen.broken <= 3 * CLIENTS, JSON.stringify(seen));
  assertRefused(await ask(mortal, 'mortal'));
  assert.equal((await toldUsage(mortal, 'mortal')).used, QUOTA);
});

test('a rate is kept within five percent over ten seconds', async (t) => {
  const PER_SECOND = 100;
  const limits = { rateLimit: { requestsPerSecond: PER_SECOND, burst: 10 } };
  await serve(t, 'even', { limits });
  const refusals = await refusalsOf('rate', 'adapter');
  const early = await crowd(gateway, 'even', { isDone: ({ refused }) => refused >= 50 });
  const begin = performance.now(); // the burst is used up
  const isDone = () => performance.now() - begin >= 10_000;
  const { passed, refused } = await crowd(gateway, 'even', { isDone });
  const wanted = (PER_SECOND * (performance.now() - begin)) / 1000;
  assert.ok(passed >= wanted * 0.95 && passed <= wanted * 1.05, `${passed} instead of ${wanted}`);
  assert.equal((await refusalsOf('rate', 'adapter')) - refusals, early.refused + refused);
  assert.ok((await metricsOf(gateway))('limit_counters_in_use') >= 1);
});

test('a rate lets a burst through, and says when there is more', async (t) => {
  const limits = { rateLimit: { requestsPerSecond: 1, burst: 20 } };
  await serve(t, 'slow', { limits });
  const seen = await crowd(gateway, 'slow', { isDone: ({ refused }) => refused > 0 });
  assert.ok(seen.passed >= 10 && seen.passed <= 25, `${seen.passed} passed`);
  const refused = await until('a refusal', async () => {
    const answer = await ask(gateway, 'slow');
    return answer.status === 429 && answer;
  });
  assertRefused(refused);
  assert.equal(refused.headers['retry-after'], '1');
  assert.equal(refused.headers['ratelimit-policy'], '"rate";q=20;w=20');
  const { limit, left } = standingOf(refused);
  assert.deepEqual({ limit, left }, { limit: 'rate', left: 0 });
});

// {stream, status} of a GET of the adapter.
async function openAt(t, name, headers = {}, at = gateway) {
  const accept = { Accept: 'text/event-stream', ...headers };
  const stream = openStream(endOf(t), `${at.url}/adapters/${name}/mcp`, accept);
  return { stream, status: await stream.status };
}

// Opens streams until one is refused: those that it has opened.
async function fill(t, name, headers, at) {
  const streams = [];
  for (;;) {
    const { stream, status } = await openAt(t, name, headers, at);
    if (status === 200) {
      streams.push(stream);
      continue;
    }
    assert.equal(status, 429);
    await until('the whole answer', () => stream.ended);
    assert.match(stream.headers['retry-after'], /^[1-9][0-9]*$/);
    assert.equal(JSON.parse(stream.text).error.code, -32000);
    return streams;
  }
}

test('streams get their places back however they end', async (t) => {
  const mortal = await Gateway.start(endOf(t), WORKERS);
  const { server } = await serve(t, 'streams', { limits: { maxStreams: 3 } }, mortal);
  await mortal.onDisk('streams', 1);
  const isFree = (places) => until(`${places} places`, async () => {
    const streams = await fill(t, 'streams', {}, mortal);
    if (streams.length === places) return streams;
    for (const stream of streams) stream.close();
    return undefined;
  });
  const first = await fill(t, 'streams', {}, mortal);
  assert.equal(first.length, 3);
  const metric = await metricsOf(mortal);
  assert.equal(metric('limit_refusals_total', 'limit="streams",scope="adapter"'), 1);
  for (const stream of first) stream.close(); // the client leaves
  await isFree(3);
  for (const response of server.streams) response.destroy(); // the server breaks off
  await isFree(3);
  await mortal.kill(mortal.dataplane); // the data plane dies, and its streams with it
  await isFree(3);
  const body = limitedAdapter('streams', server, { limits: { maxStreams: 4 } });
  assert.equal((await mortal.rest('PUT', '/adapters/streams', { body })).status, 200);
  await isFree(1); // one more than those three
});

test('a stream that answers a call is counted, and never refused', async (t) => {
  await serve(t, 'answers', { tenant: 'answers' });
  await putTenant(gateway, 'answers', { maxStreams: 2, perUser: { maxStreams: 1 } });
  const of = (name) => user(name);
  const streams = async () => (await tenant(gateway, 'answers')).streams;
  // Before the limit is known there, streams are let in without a place.
  await until('the limit', async () => {
    const { stream, status } = await openAt(t, 'answers', of('ann'));
    assert.equal(status, 200);
    const counted = await streams();
    if (counted !== 1) stream.close();
    return counted === 1;
  });
  const refusals = {
    user: await refusalsOf('streams', 'tenant_user'),
    all: await refusalsOf('streams', 'tenant'),
  };
  assert.equal((await openAt(t, 'answers', of('ann'))).status, 429, 'of the user');
  assert.equal((await openAt(t, 'answers', of('bob'))).status, 200);
  assert.equal((await openAt(t, 'answers', of('eve'))).status, 429, 'of the tenant');
  assert.equal((await refusalsOf('streams', 'tenant_user')) - refusals.user, 1);
  assert.equal((await refusalsOf('streams', 'tenant')) - refusals.all, 1);
  const answer = await fetch(gateway.mcpUrl('answers'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...ACCEPT, ...of('dan') },
    body: JSON.stringify(toolCall(1, 'stream')),
  });
  endOf(t)(() => answer.body.cancel());
  assert.equal(answer.status, 200);
  assert.equal(await streams(), 3);
});

test('sessions are limited for a tenant, an adapter and each user of them', async (t) => {
  const limits = { maxSessions: 4, perUser: { maxSessions: 2 } };
  await serve(t, 'places', { limits });
  const begin = (who) => ask(gateway, 'places', who, initialize());
  const refusals = {
    user: await refusalsOf('sessions', 'adapter_user'),
    all: await refusalsOf('sessions', 'adapter'),
  };
  const opened = [];
  for (const name of ['ann', 'ann', 'bob', 'bob']) {
    const answer = await begin(user(name));
    assert.equal(answer.status, 200, answer.text);
    opened.push({ who: user(name), id: answer.headers['mcp-session-id'] });
  }
  assertRefused(await begin(user('ann')), 0);
  assertRefused(await begin(user('eve')), 0);
  assert.equal((await refusalsOf('sessions', 'adapter')) - refusals.all, 1);
  assert.equal((await refusalsOf('sessions', 'adapter_user')) - refusals.user, 1);

  const { who, id } = opened.pop();
  const headers = inSession(id, who);
  const ended = await gateway.rest('DELETE', '/adapters/places/mcp', { headers });
  assert.equal(ended.status, 200, ended.text);
  assert.equal((await begin(user('eve'))).status, 200, 'the place is free again');
  assertRefused(await begin(user('eve')), 0);
});

test('what limits of sessions and streams refuse has not used up a quota', async (t) => {
  const { server } = await serve(t, 'crowded', { tenant: 'crowded' });
  const limits = { ...quota(100), maxSessions: 2, maxStreams: 1, perUser: { maxSessions: 1 } };
  await limitTenant(gateway, 'crowded', limits, { adapter: 'crowded' });
  const begin = (name) => ask(gateway, 'crowded', user(name), initialize());
  const refusals = {
    user: await refusalsOf('sessions', 'tenant_user'),
    all: await refusalsOf('sessions', 'tenant'),
  };
  assert.equal((await begin('ann')).status, 200);
  assertRefused(await begin('ann'), 0);
  assert.equal((await begin('bob')).status, 200);
  const asked = server.requests.length;
  const refused = await begin('eve');
  assertRefused(refused, 0);
  assert.equal(refused.headers['retry-after'], '60');
  assert.equal(refused.headers.ratelimit, undefined);
  assert.equal(server.requests.length, asked, 'no server learns of it');
  assert.equal((await refusalsOf('sessions', 'tenant_user')) - refusals.user, 1);
  assert.equal((await refusalsOf('sessions', 'tenant')) - refusals.all, 1);
  assert.equal((await openAt(t, 'crowded')).status, 200);
  const full = await openAt(t, 'crowded');
  assert.equal(full.status, 429);
  assert.equal(full.stream.headers['retry-after'], '10');
  assert.equal(full.stream.headers.ratelimit, undefined);
  const { used, sessions, streams } = await tenant(gateway, 'crowded');
  assert.deepEqual({ used, sessions, streams }, { used: 4, sessions: 2, streams: 1 });
});
