'use strict';

// Apache Thrift for Node.js: `thrift.js FLAVOUR server PORT SECONDS` or `thrift.js FLAVOUR client HOST:PORT CASE...`.

const util = require('util');
const thrift = require('thrift');
const Echo = require('./target/thrift/Echo');
const Wider = require('./target/thrift/Wider');
const { serve, run } = require('./peer');
const thriftCases = require('./thrift-cases');
const thriftEcho = require('./thrift-echo');

// Binary without the version, as it was at first.
function Old(trans) {
  thrift.TBinaryProtocol.call(this, trans, false, false);
}
util.inherits(Old, thrift.TBinaryProtocol);

// A client's generated code flushes the transport beneath, to which nobody has written the header by then.
function header(id) {
  function Header(trans) {
    trans.setProtocolId(id);
    thrift.THeaderProtocol.call(this, trans);
  }
  util.inherits(Header, thrift.THeaderProtocol);
  Header.prototype.writeMessageEnd = function () {
    thrift.THeaderProtocol.prototype.writeMessageEnd.call(this);
    this.trans.writeHeaders();
  };
  return Header;
}

const flavours = {
  'framed-binary': [thrift.TFramedTransport, thrift.TBinaryProtocol],
  'framed-compact': [thrift.TFramedTransport, thrift.TCompactProtocol],
  'framed-json': [thrift.TFramedTransport, thrift.TJSONProtocol],
  'buffered-binary': [thrift.TBufferedTransport, thrift.TBinaryProtocol],
  'buffered-compact': [thrift.TBufferedTransport, thrift.TCompactProtocol],
  'header-binary': [thrift.TBufferedTransport, header(0)],
  'header-compact': [thrift.TBufferedTransport, header(2)],
  'old-framed': [thrift.TFramedTransport, Old],
  'old-buffered': [thrift.TBufferedTransport, Old],
};

const [flavour] = process.argv.splice(2, 1);
const [transport, protocol] = flavours[flavour];

/** The library's multiplexed processor knows no service that need not be named. */
function processor() {
  const plain = new Echo.Processor(thriftEcho);
  const named = new thrift.MultiplexedProcessor();
  named.registerProcessor('Echo', plain);
  return {
    process(input, output) {
      const begin = input.readMessageBegin();
      // Where there was no version, the library leaves the name as bytes.
      begin.fname = String(begin.fname);
      const begun = Object.create(input, { readMessageBegin: { value: () => begin } });
      (begin.fname.includes(':') ? named : plain).process(begun, output);
    },
  };
}

function start(port) {
  // The server flushes the protocol, and answers in the one that it was asked in.
  const headed = flavour.startsWith('header-');
  const spoken = headed ? thrift.THeaderProtocol : protocol;
  const server = thrift.createMultiplexServer(processor(), { transport, protocol: spoken });
  server.on('error', e => console.error(e));
  return new Promise(resolve => server.listen(port, '127.0.0.1', resolve));
}

async function open(host, port) {
  const connection = thrift.createConnection(host, port, { transport, protocol });
  const broken = new Promise((_, reject) => {
    connection.on('error', reject);
    connection.on('close', () => reject(new Error('the connection was closed')));
  });
  broken.catch(() => {});
  await Promise.race([broken, new Promise(resolve => connection.on('connect', resolve))]);
  const client = thrift.createClient(Wider, connection);
  const multiplexer = new thrift.Multiplexer();
  return {
    client,
    broken,
    named(service) {
      const named = multiplexer.createClient(service, Echo, connection);
      // Clients of a connection find their answers by numbers, which must not be another's.
      named.new_seqid = () => client.new_seqid();
      return named;
    },
    close: () => connection.end(),
  };
}

if (process.argv[2] === 'server') serve(start);
else run((host, port) => thriftCases(() => open(host, port)));
