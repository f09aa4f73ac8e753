// The official clients, unmodified, behind one small face: what differs between them is how
// handlers are registered and how results are validated, nothing that the gateway sees.
//
// Every client is closed by the `end` hook that is given with it.
import * as modern from '@modelcontextprotocol/client';
import { Client as SdkClient } from '@modelcontextprotocol/sdk/client/index.js';
import * as sdkSse from '@modelcontextprotocol/sdk/client/sse.js';
import * as sdkHttp from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as sdkTypes from '@modelcontextprotocol/sdk/types.js';

const IDENTITY = { name: 'mcp-gateway-system-tests', version: '1.0.0' };

const sdkSchemas = {
  'notifications/message': sdkTypes.LoggingMessageNotificationSchema,
  'notifications/resources/updated': sdkTypes.ResourceUpdatedNotificationSchema,
  'notifications/tools/list_changed': sdkTypes.ToolListChangedNotificationSchema,
  'notifications/prompts/list_changed': sdkTypes.PromptListChangedNotificationSchema,
  'elicitation/create': sdkTypes.ElicitRequestSchema,
  'sampling/createMessage': sdkTypes.CreateMessageRequestSchema,
  'roots/list': sdkTypes.ListRootsRequestSchema,
};

// 'sdk' is @modelcontextprotocol/sdk, 'client' @modelcontextprotocol/client as it is by default:
// both shake hands as in 2025. Then the second one that asks first, and one that insists.
export const KINDS = ['sdk', 'client'];
export const SPEAKERS = [...KINDS, 'client auto', 'client modern'];

const MODES = { client: 'legacy', 'client auto': 'auto', 'client modern': { pin: '2026-07-28' } };

// The era of a speaker at a server that has both.
export const eraOf = (speaker) => (KINDS.includes(speaker) ? 'legacy' : 'modern');

function makeClient(speaker, { on, answers }) {
  const capabilities = {
    ...(answers['elicitation/create'] && { elicitation: {} }),
    ...(answers['sampling/createMessage'] && { sampling: {} }),
    ...(answers['roots/list'] && { roots: {} }),
  };
  const isSdk = speaker === 'sdk';
  const client = isSdk
    ? new SdkClient(IDENTITY, { capabilities })
    : new modern.Client(IDENTITY, {
        capabilities,
        versionNegotiation: { mode: MODES[speaker] },
      });
  const named = (method) => (isSdk ? sdkSchemas[method] : method);
  for (const [method, handler] of Object.entries(on)) {
    client.setNotificationHandler(named(method), handler);
  }
  for (const [method, answer] of Object.entries(answers)) {
    client.setRequestHandler(named(method), (request) => answer(request.params));
  }
  return client;
}

function transportOf(speaker, over) {
  if (speaker !== 'sdk') {
    return over === 'sse' ? modern.SSEClientTransport : modern.StreamableHTTPClientTransport;
  }
  return over === 'sse' ? sdkSse.SSEClientTransport : sdkHttp.StreamableHTTPClientTransport;
}

// Options: headers to send with every request; on: {method: handler} for notifications;
// answers: {method: function of the params} for what the server asks; over: 'sse' for the transport
// of 2024-11-05; transport: further options of the transport; made: is told the transport before it
// is used.
export async function connect(end, speaker, url, options = {}) {
  const { headers, on = {}, answers = {}, over, transport: more = {}, made } = options;
  const client = makeClient(speaker, { on, answers });
  const Transport = transportOf(speaker, over);
  const requestInit = headers ? { headers } : undefined;
  const transport = new Transport(new URL(url), { requestInit, ...more });
  made?.(transport);
  end(() => client.close());
  await client.connect(transport);
  return {
    client,
    transport,
    url: new URL(url),
    sessionId: () => transport.sessionId,
    // Of the whole result; request options as both packages understand them.
    callTool: (name, args = {}, requestOptions = {}) => {
      const params = { name, arguments: args };
      return speaker === 'sdk'
        ? client.callTool(params, undefined, requestOptions)
        : client.callTool(params, requestOptions);
    },
  };
}

// The text of a tool's answer; throws if the tool failed.
export async function call(session, name, args = {}, options = {}) {
  const result = await session.callTool(name, args, options);
  const text = result.content.map((part) => part.text).join('\n');
  if (result.isError) throw new Error(`${name}: ${text}`);
  return text;
}

// What the bundled example server's tools say: {instance, pid}, and the number of calls so far.
export const whoami = async (session) => JSON.parse(await call(session, 'whoami'));
export const count = async (session) => JSON.parse(await call(session, 'count')).count;

// The error that a call ends with.
export async function failureOf(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it should have failed');
}
