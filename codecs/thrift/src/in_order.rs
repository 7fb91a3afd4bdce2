//! Answers in the order of their requests, around a codec that names messages by the ids on the wire.
//!
//! Many clients of Thrift give every request the id 0, or the same ids again, and expect answers in the order of their
//! requests. So the answering end gives requests names of its own where theirs are not free, and takes answers in their
//! turn; the asking end of a wire whose peers may not give ids back goes by order alone.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::BytesMut;
use meshwire::{
    Codec, ConnState, Cx, DecodeError, Depth, EncodeError, Event, Head, Kind, LocalReply, Outcome, ResetReason, Role,
    Scope, Sent, Stats, Step, StreamId,
};

/// A message that is still owed an answer.
#[derive(Clone, Copy)]
struct Owed {
    /// What the holder calls it.
    name: u64,
    /// Its id on the wire.
    wire: u64,
    /// Given up: nothing comes, and whoever waits for it must not take the next answer for it.
    given_up: bool,
}

pub(crate) struct InOrder<C> {
    inner: C,
    role: Role,
    owed: VecDeque<Owed>,
    /// The high half of names where ids are used again.
    times: u32,
    /// The highest id since nothing was owed: those above it are free.
    highest: u32,
    /// The message that is being decoded.
    receiving: Option<StreamId>,
    /// The message that is being encoded, and its id on the wire.
    sending: Option<(StreamId, u64)>,
    /// An answer came before its turn, and has been refused.
    refused: bool,
    /// Its turn may have come.
    turned: bool,
    close: bool,
}

impl<C: Codec> InOrder<C> {
    pub(crate) const fn new(inner: C, role: Role) -> Self {
        Self {
            inner,
            role,
            owed: VecDeque::new(),
            times: 0,
            highest: 0,
            receiving: None,
            sending: None,
            refused: false,
            turned: false,
            close: false,
        }
    }

    /// A name for the request whose id is `wire`: the id itself, unless one under way may have it.
    #[inline]
    fn name(&mut self, wire: u64) -> u64 {
        let low = wire as u32;
        if self.owed.is_empty() {
            (self.times, self.highest) = (0, low);
            return u64::from(low);
        }
        if low > self.highest {
            self.highest = low;
            return u64::from(low);
        }
        self.name_again(low)
    }

    #[inline(never)]
    fn name_again(&mut self, low: u32) -> u64 {
        let name = u64::from(low);
        if self.owed.iter().all(|owed| owed.name != name) {
            return name;
        }
        self.times = self.times.wrapping_add(1);
        u64::from(self.times) << 32 | name
    }

    /// Gives a decoded event the name that its holder knows.
    #[inline]
    fn named(&mut self, mut step: Step) -> Step {
        match &mut step {
            Step::Event(Event::Head(head)) => self.head(head),
            Step::Event(event @ (Event::Body(_) | Event::Trailers(_) | Event::Reset(_))) => {
                if let Some(name) = self.receiving {
                    event.set_stream(name);
                }
                if event.is_end() {
                    self.receiving = None;
                }
            }
            _ => {}
        }
        step
    }

    #[inline]
    fn head(&mut self, head: &mut Head) {
        let wire = head.stream();
        let name = match self.role {
            Role::Server => {
                let name = self.name(wire.id());
                if head.kind() == Kind::Request {
                    self.owed.push_back(Owed { name, wire: wire.id(), given_up: false });
                }
                name
            }
            // What nobody asked for has a name that nobody waits for.
            Role::Client => self.owed.pop_front().map_or(u64::MAX, |owed| owed.name),
        };
        let name = StreamId::new(name).with_tag(wire.tag());
        head.set_stream(name);
        if !head.is_end() {
            self.receiving = Some(name);
        }
    }

    /// The same for what is refused: it is answered in its turn, if an answer is owed.
    #[cold]
    fn refused(&mut self, mut error: DecodeError) -> DecodeError {
        if let Scope::Message(wire) = error.scope {
            let name = match (self.receiving.take(), self.role) {
                (Some(name), _) => name,
                (None, Role::Client) => {
                    let name = self.owed.pop_front().map_or(u64::MAX, |owed| owed.name);
                    StreamId::new(name).with_tag(wire.tag())
                }
                (None, Role::Server) => {
                    let name = self.name(wire.id());
                    if self.inner.reply(wire, &LocalReply::new(Outcome::BadRequest, "")).is_some() {
                        self.owed.push_back(Owed { name, wire: wire.id(), given_up: false });
                    }
                    StreamId::new(name).with_tag(wire.tag())
                }
            };
            error.scope = Scope::Message(name);
        }
        error
    }

    /// An exchange is over: the next one's turn, or the end of all where the next is given up.
    #[inline]
    fn next_turn(&mut self) {
        self.owed.pop_front();
        self.turned |= self.refused;
        if self.owed.front().is_some_and(|owed| owed.given_up) {
            self.close = true;
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
        let turn = self.owed.front().filter(|owed| owed.name == name.id()).copied();
        let Some(owed) = turn.filter(|_| self.sending.is_none()) else {
            if self.owed.iter().any(|owed| owed.name == name.id()) {
                self.refused = true;
                return Ok(Sent::Blocked);
            }
            return Err(EncodeError::NotOpen(name));
        };
        let sent = self.encode_as(owed.wire, event, cx)?;
        if sent == Sent::All {
            if end {
                self.next_turn();
            } else {
                self.sending = Some((name, owed.wire));
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
            true => StreamId::new(self.name(wire)).with_tag(given.tag()),
            false => given,
        };
        event.set_stream(name);
        let sent = self.encode_as(wire, event, cx);
        if matches!(sent, Ok(Sent::All)) {
            if !one_way {
                self.owed.push_back(Owed { name: name.id(), wire, given_up: false });
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
                self.next_turn();
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
            return self.encode_as(wire, event, cx);
        }
        if self.role == Role::Server {
            let front = self.owed.front().is_some_and(|owed| owed.name == name.id());
            if let Some(owed) = self.owed.iter_mut().find(|owed| owed.name == name.id()) {
                owed.given_up = true;
                self.close |= front;
            }
        }
        Ok(Sent::All)
    }
}

impl<C: Codec> Codec for InOrder<C> {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if self.turned && self.sending.is_none() {
            (self.turned, self.refused) = (false, false);
            return Ok(Step::Event(Event::Capacity { stream: None }));
        }
        match self.inner.decode(input, cx) {
            Ok(step) => Ok(self.named(step)),
            Err(error) => Err(self.refused(error)),
        }
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if self.turned && self.sending.is_none() {
            return self.decode(input, cx);
        }
        match self.inner.decode_eof(input, cx) {
            Ok(step) => Ok(self.named(step)),
            Err(error) => Err(self.refused(error)),
        }
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
        state.open = self.owed.len().max(usize::from(state.open > 0 && self.sending.is_some()));
        state.close |= self.close;
        state.draining |= self.close;
        state
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        let wire = self.owed.iter().find(|owed| owed.name == stream.id()).map_or(stream.id(), |owed| owed.wire);
        let mut event = self.inner.reply(StreamId::new(wire).with_tag(stream.tag()), reply)?;
        event.set_stream(stream);
        Some(event)
    }

    fn capacity(&self, stream: StreamId) -> usize {
        match self.sending {
            Some((sending, wire)) if sending == stream => self.inner.capacity(StreamId::new(wire)),
            Some(_) => 0,
            None if self.role == Role::Client => self.inner.capacity(stream),
            None if self.owed.front().is_some_and(|owed| owed.name == stream.id()) => self.inner.capacity(stream),
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

    fn set_depth(&mut self, depth: &Arc<Depth>) {
        self.inner.set_depth(depth);
    }

    fn stats(&self) -> &Stats {
        self.inner.stats()
    }

    fn trim(&mut self) {
        self.inner.trim();
        self.owed.shrink_to_fit();
    }
}
