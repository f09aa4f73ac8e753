// The official clients in every mode against the fixture, which serves both eras on one URL: all
// that a client can ask, all that a server can ask back, and what happens when somebody gives up.
// Behind the bridge, where the fixture speaks on standard input and output, it is the same for the
// clients that shake hands.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { call, connect, eraOf, failureOf, KINDS, SPEAKERS } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { inSession, post, toolCall, messageOf } from './lib/mcp.mjs';
import { fixtureAdapter } from './lib/programs.mjs';
import { until, within } from './lib/wait.mjs';

const WATCHED = 'test://watched-resource';

// What the user and the model of a test say.
const ANSWERS = {
  'elicitation/create': ({ requestedSchema }) => {
    const said = { name: 'Ada', color: 'blue', username: 'ada', email: 'ada@localhost', ok: true };
    const asked = Object.keys(requestedSchema.properties);
    const content = Object.fromEntries(asked.map((name) => [name, said[name] ?? 'context']));
    return { action: 'accept', content };
  },
  'sampling/createMessage': () => ({
    role: 'assistant',
    model: 'none',
    content: { type: 'text', text: 'Paris' },
  }),
  'roots/list': () => ({ roots: [{ uri: 'file:///work' }] }),
};

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
  await gateway.apply(fixtureAdapter('fixture'));
  await gateway.apply(fixtureAdapter('bridged', { transport: 'stdio' }));
});

function whatIsAsked(open, era) {
  test('the client gets the era it wants; only the legacy one has sessions', async (t) => {
    const session = await open(t);
    const isLegacy = era === 'legacy';
    assert.equal(session.sessionId() !== undefined, isLegacy);
    assert.equal(session.client.getServerVersion().name, 'mcp-gateway-fixture');
    const { tools } = await session.client.listTools();
    const names = tools.map((tool) => tool.name);
    assert.equal(names.includes('test_reconnection'), true);
    assert.equal(names.includes('test_sampling'), isLegacy, 'asks in mid-call');
    assert.equal(names.includes('test_missing_capability'), !isLegacy);
  });

  test('tools, resources, prompts and completions', async (t) => {
    const { client, callTool } = await open(t);
    const mixed = await callTool('test_multiple_content_types');
    assert.deepEqual(mixed.content.map((part) => part.type), ['text', 'image', 'resource']);
    assert.equal((await callTool('test_error_handling')).isError, true);
    const { tools } = await client.listTools();
    const rich = tools.find((tool) => tool.name === 'json_schema_2020_12_tool').inputSchema;
    assert.equal(rich.$defs.address.$anchor, 'addressDef');
    const { contents } = await client.readResource({ uri: 'test://template/seven/data' });
    assert.equal(contents[0].text, '{"id":"seven"}');
    const missing = await failureOf(client.readResource({ uri: 'test://nowhere' }));
    assert.equal(missing.code, -32602, missing.message);
    const named = { name: 'test_prompt_with_arguments', arguments: { arg1: 'one', arg2: 'two' } };
    const { messages } = await client.getPrompt(named);
    assert.equal(messages[0].content.text, "First 'one', then 'two'.");
    const { completion } = await client.complete({
      ref: { type: 'ref/prompt', name: named.name },
      argument: { name: 'arg1', value: 'par' },
    });
    assert.deepEqual(completion.values, ['paris', 'park', 'party']);
  });

  test('progress arrives before the result', async (t) => {
    const session = await open(t);
    const seen = [];
    const onprogress = ({ progress, total }) => seen.push([progress, total]);
    await call(session, 'test_tool_with_progress', {}, { onprogress });
    assert.deepEqual(seen, [[0, 100], [50, 100], [100, 100]]);
  });

  test('twenty calls at once get their own answers', async (t) => {
    const session = await open(t);
    await session.client.listTools(); // what tells a modern client of the header
    const regions = Array.from({ length: 20 }, (_, n) => `région ${n}`);
    const texts = regions.map((region) => call(session, 'test_custom_header', { region }));
    assert.deepEqual(await Promise.all(texts), regions.map((region) => `region ${region}`));
  });
}

function whatIsAskedBack(open, era) {
  const name = (suffix) => `test_input_required_result_${suffix}`;
  const dialogues = {
    [name('elicitation')]: /Hello, Ada!/,
    [name('sampling')]: /Paris/,
    [name('list_roots')]: /file:\/\/\/work/,
    [name('request_state')]: /state-ok/,
    [name('multiple_inputs')]: /Ada; Paris; file:\/\/\/work/,
    [name('multi_round')]: /Ada likes blue/,
    ...(era === 'legacy' && {
      test_sampling: /Paris/,
      test_elicitation: /accept .*"username":"ada"/,
    }),
  };
  test('the user, the model and the roots are asked in the middle of a call', async (t) => {
    const session = await open(t, { answers: ANSWERS });
    for (const [tool, expected] of Object.entries(dialogues)) {
      assert.match(await call(session, tool, { prompt: 'capital?', message: 'who?' }), expected);
    }
  });

  if (era === 'legacy') {
    test('a question on the standalone stream is answered, too', async (t) => {
      const seen = [];
      const on = { 'notifications/message': ({ params }) => void seen.push(params.data.on) };
      const session = await open(t, { answers: ANSWERS, on });
      await until('the standalone stream', async () => {
        await call(session, 'chatter', { nonce: 'n', calls: 0, standalone: 1 });
        return seen.includes('standalone');
      });
      assert.match(await call(session, 'ask_aside', { message: 'who?' }), /"username":"ada"/);
    });
  }

  test('a prompt asks, too', async (t) => {
    const { client } = await open(t, { answers: ANSWERS });
    const { messages } = await client.getPrompt({ name: name('prompt') });
    assert.equal(messages[0].content.text, 'In the context of context.');
  });

  test('a user who declines is not asked for ever', async (t) => {
    const answers = { 'elicitation/create': () => ({ action: 'decline' }) };
    const session = await open(t, { answers });
    await failureOf(call(session, name('elicitation')));
    assert.equal(await call(session, 'test_simple_text'), 'A simple text.');
  });
}

function whatIsGivenUp(open, era) {
  test('a call that its client cancels is cancelled at the server', async (t) => {
    const session = await open(t);
    const nonce = randomUUID();
    const abort = new AbortController();
    const started = new Promise((resolve) => {
      const options = { signal: abort.signal, onprogress: resolve };
      const pending = call(session, 'linger', { nonce, ms: 60_000 }, options);
      t.after(() => assert.rejects(pending));
      pending.catch(() => {});
    });
    await within('the beginning of the call', started);
    assert.equal(await call(session, 'fate', { nonce }), 'running');
    abort.abort();
    await until('the cancel at the server', async () =>
      (await call(session, 'fate', { nonce })) === 'cancelled');
  });

  test('a client that goes away cancels in the modern era, and only there', async (t) => {
    const nonce = randomUUID();
    const gone = await open(t);
    const ask = era === 'legacy' ? inSessionOf(gone) : inOwn(await open(t));
    const started = new Promise((resolve) => {
      call(gone, 'linger', { nonce, ms: 1_000 }, { onprogress: resolve }).catch(() => {});
    });
    await within('the beginning of the call', started);
    await gone.client.close();
    const fate = await until('the end of the call', async () => {
      const now = await ask('fate', { nonce });
      return now !== 'running' && now;
    });
    assert.equal(fate, era === 'modern' ? 'cancelled' : 'completed');
  });
}

// Two ways to call a tool after a client has gone: in its session, which lives on; or in one's own.
function inSessionOf(session) {
  const [url, headers] = [session.url, inSession(session.sessionId())];
  return async (name, args) => {
    const answer = await post(url, toolCall('after', name, args), headers);
    return messageOf(answer).result.content[0].text;
  };
}
const inOwn = (session) => (name, args) => call(session, name, args);

// A legacy session hears of changes on its standalone stream, a modern client where it listens.
function whatChanges(open, era) {
  test('changes are told to those who want to know', async (t) => {
    const seen = [];
    const on = {
      'notifications/tools/list_changed': () => void seen.push('tools'),
      'notifications/prompts/list_changed': () => void seen.push('prompts'),
      'notifications/resources/updated': ({ params }) => void seen.push(params.uri),
    };
    const session = await open(t, { on });
    if (era === 'legacy') {
      await session.client.subscribeResource({ uri: WATCHED });
    } else {
      const filter = { toolsListChanged: true, resourceSubscriptions: [WATCHED] };
      const subscription = await session.client.listen(filter);
      t.after(() => subscription.close());
      assert.deepEqual(subscription.honoredFilter, filter);
    }
    const expected = new Set(era === 'legacy'
      ? ['tools', 'prompts', WATCHED]
      : ['tools', WATCHED]);
    await call(session, 'test_trigger_prompt_change');
    // The standalone stream opens some time after the handshake; what came before is lost.
    await until('the changes', async () => {
      await call(session, 'test_trigger_tool_change');
      await call(session, 'test_touch_watched_resource');
      return [...expected].every((one) => seen.includes(one) || one === 'prompts');
    });
    await call(session, 'test_trigger_prompt_change');
    if (expected.has('prompts')) await until('the prompts', () => seen.includes('prompts'));
    assert.deepEqual(new Set(seen), expected);
  });
}

function everything(adapter, speaker, era) {
  describe(`${adapter}, ${speaker}`, () => {
    const open = (t, options) => connect(endOf(t), speaker, gateway.mcpUrl(adapter), options);
    whatIsAsked(open, era);
    whatIsAskedBack(open, era);
    whatIsGivenUp(open, era);
    whatChanges(open, era);
  });
}

for (const speaker of SPEAKERS) everything('fixture', speaker, eraOf(speaker));
for (const speaker of KINDS) everything('bridged', speaker, 'legacy');
