package interop;

import java.io.Serializable;

/** An answer of plain Bolt; what the method does not give is null or 0. */
public final class Answer implements Serializable {
    private static final long serialVersionUID = 1;

    String text;
    int number;
    byte[] body;

    static Answer of(String text) {
        Answer answer = new Answer();
        answer.text = text;
        return answer;
    }
}
