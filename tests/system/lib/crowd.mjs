// Thousands of sessions from one process: the same messages as in mcp.mjs over connections that are
// kept and shared, because a connection and a client object for each session would be the test.
import http from 'node:http';
import { ACCEPT, initialize, inSession } from './mcp.mjs';
import { within } from './wait.mjs';

const READY = { jsonrpc: '2.0', method: 'notifications/initialized' };

export class Crowd {
  // `url` is an adapter's; more than `connections` requests at a time wait for each other.
  constructor(end, url, connections = Infinity) {
    this.url = url;
    this.agent = new http.Agent({ keepAlive: true, maxSockets: connections });
    end(() => this.leave());
  }

  leave() {
    this.agent.destroy();
  }

  // {status, headers, text, message}; the message is that of a JSON answer, or the last one of a
  // stream.
  send(method, headers = {}, body = undefined) {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const type = content === undefined
      ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(content) };
    const options = { method, agent: this.agent, headers: { ...ACCEPT, ...type, ...headers } };
    const answer = new Promise((resolve, reject) => {
      const call = http.request(this.url, options, (response) => {
        const pieces = [];
        response.on('data', (piece) => pieces.push(piece));
        response.on('error', reject);
        response.on('end', () => resolve(finished(response, Buffer.concat(pieces).toString())));
      });
      call.on('error', reject);
      call.end(content);
    });
    return within(`an answer to ${method} ${body?.method ?? ''}`, answer);
  }

  // A stream that stays open until it is destroyed: the response, as soon as its head is there.
  stream(id) {
    const options = { agent: this.agent, headers: { ...ACCEPT, ...inSession(id) } };
    const head = new Promise((resolve, reject) => {
      const call = http.get(this.url, options, (response) => {
        response.on('error', () => {}); // it is destroyed at the end
        response.resume();
        if (response.statusCode === 200) resolve(response);
        else reject(new Error(`GET: ${response.statusCode}`));
      });
      call.on('error', reject);
    });
    return within('the head of a stream', head);
  }

  post(id, message) {
    return this.send('POST', inSession(id), message);
  }

  // Opens a session and returns its id; `ready: false` leaves out what clients say after that.
  async open({ ready = true } = {}) {
    const answer = await this.send('POST', {}, initialize());
    if (answer.status !== 200) throw new Error(`initialize: ${answer.status} ${answer.text}`);
    const id = answer.headers['mcp-session-id'];
    if (!ready) return id;
    const { status, text } = await this.post(id, READY);
    if (status !== 202) throw new Error(`initialized: ${status} ${text}`);
    return id;
  }
}

function finished(response, text) {
  const data = text.split(/\r?\n/).filter((line) => /^data: ?\{/.test(line));
  const last = data.length > 0 ? data.at(-1).replace(/^data: ?/, '') : text;
  let message;
  try {
    message = JSON.parse(last);
  } catch {
    message = undefined;
  }
  return { status: response.statusCode, headers: response.headers, text, message };
}

// Calls make(0), make(1), … make(count - 1), `width` at a time, and returns what they returned.
export async function inTurns(count, width, make) {
  const made = new Array(count);
  let next = 0;
  const turn = async () => {
    while (next < count) {
      const mine = next++;
      made[mine] = await make(mine);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, turn));
  return made;
}
