// The EndpointSlices of Services that have a selector: one per address family, more when there are
// many endpoints. Endpoints keep their place in a slice; what is in them is what pods say.
//
// ready = publishNotReadyAddresses, or serving and not terminating; serving = the pod is Ready.
import { resourceAt } from '../resources.mjs';

const MANAGER = 'kube-controller-manager';
const SERVICES = resourceAt('', 'services');
const PODS = resourceAt('', 'pods');
const SLICES = resourceAt('discovery.k8s.io', 'endpointslices');
const SERVICE_NAME = 'kubernetes.io/service-name';
const CONTROLLER = {
  'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
};

const conditionIs = (pod, type) => (pod.status.conditions ?? [])
  .some((one) => one.type === type && one.status === 'True');

const selects = (selector, { metadata: { labels = {} } }) => Object.entries(selector)
  .every(([key, value]) => labels[key] === value);

function addressOf(pod, family) {
  const addresses = (pod.status.podIPs ?? []).map(({ ip }) => ip);
  return addresses.find((ip) => ip.includes(':') === (family === 'IPv6'));
}

function endpointOf(service, pod, family) {
  const serving = conditionIs(pod, 'Ready');
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const { namespace, name, uid } = pod.metadata;
  const named = pod.spec.hostname && pod.spec.subdomain === service.metadata.name;
  return {
    addresses: [addressOf(pod, family)],
    conditions: { ready, serving, terminating },
    ...(named ? { hostname: pod.spec.hostname } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    nodeName: pod.spec.nodeName,
  };
}

function numberOf(pod, targetPort) {
  if (typeof targetPort === 'number') return targetPort;
  return pod.spec.containers.flatMap((one) => one.ports ?? [])
    .find((port) => port.name === targetPort)?.containerPort;
}

function portsOf(service, pod) {
  return (service.spec.ports ?? []).flatMap(({ name, protocol, targetPort, port, appProtocol }) => {
    const number = service.spec.clusterIP === 'None' && targetPort === undefined
      ? port : numberOf(pod, targetPort);
    if (number === undefined) return [];
    return [{ name: name ?? '', protocol, port: number, ...(appProtocol ? { appProtocol } : {}) }];
  });
}

export class EndpointSliceController {
  #end;

  constructor(registry, loop, { endpointsMax = 100 } = {}) {
    Object.assign(this, { registry, loop, endpointsMax });
    this.#end = registry.store.listen((change) => this.#onChange(change));
  }

  close() {
    this.#end();
  }

  #onChange({ resource, object, previous }) {
    const { namespace, name, labels = {} } = object.metadata;
    if (resource === SERVICES) this.#enqueue(namespace, name);
    if (resource === SLICES && labels[SERVICE_NAME]) this.#enqueue(namespace, labels[SERVICE_NAME]);
    if (resource !== PODS) return;
    for (const pod of [object, previous]) {
      for (const [key, value] of Object.entries(pod?.metadata.labels ?? {})) {
        for (const { metadata, spec } of this.registry.store
          .withTerm(SERVICES, `selects ${key}=${value}`, namespace)) {
          if (selects(spec.selector, pod)) this.#enqueue(namespace, metadata.name);
        }
      }
    }
  }

  #enqueue(namespace, name) {
    this.loop.enqueue(`slices ${namespace}/${name}`, () => this.#sync(namespace, name));
  }

  #sync(namespace, name) {
    const service = this.registry.find(SERVICES, namespace, name);
    if (!service || service.metadata.deletionTimestamp) return;
    if (Object.keys(service.spec.selector ?? {}).length === 0) return;
    const [first] = Object.entries(service.spec.selector);
    const pods = this.registry.store
      .withTerm(PODS, `label ${first[0]}=${first[1]}`, namespace)
      .filter((pod) => selects(service.spec.selector, pod))
      .filter((pod) => !['Succeeded', 'Failed'].includes(pod.status.phase));
    for (const family of service.spec.ipFamilies ?? ['IPv4']) {
      this.#syncFamily(service, pods.filter((pod) => addressOf(pod, family)), family);
    }
  }

  // Endpoints stay in their slices and order; new ones go where there is room.
  #syncFamily(service, pods, family) {
    const { namespace, name } = service.metadata;
    const live = this.registry.store.withTerm(SLICES, `label ${SERVICE_NAME}=${name}`, namespace)
      .filter(({ metadata, addressType }) => addressType === family
        && !metadata.deletionTimestamp);
    const byUid = new Map(pods.map((pod) => [pod.metadata.uid, pod]));
    const groups = live.map((slice) => ({
      slice,
      pods: (slice.endpoints ?? []).flatMap(({ targetRef }) => {
        const pod = byUid.get(targetRef.uid);
        byUid.delete(targetRef.uid);
        return pod ? [pod] : [];
      }),
    }));
    for (const pod of byUid.values()) {
      let group = groups.find((one) => one.pods.length < this.endpointsMax);
      if (!group) groups.push(group = { pods: [] });
      group.pods.push(pod);
    }
    if (groups.length === 0) groups.push({ pods: [] });
    for (const [index, group] of groups.entries()) {
      const spare = group.pods.length === 0 && index > 0 && group.slice;
      if (spare) this.registry.delete(SLICES, namespace, group.slice.metadata.name, {});
      else this.#write(service, group, family);
    }
  }

  #write(service, { slice, pods }, family) {
    const { namespace, name, uid, labels } = service.metadata;
    const headless = service.spec.clusterIP === 'None';
    const wanted = {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: {
        generateName: `${name}-`,
        labels: {
          ...labels, ...CONTROLLER, [SERVICE_NAME]: name,
          ...(headless ? { 'service.kubernetes.io/headless': '' } : {}),
        },
        ownerReferences: [{
          apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true,
        }],
      },
      addressType: family,
      endpoints: pods.length === 0 ? null : pods.map((pod) => endpointOf(service, pod, family)),
      ports: pods.length === 0 ? null : portsOf(service, pods[0]),
    };
    const options = { manager: MANAGER };
    if (!slice) {
      this.registry.create(SLICES, namespace, wanted, options);
      return;
    }
    this.registry.patch(SLICES, namespace, slice.metadata.name, (live) => ({
      ...live,
      ...wanted,
      metadata: { ...live.metadata, ...wanted.metadata },
    }), options);
  }
}
