// The StatefulSet controller: revisions of the template, pods with stable names, ordered or
// parallel start, scaling from the highest ordinal, rolling updates, and the status that says how
// far it is.
//
// Each sync looks at what there is, does the next thing that the policy allows, and writes the
// status it has counted before that; the change it made brings the next sync.
import { createHash } from 'node:crypto';
import { resourceAt } from '../resources.mjs';
import { selectorMatches } from '../selectors.mjs';
import { ApiError } from '../status.mjs';
import { equal } from '../types.mjs';
import { EventRecorder } from './events.mjs';

const MANAGER = 'kube-controller-manager';
const RETRY_MS = 1000;
const SETS = resourceAt('apps', 'statefulsets');
const REVISIONS = resourceAt('apps', 'controllerrevisions');
const PODS = resourceAt('', 'pods');
const REVISION_LABEL = 'controller-revision-hash';

const isTerminating = (pod) => pod.metadata.deletionTimestamp !== undefined;
const isReady = (pod) => pod.status.phase === 'Running' && (pod.status.conditions ?? [])
  .some(({ type, status }) => type === 'Ready' && status === 'True');
const isHealthy = (pod) => isReady(pod) && !isTerminating(pod);
const revisionOf = (pod) => pod.metadata.labels?.[REVISION_LABEL];
const ordinalOf = (pod) => Number(/-(\d+)$/.exec(pod.metadata.name)?.[1] ?? -1);

const controllerOf = ({ metadata }) => (metadata.ownerReferences ?? [])
  .find((owner) => owner.controller);

function referenceTo({ metadata: { name, uid } }) {
  return {
    apiVersion: 'apps/v1', kind: 'StatefulSet', name, uid, controller: true,
    blockOwnerDeletion: true,
  };
}

const revisionData = ({ spec }) => ({
  spec: { template: { $patch: 'replace', ...spec.template } },
});

const hashOf = (data, salt) => createHash('sha256')
  .update(JSON.stringify(data) + salt).digest('hex').slice(0, 10);

export class StatefulSetController {
  #end;

  constructor(registry, loop) {
    Object.assign(this, { registry, loop });
    this.events = new EventRecorder(registry, {
      component: 'statefulset-controller', manager: MANAGER,
    });
    this.#end = registry.store.listen((change) => this.#onChange(change));
  }

  close() {
    this.#end();
  }

  #onChange({ resource, object }) {
    const { namespace, name } = object.metadata;
    if (resource === SETS) this.#enqueue(namespace, name);
    if (resource !== PODS) return;
    const owner = controllerOf(object);
    if (owner) {
      if (owner.kind === 'StatefulSet') this.#enqueue(namespace, owner.name);
      return;
    }
    for (const set of this.registry.store.list(SETS, namespace)) {
      if (this.#couldBe(set, object)) this.#enqueue(namespace, set.metadata.name);
    }
  }

  #enqueue(namespace, name) {
    this.loop.enqueue(`set ${namespace}/${name}`, () => this.#sync(namespace, name));
  }

  #couldBe(set, pod) {
    return pod.metadata.name.replace(/-\d+$/, '') === set.metadata.name
      && selectorMatches(set.spec.selector, pod.metadata.labels);
  }

  // What the set controls of a resource; what nobody controls and fits is adopted.
  #ownOf(set, resource, couldBe) {
    const { namespace, uid, deletionTimestamp } = set.metadata;
    const { store } = this.registry;
    const near = [...store.withTerm(resource, `owner ${uid}`, namespace),
      ...store.withTerm(resource, 'owner ', namespace)];
    return near.flatMap((object) => {
      const owner = controllerOf(object);
      if (owner) return owner.uid === uid ? [object] : [];
      if (deletionTimestamp || isTerminating(object) || !couldBe(object)) return [];
      return [this.registry.patch(resource, namespace, object.metadata.name, (live) => ({
        ...live,
        metadata: {
          ...live.metadata,
          ownerReferences: [...live.metadata.ownerReferences ?? [], referenceTo(set)],
        },
      }), { manager: MANAGER })];
    });
  }

  #podsOf(set) {
    return this.#ownOf(set, PODS, (pod) => this.#couldBe(set, pod));
  }

  // The revision of the template as it is now; made if it is new, renewed if it is an old one.
  #updateRevision(set) {
    const { namespace, name } = set.metadata;
    const fits = ({ metadata }) => selectorMatches(set.spec.selector, metadata.labels)
      && metadata.name.startsWith(`${name}-`);
    const all = this.#ownOf(set, REVISIONS, fits)
      .sort((a, b) => a.revision - b.revision);
    const data = revisionData(set);
    const next = (all.at(-1)?.revision ?? 0) + 1;
    const known = all.find((one) => equal(one.data, data));
    if (known === all.at(-1) && known) return known.metadata.name;
    if (known) {
      this.registry.patch(REVISIONS, namespace, known.metadata.name,
        (live) => ({ ...live, revision: next }), { manager: MANAGER });
      return known.metadata.name;
    }
    // A deleted set of this name may have left one that is not collected yet.
    let salt = 0;
    let hash = hashOf(data, '');
    while (this.registry.find(REVISIONS, namespace, `${name}-${hash}`)) {
      salt += 1;
      hash = hashOf(data, salt);
    }
    this.registry.create(REVISIONS, namespace, {
      kind: 'ControllerRevision',
      apiVersion: 'apps/v1',
      metadata: {
        name: `${name}-${hash}`,
        labels: { ...set.spec.template.metadata.labels, 'controller.kubernetes.io/hash': hash },
        ownerReferences: [referenceTo(set)],
      },
      data,
      revision: next,
    }, { manager: MANAGER });
    this.#forgetRevisions(set, all);
    return `${name}-${hash}`;
  }

  #forgetRevisions(set, all) {
    const used = new Set([set.status.currentRevision, ...this.#podsOf(set).map(revisionOf)]);
    const unused = all.filter((one) => !used.has(one.metadata.name));
    const limit = set.spec.revisionHistoryLimit ?? 10;
    for (const { metadata } of unused.slice(0, Math.max(0, unused.length - limit))) {
      this.registry.delete(REVISIONS, metadata.namespace, metadata.name, {});
    }
  }

  #sync(namespace, name) {
    const set = this.registry.find(SETS, namespace, name);
    if (!set) return;
    const pods = this.#podsOf(set);
    const updateRevision = set.metadata.deletionTimestamp && set.status.updateRevision
      ? set.status.updateRevision : this.#updateRevision(set);
    const currentRevision = set.status.currentRevision ?? updateRevision;
    const status = this.#count(set, pods, { currentRevision, updateRevision });
    if (!set.metadata.deletionTimestamp) {
      try {
        this.#step(set, pods, status);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.loop.after(RETRY_MS, () => this.#enqueue(namespace, name), { idle: true });
      }
    }
    this.#finishUpdate(set, status);
    this.#writeStatus(set, status);
  }

  #count(set, pods, { currentRevision, updateRevision }) {
    const of = (holds) => pods.filter(holds).length;
    const ready = pods.filter(isReady);
    return {
      observedGeneration: set.metadata.generation,
      replicas: pods.length,
      readyReplicas: ready.length,
      currentReplicas: of((pod) => !isTerminating(pod) && revisionOf(pod) === currentRevision),
      updatedReplicas: of((pod) => !isTerminating(pod) && revisionOf(pod) === updateRevision),
      currentRevision,
      updateRevision,
      collisionCount: 0,
      availableReplicas: ready.filter((pod) => this.#isAvailable(set, pod)).length,
    };
  }

  #isAvailable(set, pod) {
    const { minReadySeconds = 0 } = set.spec;
    if (minReadySeconds === 0) return true;
    const { lastTransitionTime } = pod.status.conditions.find(({ type }) => type === 'Ready');
    const left = Date.parse(lastTransitionTime) + minReadySeconds * 1000
      - this.registry.now().getTime();
    if (left <= 0) return true;
    const { namespace, name } = set.metadata;
    this.loop.after(left, () => this.#enqueue(namespace, name));
    return false;
  }

  // Does what comes next; with OrderedReady at most one thing.
  #step(set, pods, status) {
    const ordered = set.spec.podManagementPolicy !== 'Parallel';
    const first = set.spec.ordinals?.start ?? 0;
    const end = first + set.spec.replicas;
    const byOrdinal = new Map(pods.map((pod) => [ordinalOf(pod), pod]));
    for (let ordinal = first; ordinal < end; ordinal += 1) {
      const pod = byOrdinal.get(ordinal);
      if (!pod) {
        this.#createPod(set, ordinal, status);
        if (ordered) return;
      } else if (['Failed', 'Succeeded'].includes(pod.status.phase)) {
        if (!isTerminating(pod)) this.#deletePod(set, pod);
        if (ordered) return;
      } else if (ordered && !isHealthy(pod)) {
        return;
      }
    }
    const tooMany = pods.filter((pod) => ordinalOf(pod) < first || ordinalOf(pod) >= end)
      .sort((a, b) => ordinalOf(b) - ordinalOf(a));
    for (const pod of tooMany) {
      if (!isTerminating(pod)) this.#deletePod(set, pod);
      if (ordered) return;
    }
    this.#roll(set, byOrdinal, { first, end, status });
  }

  // Replaces the highest pod of another revision when all above it are healthy.
  #roll(set, byOrdinal, { first, end, status }) {
    const { type, rollingUpdate } = set.spec.updateStrategy;
    if (type === 'OnDelete') return;
    const lowest = Math.max(first, first + (rollingUpdate?.partition ?? 0));
    for (let ordinal = end - 1; ordinal >= lowest; ordinal -= 1) {
      const pod = byOrdinal.get(ordinal);
      if (!pod) return;
      if (revisionOf(pod) !== status.updateRevision && !isTerminating(pod)) {
        this.#deletePod(set, pod);
        if (revisionOf(pod) === status.currentRevision) status.currentReplicas -= 1;
        return;
      }
      if (!isHealthy(pod)) return;
    }
  }

  #createPod(set, ordinal, { currentRevision, updateRevision }) {
    const { namespace, name } = set.metadata;
    const { rollingUpdate, type } = set.spec.updateStrategy;
    const first = set.spec.ordinals?.start ?? 0;
    const held = type === 'RollingUpdate' && ordinal < first + (rollingUpdate?.partition ?? 0);
    const revision = held ? currentRevision : updateRevision;
    const podName = `${name}-${ordinal}`;
    const template = revision === updateRevision ? set.spec.template
      : this.registry.find(REVISIONS, namespace, revision)?.data.spec.template
        ?? set.spec.template;
    const { $patch, metadata = {}, spec } = template;
    const pod = {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: {
        name: podName,
        generateName: `${name}-`,
        labels: {
          ...metadata.labels,
          'apps.kubernetes.io/pod-index': String(ordinal),
          [REVISION_LABEL]: revision,
          'statefulset.kubernetes.io/pod-name': podName,
        },
        ...(metadata.annotations ? { annotations: metadata.annotations } : {}),
        ownerReferences: [referenceTo(set)],
      },
      spec: { ...spec, hostname: podName, subdomain: set.spec.serviceName },
    };
    try {
      this.registry.create(PODS, namespace, pod, { manager: MANAGER });
    } catch (error) {
      if (error instanceof ApiError) {
        this.events.record(set, 'Warning', 'FailedCreate', `create Pod ${podName} in StatefulSet`
          + ` ${name} failed error: ${error.message}`);
      }
      throw error;
    }
    this.events.record(set, 'Normal', 'SuccessfulCreate',
      `Create Pod ${podName} in StatefulSet ${name} successful`);
  }

  #deletePod(set, { metadata: { namespace, name, uid } }) {
    this.registry.delete(PODS, namespace, name, { preconditions: { uid } });
    this.events.record(set, 'Normal', 'SuccessfulDelete',
      `Delete Pod ${name} in StatefulSet ${set.metadata.name} successful`);
  }

  #finishUpdate(set, status) {
    const { replicas, updateStrategy } = set.spec;
    const all = [status.updatedReplicas, status.readyReplicas, status.replicas];
    if (set.metadata.deletionTimestamp || updateStrategy.type !== 'RollingUpdate') return;
    if (all.every((count) => count === replicas)) {
      status.currentReplicas = status.updatedReplicas;
      status.currentRevision = status.updateRevision;
    }
  }

  #writeStatus(set, counted) {
    const status = { ...counted };
    for (const name of ['readyReplicas', 'currentReplicas', 'updatedReplicas']) {
      if (status[name] === 0) delete status[name];
    }
    const { namespace, name, uid } = set.metadata;
    if (this.registry.find(SETS, namespace, name)?.metadata.uid !== uid) return;
    this.registry.patch(SETS, namespace, name, (live) => ({ ...live, status }), {
      manager: MANAGER, subresource: 'status',
    });
  }
}
