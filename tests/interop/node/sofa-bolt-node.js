'use strict';

// npm sofa-bolt-node: its encoder and decoder on bare sockets, with nothing that manages calls.

const assert = require('assert');
const net = require('net');
const { once } = require('events');
const { pipeline } = require('stream');
const bolt = require('sofa-bolt-node');
const { serve, run, sleep, within } = require('./peer');
const { watch } = require('./bolt-frame');
const { proto, services } = require('./sofa-echo');
const sofaCases = require('./sofa-cases');

async function server(port) {
  const listener = net.createServer(socket => {
    const options = { sentReqs: new Map(), proto };
    const encoder = bolt.encoder(options);
    const decoder = bolt.decoder(options);
    decoder.on('request', async req => {
      const res = await answer(req);
      // It does not send what is late by its own clock. A late answer must be seen to do no harm.
      req.meta.start = Date.now();
      encoder.writeResponse(req, res, e => e && console.error(e.message));
    });
    decoder.on('heartbeat', beat => encoder.writeHeartbeatAck(beat));
    pipeline(encoder, socket, decoder, e => {
      if (e && e.code !== 'ERR_STREAM_PREMATURE_CLOSE') console.error(e.message);
    });
    socket.setTimeout(3000, () => socket.destroy());
  });
  listener.listen(port, '127.0.0.1');
  await once(listener, 'listening');
}

async function answer({ data }) {
  const service = services[data.serverSignature];
  if (!service) return { isError: true, errorMsg: `not found service: ${data.serverSignature}` };
  const result = await service[data.methodName](...data.args);
  const appResponse = result instanceof Error ? { $class: 'java.lang.Exception', $: result } : result;
  return { isError: false, appResponse };
}

async function open(host, port, kind) {
  const sentReqs = new Map();
  const socket = net.connect(port, host);
  socket.setNoDelay(true);
  await once(socket, 'connect');
  const encoder = Object.assign(bolt.encoder({ sentReqs, proto }), kind);
  const decoder = bolt.decoder({ sentReqs, proto });
  const seen = watch(encoder, decoder);
  decoder.on('response', ({ packetId, data }) => {
    const sent = sentReqs.get(packetId);
    sentReqs.delete(packetId);
    if (sent) sent.callback(data.error, data.appResponse);
  });
  pipeline(encoder, socket, decoder, e => {
    e = e || new Error('the connection was closed');
    sentReqs.forEach(({ callback }) => callback(e));
  });

  // An id is any 32 bits with a sign.
  let id = -3;
  function send(service, methodName, args, options, callback) {
    const req = { serverSignature: service, methodName, args, timeout: 30000, ...options };
    id++;
    if (!req.oneway) sentReqs.set(id, { req, callback });
    encoder.writeRequest(id, req, e => e && callback(e));
  }
  return {
    send,
    call(service, method, args, options = {}) {
      const answer = new Promise((resolve, reject) => {
        send(service, method, args, options, (e, value) => e ? reject(e) : resolve(value));
      });
      return within(options.timeout || 30000, answer, method);
    },
    beat: () => encoder.writeHeartbeat(++id, { timeout: 3000, clientUrl: '' }),
    seen,
    socket: () => socket.destroyed ? '' : String(socket.localPort),
    close: () => socket.destroy(),
  };
}

async function client(host, port) {
  const connect = kind => open(host, port, kind);
  const line = await connect({ protocolType: 'bolt' });
  const call = (method, ...args) => line.call('interop.Echo:1.0', method, args);
  const send = (method, args, options, callback) => {
    line.send('interop.Echo:1.0', method, args, options, callback);
  };
  return {
    ...sofaCases(line, connect),

    async oneway() {
      const socket = line.socket();
      const mark = `note ${process.pid}`;
      assert.strictEqual(await call('noted', mark), 'no');
      send('note', [mark], { oneway: true }, assert.ifError);
      const noted = async () => {
        while (await call('noted', mark) !== 'yes') await sleep(20);
      };
      await within(3000, noted(), 'noted');
      assert.strictEqual(line.seen.sent.filter(head => head.type === 'oneway').length, 1);
      // A server may answer all the same.
      assert.strictEqual(await call('hello', 'again'), 'hello again');
      assert.strictEqual(line.socket(), socket);
    },

    // What the decoder tells of answers, with no promise between.
    async callback() {
      const got = [];
      send('fail', ['out of cheese'], {}, e => got.push(e.message));
      send('hello', ['world'], {}, (e, text) => {
        got.push(text);
        send('later', ['from a callback', 50], {}, (e, text) => got.push(text));
      });
      const all = async () => {
        while (got.length < 3) await sleep(10);
      };
      await within(3000, all(), 'callback');
      const [failed] = got.filter(text => text.includes('out of cheese'));
      assert.deepStrictEqual(new Set(got), new Set([failed, 'hello world', 'from a callback']));
    },
  };
}

if (process.argv[2] === 'server') serve(server);
else run(client);
