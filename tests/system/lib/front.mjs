// What stands in front of a gateway in a company: a reverse proxy that may end TLS and may offer
// the gateway under a path of its own.
//
// Its address is known before the gateway starts, which is what --public-origin needs; `to` says
// where requests go, once that is known. `end` takes what ends it (ends.mjs).
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';

// A certificate of its own authority for 127.0.0.1, trusted by this process from now on.
function selfSigned() {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgw-tls-'));
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name));
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
      '-nodes', '-keyout', key, '-out', cert, '-days', '1', '-subj', '/CN=127.0.0.1',
      '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
    const made = { key: readFileSync(key), cert: readFileSync(cert) };
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), made.cert.toString()]);
    return made;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const withoutPrefix = (prefix, path) =>
  path.startsWith(`${prefix}/`) ? path.slice(prefix.length) : undefined;

export class Front {
  // Options: secure (TLS); prefix: a path that is taken off requests before they go on; pathOf:
  // what it makes of a path instead, or undefined if it knows none; headers: what it adds.
  static async start(end, { secure = false, prefix = '', pathOf, headers = {} } = {}) {
    const front = new Front(prefix, pathOf, headers);
    const take = (request, response) => front.#pass(request, response);
    front.server = secure ? https.createServer(selfSigned(), take) : http.createServer(take);
    await new Promise((resolve) => front.server.listen(0, '127.0.0.1', resolve));
    end(() => front.#close());
    front.root = `${secure ? 'https' : 'http'}://127.0.0.1:${front.server.address().port}`;
    front.url = front.root + prefix;
    return front;
  }

  constructor(prefix, pathOf, headers) {
    this.pathOf = pathOf ?? ((path) => withoutPrefix(prefix, path));
    this.headers = headers;
    this.requests = []; // `METHOD /path`, in the order of their arrival
  }

  mcpUrl(adapter) {
    return new URL(`${this.url}/adapters/${adapter}/mcp`);
  }

  #pass(request, response) {
    this.requests.push(`${request.method} ${request.url}`);
    const path = this.pathOf(request.url);
    if (path === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { hostname, port } = new URL(this.to);
    const headers = { ...request.headers, ...this.headers };
    const { method } = request;
    const onward = http.request({ hostname, port, path, method, headers, agent: false });
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.on('error', () => response.destroy());
      answer.pipe(response);
      response.flushHeaders();
    });
    onward.on('error', () => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
    response.on('close', () => onward.destroy());
    request.pipe(onward);
  }

  async #close() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }
}
