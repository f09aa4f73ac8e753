// The node of the fake cluster: scheduler and kubelet in one. It watches pods, leads each through
// its life (pod_life.mjs), writes what it sees as their status, and gives out their logs.
//
// Pods get addresses of the loopback network, so that what they really start can be reached there.
import { EventRecorder } from '../controllers/events.mjs';
import { resourceAt } from '../resources.mjs';
import { PodLife } from './pod_life.mjs';

const PODS = resourceAt('', 'pods');
const DEFAULTS = {
  nodeName: 'fake-node',
  manager: 'kubelet',
  images: {},
  readyAfterMs: 20,
  stepMs: 5,
  backOffMs: 1000,
  podNetwork: undefined, // as 127.77.0; default: a random one
  ipv6: false,
};
const UNSCHEDULABLE = '0/1 nodes are available: 1 Insufficient cpu.';

function randomNetwork(random) {
  return `127.${64 + Math.floor(random() * 128)}.${Math.floor(random() * 256)}`;
}

export class Node {
  reachable = true;
  #lives = new Map();
  #end;
  #given = 1;

  constructor(registry, loop, options = {}) {
    Object.assign(this, { registry, loop, options: { ...DEFAULTS, ...options } });
    this.options.podNetwork ??= randomNetwork(registry.random);
    this.events = new EventRecorder(registry, { component: 'kubelet', manager: 'kubelet' });
    this.scheduling = new EventRecorder(registry, {
      component: 'default-scheduler', manager: 'kube-scheduler',
    });
    this.#end = registry.store.listen((change) => this.#onChange(change));
  }

  close() {
    this.#end();
    for (const life of this.#lives.values()) life.end();
    this.#lives.clear();
  }

  #onChange({ resource, type, object }) {
    if (resource !== PODS) return;
    const { uid, deletionTimestamp, deletionGracePeriodSeconds } = object.metadata;
    const life = this.#lives.get(uid);
    if (type === 'DELETED') {
      life?.end();
      this.#lives.delete(uid);
    } else if (!life) {
      if (deletionTimestamp) return;
      const born = new PodLife(this, object);
      this.#lives.set(uid, born);
      born.start();
    } else if (deletionTimestamp) {
      life.terminate(deletionGracePeriodSeconds);
    }
  }

  #podOf({ namespace, name, uid }) {
    const pod = this.registry.find(PODS, namespace, name);
    return pod?.metadata.uid === uid ? pod : undefined;
  }

  // A binding belongs to nobody, as that subresource leaves no managedFields.
  bind(life) {
    const pod = this.#podOf(life);
    if (!pod) return;
    const scheduled = {
      type: 'PodScheduled', status: 'True', lastProbeTime: null,
      lastTransitionTime: this.registry.time(),
    };
    const bound = {
      ...pod,
      spec: { ...pod.spec, nodeName: this.options.nodeName },
      status: { ...pod.status, conditions: [scheduled] },
    };
    this.registry.store.put(PODS, bound, pod);
  }

  refuseSchedule(life) {
    const pod = this.#podOf(life);
    if (!pod) return;
    const refused = {
      type: 'PodScheduled', status: 'False', lastProbeTime: null,
      lastTransitionTime: this.registry.time(), reason: 'Unschedulable', message: UNSCHEDULABLE,
    };
    this.registry.patch(PODS, life.namespace, life.name, (live) => ({
      ...live, status: { ...live.status, conditions: [refused] },
    }), { manager: 'kube-scheduler', subresource: 'status' });
    this.scheduling.record(pod, 'Warning', 'FailedScheduling', UNSCHEDULABLE);
  }

  giveAddresses() {
    this.#given += 1;
    const [a, b, c] = this.options.podNetwork.split('.').map(Number);
    const number = (c << 8) + this.#given;
    const address = `${a}.${b + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
    return this.options.ipv6 ? [address, `fd00:77::${this.#given.toString(16)}`] : [address];
  }

  writeStatus(life, status) {
    if (!this.#podOf(life)) return;
    this.registry.patch(PODS, life.namespace, life.name, (live) => {
      const kept = (live.status.conditions ?? [])
        .filter(({ type }) => !status.conditions.some((one) => one.type === type));
      const { qosClass } = live.status;
      return {
        ...live, status: { ...status, conditions: [...kept, ...status.conditions], qosClass },
      };
    }, { manager: this.options.manager, subresource: 'status' });
  }

  reportFailure(life, fail) {
    const pod = this.#podOf(life);
    if (!pod) return;
    const image = pod.spec.containers[0].image;
    const texts = {
      ErrImagePull: ['Failed', `Failed to pull image "${image}": not found`],
      ImagePullBackOff: ['BackOff', `Back-off pulling image "${image}"`],
      Evicted: ['Evicted', 'The node was low on resource: memory.'],
    };
    const [reason, message] = texts[fail] ?? ['BackOff', 'Back-off restarting failed container'];
    this.events.record(pod, 'Warning', reason, message);
  }

  // All containers are over: the pod goes.
  forget(life) {
    const { namespace, name, uid } = life;
    if (!this.#podOf(life)) return;
    this.registry.delete(PODS, namespace, name, { preconditions: { uid }, gracePeriodSeconds: 0 });
  }

  // {log} of a container's run, {waiting: why} or {missing: true}.
  logOf(pod, containerName, previous) {
    const container = this.#lives.get(pod.metadata.uid)?.containers
      .find((one) => one.spec.name === containerName);
    if (previous) {
      const run = container?.state.waiting ? container.run ?? container.previous
        : container?.previous;
      return run ? { log: run.log } : { missing: true };
    }
    if (!container?.run) {
      const reason = container?.state.waiting?.reason ?? 'ContainerCreating';
      if (container?.previous) return { log: container.previous.log };
      return { waiting: reason };
    }
    return { log: container.run.log };
  }

  // The processes that run now: {namespace, pod, container, pid, address}.
  get processes() {
    return [...this.#lives.values()].flatMap((life) => life.containers
      .filter(({ run }) => run?.pid && !run.exited)
      .map(({ spec, run }) => ({
        namespace: life.namespace, pod: life.name, container: spec.name, pid: run.pid,
        address: life.address,
      })));
  }
}
