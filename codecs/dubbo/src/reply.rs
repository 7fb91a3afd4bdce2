//! Answers that the proxy gives itself.
//!
//! Java reads an answer by the serialization that the answer names, and an error message as one string of it. Where the
//! request's serialization is one this crate writes, the answer has the same; else it is Hessian 2, which every Dubbo has. (A
//! Java client of 3.2 and later wants the request's serialization in an answer with status OK; so a direct reply of
//! [`Outcome::Success`] to a request in, say, Kryo is one that it may refuse.)

use meshwire::{LocalReply, Outcome};
use meshwire_hessian::{Dialect, put};

use crate::result::ResultKind;
use crate::serial::{Serial, names};
use crate::wire::{flag, put_frame};
use crate::{status, tag};

/// What Java's own filter makes of an exception whose class the client may not have.
const EXCEPTION: &str = "java.lang.RuntimeException";

/// Appends the answer to the request whose tag was `asked`; false where none is owed.
pub(crate) fn put(id: u64, asked: u32, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
    let asked_flag = asked as u8;
    if asked_flag & flag::TWO_WAY == 0 {
        return false;
    }
    let mut format = asked_flag & flag::SERIALIZATION;
    // Of two that call themselves fastjson, the request was in this one.
    let first = if asked & tag::SIZED != 0 { 0 } else { b'"' };
    let serial = Serial::of(format, Some(first));
    if serial.is_none() {
        format = names::HESSIAN2;
    }
    let answer = Answer { serial };
    match reply.outcome {
        Outcome::Success => put_frame(out, format, status::OK, id, |out| answer.put_flag(out, ResultKind::Null)),
        Outcome::Exception => {
            let mut body = Vec::new();
            answer.put_flag(&mut body, ResultKind::Exception);
            if answer.put_exception(&mut body, reply.message) {
                put_frame(out, format, status::OK, id, |out| out.extend_from_slice(&body));
            } else {
                // The nearest status without an object of a Java class.
                put_frame(out, format, status::SERVICE_ERROR, id, |out| answer.put_text(out, reply.message));
            }
        }
        outcome => put_frame(out, format, status::status_of(outcome), id, |out| answer.put_text(out, reply.message)),
    }
    true
}

/// The serialization of an answer: Hessian 2 where it is none of the others.
struct Answer {
    serial: Option<Serial>,
}

impl Answer {
    fn put_flag(&self, out: &mut Vec<u8>, kind: ResultKind) {
        put_flag(out, self.serial, kind);
    }

    fn put_text(&self, out: &mut Vec<u8>, text: &str) {
        match self.serial {
            None => put::string(out, Dialect::Hessian2, text),
            Some(serial) => serial.put_text(out, text),
        }
    }

    fn put_exception(&self, out: &mut Vec<u8>, message: &str) -> bool {
        match self.serial {
            None => put::exception(out, EXCEPTION, message),
            Some(serial) => return serial.put_exception(out, EXCEPTION, message),
        }
        true
    }
}

/// Appends the flag in front of a result; `serial`: in another serialization than Hessian 2.
pub(crate) fn put_flag(out: &mut Vec<u8>, serial: Option<Serial>, kind: ResultKind) {
    match serial {
        None => put::int(out, i32::from(kind as u8)),
        Some(serial) => serial.put_flag(out, kind as u8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(asked: u8, outcome: Outcome) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        put(7, u32::from(asked), &LocalReply::new(outcome, "no \"x\"\n"), &mut out).then_some(out)
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
            (0xd7, 0x17, b"\0\0\0\x08\x50no \"x\"\n"),
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
        assert_eq!(reply(0xd7, Outcome::Success).unwrap()[16..], [0, 0, 0, 2, 0xbd, 2]);
        let thrown = reply(0xc2, Outcome::Exception).unwrap();
        assert_eq!(thrown[3], status::OK);
        assert_eq!(thrown[16..], *b"\x90C\x1ajava.lang.RuntimeException\x91\x0ddetailMessage\x60\x07no \"x\"\n");
        assert_eq!(reply(0xc6, Outcome::Exception).unwrap()[3], status::SERVICE_ERROR);
    }
}
