package interop;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;

/** What both peers share: how one is started, and how it tells what came of it. */
final class Peer {
    private static final int HEARTBEAT_MILLIS = 1000;
    /** A server closes a connection on which nothing came or went for so long. */
    static final int SERVER_IDLE_MILLIS = 5000;

    /** Loggers may write to System.out; results go here. */
    private static final PrintStream OUT = System.out;

    private Peer() {
    }

    interface Server {
        void start(int port) throws Exception;
    }

    interface Client {
        Cases start(String host, int port) throws Exception;
    }

    /** {@code server PORT SECONDS}, {@code client HOST:PORT CASE...} or {@code version}. */
    static void main(String[] args, String version, Server server, Client client) throws Exception {
        System.setOut(System.err);
        System.setProperty("bolt.tcp.heartbeat.interval", String.valueOf(HEARTBEAT_MILLIS));
        System.setProperty("bolt.tcp.server.idle.interval", String.valueOf(SERVER_IDLE_MILLIS));
        // A client refuses to call once more than this waits to be sent: room for many calls at once.
        System.setProperty("bolt.netty.buffer.low.watermark", String.valueOf(32 << 20));
        System.setProperty("bolt.netty.buffer.high.watermark", String.valueOf(64 << 20));
        // Callbacks that find no place here are thrown away.
        System.setProperty("async.pool.queue", "10000");
        switch (args[0]) {
            case "server" -> serve(server, Integer.parseInt(args[1]), Integer.parseInt(args[2]));
            case "client" -> call(client, args[1].split(":"), Arrays.asList(args).subList(2, args.length));
            case "version" -> say(version);
            default -> throw new IllegalArgumentException(args[0]);
        }
        // Not exit: there is nothing to shut down gracefully.
        Runtime.getRuntime().halt(0);
    }

    private static void serve(Server server, int port, int seconds) throws Exception {
        server.start(port);
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

    private static void call(Client client, String[] address, List<String> names) throws Exception {
        Cases cases = client.start(address[0], Integer.parseInt(address[1]));
        for (String name : names) {
            try {
                say(name + " ok " + cases.run(name));
            } catch (Throwable e) {
                e.printStackTrace();
                say(name + " FAIL " + oneLine(e));
            }
        }
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
