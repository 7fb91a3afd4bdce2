package interop;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.grpc.Attributes;
import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ClientTransportFilter;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import io.grpc.Status;
import io.grpc.netty.NettyChannelBuilder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** The cases, all of them on one channel. */
final class Cases {
    private static final CallOptions MINUTE = CallOptions.DEFAULT;

    private final ManagedChannel channel;
    /** Connections made. */
    private final AtomicInteger connections = new AtomicInteger();

    Cases(String address) {
        channel = NettyChannelBuilder.forTarget("dns:///" + address)
                .usePlaintext()
                .proxyDetector(target -> null)
                .maxInboundMessageSize(Wire.LARGEST)
                .addTransportFilter(new ClientTransportFilter() {
                    @Override
                    public Attributes transportReady(Attributes attributes) {
                        connections.incrementAndGet();
                        return attributes;
                    }
                })
                .build();
    }

    String run(String name) throws Exception {
        return switch (name) {
            case "unary" -> unary();
            case "server-stream" -> {
                streamed(1000, 1000);
                streamed(0, 0);
                streamed(3, 100_000);
                yield streamed(5, 0);
            }
            case "client-stream" -> {
                sent(1000, 1000);
                sent(0, 0);
                sent(3, 100_000);
                yield sent(5, 0);
            }
            case "bidi" -> bidi();
            case "metadata" -> metadata();
            case "deadline" -> deadline();
            case "large" -> {
                echoed(numbered(8 << 20));
                streamed(2, 6 << 20);
                yield sent(2, 6 << 20);
            }
            case "error" -> error();
            case "cancel" -> cancel(1);
            case "concurrent" -> concurrent();
            case "rapid-cancel" -> rapidCancel();
            case "full-rate" -> fullRate();
            case "goaway" -> goAway();
            default -> throw new IllegalArgumentException("no such case");
        };
    }

    /** What came of a call. */
    private static final class Result {
        final CompletableFuture<Status> status = new CompletableFuture<>();
        final BlockingQueue<byte[]> messages = new LinkedBlockingQueue<>();
        volatile Metadata head = new Metadata();
        volatile Metadata trailers = new Metadata();

        Status status() throws Exception {
            return status.get(60, TimeUnit.SECONDS);
        }

        byte[] only() throws Exception {
            ok();
            check(messages.size() == 1, messages.size() + " messages");
            return messages.take();
        }

        void ok() throws Exception {
            check(status().isOk(), status().toString());
        }

        byte[] next() throws Exception {
            byte[] message = messages.poll(30, TimeUnit.SECONDS);
            check(message != null, "no message within 30 s: " + status.getNow(null));
            return message;
        }
    }

    private ClientCall<byte[], byte[]> open(MethodDescriptor<byte[], byte[]> method, CallOptions options, Metadata fields,
            Result result, Runnable onHead) {
        ClientCall<byte[], byte[]> call = channel.newCall(method, options);
        call.start(new ClientCall.Listener<>() {
            @Override
            public void onHeaders(Metadata head) {
                result.head = head;
                onHead.run();
            }

            @Override
            public void onMessage(byte[] message) {
                result.messages.add(message);
                call.request(1);
            }

            @Override
            public void onClose(Status status, Metadata trailers) {
                result.trailers = trailers;
                result.status.complete(status);
            }
        }, fields);
        call.request(1);
        return call;
    }

    private Result call(MethodDescriptor<byte[], byte[]> method, CallOptions options, Metadata fields, byte[] request) {
        Result result = new Result();
        ClientCall<byte[], byte[]> call = open(method, options, fields, result, () -> { });
        call.sendMessage(request);
        call.halfClose();
        return result;
    }

    private Result call(MethodDescriptor<byte[], byte[]> method, String request) {
        return call(method, MINUTE.withDeadlineAfter(60, TimeUnit.SECONDS), new Metadata(), request.getBytes(UTF_8));
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new IllegalStateException(what);
        }
    }

    private void echoed(byte[] sent) throws Exception {
        byte[] got = call(Wire.UNARY, MINUTE, new Metadata(), sent).only();
        check(Arrays.equals(sent, got), sent.length + " bytes went, other " + got.length + " came back");
    }

    private String unary() throws Exception {
        for (int size = 0; size < 100; size++) {
            echoed(numbered(size * size));
        }
        return "";
    }

    private String streamed(int count, int size) throws Exception {
        Result result = call(Wire.SERVER_STREAM, count + " " + size);
        result.ok();
        check(result.messages.size() == count, result.messages.size() + " messages");
        for (int i = 0; i < count; i++) {
            check(Arrays.equals(result.messages.take(), Wire.filled(i, size)), "message " + i + " is another");
        }
        return "";
    }

    private String sent(int count, int size) throws Exception {
        Result result = new Result();
        ClientCall<byte[], byte[]> call = open(Wire.CLIENT_STREAM, MINUTE, new Metadata(), result, () -> { });
        for (int i = 0; i < count; i++) {
            call.sendMessage(new byte[size]);
        }
        call.halfClose();
        String got = new String(result.only(), US_ASCII);
        check(got.equals(count + " " + (long) count * size), got);
        return "";
    }

    private String bidi() throws Exception {
        Result result = new Result();
        ClientCall<byte[], byte[]> call = open(Wire.BIDI, MINUTE, new Metadata(), result, () -> { });
        for (int i = 0; i < 100; i++) {
            call.sendMessage(Wire.filled(i, i * 10));
            check(Arrays.equals(result.next(), Wire.filled(i, i * 10)), "message " + i + " is another");
        }
        for (int i = 0; i < 2000; i++) {
            call.sendMessage(Wire.filled(i, 1000));
        }
        call.halfClose();
        for (int i = 0; i < 2000; i++) {
            check(Arrays.equals(result.next(), Wire.filled(i, 1000)), "message " + i + " of many is another");
        }
        result.ok();
        return "";
    }

    private String metadata() throws Exception {
        byte[] bin = {0, 1, (byte) 0xfe, (byte) 0xff, 0, '\n', ','};
        Metadata fields = new Metadata();
        fields.put(text("x-text"), "plain text, with = and ;");
        fields.put(text("x-many"), "one");
        fields.put(text("x-many"), "two");
        fields.put(text("x-long"), "long ".repeat(400).trim());
        fields.put(bytes("x-one-bin"), bin);
        fields.put(bytes("x-empty-bin"), new byte[0]);
        Result result = call(Wire.UNARY, MINUTE, fields, new byte[0]);
        result.only();
        for (var way : List.of(List.of("back-", result.head), List.of("trail-", result.trailers))) {
            Metadata got = (Metadata) way.get(1);
            String prefix = (String) way.get(0);
            check("plain text, with = and ;".equals(got.get(text(prefix + "text"))), prefix + "text: " + got);
            check(List.of("one", "two").equals(list(got.getAll(text(prefix + "many")))), prefix + "many: " + got);
            check("long ".repeat(400).trim().equals(got.get(text(prefix + "long"))), prefix + "long: " + got);
            check(Arrays.equals(bin, got.get(bytes(prefix + "one-bin"))), prefix + "one-bin: " + got);
            check(Arrays.equals(new byte[0], got.get(bytes(prefix + "empty-bin"))), prefix + "empty-bin: " + got);
        }
        return "";
    }

    private static Metadata.Key<String> text(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }

    private static Metadata.Key<byte[]> bytes(String name) {
        return Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER);
    }

    private static List<String> list(Iterable<String> values) {
        List<String> list = new ArrayList<>();
        if (values != null) {
            values.forEach(list::add);
        }
        return list;
    }

    /** Slow calls begun, those cancelled, and the time that the last one was given. */
    private long[] counts() throws Exception {
        String[] parts = new String(call(Wire.COUNT, "").only(), US_ASCII).split(" ");
        return Arrays.stream(parts).mapToLong(Long::parseLong).toArray();
    }

    private long[] untilCancelled(long count) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        long[] now;
        do {
            now = counts();
            if (now[1] == count) {
                return now;
            }
            Thread.sleep(10);
        } while (System.nanoTime() < end);
        throw new IllegalStateException("the server saw " + now[1] + " cancelled, not " + count);
    }

    private String deadline() throws Exception {
        long before = counts()[1];
        long began = System.nanoTime();
        Status status = call(Wire.SLOW, MINUTE.withDeadlineAfter(500, TimeUnit.MILLISECONDS), new Metadata(),
                "20000".getBytes(US_ASCII)).status();
        long took = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began);
        check(status.getCode() == Status.Code.DEADLINE_EXCEEDED && took < 5000, status + " after " + took + " ms");
        long left = untilCancelled(before + 1)[2];
        check(left > 0 && left <= 500, "the server was told of " + left + " ms");
        return "";
    }

    private String error() throws Exception {
        String text = "Käse \"fällt\" 100 % aus: 日本 \uD83E\uDDC0\n\tend";
        for (int code = 1; code <= 16; code++) {
            Status status = call(Wire.FAIL, code + " " + text).status();
            check(status.getCode().value() == code && text.equals(status.getDescription()), code + " came back as " + status);
        }
        Status status = call(Wire.method("Nothing", MethodType.UNARY), "").status();
        check(status.getCode() == Status.Code.UNIMPLEMENTED, "a method that is not there: " + status);
        return "";
    }

    /** Cancels {@code count} calls, each once the server has begun it; the server must see it. */
    private String cancel(int count) throws Exception {
        long[] before = counts();
        Semaphore room = new Semaphore(50);
        List<Result> results = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            check(room.tryAcquire(30, TimeUnit.SECONDS), "stuck after " + i + " calls");
            Result result = new Result();
            result.status.thenRun(room::release);
            CompletableFuture<Void> head = new CompletableFuture<>();
            ClientCall<byte[], byte[]> call = open(Wire.SLOW, MINUTE.withDeadlineAfter(60, TimeUnit.SECONDS), new Metadata(), result,
                    () -> head.complete(null));
            head.thenRun(() -> call.cancel("enough", null));
            call.sendMessage("60000".getBytes(US_ASCII));
            call.halfClose();
            results.add(result);
        }
        for (Result result : results) {
            check(result.status().getCode() == Status.Code.CANCELLED, result.status().toString());
        }
        long[] now = untilCancelled(before[1] + count);
        check(now[0] == before[0] + count, now[0] - before[0] + " calls began");
        return "";
    }

    private String concurrent() throws Exception {
        long began = System.nanoTime();
        List<Result> results = new ArrayList<>();
        for (int i = 0; i < 1000; i++) {
            results.add(call(Wire.SLOW, "500"));
        }
        for (Result result : results) {
            check(new String(result.only(), US_ASCII).equals("slept"), "another answer");
        }
        return "1000 calls of 0.5 s in " + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began) + " ms";
    }

    private String rapidCancel() throws Exception {
        echoed(new byte[0]);
        int before = connections.get();
        long began = System.nanoTime();
        cancel(10_000);
        echoed("still there".getBytes(US_ASCII));
        check(connections.get() == before, connections.get() - before + " more connections");
        return "10000 in " + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began) + " ms";
    }

    private String fullRate() throws Exception {
        echoed(new byte[0]);
        int before = connections.get();
        AtomicInteger calls = new AtomicInteger();
        together(50, i -> {
            long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(1500);
            while (System.nanoTime() < end) {
                echoed(Wire.filled(i, 100));
                calls.incrementAndGet();
            }
        });
        check(connections.get() == before, connections.get() - before + " more connections");
        return calls.get() * 2 / 3 + " calls/s";
    }

    private String goAway() throws Exception {
        AtomicInteger done = new AtomicInteger();
        AtomicInteger refused = new AtomicInteger();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(3);
        together(51, i -> {
            if (i == 50) {
                for (int drain = 0; drain < 2; drain++) {
                    Thread.sleep(1000);
                    call(Wire.DRAIN, "").ok();
                }
                return;
            }
            while (System.nanoTime() < end) {
                Status status = call(Wire.SLOW, MINUTE.withDeadlineAfter(10, TimeUnit.SECONDS), new Metadata(), "5".getBytes(US_ASCII)).status();
                switch (status.getCode()) {
                    case OK -> done.incrementAndGet();
                    case UNAVAILABLE -> {
                        refused.incrementAndGet();
                        Thread.sleep(5);
                    }
                    default -> throw status.asException();
                }
            }
        });
        check(done.get() >= 1000, "only " + done + " calls were answered");
        call(Wire.UNARY, MINUTE.withWaitForReady().withDeadlineAfter(10, TimeUnit.SECONDS), new Metadata(), new byte[0]).ok();
        return done + " answered, " + refused + " refused";
    }

    private interface Task {
        void run(int i) throws Exception;
    }

    /** Runs so many at once; throws what the first failed with. */
    private static void together(int count, Task task) throws Exception {
        CompletableFuture<?>[] all = new CompletableFuture<?>[count];
        for (int i = 0; i < count; i++) {
            int number = i;
            CompletableFuture<Void> done = new CompletableFuture<>();
            all[i] = done;
            new Thread(() -> {
                try {
                    task.run(number);
                    done.complete(null);
                } catch (Throwable e) {
                    done.completeExceptionally(e);
                }
            }).start();
        }
        CompletableFuture.allOf(all).get(60, TimeUnit.SECONDS);
    }

    /** The lines "1", "2", ... cut at {@code size}: no two places in it look the same. */
    private static byte[] numbered(int size) {
        StringBuilder lines = new StringBuilder(size + 20);
        for (int i = 1; lines.length() < size; i++) {
            lines.append(i).append('\n');
        }
        return lines.substring(0, size).getBytes(US_ASCII);
    }
}
