package interop;

import java.io.Serializable;

/** A request of plain Bolt: a method of {@link Echo} and what it takes. */
public final class Ask implements Serializable {
    private static final long serialVersionUID = 1;

    String method;
    String text;
    int a;
    int b;
    byte[] body;

    /** Sent as `service` in the header map, which a request has only if this is there. */
    transient String service;

    static Ask of(String method, String text) {
        Ask ask = new Ask();
        ask.method = method;
        ask.text = text;
        return ask;
    }
}
