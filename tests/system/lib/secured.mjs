// A gateway that asks everybody for a token, behind a front whose address is its public origin.
//
// `AUDIENCE` is good everywhere at it, beside the URLs of its resources. The test itself is the
// administrator `root`, in `gateway.rest` and what builds on it.
import { Gateway } from './gateway.mjs';
import { until } from './wait.mjs';

export const AUDIENCE = 'mcp-gateway-system-tests';
export const ADMIN = 'mcp.admin';

export const bearer = (token) => ({ Authorization: `Bearer ${token}` });

// The headers of somebody whose token is good everywhere. `claims` may add to them: roles, tid …
export async function as(issuer, sub, claims = {}, options) {
  return bearer(await issuer.token({ sub, aud: AUDIENCE, ...claims }, options));
}

// `issuers` have `issuer` and `token`; further options are those of Gateway.start.
export async function startSecured(end, issuers, front, { args = [], ...options } = {}) {
  const gateway = await Gateway.start(end, {
    args: [
      ...['--auth', 'oidc'],
      ...issuers.flatMap(({ issuer }) => ['--oidc-issuer', issuer]),
      ...['--oidc-audience', AUDIENCE],
      ...['--public-origin', front.url],
      ...['--clock-skew-seconds', '0'],
      ...['--log-level', 'debug'], // what is logged then must not tell secrets either
      ...args,
    ],
    audit: true, // as little as what is written there
    ...options,
  });
  front.to = gateway.url;
  gateway.headers = await as(issuers[0], 'root', { roles: [ADMIN] });
  await until('the keys of the issuer in the data plane', async () => {
    return (await gateway.rest('GET', '/adapters')).status === 200;
  });
  return gateway;
}
