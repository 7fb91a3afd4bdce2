package interop;

import java.io.Serializable;

/** A request that no server of plain Bolt takes. */
public final class Stranger implements Serializable {
    private static final long serialVersionUID = 1;

    String text = "who is there?";
}
