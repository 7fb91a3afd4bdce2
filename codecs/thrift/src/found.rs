//! All that a frame says in front of the arguments.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use meshwire::Limit;
use meshwire::frame::{Fault, IdField, Parse};

use crate::begin::{self, Begin, Place};
use crate::envelope::{self, Envelope, ID, Refused};
use crate::keys;
use crate::layout::{Encoding, Layout, Transport};
use crate::zlib::Peek;

/// Made once: to make it takes longer than to look through a header.
static CHECKSUM: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(keys::CHECKSUM));

/// Where things are in a frame, from its first byte on.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) layout: Layout,
    /// Bytes of the frame.
    pub(crate) len: usize,
    pub(crate) id: IdField,
    /// The type of the message.
    pub(crate) kind: u8,
    /// The method's name; nothing where the message is compressed.
    pub(crate) name: Range<usize>,
    /// The service's name, where the envelope has one.
    pub(crate) service: Range<usize>,
    pub(crate) info: Range<usize>,
    pub(crate) message_at: usize,
    /// Where the struct begins; what is compressed where the message is.
    pub(crate) payload_at: usize,
    pub(crate) compressed: bool,
    /// The id stands in what is not written anew.
    pub(crate) keeps_id: bool,
}

impl Found {
    /// Reads the front of a frame whose names are at most `max_name` bytes.
    pub(crate) fn read(seen: &[u8], max_name: usize, peek: &Peek) -> Result<Parse<Self>, Refused> {
        let envelope = match envelope::read(seen)? {
            Parse::Done(envelope) => envelope,
            Parse::Need(need) => return Ok(Parse::Need(need)),
        };
        let known = envelope.id.map(|(id, _)| (id, envelope.layout.transport));
        let refused = |fault| Refused::Message(fault, known);
        if envelope.compressed {
            let begin =
                compressed(seen, &envelope, max_name, peek, |_, begin, _| Ok(Parse::Done(begin))).map_err(refused)?;
            return Ok(match begin {
                Parse::Done(begin) => Parse::Done(Self::new(seen, envelope, begin)),
                Parse::Need(need) => Parse::Need(need),
            });
        }
        let place = Place { seen, at: envelope.message_at, end: envelope.len, max_name };
        Ok(match begin::read(envelope.layout.encoding, place).map_err(refused)? {
            Parse::Done(begin) => Parse::Done(Self::new(seen, envelope, begin)),
            Parse::Need(need) => Parse::Need(need),
        })
    }

    fn new(seen: &[u8], envelope: Envelope, begin: Begin) -> Self {
        let Envelope { layout, len, id, info, service, compressed, message_at } = envelope;
        let fixed = matches!(layout.encoding, Encoding::Binary | Encoding::OldBinary) && !compressed;
        let keeps_id = compressed
            || layout.transport == Transport::TTHeader
                && CHECKSUM.find(seen.get(info.clone()).unwrap_or_default()).is_some();
        let own = u64::from(begin.id);
        let id = match id {
            Some((id, at)) if layout.transport == Transport::Dubbo => IdField::new(id, at, 8),
            _ if keeps_id => IdField::new(id.map_or(own, |(id, _)| id), ID, 0),
            Some((id, at)) if id != own => IdField::new(both(id as u32, begin.id), at, 0),
            Some((id, at)) if fixed => IdField::new(id, at, 4).with_twin(begin.id_at),
            Some((id, at)) => IdField::new(id, at, 0),
            None => IdField::new(own, begin.id_at, if fixed { 4 } else { 0 }),
        };
        let (name, payload_at) = if compressed { (0..0, message_at) } else { (begin.name, begin.end) };
        Self { layout, len, id, kind: begin.kind, name, service, info, message_at, payload_at, compressed, keeps_id }
    }
}

/// The two ids of a header and its message as one. Apache's Node leaves the header's at 0, fbthrift the message's; servers
/// give back the one or the other, in both places.
pub(crate) const fn both(header: u32, message: u32) -> u64 {
    ((header ^ message) as u64) << 32 | header as u64
}

/// The two ids again: the same twice where nothing else is said.
pub(crate) const fn apart(id: u64) -> (u32, u32) {
    (id as u32, (id >> 32) as u32 ^ id as u32)
}

/// The message's own id in an answer to `id`.
pub(crate) const fn own(transport: Transport, id: u64) -> u32 {
    match transport {
        Transport::THeader | Transport::TTHeader => apart(id).1,
        _ => id as u32,
    }
}

/// So many bytes of what is compressed are looked at, wherever they begin.
const MOST: usize = 1000;

/// Lets `read` see what the begin of a compressed message comes to, what was read of it, and whether that is all there is.
pub(crate) fn compressed<T>(
    seen: &[u8],
    envelope: &Envelope,
    max_name: usize,
    peek: &Peek,
    mut read: impl FnMut(&[u8], Begin, bool) -> Result<Parse<T>, Fault>,
) -> Result<Parse<T>, Fault> {
    let at = envelope.message_at;
    // Where a read ended must not decide how far is looked.
    let most = max_name.max(at.saturating_add(MOST));
    let end = seen.len().min(envelope.len).min(most);
    let bytes = seen.get(at..end).unwrap_or_default();
    let looked = peek.with(bytes, at, end < envelope.len, max_name.saturating_add(64), |out, over| {
        let encoding = match (envelope.layout.encoding, out.len()) {
            (Encoding::Binary, 0 | 1) => return Ok(Parse::Need(2)),
            (Encoding::Binary, _) if !out.starts_with(&begin::BINARY) => Encoding::OldBinary,
            (encoding, _) => encoding,
        };
        let place = Place { seen: out, at: 0, end: if over { out.len() } else { usize::MAX }, max_name };
        match begin::read(encoding, place) {
            Ok(Parse::Done(begin)) => read(out, begin, over),
            Ok(Parse::Need(need)) => Ok(Parse::Need(need)),
            // Where it is in what is compressed says nothing to whoever looks at the wire.
            Err(mut fault) => {
                fault.at = at;
                Err(fault)
            }
        }
    })?;
    match looked {
        Parse::Need(_) if end == most => {
            let detail = "what a compressed message begins with is longer than a head may be";
            Err(Fault::limit(Limit::Head, detail, at))
        }
        Parse::Need(need) => Ok(Parse::Need(need.min(envelope.len).min(most))),
        done => Ok(done),
    }
}
