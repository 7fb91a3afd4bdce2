package interop;

import java.math.BigDecimal;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** The service that every Dubbo peer offers, in Java, Go and JavaScript. */
public interface Echo {
    String hello(String name);

    int add(int a, int b);

    /** Called one-way. */
    void note(String mark);

    /** "yes" once a note with this mark has come. */
    String noted(String mark);

    byte[] echo(byte[] body);

    /** Always throws. */
    String fail(String why);

    /** Answers after a while, so that answers overtake each other. */
    CompletableFuture<String> later(String text, int millis);

    /** Answers once so many of these calls wait, the last that came first. */
    CompletableFuture<String> held(String text, int count);

    /** Answers after a while from another thread, though it returns no future. */
    String deferred(String text, int millis);

    /** A line for each of these attachments: what the server has of that name. It is sent back as back-NAME, too. */
    String seen(String names);

    /** The same beside a body, of which the first line tells the length and the SHA-256. */
    String seenBeside(byte[] body, String names);

    /** All its arguments, in order. */
    List<Object> mirror(long whole, double half, boolean truth, Date when, byte[] bytes, BigDecimal amount, Color color,
            List<Object> list, Map<String, Object> map, Thing thing);

    Thing mirrorThing(Thing thing);

    /** Tells the listener the text twice before it answers. */
    String subscribe(String text, Listener listener);

    /** One more than how often the server was drained. */
    String life();

    /** Says on all connections that they take no more requests, and closes them a little later; answers before. */
    String drain();
}
