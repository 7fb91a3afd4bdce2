//! Events moved between one downstream connection and its upstream connections.

mod exchange;
mod requests;
mod responses;
mod upstream;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::ops::Bound;
use std::time::Duration;

pub use self::exchange::{Done, ExchangeId};
pub use self::upstream::Link;

use self::exchange::{Exchanges, To};
use self::upstream::{Held, Side, Upstream};
use crate::codec::{Correlation, ProtocolTraits};
use crate::endpoint::Endpoint;
use crate::error::{DecodeError, EditError};
use crate::event::{Event, Reset, ResetReason, StreamId};
use crate::head::{Head, Kind};
use crate::outcome::{LocalReply, Outcome};

/// Events waiting for their turn, past which the side they come from is not decoded. It is the last resort: what a
/// multiplexed side sends next may be the very credit that others wait for, so the limits of its codec must bite first.
const MAX_HELD: usize = 16 * 1024;

/// Joins the server end of a downstream connection with the client ends of upstream connections, protocol-blind and
/// sans-I/O: ids are mapped, what is blocked waits in order, resets overtake, credit goes back when data has gone.
///
/// The holder moves bytes in and out of [`downstream`](Self::downstream) and [`upstream`](Self::upstream), calls
/// [`poll`](Self::poll) until it is [`RelayStep::Idle`], and decides where each request goes.
pub struct Relay {
    down: Endpoint,
    ups: BTreeMap<Link, Upstream>,
    exchanges: Exchanges,
    /// By the upstream's name, which is unique; a downstream name is only carried.
    by_up: HashMap<(Link, u64), ExchangeId>,
    /// Requests whose body is still coming.
    by_down: HashMap<u64, ExchangeId>,
    /// Until when the exchanges have that wait for an answer.
    deadlines: BTreeSet<(Duration, ExchangeId)>,
    held_down: VecDeque<Held>,
    done: VecDeque<Done>,
    next: u64,
    next_link: u64,
    /// Events of requests for which nobody has decided yet.
    undecided: usize,
    now: Duration,
    /// No more requests: the downstream has ended or failed.
    no_more: bool,
}

/// What a call to [`Relay::poll`] came to.
#[derive(Debug)]
#[must_use]
#[allow(clippy::exhaustive_enums, clippy::large_enum_variant)]
pub enum RelayStep {
    /// A request wants a destination: [`Relay::forward`] it, or [`Relay::respond`]. Its body waits meanwhile.
    Request(ExchangeId, Head),
    /// An exchange has ended.
    Done(Done),
    /// The downstream sent something that was refused; what is owed for it is on its way. For logs.
    Refused(DecodeError),
    /// Nothing happens before bytes come or go, or time passes.
    Idle,
    /// Everything is said, both ways: write what is queued and close.
    Closed,
}

#[allow(clippy::large_enum_variant)] // returned once and taken apart at once
enum Progress {
    Step(RelayStep),
    Moved,
    None,
}

impl Relay {
    /// A relay for one downstream connection, without upstreams yet.
    pub fn new(downstream: Endpoint) -> Self {
        Self {
            down: downstream,
            ups: BTreeMap::new(),
            exchanges: Exchanges::default(),
            by_up: HashMap::new(),
            by_down: HashMap::new(),
            deadlines: BTreeSet::new(),
            held_down: VecDeque::new(),
            done: VecDeque::new(),
            next: 0,
            next_link: 0,
            undecided: 0,
            now: Duration::ZERO,
            no_more: false,
        }
    }

    /// Adds an upstream connection whose protocol has these traits.
    pub fn connect(&mut self, mut upstream: Endpoint, traits: &ProtocolTraits) -> Link {
        // Whatever it waits for, it waits from now on.
        upstream.set_now(self.now);
        let link = Link(self.next_link);
        self.next_link = self.next_link.wrapping_add(1);
        self.ups.insert(link, Upstream::new(upstream, traits.correlation));
        link
    }

    /// The downstream end, to move bytes.
    pub const fn downstream(&mut self) -> &mut Endpoint {
        &mut self.down
    }

    /// An upstream end, to move bytes; `None` once the relay has let go of it.
    pub fn upstream(&mut self, link: Link) -> Option<&mut Endpoint> {
        self.ups.get_mut(&link).map(|up| &mut up.end)
    }

    /// Whether new requests may go to `link`.
    pub fn is_usable(&self, link: Link) -> bool {
        self.ups.get(&link).is_some_and(|up| !up.draining && !up.end.codec().state().draining)
    }

    /// Whether the request of `head` may go to `link`: it is usable, and an id that the message
    /// [keeps](Head::kept_id) is free there.
    pub fn takes(&self, link: Link, head: &Head) -> bool {
        let by_id = self.ups.get(&link).is_some_and(|up| matches!(up.correlation, Correlation::Id { .. }));
        let id = head.kept_id().filter(|_| by_id);
        self.is_usable(link) && id.is_none_or(|id| !self.by_up.contains_key(&(link, id)))
    }

    /// Exchanges under way.
    pub fn open(&self) -> usize {
        self.exchanges.len()
    }

    /// Asks the downstream to open no more exchanges; those open are finished.
    pub fn drain(&mut self) {
        let (codec, mut cx) = self.down.codec_mut();
        codec.go_away(&mut cx);
    }

    /// Sends a heartbeat on an upstream connection, so that a server which counts on them does not take it for dead.
    /// False where the protocol has none, or the connection is gone.
    pub fn heartbeat(&mut self, link: Link) -> bool {
        self.upstream(link).is_some_and(|end| {
            let (codec, mut cx) = end.codec_mut();
            codec.heartbeat(&mut cx)
        })
    }

    /// Says what time it is, counted from when the downstream connection began.
    pub fn set_now(&mut self, now: Duration) {
        self.now = self.now.max(now);
        self.down.set_now(now);
        for up in self.ups.values_mut() {
            up.end.set_now(now);
        }
    }

    /// The time it was told last.
    pub const fn now(&self) -> Duration {
        self.now
    }

    /// When time alone will bring something: a codec's deadline or an exchange's.
    pub fn next_deadline(&self) -> Option<Duration> {
        let ends = self.ups.values().map(|up| &up.end).chain([&self.down]);
        let codecs = ends.filter_map(|end| end.codec().next_deadline());
        codecs.chain(self.deadlines.first().map(|(at, _)| *at)).min()
    }

    /// Gives an exchange until `at`; then it is answered with [`Outcome::Timeout`]. One that has its answer has all the time
    /// there is.
    pub fn set_deadline(&mut self, exchange: ExchangeId, at: Duration) {
        self.forget_deadline(exchange);
        if let Some(state) = self.exchanges.get_mut(&exchange).filter(|state| !state.answered && !state.done.local) {
            state.deadline = Some(at);
            self.deadlines.insert((at, exchange));
        }
    }

    fn forget_deadline(&mut self, exchange: ExchangeId) {
        if let Some(at) = self.exchanges.get_mut(&exchange).and_then(|state| state.deadline.take()) {
            self.deadlines.remove(&(at, exchange));
        }
    }

    /// Lets `edit` see the heads of an exchange's answer before they go to the client; trailers, which can no longer be
    /// answered otherwise, pass it by.
    pub fn on_response(
        &mut self,
        exchange: ExchangeId,
        edit: impl FnMut(&mut Head) -> Result<(), EditError> + Send + 'static,
    ) {
        if let Some(exchange) = self.exchanges.get_mut(&exchange) {
            exchange.on_response = Some(Box::new(edit));
        }
    }

    /// Goes on until there is something to tell.
    pub fn poll(&mut self) -> RelayStep {
        self.run_deadlines();
        loop {
            if let Some(done) = self.done.pop_front() {
                return RelayStep::Done(done);
            }
            let mut moved = false;
            let mut next = self.ups.first_key_value().map(|(link, _)| *link);
            while let Some(link) = next {
                moved |= self.poll_up(link);
                next = self.ups.range((Bound::Excluded(link), Bound::Unbounded)).next().map(|(link, _)| *link);
            }
            match self.poll_down() {
                Progress::Step(step) => return step,
                Progress::Moved => {}
                Progress::None if moved || !self.done.is_empty() => {}
                Progress::None if self.is_finished() => return RelayStep::Closed,
                Progress::None => return RelayStep::Idle,
            }
        }
    }

    fn is_finished(&self) -> bool {
        let state = self.down.codec().state();
        (self.no_more || state.close) && self.exchanges.is_empty() && self.held_down.is_empty()
    }

    // ----- deciding -----

    /// Sends a request to an upstream connection.
    pub fn forward(&mut self, exchange: ExchangeId, link: Link, mut head: Head) {
        let Some(state) = self.exchanges.get_mut(&exchange) else { return };
        if !matches!(state.to, To::Undecided(_)) {
            return;
        }
        let Some(up) = self.ups.get_mut(&link) else {
            self.respond(exchange, &LocalReply::new(Outcome::Unavailable, "the upstream connection is gone"));
            return;
        };
        let name = match up.correlation {
            Correlation::Id { bits } => {
                let by_up = &self.by_up;
                let in_flight = |id| by_up.contains_key(&(link, id));
                let id = match head.kept_id() {
                    Some(id) if in_flight(id) => {
                        let why = "the message keeps its id, which is in flight on the upstream connection";
                        self.respond(exchange, &LocalReply::new(Outcome::Unavailable, why));
                        return;
                    }
                    Some(id) => id,
                    None => up.pick_id(state.down.id(), bits, in_flight),
                };
                self.by_up.insert((link, id), exchange);
                StreamId::new(id).with_tag(state.down.tag())
            }
            Correlation::Assigned | Correlation::Ordered => StreamId::NEW.with_tag(state.down.tag()),
        };
        head.forward();
        head.set_stream(name);
        let to = To::Link(link, (!name.is_new()).then_some(name));
        let waiting = match std::mem::replace(&mut state.to, to) {
            To::Undecided(waiting) => waiting,
            To::Link(..) | To::Nowhere => VecDeque::new(),
        };
        self.undecided = self.undecided.saturating_sub(waiting.len());
        self.send_up(exchange, link, Event::Head(head));
        for event in waiting {
            self.send_up(exchange, link, event);
        }
        self.finish_if_ended(exchange);
    }

    /// Answers a request here. The rest of it is thrown away, and an upstream that has it is told to stop.
    pub fn respond(&mut self, exchange: ExchangeId, reply: &LocalReply<'_>) {
        self.cancel_up(exchange, ResetReason::Cancelled);
        self.forget_deadline(exchange);
        let Some(state) = self.exchanges.get_mut(&exchange) else { return };
        state.done.outcome = reply.outcome;
        state.done.local = true;
        let down = state.down;
        let method = state.method.take();
        let reply = &LocalReply { method: reply.method.or(method.as_deref()), ..*reply };
        if state.response_begun {
            // Some protocols say behind a body what became of it.
            let reset = || Event::Reset(Reset { stream: down, reason: ResetReason::Internal });
            let end = self.down.reply(down, reply).filter(|event| matches!(event, Event::Trailers(_)));
            if end.is_some() {
                self.drop_held_down(exchange);
            }
            self.send_down(exchange, end.unwrap_or_else(reset), None);
        } else if let Some(answer) = self.down.reply(down, reply) {
            if let (Event::Head(head), Some(state)) = (&answer, self.exchanges.get_mut(&exchange)) {
                state.done.status = head.status();
            }
            self.send_down(exchange, answer, None);
        } else if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.response_ended = true;
        }
        self.finish_if_ended(exchange);
    }

    /// The connection to `link` failed or is wanted no more: its exchanges are answered with `outcome`.
    pub fn disconnect(&mut self, link: Link, outcome: Outcome, why: &str) {
        self.lose(link, outcome, why);
    }

    fn give_back(&mut self, held: &Held, n: usize) {
        match held.from {
            Some((Side::Down, stream)) if n > 0 => self.down.release(stream, n),
            Some((Side::Up(link), stream)) if n > 0 => {
                if let Some(up) = self.upstream(link) {
                    up.release(stream, n);
                }
            }
            _ => {}
        }
    }

    // ----- ending -----

    /// Data thrown away is released too.
    fn drop_all(&mut self, dropped: Vec<Held>) {
        for held in dropped {
            let n = held.event.data_len();
            self.give_back(&held, n);
        }
    }

    fn run_deadlines(&mut self) {
        self.down.deadline();
        for up in self.ups.values_mut() {
            up.end.deadline();
        }
        let mut late = Vec::new();
        while let Some((at, exchange)) = self.deadlines.first().copied().filter(|(at, _)| *at <= self.now) {
            self.deadlines.remove(&(at, exchange));
            late.push(exchange);
        }
        late.sort_unstable();
        for exchange in late {
            self.respond(exchange, &LocalReply::new(Outcome::Timeout, "no answer in time"));
        }
    }

    fn finish_if_ended(&mut self, exchange: ExchangeId) {
        let Some(state) = self.exchanges.get(&exchange) else { return };
        let over = state.request_ended && state.response_ended && state.held_up == 0 && state.held_down == 0;
        if !over || matches!(state.to, To::Undecided(_)) {
            return;
        }
        self.forget_deadline(exchange);
        if let Some(state) = self.exchanges.remove(&exchange) {
            // A client may use an id twice at once where the wire lets it: the later one has it.
            if let Entry::Occupied(entry) = self.by_down.entry(state.down.id())
                && *entry.get() == exchange
            {
                entry.remove();
            }
            if let To::Link(link, Some(name)) = state.to {
                self.by_up.remove(&(link, name.id()));
            }
            self.done.push_back(Done { ended: self.now, ..state.done });
        }
    }
}

fn is_interim(event: &Event) -> bool {
    matches!(event, Event::Head(head) if head.kind() == Kind::Interim)
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay")
            .field("downstream", &self.down)
            .field("upstreams", &self.ups.values().count())
            .field("exchanges", &self.exchanges.len())
            .finish_non_exhaustive()
    }
}
