//! Protobuf: each value a message behind its length.
//!
//! ```text
//! varint length | StringValue | ...        StringValue: 0a | varint length | UTF-8, or nothing where it is empty
//! ```
//!
//! A string cannot be null. Attachments are a message with a map of strings (field 1) and, from Dubbo 3's extension on, one
//! of typed values (field 2), by which that extension goes: see [`entries`].

use std::collections::HashMap;
use std::ops::Range;

use meshwire::frame::{Fault, Parse};

use super::{Body, Each, Text, Value, bad_utf8, no_flag, no_text, truncated};

/// Field 1 and 2 of a message, with a length.
const FIRST: u8 = 0x0a;
const SECOND: u8 = 0x12;
/// Field 1, a number.
const FIRST_NUMBER: u8 = 0x08;

/// The message at `at`, behind its length. Java reads lengths of up to five bytes, none of them negative.
fn message(body: Body<'_>, at: usize) -> Result<Parse<Range<usize>>, Fault> {
    match varint(body.from(at)) {
        Varint::Short => body.need(at, body.seen.len().max(at).saturating_add(1)),
        Varint::Bad => Err(bad_length(at)),
        Varint::Done(len, width) => {
            let start = at.saturating_add(width);
            let end = start.saturating_add(len);
            if end > body.seen.len() { body.need(at, end) } else { Ok(Parse::Done(start..end)) }
        }
    }
}

#[cold]
fn bad_length(at: usize) -> Fault {
    Fault::new("length", "a length must be a varint of at most 31 bits", at)
}

/// What a varint turned out to be.
enum Varint {
    /// A number, and how many bytes it has.
    Done(usize, usize),
    /// There is more to come.
    Short,
    /// It is too long.
    Bad,
}

fn varint(bytes: &[u8]) -> Varint {
    let mut value = 0_u64;
    for (n, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << n.saturating_mul(7);
        if byte & 0x80 == 0 {
            return match i32::try_from(value) {
                Ok(value) => Varint::Done(value.cast_unsigned() as usize, n.saturating_add(1)),
                Err(_) => Varint::Bad,
            };
        }
    }
    if bytes.len() < 5 { Varint::Short } else { Varint::Bad }
}

/// The fields of a message that Java knows have lengths; others in it are refused, as nobody is known to write them.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn new(bytes: &'a [u8], range: &Range<usize>) -> Self {
        Self { bytes: bytes.get(..range.end).unwrap_or_default(), at: range.start }
    }

    /// The next field: its tag and where its bytes are.
    fn next(&mut self) -> Result<Option<(u8, Range<usize>)>, Fault> {
        let at = self.at;
        let rest = self.bytes.get(at..).unwrap_or_default();
        let Some((tag @ (&FIRST | &SECOND), behind)) = rest.split_first() else {
            return if rest.is_empty() {
                Ok(None)
            } else {
                Err(Fault::new("protobuf", "a field that is not known", at))
            };
        };
        let Varint::Done(len, width) = varint(behind) else { return Err(bad_length(at)) };
        let start = at.saturating_add(1).saturating_add(width);
        let end = start.saturating_add(len);
        if end > self.bytes.len() {
            return Err(truncated(at));
        }
        self.at = end;
        Ok(Some((*tag, start..end)))
    }

    /// Both fields of a message that has no more, each at most once.
    fn pair(mut self) -> Result<[Range<usize>; 2], Fault> {
        let mut pair = [None, None];
        while let Some((tag, range)) = self.next()? {
            let place = if tag == FIRST { &mut pair[0] } else { &mut pair[1] };
            if place.replace(range).is_some() {
                return Err(Fault::new("protobuf", "a field that stands twice", self.at));
            }
        }
        Ok(pair.map(Option::unwrap_or_default))
    }
}

fn string(seen: &[u8], range: &Range<usize>) -> Result<(), Fault> {
    match std::str::from_utf8(seen.get(range.clone()).unwrap_or_default()) {
        Ok(_) => Ok(()),
        Err(_) => Err(bad_utf8(range.start)),
    }
}

pub(super) fn text(body: Body<'_>, at: usize) -> Result<Parse<(Text, usize)>, Fault> {
    let message = match message(body, at)? {
        Parse::Done(message) => message,
        Parse::Need(need) => return Ok(Parse::Need(need)),
    };
    let end = message.end;
    let mut fields = Fields::new(body.seen, &message);
    let text = match fields.next().map_err(|_| no_text(at))? {
        None => end..end,
        Some((FIRST, text)) if text.end == end => text,
        Some(_) => return Err(no_text(at)),
    };
    string(body.seen, &text)?;
    Ok(Parse::Done((Text::Plain(text), end)))
}

pub(super) fn skip(body: Body<'_>, at: usize) -> Result<Parse<usize>, Fault> {
    Ok(match message(body, at)? {
        Parse::Done(message) => Parse::Done(message.end),
        Parse::Need(need) => Parse::Need(need),
    })
}

pub(super) fn flag(body: Body<'_>, at: usize) -> Result<Parse<(u8, usize)>, Fault> {
    match body.from(at) {
        [] | [0 | 2, ..] => {}
        _ => return Err(no_flag(at)),
    }
    Ok(match message(body, at)? {
        Parse::Need(need) => Parse::Need(need),
        Parse::Done(message) => match body.slice(&message) {
            [] => Parse::Done((0, message.end)),
            [FIRST_NUMBER, flag @ 0..=0x7f] => Parse::Done((*flag, message.end)),
            _ => return Err(no_flag(at)),
        },
    })
}

/// Shows `each` the attachments. Dubbo 2 writes and reads field 1, a map of strings. Dubbo 3's extension writes all
/// of them there as well, as strings, and what they were to field 2, by which it goes: so one that says something else there
/// is refused, as the proxy would route by one of two.
pub(super) fn entries(body: Body<'_>, at: usize, each: &mut Each<'_>) -> Result<usize, Fault> {
    if body.is_whole() && body.from(at).is_empty() {
        // Java writes nothing for a null.
        return Ok(at);
    }
    let Parse::Done(message) = message(body, at)? else { return Err(truncated(at)) };
    let seen = body.seen;
    let mut strings: HashMap<&[u8], &[u8]> = HashMap::new();
    let mut typed = Vec::new();
    let mut fields = Fields::new(seen, &message);
    while let Some((tag, entry)) = fields.next()? {
        let [name, value] = Fields::new(seen, &entry).pair()?;
        string(seen, &name)?;
        if tag == FIRST {
            string(seen, &value)?;
            let (name, value) = (body.slice(&name), body.slice(&value));
            strings.insert(name, value);
            each(name, Value::Text(value))?;
        } else {
            typed.push((name, value));
        }
    }
    for (name, any) in typed {
        let [_, attachment] = Fields::new(seen, &any).pair()?;
        let [class, data] = Fields::new(seen, &attachment).pair()?;
        let first = strings.get(body.slice(&name));
        let same = match body.slice(&class) {
            b"java.lang.String" => {
                let [_, message] = Fields::new(seen, &data).pair()?;
                let [value, _] = Fields::new(seen, &message).pair()?;
                first.is_some_and(|first| *first == body.slice(&value))
            }
            // What is no string is nothing that Java looks for.
            _ => first.is_some(),
        };
        if !same {
            return Err(Fault::new(
                "protobuf",
                "an attachment that is not the same in both of its spellings",
                name.start,
            ));
        }
    }
    Ok(message.end)
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut message = Vec::with_capacity(text.len().saturating_add(6));
    put_field(&mut message, FIRST, text.as_bytes());
    put_varint(out, message.len());
    out.extend_from_slice(&message);
}

pub(super) fn put_flag(out: &mut Vec<u8>, flag: u8) {
    match flag {
        0 => out.push(0),
        flag => out.extend_from_slice(&[2, FIRST_NUMBER, flag & 0x7f]),
    }
}

/// A `ThrowableProto`: the name of a class and a message.
pub(super) fn put_exception(out: &mut Vec<u8>, class: &str, message: &str) {
    let mut throwable = Vec::new();
    put_field(&mut throwable, FIRST, class.as_bytes());
    put_field(&mut throwable, SECOND, message.as_bytes());
    put_varint(out, throwable.len());
    out.extend_from_slice(&throwable);
}

/// Appends a field, unless it is empty, which is how an empty one is written.
fn put_field(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    if !bytes.is_empty() {
        out.push(tag);
        put_varint(out, bytes.len());
        out.extend_from_slice(bytes);
    }
}

fn put_varint(out: &mut Vec<u8>, mut n: usize) {
    while n > 0x7f {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

#[cfg(test)]
mod tests;
