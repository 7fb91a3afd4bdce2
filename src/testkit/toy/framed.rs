//! A length-framed protocol whose id has no fixed length, whose fields come last, and whose frames end in a checksum.
//!
//! ```text
//! 'T' 'F'  kind  status  rest u32 | id varint | service  method | body u32  body | fields ... | checksum u32
//! ```
//!
//! `rest` counts everything behind itself. Service and method are in requests only, one byte of length in front of
//! each. A field is one byte of length and a name, two bytes of length and a value. The checksum is FNV-1a over all
//! that stands before it. Kinds: 0 request, 1 one-way, 2 response, 3 heartbeat, 4 its answer, 5 go-away.

use crate::codec::{Codec, Conn, Correlation, Detection, Protocol, ProtocolTraits};
use crate::depth::Depth;
use crate::error::EncodeError;
use crate::event::StreamId;
use crate::frame::{
    Checksum, Control, Fault, Frame, FrameCodec, FrameFormat, FrameKind, IdField, Parse, Rebuilt, Scan,
};
use crate::head::{Head, HeadFormat};
use crate::key::{Attribute, RoutingKey};
use crate::outcome::{LocalReply, Outcome};
use crate::testkit::sample::Sample;
use crate::testkit::toy::fields::{check_field, next_field, outcome_of, put_field, status_of};

/// The protocol.
///
/// ```
/// use meshwire::testkit::toy;
/// use meshwire::{Detection, Protocol};
///
/// assert_eq!(toy::Framed.detect(b"TF\x00\x00"), Detection::Yes);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Framed;

impl Protocol for Framed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn detect(&self, prefix: &[u8]) -> Detection {
        let fits = prefix.iter().zip(MAGIC).all(|(seen, magic)| *seen == magic);
        match (fits, prefix.get(2), prefix.get(3)) {
            (false, ..) => Detection::No,
            (true, Some(&(REQUEST | ONE_WAY | HEARTBEAT | GO_AWAY)), Some(0)) => Detection::Yes,
            (true, Some(_), Some(_)) => Detection::No,
            _ => Detection::NeedMore(4),
        }
    }

    fn traits(&self) -> ProtocolTraits {
        let mut traits = ProtocolTraits::new(Correlation::Id { bits: 64 }, NAME);
        traits.verbatim = true;
        traits.field_edits = true;
        traits.heartbeat = true;
        traits.one_way = true;
        traits
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        Box::new(FrameCodec::new(Format, conn))
    }
}

const NAME: &str = "toy-framed";
const MAGIC: [u8; 2] = *b"TF";
/// Magic, kind, status, and the length of the rest.
const FIXED: usize = 8;
const REQUEST: u8 = 0;
const ONE_WAY: u8 = 1;
const RESPONSE: u8 = 2;
const HEARTBEAT: u8 = 3;
const HEARTBEAT_ACK: u8 = 4;
const GO_AWAY: u8 = 5;

/// In the tag: no answer is owed.
const TAG_ONE_WAY: u32 = 1;

/// FNV-1a, 32 bits.
static CHECKSUM: Checksum = Checksum {
    len: 4,
    seed: 0x811c_9dc5,
    update: |state, bytes| {
        let step = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        u64::from(bytes.iter().fold(state as u32, step))
    },
    finish: |state| state,
    change: None,
};

static HEAD: HeadFormat = HeadFormat::new(NAME, NAME)
    .without(&[Attribute::Authority, Attribute::Path, Attribute::Verb, Attribute::Version, Attribute::Group])
    .editable(&[Attribute::Service, Attribute::Method])
    .with_fields(|_, bytes, cursor| next_field(bytes, cursor))
    .with_field_edits(check_field);

/// How the frames of this protocol look.
#[derive(Clone, Copy, Debug, Default)]
struct Format;

/// What [`Scan::state`] counts: the part that the scan has come to.
const AT_START: u32 = 0;
const AT_SERVICE: u32 = 1;
const AT_METHOD: u32 = 2;
const AT_BODY: u32 = 3;
const AT_FIELDS: u32 = 4;

impl FrameFormat for Format {
    fn head_format(&self) -> &'static HeadFormat {
        &HEAD
    }

    fn frame(&self, seen: &[u8]) -> Result<Parse<Frame>, Fault> {
        if seen.iter().zip(MAGIC).any(|(seen, magic)| *seen != magic) {
            return Err(Fault::new("magic", "a frame begins with TF", 0));
        }
        let Some((&[_, _, kind, status, a, b, c, d], behind)) = seen.split_first_chunk::<FIXED>() else {
            return Ok(Parse::Need(FIXED));
        };
        let (id, width) = match varint(behind)? {
            Parse::Done(found) => found,
            Parse::Need(n) => return Ok(Parse::Need(FIXED.saturating_add(n))),
        };
        let (kind, tag) = match kind {
            REQUEST => (FrameKind::Request, 0),
            ONE_WAY => (FrameKind::OneWay, TAG_ONE_WAY),
            RESPONSE => (FrameKind::Response, 0),
            HEARTBEAT | HEARTBEAT_ACK | GO_AWAY => (FrameKind::Control, 0),
            _ => return Err(Fault::new("kind", "kinds go from 0 to 5", 2)),
        };
        if status != 0 && kind != FrameKind::Response {
            return Err(Fault::new("status", "only a response has a status", 3));
        }
        let len = u64::from(u32::from_be_bytes([a, b, c, d])).saturating_add(FIXED as u64);
        // No width: another id may take another number of bytes, so the front is built anew.
        let id = IdField::new(id, FIXED, 0);
        let frame = Frame::new(kind, len, FIXED.saturating_add(width), id);
        Ok(Parse::Done(frame.with_tag(tag).with_checksum(&CHECKSUM)))
    }

    fn head(
        &mut self,
        frame: &Frame,
        seen: &[u8],
        depth: &Depth,
        scan: &mut Scan,
        head: &mut Head,
    ) -> Result<Parse<()>, Fault> {
        let payload_end = frame.len.saturating_sub(CHECKSUM.len as u64);
        if scan.state == AT_START {
            scan.at = frame.payload_at;
            scan.state = AT_SERVICE;
            if frame.kind == FrameKind::Response {
                scan.state = AT_BODY;
                head.set_absent(Attribute::Service);
                head.set_absent(Attribute::Method);
                let status = seen.get(3).copied().unwrap_or_default();
                head.set_status(u32::from(status), outcome_of(status));
            }
        }
        while scan.state < AT_BODY {
            let Some(n) = seen.get(scan.at) else { return Ok(Parse::Need(scan.at.saturating_add(1))) };
            let start = scan.at.saturating_add(1);
            let end = start.saturating_add(usize::from(*n));
            if end > seen.len() {
                return Ok(Parse::Need(end));
            }
            let attribute = if scan.state == AT_METHOD { Attribute::Method } else { Attribute::Service };
            head.set_span_in(attribute, seen, start..end);
            scan.state = scan.state.saturating_add(1);
            scan.at = end;
        }
        if scan.state == AT_BODY {
            let Some(n) = seen.get(scan.at..).and_then(<[u8]>::first_chunk) else {
                return Ok(Parse::Need(scan.at.saturating_add(4)));
            };
            let fields_at = (scan.at as u64).saturating_add(4).saturating_add(u64::from(u32::from_be_bytes(*n)));
            if fields_at > payload_end {
                return Err(Fault::new("body_length", "the body ends behind its message", scan.at));
            }
            scan.at = usize::try_from(fields_at).unwrap_or(usize::MAX);
            scan.state = AT_FIELDS;
        }
        if !depth.needs_fields() {
            return Ok(Parse::Done(()));
        }
        // The fields are the last thing in a frame: to see them is to wait for all of it.
        if payload_end > seen.len() as u64 {
            return Ok(Parse::Need(usize::try_from(payload_end).unwrap_or(usize::MAX)));
        }
        let mut cursor = scan.at;
        while next_field(seen, &mut cursor).is_some() {}
        if cursor != seen.len() {
            return Err(Fault::new("field", "a field ends behind its message", cursor));
        }
        head.set_fields_at(scan.at);
        Ok(Parse::Done(()))
    }

    fn control(&self, _: &Frame, seen: &[u8]) -> Result<Control, Fault> {
        Ok(match seen.get(2) {
            Some(&HEARTBEAT) => Control::Heartbeat,
            Some(&HEARTBEAT_ACK) => Control::HeartbeatAck,
            Some(&GO_AWAY) => Control::GoAway,
            _ => Control::Ignored,
        })
    }

    fn heartbeat_ack(&self, frame: &Frame, _: &[u8], out: &mut Vec<u8>) -> bool {
        put_control(HEARTBEAT_ACK, frame.id.value, out);
        true
    }

    fn heartbeat(&self, id: u64, _: u32, out: &mut Vec<u8>) -> bool {
        put_control(HEARTBEAT, id, out);
        true
    }

    fn go_away(&self, id: u64, _: u32, out: &mut Vec<u8>) -> bool {
        put_control(GO_AWAY, id, out);
        true
    }

    fn reply(&self, stream: StreamId, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
        if stream.tag() & TAG_ONE_WAY != 0 {
            return false;
        }
        let message = reply.message.as_bytes();
        let mut rest = Vec::new();
        put_varint(stream.id(), &mut rest);
        put_u32(message.len(), &mut rest);
        rest.extend_from_slice(message);
        put_front(RESPONSE, status_of(reply.outcome), rest.len(), out);
        out.extend_from_slice(&rest);
        true
    }

    fn rebuild(&mut self, frame: &Frame, head: &Head, out: &mut Vec<u8>) -> Result<Rebuilt, EncodeError> {
        let bytes = head.bytes();
        let mut front = Vec::new();
        put_varint(head.stream().id(), &mut front);
        let mut rebuilt = Rebuilt { replaced: frame.payload_at, ..Rebuilt::default() };
        if head.edited(Attribute::Service).is_some() || head.edited(Attribute::Method).is_some() {
            for attribute in [Attribute::Service, Attribute::Method] {
                let new = head.attribute(attribute).value().unwrap_or_default();
                let Ok(n) = u8::try_from(new.len()) else {
                    return Err(EncodeError::Invalid { protocol: NAME, what: "a name of more than 255 bytes" });
                };
                front.push(n);
                front.extend_from_slice(new);
                let old = bytes.get(rebuilt.replaced).copied().unwrap_or_default();
                rebuilt.replaced = rebuilt.replaced.saturating_add(1).saturating_add(usize::from(old));
            }
        }
        if head.field_edits().next().is_some() {
            let (Some(at), Some(fields)) = (head.fields_at(), head.fields()) else {
                return Err(EncodeError::NoPlace { protocol: NAME, what: "edits of fields that were not decoded" });
            };
            rebuilt.cut = bytes.len().saturating_sub(head.tail().len()).saturating_sub(at);
            fields.for_each(|(name, value)| put_field(name, value, &mut rebuilt.tail));
        }
        // What was there, without what is replaced or left out, with what comes in its place.
        let kept = frame.len.saturating_sub(rebuilt.replaced as u64).saturating_sub(rebuilt.cut as u64);
        let rest = kept.saturating_add(front.len() as u64).saturating_add(rebuilt.tail.len() as u64);
        let Some(rest) = u32::try_from(rest).ok().and_then(|rest| usize::try_from(rest).ok()) else {
            return Err(EncodeError::Invalid { protocol: NAME, what: "a message of more than 4 GiB" });
        };
        let (kind, status) = (bytes.get(2).copied().unwrap_or_default(), bytes.get(3).copied().unwrap_or_default());
        put_front(kind, status, rest.saturating_sub(CHECKSUM.len), out);
        out.extend_from_slice(&front);
        Ok(rebuilt)
    }
}

/// An unsigned LEB128 number, and how many bytes it takes.
fn varint(bytes: &[u8]) -> Result<Parse<(u64, usize)>, Fault> {
    let mut value = 0u64;
    for (n, byte) in bytes.iter().take(10).enumerate() {
        // The tenth byte has room for one bit.
        if n == 9 && *byte > 1 {
            return Err(Fault::new("id", "an id has 64 bits", FIXED));
        }
        value |= u64::from(byte & 0x7f) << n.saturating_mul(7);
        if byte & 0x80 == 0 {
            return Ok(Parse::Done((value, n.saturating_add(1))));
        }
    }
    Ok(Parse::Need(bytes.len().saturating_add(1)))
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_u32(n: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes());
}

/// The fixed part, in front of `rest` bytes and a checksum.
fn put_front(kind: u8, status: u8, rest: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[kind, status]);
    put_u32(rest.saturating_add(CHECKSUM.len), out);
}

fn put_control(kind: u8, id: u64, out: &mut Vec<u8>) {
    let mut rest = Vec::new();
    put_varint(id, &mut rest);
    put_front(kind, 0, rest.len(), out);
    out.extend_from_slice(&rest);
}

/// Frames, for samples and tests.
///
/// ```
/// use meshwire::testkit::toy::framed::Message;
///
/// let request = Message::request(300, "billing.Invoices", "issue").with_field("tenant", "blue").with_body("42 EUR");
/// assert!(request.bytes().starts_with(b"TF\x00\x00"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Message {
    kind: u8,
    status: u8,
    id: u64,
    names: Vec<u8>,
    body: Vec<u8>,
    fields: Vec<u8>,
}

impl Message {
    const fn new(kind: u8, id: u64) -> Self {
        Self { kind, status: 0, id, names: Vec::new(), body: Vec::new(), fields: Vec::new() }
    }

    /// A request that is owed an answer. Names are cut at 255 bytes.
    pub fn request(id: u64, service: &str, method: &str) -> Self {
        let mut message = Self::new(REQUEST, id);
        for name in [service, method] {
            let name = name.as_bytes().iter().take(usize::from(u8::MAX));
            message.names.push(name.len() as u8);
            message.names.extend(name);
        }
        message
    }

    /// A request that gets none.
    pub fn one_way(id: u64, service: &str, method: &str) -> Self {
        Self { kind: ONE_WAY, ..Self::request(id, service, method) }
    }

    /// An answer.
    pub fn response(id: u64, outcome: Outcome) -> Self {
        Self { status: status_of(outcome), ..Self::new(RESPONSE, id) }
    }

    /// A heartbeat.
    pub fn heartbeat(id: u64) -> Vec<u8> {
        control(HEARTBEAT, id)
    }

    /// The answer to one.
    pub fn heartbeat_ack(id: u64) -> Vec<u8> {
        control(HEARTBEAT_ACK, id)
    }

    /// Asks the peer to open no more exchanges.
    pub fn go_away(id: u64) -> Vec<u8> {
        control(GO_AWAY, id)
    }

    /// The same message with one more field.
    pub fn with_field(mut self, name: &str, value: &str) -> Self {
        put_field(name.as_bytes(), value.as_bytes(), &mut self.fields);
        self
    }

    /// The same message with this body.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The frame.
    pub fn bytes(&self) -> Vec<u8> {
        let mut frame = self.unsigned(self.body.len());
        sign(&mut frame);
        frame
    }

    /// The front of the frame when `body` more bytes of body follow, and then the checksum.
    pub fn front(&self, body: usize) -> Vec<u8> {
        let mut front = self.unsigned(body.saturating_add(self.body.len()));
        let rest = front.len().saturating_sub(FIXED).saturating_add(body).saturating_add(CHECKSUM.len);
        front.splice(4..FIXED, u32::try_from(rest).unwrap_or(u32::MAX).to_be_bytes());
        front
    }

    /// Without a checksum, and with a body said to be so long.
    fn unsigned(&self, body: usize) -> Vec<u8> {
        let mut rest = Vec::new();
        put_varint(self.id, &mut rest);
        rest.extend_from_slice(&self.names);
        if self.kind == REQUEST || self.kind == ONE_WAY || self.kind == RESPONSE {
            put_u32(body, &mut rest);
        }
        rest.extend_from_slice(&self.body);
        rest.extend_from_slice(&self.fields);
        let mut frame = Vec::new();
        put_front(self.kind, self.status, rest.len(), &mut frame);
        frame.extend_from_slice(&rest);
        frame
    }
}

fn sign(frame: &mut Vec<u8>) {
    let sum = (CHECKSUM.finish)((CHECKSUM.update)(CHECKSUM.seed, frame)) as u32;
    frame.extend_from_slice(&sum.to_be_bytes());
}

fn control(kind: u8, id: u64) -> Vec<u8> {
    let mut frame = Message::new(kind, id).unsigned(0);
    sign(&mut frame);
    frame
}

/// What the kit is run with.
pub fn samples() -> Vec<Sample> {
    let call = Message::request(7, "shop.Cart", "add").with_field("tenant", "blue").with_body("one book");
    let wide = Message::request(u64::MAX, "shop.Cart", "list").with_field("a", "1").with_field("b", "2");
    let requests = [
        call.bytes(),
        Message::heartbeat(1),
        Message::one_way(300, "log.Sink", "write").with_body("a line").bytes(),
        wide.bytes(),
        Message::heartbeat_ack(2),
        Message::request(0, "", "").bytes(),
    ];
    let responses = [
        Message::response(u64::MAX, Outcome::Success).with_body(vec![b'x'; 300]).with_field("took", "3ms").bytes(),
        Message::heartbeat(2),
        Message::response(7, Outcome::Exception).with_body("out of stock").bytes(),
        Message::heartbeat_ack(1),
        Message::response(0, Outcome::Success).bytes(),
        Message::go_away(3),
    ];
    let export = Message::request(9, "shop.Export", "all").with_body(vec![b'y'; 70_000]);
    let answer = Message::response(9, Outcome::Success).with_body(vec![b'z'; 70_000]);
    let behind = Message::response(7, Outcome::Success).with_body("added");
    // A body that ends behind its message.
    let mut bad = Message::request(8, "shop.Cart", "add").unsigned(256);
    sign(&mut bad);
    vec![
        Sample::new("exchanges", requests.concat(), responses.concat())
            .with_bad_request(bad, call.bytes())
            .with_large_request(Message::request(5, "shop.Import", "all").front(LARGE), Some(LARGE as u64)),
        Sample::new("large", [export.bytes(), call.bytes()].concat(), [answer.bytes(), behind.bytes()].concat())
            .with_depth(Depth::ROUTE),
    ]
}

/// The body of a large request.
const LARGE: usize = 2 * 1024 * 1024;
