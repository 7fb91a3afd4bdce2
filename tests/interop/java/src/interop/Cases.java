package interop;

import static interop.Check.same;
import static interop.Check.that;
import static interop.Check.thrown;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.rpc.RpcContext;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.service.EchoService;
import org.apache.dubbo.rpc.service.GenericService;

/** What a client does to a server, one method a case. Each answers with a remark or throws. */
final class Cases {
    private final Client client;
    private final Echo echo;

    Cases(Client client) {
        this.client = client;
        this.echo = client.echo;
    }

    String run(String name) throws Exception {
        return switch (name) {
            case "call" -> call();
            case "oneway" -> oneway();
            case "exception" -> exception();
            case "body-1m" -> body(1 << 20);
            case "body-16m" -> body(16 << 20);
            case "concurrent" -> concurrent(1000);
            case "in-flight" -> inFlight(1000);
            case "async" -> async();
            case "heartbeat" -> heartbeat();
            case "attachments" -> alive(() -> new Attachments(client).there());
            case "attachments-back" -> alive(() -> new Attachments(client).back());
            case "added" -> alive(() -> new Attachments(client).added());
            case "added-16m" -> alive(() -> new Attachments(client).addedBeside(bytes(16 << 20)));
            case "generic" -> alive(this::generic);
            case "echo" -> dollarEcho();
            case "types" -> new Things(echo).there();
            case "callback" -> alive(this::callback);
            case "unknown-method" -> alive(() -> new Errors(client).unknownMethod());
            case "unknown-service" -> alive(() -> new Errors(client).unknownService());
            case "local-replies" -> alive(() -> new Errors(client).localReplies());
            case "readonly" -> readonly();
            default -> throw new IllegalArgumentException("no such case");
        };
    }

    /** The step, and that a call can be made behind it on the connection that there was before. */
    private String alive(Callable<String> step) throws Exception {
        same("hello before", echo.hello("before"));
        Set<String> before = Sockets.to(client.port);
        same(1, before.size());
        String remark = step.call();
        same("hello after", echo.hello("after"));
        same(before, Sockets.to(client.port));
        return remark;
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
        for (int i = 0; i < 100; i++) {
            if (echo.noted(mark).equals("yes")) {
                return "";
            }
            Thread.sleep(50);
        }
        throw new IllegalStateException("the server has not seen it");
    }

    private String exception() {
        Throwable e = thrown("out of cheese", () -> echo.fail("out of cheese"));
        same("hello again", echo.hello("again"));
        return e.getClass().getSimpleName();
    }

    private String body(int size) {
        byte[] sent = bytes(size);
        same(Check.summary(sent), Check.summary(echo.echo(sent)));
        return "";
    }

    private static byte[] bytes(int size) {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        return bytes;
    }

    private String concurrent(int calls) throws Exception {
        return alive(() -> {
            List<CompletableFuture<String>> answers = new ArrayList<>();
            for (int i = 0; i < calls; i++) {
                answers.add(echo.later("call " + i, (i * 37) % 100));
            }
            for (int i = 0; i < calls; i++) {
                same("call " + i, answers.get(i).get(30, TimeUnit.SECONDS));
            }
            return "";
        });
    }

    /** All of them wait at the server at once, or none would be answered. */
    private String inFlight(int calls) throws Exception {
        return alive(() -> {
            List<CompletableFuture<String>> answers = new ArrayList<>();
            for (int i = 0; i < calls; i++) {
                answers.add(echo.held("call " + i, calls));
                that(i == calls - 1 || !answers.get(0).isDone(), "answered before all were there");
            }
            for (int i = 0; i < calls; i++) {
                same("call " + i, answers.get(i).get(30, TimeUnit.SECONDS));
            }
            return "";
        });
    }

    private String async() throws Exception {
        CompletableFuture<String> slow = RpcContext.getContext().asyncCall(() -> echo.deferred("slow", 300));
        CompletableFuture<String> quick = RpcContext.getContext().asyncCall(() -> echo.hello("quick"));
        same("hello quick", quick.get(10, TimeUnit.SECONDS));
        same(false, slow.isDone());
        same("slow", slow.get(10, TimeUnit.SECONDS));
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            String text = "call " + i;
            int millis = 20 - i;
            answers.add(RpcContext.getContext().asyncCall(() -> echo.deferred(text, millis)));
        }
        for (int i = 0; i < 20; i++) {
            same("call " + i, answers.get(i).get(10, TimeUnit.SECONDS));
        }
        return "";
    }

    /** Idle for longer than either end waits for a sign of life, then a call on the same connection. */
    private String heartbeat() throws Exception {
        return alive(() -> {
            Thread.sleep(3L * Main.HEARTBEAT_MILLIS + 500);
            return "";
        });
    }

    private String generic() {
        GenericService service = client.generic(Echo.class.getName());
        String[] text = {"java.lang.String"};
        same("hello world", service.$invoke("hello", text, new Object[] {"world"}));
        same(42, service.$invoke("add", new String[] {"int", "int"}, new Object[] {40, 2}));

        Map<String, Object> next = new HashMap<>(Map.of("class", "interop.Thing", "name", "next"));
        Map<String, Object> thing = new HashMap<>(Map.of("class", "interop.Thing", "name", "\u00e9", "size", 7,
                "words", new ArrayList<>(List.of("a", "b")), "next", next));
        Object got = service.$invoke("mirrorThing", new String[] {"interop.Thing"}, new Object[] {thing});
        Map<?, ?> back = (Map<?, ?>) got;
        same("\u00e9", back.get("name"));
        same(7L, ((Number) back.get("size")).longValue());
        same(List.of("a", "b"), back.get("words"));
        same("next", ((Map<?, ?>) back.get("next")).get("name"));
        return thrown("out of cheese", () -> service.$invoke("fail", text, new Object[] {"out of cheese"})).getClass()
                .getSimpleName();
    }

    private String dollarEcho() {
        EchoService service = (EchoService) echo;
        same("\u00e9\uD83D\uDE00", service.$echo("\u00e9\uD83D\uDE00"));
        same(42, service.$echo(42));
        return "";
    }

    /** Of a proxy that carries no requests of servers the server hears nothing: then the call fails, and no more. */
    private String callback() {
        List<String> heard = new ArrayList<>();
        Listener listener = text -> {
            heard.add(text);
            return "heard " + text;
        };
        String answer;
        try {
            answer = echo.subscribe("\u00e9", listener);
        } catch (RpcException e) {
            that(heard.isEmpty() && String.valueOf(e.getMessage()).contains("told"), "another error: " + e);
            return "not called back";
        }
        same("told 2", answer);
        same(List.of("\u00e9 1", "\u00e9 2"), heard);
        return "called back";
    }

    /** The server goes and comes back: calls meanwhile may fail, and none hangs. */
    private String readonly() throws Exception {
        String before = echo.life();
        same(before, echo.drain());
        int failed = 0;
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (System.nanoTime() < end) {
            long began = System.nanoTime();
            try {
                if (!echo.life().equals(before)) {
                    same("hello again", echo.hello("again"));
                    return failed + " failed";
                }
            } catch (Exception e) {
                long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
                that(took < Client.SHORT_MILLIS, "a call hung: " + e);
                failed++;
            }
            Thread.sleep(50);
        }
        throw new IllegalStateException("the server did not come back");
    }
}
