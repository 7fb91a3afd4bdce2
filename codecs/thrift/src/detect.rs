//! Whether a connection's first bytes are Thrift's, and whether its messages stand in frames.
//!
//! A client speaks first, with a call or a one-way call. Old binary has nothing that tells it but its shape: a length, a
//! name of so many printable characters, a type. A frame around it begins with a length too, but then with the zero that
//! the name's length begins with.

use meshwire::frame::Parse;
use meshwire::{Detection, MAX_DETECT};

use crate::begin::{self, Place, kind};
use crate::config::Config;
use crate::envelope::{DUBBO, FIXED, LENGTH, THEADER, TTHEADER};
use crate::layout::{Encoding, Layout, Transport};

/// Names that are longer are nobody's, as far as first bytes tell.
const NAME: usize = 512;
/// So are frames: Apache's limit on a THeader's.
const FRAME: usize = 0x3fff_ffff;
/// Two of length's four bytes and what follows tell most.
const FIRST: usize = LENGTH + 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    No,
    NeedMore(usize),
    Yes(Layout),
}

/// Whether the messages of a connection that is Thrift's stand in frames. What is wrong with them is said by whoever reads
/// them.
pub(crate) fn transport(prefix: &[u8]) -> Look {
    let unframed = |encoding| Look::Yes(Layout::new(Transport::Unframed, encoding));
    match prefix {
        [] => Look::NeedMore(1),
        [0x80] | [begin::COMPACT] => Look::NeedMore(2),
        [0x80, 0x01, ..] => unframed(Encoding::Binary),
        [begin::COMPACT, ..] => unframed(Encoding::Compact),
        [0x80..=0xff, ..] => Look::No,
        [_, _, _, _, first, ..] if first.is_ascii_graphic() && *first != b'[' => unframed(Encoding::OldBinary),
        [_, _, _, _, _, ..] => Look::Yes(Layout::new(Transport::Framed, Encoding::Binary)),
        _ => Look::NeedMore(LENGTH + 1),
    }
}

/// Looks at the first bytes of a client.
pub(crate) fn look(prefix: &[u8]) -> Look {
    match prefix {
        [] => Look::NeedMore(FIRST),
        [0x80] | [begin::COMPACT] => Look::NeedMore(2),
        [0x80, 0x01, ..] => message(prefix, 0, usize::MAX, Transport::Unframed, Encoding::Binary),
        [begin::COMPACT, _, ..] => message(prefix, 0, usize::MAX, Transport::Unframed, Encoding::Compact),
        [0x80..=0xff, ..] => Look::No,
        [l0, l1, l2, l3, m0, m1, ..] => {
            let length = u32::from_be_bytes([*l0, *l1, *l2, *l3]) as usize;
            framed(prefix, length, [*m0, *m1])
        }
        // Nothing else begins so, and a name's characters are told from zeros by the fifth byte.
        [first, ..] if usize::from(*first) > FRAME >> 24 => Look::No,
        _ => Look::NeedMore(FIRST),
    }
}

fn framed(prefix: &[u8], length: usize, magic: [u8; 2]) -> Look {
    if length > FRAME || length == 0 {
        return Look::No;
    }
    let end = length.saturating_add(LENGTH);
    match magic {
        THEADER => header(prefix, end, Transport::THeader),
        TTHEADER => header(prefix, end, Transport::TTHeader),
        DUBBO => match prefix.get(LENGTH + 2..LENGTH + 6) {
            Some(again) if again == (length as u32).to_be_bytes() => {
                Look::Yes(Layout::new(Transport::Dubbo, Encoding::Binary))
            }
            Some(_) => Look::No,
            None => Look::NeedMore(LENGTH + 6),
        },
        [first, _] if first.is_ascii_graphic() && length <= NAME && first != b'[' => {
            message(prefix, 0, usize::MAX, Transport::Unframed, Encoding::OldBinary)
        }
        magic => match begin::encoding(&magic) {
            Some(encoding) => message(prefix, LENGTH, end, Transport::Framed, encoding),
            None => Look::No,
        },
    }
}

/// THeader and TTHeader: a size that fits the frame.
fn header(prefix: &[u8], end: usize, transport: Transport) -> Look {
    let Some([w0, w1]) = prefix.get(FIXED - 2..FIXED) else { return Look::NeedMore(FIXED) };
    let size = usize::from(u16::from_be_bytes([*w0, *w1])).saturating_mul(4);
    if size == 0 || size.saturating_add(FIXED) > end {
        return Look::No;
    }
    Look::Yes(Layout::new(transport, Encoding::Binary))
}

/// A call whose name is made of printable characters.
fn message(prefix: &[u8], at: usize, end: usize, transport: Transport, encoding: Encoding) -> Look {
    match begin::read(encoding, Place { seen: prefix, at, end, max_name: NAME }) {
        Ok(Parse::Need(need)) if need > MAX_DETECT => Look::No,
        Ok(Parse::Need(need)) => {
            // What is there of the name must fit already.
            let is_type = |byte: &u8| matches!(*byte, kind::CALL | kind::ONE_WAY);
            match (encoding, prefix.get(at..).unwrap_or_default()) {
                (Encoding::Binary, [_, _] | [_, _, _]) => Look::NeedMore(at.saturating_add(4)),
                (Encoding::Binary, [_, _, third, message, ..]) if *third != 0 || !is_type(message) => Look::No,
                (Encoding::Compact, [_, second, ..]) if !is_type(&(second >> 5)) => Look::No,
                _ => Look::NeedMore(need),
            }
        }
        Ok(Parse::Done(begin)) => {
            let name = prefix.get(begin.name).unwrap_or_default();
            let third = at.checked_add(2).and_then(|at| prefix.get(at));
            let is_call =
                matches!(begin.kind, kind::CALL | kind::ONE_WAY) && (encoding != Encoding::Binary || third == Some(&0));
            if is_call && !name.is_empty() && name.iter().all(u8::is_ascii_graphic) {
                Look::Yes(Layout::new(transport, encoding))
            } else {
                Look::No
            }
        }
        Err(_) => Look::No,
    }
}

/// The same within what is configured.
pub(crate) fn detect(config: &Config, prefix: &[u8]) -> Detection {
    match look(prefix) {
        Look::Yes(layout) if config.allows(layout) || may_be(config, layout) => Detection::Yes,
        Look::NeedMore(total) => Detection::NeedMore(total),
        Look::Yes(_) | Look::No => Detection::No,
    }
}

/// The encoding inside a header is not looked at.
fn may_be(config: &Config, layout: Layout) -> bool {
    matches!(layout.transport, Transport::THeader | Transport::TTHeader)
        && config.transport.is_none_or(|pinned| pinned == layout.transport)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(encoding: Encoding, kind: u8, name: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        begin::put(encoding, kind, &[name], 7, &mut out);
        out.push(0);
        out
    }

    fn framed(message: Vec<u8>) -> Vec<u8> {
        [&(message.len() as u32).to_be_bytes()[..], &message].concat()
    }

    /// From some length on it is what it is, and nothing else before that.
    fn told(bytes: &[u8], layout: Layout) {
        let mut known = false;
        for n in 0..=bytes.len() {
            match look(&bytes[..n]) {
                Look::Yes(found) => {
                    assert_eq!(found, layout, "{n} of {}", bytes.escape_ascii());
                    known = true;
                }
                Look::NeedMore(total) => assert!(!known && total > n && total <= bytes.len(), "{n} of {layout:?}"),
                Look::No => panic!("{n} of {layout:?}"),
            }
        }
        assert!(known, "{layout:?}");
    }

    #[test]
    fn each_layout_is_told_and_no_sooner_than_it_can() {
        for encoding in Encoding::ALL {
            for kind in [kind::CALL, kind::ONE_WAY] {
                for name in [&b"ping"[..], b"p", b"Store:reserve", b"com.example.Store:reserve"] {
                    let message = call(encoding, kind, name);
                    if encoding != Encoding::Json {
                        told(&message, Layout::new(Transport::Unframed, encoding));
                    }
                    told(&framed(message), Layout::new(Transport::Framed, encoding));
                }
            }
        }
        let theader = b"\0\0\0\x20\x0f\xff\0\0\0\0\0\x01\0\x01\0\0\0\0";
        told(theader, Layout::new(Transport::THeader, Encoding::Binary));
        let ttheader = b"\0\0\0\x20\x10\0\0\0\0\0\0\x01\0\x01\0\0\0\0";
        told(ttheader, Layout::new(Transport::TTHeader, Encoding::Binary));
        told(b"\0\0\0\x43\xda\xbc\0\0\0\x43\0\x2d\x01", Layout::new(Transport::Dubbo, Encoding::Binary));
    }

    #[test]
    fn what_is_not_thrift() {
        let reply = call(Encoding::Binary, kind::REPLY, b"ping");
        for other in [
            &reply[..],
            &framed(reply.clone()),
            &call(Encoding::Compact, kind::EXCEPTION, b"ping"),
            &call(Encoding::Binary, kind::CALL, b"pi ng"),
            &call(Encoding::OldBinary, 7, b"ping"),
            &framed(call(Encoding::OldBinary, kind::CALL, b"")),
            b"\0\0\0\0\0\0\0\0",
            b"\0\0\0\x20\x0f\xff\0\0\0\0\0\x01\0\x09",
            b"\x80\x02",
            b"GET / HTTP/1.1\r\n",
            b"PRI * HTTP/2.0\r\n\r\n",
            b"BIGF\0\0\0\0",
            b"\xda\xbb\xc2\0",
            b"\x01\x01\0\x01\x01\0\0\0\x01\x01",
            b"\x16\x03\x01\x02\0\x01\0\x01",
        ] {
            assert_eq!(look(other), Look::No, "{}", other.escape_ascii());
        }
    }
}
