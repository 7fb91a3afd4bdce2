'use strict';

// Node's http module, and npm ws behind an Upgrade.

const http = require('http');
const { WebSocketServer } = require('ws');
const { serve, numbered } = require('./peer');

const numbers = numbered(16 << 20);

function answer(req, res) {
  if (req.url === '/echo') {
    res.writeHead(200, { 'Content-Type': req.headers['content-type'] || 'text/plain' });
    req.pipe(res);
  } else if (req.url === '/hello') {
    whole(req, res, Buffer.from('hello\n'));
  } else if (req.url === '/numbers') {
    whole(req, res, numbers);
  } else {
    res.writeHead(404).end();
  }
}

function whole(req, res, bytes) {
  const range = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range || '');
  if (range) {
    const [first, last] = [Number(range[1]), Number(range[2])];
    res.writeHead(206, {
      'Content-Length': last - first + 1,
      'Content-Range': `bytes ${first}-${last}/${bytes.length}`,
    });
    bytes = bytes.subarray(first, last + 1);
  } else {
    res.writeHead(200, { 'Content-Length': bytes.length });
  }
  if (req.method === 'HEAD') res.end();
  else res.end(bytes);
}

serve(port => new Promise((resolve, reject) => {
  const server = http.createServer(answer);
  const sockets = new WebSocketServer({ server, path: '/ws', maxPayload: 64 << 20 });
  sockets.on('connection', ws => {
    ws.on('message', (data, isBinary) => {
      if (String(data.subarray(0, 9)) === 'close me ') ws.close(4000, String(data.subarray(9)));
      else ws.send(data, { binary: isBinary });
    });
  });
  server.on('error', reject);
  server.listen(port, '127.0.0.1', resolve);
}));
