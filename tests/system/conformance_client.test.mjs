// The conformance suite the other way round: it is the server, and judges what reaches it from the
// official client. Through the gateway it sees the same as directly, in every core scenario.
//
// The suite's scenarios about authorization are left to conformance_auth: they look at the origin
// of the server, which behind a gateway is the gateway's own.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { againstClient, assertSame } from './lib/conformance.mjs';
import { endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { CONFORMANCE_CLIENT, NODE } from './lib/programs.mjs';

const LEGACY = {
  '2025-06-18': ['initialize', 'tools_call'],
  '2025-11-25': [
    'initialize',
    'tools_call',
    'sse-retry',
    'elicitation-sep1034-client-defaults',
    'json-schema-2020-12-preservation',
  ],
};
const MODERN = {
  '2026-07-28': [
    'tools_call',
    'request-metadata',
    'http-standard-headers',
    'http-custom-headers',
    'http-invalid-tool-headers',
    'sep-2322-client-request-state',
    'json-schema-ref-no-deref',
    'json-schema-2020-12-preservation',
  ],
};

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
});

for (const [revision, scenarios] of Object.entries({ ...LEGACY, ...MODERN })) {
  describe(`client conformance, ${revision}`, () => {
    for (const scenario of scenarios) {
      test(scenario, async () => {
        const command = `${NODE} ${CONFORMANCE_CLIENT}`;
        const [direct, through] = await Promise.all([
          againstClient(command, scenario, revision, {}),
          againstClient(command, scenario, revision, { MCPGW_URL: gateway.url }),
        ]);
        assert.equal(direct.code, 0, direct.output);
        assert.equal(through.code, 0, through.output);
        assertSame(through, direct);
        assert.equal(through.scenarios[scenario].failed, 0, through.output);
      });
    }
  });
}
