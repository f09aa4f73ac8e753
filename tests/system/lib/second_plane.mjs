// A second data plane of a running gateway: with the same control plane, and all else its own.
//
// What it counts is its own, too. It knows what the control plane says, a moment after its start.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import readline from 'node:readline';
import { request } from './http.mjs';
import { BIN } from './programs.mjs';
import { within } from './wait.mjs';

export class SecondPlane {
  // It is serving, but may not have heard of any adapter yet, when this resolves.
  static async start(end, gateway) {
    const folder = mkdtempSync(join(tmpdir(), 'mcpgw-'));
    end(() => rmSync(folder, { recursive: true, force: true }));
    const plane = new SecondPlane();
    const sockets = ['contract', 'api'].flatMap((name) => [
      `--${name}-socket`,
      join(gateway.dataDir, `${name}.sock`),
    ]);
    const own = ['--data-dir', folder, '--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'];
    const child = spawn(join(BIN, 'mcp-gateway-dataplane'), [...own, ...sockets], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exit = new Promise((resolve) => child.once('exit', resolve));
    end(async () => {
      child.kill('SIGTERM');
      await within('the end of the second data plane', exit);
    });
    const log = [];
    const serving = new Promise((resolve, reject) => {
      readline.createInterface({ input: child.stderr }).on('line', (line) => {
        log.push(line);
        if (line.includes('"serving"')) resolve(JSON.parse(line));
      });
      exit.then(() => reject(new Error(`the second data plane ended:\n${log.join('\n')}`)));
    });
    const { address } = await within('the second data plane', serving);
    plane.url = `http://${address}`;
    return plane;
  }

  rest(method, path, options) {
    return request(this.url, method, path, options);
  }
}
