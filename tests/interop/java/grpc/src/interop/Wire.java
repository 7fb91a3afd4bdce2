package interop;

import io.grpc.MethodDescriptor;
import io.grpc.MethodDescriptor.MethodType;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;

/** The methods of interop.Echo, whose messages are bytes. */
final class Wire {
    static final String SERVICE = "interop.Echo";
    static final int LARGEST = 64 << 20;

    static final MethodDescriptor<byte[], byte[]> UNARY = method("Unary", MethodType.UNARY);
    static final MethodDescriptor<byte[], byte[]> FAIL = method("Fail", MethodType.UNARY);
    /** Of one answer, but the head of a unary one would wait for it. */
    static final MethodDescriptor<byte[], byte[]> SLOW = method("Slow", MethodType.SERVER_STREAMING);
    static final MethodDescriptor<byte[], byte[]> COUNT = method("Count", MethodType.UNARY);
    static final MethodDescriptor<byte[], byte[]> DRAIN = method("Drain", MethodType.UNARY);
    static final MethodDescriptor<byte[], byte[]> SERVER_STREAM = method("ServerStream", MethodType.SERVER_STREAMING);
    static final MethodDescriptor<byte[], byte[]> CLIENT_STREAM = method("ClientStream", MethodType.CLIENT_STREAMING);
    static final MethodDescriptor<byte[], byte[]> BIDI = method("Bidi", MethodType.BIDI_STREAMING);

    static MethodDescriptor<byte[], byte[]> method(String name, MethodType type) {
        return MethodDescriptor.<byte[], byte[]>newBuilder()
                .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, name))
                .setType(type)
                .setRequestMarshaller(new Bytes())
                .setResponseMarshaller(new Bytes())
                .build();
    }

    /** Message {@code i} of a stream. */
    static byte[] filled(int i, int size) {
        byte[] message = new byte[size];
        Arrays.fill(message, (byte) (i % 251));
        return message;
    }

    private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] value) {
            return new ByteArrayInputStream(value);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try (stream) {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    private Wire() {}
}
