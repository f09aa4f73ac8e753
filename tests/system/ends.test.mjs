// However `up` ends, everything that it started ends with it: both planes, the shims, the servers,
// the bridges and their children. (Every other test proves the same of its gateway, by SIGTERM.)
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, count } from './lib/clients.mjs';
import { endOf } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { RawConnection } from './lib/http.mjs';
import { inSession, open } from './lib/mcp.mjs';
import { EXAMPLE_SERVER, everythingCommand } from './lib/programs.mjs';
import { until, within } from './lib/wait.mjs';

async function busyGateway(t, args = []) {
  const gateway = await Gateway.start(endOf(t), { args });
  await gateway.apply(exampleAdapter('example', { replicaCount: 2 }));
  await gateway.apply({ name: 'bridged', command: everythingCommand('stdio'), transport: 'stdio' });
  for (const name of ['example', 'bridged']) await open(gateway.mcpUrl(name));
  const stdio = gateway.look().filter((one) => one.command.at(-1) === 'stdio');
  assert.ok(stdio.length >= 1, 'the bridge has a child');
  assert.equal(gateway.servers().length, 2);
  return gateway;
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGKILL']) {
  test(`${signal} leaves nothing behind`, async (t) => {
    const gateway = await busyGateway(t);
    await gateway.stop(signal);
  });

  test(`${signal} leaves nothing behind after both planes have died before`, async (t) => {
    const gateway = await busyGateway(t);
    await gateway.kill(gateway.controlplane);
    await gateway.kill(gateway.dataplane);
    await gateway.healthy('example', 2);
    await gateway.stop(signal);
  });
}

test('SIGKILL of everything but the servers leaves nothing behind', async (t) => {
  const gateway = await busyGateway(t);
  const planes = [gateway.controlplane().pid, gateway.dataplane().pid];
  process.kill(gateway.child.pid, 'SIGSTOP');
  for (const pid of planes) process.kill(pid, 'SIGKILL');
  await gateway.stop('SIGKILL');
});

test('a server that ignores SIGTERM ends too', async (t) => {
  const gateway = await Gateway.start(endOf(t));
  const script = `trap "" TERM INT HUP; "${EXAMPLE_SERVER}"; sleep 1000`;
  const created = await gateway.rest('POST', '/adapters', {
    body: { name: 'stubborn', command: ['/bin/sh', '-c', script] },
  });
  assert.equal(created.status, 201, created.text);
  await gateway.healthy('stubborn', 1);
  await gateway.stop();
});

test('SIGTERM lets a running call finish', async (t) => {
  const gateway = await Gateway.start(endOf(t), { args: ['--drain-seconds', '20'] });
  await gateway.apply(exampleAdapter('example'));
  const session = await connect(endOf(t), 'client', gateway.mcpUrl('example'));
  assert.equal(await count(session), 1);
  const progress = [];
  const running = session.client.callTool(
    { name: 'progress', arguments: { steps: 50 } },
    { onprogress: (one) => progress.push(one.progress) },
  );
  await until('the call is under way', () => progress.length > 0);
  const stopped = gateway.stop();
  const result = await within('the result', running);
  assert.equal(result.structuredContent.steps, 50);
  await session.client.close();
  await stopped;
});

test('a second SIGTERM does not wait for the drain', async (t) => {
  const gateway = await Gateway.start(endOf(t), { args: ['--drain-seconds', '600'] });
  await gateway.apply(exampleAdapter('example'));
  const url = gateway.mcpUrl('example');
  const id = await open(url);
  const stream = await RawConnection.open(gateway.url);
  const headers = Object.entries(inSession(id)).map(([name, value]) => `${name}: ${value}\r\n`);
  stream.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n`);
  stream.write(`Accept: text/event-stream\r\n${headers.join('')}\r\n`);
  await until('the stream is open', () => stream.bytes.includes('200'));
  process.kill(gateway.child.pid, 'SIGTERM');
  await until('it drains', async () => {
    const answer = await gateway.rest('GET', '/readyz').catch(() => undefined);
    return answer === undefined || answer.status !== 200;
  });
  process.kill(gateway.child.pid, 'SIGTERM');
  await within('the end', gateway.exit, 15_000);
  await gateway.nothingLeft();
  stream.destroy();
});

test('deleting an adapter ends its servers', async (t) => {
  const gateway = await busyGateway(t);
  for (const name of ['example', 'bridged']) {
    const deleted = await gateway.rest('DELETE', `/adapters/${name}`);
    assert.equal(deleted.status, 204, deleted.text);
  }
  await until('the end of the servers', () =>
    gateway.look().every((one) => one.program.startsWith('mcp-gateway-dataplane') ||
      one.program.startsWith('mcp-gateway-controlplane')));
});
