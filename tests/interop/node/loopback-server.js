'use strict';

// The server of npm sofa-rpc-node listens on every address; these tests want the loopback only.

const net = require('net');
const { RpcServer } = require('sofa-rpc-node').server;

module.exports = class LoopbackServer extends RpcServer {
  _startServer(port) {
    const server = net.createServer(socket => this._handleSocket(socket));
    server.once('error', e => this.emit('error', e));
    server.listen(port, '127.0.0.1');
    return server;
  }
};
