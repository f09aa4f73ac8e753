// What a request is about, from its method, path and headers: resource, namespace, name,
// subresource, verb, and the representation that is asked for.
import { GROUPS, resourceAt } from './resources.mjs';
import { ApiError, methodNotAllowed, noSuchResource } from './status.mjs';

const VERBS_OF_OBJECT = { GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' };
const VERBS_OF_LIST = { GET: 'list', POST: 'create', DELETE: 'deletecollection' };
const AVAILABLE = 'application/json, application/yaml, application/vnd.kubernetes.protobuf,'
  + ' application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch';

// A description of what is not served, for the authorizer's words.
function unknownResource(group, plural) {
  return { group, plural, qualified: group ? `${plural}.${group}` : plural, unknown: true };
}

// {group, rest} of a path below a group that is served.
function splitGroup(path) {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  if (parts[0] === 'api' && parts[1] === 'v1') return { group: '', rest: parts.slice(2) };
  if (parts[0] === 'apis' && GROUPS.includes(parts[1]) && parts[2] === 'v1') {
    return { group: parts[1], rest: parts.slice(3) };
  }
  return undefined;
}

function splitResource({ group, rest }) {
  const inNamespace = rest[0] === 'namespaces' && rest.length >= 3
    && !(group === '' && rest.length === 3 && ['status', 'finalize'].includes(rest[2]));
  const [plural, name, subresource, ...more] = inNamespace ? rest.slice(2) : rest;
  const namespace = inNamespace ? rest[1] : undefined;
  const resource = resourceAt(group, plural) ?? unknownResource(group, plural);
  return { resource, namespace, name, subresource, more };
}

// The request as the API sees it; undefined if the path names no resource.
export function understand(method, url) {
  const path = url.pathname.replace(/\/$/, '');
  const found = splitGroup(path);
  if (!found || found.rest.length === 0) return undefined;
  const parts = splitResource(found);
  const { resource, namespace, name, subresource } = parts;
  const query = url.searchParams;
  const watching = ['1', 'true'].includes(query.get('watch'));
  let verb = (name === undefined ? VERBS_OF_LIST : VERBS_OF_OBJECT)[method];
  if (verb === undefined && method === 'POST') verb = 'create';
  if (verb === 'list' && watching) verb = 'watch';
  const single = /^metadata\.name==?([^,]+)$/.exec(query.get('fieldSelector') ?? '');
  return {
    resource, namespace, name, subresource, query, verb, method, path,
    attributes: {
      verb, group: resource.group, resource: resource.plural, subresource, namespace,
      name: name ?? (single && name === undefined ? single[1] : undefined),
    },
    odd: parts.more.length > 0,
  };
}

// Refuses what is authorized and not served.
export function checkServed(asked) {
  const { resource, namespace, name, subresource, verb, method } = asked;
  if (resource.unknown || asked.odd) throw noSuchResource();
  if (subresource !== undefined && !resource.subresources.includes(subresource)) {
    throw noSuchResource();
  }
  if (!resource.namespaced && namespace !== undefined) throw noSuchResource();
  const onObject = name !== undefined;
  const fits = subresource === 'log' ? verb === 'get'
    : subresource !== undefined ? ['get', 'update', 'patch'].includes(verb)
      : resource.verbs.includes(verb) && (method !== 'POST' || !onObject);
  if (!fits) throw methodNotAllowed();
  if (verb === 'create' && resource.namespaced && namespace === undefined) throw methodNotAllowed();
}

// The wanted form of the answer: 'object' or 'metadata' (PartialObjectMetadata).
export function negotiate(accept = '*/*') {
  for (const one of accept.split(',')) {
    const [media, ...parameters] = one.trim().split(';').map((part) => part.trim());
    if (!['application/json', '*/*', 'application/*'].includes(media)) continue;
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    if (as === undefined) return 'object';
    if (as.startsWith('PartialObjectMetadata')) return 'metadata';
  }
  const error = new ApiError(406, '406: Not Acceptable\n\nAvailable representations: '
    + AVAILABLE, { reason: 'NotAcceptable', details: {} });
  error.indented = true;
  throw error;
}

export function partial({ metadata }) {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}
