// The Kubernetes API: from an understood request to a reply. Authentication, authorization and the
// order of refusals are here; what the verbs do is in registry.mjs.
//
// A reply is {status, headers, body} (body: an object, or text), or {status, headers, stream}, with
// a function stream(response) that is called when the headers are set.
import { Auth } from './auth.mjs';
import {
  changeFrom, configurationFrom, isApply, objectFrom, plainFrom, readBody,
} from './bodies.mjs';
import { list, listOf } from './lists.mjs';
import { findLog, logParameters, writeLog } from './pod_logs.mjs';
import { checkServed, negotiate, partial, understand } from './requests.mjs';
import { GROUPS, groupList, resourceList } from './resources.mjs';
import { parseSelectors } from './selectors.mjs';
import { ApiError, badRequest, invalid, wrong } from './status.mjs';
import { Watch, watchParameters } from './watch.mjs';

const FUTURE_WAIT_MS = 3000;
const WAIT_STEP_MS = 20;
const NOSNIFF = { 'X-Content-Type-Options': 'nosniff' };
const VERSION = {
  major: '1', minor: '36', emulationMajor: '1', emulationMinor: '36', minCompatibilityMajor: '1',
  minCompatibilityMinor: '35', gitVersion: 'v1.36.2', gitCommit: 'fake', gitTreeState: 'clean',
  buildDate: '2026-01-01T00:00:00Z', goVersion: 'none', compiler: 'none', platform: 'linux/amd64',
};

const plainText = (status, body) => ({
  status, headers: { 'Content-Type': 'text/plain; charset=utf-8', ...NOSNIFF }, body,
});

// The author of a write when the request names none.
function managerOf(query, userAgent = '') {
  return query.get('fieldManager') || userAgent.split('/')[0].slice(0, 128) || 'unknown';
}

const warningHeaders = (warnings) => (warnings.length === 0 ? {} : {
  Warning: warnings.map((text) => `299 - ${JSON.stringify(text)}`),
});

function dryRunOf(query) {
  const wanted = query.getAll('dryRun');
  if (wanted.length === 0) return false;
  if (wanted.every((one) => one === 'All')) return true;
  throw invalid({ name: '', kind: 'CreateOptions', qualified: 'CreateOptions.meta.k8s.io' },
    [wrong.unsupported('dryRun', wanted[0], ['All'])]);
}

function deleteOptions(query, body) {
  const grace = query.get('gracePeriodSeconds');
  return {
    preconditions: body.preconditions,
    propagationPolicy: body.propagationPolicy ?? query.get('propagationPolicy') ?? undefined,
    gracePeriodSeconds: body.gracePeriodSeconds ?? (grace === null ? undefined : Number(grace)),
    dryRun: dryRunOf(query) || (body.dryRun ?? []).includes('All'),
  };
}

export class Api {
  watches = new Set();

  constructor({ registry, node, auth, scale = 1 }) {
    Object.assign(this, { registry, node, auth, scale });
  }

  // Understands a request; `resource` and `verb` of the result are for faults and statistics.
  static ask(request) {
    const url = new URL(request.url, 'http://localhost');
    const asked = understand(request.method, url);
    return asked ?? { path: url.pathname, query: url.searchParams, method: request.method };
  }

  async reply(request, asked) {
    const { headers } = request;
    const user = this.auth.authenticate(headers.authorization);
    if (!asked.resource) return this.#replyToPath(user, asked);
    Auth.check(user, asked.resource, asked.attributes);
    checkServed(asked);
    const { resource, verb, subresource } = asked;
    if (subresource === 'log') return this.#log(asked);
    const form = negotiate(headers.accept);
    if (verb === 'get') return this.#get(asked, form);
    if (verb === 'list') return this.#list(asked, form);
    if (verb === 'watch') return this.#watch(asked, form);
    const text = await readBody(request);
    const body = { text, contentType: headers['content-type'], query: asked.query };
    const manager = managerOf(asked.query, headers['user-agent']);
    if (resource.kind.startsWith('SelfSubject')) {
      return this.#review(user, resource, { ...body, manager });
    }
    const options = {
      manager,
      dryRun: dryRunOf(asked.query),
      subresource,
    };
    switch (verb) {
      case 'create': return this.#create(asked, body, options);
      case 'update': return this.#update(asked, body, options);
      case 'patch': return this.#patch(asked, body, options);
      case 'delete': return this.#delete(asked, body);
      default: return this.#deleteCollection(asked, body, form);
    }
  }

  #replyToPath(user, { path, method }) {
    Auth.checkPath(user, path);
    if (method !== 'GET') return plainText(404, '404 page not found\n');
    const [, first, group, version, ...more] = path.replace(/\/$/, '').split('/');
    if (path === '/version') return { status: 200, body: `${JSON.stringify(VERSION, null, 2)}` };
    if (['readyz', 'livez', 'healthz'].includes(first)) return plainText(200, 'ok');
    let body;
    if (path === '/api') {
      body = {
        kind: 'APIVersions',
        versions: ['v1'],
        serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: this.address }],
      };
    } else if (path === '/api/v1') {
      body = resourceList('');
    } else if (path === '/apis') {
      body = groupList();
    } else if (first === 'apis' && GROUPS.includes(group) && more.length === 0) {
      body = version === undefined
        ? { kind: 'APIGroup', apiVersion: 'v1', ...groupList().groups.find(
          (one) => one.name === group) }
        : version === 'v1' ? resourceList(group) : undefined;
    }
    return body ? { status: 200, body } : plainText(404, '404 page not found\n');
  }

  #review(user, resource, body) {
    if (resource.kind === 'SelfSubjectReview') {
      return { status: 201, body: Auth.userReview(user, this.registry.time()) };
    }
    const author = { manager: body.manager, time: this.registry.time() };
    return { status: 201, body: Auth.accessReview(user, plainFrom(body), author) };
  }

  #shown(object, form) {
    return form === 'metadata' ? partial(object) : object;
  }

  #get({ resource, namespace, name, subresource }, form) {
    const object = this.registry.get(resource, namespace, name);
    if (subresource === 'scale') return { status: 200, body: this.registry.scaleOf(object) };
    return { status: 200, body: this.#shown(object, form) };
  }

  async #list(asked, form) {
    const selectors = parseSelectors(asked.resource, asked.query);
    const wait = (holds) => this.#wait(holds);
    return { status: 200, body: await list(this.registry, asked, { selectors, form, wait }) };
  }

  // Whether a condition comes to hold within the time that a list waits.
  async #wait(holds) {
    const end = Date.now() + FUTURE_WAIT_MS * this.scale;
    while (!holds()) {
      if (Date.now() >= end) return false;
      await new Promise((resolve) => setTimeout(resolve, WAIT_STEP_MS));
    }
    return true;
  }

  #watch(asked, form) {
    const selectors = parseSelectors(asked.resource, asked.query);
    const parameters = watchParameters(asked);
    return {
      status: 200,
      headers: { 'Content-Type': 'application/json' },
      stream: (response) => {
        const watch = new Watch(this.registry, asked, {
          parameters, selectors, form, response, scale: this.scale,
          onEnd: (one) => this.watches.delete(one),
        });
        this.watches.add(watch);
        response.flushHeaders();
        watch.start();
        return watch;
      },
    };
  }

  #create({ resource, namespace, query }, body, options) {
    const { object, warnings } = objectFrom(resource, body);
    const created = this.registry.create(resource, namespace, object, options);
    return { status: 201, headers: warningHeaders(warnings), body: created, query };
  }

  #update({ resource, namespace, name, subresource }, body, options) {
    if (subresource === 'scale') {
      const live = this.registry.get(resource, namespace, name);
      const scale = plainFrom(body);
      return this.#scaled(this.registry.setScale(resource, live,
        { metadata: {}, ...scale }, options));
    }
    const { object, warnings } = objectFrom(resource, body);
    const { metadata } = object;
    if (metadata.name !== undefined && metadata.name !== name) {
      throw badRequest(`the name of the object (${metadata.name}) does not match the name on the`
        + ` URL (${name})`);
    }
    if (metadata.namespace !== undefined && metadata.namespace !== namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on'
        + ' the request');
    }
    const named = { ...object, metadata: { ...metadata, name } };
    const result = this.registry.update(resource, namespace, name, named, options);
    return {
      status: result.created ? 201 : 200, headers: warningHeaders(warnings), body: result.object,
    };
  }

  #scaled(object) {
    return { status: 200, body: this.registry.scaleOf(object) };
  }

  #patch({ resource, namespace, name, subresource, query }, body, options) {
    if (isApply(body.contentType)) {
      if (!query.get('fieldManager')) {
        throw invalid({
          name: '', group: 'meta.k8s.io', kind: 'PatchOptions',
          qualified: 'PatchOptions.meta.k8s.io',
        }, [wrong.required('fieldManager', 'is required for apply patch')]);
      }
      const config = configurationFrom(resource, name, body);
      const force = query.get('force') === 'true';
      const { object, created } = this.registry.apply(resource, namespace, name, config,
        { ...options, force });
      return { status: created ? 201 : 200, body: object };
    }
    const warnings = [];
    const kind = subresource === 'scale' ? 'Scale' : resource.kind;
    const change = changeFrom(kind, body, warnings);
    const headers = warningHeaders(warnings);
    if (subresource === 'scale') {
      const live = this.registry.get(resource, namespace, name);
      const scale = change(this.registry.scaleOf(live));
      return this.#scaled(this.registry.setScale(resource, live, scale, options));
    }
    const object = this.registry.patch(resource, namespace, name, change, options);
    return { status: 200, headers: { ...headers, ...warningHeaders(warnings) }, body: object };
  }

  #delete({ resource, namespace, name, query }, body) {
    const options = deleteOptions(query, plainFrom(body));
    const { object, gone } = this.registry.delete(resource, namespace, name, options);
    if (!gone || resource.deleted === 'object') return { status: 200, body: object };
    const details = { name, kind: resource.plural, uid: object.metadata.uid };
    if (resource.group) details.group = resource.group;
    return {
      status: 200,
      body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details },
    };
  }

  #deleteCollection({ resource, namespace, query }, body, form) {
    const options = deleteOptions(query, plainFrom(body));
    const { matches } = parseSelectors(resource, query);
    const { revision } = this.registry.store;
    const items = this.registry.store.list(resource, namespace).filter(matches);
    for (const { metadata } of items) {
      this.registry.delete(resource, metadata.namespace, metadata.name, options);
    }
    return { status: 200, body: listOf(resource, { items, revision, form }) };
  }

  #log(asked) {
    const parameters = logParameters(asked);
    const pod = this.registry.get(asked.resource, asked.namespace, asked.name);
    const log = findLog(this.node, pod, parameters);
    if (!log) return { status: 204, headers: {}, body: '' };
    return {
      status: 200,
      headers: { 'Content-Type': 'text/plain' },
      stream: (response) => writeLog(response, log, parameters, this.registry.now),
    };
  }
}

// The reply that an error is; what is no ApiError is a defect of the fake and is told as a 500.
export function errorReply(error) {
  if (!(error instanceof ApiError)) {
    console.error(error);
    return errorReply(new ApiError(500, `the fake failed: ${error.message}`, {
      reason: 'InternalError',
    }));
  }
  const body = error.indented ? JSON.stringify(error.body, null, 2) : error.body;
  return { status: error.code, headers: error.headers, body };
}
