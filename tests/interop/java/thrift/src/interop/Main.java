package interop;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import org.apache.thrift.TBase;

/** A Thrift peer: {@code FLAVOUR server PORT SECONDS}, {@code FLAVOUR client HOST:PORT CASE...} or {@code version}. */
public final class Main {
    private static final PrintStream OUT = System.out;

    private Main() {
    }

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        if (args[0].equals("version")) {
            say(TBase.class.getPackage().getImplementationVersion());
        } else {
            Flavour flavour = Flavour.of(args[0]);
            switch (args[1]) {
                case "server" -> server(flavour, Integer.parseInt(args[2]), Integer.parseInt(args[3]));
                case "client" -> client(flavour, args[2].split(":"), Arrays.asList(args).subList(3, args.length));
                default -> throw new IllegalArgumentException(args[1]);
            }
        }
        Runtime.getRuntime().halt(0);
    }

    private static void server(Flavour flavour, int port, int seconds) throws Exception {
        EchoService.start(flavour, port);
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

    private static void client(Flavour flavour, String[] address, List<String> names) {
        Cases cases = new Cases(flavour, address[0], Integer.parseInt(address[1]));
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
