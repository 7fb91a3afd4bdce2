//! Dubbo2 as a [`FrameFormat`].

use meshwire::frame::{Checksum, Control, Fault, Frame, FrameFormat, FrameKind, IdField, Parse, Scan};
use meshwire::{Attribute, Depth, Head, HeadFormat, LocalReply, Outcome, StreamId};

use crate::wire::{HEADER_LEN, Header, field, flag, serialization};
use crate::{destination, event, reply, result, status};

/// No attribute can be edited yet: a server dispatches by its attachments `path` and `version` where they differ from
/// the strings in front, so that rewriting only those would send a request where nobody looked.
pub(crate) static HEAD: HeadFormat =
    HeadFormat::new("dubbo", "dubbo").without(&[Attribute::Authority, Attribute::Path, Attribute::Verb]);

/// The frames of Dubbo2: what [`FrameCodec`](meshwire::frame::FrameCodec) must know to be its codec.
///
/// The tag of a [`StreamId`] is the flag of the request, which says whether and in which serialization to answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct DubboFormat(());

impl DubboFormat {
    /// The format.
    pub const fn new() -> Self {
        Self(())
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
            return Ok(match answer(frame.len, serialization, seen) {
                Parse::Done(answer) => {
                    head.set_status(answer.status, answer.outcome);
                    head.set_note(answer.note);
                    Parse::Done(())
                }
                Parse::Need(need) => Parse::Need(need),
            });
        }
        if serialization == serialization::HESSIAN2 {
            return destination::read(seen, depth, scan, head);
        }
        // What lies in another serialization was not seen; it may well be there.
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

    fn heartbeat(&self, id: u64, _: u32, out: &mut Vec<u8>) -> bool {
        event::put_heartbeat(id, out);
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

    fn reply(&self, stream: StreamId, reply: &LocalReply<'_>, out: &mut Vec<u8>) -> bool {
        reply::put(stream.id(), stream.tag() as u8, reply, out)
    }
}

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
