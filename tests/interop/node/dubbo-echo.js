'use strict';

// The service that Dubbo servers in JavaScript offer. `this.attachments` are those of the call.

const { sleep, sha256 } = require('./peer');
const { java, typedThing } = require('./dubbo-types');

const notes = new Set();
let held = [];

function described(value) {
  if (value === undefined || value === null) return '-';
  if (typeof value === 'string') return `text:${value}`;
  if (Number.isInteger(value)) return `int:${value}`;
  if (typeof value === 'boolean') return `bool:${value}`;
  return `other:${value.constructor.name}`;
}

module.exports = {
  async hello(name) {
    return `hello ${name}`;
  },
  async add(a, b) {
    return a + b;
  },
  async note(mark) {
    notes.add(mark);
    return 'noted';
  },
  async noted(mark) {
    return notes.has(mark) ? 'yes' : 'no';
  },
  async echo(bytes) {
    return bytes;
  },
  async fail(why) {
    throw new Error(why);
  },
  async later(text, ms) {
    await sleep(ms);
    return text;
  },
  async deferred(text, ms) {
    await sleep(ms);
    return text;
  },
  async held(text, count) {
    await new Promise(resolve => {
      held.push(resolve);
      if (held.length < count) return;
      held.reverse().forEach(answer => answer());
      held = [];
    });
    return text;
  },
  async seen(names) {
    return names.split(' ').map(name => `${name}=${described(this.attachments[name])}`).join('\n');
  },
  async seenBeside(bytes, names) {
    return `${bytes.length} ${sha256(bytes)}\n${await module.exports.seen.call(this, names)}`;
  },
  // Read without their classes, which the answer must have.
  async mirror(long, double, boolean, date, bytes, decimal, color, list, map, thing) {
    return java('java.util.ArrayList', [
      java('long', long), java('double', double), boolean, date, bytes, java('java.math.BigDecimal', decimal),
      java('interop.Color', color), list, map, typedThing(thing),
    ]);
  },
  async mirrorThing(thing) {
    return java('interop.Thing', thing);
  },
  // What the library has not, a service has to bring.
  async $echo(value) {
    return value;
  },
  async $invoke(method, types, args) {
    const value = await module.exports[method].apply(this, args);
    return value.$class ? value.$ : value;
  },
};
