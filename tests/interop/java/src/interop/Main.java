package interop;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import org.apache.dubbo.common.Version;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.MethodConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;

/**
 * A Dubbo peer: {@code server PORT SECONDS}, {@code client HOST:PORT CASE...} or {@code version}.
 * The same source is built against every Dubbo version under test.
 */
public final class Main {
    static final String VERSION = "1.0.0";
    static final int PAYLOAD = 64 << 20;
    /** Both ends beat this often; each gives a silent peer up after three times as long. */
    static final int HEARTBEAT_MILLIS = 1000;

    /**
     * 127.0.0.1 in decimal. Written with dots Dubbo takes it for a mistake: a server then listens on
     * every address, a client connects to the first address of the machine that is no loopback.
     */
    private static final String LOOPBACK = "2130706433";

    /** Dubbo's loggers may write to System.out; results go here. */
    private static final PrintStream OUT = System.out;

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        switch (args[0]) {
            case "server" -> server(Integer.parseInt(args[1]), Integer.parseInt(args[2]));
            case "client" -> client(args[1], Arrays.asList(args).subList(2, args.length));
            case "version" -> say(Version.getVersion());
            default -> throw new IllegalArgumentException(args[0]);
        }
        // Not exit: a graceful shutdown waits for seconds and has nothing left to do.
        Runtime.getRuntime().halt(0);
    }

    private static void server(int port, int seconds) throws Exception {
        System.setProperty("DUBBO_IP_TO_BIND", LOOPBACK);
        // No metadata service on a port of its own.
        System.setProperty("dubbo.application.register-mode", "interface");
        ProtocolConfig protocol = new ProtocolConfig("dubbo", port);
        protocol.setHost("127.0.0.1");
        protocol.setSerialization("hessian2");
        protocol.setPayload(PAYLOAD);
        protocol.setHeartbeat(HEARTBEAT_MILLIS);
        protocol.setThreads(64);
        protocol.setQueues(10_000);

        ServiceConfig<Echo> service = new ServiceConfig<>();
        service.setApplication(application("interop-server"));
        service.setRegistry(new RegistryConfig("N/A"));
        service.setProtocol(protocol);
        service.setInterface(Echo.class);
        service.setVersion(VERSION);
        service.setScope("remote");
        service.setRef(new EchoService());
        service.export();
        say("READY " + port);

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

    private static void client(String address, List<String> cases) {
        ReferenceConfig<Echo> reference = new ReferenceConfig<>();
        reference.setApplication(application("interop-client"));
        reference.setInterface(Echo.class);
        reference.setVersion(VERSION);
        reference.setUrl("dubbo://" + address.replace("127.0.0.1", LOOPBACK) + "/" + Echo.class.getName()
                + "?serialization=hessian2&payload=" + PAYLOAD + "&heartbeat=" + HEARTBEAT_MILLIS);
        reference.setProtocol("dubbo");
        reference.setTimeout(30_000);
        reference.setRetries(0);
        reference.setConnections(1);
        MethodConfig note = new MethodConfig();
        note.setName("note");
        note.setReturn(false);
        reference.setMethods(List.of(note));

        Echo echo;
        try {
            echo = reference.get();
        } catch (Throwable e) {
            cases.forEach(name -> say(name + " FAIL no reference: " + oneLine(e)));
            return;
        }
        Cases run = new Cases(echo, Integer.parseInt(address.substring(address.lastIndexOf(':') + 1)));
        for (String name : cases) {
            try {
                say(name + " ok " + run.run(name));
            } catch (Throwable e) {
                e.printStackTrace();
                say(name + " FAIL " + oneLine(e));
            }
        }
    }

    private static ApplicationConfig application(String name) {
        ApplicationConfig application = new ApplicationConfig(name);
        application.setQosEnable(false);
        return application;
    }

    private static String oneLine(Throwable e) {
        String text = e.toString().replaceAll("\\s+", " ");
        return text.length() > 300 ? text.substring(0, 300) : text;
    }

    private static synchronized void say(String line) {
        OUT.println(line);
        OUT.flush();
    }
}
