package interop;

import interop.echo.Echo;
import interop.echo.Leaf;
import interop.echo.Nested;
import interop.echo.Refused;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.apache.thrift.TApplicationException;
import org.apache.thrift.transport.TTransportException;

/** What a client does to a server, one method a case. Each answers with a remark or throws. */
final class Cases {
    /** Those of the proxy's own answers that are errors; also the end of the service names that it answers for. */
    private static final List<String> OUTCOMES = List.of("exception", "bad_request", "no_route", "unavailable",
            "timeout", "overloaded", "bad_response", "too_large", "denied", "unimplemented", "cancelled",
            "server_error", "unknown");

    private final Flavour flavour;
    private final String host;
    private final int port;
    /** The connection of all cases but one. */
    private Link link;

    Cases(Flavour flavour, String host, int port) {
        this.flavour = flavour;
        this.host = host;
        this.port = port;
    }

    String run(String name) throws Exception {
        if (link == null) {
            link = Link.to(host, port, flavour);
        }
        try {
            return switch (name) {
                case "call" -> call(link.plain());
                case "oneway" -> oneway();
                case "exception" -> alive(this::exception);
                case "unknown-method" -> alive(this::unknownMethod);
                case "multiplexed" -> alive(this::multiplexed);
                case "nested" -> nested();
                case "body-1m" -> echoed(link.plain(), 1 << 20);
                case "many" -> many();
                case "concurrent" -> concurrent();
                case "local-replies" -> alive(this::localReplies);
                default -> throw new IllegalArgumentException("no such case");
            };
        } catch (TTransportException e) {
            // It may be dead, or a part of an answer may be left on it: not the next case's fault.
            link.close();
            link = null;
            throw e;
        }
    }

    private static String call(Echo.Iface echo) throws Exception {
        for (String text : List.of("world", "wörld", "世界", "\uD83D\uDE00", "\"\\/\n\u0001", "", "x".repeat(70_000))) {
            same(text, echo.call(text));
        }
        echo.ping();
        return "";
    }

    private String oneway() throws Exception {
        Echo.Iface echo = link.plain();
        posted(echo);
        return "";
    }

    private static void posted(Echo.Iface echo) throws Exception {
        String mark = UUID.randomUUID().toString();
        same(0, echo.posted(mark));
        echo.post(mark);
        int times = 0;
        for (int i = 0; times == 0 && i < 50; i++) {
            times = echo.posted(mark);
            Thread.sleep(times == 0 ? 100 : 0);
        }
        same(1, times);
    }

    private String exception() throws Exception {
        for (int code : new int[] {7, -1, Integer.MAX_VALUE}) {
            refused(link.plain(), code);
        }
        return "";
    }

    private static void refused(Echo.Iface echo, int code) throws Exception {
        try {
            echo.refuse(code);
        } catch (Refused e) {
            same(new Refused(code, "no " + code), e);
            return;
        }
        throw new IllegalStateException("nothing was thrown");
    }

    private String unknownMethod() throws Exception {
        TApplicationException e = applicationException(link.plain()::missing);
        if (e.getType() != TApplicationException.UNKNOWN_METHOD) {
            throw e;
        }
        return e.getMessage();
    }

    private interface Asking {
        String answer(String text) throws Exception;
    }

    private static TApplicationException applicationException(Asking asking) throws Exception {
        String answer;
        try {
            answer = asking.answer("x");
        } catch (TApplicationException e) {
            return e;
        }
        throw new IllegalStateException("nothing was thrown, but answered: " + answer);
    }

    /** With a service name, and without one between on the same connection. */
    private String multiplexed() throws Exception {
        Echo.Iface echo = link.of("Echo");
        call(echo);
        same("plain", link.plain().call("plain"));
        posted(echo);
        refused(echo, 3);
        return echoed(echo, 3000);
    }

    private String nested() throws Exception {
        Echo.Iface echo = link.plain();
        for (Nested value : List.of(value(true), value(false), empty())) {
            same(value, echo.nested(value));
        }
        return "";
    }

    private static Nested value(boolean withLeaf) {
        Map<String, List<Leaf>> leaves = new LinkedHashMap<>();
        leaves.put("none", List.of());
        leaves.put("зима", List.of(new Leaf(1, "eins", 0.5, true), new Leaf(-2, "", -1e300, false)));
        Map<Integer, List<String>> deep = Map.of(5, List.of("a", "b"), Integer.MIN_VALUE, List.of(""));
        List<Boolean> flags = List.of(true, false, false, true, true, true, false, true, false);
        Nested value = new Nested(leaves, Set.of(Long.MIN_VALUE, -1L, 0L, Long.MAX_VALUE), List.of(deep, Map.of()),
                flags, Byte.MIN_VALUE, Short.MAX_VALUE);
        if (withLeaf) {
            value.setLeaf(new Leaf(Integer.MAX_VALUE, "x".repeat(300), 1.0 / 3, true));
        }
        return value;
    }

    private static Nested empty() {
        return new Nested(Map.of(), Set.of(), List.of(), List.of(), (byte) 0, (short) 0);
    }

    private String many() throws Exception {
        for (int i = 0; i < 200; i++) {
            checked(link.plain(), i);
        }
        return "";
    }

    private String concurrent() throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < 8; i++) {
                int from = i * 50;
                Callable<?> calls = () -> {
                    try (Link own = Link.to(host, port, flavour)) {
                        for (int j = from; j < from + 50; j++) {
                            checked(own.plain(), j);
                        }
                    }
                    return null;
                };
                all.add(threads.submit(calls));
            }
            for (Future<?> each : all) {
                each.get();
            }
        } finally {
            threads.shutdownNow();
        }
        return "";
    }

    /** Two calls whose sizes depend on the number, and are not over 5000. */
    private static void checked(Echo.Iface echo, int number) throws Exception {
        echoed(echo, number * 25 % 5001);
        String text = number + " " + "y".repeat(number * 7 % 300);
        same(text, echo.call(text));
    }

    private static String echoed(Echo.Iface echo, int size) throws Exception {
        byte[] sent = numbered(size);
        ByteBuffer answer = echo.bytes(ByteBuffer.wrap(sent));
        byte[] got = new byte[answer.remaining()];
        answer.get(got);
        if (!Arrays.equals(sent, got)) {
            throw new IllegalStateException(size + " bytes went, other " + got.length + " came back");
        }
        return "";
    }

    /** Lines of numbers, cut at this size: no two places look the same. */
    private static byte[] numbered(int size) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 1; bytes.size() < size; i++) {
            bytes.writeBytes((i + "\n").getBytes(StandardCharsets.US_ASCII));
        }
        return Arrays.copyOf(bytes.toByteArray(), size);
    }

    private String localReplies() throws Exception {
        List<String> types = new ArrayList<>();
        for (String outcome : OUTCOMES) {
            int type = applicationException(link.of("interop.reply." + outcome)::call).getType();
            types.add(outcome + "=" + type);
        }
        return String.join(" ", types);
    }

    /** The connection must work after this. */
    private String alive(Callable<String> step) throws Exception {
        String remark = step.call();
        same("again", link.plain().call("again"));
        return remark;
    }

    private static void same(Object expected, Object got) {
        if (!Objects.equals(expected, got)) {
            throw new IllegalStateException("expected " + expected + ", got " + got);
        }
    }
}
