package interop;

/** The same by a third name: of calls to it the sidecar edits the attachments as it can where a message streams. */
public interface Streamed extends Echo {}
