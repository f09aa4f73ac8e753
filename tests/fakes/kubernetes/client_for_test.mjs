// A small client for the fake's own tests: requests with a token, watches, and waiting. Whoever
// begins a cluster says with which test it ends.
import { after } from 'node:test';
import { Cluster } from './cluster.mjs';
import { ask, follow } from './replay/recordings.mjs';

const PATIENCE_MS = 10_000;

export async function until(what, probe) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const seen = await probe();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export class Client {
  constructor(url, token) {
    Object.assign(this, { url, token });
  }

  #request(method, path, body, { type = 'application/json', agent = 'gateway/1' } = {}) {
    const headers = {
      Authorization: `Bearer ${this.token}`, 'Content-Type': type, 'User-Agent': agent,
    };
    return { method, path, headers, body: body === undefined ? null : JSON.stringify(body) };
  }

  // {status, headers, body (parsed if it is JSON)}
  async ask(method, path, body, options) {
    const answer = await ask(this.url, this.#request(method, path, body, options));
    try {
      return { ...answer, body: JSON.parse(answer.body) };
    } catch {
      return answer;
    }
  }

  // The body of an answer that must be a good one.
  async must(method, path, body, options) {
    const answer = await this.ask(method, path, body, options);
    if (answer.status >= 300) {
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  apply(path, object, manager = 'gateway') {
    return this.ask('PATCH', `${path}?fieldManager=${manager}`, object, {
      type: 'application/apply-patch+yaml',
    });
  }

  follow(path) {
    return follow(this.url, this.#request('GET', path));
  }
}

// A cluster that ends with the test file or with `t`, and a client for it.
export async function begin(options = {}, t = { after }) {
  const cluster = await Cluster.start({ namespaces: ['ns'], ...options });
  t.after(() => cluster.close());
  return { cluster, client: new Client(cluster.url, cluster.token) };
}

export const PODS = '/api/v1/namespaces/ns/pods';
export const MAPS = '/api/v1/namespaces/ns/configmaps';
export const SERVICES = '/api/v1/namespaces/ns/services';
export const EVENTS = '/api/v1/namespaces/ns/events';
export const SETS = '/apis/apps/v1/namespaces/ns/statefulsets';
export const SLICES = '/apis/discovery.k8s.io/v1/namespaces/ns/endpointslices';

export const configMap = (name, more = {}) => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...more.metadata }, data: more.data,
});

// `container` and `spec` add to what is needed.
export function statefulSet(name, { container, podSpec, spec, annotations } = {}) {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name },
    spec: {
      serviceName: name,
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, ...(annotations ? { annotations } : {}) },
        spec: {
          terminationGracePeriodSeconds: 2,
          containers: [{
            name: 'server', image: 'good:1', ports: [{ name: 'http', containerPort: 8080 }],
            ...container,
          }],
          ...podSpec,
        },
      },
      ...spec,
    },
  };
}

export function service(name, spec = {}) {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: {
      clusterIP: 'None', selector: { app: name },
      ports: [{ name: 'http', port: 80, targetPort: 'http' }], ...spec,
    },
  };
}
