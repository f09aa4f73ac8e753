// What the tables of scenarios (scenarios*.test.mjs) have in common: who asks, and the gateway that
// they ask.
import assert from 'node:assert/strict';
import { imageAdapter, REGISTRY, TestCluster } from './cluster.mjs';
import { endOf } from './ends.mjs';
import { until } from './wait.mjs';

export const IDENTITY_ROLE = 'Identity.User';
export const LINES = 1200;

// Headers of development mode.
export const as = (user, ...roles) => ({ 'X-Dev-UserId': user, 'X-Dev-Roles': roles.join(',') });
export const ALICE = as('alice', 'mcp.dev');
export const MEMBER = as('bob', 'mcp.dev', 'Team');
export const STRANGER = as('eve', 'mcp.dev');
export const ADMIN = as('root', 'MCP.Admin');

export function assertProblem(answer, status, field) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'], /^application\/problem\+json/);
  assert.equal(answer.json.status, status);
  if (field) assert.ok(field in answer.json.errors, `${field} in ${answer.text}`);
}

// A gateway on a cluster where images need not exist, and what rows do with resources of one kind
// (`path`: /adapters or /tools), made by `body(name, fields)`.
export class Scene {
  static async start(end, path, body) {
    const scene = new Scene();
    scene.path = path;
    scene.body = body;
    scene.cluster = await TestCluster.start(end);
    const log = Array.from({ length: LINES }, (_, n) => `line ${n + 1}\n`).join('');
    const { images } = scene.cluster.fake.node.options;
    images[`${REGISTRY}/talking:*`] = { log, readyAfterMs: 1 };
    scene.gateway = await scene.cluster.gateway(end, {
      args: ['--workload-identity-service-account', 'cloud'],
      env: { MCP_GATEWAY_WORKLOAD_IDENTITY_ROLES: IDENTITY_ROLE },
    });
    return scene;
  }

  ask(method, tail, { body, headers = ALICE } = {}) {
    return this.gateway.rest(method, `${this.path}${tail}`, { body, headers });
  }

  post(body, headers) {
    return this.ask('POST', '', { body, headers });
  }

  put(name, fields, headers) {
    return this.ask('PUT', `/${name}`, { body: this.body(name, fields), headers });
  }

  // Makes it as Alice, and removes it at the end of the test.
  async make(t, name, fields, headers = ALICE) {
    endOf(t)(() => this.ask('DELETE', `/${name}`, { headers: ADMIN }));
    const answer = await this.post(this.body(name, fields), headers);
    assert.equal(answer.status, 201, answer.text);
    return answer;
  }

  async makeReady(t, name, fields) {
    const answer = await this.make(t, name, fields);
    await this.ready(name, fields?.replicaCount ?? 1);
    return answer;
  }

  async status(name) {
    const answer = await this.ask('GET', `/${name}/status`);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  }

  ready(name, replicas) {
    return until(`${replicas} ready replicas of ${name}`, async () => {
      const now = await this.status(name);
      return now.replicaStatus === 'Healthy' && now.readyReplicas === replicas
        && now.updatedReplicas === replicas && now;
    });
  }

  // The variables of its container, but for the one that the gateway adds.
  async environment(name) {
    const set = await until(`the StatefulSet ${name}`, () => this.complete(name));
    const { env } = set.spec.template.spec.containers[0];
    return Object.fromEntries(env.filter((one) => one.name !== 'PORT')
      .map((one) => [one.name, one.value]));
  }

  // Its StatefulSet, once it is more than a reserved name.
  complete(name) {
    const set = this.cluster.object('StatefulSet', name);
    const { env = [] } = set?.spec.template.spec.containers[0] ?? {};
    return env.some((one) => one.name === 'PORT') ? set : undefined;
  }

  // How many patches of StatefulSets there have been.
  patches() {
    return this.cluster.fake.statistics.requests['patch statefulsets'] ?? 0;
  }

  // Refused, and nothing is kept of it.
  async refuses(body, status, field, headers) {
    assertProblem(await this.post(body, headers), status, field);
    const { name } = body;
    if (!name) return;
    assertProblem(await this.ask('GET', `/${encodeURIComponent(name)}`, { headers: ADMIN }), 404);
    assert.equal(this.cluster.object('StatefulSet', name), undefined);
  }
}

export { imageAdapter };
