// Waiting with a deadline: the only way in which these tests let time pass.
//
// A condition is asked for again until it holds; after the deadline the error says what was awaited
// and what was last seen. Nothing here waits for a fixed time and hopes.
import { setTimeout as pause } from 'node:timers/promises';

export const DEADLINE_MS = 30_000;

// Calls `probe` until it returns something truthy, and returns that. A probe that throws has not
// succeeded yet; its last error is part of the message.
export async function until(what, probe, deadlineMs = DEADLINE_MS) {
  const end = performance.now() + deadlineMs;
  let last;
  for (;;) {
    try {
      const seen = await probe();
      if (seen) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`not within ${deadlineMs} ms: ${what} (last seen: ${describe(last)})`);
    }
    await pause(20);
  }
}

// The result of `promise`, or an error that says what did not happen in time.
export async function within(what, promise, deadlineMs = DEADLINE_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${deadlineMs} ms: ${what}`)), deadlineMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function describe(value) {
  if (value instanceof Error) return value.message;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
