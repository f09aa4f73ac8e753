// The official everything server behind the gateway, asked by both official clients: once over
// streamable HTTP, once over stdio, where the gateway puts its bridge in front of it.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { call, connect, failureOf, KINDS } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { everythingCommand } from './lib/programs.mjs';
import { until } from './lib/wait.mjs';

const WAYS = [
  { transport: 'streamable-http', command: everythingCommand('streamableHttp') },
  { transport: 'stdio', command: everythingCommand('stdio') },
];

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
  for (const way of WAYS) {
    await gateway.apply({ name: `everything-${way.transport}`, ...way });
  }
});

for (const { transport } of WAYS) {
  for (const kind of KINDS) {
    describe(`everything over ${transport}, ${kind} client`, () => {
      const url = () => gateway.mcpUrl(`everything-${transport}`);

      test('tools', async (t) => {
        const session = await connect(endOf(t), kind, url());
        const { tools } = await session.client.listTools();
        assert.ok(tools.length >= 10, `${tools.length} tools`);
        assert.ok(tools.some((tool) => tool.name === 'get-sum'));
        assert.equal(await call(session, 'echo', { message: 'grüße' }), 'Echo: grüße');
        assert.match(await call(session, 'get-sum', { a: 19, b: 23 }), / is 42\.$/);
      });

      test('a large argument and a large answer', async (t) => {
        const session = await connect(endOf(t), kind, url());
        const message = 'x'.repeat(1_000_000);
        assert.equal(await call(session, 'echo', { message }), `Echo: ${message}`);
      });

      test('resources', async (t) => {
        const session = await connect(endOf(t), kind, url());
        const { resources } = await session.client.listResources();
        assert.ok(resources.length > 0);
        const { contents } = await session.client.readResource({ uri: resources[0].uri });
        assert.equal(contents[0].uri, resources[0].uri);
        assert.ok((contents[0].text ?? contents[0].blob).length > 0);
        const { resourceTemplates } = await session.client.listResourceTemplates();
        assert.ok(resourceTemplates.length > 0);
      });

      test('prompts', async (t) => {
        const session = await connect(endOf(t), kind, url());
        const { prompts } = await session.client.listPrompts();
        assert.ok(prompts.some((prompt) => prompt.name === 'args-prompt'));
        const prompt = await session.client.getPrompt({
          name: 'args-prompt',
          arguments: { city: 'Lisboa' },
        });
        assert.equal(prompt.messages[0].content.text, "What's weather in Lisboa?");
      });

      test('progress arrives before the result', async (t) => {
        const session = await connect(endOf(t), kind, url());
        const progress = [];
        const request = {
          name: 'trigger-long-running-operation',
          arguments: { duration: 0.4, steps: 4 },
        };
        const options = { onprogress: (one) => progress.push(one.progress) };
        const result =
          kind === 'sdk'
            ? await session.client.callTool(request, undefined, options)
            : await session.client.callTool(request, options);
        assert.match(result.content[0].text, /^Long running operation completed/);
        assert.deepEqual(progress, [1, 2, 3, 4]);
      });

      test('the user and the model are asked in the middle of a call', async (t) => {
        const answers = {
          'sampling/createMessage': () => ({
            role: 'assistant',
            model: 'none',
            content: { type: 'text', text: 'Paris' },
          }),
          'elicitation/create': () => ({ action: 'accept', content: { name: 'Ada' } }),
        };
        const session = await connect(endOf(t), kind, url(), { answers });
        const asked = { prompt: 'Which city?' };
        assert.match(await call(session, 'trigger-sampling-request', asked), /Paris/);
        assert.match(await call(session, 'trigger-elicitation-request'), /Ada/);
      });

      test('a notification on the standalone GET stream', async (t) => {
        const updated = [];
        const on = {
          'notifications/resources/updated': (note) => void updated.push(note.params.uri),
          'notifications/message': () => {},
        };
        const session = await connect(endOf(t), kind, url(), { on });
        const { resources } = await session.client.listResources();
        await session.client.subscribeResource({ uri: resources[0].uri });
        await call(session, 'toggle-subscriber-updates');
        await until('an update of the resource', () => updated.includes(resources[0].uri));
        await call(session, 'toggle-subscriber-updates');
      });

      test('DELETE ends the session', async (t) => {
        const session = await connect(endOf(t), kind, url());
        const other = await connect(endOf(t), kind, url());
        await session.transport.terminateSession();
        assert.equal(session.sessionId(), undefined);
        assert.equal(await call(other, 'echo', { message: 'here' }), 'Echo: here');
      });

      test('a session that was ended elsewhere is gone', async (t) => {
        const session = await connect(endOf(t), kind, url());
        const headers = { 'Mcp-Session-Id': session.sessionId() };
        const gone = await gateway.rest('DELETE', url().pathname, { headers });
        assert.ok(gone.status >= 200 && gone.status < 300, `DELETE: ${gone.status} ${gone.text}`);
        const error = await failureOf(call(session, 'echo', { message: 'late' }));
        assert.match(error.message, /Session not found/);
      });
    });
  }
}

test('bridged servers end with their sessions', async (t) => {
  const bridged = await Gateway.start(endOf(t));
  await bridged.apply({ name: 'everything', ...WAYS[1] });
  const children = () => bridged.look().filter((one) => one.command.at(-1) === 'stdio');
  const bridges = children().length;
  const sessions = [];
  for (const kind of KINDS) {
    sessions.push(await connect(endOf(t), kind, bridged.mcpUrl('everything')));
    assert.equal(children().length, bridges + sessions.length, 'one child for each session');
  }
  await sessions[0].transport.terminateSession();
  await until('the end of one child', () => children().length === bridges + 1);
  assert.equal(await call(sessions[1], 'echo', { message: 'here' }), 'Echo: here');
  await sessions[1].transport.terminateSession();
  await until('the end of the children', () => children().length === bridges);
});
