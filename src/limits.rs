//! Every bound that a peer can push against, under one name in errors, metrics and documents.

use std::time::Duration;

/// The name of a limit: the field of [`Limits`] that holds it, the `limit` of a
/// [`DecodeError`](crate::DecodeError), the row of [`Stats::tripped`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::head`].
    Head,
    /// [`Limits::field`].
    Field,
    /// [`Limits::fields`].
    Fields,
    /// [`Limits::cookie_crumbs`].
    CookieCrumbs,
    /// [`Limits::cookie_bytes`].
    CookieBytes,
    /// [`Limits::target`].
    Target,
    /// [`Limits::message`].
    Message,
    /// [`Limits::chunk_extensions`].
    ChunkExtensions,
    /// [`Limits::trailers`].
    Trailers,
    /// [`Limits::replies`].
    Replies,
    /// [`Limits::idle_frames`].
    IdleFrames,
    /// [`Limits::resets`].
    Resets,
    /// [`Limits::nesting`].
    Nesting,
    /// [`Limits::interim`].
    Interim,
    /// [`Limits::streams`].
    Streams,
    /// [`Limits::continuations`].
    Continuations,
    /// [`Limits::window_updates`].
    WindowUpdates,
    /// [`Limits::small_data`].
    SmallData,
    /// [`Limits::stall`].
    Stall,
}

impl Limit {
    /// Every limit, in declaration order.
    pub const ALL: [Self; 19] = [
        Self::Head,
        Self::Field,
        Self::Fields,
        Self::CookieCrumbs,
        Self::CookieBytes,
        Self::Target,
        Self::Message,
        Self::ChunkExtensions,
        Self::Trailers,
        Self::Replies,
        Self::IdleFrames,
        Self::Resets,
        Self::Nesting,
        Self::Interim,
        Self::Streams,
        Self::Continuations,
        Self::WindowUpdates,
        Self::SmallData,
        Self::Stall,
    ];

    /// The name: that of the field of [`Limits`].
    pub const fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Field => "field",
            Self::Fields => "fields",
            Self::CookieCrumbs => "cookie_crumbs",
            Self::CookieBytes => "cookie_bytes",
            Self::Target => "target",
            Self::Message => "message",
            Self::ChunkExtensions => "chunk_extensions",
            Self::Trailers => "trailers",
            Self::Replies => "replies",
            Self::IdleFrames => "idle_frames",
            Self::Resets => "resets",
            Self::Nesting => "nesting",
            Self::Interim => "interim",
            Self::Streams => "streams",
            Self::Continuations => "continuations",
            Self::WindowUpdates => "window_updates",
            Self::SmallData => "small_data",
            Self::Stall => "stall",
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The bounds of one connection. The defaults are safe for a proxy that faces strangers.
///
/// ```
/// use meshwire::Limits;
///
/// let mut limits = Limits::default();
/// limits.message = Some(8 * 1024 * 1024);
/// assert_eq!(limits.fields, 128);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of a head: start line and fields; of a length-framed message, what must be read to know its
    /// destination. Default 64 KiB.
    pub head: usize,
    /// Bytes of one field, name and value. Default 32 KiB.
    pub field: usize,
    /// Fields of a head, cookies apart. Default 128.
    pub fields: usize,
    /// Cookie fields (crumbs) of a head; browsers split what one client sends. Default 200.
    pub cookie_crumbs: usize,
    /// Bytes of all cookie fields of a head. Default 32 KiB.
    pub cookie_bytes: usize,
    /// Bytes of an HTTP request target. Default 32 KiB.
    pub target: usize,
    /// Bytes of a message, body included: policy, not memory. Default none, since bodies stream.
    pub message: Option<u64>,
    /// Length-framed messages up to this size are handed over in one piece. Default 64 KiB.
    pub whole: usize,
    /// Data bytes handed over and not yet [released](crate::Codec::release), past which a codec pauses or withholds
    /// credit; per stream where the protocol has windows. Default 256 KiB.
    pub window: usize,
    /// The same for all streams of a connection together, where the protocol has windows. Default 1 MiB.
    pub connection_window: usize,
    /// Bytes of chunk extensions in one body (HTTP/1.1). Default 4 KiB.
    pub chunk_extensions: usize,
    /// Bytes of trailers (HTTP/1.1). Default 8 KiB.
    pub trailers: usize,
    /// Requests decoded and not yet answered on an ordered wire (HTTP/1.1 pipelining), past which the codec pauses.
    /// Default 64.
    pub pipelined: usize,
    /// Requests decoded and not yet answered on a length-framed wire that tells answers apart by id, past which the
    /// codec pauses. A wire with streams announces [`streams`](Self::streams) instead. Default 10,000.
    pub open: usize,
    /// Streams that a peer may have open at once on a multiplexed wire. It is announced; a stream past it is refused, and
    /// counts as a [reset](Self::resets) that the peer provoked. Default 256.
    pub streams: usize,
    /// Frames that continue one head (HTTP/2's CONTINUATION). Default 16.
    pub continuations: usize,
    /// Bytes of the table of header fields that either direction of a connection keeps (HPACK); 0 for none. Default 4 KiB.
    pub header_table: usize,
    /// Interim answers (1xx) to one request. Default 32.
    pub interim: usize,
    /// Control replies owed to the peer and not yet written. Default 1,000.
    pub replies: usize,
    /// Frames that move nothing forward: heartbeats; in HTTP/2 PING, SETTINGS, PRIORITY, DATA without a byte, and frames
    /// of unknown types. Default 10,000 at once, then 330 a second.
    pub idle_frames: Rate,
    /// Streams reset by the peer before they were answered, or by us at its provocation: refused, or malformed. Default
    /// 1,000 at once, then 33 a second.
    pub resets: Rate,
    /// Frames of credit (HTTP/2's WINDOW_UPDATE) beyond those that data sent to the peer has earned. Default 10,000 at
    /// once, then 330 a second.
    pub window_updates: Rate,
    /// Small frames of data handed over and not yet [released](crate::Codec::release): their bytes say too little about
    /// what they cost. Default 10,000 at once, then 330 a second.
    pub small_data: Rate,
    /// Seconds that a stream of a multiplexed wire may wait for its peer's credit before it is reset: what waits is held
    /// for it. 0: for ever. Default 300.
    pub stall: u32,
    /// Depth of nested values (Hessian, Thrift). Default 64.
    pub nesting: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 64 * 1024,
            field: 32 * 1024,
            fields: 128,
            cookie_crumbs: 200,
            cookie_bytes: 32 * 1024,
            target: 32 * 1024,
            message: None,
            whole: 64 * 1024,
            window: 256 * 1024,
            connection_window: 1024 * 1024,
            chunk_extensions: 4 * 1024,
            trailers: 8 * 1024,
            pipelined: 64,
            open: 10_000,
            streams: 256,
            continuations: 16,
            header_table: 4096,
            interim: 32,
            replies: 1000,
            idle_frames: Rate { burst: 10_000, per_second: 330 },
            resets: Rate { burst: 1000, per_second: 33 },
            window_updates: Rate { burst: 10_000, per_second: 330 },
            small_data: Rate { burst: 10_000, per_second: 330 },
            stall: 300,
            nesting: 64,
        }
    }
}

impl Limits {
    /// The most unread bytes a codec may ask for: no [`NeedMore`](crate::Step::NeedMore) goes beyond it.
    pub fn buffered(&self) -> usize {
        // The slack is for a fixed header in front of what is limited, and a trailer behind it.
        self.head.max(self.whole).max(self.trailers).saturating_add(1024)
    }
}

/// How often something may happen: so many at once, then so many a second. Never a lifetime count: a connection that
/// lives for a month is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize), serde(deny_unknown_fields))]
#[allow(clippy::exhaustive_structs)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How many a second after that.
    pub per_second: u32,
}

/// A token bucket on the caller's clock.
///
/// ```
/// use std::time::Duration;
/// use meshwire::{Rate, TokenBucket};
///
/// let mut bucket = TokenBucket::new(Rate { burst: 2, per_second: 1 });
/// assert!(bucket.take(Duration::ZERO) && bucket.take(Duration::ZERO));
/// assert!(!bucket.take(Duration::from_millis(999)));
/// assert!(bucket.take(Duration::from_secs(1)));
/// ```
#[derive(Clone, Debug)]
pub struct TokenBucket {
    rate: Rate,
    /// Billionths of a token, so that no refill is lost to rounding.
    tokens: u128,
    last: Duration,
}

const TOKEN: u128 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket.
    pub const fn new(rate: Rate) -> Self {
        Self { rate, tokens: (rate.burst as u128).saturating_mul(TOKEN), last: Duration::ZERO }
    }

    /// Takes one token; false when there is none.
    pub fn take(&mut self, now: Duration) -> bool {
        // A full bucket gains nothing by time: the clock is looked at only once tokens are missing.
        let full = u128::from(self.rate.burst).saturating_mul(TOKEN);
        let elapsed = now.saturating_sub(self.last);
        self.last = self.last.max(now);
        let gained = elapsed.as_nanos().saturating_mul(u128::from(self.rate.per_second));
        self.tokens = self.tokens.saturating_add(gained).min(full);
        match self.tokens.checked_sub(TOKEN) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }

    /// Puts `n` tokens back, for what has turned out to be harmless; never above the burst.
    pub const fn give(&mut self, n: u32) {
        let full = (self.rate.burst as u128).saturating_mul(TOKEN);
        let tokens = self.tokens.saturating_add((n as u128).saturating_mul(TOKEN));
        self.tokens = if tokens > full { full } else { tokens };
    }
}

/// Plain counters of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Where the wire names control messages too: the id of the one decoded last. [`Event`](crate::Event)s of that kind
    /// belong to no stream, but whoever debugs wants to pair a heartbeat with its answer.
    pub control_id: Option<u64>,
    /// Messages whose head was decoded.
    pub messages_in: u64,
    /// Messages whose head was encoded.
    pub messages_out: u64,
    /// Bytes decoded: where in the connection the codec stands.
    pub bytes_in: u64,
    /// Where in the connection the message decoded last began.
    pub message_at: u64,
    /// Heartbeats received, acknowledgements included.
    pub heartbeats_in: u64,
    /// Heartbeats sent, acknowledgements included.
    pub heartbeats_out: u64,
    /// Messages refused and skipped.
    pub bad_messages: u64,
    tripped: [u32; Limit::ALL.len()],
}

impl Stats {
    /// How often `limit` was passed.
    pub fn tripped(&self, limit: Limit) -> u32 {
        self.tripped.get(limit as usize).copied().unwrap_or_default()
    }

    /// Counts that `limit` was passed: for codecs.
    pub fn trip(&mut self, limit: Limit) {
        if let Some(count) = self.tripped.get_mut(limit as usize) {
            *count = count.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_its_own_row() {
        let mut stats = Stats::default();
        for (n, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit as usize, n, "{limit} is out of order");
            stats.trip(limit);
        }
        assert!(Limit::ALL.into_iter().all(|limit| stats.tripped(limit) == 1));
    }

    #[test]
    fn a_month_of_steady_pings_is_healthy() {
        let mut bucket = TokenBucket::new(Rate { burst: 10, per_second: 100 });
        for n in 0..1_000_000u64 {
            assert!(bucket.take(Duration::from_millis(n * 10)), "refused at {n}");
        }
    }

    #[test]
    fn what_is_given_back_never_passes_the_burst() {
        let mut bucket = TokenBucket::new(Rate { burst: 2, per_second: 0 });
        bucket.give(5);
        assert_eq!((0..9).filter(|_| bucket.take(Duration::ZERO)).count(), 2);
        bucket.give(1);
        assert_eq!((0..9).filter(|_| bucket.take(Duration::ZERO)).count(), 1);
    }

    #[test]
    fn the_burst_is_exact() {
        let mut bucket = TokenBucket::new(Rate { burst: 1000, per_second: 33 });
        assert_eq!((0..2000).filter(|_| bucket.take(Duration::from_secs(5))).count(), 1000);
    }
}
