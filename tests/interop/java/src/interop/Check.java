package interop;

import java.math.BigInteger;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Objects;

/** What cases are checked with. */
final class Check {
    private Check() {}

    interface Call {
        Object run() throws Throwable;
    }

    static void same(Object expected, Object actual) {
        if (!Objects.equals(expected, actual)) {
            throw new IllegalStateException("expected " + brief(expected) + ", got " + brief(actual));
        }
    }

    static void that(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException(what);
        }
    }

    /** What the call throws; its text, or that of a cause, has this in it. */
    static Throwable thrown(String text, Call call) {
        Object answer;
        try {
            answer = call.run();
        } catch (Throwable e) {
            for (Throwable each = e; each != null; each = each.getCause()) {
                if (String.valueOf(each.getMessage()).contains(text)) {
                    return e;
                }
            }
            throw new IllegalStateException("another error, not \"" + text + "\": " + e, e);
        }
        throw new IllegalStateException("nothing was thrown, but answered: " + brief(answer));
    }

    /** What tells one body from another. */
    static String summary(byte[] body) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(body);
            return body.length + " " + String.format("%064x", new BigInteger(1, digest));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String brief(Object value) {
        String text = String.valueOf(value);
        return text.length() > 200 ? text.substring(0, 200) + "..." : text;
    }
}
