// MCP messages written by hand, where a test has to see status, headers and exact bodies.
// Each request is a connection of its own.
import { request } from './http.mjs';

export const ACCEPT = { Accept: 'application/json, text/event-stream' };

export const initialize = (id = 0) => ({
  jsonrpc: '2.0',
  id,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'mcp-gateway-system-tests', version: '1.0.0' },
  },
});

export const toolCall = (id, name, args = {}) => ({
  jsonrpc: '2.0',
  id,
  method: 'tools/call',
  params: { name, arguments: args },
});

export function post(url, body, headers = {}) {
  return request(url.origin, 'POST', url.pathname, { headers: { ...ACCEPT, ...headers }, body });
}

// The JSON-RPC messages of an answer, whether they came as JSON or as the events of a stream, which
// may still be going on: then only whole events count.
export function messagesOf({ json, text }) {
  if (json) return Array.isArray(json) ? json : [json];
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  const data = whole.split(/\r?\n/).filter((line) => /^data: ?\{/.test(line));
  return data.map((line) => JSON.parse(line.replace(/^data: ?/, '')));
}

export const messageOf = (answer) => messagesOf(answer).at(-1);

// The value that a tool of the example server answered.
export const valueOf = (answer) => messageOf(answer).result.structuredContent;

// Opens a session and returns its id.
export async function open(url, headers = {}) {
  const answer = await post(url, initialize(), headers);
  if (answer.status !== 200) throw new Error(`initialize: ${answer.status} ${answer.text}`);
  const id = answer.headers['mcp-session-id'];
  const ready = { jsonrpc: '2.0', method: 'notifications/initialized' };
  const accepted = await post(url, ready, { ...headers, 'Mcp-Session-Id': id });
  if (accepted.status !== 202) throw new Error(`initialized: ${accepted.status} ${accepted.text}`);
  return id;
}

export const inSession = (id, headers = {}) => ({
  'Mcp-Session-Id': id,
  'MCP-Protocol-Version': '2025-11-25',
  ...headers,
});

const MODERN = '2026-07-28';
const META = 'io.modelcontextprotocol/';

// A request of the modern era, which says all about itself: the envelope is added to its `_meta`,
// and the headers repeat the body. `more` names further members of the envelope.
export function modernRequest(request, more = {}) {
  const envelope = { protocolVersion: MODERN, clientCapabilities: {}, ...more };
  const named = Object.entries(envelope).map(([name, value]) => [META + name, value]);
  const _meta = { ...request.params?._meta, ...Object.fromEntries(named) };
  const name = request.params?.name ?? request.params?.uri;
  const headers = {
    'MCP-Protocol-Version': MODERN,
    'Mcp-Method': request.method,
    ...(name !== undefined && { 'Mcp-Name': name }),
  };
  return { headers, body: { ...request, params: { ...request.params, _meta } } };
}

export function postModern(url, request, more) {
  const { headers, body } = modernRequest(request, more);
  return post(url, body, headers);
}
