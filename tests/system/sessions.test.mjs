// Sixty official clients at once on three replicas: every session stays with the instance that
// opened it, every call counts exactly once, and every instance gets its share.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { connect, count, KINDS, whoami } from './lib/clients.mjs';
import { endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';

const SESSIONS = 60;
const CALLS = 20;
const REPLICAS = 3;

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
  await gateway.apply(exampleAdapter('example', { replicaCount: REPLICAS }));
});

// Opens a session and makes its calls, half of them `whoami` and half of them `count`, each pair at
// the same time. Returns the instance that answered.
async function live(kind, url) {
  const clients = [];
  const session = await connect((one) => clients.push(one), kind, url);
  const instances = new Set();
  const counts = [];
  for (let round = 0; round < CALLS / 2; round++) {
    const [who, counted] = await Promise.all([whoami(session), count(session)]);
    instances.add(`${who.instance} ${who.pid}`);
    counts.push(counted);
  }
  assert.equal(instances.size, 1, `one instance, not ${[...instances].join(' and ')}`);
  const expected = Array.from({ length: CALLS / 2 }, (_, round) => round + 1);
  assert.deepEqual(counts, expected);
  await session.transport.terminateSession();
  for (const one of clients) await one();
  return [...instances][0];
}

for (const kind of KINDS) {
  test(`sixty sessions of the ${kind} client keep their instances`, async () => {
    const url = gateway.mcpUrl('example');
    const lives = Array.from({ length: SESSIONS }, () => live(kind, url));
    const instances = new Set(await Promise.all(lives));
    assert.equal(instances.size, REPLICAS, [...instances].join(', '));
  });
}

test('sessions of both clients share the adapter', async () => {
  const url = gateway.mcpUrl('example');
  const lives = Array.from({ length: SESSIONS }, (_, n) => live(KINDS[n % KINDS.length], url));
  await Promise.all(lives);
  const status = await gateway.status('example');
  assert.deepEqual(status.instances.map((one) => one.restarts), [0, 0, 0]);
});
