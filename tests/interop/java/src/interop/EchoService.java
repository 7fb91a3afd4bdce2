package interop;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.dubbo.rpc.AsyncContext;
import org.apache.dubbo.rpc.RpcContext;

final class EchoService implements Added, Streamed {
    private final Set<String> notes = ConcurrentHashMap.newKeySet();
    private final List<Runnable> held = new ArrayList<>();
    private final AtomicInteger life = new AtomicInteger(1);
    private final Runnable drain;

    EchoService(Runnable drain) {
        this.drain = drain;
    }

    @Override
    public String hello(String name) {
        return "hello " + name;
    }

    @Override
    public int add(int a, int b) {
        return a + b;
    }

    @Override
    public void note(String mark) {
        notes.add(mark);
    }

    @Override
    public String noted(String mark) {
        return notes.contains(mark) ? "yes" : "no";
    }

    @Override
    public byte[] echo(byte[] body) {
        return body;
    }

    @Override
    public String fail(String why) {
        throw new IllegalStateException(why);
    }

    @Override
    public CompletableFuture<String> later(String text, int millis) {
        return CompletableFuture.supplyAsync(() -> text, after(millis));
    }

    @Override
    public CompletableFuture<String> held(String text, int count) {
        CompletableFuture<String> answer = new CompletableFuture<>();
        List<Runnable> ready = new ArrayList<>();
        synchronized (held) {
            held.add(() -> answer.complete(text));
            if (held.size() >= count) {
                ready.addAll(held);
                held.clear();
            }
        }
        Collections.reverse(ready);
        ready.forEach(Runnable::run);
        return answer;
    }

    @Override
    public String deferred(String text, int millis) {
        AsyncContext context = RpcContext.startAsync();
        after(millis).execute(() -> context.write(text));
        return null;
    }

    @Override
    public String seen(String names) {
        List<String> lines = new ArrayList<>();
        for (String name : names.split(" ")) {
            Object value = RpcContext.getContext().getObjectAttachment(name);
            lines.add(name + "=" + shown(value));
            if (value != null) {
                RpcContext.getServerContext().setObjectAttachment("back-" + name, value);
            }
        }
        return String.join("\n", lines);
    }

    @Override
    public String seenBeside(byte[] body, String names) {
        return Check.summary(body) + "\n" + seen(names);
    }

    private static String shown(Object value) {
        if (value == null) {
            return "-";
        } else if (value instanceof String) {
            return "text:" + value;
        } else if (value instanceof Integer || value instanceof Long) {
            return "int:" + value;
        } else if (value instanceof Boolean) {
            return "bool:" + value;
        }
        return "other:" + value.getClass().getName();
    }

    @Override
    public List<Object> mirror(long whole, double half, boolean truth, Date when, byte[] bytes, BigDecimal amount,
            Color color, List<Object> list, Map<String, Object> map, Thing thing) {
        return new ArrayList<>(Arrays.asList(whole, half, truth, when, bytes, amount, color, list, map, thing));
    }

    @Override
    public Thing mirrorThing(Thing thing) {
        return thing;
    }

    @Override
    public String subscribe(String text, Listener listener) {
        int told = 0;
        for (int i = 1; i <= 2; i++) {
            String event = text + " " + i;
            if (listener.told(event).equals("heard " + event)) {
                told++;
            }
        }
        return "told " + told;
    }

    @Override
    public String life() {
        return life.toString();
    }

    @Override
    public String drain() {
        after(50).execute(() -> {
            drain.run();
            life.incrementAndGet();
        });
        return life();
    }

    private static Executor after(int millis) {
        return CompletableFuture.delayedExecutor(millis, TimeUnit.MILLISECONDS);
    }
}
