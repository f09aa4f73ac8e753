// HTTP that must not be understood: each case has one status, and RFC 9112 decides what becomes of
// the connection. Nothing of it reaches a server, and the gateway keeps serving everybody else.
//
// A refusal after which the framing of the connection is not known any more closes it; a request
// that was understood but not granted leaves it open for the next one.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endOf, endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { RawConnection } from './lib/http.mjs';
import { inSession, messageOf, open, post, toolCall } from './lib/mcp.mjs';

const HEAD_MAX = 65_536;
const BODY_MAX = 4_194_304;
const CALL = JSON.stringify(toolCall(1, 'whoami'));

const end = endOfFile();
const chunkedNothing = 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n';

let gateway;
let host;
let target;
let session;
before(async () => {
  gateway = await Gateway.start(end);
  await gateway.apply(exampleAdapter('example'));
  host = new URL(gateway.url).host;
  target = gateway.mcpUrl('example').pathname;
  session = await open(gateway.mcpUrl('example'));
});

// A request to the adapter with these additional lines; `lines` may replace the request line.
function head(lines = [], requestLine = `POST ${target} HTTP/1.1`) {
  return [
    requestLine,
    `Host: ${host}`,
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `Mcp-Session-Id: ${session}`,
    ...lines,
    '',
    '',
  ].join('\r\n');
}

// Sends the bytes and returns the answer; `then` says what the connection has to do.
async function send(bytes, then) {
  const connection = await RawConnection.open(gateway.url);
  try {
    connection.write(bytes);
    const answer = await connection.answer();
    if (then === 'closes') {
      assert.equal(answer.headers.connection?.toLowerCase(), 'close');
      await connection.closed();
    } else {
      assert.notEqual(answer.headers.connection?.toLowerCase(), 'close');
      connection.write(`GET /ping HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      assert.equal((await connection.answer()).status, 200, 'the next request on the connection');
    }
    return answer;
  } finally {
    connection.destroy();
  }
}

function assertRefused(answer, status, code) {
  assert.equal(answer.status, status, `${answer.status} ${answer.body}`);
  const body = JSON.parse(answer.body);
  assert.match(answer.headers['content-type'], /^application\/json/);
  assert.equal(body.jsonrpc, '2.0');
  assert.equal(body.error.code, code);
  assert.equal(typeof body.error.message, 'string');
  assert.equal(body.id, null);
}

const refusedHead = (name, status, bytes) =>
  test(name, async () => {
    assertRefused(await send(bytes(), 'closes'), status, -32600);
  });

const withBody = (lines) => () => head(lines) + CALL;

describe('request line', () => {
  const line = (text) => () => head(['Content-Length: 0'], text);
  refusedHead('no version', 400, line('POST /adapters/example/mcp'));
  refusedHead('no target', 400, line('POST HTTP/1.1'));
  refusedHead('two spaces', 400, line('POST  /adapters/example/mcp HTTP/1.1'));
  refusedHead('a space in the target', 400, line('POST /adapters/exa mple/mcp HTTP/1.1'));
  refusedHead('a target that is no path', 400, line('POST adapters/example/mcp HTTP/1.1'));
  refusedHead('a method that is no token', 400, line('PO(ST /adapters/example/mcp HTTP/1.1'));
  refusedHead('another protocol', 400, line('POST /adapters/example/mcp HTTQ/1.1'));
  refusedHead('a version without a point', 400, line('POST /adapters/example/mcp HTTP/11'));
  refusedHead('a later version', 505, line('POST /adapters/example/mcp HTTP/3.0'));
  refusedHead('a control character', 400, line('POST /adapters/example\x01/mcp HTTP/1.1'));
  refusedHead('a target that is too long', 414, line(`POST /${'a'.repeat(9000)} HTTP/1.1`));
  refusedHead('bytes of another protocol', 400, () => '\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n');
});

describe('header section', () => {
  const field = (text) => withBody([`Content-Length: ${CALL.length}`, text]);
  refusedHead('a name with a space', 400, field('X Test: 1'));
  refusedHead('a space before the colon', 400, field('X-Test : 1'));
  refusedHead('no colon', 400, field('X-Test'));
  refusedHead('no name', 400, field(': 1'));
  refusedHead('a name with a control character', 400, field('X-\x07Test: 1'));
  refusedHead('a NUL in a value', 400, field('X-Test: a\0b'));
  refusedHead('a control character in a value', 400, field('X-Test: a\x1bb'));
  refusedHead('a bare CR in a value', 400, field('X-Test: a\rb'));
  refusedHead('a bare LF', 400, field('X-Test: a\nX-Other: b'));
  refusedHead('a folded line', 400, field('X-Test: a\r\n b'));
  refusedHead('a folded line with a tab', 400, field('X-Test: a\r\n\tb'));
  refusedHead('two Hosts', 400, field('Host: localhost'));
  refusedHead('no Host', 400, () => `POST ${target} HTTP/1.1\r\nContent-Length: 0\r\n\r\n`);
  refusedHead('too many fields', 431, field(Array(200).fill('X-Test: 1').join('\r\n')));
  refusedHead('more than the limit', 431, field(`X-Test: ${'a'.repeat(HEAD_MAX)}`));
  refusedHead('more than the limit in many fields', 431, () => {
    const fields = Array.from({ length: 100 }, (_, n) => `X-${n}: ${'a'.repeat(700)}`);
    return head([...fields, 'Content-Length: 0']);
  });
  refusedHead('more than the limit without an end', 431, () => head().slice(0, -4) +
    `\r\nX-Test: ${'a'.repeat(HEAD_MAX)}`);
  refusedHead('an expectation that nobody knows', 417, field('Expect: 200-ok'));
});

describe('framing', () => {
  const size = CALL.length;
  const chunked = 'Transfer-Encoding: chunked';
  refusedHead('two differing Content-Length', 400,
    withBody([`Content-Length: ${size}`, `Content-Length: ${size + 1}`]));
  refusedHead('a list of differing Content-Length', 400,
    withBody([`Content-Length: ${size}, ${size + 1}`]));
  refusedHead('a negative Content-Length', 400, withBody(['Content-Length: -1']));
  refusedHead('a signed Content-Length', 400, withBody([`Content-Length: +${size}`]));
  refusedHead('a hexadecimal Content-Length', 400, withBody(['Content-Length: 0x10']));
  refusedHead('a Content-Length that overflows', 400,
    withBody(['Content-Length: 18446744073709551617']));
  refusedHead('an empty Content-Length', 400, withBody(['Content-Length: ']));
  refusedHead('Content-Length with Transfer-Encoding', 400, () =>
    head(['Content-Length: 5', chunked]) + '0\r\n\r\n');
  refusedHead('an unknown transfer coding', 501, () =>
    head(['Transfer-Encoding: gzip, chunked']) + '0\r\n\r\n');
  refusedHead('a transfer coding that looks like chunked', 400, () =>
    head(['Transfer-Encoding: xchunked']) + '0\r\n\r\n');
  refusedHead('a transfer coding in HTTP/1.0', 400, () =>
    head([chunked], `POST ${target} HTTP/1.0`) + '0\r\n\r\n');

  const chunks = (text) => () => head([chunked]) + text;
  refusedHead('a chunk size that overflows', 400, chunks('ffffffffffffffff1\r\n'));
  refusedHead('a chunk size of 64 bits', 400, chunks('ffffffffffffffff\r\n'));
  refusedHead('a chunk size that is no number', 400, chunks('xyz\r\n'));
  refusedHead('a negative chunk size', 400, chunks('-1\r\n'));
  refusedHead('an empty chunk size', 400, chunks('\r\nabc'));
  refusedHead('a chunk without its end', 400, chunks('3\r\nabcdef\r\n0\r\n\r\n'));
  refusedHead('a bare LF after a chunk size', 400, chunks('3\nabc\r\n0\r\n\r\n'));
  refusedHead('a broken chunk extension', 400, chunks('3;=\r\nabc\r\n0\r\n\r\n'));
  refusedHead('a chunk line without an end', 400, chunks(`3;a=${'b'.repeat(5000)}\r\n`));
  refusedHead('trailers over the limit', 400,
    chunks(`0\r\n${`X-Test: ${'a'.repeat(900)}\r\n`.repeat(20)}\r\n`));
});

describe('body size', () => {
  test('a Content-Length over the limit is refused before the body', async () => {
    const answer = await send(head([`Content-Length: ${BODY_MAX + 1}`]), 'closes');
    assertRefused(answer, 413, -32600);
  });

  test('chunks over the limit are refused where they pass it', async () => {
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    const chunked = head(['Transfer-Encoding: chunked']) + chunk.repeat(BODY_MAX / 0x10000 + 1);
    const answer = await send(chunked, 'closes');
    assertRefused(answer, 413, -32600);
  });

  test('a body of exactly the limit is served', async () => {
    const message = toolCall('exact', 'echo', { message: '' });
    const room = BODY_MAX - JSON.stringify(message).length;
    message.params.arguments.message = 'm'.repeat(room);
    const sent = JSON.stringify(message);
    assert.equal(sent.length, BODY_MAX);
    const answer = await post(gateway.mcpUrl('example'), sent, inSession(session));
    assert.equal(answer.status, 200, answer.text.slice(0, 200));
    assert.ok(messageOf(answer).result.content[0].text.includes('m'.repeat(room)));
  });

  test('another limit from the command line holds', async (t) => {
    const args = ['--max-body-bytes', '2000', '--max-head-bytes', '4096'];
    const small = await Gateway.start(endOf(t), { args });
    await small.apply(exampleAdapter('example'));
    const url = small.mcpUrl('example');
    const id = await open(url);
    const fits = await post(url, toolCall(1, 'echo', { message: 'm'.repeat(1000) }), inSession(id));
    assert.equal(fits.status, 200, fits.text);
    const over = toolCall(2, 'echo', { message: 'm'.repeat(2000) });
    const large = await post(url, over, inSession(id));
    assert.deepEqual([large.status, large.json.error.code], [413, -32600]);
    const padded = inSession(id, { 'X-Padding': 'p'.repeat(4096) });
    const long = await post(url, toolCall(1, 'whoami'), padded);
    assert.deepEqual([long.status, long.json.error.code], [431, -32600]);
  });
});

describe('understood, but not granted: the connection stays', () => {
  const stays = (name, status, code, bytes, id = null) =>
    test(name, async () => {
      const answer = await send(bytes(), 'stays');
      assert.equal(answer.status, status, `${answer.status} ${answer.body}`);
      const body = JSON.parse(answer.body);
      assert.equal(code === undefined ? body.status : body.error.code, code ?? status);
      if (code !== undefined) assert.equal(body.id, id);
    });
  const get = (path, lines = []) => () =>
    [`GET ${path} HTTP/1.1`, `Host: ${host}`, ...lines, '', ''].join('\r\n');

  stays('an unknown path', 404, undefined, get('/nothing/here'));
  stays('an unknown adapter', 404, -32000, get('/adapters/nobody/mcp'));
  stays('a foreign Host', 403, -32000, () =>
    head([`Content-Length: ${CALL.length}`]).replace(host, 'evil.example') + CALL, 1);
  stays('a foreign Origin', 403, -32000,
    withBody([`Content-Length: ${CALL.length}`, 'Origin: http://evil.example']), 1);
  stays('an unknown session', 404, -32001, () =>
    head([`Content-Length: ${CALL.length}`]).replace(session, 'unknown') + CALL, 1);

  test('a method that the path does not have', async () => {
    const put = head([`Content-Length: ${CALL.length}`], `PUT ${target} HTTP/1.1`) + CALL;
    const answer = await send(put, 'stays');
    assert.equal(answer.status, 405);
    const allowed = answer.headers.allow.split(/, */).sort();
    assert.deepEqual(allowed.filter((one) => one !== 'OPTIONS'), ['DELETE', 'GET', 'POST']);
  });

  test('an origin of the loopback is welcome', async () => {
    const origin = `Origin: http://localhost:1234`;
    const answer = await post(gateway.mcpUrl('example'), toolCall(1, 'whoami'),
      inSession(session, { Origin: origin.slice('Origin: '.length) }));
    assert.equal(answer.status, 200, answer.text);
  });
});

describe('unusual, but valid', () => {
  test('requests one behind the other in one packet are answered in order', async () => {
    const connection = await RawConnection.open(gateway.url);
    const ping = `GET /ping HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const nothing = `GET /nothing HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    connection.write(ping + nothing + ping);
    const statuses = [];
    for (let n = 0; n < 3; n++) statuses.push((await connection.answer()).status);
    assert.deepEqual(statuses, [200, 404, 200]);
    connection.destroy();
  });

  test('a request byte by byte', async () => {
    const connection = await RawConnection.open(gateway.url);
    for (const byte of `GET /ping HTTP/1.1\r\nHost: ${host}\r\n\r\n`) {
      connection.write(byte);
      await new Promise(setImmediate);
    }
    assert.equal((await connection.answer()).status, 200);
    connection.destroy();
  });

  test('empty lines before the request line', async () => {
    const answer = await send(`\r\n\r\nGET /ping HTTP/1.1\r\nHost: ${host}\r\n\r\n`, 'stays');
    assert.equal(answer.status, 200);
  });

  test('the trailing slash is the same resource', async () => {
    const url = new URL(`${gateway.mcpUrl('example')}/`);
    const answer = await post(url, toolCall(1, 'whoami'), inSession(session));
    assert.equal(answer.status, 200, answer.text);
  });

  test('bodies of no bytes are answered, by servers and by the control plane', async () => {
    for (const framing of ['Content-Length: 0\r\n\r\n', chunkedNothing, '\r\n']) {
      for (const line of [`POST ${target}`, 'POST /adapters', 'DELETE /adapters/nobody']) {
        const connection = await RawConnection.open(gateway.url);
        const fields = `Host: ${host}\r\nContent-Type: application/json\r\nAccept: */*\r\n`;
        connection.write(`${line} HTTP/1.1\r\n${fields}${framing}`);
        const answer = await connection.answer();
        assert.ok([400, 404, 406].includes(answer.status), `${line}: ${answer.status}`);
        connection.destroy();
      }
    }
  });

  test('two equal Content-Length are refused or understood, never both', async () => {
    const length = `Content-Length: ${CALL.length}`;
    const connection = await RawConnection.open(gateway.url);
    connection.write(head([length, length]) + CALL);
    assert.equal((await connection.answer()).status, 400);
    await connection.closed();
  });
});

test('after all this the session goes on', async () => {
  const answer = await post(gateway.mcpUrl('example'), toolCall(9, 'whoami'), inSession(session));
  assert.equal(answer.status, 200, answer.text);
  gateway.dataplane();
});
