// Writes Events as the controllers and the node do: what happens again to the same object counts up
// in the same Event.
import { resourceAt } from '../resources.mjs';
import { ApiError } from '../status.mjs';

const EVENTS = resourceAt('', 'events');

export class EventRecorder {
  #known = new Map(); // text of the event -> its name
  #count = 0;

  constructor(registry, { component, manager }) {
    Object.assign(this, { registry, component, manager });
  }

  // `type` is Normal or Warning.
  record(object, type, reason, message) {
    const { uid, namespace, name } = object.metadata;
    const key = [uid, type, reason, message].join('\n');
    const live = this.#known.has(key)
      && this.registry.find(EVENTS, namespace, this.#known.get(key));
    const now = this.registry.time();
    try {
      if (live) {
        const counted = (event) => ({ ...event, count: event.count + 1, lastTimestamp: now });
        this.registry.patch(EVENTS, namespace, live.metadata.name, counted, this);
        return;
      }
      this.#count += 1;
      const instant = BigInt(this.registry.now().getTime()) * 1_000_000n + BigInt(this.#count);
      const event = this.#describe(object, { type, reason, message, now });
      event.metadata = { name: `${name}.${instant.toString(16)}`, namespace };
      this.registry.create(EVENTS, namespace, event, this);
      this.#known.set(key, event.metadata.name);
    } catch (error) {
      // A namespace that goes takes its events with it.
      if (!(error instanceof ApiError)) throw error;
    }
  }

  #describe(object, { type, reason, message, now }) {
    const { uid, namespace, name, resourceVersion } = object.metadata;
    const { kind, apiVersion } = object;
    return {
      kind: 'Event',
      apiVersion: 'v1',
      involvedObject: { kind, namespace, name, uid, apiVersion, resourceVersion },
      reason,
      message,
      source: { component: this.component },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      type,
      eventTime: null,
      reportingComponent: this.component,
      reportingInstance: '',
    };
  }
}
