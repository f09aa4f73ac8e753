// What the API server refuses in an object that is well-formed: names, labels, and the rules of
// each kind, as far as the gateway can come to break them. Each check gives causes for a 422.
import { equal, isObject } from './types.mjs';
import { wrong } from './status.mjs';

const LABEL = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
  most: 63,
  text: "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and"
    + ' must start and end with an alphanumeric character (e.g. \'my-name\',  or \'123-abc\', regex'
    + " used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
};
const SUBDOMAIN = {
  pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  most: 253,
  text: "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
    + " '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used"
    + " for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
};
const LABEL_KEY = {
  pattern: /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/,
  text: "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    + " with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    + " validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
};
const LABEL_VALUE = {
  pattern: /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/,
  text: "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or"
    + " '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or"
    + " 'my_value',  or '12345', regex used for validation is"
    + " '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
};
const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;
const DATA_BYTES_MAX = 1024 * 1024;
const NO_CHANGE_OF_STATEFUL_SET = "updates to statefulset spec for fields other than 'replicas',"
  + " 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit',"
  + " 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

function nameCauses(rule, field, name) {
  const causes = [];
  if (name.length > rule.most) {
    causes.push(wrong.value(field, name, `must be no more than ${rule.most} bytes`));
  }
  if (!rule.pattern.test(name)) causes.push(wrong.value(field, name, rule.text));
  return causes;
}

function keyCauses(field, key) {
  const parts = key.split('/');
  const name = parts.at(-1);
  const causes = [];
  if (parts.length > 1 && !SUBDOMAIN.pattern.test(parts[0])) {
    causes.push(wrong.value(field, key, `prefix part ${SUBDOMAIN.text}`));
  }
  if (!LABEL_KEY.pattern.test(name)) causes.push(wrong.value(field, key, LABEL_KEY.text));
  if (name.length > 63) {
    causes.push(wrong.value(field, key, 'name part must be no more than 63 bytes'));
  }
  return causes;
}

export function labelCauses(field, labels = {}) {
  return Object.entries(labels).flatMap(([key, value]) => {
    const causes = keyCauses(field, key);
    if (value.length > 63) {
      causes.push(wrong.value(field, value, 'must be no more than 63 bytes'));
    }
    if (!LABEL_VALUE.pattern.test(value)) causes.push(wrong.value(field, value, LABEL_VALUE.text));
    return causes;
  });
}

function metadataCauses(resource, { name, labels, annotations = {} }) {
  const rule = resource.nameRule === 'label' || resource.kind === 'Namespace' ? LABEL : SUBDOMAIN;
  const named = name === undefined
    ? [wrong.required('metadata.name', 'name or generateName is required')]
    : nameCauses(rule, 'metadata.name', name);
  return [
    ...named,
    ...labelCauses('metadata.labels', labels),
    ...Object.keys(annotations)
      .flatMap((key) => keyCauses('metadata.annotations', key.toLowerCase())),
  ];
}

const portInRange = (port) => port >= 1 && port <= 65535;
const OUT_OF_RANGE = 'must be between 1 and 65535, inclusive';

function duplicates(field, items, keyOf) {
  const seen = new Set();
  const causes = [];
  for (const [index, item] of (items ?? []).entries()) {
    const { key, name } = keyOf(item);
    if (seen.has(key)) causes.push(wrong.duplicate(`${field}[${index}].${name}`, key));
    seen.add(key);
  }
  return causes;
}

function envCauses(field, env = []) {
  return env.flatMap(({ name, value, valueFrom }, index) => {
    const at = `${field}[${index}]`;
    if (!name) return [wrong.required(`${at}.name`)];
    if (!ENV_NAME.test(name)) {
      return [wrong.value(`${at}.name`, name, 'a valid environment variable name must consist of'
        + " alphabetic characters, digits, '_', '-', or '.', and must not start with a digit")];
    }
    if (value && valueFrom) {
      return [wrong.value(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty')];
    }
    return [];
  });
}

function containerCauses(field, container) {
  const causes = [];
  if (!container.name) causes.push(wrong.required(`${field}.name`));
  else causes.push(...nameCauses(LABEL, `${field}.name`, container.name));
  if (!container.image) causes.push(wrong.required(`${field}.image`));
  for (const [index, port] of (container.ports ?? []).entries()) {
    const at = `${field}.ports[${index}]`;
    if (port.containerPort === undefined) causes.push(wrong.required(`${at}.containerPort`));
    else if (!portInRange(port.containerPort)) {
      causes.push(wrong.value(`${at}.containerPort`, port.containerPort, OUT_OF_RANGE));
    }
    if (port.name && !/^[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/.test(port.name)) {
      causes.push(wrong.value(`${at}.name`, port.name, 'must be no more than 15 characters'));
    }
  }
  causes.push(...envCauses(`${field}.env`, container.env));
  const mounts = (mount) => ({ key: mount.mountPath, name: 'mountPath' });
  causes.push(...duplicates(`${field}.volumeMounts`, container.volumeMounts, mounts)
    .map((cause) => ({
      ...cause, reason: 'FieldValueInvalid',
      message: cause.message.replace('Duplicate value', 'Invalid value') + ': must be unique',
    })));
  return causes;
}

function mountCauses(field, spec) {
  const known = new Set((spec.volumes ?? []).map((volume) => volume.name));
  return (spec.containers ?? []).flatMap((container, which) => (
    (container.volumeMounts ?? []).flatMap((mount, index) => (known.has(mount.name) ? [] : [{
      reason: 'FieldValueNotFound',
      message: `Not found: ${JSON.stringify(mount.name)}`,
      field: `${field}.containers[${which}].volumeMounts[${index}].name`,
    }]))));
}

function podSpecCauses(field, spec = {}) {
  const causes = [];
  if (!spec.containers || spec.containers.length === 0) {
    causes.push(wrong.required(`${field}.containers`));
  }
  for (const [index, container] of (spec.containers ?? []).entries()) {
    causes.push(...containerCauses(`${field}.containers[${index}]`, container));
  }
  const named = ({ name }) => ({ key: name, name: 'name' });
  causes.push(...duplicates(`${field}.containers`, spec.containers, named));
  causes.push(...duplicates(`${field}.volumes`, spec.volumes, named));
  if (!['Always', 'OnFailure', 'Never'].includes(spec.restartPolicy)) {
    causes.push(wrong.unsupported(`${field}.restartPolicy`, spec.restartPolicy,
      ['Always', 'OnFailure', 'Never']));
  }
  return [...causes, ...mountCauses(field, spec)];
}

function statefulSetCauses({ spec }) {
  const causes = [];
  if (spec.replicas < 0) {
    causes.push(wrong.value('spec.replicas', spec.replicas, 'must be greater than or equal to 0'));
  }
  const selector = spec.selector?.matchLabels;
  if (!isObject(spec.selector)) causes.push(wrong.required('spec.selector'));
  else if (!selector && !spec.selector.matchExpressions) {
    causes.push(wrong.value('spec.selector', spec.selector, 'empty selector is invalid for'
      + ' statefulset'));
  }
  const labels = spec.template.metadata.labels ?? {};
  if (selector && Object.entries(selector).some(([key, value]) => labels[key] !== value)) {
    causes.push(wrong.value('spec.template.metadata.labels', labels,
      '`selector` does not match template `labels`'));
  }
  causes.push(...labelCauses('spec.template.labels', labels));
  causes.push(...podSpecCauses('spec.template.spec', spec.template.spec));
  if (!['OrderedReady', 'Parallel'].includes(spec.podManagementPolicy)) {
    causes.push(wrong.unsupported('spec.podManagementPolicy', spec.podManagementPolicy,
      ['OrderedReady', 'Parallel']));
  }
  return causes;
}

function serviceCauses({ spec }) {
  const causes = [];
  if (!spec.ports && spec.clusterIP !== 'None' && spec.type !== 'ExternalName') {
    causes.push(wrong.required('spec.ports'));
  }
  for (const [index, port] of (spec.ports ?? []).entries()) {
    if (!portInRange(port.port)) {
      causes.push(wrong.value(`spec.ports[${index}].port`, port.port, OUT_OF_RANGE));
    }
    if (!port.name && spec.ports.length > 1) {
      causes.push(wrong.required(`spec.ports[${index}].name`));
    }
  }
  return [...causes, ...labelCauses('spec.selector', spec.selector)];
}

function leaseCauses({ spec = {} }) {
  const causes = [];
  if (spec.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
    causes.push(wrong.value('spec.leaseDurationSeconds', spec.leaseDurationSeconds,
      'must be greater than 0'));
  }
  if (spec.leaseTransitions < 0) {
    causes.push(wrong.value('spec.leaseTransitions', spec.leaseTransitions,
      'must be greater than or equal to 0'));
  }
  return causes;
}

function dataCauses(field, { data = {}, binaryData = {} }) {
  const bytes = [...Object.values(data), ...Object.values(binaryData)]
    .reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  return bytes > DATA_BYTES_MAX ? [wrong.tooLong(field, DATA_BYTES_MAX)] : [];
}

const CAUSES = {
  StatefulSet: statefulSetCauses,
  Service: serviceCauses,
  Lease: leaseCauses,
  Pod: ({ spec }) => podSpecCauses('spec', spec),
  ConfigMap: (object) => dataCauses('[]', object),
  Secret: (object) => dataCauses('data', object),
};

// Of any object that is to be stored.
export function objectCauses(resource, object) {
  return [...metadataCauses(resource, object.metadata), ...CAUSES[object.kind]?.(object) ?? []];
}

const CHANGEABLE = [
  'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy', 'minReadySeconds',
];

function statefulSetChangeCauses(live, object) {
  const fixed = (spec) => Object.fromEntries(Object.entries(spec)
    .filter(([name]) => !CHANGEABLE.includes(name)));
  return equal(fixed(live.spec), fixed(object.spec))
    ? [] : [wrong.forbidden('spec', NO_CHANGE_OF_STATEFUL_SET)];
}

function serviceChangeCauses(live, object) {
  const { clusterIP } = object.spec;
  if (live.spec.type === 'ExternalName' || clusterIP === live.spec.clusterIP) return [];
  return [wrong.value('spec.clusterIPs[0]', [clusterIP], 'may not change once set')];
}

function immutableCauses(live, object) {
  if (!live.immutable) return [];
  const why = 'field is immutable when `immutable` is set';
  const causes = object.immutable ? [] : [wrong.forbidden('immutable', why)];
  for (const name of ['data', 'binaryData']) {
    if (!equal(live[name], object[name])) causes.push(wrong.forbidden(name, why));
  }
  return causes;
}

function podChangeCauses(live, object) {
  const changeable = ({ containers, tolerations, activeDeadlineSeconds, ...rest }) => ({
    ...rest, containers: containers.map(({ image, resources, ...other }) => other),
  });
  return equal(changeable(live.spec), changeable(object.spec)) ? [] : [wrong.forbidden('spec',
    'pod updates may not change fields other than `spec.containers[*].image`,'
    + '`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only'
    + ' additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set'
    + ' to 1 if it was previously negative)')];
}

const CHANGES = {
  StatefulSet: statefulSetChangeCauses,
  Service: serviceChangeCauses,
  ConfigMap: immutableCauses,
  Pod: podChangeCauses,
  Secret: (live, object) => [
    ...immutableCauses(live, object),
    ...live.type === object.type
      ? [] : [wrong.value('type', object.type, 'field is immutable')],
  ],
};

// Of an update from `live` to `object`.
export function changeCauses(live, object) {
  const causes = CHANGES[object.kind]?.(live, object) ?? [];
  if (live.metadata.deletionTimestamp) {
    const before = live.metadata.finalizers ?? [];
    const more = (object.metadata.finalizers ?? []).filter((name) => !before.includes(name));
    if (more.length > 0) {
      causes.push(wrong.forbidden('metadata.finalizers', 'no new finalizers can be added if the'
        + ` object is being deleted, found new finalizers []string{${more.map(
          (name) => JSON.stringify(name)).join(', ')}}`));
    }
  }
  return causes;
}
