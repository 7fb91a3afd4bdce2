//! Dubbo2 as a [`FrameFormat`].

use std::sync::Arc;

use meshwire::frame::{Checksum, Control, Fault, Frame, FrameFormat, FrameKind, IdField, Parse, Rebuilt, Scan};
use meshwire::{Attribute, Depth, EncodeError, Head, HeadFormat, Limits, LocalReply, Outcome, StreamId};
use meshwire_hessian::{Dialect, Scanner};

use crate::attachments::{self, MapLimits};
use crate::body::{Body, CUT_SHORT, Known};
use crate::serial::{Serial, names};
use crate::wire::{HEADER_LEN, Header, field, flag};
use crate::{arguments, destination, edit, event, note, reply, result, status, tag};

pub(crate) static HEAD: HeadFormat = HeadFormat::new("dubbo", "dubbo")
    .without(&[Attribute::Authority, Attribute::Path, Attribute::Verb])
    .editable(&[Attribute::Service, Attribute::Version, Attribute::Group])
    .with_fields(attachments::next_field)
    .with_field_edits(edit::check_field)
    .with_attribute_check(edit::check_attribute)
    .with_why_unseen(why_unseen);

/// The frames of Dubbo2: what [`FrameCodec`](meshwire::frame::FrameCodec) must know to be its codec.
///
/// The tag of a [`StreamId`] is the flag of the request, which says whether and in which serialization to answer, and above it
/// whether the client reads attachments of answers.
#[derive(Debug)]
pub struct DubboFormat {
    map: MapLimits,
    hessian: meshwire_hessian::Limits,
    default_service: Option<Arc<str>>,
    /// Kept for the memory that it has come to have; made when it is needed.
    scanner: Option<Box<Scanner>>,
}

impl DubboFormat {
    /// The format, within the limits on fields and nesting. `default_service`: see
    /// [`Dubbo::with_default_service`](crate::Dubbo::with_default_service).
    pub fn new(limits: &Limits, default_service: Option<Arc<str>>) -> Self {
        let mut hessian = meshwire_hessian::Limits::DEFAULT;
        hessian.depth = limits.nesting;
        Self { map: MapLimits::new(limits), hessian, default_service, scanner: None }
    }
}

/// The name of the serialization of a message's body, as Dubbo's configuration spells it; `None` for one that has none, and for
/// heads of other protocols.
///
/// ```
/// use meshwire_dubbo::{Call, serialization};
///
/// assert_eq!(serialization(&Call::new("com.example.Greeter", "sayHello").head(1)), Some("hessian2"));
/// ```
pub fn serialization(head: &Head) -> Option<&'static str> {
    if !std::ptr::eq(head.format(), &HEAD) {
        return None;
    }
    match Header::read(head.bytes()) {
        Ok(Parse::Done(header)) => names::name(header.serialization()),
        _ => None,
    }
}

fn why_unseen(head: &Head) -> Option<&'static str> {
    if !head.kind().is_request() {
        return None;
    }
    match head.note() {
        note::TOO_FAR => Some("the attachments lie behind more bytes of arguments than are looked at (`Limits::head`)"),
        _ => match Header::read(head.bytes()) {
            Ok(Parse::Done(header)) => names::why_hidden(header.serialization()),
            _ => None,
        },
    }
}

impl FrameFormat for DubboFormat {
    #[inline]
    fn head_format(&self) -> &'static HeadFormat {
        &HEAD
    }

    #[inline(always)]
    fn frame(&self, seen: &[u8]) -> Result<Parse<Frame>, Fault> {
        let header = match Header::read(seen)? {
            Parse::Done(header) => header,
            Parse::Need(need) => return Ok(Parse::Need(need)),
        };
        let kind = if header.has(flag::EVENT) {
            FrameKind::Control
        } else if header.has(flag::REQUEST | flag::TWO_WAY) {
            FrameKind::Request
        } else if header.has(flag::REQUEST) {
            FrameKind::OneWay
        } else {
            FrameKind::Response
        };
        let len = u64::from(header.length).saturating_add(HEADER_LEN as u64);
        let id = IdField::new(header.id, field::ID, 8);
        Ok(Parse::Done(Frame::new(kind, len, HEADER_LEN, id).with_tag(u32::from(header.flag))))
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
        let serialization = frame.tag as u8 & flag::SERIALIZATION;
        if frame.kind == FrameKind::Response {
            let answer = match answer(frame.len, serialization, seen) {
                Parse::Done(answer) => answer,
                Parse::Need(need) => return Ok(Parse::Need(need)),
            };
            head.set_status(answer.status, answer.outcome);
            head.set_note(answer.note);
            return if depth.needs_fields() {
                self.answer_fields(frame, seen, scan, head)
            } else {
                Ok(Parse::Done(()))
            };
        }
        let read = match Known::of(serialization, seen) {
            Some(Known::Hessian) => destination::read(seen, depth, scan, head)?,
            Some(Known::Other(serial)) => {
                if serial == Serial::JsonSized {
                    add_tag(head, tag::SIZED);
                }
                self.other_destination(serial, frame, seen, depth, scan, head)?
            }
            None => {
                // What lies in another serialization was not seen; it may well be there.
                self.configured(head);
                return Ok(Parse::Done(()));
            }
        };
        if let Parse::Need(need) = read {
            return Ok(Parse::Need(need));
        }
        if depth.needs_fields() || depth.needs(Attribute::Group) {
            return self.fields(frame, serialization, seen, scan, head);
        }
        Ok(Parse::Done(()))
    }

    fn control(&self, _: &Frame, seen: &[u8]) -> Result<Control, Fault> {
        match Header::read(seen)? {
            Parse::Done(header) => Ok(event::read(header, seen.get(HEADER_LEN..).unwrap_or_default())),
            Parse::Need(_) => Ok(Control::Ignored),
        }
    }

    fn heartbeat_ack(&self, _: &Frame, seen: &[u8], out: &mut Vec<u8>) -> bool {
        match Header::read(seen) {
            Ok(Parse::Done(header)) => event::put_ack(header, seen.get(HEADER_LEN..).unwrap_or_default(), out),
            _ => false,
        }
    }

    fn heartbeat(&self, id: u64, like: u32, out: &mut Vec<u8>) -> bool {
        event::put_heartbeat(id, like, out);
        true
    }

    fn go_away(&self, id: u64, _: u32, out: &mut Vec<u8>) -> bool {
        event::put_read_only(id, out);
        true
    }

    #[inline(always)]
    fn sendable_id(&self, _: &Head) -> Option<(IdField, Option<&'static Checksum>)> {
        // Nobody asks for the old one where there is no checksum.
        Some((IdField::new(0, field::ID, 8), None))
    }

    #[inline]
    fn has_checksums(&self) -> bool {
        false
    }

    fn reply(&self, stream: StreamId, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
        reply::put(stream.id(), stream.tag(), reply, out)
    }

    fn rebuild(&mut self, _: &Frame, head: &Head, out: &mut Vec<u8>) -> Result<Rebuilt, EncodeError> {
        let limits = self.hessian;
        edit::rebuild(head, self.scanner(), limits, out)
    }

    fn trim(&mut self) {
        self.scanner = None;
    }
}

impl DubboFormat {
    fn scanner(&mut self) -> &mut Scanner {
        let hessian = self.hessian;
        self.scanner.get_or_insert_with(|| Box::new(Scanner::new(Dialect::Hessian2, hessian)))
    }

    #[cold]
    fn configured(&self, head: &mut Head) {
        if let Some(service) = &self.default_service {
            head.set_owned(Attribute::Service, service.as_bytes());
        }
    }

    /// The destination of a request that is not in Hessian 2.
    #[cold]
    #[inline(never)]
    fn other_destination(
        &mut self,
        serial: Serial,
        frame: &Frame,
        seen: &[u8],
        depth: &Depth,
        scan: &Scan,
        head: &mut Head,
    ) -> Result<Parse<()>, Fault> {
        if depth.is_boundary() {
            return Ok(Parse::Done(()));
        }
        let body = Body::new(Known::Other(serial), length(frame), self.scanner());
        let read = arguments::destination(seen, &body).map(|request| {
            for (attribute, text) in [
                (Attribute::Service, &request.service),
                (Attribute::Version, &request.version),
                (Attribute::Method, &request.method),
            ] {
                match text {
                    None => head.set_absent(attribute),
                    Some(text) => head.set_owned(attribute, text),
                }
            }
            if request.dubbo.as_deref().is_some_and(tag::reads_attachments) {
                add_tag(head, tag::ATTACHMENTS);
            }
        });
        match read {
            Ok(()) => Ok(Parse::Done(())),
            // Read from its first byte on each time, it is asked for in steps that double.
            Err(fault) if fault.code == CUT_SHORT && seen.len() < scan.end => {
                Ok(Parse::Need(seen.len().saturating_mul(2).max(MORE).min(scan.end)))
            }
            Err(fault) => Err(fault),
        }
    }

    /// The attachments of a request.
    #[inline(never)]
    fn fields(
        &mut self,
        frame: &Frame,
        serialization: u8,
        seen: &[u8],
        scan: &Scan,
        head: &mut Head,
    ) -> Result<Parse<()>, Fault> {
        let Some(known) = Known::of(serialization, seen) else { return Ok(Parse::Done(())) };
        if (scan.end as u64) < frame.len {
            head.set_note(note::TOO_FAR);
            return Ok(Parse::Done(()));
        }
        if seen.len() < scan.end {
            return Ok(Parse::Need(scan.end));
        }
        let limits = self.map;
        let mut body = Body::new(known, seen.len(), self.scanner());
        let request = arguments::read(seen, &body)?;
        if request.dubbo.as_deref().is_some_and(tag::reads_attachments) {
            add_tag(head, tag::ATTACHMENTS);
        }
        let at = body.skip(seen, request.args_at, request.args)?;
        attachments::read(seen, at, &mut body, Some(&request.front), limits, head)?;
        Ok(Parse::Done(()))
    }

    /// The attachments of an answer.
    #[inline(never)]
    fn answer_fields(&mut self, frame: &Frame, seen: &[u8], scan: &Scan, head: &mut Head) -> Result<Parse<()>, Fault> {
        let serialization = frame.tag as u8 & flag::SERIALIZATION;
        let Some(known) = Known::of(serialization, seen) else { return Ok(Parse::Done(())) };
        let flag = result::flag(serialization, seen).filter(|_| head.status() == Some(u32::from(status::OK)));
        let Some((kind, flag_end)) = flag.filter(|(kind, _)| kind.has_attachments()) else {
            head.set_fields_at(length(frame).min(LAST));
            return Ok(Parse::Done(()));
        };
        if (scan.end as u64) < frame.len {
            return Ok(Parse::Done(()));
        }
        if seen.len() < scan.end {
            return Ok(Parse::Need(scan.end));
        }
        let limits = self.map;
        let mut body = Body::new(known, seen.len(), self.scanner());
        let at = body.skip(seen, flag_end, usize::from(!kind.is_null()))?;
        attachments::read(seen, at, &mut body, None, limits, head)?;
        Ok(Parse::Done(()))
    }
}

/// Adds to what the answer must know.
#[inline(always)]
pub(crate) fn add_tag(head: &mut Head, bit: u32) {
    let stream = head.stream();
    head.set_stream(stream.with_tag(stream.tag() | bit));
}

fn length(frame: &Frame) -> usize {
    usize::try_from(frame.len).unwrap_or(usize::MAX)
}

/// Behind every field there may be.
const LAST: usize = i32::MAX as usize;

/// What is asked for at least where a destination has not come yet.
const MORE: usize = 256;

/// What the head of an answer says.
struct Answer {
    status: u32,
    outcome: Outcome,
    note: u32,
}

/// Reads the status of an answer, and what it brings if it brings anything.
fn answer(len: u64, serialization: u8, seen: &[u8]) -> Parse<Answer> {
    let status = seen.get(field::STATUS).copied().unwrap_or_default();
    let (mut outcome, mut note) = (status::outcome_of(status), 0);
    if status == status::OK {
        let end = len.min(result::RESULT_END as u64) as usize;
        if seen.len() < end {
            return Parse::Need(end);
        }
        (outcome, note) = result::read(serialization, seen);
    }
    Parse::Done(Answer { status: u32::from(status), outcome, note })
}

#[cfg(test)]
mod tests {
    use meshwire::frame::FrameCodec;
    use meshwire::{Codec, Conn, Cx, Output, Step};

    use super::*;
    use crate::wire::put_frame;

    #[test]
    fn an_idle_connection_keeps_nothing_of_what_was_scanned() {
        let format = DubboFormat::new(&Limits::default(), None);
        let mut codec = FrameCodec::new(format, Conn::server().with_depth(Depth::ALL));
        let mut bytes = Vec::new();
        put_frame(&mut bytes, flag::REQUEST | names::HESSIAN2, 0, 1, |out| {
            out.extend_from_slice(b"\x052.0.2\x03a.BN\x02hi\x05La/B;C\x03a.B\x91\x01x\x60\x91H\x01a\x011Z");
        });
        let mut output = Output::new();
        let mut cx = Cx::new(&mut output, Default::default());
        assert!(matches!(codec.decode(&mut bytes[..].into(), &mut cx), Ok(Step::Event(_))));
        assert!(codec.format().scanner.is_some());
        codec.trim();
        assert!(codec.format().scanner.is_none());
    }
}
