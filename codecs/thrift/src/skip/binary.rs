//! The binary protocol. All numbers are big-endian and have their full width.
//!
//! ```text
//! field     type u8 | id u16 | value      0x00: no more
//! string    length u32 | bytes
//! list, set type u8 | count u32 | elements
//! map       key type u8 | value type u8 | count u32 | keys and values in turns
//! struct    fields
//! ```

use super::item::{Item, STOP, Width, Wire};
use super::level::Level;
use super::walk;

mod kind {
    pub(super) const BOOL: u8 = 2;
    pub(super) const BYTE: u8 = 3;
    pub(super) const DOUBLE: u8 = 4;
    pub(super) const I16: u8 = 6;
    pub(super) const I32: u8 = 8;
    pub(super) const I64: u8 = 10;
    pub(super) const STRING: u8 = 11;
    pub(super) const STRUCT: u8 = 12;
    pub(super) const MAP: u8 = 13;
    pub(super) const SET: u8 = 14;
    pub(super) const LIST: u8 = 15;
    pub(super) const UUID: u8 = 16;
}

/// Bytes in front of a field's value.
const FIELD: usize = 3;
const STRING: usize = 4;
const LIST: usize = 5;
const MAP: usize = 6;

pub(super) struct Binary;

/// By type.
#[expect(clippy::indexing_slicing, reason = "of a constant, by constants")]
const WIDTHS: [Width; 256] = {
    let mut widths = [Width::NONE; 256];
    widths[kind::BOOL as usize] = Width::exactly(1);
    widths[kind::BYTE as usize] = Width::exactly(1);
    widths[kind::DOUBLE as usize] = Width::exactly(8);
    widths[kind::I16 as usize] = Width::exactly(2);
    widths[kind::I32 as usize] = Width::exactly(4);
    widths[kind::I64 as usize] = Width::exactly(8);
    widths[kind::STRING as usize] = Width::at_least(STRING);
    widths[kind::STRUCT as usize] = Width::at_least(1);
    widths[kind::MAP as usize] = Width::at_least(MAP);
    widths[kind::SET as usize] = Width::at_least(LIST);
    widths[kind::LIST as usize] = Width::at_least(LIST);
    widths[kind::UUID as usize] = Width::exactly(16);
    widths
};

impl Wire for Binary {
    #[inline(always)]
    fn field(rest: &[u8]) -> Item {
        match rest.first() {
            Some(&STOP) => Item::End(1),
            Some(kind) => match rest.get(FIELD..) {
                Some(value) => Self::value(*kind, value).after(FIELD),
                None => short_field(*kind),
            },
            None => Item::Short(1),
        }
    }

    #[inline(always)]
    fn value(kind: u8, rest: &[u8]) -> Item {
        if let Some(n) = Self::width(kind).fixed() {
            return Item::Pass(n as u64);
        }
        match kind {
            kind::STRING => match rest.first_chunk::<STRING>() {
                Some(len) => match length(*len) {
                    Some(len) => Item::Pass(u64::from(len).wrapping_add(STRING as u64)),
                    None => Item::fault("length", "a length is negative", 0),
                },
                None => Item::Short(STRING as u64),
            },
            kind::STRUCT => Item::Open { head: 0, inner: Level::STRUCT },
            kind::LIST | kind::SET => match rest.first_chunk::<LIST>() {
                Some([kind, count @ ..]) => match length(*count) {
                    Some(count) => Item::list::<Self>(LIST, count, (*kind, 0)),
                    None => Item::fault("length", "a length is negative", 1),
                },
                None => Item::Short(LIST as u64),
            },
            kind::MAP => match rest.first_chunk::<MAP>() {
                Some([key, value, count @ ..]) => match length(*count) {
                    Some(count) => Item::map::<Self>(MAP, count, (*key, 0), (*value, 1)),
                    None => Item::fault("length", "a length is negative", 2),
                },
                None => Item::Short(MAP as u64),
            },
            _ => Item::Unknown,
        }
    }

    #[inline(always)]
    fn width(kind: u8) -> Width {
        WIDTHS.get(usize::from(kind)).copied().unwrap_or(Width::NONE)
    }

    #[inline(always)]
    fn fields<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
        while let Some((kind, behind)) = rest.split_first() {
            *rest = match Self::width(*kind).fixed() {
                Some(n) => rest.get(n.wrapping_add(FIELD)..)?,
                None if *kind == kind::STRING => rest.get(FIELD..).and_then(behind_string)?,
                None if *kind == STOP => return Some((STOP, behind)),
                None => return Some((*kind, rest.get(FIELD..)?)),
            }
        }
        None
    }

    #[inline(always)]
    fn values(level: &mut Level, rest: &mut &[u8]) -> Option<u8> {
        if let Some(kind) = level.only_kind() {
            while kind == kind::STRING
                && level.left() != 0
                && let Some(behind) = behind_string(rest)
            {
                *rest = behind;
                *level = level.less(1);
            }
            return if level.left() == 0 { None } else { Some(kind) };
        }
        while let Some(kind) = level.kind() {
            let behind = match Self::width(kind).fixed() {
                Some(n) => rest.get(n..),
                None if kind == kind::STRING => behind_string(rest),
                None => None,
            };
            let Some(behind) = behind else { return Some(kind) };
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
                let ([kind, count @ ..], rest) = rest.split_first_chunk::<LIST>()?;
                walk::list::<Self>(length(*count)?, *kind, rest)
            }
            kind::MAP => {
                let ([key, value, count @ ..], rest) = rest.split_first_chunk::<MAP>()?;
                walk::map::<Self>(length(*count)?, [*key, *value], rest)
            }
            _ => None,
        }
    }
}

/// What is behind a string that is all there.
#[inline(always)]
fn behind_string(rest: &[u8]) -> Option<&[u8]> {
    let (len, rest) = rest.split_first_chunk()?;
    rest.get(length(*len)? as usize..)
}

/// A length or a count; `None` where it is negative.
#[inline(always)]
const fn length(bytes: [u8; 4]) -> Option<u32> {
    let len = u32::from_be_bytes(bytes);
    if len <= i32::MAX as u32 { Some(len) } else { None }
}

/// A field whose id is not all there.
#[cold]
#[inline(never)]
fn short_field(kind: u8) -> Item {
    match Binary::width(kind) {
        Width::NONE => Item::Unknown,
        width => Item::Short(width.least()).after(FIELD),
    }
}
