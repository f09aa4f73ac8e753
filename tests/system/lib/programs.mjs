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
export const CONFORMANCE = join(modules, '@modelcontextprotocol/conformance/dist/index.js');

export const FIXTURE = join(ROOT, 'tests/system/fixture/server.mjs');
export const CONFORMANCE_CLIENT = join(ROOT, 'tests/system/fixture/client.mjs');

// server-everything listens on every interface; this preload keeps it on loopback.
export const LOOPBACK_ONLY = require.resolve('./loopback_only.cjs');

export const fixtureAdapter = (name, fields = {}) => ({
  name,
  command: [NODE, FIXTURE, '--port', '{port}'],
  ...fields,
});
export const everythingCommand = (mode) => [NODE, '-r', LOOPBACK_ONLY, EVERYTHING, mode];
