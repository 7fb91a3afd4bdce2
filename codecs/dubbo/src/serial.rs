//! Bodies in serializations other than Hessian 2.
//!
//! | id | serialization | a value is |
//! | --- | --- | --- |
//! | 6 | fastjson | a line of JSON, or a 32-bit length and JSON (Dubbo 3's extension) |
//! | 16, 18 | gson, jackson | a line of JSON |
//! | 21 | protobuf-json | a line of JSON: a message as protobuf spells it there |
//! | 22 | protobuf | a varint length and a message |
//! | 23 | fastjson2 | a 32-bit length and JSONB |
//!
//! All of them say where a value ends without a look into it, so that arguments are passed over unread. What is read is
//! read strictly: where Java's readers accept more than their writers write, and may not agree with each other on what it
//! means, the message is refused rather than routed by a guess.

mod edit;
mod json;
mod jsonb;
pub(crate) mod names;
mod protobuf;
mod protobuf_json;

pub(crate) use edit::new_entries;

use std::borrow::Cow;
use std::ops::Range;

use meshwire::FieldEdit;
use meshwire::frame::{Fault, Parse};

/// How many containers may lie in each other where they must be walked.
const NESTING: u32 = 64;

/// What is there of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Body<'a> {
    seen: &'a [u8],
    len: usize,
}

impl<'a> Body<'a> {
    /// The bytes of a frame that are there, and how many it will have in all. All positions count from the first of them.
    pub(crate) const fn new(seen: &'a [u8], len: usize) -> Self {
        Self { seen, len }
    }

    /// The whole of a frame.
    pub(crate) const fn whole(seen: &'a [u8]) -> Self {
        Self::new(seen, seen.len())
    }

    const fn is_whole(self) -> bool {
        self.seen.len() >= self.len
    }

    fn from(self, at: usize) -> &'a [u8] {
        self.seen.get(at..).unwrap_or_default()
    }

    fn slice(self, range: &Range<usize>) -> &'a [u8] {
        self.seen.get(range.clone()).unwrap_or_default()
    }

    /// What a reader at `at` says that looks for `need` bytes in all.
    fn need<T>(self, at: usize, need: usize) -> Result<Parse<T>, Fault> {
        if need > self.len || self.is_whole() { Err(truncated(at)) } else { Ok(Parse::Need(need)) }
    }

    /// The value at `at`, behind its 32-bit length.
    fn sized(self, at: usize) -> Result<Parse<Range<usize>>, Fault> {
        let start = at.saturating_add(4);
        let Some(len) = self.from(at).first_chunk::<4>() else {
            return self.need(at, start);
        };
        let len = i32::from_be_bytes(*len);
        let Ok(len) = usize::try_from(len) else {
            return Err(Fault::new("length", "a length must not be negative", at));
        };
        let end = start.saturating_add(len);
        if end > self.seen.len() { self.need(at, end) } else { Ok(Parse::Done(start..end)) }
    }
}

/// Appends what `write` appends, behind its 32-bit length.
fn put_sized(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    put_length(out, at);
}

/// Writes the length of all behind `at` there.
fn put_length(out: &mut [u8], at: usize) {
    let len = out.len().saturating_sub(at).saturating_sub(4);
    // A body past 2 GiB cannot be said; no frame has one.
    let len = i32::try_from(len).unwrap_or(i32::MAX);
    if let Some(place) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<4>) {
        *place = len.to_be_bytes();
    }
}

#[cold]
fn truncated(at: usize) -> Fault {
    Fault::new("truncated", "a value must end inside of its message", at)
}

#[cold]
fn no_text(at: usize) -> Fault {
    Fault::new("string", "a string or null must stand here", at)
}

#[cold]
fn no_flag(at: usize) -> Fault {
    Fault::new("flag", "the flag of a result must stand here", at)
}

#[cold]
fn no_map(at: usize) -> Fault {
    Fault::new("map", "a map or null must stand here", at)
}

#[cold]
fn too_deep(at: usize) -> Fault {
    Fault::limit(meshwire::Limit::Nesting, "containers lie in each other more than 64 deep", at)
}

#[cold]
fn bad_utf8(at: usize) -> Fault {
    Fault::new("utf8", "a string must be valid UTF-8", at)
}

/// A string, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// Null.
    Null,
    /// It lies there in one piece, in UTF-8.
    Plain(Range<usize>),
    /// It had to be decoded.
    Owned(Vec<u8>),
}

impl Text {
    /// Its bytes, borrowed where they lie there; `None` for null.
    pub(crate) fn into_bytes(self, seen: &[u8]) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Null => None,
            Self::Plain(range) => Some(Cow::Borrowed(seen.get(range).unwrap_or_default())),
            Self::Owned(text) => Some(Cow::Owned(text)),
        }
    }

    /// Its bytes; `None` for null.
    pub(crate) fn bytes<'a>(&'a self, seen: &'a [u8]) -> Option<&'a [u8]> {
        match self {
            Self::Null => None,
            Self::Plain(range) => Some(seen.get(range.clone()).unwrap_or_default()),
            Self::Owned(text) => Some(text),
        }
    }
}

/// The value of an attachment. Java looks for its own names among those that are strings, and takes others for absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Null.
    Null,
    /// A string.
    Text(&'a [u8]),
    /// A number or a boolean, in its usual spelling.
    Scalar(&'a [u8]),
    /// Anything else, by the name of its type: Java's where the wire has it.
    Other(&'a [u8]),
}

/// Takes the entries of a map.
pub(crate) type Each<'e> = dyn FnMut(&[u8], Value<'_>) -> Result<(), Fault> + 'e;

/// A serialization whose values can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serial {
    /// fastjson2.
    Jsonb,
    /// fastjson as Dubbo 2 has it, gson, jackson.
    JsonLines,
    /// fastjson as Dubbo 3's extension has it.
    JsonSized,
    /// protobuf.
    Protobuf,
    /// protobuf-json.
    ProtobufJson,
}

impl Serial {
    /// That of a body by its id and its first byte; `None` for those whose values cannot be found, Hessian 2 apart.
    ///
    /// Two serializations call themselves fastjson, and 6: that of Dubbo 2, and, since its 3.2, that of Dubbo 3's
    /// extension. A length of less than 144 MiB begins with a byte that no line of JSON begins with.
    pub(crate) const fn of(id: u8, first: Option<u8>) -> Option<Self> {
        match (id, first) {
            (names::FASTJSON2, _) => Some(Self::Jsonb),
            (names::FASTJSON, Some(0..=8)) => Some(Self::JsonSized),
            (names::FASTJSON | names::GSON | names::JACKSON, _) => Some(Self::JsonLines),
            (names::PROTOBUF, _) => Some(Self::Protobuf),
            (names::PROTOBUF_JSON, _) => Some(Self::ProtobufJson),
            _ => None,
        }
    }

    /// The string or null at `at`, and where it ends. What it says to be needed may be more than the value turns out to
    /// have, never more than the body has: who is shown less than all of it waits for the lesser.
    pub(crate) fn text(self, body: Body<'_>, at: usize) -> Result<Parse<(Text, usize)>, Fault> {
        match self {
            Self::Jsonb => jsonb::text(body, at),
            Self::JsonLines | Self::ProtobufJson => json::text(json::Framing::Lines, body, at),
            Self::JsonSized => json::text(json::Framing::Sized, body, at),
            Self::Protobuf => protobuf::text(body, at),
        }
    }

    /// Where the value at `at` ends.
    pub(crate) fn skip(self, body: Body<'_>, at: usize) -> Result<Parse<usize>, Fault> {
        match self {
            Self::Jsonb => jsonb::skip(body, at),
            Self::JsonLines | Self::ProtobufJson => json::skip(json::Framing::Lines, body, at),
            Self::JsonSized => json::skip(json::Framing::Sized, body, at),
            Self::Protobuf => protobuf::skip(body, at),
        }
    }

    /// Shows `each` the entries of the attachments at `at`, all of which must be there, in wire order: of two with one name,
    /// Java goes by the last. Returns where they end. A null has none.
    pub(crate) fn entries(self, body: Body<'_>, at: usize, each: &mut Each<'_>) -> Result<usize, Fault> {
        match self {
            Self::Jsonb => jsonb::entries(body, at, each),
            Self::JsonLines => json::entries(json::Framing::Lines, body, at, each),
            Self::JsonSized => json::entries(json::Framing::Sized, body, at, each),
            Self::Protobuf => protobuf::entries(body, at, each),
            Self::ProtobufJson => protobuf_json::entries(body, at, each),
        }
    }

    /// The flag in front of a result, and where it ends.
    pub(crate) fn flag(self, body: Body<'_>, at: usize) -> Result<Parse<(u8, usize)>, Fault> {
        match self {
            Self::Jsonb => jsonb::flag(body, at),
            Self::JsonLines | Self::ProtobufJson => json::flag(json::Framing::Lines, body, at),
            Self::JsonSized => json::flag(json::Framing::Sized, body, at),
            Self::Protobuf => protobuf::flag(body, at),
        }
    }

    /// Appends a null, which is also the whole body of a heartbeat. Protobuf has none: its heartbeats are empty.
    pub(crate) fn put_null(self, out: &mut Vec<u8>) {
        match self {
            Self::Jsonb => jsonb::put_null(out),
            Self::JsonLines => json::put_null(json::Framing::Lines, out),
            Self::JsonSized => json::put_null(json::Framing::Sized, out),
            Self::Protobuf | Self::ProtobufJson => {}
        }
    }

    /// Appends a string.
    pub(crate) fn put_text(self, out: &mut Vec<u8>, text: &str) {
        match self {
            Self::Jsonb => jsonb::put_text(out, text),
            Self::JsonLines | Self::ProtobufJson => json::put_text(json::Framing::Lines, out, text),
            Self::JsonSized => json::put_text(json::Framing::Sized, out, text),
            Self::Protobuf => protobuf::put_text(out, text),
        }
    }

    /// Appends the flag in front of a result.
    pub(crate) fn put_flag(self, out: &mut Vec<u8>, flag: u8) {
        match self {
            Self::Jsonb => jsonb::put_flag(out, flag),
            Self::JsonLines | Self::ProtobufJson => json::put_flag(json::Framing::Lines, out, flag),
            Self::JsonSized => json::put_flag(json::Framing::Sized, out, flag),
            Self::Protobuf => protobuf::put_flag(out, flag),
        }
    }

    /// Appends a map of strings; false, and nothing, where it cannot be written.
    pub(crate) fn put_map<'a>(self, out: &mut Vec<u8>, entries: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        match self {
            Self::Jsonb => jsonb::put_map(out, entries),
            Self::JsonLines => json::put_map(json::Framing::Lines, out, entries),
            Self::JsonSized => json::put_map(json::Framing::Sized, out, entries),
            Self::Protobuf | Self::ProtobufJson => return false,
        }
        true
    }

    /// Appends an exception that Java's client throws as one of class `class`; false, and nothing, where its reader makes
    /// none of what it could be sent.
    pub(crate) fn put_exception(self, out: &mut Vec<u8>, class: &str, message: &str) -> bool {
        match self {
            Self::Jsonb => jsonb::put_exception(out, class, message),
            Self::JsonSized => json::put_exception(out, class, message),
            Self::Protobuf => protobuf::put_exception(out, class, message),
            Self::ProtobufJson => protobuf_json::put_exception(out, class, message),
            // fastjson 1.2.83 makes no object of a class it was not told to trust, gson cannot set the fields of a
            // Throwable on today's Java, and jackson reads a map: none of them throws what even a Java server sends.
            Self::JsonLines => return false,
        }
        true
    }

    /// The attachments at `span` with `edits`, their length and all: entries that are not edited keep their bytes, those
    /// that are set stand where the first of that name stood or at the end, and a null becomes a map.
    ///
    /// # Errors
    ///
    /// Why it cannot be done.
    pub(crate) fn edit_map<'e>(
        self,
        seen: &[u8],
        span: Range<usize>,
        edits: impl Iterator<Item = FieldEdit<'e>>,
    ) -> Result<Vec<u8>, &'static str> {
        let value = seen.get(span).ok_or("attachments that are not all there")?;
        match self {
            Self::Jsonb => jsonb::edit_map(value, edits),
            Self::JsonLines => json::edit_map(json::Framing::Lines, value, edits),
            Self::JsonSized => json::edit_map(json::Framing::Sized, value, edits),
            Self::Protobuf | Self::ProtobufJson => Err("attachments in protobuf"),
        }
    }
}

#[cfg(test)]
mod tests;
