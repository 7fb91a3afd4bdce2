//! [`Check::Pair`] and [`Check::Relay`]: a client and a server that say a sample's exchanges to each other, directly and
//! through a proxy. [`Check::Capacity`] and [`Check::State`] are seen on the way.

use crate::codec::{Correlation, Role};
use crate::event::{Event, StreamId};
use crate::head::Kind;
use crate::testkit::check::Check;
use crate::testkit::failure::{Failure, require};
use crate::testkit::kit::Kit;
use crate::testkit::log::{Ending, Entry, Log, Message, difference};
use crate::testkit::pair::{Happened, Pair, Ticket, peer};
use crate::testkit::rng::Rng;
use crate::testkit::sample::Sample;
use crate::testkit::splice::Exchange;

const ROUNDS: usize = 24;

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    talk(kit, sample, Check::Pair, exchanges(kit, sample)?)
}

pub(super) fn relayed(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let mut exchanges = exchanges(kit, sample)?;
    // The server knows exchanges by what is asked: names are the relay's.
    let mut seen: Vec<Vec<Entry>> = Vec::new();
    exchanges.retain(|exchange| match meaning(&exchange.request) {
        Ok(asked) if !seen.contains(&asked) => {
            seen.push(asked);
            true
        }
        _ => false,
    });
    talk(kit, sample, Check::Relay, exchanges)
}

fn talk(kit: &Kit<'_>, sample: &Sample, check: Check, exchanges: Vec<Exchange>) -> Result<usize, Failure> {
    if exchanges.is_empty() {
        return Ok(0);
    }
    let len = sample.requests.len().saturating_add(sample.responses.len());
    let rounds = super::chunking::affordable(ROUNDS, len);
    for round in 0..rounds {
        let seed = kit.seed.wrapping_add(round as u64);
        // A byte at a time, unless there are too many of them.
        let pieces = [1, 3, 100, 64 * 1024].get(round % 4).copied().unwrap_or(1).max(len / 2000);
        let run = Talk::new(kit, sample, check, &exchanges, seed, pieces).run();
        run.map_err(|failure| failure.during(format!("seed {seed}, at most {pieces} bytes at once")))?;
    }
    Ok(rounds)
}

/// The exchanges of a sample that are complete, and are no tunnels.
pub(super) fn exchanges(kit: &Kit<'_>, sample: &Sample) -> Result<Vec<Exchange>, Failure> {
    let mut splice = kit.splice(&sample.depth).forwarding();
    splice.run([&*sample.requests], [&*sample.responses])?;
    let ended = |events: &[Event]| {
        let ends = events.iter().filter(|event| event.is_end() && !is_interim(event)).count();
        ends == 1 && events.last().is_some_and(Event::is_end) && !matches!(events.last(), Some(Event::Reset(_)))
    };
    let tunnel = splice.server.codec().state().tunnel || splice.client.codec().state().tunnel;
    let mut exchanges = splice.exchanges;
    exchanges.retain(|exchange| ended(&exchange.request) && (is_one_way(exchange) || ended(&exchange.response)));
    if tunnel {
        exchanges.pop();
    }
    Ok(exchanges)
}

const fn is_interim(event: &Event) -> bool {
    matches!(event, Event::Head(head) if matches!(head.kind(), Kind::Interim))
}

pub(super) fn is_one_way(exchange: &Exchange) -> bool {
    matches!(exchange.request.first(), Some(Event::Head(head)) if head.kind() == Kind::OneWay)
}

/// The events with another name.
pub(super) fn named(events: &[Event], name: StreamId) -> Vec<Event> {
    let mut events = events.to_vec();
    events.iter_mut().for_each(|event| event.set_stream(name));
    events
}

/// One conversation.
struct Talk<'a> {
    pair: Pair,
    exchanges: &'a [Exchange],
    rng: Rng,
    check: Check,
    by_order: bool,
    /// Of each exchange, its name at the server, once it is known there.
    at_server: Vec<Option<StreamId>>,
    asked: Vec<Ticket>,
    /// Of each answer, the exchange it belongs to.
    answered: Vec<usize>,
    /// Requests that have arrived in full and wait to be answered: the name they have at the server.
    owed: Vec<(usize, StreamId)>,
    arrived: Log,
    returned: Log,
    /// Data that the holders keep for a while.
    kept: Vec<(Role, StreamId, usize)>,
}

impl<'a> Talk<'a> {
    fn new(kit: &Kit<'_>, sample: &Sample, check: Check, exchanges: &'a [Exchange], seed: u64, pieces: usize) -> Self {
        let correlation = kit.protocol.traits().correlation;
        let mut pair = Pair::with(kit.protocol, &kit.limits, &sample.depth).with_seed(seed).with_pieces(pieces);
        if check == Check::Relay {
            pair = pair.with_relay(kit.protocol);
        }
        let asked = exchanges.iter().enumerate().map(|(n, exchange)| {
            let tag = exchange.stream.tag();
            let name = match correlation {
                Correlation::Id { .. } => StreamId::new((n as u64).saturating_add(1)).with_tag(tag),
                Correlation::Assigned | Correlation::Ordered => StreamId::NEW.with_tag(tag),
            };
            pair.send(Role::Client, named(&exchange.request, name))
        });
        let asked = asked.collect();
        Self {
            pair,
            exchanges,
            rng: Rng::new(seed),
            check,
            at_server: vec![None; exchanges.len()],
            by_order: correlation == Correlation::Ordered,
            asked,
            answered: Vec::new(),
            owed: Vec::new(),
            arrived: Log::default(),
            returned: Log::default(),
            kept: Vec::new(),
        }
    }

    fn run(mut self) -> Result<(), Failure> {
        loop {
            let happened = self.pair.poll()?;
            let idle = happened.is_none();
            match happened {
                Some(Happened::Received(role, mut event)) => {
                    // What is between two hops only was taken off the sample's heads as well.
                    if let Event::Head(head) = &mut event {
                        head.forward();
                    }
                    self.received(role, &event)?;
                }
                Some(Happened::Refused(role, error)) => {
                    return Err(Failure::new(
                        Check::Pair,
                        format!("the {role:?} refuses what its peer wrote: {error}"),
                    ));
                }
                Some(Happened::NotSent(role, _, error)) => {
                    return Err(Failure::new(self.check, format!("the {role:?} cannot send: {error}")));
                }
                None => {}
            }
            if !self.owed.is_empty() && (idle || self.rng.one_in(3)) {
                self.answer();
            } else if !self.kept.is_empty() && (idle || self.rng.one_in(5)) {
                for (role, stream, n) in std::mem::take(&mut self.kept) {
                    self.pair.release(role, stream, n);
                }
            } else if idle {
                return self.finish();
            }
        }
    }

    fn received(&mut self, role: Role, event: &Event) -> Result<(), Failure> {
        if let Some(stream) = event.stream().filter(|_| event.data_len() > 0) {
            if self.rng.one_in(2) {
                self.pair.release(role, stream, event.data_len());
            } else {
                self.kept.push((role, stream, event.data_len()));
            }
        }
        match role {
            Role::Client => self.returned.push(event, false),
            Role::Server => {
                self.arrived.push(event, false)?;
                let ended = event.is_end() && event.stream().is_some();
                if let (true, Some(stream)) = (ended, event.stream()) {
                    let at = self.exchange_of(stream)?;
                    if self.exchanges.get(at).is_some_and(|exchange| !is_one_way(exchange)) {
                        // The head's name, with what the codec put into it.
                        self.owed.push((at, self.tagged(stream)));
                    }
                }
                Ok(())
            }
        }
    }

    fn tagged(&self, stream: StreamId) -> StreamId {
        self.arrived.messages().filter(|message| message.stream == stream).last().map_or(stream, |found| found.stream)
    }

    /// Which exchange the server knows as `stream`.
    fn exchange_of(&mut self, stream: StreamId) -> Result<usize, Failure> {
        let at = if self.check == Check::Relay {
            let arrived = self.arrived.messages().filter(|message| message.stream == stream).last();
            let arrived: Vec<Entry> = arrived.map(Message::meaning).into_iter().collect();
            self.exchanges.iter().position(|exchange| meaning(&exchange.request).is_ok_and(|sent| sent == arrived))
        } else if self.by_order {
            let nth = self.arrived.messages().position(|message| message.stream == stream);
            let ticket = nth.and_then(|nth| self.pair.begun(Role::Client).nth(nth));
            ticket.and_then(|ticket| self.asked.iter().position(|asked| *asked == ticket))
        } else {
            self.asked.iter().position(|ticket| self.pair.name(Role::Client, *ticket) == Some(stream))
        };
        let detail = || format!("a request arrived as {stream}, and no such one was sent");
        let check = if self.check == Check::Relay { Check::Relay } else { Check::Ids };
        let at = at.ok_or_else(|| Failure::new(check, detail()))?;
        if let Some(name) = self.at_server.get_mut(at) {
            *name = Some(stream);
        }
        Ok(at)
    }

    fn answer(&mut self) {
        let (at, stream) = self.owed.swap_remove(self.rng.below(self.owed.len()));
        if let Some(exchange) = self.exchanges.get(at) {
            self.pair.send(Role::Server, named(&exchange.response, stream));
            self.answered.push(at);
        }
    }

    /// Nothing moves any more: everything must have been said.
    fn finish(&mut self) -> Result<(), Failure> {
        for role in [Role::Client, Role::Server] {
            require(self.pair.waiting(role) == 0, Check::Capacity, || {
                format!("the {role:?} was Blocked, and no Capacity follows")
            })?;
        }
        for (at, (ticket, exchange)) in self.asked.iter().zip(self.exchanges).enumerate() {
            let name = self.pair.name(Role::Client, *ticket);
            let name = name.ok_or_else(|| Failure::new(self.check, format!("request {at} was never sent")))?;
            let there = self.at_server.get(at).copied().flatten();
            let arrived = self.arrived.messages().filter(|message| Some(message.stream) == there);
            same(self.check, &format!("request {at}"), &exchange.request, arrived)?;
            if !is_one_way(exchange) {
                let returned = self.returned.messages().filter(|message| message.stream == name);
                same(self.check, &format!("answer {at}"), &exchange.response, returned)?;
            }
        }
        for role in [Role::Client, Role::Server] {
            let state = self.pair.state(role);
            require(state.open == 0 && !state.sending && !state.receiving, Check::State, || {
                format!(
                    "everything is answered, and the {role:?} says {state:?}; its peer {:?}",
                    self.pair.state(peer(role))
                )
            })?;
        }
        Ok(())
    }
}

/// What the events say.
fn meaning(events: &[Event]) -> Result<Vec<Entry>, Failure> {
    let mut log = Log::default();
    for event in events {
        log.push(event, false)?;
    }
    Ok(log.meaning())
}

/// The message as it was sent, against what arrived.
fn same<'a>(
    check: Check,
    what: &str,
    sent: &[Event],
    arrived: impl Iterator<Item = &'a Message>,
) -> Result<(), Failure> {
    let arrived: Vec<&Message> = arrived.collect();
    require(arrived.iter().all(|message| message.ending != Ending::Open), check, || format!("{what} does not end"))?;
    let arrived: Vec<Entry> = arrived.into_iter().map(Message::meaning).collect();
    match difference(&meaning(sent)?, &arrived) {
        Some(difference) => Err(Failure::new(check, format!("{what}: {difference}"))),
        None => Ok(()),
    }
}
