// What the admin listener counts, for tests that compare two moments: a sample that is not there is
// a mistake of the test, not zero.
import assert from 'node:assert/strict';
import { request } from './http.mjs';

// (name, label) => the sum of the samples of the metric `mcp_gateway_<name>` whose labels contain
// `label`, at this moment.
export async function metricsOf(gateway) {
  const answer = await request(gateway.adminUrl(), 'GET', '/metrics');
  assert.equal(answer.status, 200, answer.text);
  const samples = [...answer.text.matchAll(/^mcp_gateway_(\w+)(?:\{([^}]*)\})? (\S+)$/gm)];
  return (name, label = '') => {
    const found = samples.filter(([, one, labels = '']) => one === name && labels.includes(label));
    assert.ok(found.length > 0, `no sample of ${name} ${label}`);
    return found.reduce((sum, [, , , value]) => sum + Number(value), 0);
  };
}
