//! What a layout finds in the bytes.

use super::SkipFault;
use super::level::Level;

/// A layout.
pub(super) trait Wire {
    /// What the next field of a struct is.
    fn field(rest: &[u8]) -> Item;

    /// What the next value of a container is.
    fn value(kind: u8, rest: &[u8]) -> Item;

    /// Goes over as many values of a container as it can at once.
    #[inline(always)]
    fn values(_level: &mut Level, _rest: &mut &[u8]) {}

    /// Bytes of a value.
    fn width(kind: u8) -> Width;
}

/// Bytes of the values of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Exactly(u8),
    /// Of the shortest.
    AtLeast(u8),
    /// There is no such type.
    Unknown,
}

/// What comes next.
pub(super) enum Item {
    /// A value that ends behind so many bytes, there or not.
    Pass(usize),
    /// The same of a container, in which nothing need be looked at.
    Whole(u64),
    /// A struct or container begins behind so many bytes, which are there.
    Open {
        head: usize,
        inner: Level,
    },
    /// What is open ends: a struct behind the next byte, a container here.
    End,
    /// Something of so many bytes at least, and more than there are; 0 is the end of a struct if nothing else.
    Short(u64),
    /// A field of no known type, which its first byte says.
    Unknown,
    Fault(SkipFault),
}

impl Item {
    /// The same behind so many further bytes.
    #[inline(always)]
    pub(super) const fn after(self, n: usize) -> Self {
        // A few bytes on top of a length of 31 bits, or of the bytes of 2^31 entries.
        match self {
            Self::Pass(len) => Self::Pass(len.wrapping_add(n)),
            Self::Whole(len) => Self::Whole(len.wrapping_add(n as u64)),
            Self::Open { head, inner } => Self::Open { head: head.wrapping_add(n), inner },
            Self::Short(least) => Self::Short(least.wrapping_add(n as u64)),
            Self::Fault(fault) => Self::Fault(fault.after(n)),
            Self::End | Self::Unknown => self,
        }
    }

    #[cold]
    pub(super) const fn fault(code: &'static str, detail: &'static str, at: usize) -> Self {
        Self::Fault(SkipFault::new(code, detail, at))
    }

    /// A list or set behind `head` bytes; its elements' type is at `at`.
    #[inline(always)]
    pub(super) fn list<W: Wire>(head: usize, count: u32, (kind, at): (u8, usize)) -> Self {
        let size = match W::width(kind) {
            _ if count == 0 => 0,
            Width::Exactly(width) => u64::from(count).wrapping_mul(u64::from(width)),
            Width::AtLeast(_) => return Self::Open { head, inner: Level::list(count, kind) },
            Width::Unknown => return Self::Fault(SkipFault::unknown(at)),
        };
        Self::Whole(size).after(head)
    }

    /// A map behind `head` bytes.
    #[inline(always)]
    pub(super) fn map<W: Wire>(head: usize, count: u32, key: (u8, usize), value: (u8, usize)) -> Self {
        let size = match (W::width(key.0), W::width(value.0)) {
            _ if count == 0 => 0,
            (Width::Unknown, _) => return Self::Fault(SkipFault::unknown(key.1)),
            (_, Width::Unknown) => return Self::Fault(SkipFault::unknown(value.1)),
            (Width::Exactly(key), Width::Exactly(value)) => {
                u64::from(count).wrapping_mul(u64::from(key).wrapping_add(u64::from(value)))
            }
            _ => return Self::Open { head, inner: Level::map(count, key.0, value.0) },
        };
        Self::Whole(size).after(head)
    }
}
