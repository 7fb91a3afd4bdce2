//! The header map: what of it names the destination, what is odd, what is edited, and its limits.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::frame::FrameFormat;
use meshwire::{Attr, Attribute, EncodeError, Event, Head, Limit, Limits, RoutingKey, Scope, StreamId};
use meshwire_sofarpc::{BoltFormat, Call, Version};

/// A call with this map, and a content that names nothing.
fn called(strings: &[Option<&str>]) -> Vec<u8> {
    v1(SOFA_REQUEST.as_bytes(), &map(strings), &blank())
}

fn read(strings: &[Option<&str>]) -> Head {
    head(&mut server(), &called(strings))
}

fn listed(head: &Head) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    head.fields().unwrap().map(|(key, value)| (text(key), text(value))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_service_is_taken_apart() {
    for key in ["service", "sofa_head_target_service"] {
        let head = read(&[Some(key), Some("com.x.Y:2.0:blue")]);
        assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"com.x.Y"));
        assert_eq!(head.attribute(Attribute::Version), Attr::Value(b"2.0"));
        assert_eq!(head.attribute(Attribute::Group), Attr::Value(b"blue"));
    }
    let head = read(&[Some("service"), Some("com.x.Y")]);
    assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"com.x.Y"));
    assert_eq!(head.attribute(Attribute::Version), Attr::Absent);
    assert_eq!(head.attribute(Attribute::Group), Attr::Absent);
}

#[test]
fn keys_are_told_apart_by_case() {
    let head = read(&[Some("Service"), Some("a:1")]);
    assert_eq!(head.attribute(Attribute::Service), Attr::Absent);
    assert_eq!(listed(&head), pairs(&[("Service", "a:1")]));
}

#[test]
fn a_destination_that_says_two_things_is_refused() {
    for (strings, code) in [
        (&["service", "a:1", "sofa_head_target_service", "b:1"][..], "contradiction"),
        (&["sofa_head_target_service", "a:1", "service", "a:2"], "contradiction"),
        (&["service", "a:1", "x", "y", "service", "a:1"], "twice"),
        (&["sofa_head_target_service", "a:1", "sofa_head_target_service", "b:1"], "twice"),
        (&["sofa_head_method_name", "get", "sofa_head_method_name", "drop"], "twice"),
    ] {
        let strings: Vec<_> = strings.iter().map(|string| Some(*string)).collect();
        let mut end = server();
        let refused = error(&mut end, &called(&strings));
        assert_eq!((refused.code, refused.scope), (code, Scope::Message(StreamId::new(7))));
        assert!(end.reply(refused.stream().unwrap(), &meshwire::LocalReply::new(refused.outcome(), "")).is_some());
        assert_eq!(head(&mut end, &wire(&call(Version::V1), 8)).stream().id(), 8);
    }
    // The same twice says one thing.
    let head = read(&[Some("service"), Some("a:1"), Some("sofa_head_target_service"), Some("a:1")]);
    assert_eq!(head.host(), Attr::Value(b"a"));
}

#[test]
fn nulls_are_no_fields_and_are_passed_on() {
    let strings = [
        None,
        Some("lost"),
        Some("service"),
        None,
        Some("sofa_head_target_service"),
        Some("a:1"),
        None,
        None,
        Some("k"),
        Some("v"),
    ];
    let bytes = called(&strings);
    let seen = head(&mut server(), &bytes);
    assert_eq!(seen.host(), Attr::Value(b"a"));
    assert_eq!(listed(&seen), pairs(&[("sofa_head_target_service", "a:1"), ("k", "v")]));
    assert_eq!(sent(&mut client(), seen.clone()), bytes);
    // An edit leaves them where they stand.
    let mut edited = seen;
    edited.set_field(b"k", b"w").unwrap();
    let mut expected = strings;
    expected[9] = Some("w");
    assert_eq!(sent(&mut client(), edited), called(&expected));
}

#[test]
fn a_key_that_stands_twice_is_two_fields() {
    let head = read(&[Some("k"), Some("1"), Some("k"), Some("2"), Some(""), Some("")]);
    assert_eq!(listed(&head), pairs(&[("k", "1"), ("k", "2"), ("", "")]));
}

#[test]
fn an_empty_map_and_none() {
    assert_eq!(listed(&read(&[])), []);
    assert_eq!(listed(&head(&mut server(), &v1(b"", b"", b""))), []);
}

#[test]
fn bytes_behind_the_last_entry_refuse_the_message() {
    let good = map(&[Some("service"), Some("a:1")]);
    for (garbage, at) in [
        (&[0][..], 0),
        (&[0, 0, 0], 0),
        (&[0, 0, 0, 1, b'k'], 5),
        (&[0, 0, 0, 1, b'k', 0, 0, 0, 2, b'v'], 5),
        (&[0xff, 0xff, 0xff, 0xfe, 0, 0, 0, 0], 0),
        (&[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0], 0),
        (&[0xff, 0xff, 0xff, 0xff], 4),
    ] {
        let bytes = v1(SOFA_REQUEST.as_bytes(), &[&good, garbage].concat(), b"O");
        let mut end = server();
        let refused = error(&mut end, &bytes);
        assert_eq!((refused.code, refused.scope), ("header_map", Scope::Message(StreamId::new(7))));
        assert_eq!(refused.offset, (22 + SOFA_REQUEST.len() + good.len() + at) as u64, "{garbage:x?}");
        assert_eq!(head(&mut end, &wire(&call(Version::V1), 8)).stream().id(), 8);
    }
}

#[test]
fn at_boundary_depth_nobody_looks() {
    use meshwire::{Conn, Depth, Endpoint, Protocol};

    let bytes = v1(SOFA_REQUEST.as_bytes(), b"\x00\x00\x00\x07servic", b"O");
    let mut end = Endpoint::new(meshwire_sofarpc::Bolt::new().codec(Conn::server().with_depth(Depth::BOUNDARY)));
    let seen = head(&mut end, &bytes);
    assert_eq!((seen.host(), seen.fields().is_none()), (Attr::NotSeen, true));
    assert_eq!(sent(&mut client(), seen), bytes);
}

// ----- limits -----

#[test]
fn fields() {
    for (n, refused) in [(128, false), (129, true)] {
        let strings: Vec<_> = (0..n).flat_map(|_| [Some("k"), Some("v")]).collect();
        check_limit(&v1(b"", &map(&strings), b""), Limit::Fields, refused);
    }
}

#[test]
fn field() {
    for (n, refused) in [(32 * 1024, false), (32 * 1024 + 1, true)] {
        let value = "v".repeat(n - 1);
        check_limit(&v1(b"", &map(&[Some("a"), Some("b"), Some("k"), Some(&value)]), b""), Limit::Field, refused);
    }
}

#[test]
fn whole_head() {
    for (n, refused) in [(600usize, false), (601, true)] {
        for content in [10, 5000] {
            let value = "v".repeat(n - 22 - 9);
            let bytes = v1(b"", &map(&[Some("k"), Some(&value)]), &vec![b'x'; content]);
            let mut end = server_with(|limits| (limits.head, limits.whole) = (600, 1000));
            end.input().extend_from_slice(&bytes);
            let result = end.decode();
            assert_eq!(result.is_err(), refused, "{n} {content}");
            if let Err(error) = result {
                assert_eq!((error.limit, error.code), (Some(Limit::Head), "head"));
                assert!(error.stream().is_some());
            }
        }
    }
}

fn check_limit(bytes: &[u8], limit: Limit, refused: bool) {
    let mut end = server();
    end.input().extend_from_slice(bytes);
    let result = end.decode();
    assert_eq!(result.is_err(), refused, "{result:?}");
    if let Err(error) = result {
        assert_eq!((error.limit, error.code), (Some(limit), limit.name()));
        assert_eq!(end.codec().stats().tripped(limit), 1);
        assert_eq!(head(&mut end, &wire(&call(Version::V1), 8)).stream().id(), 8);
    }
}

#[test]
fn lengths_that_java_takes_for_negative_are_read_and_not_sent() {
    for (n, refused) in [(32_767usize, false), (32_768, true), (65_535, true)] {
        // A map of so many bytes, in two fields.
        let half = "v".repeat((n - 18) / 2);
        let rest = "w".repeat(n - 18 - half.len());
        let long = map(&[Some("k"), Some(&half), Some("l"), Some(&rest)]);
        assert_eq!(long.len(), n);
        let class = vec![b'c'; n];
        for bytes in [v1(b"", &long, b"x"), v1(&class, b"", b"x")] {
            let mut end = server_with(|limits| (limits.head, limits.whole) = (1 << 20, 1 << 20));
            let seen = head(&mut end, &bytes);
            // Nor by the short way.
            let format = BoltFormat::new(&Limits::default(), false);
            assert!(!refused || format.sendable_id(&seen).is_none());
            let mut end = client();
            let sent = end.send(&mut Event::Head(seen.clone()));
            assert_eq!(sent.is_err(), refused, "{n}");
            assert!(!refused || matches!(sent, Err(EncodeError::Invalid { .. })) && end.output().is_empty());
            if !refused && seen.fields().unwrap().next().is_some() {
                // One byte more is too much, and the connection is as it was.
                let mut edited = seen;
                edited.set_field(b"k", format!("{half}v").as_bytes()).unwrap();
                assert!(end.send(&mut Event::Head(edited)).is_err());
            }
        }
    }
}

// ----- edits -----

#[test]
fn fields_are_set_added_and_removed() {
    let bytes = called(&[Some("a"), Some("1"), Some("b"), Some("2"), Some("A"), Some("3")]);
    for version in VERSIONS {
        let mut head = if version == Version::V1 {
            head(&mut server(), &bytes)
        } else {
            let call = Call::raw(SOFA_REQUEST).with_layout(version);
            let call = call.with_field("a", "1").with_field("b", "2").with_field("A", "3");
            head(&mut server(), &wire(&call.with_content(1, blank()), 7))
        };
        head.set_field(b"a", b"one").unwrap();
        head.remove_field(b"b").unwrap();
        head.add_field(b"c", b"3").unwrap();
        head.set_field(b"new", b"").unwrap();
        let wanted = pairs(&[("a", "one"), ("c", "3"), ("new", "")]);
        assert_eq!(listed(&head), wanted);
        let out = sent(&mut client(), head);
        let seen = common::head(&mut server(), &out);
        assert_eq!(listed(&seen), wanted);
        assert_eq!((seen.data(), seen.stream().id()), (&blank()[..], 7));
    }
}

#[test]
fn another_service_keeps_its_version() {
    let strings = [
        Some("service"),
        Some("com.x.Y:2.0:blue"),
        Some("k"),
        Some("v"),
        Some("sofa_head_target_service"),
        Some("com.x.Y:2.0:blue"),
    ];
    let mut head = read(&strings);
    head.set_service(b"com.x.Z").unwrap();
    assert_eq!(head.host(), Attr::Value(b"com.x.Z"));
    let out = sent(&mut client(), head);
    let mut expected = strings;
    (expected[1], expected[5]) = (Some("com.x.Z:2.0:blue"), Some("com.x.Z:2.0:blue"));
    assert_eq!(out, called(&expected));
    // Without either key there is no place for one.
    let mut head = read(&[Some("k"), Some("v")]);
    head.set_service(b"com.x.Z").unwrap();
    assert!(matches!(client().send(&mut Event::Head(head)), Err(EncodeError::NoPlace { .. })));
}

#[test]
fn another_method_where_the_map_is_all_that_names_it() {
    let call = Call::new("com.x.Y:1.0", "get");
    for (codec, place) in [(1, false), (4, false), (11, true), (12, true)] {
        let mut head = head(&mut server(), &wire(&call.clone().with_content(codec, "O"), 7));
        head.set_attribute(Attribute::Method, b"put").unwrap();
        let mut end = client();
        let sent = end.send(&mut Event::Head(head));
        assert_eq!(sent.is_ok(), place, "{codec}: {sent:?}");
        if place {
            let seen = common::head(&mut server(), &end.output_mut().take());
            assert_eq!(seen.attribute(Attribute::Method), Attr::Value(b"put"));
        }
    }
}

#[test]
fn what_has_no_place_is_refused_at_once() {
    let mut head = read(&[Some("service"), Some("a:1")]);
    for key in ["service", "SERVICE", "sofa_head_target_service", "sofa_head_method_name"] {
        assert!(head.set_field(key.as_bytes(), b"x").is_err(), "{key}");
        assert!(head.remove_field(key.as_bytes()).is_err(), "{key}");
    }
    assert!(head.set_field(b"k", &[b'v'; 32_767]).is_err());
    assert!(head.set_service(b"").is_err());
    assert!(head.set_service(b"a:b").is_err());
    assert!(head.set_attribute(Attribute::Version, b"2").is_err());
    assert!(!head.is_edited());
}

#[test]
fn edits_need_no_depth() {
    use meshwire::{Conn, Depth, Endpoint, Protocol};

    let mut end = Endpoint::new(meshwire_sofarpc::Bolt::new().codec(Conn::server().with_depth(Depth::BOUNDARY)));
    let mut seen = head(&mut end, &wire(&call(Version::V1).with_field("k", "v"), 7));
    seen.set_field(b"k", b"w").unwrap();
    assert_eq!(head(&mut server(), &sent(&mut client(), seen)).field(b"k"), Attr::Value(b"w"));
    // Of a map that turns out to be none, nothing is written.
    let mut seen = head(&mut end, &v1(b"", b"garbage", b""));
    seen.set_field(b"k", b"w").unwrap();
    let mut end = client();
    assert!(end.send(&mut Event::Head(seen)).is_err() && end.output().is_empty());
}
