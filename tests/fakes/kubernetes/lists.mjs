// Lists: at which revision, in which pages, in which form. A page says with its token where the
// next begins, and all pages show the same moment.
import { partial } from './requests.mjs';
import { badRequest, expired, invalid, versionTooLarge, wrong } from './status.mjs';

const TOKEN_VERSION = 'meta.k8s.io/v1';
const TOO_OLD_TO_CONTINUE = 'The provided continue parameter is too old to display a consistent'
  + ' list result. You can start a new list without the continue parameter, or use the continue'
  + ' token in this response to retrieve the remainder of the results. Continuing with the provided'
  + ' token results in an inconsistent list - objects that were created, modified, or deleted'
  + ' between the time the first chunk was returned and now may show up in the list.';

const encodeToken = (rv, start) => Buffer
  .from(JSON.stringify({ v: TOKEN_VERSION, rv, start })).toString('base64url');

function decodeToken(text) {
  const bytes = Buffer.from(text, 'base64url');
  try {
    const { v, rv, start } = JSON.parse(bytes.toString());
    if (v === TOKEN_VERSION && Number.isInteger(rv) && typeof start === 'string') {
      return { revision: rv, start: start.replace(/^\//, '').replace(/\0$/, '') };
    }
  } catch {
    // The words below are for whatever is wrong.
  }
  const byte = bytes.find((one) => one > 127) ?? bytes[0] ?? 0;
  const shown = byte > 127 ? `\\u${byte.toString(16).padStart(4, '0')}`
    : String.fromCharCode(byte);
  throw badRequest(`invalid continue token: continue key is not valid: invalid character '${shown}'`
    + ' looking for beginning of value');
}

const keyOf = ({ metadata: { namespace, name } }, within) => (
  within || !namespace ? name : `${namespace}/${name}`);

// The number in a resourceVersion parameter of a list.
function revisionIn(text) {
  if (!/^\d+$/.test(text)) {
    throw invalid({ name: '', qualified: 'ListOptions.meta.k8s.io', kind: 'ListOptions' },
      [wrong.value('resourceVersion', text, `strconv.ParseUint: parsing ${JSON.stringify(text)}:`
        + ' invalid syntax')]);
  }
  return Number(text);
}

// {objects, revision, start} before selectors and pages. A list of the future waits for it.
async function source(registry, asked, wait) {
  const { resource, namespace, query } = asked;
  const { store } = registry;
  const token = query.get('continue');
  if (token) {
    const { revision, start } = decodeToken(token);
    if (revision === -1) {
      return { objects: store.list(resource, namespace), revision: store.revision, start };
    }
    const objects = store.listAt(resource, namespace, revision);
    if (!objects) {
      throw expired(TOO_OLD_TO_CONTINUE, { continue: encodeToken(-1, `${start}\0`) });
    }
    return { objects, revision, start };
  }
  const wanted = query.get('resourceVersion');
  if (wanted) {
    const revision = revisionIn(wanted);
    if (revision > store.revision && !(await wait(() => store.revision >= revision))) {
      throw versionTooLarge(wanted, store.revision);
    }
    if (query.get('resourceVersionMatch') === 'Exact') {
      const objects = store.listAt(resource, namespace, revision);
      if (!objects) throw expired('The resourceVersion for the provided list is too old.');
      return { objects, revision };
    }
  }
  return { objects: store.list(resource, namespace), revision: store.revision };
}

export function listOf(resource, { items, revision, form, more = {} }) {
  const metadata = { resourceVersion: String(revision), ...more };
  if (form === 'metadata') {
    return {
      kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1', metadata,
      items: items.map(partial),
    };
  }
  return {
    kind: `${resource.kind}List`, apiVersion: resource.apiVersion, metadata,
    items: items.map(({ kind, apiVersion, ...rest }) => rest),
  };
}

// The answer to a list; `wait` waits a while for a condition and says whether it came to hold.
export async function list(registry, asked, { selectors, form, wait }) {
  const { resource, namespace, query } = asked;
  const { objects, revision, start } = await source(registry, asked, wait);
  const limit = Number(query.get('limit') ?? 0);
  const key = (object) => keyOf(object, namespace !== undefined);
  const left = objects.filter((object) => start === undefined || key(object) > start)
    .filter(selectors.matches);
  const items = limit > 0 ? left.slice(0, limit) : left;
  const more = {};
  if (items.length < left.length) {
    more.continue = encodeToken(revision, `/${key(items.at(-1))}\0`);
    if (!selectors.selective) more.remainingItemCount = left.length - items.length;
  }
  return listOf(resource, { items, revision, form, more });
}
