//! [`Check::LocalReply`] and [`Check::OneWay`]: what the proxy says itself.

use crate::codec::Role;
use crate::event::{Event, StreamId};
use crate::head::{Head, Kind};
use crate::key::{Attribute, RoutingKey};
use crate::outcome::{LocalReply, Outcome};
use crate::testkit::check::Check;
use crate::testkit::failure::{Failure, require};
use crate::testkit::kit::Kit;
use crate::testkit::log::{Ending, Log};
use crate::testkit::pair::{Happened, Pair};
use crate::testkit::sample::Sample;

use super::pair::{exchanges, is_one_way};
use crate::testkit::splice::Exchange;

/// Requests of one sample that are answered in every way.
const REQUESTS: usize = 4;
const MESSAGE: &str = "said by the kit";

pub(super) fn local(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let exchanges = exchanges(kit, sample)?;
    let mut cases = 0usize;
    for exchange in exchanges.iter().filter(|exchange| !is_one_way(exchange)).take(REQUESTS) {
        for outcome in Outcome::ALL {
            answer(kit, sample, exchange, outcome).map_err(|failure| failure.during(outcome))?;
            cases = cases.saturating_add(1);
        }
    }
    Ok(cases)
}

fn answer(kit: &Kit<'_>, sample: &Sample, exchange: &Exchange, outcome: Outcome) -> Result<(), Failure> {
    let mut pair = Pair::with(kit.protocol, &kit.limits, &sample.depth);
    let ticket = pair.send(Role::Client, exchange.request.iter().cloned());
    let (mut log, mut owed) = (Log::default(), None);
    while let Some(happened) = pair.poll()? {
        match happened {
            Happened::Received(at, event) => {
                if let Some(stream) = event.stream() {
                    pair.release(at, stream, event.data_len());
                }
                match (at, &event) {
                    (Role::Server, Event::Head(head)) => owed = Some(head.clone()),
                    (Role::Server, _) => {}
                    (Role::Client, event) => log.push(event, false)?,
                }
                if at == Role::Server
                    && event.is_end()
                    && let Some(head) = owed.take()
                {
                    reply(&mut pair, &head, outcome)?;
                }
            }
            Happened::Refused(at, error) => {
                return Err(Failure::new(Check::LocalReply, format!("refused by the {at:?}: {error}")));
            }
            Happened::NotSent(at, _, error) => {
                return Err(Failure::new(Check::LocalReply, format!("cannot be sent by the {at:?}: {error}")));
            }
        }
    }
    let name = pair.name(Role::Client, ticket);
    let answer = log.messages().find(|message| message.view.kind == Kind::Response);
    let answer = answer.ok_or_else(|| Failure::new(Check::LocalReply, "no answer came back"))?;
    require(Some(answer.stream) == name, Check::LocalReply, || {
        format!("asked as {name:?}, answered as {}", answer.stream)
    })?;
    require(answer.ending == Ending::Ended, Check::LocalReply, || "the answer does not end".to_owned())?;
    let (expected, got) = ((kit.outcome)(outcome), answer.view.outcome);
    require(got == expected, Check::LocalReply, || format!("should be {expected}, and decodes as {got}"))
}

fn reply(pair: &mut Pair, head: &Head, outcome: Outcome) -> Result<(), Failure> {
    let local = LocalReply::new(outcome, MESSAGE);
    let local = match head.attribute(Attribute::Method).value() {
        Some(method) => local.with_method(method),
        None => local,
    };
    let event = pair.reply(head.stream(), &local);
    let event = event.ok_or_else(|| Failure::new(Check::LocalReply, "nothing is said to be owed"))?;
    pair.send(Role::Server, [event]);
    Ok(())
}

pub(super) fn one_way(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let mut cases = 0usize;
    for exchange in exchanges(kit, sample)?.iter().filter(|exchange| is_one_way(exchange)) {
        let mut pair = Pair::with(kit.protocol, &kit.limits, &sample.depth);
        pair.send(Role::Client, exchange.request.iter().cloned());
        let mut stream: Option<StreamId> = None;
        while let Some(happened) = pair.poll()? {
            if let Happened::Received(at, event) = happened {
                if let Some(of) = event.stream() {
                    pair.release(at, of, event.data_len());
                }
                if let (Role::Server, Event::Head(head)) = (at, &event) {
                    require(head.kind() == Kind::OneWay, Check::OneWay, || {
                        format!("arrives as a {}", head.kind().name())
                    })?;
                    stream = Some(head.stream());
                }
            }
        }
        let stream = stream.ok_or_else(|| Failure::new(Check::OneWay, "a one-way request does not arrive"))?;
        for outcome in Outcome::ALL {
            let owed = pair.reply(stream, &LocalReply::new(outcome, MESSAGE));
            require(owed.is_none(), Check::OneWay, || format!("{outcome} would be answered: {owed:?}"))?;
        }
        for role in [Role::Client, Role::Server] {
            let open = pair.state(role).open;
            require(open == 0, Check::OneWay, || format!("the {role:?} waits for {open} answers"))?;
        }
        cases = cases.saturating_add(1);
    }
    Ok(cases)
}
