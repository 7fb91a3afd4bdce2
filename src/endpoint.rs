//! A codec with its two buffers: what a driver, the relay and the kit hold for each connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use crate::codec::{Codec, Conn, Cx, Protocol};
use crate::error::{DecodeError, EncodeError, Scope};
use crate::event::{Event, Sent, Step, StreamId, Switch};
use crate::outcome::LocalReply;
use crate::output::Output;
use crate::registry::Registry;

/// Queued bytes past which an endpoint takes no more events, unless told otherwise.
const HIGH_WATER: usize = 256 * 1024;

/// One end of one connection without its socket: a [`Codec`], the bytes it has yet to read and those it has yet to
/// send. It carries backpressure: while the output is above its mark, sending is [`Sent::Blocked`]; once it has
/// drained, an [`Event::Capacity`] says so. Decoding goes on meanwhile, or two ends that both wait for the other to
/// read would wait for ever; only replies piling up far above the mark pause it.
pub struct Endpoint {
    codec: Box<dyn Codec>,
    input: BytesMut,
    output: Output,
    now: Duration,
    eof: bool,
    high_water: usize,
    refused: bool,
    wants: usize,
    begun: bool,
    /// What came of the call that a codec is owed before its first event is sent.
    early: Option<Result<Step, DecodeError>>,
    next: Option<Box<Next>>,
    /// The protocol that it became is not known here.
    lost: Option<Box<DecodeError>>,
}

/// What the codec of another protocol is made from.
struct Next {
    registry: Arc<Registry>,
    conn: Conn,
    /// The protocol that it is by now.
    switched: Option<Arc<dyn Protocol>>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint")
            .field("state", &self.codec.state())
            .field("input", &self.input.len())
            .field("output", &self.output.len())
            .field("eof", &self.eof)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    /// An endpoint at time zero with nothing read or written.
    pub fn new(codec: Box<dyn Codec>) -> Self {
        Self {
            codec,
            input: BytesMut::new(),
            output: Output::new(),
            now: Duration::ZERO,
            eof: false,
            high_water: HIGH_WATER,
            refused: false,
            wants: 1,
            begun: false,
            early: None,
            next: None,
            lost: None,
        }
    }

    /// The same endpoint on a connection that may become another protocol's ([`Event::Switch`]): the codec of that one
    /// is made by `registry`, for `conn`, takes the place of the first, and goes on in the same buffers. Without a
    /// registry, and for a name that is not in it, the connection ends there with the error `switch`.
    #[must_use]
    pub fn with_registry(mut self, registry: Arc<Registry>, conn: Conn) -> Self {
        self.next = Some(Box::new(Next { registry, conn, switched: None }));
        self
    }

    /// The same endpoint with another mark for queued bytes. A single event may go past it.
    #[must_use]
    pub const fn with_high_water(mut self, bytes: usize) -> Self {
        self.high_water = bytes;
        self
    }

    /// The codec.
    pub fn codec(&self) -> &dyn Codec {
        &*self.codec
    }

    /// The protocol that the connection has become; `None` while it is the one it began as.
    pub fn switched(&self) -> Option<&Arc<dyn Protocol>> {
        self.next.as_ref()?.switched.as_ref()
    }

    /// The codec, for what has no method here.
    pub fn codec_mut(&mut self) -> (&mut dyn Codec, Cx<'_>) {
        self.begin();
        (&mut *self.codec, Cx::new(&mut self.output, self.now))
    }

    /// A codec is decoded once before anything else: some protocols open with a preface.
    fn begin(&mut self) {
        if !self.begun {
            match self.decode() {
                Ok(Step::NeedMore(_) | Step::Paused) => {}
                early => self.early = Some(early),
            }
        }
    }

    /// Where bytes from the peer are put.
    pub const fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Bytes received and not yet decoded.
    pub fn unread(&self) -> usize {
        self.input.len()
    }

    /// Bytes on their way to the peer.
    pub const fn output(&self) -> &Output {
        &self.output
    }

    /// The same, to take them out.
    pub const fn output_mut(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Says what time it is, counted from when the connection began.
    pub fn set_now(&mut self, now: Duration) {
        self.now = self.now.max(now);
    }

    /// Says that no more input will come.
    pub const fn set_eof(&mut self) {
        self.eof = true;
    }

    /// Whether the end of input was seen.
    pub const fn is_eof(&self) -> bool {
        self.eof
    }

    /// Whether the output is above its mark.
    pub const fn is_full(&self) -> bool {
        self.output.len() >= self.high_water
    }

    /// The next event.
    ///
    /// # Errors
    ///
    /// As [`Codec::decode`].
    pub fn decode(&mut self) -> Result<Step, DecodeError> {
        if let Some(early) = self.early.take() {
            return early;
        }
        self.begun = true;
        if let Some(error) = &self.lost {
            return Err((**error).clone());
        }
        if self.output.len() >= self.high_water.saturating_mul(4) {
            self.wants = 0;
            return Ok(Step::Paused);
        }
        if self.refused && !self.is_full() {
            self.refused = false;
            return Ok(Step::Event(Event::Capacity { stream: None }));
        }
        let step = loop {
            let mut cx = Cx::new(&mut self.output, self.now);
            let step = if self.eof {
                self.codec.decode_eof(&mut self.input, &mut cx)
            } else {
                self.codec.decode(&mut self.input, &mut cx)
            };
            match step {
                Ok(Step::Event(Event::Switch(switch))) => self.switch(switch)?,
                step => break step,
            }
        };
        self.wants = match &step {
            Ok(Step::NeedMore(n)) => n.get(),
            _ => 0,
        };
        step
    }

    /// Puts the codec of the next protocol in the place of the one that has ended.
    #[cold]
    fn switch(&mut self, switch: Box<Switch>) -> Result<(), DecodeError> {
        let found = self.next.as_deref_mut().and_then(|next| {
            let protocol = next.registry.by_name(switch.protocol)?;
            next.switched = Some(Arc::clone(protocol));
            Some((protocol, next.conn.clone()))
        });
        let Some((protocol, conn)) = found else {
            self.wants = 0;
            let why = "the connection became a protocol's that nobody here speaks";
            let error = DecodeError::new(switch.protocol, "switch", why, Scope::Connection);
            self.lost = Some(Box::new(error.clone()));
            return Err(error);
        };
        self.codec = protocol.codec(conn.with_switch(switch));
        Ok(())
    }

    /// How many bytes the last [`decode`](Self::decode) asked for; 0 where reading more would only pile them up.
    pub const fn wants(&self) -> usize {
        if self.eof { 0 } else { self.wants }
    }

    /// Sends `event`, or what the peer takes of it.
    ///
    /// # Errors
    ///
    /// As [`Codec::encode`].
    pub fn send(&mut self, event: &mut Event) -> Result<Sent, EncodeError> {
        self.begin();
        // A reset must not wait behind the very data it makes pointless.
        if self.is_full() && !matches!(event, Event::Reset(_)) {
            self.refused = true;
            return Ok(Sent::Blocked);
        }
        self.codec.encode(event, &mut Cx::new(&mut self.output, self.now))
    }

    /// Says that `n` data bytes of `stream` have left the holder.
    pub fn release(&mut self, stream: StreamId, n: usize) {
        self.codec.release(stream, n, &mut Cx::new(&mut self.output, self.now));
    }

    /// The native form of a local answer, to be sent.
    pub fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        self.codec.reply(stream, reply)
    }

    /// Runs the codec's deadline if it has come; the time of the next one.
    pub fn deadline(&mut self) -> Option<Duration> {
        if self.codec.next_deadline().is_some_and(|due| due <= self.now) {
            self.codec.on_deadline(&mut Cx::new(&mut self.output, self.now));
        }
        self.codec.next_deadline()
    }

    /// Gives memory back: the connection is idle.
    pub fn trim(&mut self) {
        self.codec.trim();
        self.output.trim();
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
    }
}
