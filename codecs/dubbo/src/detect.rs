//! Whether a connection's first bytes are Dubbo's.

use meshwire::Detection;
use meshwire::frame::Parse;

use crate::wire::{HEADER_LEN, Header, field, flag};

/// A client speaks first, with a request or a heartbeat. The text of Java's telnet port is not Dubbo's, nor is
/// Dubbo-Thrift, whose magic is another and stands behind a length.
pub(crate) fn detect(prefix: &[u8]) -> Detection {
    let known = |flag: u8| flag & flag::REQUEST != 0 && flag & flag::SERIALIZATION != 0;
    if prefix.get(field::FLAG).is_some_and(|flag| !known(*flag)) {
        return Detection::No;
    }
    match Header::read(prefix) {
        Ok(Parse::Need(_)) => Detection::NeedMore(HEADER_LEN),
        // Even a heartbeat has a body.
        Ok(Parse::Done(header)) if header.length > 0 && header.status == 0 => Detection::Yes,
        Ok(Parse::Done(_)) | Err(_) => Detection::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARTBEAT: [u8; 17] = [0xda, 0xbb, 0xe2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, b'N'];

    #[test]
    fn sixteen_bytes_tell() {
        for n in 0..HEADER_LEN {
            assert_eq!(detect(&HEARTBEAT[..n]), Detection::NeedMore(HEADER_LEN), "{n}");
        }
        assert_eq!(detect(&HEARTBEAT[..16]), Detection::Yes);
        assert_eq!(detect(&HEARTBEAT), Detection::Yes);
    }

    #[test]
    fn what_is_not_dubbo() {
        for other in [
            &b"status\r\n"[..],
            b"G",
            b"PRI * HTTP/2.0\r\n\r\n",
            &[0xda, 0xbc],
            &[0xda, 0xbb, 0x02],                                              // an answer
            &[0xda, 0xbb, 0xc0],                                              // no serialization
            &[0xda, 0xbb, 0xc2, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1],      // a status
            &[0xda, 0xbb, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0],       // no body
            &[0xda, 0xbb, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80, 0, 0, 0],    // a negative length
            &[0, 0, 0, 0x30, 0xda, 0xbc, 0, 0, 0, 0x2f, 0, 0x20, 1, 0, 0, 0], // Dubbo-Thrift
        ] {
            assert_eq!(detect(other), Detection::No, "{other:x?}");
        }
    }
}
