//! Whether a connection's first bytes are Bolt's.

use meshwire::Detection;

use crate::wire::{COMMAND_VERSION, command, kind};

/// Bytes that tell: of v1 and, one more, of v2.
const V1: usize = 5;
const V2: usize = 6;

/// A client speaks first, with a call, a one-way call or a heartbeat. One byte would tell nothing: protocol, version, type,
/// command and the command's version must all fit.
pub(crate) fn detect(prefix: &[u8]) -> Detection {
    let (fields, enough) = match prefix {
        [] => return Detection::NeedMore(V1),
        [0x01, fields @ ..] => (fields, V1),
        [0x02] => return Detection::NeedMore(V2),
        [0x02, 1 | 2, fields @ ..] => (fields, V2),
        _ => return Detection::No,
    };
    let fits = |known: &[u8]| known.iter().zip(fields).all(|(known, field)| known == field);
    let [c0, c1] = command::REQUEST.to_be_bytes();
    let [h0, h1] = command::HEARTBEAT.to_be_bytes();
    let known = [
        [kind::REQUEST, c0, c1, COMMAND_VERSION],
        [kind::ONE_WAY, c0, c1, COMMAND_VERSION],
        [kind::REQUEST, h0, h1, COMMAND_VERSION],
    ];
    match known.iter().any(|known| fits(known)) {
        false => Detection::No,
        true if prefix.len() < enough => Detection::NeedMore(enough),
        true => Detection::Yes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_or_six_bytes_tell() {
        for known in [
            &[1, 1, 0, 1, 1][..],
            &[1, 2, 0, 1, 1],
            &[1, 1, 0, 0, 1],
            &[2, 1, 1, 0, 1, 1],
            &[2, 2, 2, 0, 1, 1],
            &[2, 2, 1, 0, 0, 1],
        ] {
            for n in 1..known.len() {
                assert_eq!(detect(&known[..n]), Detection::NeedMore(known.len()), "{n} of {known:?}");
            }
            assert_eq!(detect(known), Detection::Yes);
            assert_eq!(detect(&[known, b"whatever"].concat()), Detection::Yes);
        }
        assert_eq!(detect(b""), Detection::NeedMore(V1));
    }

    #[test]
    fn what_is_not_bolt() {
        for other in [
            &[0][..],
            &[1, 0],             // an answer
            &[1, 3],             // no type
            &[1, 1, 1],          // no command
            &[1, 1, 0, 2],       // an answer's command
            &[1, 1, 0, 100],     // no client begins by going away
            &[1, 2, 0, 0],       // heartbeats want an answer
            &[1, 1, 0, 1, 2],    // another version of commands
            &[2, 0],             // no version
            &[2, 3],             // another one
            &[2, 1, 0],          // an answer
            &[2, 2, 1, 0, 1, 0], // another version of commands
            &[0x13],
            b"GET / HTTP/1.1\r\n",
            b"PRI * HTTP/2.0\r\n\r\n",
            &[0xda, 0xbb, 0xc2],
            &[0x16, 3, 1],
        ] {
            assert_eq!(detect(other), Detection::No, "{other:x?}");
        }
    }
}
