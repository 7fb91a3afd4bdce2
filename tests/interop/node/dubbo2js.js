'use strict';

// npm dubbo2.js: a client only.

// It beats every 180 s, which cannot be set: here its clock goes faster.
const realInterval = global.setInterval;
global.setInterval = (f, ms, ...args) => realInterval(f, ms === 180000 ? 1000 : ms, ...args);

// Nor does it say which connection it uses.
const net = require('net');
const opened = [];
const realConnect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function(...args) {
  this.once('connect', () => opened.push(this));
  return realConnect.apply(this, args);
};

const { DirectlyDubbo, java } = require('dubbo2.js');
const { run } = require('./peer');
const dubboCases = require('./dubbo-cases');

run(async (host, port) => {
  const dubbo = DirectlyDubbo.from({
    dubboAddress: `${host}:${port}`,
    dubboVersion: '2.0.2',
    dubboInvokeTimeout: 30,
  });
  const echo = dubbo.proxyService({
    dubboInterface: 'interop.Echo',
    version: '1.0.0',
    methods: {
      hello: name => [java.String(name)],
      add: (a, b) => [{ $class: 'int', $: a }, { $class: 'int', $: b }],
      echo: bytes => [Object.assign(bytes, { $class: '[byte', $: bytes })],
      fail: why => [java.String(why)],
      later: (text, ms) => [java.String(text), { $class: 'int', $: ms }],
    },
  });
  // Its methods resolve to { res, err }.
  const plain = {};
  for (const [name, method] of Object.entries(echo)) {
    plain[name] = async (...args) => {
      const { res, err } = await method(...args);
      if (err) throw err;
      return res;
    };
  }
  const open = () => opened.filter(s => !s.destroyed).map(s => s.localPort);
  return dubboCases(plain, open);
});
