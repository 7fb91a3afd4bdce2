'use strict';

// npm dubbo-remoting: client and server, with the connections that sofa-rpc-node manages for it.

const protocol = require('dubbo-remoting');
const { RpcClient } = require('sofa-rpc-node').client;
const LoopbackServer = require('./loopback-server');
const { serve, run, sleep } = require('./peer');
const dubboCases = require('./dubbo-cases');

const logger = { info() {}, warn: console.error, error: console.error, debug() {} };

async function server(port) {
  const rpc = new LoopbackServer({ logger, protocol, port, version: '1.0.0', maxIdleTime: 6000 });
  const notes = new Set();
  rpc.addService({ interfaceName: 'interop.Echo' }, {
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
  });
  await rpc.start();
}

async function client(host, port) {
  const rpc = new RpcClient({
    logger,
    protocol,
    connectionOpts: { protocol, noDelay: true, connectTimeout: 3000, maxIdleTime: 500 },
  });
  const consumer = rpc.createConsumer({
    interfaceName: 'interop.Echo',
    version: '1.0.0',
    group: '',
    serverHost: `dubbo://${host}:${port}`,
    responseTimeout: 30000,
  });
  await consumer.ready();
  const connections = () => [...rpc.connectionManager.connections.values()];
  // Its own timer looks every 10 s or so whether a heartbeat is due.
  setInterval(() => connections().forEach(c => c.heartbeat()), 1000);
  const echo = {};
  for (const method of ['hello', 'add', 'echo', 'fail', 'later']) {
    echo[method] = (...args) => consumer.invoke(method, args);
  }
  return dubboCases(echo, () => connections().map(c => c._clientUrl));
}

if (process.argv[2] === 'server') serve(server);
else run(client);
