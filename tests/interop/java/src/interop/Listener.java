package interop;

/** An argument that the server calls back. */
public interface Listener {
    String told(String text);
}
