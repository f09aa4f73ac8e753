// Label and field selectors: from the text in a query to a predicate on objects. What cannot be
// read is refused with a 400.
import { badRequest } from './status.mjs';

const TOKEN = /\s*(==|!=|=|!|\(|\)|,|<|>|[^\s=!(),<>]+)/y;

function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const match = TOKEN.exec(text);
    if (!match) break;
    found.push(match[1]);
  }
  return found;
}

const isWord = (token) => token !== undefined && !/^(==|!=|=|!|\(|\)|,|<|>)$/.test(token);

class LabelParser {
  constructor(text) {
    this.tokens = tokens(text);
  }

  #fail(expected) {
    const found = this.tokens[0] ?? '';
    throw badRequest(`unable to parse requirement: found '${found}', expected: ${expected}`);
  }

  #word() {
    if (!isWord(this.tokens[0])) this.#fail('identifier');
    return this.tokens.shift();
  }

  #values() {
    if (this.tokens.shift() !== '(') this.#fail("'('");
    const values = [];
    for (;;) {
      values.push(isWord(this.tokens[0]) ? this.tokens.shift() : '');
      const next = this.tokens.shift();
      if (next === ')') return values;
      if (next !== ',') this.#fail("',', or identifier");
    }
  }

  requirement() {
    if (this.tokens[0] === '!') {
      this.tokens.shift();
      const key = this.#word();
      return (labels) => !(key in labels);
    }
    const key = this.#word();
    const operator = this.tokens[0];
    if (operator === undefined || operator === ',') return (labels) => key in labels;
    this.tokens.shift();
    if (operator === '=' || operator === '==' || operator === '!=') {
      const next = this.tokens[0];
      const value = next === undefined || next === ',' ? '' : this.#word();
      return operator === '!=' ? (labels) => labels[key] !== value
        : (labels) => labels[key] === value;
    }
    if (operator === 'in' || operator === 'notin') {
      const values = this.#values();
      return operator === 'in' ? (labels) => values.includes(labels[key])
        : (labels) => !values.includes(labels[key]);
    }
    this.tokens.unshift(operator);
    return this.#fail("'=', '!=', '==', 'in', notin'");
  }

  all() {
    const requirements = [];
    while (this.tokens.length > 0) {
      requirements.push(this.requirement());
      if (this.tokens.length > 0 && this.tokens[0] !== ',') this.#fail("',' or 'end of string'");
      this.tokens.shift();
    }
    return requirements;
  }
}

function parseLabels(text) {
  const requirements = new LabelParser(text).all();
  return ({ metadata }) => requirements.every((holds) => holds(metadata.labels ?? {}));
}

const at = (object, path) => path.split('.').reduce((value, name) => value?.[name], object);

function fieldValue(object, path) {
  if (path === 'source') return object.source?.component ?? '';
  const value = at(object, path);
  return value === undefined || value === null ? '' : String(value);
}

function parseFields(resource, text) {
  const terms = text.split(',').filter(Boolean).map((term) => {
    const match = /^([^=!]+)(==|=|!=)(.*)$/.exec(term);
    if (!match) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    const [, path, operator, value] = match;
    if (!resource.fieldSelectors.includes(path)) {
      const known = resource.fieldSelectors.map((one) => `"${one}"`).join(', ');
      const only = resource.fieldSelectors.length === 2 ? `: only ${known}` : '';
      throw badRequest(only ? `"${path}" is not a known field selector${only}`
        : `field label not supported: ${path}`);
    }
    return { path, value, negated: operator === '!=' };
  });
  return (object) => terms.every(({ path, value, negated }) => (
    (fieldValue(object, path) === value) !== negated));
}

// {matches, selective} of a request's query.
export function parseSelectors(resource, query) {
  const labels = query.get('labelSelector');
  const fields = query.get('fieldSelector');
  const tests = [];
  if (labels) tests.push(parseLabels(labels));
  if (fields) tests.push(parseFields(resource, fields));
  return {
    matches: (object) => tests.every((holds) => holds(object)), selective: tests.length > 0,
  };
}

// Whether labels fulfil a LabelSelector as it stands in an object.
export function selectorMatches(selector, labels = {}) {
  const equalities = Object.entries(selector?.matchLabels ?? {});
  const expressions = selector?.matchExpressions ?? [];
  if (!equalities.every(([key, value]) => labels[key] === value)) return false;
  return expressions.every(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key in labels;
    if (operator === 'DoesNotExist') return !(key in labels);
    return values.includes(labels[key]) === (operator === 'In');
  });
}

// As the scale subresource shows it.
export const selectorText = (selector) => Object.entries(selector?.matchLabels ?? {})
  .sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}=${value}`).join(',');
