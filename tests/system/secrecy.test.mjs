// The search for secrets that ends every gateway of these tests (lib/gateway.mjs) finds them: a
// search that finds nothing is only worth something if it can.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TestCluster } from './lib/cluster.mjs';
import { endOf } from './lib/ends.mjs';
import { exampleAdapter, Gateway, run } from './lib/gateway.mjs';
import { request } from './lib/http.mjs';
import { confide, leaksBelow, leaksIn, MARKER } from './lib/secrecy.mjs';
import { newKey, sign } from './lib/token_issuer.mjs';

const random = (bytes) => randomBytes(bytes).toString('base64url');
const aToken = () => sign(newKey(), { iss: 'https://idp.example', sub: 'ann', aud: 'x' });

test('a token is found, and its payload and signature alone', async () => {
  const token = await aToken();
  const [, payload, signature] = token.split('.');
  for (const piece of [token, payload, signature]) {
    assert.ok(leaksIn(`before ${piece} after`).includes('an access token'), piece);
  }
  assert.deepEqual(leaksIn('a log line about nobody'), []);
});

test('what only looks like a secret is found', () => {
  const suspects = {
    'a JWT': `eyJ${random(20)}.eyJ${random(20)}.${random(32)}`,
    'an API token': `mcpgw_${random(32)}`,
    'a bearer token': `Authorization: Bearer ${random(24)}`,
    'a private key': '-----BEGIN EC PRIVATE KEY-----',
    'a secret of the tests': `password=${MARKER}-7`,
  };
  for (const [kind, text] of Object.entries(suspects)) {
    assert.ok(leaksIn(text).includes(kind), text);
  }
});

test('a finding does not repeat the secret', async () => {
  const token = await aToken();
  assert.ok(!JSON.stringify(leaksIn(token)).includes(token.slice(-20)));
});

test('files are searched for what was confided, wherever they are', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgw-secrecy-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const secret = confide(random(32), 'a test secret');
  mkdirSync(join(folder, 'a/b'), { recursive: true });
  writeFileSync(join(folder, 'a/b/c.db'), Buffer.concat([randomBytes(100), Buffer.from(secret)]));
  writeFileSync(join(folder, 'a/other'), 'nothing');
  assert.deepEqual(leaksBelow(folder), [`${join(folder, 'a/b/c.db')}: a test secret`]);
});

// A gateway is made to leak by a hand of the test; its end must fail for that reason alone.
const leaks = {
  'its log': (gateway, secret) => appendFileSync(gateway.logFile, `{"token":"${secret}"}\n`),
  'its audit file': (gateway, secret) => appendFileSync(gateway.auditFile, `{"t":"${secret}"}\n`),
  'a file of the data directory': (gateway, secret) =>
    writeFileSync(join(gateway.dataDir, 'rest'), secret),
  'its output': (gateway, secret) => gateway.output.push(secret),
  'a command line': (gateway, secret) =>
    gateway.seen.set('1 0', { pid: 2 ** 30, startTime: '0', command: ['x', secret] }),
};
for (const [where, leak] of Object.entries(leaks)) {
  test(`a gateway fails that has written a token into ${where}`, async (t) => {
    const gateway = await Gateway.start(() => {});
    t.after(() => rmSync(gateway.folder, { recursive: true, force: true }));
    leak(gateway, await aToken());
    await assert.rejects(gateway.stop(), /secrets were written/);
  });
}

// What the end of a cluster complains of in which these objects were for a while.
async function complaintsAbout(...objects) {
  const ends = [];
  const cluster = await TestCluster.start((end) => ends.push(end));
  for (const object of objects) cluster.place({ apiVersion: 'v1', ...object });
  for (const { kind, metadata } of objects) cluster.delete(kind, metadata.name);
  const results = await Promise.allSettled(ends.reverse().map(async (end) => end()));
  return results.flatMap(({ reason }) => (reason ? reason.actual ?? [reason] : []));
}

test('a cluster fails that had a token in an object other than a Secret', async () => {
  const token = await aToken();
  const metadata = { name: 'words' };
  const secret = { kind: 'Secret', metadata, stringData: { token } };
  assert.deepEqual(await complaintsAbout(secret), []);
  const annotations = { 'example.test/token': token };
  const spec = { ports: [{ port: 1 }] };
  const service = { kind: 'Service', metadata: { ...metadata, annotations }, spec };
  assert.ok((await complaintsAbout(secret, service)).includes('Service words: an access token'));
});

test('an answer and a command fail that give away a token', async (t) => {
  const secret = confide(random(32), 'a test secret');
  const server = http.createServer((_, response) => response.end(`{"token":"${secret}"}`));
  t.after(() => server.close());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  await assert.rejects(request(url, 'GET', '/'), /the answer to GET \/ has a test secret in it/);
  await assert.rejects(run('/bin/echo', [secret]), /what \/bin\/echo says has a test secret in it/);
});

test('command lines of servers are searched as well', async (t) => {
  const gateway = await Gateway.start(() => {});
  t.after(() => rmSync(gateway.folder, { recursive: true, force: true }));
  const adapter = exampleAdapter('example');
  adapter.command = ['/bin/sh', '-c', '"$0"; exit', ...adapter.command, MARKER];
  await gateway.apply(adapter);
  gateway.look();
  await assert.rejects(gateway.stop(), /command lines: a secret of the tests/);
});

test('a gateway that has written nothing passes', async (t) => {
  await aToken();
  const gateway = await Gateway.start(endOf(t));
  await gateway.apply(exampleAdapter('example'));
});
