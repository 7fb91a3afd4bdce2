'use strict';

// npm apache-dubbo-js: a client only, which is what became of dubbo2.js.

const { sockets, statuses } = require('./dubbo-wire');
const { typedArgs } = require('./dubbo-js');

const { Dubbo, Registry } = require('apache-dubbo-js');
const config = require('apache-dubbo-js/es7/config').default;
const { run, sleep } = require('./peer');
const { typedThing } = require('./dubbo-types');
const dubboClient = require('./dubbo-client');

const version = '1.0.0';

/** In place of ZooKeeper: every service is at one address. */
class OneAddress extends Registry {
  subscribe(subscriber) {
    setImmediate(() => subscriber.onData(new Set([this._props.address])));
    return super.subscribe(subscriber);
  }

  getAgentAddrMap({ dubboInterface }) {
    return { [this._props.address]: { dubboVersion: '2.0.2', version, group: '', path: dubboInterface } };
  }
}

async function client(host, port) {
  const dubbo = Dubbo.from({
    application: { name: 'interop' },
    register: props => new OneAddress({ ...props, address: `${host}:${port}` }),
    dubboSetting: { getDubboSetting: () => ({ version, group: '' }) },
    dubboSocketPool: 1,
    service: {},
  });
  let sent;
  let called;
  dubbo.use(async (context, next) => {
    called = context;
    context.attachments = sent;
    await next();
  });
  while (sockets().length === 0) await sleep(10);
  return dubboClient({
    async invoke(service, method, args, attachments = {}, timeout = 30000) {
      const proxy = dubbo.proxyService({ dubboInterface: service, methods: { [method]: () => typedArgs(args) } });
      sent = attachments;
      config.dubboInvokeTimeout = timeout / 1000;
      // It resolves to { res, err }; the middleware has run when this returns.
      const answer = proxy[method]();
      const context = called;
      const { res, err } = await answer;
      if (err) throw err;
      return { value: res, attachments: context.providerAttachments };
    },
    thing: typedThing,
    sockets,
    statuses,
  });
}

process.argv.splice(2, 1); // its only flavour
run(client);
