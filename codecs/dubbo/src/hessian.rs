//! Hessian 2, as far as a destination and a local answer need it: strings, null, and little more to write.
//!
//! A string is one or more pieces. The tag of each says how many UTF-16 units follow and whether the piece is the
//! last; the units are written in UTF-8, in which Java spells a character beyond the first plane as two surrogates of
//! three bytes each, and others as one sequence of four. How many bytes a piece has is known only by walking them.

use std::ops::Range;

use meshwire::frame::{Fault, Parse};

/// The null of every type.
pub(crate) const NULL: u8 = 0x4e;
/// A piece with 16 bits of length that is not the last one.
const PIECE: u8 = 0x52;
/// The last piece, with 16 bits of length.
const LAST: u8 = 0x53;
/// Up to here a tag is itself the length of the last piece.
const SHORT_MAX: u8 = 0x1f;
/// From here to [`MEDIUM_MAX`] a tag holds the upper 2 of 10 bits of the last piece's length.
const MEDIUM: u8 = 0x30;
const MEDIUM_MAX: u8 = 0x33;
/// The int 0; those from -16 to 47 lie around it.
const INT_ZERO: u8 = 0x90;
/// A map without a type, until [`END`].
const MAP: u8 = 0x48;
const END: u8 = 0x5a;
/// The definition of a class.
const CLASS: u8 = 0x43;
/// An object of the class defined first.
const OBJECT: u8 = 0x60;

/// Units in a piece that Java and Node write.
const PIECE_UNITS: usize = 0x8000;

// ----- reading -----

/// What a string turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// Null.
    Null,
    /// Its bytes, in one piece and as every other protocol would write them.
    Plain(Range<usize>),
    /// In pieces, or with surrogates: [`collect`] makes one piece of it.
    Tangled(Range<usize>),
}

/// A string in one piece, if it is in ASCII, where bytes and units are the same number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Short {
    /// Where it begins.
    pub(crate) at: usize,
    /// Its bytes.
    pub(crate) len: u16,
    /// It is a null and not an empty string.
    pub(crate) null: bool,
}

impl Short {
    /// What would be read at `at` if it were such a string; whether its bytes are there, and are ASCII, is the caller's
    /// to see.
    #[inline(always)]
    pub(crate) fn guess(bytes: &[u8], at: usize) -> Option<Self> {
        let (tag, rest) = bytes.get(at..)?.split_first()?;
        let (len, skip) = match *tag {
            0..=SHORT_MAX => (u16::from(*tag), 1),
            MEDIUM..=MEDIUM_MAX => (u16::from_be_bytes([tag & 0x03, *rest.first()?]), 2),
            LAST => (u16::from_be_bytes(*rest.first_chunk()?), 3),
            NULL => (0, 1),
            _ => return None,
        };
        Some(Self { at: at.saturating_add(skip), len, null: *tag == NULL })
    }

    /// Where it ends.
    #[inline(always)]
    pub(crate) fn end(self) -> usize {
        self.at.saturating_add(usize::from(self.len))
    }
}

/// Whether all bytes are ASCII: sixteen at a time, the last sixteen once more instead of the odd ones one by one, which
/// is what the standard library does at this length.
#[inline(always)]
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    let Some(last) = bytes.last_chunk::<16>() else { return rest.is_ascii() };
    let seen = words.iter().fold(u128::from_ne_bytes(*last), |seen, word| seen | u128::from_ne_bytes(*word));
    seen & u128::from_ne_bytes([0x80; 16]) == 0
}

/// A string under way. Keeping it between two calls makes a byte at a time cost no more than all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StringScan {
    /// Where its first tag lies.
    pub(crate) from: usize,
    /// Up to where it was walked.
    pub(crate) at: usize,
    /// Units of the piece under way that are still to come.
    pub(crate) left: u16,
    /// The piece under way is the last.
    pub(crate) last: bool,
    /// There are several pieces, or surrogates.
    pub(crate) tangled: bool,
}

impl StringScan {
    /// The string whose first tag lies at `at`.
    #[inline]
    pub(crate) const fn new(at: usize) -> Self {
        Self { from: at, at, left: 0, last: false, tangled: false }
    }

    /// Walks on: the string and where it ends, or how many bytes in all are worth another call.
    pub(crate) fn run(&mut self, bytes: &[u8]) -> Result<Parse<Text>, Fault> {
        loop {
            if let Some(need) = self.units(bytes)? {
                return Ok(Parse::Need(need));
            }
            if self.last {
                let piece = self.from.saturating_add(bytes.get(self.from).map_or(0, |tag| tag_len(*tag)));
                return Ok(Parse::Done(match self.tangled {
                    true => Text::Tangled(self.from..self.at),
                    false => Text::Plain(piece..self.at),
                }));
            }
            match self.tag(bytes)? {
                Parse::Done(true) => {}
                Parse::Done(false) => return Ok(Parse::Done(Text::Null)),
                Parse::Need(need) => return Ok(Parse::Need(need)),
            }
        }
    }

    /// The tag of the next piece; false where it is a null.
    fn tag(&mut self, bytes: &[u8]) -> Result<Parse<bool>, Fault> {
        let Some((&tag, rest)) = bytes.get(self.at..).and_then(<[u8]>::split_first) else {
            return Ok(Parse::Need(self.at.saturating_add(1)));
        };
        let skip = tag_len(tag);
        let need = Ok(Parse::Need(self.at.saturating_add(skip)));
        self.left = match tag {
            0..=SHORT_MAX => u16::from(tag),
            MEDIUM..=MEDIUM_MAX => match rest.first() {
                Some(low) => u16::from_be_bytes([tag & 0x03, *low]),
                None => return need,
            },
            LAST | PIECE => match rest.first_chunk() {
                Some(units) => u16::from_be_bytes(*units),
                None => return need,
            },
            NULL if self.at == self.from => {
                self.at = self.at.saturating_add(1);
                return Ok(Parse::Done(false));
            }
            _ => return Err(Fault::new("string", "a string or null must stand here", self.at)),
        };
        self.last = tag != PIECE;
        self.tangled |= !self.last;
        self.at = self.at.saturating_add(skip);
        Ok(Parse::Done(true))
    }

    /// Walks the units of the piece under way; how many bytes in all are needed, if they are not all there.
    fn units(&mut self, bytes: &[u8]) -> Result<Option<usize>, Fault> {
        while self.left > 0 {
            let rest = bytes.get(self.at..).unwrap_or_default();
            let rest = rest.get(..usize::from(self.left)).unwrap_or(rest);
            let run = rest.iter().position(|byte| !byte.is_ascii()).unwrap_or(rest.len());
            // `run` is at most `left`, which fits.
            self.left = self.left.saturating_sub(run as u16);
            self.at = self.at.saturating_add(run);
            if self.left == 0 {
                break;
            }
            // A unit takes a byte at least, so that fewer than `left` more cannot complete the piece.
            let need = Some(self.at.saturating_add(usize::from(self.left)));
            let rest = bytes.get(self.at..).unwrap_or_default();
            let Some(&lead) = rest.first() else { return Ok(need) };
            let (len, units) = match lead {
                0xc2..=0xdf => (2, 1),
                0xe0..=0xef => (3, 1),
                0xf0..=0xf4 => (4, 2),
                _ => return Err(bad_utf8(self.at)),
            };
            let Some(char) = rest.get(..len) else {
                return Ok(need.max(Some(self.at.saturating_add(len))));
            };
            self.tangled |= check(char).ok_or_else(|| bad_utf8(self.at))?;
            self.left = self.left.checked_sub(units).ok_or_else(|| {
                Fault::new("string", "a character of two UTF-16 units crosses the end of its piece", self.at)
            })?;
            self.at = self.at.saturating_add(len);
        }
        Ok(None)
    }
}

#[inline]
const fn tag_len(tag: u8) -> usize {
    match tag {
        LAST | PIECE => 3,
        MEDIUM..=MEDIUM_MAX => 2,
        _ => 1,
    }
}

/// Whether a sequence of two to four bytes is a surrogate; `None` where it is no character. Longer spellings of a
/// character are refused: the server would read a name that the routes did not see.
fn check(char: &[u8]) -> Option<bool> {
    let (lead, tail) = char.split_first()?;
    let second = *tail.first()?;
    let fits = match lead {
        0xe0 => second >= 0xa0,
        0xf0 => second >= 0x90,
        0xf4 => second <= 0x8f,
        _ => true,
    };
    (fits && tail.iter().all(|byte| byte & 0xc0 == 0x80)).then_some(*lead == 0xed && second >= 0xa0)
}

#[cold]
fn bad_utf8(at: usize) -> Fault {
    Fault::new("utf8", "a string must be UTF-8, surrogates allowed", at)
}

/// The string at `span`, which [`StringScan::run`] has walked, in one piece and with one spelling of each character.
pub(crate) fn collect(bytes: &[u8], span: Range<usize>) -> Vec<u8> {
    let mut scan = StringScan::new(span.start);
    let mut text = Vec::with_capacity(span.len());
    while scan.at < span.end && matches!(scan.tag(bytes), Ok(Parse::Done(true))) {
        let start = scan.at;
        if !matches!(scan.units(bytes), Ok(None)) {
            break;
        }
        text.extend_from_slice(bytes.get(start..scan.at).unwrap_or_default());
    }
    join_surrogates(text)
}

/// Makes one sequence of four bytes of each surrogate pair; lone surrogates stay as they are.
fn join_surrogates(text: Vec<u8>) -> Vec<u8> {
    let mut joined = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let Some((&byte, tail)) = rest.split_first() {
        if let [0xed, a @ 0xa0..=0xaf, b, 0xed, c @ 0xb0..=0xbf, d, after @ ..] = rest {
            // Ten bits of each half, counted from the second plane on.
            let half = |second: u8, third: u8| u32::from(second & 0x0f) << 6 | u32::from(third & 0x3f);
            let code = (half(*a, *b) << 10 | half(*c, *d)).saturating_add(0x1_0000);
            if let Some(char) = char::from_u32(code) {
                joined.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            }
            rest = after;
        } else {
            joined.push(byte);
            rest = tail;
        }
    }
    joined
}

// ----- writing -----

/// Appends a string in pieces that every reader takes, with Java's surrogates.
pub(crate) fn put_string(out: &mut Vec<u8>, text: &str) {
    let mut rest = text;
    loop {
        let (piece, after, units) = split(rest);
        let [high, low] = (units as u16).to_be_bytes();
        match (after.is_empty(), high) {
            (false, _) => out.extend_from_slice(&[PIECE, high, low]),
            (true, 0) if low <= SHORT_MAX => out.push(low),
            (true, 0..=3) => out.extend_from_slice(&[MEDIUM | high, low]),
            (true, _) => out.extend_from_slice(&[LAST, high, low]),
        }
        for char in piece.chars() {
            if char.len_utf16() == 1 {
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    let [high, low] = unit.to_be_bytes();
                    out.extend_from_slice(&[0xe0 | high >> 4, 0x80 | (high & 0x0f) << 2 | low >> 6, 0x80 | low & 0x3f]);
                }
            }
        }
        if after.is_empty() {
            return;
        }
        rest = after;
    }
}

/// The next piece, what is behind it, and how many units it has.
fn split(text: &str) -> (&str, &str, usize) {
    let mut units = 0usize;
    for (at, char) in text.char_indices() {
        let after = units.saturating_add(char.len_utf16());
        if after > PIECE_UNITS {
            let (piece, rest) = text.split_at_checked(at).unwrap_or((text, ""));
            return (piece, rest, units);
        }
        units = after;
    }
    (text, "", units)
}

/// Appends a null.
pub(crate) fn put_null(out: &mut Vec<u8>) {
    out.push(NULL);
}

/// Appends an int from 0 to 47.
pub(crate) fn put_small_int(out: &mut Vec<u8>, value: u8) {
    out.push(INT_ZERO.saturating_add(value.min(47)));
}

/// Reads an int from 0 to 47.
#[inline]
pub(crate) fn small_int(byte: u8) -> Option<u8> {
    byte.checked_sub(INT_ZERO).filter(|value| *value <= 47)
}

/// Appends a map of strings.
pub(crate) fn put_map<'a>(out: &mut Vec<u8>, entries: impl IntoIterator<Item = (&'a str, &'a str)>) {
    out.push(MAP);
    for (key, value) in entries {
        put_string(out, key);
        put_string(out, value);
    }
    out.push(END);
}

/// Appends a `java.lang.RuntimeException` with this message: what Java's own filter makes of an exception whose class
/// the client may not have.
pub(crate) fn put_exception(out: &mut Vec<u8>, message: &str) {
    out.push(CLASS);
    put_string(out, "java.lang.RuntimeException");
    put_small_int(out, 1);
    put_string(out, "detailMessage");
    out.push(OBJECT);
    put_string(out, message);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The slow and obvious reader: units one by one, `None` for anything it does not like.
    fn naive(bytes: &[u8]) -> Option<(Option<Vec<u16>>, usize)> {
        let (mut units, mut at) = (Vec::new(), 0);
        if *bytes.first()? == b'N' {
            return Some((None, 1));
        }
        loop {
            let tag = *bytes.get(at)?;
            at += 1;
            let len = match tag {
                0x00..=0x1f => tag as usize,
                0x30..=0x33 => {
                    at += 1;
                    (tag as usize - 0x30) * 256 + *bytes.get(at - 1)? as usize
                }
                b'S' | b'R' => {
                    at += 2;
                    *bytes.get(at - 2)? as usize * 256 + *bytes.get(at - 1)? as usize
                }
                _ => return None,
            };
            let end = units.len() + len;
            while units.len() < end {
                let mut next = || {
                    at += 1;
                    bytes.get(at - 1).map(|byte| *byte as u32)
                };
                let lead = next()?;
                let more = [(0x80, 0), (0xc0, 9), (0xe0, 1), (0xf0, 2), (0xf8, 3)];
                let more = more.iter().find(|(below, _)| lead < *below)?.1;
                if more == 9 {
                    return None;
                }
                let mut code = if more == 0 { lead } else { lead & (0x3f >> more) };
                for _ in 0..more {
                    let byte = next()?;
                    if byte & 0xc0 != 0x80 {
                        return None;
                    }
                    code = code << 6 | (byte & 0x3f);
                }
                if code < [0, 0x80, 0x800, 0x1_0000][more] || code > 0x10_ffff {
                    return None;
                }
                if code > 0xffff {
                    units.extend(char::from_u32(code)?.encode_utf16(&mut [0; 2]).iter());
                } else {
                    units.push(code as u16);
                }
            }
            if units.len() != end {
                return None;
            }
            if tag != b'R' {
                return Some((Some(units), at));
            }
        }
    }

    /// Units in UTF-8, pairs joined, lone surrogates as three bytes.
    fn utf8(units: &[u16]) -> Vec<u8> {
        let mut out = Vec::new();
        for char in char::decode_utf16(units.iter().copied()) {
            match char {
                Ok(char) => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
                Err(lone) => {
                    let unit = lone.unpaired_surrogate();
                    out.extend([0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8])
                }
            }
        }
        out
    }

    fn value(bytes: &[u8], text: &Text) -> Option<Vec<u8>> {
        match text {
            Text::Null => None,
            Text::Plain(span) => Some(bytes[span.clone()].to_vec()),
            Text::Tangled(span) => Some(collect(bytes, span.clone())),
        }
    }

    /// Reads a string that comes so many bytes at a time; how often it was asked comes with it.
    fn read(bytes: &[u8], step: usize) -> Result<Option<(Text, usize, usize)>, Fault> {
        let (mut scan, mut have, mut calls) = (StringScan::new(0), 0, 0);
        loop {
            calls += 1;
            match scan.run(&bytes[..have])? {
                Parse::Done(text) => return Ok(Some((text, scan.at, calls))),
                Parse::Need(need) => {
                    assert!(need > have, "asked for {need} with {have} there");
                    if need > bytes.len() {
                        return Ok(None);
                    }
                    have = need.max(have + step).min(bytes.len());
                }
            }
        }
    }

    fn written(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(&mut out, text);
        out
    }

    #[test]
    fn each_form_and_its_edges() {
        for (units, front) in [
            (0, &[0x00][..]),
            (31, &[0x1f]),
            (32, &[0x30, 0x20]),
            (1023, &[0x33, 0xff]),
            (1024, &[0x53, 0x04, 0x00]),
            (32768, &[0x53, 0x80, 0x00]),
            (32769, &[0x52, 0x80, 0x00]),
        ] {
            let text = "x".repeat(units);
            let bytes = written(&text);
            assert!(bytes.starts_with(front), "{units}");
            let (read, end, _) = read(&bytes, 1).unwrap().unwrap();
            assert_eq!(value(&bytes, &read).unwrap(), text.as_bytes());
            assert_eq!(end, bytes.len());
            let short = Short::guess(&bytes, 0).map(|short| bytes[short.at..short.end()].to_vec());
            assert_eq!(short, (units <= 32768).then(|| text.into_bytes()));
        }
    }

    #[test]
    fn lengths_count_utf16_units() {
        // é is one unit of two bytes, 中 one of three, 😀 two units: as surrogates of three bytes each, or in four.
        assert_eq!(written("é中"), [2, 0xc3, 0xa9, 0xe4, 0xb8, 0xad]);
        let surrogates = [2, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80];
        assert_eq!(written("😀"), surrogates);
        for bytes in [&surrogates[..], &[2, 0xf0, 0x9f, 0x98, 0x80]] {
            let (text, end, _) = read(bytes, 1).unwrap().unwrap();
            assert_eq!(end, bytes.len());
            assert_eq!(value(bytes, &text).unwrap(), "😀".as_bytes());
        }
    }

    #[test]
    fn pieces_become_one() {
        let bytes = b"R\0\x02abR\0\0\x30\x03cdeX";
        let (text, end, _) = read(bytes, 1).unwrap().unwrap();
        assert_eq!((value(bytes, &text).unwrap(), end), (b"abcde".to_vec(), bytes.len() - 1));
        // A pair whose halves lie in two pieces.
        let bytes = [0x52, 0, 1, 0xed, 0xa0, 0xbd, 1, 0xed, 0xb8, 0x80];
        let (text, ..) = read(&bytes, 1).unwrap().unwrap();
        assert_eq!(value(&bytes, &text).unwrap(), "😀".as_bytes());
    }

    #[test]
    fn what_is_no_string_is_refused() {
        for (bytes, code, at) in [
            (&[0x90][..], "string", 0),                  // an int
            (b"R\0\x01aN", "string", 4),                 // null cannot be a later piece
            (&[1, 0xf0, 0x9f, 0x98, 0x80], "string", 1), // two units where one was announced
            (&[1, 0x80], "utf8", 1),
            (&[1, 0xc0, 0x80], "utf8", 1), // longer than need be
            (&[1, 0xc1, 0xa1], "utf8", 1),
            (&[1, 0xe0, 0x9f, 0xbf], "utf8", 1),
            (&[2, 0xf0, 0x8f, 0xbf, 0xbf], "utf8", 1),
            (&[2, 0xf4, 0x90, 0x80, 0x80], "utf8", 1),
            (&[2, b'a', 0xc3, b'b'], "utf8", 2),
        ] {
            let fault = read(bytes, 1).unwrap_err();
            assert_eq!((fault.code, fault.at), (code, at), "{bytes:x?}");
            assert_eq!(naive(bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn a_byte_at_a_time_asks_no_more_than_it_must() {
        let bytes = written(&"中".repeat(20_000));
        let (_, _, calls) = read(&bytes, 1).unwrap().unwrap();
        // Each answer asks for as many bytes as there are units left: a geometric series.
        assert!(calls < 40, "{calls}");
    }

    fn wire() -> impl Strategy<Value = Vec<u8>> {
        let text = prop_oneof!["[a-z.]{0,40}", "\\PC{0,40}", "[a😀中]{0,300}"];
        let piece = (text, any::<bool>(), any::<bool>()).prop_map(|(text, cut, four)| {
            let mut bytes = if four {
                let mut bytes = vec![b'S'];
                bytes.extend((text.encode_utf16().count() as u16).to_be_bytes());
                bytes.extend(text.as_bytes());
                bytes
            } else {
                written(&text)
            };
            if cut && bytes[0] == b'S' {
                bytes[0] = b'R';
            }
            bytes
        });
        prop_oneof![
            8 => prop::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat()),
            1 => prop::collection::vec(any::<u8>(), 0..40),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_the_naive_reader(bytes in wire(), step in 1usize..9, flip in any::<Option<(prop::sample::Index, u8)>>()) {
            let mut bytes = bytes;
            if let (Some((at, byte)), false) = (flip, bytes.is_empty()) {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let wanted = naive(&bytes).map(|(units, end)| (units.map(|units| utf8(&units)), end));
            let got = read(&bytes, step).ok().flatten().map(|(text, end, _)| (value(&bytes, &text), end));
            prop_assert_eq!(&got, &wanted);
            if let Some(short) = Short::guess(&bytes, 0) && bytes.get(..short.end()).is_some_and(is_ascii) {
                let text = (!short.null).then(|| bytes[short.at..short.end()].to_vec());
                prop_assert_eq!(Some((text, short.end())), wanted);
            }
        }

        #[test]
        fn ascii_is_what_the_standard_library_says(bytes in prop::collection::vec(0u8..0x80, 0..40), at: prop::sample::Index) {
            prop_assert!(is_ascii(&bytes));
            if !bytes.is_empty() {
                let mut bytes = bytes;
                let at = at.index(bytes.len());
                bytes[at] |= 0x80;
                prop_assert!(!is_ascii(&bytes));
            }
        }

        #[test]
        fn reads_what_it_writes(text in "\\PC{0,200}") {
            let bytes = written(&text);
            let (read, end, _) = read(&bytes, 1).unwrap().unwrap();
            prop_assert_eq!(value(&bytes, &read).unwrap(), text.into_bytes());
            prop_assert_eq!(end, bytes.len());
        }
    }
}
