'use strict';

// What every peer in JavaScript shares: how it is started, and how it tells what came of it.

const assert = require('assert');
const crypto = require('crypto');

// A failed peer must fail its cell, not print a stack trace and go on.
process.on('unhandledRejection', e => {
  console.error(e);
  process.exit(2);
});

/** `PROGRAM server PORT SECONDS`: `start(port)` resolves once it listens; the end of input is the end. */
async function serve(start) {
  const [, , role, port, seconds] = process.argv;
  assert.strictEqual(role, 'server');
  await start(Number(port));
  console.log(`READY ${port}`);
  process.stdin.resume();
  process.stdin.on('end', () => process.exit(0));
  setTimeout(() => process.exit(1), Number(seconds) * 1000);
}

/** `PROGRAM client HOST:PORT CASE...`: a line for each case, `CASE ok REMARK` or `CASE FAIL REASON`. */
async function run(prepare) {
  const [, , role, address, ...names] = process.argv;
  assert.strictEqual(role, 'client');
  const [host, port] = address.split(':');
  let cases;
  try {
    cases = await prepare(host, Number(port));
  } catch (e) {
    for (const name of names) console.log(`${name} FAIL ${line(e)}`);
    process.exit(0);
  }
  for (const name of names) {
    try {
      if (!cases[name]) throw new Error('no such case');
      console.log(`${name} ok ${await cases[name]() || ''}`);
    } catch (e) {
      console.error(e);
      console.log(`${name} FAIL ${line(e)}`);
    }
  }
  process.exit(0);
}

function line(e) {
  return `${e.name}: ${e.message}`.replace(/\s+/g, ' ').slice(0, 300);
}

function sleep(ms) {
  return new Promise(resolve => setTimeout(resolve, ms));
}

/** Rejects when `promise` has not settled in `ms`. */
function within(ms, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function sha256(bytes) {
  return crypto.createHash('sha256').update(bytes).digest('hex');
}

/** The lines "1", "2", ... or from `first` on, cut at `size`: no two places in it look the same. */
function numbered(size, first = 1) {
  const lines = [];
  let length = 0;
  for (let i = first; length < size; i++) {
    const text = `${i}\n`;
    lines.push(text);
    length += text.length;
  }
  return Buffer.from(lines.join('')).subarray(0, size);
}

module.exports = { serve, run, sleep, within, sha256, numbered };
