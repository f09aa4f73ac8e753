// A server that does what a test tells it, to be used as the `url` of an adapter: it remembers
// every request, and answers with what `answer` returns.
//
//   server.answer = ({ method, headers, body }) => ({ status, headers, body });
//
// `body` may be text, or a function that is given the response after its head.
import http from 'node:http';

const INFO = { name: 'told', version: '1.0.0' };
const WELCOME = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: INFO };

const JSON_TYPE = { 'Content-Type': 'application/json' };

// Shakes hands under this session id, and answers everything else with an empty result.
export const polite = (sessionId, more = {}) => ({ method, body }) => {
  if (method !== 'POST') return { status: 200 };
  const message = JSON.parse(body);
  if (message.id === undefined) return { status: 202 };
  const isFirst = message.method === 'initialize';
  const headers = { ...JSON_TYPE, ...more, ...(isFirst && { 'Mcp-Session-Id': sessionId }) };
  const result = isFirst ? WELCOME : {};
  return { status: 200, headers, body: JSON.stringify({ jsonrpc: '2.0', id: message.id, result }) };
};

export class ToldServer {
  requests = [];
  answer = polite('session-1');

  static async start(end) {
    const told = new ToldServer();
    const server = http.createServer((request, response) => told.#serve(request, response));
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    end(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    told.host = `127.0.0.1:${server.address().port}`;
    told.url = `http://${told.host}/mcp`;
    return told;
  }

  get last() {
    return this.requests.at(-1);
  }

  #serve(request, response) {
    const pieces = [];
    request.on('error', () => {});
    response.on('error', () => {});
    request.on('data', (piece) => pieces.push(piece));
    request.on('end', () => {
      const { method, url, headers } = request;
      const body = Buffer.concat(pieces).toString();
      this.requests.push({ method, url, headers, body });
      const { status, headers: fields = {}, body: content } = this.answer(this.last);
      // As they are: a session id may be wrong on purpose.
      response.writeHead(status, fields);
      if (typeof content === 'function') content(response);
      else response.end(content);
    });
  }
}
