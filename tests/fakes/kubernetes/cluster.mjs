// The whole fake: store, controllers, node and HTTP server. This is the library that tests use:
//
//   const cluster = await Cluster.start({ namespaces: ['adapters'] });
//   ... cluster.url, cluster.token, cluster.authority, cluster.loop.hold() ...
//   await cluster.close();
//
// options: port, address, tls, tokens, namespaces, node (see node/node.mjs), scale (of all times),
// seed, endpointsMax. README.md says more.
import { setTimeout as pause } from 'node:timers/promises';
import { Api } from './api.mjs';
import { Auth } from './auth.mjs';
import { makeCertificates } from './certificates.mjs';
import { EndpointSliceController } from './controllers/endpoint_slices.mjs';
import { OwnerController } from './controllers/owners.mjs';
import { StatefulSetController } from './controllers/stateful_set.mjs';
import { Faults, dice } from './faults.mjs';
import { HttpServer } from './http_server.mjs';
import { Loop } from './loop.mjs';
import { Node } from './node/node.mjs';
import { Registry } from './registry.mjs';
import { resourceAt } from './resources.mjs';
import { forbidden } from './status.mjs';

export const ADMIN_TOKEN = 'fake-admin-token';
const ADMIN = {
  token: ADMIN_TOKEN, user: 'fake-admin', groups: ['system:masters', 'system:authenticated'],
  admin: true,
};
const PODS = resourceAt('', 'pods');
const QUIET_ROUNDS = 3;

export class Cluster {
  token = ADMIN_TOKEN;

  static async start(options = {}) {
    const cluster = new Cluster(options);
    await cluster.#listen(options);
    return cluster;
  }

  constructor(options) {
    const { tls = false, tokens = [], namespaces = ['default'], node = {}, scale = 1 } = options;
    const { seed, endpointsMax } = options;
    const random = seed === undefined ? Math.random : dice(seed);
    const certificates = tls ? makeCertificates() : undefined;
    this.authority = certificates?.authority ?? 'none\n';
    this.tls = tls;
    this.registry = new Registry({ random });
    this.loop = new Loop(scale);
    this.auth = new Auth([ADMIN, ...tokens]);
    this.faults = new Faults();
    this.node = new Node(this.registry, this.loop, node);
    this.controllers = [
      new OwnerController(this.registry, this.loop, { authority: this.authority }),
      // Before the next one, so that a slice shows each of its steps.
      new EndpointSliceController(this.registry, this.loop, { endpointsMax }),
      new StatefulSetController(this.registry, this.loop),
    ];
    const { registry, node: place, auth } = this;
    this.api = new Api({ registry, node: place, auth, scale });
    this.http = new HttpServer(this, certificates);
    this.registry.beforeCreate.push((resource, object) => this.#checkQuota(resource, object));
    for (const name of namespaces) this.addNamespace(name);
  }

  async #listen({ port = 0, address = '127.0.0.1' }) {
    this.port = await this.http.listen(port, address);
    this.url = `${this.tls ? 'https' : 'http'}://${address}:${this.port}`;
    this.api.address = `${address}:${this.port}`;
  }

  addNamespace(name) {
    this.registry.create(resourceAt('', 'namespaces'), undefined, {
      kind: 'Namespace', apiVersion: 'v1', metadata: { name },
    }, { manager: 'fake' });
  }

  // At most so many pods in a namespace; undefined: any number.
  setQuota(pods) {
    this.quota = pods;
  }

  #checkQuota(resource, { metadata: { namespace, name } }) {
    if (resource !== PODS || this.quota === undefined || this.quota === null) return;
    const used = this.registry.store.list(PODS, namespace).length;
    if (used < this.quota) return;
    throw forbidden(resource, name, 'exceeded quota: fake-quota, requested: pods=1, used:'
      + ` pods=${used}, limited: pods=${this.quota}`);
  }

  goAway(ms) {
    this.faults.goAway(ms);
    this.http.cutClients();
  }

  // Waits until controllers and node have nothing left to do; whether they came to that.
  async settled(ms = 5000) {
    const end = Date.now() + ms;
    for (let rounds = 0; rounds < QUIET_ROUNDS;) {
      rounds = this.loop.quiet ? rounds + 1 : 0;
      if (Date.now() > end) return false;
      await pause(1);
    }
    return true;
  }

  get statistics() {
    const watches = {};
    for (const { resource } of this.api.watches) {
      watches[resource.plural] = (watches[resource.plural] ?? 0) + 1;
    }
    const { requests, answers } = this.http;
    const { injected } = this.faults;
    const { revision, compacted } = this.registry.store;
    return { requests, answers, watches, injected, revision, compacted };
  }

  resetStatistics() {
    this.http.requests = {};
    this.http.answers = {};
    this.faults.injected = {};
  }

  async close() {
    this.loop.close();
    for (const controller of this.controllers) controller.close();
    this.node.close();
    for (const watch of this.api.watches) watch.drop();
    await this.http.close();
  }
}
