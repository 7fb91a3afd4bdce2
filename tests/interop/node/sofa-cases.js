'use strict';

// What a client of SOFARPC's Bolt does to a server. `line` is a connection that speaks version 1,
// `open(kind)` resolves to another one. A connection holds
//   call(service, method, args, { timeout, codecType })   a promise
//   beat()    sends a heartbeat
//   seen      what passed on it, of `bolt-frame.js`
//   socket()  names the open connection
//   close()

const assert = require('assert');
const crypto = require('crypto');
const { sleep, sha256 } = require('./peer');
const dubboCases = require('./dubbo-cases');

const kinds = {
  v1: { protocolType: 'bolt' },
  v2: { protocolType: 'bolt2', boltVersion: 1, crcEnable: false },
  'v2-crc': { protocolType: 'bolt2', boltVersion: 2, crcEnable: true },
};
const named = { v1: 'bolt', v2: 'bolt2, version 1', 'v2-crc': 'bolt2, version 2, CRC' };

// What the proxy answers by itself; it says why, whatever the status.
const replies = {
  success: 0,
  exception: 0,
  bad_request: 0x12,
  no_route: 6,
  unavailable: 0x10,
  timeout: 7,
  overloaded: 4,
  bad_response: 9,
  too_large: 0x12,
  denied: 2,
  unimplemented: 6,
  cancelled: 8,
  server_error: 2,
  unknown: 3,
};

/** The methods of interop.Echo, as functions. */
function echoOf(line) {
  const echo = {};
  for (const method of ['hello', 'add', 'noted', 'echo', 'fail', 'later']) {
    echo[method] = (...args) => line.call('interop.Echo:1.0', method, args);
  }
  return echo;
}

async function thrownBy(promise) {
  try {
    await promise;
  } catch (e) {
    return e;
  }
  throw new Error('nothing was thrown');
}

function sofaCases(line, open) {
  const echo = echoOf(line);
  const { call, exception, concurrent, 'body-1m': body } = dubboCases(echo, () => [line.socket()]);

  /** That a call can be made on the connection that there was before. */
  async function livesOn(socket) {
    assert.strictEqual(await echo.hello('again'), 'hello again');
    assert(socket, 'no connection');
    assert.strictEqual(line.socket(), socket);
  }

  async function version(name) {
    const line = await open(kinds[name]);
    const echo = echoOf(line);
    assert.strictEqual(await echo.hello('wörld'), 'hello wörld');
    assert.strictEqual(await echo.add(40, 2), 42);
    const sent = crypto.randomBytes(100000);
    assert.strictEqual(sha256(await echo.echo(sent)), sha256(sent));
    await thrownBy(echo.fail('out of cheese'));
    const texts = Array.from({ length: 20 }, (_, i) => `call ${i}`);
    assert.deepStrictEqual(await Promise.all(texts.map((text, i) => echo.later(text, 20 - i))), texts);
    assert.strictEqual(await echo.hello('world'), 'hello world');

    const { sent: asked, got } = line.seen;
    assert.strictEqual(asked.length, 25);
    assert.strictEqual(got.length, asked.length);
    assert.deepStrictEqual([...new Set(asked.map(head => head.protocol))], [named[name]]);
    assert.strictEqual(got.at(-1).protocol, named[name]);
    line.close();
    return [...new Set(got.map(head => head.protocol))].join(' and ');
  }

  return {
    call,
    exception,
    'body-1m': body,
    concurrent,
    v1: () => version('v1'),
    v2: () => version('v2'),
    'v2-crc': () => version('v2-crc'),

    // Idle for longer than servers wait for a sign of life, then a call on the same connection.
    async heartbeat() {
      const lines = [line, await open(kinds.v2), await open(kinds['v2-crc'])];
      for (const line of lines) assert.strictEqual(await echoOf(line).hello('before'), 'hello before');
      const sockets = lines.map(line => line.socket());
      const before = lines.map(line => line.seen.acks);
      for (let i = 0; i < 7; i++) {
        await sleep(1000);
        lines.forEach(line => line.beat());
      }
      await sleep(500);
      const acks = lines.map((line, i) => line.seen.acks - before[i]);
      // One may be missing: a library whose own clock beats between does not beat again.
      assert(acks.every(count => count >= 6), `acknowledged: ${acks}`);
      for (const line of lines) assert.strictEqual(await echoOf(line).hello('after'), 'hello after');
      assert.deepStrictEqual(lines.map(line => line.socket()), sockets);
      lines.slice(1).forEach(line => line.close());
    },

    async 'unknown-service'() {
      const socket = line.socket();
      const thrown = await thrownBy(line.call('interop.Nowhere:1.0', 'hello', ['x']));
      assert(thrown.message.includes('interop.Nowhere'), `another error: ${thrown.message}`);
      await livesOn(socket);
      return thrown.message;
    },

    async timeout() {
      const socket = line.socket();
      const began = Date.now();
      const late = line.call('interop.Echo:1.0', 'later', ['late', 2000], { timeout: 300 });
      const thrown = await thrownBy(late);
      const took = Date.now() - began;
      assert(took >= 250 && took < 1500, `after ${took} ms: ${thrown.message}`);
      await livesOn(socket);
      // The answer comes now, if it comes.
      await sleep(2500 - took);
      await livesOn(socket);
      return thrown.message;
    },

    async protobuf() {
      const { sent: asked, got } = line.seen;
      const before = [asked.length, got.length];
      const call = (method, value) => {
        return line.call('interop.PbEcho:1.0', method, [{ value }], { codecType: 'protobuf' });
      };
      for (const name of ['world', 'wörld', '世界', '\u{1F600}', 'x'.repeat(70000)]) {
        assert.strictEqual((await call('hello', name)).value, `hello ${name}`);
      }
      const sent = crypto.randomBytes(100000);
      assert.strictEqual(sha256((await call('echo', sent)).value), sha256(sent));
      const codecs = [...asked.slice(before[0]), ...got.slice(before[1])].map(head => head.codec);
      assert.deepStrictEqual(codecs, Array(12).fill(11));
      assert.strictEqual(await echo.hello('again'), 'hello again');
    },

    // Two connections that the proxy makes one of, and the same ids on both at the same time.
    async shared() {
      const lines = [await open(kinds.v1), await open(kinds.v1)];
      assert.notStrictEqual(lines[0].socket(), lines[1].socket());
      const calls = [];
      for (let i = 0; i < 500; i++) {
        for (const line of lines) {
          const text = `${line.socket()} ${i}`;
          calls.push(echoOf(line).later(text, (i * 37) % 100).then(got => assert.strictEqual(got, text)));
        }
      }
      await Promise.all(calls);
      const ids = lines.map(line => line.seen.sent.map(head => head.id));
      assert.strictEqual(new Set(ids[0]).size, 500);
      assert.deepStrictEqual(ids[0], ids[1]);
      lines.forEach(line => line.close());
    },

    // A connection of each version, which the proxy makes one of: a Java server answers all of them in the version that
    // came first.
    async mixed() {
      const lines = await Promise.all(Object.values(kinds).map(kind => open(kind)));
      for (let round = 0; round < 3; round++) {
        for (const line of lines) assert.strictEqual(await echoOf(line).hello('you'), 'hello you');
        const large = crypto.randomBytes(100000);
        for (const line of lines) assert.strictEqual(sha256(await echoOf(line).echo(large)), sha256(large));
      }
      lines.forEach((line, i) => {
        const wanted = Object.values(named)[i];
        assert.deepStrictEqual(line.seen.got.map(head => head.protocol), Array(6).fill(wanted));
        line.close();
      });
      return Object.values(named).join('; ');
    },

    async 'local-replies'() {
      for (const kind of Object.values(kinds)) {
        const line = await open(kind);
        const socket = line.socket();
        // A client may remember a connection's classes: those that the server sent must do for the proxy's.
        const real = async () => {
          assert.strictEqual(await echoOf(line).hello('again'), 'hello again');
          for (const [failing, why] of [
            [() => echoOf(line).fail('out of cheese'), 'out of cheese'],
            [() => line.call('interop.Nowhere:1.0', 'hello', ['x']), 'interop.Nowhere'],
          ]) {
            const { message } = await thrownBy(failing());
            assert(message.includes(why), `another error: ${message}`);
          }
        };
        await real();
        for (const [outcome, status] of Object.entries(replies)) {
          const call = line.call(`interop.reply.${outcome}:1.0`, 'hello', ['x']);
          if (outcome === 'success') {
            assert.strictEqual(await call, null);
          } else {
            const { message } = await thrownBy(call);
            // A Java exception's text has its class before it.
            assert(message.endsWith(`answered here: ${outcome}`), `${outcome}: ${message}`);
          }
          const head = line.seen.got.at(-1);
          assert.strictEqual(head.status, status, outcome);
          assert(head.contentLength > 0, outcome);
        }
        await real();
        assert.strictEqual(line.socket(), socket);
        line.close();
      }
    },
  };
}

module.exports = sofaCases;
