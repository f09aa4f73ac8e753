// What /openapi.json promises, as something that can be asked: is the document sound, which
// operation does a request belong to, does an answer keep to it.
//
// Description knows the document only; Recorder sends requests, holds every answer against the
// description, and notes which operation has answered with which status.
import assert from 'node:assert/strict';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { request } from './http.mjs';

const METHODS = ['get', 'put', 'post', 'delete', 'head', 'patch', 'options', 'trace'];

// Calls `see(value, place)` for every object and array below.
function walk(value, see, place = '#') {
  if (value === null || typeof value !== 'object') return;
  see(value, place);
  for (const [key, member] of Object.entries(value)) {
    walk(member, see, `${place}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  }
}

export class Description {
  constructor(document) {
    this.document = document;
    // Strict, but for two things done on purpose: the first item of a command is described apart
    // from the others, and alternatives require fields that are described beside them.
    const options = { strict: true, strictTuples: false, strictRequired: false, allErrors: true };
    this.ajv = addFormats(new Ajv2020(options));
    this.definitions = this.#local(document.components.schemas);
    this.validators = new Map();
    this.operations = [];
    for (const [path, item] of Object.entries(document.paths)) {
      const pattern = new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '([^/]+)')}$`);
      for (const method of METHODS.filter((one) => one in item)) {
        const operation = item[method];
        const parameters = [...item.parameters ?? [], ...operation.parameters ?? []]
          .map((one) => this.resolve(one));
        this.operations.push({ ...operation, path, method, pattern, parameters });
      }
    }
  }

  #local(schema) {
    const text = JSON.stringify(schema).replaceAll('#/components/schemas/', '#/$defs/');
    return JSON.parse(text);
  }

  resolve(object) {
    if (object.$ref === undefined) return object;
    const steps = object.$ref.replace(/^#\//, '').split('/');
    const target = steps.reduce((at, step) => {
      return at?.[step.replaceAll('~1', '/').replaceAll('~0', '~')];
    }, this.document);
    assert.ok(target !== undefined, `${object.$ref} leads nowhere`);
    return target;
  }

  validator(schema) {
    const key = JSON.stringify(schema);
    if (!this.validators.has(key)) {
      const whole = { $defs: this.definitions, allOf: [this.#local(schema)] };
      this.validators.set(key, this.ajv.compile(whole));
    }
    return this.validators.get(key);
  }

  // Nothing, or what is wrong with the value.
  complaint(schema, value) {
    const validate = this.validator(schema);
    return validate(value) ? undefined : this.ajv.errorsText(validate.errors);
  }

  bodySchema(operationId) {
    const { requestBody } = this.operation(operationId);
    return requestBody?.content['application/json'].schema;
  }

  operation(id) {
    return this.operations.find((one) => one.operationId === id);
  }

  find(method, target) {
    const [path] = target.split('?');
    const found = this.operations.filter(({ pattern }) => pattern.test(path));
    return found.find((one) => one.method === method.toLowerCase());
  }

  response(operation, status) {
    const response = operation.responses[status];
    return response && this.resolve(response);
  }

  assertSound() {
    const { document } = this;
    assert.match(document.openapi, /^3\.1\.\d+$/);
    assert.ok(document.info.title && document.info.version);
    const used = new Set();
    walk(document, (value) => {
      if (typeof value.$ref !== 'string') return;
      this.resolve(value);
      used.add(value.$ref);
    });
    for (const [kind, parts] of Object.entries(document.components)) {
      if (kind === 'securitySchemes') continue;
      for (const [name, part] of Object.entries(parts)) {
        assert.ok(used.has(`#/components/${kind}/${name}`), `nothing uses ${kind}/${name}`);
        if (kind === 'schemas') this.validator({ $ref: `#/components/schemas/${name}` });
        if (part.schema) this.validator(part.schema);
      }
    }
    this.#assertOperations();
    this.#assertExamples();
  }

  #assertOperations() {
    const { document } = this;
    const ids = this.operations.map(({ operationId }) => operationId);
    assert.deepEqual(ids, [...new Set(ids)], 'each operationId once');
    const tags = new Set(document.tags.map(({ name }) => name));
    const schemes = Object.keys(document.components.securitySchemes);
    for (const operation of this.operations) {
      const { operationId, path, parameters } = operation;
      assert.ok(path.startsWith('/') && operationId && operation.summary, path);
      for (const tag of operation.tags) assert.ok(tags.has(tag), `${operationId}: ${tag}`);
      const inPath = parameters.filter((one) => one.in === 'path');
      assert.ok(inPath.every(({ required }) => required === true), operationId);
      assert.deepEqual(inPath.map(({ name }) => name).sort(),
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort(), operationId);
      const names = parameters.map((one) => `${one.in} ${one.name}`);
      assert.deepEqual(names, [...new Set(names)], operationId);
      for (const way of operation.security ?? document.security) {
        for (const name of Object.keys(way)) assert.ok(schemes.includes(name), name);
      }
      const statuses = Object.keys(operation.responses);
      assert.ok(statuses.some((status) => Number(status) < 300), operationId);
      for (const status of statuses) {
        assert.match(status, /^[2-5]\d\d$/, operationId);
        const response = this.response(operation, status);
        assert.ok(response.description, `${operationId} ${status}`);
        for (const { schema } of Object.values(response.content ?? {})) this.validator(schema);
      }
    }
  }

  // Examples and defaults are good values of what they stand in.
  #assertExamples() {
    walk(this.document.components.schemas, (schema, place) => {
      const isSchema = ['type', '$ref', 'enum', 'anyOf'].some((key) => key in schema);
      if (!isSchema || place.endsWith('/properties')) return;
      const { examples, default: preset, ...bare } = schema;
      const values = [...Array.isArray(examples) ? examples : [], preset];
      for (const value of values.filter((one) => one !== undefined)) {
        assert.equal(this.complaint(bare, value), undefined, place);
      }
    });
  }

  // Fails unless the operation may answer like that.
  assertAnswer(operation, answer) {
    const what = `${operation.operationId} ${answer.status}: ${answer.text.slice(0, 500)}`;
    const response = this.response(operation, answer.status);
    assert.ok(response, `not described: ${what}`);
    for (const [name, header] of Object.entries(response.headers ?? {})) {
      const { required, schema } = this.resolve(header);
      const value = answer.headers[name.toLowerCase()];
      if (value === undefined) assert.ok(!required, `${name} is missing: ${what}`);
      else assert.equal(this.complaint(schema, value), undefined, `${name}: ${value}: ${what}`);
    }
    const type = answer.headers['content-type']?.split(';')[0];
    if (response.content === undefined) {
      assert.equal(answer.text, '', what);
      return;
    }
    assert.ok(type in response.content, `${type}: ${what}`);
    const value = /json$/.test(type) ? answer.json : answer.text;
    assert.equal(this.complaint(response.content[type].schema, value), undefined, what);
  }

  // Fails unless a request that was taken is one that is described.
  assertRequest(operation, target, { headers = {}, body }) {
    const known = (where) => operation.parameters.filter((one) => one.in === where);
    for (const [name, text] of new URL(target, 'http://x').searchParams) {
      const parameter = known('query').find((one) => one.name === name);
      assert.ok(parameter, `${operation.operationId} does not describe the parameter ${name}`);
      const value = parameter.schema.type === 'integer' ? Number(text) : text;
      assert.equal(this.complaint(parameter.schema, value), undefined, `${name}=${text}`);
    }
    for (const name of Object.keys(headers).filter((one) => /^(If-|Mcp-Session)/.test(one))) {
      assert.ok(known('header').some((one) => one.name === name), `${operation.path}: ${name}`);
    }
    const schema = this.bodySchema(operation.operationId);
    if (schema === undefined || body === undefined) return;
    const value = typeof body === 'string' ? JSON.parse(body) : body;
    assert.equal(this.complaint(schema, value), undefined, operation.operationId);
  }
}

export class Recorder {
  constructor(base, description) {
    this.base = base;
    this.description = description;
    this.seen = new Set();
  }

  // One request of a described operation, its answer held against the description. `status`, if
  // given, is the one that it must have.
  async send(method, target, { status, ...options } = {}) {
    const operation = this.description.find(method, target);
    assert.ok(operation, `${method} ${target} is not described`);
    const answer = await request(this.base, method, target, options);
    const what = `${method} ${target} ${answer.status}: ${answer.text.slice(0, 500)}`;
    if (status !== undefined) assert.equal(answer.status, status, what);
    this.description.assertAnswer(operation, answer);
    if (answer.status < 400) this.description.assertRequest(operation, target, options);
    this.note(operation, answer.status);
    return answer;
  }

  note({ operationId }, status) {
    this.seen.add(`${operationId} ${status}`);
  }

  // Every operation with each of its statuses that has not been seen.
  missing() {
    return this.description.operations.flatMap(({ operationId, responses }) => {
      return Object.keys(responses).map((status) => `${operationId} ${status}`);
    }).filter((one) => !this.seen.has(one));
  }
}
