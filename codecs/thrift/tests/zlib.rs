//! Compressed messages of THeader: read as far as the method's name, passed on as they are.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use std::time::{Duration, Instant};

use common::*;
use meshwire::{
    Attr, Attribute, EncodeError, Event, Head, Kind, Limit, LocalReply, Outcome, RoutingKey, Scope, Sent, Step,
    StreamId,
};
use meshwire_thrift::{Encoding, Thrift, Transport};
use miniz_oxide::deflate::compress_to_vec_zlib;
use proptest::prelude::*;

const ENCODINGS: [Encoding; 4] = [Binary, OldBinary, Compact, Json];

/// A THeader with the transform zlib around what is compressed already.
fn header(encoding: Encoding, id: u32, compressed: &[u8]) -> Vec<u8> {
    theader(id, &[number(encoding), 1, 1], compressed)
}

fn zlib(encoding: Encoding, id: u32, message: &[u8]) -> Vec<u8> {
    header(encoding, id, &compress_to_vec_zlib(message, 6))
}

/// Where the compressed part begins: a header of one word.
const AT: u64 = 14 + 4;

fn a_call(encoding: Encoding) -> Vec<u8> {
    message(encoding, CALL, "Store:reserve", 7, &text(encoding, 1, &"an argument ".repeat(20)))
}

/// What comes behind what was refused.
#[track_caller]
fn goes_on(end: &mut meshwire::Endpoint) {
    assert_eq!(
        head(end, &call((Wrap::THeader, Binary), "reserve", 70)).attribute(Attribute::Method),
        Attr::Value(b"reserve")
    );
}

#[test]
fn the_name_is_found_and_the_rest_is_left_alone() {
    for encoding in ENCODINGS {
        for level in [0, 1, 6, 10] {
            let compressed = compress_to_vec_zlib(&a_call(encoding), level);
            let bytes = header(encoding, 7, &compressed);
            let head = head(&mut server(), &bytes);
            assert_eq!((head.kind(), head.stream().id(), head.is_end()), (Kind::Request, 7, true), "{encoding}");
            assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"Store"), "{encoding}");
            assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"reserve"), "{encoding}");
            assert_eq!((head.kept_id(), head.is_edited()), (Some(7), false));
            assert_eq!((head.data(), head.head_bytes().len() as u64), (&compressed[..], AT));
            assert_eq!(sent(&mut client(), head), bytes);
        }
    }
    // One without a service is that of whoever is configured.
    let bytes = zlib(Compact, 7, &message(Compact, CALL, "reserve", 0, &[0]));
    let asked = head(&mut server_of(&Thrift::new().with_service("Store")), &bytes);
    assert_eq!(
        (asked.host(), asked.attribute(Attribute::Method)),
        (Attr::Value(&b"Store"[..]), Attr::Value(&b"reserve"[..]))
    );
    // What is not compressed keeps no id.
    assert_eq!(head(&mut server(), &call((Wrap::THeader, Compact), "reserve", 7)).kept_id(), None);
}

#[test]
fn a_one_way_call_is_seen_to_be_one() {
    for encoding in ENCODINGS {
        let bytes = zlib(encoding, 7, &message(encoding, ONE_WAY, "note", 7, nothing(encoding)));
        let mut end = server();
        let head = head(&mut end, &bytes);
        assert_eq!(
            (head.kind(), head.attribute(Attribute::Method)),
            (Kind::OneWay, Attr::Value(&b"note"[..])),
            "{encoding}"
        );
        assert!(end.reply(head.stream(), &LocalReply::new(Outcome::NoRoute, "")).is_none());
        assert_eq!(end.codec().state().open, 0);
    }
}

#[test]
fn it_goes_under_its_own_id_or_not_at_all() {
    for encoding in ENCODINGS {
        let bytes = zlib(encoding, 7, &a_call(encoding));
        for other in [0, 8, u32::MAX] {
            let mut end = client();
            let mut event = Event::Head(head(&mut server(), &bytes));
            event.set_stream(StreamId::new(other.into()).with_tag(event.stream().unwrap().tag()));
            let refused = end.send(&mut event).unwrap_err();
            assert!(matches!(refused, EncodeError::Invalid { what, .. } if what.contains("keeps its id")), "{refused}");
            assert!(end.output().is_empty());
        }
        assert_eq!(sent_as(&mut client(), head(&mut server(), &bytes), 7), bytes);
    }
}

#[test]
fn its_id_is_that_of_its_header() {
    for inner in [0, 9] {
        let bytes = zlib(Binary, 7, &message(Binary, CALL, "reserve", inner, &[0]));
        let asked = head(&mut server(), &bytes);
        assert_eq!((asked.stream().id(), asked.kept_id()), (7, Some(7)));
        assert_eq!(sent(&mut client(), asked), bytes);
    }
}

#[test]
fn its_fields_can_be_edited_and_its_name_cannot() {
    let compressed = compress_to_vec_zlib(&a_call(Binary), 6);
    let bytes = header(Binary, 7, &compressed);
    let mut edited = head(&mut server(), &bytes);
    edited.set_field(b"tenant", b"blue").unwrap();
    let expected = theader(7, b"\0\x01\x01\x01\x01\x06tenant\x04blue", &compressed);
    assert_eq!(sent(&mut client(), edited), expected);

    let edits: [fn(&mut Head); 2] = [
        |head| head.set_service(b"Other").unwrap(),
        |head| {
            head.set_attribute(Attribute::Method, b"other").unwrap();
        },
    ];
    for edit in edits {
        let mut head = head(&mut server(), &bytes);
        edit(&mut head);
        let refused = client().send(&mut Event::Head(head)).unwrap_err();
        assert!(matches!(refused, EncodeError::NoPlace { .. }), "{refused}");
    }
    for protocol in [
        Thrift::new().stripping_service(),
        Thrift::new().with_transport(Transport::Framed),
        Thrift::new().with_transport(Transport::TTHeader),
        Thrift::new().with_transport(Transport::Unframed),
        Thrift::new().with_transport(Transport::Dubbo),
    ] {
        let mut end = client_of(&protocol);
        let refused = end.send(&mut Event::Head(head(&mut server(), &bytes))).unwrap_err();
        assert!(matches!(refused, EncodeError::NoPlace { .. }), "{refused}");
        assert!(end.output().is_empty());
    }
}

#[test]
fn an_answer_tells_its_outcome() {
    for encoding in ENCODINGS {
        for (kind, body, outcome, status) in [
            (REPLY, nothing(encoding).to_vec(), Outcome::Success, None),
            (REPLY, text(encoding, 0, &"a value ".repeat(1000)), Outcome::Success, None),
            (REPLY, text(encoding, 1, "declared"), Outcome::Exception, None),
            (EXCEPTION, thrown(encoding, "no such method", 1), Outcome::NoRoute, Some(1)),
            (EXCEPTION, thrown(encoding, &"in ".repeat(10_000), 6), Outcome::ServerError, Some(6)),
            (EXCEPTION, thrown(encoding, "", 99), Outcome::Unknown, Some(99)),
        ] {
            let mut end = client_after(&Thrift::new(), &call((Wrap::THeader, encoding), "reserve", 7));
            let bytes = zlib(encoding, 7, &message(encoding, kind, "reserve", 7, &body));
            let head = head(&mut end, &bytes);
            assert_eq!((head.outcome(), head.status()), (outcome, status), "{encoding} {}", body.len());
            assert_eq!((head.kind(), head.stream().id(), head.kept_id()), (Kind::Response, 7, Some(7)));
        }
    }
}

#[test]
fn a_compressed_answer_goes_back_as_it_is() {
    let mut end = server();
    let asked = head(&mut end, &call((Wrap::THeader, Compact), "reserve", 7));
    let mut up = client();
    sent_as(&mut up, asked.clone(), 7);
    let bytes = zlib(Compact, 7, &message(Compact, REPLY, "reserve", 7, &text(Compact, 0, "a value")));
    let mut answer = head(&mut up, &bytes);
    answer.set_stream(asked.stream());
    assert_eq!(sent(&mut end, answer), bytes);
}

#[test]
fn a_stream_that_is_damaged_costs_its_message() {
    for (damage, code) in [
        // Its method, its check bits, a reserved kind of block, a distance before the begin.
        (&b"\x79\x9c\x03\0\0\0\0\x01"[..], "zlib"),
        (b"\x78\x9d\x03\0\0\0\0\x01", "zlib"),
        (b"\x78\x9c\x07\0\0\0\0\x01", "zlib"),
        (b"\x78\x9c\x63\x00\x12\0\0\0", "zlib"),
        (b"", "zlib"),
        (b"\x78", "zlib"),
        // Whole, and nothing in it.
        (b"\x78\x9c\x03\0\0\0\0\x01", "cut_short"),
    ] {
        let mut end = server();
        let refused = error(&mut end, &header(Binary, 7, damage));
        assert_eq!(refused.code, code, "{}", damage.escape_ascii());
        assert_eq!(
            (refused.scope, refused.offset),
            (Scope::Message(StreamId::new(7)), AT),
            "{}",
            damage.escape_ascii()
        );
        assert_eq!(refused.outcome(), Outcome::BadRequest);
        let mut reply =
            end.reply(refused.stream().unwrap(), &LocalReply::new(refused.outcome(), refused.detail)).unwrap();
        assert_eq!(end.send(&mut reply), Ok(Sent::All));
        let said = end.output_mut().take();
        assert_eq!((&said[4..6], &said[8..12]), (&[0x0f, 0xff][..], &[0, 0, 0, 7][..]));
        goes_on(&mut end);
    }
}

#[test]
fn a_stream_that_is_cut_inside_its_name_costs_its_message() {
    let whole = compress_to_vec_zlib(&a_call(Binary), 6);
    let stored = compress_to_vec_zlib(&a_call(Binary), 0);
    for compressed in [whole, stored] {
        let mut cut = 0;
        for n in 0..compressed.len() {
            let mut end = server();
            end.input().extend_from_slice(&header(Binary, 7, &compressed[..n]));
            match end.decode() {
                // The rest of it is for whoever reads its arguments.
                Ok(Step::Event(Event::Head(head))) => {
                    assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"reserve"), "{n}");
                }
                Err(refused) => {
                    assert_eq!((refused.scope, refused.offset), (Scope::Message(StreamId::new(7)), AT), "{n}");
                    cut += 1;
                    goes_on(&mut end);
                }
                other => panic!("{n}: {other:?}"),
            }
        }
        assert!(cut > 10 && cut < compressed.len());
    }
}

#[test]
fn what_is_inside_must_be_a_message() {
    let long = |len: u32| [&[0x80, 1, 0, 1][..], &len.to_be_bytes(), b"x"].concat();
    for (encoding, inside, code) in [
        (Binary, message(Binary, 9, "reserve", 7, &[0]), "message_type"),
        (Binary, b"\x80\x02\0\x01\0\0\0\x01a\0\0\0\0".to_vec(), "length"),
        (Binary, long(20), "cut_short"),
        (Binary, long(u32::MAX), "length"),
        (Compact, a_call(Binary), "version"),
        (Json, a_call(Compact), "version"),
        (Binary, a_call(Json), "head"),
        (Binary, a_call(Compact), "length"),
    ] {
        let mut end = server();
        let refused = error(&mut end, &zlib(encoding, 7, &inside));
        assert_eq!((refused.code, refused.offset), (code, AT), "{encoding} {}", inside.escape_ascii());
        assert_eq!(refused.scope, Scope::Message(StreamId::new(7)));
        goes_on(&mut end);
    }
}

#[test]
fn a_name_may_be_as_long_as_a_head_and_no_longer() {
    for encoding in ENCODINGS {
        for (most, len) in [(100, 100), (100, 101), (900, 900), (900, 901)] {
            let mut end = server_with(|limits| limits.head = most);
            let bytes = zlib(encoding, 7, &message(encoding, CALL, &"n".repeat(len), 7, nothing(encoding)));
            if len == most {
                assert_eq!(head(&mut end, &bytes).attribute(Attribute::Method).value().unwrap().len(), len);
                continue;
            }
            let refused = error(&mut end, &bytes);
            assert_eq!((refused.code, refused.limit, refused.offset), ("head", Some(Limit::Head), AT), "{encoding}");
            assert_eq!((refused.scope, refused.outcome()), (Scope::Message(StreamId::new(7)), Outcome::TooLarge));
            assert_eq!(end.codec().stats().tripped(Limit::Head), 1);
            goes_on(&mut end);
        }
    }
    // As many as are allowed at all.
    let bytes = zlib(Binary, 7, &message(Binary, CALL, &"n".repeat(65_535), 7, &[0]));
    assert_eq!(head(&mut server(), &bytes).attribute(Attribute::Method).value().unwrap().len(), 65_535);
    let bytes = zlib(Binary, 7, &message(Binary, CALL, &"n".repeat(65_536), 7, &[0]));
    assert_eq!(error(&mut server(), &bytes).limit, Some(Limit::Head));
}

#[test]
fn a_bomb_is_opened_no_further_than_its_name() {
    let zeros = vec![0; 4 << 20];
    let begins = [
        // A name of two megabytes, claimed and there.
        [&[0x80, 1, 0, 1][..], &length(2 << 20), &zeros].concat(),
        // Old binary whose name is empty, and what its type is taken from.
        zeros.clone(),
        [&b"[1,\""[..], &[b'n'; 2 << 20]].concat(),
    ];
    for (inside, encoding) in begins.into_iter().zip([Binary, Binary, Json]) {
        let bytes = zlib(encoding, 7, &inside);
        assert!(bytes.len() < 65_536);
        let begun = Instant::now();
        let mut end = server();
        let refused = error(&mut end, &bytes);
        assert!(matches!(refused.code, "head" | "message_type"), "{refused}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        goes_on(&mut end);
    }
    // One behind a name that is short is whoever's who opens it.
    let bytes = zlib(Binary, 7, &message(Binary, CALL, "reserve", 7, &zeros));
    let begun = Instant::now();
    assert_eq!(head(&mut server(), &bytes).attribute(Attribute::Method), Attr::Value(b"reserve"));
    assert!(begun.elapsed() < Duration::from_secs(2));
}

/// Blocks of nothing: bytes that come to none.
fn empty_blocks(n: usize) -> Vec<u8> {
    [&[0x78, 0x01][..], &[0, 0, 0, 0xff, 0xff].repeat(n)].concat()
}

#[test]
fn a_stream_of_nothing_is_looked_at_no_further_than_a_head() {
    for piece in [1000, 1_000_000] {
        let mut end = server();
        let bytes = header(Binary, 7, &empty_blocks(40_000));
        let begun = Instant::now();
        let refused = events(&mut end, &bytes, piece).unwrap_err();
        assert!(matches!(refused.code, "head" | "zlib"), "{refused}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

/// Bytes that nothing compresses.
fn noise(n: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..n).map(step).collect()
}

#[test]
fn a_large_message_may_come_a_byte_at_a_time() {
    for encoding in [Binary, Compact] {
        let body = [&[11, 0, 1][..], &length(3000), &noise(3000), &[0]].concat();
        let bytes = zlib(encoding, 7, &message(encoding, CALL, "Store:reserve", 7, &body));
        let mut end = server_with(|limits| limits.whole = 500);
        let all = events(&mut end, &bytes, 1).unwrap();
        let Event::Head(head) = &all[0] else { panic!("{:?}", all[0]) };
        assert_eq!((head.attribute(Attribute::Method), head.is_end()), (Attr::Value(&b"reserve"[..]), false));
        assert_eq!((head.host(), head.kept_id()), (Attr::Value(&b"Store"[..]), Some(7)));
        assert!(head.bytes().len() < 300, "{}", head.bytes().len());
        assert!(all.last().unwrap().is_end());
        assert_eq!(data(&all), bytes[AT as usize..]);
        // And goes on so.
        let mut out = client();
        for mut event in all {
            assert_eq!(out.send(&mut event), Ok(Sent::All));
        }
        assert_eq!(out.output_mut().take(), bytes);
        goes_on(&mut end);
    }
}

#[test]
fn an_unknown_transform_costs_its_message() {
    // HMAC, snappy, qlz, zstd; zlib twice; none that is there.
    for (block, at) in [
        (&[0, 1, 2][..], 16),
        (&[0, 1, 3], 16),
        (&[0, 1, 5], 16),
        (&[2, 1, 0], 16),
        (&[0, 2, 1, 1], 17),
        (&[0, 2, 1, 3], 17),
        (&[0, 1, 0x80, 1], 16),
    ] {
        let mut end = server();
        head(&mut end, &call((Wrap::THeader, Binary), "first", 6));
        let begun = end.codec().stats().bytes_in;
        let bytes = theader(7, block, &compress_to_vec_zlib(&a_call(Binary), 6));
        let refused = error(&mut end, &bytes);
        assert_eq!((refused.code, refused.offset), ("transform", begun + at), "{block:?}");
        assert_eq!((refused.message_offset, refused.scope), (begun, Scope::Message(StreamId::new(7))));
        let mut reply = end.reply(refused.stream().unwrap(), &LocalReply::new(refused.outcome(), "no")).unwrap();
        assert_eq!(end.send(&mut reply), Ok(Sent::All));
        let said = end.output_mut().take();
        let expected = message(Binary, EXCEPTION, "", 7, &thrown(Binary, "no", 7));
        assert_eq!(said, theader(7, &[0, 0], &expected), "{block:?}");
        goes_on(&mut end);
    }
    // TTHeader has none.
    let mut end = server();
    let refused = error(&mut end, &ttheader(7, &[0, 1, 1], &compress_to_vec_zlib(&a_call(Binary), 6)));
    assert_eq!((refused.code, refused.offset), ("transform", 16));
    goes_on(&mut end);
}

#[test]
fn an_unknown_protocol_costs_its_message() {
    for (transport, protocols) in [(Wrap::THeader, &[3, 4, 5, 6, 127][..]), (Wrap::TTHeader, &[1, 3, 4, 0x10, 0xff])] {
        for protocol in protocols {
            let mut end = server();
            let block = [*protocol, 0];
            let bytes = match transport {
                Wrap::THeader => theader(7, &block, &a_call(Binary)),
                _ => ttheader(7, &block, &a_call(Binary)),
            };
            let refused = error(&mut end, &bytes);
            assert_eq!((refused.code, refused.offset), ("protocol", 14), "{transport:?} {protocol}");
            assert_eq!(refused.scope, Scope::Message(StreamId::new(7)));
            let mut reply = end.reply(refused.stream().unwrap(), &LocalReply::new(refused.outcome(), "no")).unwrap();
            assert_eq!(end.send(&mut reply), Ok(Sent::All));
            let expected = message(Binary, EXCEPTION, "", 7, &thrown(Binary, "no", 7));
            assert_eq!(end.output_mut().take(), wrap(transport, Binary, 7, &expected));
            goes_on(&mut end);
        }
    }
}

proptest! {
    #![proptest_config(cases(200))]

    /// Whatever is in it and however it is cut, it is told or refused, and the same at once.
    #[test]
    fn any_stream(
        inside in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..600),
            prop::collection::vec(0u8..3, 0..2000),
            (0usize..700).prop_map(|n| message(Binary, CALL, &"n".repeat(n), 7, &[0])),
        ],
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        level in 0u8..10,
        piece in 1usize..200,
        whole in prop_oneof![Just(65_536usize), 1usize..400],
    ) {
        let mut compressed = compress_to_vec_zlib(&inside, level);
        if let Some((at, byte)) = damage {
            let at = at.index(compressed.len());
            compressed[at] = byte;
        }
        let bytes = header(Binary, 7, &compressed);
        let limits = |limits: &mut meshwire::Limits| (limits.whole, limits.head) = (whole, 500);
        let told = |piece| events(&mut server_with(limits), &bytes, piece).map(|all| {
            let Event::Head(head) = &all[0] else { panic!("{:?}", all[0]) };
            (head.attribute(Attribute::Method).value().unwrap().to_vec(), data(&all))
        }).map_err(|refused| refused.code);
        let at_once = told(usize::MAX);
        if let Ok((_, data)) = &at_once {
            prop_assert_eq!(data, &compressed);
        }
        prop_assert_eq!(told(piece), at_once);
    }
}
