//! Two ends of one connection, joined in memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::{ConnState, Correlation, Protocol, Role};
use crate::depth::Depth;
use crate::error::{DecodeError, EncodeError};
use crate::event::{Event, Reset, ResetReason, Sent, Step, StreamId};
use crate::limits::Limits;
use crate::outcome::LocalReply;

use super::end::End;
use super::failure::Failure;
use super::middle::Middle;
use super::rng::Rng;

/// Bytes that an end holds unread or unsent, past which no more are carried to it or taken from its holder.
pub(super) const BUFFER: usize = 64 * 1024;

/// The client end and the server end of one connection, with a scheduler and a clock of their own: what is carried
/// when, and in which pieces, follows from the seed. Every call to either codec is held against the contract.
///
/// ```
/// use meshwire::testkit::{Happened, Pair, toy};
/// use meshwire::{Event, Role};
///
/// let mut pair = Pair::new(&toy::Framed).with_seed(3).with_pieces(1);
/// pair.heartbeat(Role::Client);
/// while let Some(happened) = pair.poll()? {
///     println!("{happened:?}"); // the server received a heartbeat, then the client its answer
/// }
/// assert_eq!(pair.now().as_nanos(), 0);
/// # Ok::<(), meshwire::testkit::Failure>(())
/// ```
pub struct Pair {
    client: Half,
    server: Half,
    /// What stands between them, if not only a wire.
    middle: Option<Middle>,
    correlation: Correlation,
    rng: Rng,
    pieces: usize,
    now: Duration,
}

struct Half {
    end: End,
    messages: Vec<Outgoing>,
    /// Messages whose head is out, in order.
    begun: Vec<usize>,
    wire: VecDeque<u8>,
}

/// A message on its way out.
struct Outgoing {
    name: Option<StreamId>,
    events: VecDeque<Event>,
    /// It was refused, and no capacity has been reported since.
    waiting: bool,
}

/// Names a message given to [`Pair::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(usize);

/// What came of a [`Pair::poll`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Happened {
    /// This end decoded an event. Its data waits to be [released](Pair::release).
    Received(Role, Event),
    /// This end refused what it read.
    Refused(Role, DecodeError),
    /// This end cannot send the message; the rest of it is dropped.
    NotSent(Role, Ticket, EncodeError),
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pair")
            .field("client", &self.client.end.codec().state())
            .field("server", &self.server.end.codec().state())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Pair {
    /// Both ends, with default limits, at [`Depth::ALL`].
    pub fn new(protocol: &dyn Protocol) -> Self {
        Self::with(protocol, &Arc::default(), &Depth::ALL)
    }

    pub(super) fn with(protocol: &dyn Protocol, limits: &Arc<Limits>, depth: &Depth) -> Self {
        let half = |role| Half {
            end: End::new(protocol, role, limits, depth),
            messages: Vec::new(),
            begun: Vec::new(),
            wire: VecDeque::new(),
        };
        Self {
            client: half(Role::Client),
            server: half(Role::Server),
            middle: None,
            correlation: protocol.traits().correlation,
            rng: Rng::new(1),
            pieces: BUFFER,
            now: Duration::ZERO,
        }
    }

    /// The same with other random choices.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.rng = Rng::new(seed);
        self
    }

    /// The same on a wire that carries at most so many bytes at once.
    #[must_use]
    pub const fn with_pieces(mut self, most: usize) -> Self {
        self.pieces = if most == 0 { 1 } else { most };
        self
    }

    /// The same with a [`Relay`](crate::Relay) between the ends, which has a server codec for the client and a client
    /// codec for the server: names are its own, and each end sees what the proxy lets through.
    #[must_use]
    pub fn with_relay(mut self, protocol: &dyn Protocol) -> Self {
        let limits = Arc::clone(self.client.end.limits());
        self.middle = Some(Middle::new(protocol, &limits, &Depth::ROUTE));
        self
    }

    const fn half(&mut self, role: Role) -> &mut Half {
        match role {
            Role::Client => &mut self.client,
            Role::Server => &mut self.server,
        }
    }

    pub(super) const fn end(&mut self, role: Role) -> &mut End {
        &mut self.half(role).end
    }

    /// Gives an end a message to send: a head, and what belongs to it. Events behind the head are named like it. A
    /// request is named as it is written where the wire does not take any id.
    pub fn send(&mut self, role: Role, message: impl IntoIterator<Item = Event>) -> Ticket {
        let anew = role == Role::Client && !matches!(self.correlation, Correlation::Id { .. });
        let mut events: VecDeque<Event> = message.into_iter().collect();
        if anew && let Some(Event::Head(head)) = events.front_mut() {
            head.set_stream(StreamId::NEW.with_tag(head.stream().tag()));
        }
        let half = self.half(role);
        half.messages.push(Outgoing { name: None, events, waiting: false });
        Ticket(half.messages.len().saturating_sub(1))
    }

    /// The name of a message, once its head is out.
    pub fn name(&self, role: Role, ticket: Ticket) -> Option<StreamId> {
        let half = match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        };
        half.messages.get(ticket.0)?.name
    }

    /// The messages of this end whose head is out, in that order.
    pub fn begun(&self, role: Role) -> impl Iterator<Item = Ticket> + '_ {
        let half = match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        };
        half.begun.iter().copied().map(Ticket)
    }

    /// Gives a message up: what is not sent of it never will be, and its stream is reset.
    pub fn reset(&mut self, role: Role, ticket: Ticket) {
        if let Some(message) = self.half(role).messages.get_mut(ticket.0) {
            message.events.clear();
            message.waiting = false;
            if let Some(stream) = message.name {
                message.events.push_back(Event::Reset(Reset { stream, reason: ResetReason::Cancelled }));
            }
        }
    }

    /// Says that `n` data bytes of `stream` have left the holder of this end.
    pub fn release(&mut self, role: Role, stream: StreamId, n: usize) {
        self.end(role).release(stream, n);
    }

    /// The native form of a local answer, to be sent.
    pub fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        self.server.end.reply(stream, reply)
    }

    /// Asks this end to send a heartbeat.
    pub fn heartbeat(&mut self, role: Role) -> bool {
        self.end(role).heartbeat()
    }

    /// Asks this end to say that it opens, or takes, no more exchanges.
    pub fn go_away(&mut self, role: Role) {
        self.end(role).go_away();
    }

    /// Where this end stands.
    pub fn state(&self, role: Role) -> ConnState {
        match role {
            Role::Client => self.client.end.codec().state(),
            Role::Server => self.server.end.codec().state(),
        }
    }

    /// Messages of this end that were refused and still wait to be let on.
    pub fn waiting(&self, role: Role) -> usize {
        let half = match role {
            Role::Client => &self.client,
            Role::Server => &self.server,
        };
        half.messages.iter().filter(|message| message.waiting).count()
    }

    /// The time on both ends' clock.
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// Lets time pass, and runs the deadlines that come due in it, in order.
    pub fn advance(&mut self, by: Duration) {
        let until = self.now.saturating_add(by);
        loop {
            let due =
                [&self.client, &self.server].into_iter().filter_map(|half| half.end.codec().next_deadline()).min();
            self.now = due.filter(|due| *due <= until).unwrap_or(until).max(self.now);
            let ran = self.client.end.advance(self.now) | self.server.end.advance(self.now);
            if !ran || self.now == until {
                self.now = until;
                break;
            }
        }
        self.client.end.advance(self.now);
        self.server.end.advance(self.now);
        if let Some(middle) = &mut self.middle {
            middle.set_now(self.now);
        }
    }

    /// Runs both ends until something happens that their holders have to know; `None` when nothing will any more.
    ///
    /// # Errors
    ///
    /// A [`Failure`] if one of the codecs breaks the contract.
    pub fn poll(&mut self) -> Result<Option<Happened>, Failure> {
        loop {
            let first = if self.rng.one_in(2) { Role::Client } else { Role::Server };
            let mut moved = false;
            if let Some(error) = self.middle.as_mut().and_then(|middle| middle.run(&mut moved)) {
                return Ok(Some(Happened::Refused(Role::Server, error)));
            }
            for role in [first, peer(first)] {
                let most = self.rng.below(self.pieces).saturating_add(1);
                moved |= self.carry(role, most);
                if let Some(happened) = self.send_some(role, &mut moved) {
                    return Ok(Some(happened));
                }
                if let Some(happened) = self.decode(role)? {
                    return Ok(Some(happened));
                }
            }
            if !moved {
                return Ok(None);
            }
        }
    }

    /// Carries bytes from this end to its peer, unless the peer has enough to read.
    fn carry(&mut self, role: Role, most: usize) -> bool {
        let half = self.half(role);
        let written = half.end.take_output();
        half.wire.extend(&written);
        let mut moved = !written.is_empty();
        let (from, to) = match role {
            Role::Client => (&mut self.client, &mut self.server),
            Role::Server => (&mut self.server, &mut self.client),
        };
        let wire = match (&mut self.middle, role) {
            (None, _) => &mut from.wire,
            (Some(middle), Role::Client) => {
                moved |= middle.take_from_client(&mut from.wire, most);
                &mut middle.on
            }
            (Some(middle), Role::Server) => {
                moved |= middle.take_from_server(&mut from.wire, most);
                &mut middle.back
            }
        };
        // What a codec asks for comes on top of what it leaves unread.
        let asked = to.end.unread().saturating_add(to.end.missing());
        let room = BUFFER.max(asked).saturating_sub(to.end.unread());
        let n = most.min(room).min(wire.len());
        if n > 0 {
            let piece: Vec<u8> = wire.drain(..n).collect();
            to.end.feed(&piece);
            moved = true;
        }
        moved
    }

    /// Sends one event of one message.
    fn send_some(&mut self, role: Role, moved: &mut bool) -> Option<Happened> {
        let start = self.rng.next() as usize;
        let half = self.half(role);
        if half.wire.len() >= BUFFER {
            return None;
        }
        let count = half.messages.len();
        for n in 0..count {
            let at = start.wrapping_add(n).checked_rem(count).unwrap_or_default();
            let Some(message) = half.messages.get_mut(at) else { continue };
            let Some(event) = message.events.front_mut().filter(|_| !message.waiting) else { continue };
            if let Some(name) = message.name {
                event.set_stream(name);
            }
            let sent = half.end.encode(event);
            let name = event.stream().filter(|name| !name.is_new());
            match sent {
                Ok(Sent::All) => {
                    if message.name.is_none() {
                        half.begun.push(at);
                    }
                    message.name = message.name.or(name);
                    message.events.pop_front();
                }
                Ok(Sent::Blocked) => {
                    if !matches!(event, Event::Head(_)) && message.name.is_none() {
                        half.begun.push(at);
                        message.name = name;
                    }
                    message.waiting = true;
                }
                Err(error) => {
                    message.events.clear();
                    return Some(Happened::NotSent(role, Ticket(at), error));
                }
            }
            *moved = true;
            return None;
        }
        None
    }

    fn decode(&mut self, role: Role) -> Result<Option<Happened>, Failure> {
        let half = self.half(role);
        if half.end.is_dead() {
            return Ok(None);
        }
        match half.end.decode()? {
            Ok(Step::Event(event)) => {
                if let Event::Capacity { stream } = &event {
                    for message in &mut half.messages {
                        // An answer that waits for its turn is known by the name it will have.
                        let next = message.events.front().and_then(Event::stream);
                        if stream.is_none() || message.name == *stream || next == *stream {
                            message.waiting = false;
                        }
                    }
                }
                Ok(Some(Happened::Received(role, event)))
            }
            Ok(_) => Ok(None),
            Err(error) => Ok(Some(Happened::Refused(role, error))),
        }
    }
}

pub(super) const fn peer(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}
