package interop;

import com.alipay.remoting.Connection;
import com.alipay.sofa.rpc.common.RpcConstants;
import com.alipay.sofa.rpc.common.Version;
import com.alipay.sofa.rpc.config.ConsumerConfig;
import com.alipay.sofa.rpc.config.MethodConfig;
import com.alipay.sofa.rpc.config.ProviderConfig;
import com.alipay.sofa.rpc.config.ServerConfig;
import com.alipay.sofa.rpc.context.RpcInvokeContext;
import com.alipay.sofa.rpc.core.exception.RpcErrorType;
import com.alipay.sofa.rpc.core.exception.SofaRpcException;
import com.alipay.sofa.rpc.core.exception.SofaTimeOutException;
import com.alipay.sofa.rpc.core.invoke.SofaResponseCallback;
import com.alipay.sofa.rpc.core.request.RequestBase;
import com.alipay.sofa.rpc.ext.ExtensionLoaderFactory;
import com.alipay.sofa.rpc.transport.ClientTransport;
import com.google.protobuf.ByteString;
import com.google.protobuf.BytesValue;
import com.google.protobuf.StringValue;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;

/** A peer of SOFARPC over Bolt, with services `interop.Echo:1.0` in Hessian and `interop.PbEcho:1.0` in protobuf. */
public final class RpcPeer {
    private static final int TIMEOUT_MILLIS = 30_000;

    private RpcPeer() {
    }

    public static void main(String[] args) throws Exception {
        Peer.main(args, Version.VERSION, RpcPeer::serve, Client::new);
    }

    private static void serve(int port) {
        ServerConfig server = new ServerConfig()
                .setProtocol(RpcConstants.PROTOCOL_TYPE_BOLT)
                .setHost("127.0.0.1")
                .setBoundHost("127.0.0.1")
                .setPort(port)
                // One sleeps in each call of `later`, and more wait than there are.
                .setCoreThreads(200)
                .setMaxThreads(200)
                .setQueues(10_000);
        new ProviderConfig<Echo>()
                .setInterfaceId(Echo.class.getName())
                .setRef(new EchoService())
                .setServer(server)
                .setRegister(false)
                .export();
        new ProviderConfig<PbEcho>()
                .setInterfaceId(PbEcho.class.getName())
                .setRef(new PbEchoService())
                .setServer(server)
                .setRegister(false)
                .export();
    }

    private static final class PbEchoService implements PbEcho {
        @Override
        public StringValue hello(StringValue name) {
            return StringValue.of("hello " + name.getValue());
        }

        @Override
        public BytesValue echo(BytesValue body) {
            return body;
        }
    }

    private static final class Client extends Cases {
        private final String address;

        Client(String host, int port) {
            super(port);
            address = "bolt://" + host + ":" + port;
            ExtensionLoaderFactory.getExtensionLoader(ClientTransport.class).loadExtension(RpcTransport.class);
        }

        @Override
        Link link(String name, int protocol, int version, boolean crc) {
            return new RpcLink(name, address + "?link=" + name + "&protocol=" + protocol
                    + "&version=" + version + "&crc=" + crc);
        }

        @Override
        boolean ignoresSwitch() {
            return false;
        }

        @Override
        boolean isTimeout(Throwable e) {
            return e instanceof SofaTimeOutException;
        }

        @Override
        String unknownService(Link link) {
            Echo missing = ((RpcLink) link).service("interop.Missing", Echo.class).refer();
            try {
                missing.hello("nobody");
            } catch (SofaTimeOutException e) {
                throw e;
            } catch (SofaRpcException e) {
                if (e.getErrorType() == RpcErrorType.CLIENT_NETWORK) {
                    throw e;
                }
                return e.getErrorType() + " " + e.getMessage();
            }
            throw new IllegalStateException("nothing was thrown");
        }

        @Override
        String protobuf(Link link) {
            PbEcho echo = ((RpcLink) link).service(PbEcho.class.getName(), PbEcho.class)
                    .setSerialization(RpcConstants.SERIALIZE_PROTOBUF)
                    .refer();
            for (String name : List.of("world", "wörld", "\uD83D\uDE00", "x".repeat(70_000))) {
                same("hello " + name, echo.hello(StringValue.of(name)).getValue());
            }
            byte[] body = new byte[1 << 20];
            new java.util.Random(1).nextBytes(body);
            same(ByteString.copyFrom(body), echo.echo(BytesValue.of(ByteString.copyFrom(body))).getValue());
            return "";
        }

        @Override
        String localReply(Link link, String outcome) {
            Echo echo = ((RpcLink) link).service("interop.reply." + outcome, Echo.class).refer();
            String says = "";
            try {
                return String.valueOf(echo.hello("x"));
            } catch (Exception e) {
                if (tells(e, text(outcome))) {
                    says = " and says so";
                }
                String type = e instanceof SofaRpcException rpc ? " " + rpc.getErrorType() : "";
                String cause = e.getCause() == null ? "" : " by " + e.getCause().getClass().getSimpleName();
                return e.getClass().getSimpleName() + type + cause + says;
            }
        }

        @Override
        String expectation(String outcome) {
            return switch (outcome) {
                case "success" -> "0 null";
                case "exception" -> "0 RuntimeException and says so";
                case "bad_request", "too_large" ->
                    "18 SofaRpcException 130 by DeserializationException and says so"; // SERVER_DESERIALIZE
                case "no_route", "unimplemented" ->
                    "6 SofaRpcException 299 by InvokeException"; // CLIENT_UNDECLARED_ERROR
                case "unavailable" ->
                    "16 SofaRpcException 250 by ConnectionClosedException"; // CLIENT_NETWORK
                case "timeout" ->
                    "7 SofaTimeOutException 200 by InvokeTimeoutException"; // CLIENT_TIMEOUT
                case "overloaded" ->
                    "4 SofaRpcException 100 by InvokeServerBusyException"; // SERVER_BUSY
                case "bad_response" ->
                    "9 SofaRpcException 299 by CodecException"; // CLIENT_UNDECLARED_ERROR
                case "denied", "server_error" ->
                    "2 SofaRpcException 199 by RpcServerException and says so"; // SERVER_UNDECLARED_ERROR
                case "cancelled" ->
                    "8 SofaRpcException 250 by InvokeSendFailedException"; // CLIENT_NETWORK
                default ->
                    "3 SofaRpcException 299 by InvokeException"; // CLIENT_UNDECLARED_ERROR
            };
        }
    }

    private static final class RpcLink implements Link {
        private final String name;
        private final String url;
        private final Echo echo;
        private final Echo callingBack;

        RpcLink(String name, String url) {
            this.name = name;
            this.url = url;
            MethodConfig note = new MethodConfig().setName("note").setInvokeType(RpcConstants.INVOKER_TYPE_ONEWAY);
            echo = service(Echo.class.getName(), Echo.class).setMethods(List.of(note)).refer();
            callingBack = service(Echo.class.getName(), Echo.class)
                    .setInvokeType(RpcConstants.INVOKER_TYPE_CALLBACK)
                    .refer();
        }

        /** A service by any name, of which only the proxy's class is known here. */
        <T> ConsumerConfig<T> service(String service, Class<T> type) {
            return new ConsumerConfig<T>()
                    .setInterfaceId(service)
                    .setProxyClass(type)
                    .setDirectUrl(url)
                    .setProtocol(RpcConstants.PROTOCOL_TYPE_BOLT)
                    .setRegister(false)
                    .setRepeatedReferLimit(-1)
                    .setConnectTimeout(10_000)
                    .setTimeout(TIMEOUT_MILLIS);
        }

        @Override
        public Echo echo() {
            return echo;
        }

        @Override
        public <T> CompletableFuture<T> begin(Function<Echo, T> call) {
            CompletableFuture<T> done = new CompletableFuture<>();
            RpcInvokeContext.getContext().setResponseCallback(new SofaResponseCallback<T>() {
                @Override
                @SuppressWarnings("unchecked")
                public void onAppResponse(Object answer, String method, RequestBase request) {
                    done.complete((T) answer);
                }

                @Override
                public void onAppException(Throwable e, String method, RequestBase request) {
                    done.completeExceptionally(e);
                }

                @Override
                public void onSofaException(SofaRpcException e, String method, RequestBase request) {
                    done.completeExceptionally(e);
                }
            });
            call.apply(callingBack);
            return done;
        }

        @Override
        public String later(String text, int millis, int timeout) {
            RpcInvokeContext.getContext().setTimeout(timeout);
            return echo.later(text, millis);
        }

        @Override
        public Connection connection() {
            return RpcTransport.BY_LINK.get(name).fetchConnection();
        }
    }
}
