//! Names for messages whose ids on the wire are not unique, and answers in the turn of their requests, around a codec that
//! names messages by those ids.
//!
//! Many clients of Thrift give every request the id 0, or the same ids again, and expect answers in the order of their
//! requests: the answering end gives the later ones names of its own, and takes their answers in their turn. Those whose ids
//! are their own are not counted on: Go's clients write a one-way call like any other, and nobody answers that. The asking
//! end of a wire whose peers may not give ids back goes by order where ids do not tell.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::{
    Codec, ConnState, Cx, DecodeError, Depth, EncodeError, Event, Head, Kind, Limits, LocalReply, Outcome, Reset,
    ResetReason, Role, Scope, Sent, Stats, Step, StreamId,
};

use crate::owed::Queue;

/// A client that has ended its side may wait so long for answers: a connection that nobody answers on must end.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct InOrder<C> {
    inner: C,
    role: Role,
    /// Every answer in its turn, also where ids tell them apart.
    strict: bool,
    /// Requests whose answers must wait for others' that are decoded ahead of those; and requests at all.
    pipelined: usize,
    open: usize,
    /// So many requests pass neither.
    calm: usize,
    owed: Queue,
    /// The message that is being decoded.
    receiving: Option<StreamId>,
    /// The message that is being encoded, and its id on the wire.
    sending: Option<(StreamId, u64)>,
    /// An answer came before its turn, and has been refused.
    refused: bool,
    /// Its turn may have come.
    turned: bool,
    /// When a client that has ended gets no more answers.
    until: Option<Duration>,
    /// Some answer will not come.
    given_up: bool,
    close: bool,
}

impl<C: Codec> InOrder<C> {
    pub(crate) fn new(inner: C, role: Role, strict: bool, limits: &Limits) -> Self {
        Self {
            inner,
            role,
            strict,
            pipelined: limits.pipelined,
            open: limits.open,
            calm: limits.pipelined.min(limits.open),
            owed: Queue::default(),
            receiving: None,
            sending: None,
            refused: false,
            turned: false,
            until: None,
            given_up: false,
            close: false,
        }
    }

    /// Gives what was decoded the name that its holder knows; in place, since a head is large.
    #[inline(always)]
    fn rename(&mut self, result: &mut Result<Step, DecodeError>) {
        match result {
            Ok(Step::Event(Event::Head(head))) => self.head(head),
            Ok(Step::Event(event @ (Event::Body(_) | Event::Trailers(_) | Event::Reset(_)))) => {
                if let Some(name) = self.receiving {
                    event.set_stream(name);
                }
                if event.is_end() {
                    self.receiving = None;
                }
            }
            Ok(_) => {}
            Err(error) => self.refused(error),
        }
    }

    #[inline(always)]
    fn head(&mut self, head: &mut Head) {
        let wire = head.stream();
        let name = match self.role {
            Role::Server => {
                let name = self.owed.name(wire.id());
                if head.kind() == Kind::Request {
                    self.owed.push(name, wire.id());
                }
                name
            }
            Role::Client => self.asked(wire.id()),
        };
        let name = StreamId::new(name).with_tag(wire.tag());
        head.set_stream(name);
        if !head.is_end() {
            self.receiving = Some(name);
        }
    }

    /// The next event where a turn has come, or much is owed.
    #[inline(never)]
    fn decode_crowded(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if self.turned && self.sending.is_none() {
            (self.turned, self.refused) = (false, false);
            return Ok(Step::Event(Event::Capacity { stream: None }));
        }
        match self.full(input, cx) {
            Some(step) => Ok(step),
            None => self.inner.decode(input, cx),
        }
    }

    /// The same for what is refused: it is answered in its turn, if an answer is owed.
    #[cold]
    fn refused(&mut self, error: &mut DecodeError) {
        if let Scope::Message(wire) = error.scope
            && !error.stray
        {
            let name = match (self.receiving.take(), self.role) {
                (Some(name), _) => name,
                (None, Role::Client) => {
                    let name = self.asked(wire.id());
                    StreamId::new(name).with_tag(wire.tag())
                }
                (None, Role::Server) => {
                    let name = self.owed.name(wire.id());
                    if self.inner.reply(wire, &LocalReply::new(Outcome::BadRequest, "")).is_some() {
                        self.owed.push(name, wire.id());
                    }
                    StreamId::new(name).with_tag(wire.tag())
                }
            };
            error.scope = Scope::Message(name);
        }
    }

    /// The request that an answer is to.
    #[inline]
    fn asked(&mut self, wire: u64) -> u64 {
        let name = self.owed.answered_by(wire);
        if self.owed.len() > self.open {
            // Nobody will answer it.
            let _ = self.owed.forget();
        }
        // What nobody asked for has a name that nobody waits for.
        name.unwrap_or(u64::MAX)
    }

    /// An exchange is answered: it may be another one's turn.
    #[inline]
    fn answered(&mut self, name: u64) {
        self.owed.answered(name);
        self.turned |= self.refused;
        if self.given_up && self.owed.is_stuck(self.strict) {
            self.shut();
        }
    }

    /// Nothing more is said; whoever waits for his turn is to try again, and hears so.
    #[cold]
    fn shut(&mut self) {
        self.close = true;
        self.turned |= self.refused;
    }

    /// What comes of a request that is one too many.
    #[inline]
    fn full(&mut self, input: &BytesMut, cx: &mut Cx<'_>) -> Option<Step> {
        if self.role == Role::Client || self.receiving.is_some() {
            return None;
        }
        let waiting = if self.strict { self.owed.waiting().saturating_sub(1) } else { self.owed.repeated() };
        if waiting >= self.pipelined && !input.is_empty() {
            return Some(Step::Paused);
        }
        if self.owed.len() >= self.open { self.forget(cx).map(Step::Event) } else { None }
    }

    /// Forgets the oldest request that a later one was answered before: nobody will answer it.
    #[cold]
    fn forget(&mut self, cx: &mut Cx<'_>) -> Option<Event> {
        let owed = self.owed.forget()?;
        let reset = |id| Event::Reset(Reset { stream: StreamId::new(id), reason: ResetReason::Cancelled });
        // It is open there as well.
        let _ = self.inner.encode(&mut reset(owed.wire), cx);
        Some(reset(owed.name))
    }

    /// The client asks nothing more. It may still wait for answers, though hardly one does; of those that do not come, some
    /// were never owed.
    #[cold]
    fn ended(&mut self, cx: &mut Cx<'_>) -> Step {
        let now = cx.now();
        if *self.until.get_or_insert(now.saturating_add(PATIENCE)) <= now {
            self.owed.pass_all();
        }
        match self.forget(cx) {
            Some(event) => Step::Event(event),
            None if self.owed.waiting() > 0 && !self.close => Step::Paused,
            None => Step::Closed,
        }
    }

    /// Encodes under the id on the wire, and gives the event its name back.
    #[inline]
    fn encode_as(&mut self, wire: u64, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let Some(name) = event.stream() else { return self.inner.encode(event, cx) };
        event.set_stream(StreamId::new(wire).with_tag(name.tag()));
        let sent = self.inner.encode(event, cx);
        event.set_stream(name);
        sent
    }

    /// An answer's head, in its turn.
    fn answer(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let (Some(name), end) = (event.stream(), event.is_end()) else { return self.inner.encode(event, cx) };
        let wire = match self.owed.turn(name.id(), self.strict) {
            Some((wire, true)) if self.sending.is_none() => wire,
            Some(_) => {
                self.refused = true;
                return Ok(Sent::Blocked);
            }
            None => return Err(EncodeError::NotOpen(name)),
        };
        let sent = self.encode_as(wire, event, cx)?;
        if sent == Sent::All {
            if end {
                self.answered(name.id());
            } else {
                self.sending = Some((name, wire));
            }
        }
        Ok(sent)
    }

    /// A request's head, which keeps its id on the wire.
    fn ask(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let Event::Head(head) = event else { return Ok(Sent::All) };
        let (given, one_way, end) = (head.stream(), head.kind() == Kind::OneWay, head.is_end());
        let Some(wire) = crate::wire_id(head) else {
            return Err(crate::edit::invalid("the head holds no whole message header"));
        };
        let name = match given.is_new() {
            true => StreamId::new(self.owed.name(wire)).with_tag(given.tag()),
            false => given,
        };
        event.set_stream(name);
        let sent = self.encode_as(wire, event, cx);
        if matches!(sent, Ok(Sent::All)) {
            if !one_way {
                self.owed.push(name.id(), wire);
            }
            if !end {
                self.sending = Some((name, wire));
            }
        } else {
            event.set_stream(given);
        }
        sent
    }

    /// More of a message whose head is out.
    fn more(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let (Some(name), end) = (event.stream(), event.is_end()) else { return self.inner.encode(event, cx) };
        let Some((_, wire)) = self.sending.filter(|(sending, _)| *sending == name) else {
            return Err(EncodeError::NotOpen(name));
        };
        let sent = self.encode_as(wire, event, cx)?;
        if sent == Sent::All && end {
            self.sending = None;
            if self.role == Role::Server {
                self.answered(name.id());
            }
        }
        Ok(sent)
    }

    fn reset(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let Event::Reset(reset) = event else { return Ok(Sent::All) };
        let name = reset.stream;
        if reset.reason == ResetReason::NoError {
            return Ok(Sent::All);
        }
        if let Some((_, wire)) = self.sending.filter(|(sending, _)| *sending == name) {
            self.sending = None;
            self.shut();
            return self.encode_as(wire, event, cx);
        }
        if self.role == Role::Server {
            // A client cannot be told that an answer will not come, but by the end of the connection: once nothing else is
            // owed, or what is owed waits for that one.
            self.owed.give_up(name.id());
            self.given_up = true;
            if self.sending.is_none() && self.owed.is_stuck(self.strict) {
                self.shut();
            }
        }
        Ok(Sent::All)
    }
}

impl<C: Codec> Codec for InOrder<C> {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let mut result = if self.turned || self.owed.len() >= self.calm {
            self.decode_crowded(input, cx)
        } else {
            self.inner.decode(input, cx)
        };
        self.rename(&mut result);
        result
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if self.turned && self.sending.is_none() {
            return self.decode(input, cx);
        }
        if let Some(step) = self.full(input, cx) {
            return Ok(step);
        }
        let mut result = self.inner.decode_eof(input, cx);
        if self.role == Role::Server && matches!(result, Ok(Step::Closed)) {
            return Ok(self.ended(cx));
        }
        self.rename(&mut result);
        result
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if self.close {
            return Err(EncodeError::Refused("the connection is closing"));
        }
        match event {
            Event::Head(head) if head.kind().is_request() != (self.role == Role::Client) => {
                self.inner.encode(event, cx)
            }
            Event::Head(_) if self.role == Role::Server => self.answer(event, cx),
            Event::Head(_) => self.ask(event, cx),
            Event::Body(_) | Event::Trailers(_) => self.more(event, cx),
            Event::Reset(_) => self.reset(event, cx),
            event => self.inner.encode(event, cx),
        }
    }

    fn state(&self) -> ConnState {
        let mut state = self.inner.state();
        state.open = self.owed.waiting();
        state.close |= self.close;
        state.draining |= self.close;
        state
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        let wire = self.owed.turn(stream.id(), false).map_or(stream.id(), |(wire, _)| wire);
        let mut event = self.inner.reply(StreamId::new(wire).with_tag(stream.tag()), reply)?;
        event.set_stream(stream);
        Some(event)
    }

    fn capacity(&self, stream: StreamId) -> usize {
        match self.sending {
            Some((sending, wire)) if sending == stream => self.inner.capacity(StreamId::new(wire)),
            Some(_) => 0,
            None if self.role == Role::Client => self.inner.capacity(stream),
            None if self.owed.turn(stream.id(), self.strict).is_some_and(|(_, turn)| turn) => {
                self.inner.capacity(stream)
            }
            None => 0,
        }
    }

    fn release(&mut self, stream: StreamId, n: usize, cx: &mut Cx<'_>) {
        self.inner.release(stream, n, cx);
    }

    fn heartbeat(&mut self, cx: &mut Cx<'_>) -> bool {
        self.inner.heartbeat(cx)
    }

    fn go_away(&mut self, cx: &mut Cx<'_>) {
        self.inner.go_away(cx);
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.until.filter(|_| self.owed.waiting() > 0)
    }

    fn set_depth(&mut self, depth: &Arc<Depth>) {
        self.inner.set_depth(depth);
    }

    fn stats(&self) -> &Stats {
        self.inner.stats()
    }

    fn trim(&mut self) {
        self.inner.trim();
        self.owed.trim();
    }
}
