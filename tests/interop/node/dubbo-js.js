'use strict';

// What Dubbo's client for JavaScript needs in both generations. Comes before them.

// Else they write each call as JSON too, for a log that nobody asked for: not those that go in circles.
process.env.NODE_ENV = 'production';

// They beat every 180 s, which cannot be set: here their clock goes faster.
const interval = global.setInterval;
global.setInterval = (f, ms, ...args) => interval(f, ms === 180000 ? 400 : ms, ...args);

/** They want a class with every argument; bytes are one of theirs. */
function typedArgs(args) {
  return args.map(arg => (Buffer.isBuffer(arg) ? Object.assign(arg.subarray(), { $class: '[byte', $: arg }) : arg));
}

module.exports = { typedArgs };
