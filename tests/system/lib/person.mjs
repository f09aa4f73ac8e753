// A person with an official client: what an MCP host does around the SDK so that its user can log
// in.
//
// Keeps what the SDK asks it to keep, and answers `redirectToAuthorization` by logging in at once
// (identity_provider.mjs). `steps` says what the SDK has asked for, in order.
import { UnauthorizedError as ModernUnauthorized } from '@modelcontextprotocol/client';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { connect } from './clients.mjs';
import { login, REDIRECT_URL } from './identity_provider.mjs';
import { confide } from './secrecy.mjs';

export class Person {
  redirectUrl = REDIRECT_URL;

  // `registered` is a client that need not register: {client_id, issuer}.
  constructor(user, registered) {
    this.user = user;
    this.registered = registered;
    this.grants = ['authorization_code', ...(registered ? [] : ['refresh_token'])];
    this.steps = [];
  }

  get clientMetadata() {
    return {
      client_name: 'mcp-gateway-system-tests',
      redirect_uris: [this.redirectUrl],
      grant_types: this.grants,
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }

  state = () => 'the-state';
  clientInformation = () => this.registered;
  tokens = () => this.kept;
  codeVerifier = () => this.verifier;
  discoveryState = () => this.discovered;

  saveDiscoveryState(state) {
    this.discovered = state;
  }

  saveClientInformation(information) {
    this.steps.push('registered');
    this.registered = information;
  }

  saveTokens(tokens) {
    this.steps.push('tokens');
    confide(tokens.access_token, 'an access token');
    if (tokens.refresh_token) confide(tokens.refresh_token, 'a refresh token');
    this.kept = tokens;
  }

  saveCodeVerifier(verifier) {
    this.verifier = confide(verifier, 'a code verifier');
  }

  async redirectToAuthorization(url) {
    this.steps.push('login');
    this.authorizationUrl = url;
    this.answer = await login(url, this.user);
    if (this.answer.code) confide(this.answer.code, 'an authorization code');
  }

  // The claims of the access token, as this client has it.
  claims() {
    return JSON.parse(Buffer.from(this.kept.access_token.split('.')[1], 'base64url'));
  }
}

const LOGINS_MAX = 2;

export const isUnauthorized = (error) =>
  error instanceof UnauthorizedError || error instanceof ModernUnauthorized;

// Connects as `connect` does, and logs in when the server says that one has to: once, and again if
// it wants to have more scopes then. Further options of the transport are in `options.transport`.
export async function connectAs(end, person, speaker, url, options = {}) {
  const ways = { ...options, transport: { authProvider: person, ...options.transport } };
  for (let logins = 0; logins < LOGINS_MAX; logins++) {
    let transport;
    person.answer = undefined;
    try {
      return await connect(end, speaker, url, { ...ways, made: (one) => (transport = one) });
    } catch (error) {
      if (!isUnauthorized(error) || !person.answer?.code) throw error;
    }
    const { answer } = person;
    await transport.finishAuth(speaker === 'sdk' ? answer.code : new URLSearchParams(answer));
  }
  return connect(end, speaker, url, ways);
}
