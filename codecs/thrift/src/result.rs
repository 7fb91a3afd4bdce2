//! What became of a request, as the first bytes of its answer tell: the id of the first field of a result (0 is the value,
//! any other a declared exception), or the type of a `TApplicationException`.

use memchr::memmem;
use meshwire::Outcome;

use crate::begin::kind;
use crate::exception;
use crate::layout::Encoding;
use crate::varint::{self, Varint};

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Outcome(Outcome),
    /// The type of the exception.
    Exception(i32),
    /// So many bytes of the struct are not enough.
    Need(usize),
}

/// A field of the binary protocol: type, id.
const FIELD: usize = 3;
const STOP: u8 = 0;
const BINARY_I32: u8 = 8;
const BINARY_STRING: u8 = 11;
const COMPACT_I32: u8 = 5;
const COMPACT_STRING: u8 = 8;
/// The field of a `TApplicationException` that holds its type.
const TYPE: i32 = 2;

/// Looks at the struct of an answer, of which `body` is the begin.
#[inline]
pub(crate) fn look(encoding: Encoding, message: u8, body: &[u8]) -> Told {
    match (encoding, message) {
        (Encoding::Binary | Encoding::OldBinary, kind::REPLY) => match body {
            [STOP, ..] | [_, 0, 0, ..] => Told::Outcome(Outcome::Success),
            [_, _, _, ..] => Told::Outcome(Outcome::Exception),
            [] => Told::Need(1),
            _ => Told::Need(FIELD),
        },
        _ => look_closer(encoding, message, body),
    }
}

fn look_closer(encoding: Encoding, message: u8, body: &[u8]) -> Told {
    match (encoding, message) {
        (Encoding::Compact, kind::REPLY) => match body {
            [] => Told::Need(1),
            // The id is written as the distance to 0, which 0 itself has none of.
            [STOP, ..] => Told::Outcome(Outcome::Success),
            [head, ..] if head >> 4 != 0 => Told::Outcome(Outcome::Exception),
            [_, 0, ..] => Told::Outcome(Outcome::Success),
            [_, _, ..] => Told::Outcome(Outcome::Exception),
            [_] => Told::Need(2),
        },
        (Encoding::Json, kind::REPLY) => match body {
            [b'{', b'}', ..] | [b'{', b'"', b'0', b'"', ..] => Told::Outcome(Outcome::Success),
            [b'{', b'"', _, _, ..] => Told::Outcome(Outcome::Exception),
            [_, _, _, _, ..] => Told::Outcome(Outcome::Unknown),
            short => Told::Need(if short.len() < 2 { 2 } else { 4 }),
        },
        (Encoding::Compact, _) => compact_type(body),
        (Encoding::Json, _) => json_type(body),
        _ => binary_type(body),
    }
}

const UNTOLD: Told = Told::Outcome(Outcome::ServerError);

fn binary_type(body: &[u8]) -> Told {
    let mut at = 0usize;
    loop {
        let Some(rest) = body.get(at..) else { return Told::Need(at.saturating_add(1)) };
        match rest {
            [STOP, ..] => return UNTOLD,
            [BINARY_I32, 0, 2, a, b, c, d, ..] => return Told::Exception(i32::from_be_bytes([*a, *b, *c, *d])),
            [BINARY_STRING, _, _, a, b, c, d, ..] => {
                let Ok(len) = usize::try_from(i32::from_be_bytes([*a, *b, *c, *d])) else { return UNTOLD };
                at = at.saturating_add(FIELD + 4).saturating_add(len);
            }
            [BINARY_I32 | BINARY_STRING, ..] if rest.len() < FIELD + 4 => {
                return Told::Need(at.saturating_add(FIELD + 4));
            }
            [] => return Told::Need(at.saturating_add(1)),
            _ => return UNTOLD,
        }
    }
}

fn compact_type(body: &[u8]) -> Told {
    let (mut at, mut id) = (0usize, 0i32);
    loop {
        let Some(rest) = body.get(at..) else { return Told::Need(at.saturating_add(1)) };
        let (head, rest) = match rest {
            [] => return Told::Need(at.saturating_add(1)),
            [STOP, ..] => return UNTOLD,
            [head, rest @ ..] => (*head, rest),
        };
        at = at.saturating_add(1);
        let number = |bytes: &[u8]| match varint::read(bytes) {
            Varint::Done(value, len) => Ok((value, len)),
            Varint::More => Err(Told::Need(body.len().saturating_add(1))),
            Varint::TooLong => Err(UNTOLD),
        };
        let mut skipped = 0;
        id = match head >> 4 {
            0 => match number(rest) {
                Ok((value, len)) => {
                    skipped = len;
                    zigzag(value)
                }
                Err(told) => return told,
            },
            delta => id.saturating_add(i32::from(delta)),
        };
        let value = match number(rest.get(skipped..).unwrap_or_default()) {
            Ok((value, len)) => {
                skipped = skipped.saturating_add(len);
                value
            }
            Err(told) => return told,
        };
        match head & 0x0f {
            COMPACT_I32 if id == TYPE => return Told::Exception(zigzag(value)),
            COMPACT_I32 => at = at.saturating_add(skipped),
            COMPACT_STRING => at = at.saturating_add(skipped).saturating_add(value as usize),
            _ => return UNTOLD,
        }
    }
}

const fn zigzag(value: u32) -> i32 {
    (value >> 1) as i32 ^ ((value & 1) as i32).wrapping_neg()
}

/// Quotes inside a string are escaped: what is searched for can only be the field itself.
fn json_type(body: &[u8]) -> Told {
    const FIELD: &[u8] = b"\"2\":{\"i32\":";
    let more = Told::Need(body.len().saturating_mul(2).max(64));
    let Some(at) = memmem::find(body, FIELD) else {
        return if body.ends_with(b"}]") { UNTOLD } else { more };
    };
    let rest = body.get(at.saturating_add(FIELD.len())..).unwrap_or_default();
    let Some(len) = rest.iter().position(|byte| *byte == b'}') else {
        return if rest.len() > 16 { UNTOLD } else { more };
    };
    let digits = rest.get(..len).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).map_or(UNTOLD, Told::Exception)
}

/// Appends the struct of a `TApplicationException`.
pub(crate) fn put_exception(encoding: Encoding, message: &str, outcome: Outcome, out: &mut Vec<u8>) {
    let kind = exception::kind_of(outcome);
    let text = message.as_bytes();
    match encoding {
        Encoding::Binary | Encoding::OldBinary => {
            out.extend_from_slice(&[BINARY_STRING, 0, 1]);
            out.extend_from_slice(&(text.len() as u32).to_be_bytes());
            out.extend_from_slice(text);
            out.extend_from_slice(&[BINARY_I32, 0, 2]);
            out.extend_from_slice(&kind.to_be_bytes());
            out.push(STOP);
        }
        Encoding::Compact => {
            out.push(0x10 | COMPACT_STRING);
            varint::put(text.len() as u32, out);
            out.extend_from_slice(text);
            out.push(0x10 | COMPACT_I32);
            varint::put((kind as u32) << 1, out);
            out.push(STOP);
        }
        Encoding::Json => {
            out.extend_from_slice(b"{\"1\":{\"str\":\"");
            for char in message.chars() {
                match char {
                    '"' | '\\' => out.extend_from_slice(&[b'\\', char as u8]),
                    '\0'..='\x1f' => out.extend_from_slice(format!("\\u{:04x}", char as u32).as_bytes()),
                    char => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
                }
            }
            out.extend_from_slice(b"\"},\"2\":{\"i32\":");
            out.extend_from_slice(kind.to_string().as_bytes());
            out.extend_from_slice(b"}}]");
        }
    }
}

/// Appends the struct of a result that holds nothing: an answer to a method of type `void`.
pub(crate) fn put_void(encoding: Encoding, out: &mut Vec<u8>) {
    out.extend_from_slice(if encoding == Encoding::Json { b"{}]" } else { &[STOP] });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_says_its_type_once_that_is_there() {
        for encoding in Encoding::ALL {
            for outcome in Outcome::ALL {
                let mut body = Vec::new();
                put_exception(encoding, "a \"2\":{\"i32\":99} \\ \u{1} message", outcome, &mut body);
                let told = Told::Exception(exception::kind_of(outcome));
                assert_eq!(look(encoding, kind::EXCEPTION, &body), told, "{encoding}");
                for n in 0..body.len() {
                    match look(encoding, kind::EXCEPTION, &body[..n]) {
                        Told::Need(need) => assert!(need > n && (encoding == Encoding::Json || need <= body.len())),
                        told => assert_eq!(told, Told::Exception(exception::kind_of(outcome)), "{encoding} {n}"),
                    }
                }
            }
        }
    }

    #[test]
    fn what_a_result_says() {
        let (value, thrown) = (Told::Outcome(Outcome::Success), Told::Outcome(Outcome::Exception));
        for (encoding, body, told) in [
            (Encoding::Binary, &b"\0"[..], value),
            (Encoding::Binary, b"\x0b\0\0\0\0\0\x01a\0", value),
            (Encoding::OldBinary, b"\x0c\0\x01\0\0", thrown),
            (Encoding::Binary, b"\x0b\0", Told::Need(3)),
            (Encoding::Binary, b"", Told::Need(1)),
            (Encoding::Compact, b"\0", value),
            (Encoding::Compact, b"\x08\0\x01a\0", value),
            (Encoding::Compact, b"\x1c\0\0", thrown),
            (Encoding::Compact, b"\x0c\x80\x04\0\0", thrown),
            (Encoding::Compact, b"\x08", Told::Need(2)),
            (Encoding::Json, b"{}]", value),
            (Encoding::Json, b"{\"0\":{\"str\":\"a\"}}]", value),
            (Encoding::Json, b"{\"1\":{\"rec\":{}}}]", thrown),
            (Encoding::Json, b"{\"0", Told::Need(4)),
        ] {
            assert_eq!(look(encoding, kind::REPLY, body), told, "{encoding} {}", body.escape_ascii());
        }
    }

    #[test]
    fn an_exception_without_a_type_is_the_server_s() {
        assert_eq!(look(Encoding::Binary, kind::EXCEPTION, b"\0"), UNTOLD);
        assert_eq!(look(Encoding::Binary, kind::EXCEPTION, b"\x0b\0\x01\xff\xff\xff\xff\0"), UNTOLD);
        assert_eq!(look(Encoding::Compact, kind::EXCEPTION, b"\0"), UNTOLD);
        assert_eq!(look(Encoding::Json, kind::EXCEPTION, b"{}]"), UNTOLD);
    }
}
