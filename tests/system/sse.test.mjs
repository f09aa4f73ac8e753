// Servers of 2024-11-05 (HTTP+SSE) behind the gateway: the official everything server, asked by the
// SSE transports of both official clients, on an adapter with two replicas.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import * as modern from '@modelcontextprotocol/client';
import { Client as SdkClient } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport as SdkTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { call } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { request } from './lib/http.mjs';
import { everythingCommand } from './lib/programs.mjs';
import { until } from './lib/wait.mjs';

const KINDS = {
  sdk: { Client: SdkClient, Transport: SdkTransport },
  client: { Client: modern.Client, Transport: modern.SSEClientTransport },
};

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

async function open(end, kind, path = '/adapters/old/sse') {
  const { Client, Transport } = KINDS[kind];
  const client = new Client({ name: 'system-tests', version: '1' }, { capabilities: {} });
  end(() => client.close());
  await client.connect(new Transport(new URL(path, gateway.url)));
  return { client };
}

for (const kind of Object.keys(KINDS)) {
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
      await session.client.callTool(
        { name: 'trigger-long-running-operation', arguments: { duration: 1, steps: 4 } },
        ...(kind === 'sdk' ? [undefined] : []),
        { onprogress: (progress) => seen.push(progress.progress) },
      );
      // The clients drop a last progress that comes in one read with the result.
      assert.deepEqual(seen.slice(0, 3), [1, 2, 3]);
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
      const session = await open(endOf(t), kind, '/adapters/old/mcp');
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
