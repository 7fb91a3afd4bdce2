//! Through a relay: ids that clients share, ids that messages keep, and what is owed when something fails.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{ExchangeId, Head, Link, LocalReply, Outcome, Protocol, Relay, RelayStep, RoutingKey};
use meshwire_thrift::{Encoding, Thrift, Transport};
use miniz_oxide::deflate::compress_to_vec_zlib;

/// A relay with one upstream connection.
fn relay(down: &Thrift, up: &Thrift) -> (Relay, Link) {
    let mut relay = Relay::new(server_of(down));
    let link = relay.connect(client_of(up), &up.traits());
    (relay, link)
}

/// The requests of these bytes; whatever else happens is over.
fn requests(relay: &mut Relay, bytes: &[u8]) -> Vec<(ExchangeId, Head)> {
    relay.downstream().input().extend_from_slice(bytes);
    let mut requests = Vec::new();
    loop {
        match relay.poll() {
            RelayStep::Request(exchange, head) => requests.push((exchange, head)),
            RelayStep::Idle | RelayStep::Closed => return requests,
            _ => {}
        }
    }
}

#[track_caller]
fn request(relay: &mut Relay, bytes: &[u8]) -> (ExchangeId, Head) {
    let mut all = requests(relay, bytes);
    assert_eq!(all.len(), 1);
    all.swap_remove(0)
}

fn settle(relay: &mut Relay) {
    assert!(requests(relay, b"").is_empty());
}

/// Gives an upstream connection bytes to read; what the client got since.
fn answered(relay: &mut Relay, link: Link, bytes: &[u8]) -> Vec<u8> {
    relay.upstream(link).unwrap().input().extend_from_slice(bytes);
    settle(relay);
    relay.downstream().output_mut().take()
}

fn asked(relay: &mut Relay, link: Link) -> Vec<u8> {
    relay.upstream(link).unwrap().output_mut().take()
}

fn zlib(id: u32, kind: u8, name: &str) -> Vec<u8> {
    theader(id, &[2, 1, 1], &compress_to_vec_zlib(&message(Compact, kind, name, id, &text(Compact, 1, "x")), 6))
}

#[test]
fn calls_that_share_an_id_have_others_upstream_and_are_answered_in_their_turn() {
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed) {
        let (mut relay, link) = relay(&Thrift::new(), &Thrift::new());
        let bytes: Vec<_> = ["a", "b", "c"].iter().flat_map(|name| call(layout, name, 0)).collect();
        let all = requests(&mut relay, &bytes);
        for (exchange, head) in all {
            assert!(relay.takes(link, &head));
            relay.forward(exchange, link, head);
        }
        settle(&mut relay);
        let mut up = server();
        let seen = events(&mut up, &asked(&mut relay, link), usize::MAX).unwrap();
        let ids: Vec<_> = seen.iter().map(|event| event.stream().unwrap().id() as u32).collect();
        assert_eq!(ids.len(), 3);
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{layout:?}");

        // Answered from the last to the first.
        assert_eq!(answered(&mut relay, link, &reply(layout, "c", ids[2])), b"");
        assert_eq!(answered(&mut relay, link, &reply(layout, "b", ids[1])), b"");
        let out = answered(&mut relay, link, &reply(layout, "a", ids[0]));
        let own = |id| if layout.0 == Wrap::Dubbo { id } else { 0 };
        let expected = ["a", "b", "c"].iter().zip(&ids).flat_map(|(name, id)| {
            let message = message(layout.1, REPLY, name, own(*id), &text(layout.1, 0, "a value"));
            wrap(layout.0, layout.1, 0, &message)
        });
        assert_eq!(
            out.escape_ascii().to_string(),
            expected.collect::<Vec<_>>().escape_ascii().to_string(),
            "{layout:?}"
        );
        assert_eq!(relay.open(), 0);
    }
}

#[test]
fn by_order_all_of_it_is_as_it_came() {
    for layout in LAYOUTS {
        let (mut relay, link) = relay(&Thrift::new(), &Thrift::new().with_multiplexing(false));
        let bytes: Vec<_> = ["a", "b"].iter().flat_map(|name| call(layout, name, 0)).collect();
        for (exchange, head) in requests(&mut relay, &bytes) {
            relay.forward(exchange, link, head);
        }
        settle(&mut relay);
        assert_eq!(asked(&mut relay, link), bytes, "{layout:?}");
        for name in ["a", "b"] {
            assert_eq!(answered(&mut relay, link, &reply(layout, name, 0)), reply(layout, name, 0), "{layout:?}");
        }
        assert_eq!(relay.open(), 0);
    }
}

#[test]
fn a_message_that_keeps_its_id_goes_where_that_is_free() {
    let (mut relay, link) = relay(&Thrift::new(), &Thrift::new());
    let first = request(&mut relay, &zlib(7, CALL, "first"));
    assert!(relay.takes(link, &first.1));
    relay.forward(first.0, link, first.1);
    settle(&mut relay);
    assert_eq!(asked(&mut relay, link), zlib(7, CALL, "first"));

    let second = request(&mut relay, &zlib(7, CALL, "second"));
    assert_eq!((second.1.kept_id(), relay.takes(link, &second.1)), (Some(7), false));
    let other = Thrift::new();
    let free = relay.connect(client_of(&other), &other.traits());
    assert!(relay.takes(free, &second.1));
    relay.forward(second.0, free, second.1);
    settle(&mut relay);
    assert_eq!(asked(&mut relay, free), zlib(7, CALL, "second"));
    // One that is not compressed goes there under another.
    let third = request(&mut relay, &call((Wrap::THeader, Compact), "third", 7));
    assert!(relay.takes(link, &third.1));
    relay.forward(third.0, link, third.1);
    settle(&mut relay);
    assert_ne!(head(&mut server(), &asked(&mut relay, link)).stream().id(), 7);

    assert_eq!(answered(&mut relay, free, &zlib(7, REPLY, "second")), b"");
    let out = answered(&mut relay, link, &zlib(7, REPLY, "first"));
    assert_eq!(out, [zlib(7, REPLY, "first"), zlib(7, REPLY, "second")].concat());
    // It is free again.
    let fourth = request(&mut relay, &zlib(7, CALL, "fourth"));
    assert!(relay.takes(link, &fourth.1));
}

#[test]
fn one_that_is_forwarded_though_its_id_is_taken_is_told_so() {
    let (mut relay, link) = relay(&Thrift::new(), &Thrift::new());
    let first = request(&mut relay, &zlib(7, CALL, "first"));
    relay.forward(first.0, link, first.1);
    let second = request(&mut relay, &zlib(7, CALL, "second"));
    relay.forward(second.0, link, second.1);
    settle(&mut relay);
    assert_eq!(asked(&mut relay, link), zlib(7, CALL, "first"));
    // In its turn.
    let out = answered(&mut relay, link, &zlib(7, REPLY, "first"));
    let own = zlib(7, REPLY, "first");
    assert_eq!(out[..own.len()], own);
    let mut client = client_after(&Thrift::new(), &call((Wrap::THeader, Compact), "second", 7));
    let told = head(&mut client, &out[own.len()..]);
    assert_eq!(
        (told.outcome(), told.stream().id(), told.verb().value()),
        (Outcome::Unavailable, 7, Some(&b"second"[..]))
    );
    assert_eq!(relay.open(), 0);
}

#[test]
fn where_answers_come_by_order_a_kept_id_is_always_free() {
    let (mut relay, link) = relay(&Thrift::new(), &Thrift::new().with_multiplexing(false));
    for (exchange, head) in requests(&mut relay, &[zlib(7, CALL, "a"), zlib(7, CALL, "b")].concat()) {
        assert!(relay.takes(link, &head));
        relay.forward(exchange, link, head);
    }
    settle(&mut relay);
    assert_eq!(asked(&mut relay, link), [zlib(7, CALL, "a"), zlib(7, CALL, "b")].concat());
    let answers = [zlib(7, REPLY, "a"), zlib(7, REPLY, "b")].concat();
    assert_eq!(answered(&mut relay, link, &answers), answers);
}

#[test]
fn a_local_reply_names_the_method_that_was_called() {
    for layout in LAYOUTS {
        let name = if layout.0 == Wrap::Dubbo { "reserve" } else { "Store:reserve" };
        let (mut relay, _) = relay(&Thrift::new(), &Thrift::new());
        let (exchange, _) = request(&mut relay, &call(layout, name, 7));
        relay.respond(exchange, &LocalReply::new(Outcome::NoRoute, "no route"));
        settle(&mut relay);
        let out = relay.downstream().output_mut().take();
        let told = head(&mut client_after(&Thrift::new(), &call(layout, "reserve", 7)), &out);
        assert_eq!((told.outcome(), told.verb().value()), (Outcome::NoRoute, Some(&b"reserve"[..])), "{layout:?}");
    }
}

#[test]
fn a_one_way_call_is_over_once_it_is_sent() {
    for layout in LAYOUTS {
        let (mut relay, link) = relay(&Thrift::new(), &Thrift::new());
        let bytes = wrap(layout.0, layout.1, 7, &message(layout.1, ONE_WAY, "note", 7, nothing(layout.1)));
        let (exchange, head) = request(&mut relay, &bytes);
        relay.forward(exchange, link, head);
        settle(&mut relay);
        assert_eq!((asked(&mut relay, link), relay.open()), (bytes, 0), "{layout:?}");
        assert!(relay.downstream().output().is_empty());
    }
}

#[test]
fn a_bad_struct_without_a_frame_is_answered_and_then_the_connection_ends() {
    for encoding in [Binary, OldBinary, Compact] {
        let (mut relay, link) = relay(&Thrift::new(), &Thrift::new());
        let (exchange, head) = request(&mut relay, &call((Wrap::Unframed, encoding), "first", 7));
        relay.forward(exchange, link, head);
        let bad: &[u8] = if encoding == Compact { b"\x1e" } else { b"\x01\0\x01" };
        let bytes = [message(encoding, CALL, "bad", 8, bad), call((Wrap::Unframed, encoding), "never", 9)].concat();
        assert!(requests(&mut relay, &bytes).is_empty());
        let mut out = relay.downstream().output_mut().take();
        assert!(matches!(relay.poll(), RelayStep::Idle), "one is owed an answer still");
        out.extend(answered(&mut relay, link, &reply((Wrap::Unframed, encoding), "first", 7)));
        assert!(matches!(relay.poll(), RelayStep::Closed));
        // Whichever of the two came first, both are answered.
        let mut client = client_of(&Thrift::new().with_multiplexing(true));
        for id in [7, 8] {
            sent_as(&mut client, common::head(&mut server(), &call((Wrap::Unframed, encoding), "x", 0)), id);
        }
        let told = events(&mut client, &out, usize::MAX).unwrap();
        let mut outcomes: Vec<_> = told
            .iter()
            .map(|event| match event {
                meshwire::Event::Head(head) => (head.stream().id(), head.outcome()),
                other => panic!("{other:?}"),
            })
            .collect();
        outcomes.sort_by_key(|(id, _)| *id);
        assert_eq!(outcomes, [(7, Outcome::Success), (8, Outcome::BadRequest)], "{encoding}");
    }
}

#[test]
fn an_answer_that_is_cut_ends_the_connection_for_those_behind_it() {
    // The second answer is there, and waits for the first, which streams and stops.
    for layout in [(Wrap::Framed, Binary), (Wrap::Unframed, Binary), (Wrap::TTHeader, Compact)] {
        let up = Thrift::new().with_transport(layout.0.transport()).with_multiplexing(true);
        let (mut relay, first) = relay(&Thrift::new(), &up);
        let second = relay.connect(client_of(&up), &up.traits());
        let all = requests(&mut relay, &[call(layout, "a", 0), call(layout, "b", 0)].concat());
        for ((exchange, head), link) in all.into_iter().zip([first, second]) {
            relay.forward(exchange, link, head);
        }
        settle(&mut relay);
        let id = head(&mut server(), &asked(&mut relay, first)).stream().id() as u32;
        let other = head(&mut server(), &asked(&mut relay, second)).stream().id() as u32;
        let large = message(layout.1, REPLY, "a", id, &text(layout.1, 0, &"x".repeat(200_000)));
        let large = wrap(layout.0, layout.1, id, &large);
        answered(&mut relay, first, &large[..100_000]);
        answered(&mut relay, second, &reply(layout, "b", other));
        relay.upstream(first).unwrap().set_eof();
        settle(&mut relay);
        assert!(matches!(relay.poll(), RelayStep::Closed), "{layout:?}: {relay:?}");
        assert_eq!(relay.open(), 0, "{layout:?}");
    }
}

#[test]
fn a_large_call_that_would_be_two_without_its_frame_is_refused_on_its_way() {
    let (mut relay, link) = relay(&Thrift::new(), &Thrift::new().with_transport(Transport::Unframed));
    let smuggled = message(Binary, CALL, "Admin:drop", 8, &[0]);
    let body = [text(Binary, 1, &"x".repeat(100_000)), smuggled.clone()].concat();
    let bytes = frame(&message(Binary, CALL, "Files:put", 7, &body));
    let (exchange, head) = request(&mut relay, &bytes[..70_000]);
    relay.forward(exchange, link, head);
    settle(&mut relay);
    let mut up = asked(&mut relay, link);
    relay.downstream().input().extend_from_slice(&bytes[70_000..]);
    loop {
        // What is written before the relay lets go of the connection.
        let step = relay.poll();
        if let Some(end) = relay.upstream(link) {
            up.extend(end.output_mut().take());
        }
        if matches!(step, RelayStep::Idle) {
            break;
        }
    }
    assert!(!up.windows(smuggled.len()).any(|window| window == smuggled));
    assert!(relay.upstream(link).is_none(), "what follows would be taken for the rest of it");
    let out = relay.downstream().output_mut().take();
    let told = common::head(&mut client_after(&Thrift::new(), &call((Wrap::Framed, Binary), "put", 7)), &out);
    assert_eq!((told.outcome(), told.verb().value()), (Outcome::BadRequest, Some(&b"put"[..])));
}

#[test]
fn an_answer_that_nobody_can_write_is_replaced() {
    // Without its frame it would be two.
    let layout = (Wrap::Unframed, Binary);
    let (mut relay, link) = relay(&Thrift::new(), &Thrift::new().with_transport(Transport::Framed));
    let (exchange, head) = request(&mut relay, &call(layout, "reserve", 7));
    relay.forward(exchange, link, head);
    settle(&mut relay);
    let two = [message(Binary, REPLY, "reserve", 7, &[0]), message(Binary, REPLY, "reserve", 8, &[0])].concat();
    let out = answered(&mut relay, link, &frame(&two));
    let mut client = client_after(&Thrift::new(), &call(layout, "reserve", 7));
    let told = common::head(&mut client, &out);
    assert_eq!((told.outcome(), told.verb().value(), relay.open()), (Outcome::BadResponse, Some(&b"reserve"[..]), 0));
    assert_eq!(client.unread(), 0);
}

#[test]
fn transports_are_translated_both_ways() {
    for from in LAYOUTS {
        for transport in [Transport::Framed, Transport::THeader, Transport::TTHeader, Transport::Unframed] {
            let has_no_place = from.1 == Json && !matches!(transport, Transport::Framed | Transport::THeader);
            let (mut relay, link) = relay(&Thrift::new(), &Thrift::new().with_transport(transport));
            let (exchange, asking) = request(&mut relay, &call(from, "reserve", 7));
            relay.forward(exchange, link, asking);
            settle(&mut relay);
            if has_no_place {
                let out = relay.downstream().output_mut().take();
                let told = head(&mut client_after(&Thrift::new(), &call(from, "reserve", 7)), &out);
                assert_eq!(told.outcome(), Outcome::Unimplemented, "{from:?} {transport}");
                continue;
            }
            let mut server = server_of(&Thrift::new().with_transport(transport));
            let seen = head(&mut server, &asked(&mut relay, link));
            assert_eq!(
                (seen.stream().id(), seen.data()),
                (7, &text(from.1, 1, "an argument")[..]),
                "{from:?} {transport}"
            );
            let out = sent(
                &mut server,
                meshwire_thrift::Answer::new("reserve").with_body(text(from.1, 0, "a value")).head(seen.stream()),
            );
            let out = answered(&mut relay, link, &out);
            let own = |encoding: Encoding| message(encoding, REPLY, "reserve", 7, &text(encoding, 0, "a value"));
            let expected =
                if from.0 == Wrap::Dubbo { dubbo("", 7, &own(Binary)) } else { wrap(from.0, from.1, 7, &own(from.1)) };
            assert_eq!(out, expected, "{from:?} {transport}");
        }
    }
}

/// Go's clients write a one-way call like any other.
#[test]
fn a_client_that_ends_with_a_call_that_nobody_answers_is_let_go() {
    use std::time::Duration;

    let layout = (Wrap::Framed, Encoding::Binary);
    let (mut relay, link) = relay(&Thrift::new(), &Thrift::new());
    for (id, name) in (1..).zip(["quiet", "loud", "last"]) {
        let (exchange, head) = request(&mut relay, &call(layout, name, id));
        relay.forward(exchange, link, head);
    }
    settle(&mut relay);
    let sent = relay.upstream(link).unwrap().output_mut().take();
    assert_eq!(sent.len(), ["quiet", "loud", "last"].map(|name| call(layout, name, 1).len()).iter().sum::<usize>());
    assert_eq!(answered(&mut relay, link, &reply(layout, "loud", 2)), reply(layout, "loud", 2));
    relay.downstream().set_eof();
    // The first one was passed by another; for an answer to the last one it waits.
    settle(&mut relay);
    assert_eq!(relay.open(), 1);
    assert_eq!(relay.next_deadline(), Some(Duration::from_secs(60)));
    relay.set_now(Duration::from_secs(59));
    settle(&mut relay);
    assert_eq!(relay.open(), 1);
    relay.set_now(Duration::from_secs(60));
    settle(&mut relay);
    assert_eq!(relay.open(), 0);
    assert!(matches!(relay.poll(), RelayStep::Closed));
}

/// Kitex and Volo answer them, when they are called as Go's clients do.
#[test]
fn an_answer_to_a_one_way_call_that_still_comes_is_dropped() {
    let layout = (Wrap::Framed, Encoding::Binary);
    let (mut relay, link) = relay(&Thrift::new(), &Thrift::new());
    let large = frame(&message(Binary, ONE_WAY, "note", 7, &text(Binary, 1, &"x".repeat(200_000))));
    let (exchange, head) = request(&mut relay, &large[..100_000]);
    relay.forward(exchange, link, head);
    settle(&mut relay);
    let answer = frame(&message(Binary, REPLY, "note", 7, &text(Binary, 0, &"y".repeat(200_000))));
    assert_eq!(answered(&mut relay, link, &answer[..100_000]), b"");
    assert_eq!(answered(&mut relay, link, &answer[100_000..]), b"");
    assert!(requests(&mut relay, &large[100_000..]).is_empty());
    assert_eq!(relay.open(), 0);
    asked(&mut relay, link);
    let (exchange, head) = request(&mut relay, &call(layout, "next", 8));
    relay.forward(exchange, link, head);
    settle(&mut relay);
    assert_eq!(answered(&mut relay, link, &reply(layout, "next", 8)), reply(layout, "next", 8));
}
