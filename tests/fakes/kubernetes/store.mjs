// The stored objects with their history: one growing counter over all resources, and for each
// change an event, from which watches are served and old states are rebuilt until they are
// compacted.
//
// Objects are never changed in place: each write stores another one. The store knows nothing of
// fields beyond metadata's name, namespace, uid and resourceVersion.
const HISTORY_MAX = 50_000;

export class Store {
  revision = 1;
  compacted = 0;
  #objects = new Map(); // resource -> Map(key -> object)
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
    return Store.#ordered(this.#of(resource), namespace);
  }

  static #ordered(objects, namespace) {
    const within = namespace ? `${namespace}/` : '';
    return [...objects].filter(([key]) => key.startsWith(within))
      .sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
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
    return Store.#ordered(objects, namespace);
  }

  // Stores an object in place of `previous` (undefined: there was none); returns what is stored.
  put(resource, object, previous) {
    const stored = this.#stamped(object);
    const { namespace, name } = stored.metadata;
    this.#of(resource).set(Store.key(namespace, name), stored);
    this.#record(resource, previous ? 'MODIFIED' : 'ADDED', stored, previous);
    return stored;
  }

  // Returns the last state, with the revision of its removal.
  remove(resource, object) {
    const { namespace, name } = object.metadata;
    const key = Store.key(namespace, name);
    const previous = this.#of(resource).get(key);
    const last = this.#stamped(object);
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
