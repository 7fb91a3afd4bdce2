//! What lies around the value under way, and the classes defined so far.

/// What a container still expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Values to come. Open lists and maps count down from 0, through all numbers: of a map, an even number is a key.
    pub(crate) left: u32,
    pub(crate) shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The values asked for. Nothing lies around them.
    Top,
    /// The same, but what is asked for is a class definition or the begin of a container, not all of it.
    Header,
    /// As many values as were announced.
    Fixed,
    /// The same, and an end.
    Closed,
    /// Values up to an end.
    Open,
    /// Keys and values in turn up to an end, which stands for a key.
    Map,
}

impl Frame {
    pub(crate) const EMPTY: Self = Self { left: 0, shape: Shape::Top };
}

/// Frames that need no allocation.
const NEAR: usize = 16;

/// The containers around the one under way. Room that was needed once is kept.
#[derive(Debug)]
pub(crate) struct Stack {
    near: [Frame; NEAR],
    far: Vec<Frame>,
    len: usize,
}

impl Stack {
    pub(crate) const fn new() -> Self {
        Self { near: [Frame::EMPTY; NEAR], far: Vec::new(), len: 0 }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn clear(&mut self) {
        self.far.clear();
        self.len = 0;
    }

    #[inline]
    pub(crate) fn push(&mut self, frame: Frame) {
        match self.near.get_mut(self.len) {
            Some(slot) => *slot = frame,
            None => self.far.push(frame),
        }
        self.len = self.len.saturating_add(1);
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Frame {
        self.len = self.len.saturating_sub(1);
        match self.near.get(self.len) {
            Some(frame) => *frame,
            None => self.far.pop().unwrap_or(Frame::EMPTY),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Frame> {
        self.near.iter().take(self.len).chain(&self.far)
    }
}

/// A class that was defined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    /// Where in the message its name begins; [`Class::FAR`] beyond 4 GiB.
    pub(crate) at: u32,
    pub(crate) fields: u32,
}

impl Class {
    pub(crate) const FAR: u32 = u32::MAX;
}

/// Classes that need no allocation.
const FEW: usize = 32;

/// The classes defined so far, by number.
#[derive(Debug)]
pub(crate) struct Classes {
    few: [Class; FEW],
    many: Vec<Class>,
    len: usize,
}

impl Classes {
    pub(crate) const fn new() -> Self {
        Self { few: [Class { at: 0, fields: 0 }; FEW], many: Vec::new(), len: 0 }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
        self.many.truncate(self.len.saturating_sub(FEW));
    }

    pub(crate) fn push(&mut self, class: Class) {
        match self.few.get_mut(self.len) {
            Some(slot) => *slot = class,
            None => self.many.push(class),
        }
        self.len = self.len.saturating_add(1);
    }

    #[inline]
    pub(crate) fn get(&self, n: usize) -> Option<Class> {
        if n >= self.len {
            return None;
        }
        self.few.get(n).or_else(|| self.many.get(n.saturating_sub(FEW))).copied()
    }
}
