// Servers as others write them, asked by the official clients in every mode. Which era a client
// ends up in depends on the server: one that knows only the handshake turns a probe down, and a
// client that asks first has to notice through the gateway, also where the bridge stands in front.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { call, connect, failureOf, KINDS, SPEAKERS } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { initialize, post } from './lib/mcp.mjs';
import { context7Adapter, everythingCommand, REACT_PAGE, reactCommand } from './lib/programs.mjs';

const LEGACY_ONLY = {
  everything: { command: everythingCommand('streamableHttp') },
  'everything-bridged': { command: everythingCommand('stdio'), transport: 'stdio' },
  react: { command: reactCommand() },
  'react-bridged': { command: reactCommand('--stdio'), transport: 'stdio' },
};

const page = readFileSync(REACT_PAGE, 'utf8');

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
  const adapters = Object.entries(LEGACY_ONLY).map(([name, fields]) => ({ name, ...fields }));
  await Promise.all([...adapters, context7Adapter('context7')].map((one) => gateway.apply(one)));
});

const open = (t, speaker, adapter) => connect(endOf(t), speaker, gateway.mcpUrl(adapter));

for (const adapter of Object.keys(LEGACY_ONLY)) {
  describe(`${adapter} knows only the handshake`, () => {
    test('a client that asks first falls back to it', async (t) => {
      const { client } = await open(t, 'client auto', adapter);
      assert.equal(client.getNegotiatedProtocolVersion(), '2025-11-25');
      const { tools } = await client.listTools();
      assert.ok(tools.length > 0);
    });

    test('a client that insists is told so at once', async (t) => {
      const error = await failureOf(open(t, 'client modern', adapter));
      assert.equal(error.code, 'ERA_NEGOTIATION_FAILED', error.message);
    });
  });
}

for (const speaker of SPEAKERS) {
  test(`context7 lists its tools, ${speaker}`, async (t) => {
    const { client, sessionId } = await open(t, speaker, 'context7');
    assert.equal(client.getServerVersion().name, 'Context7');
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name).sort(), ['query-docs', 'resolve-library-id']);
    assert.equal(sessionId(), undefined, 'it is stateless in both eras');
  });
}

test('a challenge that context7 adds to its answers stays behind the gateway', async () => {
  const answer = await post(gateway.mcpUrl('context7'), initialize());
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['www-authenticate'], undefined);
});

for (const adapter of ['react', 'react-bridged']) {
  for (const speaker of [...KINDS, 'client auto']) {
    test(`a page of 400 kB arrives whole, ${adapter}, ${speaker}`, async (t) => {
      const session = await open(t, speaker, adapter);
      const { resources } = await session.client.listResources();
      const [{ uri }] = resources;
      assert.match(uri, /^ui:/);
      const { contents } = await session.client.readResource({ uri });
      assert.ok(contents[0].text === page, 'it is the page that the server has');
      assert.match(await call(session, 'get-time'), /^[0-9]{4}-/);
    });
  }
}
