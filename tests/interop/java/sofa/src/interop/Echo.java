package interop;

/** The service that every SOFARPC peer offers, in Java and in JavaScript. */
public interface Echo {
    String hello(String name);

    int add(int a, int b);

    /** Called one-way. */
    void note(String mark);

    /** "yes" once a note with this mark has come. */
    String noted(String mark);

    byte[] echo(byte[] body);

    /** Always throws. */
    String fail(String why);

    /** Answers after a while, so that answers overtake each other. */
    String later(String text, int millis);
}
