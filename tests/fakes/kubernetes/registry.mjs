// The verbs on stored objects with the API server's rules: defaults, ownership of fields,
// validation, optimistic concurrency, subresources, finalizers. Clients come here through
// api.mjs; the controllers and the kubelet call it directly, under names of their own.
//
// Every method is done when it returns: there is no waiting inside, so writes never interleave.
import { randomUUID } from 'node:crypto';
import { admit, carry, withDefaults } from './defaults.mjs';
import { remove as removeObject } from './deletion.mjs';
import { ApplyConflict, ownApply, ownUpdate, sameButTimes } from './ownership.mjs';
import { resourceAt } from './resources.mjs';
import {
  alreadyExists, applyConflict, badRequest, conflict, forbidden, invalid, invalidObject, notFound,
  wrong,
} from './status.mjs';
import { Store } from './store.mjs';
import { selectorText } from './selectors.mjs';
import { changeCauses, objectCauses } from './validate.mjs';

const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;

const seconds = (date) => `${date.toISOString().slice(0, 19)}Z`;

// An order that people are used to: what identifies the object first.
function ordered({ kind, apiVersion, metadata, ...rest }) {
  const { name, generateName, namespace, uid, resourceVersion, ...more } = metadata;
  const first = { name, generateName, namespace, uid, resourceVersion };
  for (const key of Object.keys(first)) if (first[key] === undefined) delete first[key];
  return { kind, apiVersion, metadata: { ...first, ...more }, ...rest };
}

export class Registry {
  store = new Store();
  // Called with (resource, object) before an object is created; may throw.
  beforeCreate = [];
  #addresses = 0;

  // `now` gives the time, `random` a number below 1.
  constructor({ now = () => new Date(), random = Math.random } = {}) {
    this.now = now;
    this.random = random;
  }

  // The time as objects carry it, `later` seconds from now.
  time(later = 0) {
    return seconds(new Date(this.now().getTime() + later * 1000));
  }

  suffix() {
    const letter = () => SUFFIX_LETTERS[Math.floor(this.random() * SUFFIX_LETTERS.length)];
    return Array.from({ length: SUFFIX_LENGTH }, letter).join('');
  }

  #given() {
    return {
      suffix: () => this.suffix(),
      clusterAddress: () => {
        this.#addresses += 1;
        return `10.96.${this.#addresses >> 8}.${(this.#addresses & 255) || 1}`;
      },
    };
  }

  find(resource, namespace, name) {
    return this.store.get(resource, namespace, name);
  }

  get(resource, namespace, name) {
    const object = this.find(resource, namespace, name);
    if (!object) throw notFound(resource, name);
    return object;
  }

  // Whether something can be created there.
  checkNamespace(resource, namespace, name) {
    if (!resource.namespaced) return;
    const space = this.get(resourceAt('', 'namespaces'), undefined, namespace);
    if (!space.metadata.deletionTimestamp) return;
    const why = `unable to create new content in namespace ${namespace} because it is being`
      + ' terminated';
    throw forbidden(resource, name, why, [{
      reason: 'NamespaceTerminating',
      message: `namespace ${namespace} is being terminated`,
      field: 'metadata.namespace',
    }]);
  }

  #author(resource, { manager, subresource }) {
    const author = { manager, apiVersion: resource.apiVersion, time: this.time() };
    return subresource ? { ...author, subresource } : author;
  }

  // options: manager, dryRun; `applied`: the object is an apply configuration.
  create(resource, namespace, given, options = {}) {
    const { name: wanted, generateName } = given.metadata;
    if (given.metadata.namespace && given.metadata.namespace !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on'
        + ' the request');
    }
    if (given.metadata.resourceVersion && !options.applied) {
      throw badRequest('resourceVersion should not be set on objects to be created');
    }
    const name = wanted ?? (generateName ? generateName + this.suffix() : undefined);
    this.checkNamespace(resource, namespace, name);
    const named = { ...given, metadata: { ...given.metadata, name } };
    const author = this.#author(resource, options);
    const owned = options.applied
      ? withDefaults(ownApply(undefined, named, author, true))
      : ownUpdate(undefined, withDefaults(this.#cleaned(named)), author);
    const admitted = admit(resource, this.#identified(resource, namespace, owned), this.#given());
    const causes = objectCauses(resource, admitted);
    if (causes.length > 0) throw invalidObject(resource, name ?? '', causes);
    for (const check of this.beforeCreate) check(resource, admitted);
    if (this.find(resource, namespace, name)) throw alreadyExists(resource, name);
    return options.dryRun ? admitted : this.store.put(resource, admitted);
  }

  // Without what only the API server says.
  #cleaned(object) {
    const { metadata: all, status, ...rest } = object;
    const { name, generateName, labels, annotations, finalizers, ownerReferences } = all;
    const metadata = { name, generateName, labels, annotations, finalizers, ownerReferences };
    for (const key of Object.keys(metadata)) if (metadata[key] === undefined) delete metadata[key];
    return { ...rest, metadata };
  }

  #identified(resource, namespace, object) {
    const { metadata: { name, generateName, managedFields, ...rest }, ...body } = object;
    delete rest.resourceVersion;
    const metadata = { name };
    if (generateName) metadata.generateName = generateName;
    if (resource.namespaced) metadata.namespace = namespace;
    metadata.uid = randomUUID();
    metadata.creationTimestamp = this.time();
    Object.assign(metadata, rest);
    metadata.uid = metadata.uid ?? randomUUID();
    if (managedFields) metadata.managedFields = managedFields;
    return ordered({ kind: resource.kind, apiVersion: resource.apiVersion, ...body, metadata });
  }

  #checkIdentity(resource, live, { metadata }, required) {
    const { name } = live.metadata;
    if (metadata.uid && metadata.uid !== live.metadata.uid) {
      const { namespace } = live.metadata;
      const key = `/registry/${resource.plural}/${namespace ? `${namespace}/` : ''}${name}`;
      throw conflict(resource, name, `StorageError: invalid object, Code: 4, Key: ${key},`
        + ' ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition:'
        + ` ${metadata.uid}, UID in object meta: ${live.metadata.uid}`);
    }
    if (metadata.resourceVersion && metadata.resourceVersion !== '0') {
      if (metadata.resourceVersion !== live.metadata.resourceVersion) {
        throw conflict(resource, name);
      }
    } else if (required) {
      throw invalid({
        kind: resource.plural, group: resource.group, name, qualified: resource.qualified,
      }, [wrong.value('metadata.resourceVersion', 0, 'must be specified for an update')]);
    }
  }

  // What a write leaves of the metadata that a client sends.
  #mergedMetadata(live, { metadata }) {
    const { labels, annotations, finalizers, ownerReferences } = metadata;
    const mine = { labels, annotations, finalizers, ownerReferences };
    const kept = Object.fromEntries(Object.entries(live.metadata)
      .filter(([name]) => !(name in mine)));
    for (const [name, value] of Object.entries(mine)) if (value !== undefined) kept[name] = value;
    return kept;
  }

  // PUT, with `subresource`, `manager`, `dryRun`.
  update(resource, namespace, name, object, options = {}) {
    const live = this.find(resource, namespace, name);
    if (!live) {
      if (resource.createsOnPut && !options.subresource) {
        const { resourceVersion, uid, ...metadata } = object.metadata;
        const created = this.create(resource, namespace, { ...object, metadata }, options);
        return { object: created, created: true };
      }
      throw notFound(resource, name);
    }
    const required = !resource.unconditional && !options.subresource;
    this.#checkIdentity(resource, live, object, required);
    return { object: this.#replace(resource, live, object, options), created: false };
  }

  // PATCH that is not apply: `change` makes another object of the live one.
  patch(resource, namespace, name, change, options = {}) {
    const live = this.get(resource, namespace, name);
    const object = change(live);
    this.#checkIdentity(resource, live, object, false);
    return this.#replace(resource, live, object, options);
  }

  // PATCH that is apply; `force`.
  apply(resource, namespace, name, config, options) {
    const live = this.find(resource, namespace, name);
    try {
      if (!live) {
        if (options.subresource) throw notFound(resource, name);
        const created = this.create(resource, namespace, config, { ...options, applied: true });
        return { object: created, created: true };
      }
      this.#checkIdentity(resource, live, config, false);
      const author = this.#author(resource, options);
      const merged = ownApply(live, config, author, options.force);
      const object = this.#store(resource, live, withDefaults(merged), options);
      return { object, created: false };
    } catch (error) {
      if (error instanceof ApplyConflict) throw applyConflict(error.conflicts);
      throw error;
    }
  }

  #replace(resource, live, object, options) {
    const author = this.#author(resource, options);
    const status = options.subresource === 'status';
    const meant = status
      ? { ...live, status: object.status }
      : { ...withDefaults(object), metadata: this.#mergedMetadata(live, object) };
    return this.#store(resource, live, ownUpdate(live, meant, author), options);
  }

  #store(resource, live, owned, options) {
    const { managedFields, ...metadata } = owned.metadata;
    const { resourceVersion, uid, creationTimestamp } = live.metadata;
    Object.assign(metadata, { resourceVersion, uid, creationTimestamp });
    if (managedFields) metadata.managedFields = managedFields;
    const status = options.subresource === 'status';
    const whole = { ...owned, metadata };
    const object = ordered(status ? whole : carry(resource, live, whole));
    const causes = [...objectCauses(resource, object), ...changeCauses(live, object)];
    if (causes.length > 0) throw invalidObject(resource, live.metadata.name, causes);
    if (sameButTimes(live, object)) return live;
    if (options.dryRun) return object;
    if (Registry.#isOver(object)) {
      this.store.remove(resource, live);
      return object;
    }
    return this.store.put(resource, object, live);
  }

  // Whether nothing keeps an object that is to be deleted.
  static #isOver({ metadata, spec }) {
    return metadata.deletionTimestamp !== undefined && !metadata.deletionGracePeriodSeconds
      && !(metadata.finalizers?.length > 0) && !(spec?.finalizers?.length > 0);
  }

  // {object, gone}; options: preconditions, propagationPolicy, gracePeriodSeconds, dryRun.
  delete(resource, namespace, name, options = {}) {
    return removeObject(this, resource, this.get(resource, namespace, name), options);
  }

  // The autoscaling/v1 view of a StatefulSet.
  scaleOf({ metadata, spec, status }) {
    const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
    return {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
      spec: spec.replicas ? { replicas: spec.replicas } : {},
      status: { replicas: status.replicas, selector: selectorText(spec.selector) },
    };
  }

  // Sets the replicas of a StatefulSet as a write to its scale subresource.
  setScale(resource, live, scale, options) {
    if (scale.spec?.replicas < 0) {
      throw invalid({
        kind: 'Scale', group: 'autoscaling', name: live.metadata.name,
        qualified: 'Scale.autoscaling',
      }, [wrong.value('spec.replicas', scale.spec.replicas,
        'must be greater than or equal to 0')]);
    }
    this.#checkIdentity(resource, live, scale, false);
    const replicas = scale.spec?.replicas ?? 0;
    const meant = { ...live, spec: { ...live.spec, replicas } };
    const author = this.#author(resource, { ...options, subresource: 'scale' });
    return this.#store(resource, live, ownUpdate(live, meant, author), options);
  }
}
