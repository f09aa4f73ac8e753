// Reading the audit log of MCP requests, of which every line must be whole and one JSON object, and
// traffic that can be found again in it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import http from 'node:http';
import { basename, dirname, join } from 'node:path';
import { ACCEPT, post } from './mcp.mjs';
import { until } from './wait.mjs';

// Lines of one file, or undefined while its last one is not whole.
function wholeLines(path) {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (text !== '' && !text.endsWith('\n')) return undefined;
  return text.split('\n').slice(0, -1).map((line) => {
    try {
      return JSON.parse(line);
    } catch {
      throw new Error(`no JSON: ${line}`);
    }
  });
}

export function linesIn(path) {
  const lines = wholeLines(path);
  assert.ok(lines, `${path} ends in the middle of a line`);
  return lines;
}

// A kill in the middle of a write may leave one line that is not whole.
export function linesAfterKill(path) {
  const lines = readFileSync(path, 'utf8').split('\n').filter((line) => line !== '');
  const whole = lines.filter((line) => line.startsWith('{"time"') && line.endsWith('}'));
  assert.ok(whole.length >= lines.length - 1, `${lines.length - whole.length} are cut`);
  return whole.map((line) => JSON.parse(line));
}

// FILE and FILE.1, FILE.2 …, the oldest first.
export function filesOf(path) {
  const numberOf = (name) => Number(name.slice(basename(path).length + 1));
  const names = readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)));
  return names.sort((a, b) => numberOf(b) - numberOf(a)).map((name) => join(dirname(path), name));
}

export const allLines = (path) => filesOf(path).flatMap(linesIn);

let marks = 0;

// The lines of what `work` asks a gateway of one worker, whose lines come in the order in which
// answers end: those between two requests for adapters that are not there.
export async function linesOf(gateway, work) {
  const mark = async () => {
    const name = `mark-${(marks += 1)}`;
    await post(gateway.mcpUrl(name), { jsonrpc: '2.0', id: 0, method: 'ping' }, gateway.headers);
    return until(`the line of ${name}`, () => {
      const lines = wholeLines(gateway.auditFile) ?? [];
      const at = lines.findIndex((line) => line.adapter === name);
      return at >= 0 && { lines, at };
    });
  };
  const first = await mark();
  await work();
  const last = await mark();
  return last.lines.slice(first.at + 1, last.at);
}

// Many requests on few connections, each with a trace of its own. `answered` has the traces of
// those whose answer has come.
export class Traced {
  answered = [];
  broken = 0;

  constructor(end, url) {
    this.url = url;
    this.agent = new http.Agent({ keepAlive: true });
    end(() => this.agent.destroy());
  }

  // `connections` at a time, until `isDone` says so.
  async run(connections, isDone) {
    const one = async () => {
      while (!isDone(this)) await this.#ask();
    };
    await Promise.all(Array.from({ length: connections }, one));
  }

  async send(times, connections = 1) {
    const enough = this.answered.length + times;
    let begun = this.answered.length;
    await this.run(connections, () => (begun += 1) > enough);
    assert.equal(this.answered.length, enough);
  }

  #ask() {
    const trace = randomBytes(16).toString('hex');
    const headers = {
      ...ACCEPT,
      'Content-Type': 'application/json',
      'traceparent': `00-${trace}-b7ad6b7169203331-01`,
    };
    return new Promise((resolve) => {
      const call = http.request(this.url, { method: 'POST', agent: this.agent, headers });
      const broken = () => {
        this.broken += 1;
        resolve();
      };
      call.on('error', broken);
      call.on('response', (response) => {
        response.on('error', () => {}); // counted below
        response.resume();
        response.on('close', () => {
          if (!response.complete || response.statusCode !== 200) return broken();
          this.answered.push(trace);
          resolve();
        });
      });
      call.end('{"jsonrpc":"2.0","id":1,"method":"ping"}');
    });
  }

  // Of all answers, those that have a line; fails if one has two.
  seenIn(lines) {
    const all = lines.map((line) => line.traceId).filter(Boolean);
    assert.equal(new Set(all).size, all.length, 'no request has two lines');
    const there = new Set(all);
    return this.answered.filter((trace) => there.has(trace));
  }
}
