//! The binary protocol. All numbers are big-endian and have their full width.
//!
//! ```text
//! field     type u8 | id u16 | value      0x00: no more
//! string    length u32 | bytes
//! list, set type u8 | count u32 | elements
//! map       key type u8 | value type u8 | count u32 | keys and values in turns
//! struct    fields
//! ```

use super::item::{Item, Width, Wire};
use super::level::Level;

mod kind {
    pub(super) const STOP: u8 = 0;
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

impl Wire for Binary {
    #[inline(always)]
    fn field(rest: &[u8]) -> Item {
        match rest.split_first_chunk::<FIELD>() {
            Some(([kind::STOP, ..], _)) => Item::End,
            Some(([kind, ..], value)) => Self::value(*kind, value).after(FIELD),
            None => short_field(rest),
        }
    }

    #[inline(always)]
    fn value(kind: u8, rest: &[u8]) -> Item {
        match kind {
            kind::STRING => match rest.first_chunk::<STRING>() {
                Some(len) => match length(*len) {
                    Some(len) => Item::Pass(STRING.wrapping_add(len as usize)),
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
            kind => match Self::width(kind) {
                Width::Exactly(n) => Item::Pass(n as usize),
                _ => Item::Unknown,
            },
        }
    }

    #[inline(always)]
    fn width(kind: u8) -> Width {
        match kind {
            kind::BOOL | kind::BYTE => Width::Exactly(1),
            kind::I16 => Width::Exactly(2),
            kind::I32 => Width::Exactly(4),
            kind::I64 | kind::DOUBLE => Width::Exactly(8),
            kind::UUID => Width::Exactly(16),
            kind::STRING => Width::AtLeast(STRING as u8),
            kind::LIST | kind::SET => Width::AtLeast(LIST as u8),
            kind::MAP => Width::AtLeast(MAP as u8),
            kind::STRUCT => Width::AtLeast(1),
            _ => Width::Unknown,
        }
    }
}

/// A length or a count; `None` where it is negative.
#[inline(always)]
const fn length(bytes: [u8; 4]) -> Option<u32> {
    let len = u32::from_be_bytes(bytes);
    if len <= i32::MAX as u32 { Some(len) } else { None }
}

/// What a field is whose head is not all there.
#[cold]
#[inline(never)]
fn short_field(rest: &[u8]) -> Item {
    let Some(kind) = rest.first() else { return Item::Short(0) };
    match Binary::width(*kind) {
        _ if *kind == kind::STOP => Item::End,
        Width::Exactly(n) | Width::AtLeast(n) => Item::Short(u64::from(n)).after(FIELD),
        Width::Unknown => Item::Unknown,
    }
}
