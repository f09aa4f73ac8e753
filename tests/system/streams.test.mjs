// Streams that end too early, in the legacy era: because the connection of the client was cut, or
// because the server wants to be polled. With the id of the last event the client gets the rest,
// exactly once, on another stream, although there are several instances to choose from.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { Cable } from './lib/cable.mjs';
import { call, connect, KINDS } from './lib/clients.mjs';
import { endOf, endOfFile } from './lib/ends.mjs';
import { Gateway } from './lib/gateway.mjs';
import { openStream } from './lib/http.mjs';
import { inSession, open, post, toolCall } from './lib/mcp.mjs';
import { fixtureAdapter } from './lib/programs.mjs';
import { until, within } from './lib/wait.mjs';

const REPLICAS = 3;
const MINUTE_MS = 60_000; // longer than any of these tests takes; none waits for its end
// A server that still holds the stream that was cut refuses another one; clients then try again.
const PATIENT = {
  reconnectionOptions: {
    initialReconnectionDelay: 50,
    maxReconnectionDelay: 200,
    reconnectionDelayGrowFactor: 1.5,
    maxRetries: 50,
  },
};

const end = endOfFile();
let gateway;
before(async () => {
  gateway = await Gateway.start(end);
  await gateway.apply(fixtureAdapter('fixture', { replicaCount: REPLICAS }));
});

// A client behind a cable, with the methods and Last-Event-IDs of its requests in `asked`.
async function behindCable(t, kind, on = {}) {
  const cable = await Cable.lay(endOf(t), gateway.url);
  const asked = [];
  const spy = (url, init) => {
    const lastEventId = new Headers(init.headers).get('last-event-id');
    asked.push({ method: init.method ?? 'GET', lastEventId });
    return fetch(url, init);
  };
  const url = `${cable.url}/adapters/fixture/mcp`;
  const transport = { ...PATIENT, fetch: spy };
  const session = await connect(endOf(t), kind, url, { on, transport });
  const resumed = () => asked.filter((one) => one.method === 'GET' && one.lastEventId !== null);
  return { ...session, cable, resumed };
}

for (const kind of KINDS) {
  describe(`streams, ${kind} client`, () => {
    test('a call whose connection is cut goes on where it was', async (t) => {
      const session = await behindCable(t, kind);
      const steps = [];
      let cuts = 0;
      const onprogress = ({ progress }) => {
        steps.push(progress);
        // Once more when the first cut has been overcome; what came before it may come in a lump.
        if (progress < 3 || cuts === 2 || session.resumed().length < cuts) return;
        cuts += 1;
        session.cable.cut();
      };
      const nonce = `cut ${kind}`;
      const answer = call(session, 'linger', { nonce, ms: MINUTE_MS }, { onprogress });
      await until('it to be resumed after each cut', () => session.resumed().length >= 2);
      assert.equal(await call(session, 'release', { nonce }), 'released');
      assert.equal(await within('the answer', answer), `lingered ${nonce}`);
      assert.deepEqual(steps, steps.map((_, n) => n + 1), 'each step once and in order');
    });

    test('the standalone stream goes on where it was', async (t) => {
      const seen = [];
      const on = {
        'notifications/message': ({ params }) => {
          if (params.data.on === 'standalone') seen.push(params.data);
        },
      };
      const session = await behindCable(t, kind, on);
      const says = (nonce, standalone) =>
        call(session, 'chatter', { nonce, calls: 0, standalone });
      await until('the standalone stream', async () => {
        await says('before', 1);
        return seen.length > 0;
      });
      const already = seen.length;
      session.cable.cut();
      await until('a call after the cut', () => says('after', 20));
      const rest = () => seen.slice(already).filter(({ nonce }) => nonce === 'after');
      await until('what was said after the cut', () => rest().length >= 20);
      assert.deepEqual(rest().map(({ seq }) => seq), Array.from({ length: 20 }, (_, n) => n + 1));
      assert.ok(session.resumed().length >= 1);
    });

    test('a server that closes the stream of a call is polled for the result', async (t) => {
      const session = await behindCable(t, kind);
      const answer = call(session, 'test_reconnection');
      assert.equal(await within('the answer', answer), 'The result came on another stream.');
      assert.equal(session.resumed().length, 1);
    });
  });
}

test('a second standalone stream is refused by the server, and the first lives on', async (t) => {
  const url = gateway.mcpUrl('fixture');
  const session = inSession(await open(url));
  const headers = { ...session, Accept: 'text/event-stream' };
  const says = async (nonce) => {
    const chatter = toolCall(1, 'chatter', { nonce, calls: 0, standalone: 1 });
    assert.equal((await post(url, chatter, session)).status, 200);
  };
  const first = openStream(endOf(t), url, headers);
  await until('an event on the first', async () => {
    await says('one');
    return first.text.includes('"nonce":"one"');
  });
  assert.equal(await first.status, 200);
  const second = openStream(endOf(t), url, headers);
  assert.equal(await within('a refusal', second.status), 409);
  await says('two');
  await until('another event on the first', () => first.text.includes('"nonce":"two"'));
});
