// Writes types.txt: the fields of the Kubernetes objects that the fake keeps, taken from the
// OpenAPI documents that a real API server publishes.
//
//   node make_types.mjs FOLDER     FOLDER: the documents (apps, coordination, core, discovery)
//
// One type a line, in the notation that types.mjs reads. A test compares types.txt with what this
// writes, so that neither is changed alone. Descriptions are left out: only names and shapes are
// needed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const ROOTS = [
  'StatefulSet', 'ControllerRevision', 'Scale', 'Pod', 'Service', 'ConfigMap', 'Secret', 'Event',
  'Namespace', 'ServiceAccount', 'Lease', 'EndpointSlice',
];
const DOCUMENTS = [
  'openapi-v3-core-v1.json.gz', 'openapi-v3-apps-v1.json', 'openapi-v3-coordination-v1.json',
  'openapi-v3-discovery-v1.json',
];
const COLUMNS = 100;
// What looks like an object in the documents and is a plain value on the wire.
const VALUES = {
  Time: 't', MicroTime: 'm', Quantity: 'q', IntOrString: 'o', RawExtension: 'x', FieldsV1: 'x',
};

const shortName = (reference) => reference.split('.').at(-1);

function readSchemas(folder) {
  const schemas = new Map();
  for (const document of DOCUMENTS) {
    const bytes = readFileSync(join(folder, document));
    const text = document.endsWith('.gz') ? gunzipSync(bytes) : bytes;
    const all = JSON.parse(text).components.schemas;
    for (const [name, schema] of Object.entries(all)) {
      if (!schemas.has(shortName(name))) schemas.set(shortName(name), schema);
    }
  }
  return schemas;
}

function scalarCode({ type, format }) {
  if (type === 'integer') return 'i';
  if (type === 'boolean') return 'b';
  if (type === 'string') return format === 'byte' ? 'y' : 's';
  return 'x';
}

function listCode(schema, item) {
  const kind = schema['x-kubernetes-list-type'];
  const merge = schema['x-kubernetes-patch-merge-key'] ?? '';
  const merges = (schema['x-kubernetes-patch-strategy'] ?? '').includes('merge');
  const keys = kind === 'map' ? schema['x-kubernetes-list-map-keys'].join(',')
    : kind === 'set' ? '=' : '';
  const patch = merge || (merges ? '=' : '');
  return `[${item}${keys || patch ? `|${keys}` : ''}${patch ? `|${patch}` : ''}]`;
}

function codeOf(schema, wanted) {
  const reference = schema.$ref ?? schema.allOf?.[0].$ref;
  if (reference) {
    const name = shortName(reference);
    if (VALUES[name]) return VALUES[name];
    wanted.add(name);
    return name + (schema['x-kubernetes-map-type'] === 'atomic' ? '!' : '');
  }
  if (schema.type === 'array') return listCode(schema, codeOf(schema.items, wanted));
  if (schema.additionalProperties) {
    const code = `{${codeOf(schema.additionalProperties, wanted)}}`;
    return code + (schema['x-kubernetes-map-type'] === 'atomic' ? '!' : '');
  }
  return scalarCode(schema);
}

function wrap(words) {
  const lines = [];
  let line = words[0];
  for (const word of words.slice(1)) {
    if (line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = ` ${word}`;
    } else {
      line += ` ${word}`;
    }
  }
  return [...lines, line].join('\n');
}

export function typesText(folder) {
  const schemas = readSchemas(folder);
  const wanted = new Set(ROOTS);
  const lines = [];
  for (const name of wanted) {
    const schema = schemas.get(name);
    const whole = schema['x-kubernetes-map-type'] === 'atomic' ? '!' : '';
    const fields = Object.entries(schema.properties ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([field, value]) => `${field}:${codeOf(value, wanted)}`);
    lines.push(wrap([name + whole, ...fields]));
  }
  return `${lines.sort().join('\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(typesText(process.argv[2]));
}
