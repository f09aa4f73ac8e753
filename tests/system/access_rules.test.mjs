// What accessRules take away, as the official clients see it: by role, in every transport and both
// eras, from sessions that run, and from creators and administrators, too.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { call, connect, count, failureOf, KINDS, SPEAKERS, whoami } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import {
  initialize, inSession, messageOf, modernRequest, open, post, toolCall,
} from './lib/mcp.mjs';
import { everythingCommand, fixtureAdapter } from './lib/programs.mjs';
import { until } from './lib/wait.mjs';

const person = (user, roles) => ({ 'X-Dev-UserId': user, 'X-Dev-Roles': roles });
const CREATOR = person('carol', 'team');
const ADMIN = person('root', 'MCP.Admin');
const WRITER = person('wanda', 'team,Writer');
const GUEST = person('gus', 'team,guest');
const EVERYBODY = { creator: CREATOR, admin: ADMIN, writer: WRITER, guest: GUEST };

const NOT_ALLOWED = 'The access rules of this server do not allow this to you';

// Two tools for all, the rest for writers, one for nobody, and less for guests.
const rulesOf = ({ two, never, notGuests }) => [
  { effect: 'allow', tools: two },
  { effect: 'allow', roles: ['WRITER'], tools: ['*'] },
  { effect: 'deny', tools: [never] },
  { effect: 'deny', roles: ['guest'], tools: [notGuests] },
];

// Servers that have tools of all kinds: `two` are shown to everybody, `notGuests` is one of them.
const SERVERS = {
  example: { two: ['whoami', 'echo'], notGuests: 'echo', never: 'sleep', writers: 'count' },
  everything: {
    two: ['echo', 'get-s*'],
    notGuests: 'echo',
    never: 'get-env',
    writers: 'get-tiny-image',
  },
  fixture: {
    two: ['test_simple_text', 'who'],
    notGuests: 'test_simple_text',
    never: 'fate',
    writers: 'introduce',
  },
};
const ADAPTERS = {
  'example': exampleAdapter('example'),
  'everything': { name: 'everything', command: everythingCommand('streamableHttp') },
  'everything-stdio': {
    name: 'everything-stdio',
    command: everythingCommand('stdio'),
    transport: 'stdio',
  },
  'everything-sse': {
    name: 'everything-sse',
    command: everythingCommand('sse'),
    transport: 'sse',
  },
  'fixture': fixtureAdapter('fixture'),
};
const ARGUMENTS = {
  echo: { message: 'hello' },
  'get-sum': { a: 1, b: 2 },
  introduce: { nonce: 'n' },
  fate: { nonce: 'n' },
  sleep: { ms: 0 },
};
const serverOf = (adapter) => SERVERS[adapter.split('-')[0]];

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end, { headers: CREATOR });
  const ruled = Object.entries(ADAPTERS).map(([name, adapter]) => ({
    ...adapter,
    requiredRoles: ['team'],
    accessRules: rulesOf(serverOf(name)),
  }));
  // Without rules, to know what there is.
  const open = Object.entries(ADAPTERS).map(([name, adapter]) => ({
    ...adapter,
    name: `${name}-open`,
  }));
  await Promise.all([...ruled, ...open].map((one) => gateway.apply(one)));
});

async function connectTo(t, speaker, adapter, headers) {
  const isSse = adapter.includes('-sse');
  const url = isSse ? new URL(`/adapters/${adapter}/sse`, gateway.url) : gateway.mcpUrl(adapter);
  return connect(endOf(t), speaker, url, { headers, ...(isSse && { over: 'sse' }) });
}

const toolsOf = async (session) => (await session.client.listTools()).tools.map(({ name }) => name);
const callOf = (session, tool) => session.callTool(tool, ARGUMENTS[tool] ?? {});

async function isRefused(promise) {
  const error = await failureOf(promise);
  assert.ok(error.message.includes(NOT_ALLOWED), error.message);
}

const globbed = (patterns, name) => patterns.some((one) =>
  one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : one === name);

// What each of them may call, of all that a server has, in words of this test.
const isShown = {
  creator: ({ two }, name) => globbed(two, name),
  admin: ({ two }, name) => globbed(two, name),
  writer: ({ never }, name) => name !== never,
  guest: ({ two, notGuests }, name) => globbed(two, name) && name !== notGuests,
};

function rolesDecide(speaker, adapter) {
  const server = serverOf(adapter);
  describe(`${adapter}, ${speaker}`, () => {
    for (const [who, headers] of Object.entries(EVERYBODY)) {
      test(`the ${who} sees what he may call, and calls what he sees`, async (t) => {
        const session = await connectTo(t, speaker, adapter, headers);
        const all = await toolsOf(await connectTo(t, speaker, `${adapter}-open`, CREATOR));
        const expected = all.filter((name) => isShown[who](server, name));
        assert.ok(expected.length > 0 && expected.length < all.length, `${all}`);
        assert.deepEqual(await toolsOf(session), expected);
        for (const tool of [server.notGuests, server.writers, server.never]) {
          if (!expected.includes(tool)) await isRefused(callOf(session, tool));
          else assert.ok(!(await callOf(session, tool)).isError, tool);
        }
        // The session goes on after what was refused.
        assert.deepEqual(await toolsOf(session), expected);
      });
    }
  });
}

for (const adapter of Object.keys(ADAPTERS)) {
  const speakers = adapter === 'fixture' ? SPEAKERS : KINDS;
  for (const speaker of speakers) rolesDecide(speaker, adapter);
}

test('names are gone from lists as JSON, as a stream, and in the modern era', async () => {
  const list = { jsonrpc: '2.0', id: 7, method: 'tools/list' };
  const ways = {};
  for (const [name, { never, notGuests }] of Object.entries(SERVERS)) {
    const url = gateway.mcpUrl(name);
    const inLegacy = { headers: inSession(await open(url, GUEST)), body: list };
    const asked = name === 'fixture' ? [inLegacy, modernRequest(list)] : [inLegacy];
    for (const { headers, body } of asked) {
      const answer = await post(url, body, { ...headers, ...GUEST });
      assert.equal(answer.status, 200);
      ways[answer.headers['content-type'].split(';')[0]] = true;
      assert.equal(messageOf(answer).id, 7);
      assert.ok(messageOf(answer).result.tools.length > 0, answer.text);
      for (const tool of [never, notGuests]) assert.ok(!answer.text.includes(`"${tool}"`), tool);
    }
  }
  assert.deepEqual(Object.keys(ways).sort(), ['application/json', 'text/event-stream']);
});

describe('methods', () => {
  const rules = [
    { effect: 'allow', methods: ['tools/*'] },
    { effect: 'allow', roles: ['writer'], methods: ['prompts/*', 'resources/list'] },
    { effect: 'deny', roles: ['guest'], methods: ['tools/call'] },
  ];
  before(() => gateway.apply(fixtureAdapter('methods', {
    requiredRoles: ['team'],
    accessRules: rules,
  })));

  for (const speaker of SPEAKERS) {
    test(`are allowed and denied by role, ${speaker}`, async (t) => {
      const sessions = {};
      for (const [who, headers] of Object.entries(EVERYBODY)) {
        sessions[who] = await connectTo(t, speaker, 'methods', headers);
      }
      const { writer, guest, ...others } = sessions;
      assert.ok((await writer.client.listPrompts()).prompts.length > 0);
      assert.ok((await writer.client.listResources()).resources.length > 0);
      await isRefused(writer.client.readResource({ uri: 'test://static-text' }));
      for (const session of [guest, ...Object.values(others)]) {
        await isRefused(session.client.listPrompts());
        await isRefused(session.client.listResources());
      }
      for (const session of [writer, ...Object.values(others)]) {
        assert.ok((await toolsOf(session)).length > 10);
        assert.equal(await call(session, 'test_simple_text'), 'A simple text.');
      }
      await isRefused(call(guest, 'test_simple_text'));
    });

    test(`who may call no tool is shown none, ${speaker}`, async (t) => {
      const guest = await connectTo(t, speaker, 'methods', GUEST);
      assert.deepEqual(await toolsOf(guest), []);
    });
  }

  test('what makes a client is allowed without being named, unless it is denied', async () => {
    const url = gateway.mcpUrl('methods');
    const id = await open(url, GUEST); // initialize and a notification
    const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
    assert.equal((await post(url, ping, inSession(id, GUEST))).status, 200);
    await gateway.apply(exampleAdapter('no-clients', {
      requiredRoles: ['team'],
      accessRules: [{ effect: 'deny', roles: ['guest'], methods: ['initialize', 'ping'] }],
    }));
    const refused = await post(gateway.mcpUrl('no-clients'), initialize(), GUEST);
    assert.equal(refused.status, 403, refused.text);
    await open(gateway.mcpUrl('no-clients'), WRITER);
  });
});

describe('what is refused', () => {
  // Everything of an answer that tells one tool from another.
  const tellTales = ({ status, headers: { date: _, ...headers }, text }) =>
    ({ status, headers, text });

  test('403 and -32000 with the id of the request, in both eras', async () => {
    const url = gateway.mcpUrl('fixture');
    const id = await open(url, GUEST);
    const legacy = await post(url, toolCall('seven', 'fate'), inSession(id, GUEST));
    const { headers, body } = modernRequest(toolCall('seven', 'fate'));
    const modern = await post(url, body, { ...headers, ...GUEST });
    for (const answer of [legacy, modern]) {
      assert.equal(answer.status, 403);
      assert.match(answer.headers['content-type'], /^application\/json/);
      const error = { code: -32000, message: NOT_ALLOWED };
      assert.deepEqual(answer.json, { jsonrpc: '2.0', id: 'seven', error });
    }
  });

  test('a tool that is hidden is answered as one that does not exist', async () => {
    const url = gateway.mcpUrl('example');
    for (const who of [GUEST, CREATOR, ADMIN]) {
      const id = await open(url, who);
      const ask = (tool) => post(url, toolCall(3, tool), inSession(id, who));
      const [hidden, missing] = [await ask('sleep'), await ask('slept')];
      assert.equal(hidden.status, 403);
      assert.deepEqual(tellTales(hidden), tellTales(missing));
      const known = await ask('whoami');
      assert.equal(known.status, 200, known.text);
    }
  });

  test('the same where a pattern denies both', async () => {
    await gateway.apply(exampleAdapter('denying', {
      requiredRoles: ['team'],
      accessRules: [{ effect: 'deny', roles: ['team'], tools: ['co*'] }],
    }));
    const url = gateway.mcpUrl('denying');
    const id = await open(url, GUEST);
    const ask = (tool) => post(url, toolCall(3, tool), inSession(id, GUEST));
    const [hidden, missing] = [await ask('count'), await ask('comma')];
    assert.equal(hidden.status, 403);
    assert.deepEqual(tellTales(hidden), tellTales(missing));
    assert.equal((await ask('unknown')).status, 200);
  });

  test('who may not read the adapter is told that there is none, and not of rules', async () => {
    const stranger = person('eve', 'guest');
    const url = gateway.mcpUrl('example');
    const answers = [];
    for (const tool of ['whoami', 'sleep']) {
      answers.push(await post(url, toolCall(3, tool), stranger));
    }
    assert.equal(answers[0].status, 404);
    assert.deepEqual(tellTales(answers[0]), tellTales(answers[1]));
  });
});

describe('rules that change', () => {
  const NONE = [{ effect: 'deny', tools: ['nothing'] }];
  const LESS = [{ effect: 'deny', tools: ['count', 'trigger-*', 'test_*'] }];

  // A new adapter; `change` replaces its rules, and is over when they hold.
  async function ruled(adapter, probe) {
    const fields = { ...adapter, requiredRoles: ['team'] };
    await gateway.apply({ ...fields, accessRules: NONE });
    const isAllowed = async () => {
      const url = gateway.mcpUrl(adapter.name);
      const { headers, body } = modernRequest(toolCall(1, probe));
      return (await post(url, body, { ...headers, ...CREATOR })).status !== 403;
    };
    const change = async (accessRules, allows) => {
      const answer = await gateway.rest('PUT', `/adapters/${adapter.name}`, {
        body: { ...fields, accessRules },
      });
      assert.equal(answer.status, 200, answer.text);
      await until('the rules in the data plane', async () => (await isAllowed()) === allows);
    };
    return change;
  }

  for (const kind of KINDS) {
    test(`hold for sessions that run, which are not lost, ${kind}`, async (t) => {
      const name = `changing-${kind}`;
      const change = await ruled(exampleAdapter(name), 'count');
      const session = await connectTo(t, kind, name, ADMIN);
      const { pid } = await whoami(session);
      assert.equal(await count(session), 1);
      await change(LESS, false);
      await isRefused(count(session));
      assert.ok(!(await toolsOf(session)).includes('count'));
      assert.equal((await whoami(session)).pid, pid, 'the server goes on');
      await change([], true);
      assert.equal(await count(session), 2, 'the refused call has not been counted');
      assert.ok((await toolsOf(session)).includes('count'));
    });
  }

  test('hold for clients of the modern era', async (t) => {
    const change = await ruled(fixtureAdapter('changing-modern'), 'test_simple_text');
    const session = await connectTo(t, 'client modern', 'changing-modern', GUEST);
    assert.equal(await call(session, 'test_simple_text'), 'A simple text.');
    await change(LESS, false);
    await isRefused(call(session, 'test_simple_text'));
    const names = await toolsOf(session);
    assert.deepEqual(names.filter((one) => one.startsWith('test_')), []);
    assert.ok(names.includes('who'), `${names}`);
  });

  for (const kind of KINDS) {
    test(`hold for the calls and the lists of a stream of 2024-11-05, ${kind}`, async (t) => {
      const name = `changing-sse-${kind}`;
      const fields = { ...ADAPTERS['everything-sse'], name, requiredRoles: ['team'] };
      await gateway.apply({ ...fields, accessRules: NONE });
      const session = await connectTo(t, kind, name, GUEST);
      const hello = () => call(session, 'echo', { message: 'hello' });
      assert.equal(await hello(), 'Echo: hello');
      assert.ok((await toolsOf(session)).includes('echo'));
      const accessRules = [{ effect: 'deny', tools: ['echo'] }];
      const path = `/adapters/${name}`;
      const answer = await gateway.rest('PUT', path, { body: { ...fields, accessRules } });
      assert.equal(answer.status, 200, answer.text);
      await until('the new rules', () => hello().then(() => false, (error) => {
        assert.ok(error.message.includes(NOT_ALLOWED), error.message);
        return true;
      }));
      assert.match(await call(session, 'get-sum', { a: 1, b: 2 }), / is 3\.$/);
      // The stream has been opened under the rules of before: it may end instead.
      const names = await toolsOf(session).catch(() => []);
      assert.ok(!names.includes('echo'), `${names}`);
      const next = await toolsOf(await connectTo(t, kind, name, GUEST));
      assert.ok(next.includes('get-sum') && !next.includes('echo'), `${next}`);
    });
  }
});
