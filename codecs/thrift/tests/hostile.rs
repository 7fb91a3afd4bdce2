//! What a peer can send that is no message: refused at its place, for no more than it costs.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{
    DecodeError, Endpoint, Event, Limit, LocalReply, Outcome, Role, RoutingKey, Scope, Sent, Step, StreamId,
};
use meshwire_thrift::{Encoding, Thrift, Transport};
use proptest::prelude::*;

/// A server on which frames have passed, and where the next byte is.
fn framed() -> (Endpoint, u64) {
    let mut end = server();
    let first = call((Wrap::Framed, Binary), "first", 1);
    head(&mut end, &first);
    (end, first.len() as u64)
}

/// Refuses one message, with an answer, and goes on.
#[track_caller]
fn costs_itself(end: &mut Endpoint, bytes: &[u8]) -> DecodeError {
    let refused = error(end, bytes);
    let Scope::Message(stream) = refused.scope else { panic!("{refused}") };
    assert!(end.reply(stream, &LocalReply::new(refused.outcome(), "")).is_some(), "{refused}");
    assert_eq!(head(end, &call((Wrap::Framed, Compact), "next", 1000)).verb().value(), Some(&b"next"[..]));
    refused
}

/// Refuses the connection, and answers what is owed.
#[track_caller]
fn costs_the_connection(end: &mut Endpoint, bytes: &[u8]) -> DecodeError {
    let refused = error(end, bytes);
    assert_eq!(refused.scope, Scope::Connection, "{refused}");
    assert_eq!(error(end, &call((Wrap::Framed, Binary), "next", 9)), refused);
    assert!(!end.codec().state().close);
    let mut reply = end.reply(StreamId::new(1), &LocalReply::new(Outcome::Success, "")).unwrap();
    assert_eq!(end.send(&mut reply), Ok(Sent::All));
    assert!(end.codec().state().close);
    refused
}

#[test]
fn lengths_that_are_none() {
    for length in [-1, i32::MIN, -0x7fff_fffe, 0, 1] {
        // What is behind has no say in it.
        for behind in
            [message(Binary, CALL, "a", 2, &[0]), call((Wrap::THeader, Compact), "a", 2), vec![0xff; 20], vec![]]
        {
            let (mut end, at) = framed();
            let refused = costs_the_connection(&mut end, &[&length.to_be_bytes()[..], &behind].concat());
            assert_eq!((refused.code, refused.offset), ("length", at), "{length}");
        }
    }
}

#[test]
fn frames_that_begin_with_nothing_known() {
    for magic in [
        [1, 0],
        [0x80, 2],
        [0x82, 0x22],
        [b'{', b'1'],
        [b'[', b'2'],
        [0x0f, 0xfe],
        [0x10, 1],
        [0xda, 0xbd],
        [0xff, 0xff],
    ] {
        let (mut end, at) = framed();
        let refused = costs_the_connection(&mut end, &frame(&[&magic[..], &[0; 30]].concat()));
        assert_eq!((refused.code, refused.offset), ("magic", at + 4), "{magic:x?}");
    }
}

#[test]
fn a_frame_shorter_than_its_message_costs_itself() {
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed) {
        let whole = call(layout, "reserve", 7);
        let begin = whole.len() - text(layout.1, 1, "an argument").len();
        for len in 2..begin - 4 {
            let mut bytes = whole[..4 + len].to_vec();
            bytes[..4].copy_from_slice(&length(len));
            if layout.0 == Wrap::Dubbo {
                bytes.iter_mut().skip(6).take(4).zip(length(len)).for_each(|(to, byte)| *to = byte);
            }
            let (mut end, at) = framed();
            let mut probe = framed().0;
            match error(&mut probe, &bytes) {
                // Those that have no room for their envelope.
                refused if refused.is_fatal() => {
                    assert_eq!((refused.code, refused.offset), ("length", at), "{layout:?} {len}");
                }
                _ => {
                    let refused = costs_itself(&mut end, &bytes);
                    assert!(
                        matches!(refused.code, "cut_short" | "header_size" | "version"),
                        "{layout:?} {len}: {refused}"
                    );
                    let (from, to) = (at, at + bytes.len() as u64);
                    assert!((from..=to).contains(&refused.offset), "{layout:?} {len}: {refused}");
                    assert_eq!(refused.message_offset, at);
                }
            }
        }
        // The begin alone is a message, whatever its struct is.
        let mut bytes = whole[..begin].to_vec();
        bytes[..4].copy_from_slice(&length(begin - 4));
        match layout.0 {
            Wrap::Dubbo => bytes[6..10].copy_from_slice(&length(begin - 4)),
            Wrap::TTHeaderFramed => bytes[18..22].copy_from_slice(&length(begin - 22)),
            _ => {}
        }
        let asked = head(&mut server(), &bytes);
        assert_eq!((asked.data(), asked.is_end()), (&b""[..], true), "{layout:?}");
    }
}

#[test]
fn names_past_their_frame_cost_their_message() {
    for encoding in [Binary, OldBinary] {
        let at = if encoding == Binary { 4 } else { 0 };
        let body = message(encoding, CALL, "reserve", 7, &[0]);
        for (claim, code, offset) in [
            (length(9), "cut_short", 4),
            (length(60_000), "cut_short", 4),
            (length(65_535), "cut_short", 4),
            (length(65_536), "head", 4),
            (length(0x00ff_ffff), "head", 4),
            (length(0x7fff_ffff), "head", 4),
            (length(0xffff_ffff), "length", 4),
            (length(0x8000_0000), "length", 4),
        ] {
            let mut lying = body.clone();
            lying[at..at + 4].copy_from_slice(&claim);
            if encoding == OldBinary && claim[0] != 0 {
                // It does not begin like old binary then.
                continue;
            }
            let (mut end, begun) = framed();
            let refused = costs_itself(&mut end, &frame(&lying));
            assert_eq!((refused.code, refused.offset), (code, begun + offset), "{encoding} {claim:x?}");
            assert_eq!(refused.limit, (code == "head").then_some(Limit::Head));
            let told = if code == "head" { Outcome::TooLarge } else { Outcome::BadRequest };
            assert_eq!(refused.outcome(), told);
        }
    }
    for (body, code, offset) in [
        (&b"\x82\x21\x07\x08reserve"[..], "cut_short", 4),
        (b"\x82\x21\x07\x81\x80\x04reserve", "head", 4 + 2),
        (b"\x82\x21\x07\xff\xff\xff\xff\x0freserve", "length", 4 + 2),
        (b"\x82\x21\x07\xff\xff\xff\xff\x1freserve", "varint", 4 + 3),
        (b"\x82\x21\xff\xff\xff\xff\xff\x01", "varint", 4 + 2),
        (b"[1,\"reserve", "cut_short", 4),
        (b"[1,\"reserve\",1,7", "cut_short", 4),
        (b"[1,\"reserve\",1,70000000000000,{}]", "id", 4 + 15),
        (b"[1,\"reserve\",1,2147483648,{}]", "id", 4 + 15),
        (b"[1,\"reserve\",1,-2147483649,{}]", "id", 4 + 15),
        (b"[1,\"reserve\",1,x,{}]", "id", 4 + 15),
        (b"[1,\"res\\u0065rve\",1,7,{}]", "name", 4 + 7),
        (b"[1,\"reserve\",call,7,{}]", "message_type", 4 + 13),
        (b"[1 ,\"reserve\",1,7,{}]", "version", 4),
        (b"[12,\"reserve\",1,7,{}]", "version", 4),
    ] {
        let (mut end, begun) = framed();
        let refused = costs_itself(&mut end, &frame(body));
        assert_eq!((refused.code, refused.offset), (code, begun + offset), "{}", body.escape_ascii());
    }
}

#[test]
fn names_have_a_limit() {
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed) {
        for most in [100, 1000] {
            let mut end = end(&Thrift::new().with_transport(layout.0.transport()), Role::Server, |limits| {
                limits.head = most;
            });
            let name = "n".repeat(most);
            assert_eq!(head(&mut end, &call(layout, &name, 7)).verb().value(), Some(name.as_bytes()), "{layout:?}");
            let refused = error(&mut end, &call(layout, &format!("{name}n"), 7));
            assert_eq!((refused.limit, refused.outcome()), (Some(Limit::Head), Outcome::TooLarge), "{layout:?}");
            assert!(matches!(refused.scope, Scope::Message(_)), "{layout:?}");
            assert_eq!(head(&mut end, &call(layout, "next", 8)).verb().value(), Some(&b"next"[..]));
        }
    }
}

#[test]
fn an_empty_name_is_a_name() {
    for layout in LAYOUTS {
        let mut end = server_of(&Thrift::new().with_transport(layout.0.transport()));
        assert_eq!(head(&mut end, &call(layout, "", 7)).verb().value(), Some(&b""[..]), "{layout:?}");
    }
}

#[test]
fn dubbo_s_header_must_say_what_is_there() {
    let good = call((Wrap::Dubbo, Binary), "reserve", 7);
    let service = SERVICE.len() as u16;
    let with = |at: usize, bytes: &[u8]| {
        let mut lying = good.clone();
        lying[at..at + bytes.len()].copy_from_slice(bytes);
        lying
    };
    for (bytes, code, at) in [
        (with(6, &length(good.len() - 5)), "length", 6),
        (with(6, &[0; 4]), "length", 6),
        (with(10, &20u16.to_be_bytes()), "header_size", 10),
        (with(10, &[0, 0]), "header_size", 10),
        (with(10, &(good.len() as u16 - 3).to_be_bytes()), "header_size", 10),
        (with(10, &[0xff, 0xff]), "header_size", 10),
        (with(13, &length(SERVICE.len() + 1)), "length", 13),
        (with(13, &[0xff; 4]), "length", 13),
        (with(10, &(service + 20).to_be_bytes()), "length", 13),
        (with(10, &(service + 22).to_be_bytes()), "version", 4 + 22 + u64::from(service)),
        (with(25 + SERVICE.len(), &[0x80, 2]), "version", 25 + u64::from(service)),
        (with(28 + SERVICE.len(), &[9]), "message_type", 25 + u64::from(service)),
    ] {
        let (mut end, begun) = framed();
        let refused = costs_itself(&mut end, &bytes);
        assert_eq!((refused.code, refused.offset), (code, begun + at), "{refused}");
    }
    let (mut end, begun) = framed();
    let refused =
        costs_the_connection(&mut end, &frame(&[0xda, 0xbc, 0, 0, 0, 20, 0, 21, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!((refused.code, refused.offset), ("length", begun));
}

#[test]
fn a_message_inside_must_be_what_its_header_says() {
    for transport in [Wrap::THeader, Wrap::TTHeader] {
        for (number, inside) in [
            (2, message(Binary, CALL, "reserve", 7, &[0])),
            (2, message(OldBinary, CALL, "reserve", 7, &[0])),
            (0, message(Json, CALL, "reserve", 7, b"{}]")),
            (0, b"\xff\xff\xff\xff\xff\xff".to_vec()),
        ] {
            let block = [number, 0];
            let bytes =
                if transport == Wrap::THeader { theader(7, &block, &inside) } else { ttheader(7, &block, &inside) };
            let (mut end, begun) = framed();
            let refused = costs_itself(&mut end, &bytes);
            assert_eq!((refused.code, refused.offset), ("version", begun + 18), "{transport:?} {number}");
        }
        // Compact in what calls itself binary is read as what it is: Apache's own writes so after a change of protocol.
        let inside = message(Compact, CALL, "reserve", 7, &[0]);
        let bytes =
            if transport == Wrap::THeader { theader(7, &[0, 0], &inside) } else { ttheader(7, &[0, 0], &inside) };
        assert_eq!(head(&mut server(), &bytes).verb().value(), Some(&b"reserve"[..]));
        for n in 0..2 {
            let inside = &message(Binary, CALL, "reserve", 7, &[0])[..n];
            let bytes =
                if transport == Wrap::THeader { theader(7, &[0, 0], inside) } else { ttheader(7, &[0, 0], inside) };
            let (mut end, begun) = framed();
            let refused = costs_itself(&mut end, &bytes);
            assert_eq!((refused.code, refused.offset), ("cut_short", begun + 18));
        }
    }
}

#[test]
fn a_frame_inside_must_be_all_of_what_is_left() {
    let inside = message(Binary, CALL, "reserve", 7, &[0]);
    for lie in [inside.len() - 1, inside.len() + 1, 0, 0x7fff_ffff] {
        let bytes = ttheader(7, &[0, 0], &[&length(lie)[..], &inside].concat());
        // What is behind the frame has no say in it.
        let whole = [&bytes[..], &call((Wrap::Framed, Binary), "next", 9)].concat();
        let at_once = error(&mut framed().0, &whole);
        let (mut end, _) = framed();
        // It is taken for a name of old binary then, or for nothing.
        let refused = costs_itself(&mut end, &bytes);
        assert!(matches!(refused.code, "version" | "cut_short" | "message_type" | "head"), "{lie}: {refused}");
        assert_eq!(at_once, refused);
    }
}

#[test]
fn a_header_larger_than_what_is_waited_for_costs_the_connection() {
    // As large as a header may be, where no head may be so large.
    let bytes = theader(7, &[&[0, 0][..], &[0; 40_000]].concat(), &message(Binary, CALL, "reserve", 7, &[0]));
    let mut end = server_with(|limits| (limits.head, limits.whole, limits.trailers) = (1000, 1000, 1000));
    let refused = error(&mut end, &bytes[..1000]);
    assert_eq!((refused.limit, refused.scope), (Some(Limit::Head), Scope::Connection));
    assert_eq!(head(&mut server(), &bytes).verb().value(), Some(&b"reserve"[..]));
}

#[test]
fn the_largest_frame_streams() {
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed) {
        let mut bytes = call(layout, "reserve", 7);
        bytes[..4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        if layout.0 == Wrap::Dubbo {
            bytes[6..10].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        }
        if layout.0 == Wrap::TTHeaderFramed {
            bytes[18..22].copy_from_slice(&length(0x7fff_ffff - 18));
        }
        let mut end = server_of(&Thrift::new().with_transport(layout.0.transport()));
        let Event::Head(head) = event(&mut end, &bytes) else { panic!() };
        assert_eq!((head.verb().value(), head.is_end()), (Some(&b"reserve"[..]), false), "{layout:?}");
        assert!(end.codec().state().receiving);
        let mut end = end_with_message(layout, 1 << 20);
        let refused = error(&mut end, &bytes);
        assert_eq!((refused.limit, refused.is_fatal()), (Some(Limit::Message), false), "{layout:?}");
    }
}

fn end_with_message(layout: (Wrap, Encoding), most: u64) -> Endpoint {
    let protocol = Thrift::new().with_transport(layout.0.transport());
    end(&protocol, Role::Server, |limits| limits.message = Some(most))
}

#[test]
fn a_message_has_a_limit_if_one_is_set() {
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed) {
        for text_len in [10, 100_000] {
            let body = text(layout.1, 1, &"x".repeat(text_len));
            let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, CALL, "reserve", 7, &body));
            let mut end = end_with_message(layout, bytes.len() as u64);
            assert!(events(&mut end, &bytes, 5000).unwrap().last().unwrap().is_end());
            let mut end = end_with_message(layout, bytes.len() as u64 - 1);
            let begin = bytes.len() - body.len();
            let refused = error(&mut end, &bytes[..begin]);
            assert_eq!(
                (refused.code, refused.limit, refused.offset),
                ("message", Some(Limit::Message), 0),
                "{layout:?}"
            );
            assert_eq!(refused.outcome(), Outcome::TooLarge);
            // All of it is skipped.
            assert!(events(&mut end, &bytes[begin..], 5000).unwrap().is_empty());
            assert_eq!(head(&mut end, &call(layout, "x", 8)).verb().value(), Some(&b"x"[..]));
        }
    }
}

#[test]
fn the_end_of_input_inside_a_frame_is_a_truncation() {
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed) {
        let bytes = call(layout, "reserve", 7);
        for n in 1..bytes.len() {
            let (mut end, begun) = framed();
            assert!(events(&mut end, &bytes[..n], usize::MAX).unwrap().is_empty());
            end.set_eof();
            let refused = error(&mut end, b"");
            assert_eq!((refused.code, refused.scope), ("truncated", Scope::Connection), "{layout:?} {n}");
            assert_eq!((refused.offset, refused.message_offset), (begun + n as u64, begun), "{layout:?} {n}");
        }
    }
}

#[test]
fn answers_that_a_server_gets_are_owed_nothing() {
    // A client could have as many of them held as it likes, behind a call that takes its time.
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed) {
        let mut end = server_with(|limits| limits.pipelined = 4);
        head(&mut end, &call(layout, "slow", 1));
        for id in 0..100 {
            let refused = error(&mut end, &reply(layout, "reserve", id));
            assert_eq!((refused.code, refused.is_fatal()), ("direction", false), "{layout:?}");
            assert!(
                end.reply(refused.stream().unwrap(), &LocalReply::new(refused.outcome(), "")).is_none(),
                "{layout:?}"
            );
        }
        assert_eq!(end.codec().state().open, 1, "{layout:?}");
        let mut reply = end.reply(StreamId::new(1), &LocalReply::new(Outcome::Success, "")).unwrap();
        assert_eq!(end.send(&mut reply), Ok(Sent::All));
        assert_eq!(end.codec().state().open, 0);
    }
}

#[test]
fn what_is_refused_waits_like_what_is_not() {
    // Each is owed an answer, so it counts against the limit.
    let bad = frame(&message(Binary, 9, "reserve", 7, &[0]));
    let mut end = server_with(|limits| limits.pipelined = 5);
    head(&mut end, &call((Wrap::Framed, Binary), "slow", 0));
    let mut refused = 0;
    end.input().extend_from_slice(&bad.repeat(20));
    while let Err(error) = end.decode() {
        assert_eq!(error.code, "message_type");
        refused += 1;
    }
    assert_eq!((refused, end.codec().state().open), (5, 6));
    assert!(matches!(end.decode(), Ok(Step::Paused)));
}

#[test]
fn an_answer_that_cannot_be_read_is_the_fault_of_who_sent_it() {
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0.has_fields()) {
        let mut end = client_after(&Thrift::new(), &call(layout, "reserve", 7));
        let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, 7, "reserve", 7, nothing(layout.1)));
        let refused = error(&mut end, &bytes);
        assert_eq!(refused.scope, Scope::Message(StreamId::new(7)), "{layout:?}");
        assert_eq!((refused.code, refused.outcome()), ("message_type", Outcome::BadResponse), "{layout:?}");
        assert_eq!(head(&mut end, &reply(layout, "reserve", 8)).stream().id(), 8);
    }
}

#[test]
fn an_answer_whose_id_cannot_be_read_is_nobody_s() {
    for (layout, bytes) in [
        ((Wrap::Framed, Binary), frame(&message(Binary, 9, "reserve", 7, &[0]))),
        ((Wrap::Framed, Compact), frame(b"\x82\x41\x80")),
        ((Wrap::Framed, Json), frame(b"[1,\"reserve\",2,x")),
        ((Wrap::Dubbo, Binary), frame(&[&[0xda, 0xbc, 0, 0, 0, 40, 0, 99, 1][..], &[0; 31]].concat())),
    ] {
        // By ids, it could be taken for the answer to the call whose id is 0.
        let mut end = client_after(&Thrift::new(), &call(layout, "reserve", 0));
        assert_eq!(error(&mut end, &bytes).scope, Scope::Connection, "{layout:?}");
        assert!(end.codec().state().close);
        // By order, it is the answer to the next call.
        let mut end = client_after(&Thrift::new().with_multiplexing(false), &call(layout, "reserve", 5));
        let refused = error(&mut end, &bytes);
        assert_eq!(refused.scope, Scope::Message(StreamId::new(5)), "{layout:?}");
        assert_eq!(refused.outcome(), Outcome::BadResponse);
        assert!(!end.codec().state().close && end.codec().state().open == 0);
    }
}

/// Drives an end over `bytes` in pieces until it says no more.
fn survive(mut end: Endpoint, bytes: &[u8], piece: usize) {
    let buffered = 65_536 + 1024;
    let mut fatal: Option<DecodeError> = None;
    for piece in bytes.chunks(piece.max(1)) {
        end.input().extend_from_slice(piece);
        for n in 0.. {
            assert!(n < 10_000, "it goes on out of nothing");
            match end.decode() {
                Ok(Step::Event(event)) => {
                    assert!(fatal.is_none());
                    let Some(stream) = event.stream() else { continue };
                    end.release(stream, event.data_len());
                    if let Some(mut reply) = end.reply(stream, &LocalReply::new(Outcome::NoRoute, "").with_method(b"m"))
                    {
                        let _ = end.send(&mut reply);
                    }
                }
                Ok(Step::NeedMore(more)) => {
                    assert!(end.unread() + more.get() <= buffered, "{more}");
                    break;
                }
                Ok(_) => break,
                Err(error) if error.is_fatal() => {
                    assert!(fatal.as_ref().is_none_or(|first| *first == error), "{error}");
                    fatal = Some(error);
                    break;
                }
                Err(error) => {
                    let mut reply = end.reply(error.stream().unwrap(), &LocalReply::new(error.outcome(), ""));
                    if let Some(reply) = &mut reply {
                        let _ = end.send(reply);
                    }
                }
            }
        }
    }
    end.set_eof();
    let last = end.decode();
    assert!(!matches!(last, Ok(Step::NeedMore(_))), "{last:?}");
    let _ = end.codec().state();
    end.trim();
}

fn protocols() -> impl Strategy<Value = Thrift> {
    let transport = prop::option::of(prop::sample::select(Transport::ALL.to_vec()));
    let encoding = prop::option::of(prop::sample::select(Encoding::ALL.to_vec()));
    (transport, encoding, prop::option::of(any::<bool>())).prop_map(|(transport, encoding, multiplexing)| {
        let protocol = transport.map_or(Thrift::new(), |transport| Thrift::new().with_transport(transport));
        let protocol = encoding.map_or(protocol.clone(), |encoding| protocol.with_encoding(encoding));
        multiplexing.map_or(protocol.clone(), |multiplexing| protocol.with_multiplexing(multiplexing))
    })
}

/// An end that has begun, where it can have.
fn begun(protocol: &Thrift, role: Role, layout: (Wrap, Encoding), whole: usize) -> Endpoint {
    let mut end = end(protocol, role, |limits| limits.whole = whole);
    match role {
        Role::Server => {
            end.input().extend_from_slice(&call(layout, "first", 1));
            let _ = end.decode();
        }
        Role::Client => {
            let _ = end.send(&mut Event::Head(head(&mut server(), &call(layout, "first", 1))));
        }
    }
    end
}

proptest! {
    #![proptest_config(cases(160))]

    #[test]
    fn any_bytes_are_survived(
        protocol in protocols(),
        layout in prop::sample::select(LAYOUTS.to_vec()),
        is_server: bool,
        has_begun: bool,
        bytes in prop::collection::vec(prop_oneof![Just(0u8), 0u8..17, Just(0x80), Just(0x82), any::<u8>()], 0..300),
        piece in 1usize..100,
        whole in prop_oneof![Just(65_536usize), 0usize..100],
    ) {
        let role = if is_server { Role::Server } else { Role::Client };
        let end = match has_begun {
            true => begun(&protocol, role, layout, whole),
            false => end(&protocol, role, |limits| limits.whole = whole),
        };
        survive(end, &bytes, piece);
    }

    #[test]
    fn bytes_that_are_nearly_right_are_survived(
        layout in prop::sample::select(LAYOUTS.to_vec()),
        multiplexes in prop::option::of(any::<bool>()),
        is_server: bool,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        cut in prop::option::of(any::<prop::sample::Index>()),
        piece in 1usize..100,
        whole in prop_oneof![Just(65_536usize), 0usize..100],
    ) {
        let role = if is_server { Role::Server } else { Role::Client };
        let protocol = multiplexes.map_or(Thrift::new(), |multiplexes| Thrift::new().with_multiplexing(multiplexes));
        let one = |id| if is_server { call(layout, "Store:reserve", id) } else { reply(layout, "reserve", id) };
        let mut bytes = [one(1), one(2), one(2), one(3)].concat();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.remove(cut.index(bytes.len()));
        }
        survive(begun(&protocol, role, layout, whole), &bytes, piece);
    }
}
