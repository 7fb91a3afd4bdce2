//! [`Check::Edits`]: what was edited arrives edited, and nothing else does.

use crate::codec::{Correlation, Role};
use crate::error::EditError;
use crate::event::{Event, Sent, Step, StreamId};
use crate::head::Head;
use crate::key::{Attribute, RoutingKey};
use crate::testkit::check::Check;
use crate::testkit::end::End;
use crate::testkit::failure::{Failure, require};
use crate::testkit::kit::Kit;
use crate::testkit::log::{Log, View};
use crate::testkit::sample::Sample;

type Make = Box<dyn Fn(&mut Head) -> Result<(), EditError>>;

/// One way to edit a head.
struct Edit {
    name: String,
    make: Make,
    /// What may differ afterwards: an attribute, and those that are made of it.
    attribute: Option<Attribute>,
    /// It is a field that means nothing: where there are fields, there is room for it.
    new_field: bool,
}

const FIELD: &[u8] = b"x-kit";

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let mut cases = 0usize;
    let requests = messages(kit, sample)?;
    for (at, request) in requests.iter().enumerate() {
        for edit in edits(kit, request) {
            let here = format!("request {at}, {}", edit.name);
            let done = try_edit(kit, sample, &requests, at, &edit).map_err(|failure| failure.during(&here))?;
            cases = cases.saturating_add(usize::from(done));
        }
    }
    Ok(cases)
}

/// The events of each request.
fn messages(kit: &Kit<'_>, sample: &Sample) -> Result<Vec<Vec<Event>>, Failure> {
    let mut end = End::new(kit.protocol, Role::Server, &kit.limits, &sample.depth);
    let mut all: Vec<(StreamId, Vec<Event>)> = Vec::new();
    end.feed(&sample.requests);
    while let Ok(Step::Event(event)) = end.decode()? {
        let Some(stream) = event.stream() else { continue };
        end.release(stream, event.data_len());
        let known = all.iter_mut().rev().find(|(of, _)| *of == stream);
        match (&event, known) {
            (Event::Head(_), _) => all.push((stream, vec![event])),
            (Event::Body(_) | Event::Trailers(_), Some((_, events))) => events.push(event),
            _ => {}
        }
    }
    // One that was reset, or waits for an answer, is not a message.
    Ok(all.into_iter().map(|(_, events)| events).filter(|events| events.last().is_some_and(Event::is_end)).collect())
}

fn edits(kit: &Kit<'_>, request: &[Event]) -> Vec<Edit> {
    let mut edits = vec![
        Edit {
            name: "a field set that was not there".into(),
            make: Box::new(|head| head.set_field(FIELD, b"edited")),
            attribute: None,
            new_field: true,
        },
        Edit {
            name: "a field added".into(),
            make: Box::new(|head| head.add_field(FIELD, b"added")),
            attribute: None,
            new_field: true,
        },
    ];
    if let Some(Event::Head(head)) = request.first() {
        for (name, _) in head.fields().into_iter().flatten() {
            if kit.own_fields.iter().any(|own| own.as_bytes().eq_ignore_ascii_case(name)) {
                continue;
            }
            let (set, removed) = (name.to_vec(), name.to_vec());
            let shown = name.escape_ascii();
            edits.push(Edit {
                name: format!("field {shown} set"),
                make: Box::new(move |head| head.set_field(&set, b"a value of another length")),
                attribute: None,
                new_field: false,
            });
            edits.push(Edit {
                name: format!("field {shown} removed"),
                make: Box::new(move |head| head.remove_field(&removed)),
                attribute: None,
                new_field: false,
            });
        }
        for attribute in Attribute::ALL {
            for value in ["e", "edited.by.the.kit.with.a.longer.name"] {
                edits.push(Edit {
                    name: format!("{attribute} set to {value}"),
                    make: Box::new(move |head| head.set_attribute(attribute, value.as_bytes())),
                    attribute: Some(attribute),
                    new_field: false,
                });
            }
        }
    }
    edits
}

/// Sends the request at `at`, edited, with one in front of it that has not left yet, where many may be under way, and the one
/// behind it; whether the protocol has a place for the edit.
fn try_edit(kit: &Kit<'_>, sample: &Sample, requests: &[Vec<Event>], at: usize, edit: &Edit) -> Result<bool, Failure> {
    let traits = kit.protocol.traits();
    let has_names = matches!(traits.correlation, Correlation::Id { .. });
    let ahead = requests.iter().find(|events| has_names && events.len() == 1);
    let edited = ahead.iter().count();
    let mut requests: Vec<_> = ahead.into_iter().chain(requests.get(at..).into_iter().flatten()).cloned().collect();
    requests.truncate(edited.saturating_add(2));
    let mut expected = Vec::new();
    let mut unseen = false;
    for (n, request) in requests.iter_mut().enumerate() {
        let Some(Event::Head(head)) = request.first_mut() else { return Ok(false) };
        if n == edited
            && let Err(error) = (edit.make)(head)
        {
            let owed = traits.field_edits && edit.new_field;
            require(!owed, Check::Edits, || format!("the traits allow it, and {error}"))?;
            return Ok(false);
        }
        unseen |= n == edited && head.fields().is_none();
        head.forward();
        expected.push(View::of(head));
    }
    let mut client = End::new(kit.protocol, Role::Client, &kit.limits, &sample.depth);
    let mut server = End::new(kit.protocol, Role::Server, &kit.limits, &sample.depth);
    let mut log = Log::default();
    for (n, request) in requests.into_iter().enumerate() {
        let mut name = StreamId::NEW;
        for mut event in request {
            let is_head = matches!(event, Event::Head(_));
            if !is_head {
                event.set_stream(name);
            } else if !has_names {
                event.set_stream(StreamId::NEW);
            }
            if n != edited || edited == 0 || !is_head {
                settle(&mut client, &mut server, &mut log)?;
            }
            match client.encode(&mut event) {
                Ok(Sent::All) => {}
                // One request at a time is all that some ends take.
                Ok(Sent::Blocked) if n > edited => break,
                Ok(Sent::Blocked) => return Err(Failure::new(Check::Edits, "refused by a new connection")),
                // A field with a meaning of its own may have no room for any value; nor need fields be edited that were
                // not seen. Whether there is a place for them at all may be told by the wire alone.
                Err(_) if n == edited && (!edit.new_field || unseen || !traits.field_edits) => {
                    return Ok(false);
                }
                Err(error) => {
                    let detail = format!("taken by the head, not by the wire: {error}");
                    return Err(Failure::new(Check::Edits, detail));
                }
            }
            if is_head {
                name = event.stream().unwrap_or(name);
            }
        }
    }
    settle(&mut client, &mut server, &mut log)?;
    if let Some((code, scope)) = log.errors().next() {
        return Err(Failure::new(Check::Edits, format!("refused by the server: {code} ({})", scope.name())));
    }
    let arrived: Vec<_> = log.messages().collect();
    require(arrived.len() > edited, Check::Edits, || "it did not arrive".to_owned())?;
    for (n, (expected, message)) in expected.iter().zip(&arrived).enumerate() {
        let attribute = if n == edited { edit.attribute } else { None };
        if attribute.is_some_and(|attribute| !sample.depth.needs(attribute)) {
            // What was set may lie where nobody looks.
            continue;
        }
        compare(expected, &message.view, attribute)
            .map_err(|failure| if n == edited { failure } else { failure.during("the request beside it") })?;
    }
    Ok(true)
}

fn compare(expected: &View, got: &View, edited: Option<Attribute>) -> Result<(), Failure> {
    let same = match edited {
        // Others may be made of it (a path of a service, a host of an authority), and fields may carry it.
        Some(attribute) => expected.attribute(attribute) == got.attribute(attribute) && expected.kind == got.kind,
        None => expected == got,
    };
    require(same, Check::Edits, || format!("should be {expected:?}, and is {got:?}"))
}

/// Carries bytes both ways until both ends rest.
fn settle(client: &mut End, server: &mut End, log: &mut Log) -> Result<(), Failure> {
    loop {
        let mut moved = false;
        let sent = client.take_output();
        moved |= !sent.is_empty();
        server.feed(&sent);
        loop {
            match server.decode()? {
                Ok(Step::Event(mut event)) => {
                    if let Event::Head(head) = &mut event {
                        head.forward();
                    }
                    log.push(&event, false)?;
                    if let Some(stream) = event.stream() {
                        server.release(stream, event.data_len());
                    }
                }
                Ok(_) => break,
                Err(error) => {
                    log.refused(&error);
                    if error.is_fatal() {
                        return Ok(());
                    }
                }
            }
        }
        let sent = server.take_output();
        moved |= !sent.is_empty();
        client.feed(&sent);
        while let Ok(Step::Event(_)) = client.decode()? {}
        if !moved {
            return Ok(());
        }
    }
}
