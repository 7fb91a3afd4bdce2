//! One message, one destination: what the attachments name must be what stands in front.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::written::*;
use common::*;
use meshwire::{Depth, Event, Limits, LocalReply, Outcome, Scope, Sent, Step};
use meshwire_dubbo::status;

/// Refused: the message only, with 40, and the next one goes through.
fn contradicts(each: In, service: &str, version: Option<&str>, attachments: &[(&str, &str)]) {
    let bad = each.request(service, version, "hi", attachments);
    let mut end = server_at(deep(), Limits::default());
    end.input().extend_from_slice(&bad);
    end.input().extend_from_slice(&each.request("a.B", None, "hi", &[]));
    let error = match end.decode() {
        Err(error) => error,
        Ok(Step::Event(Event::Head(head))) => {
            panic!("{each:?} {service} {version:?} {attachments:?} passes as {:?}", list(&head))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(error.outcome(), Outcome::BadRequest);
    assert_eq!(error.scope, Scope::Message(meshwire::StreamId::new(7)));
    let mut answer = end.reply(error.stream().unwrap(), &LocalReply::new(error.outcome(), "bad")).unwrap();
    assert_eq!(end.send(&mut answer).unwrap(), Sent::All);
    let out = end.output_mut().take();
    assert_eq!((out[3], &out[4..12]), (status::BAD_REQUEST, &7u64.to_be_bytes()[..]));
    assert!(matches!(end.decode(), Ok(Step::Event(Event::Head(_)))), "the connection goes on");
    // Nothing of it is checked where nobody looks at attachments.
    assert!(decode(&mut server_at(Depth::ROUTE, Limits::default()), &bad).is_ok(), "{attachments:?}");
}

fn agrees(each: In, service: &str, version: Option<&str>, attachments: &[(&str, &str)]) {
    let bytes = each.request(service, version, "hi", attachments);
    let read = decode(&mut server_at(deep(), Limits::default()), &bytes);
    assert!(read.is_ok(), "{each:?} {service} {version:?} {attachments:?}: {:?}", read.err());
}

#[test]
fn attachments_that_name_another_destination_are_refused() {
    for each in READ {
        for (version, attachments) in [
            (None, &[("path", "a.C")][..]),
            (None, &[("path", "")]),
            (None, &[("path", "A.B")]),
            (None, &[("path", " a.B")]),
            (None, &[("path", "a.B ")]),
            (None, &[("path", "/a.B")]),
            (None, &[("path", "a.B:1.0.0")]),
            (None, &[("path", "g/a.B")]),
            (None, &[("path", "g/a.B:1.0.0")]),
            (Some("1.0.0"), &[("path", "a.B:1.0.0")]),
            (None, &[("interface", "a.C")]),
            (None, &[("path", "a.B"), ("interface", "a.C")]),
            (None, &[("path", "a.C"), ("interface", "a.B")]),
            (None, &[("version", "1.0.0")]),
            (None, &[("version", "*")]),
            (Some("1.0.0"), &[("version", "0.0.0")]),
            (Some("1.0.0"), &[("version", "")]),
            (Some("1.0.0"), &[("version", "*")]),
            (Some("1.0.0"), &[("version", "1.0.1")]),
            (Some("1.0.0"), &[("version", "1.0.0 ")]),
            (Some("9"), &[("path", "a.B"), ("version", "1.0.0")]),
            (Some("0.0.0"), &[("version", "1.0.0")]),
            (Some(""), &[("version", "1.0.0")]),
            (None, &[("path", "a.C"), ("version", "1.0.0"), ("group", "g")]),
            (None, &[("a", "1"), ("b", "2"), ("path", "a.C")]),
        ] {
            contradicts(each, "a.B", version, attachments);
        }
    }
    // A key that stands twice: each must agree, since readers do not agree on which counts. (Protobuf's JSON knows none.)
    for each in READ.into_iter().filter(|each| *each != In::ProtobufJson) {
        for attachments in [
            [("path", "a.B"), ("path", "a.C")],
            [("path", "a.C"), ("path", "a.B")],
            [("version", "1"), ("version", "")],
            [("interface", "a.C"), ("interface", "a.B")],
        ] {
            contradicts(each, "a.B", None, &attachments);
        }
    }
}

#[test]
fn attachments_that_agree_pass() {
    for each in READ {
        for (version, attachments) in [
            (None, &[][..]),
            (None, &[("path", "a.B")]),
            (None, &[("path", "a.B"), ("interface", "a.B"), ("version", "0.0.0"), ("group", "g")]),
            (None, &[("version", "")]),
            (None, &[("version", "0.0.0")]),
            (Some("0.0.0"), &[("version", "")]),
            (Some("0.0.0"), &[("version", "0.0.0")]),
            (Some(""), &[("version", "0.0.0")]),
            (Some(""), &[]),
            (Some("0.0.0"), &[]),
            (Some("1.0.0"), &[]),
            (Some("1.0.0"), &[("path", "a.B")]),
            (Some("1.0.0"), &[("path", "a.B"), ("version", "1.0.0")]),
            (None, &[("group", "")]),
            (None, &[("group", "g/x:1")]),
            (None, &[("service", "a.C"), ("method", "other"), ("methodName", "other"), ("dubbo", "9")]),
            // Servers know the exact names only.
            (None, &[("Path", "a.C"), ("PATH", "a.C"), ("Version", "1"), ("Interface", "a.C")]),
            (None, &[(" path", "a.C"), ("path.", "a.C"), ("path ", "a.C"), ("version ", "1")]),
        ] {
            agrees(each, "a.B", version, attachments);
        }
    }
}

#[test]
fn names_that_are_none_to_a_server_are_refused_or_pass_as_they_agree() {
    let with = |service: &[u8], version: &[u8], entries: &[&[u8]]| {
        let front = join(&[&s("2.0.2"), service, version, &s("hi"), b"\0"]);
        let bytes = request(&join(&[&front, &raw_map(entries)]));
        assert!(decode(&mut server_at(Depth::ROUTE, Limits::default()), &bytes).is_ok());
        decode(&mut server_at(deep(), Limits::default()), &bytes)
            .map(|head| fields(&head))
            .map_err(|error| (error.code, error.outcome()))
    };
    let refused = |code| Err((code, Outcome::BadRequest));
    let ab = s("a.B");
    // No strings: Java 3 answers nothing to these, dubbo-go closes the connection.
    for name in ["path", "interface", "version", "group"] {
        let key = s(name);
        for value in [
            &b"\x91"[..],
            b"T",
            b"F",
            b"\x5c",
            b"\xe1",
            b"HZ",
            b"\x71\x07[string\x03a.B",
            b"\x79\x03a.B",
            b"\x23a.B",
            b"\x51\x90",
            b"\x4a\0\0\0\0\0\0\0\0",
            b"C\x01c\x90\x60",
        ] {
            assert_eq!(with(&ab, b"N", &[&join(&[&key, value])]), refused("attachment"), "{name} {value:x?}");
        }
        // Other names may be anything.
        assert!(with(&ab, b"N", &[&join(&[&s("other"), b"\x91"])]).is_ok());
        assert!(with(&ab, b"N", &[&join(&[&s(&name.to_uppercase()), b"\x91"])]).is_ok());
    }
    // A null path leaves no service, another null says nothing.
    assert_eq!(with(&ab, b"N", &[b"\x04pathN"]), refused("attachment"));
    assert_eq!(with(&ab, b"N", &[b"\x04path\x03a.B", b"\x04pathN"]), refused("attachment"));
    for name in ["interface", "version", "group"] {
        assert!(with(&ab, b"N", &[&join(&[&s(name), b"N"])]).is_ok(), "{name}");
    }
    // A null version among the attachments clears the one in front.
    assert_eq!(with(&ab, &s("1.0.0"), &[b"\x07versionN"]), refused("contradiction"));
    assert!(with(&ab, &s("0.0.0"), &[b"\x07versionN"]).is_ok());
    // A service in whose name servers find another.
    for service in ["/a.B", "a.B:1.0.0", "g/a.B:1", ":", "/", "a.B:"] {
        assert_eq!(with(&s(service), b"N", &[]), refused("service"), "{service}");
        assert_eq!(with(&s(service), b"N", &[&join(&[&s("path"), &s(service)])]), refused("service"), "{service}");
    }
    // No service at all in front, and one behind.
    assert_eq!(with(b"N", b"N", &[b"\x04path\x03a.B"]), refused("contradiction"));
    assert_eq!(with(b"\0", b"N", &[b"\x04path\x03a.B"]), refused("contradiction"));
    // The same name in pieces or spelled otherwise is the same.
    assert!(with(&ab, &s("1.0.0"), &[b"\x04pathR\0\x02a.\x01B", b"R\0\x03ver\x04sionS\0\x051.0.0"]).is_ok());
    assert_eq!(with(&ab, b"N", &[b"R\0\x02pa\x02th\x03a.C"]), refused("contradiction"));
    assert_eq!(with(b"R\0\x02a.\x01B", b"N", &[b"\x04path\x03a.C"]), refused("contradiction"));
    assert!(with(b"R\0\x02a.\x01B", b"N", &[b"\x04path\x03a.B"]).is_ok());
}

#[test]
fn what_contradicts_says_where() {
    let bytes = with_map(&map(&[("a", "1"), ("path", "a.C")]));
    let error = refused(&bytes);
    let at = bytes.len() - 1 - s("path").len() - s("a.C").len();
    assert_eq!((error.code, error.offset as usize), ("contradiction", at));
}

// A slash inside of a service's name is a group in front of it, to Dubbo 2.7.
#[test]
fn a_group_in_the_name_of_a_service_is_refused() {
    for service in ["g/a.B", "a.B/", "g/h/a.B"] {
        let front = join(&[&s("2.0.2"), &s(service), b"N", &s("hi"), b"\0"]);
        let error = refused(&request(&join(&[&front, &map(&[("path", service)])])));
        assert_eq!(error.code, "service", "{service}");
    }
}

#[test]
fn the_attachments_of_answers_name_what_they_like() {
    for each in READ {
        let body = [&each.flag(5)[..], &each.map(&[("path", "x"), ("version", "9"), ("group", "g")])];
        assert_eq!(fields(&answered(&each.answer(&body))), ["path=x", "version=9", "group=g"], "{each:?}");
    }
}
