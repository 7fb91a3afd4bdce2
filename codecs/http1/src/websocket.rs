//! The handshake of RFC 6455, for those who ask for a WebSocket in another protocol (RFC 8441), which has none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1_smol::Sha1;

use crate::grammar;

/// The fields that each hop's handshake has of its own.
pub(crate) const KEY: &[u8] = b"sec-websocket-key";
pub(crate) const ACCEPT: &[u8] = b"sec-websocket-accept";

/// A `Sec-WebSocket-Key`: 16 bytes in Base64.
pub(crate) type Key = [u8; 24];

/// A `Sec-WebSocket-Accept`: 20 bytes in Base64.
pub(crate) type Accept = [u8; 28];

/// Whether an `Upgrade` names it.
pub(crate) const fn is_meant(protocol: &[u8]) -> bool {
    protocol.eq_ignore_ascii_case(b"websocket")
}

/// A key that no other handshake of the connection has. It is no secret: who answers it shows that it has read it, and
/// that is all (section 1.3).
pub(crate) fn key(id: u64, now: std::time::Duration) -> Key {
    let digest = Sha1::from([id.to_be_bytes(), (now.as_nanos() as u64).to_be_bytes()].concat()).digest().bytes();
    let mut key = [0; 24];
    // It has just the length.
    let _ = STANDARD.encode_slice(digest.get(..16).unwrap_or_default(), &mut key);
    key
}

/// What answers `key` (section 4.2.2).
pub(crate) fn accept(key: &[u8]) -> Accept {
    let mut sha1 = Sha1::from(grammar::trim(key));
    sha1.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let mut accept = [0; 28];
    let _ = STANDARD.encode_slice(sha1.digest().bytes(), &mut accept);
    accept
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_answer_is_that_of_the_rfc() {
        assert_eq!(&accept(b"dGhlIHNhbXBsZSBub25jZQ=="), b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(accept(b" dGhlIHNhbXBsZSBub25jZQ== "), accept(b"dGhlIHNhbXBsZSBub25jZQ=="));
    }

    #[test]
    fn keys_differ_and_have_the_form() {
        let one = key(1, Duration::ZERO);
        assert_eq!(STANDARD.decode(one).unwrap().len(), 16);
        assert!(one != key(2, Duration::ZERO) && one != key(1, Duration::from_nanos(1)));
    }
}
