// Sets of fields (FieldsV1) and what yields them: the fields that a configuration names, and the
// fields in which two objects differ. These are the grounds of server-side apply.
//
// A set is a tree of path elements; `member` says that the path itself belongs to the set, as
// different from being only on the way to a member. The rules are those of the upstream library:
// atomic values are members as a whole; items of keyed lists and of sets, and keys of maps, are
// members beside what is in them; fields of structs are only if they are leaves.
import { equal, isAtomic, isObject, itemName, memberType, struct } from './types.mjs';

export class FieldSet {
  member = false;
  children = new Map();

  static decode(json) {
    const set = new FieldSet();
    const names = Object.keys(json).filter((name) => name !== '.');
    for (const name of names) set.children.set(name, FieldSet.decode(json[name]));
    set.member = names.length === 0 || '.' in json;
    return set;
  }

  // Of a tree without a member at its root.
  encode() {
    const json = {};
    for (const name of [...this.children.keys()].sort()) {
      const child = this.children.get(name);
      json[name] = child.children.size > 0 && child.member
        ? { '.': {}, ...child.encode() } : child.encode();
    }
    return json;
  }

  insert(path) {
    let at = this;
    for (const name of path) {
      if (!at.children.has(name)) at.children.set(name, new FieldSet());
      at = at.children.get(name);
    }
    at.member = true;
  }

  has(path) {
    return this.#at(path)?.member ?? false;
  }

  // Whether the path or something below it is a member.
  reaches(path) {
    return this.#at(path) !== undefined;
  }

  #at(path) {
    let at = this;
    for (const name of path) {
      at = at.children.get(name);
      if (!at) return undefined;
    }
    return at;
  }

  // [path, ...] of all members, each path a list of names.
  paths(before = []) {
    const own = this.member && before.length > 0 ? [before] : [];
    const below = [...this.children].flatMap(([name, child]) => child.paths([...before, name]));
    return [...own, ...below];
  }

  // A tree has no branch without a member.
  get empty() {
    return !this.member && this.children.size === 0;
  }

  // A tree of the same shape, built of what `child(name, one)` makes of each branch.
  #rebuilt(member, child) {
    const result = new FieldSet();
    result.member = member;
    for (const [name, one] of this.children) {
      const kept = child(name, one);
      if (kept && !kept.empty) result.children.set(name, kept);
    }
    return result;
  }

  minus(other) {
    if (!other) return this;
    return this.#rebuilt(this.member && !other.member,
      (name, one) => one.minus(other.children.get(name)));
  }

  and(other) {
    return this.#rebuilt(this.member && other.member, (name, one) => {
      const there = other.children.get(name);
      return there && one.and(there);
    });
  }

  plus(...others) {
    return others.reduce((sum, other) => sum.#joined(other), this);
  }

  #joined(other) {
    const result = this.#rebuilt(this.member || other.member, (name, one) => {
      const there = other.children.get(name);
      return there ? one.#joined(there) : one;
    });
    for (const [name, one] of other.children) {
      if (!result.children.has(name)) result.children.set(name, one);
    }
    return result;
  }

  // Without everything at and below these paths, and without what is not below `only`.
  within({ only, without = [] }) {
    if (only) {
      const picked = only.filter((path) => this.reaches(path)).map((path) => this.#onlyBelow(path));
      return new FieldSet().plus(...picked);
    }
    return without.reduce((set, path) => set.#withoutBelow(path), this);
  }

  #onlyBelow([first, ...rest]) {
    if (first === undefined) return this;
    return this.#rebuilt(false, (name, one) => (
      name === first ? one.#onlyBelow(rest) : undefined));
  }

  #withoutBelow([first, ...rest]) {
    if (!this.children.has(first)) return this;
    return this.#rebuilt(this.member, (name, one) => {
      if (name !== first) return one;
      return rest.length === 0 ? undefined : one.#withoutBelow(rest);
    });
  }
}

// `.spec.ports[name="x"].port`: how a conflict names a path.
export function pathText(path) {
  return path.map((name) => {
    if (name.startsWith('f:')) return `.${name.slice(2)}`;
    if (name.startsWith('v:')) return `[=${name.slice(2)}]`;
    const pairs = Object.entries(JSON.parse(name.slice(2)))
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
    return `[${pairs.join(',')}]`;
  }).join('');
}

function collect(type, value, path, set) {
  if (isAtomic(type)) {
    set.insert(path);
  } else if (type.shape === 'list') {
    for (const item of value ?? []) {
      const at = [...path, itemName(type, item)];
      collect(type.set ? { shape: 'value', code: 's' } : type.of, item, at, set);
      set.insert(at);
    }
  } else {
    for (const [name, member] of Object.entries(value ?? {})) {
      if (member === undefined) continue;
      const at = [...path, `f:${name}`];
      collect(memberType(type, name), member, at, set);
      const isField = type.shape === 'struct' && struct(type.name).fields.has(name);
      const isEmpty = member === null || (isObject(member) && Object.keys(member).length === 0);
      if (isEmpty || !isField) set.insert(at);
    }
  }
}

// What the author of `value` has an opinion about.
export function fieldsOf(type, value) {
  const set = new FieldSet();
  collect(type, value, [], set);
  set.member = false;
  return set;
}

const size = (value) => (value === undefined || value === null ? 0 : Object.keys(value).length);

class Comparison {
  added = new FieldSet();
  removed = new FieldSet();
  modified = new FieldSet();

  leaf(before, after, path) {
    if (before === undefined) this.added.insert(path);
    else if (after === undefined) this.removed.insert(path);
    else if (!equal(before, after)) this.modified.insert(path);
  }

  walk(type, before, after, path) {
    if (isAtomic(type) || (size(before) === 0 && size(after) === 0)) {
      this.leaf(before, after, path);
      return;
    }
    if (type.shape === 'list') this.#items(type, before ?? [], after ?? [], path);
    else this.#members(type, before ?? {}, after ?? {}, path);
    if (before === undefined) this.added.insert(path);
    else if (after === undefined) this.removed.insert(path);
  }

  #items(type, before, after, path) {
    const byName = (items) => new Map(items.map((item) => [itemName(type, item), item]));
    const old = byName(before);
    const young = byName(after);
    const of = type.set ? { shape: 'value', code: 's' } : type.of;
    for (const name of new Set([...old.keys(), ...young.keys()])) {
      this.walk(of, old.get(name), young.get(name), [...path, name]);
    }
  }

  #members(type, before, after, path) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const [old, young] = [before[name], after[name]];
      if (old === undefined && young === undefined) continue;
      this.walk(memberType(type, name), old, young, [...path, `f:${name}`]);
    }
  }
}

// {added, removed, modified}: what leads from one object to the other.
export function compare(type, before, after) {
  const comparison = new Comparison();
  comparison.walk(type, before, after, []);
  const { added, removed, modified } = comparison;
  for (const set of [added, removed, modified]) set.member = false;
  return { added, removed, modified };
}
