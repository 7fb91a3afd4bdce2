"""thriftpy2 as a peer, started as `peer.flavoured` says; it reads the IDL itself."""

import pathlib

import thriftpy2
from thriftpy2.protocol import TCompactProtocolFactory, TCyBinaryProtocolFactory, TMultiplexedProtocol
from thriftpy2.server import TThreadedServer
from thriftpy2.thrift import TApplicationException, TClient, TMultiplexedProcessor, TProcessor
from thriftpy2.transport import (
    TBufferedTransportFactory, TCyBufferedTransportFactory, TCyFramedTransportFactory, TFramedTransportFactory,
    TServerSocket, TSocket,
)

import peer
import thrift_cases
import thrift_echo

IDL = thriftpy2.load(str(pathlib.Path(__file__).parent.parent / "thrift/echo.thrift"), module_name="echo_thrift")
OLD = TCyBinaryProtocolFactory(strict_read=False, strict_write=False)
FLAVOURS = {
    "framed-binary": (TCyFramedTransportFactory(), TCyBinaryProtocolFactory()),
    "framed-compact": (TFramedTransportFactory(), TCompactProtocolFactory()),
    "buffered-binary": (TCyBufferedTransportFactory(), TCyBinaryProtocolFactory()),
    "buffered-compact": (TBufferedTransportFactory(), TCompactProtocolFactory()),
    "old-framed": (TCyFramedTransportFactory(), OLD),
    "old-buffered": (TCyBufferedTransportFactory(), OLD),
}


class Begun:
    """A protocol whose message has been begun to read."""

    def __init__(self, protocol, begun):
        self.protocol, self.begun = protocol, begun

    def __getattr__(self, name):
        return getattr(self.protocol, name)

    def read_message_begin(self):
        return self.begun


class Processor(TMultiplexedProcessor):
    """The library's knows no service that need not be named."""

    def __init__(self, service):
        super().__init__()
        self.default = service
        self.register_processor("Echo", service)

    def process_in(self, iprot):
        begun = iprot.read_message_begin()
        process_in = super().process_in if self.SEPARATOR in begun[0] else self.default.process_in
        return process_in(Begun(iprot, begun))


class Listening(TServerSocket):
    def listen(self):
        super().listen()
        peer.say(f"READY {self.port}")


def server(flavour, port):
    service = TProcessor(IDL.Echo, thrift_echo.Echo(IDL.Refused))
    listening = Listening("127.0.0.1", port, client_timeout=None)
    TThreadedServer(Processor(service), listening, *FLAVOURS[flavour], daemon=True).serve()


class Link:
    def __init__(self, flavour, host, port):
        transports, protocols = FLAVOURS[flavour]
        transport = transports.get_transport(TSocket(host, port, socket_timeout=60_000))
        self.protocol = protocols.get_protocol(transport)
        transport.open()
        self.client = TClient(IDL.Wider, self.protocol)

    def named(self, service):
        return TClient(IDL.Echo, TMultiplexedProtocol(self.protocol, service))

    def close(self):
        self.client.close()


def client(flavour, host, port):
    return thrift_cases.Cases(lambda: Link(flavour, host, port), IDL, TApplicationException)


peer.flavoured(thriftpy2.__version__, server, client)
