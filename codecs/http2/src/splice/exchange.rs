//! What is told of each stream.

use std::time::Duration;

use meshwire::{Outcome, ResetReason, StreamId};

use super::Side;
use crate::code::Code;

/// A stream, as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exchange {
    /// Its id, which is the same at both ends.
    pub stream: StreamId,
    /// When it was opened.
    pub began: Duration,
    /// When its answer began, an interim one included.
    pub answered: Option<Duration>,
    /// When it ended; of one that is open, when it began.
    pub ended: Duration,
    /// Bytes that the client sent on it: the payloads of HEADERS, CONTINUATION and DATA, padding included.
    pub sent: u64,
    /// Bytes that the client got, counted in the same way; those of a local reply apart.
    pub received: u64,
    /// How it ended.
    pub ending: Ending,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// It has not.
    Open,
    /// Both ends have said all.
    Complete,
    /// By RST_STREAM.
    Reset {
        /// Whose it was.
        by: Side,
        /// The code on the wire (RFC 9113, section 7).
        code: u32,
    },
    /// By [`Splice::reply`](super::Splice::reply), with this outcome.
    Replied(Outcome),
    /// The splice refused it, or the server's GOAWAY did: it was not served, and may be sent again elsewhere.
    Refused,
    /// The connection was lost at this end.
    Lost(Side),
}

impl Ending {
    /// What the code of a reset means.
    pub const fn reason(self) -> Option<ResetReason> {
        match self {
            Self::Reset { code, .. } => Some(Code(code).reason()),
            Self::Refused => Some(ResetReason::Refused),
            _ => None,
        }
    }
}

/// How a client reads a local reply. Nobody has decoded its request: whoever set the listener up knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyAs {
    /// By the status of HTTP: see [`status`](crate::status).
    #[default]
    Http,
    /// By `grpc-status`, in an answer of trailers only: see [`grpc::code`](crate::grpc::code).
    Grpc,
}
