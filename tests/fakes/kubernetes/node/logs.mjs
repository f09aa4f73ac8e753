// The log of one run of a container: lines with the times at which they came, and readers that
// follow it until the run is over.
const BYTES_MAX = 4 * 1024 * 1024;

export class Log {
  lines = []; // {time: Date, text with its line end}
  over = false;
  #bytes = 0;
  #rest = '';
  #readers = new Set();

  constructor(now) {
    this.now = now;
  }

  // Takes a piece of output, whole lines or not.
  append(piece) {
    const parts = (this.#rest + piece).split('\n');
    this.#rest = parts.pop();
    for (const part of parts) this.#push(`${part}\n`);
  }

  #push(text) {
    const line = { time: this.now(), text };
    this.lines.push(line);
    this.#bytes += text.length;
    while (this.#bytes > BYTES_MAX) this.#bytes -= this.lines.shift().text.length;
    for (const reader of [...this.#readers]) reader.line(line);
  }

  close() {
    if (this.over) return;
    if (this.#rest !== '') this.#push(this.#rest);
    this.over = true;
    for (const reader of [...this.#readers]) reader.end();
    this.#readers.clear();
  }

  // `reader` has line(line) and end(); returns what ends the reading.
  follow(reader) {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  }
}
