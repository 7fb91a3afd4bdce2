//! JSONB: each value behind a 32-bit length.
//!
//! ```text
//! length u32 | tag | ...        a6 | key | value | ... | a5: a map        92 | class | n | value: one of a Java class
//! ```

mod cursor;
mod tag;
mod write;

use meshwire::frame::{Fault, Parse};

use self::cursor::Cursor;
pub(super) use self::write::{edit_map, put_exception, put_flag, put_map, put_null, put_text};
use super::{Body, Each, Text, Value, no_flag, no_map, no_text, truncated};

pub(super) fn text(body: Body<'_>, at: usize) -> Result<Parse<(Text, usize)>, Fault> {
    let value = match body.sized(at)? {
        Parse::Done(value) => value,
        Parse::Need(need) => return Ok(Parse::Need(need)),
    };
    let text = match body.slice(&value) {
        [tag::NULL] => Text::Null,
        [tag::SHORT..=tag::GB18030, ..] => {
            let mut cursor = Cursor::new(body.seen, &value);
            let text = cursor.text()?;
            end(&cursor)?;
            text
        }
        _ => return Err(no_text(at)),
    };
    Ok(Parse::Done((text, value.end)))
}

pub(super) fn skip(body: Body<'_>, at: usize) -> Result<Parse<usize>, Fault> {
    Ok(match body.sized(at)? {
        Parse::Done(value) => Parse::Done(value.end),
        Parse::Need(need) => Parse::Need(need),
    })
}

pub(super) fn flag(body: Body<'_>, at: usize) -> Result<Parse<(u8, usize)>, Fault> {
    let rest = body.from(at);
    // A longer value is no flag, and is not waited for.
    if rest.first_chunk::<4>().is_some_and(|len| u32::from_be_bytes(*len) > 2) {
        return Err(no_flag(at));
    }
    Ok(match body.sized(at)? {
        Parse::Need(need) => Parse::Need(need),
        Parse::Done(value) => match body.slice(&value) {
            [flag @ 0..=0x2f] | [tag::INT8, flag] => Parse::Done((*flag, value.end)),
            _ => return Err(no_flag(at)),
        },
    })
}

pub(super) fn entries(body: Body<'_>, at: usize, each: &mut Each<'_>) -> Result<usize, Fault> {
    let Parse::Done(value) = body.sized(at)? else { return Err(truncated(at)) };
    let mut cursor = Cursor::new(body.seen, &value);
    if open(&mut cursor)? {
        while cursor.peek() != Some(tag::END) {
            let name = key(&mut cursor)?;
            entry_value(body.seen, &mut cursor, &mut |value| each(name.bytes(body.seen).unwrap_or_default(), value))?;
        }
        cursor.byte()?;
    }
    end(&cursor)?;
    Ok(value.end)
}

/// Reads up to the first entry; false where the map is a null.
fn open(cursor: &mut Cursor<'_>) -> Result<bool, Fault> {
    let at = cursor.at;
    let mut tag = cursor.byte()?;
    if tag == tag::TYPED {
        cursor.class()?;
        tag = cursor.byte()?;
        if tag == tag::NULL {
            return Err(no_map(at));
        }
    }
    match tag {
        tag::OBJECT => Ok(true),
        tag::NULL => Ok(false),
        _ => Err(no_map(at)),
    }
}

/// The key of an entry. Java's maps have no symbols for keys, only its objects for the names of fields.
fn key(cursor: &mut Cursor<'_>) -> Result<Text, Fault> {
    match cursor.peek() {
        Some(tag::SHORT..=tag::GB18030) => cursor.text(),
        None => Err(truncated(cursor.at)),
        Some(_) => Err(Fault::new("key", "the key of an attachment must be a string", cursor.at)),
    }
}

/// Reads the value of an entry.
fn entry_value(
    seen: &[u8],
    cursor: &mut Cursor<'_>,
    each: &mut dyn FnMut(Value<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let start = cursor.clone();
    let tag = cursor.peek().unwrap_or_default();
    if let tag::SHORT..=tag::GB18030 = tag {
        let text = cursor.text()?;
        return each(Value::Text(text.bytes(seen).unwrap_or_default()));
    }
    // The map is the container around it.
    cursor.skip(1)?;
    let mut inside = start;
    inside.byte()?;
    if let Some(number) = inside.whole(tag)? {
        return each(Value::Scalar(number.to_string().as_bytes()));
    }
    let other: &[u8] = match tag {
        tag::NULL => return each(Value::Null),
        tag::FALSE => return each(Value::Scalar(b"false")),
        tag::TRUE => return each(Value::Scalar(b"true")),
        tag::DOUBLE_0 => return each(Value::Scalar(b"0.0")),
        tag::DOUBLE_1 => return each(Value::Scalar(b"1.0")),
        tag::DOUBLE => return each(Value::Scalar(format!("{:?}", inside.double()?).as_bytes())),
        tag::FLOAT => return each(Value::Scalar(format!("{:?}", inside.float()?).as_bytes())),
        // Whole, and small enough to be.
        tag::DOUBLE_LONG | tag::FLOAT_INT => {
            return each(Value::Scalar(format!("{}.0", inside.number()?).as_bytes()));
        }
        tag::BIG_LONG | tag::DECIMAL_LONG => return each(Value::Scalar(inside.number()?.to_string().as_bytes())),
        tag::TYPED => match inside.class()? {
            Some(name) => return each(Value::Other(name.bytes(seen).unwrap_or_default())),
            None => b"object",
        },
        tag::ARRAY_SHORT..=tag::ARRAY => b"[]",
        tag::OBJECT => b"{}",
        tag::BIG => b"BigInteger",
        tag::DECIMAL => b"BigDecimal",
        tag::BINARY => b"byte[]",
        tag::CHAR => b"char",
        tag::REFERENCE => b"reference",
        tag::SYMBOL => b"symbol",
        _ => b"date",
    };
    each(Value::Other(other))
}

/// A value must end where its length says.
fn end(cursor: &Cursor<'_>) -> Result<(), Fault> {
    if cursor.is_at_end() {
        Ok(())
    } else {
        Err(Fault::new("length", "a value must end where its length says", cursor.at))
    }
}

#[cfg(test)]
mod tests;
