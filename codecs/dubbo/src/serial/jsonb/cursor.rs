//! A way through one JSONB value, all of which is there.

use std::ops::Range;

use meshwire::frame::Fault;

use super::super::{NESTING, Text, bad_utf8, no_text, too_deep, truncated};
use super::tag;

/// How far a value was read.
#[derive(Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    /// Something in what was read stands for something that was written before.
    pub(super) refers: bool,
}

impl<'a> Cursor<'a> {
    /// A cursor over `bytes` up to the end of `range`, at its start.
    pub(super) fn new(bytes: &'a [u8], range: &Range<usize>) -> Self {
        Self { bytes: bytes.get(..range.end).unwrap_or_default(), at: range.start, refers: false }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn byte(&mut self) -> Result<u8, Fault> {
        let byte = self.peek().ok_or_else(|| truncated(self.at))?;
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..len)).ok_or_else(|| truncated(self.at))?;
        self.at = self.at.saturating_add(len);
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let bytes = self.take(N)?;
        bytes.first_chunk().copied().ok_or_else(|| truncated(self.at))
    }

    /// The rest of a whole number whose tag was read; `None` where the tag begins none.
    pub(super) fn whole(&mut self, tag: u8) -> Result<Option<i64>, Fault> {
        // Parts of one number: the high bits around the middle of their range, the low ones behind.
        let high = |middle: u8| i64::from(tag).wrapping_sub(i64::from(middle));
        Ok(Some(match tag {
            0..=0x2f => i64::from(tag),
            tag::INT_TINY.. => i64::from(tag.cast_signed()),
            tag::INT_BYTE..=0x3f => high(0x38) << 8 | i64::from(self.byte()?),
            tag::INT_SHORT..=0x47 => high(0x44) << 16 | i64::from(u16::from_be_bytes(self.array()?)),
            tag::LONG_TINY..=0xef => high(0xe0),
            tag::LONG_BYTE..=0xd7 => high(0xd0) << 8 | i64::from(self.byte()?),
            tag::LONG_SHORT..=0xc7 => high(0xc4) << 16 | i64::from(u16::from_be_bytes(self.array()?)),
            tag::INT32 | tag::INT64_INT => i64::from(i32::from_be_bytes(self.array()?)),
            tag::INT8 => i64::from(i8::from_be_bytes(self.array()?)),
            tag::INT16 => i64::from(i16::from_be_bytes(self.array()?)),
            tag::INT64 => i64::from_be_bytes(self.array()?),
            _ => return Ok(None),
        }))
    }

    /// A whole number of any width.
    pub(super) fn number(&mut self) -> Result<i64, Fault> {
        let at = self.at;
        let tag = self.byte()?;
        self.whole(tag)?.ok_or_else(|| Fault::new("jsonb", "a whole number must stand here", at))
    }

    pub(super) fn double(&mut self) -> Result<f64, Fault> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    pub(super) fn float(&mut self) -> Result<f32, Fault> {
        Ok(f32::from_be_bytes(self.array()?))
    }

    /// The length of what follows: an int.
    pub(super) fn length(&mut self) -> Result<usize, Fault> {
        let at = self.at;
        let tag = self.byte()?;
        let len = if is_int(tag) { self.whole(tag)? } else { None };
        len.and_then(|len| usize::try_from(len).ok())
            .ok_or_else(|| Fault::new("length", "a length must be an int and not negative", at))
    }

    /// The bytes of a string whose tag was read.
    fn string_bytes(&mut self, tag: u8) -> Result<&'a [u8], Fault> {
        let len = match tag {
            tag::SHORT..=tag::SHORT_MAX => usize::from(tag.wrapping_sub(tag::SHORT)),
            tag::LATIN1..=tag::GB18030 => self.length()?,
            _ => return Err(no_text(self.at.saturating_sub(1))),
        };
        self.take(len)
    }

    /// The string, decoded, whose tag is next.
    pub(super) fn text(&mut self) -> Result<Text, Fault> {
        let tag = self.byte()?;
        let bytes = self.string_bytes(tag)?;
        let span = self.at.saturating_sub(bytes.len())..self.at;
        let at = span.start;
        Ok(match tag {
            _ if bytes.is_ascii() && tag <= tag::UTF8 => Text::Plain(span),
            tag::UTF8 if std::str::from_utf8(bytes).is_ok() => Text::Plain(span),
            tag::UTF8 => return Err(bad_utf8(at)),
            tag::UTF16 => Text::Owned(match bytes {
                // Java reads a mark of the order, and takes the big end first without one.
                [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes, at)?,
                [0xfe, 0xff, rest @ ..] | rest => utf16(rest, u16::from_be_bytes, at)?,
            }),
            tag::UTF16LE => Text::Owned(utf16(bytes, u16::from_le_bytes, at)?),
            tag::UTF16BE => Text::Owned(utf16(bytes, u16::from_be_bytes, at)?),
            tag::GB18030 => return Err(Fault::new("string", "strings in GB 18030 are not read", at)),
            _ => Text::Owned(bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes()),
        })
    }

    /// Passes over a symbol whose tag was read: a number, or a string and its number.
    fn symbol(&mut self) -> Result<(), Fault> {
        if self.peek().is_some_and(is_int) {
            self.refers = true;
        } else {
            let tag = self.byte()?;
            self.string_bytes(tag)?;
        }
        self.number()?;
        Ok(())
    }

    /// Passes over the name of a class; it, where it stands here and not elsewhere.
    pub(super) fn class(&mut self) -> Result<Option<Text>, Fault> {
        if self.peek() == Some(tag::SYMBOL) {
            self.byte()?;
            self.symbol()?;
            return Ok(None);
        }
        if self.peek().is_some_and(is_int) {
            self.refers = true;
            self.number()?;
            return Ok(None);
        }
        let name = self.text()?;
        self.number()?;
        Ok(Some(name))
    }

    /// Passes over a value that lies in `depth` others.
    pub(super) fn skip(&mut self, depth: u32) -> Result<(), Fault> {
        let at = self.at;
        let tag = self.byte()?;
        if self.whole(tag)?.is_some() {
            return Ok(());
        }
        match tag {
            tag::SHORT..=tag::GB18030 => {
                self.string_bytes(tag)?;
            }
            tag::SYMBOL => self.symbol()?,
            tag::REFERENCE => {
                self.refers = true;
                let tag = self.byte()?;
                self.string_bytes(tag)?;
            }
            tag::NULL | tag::FALSE | tag::TRUE | tag::DOUBLE_0 | tag::DOUBLE_1 => {}
            tag::CHAR | tag::DOUBLE_LONG | tag::FLOAT_INT | tag::DECIMAL_LONG | tag::BIG_LONG => {
                self.number()?;
            }
            tag::DECIMAL => {
                self.number()?;
                let tag = self.byte()?;
                if self.whole(tag)?.is_none() {
                    self.big(tag)?;
                }
            }
            tag::BIG | tag::BINARY => {
                let len = self.length()?;
                self.take(len)?;
            }
            tag::FLOAT | tag::SECONDS | tag::MINUTES | tag::LOCAL_DATE => {
                self.take(4)?;
            }
            tag::DOUBLE | tag::MILLIS => {
                self.take(8)?;
            }
            tag::LOCAL_TIME => {
                self.take(3)?;
                self.number()?;
            }
            tag::LOCAL_DATE_TIME | tag::ZONED => {
                self.take(7)?;
                self.number()?;
                if tag == tag::ZONED {
                    let tag = self.byte()?;
                    self.string_bytes(tag)?;
                }
            }
            tag::TIMESTAMP => {
                self.number()?;
                self.number()?;
            }
            tag::TYPED => {
                let depth = deeper(depth, at)?;
                self.class()?;
                self.skip(depth)?;
            }
            tag::ARRAY_SHORT..=tag::ARRAY => {
                let depth = deeper(depth, at)?;
                let items = match tag {
                    tag::ARRAY => self.length()?,
                    tag => usize::from(tag.wrapping_sub(tag::ARRAY_SHORT)),
                };
                // No item is empty, so that a length that lies ends the loop as well.
                for _ in 0..items {
                    self.skip(depth)?;
                }
            }
            tag::OBJECT => {
                let depth = deeper(depth, at)?;
                while self.peek() != Some(tag::END) {
                    self.skip(depth)?;
                    self.skip(depth)?;
                }
                self.byte()?;
            }
            _ => return Err(Fault::new("jsonb", "a byte that begins no value", at)),
        }
        Ok(())
    }

    fn big(&mut self, tag: u8) -> Result<(), Fault> {
        match tag {
            tag::BIG => {
                let len = self.length()?;
                self.take(len)?;
            }
            tag::BIG_LONG => {
                self.number()?;
            }
            _ => return Err(Fault::new("jsonb", "a whole number must stand here", self.at)),
        }
        Ok(())
    }
}

/// Whether a tag begins an int, and no long.
const fn is_int(tag: u8) -> bool {
    matches!(tag, 0..=tag::INT32 | tag::INT_TINY..)
}

fn deeper(depth: u32, at: usize) -> Result<u32, Fault> {
    depth.checked_add(1).filter(|depth| *depth <= NESTING).ok_or_else(|| too_deep(at))
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16, at: usize) -> Result<Vec<u8>, Fault> {
    let fault = || Fault::new("utf16", "a string in UTF-16 must be whole, surrogates in pairs", at);
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(fault());
    }
    let text: Result<String, _> = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect();
    Ok(text.map_err(|_| fault())?.into_bytes())
}
