//! Which fields the encoder puts into its table.

use super::field::Field;
use super::known::Known;

/// Cookies shorter than this could be guessed (RFC 7541, section 7.1.3).
const GUESSABLE: usize = 20;

/// The longest path that may be one of a few.
const PATH: usize = 96;

/// The most digits in such a path: `v1` and `2024`, not an id.
const DIGITS: usize = 4;

/// Whether no hop should put the field into a table: credentials that could be guessed one piece at a time
/// (RFC 7541, sections 7.1.3 and 6.2.3).
#[inline]
pub(crate) fn is_sensitive(field: &Field<'_>) -> bool {
    field.never_indexed
        || match field.known {
            Known::AUTHORIZATION | Known::PROXY_AUTHORIZATION => true,
            Known::COOKIE => field.value.len() < GUESSABLE,
            _ => false,
        }
}

/// Whether the field may well come again with the same value.
#[inline]
pub(crate) fn may_repeat(field: &Field<'_>) -> bool {
    match field.known {
        Known::PATH => is_one_of_few(field.value),
        Known::OTHER => !is_id(field.name),
        Known::AGE
        | Known::CONTENT_LENGTH
        | Known::CONTENT_RANGE
        | Known::ETAG
        | Known::EXPIRES
        | Known::GRPC_MESSAGE
        | Known::GRPC_TIMEOUT
        | Known::IF_MATCH
        | Known::IF_MODIFIED_SINCE
        | Known::IF_NONE_MATCH
        | Known::IF_RANGE
        | Known::IF_UNMODIFIED_SINCE
        | Known::LAST_MODIFIED
        | Known::LOCATION
        | Known::RANGE
        | Known::SET_COOKIE => false,
        _ => true,
    }
}

fn is_one_of_few(path: &[u8]) -> bool {
    path.len() <= PATH
        && !path.iter().any(|b| matches!(b, b'?' | b'%'))
        && path.iter().filter(|b| b.is_ascii_digit()).count() <= DIGITS
}

/// Names whose values name one request.
fn is_id(name: &[u8]) -> bool {
    matches!(
        name,
        b"b3"
            | b"idempotency-key"
            | b"traceparent"
            | b"tracestate"
            | b"uber-trace-id"
            | b"x-amzn-trace-id"
            | b"x-b3-parentspanid"
            | b"x-b3-spanid"
            | b"x-b3-traceid"
            | b"x-cloud-trace-context"
            | b"x-correlation-id"
            | b"x-datadog-parent-id"
            | b"x-datadog-trace-id"
            | b"x-request-id"
            | b"x-request-start"
    )
}
