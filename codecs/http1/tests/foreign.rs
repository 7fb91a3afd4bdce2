//! Heads of another protocol that speaks HTTP, as RFC 9113 would have them: what this one makes of them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use bytes::Bytes;
use common::{asked, client, feed, head, one, send, server, taken};
use meshwire::{
    Attribute, Body, EncodeError, Endpoint, Event, Head, HeadFormat, Kind, Protocol, Reset, ResetReason, Sent, StreamId,
};
use meshwire_http1::Http1;

/// Fields are `name\0value\0` runs, so that anything else can stand in them.
static FORMAT: HeadFormat = HeadFormat::new("other", "http")
    .without(&Attribute::ALL)
    .with_fields(|_, bytes, cursor| {
        let mut parts = bytes.get(*cursor..)?.splitn(3, |b| *b == 0);
        let (name, value) = (parts.next()?, parts.next()?);
        *cursor += name.len() + value.len() + 2;
        Some((name, value))
    })
    // A `:protocol` that is kept in the note: 1 is a WebSocket, 2 something else.
    .with_upgrade(|head| [None, Some(&b"websocket"[..]), Some(b"other")][head.note() as usize]);

static ALIEN: HeadFormat = HeadFormat::new("alien", "rpc");

const WEBSOCKET: u32 = 1;

fn new(kind: Kind, fields: &[(&str, &str)]) -> Head {
    let bytes: Vec<u8> = fields.iter().flat_map(|(name, value)| format!("{name}\0{value}\0").into_bytes()).collect();
    let mut head = Head::new(&FORMAT, kind, StreamId::NEW, bytes.into());
    head.set_fields_at(0);
    head.set_end(true);
    head
}

fn request(verb: &str, authority: Option<&str>, path: Option<&str>, fields: &[(&str, &str)]) -> Head {
    let mut head = new(Kind::Request, fields);
    let verb = (Attribute::Verb, Some(verb));
    for (attribute, value) in [verb, (Attribute::Authority, authority), (Attribute::Path, path)] {
        if let Some(value) = value {
            head.set_owned(attribute, value.as_bytes());
        }
    }
    head
}

fn get(fields: &[(&str, &str)]) -> Head {
    request("GET", Some("h:80"), Some("/a?b"), fields)
}

fn open(mut head: Head) -> Head {
    head.set_end(false);
    head
}

fn upgrade(verb: &str, protocol: u32, fields: &[(&str, &str)]) -> Head {
    let mut head = open(request(verb, Some("h:80"), Some("/chat"), fields));
    head.set_note(protocol);
    head
}

fn response(status: u16, fields: &[(&str, &str)]) -> Head {
    let mut head = new(if (102..200).contains(&status) { Kind::Interim } else { Kind::Response }, fields);
    head.set_status(u32::from(status), meshwire_http1::outcome(status));
    head.set_stream(StreamId::new(1));
    head
}

fn written(head: Head) -> String {
    send(&mut client(), &mut Event::Head(head))
}

fn refused(head: Head) -> EncodeError {
    let mut end = client();
    let error = end.send(&mut Event::Head(head)).unwrap_err();
    assert!(end.output().is_empty(), "what is refused was never written");
    error
}

/// What a server writes of `answers` to a request.
fn answered(ask: &str, answers: impl IntoIterator<Item = Event>) -> String {
    let mut end = server();
    feed(&mut end, ask).unwrap();
    let mut out = String::new();
    for mut event in answers {
        assert_eq!(end.send(&mut event).unwrap(), Sent::All);
        out.push_str(&taken(&mut end));
    }
    out
}

fn body(data: &'static str, end: bool) -> Event {
    Event::Body(Body { stream: StreamId::new(1), data: Bytes::from_static(data.as_bytes()), end })
}

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn the_authority_is_the_host_and_comes_first() {
    assert_eq!(written(get(&[("a", "b"), ("c", "")])), "GET /a?b HTTP/1.1\r\nHost: h:80\r\na: b\r\nc: \r\n\r\n");
    assert_eq!(written(get(&[("host", "h:80")])), "GET /a?b HTTP/1.1\r\nHost: h:80\r\n\r\n");
    let host = request("GET", None, Some("/"), &[("a", "b"), ("host", "x")]);
    assert_eq!(written(host), "GET / HTTP/1.1\r\nHost: x\r\na: b\r\n\r\n");
    assert_eq!(written(request("GET", None, Some("/"), &[])), "GET / HTTP/1.1\r\nHost: \r\n\r\n");
    assert_eq!(written(request("OPTIONS", Some("h"), Some("*"), &[])), "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
}

#[test]
fn crumbs_become_one_cookie() {
    let crumbs = [("cookie", "a=1"), ("x", "y"), ("cookie", " b=2 "), ("cookie", "c=3")];
    assert_eq!(written(get(&crumbs)), "GET /a?b HTTP/1.1\r\nHost: h:80\r\ncookie: a=1; b=2; c=3\r\nx: y\r\n\r\n");
}

#[test]
fn fields_of_the_connection_stay_behind() {
    let fields = [
        ("te", "trailers"),
        ("connection", "x"),
        ("keep-alive", "1"),
        ("upgrade", "websocket"),
        ("transfer-encoding", "chunked"),
        ("proxy-connection", "x"),
        ("http2-settings", "AAA"),
        ("expect", "100-continue"),
    ];
    assert_eq!(written(get(&fields)), "GET /a?b HTTP/1.1\r\nHost: h:80\r\nexpect: 100-continue\r\n\r\n");
    let mut answer = response(200, &fields);
    answer.set_end(true);
    let expected = "HTTP/1.1 200 OK\r\nexpect: 100-continue\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(answered(GET, [Event::Head(answer)]), expected);
}

#[test]
fn a_body_is_framed_by_its_length_or_in_chunks() {
    let post = |fields: &[(&str, &str)]| request("POST", Some("h"), Some("/"), fields);
    assert_eq!(written(post(&[])), "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(
        written(open(post(&[("content-length", "4")]))),
        "POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 4\r\n\r\n"
    );

    let mut end = client();
    let mut event = Event::Head(open(post(&[])));
    let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(send(&mut end, &mut event), chunked);
    assert_eq!(send(&mut end, &mut body("0123456789abcdef", false)), "10\r\n0123456789abcdef\r\n");
    let mut trailers = new(Kind::Trailers, &[("grpc-status", "0"), ("x", " y ")]);
    trailers.set_stream(StreamId::new(1));
    assert_eq!(send(&mut end, &mut Event::Trailers(trailers)), "0\r\ngrpc-status: 0\r\nx: y\r\n\r\n");

    // What the length promises, the body keeps.
    let mut end = client();
    send(&mut end, &mut Event::Head(open(post(&[("content-length", "4")]))));
    assert!(matches!(end.send(&mut body("12345", true)).unwrap_err(), EncodeError::TooLong(_)));
    assert!(matches!(end.send(&mut body("123", true)).unwrap_err(), EncodeError::TooShort(_)));
    assert!(matches!(refused(post(&[("content-length", "4")])), EncodeError::TooShort(_)));
    assert!(matches!(refused(post(&[("content-length", "4"), ("content-length", "4")])), EncodeError::Invalid { .. }));
    assert!(matches!(refused(post(&[("content-length", "+4")])), EncodeError::Invalid { .. }));
}

#[test]
fn trailers_that_say_too_much_are_refused() {
    for (name, value) in [
        ("content-length", "1"),
        ("host", "h"),
        ("connection", "close"),
        (":path", "/"),
        ("a", "b\r\nc: d"),
        ("a b", "c"),
    ] {
        let mut end = client();
        send(&mut end, &mut Event::Head(open(request("POST", Some("h"), Some("/"), &[]))));
        let mut trailers = new(Kind::Trailers, &[(name, value)]);
        trailers.set_stream(StreamId::new(1));
        let error = end.send(&mut Event::Trailers(trailers)).unwrap_err();
        assert!(matches!(error, EncodeError::Invalid { .. }), "{name}: {error}");
    }
    let mut end = client();
    send(&mut end, &mut Event::Head(open(request("POST", Some("h"), Some("/"), &[]))));
    let alien = Head::new(&ALIEN, Kind::Trailers, StreamId::new(1), Bytes::new());
    assert!(matches!(end.send(&mut Event::Trailers(alien)).unwrap_err(), EncodeError::Foreign { .. }));
}

/// RFC 9113, section 10.3: what another protocol carries in a length must not end a line, or begin a message, here.
#[test]
fn what_could_smuggle_does_not_cross() {
    for (name, value) in [
        ("a", "b\r\nc: d"),
        ("a", "b\nc"),
        ("a", "b\rc"),
        ("a", "b\x01"),
        ("a", "\x7f"),
        ("a b", "c"),
        ("a:", "c"),
        ("a\r\nb", "c"),
        (":path", "/"),
        ("", "c"),
        ("cookie", "a\r\nb: c"),
        ("host", "a b"),
    ] {
        let authority = if name == "host" { None } else { Some("h") };
        let error = refused(request("GET", authority, Some("/"), &[(name, value)]));
        assert!(matches!(error, EncodeError::Invalid { .. }), "{name:?} {value:?}: {error}");
        if name != "host" {
            let mut end = server();
            feed(&mut end, GET).unwrap();
            let error = end.send(&mut Event::Head(response(200, &[(name, value)]))).unwrap_err();
            assert!(matches!(error, EncodeError::Invalid { .. }) && end.output().is_empty(), "{name:?}: {error}");
        }
    }
    for (verb, authority, path) in [
        ("GET X", "h", "/"),
        ("", "h", "/"),
        ("GET\r\n", "h", "/"),
        ("GET", "h\r\nx: y", "/"),
        ("GET", "h y", "/"),
        ("GET", "u@h", "/"),
        ("GET", "h", "/ HTTP/1.1\r\nx: y"),
        ("GET", "h", "/a b"),
        ("GET", "h", "/\x01"),
        ("GET", "h", "a"),
        ("GET", "h", "*"),
        ("GET", "h", "http://x/"),
        ("GET", "h", ""),
        ("CONNECT", "h", "/"),
    ] {
        let mut head = request(verb, Some(authority), Some(path), &[]);
        head.set_end(verb != "CONNECT");
        let error = refused(head);
        assert!(matches!(error, EncodeError::Invalid { .. }), "{verb:?} {authority:?} {path:?}: {error}");
    }
    // No server of ours would take it.
    let mut no_text = get(&[]);
    no_text.set_owned(Attribute::Path, b"/\xeb");
    assert!(matches!(refused(no_text), EncodeError::Invalid { .. }));
    assert_eq!(written(get(&[("a", "\t b ")])), "GET /a?b HTTP/1.1\r\nHost: h:80\r\na: b\r\n\r\n");
    let alien = Head::new(&ALIEN, Kind::Request, StreamId::NEW, Bytes::new());
    assert!(matches!(refused(alien), EncodeError::Foreign { .. }));
}

#[test]
fn answers_get_a_reason_and_their_framing() {
    let length = [("content-length", "4"), ("a", "b")];
    let whole = |head, data| [Event::Head(open(head)), body(data, true)];
    assert_eq!(
        answered(GET, whole(response(200, &length), "body")),
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\na: b\r\n\r\nbody"
    );
    assert_eq!(
        answered(GET, whole(response(503, &[]), "body")),
        "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
    );
    assert_eq!(answered(GET, [Event::Head(response(299, &[]))]), "HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n");
    // RFC 9112, section 6.3: none of these has a body, whatever its fields say.
    assert_eq!(answered(GET, [Event::Head(response(204, &length))]), "HTTP/1.1 204 No Content\r\na: b\r\n\r\n");
    assert_eq!(
        answered(GET, [Event::Head(response(304, &length))]),
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 4\r\na: b\r\n\r\n"
    );
    let head_request = GET.replace("GET", "HEAD");
    assert_eq!(
        answered(&head_request, [Event::Head(response(200, &length))]),
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\na: b\r\n\r\n"
    );
    assert_eq!(answered(&head_request, whole(response(200, &[]), "")), "HTTP/1.1 200 OK\r\n\r\n");
    // An interim answer is a head and nothing else.
    let early = [Event::Head(response(103, &[("link", "</a>")])), Event::Head(response(200, &[]))];
    assert_eq!(
        answered(GET, early),
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    );
    // HTTP/1.0 knows neither interim answers nor chunks.
    let old = [Event::Head(response(103, &[])), Event::Head(open(response(200, &[]))), body("body", true)];
    assert_eq!(answered("GET / HTTP/1.0\r\n\r\n", old), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbody");
}

#[test]
fn who_came_from_http_2_is_in_via() {
    let http = Http1::default().via("edge");
    let mut end = Endpoint::new(http.codec(meshwire::Conn::client()));
    let out = send(&mut end, &mut Event::Head(get(&[])));
    assert_eq!(out, "GET /a?b HTTP/1.1\r\nHost: h:80\r\nVia: 2 edge\r\n\r\n");
}

#[test]
fn an_extended_connect_asks_for_a_websocket() {
    let mut end = client();
    let fields = [("sec-websocket-version", "13"), ("sec-websocket-key", "x"), ("content-length", "3")];
    let mut event = Event::Head(upgrade("CONNECT", WEBSOCKET, &fields));
    let out = send(&mut end, &mut event);
    let asks = "GET /chat HTTP/1.1\r\nHost: h:80\r\nsec-websocket-version: 13\r\nConnection: upgrade\r\n\
                Upgrade: websocket\r\nSec-WebSocket-Key: ";
    assert!(out.starts_with(asks) && out.ends_with("==\r\n\r\n"), "{out}");
    assert_eq!(out.len(), asks.len() + 24 + 4);
    // Bytes of the tunnel wait for the answer.
    assert_eq!(end.send(&mut body("early", false)).unwrap(), Sent::Blocked);

    // A server of this protocol grants it, and its answer passes for the one that was asked for.
    let mut peer = server();
    let request = one(&mut peer, &out);
    assert_eq!(head(&request).upgrade(), Some(&b"websocket"[..]));
    let mut grant = response(200, &[("sec-websocket-accept", "x"), ("sec-websocket-protocol", "p")]);
    grant.set_note(WEBSOCKET);
    let grants = send(&mut peer, &mut Event::Head(open(grant)));
    let starts = "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: p\r\nConnection: upgrade\r\n\
                  Upgrade: websocket\r\nSec-WebSocket-Accept: ";
    assert!(grants.starts_with(starts) && grants.len() == starts.len() + 28 + 4, "{grants}");
    assert!(matches!(feed(&mut peer, "").unwrap()[..], [Event::Upgraded { .. }]));

    let events = feed(&mut end, &grants).unwrap();
    assert_eq!((head(&events[0]).status(), head(&events[0]).upgrade()), (Some(101), Some(&b"websocket"[..])));
    assert!(matches!(events[1], Event::Upgraded { .. }), "{events:?}");
    assert_eq!(send(&mut end, &mut body("early", false)), "early");
    assert_eq!(feed(&mut peer, "early").unwrap()[0].data_len(), 5);

    // One that has not read the key, or says it twice, is no answer.
    for wrong in [
        grants.replace("Accept: ", "Accept: x"),
        grants.replace("Sec-WebSocket-Accept: ", "X: "),
        grants.replace("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Accept: "),
    ] {
        let mut end = client();
        send(&mut end, &mut Event::Head(upgrade("CONNECT", WEBSOCKET, &fields)));
        assert_eq!(feed(&mut end, &wrong).unwrap_err().code, "upgrade", "{wrong}");
    }
    // A refusal is an answer like any other.
    let mut end = client();
    send(&mut end, &mut Event::Head(upgrade("CONNECT", WEBSOCKET, &fields)));
    let events = feed(&mut end, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!((events.len(), head(&events[0]).status(), events[0].is_end()), (1, Some(403), true));
}

#[test]
fn other_tunnels_do_not_pass() {
    let refuse = |head: Head, no_place: bool| {
        let error = refused(head);
        assert_eq!(matches!(error, EncodeError::NoPlace { .. }), no_place, "{error}");
    };
    refuse(upgrade("CONNECT", 2, &[]), true);
    let mut ended = upgrade("CONNECT", WEBSOCKET, &[]);
    ended.set_end(true);
    refuse(ended, false);
    refuse(request("CONNECT", Some("h:1"), None, &[]), false);
    // An Upgrade of a third one may pass where it is allowed; it has no handshake of its own.
    let mut end = Endpoint::new(Http1::default().upgrades(&["other"]).codec(meshwire::Conn::client()));
    let out = send(&mut end, &mut Event::Head(upgrade("CONNECT", 2, &[])));
    assert_eq!(out, "GET /chat HTTP/1.1\r\nHost: h:80\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n");
}

#[test]
fn an_upgrade_is_granted_by_another_protocol() {
    let ask = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
               Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut grant = open(response(200, &[]));
    grant.set_note(WEBSOCKET);
    assert_eq!(
        answered(ask, [Event::Head(grant.clone()), body("tunnel", false)]),
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\ntunnel"
    );
    // A tunnel that the other end closes at once is closed this way only.
    let mut end = server();
    feed(&mut end, ask).unwrap();
    grant.set_end(true);
    send(&mut end, &mut Event::Head(grant.clone()));
    assert!(matches!(feed(&mut end, "more").unwrap()[..], [Event::Upgraded { .. }, Event::Body(_)]));
    assert!(end.codec().state().ended && !end.codec().state().close);
    let mut reset = Event::Reset(Reset { stream: StreamId::new(1), reason: ResetReason::NoError });
    assert_eq!(end.send(&mut reset).unwrap(), Sent::All);
    assert!(end.codec().state().close);

    // 2xx that agrees to nothing is the answer to a request whose Upgrade was ignored.
    let plain = answered(ask, [Event::Head(response(200, &[]))]);
    assert_eq!(plain, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    // And one that agrees to what was not asked for is no switch either.
    grant.set_note(2);
    assert!(answered(ask, [Event::Head(grant)]).starts_with("HTTP/1.1 200 OK\r\n"));
    let mut end = server();
    feed(&mut end, ask).unwrap();
    assert!(matches!(end.send(&mut Event::Head(response(101, &[]))).unwrap_err(), EncodeError::Refused(_)));
}

#[test]
fn connect_is_connect() {
    let mut end = client();
    let mut event = Event::Head(open(request("CONNECT", Some("h:1"), None, &[("content-length", "3")])));
    assert_eq!(send(&mut end, &mut event), "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
    let events = feed(&mut end, "HTTP/1.1 200 Ok\r\n\r\n").unwrap();
    assert!(matches!(events[1], Event::Upgraded { .. }), "{events:?}");

    let ask = "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n";
    let answer = Event::Head(open(response(200, &[("content-length", "3")])));
    assert_eq!(answered(ask, [answer, body("tunnel", false)]), "HTTP/1.1 200 OK\r\n\r\ntunnel");
}

#[test]
fn own_handshakes_pass_as_they_are() {
    let fields = [("Connection", "upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "x")];
    let mut end = asked("GET", &fields);
    let grant = "HTTP/1.1 101 Ok\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: y\r\n\r\n";
    assert_eq!(feed(&mut end, grant).unwrap().len(), 2, "whose handshake it is, checks it");
}
