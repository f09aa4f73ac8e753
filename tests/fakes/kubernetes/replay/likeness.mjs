// Whether an answer of the fake is like a recorded one: equal, except for what is new each time.
//
// What is new each time (uids, resourceVersions, generated names, revision hashes, addresses) is
// paired: each recorded one stands for one of the fake's and the other way round, over the whole
// replay. Times must only be there. What the recorder's stand-in for a node writes otherwise than a
// kubelet, and what its distribution adds, is taken out of both sides by `comparable`.
const TIMES = new Set([
  'creationTimestamp', 'deletionTimestamp', 'lastTransitionTime', 'startTime', 'startedAt',
  'finishedAt', 'firstTimestamp', 'lastTimestamp', 'expirationTimestamp',
]);
const TOKEN = new RegExp([
  '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  'kube-api-access-[a-z0-9]{5}\\b',
  'mcp-[0-9a-f]{8,10}\\b',
  '(?<=^)mcp-[a-z0-9]{5}$',
  'g-[a-z0-9]{5}\\b',
  'mcp\\.[0-9a-f]{16}',
  '127\\.77\\.\\d+\\.\\d+',
].join('|'), 'g');
const TRIGGER = 'endpoints.kubernetes.io/last-change-trigger-time';
const NODE_EVENTS = ['kubelet', 'default-scheduler'];

export class Pairs {
  #there = new Map();
  #back = new Map();

  copy() {
    const pairs = new Pairs();
    pairs.#there = new Map(this.#there);
    pairs.#back = new Map(this.#back);
    return pairs;
  }

  // Whether two may stand for each other; from now on they do.
  match(kind, recorded, actual) {
    const [there, back] = [`${kind} ${recorded}`, `${kind} ${actual}`];
    if (!this.#there.has(there) && !this.#back.has(back)) {
      this.#there.set(there, actual);
      this.#back.set(back, recorded);
    }
    return this.#there.get(there) === actual;
  }

  // What stands for something recorded, or that itself.
  of(kind, recorded) {
    return this.#there.get(`${kind} ${recorded}`) ?? recorded;
  }
}

// A pod's status is the node's: who owns its fields is left out.
function ownersOf(entries, isPod) {
  return entries
    .filter((entry) => !(isPod && entry.subresource === 'status'))
    .map(({ time, ...entry }) => {
      const annotations = entry.fieldsV1['f:metadata']?.['f:annotations'];
      if (annotations && `f:${TRIGGER}` in annotations) {
        const { 'f:annotations': _, ...rest } = entry.fieldsV1['f:metadata'];
        return { ...entry, fieldsV1: { ...entry.fieldsV1, 'f:metadata': rest } };
      }
      return entry;
    })
    .sort((a, b) => (JSON.stringify([a.manager, a.operation, a.subresource])
      < JSON.stringify([b.manager, b.operation, b.subresource]) ? -1 : 1));
}

function comparableMetadata(metadata, isPod) {
  const result = { ...metadata };
  if (result.managedFields) {
    result.managedFields = ownersOf(result.managedFields, isPod);
    if (result.managedFields.length === 0) delete result.managedFields;
  }
  if (result.annotations?.[TRIGGER]) {
    const { [TRIGGER]: _, ...others } = result.annotations;
    if (Object.keys(others).length > 0) result.annotations = others;
    else delete result.annotations;
  }
  return result;
}

const isPodLike = ({ spec, metadata }) => spec?.containers !== undefined
  || metadata?.labels?.['statefulset.kubernetes.io/pod-name'] !== undefined;

function comparableObject(object) {
  const result = { ...object };
  if (object.metadata && object.kind !== 'Status') {
    result.metadata = comparableMetadata(object.metadata, isPodLike(object));
  }
  // The recorder's distribution projects one more certificate into pods.
  if (object.spec?.volumes) {
    result.spec = structuredClone(object.spec);
    for (const volume of result.spec.volumes) {
      if (!volume.projected) continue;
      volume.projected.sources = volume.projected.sources
        .filter(({ configMap }) => configMap?.name !== 'openshift-service-ca.crt');
    }
  }
  // The stand-in leaves the reason of a condition that no longer holds.
  if (object.status?.conditions) {
    const conditions = object.status.conditions.map(({ reason, message, ...condition }) => (
      condition.status === 'True' ? condition : { ...condition, reason, message }));
    result.status = { ...object.status, conditions };
  }
  if (Array.isArray(object.items)) {
    // The stand-in writes no Events of its own.
    result.items = object.items
      .filter(({ source }) => !NODE_EVENTS.includes(source?.component)).map(comparableObject);
  }
  return result;
}

export function comparable(value) {
  if (value.object) return { ...value, object: comparableObject(value.object) };
  return comparableObject(value);
}

// Parts of messages that are new each time, or that quote a whole object in the decoder's order.
function comparableText(text) {
  return text
    .replace(/(patch: |^)Invalid value: "\{.*\}": /s, '$1Invalid value: <object>: ')
    .replace(/(in record|too old resource version: \d+) \(\d+\)/, '$1 (N)')
    .replace(/current: \d+/, 'current: N')
    .replace(/sleep [\d.]+;/, 'sleep N;');
}

function differentText(recorded, actual, pairs) {
  const [one, other] = [comparableText(recorded), comparableText(actual)];
  if (one === other && !one.match(TOKEN)) return false;
  const literal = (text) => text.replaceAll(TOKEN, '\0');
  if (literal(one) !== literal(other)) return true;
  const tokens = (text) => [...text.matchAll(TOKEN)].map(([token]) => token);
  const others = tokens(other);
  return tokens(one).some((token, index) => !pairs.match('token', token, others[index]));
}

function decodeContinue(token) {
  const { rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString());
  return { inconsistent: rv === -1, start };
}

class Comparison {
  differences = [];

  constructor(pairs) {
    this.pairs = pairs;
  }

  #differ(path, recorded, actual) {
    const show = (value) => JSON.stringify(value)?.slice(0, 300);
    this.differences.push(`${path}: recorded ${show(recorded)}, got ${show(actual)}`);
  }

  #leaf(path, recorded, actual) {
    const key = path.split('.').at(-1);
    const isText = typeof recorded === 'string' && typeof actual === 'string';
    if (!isText) {
      if (recorded !== actual) this.#differ(path, recorded, actual);
    } else if (key === 'resourceVersion') {
      const kind = path === '.metadata.resourceVersion' && this.isList ? 'list' : 'object';
      if (!this.pairs.match(kind, recorded, actual)) this.#differ(path, recorded, actual);
    } else if (key === 'continue') {
      const [one, other] = [decodeContinue(recorded), decodeContinue(actual)];
      this.#walk(path, one, other);
      this.pairs.match('continue', recorded, actual);
    } else if (path.endsWith('kubernetes.io/hash')) {
      if (!this.pairs.match('hash', recorded, actual)) this.#differ(path, recorded, actual);
    } else if (TIMES.has(key)) {
      if (Number.isNaN(Date.parse(actual))) this.#differ(path, recorded, actual);
    } else if (differentText(recorded, actual, this.pairs)) {
      this.#differ(path, recorded, actual);
    }
  }

  // Names of members can hold tokens, too: the uid of an owner in managedFields.
  #members(path, recorded, actual) {
    const left = new Map(Object.entries(actual).filter(([, value]) => value !== undefined));
    for (const [name, value] of Object.entries(recorded)) {
      if (value === undefined) continue;
      const other = left.has(name) ? name : [...left.keys()].find((one) => (
        !(one in recorded) && !differentText(name, one, this.pairs)));
      if (other === undefined) this.#differ(`${path}.${name}`, value, undefined);
      else this.#walk(`${path}.${name}`, value, left.get(other));
      left.delete(other);
    }
    for (const [name, value] of left) this.#differ(`${path}.${name}`, undefined, value);
  }

  #walk(path, recorded, actual) {
    const isList = Array.isArray(recorded);
    if (typeof recorded !== 'object' || typeof actual !== 'object' || recorded === null
      || actual === null || isList !== Array.isArray(actual)) {
      this.#leaf(path, recorded, actual);
    } else if (isList) {
      if (recorded.length !== actual.length) this.#differ(path, recorded, actual);
      else recorded.forEach((item, at) => this.#walk(`${path}[${at}]`, item, actual[at]));
    } else {
      this.#members(path, recorded, actual);
    }
  }

  of(recorded, actual) {
    this.isList = Array.isArray(recorded.items);
    this.#walk('', comparable(recorded), comparable(actual));
    return this.differences;
  }
}

// What differs between two bodies (texts; JSON or not). Pairs are only kept if nothing does.
export function bodyDifferences(recorded, actual, pairs) {
  let one;
  let other;
  try {
    one = JSON.parse(recorded);
  } catch {
    const untimed = (text) => text.replace(/^\S+T\S+Z (?=line)/gm, 'TIME ');
    return untimed(recorded) === untimed(actual) ? []
      : [`body: recorded ${recorded}, got ${actual}`];
  }
  try {
    other = JSON.parse(actual);
  } catch {
    return [`body: recorded JSON, got ${actual.slice(0, 200)}`];
  }
  return new Comparison(pairs).of(one, other);
}

const HEADERS = [
  'content-type', 'warning', 'retry-after', 'location', 'x-content-type-options', 'cache-control',
];

export function headDifferences(recorded, actual) {
  const differences = [];
  if (recorded.status !== actual.status) {
    differences.push(`status: recorded ${recorded.status}, got ${actual.status}`);
  }
  for (const name of HEADERS) {
    const wanted = recorded.headers.filter(([key]) => key.toLowerCase() === name)
      .map(([, value]) => value).join(', ') || undefined;
    if (wanted !== actual.headers[name]) {
      differences.push(`${name}: recorded ${wanted}, got ${actual.headers[name]}`);
    }
  }
  return differences;
}
