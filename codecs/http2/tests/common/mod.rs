//! What the scenarios share: frames as a peer writes them, and an endpoint driven with bytes.
#![allow(dead_code, unreachable_pub)] // each test file uses its own part

use bytes::Bytes;
use meshwire::{Body, Conn, DecodeError, Endpoint, Event, Head, Limits, Protocol, Step, StreamId};
use meshwire_http2::Http2;
use meshwire_http2::hpack::{Encoder, Field};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
pub const PRIORITIZED: u8 = 0x20;

/// Codes of RST_STREAM and GOAWAY.
pub const NO_ERROR: u32 = 0;
pub const PROTOCOL_ERROR: u32 = 1;
pub const INTERNAL_ERROR: u32 = 2;
pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const SETTINGS_TIMEOUT: u32 = 4;
pub const STREAM_CLOSED: u32 = 5;
pub const FRAME_SIZE_ERROR: u32 = 6;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;
pub const COMPRESSION_ERROR: u32 = 9;
pub const ENHANCE_YOUR_CALM: u32 = 11;

pub type Pairs<'a> = &'a [(&'a str, &'a str)];

pub const GET: Pairs<'static> =
    &[(":method", "GET"), (":scheme", "http"), (":authority", "example.com"), (":path", "/users?id=1")];

pub const POST: Pairs<'static> =
    &[(":method", "POST"), (":scheme", "http"), (":authority", "example.com"), (":path", "/users")];

pub const CALL: Pairs<'static> = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/shop.Cart/Add"),
    (":authority", "example.com"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
    ("grpc-timeout", "2S"),
];

pub const OK: Pairs<'static> = &[(":status", "200")];

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

pub fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (id, value) in pairs {
        payload.extend(id.to_be_bytes());
        payload.extend(value.to_be_bytes());
    }
    frame(SETTINGS, 0, 0, &payload)
}

pub fn ack() -> Vec<u8> {
    frame(SETTINGS, ACK, 0, &[])
}

/// How a client begins.
pub fn hello() -> Vec<u8> {
    [PREFACE.to_vec(), settings(&[])].concat()
}

/// A block that uses no table.
pub fn block(fields: Pairs<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        Encoder::literal(&Field::new(name.as_bytes(), value.as_bytes()), &mut out);
    }
    out
}

pub fn headers(stream: u32, end: bool, fields: Pairs<'_>) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | u8::from(end), stream, &block(fields))
}

pub fn data(stream: u32, end: bool, payload: &[u8]) -> Vec<u8> {
    frame(DATA, u8::from(end), stream, payload)
}

pub fn rst(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

pub fn credit(stream: u32, n: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &n.to_be_bytes())
}

pub fn goaway(last: u32, code: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())
}

/// A server whose client has said hello and was heard.
pub fn server() -> Endpoint {
    server_with(|_| {})
}

pub fn server_with(edit: impl FnOnce(&mut Limits)) -> Endpoint {
    server_of(&Http2::default(), edit)
}

pub fn server_of(protocol: &Http2, edit: impl FnOnce(&mut Limits)) -> Endpoint {
    let mut limits = Limits::default();
    edit(&mut limits);
    let mut end = Endpoint::new(protocol.codec(Conn::server().with_limits(limits)));
    feed(&mut end, [hello(), ack()].concat()).unwrap();
    end.output_mut().take();
    end
}

/// A client whose server has said hello and was heard.
pub fn client() -> Endpoint {
    client_with(&[], |_| {})
}

pub fn client_with(said: &[(u16, u32)], edit: impl FnOnce(&mut Limits)) -> Endpoint {
    let mut limits = Limits::default();
    edit(&mut limits);
    let mut end = Endpoint::new(Http2::default().codec(Conn::client().with_limits(limits)));
    feed(&mut end, [settings(said), ack()].concat()).unwrap();
    end.output_mut().take();
    end
}

/// The events that `bytes` bring, up to where more is needed; data is released at once.
pub fn feed(end: &mut Endpoint, bytes: impl AsRef<[u8]>) -> Result<Vec<Event>, DecodeError> {
    end.input().extend_from_slice(bytes.as_ref());
    events(end, true)
}

/// The same, and the data stays with us.
pub fn keep(end: &mut Endpoint, bytes: impl AsRef<[u8]>) -> Result<Vec<Event>, DecodeError> {
    end.input().extend_from_slice(bytes.as_ref());
    events(end, false)
}

pub fn events(end: &mut Endpoint, release: bool) -> Result<Vec<Event>, DecodeError> {
    let mut events = Vec::new();
    loop {
        match end.decode()? {
            Step::Event(event) => {
                if let Some(stream) = event.stream().filter(|_| release && event.data_len() > 0) {
                    end.release(stream, event.data_len());
                }
                events.push(event);
            }
            Step::NeedMore(_) | Step::Paused | Step::Closed => return Ok(events),
        }
    }
}

pub fn error(end: &mut Endpoint, bytes: impl AsRef<[u8]>) -> DecodeError {
    match feed(end, bytes) {
        Err(error) => error,
        Ok(events) => panic!("no error: {events:?}"),
    }
}

pub fn head(event: &Event) -> &Head {
    match event {
        Event::Head(head) | Event::Trailers(head) => head,
        other => panic!("no head: {other:?}"),
    }
}

/// The one event that `bytes` are.
pub fn one(end: &mut Endpoint, bytes: impl AsRef<[u8]>) -> Event {
    let mut events = feed(end, bytes).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

/// A head that has no end yet, as it comes from an upstream, for stream `id`.
pub fn open_answer(id: u64, fields: Pairs<'_>) -> Event {
    let mut upstream = client();
    let _ = upstream.send(&mut meshwire_http2::request("GET", "/", "h", &[], "").unwrap()).unwrap();
    let mut event = one(&mut upstream, headers(1, false, fields));
    event.set_stream(StreamId::new(id));
    event
}

/// A piece of a body.
pub fn body(id: u64, end: bool, data: impl Into<Bytes>) -> Event {
    Event::Body(Body { stream: StreamId::new(id), data: data.into(), end })
}

/// A frame that an endpoint wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    /// The code of RST_STREAM or GOAWAY.
    pub fn code(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The first number of its payload.
    pub fn number(&self) -> u32 {
        u32::from_be_bytes(self.payload[..4].try_into().unwrap())
    }
}

pub fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut all = Vec::new();
    bytes = bytes.strip_prefix(PREFACE).unwrap_or(bytes);
    while !bytes.is_empty() {
        let len = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]) as usize;
        let stream = u32::from_be_bytes(bytes[5..9].try_into().unwrap());
        all.push(Frame { kind: bytes[3], flags: bytes[4], stream, payload: bytes[9..9 + len].to_vec() });
        bytes = &bytes[9 + len..];
    }
    all
}

/// What an endpoint has written since.
pub fn written(end: &mut Endpoint) -> Vec<Frame> {
    frames(&end.output_mut().take())
}

/// The only frame of this type that it has written since.
pub fn wrote(end: &mut Endpoint, kind: u8) -> Frame {
    let all = written(end);
    let mut of_kind = all.iter().filter(|frame| frame.kind == kind);
    let first = of_kind.next().unwrap_or_else(|| panic!("none of type {kind}: {all:?}")).clone();
    assert!(of_kind.next().is_none(), "{all:?}");
    first
}
