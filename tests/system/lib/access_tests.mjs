// Tests of /tenants and /tokens against the description: a part of openapi.test.mjs, which counts
// what has been seen.
//
// `send` asks the gateway and holds the answer against the description; ADMIN and MEMBER are the
// header fields of an administrator and of somebody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';

export function accessTests({ send, ADMIN, MEMBER }) {
  test('tenants are created, read, replaced and deleted', async () => {
    const path = '/tenants/acme.example';
    const headers = ADMIN;
    const body = {
      quota: { requests: 1000, perSeconds: 3600 },
      rateLimit: { requestsPerSecond: 10 },
      maxSessions: 3,
      maxStreams: 0,
      perUser: { quota: { requests: 5, perSeconds: 1 }, maxSessions: 1 },
    };
    const created = await send('PUT', path, { headers, body, status: 201 });
    assert.equal(created.headers.location, path);
    assert.equal(created.headers.etag, `"${created.json.version}"`);
    assert.equal(created.json.rateLimit.burst, 10);
    await send('GET', path, { headers, status: 200 });
    const old = { ...headers, 'If-Match': created.headers.etag };
    await send('PUT', path, { headers: old, body: created.json, status: 200 });
    await send('PUT', path, { headers: old, body, status: 412 });
    await send('DELETE', path, { headers: old, status: 412 });
    await send('PUT', path, { headers: MEMBER, body, status: 403 });
    await send('GET', path, { headers: MEMBER, status: 404 });
    await send('PUT', path, { headers, body: { quota: {} }, status: 400 });
    await send('PUT', path, { headers, body: { a: 'd'.repeat(2 << 20) }, status: 413 });
    const text = { ...headers, 'Content-Type': 'text/plain' };
    await send('PUT', path, { headers: text, body, status: 415 });
    await send('PUT', '/tenants/other', { headers, body: {}, status: 201 });
    const first = await send('GET', '/tenants?limit=1', { headers, status: 200 });
    const [, next] = /<([^>]+)>/.exec(first.headers.link);
    const second = await send('GET', next, { headers, status: 200 });
    const ids = [...first.json, ...second.json].map(({ id }) => id);
    assert.deepEqual(ids, ['acme.example', 'other']);
    await send('DELETE', path, { headers, status: 204 });
    await send('DELETE', '/tenants/other', { headers, status: 204 });
  });

  test('tokens are made, listed and revoked', async () => {
    const headers = ADMIN;
    const body = { user: 'ci', roles: ['eng'], expiresAt: '2999-01-01T00:00:00Z', adapters: ['a'] };
    const made = await send('POST', '/tokens', { headers, body, status: 201 });
    const path = made.headers.location;
    const listed = await send('GET', '/tokens', { headers, status: 200 });
    assert.equal(listed.json.filter(({ id }) => path.endsWith(id)).length, 1);
    assert.ok(!listed.text.includes(made.json.token));
    assert.equal((await send('GET', path, { headers, status: 200 })).json.user, 'ci');
    await send('POST', '/tokens', { headers: MEMBER, body, status: 403 });
    await send('POST', '/tokens', { headers, body: {}, status: 400 });
    await send('POST', '/tokens', { headers, body: { a: 'd'.repeat(2 << 20) }, status: 413 });
    const text = { ...headers, 'Content-Type': 'text/plain' };
    await send('POST', '/tokens', { headers: text, body, status: 415 });
    await send('GET', '/tokens?limit=0', { headers, status: 400 });
    await send('DELETE', path, { headers, status: 204 });
    await send('GET', path, { headers, status: 404 });
  });
}
