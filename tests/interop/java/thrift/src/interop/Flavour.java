package interop;

import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.protocol.TCompactProtocol;
import org.apache.thrift.protocol.TJSONProtocol;
import org.apache.thrift.protocol.TProtocolFactory;
import org.apache.thrift.transport.TTransportFactory;
import org.apache.thrift.transport.layered.TFramedTransport;

/** A transport and a protocol. */
record Flavour(TTransportFactory transport, TProtocolFactory protocol) {
    static Flavour of(String name) {
        TTransportFactory framed = new TFramedTransport.Factory();
        // The socket has a buffer already.
        TTransportFactory buffered = new TTransportFactory();
        TProtocolFactory strict = new TBinaryProtocol.Factory(true, true);
        TProtocolFactory old = new TBinaryProtocol.Factory(false, false);
        return switch (name) {
            case "framed-binary" -> new Flavour(framed, strict);
            case "framed-compact" -> new Flavour(framed, new TCompactProtocol.Factory());
            case "framed-json" -> new Flavour(framed, new TJSONProtocol.Factory());
            case "buffered-binary" -> new Flavour(buffered, strict);
            case "buffered-compact" -> new Flavour(buffered, new TCompactProtocol.Factory());
            case "old-framed" -> new Flavour(framed, old);
            case "old-buffered" -> new Flavour(buffered, old);
            default -> throw new IllegalArgumentException("no such flavour: " + name);
        };
    }
}
