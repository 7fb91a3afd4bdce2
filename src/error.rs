//! What can be wrong with what a peer sends, and with what a caller asks for.

use crate::event::StreamId;
use crate::limits::Limit;
use crate::outcome::Outcome;

/// How much of the connection an error takes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// One message of a length-framed wire. The codec skips the rest of it; the next one goes through.
    Message(StreamId),
    /// One stream of a multiplexed wire; the others go on.
    Stream(StreamId),
    /// The connection: framing is lost, and the codec refuses further input.
    Connection,
}

impl Scope {
    /// `message`, `stream` or `connection`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Stream(_) => "stream",
            Self::Connection => "connection",
        }
    }
}

/// Bytes that a codec refuses: what, where, and what it costs.
///
/// ```
/// use meshwire::{DecodeError, Outcome, Scope};
///
/// let error = DecodeError::new("dubbo", "magic", "a message begins with da bb", Scope::Connection).at(16, 16);
/// assert_eq!(error.to_string(), "dubbo.magic at byte 16 (connection): a message begins with da bb");
/// assert_eq!(error.outcome(), Outcome::BadRequest);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{protocol}.{code} at byte {offset} ({}): {detail}", .scope.name())]
#[non_exhaustive]
pub struct DecodeError {
    /// The protocol.
    pub protocol: &'static str,
    /// A stable name of what is wrong; the limit's name where a limit was passed.
    pub code: &'static str,
    /// The same for people: what the rule is.
    pub detail: &'static str,
    /// How much of the connection is lost.
    pub scope: Scope,
    /// Where in the connection, counted from its first byte.
    pub offset: u64,
    /// Where the message began.
    pub message_offset: u64,
    /// The limit that was passed, if it was one.
    pub limit: Option<Limit>,
    /// Whether the codec has queued an answer to its peer itself.
    pub replied: bool,
    /// Whether the message is one that only the other end may send, as a server's own request: its id is the peer's, and
    /// names no exchange of this end.
    pub stray: bool,
    outcome: Outcome,
}

impl DecodeError {
    /// An error at offset 0 whose outcome is [`Outcome::BadRequest`].
    pub const fn new(protocol: &'static str, code: &'static str, detail: &'static str, scope: Scope) -> Self {
        Self {
            protocol,
            code,
            detail,
            scope,
            offset: 0,
            message_offset: 0,
            limit: None,
            replied: false,
            stray: false,
            outcome: Outcome::BadRequest,
        }
    }

    /// The error that says `limit` was passed.
    pub const fn limit(protocol: &'static str, limit: Limit, detail: &'static str, scope: Scope) -> Self {
        let mut error = Self::new(protocol, limit.name(), detail, scope);
        error.limit = Some(limit);
        error.outcome = Outcome::TooLarge;
        error
    }

    /// The same error with its place.
    #[must_use]
    pub const fn at(mut self, offset: u64, message_offset: u64) -> Self {
        self.offset = offset;
        self.message_offset = message_offset;
        self
    }

    /// The same error with the outcome that a local reply should carry.
    #[must_use]
    pub const fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The same error, saying that the codec has queued an answer itself.
    #[must_use]
    pub const fn with_reply(mut self) -> Self {
        self.replied = true;
        self
    }

    /// The same error of a message that belongs to no exchange of this end.
    #[must_use]
    pub const fn of_stray(mut self) -> Self {
        self.stray = true;
        self
    }

    /// What a local reply should say to whoever sent the bytes (a request) or waits for them (a response).
    pub const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The stream that is lost, where it is only one.
    pub const fn stream(&self) -> Option<StreamId> {
        match self.scope {
            Scope::Message(stream) | Scope::Stream(stream) => Some(stream),
            Scope::Connection => None,
        }
    }

    /// Whether the connection is lost.
    pub const fn is_fatal(&self) -> bool {
        matches!(self.scope, Scope::Connection)
    }
}

/// An event that a codec cannot put on the wire. The connection is as it was before the call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A head of a protocol whose semantics this one does not share.
    #[error("a {from} head cannot be written as {to}: their semantics differ")]
    Foreign {
        /// The protocol of the head.
        from: &'static str,
        /// The protocol of the codec.
        to: &'static str,
    },
    /// The stream is not open in this direction: never opened, ended, or reset.
    #[error("stream {0} is not open for sending")]
    NotOpen(StreamId),
    /// More data than the head announced.
    #[error("stream {0}: the body is longer than its head announced")]
    TooLong(StreamId),
    /// Less data than the head announced. The message cannot be completed; the connection must close.
    #[error("stream {0}: the body ended before the length its head announced")]
    TooShort(StreamId),
    /// The wire has no place for something; nothing is dropped silently.
    #[error("{protocol} has no place for {what}")]
    NoPlace {
        /// The protocol.
        protocol: &'static str,
        /// What has no place.
        what: &'static str,
    },
    /// A value that would break the wire's syntax, or pass what its length fields can say.
    #[error("{protocol}: {what}")]
    Invalid {
        /// The protocol.
        protocol: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// The connection takes no more messages of this kind: closed, draining, or the wrong role.
    #[error("the connection takes no such message: {0}")]
    Refused(&'static str),
}

/// An edit that a head has no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{protocol} has no place for {what}")]
#[non_exhaustive]
pub struct EditError {
    /// The protocol.
    pub protocol: &'static str,
    /// What has no place.
    pub what: &'static str,
}

impl EditError {
    pub(crate) const fn new(protocol: &'static str, what: &'static str) -> Self {
        Self { protocol, what }
    }
}
