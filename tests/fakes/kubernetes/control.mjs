// The routes below /fake/, by which a test drives the fake from outside. They need no token.
// README.md lists them.
import { resourceOfKind } from './resources.mjs';

const FOREIGN = 'foreign';

async function jsonOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString('utf8');
  return text === '' ? {} : JSON.parse(text);
}

// Places objects as somebody else would have made them, with their status if they have one.
function place(cluster, objects, manager) {
  return objects.map((object) => {
    const resource = resourceOfKind(object.apiVersion, object.kind);
    if (!resource) throw new Error(`no kind ${object.kind} of ${object.apiVersion} is served`);
    const { namespace } = object.metadata;
    const { registry } = cluster;
    const created = registry.create(resource, namespace, object, { manager });
    if (object.status === undefined) return created;
    return registry.patch(resource, namespace, created.metadata.name,
      (live) => ({ ...live, status: object.status }), { manager, subresource: 'status' });
  });
}

const ROUTES = {
  'PUT /fake/faults': (cluster, body) => cluster.faults.set(body),
  'PUT /fake/outage': (cluster, { ms }) => cluster.goAway(ms),
  'PUT /fake/controllers': ({ loop }, { held }) => (held ? loop.hold() : loop.release()),
  'PUT /fake/node': (cluster, { reachable, images, readyAfterMs }) => {
    if (reachable !== undefined) cluster.node.reachable = reachable;
    if (images !== undefined) Object.assign(cluster.node.options.images, images);
    if (readyAfterMs !== undefined) cluster.node.options.readyAfterMs = readyAfterMs;
  },
  'PUT /fake/quota': (cluster, { pods }) => cluster.setQuota(pods),
  'POST /fake/compact': ({ registry }, { revision }) => registry.store.compact(revision),
  'POST /fake/watches/drop': ({ api }, { resource }) => {
    const dropped = [...api.watches]
      .filter((watch) => resource === undefined || watch.resource.plural === resource);
    for (const watch of dropped) watch.drop();
    return { dropped: dropped.length };
  },
  'POST /fake/tokens': ({ auth }, body) => auth.add(body),
  'DELETE /fake/tokens': ({ auth }, { token }) => auth.revoke(token),
  'POST /fake/objects': (cluster, { objects, manager = FOREIGN }) => ({
    objects: place(cluster, objects, manager),
  }),
  'GET /fake/objects': ({ registry }, body, query) => {
    const resource = resourceOfKind(query.get('apiVersion') ?? 'v1', query.get('kind'));
    return { objects: registry.store.list(resource, query.get('namespace') ?? undefined) };
  },
  'GET /fake/statistics': (cluster) => cluster.statistics,
  'DELETE /fake/statistics': (cluster) => cluster.resetStatistics(),
  'GET /fake/processes': ({ node }) => ({ processes: node.processes }),
  'GET /fake/quiet': async (cluster, body, query) => ({
    quiet: await cluster.settled(Number(query.get('ms') ?? 5000)),
  }),
};

// The reply to a control request.
export async function control(cluster, request) {
  const url = new URL(request.url, 'http://localhost');
  const route = ROUTES[`${request.method} ${url.pathname}`];
  if (!route) return { status: 404, body: { error: `no route ${request.method} ${url.pathname}` } };
  try {
    const result = await route(cluster, await jsonOf(request), url.searchParams);
    return { status: 200, body: result ?? {} };
  } catch (error) {
    return { status: 400, body: { error: error.message } };
  }
}
