package interop;

/** The same by another name: of calls to it the sidecar edits the attachments. */
public interface Added extends Echo {}
