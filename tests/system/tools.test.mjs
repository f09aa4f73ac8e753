// Tools: kept, deployed, watched and removed like adapters, under /tools, and not yet to be called
// through the gateway.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { imageAdapter, TestCluster } from './lib/cluster.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { isAlive } from './lib/processes.mjs';
import { until } from './lib/wait.mjs';

const end = endOfFile();

// Definitions are compared as texts: an order of members and numbers that must not change.
const definition = (name, fields = {}) => `{"tool":{"title":"Z","name":"${name}",`
  + '"inputSchema":{"type":"object","properties":{"zebra":{"maximum":12345678901234567890},'
  + '"ant":{"multipleOf":0.10}}},"x-own":[1.0]}'
  + `,"port":${fields.port ?? 8000},"path":"${fields.path ?? '/score'}"}`;

const body = (server, fields) => (
  `${JSON.stringify(server).slice(0, -1)},"toolDefinition":${definition(server.name, fields)}}`);
const tool = (name, { port, path, ...fields } = {}) => (
  body(exampleAdapter(name, fields), { port, path }));

function assertProblem(answer, status, pattern) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'], /^application\/problem\+json/);
  assert.equal(answer.json.status, status);
  assert.match(answer.json.detail, pattern ?? /./);
}

const toolStatus = async (gateway, name) => {
  const answer = await gateway.rest('GET', `/tools/${name}/status`);
  assert.equal(answer.status, 200, answer.text);
  return answer.json;
};
const healthyTool = (gateway, name, replicas) => until(`${replicas} ready of ${name}`, async () => {
  const status = await toolStatus(gateway, name);
  gateway.look();
  return status.readyReplicas === replicas && status.updatedReplicas === replicas
    && status.replicaStatus === 'Healthy' && status;
});

describe('as local processes', () => {
  let gateway;
  let folder;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
    end(() => rmSync(folder, { recursive: true, force: true }));
    gateway = await Gateway.start(end);
  });
  const rest = (method, path, text, headers) => gateway.rest(method, path, { body: text, headers });
  const made = async (t, text) => {
    const answer = await rest('POST', '/tools', text);
    assert.equal(answer.status, 201, answer.text);
    endOf(t)(() => rest('DELETE', `/tools/${answer.json.name}`));
    return answer;
  };

  test('the life of a tool', async (t) => {
    const first = await made(t, tool('life', { replicaCount: 2 }));
    assert.equal(first.headers.location, '/tools/life');
    assert.equal(first.headers.etag, `"${first.json.version}"`);
    assert.equal(first.json.createdBy, 'dev');
    assert.ok(first.text.includes(`"toolDefinition":${definition('life')}`), first.text);
    assert.equal((await rest('GET', '/tools/life')).text, first.text);
    assert.deepEqual((await rest('GET', '/tools')).json.map((one) => one.name), ['life']);
    assert.deepEqual((await rest('GET', '/adapters')).json, []);

    const status = await healthyTool(gateway, 'life', 2);
    assert.deepEqual(status.instances.map((one) => one.name), ['life-0', 'life-1']);
    const logs = await rest('GET', '/tools/life/logs?instance=1');
    assert.match(logs.text, /ready http:\/\/127\.0\.0\.1/);
    assertProblem(await rest('GET', '/tools/life/logs?instance=2'), 404);

    const changed = tool('life', { path: '/go', environmentVariables: { A: '1' } });
    const old = { 'If-Match': '"888888", "999999"' };
    assertProblem(await rest('PUT', '/tools/life', changed, old), 412);
    const second = await rest('PUT', '/tools/life', changed, { 'If-Match': first.headers.etag });
    assert.equal(second.status, 200, second.text);
    assert.equal(second.json.toolDefinition.path, '/go');
    assert.equal(second.json.createdAt, first.json.createdAt);
    await healthyTool(gateway, 'life', 1);
    // The one before the change ends when its successor is ready.
    const servers = await until('one server', () => {
      const all = gateway.servers();
      return all.length === 1 && all;
    });

    assert.equal((await rest('DELETE', '/tools/life')).status, 204);
    assertProblem(await rest('DELETE', '/tools/life'), 404, /no tool life/);
    assertProblem(await rest('GET', '/tools/life/status'), 404);
    await until('the end of its server', () => !isAlive(servers[0]));
  });

  test('a change does not wait for sessions that a tool cannot have', async (t) => {
    const slow = await Gateway.start(endOf(t), { args: ['--drain-seconds', '600'] });
    await slow.rest('POST', '/tools', { body: tool('quick') });
    const [{ since, address }] = (await healthyTool(slow, 'quick', 1)).instances;
    const text = tool('quick', { environmentVariables: { B: '2' } });
    assert.equal((await slow.rest('PUT', '/tools/quick', { body: text })).status, 200);
    await until('another run', async () => {
      const { instances: [one], replicaStatus } = await toolStatus(slow, 'quick');
      return (one.since !== since || one.address !== address) && replicaStatus === 'Healthy';
    });
    await slow.rest('DELETE', '/tools/quick');
    await until('nothing of it', () => slow.servers().length === 0);
  });

  test('names are those of both kinds', async (t) => {
    await made(t, tool('both'));
    const adapter = JSON.stringify(exampleAdapter('both'));
    assertProblem(await rest('POST', '/adapters', adapter), 409, /that of the tool both/);
    assertProblem(await rest('POST', '/tools', tool('both')), 409, /a tool both already/);
    for (const path of ['/adapters/both', '/adapters/both/status', '/adapters/both/logs']) {
      assertProblem(await rest('GET', path), 404, /no adapter both/);
    }
    assertProblem(await rest('PUT', '/adapters/both', adapter), 404);
    assertProblem(await rest('DELETE', '/adapters/both'), 404);
    assert.equal((await rest('GET', '/tools/both')).status, 200);
    await gateway.apply(exampleAdapter('other'));
    endOf(t)(() => rest('DELETE', '/adapters/other'));
    assertProblem(await rest('POST', '/tools', tool('other')), 409, /that of the adapter other/);
    assertProblem(await rest('GET', '/tools/other'), 404, /no tool other/);
    assertProblem(await rest('DELETE', '/tools/other'), 404);
  });

  test('a tool is no MCP server', async (t) => {
    await made(t, tool('plain'));
    await healthyTool(gateway, 'plain', 1);
    const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
    const answer = await rest('POST', '/adapters/plain/mcp', call);
    assert.equal(answer.status, 404);
    assert.equal(answer.json.error.code, -32000);
  });

  test('a name that was an adapter and becomes a tool is routed no more', async (t) => {
    await gateway.apply(exampleAdapter('turned'));
    assert.equal((await rest('DELETE', '/adapters/turned')).status, 204);
    await made(t, tool('turned'));
    await healthyTool(gateway, 'turned', 1);
    const call = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
    await until('404', async () => (
      (await rest('POST', '/adapters/turned/mcp', call)).json?.error?.code === -32000));
  });

  test('what is wrong is named, all of it at once', async () => {
    const wrong = JSON.stringify({
      ...exampleAdapter('wrong'), colour: 'red', replicaCount: -1,
      toolDefinition: {
        tool: { name: 'right', inputSchema: { type: 'string' }, annotations: { readOnlyHint: 1 } },
        port: 65536, path: '/@169.254.169.254/metadata', verb: 'GET',
      },
    });
    const answer = await rest('POST', '/tools', wrong);
    assertProblem(answer, 400);
    assert.deepEqual(Object.keys(answer.json.errors).sort(), [
      'colour', 'replicaCount', 'toolDefinition.path', 'toolDefinition.port',
      'toolDefinition.tool.annotations.readOnlyHint', 'toolDefinition.tool.inputSchema.type',
      'toolDefinition.tool.name', 'toolDefinition.verb',
    ]);
    const bare = await rest('POST', '/tools', JSON.stringify(exampleAdapter('bare')));
    assertProblem(bare, 400);
    assert.deepEqual(Object.keys(bare.json.errors), ['toolDefinition']);
    const dressed = await rest('POST', '/adapters', tool('dressed'));
    assertProblem(dressed, 400);
    assert.match(dressed.json.errors.toolDefinition[0], /\/tools/);
    const image = await rest('POST', '/tools', body(imageAdapter('image')));
    assertProblem(image, 422, /kubernetes deployer/);
    assertProblem(await rest('GET', '/tools?limit=0'), 400);
    const misspelt = await rest('GET', '/tools?limits=5');
    assertProblem(misspelt, 400);
    assert.deepEqual(Object.keys(misspelt.json.errors), ['limits']);
    assertProblem(await rest('PATCH', '/tools/x'), 405);
    assertProblem(await rest('GET', '/tools/x/y'), 404);
    assert.deepEqual((await rest('GET', '/tools')).json, []);
  });

  test('who may see and who may change a tool', async (t) => {
    await made(t, tool('shared', {
      requiredRoles: ['team'], environmentVariables: { KEY: 'secret' },
    }));
    const stranger = { 'X-Dev-UserId': 'eve', 'X-Dev-Roles': 'nothing' };
    const member = { 'X-Dev-UserId': 'bob', 'X-Dev-Roles': 'Team' };
    const admin = { 'X-Dev-UserId': 'root', 'X-Dev-Roles': 'MCP.Admin' };
    const asked = (method, path, headers) => rest(method, path, undefined, headers);
    assertProblem(await asked('GET', '/tools/shared', stranger), 404);
    assertProblem(await asked('GET', '/tools/shared/status', stranger), 404);
    assertProblem(await asked('GET', '/tools/shared/logs', stranger), 404);
    assertProblem(await asked('DELETE', '/tools/shared', stranger), 404);
    assert.deepEqual((await asked('GET', '/tools', stranger)).json, []);
    const read = await asked('GET', '/tools/shared', member);
    assert.equal(read.json.environmentVariables.KEY, '***');
    assert.ok(read.text.includes(definition('shared')));
    assertProblem(await rest('PUT', '/tools/shared', tool('shared'), member), 403, /tool shared/);
    assertProblem(await asked('DELETE', '/tools/shared', member), 403);
    assert.equal((await rest('PUT', '/tools/shared', tool('shared'), admin)).status, 200);
    assert.equal((await rest('GET', '/tools/shared')).json.createdBy, 'dev');
  });

  test('tools outlive their control plane, and their servers do, too', async (t) => {
    const first = await made(t, tool('kept'));
    await healthyTool(gateway, 'kept', 1);
    const [server] = gateway.servers();
    await gateway.kill(gateway.controlplane);
    await until('the management API', async () => (
      (await rest('GET', '/tools/kept')).text === first.text));
    await healthyTool(gateway, 'kept', 1);
    assert.equal(gateway.servers()[0].pid, server.pid);
  });

  test('the command: apply, wait, list, get, status, logs, delete', async () => {
    const file = join(folder, 'tools.json');
    writeFileSync(file, `[${tool('cmd-a', { replicaCount: 2 })},\n${tool('cmd-b')}]`);
    const run = async (...args) => {
      const ended = await gateway.cli(['tools', ...args]);
      assert.equal(ended.code, 0, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`);
      return ended;
    };
    const applied = await run('apply', '-f', file, '--wait');
    assert.equal(applied.stdout, 'cmd-a created\ncmd-b created\ncmd-a ready\ncmd-b ready\n');
    assert.match(applied.stderr, /^cmd-a: /m);
    assert.equal((await run('apply', '-f', file)).stdout, 'cmd-a unchanged\ncmd-b unchanged\n');
    // Ready is what was asked for last, not what was ready before.
    writeFileSync(file, tool('cmd-a', { environmentVariables: { NEW: '1' } }));
    const [{ status }] = JSON.parse((await run('apply', '-f', file, '--wait', '--json')).stdout);
    assert.equal(status.observedVersion, status.version);
    assert.deepEqual([status.updatedReplicas, status.instances.length], [1, 1]);
    assert.match((await run('list')).stdout, /cmd-a .*:8000\/score/);
    assert.match((await run('get', 'cmd-a')).stdout, /12345678901234567890/);
    assert.match((await run('status', 'cmd-a', '--wait', '--timeout', '10s')).stdout, /^Healthy/);
    assert.match((await run('logs', 'cmd-a')).stdout, /ready http/);
    await run('delete', 'cmd-a');
    await run('delete', 'cmd-b');
    writeFileSync(file, tool('cmd-c', { command: ['/nowhere/at-all'] }));
    const late = await gateway.cli(['tools', 'apply', '-f', file, '--wait', '--timeout', '1']);
    assert.equal(late.code, 1);
    assert.match(late.stderr, /cmd-c is not ready after 1 s: .*\/nowhere\/at-all/);
    await run('delete', 'cmd-c');
    const confused = await gateway.cli(['adapters', 'apply', '-f', file]);
    assert.equal(confused.code, 2);
    assert.match(confused.stderr, /toolDefinition .*\/tools/);
  });
});

describe('on Kubernetes', () => {
  let cluster;
  let gateway;
  before(async () => {
    cluster = await TestCluster.start(end);
    gateway = await cluster.gateway(end);
  });
  const rest = (method, path, text) => gateway.rest(method, path, { body: text });
  const imageTool = (name, fields) => body(imageAdapter(name), fields);
  const clusterIP = (name) => cluster.object('Service', `${name}-service`)?.spec.clusterIP;

  test('a tool gets a Service with an address, and the port of its definition', async () => {
    const answer = await rest('POST', '/tools', imageTool('served', { port: 9321 }));
    assert.equal(answer.status, 201, answer.text);
    await healthyTool(gateway, 'served', 1);
    assert.match(clusterIP('served'), /^\d+\.\d+\.\d+\.\d+$/);
    const set = cluster.object('StatefulSet', 'served');
    for (const object of [set, cluster.object('Service', 'served-service'), set.spec.template]) {
      assert.equal(object.metadata.labels['adapter/type'], 'tool');
      assert.equal(object.metadata.labels['adapter/name'], 'served');
    }
    const [container] = set.spec.template.spec.containers;
    assert.equal(container.ports[0].containerPort, 9321);
    assert.ok(container.env.some((one) => one.name === 'PORT' && one.value === '9321'));
    assert.equal((await rest('DELETE', '/tools/served')).status, 204);
    await cluster.gone('served');
  });

  test('the objects of a name that changes its kind are made anew', async () => {
    await gateway.apply(imageAdapter('turns'));
    assert.equal(clusterIP('turns'), 'None');
    // Without time in between to remove what was there.
    assert.equal((await rest('DELETE', '/adapters/turns')).status, 204);
    assert.equal((await rest('POST', '/tools', imageTool('turns'))).status, 201);
    await until('an address', () => /^\d+\./.test(clusterIP('turns') ?? ''));
    await healthyTool(gateway, 'turns', 1);
    assert.equal(
      cluster.object('StatefulSet', 'turns').spec.selector.matchLabels['adapter/type'], 'tool',
    );
    assert.equal((await rest('DELETE', '/tools/turns')).status, 204);
    const back = await rest('POST', '/adapters', JSON.stringify(imageAdapter('turns')));
    assert.equal(back.status, 201);
    await until('no address', () => clusterIP('turns') === 'None');
    await gateway.healthy('turns', 1);
    assert.equal((await rest('DELETE', '/adapters/turns')).status, 204);
    await cluster.gone('turns');
  });

  test('a Service of somebody else is left alone', async () => {
    cluster.place({
      apiVersion: 'v1', kind: 'Service', metadata: { name: 'theirs-service' },
      spec: { ports: [{ port: 1 }] },
    });
    assertProblem(await rest('POST', '/tools', imageTool('theirs')), 409, /has not made/);
    assert.equal((await rest('GET', '/tools/theirs')).status, 404);
  });

  test('--wait tells why an image does not run', async () => {
    const input = JSON.stringify({ ...JSON.parse(imageTool('absent')), imageName: 'missing' });
    const args = ['tools', 'apply', '-f', '-', '--wait', '--timeout', '5s'];
    const late = await gateway.cli(args, { input });
    assert.equal(late.code, 1);
    assert.match(late.stderr, /^absent: 0\/1 ready.*$/m);
    assert.match(late.stderr, /absent is not ready after 5 s: .*cannot pull the image/);
    assert.equal((await rest('DELETE', '/tools/absent')).status, 204);
    await cluster.gone('absent');
  });
});
