// A gateway that deploys to the fake Kubernetes cluster (tests/fakes/kubernetes): over TLS, with a
// token that has the rights of deploy/kubernetes and no others, and pods that are real processes.
//
// Its end proves that no state of any object had a secret in it, but for Secrets.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Cluster } from '../../fakes/kubernetes/cluster.mjs';
import { resourceAt, resourceOfKind } from '../../fakes/kubernetes/resources.mjs';
import { Gateway } from './gateway.mjs';
import { rightsOf } from './manifests.mjs';
import { EXAMPLE_SERVER } from './programs.mjs';
import { leaksIn } from './secrecy.mjs';
import { until } from './wait.mjs';

export const NAMESPACE = 'adapter';
export const REGISTRY = 'registry.test:5000/mcp';

// What the gateway may: what its Role says, by way of its binding.
function rules() {
  const rights = rightsOf('mcp-gateway', 'mcp-gateway');
  assert.ok(rights.every((one) => one.namespaces.includes(NAMESPACE)) && rights.length > 0);
  return rights;
}

const RESOURCES = {
  StatefulSet: resourceOfKind('apps/v1', 'StatefulSet'),
  Service: resourceAt('', 'services'),
  Pod: resourceAt('', 'pods'),
  Secret: resourceAt('', 'secrets'),
  Lease: resourceOfKind('coordination.k8s.io/v1', 'Lease'),
};

// A server that listens where its pod is. Written so, the address is none of loopback to it, and it
// takes requests for the name of the pod, as one in a container does.
const SERVER = {
  command: [EXAMPLE_SERVER, '--host', '::ffff:{address}', '--port', '{port}', '--name', '{pod}'],
};

const IMAGES = {
  [`${REGISTRY}/example:*`]: SERVER,
  [`${REGISTRY}/missing:*`]: { fail: 'ImagePullBackOff' },
  [`${REGISTRY}/crashing:*`]: { fail: 'CrashLoopBackOff' },
};

export const imageAdapter = (name, fields = {}) => ({
  name, imageName: 'example', imageVersion: '1', ...fields,
});

export class TestCluster {
  // Images that are not named only pretend to run.
  static async start(end, { images = IMAGES } = {}) {
    const fake = await Cluster.start({ tls: true, namespaces: [NAMESPACE], node: { images } });
    end(() => fake.close());
    return new TestCluster(end, fake);
  }

  constructor(end, fake) {
    this.fake = fake;
    const leaks = new Set();
    fake.registry.store.listen(({ object: { kind, ...rest } }) => {
      if (kind === 'Secret') return;
      const found = leaksIn(JSON.stringify(rest));
      for (const leak of found) leaks.add(`${kind} ${rest.metadata.name}: ${leak}`);
    });
    end(() => assert.deepEqual([...leaks], [], 'secrets are in objects'));
    this.folder = mkdtempSync(join(tmpdir(), 'mcpgw-cluster-'));
    end(() => rmSync(this.folder, { recursive: true, force: true }));
    this.tokenFile = join(this.folder, 'token');
    this.newToken('token-1');
    this.kubeconfig = join(this.folder, 'kubeconfig');
    writeFileSync(this.kubeconfig, this.#kubeconfig());
  }

  // From now on only this token is good.
  newToken(token) {
    if (this.token) this.fake.auth.revoke(this.token);
    this.token = token;
    const user = 'system:serviceaccount:mcp-gateway:mcp-gateway';
    this.fake.auth.add({ token, user, rules: rules() });
    writeFileSync(this.tokenFile, `${token}\n`, { mode: 0o600 });
  }

  #kubeconfig() {
    const authority = Buffer.from(this.fake.authority).toString('base64');
    // JSON is YAML.
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{
        name: 'c', cluster: { server: this.fake.url, 'certificate-authority-data': authority },
      }],
      users: [{ name: 'u', user: { tokenFile: this.tokenFile } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: NAMESPACE } }],
      'current-context': 'x',
    });
  }

  flags() {
    return ['--deployer', 'kubernetes', '--kubeconfig', this.kubeconfig, '--registry', REGISTRY];
  }

  gateway(end, { args = [], ...options } = {}) {
    return Gateway.start(end, { args: [...this.flags(), ...args], ...options });
  }

  objects(kind) {
    return this.fake.registry.store.list(RESOURCES[kind], NAMESPACE);
  }

  object(kind, name) {
    return this.objects(kind).find((one) => one.metadata.name === name);
  }

  podsOf(adapter) {
    return this.objects('Pod').filter((pod) => (
      pod.metadata.labels?.['adapter/name'] === adapter && !pod.metadata.deletionTimestamp));
  }

  // Makes an object as somebody else would.
  place(object) {
    const resource = RESOURCES[object.kind];
    const made = { ...object, metadata: { namespace: NAMESPACE, ...object.metadata } };
    return this.fake.registry.create(resource, NAMESPACE, made, { manager: 'foreign' });
  }

  change(kind, name, act) {
    return this.fake.registry.patch(RESOURCES[kind], NAMESPACE, name, act, { manager: 'foreign' });
  }

  delete(kind, name) {
    this.fake.registry.delete(RESOURCES[kind], NAMESPACE, name, {});
  }

  deletePod(name) {
    this.delete('Pod', name);
  }

  // Whoever is a leader now is none any more, as far as the others can see.
  endLeases() {
    for (const lease of this.objects('Lease')) {
      this.fake.registry.delete(RESOURCES.Lease, NAMESPACE, lease.metadata.name, {});
    }
  }

  async gone(adapter) {
    await until(`the end of all objects of ${adapter}`, () => (
      !this.object('StatefulSet', adapter) && !this.object('Service', `${adapter}-service`)
      && this.podsOf(adapter).length === 0));
  }

  nothingOfOurs() {
    const ours = ['StatefulSet', 'Service', 'Pod'].flatMap((kind) => this.objects(kind))
      .filter((one) => one.metadata.labels?.['adapter/name'] !== undefined);
    assert.deepEqual(ours.map((one) => `${one.kind} ${one.metadata.name}`), []);
  }
}
