// Servers of 2024-11-05 (HTTP+SSE) behind the gateway: the official everything server, asked by the
// SSE transports of both official clients, on an adapter with two replicas.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { call, connect, KINDS } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { request } from './lib/http.mjs';
import { everythingCommand } from './lib/programs.mjs';
import { until } from './lib/wait.mjs';

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
  await gateway.apply({
    name: 'old',
    command: everythingCommand('sse'),
    transport: 'sse',
    replicaCount: 2,
  });
});

const open = (end, kind, { path = '/adapters/old/sse', ...options } = {}) =>
  connect(end, kind, new URL(path, gateway.url), { over: 'sse', ...options });

for (const kind of KINDS) {
  describe(`HTTP+SSE, ${kind} client`, () => {
    test('tools, resources and prompts', async (t) => {
      const session = await open(endOf(t), kind);
      const { tools } = await session.client.listTools();
      assert.ok(tools.length >= 10, `${tools.length} tools`);
      assert.equal(await call(session, 'echo', { message: 'grüße' }), 'Echo: grüße');
      const { resources } = await session.client.listResources();
      assert.ok(resources.length > 0);
      const { prompts } = await session.client.listPrompts();
      assert.ok(prompts.length > 0);
    });

    test('a large argument and a large answer', async (t) => {
      const session = await open(endOf(t), kind);
      const message = 'x'.repeat(1_000_000);
      assert.equal(await call(session, 'echo', { message }), `Echo: ${message}`);
    });

    test('twenty sessions at a time, each with its own answers', async (t) => {
      const sessions = await Promise.all(
        Array.from({ length: 20 }, () => open(endOf(t), kind)),
      );
      const answers = await Promise.all(
        sessions.map((session, i) => call(session, 'echo', { message: `${i}` })),
      );
      assert.deepEqual(answers, sessions.map((_, i) => `Echo: ${i}`));
    });

    test('progress', async (t) => {
      const session = await open(endOf(t), kind);
      const seen = [];
      const onprogress = ({ progress }) => seen.push(progress);
      const duration = { duration: 1, steps: 4 };
      await call(session, 'trigger-long-running-operation', duration, { onprogress });
      // The clients drop a last progress that comes in one read with the result.
      assert.deepEqual(seen.slice(0, 3), [1, 2, 3]);
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
      const session = await open(endOf(t), kind, { answers });
      const asked = { prompt: 'Which city?' };
      assert.match(await call(session, 'trigger-sampling-request', asked), /Paris/);
      assert.match(await call(session, 'trigger-elicitation-request'), /Ada/);
    });

    test('a client that posts first is told to ask for the stream', async (t) => {
      const url = new URL('/adapters/old/mcp', gateway.url);
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          accept: 'application/json, text/event-stream',
          'content-type': 'application/json',
        },
        body: '{"jsonrpc":"2.0","id":0,"method":"initialize","params":{}}',
      });
      assert.equal(answer.status, 405);
      const session = await open(endOf(t), kind, { path: '/adapters/old/mcp' });
      assert.equal(await call(session, 'echo', { message: 'found' }), 'Echo: found');
    });
  });
}

test('a stream ends with its client', async (t) => {
  const streams = async () => {
    const { text } = await request(gateway.adminUrl(), 'GET', '/metrics');
    return Number(/^mcp_gateway_streams_active (\d+)$/m.exec(text)[1]);
  };
  await until('no stream is left of the other tests', async () => (await streams()) === 0);
  const { client } = await open(endOf(t), 'sdk');
  assert.equal(await streams(), 1);
  await client.close();
  await until('the stream has ended', async () => (await streams()) === 0);
});
