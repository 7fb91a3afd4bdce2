//! What is open while a struct is skipped.

use super::item::{Width, Wire};

/// A struct or container, as far as it is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// Values of a container: twice as many as a map has entries.
    left: u32,
    /// The types of its keys and values, those of its elements twice; none of a struct.
    kinds: [u8; 2],
}

/// The type that no value has.
const STOP: u8 = 0;

impl Level {
    pub(super) const STRUCT: Self = Self { left: 0, kinds: [STOP; 2] };

    #[inline(always)]
    pub(super) const fn list(count: u32, kind: u8) -> Self {
        Self { left: count, kinds: [kind; 2] }
    }

    #[inline(always)]
    pub(super) const fn map(count: u32, key: u8, value: u8) -> Self {
        // Counts have 31 bits.
        Self { left: count.wrapping_mul(2), kinds: [key, value] }
    }

    #[inline(always)]
    pub(super) const fn is_struct(self) -> bool {
        self.kinds[0] == STOP
    }

    /// The type of the container's next value; `None` behind the last one.
    #[inline(always)]
    pub(super) const fn kind(self) -> Option<u8> {
        let [key, value] = self.kinds;
        match self.left {
            0 => None,
            left if left & 1 == 0 => Some(key),
            _ => Some(value),
        }
    }

    /// The type of all values to come, if it is one.
    #[inline(always)]
    pub(super) const fn only_kind(self) -> Option<u8> {
        let [key, value] = self.kinds;
        if key == value { Some(key) } else { None }
    }

    /// How many values a container has to come.
    #[inline(always)]
    pub(super) const fn left(self) -> u32 {
        self.left
    }

    /// The same behind so many values.
    #[inline(always)]
    pub(super) const fn less(self, n: u32) -> Self {
        Self { left: self.left.saturating_sub(n), ..self }
    }

    /// Bytes without which it cannot end.
    pub(super) fn least<W: Wire>(self) -> u64 {
        let width = |kind| match W::width(kind) {
            Width::Exactly(n) | Width::AtLeast(n) => u64::from(n),
            Width::Unknown => 0,
        };
        if self.is_struct() {
            return 1;
        }
        let (values, [key, value]) = (u64::from(self.left), self.kinds);
        // The last one is a value, and the last but one a key.
        let (keys, values) = (values / 2, values.div_ceil(2));
        keys.wrapping_mul(width(key)).wrapping_add(values.wrapping_mul(width(value)))
    }
}

/// Levels that take no allocation.
const NEAR: usize = 8;

/// The levels around the one that is read, the outermost first.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    near: [Level; NEAR],
    far: Vec<Level>,
    len: usize,
    most: usize,
}

impl Levels {
    /// None, and never more than `most`.
    pub(super) const fn new(most: usize) -> Self {
        Self { near: [Level::STRUCT; NEAR], far: Vec::new(), len: 0, most }
    }

    #[inline(always)]
    pub(super) const fn has_room(&self) -> bool {
        self.len < self.most
    }

    /// Whether there was room for it.
    #[inline(always)]
    pub(super) fn push(&mut self, level: Level) -> bool {
        if !self.has_room() {
            return false;
        }
        match self.near.get_mut(self.len) {
            Some(slot) => *slot = level,
            None => self.far.push(level),
        }
        self.len = self.len.saturating_add(1);
        true
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<Level> {
        self.len = self.len.checked_sub(1)?;
        match self.near.get(self.len) {
            Some(level) => Some(*level),
            None => self.far.pop(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Level> {
        self.near.iter().take(self.len).chain(&self.far)
    }
}
