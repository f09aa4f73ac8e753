// Errors as the API server answers them: a Status object with the same words, reasons and details
// as a real one. Whoever refuses something throws an ApiError; the HTTP room sends it.
import { isObject } from './types.mjs';

export class ApiError extends Error {
  // `more`: reason, details, headers, metadata.
  constructor(code, message, more = {}) {
    super(message);
    this.code = code;
    this.reason = more.reason;
    this.details = more.details;
    this.headers = more.headers ?? {};
    this.metadata = more.metadata ?? {};
  }

  get body() {
    const status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: this.metadata,
      status: 'Failure',
      message: this.message,
    };
    if (this.reason) status.reason = this.reason;
    if (this.details) status.details = this.details;
    return { ...status, code: this.code };
  }
}

// {name, group, kind} in this order, without what is empty.
function details({ name, group, kind, causes, ...more }) {
  const result = {};
  if (name) result.name = name;
  if (group) result.group = group;
  if (kind) result.kind = kind;
  if (causes) result.causes = causes;
  return { ...result, ...more };
}
const ofResource = (resource, name) => details({
  name, group: resource.group, kind: resource.plural,
});

export const badRequest = (message) => new ApiError(400, message, { reason: 'BadRequest' });

export const unauthorized = () => new ApiError(401, 'Unauthorized', { reason: 'Unauthorized' });

export function notFound(resource, name) {
  return new ApiError(404, `${resource.qualified} "${name}" not found`, {
    reason: 'NotFound', details: ofResource(resource, name),
  });
}

export function noSuchResource() {
  const message = 'the server could not find the requested resource';
  return new ApiError(404, message, { reason: 'NotFound', details: {} });
}

export function methodNotAllowed() {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiError(405, message, { reason: 'MethodNotAllowed', details: {} });
}

export function alreadyExists(resource, name) {
  return new ApiError(409, `${resource.qualified} "${name}" already exists`, {
    reason: 'AlreadyExists', details: ofResource(resource, name),
  });
}

const STALE = 'the object has been modified; please apply your changes to the latest version and'
  + ' try again';

export function conflict(resource, name, why = STALE) {
  const message = `Operation cannot be fulfilled on ${resource.qualified} "${name}": ${why}`;
  return new ApiError(409, message, { reason: 'Conflict', details: ofResource(resource, name) });
}

// A precondition of a delete names the kind where others name the resource.
export function preconditionFailed(resource, name, why) {
  const message = `Operation cannot be fulfilled on ${resource.qualifiedKind} "${name}": ${why}`;
  return new ApiError(409, message, {
    reason: 'Conflict',
    details: details({ name, group: resource.group, kind: resource.kind }),
  });
}

// `conflicts`: [{message, field}]
export function applyConflict(conflicts) {
  const lines = conflicts.map(({ message, field }) => `${message}: ${field}`);
  const byAuthor = Map.groupBy
    ? Map.groupBy(conflicts, ({ message }) => message)
    : conflicts.reduce((map, one) => map.set(one.message, [...map.get(one.message) ?? [], one]),
      new Map());
  const text = conflicts.length === 1 ? lines[0] : `${[...byAuthor].map(([author, some]) => (
    [`${author}:`, ...some.map(({ field }) => `- ${field}`)].join('\n'))).join('\n')}`;
  const count = `${conflicts.length} conflict${conflicts.length === 1 ? '' : 's'}`;
  return new ApiError(409, `Apply failed with ${count}: ${text}`, {
    reason: 'Conflict',
    details: {
      causes: conflicts.map(({ message, field }) => ({
        reason: 'FieldManagerConflict', message, field,
      })),
    },
  });
}

// As Go prints a value in a message.
function shown(value) {
  if (typeof value === 'string') return JSON.stringify(value);
  return isObject(value) || Array.isArray(value) ? JSON.stringify(value) : String(value);
}

// What is wrong with a field; several make an `invalid`.
export const wrong = {
  value: (field, value, why) => ({
    reason: 'FieldValueInvalid', message: `Invalid value: ${shown(value)}: ${why}`, field,
  }),
  required: (field, why) => ({
    reason: 'FieldValueRequired', message: `Required value${why ? `: ${why}` : ''}`, field,
  }),
  forbidden: (field, why) => ({
    reason: 'FieldValueForbidden', message: `Forbidden: ${why}`, field,
  }),
  duplicate: (field, value) => ({
    reason: 'FieldValueDuplicate', message: `Duplicate value: ${shown(value)}`, field,
  }),
  unsupported: (field, value, known) => ({
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${shown(value)}: supported values: `
      + known.map((one) => JSON.stringify(one)).join(', '),
    field,
  }),
  tooLong: (field, most) => ({
    reason: 'FieldValueTooLong', message: `Too long: may not be more than ${most} bytes`, field,
  }),
};

// `what`: {kind, group, name, qualified}; a Lease's PUT names the resource instead of the kind.
export function invalid(what, causes) {
  const lines = causes.map(({ field, message }) => `${field}: ${message}`);
  const list = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return new ApiError(422, `${what.qualified} "${what.name}" is invalid: ${list}`, {
    reason: 'Invalid',
    details: details({ name: what.name, group: what.group, kind: what.kind, causes }),
  });
}

export const invalidObject = (resource, name, causes) => invalid({
  kind: resource.kind, group: resource.group, name, qualified: resource.qualifiedKind,
}, causes);

export function expired(message, metadata = {}) {
  return new ApiError(410, message, { reason: 'Expired', metadata });
}

export function unsupportedMediaType(message) {
  return new ApiError(415, message ?? '415: Unsupported Media Type', {
    reason: 'UnsupportedMediaType', ...(message ? {} : { details: {} }),
  });
}

export function forbidden(resource, name, why, causes) {
  const named = name ? ` "${name}"` : '';
  return new ApiError(403, `${resource.qualified}${named} is forbidden: ${why}`, {
    reason: 'Forbidden',
    details: details({ name, group: resource.group, kind: resource.plural, causes }),
  });
}

export function tooManyRequests(retryAfterSeconds) {
  const message = 'Too many requests, please try again later.';
  return new ApiError(429, message, {
    reason: 'TooManyRequests',
    ...(retryAfterSeconds === undefined ? {} : {
      details: { retryAfterSeconds }, headers: { 'Retry-After': String(retryAfterSeconds) },
    }),
  });
}

export function versionTooLarge(wanted, current) {
  return new ApiError(504, `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    reason: 'Timeout',
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
    headers: { 'Retry-After': '1' },
  });
}
