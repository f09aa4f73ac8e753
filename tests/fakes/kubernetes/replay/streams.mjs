// How a watch of the fake is like a recorded one: the same events in the same order, as far as the
// order is the server's to choose. Where several objects change at the same time (foreground
// deletion of two pods, parallel start) the order between them is chance; then each object's own
// events are compared, and the beginning and end of the whole.
import { comparable, bodyDifferences } from './likeness.mjs';

const parse = (lines) => lines.map((line) => JSON.parse(line));

// Compares the first `count` events one by one.
export function eventDifferences(recorded, actual, pairs, count = recorded.length) {
  const differences = [];
  if (actual.length < count) {
    differences.push(`recorded ${count} events, got ${actual.length}`);
  }
  for (let index = 0; index < Math.min(count, actual.length); index += 1) {
    const found = bodyDifferences(recorded[index], actual[index], pairs);
    differences.push(...found.map((text) => `event ${index}${text}`));
    if (differences.length > 0) break;
  }
  return differences;
}

const uidOf = ({ object }) => object.metadata.uid;

// As eventDifferences, object by object, from event `from` on.
export function tailDifferences(recorded, actual, pairs, from) {
  const grouped = (lines) => {
    const groups = new Map();
    for (const line of lines.slice(from)) {
      const uid = uidOf(JSON.parse(line));
      groups.set(uid, [...groups.get(uid) ?? [], line]);
    }
    return groups;
  };
  const others = grouped(actual);
  const differences = [];
  for (const [uid, lines] of grouped(recorded)) {
    const mine = others.get(pairs.of('token', uid)) ?? [];
    differences.push(...eventDifferences(lines, mine, pairs));
    if (mine.length > lines.length) differences.push(`more events of ${uid} than recorded`);
  }
  return differences;
}

// What each endpoint of a watch of EndpointSlices went through: its conditions until it is gone.
function livesOf(events) {
  const lives = new Map();
  for (const { object } of events) {
    const seen = new Set();
    for (const { targetRef, conditions } of object.endpoints ?? []) {
      const life = lives.get(targetRef.uid) ?? [];
      const state = JSON.stringify([targetRef.name, conditions]);
      if (life.at(-1) !== state) life.push(state);
      lives.set(targetRef.uid, life);
      seen.add(targetRef.uid);
    }
    for (const [uid, life] of lives) {
      if (!seen.has(uid) && life.at(-1) !== 'gone') life.push('gone');
    }
  }
  return [...lives.values()].map((life) => life.join(' ')).sort();
}

// Slices: the lives of the endpoints, and the last two events: nobody left, and gone.
export function sliceDifferences(recorded, actual, pairs) {
  const [one, other] = [livesOf(parse(recorded)), livesOf(parse(actual))];
  const differences = one.filter((life) => !other.includes(life)).map((life) => `missing ${life}`);
  differences.push(...other.filter((life) => !one.includes(life)).map((life) => `extra ${life}`));
  const generation = ({ object, ...event }) => {
    const { metadata: { generation: _, ...metadata }, ...rest } = object;
    return JSON.stringify({ ...event, object: { ...rest, metadata } });
  };
  const last = (lines) => parse(lines.slice(-2)).map(comparable).map(generation);
  return [...differences, ...eventDifferences(last(recorded), last(actual), pairs)];
}

// The end of a StatefulSet that is deleted in the foreground: the counts only fall, to nothing.
export function endingDifferences(recorded, actual, from) {
  const tail = (lines) => parse(lines).slice(from);
  const differences = [];
  let replicas = Infinity;
  for (const { type, object } of tail(actual)) {
    if (object.status.replicas > replicas) differences.push('replicas grew while it was deleted');
    replicas = object.status.replicas;
    if (object.metadata.generation !== 6) differences.push('generation changed at its end');
    if (type === 'ADDED') differences.push('it was added while it was deleted');
  }
  const ends = [tail(recorded), tail(actual)].map((events) => {
    const { type, object } = events.at(-1);
    const { currentRevision, updateRevision, ...counts } = object.status;
    return JSON.stringify([type, object.metadata.finalizers, counts]);
  });
  if (ends[0] !== ends[1]) differences.push(`end: recorded ${ends[0]}, got ${ends[1]}`);
  return differences;
}
