// The recordings that are not replayed, each with its reason. Everything else must be answered
// alike.
export const LEFT_OUT = new Map([
  [1, 'build fields are those of one build; the shape is tested in fake.test.mjs'],
  [3, 'the names of one build\'s internal checks; the gateway asks /readyz'],
  [10, 'the fake publishes no OpenAPI documents; the gateway does not ask for them'],
  [11, 'aggregated discovery; the gateway does not ask for it'],
  [22, 'RBAC objects: what a token may is a setting of the fake'],
  [23, 'RBAC objects: what a token may is a setting of the fake'],
  [25, 'TokenRequest: the gateway reads its token from a file'],
  [61, 'the Table representation is for kubectl'],
  [125, 'Endpoints are deprecated; the gateway reads EndpointSlices'],
  [175, 'disruption budgets: the gateway keeps none'],
  [176, 'evictions: the gateway asks for none'],
  [177, 'the proxy of the API server: the gateway connects to pods itself'],
  [200, 'events.k8s.io/v1: the gateway reads Events of core v1'],
]);

// Lists of what is served: the fake serves a part, which must be described alike.
export const SUBSETS = new Map([
  [4, undefined],
  [5, 'groups'],
  [6, 'resources'],
  [7, 'resources'],
  [8, 'resources'],
  [9, 'resources'],
]);
