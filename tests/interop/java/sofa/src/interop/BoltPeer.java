package interop;

import com.alipay.remoting.AsyncContext;
import com.alipay.remoting.BizContext;
import com.alipay.remoting.Connection;
import com.alipay.remoting.CustomSerializerManager;
import com.alipay.remoting.DefaultCustomSerializer;
import com.alipay.remoting.InvokeCallback;
import com.alipay.remoting.InvokeContext;
import com.alipay.remoting.Url;
import com.alipay.remoting.config.BoltClientOption;
import com.alipay.remoting.exception.RemotingException;
import com.alipay.remoting.rpc.RequestCommand;
import com.alipay.remoting.rpc.RpcClient;
import com.alipay.remoting.rpc.RpcServer;
import com.alipay.remoting.rpc.exception.InvokeException;
import com.alipay.remoting.rpc.exception.InvokeServerException;
import com.alipay.remoting.rpc.exception.InvokeTimeoutException;
import com.alipay.remoting.rpc.protocol.AsyncUserProcessor;
import com.alipay.remoting.rpc.protocol.RpcRequestCommand;
import com.alipay.sofa.rpc.core.response.SofaResponse;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** A peer of plain Bolt: {@link Ask} and {@link Answer} in Hessian, no header map. */
public final class BoltPeer {
    private static final int TIMEOUT_MILLIS = 30_000;

    private BoltPeer() {
    }

    public static void main(String[] args) throws Exception {
        Peer.main(args, version(), BoltPeer::serve, Client::new);
    }

    /** Bolt does not tell its version; its archive does. */
    private static String version() throws Exception {
        String path = "/META-INF/maven/com.alipay.sofa/bolt/pom.properties";
        try (InputStream file = RpcClient.class.getResourceAsStream(path)) {
            Properties properties = new Properties();
            properties.load(file);
            return properties.getProperty("version");
        }
    }

    private static void serve(int port) {
        RpcServer server = new RpcServer("127.0.0.1", port);
        server.registerUserProcessor(new Answering());
        server.startup();
    }

    private static final class Answering extends AsyncUserProcessor<Ask> {
        private final Echo echo = new EchoService();

        @Override
        public String interest() {
            return Ask.class.getName();
        }

        @Override
        public void handleRequest(BizContext business, AsyncContext context, Ask ask) {
            if (ask.method.equals("later")) {
                // No thread sleeps for it: so many are in flight at once.
                Executor delayed = CompletableFuture.delayedExecutor(ask.a, TimeUnit.MILLISECONDS);
                delayed.execute(() -> context.sendResponse(Answer.of(ask.text)));
            } else {
                context.sendResponse(answer(ask));
            }
        }

        private Answer answer(Ask ask) {
            Answer answer = new Answer();
            switch (ask.method) {
                case "hello" -> answer.text = echo.hello(ask.text);
                case "add" -> answer.number = echo.add(ask.a, ask.b);
                case "note" -> echo.note(ask.text);
                case "noted" -> answer.text = echo.noted(ask.text);
                case "echo" -> answer.body = echo.echo(ask.body);
                case "fail" -> answer.text = echo.fail(ask.text);
                default -> throw new IllegalArgumentException("no method " + ask.method);
            }
            return answer;
        }
    }

    private static final class Client extends Cases {
        private final RpcClient client = new RpcClient();
        private final String host;
        private final int port;

        Client(String host, int port) {
            super(port);
            this.host = host;
            this.port = port;
            CustomSerializerManager.registerCustomSerializer(Ask.class.getName(), new Service());
            client.option(BoltClientOption.EXTENDED_NETTY_CHANNEL_HANDLER, Wire.everywhere());
            client.startup();
        }

        @Override
        Link link(String name, int protocol, int version, boolean crc) throws Exception {
            // Connections are kept by the url's key.
            String key = host + ":" + port + "?link=" + name;
            Url url = new Url(key, host, port, key, new Properties());
            url.setProtocol((byte) protocol);
            url.setVersion((byte) version);
            url.setConnectTimeout(TIMEOUT_MILLIS);
            return new BoltLink(client, client.getConnection(url, TIMEOUT_MILLIS), crc);
        }

        @Override
        boolean ignoresSwitch() {
            // No server but Java's takes its requests.
            return true;
        }

        @Override
        boolean isTimeout(Throwable e) {
            return e instanceof InvokeTimeoutException;
        }

        @Override
        String unknownService(Link link) throws Exception {
            try {
                ((BoltLink) link).send(new Stranger(), TIMEOUT_MILLIS);
            } catch (InvokeServerException | InvokeException e) {
                return e.getClass().getSimpleName() + (e.getCause() == null ? "" : " by " + e.getCause());
            }
            throw new IllegalStateException("nothing was thrown");
        }

        @Override
        String protobuf(Link link) {
            throw new UnsupportedOperationException("it knows Hessian only");
        }

        @Override
        String localReply(Link link, String outcome) throws Exception {
            Ask ask = Ask.of("hello", "x");
            ask.service = "interop.reply." + outcome + ":1.0";
            try {
                Object answer = ((BoltLink) link).send(ask, TIMEOUT_MILLIS);
                // The proxy answers as a SOFARPC server does; here that class is known.
                if (answer instanceof SofaResponse response) {
                    answer = response.getAppResponse();
                }
                return answer instanceof Throwable e ? name(e, outcome) : String.valueOf(answer);
            } catch (RemotingException e) {
                return name(e, outcome);
            }
        }

        private static String name(Throwable e, String outcome) {
            return e.getClass().getSimpleName() + (tells(e, text(outcome)) ? " and says so" : "");
        }

        @Override
        String expectation(String outcome) {
            return switch (outcome) {
                case "success" -> "0 null";
                case "bad_request", "too_large" -> "18 DeserializationException and says so";
                case "no_route", "unimplemented" -> "6 InvokeException";
                case "unavailable" -> "16 ConnectionClosedException";
                case "timeout" -> "7 InvokeTimeoutException";
                case "overloaded" -> "4 InvokeServerBusyException";
                case "bad_response" -> "9 CodecException";
                // Raw Bolt throws whatever goes wrong in a server.
                case "exception", "denied", "server_error" -> "2 InvokeServerException and says so";
                case "cancelled" -> "8 InvokeSendFailedException";
                default -> "3 InvokeException";
            };
        }
    }

    private record BoltLink(RpcClient client, Connection connection, boolean crc) implements Link {
        Object send(Object request, int timeout) throws RemotingException, InterruptedException {
            return client.invokeSync(connection, request, context(), timeout);
        }

        @Override
        public Echo echo() {
            return asking(TIMEOUT_MILLIS);
        }

        @Override
        public String later(String text, int millis, int timeout) {
            return asking(timeout).later(text, millis);
        }

        private Echo asking(int timeout) {
            return new Asking(ask -> {
                if (ask.method.equals("note")) {
                    client.oneway(connection, ask, context());
                    return new Answer();
                }
                return (Answer) send(ask, timeout);
            });
        }

        /** Only for methods that answer with text. */
        @Override
        @SuppressWarnings("unchecked")
        public <T> CompletableFuture<T> begin(Function<Echo, T> call) {
            CompletableFuture<T> done = new CompletableFuture<>();
            InvokeCallback callback = new InvokeCallback() {
                @Override
                public void onResponse(Object answer) {
                    done.complete((T) ((Answer) answer).text);
                }

                @Override
                public void onException(Throwable e) {
                    done.completeExceptionally(e);
                }

                @Override
                public Executor getExecutor() {
                    return null;
                }
            };
            call.apply(new Asking(ask -> {
                client.invokeWithCallback(connection, ask, context(), callback, TIMEOUT_MILLIS);
                return new Answer();
            }));
            return done;
        }

        private InvokeContext context() {
            InvokeContext context = new InvokeContext();
            context.put(InvokeContext.BOLT_CRC_SWITCH, crc);
            return context;
        }
    }

    private interface Invoking {
        Answer answer(Ask ask) throws Exception;
    }

    private record Asking(Invoking how) implements Echo {
        @Override
        public String hello(String name) {
            return answer(Ask.of("hello", name)).text;
        }

        @Override
        public int add(int a, int b) {
            Ask ask = Ask.of("add", null);
            ask.a = a;
            ask.b = b;
            return answer(ask).number;
        }

        @Override
        public void note(String mark) {
            answer(Ask.of("note", mark));
        }

        @Override
        public String noted(String mark) {
            return answer(Ask.of("noted", mark)).text;
        }

        @Override
        public byte[] echo(byte[] body) {
            Ask ask = Ask.of("echo", null);
            ask.body = body;
            return answer(ask).body;
        }

        @Override
        public String fail(String why) {
            return answer(Ask.of("fail", why)).text;
        }

        @Override
        public String later(String text, int millis) {
            Ask ask = Ask.of("later", text);
            ask.a = millis;
            return answer(ask).text;
        }

        private Answer answer(Ask ask) {
            try {
                return how.answer(ask);
            } catch (Exception e) {
                throw unchecked(e);
            }
        }

        /** Thrown as it is, though {@link Echo} does not declare it. */
        @SuppressWarnings("unchecked")
        private static <E extends Throwable> RuntimeException unchecked(Throwable e) throws E {
            throw (E) e;
        }
    }

    /** Writes `service` into the header map of the requests that have one. */
    private static final class Service extends DefaultCustomSerializer {
        @Override
        public <T extends RequestCommand> boolean serializeHeader(T request, InvokeContext context) {
            if (!(request instanceof RpcRequestCommand command)
                    || !(command.getRequestObject() instanceof Ask ask)
                    || ask.service == null) {
                return false;
            }
            byte[] key = "service".getBytes(StandardCharsets.UTF_8);
            byte[] value = ask.service.getBytes(StandardCharsets.UTF_8);
            ByteBuffer header = ByteBuffer.allocate(8 + key.length + value.length);
            header.putInt(key.length).put(key).putInt(value.length).put(value);
            request.setHeader(header.array());
            return true;
        }
    }
}
