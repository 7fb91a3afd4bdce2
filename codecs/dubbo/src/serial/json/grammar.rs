//! JSON as RFC 8259 has it, and no more: what only some of Java's readers accept (comments, single quotes, names without
//! quotes, escapes of their own) could mean one thing here and another there.

use std::ops::Range;

use meshwire::frame::Fault;

use super::super::{NESTING, Text, too_deep};

/// A way through one value, all of which is there, and valid UTF-8.
pub(in crate::serial) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(in crate::serial) at: usize,
    /// What fastjson writes of classes is a value as well: `1L`, `Set[]`, `new Date(0)`.
    classes: bool,
}

#[cold]
fn bad(at: usize) -> Fault {
    Fault::new("json", "what is no JSON in RFC 8259's sense is not read", at)
}

impl<'a> Cursor<'a> {
    /// A cursor over `bytes` up to the end of `range`, at its start.
    pub(in crate::serial) fn new(bytes: &'a [u8], range: &Range<usize>, classes: bool) -> Self {
        Self { bytes: bytes.get(..range.end).unwrap_or_default(), at: range.start, classes }
    }

    /// The next byte behind white space.
    pub(in crate::serial) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.step(),
                byte => return byte.copied(),
            }
        }
    }

    pub(in crate::serial) fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    /// Passes over `byte` if it is next.
    pub(in crate::serial) fn passes(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.step();
        }
        found
    }

    pub(in crate::serial) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.passes(byte) { Ok(()) } else { Err(bad(self.at)) }
    }

    /// Nothing may follow.
    pub(in crate::serial) fn end(&mut self) -> Result<(), Fault> {
        if self.peek().is_none() { Ok(()) } else { Err(bad(self.at)) }
    }

    /// The bytes between two positions.
    pub(in crate::serial) fn raw(&self, start: usize, end: usize) -> &'a [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Passes over `word` if it is next.
    pub(in crate::serial) fn word(&mut self, word: &[u8]) -> bool {
        let found = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if found {
            self.at = self.at.saturating_add(word.len());
        }
        found
    }

    /// Passes over a string: what lies between its quotes, and whether there are escapes.
    fn string(&mut self) -> Result<(Range<usize>, bool), Fault> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            let at = self.at;
            let rest = self.bytes.get(at..).unwrap_or_default();
            let run = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).ok_or_else(|| bad(at))?;
            self.at = at.saturating_add(run);
            match rest.get(run..).unwrap_or_default() {
                [b'"', ..] => {
                    let end = self.at;
                    self.step();
                    return Ok((start..end, escaped));
                }
                [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => {
                    self.at = self.at.saturating_add(2);
                }
                [b'\\', b'u', digits @ ..] if hex(digits).is_some() => self.at = self.at.saturating_add(6),
                _ => return Err(bad(self.at)),
            }
            escaped = true;
        }
    }

    /// A string, decoded.
    pub(in crate::serial) fn text(&mut self) -> Result<Text, Fault> {
        let at = self.at;
        let (span, escaped) = self.string()?;
        if !escaped {
            return Ok(Text::Plain(span));
        }
        let text = unescape(self.raw(span.start, span.end));
        Ok(Text::Owned(text.ok_or_else(|| Fault::new("utf16", "escaped surrogates must come in pairs", at))?))
    }

    fn number(&mut self) -> Result<(), Fault> {
        let at = self.at;
        self.word(b"-");
        let whole = self.digits();
        let leading_zero = whole > 1 && self.bytes.get(self.at.saturating_sub(whole)) == Some(&b'0');
        if whole == 0 || leading_zero {
            return Err(bad(at));
        }
        if self.word(b".") && self.digits() == 0 {
            return Err(bad(at));
        }
        if self.word(b"e") || self.word(b"E") {
            let _ = self.word(b"+") || self.word(b"-");
            if self.digits() == 0 {
                return Err(bad(at));
            }
        }
        if self.classes && matches!(self.bytes.get(self.at), Some(b'B' | b'S' | b'L' | b'F' | b'D')) {
            self.step();
        }
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        self.at = self.at.saturating_add(digits);
        digits
    }

    /// Passes over a value that lies in `depth` others.
    pub(in crate::serial) fn skip(&mut self, depth: u32) -> Result<(), Fault> {
        let tag = self.peek();
        let at = self.at;
        match tag {
            Some(b'"') => {
                self.string()?;
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.container(depth, b'}', true),
            Some(b'[') => self.container(depth, b']', false),
            Some(b'S' | b'T') if self.classes && (self.word(b"Set") || self.word(b"TreeSet")) => {
                if self.bytes.get(self.at) != Some(&b'[') {
                    return Err(bad(at));
                }
                self.container(depth, b']', false)
            }
            Some(b'n') if self.classes && self.word(b"new Date(") => {
                self.number()?;
                self.expect(b')')
            }
            _ if self.word(b"null") || self.word(b"true") || self.word(b"false") => Ok(()),
            _ => Err(bad(at)),
        }
    }

    fn container(&mut self, depth: u32, end: u8, named: bool) -> Result<(), Fault> {
        let depth = depth.checked_add(1).filter(|depth| *depth <= NESTING).ok_or_else(|| too_deep(self.at))?;
        self.step();
        if self.passes(end) {
            return Ok(());
        }
        loop {
            if named {
                self.string()?;
                self.expect(b':')?;
            }
            self.skip(depth)?;
            if self.passes(end) {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }
}

/// The number that four hexadecimal digits are.
fn hex(digits: &[u8]) -> Option<u16> {
    let digits = digits.first_chunk::<4>()?;
    digits.iter().try_fold(0_u16, |n, digit| Some(n << 4 | char::from(*digit).to_digit(16)? as u16))
}

/// A string without its escapes, which [`Cursor::string`] has looked at; `None` where a surrogate stands alone.
fn unescape(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(rest.len());
    while let Some(run) = rest.iter().position(|byte| *byte == b'\\') {
        text.extend_from_slice(rest.get(..run)?);
        let escape = rest.get(run.checked_add(1)?..)?;
        let (kind, mut behind) = escape.split_first()?;
        match kind {
            b'b' => text.push(0x08),
            b'f' => text.push(0x0c),
            b'n' => text.push(b'\n'),
            b'r' => text.push(b'\r'),
            b't' => text.push(b'\t'),
            b'u' => {
                let unit = hex(behind)?;
                behind = behind.get(4..)?;
                let low = behind.strip_prefix(b"\\u").and_then(hex);
                let mut chars = char::decode_utf16([Some(unit), low].into_iter().flatten());
                let char = chars.next()?.ok()?;
                if char.len_utf16() == 2 {
                    behind = behind.get(6..)?;
                }
                text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            }
            other => text.push(*other),
        }
        rest = behind;
    }
    text.extend_from_slice(rest);
    Some(text)
}
