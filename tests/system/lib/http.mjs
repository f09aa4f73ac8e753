// HTTP as the tests need it: one request on one fresh connection, and raw bytes on a socket.
//
// Deliberately no fetch: the tests set Host and other forbidden headers, and have to see what
// becomes of the connection.
import http from 'node:http';
import net from 'node:net';
import { proveSecrecy } from './secrecy.mjs';
import { within } from './wait.mjs';

// request('http://127.0.0.1:1', 'GET', '/ping', {headers, body}) -> {status, headers, text, json}
// `body` that is no string is sent as JSON.
export function request(base, method, path, { headers = {}, body } = {}) {
  const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const type = content === undefined ? {} : { 'Content-Type': 'application/json' };
  const answer = new Promise((resolve, reject) => {
    const options = { method, agent: false, headers: { ...type, ...headers } };
    let answered = false;
    const call = http.request(new URL(path, base), options, (response) => {
      answered = true;
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        try {
          proveSecrecy(`the answer to ${method} ${path}`, text + response.rawHeaders.join('\n'));
          resolve(finished(response, text));
        } catch (error) {
          reject(error);
        }
      });
    });
    // An answer may come, and the connection end, while the request is still being written.
    call.on('error', (error) => {
      if (!answered) reject(error);
    });
    call.end(content);
  });
  return within(`an answer to ${method} ${path}`, answer);
}

// A GET whose answer may last: {status: Promise, headers, text, ended, close()}, the latter growing
// as it comes. It is closed by `end`.
export function openStream(end, url, headers) {
  const stream = { text: '', headers: undefined, ended: false };
  const call = http.request(url, { agent: false, headers });
  stream.status = new Promise((resolve, reject) => {
    call.on('error', reject);
    call.on('response', (response) => {
      stream.headers = response.headers;
      response.on('data', (piece) => (stream.text += piece));
      response.on('close', () => (stream.ended = true));
      response.on('error', () => {}); // its end is noted
      resolve(response.statusCode);
    });
  });
  stream.status.catch(() => {}); // a test that closes it first need not look
  stream.close = () => call.destroy();
  end(stream.close);
  call.end();
  return stream;
}

function finished(response, text) {
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.statusCode, headers: response.headers, text, json };
}

// A connection that writes any bytes and reads answers one after the other.
export class RawConnection {
  static async open(base) {
    const { hostname, port } = new URL(base);
    const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
    const connection = new RawConnection(socket);
    await within('a connection', new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    }));
    return connection;
  }

  constructor(socket) {
    this.socket = socket;
    this.bytes = Buffer.alloc(0);
    this.ended = false;
    this.failure = undefined;
    this.wake = () => {};
    socket.on('data', (piece) => {
      this.note(() => (this.bytes = Buffer.concat([this.bytes, piece])));
    });
    socket.on('end', () => this.note(() => (this.ended = true)));
    socket.on('close', () => this.note(() => (this.ended = true)));
    socket.on('error', (error) => this.note(() => (this.failure = error)));
  }

  note(change) {
    change();
    this.wake();
  }

  // Bytes that the peer refuses to read while it is closing are no error of the test.
  write(bytes) {
    if (!this.socket.destroyed) this.socket.write(bytes, 'latin1');
  }

  async change() {
    await new Promise((resolve) => (this.wake = resolve));
  }

  // The next answer: {status, headers, body}; throws if the connection ends before it.
  async answer() {
    return within('an answer on the connection', this.#answer());
  }

  async #answer() {
    for (;;) {
      const answer = takeAnswer(this);
      if (answer) return answer;
      if (this.ended) {
        const why = this.failure ? ` (${this.failure.code})` : '';
        throw new Error(`the connection ended without an answer${why}: ${this.bytes}`);
      }
      await this.change();
    }
  }

  // Resolves when the peer has ended the connection; fails if more answers come instead.
  async closed(deadlineMs = 10_000) {
    await within('the end of the connection', this.#closed(), deadlineMs);
  }

  async #closed() {
    while (!this.ended) await this.change();
    if (this.bytes.length > 0) throw new Error(`bytes after the answer: ${this.bytes}`);
  }

  destroy() {
    this.socket.destroy();
  }
}

function takeAnswer(connection) {
  const end = connection.bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const lines = connection.bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(/^HTTP\/1\.1 ([0-9]{3}) /.exec(lines[0])?.[1]);
  const headers = {};
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const length = Number(headers['content-length'] ?? 0);
  const rest = connection.bytes.subarray(end + 4);
  if (rest.length < length) return undefined;
  connection.bytes = rest.subarray(length);
  const isInterim = status >= 100 && status < 200;
  if (isInterim) return takeAnswer(connection);
  return { status, headers, body: rest.subarray(0, length).toString() };
}
