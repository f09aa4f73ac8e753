// The environment of a container's process: the plain values, references to Secrets, ConfigMaps and
// the pod itself, and what the fake adds (HOST and PORT, unless the pod says otherwise).
import { resourceAt } from '../resources.mjs';

const SECRETS = resourceAt('', 'secrets');
const CONFIG_MAPS = resourceAt('', 'configmaps');

const fromBase64 = (text) => Buffer.from(text, 'base64').toString('utf8');

function fieldOf(life, path) {
  const values = {
    'metadata.name': life.name,
    'metadata.namespace': life.namespace,
    'metadata.uid': life.uid,
    'status.podIP': life.address,
    'status.hostIP': '127.0.0.1',
    'spec.nodeName': life.node.options.nodeName,
    'spec.serviceAccountName': life.spec.serviceAccountName,
  };
  return values[path] ?? '';
}

// {value} or {missing: what is said about it}.
function resolve(registry, life, { secretKeyRef, configMapKeyRef, fieldRef }) {
  if (fieldRef) return { value: fieldOf(life, fieldRef.fieldPath) };
  const reference = secretKeyRef ?? configMapKeyRef;
  if (!reference) return { value: '' };
  const [resource, word] = secretKeyRef ? [SECRETS, 'secret'] : [CONFIG_MAPS, 'configmap'];
  const object = registry.find(resource, life.namespace, reference.name);
  const text = object?.data?.[reference.key];
  if (text !== undefined) return { value: secretKeyRef ? fromBase64(text) : text };
  if (reference.optional) return {};
  return {
    missing: object
      ? `couldn't find key ${reference.key} in ${word === 'secret' ? 'Secret' : 'ConfigMap'}`
        + ` ${life.namespace}/${reference.name}`
      : `${word} "${reference.name}" not found`,
  };
}

function wholeSources(registry, life, container) {
  const values = {};
  for (const { prefix = '', secretRef, configMapRef } of container.envFrom ?? []) {
    const reference = secretRef ?? configMapRef;
    const resource = secretRef ? SECRETS : CONFIG_MAPS;
    const object = registry.find(resource, life.namespace, reference.name);
    if (!object && !reference.optional) {
      return { missing: `${secretRef ? 'secret' : 'configmap'} "${reference.name}" not found` };
    }
    for (const [name, text] of Object.entries(object?.data ?? {})) {
      values[prefix + name] = secretRef ? fromBase64(text) : text;
    }
  }
  return { values };
}

const expand = (text, values) => text.replace(/\$\$|\$\(([-._a-zA-Z0-9]+)\)/g, (whole, name) => {
  if (whole === '$$') return '$';
  return name in values ? values[name] : whole;
});

// {values} or {missing: why the container cannot be made}.
export function environmentOf(registry, life, container, port) {
  const own = {
    HOST: life.address, PORT: String(port), POD_NAME: life.name, POD_NAMESPACE: life.namespace,
  };
  const sources = wholeSources(registry, life, container);
  if (sources.missing) return sources;
  const values = { ...own, ...sources.values };
  for (const { name, value = '', valueFrom } of container.env ?? []) {
    if (!valueFrom) {
      values[name] = expand(value, values);
      continue;
    }
    const resolved = resolve(registry, life, valueFrom);
    if (resolved.missing) return resolved;
    if (resolved.value !== undefined) values[name] = resolved.value;
  }
  return { values };
}
