// Many adapters made, scaled, changed and removed at random by several clients, while the API
// server refuses, forgets, cuts and delays: in the end the cluster is as the last wishes say, with
// nothing left over, nothing twice, and nothing of somebody else's touched.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dice } from '../fakes/kubernetes/faults.mjs';
import { imageAdapter, NAMESPACE, TestCluster } from './lib/cluster.mjs';
import { endOf } from './lib/ends.mjs';
import { until } from './lib/wait.mjs';

const ADAPTERS = 504;
const CLIENTS = 8;
const CHANGES = 100; // of each client
const SEED = Number(process.env.MCPGW_SEED ?? Date.now() % 1_000_000);

const FAULTS = [
  { probability: 0.03, fault: { status: 409 } },
  { probability: 0.03, fault: { status: 429, retryAfter: 0 } },
  { probability: 0.03, fault: { status: 500 } },
  { probability: 0.02, fault: { drop: 'before' } },
  { probability: 0.02, fault: { drop: 'after' } },
  { probability: 0.05, fault: { delayMs: 50 } },
  { verb: 'watch', probability: 0.3, fault: { watchError: 410 } },
  { verb: 'watch', probability: 0.5, fault: { dropWatchAfterMs: 200 } },
  { verb: 'list', probability: 0.2, fault: { status: 410 } },
];

test(`everything converges under faults (MCPGW_SEED=${SEED})`, async (t) => {
  const end = endOf(t);
  const cluster = await TestCluster.start(end);
  const gateway = await cluster.gateway(end);
  const foreign = cluster.place({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a0-service' },
    spec: { ports: [{ port: 1 }] },
  });
  const untouched = JSON.stringify(cluster.object('Service', foreign.metadata.name));
  cluster.fake.faults.set({ seed: SEED, rules: FAULTS });

  const wished = new Map();
  const client = async (number) => {
    const random = dice(SEED + number);
    for (let change = 0; change < CHANGES; change++) {
      // Each client has names of its own, so that it knows what comes of them. a0 is taken.
      const name = `a${1 + number + CLIENTS * Math.floor(random() * (ADAPTERS / CLIENTS))}`;
      const adapter = imageAdapter(name, {
        imageName: 'pretended',
        replicaCount: Math.floor(random() * 3),
        imageVersion: String(1 + Math.floor(random() * 2)),
      });
      if (!wished.has(name)) {
        const made = await gateway.rest('POST', '/adapters', { body: adapter });
        assert.equal(made.status, 201, made.text);
        wished.set(name, adapter);
      } else if (random() < 0.3) {
        assert.equal((await gateway.rest('DELETE', `/adapters/${name}`)).status, 204);
        wished.delete(name);
      } else {
        const put = await gateway.rest('PUT', `/adapters/${name}`, { body: adapter });
        assert.equal(put.status, 200, put.text);
        wished.set(name, adapter);
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number)));
  assert.ok(Object.keys(cluster.fake.statistics.injected).length >= 6, 'there were faults');
  cluster.fake.faults.set({ rules: [] });

  for (const { name, replicaCount } of wished.values()) await gateway.healthy(name, replicaCount);
  const names = (kind) => cluster.objects(kind)
    .filter((one) => one.metadata.uid !== foreign.metadata.uid).map((one) => one.metadata.name);
  await until('exactly what is wished', () => {
    const sets = names('StatefulSet').sort();
    const services = names('Service').sort();
    const pods = names('Pod').sort();
    const expected = [...wished.values()];
    assert.deepEqual(sets, expected.map((one) => one.name).sort());
    assert.deepEqual(services, expected.map((one) => `${one.name}-service`).sort());
    assert.deepEqual(pods, expected.flatMap((one) => (
      Array.from({ length: one.replicaCount }, (_, n) => `${one.name}-${n}`))).sort());
    return true;
  });
  for (const { name, imageVersion } of wished.values()) {
    for (const pod of cluster.podsOf(name)) {
      assert.match(pod.spec.containers[0].image, new RegExp(`:${imageVersion}$`));
    }
  }
  assert.equal(JSON.stringify(cluster.object('Service', foreign.metadata.name)), untouched);
  assert.equal(cluster.objects('Pod').every((pod) => pod.metadata.namespace === NAMESPACE), true);

  for (const name of wished.keys()) {
    assert.equal((await gateway.rest('DELETE', `/adapters/${name}`)).status, 204);
  }
  await until('nothing', () => names('StatefulSet').length + names('Pod').length === 0);
  await until('no Services', () => names('Service').length === 0);
});
