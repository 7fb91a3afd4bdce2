//! JSON: each value on a line of its own, or behind a 32-bit length.

pub(super) mod grammar;
mod write;

use std::ops::Range;

use meshwire::frame::{Fault, Parse};

use self::grammar::Cursor;
pub(super) use self::write::{edit_map, put_exception, put_flag, put_map, put_null, put_string, put_text};
use super::{Body, Each, Text, Value, bad_utf8, no_flag, no_map, no_text, truncated};

/// What says where a value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// The end of its line.
    Lines,
    /// A length in front of it.
    Sized,
}

impl Framing {
    /// The value at `at`, and where what belongs to it ends.
    fn value(self, body: Body<'_>, at: usize) -> Result<Parse<(Range<usize>, usize)>, Fault> {
        match self {
            Self::Lines => line(body, at),
            Self::Sized => Ok(match body.sized(at)? {
                Parse::Done(value) => {
                    let end = value.end;
                    Parse::Done((value, end))
                }
                Parse::Need(need) => Parse::Need(need),
            }),
        }
    }

    fn cursor<'a>(self, body: Body<'a>, value: &Range<usize>) -> Result<Cursor<'a>, Fault> {
        if std::str::from_utf8(body.slice(value)).is_err() {
            return Err(bad_utf8(value.start));
        }
        Ok(Cursor::new(body.seen, value, self == Self::Sized))
    }
}

/// The line at `at`, and where the next one begins. The last one of a body may end with it.
///
/// Nothing says how long a line is. The number that is said to be needed doubles what is there of it, so that a line in
/// small pieces is not looked through once for each of them.
pub(super) fn line(body: Body<'_>, at: usize) -> Result<Parse<(Range<usize>, usize)>, Fault> {
    let rest = body.from(at);
    let (len, end) = match rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(len) => match rest.get(len..).unwrap_or_default() {
            [b'\n', ..] => (len, 1),
            [b'\r', b'\n', ..] => (len, 2),
            [b'\r'] if body.is_whole() => (len, 1),
            [b'\r'] => return body.need(at, body.seen.len().saturating_add(1)),
            _ => return Err(Fault::new("line", "a line must not end in a carriage return alone", at)),
        },
        None if body.is_whole() => (rest.len(), 0),
        None => return body.need(at, body.seen.len().saturating_add(rest.len().max(1)).min(body.len)),
    };
    let line = at..at.saturating_add(len);
    if body.slice(&line).trim_ascii().is_empty() {
        // Java takes such a line for the end of the body.
        return Err(truncated(at));
    }
    let end = line.end.saturating_add(end);
    Ok(Parse::Done((line, end)))
}

pub(super) fn text(framing: Framing, body: Body<'_>, at: usize) -> Result<Parse<(Text, usize)>, Fault> {
    let (value, end) = match framing.value(body, at)? {
        Parse::Done(found) => found,
        Parse::Need(need) => return Ok(Parse::Need(need)),
    };
    let mut cursor = framing.cursor(body, &value)?;
    let text = match cursor.peek() {
        Some(b'"') => cursor.text()?,
        Some(b'n') if cursor.word(b"null") => Text::Null,
        _ => return Err(no_text(at)),
    };
    cursor.end()?;
    Ok(Parse::Done((text, end)))
}

pub(super) fn skip(framing: Framing, body: Body<'_>, at: usize) -> Result<Parse<usize>, Fault> {
    Ok(match framing.value(body, at)? {
        Parse::Done((_, end)) => Parse::Done(end),
        Parse::Need(need) => Parse::Need(need),
    })
}

pub(super) fn flag(framing: Framing, body: Body<'_>, at: usize) -> Result<Parse<(u8, usize)>, Fault> {
    // What Java writes is a digit, with a letter for the type where types are written: nothing longer is waited for.
    let rest = body.from(at);
    let fits = match framing {
        Framing::Lines => rest.first().is_none_or(u8::is_ascii_digit) && !matches!(rest, [_, b'0'..=b'9', ..]),
        Framing::Sized => rest.first_chunk::<4>().is_none_or(|len| matches!(len, [0, 0, 0, 1 | 2])),
    };
    if !fits {
        return Err(no_flag(at));
    }
    let (value, end) = match framing.value(body, at)? {
        Parse::Done(found) => found,
        Parse::Need(need) => return Ok(Parse::Need(need)),
    };
    match (framing, body.slice(&value)) {
        (_, [digit @ b'0'..=b'9']) | (Framing::Sized, [digit @ b'0'..=b'9', b'B']) => {
            Ok(Parse::Done((digit & 0x0f, end)))
        }
        _ => Err(no_flag(at)),
    }
}

pub(super) fn entries(framing: Framing, body: Body<'_>, at: usize, each: &mut Each<'_>) -> Result<usize, Fault> {
    let Parse::Done((value, end)) = framing.value(body, at)? else { return Err(truncated(at)) };
    let mut cursor = framing.cursor(body, &value)?;
    walk::<Fault>(&mut cursor, at, &mut |entry, cursor| {
        if entry.class {
            return Ok(());
        }
        let name = entry.key.bytes(body.seen).unwrap_or_default();
        scalar(body.seen, entry.value, cursor, &mut |value| each(name, value))
    })?;
    Ok(end)
}

/// An entry of a map, where the cursor is behind it.
struct Entry<'t> {
    key: &'t Text,
    /// Where its key begins, and its value.
    start: usize,
    value: usize,
    /// It says what class the map is of, and is none of its entries.
    class: bool,
}

/// Shows `each` the entries of the map that `cursor` is at.
///
/// A key `@type` is no entry where it comes first, as fastjson writes it: it says what class the map is of. Elsewhere it, and
/// `$ref` anywhere, means to fastjson what it does not mean to others.
fn walk<'a, E: From<Fault>>(
    cursor: &mut Cursor<'a>,
    at: usize,
    each: &mut dyn FnMut(Entry<'_>, &Cursor<'a>) -> Result<(), E>,
) -> Result<(), E> {
    match cursor.peek() {
        Some(b'{') => cursor.step(),
        Some(b'n') if cursor.word(b"null") => return Ok(cursor.end()?),
        _ => return Err(no_map(at).into()),
    }
    let mut first = true;
    while !cursor.passes(b'}') {
        if !first {
            cursor.expect(b',')?;
        }
        cursor.peek();
        let start = cursor.at;
        let key = cursor.text()?;
        cursor.expect(b':')?;
        cursor.peek();
        let value = cursor.at;
        cursor.skip(1)?;
        let class = match key.bytes(cursor.raw(0, cursor.at)).unwrap_or_default() {
            b"@type" if first && cursor.raw(value, cursor.at).starts_with(b"\"") => true,
            b"@type" | b"$ref" => {
                return Err(Fault::new("key", "a key that has a meaning of its own to fastjson", start).into());
            }
            _ => false,
        };
        each(Entry { key: &key, start, value, class }, cursor)?;
        first = false;
    }
    Ok(cursor.end()?)
}

/// Shows `each` the value between `start` and where `cursor` stands.
pub(super) fn scalar(
    seen: &[u8],
    start: usize,
    cursor: &Cursor<'_>,
    each: &mut dyn FnMut(Value<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let raw = cursor.raw(start, cursor.at);
    each(match raw {
        [b'"', ..] => {
            let text = Cursor::new(seen, &(start..cursor.at), false).text()?;
            return each(Value::Text(text.bytes(seen).unwrap_or_default()));
        }
        [b'{', ..] => Value::Other(b"{}"),
        b"null" => Value::Null,
        [b'n', ..] => Value::Other(b"date"),
        [b't' | b'f', ..] => Value::Scalar(raw),
        [b'-' | b'0'..=b'9', ..] => Value::Scalar(match raw {
            [number @ .., b'B' | b'S' | b'L' | b'F' | b'D'] => number,
            number => number,
        }),
        _ => Value::Other(b"[]"),
    })
}

#[cfg(test)]
mod tests;
