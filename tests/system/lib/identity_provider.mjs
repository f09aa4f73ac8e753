// A certified OpenID provider on loopback, as companies have one: open registration, PKCE, resource
// indicators, signed access tokens, refresh, and people who log in.
//
// Nobody sits at a browser: `login` follows the redirects of an authorization URL with cookies and
// tells the provider who is asking. What the provider knows (clients, codes, grants) outlives
// `down` and a change of keys, as a database would. `end` takes what ends it (ends.mjs).
import assert from 'node:assert/strict';
import http from 'node:http';
import { Provider } from 'oidc-provider';
import { confide, MARKER } from './secrecy.mjs';
import { newKey, sign } from './token_issuer.mjs';

// Of all clients here. Nobody listens there: `login` takes the code on the way.
export const REDIRECT_URL = 'http://127.0.0.1:1/callback';

const WHO = 'x-log-in-as';
const REDIRECTS_MAX = 12;
const REALM_ROLES = 'realm_access';

// The provider's own default keeps everything in one store for the whole process.
class Rows {
  constructor(model, rows) {
    this.model = model;
    this.rows = rows;
  }

  key = (id) => `${this.model}:${id}`;

  async upsert(id, payload) {
    this.rows.set(this.key(id), payload);
  }

  async find(id) {
    return this.rows.get(this.key(id));
  }

  async findByUid(uid) {
    return [...this.rows].find(([key, row]) => key.startsWith(this.model) && row.uid === uid)?.[1];
  }

  async destroy(id) {
    this.rows.delete(this.key(id));
  }

  async consume(id) {
    this.rows.get(this.key(id)).consumed = Math.floor(Date.now() / 1000);
  }

  async revokeByGrantId(grantId) {
    for (const [key, row] of this.rows) if (row.grantId === grantId) this.rows.delete(key);
  }
}

// A public client that an administrator has made.
const knownClient = (id, scopes) => ({
  client_id: id,
  redirect_uris: [REDIRECT_URL],
  grant_types: ['authorization_code'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  scope: scopes.join(' '),
});

export class IdentityProvider {
  // Options: users: {id: {name, roles, tenant}}; scopes that resources know; accessTokenSeconds;
  // clients: ids that need not register, and get no refresh tokens.
  static async start(end, { users = { alice: {} }, scopes = ['mcp'], ...options } = {}) {
    const provider = new IdentityProvider(users, scopes, options);
    await provider.up();
    end(() => provider.down());
    return provider;
  }

  constructor(users, scopes, { accessTokenSeconds = 600, clients = [] }) {
    this.clients = clients;
    this.users = users;
    this.scopes = scopes;
    this.accessTokenSeconds = accessTokenSeconds;
    this.rows = new Map();
    this.signingKeys = [newKey()];
    this.requests = []; // `METHOD /path`, in the order of their arrival
  }

  get issuer() {
    return `http://127.0.0.1:${this.port}`;
  }

  // Goes up, after `down` on the same port.
  async up() {
    this.server = http.createServer((request, response) => this.#answer(request, response));
    await new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.port ?? 0, '127.0.0.1', resolve);
    });
    this.port = this.server.address().port;
    this.provider ??= this.#make();
  }

  async down() {
    if (!this.server.listening) return;
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  // Signs with a new key from now on; the old ones stay published.
  rotate() {
    this.signingKeys.unshift(newKey());
    this.provider = this.#make();
  }

  // Publishes nothing but the key in use.
  forgetOldKeys() {
    this.signingKeys.length = 1;
    this.provider = this.#make();
  }

  // A token as it issues them, without anybody logging in.
  token(claims, options) {
    return sign(this.signingKeys[0], { iss: this.issuer, ...claims }, options);
  }

  // How often a path was asked for.
  asked(path) {
    return this.requests.filter((one) => one.split(' ')[1] === path).length;
  }

  #make() {
    const provider = new Provider(this.issuer, {
      adapter: (model) => new Rows(model, this.rows),
      jwks: { keys: this.signingKeys },
      cookies: { keys: [`${MARKER}-cookies`] },
      scopes: ['openid', 'offline_access', ...this.scopes],
      clients: this.clients.map((id) => knownClient(id, this.scopes)),
      pkce: { required: () => true },
      findAccount: (_, sub) => (this.users[sub] ? this.#account(sub) : undefined),
      interactions: { url: (_, { uid }) => `/interaction/${uid}` },
      issueRefreshToken: async (_, client) => client.grantTypeAllowed('refresh_token'),
      expiresWithSession: () => false,
      rotateRefreshToken: true,
      extraTokenClaims: (_, token) => this.#claims(token.accountId),
      ttl: { AccessToken: this.accessTokenSeconds, Grant: 3600, Session: 3600, Interaction: 600,
        IdToken: 600, AuthorizationCode: 60, RefreshToken: 3600 },
      features: {
        devInteractions: { enabled: false },
        dPoP: { enabled: false },
        registration: { enabled: true, initialAccessToken: false },
        resourceIndicators: {
          enabled: true,
          useGrantedResource: () => true,
          getResourceServerInfo: (_, resource) => this.#resource(resource),
        },
      },
    });
    provider.on('server_error', (_, error) => console.error('identity provider:', error));
    provider.on('grant.success', ({ body }) => {
      for (const token of [body.access_token, body.refresh_token]) if (token) confide(token);
    });
    return provider;
  }

  #resource(resource) {
    return {
      audience: resource,
      scope: this.scopes.join(' '),
      accessTokenTTL: this.accessTokenSeconds,
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: 'RS256', kid: this.signingKeys[0].kid } },
    };
  }

  #account(sub) {
    return { accountId: sub, claims: () => ({ sub }) };
  }

  #claims(sub) {
    const { name, roles, realmRoles, tenant } = this.users[sub] ?? {};
    return { name, roles, tid: tenant, [REALM_ROLES]: realmRoles && { roles: realmRoles } };
  }

  #answer(request, response) {
    this.requests.push(`${request.method} ${request.url.split('?')[0]}`);
    if (!request.url.startsWith('/interaction/')) {
      this.provider.callback()(request, response);
      return;
    }
    this.#interact(request, response).catch((error) => {
      response.writeHead(500).end(error.message);
    });
  }

  // The page where a person says who he is and agrees.
  async #interact(request, response) {
    const { prompt, params, session } = await this.provider.interactionDetails(request, response);
    const accountId = session?.accountId ?? request.headers[WHO];
    if (prompt.name === 'login') {
      const login = { accountId: request.headers[WHO] };
      await this.provider.interactionFinished(request, response, { login });
      return;
    }
    assert.equal(prompt.name, 'consent');
    const grant = new this.provider.Grant({ accountId, clientId: params.client_id });
    grant.addOIDCScope((prompt.details.missingOIDCScope ?? []).join(' '));
    for (const [resource, scopes] of Object.entries(prompt.details.missingResourceScopes ?? {})) {
      grant.addResourceScope(resource, scopes.join(' '));
    }
    const consent = { grantId: await grant.save() };
    await this.provider.interactionFinished(request, response, { consent },
      { mergeWithLastSubmission: true });
  }
}

// Logs `user` in at an authorization URL, up to the redirect to the client, whose parameters are
// returned: {code, state, iss} or {error, error_description}.
export async function login(authorizationUrl, user) {
  const back = new URL(authorizationUrl).searchParams.get('redirect_uri');
  const cookies = new Map();
  let url = new URL(authorizationUrl);
  for (let hops = 0; hops < REDIRECTS_MAX; hops++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie, [WHO]: user } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      cookies.set(name, value);
    }
    const location = answer.headers.get('location');
    assert.ok(location, `${answer.status} instead of a redirect: ${await answer.text()}`);
    url = new URL(location, url);
    if (url.href.startsWith(back)) return Object.fromEntries(url.searchParams);
  }
  throw new Error(`more than ${REDIRECTS_MAX} redirects`);
}
