// Work that is done later: keyed tasks of the controllers, one after the other, and steps after a
// time. It can be held, so that a test sees the state between two steps, and it says when nothing
// is left to be done.
//
// A key that is queued twice runs once. Times are multiplied by `scale`.
const TASKS_AT_ONCE_MAX = 1000;

export class Loop {
  #tasks = new Map();
  #timers = new Set();
  #scheduled = false;
  #closed = false;
  #held = false;

  constructor(scale = 1) {
    this.scale = scale;
  }

  enqueue(key, task) {
    if (this.#closed) return;
    this.#tasks.set(key, task);
    this.#schedule();
  }

  // Runs `task` after a time; what it returns takes it back. Work that may wait for ever (a probe,
  // a back-off) says `idle`, and then does not keep others waiting for quiet.
  after(ms, task, { idle = false } = {}) {
    if (this.#closed) return () => {};
    const entry = { idle };
    const fire = () => {
      if (this.#held) {
        this.#tasks.set(entry, () => this.#fired(entry, task));
        return;
      }
      this.#fired(entry, task);
    };
    entry.timer = setTimeout(fire, ms * this.scale);
    this.#timers.add(entry);
    return () => {
      clearTimeout(entry.timer);
      this.#timers.delete(entry);
      this.#tasks.delete(entry);
    };
  }

  // After a step all that follows from it is done, so that steps never run together.
  #fired(entry, task) {
    this.#timers.delete(entry);
    task();
    this.#drain();
  }

  #schedule() {
    if (this.#scheduled || this.#held || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#drain();
    });
  }

  // Requests get their turn even when the tasks go on and on.
  #drain() {
    for (let count = 0; count < TASKS_AT_ONCE_MAX; count += 1) {
      if (this.#held || this.#tasks.size === 0) return;
      const [[key, task]] = this.#tasks;
      this.#tasks.delete(key);
      task();
    }
    this.#schedule();
  }

  hold() {
    this.#held = true;
  }

  release() {
    this.#held = false;
    if (this.#tasks.size > 0) this.#schedule();
  }

  get quiet() {
    return this.#tasks.size === 0 && [...this.#timers].every((entry) => entry.idle);
  }

  close() {
    this.#closed = true;
    this.#tasks.clear();
    for (const entry of this.#timers) clearTimeout(entry.timer);
    this.#timers.clear();
  }
}
