//! Messages without a frame: where they end, and what becomes of those that end nowhere.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use std::time::{Duration, Instant};

use common::*;
use meshwire::{
    Attr, Attribute, DecodeError, Endpoint, Event, Kind, Limit, LocalReply, Outcome, RoutingKey, Scope, Sent, Step,
    StreamId,
};
use meshwire_thrift::{Encoding, Thrift, Transport};

const ENCODINGS: [Encoding; 3] = [Binary, OldBinary, Compact];

fn a_call(encoding: Encoding, id: u32, body: &[u8]) -> Vec<u8> {
    message(encoding, CALL, "Store:reserve", id, body)
}

/// A struct that holds a string, a struct, a list of structs, a map, and numbers.
fn nested(encoding: Encoding) -> Vec<u8> {
    match encoding {
        Compact => [
            &b"\x18\x05hello\x1c\x15\x80\x01\x11\x12\0"[..],
            b"\x19\x2c\x18\x01a\0\x18\x01b\0",
            b"\x1b\x02\x85\x01k\x02\x02kk\x80\x80\x04",
            b"\x17\0\0\0\0\0\0\xf0\x3f\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x0d\xa0\x0116 bytes of uuid\0",
        ]
        .concat(),
        _ => [
            &b"\x0b\0\x01\0\0\0\x05hello\x0c\0\x02\x08\0\x01\0\0\0\x40\x02\0\x02\x01\0"[..],
            b"\x0f\0\x03\x0c\0\0\0\x02\x0b\0\x01\0\0\0\x01a\0\x0b\0\x01\0\0\0\x01b\0",
            b"\x0d\0\x04\x0b\x08\0\0\0\x02\0\0\0\x01k\0\0\0\x01\0\0\0\x02kk\0\0\x80\0",
            b"\x04\0\x05\x3f\xf0\0\0\0\0\0\0\x0a\0\x06\xff\xff\xff\xff\xff\xff\xff\xff\x10\0\xa016 bytes of uuid\0",
        ]
        .concat(),
    }
}

/// The events of one message, put together.
#[track_caller]
fn one(events: &[Event], bytes: &[u8]) {
    let Some((Event::Head(head), rest)) = events.split_first() else { panic!("{events:?}") };
    assert_eq!(
        (head.host(), head.attribute(Attribute::Method)),
        (Attr::Value(&b"Store"[..]), Attr::Value(&b"reserve"[..]))
    );
    let all: Vec<_> = [head.head_bytes(), &data(events)].concat();
    assert_eq!(all.escape_ascii().to_string(), bytes.escape_ascii().to_string());
    assert!(events.last().unwrap().is_end());
    assert!(rest.is_empty() || events[..rest.len()].iter().all(|event| !event.is_end()));
}

#[test]
fn a_message_that_is_waited_for_comes_in_one_event_at_every_split() {
    for encoding in ENCODINGS {
        let bytes = a_call(encoding, 7, &nested(encoding));
        for at in 0..=bytes.len() {
            let mut end = server();
            end.input().extend_from_slice(&bytes[..at]);
            let first = end.decode().unwrap();
            let head = if at == bytes.len() {
                let Step::Event(Event::Head(head)) = first else { panic!("{first:?}") };
                head
            } else {
                let Step::NeedMore(more) = first else { panic!("{encoding} {at}: {first:?}") };
                assert!(more.get() <= bytes.len() - at, "{encoding}: {more} at {at} of {}", bytes.len());
                assert_eq!(end.codec().state().receiving, at > 0, "{encoding} {at}");
                head(&mut end, &bytes[at..])
            };
            one(&[Event::Head(head)], &bytes);
            assert_eq!((end.unread(), end.codec().state().receiving), (0, false));
        }
    }
}

#[test]
fn messages_stand_back_to_back() {
    for encoding in ENCODINGS {
        let bodies = [nested(encoding), vec![0], text(encoding, 1, "x"), text(encoding, 2, ""), nested(encoding)];
        let all: Vec<_> = bodies.iter().zip(0..).map(|(body, id)| a_call(encoding, id, body)).collect();
        for piece in [1, 2, 3, 5, 17, 1000] {
            let mut end = server();
            let events = events(&mut end, &all.concat(), piece).unwrap();
            assert_eq!(events.len(), all.len(), "{encoding} {piece}");
            for (event, (bytes, id)) in events.iter().zip(all.iter().zip(0..)) {
                assert_eq!(event.stream().unwrap().id(), id);
                one(std::slice::from_ref(event), bytes);
            }
            assert_eq!((end.unread(), end.codec().state().open), (0, all.len()));
        }
    }
}

#[test]
fn larger_ones_stream_and_end_where_they_end() {
    for encoding in ENCODINGS {
        let bytes = a_call(encoding, 7, &nested(encoding));
        let next = a_call(encoding, 8, &[0]);
        let both = [&bytes[..], &next].concat();
        for whole in [0, 1, 20, 30, 50, bytes.len() - 1] {
            for piece in [1, 2, 7, 31, 64, 1000] {
                let mut end = server_with(|limits| limits.whole = whole);
                let mut events = events(&mut end, &both, piece).unwrap();
                let ends = events.iter().position(Event::is_end).unwrap() + 1;
                let rest = events.split_off(ends);
                assert!(events.len() > 1, "{encoding} {whole} {piece}");
                one(&events, &bytes);
                one(&rest, &next);
            }
        }
    }
}

#[test]
fn what_is_waited_for_has_a_limit() {
    for encoding in ENCODINGS {
        let bytes = a_call(encoding, 7, &text(encoding, 1, &"x".repeat(200)));
        for piece in [1, 10, 1000] {
            for (whole, streams) in [(bytes.len(), false), (bytes.len() - 1, true)] {
                let mut end = server_with(|limits| limits.whole = whole);
                let events = events(&mut end, &bytes, piece).unwrap();
                assert_eq!(events.len() > 1, streams, "{encoding} {piece}");
                one(&events, &bytes);
            }
        }
    }
}

/// Structs in each other, so many in all.
fn structs(encoding: Encoding, levels: usize) -> Vec<u8> {
    let open: &[u8] = if encoding == Compact { b"\x1c" } else { b"\x0c\0\x01" };
    [&open.repeat(levels - 1)[..], &vec![0; levels]].concat()
}

/// A struct, and in it lists in each other, so many levels in all.
fn lists(encoding: Encoding, levels: usize) -> Vec<u8> {
    match encoding {
        Compact => [&b"\x19"[..], &b"\x19".repeat(levels - 2), b"\x13\x01\0"].concat(),
        _ => [&b"\x0f\0\x01"[..], &b"\x0f\0\0\0\x01".repeat(levels - 2), b"\x03\0\0\0\x01\x01\0"].concat(),
    }
}

/// A refused message that can be answered, and nothing behind it.
#[track_caller]
fn last(end: &mut Endpoint, refused: &DecodeError, open: usize) {
    assert_eq!(refused.stream(), Some(StreamId::new(7)), "{refused}");
    assert_eq!(end.codec().state().open, open);
    assert!(!end.codec().state().close && end.codec().state().draining);
    let mut reply = end.reply(refused.stream().unwrap(), &LocalReply::new(refused.outcome(), "no")).unwrap();
    assert_eq!(end.send(&mut reply), Ok(Sent::All));
    assert!(!end.output_mut().take().is_empty());
    let after = error(end, &a_call(Binary, 9, &[0]));
    assert_eq!((after.scope, after.code, after.offset), (Scope::Connection, refused.code, refused.offset));
    assert!(end.codec().state().close);
}

#[test]
fn levels_have_a_limit() {
    for encoding in ENCODINGS {
        for most in [2, 3, 10, 64] {
            for deep in [structs, lists] {
                for piece in [1, 3, 1000] {
                    let limited = || server_with(|limits| limits.nesting = most);
                    let bytes = a_call(encoding, 7, &deep(encoding, most));
                    one(&events(&mut limited(), &bytes, piece).unwrap(), &bytes);
                    let bytes = a_call(encoding, 7, &deep(encoding, most + 1));
                    let mut end = limited();
                    let refused = events(&mut end, &bytes, piece).unwrap_err();
                    assert_eq!((refused.code, refused.limit), ("nesting", Some(Limit::Nesting)), "{encoding} {most}");
                    assert_eq!(refused.outcome(), Outcome::TooLarge);
                    assert_eq!(end.codec().stats().tripped(Limit::Nesting), 1);
                    last(&mut end, &refused, 1);
                }
            }
        }
        // The field that opens the level which is one too many.
        let width = if encoding == Compact { 1 } else { 3 };
        let begin = begin(encoding, CALL, "Store:reserve", 7).len() as u64;
        let mut end = server_with(|limits| limits.nesting = 10);
        let refused = error(&mut end, &a_call(encoding, 7, &structs(encoding, 11)));
        assert_eq!(refused.offset, begin + 9 * width, "{encoding}");
    }
}

#[test]
fn depth_costs_no_memory_and_no_stack() {
    let bytes = [begin(Binary, CALL, "Store:reserve", 7), b"\x0c\0\x01".repeat(1_000_000)].concat();
    let refused = events(&mut server(), &bytes, 100_000).unwrap_err();
    assert_eq!(refused.limit, Some(Limit::Nesting));
    let mut end = server_with(|limits| limits.nesting = usize::MAX);
    let begun = Instant::now();
    let events = events(&mut end, &bytes, 100_000).unwrap();
    assert!(!events.last().unwrap().is_end() && begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn negative_sizes_are_refused_where_they_stand() {
    let binary: [(&[u8], u64); 6] = [
        (b"\x0b\0\x01\xff\xff\xff\xff", 3),
        (b"\x0b\0\x01\x80\0\0\0", 3),
        (b"\x0f\0\x01\x0b\xff\xff\xff\xff", 4),
        (b"\x0e\0\x01\x08\x80\0\0\0", 4),
        (b"\x0d\0\x01\x08\x0b\xff\xff\xff\xff", 5),
        (b"\x08\0\x01\0\0\0\0\x0b\0\x02\xff\xff\xff\xff", 10),
    ];
    let compact: [(&[u8], u64); 4] = [
        (b"\x18\xff\xff\xff\xff\x0f", 1),
        (b"\x18\x80\x80\x80\x80\x08", 1),
        (b"\x19\xf8\xff\xff\xff\xff\x0f", 2),
        (b"\x1b\xff\xff\xff\xff\x0f\x88", 1),
    ];
    for encoding in ENCODINGS {
        let bodies = if encoding == Compact { &compact[..] } else { &binary };
        for (body, at) in bodies {
            for piece in [1, 1000] {
                let mut end = server();
                head(&mut end, &a_call(encoding, 6, &[0]));
                let begun = end.codec().stats().bytes_in;
                let begin = begin(encoding, CALL, "Store:reserve", 7).len() as u64;
                let refused = events(&mut end, &a_call(encoding, 7, body), piece).unwrap_err();
                assert_eq!(refused.code, "length", "{encoding} {}", body.escape_ascii());
                assert_eq!((refused.offset, refused.message_offset), (begun + begin + at, begun));
                assert_eq!(refused.outcome(), Outcome::BadRequest);
                // The one before it is owed its answer first.
                assert_eq!(end.codec().state().open, 2);
            }
        }
    }
}

#[test]
fn a_bad_struct_is_refused_in_words_and_costs_the_connection() {
    for (encoding, body, code, at) in [
        (Binary, &b"\x01\0\x01"[..], "type", 0),
        (Binary, b"\x0b\0\x01\0\0\0\x01a\x05", "type", 8),
        (OldBinary, b"\xff", "type", 0),
        (Compact, b"\x1e", "type", 0),
        (Compact, b"\x15\x80\x80\x80\x80\x80\x80", "varint", 5),
        (Compact, b"\x19\x1f\0", "type", 1),
    ] {
        for kind in [CALL, ONE_WAY] {
            let begin = begin(encoding, kind, "Store:reserve", 7).len() as u64;
            let mut end = server();
            let refused = error(&mut end, &message(encoding, kind, "Store:reserve", 7, body));
            assert_eq!((refused.code, refused.offset), (code, begin + at), "{encoding} {}", body.escape_ascii());
            assert_eq!(end.codec().stats().bad_messages, 1);
            if kind == CALL {
                last(&mut end, &refused, 1);
            } else {
                assert!(end.reply(refused.stream().unwrap(), &LocalReply::new(Outcome::BadRequest, "")).is_none());
                assert!(end.codec().state().close);
            }
        }
    }
}

#[test]
fn a_struct_that_turns_out_to_be_bad_behind_its_head() {
    for encoding in ENCODINGS {
        let bad: &[u8] = if encoding == Compact { b"\x1e" } else { b"\x01\0\x01" };
        let good = text(encoding, 1, &"x".repeat(300));
        let body = [&good[..good.len() - 1], bad].concat();
        let bytes = a_call(encoding, 7, &body);
        for piece in [1, 50, 1000] {
            let mut end = server_with(|limits| limits.whole = 100);
            let refused = events(&mut end, &bytes, piece).unwrap_err();
            assert_eq!(
                (refused.code, refused.offset),
                ("type", (bytes.len() - bad.len()) as u64),
                "{encoding} {piece}"
            );
            last(&mut end, &refused, 1);
        }
    }
}

#[test]
fn a_begin_that_cannot_be_read_costs_the_connection() {
    for (bytes, code, at) in [
        (&b"\x80\x01\0\x09\0\0\0\x01a\0\0\0\x07\0"[..], "message_type", 0),
        (b"\x80\x01\0\x01\xff\xff\xff\xff", "length", 0),
        (b"\x80\x01\0\x01\0\x01\0\x01", "head", 0),
        (b"\x82\x41\0\x01a\0", "direction", 0),
        (b"\x82\x22\0\x01a\0", "version", 0),
        (b"\x82\x21\x80\x80\x80\x80\x80\x01", "varint", 2),
        (b"[1,\"a\",1,1,{}]", "magic", 0),
        (b"\x10\0", "magic", 0),
    ] {
        let mut end = server();
        let first = head(&mut end, &a_call(Binary, 6, &[0])).stream();
        let begun = end.codec().stats().bytes_in;
        let refused = error(&mut end, bytes);
        assert_eq!((refused.code, refused.scope), (code, Scope::Connection), "{}", bytes.escape_ascii());
        assert_eq!(refused.offset, begun + at, "{}", bytes.escape_ascii());
        // What came before is answered still.
        assert!(!end.codec().state().close);
        let mut reply = end.reply(first, &LocalReply::new(Outcome::Success, "")).unwrap();
        assert_eq!(end.send(&mut reply), Ok(Sent::All));
        assert!(end.codec().state().close);
    }
}

#[test]
fn a_name_has_a_limit() {
    for encoding in ENCODINGS {
        for most in [40, 1000] {
            let mut end = end(&Thrift::new().with_transport(Transport::Unframed), meshwire::Role::Server, |limits| {
                limits.head = most;
            });
            let name = "n".repeat(most);
            let asked = head(&mut end, &message(encoding, CALL, &name, 7, &[0]));
            assert_eq!(asked.attribute(Attribute::Method), Attr::Value(name.as_bytes()), "{encoding}");
            let refused = error(&mut end, &message(encoding, CALL, &format!("{name}n"), 7, &[0]));
            assert_eq!((refused.limit, refused.scope), (Some(Limit::Head), Scope::Connection), "{encoding}");
        }
    }
}

#[test]
fn a_message_has_a_limit_if_one_is_set() {
    for encoding in ENCODINGS {
        // One that says how long it will be, one that does not, and one whose last field tells.
        let long = text(encoding, 1, &"x".repeat(500));
        let many =
            [&if encoding == Compact { b"\x13\x01".repeat(250) } else { b"\x03\0\x01\x01".repeat(125) }[..], &[0]]
                .concat();
        let late = [&many[..many.len() - 1], &text(encoding, 1, &"x".repeat(200))].concat();
        for body in [long, many, late] {
            let bytes = a_call(encoding, 7, &body);
            for whole in [100, 65_536] {
                for piece in [1, 2, 7, 50, 100_000] {
                    let limited =
                        |most: usize| server_with(|limits| (limits.message, limits.whole) = (Some(most as u64), whole));
                    one(&events(&mut limited(bytes.len()), &bytes, piece).unwrap(), &bytes);
                    let mut end = limited(bytes.len() - 1);
                    let refused = events(&mut end, &bytes, piece).unwrap_err();
                    assert_eq!(
                        (refused.code, refused.limit),
                        ("message", Some(Limit::Message)),
                        "{encoding} {whole} {piece}"
                    );
                    assert_eq!((refused.offset, refused.outcome()), (0, Outcome::TooLarge));
                    last(&mut end, &refused, 1);
                }
            }
        }
    }
}

#[test]
fn a_claim_past_the_limit_is_refused_at_once() {
    // A string, and containers of what has one width each.
    for (encoding, body) in [
        (Binary, &b"\x0b\0\x01\x7f\xff\xff\xff"[..]),
        (Binary, b"\x0f\0\x01\x0a\x7f\xff\xff\xff"),
        (OldBinary, b"\x0d\0\x01\x08\x02\x7f\xff\xff\xff"),
        (Compact, b"\x18\xff\xff\xff\xff\x07"),
        (Compact, b"\x19\xf7\xff\xff\xff\xff\x07"),
        (Compact, b"\x1b\xff\xff\xff\xff\x07\xdd"),
    ] {
        let mut end = server_with(|limits| limits.message = Some(1 << 20));
        let refused = error(&mut end, &a_call(encoding, 7, body));
        assert_eq!(refused.limit, Some(Limit::Message), "{}", body.escape_ascii());
        last(&mut end, &refused, 1);
        // Without a limit it is taken at its word, and nothing is held for it.
        let mut end = server();
        let Event::Head(head) = event(&mut end, &a_call(encoding, 7, body)) else { panic!() };
        assert!(!head.is_end());
        assert!(matches!(end.decode(), Ok(Step::NeedMore(more)) if more.get() <= 1024), "{}", body.escape_ascii());
    }
}

#[test]
fn endless_containers_stream_as_they_come() {
    // Lists of two billion empty structs, each a byte, and the same in each other.
    for (encoding, open) in [
        (Binary, &b"\x0f\0\x01\x0c\x7f\xff\xff\xff"[..]),
        (Binary, b"\x0f\0\x01\x0f\x7f\xff\xff\xff\x0c\x7f\xff\xff\xff"),
        (Compact, b"\x19\xfc\xff\xff\xff\xff\x07"),
        (Compact, b"\x1b\xff\xff\xff\xff\x07\xcc"),
    ] {
        let mut end = server();
        let begun = Instant::now();
        // What they claim is no reason to do anything.
        assert!(events(&mut end, &a_call(encoding, 7, open), 1).unwrap().is_empty());
        let mut passed = 0;
        for _ in 0..32 {
            let all = events(&mut end, &[0; 65_536], 65_536).unwrap();
            assert!(all.iter().all(|event| !event.is_end()) && end.unread() < 16);
            passed += all.len();
        }
        assert!(passed > 31 && begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        let all = (a_call(encoding, 7, open).len() + 32 * 65_536) as u64;
        assert_eq!(end.codec().stats().bytes_in + end.unread() as u64, all);
    }
}

#[test]
fn no_more_is_asked_for_than_goes_on() {
    // A list of structs that hold a number: cut inside of each, little is missing, though much is to come.
    for (encoding, open, element) in [
        (Binary, &b"\x0f\0\x01\x0c\0\x01\0\0"[..], &b"\x0a\0\x01\0\0\0\0\0\0\0\x01\0"[..]),
        (Compact, b"\x19\xfc\x80\x80\x04", b"\x16\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\0"),
    ] {
        for n in 1..element.len() {
            let mut end = server_with(|limits| limits.whole = 20);
            let first =
                events(&mut end, &[&a_call(encoding, 7, open)[..], element, element].concat(), usize::MAX).unwrap();
            assert!(!first.is_empty());
            assert!(events(&mut end, &element[..n], usize::MAX).unwrap().len() < 2);
            let Ok(Step::NeedMore(more)) = end.decode() else { panic!("{encoding} {n}") };
            assert!(more.get() <= element.len() - n, "{encoding}: {more} at {n} of {}", element.len());
            assert!(!events(&mut end, &element[n..], usize::MAX).unwrap().is_empty());
        }
    }
}

#[test]
fn the_end_of_input_inside_a_message_is_a_truncation() {
    for encoding in ENCODINGS {
        let bytes = a_call(encoding, 7, &nested(encoding));
        for whole in [20, 65_536] {
            for n in 1..bytes.len() {
                let mut end = server_with(|limits| limits.whole = whole);
                head(&mut end, &message(encoding, CALL, "x", 6, &[0]));
                let begun = end.codec().stats().bytes_in;
                events(&mut end, &bytes[..n], usize::MAX).unwrap();
                end.set_eof();
                let refused = error(&mut end, b"");
                assert_eq!((refused.code, refused.scope), ("truncated", Scope::Connection), "{encoding} {n}");
                assert_eq!((refused.offset, refused.message_offset), (begun + n as u64, begun), "{encoding} {n}");
                assert_eq!(error(&mut end, b""), refused);
            }
        }
        let mut end = server();
        let asked = head(&mut end, &bytes);
        end.set_eof();
        assert!(matches!(end.decode(), Ok(Step::Paused)), "it is owed an answer");
        let mut answer = end.reply(asked.stream(), &LocalReply::new(Outcome::Success, "")).unwrap();
        assert_eq!(end.send(&mut answer), Ok(Sent::All));
        assert!(matches!(end.decode(), Ok(Step::Closed)));
    }
}

#[test]
fn data_that_nobody_releases_stops_the_peer() {
    for encoding in ENCODINGS {
        let bytes = a_call(encoding, 7, &text(encoding, 1, &"x".repeat(10_000)));
        let mut end = server_with(|limits| (limits.whole, limits.window) = (100, 3000));
        let (mut taken, mut stream) = (0, StreamId::NEW);
        for piece in bytes.chunks(500) {
            end.input().extend_from_slice(piece);
            while let Ok(Step::Event(event)) = end.decode() {
                taken += event.data_len();
                stream = event.stream().unwrap();
            }
        }
        assert!((3000..3600).contains(&taken), "{encoding} {taken}");
        assert!(matches!(end.decode(), Ok(Step::Paused)));
        end.release(stream, taken);
        let rest = events(&mut end, b"", 1).unwrap();
        assert!(rest.is_empty());
        let mut all = taken;
        while let Ok(Step::Event(event)) = end.decode() {
            all += event.data_len();
            end.release(event.stream().unwrap(), event.data_len());
        }
        assert_eq!(all, text(encoding, 1, &"x".repeat(10_000)).len());
    }
}

#[test]
fn requests_that_wait_for_answers_have_a_limit() {
    for encoding in ENCODINGS {
        let mut end = server_with(|limits| limits.open = 3);
        let all: Vec<_> = (0..5).flat_map(|id| a_call(encoding, id, &[0])).collect();
        let asked = events(&mut end, &all, 7).unwrap();
        assert_eq!(asked.len(), 3, "{encoding}");
        assert!(matches!(end.decode(), Ok(Step::Paused)));
        let mut reply = end.reply(asked[0].stream().unwrap(), &LocalReply::new(Outcome::Success, "")).unwrap();
        assert_eq!(end.send(&mut reply), Ok(Sent::All));
        assert_eq!(head(&mut end, b"").stream().id(), 3);
        assert!(matches!(end.decode(), Ok(Step::Paused)));
    }
}

#[test]
fn a_body_goes_out_as_it_came_in() {
    for encoding in ENCODINGS {
        let bytes = a_call(encoding, 7, &nested(encoding));
        for id in [7, 300] {
            for piece in [1, 10, 64] {
                let mut end = server_with(|limits| limits.whole = 40);
                let mut out = client_of(&Thrift::new().with_multiplexing(true));
                for mut event in events(&mut end, &bytes, piece).unwrap() {
                    event.set_stream(StreamId::new(id.into()).with_tag(event.stream().unwrap().tag()));
                    assert_eq!(out.send(&mut event), Ok(Sent::All));
                }
                assert_eq!(out.output_mut().take(), a_call(encoding, id, &nested(encoding)), "{encoding}");
                assert!(!out.codec().state().sending);
            }
        }
    }
}

#[test]
fn a_message_under_way_that_is_given_up_costs_the_connection() {
    use meshwire::{EncodeError, Reset, ResetReason};

    let bytes = a_call(Binary, 7, &nested(Binary));
    let mut end = server_with(|limits| limits.whole = 40);
    let mut first = events(&mut end, &bytes, 1000).unwrap().swap_remove(0);
    let mut out = client();
    assert_eq!(out.send(&mut first), Ok(Sent::All));
    let stream = first.stream().unwrap();
    assert!(out.codec().state().sending);
    assert_eq!(out.send(&mut Event::Reset(Reset { stream, reason: ResetReason::Cancelled })), Ok(Sent::All));
    assert!(out.codec().state().close);
    let mut next = Event::Head(head(&mut server(), &a_call(Binary, 8, &[0])));
    assert!(matches!(out.send(&mut next), Err(EncodeError::Refused(_))));
}

#[test]
fn messages_to_the_peer_stand_back_to_back_too() {
    let mut end = server_with(|limits| limits.whole = 40);
    let mut out = client_of(&Thrift::new().with_multiplexing(true));
    let mut all = events(&mut end, &a_call(Binary, 7, &nested(Binary)), 1000).unwrap();
    let mut next = Event::Head(head(&mut server(), &a_call(Compact, 8, &[0])));
    assert_eq!(out.send(&mut all[0]), Ok(Sent::All));
    assert_eq!(out.send(&mut next), Ok(Sent::Blocked));
    assert_eq!(out.codec().capacity(next.stream().unwrap()), 0);
    assert!(!matches!(out.decode(), Ok(Step::Event(_))));
    for event in &mut all[1..] {
        assert_eq!(out.send(event), Ok(Sent::All));
    }
    assert!(matches!(out.decode(), Ok(Step::Event(Event::Capacity { .. }))));
    assert_eq!(out.send(&mut next), Ok(Sent::All));
    let sent = [a_call(Binary, 7, &nested(Binary)), a_call(Compact, 8, &[0])].concat();
    assert_eq!(out.output_mut().take(), sent);
}

#[test]
fn a_one_way_call_is_owed_nothing() {
    for encoding in ENCODINGS {
        let mut end = server();
        let asked = head(&mut end, &message(encoding, ONE_WAY, "note", 7, &nested(encoding)));
        assert_eq!((asked.kind(), end.codec().state().open), (Kind::OneWay, 0));
        assert!(end.reply(asked.stream(), &LocalReply::new(Outcome::Success, "")).is_none());
    }
}
