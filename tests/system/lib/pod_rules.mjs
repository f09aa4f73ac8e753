// What every pod of deploy/kubernetes has to keep: the strictest of the Pod Security Standards
// (restricted), and rules of our own. Sentences about what is wrong, for tests.
const RESTRICTED_VOLUMES = [
  'configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected',
  'secret',
];
const PROFILES = ['RuntimeDefault', 'Localhost'];

export const workloads = (objects) => (
  objects.filter((one) => ['Deployment', 'DaemonSet', 'StatefulSet'].includes(one.kind)));

function* containerComplaints(pod, container) {
  const { name, securityContext: own = {}, resources = {} } = container;
  const of = (field) => own[field] ?? pod.securityContext?.[field];
  if (own.allowPrivilegeEscalation !== false) yield `${name} may become more than it is`;
  if (own.readOnlyRootFilesystem !== true) yield `${name} may write to its image`;
  if (!own.capabilities?.drop?.includes('ALL') || own.capabilities.add) {
    yield `${name} has capabilities`;
  }
  if (!PROFILES.includes(of('seccompProfile')?.type)) yield `${name} has no seccomp profile`;
  for (const part of ['requests', 'limits']) {
    for (const resource of ['cpu', 'memory']) {
      if (resources[part]?.[resource] === undefined) yield `${name} has no ${part} of ${resource}`;
    }
  }
}

function* volumeComplaints({ volumes = [], containers, initContainers = [] }) {
  const known = volumes.map((one) => one.name);
  const all = [...initContainers, ...containers];
  const mounted = new Set(all.flatMap((one) => one.volumeMounts ?? []).map((one) => one.name));
  const isMissing = [...mounted].filter((name) => !known.includes(name));
  for (const name of isMissing) yield `no volume ${name}`;
  // A volume whose mount has another name is one mistake, not two.
  if (isMissing.length > 0) return;
  for (const name of known) if (!mounted.has(name)) yield `volume ${name} is mounted nowhere`;
  for (const { name, volumeMounts = [] } of all) {
    const paths = volumeMounts.map((one) => one.mountPath);
    if (new Set(paths).size !== paths.length) yield `${name} mounts twice at the same place`;
  }
}

function* restrictedComplaints(pod) {
  const { runAsNonRoot, runAsUser } = pod.securityContext ?? {};
  if (runAsNonRoot !== true || !(runAsUser > 0)) yield 'it may run as root';
  if (pod.hostNetwork || pod.hostPID || pod.hostIPC) yield 'it shares namespaces with its node';
  for (const { name, ...volume } of pod.volumes ?? []) {
    const others = Object.keys(volume).filter((kind) => !RESTRICTED_VOLUMES.includes(kind));
    if (others.length > 0) yield `volume ${name} is of ${others}`;
  }
}

// `isPrivileged`: it is in a namespace where pods may be root and see the node.
export function complaintsOfPod(pod, { isPrivileged = false }) {
  const { containers, initContainers = [] } = pod;
  return [
    ...(pod.enableServiceLinks === false ? [] : ['Services become variables of its containers']),
    ...(pod.automountServiceAccountToken === false ? [] : ['every container has a token']),
    ...(isPrivileged ? [] : restrictedComplaints(pod)),
    ...volumeComplaints(pod),
    ...[...initContainers, ...containers].flatMap((one) => [...containerComplaints(pod, one)]),
  ];
}
