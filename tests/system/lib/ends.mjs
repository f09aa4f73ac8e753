// What has to end when a test, or a file of tests, is over: in the reverse order of the beginnings,
// each even if another fails.
import { after } from 'node:test';

function stack(atEnd) {
  const ends = [];
  atEnd(async () => {
    const errors = [];
    for (const end of ends.reverse()) {
      try {
        await end();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  });
  return (end) => ends.push(end);
}

// For the whole file; to be called at its top level.
export const endOfFile = () => stack(after);

const known = new WeakMap();

// For one test, with its context; the same stack at each call.
export function endOf(t) {
  if (!known.has(t)) known.set(t, stack((end) => t.after(end)));
  return known.get(t);
}
