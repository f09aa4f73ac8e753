// One run of a container: a real process with the container's environment, or a pretence that only
// has a log. It ends once, with an exit code or a signal.
//
// A process leads a group of its own, which is ended with it, and the kernel kills it when the fake
// dies, however that happens.
import { spawn } from 'node:child_process';
import { Log } from './logs.mjs';

const INHERITED = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'LD_LIBRARY_PATH'];

function fill(words, values) {
  return words.flatMap((word) => (word === '{args}' ? values.args
    : [word.replace(/\{(address|port|pod|namespace)\}/g, (_, name) => String(values[name]))]));
}

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It is already gone.
  }
}

// The process of the fake must not leave any behind, whatever ends it.
const running = new Set();
process.on('exit', () => {
  for (const child of running) signalGroup(child, 'SIGKILL');
});

export class Process {
  exited = false;

  // what: {command, args, env, address, port, pod, namespace, directory}; `onExit({exitCode,
  // signal})` is called once.
  constructor(what, { now, onExit }) {
    this.log = new Log(now);
    this.startedAt = now();
    const own = Object.fromEntries(INHERITED.filter((name) => name in process.env)
      .map((name) => [name, process.env[name]]));
    const argv = fill(what.command, { ...what, args: what.args ?? [] });
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...argv], {
      cwd: what.directory,
      detached: true,
      env: { ...own, ...what.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(this.child);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (piece) => this.log.append(piece));
    }
    this.child.on('error', (error) => this.log.append(`${error.message}\n`));
    this.child.on('close', (code, signal) => this.#end(code, signal, onExit));
  }

  get pid() {
    return this.child.pid;
  }

  #end(code, signal, onExit) {
    if (this.exited) return;
    this.exited = true;
    running.delete(this.child);
    if (this.child.pid) signalGroup(this.child, 'SIGKILL'); // what it has left behind
    this.log.close();
    const numbers = { SIGTERM: 15, SIGKILL: 9, SIGINT: 2, SIGSEGV: 11, SIGABRT: 6 };
    onExit({ exitCode: code ?? 128 + (numbers[signal] ?? 0), signal });
  }

  signal(name) {
    if (!this.exited && this.child.pid) signalGroup(this.child, name);
  }
}

export class Pretence {
  exited = false;

  constructor({ log }, { now, onExit }) {
    this.log = new Log(now);
    this.startedAt = now();
    this.onExit = onExit;
    this.log.append(log.endsWith('\n') ? log : `${log}\n`);
  }

  signal(name) {
    if (this.exited) return;
    this.exited = true;
    this.log.close();
    queueMicrotask(() => this.onExit({ exitCode: name === 'SIGKILL' ? 137 : 0, signal: name }));
  }
}
