package interop;

/** What no server offers. */
public interface Nowhere {
    String hello(String name);
}
