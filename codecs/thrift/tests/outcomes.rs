//! What an answer says, by the first bytes of its struct.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{Conn, Endpoint, Event, Limits, Outcome, Protocol, Role};
use meshwire_thrift::{Answer, Call, Encoding, Thrift, Transport, exception};

/// A client whose request is under way, with these limits.
fn asking(layout: (Wrap, Encoding), change: impl FnOnce(&mut Limits)) -> Endpoint {
    let mut end = end(&Thrift::new(), Role::Client, change);
    let asked = head(&mut server(), &call(layout, "reserve", 7));
    sent(&mut end, asked);
    end
}

/// Status and outcome of an answer, however it is cut.
#[track_caller]
fn told(layout: (Wrap, Encoding), kind: u8, body: &[u8]) -> (Option<u32>, Outcome) {
    let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, kind, "reserve", 7, body));
    let read = |whole: usize, piece: usize| {
        let mut end = asking(layout, |limits| limits.whole = whole);
        let all = events(&mut end, &bytes, piece).unwrap();
        let Event::Head(head) = &all[0] else { panic!("{all:?}") };
        assert!(all.last().unwrap().is_end());
        assert_eq!(data(&all), body);
        (head.status(), head.outcome())
    };
    let at_once = read(1 << 20, usize::MAX);
    let small = if bytes.len() < 5000 { 1 } else { 5000 };
    for whole in [1, bytes.len() - 1] {
        for piece in [small, 7 * small, usize::MAX] {
            assert_eq!(read(whole, piece), at_once, "{layout:?} {whole} {piece} {}", body.escape_ascii());
        }
    }
    assert_eq!(read(1 << 20, small), at_once, "{layout:?} {}", body.escape_ascii());
    at_once
}

#[test]
fn a_reply_is_a_success_or_a_declared_exception() {
    for layout in LAYOUTS {
        let encoding = layout.1;
        assert_eq!(told(layout, REPLY, nothing(encoding)), (None, Outcome::Success), "{layout:?}");
        assert_eq!(told(layout, REPLY, &text(encoding, 0, "a value")), (None, Outcome::Success), "{layout:?}");
        for field in [1, 2, 15] {
            assert_eq!(told(layout, REPLY, &text(encoding, field, "why")), (None, Outcome::Exception), "{layout:?}");
        }
    }
}

#[test]
fn values_of_every_type_are_a_success() {
    for layout in LAYOUTS {
        let bodies: &[&[u8]] = match layout.1 {
            Compact => &[b"\x01\0\0", b"\x02\0\0", b"\x05\0\x02\0", b"\x0c\0\0\0", b"\x09\0\x05\0", b"\x0b\0\0\0"],
            Json => {
                &[b"{\"0\":{\"tf\":1}}]", b"{\"0\":{\"lst\":[\"i32\",0]}}]", b"{\"0\":{\"rec\":{\"1\":{\"i32\":1}}}}]"]
            }
            _ => &[
                b"\x02\0\0\x01\0",
                b"\x08\0\0\0\0\0\x01\0",
                b"\x0c\0\0\0\0",
                b"\x0f\0\0\x08\0\0\0\0\0",
                b"\x0d\0\0\x08\x08\0\0\0\0\0",
            ],
        };
        for body in bodies {
            assert_eq!(told(layout, REPLY, body), (None, Outcome::Success), "{layout:?} {}", body.escape_ascii());
        }
        // Ids above 15, and below 0, which generators once gave out.
        let thrown: &[&[u8]] = match layout.1 {
            Compact => &[b"\x0c\x20\0\0", b"\x0c\x01\0\0", b"\xfc\0\0"],
            Json => &[b"{\"16\":{\"rec\":{}}}]", b"{\"-1\":{\"rec\":{}}}]", b"{\"01\":{\"rec\":{}}}]"],
            _ => &[b"\x0c\0\x10\0\0", b"\x0c\xff\xff\0\0", b"\x0c\x01\0\0\0"],
        };
        for body in thrown {
            assert_eq!(told(layout, REPLY, body), (None, Outcome::Exception), "{layout:?} {}", body.escape_ascii());
        }
    }
}

#[test]
fn an_exception_is_told_by_its_type() {
    for layout in LAYOUTS {
        for kind in [-1000, -2, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 1000, i32::MAX, i32::MIN] {
            let outcome = exception::outcome_of(kind);
            let body = thrown(layout.1, "why", kind);
            assert_eq!(told(layout, EXCEPTION, &body), (Some(kind as u32), outcome), "{layout:?} {kind}");
        }
    }
}

#[test]
fn its_type_may_come_first_or_alone() {
    for layout in LAYOUTS {
        let bodies: [&[u8]; 2] = match layout.1 {
            Compact => [b"\x25\x16\0", b"\x25\x16\x08\x02\x03why\0"],
            Json => [b"{\"2\":{\"i32\":11}}]", b"{\"2\":{\"i32\":11},\"1\":{\"str\":\"why\"}}]"],
            _ => [b"\x08\0\x02\0\0\0\x0b\0", b"\x08\0\x02\0\0\0\x0b\x0b\0\x01\0\0\0\x03why\0"],
        };
        for body in bodies {
            assert_eq!(told(layout, EXCEPTION, body), (Some(11), Outcome::Overloaded), "{layout:?}");
        }
    }
}

#[test]
fn an_exception_without_a_type_is_the_server_s() {
    for layout in LAYOUTS {
        let bodies: [&[u8]; 3] = match layout.1 {
            Compact => [b"\0", b"\x18\x03why\0", b"\x1c\0\0"],
            Json => [b"{}]", b"{\"1\":{\"str\":\"why\"}}]", b"{\"1\":{\"rec\":{}}}]"],
            _ => [b"\0", b"\x0b\0\x01\0\0\0\x03why\0", b"\x0c\0\x01\0\0"],
        };
        for body in bodies {
            assert_eq!(
                told(layout, EXCEPTION, body),
                (None, Outcome::ServerError),
                "{layout:?} {}",
                body.escape_ascii()
            );
        }
    }
}

#[test]
fn an_answer_that_streams_tells_it_too() {
    let large = "x".repeat(70_000);
    for layout in LAYOUTS {
        assert_eq!(told(layout, REPLY, &text(layout.1, 0, &large)), (None, Outcome::Success), "{layout:?}");
        assert_eq!(told(layout, REPLY, &text(layout.1, 1, &large)), (None, Outcome::Exception), "{layout:?}");
    }
}

#[test]
fn a_long_message_hides_a_type_and_no_more() {
    // Up to what is looked at of a head the type is found; behind that it may be anything, and is passed on.
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed && layout.1 != Json) {
        let read = |n: usize, tail: usize| {
            let mut body = thrown(layout.1, &"x".repeat(n), 11);
            body.pop();
            // Another field, so that the frame is larger than what is waited for.
            body.extend(if layout.1 == Compact { vec![0x18] } else { vec![11, 0, 3] });
            body.extend(if layout.1 == Compact { varint(tail as u32) } else { length(tail).to_vec() });
            body.extend(vec![b'y'; tail]);
            body.push(0);
            let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, EXCEPTION, "reserve", 7, &body));
            let all = events(&mut asking(layout, |_| {}), &bytes, 9999).unwrap();
            assert_eq!(data(&all).len(), body.len());
            let Event::Head(head) = &all[0] else { panic!("{all:?}") };
            (head.status(), head.outcome())
        };
        assert_eq!(read(1000, 100_000), (Some(11), Outcome::Overloaded), "{layout:?}");
        assert_eq!(read(60_000, 100_000), (Some(11), Outcome::Overloaded), "{layout:?}");
        assert_eq!(read(70_000, 100_000), (None, Outcome::Unknown), "{layout:?}");
        // Nothing in between is refused.
        for n in (65_460..65_520).step_by(4) {
            assert!(matches!(read(n, 1000), (Some(11), _) | (None, Outcome::Unknown)), "{layout:?} {n}");
        }
    }
}

#[test]
fn an_answer_may_end_before_it_says_what_it_is() {
    // In a frame it does; without one the end of the struct is waited for.
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed) {
        for kind in [REPLY, EXCEPTION] {
            let bodies: [&[u8]; 3] = match layout.1 {
                Compact => [b"", b"\x0c", b"\x18\x7fwhy"],
                Json => [b"", b"{\"1", b"{\"1\":{\"str\":\"wh"],
                _ => [b"", b"\x0b\0", b"\x0b\0\x01\0\0\0\x7fwhy"],
            };
            for body in bodies {
                let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, kind, "reserve", 7, body));
                let answer = head(&mut asking(layout, |_| {}), &bytes);
                let expected = match (kind, body.len()) {
                    (REPLY, 4..) => Outcome::Exception,
                    _ => Outcome::Unknown,
                };
                assert_eq!(answer.outcome(), expected, "{layout:?} {kind} {}", body.escape_ascii());
                assert_eq!(answer.data(), body);
            }
        }
    }
}

#[test]
fn an_outcome_is_told_where_nothing_else_is_looked_at() {
    let protocol = Thrift::new();
    for layout in LAYOUTS {
        let mut end = Endpoint::new(protocol.codec(Conn::client()));
        let asked = head(&mut server(), &call(layout, "reserve", 7));
        sent(&mut end, asked);
        let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, EXCEPTION, "reserve", 7, &thrown(layout.1, "", 12)));
        assert_eq!(head(&mut end, &bytes).outcome(), Outcome::Timeout, "{layout:?}");
    }
}

#[test]
fn answers_made_from_scratch_say_what_they_say_on_the_wire() {
    for transport in Transport::ALL {
        for encoding in Encoding::ALL {
            let json_has_no_place = encoding == Json && !matches!(transport, Transport::Framed | Transport::THeader);
            if json_has_no_place || transport == Transport::Dubbo && encoding != Binary {
                continue;
            }
            let asking =
                Call::new("reserve").in_transport(transport).in_encoding(encoding).with_body(nothing(encoding));
            let mut client = client_of(&Thrift::new().with_multiplexing(true));
            let mut server = server();
            let outcomes = Outcome::ALL.into_iter().map(Some).chain([None]);
            for (outcome, id) in outcomes.zip(0..) {
                let asked = head(&mut server, &sent(&mut client, asking.head(id)));
                let answer = match outcome {
                    Some(outcome) => Answer::exception("reserve", outcome, "why"),
                    None => Answer::new("reserve"),
                };
                let made = answer.head(asked.stream());
                let read = head(&mut client, &sent(&mut server, made.clone()));
                assert_eq!((read.outcome(), read.status()), (made.outcome(), made.status()), "{transport} {encoding}");
                assert_eq!((read.stream().id(), read.data()), (id, made.data()));
                let wanted =
                    outcome.map_or(Outcome::Success, |outcome| exception::outcome_of(exception::kind_of(outcome)));
                assert_eq!(read.outcome(), wanted);
            }
        }
    }
}
