//! `Upgrade: h2c`, with a stand-in for what comes next.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use common::{feed, head, key};
use meshwire::{
    Body, Codec, Conn, ConnState, Correlation, Cx, DecodeError, Detection, EncodeError, Endpoint, Event, Head,
    Protocol, ProtocolTraits, Registry, Sent, Stats, Step, StreamId, Switch,
};
use meshwire_http1::{Http1, response};

const ASKS: &str = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                    HTTP2-Settings: AAMAAABk\r\n\r\n";
const SWITCHED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

/// Gives the request of the switch, then all that comes as its body.
struct Next;

struct NextCodec {
    switch: Option<Box<Switch>>,
    stats: Stats,
}

impl Protocol for Next {
    fn name(&self) -> &'static str {
        "http2"
    }
    fn detect(&self, _: &[u8]) -> Detection {
        Detection::No
    }
    fn traits(&self) -> ProtocolTraits {
        ProtocolTraits::new(Correlation::Assigned, "http")
    }
    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        assert_eq!(conn.limits.fields, 7);
        assert_eq!(conn.switch.as_ref().unwrap().settings, Bytes::from_static(b"\0\x03\0\0\0\x64"));
        Box::new(NextCodec { switch: conn.switch, stats: Stats::default() })
    }
}

impl Codec for NextCodec {
    fn decode(&mut self, input: &mut BytesMut, _: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if let Some(switch) = self.switch.take() {
            let mut head = switch.head;
            head.set_stream(StreamId::new(1));
            return Ok(Step::Event(Event::Head(head)));
        }
        if input.is_empty() {
            return Ok(Step::need(1));
        }
        Ok(Step::Event(Event::Body(Body { stream: StreamId::new(1), data: input.split().freeze(), end: false })))
    }
    fn encode(&mut self, _: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        cx.output().put(b"next");
        Ok(Sent::All)
    }
    fn state(&self) -> ConnState {
        ConnState::default()
    }
    fn stats(&self) -> &Stats {
        &self.stats
    }
}

fn conn() -> Conn {
    let mut limits = meshwire::Limits::default();
    limits.fields = 7;
    Conn::server().with_limits(limits)
}

fn h2c() -> Endpoint {
    let registry = Registry::builder().with(Next).build().unwrap();
    Endpoint::new(Http1::default().h2c(true).codec(conn())).with_registry(Arc::new(registry), conn())
}

fn answer(stream: StreamId) -> Event {
    let mut event = response(200, &[], "").unwrap();
    event.set_stream(stream);
    event
}

#[test]
fn the_next_codec_takes_over_in_the_same_buffers() {
    let mut end = h2c();
    let events = feed(&mut end, [ASKS.as_bytes(), b"PRI"].concat()).unwrap();
    assert_eq!(end.output_mut().take(), SWITCHED);
    assert_eq!(key(&events[0]), "h GET /a");
    let mut request: Head = head(&events[0]).clone();
    assert!(request.is_end() && request.upgrade().is_none());
    request.forward();
    let names: Vec<_> = meshwire::RoutingKey::fields(&request).unwrap().map(|(name, _)| name).collect();
    assert_eq!(names, [b"Host"]);
    assert!(matches!(&events[1], Event::Body(body) if body.data == "PRI"), "{events:?}");
    assert_eq!(end.send(&mut answer(StreamId::new(1))).unwrap(), Sent::All);
    assert_eq!(end.output_mut().take(), b"next");
}

#[test]
fn answers_owed_before_it_go_first() {
    let mut end = h2c();
    let events = feed(&mut end, format!("GET /1 HTTP/1.1\r\nHost: h\r\n\r\n{ASKS}PRI")).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(end.output().is_empty());
    assert_eq!(end.send(&mut answer(events[0].stream().unwrap())).unwrap(), Sent::All);
    let events = feed(&mut end, "").unwrap();
    assert_eq!((events.len(), key(&events[0])), (2, "h GET /a".to_owned()));
    let out = end.output_mut().take();
    assert!(out.starts_with(b"HTTP/1.1 200 OK\r\n") && out.ends_with(SWITCHED), "{}", out.escape_ascii());
}

#[test]
fn what_is_not_exactly_that_is_ignored() {
    for (from, to) in [
        ("HTTP2-Settings: AAMAAABk\r\n", ""),
        ("HTTP2-Settings: AAMAAABk\r\n", "HTTP2-Settings: AAMAAABk\r\nHTTP2-Settings: AAMAAABk\r\n"),
        ("AAMAAABk", "AAMAAABk="),
        ("AAMAAABk", "AAMAAAB"),
        ("AAMAAABk", "AAMA"),
        ("AAMAAABk", "AAM+AABk"),
        ("Upgrade, HTTP2-Settings", "Upgrade"),
        ("Upgrade, HTTP2-Settings", "HTTP2-Settings"),
        ("Upgrade, HTTP2-Settings", "Upgrade, HTTP2-Settings, close"),
        ("Upgrade: h2c", "Upgrade: h2"),
        ("Upgrade: h2c", "Upgrade: h2c, x"),
        ("Upgrade: h2c\r\n", "Upgrade: h2c\r\nContent-Length: 1\r\n"),
        ("Upgrade: h2c\r\n", "Upgrade: h2c\r\nTransfer-Encoding: chunked\r\n"),
        ("HTTP/1.1", "HTTP/1.0"),
    ] {
        let mut end = h2c();
        let events = feed(&mut end, ASKS.replacen(from, to, 1)).unwrap();
        assert_eq!(key(&events[0]), "h GET /a", "{from} {to}");
        assert!(end.output().is_empty() && !end.codec().state().close, "{from} {to}");
        assert!(head(&events[0]).upgrade().is_none());
    }
}

#[test]
fn nobody_switches_unasked() {
    let mut end = Endpoint::new(Http1::default().codec(conn()));
    let events = feed(&mut end, ASKS).unwrap();
    assert!(head(&events[0]).is_end() && end.output().is_empty());

    // Switched on where nobody knows the next protocol: the connection ends, and goes on ending.
    let mut end = Endpoint::new(Http1::default().h2c(true).codec(conn()));
    for _ in 0..2 {
        let error = feed(&mut end, ASKS).unwrap_err();
        assert_eq!((error.code, error.is_fatal()), ("switch", true));
    }
}
