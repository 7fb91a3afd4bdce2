//! Where a request goes: what names it in front, what names it again among the attachments, what runs behind `$invoke`, and
//! what of all that other serializations show.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use std::time::Duration;

use common::*;
use meshwire::route::document::{Conditions, Document, FieldMatch, Route, StringMatch, UnseenFields, VirtualHost};
use meshwire::route::{Miss, Target};
use meshwire::{
    Attr, Attribute, Conn, Depth, EncodeError, Endpoint, Event, Head, Limits, LocalReply, Outcome, Protocol,
    RouteTable, RoutingKey, Scope, Sent, Step,
};
use meshwire_dubbo::{Dubbo, ResultKind, result, status};
use proptest::prelude::*;

fn method(head: &Head) -> Option<String> {
    head.attribute(Attribute::Method).value().map(|method| String::from_utf8_lossy(method).into_owned())
}

// ----- the serializations that are read -----

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum In {
    Hessian,
    Lines(u8),
    Sized,
    Jsonb,
    Protobuf,
    ProtobufJson,
}

const READ: [In; 8] =
    [In::Hessian, In::Lines(6), In::Lines(16), In::Lines(18), In::Sized, In::Jsonb, In::Protobuf, In::ProtobufJson];

impl In {
    fn id(self) -> u8 {
        match self {
            Self::Hessian => 2,
            Self::Lines(id) => id,
            Self::Sized => 6,
            Self::Jsonb => 23,
            Self::Protobuf => 22,
            Self::ProtobufJson => 21,
        }
    }

    fn is_protobuf(self) -> bool {
        matches!(self, Self::Protobuf | Self::ProtobufJson)
    }

    /// A value of so many bytes.
    fn framed(self, value: &[u8]) -> Vec<u8> {
        match self {
            Self::Hessian => value.to_vec(),
            Self::Lines(_) | Self::ProtobufJson => join(&[value, b"\n"]),
            Self::Sized | Self::Jsonb => join(&[&(value.len() as u32).to_be_bytes(), value]),
            Self::Protobuf => join(&[&[value.len() as u8], value]),
        }
    }

    fn text(self, text: &str) -> Vec<u8> {
        match self {
            Self::Hessian => s(text),
            Self::Jsonb => self.framed(&jsonb(text)),
            Self::Protobuf if text.is_empty() => self.framed(b""),
            Self::Protobuf => self.framed(&pb(0x0a, text.as_bytes())),
            _ => self.framed(format!("{text:?}").as_bytes()),
        }
    }

    fn null(self) -> Vec<u8> {
        match self {
            Self::Hessian => b"N".to_vec(),
            Self::Jsonb => self.framed(b"\xaf"),
            // Protobuf has no null: Java writes no version as this.
            Self::Protobuf | Self::ProtobufJson => self.text("0.0.0"),
            _ => self.framed(b"null"),
        }
    }

    fn map(self, entries: &[(&str, &str)]) -> Vec<u8> {
        let json = || {
            let entries: Vec<String> = entries.iter().map(|(name, value)| format!("{name:?}:{value:?}")).collect();
            format!("{{{}}}", entries.join(","))
        };
        match self {
            Self::Hessian => map(entries),
            Self::Jsonb => {
                let entries: Vec<u8> =
                    entries.iter().flat_map(|(name, value)| [jsonb(name), jsonb(value)].concat()).collect();
                self.framed(&join(&[b"\xa6", &entries, b"\xa5"]))
            }
            Self::Protobuf => {
                let entry = |(name, value): &(&str, &str)| {
                    pb(0x0a, &join(&[&pb(0x0a, name.as_bytes()), &pb(0x12, value.as_bytes())]))
                };
                self.framed(&entries.iter().flat_map(entry).collect::<Vec<u8>>())
            }
            Self::ProtobufJson => self.framed(format!("{{\"attachments\":{}}}", json()).as_bytes()),
            _ => self.framed(json().as_bytes()),
        }
    }

    /// The flag of a result, as Java writes it.
    fn flag(self, flag: u8) -> Vec<u8> {
        match self {
            Self::Hessian => vec![0x90 + flag],
            Self::Jsonb => self.framed(&[0xbd, flag]),
            Self::Protobuf if flag == 0 => self.framed(b""),
            Self::Protobuf => self.framed(&[8, flag]),
            Self::Sized => self.framed(&[b'0' + flag, b'B']),
            _ => self.framed(&[b'0' + flag]),
        }
    }

    /// A request of `service`, version `version`, with one argument.
    fn request(self, service: &str, version: Option<&str>, method: &str, attachments: &[(&str, &str)]) -> Vec<u8> {
        let version = version.map_or_else(|| self.null(), |version| self.text(version));
        let front = join(&[&self.text("2.0.2"), &self.text(service), &version, &self.text(method)]);
        let rest = join(&[&self.text("Ljava/lang/String;"), &self.text("ü\"x"), &self.map(attachments)]);
        frame(0xc0 | self.id(), 0, 7, &join(&[&front, &rest]))
    }

    fn answer(self, parts: &[&[u8]]) -> Vec<u8> {
        frame(self.id(), 20, 7, &parts.concat())
    }
}

fn jsonb(text: &str) -> Vec<u8> {
    match text.len() {
        n @ 0..0x30 if text.is_ascii() => join(&[&[0x49 + n as u8], text.as_bytes()]),
        n @ 0..0x30 => join(&[&[0x7a, n as u8], text.as_bytes()]),
        n @ 0..0x800 if text.is_ascii() => join(&[&[0x79, 0x38 | (n >> 8) as u8, n as u8], text.as_bytes()]),
        n => panic!("{n} bytes"),
    }
}

fn pb(tag: u8, bytes: &[u8]) -> Vec<u8> {
    join(&[&[tag, bytes.len() as u8], bytes])
}

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

// ----- answers in them -----

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

// ----- identity -----

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

// ----- generic calls -----

const GENERIC: &str = "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;";

/// A call of `method` with these types and arguments.
fn generic(method: &str, types: &[u8], args: &[u8]) -> Vec<u8> {
    let front = join(&[&s("2.0.2"), &s("a.B"), b"N", &s(method), types]);
    request(&join(&[&front, args, &map(&[("generic", "true")])]))
}

const TAIL: &[u8] = b"\x71\x07[string\x10java.lang.String\x71\x07[object\x01x";

#[test]
fn a_generic_call_is_one_of_its_first_argument() {
    for name in ["$invoke", "$invokeAsync"] {
        for (first, called) in [
            (s("sayHello"), "sayHello"),
            (s(" sayHello\t\r\n"), "sayHello"),
            (s("\0\x1f say Hello \x01"), "say Hello"),
            (s("\u{a0}x\u{2003}"), "\u{a0}x\u{2003}"), // Java's trim takes no other white space away
            (s("größe😀"), "größe😀"),
            (b"R\0\x03sayR\0\0\x05Hello".to_vec(), "sayHello"),
            (b"R\0\x01 \x03hi ".to_vec(), "hi"),
            (b"S\0\x02hi".to_vec(), "hi"),
            (b"\x30\x02hi".to_vec(), "hi"),
            (s(""), ""),
            (s("   "), ""),
            (s("$invoke"), "$invoke"),
            (s(&"m".repeat(2000)), &"m".repeat(2000)),
            // No name at all: what the service makes of it is its own affair.
            (b"N".to_vec(), name),
            (b"\x91".to_vec(), name),
            (b"T".to_vec(), name),
            (b"\x22hi".to_vec(), name),
            (b"\x78".to_vec(), name),
            (b"HZ".to_vec(), name),
        ] {
            let bytes = generic(name, &s(GENERIC), &join(&[&first, TAIL]));
            let head = asked(&bytes);
            assert_eq!(method(&head).as_deref(), Some(called), "{first:x?}");
            assert_eq!(head.verb(), Attr::Value(called.as_bytes()));
            assert_eq!(&*head.path().unwrap().unwrap().to_bytes(), format!("/a.B/{called}").as_bytes());
            assert!(!head.is_edited());
            assert_eq!(sent(head, 7).unwrap(), bytes);
            let head = decode(&mut server_at(Depth::ROUTE, Limits::default()), &bytes).unwrap();
            assert_eq!(method(&head).as_deref(), Some(called));
        }
    }
}

#[test]
fn only_three_arguments_make_a_generic_call() {
    for (types, args) in [
        ("", &b""[..]),
        ("Ljava/lang/String;", b"\x03who"),
        ("Ljava/lang/String;[Ljava/lang/String;", b"\x03whoN"),
        ("Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;I", b"\x03whoNN\x91"),
    ] {
        assert_eq!(method(&asked(&generic("$invoke", &s(types), args))).as_deref(), Some("$invoke"), "{types}");
    }
    // Whatever they are.
    assert_eq!(method(&asked(&generic("$invoke", &s("III"), b"\x03who\x91\x92"))).as_deref(), Some("who"));
    for name in ["$echo", "invoke", "$invok", "$invokes", " $invoke", "$Invoke", "$", "$invokeAsync2"] {
        let bytes = generic(name, &s(GENERIC), &join(&[&s("who"), TAIL]));
        assert_eq!(method(&asked(&bytes)).as_deref(), Some(name));
    }
    let echo = generic("$echo", &s("Ljava/lang/Object;"), b"\x03who");
    assert_eq!(method(&asked(&echo)).as_deref(), Some("$echo"));
    // The name in pieces is the same name.
    let front = join(&[&s("2.0.2"), &s("a.B"), b"N", b"R\0\x04$inv\x03oke", &s(GENERIC)]);
    let bytes = request(&join(&[&front, &s("who"), TAIL, b"N"]));
    assert_eq!(method(&asked(&bytes)).as_deref(), Some("who"));
}

#[test]
fn dubbox_puts_an_int_before_the_types() {
    for (between, called) in [
        (join(&[b"\x8f", &s(GENERIC)]), "who"),
        (join(&[b"I\xff\xff\xff\xff", &s(GENERIC)]), "who"),
        (b"\x93".to_vec(), "who"),
        (b"\xc8\x03".to_vec(), "who"),
        (b"\xd4\x00\x03".to_vec(), "who"),
        (b"I\0\0\0\x03".to_vec(), "who"),
    ] {
        let bytes = generic("$invoke", &between, &join(&[&s("who"), TAIL]));
        assert_eq!(method(&asked(&bytes)).as_deref(), Some(called), "{between:x?}");
        let head = decode(&mut server_at(Depth::ROUTE, Limits::default()), &bytes).unwrap();
        assert_eq!(method(&head).as_deref(), Some(called), "{between:x?}");
    }
    // For three arguments only here too.
    for (count, args) in
        [(&b"\x91"[..], &b"\x03who"[..]), (b"\x92", b"\x03who\x91"), (b"\x94", b"\x03who\x91\x91\x91"), (b"\x90", b"")]
    {
        assert_eq!(method(&asked(&generic("$invoke", count, args))).as_deref(), Some("$invoke"), "{count:x?}");
    }
    // And none but a generic call reads on.
    assert_eq!(method(&asked(&generic("hi", b"\x91", b"\x03who"))).as_deref(), Some("hi"));
}

#[test]
fn a_generic_call_is_read_on_at_every_split() {
    for (name, between, first) in [
        ("$invoke", s(GENERIC), s("sayHello")),
        ("$invokeAsync", join(&[b"\x8f", &s(GENERIC)]), s(" sayHello ")),
        ("$invoke", join(&[b"I\xff\xff\xff\xff", &s(GENERIC)]), b"R\0\x03sayR\0\0\x05Hello".to_vec()),
        ("$invoke", b"\xc8\x03".to_vec(), s("sayHello")),
        ("$invoke", b"I\0\0\0\x03".to_vec(), s("sayHello")),
        ("$invoke", s(GENERIC), s(&"größe😀".repeat(10))),
        ("$invoke", s(GENERIC), s(&"R\x20Shi".repeat(10))),
    ] {
        let bytes = generic(name, &between, &join(&[&first, TAIL]));
        let wanted = method(&asked(&bytes));
        let name_end = bytes.len() - TAIL.len() - map(&[("generic", "true")]).len();
        // Not waited for, and with only just enough to be looked at.
        for limits in [streaming(bytes.len() - 1), streaming(name_end)] {
            let show = |mut end: Endpoint, pieces: &[&[u8]]| {
                let mut seen = Vec::new();
                for piece in pieces {
                    end.input().extend_from_slice(piece);
                    while let Step::Event(event) = end.decode().unwrap() {
                        if let Event::Head(head) = &event {
                            seen.push((
                                head.host().value().map(<[u8]>::to_vec),
                                head.attribute(Attribute::Version) == Attr::Absent,
                                method(head),
                            ));
                        }
                        end.release(event.stream().unwrap(), event.data_len());
                    }
                }
                seen
            };
            let wanted = vec![(Some(b"a.B".to_vec()), true, wanted.clone())];
            for at in 1..bytes.len() {
                let end = server_at(Depth::ROUTE, limits.clone());
                assert_eq!(show(end, &[&bytes[..at], &bytes[at..]]), wanted, "{between:x?} {at}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(show(server_at(Depth::ROUTE, limits), &single), wanted, "{between:x?}");
        }
    }
}

#[test]
fn who_asks_for_no_method_is_shown_none() {
    // Bytes that are no types: nobody looks.
    let bytes = generic("$invoke", b"\xff", b"");
    for depth in [Depth::BOUNDARY, Depth::BOUNDARY.with(Attribute::Service), Depth::BOUNDARY.with(Attribute::Version)] {
        let head = decode(&mut server_at(depth, Limits::default()), &bytes).unwrap();
        assert_eq!(head.attribute(Attribute::Method), Attr::NotSeen);
    }
    assert!(decode(&mut server_at(Depth::ROUTE, Limits::default()), &bytes).is_err());
}

#[test]
fn generic_calls_in_every_serialization() {
    for each in READ.into_iter().filter(|each| !each.is_protobuf()) {
        let front = |method: &str, types: &str| {
            join(&[&each.text("2.0.2"), &each.text("a.B"), &each.null(), &each.text(method), &each.text(types)])
        };
        let called = |method_name: &str, types: &str, first: &[u8]| {
            let args = join(&[first, &each.null(), &each.null()]);
            let bytes = frame(0xc0 | each.id(), 0, 7, &join(&[&front(method_name, types), &args, &each.map(&[])]));
            method(&decode(&mut server_at(Depth::ROUTE, Limits::default()), &bytes).unwrap())
        };
        assert_eq!(called("$invoke", GENERIC, &each.text(" who ")).as_deref(), Some("who"), "{each:?}");
        assert_eq!(called("$invokeAsync", GENERIC, &each.text("who")).as_deref(), Some("who"));
        assert_eq!(called("$invoke", GENERIC, &each.null()).as_deref(), Some("$invoke"));
        assert_eq!(called("$echo", GENERIC, &each.text("who")).as_deref(), Some("$echo"));
        assert_eq!(called("$invoke", "Ljava/lang/String;", &each.text("who")).as_deref(), Some("$invoke"));
        // A first argument that is no string.
        let number = match each {
            In::Hessian => b"\x91".to_vec(),
            In::Jsonb => each.framed(&[1]),
            _ => each.framed(b"1"),
        };
        assert_eq!(called("$invoke", GENERIC, &number).as_deref(), Some("$invoke"), "{each:?}");
    }
}

// ----- what is hidden -----

#[test]
fn a_serialization_that_is_not_read_says_its_name() {
    for (id, name) in [
        (3, "java (3)"),
        (4, "compactedjava (4)"),
        (7, "nativejava (7)"),
        (8, "kryo (8)"),
        (9, "fst (9)"),
        (10, "native-hessian (10)"),
        (11, "avro (11)"),
        (12, "protostuff (12)"),
        (25, "kryo2 (25)"),
        (27, "msgpack (27)"),
        (28, "fury (28)"),
        (29, "fury-compatible (29)"),
        (31, "custom (31)"),
        (1, "a number that is not known"),
        (5, "a number that is not known"),
        (30, "a number that is not known"),
    ] {
        let bytes = frame(0xc0 | id, 0, 7, b"opaque");
        for depth in [Depth::ROUTE, deep()] {
            let head = decode(&mut server_at(depth, Limits::default()), &bytes).unwrap();
            assert!(head.why_unseen().unwrap().contains(name), "{id}: {:?}", head.why_unseen());
            for attribute in [Attribute::Service, Attribute::Version, Attribute::Method, Attribute::Group] {
                assert_eq!(head.attribute(attribute), Attr::NotSeen);
            }
            assert!(head.fields().is_none());
            assert_eq!(sent(head, 7).unwrap(), bytes);
        }
    }
}

#[test]
fn a_listener_may_know_the_service_of_what_hides_it() {
    let dubbo = Dubbo::new().with_default_service("com.example.Greeter");
    let end = || Endpoint::new(dubbo.codec(Conn::server().with_depth(deep())));
    for id in (0..32).filter(|id| ![2, 6, 16, 18, 21, 22, 23].contains(id)) {
        let bytes = frame(0xc0 | id, 0, 7, b"opaque");
        let head = decode(&mut end(), &bytes).unwrap();
        assert_eq!(head.host(), Attr::Value(b"com.example.Greeter"), "{id}");
        assert_eq!(
            (head.attribute(Attribute::Method), head.attribute(Attribute::Version)),
            (Attr::NotSeen, Attr::NotSeen)
        );
        assert!(!head.is_edited());
        assert_eq!(sent(head, 7).unwrap(), bytes);
    }
    for each in READ {
        let head = decode(&mut end(), &each.request("a.B", None, "hi", &[])).unwrap();
        assert_eq!(head.host(), Attr::Value(b"a.B"), "{each:?}");
    }
}

fn by_field(field: &str, unseen: UnseenFields) -> RouteTable {
    let gray = Route::to("gray").when(Conditions::default().field(FieldMatch::new(field, "gray")));
    let mut document = Document::new([VirtualHost::new(["a.B"], [gray, Route::to("main")])]);
    document.unseen_fields = unseen;
    RouteTable::new(document).unwrap()
}

fn cluster(table: &RouteTable, head: &Head) -> Result<String, (Outcome, bool)> {
    match table.lookup(head, 0) {
        Ok(found) => match found.route().target(0) {
            Target::Cluster(cluster) => Ok(cluster.to_owned()),
            Target::Reply(reply) => panic!("{reply:?}"),
        },
        Err(miss) => Err((miss.outcome(), matches!(miss, Miss::Hidden(..)))),
    }
}

#[test]
fn attachments_beyond_what_is_looked_at_are_hidden() {
    for unseen in [UnseenFields::Error, UnseenFields::Miss] {
        let table = by_field("env", unseen);
        for each in [In::Hessian, In::Jsonb, In::Lines(6), In::Sized] {
            let bytes = each.request("a.B", None, "hi", &[("env", "gray")]);
            let strict = |limits| {
                Endpoint::new(
                    Dubbo::default().codec(Conn::server().with_depth(table.depth().clone()).with_limits(limits)),
                )
            };
            // One byte more or less is what it hangs on.
            let head = decode(&mut strict(streaming(bytes.len())), &bytes).unwrap();
            assert_eq!((head.is_end(), head.why_unseen()), (false, None));
            assert_eq!(cluster(&table, &head), Ok("gray".to_owned()));

            let mut end = strict(streaming(bytes.len() - 1));
            // At once: nothing behind the method is waited for.
            let front = bytes.len() - each.map(&[("env", "gray")]).len() - each.text("ü\"x").len();
            let head = decode(&mut end, &bytes[..front]).unwrap();
            assert_eq!((head.host(), head.fields().is_none()), (Attr::Value(b"a.B"), true));
            assert!(head.why_unseen().unwrap().contains("Limits::head"));
            assert_eq!(head.attribute(Attribute::Group), Attr::NotSeen);
            let wanted = match unseen {
                UnseenFields::Miss => Ok("main".to_owned()),
                _ => Err((Outcome::BadRequest, true)),
            };
            assert_eq!(cluster(&table, &head), wanted, "{each:?}");
        }
    }
}

#[test]
fn a_route_by_group_or_method_meets_what_is_hidden() {
    let conditions = Conditions::default().method(StringMatch::exact("hi"));
    let table = RouteTable::new(Document::new([VirtualHost::new(["*"], [Route::to("a").when(conditions)])])).unwrap();
    let head = decode(&mut server_at(deep(), Limits::default()), &frame(0xc8, 0, 7, b"opaque")).unwrap();
    assert_eq!(cluster(&table, &head), Err((Outcome::BadRequest, true)));
}

// ----- anything -----

proptest! {
    /// Broken in one place or two, a message is refused or read, edited or not, and what goes out is what was shown.
    #[test]
    fn broken_messages_are_edited_or_refused(
        each in prop::sample::select(&READ[..]), is_answer: bool, flag in 0u8..6, depth in 0usize..4, whole in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3), length in prop::option::weighted(0.1, 0u32..300),
        added: bool, removed: bool,
    ) {
        let attachments = [("path", "a.B"), ("a", "1"), ("group", "g"), ("timeout", "7")];
        let mut bytes = if is_answer {
            each.answer(&[&each.flag(flag), &each.text("v"), &each.map(&attachments)])
        } else {
            each.request("a.B", Some("1.0.0"), "hi", &attachments)
        };
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(length) = length {
            bytes[12..16].copy_from_slice(&length.to_be_bytes());
        }
        let depth = [deep(), Depth::ROUTE, Depth::BOUNDARY, Depth::ROUTE.with_field("a")][depth].clone();
        let limits = if whole { Limits::default() } else { streaming(60) };
        let mut end = if is_answer { client_at(depth, limits) } else { server_at(depth, limits) };
        end.input().extend_from_slice(&bytes);
        let Ok(Step::Event(Event::Head(mut head))) = end.decode() else { return Ok(()) };
        head.set_field(b"x", b"1").unwrap();
        if added { head.add_field(b"a", b"2").unwrap() }
        if removed { head.remove_field(b"a").unwrap() }
        if !is_answer { head.set_attribute(Attribute::Group, b"h").unwrap() }
        let seen = head.fields().map(|_| list(&head));
        if !head.is_end() {
            let (kind, stream) = (head.kind(), head.stream());
            let mut to = if is_answer { server_at(Depth::BOUNDARY, Limits::default()) } else { client_at(Depth::BOUNDARY, Limits::default()) };
            if is_answer { head.set_stream(stream.with_tag(asked(&each.request("a.B", None, "hi", &[])).stream().tag())) }
            let mut event = Event::Head(head);
            let sent = to.send(&mut event);
            if sent.is_ok() {
                while let Ok(Step::Event(mut event)) = end.decode() {
                    if !matches!(event, Event::Body(_)) || to.send(&mut event).is_err() || event.is_end() { break }
                }
            }
            prop_assert!(kind.is_request() != is_answer);
            return Ok(());
        }
        if let Ok(out) = sent(head, 7) {
            body_of(&out);
            if let Some(seen) = seen {
                let value = |fields: &[(String, String)], name: &str| fields.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.clone());
                let read = if is_answer { answered(&out) } else { asked(&out) };
                let read = list(&read);
                for name in ["x", "a", "path", "timeout"] {
                    prop_assert_eq!(value(&read, name), value(&seen, name), "{}", name);
                }
            }
        }
    }
}

// ----- other protocols on the port -----

#[test]
fn text_is_refused_by_name_and_other_bytes_are_no_frame() {
    for text in [&b"ls\r\n"[..], b"status\r\n", b"invoke a.B.hi()\r\n", b"\r\n", b" ", b"GET / HTTP/1.1\r\n", b"~"] {
        let mut end = server_at(deep(), Limits::default());
        let error = decode(&mut end, text).unwrap_err();
        assert_eq!((error.code, error.scope, error.offset), ("telnet", Scope::Connection, 0), "{text:?}");
        assert!(end.codec().state().close);
        assert!(error.to_string().contains("telnet"));
    }
    for (bytes, at) in
        [(&b"\0"[..], 0), (b"\xda\xbc", 1), (b"\xda\xda", 1), (b"\x7f", 0), (b"\xff\xff", 0), (b"\xda\0\0", 1)]
    {
        let mut end = server_at(deep(), Limits::default());
        let error = decode(&mut end, bytes).unwrap_err();
        assert_eq!((error.code, error.scope, error.offset), ("magic", Scope::Connection, at), "{bytes:x?}");
        assert!(end.codec().state().close);
    }
    // Behind whole messages too: what is owed for those is still given.
    let mut end = server_at(deep(), Limits::default());
    let good = with_map(b"N");
    let head = decode(&mut end, &join(&[&good, b"status\r\n"])).unwrap();
    let error = end.decode().map(|step| panic!("{step:?}")).unwrap_err();
    assert_eq!((error.code, error.offset as usize), ("telnet", good.len()));
    assert!(!end.codec().state().close);
    let mut answer = end.reply(head.stream(), &LocalReply::new(Outcome::NoRoute, "none")).unwrap();
    assert_eq!(end.send(&mut answer).unwrap(), Sent::All);
    assert!(end.codec().state().close);
}
