package interop;

import interop.echo.Echo;
import interop.echo.Nested;
import interop.echo.Refused;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.thrift.TMultiplexedProcessor;
import org.apache.thrift.server.TThreadPoolServer;
import org.apache.thrift.transport.TServerSocket;
import org.apache.thrift.transport.TTransportException;

/** The service, as its description has it. */
final class EchoService implements Echo.Iface {
    private final Map<String, Integer> posts = new ConcurrentHashMap<>();

    /** Returns once it listens. */
    static void start(Flavour flavour, int port) throws TTransportException {
        TMultiplexedProcessor processor = new TMultiplexedProcessor();
        Echo.Processor<EchoService> echo = new Echo.Processor<>(new EchoService());
        processor.registerProcessor("Echo", echo);
        processor.registerDefault(echo);
        TServerSocket socket = new TServerSocket(new InetSocketAddress("127.0.0.1", port));
        TThreadPoolServer server = new TThreadPoolServer(new TThreadPoolServer.Args(socket).processor(processor)
                .transportFactory(flavour.transport()).protocolFactory(flavour.protocol()));
        Thread thread = new Thread(server::serve);
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public String call(String text) {
        return text;
    }

    @Override
    public void post(String text) {
        posts.merge(text, 1, Integer::sum);
    }

    @Override
    public int posted(String text) {
        return posts.getOrDefault(text, 0);
    }

    @Override
    public String refuse(int code) throws Refused {
        throw new Refused(code, "no " + code);
    }

    @Override
    public Nested nested(Nested value) {
        return value;
    }

    @Override
    public ByteBuffer bytes(ByteBuffer data) {
        return data;
    }

    @Override
    public void ping() {
    }
}
