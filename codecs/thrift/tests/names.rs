//! The answering end: names for requests whose ids are not unique, and the turn of their answers.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{
    EncodeError, Endpoint, Event, Kind, LocalReply, Outcome, Reset, ResetReason, RoutingKey, Sent, Step, StreamId,
};
use meshwire_thrift::{Answer, Encoding, Thrift};
use proptest::prelude::*;

/// The names of calls, whose ids are these.
#[track_caller]
fn names(end: &mut Endpoint, layout: (Wrap, Encoding), ids: &[u32]) -> Vec<StreamId> {
    let names: Vec<_> = ids.iter().map(|id| head(end, &call(layout, "reserve", *id)).stream()).collect();
    for (n, name) in names.iter().enumerate() {
        assert!(!names[..n].contains(name), "{layout:?}: {name} twice");
    }
    names
}

fn answer(end: &mut Endpoint, layout: (Wrap, Encoding), name: StreamId) -> Result<Sent, EncodeError> {
    end.send(&mut Event::Head(Answer::new("reserve").with_body(nothing(layout.1)).head(name)))
}

/// What an answer is on the wire.
fn bytes(layout: (Wrap, Encoding), id: u32) -> Vec<u8> {
    let message = |own| message(layout.1, REPLY, "reserve", own, nothing(layout.1));
    if layout.0 == Wrap::Dubbo {
        dubbo("", id.into(), &message(id))
    } else {
        wrap(layout.0, layout.1, id, &message(id))
    }
}

fn reset(stream: StreamId) -> Event {
    Event::Reset(Reset { stream, reason: ResetReason::Internal })
}

#[test]
fn calls_that_share_an_id_are_answered_in_their_order() {
    for layout in LAYOUTS {
        for id in [0, 7, u32::MAX] {
            let mut end = server();
            let all = names(&mut end, layout, &[id; 3]);
            assert_eq!((all[0].id(), end.codec().state().open), (id.into(), 3));
            // Not in their turn, they wait.
            for early in [all[2], all[1]] {
                assert_eq!(answer(&mut end, layout, early), Ok(Sent::Blocked), "{layout:?}");
                assert_eq!(end.codec().capacity(early), 0);
            }
            assert!(end.output().is_empty());
            assert!(!matches!(end.decode(), Ok(Step::Event(_))), "nothing has changed");
            for (n, name) in all.iter().enumerate() {
                assert!(end.codec().capacity(*name) > 0);
                assert_eq!(answer(&mut end, layout, *name), Ok(Sent::All), "{layout:?}");
                assert_eq!(end.output_mut().take(), bytes(layout, id), "{layout:?}");
                assert_eq!(end.codec().state().open, 2 - n);
                if n == 0 {
                    assert!(matches!(end.decode(), Ok(Step::Event(Event::Capacity { stream: None }))), "{layout:?}");
                }
                assert!(!matches!(end.decode(), Ok(Step::Event(_))), "said once");
                // Once.
                assert_eq!(answer(&mut end, layout, *name), Err(EncodeError::NotOpen(*name)));
            }
        }
    }
}

#[test]
fn ids_of_their_own_are_answered_in_any_order() {
    for layout in LAYOUTS {
        let mut end = server();
        let all = names(&mut end, layout, &[5, 3, 4, 9]);
        assert_eq!(all.iter().map(|name| name.id()).collect::<Vec<_>>(), [5, 3, 4, 9]);
        for (n, id) in [(3, 9), (1, 3), (0, 5), (2, 4)] {
            assert_eq!(answer(&mut end, layout, all[n]), Ok(Sent::All), "{layout:?}");
            assert_eq!(end.output_mut().take(), bytes(layout, id), "{layout:?}");
        }
        assert_eq!(end.codec().state().open, 0);
    }
}

#[test]
fn all_are_answered_in_their_order_where_that_is_asked_for() {
    for layout in LAYOUTS {
        let mut end = server_of(&Thrift::new().answering_in_order());
        let all = names(&mut end, layout, &[5, 3, 4]);
        assert_eq!(answer(&mut end, layout, all[2]), Ok(Sent::Blocked), "{layout:?}");
        assert_eq!(answer(&mut end, layout, all[1]), Ok(Sent::Blocked), "{layout:?}");
        assert_eq!(answer(&mut end, layout, all[0]), Ok(Sent::All));
        assert!(matches!(end.decode(), Ok(Step::Event(Event::Capacity { .. }))));
        assert_eq!(answer(&mut end, layout, all[2]), Ok(Sent::Blocked), "{layout:?}");
        assert_eq!(answer(&mut end, layout, all[1]), Ok(Sent::All));
        assert!(matches!(end.decode(), Ok(Step::Event(Event::Capacity { .. }))));
        assert_eq!(answer(&mut end, layout, all[2]), Ok(Sent::All));
        assert_eq!(end.output_mut().take(), [bytes(layout, 5), bytes(layout, 3), bytes(layout, 4)].concat());
    }
}

#[test]
fn those_that_share_an_id_wait_for_each_other_only() {
    let layout = (Wrap::Framed, Binary);
    let mut end = server();
    let all = names(&mut end, layout, &[1, 0, 2, 0, 1, 0]);
    for (n, sent) in
        [(5, Sent::Blocked), (3, Sent::Blocked), (4, Sent::Blocked), (2, Sent::All), (1, Sent::All), (3, Sent::All)]
    {
        assert_eq!(answer(&mut end, layout, all[n]), Ok(sent), "{n}");
    }
    for n in [0, 4, 5] {
        assert_eq!(answer(&mut end, layout, all[n]), Ok(Sent::All), "{n}");
    }
    let out: Vec<_> = [2, 0, 0, 1, 1, 0].iter().flat_map(|id| bytes(layout, *id)).collect();
    assert_eq!(end.output_mut().take(), out);
}

#[test]
fn one_way_calls_in_between_take_no_turn() {
    for layout in LAYOUTS {
        let mut end = server();
        let first = head(&mut end, &call(layout, "reserve", 0)).stream();
        let note = wrap(layout.0, layout.1, 0, &message(layout.1, ONE_WAY, "note", 0, nothing(layout.1)));
        let noted = head(&mut end, &note);
        let second = head(&mut end, &call(layout, "reserve", 0)).stream();
        assert_eq!((noted.kind(), end.codec().state().open), (Kind::OneWay, 2), "{layout:?}");
        assert!(noted.stream() != first && noted.stream() != second && first != second);
        assert!(matches!(answer(&mut end, layout, noted.stream()), Err(EncodeError::NotOpen(_))));
        assert_eq!(answer(&mut end, layout, second), Ok(Sent::Blocked));
        assert_eq!(answer(&mut end, layout, first), Ok(Sent::All));
        assert_eq!(answer(&mut end, layout, second), Ok(Sent::All));
    }
}

#[test]
fn a_call_may_be_named_one_way() {
    for layout in LAYOUTS {
        let name = if layout.0 == Wrap::Dubbo { "note" } else { "Log:note" };
        let protocol = Thrift::new().with_one_way(name);
        let mut end = server_of(&protocol);
        let noted = head(&mut end, &call(layout, name, 0));
        assert_eq!((noted.kind(), end.codec().state().open), (Kind::OneWay, 0), "{layout:?}");
        assert!(end.reply(noted.stream(), &LocalReply::new(Outcome::NoRoute, "")).is_none());
        // It goes on as it came, and nothing is waited for.
        let mut up = client_of(&protocol);
        assert_eq!(sent(&mut up, noted), call(layout, name, 0), "{layout:?}");
        assert_eq!(up.codec().state().open, 0);
        let other = head(&mut end, &call(layout, "note_not", 0));
        assert_eq!(other.kind(), Kind::Request, "{layout:?}");
        assert_eq!(answer(&mut end, layout, other.stream()), Ok(Sent::All));
    }
}

#[test]
fn requests_whose_answers_wait_for_another_have_a_limit() {
    for layout in LAYOUTS {
        for most in [1, 3] {
            let in_order = Thrift::new().answering_in_order();
            for (protocol, step) in [(Thrift::new(), 0), (in_order.clone(), 0), (in_order, 1)] {
                let mut end = end(&protocol, meshwire::Role::Server, |limits| limits.pipelined = most);
                let ids: Vec<_> = (0..=most as u32).map(|n| n * step).collect();
                let names = names(&mut end, layout, &ids);
                end.input().extend_from_slice(&call(layout, "last", 99 * step));
                for _ in 0..2 {
                    let waits = end.decode();
                    assert!(matches!(waits, Ok(Step::Paused)), "{layout:?} {step}: {waits:?}");
                }
                assert_eq!(answer(&mut end, layout, names[0]), Ok(Sent::All));
                assert_eq!(answer(&mut end, layout, names[1]), Ok(Sent::All));
                assert_eq!(head(&mut end, b"").verb().value(), Some(&b"last"[..]), "{layout:?}");
                assert_eq!(end.codec().state().open, most);
                head(&mut end, &call(layout, "last", 99 * step));
                // Nor does the end of input let more through.
                end.input().extend_from_slice(&call(layout, "more", 98 * step));
                end.set_eof();
                assert!(matches!(end.decode(), Ok(Step::Paused)), "{layout:?} {step}");
            }
        }
    }
}

#[test]
fn requests_with_ids_of_their_own_are_as_many_as_may_be_open() {
    for layout in LAYOUTS {
        let mut end = server_with(|limits| (limits.pipelined, limits.open) = (1, 4));
        let all = names(&mut end, layout, &[1, 2, 3, 4]);
        // What is owed nothing passes.
        let note = wrap(layout.0, layout.1, 0, &message(layout.1, ONE_WAY, "note", 9, nothing(layout.1)));
        assert_eq!(head(&mut end, &note).kind(), Kind::OneWay);
        end.input().extend_from_slice(&call(layout, "last", 5));
        for _ in 0..2 {
            assert!(matches!(end.decode(), Ok(Step::Paused)), "{layout:?}");
        }
        assert_eq!(answer(&mut end, layout, all[0]), Ok(Sent::All));
        assert_eq!(head(&mut end, b"").verb().value(), Some(&b"last"[..]), "{layout:?}");
        assert_eq!(end.codec().state().open, 4);
    }
}

#[test]
fn a_call_that_others_were_answered_before_does_not_hold_up_those_behind() {
    // Go's clients write one-way calls like others, and nobody answers them.
    for layout in LAYOUTS {
        let mut end = server_with(|limits| limits.open = 3);
        let mute = head(&mut end, &call(layout, "mute", 1)).stream();
        for id in 2..40 {
            let mut answered = false;
            end.input().extend_from_slice(&call(layout, "reserve", id));
            loop {
                match end.decode().unwrap() {
                    Step::Event(Event::Head(head)) => {
                        assert_eq!(answer(&mut end, layout, head.stream()), Ok(Sent::All), "{layout:?}");
                        answered = true;
                    }
                    Step::Event(Event::Reset(reset)) => {
                        assert_eq!((reset.stream, reset.reason), (mute, ResetReason::Cancelled), "{layout:?}");
                    }
                    Step::Event(other) => panic!("{other:?}"),
                    Step::NeedMore(_) => break,
                    other => panic!("{layout:?}: {other:?}"),
                }
            }
            assert!(answered, "{layout:?} {id}");
        }
        assert!(!end.codec().state().close);
    }
}

#[test]
fn an_answer_that_will_not_come_ends_the_connection_in_its_turn() {
    for layout in LAYOUTS {
        // The next one: those behind it would be taken for it.
        let mut end = server();
        let all = names(&mut end, layout, &[0, 0]);
        assert_eq!(end.send(&mut reset(all[0])), Ok(Sent::All));
        assert!(end.codec().state().close && end.codec().state().draining, "{layout:?}");
        assert!(matches!(answer(&mut end, layout, all[1]), Err(EncodeError::Refused(_))));
        // A later one: those in front of it are answered.
        let mut end = server();
        let all = names(&mut end, layout, &[0, 0]);
        assert_eq!(end.send(&mut reset(all[1])), Ok(Sent::All));
        assert!(!end.codec().state().close, "{layout:?}");
        assert_eq!(answer(&mut end, layout, all[0]), Ok(Sent::All));
        assert_eq!(end.output_mut().take(), bytes(layout, 0));
        assert!(end.codec().state().close, "{layout:?}");
        // The only one.
        let mut end = server();
        let all = names(&mut end, layout, &[7]);
        assert_eq!(end.send(&mut reset(all[0])), Ok(Sent::All));
        assert!(end.codec().state().close, "{layout:?}");
        // One that nobody waits for but its client: all others are answered.
        let mut end = server();
        let all = names(&mut end, layout, &[7, 8, 9]);
        assert_eq!(end.send(&mut reset(all[1])), Ok(Sent::All));
        for name in [all[0], all[2]] {
            assert!(!end.codec().state().close, "{layout:?}");
            assert_eq!(answer(&mut end, layout, name), Ok(Sent::All));
        }
        assert!(end.codec().state().close, "{layout:?}");
    }
}

#[test]
fn whoever_waits_is_told_that_nothing_will_come() {
    let layout = (Wrap::Framed, Binary);
    let mut end = server();
    let all = names(&mut end, layout, &[0, 0]);
    assert_eq!(answer(&mut end, layout, all[1]), Ok(Sent::Blocked));
    assert_eq!(end.send(&mut reset(all[0])), Ok(Sent::All));
    assert!(matches!(end.decode(), Ok(Step::Event(Event::Capacity { .. }))));
    assert!(matches!(answer(&mut end, layout, all[1]), Err(EncodeError::Refused(_))));
}

#[test]
fn a_reset_without_an_error_says_nothing() {
    for layout in LAYOUTS {
        let mut end = server();
        let all = names(&mut end, layout, &[0, 0]);
        let mut event = Event::Reset(Reset { stream: all[0], reason: ResetReason::NoError });
        assert_eq!(end.send(&mut event), Ok(Sent::All));
        assert!(!end.codec().state().close);
        assert_eq!(answer(&mut end, layout, all[0]), Ok(Sent::All));
        assert_eq!(answer(&mut end, layout, all[1]), Ok(Sent::All));
    }
}

#[test]
fn one_answer_at_a_time_is_under_way() {
    for layout in LAYOUTS {
        for ids in [[0, 0], [1, 2]] {
            let mut end = server();
            let all = names(&mut end, layout, &ids);
            let large = text(layout.1, 0, &"x".repeat(100_000));
            let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, REPLY, "reserve", 7, &large));
            let up = Thrift::new().with_transport(layout.0.transport()).with_multiplexing(true);
            let mut events = events(&mut client_after(&up, &call(layout, "reserve", 7)), &bytes, 9999).unwrap();
            let count = events.len();
            for (n, event) in events.iter_mut().enumerate() {
                event.set_stream(all[0]);
                assert_eq!(end.send(event), Ok(Sent::All), "{layout:?}");
                assert_eq!(end.codec().state().sending, n + 1 < count);
                if n + 1 < count {
                    assert_eq!(answer(&mut end, layout, all[1]), Ok(Sent::Blocked), "{layout:?}");
                    assert_eq!(end.codec().capacity(all[1]), 0);
                    assert!(!matches!(end.decode(), Ok(Step::Event(_))), "{layout:?}");
                }
            }
            assert!(matches!(end.decode(), Ok(Step::Event(Event::Capacity { .. }))), "{layout:?}");
            assert_eq!(answer(&mut end, layout, all[1]), Ok(Sent::All));
        }
    }
}

#[test]
fn an_answer_that_is_given_up_under_way_ends_the_connection() {
    for layout in LAYOUTS {
        let mut end = server();
        let all = names(&mut end, layout, &[0, 0]);
        let large = text(layout.1, 0, &"x".repeat(100_000));
        let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, REPLY, "reserve", 7, &large));
        let up = Thrift::new().with_transport(layout.0.transport()).with_multiplexing(true);
        let mut events = events(&mut client_after(&up, &call(layout, "reserve", 7)), &bytes, 9999).unwrap();
        events[0].set_stream(all[0]);
        assert_eq!(end.send(&mut events[0]), Ok(Sent::All));
        assert_eq!(answer(&mut end, layout, all[1]), Ok(Sent::Blocked));
        assert_eq!(end.send(&mut reset(all[0])), Ok(Sent::All));
        assert!(end.codec().state().close, "{layout:?}");
        assert!(matches!(end.decode(), Ok(Step::Event(Event::Capacity { .. }))), "{layout:?}");
        assert!(matches!(answer(&mut end, layout, all[1]), Err(EncodeError::Refused(_))), "{layout:?}");
    }
}

#[test]
fn an_answer_to_nothing_is_refused() {
    for layout in LAYOUTS {
        let mut end = server();
        let all = names(&mut end, layout, &[5]);
        let other = StreamId::new(6).with_tag(all[0].tag());
        assert_eq!(answer(&mut end, layout, other), Err(EncodeError::NotOpen(other)), "{layout:?}");
        assert!(end.output().is_empty());
    }
}

#[test]
fn nothing_is_sent_by_an_end_that_has_heard_nothing() {
    let name = StreamId::new(1);
    let mut end = server();
    assert_eq!(answer(&mut end, (Wrap::Framed, Binary), name), Err(EncodeError::NotOpen(name)));
    assert_eq!(end.send(&mut reset(name)), Ok(Sent::All));
    assert!(end.reply(name, &LocalReply::new(Outcome::Success, "")).is_none());
}

#[test]
fn a_call_whose_body_still_comes_may_be_answered() {
    for layout in LAYOUTS {
        let mut end = server();
        let large = text(layout.1, 1, &"x".repeat(100_000));
        let call_bytes = wrap(layout.0, layout.1, 0, &message(layout.1, CALL, "reserve", 0, &large));
        let first = events(&mut end, &call_bytes[..70_000], 10_000).unwrap();
        let name = first[0].stream().unwrap();
        assert_eq!(answer(&mut end, layout, name), Ok(Sent::All), "{layout:?}");
        assert_eq!(end.output_mut().take(), bytes(layout, 0));
        let rest = events(&mut end, &call_bytes[70_000..], 10_000).unwrap();
        assert!(rest.iter().all(|event| event.stream() == Some(name)) && rest.last().unwrap().is_end());
        assert_eq!(names(&mut end, layout, &[0])[0].id(), 0);
    }
}

/// A call that is not answered yet.
#[derive(Clone, Copy)]
struct Open {
    id: u32,
    name: StreamId,
    number: usize,
    passed: bool,
}

proptest! {
    #![proptest_config(cases(128))]

    /// Whoever is answered in whatever order hears the answer to what he asked, or waits.
    #[test]
    fn any_calls_in_any_order(
        layout in prop::sample::select(LAYOUTS.to_vec()),
        strict: bool,
        steps in prop::collection::vec((any::<bool>(), 0u32..4, any::<prop::sample::Index>()), 1..60),
    ) {
        let protocol = if strict { Thrift::new().answering_in_order() } else { Thrift::new() };
        let mut end = end(&protocol, meshwire::Role::Server, |limits| limits.pipelined = 1000);
        // Calls that others have passed wait for nobody, and nobody for them.
        let (mut asked, mut open, mut said) = (0, Vec::<Open>::new(), Vec::new());
        for (asks, id, which) in steps {
            if asks || open.is_empty() {
                let name = head(&mut end, &call(layout, "reserve", id)).stream();
                let is_new = open.iter().all(|open| open.name != name);
                prop_assert!(is_new);
                open.push(Open { id, name, number: asked, passed: false });
                asked += 1;
                continue;
            }
            let n = which.index(open.len());
            let Open { id, name, number, passed } = open[n];
            let earlier = || open[..n].iter().filter(|other| !other.passed);
            let waits = !passed && earlier().any(|other| strict || other.id == id);
            let passes = !passed && open.iter().all(|other| other.passed || other.name.id() >> 32 == 0);
            let method = number.to_string();
            let mut event = Event::Head(Answer::new(&method).with_body(nothing(layout.1)).head(name));
            let sent = end.send(&mut event).unwrap();
            prop_assert_eq!(sent, if waits { Sent::Blocked } else { Sent::All });
            if !waits {
                open[..n].iter_mut().for_each(|other| other.passed |= passes);
                open.remove(n);
                let message = message(layout.1, REPLY, &method, id, nothing(layout.1));
                let expected = if layout.0 == Wrap::Dubbo { dubbo("", id.into(), &message) } else { wrap(layout.0, layout.1, id, &message) };
                prop_assert_eq!(end.output_mut().take(), expected);
                said.push((id, number));
            }
            while let Ok(Step::Event(event)) = end.decode() {
                let is_capacity = matches!(event, Event::Capacity { .. });
                prop_assert!(is_capacity);
            }
        }
        for id in (0..4).filter(|_| strict) {
            let numbers: Vec<_> = said.iter().filter(|(of, _)| *of == id).map(|(_, number)| *number).collect();
            prop_assert!(numbers.is_sorted());
        }
    }
}

#[test]
fn a_call_that_others_were_answered_before_is_forgotten_where_one_more_would_be_too_many() {
    for layout in LAYOUTS {
        let mut end = server_with(|limits| limits.open = 4);
        let all = names(&mut end, layout, &[1, 2, 3]);
        // Nobody answers the first.
        assert_eq!(answer(&mut end, layout, all[1]), Ok(Sent::All));
        assert_eq!(answer(&mut end, layout, all[2]), Ok(Sent::All));
        // With these it is one of four: as many as may be.
        names(&mut end, layout, &[4, 5, 6]);
        end.input().extend_from_slice(&call(layout, "reserve", 7));
        let forgotten = end.decode().unwrap();
        let Step::Event(Event::Reset(reset)) = forgotten else { panic!("{layout:?}: {forgotten:?}") };
        assert_eq!((reset.stream, reset.reason), (all[0], ResetReason::Cancelled), "{layout:?}");
        assert_eq!(head(&mut end, b"").stream().id(), 7, "{layout:?}");
        assert!(matches!(answer(&mut end, layout, all[0]), Err(EncodeError::NotOpen(_))), "{layout:?}");
        // Those that were not passed are waited for.
        end.input().extend_from_slice(&call(layout, "reserve", 8));
        assert!(matches!(end.decode(), Ok(Step::Paused)), "{layout:?}");
    }
}
