package interop;

import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import org.apache.dubbo.common.Version;
import org.apache.dubbo.config.ApplicationConfig;

/**
 * A Dubbo peer: {@code FLAVOUR server PORT SECONDS}, {@code FLAVOUR client HOST:PORT CASE...} or {@code version}, where
 * the flavour is a serialization. The same source is built against every Dubbo version under test.
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
    static final String LOOPBACK = "2130706433";

    /** Dubbo's loggers may write to System.out; results go here. */
    private static final PrintStream OUT = System.out;

    public static void main(String[] args) throws Exception {
        System.setOut(System.err);
        if (args[0].equals("version")) {
            say(Version.getVersion());
        } else if (args[1].equals("server")) {
            new Server(args[0], Integer.parseInt(args[2])).run(Integer.parseInt(args[3]));
        } else {
            client(args[0], args[2], Arrays.asList(args).subList(3, args.length));
        }
        // Not exit: a graceful shutdown waits for seconds and has nothing left to do.
        Runtime.getRuntime().halt(0);
    }

    private static void client(String serialization, String address, List<String> cases) {
        // Else a server that is gone once is gone for a minute.
        System.setProperty("dubbo.connectivity.validation", "false");
        Cases run;
        try {
            run = new Cases(new Client(serialization, address));
        } catch (Throwable e) {
            e.printStackTrace();
            cases.forEach(name -> say(name + " FAIL no reference: " + oneLine(e)));
            return;
        }
        for (String name : cases) {
            try {
                say(name + " ok " + run.run(name));
            } catch (Throwable e) {
                e.printStackTrace();
                say(name + " FAIL " + oneLine(e));
            }
        }
    }

    static ApplicationConfig application(String name) {
        ApplicationConfig application = new ApplicationConfig(name);
        application.setQosEnable(false);
        return application;
    }

    private static String oneLine(Throwable e) {
        String text = e.toString().replaceAll("\\s+", " ");
        return text.length() > 300 ? text.substring(0, 300) : text;
    }

    static synchronized void say(String line) {
        OUT.println(line);
        OUT.flush();
    }
}
