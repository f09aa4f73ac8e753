// From the bytes of a body to an object or a patch, with the API server's refusals: too large,
// wrong Content-Type, no JSON, another kind, unknown fields.
import { TypeProblem, decode } from './decode.mjs';
import {
  PatchFailed, jsonPatch, mergePatch, strategicMergePatch,
} from './patch.mjs';
import { ApiError, badRequest, invalid, unsupportedMediaType, wrong } from './status.mjs';
import { isObject } from './types.mjs';

export const BODY_BYTES_MAX = 3 * 1024 * 1024;
const UNKNOWN_FORMAT = 'the body of the request was in an unknown format - accepted media types'
  + ' include: application/json, application/yaml, application/vnd.kubernetes.protobuf';
const LITERALS = { n: 'null', t: 'true', f: 'false' };

// Reads the whole body; refuses one that is too large.
export async function readBody(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  if (bytes > BODY_BYTES_MAX) {
    const message = `Request entity too large: limit is ${BODY_BYTES_MAX}`;
    throw new ApiError(413, message, { reason: 'RequestEntityTooLarge' });
  }
  return Buffer.concat(chunks).toString('utf8');
}

export const mediaTypeOf = (header = '') => header.split(';')[0].trim().toLowerCase();

// What Go's decoder says about a text that is no JSON.
function jsonProblem(text) {
  const trimmed = text.trimStart();
  const literal = LITERALS[trimmed[0]];
  if (literal) {
    const index = [...literal].findIndex((letter, at) => trimmed[at] !== letter);
    if (index > 0 && index < trimmed.length) {
      return `invalid character '${trimmed[index]}' in literal ${literal}`
        + ` (expecting '${literal[index]}')`;
    }
  }
  try {
    JSON.parse(text);
  } catch (error) {
    const at = /position (\d+)/.exec(error.message);
    if (at && Number(at[1]) < trimmed.length) {
      return `invalid character '${text[Number(at[1])]}' looking for beginning of value`;
    }
  }
  return 'unexpected end of JSON input';
}

function parse(text, refuse) {
  try {
    return JSON.parse(text);
  } catch {
    throw refuse(jsonProblem(text));
  }
}

function internalGroup(resource) {
  return resource.group === '' ? 'core' : resource.group.split('.')[0];
}

function checkKind(resource, { kind, apiVersion }) {
  if ((kind ?? resource.kind) === resource.kind
    && (apiVersion ?? resource.apiVersion) === resource.apiVersion) return;
  const version = (apiVersion ?? '').split('/').at(-1);
  throw badRequest(`${kind} in version "${apiVersion}" cannot be handled as a ${resource.kind}:`
    + ` converting (${version}.${kind}) to (${internalGroup(resource)}.${resource.kind}): unknown`
    + ' conversion');
}

// {object, warnings} from JSON; `validation` is Strict, Warn (default) or Ignore.
function decoded(resource, json, validation) {
  const refuse = (why) => badRequest(`${resource.kind} in version "${resource.apiVersion}" cannot`
    + ` be handled as a ${resource.kind}: ${why}`);
  let result;
  try {
    result = decode(resource.kind, {
      ...json, kind: resource.kind, apiVersion: resource.apiVersion,
    });
  } catch (error) {
    if (error instanceof TypeProblem) throw refuse(error.message);
    throw error;
  }
  const problems = result.unknown.map((path) => `unknown field "${path}"`);
  if (validation === 'Strict' && problems.length > 0) {
    throw refuse(`strict decoding error: ${problems.join(', ')}`);
  }
  return { object: result.object, warnings: validation === 'Ignore' ? [] : problems };
}

// The object of a POST or PUT.
export function objectFrom(resource, { text, contentType, query }) {
  const media = mediaTypeOf(contentType);
  if (media !== '' && media !== 'application/json') throw unsupportedMediaType(UNKNOWN_FORMAT);
  const json = parse(text, (why) => badRequest('the object provided is unrecognized (must be of'
    + ` type ${resource.kind}): couldn't get version/kind; json parse error: ${why} (${text})`));
  if (!isObject(json)) {
    throw badRequest(`the object provided is unrecognized (must be of type ${resource.kind})`);
  }
  checkKind(resource, json);
  return decoded(resource, json, query.get('fieldValidation') || 'Warn');
}

// The body of a request that is no stored object, such as a review or DeleteOptions.
export function plainFrom({ text, contentType }) {
  if (text === '') return {};
  const media = mediaTypeOf(contentType);
  if (media !== '' && media !== 'application/json') throw unsupportedMediaType(UNKNOWN_FORMAT);
  const json = parse(text, (why) => badRequest(`json parse error: ${why}`));
  if (!isObject(json)) throw badRequest('the object provided is unrecognized');
  return json;
}

const APPLY = 'application/apply-patch+yaml';
const KINDS_OF_PATCH = {
  'application/merge-patch+json': (kind, live, patch) => mergePatch(live, patch),
  'application/strategic-merge-patch+json': strategicMergePatch,
  'application/json-patch+json': (kind, live, patch) => jsonPatch(live, patch),
};

export function isApply(contentType) {
  const media = mediaTypeOf(contentType);
  if (media !== APPLY && !KINDS_OF_PATCH[media]) throw unsupportedMediaType();
  return media === APPLY;
}

// The configuration of an apply; only JSON, which is YAML, too.
export function configurationFrom(resource, name, { text, query }) {
  const refuse = (why) => badRequest(`error decoding YAML: ${why}`);
  const json = parse(text, refuse);
  if (!isObject(json)) throw refuse('not an object');
  checkKind(resource, json);
  if (json.metadata?.managedFields) throw badRequest('metadata.managedFields must be nil');
  const { object, warnings } = decoded(resource, json, query.get('fieldValidation') || 'Warn');
  if (warnings.length > 0) {
    const path = /"(.*)"/.exec(warnings[0])[1];
    throw new ApiError(500, `failed to create typed patch object (${name};`
      + ` ${resource.apiVersion}, Kind=${resource.kind}): .${path}: field not declared in schema`);
  }
  if (object.metadata.name !== undefined && object.metadata.name !== name) {
    throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on`
      + ` the URL (${name})`);
  }
  object.metadata.name = name;
  return object;
}

function patchedProblem(json, why) {
  return invalid({ name: '', qualified: '' }, [wrong.value('patch', JSON.stringify(json), why)]);
}

// A function from the live object to the patched one; `kind` of the object that is patched.
export function changeFrom(kind, { text, contentType, query }, warnings) {
  const media = mediaTypeOf(contentType);
  const patch = parse(text, (why) => badRequest(`error decoding patch: ${why}`));
  const isList = media === 'application/json-patch+json';
  if (isList !== Array.isArray(patch)) throw badRequest('error decoding patch: wrong type');
  return (live) => {
    let json;
    try {
      json = KINDS_OF_PATCH[media](kind, live, patch);
    } catch (error) {
      if (!(error instanceof PatchFailed)) throw error;
      const message = 'the server rejected our request due to an error in our request';
      throw new ApiError(422, message, { reason: 'Invalid', details: {} });
    }
    try {
      const { object, unknown } = decode(kind, json);
      const problems = unknown.map((path) => `unknown field "${path}"`);
      if (query.get('fieldValidation') === 'Strict' && problems.length > 0) {
        throw patchedProblem(json, `strict decoding error: ${problems.join(', ')}`);
      }
      if (query.get('fieldValidation') !== 'Ignore') warnings.push(...problems);
      return object;
    } catch (error) {
      if (error instanceof TypeProblem) throw patchedProblem(json, error.message);
      throw error;
    }
  };
}
