//! Answers that the proxy gives itself.
//!
//! Java reads an answer by the serialization that the answer names, and an error message as one string of it. Where
//! the request's serialization is one this crate writes, the answer has the same; else it is Hessian 2, which every
//! Dubbo has. (A Java client of 3.2 and later wants the request's serialization in an answer with status OK; so a direct
//! reply of [`Outcome::Success`] to a request in, say, Kryo is one that it may refuse.)

use meshwire::{LocalReply, Outcome};

use crate::hessian;
use crate::result::ResultKind;
use crate::status;
use crate::wire::{flag, put_frame, serialization};

/// Appends the answer to the request whose flag was `asked`; false where none is owed.
pub(crate) fn put(id: u64, asked: u8, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
    if asked & flag::TWO_WAY == 0 {
        return false;
    }
    let format = match asked & flag::SERIALIZATION {
        known @ (serialization::HESSIAN2 | serialization::FASTJSON | serialization::FASTJSON2) => known,
        _ => serialization::HESSIAN2,
    };
    match reply.outcome {
        Outcome::Success => {
            put_frame(out, format, status::OK, id, |out| put_flag(out, format, ResultKind::Null));
        }
        Outcome::Exception if format == serialization::HESSIAN2 => put_frame(out, format, status::OK, id, |out| {
            put_flag(out, format, ResultKind::Exception);
            hessian::put_exception(out, reply.message);
        }),
        // An object of a Java class is more than is written here of the others: the nearest status without one.
        Outcome::Exception => {
            put_frame(out, format, status::SERVICE_ERROR, id, |out| put_text(out, format, reply.message));
        }
        outcome => {
            put_frame(out, format, status::status_of(outcome), id, |out| put_text(out, format, reply.message));
        }
    }
    true
}

/// Appends the flag in front of a result.
pub(crate) fn put_flag(out: &mut Vec<u8>, format: u8, kind: ResultKind) {
    match format {
        serialization::FASTJSON => out.extend_from_slice(&[b'0' | kind as u8, b'\n']),
        serialization::FASTJSON2 => out.extend_from_slice(&[0, 0, 0, 1, kind as u8]),
        _ => hessian::put_small_int(out, kind as u8),
    }
}

fn put_text(out: &mut Vec<u8>, format: u8, text: &str) {
    match format {
        serialization::FASTJSON => put_json(out, text),
        serialization::FASTJSON2 => put_jsonb(out, text),
        _ => hessian::put_string(out, text),
    }
}

/// Appends a line of JSON.
fn put_json(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => {
                let digit = if byte & 0x0f < 10 { b'0' } else { b'a' - 10 };
                let low = digit.saturating_add(byte & 0x0f);
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', b'0' | byte >> 4, low]);
            }
            _ => out.push(byte),
        }
    }
    out.extend_from_slice(b"\"\n");
}

/// A JSONB string of UTF-8, and the tag of a 32-bit length.
const JSONB_UTF8: u8 = 0x7a;
const JSONB_INT32: u8 = 0x48;

/// Appends a length and a JSONB string.
fn put_jsonb(out: &mut Vec<u8>, text: &str) {
    let len = u32::try_from(text.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&len.saturating_add(6).to_be_bytes());
    out.extend_from_slice(&[JSONB_UTF8, JSONB_INT32]);
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(asked: u8, outcome: Outcome) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        put(7, asked, &LocalReply::new(outcome, "no \"x\"\n"), &mut out).then_some(out)
    }

    #[test]
    fn one_way_requests_get_none() {
        for outcome in Outcome::ALL {
            assert!(reply(0x82, outcome).is_none());
            assert!(reply(0xc2, outcome).is_some());
        }
    }

    #[test]
    fn the_answer_has_the_request_s_serialization_or_hessian() {
        for (asked, flag, body) in [
            (0xc2, 0x02, &b"\x07no \"x\"\n"[..]),
            (0xc6, 0x06, b"\"no \\\"x\\\"\\u000a\"\n"),
            (0xd7, 0x17, b"\0\0\0\x0d\x7a\x48\0\0\0\x07no \"x\"\n"),
            (0xc8, 0x02, b"\x07no \"x\"\n"),
        ] {
            let bytes = reply(asked, Outcome::NoRoute).unwrap();
            assert_eq!(&bytes[..12], [0xda, 0xbb, flag, 60, 0, 0, 0, 0, 0, 0, 0, 7], "{asked:x}");
            assert_eq!(&bytes[16..], body, "{asked:x}");
            assert_eq!(bytes[15] as usize, body.len());
        }
    }

    #[test]
    fn success_is_a_null_and_an_exception_is_one() {
        assert_eq!(reply(0xc2, Outcome::Success).unwrap()[16..], [0x92]);
        assert_eq!(reply(0xc6, Outcome::Success).unwrap()[16..], *b"2\n");
        assert_eq!(reply(0xd7, Outcome::Success).unwrap()[16..], [0, 0, 0, 1, 2]);
        let thrown = reply(0xc2, Outcome::Exception).unwrap();
        assert_eq!(thrown[3], status::OK);
        assert_eq!(thrown[16..], *b"\x90C\x1ajava.lang.RuntimeException\x91\x0ddetailMessage\x60\x07no \"x\"\n");
        assert_eq!(reply(0xc6, Outcome::Exception).unwrap()[3], status::SERVICE_ERROR);
    }
}
