//! What bodies show that are not in Hessian 2 alone: requests, answers, and both edited.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use std::time::Duration;

use common::written::*;
use common::*;
use meshwire::{
    Attr, Attribute, Depth, EncodeError, Event, Head, Limits, LocalReply, Outcome, RoutingKey, Scope, Sent, Step,
};
use meshwire_dubbo::{ResultKind, result, status};

#[test]
fn each_serialization_that_is_read_shows_all() {
    for each in READ {
        let attachments =
            [("path", "a.B"), ("group", "g"), ("tenant", "rüd"), ("timeout", "250"), ("version", "1.0.0")];
        let bytes = each.request("a.B", Some("1.0.0"), "hi", &attachments);
        let head = asked(&bytes);
        assert_eq!(head.host(), Attr::Value(b"a.B"), "{each:?}");
        assert_eq!(head.attribute(Attribute::Version), Attr::Value(b"1.0.0"));
        assert_eq!((method(&head).as_deref(), group(&head).as_deref()), (Some("hi"), Some("g")));
        assert_eq!(head.timeout(), Some(Duration::from_millis(250)));
        assert_eq!(fields(&head), attachments.map(|(name, value)| format!("{name}={value}")), "{each:?}");
        assert_eq!(head.why_unseen(), None);
        assert_eq!(sent(head, 7).unwrap(), bytes);
        // And no more of it than is asked for.
        let head = decode(&mut server_at(Depth::ROUTE, Limits::default()), &bytes).unwrap();
        assert!(head.fields().is_none());
        assert_eq!((method(&head).as_deref(), head.attribute(Attribute::Group)), (Some("hi"), Attr::NotSeen));
        let head = decode(&mut server_at(Depth::BOUNDARY, Limits::default()), &bytes).unwrap();
        assert_eq!((head.host(), method(&head)), (Attr::NotSeen, None));
    }
}

#[test]
fn each_is_read_at_every_split() {
    for each in READ {
        let bytes = each.request("a.B", None, "hi", &[("path", "a.B"), ("tenant", "red")]);
        let route = |head: &Head| (format!("{:?} {:?}", head.host(), head.attribute(Attribute::Version)), method(head));
        let all = |head: &Head| (route(head), fields(head));
        let whole = asked(&bytes);
        let wanted = all(&whole);
        for limits in [Limits::default(), streaming(bytes.len()), streaming(100_000)] {
            for at in 1..bytes.len() {
                let mut end = server_at(deep(), limits.clone());
                end.input().extend_from_slice(&bytes[..at]);
                assert!(matches!(end.decode(), Ok(Step::NeedMore(_))), "{each:?} {at}");
                assert_eq!(all(&decode(&mut end, &bytes[at..]).unwrap()), wanted, "{each:?} {at}");
            }
        }
        // A message that is not waited for: its head comes when what routes look at is there.
        let mut end = server_at(Depth::ROUTE, streaming(bytes.len() - 1));
        let mut heads = 0;
        for byte in &bytes {
            end.input().extend_from_slice(&[*byte]);
            while let Step::Event(event) = end.decode().unwrap() {
                if let Event::Head(head) = &event {
                    assert_eq!(route(head), wanted.0, "{each:?}");
                    heads += 1;
                }
                end.release(event.stream().unwrap(), event.data_len());
            }
        }
        assert_eq!(heads, 1);
    }
}

#[test]
fn attachments_of_requests_are_edited_where_they_can_be() {
    for each in READ {
        let came = each.request("a.B", None, "hi", &[("path", "a.B"), ("a", "1"), ("b", "2")]);
        let mut head = asked(&came);
        head.set_field(b"a", b"\"\xc3\xbc\"").unwrap();
        head.remove_field(b"b").unwrap();
        head.add_field(b"d", b"4").unwrap();
        head.set_attribute(Attribute::Group, b"g").unwrap();
        match sent(head, 99) {
            Ok(out) => {
                assert!(!each.is_protobuf());
                let mut wanted =
                    each.request("a.B", None, "hi", &[("path", "a.B"), ("a", "\"ü\""), ("d", "4"), ("group", "g")]);
                wanted[4..12].copy_from_slice(&99u64.to_be_bytes());
                let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
                assert_eq!(text(&out), text(&wanted), "{each:?}");
                assert_eq!(group(&asked(&out)).as_deref(), Some("g"));
            }
            Err(error) => {
                assert!(each.is_protobuf() && matches!(error, EncodeError::NoPlace { .. }), "{each:?}: {error}")
            }
        }
    }
}

// A key stands once in a map, and gson reads none where it stands twice.
#[test]
fn an_added_field_stands_once_in_every_serialization() {
    for each in READ.into_iter().filter(|each| !each.is_protobuf()) {
        let mut head = asked(&each.request("a.B", None, "hi", &[("a", "1"), ("b", "2")]));
        head.add_field(b"a", b"3").unwrap();
        head.add_field(b"c", b"4").unwrap();
        head.add_field(b"c", b"5").unwrap();
        let out = sent(head, 7).unwrap();
        let wanted = each.request("a.B", None, "hi", &[("b", "2"), ("a", "3"), ("c", "5")]);
        assert_eq!(out.escape_ascii().to_string(), wanted.escape_ascii().to_string(), "{each:?}");
    }
}

#[test]
fn a_null_map_becomes_one_in_every_serialization() {
    for each in READ.into_iter().filter(|each| !each.is_protobuf()) {
        let front = join(&[&each.text("2.0.2"), &each.text("a.B"), &each.null(), &each.text("hi"), &each.text("")]);
        for none in [each.null(), each.map(&[])] {
            let whole = |map: &[u8]| frame(0xc0 | each.id(), 0, 7, &join(&[&front, map]));
            let mut head = asked(&whole(&none));
            assert_eq!(fields(&head), [""; 0]);
            head.set_field(b"a", b"1").unwrap();
            assert_eq!(sent(head, 7).unwrap(), whole(&each.map(&[("a", "1")])), "{each:?}");
        }
    }
}

#[test]
fn what_is_malformed_is_refused_in_every_serialization() {
    for each in READ {
        let good = each.request("a.B", None, "hi", &[("a", "1")]);
        for cut in [17, 25, good.len() - 3] {
            let mut bytes = good[..cut].to_vec();
            bytes[12..16].copy_from_slice(&((cut - 16) as u32).to_be_bytes());
            let error = refused(&bytes);
            assert_eq!(error.outcome(), Outcome::BadRequest, "{each:?} {cut}");
            assert!(matches!(error.scope, Scope::Message(_)), "{each:?} {cut}");
        }
        // A list where the map belongs.
        let list = match each {
            In::Hessian => b"\x78".to_vec(),
            In::Jsonb => each.framed(b"\x94"),
            In::Protobuf => each.framed(b"\x18\x01"),
            _ => each.framed(b"[]"),
        };
        let front = join(&[&each.text("2.0.2"), &each.text("a.B"), &each.null(), &each.text("hi"), &each.text("")]);
        assert_eq!(
            refused(&frame(0xc0 | each.id(), 0, 7, &join(&[&front, &list]))).outcome(),
            Outcome::BadRequest,
            "{each:?}"
        );
    }
}

/// The head of an answer, under the name of a request in that serialization.
fn answered_to(each: In, bytes: &[u8]) -> Head {
    let asked = asked(&each.request("a.B", None, "hi", &[]));
    let mut head = answered(bytes);
    head.set_stream(asked.stream());
    head
}

#[test]
fn attachments_of_answers_in_every_serialization() {
    for each in READ {
        let value = each.text("v");
        for (flag, kind) in [
            (3, ResultKind::ExceptionWithAttachments),
            (4, ResultKind::ValueWithAttachments),
            (5, ResultKind::NullWithAttachments),
        ] {
            let value = if flag == 5 { &b""[..] } else { &value };
            let whole = |map: &[u8]| each.answer(&[&each.flag(flag), value, map]);
            let came = whole(&each.map(&[("a", "1"), ("b", "2")]));
            let mut head = answered_to(each, &came);
            assert_eq!(
                (result(&head), fields(&head)),
                (Some(kind), vec!["a=1".to_owned(), "b=2".to_owned()]),
                "{each:?}"
            );
            head.set_field(b"b", b"9").unwrap();
            head.set_field(b"c", b"3").unwrap();
            let out = sent(head, 7);
            assert_eq!(out.is_ok(), !each.is_protobuf(), "{each:?}");
            if let Ok(out) = out {
                assert_eq!(out, whole(&each.map(&[("a", "1"), ("b", "9"), ("c", "3")])), "{each:?}");
            }
        }
    }
}

// The flag that is written anew need not have as many bytes as the old one.
#[test]
fn answers_get_attachments_in_every_serialization_that_is_edited() {
    for each in READ.into_iter().filter(|each| !each.is_protobuf()) {
        let value = each.text("v");
        for flag in 0..3 {
            let value = if flag == 2 { &b""[..] } else { &value };
            let mut spellings = vec![each.flag(flag)];
            match each {
                In::Jsonb => spellings.push(each.framed(&[flag])),
                In::Sized => spellings.push(each.framed(&[b'0' + flag])),
                In::Lines(_) => spellings.push(format!("{flag}\r\n").into_bytes()),
                _ => {}
            }
            for spelled in spellings {
                let came = each.answer(&[&spelled, value]);
                let mut head = answered_to(each, &came);
                assert_eq!(fields(&head), [""; 0]);
                head.set_field(b"a", b"1").unwrap();
                let out = sent(head, 7).unwrap_or_else(|error| panic!("{each:?} {flag}: {error}"));
                let wanted = each.answer(&[&each.flag(flag + 3), value, &each.map(&[("a", "1")])]);
                assert_eq!(out.escape_ascii().to_string(), wanted.escape_ascii().to_string(), "{each:?} {flag}");
            }
        }
        // The last line needs no end: a new one behind it does.
        if let In::Lines(_) = each {
            for (came, wanted) in [
                (&b"2"[..], &b"5\n{\"a\":\"1\"}\n"[..]),
                (b"1\n\"v\"", b"4\n\"v\"\n{\"a\":\"1\"}\n"),
                (b"5\n{}", b"5\n{\"a\":\"1\"}"),
                (b"5\nnull\r\n", b"5\n{\"a\":\"1\"}\r\n"),
            ] {
                let mut head = answered_to(each, &each.answer(&[came]));
                head.set_field(b"a", b"1").unwrap();
                let out = sent(head, 7).unwrap();
                assert_eq!(
                    out.escape_ascii().to_string(),
                    each.answer(&[wanted]).escape_ascii().to_string(),
                    "{}",
                    came.escape_ascii()
                );
            }
        }
    }
}

#[test]
fn the_proxy_answers_in_the_serialization_of_the_request() {
    for each in READ {
        for depth in [Depth::ROUTE, deep()] {
            let mut end = server_at(depth, Limits::default());
            let head = decode(&mut end, &each.request("a.B", None, "hi", &[])).unwrap();
            let mut reply = end.reply(head.stream(), &LocalReply::new(Outcome::NoRoute, "none")).unwrap();
            assert_eq!(end.send(&mut reply).unwrap(), Sent::All);
            assert_eq!(
                end.output_mut().take(),
                frame(each.id(), status::SERVICE_NOT_FOUND, 7, &each.text("none")),
                "{each:?}"
            );
        }
    }
}
