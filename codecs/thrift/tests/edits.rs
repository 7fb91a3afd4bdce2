//! Services and methods written anew.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{Attr, Attribute, EncodeError, Endpoint, Event, Head, RoutingKey, Sent};
use meshwire_thrift::{Thrift, Transport};

/// Sends a call of `name` with these edits; what must come out is the same call of another name.
#[track_caller]
fn renamed(
    end: &mut Endpoint,
    layout: (Wrap, meshwire_thrift::Encoding),
    from: &str,
    to: &str,
    edit: impl Fn(&mut Head),
) {
    let mut asked = head(&mut server(), &call(layout, from, 7));
    edit(&mut asked);
    assert_eq!(
        sent(end, asked).escape_ascii().to_string(),
        call(layout, to, 7).escape_ascii().to_string(),
        "{layout:?}"
    );
}

fn set_method(head: &mut Head, method: &str) {
    head.set_attribute(Attribute::Method, method.as_bytes()).unwrap();
}

fn named() -> impl Iterator<Item = (Wrap, meshwire_thrift::Encoding)> {
    LAYOUTS.into_iter().filter(|layout| layout.0 != Wrap::Dubbo)
}

#[test]
fn a_service_is_set_in_front_of_the_colon() {
    for layout in named() {
        for other in ["X", "com.example.some.longer.name.of.a.Store"] {
            let set = |head: &mut Head| head.set_service(other.as_bytes()).unwrap();
            renamed(&mut client(), layout, "Store:reserve", &format!("{other}:reserve"), set);
            // A call that named none names one then, where it has no other place for it.
            if layout.0.transport() != Transport::TTHeader {
                renamed(&mut client(), layout, "reserve", &format!("{other}:reserve"), set);
            }
            renamed(&mut client(), layout, ":a:b", &format!("{other}:a:b"), set);
        }
    }
}

#[test]
fn a_method_is_set_behind_it() {
    for layout in named() {
        for other in ["x", "something.longer"] {
            let set = |head: &mut Head| set_method(head, other);
            renamed(&mut client(), layout, "Store:reserve", &format!("Store:{other}"), set);
            renamed(&mut client(), layout, "reserve", other, set);
            renamed(&mut client(), layout, "Store:", &format!("Store:{other}"), set);
        }
        let both = |head: &mut Head| {
            head.set_service(b"A").unwrap();
            set_method(head, "b");
        };
        renamed(&mut client(), layout, "Store:reserve", "A:b", both);
        if layout.0.transport() != Transport::TTHeader {
            renamed(&mut client(), layout, "reserve", "A:b", both);
        }
    }
}

#[test]
fn what_is_set_is_what_is_read() {
    for layout in LAYOUTS {
        let mut asked = head(&mut server(), &call(layout, "reserve", 7));
        asked.set_service(b"shop.Other").unwrap();
        set_method(&mut asked, "release");
        assert_eq!((asked.host(), asked.verb()), (Attr::Value(&b"shop.Other"[..]), Attr::Value(&b"release"[..])));
        let out = sent_as(&mut client_of(&Thrift::new().with_multiplexing(true)), asked, 300);
        let mut end = server();
        let again = head(&mut end, &[&out[..], &call(layout, "next", 8)].concat());
        assert_eq!((again.host(), again.verb()), (Attr::Value(&b"shop.Other"[..]), Attr::Value(&b"release"[..])));
        assert_eq!((again.stream().id(), again.data()), (300, &text(layout.1, 1, "an argument")[..]), "{layout:?}");
        assert_eq!(head(&mut end, b"").attribute(Attribute::Method), Attr::Value(b"next"), "{layout:?}");
    }
}

#[test]
fn ttheader_has_a_field_for_the_service_of_a_plain_name() {
    let body = message(Binary, CALL, "reserve", 7, &[0]);
    let of = |block: &[u8]| ttheader(7, &[&[0, 0][..], block].concat(), &body);
    for (before, after) in [
        (&b""[..], &b"\x10\0\x01\0\x06\0\x05Other"[..]),
        (b"\x10\0\x02\0\x06\0\x05store\0\x09\0\x07reserve", b"\x10\0\x02\0\x06\0\x05Other\0\x09\0\x07reserve"),
        (b"\x01\0\x01\0\x01k\0\x01v", b"\x01\0\x01\0\x01k\0\x01v\x10\0\x01\0\x06\0\x05Other"),
    ] {
        let mut asked = head(&mut server(), &of(before));
        let own = if before.len() > 12 { Attr::Value(&b"store"[..]) } else { Attr::Absent };
        assert_eq!(asked.host(), own);
        asked.set_service(b"Other").unwrap();
        assert_eq!(sent(&mut client(), asked).escape_ascii().to_string(), of(after).escape_ascii().to_string());
        assert_eq!(head(&mut server(), &of(after)).host(), Attr::Value(b"Other"));
    }
    // Whichever of several is read, it is the one that was set.
    let twice = of(b"\x10\0\x01\0\x06\0\x01a\x01\0\x01\0\x01k\0\x01v\x10\0\x02\0\x09\0\x01m\0\x06\0\x01b");
    let mut asked = head(&mut server(), &twice);
    assert_eq!(asked.host(), Attr::Value(b"b"));
    asked.set_service(b"Other").unwrap();
    asked.set_field(b"to_service", b"c").unwrap();
    asked.add_field(b"to_service", b"d").unwrap();
    let once = of(b"\x10\0\x01\0\x06\0\x05Other\x01\0\x01\0\x01k\0\x01v\x10\0\x01\0\x09\0\x01m");
    assert_eq!(sent(&mut client(), asked).escape_ascii().to_string(), once.escape_ascii().to_string());
    // In front of a colon the name counts.
    let multiplexed = message(Binary, CALL, "Store:reserve", 7, &[0]);
    let bytes = ttheader(7, b"\0\0\x10\0\x01\0\x06\0\x05store", &multiplexed);
    assert_eq!(head(&mut server(), &bytes).host(), Attr::Value(b"Store"));
}

#[test]
fn dubbo_s_service_stands_in_front_of_the_message() {
    let layout = (Wrap::Dubbo, Binary);
    let body = text(Binary, 1, "an argument");
    let mut asked = head(&mut server(), &call(layout, "reserve", 7));
    asked.set_service(b"shop.Other").unwrap();
    assert_eq!(sent(&mut client(), asked), dubbo("shop.Other", 7, &message(Binary, CALL, "reserve", 7, &body)));
    renamed(&mut client(), layout, "reserve", "release", |head| set_method(head, "release"));
    // Fields that a later version has behind the service stay.
    let mut bytes = dubbo(SERVICE, 7, &message(Binary, CALL, "reserve", 7, &body));
    let at = 17 + SERVICE.len();
    bytes.splice(at..at, *b"more");
    let grow = |bytes: &mut Vec<u8>| {
        for at in [3, 9, 11] {
            bytes[at] += 4;
        }
    };
    grow(&mut bytes);
    let mut asked = head(&mut server(), &bytes);
    assert_eq!((asked.host(), asked.stream().id()), (Attr::Value(SERVICE.as_bytes()), 7));
    asked.set_service(b"shop.Other").unwrap();
    let mut expected = dubbo("shop.Other", 7, &message(Binary, CALL, "reserve", 7, &body));
    let at = 17 + "shop.Other".len();
    expected.splice(at..at, *b"more");
    grow(&mut expected);
    assert_eq!(sent(&mut client(), asked), expected);
}

#[test]
fn stripping_leaves_the_method_alone() {
    let protocol = Thrift::new().stripping_service();
    for layout in named() {
        let none = |_: &mut Head| {};
        renamed(&mut client_of(&protocol), layout, "Store:reserve", "reserve", none);
        renamed(&mut client_of(&protocol), layout, "reserve", "reserve", none);
        renamed(&mut client_of(&protocol), layout, "Store:a:b", "a:b", none);
        // A service that is set says where the call went, and is not sent either.
        renamed(&mut client_of(&protocol), layout, "Store:reserve", "x", |head| {
            head.set_service(b"Other").unwrap();
            set_method(head, "x");
        });
    }
    // In Dubbo's frame it is no part of the name.
    renamed(&mut client_of(&protocol), (Wrap::Dubbo, Binary), "reserve", "reserve", |_| {});
}

#[test]
fn stripping_is_for_calls_only() {
    let protocol = Thrift::new().stripping_service();
    for layout in named() {
        let mut end = server_of(&protocol);
        let asked = head(&mut end, &call(layout, "Store:reserve", 7));
        let bytes = reply(layout, "Store:reserve", 7);
        let mut answer = head(&mut client_after(&Thrift::new(), &call(layout, "Store:reserve", 7)), &bytes);
        answer.set_stream(asked.stream());
        assert_eq!(sent(&mut end, answer), bytes, "{layout:?}");
    }
}

#[test]
fn an_answer_s_method_is_set_like_a_call_s() {
    for layout in named() {
        let mut end = server();
        let asked = head(&mut end, &call(layout, "Store:reserve", 7));
        let mut answer =
            head(&mut client_after(&Thrift::new(), &call(layout, "release", 7)), &reply(layout, "release", 7));
        set_method(&mut answer, "reserve");
        answer.set_stream(asked.stream());
        assert_eq!(sent(&mut end, answer), reply(layout, "reserve", 7), "{layout:?}");
    }
}

#[test]
fn names_that_cannot_be_are_refused_as_they_are_set() {
    let mut asked = head(&mut server(), &call((Wrap::Framed, Binary), "Store:reserve", 7));
    for attribute in [Attribute::Service, Attribute::Method] {
        for value in [&b""[..], b"a:b", b":", &[b'n'; 65_537]] {
            assert!(asked.set_attribute(attribute, value).is_err());
        }
    }
    for attribute in [Attribute::Version, Attribute::Group, Attribute::Authority, Attribute::Path, Attribute::Verb] {
        assert!(asked.set_attribute(attribute, b"x").is_err());
    }
    assert!(!asked.is_edited());
    asked.set_service(&[b'n'; 65_536]).unwrap();
    let out = sent(&mut client(), asked);
    assert_eq!(out[12..65_548], [b'n'; 65_536]);
}

#[test]
fn a_name_that_json_would_escape_is_refused() {
    for wrap in [Wrap::Framed, Wrap::THeader] {
        for name in ["a\"b", "a\\b", "a\nb", "a\0b", "\x1f"] {
            for attribute in [Attribute::Service, Attribute::Method] {
                let mut asked = head(&mut server(), &call((wrap, Json), "Store:reserve", 7));
                asked.set_attribute(attribute, name.as_bytes()).unwrap();
                let mut end = client();
                let refused = end.send(&mut Event::Head(asked)).unwrap_err();
                assert!(matches!(refused, EncodeError::Invalid { what, .. } if what.contains("escape")), "{refused}");
                assert!(end.output().is_empty());
            }
        }
        renamed(&mut client(), (wrap, Json), "Store:reserve", "Store:grün", |head| set_method(head, "grün"));
    }
    // Others write it as it is.
    for layout in named().filter(|layout| layout.1 != Json) {
        renamed(&mut client(), layout, "Store:reserve", "Store:a\"b", |head| set_method(head, "a\"b"));
    }
}

#[test]
fn a_large_message_is_renamed_in_front_of_its_body() {
    let body = "x".repeat(200_000);
    for layout in named() {
        let of = |name| wrap(layout.0, layout.1, 7, &message(layout.1, CALL, name, 7, &text(layout.1, 1, &body)));
        let mut all = events(&mut server(), &of("Files:put"), 5000).unwrap();
        let Event::Head(head) = &mut all[0] else { panic!("{all:?}") };
        head.set_service(b"com.example.Elsewhere").unwrap();
        let mut end = client();
        for mut event in all {
            assert_eq!(end.send(&mut event), Ok(Sent::All));
        }
        assert_eq!(end.output_mut().take(), of("com.example.Elsewhere:put"), "{layout:?}");
    }
}

#[test]
fn edits_and_a_change_of_transport_go_together() {
    let mut asked = head(&mut server(), &call((Wrap::Unframed, Compact), "Store:reserve", 7));
    asked.set_service(b"Other").unwrap();
    asked.set_field(b"tenant", b"blue").unwrap();
    let out = sent(&mut client_of(&Thrift::new().with_transport(Transport::THeader)), asked);
    let body = text(Compact, 1, "an argument");
    assert_eq!(
        out,
        theader(7, b"\x02\0\x01\x01\x06tenant\x04blue", &message(Compact, CALL, "Other:reserve", 7, &body))
    );
}
