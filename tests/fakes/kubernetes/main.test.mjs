// The fake as a program: TLS with its own authority, kubeconfig and service-account folder, and its
// end at SIGTERM and with its parent.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import readline from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client, SETS, statefulSet, until } from './client_for_test.mjs';
import { ADMIN_TOKEN } from './cluster.mjs';
import { closeConnections } from './replay/recordings.mjs';

const MAIN = fileURLToPath(new URL('main.mjs', import.meta.url));

function folderOf(t) {
  const folder = mkdtempSync(join(tmpdir(), 'fake-kubernetes-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    readline.createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`ended with ${code}`)));
  });
}

const get = (url, { ca, token }) => new Promise((resolve, reject) => {
  const headers = { Authorization: `Bearer ${token}` };
  https.get(url, { ca, headers, agent: false }, (response) => {
    response.resume();
    response.on('end', () => resolve(response.statusCode));
  }).on('error', reject);
});

test('it_serves_a_pod_and_a_kubeconfig_and_ends_at_sigterm', async (t) => {
  const folder = folderOf(t);
  const child = spawn(process.execPath, [
    MAIN, '--namespace', 'adapters', '--write-kubeconfig', join(folder, 'config'),
    '--service-account-folder', join(folder, 'account'),
  ], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [word, url] = (await firstLine(child)).split(' ');
  assert.equal(word, 'ready');
  const account = (name) => readFileSync(join(folder, 'account', name), 'utf8');
  assert.equal(account('namespace'), 'adapters');
  const config = JSON.parse(readFileSync(join(folder, 'config'), 'utf8'));
  const { server, 'certificate-authority-data': data } = config.clusters[0].cluster;
  assert.equal(server, url);
  const ca = Buffer.from(data, 'base64').toString();
  assert.equal(ca, account('ca.crt'));
  const path = '/api/v1/namespaces/adapters/pods';
  assert.equal(await get(url + path, { ca, token: account('token') }), 200);
  assert.equal(await get(url + path, { ca, token: 'other' }), 401);
  await assert.rejects(get(url + path, { token: account('token') }), /certificate/);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  assert.equal(await ended, 0);
});

// Whether a process runs; one that only waits for somebody to take note of its end does not.
function runs(pid) {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('it_ends_with_its_parent', async (t) => {
  const script = `
    const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, [process.argv[1], '--plain'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    process.stdout.write('child ' + child.pid + '\\n');
  `;
  const parent = spawn(process.execPath, ['-e', script, MAIN], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => parent.kill('SIGKILL'));
  const lines = [];
  readline.createInterface({ input: parent.stdout }).on('line', (line) => lines.push(line));
  await until('it is ready', () => lines.some((line) => line.startsWith('ready ')));
  const pid = Number(lines.find((line) => line.startsWith('child ')).split(' ')[1]);
  parent.kill('SIGKILL');
  await until('its end', () => !runs(pid));
});

test('processes_of_pods_end_when_it_is_killed', async (t) => {
  const folder = folderOf(t);
  const images = { 'good:1': { command: ['sleep', '1000'] } };
  writeFileSync(join(folder, 'config'), JSON.stringify({ namespaces: ['ns'], node: { images } }));
  const child = spawn(process.execPath, [MAIN, '--plain', '--config', join(folder, 'config')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const client = new Client((await firstLine(child)).split(' ')[1], ADMIN_TOKEN);
  await client.must('POST', SETS, statefulSet('s'));
  const { pid } = await until('a process', async () => (
    await client.must('GET', '/fake/processes')).processes[0]);
  assert.ok(runs(pid));
  child.kill('SIGKILL');
  await until('its end', () => !runs(pid));
  closeConnections();
});

test('help_names_every_option', async () => {
  const child = spawn(process.execPath, [MAIN, '--help'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (piece) => {
    text += piece;
  });
  assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
  for (const option of ['--port', '--write-kubeconfig', '--service-account-folder', '--config']) {
    assert.ok(text.includes(option), option);
  }
});
