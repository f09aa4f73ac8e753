// `mcp-gateway bridge` by itself: the official everything server over stdio, asked by both official
// clients, and what they see when its processes die. Each bridge ends with a proof that nothing of
// it is left.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import readline from 'node:readline';
import { describe, test } from 'node:test';
import { call, connect, failureOf, KINDS } from './lib/clients.mjs';
import { endOf } from './lib/ends.mjs';
import { run } from './lib/gateway.mjs';
import { openStream } from './lib/http.mjs';
import { initialize, inSession, messageOf, open, post } from './lib/mcp.mjs';
import * as processes from './lib/processes.mjs';
import { everythingCommand, GATEWAY } from './lib/programs.mjs';
import { until, within } from './lib/wait.mjs';

const MARK = 'MCPGW_TEST_MARK';

class Bridge {
  static async start(end, { options = [], command = everythingCommand('stdio') } = {}) {
    const bridge = new Bridge();
    end(() => bridge.stop());
    await bridge.#start(options, command);
    return bridge;
  }

  async #start(options, command) {
    this.mark = randomUUID();
    const flags = ['bridge', '--listen', '127.0.0.1:0', ...options, '--', ...command];
    const env = { ...process.env, [MARK]: this.mark };
    this.child = spawn(GATEWAY, flags, { stdio: ['ignore', 'pipe', 'ignore'], env });
    this.exit = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    const lines = readline.createInterface({ input: this.child.stdout });
    const ready = new Promise((resolve) => lines.once('line', resolve));
    const line = await within('the line `ready …`', Promise.race([ready, this.exit]));
    this.url = new URL('/mcp', /^ready (http:\/\/\S+)$/.exec(line)[1]);
  }

  // Everything below it that is a server, in no order. (The process that guards them has the
  // arguments of the bridge.)
  servers() {
    const isServer = (one) => one.program === 'node' && one.command.at(-1) === 'stdio';
    return processes.descendantsOf(this.child.pid).filter(isServer);
  }

  async stop() {
    const zombies = () => processes.descendantsOf(this.child.pid).filter(processes.isZombie);
    await until('no zombies', () => zombies().length === 0, 5_000);
    this.child.kill('SIGTERM');
    assert.deepEqual(await within('its end', this.exit), { code: 0, signal: null });
    assert.deepEqual(processes.processesWithVariable(MARK, this.mark), []);
  }
}

// Asks for a minute of work, and waits until the server is at it; `failure` is what the call ends
// with. Without that wait a server that is killed may be dead before the call arrives.
async function longCall(session) {
  let failure;
  const begun = new Promise((onprogress) => {
    const args = { duration: 60, steps: 600 };
    failure = failureOf(call(session, 'trigger-long-running-operation', args, { onprogress }));
  });
  await within('progress of a long call', begun);
  return { failure };
}

// What the client answers when the server asks it.
const ANSWERS = {
  'sampling/createMessage': ({ messages }) => ({
    model: 'none',
    role: 'assistant',
    content: { type: 'text', text: `sampled ${messages.length}` },
  }),
  'elicitation/create': () => ({ action: 'decline' }),
};

for (const kind of KINDS) {
  describe(`a bridge, ${kind} client`, () => {
    test('tools, large messages and progress', async (t) => {
      const bridge = await Bridge.start(endOf(t));
      const session = await connect(endOf(t), kind, bridge.url);
      const { tools } = await session.client.listTools();
      assert.ok(tools.length >= 10, `${tools.length} tools`);
      const message = 'ü'.repeat(1_000_000);
      assert.equal(await call(session, 'echo', { message }), `Echo: ${message}`);
      const progress = [];
      const options = { onprogress: (one) => progress.push(one.progress) };
      await call(session, 'trigger-long-running-operation', { duration: 0.2, steps: 4 }, options);
      assert.deepEqual(progress, [1, 2, 3, 4]);
    });

    test('the server asks the client', async (t) => {
      const bridge = await Bridge.start(endOf(t));
      const session = await connect(endOf(t), kind, bridge.url, { answers: ANSWERS });
      // The server offers these tools once it has been told that the client is ready.
      await until('the tools that ask', async () => {
        const { tools } = await session.client.listTools();
        return tools.some((tool) => tool.name === 'trigger-elicitation-request');
      });
      assert.match(await call(session, 'trigger-sampling-request', { prompt: 'x' }), /sampled 1/);
      assert.match(await call(session, 'trigger-elicitation-request'), /declined/);
    });

    test('calls fail at once when their process dies, and a new session works', async (t) => {
      const bridge = await Bridge.start(endOf(t));
      const session = await connect(endOf(t), kind, bridge.url);
      const calls = await Promise.all([1, 2, 3].map(() => longCall(session)));
      assert.equal(await call(session, 'echo', { message: 'first' }), 'Echo: first');
      process.kill(bridge.servers()[0].pid, 'SIGKILL');
      const failures = Promise.all(calls.map(({ failure }) => failure));
      for (const error of await within('three failures', failures, 5_000)) {
        assert.equal(error.code, -32603, error.message);
        assert.match(error.message, /signal 9/);
      }
      const late = await failureOf(call(session, 'echo', { message: 'late' }));
      assert.match(late.message, /Session not found/);
      const again = await connect(endOf(t), kind, bridge.url);
      assert.equal(await call(again, 'echo', { message: 'again' }), 'Echo: again');
    });

    test('DELETE ends the process, also below a wrapper', async (t) => {
      // As with npx: what the bridge starts is not the server itself.
      const quoted = everythingCommand('stdio').map((word) => `'${word}'`).join(' ');
      const bridge = await Bridge.start(endOf(t), { command: ['sh', '-c', `${quoted}; exit 1`] });
      const session = await connect(endOf(t), kind, bridge.url);
      assert.equal(bridge.servers().length, 1);
      await session.transport.terminateSession();
      await until('its end', () => bridge.servers().length === 0);
    });
  });
}

test('a client that tries the stateless revision first falls back', async (t) => {
  const bridge = await Bridge.start(endOf(t));
  const session = await connect(endOf(t), 'client auto', bridge.url);
  assert.equal(await call(session, 'echo', { message: 'hello' }), 'Echo: hello');
});

test('sessions take the processes that were started ahead', async (t) => {
  const bridge = await Bridge.start(endOf(t), { options: ['--pre-spawn', '2'] });
  await until('two that wait', () => bridge.servers().length === 2);
  const waiting = bridge.servers().map((one) => one.pid);
  const session = await connect(endOf(t), 'sdk', bridge.url);
  await until('one more', () => bridge.servers().length === 3);
  const { failure } = await longCall(session);
  for (const pid of waiting) process.kill(pid, 'SIGKILL');
  assert.equal((await failure).code, -32603, 'it was one of them');
  await until('others that wait', () => bridge.servers().length === 2);
});

test('a full bridge says so, and when to come again', async (t) => {
  const bridge = await Bridge.start(endOf(t), { options: ['--max-sessions', '1'] });
  await open(bridge.url);
  const refused = await post(bridge.url, initialize(7));
  assert.equal(refused.status, 503);
  assert.equal(refused.headers['retry-after'], '1');
  assert.deepEqual(messageOf(refused), {
    jsonrpc: '2.0',
    id: 7,
    error: { code: -32000, message: 'too many sessions' },
  });
});

test('a session that is left ends after its time', async (t) => {
  const bridge = await Bridge.start(endOf(t), { options: ['--session-idle-seconds', '1'] });
  // An open stream is use. On a busy machine a session may end before it has one.
  const stream = await until('a session with a stream', async () => {
    const headers = { ...inSession(await open(bridge.url)), Accept: 'text/event-stream' };
    const opened = openStream(endOf(t), bridge.url, headers);
    return (await within('its head', opened.status)) === 200 && opened;
  });
  assert.ok(bridge.servers().length > 0);
  stream.close();
  await until('its end', () => bridge.servers().length === 0);
});

test('a killed bridge takes its processes along', async (t) => {
  const bridge = await Bridge.start(endOf(t), { options: ['--pre-spawn', '1'] });
  bridge.stop = async () => void bridge.child.kill('SIGKILL');
  await open(bridge.url);
  await until('both', () => bridge.servers().length === 2);
  bridge.child.kill('SIGKILL');
  const left = () => processes.processesWithVariable(MARK, bridge.mark);
  await until('the end of all', () => left().length === 0, 5_000);
});

test('help names every option', async () => {
  const help = await run(GATEWAY, ['bridge', '--help']);
  assert.equal(help.code, 0);
  for (const option of ['listen', 'max-sessions', 'pre-spawn', 'session-idle-seconds']) {
    assert.match(help.stdout, new RegExp(`--${option} `));
  }
});
