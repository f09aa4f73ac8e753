// What the gateway says to those who have no token, or the wrong one, and where it says to get one
// (RFC 6750 section 3, RFC 9728 sections 3 and 5). Challenges are read as the official client does
// and taken apart to the last byte; what is not served is a plain 404 to everybody.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { extractWWWAuthenticateParams } from '@modelcontextprotocol/sdk/client/auth.js';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Front, withoutPrefix } from './lib/front.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { openStream, request } from './lib/http.mjs';
import { ACCEPT, initialize, inSession, modernRequest, post, toolCall } from './lib/mcp.mjs';
import { challengeIn, PRM } from './lib/resource_server.mjs';
import { confide } from './lib/secrecy.mjs';
import { ADMIN, as, AUDIENCE, bearer, startSecured } from './lib/secured.mjs';
import { newKey, sign, TokenIssuer } from './lib/token_issuer.mjs';
import { until } from './lib/wait.mjs';

const SCOPED = { requiredScopes: ['mcp', 'mcp:write'] };
const TEAM = { requiredRoles: ['team'] };
const probe = { jsonrpc: '2.0', id: 'p', method: 'server/discover' };
const list = { jsonrpc: '2.0', id: 7, method: 'tools/list' };

const end = endOfFile();
let issuer;
let front;
let gateway;
let base; // where this test asks: the gateway itself

before(async () => {
  issuer = await TokenIssuer.start(end);
  front = await Front.start(end);
  gateway = await startSecured(end, [issuer], front, { args: ['--oidc-scopes', 'mcp'] });
  base = gateway.url;
  await gateway.apply(exampleAdapter('example', TEAM));
  const scoped = exampleAdapter('scoped', { ...TEAM, ...SCOPED });
  assert.equal((await gateway.rest('POST', '/adapters', { body: scoped })).status, 201);
  await gateway.healthy('scoped', 1);
});

// The parameters of the one challenge of an answer; anything else than one is a failure.
function challengeOf({ headers }) {
  const parameters = challengeIn(headers['www-authenticate']);
  assert.ok(parameters, 'no challenge');
  return parameters;
}

const metadataOf = (path) => `${front.url}${PRM}${path}`;

// What the official client finds in it.
const clientReads = ({ status, headers }) =>
  extractWWWAuthenticateParams(new Response(null, {
    status,
    headers: { 'WWW-Authenticate': headers['www-authenticate'] },
  }));

const ask = (path, method, body, headers = {}) =>
  request(base, method, path, { headers: { ...ACCEPT, ...headers }, body });

describe('without a token', () => {
  const ways = {
    initialize: ['POST', initialize()],
    'a probe of 2026-07-28': ['POST', probe],
    'a call': ['POST', toolCall(3, 'whoami')],
    'a batch': ['POST', [list]],
    'a notification': ['POST', { jsonrpc: '2.0', method: 'notifications/initialized' }],
    'a stream': ['GET'],
    DELETE: ['DELETE'],
    'something that is no JSON': ['POST', 'not json'],
  };
  for (const [what, [method, body]] of Object.entries(ways)) {
    test(`${what}: 401, where to log in, and no error`, async () => {
      const answer = await ask('/adapters/example/mcp', method, body, inSession('v1.x.y'));
      assert.equal(answer.status, 401, answer.text);
      assert.match(answer.headers['content-type'], /^application\/json/);
      assert.equal(answer.json.error.code, -32000);
      assert.deepEqual(challengeOf(answer), {
        resource_metadata: metadataOf('/adapters/example/mcp'),
        scope: 'mcp',
      });
      const { resourceMetadataUrl, scope, error } = clientReads(answer);
      assert.equal(resourceMetadataUrl.href, metadataOf('/adapters/example/mcp'));
      assert.deepEqual([scope, error], ['mcp', undefined]);
    });
  }

  test('the id of the request comes back', async () => {
    assert.equal((await ask('/adapters/example/mcp', 'POST', probe)).json.id, 'p');
    assert.equal((await ask('/adapters/example/mcp', 'POST', initialize(0))).json.id, 0);
  });

  test('an adapter that does not exist is challenged as one that does', async () => {
    const one = await ask('/adapters/example/mcp', 'POST', list);
    const other = await ask('/adapters/nothing/mcp', 'POST', list);
    assert.equal(other.status, 401);
    const renamed = JSON.stringify(challengeOf(other)).replaceAll('nothing', 'example');
    assert.deepEqual(JSON.parse(renamed), challengeOf(one));
    assert.equal(other.text, one.text);
  });

  test('the stream of 2024-11-05 names its own metadata, and so does what is posted', async () => {
    const path = '/adapters/example/sse';
    const stream = await ask(path, 'GET', undefined, { Accept: 'text/event-stream' });
    const posted = await ask('/adapters/example/messages?sessionId=1', 'POST', list);
    for (const answer of [stream, posted]) {
      assert.equal(answer.status, 401, answer.text);
      assert.equal(challengeOf(answer).resource_metadata, metadataOf(path));
    }
  });

  test('management routes are 401, too', async () => {
    for (const path of ['/adapters', '/adapters/example', '/tools', '/sessions', '/tenants',
      '/tokens', '/audit']) {
      const answer = await ask(path, 'GET');
      assert.equal(answer.status, 401, path);
      assert.match(answer.headers['content-type'], /^application\/problem\+json/);
      assert.equal(answer.json.status, 401);
      const parameters = challengeOf(answer);
      assert.ok(parameters.resource_metadata.startsWith(metadataOf('')), path);
      assert.equal(parameters.error, undefined);
    }
  });

  test('health, description, metadata and preflights need none', async () => {
    for (const path of ['/ping', '/healthz', '/readyz', '/openapi.json', PRM]) {
      assert.equal((await ask(path, 'GET')).status, 200, path);
    }
    const preflight = await ask('/adapters/example/mcp', 'OPTIONS', undefined, {
      Origin: 'http://localhost:1',
      'Access-Control-Request-Method': 'POST',
    });
    assert.equal(preflight.status, 204);
  });
});

describe('with a token that is no good', () => {
  const claims = () => ({ sub: 'ann', aud: AUDIENCE, roles: ['team'] });
  const altered = (token) => {
    const parts = token.split('.');
    const said = JSON.parse(Buffer.from(parts[1], 'base64url'));
    parts[1] = Buffer.from(JSON.stringify({ ...said, roles: [ADMIN] })).toString('base64url');
    return confide(parts.join('.'));
  };
  const unsigned = (said) => {
    const parts = [{ alg: 'none', typ: 'at+jwt' }, { iss: issuer.issuer, exp: 4e9, ...said }];
    const encoded = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    return `${encoded.join('.')}.`;
  };
  const faults = {
    'one that has expired': () => issuer.token(claims(), { secondsLeft: -5 }),
    'one for somebody else': () => issuer.token({ ...claims(), aud: 'https://other.example' }),
    'one for another adapter': () =>
      issuer.token({ ...claims(), aud: `${front.url}/adapters/scoped/mcp` }),
    'one for an adapter whose name begins alike': () =>
      issuer.token({ ...claims(), aud: `${front.url}/adapters/exam` }),
    'one without an audience': () => issuer.token({ ...claims(), aud: undefined }),
    'one of another issuer': () => sign(newKey(), { iss: 'https://idp.example', ...claims() }),
    'one of the issuer with a slash': () =>
      issuer.token({ ...claims(), iss: `${issuer.issuer}/` }),
    'one by a foreign key of the same name': () =>
      sign({ ...newKey(), kid: issuer.key.kid }, { iss: issuer.issuer, ...claims() }),
    'one that was altered': async () => altered(await issuer.token(claims())),
    'one without a signature': () => unsigned(claims()),
    'one without a subject': () => issuer.token({ ...claims(), sub: undefined }),
    'an API token that nobody has made': () => `mcpgw_${'x'.repeat(43)}`,
    'a word': () => 'opensesame',
  };
  for (const [what, make] of Object.entries(faults)) {
    test(`${what}: 401, and the reason`, async () => {
      const answer = await ask('/adapters/example/mcp', 'POST', list, bearer(await make()));
      assert.equal(answer.status, 401, answer.text);
      assert.equal(answer.json.error.code, -32000);
      assert.equal(answer.json.id, 7);
      const { error_description: why, ...rest } = challengeOf(answer);
      assert.deepEqual(rest, {
        error: 'invalid_token',
        resource_metadata: metadataOf('/adapters/example/mcp'),
        scope: 'mcp',
      });
      assert.ok(why.length > 5, why);
      assert.equal(clientReads(answer).error, 'invalid_token');
    });
  }

  test('a scheme that is not Bearer is no token', async () => {
    const answer = await ask('/adapters/example/mcp', 'POST', list, {
      Authorization: 'Basic cm9vdDpyb290',
    });
    assert.equal(answer.status, 401);
    assert.equal(challengeOf(answer).resource_metadata, metadataOf('/adapters/example/mcp'));
  });

  test('a token in the query is no token', async () => {
    const token = await issuer.token(claims());
    const answer = await ask(`/adapters/example/mcp?access_token=${token}`, 'POST', list);
    assert.equal(answer.status, 401);
    assert.equal(challengeOf(answer).error, undefined);
  });

  test('the same one with all that it needs is taken', async () => {
    const resources = [AUDIENCE, `${front.url}/adapters/example/mcp`,
      `${front.url}/adapters/example/mcp/`, `${front.url}/adapters/example`, front.url,
      ['https://other.example', AUDIENCE]];
    for (const aud of resources) {
      const headers = bearer(await issuer.token({ ...claims(), aud }));
      const answer = await ask('/adapters/example/mcp', 'POST', initialize(), headers);
      assert.equal(answer.status, 200, `${aud}: ${answer.text}`);
    }
  });
});

describe('with too few scopes', () => {
  const wanted = { scope: 'mcp mcp:write', error: 'insufficient_scope' };
  const path = '/adapters/scoped/mcp';

  test('the 401 does not tell them, nor that the adapter exists', async () => {
    const { resource_metadata: _, ...rest } = challengeOf(await ask(path, 'POST', list));
    assert.deepEqual(rest, { scope: 'mcp' });
  });

  for (const scope of [undefined, '', 'mcp', 'mcp:write mcp:writes']) {
    test(`"${scope}": 403, and all that are needed`, async () => {
      const headers = await as(issuer, 'ann', { roles: ['team'], scope });
      for (const [method, body] of [['POST', initialize()], ['POST', list], ['DELETE']]) {
        const answer = await ask(path, method, body, { ...inSession('none'), ...headers });
        assert.equal(answer.status, 403, answer.text);
        assert.equal(answer.json.error.code, -32000);
        const { error_description: _, ...rest } = challengeOf(answer);
        assert.deepEqual(rest, { ...wanted, resource_metadata: metadataOf(path) });
        assert.equal(clientReads(answer).error, 'insufficient_scope');
      }
      const stream = openStream(end, new URL(path, base), {
        Accept: 'text/event-stream', ...inSession('none'), ...headers,
      });
      assert.equal(await stream.status, 403);
    });
  }

  for (const scopes of [{ scope: 'other mcp:write mcp' }, { scp: ['mcp', 'mcp:write'] }]) {
    test(`${JSON.stringify(scopes)} are enough`, async () => {
      const headers = await as(issuer, 'ann', { roles: ['team'], ...scopes });
      assert.equal((await ask(path, 'POST', initialize(), headers)).status, 200);
    });
  }

  test('who may not read the adapter is not told of its scopes', async () => {
    const answer = await ask(path, 'POST', list, await as(issuer, 'eve'));
    assert.equal(answer.status, 404, answer.text);
    assert.equal(answer.headers['www-authenticate'], undefined);
  });
});

describe('metadata', () => {
  const resources = ['/adapters/example/mcp', '/adapters/example/sse', '/adapters/nothing/mcp',
    '/mcp'];
  for (const path of resources) {
    test(`of ${path}`, async () => {
      const answer = await ask(`${PRM}${path}`, 'GET');
      assert.equal(answer.status, 200, answer.text);
      assert.match(answer.headers['content-type'], /^application\/json/);
      const { resource_name: _, ...document } = answer.json;
      assert.deepEqual(document, {
        resource: `${front.url}${path}`,
        authorization_servers: [issuer.issuer],
        scopes_supported: ['mcp'],
        bearer_methods_supported: ['header'],
      });
    });
  }

  test('of the gateway itself', async () => {
    const { status, json } = await ask(PRM, 'GET');
    assert.equal(status, 200);
    assert.equal(json.resource.replace(/\/$/, ''), front.url);
    assert.deepEqual(json.authorization_servers, [issuer.issuer]);
  });

  test('is read, not written', async () => {
    const answer = await ask(`${PRM}/mcp`, 'POST', {});
    assert.equal(answer.status, 405);
    assert.match(answer.headers.allow, /GET/);
  });

  test('believes no header of a client', async () => {
    const spoofed = {
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Prefix': '/evil',
      Forwarded: 'host=evil.example;proto=https',
      'X-Original-Host': 'evil.example',
    };
    const path = '/adapters/example/mcp';
    const document = await ask(`${PRM}${path}`, 'GET', undefined, spoofed);
    assert.equal(document.json.resource, `${front.url}${path}`);
    const answer = await ask(path, 'POST', list, spoofed);
    assert.equal(challengeOf(answer).resource_metadata, metadataOf(path));
  });

  test('has the prefix of the public origin in it, however the path arrives', async (t) => {
    const end = endOf(t);
    const other = await Front.start(end, { prefix: '/gw' });
    const prefixed = await startSecured(end, [issuer], other);
    const path = '/adapters/example/mcp';
    for (const asked of [`${PRM}/gw${path}`, `${PRM}${path}`]) {
      const { json } = await request(prefixed.url, 'GET', asked);
      assert.equal(json?.resource, `${other.url}${path}`, asked);
    }
    const answer = await request(prefixed.url, 'POST', path, { headers: ACCEPT, body: list });
    assert.equal(challengeOf(answer).resource_metadata, `${other.root}${PRM}/gw${path}`);
  });

  test('may name another resource, for providers that want it', async (t) => {
    const end = endOf(t);
    const other = await Front.start(end);
    const named = await startSecured(end, [issuer], other, {
      args: ['--oidc-resource', 'api://gateway', '--oidc-scopes', 'api://gateway/.default'],
    });
    const { json } = await request(named.url, 'GET', `${PRM}/adapters/example/mcp`);
    assert.equal(json.resource, 'api://gateway');
    assert.deepEqual(json.scopes_supported, ['api://gateway/.default']);
  });
});

describe('without a public origin', () => {
  const path = '/adapters/example/mcp';
  const said = { 'X-Forwarded-Host': 'gw.example', 'X-Forwarded-Proto': 'https',
    'X-Forwarded-Prefix': '/gw' };
  async function start(end, args) {
    const one = await Gateway.start(end, {
      args: ['--auth', 'oidc', '--oidc-issuer', issuer.issuer, ...args],
    });
    await until('the issuer in the data plane', async () =>
      (await request(one.url, 'GET', PRM)).status === 200);
    return one;
  }

  test('the name that was asked for counts', async (t) => {
    const one = await start(endOf(t), []);
    const { json } = await request(one.url, 'GET', `${PRM}${path}`, { headers: said });
    assert.equal(json.resource, `${one.url}${path}`);
  });

  test('a trusted proxy is believed', async (t) => {
    const one = await start(endOf(t), ['--trusted-proxies', '127.0.0.1/32']);
    const { json } = await request(one.url, 'GET', `${PRM}${path}`, { headers: said });
    assert.equal(json.resource, `https://gw.example/gw${path}`);
    const answer = await request(one.url, 'POST', path, {
      headers: { ...ACCEPT, ...said }, body: list,
    });
    assert.equal(challengeOf(answer).resource_metadata, `https://gw.example${PRM}/gw${path}`);
  });

  test('a proxy elsewhere is not', async (t) => {
    const one = await start(endOf(t), ['--trusted-proxies', '192.0.2.0/24']);
    const { json } = await request(one.url, 'GET', `${PRM}${path}`, { headers: said });
    assert.equal(json.resource, `${one.url}${path}`);
  });
});

describe('what is not served', () => {
  const paths = ['/authorize', '/token', '/register', '/.well-known/',
    '/.well-known/oauth-authorization-server', '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server/adapters/example/mcp',
    '/.well-known/openid-configuration/adapters/example/mcp',
    '/.well-known/oauth-protected-resources', '/.well-known/nothing'];

  async function judge(url) {
    for (const path of paths) {
      for (const [method, body] of [['GET'], ['POST', { redirect_uris: [] }]]) {
        const answer = await request(url, method, path, { body });
        assert.equal(answer.status, 404, `${method} ${path}: ${answer.text}`);
        assert.equal(answer.headers['www-authenticate'], undefined, path);
        assert.doesNotMatch(answer.headers['content-type'] ?? '', /html/);
      }
    }
  }

  test('is 404 to everybody', () => judge(base));

  test('is 404 in development mode, where there is nothing to log in at', async (t) => {
    const open = await Gateway.start(endOf(t));
    await judge(open.url);
    for (const path of ['', '/mcp', '/adapters/example/mcp']) {
      assert.equal((await request(open.url, 'GET', `${PRM}${path}`)).status, 404);
    }
  });

  test('except the metadata of the issuer, where it is asked for', async (t) => {
    const end = endOf(t);
    const relay = await startSecured(end, [issuer], await Front.start(end), {
      args: ['--oidc-metadata'],
    });
    for (const path of paths.filter((one) => /server|configuration/.test(one))) {
      const { status, json } = await request(relay.url, 'GET', path);
      assert.equal(status, 200, path);
      assert.deepEqual(json, issuer.metadata, path);
    }
  });
});

test('a request of 2026-07-28 is challenged alike', async () => {
  const { headers, body } = modernRequest(list);
  const answer = await post(new URL('/adapters/example/mcp', base), body, headers);
  assert.equal(answer.status, 401);
  assert.equal(challengeOf(answer).resource_metadata, metadataOf('/adapters/example/mcp'));
});

test('through a front with a prefix everything still points to the front', async (t) => {
  const end = endOf(t);
  const other = await Front.start(end, { prefix: '/gw' });
  other.pathOf = (path) => (path.startsWith(PRM) ? path : withoutPrefix('/gw', path));
  const prefixed = await startSecured(end, [issuer], other);
  await prefixed.apply(exampleAdapter('example', TEAM));
  const answer = await request(other.root, 'POST', '/gw/adapters/example/mcp', {
    headers: ACCEPT, body: list,
  });
  const { resource_metadata: where } = challengeOf(answer);
  const { json } = await request(other.root, 'GET', new URL(where).pathname);
  assert.equal(json.resource, `${other.url}/adapters/example/mcp`);
});
