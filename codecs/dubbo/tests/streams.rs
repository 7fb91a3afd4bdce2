//! Attachments added to messages that stream: in the place of their last byte, which must turn out to be the end of a map.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;
#[path = "../../hessian/tests/oracle/mod.rs"]
mod oracle;
#[path = "../../hessian/tests/oracle/writer.rs"]
mod writer;

use common::*;
use meshwire::{Attribute, Body, Depth, EncodeError, Event, Head, Limits, Reset, ResetReason, Sent, StreamId};
use meshwire_hessian::Dialect;
use oracle::Value;
use proptest::prelude::*;
use writer::Writer;

const ARGS: &[u8] = b"C\x03a.B\x91\x01x\x60\x91\x93\x07w\xc3\xb6rld \x21\x59\x00\x01\x00\x00";

/// Four arguments, in forms that a cut may fall into.
fn front_and_args() -> Vec<u8> {
    join(&[&front("La/B;ILjava/lang/String;J"), ARGS])
}

fn whole(map: &[u8]) -> Vec<u8> {
    request(&join(&[&front_and_args(), map]))
}

fn add(head: &mut Head) {
    head.set_field(b"tenant", b"red").unwrap();
    head.add_field("größe".as_bytes(), "😀".as_bytes()).unwrap();
}

fn added(map: &[u8]) -> Vec<u8> {
    let rest = map.strip_suffix(b"Z").unwrap();
    join(&[rest, &s("tenant"), &s("red"), &s("größe"), &s("😀"), b"Z"])
}

/// How a message may be cut: everywhere once, and everywhere at once.
fn cuts(bytes: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    let single = std::iter::once(bytes.chunks(1).collect());
    single.chain((1..bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]))
}

/// Limits under which a request is handed over once `n` bytes of it are there.
fn heads(bytes: &[u8]) -> Vec<Limits> {
    let front = 16 + front("La/B;ILjava/lang/String;J").len();
    [front, front + 3, bytes.len() - 1].map(streaming).to_vec()
}

fn streamed(
    bytes: &[u8],
    limits: &Limits,
    pieces: &[&[u8]],
    edit: impl FnMut(&mut Head),
) -> (Vec<u8>, Option<EncodeError>) {
    let mut from = server_at(Depth::ROUTE, limits.clone());
    let mut to = client_at(Depth::BOUNDARY, Limits::default());
    let (out, error) = passed(&mut from, &mut to, pieces, edit);
    assert_eq!(pieces.concat(), bytes);
    assert_eq!(to.codec().state().sending, error.is_some() && !out.is_empty());
    (out, error)
}

#[test]
fn attachments_are_added_at_every_split() {
    for map in [
        &b"HZ"[..],
        &map(&[("a", "1"), ("b", "2")]),
        b"M\x11java.util.HashMap\x01a\x60\x91Z",
        b"H\x01aHZZ",
        b"H\x01a\x01ZZ",
    ] {
        let came = whole(map);
        let wanted = whole(&added(map));
        for limits in heads(&came) {
            for pieces in cuts(&came) {
                let (out, error) = streamed(&came, &limits, &pieces, add);
                assert!(error.is_none(), "{error:?}");
                assert_eq!(out.escape_ascii().to_string(), wanted.escape_ascii().to_string());
            }
        }
        let read = fields(&asked(&wanted));
        assert!(read.ends_with(&["tenant=red".to_owned(), "größe=😀".to_owned()]), "{read:?}");
    }
}

#[test]
fn what_is_set_stands_behind_what_it_replaces() {
    let came = whole(&map(&[("tenant", "blue"), ("b", "2"), ("group", "g")]));
    let edit = |head: &mut Head| {
        head.set_field(b"tenant", b"red").unwrap();
        head.add_field(b"b", b"3").unwrap();
        head.add_field(b"b", b"4").unwrap();
        head.set_attribute(Attribute::Group, b"h").unwrap();
        head.set_stream(StreamId::new(u64::MAX).with_tag(head.stream().tag()));
    };
    for limits in heads(&came) {
        let mut from = server_at(Depth::ROUTE, limits);
        let mut to = client_at(Depth::BOUNDARY, Limits::default());
        from.input().extend_from_slice(&came);
        let mut out = Vec::new();
        while let Ok(meshwire::Step::Event(mut event)) = from.decode() {
            match &mut event {
                Event::Head(head) => edit(head),
                other => other.set_stream(StreamId::new(u64::MAX)),
            }
            assert_eq!(to.send(&mut event).unwrap(), Sent::All);
            out.extend(to.output_mut().take());
        }
        body_of(&out);
        assert_eq!(out[4..12], [0xff; 8]);
        let read = asked(&out);
        assert_eq!(fields(&read), ["tenant=red", "b=4", "group=h"]);
        assert_eq!(group(&read).as_deref(), Some("h"));
    }
}

#[test]
fn a_dubbox_request_is_cut_anywhere_too() {
    // An int before the types: -1, or how many arguments follow, in one to five bytes.
    let name = join(&[&s("2.0.2"), &s("a.B"), b"N", &s("hi")]);
    let many: Vec<u8> = vec![0x91; 100];
    for (between, args) in [
        (join(&[b"\x8f", &s("IJ")]), &b"\x91\xe1"[..]),
        (b"\x92".to_vec(), b"\x91\xe1"),
        (b"\xc8\x02".to_vec(), b"\x91\xe1"),
        (b"\xd4\x00\x02".to_vec(), b"\x91\xe1"),
        (b"I\x00\x00\x00\x02".to_vec(), b"\x91\xe1"),
        (b"\xc8\x64".to_vec(), &many[..]),
        (join(&[b"I\xff\xff\xff\xff", &s("IJ")]), b"\x91\xe1"),
    ] {
        let front = join(&[&name, &between, args]);
        let came = request(&join(&[&front, &map(&[("a", "1")])]));
        let wanted = request(&join(&[&front, &map(&[("a", "1"), ("b", "2")])]));
        assert_eq!(fields(&asked(&came)), ["a=1"]);
        for more in 0..=between.len() {
            let limits = streaming(16 + name.len() + more);
            for pieces in cuts(&came) {
                let (out, error) = streamed(&came, &limits, &pieces, |head| head.set_field(b"b", b"2").unwrap());
                assert!(
                    error.is_none(),
                    "{between:x?}, {more} in the head, first {} bytes: {error:?}",
                    pieces[0].len()
                );
                assert_eq!(out, wanted);
            }
        }
    }
}

// ----- what is not what it was taken for -----

/// The error that ends a message: only then is it said, and until then nothing is complete.
fn breaks(body: &[u8]) {
    let came = request(body);
    let method_at = front("").len() - 1;
    for limits in [streaming(16 + method_at), streaming(came.len() - 1)] {
        for pieces in cuts(&came) {
            let (out, error) = streamed(&came, &limits, &pieces, |head| head.set_field(b"x", b"1").unwrap());
            let error =
                error.unwrap_or_else(|| panic!("{} came through as {}", body.escape_ascii(), out.escape_ascii()));
            assert!(matches!(error, EncodeError::Invalid { .. }), "{error}");
            if !out.is_empty() {
                let announced = 16 + u32::from_be_bytes(out[12..16].try_into().unwrap()) as usize;
                assert!(out.len() < announced, "{} is complete", out.escape_ascii());
            }
        }
    }
}

#[test]
fn a_body_that_does_not_end_in_a_map_is_broken_off() {
    let good = join(&[&front("I"), b"\x91"]);
    for end in [
        &b""[..],
        b"N",
        b"\x91",
        b"\x01Z",
        b"\x78",
        b"\x57\x5b\x5aZ", // a list that ends in a Z
        b"C\x01Z\x90\x60",
        b"HZZ",
        b"HZ\x91",
        b"HZHZ",
        b"HZN",
        b"H\x01a",
        b"H\x01a\x011",
        b"H\x01aZ",
        b"HHZZZZ",
        b"\x40Z",
        b"ZZ",
        b"H\x01a\x51\x99Z",
        b"H\x01a\x62Z",
    ] {
        breaks(&join(&[&good, end]));
    }
}

#[test]
fn arguments_that_are_not_what_the_types_say() {
    let map = map(&[("a", "1")]);
    // An argument that is a map is none of the attachments: the count says so.
    breaks(&join(&[&front("Ljava/util/Map;"), &map]));
    breaks(&join(&[&front("ILjava/util/Map;"), b"\x91", &map]));
    // More and fewer than there are.
    breaks(&join(&[&front("II"), b"\x91", &map]));
    breaks(&join(&[&front(""), b"\x91", &map]));
    breaks(&join(&[&front("I"), b"\x91\x92", &map]));
    breaks(&join(&[&front("I"), b"\x40", &map]));
    breaks(&join(&[&front("I"), b"\x02\xc3\x28", &map]));
    breaks(&join(&[&front("La/B;"), b"\x60", &map]));
    for types in ["x", "L", "La.b;", "(I)V", "V", &"I".repeat(256)] {
        breaks(&join(&[&front(types), &vec![0x91; types.len()], &map]));
    }
    // A number of arguments that no body holds.
    let name = join(&[&s("2.0.2"), &s("a.B"), b"N", &s("hi")]);
    for count in [&b"\x95"[..], b"I\x7f\xff\xff\xff"] {
        breaks(&join(&[&name, count, b"\x91", &map]));
    }
    breaks(&join(&[&name, b"\x8f\x91", b"\x91", &map]));
    breaks(&join(&[&name, b"T", b"\x91", &map]));
    // Deeper than anybody reads.
    breaks(&join(&[&front("[I"), &[0x79; 65], b"N", &map]));
}

#[test]
fn what_is_nested_no_deeper_than_the_limit_passes() {
    let map = map(&[("a", "1")]);
    let came = request(&join(&[&front("[I"), &[0x79; 64], b"N", &map]));
    let (out, error) = streamed(&came, &streaming(60), &[&came], |head| head.set_field(b"x", b"1").unwrap());
    assert!(error.is_none(), "{error:?}");
    assert_eq!(fields(&asked(&out)), ["a=1", "x=1"]);
}

// The limits of the connection are those of what streams too.
#[test]
fn nesting_is_limited_as_in_messages_that_come_whole() {
    let map = map(&[("a", "1")]);
    let came = request(&join(&[&front("[I"), &[0x79; 100], b"N", &map]));
    let mut limits = streaming(60);
    limits.nesting = 100;
    let mut from = server_at(Depth::ROUTE, limits.clone());
    let mut to = client_at(Depth::BOUNDARY, limits);
    let (_, error) = passed(&mut from, &mut to, &[&came], |head| head.set_field(b"x", b"1").unwrap());
    assert!(error.is_none(), "{error:?}");
}

#[test]
fn a_front_longer_than_is_kept_is_refused_wherever_it_is_cut() {
    // A list of types of which every one is good, but there are too many to be any method's.
    let long = "[".repeat(200) + "I";
    let came = request(&join(&[&front(&long.repeat(254)), &vec![0x91; 254], b"HZ"]));
    for size in [100, 4096, 40_000, usize::MAX] {
        let pieces: Vec<&[u8]> = came.chunks(size.min(came.len())).collect();
        let (out, error) = streamed(&came, &streaming(60), &pieces, |head| head.set_field(b"x", b"1").unwrap());
        assert!(error.is_none(), "{size}: {error:?}");
        let mut wide = Limits::default();
        wide.whole = 1 << 20;
        assert_eq!(fields(&decode(&mut server_at(deep(), wide), &out).unwrap()), ["x=1"]);
    }
    // One that never ends is given up, and not kept for ever.
    let endless = request(
        &join(&[&front(""), b""])[..front("").len() - 1]
            .to_vec()
            .into_iter()
            .chain(b"R\xff\xff".iter().copied())
            .chain(std::iter::repeat_n(b'[', 300_000))
            .collect::<Vec<_>>(),
    );
    for size in [4096, 40_000] {
        let pieces: Vec<&[u8]> = endless.chunks(size).collect();
        let (out, error) = streamed(&endless, &streaming(60), &pieces, |head| head.set_field(b"x", b"1").unwrap());
        assert!(error.is_some());
        assert!(out.len() < 200_000, "{}", out.len());
    }
}

#[test]
fn a_removal_is_refused_with_nothing_written() {
    let came = whole(&map(&[("a", "1")]));
    for limits in heads(&came) {
        for edit in [(|head: &mut Head| head.remove_field(b"a").unwrap()) as fn(&mut Head), |head| {
            head.set_field(b"b", b"1").unwrap();
            head.remove_field(b"none").unwrap();
        }] {
            let (out, error) = streamed(&came, &limits, &[&came], edit);
            assert!(matches!(error, Some(EncodeError::NoPlace { .. })), "{error:?}");
            assert!(out.is_empty());
        }
    }
}

#[test]
fn other_serializations_are_not_edited_as_they_stream() {
    for flag in [0xc6, 0xd0, 0xd2, 0xd5, 0xd6, 0xd7, 0xc8] {
        let came = frame(flag, 0, 7, &[b'"'; 200]);
        let mut from = server_at(Depth::BOUNDARY, streaming(40));
        let mut to = client_at(Depth::BOUNDARY, Limits::default());
        let (out, error) = passed(&mut from, &mut to, &[&came], |head| head.set_field(b"x", b"1").unwrap());
        assert!(matches!(error, Some(EncodeError::NoPlace { .. })), "{error:?}");
        assert!(out.is_empty());
    }
}

#[test]
fn after_the_error_the_connection_closes_with_the_reset() {
    let body = join(&[&front("[B"), b"\x34\x64", &[0; 200]]);
    let came = request(&body);
    let mut from = server_at(Depth::ROUTE, streaming(60));
    let mut to = client_at(Depth::BOUNDARY, Limits::default());
    // The front is in the first piece, what is wrong in the last.
    let (out, error) =
        passed(&mut from, &mut to, &[&came[..50], &came[50..]], |head| head.set_field(b"x", b"1").unwrap());
    assert!(error.is_some() && !out.is_empty());
    // Nothing brings the message to an end all the same.
    for data in [&b""[..], b"Z", &[0; 100], &came[50..]] {
        let mut again =
            Event::Body(Body { stream: StreamId::new(7), data: bytes::Bytes::copy_from_slice(data), end: true });
        assert!(to.send(&mut again).is_err(), "{data:x?}");
        assert!(to.output().is_empty());
    }
    assert!(!to.codec().state().close);
    let mut reset = Event::Reset(Reset { stream: StreamId::new(7), reason: ResetReason::Malformed });
    assert_eq!(to.send(&mut reset).unwrap(), Sent::All);
    let state = to.codec().state();
    assert!(state.close && !state.sending);
    let mut next = Event::Head(asked(&whole(b"HZ")));
    assert!(matches!(to.send(&mut next), Err(EncodeError::Refused(_))));
    assert!(to.output().is_empty());
}

// ----- answers -----

fn streamed_answer(body: &[u8], limits: &Limits, pieces: &[&[u8]], version: &str) -> (Vec<u8>, Option<EncodeError>) {
    let asked = asked(&request(&join(&[&s(version), &s("a.B"), b"N", &s("hi"), b"\0", b"N"])));
    let mut from = client_at(Depth::BOUNDARY, limits.clone());
    let mut to = server_at(Depth::BOUNDARY, Limits::default());
    assert_eq!(pieces.concat(), answer(body));
    passed(&mut from, &mut to, pieces, |head| {
        head.set_stream(asked.stream());
        head.set_field(b"x", b"1").unwrap();
    })
}

#[test]
fn answers_get_attachments_at_every_split() {
    let value = b"H\x01k\x51\x90\x01tC\x03a.B\x91\x01x\x60\x07hello, \x01Z\x59\x00\x01\x00\x00Z";
    for (came, wanted) in [
        (join(&[b"\x94", value, b"HZ"]), join(&[b"\x94", value, &map(&[("x", "1")])])),
        (join(&[b"\x94", value, &map(&[("a", "1")])]), join(&[b"\x94", value, &map(&[("a", "1"), ("x", "1")])])),
        (join(&[b"\x91", value]), join(&[b"\x94", value, &map(&[("x", "1")])])),
        (join(&[b"\x90", value]), join(&[b"\x93", value, &map(&[("x", "1")])])),
        (
            join(&[b"\x95", &map(&[("a", &"v".repeat(40))])]),
            join(&[b"\x95", &map(&[("a", &"v".repeat(40)), ("x", "1")])]),
        ),
    ] {
        let frame = answer(&came);
        for limits in [streaming(0), streaming(30)] {
            for pieces in cuts(&frame) {
                let (out, error) = streamed_answer(&came, &limits, &pieces, "2.0.2");
                assert!(error.is_none(), "{error:?}");
                assert_eq!(out.escape_ascii().to_string(), answer(&wanted).escape_ascii().to_string());
            }
        }
    }
}

#[test]
fn an_answer_that_is_something_else_is_broken_off() {
    let long = vec![0x90; 60];
    for came in [
        join(&[b"\x94\x58\xc8\x3c", &long]), // a list, and nothing behind it
        join(&[b"\x94\x58\xc8\x3c", &long, b"N"]),
        join(&[b"\x94\x58\xc8\x3c", &long, b"HZZ"]),
        join(&[b"\x94", &long]),
        join(&[b"\x91\x58\xc8\x3c", &long, b"HZ"]), // a value, and something behind it
        join(&[b"\x91\x58\xc8\x3d", &long]),        // a value that does not end
        join(&[b"\x92", &long]),
        join(&[b"\x95", &long]),
        join(&[b"\x91\x40", &long]),
    ] {
        let frame = answer(&came);
        for pieces in cuts(&frame) {
            let (out, error) = streamed_answer(&came, &streaming(0), &pieces, "2.0.2");
            assert!(matches!(error, Some(EncodeError::Invalid { .. })), "{}: {error:?}", came.escape_ascii());
            if !out.is_empty() {
                let announced = 16 + u32::from_be_bytes(out[12..16].try_into().unwrap()) as usize;
                assert!(out.len() < announced, "{} is complete", out.escape_ascii());
            }
        }
    }
}

#[test]
fn an_answer_that_streams_gets_none_where_its_client_reads_none() {
    let long = s(&"v".repeat(60));
    let (out, error) =
        streamed_answer(&join(&[b"\x91", &long]), &streaming(0), &[&answer(&join(&[b"\x91", &long]))], "2.5.3");
    assert!(matches!(error, Some(EncodeError::NoPlace { .. })) && out.is_empty());
    let with = join(&[b"\x94", &long, b"HZ"]);
    let (out, error) = streamed_answer(&with, &streaming(0), &[&answer(&with)], "2.5.3");
    assert!(error.is_none());
    assert_eq!(fields(&answered(&out)), ["x=1"]);
}

// ----- anything -----

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// What a message becomes does not depend on whether it came whole.
    #[test]
    fn streaming_says_what_the_whole_says(
        choices in prop::collection::vec(any::<u8>(), 0..300), args in 0usize..3, entries in 0usize..4,
        cuts in prop::collection::vec(1usize..40, 1..6), head in 0usize..200,
        broken in prop::option::weighted(0.5, (any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut writer = Writer::new(&choices, Dialect::Hessian2);
        for _ in 0..args {
            writer.value(0);
        }
        writer.out.push(b'H');
        for n in 0..entries {
            writer.out.extend(s(&format!("k{n}")));
            writer.value(0);
        }
        writer.out.push(b'Z');
        let front = front(&"Ljava/lang/Object;".repeat(args));
        let mut body = join(&[&front, &writer.out]);
        if let Some((at, byte)) = broken {
            let at = front.len() + at.index(writer.out.len());
            body[at] = byte;
        }
        let came = request(&body);
        let mut rest = &came[..];
        let mut pieces = Vec::new();
        for cut in cuts.iter().cycle() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = after;
            if rest.is_empty() { break }
        }
        let edit = |head: &mut Head| head.set_field(b"tenant", b"red").unwrap();
        let mut from = server_at(Depth::ROUTE, streaming((16 + front.len() + head).min(came.len() - 1)));
        let mut to = client_at(Depth::BOUNDARY, Limits::default());
        let (out, error) = passed(&mut from, &mut to, &pieces, edit);

        let mut wide = Limits::default();
        (wide.whole, wide.head) = (1 << 20, 1 << 20);
        let mut one = decode(&mut server_at(Depth::ROUTE, wide.clone()), &came).unwrap();
        edit(&mut one);
        let as_whole = sent(one, 7);
        match (&error, &as_whole) {
            // It stands where a namesake stood; there is none but by chance.
            (None, Ok(as_whole)) => {
                let read = |bytes: &[u8]| decode(&mut server_at(deep(), wide.clone()), bytes).map(|head| head.field(b"tenant").value().map(<[u8]>::to_vec));
                if out != *as_whole {
                    prop_assert_eq!(read(&out).ok(), read(as_whole).ok());
                }
            }
            // A null or missing map, or bytes behind it, can only be told where it is all there.
            (Some(error), Ok(_)) => prop_assert!(broken.is_some(), "{error}"),
            (Some(_), Err(_)) => {}
            (None, Err(error)) => prop_assert!(false, "whole it is refused: {error}"),
        }
        if error.is_none() {
            body_of(&out);
            prop_assert!(out.ends_with(b"\x06tenant\x03redZ"));
            prop_assert_eq!(&out[16..16 + body.len() - 1], &body[..body.len() - 1]);
        }
    }
}
