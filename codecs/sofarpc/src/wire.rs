//! The fixed header of a frame. All integers are big-endian.
//!
//! ```text
//!         v1   v2   size
//! proto    0    0    1    0x01, 0x02
//! ver1          1    1    1: never a checksum, 2: one if the switch says so
//! type     1    2    1    0 response, 1 request, 2 one-way request
//! command  2    3    2    0 heartbeat, 1 request, 2 response, 100 go-away
//! ver2     4    5    1    1
//! id       5    6    4
//! codec    9   10    1    the serialization of the content
//! switch       11    1    bit 0: a checksum
//!         10   12    4    requests: timeout, milliseconds, signed;  2  responses: status
//! then: class length u16, header map length u16, content length u32; class, header map, content, checksum
//! ```
//!
//! Java and Node take the two short lengths for signed numbers. They are read here as unsigned ones, as MOSN writes them, and
//! not sent on where the two differ.

use meshwire::frame::{Fault, Parse};

use crate::Version;
use crate::tag;

/// What `type` says.
pub(crate) mod kind {
    pub(crate) const RESPONSE: u8 = 0;
    pub(crate) const REQUEST: u8 = 1;
    pub(crate) const ONE_WAY: u8 = 2;
}

/// What `command` says. Others are forwarded as what their type says.
pub(crate) mod command {
    pub(crate) const HEARTBEAT: u16 = 0;
    pub(crate) const REQUEST: u16 = 1;
    pub(crate) const RESPONSE: u16 = 2;
    /// MOSN's: not in the Java reference, which drops the connection over it.
    pub(crate) const GO_AWAY: u16 = 100;
}

/// Serializations that this crate knows something of; all others are forwarded as they are.
pub(crate) mod codec {
    /// Hessian 2, in either of two dialects.
    pub(crate) const HESSIAN: u8 = 1;
    /// The same under an older number.
    pub(crate) const HESSIAN2: u8 = 4;
    pub(crate) const PROTOBUF: u8 = 11;
}

/// Whether `codec` is Hessian under either of its numbers.
#[inline(always)]
pub(crate) const fn is_hessian(codec: u8) -> bool {
    matches!(codec, codec::HESSIAN | codec::HESSIAN2)
}

/// The only version of commands there is.
pub(crate) const COMMAND_VERSION: u8 = 1;

/// Bit 0 of the switch.
const SWITCH_CRC: u8 = 0x01;

/// The longest class name, and the longest header map, that every reader takes for as long as it is.
pub(crate) const SHORT_MAX: usize = i16::MAX as usize;

/// The longest fixed header.
const LONGEST: usize = 24;

/// A fixed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The version, as the [tag] of an answer has it.
    pub(crate) version: u32,
    pub(crate) kind: u8,
    pub(crate) command: u16,
    pub(crate) id: u32,
    pub(crate) codec: u8,
    /// Milliseconds in a request, the status in a response.
    pub(crate) word: i32,
    pub(crate) class: u16,
    pub(crate) map: u16,
    pub(crate) content: u32,
}

impl Header {
    /// Reads a frame's first bytes; what cannot be Bolt is told by the first byte that is wrong.
    #[inline(always)]
    pub(crate) fn read(seen: &[u8]) -> Result<Parse<Self>, Fault> {
        match Self::read_v1(seen).or_else(|| Self::read_v2(seen)) {
            Some(header) => Ok(Parse::Done(header)),
            None => short(seen),
        }
    }

    /// Reads a header of v1, where it may be one of the longest; `None` says only that [`read`](Self::read) must be asked.
    #[inline(always)]
    pub(crate) fn read_v1(seen: &[u8]) -> Option<Self> {
        let header = seen.first_chunk::<LONGEST>()?;
        let [0x01, kind, c0, c1, _, i0, i1, i2, i3, codec, w0, w1, w2, w3, rest @ ..] = *header else { return None };
        Self::of(0, kind, [c0, c1], [i0, i1, i2, i3], codec, [w0, w1, w2, w3], rest.first_chunk()?)
    }

    /// The same for v2.
    #[inline(always)]
    pub(crate) fn read_v2(seen: &[u8]) -> Option<Self> {
        let header = seen.first_chunk::<LONGEST>()?;
        let [0x02, ver1, kind, c0, c1, _, i0, i1, i2, i3, codec, switch, w0, w1, w2, w3, rest @ ..] = *header else {
            return None;
        };
        let version = match (ver1, switch & SWITCH_CRC) {
            (1, _) => tag::V2,
            (2, 0) => tag::V2 | tag::VER1_2,
            (2, _) => tag::V2 | tag::VER1_2 | tag::CRC,
            _ => return None,
        };
        Self::of(version, kind, [c0, c1], [i0, i1, i2, i3], codec, [w0, w1, w2, w3], &rest)
    }

    #[inline(always)]
    fn of(
        version: u32,
        kind: u8,
        command: [u8; 2],
        id: [u8; 4],
        codec: u8,
        [w0, w1, w2, w3]: [u8; 4],
        lengths: &[u8; 8],
    ) -> Option<Self> {
        let (mut word, mut lengths) = (i32::from_be_bytes([w0, w1, w2, w3]), u64::from_be_bytes(*lengths));
        if kind == kind::RESPONSE {
            // Two bytes of status where a timeout has four.
            lengths = lengths >> 16 | u64::from(u16::from_be_bytes([w2, w3])) << 48;
            word = i32::from(u16::from_be_bytes([w0, w1]));
        }
        let content = lengths as u32;
        (kind <= kind::ONE_WAY && content <= i32::MAX as u32).then_some(Self {
            version,
            kind,
            command: u16::from_be_bytes(command),
            id: u32::from_be_bytes(id),
            codec,
            word,
            class: (lengths >> 48) as u16,
            map: (lengths >> 32) as u16,
            content,
        })
    }

    /// Bytes of the fixed header.
    #[inline(always)]
    pub(crate) const fn fixed(&self) -> usize {
        fixed(self.kind, self.version)
    }

    /// Where the header map begins.
    #[inline(always)]
    pub(crate) const fn map_at(&self) -> usize {
        self.fixed().wrapping_add(self.class as usize)
    }

    /// Where the content begins. Two 16-bit lengths and a few bytes: no sum here overflows.
    #[inline(always)]
    pub(crate) const fn content_at(&self) -> usize {
        self.map_at().wrapping_add(self.map as usize)
    }

    /// Where the id stands.
    #[inline(always)]
    pub(crate) const fn id_at(&self) -> usize {
        if self.version & tag::V2 == 0 { 5 } else { 6 }
    }

    /// What an answer must know of it, as far as the fixed header tells.
    #[inline(always)]
    pub(crate) const fn tag(&self) -> u32 {
        let one_way = if self.kind == kind::ONE_WAY { tag::ONE_WAY } else { 0 };
        tag::KNOWN | self.version | one_way | self.codec as u32
    }

    /// Appends its bytes.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let version = tag::version(self.version);
        match version {
            Version::V1 => out.push(0x01),
            Version::V2 => out.extend_from_slice(&[0x02, 1]),
            Version::V2Unchecked | Version::V2Checked => out.extend_from_slice(&[0x02, 2]),
        }
        out.push(self.kind);
        out.extend_from_slice(&self.command.to_be_bytes());
        out.push(COMMAND_VERSION);
        out.extend_from_slice(&self.id.to_be_bytes());
        out.push(self.codec);
        match version {
            Version::V1 => {}
            Version::V2Checked => out.push(SWITCH_CRC),
            Version::V2 | Version::V2Unchecked => out.push(0),
        }
        if self.kind == kind::RESPONSE {
            out.extend_from_slice(&(self.word as u16).to_be_bytes());
        } else {
            out.extend_from_slice(&self.word.to_be_bytes());
        }
        out.extend_from_slice(&self.class.to_be_bytes());
        out.extend_from_slice(&self.map.to_be_bytes());
        out.extend_from_slice(&self.content.to_be_bytes());
    }
}

/// Bytes of the fixed header of such a frame.
#[inline(always)]
pub(crate) const fn fixed(kind: u8, version: u32) -> usize {
    let v1 = if kind == kind::RESPONSE { 20usize } else { 22 };
    if version & tag::V2 == 0 { v1 } else { v1.wrapping_add(2) }
}

/// What a header says that is shorter than the longest, how many bytes of it are missing, or what is wrong with it.
#[cold]
#[inline(never)]
fn short(seen: &[u8]) -> Result<Parse<Header>, Fault> {
    let (type_at, version) = match seen {
        [0x01, ..] => (1, 0),
        [0x02] | [0x02, 1 | 2, ..] => (2, tag::V2),
        [0x02, ..] => return Err(Fault::new("version", "protocol 0x02 has the versions 1 and 2", 1)),
        _ => return Err(Fault::new("protocol", "a frame begins with 0x01 or 0x02", 0)),
    };
    let len = match seen.get(type_at) {
        // Which of two lengths it has is not known yet.
        None => fixed(kind::RESPONSE, version),
        Some(kind @ (&kind::RESPONSE | &kind::REQUEST | &kind::ONE_WAY)) => fixed(*kind, version),
        Some(_) => return Err(Fault::new("type", "types go from 0 to 2", type_at)),
    };
    let Some(header) = seen.get(..len) else { return Ok(Parse::Need(len)) };
    let mut padded = [0; LONGEST];
    padded.iter_mut().zip(header).for_each(|(to, from)| *to = *from);
    match Header::read_v1(&padded).or_else(|| Header::read_v2(&padded)) {
        Some(header) => Ok(Parse::Done(header)),
        None => Err(Fault::new("length", "the content length is negative", len.wrapping_sub(4))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Header = Header {
        version: 0,
        kind: kind::REQUEST,
        command: command::REQUEST,
        id: 0x0102_0304,
        codec: codec::HESSIAN,
        word: 3000,
        class: 0x0506,
        map: 0x8708,
        content: 0x090a,
    };

    fn bytes(header: Header) -> Vec<u8> {
        let mut out = Vec::new();
        header.put(&mut out);
        out
    }

    #[test]
    fn v1() {
        let expected = [1, 1, 0, 1, 1, 1, 2, 3, 4, 1, 0, 0, 0x0b, 0xb8, 5, 6, 0x87, 8, 0, 0, 9, 0x0a];
        assert_eq!(bytes(REQUEST), expected);
        let response = Header { kind: kind::RESPONSE, command: command::RESPONSE, word: 0x12, ..REQUEST };
        assert_eq!(bytes(response), [1, 0, 0, 2, 1, 1, 2, 3, 4, 1, 0, 0x12, 5, 6, 0x87, 8, 0, 0, 9, 0x0a]);
    }

    #[test]
    fn v2() {
        let request = Header { version: tag::of(Version::V2Checked), word: -1, ..REQUEST };
        let expected = [2, 2, 1, 0, 1, 1, 1, 2, 3, 4, 1, 1, 0xff, 0xff, 0xff, 0xff, 5, 6, 0x87, 8, 0, 0, 9, 0x0a];
        assert_eq!(bytes(request), expected);
    }

    #[test]
    fn what_was_written_is_read_again_and_no_byte_less() {
        for version in [Version::V1, Version::V2, Version::V2Unchecked, Version::V2Checked] {
            for (kind, word) in [(kind::RESPONSE, 0xffff), (kind::REQUEST, -1), (kind::ONE_WAY, i32::MAX)] {
                let header = Header { version: tag::of(version), kind, word, ..REQUEST };
                let bytes = bytes(header);
                let extra = if version == Version::V1 { 0 } else { 2 };
                assert_eq!(bytes.len(), header.fixed());
                assert_eq!(Header::read(&bytes), Ok(Parse::Done(header)));
                for n in 1..bytes.len() {
                    // Until the type is there, the shorter of the two.
                    let least = if n > 1 + extra / 2 { bytes.len() } else { 20 + extra };
                    assert_eq!(Header::read(&bytes[..n]), Ok(Parse::Need(least)), "{version:?} {kind} {n}");
                }
            }
        }
    }

    #[test]
    fn garbage_is_told_by_the_first_byte_that_is_wrong() {
        let code = |bytes: &[u8]| Header::read(bytes).map_err(|fault| (fault.code, fault.at));
        assert_eq!(code(b"G"), Err(("protocol", 0)));
        assert_eq!(code(&[0]), Err(("protocol", 0)));
        assert_eq!(code(&[3; 30]), Err(("protocol", 0)));
        for ver1 in [0, 3, 0xff] {
            assert_eq!(code(&[2, ver1]), Err(("version", 1)));
            assert_eq!(code(&[&[2, ver1][..], &[0; 30]].concat()), Err(("version", 1)));
        }
        assert_eq!(code(&[1, 3]), Err(("type", 1)));
        assert_eq!(code(&[2, 1, 3]), Err(("type", 2)));
        assert_eq!(code(&[&[1, 3][..], &[0; 30]].concat()), Err(("type", 1)));
    }

    #[test]
    fn the_content_length_is_a_signed_number() {
        for (version, kind, at) in [
            (Version::V1, kind::REQUEST, 18),
            (Version::V1, kind::RESPONSE, 16),
            (Version::V2, kind::ONE_WAY, 20),
            (Version::V2, kind::RESPONSE, 18),
        ] {
            let header = |content| bytes(Header { version: tag::of(version), kind, word: 0, content, ..REQUEST });
            assert!(Header::read(&header(0x7fff_ffff)).is_ok());
            let fault = Header::read(&header(0x8000_0000)).unwrap_err();
            assert_eq!((fault.code, fault.at), ("length", at));
            assert_eq!(&header(0x8000_0000)[at..at + 4], [0x80, 0, 0, 0]);
        }
    }
}
