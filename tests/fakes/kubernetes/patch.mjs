// The kinds of PATCH beside apply: JSON merge patch (RFC 7396), JSON patch (RFC 6902), and
// strategic merge patch, in which lists are merged by the keys that the types name.
import { equal, isObject, memberType, typeOfKind } from './types.mjs';

// A patch that is well-formed and cannot be applied.
export class PatchFailed extends Error {}

export function mergePatch(target, patch) {
  if (!isObject(patch)) return patch;
  const result = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

function mergeKeyedList(type, target, patch) {
  if (patch.some((item) => item?.$patch === 'replace')) {
    return patch.filter((item) => item.$patch !== 'replace');
  }
  const result = [...target];
  for (const { $patch: directive, ...item } of patch) {
    const index = result.findIndex((one) => equal(one[type.mergeKey], item[type.mergeKey]));
    if (directive === 'delete') {
      if (index >= 0) result.splice(index, 1);
    } else if (index >= 0) {
      result[index] = strategic(type.of, result[index], item);
    } else {
      result.push(strategic(type.of, undefined, item));
    }
  }
  return result;
}

function strategicList(type, target, patch) {
  if (!Array.isArray(target)) target = [];
  if (type.mergeKey && patch.every(isObject)) return mergeKeyedList(type, target, patch);
  if (type.mergeSet) return [...target, ...patch.filter((item) => !target.includes(item))];
  return patch;
}

function strategic(type, target, patch) {
  if (Array.isArray(patch) && type.shape === 'list') return strategicList(type, target, patch);
  if (!isObject(patch)) return patch;
  const { $patch: directive, $retainKeys: kept, ...members } = patch;
  if (directive === 'delete') return undefined;
  const result = isObject(target) && directive !== 'replace' ? { ...target } : {};
  for (const [name, value] of Object.entries(members)) {
    if (name.startsWith('$setElementOrder/')) continue;
    if (name.startsWith('$deleteFromPrimitiveList/')) {
      const list = name.split('/')[1];
      result[list] = (result[list] ?? []).filter((item) => !value.includes(item));
    } else if (value === null) {
      delete result[name];
    } else {
      const member = strategic(memberType(type, name), result[name], value);
      if (member === undefined) delete result[name];
      else result[name] = member;
    }
  }
  if (kept) {
    for (const name of Object.keys(result)) if (!kept.includes(name)) delete result[name];
  }
  return result;
}

export const strategicMergePatch = (kind, target, patch) => (
  strategic(typeOfKind(kind), target, patch));

const unescape = (name) => name.replaceAll('~1', '/').replaceAll('~0', '~');

function locate(document, pointer) {
  const names = pointer.split('/').slice(1).map(unescape);
  const last = names.pop();
  let parent = document;
  for (const name of names) {
    parent = parent?.[name];
    if (typeof parent !== 'object' || parent === null) {
      throw new PatchFailed(`path ${pointer} does not exist`);
    }
  }
  return { parent, last };
}

function read(document, pointer) {
  if (pointer === '') return document;
  const { parent, last } = locate(document, pointer);
  if (!(last in parent)) throw new PatchFailed(`path ${pointer} does not exist`);
  return parent[last];
}

function add(document, pointer, value) {
  const { parent, last } = locate(document, pointer);
  if (!Array.isArray(parent)) parent[last] = value;
  else if (last === '-') parent.push(value);
  else parent.splice(Number(last), 0, value);
}

function remove(document, pointer) {
  read(document, pointer);
  const { parent, last } = locate(document, pointer);
  if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else delete parent[last];
}

const OPERATIONS = {
  add: (document, { path, value }) => add(document, path, value),
  remove: (document, { path }) => remove(document, path),
  replace(document, { path, value }) {
    remove(document, path);
    add(document, path, value);
  },
  copy: (document, { from, path }) => add(document, path, structuredClone(read(document, from))),
  move(document, { from, path }) {
    const value = read(document, from);
    remove(document, from);
    add(document, path, value);
  },
  test(document, { path, value }) {
    if (!equal(read(document, path), value)) throw new PatchFailed(`testing ${path} failed`);
  },
};

export function jsonPatch(target, operations) {
  const document = structuredClone(target);
  for (const operation of operations) {
    const apply = OPERATIONS[operation.op];
    if (!apply) throw new PatchFailed(`unexpected kind: ${operation.op}`);
    apply(document, operation);
  }
  return document;
}
