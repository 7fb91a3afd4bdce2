'use strict';

// npm dubbo-remoting: client and server, with the connections that sofa-rpc-node manages for it.

const { sockets, statuses } = require('./dubbo-wire');
const protocol = require('dubbo-remoting');
const { RpcClient } = require('sofa-rpc-node').client;
const LoopbackServer = require('./loopback-server');
const { serve, run } = require('./peer');
const { java, classMap } = require('./dubbo-types');
const dubboClient = require('./dubbo-client');
const dubboEcho = require('./dubbo-echo');

const logger = { info() {}, warn: console.error, error: console.error, debug() {} };

class Server extends LoopbackServer {
  /** What methods have as `this`. */
  createContext(req) {
    return { attachments: req.data.requestProps };
  }
}

async function server(port) {
  const rpc = new Server({ logger, protocol, port, classMap, version: '1.0.0', maxIdleTime: 3000 });
  // Else only whole messages are signs of life, and a large one takes its time.
  rpc.on('connection', connection => {
    connection.socket.on('data', () => {
      connection._lastActiveTime = Date.now();
    });
  });
  rpc.on('error', console.error);
  for (const interfaceName of ['interop.Echo', 'interop.Added', 'interop.Streamed']) rpc.addService({ interfaceName }, dubboEcho);
  await rpc.start();
}

async function client(host, port) {
  const rpc = new RpcClient({
    logger,
    protocol,
    connectionOpts: { protocol, classMap, noDelay: true, connectTimeout: 3000, maxIdleTime: 250 },
  });
  const consumers = new Map();
  async function consumer(interfaceName) {
    if (!consumers.has(interfaceName)) {
      const made = rpc.createConsumer({
        interfaceName,
        version: '1.0.0',
        group: '',
        serverHost: `dubbo://${host}:${port}`,
      });
      made.use(async (call, next) => {
        await next();
        call.req.ctx.attachments = call.res.responseProps;
      });
      consumers.set(interfaceName, made);
    }
    const made = consumers.get(interfaceName);
    await made.ready();
    return made;
  }
  await consumer('interop.Echo');
  const connections = () => [...rpc.connectionManager.connections.values()];
  // Its own timer looks every 10 s or so whether a heartbeat is due.
  setInterval(() => connections().forEach(c => c.heartbeat()), 400);
  return dubboClient({
    async invoke(service, method, args, attachments = {}, responseTimeout = 30000) {
      const ctx = {};
      // To a client of version 5.3.0, as it calls itself, Java sends no attachments.
      const requestProps = { dubbo: '2.0.2', ...attachments };
      const value = await (await consumer(service)).invoke(method, args, { requestProps, responseTimeout, ctx });
      return { value, attachments: ctx.attachments };
    },
    thing: plain => java('interop.Thing', plain),
    sockets,
    statuses,
  });
}

process.argv.splice(2, 1); // its only flavour
if (process.argv[2] === 'server') serve(server);
else run(client);
