//! Requests that go to another service or version than they came for: both places that name it are written anew.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{Attribute, Depth, EncodeError, Head, Limits, RoutingKey};
use proptest::prelude::*;

const NAMED: [(&str, &str); 6] = [
    ("a", "1"),
    ("path", "a.B"),
    ("interface", "a.B"),
    ("version", "1.0.0"),
    ("Version", "not the service's"),
    ("group", "g"),
];

/// Arguments that any edit must leave alone.
fn args() -> Vec<u8> {
    join(&[b"C\x03a.B\x91\x01x\x60\x91", b"\x93", &s("wörld 😀")])
}

fn asking(service: &str, version: &str, map: &[u8]) -> Vec<u8> {
    request(&join(&[&front_of(service, version, "hi", "La/B;ILjava/lang/String;"), &args(), map]))
}

fn rename(head: &mut Head, service: Option<&str>, version: Option<&str>) {
    for (attribute, value) in [(Attribute::Service, service), (Attribute::Version, version)] {
        if let Some(value) = value {
            head.set_attribute(attribute, value.as_bytes()).unwrap();
            assert_eq!(head.attribute(attribute).value(), Some(value.as_bytes()));
        }
    }
}

/// `NAMED`, naming these.
fn named(service: &str, version: &str) -> Vec<u8> {
    let mut all = NAMED;
    (all[1].1, all[2].1, all[3].1) = (service, service, version);
    map(&all)
}

#[test]
fn a_service_and_a_version_are_written_in_both_places() {
    let long = format!("com.{}.Größe", "x".repeat(300));
    for (service, version) in
        [(Some("c.D"), None), (None, Some("2.0.0")), (Some("c.D"), Some("2.0.0")), (Some(long.as_str()), Some(""))]
    {
        for depth in [Depth::ROUTE, Depth::ALL, Depth::BOUNDARY] {
            let came = asking("a.B", "1.0.0", &map(&NAMED));
            let mut head = decode(&mut server_at(depth, Limits::default()), &came).unwrap();
            rename(&mut head, service, version);
            let (service, version) = (service.unwrap_or("a.B"), version.unwrap_or("1.0.0"));
            assert_eq!(sent(head, 7).unwrap(), asking(service, version, &named(service, version)));
        }
    }
}

#[test]
fn what_was_not_named_there_is_not_added() {
    for none in [&b"HZ"[..], b"N", b"", &map(&[("a", "1"), ("Path", "a.B")])] {
        let mut head = asked(&asking("a.B", "null", none));
        rename(&mut head, Some("c.D"), Some("2"));
        assert_eq!(sent(head, 7).unwrap(), asking("c.D", "2", none), "{}", none.escape_ascii());
    }
    // Dubbo's own version may be null as well, and a null there is a name that was left out.
    let came = raw_map(&[b"\x04pathN", b"\x01a\x011"]);
    let mut head = decode(&mut server_at(Depth::ROUTE, Limits::default()), &asking("a.B", "1", &came)).unwrap();
    rename(&mut head, Some("c.D"), None);
    assert_eq!(sent(head, 7).unwrap(), asking("c.D", "1", &map(&[("path", "c.D"), ("a", "1")])));
}

#[test]
fn a_message_that_says_two_things_says_one_afterwards() {
    // At this depth nobody has looked.
    let came = asking("a.B", "1.0.0", &map(&[("path", "x.Y"), ("version", "9")]));
    let mut head = decode(&mut server_at(Depth::ROUTE, Limits::default()), &came).unwrap();
    rename(&mut head, Some("c.D"), Some("2"));
    let out = sent(head, 7).unwrap();
    assert_eq!(fields(&asked(&out)), ["path=c.D", "version=2"]);
}

/// A path that is a map is no name to anybody, but others may name it.
#[test]
fn what_others_refer_to_does_not_go() {
    let value = b"H\x01x\x91Z";
    for (behind, goes) in [(&b"\x01a\x51\x91"[..], false), (b"\x01a\x011", true)] {
        let came = request(&join(&[&front_of("a.B", "1", "hi", ""), &raw_map(&[b"\x04path", value, behind])]));
        let mut head = decode(&mut server_at(Depth::ROUTE, Limits::default()), &came).unwrap();
        rename(&mut head, Some("c.D"), None);
        let sent = sent(head, 7);
        assert_eq!(sent.is_ok(), goes, "{}: {sent:?}", behind.escape_ascii());
    }
}

#[test]
fn other_edits_are_made_with_it() {
    let mut head = asked(&asking("a.B", "1.0.0", &map(&NAMED)));
    rename(&mut head, Some("c.D"), None);
    head.set_field(b"a", b"2").unwrap();
    head.add_field(b"b", b"3").unwrap();
    head.set_attribute(Attribute::Group, b"h").unwrap();
    let out = asked(&sent(head, 7).unwrap());
    let wanted = ["a=2", "path=c.D", "interface=c.D", "version=1.0.0", "Version=not the service's", "group=h", "b=3"];
    assert_eq!(fields(&out), wanted);
    assert_eq!(out.attribute(Attribute::Service).value(), Some(&b"c.D"[..]));
}

#[test]
fn a_large_body_keeps_its_bytes() {
    let mut limits = Limits::default();
    limits.whole = 1 << 20;
    let front = |service| front_of(service, "1.0.0", "hi", "Ljava/lang/String;");
    let big = s(&"x".repeat(100_000));
    let came = request(&join(&[&front("a.B"), &big, &map(&NAMED)]));
    for depth in [Depth::ROUTE, Depth::ALL] {
        let mut head = decode(&mut server_at(depth, limits.clone()), &came).unwrap();
        rename(&mut head, Some("c.D"), None);
        let wanted = request(&join(&[&front("c.D"), &big, &named("c.D", "1.0.0")]));
        assert!(sent(head, 7).unwrap() == wanted);
    }
}

#[test]
fn a_body_that_streams_names_it_again_at_its_end() {
    let came = asking("a.B", "1.0.0", &map(&NAMED));
    let edits: [fn(&mut Head); 2] = [|head| rename(head, Some("c.D"), None), |head| rename(head, None, Some("2"))];
    for edit in edits {
        let mut from = server_at(Depth::ROUTE, streaming(200));
        let mut to = client_at(Depth::BOUNDARY, Limits::default());
        let (out, error) = passed(&mut from, &mut to, &[&came], edit);
        assert!(out.is_empty() && matches!(error, Some(EncodeError::NoPlace { .. })), "{error:?}");
        assert!(error.unwrap().to_string().contains("Limits::whole"), "what to do about it");
    }
}

#[test]
fn what_has_no_place_is_refused() {
    let mut head = asked(&asking("a.B", "1.0.0", b"HZ"));
    for name in ["", "g/a.B", "a.B:1", "/", ":"] {
        assert!(head.set_service(name.as_bytes()).is_err(), "{name}");
    }
    assert!(head.set_service(b"\xff").is_err());
    assert!(head.set_attribute(Attribute::Version, b"\xff").is_err());
    assert!(!head.is_edited());
    let no_place = |head: Head| {
        let Err(error @ EncodeError::NoPlace { .. }) = sent(head, 7) else { return false };
        error.to_string().contains("another service or version, but in requests in Hessian 2")
    };
    // An answer names no service.
    let mut head = answered(&answer(b"\x94\x05helloHZ"));
    head.set_service(b"c.D").unwrap();
    assert!(no_place(head));
    // fastjson2, lines of JSON, and what is not read.
    let lines = b"\"2.0.2\"\n\"a.B\"\n\"1.0.0\"\n\"hi\"\n\"\"\n{}\n";
    for (flag, body) in [(0xc6, &lines[..]), (0xd0, lines), (0xc8, b"any")] {
        let bytes = frame(flag, 0, 7, body);
        let mut head = decode(&mut server_at(Depth::ROUTE, Limits::default()), &bytes).unwrap();
        head.set_service(b"c.D").unwrap();
        assert!(no_place(head), "{flag:#x}");
    }
    // A body that ends inside its front.
    let bytes = request(&s("2.0.2"));
    let mut head = decode(&mut server_at(Depth::BOUNDARY, Limits::default()), &bytes).unwrap();
    head.set_service(b"c.D").unwrap();
    assert!(matches!(sent(head, 7), Err(EncodeError::Invalid { .. })));
}

proptest! {
    /// What goes out is read as what was asked for, and nothing else has changed.
    #[test]
    fn renamed_requests_read_as_renamed(
        old in "[a-zé]{1,9}", old_version in prop::option::of("[0-9.]{0,6}"), new in prop::option::of("[A-Zé😀]{1,80}"),
        version in prop::option::of("[0-9.]{0,6}"), entries in prop::collection::btree_map("[a-z]{1,4}", "\\PC{0,20}", 0..4),
        names in 0u8..8, deep: bool,
    ) {
        let mut all: Vec<(&str, &str)> = Vec::new();
        let old_version = old_version.as_deref();
        for (bit, name, value) in [(1, "path", old.as_str()), (2, "interface", &old), (4, "version", old_version.unwrap_or(""))] {
            if names & bit != 0 {
                all.push((name, value));
            }
        }
        all.extend(entries.iter().filter(|(name, _)| *name != "path").map(|(name, value)| (name.as_str(), value.as_str())));
        let came = asking(&old, old_version.unwrap_or("null"), &map(&all));
        let depth = if deep { Depth::ALL } else { Depth::ROUTE };
        let mut head = decode(&mut server_at(depth, Limits::default()), &came).unwrap();
        rename(&mut head, new.as_deref(), version.as_deref());
        let out = sent(head, 7).unwrap();
        let read = asked(&out);
        let text = |attribute| read.attribute(attribute).value().map(|text| String::from_utf8_lossy(text).into_owned());
        prop_assert_eq!(text(Attribute::Service), Some(new.clone().unwrap_or(old.clone())));
        prop_assert_eq!(text(Attribute::Version), version.clone().or(old_version.map(str::to_owned)));
        for entry in &mut all {
            match entry.0 {
                "path" | "interface" => entry.1 = new.as_deref().unwrap_or(&old),
                "version" => entry.1 = version.as_deref().unwrap_or(entry.1),
                _ => {}
            }
        }
        let wanted: Vec<_> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
        prop_assert_eq!(fields(&read), wanted);
    }
}
