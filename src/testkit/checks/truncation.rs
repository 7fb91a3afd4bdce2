//! [`Check::Truncation`]: what is cut off is missed, and nothing is made up in its place.

use crate::codec::Role;
use crate::error::DecodeError;
use crate::event::Step;
use crate::testkit::check::Check;
use crate::testkit::end::End;
use crate::testkit::failure::{Failure, require};
use crate::testkit::kit::Kit;
use crate::testkit::log::{Ending, Entry, Log};
use crate::testkit::sample::Sample;
use crate::testkit::splice::Splice;

use super::chunking::cuts;

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let whole = kit.whole(sample, &sample.depth)?;
    let mut cases = 0usize;
    for (role, bytes) in [(Role::Server, &sample.requests), (Role::Client, &sample.responses)] {
        // No message is one byte long, so no two cuts in a row lie between messages.
        let mut closed_at = None;
        for at in cuts(bytes.len()) {
            let kept = bytes.get(..at).unwrap_or_default();
            let mut cut = kit.splice(&sample.depth);
            match role {
                Role::Server => cut.run([kept], [])?,
                Role::Client => cut.run([&*sample.requests], [kept])?,
            }
            let here = format!("{} cut off at {at} of {}", subject(role), bytes.len());
            let closed = ends(&mut cut, role, sample, &whole).map_err(|failure| failure.during(&here))?;
            let open_ended = sample.ends_at_eof || whole.server.codec().state().tunnel;
            if closed && !open_ended {
                require(
                    closed_at.is_none_or(|before: usize| before.saturating_add(1) < at),
                    Check::Truncation,
                    || format!("{here}: a clean end, as one byte before"),
                )?;
                closed_at = Some(at);
            }
            cases = cases.saturating_add(1);
        }
    }
    Ok(cases)
}

const fn subject(role: Role) -> &'static str {
    match role {
        Role::Server => "requests",
        Role::Client => "answers",
    }
}

/// Lets the input of one end stop here; whether that was a clean end.
fn ends(cut: &mut Splice, role: Role, sample: &Sample, whole: &Splice) -> Result<bool, Failure> {
    let (end, log, full): (&mut End, &mut Log, &Log) = match role {
        Role::Server => (&mut cut.server, &mut cut.requests, &whole.requests),
        Role::Client => (&mut cut.client, &mut cut.responses, &whole.responses),
    };
    let idle = end.unread() == 0 && !end.codec().state().receiving;
    let inside = end.unread() > 0 || log.messages().any(|message| message.ending == Ending::Open);
    // What may become a tunnel stays open between messages.
    let tunnel = whole.server.codec().state().tunnel;
    end.feed_eof();
    let last: Result<Step, DecodeError> = loop {
        match end.decode()? {
            Ok(Step::Event(event)) => log.push(&event, end.codec().state().tunnel)?,
            Err(error) if !error.is_fatal() && error.code != "truncated" => log.refused(&error),
            last => break last,
        }
    };
    is_prefix(log, full, sample.ends_at_eof || tunnel)?;
    match last {
        Ok(Step::Closed) => {
            let lost = inside && !(role == Role::Client && sample.ends_at_eof) && !tunnel;
            require(!lost, Check::Truncation, || "inside a message, and said to be a clean end".to_owned())?;
            Ok(true)
        }
        Ok(Step::NeedMore(n)) => {
            Err(Failure::new(Check::Truncation, format!("{n} more bytes are waited for; there will be none")))
        }
        // What is there waits for an answer that this run does not give.
        Ok(_) => Ok(false),
        Err(error) => {
            require(error.code == "truncated", Check::Truncation, || format!("called {:?}", error.to_string()))?;
            require(!idle, Check::Truncation, || format!("between messages, and refused: {error}"))?;
            Ok(false)
        }
    }
}

/// What was said before the cut is what was said; only the last thing may be incomplete.
fn is_prefix(log: &Log, full: &Log, open_ended: bool) -> Result<(), Failure> {
    for (at, (got, all)) in log.entries.iter().zip(&full.entries).enumerate() {
        let fine = match (got, all) {
            (Entry::Message(got), Entry::Message(all)) if got.ending == Ending::Open || open_ended => {
                all.body.starts_with(&got.body) && all.view == got.view && all.tunnel.starts_with(&got.tunnel)
            }
            (got, all) => got == all,
        };
        require(fine, Check::Truncation, || format!("event {at} should be {all}, and is {got}"))?;
    }
    require(log.entries.len() <= full.entries.len(), Check::Truncation, || {
        format!("{} events, with the whole input {}", log.entries.len(), full.entries.len())
    })
}
