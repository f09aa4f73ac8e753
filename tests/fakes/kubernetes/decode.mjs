// From JSON to an object of a known type: what is unknown is left out and named, what has a wrong
// type is refused with the words of the Go decoder, and what a Go struct would not write (null,
// empty lists, zero values of optional fields) is not kept.
//
// Only what clients send comes through here; the controllers write what they mean.
import { isObject, struct, typeOfKind } from './types.mjs';

// `text` is what the decoder of a real API server says.
export class TypeProblem extends Error {}

// Fields that are pointers to strings, so that an empty string is kept.
const KEEPS_EMPTY = new Set(['holderIdentity', 'storageClassName', 'trafficDistribution']);
// Fields that are no pointers, so that false or 0 is not kept.
const DROPS_FALSE = new Set([
  'publishNotReadyAddresses', 'hostNetwork', 'hostPID', 'hostIPC', 'readOnly', 'stdin',
  'stdinOnce', 'tty',
]);
const DROPS_ZERO = new Set([
  'readyReplicas', 'updatedReplicas', 'currentReplicas', 'minReadySeconds', 'hostPort', 'nodePort',
  'initialDelaySeconds', 'observedGeneration', 'count', 'generation', 'healthCheckNodePort',
]);
// Fields that are written even if they are null.
const KEEPS_NULL = new Set(['lastProbeTime', 'eventTime', 'endpoints']);

const GO_TYPES = { s: 'string', i: 'int32', b: 'bool', y: '[]uint8' };
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

function jsonName(value) {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'object') return 'object';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function mismatch(value, { owner, path }, goType) {
  const shown = typeof value === 'number' && goType === 'int32' ? `number ${value}`
    : jsonName(value);
  const text = `json: cannot unmarshal ${shown} into Go struct field ${owner}.${path} of type`;
  return new TypeProblem(`${text} ${goType}`);
}

function checkTime(value, at, layout) {
  if (typeof value !== 'string') throw mismatch(value, at, 'string');
  if (TIME.test(value)) return;
  const text = `parsing time "${value}" as "${layout}": cannot parse "${value}" as "2006"`;
  throw new TypeProblem(text);
}

const CHECKS = {
  s: (value) => typeof value === 'string',
  y: (value) => typeof value === 'string',
  i: (value) => Number.isInteger(value),
  b: (value) => typeof value === 'boolean',
};

function decodeValue(code, value, at) {
  if (code === 't') checkTime(value, at, '2006-01-02T15:04:05Z07:00');
  else if (code === 'm') checkTime(value, at, '2006-01-02T15:04:05.000000Z07:00');
  else if (CHECKS[code] && !CHECKS[code](value)) throw mismatch(value, at, GO_TYPES[code]);
  if (code === 'q' && typeof value === 'number') return String(value);
  return value;
}

function isLeftOut(name, value) {
  if (value === undefined) return true;
  if (value === null) return !KEEPS_NULL.has(name);
  if (value === '') return !KEEPS_EMPTY.has(name);
  if (value === false) return DROPS_FALSE.has(name);
  if (value === 0) return DROPS_ZERO.has(name);
  return Array.isArray(value) && value.length === 0 && !KEEPS_NULL.has(name);
}

class Decoder {
  unknown = [];

  decode(type, value, at) {
    if (value === null) return null;
    if (type.shape === 'value') return decodeValue(type.code, value, at);
    if (type.shape === 'list') {
      if (!Array.isArray(value)) throw mismatch(value, at, `[]${type.of.name ?? 'string'}`);
      return value.map((item, index) => this.decode(type.of, item, {
        ...at, shown: `${at.shown}[${index}]`,
      }));
    }
    if (!isObject(value)) throw mismatch(value, at, type.name ?? 'map[string]string');
    return type.shape === 'map' ? this.#map(type, value, at) : this.#struct(type, value, at);
  }

  #map(type, value, at) {
    const entries = Object.entries(value).filter(([, member]) => member !== null);
    if (entries.length === 0) return undefined;
    return Object.fromEntries(entries.map(([name, member]) => (
      [name, this.decode(type.of, member, at)])));
  }

  #struct(type, value, at) {
    const { fields } = struct(type.name);
    const result = {};
    for (const [name, member] of Object.entries(value)) {
      const below = (text) => (text ? `${text}.${name}` : name);
      const field = fields.get(name);
      if (!field) {
        this.unknown.push(below(at.shown));
        continue;
      }
      const place = { owner: type.name, path: below(at.path), shown: below(at.shown) };
      const decoded = this.decode(field, member, place);
      if (!isLeftOut(name, decoded)) result[name] = decoded;
    }
    return result;
  }
}

// {object, unknown: [path, ...]}
export function decode(kind, json) {
  const decoder = new Decoder();
  const object = decoder.decode(typeOfKind(kind), json, { owner: kind, path: '', shown: '' });
  object.metadata ??= {};
  return { object, unknown: decoder.unknown };
}
