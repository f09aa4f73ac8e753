// The command that people type: its verbs against a running gateway, its exit codes, and the
// `mcpServers` files of other programs.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { call, connect, count, whoami } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { cli, exampleAdapter, Gateway } from './lib/gateway.mjs';
import { EXAMPLE_SERVER, everythingCommand } from './lib/programs.mjs';

const end = endOfFile();
let gateway;
let folder;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
  end(() => rmSync(folder, { recursive: true, force: true }));
  gateway = await Gateway.start(end);
});

function file(name, content) {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  return path;
}

async function succeeds(args, options) {
  const ended = await gateway.cli(args, options);
  assert.equal(ended.code, 0, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`);
  return ended.stdout;
}

async function fails(args, code, sentence, options) {
  const ended = await gateway.cli(args, options);
  assert.equal(ended.code, code, `${args.join(' ')}\n${ended.stdout}${ended.stderr}`);
  assert.match(ended.stderr, sentence);
  return ended;
}

const json = async (args) => JSON.parse(await succeeds([...args, '--json']));

describe('adapters', () => {
  test('the life of an adapter', async (t) => {
    const path = file('adapter.json', exampleAdapter('life', { description: 'first' }));
    await succeeds(['adapters', 'apply', '-f', path]);
    await gateway.healthy('life', 1);
    assert.equal((await json(['adapters', 'get', 'life'])).description, 'first');
    assert.ok((await json(['adapters', 'list'])).some((one) => one.name === 'life'));
    assert.match(await succeeds(['adapters', 'list']), /\blife\b/);

    const session = await connect(endOf(t), 'sdk', gateway.mcpUrl('life'));
    assert.equal(await count(session), 1);

    const input = JSON.stringify(exampleAdapter('life', { description: 'second' }));
    await succeeds(['adapters', 'apply', '-f', '-'], { input });
    assert.equal((await json(['adapters', 'get', 'life'])).description, 'second');
    assert.equal(await count(session), 2, 'a new description restarts nothing');

    const status = await json(['adapters', 'status', 'life']);
    assert.equal(status.readyReplicas, 1);
    assert.match(await succeeds(['adapters', 'status', 'life']), /Healthy/);
    assert.match(await succeeds(['adapters', 'logs', 'life']), /ready http:\/\/127\.0\.0\.1/);

    await succeeds(['adapters', 'delete', 'life']);
    await fails(['adapters', 'get', 'life'], 1, /life/);
    await fails(['adapters', 'delete', 'life'], 1, /life/);
  });

  test('several adapters in one file', async () => {
    const path = file('several.json', [exampleAdapter('one'), exampleAdapter('two')]);
    await succeeds(['adapters', 'apply', '-f', path]);
    for (const name of ['one', 'two']) {
      await gateway.healthy(name, 1);
      await succeeds(['adapters', 'delete', name]);
    }
  });

  test('what is wrong with an adapter is said', async () => {
    const path = file('wrong.json', exampleAdapter('wrong', { replicas: 2 }));
    const ended = await gateway.cli(['adapters', 'apply', '-f', path]);
    assert.ok([1, 2].includes(ended.code), ended.stderr);
    assert.match(ended.stderr, /replicas/);
    await fails(['adapters', 'get', 'wrong'], 1, /wrong/);
  });

  test('an identity of its own in development mode', async () => {
    const input = JSON.stringify(exampleAdapter('mine'));
    await succeeds(['adapters', 'apply', '-f', '-', '--as', 'carol'], { input });
    assert.equal((await json(['adapters', 'get', 'mine', '--as', 'carol'])).createdBy, 'carol');
    await fails(['adapters', 'get', 'mine', '--as', 'dave', '--roles', 'none'], 1, /mine/);
    await succeeds(['adapters', 'delete', 'mine', '--as', 'carol']);
  });
});

describe('wrong usage', () => {
  test('verbs and arguments', async () => {
    for (const args of [['no-such-verb'], ['adapters'], ['adapters', 'get'], ['adapters', 'fly']]) {
      const ended = await cli(args);
      assert.equal(ended.code, 2, `${args.join(' ')}: ${ended.stdout}${ended.stderr}`);
      assert.notEqual(ended.stderr, '');
    }
  });

  test('nobody listens', async () => {
    const ended = await cli(['adapters', 'list', '--server', 'http://127.0.0.1:9']);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /127\.0\.0\.1:9/);
  });
});

describe('import', () => {
  const servers = {
    mcpServers: {
      counting: { type: 'http', url: '${COUNTING_URL}' },
      'Local Everything': {
        command: everythingCommand('stdio')[0],
        args: everythingCommand('stdio').slice(1),
        env: { GREETING: '${GREETING:-hello}', SECRET: '${SECRET_OF_THE_TEST}' },
      },
    },
  };

  test('every server of a file becomes an adapter that works', async (t) => {
    await gateway.apply(exampleAdapter('origin'));
    const { address } = (await gateway.status('origin')).instances[0];
    const env = { COUNTING_URL: `http://${address}/mcp`, SECRET_OF_THE_TEST: 'open sesame' };
    await succeeds(['import', file('mcp.json', servers)], { env });

    await gateway.healthy('counting', 1);
    const remote = await connect(endOf(t), 'client', gateway.mcpUrl('counting'));
    assert.equal(await count(remote), 1);
    assert.equal(typeof (await whoami(remote)).pid, 'number');

    await gateway.healthy('local-everything', 1);
    const local = await connect(endOf(t), 'sdk', gateway.mcpUrl('local-everything'));
    const environment = JSON.parse(await call(local, 'get-env'));
    assert.equal(environment.GREETING, 'hello');
    assert.equal(environment.SECRET, 'open sesame');
    for (const name of ['counting', 'local-everything', 'origin']) {
      await succeeds(['adapters', 'delete', name]);
    }
  });

  test('a variable that is not set is named, and nothing is imported', async () => {
    const before = await json(['adapters', 'list']);
    const ended = await gateway.cli(['import', file('unset.json', servers)]);
    assert.ok([1, 2].includes(ended.code), ended.stderr);
    assert.match(ended.stderr, /COUNTING_URL/);
    assert.deepEqual(await json(['adapters', 'list']), before);
  });

  test('comments and trailing commas of editors, and the key `servers`', async () => {
    const server = JSON.stringify({ command: EXAMPLE_SERVER, type: 'stdio' });
    const text = `{\n  // mine\n  "servers": {\n    "edited": ${server},\n  },\n}\n`;
    await succeeds(['import', file('editor.json', text)]);
    assert.equal((await json(['adapters', 'get', 'edited'])).transport, 'stdio');
    await succeeds(['adapters', 'delete', 'edited']);
  });

  test('--import of up does the same at the start', async (t) => {
    const path = file('start.json', {
      mcpServers: { everything: { command: everythingCommand('stdio')[0],
        args: everythingCommand('stdio').slice(1) } },
    });
    const other = await Gateway.start(endOf(t), { args: ['--import', path] });
    await other.healthy('everything', 1);
    const session = await connect(endOf(t), 'sdk', other.mcpUrl('everything'));
    assert.equal(await call(session, 'echo', { message: 'hi' }), 'Echo: hi');
  });
});

describe('validate and version', () => {
  async function validates(path) {
    const ended = await cli(['validate', path]);
    assert.equal(ended.code, 0, ended.stderr);
  }

  async function refuses(path, sentence) {
    const ended = await cli(['validate', path]);
    assert.equal(ended.code, 2, `${ended.stdout}${ended.stderr}`);
    assert.match(ended.stdout + ended.stderr, sentence);
  }

  test('good files', async () => {
    await validates(file('good.toml', 'listen = "127.0.0.1:1"\nworkers = 2\n'));
    await validates(file('good.json', exampleAdapter('fine')));
  });

  test('a wrong key and a wrong value, with file, line and key', async () => {
    const key = file('key.toml', 'workers = 2\nlissten = "127.0.0.1:1"\n');
    await refuses(key, /key\.toml:2\b.*lissten/);
    const value = file('value.toml', 'workers = "many"\n');
    await refuses(value, /value\.toml:1\b.*workers/);
    const adapter = file('adapter-bad.json', '{\n  "name": "x",\n  "comand": ["y"]\n}\n');
    await refuses(adapter, /adapter-bad\.json:3\b.*comand/);
    const broken = file('broken.json', '{\n  "name": \n}\n');
    await refuses(broken, /broken\.json:3\b/);
  });

  test('version', async () => {
    const ended = await cli(['version']);
    assert.equal(ended.code, 0);
    assert.match(ended.stdout, /mcp-gateway \d+\.\d+\.\d+/);
  });
});
