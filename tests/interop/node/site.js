'use strict';

// What an HTTP server offers, over Node's http module or over the same calls of http2.

const { numbered } = require('./peer');

const numbers = numbered(16 << 20);
let cut = 0;

function answer(req, res) {
  if (req.url === '/echo') {
    // The head goes with the first of the body: who expects 100 is not answered before it is heard.
    res.setHeader('Content-Type', req.headers['content-type'] || 'text/plain');
    req.pipe(res);
  } else if (req.url === '/hello') {
    whole(req, res, Buffer.from('hello\n'));
  } else if (req.url === '/numbers') {
    whole(req, res, numbers);
  } else if (req.url === '/trailers') {
    res.writeHead(200, { Trailer: 'x-end, x-sum-back' });
    req.pipe(res, { end: false });
    req.on('end', () => {
      res.addTrailers({ 'x-end': 'yes', 'x-sum-back': req.trailers['x-sum'] || 'none' });
      res.end();
    });
  } else if (req.url === '/early') {
    res.writeEarlyHints({ link: '</style.css>; rel=preload' });
    res.writeHead(200).end('early\n');
  } else if (req.url === '/endless') {
    res.writeHead(200);
    const piece = Buffer.alloc(1000);
    const more = () => {
      while (!res.destroyed && res.write(piece));
    };
    res.on('drain', more);
    res.on('close', () => cut++);
    more();
  } else if (req.url === '/cut') {
    res.writeHead(200).end(String(cut));
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

/** A WebSocket that echoes, and closes when it is asked to. */
function echo(ws) {
  ws.on('message', (data, isBinary) => {
    if (String(data.subarray(0, 9)) === 'close me ') ws.close(4000, String(data.subarray(9)));
    else ws.send(data, { binary: isBinary });
  });
}

module.exports = { answer, echo };
