//! The compact protocol.
//!
//! ```text
//! field     id delta u4, type u4 | value, or 0 u4, type u4 | id varint | value      0x00: no more
//! string    length varint | bytes
//! list, set count u4, type u4 | elements, or 0xf u4, type u4 | count varint | elements
//! map       count varint | key type u4, value type u4 | keys and values in turns, or 0x00
//! struct    fields
//! ```
//!
//! A varint has seven bits a byte, the lowest first, and a set high bit in every byte but the last. The type of a field that
//! is a bool is its value; one in a container takes a byte. Doubles are little-endian.

use super::item::{Item, STOP, Width, Wire};
use super::level::Level;
use super::walk;

mod kind {
    pub(super) const TRUE: u8 = 1;
    pub(super) const FALSE: u8 = 2;
    pub(super) const I8: u8 = 3;
    pub(super) const I16: u8 = 4;
    pub(super) const I32: u8 = 5;
    pub(super) const I64: u8 = 6;
    pub(super) const DOUBLE: u8 = 7;
    pub(super) const BINARY: u8 = 8;
    pub(super) const LIST: u8 = 9;
    pub(super) const SET: u8 = 10;
    pub(super) const MAP: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
    pub(super) const UUID: u8 = 13;
}

/// Bytes of the longest varint of 16 bits, of 32 and of 64.
const V16: usize = 3;
const V32: usize = 5;
const V64: usize = 10;

/// The high bit of each byte.
const HIGH: u64 = 0x8080_8080_8080_8080;

pub(super) struct Compact;

/// By type.
#[expect(clippy::indexing_slicing, reason = "of a constant, by constants")]
const WIDTHS: [Width; 16] = {
    let mut widths = [Width::NONE; 16];
    widths[kind::TRUE as usize] = Width::exactly(1);
    widths[kind::FALSE as usize] = Width::exactly(1);
    widths[kind::I8 as usize] = Width::exactly(1);
    widths[kind::I16 as usize] = Width::at_least(1);
    widths[kind::I32 as usize] = Width::at_least(1);
    widths[kind::I64 as usize] = Width::at_least(1);
    widths[kind::DOUBLE as usize] = Width::exactly(8);
    widths[kind::BINARY as usize] = Width::at_least(1);
    widths[kind::LIST as usize] = Width::at_least(1);
    widths[kind::SET as usize] = Width::at_least(1);
    widths[kind::MAP as usize] = Width::at_least(1);
    widths[kind::STRUCT as usize] = Width::at_least(1);
    widths[kind::UUID as usize] = Width::exactly(16);
    widths
};

/// By type, how long a varint may be; 0, where values are none.
#[expect(clippy::indexing_slicing, reason = "of a constant, by constants")]
const VARINTS: [u8; 16] = {
    let mut longest = [0; 16];
    longest[kind::I16 as usize] = V16 as u8;
    longest[kind::I32 as usize] = V32 as u8;
    longest[kind::I64 as usize] = V64 as u8;
    longest
};

impl Wire for Compact {
    #[inline(always)]
    fn field(rest: &[u8]) -> Item {
        let Some((first, behind)) = rest.split_first() else { return Item::Short(1) };
        let kind = first & 0x0f;
        if first >> 4 == 0 {
            return if *first == 0 { Item::End(1) } else { with_id(kind, behind) };
        }
        field_value(kind, behind).after(1)
    }

    #[inline(always)]
    fn value(kind: u8, rest: &[u8]) -> Item {
        match kind {
            kind::BINARY => match length(rest) {
                Ok((len, n)) => Item::Pass(u64::from(len).wrapping_add(n as u64)),
                Err(item) => item,
            },
            kind::I16 => varint(rest, V16),
            kind::I32 => varint(rest, V32),
            kind::I64 => varint(rest, V64),
            kind::STRUCT => Item::Open { head: 0, inner: Level::STRUCT },
            kind::LIST | kind::SET => match rest.split_first() {
                Some((first, behind)) if first >> 4 == 0xf => match length(behind) {
                    Ok((count, n)) => Item::list::<Self>(n.wrapping_add(1), count, (first & 0x0f, 0)),
                    Err(item) => item.after(1),
                },
                Some((first, _)) => Item::list::<Self>(1, u32::from(first >> 4), (first & 0x0f, 0)),
                None => Item::Short(1),
            },
            kind::MAP => match length(rest) {
                Ok((0, n)) => Item::Whole(n as u64),
                Ok((count, n)) => match rest.get(n) {
                    Some(kinds) => Item::map::<Self>(n.wrapping_add(1), count, (kinds >> 4, n), (kinds & 0x0f, n)),
                    None => Item::Short(1).after(n),
                },
                Err(item) => item,
            },
            kind => match Self::width(kind).fixed() {
                Some(n) => Item::Pass(n as u64),
                None => Item::Unknown,
            },
        }
    }

    #[inline(always)]
    fn width(kind: u8) -> Width {
        WIDTHS.get(usize::from(kind & 0x0f)).copied().unwrap_or(Width::NONE)
    }

    #[inline(always)]
    fn fields<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
        while let Some((first, mut value)) = rest.split_first() {
            let kind = first & 0x0f;
            if first >> 4 == 0 {
                if kind == STOP {
                    return Some((STOP, value));
                }
                value = behind_varint(value, V16)?;
            }
            *rest = match kind {
                kind::TRUE | kind::FALSE => value,
                kind::BINARY => behind_string(value)?,
                kind::LIST..=kind::STRUCT => return Some((kind, value)),
                kind => behind_value(kind, value)?,
            };
        }
        None
    }

    #[inline(always)]
    fn values(level: &mut Level, rest: &mut &[u8]) -> Option<u8> {
        if let Some(kind) = level.only_kind() {
            match kind {
                kind::BINARY => {
                    while level.left() != 0
                        && let Some(behind) = behind_string(rest)
                    {
                        *rest = behind;
                        *level = level.less(1);
                    }
                }
                kind::I16 => varints::<V16>(level, rest),
                kind::I32 => varints::<V32>(level, rest),
                kind::I64 => varints::<V64>(level, rest),
                _ => {}
            }
            return if level.left() == 0 { None } else { Some(kind) };
        }
        while let Some(kind) = level.kind() {
            let Some(behind) = behind_value(kind, rest) else { return Some(kind) };
            *rest = behind;
            *level = level.less(1);
        }
        None
    }

    #[inline(always)]
    fn opening(kind: u8, rest: &[u8]) -> Option<(Level, &[u8])> {
        match kind {
            kind::STRUCT => Some((Level::STRUCT, rest)),
            kind::LIST | kind::SET => {
                let (first, rest) = rest.split_first()?;
                let (count, rest) = match first >> 4 {
                    0xf => split_length(rest)?,
                    count => (u32::from(count), rest),
                };
                walk::list::<Self>(count, first & 0x0f, rest)
            }
            kind::MAP => {
                let (count, rest) = split_length(rest)?;
                if count == 0 {
                    return Some((Level::SPENT, rest));
                }
                let (kinds, rest) = rest.split_first()?;
                walk::map::<Self>(count, [kinds >> 4, kinds & 0x0f], rest)
            }
            _ => None,
        }
    }
}

/// What is behind a value in which nothing nests; `None` where it is not all there, or if something nests.
#[inline(always)]
fn behind_value(kind: u8, rest: &[u8]) -> Option<&[u8]> {
    if kind == kind::BINARY {
        return behind_string(rest);
    }
    match VARINTS.get(usize::from(kind & 0x0f)) {
        None | Some(0) => rest.get(Compact::width(kind).fixed()?..),
        Some(most) => behind_varint(rest, usize::from(*most)),
    }
}

/// What is behind a string that is all there.
#[inline(always)]
fn behind_string(rest: &[u8]) -> Option<&[u8]> {
    let (len, rest) = split_length(rest)?;
    rest.get(len as usize..)
}

/// What is behind a varint of at most so many bytes.
#[inline(always)]
fn behind_varint(rest: &[u8], most: usize) -> Option<&[u8]> {
    match rest {
        [first, rest @ ..] if first & 0x80 == 0 => Some(rest),
        _ => match long_varint(rest, most) {
            Item::Pass(n) => rest.get(n as usize..),
            _ => None,
        },
    }
}

/// A length or a count, and what is behind it.
#[inline(always)]
fn split_length(rest: &[u8]) -> Option<(u32, &[u8])> {
    match rest {
        [a, rest @ ..] if a & 0x80 == 0 => Some((u32::from(*a), rest)),
        [a, b, rest @ ..] if b & 0x80 == 0 => Some((u32::from(a & 0x7f) | u32::from(*b) << 7, rest)),
        _ => match long_length(rest) {
            Ok((len, n)) => Some((len, rest.get(n..)?)),
            Err(_) => None,
        },
    }
}

/// The value of a field.
#[inline(always)]
fn field_value(kind: u8, rest: &[u8]) -> Item {
    match kind {
        kind::TRUE | kind::FALSE => Item::Pass(0),
        kind => Compact::value(kind, rest),
    }
}

/// A field whose id comes behind its type.
#[inline(never)]
fn with_id(kind: u8, rest: &[u8]) -> Item {
    let item = match varint(rest, V16) {
        Item::Pass(n) => match rest.get(n as usize..) {
            Some(value) => field_value(kind, value).after(n as usize),
            None => Item::Short(n),
        },
        item => item,
    };
    item.after(1)
}

/// A varint of at most so many bytes.
#[inline(always)]
fn varint(rest: &[u8], most: usize) -> Item {
    match rest.first() {
        Some(first) if first & 0x80 == 0 => Item::Pass(1),
        _ => long_varint(rest, most),
    }
}

#[inline(always)]
fn long_varint(rest: &[u8], most: usize) -> Item {
    if let Some(word) = rest.first_chunk() {
        let ends = !u64::from_le_bytes(*word) & HIGH;
        let n = bytes_to_first(ends);
        if ends != 0 && n <= most {
            return Item::Pass(n as u64);
        }
    }
    stepped(rest, most)
}

/// How many bytes the lowest end in a word is the last of.
#[inline(always)]
const fn bytes_to_first(ends: u64) -> usize {
    (ends.trailing_zeros() as usize / 8).wrapping_add(1)
}

/// The same, by the byte.
#[cold]
#[inline(never)]
fn stepped(rest: &[u8], most: usize) -> Item {
    match rest.iter().take(most).position(|byte| byte & 0x80 == 0) {
        Some(last) => Item::Pass(last.saturating_add(1) as u64),
        None if rest.len() < most => Item::Short(rest.len().saturating_add(1) as u64),
        None => Item::fault("varint", "a number has more bytes than its type can need", most.saturating_sub(1)),
    }
}

/// A length or a count, and the bytes that it takes.
#[inline(always)]
fn length(rest: &[u8]) -> Result<(u32, usize), Item> {
    match *rest {
        [a, ..] if a & 0x80 == 0 => Ok((u32::from(a), 1)),
        [a, b, ..] if b & 0x80 == 0 => Ok((u32::from(a & 0x7f) | u32::from(b) << 7, 2)),
        _ => long_length(rest),
    }
}

#[inline(never)]
fn long_length(rest: &[u8]) -> Result<(u32, usize), Item> {
    let n = match stepped(rest, V32) {
        Item::Pass(n) => n as usize,
        item => return Err(item),
    };
    let bits = rest.iter().take(n).rev().fold(0, |bits, byte| bits << 7 | u64::from(byte & 0x7f));
    match u32::try_from(bits) {
        Ok(len) if len <= i32::MAX as u32 => Ok((len, n)),
        _ => Err(Item::fault("length", "a length is negative", 0)),
    }
}

/// Goes over varints, a word at a time, up to one that is too long or not all there.
#[inline(always)]
fn varints<const MOST: usize>(level: &mut Level, rest: &mut &[u8]) {
    while level.left() != 0 {
        while let Some(word) = rest.first_chunk() {
            let word = u64::from_le_bytes(*word);
            let ends = !word & HIGH;
            // One bit an end, which the product sums up in the highest byte.
            let count = ((ends >> 7).wrapping_mul(0x0101_0101_0101_0101) >> 56) as u32;
            if ends == 0 || count > level.left() || has_run::<MOST>(word & HIGH) {
                break;
            }
            let behind = 8usize.wrapping_sub(ends.leading_zeros() as usize / 8);
            *rest = rest.get(behind..).unwrap_or_default();
            *level = level.less(count);
        }
        if level.left() == 0 {
            return;
        }
        let Some(behind) = behind_varint(rest, MOST) else { return };
        *rest = behind;
        *level = level.less(1);
    }
}

/// Whether so many bytes in a row go on, those at the end included.
#[inline(always)]
const fn has_run<const N: usize>(goes_on: u64) -> bool {
    match N {
        V16 => goes_on & goes_on >> 8 & goes_on >> 16 != 0,
        V32 => {
            let pairs = goes_on & goes_on >> 8;
            pairs & pairs >> 16 & goes_on >> 32 != 0
        }
        // Longer than a word.
        _ => false,
    }
}
