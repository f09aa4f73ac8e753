// A server of which every path fails in its own way, to be used as the `url` of adapters. It shakes
// hands like a good one, so that clients come to the point where it fails.
import http from 'node:http';

// What is silent is silent for so long: more than two keep-alive intervals of the gateway.
export const SILENCE_MS = 35_000;

const NOTE = {
  jsonrpc: '2.0',
  method: 'notifications/message',
  params: { level: 'info', data: 'it begins' },
};
const event = (message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`;
const resultOf = ({ id }) => ({
  jsonrpc: '2.0',
  id,
  result: { content: [{ type: 'text', text: 'done' }] },
});

function json(response, message, headers = {}) {
  response.writeHead(200, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(message));
}

// Begins an event stream and goes on when the beginning has been sent.
function stream(response, text, then) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write(text, then);
}

// Two pieces with the silence between them.
function interrupted(response, first, second) {
  stream(response, first, () => {
    const later = setTimeout(() => response.end(second), SILENCE_MS);
    response.on('close', () => clearTimeout(later));
  });
}

function middleOf(text) {
  const at = text.indexOf('"result"');
  return [text.slice(0, at), text.slice(at)];
}

// What becomes of a call, by the path.
const BEFORE_THE_ANSWER = {
  reset: ({ socket }) => socket.resetAndDestroy(),
  close: ({ socket }) => socket.end(),
  garbage: ({ socket }) => socket.end('good afternoon\r\n\r\n'),
  'half-a-head': ({ socket }) => socket.end('HTTP/1.1 200 OK\r\nContent-Type: te'),
  late: () => {},
  'status-500': (response) => response.writeHead(500, { 'Content-Type': 'text/plain' }).end('Oh.'),
};
const WITHIN_THE_STREAM = {
  'ends-between': (response) => stream(response, event(NOTE), () => response.end()),
  'resets-between': (response) =>
    stream(response, event(NOTE), () => response.socket.resetAndDestroy()),
  'ends-within': (response, message) =>
    stream(response, event(NOTE) + middleOf(event(resultOf(message)))[0], () => response.end()),
  'resets-within': (response, message) =>
    stream(response, event(NOTE) + middleOf(event(resultOf(message)))[0], () =>
      response.socket.resetAndDestroy()),
};
const SILENT = {
  'silent-before': (response, message) => {
    const later = setTimeout(() => json(response, resultOf(message)), SILENCE_MS);
    response.on('close', () => clearTimeout(later));
  },
  'silent-between': (response, message) =>
    interrupted(response, event(NOTE), event(resultOf(message))),
  'silent-within': (response, message) =>
    interrupted(response, ...middleOf(event(resultOf(message)))),
};

export const BEFORE = Object.keys(BEFORE_THE_ANSWER);
export const WITHIN = Object.keys(WITHIN_THE_STREAM);
export const SILENCES = Object.keys(SILENT);
const WAYS = { ...BEFORE_THE_ANSWER, ...WITHIN_THE_STREAM, ...SILENT };

function answer(way, response, message) {
  const { id, method } = message;
  if (id === undefined) return response.writeHead(202).end();
  if (method !== 'initialize') return WAYS[way](response, message);
  const serverInfo = { name: 'bad', version: '1.0.0' };
  const capabilities = { tools: {}, logging: {} };
  const result = { protocolVersion: '2025-11-25', capabilities, serverInfo };
  return json(response, { jsonrpc: '2.0', id, result }, { 'Mcp-Session-Id': `of-${way}` });
}

// The URL that the names of the ways are added to.
export async function startBadServer(end) {
  const server = http.createServer((request, response) => {
    if (request.method !== 'POST') return response.writeHead(405).end();
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () =>
      answer(request.url.slice(1), response, JSON.parse(Buffer.concat(pieces))));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  end(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${server.address().port}/`;
}
