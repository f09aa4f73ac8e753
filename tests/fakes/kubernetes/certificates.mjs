// A certificate authority of the fake's own and a certificate for it, made with openssl at start.
// Nothing of it stays on disk.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const NAMES = 'subjectAltName=DNS:localhost,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:::1';

function openssl(folder, ...words) {
  execFileSync('openssl', words, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
}

// {authority, cert, key} as PEM texts.
export function makeCertificates() {
  const folder = mkdtempSync(join(tmpdir(), 'fake-kubernetes-'));
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const read = (name) => readFileSync(join(folder, name), 'utf8');
  try {
    openssl(folder, 'req', '-x509', ...curve, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2',
      '-subj', '/CN=fake-kubernetes-ca', '-addext', 'keyUsage=critical,keyCertSign');
    openssl(folder, 'req', ...curve, '-keyout', 'tls.key', '-out', 'tls.csr',
      '-subj', '/CN=fake-kubernetes');
    writeFileSync(join(folder, 'names'), `${NAMES}\n`);
    openssl(folder, 'x509', '-req', '-in', 'tls.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key',
      '-CAcreateserial', '-out', 'tls.crt', '-days', '2', '-extfile', 'names');
    return { authority: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
