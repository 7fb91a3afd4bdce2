'use strict';

// Values of Java's types, as the libraries for Hessian want them.

/** `value` as one of this class; bytes are what they are. */
function java(type, value) {
  return type === '[byte' ? value : { $class: type, $: value };
}

/**
 * What the classes have, in the words of dubbo-remoting. Of what it calls an enum it keeps no count, by which later
 * references go to another object.
 */
const classMap = {
  'interop.Color': { name: { type: 'java.lang.String' } },
  'interop.Thing': {
    name: { type: 'java.lang.String' },
    size: { type: 'long' },
    half: { type: 'double' },
    color: { type: 'interop.Color' },
    when: { type: 'java.util.Date' },
    amount: { type: 'java.math.BigDecimal' },
    bytes: { type: 'byte', isArray: true },
    words: { type: 'java.util.List' },
    counts: { type: 'java.util.Map' },
    next: { type: 'interop.Thing' },
    things: { type: 'java.util.List', generic: [{ type: 'interop.Thing' }] },
  },
};

/** An interop.Thing that hessian.js writes as such; those in it are written once each. */
function typedThing(plain, known = new Map()) {
  if (plain === null) return null;
  if (known.has(plain)) return known.get(plain);
  const fields = {};
  const thing = java('interop.Thing', fields);
  known.set(plain, thing);
  Object.assign(fields, plain, {
    size: java('long', plain.size),
    half: java('double', plain.half),
    color: plain.color && java('interop.Color', plain.color),
    amount: plain.amount && java('java.math.BigDecimal', plain.amount),
    next: typedThing(plain.next, known),
    things: plain.things && plain.things.map(one => typedThing(one, known)),
  });
  return thing;
}

/** An interop.Thing as the libraries read it, with everything in it. */
function fullThing(name) {
  return {
    name,
    // As text where a double would not do.
    size: '9007199254740995',
    half: 0.1,
    color: { name: 'GREEN' },
    when: new Date(1700000000123),
    amount: { value: '12345678901234567890.125' },
    bytes: Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    words: ['é', '', '\u{1F600}'],
    counts: { a: 1, 'é': -2147483648 },
    next: null,
    things: [bareThing('one of them')],
  };
}

/** One that has nothing but its name. */
function bareThing(name) {
  return {
    name, size: 0, half: 0, color: null, when: null, amount: null, bytes: null, words: null, counts: null, next: null,
    things: null,
  };
}

module.exports = { java, classMap, typedThing, fullThing, bareThing };
