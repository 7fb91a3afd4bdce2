//! Names that a call has in its content.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use std::sync::Arc;

use common::*;
use meshwire::frame::{FrameFormat, Parse, Scan};
use meshwire::{
    Attr, Attribute, Conn, Depth, EncodeError, Endpoint, Event, Head, Kind, Limit, Limits, Outcome, Protocol,
    RoutingKey, Scope, Step, StreamId,
};
use meshwire_hessian::{Dialect, put};
use meshwire_sofarpc::{Bolt, BoltFormat, Call};

/// The same with properties: a string, a number, a map, a boolean and a null.
const NODE_PROPS: &[u8] =
    b"\x01\x01\x00\x01\x01\x00\x00\x00\x07\x01\x00\x00\x0b\xb8\x00,\x00\x1f\x00\x00\x01\x15com.alipay.sofa\
    .rpc.core.request.SofaRequest\x00\x00\x00\x07service\x00\x00\x00\x10interop.Echo:1.0O\xbccom.alipay.\
    sofa.rpc.core.request.SofaRequest\x95\x0amethodName\x0dmethodArgSigs\x17targetServiceUniqueName\x0dt\
    argetAppName\x0crequestPropso\x90\x05helloVt\x00\x11[java.lang.Stringn\x01\x10java.lang.Stringz\x10i\
    nterop.Echo:1.0\x03appM\x06tenant\x03red\x01n\x95\x11rpc_trace_contextM\x09sofaRpcId\x030.1\x0bsofaT\
    raceId\x03abcz\x04flagT\x04noneNz\x05world";

/// The same with its Hessian set to version 4.
const NODE_FINAL: &[u8] =
    b"\x01\x01\x00\x01\x01\x00\x00\x00\x07\x01\x00\x00\x0b\xb8\x00,\x00\x1f\x00\x00\x01\x10com.alipay.sofa\
    .rpc.core.request.SofaRequest\x00\x00\x00\x07service\x00\x00\x00\x10interop.Echo:1.0C0,com.alipay.so\
    fa.rpc.core.request.SofaRequest\x95\x0amethodName\x0dmethodArgSigs\x17targetServiceUniqueName\x0dtar\
    getAppName\x0crequestProps`\x05helloq\x11[java.lang.String\x10java.lang.String\x10interop.Echo:1.0\
    \x03appH\x06tenant\x03red\x01n\x95\x11rpc_trace_contextH\x09sofaRpcId\x030.1\x0bsofaTraceId\x03abcZ\
    \x04flagT\x04noneNZ\x05world";

/// The same call by npm sofa-rpc-node 2.10.0.
const NODE_RPC: &[u8] =
    b"\x01\x01\x00\x01\x01\x00\x00\x00\x07\x01\x00\x00\x0b\xb8\x00,\x00\x1f\x00\x00\x00\xdfcom.alipay.sofa\
    .rpc.core.request.SofaRequest\x00\x00\x00\x07service\x00\x00\x00\x10interop.Echo:1.0O\xbccom.alipay.\
    sofa.rpc.core.request.SofaRequest\x95\x0amethodName\x0dmethodArgSigs\x17targetServiceUniqueName\x0dt\
    argetAppName\x0crequestPropso\x90\x05helloVt\x00\x11[java.lang.Stringn\x01\x10java.lang.Stringz\x10i\
    nterop.Echo:1.0NM\x07service\x10interop.Echo:1.0z\x05world";

/// The content of that call by sofa-rpc 5.13.2 with hessian 3.5.5.
const JAVA: &[u8] =
    b"O\xbccom.alipay.sofa.rpc.core.request.SofaRequest\x95\x0dtargetAppName\x0amethodName\x17targetServic\
    eUniqueName\x0crequestProps\x0dmethodArgSigso\x90\x03app\x05hello\x10interop.Echo:1.0M\x11rpc_trace_\
    contextM\x0bsofaTraceId\x03abcz\x06tenant\x03red\x01n\x95zVt\x00\x07[stringn\x01\x10java.lang.String\
    z\x05world";

/// The same with hessian 4.0.4.
const JAVA_FINAL: &[u8] =
    b"C0,com.alipay.sofa.rpc.core.request.SofaRequest\x95\x0dtargetAppName\x0amethodName\x17targetServiceU\
    niqueName\x0crequestProps\x0dmethodArgSigs`\x03app\x05hello\x10interop.Echo:1.0H\x11rpc_trace_contex\
    tH\x0bsofaTraceId\x03abcZ\x06tenant\x03red\x01n\x95Zq\x07[string\x10java.lang.String\x05world";

const DIALECTS: [Dialect; 2] = [Dialect::Ant3, Dialect::Hessian2];

/// Properties with every kind of value: what Java's clients write into the header map are the first four.
const PROPS: [(&str, &str); 4] =
    [("tenant", "red"), ("n", "5"), ("rpc_trace_context.sofaRpcId", "0.1"), ("rpc_trace_context.sofaTraceId", "abc")];

/// A call whose map names the service alone.
fn of_service(content: &[u8]) -> Vec<u8> {
    v1(SOFA_REQUEST.as_bytes(), &map(&[Some("service"), Some("interop.Echo:1.0")]), content)
}

fn string(dialect: Dialect, text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    put::string(&mut out, dialect, text);
    out
}

/// A content that names this service and this method.
fn named(dialect: Dialect, service: &[u8], method: &[u8]) -> Vec<u8> {
    request(dialect, &[("methodName", method), ("targetServiceUniqueName", service), ("requestProps", b"N")])
}

/// A content with these properties, as they stand on the wire between the begin and the end of a map.
fn with_props(dialect: Dialect, entries: &[u8]) -> Vec<u8> {
    let mut props = Vec::new();
    put::map_begin(&mut props, dialect);
    props.extend_from_slice(entries);
    put::map_end(&mut props, dialect);
    request(dialect, &[("methodName", b"\x05hello"), ("requestProps", &props)])
}

fn server_at(depth: Depth) -> Endpoint {
    Endpoint::new(Bolt::new().codec(Conn::server().with_depth(Arc::new(depth))))
}

fn listed(head: &Head) -> Option<Vec<(String, String)>> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    head.fields().map(|fields| fields.map(|(key, value)| (text(key), text(value))).collect())
}

fn pairs(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    Some(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
}

/// What the fields of a call are whose map has the service alone.
fn shown(props: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    pairs(&[props, &[("service", "interop.Echo:1.0")]].concat())
}

fn method(head: &Head) -> Attr<'_> {
    head.attribute(Attribute::Method)
}

// ----- what real clients write -----

#[test]
fn what_clients_write() {
    let java: Vec<_> = [JAVA, JAVA_FINAL].map(of_service).into();
    let calls = [NODE, NODE_RPC, NODE_PROPS, NODE_FINAL, &java[0], &java[1]];
    for (n, bytes) in calls.into_iter().enumerate() {
        let mut end = server();
        let head = head(&mut end, bytes);
        assert_eq!(head.host(), Attr::Value(b"interop.Echo"));
        assert_eq!(head.attribute(Attribute::Version), Attr::Value(b"1.0"));
        assert_eq!((method(&head), head.verb()), (Attr::Value(b"hello"), Attr::Value(b"hello")));
        assert_eq!(&*head.path().unwrap().unwrap().to_bytes(), b"/interop.Echo/hello");
        let [tenant, number, _, trace] = PROPS;
        let props: &[_] = match n {
            // The service, which sofa-rpc-node puts among them, is the map's.
            0 | 1 => &[],
            2 | 3 => &PROPS,
            _ => &[trace, tenant, number],
        };
        assert_eq!(listed(&head), shown(props), "{n}");
        assert!(head.data().ends_with(b"\x05world"));
        assert_eq!(sent(&mut client(), head), bytes);
    }
}

#[test]
fn a_content_may_name_the_service_too() {
    for content in [JAVA, JAVA_FINAL] {
        for strings in [&[][..], &[Some("k"), Some("v")], &[Some("sofa_head_method_name"), Some("hello")]] {
            let head = head(&mut server(), &v1(SOFA_REQUEST.as_bytes(), &map(strings), content));
            assert_eq!((head.host(), method(&head)), (Attr::Value(b"interop.Echo"), Attr::Value(b"hello")));
            assert_eq!(head.attribute(Attribute::Version), Attr::Value(b"1.0"));
            assert_eq!(head.attribute(Attribute::Group), Attr::Absent);
            assert_eq!(listed(&head).unwrap().len(), 3 + strings.len() / 2);
        }
    }
    for dialect in DIALECTS {
        let content = named(dialect, &string(dialect, "com.x.Y:2.0:bl\u{1f600}ue"), b"\x03get");
        let head = head(&mut server(), &v1(SOFA_REQUEST.as_bytes(), b"", &content));
        assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"com.x.Y"));
        assert_eq!(head.attribute(Attribute::Version), Attr::Value(b"2.0"));
        assert_eq!(head.attribute(Attribute::Group), Attr::Value("bl\u{1f600}ue".as_bytes()));
    }
}

// ----- what may stand there -----

#[test]
fn methods_of_every_kind() {
    for dialect in DIALECTS {
        let service = string(dialect, "interop.Echo:1.0");
        for text in ["hello", "", "h\u{e9}llo\u{4e16}", "\u{1f600}", &"x".repeat(300), &"\u{1f600}".repeat(5000)] {
            let head = head(&mut server(), &of_service(&named(dialect, &service, &string(dialect, text))));
            assert_eq!(method(&head), Attr::Value(text.as_bytes()), "{dialect:?}");
        }
        // In three pieces.
        let piece = if dialect == Dialect::Ant3 { b's' } else { b'R' };
        let chunked = [&[piece, 0, 2][..], b"he", &[piece, 0, 1], b"l", b"\x02lo"].concat();
        let seen = head(&mut server(), &of_service(&named(dialect, &service, &chunked)));
        assert_eq!(method(&seen), Attr::Value(b"hello"));
        // Null, and no such field.
        for content in [named(dialect, &service, b"N"), request(dialect, &[("targetServiceUniqueName", &service)])] {
            let seen = head(&mut server(), &of_service(&content));
            assert_eq!((seen.host(), method(&seen)), (Attr::Value(b"interop.Echo"), Attr::Absent));
            assert_eq!(seen.why_unseen(), None);
        }
    }
    // A content that is not there hides nothing.
    let seen = head(&mut server(), &of_service(b""));
    assert_eq!((method(&seen), listed(&seen)), (Attr::Absent, shown(&[])));
}

#[test]
fn a_content_of_another_kind_is_not_looked_into() {
    let other = [
        &b"C\x03a.B\x91\x0amethodName\x60\x05hello"[..],
        b"O\x93a.B\x91\x0amethodNameo\x90\x05hello",
        b"\x05hello",
        b"Hz",
        b"M",
    ];
    for content in other {
        let seen = head(&mut server(), &of_service(content));
        assert_eq!((seen.host(), method(&seen)), (Attr::Value(b"interop.Echo"), Attr::NotSeen));
        assert_eq!(listed(&seen), shown(&[]));
        assert!(seen.why_unseen().is_some_and(|why| why.contains("no request object")));
    }
    for codec in [0, 2, 11, 12] {
        let mut bytes = of_service(JAVA);
        bytes[9] = codec;
        let seen = head(&mut server(), &bytes);
        assert_eq!((method(&seen), seen.why_unseen().is_some()), (Attr::NotSeen, true));
    }
    // Hessian under its older number is Hessian.
    let mut bytes = of_service(JAVA);
    bytes[9] = 4;
    assert_eq!(method(&head(&mut server(), &bytes)), Attr::Value(b"hello"));
    // And a class of one's own is none of SOFARPC's.
    let seen = head(&mut server(), &v1(b"com.example.Ask", b"", JAVA));
    assert_eq!((seen.host(), method(&seen), seen.why_unseen()), (Attr::Absent, Attr::Absent, None));
}

#[test]
fn a_content_that_cannot_be_read_costs_its_message() {
    let at = of_service(b"").len();
    for (content, code, place) in [
        (&b"O"[..], "truncated", 1),
        (b"Owhat", "int", 1),
        (b"O\xbccom.alipay.sofa.rpc.core.request.SofaRequest\x91\x0amethodNameo\x90\x91", "string", 60),
        (b"O\xbccom.alipay.sofa.rpc.core.request.SofaRequest\x91\x0amethodNameo\x91", "class", 59),
        (b"O\xbccom.alipay.sofa.rpc.core.request.SofaRequest\x91\x0amethodNameo\x90\x02\xff\xff", "utf8", 61),
    ] {
        let mut end = server();
        let refused = error(&mut end, &of_service(content));
        assert_eq!((refused.code, refused.scope), (code, Scope::Message(StreamId::new(7))), "{content:?}");
        assert_eq!((refused.offset, refused.outcome()), ((at + place) as u64, Outcome::BadRequest), "{code}");
        assert_eq!(head(&mut end, NODE).host(), Attr::Value(b"interop.Echo"));
        // Nobody looks where nobody asks.
        let seen = head(&mut server_at(Depth::BOUNDARY.with(Attribute::Service)), &of_service(content));
        assert_eq!((seen.host(), method(&seen)), (Attr::Value(b"interop.Echo"), Attr::NotSeen));
    }
}

/// Cut anywhere, what is asked for is there or the message is refused; and bytes that are changed never do worse.
#[test]
fn truncated_and_changed() {
    let service = string(Dialect::Ant3, "interop.Echo:1.0");
    for content in [JAVA, JAVA_FINAL, &named(Dialect::Ant3, &service, "\x06h\u{e9}\u{4e16}llo".as_bytes())] {
        let whole = head(&mut server(), &of_service(content));
        for n in 1..content.len() {
            let mut end = server();
            end.input().extend_from_slice(&of_service(&content[..n]));
            match end.decode() {
                Ok(Step::Event(Event::Head(head))) => {
                    assert_eq!((method(&head), listed(&head)), (method(&whole), listed(&whole)), "{n}");
                }
                Ok(step) => panic!("{step:?}"),
                Err(refused) => assert_eq!((refused.code, refused.is_fatal()), ("truncated", false), "{n}"),
            }
            for byte in [0, 0x7f, 0x90, 0xff, b'N', b'S', b'z', b'Z', b'M', b'H'] {
                let mut changed = content.to_vec();
                changed[n] = byte;
                let mut end = server();
                end.input().extend_from_slice(&of_service(&changed));
                assert!(end.decode().map_or_else(|refused| !refused.is_fatal(), |step| matches!(step, Step::Event(_))));
            }
        }
    }
}

#[test]
fn map_and_content_may_not_name_two_destinations() {
    let at = |strings: &[Option<&str>], content: &[u8]| v1(SOFA_REQUEST.as_bytes(), &map(strings), content);
    for content in [JAVA, JAVA_FINAL] {
        for strings in [
            &[Some("service"), Some("interop.Echo:2.0")][..],
            &[Some("sofa_head_target_service"), Some("interop.Echo")],
            &[Some("sofa_head_method_name"), Some("drop")],
            &[Some("service"), Some("")],
        ] {
            let mut end = server();
            let refused = error(&mut end, &at(strings, content));
            assert_eq!((refused.code, refused.scope), ("contradiction", Scope::Message(StreamId::new(7))));
            assert_eq!(head(&mut end, NODE).host(), Attr::Value(b"interop.Echo"));
        }
        // With both names in the map the content is not looked at.
        let both = [Some("service"), Some("a:1"), Some("sofa_head_method_name"), Some("get")];
        let seen = head(&mut server(), &at(&both, content));
        assert_eq!((seen.host(), method(&seen)), (Attr::Value(b"a"), Attr::Value(b"get")));
        // What the content leaves out the map may say.
        let dialect = if content == JAVA { Dialect::Ant3 } else { Dialect::Hessian2 };
        for strings in [&both[..2], &both[2..]] {
            let seen = head(&mut server(), &at(strings, &named(dialect, b"N", b"N")));
            let absent = [seen.host(), method(&seen)].into_iter().filter(|name| *name == Attr::Absent).count();
            assert_eq!(absent, 1);
        }
    }
}

#[test]
fn properties_are_fields_unless_the_map_has_them() {
    for dialect in DIALECTS {
        let mut entries = Vec::new();
        for (key, value) in
            [("a", "1"), ("Tenant", "red"), ("a", "2"), ("service", "x"), ("sofa_head_method_name", "x")]
        {
            put::string(&mut entries, dialect, key);
            put::string(&mut entries, dialect, value);
        }
        put::string(&mut entries, dialect, "d");
        put::double(&mut entries, dialect, 2.5);
        put::string(&mut entries, dialect, "l");
        put::long(&mut entries, dialect, -1);
        // Neither key is a string.
        put::int(&mut entries, 1);
        put::string(&mut entries, dialect, "v");
        put::null(&mut entries);
        put::map_begin(&mut entries, dialect);
        put::map_end(&mut entries, dialect);
        // No value is text.
        for value in [&b"N"[..], b"T", &string(dialect, "x").repeat(1)] {
            put::string(&mut entries, dialect, "nothing");
            entries.extend_from_slice(value);
        }
        put::string(&mut entries, dialect, "list");
        put::list_begin(&mut entries, dialect, 1);
        put::int(&mut entries, 1);
        put::list_end(&mut entries, dialect);
        put::string(&mut entries, dialect, "in");
        put::map_begin(&mut entries, dialect);
        put::string(&mut entries, dialect, "ner");
        put::map(&mut entries, dialect, [("most", "\u{1f600}")]);
        put::map_end(&mut entries, dialect);
        put::string(&mut entries, dialect, "z");
        put::string(&mut entries, dialect, "");
        let fields = map(&[Some("service"), Some("a:1"), Some("tenant"), Some("blue")]);
        let seen = head(&mut server(), &v1(SOFA_REQUEST.as_bytes(), &fields, &with_props(dialect, &entries)));
        let expected = [
            ("a", "2"),
            ("d", "2.5"),
            ("l", "-1"),
            ("nothing", "x"),
            ("in.ner.most", "\u{1f600}"),
            ("z", ""),
            ("service", "a:1"),
            ("tenant", "blue"),
        ];
        assert_eq!(listed(&seen), pairs(&expected));
        assert_eq!(seen.field(b"TENANT"), Attr::Value(b"blue"));
        assert_eq!(seen.field(b"in.ner.most"), Attr::Value("\u{1f600}".as_bytes()));
    }
    // No map, no fields.
    for props in [&b"N"[..], b"\x01x", b"\x91"] {
        let content = request(Dialect::Ant3, &[("requestProps", props), ("methodName", b"\x05hello")]);
        let seen = head(&mut server(), &of_service(&content));
        assert_eq!((method(&seen), listed(&seen)), (Attr::Value(b"hello"), shown(&[])));
    }
}

// ----- depth -----

#[test]
fn no_more_is_read_than_is_asked_for() {
    let none = Depth::BOUNDARY;
    for (depth, names, fields) in [
        (none.clone().with(Attribute::Service), false, false),
        (none.clone().with(Attribute::Method), true, false),
        (none.clone().with(Attribute::Verb), true, false),
        (none.clone().with(Attribute::Path), true, false),
        (none.clone().with_field("tenant"), true, true),
        (Depth::ROUTE, true, false),
        (Depth::ALL, true, true),
    ] {
        let seen = head(&mut server_at(depth.clone()), NODE_PROPS);
        assert_eq!(method(&seen), if names { Attr::Value(b"hello") } else { Attr::NotSeen }, "{depth:?}");
        // Fields that may be there are not said not to be.
        assert_eq!(listed(&seen), fields.then(|| shown(&PROPS)).flatten());
        assert_eq!(seen.field(b"tenant"), if fields { Attr::Value(b"red") } else { Attr::NotSeen });
        assert_eq!(seen.why_unseen(), None);
    }
    // The service, where the map has the method alone.
    let bytes = v1(SOFA_REQUEST.as_bytes(), &map(&[Some("sofa_head_method_name"), Some("hello")]), JAVA);
    for attribute in [Attribute::Service, Attribute::Authority, Attribute::Path, Attribute::Version, Attribute::Group] {
        let seen = head(&mut server_at(none.clone().with(attribute)), &bytes);
        assert_eq!(seen.host(), Attr::Value(b"interop.Echo"));
    }
    let seen = head(&mut server_at(none.with(Attribute::Method)), &bytes);
    assert_eq!((seen.host(), method(&seen)), (Attr::NotSeen, Attr::Value(b"hello")));
}

// ----- pieces, streams and limits -----

/// A call that streams: properties of this size, and an argument of 70,000 bytes.
fn streamed(dialect: Dialect, padding: usize) -> Vec<u8> {
    let mut entries = Vec::new();
    while entries.len() < padding {
        put::string(&mut entries, dialect, "padding");
        put::string(&mut entries, dialect, &"p".repeat(1000));
    }
    put::string(&mut entries, dialect, "tenant");
    put::string(&mut entries, dialect, "red");
    let mut content = with_props(dialect, &entries);
    content.extend(vec![0; 70_000]);
    of_service(&content)
}

#[test]
fn at_every_split_point_the_same() {
    for bytes in [NODE_PROPS, NODE_FINAL] {
        for n in 1..bytes.len() {
            let mut end = server();
            end.input().extend_from_slice(&bytes[..n]);
            assert!(matches!(end.decode(), Ok(Step::NeedMore { .. })), "{n}");
            let seen = head(&mut end, &bytes[n..]);
            assert_eq!((method(&seen), listed(&seen)), (Attr::Value(b"hello"), shown(&PROPS)));
        }
    }
}

#[test]
fn a_large_call_is_known_by_its_first_bytes() {
    for dialect in DIALECTS {
        for padding in [0, 20_000] {
            let bytes = streamed(dialect, padding);
            for piece in [1, 7, 1000, bytes.len()] {
                let mut end = server();
                let mut fed = 0;
                let head = loop {
                    end.input().extend_from_slice(&bytes[fed..(fed + piece).min(bytes.len())]);
                    fed += piece;
                    match end.decode().unwrap() {
                        Step::Event(Event::Head(head)) => break head,
                        Step::NeedMore { .. } => {}
                        other => panic!("{other:?}"),
                    }
                };
                assert_eq!((head.kind(), head.is_end()), (Kind::Request, false));
                assert_eq!((method(&head), head.field(b"tenant")), (Attr::Value(b"hello"), Attr::Value(b"red")));
                // Twice what was needed at most, and what came along.
                assert!(fed < 2 * (padding + 3000) + piece, "{fed}");
            }
        }
    }
}

/// A byte at a time, the format is asked as often as the number of bytes doubles.
#[test]
fn a_byte_at_a_time_costs_no_more() {
    let bytes = streamed(Dialect::Ant3, 40_000);
    let mut format = BoltFormat::new(&Limits::default(), false);
    let Ok(Parse::Done(frame)) = format.frame(&bytes) else { panic!() };
    let mut head = Head::new(format.head_format(), Kind::Request, StreamId::new(7), bytes::Bytes::new());
    let (mut asked, mut n) = (0, 30);
    loop {
        asked += 1;
        match format.head(&frame, &bytes[..n], &Depth::ALL, &mut Scan::new(64 * 1024), &mut head).unwrap() {
            Parse::Done(()) => break,
            Parse::Need(need) => {
                assert!(need > n && need <= 64 * 1024);
                n = need;
            }
        }
    }
    assert!(asked < 14 && n < bytes.len(), "{asked} {n}");
}

#[test]
fn what_lies_too_far_behind_is_said_to() {
    let bytes = streamed(Dialect::Ant3, 100_000);
    let mut end = server_with(|limits| limits.fields = 1000);
    // The names are found, the last of the properties is not.
    let Event::Head(head) = events(&mut end, &bytes).unwrap().swap_remove(0) else { panic!() };
    assert_eq!((method(&head), listed(&head)), (Attr::Value(b"hello"), None));
    assert!(head.why_unseen().is_some_and(|why| why.contains("Limits::head")));
    // Nor are they where something else stands before them.
    let long = string(Dialect::Ant3, &"p".repeat(70_000));
    let content = request(Dialect::Ant3, &[("targetAppName", &long), ("methodName", b"\x05hello")]);
    let Event::Head(head) = events(&mut server(), &of_service(&content)).unwrap().swap_remove(0) else { panic!() };
    assert_eq!((head.host(), method(&head)), (Attr::Value(b"interop.Echo"), Attr::NotSeen));
    assert!(head.why_unseen().is_some());
}

#[test]
fn limits_of_a_content() {
    let entry = |key: &str, value: &str| [string(Dialect::Ant3, key), string(Dialect::Ant3, value)].concat();
    let many = |n: usize| (0..n).flat_map(|n| entry(&n.to_string(), "v")).collect::<Vec<_>>();
    let deep = |n: usize| [b"\x01kM".repeat(n), b"z".repeat(n)].concat();
    let set = |change: fn(&mut Limits)| server_with(change);
    let name = |n: usize| named(Dialect::Ant3, b"N", &string(Dialect::Ant3, &"m".repeat(n)));
    for (content, over, change, limit) in [
        (
            with_props(Dialect::Ant3, &many(128)),
            with_props(Dialect::Ant3, &many(129)),
            (|_| {}) as fn(&mut _),
            Limit::Fields,
        ),
        (
            with_props(Dialect::Ant3, &entry("k", &"v".repeat(999))),
            with_props(Dialect::Ant3, &entry("k", &"v".repeat(1000))),
            |limits: &mut Limits| limits.field = 1000,
            Limit::Field,
        ),
        (name(1000), name(1001), |limits: &mut Limits| limits.field = 1000, Limit::Field),
        (
            with_props(Dialect::Ant3, &entry("k", "v").repeat(100)),
            with_props(Dialect::Ant3, &entry("k", &"v".repeat(45)).repeat(100)),
            |limits: &mut Limits| limits.head = 4000,
            Limit::Head,
        ),
        (
            with_props(Dialect::Ant3, &deep(5)),
            with_props(Dialect::Ant3, &deep(6)),
            |limits: &mut Limits| limits.nesting = 5,
            Limit::Nesting,
        ),
    ] {
        let mut end = set(change);
        assert_eq!(head(&mut end, &of_service(&content)).host(), Attr::Value(b"interop.Echo"), "{limit:?}");
        let refused = error(&mut end, &of_service(&over));
        assert_eq!((refused.limit, refused.is_fatal()), (Some(limit), false));
        assert_eq!(refused.outcome(), Outcome::TooLarge);
    }
}

// ----- edits -----

#[test]
fn another_service_is_renamed_in_the_content_too() {
    for version in VERSIONS {
        for content in [JAVA, JAVA_FINAL] {
            let call = Call::raw(SOFA_REQUEST).with_layout(version).with_field("service", "interop.Echo:1.0");
            for call in [call.clone(), call.with_field("sofa_head_method_name", "hello")] {
                let mut seen = head(&mut server(), &wire(&call.with_content(1, content), 7));
                seen.set_service(b"com.example.another.Echo").unwrap();
                let out = sent(&mut client(), seen);
                assert!(!out.windows(12).any(|part| part == b"interop.Echo"));
                let seen = head(&mut server(), &out);
                assert_eq!(
                    (seen.host(), method(&seen)),
                    (Attr::Value(b"com.example.another.Echo"), Attr::Value(b"hello"))
                );
                assert_eq!(seen.attribute(Attribute::Version), Attr::Value(b"1.0"));
                assert_eq!(seen.data().len(), content.len() + 12);
            }
        }
    }
}

#[test]
fn another_service_of_a_call_that_streams() {
    let mut content = named(Dialect::Ant3, b"\x10interop.Echo:1.0", b"\x05hello");
    content.extend(vec![0; 70_000]);
    for (depth, renamed) in [(Depth::ALL, true), (Depth::BOUNDARY.with(Attribute::Service), false)] {
        let mut events = events(&mut server_at(depth), &of_service(&content)).unwrap();
        let Event::Head(head) = &mut events[0] else { panic!() };
        head.set_service(b"b.E").unwrap();
        let out = forward(&mut client(), events, 9);
        let names = out.windows(12).filter(|part| *part == b"interop.Echo").count();
        assert_eq!((names, out.ends_with(&[0; 70_000])), (usize::from(!renamed), true));
        let events = common::events(&mut server(), &out);
        assert_eq!(events.is_ok(), renamed, "a contradiction is for who reads the content");
    }
}

#[test]
fn what_stands_in_the_content_is_not_edited() {
    let refused = |edit: &dyn Fn(&mut Head)| {
        let mut seen = head(&mut server(), NODE_PROPS);
        edit(&mut seen);
        matches!(client().send(&mut Event::Head(seen)), Err(EncodeError::NoPlace { .. }))
    };
    assert!(refused(&|head| head.set_attribute(Attribute::Method, b"put").unwrap()));
    assert!(refused(&|head| head.set_field(b"Tenant", b"blue").unwrap()));
    assert!(refused(&|head| head.add_field(b"n", b"6").unwrap()));
    assert!(refused(&|head| head.remove_field(b"rpc_trace_context.sofaRpcId").unwrap()));
    let mut seen = head(&mut server(), NODE_PROPS);
    seen.set_field(b"zone", b"east").unwrap();
    let expected = listed(&seen);
    assert!(expected.as_ref().unwrap().ends_with(&pairs(&[("zone", "east")]).unwrap()));
    assert_eq!(listed(&head(&mut server(), &sent(&mut client(), seen))), expected);
}
