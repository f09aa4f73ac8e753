// The resources that the fake serves, and what differs between them; discovery is made of this.
//
// deleted: what a delete that is done at once answers with. unconditional: whether PUT without a
// resourceVersion overwrites. createsOnPut: whether PUT of something missing creates it.
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

const LIST = [
  { plural: 'configmaps', kind: 'ConfigMap', shortNames: ['cm'], hash: 'qFsyl6wFWjQ=' },
  { plural: 'events', kind: 'Event', shortNames: ['ev'], hash: 'r2yiGXH7wu8=', createsOnPut: true },
  {
    plural: 'namespaces', kind: 'Namespace', shortNames: ['ns'], hash: 'Q3oi5N2YM8M=',
    namespaced: false, subresources: ['status'], deleted: 'object',
    verbs: VERBS.filter((verb) => verb !== 'deletecollection'),
  },
  {
    plural: 'pods', kind: 'Pod', shortNames: ['po'], categories: ['all'], hash: 'xPOwRZ+Yhw8=',
    subresources: ['log', 'status'], deleted: 'object', generation: true,
    fieldSelectors: [
      'metadata.name', 'metadata.namespace', 'spec.nodeName', 'spec.restartPolicy',
      'spec.schedulerName', 'spec.serviceAccountName', 'spec.hostNetwork', 'status.phase',
      'status.podIP', 'status.podIPs', 'status.nominatedNodeName',
    ],
  },
  { plural: 'secrets', kind: 'Secret', hash: 'S6u1pOWzb84=', fieldSelectors: ['type'] },
  {
    plural: 'serviceaccounts', kind: 'ServiceAccount', shortNames: ['sa'], hash: 'pbx9ZvyFpBE=',
    deleted: 'object',
  },
  {
    plural: 'services', kind: 'Service', shortNames: ['svc'], categories: ['all'],
    hash: '0/CO1lhkEBI=', subresources: ['status'], deleted: 'object', nameRule: 'label',
    fieldSelectors: ['spec.clusterIP', 'spec.type'],
  },
  {
    group: 'apps', plural: 'controllerrevisions', kind: 'ControllerRevision', hash: '85nkx63pcBU=',
  },
  {
    group: 'apps', plural: 'statefulsets', kind: 'StatefulSet', shortNames: ['sts'],
    categories: ['all'], hash: 'H+vl74LkKdo=', subresources: ['scale', 'status'],
    generation: true, nameRule: 'label',
  },
  {
    group: 'discovery.k8s.io', plural: 'endpointslices', kind: 'EndpointSlice',
    hash: 'qgS0xkrxYAI=', generation: true,
  },
  {
    group: 'coordination.k8s.io', plural: 'leases', kind: 'Lease', hash: 'gqkMMb/YqFM=',
    unconditional: false, createsOnPut: true,
  },
  {
    group: 'authorization.k8s.io', plural: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview', namespaced: false, verbs: ['create'],
  },
  {
    group: 'authentication.k8s.io', plural: 'selfsubjectreviews', kind: 'SelfSubjectReview',
    namespaced: false, verbs: ['create'],
  },
];

const EVENT_FIELDS = [
  'involvedObject.kind', 'involvedObject.namespace', 'involvedObject.name', 'involvedObject.uid',
  'involvedObject.apiVersion', 'involvedObject.resourceVersion', 'involvedObject.fieldPath',
  'reason', 'reportingComponent', 'source', 'type',
];

function complete(entry) {
  const group = entry.group ?? '';
  const named = ['metadata.name', 'metadata.namespace'];
  const more = entry.plural === 'events' ? EVENT_FIELDS : entry.fieldSelectors ?? [];
  return {
    namespaced: true, verbs: VERBS, subresources: [], deleted: 'status', unconditional: true,
    createsOnPut: false, generation: false, nameRule: 'subdomain', ...entry,
    group,
    version: 'v1',
    apiVersion: group ? `${group}/v1` : 'v1',
    // As in messages.
    qualified: group ? `${entry.plural}.${group}` : entry.plural,
    qualifiedKind: group ? `${entry.kind}.${group}` : entry.kind,
    fieldSelectors: [...new Set([...named, ...more])],
  };
}

export const RESOURCES = LIST.map(complete);

const byPath = new Map(RESOURCES.map((one) => [`${one.group}/${one.plural}`, one]));
export const resourceAt = (group, plural) => byPath.get(`${group}/${plural}`);
export const GROUPS = [...new Set(RESOURCES.map((one) => one.group))].filter(Boolean);

const byKind = new Map(RESOURCES.map((one) => [`${one.apiVersion}/${one.kind}`, one]));
export const resourceOfKind = (apiVersion, kind) => byKind.get(`${apiVersion}/${kind}`);

function describe(resource) {
  const { plural, kind, namespaced, verbs, shortNames, categories, hash } = resource;
  const main = { name: plural, singularName: kind.toLowerCase(), namespaced, kind, verbs };
  if (shortNames) main.shortNames = shortNames;
  if (categories) main.categories = categories;
  if (hash) main.storageVersionHash = hash;
  const below = resource.subresources.map((name) => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    ...(name === 'scale' ? { group: 'autoscaling', version: 'v1' } : {}),
    kind: name === 'scale' ? 'Scale' : kind,
    verbs: name === 'log' ? ['get'] : ['get', 'patch', 'update'],
  }));
  return [main, ...below];
}

export function resourceList(group) {
  const served = RESOURCES.filter((one) => one.group === group);
  if (served.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group ? { apiVersion: 'v1' } : {}),
    groupVersion: served[0].apiVersion,
    resources: served.flatMap(describe),
  };
}

export function groupList() {
  const groups = GROUPS.map((name) => {
    const version = { groupVersion: `${name}/v1`, version: 'v1' };
    return { name, versions: [version], preferredVersion: version };
  });
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}
