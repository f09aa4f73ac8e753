// What operators look at: the admin listener and the anonymous routes of the main one.
// What they say is what the tests made happen.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { call, connect, count } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { request } from './lib/http.mjs';
import { until } from './lib/wait.mjs';

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end, { args: ['--workers', '2'] });
  await gateway.apply(exampleAdapter('example'));
});

// The values of a metric, by their labels as they are written.
async function metric(name) {
  const answer = await request(gateway.adminUrl(), 'GET', '/metrics');
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /^text\/plain/);
  const values = new Map();
  for (const [, labels, value] of answer.text.matchAll(
    new RegExp(`^mcp_gateway_${name}(?:\\{([^}]*)\\})? ([0-9.e+-]+)$`, 'gm'),
  )) {
    values.set(labels ?? '', Number(value));
  }
  return values;
}

const sum = (values, part = '') =>
  [...values].filter(([labels]) => labels.includes(part)).reduce((all, [, n]) => all + n, 0);

test('health and readiness on both listeners', async () => {
  for (const base of [gateway.url, gateway.adminUrl()]) {
    for (const path of ['/healthz', '/readyz']) {
      assert.equal((await request(base, 'GET', path)).status, 200, `${base}${path}`);
    }
  }
  assert.equal((await gateway.rest('GET', '/ping')).status, 200);
  assert.equal((await gateway.rest('GET', '/metrics')).status, 404, 'not for everybody');
});

test('requests and sessions are counted, and no payload was copied', async (t) => {
  const calls = 25;
  const before = sum(await metric('requests_total'), 'method="tools/call"');
  const session = await connect(endOf(t), 'sdk', gateway.mcpUrl('example'));
  for (let n = 0; n < calls; n++) await count(session);
  await call(session, 'echo', { message: 'x'.repeat(300_000) });
  await until('the counted calls', async () => {
    const now = sum(await metric('requests_total'), 'method="tools/call"');
    return now - before === calls + 1;
  });
  const requests = await metric('requests_total');
  assert.ok([...requests.keys()].some((one) => one.includes('adapter="example"')));
  assert.ok(sum(await metric('sessions_opened_total')) >= 1);
  assert.ok(sum(await metric('bytes_total')) > 300_000);
  assert.equal(sum(await metric('payload_copied_bytes_total')), 0);
  assert.ok(sum(await metric('snapshot_version')) >= 1);
});
