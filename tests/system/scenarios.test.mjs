// Every scenario of microsoft/mcp-gateway for adapters, permissions, status and logs, as it is seen
// from outside, with our answers: one test for each row, named by it. Where ours differs from
// theirs, the contract says so; a row of ours that they do not have is at the end of its table.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import * as rows from './lib/scenario_rows.mjs';
import { as, imageAdapter, Scene } from './lib/scenarios.mjs';

const end = endOfFile();
let present;
before(async () => (present = await Scene.start(end, '/adapters', imageAdapter)));
const scene = () => present;

describe('adapters', () => {
  rows.creating(scene, '/adapters');
  rows.reading(scene);
  rows.changing(scene);
  rows.deleting(scene);
  rows.watching(scene);
});

describe('permissions', () => rows.permissions(scene));

describe('development mode', () => {
  const createdBy = async (name, headers) => {
    const answer = await scene().post(imageAdapter(name), headers);
    assert.equal(answer.status, 201, answer.text);
    const removed = await scene().ask('DELETE', `/${name}`, { headers });
    assert.equal(removed.status, 204);
    return answer.json.createdBy;
  };

  test('no headers: user dev, role mcp.dev', async (t) => {
    assert.equal(await createdBy('dev-none', {}), 'dev');
    await scene().make(t, 'dev-role', { requiredRoles: ['mcp.dev'] });
    assert.equal((await scene().ask('GET', '/dev-role', { headers: {} })).status, 200);
  });

  test('X-Dev-UserId/Roles override', async (t) => {
    assert.equal(await createdBy('dev-user', as('somebody')), 'somebody');
    await scene().make(t, 'dev-team', { requiredRoles: ['team', 'other'] });
    const read = (headers) => scene().ask('GET', '/dev-team', { headers });
    assert.equal((await read(as('x', 'first', 'OTHER'))).status, 200);
    assert.equal((await read(as('x', 'first'))).status, 404);
  });
});

// What is true of images is true of local servers.
describe('adapters of local servers', () => {
  let gateway;
  before(async () => (gateway = await Gateway.start(end)));

  test('Status ready = desired; no containers: image Unknown', async () => {
    await gateway.apply(exampleAdapter('local', { replicaCount: 2 }));
    const status = await gateway.status('local');
    assert.deepEqual([status.replicaStatus, status.readyReplicas], ['Healthy', 2]);
    assert.equal(status.image, 'Unknown');
  });

  test('Status fewer than desired', async () => {
    const body = exampleAdapter('broken', { command: ['/nowhere'] });
    assert.equal((await gateway.rest('POST', '/adapters', { body })).status, 201);
    const { replicaStatus } = await gateway.status('broken');
    assert.match(replicaStatus, /^Degraded: 0\/1 ready, /);
  });

  test('Logs instance=1, bad ordinal', async () => {
    const first = await gateway.rest('GET', '/adapters/local/logs?instance=1');
    assert.equal(first.status, 200);
    assert.match(first.text, /ready http/);
    assert.equal((await gateway.rest('GET', '/adapters/local/logs?instance=2')).status, 404);
  });

  test('PUT same body', async () => {
    const pids = gateway.servers().map((one) => one.pid).sort();
    const body = exampleAdapter('local', { replicaCount: 2 });
    assert.equal((await gateway.rest('PUT', '/adapters/local', { body })).status, 200);
    await gateway.healthy('local', 2);
    assert.deepEqual(gateway.servers().map((one) => one.pid).sort(), pids);
  });

  test('DELETE, and again', async () => {
    assert.equal((await gateway.rest('DELETE', '/adapters/local')).status, 204);
    assert.equal((await gateway.rest('DELETE', '/adapters/local')).status, 404);
    assert.equal((await gateway.rest('GET', '/adapters/local/status')).status, 404);
  });
});
