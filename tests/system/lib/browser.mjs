// A real browser without a window, driven through its debugging protocol: pages of any origin, and
// what their scripts get to see.
//
// Names of hosts lead to this machine or nowhere, so the browser asks nobody outside. Whoever
// starts one must end it; it keeps its profile in a folder of its own, which goes with it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import readline from 'node:readline';
import { processesWithVariable } from './processes.mjs';
import { until, within } from './wait.mjs';

const PROGRAM = 'chromium-headless-shell';
const MARK = 'MCPGW_TEST_BROWSER';
// The pages' hosts, beside localhost.
export const HOSTS = ['app.example', 'evil.example'];

const RULES = [
  ...HOSTS.map((host) => `MAP ${host} 127.0.0.1`),
  'MAP * ~NOTFOUND',
  'EXCLUDE localhost',
  'EXCLUDE 127.0.0.1',
];

const FLAGS = [
  '--no-sandbox', // tests run as root, too; the pages are our own
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
  '--remote-debugging-port=0',
  `--host-resolver-rules=${RULES.join(',')}`,
];

export class Browser {
  // `end` takes what ends it (ends.mjs).
  static async start(end) {
    const browser = new Browser();
    end(() => browser.#stop());
    await browser.#start();
    return browser;
  }

  #answers = new Map();
  #asked = 0;
  #loaded = new Set(); // ids of the loads that are complete

  async #start() {
    this.profile = mkdtempSync(join(tmpdir(), 'mcpgw-browser-'));
    const flags = [...FLAGS, `--user-data-dir=${this.profile}`, 'about:blank'];
    const env = { ...process.env, [MARK]: this.profile };
    const stdio = ['ignore', 'ignore', 'pipe'];
    this.child = spawn(PROGRAM, flags, { stdio, env, detached: true });
    this.exit = new Promise((resolve, reject) => {
      this.child.once('exit', resolve);
      this.child.once('error', reject);
    });
    const said = [];
    const address = new Promise((resolve) => {
      readline.createInterface({ input: this.child.stderr }).on('line', (line) => {
        said.push(line);
        const match = /^DevTools listening on (ws:\S+)$/.exec(line);
        if (match) resolve(match[1]);
      });
    });
    const ended = this.exit.then(() => {
      throw new Error(`${PROGRAM} ended: ${said.join('\n')}`);
    });
    this.socket = new WebSocket(await within('the browser', Promise.race([address, ended])));
    this.socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(data)));
    await within('its debugging connection', new Promise((resolve, reject) => {
      this.socket.addEventListener('open', resolve);
      this.socket.addEventListener('error', reject);
    }));
  }

  async #stop() {
    this.socket?.close();
    if (this.child?.pid !== undefined && this.child.exitCode === null) {
      process.kill(-this.child.pid, 'SIGKILL'); // with the processes of its pages
      await within('the end of the browser', this.exit);
    }
    const left = () => processesWithVariable(MARK, this.profile).length;
    await until('the end of its processes', () => left() === 0);
    rmSync(this.profile, { recursive: true, force: true });
  }

  #take(message) {
    if (message.method === 'Page.lifecycleEvent' && message.params.name === 'load') {
      this.#loaded.add(message.params.loaderId);
    }
    const { resolve, reject } = this.#answers.get(message.id) ?? {};
    this.#answers.delete(message.id);
    if (message.error) reject?.(new Error(message.error.message));
    else resolve?.(message.result);
  }

  #ask(method, params, sessionId) {
    const id = ++this.#asked;
    const answer = new Promise((resolve, reject) => this.#answers.set(id, { resolve, reject }));
    this.socket.send(JSON.stringify({ id, method, params, sessionId }));
    return within(`${method} in the browser`, answer);
  }

  // A page at the address, loaded. run(f, ...args) calls the function there and returns what it
  // resolves to; arguments and results go as JSON.
  async open(url) {
    const { targetId } = await this.#ask('Target.createTarget', { url: 'about:blank' });
    const flat = { targetId, flatten: true };
    const { sessionId } = await this.#ask('Target.attachToTarget', flat);
    const page = {
      run: async (f, ...args) => {
        const expression = `(${f})(...${JSON.stringify(args)})`;
        const params = { expression, awaitPromise: true, returnByValue: true };
        const { result, exceptionDetails } = await this.#ask('Runtime.evaluate', params, sessionId);
        if (exceptionDetails) throw new Error(exceptionDetails.exception.description);
        return result.value;
      },
    };
    await this.#ask('Page.enable', {}, sessionId);
    await this.#ask('Page.setLifecycleEventsEnabled', { enabled: true }, sessionId);
    const { errorText, loaderId } = await this.#ask('Page.navigate', { url }, sessionId);
    if (errorText) throw new Error(`${url}: ${errorText}`);
    // A script that runs earlier may run in the page that is about to go.
    await until(`${url} in the browser`, () => this.#loaded.has(loaderId));
    return page;
  }
}

// Serves one empty page on a port of 127.0.0.1, whatever is asked for; returns the port.
export async function servePages(end) {
  const server = http.createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>page</title>');
  });
  end(() => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  }));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server.address().port;
}
