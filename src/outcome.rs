//! What became of a request, in terms that mean the same in every protocol.

/// What became of a request. A response head carries it beside the wire's own status; a [`LocalReply`] asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Outcome {
    /// Answered as asked.
    Success,
    /// Answered by the application with an exception or error of its own.
    Exception,
    /// The request was malformed.
    BadRequest,
    /// Nothing knows the destination: no route, no such service or method.
    NoRoute,
    /// The destination is known and cannot be reached or does not serve now.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// Refused for load: a full queue, thread pool or rate limit.
    Overloaded,
    /// The upstream's answer was malformed.
    BadResponse,
    /// The message passes a size limit.
    TooLarge,
    /// Refused for who asks.
    Denied,
    /// The peer does not do what was asked.
    Unimplemented,
    /// Given up by the one who asked.
    Cancelled,
    /// The other end failed inside.
    ServerError,
    /// A status nobody here knows; data, not an error.
    Unknown,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 14] = [
        Self::Success,
        Self::Exception,
        Self::BadRequest,
        Self::NoRoute,
        Self::Unavailable,
        Self::Timeout,
        Self::Overloaded,
        Self::BadResponse,
        Self::TooLarge,
        Self::Denied,
        Self::Unimplemented,
        Self::Cancelled,
        Self::ServerError,
        Self::Unknown,
    ];

    /// The name used in logs, metrics and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Exception => "exception",
            Self::BadRequest => "bad_request",
            Self::NoRoute => "no_route",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Overloaded => "overloaded",
            Self::BadResponse => "bad_response",
            Self::TooLarge => "too_large",
            Self::Denied => "denied",
            Self::Unimplemented => "unimplemented",
            Self::Cancelled => "cancelled",
            Self::ServerError => "server_error",
            Self::Unknown => "unknown",
        }
    }

    /// The outcome called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Whether the request can have been executed, judged by the outcome alone.
    pub const fn executed(self) -> Executed {
        match self {
            Self::Success | Self::Exception => Executed::Yes,
            Self::BadRequest
            | Self::NoRoute
            | Self::Overloaded
            | Self::TooLarge
            | Self::Denied
            | Self::Unimplemented => Executed::No,
            Self::Unavailable
            | Self::Timeout
            | Self::BadResponse
            | Self::Cancelled
            | Self::ServerError
            | Self::Unknown => Executed::Maybe,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether the upstream can have executed the request: what a retry has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Executed {
    /// It cannot have been executed; any request may be sent again.
    No,
    /// It may have been; only an idempotent request may be sent again.
    Maybe,
    /// It was.
    Yes,
}

/// An answer that the proxy gives itself. [`Codec::reply`](crate::Codec::reply) turns it into a native answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalReply<'a> {
    /// What to tell the client.
    pub outcome: Outcome,
    /// One line for people; it may reach the client.
    pub message: &'a str,
    /// The method that was called, where the protocol's answers name it (Thrift).
    pub method: Option<&'a [u8]>,
}

impl<'a> LocalReply<'a> {
    /// A reply without a method name.
    pub const fn new(outcome: Outcome, message: &'a str) -> Self {
        Self { outcome, message, method: None }
    }

    /// The same reply naming the method that was called.
    #[must_use]
    pub const fn with_method(mut self, method: &'a [u8]) -> Self {
        self.method = Some(method);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_name(outcome.name()), Some(outcome));
        }
    }
}
