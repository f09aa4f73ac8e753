// The recordings of a real API server (their README explains the format), and how one request of
// them is made again: with exactly its headers, at once answered or as a stream.
import { readFileSync, readdirSync } from 'node:fs';
import http from 'node:http';
import { fileURLToPath } from 'node:url';

export const FOLDER = fileURLToPath(
  new URL('../../../../../shared/kubernetes/', import.meta.url),
);

// number -> {request, response, name}, in the order in which they ended.
export function readRecordings() {
  const folder = `${FOLDER}transcripts/`;
  const recordings = new Map();
  for (const file of readdirSync(folder).sort()) {
    const recording = JSON.parse(readFileSync(folder + file, 'utf8'));
    recordings.set(Number(file.slice(0, 3)), { ...recording, file });
  }
  return recordings;
}

const agent = new http.Agent({ keepAlive: true });

function send(url, { method, path, headers, body }, onResponse) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const length = body === null ? {} : { 'Content-Length': Buffer.byteLength(body) };
    const request = http.request({
      agent, hostname, port, method, path, headers: { ...headers, ...length },
    }, (response) => onResponse(response, resolve));
    request.on('error', reject);
    request.end(body ?? undefined);
  });
}

// {status, headers, body} of a request that is answered at once.
export function ask(url, request) {
  return send(url, request, (response, resolve) => {
    const chunks = [];
    response.on('data', (chunk) => chunks.push(chunk));
    response.on('end', () => resolve({
      status: response.statusCode,
      headers: response.headers,
      body: Buffer.concat(chunks).toString('utf8'),
    }));
  });
}

// A request whose answer is a stream: {status, headers, lines, ended, close()}.
export function follow(url, request) {
  return send(url, request, (response, resolve) => {
    const stream = {
      status: response.statusCode, headers: response.headers, lines: [], ended: false,
    };
    let rest = '';
    const over = () => {
      stream.ended = true;
    };
    response.setEncoding('utf8');
    response.on('data', (piece) => {
      const parts = (rest + piece).split('\n');
      rest = parts.pop();
      stream.lines.push(...parts.map((part) => `${part}\n`));
    });
    response.on('end', over);
    response.on('error', over);
    response.on('close', over);
    stream.close = () => response.destroy();
    resolve(stream);
  });
}

export const closeConnections = () => agent.destroy();
