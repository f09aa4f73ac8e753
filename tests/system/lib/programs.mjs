// Where the programs are that these tests start: ours, Node, and those from npm.
//
// MCPGW_BIN names another folder with our executables than build/bin.
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
export const BIN = resolve(process.env.MCPGW_BIN ?? join(ROOT, 'build/bin'));
export const GATEWAY = join(BIN, 'mcp-gateway');
export const EXAMPLE_SERVER = join(BIN, 'mcp-gateway-example-server');
export const NODE = process.execPath;

const modules = join(ROOT, 'tests/system/node_modules');
export const EVERYTHING = join(modules, '@modelcontextprotocol/server-everything/dist/index.js');
const CONTEXT7 = join(modules, '@upstash/context7-mcp/dist/index.js');
const react = join(modules, '@modelcontextprotocol/server-basic-react/dist');
export const CONFORMANCE = join(modules, '@modelcontextprotocol/conformance/dist/index.js');

export const FIXTURE = join(ROOT, 'tests/system/fixture/server.mjs');
export const CONFORMANCE_CLIENT = join(ROOT, 'tests/system/fixture/client.mjs');
export const AUTHORIZED_CLIENT = join(ROOT, 'tests/system/fixture/authorized_client.mjs');
export const RESOURCE_PROBE = join(ROOT, 'tests/system/fixture/resource_probe.mjs');

// The servers from npm listen on every interface; this preload keeps them on loopback.
export const LOOPBACK_ONLY = require.resolve('./loopback_only.cjs');

export const fixtureAdapter = (name, fields = {}) => ({
  name,
  command: [NODE, FIXTURE, ...(fields.transport === 'stdio' ? ['--stdio'] : ['--port', '{port}'])],
  ...fields,
});
const onLoopback = (...command) => [NODE, '-r', LOOPBACK_ONLY, ...command];
export const everythingCommand = (mode) => onLoopback(EVERYTHING, mode);

// Lists its tools without internet; calling them would need it.
export const context7Adapter = (name) => ({
  name,
  command: onLoopback(CONTEXT7, '--transport', 'http', '--port', '{port}'),
  environmentVariables: { OTEL_SDK_DISABLED: 'true' },
});

// Has one resource, a page of 413,619 bytes; takes its port from PORT.
export const reactCommand = (...flags) => onLoopback(join(react, 'index.js'), ...flags);
export const REACT_PAGE = join(react, 'mcp-app.html');
