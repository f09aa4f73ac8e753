// The stored objects with their history: one growing counter over all resources, and for each
// change an event, from which watches are served and old states are rebuilt until they are
// compacted.
//
// Objects are never changed in place: each write stores another one. Beside their names they can be
// found by terms (termsOf), so that a controller need not look at all of them at each step.
const HISTORY_MAX = 50_000;

// `owner UID` (`owner ` without one), `label KEY=VALUE`, and of a Service `selects KEY=VALUE`.
function termsOf({ kind, metadata: { ownerReferences = [], labels = {} }, spec }) {
  const terms = ownerReferences.length === 0 ? ['owner ']
    : ownerReferences.map(({ uid }) => `owner ${uid}`);
  terms.push(...Object.entries(labels).map(([key, value]) => `label ${key}=${value}`));
  const [first] = kind === 'Service' ? Object.entries(spec.selector ?? {}) : [];
  return first ? [...terms, `selects ${first[0]}=${first[1]}`] : terms;
}

const byKey = ([a], [b]) => (a < b ? -1 : 1);

export class Store {
  revision = 1;
  compacted = 0;
  #objects = new Map(); // resource -> Map(key -> object)
  #terms = new Map(); // resource -> Map(term -> Map(key -> object))
  #sorted = new Map(); // resource -> its [key, object] in order, until the next write
  #history = []; // {revision, resource, type, object, previous}
  #listeners = new Set();

  #of(resource) {
    if (!this.#objects.has(resource)) this.#objects.set(resource, new Map());
    return this.#objects.get(resource);
  }

  static key(namespace, name) {
    return `${namespace ?? ''}/${name}`;
  }

  get(resource, namespace, name) {
    return this.#of(resource).get(Store.key(namespace, name));
  }

  // All of a namespace, or of all of them, in the order of their keys.
  list(resource, namespace) {
    if (!this.#sorted.has(resource)) {
      this.#sorted.set(resource, [...this.#of(resource)].sort(byKey));
    }
    return Store.#within(this.#sorted.get(resource), namespace);
  }

  static #within(entries, namespace) {
    const start = namespace ? `${namespace}/` : '';
    return entries.filter(([key]) => key.startsWith(start)).map(([, object]) => object);
  }

  // Those of a namespace (or of all) to which a term applies, in the order of their keys.
  withTerm(resource, term, namespace) {
    const found = this.#terms.get(resource)?.get(term) ?? [];
    return Store.#within([...found].sort(byKey), namespace);
  }

  #index(resource, key, { before, after }) {
    this.#sorted.delete(resource);
    if (!this.#terms.has(resource)) this.#terms.set(resource, new Map());
    const terms = this.#terms.get(resource);
    for (const term of before ? termsOf(before) : []) {
      terms.get(term).delete(key);
      if (terms.get(term).size === 0) terms.delete(term);
    }
    for (const term of after ? termsOf(after) : []) {
      if (!terms.has(term)) terms.set(term, new Map());
      terms.get(term).set(key, after);
    }
  }

  // What list() would have said at a revision; undefined if that is compacted.
  listAt(resource, namespace, revision) {
    if (revision < this.compacted) return undefined;
    const objects = new Map(this.#of(resource));
    for (let index = this.#history.length - 1; index >= 0; index -= 1) {
      const change = this.#history[index];
      if (change.revision <= revision) break;
      if (change.resource !== resource) continue;
      const { namespace: space, name } = change.object.metadata;
      if (change.previous) objects.set(Store.key(space, name), change.previous);
      else objects.delete(Store.key(space, name));
    }
    return Store.#within([...objects].sort(byKey), namespace);
  }

  // Stores an object in place of `previous` (undefined: there was none); returns what is stored.
  put(resource, object, previous) {
    const stored = this.#stamped(object);
    const { namespace, name } = stored.metadata;
    const key = Store.key(namespace, name);
    this.#index(resource, key, { before: this.#of(resource).get(key), after: stored });
    this.#of(resource).set(key, stored);
    this.#record(resource, previous ? 'MODIFIED' : 'ADDED', stored, previous);
    return stored;
  }

  // Returns the last state, with the revision of its removal.
  remove(resource, object) {
    const { namespace, name } = object.metadata;
    const key = Store.key(namespace, name);
    const previous = this.#of(resource).get(key);
    const last = this.#stamped(object);
    this.#index(resource, key, { before: previous });
    this.#of(resource).delete(key);
    this.#record(resource, 'DELETED', last, previous);
    return last;
  }

  #stamped(object) {
    this.revision += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.revision) };
    return { ...object, metadata };
  }

  #record(resource, type, object, previous) {
    const change = { revision: this.revision, resource, type, object, previous };
    this.#history.push(change);
    if (this.#history.length > HISTORY_MAX) {
      this.compact(this.#history[HISTORY_MAX / 2].revision);
    }
    for (const listener of [...this.#listeners]) listener(change);
  }

  // Forgets all history up to and with `revision` (default: everything).
  compact(revision = this.revision) {
    this.compacted = Math.max(this.compacted, revision);
    this.#history = this.#history.filter((change) => change.revision > revision);
  }

  // The changes of a resource after `revision`.
  since(resource, revision) {
    return this.#history
      .filter((change) => change.revision > revision && change.resource === resource);
  }

  // `listener` is called with each change, in order; returns what ends that.
  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // Moves the counter on, as if something else had been written.
  skip(count = 1) {
    this.revision += count;
  }
}
