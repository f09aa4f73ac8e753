// Adapters and tenants with limits, and clients that use them up.
//
// A quota is known by what answers say of it (RateLimit-Policy), so a limit that was set is in
// force when limitAdapter() or limitTenant() return, and has counted exactly one request: the one
// whose answer said so, which is returned.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messagesOf, toolCall } from './mcp.mjs';
import { polite, ToldServer } from './told_server.mjs';
import { until } from './wait.mjs';

export const ADMIN = { 'X-Dev-UserId': 'root', 'X-Dev-Roles': 'mcp.admin' };
export const CLIENTS = 8;

// The headers of somebody who may use the adapters of limitedAdapter(). No tenant: of none.
export const user = (name, tenant) => ({
  'X-Dev-UserId': name,
  'X-Dev-Roles': 'user',
  ...(tenant !== undefined && { 'X-Dev-Tenant': tenant }),
});

// An hour, or a little more than that: no window of it ends while the tests of a file can run.
export function windowSeconds() {
  let seconds = 3600;
  while (seconds - (Date.now() / 1000) % seconds < 600) seconds++;
  return seconds;
}

export const quota = (requests, perSeconds = windowSeconds()) => ({
  quota: { requests, perSeconds },
});

// Opens a new session for each initialize, answers GET, and the call of a tool `stream`, with a
// stream that stays open, and everything else with a result. `streams` are those that are open.
export async function startServer(end) {
  const server = await ToldServer.start(end);
  server.streams = new Set();
  server.calls = () => server.requests.filter(({ body }) => body.includes('"tools/call"')).length;
  const stream = (response) => {
    response.write(': here\n\n');
    server.streams.add(response);
    response.on('close', () => server.streams.delete(response));
  };
  let sessions = 0;
  server.answer = (asked) => {
    const streams = asked.method === 'GET' || asked.body.includes('"stream"');
    if (!streams) return polite(`session-${++sessions}`)(asked);
    return { status: 200, headers: { 'Content-Type': 'text/event-stream' }, body: stream };
  };
  return server;
}

export const limitedAdapter = (name, server, fields = {}) => ({
  name,
  url: server.url,
  requiredRoles: ['user'],
  ...fields,
});

// A request of the adapter, on a connection of its own.
export const ask = (gateway, name, headers = {}, body = toolCall(1, 'x')) =>
  gateway.rest('POST', `/adapters/${name}/mcp`, { headers, body });

const inForce = (gateway, name, policy, headers) =>
  until(`${policy} at ${name}`, async () => {
    const answer = await ask(gateway, name, headers);
    assert.equal(answer.status, 200, answer.text);
    return answer.headers['ratelimit-policy'] === policy && answer;
  });

const policyOf = ({ requests, perSeconds }) => `"quota";q=${requests};w=${perSeconds}`;

// Gives the adapter, which is there, limits with a quota.
export async function limitAdapter(gateway, adapter, limits, headers = {}) {
  const body = { ...adapter, limits };
  const changed = await gateway.rest('PUT', `/adapters/${adapter.name}`, { body });
  assert.equal(changed.status, 200, changed.text);
  return inForce(gateway, adapter.name, policyOf(limits.quota), headers);
}

export async function putTenant(gateway, id, limits) {
  const answer = await gateway.rest('PUT', `/tenants/${id}`, { headers: ADMIN, body: limits });
  assert.ok([200, 201].includes(answer.status), answer.text);
  return answer.json;
}

// Makes the tenant, with a quota: of the caller with these headers at that adapter.
export async function limitTenant(gateway, id, limits, { adapter, headers }) {
  await putTenant(gateway, id, limits);
  return inForce(gateway, adapter, policyOf(limits.quota), headers);
}

export async function tenant(gateway, id, headers = ADMIN) {
  const answer = await gateway.rest('GET', `/tenants/${id}`, { headers });
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

// The same from a control plane that may not know all data planes yet: it then tells no usage.
export const toldUsage = (gateway, id) =>
  until(`the usage of ${id}`, async () => {
    const told = await tenant(gateway, id);
    return told.used !== undefined && told;
  });

// A data plane that dies right after a change begins with the snapshot before it (gateway.onDisk).
export const onDisk = (gateway, id) =>
  until(`the tenant ${id} in the snapshot on disk`, () => {
    const { access } = JSON.parse(readFileSync(join(gateway.dataDir, 'snapshot.json'), 'utf8'));
    return access.tenants.some((one) => one.id === id);
  });

// The one limit that an answer tells: {limit, left, seconds}.
export function standingOf({ headers }) {
  const [, limit, left, seconds] = /^"(\w+)";r=(\d+);t=(\d+)$/.exec(headers.ratelimit);
  return { limit, left: Number(left), seconds: Number(seconds) };
}

// Eight clients ask until `isDone` of what they have seen. `at` is called at each number of
// answers, and nobody waits for it. A connection that breaks has no answer; one that nobody takes
// while a plane is away was no request.
export async function crowd(gateway, name, { isDone, at = () => {}, headers = () => ({}) }) {
  const seen = { passed: 0, refused: 0, broken: 0 };
  const one = async (client) => {
    while (!isDone(seen)) {
      const answer = await ask(gateway, name, headers(client)).catch(({ code }) => ({ code }));
      if (answer.status === 200) at(++seen.passed);
      else if (answer.status === 429) seen.refused++;
      else if (['ECONNRESET', 'EPIPE'].includes(answer.code)) seen.broken++;
      else assert.fail(`${answer.status} ${answer.code} ${answer.text}`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => one(client)));
  return seen;
}

// That it is a refusal by a limit, as clients see it.
export function assertRefused(answer, id = 1) {
  assert.equal(answer.status, 429, answer.text);
  assert.match(answer.headers['retry-after'], /^[1-9][0-9]*$/);
  assert.match(answer.headers['content-type'], /^application\/json/);
  const [message] = messagesOf(answer);
  assert.equal(message.jsonrpc, '2.0');
  assert.equal(message.id, id);
  assert.equal(message.error.code, -32000);
  assert.notEqual(message.error.message, '');
}
