//! How the bytes of an input are read.
//!
//! The wire comes first and the settings last, so that a recorded message is nearly a seed already:
//!
//! ```text
//! requests SEPARATOR responses SEPARATOR requests SEPARATOR .. settings
//! ```

use arbitrary::Unstructured;
use meshwire::{Conn, Depth, Limits, Rate};

/// Stands between what one end sent and what the other did. Rare enough in any protocol, short enough to be found.
pub const SEPARATOR: &[u8] = b"\xff~|~\xff";

/// The settings of a run: the last bytes of an input.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// A bit for each of the questions below.
    pub flags: u8,
    /// The longest read: 0 is everything at once, 1 a byte at a time.
    pub chunk: u8,
    /// What the random choices of a run start from.
    pub seed: u16,
}

impl Settings {
    /// Bytes they take.
    pub const LEN: usize = 4;
    /// Limits small enough that an input of a few hundred bytes passes them.
    pub const SMALL: u8 = 0x01;
    /// Outputs are emptied now and then only, which holds data and credit back.
    pub const LAZY: u8 = 0x02;
    /// Heads are detached from the read buffer.
    pub const DETACH: u8 = 0x04;
    /// A field is set on every request that has a place for it.
    pub const EDIT: u8 = 0x08;
    /// Some requests are answered by the proxy itself.
    pub const LOCAL: u8 = 0x10;
    /// Heartbeats and a go-away are sent now and then.
    pub const CONTROL: u8 = 0x20;
    /// Nothing but boundaries is decoded.
    pub const BOUNDARY: u8 = 0x40;
    /// Everything is decoded.
    pub const FIELDS: u8 = 0x80;

    /// The settings as they stand at the end of an input.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let [low, high] = self.seed.to_le_bytes();
        [self.flags, self.chunk, low, high]
    }

    /// Whether `flag` is set.
    pub const fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The answering end of a connection.
    pub(crate) fn server(self) -> Conn {
        Conn::server().with_limits(self.limits()).with_depth(self.depth())
    }

    /// The asking end of a connection.
    pub(crate) fn client(self) -> Conn {
        Conn::client().with_limits(self.limits())
    }

    /// Queued bytes past which an end takes no more.
    pub(crate) const fn high_water(self) -> usize {
        if self.has(Self::SMALL) { 512 } else { 64 * 1024 }
    }

    pub(crate) fn limits(self) -> Limits {
        let mut limits = Limits::default();
        if self.has(Self::SMALL) {
            limits.head = 512;
            limits.field = 128;
            limits.fields = 8;
            limits.cookie_crumbs = 4;
            limits.cookie_bytes = 96;
            limits.target = 96;
            limits.message = Some(2048);
            limits.whole = 256;
            limits.window = 512;
            limits.chunk_extensions = 32;
            limits.trailers = 64;
            limits.pipelined = 3;
            limits.interim = 3;
            limits.replies = 8;
            limits.idle_frames = Rate { burst: 16, per_second: 4 };
            limits.resets = Rate { burst: 8, per_second: 2 };
            limits.nesting = 6;
            limits.streams = 5;
            limits.continuations = 4;
            limits.window_updates = Rate { burst: 24, per_second: 4 };
            limits.small_data = Rate { burst: 24, per_second: 4 };
            limits.header_table = 128;
        }
        limits
    }

    fn depth(self) -> Depth {
        match (self.has(Self::BOUNDARY), self.has(Self::FIELDS)) {
            (true, false) => Depth::BOUNDARY,
            (false, true) => Depth::ALL,
            // What a real table asks for: the names and one field.
            (true, true) => Depth::ROUTE.with_field("x-tenant"),
            (false, false) => Depth::ROUTE,
        }
    }
}

/// Splits `n` settings bytes off the end of `data`.
pub(crate) fn split_tail(data: &[u8], n: usize) -> (&[u8], Unstructured<'_>) {
    let (wire, tail) = data.split_at(data.len().saturating_sub(n));
    (wire, Unstructured::new(tail))
}

/// Reads [`Settings`]; what is missing is zero.
pub(crate) fn settings(tail: &mut Unstructured<'_>) -> Settings {
    let mut byte = || tail.arbitrary::<u8>().unwrap_or_default();
    Settings { flags: byte(), chunk: byte(), seed: u16::from_le_bytes([byte(), byte()]) }
}

/// What one end and the other sent, in turn; the end that asks begins.
pub(crate) fn segments(wire: &[u8]) -> Vec<&[u8]> {
    let mut segments = Vec::new();
    let mut rest = wire;
    while let Some(at) = rest.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
        segments.push(&rest[..at]);
        rest = &rest[at + SEPARATOR.len()..];
    }
    segments.push(rest);
    segments
}

/// A change to the bytes between two codecs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Op {
    /// Bit 0: which way the bytes go. Bits 1 and 2: overwrite, insert, remove, or end the stream there.
    pub what: u8,
    /// The byte to overwrite with or to insert; how many to remove.
    pub value: u8,
    /// Where, counted from the first byte of that direction. The largest offset is never reached: no change.
    pub at: u16,
}

impl Op {
    /// Bytes it takes.
    pub const LEN: usize = 4;
    /// No change.
    pub const NONE: Self = Self { what: 0, value: 0, at: u16::MAX };

    pub(crate) const fn way(self) -> u8 {
        self.what & 1
    }

    pub(crate) const fn is_none(self) -> bool {
        self.at == u16::MAX
    }

    /// The change as it stands at the end of an input.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let [low, high] = self.at.to_le_bytes();
        [self.what, self.value, low, high]
    }
}

pub(crate) fn op(tail: &mut Unstructured<'_>) -> Op {
    let mut byte = || tail.arbitrary::<u8>().unwrap_or_default();
    Op { what: byte(), value: byte(), at: u16::from_le_bytes([byte(), byte()]) }
}

/// Choices that depend on the settings only, so that an input always does the same.
pub(crate) struct Choices(u64);

impl Choices {
    pub(crate) fn new(seed: u16) -> Self {
        Self((u64::from(seed) << 1 | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// A number below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}
