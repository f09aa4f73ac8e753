// Between an official client and two resource servers at once: the client hears what the gateway
// says, and the conformance suite's mock server gets every request, too, so that the suite can
// judge what our answers make a client do.
//
//   client --request--> gateway --answer--> client
//                \----> mock server --answer--> only looked at
//
// Both have the same address for the client: the public origin of the gateway is that of the mock
// server. Three things are changed on the way, none of which adds to what the gateway says:
//   - The mock server has no path but /mcp, so the suite reads that where the client names ours.
//   - What the mock server leaves out of a challenge or document, and documents that it does not
//     have, are withheld from the client, so that each scenario goes the way that it is about.
//   - Tokens of the suite's authorization server are opaque. The gateway gets in their place
//     signed ones with the same audience and scopes, from an issuer that it accepts.
// Without a gateway (`to` is undefined) the client talks to the mock server directly.
import { challengeIn, PRM } from './resource_server.mjs';

const THEIR_PATH = '/mcp';

// What a scenario may leave out on purpose, of challenges and of documents.
const MAY_LACK = ['resource_metadata', 'scope', 'scopes_supported'];

// `all` without what may be lacking and does lack in `model`.
const asFarAs = (model, all) => Object.fromEntries(
  Object.entries(all).filter(([name]) => name in model || !MAY_LACK.includes(name)),
);

export class Relay {
  // `mock` is the URL that the suite has given, `path` where the gateway serves the like;
  // `sign({aud, scope})` makes a token for the gateway.
  constructor(mock, path = THEIR_PATH, sign = () => undefined) {
    this.mock = new URL(mock);
    this.url = new URL(path, mock);
    this.sign = sign;
    this.signed = new Map(); // token of the suite -> token for the gateway
    this.heard = []; // `METHOD /path STATUS` of what the client asked of the resource server
  }

  // What the suite is to read where the client has named the gateway's path.
  renamed(text) {
    const ours = this.url.pathname;
    return text
      .replaceAll(ours, THEIR_PATH)
      .replaceAll(encodeURIComponent(ours), encodeURIComponent(THEIR_PATH));
  }

  fetch = async (input, init = {}) => {
    const url = new URL(input);
    if (url.origin !== this.mock.origin) return this.#askProvider(url, init);
    const answer = this.to ? await this.#askBoth(url, init) : await fetch(url, init);
    this.heard.push(`${init.method ?? 'GET'} ${url.pathname} ${answer.status}`);
    return answer;
  };

  // Registration, too, has a body, but no grant.
  async #askProvider(url, init) {
    if (init.body === undefined) return fetch(url, init);
    const text = String(init.body);
    const answer = await fetch(url, { ...init, body: this.renamed(text) });
    const form = new URLSearchParams(text);
    if (answer.ok && form.has('grant_type')) {
      const { access_token: token, scope } = await answer.clone().json();
      const aud = form.get('resource') ?? undefined;
      this.signed.set(token, await this.sign({ aud, scope }));
    }
    return answer;
  }

  // The mock server takes nothing but POST and has no streams.
  async #askBoth(url, init) {
    const isMetadata = url.pathname.startsWith(PRM);
    const isShown = isMetadata || init.method === 'POST';
    const [answer, shown] = await Promise.all([
      fetch(new URL(url.pathname, this.to), { ...init, headers: this.#headers(init) }),
      isShown ? fetch(this.renamed(url.href), init) : undefined,
    ]);
    const text = await shown?.text();
    if (!isMetadata) return this.#challenge(answer, shown?.headers.get('WWW-Authenticate'));
    if (url.href === this.named || !answer.ok) return answer;
    if (!shown.ok) return new Response(null, { status: shown.status });
    return Response.json(asFarAs(JSON.parse(text), await answer.json()));
  }

  #headers(init) {
    const headers = new Headers(init.headers);
    const token = /^Bearer (.+)$/.exec(headers.get('Authorization') ?? '')?.[1];
    if (token) headers.set('Authorization', `Bearer ${this.signed.get(token)}`);
    return headers;
  }

  // An answer as the client shall hear it, where the mock server's challenge is `model`, if any.
  #challenge(answer, model) {
    const all = challengeIn(answer.headers.get('WWW-Authenticate'));
    if (!all) return answer;
    const left = model ? asFarAs(challengeIn(model), all) : all;
    this.named = left.resource_metadata ?? this.named;
    const listed = Object.entries(left).map(([name, value]) => `${name}="${value}"`);
    const headers = new Headers(answer.headers);
    headers.set('WWW-Authenticate', `Bearer ${listed.join(', ')}`);
    return new Response(answer.body, { status: answer.status, headers });
  }
}
