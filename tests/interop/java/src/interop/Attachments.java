package interop;

import static interop.Check.same;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.dubbo.rpc.RpcContext;

/** Attachments, both ways. */
final class Attachments {
    private static final String NAMES = "plain umlaut wide whole truth gone";

    private final Client client;

    Attachments(Client client) {
        this.client = client;
    }

    /** To the server. */
    String there() {
        attach(sent());
        same("plain=text:a b\numlaut=text:\u00e9\nwide=text:\uD83D\uDE00\u4e16\u754c\nwhole=int:42\ntruth=bool:true\n"
                + "gone=-", client.echo.seen(NAMES));
        attach(Map.of());
        same("plain=-\numlaut=-\nwide=-\nwhole=-\ntruth=-\ngone=-", client.echo.seen(NAMES));
        return "";
    }

    /** And those that come with the answer. */
    String back() {
        attach(sent());
        client.echo.seen(NAMES);
        // Of all but text some servers make text.
        sent().forEach((name, value) -> same(String.valueOf(value), String.valueOf(received("back-" + name))));
        same(null, received("back-gone"));
        attach(Map.of());
        client.echo.seen(NAMES);
        same(null, received("back-plain"));
        return "";
    }

    private static Map<String, Object> sent() {
        Map<String, Object> sent = new LinkedHashMap<>();
        sent.put("plain", "a b");
        sent.put("umlaut", "\u00e9");
        sent.put("wide", "\uD83D\uDE00\u4e16\u754c");
        sent.put("whole", 42);
        sent.put("truth", true);
        return sent;
    }

    /** Of the last answer of this thread. */
    private static Object received(String name) {
        return RpcContext.getServerContext().getObjectAttachment(name);
    }

    /** The sidecar adds one, sets one and takes one out; of another service it leaves all as they are. */
    String added() throws Exception {
        Map<String, Object> sent = Map.of("x-set", "old", "x-gone", "here", "x-kept", "kept \u00e9");
        String names = "x-mesh x-set x-gone x-kept";
        String edited = "x-mesh=text:mesh \u00e9 \uD83D\uDE00\nx-set=text:new\nx-gone=-\nx-kept=text:kept \u00e9";
        for (int i = 0; i < 20; i++) {
            attach(sent);
            same(edited, client.added.seen(names));
        }
        List<CompletableFuture<String>> answers = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            attach(sent);
            answers.add(RpcContext.getContext().asyncCall(() -> client.added.seen(names)));
        }
        for (CompletableFuture<String> answer : answers) {
            same(edited, answer.get(10, TimeUnit.SECONDS));
        }
        attach(sent);
        same("x-mesh=-\nx-set=text:old\nx-gone=text:here\nx-kept=text:kept \u00e9", client.echo.seen(names));
        return "";
    }

    /** Of a message that streams the sidecar adds and sets. */
    String addedBeside(byte[] body) {
        attach(Map.of("x-set", "old", "x-kept", "kept \u00e9"));
        same(Check.summary(body) + "\nx-mesh=text:mesh \u00e9 \uD83D\uDE00\nx-set=text:new\nx-kept=text:kept \u00e9",
                client.streamed.seenBeside(body, "x-mesh x-set x-kept"));
        return "";
    }

    /** For the next call of this thread. */
    private static void attach(Map<String, Object> attachments) {
        RpcContext.getContext().clearAttachments();
        attachments.forEach((name, value) -> RpcContext.getContext().setObjectAttachment(name, value));
    }
}
