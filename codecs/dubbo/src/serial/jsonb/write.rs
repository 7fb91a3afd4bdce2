//! JSONB as Java writes it.

use meshwire::FieldEdit;
use meshwire::frame::Parse;

use super::super::Body;
use super::super::edit::{Fate, Plan, utf8};
use super::super::{put_length, put_sized};
use super::cursor::Cursor;
use super::{end, key, open, tag};

pub(in crate::serial) fn put_null(out: &mut Vec<u8>) {
    put_sized(out, |out| out.push(tag::NULL));
}

pub(in crate::serial) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_sized(out, |out| put_string(out, text));
}

pub(in crate::serial) fn put_flag(out: &mut Vec<u8>, flag: u8) {
    put_sized(out, |out| out.extend_from_slice(&[tag::INT8, flag]));
}

pub(in crate::serial) fn put_map<'a>(out: &mut Vec<u8>, entries: impl Iterator<Item = (&'a str, &'a str)>) {
    put_sized(out, |out| {
        out.push(tag::OBJECT);
        for (name, value) in entries {
            put_string(out, name);
            put_string(out, value);
        }
        out.push(tag::END);
    });
}

/// An object of the class with nothing in it but its message. The reader has no symbol for the class yet: it is 0.
pub(in crate::serial) fn put_exception(out: &mut Vec<u8>, class: &str, message: &str) {
    put_sized(out, |out| {
        out.push(tag::TYPED);
        put_string(out, class);
        out.extend_from_slice(&[0, tag::OBJECT]);
        put_string(out, "detailMessage");
        put_string(out, message);
        out.push(tag::END);
    });
}

fn put_string(out: &mut Vec<u8>, text: &str) {
    let len = text.len();
    match u8::try_from(len) {
        Ok(len @ 0..=0x2f) if text.is_ascii() => out.push(tag::SHORT.wrapping_add(len)),
        _ => {
            out.push(if text.is_ascii() { tag::LATIN1 } else { tag::UTF8 });
            put_int(out, len);
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends a length.
fn put_int(out: &mut Vec<u8>, n: usize) {
    let n = i32::try_from(n).unwrap_or(i32::MAX);
    let [_, high, middle, low] = n.to_be_bytes();
    match n {
        0..=0x2f => out.push(low),
        0x30..=0x7ff => out.extend_from_slice(&[0x38 | middle, low]),
        0x800..=0x3_ffff => out.extend_from_slice(&[0x44 | high, middle, low]),
        _ => {
            out.push(tag::INT32);
            out.extend_from_slice(&n.to_be_bytes());
        }
    }
}

/// The map `value`, its length in front, with `edits`.
pub(in crate::serial) fn edit_map<'e>(
    value: &[u8],
    edits: impl Iterator<Item = FieldEdit<'e>>,
) -> Result<Vec<u8>, &'static str> {
    const MALFORMED: &str = "attachments that are malformed";
    match Body::whole(value).sized(0) {
        Ok(Parse::Done(span)) if span.end == value.len() => {}
        _ => return Err("attachments with something behind them"),
    }
    let mut plan = Plan::new(edits);
    let mut cursor = Cursor::new(value, &(4..value.len()));
    let mut out = vec![0; 4];
    let raw = |start: usize, end: usize| value.get(start..end).unwrap_or_default();
    let put = |out: &mut Vec<u8>, name: &[u8], value: &[u8]| {
        put_string(out, utf8(name)?);
        put_string(out, utf8(value)?);
        Ok::<_, &'static str>(())
    };
    if open(&mut cursor).map_err(|_| MALFORMED)? {
        out.extend_from_slice(raw(4, cursor.at));
        // What an entry that goes may have been to those that stay.
        let (mut lost, mut referred) = (false, false);
        while cursor.peek() != Some(tag::END) {
            let start = cursor.at;
            let name = key(&mut cursor).map_err(|_| MALFORMED)?;
            let tag = cursor.peek().unwrap_or_default();
            cursor.refers = false;
            cursor.skip(1).map_err(|_| MALFORMED)?;
            let fate = plan.fate(name.bytes(value).unwrap_or_default());
            match fate {
                Fate::Keep => {
                    out.extend_from_slice(raw(start, cursor.at));
                    referred |= cursor.refers;
                    continue;
                }
                Fate::Replace(name, value) => put(&mut out, name, value)?,
                Fate::Drop => {}
            }
            lost |= matches!(tag, tag::SYMBOL | tag::TYPED | tag::ARRAY_SHORT..=tag::OBJECT);
        }
        if lost && referred {
            return Err("an attachment that another one may refer to");
        }
        cursor.byte().map_err(|_| MALFORMED)?;
    } else {
        out.push(tag::OBJECT);
    }
    end(&cursor).map_err(|_| MALFORMED)?;
    for (name, value) in plan.rest() {
        put(&mut out, name, value)?;
    }
    out.push(tag::END);
    put_length(&mut out, 0);
    Ok(out)
}
