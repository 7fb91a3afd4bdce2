//! JSON as Java writes it.

use meshwire::FieldEdit;
use meshwire::frame::{Fault, Parse};

use super::super::Body;
use super::super::edit::{Fate, Plan, utf8};
use super::super::{put_length, put_sized};
use super::{Framing, walk};

/// Appends what `write` appends, as a value.
fn value(framing: Framing, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    match framing {
        Framing::Lines => {
            write(out);
            out.push(b'\n');
        }
        Framing::Sized => put_sized(out, write),
    }
}

pub(in crate::serial) fn put_null(framing: Framing, out: &mut Vec<u8>) {
    value(framing, out, |out| out.extend_from_slice(b"null"));
}

pub(in crate::serial) fn put_text(framing: Framing, out: &mut Vec<u8>, text: &str) {
    value(framing, out, |out| put_string(out, text));
}

pub(in crate::serial) fn put_flag(framing: Framing, out: &mut Vec<u8>, flag: u8) {
    value(framing, out, |out| {
        out.push(b'0' | flag & 0x0f);
        if framing == Framing::Sized {
            // A byte, to a reader that is told all types.
            out.push(b'B');
        }
    });
}

pub(in crate::serial) fn put_map<'a>(
    framing: Framing,
    out: &mut Vec<u8>,
    entries: impl Iterator<Item = (&'a str, &'a str)>,
) {
    value(framing, out, |out| {
        let mut map = Map::open(out);
        for (name, value) in entries {
            map.put(name, value);
        }
        map.close();
    });
}

/// An object of the class with nothing in it but its message, as fastjson writes one where it writes classes.
pub(in crate::serial) fn put_exception(out: &mut Vec<u8>, class: &str, message: &str) {
    put_map(Framing::Sized, out, [("@type", class), ("message", message)].into_iter());
}

/// Appends a string, its quotes and all.
pub(in crate::serial) fn put_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 => {
                let low = byte & 0x0f;
                let digit = if low < 10 { b'0'.wrapping_add(low) } else { b'a'.wrapping_add(low.wrapping_sub(10)) };
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', b'0' | byte >> 4, digit]);
            }
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// A map under way.
struct Map<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Map<'a> {
    fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn comma(&mut self) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
    }

    fn put(&mut self, name: &str, value: &str) {
        self.comma();
        put_string(self.out, name);
        self.out.push(b':');
        put_string(self.out, value);
    }

    /// The same for a name and value that an edit brings.
    fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), Why> {
        let (name, value) = (utf8(name).map_err(Why)?, utf8(value).map_err(Why)?);
        if matches!(name, "@type" | "$ref") {
            return Err(Why("a name that has a meaning of its own to fastjson"));
        }
        self.put(name, value);
        Ok(())
    }

    fn raw(&mut self, entry: &[u8]) {
        self.comma();
        self.out.extend_from_slice(entry);
    }

    fn close(self) {
        self.out.push(b'}');
    }
}

/// Why a map is not edited.
struct Why(&'static str);

impl From<Fault> for Why {
    fn from(_: Fault) -> Self {
        Self("attachments that are malformed")
    }
}

/// The map `value`, its length or the end of its line and all, with `edits`.
pub(in crate::serial) fn edit_map<'e>(
    framing: Framing,
    value: &[u8],
    edits: impl Iterator<Item = FieldEdit<'e>>,
) -> Result<Vec<u8>, &'static str> {
    edited(framing, value, Plan::new(edits)).map_err(|Why(why)| why)
}

fn edited(framing: Framing, value: &[u8], mut plan: Plan<'_>) -> Result<Vec<u8>, Why> {
    let body = Body::whole(value);
    let span = match framing.value(body, 0)? {
        Parse::Done((span, end)) if end == value.len() => span,
        _ => return Err(Why("attachments with something behind them")),
    };
    let mut out = Vec::with_capacity(value.len().saturating_add(64));
    if framing == Framing::Sized {
        out.extend_from_slice(&[0; 4]);
    }
    let mut map = Map::open(&mut out);
    // What an entry that goes may have been to those that stay.
    let (mut lost, mut referred) = (false, false);
    walk::<Why>(&mut framing.cursor(body, &span)?, 0, &mut |entry, cursor| {
        let fate = match entry.class {
            true => Fate::Keep,
            false => plan.fate(entry.key.bytes(value).unwrap_or_default()),
        };
        match fate {
            Fate::Keep => {
                let raw = cursor.raw(entry.start, cursor.at);
                map.raw(raw);
                referred |= raw.windows(REFERENCE.len()).any(|bytes| bytes == REFERENCE);
                return Ok(());
            }
            Fate::Replace(name, value) => map.set(name, value)?,
            Fate::Drop => {}
        }
        lost |= matches!(cursor.raw(entry.value, cursor.at), [b'{' | b'[' | b'S' | b'T', ..]);
        Ok(())
    })?;
    if lost && referred {
        return Err(Why("an attachment that another one may refer to"));
    }
    for (name, value) in plan.rest() {
        map.set(name, value)?;
    }
    map.close();
    match framing {
        Framing::Sized => put_length(&mut out, 0),
        Framing::Lines => out.extend_from_slice(value.get(span.end..).unwrap_or_default()),
    }
    Ok(out)
}

/// How fastjson says that a value stands elsewhere.
const REFERENCE: &[u8] = b"\"$ref\"";
