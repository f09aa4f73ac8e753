// A cable between a client and the gateway that a test can cut: a TCP proxy whose connections all
// end at once, without a word, while new ones still come through.
import net from 'node:net';

export class Cable {
  #sockets = new Set();

  // `to` is the URL of the gateway; `end` takes what ends the cable.
  static async lay(end, to) {
    const cable = new Cable(new URL(to));
    end(() => cable.#close());
    await new Promise((resolve) => cable.server.listen(0, '127.0.0.1', resolve));
    cable.url = `http://127.0.0.1:${cable.server.address().port}`;
    return cable;
  }

  constructor({ hostname, port }) {
    this.server = net.createServer((near) => {
      const far = net.connect({ host: hostname, port: Number(port), noDelay: true });
      for (const [one, other] of [[near, far], [far, near]]) {
        this.#sockets.add(one);
        one.on('error', () => {}); // its end is all that matters
        one.on('close', () => {
          this.#sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  cut() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async #close() {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.cut();
    await closed;
  }
}
