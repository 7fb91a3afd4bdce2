'use strict';

// What a Dubbo client in JavaScript does to a server. `echo` holds the service's methods as
// functions from plain values to promises; `sockets()` lists the client's open connections.

const assert = require('assert');
const crypto = require('crypto');
const { sleep, sha256 } = require('./peer');

module.exports = function dubboCases(echo, sockets) {
  async function body(size) {
    const sent = crypto.randomBytes(size);
    const got = await echo.echo(sent);
    assert.strictEqual(got.length, size);
    assert.strictEqual(sha256(got), sha256(sent));
  }

  return {
    async call() {
      for (const name of ['world', 'wörld', '世界', '\u{1F600}', 'x'.repeat(70000)]) {
        assert.strictEqual(await echo.hello(name), `hello ${name}`);
      }
      assert.strictEqual(await echo.add(40, 2), 42);
      assert.strictEqual(await echo.add(-8, 1), -7);
    },

    async exception() {
      let thrown;
      try {
        await echo.fail('out of cheese');
      } catch (e) {
        thrown = e;
      }
      assert(thrown, 'nothing was thrown');
      assert(String(thrown.message).includes('out of cheese'), `another error: ${thrown.message}`);
      assert.strictEqual(await echo.hello('again'), 'hello again');
      return thrown.name;
    },

    'body-1m': () => body(1 << 20),
    'body-16m': () => body(16 << 20),

    async concurrent() {
      const before = sockets();
      const answers = [];
      for (let i = 0; i < 1000; i++) answers.push(echo.later(`call ${i}`, (i * 37) % 100));
      (await Promise.all(answers)).forEach((text, i) => assert.strictEqual(text, `call ${i}`));
      assert.strictEqual(before.length, 1);
      assert.deepStrictEqual(sockets(), before);
    },

    // Idle for longer than either end waits for a sign of life, then a call on the same connection.
    async heartbeat() {
      assert.strictEqual(await echo.hello('before'), 'hello before');
      const before = sockets();
      await sleep(3500);
      assert.deepStrictEqual(sockets(), before);
      assert.strictEqual(await echo.hello('after'), 'hello after');
      assert.deepStrictEqual(sockets(), before);
      assert.strictEqual(before.length, 1);
    },
  };
};
