package interop;

import io.grpc.ManagedChannel;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;

/** A gRPC peer: {@code server PORT SECONDS}, {@code client HOST:PORT CASE...} or {@code version}. */
public final class Main {
    private static final PrintStream OUT = System.out;

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        switch (args[0]) {
            case "server" -> server(Integer.parseInt(args[1]), Integer.parseInt(args[2]));
            case "client" -> client(args[1], Arrays.asList(args).subList(2, args.length));
            case "version" -> say(ManagedChannel.class.getPackage().getImplementationVersion());
            default -> throw new IllegalArgumentException(args[0]);
        }
        Runtime.getRuntime().halt(0);
    }

    private static void server(int port, int seconds) throws Exception {
        new EchoService(port).start();
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

    private static void client(String address, List<String> names) {
        Cases cases = new Cases(address);
        for (String name : names) {
            try {
                say(name + " ok " + cases.run(name));
            } catch (Throwable e) {
                e.printStackTrace();
                String text = e.toString().replaceAll("\\s+", " ");
                say(name + " FAIL " + (text.length() > 300 ? text.substring(0, 300) : text));
            }
        }
    }

    private static synchronized void say(String line) {
        OUT.println(line);
        OUT.flush();
    }
}
