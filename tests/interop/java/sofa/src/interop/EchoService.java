package interop;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

final class EchoService implements Echo {
    private final Set<String> notes = ConcurrentHashMap.newKeySet();

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
    public String later(String text, int millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return text;
    }
}
