//! What is checked, each under one stable name.

/// One thing that every codec owes.
///
/// ```
/// use meshwire::testkit::Check;
///
/// assert_eq!(Check::NeedMore.name(), "need_more");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Check {
    /// A sample is what it says: it decodes without an error, to the end.
    Sample,
    /// Detection is pure, says yes to every sample as soon as it can, asks for at most 1 KiB, and never for more than
    /// decides; what is noise to it stays noise.
    Detection,
    /// However the bytes are cut, the events are the same, bodies put together.
    Chunking,
    /// No event belongs to a stream that has no head, or has ended.
    Order,
    /// `NeedMore` is never above [`Limits::buffered`](crate::Limits::buffered), and nothing comes before so many bytes
    /// are there.
    NeedMore,
    /// Decoding again with nothing new says the same, takes nothing and writes nothing.
    EarlyDecode,
    /// Decoding never reserves by what the wire announces.
    Reserve,
    /// Decoding comes to rest: no run of events out of nothing.
    Progress,
    /// [`Stats::bytes_in`](crate::Stats::bytes_in) is what was taken from the input.
    Position,
    /// The end of input inside a message is an error called `truncated`; elsewhere it is the end; it is never another
    /// message.
    Truncation,
    /// Nothing that a peer can send panics, hangs, or grows without bound.
    Hostile,
    /// After an error that costs the connection, every call gives that error.
    StickyError,
    /// A head that nobody edited goes out byte for byte, where the protocol says so.
    Verbatim,
    /// What was encoded decodes to the same events.
    RoundTrip,
    /// An edited message decodes to the edited message, and the one behind it to itself.
    Edits,
    /// Ids come back as they were sent up to the wire's width, and never run into each other.
    Ids,
    /// A local reply decodes at the client as the outcome it was asked for.
    LocalReply,
    /// A one-way request is owed nothing.
    OneWay,
    /// A refused message is skipped, it can be answered, and the next one goes through.
    BadMessage,
    /// [`ConnState`](crate::ConnState) counts open exchanges and knows when a message is under way.
    State,
    /// A body far larger than any buffer goes through, in memory that does not depend on it.
    Streaming,
    /// Data that nobody releases stops the peer at about [`Limits::window`](crate::Limits::window); data that is
    /// released lets it go on.
    Window,
    /// Every `Blocked` is followed by a `Capacity`.
    Capacity,
    /// Nothing is written inside an open message, and what was owed meanwhile is written behind it.
    OpenMessage,
    /// A reset gives its stream's credit back.
    ResetCredit,
    /// Two ends of the protocol, joined, say to each other what was said to them.
    Pair,
    /// The same through a [`Relay`](crate::Relay), which gives every exchange another name.
    Relay,
}

impl Check {
    /// Every check, in the order in which the kit makes them.
    pub const ALL: [Self; 27] = [
        Self::Sample,
        Self::Detection,
        Self::Chunking,
        Self::Order,
        Self::NeedMore,
        Self::EarlyDecode,
        Self::Reserve,
        Self::Progress,
        Self::Position,
        Self::Truncation,
        Self::Hostile,
        Self::StickyError,
        Self::Verbatim,
        Self::RoundTrip,
        Self::Edits,
        Self::Ids,
        Self::LocalReply,
        Self::OneWay,
        Self::BadMessage,
        Self::State,
        Self::Streaming,
        Self::Window,
        Self::Capacity,
        Self::OpenMessage,
        Self::ResetCredit,
        Self::Pair,
        Self::Relay,
    ];

    /// The name used in failures and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Detection => "detection",
            Self::Chunking => "chunking",
            Self::Order => "order",
            Self::NeedMore => "need_more",
            Self::EarlyDecode => "early_decode",
            Self::Reserve => "reserve",
            Self::Progress => "progress",
            Self::Position => "position",
            Self::Truncation => "truncation",
            Self::Hostile => "hostile",
            Self::StickyError => "sticky_error",
            Self::Verbatim => "verbatim",
            Self::RoundTrip => "round_trip",
            Self::Edits => "edits",
            Self::Ids => "ids",
            Self::LocalReply => "local_reply",
            Self::OneWay => "one_way",
            Self::BadMessage => "bad_message",
            Self::State => "state",
            Self::Streaming => "streaming",
            Self::Window => "window",
            Self::Capacity => "capacity",
            Self::OpenMessage => "open_message",
            Self::ResetCredit => "reset_credit",
            Self::Pair => "pair",
            Self::Relay => "relay",
        }
    }
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
