"""Apache Thrift as a peer, started as `peer.flavoured` says."""

import importlib.metadata
import logging
import pathlib
import sys

from thrift.protocol.TBinaryProtocol import TBinaryProtocolFactory
from thrift.protocol.TCompactProtocol import TCompactProtocolFactory
from thrift.protocol.THeaderProtocol import THeaderProtocolFactory
from thrift.protocol.TJSONProtocol import TJSONProtocolFactory
from thrift.protocol.TMultiplexedProtocol import TMultiplexedProtocol
from thrift.server.TServer import TThreadedServer
from thrift.Thrift import TApplicationException
from thrift.TMultiplexedProcessor import TMultiplexedProcessor
from thrift.transport.THeaderTransport import THeaderSubprotocolID, THeaderTransformID
from thrift.transport.TSocket import TServerSocket, TSocket
from thrift.transport.TTransport import TBufferedTransportFactory, TFramedTransportFactory, TTransportFactoryBase

import peer
import thrift_cases
import thrift_echo

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "thrift/target/py"))

from echo import Echo, Wider, ttypes  # noqa: E402


class Header(THeaderProtocolFactory):
    """The header is a protocol here, on the bare transport."""

    def __init__(self, protocol, transform=None):
        super().__init__(default_protocol=protocol)
        self.transform = transform

    def getProtocol(self, trans):
        protocol = super().getProtocol(trans)
        if self.transform is not None:
            protocol.add_transform(self.transform)
        return protocol


BINARY, COMPACT = TBinaryProtocolFactory(), TCompactProtocolFactory()
OLD = TBinaryProtocolFactory(strictRead=False, strictWrite=False)
FRAMED, BUFFERED, BARE = TFramedTransportFactory(), TBufferedTransportFactory(), TTransportFactoryBase()
FLAVOURS = {
    "framed-binary": (FRAMED, BINARY),
    "framed-compact": (FRAMED, COMPACT),
    "framed-json": (FRAMED, TJSONProtocolFactory()),
    "buffered-binary": (BUFFERED, BINARY),
    "buffered-compact": (BUFFERED, COMPACT),
    "header-binary": (BARE, Header(THeaderSubprotocolID.BINARY)),
    "header-compact": (BARE, Header(THeaderSubprotocolID.COMPACT)),
    "header-zlib": (BARE, Header(THeaderSubprotocolID.BINARY, THeaderTransformID.ZLIB)),
    "old-framed": (FRAMED, OLD),
    "old-buffered": (BUFFERED, OLD),
}


class Listening(TServerSocket):
    def listen(self):
        super().listen()
        peer.say(f"READY {self.port}")


def server(flavour, port):
    logging.basicConfig()
    service = Echo.Processor(thrift_echo.Echo(ttypes.Refused))
    processor = TMultiplexedProcessor()
    processor.registerProcessor("Echo", service)
    processor.registerDefault(service)
    TThreadedServer(processor, Listening("127.0.0.1", port), *FLAVOURS[flavour], daemon=True).serve()


class Link:
    def __init__(self, flavour, host, port):
        transports, protocols = FLAVOURS[flavour]
        socket = TSocket(host, port)
        socket.setTimeout(60_000)
        self.transport = transports.getTransport(socket)
        self.protocol = protocols.getProtocol(self.transport)
        self.transport.open()
        self.client = Wider.Client(self.protocol)

    def named(self, service):
        return Echo.Client(TMultiplexedProtocol(self.protocol, service))

    def close(self):
        self.transport.close()


def client(flavour, host, port):
    return thrift_cases.Cases(lambda: Link(flavour, host, port), ttypes, TApplicationException)


peer.flavoured(importlib.metadata.version("thrift"), server, client)
