// An MCP server that remembers what it was told about each of its sessions, to be used as the `url`
// of an adapter: that a DELETE came once, and when, is seen here and nowhere else.
//
//   initialize    a new session           GET             a stream that stays open
//   ping          answered at once        notifications   202
//   hold          answered when the next `hold` of the session comes, or its DELETE
//   listen        answered with a stream that stays open
import { randomUUID } from 'node:crypto';
import http from 'node:http';

export class Recorder {
  #server = http.createServer((request, response) => this.#serve(request, response));

  // By the server's own id: {id, streams, held, usedAt, deletedAt: [...]}; times in milliseconds.
  sessions = new Map();
  // DELETEs of sessions that never were.
  strayDeletes = 0;

  static async start(end) {
    const recorder = new Recorder();
    const server = recorder.#server;
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    end(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    recorder.url = `http://127.0.0.1:${server.address().port}/mcp`;
    return recorder;
  }

  deletes() {
    let all = 0;
    for (const session of this.sessions.values()) all += session.deletedAt.length;
    return all;
  }

  #serve(request, response) {
    const pieces = [];
    request.on('error', () => {}); // a client that leaves is what these tests are about
    response.on('error', () => {});
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => this.#answer(request, response, Buffer.concat(pieces).toString()));
  }

  #answer(request, response, body) {
    const message = request.method === 'POST' ? JSON.parse(body) : undefined;
    if (message?.method === 'initialize') return this.#open(response, message);
    const session = this.sessions.get(request.headers['mcp-session-id']);
    if (request.method === 'DELETE') {
      if (session) session.deletedAt.push(performance.now());
      else this.strayDeletes += 1;
    }
    if (!session) return response.writeHead(404).end();
    if (request.method === 'DELETE') {
      session.held?.();
      return response.writeHead(200).end();
    }
    session.usedAt = performance.now();
    if (request.method === 'GET' || message.method === 'listen') return stream(session, response);
    if (message.id === undefined) return response.writeHead(202).end();
    if (message.method === 'hold') return hold(session, response, message);
    return reply(response, message);
  }

  #open(response, message) {
    const id = randomUUID();
    const usedAt = performance.now();
    this.sessions.set(id, { id, usedAt, streams: 0, held: undefined, deletedAt: [] });
    const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: INFO };
    reply(response, { ...message, result }, { 'Mcp-Session-Id': id });
  }
}

const INFO = { name: 'recorder', version: '1.0.0' };

function reply(response, { id, result = {} }, headers = {}) {
  const text = JSON.stringify({ jsonrpc: '2.0', id, result });
  response.writeHead(200, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

function stream(session, response) {
  session.streams += 1;
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write(': open\n\n');
  response.on('close', () => {
    session.streams -= 1;
    session.usedAt = performance.now();
  });
}

function hold(session, response, message) {
  session.held?.();
  const answer = () => reply(response, message);
  session.held = answer;
  response.on('close', () => {
    if (session.held === answer) session.held = undefined;
    session.usedAt = performance.now();
  });
}
