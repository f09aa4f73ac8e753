// Messages by which a server might understand something else than the gateway has held its rules
// against: they do not reach the server. And lists of tools in every shape that servers give them.
import assert from 'node:assert/strict';
import { before, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { openStream, RawConnection, request } from './lib/http.mjs';
import { ACCEPT, inSession, modernRequest, open } from './lib/mcp.mjs';
import { polite, ToldServer } from './lib/told_server.mjs';
import { until } from './lib/wait.mjs';

const RULES = [
  { effect: 'allow', methods: ['tools/*', 'prompts/list'] },
  { effect: 'deny', tools: ['rm*'] },
  { effect: 'allow', tools: ['ls', 'rm*', 'x*'] },
];
const FORBIDDEN = [403, -32000];
const UNCLEAR = [400, -32600];
const KIB = 1024;

const end = endOfFile();
let gateway;
let server;
before(async () => {
  gateway = await Gateway.start(end);
  server = await ToldServer.start(end);
  await gateway.apply({ name: 'ruled', url: server.url, accessRules: RULES });
});
beforeEach(() => {
  server.answer = polite('session-1');
  server.requests.length = 0;
});

// Sends a body as it is; `headers` may say what it is not.
const send = (body, headers = {}) =>
  request(gateway.url, 'POST', '/adapters/ruled/mcp', {
    headers: { ...ACCEPT, ...headers },
    body,
  });

const call = (name, more = '') =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":${JSON.stringify(name)}${more}}}`;

async function isRefused(body, [status, code], headers) {
  const answer = await send(body, headers);
  const what = `${body.slice(0, 300)} -> ${answer.status} ${answer.text.slice(0, 300)}`;
  assert.equal(answer.status, status, what);
  assert.equal(answer.json.error.code, code, what);
  // Were anything of it on its way to the server, it would be there before this.
  const ping = '{"jsonrpc":"2.0","id":"after","method":"ping"}';
  assert.equal((await send(ping)).status, 200);
  assert.deepEqual(server.requests.map((one) => one.body), [ping], what);
}

async function passes(body, headers) {
  const answer = await send(body, headers);
  assert.equal(answer.status, 200, `${body.slice(0, 300)} -> ${answer.status} ${answer.text}`);
  assert.ok(server.last.body === body, 'the server has it byte for byte');
}

describe('a message that is clear', () => {
  const clear = {
    'a call that is allowed': call('ls'),
    'in another order': '{"params":{"arguments":{"name":"rm"},"name":"ls"},"method":"tools/call",'
      + '"id":1,"jsonrpc":"2.0"}',
    'with escapes': '{"jsonrpc":"2.0","id":1,"m\\u0065thod":"tools\\/c\\u0061ll",'
      + '"p\\u0061rams":{"n\\u0061me":"l\\u0073"}}',
    'with white space': '\r\n\t {"jsonrpc" : "2.0" ,"id":1 , "method" :\n"tools/call",'
      + '"params":{"name":"ls"}} \r\n',
    'whose arguments have what would be doubtful further out': call('ls', ',"arguments":'
      + '{"method":"a","method":"b","Method":"c","NAME":"rm","params":{},"x":"\\ud800"}'),
    'another member twice': '{"jsonrpc":"2.0","id":1,"method":"prompts/list","x":1,"x":2}',
    'a list': '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
    'a pair of surrogates': call('x').replace('"x"', '"x\\ud83d\\ude00"'),
  };
  for (const [what, body] of Object.entries(clear)) {
    test(`passes as it is: ${what}`, () => passes(body));
  }

  test('passes with a charset that is UTF-8', async () => {
    for (const charset of ['utf-8', 'UTF-8', '"utf-8"', 'us-ascii']) {
      await passes(call('ls'), { 'Content-Type': `application/json; charset=${charset}` });
    }
    await passes(call('ls'), { 'Content-Encoding': 'identity' });
  });

  test('a response and a notification pass', async () => {
    server.answer = () => ({ status: 202 });
    for (const body of ['{"jsonrpc":"2.0","id":9,"result":{"method":"rm"}}',
      '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}']) {
      assert.equal((await send(body)).status, 202, body);
      assert.equal(server.last.body, body);
    }
  });
});

describe('what is denied is denied however it is written', () => {
  const denied = {
    'plainly': call('rm'),
    'by a pattern': call('rm_everything'),
    'what no rule allows': call('mv'),
    'escaped name of the tool': call('rm').replace('rm', '\\u0072\\u006D'),
    'escaped names of the members': call('rm').replace('"name"', '"\\u006eame"')
      .replace('"method"', '"metho\\u0064"').replace('"params"', '"\\u0070arams"'),
    'name behind the arguments': '{"jsonrpc":"2.0","id":1,"method":"tools/call",'
      + '"params":{"arguments":{"name":"ls"},"name":"rm"}}',
    'method behind the params': '{"params":{"name":"rm"},"id":1,"method":"tools/call"}',
    'without an id': '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"rm"}}',
    'another case of an allowed name': call('LS'),
    'an allowed name and a space': call('ls '),
    'another method': '{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b"}}',
    'another case of a method': '{"jsonrpc":"2.0","id":1,"method":"Prompts/List"}',
    'a method of nobody': '{"jsonrpc":"2.0","id":1,"method":"x"}',
    'an empty method': '{"jsonrpc":"2.0","id":1,"method":""}',
  };
  for (const [what, body] of Object.entries(denied)) {
    test(what, () => isRefused(body, FORBIDDEN));
  }

  test('in the modern era, also if the header names a tool that is allowed', async () => {
    const { headers, body } = modernRequest(JSON.parse(call('rm')));
    await isRefused(JSON.stringify(body), FORBIDDEN, headers);
    server.requests.length = 0;
    const answer = await send(JSON.stringify(body), { ...headers, 'Mcp-Name': 'ls' });
    assert.ok([400, 403].includes(answer.status), answer.text);
    assert.equal(server.requests.length, 0);
  });
});

describe('a message that may be read in two ways is refused', () => {
  const doubtful = {
    'method twice': '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call",'
      + '"params":{"name":"rm"}}',
    'method twice, the allowed one last': '{"jsonrpc":"2.0","id":1,"method":"x","method":"ping"}',
    'method twice and the same': '{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}',
    'params twice': call('ls').replace('}}', '},"params":{"name":"rm"}}'),
    'name twice': call('ls', ',"name":"rm"'),
    'one of two names escaped': call('ls', ',"n\\u0061me":"rm"'),
    'one of two methods escaped': call('ls').replace('}}', '},"\\u006dethod":"ping"}'),
    'Method': call('ls').replace('}}', '},"Method":"ping"}'),
    'only METHOD': call('ls').replace('"method"', '"METHOD"'),
    'Params': call('ls').replace('}}', '},"Params":{"name":"rm"}}'),
    'paramſ': call('ls').replace('}}', '},"param\u017f":{"name":"rm"}}'),
    'paramſ, escaped': call('ls').replace('}}', '},"param\\u017f":{"name":"rm"}}'),
    'Name': call('ls', ',"Name":"rm"'),
    'a NUL in the tool': call('ls').replace('"ls"', '"ls\\u0000"'),
    'a NUL in a member': call('ls', ',"name\\u0000":"rm"'),
    'a control character in the method': '{"jsonrpc":"2.0","id":1,"method":"ping\\u0007"}',
    'half a surrogate in the tool': call('x').replace('"x"', '"x\\ud800"'),
    'half a surrogate in the method': '{"jsonrpc":"2.0","id":1,"method":"tools/\\udc00"}',
    'no JSON to its end': call('ls').slice(0, -1),
    'two values': `${call('ls')}${call('rm')}`,
    'something behind it': `${call('ls')}x`,
    'a comment': call('ls').replace('{', '{/**/'),
    'single quotes': "{'jsonrpc':'2.0','id':1,'method':'ping'}",
    'a comma at the end': call('ls').replace(/\}$/, ',}'),
    'a byte order mark': `\ufeff${call('ls')}`,
    'no method and no response': '{"jsonrpc":"2.0","id":1,"params":{"name":"ls"}}',
    'a method that is no text': '{"jsonrpc":"2.0","id":1,"method":["ping"]}',
    'a call without a name': '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}',
    'a call without params': '{"jsonrpc":"2.0","id":1,"method":"tools/call"}',
    'a call with params that are a list': '{"jsonrpc":"2.0","id":1,"method":"tools/call",'
      + '"params":["ls"]}',
    'a name that is no text': call('ls').replace('"ls"', '["ls"]'),
    'a name of 257 bytes': call('x'.repeat(257)),
    'a text': '"tools/call"',
    'nothing but white space': ' \n ',
  };
  for (const [what, body] of Object.entries(doubtful)) {
    test(what, () => isRefused(body, UNCLEAR));
  }

  test('a charset that is not UTF-8', async () => {
    for (const charset of ['utf-7', 'utf-16', 'iso-8859-1', 'UTF-16LE', '"utf-7"']) {
      server.requests.length = 0;
      await isRefused(call('ls'), UNCLEAR, {
        'Content-Type': `application/json; charset=${charset}`,
      });
    }
  });

  test('a content encoding', async () => {
    for (const encoding of ['gzip', 'deflate', 'br', 'identity, gzip', 'x']) {
      server.requests.length = 0;
      await isRefused(call('ls'), UNCLEAR, { 'Content-Encoding': encoding });
    }
  });

  test('UTF-16', async () => {
    const bytes = Buffer.from(call('ls'), 'utf16le');
    const connection = await RawConnection.open(gateway.url);
    connection.write(`POST /adapters/ruled/mcp HTTP/1.1\r\nHost: ${new URL(gateway.url).host}\r\n`
      + `Content-Type: application/json\r\nContent-Length: ${bytes.length}\r\n\r\n`);
    connection.socket.write(bytes);
    const answer = await connection.answer();
    connection.destroy();
    assert.equal(answer.status, 400, answer.body);
    assert.equal(JSON.parse(answer.body).error.code, -32600);
    assert.equal(server.requests.length, 0);
  });
});

describe('a batch', () => {
  const ALLOWED = [call('ls'), '{"jsonrpc":"2.0","method":"notifications/x"}', call('x1')];
  beforeEach(() => {
    const single = polite('session-1');
    server.answer = (asked) => (asked.body.startsWith('[') ? { status: 200 } : single(asked));
  });

  test('passes whole if each of its messages is allowed', () => passes(`[${ALLOWED.join(',')}]`));
  test('is refused whole if one is denied', async () => {
    for (const batch of [
      [call('ls'), call('rm')],
      [call('rm'), call('ls')],
      [...ALLOWED, call('rm').replace('"rm"', '"\\u0072m"')],
    ]) {
      server.requests.length = 0;
      await isRefused(`[${batch.join(',')}]`, FORBIDDEN);
    }
  });
  test('is unclear if one is', async () => {
    for (const batch of [
      [call('ls'), call('ls', ',"name":"rm"')],
      [call('ls'), '1'],
      [call('ls'), `[${call('ls')}]`],
    ]) {
      server.requests.length = 0;
      await isRefused(`[${batch.join(',')}]`, UNCLEAR);
    }
    server.requests.length = 0;
    await isRefused(`[${call('ls')}`, UNCLEAR);
  });
  test('is held against the rules to its end', () => {
    const padding = `{"jsonrpc":"2.0","id":2,"result":{"x":"${'y'.repeat(200 * KIB)}"}}`;
    return isRefused(`[${call('ls')},${padding},${call('rm')}]`, FORBIDDEN);
  });
});

describe('a long body', () => {
  const padding = (kib) => `"x":"${'y'.repeat(kib * KIB)}"`;
  const nameBehind = (name, kib) => '{"jsonrpc":"2.0","id":1,"method":"tools/call",'
    + `"params":{"arguments":{${padding(kib)}},"name":"${name}"}}`;

  test('passes, however long, if it says early what it wants', async () => {
    for (const kib of [1, 100, 3000]) await passes(call('ls', `,"arguments":{${padding(kib)}}`));
  });
  test('is denied by its beginning', () =>
    isRefused(call('rm', `,"arguments":{${padding(3000)}}`), FORBIDDEN));
  test('is decided by a name that comes late', async () => {
    await passes(nameBehind('ls', 500));
    server.requests.length = 0;
    await isRefused(nameBehind('rm', 500), FORBIDDEN);
  });
  test('is unclear if the name comes too late', () => isRefused(nameBehind('ls', 2000), UNCLEAR));

  // It is on its way to the server when the doubt comes.
  const long = call('ls', `,"arguments":{${padding(1000)}}`);
  const late = {
    'another name': call('ls', `,"arguments":{${padding(1000)}},"name":"rm"`),
    'other params': long.replace(/\}$/, ',"params":{"name":"rm"}}'),
    'another method': long.replace(/\}$/, ',"method":"ping"}'),
    'a Method': long.replace(/\}$/, ',"Method":"ping"}'),
    'another message': `${long}${call('rm')}`,
    'nothing that closes it': long.slice(0, -1),
  };
  for (const [what, body] of Object.entries(late)) {
    test(`never reaches the server whole if it ends with ${what}`, () => isRefused(body, UNCLEAR));
  }
});

test('what has no body is no business of rules', async () => {
  const url = gateway.mcpUrl('ruled');
  const id = await open(url);
  const answer = await request(url.origin, 'DELETE', url.pathname, { headers: inSession(id) });
  assert.equal(answer.status, 200, answer.text);
});

describe('lists of tools', () => {
  const tool = (name, size = 0) =>
    `{"name":"${name}","description":"${'d'.repeat(size)}","inputSchema":{"type":"object"}}`;
  const list = (...tools) =>
    `{"jsonrpc":"2.0","id":1,"result":{"tools":[${tools.join(',')}],"nextCursor":"n"}}`;
  const whole = list(tool('rm'), tool('ls', 70_000), tool('rmdir', 300_000), tool('mv'), tool('x'));
  const shown = list(tool('ls', 70_000), tool('x'));
  const LIST = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  const event = (data) => `event: message\ndata: ${data}\n\n`;
  const JSON_TYPE = { 'Content-Type': 'application/json' };
  const STREAM_TYPE = { 'Content-Type': 'text/event-stream' };
  // In pieces that end anywhere.
  const inPieces = (text) => (response) => {
    for (let at = 0; at < text.length; at += 977) response.write(text.slice(at, at + 977));
    response.end();
  };
  const answers = (headers, body) => () => ({ status: 200, headers, body });

  test('leave the rest as it was, as JSON', async () => {
    server.answer = answers({ ...JSON_TYPE, 'Content-Length': whole.length }, whole);
    const answer = await send(LIST);
    assert.equal(answer.status, 200);
    assert.ok(answer.text === shown, answer.text.slice(0, 200));
  });

  test('leave the rest as it was, in small pieces', async () => {
    server.answer = answers(JSON_TYPE, inPieces(whole));
    assert.ok((await send(LIST)).text === shown);
    server.answer = answers(STREAM_TYPE, inPieces(event(whole)));
    assert.deepEqual(JSON.parse(/^data: ?(.*)$/m.exec((await send(LIST)).text)[1]),
      JSON.parse(shown));
  });

  test('that are empty then are empty', async () => {
    server.answer = answers(JSON_TYPE, list(tool('rm'), tool('mv')));
    assert.equal((await send(LIST)).text, list());
  });

  test('are filtered in the answer to a batch', async () => {
    server.answer = answers(JSON_TYPE, `[${list(tool('rm'), tool('ls'))},{"id":2,"result":{}}]`);
    const answer = await send(`[${LIST},{"jsonrpc":"2.0","id":2,"method":"ping"}]`);
    assert.equal(answer.text, `[${list(tool('ls'))},{"id":2,"result":{}}]`);
  });

  test('are filtered on the standalone stream', async (t) => {
    const url = gateway.mcpUrl('ruled');
    const id = await open(url);
    server.answer = answers(STREAM_TYPE, (response) => {
      response.write(event('{"jsonrpc":"2.0","method":"notifications/first"}'));
      response.write(event(list(tool('rm'), tool('ls'))));
      response.write(event('{"jsonrpc":"2.0","method":"notifications/last"}'));
    });
    const stream = openStream(endOf(t), url, { ...inSession(id), Accept: 'text/event-stream' });
    assert.equal(await stream.status, 200);
    await until('the last event', () => stream.text.includes('notifications/last'));
    assert.ok(stream.text.includes('"ls"') && !stream.text.includes('"rm"'), stream.text);
  });

  test('are of one caller: what may be cached by all may be no more', async () => {
    const { headers, body } = modernRequest(JSON.parse(LIST));
    const cached = list(tool('ls')).replace('"nextCursor"', '"cacheScope":"public","nextCursor"');
    server.answer = answers(JSON_TYPE, cached);
    const answer = await send(JSON.stringify(body), headers);
    assert.equal(answer.text, cached.replace('public', 'private'));
  });

  test('a tool that names itself late or not at all is left out', async () => {
    const late = tool('ls', 300_000).replace(/^\{"name":"ls",(.*)\}$/, '{$1,"name":"ls"}');
    server.answer = answers(JSON_TYPE, list(late, '{"title":"ls"}', '{"name":7}', tool('x')));
    assert.deepEqual((await send(LIST)).json.result.tools.map((one) => one.name), ['x']);
  });

  test('a tool that gives itself a second name is not shown by it', async () => {
    const twice = '{"name":"ls","description":"","name":"rm"}';
    server.answer = answers(JSON_TYPE, list(tool('x'), twice, tool('x')));
    const answer = await send(LIST).catch((error) => ({ text: error.message }));
    assert.ok(!answer.text.includes('"rm"'), answer.text);
  });

  test('a server that compresses all the same is not believed', async () => {
    server.answer = answers({ ...JSON_TYPE, 'Content-Encoding': 'gzip' },
      (response) => response.end(gzipSync(whole)));
    const answer = await send(LIST, { 'Accept-Encoding': 'gzip' });
    assert.equal(server.last.headers['accept-encoding'], 'identity');
    assert.equal(answer.status, 502, answer.text);
    assert.equal(answer.json.error.code, -32603);
  });

  test('other answers are not touched', async () => {
    const other = `{"jsonrpc":"2.0","id":1,"result":{"tools":[${tool('rm')}]}}`;
    server.answer = answers(JSON_TYPE, other);
    assert.equal((await send(call('ls'))).text, other);
  });
});

test('rules that say nothing, or two things, are refused, and tools have none', async () => {
  const adapter = { name: 'wrong', url: server.url };
  const wrong = {
    'neither': { effect: 'deny' },
    'both': { effect: 'deny', methods: ['a'], tools: ['b'] },
    'no effect': { tools: ['b'] },
    'another effect': { effect: 'ask', tools: ['b'] },
    'an unknown member': { effect: 'deny', tools: ['b'], users: ['x'] },
    'empty': { effect: 'deny', tools: [] },
  };
  for (const [what, rule] of Object.entries(wrong)) {
    const body = { ...adapter, accessRules: [rule] };
    const answer = await gateway.rest('POST', '/adapters', { body });
    assert.equal(answer.status, 400, `${what}: ${answer.text}`);
    assert.match(Object.keys(answer.json.errors).join(), /^accessRules/, what);
  }
  const toolDefinition = { tool: { name: 'wrong', inputSchema: { type: 'object' } } };
  const body = { ...adapter, toolDefinition, accessRules: RULES };
  const answer = await gateway.rest('POST', '/tools', { body });
  assert.equal(answer.status, 400, answer.text);
  assert.deepEqual(Object.keys(answer.json.errors), ['accessRules']);
});
