//! The way up: requests, from the downstream to their upstreams.

use std::collections::HashSet;

use super::exchange::{Exchange, ExchangeId, To};
use super::upstream::{self, Held, Link, Side};
use super::{MAX_HELD, Progress, Relay, RelayStep};
use crate::error::{DecodeError, EncodeError};
use crate::event::{Event, Reset, ResetReason, Sent, Step};
use crate::head::{Head, Kind};
use crate::outcome::{LocalReply, Outcome};

impl Relay {
    pub(super) fn poll_down(&mut self) -> Progress {
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

    pub(super) fn send_up(&mut self, exchange: ExchangeId, link: Link, event: Event) {
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

    pub(super) fn retry_up(&mut self, link: Link) {
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

    pub(super) fn drop_held_up(&mut self, exchange: ExchangeId, link: Link) {
        if self.exchanges.get(&exchange).is_none_or(|state| state.held_up == 0) {
            return;
        }
        let Some(up) = self.ups.get_mut(&link) else { return };
        let (dropped, kept): (Vec<_>, _) =
            std::mem::take(&mut up.held).into_iter().partition(|h| h.exchange == exchange);
        up.held = kept.into();
        self.drop_all(dropped);
        if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.held_up = 0;
        }
    }

    /// Tells the upstream that nobody wants the answer, ahead of whatever waits for it.
    pub(super) fn cancel_up(&mut self, exchange: ExchangeId, reason: ResetReason) {
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
}
