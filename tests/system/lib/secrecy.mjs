// What must never be written anywhere: the tokens and secrets of the tests, and what looks like
// one.
//
// Whoever makes a secret confides it here (`confide`); whoever has text that a program wrote asks
// whether something of it has leaked (`leaksIn`). Gateways are asked at their end (gateway.mjs,
// pod.mjs), and so are answers, commands and the objects of clusters (cluster.mjs), so that every
// test is a test of secrecy. A finding names a secret by its kind, never by its value.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

// A secret that a test chooses itself contains this, which nothing else does.
export const MARKER = 'S3CR3T';

// Shorter pieces could be found by chance.
const PIECE_BYTES_MIN = 16;

// What nobody wrote on purpose: found even if no test has confided it.
const SHAPES = [
  ['a secret of the tests', new RegExp(MARKER)],
  ['a JWT', /eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}/],
  ['an API token', /mcpgw_[A-Za-z0-9_-]{43}/],
  ['a private key', /BEGIN [A-Z ]*PRIVATE KEY/],
  ['a bearer token', /Bearer +[A-Za-z0-9._~+/-]{20,}/],
];

const confided = new Map(); // piece -> what it is

// Remembers a secret of this process; returns it. Of a JWT the payload and the signature count
// alone, too: half a token in a log is a leak.
export function confide(value, kind = 'a token') {
  const pieces = /^eyJ[\w-]*\.[\w-]+\.[\w-]+$/.test(value)
    ? [value, ...value.split('.').slice(1)]
    : [value];
  for (const piece of pieces) {
    if (piece.length >= PIECE_BYTES_MIN) confided.set(piece, kind);
  }
  return value;
}

// The kinds of secrets in a text that a program wrote.
export function leaksIn(text) {
  const shapes = SHAPES.filter(([, shape]) => shape.test(text)).map(([kind]) => kind);
  return [...new Set([...shapes, ...confidedIn(Buffer.from(text))])];
}

const confidedIn = (bytes) =>
  [...confided].filter(([piece]) => bytes.includes(piece)).map(([, kind]) => kind);

// Throws if a program answers with something that was confided before.
export function proveSecrecy(what, text) {
  const [kind] = confidedIn(Buffer.from(text));
  if (kind) throw new Error(`${what} has ${kind} in it`);
}

// Throws if something secret is in texts that programs wrote ({what: text}), or, of what tests have
// confided, in a file below the folder.
export function proveNothingWritten(texts, folder) {
  const found = Object.entries(texts).flatMap(([what, text]) =>
    leaksIn(text).map((kind) => `${what}: ${kind}`),
  );
  assert.deepEqual([...found, ...leaksBelow(folder)], [], 'secrets were written');
}

// `FILE: kind` for everything confided that is in a file below the folder. Files may hold what has
// the shape of a secret (sealing keys do), but no token that a client sent.
export function leaksBelow(folder) {
  if (confided.size === 0) return [];
  const found = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    for (const kind of confidedIn(readFileSync(path))) found.push(`${path}: ${kind}`);
  }
  return found;
}
