'use strict';

// What a Dubbo client does beside the calls of `dubbo-cases.js`. It holds
//   invoke(service, method, args, attachments, timeout)   resolves to the answer's { value, attachments }
//   thing(plain)   an interop.Thing as an argument
//   sockets()      lists its open connections
//   statuses       of the answers that it had

const assert = require('assert');
const crypto = require('crypto');
const { sleep, sha256 } = require('./peer');
const { java, fullThing, bareThing } = require('./dubbo-types');
const dubboCases = require('./dubbo-cases');

const string = 'java.lang.String';
const methods = {
  hello: [string],
  add: ['int', 'int'],
  noted: [string],
  echo: ['[byte'],
  fail: [string],
  later: [string, 'int'],
  held: [string, 'int'],
  seen: [string],
  seenBeside: ['[byte', string],
  deferred: [string, 'int'],
  life: [],
  drain: [],
};

// What the proxy answers by itself, and with which status.
const replies = {
  success: 20,
  exception: 20,
  bad_request: 40,
  no_route: 60,
  unavailable: 35,
  timeout: 31,
  overloaded: 100,
  bad_response: 50,
  too_large: 40,
  denied: 40,
  unimplemented: 60,
  cancelled: 90,
  server_error: 80,
  unknown: 80,
};

async function thrownBy(promise) {
  let value;
  try {
    value = await promise;
  } catch (e) {
    return e;
  }
  throw new Error(`nothing was thrown, but ${JSON.stringify(value)} answered`);
}

module.exports = function dubboClient({ invoke, thing, sockets, statuses }) {
  /** The methods of a service as functions of plain values. */
  function methodsOf(service, attachments, timeout) {
    const call = (method, args) => {
      return invoke(service, method, args.map((arg, i) => java(methods[method][i], arg)), attachments, timeout);
    };
    const functions = Object.keys(methods).map(name => [name, async (...args) => (await call(name, args)).value]);
    return Object.fromEntries(functions);
  }

  const echo = methodsOf('interop.Echo');
  const common = dubboCases(echo, sockets);

  async function generic(method, types, args) {
    const values = [java(string, method), java(`[${string}`, types), java('[java.lang.Object', args)];
    return (await invoke('interop.Echo', '$invoke', values, { generic: 'true' })).value;
  }

  /** That a call fails, tells why, and leaves the connection as it is. */
  async function fails(promise, why) {
    const before = sockets();
    const thrown = await thrownBy(promise);
    // These libraries make errors of Java's exceptions, and objects of what else can be thrown.
    const message = thrown.message || thrown.detailMessage;
    assert(why.test(message), `another error: ${message}`);
    assert.strictEqual(await echo.hello('again'), 'hello again');
    assert.strictEqual(before.length, 1);
    assert.deepStrictEqual(sockets(), before);
  }

  /**
   * That the server knows no such service or method. Java since 3.3 does not say which one it is; what dubbo-go throws,
   * which is no exception, some libraries do not read.
   */
  async function unknown(service, method, name) {
    const count = statuses.length;
    await fails(invoke(service, method, [java(string, 'x')]), new RegExp(`${name}|Fail to decode request|object Object`));
    const [status] = statuses.slice(count);
    return `status ${status}`;
  }

  const attached = { plain: 'a b', umlaut: 'é', wide: '\u{1F600}世界', whole: 42, truth: true };
  const names = [...Object.keys(attached), 'gone'].join(' ');

  return {
    ...common,

    async attachments() {
      for (let i = 0; i < 3; i++) {
        assert.deepStrictEqual((await methodsOf('interop.Echo', attached).seen(names)).split('\n'), [
          'plain=text:a b', 'umlaut=text:é', 'wide=text:\u{1F600}世界', 'whole=int:42', 'truth=bool:true', 'gone=-',
        ]);
        assert.strictEqual(await echo.seen('plain whole gone'), 'plain=-\nwhole=-\ngone=-');
      }
    },

    async 'attachments-back'() {
      const back = async (...sent) => {
        const { attachments } = await invoke('interop.Echo', 'seen', [java(string, names)], ...sent);
        return Object.fromEntries(Object.entries(attachments || {}).filter(([name]) => name.startsWith('back-')));
      };
      const wanted = Object.entries(attached).map(([name, value]) => [`back-${name}`, value]);
      assert.deepStrictEqual(await back(attached), Object.fromEntries(wanted));
      assert.deepStrictEqual(await back(), {});
    },

    async added() {
      const sent = { 'x-set': 'old', 'x-gone': 'here', 'x-kept': 'kept é' };
      const see = async (service, values) => {
        const lines = (await methodsOf(service, sent).seen('x-mesh x-set x-gone x-kept')).split('\n');
        assert.deepStrictEqual(lines, ['x-mesh', 'x-set', 'x-gone', 'x-kept'].map((name, i) => `${name}=${values[i]}`));
      };
      const edited = ['text:mesh é \u{1F600}', 'text:new', '-', 'text:kept é'];
      for (let i = 0; i < 20; i++) await see('interop.Added', edited);
      await Promise.all(Array.from({ length: 50 }, () => see('interop.Added', edited)));
      await see('interop.Echo', ['-', 'text:old', 'text:here', 'text:kept é']);
    },

    // Of a message that streams nothing is removed.
    async 'added-16m'() {
      const sent = crypto.randomBytes(16 << 20);
      const streamed = methodsOf('interop.Streamed', { 'x-set': 'old', 'x-kept': 'kept é' });
      assert.deepStrictEqual((await streamed.seenBeside(sent, 'x-mesh x-set x-kept')).split('\n'), [
        `${sent.length} ${sha256(sent)}`, 'x-mesh=text:mesh é \u{1F600}', 'x-set=text:new', 'x-kept=text:kept é',
      ]);
    },

    async generic() {
      assert.strictEqual(await generic('hello', [string], [java(string, 'world')]), 'hello world');
      assert.strictEqual(await generic('add', ['int', 'int'], [java('int', 40), java('int', 2)]), 42);
      const sent = {
        class: 'interop.Thing', name: 'é', size: 7, next: { class: 'interop.Thing', name: 'next' },
      };
      const got = await generic('mirrorThing', ['interop.Thing'], [java('java.util.HashMap', sent)]);
      for (const name of ['name', 'size']) assert.strictEqual(got[name], sent[name], name);
      assert.strictEqual(got.next.name, 'next');
      await fails(generic('fail', [string], [java(string, 'out of cheese')]), /out of cheese/);
    },

    async echo() {
      for (const value of ['é\u{1F600}', 42]) {
        const got = await invoke('interop.Echo', '$echo', [java('java.lang.Object', value)]);
        assert.strictEqual(got.value, value);
      }
    },

    async async() {
      let done = false;
      const slow = echo.deferred('slow', 300).then(text => {
        done = true;
        return text;
      });
      assert.strictEqual(await echo.hello('quick'), 'hello quick');
      assert(!done, 'slow was there first');
      assert.strictEqual(await slow, 'slow');
      const texts = Array.from({ length: 20 }, (_, i) => `call ${i}`);
      assert.deepStrictEqual(await Promise.all(texts.map((text, i) => echo.deferred(text, 20 - i))), texts);
    },

    async 'in-flight'() {
      const before = sockets();
      const texts = Array.from({ length: 1000 }, (_, i) => `call ${i}`);
      assert.deepStrictEqual(await Promise.all(texts.map(text => echo.held(text, texts.length))), texts);
      assert.strictEqual(before.length, 1);
      assert.deepStrictEqual(sockets(), before);
    },

    async types() {
      const full = fullThing('full');
      full.next = bareThing('bare');
      const list = ['é', 1, null, ['x']];
      const map = { a: 1, 'é': 'b' };
      const { value } = await invoke('interop.Echo', 'mirror', [
        java('long', full.size), java('double', full.half), java('boolean', true), java('java.util.Date', full.when),
        full.bytes, java('java.math.BigDecimal', full.amount),
        java('interop.Color', full.color), java('java.util.List', list), java('java.util.Map', map), thing(full),
      ]);
      const sent = [full.size, full.half, true, full.when, full.bytes, full.amount, full.color, list, map, full];
      assert.strictEqual(value.length, sent.length);
      sent.forEach((one, i) => assert.deepStrictEqual(value[i], one));

      const knot = fullThing('knot');
      knot.next = bareThing('other');
      knot.next.next = knot;
      const twice = bareThing('twice');
      knot.things = [twice, twice];
      const got = (await invoke('interop.Echo', 'mirrorThing', [thing(knot)])).value;
      assert.deepStrictEqual(got, knot);
      assert.strictEqual(got.next.next, got);
      assert.strictEqual(got.things[0], got.things[1]);
    },

    // Calls fail while the server is away; none of them stays without an end.
    async readonly() {
      const { hello, life, drain } = methodsOf('interop.Echo', {}, 300);
      const before = Number(await life());
      await drain();
      const began = Date.now();
      for (let failed = 0; Date.now() - began < 10000; await sleep(50)) {
        try {
          await hello('you');
          if (Number(await life()) === before + 1) return `calls that failed: ${failed}`;
        } catch (e) {
          failed++;
        }
      }
      throw new Error('it is not answered again');
    },

    'unknown-method': () => unknown('interop.Echo', 'nothing', 'nothing'),
    'unknown-service': () => unknown('interop.Nowhere', 'hello', 'interop.Nowhere'),

    async 'local-replies'() {
      const before = sockets();
      for (const [outcome, status] of Object.entries(replies)) {
        const { hello } = methodsOf(`interop.reply.${outcome}`);
        const count = statuses.length;
        if (outcome === 'success') {
          assert.strictEqual(await hello('x'), null);
        } else {
          const { message } = await thrownBy(hello('x'));
          assert(message.endsWith(`answered here: ${outcome}`), `${outcome}: ${message}`);
        }
        assert.deepStrictEqual(statuses.slice(count), [status], outcome);
        assert.strictEqual(await echo.hello(outcome), `hello ${outcome}`);
      }
      assert.strictEqual(before.length, 1);
      assert.deepStrictEqual(sockets(), before);
    },
  };
};
