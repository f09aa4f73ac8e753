// Who may do what over HTTP: every kind of caller at every kind of resource, as a table. What one
// may not read is 404 to them, as if it were not there; what one may read and not change is 403.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endOfFile } from './lib/ends.mjs';
import { cli, exampleAdapter, Gateway } from './lib/gateway.mjs';
import { ACCEPT, initialize, inSession } from './lib/mcp.mjs';
import { until } from './lib/wait.mjs';

const end = endOfFile();
const as = (user, roles) => ({ 'X-Dev-UserId': user, 'X-Dev-Roles': roles ?? 'none' });
const CALLERS = {
  creator: as('carol', 'maker'),
  admin: as('root', 'MCP.Admin'),
  holder: as('harry', 'x,TEAM'),
  maker: as('mia', 'maker'),
  other: as('oscar'),
};
const ORDER = Object.keys(CALLERS);

let gateway;
const ask = (method, path, headers, body) => gateway.rest(method, path, { headers, body });
const tool = (name) => ({
  ...exampleAdapter(name, { replicaCount: 0, requiredRoles: ['team'] }),
  toolDefinition: { tool: { name, inputSchema: { type: 'object' } } },
});
const adapter = (name) => exampleAdapter(name, { requiredRoles: ['team'], tenant: 'acme' });

before(async () => {
  gateway = await Gateway.start(end, { env: { MCP_GATEWAY_CREATE_ROLES: 'maker' } });
  assert.equal((await ask('POST', '/adapters', CALLERS.creator, adapter('one'))).status, 201);
  assert.equal((await ask('POST', '/tools', CALLERS.creator, tool('two'))).status, 201);
  assert.equal((await ask('PUT', '/tenants/acme', CALLERS.admin, {})).status, 201);
  const stranger = { ...CALLERS.creator, 'Mcp-Session-Id': 'none' };
  await until('the adapter in the data plane', async () => {
    const ping = { jsonrpc: '2.0', id: 0, method: 'ping' };
    const answer = await ask('POST', '/adapters/one/mcp', stranger, ping);
    return answer.json?.error?.code === -32001;
  });
});

// Statuses of creator, admin, holder, maker, other.
const ROWS = [
  ['GET', '/adapters/one', [200, 200, 200, 404, 404]],
  ['GET', '/adapters/one/status', [200, 200, 200, 404, 404]],
  ['GET', '/adapters/one/logs', [200, 200, 200, 404, 404]],
  ['PUT', '/adapters/one', [200, 200, 403, 404, 404], adapter('one')],
  ['POST', '/adapters/one/mcp', [200, 200, 200, 404, 404], initialize()],
  ['GET', '/tools/two', [200, 200, 200, 404, 404]],
  ['GET', '/tools/two/status', [200, 200, 200, 404, 404]],
  ['PUT', '/tools/two', [200, 200, 403, 404, 404], tool('two')],
  // With a body that is wrong, so that nothing is made: 400 is "you may".
  ['POST', '/adapters', [400, 400, 403, 400, 403], {}],
  ['POST', '/tools', [400, 400, 403, 400, 403], {}],
  ['GET', '/sessions', [200, 200, 200, 200, 200]],
  ['GET', '/audit', [403, 200, 403, 403, 403]],
  ['GET', '/tenants', [200, 200, 200, 200, 200]],
  ['GET', '/tenants/acme', [404, 200, 404, 404, 404]],
  ['PUT', '/tenants/acme', [403, 200, 403, 403, 403], {}],
  ['PUT', '/tenants/none', [403, 400, 403, 403, 403], { id: 'other' }],
  ['GET', '/tokens', [403, 200, 403, 403, 403]],
  ['POST', '/tokens', [403, 400, 403, 403, 403], {}],
  ['GET', '/tokens/0123456789abcdef', [403, 404, 403, 403, 403]],
  // What may not be deleted first, the deletion itself last.
  ['DELETE', '/tenants/acme', [404, undefined, 404, 404, 404]],
  ['DELETE', '/tenants/acme', [undefined, 204]],
  ['DELETE', '/adapters/one', [undefined, undefined, 403, 404, 404]],
  ['DELETE', '/tools/two', [undefined, undefined, 403, 404, 404]],
];

describe('the table', () => {
  for (const [method, path, statuses, body] of ROWS) {
    test(`${method} ${path}`, async () => {
      for (const [i, status] of statuses.entries()) {
        if (status === undefined) continue;
        const headers = { ...(path.endsWith('/mcp') ? ACCEPT : {}), ...CALLERS[ORDER[i]] };
        const answer = await ask(method, path, headers, body);
        assert.equal(answer.status, status, `${ORDER[i]}: ${answer.text}`);
      }
    });
  }

  test('what one may not read looks like what is not there', async () => {
    for (const path of ['/adapters/one', '/tools/two', '/tenants/acme']) {
      const hidden = await ask('GET', path, CALLERS.other);
      const missing = await ask('GET', `${path.slice(0, -3)}zzz`, CALLERS.other);
      assert.equal(hidden.status, missing.status);
      assert.equal(hidden.text.length, missing.text.length);
    }
  });

  test('lists have what one may read', async () => {
    for (const [caller, count] of [['creator', 1], ['admin', 1], ['holder', 1], ['other', 0]]) {
      for (const collection of ['/adapters', '/tools']) {
        const { json } = await ask('GET', collection, CALLERS[caller]);
        assert.equal(json.length, count, `${caller} ${collection}`);
      }
    }
  });

  test('sessions are seen and ended by their owner and by administrators', async () => {
    const headers = { ...ACCEPT, ...CALLERS.holder };
    const begun = await ask('POST', '/adapters/one/mcp', headers, initialize());
    assert.equal(begun.status, 200, begun.text);
    inSession(begun.headers['mcp-session-id']);
    let id;
    await until('the session', async () => {
      const { json } = await ask('GET', '/sessions?user=harry', CALLERS.admin);
      id = json[0]?.id;
      return id !== undefined;
    });
    assert.deepEqual((await ask('GET', '/sessions?user=harry', CALLERS.other)).json, []);
    assert.equal((await ask('DELETE', `/sessions/${id}`, CALLERS.other)).status, 404);
    assert.equal((await ask('DELETE', `/sessions/${id}`, CALLERS.holder)).status, 204);
  });
});

test('the command sets tenants and makes tokens, with and without a gateway', async () => {
  const there = ['--server', gateway.url, '--as', 'root', '--roles', 'mcp.admin'];
  const set = await cli(['tenants', 'set', 'beta', '--requests', '10', '--per', '60', ...there]);
  assert.equal(set.code, 0, set.stderr);
  const got = await cli(['tenants', 'get', 'beta', '--json', ...there]);
  assert.deepEqual(JSON.parse(got.stdout).quota, { requests: 10, perSeconds: 60 });
  const made = await cli(['tokens', ...there, 'create', '--user', 'ci', '--expires', '1d']);
  assert.match(made.stdout, /^mcpgw_[\w-]{43}\n$/);
  const local = await cli(
    ['tokens', 'create', '--user', 'local-ci', '--data-dir', gateway.dataDir, '--json'],
  );
  assert.equal(local.code, 0, local.stderr);
  const { id, token } = JSON.parse(local.stdout);
  const listed = await cli(['tokens', 'list', ...there]);
  assert.match(listed.stdout, /local-ci/);
  assert.ok(!listed.stdout.includes(token));
  await until('the control plane has told data planes', () => /"tokens":2/.test(gateway.log()));
  const revoked = await cli(['tokens', 'revoke', id, ...there]);
  assert.equal(revoked.code, 0, revoked.stderr);
  const refused = await cli(['tokens', 'list', '--server', gateway.url, '--as', 'bob']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /only administrators/);
  for (const secret of [token, made.stdout.trim()]) assert.ok(!gateway.log().includes(secret));
});
