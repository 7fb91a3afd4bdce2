'use strict';

// What a server of SOFARPC's Bolt offers, and the protobuf types of it.

const antpb = require('antpb');
const { sleep } = require('./peer');

const proto = antpb.loadAll(`${__dirname}/proto`);
// antpb passes over imports; the types that every protobuf knows come with the library beneath it.
proto.addJSON(antpb.protobuf.common.get('google/protobuf/wrappers.proto').nested);

const notes = new Set();

const services = {
  'interop.Echo:1.0': {
    async hello(name) {
      return `hello ${name}`;
    },
    async add(a, b) {
      return a + b;
    },
    async note(mark) {
      notes.add(mark);
    },
    async noted(mark) {
      return notes.has(mark) ? 'yes' : 'no';
    },
    async echo(bytes) {
      return bytes;
    },
    // What is thrown, sofa-rpc-node sends under the name of another class, which Java cannot read.
    async fail(why) {
      return new Error(why);
    },
    async later(text, ms) {
      await sleep(ms);
      return text;
    },
  },
  'interop.PbEcho:1.0': {
    async hello(name) {
      return { value: `hello ${name.value}` };
    },
    async echo(bytes) {
      return { value: bytes.value };
    },
  },
};

module.exports = { proto, services };
