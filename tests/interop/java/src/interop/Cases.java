package interop;

import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** What a client does to a server, one method a case. Each answers with a remark or throws. */
final class Cases {
    private final Echo echo;
    private final int port;

    Cases(Echo echo, int port) {
        this.echo = echo;
        this.port = port;
    }

    String run(String name) throws Exception {
        return switch (name) {
            case "call" -> call();
            case "oneway" -> oneway();
            case "exception" -> exception();
            case "body-1m" -> body(1 << 20);
            case "body-16m" -> body(16 << 20);
            case "concurrent" -> concurrent(1000);
            case "heartbeat" -> heartbeat();
            default -> throw new IllegalArgumentException("no such case");
        };
    }

    private String call() {
        for (String name : List.of("world", "wörld", "世界", "\uD83D\uDE00", "", "x".repeat(70_000))) {
            same("hello " + name, echo.hello(name));
        }
        same(42, echo.add(40, 2));
        same(-7, echo.add(-8, 1));
        return "";
    }

    private String oneway() throws Exception {
        String mark = UUID.randomUUID().toString();
        same("no", echo.noted(mark));
        echo.note(mark);
        for (int i = 0; i < 50; i++) {
            if (echo.noted(mark).equals("yes")) {
                return "";
            }
            Thread.sleep(100);
        }
        throw new IllegalStateException("the server has not seen it");
    }

    private String exception() {
        try {
            echo.fail("out of cheese");
        } catch (Exception e) {
            if (!String.valueOf(e.getMessage()).contains("out of cheese")) {
                throw e;
            }
            same("hello again", echo.hello("again"));
            return e.getClass().getSimpleName();
        }
        throw new IllegalStateException("nothing was thrown");
    }

    private String body(int size) throws Exception {
        byte[] sent = new byte[size];
        new Random(size).nextBytes(sent);
        byte[] got = echo.echo(sent);
        same(size, got.length);
        if (!MessageDigest.isEqual(sha256(sent), sha256(got))) {
            throw new IllegalStateException("another body came back");
        }
        return "";
    }

    private String concurrent(int calls) throws Exception {
        Set<String> before = connections();
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            answers.add(echo.later("call " + i, (i * 37) % 100));
        }
        for (int i = 0; i < calls; i++) {
            same("call " + i, answers.get(i).get(30, TimeUnit.SECONDS));
        }
        same(1, before.size());
        same(before, connections());
        return "";
    }

    /** Idle for longer than either end waits for a sign of life, then a call on the same connection. */
    private String heartbeat() throws Exception {
        same("hello before", echo.hello("before"));
        Set<String> before = connections();
        Thread.sleep(7L * Main.HEARTBEAT_MILLIS + 500);
        same(before, connections());
        same("hello after", echo.hello("after"));
        same(before, connections());
        same(1, before.size());
        return "";
    }

    /** The inodes of this process's sockets that are connected to the port under test. */
    private Set<String> connections() throws Exception {
        Set<String> own = new HashSet<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
            for (Path file : files) {
                try {
                    String target = Files.readSymbolicLink(file).toString();
                    if (target.startsWith("socket:[")) {
                        own.add(target.substring(8, target.length() - 1));
                    }
                } catch (java.io.IOException e) {
                    // Closed meanwhile.
                }
            }
        }
        Set<String> found = new TreeSet<>();
        for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
            for (String line : Files.readAllLines(Path.of(table))) {
                String[] field = line.trim().split("\\s+");
                // 2: the other end, 3: the state (01 is established), 9: the inode
                if (field.length > 9
                        && field[3].equals("01")
                        && field[2].endsWith(String.format(":%04X", port))
                        && own.contains(field[9])) {
                    found.add(field[9]);
                }
            }
        }
        return found;
    }

    private static byte[] sha256(byte[] bytes) throws Exception {
        return MessageDigest.getInstance("SHA-256").digest(bytes);
    }

    private static void same(Object expected, Object actual) {
        if (!expected.equals(actual)) {
            throw new IllegalStateException("expected " + brief(expected) + ", got " + brief(actual));
        }
    }

    private static String brief(Object value) {
        String text = String.valueOf(value);
        return text.length() > 60 ? text.substring(0, 60) + "..." : text;
    }
}
