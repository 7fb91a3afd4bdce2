package interop;

import com.alipay.remoting.Connection;
import com.alipay.remoting.ExtendedNettyChannelHandler;
import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.util.AttributeKey;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** Reads along on a connection which frames leave and arrive; bodies are skipped. */
final class Wire extends ChannelDuplexHandler {
    static final int REQUEST = 1;
    static final int ONEWAY = 2;
    static final int HEARTBEAT = 0;

    private static final AttributeKey<Wire> KEY = AttributeKey.valueOf("interop.wire");

    /** {@code version} and {@code flags} are 0 in protocol 1; {@code status} is 0 in a request. */
    record Frame(int protocol, int version, int type, int command, int id, int flags, int status) {
        boolean hasCrc() {
            return version == 2 && (flags & 1) == 1;
        }
    }

    final List<Frame> sent = new CopyOnWriteArrayList<>();
    final List<Frame> received = new CopyOnWriteArrayList<>();
    private final Reader out = new Reader(sent);
    private final Reader in = new Reader(received);

    /** What makes Bolt put a reader into every connection. */
    static ExtendedNettyChannelHandler everywhere() {
        return new ExtendedNettyChannelHandler() {
            @Override
            public List<ChannelHandler> frontChannelHandlers() {
                return List.of(new Wire());
            }

            @Override
            public List<ChannelHandler> backChannelHandlers() {
                return List.of();
            }
        };
    }

    static Wire of(Connection connection) {
        return connection.getChannel().attr(KEY).get();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
        context.channel().attr(KEY).set(this);
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) throws Exception {
        if (message instanceof ByteBuf bytes) {
            out.read(bytes);
        }
        super.write(context, message, promise);
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) throws Exception {
        if (message instanceof ByteBuf bytes) {
            in.read(bytes);
        }
        super.channelRead(context, message);
    }

    /** One direction. */
    private static final class Reader {
        private final List<Frame> frames;
        private final byte[] head = new byte[24];
        private int have;
        private long skip;

        Reader(List<Frame> frames) {
            this.frames = frames;
        }

        void read(ByteBuf bytes) {
            int at = bytes.readerIndex();
            while (at < bytes.writerIndex()) {
                if (skip > 0) {
                    int step = (int) Math.min(skip, bytes.writerIndex() - at);
                    at += step;
                    skip -= step;
                    continue;
                }
                head[have++] = bytes.getByte(at++);
                // The third byte is the last that tells how long a head is.
                if (have >= 3 && have == length()) {
                    frames.add(frame());
                    have = 0;
                }
            }
        }

        private int length() {
            int two = head[0] == 2 ? 2 : 0;
            return (isResponse() ? 20 : 22) + two;
        }

        private boolean isResponse() {
            return head[head[0] == 2 ? 2 : 1] == 0;
        }

        private Frame frame() {
            boolean second = head[0] == 2;
            int at = second ? 2 : 1;
            int lengths = length() - 8;
            Frame frame = new Frame(head[0], second ? head[1] : 0, head[at], number(at + 1, 2), number(at + 4, 4),
                    second ? head[11] : 0, isResponse() ? number(lengths - 2, 2) : 0);
            skip = number(lengths, 2) + number(lengths + 2, 2) + number(lengths + 4, 4) + (frame.hasCrc() ? 4 : 0);
            return frame;
        }

        private int number(int at, int size) {
            int value = 0;
            for (int i = at; i < at + size; i++) {
                value = value << 8 | head[i] & 0xff;
            }
            return value;
        }
    }
}
