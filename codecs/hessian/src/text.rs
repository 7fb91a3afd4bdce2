//! Strings.
//!
//! A string is one or more pieces. The tag of each says how many UTF-16 units follow and whether the piece is the
//! last; the units are written in UTF-8, in which Java spells a character beyond the first plane as two surrogates of
//! three bytes each, and others as one sequence of four. How many bytes a piece has is known only by walking them.

use std::borrow::Cow;
use std::ops::Range;

use crate::dialect::{Dialect, Tag};
use crate::error::{Error, Read};
use crate::utf8;

/// The null of every type.
const NULL: u8 = b'N';
/// The last piece, with 16 bits of length.
const LAST: u8 = b'S';
/// Up to here a tag is itself the length of the last piece.
const SHORT_MAX: u8 = 0x1f;
/// From here to [`MEDIUM_MAX`] a tag holds the upper 2 of 10 bits of the last piece's length.
const MEDIUM: u8 = 0x30;
const MEDIUM_MAX: u8 = 0x33;

/// What a string turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Null.
    Null,
    /// Its bytes, in one piece and as every other protocol would write them.
    Plain(Range<usize>),
    /// In pieces, or with surrogates: [`collect`] makes one piece of it.
    Tangled(Range<usize>),
}

impl Text {
    /// The string in one piece, borrowed if it lies so; `None` for a null. `bytes` are those it was read from.
    pub fn to_bytes<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Null => None,
            Self::Plain(span) => Some(Cow::Borrowed(bytes.get(span.clone()).unwrap_or_default())),
            Self::Tangled(span) => Some(Cow::Owned(joined(bytes, span.clone()))),
        }
    }

    /// Whether it is `name`. Nothing is allocated for one that lies in one piece.
    pub fn is(&self, bytes: &[u8], name: &str) -> bool {
        self.to_bytes(bytes).is_some_and(|text| *text == *name.as_bytes())
    }
}

/// A string in one piece, if it is in ASCII, where bytes and units are the same number.
#[derive(Clone, Copy, Debug)]
pub struct Short {
    /// Where it begins.
    pub at: usize,
    /// Its bytes.
    pub len: u16,
    /// It is a null and not an empty string.
    pub null: bool,
}

impl Short {
    /// What would be read at `at` in [`Dialect::Hessian2`] if it were such a string; whether its bytes are there, and
    /// are ASCII, is the caller's to see.
    #[inline(always)]
    pub fn guess(bytes: &[u8], at: usize) -> Option<Self> {
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
    pub fn end(self) -> usize {
        self.at.saturating_add(usize::from(self.len))
    }
}

/// Whether all bytes are ASCII: sixteen at a time, the last sixteen once more instead of the odd ones one by one, which
/// is what the standard library does at this length.
#[inline(always)]
pub fn is_ascii(bytes: &[u8]) -> bool {
    let (words, _) = bytes.as_chunks::<16>();
    let Some(last) = bytes.last_chunk::<16>() else { return is_short_ascii(bytes) };
    let seen = words.iter().fold(u128::from_ne_bytes(*last), |seen, word| seen | u128::from_ne_bytes(*word));
    seen & u128::from_ne_bytes([0x80; 16]) == 0
}

/// The same of fewer than sixteen bytes.
#[inline(always)]
fn is_short_ascii(bytes: &[u8]) -> bool {
    let seen = if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from_ne_bytes(*first) | u64::from_ne_bytes(*last)
    } else if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        u64::from(u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last))
    } else {
        u64::from(bytes.iter().fold(0, |seen, byte| seen | byte))
    };
    seen & u64::from_ne_bytes([0x80; 8]) == 0
}

/// A string or null under way. Keeping it between two calls makes a byte at a time cost no more than all at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StringScan {
    /// Where its first tag lies.
    pub from: usize,
    /// Up to where it was walked.
    pub at: usize,
    /// Units of the piece under way that are still to come.
    pub left: u16,
    /// The piece under way is the last.
    pub last: bool,
    /// There are several pieces, or surrogates.
    pub tangled: bool,
    dialect: Dialect,
}

impl StringScan {
    /// The string whose first tag lies at `at`, in [`Dialect::Hessian2`].
    #[inline]
    pub const fn new(at: usize) -> Self {
        Self::in_dialect(at, Dialect::Hessian2)
    }

    /// The same in the dialect given.
    #[inline]
    pub const fn in_dialect(at: usize, dialect: Dialect) -> Self {
        Self { from: at, at, left: 0, last: false, tangled: false, dialect }
    }

    /// Walks on: the string, which ends at [`at`](Self::at), or how many bytes in all are worth another call.
    pub fn run(&mut self, bytes: &[u8]) -> Result<Read<Text>, Error> {
        loop {
            if let Some(need) = self.units(bytes)? {
                return Ok(Read::Need(need));
            }
            if self.last {
                let piece = self.from.saturating_add(bytes.get(self.from).map_or(0, |tag| tag_len(*tag)));
                return Ok(Read::Done(match self.tangled {
                    true => Text::Tangled(self.from..self.at),
                    false => Text::Plain(piece..self.at),
                }));
            }
            match self.tag(bytes)? {
                Read::Done(true) => {}
                Read::Done(false) => return Ok(Read::Done(Text::Null)),
                Read::Need(need) => return Ok(Read::Need(need)),
            }
        }
    }

    /// The tag of the next piece; false where it is a null.
    fn tag(&mut self, bytes: &[u8]) -> Result<Read<bool>, Error> {
        let Some((&tag, rest)) = bytes.get(self.at..).and_then(<[u8]>::split_first) else {
            return Ok(Read::Need(self.at.saturating_add(1)));
        };
        let class = self.dialect.tag(tag);
        let skip = tag_len(tag);
        let need = Ok(Read::Need(self.at.saturating_add(skip)));
        self.left = match class {
            Tag::STRING => u16::from(tag),
            Tag::STRING_10 => match rest.first() {
                Some(low) => u16::from_be_bytes([tag & 0x03, *low]),
                None => return need,
            },
            Tag::STRING_16 | Tag::STRING_PIECE => match rest.first_chunk() {
                Some(units) => u16::from_be_bytes(*units),
                None => return need,
            },
            _ if tag == NULL && self.at == self.from => {
                self.at = self.at.saturating_add(1);
                return Ok(Read::Done(false));
            }
            _ => return Err(Error::new("string", "a string or null must stand here", self.at)),
        };
        self.last = class != Tag::STRING_PIECE;
        self.tangled |= !self.last;
        self.at = self.at.saturating_add(skip);
        Ok(Read::Done(true))
    }

    /// Walks the units of the piece under way; how many bytes in all are needed, if they are not all there.
    fn units(&mut self, bytes: &[u8]) -> Result<Option<usize>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        let walk = utf8::walk(bytes, self.at, self.left.into())?;
        // It was a `u16` before units were taken off.
        (self.at, self.left) = (walk.at, walk.left as u16);
        self.tangled |= walk.surrogates;
        // A unit takes a byte at least, so that fewer than `left` more cannot complete the piece.
        let need = usize::from(self.left).max(walk.char.into());
        Ok((self.left > 0).then(|| self.at.saturating_add(need)))
    }
}

#[inline]
const fn tag_len(tag: u8) -> usize {
    match tag {
        LAST | b'R' | b's' => 3,
        MEDIUM..=MEDIUM_MAX => 2,
        _ => 1,
    }
}

/// The string at `span`, a [`Text::Tangled`], in one piece and with one spelling of each character: pairs of surrogates
/// become one sequence of four bytes, lone surrogates stay as they are.
pub fn collect(bytes: &[u8], span: Range<usize>, dialect: Dialect) -> Vec<u8> {
    let mut scan = StringScan::in_dialect(span.start, dialect);
    let mut text = Vec::with_capacity(bytes.len().min(span.len()));
    while scan.at < span.end && matches!(scan.tag(bytes), Ok(Read::Done(true))) {
        let start = scan.at;
        if !matches!(scan.units(bytes), Ok(None)) {
            break;
        }
        text.extend_from_slice(bytes.get(start..scan.at).unwrap_or_default());
    }
    join_surrogates(text)
}

/// The same where the dialect is not at hand. One of the tags `R` and `s` begins a piece that is not the last, and the
/// other no piece at all, so that what was read as a string tells which it is.
pub(crate) fn joined(bytes: &[u8], span: Range<usize>) -> Vec<u8> {
    let dialect = match bytes.get(span.start) {
        Some(b's') => Dialect::Ant3,
        _ => Dialect::Hessian2,
    };
    collect(bytes, span, dialect)
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
