// The official conformance suite, revision 2025-11-25, against the everything server: a realistic
// server that passes only a part of it. Through the gateway each check has the same verdict, but
// for what the gateway sees to itself: foreign Host and Origin, and sessions that have ended.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { againstServer, assertSame, passing } from './lib/conformance.mjs';
import { endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { everythingCommand } from './lib/programs.mjs';

const REVISION = '2025-11-25';
const SCENARIOS_MIN = 30;
const OURS = ['dns-rebinding-protection', 'server-session-lifecycle'];

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
  await gateway.apply({ name: 'everything', command: everythingCommand('streamableHttp') });
});

// The server without a gateway listens where the gateway's status says.
async function directUrl() {
  const status = await gateway.status('everything');
  return `http://${status.instances[0].address}/mcp`;
}

test('the gateway changes no verdict but those that it is there for', async (t) => {
  const direct = await againstServer(await directUrl(), REVISION);
  const through = await againstServer(gateway.mcpUrl('everything'), REVISION);
  t.diagnostic(`direct: ${passing(direct).length}, through: ${passing(through).length} scenarios`);
  assert.ok(Object.keys(direct.scenarios).length >= SCENARIOS_MIN, direct.output);
  for (const name of OURS) {
    assert.ok(!passing(direct).includes(name), `${name} passes without the gateway`);
    assert.ok(passing(through).includes(name), through.output);
    delete direct.scenarios[name];
    delete through.scenarios[name];
  }
  assertSame(through, direct);
});
