'use strict';

// What a Thrift client does to a server. `open()` resolves to a connection, which holds
//   client          its client of the service Wider
//   named(service)  on the same connection, a client of Echo that names it so
//   broken          a promise that is rejected when the connection is
//   close()

const assert = require('assert');
const crypto = require('crypto');
const thrift = require('thrift');
const { Leaf, Nested, Refused } = require('./target/thrift/echo_types');
const { numbered, sha256, sleep } = require('./peer');

const outcomes = [
  'success', 'exception', 'bad_request', 'no_route', 'unavailable', 'timeout', 'overloaded', 'bad_response',
  'too_large', 'denied', 'unimplemented', 'cancelled', 'server_error', 'unknown',
];
const texts = [
  '', 'hello', 'wörld', '世界', '\u{1F600}', 'a "quote", a \\ and a /', '\x01\t\r\n\x7f', numbered(70000).toString(),
];

function full() {
  return new Nested({
    leaves: {
      two: [
        new Leaf({ number: 1, text: 'leaf', half: 0.5, yes: true }),
        new Leaf({ number: -(2 ** 31), text: '', half: -1e300, yes: false }),
      ],
      none: [],
      'ünï': [new Leaf({ number: 2 ** 31 - 1, text: 'x'.repeat(1000), half: 1 / 3, yes: true })],
    },
    numbers: [0n, -1n, 1n, 2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n].map(thrift.fromBigInt),
    deep: [{ 1: ['a', ''], '-7': [] }, {}],
    leaf: new Leaf({ number: 5, text: 'alone', half: 5e-324, yes: false }),
    flags: Array.from({ length: 40 }, (_, i) => i % 2 === 0),
    small: -128,
    short_one: -(2 ** 15),
  });
}

function plain() {
  return new Nested({ leaves: {}, numbers: [], deep: [], flags: [], small: 127, short_one: 2 ** 15 - 1 });
}

/** In a form that can be compared: a set has no order, and numbers of 64 bits are bytes. */
function described(nested) {
  const number = n => (typeof n === 'number' ? BigInt(n) : thrift.toBigInt(n));
  const numbers = nested.numbers.map(number).map(String).sort();
  return JSON.parse(JSON.stringify({ ...nested, numbers }));
}

async function echo(client, texts) {
  for (const text of texts) await echoed(client, text);
}

async function echoed(client, text) {
  const got = await client.call(text);
  assert(got === text, `sent ${JSON.stringify(text.slice(0, 30))}, got ${JSON.stringify(got.slice(0, 30))}`);
}

async function fails(call) {
  let got;
  try {
    got = await call();
  } catch (e) {
    // In place of an answer without a result, the generated code throws a text.
    if (e instanceof thrift.Thrift.TApplicationException) return e;
    if (typeof e === 'string') return { type: 'none', message: e };
    throw e;
  }
  throw new Error(`it answered ${got}`);
}

async function refused(client, code) {
  try {
    await client.refuse(code);
  } catch (e) {
    assert(e instanceof Refused, `threw ${e}`);
    assert.deepStrictEqual({ code: e.code, why: e.why }, { code, why: `no ${code}` });
    return;
  }
  throw new Error('it did not refuse');
}

async function post(client) {
  const mark = crypto.randomUUID();
  assert.strictEqual(await client.posted(mark), 0);
  await client.post(mark);
  for (let i = 0; i < 1000; i++) {
    const count = await client.posted(mark);
    if (count === 1) return;
    assert.strictEqual(count, 0);
    await sleep(10);
  }
  throw new Error('it was not posted');
}

async function thriftCases(open) {
  const link = await open();
  const { client } = link;

  const cases = {
    async call() {
      await echo(client, texts);
      await client.ping();
    },

    oneway: () => post(client),

    async exception() {
      for (const code of [7, 0, -(2 ** 31), 2 ** 31 - 1]) await refused(client, code);
      await echoed(client, 'again');
    },

    async 'unknown-method'() {
      const thrown = await fails(() => client.missing('x'));
      assert.strictEqual(thrown.type, thrift.Thrift.TApplicationExceptionType.UNKNOWN_METHOD);
      await echoed(client, 'again');
      return thrown.message;
    },

    async multiplexed() {
      const named = link.named('Echo');
      for (let i = 0; i < 3; i++) {
        await echo(named, texts);
        await echoed(client, 'by no name');
      }
      await post(named);
      await refused(named, 5);
      await named.ping();
    },

    async nested() {
      for (const value of [full(), plain()]) {
        assert.deepStrictEqual(described(await client.nested(value)), described(value));
      }
    },

    async 'body-1m'() {
      const sent = Buffer.concat([numbered(2 ** 20 - 256), Buffer.from(Array.from({ length: 256 }, (_, i) => i))]);
      assert.strictEqual(sha256(await client.bytes(sent)), sha256(sent));
    },

    async many() {
      await echo(client, Array.from({ length: 200 }, (_, i) => numbered((i * 37) % 5001, i).toString()));
    },

    // The calls of each connection do not wait for one another either.
    async concurrent() {
      await Promise.all(Array.from({ length: 8 }, async (_, number) => {
        const link = await open();
        const texts = Array.from({ length: 50 }, (_, i) => `${number} ${i} ${numbered((i * 97) % 1000, i)}`);
        await Promise.race([link.broken, Promise.all(texts.map(text => echoed(link.client, text)))]);
        link.close();
      }));
    },

    async 'local-replies'() {
      const types = [];
      for (const outcome of outcomes) {
        await echoed(client, 'before');
        const { type } = await fails(() => link.named(`interop.reply.${outcome}`).call('x'));
        types.push(`${outcome} ${type}`);
      }
      await echoed(client, 'after');
      return types.join(', ');
    },
  };
  for (const [name, run] of Object.entries(cases)) cases[name] = () => Promise.race([link.broken, run()]);
  return cases;
}

module.exports = thriftCases;
