// A data plane that is told what to do by a test: it has no control plane but this one, which says
// one snapshot to whoever connects.
//
// For what a snapshot says and no resource of the API does. Both may die without warning: kill()
// the data plane, lose() the control plane; each comes back with what it had. The data plane gets
// another port then: ask for `url` again.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import readline from 'node:readline';
import { request } from './http.mjs';
import { BIN } from './programs.mjs';
import { within } from './wait.mjs';

// Who may come in: whoever a test says, as always in development mode.
const ACCESS = {
  issuers: [],
  audiences: [],
  claims: {},
  scopes: [],
  resource: '',
  clock_skew_seconds: 60,
  tokens: [],
  tenants: [],
  assertion_keys: [],
};
const KEY = { id: 'k1', key: Buffer.alloc(32, 7).toString('base64url'), current: true };

// An adapter of everybody's role `user`, with one instance.
export const toldAdapter = (name, port, fields = {}) => ({
  name,
  transport: 'streamable-http',
  affinity: 'session',
  created_by: 'dev',
  required_roles: ['user'],
  tenant: '',
  timeouts: {},
  request_headers: [],
  instances: [{
    name: `${name}-0`,
    id: port.toString(16).padStart(16, '0'),
    host: '127.0.0.1',
    port,
    authority: `127.0.0.1:${port}`,
    path: '/mcp',
    state: 'ready',
  }],
  ...fields,
});

function frame(message) {
  const text = Buffer.from(JSON.stringify(message));
  const size = Buffer.alloc(4);
  size.writeUInt32BE(text.length);
  return Buffer.concat([size, text]);
}

export class ToldPlane {
  #sockets = new Set();
  #version = 0;

  // `snapshot`: {adapters, tenants}; `end` takes what ends it.
  static async start(end, snapshot, { workers = 2 } = {}) {
    const plane = new ToldPlane(snapshot, workers);
    end(() => plane.#stop());
    await plane.#listen();
    await plane.#run();
    return plane;
  }

  constructor({ adapters, tenants = [] }, workers) {
    const access = { ...ACCESS, tenants };
    this.snapshot = { type: 'snapshot', epoch: 'told', keys: [KEY], adapters, access };
    this.workers = workers;
    this.folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
    this.log = [];
  }

  rest(method, path, options) {
    return request(this.url, method, path, options);
  }

  // The data plane dies; its successor is ready when this resolves.
  async kill() {
    this.child.kill('SIGKILL');
    await within('the end of the data plane', this.exit);
    await this.#run();
  }

  // The control plane dies; its successor has said its snapshot again when this resolves.
  async lose() {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await within('the end of the control plane', this.closed);
    await this.#listen();
    await within('the snapshot', this.#said());
  }

  async #listen() {
    this.server = net.createServer((socket) => this.#serve(socket));
    this.closed = new Promise((resolve) => this.server.once('close', resolve));
    await new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(join(this.folder, 'contract.sock'), resolve);
    });
  }

  // What the data plane says first is its hello; what it says then, acknowledgements.
  #serve(socket) {
    this.#sockets.add(socket);
    socket.on('error', () => {}); // its end is all that matters
    socket.on('close', () => this.#sockets.delete(socket));
    let hello = true;
    socket.on('data', (bytes) => {
      if (hello) socket.write(frame({ ...this.snapshot, version: ++this.#version }));
      else if (bytes.includes('"ack"')) this.told?.resolve();
      else if (bytes.includes('"refuse"')) this.told?.reject(new Error(`${bytes}`));
      hello = false;
    });
  }

  #said() {
    return new Promise((resolve, reject) => (this.told = { resolve, reject }));
  }

  async #run() {
    const said = this.#said();
    const flags = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
    this.child = spawn(
      join(BIN, 'mcp-gateway-dataplane'),
      ['--data-dir', this.folder, '--workers', `${this.workers}`, ...flags],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.exit = new Promise((resolve) => this.child.once('exit', resolve));
    const serving = new Promise((resolve, reject) => {
      readline.createInterface({ input: this.child.stderr }).on('line', (line) => {
        this.log.push(line);
        if (line.includes('"serving"')) resolve(JSON.parse(line));
      });
      this.exit.then(() => reject(new Error(`the data plane ended:\n${this.log.join('\n')}`)));
    });
    const { address, admin } = await within('the data plane', serving);
    this.url = `http://${address}`;
    this.adminUrl = () => `http://${admin}`;
    await within('the snapshot', said);
  }

  async #stop() {
    this.child?.kill('SIGTERM');
    const code = await within('the end of the data plane', this.exit);
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    rmSync(this.folder, { recursive: true, force: true });
    assert.equal(code, 0, this.log.join('\n'));
  }
}
