// The official conformance suite, revision 2025-11-25, against the everything server: through the
// gateway the same scenarios pass as directly, and dns-rebinding-protection, which the server
// itself fails, passes because the gateway looks at Host and Origin.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { endOfFile } from './lib/ends.mjs';
import { Gateway, run } from './lib/gateway.mjs';
import { CONFORMANCE, everythingCommand, NODE } from './lib/programs.mjs';

const REVISION = '2025-11-25';
const SCENARIOS_MIN = 30;

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

// {scenario: 'passed' or 'n passed, m failed'} as the suite reports them.
async function scenarios(url) {
  const args = [CONFORMANCE, 'server', '--url', String(url), '--requirements', REVISION];
  const ended = await run(NODE, args, { deadlineMs: 120_000 });
  const lines = ended.stdout.matchAll(/^. ([a-z0-9-]+): ([0-9]+) passed, ([0-9]+) failed$/gm);
  const found = {};
  for (const [, name, passed, failed] of lines) {
    found[name] = failed === '0' ? 'passed' : `${passed} passed, ${failed} failed`;
  }
  const count = Object.keys(found).length;
  assert.ok(count >= SCENARIOS_MIN, `${count} scenarios\n${ended.stdout}\n${ended.stderr}`);
  return found;
}

test('what passes directly passes through the gateway, and rebinding is refused', async (t) => {
  const direct = await scenarios(await directUrl());
  const through = await scenarios(gateway.mcpUrl('everything'));
  assert.deepEqual(Object.keys(through).sort(), Object.keys(direct).sort());
  const passed = (all) => Object.keys(all).filter((name) => all[name] === 'passed');
  t.diagnostic(`direct: ${passed(direct).length}, through: ${passed(through).length} scenarios`);

  assert.notEqual(direct['dns-rebinding-protection'], 'passed', 'the server does not check itself');
  assert.equal(through['dns-rebinding-protection'], 'passed');
  for (const name of passed(direct)) assert.equal(through[name], 'passed', name);
  for (const name of Object.keys(direct)) {
    if (name === 'dns-rebinding-protection' || through[name] === 'passed') continue;
    assert.equal(through[name], direct[name], `${name} fails in the same way`);
  }
});
