package interop;

import java.util.ArrayList;
import java.util.List;
import org.apache.dubbo.common.Version;
import org.apache.dubbo.common.constants.CommonConstants;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ArgumentConfig;
import org.apache.dubbo.config.MethodConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;
import org.apache.dubbo.remoting.Channel;
import org.apache.dubbo.remoting.exchange.ExchangeServer;
import org.apache.dubbo.remoting.exchange.Request;
import org.apache.dubbo.rpc.ProtocolServer;
import org.apache.dubbo.rpc.protocol.dubbo.DubboProtocol;

/** The server's end. */
final class Server {
    /** How long clients have to leave. */
    private static final int DRAIN_MILLIS = 300;

    private final ApplicationConfig application;
    private final String serialization;
    private final int port;

    Server(String serialization, int port) {
        System.setProperty("DUBBO_IP_TO_BIND", Main.LOOPBACK);
        // No metadata service on a port of its own.
        System.setProperty("dubbo.application.register-mode", "interface");
        this.application = Main.application("interop-server");
        this.serialization = serialization;
        this.port = port;
    }

    void run(int seconds) throws Exception {
        EchoService service = new EchoService(this::drain);
        export(Echo.class, service);
        export(Added.class, service);
        export(Streamed.class, service);
        Main.say("READY " + port);

        Thread clock = new Thread(() -> {
            try {
                Thread.sleep(seconds * 1000L);
            } catch (InterruptedException e) {
                // Time is up either way.
            }
            Runtime.getRuntime().halt(1);
        });
        clock.setDaemon(true);
        clock.start();
        while (System.in.read() >= 0) {
            // The harness says nothing; the end of input is the end.
        }
    }

    private <T> void export(Class<T> type, T service) {
        ProtocolConfig protocol = new ProtocolConfig("dubbo", port);
        protocol.setHost("127.0.0.1");
        protocol.setSerialization(serialization);
        protocol.setPayload(Main.PAYLOAD);
        protocol.setHeartbeat(Main.HEARTBEAT_MILLIS);
        protocol.setThreads(64);
        protocol.setQueues(10_000);

        ServiceConfig<T> config = new ServiceConfig<>();
        config.setApplication(application);
        config.setRegistry(new RegistryConfig("N/A"));
        config.setProtocol(protocol);
        config.setInterface(type);
        config.setVersion(Main.VERSION);
        config.setScope("remote");
        config.setMethods(List.of(subscribe()));
        config.setRef(service);
        config.export();
    }

    private static MethodConfig subscribe() {
        ArgumentConfig listener = new ArgumentConfig();
        listener.setIndex(1);
        listener.setCallback(true);
        MethodConfig subscribe = new MethodConfig();
        subscribe.setName("subscribe");
        subscribe.setArguments(List.of(listener));
        return subscribe;
    }

    /** Does to each connection what a server does that closes; but the port stays open, as if the next one were there. */
    private void drain() {
        List<Channel> channels = new ArrayList<>();
        for (ProtocolServer server : DubboProtocol.getDubboProtocol().getServers()) {
            channels.addAll(((ExchangeServer) server.getRemotingServer()).getExchangeChannels());
        }
        Request event = new Request();
        event.setEvent(CommonConstants.READONLY_EVENT);
        event.setTwoWay(false);
        event.setVersion(Version.getProtocolVersion());
        try {
            for (Channel channel : channels) {
                channel.send(event, true);
            }
            Thread.sleep(DRAIN_MILLIS);
        } catch (Exception e) {
            e.printStackTrace();
        }
        channels.forEach(Channel::close);
    }
}
