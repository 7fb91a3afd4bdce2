//! One transport into another: the arguments stay as they are, and an answer goes back in the layout of its request.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{EncodeError, Endpoint, Event, Head, LocalReply, Outcome, Sent, StreamId};
use meshwire_thrift::{Encoding, Thrift, Transport};
use proptest::prelude::*;

fn to(transport: Transport) -> Thrift {
    Thrift::new().with_transport(transport).with_multiplexing(true)
}

/// How a message of this layout goes on in a transport; `None` where it cannot.
fn goes_on_as(from: (Wrap, Encoding), to: Wrap) -> Option<(Wrap, Encoding)> {
    match (to, from.1) {
        (Wrap::Framed | Wrap::THeader, encoding) => Some((to, encoding)),
        (_, Json) | (Wrap::Dubbo, Compact) => None,
        (Wrap::Dubbo, _) => Some((to, Binary)),
        // A frame inside stays.
        (Wrap::TTHeader, encoding) if from.0 == Wrap::TTHeaderFramed => Some((Wrap::TTHeaderFramed, encoding)),
        (_, encoding) => Some((to, encoding)),
    }
}

/// Those that a transport can be pinned to.
const TO: [Wrap; 5] = [Wrap::Framed, Wrap::Unframed, Wrap::THeader, Wrap::TTHeader, Wrap::Dubbo];

/// A message whose service has the place that its transport has for it.
fn named(layout: (Wrap, Encoding), service: &str, method: &str, ids: (u32, u32), kind: u8, body: &[u8]) -> Vec<u8> {
    let (outer, inner) = ids;
    match layout.0 {
        Wrap::Dubbo => dubbo(service, outer.into(), &message(layout.1, kind, method, inner, body)),
        _ if service.is_empty() => wrap(layout.0, layout.1, outer, &message(layout.1, kind, method, outer, body)),
        _ => {
            let name = format!("{service}:{method}");
            wrap(layout.0, layout.1, outer, &message(layout.1, kind, &name, outer, body))
        }
    }
}

#[test]
fn a_call_goes_on_in_any_transport_and_its_answer_comes_back_in_its_own() {
    for from in LAYOUTS {
        for wrap in TO {
            let body = text(from.1, 1, "an argument");
            let asked = named(from, SERVICE, "reserve", (7, 7), CALL, &body);
            let (mut down, mut up) = (server(), client_of(&to(wrap.transport())));
            let asked = head(&mut down, &asked);
            let down_name = asked.stream();
            let mut event = Event::Head(asked);
            event.set_stream(StreamId::new(9).with_tag(down_name.tag()));
            let sent_up = up.send(&mut event);
            let Some(into) = goes_on_as(from, wrap) else {
                assert!(matches!(sent_up, Err(EncodeError::NoPlace { .. })), "{from:?} {wrap:?}: {sent_up:?}");
                assert!(up.output().is_empty());
                continue;
            };
            assert_eq!(sent_up, Ok(Sent::All), "{from:?} {wrap:?}");
            // What Dubbo has a place for is not in the name, and lost where there is no other.
            let service = if from.0 == Wrap::Dubbo && into.0 != Wrap::Dubbo { "" } else { SERVICE };
            let expected = named(into, service, "reserve", (9, 7), CALL, &body);
            let out = up.output_mut().take();
            assert_eq!(out.escape_ascii().to_string(), expected.escape_ascii().to_string(), "{from:?} to {into:?}");

            for (kind, body) in [
                (REPLY, text(from.1, 0, "a value")),
                (REPLY, nothing(from.1).to_vec()),
                (EXCEPTION, thrown(from.1, "no", 6)),
            ] {
                let mut up = client_of(&to(wrap.transport()));
                assert_eq!(up.send(&mut Event::Head(head(&mut server(), &out))), Ok(Sent::All));
                let mut down = server();
                let name =
                    head(&mut down, &named(from, SERVICE, "reserve", (7, 7), CALL, &text(from.1, 1, ""))).stream();
                let mut answer = head(&mut up, &named(into, "", "reserve", (9, 7), kind, &body));
                assert_eq!(answer.stream().id(), 9, "{from:?} {into:?}");
                answer.set_stream(name);
                // Dubbo's clients do not look at the message's own id.
                let own = if into.0 == Wrap::Dubbo { 7 } else { 9 };
                let expected = named(from, "", "reserve", (7, own), kind, &body);
                assert_eq!(
                    sent(&mut down, answer).escape_ascii().to_string(),
                    expected.escape_ascii().to_string(),
                    "{into:?} to {from:?}"
                );
            }
        }
    }
}

#[test]
fn by_order_a_call_with_wide_ids_goes_on_in_a_transport_that_has_one() {
    // A header and its message count on their own, and Dubbo's ids are wide; the message's own is what it goes on with.
    let body = text(Binary, 1, "x");
    let message = |own| message(Binary, CALL, "reserve", own, &body);
    for bytes in [theader(0, &[0, 0], &message(5)), theader(9, &[0, 0], &message(5)), dubbo("", 1 << 40, &message(5))] {
        for transport in [Transport::Framed, Transport::Unframed] {
            let mut end = client_of(&Thrift::new().with_transport(transport).with_multiplexing(false));
            let mut event = Event::Head(head(&mut server(), &bytes));
            event.set_stream(StreamId::NEW.with_tag(event.stream().unwrap().tag()));
            assert_eq!(end.send(&mut event), Ok(Sent::All), "{transport}");
            let plain = if transport == Transport::Framed { frame(&message(5)) } else { message(5) };
            assert_eq!(end.output_mut().take(), plain);
            let answer = common::message(Binary, REPLY, "reserve", 5, &[0]);
            let answer = if transport == Transport::Framed { frame(&answer) } else { answer };
            assert_eq!(Some(head(&mut end, &answer).stream()), event.stream());
        }
    }
}

#[test]
fn fields_go_from_one_header_to_the_other() {
    let body = message(Binary, CALL, "reserve", 7, &[0]);
    let numbered = b"\0\0\x10\0\x02\0\x06\0\x05store\x01\x2c\0\x01?\x11\0\x05token\x01\0\x01\0\x06tenant\0\x04blue";
    let out = sent(&mut client_of(&to(Transport::THeader)), head(&mut server(), &ttheader(7, numbered, &body)));
    // What has no name, and a token, mean nothing elsewhere.
    assert_eq!(out, theader(7, b"\0\0\x01\x02\x0ato_service\x05store\x06tenant\x04blue", &body));

    let wide = b"\0\0\x01\x01\x06tenant\x04blue\x02\x01\x05stays\x04here";
    let out = sent(&mut client_of(&to(Transport::TTHeader)), head(&mut server(), &theader(7, wide, &body)));
    assert_eq!(out, ttheader(7, b"\0\0\x01\0\x02\0\x06tenant\0\x04blue\0\x05stays\0\x04here", &body));
}

#[test]
fn fields_find_no_place_where_there_is_none() {
    // Those that came are for the hop that they came on.
    let bytes = theader(7, b"\0\0\x01\x01\x06tenant\x04blue", &message(Binary, CALL, "reserve", 7, &[0]));
    for transport in [Transport::Framed, Transport::Unframed, Transport::Dubbo] {
        let asked = head(&mut server(), &bytes);
        sent(&mut client_of(&to(transport)), asked.clone());
        // Those that somebody sets are meant for whoever reads them.
        let mut edited = asked;
        edited.set_field(b"tenant", b"green").unwrap();
        let refused = client_of(&to(transport)).send(&mut Event::Head(edited)).unwrap_err();
        assert!(matches!(refused, EncodeError::NoPlace { .. }), "{transport}: {refused}");
    }
}

#[test]
fn one_encoding_does_not_become_another() {
    for pinned in Encoding::ALL {
        let is_binary = |encoding| matches!(encoding, Binary | OldBinary);
        for layout in LAYOUTS {
            let mut end = client_of(&Thrift::new().with_encoding(pinned));
            let sent = end.send(&mut Event::Head(head(&mut server(), &call(layout, "reserve", 7))));
            if pinned == layout.1 || is_binary(pinned) && is_binary(layout.1) {
                assert_eq!(sent, Ok(Sent::All), "{pinned} {layout:?}");
                assert_eq!(end.output_mut().take(), call(layout, "reserve", 7));
            } else {
                assert!(matches!(sent, Err(EncodeError::Invalid { .. })), "{pinned} {layout:?}: {sent:?}");
                assert!(end.output().is_empty());
            }
        }
    }
}

#[test]
fn an_answer_in_another_encoding_than_its_request_goes_out_in_its_own() {
    // Volo's servers throw in binary whatever was asked in, and its clients look at what they get.
    for layout in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Dubbo) {
        let is_binary = |encoding| matches!(encoding, Binary | OldBinary);
        for answered in Encoding::ALL.into_iter().filter(|answered| is_binary(*answered) != is_binary(layout.1)) {
            if answered == Json || answered == layout.1 {
                continue;
            }
            let mut end = server();
            let name = head(&mut end, &call(layout, "reserve", 7)).stream();
            let up = (layout.0, answered);
            let mut answer = head(&mut client_after(&Thrift::new(), &call(up, "reserve", 7)), &reply(up, "reserve", 7));
            answer.set_stream(name);
            let out = sent(&mut end, answer);
            let told = head(&mut client_after(&Thrift::new(), &call(layout, "reserve", 7)), &out);
            assert_eq!((told.stream().id(), told.outcome()), (7, Outcome::Success), "{layout:?} {answered}");
            assert_eq!(told.data(), text(answered, 0, "a value"), "{layout:?} {answered}");
        }
    }
}

#[test]
fn an_answer_in_json_has_no_place_where_json_has_none() {
    for layout in LAYOUTS.into_iter().filter(|layout| !matches!(layout.0, Wrap::Framed | Wrap::THeader)) {
        let mut end = server();
        let name = head(&mut end, &call(layout, "reserve", 7)).stream();
        let up = (Wrap::Framed, Json);
        let mut answer = head(&mut client_after(&Thrift::new(), &call(up, "reserve", 7)), &reply(up, "reserve", 7));
        answer.set_stream(name);
        let refused = end.send(&mut Event::Head(answer)).unwrap_err();
        assert!(matches!(refused, EncodeError::NoPlace { .. }), "{layout:?}: {refused}");
        assert!(end.output().is_empty());
        // It is owed still.
        let mut own = end.reply(name, &LocalReply::new(Outcome::BadResponse, "no")).unwrap();
        assert_eq!(end.send(&mut own), Ok(Sent::All));
        assert!(!end.output().is_empty());
    }
}

#[test]
fn either_binary_is_answered_in_its_own() {
    for wrap in [Wrap::Framed, Wrap::Unframed, Wrap::THeader, Wrap::TTHeader, Wrap::TTHeaderFramed] {
        for (asked, answered) in [(OldBinary, Binary), (Binary, OldBinary)] {
            let mut end = server();
            let name = head(&mut end, &call((wrap, asked), "reserve", 7)).stream();
            let mut up = client_after(&Thrift::new(), &call((wrap, answered), "reserve", 7));
            let mut answer = head(&mut up, &reply((wrap, answered), "reserve", 7));
            answer.set_stream(name);
            assert_eq!(sent(&mut end, answer), reply((wrap, asked), "reserve", 7), "{wrap:?}");
        }
    }
}

/// A struct with every kind of value, many times: (un)likely to be cut where it is convenient.
fn many(encoding: Encoding, n: usize) -> Vec<u8> {
    let one: &[u8] = match encoding {
        Compact => b"\x15\x02\x18\x03abc\x19\x2c\x15\x80\x01\0\x15\x80\x80\x01\0\x1b\x01\x85\x01k\x80\x80\x80\x04",
        _ => b"\x08\0\x01\0\0\0\x02\x0b\0\x02\0\0\0\x03abc\x0f\0\x03\x0c\0\0\0\x02\x08\0\x01\0\0\0\x09\0\x0a\0\x01\0\0\0\0\0\0\0\x07\0\
            \x0d\0\x04\x0b\x08\0\0\0\x01\0\0\0\x01k\0\0\0\x03",
    };
    [&one.repeat(n)[..], &[0]].concat()
}

/// What the events of a large message come to on the other side.
fn passed(end: &mut Endpoint, events: Vec<Event>) -> Result<Vec<u8>, EncodeError> {
    for mut event in events {
        event.set_stream(StreamId::new(9).with_tag(event.stream().unwrap().tag()));
        assert_eq!(end.send(&mut event)?, Sent::All);
    }
    assert!(!end.codec().state().sending);
    Ok(end.output_mut().take())
}

#[test]
fn a_large_message_goes_from_frame_to_frame() {
    for from in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed && layout.1 != Json) {
        for wrap in TO.into_iter().filter(|wrap| *wrap != Wrap::Unframed) {
            let Some(into) = goes_on_as(from, wrap) else { continue };
            let body = many(from.1, 4000);
            let all = events(&mut server(), &named(from, SERVICE, "put", (7, 7), CALL, &body), 10_000).unwrap();
            assert!(all.len() > 2);
            let service = if from.0 == Wrap::Dubbo && into.0 != Wrap::Dubbo { "" } else { SERVICE };
            let out = passed(&mut client_of(&to(wrap.transport())), all).unwrap();
            assert!(out == named(into, service, "put", (9, 7), CALL, &body), "{from:?} to {into:?}");
        }
    }
}

#[test]
fn a_large_message_loses_its_frame_wherever_it_is_cut() {
    for from in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed && layout.1 != Json) {
        for piece in [1, 2, 3, 7, 64, 1000] {
            let body = many(from.1, 40);
            let mut end = server_with(|limits| limits.whole = 64);
            let all = events(&mut end, &named(from, "", "put", (7, 7), CALL, &body), piece).unwrap();
            assert!(all.len() > 1, "{from:?}");
            let out = passed(&mut client_of(&to(Transport::Unframed)), all).unwrap();
            assert_eq!(out, message(from.1, CALL, "put", 9, &body), "{from:?} {piece}");
        }
    }
}

/// Sends a call as a head that is whole, and as one that streams.
fn without_its_frame(from: (Wrap, Encoding), body: &[u8]) -> [Result<Vec<u8>, EncodeError>; 2] {
    let bytes = named(from, "", "put", (7, 7), CALL, body);
    let whole = passed(&mut client_of(&to(Transport::Unframed)), vec![Event::Head(head(&mut server(), &bytes))]);
    let mut end = server_with(|limits| limits.whole = 30);
    let mut out = client_of(&to(Transport::Unframed));
    let streamed = passed(&mut out, events(&mut end, &bytes, 5).unwrap());
    if streamed.is_err() {
        // What went out of it is followed by nothing.
        assert!(out.output().is_empty() || out.codec().state().close);
        let next = out.send(&mut Event::Head(head(&mut server(), &call((Wrap::Unframed, Binary), "next", 8))));
        assert_eq!(next.is_err(), out.codec().state().close);
    }
    [whole, streamed]
}

#[test]
fn what_would_be_another_message_without_its_frame_is_refused() {
    for from in LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Unframed && layout.1 != Json) {
        let body = text(from.1, 1, "an argument that is longer than what is waited for");
        for sent in without_its_frame(from, &body) {
            assert_eq!(sent.unwrap(), message(from.1, CALL, "put", 9, &body), "{from:?}");
        }
        let smuggled = message(from.1, CALL, "Admin:drop", 1, nothing(from.1));
        for behind in [&[0][..], &[0, 0], b"x", &body, &smuggled] {
            for sent in without_its_frame(from, &[&body[..], behind].concat()) {
                assert!(matches!(sent, Err(EncodeError::TooLong(_))), "{from:?}: {sent:?}");
            }
        }
        for n in 0..body.len() {
            let [whole, streamed] = without_its_frame(from, &body[..n]);
            assert!(matches!(whole, Err(EncodeError::TooShort(_))), "{from:?} {n}: {whole:?}");
            assert!(matches!(streamed, Err(EncodeError::TooShort(_))), "{from:?} {n}: {streamed:?}");
        }
        let bad: &[u8] = if from.1 == Compact { b"\x1f\0" } else { b"\x01\0\x01\0\0" };
        for sent in without_its_frame(from, bad) {
            assert!(matches!(sent, Err(EncodeError::Invalid { .. })), "{from:?}: {sent:?}");
        }
    }
}

#[test]
fn a_struct_that_nests_too_deep_does_not_lose_its_frame() {
    for (levels, fits) in [(64, true), (65, false)] {
        let deep = |levels: usize| [&b"\x0c\0\x01".repeat(levels - 1)[..], &vec![0; levels]].concat();
        let bytes = frame(&message(Binary, CALL, "put", 7, &deep(levels)));
        // The frame itself is passed on whatever is in it.
        let asked = head(&mut server(), &bytes);
        assert_eq!(sent(&mut client(), asked.clone()), bytes);
        let result = client_of(&to(Transport::Unframed)).send(&mut Event::Head(asked));
        assert_eq!(result.is_ok(), fits, "{levels}: {result:?}");
    }
}

#[test]
fn an_answer_that_would_be_two_without_its_frame_is_refused() {
    let mut end = server();
    let name = head(&mut end, &call((Wrap::Unframed, Binary), "reserve", 7)).stream();
    let body = [text(Binary, 0, "a"), message(Binary, REPLY, "reserve", 8, &[0])].concat();
    let bytes = frame(&message(Binary, REPLY, "reserve", 7, &body));
    let mut answer = head(&mut client_after(&Thrift::new(), &call((Wrap::Framed, Binary), "reserve", 7)), &bytes);
    answer.set_stream(name);
    assert!(matches!(end.send(&mut Event::Head(answer)), Err(EncodeError::TooLong(_))));
    assert!(end.output().is_empty() && !end.codec().state().close);
    let own = end.reply(name, &LocalReply::new(Outcome::BadResponse, "no")).unwrap();
    assert_eq!(end.send(&mut { own }), Ok(Sent::All));
    assert_eq!(end.output_mut().take(), message(Binary, EXCEPTION, "", 7, &thrown(Binary, "no", 5)));
}

#[test]
fn an_unframed_message_fits_a_frame_up_to_what_is_waited_for() {
    for encoding in [Binary, OldBinary, Compact] {
        let of = |n: usize| {
            let empty = message(encoding, CALL, "put", 7, &text(encoding, 1, &"x".repeat(1000))).len() - 1000;
            message(encoding, CALL, "put", 7, &text(encoding, 1, &"x".repeat(n - empty)))
        };
        for wrap in TO.into_iter().filter(|wrap| goes_on_as((Wrap::Unframed, encoding), *wrap).is_some()) {
            let all = events(&mut server_with(|limits| limits.whole = 2000), &of(2000), 99).unwrap();
            assert_eq!((all.len(), all[0].is_end()), (1, true));
            passed(&mut client_of(&to(wrap.transport())), all).unwrap();

            let mut all = events(&mut server_with(|limits| limits.whole = 2000), &of(2001), 99).unwrap();
            assert!(!all[0].is_end() && all.len() > 1);
            if wrap == Wrap::Unframed {
                passed(&mut client_of(&to(wrap.transport())), all).unwrap();
                continue;
            }
            let mut end = client_of(&to(wrap.transport()));
            let refused = end.send(&mut all[0]).unwrap_err();
            let EncodeError::NoPlace { what, .. } = refused else { panic!("{refused:?}") };
            assert!(what.contains("length is not known") && what.contains("`whole`"), "{what}");
            assert!(end.output().is_empty() && !end.codec().state().sending && !end.codec().state().close);
        }
    }
}

#[test]
fn an_unframed_answer_goes_into_the_frame_of_its_request() {
    for asked in LAYOUTS.into_iter().filter(|layout| layout.1 != Json) {
        let encoding = if asked.1 == OldBinary { Binary } else { asked.1 };
        let mut down = server();
        let name = head(&mut down, &call(asked, "reserve", 7)).stream();
        let mut up = client_after(&Thrift::new(), &call((Wrap::Unframed, encoding), "reserve", 9));
        let mut answer = head(&mut up, &reply((Wrap::Unframed, encoding), "reserve", 9));
        answer.set_stream(name);
        let own = if asked.0 == Wrap::Dubbo { 9 } else { 7 };
        let expected = named(asked, "", "reserve", (7, own), REPLY, &text(asked.1, 0, "a value"));
        assert_eq!(sent(&mut down, answer), expected, "{asked:?}");
    }
}

#[test]
fn a_large_unframed_answer_is_refused_by_a_frame_and_owed_still() {
    let mut down = server();
    let name = head(&mut down, &call((Wrap::Framed, Binary), "reserve", 7)).stream();
    let mut up = client_after(&Thrift::new(), &call((Wrap::Unframed, Binary), "reserve", 9));
    let bytes = message(Binary, REPLY, "reserve", 9, &text(Binary, 0, &"x".repeat(100_000)));
    let mut first = events(&mut up, &bytes, 10_000).unwrap().swap_remove(0);
    first.set_stream(name);
    assert!(matches!(down.send(&mut first), Err(EncodeError::NoPlace { .. })));
    let own = down.reply(name, &LocalReply::new(Outcome::BadResponse, "no")).unwrap();
    assert_eq!(down.send(&mut { own }), Ok(Sent::All));
}

#[test]
fn a_head_of_another_protocol_is_foreign() {
    static OTHER: meshwire::HeadFormat = meshwire::HeadFormat::new("other", "other");
    for protocol in [Thrift::new(), to(Transport::Framed), to(Transport::Unframed)] {
        let other = Head::new(&OTHER, meshwire::Kind::Request, StreamId::new(1), bytes::Bytes::from_static(b"x"));
        let refused = client_of(&protocol).send(&mut Event::Head(other)).unwrap_err();
        assert_eq!(refused, EncodeError::Foreign { from: "other", to: "thrift" });
    }
}

proptest! {
    #![proptest_config(cases(48))]

    /// However a framed body is cut on its way, it is the same struct without its frame, or refused as it would be whole.
    #[test]
    fn any_cut_of_a_frame_is_as_good_as_any_other(
        body in prop_oneof![
            (0usize..30).prop_map(|n| many(Binary, n)),
            prop::collection::vec(prop_oneof![Just(0u8), 0u8..17, any::<u8>()], 0..200),
            (1usize..20, any::<prop::sample::Index>(), any::<u8>()).prop_map(|(n, at, byte)| {
                let mut body = many(Binary, n);
                let at = at.index(body.len());
                body[at] = byte;
                body
            }),
        ],
        pieces in prop::collection::vec(1usize..40, 1..6),
    ) {
        let bytes = frame(&message(Binary, CALL, "put", 7, &body));
        let whole = passed(&mut client_of(&to(Transport::Unframed)), vec![Event::Head(head(&mut server(), &bytes))]);
        let mut end = server_with(|limits| limits.whole = 20);
        let (mut at, mut all) = (0, Vec::new());
        for piece in pieces.iter().cycle() {
            let next = (at + piece).min(bytes.len());
            all.extend(events(&mut end, &bytes[at..next], usize::MAX).unwrap());
            at = next;
            if at == bytes.len() {
                break;
            }
        }
        let streamed = passed(&mut client_of(&to(Transport::Unframed)), all);
        prop_assert_eq!(whole.is_ok(), streamed.is_ok(), "{:?} {:?}", whole, streamed);
        if let (Ok(whole), Ok(streamed)) = (whole, streamed) {
            prop_assert_eq!(whole, streamed);
        }
    }
}

/// Routed by Dubbo's service, it would be dispatched by another one.
#[test]
fn a_colon_in_the_name_of_dubbo_s_method_does_not_become_a_service() {
    let bytes = dubbo("com.example.Store", 7, &message(Binary, CALL, "Admin:drop", 7, &[0]));
    let asked = head(&mut server(), &bytes);
    assert_eq!(sent(&mut client(), asked.clone()), bytes);
    for transport in [Transport::Framed, Transport::Unframed, Transport::THeader, Transport::TTHeader] {
        let mut client = client_of(&Thrift::new().with_transport(transport));
        let sent = client.send(&mut Event::Head(asked.clone()));
        assert!(matches!(sent, Err(EncodeError::Invalid { .. } | EncodeError::Refused(_))), "{transport}: {sent:?}");
    }
}
