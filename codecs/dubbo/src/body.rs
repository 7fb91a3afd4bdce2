//! The values of a body, in whatever serialization is read.
//!
//! All of them hold the same values in the same order; this is where they differ. Offsets count from the frame's first byte.

use std::borrow::Cow;

use meshwire::FieldEdit;
use meshwire::frame::{Fault, Parse};
use meshwire_hessian::Scanner;

use crate::attachments::Entry;
use crate::hessian;
use crate::serial::{self, Serial, Value, names};
use crate::wire::HEADER_LEN;

/// A string, borrowed where it lies in one piece, or null.
pub(crate) type Text<'a> = Option<Cow<'a, [u8]>>;

/// A serialization that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Hessian 2.
    Hessian,
    /// Another.
    Other(Serial),
}

impl Known {
    /// That of a frame; `None` for those whose bytes say nothing to this crate.
    #[inline]
    pub(crate) fn of(id: u8, seen: &[u8]) -> Option<Self> {
        if id == names::HESSIAN2 {
            return Some(Self::Hessian);
        }
        Serial::of(id, seen.get(HEADER_LEN).copied()).map(Self::Other)
    }
}

/// A body that is all there, or as much of it as is.
pub(crate) struct Body<'s> {
    known: Known,
    /// How long the frame is in all.
    len: usize,
    scanner: &'s mut Scanner,
}

impl<'s> Body<'s> {
    /// Nothing of it has been read.
    pub(crate) fn new(known: Known, len: usize, scanner: &'s mut Scanner) -> Self {
        scanner.reset();
        Self { known, len, scanner }
    }

    pub(crate) const fn is_hessian(&self) -> bool {
        matches!(self.known, Known::Hessian)
    }

    /// The string or null at `at`, and where it ends.
    pub(crate) fn text<'a>(&self, seen: &'a [u8], at: usize) -> Result<(Text<'a>, usize), Fault> {
        match self.known {
            Known::Hessian => hessian::text(seen, at),
            Known::Other(serial) => {
                let (text, end) = done(serial.text(serial::Body::new(seen, self.len), at)?, seen)?;
                Ok((text.into_bytes(seen), end))
            }
        }
    }

    /// Where the value at `at`, and `n - 1` behind it, end.
    pub(crate) fn skip(&mut self, seen: &[u8], mut at: usize, n: usize) -> Result<usize, Fault> {
        match self.known {
            Known::Hessian => hessian::skip(seen, at, n, self.scanner),
            Known::Other(serial) => {
                for _ in 0..n {
                    at = done(serial.skip(serial::Body::new(seen, self.len), at)?, seen)?;
                }
                Ok(at)
            }
        }
    }

    /// The int at `at` and where it ends; `None` where something else stands.
    pub(crate) fn int(&self, seen: &[u8], at: usize) -> Result<Option<(i32, usize)>, Fault> {
        if self.is_hessian() { hessian::int(seen, at) } else { Ok(None) }
    }

    /// Shows each entry of the map at `at`; where it ends. A null, or the end of the body, is a map without entries.
    #[inline]
    pub(crate) fn entries<'a>(
        &mut self,
        seen: &'a [u8],
        at: usize,
        mut each: impl FnMut(Entry<'a>) -> Result<(), Fault>,
    ) -> Result<usize, Fault> {
        let serial = match self.known {
            _ if at >= seen.len() => return Ok(at),
            Known::Hessian => return hessian::entries(seen, at, self.scanner, each),
            Known::Other(serial) => serial,
        };
        serial.entries(serial::Body::new(seen, self.len), at, &mut |name, value| {
            let (text, is_text) = match value {
                Value::Null => (None, true),
                Value::Text(text) => (Some(text), true),
                Value::Scalar(text) | Value::Other(text) => (Some(text), false),
            };
            let end = at.saturating_add(name.len()).saturating_add(text.map_or(0, <[u8]>::len));
            let value = text.map(|text| Cow::Owned(text.to_vec()));
            let name = Some(Cow::Owned(name.to_vec()));
            each(Entry { at, end, name, value, value_at: at, is_plain: false, is_text, has_containers: false })
        })
    }

    /// Whether any value named another by number.
    pub(crate) fn refers(&self) -> bool {
        self.scanner.refers()
    }

    /// The map at `at` with these edits, where it is written behind its length or in a line.
    /// `kept_from`: where the bytes in front of it begin that stay.
    pub(crate) fn edit_map(
        &self,
        seen: &[u8],
        kept_from: usize,
        at: usize,
        edits: &[FieldEdit<'_>],
    ) -> Result<Vec<u8>, &'static str> {
        let Known::Other(serial) = self.known else { return Err("attachments in another serialization") };
        if at < seen.len() {
            return serial.edit_map(seen, at..seen.len(), edits.iter().copied());
        }
        // There were none.
        let mut map = Vec::new();
        if serial == Serial::JsonLines && kept_from < seen.len() && seen.last() != Some(&b'\n') {
            map.push(b'\n');
        }
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let new =
            serial::new_entries(edits.iter().copied()).filter_map(|(name, value)| Some((text(name)?, text(value)?)));
        if serial.put_map(&mut map, new) { Ok(map) } else { Err("attachments in protobuf") }
    }
}

/// The code of what is not all there.
pub(crate) const CUT_SHORT: &str = "cut_short";

/// The code of a value that is no string where one must stand.
pub(crate) const NO_STRING: &str = "string";

/// What a reader over bytes that are all there came to.
pub(crate) fn done<T>(read: Parse<T>, seen: &[u8]) -> Result<T, Fault> {
    match read {
        Parse::Done(value) => Ok(value),
        Parse::Need(_) => Err(Fault::new(CUT_SHORT, "the body ends inside a value", seen.len())),
    }
}
