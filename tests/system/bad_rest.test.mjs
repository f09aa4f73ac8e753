// Bodies and names that the management API refuses, each with a problem document that says where
// the mistake is; and nothing of them is kept.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
  await gateway.apply(exampleAdapter('existing'));
});

function assertProblem(answer, status) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'], /^application\/problem\+json/);
  assert.equal(answer.json.status, status);
  for (const member of ['type', 'title', 'detail']) {
    assert.equal(typeof answer.json[member], 'string', `${member} in ${answer.text}`);
  }
}

const post = (body) => gateway.rest('POST', '/adapters', { body });
const put = (name, body) => gateway.rest('PUT', `/adapters/${name}`, { body });

// The field is named, and the list of adapters stays as it was.
function refusedField(name, field, body, complaint = /./) {
  test(name, async () => {
    const answer = await post(body);
    assertProblem(answer, 400);
    assert.ok(field in answer.json.errors, `${field} in ${answer.text}`);
    assert.match(answer.json.errors[field].join(' '), complaint);
    const list = await gateway.rest('GET', '/adapters');
    assert.deepEqual(list.json.map((one) => one.name), ['existing']);
  });
}

describe('fields', () => {
  const with_ = (fields) => exampleAdapter('fresh', fields);
  refusedField('unknown', 'replicas', with_({ replicas: 2 }));
  refusedField('unknown inside', 'timeouts.connect', with_({ timeouts: { connect: 1 } }));
  refusedField('a near miss of a known one', 'replicacount', with_({ replicacount: 2 }));
  refusedField('missing name', 'name', { command: ['/bin/true'] });
  refusedField('no source', 'url', { name: 'fresh' });
  refusedField('two sources', 'url', with_({ url: 'http://127.0.0.1:1/mcp' }));
  refusedField('too many replicas', 'replicaCount', with_({ replicaCount: 1001 }));
  refusedField('fewer than no replicas', 'replicaCount', with_({ replicaCount: -1 }));
  refusedField('half a replica', 'replicaCount', with_({ replicaCount: 1.5 }));
  refusedField('a number as text', 'replicaCount', with_({ replicaCount: '2' }));
  refusedField('an empty command', 'command', with_({ command: [] }));
  refusedField('a command that is no list', 'command', with_({ command: '/bin/true' }));
  refusedField('an unknown transport', 'transport', with_({ transport: 'carrier-pigeon' }));
  refusedField('a url that is none', 'url', { name: 'fresh', url: 'ftp://127.0.0.1/mcp' });
  refusedField('a url that cannot speak stdio', 'transport',
    { name: 'fresh', url: 'http://127.0.0.1:1/mcp', transport: 'stdio' });

  test('five mistakes are told at once', async () => {
    const answer = await post({ name: '-', replicaCount: -1, transport: 1, path: 'x', color: 1 });
    assertProblem(answer, 400);
    const fields = ['color', 'name', 'path', 'replicaCount', 'transport'];
    for (const field of fields) assert.ok(field in answer.json.errors, `${field} ${answer.text}`);
  });
});

describe('names', () => {
  const invalid = ['', 'A', 'a_b', '-a', 'a-', 'a.b', 'a b', 'a/b', 'ä', '..', 'a'.repeat(51)];
  for (const name of [...invalid, 'mcp', 'toolgateway', 'gateway']) {
    refusedField(`'${name.slice(0, 20)}'`, 'name', exampleAdapter(name));
  }
  refusedField('a number', 'name', exampleAdapter(7));

  test('an invalid name in a path is not found', async () => {
    for (const name of ['A', 'a_b', '-a', 'nobody']) {
      assertProblem(await gateway.rest('GET', `/adapters/${name}`), 404);
      assertProblem(await gateway.rest('DELETE', `/adapters/${name}`), 404);
    }
  });

  test('the body of a PUT names its path', async () => {
    assertProblem(await put('existing', exampleAdapter('other')), 400);
    assertProblem(await put('nobody', exampleAdapter('nobody')), 404);
  });

  test('a name can be taken once', async () => {
    assertProblem(await post(exampleAdapter('existing')), 409);
  });
});

describe('JSON', () => {
  function refusedText(name, text, line, column) {
    test(name, async () => {
      const answer = await post(text);
      assertProblem(answer, 400);
      const place = new RegExp(`line ${line}, column ${column}\\b`);
      assert.match(answer.json.detail, place, answer.text);
    });
  }
  refusedText('nothing', '', 1, 1);
  refusedText('cut off', '{"name": "x"', 1, 13);
  refusedText('a missing comma', '{\n  "name": "x"\n  "replicaCount": 1\n}', 3, 3);
  refusedText('a trailing comma', '{\n  "name": "x",\n}', 3, 1);
  refusedText('a comment', '{\n  // x\n}', 2, 3);
  refusedText('an unquoted key', '{name: "x"}', 1, 2);
  refusedText('something after the end', '{}\n{}', 2, 1);
  refusedText('a column counts characters', '{"description": "äöü", x}', 1, 24);

  test('a key twice', async () => {
    const answer = await post('{"name": "x",\n "name": "y"}');
    assertProblem(answer, 400);
    assert.match(answer.json.detail, /line 2, column \d+\b.*name/);
  });

  test('no object', async () => {
    for (const text of ['[]', '"x"', '7', 'null']) assertProblem(await post(text), 400);
  });

  test('nesting without end', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    assertProblem(await post(deep), 400);
  });

  test('bytes that are no UTF-8', async () => {
    const { hostname, port } = new URL(gateway.url);
    const http = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      const options = { hostname, port, method: 'POST', path: '/adapters', agent: false };
      const call = http.request(options, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      call.on('error', reject);
      call.setHeader('Content-Type', 'application/json');
      call.end(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]));
    });
    assert.equal(status, 400);
  });
});

describe('what cannot be served', () => {
  test('an image needs a deployer for images', async () => {
    const answer = await post({ name: 'image', imageName: 'tools/x', imageVersion: '1.0' });
    assertProblem(answer, 422);
    assert.match(answer.json.detail, /image/);
  });

  test('unknown paths and methods', async () => {
    assert.equal((await gateway.rest('GET', '/adapters/existing/nothing')).status, 404);
    const patch = await gateway.rest('PATCH', '/adapters/existing', { body: {} });
    assert.equal(patch.status, 405, patch.text);
    assert.match(patch.headers.allow, /GET/);
    assert.match(patch.headers.allow, /PUT/);
    assert.match(patch.headers.allow, /DELETE/);
  });

  test('limits and cursors of lists', async () => {
    for (const query of ['limit=0', 'limit=1001', 'limit=x', 'limit=-1', 'cursor=~~']) {
      assertProblem(await gateway.rest('GET', `/adapters?${query}`), 400);
    }
  });

  test('logs of an instance that does not exist', async () => {
    assertProblem(await gateway.rest('GET', '/adapters/existing/logs?instance=7'), 404);
    assertProblem(await gateway.rest('GET', '/adapters/existing/logs?tail=-1'), 400);
  });

  test('a version that is not the current one', async () => {
    const headers = { 'If-Match': '"another"' };
    const body = exampleAdapter('existing', { description: 'changed' });
    const refused = await gateway.rest('PUT', '/adapters/existing', { body, headers });
    assertProblem(refused, 412);
    assertProblem(await gateway.rest('DELETE', '/adapters/existing', { headers }), 412);
    const now = await gateway.rest('GET', '/adapters/existing');
    assert.equal(now.json.description, '');
  });

  test('who may not read it does not find it, who may not write it is told so', async () => {
    const shared = exampleAdapter('shared', { requiredRoles: ['team'] });
    const created = await post(shared);
    assert.equal(created.status, 201, created.text);
    const stranger = { 'X-Dev-UserId': 'eve', 'X-Dev-Roles': 'nothing' };
    const member = { 'X-Dev-UserId': 'bob', 'X-Dev-Roles': 'team' };
    assertProblem(await gateway.rest('GET', '/adapters/shared', { headers: stranger }), 404);
    assertProblem(await gateway.rest('DELETE', '/adapters/shared', { headers: stranger }), 404);
    const read = await gateway.rest('GET', '/adapters/shared', { headers: member });
    assert.equal(read.status, 200, read.text);
    assertProblem(await gateway.rest('DELETE', '/adapters/shared', { headers: member }), 403);
    assert.equal((await gateway.rest('DELETE', '/adapters/shared')).status, 204);
  });
});
