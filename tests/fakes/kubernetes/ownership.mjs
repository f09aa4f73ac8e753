// metadata.managedFields: who owns which field, for ordinary writes and for server-side apply.
//
// An entry is known by its author, operation, API version and subresource. Whoever changes a field
// owns it from then on; who applies owns what the configuration names, gives up what it no longer
// names, and meets a conflict where another owner's value would change. Callers pass objects that
// are decoded and have their defaults; times are in whole seconds, as the API server keeps them.
import { FieldSet, compare, fieldsOf, pathText } from './field_set.mjs';
import { equal, isAtomic, isObject, itemName, memberType, typeOfKind } from './types.mjs';

// These belong to nobody.
const UNOWNED = ['apiVersion', 'kind'].map((name) => [`f:${name}`]).concat([
  'name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'generation', 'managedFields',
  'resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds',
].map((name) => ['f:metadata', `f:${name}`]));

// What an object of a kind has before anybody has written a field: what is always there.
const POD_SPEC = { containers: null };
export const BLANK = {
  StatefulSet: {
    metadata: {},
    spec: {
      selector: null,
      template: { metadata: {}, spec: POD_SPEC },
      serviceName: '',
      updateStrategy: {},
    },
    status: { replicas: 0, availableReplicas: 0 },
  },
  ControllerRevision: { metadata: {}, revision: 0 },
  Pod: { metadata: {}, spec: POD_SPEC, status: {} },
  Service: { metadata: {}, spec: {}, status: { loadBalancer: {} } },
  Namespace: { metadata: {}, spec: {}, status: {} },
  Lease: { metadata: {}, spec: {} },
  EndpointSlice: { metadata: {}, addressType: '', endpoints: null, ports: null },
  Event: {
    metadata: {},
    involvedObject: {},
    source: {},
    firstTimestamp: null,
    lastTimestamp: null,
    eventTime: null,
    reportingComponent: '',
    reportingInstance: '',
  },
};
export const blank = (kind) => BLANK[kind] ?? { metadata: {} };

// An order for [status, ...]: what a write to the main object, or to a subresource, can change.
function reachOf(subresource) {
  if (subresource === 'status') return { only: [['f:status']], without: UNOWNED };
  if (subresource === 'scale') return { only: [['f:spec', 'f:replicas']] };
  return { without: [...UNOWNED, ['f:status']] };
}

const decodeEntries = (object) => (object?.metadata.managedFields ?? [])
  .map((entry) => ({ ...entry, fields: FieldSet.decode(entry.fieldsV1) }));

function encodeEntries(entries) {
  const text = (entry) => [
    entry.operation, entry.time ?? '', entry.manager, entry.apiVersion, entry.subresource ?? '',
  ].join('\n');
  return entries.filter((entry) => !entry.fields.empty)
    .sort((a, b) => (text(a) < text(b) ? -1 : 1))
    .map(({ fields, fieldsV1, fieldsType, ...entry }) => {
      const { subresource, ...rest } = entry;
      const encoded = { ...rest, fieldsType: 'FieldsV1', fieldsV1: fields.encode() };
      return subresource ? { ...encoded, subresource } : encoded;
    });
}

const sameAuthor = (entry, author) => entry.manager === author.manager
  && entry.operation === author.operation && entry.apiVersion === author.apiVersion
  && (entry.subresource ?? '') === (author.subresource ?? '');

function withEntries(object, entries) {
  const { managedFields, ...metadata } = object.metadata;
  if (entries.length === 0) return { ...object, metadata };
  return { ...object, metadata: { ...metadata, managedFields: entries } };
}

// Takes from all entries but the author's what has changed hands or is gone.
function takeAway(entries, author, { taken, removed }) {
  for (const entry of entries) {
    if (!sameAuthor(entry, author)) entry.fields = entry.fields.minus(taken).minus(removed);
  }
}

// Gives `object` the managedFields after a create or update by `author`; `live` is what it was, or
// undefined. An author without `manager` leaves no trace, as the scheduler's binding does.
export function ownUpdate(live, object, author) {
  const entries = decodeEntries(live);
  if (!author.manager) return withEntries(object, encodeEntries(entries));
  const kind = object.kind;
  const reach = reachOf(author.subresource);
  const difference = compare(typeOfKind(kind), live ?? { kind, ...blank(kind) }, object);
  const [added, modified, removed] = [difference.added, difference.modified, difference.removed]
    .map((set) => set.within(reach));
  const mine = { ...author, operation: 'Update' };
  takeAway(entries, mine, { taken: added.plus(modified), removed });
  let entry = entries.find((one) => sameAuthor(one, mine));
  if (!entry) {
    entry = { ...mine, fields: new FieldSet() };
    entries.push(entry);
  }
  const before = entry.fields;
  entry.fields = before.minus(removed).plus(added, modified);
  entry.time = author.time;
  return withEntries(object, encodeEntries(entries));
}

// The items of one keyed list followed by the other's, in an order that keeps both orders where
// that is possible: the applied one wins.
function mergeItems(type, live, applied) {
  const names = (items) => new Map(items.map((item) => [itemName(type, item), item]));
  const old = names(live);
  const young = names(applied);
  const waiting = [...old.keys()];
  const result = [];
  for (const [name, item] of young) {
    while (waiting.length > 0 && !young.has(waiting[0])) result.push(old.get(waiting.shift()));
    if (waiting[0] === name) waiting.shift();
    result.push(type.set ? item : merge(type.of, old.get(name), item));
  }
  for (const name of waiting) if (!young.has(name)) result.push(old.get(name));
  return result;
}

function merge(type, live, applied) {
  if (applied === undefined || applied === null) return live;
  if (live === undefined || live === null || isAtomic(type)) return applied;
  if (type.shape === 'list') return mergeItems(type, live, applied);
  const result = { ...live };
  for (const [name, value] of Object.entries(applied)) {
    result[name] = merge(memberType(type, name), live[name], value);
  }
  return result;
}

// Without what `gone` says of a path; what becomes empty by it goes, too.
function without(type, value, gone, path = []) {
  if (isAtomic(type) || value === undefined || value === null) return value;
  if (type.shape === 'list') {
    const kept = value.filter((item) => !gone([...path, itemName(type, item)]))
      .map((item) => (type.set ? item
        : without(type.of, item, gone, [...path, itemName(type, item)])));
    return kept.length === 0 && value.length > 0 ? undefined : kept;
  }
  const result = {};
  for (const [name, member] of Object.entries(value)) {
    const at = [...path, `f:${name}`];
    if (gone(at)) continue;
    const rest = without(memberType(type, name), member, gone, at);
    if (rest !== undefined) result[name] = rest;
  }
  const emptied = Object.keys(result).length === 0 && Object.keys(value).length > 0;
  return emptied && path.length > 0 ? undefined : result;
}

export class ApplyConflict extends Error {
  constructor(conflicts) {
    super('conflict');
    this.conflicts = conflicts;
  }
}

function conflictText(entry) {
  const using = entry.operation === 'Update' && entry.subresource
    ? ` with subresource "${entry.subresource}" using ${entry.apiVersion}`
    : entry.operation === 'Update' ? ` using ${entry.apiVersion}` : '';
  return `conflict with "${entry.manager}"${using}`;
}

function conflictsWith(entries, author, changed) {
  const found = [];
  for (const entry of entries) {
    if (sameAuthor(entry, author)) continue;
    for (const path of entry.fields.and(changed).paths()) {
      found.push({ message: conflictText(entry), field: pathText(path) });
    }
  }
  return found;
}

// The object that `config`, applied by `author`, makes of `live` (undefined: of nothing), with its
// managedFields. Throws ApplyConflict unless `force`.
export function ownApply(live, config, author, force) {
  const type = typeOfKind(config.kind);
  const reach = reachOf(author.subresource);
  const entries = decodeEntries(live);
  const mine = { ...author, operation: 'Apply' };
  let entry = entries.find((one) => sameAuthor(one, mine));
  const before = entry?.fields ?? new FieldSet();
  if (!entry) {
    entry = { ...mine };
    entries.push(entry);
  }
  entry.fields = fieldsOf(type, config).within(reach);
  let object = live ? merge(type, live, config) : config;
  if (!before.empty) {
    const owned = new FieldSet().plus(...entries.map((one) => one.fields));
    object = without(type, object, (path) => before.has(path) && !owned.reaches(path));
  }
  const difference = compare(type, live ?? { kind: config.kind, ...blank(config.kind) }, object);
  const taken = difference.added.plus(difference.modified).within(reach);
  const conflicts = live ? conflictsWith(entries, mine, taken) : [];
  if (conflicts.length > 0 && !force) throw new ApplyConflict(conflicts);
  takeAway(entries, mine, { taken, removed: difference.removed.within(reach) });
  const sameFields = equal(before.encode(), entry.fields.encode());
  if (!live || !sameFields || !taken.empty || !difference.removed.empty) entry.time = author.time;
  return withEntries(object, encodeEntries(entries));
}

// Whether two objects differ in nothing but the times of their managedFields.
export function sameButTimes(a, b) {
  const name = (entry) => [entry.manager, entry.operation, entry.subresource ?? ''].join('\n');
  const untimed = (object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      // Their order depends on the times.
      managedFields: object.metadata.managedFields?.map(({ time, ...entry }) => entry)
        .sort((one, other) => (name(one) < name(other) ? -1 : 1)),
    },
  });
  return isObject(a) && isObject(b) && equal(untimed(a), untimed(b));
}
