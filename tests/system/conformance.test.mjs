// The official conformance suite against the fixture, for every revision that it knows: through the
// gateway each single check has the same verdict as without it, with one instance as with three.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { againstServer, assertSame, passing, REVISIONS } from './lib/conformance.mjs';
import { endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { fixtureAdapter } from './lib/programs.mjs';

const REPLICAS = 3;

const end = endOfFile();
let gateway;
let direct;
before(async () => {
  gateway = await Gateway.start(end);
  await gateway.apply(fixtureAdapter('alone'));
  const environmentVariables = { FIXTURE_SHARED: `${gateway.folder}/shared` };
  const many = fixtureAdapter('many', { replicaCount: REPLICAS, environmentVariables });
  await gateway.apply(many);
  // A server of its own for the runs without a gateway; it listens where the status says.
  const { instances } = await gateway.apply(fixtureAdapter('direct'));
  direct = `http://${instances[0].address}/mcp`;
});

for (const [revision, { scored }] of Object.entries(REVISIONS)) {
  let expected;

  test(`${revision}: the fixture passes what counts`, async (t) => {
    expected = await againstServer(direct, revision);
    assert.equal(expected.code, 0, expected.output);
    assert.ok(passing(expected).length >= scored, expected.output);
    t.diagnostic(`${passing(expected).length} scenarios pass`);
  });

  for (const adapter of ['alone', 'many']) {
    test(`${revision}: the same through the gateway, instances: ${adapter}`, async () => {
      const seen = await againstServer(gateway.mcpUrl(adapter), revision);
      assertSame(seen, expected);
      assert.equal(seen.code, 0, seen.output);
    });
  }
}
