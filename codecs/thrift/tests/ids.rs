//! The asking end: the ids that it writes, and how its answers find their requests.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{EncodeError, Event, LocalReply, Outcome, Sent, StreamId};
use meshwire_thrift::{Encoding, Thrift};

const IDS: [u32; 7] = [0, 1, 127, 128, 300, 0x8000_0000, u32::MAX];

/// A message whose envelope and begin have ids of their own.
fn two_ids(layout: (Wrap, Encoding), outer: u32, inner: u32) -> Vec<u8> {
    wrap(layout.0, layout.1, outer, &message(layout.1, CALL, "Store:reserve", inner, &text(layout.1, 1, "x")))
}

#[test]
fn another_id_changes_nothing_else() {
    for layout in LAYOUTS {
        let by_id = Thrift::new().with_multiplexing(true);
        for from in IDS {
            for to in IDS {
                let asked = head(&mut server(), &call(layout, "reserve", from));
                let out = sent_as(&mut client_of(&by_id), asked, to.into());
                // Dubbo's own id is the one in front; the message's stays.
                let expected = match layout.0 {
                    Wrap::Dubbo => dubbo(
                        SERVICE,
                        to.into(),
                        &message(Binary, CALL, "reserve", from, &text(Binary, 1, "an argument")),
                    ),
                    _ => call(layout, "reserve", to),
                };
                assert_eq!(out, expected, "{layout:?}: {from} to {to}");
            }
        }
    }
}

#[test]
fn fields_and_odd_headers_are_left_alone_by_another_id() {
    for encoding in [Binary, OldBinary, Compact, Json] {
        // Flags, padding in front of more padding, two blocks.
        let block =
            [&[number(encoding), 0, 1, 1][..], &[1, b'k', 1, b'v'], &[2, 1, 1, b'p', 1, b'q'], &[0; 10]].concat();
        let of = |id| {
            let mut bytes = theader(id, &block, &message(encoding, CALL, "reserve", id, nothing(encoding)));
            (bytes[6], bytes[7]) = (0x80, 0x03);
            bytes
        };
        assert_eq!(sent_as(&mut client(), head(&mut server(), &of(7)), 1000), of(1000), "{encoding}");
    }
}

#[test]
fn both_ids_of_a_header_are_written() {
    // fbthrift leaves the message's own at 0, Apache's Node the header's; servers give back the one or the other.
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0.has_fields()) {
        for (outer, inner) in [(7, 7), (7, 0), (0, 7), (300, 5), (5, 300), (0, 0)] {
            let asked = head(&mut server(), &two_ids(layout, outer, inner));
            let out = sent_as(&mut client(), asked, 0x0102);
            assert_eq!(out, two_ids(layout, 0x0102, 0x0102), "{layout:?} {outer} {inner}");
        }
    }
}

#[test]
fn both_ids_of_a_header_come_back_as_they_were() {
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0.has_fields()) {
        for (outer, inner) in [(7, 7), (7, 0), (0, 7), (300, 5), (u32::MAX, 0x8000_0000), (0, 0)] {
            let of = |message: &[u8]| wrap(layout.0, layout.1, outer, message);
            let mut end = server();
            let name = head(&mut end, &two_ids(layout, outer, inner)).stream();
            let mut answer =
                head(&mut client_after(&Thrift::new(), &two_ids(layout, 9, 9)), &reply(layout, "reserve", 9));
            answer.set_stream(name);
            let own = message(layout.1, REPLY, "reserve", inner, &text(layout.1, 0, "a value"));
            assert_eq!(sent(&mut end, answer), of(&own), "{layout:?} {outer} {inner}");
            // So do those of the proxy's own.
            let name = head(&mut end, &two_ids(layout, outer, inner)).stream();
            let mut own = end.reply(name, &LocalReply::new(Outcome::NoRoute, "x")).unwrap();
            assert_eq!(end.send(&mut own), Ok(Sent::All));
            let own = message(layout.1, EXCEPTION, "", inner, &thrown(layout.1, "x", 1));
            assert_eq!(end.output_mut().take(), of(&own), "{layout:?} {outer} {inner}");
        }
    }
}

#[test]
fn answers_by_id_come_in_any_order() {
    for layout in LAYOUTS {
        let mut end = client_of(&Thrift::new().with_multiplexing(true));
        for id in [10, 11, 12] {
            let asked = head(&mut server(), &call(layout, "reserve", 0));
            sent_as(&mut end, asked, id);
        }
        assert_eq!(end.codec().state().open, 3);
        for id in [12, 10, 11] {
            assert_eq!(head(&mut end, &reply(layout, "reserve", id)).stream().id(), u64::from(id), "{layout:?}");
        }
        assert_eq!(end.codec().state().open, 0);
    }
}

#[test]
fn an_id_wider_than_the_wire_s_is_refused() {
    for layout in LAYOUTS {
        let mut end = client_of(&Thrift::new().with_multiplexing(true));
        for id in [1 << 32, u64::MAX] {
            let mut event = Event::Head(head(&mut server(), &call(layout, "reserve", 7)));
            event.set_stream(StreamId::new(id).with_tag(event.stream().unwrap().tag()));
            let refused = end.send(&mut event).unwrap_err();
            assert!(
                matches!(refused, EncodeError::Invalid { what, .. } if what.contains("id is wider")),
                "{refused:?}"
            );
            assert!(end.output().is_empty() && !end.codec().state().sending);
        }
        let asked = head(&mut server(), &call(layout, "reserve", 7));
        assert!(!sent_as(&mut end, asked, u32::MAX.into()).is_empty(), "{layout:?}");
    }
}

#[test]
fn a_wire_that_goes_by_ids_wants_one() {
    for layout in LAYOUTS {
        let mut end = client_of(&Thrift::new().with_multiplexing(true));
        let mut event = Event::Head(head(&mut server(), &call(layout, "reserve", 7)));
        event.set_stream(StreamId::NEW.with_tag(event.stream().unwrap().tag()));
        assert!(matches!(end.send(&mut event), Err(EncodeError::Refused(_))), "{layout:?}");
    }
}

/// Sends `bytes` as a head without a name; the one that it was given.
fn ask(end: &mut meshwire::Endpoint, bytes: &[u8]) -> (StreamId, Vec<u8>) {
    let mut event = Event::Head(head(&mut server(), bytes));
    event.set_stream(StreamId::NEW.with_tag(event.stream().unwrap().tag()));
    assert_eq!(end.send(&mut event), Ok(Sent::All));
    let name = event.stream().unwrap();
    assert!(!name.is_new());
    (name, end.output_mut().take())
}

#[test]
fn by_order_requests_go_out_as_they_came() {
    for layout in LAYOUTS {
        for ids in [[0, 0, 0], [7, 7, 7], [3, 2, 1], [1, u32::MAX, 0]] {
            let mut end = client_of(&Thrift::new().with_multiplexing(false));
            let mut names = Vec::new();
            for id in ids {
                let (name, out) = ask(&mut end, &call(layout, "reserve", id));
                assert_eq!(out, call(layout, "reserve", id), "{layout:?}");
                assert!(!names.contains(&name), "{layout:?}: {name} twice");
                names.push(name);
            }
            assert_eq!(end.codec().state().open, 3);
            // And answers come in the same order.
            for (name, id) in names.iter().zip(ids) {
                assert_eq!(head(&mut end, &reply(layout, "reserve", id)).stream(), *name, "{layout:?}");
            }
            assert_eq!(end.codec().state().open, 0);
        }
    }
}

#[test]
fn by_order_both_ids_of_a_header_are_as_they_came() {
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0.has_fields()) {
        for (outer, inner) in [(7, 0), (0, 7), (u32::MAX, 1)] {
            let mut end = client_of(&Thrift::new().with_multiplexing(false));
            let (name, out) = ask(&mut end, &two_ids(layout, outer, inner));
            assert_eq!(out, two_ids(layout, outer, inner), "{layout:?}");
            assert_eq!(head(&mut end, &reply(layout, "reserve", 0)).stream(), name, "{layout:?}");
        }
    }
}

#[test]
fn by_order_an_answer_with_an_id_of_its_own_is_still_the_next_one() {
    for layout in LAYOUTS {
        for id in [0, 99] {
            let mut end = client_of(&Thrift::new().with_multiplexing(false));
            let names = [5, 6, 7].map(|id| ask(&mut end, &call(layout, "reserve", id)).0);
            for name in names {
                assert_eq!(head(&mut end, &reply(layout, "reserve", id)).stream(), name, "{layout:?}");
            }
            // One that nobody asked for is nobody's.
            let extra = head(&mut end, &reply(layout, "reserve", 5)).stream();
            assert!(!names.contains(&extra), "{layout:?}");
        }
    }
}

#[test]
fn by_order_one_way_calls_take_no_answer() {
    for layout in LAYOUTS {
        let mut end = client_of(&Thrift::new().with_multiplexing(false));
        let (first, _) = ask(&mut end, &call(layout, "reserve", 0));
        let body = text(layout.1, 1, "x");
        let (noted, _) = ask(&mut end, &wrap(layout.0, layout.1, 0, &message(layout.1, ONE_WAY, "note", 0, &body)));
        let (second, _) = ask(&mut end, &call(layout, "reserve", 0));
        assert!(first != second && noted != first, "{layout:?}");
        assert_eq!(end.codec().state().open, 2);
        for name in [first, second] {
            assert_eq!(head(&mut end, &reply(layout, "reserve", 0)).stream(), name, "{layout:?}");
        }
    }
}

#[test]
fn by_order_an_id_of_dubbo_s_keeps_all_of_its_bits() {
    for id in [1 << 32, u64::MAX] {
        let bytes = dubbo(SERVICE, id, &message(Binary, CALL, "reserve", 0, &[0]));
        let mut end = client_of(&Thrift::new().with_multiplexing(false));
        let (name, out) = ask(&mut end, &bytes);
        assert_eq!(out, bytes);
        let answer = dubbo("", id, &message(Binary, REPLY, "reserve", 0, &[0]));
        assert_eq!(head(&mut end, &answer).stream(), name);
    }
}

#[test]
fn a_connection_that_turns_out_to_be_unframed_goes_by_order() {
    let mut end = client();
    let names: Vec<_> = (0..3).map(|_| ask(&mut end, &call((Wrap::Unframed, Compact), "reserve", 0)).0).collect();
    for name in &names {
        assert_eq!(head(&mut end, &reply((Wrap::Unframed, Compact), "reserve", 0)).stream(), *name);
    }
    // Names that a holder picks are kept.
    let mut end = client();
    for id in [40, 41] {
        let asked = head(&mut server(), &call((Wrap::Unframed, Binary), "reserve", 0));
        assert_eq!(sent_as(&mut end, asked, id), call((Wrap::Unframed, Binary), "reserve", 0));
    }
    for id in [40, 41] {
        assert_eq!(head(&mut end, &reply((Wrap::Unframed, Binary), "reserve", 0)).stream().id(), id);
    }
}

#[test]
fn a_large_message_goes_out_under_another_id_as_it_comes() {
    let large = "x".repeat(200_000);
    for layout in LAYOUTS {
        let of = |id| wrap(layout.0, layout.1, id, &message(layout.1, CALL, "put", id, &text(layout.1, 1, &large)));
        let all = events(&mut server(), &of(7), 1000).unwrap();
        assert!(all.len() > 2, "{layout:?}");
        let mut end = client_of(&Thrift::new().with_transport(layout.0.transport()).with_multiplexing(true));
        for mut event in all {
            event.set_stream(StreamId::new(70_000).with_tag(event.stream().unwrap().tag()));
            assert_eq!(end.send(&mut event), Ok(Sent::All), "{layout:?}");
        }
        let out = end.output_mut().take();
        match layout.0 {
            Wrap::Dubbo => assert_eq!((&out[..40], &out[42..]), (&of(70_000)[..40], &of(7)[42..])),
            _ => assert_eq!(out, of(70_000), "{layout:?}"),
        }
        assert!(!end.codec().state().sending);
    }
}
