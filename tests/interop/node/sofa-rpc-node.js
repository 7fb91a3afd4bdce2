'use strict';

// npm sofa-rpc-node: client and server over Bolt, which npm sofa-bolt-node codes for it.

const bolt = require('sofa-bolt-node');
const { RpcClient, RpcConnection } = require('sofa-rpc-node').client;
const ids = require('sofa-rpc-node/lib/client/utils');
const LoopbackServer = require('./loopback-server');
const { serve, run } = require('./peer');
const { watch } = require('./bolt-frame');
const { proto, services } = require('./sofa-echo');
const sofaCases = require('./sofa-cases');

const logger = { info() {}, warn: console.error, error: console.error, debug() {} };

async function server(port) {
  // It remembers a connection's classes by name and number of fields. Java's SofaRequest has as many as its
  // own, in another order: where a proxy makes one connection of several clients', it must not remember.
  const rpc = new LoopbackServer({ logger, port, proto, maxIdleTime: 3000, disableDecodeCache: true });
  rpc.on('error', console.error);
  for (const [id, methods] of Object.entries(services)) {
    const [interfaceName, version] = id.split(':');
    rpc.addService({ interfaceName, version }, methods);
  }
  await rpc.start();
}

// It counts the calls of all connections together. Here each counts its own, so that two use the same ids.
class OwnIds extends RpcConnection {
  invoke(req) {
    ids.id = this.lastId || 0;
    const answer = super.invoke(req);
    this.lastId = ids.id;
    return answer;
  }
}

async function open(host, port, kind) {
  let seen;
  let encoder;
  const protocol = {
    name: bolt.name,
    encoder: options => (encoder = Object.assign(bolt.encoder(options), kind)),
    decoder(options) {
      const decoder = bolt.decoder(options);
      seen = watch(encoder, decoder);
      return decoder;
    },
  };
  const rpc = new RpcClient({
    logger,
    connectionClass: OwnIds,
    connectionOpts: { protocol, proto, noDelay: true, connectTimeout: 3000, maxIdleTime: 500 },
  });
  const consumer = async service => {
    const [interfaceName, version] = service.split(':');
    const consumer = rpc.createConsumer({
      interfaceName,
      version,
      serverHost: `bolt://${host}:${port}`,
      responseTimeout: 30000,
    });
    await consumer.ready();
    return consumer;
  };
  await consumer('interop.Echo:1.0');
  const connections = () => [...rpc.connectionManager.connections.values()];
  return {
    async call(service, method, args, { timeout, codecType } = {}) {
      return (await consumer(service)).invoke(method, args, { responseTimeout: timeout, codecType });
    },
    // Its own timer looks every 10 s or so whether a heartbeat is due.
    beat: () => connections().forEach(c => c.heartbeat()),
    seen,
    socket: () => connections().map(c => c._clientUrl).join(),
    close: () => rpc.connectionManager.close(),
  };
}

async function client(host, port) {
  const connect = kind => open(host, port, kind);
  return sofaCases(await connect({ protocolType: 'bolt' }), connect);
}

if (process.argv[2] === 'server') serve(server);
else run(client);
