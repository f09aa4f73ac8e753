// The shapes of the objects, read from types.txt: what the API server knows about a field when it
// decodes, merges, and records who owns what.
//
// Notation of types.txt, one type a line (longer lines go on after a space):
//   Name field:code ...      `!` after a name or code: changed as a whole only (atomic)
//   s string, i integer, b boolean, y bytes in base64, t time, m time with microseconds,
//   q quantity, o integer or string, x anything, Name another type, {code} map of strings to code,
//   [code] list, replaced as a whole; [code|a,b] list whose items are known by fields a and b;
//   [code|=] set; a third part is the key by which a strategic merge patch knows the items
import { readFileSync } from 'node:fs';

function parseCode(text) {
  const atomic = text.endsWith('!');
  const code = atomic ? text.slice(0, -1) : text;
  if (code.startsWith('{')) return { shape: 'map', of: parseCode(code.slice(1, -1)), atomic };
  if (code.startsWith('[')) {
    const [of, keys, merge] = code.slice(1, -1).split('|');
    return {
      shape: 'list',
      of: parseCode(of),
      keys: keys && keys !== '=' ? keys.split(',') : undefined,
      set: keys === '=',
      mergeKey: merge && merge !== '=' ? merge : undefined,
      mergeSet: merge === '=',
    };
  }
  return code.length === 1 ? { shape: 'value', code } : { shape: 'struct', name: code, atomic };
}

function readTypes() {
  const text = readFileSync(new URL('types.txt', import.meta.url), 'utf8');
  const types = new Map();
  for (const line of text.replaceAll('\n ', ' ').trim().split('\n')) {
    const [head, ...fields] = line.split(' ');
    const name = head.replace('!', '');
    const parsed = fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon), parseCode(field.slice(colon + 1))];
    });
    types.set(name, { name, atomic: head.endsWith('!'), fields: new Map(parsed) });
  }
  return types;
}

const TYPES = readTypes();
const UNKNOWN = { shape: 'value', code: 'x' };

export const struct = (name) => TYPES.get(name);
export const typeOfKind = (kind) => ({ shape: 'struct', name: kind, atomic: false });

// Whether a value of this type has one owner and is replaced as a whole.
export function isAtomic(type) {
  if (type.shape === 'value') return true;
  if (type.shape === 'list') return !type.keys && !type.set;
  return type.atomic || (type.shape === 'struct' && struct(type.name).atomic);
}

// The type of a member of a struct or map.
export function memberType(type, name) {
  if (type.shape === 'map') return type.of;
  if (type.shape !== 'struct') return UNKNOWN;
  return struct(type.name).fields.get(name) ?? UNKNOWN;
}

// Keys that may be left out of an item, with what they are then.
const KEY_DEFAULTS = { protocol: 'TCP' };

// How an item of a keyed list or of a set is called in a path of FieldsV1.
export function itemName(type, item) {
  if (type.set) return `v:${JSON.stringify(item)}`;
  const key = {};
  for (const name of [...type.keys].sort()) {
    const value = item?.[name] ?? KEY_DEFAULTS[name];
    if (value !== undefined) key[name] = value;
  }
  return `k:${JSON.stringify(key)}`;
}

export const isObject = (value) => typeof value === 'object' && value !== null
  && !Array.isArray(value);

export function equal(a, b) {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a).filter((name) => a[name] !== undefined);
  if (names.length !== Object.keys(b).filter((name) => b[name] !== undefined).length) return false;
  return names.every((name) => equal(a[name], b[name]));
}
