//! Answers that the proxy gives itself, in the transport and encoding of their request.

use meshwire::{LocalReply, Outcome, StreamId};

use crate::begin::{self, kind};
use crate::envelope::LENGTH;
use crate::layout::Encoding;
use crate::{destination, found, result, tag, wrap};

/// Puts the answer to the request that `stream` names into `out`, which is empty; false where none is owed.
pub(crate) fn put(stream: StreamId, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
    let asked = stream.tag();
    if asked & tag::ONE_WAY != 0 {
        return false;
    }
    let layout = tag::layout(asked);
    wrap::put(layout, stream.id(), b"", &[], out);
    let inner_at = out.len().saturating_sub(LENGTH);
    put_message(layout.encoding, found::own(layout.transport, stream.id()), reply, out);
    let total = out.len();
    wrap::put_lengths(layout, Some(inner_at), total, out).is_ok()
}

fn put_message(encoding: Encoding, id: u32, reply: &LocalReply<'_>, out: &mut Vec<u8>) {
    // One that no reader takes is left out.
    let most = if encoding == Encoding::Json { begin::JSON_NAME } else { destination::MAX_NAME };
    let method = reply.method.filter(|method| method.len() <= most).unwrap_or_default();
    let escaped = encoding == Encoding::Json && method.iter().any(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\'));
    let method = if escaped { &[] } else { method };
    if reply.outcome == Outcome::Success {
        begin::put(encoding, kind::REPLY, &[method], id, out);
        result::put_void(encoding, out);
    } else {
        begin::put(encoding, kind::EXCEPTION, &[method], id, out);
        result::put_exception(encoding, reply.message, reply.outcome, out);
    }
}
