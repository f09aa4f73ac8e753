// A load balancer that knows nothing of HTTP: each connection goes to the next of its targets.
//
// What clients sent is kept, so that a test can prove which request went where. Connections to a
// target that is gone end at once, as they do at a real one before it has noticed.
import net from 'node:net';
import http from 'node:http';
import { Readable } from 'node:stream';

export class Splitter {
  // `targets` are base URLs and may be changed at any time.
  static async start(end, targets) {
    const splitter = new Splitter(targets);
    await new Promise((resolve) => splitter.server.listen(0, '127.0.0.1', resolve));
    end(() => splitter.stop());
    return splitter;
  }

  constructor(targets) {
    this.targets = targets;
    this.connections = [];
    this.sockets = new Set();
    this.server = net.createServer((client) => this.#take(client));
  }

  #take(client) {
    const to = this.targets[this.connections.length % this.targets.length];
    const { hostname, port } = new URL(to);
    const server = net.connect({ host: hostname, port: Number(port), noDelay: true });
    const connection = { to, bytes: Buffer.alloc(0) };
    this.connections.push(connection);
    client.setNoDelay(true);
    client.on('data', (piece) => (connection.bytes = Buffer.concat([connection.bytes, piece])));
    client.pipe(server).pipe(client);
    for (const [one, other] of [[client, server], [server, client]]) {
      this.sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }

  get url() {
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  // The first request of each connection: {to, method, message}.
  requests() {
    return this.connections.map(({ to, bytes }) => {
      const text = bytes.toString();
      const [head, body] = text.split('\r\n\r\n', 2);
      let message;
      try {
        message = JSON.parse(body);
      } catch {
        message = undefined;
      }
      return { to, method: head.split(' ', 1)[0], message };
    });
  }

  async stop() {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

// fetch with a connection for each request, so that a session's requests really alternate.
export function fetchAlone(url, { method = 'GET', headers, body, signal } = {}) {
  return new Promise((resolve, reject) => {
    const sent = Object.fromEntries(new Headers(headers));
    const options = { method, agent: false, headers: sent, signal };
    const call = http.request(url, options, (answer) => {
      const fields = new Headers();
      for (const [name, value] of Object.entries(answer.headers)) fields.set(name, String(value));
      const hasBody = answer.statusCode !== 204;
      if (!hasBody) answer.resume();
      resolve(
        new Response(hasBody ? Readable.toWeb(answer) : null, {
          status: answer.statusCode,
          headers: fields,
        }),
      );
    });
    call.on('error', reject);
    call.end(body);
  });
}
