'use strict';

// The sockets of a Dubbo client and the statuses of what it is answered: the libraries do not tell. Comes before them.

const net = require('net');

const opened = [];
const statuses = [];

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function(...args) {
  this.once('connect', () => {
    opened.push(this);
    this.on('data', heads(head => {
      // Neither requests of the server's nor heartbeats.
      if ((head[2] & 0xa0) === 0) statuses.push(head[3]);
    }));
  });
  return connect.apply(this, args);
};

/** Takes bytes as they come, and calls `each` with the 16 bytes that each frame begins with. */
function heads(each) {
  let head = Buffer.alloc(0);
  let body = 0;
  return bytes => {
    let at = 0;
    while (at < bytes.length) {
      const end = at + (body || 16 - head.length);
      const part = bytes.subarray(at, end);
      at = end;
      if (body > 0) {
        body -= part.length;
        continue;
      }
      head = Buffer.concat([head, part]);
      if (head.length === 16) {
        each(head);
        body = head.readUInt32BE(12);
        head = Buffer.alloc(0);
      }
    }
  };
}

module.exports = { statuses, sockets: () => opened.filter(s => !s.destroyed).map(s => s.localPort) };
