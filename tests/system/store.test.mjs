// What the gateway remembers, through its commands and its API: who changed what, backups and the
// way back, a database that is damaged, and a disk that is full.
import assert from 'node:assert/strict';
import {
  closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync,
  statSync, writeFileSync, writeSync,
} from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, count } from './lib/clients.mjs';
import { endOf } from './lib/ends.mjs';
import { cli, exampleAdapter, Gateway } from './lib/gateway.mjs';
import { initialize, post } from './lib/mcp.mjs';
import { until } from './lib/wait.mjs';

const ADMIN = { 'X-Dev-UserId': 'root', 'X-Dev-Roles': 'mcp.admin' };
const ALICE = { 'X-Dev-UserId': 'alice' };

function temporaryFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
  endOf(t)(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const names = async (gateway) =>
  (await gateway.rest('GET', '/adapters', { headers: ADMIN })).json.map((one) => one.name);

const fromUrl = (name, fields = {}) => ({ name, url: 'http://127.0.0.1:9/mcp', ...fields });

test('administrators read who changed what; nobody else does', async (t) => {
  const gateway = await Gateway.start(endOf(t));
  const rest = (method, path, body, headers = ALICE) =>
    gateway.rest(method, path, { headers, body });
  const body = fromUrl('weather', { requestHeaders: { Authorization: 'Bearer s3cret-1' } });
  assert.equal((await rest('POST', '/adapters', body)).status, 201);
  body.requestHeaders.Authorization = 'Bearer s3cret-2';
  body.replicaCount = 3;
  assert.equal((await rest('PUT', '/adapters/weather', body)).status, 200);
  assert.equal((await rest('PUT', '/adapters/weather', { ...body, port: 'x' })).status, 400);
  assert.equal((await rest('DELETE', '/adapters/weather')).status, 204);

  assert.equal((await rest('GET', '/audit')).status, 403);
  assert.equal((await rest('POST', '/audit', {}, ADMIN)).status, 405);
  assert.equal((await rest('GET', '/audit?limit=0', undefined, ADMIN)).status, 400);
  const audit = await rest('GET', '/audit', undefined, ADMIN);
  assert.equal(audit.status, 200, audit.text);
  assert.doesNotMatch(audit.text, /s3cret/);
  assert.deepEqual(audit.json.map((one) => [one.actor, one.action, one.resource]), [
    ['alice', 'adapter.remove', 'weather'],
    ['alice', 'adapter.replace', 'weather'],
    ['alice', 'adapter.create', 'weather'],
  ]);
  const [removed, replaced, created] = audit.json;
  assert.equal(created.before, null);
  assert.equal(created.after.requestHeaders.Authorization, '***');
  assert.equal(replaced.before.replicaCount, 1);
  assert.equal(replaced.after.replicaCount, 3);
  assert.equal(replaced.after.requestHeaders.Authorization, '*** (changed)');
  assert.equal(removed.after, null);

  const first = await rest('GET', '/audit?limit=2', undefined, ADMIN);
  const link = /^<([^>]+)>; rel="next"$/.exec(first.headers.link)[1];
  const second = await rest('GET', link, undefined, ADMIN);
  assert.deepEqual([...first.json, ...second.json], audit.json);
  assert.equal(second.headers.link, undefined);

  const admin = ['--as', 'root', '--roles', 'mcp.admin'];
  const shown = await gateway.cli(['audit', '--resource', 'weather', ...admin]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /alice +adapter\.replace +weather +replicaCount 1 -> 3/);
  const asJson = await gateway.cli(['audit', '--limit', '1', '--json', ...admin]);
  assert.deepEqual(JSON.parse(asJson.stdout), audit.json.slice(0, 1));
  const refused = await gateway.cli(['audit', '--as', 'alice']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /administrators/);
});

test('the end of a session is in the audit log', async (t) => {
  const gateway = await Gateway.start(endOf(t));
  await gateway.apply(exampleAdapter('example'));
  await connect(endOf(t), 'sdk', gateway.mcpUrl('example'));
  const list = await until('the session', async () => {
    const answer = await gateway.rest('GET', '/sessions', { headers: ADMIN });
    return answer.json.length === 1 && answer.json;
  });
  const ended = await gateway.rest('DELETE', `/sessions/${list[0].id}`, { headers: ADMIN });
  assert.equal(ended.status, 204);
  const [record] = (await gateway.rest('GET', '/audit?limit=1', { headers: ADMIN })).json;
  assert.equal(record.action, 'session.end');
  assert.equal(record.resource, list[0].id);
  assert.match(record.detail, /adapter example/);
});

test('a backup is made while changes go on, and brings back what was', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'copy.db');
  const gateway = await Gateway.start(endOf(t), { folder });
  await gateway.apply(exampleAdapter('example'));
  let goesOn = true;
  let acknowledged = 0;
  const changes = (async () => {
    for (let n = 0; goesOn; n++) {
      const answer = await gateway.rest('POST', '/adapters', { body: fromUrl(`x-${n}`) });
      assert.equal(answer.status, 201, answer.text);
      acknowledged = n + 1;
    }
  })();
  await until('some changes', () => acknowledged >= 5);
  const before = acknowledged;
  const made = await cli(['backup', file, '--data-dir', gateway.dataDir, '--json']);
  const after = acknowledged + 1;
  goesOn = false;
  await changes;
  assert.equal(made.code, 0, made.stderr);
  const facts = JSON.parse(made.stdout);
  assert.equal(facts.file, file);
  assert.ok(facts.resources > before && facts.resources <= after + 1, `${before} ${made.stdout}`);
  assert.equal(facts.auditRecords, facts.resources, 'each change with its record');
  assert.equal(statSync(file).mode & 0o777, 0o600);

  const again = await cli(['backup', file, '--data-dir', gateway.dataDir]);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /exists already; --force/);
  const whileRunning = await cli(['restore', file, '--data-dir', gateway.dataDir, '--yes']);
  assert.equal(whileRunning.code, 1);
  assert.match(whileRunning.stderr, /in use/);

  for (let n = 0; n < before; n++) await gateway.rest('DELETE', `/adapters/x-${n}`);
  const left = await names(gateway);
  await gateway.stop();
  const unsure = await cli(['restore', file, '--data-dir', gateway.dataDir]);
  assert.equal(unsure.code, 2);
  assert.match(unsure.stderr, /--yes/);
  const restored = await cli(['restore', file, '--data-dir', gateway.dataDir, '--yes', '--json']);
  assert.equal(restored.code, 0, restored.stderr);
  const { former } = JSON.parse(restored.stdout);
  assert.ok(existsSync(former));

  const next = await Gateway.start(endOf(t), { folder });
  const found = await names(next);
  assert.equal(found.length, facts.resources);
  for (let n = 0; n < before; n++) assert.ok(found.includes(`x-${n}`), `x-${n}`);
  await next.healthy('example', 1);
  // At first the data plane knows the instance of the last run, from its own disk.
  await until('the new instance in the data plane', async () =>
    (await post(next.mcpUrl('example'), initialize())).status === 200);
  const session = await connect(endOf(t), 'sdk', next.mcpUrl('example'));
  assert.equal(await count(session), 1);
  await next.stop();

  const back = await cli(['restore', former, '--data-dir', next.dataDir, '--yes']);
  assert.equal(back.code, 0, back.stderr);
  const last = await Gateway.start(endOf(t), { folder });
  assert.deepEqual(await names(last), left);
});

test('a damaged database stops the start, and the sentence is the way out', async (t) => {
  const folder = temporaryFolder(t);
  const gateway = await Gateway.start(endOf(t), { folder });
  for (let n = 0; n < 40; n++) {
    const body = fromUrl(`x-${n}`, { description: 'd'.repeat(1000) });
    assert.equal((await gateway.rest('POST', '/adapters', { body })).status, 201);
  }
  const made = await cli(['backup', '--data-dir', gateway.dataDir]);
  assert.equal(made.code, 0, made.stderr);
  const [name] = readdirSync(join(gateway.dataDir, 'backups'));
  await gateway.stop();
  const database = join(gateway.dataDir, 'controlplane.db');
  const bytes = readFileSync(database);
  bytes.fill(0x5a, 4096, 5 * 4096);
  writeFileSync(database, bytes);

  const ports = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
  const ended = await cli(['up', '--data-dir', gateway.dataDir, ...ports]);
  assert.equal(ended.code, 1, ended.stderr);
  assert.ok(ended.stderr.includes(database), ended.stderr);
  const [, file] = /mcp-gateway restore (\S+) --data-dir/.exec(ended.stderr);
  assert.equal(file, join(gateway.dataDir, 'backups', name));
  assert.equal((await cli(['restore', file, '--data-dir', gateway.dataDir, '--yes'])).code, 0);
  const next = await Gateway.start(endOf(t), { folder });
  assert.equal((await names(next)).length, 40);
});

// A mount namespace of its own with a small file system for the data directory.
function smallDisk(folder) {
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  const flags = process.getuid() === 0 ? ['--mount'] : ['--mount', '--map-root-user'];
  const script = 'mount -t tmpfs -o size=16m,mode=700 none "$0" && exec "$@"';
  return ['unshare', ...flags, 'sh', '-c', script, dataDir];
}

function fill(file) {
  const fd = openSync(file, 'w');
  try {
    for (const size of [1 << 20, 1 << 12]) {
      const bytes = Buffer.alloc(size);
      try {
        for (;;) writeSync(fd, bytes);
      } catch (error) {
        assert.equal(error.code, 'ENOSPC');
      }
    }
  } finally {
    closeSync(fd);
  }
}

// The control plane's own answer: the gateway's /readyz says whether there is traffic.
function readiness(folder) {
  return new Promise((resolve, reject) => {
    const options = { socketPath: join(folder, 'api.sock'), path: '/readyz' };
    http.get(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', reject);
  });
}

test('on a full disk nothing is lost, traffic goes on, and changes do later', async (t) => {
  const folder = temporaryFolder(t);
  const gateway = await Gateway.start(endOf(t), { folder, before: smallDisk(folder) });
  await gateway.apply(exampleAdapter('example'));
  const session = await connect(endOf(t), 'sdk', gateway.mcpUrl('example'));
  assert.equal(await count(session), 1);
  const inside = `/proc/${gateway.child.pid}/root${gateway.dataDir}`;
  const put = (n) => {
    const body = fromUrl('x', { description: String(n).padEnd(4000, '.') });
    return n === 0 ? gateway.rest('POST', '/adapters', { body })
      : gateway.rest('PUT', '/adapters/x', { body });
  };
  assert.equal((await put(0)).status, 201);
  assert.equal(await readiness(inside), 200);

  fill(join(inside, 'filler'));
  // What the log of the database has room for is still taken.
  let last = 0;
  let refused;
  for (let n = 1; n < 2000 && !refused; n++) {
    const answer = await put(n);
    if (answer.status === 200) last = n;
    else refused = answer;
  }
  assert.equal(refused?.status, 507, refused?.text);
  assert.match(refused.headers['content-type'], /^application\/problem\+json/);
  assert.match(refused.json.detail, /disk is full/);
  assert.equal(await readiness(inside), 507);
  const present = async () =>
    Number.parseInt((await gateway.rest('GET', '/adapters/x')).json.description, 10);
  assert.equal(await present(), last);
  assert.equal(await count(session), 2);
  const another = await connect(endOf(t), 'client', gateway.mcpUrl('example'));
  assert.equal(await count(another), 1);
  assert.equal((await gateway.rest('GET', '/audit?limit=1', { headers: ADMIN })).status, 200);

  // Its successor finds all of it, on a disk that is as full.
  await gateway.kill(gateway.controlplane);
  await until('the next control plane', async () =>
    (await gateway.rest('GET', '/adapters/x')).status === 200);
  assert.equal(await present(), last);
  assert.equal(await count(session), 3);

  rmSync(join(inside, 'filler'));
  const answer = await put(5000);
  assert.equal(answer.status, 200, answer.text);
  assert.equal(await readiness(inside), 200);
  assert.equal(await present(), 5000);
  await gateway.kill(gateway.controlplane);
  await until('the next control plane', async () =>
    (await gateway.rest('GET', '/adapters/x')).status === 200);
  assert.equal(await present(), 5000);
});
