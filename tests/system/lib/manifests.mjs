// What deploy/kubernetes says, read as a cluster would get it: objects, the settings of their
// environment, and the rights of a ServiceAccount by way of its RoleBindings.
//
// Only what these manifests use of kustomize is understood here: resources, generated ConfigMaps.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ROOT } from './programs.mjs';

export const MANIFESTS = join(ROOT, 'deploy/kubernetes');

const read = (...path) => readFileSync(join(MANIFESTS, ...path), 'utf8');

function documentsOf(...path) {
  return parseAllDocuments(read(...path)).map((document) => {
    assert.deepEqual(document.errors, [], path.join('/'));
    return document.toJS();
  });
}

// `KEY=VALUE` lines, with comments.
export function variablesOf(text) {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf('=');
    assert.ok(at > 0, `a variable: ${line}`);
    return [line.slice(0, at), line.slice(at + 1)];
  }));
}

function generated(folder, { name, namespace, envs = [], files = [] }) {
  const data = Object.assign({}, ...envs.map((file) => variablesOf(read(folder, file))));
  for (const file of files) data[file] = read(folder, file);
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
}

// A folder with a kustomization.yaml: {kustomization, files, objects}; `files` are those it names.
export function bundle(folder = '.') {
  const [kustomization] = documentsOf(folder, 'kustomization.yaml');
  const { resources = [], patches = [], configMapGenerator = [] } = kustomization;
  const objects = [
    ...resources.flatMap((file) => documentsOf(folder, file)),
    ...configMapGenerator.map((one) => generated(folder, one)),
  ];
  const files = [
    ...resources, ...patches.map((patch) => patch.path),
    ...configMapGenerator.flatMap(({ envs = [], files: named = [] }) => [...envs, ...named]),
  ];
  return { kustomization, files, objects, patches: patches.map((one) => one.path) };
}

export const filesIn = (folder = '.') => readdirSync(join(MANIFESTS, folder), {
  withFileTypes: true,
}).filter((entry) => entry.isFile()).map((entry) => entry.name);

// The objects that a patch file changes, as far as it names them.
export const patchOf = (folder, file) => documentsOf(folder, file);

export const named = (objects, kind, name) => {
  const found = objects.filter((one) => one.kind === kind
    && (name === undefined || one.metadata.name === name));
  assert.equal(found.length, 1, `one ${kind} ${name ?? ''}`);
  return found[0];
};

export const seccompProfile = () => (
  JSON.parse(read('seccomp/mcp-gateway-dataplane.json')));

// What RBAC lets the ServiceAccount do: rules, each with the namespaces in which it holds.
export function rightsOf(account, namespace, { objects } = bundle()) {
  const bindings = objects.filter((one) => one.kind === 'RoleBinding' && one.subjects.some(
    (subject) => subject.kind === 'ServiceAccount' && subject.name === account
      && subject.namespace === namespace,
  ));
  return bindings.flatMap(({ metadata, roleRef }) => {
    const role = objects.find((one) => one.kind === roleRef.kind
      && one.metadata.name === roleRef.name && one.metadata.namespace === metadata.namespace);
    return (role?.rules ?? []).map((rule) => ({ ...rule, namespaces: [metadata.namespace] }));
  });
}
