// What clients are told when a server fails: the status, the code and the id of the contract, never
// 5xx for a probe, an error at once instead of silence, and no error at all for a server that only
// takes its time.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { before, describe, test } from 'node:test';
import { BEFORE, SILENCE_MS, SILENCES, startBadServer, WITHIN } from './lib/bad_server.mjs';
import { call, connect, failureOf, KINDS } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { ACCEPT, messageOf, messagesOf, modernRequest, post, toolCall } from './lib/mcp.mjs';
import { until, within } from './lib/wait.mjs';

const KEEP_ALIVE_MS = 15_000;
// The clients themselves give up after 60 s.
const AT_ONCE_MS = 15_000;

const discover = { jsonrpc: '2.0', id: 'probe', method: 'server/discover', params: {} };

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
  const server = await startBadServer(end);
  for (const name of [...BEFORE, ...WITHIN, ...SILENCES]) {
    const timeouts = name === 'late' ? { firstByteMs: 300 } : {};
    await gateway.apply({ name, url: server + name, timeouts });
  }
  const body = { name: 'unready', command: ['/nonexistent/server'] };
  const created = await gateway.rest('POST', '/adapters', { body });
  assert.equal(created.status, 201, created.text);
  // Nothing becomes ready here that one could wait for.
  await until('the data plane knows the adapter', async () => {
    const answer = await post(gateway.mcpUrl('unready'), discover);
    return !answer.text.includes('No such adapter');
  });
});

// A server that was ready and has just gone; the control plane may know of that already.
async function applyRefused(t) {
  const server = net.createServer((socket) => socket.destroy());
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => new Promise((resolve) => server.close(resolve));
  endOf(t)(close);
  await gateway.apply({ name: 'refused', url: `http://127.0.0.1:${server.address().port}/mcp` });
  await close();
  endOf(t)(() => gateway.rest('DELETE', '/adapters/refused'));
}

async function assertAnswer(name, status, code) {
  const answer = await post(gateway.mcpUrl(name), toolCall('a call', 'anything'));
  assert.ok([status].flat().includes(answer.status), `${answer.status} ${answer.text}`);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.deepEqual([answer.json.id, answer.json.error.code], ['a call', code]);
}

async function assertProbe(name) {
  const { headers, body } = modernRequest(discover);
  for (const [message, more] of [[discover, {}], [body, headers]]) {
    const answer = await post(gateway.mcpUrl(name), message, more);
    assert.equal(answer.status, 400, answer.text);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.deepEqual([answer.json.id, answer.json.error.code], ['probe', -32000]);
  }
}

describe('a failure before an answer', () => {
  const rows = {
    unready: [503, -32603],
    nobody: [404, -32000],
    reset: [502, -32603],
    close: [502, -32603],
    garbage: [502, -32603],
    'half-a-head': [502, -32603],
    late: [504, -32603],
  };
  for (const [name, row] of Object.entries(rows)) {
    test(`${name} is ${row[0]}, and 400 for a probe`, async () => {
      await assertAnswer(name, ...row);
      await assertProbe(name);
    });
  }

  test('a refused connection is 502, or 503 when that is known, and 400 for a probe', async (t) => {
    await applyRefused(t);
    await assertProbe('refused');
    await assertAnswer('refused', [502, 503], -32603);
  });

  test('500 of a server goes on as it is, and is 400 for a probe', async () => {
    const answer = await post(gateway.mcpUrl('status-500'), toolCall(1, 'anything'));
    assert.deepEqual([answer.status, answer.text], [500, 'Oh.']);
    await assertProbe('status-500');
  });
});

describe('a stream that stops', () => {
  for (const name of WITHIN) {
    test(`${name}: the last event is an error for the pending id`, async () => {
      const answer = await post(gateway.mcpUrl(name), toolCall('pending', 'anything'));
      assert.equal(answer.status, 200);
      // What was sent of an event that broke off is an event of its own, which clients drop.
      const { id, error } = JSON.parse(/data: ?(\{.*\})\r?\n\r?\n$/.exec(answer.text)[1]);
      assert.deepEqual([id, error.code], ['pending', -32603]);
    });

    for (const kind of KINDS) {
      test(`${name}: the ${kind} client is told at once`, async (t) => {
        const session = await connect(endOf(t), kind, gateway.mcpUrl(name));
        const failed = failureOf(call(session, 'anything'));
        const error = await within('the error of the call', failed, AT_ONCE_MS);
        assert.equal(error.code, -32603, error.message);
      });
    }
  }
});

// Each piece of the answer as it comes: [{text, after}], with milliseconds since its head.
function slowAnswer(name) {
  const url = gateway.mcpUrl(name);
  const headers = { ...ACCEPT, 'Content-Type': 'application/json' };
  const answer = new Promise((resolve, reject) => {
    const asking = http.request(url, { method: 'POST', agent: false, headers }, (response) => {
      const start = performance.now();
      const pieces = [];
      response.on('data', (text) => {
        pieces.push({ text: text.toString(), after: performance.now() - start });
      });
      response.on('error', reject);
      response.on('end', () => resolve(pieces));
    });
    asking.on('error', reject);
    asking.end(JSON.stringify(toolCall('slow', 'anything')));
  });
  return within('the answer', answer, SILENCE_MS + AT_ONCE_MS);
}

const textOf = (pieces) => pieces.map((one) => one.text).join('');
const COMMENT = /^:.*\n\n/gm;

async function assertSilentBetween() {
  const pieces = await slowAnswer('silent-between');
  const comments = pieces.filter((one) => one.text.startsWith(':'));
  assert.deepEqual(comments.map((one) => one.text), [': keepalive\n\n', ': keepalive\n\n']);
  for (const [n, { after }] of comments.entries()) {
    const due = (n + 1) * KEEP_ALIVE_MS;
    assert.ok(after > due - 1000 && after < due + 4000, `a comment after ${after} ms`);
  }
  const [first, last] = messagesOf({ text: textOf(pieces).replace(COMMENT, '') });
  assert.deepEqual([first.method, last.id], ['notifications/message', 'slow']);
}

async function assertSilentWithin() {
  const pieces = await slowAnswer('silent-within');
  assert.doesNotMatch(textOf(pieces), /keepalive/);
  assert.equal(messageOf({ text: textOf(pieces) }).result.content[0].text, 'done');
}

async function assertSilentBefore() {
  const text = textOf(await slowAnswer('silent-before'));
  assert.equal(JSON.parse(text).result.content[0].text, 'done');
}

// All at the same time, for the sake of whoever waits for these tests.
test('a long silence is survived, with comments between events and nowhere else', async (t) => {
  const clients = KINDS.flatMap((kind) => SILENCES.map(async (name) => {
    const session = await connect(endOf(t), kind, gateway.mcpUrl(name));
    assert.equal(await call(session, 'anything'), 'done');
  }));
  await Promise.all([
    assertSilentBefore(),
    assertSilentBetween(),
    assertSilentWithin(),
    ...clients,
  ]);
});
