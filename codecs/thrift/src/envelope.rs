//! What stands around a message in its frame: THeader (Apache's `HeaderFormat.md`), TTHeader (as Kitex and Volo write it),
//! Dubbo's frame, or four bytes of length.

use std::ops::Range;

use meshwire::frame::{Fault, Parse};
use meshwire::{Limit, Outcome};

use crate::begin;
use crate::layout::{Encoding, Layout, Transport};
use crate::varint::{self, Varint};

/// Bytes of a frame's length.
pub(crate) const LENGTH: usize = 4;
/// What THeader, TTHeader and Dubbo begin with behind the length.
pub(crate) const THEADER: [u8; 2] = [0x0f, 0xff];
pub(crate) const TTHEADER: [u8; 2] = [0x10, 0x00];
pub(crate) const DUBBO: [u8; 2] = [0xda, 0xbc];
/// Where THeader and TTHeader have their id, their size and what follows it.
pub(crate) const ID: usize = 8;
const WORDS: usize = 12;
pub(crate) const FIXED: usize = 14;
/// The most a header may be: positions in it stay small.
pub(crate) const MAX_HEADER: usize = 64 * 1024;
/// Dubbo: its header's size, its version, and the service behind it.
const DUBBO_SIZE: usize = 10;
pub(crate) const DUBBO_VERSION: usize = 12;
const DUBBO_SERVICE: usize = 13;
pub(crate) const DUBBO_ID_LEN: usize = 8;

/// Numbers of encodings in both headers.
pub(crate) mod protocol {
    pub(crate) const BINARY: u32 = 0;
    pub(crate) const JSON: u32 = 1;
    pub(crate) const COMPACT: u32 = 2;
}

/// The only transform there is: zlib.
const ZLIB: u32 = 1;

/// Where things are in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) layout: Layout,
    /// Bytes of the frame.
    pub(crate) len: usize,
    /// The id that the envelope has itself, and where; the message's own counts where it has none.
    pub(crate) id: Option<(u64, usize)>,
    /// Where the fields are.
    pub(crate) info: Range<usize>,
    /// The service's name, where the envelope has one.
    pub(crate) service: Range<usize>,
    /// The rest of the frame is compressed.
    pub(crate) compressed: bool,
    pub(crate) message_at: usize,
}

/// Why a frame is refused: with it goes the connection, or one message whose id may be known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Connection(Fault),
    Message(Fault, Option<(u64, Transport)>),
}

type Read = Result<Parse<Envelope>, Refused>;

/// Reads what stands around the message of the frame that `seen` begins with.
pub(crate) fn read(seen: &[u8]) -> Read {
    let Some(length) = seen.first_chunk() else { return Ok(Parse::Need(LENGTH)) };
    let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else {
        let detail = "a frame's length is negative, or the connection is not framed";
        return Err(Refused::Connection(Fault::new("length", detail, 0)));
    };
    if length < 2 {
        return Err(too_short());
    }
    let len = length.saturating_add(LENGTH);
    // What is behind the frame has no say in it.
    let seen = seen.get(..len).unwrap_or(seen);
    let Some(magic) = seen.get(LENGTH..LENGTH + 2) else { return Ok(Parse::Need(LENGTH + 2)) };
    if magic == THEADER {
        return header(seen, len, Transport::THeader);
    }
    if magic == TTHEADER {
        return header(seen, len, Transport::TTHeader);
    }
    if magic == DUBBO {
        return dubbo(seen, len);
    }
    let Some(encoding) = begin::encoding(magic) else {
        let detail = "a frame begins with no message, THeader, TTHeader or Dubbo header";
        return Err(Refused::Connection(Fault::new("magic", detail, LENGTH)));
    };
    Ok(Parse::Done(Envelope {
        layout: Layout::new(Transport::Framed, encoding),
        len,
        id: None,
        info: 0..0,
        service: 0..0,
        compressed: false,
        message_at: LENGTH,
    }))
}

/// THeader and TTHeader begin alike.
fn header(seen: &[u8], len: usize, transport: Transport) -> Read {
    if len < FIXED {
        return Err(too_short());
    }
    let Some([i0, i1, i2, i3, w0, w1]) = seen.get(ID..FIXED) else { return Ok(Parse::Need(FIXED)) };
    let id = u64::from(u32::from_be_bytes([*i0, *i1, *i2, *i3]));
    let refused = |fault| Refused::Message(fault, Some((id, transport)));
    let size = usize::from(u16::from_be_bytes([*w0, *w1])).saturating_mul(4);
    let message_at = FIXED.saturating_add(size);
    if message_at > len {
        return Err(refused(Fault::new("header_size", "the header is longer than its frame", WORDS)));
    }
    if size > MAX_HEADER {
        return Err(refused(Fault::limit(Limit::Head, "a header has at most 64 KiB", WORDS)));
    }
    let Some(block) = seen.get(FIXED..message_at) else { return Ok(Parse::Need(message_at)) };
    let mut reader = Numbers { block, at: 0, wide: transport == Transport::THeader };
    let protocol = reader.next().map_err(refused)?;
    let transforms = reader.next().map_err(refused)?;
    let mut compressed = false;
    for _ in 0..transforms {
        let at = reader.at;
        let transform = reader.next().map_err(refused)?;
        if transform != ZLIB || compressed || transport == Transport::TTHeader {
            let at = FIXED.saturating_add(at);
            return Err(refused(Fault::new("transform", "the only transform known is zlib (1), once", at)));
        }
        compressed = true;
    }
    let info = FIXED.saturating_add(reader.at)..message_at;
    let mut layout = Layout::new(transport, Encoding::Binary);
    match protocol {
        protocol::BINARY => {}
        protocol::COMPACT => layout.encoding = Encoding::Compact,
        protocol::JSON if transport == Transport::THeader => layout.encoding = Encoding::Json,
        _ => {
            let detail = "a header's protocol is binary (0), compact (2), or JSON (1) in THeader";
            return Err(refused(Fault::new("protocol", detail, FIXED)));
        }
    }
    let mut envelope = Envelope { layout, len, id: Some((id, ID)), info, service: 0..0, compressed, message_at };
    if compressed || protocol == protocol::JSON {
        return Ok(Parse::Done(envelope));
    }
    // What stands there says more than the number: old binary has none, and Volo puts a frame inside.
    let left = len.saturating_sub(message_at);
    if left < 2 {
        return Err(refused(Fault::new("cut_short", "the frame ends before its message", message_at)));
    }
    let Some(first) = seen.get(message_at..).filter(|rest| rest.len() >= left.min(LENGTH + 2)) else {
        return Ok(Parse::Need(message_at.saturating_add(left.min(LENGTH + 2))));
    };
    let inner = first.first_chunk().map(|len| u32::from_be_bytes(*len) as usize);
    let framed_inside = transport == Transport::TTHeader && inner.is_some() && inner == left.checked_sub(LENGTH);
    let at = if framed_inside { message_at.saturating_add(LENGTH) } else { message_at };
    let found = begin::encoding(seen.get(at..).unwrap_or_default());
    envelope.layout.framed_inside = framed_inside;
    envelope.message_at = at;
    match found {
        Some(encoding)
            if encoding == Encoding::Compact || protocol == protocol::BINARY && encoding != Encoding::Json =>
        {
            envelope.layout.encoding = encoding;
            Ok(Parse::Done(envelope))
        }
        _ => Err(refused(Fault::new("version", "the message does not begin as its header says", at))),
    }
}

/// The numbers that a header begins with: varints in THeader, bytes in TTHeader.
struct Numbers<'a> {
    block: &'a [u8],
    at: usize,
    wide: bool,
}

impl Numbers<'_> {
    fn next(&mut self) -> Result<u32, Fault> {
        let at = FIXED.saturating_add(self.at);
        let rest = self.block.get(self.at..).unwrap_or_default();
        let (value, len) = match (varint::read(rest), rest.first()) {
            (Varint::Done(value, len), _) if self.wide => (value, len),
            (_, Some(byte)) if !self.wide => (u32::from(*byte), 1),
            _ => return Err(Fault::new("header_size", "the header ends before its fields", at)),
        };
        self.at = self.at.saturating_add(len);
        Ok(value)
    }
}

fn dubbo(seen: &[u8], len: usize) -> Read {
    const LEAST: usize = DUBBO_SERVICE + 4 + DUBBO_ID_LEN;
    if len < LEAST {
        return Err(too_short());
    }
    let Some(head) = seen.get(..DUBBO_SERVICE + 4) else { return Ok(Parse::Need(DUBBO_SERVICE + 4)) };
    let refused = |fault, id| Refused::Message(fault, id);
    let number = |at: usize| head.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |n| u32::from_be_bytes(*n));
    let size = match head.get(DUBBO_SIZE..DUBBO_VERSION) {
        Some([h0, h1]) => usize::from(u16::from_be_bytes([*h0, *h1])),
        _ => 0,
    };
    let message_at = size.saturating_add(LENGTH);
    let service_len = number(DUBBO_SERVICE) as usize;
    let service = DUBBO_SERVICE + 4..service_len.saturating_add(DUBBO_SERVICE + 4);
    if message_at < LEAST || message_at > len {
        return Err(refused(
            Fault::new("header_size", "the header is longer than its frame, or too short", DUBBO_SIZE),
            None,
        ));
    }
    let Some(id_at) = message_at.checked_sub(DUBBO_ID_LEN).filter(|id_at| service.end <= *id_at) else {
        return Err(refused(Fault::new("length", "the service's name is longer than the header", DUBBO_SERVICE), None));
    };
    let need = message_at.saturating_add(2).min(len);
    let Some(first) = seen.get(message_at..need) else { return Ok(Parse::Need(need)) };
    let id = seen.get(id_at..).and_then(|rest| rest.first_chunk()).map_or(0, |id| u64::from_be_bytes(*id));
    let known = Some((id, Transport::Dubbo));
    if number(6) as usize != len.saturating_sub(LENGTH) {
        return Err(refused(Fault::new("length", "the two lengths of the frame differ", 6), known));
    }
    if first.len() < 2 {
        return Err(refused(Fault::new("cut_short", "the frame ends before its message", message_at), known));
    }
    if first != begin::BINARY {
        return Err(refused(Fault::new("version", "Dubbo's messages are strict binary", message_at), known));
    }
    Ok(Parse::Done(Envelope {
        layout: Layout::new(Transport::Dubbo, Encoding::Binary),
        len,
        id: Some((id, id_at)),
        info: 0..0,
        service,
        compressed: false,
        message_at,
    }))
}

#[cold]
fn too_short() -> Refused {
    Refused::Connection(
        Fault::new("length", "a frame is shorter than any message", 0).with_outcome(Outcome::BadRequest),
    )
}
