// The conformance suite's scenarios about authorization, of which every one has a resource server
// that sends a client to log in. The gateway has to say what that one says, and an official client
// that hears the gateway in its place has to do all that the suite asks of it.
//
// Each scenario runs three times: with the client at the suite's mock server; with the client at a
// gateway, while the mock server sees what it does (lib/relay.mjs tells what is changed on the
// way); and with a probe in place of the client, which notes the mock server's own answers.
// So the verdicts are the suite's. What it cannot judge is the checking of tokens, because those of
// its authorization server are opaque: challenges and login are about that.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { againstClient, clientScenarios } from './lib/conformance.mjs';
import { exampleAdapter } from './lib/gateway.mjs';
import { AUTHORIZED_CLIENT, fixtureAdapter, NODE, RESOURCE_PROBE } from './lib/programs.mjs';
import { PRM } from './lib/resource_server.mjs';

const NAME = 'judged';
const PATH = `/adapters/${NAME}/mcp`;
const THEIR_PATH = '/mcp';
const [LEGACY, MODERN] = ['2025-11-25', '2026-07-28'];
const SERVERS = { [LEGACY]: exampleAdapter(NAME), [MODERN]: fixtureAdapter(NAME) };
const FOREIGN = 'https://evil.example.com/mcp';

const needing = (...scopes) => ({ scopes, requiredScopes: scopes });

// Scenarios whose resource server says what a gateway can say: how the gateway is set up for it;
// `way`: where the client has to find the metadata, if that is not the first place it asks at;
// `ends`: with which status, if the client shall give up; `otherwise`: what our document need not
// have; `again`: the newer revision is not just the same once more.
const OURS = {
  'auth/metadata-default': { again: 'another first request' },
  'auth/metadata-var1': {},
  'auth/metadata-var2': { way: (inserted) => [`GET ${inserted} 404`, `GET ${PRM} 200`] },
  'auth/metadata-var3': {},
  'auth/basic-cimd': {},
  'auth/scope-from-www-authenticate': needing('mcp:basic'),
  'auth/scope-from-scopes-supported': needing('mcp:basic', 'mcp:read', 'mcp:write'),
  'auth/scope-omitted-when-undefined': {},
  // Its document names a scope that nothing needs, to see that clients prefer the challenge; and a
  // wrong token ends the mock server.
  'auth/scope-step-up': {
    scopes: ['mcp:basic'],
    requiredScopes: ['mcp:basic', 'mcp:write'],
    otherwise: ['scopes_supported'],
    noWrongToken: true,
    again: 'one more check',
  },
  'auth/scope-retry-limit': { ...needing('mcp:admin'), grants: [], ends: 403 },
  'auth/resource-mismatch': { resource: FOREIGN, ends: 200 },
  'auth/offline-access-scope': { scopes: ['mcp:basic'] },
  'auth/offline-access-not-supported': { scopes: ['mcp:basic', 'mcp:read'] },
};

// All others, and why there is nothing in them for a resource server.
const NOT_OURS = {
  'how a client proves itself to the authorization server; resource server as metadata-default': [
    'auth/token-endpoint-auth-basic',
    'auth/token-endpoint-auth-post',
    'auth/token-endpoint-auth-none',
    'auth/pre-registration',
  ],
  'what the authorization server says of itself; resource server as metadata-default': [
    'auth/iss-supported',
    'auth/iss-not-advertised',
    'auth/iss-supported-missing',
    'auth/iss-wrong-issuer',
    'auth/iss-unexpected',
    'auth/iss-normalized',
    'auth/metadata-issuer-mismatch',
  ],
  'another issuer in the document of a running server: a gateway has to be started again for it': [
    'auth/authorization-server-migration',
  ],
  'a server that is its own authorization server, and has no metadata of its own': [
    'auth/2025-03-26-oauth-metadata-backcompat',
    'auth/2025-03-26-oauth-endpoint-fallback',
  ],
  'ways to a token without a person, between client and authorization server': [
    'auth/client-credentials-jwt',
    'auth/client-credentials-basic',
    'auth/enterprise-managed-authorization',
    'auth/wif-jwt-bearer',
  ],
  'tokens that are bound to a key, which the gateway does not take: it offers Bearer only': [
    'auth/dpop',
    'auth/dpop-nonce',
  ],
};

const offered = await clientScenarios();

test('every scenario about authorization is decided upon', () => {
  const decided = [...Object.keys(OURS), ...Object.values(NOT_OURS).flat()].sort();
  const named = Object.keys(offered).filter((name) => name.startsWith('auth/')).sort();
  assert.deepEqual(decided, named);
});

// One run of the suite with that program as its client: its verdicts, and what the program noted,
// with RESOURCE and PROVIDER in place of addresses and the mock server's path in place of ours.
async function judged(program, scenario, revision, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mcpgw-judged-'));
  const file = join(folder, 'record.json');
  try {
    const command = `${NODE} ${program}`;
    const run = await againstClient(command, scenario, revision, { ...env, MCPGW_RECORD: file });
    const { statuses, reasons } = run.scenarios[scenario];
    const text = existsSync(file) ? readFileSync(file, 'utf8') : 'null';
    return { code: run.code, output: run.output, statuses, reasons, record: alike(text) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function alike(text) {
  const { resource, provider } = JSON.parse(text)?.origins ?? {};
  if (!resource) return undefined;
  return JSON.parse(text
    .replaceAll(resource, 'RESOURCE')
    .replaceAll(provider, 'PROVIDER')
    .replaceAll(PATH, THEIR_PATH));
}

// The verdicts of a run by check. How often a check was made does not count: the gateway itself
// looks for the keys of its issuer, and is told by the mock server who that is.
const verdictsOf = ({ statuses }) => Object.fromEntries(
  Object.entries(statuses).map(([id, all]) => [id, [...new Set(all)].sort()]).sort(),
);

function assertPassed(run) {
  const told = [...run.reasons, run.output].join('\n');
  const bad = Object.values(run.statuses).flat().filter((status) => status !== 'SUCCESS');
  assert.deepEqual(bad, [], told);
  assert.ok(Object.keys(run.statuses).length > 0, told);
  assert.equal(run.code, 0, told);
}

const scopesIn = (text) => (text === undefined ? [] : text.split(' '));

// Ours has every parameter of theirs. More scopes at once are better than one after the other;
// RFC 6750 section 3.1 wants no error where no token was sent, though they have one.
function assertChallenge(what, ours, theirs) {
  assert.equal(ours.status, theirs.status, what);
  for (const [name, value] of Object.entries(theirs.challenge)) {
    const said = ours.challenge[name];
    if (name === 'scope') {
      for (const scope of scopesIn(value)) assert.ok(scopesIn(said).includes(scope), what);
    } else if (name === 'error_description') {
      continue; // for people, and not the same words
    } else if (name === 'resource_metadata' && !value.startsWith(`RESOURCE${PRM}`)) {
      assert.ok(said?.startsWith(`RESOURCE${PRM}`), `${what}: ${said}`);
    } else {
      assert.equal(said, name === 'error' && what === 'without' ? undefined : value, what);
    }
  }
}

// Ours is wherever theirs is, with every member of theirs. Their authorization server is our first.
function assertDocument(where, ours, theirs, otherwise) {
  assert.equal(ours.status, 200, where);
  for (const [name, value] of Object.entries(theirs.document)) {
    if (otherwise.includes(name)) continue;
    const said = ours.document[name];
    assert.deepEqual(name === 'authorization_servers' ? said?.slice(0, 1) : said, value, where);
  }
}

function assertAnswers(ours, theirs, { otherwise = [] }) {
  const refusals = ['without', 'wrong', 'limited'].filter((what) => theirs[what]?.challenge);
  for (const what of refusals) {
    // Where they mean to refuse every token they do not tell wrong ones apart.
    const isAnyToken = what === 'wrong' && theirs.wrong.status === 403;
    if (!isAnyToken) assertChallenge(what, ours[what], theirs[what]);
  }
  const places = ['named', 'inserted', 'root'].filter((where) => theirs[where]?.status === 200);
  for (const where of places) assertDocument(where, ours[where], theirs[where], otherwise);
  assert.ok(refusals.includes('without') && places.length > 0, 'nothing to compare with');
}

// What the mock servers leave out is withheld from clients, so it has to be looked at here: scopes
// are named as they were configured, or not at all, and the challenge names the first place where
// a client would look on its own.
function assertConsistent(ours, { scopes }) {
  assert.equal(ours.without.challenge.scope, scopes?.join(' '));
  assert.equal(ours.without.challenge.resource_metadata, `RESOURCE${PRM}${THEIR_PATH}`);
  for (const where of ['named', 'inserted', 'root']) {
    assert.deepEqual(ours[where].document?.scopes_supported, scopes, where);
  }
  assert.deepEqual(ours.named, ours.inserted);
  assert.equal(ours.wrong.status, 401);
  assert.equal(ours.wrong.challenge.error, 'invalid_token');
}

// What the client asked the gateway for until it knew where to log in, and how it ended.
function assertWay(heard, { way, ends = 200 }) {
  const inserted = PRM + THEIR_PATH;
  const found = way ? way(inserted) : [`GET ${inserted} 200`];
  const asked = heard.filter((one) => !one.startsWith('GET /mcp '));
  assert.deepEqual(asked.slice(0, found.length + 1), [`POST ${THEIR_PATH} 401`, ...found]);
  assert.match(asked.at(-1), new RegExp(` ${ends}$`));
}

async function judge(scenario, revision) {
  const setting = OURS[scenario];
  const { scopes, requiredScopes, resource, grants } = setting;
  const gateway = { path: PATH, adapter: SERVERS[revision], scopes, requiredScopes,
    resource, grants };
  const quiet = setting.noWrongToken ? { MCPGW_NO_WRONG_TOKEN: 'yes' } : {};
  const [direct, through, probe] = await Promise.all([
    judged(AUTHORIZED_CLIENT, scenario, revision),
    judged(AUTHORIZED_CLIENT, scenario, revision, { MCPGW_GATEWAY: JSON.stringify(gateway) }),
    judged(RESOURCE_PROBE, scenario, revision, quiet),
  ]);
  assertPassed(direct);
  assertPassed(through);
  assert.deepEqual(verdictsOf(through), verdictsOf(direct));
  assertAnswers(through.record.answers, probe.record.answers, setting);
  assertConsistent(through.record.answers, setting);
  assertWay(through.record.heard, setting);
}

const isOf = (scenario, revision) => offered[scenario]?.includes(revision);

describe(`client conformance with authorization, ${LEGACY}`, () => {
  for (const scenario of Object.keys(OURS).filter((one) => isOf(one, LEGACY))) {
    test(scenario, () => judge(scenario, LEGACY));
  }
});

describe(`client conformance with authorization, new in ${MODERN}`, () => {
  const isNew = (one) => isOf(one, MODERN) && (!isOf(one, LEGACY) || OURS[one].again);
  for (const scenario of Object.keys(OURS).filter(isNew)) {
    test(scenario, () => judge(scenario, MODERN));
  }
});
