// Probes of a container as a pod's specification asks for them: TCP, HTTP, and exec (which always
// succeeds here). One Prober repeats one probe and says when its verdict changes.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

export function portOf(container, port) {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port ?? '')) return Number(port);
  return (container.ports ?? []).find((one) => one.name === port)?.containerPort;
}

function tcp(address, port, timeoutMs) {
  return new Promise((resolve) => {
    const socket = net.connect({ host: address, port });
    const done = (success) => {
      socket.destroy();
      resolve(success);
    };
    socket.setTimeout(timeoutMs, () => done(false));
    socket.on('connect', () => done(true));
    socket.on('error', () => done(false));
  });
}

function get(address, port, { scheme, path, httpHeaders = [] }, timeoutMs) {
  const headers = Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value]));
  const module = scheme === 'HTTPS' ? https : http;
  return new Promise((resolve) => {
    const request = module.get({
      host: address, port, path, headers, timeout: timeoutMs, rejectUnauthorized: false,
      agent: false,
    }, (response) => {
      response.resume();
      resolve(response.statusCode >= 200 && response.statusCode < 400);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

// Whether the probe succeeds once.
export async function probeOnce(probe, container, address, scale = 1) {
  const timeoutMs = Math.max(50, (probe.timeoutSeconds ?? 1) * 1000 * scale);
  if (probe.tcpSocket) return tcp(address, portOf(container, probe.tcpSocket.port), timeoutMs);
  if (probe.httpGet) {
    return get(address, portOf(container, probe.httpGet.port), probe.httpGet, timeoutMs);
  }
  return true;
}

export class Prober {
  #stopped = false;
  #cancel = () => {};
  #successes = 0;
  #failures = 0;

  // `onVerdict(true or false)` is called when a threshold is reached, each time.
  constructor(loop, { probe, container, address, onVerdict }) {
    Object.assign(this, { loop, probe, container, address, onVerdict });
  }

  start() {
    this.#next((this.probe.initialDelaySeconds ?? 0) * 1000);
  }

  #next(ms) {
    this.#cancel = this.loop.after(ms, () => void this.#run(), { idle: true });
  }

  async #run() {
    const success = await probeOnce(this.probe, this.container, this.address, this.loop.scale);
    if (this.#stopped) return;
    this.#successes = success ? this.#successes + 1 : 0;
    this.#failures = success ? 0 : this.#failures + 1;
    const { successThreshold = 1, failureThreshold = 3, periodSeconds = 10 } = this.probe;
    if (this.#successes >= successThreshold) this.onVerdict(true);
    else if (this.#failures >= failureThreshold) this.onVerdict(false);
    if (!this.#stopped) this.#next(periodSeconds * 1000);
  }

  stop() {
    this.#stopped = true;
    this.#cancel();
  }
}
