// The scenarios of microsoft/mcp-gateway for tools, with our answers: the rows of adapters again,
// and those that only tools have. One test for each row, named by it.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { endOf, endOfFile } from './lib/ends.mjs';
import * as rows from './lib/scenario_rows.mjs';
import { ADMIN, ALICE, assertProblem, imageAdapter, Scene } from './lib/scenarios.mjs';
import { until } from './lib/wait.mjs';

const definition = (name, fields = {}) => ({
  tool: { name, description: 'Tells the weather.', inputSchema: { type: 'object' } }, ...fields,
});
const imageTool = (name, fields = {}) => ({
  ...imageAdapter(name), toolDefinition: definition(name), ...fields,
});

const end = endOfFile();
let present;
before(async () => (present = await Scene.start(end, '/tools', imageTool)));
const scene = () => present;

describe('tools, as adapters', () => {
  rows.creating(scene, '/tools');
  rows.reading(scene);
  rows.changing(scene);
  rows.deleting(scene);
  rows.watching(scene);
});

describe('permissions', () => rows.permissions(scene));

describe('tools', () => {
  const refused = (name, toolDefinition, field) => (
    scene().refuses(imageTool(name, { toolDefinition }), 400, field));

  test('port 0, -1, 65536, 2147483647', async () => {
    for (const port of [0, -1, 65536, 2147483647]) {
      await refused('port', definition('port', { port }), 'toolDefinition.port');
    }
  });

  test('path "", "score", "/@169.254.169.254/metadata", "/path with space", "/path?query=1",'
    + ' "/path#fragment", "/path:8080/x"', async () => {
    for (const path of [
      '', 'score', '/@169.254.169.254/metadata', '/path with space', '/path?query=1',
      '/path#fragment', '/path:8080/x',
    ]) {
      await refused('path', definition('path', { path }), 'toolDefinition.path');
    }
  });

  test('port and path omitted', async (t) => {
    const { json } = await scene().make(t, 'defaults');
    const { port, path } = json.toolDefinition;
    assert.deepEqual([port, path], [8000, '/score']);
  });

  test('tool.name differs from name', () => (
    refused('name', definition('another'), 'toolDefinition.tool.name')));

  test('bad inputSchema', async () => {
    for (const inputSchema of [7, {}, { type: 'string' }, []]) {
      const tool = { name: 'schema', inputSchema };
      const answer = await scene().post(imageTool('schema', { toolDefinition: { tool } }));
      assertProblem(answer, 400);
      const fields = Object.keys(answer.json.errors);
      assert.ok(fields.some((one) => one.startsWith('toolDefinition.tool.inputSchema')), fields);
    }
  });

  test('without toolDefinition', () => (
    scene().refuses(imageAdapter('bare'), 400, 'toolDefinition')));

  test('a definition is kept as it was given', async (t) => {
    const tool = {
      name: 'whole', title: 'W', description: 'd', inputSchema: { type: 'object', $defs: {} },
      outputSchema: { type: 'object' }, annotations: { readOnlyHint: true }, _meta: { own: [1.5] },
      unknownToUs: { a: null },
    };
    await scene().make(t, 'whole', { toolDefinition: { tool } });
    const { json } = await scene().ask('GET', '/whole');
    assert.deepEqual(json.toolDefinition.tool, tool);
  });

  test('Services and labels', async (t) => {
    const { cluster, gateway } = scene();
    await scene().makeReady(t, 'labelled');
    endOf(t)(() => gateway.rest('DELETE', '/adapters/beside', { headers: ADMIN }));
    const body = imageAdapter('beside');
    const made = await gateway.rest('POST', '/adapters', { body, headers: ALICE });
    assert.equal(made.status, 201, made.text);
    await until('its Service', () => cluster.object('Service', 'beside-service')?.spec.selector);
    const kindOf = (name) => cluster.object('StatefulSet', name).metadata.labels['adapter/type'];
    const addressOf = (name) => cluster.object('Service', `${name}-service`).spec.clusterIP;
    for (const imageVersion of ['1', '2']) {
      await scene().put('labelled', { imageVersion });
      await scene().ready('labelled', 1);
      await until('both', () => scene().complete('beside') && scene().complete('labelled'));
      assert.deepEqual([kindOf('labelled'), kindOf('beside')], ['tool', 'mcp']);
      assert.equal(addressOf('beside'), 'None');
      assert.match(addressOf('labelled'), /^\d/);
    }
  });

  test('POST name used by the other kind', async (t) => {
    const { gateway } = scene();
    await scene().make(t, 'mine');
    const body = imageAdapter('mine');
    assertProblem(await gateway.rest('POST', '/adapters', { body, headers: ALICE }), 409);
    endOf(t)(() => gateway.rest('DELETE', '/adapters/theirs', { headers: ADMIN }));
    const other = imageAdapter('theirs');
    const made = await gateway.rest('POST', '/adapters', { body: other, headers: ALICE });
    assert.equal(made.status, 201, made.text);
    assertProblem(await scene().post(imageTool('theirs')), 409);
  });
});
