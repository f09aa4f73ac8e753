// Session ids that the gateway did not issue to this caller for this adapter: always 404 with
// -32001, never another's session, and the gateway goes on serving the true owner.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { endOf, endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { inSession, open, post, toolCall, valueOf } from './lib/mcp.mjs';

const ROLE = 'team';
const OWNER = { 'X-Dev-UserId': 'alice', 'X-Dev-Roles': ROLE };
const OTHER = { 'X-Dev-UserId': 'bob', 'X-Dev-Roles': ROLE };
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

const end = endOfFile();
let gateway;
let url;
let id;
before(async () => {
  gateway = await Gateway.start(end, { args: ['--workers', '2'] });
  for (const name of ['example', 'neighbour']) {
    await gateway.apply(exampleAdapter(name, { requiredRoles: [ROLE] }));
  }
  url = gateway.mcpUrl('example');
  id = await open(url, OWNER);
});

async function refused(session, { headers = OWNER, at = url, method = 'POST' } = {}) {
  const sent = inSession(session, headers);
  const answer =
    method === 'POST'
      ? await post(at, toolCall('forged', 'count'), sent)
      : await gateway.rest(method, at.pathname, {
          headers: { ...sent, Accept: 'text/event-stream' },
        });
  const shown = session.length > 80 ? `${session.slice(0, 80)}…` : session;
  assert.equal(answer.status, 404, `${method} ${shown}: ${answer.status} ${answer.text}`);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.json.error.code, -32001);
  assert.equal(answer.json.id, method === 'POST' ? 'forged' : null);
}

async function ownerCounts(expected) {
  const answer = await post(url, toolCall(1, 'count'), inSession(id, OWNER));
  assert.equal(answer.status, 200, answer.text);
  assert.equal(valueOf(answer).count, expected);
}

test('the true id works, also at the end of all this', async () => {
  assert.match(id, /^v1\.[A-Za-z0-9]+\.[A-Za-z0-9_-]+$/);
  await ownerCounts(1);
});

test('invented ids', async () => {
  const invented = [
    'x',
    '0',
    'v1',
    'v1.',
    'v1..',
    'v1.k.',
    'v2.' + id.slice(3),
    'V1.' + id.slice(3),
    'v1.nosuchkey.' + id.split('.')[2],
    `${id}A`,
    `${id}.`,
    `${id}=`,
    `A${id}`,
    id.toUpperCase(),
    [...id].reverse().join(''),
    'f'.repeat(36),
    '~'.repeat(1500),
    'A'.repeat(8000),
    'v1.' + id.split('.')[1] + '.' + 'A'.repeat(2000),
  ];
  for (const one of invented) await refused(one);
});

test('truncated ids', async () => {
  for (let size = 1; size < id.length; size++) await refused(id.slice(0, size));
});

test('ids with one changed character at every place', async () => {
  for (let at = 0; at < id.length; at++) {
    const old = BASE64URL.indexOf(id[at]);
    const changed = old < 0 ? '_' : BASE64URL[old ^ 1];
    await refused(id.slice(0, at) + changed + id.slice(at + 1));
  }
});

test('ids put together from two sessions', async () => {
  const second = await open(url, OWNER);
  const [, , first] = id.split('.');
  const [version, key, other] = second.split('.');
  const half = Math.floor(first.length / 2);
  await refused(`${version}.${key}.${first.slice(0, half)}${other.slice(half)}`);
  await refused(`${version}.${key}.${other}${first}`);
});

test("another adapter's id", async () => {
  await refused(id, { at: gateway.mcpUrl('neighbour') });
});

test("another user's id, in every method", async () => {
  for (const method of ['POST', 'GET', 'DELETE']) await refused(id, { headers: OTHER, method });
  const own = await open(url, OTHER);
  await refused(own, { headers: OWNER });
});

test("another gateway's id", async (t) => {
  const elsewhere = await Gateway.start(endOf(t));
  await elsewhere.apply(exampleAdapter('example', { requiredRoles: [ROLE] }));
  await refused(await open(elsewhere.mcpUrl('example'), OWNER));
});

test('an id after its DELETE', async () => {
  const ended = await open(url, OWNER);
  const headers = inSession(ended, OWNER);
  const answer = await gateway.rest('DELETE', url.pathname, { headers });
  assert.ok(answer.status >= 200 && answer.status < 300, answer.text);
  for (const method of ['POST', 'GET', 'DELETE']) await refused(ended, { method });
});

test('an id of an adapter that was deleted and made again', async () => {
  await gateway.apply(exampleAdapter('brief', { requiredRoles: [ROLE] }));
  const old = await open(gateway.mcpUrl('brief'), OWNER);
  const deleted = await gateway.rest('DELETE', '/adapters/brief');
  assert.equal(deleted.status, 204, deleted.text);
  await gateway.apply(exampleAdapter('brief', { requiredRoles: [ROLE] }));
  await refused(old, { at: gateway.mcpUrl('brief') });
});

test('two ids in one request', async () => {
  const answer = await gateway.rest('POST', url.pathname, {
    headers: { ...inSession(id, OWNER), 'Mcp-Session-Id': [id, id.slice(0, -1)] },
    body: toolCall('two', 'count'),
  });
  assert.ok([400, 404].includes(answer.status), `${answer.status} ${answer.text}`);
});

test('nobody touched the true session', async () => {
  await ownerCounts(2);
  gateway.dataplane();
  assert.doesNotMatch(gateway.log(), /restart|SIGSEGV|signal 11|signal 6/i);
});
