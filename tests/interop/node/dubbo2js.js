'use strict';

// npm dubbo2.js: a client only.

const { sockets, statuses } = require('./dubbo-wire');
const { typedArgs } = require('./dubbo-js');

const { DirectlyDubbo, Context } = require('dubbo2.js');
const { run, sleep } = require('./peer');
const { typedThing } = require('./dubbo-types');
const dubboClient = require('./dubbo-client');

// Only through ZooKeeper calls can be given attachments: here each call's context is made with its own.
let attachments = {};
const create = Context.create;
Context.create = () => Object.assign(create(), { attachments });

async function client(host, port) {
  const settings = { dubboAddress: `${host}:${port}`, dubboVersion: '2.0.2' };
  const dubbo = DirectlyDubbo.from(settings);
  while (sockets().length === 0) await sleep(10);
  return dubboClient({
    async invoke(service, method, args, sent = {}, timeout = 30000) {
      const proxy = dubbo.proxyService({
        dubboInterface: service,
        version: '1.0.0',
        methods: { [method]: () => typedArgs(args) },
      });
      attachments = sent;
      settings.dubboInvokeTimeout = timeout / 1000;
      // It resolves to { res, err }, and has begun when this returns.
      const { res, err } = await proxy[method]();
      if (err) throw err;
      return { value: res };
    },
    thing: typedThing,
    sockets,
    statuses,
  });
}

process.argv.splice(2, 1); // its only flavour
run(client);
