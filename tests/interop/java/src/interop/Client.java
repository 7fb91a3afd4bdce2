package interop;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.MethodConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.rpc.Invoker;
import org.apache.dubbo.rpc.service.GenericService;

/** The client's end: all its references share one connection. */
final class Client {
    static final int TIMEOUT_MILLIS = 30_000;
    /** Of the calls that are made while the server may be closed. */
    static final int SHORT_MILLIS = 2000;

    final int port;
    final Echo echo;
    final Added added;
    final Streamed streamed;
    final String serialization;
    private final ApplicationConfig application = Main.application("interop-client");
    private final String address;
    private final ReferenceConfig<Echo> reference;

    Client(String serialization, String address) {
        this.serialization = serialization;
        this.address = address.replace("127.0.0.1", Main.LOOPBACK);
        this.port = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
        this.reference = reference(Echo.class.getName());
        reference.setInterface(Echo.class);
        reference.setMethods(methods());
        this.echo = reference.get();
        this.added = of(Added.class);
        this.streamed = of(Streamed.class);
    }

    <T> T of(Class<T> type) {
        ReferenceConfig<T> reference = reference(type.getName());
        reference.setInterface(type);
        return reference.get();
    }

    GenericService generic(String service) {
        ReferenceConfig<GenericService> reference = reference(service);
        reference.setInterface(service);
        reference.setGeneric("true");
        return reference.get();
    }

    /** What calls methods that the interface does not have. */
    Invoker<?> invoker() throws Exception {
        // Public in one version only.
        Method invoker = ReferenceConfig.class.getDeclaredMethod("getInvoker");
        invoker.setAccessible(true);
        return (Invoker<?>) invoker.invoke(reference);
    }

    private <T> ReferenceConfig<T> reference(String service) {
        ReferenceConfig<T> reference = new ReferenceConfig<>();
        reference.setApplication(application);
        reference.setVersion(Main.VERSION);
        reference.setUrl("dubbo://" + address + "/" + service + "?serialization=" + serialization + "&payload="
                + Main.PAYLOAD + "&heartbeat=" + Main.HEARTBEAT_MILLIS
                + "&subscribe.1.callback=true");
        reference.setProtocol("dubbo");
        reference.setTimeout(TIMEOUT_MILLIS);
        reference.setRetries(0);
        return reference;
    }

    private static List<MethodConfig> methods() {
        List<MethodConfig> methods = new ArrayList<>();
        MethodConfig note = new MethodConfig();
        note.setName("note");
        note.setReturn(false);
        methods.add(note);
        for (String name : List.of("life", "drain")) {
            MethodConfig quick = new MethodConfig();
            quick.setName(name);
            quick.setTimeout(SHORT_MILLIS);
            methods.add(quick);
        }
        return methods;
    }
}
