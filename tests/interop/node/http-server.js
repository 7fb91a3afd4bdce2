'use strict';

// Node's http module, and npm ws behind an Upgrade.

const http = require('http');
const { WebSocketServer } = require('ws');
const { serve } = require('./peer');
const { answer, echo } = require('./site');

serve(port => new Promise((resolve, reject) => {
  const server = http.createServer(answer);
  const sockets = new WebSocketServer({ server, path: '/ws', maxPayload: 64 << 20 });
  sockets.on('connection', echo);
  server.on('error', reject);
  server.listen(port, '127.0.0.1', resolve);
}));
