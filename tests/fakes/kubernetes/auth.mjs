// Who asks, and what they may: bearer tokens, and RBAC rules that the configuration gives to users.
//
// A token is {token, user, groups?, uid?, rules?, admin?}; `rules` as in a Role: apiGroups,
// resources, verbs, resourceNames?, and namespaces? (none: all). No token, or another scheme, is
// system:anonymous; a token that is not known, or revoked, is a 401.
import { ApiError, forbidden, unauthorized } from './status.mjs';

const ANONYMOUS = { user: 'system:anonymous', groups: ['system:unauthenticated'], rules: [] };
const PUBLIC_PATHS = /^\/(version|healthz|livez|readyz)(\/|$)/;
// Everybody who is somebody may ask these.
const REVIEWS = ['selfsubjectaccessreviews', 'selfsubjectreviews'];
const NOSNIFF = { 'X-Content-Type-Options': 'nosniff' };

const includes = (list, value) => list === undefined || list.includes('*') || list.includes(value);

function allows(rule, { verb, group, resource, subresource, namespace, name }) {
  const whole = subresource ? `${resource}/${subresource}` : resource;
  const named = rule.resourceNames === undefined || rule.resourceNames.includes(name);
  const resources = rule.resources ?? [];
  return includes(rule.verbs, verb) && includes(rule.apiGroups ?? [''], group) && named
    && (resources.includes('*') || resources.includes(whole)
      || (subresource !== undefined && resources.includes(`*/${subresource}`)))
    && (rule.namespaces === undefined || rule.namespaces.includes(namespace));
}

export class Auth {
  #users = new Map();

  constructor(tokens = []) {
    for (const token of tokens) this.add(token);
  }

  add({ token, ...user }) {
    this.#users.set(token, { groups: ['system:authenticated'], ...user });
  }

  revoke(token) {
    this.#users.delete(token);
  }

  get tokens() {
    return [...this.#users.keys()];
  }

  authenticate(header) {
    const match = /^bearer (.+)$/i.exec(header ?? '');
    if (!match) return ANONYMOUS;
    const user = this.#users.get(match[1]);
    if (!user) throw unauthorized();
    return user;
  }

  static may(user, attributes) {
    return user.admin === true || (user.rules ?? []).some((rule) => allows(rule, attributes));
  }

  // Throws a 403 in the words of the authorizer. `resource` is a description or {plural, group}.
  static check(user, resource, attributes) {
    if (Auth.may(user, attributes)) return;
    if (user !== ANONYMOUS && REVIEWS.includes(resource.plural)) return;
    const { verb, namespace, name, subresource } = attributes;
    const whole = subresource ? `${resource.plural}/${subresource}` : resource.plural;
    const where = namespace ? `in the namespace "${namespace}"` : 'at the cluster scope';
    const error = forbidden(resource, name, `User "${user.user}" cannot ${verb} resource "${whole}"`
      + ` in API group "${resource.group}" ${where}`);
    error.headers = NOSNIFF;
    throw error;
  }

  // Paths that are no resources: discovery needs a user, the probes nobody.
  static checkPath(user, path) {
    if (user !== ANONYMOUS || PUBLIC_PATHS.test(path)) return;
    throw new ApiError(403, `forbidden: User "${user.user}" cannot get path "${path}"`, {
      reason: 'Forbidden', details: {}, headers: NOSNIFF,
    });
  }

  // The answers to "what may I" and "who am I".
  static accessReview(user, review, { manager, time }) {
    const wanted = review.spec?.resourceAttributes ?? {};
    const { verb, group = '', resource, subresource, namespace, name } = wanted;
    const allowed = Auth.may(user, { verb, group, resource, subresource, namespace, name });
    const apiVersion = 'authorization.k8s.io/v1';
    const fields = Object.fromEntries(Object.keys(wanted).map((key) => [`f:${key}`, {}]));
    const owned = {
      manager, operation: 'Update', apiVersion, time, fieldsType: 'FieldsV1',
      fieldsV1: { 'f:spec': { 'f:resourceAttributes': { '.': {}, ...fields } } },
    };
    return {
      kind: 'SelfSubjectAccessReview', apiVersion, metadata: { managedFields: [owned] },
      spec: review.spec, status: { allowed },
    };
  }

  static userReview(user, time) {
    const userInfo = { username: user.user, uid: user.uid, groups: user.groups };
    return {
      kind: 'SelfSubjectReview', apiVersion: 'authentication.k8s.io/v1',
      metadata: { creationTimestamp: time }, status: { userInfo },
    };
  }
}
