//! Ints, as they count and name things.

use crate::error::{Error, Read};

/// The int at `at` and how many bytes it has; what is needed is counted from `at`.
#[inline]
pub(crate) fn int(bytes: &[u8], at: usize) -> Result<Read<(i32, usize)>, Error> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some((&tag, tail)) = rest.split_first() else { return Ok(Read::Need(1)) };
    Ok(match tag {
        0x80..=0xbf => Read::Done((i32::from(tag).wrapping_sub(0x90), 1)),
        0xc0..=0xcf => match tail.first() {
            Some(low) => Read::Done((wide(tag, 0xc8, 8) | i32::from(*low), 2)),
            None => Read::Need(2),
        },
        0xd0..=0xd7 => match tail.first_chunk() {
            Some(low) => Read::Done((wide(tag, 0xd4, 16) | i32::from(u16::from_be_bytes(*low)), 3)),
            None => Read::Need(3),
        },
        b'I' => match tail.first_chunk() {
            Some(value) => Read::Done((i32::from_be_bytes(*value), 5)),
            None => Read::Need(5),
        },
        _ => return Err(Error::new("int", "an int must stand here", at)),
    })
}

/// The upper bits of a number that a tag holds: how far it is from `zero`.
#[inline]
pub(crate) fn wide(tag: u8, zero: u8, bits: u32) -> i32 {
    i32::from(tag).wrapping_sub(i32::from(zero)).wrapping_shl(bits)
}

/// The same where it cannot be negative.
#[inline]
pub(crate) fn length(bytes: &[u8], at: usize) -> Result<Read<(u32, usize)>, Error> {
    Ok(match int(bytes, at)? {
        Read::Done((value, len)) => match u32::try_from(value) {
            Ok(value) => Read::Done((value, len)),
            Err(_) => return Err(Error::new("length", "a length cannot be negative", at)),
        },
        Read::Need(need) => Read::Need(need),
    })
}
