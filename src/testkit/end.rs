//! One end of one connection under observation: every call is held against what any codec owes on any call.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use crate::codec::{Codec, Conn, Cx, Protocol, Role};
use crate::depth::Depth;
use crate::error::{DecodeError, EncodeError};
use crate::event::{Event, Sent, Step, StreamId};
use crate::limits::Limits;
use crate::outcome::LocalReply;
use crate::output::Output;

use super::check::Check;
use super::failure::{Failure, require};

/// A codec may reserve so much ahead of what it has been given.
const AHEAD: usize = 64 * 1024;

/// So many events in a row without taking a byte are a loop. Ends of streams that one frame closes come close to it.
const OUT_OF_NOTHING: usize = 10_000;

pub(super) struct End {
    name: &'static str,
    codec: Box<dyn Codec>,
    input: BytesMut,
    output: Output,
    limits: Arc<Limits>,
    now: Duration,
    /// Bytes that `NeedMore` still waits for; 0: nothing was asked for.
    missing: usize,
    eof: bool,
    fatal: Option<DecodeError>,
    taken: u64,
    idle_events: usize,
    /// Data bytes handed over and not yet released.
    pub(super) unreleased: usize,
    /// A call was refused, and no `Capacity` has come since.
    pub(super) blocked: bool,
}

impl End {
    pub(super) fn new(protocol: &dyn Protocol, role: Role, limits: &Arc<Limits>, depth: &Depth) -> Self {
        let conn = match role {
            Role::Client => Conn::client(),
            Role::Server => Conn::server(),
        };
        let conn = conn.with_limits(Arc::clone(limits)).with_depth(depth.clone());
        Self {
            name: match role {
                Role::Client => "client",
                Role::Server => "server",
            },
            codec: protocol.codec(conn),
            input: BytesMut::new(),
            output: Output::new(),
            limits: Arc::clone(limits),
            now: Duration::ZERO,
            missing: 0,
            eof: false,
            fatal: None,
            taken: 0,
            idle_events: 0,
            unreleased: 0,
            blocked: false,
        }
    }

    pub(super) fn codec(&self) -> &dyn Codec {
        &*self.codec
    }

    pub(super) const fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.missing = self.missing.saturating_sub(bytes.len());
        self.idle_events = 0;
    }

    pub(super) const fn feed_eof(&mut self) {
        self.eof = true;
        self.missing = 0;
    }

    pub(super) fn unread(&self) -> usize {
        self.input.len()
    }

    /// Bytes that must come before decoding is worth a call.
    pub(super) const fn missing(&self) -> usize {
        self.missing
    }

    pub(super) const fn is_dead(&self) -> bool {
        self.fatal.is_some()
    }

    /// Says what time it is, and runs the deadline if it has come; whether it had.
    pub(super) fn advance(&mut self, now: Duration) -> bool {
        self.now = now;
        let due = self.codec.next_deadline().is_some_and(|due| due <= now);
        if due {
            self.missing = 0;
            self.codec.on_deadline(&mut Cx::new(&mut self.output, now));
        }
        due
    }

    pub(super) fn take_output(&mut self) -> Vec<u8> {
        self.output.take()
    }

    pub(super) const fn queued(&self) -> usize {
        self.output.len()
    }

    /// The next event. An outer error is the codec's mistake, an inner one the peer's.
    pub(super) fn decode(&mut self) -> Result<Result<Step, DecodeError>, Failure> {
        let (before, waited) = (self.input.len(), self.missing);
        let result = self.call()?;
        let consumed = before.saturating_sub(self.input.len());
        if !self.eof || result.is_ok() {
            self.taken = self.taken.saturating_add(consumed as u64);
        }
        if consumed > 0 {
            self.idle_events = 0;
        }
        if let Err(error) = &result {
            if error.is_fatal() {
                self.stays_failed(error)?;
            }
            require(waited == 0 || self.eof, Check::NeedMore, || {
                format!("the {} asked for {waited} bytes more, and refused the message without them", self.name)
            })?;
            return Ok(result);
        }
        let at = self.codec.stats().bytes_in;
        // At the end of input what is left of it may be thrown away.
        require(at == self.taken || self.eof, Check::Position, || {
            format!("the {} took {} bytes and says it stands at {at}", self.name, self.taken)
        })?;
        match &result {
            Ok(Step::Event(event)) => {
                self.idle_events = self.idle_events.saturating_add(1);
                require(self.idle_events <= OUT_OF_NOTHING, Check::Progress, || {
                    format!("the {} makes events without end out of no input", self.name)
                })?;
                if let Event::Capacity { .. } = event {
                    self.blocked = false;
                } else {
                    require(waited == 0 || self.eof, Check::NeedMore, || {
                        format!("the {} asked for {waited} bytes more, and needed none of them", self.name)
                    })?;
                }
                self.missing = 0;
                self.unreleased = self.unreleased.saturating_add(event.data_len());
            }
            Ok(Step::NeedMore(n)) => {
                let (all, bound) = (self.input.len().saturating_add(n.get()), self.limits.buffered());
                require(all <= bound, Check::NeedMore, || {
                    format!("the {} waits for {all} bytes; at most {bound} may be buffered", self.name)
                })?;
                self.missing = n.get();
                self.says_the_same(&format!("NeedMore({n})"))?;
            }
            Ok(Step::Paused) => self.says_the_same("Paused")?,
            Ok(Step::Closed) => {
                // Or the codec itself has ended the connection.
                let over = self.eof || self.codec.state().close;
                require(over, Check::Truncation, || format!("the {} is closed before the end of input", self.name))?;
                self.says_the_same("Closed")?;
            }
            Err(_) => {}
        }
        Ok(result)
    }

    fn call(&mut self) -> Result<Result<Step, DecodeError>, Failure> {
        let (before, spare) = (self.input.len(), self.input.capacity().saturating_sub(self.input.len()));
        let mut cx = Cx::new(&mut self.output, self.now);
        let result = if self.eof {
            self.codec.decode_eof(&mut self.input, &mut cx)
        } else {
            self.codec.decode(&mut self.input, &mut cx)
        };
        let after = self.input.len();
        require(after <= before, Check::Progress, || format!("the {} puts bytes into its own input", self.name))?;
        // Spare room grows when the buffer is used up from the front, by no more than that; everything else was asked
        // for.
        let grown = self.input.capacity().saturating_sub(after);
        let bound = spare.saturating_add(before.saturating_sub(after)).saturating_add(AHEAD).max(2 * AHEAD);
        require(grown <= bound, Check::Reserve, || {
            format!("the {} reserved {grown} bytes with {before} received", self.name)
        })?;
        Ok(result)
    }

    /// Decoding again with nothing new.
    fn says_the_same(&mut self, before: &str) -> Result<(), Failure> {
        let (unread, written) = (self.input.len(), self.output.total());
        let after = match self.call()? {
            Ok(Step::Event(event)) => format!("{event:?}"),
            Ok(Step::NeedMore(n)) => format!("NeedMore({n})"),
            Ok(Step::Paused) => "Paused".to_owned(),
            Ok(Step::Closed) => "Closed".to_owned(),
            Err(error) => error.to_string(),
        };
        require(before == after, Check::EarlyDecode, || {
            format!("asked again with nothing new, the {} says {after} after {before}", self.name)
        })?;
        require(self.input.len() == unread, Check::EarlyDecode, || {
            format!(
                "asked again with nothing new, the {} takes {} bytes",
                self.name,
                unread.saturating_sub(self.input.len())
            )
        })?;
        require(self.output.total() == written, Check::EarlyDecode, || {
            format!("asked again with nothing new, the {} writes", self.name)
        })
    }

    fn stays_failed(&mut self, error: &DecodeError) -> Result<(), Failure> {
        for round in 0..3 {
            if round == 2 && !self.eof {
                self.input.extend_from_slice(&[0; 16]);
            }
            let mut again = self.call()?;
            // Who was refused before may still be told to ask again.
            if let Ok(Step::Event(Event::Capacity { .. })) = again {
                self.blocked = false;
                again = self.call()?;
            }
            require(again.as_ref().err() == Some(error), Check::StickyError, || match again {
                Ok(step) => format!("the {} refused the connection ({error}) and went on with {step:?}", self.name),
                Err(other) => format!("the {} refused the connection ({error}) and then said {other}", self.name),
            })?;
        }
        self.fatal = Some(error.clone());
        Ok(())
    }

    pub(super) fn encode(&mut self, event: &mut Event) -> Result<Sent, EncodeError> {
        self.missing = 0;
        self.idle_events = 0;
        let sent = self.codec.encode(event, &mut Cx::new(&mut self.output, self.now))?;
        if sent == Sent::Blocked {
            self.blocked = true;
        }
        Ok(sent)
    }

    pub(super) fn release(&mut self, stream: StreamId, n: usize) {
        self.missing = 0;
        self.idle_events = 0;
        self.unreleased = self.unreleased.saturating_sub(n);
        self.codec.release(stream, n, &mut Cx::new(&mut self.output, self.now));
    }

    pub(super) fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        self.codec.reply(stream, reply)
    }

    pub(super) fn heartbeat(&mut self) -> bool {
        self.codec.heartbeat(&mut Cx::new(&mut self.output, self.now))
    }

    pub(super) fn go_away(&mut self) {
        self.codec.go_away(&mut Cx::new(&mut self.output, self.now));
    }
}
