// One watch: the state at its beginning if that is asked for, then each change in order, as lines
// of JSON, until its time is over, somebody closes it, or its history is compacted.
//
//   resourceVersion   none, 0: synthetic ADDED events, then changes; N: the changes after N, an
//                     ERROR event if N is compacted, nothing before N if N lies in the future
//   sendInitialEvents ADDED events, closed by a marked BOOKMARK, then changes
// With a selector, an object that stops matching is DELETED, one that begins to is ADDED.
import { blank } from './ownership.mjs';
import { partial } from './requests.mjs';
import { ApiError, expired, invalid, wrong } from './status.mjs';

const TIMEOUT_SECONDS = 1800;
const BOOKMARK_SECONDS = 60;
// Bookmarks come these seconds before the time is over, so that the next watch starts late.
const LAST_BOOKMARKS_SECONDS = [2, 1];

// Checks the parameters; throws what is answered instead of a stream.
export function watchParameters({ query }) {
  const version = query.get('resourceVersion') ?? '';
  if (!/^\d*$/.test(version)) {
    throw new ApiError(500, `resourceVersion: Invalid value: ${JSON.stringify(version)}:`
      + ` strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`);
  }
  const initial = query.get('sendInitialEvents') === 'true';
  if (initial && query.get('resourceVersionMatch') !== 'NotOlderThan') {
    throw invalid({
      name: '', kind: 'ListOptions', group: 'meta.k8s.io', qualified: 'ListOptions.meta.k8s.io',
    }, [wrong.forbidden('resourceVersionMatch', 'sendInitialEvents requires setting'
      + ' resourceVersionMatch to NotOlderThan')]);
  }
  return {
    initial,
    revision: Number(version),
    fromStart: version === '' || version === '0',
    bookmarks: query.get('allowWatchBookmarks') === 'true',
    seconds: Number(query.get('timeoutSeconds') ?? 0) || TIMEOUT_SECONDS,
  };
}

export class Watch {
  #timers = [];
  #stop = () => {};
  open = true;

  // `response` has got its headers; `scale` shortens all times; `onEnd` is called once.
  constructor(registry, asked, { parameters, selectors, form, response, scale, onEnd }) {
    Object.assign(this, { registry, asked, selectors, form, response, scale });
    this.parameters = parameters;
    this.onEnd = onEnd;
    response.on('close', () => this.end());
  }

  get resource() {
    return this.asked.resource;
  }

  start() {
    const { store } = this.registry;
    const { initial, fromStart, bookmarks } = this.parameters;
    let { revision } = this.parameters;
    this.#setTimers();
    if (!fromStart && !initial && revision < store.compacted) {
      const message = `too old resource version: ${revision} (${store.compacted})`;
      this.#write('ERROR', expired(message).body);
      this.end();
      return;
    }
    if (fromStart || initial) {
      revision = Math.max(revision, store.revision);
      for (const object of store.list(this.resource, this.asked.namespace)) {
        if (this.selectors.matches(object)) this.#writeObject('ADDED', object);
      }
      if (initial && bookmarks) this.#bookmark({ 'k8s.io/initial-events-end': 'true' });
    }
    this.revision = revision;
    for (const change of store.since(this.resource, revision)) this.#onChange(change);
    this.#stop = store.listen((change) => this.#onChange(change));
  }

  #setTimers() {
    const { seconds, bookmarks } = this.parameters;
    const at = (moment, act) => {
      this.#timers.push(setTimeout(act, Math.min(moment * 1000 * this.scale, 2 ** 31 - 1)));
    };
    at(seconds, () => this.end());
    if (!bookmarks) return;
    for (let moment = BOOKMARK_SECONDS; moment < seconds - 2; moment += BOOKMARK_SECONDS) {
      at(moment, () => this.#bookmark());
    }
    for (const before of LAST_BOOKMARKS_SECONDS) {
      if (before < seconds) at(seconds - before, () => this.#bookmark());
    }
  }

  #onChange({ revision, resource, type, object, previous }) {
    if (!this.open || resource !== this.resource || revision <= this.parameters.revision) return;
    const { namespace } = this.asked;
    if (namespace !== undefined && object.metadata.namespace !== namespace) return;
    const did = previous !== undefined && this.selectors.matches(previous);
    const does = type !== 'DELETED' && this.selectors.matches(object);
    if (does) this.#writeObject(did ? 'MODIFIED' : 'ADDED', object);
    else if (did) this.#writeObject('DELETED', this.#lastOf({ type, object, previous }));
  }

  // An object that stops matching is shown as it was, with the revision at which it stopped.
  #lastOf({ type, object, previous }) {
    if (type === 'DELETED') return object;
    const { resourceVersion } = object.metadata;
    return { ...previous, metadata: { ...previous.metadata, resourceVersion } };
  }

  #writeObject(type, object) {
    this.#write(type, this.form === 'metadata' ? partial(object) : object);
  }

  #bookmark(annotations) {
    const { kind, apiVersion } = this.resource;
    const metadata = { resourceVersion: String(this.registry.store.revision) };
    if (annotations) metadata.annotations = annotations;
    const empty = { ...blank(kind), metadata };
    this.#write('BOOKMARK', this.form === 'metadata' ? partial(empty)
      : { kind, apiVersion, ...empty });
  }

  #write(type, object) {
    this.response.write(`${JSON.stringify({ type, object })}\n`);
  }

  // Ends the stream as the API server does at a time limit.
  end() {
    if (!this.#close()) return;
    this.response.end();
  }

  // Breaks the connection.
  drop() {
    if (!this.#close()) return;
    this.response.socket?.destroy();
  }

  #close() {
    if (!this.open) return false;
    this.open = false;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#stop();
    this.onEnd(this);
    return true;
  }
}
