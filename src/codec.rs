//! The traits: [`Codec`] is one end of one connection, [`Protocol`] is the plugin that makes them.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use crate::depth::Depth;
use crate::error::{DecodeError, EncodeError, Scope};
use crate::event::{Event, Sent, Step, StreamId, Switch};
use crate::limits::{Limits, Stats};
use crate::outcome::LocalReply;
use crate::output::Output;

/// One end of one connection. It never sees a socket, a clock or a runtime: bytes in, events out, and back.
///
/// The holder calls [`decode`](Self::decode) once before the first byte, after bytes came, and after any call below
/// that may free the way (`encode`, `release`), until it answers something other than an event.
pub trait Codec: Send {
    /// The next event from the front of `input`. What the protocol owes its peer on the way goes to
    /// [`Cx::output`], only where a message may begin.
    ///
    /// Calling it with nothing new is allowed, costs O(1) and scans nothing twice.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]. Unless its scope is the connection, the next call goes on behind what was refused; after
    /// that, every call gives the same error, an [`Event::Capacity`] still owed apart.
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError>;

    /// Appends the wire form of `event`. What the peer does not take now stays in `event`: a half-sent head has
    /// become its body.
    ///
    /// [`Sent::Blocked`] promises that something may still come which frees the way. Where the peer has ended and left no
    /// credit, nothing can, and the event is refused.
    ///
    /// A head named [`StreamId::NEW`] is named as it is written; `event` carries the name afterwards.
    ///
    /// # Errors
    ///
    /// [`EncodeError`]; nothing was written.
    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError>;

    /// Where the connection stands.
    fn state(&self) -> ConnState;

    /// Like [`decode`](Self::decode), when no more input will come.
    ///
    /// # Errors
    ///
    /// As `decode`; and an end inside a message is an error with the code `truncated`.
    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        match self.decode(input, cx)? {
            Step::NeedMore(_) if input.is_empty() && !self.state().receiving => Ok(Step::Closed),
            Step::NeedMore(_) => {
                input.clear();
                Err(DecodeError::new("codec", "truncated", "the connection ended inside a message", Scope::Connection))
            }
            step => Ok(step),
        }
    }

    /// The native form of an answer that the proxy gives itself, for [`encode`](Self::encode); `None` where nothing
    /// is owed (a one-way request).
    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        let _ = (stream, reply);
        None
    }

    /// How many body bytes `encode` would take for `stream` now; 0 when it is not its turn.
    fn capacity(&self, stream: StreamId) -> usize {
        let _ = stream;
        usize::MAX
    }

    /// Says that `n` data bytes of `stream` have left the holder: passed on, or thrown away.
    fn release(&mut self, stream: StreamId, n: usize, cx: &mut Cx<'_>) {
        let _ = (stream, n, cx);
    }

    /// Sends a heartbeat, if the protocol has one and may send it.
    fn heartbeat(&mut self, cx: &mut Cx<'_>) -> bool {
        let _ = cx;
        false
    }

    /// Tells the peer to open no more exchanges here, as far as the protocol can.
    fn go_away(&mut self, cx: &mut Cx<'_>) {
        let _ = cx;
    }

    /// What the next heads must show.
    fn set_depth(&mut self, depth: &Arc<Depth>) {
        let _ = depth;
    }

    /// When [`on_deadline`](Self::on_deadline) wants to be called, on the clock of [`Cx::now`].
    fn next_deadline(&self) -> Option<Duration> {
        None
    }

    /// What the codec does when its deadline has come.
    fn on_deadline(&mut self, cx: &mut Cx<'_>) {
        let _ = cx;
    }

    /// So many of the next bytes nobody examines: the holder may move them past the codec.
    fn opaque(&self) -> u64 {
        0
    }

    /// The connection's counters.
    fn stats(&self) -> &Stats;

    /// The connection is idle: memory may go.
    fn trim(&mut self) {}
}

/// What a call may use. It is how the trait grows without breaking those who implement it.
#[derive(Debug)]
pub struct Cx<'a> {
    output: &'a mut Output,
    now: Duration,
}

impl<'a> Cx<'a> {
    /// A context at `now`, counted from when the connection began.
    pub const fn new(output: &'a mut Output, now: Duration) -> Self {
        Self { output, now }
    }

    /// Where bytes for the peer go.
    pub const fn output(&mut self) -> &mut Output {
        self.output
    }

    /// The time since the connection began.
    pub const fn now(&self) -> Duration {
        self.now
    }
}

/// Where a connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnState {
    /// Inside a message from the peer: the end of input here is a truncation.
    pub receiving: bool,
    /// Inside a message to the peer.
    pub sending: bool,
    /// Exchanges begun and not yet answered in full.
    pub open: usize,
    /// No new request will be taken: the peer said so, or the protocol has no way to.
    pub draining: bool,
    /// Nothing more will come of this connection: write what is queued, then close it.
    pub close: bool,
    /// Past an upgrade: bytes both ways.
    pub tunnel: bool,
    /// We have said all, the peer perhaps not: once what is queued is written, end the sending direction only.
    pub ended: bool,
}

/// Which end a codec is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Role {
    /// It asks: decodes responses, encodes requests.
    Client,
    /// It answers: decodes requests, encodes responses.
    Server,
}

/// What a codec is made for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Conn {
    /// Which end.
    pub role: Role,
    /// The bounds of the connection.
    pub limits: Arc<Limits>,
    /// What heads must show from the start.
    pub depth: Arc<Depth>,
    /// What the protocol before this one has left; `None` on a connection that begins.
    pub switch: Option<Box<Switch>>,
}

impl Conn {
    /// The answering end, with default limits, at [`Depth::ROUTE`].
    pub fn server() -> Self {
        Self { role: Role::Server, limits: Arc::default(), depth: Arc::default(), switch: None }
    }

    /// The asking end, with default limits, at [`Depth::BOUNDARY`]: nobody routes by an answer.
    pub fn client() -> Self {
        Self { role: Role::Client, limits: Arc::default(), depth: Arc::new(Depth::BOUNDARY), switch: None }
    }

    /// The same with these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: impl Into<Arc<Limits>>) -> Self {
        self.limits = limits.into();
        self
    }

    /// The same at this depth.
    #[must_use]
    pub fn with_depth(mut self, depth: impl Into<Arc<Depth>>) -> Self {
        self.depth = depth.into();
        self
    }

    /// The same on a connection that was another protocol's: see [`Event::Switch`].
    #[must_use]
    pub fn with_switch(mut self, switch: Box<Switch>) -> Self {
        self.switch = Some(switch);
        self
    }
}

/// Whether a connection's first bytes are this protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Detection {
    /// They cannot be.
    No,
    /// They may be; so many bytes in all would tell.
    NeedMore(usize),
    /// They are.
    Yes,
}

/// How answers find their requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Correlation {
    /// By an id of so many bits, which the caller picks: any id that is not in flight will do.
    Id {
        /// Its width on the wire.
        bits: u8,
    },
    /// By an id that the codec gives as it writes the head ([`StreamId::NEW`]).
    Assigned,
    /// By order: answers come in the order of their requests.
    Ordered,
}

/// What a protocol can do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProtocolTraits {
    /// How answers find their requests.
    pub correlation: Correlation,
    /// What heads mean; protocols of the same semantics can be joined.
    pub semantics: &'static str,
    /// A head that nobody edits goes out byte for byte, its id apart; where the protocol asks something of
    /// intermediaries ([`Head::forward`](crate::Head::forward)), one that was not forwarded.
    pub verbatim: bool,
    /// Several messages may be under way in one direction at once (HTTP/2).
    pub interleaved: bool,
    /// Fields can be edited.
    pub field_edits: bool,
    /// One exchange can be cancelled on the wire; if not, a reset costs the connection or is kept from the peer.
    pub cancel: bool,
    /// It has heartbeats.
    pub heartbeat: bool,
    /// It has requests that get no answer.
    pub one_way: bool,
    /// The server speaks first: never detected by sniffing.
    pub server_first: bool,
}

impl ProtocolTraits {
    /// A protocol that correlates so and can do nothing else.
    pub const fn new(correlation: Correlation, semantics: &'static str) -> Self {
        Self {
            correlation,
            semantics,
            verbatim: false,
            interleaved: false,
            field_edits: false,
            cancel: false,
            heartbeat: false,
            one_way: false,
            server_first: false,
        }
    }
}

/// The plugin: one value per configured protocol, shared by all its connections.
pub trait Protocol: Send + Sync {
    /// The name, in lower case: `http1`, `dubbo`.
    fn name(&self) -> &'static str;

    /// Whether a connection that begins with `prefix` is this protocol's. Pure; asked again with more bytes.
    fn detect(&self, prefix: &[u8]) -> Detection;

    /// What the protocol can do.
    fn traits(&self) -> ProtocolTraits;

    /// Other names that port names, `appProtocol` and ALPN use for it.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// The codec of one end of one connection.
    fn codec(&self, conn: Conn) -> Box<dyn Codec>;

    /// Whether routes of this depth can be served; the error names what cannot be decoded.
    ///
    /// # Errors
    ///
    /// One line for whoever wrote the routes.
    fn check_depth(&self, depth: &Depth) -> Result<(), String> {
        let _ = depth;
        Ok(())
    }
}
