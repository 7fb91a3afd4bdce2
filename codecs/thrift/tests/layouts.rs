//! Every transport with every encoding: what is read of a message, on both ends, and by which of its first bytes.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{
    Attr, Attribute, Detection, Kind, LocalReply, Outcome, Protocol, RoutingKey, Scope, Sent, Step, StreamId,
};
use meshwire_thrift::{Thrift, Transport};

#[test]
fn a_call_tells_its_destination_in_every_layout() {
    for layout in LAYOUTS {
        let (name, service) = match layout.0 {
            Wrap::Dubbo => ("reserve", SERVICE),
            _ => ("Store:reserve", "Store"),
        };
        let body = text(layout.1, 1, "an argument");
        for (kind, told) in [(CALL, Kind::Request), (ONE_WAY, Kind::OneWay)] {
            let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, kind, name, 7, &body));
            let mut end = server();
            let head = head(&mut end, &bytes);
            assert_eq!((head.kind(), head.stream(), head.is_end()), (told, StreamId::new(7), true), "{layout:?}");
            assert_eq!(head.attribute(Attribute::Service), Attr::Value(service.as_bytes()), "{layout:?}");
            assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"reserve"), "{layout:?}");
            for absent in [Attribute::Authority, Attribute::Path, Attribute::Verb, Attribute::Version, Attribute::Group]
            {
                assert_eq!(head.attribute(absent), Attr::Absent, "{layout:?}");
            }
            assert_eq!((head.host(), head.verb()), (Attr::Value(service.as_bytes()), Attr::Value(b"reserve")));
            let path = head.path().unwrap().unwrap().to_bytes().into_owned();
            assert_eq!(path, format!("/{service}/reserve").into_bytes());
            assert_eq!((head.data(), head.bytes().len()), (&body[..], bytes.len()), "{layout:?}");
            assert_eq!(head.head_bytes().len(), bytes.len() - body.len(), "{layout:?}");
            assert_eq!((head.outcome(), head.status(), head.timeout()), (Outcome::Unknown, None, None));
            assert_eq!(head.fields().unwrap().count(), 0, "{layout:?}");
            assert_eq!(end.codec().state().open, usize::from(kind == CALL), "{layout:?}");
            assert_eq!(end.codec().stats().bytes_in, bytes.len() as u64);
        }
    }
}

#[test]
fn an_answer_is_read_in_every_layout() {
    for layout in LAYOUTS {
        for (kind, body, outcome, status) in [
            (REPLY, text(layout.1, 0, "a value"), Outcome::Success, None),
            (EXCEPTION, thrown(layout.1, "no such method", 1), Outcome::NoRoute, Some(1)),
        ] {
            let mut end = client_after(&Thrift::new(), &call(layout, "reserve", 7));
            assert_eq!(end.codec().state().open, 1);
            let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, kind, "reserve", 7, &body));
            let head = head(&mut end, &bytes);
            assert_eq!((head.kind(), head.stream().id(), head.is_end()), (Kind::Response, 7, true), "{layout:?}");
            assert_eq!((head.outcome(), head.status()), (outcome, status), "{layout:?}");
            assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"reserve"), "{layout:?}");
            assert_eq!(head.data(), body, "{layout:?}");
            assert_eq!(end.codec().state().open, 0, "{layout:?}");
        }
    }
}

#[test]
fn ids_have_32_bits_of_any_value() {
    for layout in LAYOUTS {
        for id in [0, 1, 127, 128, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let asked = head(&mut server(), &call(layout, "reserve", id));
            assert_eq!(asked.stream().id(), u64::from(id), "{layout:?}");
            let mut end = client_after(&Thrift::new(), &call(layout, "reserve", id));
            assert_eq!(head(&mut end, &reply(layout, "reserve", id)).stream().id(), u64::from(id), "{layout:?}");
        }
    }
}

#[test]
fn a_name_is_split_on_its_first_colon() {
    let split: [(&str, Attr<'_>, &[u8]); 6] = [
        ("reserve", Attr::Absent, b"reserve"),
        ("Store:reserve", Attr::Value(b"Store"), b"reserve"),
        ("com.example.Store:a:b", Attr::Value(b"com.example.Store"), b"a:b"),
        (":reserve", Attr::Value(b""), b"reserve"),
        ("Store:", Attr::Value(b"Store"), b""),
        (":", Attr::Value(b""), b""),
    ];
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Dubbo) {
        for (name, service, method) in split {
            let head = head(&mut server(), &call(layout, name, 7));
            assert_eq!(head.attribute(Attribute::Service), service, "{layout:?} {name}");
            assert_eq!(head.attribute(Attribute::Method), Attr::Value(method), "{layout:?} {name}");
        }
    }
    // Dubbo's has a place of its own for the service.
    let head = head(&mut server(), &call((Wrap::Dubbo, Binary), "a:b", 7));
    assert_eq!(head.host(), Attr::Value(SERVICE.as_bytes()));
    assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"a:b"));
}

#[test]
fn a_service_that_is_configured_is_that_of_calls_that_name_none() {
    let protocol = Thrift::new().with_service("shop.Store");
    for layout in LAYOUTS {
        let own = if layout.0 == Wrap::Dubbo { SERVICE } else { "shop.Store" };
        let asked = head(&mut server_of(&protocol), &call(layout, "reserve", 7));
        assert_eq!(asked.host(), Attr::Value(own.as_bytes()), "{layout:?}");
        assert_eq!(sent(&mut client(), asked), call(layout, "reserve", 7), "it is nothing that is written");
        if layout.0 != Wrap::Dubbo {
            let named = head(&mut server_of(&protocol), &call(layout, "Other:reserve", 7));
            assert_eq!(named.host(), Attr::Value(b"Other"), "{layout:?}");
        }
    }
    // Answers name none, and are nobody's.
    let layout = (Wrap::Framed, Compact);
    let answer = head(&mut client_after(&protocol, &call(layout, "reserve", 7)), &reply(layout, "reserve", 7));
    assert_eq!(answer.attribute(Attribute::Service), Attr::Absent);
}

/// What a proxy for Dubbo takes in its own tests: a call of `testMethod` without arguments, and without their end.
const DUBBO: &[u8] = b"\0\0\0\x43\xda\xbc\0\0\0\x43\0\x2d\x01\0\0\0\x18com.pkg.test.TestService\0\0\0\0\0\0\0\x01\
    \x80\x01\0\x01\0\0\0\x0atestMethod\0\0\0\x01";

#[test]
fn dubbo_s_own_frame() {
    let mut whole = [DUBBO, &[0]].concat();
    (whole[3], whole[9]) = (0x44, 0x44);
    for (bytes, data) in [(DUBBO, &[][..]), (&whole[..], &[0])] {
        let mut end = server();
        let head = head(&mut end, bytes);
        assert_eq!((head.kind(), head.stream().id(), head.is_end()), (Kind::Request, 1, true));
        assert_eq!(head.host(), Attr::Value(b"com.pkg.test.TestService"));
        assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"testMethod"));
        assert_eq!((head.head_bytes().len(), head.data()), (71, data));
        assert_eq!(sent(&mut client(), head.clone()), bytes);
        assert_eq!(sent_as(&mut client(), head, 0x0102_0304)[41..49], [0, 0, 0, 0, 1, 2, 3, 4]);
    }
    // The byte that the length does not count is the next message's.
    let mut end = server();
    head(&mut end, &[DUBBO, &[0]].concat());
    assert_eq!(end.unread(), 1);
}

#[test]
fn dubbo_s_ids_have_64_bits_and_come_back_as_they_came() {
    for id in [0, 1, u64::from(u32::MAX) + 1, 0x8000_0000_0000_0007, u64::MAX] {
        let bytes = dubbo(SERVICE, id, &message(Binary, CALL, "reserve", 5, &[0]));
        let mut end = server();
        let asked = head(&mut end, &bytes);
        // A proxy picks ids of 32 bits on its other side.
        let up = sent_as(&mut client(), asked.clone(), 9);
        assert_eq!(up, dubbo(SERVICE, 9, &message(Binary, CALL, "reserve", 5, &[0])));
        let answer = dubbo("", 9, &message(Binary, REPLY, "reserve", 5, &[0]));
        let mut answer = head(&mut client_after(&Thrift::new(), &up), &answer);
        assert_eq!(answer.stream().id(), 9);
        answer.set_stream(asked.stream());
        assert_eq!(sent(&mut end, answer), dubbo("", id, &message(Binary, REPLY, "reserve", 5, &[0])), "{id:#x}");
    }
}

#[test]
fn a_message_is_told_a_byte_at_a_time() {
    for layout in LAYOUTS {
        let name = if layout.0 == Wrap::Dubbo { "reserve" } else { "Store:reserve" };
        let bytes = call(layout, name, 7);
        let mut end = server();
        for (n, byte) in bytes.iter().enumerate() {
            match end.decode() {
                Ok(Step::NeedMore(more)) => assert!(n + more.get() <= bytes.len(), "{layout:?}: {more} at {n}"),
                other => panic!("{layout:?} {n}: {other:?}"),
            }
            end.input().extend_from_slice(&[*byte]);
        }
        let head = head(&mut end, b"");
        assert_eq!(
            (head.bytes().len(), head.attribute(Attribute::Method)),
            (bytes.len(), Attr::Value(&b"reserve"[..]))
        );
        assert!(matches!(end.decode(), Ok(Step::NeedMore(_))));
        assert!(!end.codec().state().receiving, "{layout:?}");
    }
}

#[test]
fn each_frame_is_of_its_own_layout() {
    let framed: Vec<_> = LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed).collect();
    let mut end = server();
    for (n, layout) in framed.iter().chain(framed.iter().rev()).enumerate() {
        let asked = head(&mut end, &call(*layout, "reserve", n as u32));
        assert_eq!((asked.stream().id(), asked.attribute(Attribute::Method)), (n as u64, Attr::Value(&b"reserve"[..])));
        assert_eq!(sent(&mut client(), asked), call(*layout, "reserve", n as u32), "{layout:?}");
    }
    let mut end = server();
    let unframed = [Compact, Binary, OldBinary, OldBinary, Binary, Compact];
    for (n, encoding) in unframed.into_iter().enumerate() {
        let asked = head(&mut end, &call((Wrap::Unframed, encoding), "reserve", n as u32));
        assert_eq!(asked.stream().id(), n as u64, "{encoding}");
    }
}

#[test]
fn what_begins_no_call_costs_the_connection() {
    for (bytes, code) in [
        (&b"GET / HTTP/1.1\r\n"[..], "magic"),
        (b"\0\0\0\0\0\0", "length"),
        (b"\x80\x02\0\x01", "magic"),
        (b"\xff\xff\xff\xff\x80\x01", "magic"),
        (&reply((Wrap::Unframed, Compact), "reserve", 7), "direction"),
    ] {
        let mut end = server();
        let refused = error(&mut end, bytes);
        assert_eq!((refused.code, refused.scope, refused.offset), (code, Scope::Connection, 0));
        assert_eq!(error(&mut end, &call((Wrap::Framed, Binary), "reserve", 7)), refused);
        let state = end.codec().state();
        assert!(state.close && state.draining && !state.receiving);
    }
}

#[test]
fn a_name_that_nobody_has_is_not_taken_for_a_call_but_read_where_it_is_one() {
    for layout in LAYOUTS {
        let is_told_by_its_name = matches!(layout.0, Wrap::Framed | Wrap::Unframed);
        for (name, told) in
            [("n".repeat(512), true), ("n".repeat(513), false), ("a b".into(), false), ("gr\u{fc}n".into(), false)]
        {
            let bytes = call(layout, &name, 7);
            let told = told || !is_told_by_its_name;
            let detected = Thrift::new().detect(&bytes);
            assert_eq!(detected, if told { Detection::Yes } else { Detection::No }, "{layout:?} {name}");
            let mut end = server();
            end.input().extend_from_slice(&bytes);
            assert!(end.decode().is_ok(), "{layout:?} {name}");
            let mut end = server_of(&Thrift::new().with_transport(layout.0.transport()));
            assert_eq!(head(&mut end, &bytes).verb(), Attr::Value(name.as_bytes()), "{layout:?}");
        }
    }
}

#[test]
fn a_connection_that_drains_answers_what_it_has() {
    for layout in LAYOUTS {
        // Also where nothing is known of it yet.
        for begun in [false, true] {
            let mut end = server();
            if begun {
                head(&mut end, &call(layout, "reserve", 7));
            }
            let (codec, mut cx) = end.codec_mut();
            codec.go_away(&mut cx);
            assert!(end.codec().state().draining && end.output().is_empty(), "there is nothing to say it with");
            let asked = head(&mut end, &call(layout, "reserve", 8));
            assert!(end.codec().state().draining && !end.codec().state().close);
            let mut reply = end.reply(asked.stream(), &LocalReply::new(Outcome::Success, "")).unwrap();
            assert_eq!(end.send(&mut reply), Ok(Sent::All), "{layout:?}");
        }
    }
}

#[test]
fn the_end_of_input_before_anything_is_known() {
    let mut end = server();
    end.set_eof();
    assert!(matches!(end.decode(), Ok(Step::Closed)));
    for n in 1..6 {
        let mut end = server();
        end.input().extend_from_slice(&b"\0\0\0\x20\x80\x01"[..n]);
        end.set_eof();
        let refused = error(&mut end, b"");
        assert_eq!((refused.code, refused.scope, refused.offset), ("truncated", Scope::Connection, n as u64));
        assert_eq!(error(&mut end, b""), refused);
    }
}

#[test]
fn a_pinned_transport_refuses_all_others() {
    for pinned in Transport::ALL {
        let protocol = Thrift::new().with_transport(pinned);
        for layout in LAYOUTS {
            let bytes = call(layout, "reserve", 7);
            let mut end = server_of(&protocol);
            if layout.0.transport() == pinned {
                assert_eq!(protocol.detect(&bytes), Detection::Yes, "{pinned} {layout:?}");
                assert_eq!(head(&mut end, &bytes).stream().id(), 7, "{pinned} {layout:?}");
                continue;
            }
            assert_eq!(protocol.detect(&bytes), Detection::No, "{pinned} {layout:?}");
            if pinned == Transport::Unframed || layout.0 == Wrap::Unframed {
                // Without frames, or taken for frames, they make no sense to the end.
                end.input().extend_from_slice(&bytes);
                end.set_eof();
                assert!(error(&mut end, b"").is_fatal(), "{pinned} {layout:?}");
                continue;
            }
            let refused = error(&mut end, &bytes);
            assert_eq!((refused.code, refused.offset), ("layout", 0), "{pinned} {layout:?}");
            let Scope::Message(stream) = refused.scope else { panic!("{refused}") };
            assert_eq!(stream.id(), 7, "{pinned} {layout:?}");
            // In its own transport it is told so.
            let mut reply = end.reply(stream, &LocalReply::new(refused.outcome(), "")).unwrap();
            assert_eq!(end.send(&mut reply), Ok(Sent::All));
            let told = head(&mut client_after(&Thrift::new(), &bytes), &end.output_mut().take());
            assert_eq!((told.stream().id(), told.outcome()), (7, Outcome::BadRequest), "{pinned} {layout:?}");
        }
    }
}

#[test]
fn a_pinned_encoding_refuses_all_others() {
    for pinned in meshwire_thrift::Encoding::ALL {
        let protocol = Thrift::new().with_encoding(pinned);
        for layout in LAYOUTS {
            let is_binary = |encoding| matches!(encoding, Binary | OldBinary);
            let same = pinned == layout.1 || is_binary(pinned) && is_binary(layout.1);
            let bytes = call(layout, "reserve", 7);
            let mut end = server_of(&protocol);
            if same {
                assert_eq!(protocol.detect(&bytes), Detection::Yes, "{pinned} {layout:?}");
                assert_eq!(head(&mut end, &bytes).stream().id(), 7, "{pinned} {layout:?}");
            } else {
                let refused = error(&mut end, &bytes);
                assert_eq!((refused.code, refused.offset), ("layout", 0), "{pinned} {layout:?}");
                assert_eq!(refused.is_fatal(), layout.0 == Wrap::Unframed, "{pinned} {layout:?}");
            }
        }
    }
}

#[test]
fn what_is_pinned_is_not_asked_of_what_is_sent() {
    // Whoever pins a transport wants others translated.
    let protocol = Thrift::new().with_transport(Transport::THeader);
    let asked = head(&mut server(), &call((Wrap::Framed, Binary), "reserve", 7));
    assert_eq!(sent(&mut client_of(&protocol), asked), call((Wrap::THeader, Binary), "reserve", 7));
}

#[test]
fn only_a_server_sends_answers_and_only_a_client_calls() {
    for layout in LAYOUTS {
        let unframed = layout.0 == Wrap::Unframed;
        let mut end = server();
        head(&mut end, &call(layout, "reserve", 3));
        let at = end.codec().stats().bytes_in;
        let refused = error(&mut end, &reply(layout, "reserve", 7));
        assert_eq!((refused.code, refused.offset, refused.is_fatal()), ("direction", at, unframed), "{layout:?}");
        if !unframed {
            assert_eq!(head(&mut end, &call(layout, "reserve", 8)).stream().id(), 8);
        }
        let mut end = client_after(&Thrift::new(), &call(layout, "reserve", 3));
        let refused = error(&mut end, &call(layout, "reserve", 7));
        assert_eq!((refused.code, refused.offset, refused.is_fatal()), ("direction", 0, unframed), "{layout:?}");
    }
}

#[test]
fn traits_say_how_answers_find_their_requests() {
    use meshwire::Correlation;

    let by_id = Correlation::Id { bits: 32 };
    for (protocol, correlation, fields) in [
        (Thrift::new(), by_id, false),
        (Thrift::new().with_multiplexing(false), Correlation::Ordered, false),
        (Thrift::new().with_transport(Transport::Unframed), Correlation::Ordered, false),
        (Thrift::new().with_transport(Transport::Unframed).with_multiplexing(true), by_id, false),
        (Thrift::new().with_transport(Transport::Framed), by_id, false),
        (Thrift::new().with_transport(Transport::THeader), by_id, true),
        (Thrift::new().with_transport(Transport::TTHeader), by_id, true),
    ] {
        let traits = protocol.traits();
        assert_eq!((traits.correlation, traits.field_edits), (correlation, fields));
        assert!(traits.verbatim && traits.one_way && !traits.server_first && !traits.heartbeat);
    }
    assert_eq!((Thrift::new().name(), Thrift::new().aliases()), ("thrift", &["ttheader", "theader"][..]));
}
