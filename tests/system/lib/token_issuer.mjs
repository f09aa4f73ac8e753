// An issuer of tokens that does nothing but sign: discovery, keys, and any token that a test wants.
//
// For tests of what the gateway makes of a token; how people get theirs is identity_provider.mjs.
// `end` takes what ends it (ends.mjs).
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import { SignJWT } from 'jose';
import { confide } from './secrecy.mjs';

const LIFE_SECONDS = 600;

let keys = 0;

// A signing key as a JWK with its private part. RSA, as most providers have it.
export function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  keys += 1;
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: `key-${keys}` };
}

const publicPart = ({ kty, n, e, use, alg, kid }) => ({ kty, n, e, use, alg, kid });

// A token with those claims, of which `iss`, `sub` and `aud` have to be some.
export async function sign(key, claims, { secondsLeft = LIFE_SECONDS } = {}) {
  const now = Math.floor(Date.now() / 1000);
  const signed = await new SignJWT({ iat: now, exp: now + secondsLeft, ...claims })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'at+jwt' })
    .sign(createPrivateKey({ key, format: 'jwk' }));
  return confide(signed, 'an access token');
}

export class TokenIssuer {
  static async start(end) {
    const issuer = new TokenIssuer();
    issuer.server = http.createServer((request, response) => issuer.#answer(request, response));
    await new Promise((resolve) => issuer.server.listen(0, '127.0.0.1', resolve));
    issuer.issuer = `http://127.0.0.1:${issuer.server.address().port}`;
    end(() => {
      issuer.server.closeAllConnections();
      issuer.server.close();
    });
    return issuer;
  }

  constructor() {
    this.key = newKey();
  }

  token(claims, options) {
    return sign(this.key, { iss: this.issuer, ...claims }, options);
  }

  // What discovery says, besides the keys.
  get metadata() {
    return {
      issuer: this.issuer,
      jwks_uri: `${this.issuer}/keys`,
      authorization_endpoint: `${this.issuer}/authorize`,
      token_endpoint: `${this.issuer}/token`,
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
    };
  }

  #answer(request, response) {
    const known = {
      '/.well-known/openid-configuration': this.metadata,
      '/keys': { keys: [publicPart(this.key)] },
    }[request.url];
    response.writeHead(known ? 200 : 404, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(known ?? {}));
  }
}
