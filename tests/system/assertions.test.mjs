// identityAssertion: servers are told who calls by a token of the gateway that they can verify with
// its public keys, and by nothing that a client can make.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, UnsecuredJWT } from 'jose';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Front } from './lib/front.mjs';
import { Gateway } from './lib/gateway.mjs';
import { openStream, request } from './lib/http.mjs';
import { initialize, inSession, modernRequest, open, post, toolCall } from './lib/mcp.mjs';
import { as, startSecured } from './lib/secured.mjs';
import { sign, TokenIssuer } from './lib/token_issuer.mjs';
import { ToldServer } from './lib/told_server.mjs';
import { until } from './lib/wait.mjs';

const HEADER = 'x-mcp-identity';
const SECONDS = 60;
const JWKS = '/.well-known/mcp-gateway/jwks.json';
const PING = { jsonrpc: '2.0', id: 1, method: 'ping' };

const end = endOfFile();
let issuer;
let front;
let gateway;
let server;
let ann; // the headers of a person with everything that a token can say
let bob; // of one with nothing

before(async () => {
  issuer = await TokenIssuer.start(end);
  front = await Front.start(end);
  gateway = await startSecured(end, [issuer], front);
  server = await ToldServer.start(end);
  const fields = { url: server.url, requiredRoles: ['team'] };
  await gateway.apply({ name: 'told', identityAssertion: true, ...fields });
  await gateway.apply({ name: 'other', identityAssertion: true, ...fields });
  await gateway.apply({ name: 'owned', identityAssertion: true, tenant: 'acme', ...fields });
  await gateway.apply({ name: 'untold', ...fields });
  const claims = { roles: ['team', 'Ops & more', 'a,b'], name: 'Ann "A" Ölsen', tid: 'blue' };
  ann = await as(issuer, 'ann@example.org', claims);
  bob = await as(issuer, 'bob', { roles: ['team'] });
  await until('the key in the data plane', async () => (await keys()).keys.length > 0);
});

async function keys() {
  const answer = await request(gateway.url, 'GET', JWKS); // as anybody
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
}

// What a server does: the issuer, which is the public origin of a gateway that has one, the
// signature by the key that the token names, the audience, the time.
async function verified(token, audience) {
  const options = { issuer: front.url, audience, algorithms: ['ES256'], typ: 'JWT' };
  return (await jwtVerify(token, createLocalJWKSet(await keys()), options)).payload;
}

// The token that the server gets with a request of somebody; undefined if there is none.
async function tokenOf(adapter, headers) {
  const answer = await post(gateway.mcpUrl(adapter), PING, headers);
  assert.equal(answer.status, 200, answer.text);
  return server.last.headers[HEADER];
}

describe('the keys', () => {
  test('are public ones of P-256, for everybody, and nothing else', async () => {
    const answer = await request(gateway.url, 'GET', JWKS);
    assert.match(answer.headers['content-type'], /^application\/(jwk-set\+)?json/);
    assert.deepEqual(Object.keys(answer.json), ['keys']);
    for (const key of answer.json.keys) {
      const { kid, x, y, ...rest } = key;
      assert.deepEqual(rest, { kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' });
      for (const one of [kid, x, y]) assert.ok(typeof one === 'string' && one.length > 0);
    }
  });

  test('are read only', async () => {
    const answer = await request(gateway.url, 'POST', JWKS, { body: {} });
    assert.equal(answer.status, 405, answer.text);
  });
});

describe('an assertion', () => {
  test('says who calls, to whom, and for a minute', async () => {
    const from = Math.floor(Date.now() / 1000);
    const token = await tokenOf('told', ann);
    const to = Math.floor(Date.now() / 1000);
    const { alg, typ, kid, ...none } = decodeProtectedHeader(token);
    assert.deepEqual([alg, typ, none], ['ES256', 'JWT', {}]);
    assert.ok((await keys()).keys.some((key) => key.kid === kid), kid);
    const { iat, exp, ...claims } = await verified(token, 'told');
    assert.deepEqual(claims, {
      iss: front.url,
      aud: 'told',
      sub: 'ann@example.org',
      name: 'Ann "A" Ölsen', // and percent-encoded in its own header
      roles: ['team', 'Ops & more'], // a role with a comma is nobody's
      tenant: 'blue',
    });
    assert.equal(exp - iat, SECONDS);
    // It may have served for half of its time already.
    assert.ok(iat >= from - SECONDS / 2 - 1 && iat <= to, `${from} ${iat} ${to}`);
  });

  test('leaves out what is not known', async () => {
    const { iat, exp, ...claims } = await verified(await tokenOf('told', bob), 'told');
    assert.ok(exp > iat);
    assert.deepEqual(claims, { iss: front.url, aud: 'told', sub: 'bob', roles: ['team'] });
  });

  test('names the tenant of the adapter before that of the caller', async () => {
    assert.equal((await verified(await tokenOf('owned', ann), 'owned')).tenant, 'acme');
    assert.equal((await verified(await tokenOf('owned', bob), 'owned')).tenant, 'acme');
  });

  test('is of one caller and one adapter, whatever was asked before', async () => {
    for (let round = 0; round < 3; round++) {
      for (const [who, sub] of [[ann, 'ann@example.org'], [bob, 'bob']]) {
        for (const adapter of ['told', 'other']) {
          const token = await tokenOf(adapter, who);
          assert.equal((await verified(token, adapter)).sub, sub);
          const wrong = adapter === 'told' ? 'other' : 'told';
          await assert.rejects(verified(token, wrong), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
        }
      }
    }
  });

  test('follows the roles of each token', async () => {
    const rolesOf = async (roles) => {
      const headers = await as(issuer, 'carl', { roles });
      return (await verified(await tokenOf('told', headers), 'told')).roles;
    };
    for (const roles of [['team'], ['team', 'a'], ['b', 'team'], ['team']]) {
      assert.deepEqual(await rolesOf(roles), roles);
    }
  });

  test('comes with every kind of request', async (t) => {
    const url = gateway.mcpUrl('told');
    server.requests.length = 0;
    const id = await open(url, ann); // initialize and a notification
    await post(url, toolCall(2, 'x'), inSession(id, ann));
    const { headers, body } = modernRequest(toolCall(3, 'x'));
    await post(url, body, { ...headers, ...ann });
    const all = inSession(id, { ...ann, Accept: 'text/event-stream' });
    await openStream(endOf(t), url, all).status;
    await request(url.origin, 'DELETE', url.pathname, { headers: inSession(id, ann) });
    const methods = server.requests.map((one) => one.method);
    assert.deepEqual(methods, ['POST', 'POST', 'POST', 'POST', 'GET', 'DELETE']);
    for (const one of server.requests) {
      assert.equal((await verified(one.headers[HEADER], 'told')).sub, 'ann@example.org');
    }
  });

  test('is not what the client has sent under its name', async () => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: front.url, aud: 'told', sub: 'root', roles: ['mcp.admin'], iat: now, exp: now + 60,
    };
    const own = await tokenOf('told', bob);
    const forged = {
      unsigned: new UnsecuredJWT(claims).encode(),
      'of another key': await sign({ ...issuer.key, kid: decodeProtectedHeader(own).kid }, claims),
      'of somebody else': await tokenOf('told', ann),
      nonsense: 'x',
    };
    for (const [what, value] of Object.entries(forged)) {
      for (const name of ['X-Mcp-Identity', 'x-mcp-identity', 'X-MCP-IDENTITY']) {
        const token = await tokenOf('told', { ...bob, [name]: value });
        assert.equal((await verified(token, 'told')).sub, 'bob', what);
        assert.equal(await tokenOf('untold', { ...bob, [name]: value }), undefined, what);
      }
    }
    const twice = await tokenOf('told', { ...bob, 'X-Mcp-Identity': ['x', forged.unsigned] });
    assert.equal((await verified(twice, 'told')).sub, 'bob', 'one that came twice');
  });

  test('does not come with the token of the caller', async () => {
    await tokenOf('told', ann);
    const [, payload, signature] = ann.Authorization.split(' ')[1].split('.');
    const seen = JSON.stringify(server.last);
    assert.equal(server.last.headers.authorization, undefined);
    for (const part of [payload, signature]) assert.ok(!seen.includes(part));
  });

  test('is verified by no key but the published one', async () => {
    const token = await tokenOf('told', ann);
    const [head, payload, signature] = token.split('.');
    const other = JSON.parse(Buffer.from(payload, 'base64url').toString());
    other.sub = 'root';
    const changed = Buffer.from(JSON.stringify(other)).toString('base64url');
    await assert.rejects(verified(`${head}.${changed}.${signature}`, 'told'));
  });
});

test('an adapter that does not ask for it gets none', async () => {
  assert.equal(await tokenOf('untold', ann), undefined);
  assert.equal(server.last.headers['x-mcp-userid'], 'ann@example.org', 'the plain one is there');
});

test('the field can be switched on and off while sessions run', async () => {
  const fields = { name: 'switched', url: server.url, requiredRoles: ['team'] };
  await gateway.apply(fields);
  const id = await open(gateway.mcpUrl('switched'), ann);
  const ask = () => tokenOf('switched', inSession(id, ann));
  assert.equal(await ask(), undefined);
  const change = (more) =>
    gateway.rest('PUT', '/adapters/switched', { body: { ...fields, ...more } });
  assert.equal((await change({ identityAssertion: true })).status, 200);
  const token = await until('an assertion', ask);
  assert.equal((await verified(token, 'switched')).sub, 'ann@example.org');
  assert.equal((await change({ identityAssertion: false })).status, 200);
  await until('none', async () => (await ask()) === undefined);
});

test('assertions of before are good after the death of either plane', async () => {
  const token = await tokenOf('told', ann);
  const { kid } = decodeProtectedHeader(token);
  for (const plane of [gateway.dataplane, gateway.controlplane]) {
    await gateway.kill(plane);
    await until('the gateway', async () => {
      const answer = await post(gateway.mcpUrl('told'), PING, ann);
      return answer.status === 200 && server.last.headers[HEADER];
    });
    await until('the management API', async () =>
      (await gateway.rest('GET', '/adapters/told')).status === 200);
    assert.equal((await verified(token, 'told')).sub, 'ann@example.org');
    const next = await tokenOf('told', ann);
    assert.equal((await verified(next, 'told')).sub, 'ann@example.org');
    assert.equal(decodeProtectedHeader(next).kid, kid);
  }
});

test('no server is told of who is refused', async () => {
  server.requests.length = 0;
  const url = gateway.mcpUrl('told');
  const stranger = await as(issuer, 'eve', { roles: ['others'] });
  assert.equal((await post(url, initialize(), stranger)).status, 404);
  const own = { 'X-Mcp-Identity': await tokenOf('told', ann) };
  server.requests.length = 0;
  assert.equal((await post(url, initialize(), own)).status, 401);
  assert.equal(server.requests.length, 0);
});

test('a gateway in development mode asserts, too, who a client says it is', async (t) => {
  const dev = await Gateway.start(endOf(t));
  await dev.apply({ name: 'told', url: server.url, identityAssertion: true });
  await until('the key', async () => (await request(dev.url, 'GET', JWKS)).json.keys.length > 0);
  const headers = { 'X-Dev-UserId': 'zoe', 'X-Dev-Roles': 'mcp.admin, a' };
  assert.equal((await post(dev.mcpUrl('told'), PING, headers)).status, 200);
  const jwks = (await request(dev.url, 'GET', JWKS)).json;
  const token = server.last.headers[HEADER];
  const options = { audience: 'told', issuer: 'mcp-gateway' }; // it has no public origin
  const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), options);
  assert.deepEqual([payload.sub, payload.roles], ['zoe', ['mcp.admin', 'a']]);
  // Each gateway has a key of its own.
  await assert.rejects(verified(token, 'told'), { code: 'ERR_JWKS_NO_MATCHING_KEY' });
});
