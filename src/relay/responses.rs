//! The way down: answers, from the upstreams to the downstream.

use std::collections::HashSet;

use super::exchange::{ExchangeId, To};
use super::upstream::{self, Held, Link, Side};
use super::{MAX_HELD, Relay, is_interim};
use crate::error::EncodeError;
use crate::event::{Event, Reset, ResetReason, Sent, Step, StreamId};
use crate::head::Kind;
use crate::outcome::{LocalReply, Outcome};

impl Relay {
    pub(super) fn poll_up(&mut self, link: Link) -> bool {
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
        let is_end = event.is_end() && !is_interim(&event);
        state.answered |= is_end;
        state.done.response_bytes = state.done.response_bytes.saturating_add(n as u64);
        event.set_stream(state.down);
        if is_end {
            self.forget_deadline(exchange);
        }
        self.send_down(exchange, event, Some((Side::Up(link), stream)));
        self.finish_if_ended(exchange);
    }

    /// The upstream has answered in full and wants no more of the request: the rest is thrown away.
    pub(super) fn unwanted(&mut self, exchange: ExchangeId, link: Link, stream: StreamId) {
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
    pub(super) fn no_more_request(&mut self, exchange: ExchangeId) {
        if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.request_ended = true;
        }
    }

    /// An upstream connection is gone, and every exchange on it gets an outcome of its own.
    pub(super) fn lose(&mut self, link: Link, outcome: Outcome, why: &str) {
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

    pub(super) fn send_down(&mut self, exchange: ExchangeId, event: Event, from: Option<(Side, StreamId)>) {
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
        self.forget_deadline(held.exchange);
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

    pub(super) fn retry_down(&mut self) -> bool {
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

    pub(super) fn drop_held_down(&mut self, exchange: ExchangeId) {
        if self.exchanges.get(&exchange).is_none_or(|state| state.held_down == 0) {
            return;
        }
        let held = std::mem::take(&mut self.held_down).into_iter();
        let (dropped, kept): (Vec<_>, _) = held.partition(|held| held.exchange == exchange);
        self.held_down = kept.into();
        self.drop_all(dropped);
        if let Some(state) = self.exchanges.get_mut(&exchange) {
            state.held_down = 0;
        }
    }
}
