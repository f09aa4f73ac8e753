// What a resource server says to who has no token, a wrong one, or one with too few scopes, and
// which metadata it has: the same questions for the conformance suite's mock server and for a
// gateway, so that the answers can be held against each other.
import assert from 'node:assert/strict';
import { request } from './http.mjs';
import { ACCEPT, post, toolCall } from './mcp.mjs';
import { bearer } from './secured.mjs';

export const PRM = '/.well-known/oauth-protected-resource';

export const WRONG = 'opensesame'; // a token that nobody knows

const LIST = { jsonrpc: '2.0', id: 1, method: 'tools/list' };

// The parameters of the one Bearer challenge of an answer, as the official clients want it: first
// and alone in its header line, values quoted and without escapes. Undefined without a challenge.
export function challengeIn(value) {
  if (value === undefined || value === null) return undefined;
  assert.match(value, /^Bearer [a-z_]+="[^"\\]*"(?:, [a-z_]+="[^"\\]*")*$/);
  const found = [...value.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, name, text]) => [name, text]);
  assert.equal(new Set(found.map(([name]) => name)).size, found.length, `twice in ${value}`);
  return Object.fromEntries(found);
}

const said = ({ status, headers }) => ({
  status,
  challenge: challengeIn(headers['www-authenticate']),
});

// `base` is where to ask, `url` what the resource is called: they differ at a gateway. `limited`
// are the headers of somebody who has no scopes; without `wrong`, a token that nobody knows, none
// such is tried.
export async function lookAt(base, url, { limited, wrong }) {
  const at = (where) => new URL(new URL(where).pathname, base);
  const ask = async (body, headers) => said(await post(at(url), body, headers));
  const read = async (where) => {
    const { status, headers, json } = await request(base, 'GET', at(where).pathname, {
      headers: ACCEPT,
    });
    const isJson = /^application\/json/.test(headers['content-type']);
    return { status, document: status === 200 && isJson ? json : undefined };
  };
  const without = await ask(LIST);
  const named = without.challenge.resource_metadata;
  return {
    without,
    wrong: wrong && (await ask(LIST, bearer(wrong))),
    limited: await ask(toolCall(2, 'test-tool'), limited),
    named: named && (await read(named)),
    inserted: await read(new URL(PRM + new URL(url).pathname, url)),
    root: await read(new URL(PRM, url)),
  };
}
