//! What the tests of this folder share: frames written by hand, and the ends that read them.
#![allow(dead_code)] // each test uses a part of it

use meshwire::{Conn, DecodeError, Depth, Endpoint, Event, Head, Limits, Protocol, Sent, Step};
use meshwire_hessian::{Dialect, put};
use meshwire_sofarpc::{Bolt, Call, Version};

pub(crate) const SOFA_REQUEST: &str = "com.alipay.sofa.rpc.core.request.SofaRequest";

/// `hello("world")` of `interop.Echo:1.0` by npm sofa-bolt-node 2.0.1, as it comes out of the box.
pub(crate) const NODE: &[u8] =
    b"\x01\x01\x00\x01\x01\x00\x00\x00\x07\x01\x00\x00\x0b\xb8\x00,\x00\x1f\x00\x00\x00\xc5com.alipay.sofa\
    .rpc.core.request.SofaRequest\x00\x00\x00\x07service\x00\x00\x00\x10interop.Echo:1.0O\xbccom.alipay.\
    sofa.rpc.core.request.SofaRequest\x95\x0amethodName\x0dmethodArgSigs\x17targetServiceUniqueName\x0dt\
    argetAppName\x0crequestPropso\x90\x05helloVt\x00\x11[java.lang.Stringn\x01\x10java.lang.Stringz\x10i\
    nterop.Echo:1.0NN\x05world";

pub(crate) const VERSIONS: [Version; 4] = [Version::V1, Version::V2, Version::V2Unchecked, Version::V2Checked];

pub(crate) fn server() -> Endpoint {
    server_with(|_| {})
}

pub(crate) fn server_with(change: impl FnOnce(&mut Limits)) -> Endpoint {
    let mut limits = Limits::default();
    change(&mut limits);
    Endpoint::new(Bolt::new().codec(Conn::server().with_limits(limits).with_depth(Depth::ALL)))
}

pub(crate) fn client() -> Endpoint {
    Endpoint::new(Bolt::new().codec(Conn::client().with_depth(Depth::ALL)))
}

pub(crate) fn client_with(change: impl FnOnce(&mut Limits)) -> Endpoint {
    let mut limits = Limits::default();
    change(&mut limits);
    Endpoint::new(Bolt::new().codec(Conn::client().with_limits(limits).with_depth(Depth::ALL)))
}

/// The next event of bytes that are all there.
pub(crate) fn event(end: &mut Endpoint, bytes: &[u8]) -> Event {
    end.input().extend_from_slice(bytes);
    match end.decode() {
        Ok(Step::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn head(end: &mut Endpoint, bytes: &[u8]) -> Head {
    match event(end, bytes) {
        Event::Head(head) => head,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn error(end: &mut Endpoint, bytes: &[u8]) -> DecodeError {
    end.input().extend_from_slice(bytes);
    end.decode().map(|step| panic!("{step:?}")).unwrap_err()
}

/// The wire form of a message.
pub(crate) fn sent(end: &mut Endpoint, head: Head) -> Vec<u8> {
    assert_eq!(end.send(&mut Event::Head(head)).unwrap(), Sent::All);
    end.output_mut().take().to_vec()
}

/// The wire form of a call.
pub(crate) fn wire(call: &Call, id: u64) -> Vec<u8> {
    sent(&mut client(), call.head(id))
}

/// A call to a service, in each version.
pub(crate) fn call(version: Version) -> Call {
    Call::new("com.example.Greeter:1.0", "hello").with_layout(version).with_content(1, "O\u{3c}whatever")
}

/// A request frame of v1 with this class, map and content.
pub(crate) fn v1(class: &[u8], map: &[u8], content: &[u8]) -> Vec<u8> {
    let mut frame = vec![1, 1, 0, 1, 1, 0, 0, 0, 7, 1, 0, 0, 0x0b, 0xb8];
    frame.extend((class.len() as u16).to_be_bytes());
    frame.extend((map.len() as u16).to_be_bytes());
    frame.extend((content.len() as u32).to_be_bytes());
    [&frame, class, map, content].concat()
}

/// The content of a call: a `SofaRequest` with these fields, as they stand on the wire, and an argument.
pub(crate) fn request(dialect: Dialect, fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    put::object(&mut out, dialect, 0, SOFA_REQUEST, fields);
    put::string(&mut out, dialect, "world");
    out
}

/// The content of a call that names nothing.
pub(crate) fn blank() -> Vec<u8> {
    request(Dialect::Ant3, &[])
}

/// A header map; `None` is a null.
pub(crate) fn map(strings: &[Option<&str>]) -> Vec<u8> {
    let string = |string: &Option<&str>| match string {
        Some(string) => [&(string.len() as u32).to_be_bytes()[..], string.as_bytes()].concat(),
        None => vec![0xff; 4],
    };
    strings.iter().flat_map(string).collect()
}

/// Bit by bit, as its definition has it.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

/// Whether a frame ends in its checksum.
pub(crate) fn is_signed(frame: &[u8]) -> bool {
    let (body, sum) = frame.split_at(frame.len() - 4);
    sum == crc32(body).to_be_bytes()
}

/// A call of 70,000 bytes, which streams.
pub(crate) fn large(version: Version) -> Vec<u8> {
    wire(&call(version).with_content(1, vec![b'x'; 70_000]), 7)
}

/// The events of `bytes`, fed a thousand at a time.
pub(crate) fn events(end: &mut Endpoint, bytes: &[u8]) -> Result<Vec<Event>, DecodeError> {
    let mut events = Vec::new();
    for piece in bytes.chunks(1000) {
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

/// Sends the events of a message on under another name.
pub(crate) fn forward(end: &mut Endpoint, events: Vec<Event>, id: u64) -> Vec<u8> {
    for mut event in events {
        let tag = event.stream().unwrap().tag();
        event.set_stream(meshwire::StreamId::new(id).with_tag(tag));
        assert_eq!(end.send(&mut event).unwrap(), Sent::All);
    }
    end.output_mut().take().to_vec()
}
