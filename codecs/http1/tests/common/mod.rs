//! What the scenarios share: an endpoint driven with bytes, and events as lines to compare.
#![allow(dead_code, unreachable_pub)] // each test file uses its own part

use meshwire::{
    Attr, Attribute, Conn, DecodeError, Endpoint, Event, Head, Limits, Protocol, RoutingKey, Sent, Step, StreamId,
};
use meshwire_http1::Http1;

pub fn server() -> Endpoint {
    Endpoint::new(Http1::default().codec(Conn::server()))
}

pub fn client() -> Endpoint {
    Endpoint::new(Http1::default().codec(Conn::client()))
}

pub fn server_with(edit: impl FnOnce(&mut Limits)) -> Endpoint {
    let mut limits = Limits::default();
    edit(&mut limits);
    Endpoint::new(Http1::default().codec(Conn::server().with_limits(limits)))
}

pub fn client_with(edit: impl FnOnce(&mut Limits)) -> Endpoint {
    let mut limits = Limits::default();
    edit(&mut limits);
    Endpoint::new(Http1::default().codec(Conn::client().with_limits(limits)))
}

/// The events that `bytes` bring, up to where more is needed; data is released at once.
pub fn feed(end: &mut Endpoint, bytes: impl AsRef<[u8]>) -> Result<Vec<Event>, DecodeError> {
    end.input().extend_from_slice(bytes.as_ref());
    events(end)
}

pub fn events(end: &mut Endpoint) -> Result<Vec<Event>, DecodeError> {
    let mut events = Vec::new();
    loop {
        match end.decode()? {
            Step::Event(event) => {
                if let Some(stream) = event.stream() {
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
        Event::Head(head) => head,
        other => panic!("no head: {other:?}"),
    }
}

/// The one head that `bytes` are.
pub fn one(end: &mut Endpoint, bytes: impl AsRef<[u8]>) -> Event {
    let mut events = feed(end, bytes).unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

pub fn send(end: &mut Endpoint, event: &mut Event) -> String {
    let before = end.output().len();
    assert_eq!(before, 0);
    assert_eq!(end.send(event).unwrap(), Sent::All);
    taken(end)
}

pub fn taken(end: &mut Endpoint) -> String {
    String::from_utf8_lossy(&end.output_mut().take()).into_owned()
}

pub fn answer(stream: u64, status: u16, body: &str) -> Event {
    let mut event = meshwire_http1::response(status, &[], body).unwrap();
    event.set_stream(StreamId::new(stream));
    event
}

pub fn text(attr: Attr<'_>) -> String {
    match attr {
        Attr::Value(value) => String::from_utf8_lossy(value).into_owned(),
        Attr::Absent => "-".to_owned(),
        Attr::NotSeen => "?".to_owned(),
    }
}

pub fn key(event: &Event) -> String {
    let attributes = [Attribute::Authority, Attribute::Verb, Attribute::Path];
    attributes.map(|a| text(head(event).attribute(a))).join(" ")
}

/// A client that has asked this.
pub fn asked(method: &str, fields: &[(&str, &str)]) -> Endpoint {
    let mut end = client();
    ask(&mut end, method, fields);
    end
}

pub fn ask(end: &mut Endpoint, method: &str, fields: &[(&str, &str)]) -> StreamId {
    let target = if method == "CONNECT" { "h:1" } else { "/" };
    let mut all = vec![("Host", if method == "CONNECT" { "h:1" } else { "h" })];
    all.extend_from_slice(fields);
    let mut event = meshwire_http1::request(method, target, &all, "").unwrap();
    assert_eq!(end.send(&mut event).unwrap(), Sent::All);
    end.output_mut().take();
    event.stream().unwrap()
}

/// Events as lines; neighbouring pieces of a body are one, however they were cut.
pub fn lines(events: &[Event]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut body: Option<(u64, Vec<u8>)> = None;
    let mut ended = false;
    let flush = |body: &mut Option<(u64, Vec<u8>)>, ended: bool, lines: &mut Vec<String>| {
        if let Some((stream, data)) = body.take() {
            lines.push(format!("body {stream} {:?} {ended}", String::from_utf8_lossy(&data)));
        }
    };
    for event in events {
        match event {
            Event::Head(head) => {
                flush(&mut body, ended, &mut lines);
                let fields: Vec<String> = head
                    .fields()
                    .unwrap()
                    .map(|(n, v)| format!("{}={}", String::from_utf8_lossy(n), String::from_utf8_lossy(v)))
                    .collect();
                lines.push(format!(
                    "{:?} {} {:?} {:?} {}",
                    head.kind(),
                    head.stream(),
                    head.status(),
                    Attribute::ALL.map(|a| text(head.attribute(a))),
                    fields.join(";")
                ));
                body = Some((head.stream().id(), head.data().to_vec()));
                ended = head.is_end();
            }
            Event::Body(piece) => {
                let (_, data) = body.get_or_insert((piece.stream.id(), Vec::new()));
                data.extend_from_slice(&piece.data);
                ended = piece.end;
            }
            other => {
                flush(&mut body, ended, &mut lines);
                ended = false;
                lines.push(format!("{other:?}"));
            }
        }
    }
    flush(&mut body, ended, &mut lines);
    lines
}
