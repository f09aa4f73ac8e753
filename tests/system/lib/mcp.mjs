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

// The JSON-RPC message of an answer, whether it came as JSON or as the last event of a stream.
export function messageOf(answer) {
  if (answer.json) return answer.json;
  const data = answer.text.split(/\r?\n/).filter((line) => /^data: ?\{/.test(line));
  return JSON.parse(data.at(-1).replace(/^data: ?/, ''));
}

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
