//! Thrift's frames as a [`FrameFormat`].

use std::sync::Arc;

use meshwire::frame::{Checksum, Fault, Frame, FrameFormat, FrameKind, IdField, Parse, Rebuilt, Scan};
use meshwire::{Attribute, Depth, EncodeError, Head, HeadFormat, Kind, Limits, LocalReply, Outcome, Role, StreamId};

use crate::begin::{self, kind};
use crate::config::Config;
use crate::destination;
use crate::edit;
use crate::envelope::{self, ID, LENGTH, Refused};
use crate::exception;
use crate::found::{self, Found};
use crate::glance::{self, Bounds};
use crate::info;
use crate::layout::{Encoding, Layout, Transport};
use crate::reply;
use crate::result::{self, Told};
use crate::tag;
use crate::zlib::Peek;

pub(crate) static HEAD: HeadFormat = HeadFormat::new("thrift", "thrift")
    .without(&[Attribute::Authority, Attribute::Path, Attribute::Verb, Attribute::Version, Attribute::Group])
    .editable(&[Attribute::Service, Attribute::Method])
    .with_fields(info::next_field)
    .with_field_edits(edit::check_field)
    .with_attribute_check(edit::check_attribute)
    .with_kept_id(kept_id);

/// The frames of Thrift: what [`FrameCodec`](meshwire::frame::FrameCodec) must know to be their codec.
///
/// A frame's data is its struct, or what is compressed; everything in front of it is its head. The tag of a [`StreamId`]
/// says in which transport and encoding to answer.
#[derive(Clone, Debug)]
pub(crate) struct ThriftFormat {
    config: Arc<Config>,
    role: Role,
    /// Whether strict binary in plain frames is read at all, whether no name in it asks for a closer look, and whether
    /// requests go out in the layout they came in.
    takes_plain: bool,
    has_plain_names: bool,
    sends_as_is: bool,
    max_name: usize,
    bounds: Bounds,
    peek: Peek,
    /// Where the front of a message is built: kept, so that one more costs no allocation.
    front: Vec<u8>,
}

/// What is kept of where things are is kept in few bits.
const MAX_FRONT: usize = 0xf_ffff;

impl ThriftFormat {
    pub(crate) fn new(config: Arc<Config>, role: Role, limits: &Limits) -> Self {
        let max_name = limits.head.min(destination::MAX_NAME);
        Self {
            takes_plain: config.allows(Layout::new(Transport::Framed, Encoding::Binary)),
            has_plain_names: config.one_way.is_empty(),
            sends_as_is: !config.strips_service && config.transport.is_none() && config.encoding.is_none(),
            config,
            role,
            max_name,
            bounds: Bounds { fields: limits.fields, field: limits.field },
            peek: Peek::default(),
            front: Vec::new(),
        }
    }

    fn find(&self, seen: &[u8]) -> Result<Parse<Found>, Refused> {
        Found::read(seen, self.max_name, &self.peek)
    }

    /// Frames that are not strict binary in four bytes of length, and those that are and have something wrong.
    #[inline(never)]
    fn any_frame(&self, seen: &[u8]) -> Result<Parse<Frame>, Fault> {
        let found = match self.find(seen) {
            Ok(Parse::Done(found)) => found,
            Ok(Parse::Need(need)) => return Ok(Parse::Need(need)),
            Err(Refused::Connection(fault)) => return Err(fault),
            // Where answers are told apart by ids, it could be taken for that of another.
            Err(Refused::Message(fault, None)) if self.role == Role::Client && self.config.by_id() => {
                return Err(fault);
            }
            Err(Refused::Message(_, known)) => return Ok(Parse::Done(self.bad(seen, known))),
        };
        let mut tag = tag::of(found.layout);
        let kind = match found.kind {
            kind::CALL if !self.config.is_one_way(seen.get(found.name.clone()).unwrap_or_default()) => {
                FrameKind::Request
            }
            kind::CALL | kind::ONE_WAY => {
                tag |= tag::ONE_WAY;
                FrameKind::OneWay
            }
            _ => {
                if self.role == Role::Server {
                    tag |= tag::ONE_WAY;
                }
                FrameKind::Response
            }
        };
        if found.compressed {
            tag |= tag::COMPRESSED;
        }
        if found.keeps_id {
            tag |= tag::KEEPS_ID;
        }
        let (note, mut id) = (Note::new(&found), found.id);
        if self.role == Role::Server && kind == FrameKind::Response && id.twin_at > 0 {
            // The request may have had two.
            id = IdField::new(id.value, id.at, 0);
        }
        Ok(Parse::Done(Frame::new(kind, found.len as u64, found.payload_at, id).with_tag(tag).with_note(note.0)))
    }

    /// A frame whose message is refused once it is looked at.
    #[cold]
    fn bad(&self, seen: &[u8], known: Option<(u64, Transport)>) -> Frame {
        let length = seen.first_chunk().map_or(0, |length| u32::from_be_bytes(*length));
        let kind = if self.role == Role::Server { FrameKind::Request } else { FrameKind::Response };
        let encoding = seen.get(LENGTH..).and_then(begin::encoding).unwrap_or(Encoding::Binary);
        let (id, layout) = match known {
            Some((id, transport)) => (id, Layout::new(transport, Encoding::Binary)),
            None => (0, Layout::new(Transport::Framed, encoding)),
        };
        let len = u64::from(length).saturating_add(LENGTH as u64);
        Frame::new(kind, len, LENGTH, IdField::new(id, LENGTH, 0)).with_tag(tag::of(layout)).with_note(Note::BAD.0)
    }

    /// Looks at what an answer says, whose struct begins at `at`.
    fn answer(&self, told: Told, at: usize, head: &mut Head) -> Option<usize> {
        match told {
            Told::Outcome(outcome) => head.set_outcome(outcome),
            Told::Exception(kind) => head.set_status(kind as u32, exception::outcome_of(kind)),
            Told::Need(need) if at.saturating_add(need) <= self.max_name => return Some(need),
            // It may be anything: nobody has to understand what he passes on.
            Told::Need(_) => head.set_outcome(Outcome::Unknown),
        }
        None
    }

    fn compressed(&self, seen: &[u8], depth: &Depth, head: &mut Head) -> Result<Parse<()>, Fault> {
        let envelope = match envelope::read(seen) {
            Ok(Parse::Done(envelope)) => envelope,
            Ok(Parse::Need(need)) => return Ok(Parse::Need(need)),
            Err(Refused::Connection(fault) | Refused::Message(fault, _)) => return Err(fault),
        };
        let is_answer = head.kind() == Kind::Response;
        let encoding = envelope.layout.encoding;
        found::compressed(seen, &envelope, self.max_name, &self.peek, |out, begin, over| {
            let body = out.get(begin.end..).unwrap_or_default();
            if is_answer && let Some(need) = self.answer(result::look(encoding, begin.kind, body), begin.end, head) {
                if !over {
                    return Ok(Parse::Need(begin.end.saturating_add(need)));
                }
                head.set_outcome(Outcome::Unknown);
            }
            if !depth.is_boundary() {
                let (service, method) = begin::split(out.get(begin.name).unwrap_or_default());
                match service {
                    Some(service) => head.set_owned(Attribute::Service, service),
                    None => destination::configured(&self.config, head),
                }
                head.set_owned(Attribute::Method, method);
            }
            Ok(Parse::Done(()))
        })
    }

    /// Fields within the limits: the destination where the message's name has none, and how long the client waits.
    fn fields(&self, transport: Transport, note: Note, seen: &[u8], head: &mut Head) -> Result<(), Fault> {
        let found = glance::glance(seen, transport, note.info_at(), self.bounds)?;
        if let Some(service) = found.service.filter(|_| head.kind() != Kind::Response) {
            let name = seen.get(note.name_at()..note.name_at().saturating_add(note.name_len())).unwrap_or_default();
            if begin::split(name).0.is_none() {
                head.set_span_in(Attribute::Service, seen, service);
            }
        }
        if let Some(timeout) = found.timeout {
            head.set_timeout_millis(timeout);
        }
        Ok(())
    }

    /// Whether the head of this layout goes out as what it is.
    #[inline]
    fn goes_out_as(&self, from: u32, head: &Head) -> bool {
        let asked = head.stream().tag();
        match head.kind() {
            // A one-way call has no answer to ask for anything.
            Kind::Response => asked & tag::KNOWN == 0 || (asked ^ from) & tag::LAYOUT == 0,
            _ => self.sends_as_is || !self.config.strips_service && self.config.allows(tag::layout(from)),
        }
    }
}

/// What a frame tells its head.
#[derive(Clone, Copy)]
struct Note(u64);

impl Note {
    const BAD: Self = Self(1 << 63);
    const EXCEPTION: u64 = 1 << 62;

    #[inline]
    const fn of(name_at: usize, name_len: usize, info_at: usize, kind: u8) -> Self {
        let exception = if kind == kind::EXCEPTION { Self::EXCEPTION } else { 0 };
        Self(name_at as u64 | (name_len as u64) << 20 | (info_at as u64) << 40 | exception)
    }

    fn new(found: &Found) -> Self {
        // Dubbo's service stands where others have fields.
        let info_at = if found.layout.transport == Transport::Dubbo { found.service.len() } else { found.info.start };
        Self::of(found.name.start, found.name.len(), info_at, found.kind)
    }

    #[inline]
    const fn name_at(self) -> usize {
        self.0 as usize & MAX_FRONT
    }

    #[inline]
    const fn name_len(self) -> usize {
        (self.0 >> 20) as usize & MAX_FRONT
    }

    #[inline]
    const fn info_at(self) -> usize {
        (self.0 >> 40) as usize & MAX_FRONT
    }

    #[inline]
    const fn kind(self) -> u8 {
        if self.0 & Self::EXCEPTION != 0 { kind::EXCEPTION } else { kind::REPLY }
    }
}

impl FrameFormat for ThriftFormat {
    #[inline]
    fn head_format(&self) -> &'static HeadFormat {
        &HEAD
    }

    #[inline(always)]
    fn frame(&self, seen: &[u8]) -> Result<Parse<Frame>, Fault> {
        const PLAIN: u32 = tag::of(Layout::new(Transport::Framed, Encoding::Binary));
        // What most frames are; anything that could be wrong with it is said by the long way.
        if let [l0, l1, l2, l3, 0x80, 0x01, _, message, n0, n1, n2, n3, ..] = seen {
            let len = u32::from_be_bytes([*l0, *l1, *l2, *l3]) as usize;
            let name = u32::from_be_bytes([*n0, *n1, *n2, *n3]) as usize;
            let payload_at = name.wrapping_add(16);
            let (kind, tag) = match *message {
                kind::CALL => (FrameKind::Request, PLAIN),
                kind::ONE_WAY => (FrameKind::OneWay, PLAIN | tag::ONE_WAY),
                // Whoever sends a server an answer is owed none for it.
                _ if self.role == Role::Server => (FrameKind::Response, PLAIN | tag::ONE_WAY),
                _ => (FrameKind::Response, PLAIN),
            };
            let sound = matches!(*message, kind::CALL..=kind::ONE_WAY)
                && *l0 < 0x80
                && name <= self.max_name
                && payload_at <= len.wrapping_add(LENGTH)
                && self.has_plain_names;
            if sound {
                let id_at = payload_at.wrapping_sub(4);
                let Some(id) = seen.get(id_at..payload_at).and_then(|id| id.first_chunk()) else {
                    return Ok(Parse::Need(payload_at));
                };
                let id = IdField::new(u64::from(u32::from_be_bytes(*id)), id_at, 4);
                let frame = Frame::new(kind, len.wrapping_add(LENGTH) as u64, payload_at, id);
                return Ok(Parse::Done(frame.with_tag(tag).with_note(Note::of(12, name, 0, *message).0)));
            }
        }
        self.any_frame(seen)
    }

    #[inline(always)]
    fn head(
        &mut self,
        frame: &Frame,
        seen: &[u8],
        depth: &Depth,
        _: &mut Scan,
        head: &mut Head,
    ) -> Result<Parse<()>, Fault> {
        let note = Note(frame.note);
        head.set_note(frame.tag);
        let is_plain = frame.kind != FrameKind::Response && frame.tag & tag::LAYOUT == 0 && note.0 & Note::BAD.0 == 0;
        if !is_plain || !self.takes_plain {
            return self.any_head(frame, seen, depth, head);
        }
        if !depth.is_boundary() {
            self.names(note, seen, depth, head);
        }
        Ok(Parse::Done(()))
    }

    fn reply(&self, stream: StreamId, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
        reply::put(stream, reply, out)
    }

    #[inline]
    fn is_sendable(&self, frame: &Frame, head: &Head) -> Result<bool, EncodeError> {
        if frame.tag & tag::KEEPS_ID != 0 && head.stream().id() != frame.id.value {
            return Err(edit::invalid("a message that is compressed, or has a checksum, keeps its id"));
        }
        // Dubbo's ids are wider, and given back or passed on as they came; those picked here are like all others.
        let id = head.stream().id();
        if head.kind() != Kind::Response && id > u64::from(u32::MAX) && id != frame.id.value {
            return Err(edit::invalid("the id is wider than the wire's"));
        }
        Ok(self.goes_out_as(frame.tag, head))
    }

    #[inline(always)]
    fn sendable_id(&self, head: &Head) -> Option<(IdField, Option<&'static Checksum>)> {
        let note = head.note();
        if note & (tag::LAYOUT | tag::KEEPS_ID) == 0 && self.sends_as_is && head.kind() != Kind::Response {
            // What it is now is asked for by checksums only.
            let own = head.head_bytes().len().wrapping_sub(4);
            return Some((IdField::new(0, own, 4), None));
        }
        // The id of what is not binary has no fixed length.
        if note & (tag::ENCODING & !tag::OLD | tag::KEEPS_ID) != 0 || !self.goes_out_as(note, head) {
            return None;
        }
        let bytes = head.bytes();
        let own = head.head_bytes().len().checked_sub(4)?;
        let number = |at: usize| bytes.get(at..).and_then(|id| id.first_chunk()).map(|id| u32::from_be_bytes(*id));
        match tag::transport(note) {
            Transport::Framed => Some((IdField::new(u64::from(number(own)?), own, 4), None)),
            Transport::THeader | Transport::TTHeader => {
                let (id, inner) = (number(ID)?, number(own)?);
                (id == inner).then(|| (IdField::new(u64::from(id), ID, 4).with_twin(own), None))
            }
            _ => None,
        }
    }

    #[inline]
    fn has_checksums(&self) -> bool {
        false
    }

    fn rebuild(&mut self, frame: &Frame, head: &Head, out: &mut Vec<u8>) -> Result<Rebuilt, EncodeError> {
        let mut front = std::mem::take(&mut self.front);
        front.clear();
        let rebuilt = self.put_front(frame, head, &mut front);
        out.extend_from_slice(&front);
        if front.capacity() <= KEPT {
            self.front = front;
        }
        rebuilt
    }

    fn trim(&mut self) {
        self.front = Vec::new();
    }
}

/// A front that has grown larger gives its memory back.
const KEPT: usize = 4096;

impl ThriftFormat {
    /// Puts the front of a message into an empty buffer: its lengths are written last, and headers padded.
    fn put_front(&self, frame: &Frame, head: &Head, front: &mut Vec<u8>) -> Result<Rebuilt, EncodeError> {
        const FRAMED_COMPACT: u32 = tag::of(Layout::new(Transport::Framed, Encoding::Compact));
        if (frame.tag ^ FRAMED_COMPACT) & tag::LAYOUT == 0 && !head.is_edited() && self.goes_out_as(frame.tag, head) {
            return edit::rename_compact(frame, head, front);
        }
        let Ok(Parse::Done(found)) = Found::read(head.bytes(), destination::MAX_NAME, &self.peek) else {
            return Err(edit::invalid("the head holds no whole message header"));
        };
        edit::rebuild(&self.config, &found, head, front)
    }

    #[inline(always)]
    fn names(&self, note: Note, seen: &[u8], depth: &Depth, head: &mut Head) {
        destination::read(&self.config, seen, note.name_at(), note.name_len(), head);
        if depth.needs_fields() {
            head.set_fields_at(info::start(note.info_at()));
        }
    }

    /// Heads of answers, and in every layout but the first.
    #[inline(never)]
    fn any_head(&self, frame: &Frame, seen: &[u8], depth: &Depth, head: &mut Head) -> Result<Parse<()>, Fault> {
        let note = Note(frame.note);
        if note.0 & Note::BAD.0 != 0 {
            return match self.find(seen) {
                Err(Refused::Connection(fault) | Refused::Message(fault, _)) => Err(fault),
                // It was seen further on.
                Ok(Parse::Need(need)) => Ok(Parse::Need(need)),
                Ok(Parse::Done(_)) => Err(Fault::new("message", "the message is malformed", LENGTH)),
            };
        }
        let layout = tag::layout(frame.tag);
        let is_answer = frame.kind == FrameKind::Response;
        // What comes, that is: what is sent may have come in any.
        if is_answer == (self.role == Role::Client) && !self.config.allows(layout) {
            return Err(other_layout());
        }
        if frame.tag & tag::COMPRESSED == 0 && is_answer {
            let body = seen.get(frame.payload_at..).unwrap_or_default();
            if let Some(need) = self.answer(result::look(layout.encoding, note.kind(), body), frame.payload_at, head) {
                let len = usize::try_from(frame.len).unwrap_or(usize::MAX);
                if seen.len() < len {
                    return Ok(Parse::Need(frame.payload_at.saturating_add(need).min(len)));
                }
                // It ends before it says what it is.
                head.set_outcome(Outcome::Unknown);
            }
        }
        let transport = layout.transport;
        let compressed = frame.tag & tag::COMPRESSED != 0;
        if compressed && (is_answer || !depth.is_boundary()) {
            match self.compressed(seen, depth, head)? {
                Parse::Done(()) => {}
                Parse::Need(need) => return Ok(Parse::Need(need)),
            }
        }
        if depth.is_boundary() {
            return Ok(Parse::Done(()));
        }
        if depth.needs_fields() && compressed {
            head.set_fields_at(info::start(note.info_at()));
        }
        if !compressed {
            self.names(note, seen, depth, head);
        }
        match transport {
            Transport::THeader | Transport::TTHeader => self.fields(transport, note, seen, head)?,
            Transport::Dubbo => {
                let at = envelope::DUBBO_VERSION.saturating_add(5);
                head.set_span_in(Attribute::Service, seen, at..at.saturating_add(note.info_at()));
                head.set_span_in(
                    Attribute::Method,
                    seen,
                    note.name_at()..note.name_at().saturating_add(note.name_len()),
                );
            }
            Transport::Framed | Transport::Unframed => {}
        }
        Ok(Parse::Done(()))
    }
}

#[cold]
const fn other_layout() -> Fault {
    Fault::new("layout", "the message is in another transport or encoding than is configured", 0)
}

/// The id of a message that must go out under its own.
fn kept_id(head: &Head) -> Option<u64> {
    if head.note() & tag::KEEPS_ID == 0 {
        return None;
    }
    head.bytes().get(ID..).and_then(|id| id.first_chunk()).map(|id| u64::from(u32::from_be_bytes(*id)))
}
