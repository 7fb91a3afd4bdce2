//! What the tests of this folder share: messages written by hand, and the ends that read them.
#![allow(dead_code)] // each test uses a part of it

use meshwire::{Conn, DecodeError, Depth, Endpoint, Event, Head, Limits, Protocol, Role, Sent, Step, StreamId};
use meshwire_thrift::{Encoding, Thrift, Transport};
use proptest::prelude::ProptestConfig;

pub(crate) use meshwire_thrift::Encoding::{Binary, Compact, Json, OldBinary};

pub(crate) const CALL: u8 = 1;
pub(crate) const REPLY: u8 = 2;
pub(crate) const EXCEPTION: u8 = 3;
pub(crate) const ONE_WAY: u8 = 4;

/// What stands around a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrap {
    Framed,
    Unframed,
    THeader,
    TTHeader,
    /// With a frame of its own inside, as Volo writes it.
    TTHeaderFramed,
    Dubbo,
}

impl Wrap {
    pub(crate) const ALL: [Self; 6] =
        [Self::Framed, Self::Unframed, Self::THeader, Self::TTHeader, Self::TTHeaderFramed, Self::Dubbo];

    pub(crate) const fn transport(self) -> Transport {
        match self {
            Self::Framed => Transport::Framed,
            Self::Unframed => Transport::Unframed,
            Self::THeader => Transport::THeader,
            Self::TTHeader | Self::TTHeaderFramed => Transport::TTHeader,
            Self::Dubbo => Transport::Dubbo,
        }
    }

    /// Whether it has a header with fields.
    pub(crate) const fn has_fields(self) -> bool {
        matches!(self, Self::THeader | Self::TTHeader | Self::TTHeaderFramed)
    }
}

/// Every pair of a transport and an encoding that goes together.
pub(crate) const LAYOUTS: [(Wrap, Encoding); 18] = [
    (Wrap::Framed, Binary),
    (Wrap::Framed, OldBinary),
    (Wrap::Framed, Compact),
    (Wrap::Framed, Json),
    (Wrap::Unframed, Binary),
    (Wrap::Unframed, OldBinary),
    (Wrap::Unframed, Compact),
    (Wrap::THeader, Binary),
    (Wrap::THeader, OldBinary),
    (Wrap::THeader, Compact),
    (Wrap::THeader, Json),
    (Wrap::TTHeader, Binary),
    (Wrap::TTHeader, OldBinary),
    (Wrap::TTHeader, Compact),
    (Wrap::TTHeaderFramed, Binary),
    (Wrap::TTHeaderFramed, OldBinary),
    (Wrap::TTHeaderFramed, Compact),
    (Wrap::Dubbo, Binary),
];

pub(crate) fn length(n: usize) -> [u8; 4] {
    (n as u32).to_be_bytes()
}

pub(crate) fn varint(mut value: u32) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// The begin of a message.
pub(crate) fn begin(encoding: Encoding, kind: u8, name: &str, id: u32) -> Vec<u8> {
    let (name, len, id) = (name.as_bytes(), name.len(), id);
    match encoding {
        Binary => [&[0x80, 1, 0, kind][..], &length(len), name, &id.to_be_bytes()].concat(),
        OldBinary => [&length(len)[..], name, &[kind], &id.to_be_bytes()].concat(),
        Compact => [&[0x82, kind << 5 | 1][..], &varint(id), &varint(len as u32), name].concat(),
        Json => [b"[1,\"", name, format!("\",{kind},{},", id as i32).as_bytes()].concat(),
        other => panic!("{other}"),
    }
}

pub(crate) fn message(encoding: Encoding, kind: u8, name: &str, id: u32, body: &[u8]) -> Vec<u8> {
    [&begin(encoding, kind, name, id)[..], body].concat()
}

/// A struct that holds one string of field `field`, and its end.
pub(crate) fn text(encoding: Encoding, field: u8, text: &str) -> Vec<u8> {
    match encoding {
        Compact => {
            // A distance of 0 is written out.
            let head = if field == 0 { vec![0x08, 0] } else { vec![field << 4 | 0x08] };
            [&head[..], &varint(text.len() as u32), text.as_bytes(), &[0]].concat()
        }
        Json => format!("{{\"{field}\":{{\"str\":\"{text}\"}}}}]").into_bytes(),
        _ => [&[11, 0, field][..], &length(text.len()), text.as_bytes(), &[0]].concat(),
    }
}

/// The struct without fields.
pub(crate) fn nothing(encoding: Encoding) -> &'static [u8] {
    if encoding == Json { b"{}]" } else { &[0] }
}

/// The struct of a `TApplicationException` of this type.
pub(crate) fn thrown(encoding: Encoding, message: &str, kind: i32) -> Vec<u8> {
    let mut out = text(encoding, 1, message);
    match encoding {
        Compact => {
            out.pop();
            out.push(0x15);
            out.extend(varint((kind << 1 ^ kind >> 31) as u32));
            out.push(0);
        }
        Json => {
            out.truncate(out.len() - 2);
            out.extend_from_slice(format!(",\"2\":{{\"i32\":{kind}}}}}]").as_bytes());
        }
        _ => {
            out.pop();
            out.extend([8, 0, 2]);
            out.extend(kind.to_be_bytes());
            out.push(0);
        }
    }
    out
}

pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    [&length(message.len())[..], message].concat()
}

/// A number of words of four bytes, and the block padded to it.
pub(crate) fn words(mut block: Vec<u8>) -> Vec<u8> {
    block.resize(block.len().next_multiple_of(4), 0);
    [&((block.len() / 4) as u16).to_be_bytes()[..], &block].concat()
}

/// The number that both headers have for an encoding.
pub(crate) fn number(encoding: Encoding) -> u8 {
    match encoding {
        Compact => 2,
        Json => 1,
        _ => 0,
    }
}

/// A THeader with this block: protocol, transforms, fields.
pub(crate) fn theader(id: u32, block: &[u8], message: &[u8]) -> Vec<u8> {
    frame(&[&[0x0f, 0xff, 0, 0][..], &id.to_be_bytes(), &words(block.to_vec()), message].concat())
}

/// The same of TTHeader.
pub(crate) fn ttheader(id: u32, block: &[u8], message: &[u8]) -> Vec<u8> {
    frame(&[&[0x10, 0, 0, 0][..], &id.to_be_bytes(), &words(block.to_vec()), message].concat())
}

pub(crate) fn dubbo(service: &str, id: u64, message: &[u8]) -> Vec<u8> {
    let header = [&((service.len() + 21) as u16).to_be_bytes()[..], &[1], &length(service.len())].concat();
    let rest = [&header, service.as_bytes(), &id.to_be_bytes(), message].concat();
    let len = length(rest.len() + 6);
    [&len[..], &[0xda, 0xbc], &len, &rest].concat()
}

pub(crate) const SERVICE: &str = "com.example.Store";

/// A message in its transport, without fields.
pub(crate) fn wrap(wrap: Wrap, encoding: Encoding, id: u32, message: &[u8]) -> Vec<u8> {
    let block = [number(encoding), 0];
    match wrap {
        Wrap::Framed => frame(message),
        Wrap::Unframed => message.to_vec(),
        Wrap::THeader => theader(id, &block, message),
        Wrap::TTHeader => ttheader(id, &block, message),
        Wrap::TTHeaderFramed => ttheader(id, &block, &frame(message)),
        Wrap::Dubbo => dubbo(SERVICE, id.into(), message),
    }
}

/// A call of `name` with one argument.
pub(crate) fn call(layout: (Wrap, Encoding), name: &str, id: u32) -> Vec<u8> {
    wrap(layout.0, layout.1, id, &message(layout.1, CALL, name, id, &text(layout.1, 1, "an argument")))
}

/// A reply with one value.
pub(crate) fn reply(layout: (Wrap, Encoding), name: &str, id: u32) -> Vec<u8> {
    wrap(layout.0, layout.1, id, &message(layout.1, REPLY, name, id, &text(layout.1, 0, "a value")))
}

/// One end of a connection that shows everything.
pub(crate) fn end(protocol: &Thrift, role: Role, change: impl FnOnce(&mut Limits)) -> Endpoint {
    let conn = match role {
        Role::Server => Conn::server(),
        Role::Client => Conn::client(),
    };
    let mut limits = Limits::default();
    change(&mut limits);
    Endpoint::new(protocol.codec(conn.with_limits(limits).with_depth(Depth::ALL)))
}

pub(crate) fn server() -> Endpoint {
    end(&Thrift::new(), Role::Server, |_| {})
}

pub(crate) fn server_of(protocol: &Thrift) -> Endpoint {
    end(protocol, Role::Server, |_| {})
}

pub(crate) fn server_with(change: impl FnOnce(&mut Limits)) -> Endpoint {
    end(&Thrift::new(), Role::Server, change)
}

pub(crate) fn client() -> Endpoint {
    end(&Thrift::new(), Role::Client, |_| {})
}

pub(crate) fn client_of(protocol: &Thrift) -> Endpoint {
    end(protocol, Role::Client, |_| {})
}

/// A client that has sent `request`, so that it knows what it speaks and what is owed.
pub(crate) fn client_after(protocol: &Thrift, request: &[u8]) -> Endpoint {
    let mut end = client_of(protocol);
    let head = head(&mut server(), request);
    sent(&mut end, head);
    end
}

/// The next event of bytes that are all there.
#[track_caller]
pub(crate) fn event(end: &mut Endpoint, bytes: &[u8]) -> Event {
    end.input().extend_from_slice(bytes);
    match end.decode() {
        Ok(Step::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(crate) fn head(end: &mut Endpoint, bytes: &[u8]) -> Head {
    match event(end, bytes) {
        Event::Head(head) => head,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
pub(crate) fn error(end: &mut Endpoint, bytes: &[u8]) -> DecodeError {
    end.input().extend_from_slice(bytes);
    end.decode().map(|step| panic!("{step:?}")).unwrap_err()
}

/// The wire form of a message.
#[track_caller]
pub(crate) fn sent(end: &mut Endpoint, head: Head) -> Vec<u8> {
    assert_eq!(end.send(&mut Event::Head(head)).unwrap(), Sent::All);
    end.output_mut().take()
}

/// The same under another name, as a proxy gives it.
#[track_caller]
pub(crate) fn sent_as(end: &mut Endpoint, mut head: Head, id: u64) -> Vec<u8> {
    head.set_stream(StreamId::new(id).with_tag(head.stream().tag()));
    sent(end, head)
}

/// The events of `bytes`, so many at a time.
pub(crate) fn events(end: &mut Endpoint, bytes: &[u8], piece: usize) -> Result<Vec<Event>, DecodeError> {
    let mut events = Vec::new();
    for piece in bytes.chunks(piece) {
        end.input().extend_from_slice(piece);
        while let Step::Event(event) = end.decode()? {
            if let Some(stream) = event.stream() {
                end.release(stream, event.data_len());
            }
            events.push(event);
        }
    }
    Ok(events)
}

/// Whether `name` takes the whole of the data of `events` together.
pub(crate) fn data(events: &[Event]) -> Vec<u8> {
    let piece = |event: &Event| match event {
        Event::Head(head) => head.data().to_vec(),
        Event::Body(body) => body.data.to_vec(),
        other => panic!("{other:?}"),
    };
    events.iter().flat_map(piece).collect()
}

/// So many cases, and no files of those that failed.
pub(crate) fn cases(n: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(n) }
}
