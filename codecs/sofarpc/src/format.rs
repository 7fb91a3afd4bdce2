//! Bolt as a [`FrameFormat`].

use std::ops::Range;

use meshwire::frame::{Checksum, Control, Fault, Frame, FrameFormat, FrameKind, IdField, Parse, Rebuilt, Scan};
use meshwire::{Attribute, Depth, EncodeError, Head, HeadFormat, Kind, Limit, Limits, LocalReply, Outcome, StreamId};
use meshwire_hessian::Read;

use crate::content::{self, Content, note};
use crate::crc::CRC32;
use crate::destination::{self, MapLimits};
use crate::edit;
use crate::found::Found;
use crate::keys::{SOFA_REQUEST, is_call};
use crate::map::{self, Entries};
use crate::reply;
use crate::shape::Shape;
use crate::status;
use crate::tag;
use crate::wire::{Header, SHORT_MAX, codec, command, fixed, is_hessian, kind};

pub(crate) static HEAD: HeadFormat = HeadFormat::new("bolt", "bolt")
    .without(&[Attribute::Authority, Attribute::Path, Attribute::Verb])
    .editable(&[Attribute::Service, Attribute::Method])
    .with_fields(map::next_field)
    .with_field_edits(edit::check_field)
    .with_attribute_check(edit::check_attribute)
    .with_why_unseen(why_unseen);

/// The frames of Bolt: what [`FrameCodec`](meshwire::frame::FrameCodec) must know to be its codec.
///
/// A frame's data is its content; fixed header, class and header map are its head. The tag of a [`StreamId`] says in which
/// version, and in which dialect of Hessian, to answer.
#[derive(Clone, Debug)]
pub struct BoltFormat {
    head: usize,
    map: MapLimits,
    sends_go_away: bool,
    /// Makes reading faster, and nothing else.
    last: Shape,
    content: Content,
}

impl BoltFormat {
    /// The format, within the limits on heads and their fields. `sends_go_away`: see
    /// [`Bolt::sending_go_away`](crate::Bolt::sending_go_away).
    pub fn new(limits: &Limits, sends_go_away: bool) -> Self {
        let map = MapLimits { fields: limits.fields, field: limits.field };
        Self { head: limits.head, map, sends_go_away, last: Shape::default(), content: Content::new(limits) }
    }
}

/// What hides what a request does not show.
fn why_unseen(head: &Head) -> Option<&'static str> {
    if head.note() & note::TOO_FAR != 0 {
        return Some("the request object of the content has more bytes than are looked at (`Limits::head`)");
    }
    let why = "the header map does not name it, and the content is no request object in Hessian";
    (head.note() & note::OTHER != 0).then_some(why)
}

impl FrameFormat for BoltFormat {
    #[inline]
    fn head_format(&self) -> &'static HeadFormat {
        &HEAD
    }

    #[inline(always)]
    fn frame(&self, seen: &[u8]) -> Result<Parse<Frame>, Fault> {
        // Each version for itself, so that all offsets are known.
        if let Some(header) = Header::read_v1(seen) {
            return Ok(Parse::Done(frame_of(&header)));
        }
        if let Some(header) = Header::read_v2(seen) {
            return Ok(Parse::Done(frame_of(&header)));
        }
        Ok(match Header::read(seen)? {
            Parse::Done(header) => Parse::Done(frame_of(&header)),
            Parse::Need(need) => Parse::Need(need),
        })
    }

    #[inline(always)]
    fn head(
        &mut self,
        frame: &Frame,
        seen: &[u8],
        depth: &Depth,
        scan: &mut Scan,
        head: &mut Head,
    ) -> Result<Parse<()>, Fault> {
        if frame.payload_at > self.head {
            return Err(too_long());
        }
        // All of the head, whatever is read of it, and the first byte of the content, which tells its dialect.
        let content = frame.len.wrapping_sub(frame.payload_at as u64) > frame.checksum.map_or(0, |sum| sum.len) as u64;
        let end = frame.payload_at.wrapping_add(usize::from(content));
        if seen.len() < end {
            return Ok(Parse::Need(end));
        }
        let (note, end) = (Note(frame.note), frame.payload_at);
        if frame.kind == FrameKind::Response {
            let map_at = fixed(kind::RESPONSE, frame.tag).wrapping_add(note.class());
            self.response(note.word() as u16, map_at..end, seen, depth, head)?;
            return Ok(Parse::Done(()));
        }
        self.request(frame.tag, note, end, seen, depth, scan.end, head)
    }

    fn control(&self, _: &Frame, seen: &[u8]) -> Result<Control, Fault> {
        Ok(match Header::read(seen)? {
            Parse::Done(Header { command: command::HEARTBEAT, kind: kind::RESPONSE, .. }) => Control::HeartbeatAck,
            Parse::Done(Header { command: command::HEARTBEAT, .. }) => Control::Heartbeat,
            Parse::Done(Header { command: command::GO_AWAY, kind: kind::REQUEST | kind::ONE_WAY, .. }) => {
                Control::GoAway
            }
            _ => Control::Ignored,
        })
    }

    fn heartbeat_ack(&self, _: &Frame, seen: &[u8], out: &mut Vec<u8>) -> bool {
        match Header::read(seen) {
            Ok(Parse::Done(header)) if header.kind == kind::REQUEST => {
                let ack = Header { kind: kind::RESPONSE, word: i32::from(status::SUCCESS), ..bare(header) };
                ack.put(out);
                true
            }
            _ => false,
        }
    }

    fn heartbeat(&self, id: u64, like: u32, out: &mut Vec<u8>) -> bool {
        put_control(command::HEARTBEAT, -1, id, like, out);
        true
    }

    fn go_away(&self, id: u64, like: u32, out: &mut Vec<u8>) -> bool {
        if self.sends_go_away {
            put_control(command::GO_AWAY, 0, id, like, out);
        }
        self.sends_go_away
    }

    fn reply(&self, stream: StreamId, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
        reply::put(stream, reply, out)
    }

    #[inline]
    fn is_sendable(&self, frame: &Frame, head: &Head) -> Result<bool, EncodeError> {
        if frame.payload_at > SHORT_MAX {
            check_lengths(head)?;
        }
        let asked = head.stream().tag();
        // Java answers everything on a connection in the version that came first there.
        let in_other_version =
            frame.kind == FrameKind::Response && asked & tag::KNOWN != 0 && (asked ^ frame.tag) & tag::LAYOUT != 0;
        Ok(!in_other_version)
    }

    #[inline(always)]
    fn sendable_id(&self, head: &Head) -> Option<(IdField, Option<&'static Checksum>)> {
        // An answer may have come in another version than was asked in.
        if head.kind() == Kind::Response || head.head_bytes().len() > SHORT_MAX {
            return None;
        }
        let (at, id) = match **head.bytes() {
            [0x01, _, _, _, _, a, b, c, d, ..] => (5, [a, b, c, d]),
            [_, _, _, _, _, _, a, b, c, d, ..] => (6, [a, b, c, d]),
            _ => return None,
        };
        let checksum = if head.tail().is_empty() { None } else { Some(&CRC32) };
        Some((IdField::new(u64::from(u32::from_be_bytes(id)), at, 4), checksum))
    }

    fn rebuild(&mut self, _: &Frame, head: &Head, out: &mut Vec<u8>) -> Result<Rebuilt, EncodeError> {
        edit::rebuild(head, &mut self.content, out)
    }

    fn trim(&mut self) {
        self.content.trim();
    }
}

impl BoltFormat {
    #[inline(always)]
    #[allow(clippy::too_many_arguments)] // what the trait hands over, and what was read of it
    fn request(
        &mut self,
        mut tag: u32,
        note: Note,
        content_at: usize,
        seen: &[u8],
        depth: &Depth,
        most: usize,
        head: &mut Head,
    ) -> Result<Parse<()>, Fault> {
        if note.word() > 0 {
            head.set_timeout_millis(note.word() as u32);
        }
        let class_at = fixed(kind::REQUEST, tag);
        let map_at = class_at.wrapping_add(note.class());
        let is_call = note.class() == SOFA_REQUEST.len() && is_call(seen.get(class_at..));
        if is_call {
            tag |= tag::SOFA;
        }
        if is_hessian(tag::codec(tag)) && seen.get(content_at) == Some(&b'C') {
            tag |= tag::FINAL;
        }
        head.set_stream(head.stream().with_tag(tag));
        if depth.is_boundary() {
            return Ok(Parse::Done(()));
        }
        let map = seen.get(map_at..content_at).unwrap_or_default();
        match destination::like_last(map, self.map, &mut self.last) {
            Some(found) if found.is_complete() | !is_call => {
                destination::put(found, map_at, is_call, head);
                head.set_fields_at(map_at);
                Ok(Parse::Done(()))
            }
            _ => self.unusual(is_call, seen, depth, most, head),
        }
    }

    /// A request whose header map is unusual, or a call whose header map lacks a name.
    #[cold]
    #[inline(never)]
    fn unusual(
        &mut self,
        is_call: bool,
        seen: &[u8],
        depth: &Depth,
        most: usize,
        head: &mut Head,
    ) -> Result<Parse<()>, Fault> {
        // Read once more, so that nothing of it is kept for those that do not come here.
        let Parse::Done(header) = Header::read(seen)? else { return Ok(Parse::Done(())) };
        let map = header.map_at()..header.content_at();
        let found = destination::read(seen, map.clone(), self.map, &mut self.last)?;
        destination::put(found, map.start, is_call, head);
        if is_call && !found.is_complete() {
            return self.in_content(&header, seen, found, depth, most, head);
        }
        head.set_fields_at(map.start);
        Ok(Parse::Done(()))
    }

    /// Reads what `depth` asks for out of the content of a call whose header map lacks a name.
    fn in_content(
        &mut self,
        header: &Header,
        seen: &[u8],
        found: Found,
        depth: &Depth,
        most: usize,
        head: &mut Head,
    ) -> Result<Parse<()>, Fault> {
        let (map_at, at) = (header.map_at(), header.content_at());
        let shown = Shown { most, all: most as u64 >= (at as u64).saturating_add(u64::from(header.content)) };
        let map = seen.get(map_at..at).unwrap_or_default();
        let asked = |attributes: &[Attribute]| attributes.iter().any(|attribute| depth.needs(*attribute));
        let (method, service) =
            (!found.method.is_some() && asked(&OF_METHOD), !found.service.is_some() && asked(&OF_SERVICE));
        let is_hessian = is_hessian(header.codec);
        let (dialect, is_empty) = match seen.get(at) {
            first if is_hessian => (content::dialect(first), first.is_none()),
            _ => (None, false),
        };
        let Some(dialect) = dialect else {
            head.set_fields_at(map_at);
            if is_empty {
                // What stands nowhere is not hidden.
                content::set_missing(head, found, None);
            } else if method || service {
                head.set_note(note::OTHER);
            }
            return Ok(Parse::Done(()));
        };
        if !(method || service || depth.needs_fields()) {
            return Ok(Parse::Done(()));
        }
        let request = match self.content.request(seen, at, dialect)? {
            Read::Done(Some(request)) => request,
            Read::Done(None) => {
                head.set_fields_at(map_at);
                head.set_note(note::OTHER);
                return Ok(Parse::Done(()));
            }
            Read::Need(need) => return shown.wait(need, seen, head),
        };
        request.check(map, found)?;
        if depth.needs_fields() {
            match self.content.props(seen, &request)? {
                Read::Done(props) => props.set(head, map, map_at),
                Read::Need(need) => {
                    if let Parse::Need(need) = shown.wait(need, seen, head)? {
                        return Ok(Parse::Need(need));
                    }
                }
            }
        }
        head.set_note(head.note() | note::READ);
        content::set_missing(head, found, Some(&request));
        Ok(Parse::Done(()))
    }

    /// Kept out of the way of requests.
    #[inline(never)]
    fn response(
        &self,
        status: u16,
        map: Range<usize>,
        seen: &[u8],
        depth: &Depth,
        head: &mut Head,
    ) -> Result<(), Fault> {
        let mut outcome = status::outcome_of(status);
        if outcome == Outcome::Success && says_error(seen.get(map.clone()).unwrap_or_default()) {
            outcome = Outcome::Exception;
        }
        head.set_status(u32::from(status), outcome);
        if depth.needs_fields() {
            head.set_fields_at(map.start);
            destination::check(seen, map, self.map)?;
        }
        Ok(())
    }
}

/// What the method is looked at for; it stands in for the verb and, with the service, for the path.
const OF_METHOD: [Attribute; 3] = [Attribute::Method, Attribute::Verb, Attribute::Path];
/// What the name of the service is looked at for.
const OF_SERVICE: [Attribute; 5] =
    [Attribute::Service, Attribute::Authority, Attribute::Path, Attribute::Version, Attribute::Group];

/// How much of a message is shown.
#[derive(Clone, Copy)]
struct Shown {
    /// Bytes at most.
    most: usize,
    /// That is all of them.
    all: bool,
}

impl Shown {
    /// Asks for more of a content, in steps that double: each time it is read from its first byte on. What is not among the
    /// bytes that are shown at most stays unseen.
    fn wait(self, need: usize, seen: &[u8], head: &mut Head) -> Result<Parse<()>, Fault> {
        if seen.len() < self.most {
            return Ok(Parse::Need(need.max(seen.len().saturating_mul(2)).min(self.most)));
        }
        if self.all {
            return Err(Fault::new("truncated", "the content ends inside a value", seen.len()));
        }
        head.set_note(note::TOO_FAR);
        Ok(Parse::Done(()))
    }
}

#[inline(always)]
fn frame_of(header: &Header) -> Frame {
    let kind = match (header.command, header.kind) {
        (command::HEARTBEAT | command::GO_AWAY, _) => FrameKind::Control,
        (_, kind::RESPONSE) => FrameKind::Response,
        (_, kind::ONE_WAY) => FrameKind::OneWay,
        _ => FrameKind::Request,
    };
    let id = IdField::new(u64::from(header.id), header.id_at(), 4);
    let tag = header.tag();
    let is_checked = tag & tag::CRC != 0;
    // 31 bits, 17 and a few: no sum overflows 64.
    let trailer = if is_checked { CRC32.len as u64 } else { 0 };
    let payload_at = header.content_at();
    let len = (payload_at as u64).wrapping_add(u64::from(header.content)).wrapping_add(trailer);
    let frame = Frame::new(kind, len, payload_at, id).with_tag(tag).with_note(Note::of(header).0);
    if is_checked { frame.with_checksum(&CRC32) } else { frame }
}

/// What a frame tells its head: the length of its class, and the timeout or status.
#[derive(Clone, Copy)]
struct Note(u64);

impl Note {
    #[inline(always)]
    const fn of(header: &Header) -> Self {
        Self((header.word as u32 as u64) << 32 | header.class as u64)
    }

    #[inline(always)]
    const fn class(self) -> usize {
        self.0 as u16 as usize
    }

    #[inline(always)]
    const fn word(self) -> i32 {
        (self.0 >> 32) as i32
    }
}

/// Whether a header map says that the answer is an error of the service's own.
fn says_error(map: &[u8]) -> bool {
    let mut entries = Entries::new(map);
    while let Ok(Some(entry)) = entries.next() {
        if entry == Some((reply::RESPONSE_ERROR, reply::TRUE)) {
            return true;
        }
    }
    false
}

#[cold]
fn too_long() -> Fault {
    Fault::limit(Limit::Head, "class and header map are longer than a head may be", 0)
}

/// Nothing whose length Java and Node would take for a negative one: what follows they would read as another frame.
#[cold]
#[inline(never)]
fn check_lengths(head: &Head) -> Result<(), EncodeError> {
    let lengths = match Header::read(head.bytes()) {
        Ok(Parse::Done(header)) => [header.class, header.map],
        _ => [u16::MAX; 2],
    };
    if lengths.iter().any(|len| usize::from(*len) > SHORT_MAX) {
        let what = "a class or header map of more than 32,767 bytes, which Java would take for a negative length";
        return Err(EncodeError::Invalid { protocol: HEAD.protocol(), what });
    }
    Ok(())
}

/// The same frame without class, header map and content.
const fn bare(header: Header) -> Header {
    Header { class: 0, map: 0, content: 0, ..header }
}

/// Appends a frame of the connection's own, in the version of the message that passed last.
fn put_control(command: u16, word: i32, id: u64, like: u32, out: &mut Vec<u8>) {
    // Java switches the checksum off in those.
    let version = like & tag::LAYOUT;
    let (id, codec) = (id as u32, codec::HESSIAN);
    Header { version, kind: kind::REQUEST, command, id, codec, word, class: 0, map: 0, content: 0 }.put(out);
}
