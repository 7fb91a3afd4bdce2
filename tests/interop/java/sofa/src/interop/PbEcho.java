package interop;

import com.google.protobuf.BytesValue;
import com.google.protobuf.StringValue;

/** What is called with protobuf in place of Hessian; its messages are ones that need no compiler. */
public interface PbEcho {
    StringValue hello(StringValue name);

    BytesValue echo(BytesValue body);
}
