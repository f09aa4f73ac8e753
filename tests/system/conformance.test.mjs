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
  test(`conformance, ${revision}`, async (t) => {
    // At the same time, because the suite mostly waits.
    const [expected, ...seen] = await Promise.all([
      againstServer(direct, revision),
      againstServer(gateway.mcpUrl('alone'), revision),
      againstServer(gateway.mcpUrl('many'), revision),
    ]);
    await t.test('the fixture passes everything', () => {
      assert.equal(expected.code, 0, expected.output);
      const names = Object.keys(expected.scenarios);
      assert.ok(names.length >= scored, expected.output);
      assert.deepEqual(passing(expected), names, expected.output);
      t.diagnostic(`${names.length} scenarios`);
    });
    for (const [n, instances] of ['one instance', `${REPLICAS} instances`].entries()) {
      await t.test(`the same through the gateway, ${instances}`, () => {
        assertSame(seen[n], expected);
        assert.equal(seen[n].code, 0, seen[n].output);
      });
    }
  });
}
