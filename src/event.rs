//! The neutral events that codecs decode to and encode from.

use std::num::NonZeroUsize;

use bytes::Bytes;

use crate::head::Head;

/// A name on one connection: the wire's id, and a tag in which the codec keeps what it must know again when the answer
/// passes (a serialization, a version, whether an answer is owed). Equal and hashed by id.
///
/// ```
/// use meshwire::StreamId;
///
/// assert_eq!(StreamId::new(7).with_tag(1), StreamId::new(7));
/// assert_ne!(StreamId::new(u64::MAX), StreamId::NEW);
/// ```
#[derive(Clone, Copy)]
pub struct StreamId {
    id: u64,
    tag: u32,
    named: bool,
}

impl StreamId {
    /// The name of a head that the codec names as it writes it: ordered wires and HTTP/2.
    pub const NEW: Self = Self { id: 0, tag: 0, named: false };

    /// The stream whose id on the wire is `id`.
    pub const fn new(id: u64) -> Self {
        Self { id, tag: 0, named: true }
    }

    /// The same stream, carrying `tag`.
    #[must_use]
    pub const fn with_tag(mut self, tag: u32) -> Self {
        self.tag = tag;
        self
    }

    /// The id on the wire; 0 for [`StreamId::NEW`].
    pub const fn id(self) -> u64 {
        self.id
    }

    /// What the codec stored.
    pub const fn tag(self) -> u32 {
        self.tag
    }

    /// Whether the codec has yet to name it.
    pub const fn is_new(self) -> bool {
        !self.named
    }
}

impl PartialEq for StreamId {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.named == other.named
    }
}

impl Eq for StreamId {}

impl std::hash::Hash for StreamId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.named { write!(f, "{}", self.id) } else { f.write_str("new") }
    }
}

impl std::fmt::Debug for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StreamId({self}")?;
        if self.tag != 0 {
            write!(f, ", tag {:#x}", self.tag)?;
        }
        f.write_str(")")
    }
}

/// What a codec reads from the wire, and writes to it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A message begins; a small one is whole in here.
    Head(Head),
    /// A piece of a body, or of a tunnel.
    Body(Body),
    /// Fields behind a body, as a head of [`Kind::Trailers`](crate::Kind::Trailers): they are read, edited and forwarded as
    /// those in front are, and may tell the [outcome](crate::Head::outcome). They end the message, whatever
    /// [`Head::is_end`](crate::Head::is_end) says. On a length-framed wire they are the checksum behind a body that streams
    /// ([`Head::tail`](crate::Head::tail)), which has been checked and is passed on.
    Trailers(Head),
    /// A stream ends before its time, both ways.
    Reset(Reset),
    /// The peer takes no new requests on this connection; those open are answered.
    GoAway,
    /// A heartbeat; a codec has answered it already.
    Heartbeat {
        /// Whether it answers one of ours.
        ack: bool,
    },
    /// What [`Sent::Blocked`] refused may be tried again.
    Capacity {
        /// The stream that may go on; `None`: any, and new ones.
        stream: Option<StreamId>,
    },
    /// From here on the connection is a tunnel: [`Body`] both ways, until each side has ended. The head of the request that
    /// asked for it did not end the message.
    Upgraded {
        /// The stream whose answer switched the protocol.
        stream: StreamId,
    },
    /// A frame of a type that the codec does not know, where its protocol was asked to hand them over. It means something
    /// on one hop only: nothing passes it on unasked.
    Extension(Extension),
    /// The connection goes on in another protocol; an [`Endpoint`](crate::Endpoint) with a
    /// [registry](crate::Endpoint::with_registry) sees to that, and nobody behind it notices.
    Switch(Box<Switch>),
}

impl Event {
    /// The stream it belongs to, if it is one's.
    pub const fn stream(&self) -> Option<StreamId> {
        match self {
            Self::Head(head) => Some(head.stream()),
            Self::Body(body) => Some(body.stream),
            Self::Trailers(trailers) => Some(trailers.stream()),
            Self::Reset(reset) => Some(reset.stream),
            Self::Upgraded { stream } => Some(*stream),
            Self::Capacity { stream } => *stream,
            Self::Extension(extension) => extension.stream,
            Self::GoAway | Self::Heartbeat { .. } | Self::Switch(_) => None,
        }
    }

    /// Renames the stream it belongs to.
    pub const fn set_stream(&mut self, name: StreamId) {
        match self {
            Self::Head(head) => head.set_stream(name),
            Self::Body(body) => body.stream = name,
            Self::Trailers(trailers) => trailers.set_stream(name),
            Self::Reset(reset) => reset.stream = name,
            Self::Upgraded { stream } => *stream = name,
            Self::Capacity { stream } => *stream = Some(name),
            Self::Extension(extension) => extension.stream = Some(name),
            Self::GoAway | Self::Heartbeat { .. } | Self::Switch(_) => {}
        }
    }

    /// Data bytes it holds: what must be [released](crate::Codec::release) once they are gone.
    pub fn data_len(&self) -> usize {
        match self {
            Self::Head(head) => head.data().len(),
            Self::Body(body) => body.data.len(),
            _ => 0,
        }
    }

    /// Whether it ends its stream's message in this direction.
    pub const fn is_end(&self) -> bool {
        match self {
            Self::Head(head) => head.is_end(),
            Self::Body(body) => body.end,
            Self::Trailers(_) | Self::Reset(_) => true,
            _ => false,
        }
    }
}

/// A piece of a body. How a body is cut into pieces carries no meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Body {
    /// Whose.
    pub stream: StreamId,
    /// The bytes, without transfer framing.
    pub data: Bytes,
    /// Whether the message ends here; in a tunnel, this direction.
    pub end: bool,
}

/// A frame of an unknown type (RFC 9113, section 5.5), as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Extension {
    /// The stream it names; `None` for the connection's own.
    pub stream: Option<StreamId>,
    /// Its type.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// What it carries.
    pub payload: Bytes,
}

/// What the codec of the next protocol must know of the one before: see [`Event::Switch`] and
/// [`Conn::with_switch`](crate::Conn::with_switch).
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Switch {
    /// The next protocol, by its name in the registry.
    pub protocol: &'static str,
    /// The request that asked for it, whole, and the first one to be answered in the next protocol.
    pub head: Head,
    /// What the peer says about the next protocol ahead of its first byte: for HTTP/2 the payload of a SETTINGS frame.
    pub settings: Bytes,
}

/// The end of a stream before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Reset {
    /// Whose.
    pub stream: StreamId,
    /// Why.
    pub reason: ResetReason,
}

/// Why a stream was reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResetReason {
    /// The one who asked no longer wants the answer.
    Cancelled,
    /// The message was malformed or cut short.
    Malformed,
    /// It was not processed, and may be sent again elsewhere.
    Refused,
    /// The other end failed.
    Internal,
    /// Nothing is wrong: the answer is complete, and the rest of the request is not wanted (RFC 9113, section 8.1). It
    /// comes behind the whole answer, and a wire that cannot say it says nothing.
    NoError,
    /// Refused for load: the peer asked for more than its share (`ENHANCE_YOUR_CALM`).
    Overloaded,
}

impl ResetReason {
    /// The name used in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Malformed => "malformed",
            Self::Refused => "refused",
            Self::Internal => "internal",
            Self::NoError => "no_error",
            Self::Overloaded => "overloaded",
        }
    }
}

/// What a call to [`Codec::decode`](crate::Codec::decode) came to.
#[derive(Debug)]
#[must_use]
#[allow(clippy::exhaustive_enums, clippy::large_enum_variant)]
pub enum Step {
    /// The next event.
    Event(Event),
    /// Input alone brings nothing before so many more bytes are there.
    NeedMore(NonZeroUsize),
    /// What is there waits for [`encode`](crate::Codec::encode) or [`release`](crate::Codec::release).
    Paused,
    /// All is said: the input has ended, or the protocol has closed the connection.
    Closed,
}

impl Step {
    /// [`Step::NeedMore`] of `n` bytes, at least one.
    pub const fn need(n: usize) -> Self {
        match NonZeroUsize::new(n) {
            Some(n) => Self::NeedMore(n),
            None => Self::NeedMore(NonZeroUsize::MIN),
        }
    }
}

/// What a call to [`Codec::encode`](crate::Codec::encode) came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[allow(clippy::exhaustive_enums)]
pub enum Sent {
    /// All of it is in the output; the event keeps its stream's name only.
    All,
    /// Some of it, or none: the event holds the rest. A [`Event::Capacity`] follows when it is worth another try.
    Blocked,
}
