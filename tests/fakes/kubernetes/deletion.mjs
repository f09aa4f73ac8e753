// What a delete does at once: preconditions, grace of pods, finalizers of the propagation policies,
// termination of namespaces. What comes later (dependents, contents) is the controllers' work.
import { badRequest, preconditionFailed } from './status.mjs';

const POLICIES = ['Background', 'Foreground', 'Orphan'];
const POLICY_FINALIZERS = { Foreground: 'foregroundDeletion', Orphan: 'orphan' };

function checkPreconditions(resource, { metadata }, { uid, resourceVersion } = {}) {
  if (uid !== undefined && uid !== metadata.uid) {
    throw preconditionFailed(resource, metadata.name, `the UID in the precondition (${uid}) does`
      + ` not match the UID in record (${metadata.uid}). The object might have been deleted and`
      + ' then recreated');
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    throw preconditionFailed(resource, metadata.name, 'the ResourceVersion in the precondition'
      + ` (${resourceVersion}) does not match the ResourceVersion in record`
      + ` (${metadata.resourceVersion}). The object might have been modified`);
  }
}

function finalizersFor({ metadata }, policy) {
  const others = (metadata.finalizers ?? [])
    .filter((name) => policy === undefined || !Object.values(POLICY_FINALIZERS).includes(name));
  const own = POLICY_FINALIZERS[policy];
  return own ? [...others, own] : others;
}

// Seconds that a pod has for its end; undefined for what is no pod.
function graceOf({ kind, spec, status }, wanted) {
  if (kind !== 'Pod') return 0;
  if (!spec.nodeName || ['Succeeded', 'Failed'].includes(status.phase)) return 0;
  return Math.max(0, wanted ?? spec.terminationGracePeriodSeconds ?? 30);
}

function terminate(registry, resource, live) {
  if (live.metadata.deletionTimestamp) return { object: live, gone: false };
  const metadata = { ...live.metadata, deletionTimestamp: registry.time() };
  const object = { ...live, metadata, status: { ...live.status, phase: 'Terminating' } };
  return { object: registry.store.put(resource, object, live), gone: false };
}

// The metadata with the marks of a deletion that has `grace` seconds and `finalizers` to wait for.
function marked(registry, live, grace, finalizers) {
  const { deletionTimestamp, deletionGracePeriodSeconds, generation, ...rest } = live.metadata;
  const { finalizers: before, ...metadata } = rest;
  // A shorter grace moves the end forward; a longer one changes nothing.
  const sooner = deletionTimestamp !== undefined && grace < deletionGracePeriodSeconds;
  const first = deletionTimestamp === undefined;
  const end = first ? registry.time(grace)
    : sooner ? registry.time(grace) : deletionTimestamp;
  return {
    ...metadata,
    ...(generation === undefined ? {} : { generation: generation + (first ? 1 : 0) }),
    deletionTimestamp: end,
    deletionGracePeriodSeconds: first || sooner ? grace : deletionGracePeriodSeconds,
    ...(finalizers.length > 0 ? { finalizers } : {}),
  };
}

// {object, gone} of a delete.
export function remove(registry, resource, live, options) {
  const { preconditions, propagationPolicy: policy, dryRun } = options;
  if (policy !== undefined && !POLICIES.includes(policy)) {
    throw badRequest(`invalid propagationPolicy ${JSON.stringify(policy)}`);
  }
  checkPreconditions(resource, live, preconditions);
  if (dryRun) return { object: live, gone: true };
  if (live.kind === 'Namespace') return terminate(registry, resource, live);
  const finalizers = finalizersFor(live, policy);
  const pending = live.metadata.deletionTimestamp !== undefined;
  const grace = graceOf(live, options.gracePeriodSeconds
    ?? (pending ? live.metadata.deletionGracePeriodSeconds : undefined));
  if (grace === 0 && finalizers.length === 0 && !pending) {
    return { object: registry.store.remove(resource, live), gone: true };
  }
  const metadata = marked(registry, live, grace, finalizers);
  const changed = !pending || metadata.deletionGracePeriodSeconds
    !== live.metadata.deletionGracePeriodSeconds
    || (live.metadata.finalizers ?? []).join() !== finalizers.join();
  const object = changed ? registry.store.put(resource, { ...live, metadata }, live) : live;
  if (metadata.deletionGracePeriodSeconds === 0 && finalizers.length === 0) {
    return { object: registry.store.remove(resource, object), gone: true };
  }
  return { object, gone: false };
}
