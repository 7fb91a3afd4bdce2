package interop;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.Metadata;
import io.grpc.Server;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/** The service interop.Echo, which peers.toml describes. */
final class EchoService {
    private final int port;
    private final AtomicLong begun = new AtomicLong();
    private final AtomicLong cancelled = new AtomicLong();
    private final ScheduledExecutorService clock = Executors.newSingleThreadScheduledExecutor();
    private volatile long deadline = -1;
    private volatile Server current;

    EchoService(int port) {
        this.port = port;
    }

    void start() throws IOException {
        current = NettyServerBuilder.forAddress(new InetSocketAddress("127.0.0.1", port))
                .maxInboundMessageSize(Wire.LARGEST)
                .addService(define())
                .build()
                .start();
    }

    private ServerServiceDefinition define() {
        return ServerServiceDefinition.builder(Wire.SERVICE)
                .addMethod(Wire.UNARY, unary(this::echo))
                .addMethod(Wire.FAIL, unary(EchoService::fail))
                .addMethod(Wire.SLOW, this::slow)
                .addMethod(Wire.COUNT, unary((call, fields, request) -> answer(call,
                        (begun.get() + " " + cancelled.get() + " " + deadline).getBytes(US_ASCII), new Metadata())))
                .addMethod(Wire.DRAIN, unary(this::drain))
                .addMethod(Wire.SERVER_STREAM, ServerCalls.asyncServerStreamingCall(EchoService::serverStream))
                .addMethod(Wire.CLIENT_STREAM, ServerCalls.asyncClientStreamingCall(EchoService::clientStream))
                .addMethod(Wire.BIDI, ServerCalls.asyncBidiStreamingCall(EchoService::bidi))
                .build();
    }

    /** What is done with the one message of a call. */
    private interface Unary {
        void run(ServerCall<byte[], byte[]> call, Metadata fields, byte[] request) throws Exception;
    }

    private static ServerCallHandler<byte[], byte[]> unary(Unary unary) {
        return (call, fields) -> {
            call.request(2);
            return new ServerCall.Listener<>() {
                private byte[] request;

                @Override
                public void onMessage(byte[] message) {
                    request = message;
                }

                @Override
                public void onHalfClose() {
                    try {
                        unary.run(call, fields, request);
                    } catch (Exception e) {
                        call.close(Status.UNKNOWN.withDescription(e.toString()), new Metadata());
                    }
                }
            };
        };
    }

    private static void answer(ServerCall<byte[], byte[]> call, byte[] message, Metadata trailers) {
        call.sendHeaders(new Metadata());
        call.sendMessage(message);
        call.close(Status.OK, trailers);
    }

    private void echo(ServerCall<byte[], byte[]> call, Metadata fields, byte[] request) {
        Metadata head = new Metadata();
        Metadata trailers = new Metadata();
        for (String name : fields.keys()) {
            if (!name.startsWith("x-")) {
                continue;
            }
            if (name.endsWith("-bin")) {
                copy(fields, Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER), name, Metadata.BINARY_BYTE_MARSHALLER, head, trailers);
                continue;
            }
            for (String value : fields.getAll(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER))) {
                head.put(Metadata.Key.of("back-" + name.substring(2), Metadata.ASCII_STRING_MARSHALLER), value);
                trailers.put(Metadata.Key.of("trail-" + name.substring(2), Metadata.ASCII_STRING_MARSHALLER), value);
            }
        }
        call.sendHeaders(head);
        call.sendMessage(request);
        call.close(Status.OK, trailers);
    }

    private static void copy(Metadata fields, Metadata.Key<byte[]> key, String name,
            Metadata.BinaryMarshaller<byte[]> as, Metadata head, Metadata trailers) {
        for (byte[] value : fields.getAll(key)) {
            head.put(Metadata.Key.of("back-" + name.substring(2), as), value);
            trailers.put(Metadata.Key.of("trail-" + name.substring(2), as), value);
        }
    }

    private static void fail(ServerCall<byte[], byte[]> call, Metadata fields, byte[] request) {
        String[] parts = new String(request, UTF_8).split(" ", 2);
        call.close(Status.fromCodeValue(Integer.parseInt(parts[0])).withDescription(parts[1]), new Metadata());
    }

    private ServerCall.Listener<byte[]> slow(ServerCall<byte[], byte[]> call, Metadata fields) {
        Deadline until = Context.current().getDeadline();
        deadline = until == null ? -1 : until.timeRemaining(TimeUnit.MILLISECONDS);
        call.request(2);
        return new ServerCall.Listener<>() {
            private String request;
            private ScheduledFuture<?> alarm;

            @Override
            public void onMessage(byte[] message) {
                request = new String(message, US_ASCII);
            }

            @Override
            public void onHalfClose() {
                Metadata head = new Metadata();
                head.put(Metadata.Key.of("slow", Metadata.ASCII_STRING_MARSHALLER), "begun");
                begun.incrementAndGet();
                call.sendHeaders(head);
                alarm = clock.schedule(() -> {
                    if (!call.isCancelled()) {
                        call.sendMessage("slept".getBytes(US_ASCII));
                        call.close(Status.OK, new Metadata());
                    }
                }, Long.parseLong(request), TimeUnit.MILLISECONDS);
            }

            @Override
            public void onCancel() {
                // A call that was cancelled before its message came has not begun.
                if (alarm != null) {
                    alarm.cancel(false);
                    cancelled.incrementAndGet();
                }
            }
        };
    }

    private void drain(ServerCall<byte[], byte[]> call, Metadata fields, byte[] request) {
        answer(call, new byte[0], new Metadata());
        current.shutdown();
        new Thread(() -> {
            // The port is free as soon as the old server has begun to stop.
            for (int i = 0; i < 500; i++) {
                try {
                    start();
                    return;
                } catch (IOException e) {
                    try {
                        Thread.sleep(10);
                    } catch (InterruptedException stop) {
                        return;
                    }
                }
            }
        }).start();
    }

    private static void serverStream(byte[] request, StreamObserver<byte[]> answers) {
        String[] parts = new String(request, US_ASCII).split(" ");
        for (int i = 0; i < Integer.parseInt(parts[0]); i++) {
            answers.onNext(Wire.filled(i, Integer.parseInt(parts[1])));
        }
        answers.onCompleted();
    }

    private static StreamObserver<byte[]> clientStream(StreamObserver<byte[]> answer) {
        return new StreamObserver<>() {
            private int count;
            private long size;

            @Override
            public void onNext(byte[] message) {
                count++;
                size += message.length;
            }

            @Override
            public void onError(Throwable e) {
                // The client has gone.
            }

            @Override
            public void onCompleted() {
                answer.onNext((count + " " + size).getBytes(US_ASCII));
                answer.onCompleted();
            }
        };
    }

    private static StreamObserver<byte[]> bidi(StreamObserver<byte[]> answers) {
        return new StreamObserver<>() {
            @Override
            public void onNext(byte[] message) {
                answers.onNext(message);
            }

            @Override
            public void onError(Throwable e) {
                // The client has gone.
            }

            @Override
            public void onCompleted() {
                answers.onCompleted();
            }
        };
    }
}
