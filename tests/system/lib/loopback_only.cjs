// Preloaded into servers from npm that would listen on every interface: keeps them on loopback.
// Only the address changes; the port and everything else stay as the server asked.
const net = require('node:net');

const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function listenOnLoopback(first, ...rest) {
  const asksForPort = typeof first === 'number' || typeof first === 'string';
  if (asksForPort && Number.isInteger(Number(first)) && typeof rest[0] !== 'string') {
    return listen.call(this, Number(first), '127.0.0.1', ...rest);
  }
  return listen.call(this, first, ...rest);
};
