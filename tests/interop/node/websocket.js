'use strict';

// What a WebSocket must do, however it was opened.

const assert = require('assert');
const crypto = require('crypto');
const { once } = require('events');
const { within } = require('./peer');

async function echoed(ws, sent) {
  const answer = within(20000, once(ws, 'message'), 'the echo');
  ws.send(sent);
  const [data, isBinary] = await answer;
  assert.strictEqual(isBinary, Buffer.isBuffer(sent));
  assert(Buffer.from(sent).equals(data), 'another message came back');
}

/** `open` resolves with an open WebSocket to the server's echo. */
async function exchange(open) {
  const ws = await open();
  await echoed(ws, 'hello');
  await echoed(ws, crypto.randomBytes(1000));
  await echoed(ws, crypto.randomBytes(16 << 20));
  const pong = within(10000, once(ws, 'pong'), 'the pong');
  ws.ping('are you there');
  assert.strictEqual(String((await pong)[0]), 'are you there');
  await echoed(ws, 'still here');
  // The server closes, with a code and a reason.
  const closed = within(10000, once(ws, 'close'), 'the close');
  ws.send('close me gently');
  const [code, reason] = await closed;
  assert.strictEqual(code, 4000);
  assert.strictEqual(String(reason), 'gently');
  // And the client.
  const other = await open();
  await echoed(other, 'hello');
  const done = within(10000, once(other, 'close'), 'the other close');
  other.close(1000);
  assert.strictEqual((await done)[0], 1000);
}

module.exports = { exchange };
