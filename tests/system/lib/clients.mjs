// The two official clients, unmodified, behind one small face: what differs between them is how
// notifications are subscribed to and how results are validated, nothing that the gateway sees.
//
// Every client is closed by the `end` hook that is given with it.
import * as modern from '@modelcontextprotocol/client';
import { Client as SdkClient } from '@modelcontextprotocol/sdk/client/index.js';
import * as sdkHttp from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';

const IDENTITY = { name: 'mcp-gateway-system-tests', version: '1.0.0' };

const sdkSchemas = {
  'notifications/message': LoggingMessageNotificationSchema,
  'notifications/resources/updated': ResourceUpdatedNotificationSchema,
};

export const KINDS = ['sdk', 'client'];

// kind: 'sdk' for @modelcontextprotocol/sdk, 'client' for @modelcontextprotocol/client.
// options: headers to send with every request, on: {method: handler} for notifications.
export async function connect(end, kind, url, { headers, on = {} } = {}) {
  const Client = kind === 'sdk' ? SdkClient : modern.Client;
  const { StreamableHTTPClientTransport: Transport } = kind === 'sdk' ? sdkHttp : modern;
  const client = new Client(IDENTITY, { capabilities: {} });
  for (const [method, handler] of Object.entries(on)) {
    client.setNotificationHandler(kind === 'sdk' ? sdkSchemas[method] : method, handler);
  }
  const transport = new Transport(new URL(url), headers ? { requestInit: { headers } } : undefined);
  end(() => client.close());
  await client.connect(transport);
  return { client, transport, sessionId: () => transport.sessionId };
}

// The text of a tool's answer; throws if the tool failed.
export async function call(session, name, args = {}) {
  const result = await session.client.callTool({ name, arguments: args });
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
