//! Events moved between one downstream connection and its upstream connections.

mod exchange;
mod upstream;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ops::Bound;
use std::time::Duration;

pub use self::exchange::{Done, ExchangeId};
pub use self::upstream::Link;

use self::exchange::{Exchange, To};
use self::upstream::{Held, Side, Upstream};
use crate::codec::{Correlation, ProtocolTraits};
use crate::endpoint::Endpoint;
use crate::error::{DecodeError, EditError, EncodeError};
use crate::event::{Event, Reset, ResetReason, Sent, Step, StreamId};
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
    exchanges: HashMap<ExchangeId, Exchange>,
    /// By the upstream's name, which is unique; a downstream name is only carried.
    by_up: HashMap<(Link, u64), ExchangeId>,
    /// Requests whose body is still coming.
    by_down: HashMap<u64, ExchangeId>,
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
            exchanges: HashMap::new(),
            by_up: HashMap::new(),
            by_down: HashMap::new(),
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
        let waiting = self.exchanges.values().filter(|exchange| !exchange.answered);
        codecs.chain(waiting.filter_map(|exchange| exchange.deadline)).min()
    }

    /// Gives an exchange until `at`; then it is answered with [`Outcome::Timeout`].
    pub fn set_deadline(&mut self, exchange: ExchangeId, at: Duration) {
        if let Some(exchange) = self.exchanges.get_mut(&exchange) {
            exchange.deadline = Some(at);
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

    // ----- from the downstream -----

    fn poll_down(&mut self) -> Progress {
        let held: usize = self.ups.values().map(|up| up.held.len()).sum();
        if self.no_more || held.saturating_add(self.undecided) >= MAX_HELD {
            return if self.retry_down() { Progress::Moved } else { Progress::None };
        }
        match self.down.decode() {
            Ok(Step::Event(Event::Head(head))) => Progress::Step(self.request(head)),
            Ok(Step::Event(event)) => {
                self.downstream_event(event);
                Progress::Moved
            }
            Ok(Step::NeedMore(_) | Step::Paused) => Progress::None,
            Ok(Step::Closed) => {
                self.no_more = true;
                self.abandon_unfinished();
                Progress::Moved
            }
            Err(error) => {
                self.refused(&error);
                Progress::Step(RelayStep::Refused(error))
            }
        }
    }

    fn request(&mut self, head: Head) -> RelayStep {
        let exchange = ExchangeId(self.next);
        self.next = self.next.wrapping_add(1);
        let mut state = Exchange::new(exchange, &head, self.now);
        state.request_ended = head.is_end();
        state.response_ended = head.kind() == Kind::OneWay;
        // Also when it has ended: its client may take it back.
        self.by_down.insert(head.stream().id(), exchange);
        self.exchanges.insert(exchange, state);
        RelayStep::Request(exchange, head)
    }

    fn downstream_event(&mut self, mut event: Event) {
        let Some(stream) = (match &event {
            Event::Capacity { .. } => {
                self.retry_down();
                return;
            }
            // Each hop answers its own heartbeats, and knows an upgrade by the answer that made it.
            // What else says something about one hop ends here too.
            Event::GoAway
            | Event::Heartbeat { .. }
            | Event::Upgraded { .. }
            | Event::Extension(_)
            | Event::Switch(_) => return,
            event => event.stream(),
        }) else {
            return;
        };
        let n = event.data_len();
        let open = self.by_down.get(&stream.id()).copied();
        let Some(exchange) = open.or_else(|| self.answer_given_up(&event)) else {
            self.down.release(stream, n);
            return;
        };
        let Some(state) = self.exchanges.get_mut(&exchange) else { return };
        state.request_ended |= event.is_end();
        if let Event::Reset(reset) = &event {
            let reason = reset.reason;
            state.done.outcome = Outcome::Cancelled;
            self.abandon(exchange, reason);
            return;
        }
        if let Event::Trailers(trailers) = &mut event {
            trailers.forward();
        }
        state.done.request_bytes = state.done.request_bytes.saturating_add(n as u64);
        match &mut state.to {
            To::Undecided(waiting) => {
                waiting.push_back(event);
                self.undecided = self.undecided.saturating_add(1);
            }
            To::Link(link, _) => {
                let link = *link;
                self.send_up(exchange, link, event);
            }
            To::Nowhere => self.down.release(stream, n),
        }
        self.finish_if_ended(exchange);
    }

    /// The exchange whose answer nobody waits for any more, though its request has come whole. Only wires with names of
    /// their own can say so; what they may have open at once, and how often they may say it, is bounded.
    fn answer_given_up(&self, event: &Event) -> Option<ExchangeId> {
        let Event::Reset(reset) = event else { return None };
        let whole = |state: &Exchange| state.request_ended && state.down == reset.stream;
        self.exchanges.iter().find(|(_, state)| whole(state)).map(|(exchange, _)| *exchange)
    }

    /// The downstream sent something malformed: it gets its answer, and an upstream that has half of it is told.
    fn refused(&mut self, error: &DecodeError) {
        let reply = LocalReply::new(error.outcome(), error.detail);
        match error.stream() {
            Some(_) if error.stray => {}
            Some(stream) => match self.by_down.remove(&stream.id()) {
                Some(exchange) => {
                    let Some(state) = self.exchanges.get_mut(&exchange) else { return };
                    // An answer that is whole stays the answer.
                    if state.answered || state.response_ended || state.done.local {
                        self.cancel_up(exchange, ResetReason::Cancelled);
                        self.no_more_request(exchange);
                        self.finish_if_ended(exchange);
                    } else {
                        state.request_ended = true;
                        self.respond(exchange, &reply);
                    }
                }
                None => {
                    if let Some(answer) = self.down.reply(stream, &reply) {
                        let exchange = ExchangeId(self.next);
                        self.next = self.next.wrapping_add(1);
                        self.send_down(exchange, answer, None);
                    }
                }
            },
            None => {
                self.no_more = true;
                self.abandon_unfinished();
            }
        }
    }

    /// Requests whose rest will never come: their upstreams are told. Whatever came whole is answered still.
    fn abandon_unfinished(&mut self) {
        let open = |exchange: &ExchangeId| self.exchanges.get(exchange).is_some_and(|state| !state.request_ended);
        let unfinished: Vec<_> = self.by_down.values().copied().filter(open).collect();
        for exchange in unfinished {
            if let Some(state) = self.exchanges.get_mut(&exchange) {
                state.request_ended = true;
                state.done.outcome = Outcome::Cancelled;
            }
            // The upstream has done nothing wrong.
            self.abandon(exchange, ResetReason::Cancelled);
        }
    }

    /// Nobody waits for the answer any more.
    fn abandon(&mut self, exchange: ExchangeId, reason: ResetReason) {
        self.cancel_up(exchange, reason);
        self.drop_held_down(exchange);
        if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.response_ended = true;
        }
        self.finish_if_ended(exchange);
    }

    // ----- from an upstream -----

    fn poll_up(&mut self, link: Link) -> bool {
        let mut moved = false;
        loop {
            if self.held_down.len() >= MAX_HELD {
                return moved;
            }
            let Some(up) = self.ups.get_mut(&link) else { return moved };
            match up.end.decode() {
                Ok(Step::Event(event)) => self.upstream_event(link, event),
                Ok(Step::NeedMore(_) | Step::Paused) => {
                    if up.end.codec().state().close && up.end.output().is_empty() {
                        self.lose(link, Outcome::Unavailable, "the upstream connection has closed");
                        return true;
                    }
                    return moved;
                }
                Ok(Step::Closed) => {
                    self.lose(link, Outcome::Unavailable, "the upstream closed the connection before its answer");
                    return true;
                }
                Err(error) => match error.stream() {
                    // It was no answer to anything that was asked here.
                    Some(_) if error.stray => {}
                    Some(stream) => {
                        if let Some(&exchange) = self.by_up.get(&(link, stream.id())) {
                            self.respond(exchange, &LocalReply::new(Outcome::BadResponse, error.detail));
                        }
                    }
                    None => {
                        let outcome = match error.code {
                            "truncated" => Outcome::Unavailable,
                            _ => Outcome::BadResponse,
                        };
                        self.lose(link, outcome, error.detail);
                        return true;
                    }
                },
            }
            moved = true;
        }
    }

    fn upstream_event(&mut self, link: Link, mut event: Event) {
        let stream = match &event {
            Event::Capacity { .. } => {
                self.retry_up(link);
                return;
            }
            Event::GoAway => {
                if let Some(up) = self.ups.get_mut(&link) {
                    up.draining = true;
                }
                return;
            }
            // A request that may become a tunnel has not ended: nothing begins anew with it.
            Event::Heartbeat { .. } | Event::Upgraded { .. } | Event::Extension(_) | Event::Switch(_) => return,
            event => match event.stream() {
                Some(stream) => stream,
                None => return,
            },
        };
        let n = event.data_len();
        let state = self.by_up.get(&(link, stream.id())).and_then(|id| self.exchanges.get_mut(id).map(|s| (*id, s)));
        let Some((exchange, state)) = state else {
            // An answer nobody waits for: its request was given up.
            if let Some(up) = self.upstream(link) {
                up.release(stream, n);
            }
            return;
        };
        if state.response_ended && !state.response_begun && !matches!(event, Event::Reset(_)) {
            // An answer to a one-way request whose end is still to come: some servers give one. Nobody would read it.
            if let Some(up) = self.upstream(link) {
                up.release(stream, n);
            }
            return;
        }
        match &mut event {
            Event::Reset(_) if state.answered => {
                self.unwanted(exchange, link, stream);
                self.decline(exchange);
                self.finish_if_ended(exchange);
                return;
            }
            Event::Reset(reset) if !state.response_begun => {
                let outcome = match reset.reason {
                    ResetReason::Refused | ResetReason::Overloaded => Outcome::Overloaded,
                    _ => Outcome::Unavailable,
                };
                self.by_up.remove(&(link, stream.id()));
                if let Some(state) = self.exchanges.get_mut(&exchange) {
                    state.to = To::Nowhere;
                }
                self.drop_held_up(exchange, link);
                self.respond(exchange, &LocalReply::new(outcome, "the upstream reset the stream"));
                return;
            }
            Event::Head(head) => {
                head.forward();
                if let Some(Err(error)) = state.on_response.as_mut().map(|edit| edit(head)) {
                    self.respond(exchange, &LocalReply::new(Outcome::Unimplemented, &error.to_string()));
                    return;
                }
                if head.kind() != Kind::Interim {
                    state.response_begun = true;
                    state.done.outcome = head.outcome();
                    state.done.status = head.status();
                }
            }
            Event::Trailers(trailers) => {
                trailers.forward();
                if trailers.outcome() != Outcome::Unknown {
                    state.done.outcome = trailers.outcome();
                }
            }
            Event::Reset(reset) => {
                // The answer is cut, whatever the upstream calls it.
                if reset.reason == ResetReason::NoError {
                    reset.reason = ResetReason::Internal;
                }
                self.by_up.remove(&(link, stream.id()));
                state.to = To::Nowhere;
            }
            _ => {}
        }
        state.answered |= event.is_end() && !is_interim(&event);
        state.done.response_bytes = state.done.response_bytes.saturating_add(n as u64);
        event.set_stream(state.down);
        self.send_down(exchange, event, Some((Side::Up(link), stream)));
        self.finish_if_ended(exchange);
    }

    /// The upstream has answered in full and wants no more of the request: the rest is thrown away.
    fn unwanted(&mut self, exchange: ExchangeId, link: Link, stream: StreamId) {
        self.by_up.remove(&(link, stream.id()));
        self.drop_held_up(exchange, link);
        if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.to = To::Nowhere;
        }
    }

    /// Tells the downstream behind its answer that nobody wants the rest of the request. Nobody is told so unless the
    /// upstream says it: clients in wide use (curl 7.88) lose the answer over it, and the rest can as well be thrown away.
    fn decline(&mut self, exchange: ExchangeId) {
        if let Some(state) = self.exchanges.get(&exchange).filter(|state| !state.request_ended) {
            let reset = Reset { stream: state.down, reason: ResetReason::NoError };
            self.send_down(exchange, Event::Reset(reset), None);
        }
    }

    /// The downstream was told that its stream is over: nothing more is owed for what it sends all the same.
    fn no_more_request(&mut self, exchange: ExchangeId) {
        if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.request_ended = true;
        }
    }

    /// An upstream connection is gone, and every exchange on it gets an outcome of its own.
    fn lose(&mut self, link: Link, outcome: Outcome, why: &str) {
        self.ups.remove(&link);
        let mut lost: Vec<_> = self
            .exchanges
            .iter()
            .filter(|(_, state)| {
                matches!(state.to, To::Link(to, _) if to == link) && !state.answered && !state.response_ended
            })
            .map(|(exchange, _)| *exchange)
            .collect();
        lost.sort_unstable();
        self.by_up.retain(|(to, _), _| *to != link);
        for state in self.exchanges.values_mut().filter(|s| matches!(s.to, To::Link(to, _) if to == link)) {
            state.to = To::Nowhere;
            state.held_up = 0;
        }
        for exchange in lost {
            self.respond(exchange, &LocalReply::new(outcome, why));
        }
        let rest: Vec<_> = self.exchanges.keys().copied().collect();
        for exchange in rest {
            self.finish_if_ended(exchange);
        }
    }

    /// The connection to `link` failed or is wanted no more: its exchanges are answered with `outcome`.
    pub fn disconnect(&mut self, link: Link, outcome: Outcome, why: &str) {
        self.lose(link, outcome, why);
    }

    // ----- sending -----

    fn send_up(&mut self, exchange: ExchangeId, link: Link, event: Event) {
        let Some(state) = self.exchanges.get_mut(&exchange) else { return };
        let held = Held { exchange, event, from: Some((Side::Down, state.down)) };
        if state.held_up > 0 {
            if let Some(up) = self.ups.get_mut(&link)
                && upstream::hold(&mut up.held, held)
            {
                state.held_up = state.held_up.saturating_add(1);
            }
        } else if let Some(held) = self.try_up(link, held) {
            if let Some(state) = self.exchanges.get_mut(&exchange) {
                state.held_up = 1;
            }
            if let Some(up) = self.ups.get_mut(&link) {
                up.held.push_back(held);
            }
        }
    }

    /// Sends what is held; gives it back where it is blocked.
    fn try_up(&mut self, link: Link, mut held: Held) -> Option<Held> {
        let (up, state) = (self.ups.get_mut(&link), self.exchanges.get_mut(&held.exchange));
        let (Some(up), Some(Exchange { to: To::Link(_, name), answered, .. })) = (up, state) else {
            // Given up since: its data is thrown away.
            let n = held.event.data_len();
            self.give_back(&held, n);
            return None;
        };
        if let Some(name) = name {
            held.event.set_stream(*name);
        }
        let (before, answered) = (held.event.data_len(), *answered);
        let sent = up.end.send(&mut held.event);
        if name.is_none()
            && let Some(stream) = held.event.stream().filter(|stream| !stream.is_new())
        {
            *name = Some(stream);
            self.by_up.insert((link, stream.id()), held.exchange);
        }
        let closed = up.end.codec().state().close;
        match sent {
            Ok(Sent::Blocked) => {
                self.give_back(&held, before.saturating_sub(held.event.data_len()));
                return Some(held);
            }
            Ok(Sent::All) => self.give_back(&held, before),
            // Whole as it is, an answer is not spoilt by a request that has nowhere to go.
            Err(_) if answered => {
                self.give_back(&held, before);
                if let Some(stream) = held.event.stream() {
                    self.unwanted(held.exchange, link, stream);
                    self.finish_if_ended(held.exchange);
                }
            }
            Err(error) => {
                self.give_back(&held, before);
                let outcome = match error {
                    EncodeError::Refused(_) => Outcome::Unavailable,
                    EncodeError::Foreign { .. } | EncodeError::NoPlace { .. } => Outcome::Unimplemented,
                    _ => Outcome::BadRequest,
                };
                self.respond(held.exchange, &LocalReply::new(outcome, &error.to_string()));
            }
        }
        if closed && matches!(held.event, Event::Reset(_)) {
            self.lose(link, Outcome::Unavailable, "the upstream connection had to close");
        }
        None
    }

    fn retry_up(&mut self, link: Link) {
        let Some(up) = self.ups.get_mut(&link) else { return };
        let mut blocked = HashSet::new();
        for held in std::mem::take(&mut up.held) {
            let exchange = held.exchange;
            let left = if blocked.contains(&exchange) { Some(held) } else { self.try_up(link, held) };
            match left {
                Some(held) => {
                    blocked.insert(exchange);
                    if let Some(up) = self.ups.get_mut(&link) {
                        up.held.push_back(held);
                    }
                }
                None => {
                    if let Some(state) = self.exchanges.get_mut(&exchange) {
                        state.held_up = state.held_up.saturating_sub(1);
                    }
                    self.finish_if_ended(exchange);
                }
            }
        }
    }

    fn send_down(&mut self, exchange: ExchangeId, event: Event, from: Option<(Side, StreamId)>) {
        // Whatever a reset makes pointless goes; one without an error only says what comes behind the answer.
        if matches!(&event, Event::Reset(reset) if reset.reason != ResetReason::NoError) {
            self.drop_held_down(exchange);
        }
        let held = Held { exchange, event, from };
        let waiting = match self.exchanges.get(&exchange) {
            Some(state) => state.held_down > 0,
            None => false,
        };
        let left = if waiting { Some(held) } else { self.try_down(held) };
        if let Some(held) = left
            && upstream::hold(&mut self.held_down, held)
            && let Some(state) = self.exchanges.get_mut(&exchange)
        {
            state.held_down = state.held_down.saturating_add(1);
        }
    }

    fn try_down(&mut self, mut held: Held) -> Option<Held> {
        // Held since before something else was answered: it is thrown away.
        if held.from.is_some() && self.exchanges.get(&held.exchange).is_some_and(|state| state.done.local) {
            let n = held.event.data_len();
            self.give_back(&held, n);
            return None;
        }
        let (before, end) = (held.event.data_len(), held.event.is_end() && !is_interim(&held.event));
        match self.down.send(&mut held.event) {
            Ok(Sent::Blocked) => {
                self.give_back(&held, before.saturating_sub(held.event.data_len()));
                return Some(held);
            }
            Ok(Sent::All) => {
                self.give_back(&held, before);
                if end && let Some(state) = self.exchanges.get_mut(&held.exchange) {
                    state.response_ended = true;
                }
                if matches!(held.event, Event::Reset(_)) {
                    self.no_more_request(held.exchange);
                }
            }
            // The downstream has let go of the stream, and the answer is out.
            Err(_) if matches!(&held.event, Event::Reset(reset) if reset.reason == ResetReason::NoError) => {
                self.no_more_request(held.exchange);
            }
            Err(error) => {
                self.give_back(&held, before);
                self.cannot_send_down(&held, &error);
            }
        }
        None
    }

    /// The downstream codec refuses an answer: another one if none has begun, else the stream is reset.
    fn cannot_send_down(&mut self, held: &Held, error: &EncodeError) {
        let Some(state) = self.exchanges.get_mut(&held.exchange) else { return };
        let down = state.down;
        let again = matches!(held.event, Event::Head(_)) && !state.done.local;
        state.done.outcome = Outcome::BadResponse;
        state.done.local = true;
        let method = state.method.take();
        self.cancel_up(held.exchange, ResetReason::Cancelled);
        if let Some(state) = self.exchanges.get_mut(&held.exchange) {
            state.response_ended = true;
        }
        self.no_more_request(held.exchange);
        if matches!(error, EncodeError::Refused(_)) {
            return;
        }
        let reply = LocalReply::new(Outcome::BadResponse, "the upstream's answer cannot be written");
        let reply = LocalReply { method: method.as_deref(), ..reply };
        let answer = if again { self.down.reply(down, &reply) } else { None };
        let mut event = answer.unwrap_or(Event::Reset(Reset { stream: down, reason: ResetReason::Internal }));
        match self.down.send(&mut event) {
            Ok(Sent::All) => {}
            Ok(Sent::Blocked) => {
                if let Some(state) = self.exchanges.get_mut(&held.exchange) {
                    state.response_ended = false;
                    state.held_down = state.held_down.saturating_add(1);
                }
                self.held_down.push_back(Held { exchange: held.exchange, event, from: None });
            }
            Err(_) => self.no_more = true,
        }
    }

    fn retry_down(&mut self) -> bool {
        let mut moved = false;
        let mut blocked = HashSet::new();
        for held in std::mem::take(&mut self.held_down) {
            let exchange = held.exchange;
            let left = if blocked.contains(&exchange) { Some(held) } else { self.try_down(held) };
            match left {
                Some(held) => {
                    blocked.insert(exchange);
                    self.held_down.push_back(held);
                }
                None => {
                    moved = true;
                    if let Some(state) = self.exchanges.get_mut(&exchange) {
                        state.held_down = state.held_down.saturating_sub(1);
                    }
                    self.finish_if_ended(exchange);
                }
            }
        }
        moved
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

    /// Tells the upstream that nobody wants the answer, ahead of whatever waits for it.
    fn cancel_up(&mut self, exchange: ExchangeId, reason: ResetReason) {
        let Some(state) = self.exchanges.get_mut(&exchange) else { return };
        let (down, came) = (state.down, state.done.request_bytes);
        let ended = state.request_ended && (state.answered || state.response_ended);
        match std::mem::replace(&mut state.to, To::Nowhere) {
            To::Nowhere => {}
            To::Undecided(waiting) => {
                self.undecided = self.undecided.saturating_sub(waiting.len());
                // With what came along with the head, which goes to nobody either.
                self.down.release(down, usize::try_from(came).unwrap_or(usize::MAX));
            }
            To::Link(link, name) => {
                self.drop_held_up(exchange, link);
                if let Some(name) = name {
                    self.by_up.remove(&(link, name.id()));
                    if !ended && let Some(up) = self.upstream(link) {
                        let _ = up.send(&mut Event::Reset(Reset { stream: name, reason }));
                        if up.codec().state().close {
                            self.lose(link, Outcome::Unavailable, "the upstream connection had to close");
                        }
                    }
                }
            }
        }
    }

    fn drop_held_up(&mut self, exchange: ExchangeId, link: Link) {
        let Some(up) = self.ups.get_mut(&link) else { return };
        let (dropped, kept): (Vec<_>, _) =
            std::mem::take(&mut up.held).into_iter().partition(|h| h.exchange == exchange);
        up.held = kept.into();
        self.drop_all(dropped);
        if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.held_up = 0;
        }
    }

    fn drop_held_down(&mut self, exchange: ExchangeId) {
        let held = std::mem::take(&mut self.held_down).into_iter();
        let (dropped, kept): (Vec<_>, _) = held.partition(|held| held.exchange == exchange);
        self.held_down = kept.into();
        self.drop_all(dropped);
        if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.held_down = 0;
        }
    }

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
        let now = self.now;
        let mut late: Vec<_> = self
            .exchanges
            .iter()
            .filter(|(_, state)| state.deadline.is_some_and(|at| at <= now) && !state.answered)
            .map(|(exchange, _)| *exchange)
            .collect();
        late.sort_unstable();
        for exchange in late {
            if let Some(state) = self.exchanges.get_mut(&exchange) {
                state.deadline = None;
            }
            self.respond(exchange, &LocalReply::new(Outcome::Timeout, "no answer in time"));
        }
    }

    fn finish_if_ended(&mut self, exchange: ExchangeId) {
        let Some(state) = self.exchanges.get(&exchange) else { return };
        let over = state.request_ended && state.response_ended && state.held_up == 0 && state.held_down == 0;
        if !over || matches!(state.to, To::Undecided(_)) {
            return;
        }
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
