// The fake as a program of its own, for tests that are not written in JavaScript. It serves until
// it is told to end, or until whoever started it is gone; --help says more.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ADMIN_TOKEN, Cluster } from './cluster.mjs';

const HELP = `A fake Kubernetes API server for tests, with controllers and a node.

  node main.mjs [OPTION...]

  --port N                     port to listen on; 0 (default): any
  --address A                  address to listen on (default 127.0.0.1)
  --plain                      HTTP instead of HTTPS with a certificate of its own
  --config FILE                JSON: {node: {images, readyAfterMs, ...}, tokens, namespaces,
                               scale, seed, endpointsMax}
  --namespace NAME             a namespace to begin with (may be given more than once)
  --token TOKEN                one more token with all rights
  --write-kubeconfig FILE      a kubeconfig for the administrator
  --service-account-folder D   writes token, ca.crt and namespace, as a pod finds them
  --keep                       does not end with its parent
  --help

Prints "ready URL" when it serves. Ends at SIGTERM or SIGINT, and with its parent, and takes the
processes of its pods with it. Control routes: README.md.
`;
const PARENT_CHECK_MS = 200;

const OPTIONS = {
  port: { type: 'string', default: '0' },
  address: { type: 'string', default: '127.0.0.1' },
  plain: { type: 'boolean', default: false },
  config: { type: 'string' },
  namespace: { type: 'string', multiple: true, default: [] },
  token: { type: 'string' },
  'write-kubeconfig': { type: 'string' },
  'service-account-folder': { type: 'string' },
  keep: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
};

function kubeconfig(cluster, namespace) {
  const authority = cluster.tls
    ? { 'certificate-authority-data': Buffer.from(cluster.authority).toString('base64') } : {};
  const named = { cluster: 'fake', user: 'fake-admin', namespace };
  // JSON is YAML.
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'fake', cluster: { server: cluster.url, ...authority } }],
    users: [{ name: 'fake-admin', user: { token: ADMIN_TOKEN } }],
    contexts: [{ name: 'fake', context: named }],
    'current-context': 'fake',
  }, null, 2);
}

function writeServiceAccount(folder, cluster, namespace) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'token'), ADMIN_TOKEN, { mode: 0o600 });
  writeFileSync(join(folder, 'ca.crt'), cluster.authority);
  writeFileSync(join(folder, 'namespace'), namespace);
}

async function main() {
  const { values } = parseArgs({ options: OPTIONS });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const config = values.config ? JSON.parse(readFileSync(values.config, 'utf8')) : {};
  const namespaces = [...new Set([...config.namespaces ?? [], ...values.namespace, 'default'])];
  const tokens = [...config.tokens ?? []];
  if (values.token) tokens.push({ token: values.token, user: 'another-admin', admin: true });
  const parent = process.ppid;
  const cluster = await Cluster.start({
    ...config, namespaces, tokens, tls: !values.plain, port: Number(values.port),
    address: values.address,
  });
  const [namespace] = [...values.namespace, ...config.namespaces ?? [], 'default'];
  if (values['write-kubeconfig']) {
    writeFileSync(values['write-kubeconfig'], kubeconfig(cluster, namespace), { mode: 0o600 });
  }
  if (values['service-account-folder']) {
    writeServiceAccount(values['service-account-folder'], cluster, namespace);
  }
  const end = () => void cluster.close().finally(() => process.exit(0));
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  if (!values.keep) {
    setInterval(() => process.ppid !== parent && end(), PARENT_CHECK_MS).unref();
  }
  process.stdout.write(`ready ${cluster.url}\n`);
}

await main().catch((error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
});
