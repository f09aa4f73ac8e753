// Faults put into the way of requests while the fake runs. The dice have a seed, so that the same
// requests in the same order meet the same faults.
//
// A rule: {verb?, resource?, namespace?, name?, probability? (1), after? (requests let through
// first), count? (how often at most), fault: {...}}, where the fault is one of
//   {status: 409|410|429|500|503|..., retryAfter?}   answered instead of the request
//   {delayMs}                                        answered later
//   {drop: "before"|"after"}                         connection cut before or after it took effect
//   {dropWatchAfterMs}                               the watch is cut after a time
//   {watchError: 410|...}                            the watch gets an ERROR event and ends
import { ApiError, expired, tooManyRequests } from './status.mjs';

// A small generator of numbers below 1 (mulberry32).
export function dice(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const FITS = ['verb', 'namespace', 'name'];

function fits(rule, asked) {
  const has = (wanted, value) => wanted === undefined || [wanted].flat().includes(value);
  return has(rule.resource, asked.resource?.plural)
    && FITS.every((key) => has(rule[key], asked[key]));
}

export function statusFault({ status, retryAfter }, { resource, name }) {
  switch (status) {
    case 409:
      return new ApiError(409, `Operation cannot be fulfilled on ${resource?.qualified}`
        + ` "${name ?? ''}": the object has been modified; please apply your changes to the latest`
        + ' version and try again', {
        reason: 'Conflict', details: { name, group: resource?.group, kind: resource?.plural },
      });
    case 410:
      return expired('The resourceVersion for the provided list is too old.');
    case 429:
      return tooManyRequests(retryAfter);
    case 500:
      return new ApiError(500, 'Internal error occurred: injected', {
        reason: 'InternalError', details: { causes: [{ message: 'injected' }] },
      });
    case 503:
      return new ApiError(503, 'the server is currently unable to handle the request', {
        reason: 'ServiceUnavailable',
        headers: retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) },
      });
    default:
      return new ApiError(status, 'injected');
  }
}

export class Faults {
  rules = [];
  injected = {};
  #random = dice(1);
  #awayUntil = 0;

  // {seed?, rules}
  set({ seed = 1, rules = [] }) {
    this.#random = dice(seed);
    this.rules = rules.map((rule) => ({ ...rule, seen: 0, done: 0 }));
  }

  // For a time nobody answers: connections are cut.
  goAway(ms) {
    this.#awayUntil = Date.now() + ms;
  }

  get away() {
    return Date.now() < this.#awayUntil;
  }

  // The fault that a request meets, or undefined.
  meet(asked) {
    for (const rule of this.rules) {
      if (!fits(rule, asked)) continue;
      rule.seen += 1;
      if (rule.seen <= (rule.after ?? 0) || rule.done >= (rule.count ?? Infinity)) continue;
      if (this.#random() >= (rule.probability ?? 1)) continue;
      rule.done += 1;
      const what = Object.entries(rule.fault).slice(0, 1).map(([key, value]) => `${key} ${value}`);
      this.injected[what[0]] = (this.injected[what[0]] ?? 0) + 1;
      return rule.fault;
    }
    return undefined;
  }
}
