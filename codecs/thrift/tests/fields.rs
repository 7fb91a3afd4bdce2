//! The key/values of THeader and TTHeader: read, edited, bounded; and transports that have none.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use std::time::Duration;

use common::*;
use meshwire::{
    Attr, Conn, Depth, EncodeError, Endpoint, Event, Head, Limit, LocalReply, Outcome, Protocol, RoutingKey, Scope,
    StreamId,
};
use meshwire_thrift::{Call, Thrift, Transport};

/// Text with a length of 16 bits.
fn short(text: &str) -> Vec<u8> {
    [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat()
}

/// Text with a varint of length.
fn wide(text: &str) -> Vec<u8> {
    [&varint(text.len() as u32)[..], text.as_bytes()].concat()
}

/// A block of THeader: 1 for key/values, 2 for those that stay.
fn wide_block(id: u8, pairs: &[(&str, &str)]) -> Vec<u8> {
    let pairs_of = pairs.iter().flat_map(|(key, value)| [wide(key), wide(value)].concat());
    [id].into_iter().chain(varint(pairs.len() as u32)).chain(pairs_of).collect()
}

/// Key/values of TTHeader.
fn texts(pairs: &[(&str, &str)]) -> Vec<u8> {
    let of = pairs.iter().flat_map(|(key, value)| [short(key), short(value)].concat());
    [1].into_iter().chain((pairs.len() as u16).to_be_bytes()).chain(of).collect()
}

/// Its numbered keys.
fn numbers(pairs: &[(u16, &str)]) -> Vec<u8> {
    let of = pairs.iter().flat_map(|(key, value)| [key.to_be_bytes().to_vec(), short(value)].concat());
    [0x10].into_iter().chain((pairs.len() as u16).to_be_bytes()).chain(of).collect()
}

fn token(text: &str) -> Vec<u8> {
    [&[0x11][..], &short(text)].concat()
}

fn a_call() -> Vec<u8> {
    message(Binary, CALL, "Store:reserve", 7, &text(Binary, 1, "an argument"))
}

fn theader_with(blocks: &[Vec<u8>]) -> Vec<u8> {
    theader(7, &[&[0, 0][..], &blocks.concat()].concat(), &a_call())
}

fn ttheader_with(blocks: &[Vec<u8>]) -> Vec<u8> {
    ttheader(7, &[&[0, 0][..], &blocks.concat()].concat(), &a_call())
}

fn listed(head: &Head) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    head.fields().unwrap().map(|(key, value)| (text(key), text(value))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// What goes out of a head with these edits, and what a server reads of that.
#[track_caller]
fn edited(bytes: &[u8], edit: impl FnOnce(&mut Head)) -> Vec<u8> {
    let mut asked = head(&mut server(), bytes);
    edit(&mut asked);
    let (listed_before, data) = (listed(&asked), asked.data().to_vec());
    let out = sent(&mut client(), asked);
    let mut end = server();
    let again = head(&mut end, &out);
    // A number has one way to write its name.
    let lower = |all: Vec<(String, String)>| all.into_iter().map(|(name, value)| (name.to_lowercase(), value));
    assert!(lower(listed(&again)).eq(lower(listed_before)), "{:?}", listed(&again));
    assert_eq!((again.data(), end.unread()), (&data[..], 0));
    assert_eq!((again.host(), again.stream().id()), (Attr::Value(&b"Store"[..]), 7));
    out
}

#[test]
fn theader_s_are_read_in_their_order() {
    let bytes = theader_with(&[
        wide_block(1, &[("tenant", "blue"), ("trace", "")]),
        wide_block(2, &[("stays", "here"), ("Tenant", "green")]),
        wide_block(1, &[]),
        wide_block(1, &[("last", &"v".repeat(300))]),
    ]);
    let head = head(&mut server(), &bytes);
    let last = "v".repeat(300);
    let all = [("tenant", "blue"), ("trace", ""), ("stays", "here"), ("Tenant", "green"), ("last", &last)];
    assert_eq!(listed(&head), pairs(&all));
    assert_eq!(head.field(b"TENANT"), Attr::Value(b"blue"));
    assert_eq!(head.field(b"trace"), Attr::Value(b""));
    assert_eq!(head.field(b"other"), Attr::Absent);
}

#[test]
fn ttheader_s_are_read_in_their_order_under_their_names() {
    let bytes = ttheader_with(&[
        numbers(&[(3, "front"), (6, "shop.store"), (300, "nobody knows"), (9, "reserve")]),
        vec![0, 0],
        token("a token"),
        texts(&[("tenant", "blue"), ("", "no name")]),
        numbers(&[(2, "0a1b")]),
    ]);
    let head = head(&mut server(), &bytes);
    let known = [("from_service", "front"), ("to_service", "shop.store"), ("to_method", "reserve")];
    assert_eq!(listed(&head), pairs(&[&known[..], &[("tenant", "blue"), ("log_id", "0a1b")]].concat()));
    assert_eq!(head.field(b"To_Service"), Attr::Value(b"shop.store"));
}

#[test]
fn no_field_is_read_that_nobody_asks_for() {
    let bytes = ttheader_with(&[texts(&[("tenant", "blue")])]);
    let mut end = Endpoint::new(Thrift::new().codec(Conn::server()));
    assert_eq!(head(&mut end, &bytes).field(b"tenant"), Attr::NotSeen);
    let mut end = Endpoint::new(Thrift::new().codec(Conn::server().with_depth(Depth::ROUTE.with_field("tenant"))));
    assert_eq!(head(&mut end, &bytes).field(b"tenant"), Attr::Value(b"blue"));
    // Where nobody routes, what is wrong with them is for whoever reads them.
    let bytes = ttheader_with(&[vec![1, 0, 9, 0, 1]]);
    let mut end = Endpoint::new(Thrift::new().codec(Conn::server().with_depth(Depth::BOUNDARY)));
    let asked = head(&mut end, &bytes);
    assert_eq!(sent(&mut client(), asked), bytes);
}

#[test]
fn a_set_field_stands_where_it_stood() {
    let out = edited(&theader_with(&[wide_block(1, &[("a", "1"), ("b", "2"), ("A", "3")])]), |head| {
        head.set_field(b"a", b"long enough for one more word").unwrap();
    });
    let expected = [("a", "long enough for one more word"), ("b", "2")];
    assert_eq!(out, theader_with(&[wide_block(1, &expected)]));

    let blocks =
        [numbers(&[(3, "front"), (6, "old"), (300, "?")]), token("t"), texts(&[("k", "v"), ("to_service", "text")])];
    let out = edited(&ttheader_with(&blocks), |head| head.set_field(b"TO_SERVICE", b"new").unwrap());
    let expected = [numbers(&[(3, "front"), (6, "new"), (300, "?")]), token("t"), texts(&[("k", "v")])];
    assert_eq!(out, ttheader_with(&expected));
}

#[test]
fn a_removed_field_is_gone_with_its_namesakes() {
    let blocks = [wide_block(1, &[("a", "1"), ("b", "2")]), wide_block(2, &[("A", "3")]), wide_block(1, &[("c", "4")])];
    let out = edited(&theader_with(&blocks), |head| head.remove_field(b"a").unwrap());
    // Runs of one kind are one block.
    assert_eq!(out, theader_with(&[wide_block(1, &[("b", "2"), ("c", "4")])]));

    let blocks = [numbers(&[(6, "x")]), texts(&[("to_service", "y"), ("k", "v")])];
    let out = edited(&ttheader_with(&blocks), |head| head.remove_field(b"to_service").unwrap());
    assert_eq!(out, ttheader_with(&[texts(&[("k", "v")])]));
    // The last one takes its block along.
    let out = edited(&ttheader_with(&[texts(&[("k", "v")])]), |head| head.remove_field(b"k").unwrap());
    assert_eq!(out, ttheader_with(&[]));
    // One that is not there changes nothing.
    let bytes = ttheader_with(&[token("t"), numbers(&[(300, "?")])]);
    assert_eq!(edited(&bytes, |head| head.remove_field(b"k").unwrap()), bytes);
}

#[test]
fn an_added_field_goes_behind_the_others() {
    let bytes = theader_with(&[wide_block(1, &[("a", "1")]), wide_block(2, &[("p", "q")])]);
    let out = edited(&bytes, |head| {
        head.add_field(b"a", b"2").unwrap();
        head.set_field(b"new", b"3").unwrap();
    });
    let expected =
        [wide_block(1, &[("a", "1")]), wide_block(2, &[("p", "q")]), wide_block(1, &[("a", "2"), ("new", "3")])];
    assert_eq!(out, theader_with(&expected));

    // A name that has a number gets it.
    let bytes = ttheader_with(&[texts(&[("a", "1")])]);
    let out = edited(&bytes, |head| {
        head.set_field(b"to_service", b"store").unwrap();
        head.add_field(b"Env", b"test").unwrap();
        head.add_field(b"b", b"2").unwrap();
    });
    let expected = [texts(&[("a", "1")]), numbers(&[(6, "store"), (10, "test")]), texts(&[("b", "2")])];
    assert_eq!(out[..4], ttheader_with(&expected)[..4]);
    assert_eq!(out, ttheader_with(&expected));
    assert_eq!(
        edited(&theader_with(&[]), |head| head.add_field(b"k", b"v").unwrap()),
        theader_with(&[wide_block(1, &[("k", "v")])])
    );
}

#[test]
fn what_has_no_name_is_kept() {
    // A token, numbers that nobody knows, and a block that ends what anybody can read.
    let unknown = vec![0x77, 1, 2, 3, 4, 5, 6];
    let blocks = [token("secret"), numbers(&[(26, "a"), (0xffff, "b")]), texts(&[("k", "v")]), unknown.clone()];
    let head = head(&mut server(), &ttheader_with(&blocks));
    assert_eq!(listed(&head), pairs(&[("k", "v")]));
    let out = edited(&ttheader_with(&blocks), |head| head.set_field(b"new", b"w").unwrap());
    let with = texts(&[("k", "v"), ("new", "w")]);
    // With the padding that stood behind it, which may be a part of it.
    let padded = |before: &[Vec<u8>]| {
        let len = 2 + before.concat().len();
        [&unknown[..], &vec![0; len.next_multiple_of(4) - len]].concat()
    };
    let expected = [token("secret"), numbers(&[(26, "a"), (0xffff, "b")]), with, padded(&blocks)];
    assert_eq!(out, ttheader_with(&expected));

    let blocks = [wide_block(1, &[("k", "v")]), unknown.clone()];
    let out = edited(&theader_with(&blocks), |head| head.remove_field(b"k").unwrap());
    assert_eq!(out, theader_with(&[padded(&blocks)]));
    // Elsewhere it means nothing.
    let mut asked = common::head(&mut server(), &theader_with(&blocks));
    asked.set_field(b"k", b"w").unwrap();
    let out = sent(&mut client_of(&Thrift::new().with_transport(Transport::TTHeader)), asked);
    assert_eq!(out, ttheader_with(&[texts(&[("k", "w")])]));
}

#[test]
fn a_header_s_size_is_right_at_every_length() {
    for wrap in [Wrap::THeader, Wrap::TTHeader, Wrap::TTHeaderFramed] {
        for encoding in [Binary, OldBinary, Compact] {
            for n in 0..70 {
                let bytes = call((wrap, encoding), "Store:reserve", 7);
                let value = "v".repeat(n);
                let out = edited(&bytes, |head| head.set_field(b"k", value.as_bytes()).unwrap());
                let size = u16::from_be_bytes([out[12], out[13]]);
                let fields = if wrap == Wrap::THeader { n + 5 } else { n + 8 };
                assert_eq!(usize::from(size), (2 + fields).div_ceil(4), "{wrap:?} {n}");
                assert_eq!(out.len(), bytes.len() + 4 * (usize::from(size) - 1), "{wrap:?} {encoding} {n}");
            }
        }
    }
}

/// The names and values of `n` fields.
fn many(n: usize) -> Vec<(&'static str, &'static str)> {
    vec![("k", "v"); n]
}

#[track_caller]
fn refused(end: &mut Endpoint, bytes: &[u8], limit: Limit, at: u64) {
    let refused = error(end, bytes);
    assert_eq!((refused.code, refused.limit), (limit.name(), Some(limit)));
    assert_eq!((refused.scope, refused.offset), (Scope::Message(StreamId::new(7)), at));
    assert_eq!(refused.outcome(), Outcome::TooLarge);
    assert!(end.reply(refused.stream().unwrap(), &LocalReply::new(refused.outcome(), "")).is_some());
    assert_eq!(end.codec().stats().tripped(limit), 1);
    assert_eq!(head(end, &ttheader_with(&[])).host(), Attr::Value(b"Store"));
}

#[test]
fn fields_are_counted() {
    for most in [1, 5, 128] {
        let limited = || server_with(|limits| limits.fields = most);
        assert_eq!(head(&mut limited(), &theader_with(&[wide_block(1, &many(most))])).fields().unwrap().count(), most);
        let (first, rest) = (vec![(2, "v"); most - 1], many(1));
        assert_eq!(
            head(&mut limited(), &ttheader_with(&[numbers(&first), texts(&rest)])).fields().unwrap().count(),
            most
        );
        // A count of two bytes takes one more.
        let count = varint(most as u32 + 1).len() as u64;
        refused(
            &mut limited(),
            &theader_with(&[wide_block(1, &many(most + 1))]),
            Limit::Fields,
            17 + count + 4 * (most as u64 + 1),
        );
        // What has no name counts.
        refused(
            &mut limited(),
            &ttheader_with(&[texts(&many(most)), token("t")]),
            Limit::Fields,
            16 + 3 + 6 * most as u64 + 4,
        );
    }
}

#[test]
fn a_field_s_bytes_are_its_name_and_value() {
    let limited = || server_with(|limits| limits.field = 40);
    let (name, fits) = ("n".repeat(15), "v".repeat(25));
    let over = "v".repeat(26);
    assert_eq!(
        head(&mut limited(), &theader_with(&[wide_block(2, &[(&name, &fits)])])).field(name.as_bytes()),
        Attr::Value(fits.as_bytes())
    );
    refused(&mut limited(), &theader_with(&[wide_block(2, &[(&name, &over)])]), Limit::Field, 16 + 2 + 43);
    assert_eq!(
        head(&mut limited(), &ttheader_with(&[texts(&[(&name, &fits)])])).field(name.as_bytes()),
        Attr::Value(fits.as_bytes())
    );
    refused(&mut limited(), &ttheader_with(&[texts(&[(&name, &over)])]), Limit::Field, 16 + 3 + 45);
    // A number's name is not on the wire, and counts as the name that it is.
    let fits = "v".repeat(40 - "to_service".len());
    head(&mut limited(), &ttheader_with(&[numbers(&[(6, &fits)])]));
    refused(&mut limited(), &ttheader_with(&[numbers(&[(6, &format!("{fits}v"))])]), Limit::Field, 16 + 3 + 4 + 31);
    head(&mut limited(), &ttheader_with(&[token(&"v".repeat(40))]));
    refused(&mut limited(), &ttheader_with(&[token(&"v".repeat(41))]), Limit::Field, 16 + 3 + 41);
}

#[test]
fn fields_that_are_cut_cost_their_message() {
    for (bytes, at) in [
        // Two claimed, one there; a count alone; a name, a value past the header.
        (ttheader_with(&[vec![1, 0, 2], short("k"), short("v")]), 16 + 3 + 6),
        (ttheader_with(&[vec![1, 0xff]]), 17),
        (ttheader_with(&[vec![1, 0, 1, 0, 200]]), 21),
        (ttheader_with(&[vec![1, 0, 1], short("k"), vec![0xff, 0xff]]), 24),
        (ttheader_with(&[vec![0x10, 0, 1, 0, 6, 0, 9, b'v']]), 23),
        (ttheader_with(&[vec![0x11, 1, 0]]), 19),
        (theader_with(&[vec![1, 3], wide("k"), wide("v")]), 22),
        (theader_with(&[vec![1, 1, 0x7f]]), 19),
        (theader_with(&[vec![1, 1, 1, b'k', 0xff, 0xff]]), 20),
        (theader_with(&[vec![1, 0xff, 0xff, 0xff, 0xff, 0xff]]), 17),
    ] {
        let mut end = server();
        let refused = error(&mut end, &bytes);
        assert_eq!(
            (refused.code, refused.scope),
            ("field", Scope::Message(StreamId::new(7))),
            "{}",
            bytes.escape_ascii()
        );
        assert_eq!(refused.offset, at, "{}", bytes.escape_ascii());
        assert_eq!(head(&mut end, &ttheader_with(&[])).host(), Attr::Value(b"Store"));
    }
    // A block of more than anybody has is refused by its count.
    let bytes = theader_with(&[vec![1], varint(8192), vec![0; 20]]);
    let mut end = server_with(|limits| limits.fields = usize::MAX);
    assert_eq!(error(&mut end, &bytes).limit, Some(Limit::Fields));
}

#[test]
fn a_header_has_64_kib_at_most() {
    let limited = || server_with(|limits| limits.field = usize::MAX);
    // Protocol and transforms, a block's id and count, two keys of one byte, the lengths of both and of their values.
    let values = |n: usize| ["v".repeat(40_000), "w".repeat(n - 2 - 3 - 2 * (2 + 1 + 2) - 40_000)];
    let two = |n: usize| {
        let [a, b] = values(n);
        ttheader_with(&[texts(&[("a", &a), ("b", &b)])])
    };
    for n in [60_000, 65_535, 65_536] {
        let bytes = two(n);
        assert_eq!(u16::from_be_bytes([bytes[12], bytes[13]]), n.div_ceil(4) as u16);
        let head = head(&mut limited(), &bytes);
        assert_eq!((head.fields().unwrap().count(), head.host()), (2, Attr::Value(&b"Store"[..])));
    }
    let mut end = limited();
    refused(&mut end, &two(65_537), Limit::Head, 12);

    // And no edit makes it larger.
    for (n, fits) in [(65_536, true), (65_537, false)] {
        let mut asked = head(&mut server(), &ttheader_with(&[]));
        let [a, b] = values(n);
        asked.set_field(b"a", a.as_bytes()).unwrap();
        asked.set_field(b"b", b.as_bytes()).unwrap();
        let mut end = client();
        let result = end.send(&mut Event::Head(asked));
        assert_eq!(result.is_ok(), fits, "{result:?}");
        if fits {
            assert_eq!(end.output_mut().take(), two(n));
        } else {
            assert!(end.output().is_empty());
        }
    }
}

#[test]
fn a_header_larger_than_its_frame_costs_its_message() {
    for bytes in [theader_with(&[]), ttheader_with(&[])] {
        let words = ((bytes.len() - 14) / 4) as u8;
        for (words, code, at) in [(words + 1, "header_size", 12), (0xff, "header_size", 12), (0, "header_size", 14)] {
            let mut lying = bytes.clone();
            lying[13] = words;
            let mut end = server();
            let first = call((Wrap::Framed, Binary), "first", 6);
            head(&mut end, &first);
            let begun = first.len() as u64;
            let refused = error(&mut end, &lying);
            assert_eq!((refused.code, refused.offset), (code, begun + at), "{words}");
            assert_eq!(refused.scope, Scope::Message(StreamId::new(7)));
            assert_eq!(head(&mut end, &bytes).host(), Attr::Value(b"Store"));
        }
    }
}

#[test]
fn what_a_field_cannot_be() {
    let mut asked = head(&mut server(), &ttheader_with(&[]));
    assert!(asked.set_field(b"", b"v").is_err());
    assert!(asked.set_field(b"k", &vec![b'v'; 65_536]).is_err());
    assert!(!asked.is_edited());
    // As long as may be, and longer than TTHeader has lengths for.
    asked.set_field(b"k", &vec![b'v'; 65_535]).unwrap();
    let refused = client().send(&mut Event::Head(asked)).unwrap_err();
    assert!(matches!(refused, EncodeError::Invalid { .. }), "{refused}");
}

#[test]
fn transports_without_fields_refuse_them() {
    for layout in LAYOUTS.into_iter().filter(|layout| !layout.0.has_fields()) {
        let edits: [fn(&mut Head); 3] = [
            |head| head.set_field(b"k", b"v").unwrap(),
            |head| head.add_field(b"k", b"v").unwrap(),
            |head| head.remove_field(b"k").unwrap(),
        ];
        for edit in edits {
            let mut asked = head(&mut server(), &call(layout, "reserve", 7));
            edit(&mut asked);
            let mut end = client();
            let refused = end.send(&mut Event::Head(asked)).unwrap_err();
            let what = "fields in this transport";
            assert_eq!(refused, EncodeError::NoPlace { protocol: "thrift", what }, "{layout:?}");
            assert!(end.output().is_empty() && !end.codec().state().sending, "{layout:?}");
        }
    }
}

#[test]
fn an_answer_s_fields_are_read_and_edited_alike() {
    let mut end = client_after(&Thrift::new(), &call((Wrap::TTHeader, Compact), "reserve", 7));
    let answer = message(Compact, REPLY, "reserve", 7, &text(Compact, 0, "x"));
    let of = |pairs: &[(&str, &str)]| ttheader(7, &[&[2, 0][..], &texts(pairs)].concat(), &answer);
    let mut answer = head(&mut end, &of(&[("biz-status", "0")]));
    assert_eq!((answer.field(b"biz-status"), answer.outcome()), (Attr::Value(&b"0"[..]), Outcome::Success));
    answer.set_field(b"served_by", b"a").unwrap();
    let mut end = server();
    answer.set_stream(head(&mut end, &call((Wrap::TTHeader, Compact), "reserve", 7)).stream());
    assert_eq!(sent(&mut end, answer), of(&[("biz-status", "0"), ("served_by", "a")]));
}

#[test]
fn a_timeout_is_in_milliseconds() {
    for (value, told) in [
        ("3000", Some(3000)),
        ("1", Some(1)),
        ("0", None),
        ("-1", None),
        ("", None),
        ("3s", None),
        ("4294967294", Some(4_294_967_294)),
        ("4294967296", None),
    ] {
        let told = told.map(Duration::from_millis);
        assert_eq!(head(&mut server(), &ttheader_with(&[numbers(&[(12, value)])])).timeout(), told, "{value}");
        let bytes = theader_with(&[wide_block(1, &[("client_timeout", value)])]);
        assert_eq!(head(&mut server(), &bytes).timeout(), told, "{value}");
        let mut end = Endpoint::new(Thrift::new().codec(Conn::server()));
        assert_eq!(head(&mut end, &bytes).timeout(), told, "also where no field is asked for");
    }
    // Others of that name are the application's.
    assert_eq!(head(&mut server(), &ttheader_with(&[texts(&[("rpc_timeout", "3")])])).timeout(), None);
    assert_eq!(head(&mut server(), &theader_with(&[wide_block(1, &[("rpc_timeout", "3")])])).timeout(), None);
}

#[test]
fn a_header_with_a_checksum_keeps_its_id_and_name() {
    let bytes = ttheader_with(&[texts(&[("crc32c", "12345678")])]);
    let asked = head(&mut server(), &bytes);
    assert_eq!((asked.kept_id(), asked.host()), (Some(7), Attr::Value(&b"Store"[..])));
    assert_eq!(sent(&mut client(), asked.clone()), bytes);
    let mut event = Event::Head(asked.clone());
    event.set_stream(StreamId::new(8).with_tag(asked.stream().tag()));
    assert!(matches!(client().send(&mut event), Err(EncodeError::Invalid { .. })));
    let mut renamed = asked.clone();
    renamed.set_service(b"Other").unwrap();
    assert!(matches!(client().send(&mut Event::Head(renamed)), Err(EncodeError::NoPlace { .. })));
    // It is one of what stands behind the header: that may change.
    let mut with = asked;
    with.set_field(b"k", b"v").unwrap();
    assert_eq!(sent(&mut client(), with), ttheader_with(&[texts(&[("crc32c", "12345678"), ("k", "v")])]));
    // THeader has no such thing.
    assert_eq!(head(&mut server(), &theader_with(&[wide_block(1, &[("crc32c", "1")])])).kept_id(), None);
}

#[test]
fn calls_made_from_scratch_have_fields() {
    let call = Call::new("Store:reserve").with_body(text(Binary, 1, "an argument"));
    let call = call.with_field("tenant", "blue").with_field("to_service", "store");
    let of = |transport| sent(&mut client(), call.clone().in_transport(transport).head(7));
    assert_eq!(of(Transport::THeader), theader_with(&[wide_block(1, &[("tenant", "blue"), ("to_service", "store")])]));
    assert_eq!(of(Transport::TTHeader), ttheader_with(&[texts(&[("tenant", "blue")]), numbers(&[(6, "store")])]));
    assert_eq!(of(Transport::Framed), frame(&a_call()));
}
