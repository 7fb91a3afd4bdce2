'use strict';

// What no HTTP client does by itself: requests written in one piece, answers read as they come.

const assert = require('assert');
const net = require('net');
const { run, within } = require('./peer');

run(async (host, port) => {
  /** Writes `pieces` one by one and reads until the server closes. */
  function exchange(pieces) {
    return within(20000, new Promise((resolve, reject) => {
      const socket = net.connect(port, host);
      const seen = [];
      socket.setNoDelay(true);
      socket.on('error', reject);
      socket.on('data', data => seen.push(data));
      socket.on('end', () => resolve(Buffer.concat(seen).toString('latin1')));
      const next = () => {
        if (pieces.length) socket.write(pieces.shift(), () => setImmediate(next));
      };
      socket.on('connect', next);
    }), 'the answers');
  }

  /** The bodies of answers that all have a length or are chunked, with their status codes. */
  function answers(text) {
    const found = [];
    while (text) {
      const end = text.indexOf('\r\n\r\n');
      assert(end > 0, `no head in ${JSON.stringify(text.slice(0, 80))}`);
      const head = text.slice(0, end);
      text = text.slice(end + 4);
      const status = /^HTTP\/1\.1 (\d+)/.exec(head);
      assert(status, `no status line in ${JSON.stringify(head.slice(0, 80))}`);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head);
      let body = '';
      if (length) {
        body = text.slice(0, Number(length[1]));
        text = text.slice(Number(length[1]));
      } else {
        assert(/\r\ntransfer-encoding: *chunked/i.test(head), `an answer without an end: ${head}`);
        for (let size = -1; size !== 0;) {
          const at = text.indexOf('\r\n');
          size = parseInt(text.slice(0, at), 16);
          assert(size >= 0, 'a bad chunk');
          body += text.slice(at + 2, at + 2 + size);
          text = text.slice(at + 2 + size + 2);
        }
      }
      found.push(`${status[1]} ${body}`);
    }
    return found;
  }

  const requests = [
    'GET /hello HTTP/1.1\r\nHost: interop\r\n\r\n',
    'POST /echo HTTP/1.1\r\nHost: interop\r\nContent-Length: 11\r\n\r\nGET / HTTP/',
    'POST /echo HTTP/1.1\r\nHost: interop\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n' +
      '5\r\nfirst\r\n7;x=y\r\n second\r\n0\r\n\r\n',
  ];
  const expected = ['200 hello\n', '200 GET / HTTP/', '200 first second'];

  return {
    async pipelining() {
      assert.deepStrictEqual(answers(await exchange([requests.join('')])), expected);
    },
    async trickle() {
      assert.deepStrictEqual(answers(await exchange([...requests.join('')])), expected);
    },
  };
});
