// An issuer of tokens that does nothing but sign: discovery, keys, and any token that a test wants.
//
// For tests of what the gateway makes of a token; how people get theirs is identity_provider.mjs.
// `end` takes what ends it (ends.mjs).
import http from 'node:http';
import { createPrivateKey } from 'node:crypto';
import { SignJWT } from 'jose';
import { newKey } from './identity_provider.mjs';
import { confide } from './secrecy.mjs';

const LIFE_SECONDS = 600;

const publicPart = ({ kty, n, e, use, alg, kid }) => ({ kty, n, e, use, alg, kid });

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

  // A token with those claims, of which `sub` and `aud` have to be some. `secondsLeft` may be
  // negative.
  async token(claims, { secondsLeft = LIFE_SECONDS, key = this.key, typ = 'at+jwt' } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, exp: now + secondsLeft };
    const signed = await new SignJWT({ iss: this.issuer, ...times, ...claims })
      .setProtectedHeader({ alg: key.alg, kid: key.kid, typ })
      .sign(createPrivateKey({ key, format: 'jwk' }));
    return confide(signed, 'an access token');
  }

  async bearer(claims, options) {
    return { Authorization: `Bearer ${await this.token(claims, options)}` };
  }

  #answer(request, response) {
    const known = {
      '/.well-known/openid-configuration': {
        issuer: this.issuer,
        jwks_uri: `${this.issuer}/keys`,
        authorization_endpoint: `${this.issuer}/authorize`,
        token_endpoint: `${this.issuer}/token`,
        response_types_supported: ['code'],
        code_challenge_methods_supported: ['S256'],
      },
      '/keys': { keys: [publicPart(this.key)] },
    }[request.url];
    response.writeHead(known ? 200 : 404, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(known ?? {}));
  }
}
