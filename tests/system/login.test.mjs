// Official clients log in at a certified provider all by themselves, and stay logged in: from the
// first 401 to the call of a tool, in front of the gateway and behind a proxy with TLS and a path
// of its own; when tokens expire, when the provider changes its keys, and when it is down.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { count, SPEAKERS, whoami } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Front, withoutPrefix } from './lib/front.mjs';
import { exampleAdapter } from './lib/gateway.mjs';
import { request } from './lib/http.mjs';
import { IdentityProvider } from './lib/identity_provider.mjs';
import { initialize, post } from './lib/mcp.mjs';
import { connectAs, Person } from './lib/person.mjs';
import { fixtureAdapter } from './lib/programs.mjs';
import { PRM } from './lib/resource_server.mjs';
import { as, bearer, startSecured } from './lib/secured.mjs';
import { newKey, sign } from './lib/token_issuer.mjs';
import { ToldServer } from './lib/told_server.mjs';
import { until } from './lib/wait.mjs';

const USERS = {
  alice: { name: 'Alice', roles: ['team'], tenant: 'blue' },
  bob: { realmRoles: ['team'] },
  carol: {},
};
const ALL = { requiredRoles: ['team'] };
const SCOPES = ['--oidc-scopes', 'mcp'];

// All speakers but the one that insists: the example server is of 2025.
const LEGACY = SPEAKERS.filter((speaker) => speaker !== 'client modern');

const kidOf = (person) =>
  JSON.parse(Buffer.from(person.kept.access_token.split('.')[0], 'base64url')).kid;

async function setUp(end, { front: how, idp: options, args = [], adapters } = {}) {
  const idp = await IdentityProvider.start(end, { users: USERS, ...options });
  const front = await Front.start(end, how);
  const gateway = await startSecured(end, [idp], front, { args: [...SCOPES, ...args] });
  for (const adapter of adapters ?? [exampleAdapter('example', ALL)]) await gateway.apply(adapter);
  return { idp, front, gateway };
}

// What has to hold of a person who has just logged in at the adapter.
function judgeLogin(person, url, front) {
  assert.deepEqual(person.steps, ['registered', 'login', 'tokens']);
  const asked = person.authorizationUrl.searchParams;
  assert.equal(asked.get('resource'), url.href);
  assert.equal(asked.get('code_challenge_method'), 'S256');
  assert.ok(asked.get('scope').split(' ').includes('mcp'), asked.get('scope'));
  assert.equal(person.claims().aud, url.href);
  const wellKnown = new URL(front.url).pathname.replace(/\/$/, '');
  assert.deepEqual(front.requests.slice(0, 2), [
    `POST ${url.pathname}`,
    `GET ${PRM}${wellKnown}/adapters/example/mcp`,
  ]);
}

describe('the whole way', () => {
  const end = endOfFile();
  let place;
  before(async () => {
    const modern = fixtureAdapter('modern', ALL);
    place = await setUp(end, { adapters: [exampleAdapter('example', ALL), modern] });
  });

  for (const speaker of LEGACY) {
    test(`of the ${speaker} client`, async (t) => {
      const { front } = place;
      front.requests.length = 0;
      const person = new Person('alice');
      const url = front.mcpUrl('example');
      const session = await connectAs(endOf(t), person, speaker, url);
      assert.ok((await whoami(session)).pid);
      judgeLogin(person, url, front);
    });
  }

  test('of the client that speaks nothing but 2026-07-28', async (t) => {
    const person = new Person('bob');
    const session = await connectAs(
      endOf(t), person, 'client modern', place.front.mcpUrl('modern'),
    );
    const { tools } = await session.client.listTools();
    assert.ok(tools.length > 0);
    assert.deepEqual(person.steps, ['registered', 'login', 'tokens']);
  });

  test('ends at the adapter for somebody without the role', async (t) => {
    const person = new Person('carol');
    await assert.rejects(
      connectAs(endOf(t), person, 'sdk', place.front.mcpUrl('example')), /404|not found|no such/i,
    );
    assert.deepEqual(person.steps, ['registered', 'login', 'tokens']);
  });

  test('leads to the adapter that was meant, and to no other', async (t) => {
    const person = new Person('alice');
    await connectAs(endOf(t), person, 'sdk', place.front.mcpUrl('example'));
    const other = await post(
      place.front.mcpUrl('modern'), initialize(), bearer(person.kept.access_token),
    );
    assert.equal(other.status, 401);
    assert.match(other.headers['www-authenticate'], /error="invalid_token"/);
  });
});

describe('a client that an administrator has registered', () => {
  const SCOPES_WANTED = ['mcp', 'mcp:write'];
  const end = endOfFile();
  let place;
  before(async () => {
    const idp = { scopes: SCOPES_WANTED, clients: ['known'] };
    place = await setUp(end, { idp, adapters: [exampleAdapter('example', ALL)] });
    const scoped = { ...exampleAdapter('scoped', ALL), requiredScopes: SCOPES_WANTED };
    const answer = await place.gateway.rest('POST', '/adapters', { body: scoped });
    assert.equal(answer.status, 201, answer.text);
    await place.gateway.healthy('scoped', 1);
  });

  const known = () => new Person('alice', { client_id: 'known', issuer: place.idp.issuer });

  for (const speaker of ['sdk', 'client']) {
    test(`does not register, ${speaker} client`, async (t) => {
      const person = known();
      const url = place.front.mcpUrl('example');
      const session = await connectAs(endOf(t), person, speaker, url);
      assert.ok((await whoami(session)).pid);
      assert.deepEqual(person.steps, ['login', 'tokens']);
      assert.equal(place.idp.asked('/reg'), 0);
    });

    test(`logs in again for an adapter that wants more scopes, ${speaker} client`, async (t) => {
      const person = known();
      const url = place.front.mcpUrl('scoped');
      const session = await connectAs(endOf(t), person, speaker, url);
      assert.ok((await whoami(session)).pid);
      assert.deepEqual(person.steps, ['login', 'tokens', 'login', 'tokens']);
      assert.deepEqual(person.claims().scope.split(' ').sort(), SCOPES_WANTED);
    });
  }
});

test('servers learn who calls, and never the token', async (t) => {
  const end = endOf(t);
  const told = await ToldServer.start(end);
  const { front } = await setUp(end, { adapters: [{ name: 'told', url: told.url, ...ALL }] });
  const person = new Person('alice');
  await connectAs(end, person, 'sdk', front.mcpUrl('told'), {
    headers: { 'X-Mcp-UserId': 'root', 'X-Mcp-Roles': 'mcp.admin', 'X-Mcp-Tenant': 'red' },
  });
  const own = told.requests.filter((one) => one.body.includes('"initialize"'));
  assert.equal(own.length, 1);
  const { headers } = own[0];
  assert.equal(headers['x-mcp-userid'], 'alice');
  assert.equal(headers['x-mcp-username'], 'Alice');
  assert.equal(headers['x-mcp-roles'], 'team');
  assert.equal(headers['x-mcp-tenant'], 'blue');
  for (const one of told.requests) {
    assert.equal(one.headers.authorization, undefined);
    assert.ok(!JSON.stringify(one).includes(person.kept.access_token));
  }
});

describe('behind a proxy that ends TLS and has a prefix', () => {
  const PREFIX = '/mcp-gw';
  const end = endOfFile();
  let place;
  before(async () => {
    place = await setUp(end, { front: { secure: true, prefix: PREFIX } });
  });

  // Proxies differ in what they do with the well-known path, in whose middle the prefix is.
  const ways = {
    'passes the well-known path whole': (path) => path,
    'takes the prefix out of it': (path) => path.replace(PREFIX, ''),
  };
  for (const speaker of LEGACY) {
    for (const [way, change] of Object.entries(ways)) {
      test(`and ${way}, ${speaker} client`, async (t) => {
        const { front } = place;
        front.pathOf = (path) =>
          path.startsWith(PRM) ? change(path) : withoutPrefix(PREFIX, path);
        front.requests.length = 0;
        const person = new Person('alice');
        const url = front.mcpUrl('example');
        assert.match(url.href, /^https:\/\/127\.0\.0\.1:\d+\/mcp-gw\/adapters\/example\/mcp$/);
        const session = await connectAs(endOf(t), person, speaker, url);
        assert.ok((await whoami(session)).pid);
        judgeLogin(person, url, front);
      });
    }
  }
});

test('a token that expires in mid-session is refreshed, and the session goes on', async (t) => {
  const end = endOf(t);
  const { idp, front } = await setUp(end, { idp: { accessTokenSeconds: 2 } });
  for (const speaker of ['sdk', 'client']) {
    const person = new Person('alice');
    const session = await connectAs(end, person, speaker, front.mcpUrl('example'));
    const id = session.sessionId();
    let calls = 0;
    await until(`two refreshes of the ${speaker} client`, async () => {
      calls += 1;
      assert.equal(await count(session), calls, 'a call was lost or made twice');
      return person.steps.filter((step) => step === 'tokens').length >= 3;
    });
    assert.equal(session.sessionId(), id);
    assert.deepEqual(person.steps.slice(0, 2), ['registered', 'login']);
    assert.ok(!person.steps.slice(2).includes('login'), person.steps.join(' '));
  }
  assert.ok(idp.asked('/token') >= 6);
});

test('the provider changes its key under four clients, and no request fails', async (t) => {
  const end = endOf(t);
  const { idp, front } = await setUp(end, { idp: { accessTokenSeconds: 3 } });
  const people = ['alice', 'bob', 'alice', 'bob'].map((user) => new Person(user));
  const sessions = await Promise.all(people.map((person, n) =>
    connectAs(end, person, n % 2 ? 'client' : 'sdk', front.mcpUrl('example')),
  ));
  const fetches = idp.asked('/jwks');
  const old = kidOf(people[0]);
  idp.rotate();
  await Promise.all(sessions.map(async (session, n) => {
    let calls = 0;
    await until('a token by the new key, and a call with it', async () => {
      calls += 1;
      const isNew = kidOf(people[n]) !== old;
      assert.equal(await count(session), calls);
      return isNew;
    });
  }));
  assert.equal(idp.asked('/jwks') - fetches, 1, 'one look for the new key serves everybody');
  idp.forgetOldKeys();
  for (const session of sessions) await count(session);
  for (const { steps } of people) assert.equal(steps.filter((step) => step === 'login').length, 1);
});

describe('with the provider down', () => {
  const end = endOfFile();
  let place;
  let person;
  let session;
  let calls = 0;
  before(async () => {
    place = await setUp(end);
    person = new Person('alice');
    session = await connectAs(end, person, 'sdk', place.front.mcpUrl('example'));
    await place.idp.down();
  });

  const open = (headers) => post(place.front.mcpUrl('example'), initialize(), headers);

  // A token that was known, one that is new, and one by a key that nobody can ask about now.
  async function goesOn() {
    assert.equal(await count(session), (calls += 1));
    const fresh = await as(place.idp, 'bob', { roles: ['team'] });
    assert.equal((await open(fresh)).status, 200);
    const claims = { iss: place.idp.issuer, sub: 'bob', aud: place.front.mcpUrl('example').href };
    const foreign = await open(bearer(await sign(newKey(), claims)));
    assert.equal(foreign.status, 401, foreign.text);
    assert.match(foreign.headers['www-authenticate'], /^Bearer .*error="invalid_token"/);
  }

  test('known keys go on, an unknown one is 401', goesOn);

  test('a new control plane goes on with the keys that it has kept', async () => {
    await place.gateway.kill(place.gateway.controlplane);
    await until('the new control plane', async () =>
      (await place.gateway.rest('GET', '/adapters')).status === 200);
    await goesOn();
  });

  test('a new data plane does, too', async () => {
    await place.gateway.kill(place.gateway.dataplane);
    await until('the new data plane', async () =>
      (await request(place.gateway.url, 'GET', '/readyz')).status === 200);
    await goesOn();
  });

  test('and people log in again when it is up', async (t) => {
    await place.idp.up();
    const other = new Person('bob');
    const again = await connectAs(endOf(t), other, 'client', place.front.mcpUrl('example'));
    assert.ok((await whoami(again)).pid);
    assert.deepEqual(other.steps, ['registered', 'login', 'tokens']);
  });
});
