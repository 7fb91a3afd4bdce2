//! Bytes that two peers of a protocol say to each other.

use bytes::Bytes;

use crate::depth::Depth;

/// A connection as a capture shows it: what a client sent from its first byte on, and what the server answered.
///
/// It should hold several exchanges, and be small: the kit cuts it everywhere. Where the codec names streams itself,
/// the answers must carry the names that a client of the protocol would have given.
///
/// ```
/// use meshwire::testkit::Sample;
///
/// let sample =
///     Sample::new("ping", &b"PING\r\n"[..], &b"PONG\r\n"[..]).with_bad_request(&b"P\0NG\r\n"[..], &b"PING\r\n"[..]);
/// assert_eq!(sample.name(), "ping");
/// ```
#[derive(Clone, Debug)]
pub struct Sample {
    pub(super) name: String,
    pub(super) requests: Bytes,
    pub(super) responses: Bytes,
    pub(super) bad_request: Option<(Bytes, Bytes)>,
    pub(super) large: Option<Large>,
    pub(super) ends_at_eof: bool,
    pub(super) verbatim: bool,
    pub(super) depth: Depth,
}

/// A request whose body is still to come.
#[derive(Clone, Debug)]
pub(super) struct Large {
    pub(super) front: Bytes,
    /// Bytes still to come; `None`: as many as one likes.
    pub(super) rest: Option<u64>,
}

impl Sample {
    /// What was sent from the first byte of a connection on, and what was answered.
    pub fn new(name: impl Into<String>, requests: impl Into<Bytes>, responses: impl Into<Bytes>) -> Self {
        Self {
            name: name.into(),
            requests: requests.into(),
            responses: responses.into(),
            bad_request: None,
            large: None,
            ends_at_eof: false,
            verbatim: true,
            depth: Depth::ALL,
        }
    }

    /// A request that must be refused without losing the connection, and one that must go through after it. They are
    /// sent behind the [`requests`](Self::new).
    #[must_use]
    pub fn with_bad_request(mut self, bad: impl Into<Bytes>, next: impl Into<Bytes>) -> Self {
        self.bad_request = Some((bad.into(), next.into()));
        self
    }

    /// How a request with a large body begins on a new connection: at least so many bytes that its head is decoded.
    /// `rest` bytes of body are still to come where the wire announces them, any number where it does not.
    #[must_use]
    pub fn with_large_request(mut self, front: impl Into<Bytes>, rest: Option<u64>) -> Self {
        self.large = Some(Large { front: front.into(), rest });
        self
    }

    /// The last answer ends where the connection ends: one that is cut short cannot be told from one that is not.
    #[must_use]
    pub const fn ends_at_eof(mut self) -> Self {
        self.ends_at_eof = true;
        self
    }

    /// Its heads do not go out as they came, whatever the protocol's traits say: they speak another version of it, or
    /// what they ask for is not passed on.
    #[must_use]
    pub const fn not_verbatim(mut self) -> Self {
        self.verbatim = false;
        self
    }

    /// The deepest it can be decoded, if that is not [`Depth::ALL`]: some messages are too large to look behind.
    #[must_use]
    pub fn with_depth(mut self, depth: Depth) -> Self {
        self.depth = depth;
        self
    }

    /// Its name in failures.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the client sent.
    pub const fn requests(&self) -> &Bytes {
        &self.requests
    }

    /// What the server answered.
    pub const fn responses(&self) -> &Bytes {
        &self.responses
    }
}
