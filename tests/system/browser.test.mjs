// A real browser: pages of a listed, a local and a foreign origin use an adapter through the
// gateway. What the browser lets their scripts do is the test.
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { Browser, servePages } from './lib/browser.mjs';
import { endOfFile } from './lib/ends.mjs';
import { exampleAdapter, Gateway } from './lib/gateway.mjs';
import { initialize, toolCall } from './lib/mcp.mjs';

const end = endOfFile();
const pages = {};
let url;

before(async () => {
  const port = await servePages(end);
  const listed = `http://app.example:${port}`;
  const gateway = await Gateway.start(end, { args: ['--allowed-origins', listed] });
  await gateway.apply(exampleAdapter('a'));
  url = gateway.mcpUrl('a').href;
  const browser = await Browser.start(end);
  pages.listed = await browser.open(listed);
  pages.local = await browser.open(`http://localhost:${port}`);
  pages.foreign = await browser.open(`http://evil.example:${port}`);
});

// Runs in the page, like all functions that are given to run(): the answer as its script sees it.
async function ask(to, { method = 'POST', headers = {}, body, mode } = {}) {
  const both = 'application/json, text/event-stream';
  const usual = { Accept: both, 'Content-Type': 'application/json' };
  const content = body && JSON.stringify(body);
  const init = { method, mode, headers: { ...usual, ...headers }, body: content };
  try {
    const answer = await fetch(to, init);
    return {
      status: answer.status,
      session: answer.headers.get('mcp-session-id'),
      text: await answer.text(),
    };
  } catch (error) {
    return { error: error.name };
  }
}

for (const name of ['listed', 'local']) {
  test(`a page of a ${name} origin has a whole session`, async () => {
    const page = pages[name];
    const opened = await page.run(ask, url, { body: initialize() });
    assert.equal(opened.status, 200, JSON.stringify(opened));
    assert.match(opened.session ?? '', /^v1\./, 'the script reads the id');
    const headers = { 'Mcp-Session-Id': opened.session, 'MCP-Protocol-Version': '2025-11-25' };
    const ready = { jsonrpc: '2.0', method: 'notifications/initialized' };
    assert.equal((await page.run(ask, url, { headers, body: ready })).status, 202);
    const call = await page.run(ask, url, { headers, body: toolCall(1, 'progress', { steps: 3 }) });
    assert.equal(call.status, 200);
    assert.match(call.text, /"id":1/);
    assert.equal((await page.run(ask, url, { headers, method: 'DELETE' })).status, 200);
    const late = await page.run(ask, url, { headers, body: toolCall(2, 'count') });
    assert.equal(late.status, 404);
    assert.equal(JSON.parse(late.text).error.code, -32001, 'the gateway says so itself');
  });
}

test('a page may send the headers of the stateless revision, and of parameters', async () => {
  const headers = {
    Authorization: 'Bearer none',
    'MCP-Protocol-Version': '2026-07-28',
    'Mcp-Method': 'tools/list',
    'Mcp-Name': 'x',
    'Mcp-Param-Region': 'eu-west',
    'Last-Event-ID': '1',
  };
  const body = { jsonrpc: '2.0', id: 1, method: 'tools/list' };
  const answer = await pages.listed.run(ask, url, { headers, body });
  assert.equal(answer.error, undefined);
  assert.ok(answer.status >= 200, JSON.stringify(answer));
  const other = await pages.listed.run(ask, url, { headers: { 'X-Other': '1' }, body });
  assert.deepEqual(other, { error: 'TypeError' }, 'the browser does not send others');
});

test('a page reads its standalone stream as it comes', async () => {
  const { session } = await pages.listed.run(ask, url, { body: initialize() });
  // Resolves with the head: the stream stays open.
  const type = await pages.listed.run(async (to, id) => {
    const headers = { Accept: 'text/event-stream', 'Mcp-Session-Id': id };
    const leaving = new AbortController();
    const answer = await fetch(to, { headers, signal: leaving.signal });
    leaving.abort();
    return answer.headers.get('content-type');
  }, url, session);
  assert.match(type, /^text\/event-stream/);
});

test('a page of a foreign origin can neither read nor do anything', async () => {
  const page = pages.foreign;
  const { session } = await pages.listed.run(ask, url, { body: initialize() });
  assert.deepEqual(await page.run(ask, url, { body: initialize() }), { error: 'TypeError' });
  const headers = { 'Mcp-Session-Id': session };
  const ended = await page.run(ask, url, { headers, method: 'DELETE' });
  assert.deepEqual(ended, { error: 'TypeError' });
  // Without a preflight, and without an answer that could be read: it is refused all the same.
  const simple = { method: 'POST', mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } };
  const sent = await page.run(ask, url, { ...simple, body: initialize() });
  assert.deepEqual(sent, { status: 0, session: null, text: '' });
  const alive = await pages.listed.run(ask, url, { headers, body: toolCall(3, 'count') });
  assert.equal(alive.status, 200, 'nobody has ended it');
});
