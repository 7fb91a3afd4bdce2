package interop;

import static interop.Check.that;
import static interop.Check.thrown;

import java.util.ArrayList;
import java.util.List;
import org.apache.dubbo.rpc.RpcException;
import org.apache.dubbo.rpc.RpcInvocation;
import org.apache.dubbo.rpc.service.GenericService;

/** What is answered to calls that go nowhere. */
final class Errors {
    private static final List<String> OUTCOMES = List.of("success", "exception", "bad_request", "no_route", "unavailable",
            "timeout", "overloaded", "bad_response", "too_large", "denied", "unimplemented", "cancelled", "server_error",
            "unknown");

    private final Client client;

    Errors(Client client) {
        this.client = client;
    }

    String unknownMethod() throws Exception {
        RpcInvocation call = new RpcInvocation();
        call.setMethodName("nothing");
        call.setParameterTypes(new Class<?>[] {String.class});
        call.setArguments(new Object[] {"x"});
        call.setParameterTypesDesc("Ljava/lang/String;");
        call.setReturnType(String.class);
        return thrown("nothing", () -> client.invoker().invoke(call).recreate()).getClass().getSimpleName();
    }

    String unknownService() {
        Nowhere nowhere = client.of(Nowhere.class);
        // Some name the service, some the method.
        return thrown("", () -> nowhere.hello("x")).getClass().getSimpleName();
    }

    /** The proxy answers itself, and says which outcome it was told to answer with. */
    String localReplies() {
        List<String> wrong = new ArrayList<>();
        for (String outcome : OUTCOMES) {
            String expected = expectation(outcome);
            String came = came(outcome);
            if (!came.equals(expected)) {
                wrong.add(outcome + ": " + came + ", not " + expected);
            }
        }
        that(wrong.isEmpty(), String.join("; ", wrong));
        return "";
    }

    /**
     * What the client makes of it: a timeout is one, all the others are failures of the network to it. An exception is an
     * object of a Java class, which JSON has no name for.
     */
    private String expectation(String outcome) {
        return switch (outcome) {
            case "success" -> "null";
            case "exception" -> !client.serialization.equals("fastjson") ? "RuntimeException" : "RpcException " + RpcException.NETWORK_EXCEPTION;
            case "timeout" -> "RpcException " + RpcException.TIMEOUT_EXCEPTION;
            default -> "RpcException " + RpcException.NETWORK_EXCEPTION;
        };
    }

    private String came(String outcome) {
        GenericService service = client.generic("interop.reply." + outcome);
        Object answer;
        try {
            answer = service.$invoke("hello", new String[] {"java.lang.String"}, new Object[] {"x"});
        } catch (Exception e) {
            Check.thrown("answered here: " + outcome, () -> {
                throw e;
            });
            String code = e instanceof RpcException ? " " + ((RpcException) e).getCode() : "";
            return e.getClass().getSimpleName() + code;
        }
        return String.valueOf(answer);
    }
}
