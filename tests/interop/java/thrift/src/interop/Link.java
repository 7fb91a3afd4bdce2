package interop;

import interop.echo.Wider;
import org.apache.thrift.protocol.TMultiplexedProtocol;
import org.apache.thrift.protocol.TProtocol;
import org.apache.thrift.transport.TSocket;
import org.apache.thrift.transport.TTransport;
import org.apache.thrift.transport.TTransportException;

/** A connection. */
record Link(TTransport transport, TProtocol protocol) implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 30_000;

    static Link to(String host, int port, Flavour flavour) throws TTransportException {
        TTransport transport = flavour.transport().getTransport(new TSocket(host, port, TIMEOUT_MILLIS));
        transport.open();
        return new Link(transport, flavour.protocol().getProtocol(transport));
    }

    Wider.Client plain() {
        return new Wider.Client(protocol);
    }

    Wider.Client of(String service) {
        return new Wider.Client(new TMultiplexedProtocol(protocol, service));
    }

    @Override
    public void close() {
        transport.close();
    }
}
