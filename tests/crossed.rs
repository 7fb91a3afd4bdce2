//! HTTP/1.1 and HTTP/2 written as each other: bytes of the one, events of the other, and the relay between them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test that cannot go on panics

use std::sync::Arc;

use bytes::Bytes;
use meshwire::{
    Attribute, Body, Conn, Done, EncodeError, Endpoint, Event, Head, Kind, Link, Outcome, Protocol, Registry, Relay,
    RelayStep, Reset, ResetReason, RoutingKey, Sent, Step, StreamId,
};
use meshwire_http1::Http1;
use meshwire_http2::Http2;

/// One side of the relay speaks HTTP/1.1, in bytes; the other one HTTP/2, in events.
struct Path {
    relay: Relay,
    link: Link,
    /// Whether HTTP/2 is the server's side.
    up: bool,
    /// HTTP/2 is written by hand.
    raw: bool,
    far: Endpoint,
    events: Vec<Event>,
    unsent: Vec<Event>,
    text: Vec<u8>,
    closed: bool,
    done: Vec<Done>,
}

impl Path {
    /// A client of HTTP/1.1 and a server of HTTP/2.
    fn up() -> Self {
        Self::new(Endpoint::new(Http1::default().codec(Conn::server())), &Http2::default(), true)
    }

    /// A client of HTTP/2 and a server of HTTP/1.1.
    fn down() -> Self {
        Self::new(Endpoint::new(Http2::default().codec(Conn::server())), &Http1::default(), false)
    }

    fn new(down: Endpoint, protocol: &dyn Protocol, up: bool) -> Self {
        let mut relay = Relay::new(down);
        let link = relay.connect(Endpoint::new(protocol.codec(Conn::client())), &protocol.traits());
        let far = Endpoint::new(Http2::default().codec(if up { Conn::server() } else { Conn::client() }));
        let (events, unsent, text, done) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut path = Self { relay, link, up, raw: false, far, events, unsent, text, closed: false, done };
        path.run();
        path
    }

    fn near(&mut self) -> Option<&mut Endpoint> {
        if self.up { Some(self.relay.downstream()) } else { self.relay.upstream(self.link) }
    }

    fn run(&mut self) {
        loop {
            let mut moved = false;
            loop {
                match self.relay.poll() {
                    RelayStep::Request(exchange, head) => self.relay.forward(exchange, self.link, head),
                    RelayStep::Done(done) => self.done.push(done),
                    RelayStep::Refused(error) => assert!(error.stream().is_some(), "{error}"),
                    RelayStep::Idle | RelayStep::Closed => break,
                }
                moved = true;
            }
            moved |= self.turn();
            let link = self.link;
            let opposite = if self.up { self.relay.upstream(link) } else { Some(self.relay.downstream()) };
            if let Some(end) = opposite {
                let bytes = self.far.output_mut().take();
                moved |= !bytes.is_empty();
                end.input().extend_from_slice(&bytes);
                let bytes = end.output_mut().take();
                moved |= !bytes.is_empty();
                if !self.raw {
                    self.far.input().extend_from_slice(&bytes);
                }
            }
            let closed = self.near().is_none_or(|end| end.codec().state().close || end.codec().state().ended);
            let bytes = self.near().map(|end| end.output_mut().take()).unwrap_or_default();
            self.closed = closed;
            self.text.extend_from_slice(&bytes);
            if !moved && bytes.is_empty() {
                return;
            }
        }
    }

    fn turn(&mut self) -> bool {
        let mut moved = false;
        for mut event in std::mem::take(&mut self.unsent) {
            if self.unsent.is_empty() && self.far.send(&mut event).unwrap() == Sent::All {
                moved = true;
            } else {
                self.unsent.push(event);
            }
        }
        while let Step::Event(event) = self.far.decode().unwrap() {
            if let Some(stream) = event.stream() {
                self.far.release(stream, event.data_len());
            }
            if !matches!(event, Event::Capacity { .. }) {
                self.events.push(event);
            }
            moved = true;
        }
        moved
    }

    /// What HTTP/1.1 says; what it then has heard.
    fn say(&mut self, text: &str) -> String {
        self.near().unwrap().input().extend_from_slice(text.as_bytes());
        self.run();
        self.heard()
    }

    fn heard(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.text)).unwrap()
    }

    /// The HTTP/1.1 side ends its direction.
    fn end(&mut self) {
        self.near().unwrap().set_eof();
        self.run();
    }

    /// What HTTP/2 sends on its first stream, or on a new one; what HTTP/1.1 then has heard.
    fn send(&mut self, event: Result<Event, EncodeError>) -> String {
        let mut event = event.unwrap();
        let asks = matches!(&event, Event::Head(head) if head.kind().is_request());
        event.set_stream(if asks { StreamId::NEW } else { StreamId::new(1) });
        self.unsent.push(event);
        self.run();
        self.heard()
    }

    fn data(&mut self, data: &'static str, end: bool) -> String {
        self.send(Ok(Event::Body(Body { stream: StreamId::NEW, data: Bytes::from_static(data.as_bytes()), end })))
    }

    fn head(&self, n: usize) -> &Head {
        let heads =
            self.events.iter().filter_map(|event| if let Event::Head(head) = event { Some(head) } else { None });
        heads.clone().nth(n).unwrap_or_else(|| panic!("{} heads: {:?}", heads.count(), self.events))
    }

    /// All data that came by HTTP/2.
    fn received(&self) -> String {
        let pieces = self.events.iter().flat_map(|event| match event {
            Event::Head(head) => head.data().to_vec(),
            Event::Body(body) => body.data.to_vec(),
            _ => Vec::new(),
        });
        String::from_utf8(pieces.collect()).unwrap()
    }

    fn is_ended(&self) -> bool {
        self.events.last().is_some_and(Event::is_end)
    }
}

/// A head whose message goes on.
fn open(event: Result<Event, EncodeError>) -> Result<Event, EncodeError> {
    event.map(|mut event| {
        if let Event::Head(head) = &mut event {
            head.set_end(false);
        }
        event
    })
}

fn response(status: u16, fields: &[(&str, &str)]) -> Result<Event, EncodeError> {
    let mut event = meshwire_http2::response(status, fields, "")?;
    if let Event::Head(head) = &mut event
        && (100..200).contains(&status)
    {
        head.set_end(false);
    }
    Ok(event)
}

/// Without the length that the builder adds.
fn answer(fields: &[(&str, &str)]) -> Result<Event, EncodeError> {
    let grpc = [("content-type", "application/grpc")];
    open(meshwire_http2::response(200, &[&grpc, fields].concat(), ""))
}

fn fields(head: &Head) -> String {
    let line = |(name, value): (&[u8], &[u8])| format!("{}: {}\n", name.escape_ascii(), value.escape_ascii());
    head.fields().unwrap().map(line).collect()
}

fn key(head: &Head) -> String {
    let attributes = [Attribute::Verb, Attribute::Authority, Attribute::Path];
    attributes.map(|a| head.attribute(a).value().unwrap_or(b"-").escape_ascii().to_string()).join(" ")
}

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn a_request_goes_up_without_what_is_the_connection_s() {
    let mut path = Path::up();
    path.say(
        "POST http://shop:80/a?b HTTP/1.1\r\nHost: other\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\n\
         Cookie: a=1; b=2\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nX-A: b\r\n\r\n\
         4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n",
    );
    assert_eq!(key(path.head(0)), "POST shop:80 /a?b");
    assert_eq!(fields(path.head(0)), "cookie: a=1; b=2\nx-a: b\n");
    assert_eq!(path.received(), "body");
    let Some(Event::Trailers(trailers)) = path.events.last() else { panic!("{:?}", path.events) };
    assert_eq!(fields(trailers), "x-sum: 7\n");
}

#[test]
fn an_answer_comes_down_with_a_reason_and_in_chunks() {
    let mut path = Path::up();
    path.say(GET);
    assert!(path.is_ended());
    assert_eq!(path.send(response(103, &[("link", "</a>")])), "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n");
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\nx: y\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(path.send(answer(&[("x", "y")])), head);
    assert_eq!(path.data("body", false), "4\r\nbody\r\n");
    assert_eq!(path.send(meshwire_http2::trailers(&[("grpc-status", "14")])), "0\r\ngrpc-status: 14\r\n\r\n");
    assert_eq!(path.done[0].outcome, Outcome::Unavailable, "what trailers tell is what became of it");
    assert!(!path.closed);
    // The connection goes on.
    path.say(GET);
    assert_eq!(path.head(1).stream(), StreamId::new(3));
}

#[test]
fn answers_without_content_have_none() {
    for (ask, status, fields, expected) in [
        ("GET", 204, &[][..], "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", 304, &[("content-length", "5")], "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n"),
        ("HEAD", 200, &[("content-length", "0")], "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        ("GET", 200, &[], "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
    ] {
        let mut path = Path::up();
        path.say(&GET.replace("GET", ask));
        assert_eq!(path.send(response(status, fields)), expected);
        assert_eq!((path.done.len(), path.closed), (1, false), "{ask} {status}");
    }
}

#[test]
fn a_request_comes_down_with_its_host_and_one_cookie() {
    let mut path = Path::down();
    let crumbs = [("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"), ("te", "trailers")];
    let ask = path.send(meshwire_http2::request("GET", "/a?b", "shop:80", &crumbs, ""));
    assert_eq!(ask, "GET /a?b HTTP/1.1\r\nHost: shop:80\r\ncookie: a=1; b=2\r\nx: y\r\n\r\n");
    path.say(
        "HTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Nope\r\nConnection: X\r\nX: 1\r\nServer: S\r\n\
              Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX-Sum: 7\r\n\r\n",
    );
    assert_eq!((path.head(0).kind(), path.head(0).status()), (Kind::Interim, Some(103)));
    assert_eq!((path.head(1).status(), fields(path.head(1)).as_str()), (Some(404), "server: S\n"));
    assert_eq!(path.received(), "body");
    let Some(Event::Trailers(trailers)) = path.events.last() else { panic!("{:?}", path.events) };
    assert_eq!(fields(trailers), "x-sum: 7\n");
    assert_eq!((path.done[0].outcome, path.done[0].status), (Outcome::NoRoute, Some(404)));
}

#[test]
fn a_body_that_is_open_is_chunked_and_a_known_one_is_not() {
    let mut path = Path::down();
    let fields = [("content-type", "application/grpc")];
    let chunked = "POST / HTTP/1.1\r\nHost: h\r\ncontent-type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(path.send(open(meshwire_http2::request("POST", "/", "h", &fields, ""))), chunked);
    assert_eq!(path.data("body", false), "4\r\nbody\r\n");
    assert_eq!(path.send(meshwire_http2::trailers(&[("x-sum", "7")])), "0\r\nx-sum: 7\r\n\r\n");

    let mut path = Path::down();
    let known = "PUT / HTTP/1.1\r\nHost: h\r\ncontent-length: 4\r\n\r\nbody";
    assert_eq!(path.send(meshwire_http2::request("PUT", "/", "h", &[], "body")), known);
    // HTTP/1.1 ends the message with the connection, HTTP/2 with a flag.
    path.say("HTTP/1.1 200 OK\r\n\r\nuntil the end");
    assert!(!path.is_ended());
    path.end();
    assert_eq!((path.received().as_str(), path.is_ended()), ("until the end", true));
}

#[test]
fn an_answer_cut_short_is_a_reset() {
    let mut path = Path::down();
    path.send(meshwire_http2::request("GET", "/", "h", &[], ""));
    path.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    path.end();
    assert!(matches!(path.events.last(), Some(Event::Reset(_))), "{:?}", path.events);

    let mut path = Path::up();
    path.say(GET);
    path.send(answer(&[]));
    path.data("half", false);
    path.send(Ok(Event::Reset(Reset { stream: StreamId::NEW, reason: ResetReason::Internal })));
    assert!(path.closed && !path.heard().contains("0\r\n"), "a client must not take it for whole");
}

/// RFC 9113, section 8.1: a server that has answered needs no more of the request, and the client is spared an error.
#[test]
fn an_answer_before_the_end_of_its_request_is_whole() {
    let mut path = Path::up();
    path.say("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf");
    assert!(path.send(response(413, &[])).starts_with("HTTP/1.1 413 Content Too Large\r\n"));
    path.send(Ok(Event::Reset(Reset { stream: StreamId::NEW, reason: ResetReason::NoError })));
    assert_eq!(path.done.len(), 1);
    path.say(&format!("|other{GET}"));
    assert_eq!((key(path.head(1)).as_str(), path.received().as_str()), ("GET h /", "half"));
}

#[test]
fn the_rest_of_a_request_is_thrown_away_behind_an_answer_that_closes_the_connection() {
    let mut path = Path::down();
    path.send(open(meshwire_http2::request("POST", "/", "h", &[("content-type", "application/grpc")], "")));
    path.data("some", false);
    path.say("HTTP/1.1 413 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!((path.head(0).status(), path.received().as_str(), path.is_ended()), (Some(413), "no", true));
    path.data("more", false);
    assert_eq!(path.relay.open(), 1);
    path.data("", true);
    assert_eq!((path.done[0].outcome, path.relay.open()), (Outcome::TooLarge, 0));
}

/// A client that gives up sending once it has its answer (curl) ends a message before its time.
#[test]
fn a_request_that_turns_bad_behind_its_answer_changes_nothing() {
    let mut path = Path::down();
    path.relay = Relay::new(Endpoint::new(Http2::default().codec(Conn::server())));
    path.link = path.relay.connect(Endpoint::new(Http1::default().codec(Conn::client())), &Http1::default().traits());
    path.raw = true;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    // POST http / h, content-length: 9, and a piece of it.
    let headers = b"\0\0\x09\x01\x04\0\0\0\x01\x83\x86\x84\x41\x01h\x5c\x019";
    let piece = |end| [&[0, 0, 4, 0, end, 0, 0, 0, 1][..], b"some"].concat();
    path.relay.downstream().input().extend_from_slice(&[&preface[..], headers, &piece(0)].concat());
    path.run();
    path.say("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno");
    path.relay.downstream().input().extend_from_slice(&piece(1));
    path.run();
    assert_eq!((path.done[0].outcome, path.done[0].status, path.relay.open()), (Outcome::TooLarge, Some(413), 0));
}

const CHAT: &str = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn a_websocket_goes_up_as_an_extended_connect() {
    let mut path = Path::up();
    path.say(CHAT);
    assert_eq!((key(path.head(0)).as_str(), path.head(0).upgrade()), ("CONNECT h /chat", Some(&b"websocket"[..])));
    assert_eq!(fields(path.head(0)), "sec-websocket-version: 13\n");
    assert_eq!(path.say("early"), "");
    assert_eq!(path.received(), "", "bytes behind an Upgrade wait for the answer");
    let mut grant = response(200, &[("sec-websocket-protocol", "p"), ("content-length", "0")]).unwrap();
    if let Event::Head(head) = &mut grant {
        head.set_end(false);
    }
    let expected = "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: p\r\nConnection: upgrade\r\n\
                    Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
    assert_eq!(path.send(Ok(grant)), expected);
    assert_eq!(path.received(), "early");
    assert_eq!(path.data("down", false), "down");
    path.say("up");
    assert_eq!(path.received(), "earlyup");
    assert_eq!(path.data("", true), "");
    assert!(path.closed && !path.is_ended(), "one direction has ended");
    path.say("still");
    path.end();
    assert_eq!((path.received().as_str(), path.is_ended()), ("earlyupstill", true));
    assert_eq!((path.done.len(), path.relay.open()), (1, 0));
}

#[test]
fn a_websocket_that_is_refused_is_a_request_that_was_answered() {
    let mut path = Path::up();
    path.say(CHAT);
    let refusal = path.send(response(403, &[]));
    assert!(refusal.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{refusal}");
    path.say(GET);
    assert_eq!((key(path.head(1)).as_str(), path.done.len()), ("GET h /", 1));
}

#[test]
fn an_extended_connect_comes_down_as_an_upgrade() {
    let mut path = Path::down();
    let chat = [(":protocol", "websocket"), ("sec-websocket-version", "13")];
    let ask = path.send(meshwire_http2::request("CONNECT", "/chat", "h", &chat, ""));
    let starts = "GET /chat HTTP/1.1\r\nHost: h\r\nsec-websocket-version: 13\r\nConnection: upgrade\r\n\
                  Upgrade: websocket\r\nSec-WebSocket-Key: ";
    assert!(ask.starts_with(starts), "{ask}");
    assert_eq!(path.data("early", false), "", "nothing is sent on the hope that the switch succeeds");

    // A server of this library answers the key.
    let mut server = Endpoint::new(Http1::default().codec(Conn::server()));
    server.input().extend_from_slice(ask.as_bytes());
    let Ok(Step::Event(Event::Head(request))) = server.decode() else { panic!("no head") };
    let grant = Path::granted(&request);
    assert_eq!(path.say(&grant), "early");
    assert_eq!(path.head(0).status(), Some(200));
    assert!(!fields(path.head(0)).contains("accept"), "{}", fields(path.head(0)));
    assert_eq!(path.say("down"), "");
    assert_eq!(path.received(), "down");
    assert_eq!(path.data("up", true), "up");
    path.say("still");
    path.end();
    assert_eq!((path.received().as_str(), path.is_ended()), ("downstill", true));
    assert_eq!((path.done.len(), path.relay.open()), (1, 0));
}

impl Path {
    /// What a server of HTTP/1.1 says to a WebSocket's request: taken from another path, whose key is the request's.
    fn granted(request: &Head) -> String {
        let key = String::from_utf8(request.field(b"sec-websocket-key").value().unwrap().to_vec()).unwrap();
        let mut other = Self::up();
        other.say(&CHAT.replace("dGhlIHNhbXBsZSBub25jZQ==", &key));
        other.send(open(response(200, &[])))
    }
}

#[test]
fn a_wrong_answer_to_the_key_is_no_websocket() {
    let mut path = Path::down();
    path.send(meshwire_http2::request("CONNECT", "/chat", "h", &[(":protocol", "websocket")], ""));
    path.say(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    assert_eq!(path.head(0).status(), Some(502));
    path.data("", true);
    assert_eq!((path.done[0].outcome, path.relay.open()), (Outcome::BadResponse, 0));
}

#[test]
fn connect_is_connect_both_ways() {
    let mut path = Path::up();
    path.say("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
    assert_eq!((key(path.head(0)).as_str(), path.head(0).upgrade()), ("CONNECT h:1 -", None));
    assert_eq!(path.send(answer(&[])), "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n\r\n");
    assert_eq!(path.data("down", false), "down");
    path.say("up");
    assert_eq!(path.received(), "up");

    let mut path = Path::down();
    assert_eq!(
        path.send(meshwire_http2::request("CONNECT", "", "h:1", &[], "")),
        "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n"
    );
    path.say("HTTP/1.1 200 Go\r\n\r\ndown");
    assert_eq!((path.head(0).status(), path.received().as_str()), (Some(200), "down"));
    assert_eq!(path.data("up", false), "up");
}

/// The server never learns that its client has changed the protocol.
#[test]
fn an_h2c_connection_is_routed_like_any_other() {
    let registry = Arc::new(Registry::builder().with(Http2::default()).build().unwrap());
    let end = Endpoint::new(Http1::default().h2c(true).codec(Conn::server())).with_registry(registry, Conn::server());
    let mut relay = Relay::new(end);
    let http1 = Http1::default();
    let link = relay.connect(Endpoint::new(http1.codec(Conn::client())), &http1.traits());
    let run = |relay: &mut Relay| {
        while let step = relay.poll()
            && !matches!(step, RelayStep::Idle | RelayStep::Closed)
        {
            if let RelayStep::Request(exchange, head) = step {
                relay.forward(exchange, link, head);
            }
        }
        String::from_utf8(relay.upstream(link).unwrap().output_mut().take().to_vec()).unwrap()
    };
    relay.downstream().input().extend_from_slice(
        b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
          HTTP2-Settings: AAMAAABk\r\n\r\n",
    );
    assert_eq!(run(&mut relay), "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(relay.downstream().switched().unwrap().name(), "http2");
    relay.upstream(link).unwrap().input().extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    run(&mut relay);

    let out = relay.downstream().output_mut().take();
    let switched = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
    let frames = out.strip_prefix(switched).unwrap();
    let mut client = Endpoint::new(Http2::default().observe(true).codec(Conn::client()));
    client.input().extend_from_slice(frames);
    let mut events = Vec::new();
    while let Step::Event(event) = client.decode().unwrap() {
        events.push(event);
    }
    let Some(Event::Head(head)) = events.iter().find(|event| matches!(event, Event::Head(_))) else {
        panic!("{events:?}")
    };
    assert_eq!((head.stream(), head.status()), (StreamId::new(1), Some(200)));

    // What comes behind is HTTP/2, preface and all; HEADERS of the next stream: GET http / h.
    let mut client = Endpoint::new(Http2::default().codec(Conn::client()));
    client.codec_mut();
    let preface = client.output_mut().take();
    let headers = b"\0\0\x06\x01\x05\0\0\0\x03\x82\x86\x84\x41\x01h";
    relay.downstream().input().extend_from_slice(&[&preface, &headers[..]].concat());
    assert_eq!(run(&mut relay), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}
