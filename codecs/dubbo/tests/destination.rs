//! Where a request goes: what runs behind `$invoke`, what a body hides, and what is no Dubbo at all.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::written::*;
use common::*;
use meshwire::route::document::{Conditions, Document, FieldMatch, Route, StringMatch, UnseenFields, VirtualHost};
use meshwire::route::{Miss, Target};
use meshwire::{
    Attr, Attribute, Conn, Depth, Endpoint, Event, Head, Limits, LocalReply, Outcome, Protocol, RouteTable, RoutingKey,
    Scope, Sent, Step,
};
use meshwire_dubbo::Dubbo;
use proptest::prelude::*;

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
