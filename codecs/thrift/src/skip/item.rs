//! What a layout finds in the bytes.

use super::SkipFault;
use super::level::Level;

/// A layout.
pub(super) trait Wire {
    /// What the next field of a struct is.
    fn field(rest: &[u8]) -> Item;

    /// What the next value of a container is.
    fn value(kind: u8, rest: &[u8]) -> Item;

    /// Bytes of a value.
    fn width(kind: u8) -> Width;

    /// Goes over fields that are all there, and in which nothing nests: the type of the one behind them, and what is behind
    /// its head. `None` where that is not all there, or wrong.
    fn fields<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])>;

    /// Goes over values of a container that are all there, and in which nothing nests: the type of the one behind them, if
    /// there is one.
    fn values(level: &mut Level, rest: &mut &[u8]) -> Option<u8>;

    /// What nests in a value of this type, and what is behind its head; `None` where one of them cannot be told, or if it is
    /// the type of no such value.
    fn opening(kind: u8, rest: &[u8]) -> Option<(Level, &[u8])>;
}

/// The end of a struct, as if it were a type.
pub(super) const STOP: u8 = 0;

/// Bytes of the values of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width(u8);

impl Width {
    /// There is no such type.
    pub(super) const NONE: Self = Self(0);
    const VARIES: u8 = 0x80;

    pub(super) const fn exactly(n: usize) -> Self {
        Self(n as u8)
    }

    /// It varies; so many bytes are the least.
    pub(super) const fn at_least(n: usize) -> Self {
        Self(n as u8 | Self::VARIES)
    }

    /// How many they are, if it is always as many.
    #[inline(always)]
    pub(super) const fn fixed(self) -> Option<usize> {
        if self.0 as i8 > 0 { Some(self.0 as usize) } else { None }
    }

    #[inline(always)]
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn least(self) -> u64 {
        (self.0 & !Self::VARIES) as u64
    }
}

/// What comes next.
pub(super) enum Item {
    /// A value that ends behind so many bytes, there or not.
    Pass(u64),
    /// The same of a container, in which nothing need be looked at.
    Whole(u64),
    /// A struct or container begins behind so many bytes, which are there.
    Open {
        head: usize,
        inner: Level,
    },
    /// What is open ends behind so many bytes, which are there.
    End(usize),
    /// Something of so many bytes at least, and more than there are.
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
            Self::Pass(len) => Self::Pass(len.wrapping_add(n as u64)),
            Self::Whole(len) => Self::Whole(len.wrapping_add(n as u64)),
            Self::Open { head, inner } => Self::Open { head: head.wrapping_add(n), inner },
            Self::Short(least) => Self::Short(least.wrapping_add(n as u64)),
            Self::Fault(fault) => Self::Fault(fault.after(n)),
            Self::End(len) => Self::End(len.wrapping_add(n)),
            Self::Unknown => self,
        }
    }

    #[cold]
    pub(super) const fn fault(code: &'static str, detail: &'static str, at: usize) -> Self {
        Self::Fault(SkipFault::new(code, detail, at))
    }

    /// A list or set behind `head` bytes; its elements' type is at `at`.
    #[inline(always)]
    pub(super) fn list<W: Wire>(head: usize, count: u32, (kind, at): (u8, usize)) -> Self {
        let width = W::width(kind);
        match width.fixed() {
            Some(width) => Self::Whole(u64::from(count).wrapping_mul(width as u64)).after(head),
            None if count == 0 => Self::Whole(head as u64),
            None if width.is_none() => Self::Fault(SkipFault::unknown(at)),
            None => Self::Open { head, inner: Level::list(count, kind) },
        }
    }

    /// A map behind `head` bytes.
    #[inline(always)]
    pub(super) fn map<W: Wire>(head: usize, count: u32, key: (u8, usize), value: (u8, usize)) -> Self {
        let (key_width, value_width) = (W::width(key.0), W::width(value.0));
        match (key_width.fixed(), value_width.fixed()) {
            (Some(key), Some(value)) => {
                Self::Whole(u64::from(count).wrapping_mul(key.wrapping_add(value) as u64)).after(head)
            }
            _ if count == 0 => Self::Whole(head as u64),
            _ if key_width.is_none() => Self::Fault(SkipFault::unknown(key.1)),
            _ if value_width.is_none() => Self::Fault(SkipFault::unknown(value.1)),
            _ => Self::Open { head, inner: Level::map(count, key.0, value.0) },
        }
    }
}
