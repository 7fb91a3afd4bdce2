package interop;

import com.alipay.remoting.Connection;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** Calls on one connection that no other link has. */
interface Link {
    /** Each method returns when its answer is there. */
    Echo echo();

    /** Begins a call; a callback of the library's completes what is returned. */
    <T> CompletableFuture<T> begin(Function<Echo, T> call);

    /** Waits no longer than {@code timeout} milliseconds for an answer. */
    String later(String text, int millis, int timeout);

    Connection connection();

    default Wire wire() {
        return Wire.of(connection());
    }
}
