//! Hessian 2 in bodies that are all there. Strings of ASCII in one piece, which nearly all are, are read without a scanner.

use std::borrow::Cow;

use meshwire::frame::Fault;
use meshwire::{Limit, Outcome};
use meshwire_hessian::{Error, Kind, Read, Reader, Scalar, Scanner, Short, StringScan, is_ascii};

use crate::attachments::Entry;
use crate::body::{CUT_SHORT, Text};

/// The null of every type.
pub(crate) const NULL: u8 = b'N';
/// A map without a type, until [`END`].
pub(crate) const MAP: u8 = b'H';
/// The end of any map.
pub(crate) const END: u8 = b'Z';
/// Up to here a tag is itself the length of a string.
const SHORT_MAX: u8 = 0x1f;
/// From here to `0x33` it is the upper 2 of 10 bits.
const MEDIUM: u8 = 0x30;
/// The int 0; those from -16 to 47 lie around it.
const INT_ZERO: u8 = 0x90;

/// Reads an int from 0 to 47.
#[inline]
pub(crate) fn small_int(byte: u8) -> Option<u8> {
    byte.checked_sub(INT_ZERO).filter(|value| *value <= 47)
}

/// What the reader says, as a fault of the message.
pub(crate) fn fault(error: Error) -> Fault {
    match error.code {
        "depth" => Fault::limit(Limit::Nesting, error.detail, error.at),
        code if error.limit => Fault::new(code, error.detail, error.at).with_outcome(Outcome::TooLarge),
        code => Fault::new(code, error.detail, error.at),
    }
}

fn done<T>(read: Result<Read<T>, Error>, seen: &[u8]) -> Result<T, Fault> {
    match read.map_err(fault)? {
        Read::Done(value) => Ok(value),
        Read::Need(_) => Err(cut_short(seen)),
    }
}

#[cold]
fn cut_short(seen: &[u8]) -> Fault {
    Fault::new(CUT_SHORT, "the body ends inside a value", seen.len())
}

/// The string or null at `at`, if it lies in one piece and in ASCII, and where it ends.
#[inline]
fn short(seen: &[u8], at: usize) -> Option<(Option<&[u8]>, usize)> {
    let short = Short::guess(seen, at)?;
    let text = seen.get(short.at..short.end()).filter(|text| is_ascii(text))?;
    Some((if short.null { None } else { Some(text) }, short.end()))
}

/// The string or null at `at`, and where it ends.
pub(crate) fn text(seen: &[u8], at: usize) -> Result<(Text<'_>, usize), Fault> {
    if let Some((text, end)) = short(seen, at) {
        return Ok((text.map(Cow::Borrowed), end));
    }
    let mut scan = StringScan::new(at);
    match scan.run(seen).map_err(fault)? {
        Read::Done(text) => Ok((text.to_bytes(seen), scan.at)),
        Read::Need(_) => Err(cut_short(seen)),
    }
}

/// The string or null at `at` of bytes that were looked through before, and where it ends; `None` behind the last.
pub(crate) fn plain_text(bytes: &[u8], at: usize) -> Option<(Option<&[u8]>, usize)> {
    if let Some(short) = short(bytes, at) {
        return Some(short);
    }
    let mut scan = StringScan::new(at);
    match scan.run(bytes) {
        Ok(Read::Done(meshwire_hessian::Text::Plain(span))) => Some((bytes.get(span), scan.at)),
        Ok(Read::Done(meshwire_hessian::Text::Null)) => Some((None, scan.at)),
        _ => None,
    }
}

/// Where the value at `at`, and `n - 1` behind it, end.
pub(crate) fn skip(seen: &[u8], mut at: usize, mut n: usize, scanner: &mut Scanner) -> Result<usize, Fault> {
    // Those in front of the first that needs a scanner: they are nothing that others could refer to.
    while n > 0
        && let Some(end) = simple(seen, at)
    {
        at = end;
        n = n.wrapping_sub(1);
    }
    if n == 0 {
        return Ok(at);
    }
    let mut reader = Reader::new(seen, at, scanner);
    done(reader.skip_many(n), seen)?;
    Ok(reader.at())
}

/// Whether a value is this byte and no more: a boolean or a small number.
#[inline]
pub(crate) const fn is_one_byte(tag: u8) -> bool {
    matches!(tag, b'T' | b'F' | 0x80..=0xbf | 0xe0..=0xef)
}

/// Where the value at `at` ends, if it is a short one.
#[inline]
fn simple(seen: &[u8], at: usize) -> Option<usize> {
    if is_one_byte(*seen.get(at)?) { Some(at.saturating_add(1)) } else { short(seen, at).map(|(_, end)| end) }
}

/// The int at `at`, and where it ends; `None` where something else stands.
pub(crate) fn int(seen: &[u8], at: usize) -> Result<Option<(i32, usize)>, Fault> {
    let Some((tag, rest)) = seen.get(at..).and_then(<[u8]>::split_first) else { return Err(cut_short(seen)) };
    let len = match *tag {
        0x80..=0xbf => 1,
        0xc0..=0xcf => 2,
        0xd0..=0xd7 => 3,
        b'I' => 5,
        _ => return Ok(None),
    };
    let value = match (*tag, rest) {
        (b'I', [a, b, c, d, ..]) => i32::from_be_bytes([*a, *b, *c, *d]),
        (0xd0..=0xd7, [high, low, ..]) => {
            i32::from(*tag).wrapping_sub(0xd4) << 16 | i32::from(*high) << 8 | i32::from(*low)
        }
        (0xc0..=0xcf, [low, ..]) => i32::from(*tag).wrapping_sub(0xc8) << 8 | i32::from(*low),
        (0x80..=0xbf, _) => i32::from(*tag).wrapping_sub(0x90),
        _ => return Err(cut_short(seen)),
    };
    Ok(Some((value, at.saturating_add(len))))
}

/// Strings that lie one behind the other, each in one piece, and all of them in ASCII: which is looked at for many at once, so
/// that none is one before [`end`](Self::end) says so.
// What is seldom needed takes and gives back all of it: a cursor whose address goes nowhere is kept in registers.
#[derive(Clone, Copy)]
pub(crate) struct Shorts<'a> {
    bytes: &'a [u8],
    /// Where the next value begins.
    pub(crate) at: usize,
    /// Up to where all are ASCII that must be.
    looked_at: usize,
}

impl<'a> Shorts<'a> {
    #[inline]
    pub(crate) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, looked_at: at }
    }

    /// The next string.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Option<Short> {
        let tag = *self.bytes.get(self.at)?;
        // `at` lies within the bytes, so that no sum here is near the end of what there are numbers for.
        let short = if tag <= SHORT_MAX {
            Short { at: self.at.wrapping_add(1), len: u16::from(tag), null: false }
        } else if tag & !0x03 == MEDIUM
            && let Some(low @ 0..0x80) = self.bytes.get(self.at.wrapping_add(1))
        {
            let len = u16::from_be_bytes([tag & 0x03, *low]);
            Short { at: self.at.wrapping_add(2), len, null: false }
        } else {
            let (behind, short) = self.any()?;
            *self = behind;
            return Some(short);
        };
        self.at = short.at.wrapping_add(usize::from(short.len));
        Some(short)
    }

    /// The next string, whose length may be no ASCII itself, or null.
    #[inline(never)]
    fn any(mut self) -> Option<(Self, Short)> {
        let short = Short::guess(self.bytes, self.at)?;
        if short.len & 0x8080 != 0 {
            self = self.pass(short.at.wrapping_sub(self.at))?;
        }
        self.at = short.end();
        Some((self, short))
    }

    /// The next byte, if it is one that `is` takes; those in ASCII cost nothing.
    #[inline(always)]
    pub(crate) fn byte(&mut self, is: impl FnOnce(u8) -> bool) -> Option<bool> {
        let byte = *self.bytes.get(self.at)?;
        if !is(byte) {
            return Some(false);
        }
        if byte.is_ascii() {
            self.at = self.at.wrapping_add(1);
        } else {
            *self = self.pass(1)?;
        }
        Some(true)
    }

    /// Passes over bytes that may be anything.
    #[inline(never)]
    fn pass(self, n: usize) -> Option<Self> {
        let at = self.end()?.wrapping_add(n);
        Some(Self { at, looked_at: at, ..self })
    }

    /// Where the strings end, if they were all of them in ASCII.
    #[inline(always)]
    pub(crate) fn end(self) -> Option<usize> {
        is_ascii(self.bytes.get(self.looked_at..self.at)?).then_some(self.at)
    }
}

/// So many strings in a row.
#[inline]
pub(crate) fn shorts<const N: usize>(seen: &[u8], at: usize) -> Option<[Short; N]> {
    let mut found = [Short { at, len: 0, null: false }; N];
    let mut shorts = Shorts::new(seen, at);
    for short in &mut found {
        *short = shorts.next()?;
    }
    shorts.end()?;
    Some(found)
}

/// The text of a string that [`shorts`] or [`Flat`] found.
#[inline]
pub(crate) fn short_text(seen: &[u8], short: Short) -> Option<&[u8]> {
    if short.null { None } else { seen.get(short.at..short.end()) }
}

/// A map as nearly all are: without a type, not large, and its keys and values strings as [`shorts`] finds them.
pub(crate) struct Flat {
    pairs: [(Short, Short); 16],
    len: usize,
}

impl Flat {
    /// Key and value of each entry.
    #[inline]
    pub(crate) fn pairs(&self) -> &[(Short, Short)] {
        self.pairs.get(..self.len).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn read(seen: &[u8], at: usize) -> Option<Self> {
        if seen.get(at) != Some(&MAP) {
            return None;
        }
        let none = Short { at, len: 0, null: false };
        let (mut pairs, mut len) = ([(none, none); 16], 0usize);
        let mut shorts = Shorts::new(seen, at.saturating_add(1));
        while !shorts.byte(|byte| byte == END)? {
            *pairs.get_mut(len)? = (shorts.next()?, shorts.next()?);
            len = len.wrapping_add(1);
        }
        shorts.end()?;
        Some(Self { pairs, len })
    }
}

/// Shows each entry of the map at `at`; where it ends.
#[inline]
pub(crate) fn entries<'a>(
    seen: &'a [u8],
    at: usize,
    scanner: &mut Scanner,
    mut each: impl FnMut(Entry<'a>) -> Result<(), Fault>,
) -> Result<usize, Fault> {
    // A map without a type is told to the scanner when the scanner is needed: the entries before that refer to nothing.
    let (mut at, mut untold) = match seen.get(at) {
        Some(&NULL) => return Ok(at.saturating_add(1)),
        Some(&MAP) => (at.saturating_add(1), Some(at)),
        _ => (begin_map(seen, at, scanner)?, None),
    };
    loop {
        if seen.get(at) == Some(&END) {
            return Ok(at.saturating_add(1));
        }
        let strings = short(seen, at).and_then(|(name, value_at)| Some((name, short(seen, value_at)?)));
        let entry = match strings {
            Some((name, (value, end))) => Entry {
                at,
                end,
                name: name.map(Cow::Borrowed),
                value: value.map(Cow::Borrowed),
                value_at: end.saturating_sub(value.map_or(0, <[u8]>::len)),
                is_plain: true,
                is_text: true,
                has_containers: false,
            },
            None => {
                if let Some(map_at) = untold.take() {
                    begin_map(seen, map_at, scanner)?;
                }
                any(seen, at, scanner)?
            }
        };
        at = entry.end;
        each(entry)?;
    }
}

/// Where the first entry of the map at `at` begins.
#[cold]
#[inline(never)]
fn begin_map(seen: &[u8], at: usize, scanner: &mut Scanner) -> Result<usize, Fault> {
    let mut reader = Reader::new(seen, at, scanner);
    if done(reader.begin_map(), seen)? {
        Ok(reader.at())
    } else {
        Err(Fault::new("attachments", "the attachments must be a map or null", at))
    }
}

/// An entry of any key and value.
#[cold]
#[inline(never)]
fn any<'a>(seen: &'a [u8], at: usize, scanner: &mut Scanner) -> Result<Entry<'a>, Fault> {
    let before = scanner.containers();
    let mut reader = Reader::new(seen, at, scanner);
    let name = match done(reader.scalar(), seen)? {
        Some(Scalar::String(text)) => text.to_bytes(seen),
        // A key that is no string names nothing that anybody asks for.
        _ => None,
    };
    let kind = done(reader.kind(), seen)?;
    let value = match done(reader.scalar(), seen)? {
        Some(Scalar::String(text)) => text.to_bytes(seen),
        // Not as it stands there.
        Some(scalar) => scalar.to_text(seen).map(|text| Cow::Owned(text.into_owned())),
        None => Some(Cow::Borrowed(name_of(kind))),
    };
    let end = reader.at();
    let is_text = matches!(kind, Kind::Null | Kind::String);
    let value = if is_text { value } else { value.map(|value| Cow::Owned(value.into_owned())) };
    let value_at = end.saturating_sub(value.as_ref().map_or(0, |value| value.len()));
    let as_plain = plain_text(seen, at).and_then(|(_, value_at)| plain_text(seen, value_at));
    let is_plain = as_plain.is_some_and(|(_, as_plain)| as_plain == end);
    let has_containers = scanner.containers() != before;
    Ok(Entry { at, end, name, value, value_at, is_plain, is_text, has_containers })
}

/// How a value shows that has no text.
const fn name_of(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Binary => b"binary",
        Kind::List => b"list",
        Kind::UntypedMap | Kind::TypedMap => b"map",
        Kind::Ref => b"reference",
        _ => b"object",
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used)]
mod tests {
    use super::*;
    use meshwire_hessian::{Dialect, put};

    /// What stands at `at` to a reader that takes nothing for granted.
    fn read(bytes: &[u8], at: usize) -> Option<(Option<&[u8]>, usize)> {
        plain_text(bytes, at).filter(|(text, _)| text.is_none_or(<[u8]>::is_ascii))
    }

    #[test]
    fn short_strings_lie_where_any_reader_finds_them() {
        for len in (0..300).chain([511, 512, 1023, 1024, 5000, 0x7fff]) {
            let text = "x".repeat(len);
            let mut bytes = b"\x02ab".to_vec();
            put::string(&mut bytes, Dialect::Hessian2, &text);
            put::null(&mut bytes);
            put::string(&mut bytes, Dialect::Hessian2, "cd");
            let mut shorts = Shorts::new(&bytes, 0);
            let mut at = 0;
            for _ in 0..4 {
                let short = shorts.next().unwrap();
                let (text, end) = read(&bytes, at).unwrap();
                assert_eq!((short_text(&bytes, short), shorts.at), (text, end), "{len}");
                at = end;
            }
            assert_eq!((shorts.end(), at), (Some(bytes.len()), bytes.len()));
            // Cut, it ends nowhere.
            for cut in [1, 2, 3] {
                let cut = &bytes[..bytes.len() - cut];
                let mut shorts = Shorts::new(cut, 0);
                while shorts.next().is_some() {}
                assert!(shorts.end().is_none_or(|end| end < bytes.len()));
            }
        }
    }

    #[test]
    fn what_is_no_ascii_is_none_wherever_others_stand() {
        let other = "\u{e9}\0\0";
        let mut bytes = Vec::new();
        put::string(&mut bytes, Dialect::Hessian2, other);
        bytes.extend_from_slice(b"\x91");
        // Three units in four bytes: a reader of bytes finds an empty string behind it.
        let mut shorts = Shorts::new(&bytes, 0);
        shorts.next().unwrap();
        shorts.next().unwrap();
        assert_eq!(shorts.at, bytes.len() - 1);
        assert_eq!(shorts.byte(is_one_byte), None, "what stands before it was no string");
        let mut shorts = Shorts::new(&bytes[..bytes.len() - 1], 0);
        shorts.next().unwrap();
        assert_eq!(shorts.end(), None);
    }
}
