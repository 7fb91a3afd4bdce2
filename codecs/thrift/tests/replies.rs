//! Answers that the proxy gives itself: in the layout of their request, under its id, naming its method.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{Attr, Attribute, Endpoint, Event, LocalReply, Outcome, RoutingKey, Sent, StreamId};
use meshwire_thrift::{Encoding, Thrift, exception};

/// What a client reads of each, by the documentation of `exception::kind_of`.
const READ: [(Outcome, i32, Outcome); 13] = [
    (Outcome::Exception, 6, Outcome::ServerError),
    (Outcome::BadRequest, 7, Outcome::BadRequest),
    (Outcome::TooLarge, 7, Outcome::BadRequest),
    (Outcome::NoRoute, 1, Outcome::NoRoute),
    (Outcome::Unimplemented, 10, Outcome::Unimplemented),
    (Outcome::Unavailable, 15, Outcome::Unavailable),
    (Outcome::Timeout, 12, Outcome::Timeout),
    (Outcome::Overloaded, 11, Outcome::Overloaded),
    (Outcome::BadResponse, 5, Outcome::BadResponse),
    (Outcome::Denied, 6, Outcome::ServerError),
    (Outcome::Cancelled, 6, Outcome::ServerError),
    (Outcome::ServerError, 6, Outcome::ServerError),
    (Outcome::Unknown, 0, Outcome::ServerError),
];

/// The wire form of an answer of the proxy's own.
#[track_caller]
fn said(end: &mut Endpoint, stream: StreamId, reply: &LocalReply<'_>) -> Vec<u8> {
    let mut event = end.reply(stream, reply).unwrap();
    assert!(matches!(&event, Event::Head(head) if head.is_end() && head.stream() == stream));
    assert_eq!(end.send(&mut event), Ok(Sent::All));
    end.output_mut().take()
}

fn answer(layout: (Wrap, Encoding), method: &str, id: u32, kind: u8, body: &[u8]) -> Vec<u8> {
    let message = message(layout.1, kind, method, id, body);
    if layout.0 == Wrap::Dubbo { dubbo("", id.into(), &message) } else { wrap(layout.0, layout.1, id, &message) }
}

#[test]
fn each_outcome_is_read_as_what_is_written_of_it() {
    assert_eq!(READ.len() + 1, Outcome::ALL.len());
    for layout in LAYOUTS {
        for (outcome, kind, read) in READ {
            assert_eq!(exception::kind_of(outcome), kind, "{outcome}");
            let mut end = server();
            let asked = head(&mut end, &call(layout, "Store:reserve", 7)).stream();
            let out = said(&mut end, asked, &LocalReply::new(outcome, "it \u{e4}nds here").with_method(b"reserve"));
            assert_eq!(
                out.escape_ascii().to_string(),
                answer(layout, "reserve", 7, EXCEPTION, &thrown(layout.1, "it \u{e4}nds here", kind))
                    .escape_ascii()
                    .to_string(),
                "{layout:?} {outcome}"
            );
            assert_eq!(end.codec().state().open, 0);
            let told = head(&mut client_after(&Thrift::new(), &call(layout, "reserve", 7)), &out);
            assert_eq!((told.outcome(), told.status(), told.stream().id()), (read, Some(kind as u32), 7), "{layout:?}");
            assert_eq!(told.attribute(Attribute::Method), Attr::Value(b"reserve"), "{layout:?}");
        }
    }
}

#[test]
fn success_is_the_answer_of_a_method_without_a_value() {
    for layout in LAYOUTS {
        let mut end = server();
        let asked = head(&mut end, &call(layout, "reserve", 7)).stream();
        let out = said(&mut end, asked, &LocalReply::new(Outcome::Success, "not said").with_method(b"reserve"));
        assert_eq!(out, answer(layout, "reserve", 7, REPLY, nothing(layout.1)), "{layout:?}");
        let told = head(&mut client_after(&Thrift::new(), &call(layout, "reserve", 7)), &out);
        assert_eq!((told.outcome(), told.status()), (Outcome::Success, None), "{layout:?}");
    }
}

#[test]
fn a_reply_without_a_method_has_an_empty_name() {
    for layout in LAYOUTS {
        let mut end = server();
        let asked = head(&mut end, &call(layout, "reserve", 7)).stream();
        let out = said(&mut end, asked, &LocalReply::new(Outcome::NoRoute, ""));
        assert_eq!(out, answer(layout, "", 7, EXCEPTION, &thrown(layout.1, "", 1)), "{layout:?}");
        let told = head(&mut client_after(&Thrift::new(), &call(layout, "reserve", 7)), &out);
        assert_eq!(told.attribute(Attribute::Method), Attr::Value(b""));
    }
}

#[test]
fn a_one_way_call_gets_none() {
    for layout in LAYOUTS {
        for outcome in Outcome::ALL {
            let mut end = server();
            let bytes = message(layout.1, ONE_WAY, "note", 7, nothing(layout.1));
            let asked = head(&mut end, &wrap(layout.0, layout.1, 7, &bytes)).stream();
            assert!(end.reply(asked, &LocalReply::new(outcome, "").with_method(b"note")).is_none(), "{layout:?}");
            assert!(end.output().is_empty());
        }
    }
}

#[test]
fn ids_of_any_value_come_back() {
    for layout in LAYOUTS {
        for id in [0, 1, 300, 0x8000_0000, u32::MAX] {
            let mut end = server();
            let asked = head(&mut end, &call(layout, "reserve", id)).stream();
            let out = said(&mut end, asked, &LocalReply::new(Outcome::NoRoute, "x"));
            assert_eq!(out, answer(layout, "", id, EXCEPTION, &thrown(layout.1, "x", 1)), "{layout:?}");
        }
    }
    // All of Dubbo's.
    let id = 0x8000_0000_0000_0001;
    let mut end = server();
    let asked = head(&mut end, &dubbo(SERVICE, id, &message(Binary, CALL, "reserve", 7, &[0]))).stream();
    let out = said(&mut end, asked, &LocalReply::new(Outcome::NoRoute, "x"));
    assert_eq!(out, dubbo("", id, &message(Binary, EXCEPTION, "", 1, &thrown(Binary, "x", 1))));
}

#[test]
fn what_json_escapes_is_escaped() {
    let layout = (Wrap::Framed, Json);
    let mut end = server();
    let asked = head(&mut end, &call(layout, "reserve", 7)).stream();
    let told =
        LocalReply::new(Outcome::NoRoute, "a \"b\" \\ \n\0\u{1f} \u{7f} \u{20ac} \u{1f600}").with_method(b"reserve");
    let out = said(&mut end, asked, &told);
    let text = "a \\\"b\\\" \\\\ \\u000a\\u0000\\u001f \u{7f} \u{20ac} \u{1f600}";
    assert_eq!(out, answer(layout, "reserve", 7, EXCEPTION, &thrown(Json, text, 1)));
    assert_eq!(head(&mut client_after(&Thrift::new(), &call(layout, "reserve", 7)), &out).outcome(), Outcome::NoRoute);
    // A name cannot be, and is left out.
    for name in [&b"a\"b"[..], b"a\\b", b"a\nb"] {
        let asked = head(&mut end, &call(layout, "reserve", 8)).stream();
        let out = said(&mut end, asked, &LocalReply::new(Outcome::NoRoute, "x").with_method(name));
        assert_eq!(out, answer(layout, "", 8, EXCEPTION, &thrown(Json, "x", 1)));
    }
}

#[test]
fn a_message_that_looks_like_a_type_is_no_type() {
    for layout in LAYOUTS.into_iter().filter(|layout| layout.1 == Json) {
        let mut end = server();
        let asked = head(&mut end, &call(layout, "reserve", 7)).stream();
        let out = said(&mut end, asked, &LocalReply::new(Outcome::NoRoute, "\"2\":{\"i32\":11},\"2\":{\"i32\":11}}]"));
        assert_eq!(
            head(&mut client_after(&Thrift::new(), &call(layout, "reserve", 7)), &out).outcome(),
            Outcome::NoRoute
        );
    }
}

#[test]
fn a_method_longer_than_a_frame_is_for_is_left_out() {
    for layout in LAYOUTS {
        let most = if layout.1 == Json { 1024 } else { 65_535 };
        for (len, fits) in [(most, true), (most + 1, false)] {
            let name = "n".repeat(len);
            let mut end = server();
            let asked = head(&mut end, &call(layout, "reserve", 7)).stream();
            let out = said(&mut end, asked, &LocalReply::new(Outcome::NoRoute, "x").with_method(name.as_bytes()));
            let name = if fits { &name } else { "" };
            assert_eq!(out, answer(layout, name, 7, EXCEPTION, &thrown(layout.1, "x", 1)), "{layout:?}");
        }
    }
}

#[test]
fn what_is_refused_is_answered_in_its_transport() {
    // A type that no message has, where the header tells the id; without a header nobody knows it.
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed) {
        let mut end = server();
        let bad = match layout.1 {
            // A type of compact has three bits.
            Compact => message(Compact, 6, "reserve", 7, &[0]),
            encoding => message(encoding, 9, "reserve", 7, nothing(encoding)),
        };
        head(&mut end, &call(layout, "first", 6));
        let refused = error(&mut end, &wrap(layout.0, layout.1, 7, &bad));
        assert_eq!(refused.code, "message_type", "{layout:?}");
        let out = said(&mut end, refused.stream().unwrap(), &LocalReply::new(refused.outcome(), "x"));
        let id = if layout.0 == Wrap::Framed { 0 } else { 7 };
        let mut told = client_after(&Thrift::new(), &call((layout.0, Binary), "reserve", id));
        let told = head(&mut told, &out);
        assert_eq!((told.stream().id(), told.outcome()), (id.into(), Outcome::BadRequest), "{layout:?}");
        assert_eq!(head(&mut end, &call(layout, "reserve", 8)).stream().id(), 8);
    }
}

#[test]
fn a_reply_to_a_compressed_call_is_plain() {
    let compressed = miniz_oxide::deflate::compress_to_vec_zlib(&message(Compact, CALL, "Store:reserve", 7, &[0]), 6);
    let mut end = server();
    let asked = head(&mut end, &theader(7, &[2, 1, 1], &compressed)).stream();
    let out = said(&mut end, asked, &LocalReply::new(Outcome::NoRoute, "x").with_method(b"reserve"));
    assert_eq!(out, answer((Wrap::THeader, Compact), "reserve", 7, EXCEPTION, &thrown(Compact, "x", 1)));
}
