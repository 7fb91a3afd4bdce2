//! What is open while a struct is skipped.

/// A struct or container, as far as it is still to come.
///
/// ```text
/// 0..32  values of a container that are left: two for each entry of a map
/// 32..40 the type of its keys, or of all its values: none of a struct
/// 40..48 the type of the values behind them
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level(u64);

impl Level {
    pub(super) const STRUCT: Self = Self(0);
    /// A container behind its last value.
    pub(super) const SPENT: Self = Self(1 << 32);

    #[inline(always)]
    pub(super) const fn list(count: u32, kind: u8) -> Self {
        Self(count as u64 | (kind as u64) << 32 | (kind as u64) << 40)
    }

    #[inline(always)]
    pub(super) const fn map(count: u32, key: u8, value: u8) -> Self {
        // Counts have 31 bits.
        Self((count as u64) << 1 | (key as u64) << 32 | (value as u64) << 40)
    }

    #[inline(always)]
    pub(super) const fn is_struct(self) -> bool {
        self.0 == 0
    }

    /// What comes next of it.
    pub(super) const fn next(self) -> Next {
        match self.kind() {
            _ if self.is_struct() => Next::Field,
            Some(kind) => Next::Value(kind),
            None => Next::Nothing,
        }
    }

    /// The type of a container's next value; `None` behind the last one.
    #[inline(always)]
    pub(super) const fn kind(self) -> Option<u8> {
        if self.left() == 0 {
            return None;
        }
        let shift = if self.left() & 1 == 0 { 32 } else { 40 };
        Some((self.0 >> shift) as u8)
    }

    /// The type of all values of the container, if it is one.
    #[inline(always)]
    pub(super) const fn only_kind(self) -> Option<u8> {
        let kinds = (self.0 >> 32) as u16;
        if kinds >> 8 == kinds & 0xff { Some(kinds as u8) } else { None }
    }

    /// How many values a container has to come.
    #[inline(always)]
    pub(super) const fn left(self) -> u32 {
        self.0 as u32
    }

    /// The same behind so many values.
    #[inline(always)]
    pub(super) const fn less(self, n: u32) -> Self {
        // No more than are left.
        Self(self.0.wrapping_sub(n as u64))
    }
}

/// What comes next of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A field, or the end of the struct.
    Field,
    /// A value of this type.
    Value(u8),
    Nothing,
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
        let len = self.len;
        if len >= self.most {
            return false;
        }
        // Not more than `most`.
        self.len = len.wrapping_add(1);
        match self.near.get_mut(len) {
            Some(slot) => *slot = level,
            None => self.push_far(level),
        }
        true
    }

    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<Level> {
        let len = self.len.checked_sub(1)?;
        self.len = len;
        match self.near.get(len) {
            Some(level) => Some(*level),
            None => self.far.pop(),
        }
    }

    #[cold]
    fn push_far(&mut self, level: Level) {
        self.far.push(level);
    }

    #[cfg(test)]
    pub(super) const fn len(&self) -> usize {
        self.len
    }
}
