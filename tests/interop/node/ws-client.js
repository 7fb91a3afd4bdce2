'use strict';

// npm ws as a client.

const { once } = require('events');
const WebSocket = require('ws');
const { run, within } = require('./peer');
const { exchange } = require('./websocket');

run(async (host, port) => {
  async function open() {
    const ws = new WebSocket(`ws://${host}:${port}/ws`, { maxPayload: 64 << 20 });
    await within(10000, once(ws, 'open'), 'the handshake');
    return ws;
  }
  return {
    async websocket() {
      await exchange(open);
    },
  };
});
