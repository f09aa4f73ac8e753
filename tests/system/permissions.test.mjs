// Who may do what, over HTTP with tokens: five people against everything that can be read, written,
// made and used. What somebody may not read is answered byte by byte as what does not exist.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Front } from './lib/front.mjs';
import { cli, exampleAdapter, Gateway } from './lib/gateway.mjs';
import { openStream, request } from './lib/http.mjs';
import { initialize, inSession, modernRequest, open, post, toolCall } from './lib/mcp.mjs';
import { confide } from './lib/secrecy.mjs';
import { ADMIN, as, bearer, startSecured } from './lib/secured.mjs';
import { TokenIssuer } from './lib/token_issuer.mjs';
import { until } from './lib/wait.mjs';

const PEOPLE = ['creator', 'admin', 'holder', 'other', 'anonymous'];
const TEAM = { requiredRoles: ['team'] };

// Statuses in the order of PEOPLE.
const READ = [200, 200, 200, 404, 401];
const ADMINS_ONLY = (status) => [403, status, 403, 403, 401];

const end = endOfFile();
let issuer;
let front;
let gateway;
let headers; // of each of PEOPLE
let made = 0;

before(async () => {
  issuer = await TokenIssuer.start(end);
  front = await Front.start(end);
  gateway = await startSecured(end, [issuer], front);
  headers = {
    creator: await as(issuer, 'creator'),
    admin: await as(issuer, 'boss', { roles: [ADMIN] }),
    holder: await as(issuer, 'holder', { roles: ['TEAM'], tid: 'blue' }),
    other: await as(issuer, 'other', { roles: ['teams', 'te', 'creator'] }),
    anonymous: {},
  };
  await apply(exampleAdapter('shared', TEAM));
});

const send = (who, method, path, body) =>
  request(gateway.url, method, path, { headers: headers[who], body });

async function apply(adapter) {
  const answer = await send('creator', 'POST', '/adapters', adapter);
  assert.equal(answer.status, 201, answer.text);
  await gateway.healthy(adapter.name, 1);
  await gateway.known(adapter.name);
}

const documents = {
  adapters: (name, fields = {}) => exampleAdapter(name, { replicaCount: 0, ...fields }),
  tools: (name, fields = {}) => ({
    ...documents.adapters(name, fields),
    toolDefinition: { tool: { name, inputSchema: { type: 'object' } } },
  }),
};

// A resource of the creator's own, which holders of the role may read.
async function resource(kind) {
  const name = `thing-${String((made += 1)).padStart(4, '0')}`;
  const answer = await send('creator', 'POST', `/${kind}`, documents[kind](name, TEAM));
  assert.equal(answer.status, 201, answer.text);
  return name;
}

const nobodyLike = (name) => 'x'.repeat(name.length);

// Everything of an answer that tells one from another.
function tellTales({ status, headers: all, text }, name) {
  const { date, ...rest } = all;
  const named = (value) => JSON.parse(JSON.stringify(value).replaceAll(name, 'NAME'));
  return { status, headers: named(rest), text: named(text) };
}

async function judge(statuses, ask, name) {
  for (const [n, who] of PEOPLE.entries()) {
    const subject = typeof name === 'function' ? await name() : name;
    const answer = await ask(who, subject);
    assert.equal(answer.status, statuses[n], `${who}: ${answer.text}`);
    if (who !== 'other' || answer.status !== 404) continue;
    const nobody = nobodyLike(subject);
    assert.deepEqual(tellTales(answer, subject), tellTales(await ask(who, nobody), nobody));
  }
}

for (const kind of ['adapters', 'tools']) {
  describe(kind, () => {
    const rows = {
      'read one': [READ, 'GET', ''],
      'read its status': [READ, 'GET', '/status'],
      'replace it': [[200, 200, 403, 404, 401], 'PUT', '', (name) => documents[kind](name, TEAM)],
      'delete it': [[204, 204, 403, 404, 401], 'DELETE', ''],
    };
    for (const [what, [statuses, method, path, body]] of Object.entries(rows)) {
      test(what, async () => {
        const ask = (who, name) => send(who, method, `/${kind}/${name}${path}`, body?.(name));
        await judge(statuses, ask, () => resource(kind));
      });
    }

    test('list them', async () => {
      const name = await resource(kind);
      const sees = { creator: true, admin: true, holder: true, other: false };
      for (const [who, isThere] of Object.entries(sees)) {
        const answer = await send(who, 'GET', `/${kind}`);
        assert.equal(answer.status, 200, who);
        assert.equal(answer.json.some((one) => one.name === name), isThere, who);
        assert.equal(answer.text.includes(name), isThere, who);
      }
      assert.equal((await send('anonymous', 'GET', `/${kind}`)).status, 401);
    });

    test('create one', async () => {
      const ask = (who) => {
        const name = `${who}-${kind}`;
        return send(who, 'POST', `/${kind}`, documents[kind](name));
      };
      await judge([201, 201, 201, 201, 401], ask, 'unused');
    });

    test('take a name that somebody else has', async () => {
      const name = await resource(kind);
      const answer = await send('other', 'POST', `/${kind}`, documents[kind](name));
      assert.equal(answer.status, 409, answer.text);
      assert.ok(!/creator|team/.test(answer.text), answer.text);
    });

    test('ask for workload identity', async () => {
      const statuses = ADMINS_ONLY(201);
      const ask = (who) =>
        send(who, 'POST', `/${kind}`,
          documents[kind](`${who}-${kind}-w`, { useWorkloadIdentity: true }));
      await judge(statuses, ask, 'unused');
    });
  });
}

test('logs of a server', async () => {
  await judge(READ, (who, name) => send(who, 'GET', `/adapters/${name}/logs`), 'shared');
});

describe('use', () => {
  const url = (name) => gateway.mcpUrl(name);
  const list = { jsonrpc: '2.0', id: 5, method: 'tools/list' };

  // How each class of method is asked for on a session.
  const classes = {
    initialize: (name, all) => post(url(name), initialize(4), all),
    'tools/list': (name, all) => post(url(name), list, all),
    'tools/call': (name, all) => post(url(name), toolCall(6, 'whoami'), all),
    ping: (name, all) => post(url(name), { ...list, method: 'ping' }, all),
    notification: (name, all) =>
      post(url(name), { jsonrpc: '2.0', method: 'notifications/cancelled',
        params: { requestId: 99 } }, all),
    DELETE: (name, all) => request(gateway.url, 'DELETE', url(name).pathname, { headers: all }),
  };
  const allowed = (what) => (what === 'notification' ? 202 : 200);

  for (const [what, ask] of Object.entries(classes)) {
    test(what, async () => {
      for (const who of ['creator', 'admin', 'holder']) {
        const id = await open(url('shared'), headers[who]);
        const all = what === 'initialize' ? headers[who] : inSession(id, headers[who]);
        assert.equal((await ask('shared', all)).status, allowed(what), who);
      }
      const foreign = await open(url('shared'), headers.creator);
      const session = what === 'initialize' ? {} : inSession(foreign);
      const answer = await ask('shared', { ...session, ...headers.other });
      assert.equal(answer.status, 404, answer.text);
      assert.equal(answer.json.error.code, -32000);
      const nobody = await ask('xxxxxx', { ...session, ...headers.other });
      assert.deepEqual(tellTales(answer, 'shared'), tellTales(nobody, 'xxxxxx'));
      const anonymous = await ask('shared', session);
      assert.equal(anonymous.status, 401);
      assert.equal(anonymous.json.error.code, -32000);
    });
  }

  test('the standalone stream', async (t) => {
    const end = endOf(t);
    const foreign = await open(url('shared'), headers.creator);
    const stream = (who, id) => {
      const all = { Accept: 'text/event-stream', ...inSession(id, headers[who]) };
      return openStream(end, url('shared'), all).status;
    };
    for (const who of ['creator', 'admin', 'holder']) {
      assert.equal(await stream(who, await open(url('shared'), headers[who])), 200, who);
    }
    assert.equal(await stream('other', foreign), 404);
    assert.equal(await stream('anonymous', foreign), 401);
  });

  test('server/discover: a login for strangers, a probe that failed for others', async () => {
    const ask = (name, all) => post(url(name), { ...list, method: 'server/discover' }, all);
    assert.equal((await ask('shared', {})).status, 401);
    const answer = await ask('shared', headers.other);
    assert.equal(answer.status, 400);
    assert.equal(answer.json.error.code, -32000);
    const nobody = await ask('xxxxxx', headers.other);
    assert.deepEqual(tellTales(answer, 'shared'), tellTales(nobody, 'xxxxxx'));
  });

  test('requests of 2026-07-28', async () => {
    const ask = (name, all) => {
      const { headers: own, body } = modernRequest(list);
      return post(url(name), body, { ...own, ...all });
    };
    assert.equal((await ask('shared', {})).status, 401);
    const answer = await ask('shared', headers.other);
    assert.equal(answer.status, 404);
    const nobody = await ask('xxxxxx', headers.other);
    assert.deepEqual(tellTales(answer, 'shared'), tellTales(nobody, 'xxxxxx'));
  });

  test('a session of somebody else', async () => {
    const id = await open(url('shared'), headers.creator);
    for (const who of ['admin', 'holder']) {
      const answer = await classes['tools/list']('shared', inSession(id, headers[who]));
      assert.equal(answer.status, 404, who);
      assert.equal(answer.json.error.code, -32001);
    }
    const own = await classes['tools/list']('shared', inSession(id, headers.creator));
    assert.equal(own.status, 200);
  });

  test('a role that is gone ends it at the next request', async () => {
    const id = await open(url('shared'), headers.holder);
    const less = await as(issuer, 'holder', { roles: [] });
    assert.equal((await classes['tools/list']('shared', inSession(id, less))).status, 404);
    const again = await classes['tools/list']('shared', inSession(id, headers.holder));
    assert.equal(again.status, 200);
  });
});

describe('sessions', () => {
  // The public handle of a new session of somebody.
  async function handle(who, user) {
    const before = new Set((await send('admin', 'GET', '/sessions')).json.map((one) => one.id));
    await open(gateway.mcpUrl('shared'), headers[who]);
    return until(`a session of ${user}`, async () => {
      const { json } = await send('admin', 'GET', `/sessions?user=${user}`);
      return json.find((one) => !before.has(one.id))?.id;
    });
  }

  test('everybody lists his own, administrators all', async () => {
    const creators = await handle('creator', 'creator');
    const holders = await handle('holder', 'holder');
    const seen = {};
    for (const who of ['creator', 'admin', 'holder', 'other']) {
      const answer = await send(who, 'GET', '/sessions');
      assert.equal(answer.status, 200);
      const ids = answer.json.map((one) => one.id);
      seen[who] = [ids.includes(creators), ids.includes(holders)];
    }
    assert.deepEqual(seen, {
      creator: [true, false],
      admin: [true, true],
      holder: [false, true],
      other: [false, false],
    });
    assert.equal((await send('anonymous', 'GET', '/sessions')).status, 401);
  });

  test('end one of the creator', async () => {
    const ask = (who, id) => send(who, 'DELETE', `/sessions/${id}`);
    const name = () => handle('creator', 'creator');
    for (const [who, status] of Object.entries({
      creator: 204, admin: 204, holder: 404, other: 404, anonymous: 401,
    })) {
      const id = await name();
      const answer = await ask(who, id);
      assert.equal(answer.status, status, who);
      if (status !== 404) continue;
      const nobody = id.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
      assert.deepEqual(tellTales(answer, id), tellTales(await ask(who, nobody), nobody));
    }
  });
});

test('the audit log', async () => {
  await judge(ADMINS_ONLY(200), (who) => send(who, 'GET', '/audit'), 'unused');
});

describe('tenants', () => {
  const document = (id) => ({ id, quota: { requests: 100_000, perSeconds: 3600 } });
  before(async () => {
    const answer = await send('admin', 'PUT', '/tenants/blue', document('blue'));
    assert.equal(answer.status, 201, answer.text);
  });

  const path = (id) => `/tenants/${id}`;
  // The holder is in the tenant.
  test('read one', async () => {
    const ask = (who, id) => send(who, 'GET', path(id));
    await judge([404, 200, 200, 404, 401], ask, 'blue');
  });

  test('list them', async () => {
    const seen = {};
    for (const who of ['creator', 'admin', 'holder', 'other']) {
      const answer = await send(who, 'GET', '/tenants');
      assert.equal(answer.status, 200, answer.text);
      seen[who] = answer.json.map((one) => one.id);
    }
    assert.deepEqual(seen, { creator: [], admin: ['blue'], holder: ['blue'], other: [] });
    assert.equal((await send('anonymous', 'GET', '/tenants')).status, 401);
  });

  test('write one', async () => {
    const ask = (who, id) => send(who, 'PUT', path(id), document(id));
    await judge(ADMINS_ONLY(200), ask, 'blue');
    const nobody = await send('other', 'PUT', path('xxxx'), document('xxxx'));
    const blue = await send('other', 'PUT', path('blue'), document('blue'));
    assert.deepEqual(tellTales(blue, 'blue'), tellTales(nobody, 'xxxx'));
  });

  test('delete one', async () => {
    const fresh = async () => {
      await send('admin', 'PUT', path('blue'), document('blue'));
      return 'blue';
    };
    const ask = (who, id) => send(who, 'DELETE', path(id));
    await judge([404, 204, 403, 404, 401], ask, fresh);
  });
});

describe('API tokens', () => {
  const inSeconds = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();
  const wanted = { user: 'robot', roles: ['team'], expiresAt: inSeconds(600) };

  async function token(fields = {}) {
    const answer = await send('admin', 'POST', '/tokens', { ...wanted, ...fields });
    assert.equal(answer.status, 201, answer.text);
    assert.match(answer.json.token, /^mcpgw_[A-Za-z0-9_-]{43}$/);
    return { ...answer.json, token: confide(answer.json.token, 'an API token') };
  }

  test('list, make, read and revoke', async () => {
    await judge(ADMINS_ONLY(200), (who) => send(who, 'GET', '/tokens'), 'unused');
    for (const [n, who] of PEOPLE.entries()) {
      const answer = await send(who, 'POST', '/tokens', wanted);
      if (answer.json?.token) confide(answer.json.token, 'an API token');
      assert.equal(answer.status, ADMINS_ONLY(201)[n], who);
    }
    const read = (who, { id }) => send(who, 'GET', `/tokens/${id}`);
    await judge(ADMINS_ONLY(200), read, token);
    const revoke = (who, { id }) => send(who, 'DELETE', `/tokens/${id}`);
    await judge(ADMINS_ONLY(204), revoke, token);
  });

  const use = (text, name = 'shared') =>
    post(gateway.mcpUrl(name), initialize(), bearer(text));

  test('one is good until it is revoked, and nobody reads its text again', async () => {
    const { id, token: text } = await token();
    await until('the token in the data plane', async () => (await use(text)).status === 200);
    for (const path of ['/tokens', `/tokens/${id}`, '/audit']) {
      assert.ok(!(await send('admin', 'GET', path)).text.includes(text), path);
    }
    assert.equal((await send('admin', 'DELETE', `/tokens/${id}`)).status, 204);
    const refused = await until('the end of the token', async () => {
      const answer = await use(text);
      return answer.status === 401 && answer;
    });
    assert.match(refused.headers['www-authenticate'], /error="invalid_token"/);
  });

  test('one for an adapter opens that, and nothing to manage', async () => {
    await apply(exampleAdapter('second', TEAM));
    const { token: text } = await token({ adapters: ['shared'] });
    await until('the token in the data plane', async () => (await use(text)).status === 200);
    const other = await use(text, 'second');
    assert.equal(other.status, 403, other.text);
    assert.deepEqual(tellTales(other, 'second'), tellTales(await use(text, 'xxxxxx'), 'xxxxxx'));
    for (const path of ['/adapters', '/adapters/shared', '/sessions', '/tenants']) {
      const { status } = await gateway.rest('GET', path, { headers: bearer(text) });
      assert.equal(status, 403, path);
    }
  });

  test('one that expires is 401 from then on', async () => {
    const { token: text } = await token({ expiresAt: inSeconds(3) });
    await until('the token in the data plane', async () => (await use(text)).status === 200);
    await until('its end', async () => (await use(text)).status === 401);
  });
});

test('without any provider the first token is made on the machine of the gateway', async (t) => {
  const alone = await Gateway.start(endOf(t), { args: ['--auth', 'oidc'] });
  const list = async (all) => (await alone.rest('GET', '/adapters', { headers: all })).status;
  const stranger = await alone.rest('GET', '/adapters');
  assert.equal(stranger.status, 401);
  assert.equal(stranger.headers['www-authenticate'], 'Bearer', 'there is nowhere to log in');
  const metadata = '/.well-known/oauth-protected-resource';
  assert.equal((await alone.rest('GET', metadata)).status, 404);
  const { code, stdout, stderr } = await cli(['tokens', 'create', '--data-dir', alone.dataDir,
    '--user', 'root', '--roles', ADMIN, '--expires', '1d']);
  assert.equal(code, 0, stderr);
  const text = confide(/mcpgw_[A-Za-z0-9_-]{43}/.exec(stdout)[0], 'an API token');
  await until('the token in the data plane', async () => (await list(bearer(text))) === 200);
  const env = { MCP_GATEWAY_TOKEN: text };
  const listed = await alone.cli(['tokens', 'list', '--json'], { env });
  assert.equal(listed.code, 0, listed.stderr);
  const [one, ...others] = JSON.parse(listed.stdout);
  assert.deepEqual([one.user, one.roles, others.length], ['root', [ADMIN], 0]);
  const revoked = await alone.cli(['tokens', 'revoke', one.id], { env });
  assert.equal(revoked.code, 0, revoked.stderr);
  await until('the end of the token', async () => (await list(bearer(text))) === 401);
});

test('with --create-roles only their holders and administrators create', async (t) => {
  const end = endOf(t);
  const other = await Front.start(end);
  const strict = await startSecured(end, [issuer], other, {
    env: { MCP_GATEWAY_CREATE_ROLES: 'maker' },
  });
  const create = async (user, claims) => {
    const body = documents.adapters(`of-${user}`);
    const all = await as(issuer, user, claims);
    return (await strict.rest('POST', '/adapters', { headers: all, body })).status;
  };
  assert.equal(await create('ann', { roles: ['team'] }), 403);
  assert.equal(await create('bob', { roles: ['Maker'] }), 201);
  assert.equal(await create('eve', { roles: [ADMIN] }), 201);
});

test('users of a second issuer are never those of the first', async (t) => {
  const end = endOf(t);
  const second = await TokenIssuer.start(end);
  const double = await startSecured(end, [issuer, second], await Front.start(end));
  const body = documents.adapters('first', {});
  const creator = await as(issuer, 'ann');
  assert.equal((await double.rest('POST', '/adapters', { headers: creator, body })).status, 201);
  const read = async (all) =>
    (await double.rest('GET', '/adapters/first', { headers: all })).status;
  await until('the keys of the second issuer', async () =>
    (await double.rest('GET', '/adapters', { headers: await as(second, 'ann') })).status === 200);
  assert.equal(await read(creator), 200);
  assert.equal(await read(await as(second, 'ann')), 404);
  const own = documents.adapters('second', {});
  const twin = await as(second, 'ann');
  assert.equal((await double.rest('POST', '/adapters', { headers: twin, body: own })).status, 201);
  const { json } = await double.rest('GET', '/adapters/second');
  assert.equal(json.createdBy, `${second.issuer}#ann`);
  const liar = await as(issuer, `${second.issuer}#ann`);
  assert.equal(await read(liar), 401);
});
