//! Answers that the proxy gives itself.
//!
//! Java reads the content of three error statuses, as an `RpcServerException` in Hessian whatever the request was
//! serialized with, and Node that of all of them. So every error brings one that says what happened.

use meshwire::{LocalReply, Outcome, StreamId};
use meshwire_hessian::{Dialect, put};

use crate::map;
use crate::status;
use crate::tag;
use crate::wire::{Header, codec, command, is_hessian, kind};

/// The class of a SOFARPC answer.
pub(crate) const SOFA_RESPONSE: &str = "com.alipay.sofa.rpc.core.response.SofaResponse";
/// The class of what Bolt itself answers.
const SERVER_EXCEPTION: &str = "com.alipay.remoting.rpc.exception.RpcServerException";
/// What an exception of the service itself is.
const APP_EXCEPTION: &str = "java.lang.RuntimeException";

/// Hessian's, in either dialect.
const NULL: &[u8] = b"N";
const FALSE: &[u8] = b"F";

/// What says that a SOFARPC answer is an exception or error of the service's own.
pub(crate) const RESPONSE_ERROR: &[u8] = b"sofa_head_response_error";
pub(crate) const TRUE: &[u8] = b"true";

/// Appends the answer to the request that `stream` names, without a checksum; false where none is owed.
pub(crate) fn put(stream: StreamId, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
    let asked = stream.tag();
    if asked & tag::ONE_WAY != 0 {
        return false;
    }
    let answer = Answer::new(asked, reply);
    let header = Header {
        version: asked & tag::VERSION,
        kind: kind::RESPONSE,
        command: command::RESPONSE,
        id: stream.id() as u32,
        codec: answer.codec,
        word: i32::from(answer.status),
        class: answer.class.len() as u16,
        map: answer.map.len() as u16,
        content: answer.content.len() as u32,
    };
    header.put(out);
    out.extend_from_slice(answer.class.as_bytes());
    out.extend_from_slice(&answer.map);
    out.extend_from_slice(&answer.content);
    true
}

struct Answer {
    status: u16,
    codec: u8,
    class: &'static str,
    map: Vec<u8>,
    content: Vec<u8>,
}

impl Answer {
    fn new(asked: u32, reply: &LocalReply<'_>) -> Self {
        let dialect = if asked & tag::FINAL != 0 { Dialect::Hessian2 } else { Dialect::Ant3 };
        let codec = tag::codec(asked);
        let is_hessian = is_hessian(codec);
        let is_sofa = asked & tag::SOFA != 0;
        let mut answer = Self { status: status::SUCCESS, codec, class: "", map: Vec::new(), content: Vec::new() };
        match reply.outcome {
            Outcome::Success if is_sofa => {
                answer.class = SOFA_RESPONSE;
                if is_hessian {
                    put_response(dialect, NULL, &mut answer.content);
                }
            }
            // A null, as Java's raw Bolt writes it.
            Outcome::Success => {}
            Outcome::Exception if is_sofa && (is_hessian || codec == codec::PROTOBUF) => {
                answer.class = SOFA_RESPONSE;
                map::put(RESPONSE_ERROR, TRUE, &mut answer.map);
                if is_hessian {
                    let mut exception = Vec::new();
                    put_exception(dialect, 1, APP_EXCEPTION, reply.message, &mut exception);
                    put_response(dialect, &exception, &mut answer.content);
                } else {
                    answer.content.extend_from_slice(reply.message.as_bytes());
                }
            }
            outcome => {
                answer.status = status::status_of(outcome);
                answer.codec = codec::HESSIAN;
                answer.class = SERVER_EXCEPTION;
                put_exception(dialect, 0, SERVER_EXCEPTION, reply.message, &mut answer.content);
            }
        }
        answer
    }
}

/// Appends a `SofaResponse` that brings `value`.
fn put_response(dialect: Dialect, value: &[u8], out: &mut Vec<u8>) {
    let fields: [(&str, &[u8]); 4] =
        [("isError", FALSE), ("errorMsg", NULL), ("appResponse", value), ("responseProps", NULL)];
    put::object(out, dialect, 0, SOFA_RESPONSE, &fields);
}

/// Appends an exception whose class is the `n`th to be defined. Node takes it for one by its stack trace.
fn put_exception(dialect: Dialect, n: u32, class: &str, message: &str, out: &mut Vec<u8>) {
    let (mut text, mut trace) = (Vec::new(), Vec::new());
    put::string(&mut text, dialect, message);
    put::typed_list_begin(&mut trace, dialect, "[java.lang.StackTraceElement", 0);
    put::list_end(&mut trace, dialect);
    let fields: [(&str, &[u8]); 3] = [("detailMessage", &text), ("cause", NULL), ("stackTrace", &trace)];
    put::object(out, dialect, n, class, &fields);
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: u32 = tag::KNOWN;

    fn reply(tag: u32, outcome: Outcome) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        put(StreamId::new(7).with_tag(tag), &LocalReply::new(outcome, "no"), &mut out).then_some(out)
    }

    #[test]
    fn one_way_requests_get_none() {
        for outcome in Outcome::ALL {
            assert!(reply(KNOWN | tag::ONE_WAY | 1, outcome).is_none());
            assert!(reply(KNOWN | 1, outcome).is_some());
        }
    }

    #[test]
    fn an_error_is_an_exception_in_hessian_whatever_the_request_was() {
        for codec in [1, 4, 11, 12, 200] {
            let bytes = reply(KNOWN | codec, Outcome::NoRoute).unwrap();
            assert_eq!(bytes[..12], [1, 0, 0, 2, 1, 0, 0, 0, 7, 1, 0, 6]);
            let content = [
                b"O\xc8\x34".as_slice(),
                SERVER_EXCEPTION.as_bytes(),
                b"\x93\x0ddetailMessage\x05cause\x0astackTraceo\x90\x02noNVt\0\x1c[java.lang.StackTraceElementn\0z",
            ]
            .concat();
            let lengths = [0, 0x34, 0, 0, 0, 0, 0, content.len() as u8];
            assert_eq!(bytes[12..], [lengths.as_slice(), SERVER_EXCEPTION.as_bytes(), &content].concat(), "{codec}");
        }
    }

    #[test]
    fn in_the_version_and_the_dialect_of_the_request() {
        let bytes = reply(KNOWN | tag::V2 | tag::VER1_2 | tag::CRC | tag::FINAL | 1, Outcome::Timeout).unwrap();
        assert_eq!(bytes[..14], [2, 2, 0, 0, 2, 1, 0, 0, 0, 7, 1, 1, 0, 7]);
        assert_eq!(bytes[74], b'C');
        assert_eq!(reply(KNOWN | tag::V2 | 1, Outcome::Timeout).unwrap()[..12], [2, 1, 0, 0, 2, 1, 0, 0, 0, 7, 1, 0]);
    }

    #[test]
    fn success_is_a_null() {
        let bytes = reply(KNOWN | 1, Outcome::Success).unwrap();
        assert_eq!(bytes, [1, 0, 0, 2, 1, 0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let bytes = reply(KNOWN | tag::SOFA | 1, Outcome::Success).unwrap();
        assert!(bytes.ends_with(b"o\x90FNNN"));
        let bytes = reply(KNOWN | tag::SOFA | tag::FINAL | 1, Outcome::Success).unwrap();
        assert!(bytes.ends_with(b"\x60FNNN"));
        // A message of protobuf in which nothing is set is empty.
        let bytes = reply(KNOWN | tag::SOFA | 11, Outcome::Success).unwrap();
        assert_eq!((bytes[9], bytes.len()), (11, 20 + SOFA_RESPONSE.len()));
    }

    #[test]
    fn an_exception_of_the_service_s_own() {
        let bytes = reply(KNOWN | tag::SOFA | 1, Outcome::Exception).unwrap();
        assert_eq!(bytes[11], 0);
        let exception = b"O\xaajava.lang.RuntimeException\x93\x0ddetailMessage\x05cause\x0astackTraceo\x91\x02noN\
            Vt\0\x1c[java.lang.StackTraceElementn\0z";
        assert!(bytes.ends_with(&[b"o\x90FN", &exception[..], b"N"].concat()));
        let bytes = reply(KNOWN | tag::SOFA | 11, Outcome::Exception).unwrap();
        assert!(bytes.ends_with(b"\0\0\0\x18sofa_head_response_error\0\0\0\x04trueno"));
        for tag in [KNOWN | 1, KNOWN | tag::SOFA | 12] {
            assert_eq!(reply(tag, Outcome::Exception).unwrap()[11], 2);
        }
    }
}
