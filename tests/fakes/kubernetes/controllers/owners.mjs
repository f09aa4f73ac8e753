// The garbage collector, and the contents of namespaces: what becomes of objects whose owners go.
//
//   owner is gone                  its dependents without another living owner are deleted
//   owner waits (foreground)       its dependents are deleted; it goes when none blocks any more
//   owner waits (orphan)           its dependents lose their reference; then it goes
//   namespace terminates           everything in it is deleted; it goes when it is empty
import { RESOURCES, resourceAt, resourceOfKind } from '../resources.mjs';

const MANAGER = 'kube-controller-manager';
const STORED = RESOURCES.filter((resource) => resource.verbs.includes('list'));
const NAMESPACES = resourceAt('', 'namespaces');
const CA_NOTE = 'Contains a CA bundle that can be used to verify the kube-apiserver when using'
  + ' internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage'
  + ' is guaranteed across distributions of Kubernetes clusters.';

export class OwnerController {
  #end;

  // `authority` is the certificate that every namespace is told.
  constructor(registry, loop, { authority }) {
    Object.assign(this, { registry, loop, authority });
    this.#end = registry.store.listen((change) => this.#onChange(change));
  }

  close() {
    this.#end();
  }

  #onChange({ resource, type, object }) {
    const { uid, ownerReferences = [], deletionTimestamp, finalizers = [] } = object.metadata;
    if (resource === NAMESPACES) this.#onNamespace(type, object);
    else if (type !== 'ADDED') this.#checkNamespace(object.metadata.namespace);
    if (type === 'DELETED') {
      this.loop.enqueue(`gone ${uid}`, () => this.#ownerGone(uid));
      for (const owner of ownerReferences) this.#checkOwner(owner, object.metadata.namespace);
    } else if (type === 'ADDED' && ownerReferences.length > 0) {
      this.loop.enqueue(`orphan ${uid}`, () => this.#collect(resource, object));
    }
    if (type !== 'DELETED' && deletionTimestamp && finalizers.length > 0) {
      this.loop.enqueue(`waiting ${uid}`, () => this.#ownerWaits(resource, object));
    }
  }

  #dependentsOf(uid) {
    return STORED.flatMap((resource) => this.registry.store.withTerm(resource, `owner ${uid}`)
      .map((object) => ({ resource, object })));
  }

  #exists({ apiVersion, kind, name, uid }, namespace) {
    const resource = resourceOfKind(apiVersion, kind);
    if (!resource) return true; // what is not served is not ours to judge
    const owner = this.registry.find(resource, resource.namespaced ? namespace : undefined, name);
    return owner?.metadata.uid === uid;
  }

  #ownerGone(uid) {
    for (const { resource, object } of this.#dependentsOf(uid)) this.#collect(resource, object);
  }

  // Deletes an object none of whose owners is left.
  #collect(resource, { metadata: { namespace, name, uid } }) {
    const live = this.registry.find(resource, namespace, name);
    if (!live || live.metadata.uid !== uid || live.metadata.deletionTimestamp) return;
    const owners = live.metadata.ownerReferences ?? [];
    if (owners.length === 0 || owners.some((owner) => this.#exists(owner, namespace))) return;
    this.registry.delete(resource, namespace, name, {
      preconditions: { uid }, propagationPolicy: 'Background',
    });
  }

  // An owner may have been waiting for the dependent that has just gone.
  #checkOwner({ apiVersion, kind, name, uid }, namespace) {
    const resource = resourceOfKind(apiVersion, kind);
    if (!resource) return;
    this.loop.enqueue(`waiting ${uid}`, () => {
      const owner = this.registry.find(resource, resource.namespaced ? namespace : undefined, name);
      if (owner?.metadata.deletionTimestamp) this.#ownerWaits(resource, owner);
    });
  }

  #ownerWaits(resource, { metadata: { namespace, name, uid } }) {
    const live = this.registry.find(resource, namespace, name);
    if (live?.metadata.uid !== uid || !live.metadata.deletionTimestamp) return;
    const finalizers = live.metadata.finalizers ?? [];
    if (finalizers.includes('orphan')) {
      for (const dependent of this.#dependentsOf(uid)) this.#release(dependent, uid);
      this.#finish(resource, live, 'orphan');
    } else if (finalizers.includes('foregroundDeletion')) {
      const dependents = this.#dependentsOf(uid);
      const blocking = dependents.filter(({ object }) => object.metadata.ownerReferences
        .some((owner) => owner.uid === uid && owner.blockOwnerDeletion));
      if (blocking.length === 0) this.#finish(resource, live, 'foregroundDeletion');
      for (const { resource: below, object } of dependents) {
        if (object.metadata.deletionTimestamp) continue;
        this.registry.delete(below, namespace, object.metadata.name, {
          preconditions: { uid: object.metadata.uid }, propagationPolicy: 'Background',
        });
      }
    }
  }

  #release({ resource, object }, uid) {
    const { namespace, name } = object.metadata;
    this.registry.patch(resource, namespace, name, (live) => {
      const { ownerReferences, ...metadata } = live.metadata;
      const others = ownerReferences.filter((owner) => owner.uid !== uid);
      if (others.length > 0) metadata.ownerReferences = others;
      return { ...live, metadata };
    }, { manager: MANAGER });
  }

  #finish(resource, live, finalizer) {
    const { namespace, name } = live.metadata;
    this.registry.patch(resource, namespace, name, (object) => {
      const { finalizers, ...metadata } = object.metadata;
      const others = finalizers.filter((one) => one !== finalizer);
      if (others.length > 0) metadata.finalizers = others;
      return { ...object, metadata };
    }, {});
  }

  #onNamespace(type, { metadata: { name, deletionTimestamp } }) {
    if (type === 'ADDED') this.loop.enqueue(`furnish ${name}`, () => this.#furnish(name));
    else if (deletionTimestamp) this.#checkNamespace(name);
  }

  #furnish(namespace) {
    const options = { manager: MANAGER };
    const found = this.registry.find(NAMESPACES, undefined, namespace);
    if (!found || found.metadata.deletionTimestamp) return;
    this.registry.create(resourceAt('', 'configmaps'), namespace, {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: {
        name: 'kube-root-ca.crt', annotations: { 'kubernetes.io/description': CA_NOTE },
      },
      data: { 'ca.crt': this.authority },
    }, options);
    this.registry.create(resourceAt('', 'serviceaccounts'), namespace, {
      kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default' },
    }, options);
  }

  #checkNamespace(name) {
    if (name === undefined) return;
    const found = this.registry.find(NAMESPACES, undefined, name);
    if (found?.metadata.deletionTimestamp) {
      this.loop.enqueue(`empty ${name}`, () => this.#empty(name));
    }
  }

  #empty(name) {
    const found = this.registry.find(NAMESPACES, undefined, name);
    if (!found?.metadata.deletionTimestamp) return;
    let left = 0;
    for (const resource of STORED) {
      if (!resource.namespaced) continue;
      for (const { metadata } of this.registry.store.list(resource, name)) {
        if (metadata.deletionTimestamp) left += 1;
        else if (!this.registry.delete(resource, name, metadata.name, {}).gone) left += 1;
      }
    }
    if (left === 0) this.registry.store.remove(NAMESPACES, found);
  }
}
