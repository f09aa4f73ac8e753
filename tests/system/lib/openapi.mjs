// Objects checked against the OpenAPI documents that a real Kubernetes API server publishes, as
// strictly as `kubectl apply --validate=strict`: a field that the documents do not know is wrong.
//
// There are documents of core, apps, coordination and discovery. Of the kinds of rbac, networking
// and policy that deploy/kubernetes has there are none: their shapes are written down below, from
// the API reference, and those that a recording has are tried on it (manifests.test.mjs).
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Ajv from 'ajv';
import { FOLDER } from '../../fakes/kubernetes/replay/recordings.mjs';

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const labels = { type: 'object', additionalProperties: text };
const list = (items) => ({ type: 'array', items });
const object = (properties, required = []) => ({
  type: 'object', properties, required, additionalProperties: false,
});

const selector = object({
  matchLabels: labels,
  matchExpressions: list(object({ key: text, operator: text, values: texts }, ['key', 'operator'])),
});
const peer = object({
  podSelector: selector,
  namespaceSelector: selector,
  ipBlock: object({ cidr: text, except: texts }, ['cidr']),
});
const port = object({
  protocol: { enum: ['TCP', 'UDP', 'SCTP'] },
  port: { type: ['integer', 'string'] },
  endPort: { type: 'integer' },
});
const rule = object({
  apiGroups: texts, resources: texts, verbs: texts, resourceNames: texts, nonResourceURLs: texts,
}, ['verbs']);

const WITHOUT_DOCUMENT = {
  'rbac.authorization.k8s.io/v1 Role': { rules: list(rule) },
  'rbac.authorization.k8s.io/v1 RoleBinding': {
    roleRef: object({ apiGroup: text, kind: text, name: text }, ['apiGroup', 'kind', 'name']),
    subjects: list(object({
      apiGroup: text, kind: text, name: text, namespace: text,
    }, ['kind', 'name'])),
  },
  'networking.k8s.io/v1 NetworkPolicy': {
    spec: object({
      podSelector: selector,
      policyTypes: list({ enum: ['Ingress', 'Egress'] }),
      ingress: list(object({ from: list(peer), ports: list(port) })),
      egress: list(object({ to: list(peer), ports: list(port) })),
    }, ['podSelector']),
  },
  'policy/v1 PodDisruptionBudget': {
    spec: object({
      selector,
      minAvailable: { type: ['integer', 'string'] },
      maxUnavailable: { type: ['integer', 'string'] },
      unhealthyPodEvictionPolicy: { enum: ['IfHealthyBudget', 'AlwaysAllow'] },
    }),
    status: { type: 'object' },
  },
};
// Names that are addresses nowhere: references between schemas have to be absolute.
const DOCUMENTS = 'k8s://documents/';
const SHAPES = 'k8s://shapes/';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

// Structs take no other fields than their own; the documents leave that to the server.
function close(schema) {
  if (Array.isArray(schema)) return schema.map(close);
  if (typeof schema !== 'object' || schema === null) return schema;
  const closed = Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [name, close(value)]),
  );
  const isStruct = schema.type === 'object' && schema.properties
    && schema.additionalProperties === undefined;
  return isStruct ? { ...closed, additionalProperties: false } : closed;
}

export class ObjectChecker {
  #ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true, logger: false });
  #kinds = new Map(); // 'apps/v1 Deployment' -> a reference to its schema
  documented = new Set();

  constructor() {
    const folder = join(FOLDER, 'openapi');
    const files = readdirSync(folder).sort();
    for (const file of files) this.#add(join(folder, file), DOCUMENTS + file);
    assert.ok(this.documented.size > 50, `the documents in ${folder}`);
    for (const [kind, fields] of Object.entries(WITHOUT_DOCUMENT)) this.#addShape(kind, fields);
  }

  #add(path, id) {
    const bytes = readFileSync(path);
    const { components } = JSON.parse(path.endsWith('.gz') ? gunzipSync(bytes) : bytes);
    this.#ajv.addSchema({ components: { schemas: close(components.schemas) } }, id);
    for (const [name, schema] of Object.entries(components.schemas)) {
      const kinds = schema['x-kubernetes-group-version-kind'] ?? [];
      if (kinds.length !== 1) continue; // options and statuses belong to every group
      const [{ group, version, kind }] = kinds;
      const key = `${group ? `${group}/` : ''}${version} ${kind}`;
      this.documented.add(key);
      this.#kinds.set(key, `${id}#/components/schemas/${name}`);
      this.meta ??= `${id}#/components/schemas/${META}`;
    }
  }

  #addShape(kind, fields) {
    assert.ok(!this.documented.has(kind), `${kind} has a document, so no shape of ours is needed`);
    const own = { apiVersion: text, kind: text, metadata: { $ref: this.meta }, ...fields };
    const id = SHAPES + kind.replace(' ', '/');
    this.#ajv.addSchema(object(own, ['apiVersion', 'kind', 'metadata']), id);
    this.#kinds.set(kind, id);
  }

  // What is wrong with it: sentences, none if nothing is.
  complaints(it) {
    const reference = this.#kinds.get(`${it.apiVersion} ${it.kind}`);
    if (!reference) return [`there is no kind ${it.kind} of ${it.apiVersion}`];
    const check = this.#ajv.getSchema(reference);
    if (check(it)) return [];
    return check.errors.map(({ instancePath, message, params }) => (
      `${instancePath} ${message} ${params.additionalProperty ?? ''}`.trim()));
  }
}
