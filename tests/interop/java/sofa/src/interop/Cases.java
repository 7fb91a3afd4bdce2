package interop;

import com.alipay.remoting.Connection;
import com.alipay.remoting.util.IDGenerator;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** What a client does to a server, one method a case. Each answers with a remark or throws. */
abstract class Cases {
    /** Of the proxy's own answers; also the end of the service names that it answers for. */
    static final List<String> OUTCOMES = List.of("success", "exception", "bad_request", "no_route", "unavailable",
            "timeout", "overloaded", "bad_response", "too_large", "denied", "unimplemented", "cancelled",
            "server_error", "unknown");

    private static final int CALLS = 1000;

    private final int port;
    /** The connection of most cases. */
    private Link link;

    Cases(int port) {
        this.port = port;
    }

    /** A connection with a name of its own; {@code version} and {@code crc} mean nothing in protocol 1. */
    abstract Link link(String name, int protocol, int version, boolean crc) throws Exception;

    /**
     * Whether servers know that a frame of version 1 has no CRC, though Java sets the switch. npm
     * sofa-bolt-node looks at the switch alone.
     */
    abstract boolean ignoresSwitch();

    abstract boolean isTimeout(Throwable e);

    /** Calls what the server does not have, on this connection; answers with what the library throws. */
    abstract String unknownService(Link link) throws Exception;

    abstract String protobuf(Link link) throws Exception;

    /** Calls what the proxy answers with this outcome; answers with what came. */
    abstract String localReply(Link link, String outcome) throws Exception;

    String run(String name) throws Exception {
        if (link == null) {
            link = link("main", 1, 0, false);
        }
        return switch (name) {
            case "call" -> call(link);
            case "oneway" -> oneway();
            case "callback" -> callback();
            case "heartbeat" -> heartbeat();
            case "exception" -> exception();
            case "unknown-service" -> alive(() -> unknownService(link));
            case "timeout" -> timeout();
            case "v1" -> version(link("v1", 1, 0, true), frame -> frame.protocol() == 1);
            case "v2" -> version(link("v2", 2, 1, ignoresSwitch()), Cases::isFirst)
                    + ", " + version(link("v2-off", 2, 2, false), Cases::isSecond);
            case "v2-crc" -> version(link("v2-crc", 2, 2, true), frame -> frame.protocol() == 2 && frame.hasCrc());
            case "protobuf" -> protobuf(link);
            case "body-1m" -> body(1 << 20);
            case "concurrent" -> concurrent();
            case "shared" -> shared();
            case "local-replies" -> localReplies();
            default -> throw new IllegalArgumentException("no such case");
        };
    }

    private static boolean isFirst(Wire.Frame frame) {
        return frame.protocol() == 2 && frame.version() == 1;
    }

    private static boolean isSecond(Wire.Frame frame) {
        return frame.protocol() == 2 && frame.version() == 2 && !frame.hasCrc();
    }

    private static String call(Link link) {
        for (String name : List.of("world", "wörld", "世界", "\uD83D\uDE00", "", "x".repeat(70_000))) {
            same("hello " + name, link.echo().hello(name));
        }
        same(42, link.echo().add(40, 2));
        same(-7, link.echo().add(-8, 1));
        return "";
    }

    private String oneway() throws Exception {
        String mark = UUID.randomUUID().toString();
        same("no", link.echo().noted(mark));
        link.echo().note(mark);
        for (int i = 0; link.echo().noted(mark).equals("no"); i++) {
            if (i == 50) {
                throw new IllegalStateException("the server has not seen it");
            }
            Thread.sleep(100);
        }
        if (link.wire().sent.stream().noneMatch(frame -> frame.type() == Wire.ONEWAY)) {
            throw new IllegalStateException("no one-way frame was sent");
        }
        return "";
    }

    private String callback() throws Exception {
        CompletableFuture<String> slow = link.begin(echo -> echo.later("slow", 300));
        CompletableFuture<String> quick = link.begin(echo -> echo.hello("quick"));
        same("hello quick", quick.get(10, TimeUnit.SECONDS));
        same(false, slow.isDone());
        same("slow", slow.get(10, TimeUnit.SECONDS));
        return "";
    }

    /** Idle for longer than the server waits for a sign of life, then a call on the same connection. */
    private String heartbeat() throws Exception {
        same("hello before", link.echo().hello("before"));
        Set<String> before = sockets();
        Connection connection = link.connection();
        Wire wire = link.wire();
        long asked = heartbeats(wire.sent);
        long answered = heartbeats(wire.received);
        Thread.sleep(Peer.SERVER_IDLE_MILLIS + 2500L);
        asked = heartbeats(wire.sent) - asked;
        answered = heartbeats(wire.received) - answered;
        // One of each may be on its way.
        if (asked < 5 || answered < asked - 1) {
            throw new IllegalStateException(asked + " heartbeats, " + answered + " answers to them");
        }
        same("hello after", link.echo().hello("after"));
        same(connection, link.connection());
        same(before, sockets());
        return answered + " heartbeats answered";
    }

    private static long heartbeats(List<Wire.Frame> frames) {
        return frames.stream().filter(frame -> frame.command() == Wire.HEARTBEAT).count();
    }

    private String exception() throws Exception {
        return alive(() -> {
            CompletableFuture<String> failed = link.begin(echo -> echo.fail("out of crackers"));
            throwing("out of crackers", () -> failed.get(10, TimeUnit.SECONDS));
            return throwing("out of cheese", () -> link.echo().fail("out of cheese"));
        });
    }

    private String timeout() throws Exception {
        return alive(() -> {
            Wire wire = link.wire();
            int sent = wire.sent.size();
            int received = wire.received.size();
            long began = System.nanoTime();
            String thrown = "nothing";
            try {
                link.later("late", 2000, 300);
            } catch (Exception e) {
                if (!isTimeout(e)) {
                    throw e;
                }
                thrown = e.getClass().getSimpleName();
            }
            long took = (System.nanoTime() - began) / 1_000_000;
            if (thrown.equals("nothing") || took < 250 || took > 1500) {
                throw new IllegalStateException(thrown + " was thrown after " + took + " ms");
            }
            same("hello next", link.echo().hello("next"));
            // No id is used again before the late answer came, or there is none to come.
            int id = wire.sent.stream().skip(sent).filter(frame -> frame.command() != Wire.HEARTBEAT)
                    .findFirst().orElseThrow().id();
            boolean late = false;
            for (int i = 0; i < 30 && !late; i++) {
                Thread.sleep(100);
                late = wire.received.stream().skip(received).anyMatch(frame -> frame.id() == id);
            }
            return thrown + (late ? ", an answer came late" : ", no answer came late");
        });
    }

    /** Calls on a connection, and looks at all its frames. */
    private String version(Link link, Predicate<Wire.Frame> right) throws Exception {
        call(link);
        // Plain Bolt answers this without CRC, whatever there was to the question.
        unknownService(link);
        same("later", link.begin(echo -> echo.later("later", 10)).get(10, TimeUnit.SECONDS));
        Wire wire = link.wire();
        for (Wire.Frame frame : wire.sent) {
            // A heartbeat never has a CRC.
            if (!right.test(frame) && frame.command() != Wire.HEARTBEAT) {
                throw new IllegalStateException("sent " + frame);
            }
        }
        int protocol = wire.sent.get(0).protocol();
        if (wire.received.isEmpty()) {
            throw new IllegalStateException("no frame was seen");
        }
        for (Wire.Frame frame : wire.received) {
            same(protocol, frame.protocol());
        }
        long crc = wire.received.stream().filter(Wire.Frame::hasCrc).count();
        return crc + " of " + wire.received.size() + " answers with CRC";
    }

    private String body(int size) throws Exception {
        byte[] sent = new byte[size];
        new Random(size).nextBytes(sent);
        byte[] got = link.echo().echo(sent);
        same(size, got.length);
        same(true, MessageDigest.isEqual(sha256(sent), sha256(got)));
        return "";
    }

    private String concurrent() throws Exception {
        Set<String> before = sockets();
        int sent = requests(link).size();
        List<CompletableFuture<String>> answers = begin(link, "call ", CALLS);
        for (int i = 0; i < CALLS; i++) {
            same("call " + i, answers.get(i).get(30, TimeUnit.SECONDS));
        }
        same(before, sockets());
        same(CALLS, requests(link).size() - sent);
        return "";
    }

    /** Two connections with the same request ids in flight; behind the proxy the two share one. */
    private String shared() throws Exception {
        Link a = link("a", 1, 0, false);
        Link b = link("b", 1, 0, false);
        same(2, new HashSet<>(List.of(a.connection(), b.connection())).size());
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (Link one : List.of(a, b)) {
            // A heartbeat with the id of a call that is in flight would end that call.
            one.connection().getChannel().attr(Connection.HEARTBEAT_SWITCH).set(false);
            IDGenerator.resetId();
            answers.addAll(begin(one, one == a ? "a " : "b ", CALLS / 2));
        }
        for (int i = 0; i < CALLS; i++) {
            String expected = (i < CALLS / 2 ? "a " : "b ") + i % (CALLS / 2);
            same(expected, answers.get(i).get(30, TimeUnit.SECONDS));
        }
        Set<Integer> both = new HashSet<>(requests(a));
        both.retainAll(requests(b));
        if (both.size() < CALLS / 2 - 50) {
            throw new IllegalStateException("only " + both.size() + " ids were used twice");
        }
        return both.size() + " ids on both";
    }

    private static List<CompletableFuture<String>> begin(Link link, String text, int calls) {
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            String own = text + i;
            int millis = 100 + i * 37 % 200;
            answers.add(link.begin(echo -> echo.later(own, millis)));
        }
        return answers;
    }

    /** The ids of all requests so far. */
    private static List<Integer> requests(Link link) {
        return link.wire().sent.stream().filter(frame -> frame.command() != Wire.HEARTBEAT)
                .map(Wire.Frame::id).toList();
    }

    private String localReplies() throws Exception {
        return alive(() -> {
            List<String> wrong = new ArrayList<>();
            for (String outcome : OUTCOMES) {
                String expected = expectation(outcome);
                String came = localReply(link, outcome);
                int status = link.wire().received.stream().filter(frame -> frame.command() != Wire.HEARTBEAT)
                        .reduce((first, second) -> second).orElseThrow().status();
                came = status + " " + came;
                System.err.println(outcome + ": " + came);
                if (!came.equals(expected)) {
                    wrong.add(outcome + ": " + came + ", not " + expected);
                }
            }
            if (!wrong.isEmpty()) {
                throw new IllegalStateException(String.join("; ", wrong));
            }
            return "";
        });
    }

    /** The status on the wire, and what the library makes of it. */
    abstract String expectation(String outcome);

    static String text(String outcome) {
        return "answered here: " + outcome;
    }

    /** Whether the exception or one of its causes has this in its message. */
    static boolean tells(Throwable e, String text) {
        for (Throwable each = e; each != null; each = each.getCause()) {
            if (String.valueOf(each.getMessage()).contains(text)) {
                return true;
            }
        }
        return false;
    }

    /** Answers with the exception's class. */
    private static String throwing(String text, Step step) throws Exception {
        try {
            step.run();
        } catch (Exception e) {
            if (tells(e, text)) {
                return e.getClass().getSimpleName();
            }
            throw e;
        }
        throw new IllegalStateException("nothing was thrown");
    }

    interface Step {
        String run() throws Exception;
    }

    /** The connection must be there after this, and work. */
    private String alive(Step step) throws Exception {
        Connection before = link.connection();
        String remark = step.run();
        same("hello again", link.echo().hello("again"));
        same(before, link.connection());
        return remark;
    }

    /** The inodes of this process's sockets that are connected to the port under test. */
    private Set<String> sockets() throws Exception {
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

    static void same(Object expected, Object actual) {
        if (!Objects.equals(expected, actual)) {
            throw new IllegalStateException("expected " + brief(expected) + ", got " + brief(actual));
        }
    }

    private static String brief(Object value) {
        String text = String.valueOf(value);
        return text.length() > 60 ? text.substring(0, 60) + "..." : text;
    }
}
