//! What a message is.

/// What a message is to the exchange it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A request that is owed an answer.
    Request,
    /// A request that gets none.
    OneWay,
    /// An answer.
    Response,
    /// An answer before the answer (HTTP's 1xx other than 101).
    Interim,
    /// Fields behind a body, of either direction: the head of an [`Event::Trailers`](crate::Event::Trailers).
    Trailers,
}

impl Kind {
    /// The name used by tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::OneWay => "one_way",
            Self::Response => "response",
            Self::Interim => "interim",
            Self::Trailers => "trailers",
        }
    }

    /// Whether it is a request of either sort.
    pub const fn is_request(self) -> bool {
        matches!(self, Self::Request | Self::OneWay)
    }
}
