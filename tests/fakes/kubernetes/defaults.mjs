// What the API server adds to an object: defaults at decoding (owned by whoever wrote the object),
// and what is given out at creation or carried over at an update (owned by nobody).
import { equal } from './types.mjs';

const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'];

function imagePullPolicy(image = '') {
  const name = image.split('/').at(-1);
  if (name.includes('@')) return 'IfNotPresent';
  const tag = name.split(':')[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function probeDefaults(probe) {
  const defaults = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1 };
  const result = { ...defaults, failureThreshold: 3, ...probe };
  if (probe.httpGet) result.httpGet = { path: '/', scheme: 'HTTP', ...probe.httpGet };
  if (probe.grpc) result.grpc = { service: '', ...probe.grpc };
  return result;
}

function envDefaults(entry) {
  if (!entry.valueFrom?.fieldRef) return entry;
  const fieldRef = { apiVersion: 'v1', ...entry.valueFrom.fieldRef };
  return { ...entry, valueFrom: { ...entry.valueFrom, fieldRef } };
}

function containerDefaults(container) {
  const result = {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: imagePullPolicy(container.image),
    ...container,
  };
  if (result.ports) result.ports = result.ports.map((port) => ({ protocol: 'TCP', ...port }));
  if (result.env) result.env = result.env.map(envDefaults);
  for (const name of PROBES) if (result[name]) result[name] = probeDefaults(result[name]);
  return result;
}

function volumeDefaults(volume) {
  if (Object.keys(volume).length === 1) return { ...volume, emptyDir: {} };
  const result = { ...volume };
  for (const source of ['configMap', 'secret', 'downwardAPI', 'projected']) {
    if (result[source]) result[source] = { defaultMode: 420, ...result[source] };
  }
  return result;
}

function podSpecDefaults(spec = {}) {
  const result = {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    securityContext: {},
    schedulerName: 'default-scheduler',
    ...spec,
  };
  for (const list of ['containers', 'initContainers']) {
    if (result[list]) result[list] = result[list].map(containerDefaults);
  }
  if (result.volumes) result.volumes = result.volumes.map(volumeDefaults);
  if (result.serviceAccountName) result.serviceAccount = result.serviceAccountName;
  else delete result.serviceAccount;
  return result;
}

function statefulSetDefaults(object) {
  const spec = {
    replicas: 1,
    podManagementPolicy: 'OrderedReady',
    updateStrategy: {},
    revisionHistoryLimit: 10,
    ...object.spec,
  };
  const strategy = { type: 'RollingUpdate', ...spec.updateStrategy };
  if (strategy.type === 'RollingUpdate') {
    strategy.rollingUpdate = { partition: 0, ...strategy.rollingUpdate };
  }
  const retention = spec.persistentVolumeClaimRetentionPolicy;
  const template = { metadata: {}, ...spec.template };
  return {
    ...object,
    spec: {
      ...spec,
      updateStrategy: strategy,
      persistentVolumeClaimRetentionPolicy: {
        whenDeleted: 'Retain', whenScaled: 'Retain', ...retention,
      },
      template: { ...template, spec: podSpecDefaults(template.spec) },
    },
  };
}

function serviceDefaults(object) {
  const spec = {
    type: 'ClusterIP', sessionAffinity: 'None', internalTrafficPolicy: 'Cluster', ...object.spec,
  };
  spec.ports = spec.ports?.map((port) => ({ protocol: 'TCP', targetPort: port.port, ...port }));
  return { ...object, spec };
}

function secretDefaults({ stringData, ...object }) {
  const encoded = Object.fromEntries(Object.entries(stringData ?? {})
    .map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
  const data = { ...object.data, ...encoded };
  return { type: 'Opaque', ...object, ...(Object.keys(data).length > 0 ? { data } : {}) };
}

function podDefaults(object) {
  const spec = podSpecDefaults(object.spec);
  spec.enableServiceLinks ??= true;
  spec.containers = spec.containers?.map((container) => {
    const { limits, requests } = container.resources;
    if (!limits) return container;
    const resources = { ...container.resources, requests: { ...limits, ...requests } };
    return { ...container, resources };
  });
  return { ...object, spec };
}

function namespaceDefaults(object) {
  const name = object.metadata.name;
  if (!name) return object;
  const labels = { ...object.metadata.labels, 'kubernetes.io/metadata.name': name };
  return { ...object, metadata: { ...object.metadata, labels } };
}

const DEFAULTS = {
  StatefulSet: statefulSetDefaults,
  Service: serviceDefaults,
  Secret: secretDefaults,
  Pod: podDefaults,
  Namespace: namespaceDefaults,
};

export const withDefaults = (object) => DEFAULTS[object.kind]?.(object) ?? object;

function qosClass(spec) {
  const containers = [...spec.containers ?? [], ...spec.initContainers ?? []];
  const wanted = ['cpu', 'memory'];
  const of = (container, what) => container.resources?.[what] ?? {};
  if (containers.every((one) => wanted.every((name) => (
    of(one, 'limits')[name] === undefined && of(one, 'requests')[name] === undefined)))) {
    return 'BestEffort';
  }
  const guaranteed = containers.every((one) => wanted.every((name) => (
    of(one, 'limits')[name] !== undefined
      && of(one, 'limits')[name] === of(one, 'requests')[name])));
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function tokenVolume(name) {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
        {
          configMap: {
            name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }],
          },
        },
        {
          downwardAPI: {
            items: [{
              path: 'namespace',
              fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
            }],
          },
        },
      ],
      defaultMode: 420,
    },
  };
}

// What admission adds to every pod.
function admitPod(object, { suffix }) {
  const spec = { ...object.spec };
  spec.serviceAccountName ??= 'default';
  spec.serviceAccount = spec.serviceAccountName;
  if (spec.automountServiceAccountToken !== false) {
    const name = `kube-api-access-${suffix()}`;
    const mount = {
      name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
    };
    spec.volumes = [...spec.volumes ?? [], tokenVolume(name)];
    spec.containers = spec.containers.map((one) => ({
      ...one, volumeMounts: [...one.volumeMounts ?? [], mount],
    }));
  }
  const missing = ['not-ready', 'unreachable'].map((name) => ({
    key: `node.kubernetes.io/${name}`, operator: 'Exists', effect: 'NoExecute',
    tolerationSeconds: 300,
  }));
  spec.tolerations = [...spec.tolerations ?? [], ...missing];
  spec.priority ??= 0;
  spec.preemptionPolicy ??= 'PreemptLowerPriority';
  return { ...object, spec, status: { phase: 'Pending', qosClass: qosClass(spec) } };
}

function admitService(object, { clusterAddress }) {
  const spec = { ...object.spec };
  if (spec.type !== 'ExternalName') {
    spec.clusterIP ??= clusterAddress();
    spec.clusterIPs ??= [spec.clusterIP];
    spec.ipFamilies ??= [spec.clusterIP.includes(':') ? 'IPv6' : 'IPv4'];
    spec.ipFamilyPolicy ??= 'SingleStack';
  }
  return { ...object, spec, status: { loadBalancer: {} } };
}

const ADMISSION = {
  Pod: admitPod,
  Service: admitService,
  StatefulSet: (object) => ({ ...object, status: { replicas: 0, availableReplicas: 0 } }),
  Namespace: (object) => ({
    ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' },
  }),
};

// At creation; `given` gives out names' suffixes and addresses.
export function admit(resource, object, given) {
  const admitted = ADMISSION[object.kind]?.(object, given) ?? object;
  return resource.generation
    ? { ...admitted, metadata: { ...admitted.metadata, generation: 1 } } : admitted;
}

// Of a Service, what was given out stays if the update does not speak of it.
function carryService(live, object) {
  const spec = { ...object.spec };
  for (const name of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) {
    spec[name] ??= live.spec[name];
  }
  return { ...object, spec };
}

// Everything but metadata and status: what counts as a change of generation.
function body({ metadata, status, ...rest }) {
  return rest;
}

// At an update of the main object: the status stays, and the generation counts changes.
export function carry(resource, live, object) {
  let result = object.kind === 'Service' ? carryService(live, object) : object;
  if (live.status !== undefined) result = { ...result, status: live.status };
  else delete result.status;
  const metadata = { ...result.metadata };
  delete metadata.generation;
  if (live.metadata.generation !== undefined) {
    metadata.generation = live.metadata.generation + (equal(body(live), body(result)) ? 0 : 1);
  }
  return { ...result, metadata };
}
