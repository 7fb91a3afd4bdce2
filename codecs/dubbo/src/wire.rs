//! The fixed header of a frame. All integers are big-endian.
//!
//! ```text
//!  0       2      3        4                 12       16
//! +-------+------+--------+-----------------+--------+-- - -
//! | da bb | flag | status | id              | length | body
//! +-------+------+--------+-----------------+--------+-- - -
//! ```

use meshwire::frame::{Fault, Parse};

/// Bytes in front of the body.
pub(crate) const HEADER_LEN: usize = 16;

/// What every frame begins with.
pub(crate) const MAGIC: [u8; 2] = [0xda, 0xbb];

/// Where things are in the header.
pub(crate) mod field {
    pub(crate) const FLAG: usize = 2;
    pub(crate) const STATUS: usize = 3;
    pub(crate) const ID: usize = 4;
    pub(crate) const LENGTH: usize = 12;
}

/// What the flag says.
pub(crate) mod flag {
    /// A request, not an answer.
    pub(crate) const REQUEST: u8 = 0x80;
    /// The request is owed an answer.
    pub(crate) const TWO_WAY: u8 = 0x40;
    /// A heartbeat or another event of the connection.
    pub(crate) const EVENT: u8 = 0x20;
    /// The serialization of the body.
    pub(crate) const SERIALIZATION: u8 = 0x1f;
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) flag: u8,
    pub(crate) status: u8,
    pub(crate) id: u64,
    /// Bytes of the body; Java reads a signed number, so that more than 2^31 - 1 cannot be meant.
    pub(crate) length: u32,
}

impl Header {
    /// Reads a frame's first bytes; garbage is told by its first byte.
    #[inline(always)]
    pub(crate) fn read(seen: &[u8]) -> Result<Parse<Self>, Fault> {
        let Some(header) = seen.first_chunk::<HEADER_LEN>() else {
            return match seen.iter().zip(MAGIC).position(|(byte, magic)| *byte != magic) {
                Some(at) => Err(bad_magic(seen, at)),
                None => Ok(Parse::Need(HEADER_LEN)),
            };
        };
        if at::<2>(header, 0) != MAGIC {
            return Err(bad_magic(seen, 0));
        }
        let length = u32::from_be_bytes(at(header, field::LENGTH));
        if length > i32::MAX as u32 {
            return Err(bad_length());
        }
        let id = u64::from_be_bytes(at(header, field::ID));
        Ok(Parse::Done(Self { flag: header[field::FLAG], status: header[field::STATUS], id, length }))
    }

    /// The bytes of a header.
    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let [m0, m1] = MAGIC;
        let [i0, i1, i2, i3, i4, i5, i6, i7] = self.id.to_be_bytes();
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        [m0, m1, self.flag, self.status, i0, i1, i2, i3, i4, i5, i6, i7, l0, l1, l2, l3]
    }

    /// The serialization of the body.
    #[inline]
    pub(crate) const fn serialization(self) -> u8 {
        self.flag & flag::SERIALIZATION
    }

    /// Whether all of `bits` are set in the flag.
    #[inline]
    pub(crate) const fn has(self, bits: u8) -> bool {
        self.flag & bits == bits
    }
}

/// `N` bytes of the header. Every caller names a constant offset inside of it, so that the check folds away.
#[inline]
fn at<const N: usize>(header: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    header.get(at..).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or([0; N])
}

#[cold]
fn bad_magic(seen: &[u8], at: usize) -> Fault {
    match seen.first() {
        // Java serves a console on the same port: `ls`, `status`, `invoke`.
        Some(b'\r' | b'\n' | b' '..=b'~') => {
            Fault::new("telnet", "this is text, as for Dubbo's telnet console, which is not served here", 0)
        }
        _ => Fault::new("magic", "a frame begins with da bb", at),
    }
}

#[cold]
fn bad_length() -> Fault {
    Fault::new("length", "the body length is negative", field::LENGTH)
}

/// Appends a frame: its header, then the body that `write` appends.
pub(crate) fn put_frame(out: &mut Vec<u8>, flag: u8, status: u8, id: u64, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER_LEN]);
    let body = out.len();
    write(out);
    // A body past 4 GiB cannot be said; the length then is one that every reader refuses.
    let length = u32::try_from(out.len().saturating_sub(body)).unwrap_or(u32::MAX);
    if let Some(header) = out.get_mut(start..body) {
        header.copy_from_slice(&Header { flag, status, id, length }.to_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let header = Header { flag: 0xc2, status: 0, id: 0x0102_0304_0506_0708, length: 0x0a0b };
        let bytes = header.to_bytes();
        assert_eq!(bytes, [0xda, 0xbb, 0xc2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0x0a, 0x0b]);
        assert_eq!(Header::read(&bytes), Ok(Parse::Done(header)));
        for n in 0..HEADER_LEN {
            assert_eq!(Header::read(&bytes[..n]), Ok(Parse::Need(HEADER_LEN)), "{n} bytes");
        }
    }

    #[test]
    fn garbage_is_told_by_its_first_byte() {
        for text in [&b"s"[..], b"status\r\n", b"\r\n", b"GET / HTTP/1.1\r\n"] {
            assert_eq!(Header::read(text).unwrap_err().code, "telnet");
        }
        assert_eq!(Header::read(b"\0").unwrap_err().code, "magic");
        assert_eq!(Header::read(&[0xda, 0xbc]).unwrap_err().at, 1);
        assert_eq!(Header::read(&[0xda; 16]).unwrap_err().code, "magic");
    }

    #[test]
    fn the_length_is_a_signed_number() {
        let header = |length| Header { flag: 0x80, status: 0, id: 0, length }.to_bytes();
        assert!(Header::read(&header(0x7fff_ffff)).is_ok());
        assert_eq!(Header::read(&header(0x8000_0000)).unwrap_err().code, "length");
        assert_eq!(Header::read(&header(0xffff_ffff)).unwrap_err().at, field::LENGTH);
    }
}
