//! Frames of the connection itself: heartbeats, and a server's word that it takes no more requests.

use meshwire::frame::Control;
use meshwire_hessian::{Dialect, put};

use crate::hessian;
use crate::serial::{Serial, names};
use crate::wire::{Header, flag, put_frame};
use crate::{status, tag};

/// Java refuses to read events past 15 bytes; the null of every serialization is shorter.
const EVENT_MAX: usize = 15;

/// The event by which a server says that it takes no more requests.
const READ_ONLY: &str = "R";

/// What an event says.
///
/// A heartbeat is the serialization's own null. Of a serialization that this crate does not read, a short two-way event
/// must be one, since Java waits for an answer to nothing else; one-way events of those are ignored.
pub(crate) fn read(header: Header, body: &[u8]) -> Control {
    if !header.has(flag::REQUEST) {
        // MOSN answers with two nulls, others with none: the flag says it all.
        return Control::HeartbeatAck;
    }
    let word = match (header.serialization(), body) {
        (_, []) => Word::Null,
        (names::HESSIAN2, [hessian::NULL]) => Word::Null,
        (names::HESSIAN2, [0x01, word]) => Word::Text(*word),
        (names::FASTJSON, _) => match body.trim_ascii() {
            b"null" => Word::Null,
            [b'"', word, b'"'] => Word::Text(*word),
            _ => Word::Other,
        },
        (names::FASTJSON2, [0, 0, 0, 1, 0xaf]) => Word::Null,
        // A string of one ASCII byte.
        (names::FASTJSON2, [0, 0, 0, 2, 0x4a, word]) => Word::Text(*word),
        (names::HESSIAN2 | names::FASTJSON2, _) => Word::Other,
        _ if header.has(flag::TWO_WAY) && body.len() <= EVENT_MAX => Word::Null,
        _ => Word::Other,
    };
    match word {
        Word::Null => Control::Heartbeat,
        Word::Text(word) if READ_ONLY.as_bytes() == [word] => Control::GoAway,
        Word::Text(_) | Word::Other => Control::Ignored,
    }
}

enum Word {
    Null,
    Text(u8),
    Other,
}

/// Appends the answer to a heartbeat, if it wants one: the request's serialization, and its own null.
pub(crate) fn put_ack(header: Header, body: &[u8], out: &mut Vec<u8>) -> bool {
    if !header.has(flag::REQUEST | flag::TWO_WAY) {
        return false;
    }
    let flag = flag::EVENT | header.serialization();
    put_frame(out, flag, status::OK, header.id, |out| match (header.serialization(), body) {
        (names::HESSIAN2, []) => put::null(out),
        _ => out.extend_from_slice(body),
    });
    true
}

/// Appends a heartbeat that wants an answer, in the serialization of the message whose tag is `like` if it has a null that is
/// known, else in Hessian 2.
pub(crate) fn put_heartbeat(id: u64, like: u32, out: &mut Vec<u8>) {
    let spoken = like as u8 & flag::SERIALIZATION;
    let first = if like & tag::SIZED != 0 { 0 } else { b'n' };
    let mut null = Vec::new();
    if let Some(serial) = Serial::of(spoken, Some(first)) {
        serial.put_null(&mut null);
    }
    let format = if null.is_empty() { names::HESSIAN2 } else { spoken };
    if null.is_empty() {
        put::null(&mut null);
    }
    put_frame(out, flag::REQUEST | flag::TWO_WAY | flag::EVENT | format, 0, id, |out| out.extend_from_slice(&null));
}

/// Appends the read-only event.
pub(crate) fn put_read_only(id: u64, out: &mut Vec<u8>) {
    let flag = flag::REQUEST | flag::EVENT | names::HESSIAN2;
    put_frame(out, flag, 0, id, |out| put::string(out, Dialect::Hessian2, READ_ONLY));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(flag: u8, body: &[u8]) -> Control {
        read(Header { flag, status: 0, id: 7, length: body.len() as u32 }, body)
    }

    #[test]
    fn a_null_is_a_heartbeat_and_a_word_is_not() {
        for (flag, null, word) in [
            (0xe2, &b"N"[..], &b"\x01R"[..]),
            (0xa2, b"N", b"\x01R"),
            (0xe6, b"null\n", b"\"R\"\r\n"),
            (0xf7, b"\0\0\0\x01\xaf", b"\0\0\0\x02\x4aR"),
        ] {
            assert_eq!(says(flag, null), Control::Heartbeat, "{flag:x}");
            assert_eq!(says(flag, word), Control::GoAway, "{flag:x}");
            let writeable: Vec<u8> = word.iter().map(|byte| if *byte == b'R' { b'W' } else { *byte }).collect();
            assert_eq!(says(flag, &writeable), Control::Ignored, "{flag:x}");
        }
    }

    #[test]
    fn events_of_other_serializations() {
        let java_null = [0xac, 0xed, 0, 5, b'p'];
        assert_eq!(says(0xe3, &java_null), Control::Heartbeat);
        assert_eq!(says(0xa3, &java_null), Control::Ignored);
        assert_eq!(says(0xe3, &[0; EVENT_MAX]), Control::Heartbeat);
        assert_eq!(says(0xe3, &[0; EVENT_MAX + 1]), Control::Ignored);
    }

    #[test]
    fn whatever_an_answer_holds_it_is_an_answer() {
        for body in [&b""[..], b"N", b"NN", b"\x01R"] {
            assert_eq!(says(0x22, body), Control::HeartbeatAck);
        }
    }

    #[test]
    fn a_heartbeat_speaks_what_is_spoken() {
        for (like, flag, body) in [
            (0, 0xe2, &b"N"[..]),
            (0xc2, 0xe2, b"N"),
            (0x17, 0xf7, b"\0\0\0\x01\xaf"),
            (0xc6, 0xe6, b"null\n"),
            (0xc6 | tag::SIZED, 0xe6, b"\0\0\0\x04null"),
            (0xc8, 0xe2, b"N"),
            (0xd6, 0xe2, b"N"),
        ] {
            let mut out = Vec::new();
            put_heartbeat(7, like, &mut out);
            assert_eq!((out[2], &out[16..]), (flag, body), "{like:x}");
        }
    }

    #[test]
    fn an_ack_speaks_the_heartbeat_s_serialization() {
        let java_null = [0xac, 0xed, 0, 5, b'p'];
        let mut out = Vec::new();
        assert!(put_ack(Header { flag: 0xe3, status: 0, id: 9, length: 5 }, &java_null, &mut out));
        assert_eq!(&out[..4], [0xda, 0xbb, 0x23, 20]);
        assert_eq!(&out[4..16], [0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 5]);
        assert_eq!(&out[16..], java_null);
        assert!(!put_ack(Header { flag: 0xa2, status: 0, id: 9, length: 1 }, b"N", &mut out));
    }
}
