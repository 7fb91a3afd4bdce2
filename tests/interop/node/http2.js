'use strict';

// Node's http2 module without TLS, and npm ws on the streams of extended CONNECT (RFC 8441).

const assert = require('assert');
const http2 = require('http2');
const { once } = require('events');
const WebSocket = require('ws');
const { serve, run, sleep, within, sha256, numbered } = require('./peer');
const { answer, echo } = require('./site');
const { exchange } = require('./websocket');

if (process.argv[2] === 'server') {
  serve(port => new Promise((resolve, reject) => {
    const server = http2.createServer({ settings: { enableConnectProtocol: true } }, answer);
    server.on('connect', (req, res) => {
      const known = req.stream.sentHeaders === undefined && req.headers[':protocol'] === 'websocket' && req.url === '/ws';
      if (!known) return res.writeHead(404).end();
      req.stream.respond({ ':status': 200 });
      echo(webSocket(req.stream, true));
    });
    server.on('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  }));
} else {
  run(async (host, port) => cases(`http://${host}:${port}`));
}

/** npm ws over a stream, whose handshake is over. */
function webSocket(stream, isServer) {
  const options = { autoPong: true, allowSynchronousEvents: true, maxPayload: 64 << 20, skipUTF8Validation: false };
  const ws = new WebSocket(null, undefined, options);
  ws._isServer = isServer;
  ws.setSocket(stream, Buffer.alloc(0), options);
  return ws;
}

function cases(base) {
  /** Does `use` with a session of its own. */
  async function session(options, use) {
    const session = http2.connect(base, { maxSessionMemory: 100, ...options });
    session.on('error', () => {});
    await within(10000, once(session, 'connect'), 'the connection');
    try {
      return await use(session);
    } finally {
      session.destroy();
    }
  }

  /** A request to its end. */
  async function fetch(session, head, body, trailers) {
    const stream = session.request(head, { endStream: !body && !trailers, waitForTrailers: Boolean(trailers) });
    const got = { informed: [], body: [], trailers: {} };
    stream.on('headers', headers => got.informed.push(headers));
    stream.on('continue', () => got.informed.push({ ':status': 100 }));
    stream.on('response', headers => { got.head = headers; });
    stream.on('data', piece => got.body.push(piece));
    stream.on('trailers', headers => { got.trailers = headers; });
    if (trailers) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    if (body || trailers) stream.end(body);
    await within(60000, new Promise((resolve, reject) => {
      stream.on('error', reject);
      stream.on('close', resolve);
    }), head[':path']);
    assert.strictEqual(stream.rstCode, 0);
    got.body = Buffer.concat(got.body);
    return got;
  }

  async function is(session, head, want, body, trailers) {
    const got = await fetch(session, head, body, trailers);
    assert.strictEqual(got.head[':status'], 200);
    assert.strictEqual(got.body.length, want.length);
    assert.strictEqual(sha256(got.body), sha256(want));
    return got;
  }

  const post = async (session, path, body, more) => {
    await is(session, { ':method': 'POST', ':path': path, ...more }, body, body);
  };
  const hello = session => is(session, { ':path': '/hello' }, Buffer.from('hello\n'));
  const numbers = numbered(16 << 20);

  async function all(session) {
    await hello(session);
    await post(session, '/echo', numbers.subarray(0, 100000));
    await is(session, { ':path': '/numbers' }, numbers);
  }

  return {
    get: () => session({}, async s => {
      await hello(s);
      assert.strictEqual((await fetch(s, { ':path': '/nothing-here' })).head[':status'], 404);
    }),
    post: () => session({}, s => post(s, '/echo', numbers.subarray(0, 100000))),
    head: () => session({}, async s => {
      const got = await is(s, { ':method': 'HEAD', ':path': '/numbers' }, Buffer.alloc(0));
      assert.strictEqual(got.head['content-length'], String(16 << 20));
    }),
    'upload-16m': () => session({}, async s => {
      await post(s, '/echo', numbers);
      await post(s, '/echo', numbers, { 'content-length': numbers.length });
    }),
    'download-16m': () => session({}, async s => {
      await is(s, { ':path': '/numbers' }, numbers);
    }),
    trailers: () => session({}, async s => {
      const body = Buffer.from('body');
      const got = await is(s, { ':method': 'POST', ':path': '/trailers', trailer: 'x-sum' }, body, body, { 'x-sum': 'of the body' });
      assert.strictEqual(got.trailers['x-end'], 'yes');
      if (!/^nghttpd/.test(got.head.server)) assert.strictEqual(got.trailers['x-sum-back'], 'of the body');
    }),
    'expect-100': () => session({}, async s => {
      const stream = s.request({ ':method': 'POST', ':path': '/echo', expect: '100-continue' }, { endStream: false });
      await within(10000, once(stream, 'continue'), '100 Continue');
      stream.end('body');
      stream.setEncoding('utf8');
      let body = '';
      stream.on('data', piece => { body += piece; });
      const [head] = await within(10000, once(stream, 'response'), 'the answer');
      assert.strictEqual(head[':status'], 200);
      await within(10000, once(stream, 'end'), 'the end');
      assert.strictEqual(body, 'body');
    }),
    'early-hints': () => session({}, async s => {
      const { informed } = await is(s, { ':path': '/early' }, Buffer.from('early\n'));
      const hints = informed.find(head => head[':status'] === 103);
      assert(hints, 'there was no 103');
      assert.strictEqual(hints.link, '</style.css>; rel=preload');
    }),
    concurrent: () => session({}, async s => {
      // As many at once as the server allows; the session holds the others back.
      await Promise.all(Array.from({ length: 1000 }, (_, i) => post(s, '/echo', Buffer.alloc(3000, i % 251))));
      return '1000 at once';
    }),
    padding: () => session({ paddingStrategy: http2.constants.PADDING_STRATEGY_MAX }, all),
    'tiny-windows': () => session({ settings: { initialWindowSize: 100 } }, async s => {
      await hello(s);
      await post(s, '/echo', numbers.subarray(0, 20000));
    }),
    'table-size-0': () => session({ settings: { headerTableSize: 0 } }, all),
    websocket: () => session({}, async s => {
      if (!s.remoteSettings.enableConnectProtocol) await within(10000, once(s, 'remoteSettings'), 'the settings');
      assert(s.remoteSettings.enableConnectProtocol, 'there is no extended CONNECT');
      await exchange(async () => {
        const stream = s.request(
          { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/ws', 'sec-websocket-version': '13' }, { endStream: false });
        const [head] = await within(10000, once(stream, 'response'), 'the handshake');
        assert.strictEqual(head[':status'], 200);
        return webSocket(stream, false);
      });
    }),
    reset: () => session({}, async s => {
      const cuts = async () => Number((await fetch(s, { ':path': '/cut' })).body);
      const before = await cuts();
      for (let i = 0; i < 20; i++) {
        const stream = s.request({ ':path': '/endless' });
        stream.on('error', () => {});
        let seen = 0;
        await within(10000, new Promise(resolve => stream.on('data', piece => {
          seen += piece.length;
          if (seen > 200000) resolve();
        })), 'data');
        stream.close(http2.constants.NGHTTP2_CANCEL);
        await within(10000, once(stream, 'close'), 'the close');
      }
      const end = Date.now() + 5000;
      while (await cuts() !== before + 20) {
        assert(Date.now() < end, 'the server did not see the resets');
        await sleep(10);
      }
      await hello(s);
    }),
  };
}
