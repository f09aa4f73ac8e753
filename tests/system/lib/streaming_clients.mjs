// node streaming_clients.mjs URL COUNT: that many clients of a recorder, each with a session and a
// GET stream, and some with a call under way, whose answer is a stream or does not come. Prints
// `ready` when all streams are open, and goes on until it is killed.
import { Crowd, inTurns } from './crowd.mjs';

const [url, count] = process.argv.slice(2);
const crowd = new Crowd(() => {}, new URL(url));
await inTurns(Number(count), 16, async (n) => {
  const id = await crowd.open();
  await crowd.stream(id);
  const method = { 0: 'hold', 5: 'listen' }[n % 10];
  if (method) crowd.post(id, { jsonrpc: '2.0', id: n, method }).catch(() => {}); // it never ends
});
process.stdout.write('ready\n');
setInterval(() => {}, 1000);
