//! From events to bytes.

use bytes::Bytes;

use super::FrameCodec;
use crate::codec::{Codec, Cx, Role};
use crate::error::EncodeError;
use crate::event::{Body, Event, ResetReason, Sent, StreamId};
use crate::frame::checksum::{Checksum, Running};
use crate::frame::format::{Frame, FrameFormat, Parse, Rebuilt};
use crate::frame::id::IdField;
use crate::frame::sending::{Seal, Sending};
use crate::head::{Head, HeadFormat, Kind};
use crate::key::RoutingKey;

impl<F: FrameFormat> FrameCodec<F> {
    /// What nearly every head is that a proxy sends on: whole, as it came, and nothing in its way. False says only that
    /// [`head`](Self::head) must look closer.
    #[inline(always)]
    pub(super) fn resend(&mut self, head: &Head, cx: &mut Cx<'_>) -> bool {
        let stream = head.stream();
        let fits = head.is_whole_frame()
            && std::ptr::eq(self.format.head_format(), head.format())
            && head.kind().is_request() == (self.role == Role::Client)
            && self.tx.is_none()
            && !stream.is_new()
            && !head.is_edited()
            && head.bytes().len() < SHARE;
        if !fits {
            return false;
        }
        let Some((id, checksum)) = self.format.sendable_id(head) else { return false };
        if id.width == 0 || !id.fits(stream.id()) {
            return false;
        }
        match checksum {
            None => cx.output().put_patched(head.bytes(), |copy| id.overwrite(copy, stream.id())),
            Some(of) if of.change.is_some() => put_resealed(head, id, of, cx),
            Some(_) => return false,
        }
        self.last_tag = stream.tag();
        self.stats.messages_out = self.stats.messages_out.saturating_add(1);
        match head.kind() {
            Kind::Request => self.open = self.open.saturating_add(1),
            Kind::Response => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        true
    }

    #[inline(never)]
    fn head(&mut self, head: &mut Head, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let own = self.format.head_format();
        if !std::ptr::eq(own, head.format()) {
            return foreign(head, own);
        }
        if head.kind().is_request() != (self.role == Role::Client) {
            return refused("a client sends requests, a server responses");
        }
        if head.stream().is_new() {
            return refused("this wire takes any id: pick one that is not in flight");
        }
        if self.tx.is_some() {
            return Ok(self.blocked());
        }
        let (stream, bytes) = (head.stream(), head.bytes());
        let Ok(Parse::Done(frame)) = self.format.frame(bytes) else {
            return invalid(own, "the head holds no whole frame header");
        };
        let payload_end = frame.len.saturating_sub(frame.trailer() as u64);
        let Some(remaining) = payload_end.checked_sub(bytes.len().saturating_sub(head.tail_len()) as u64) else {
            return wrong_length(EncodeError::TooLong, stream);
        };
        if head.is_end() && remaining > 0 {
            return wrong_length(EncodeError::TooShort, stream);
        }
        if !frame.id.fits(stream.id()) {
            return invalid(own, "the id is wider than the wire's");
        }
        if head.tail_len() != 0 && head.tail_len() != frame.trailer() {
            return invalid(own, "the head's checksum has not the length of the frame's");
        }
        let in_place = self.format.is_sendable(&frame, head)?
            && !head.is_edited()
            && (frame.id.width > 0 || frame.id.value == stream.id());
        if in_place && head.is_end() && bytes.len() < SHARE && frame.checksum.is_none() {
            cx.output().append(|out| {
                out.extend_from_slice(bytes);
                let begun = out.len().saturating_sub(bytes.len());
                frame.id.overwrite(out.get_mut(begun..).unwrap_or_default(), stream.id());
            });
        } else {
            self.slow_head(&frame, head, remaining, in_place, cx)?;
        }
        self.last_tag = stream.tag();
        self.stats.messages_out = self.stats.messages_out.saturating_add(1);
        self.count_open(frame.kind);
        Ok(Sent::All)
    }

    #[cold]
    #[inline(never)]
    fn blocked(&mut self) -> Sent {
        self.refused = true;
        Sent::Blocked
    }

    /// A head with edits, a checksum, or more data to come.
    #[inline(never)]
    fn slow_head(
        &mut self,
        frame: &Frame,
        head: &Head,
        remaining: u64,
        in_place: bool,
        cx: &mut Cx<'_>,
    ) -> Result<(), EncodeError> {
        let begun = cx.output().try_append(|out| self.begin(frame, head, remaining, in_place, out))?;
        if let Some((tx, rest)) = begun {
            let tx = self.tx.insert(tx);
            tx.send(rest, cx);
            if head.is_end() {
                tx.finish(head.tail(), cx);
                self.sent(cx);
            }
        }
        Ok(())
    }

    /// Appends the front of a message; what is to follow it, unless that was all, and the first of it.
    #[inline]
    fn begin(
        &mut self,
        frame: &Frame,
        head: &Head,
        remaining: u64,
        in_place: bool,
        out: &mut Vec<u8>,
    ) -> Result<Option<(Sending, Bytes)>, EncodeError> {
        let (bytes, from) = (head.bytes(), out.len());
        let end = bytes.len().saturating_sub(head.tail_len());
        let rebuilt = if in_place {
            let id_at = frame.id.at.max(frame.id.twin_at as usize);
            let replaced = id_at.saturating_add(usize::from(frame.id.width)).min(bytes.len());
            out.extend_from_slice(bytes.get(..replaced).unwrap_or_default());
            frame.id.overwrite(out.get_mut(from..).unwrap_or_default(), head.stream().id());
            Rebuilt { replaced, ..Rebuilt::default() }
        } else {
            self.format.rebuild(frame, head, out)?
        };
        let front = out.get(from..).unwrap_or_default();
        let mut seal = self.seal(frame, head, in_place, front);
        if head.is_end() && rebuilt.is_all(end) && matches!(seal, Seal::None) {
            return Ok(None);
        }
        if let Seal::Anew(running) = &mut seal {
            running.update(front);
        }
        let rest = bytes.get(rebuilt.replaced..end).map(|_| bytes.slice(rebuilt.replaced..end)).unwrap_or_default();
        let mut tx = Sending {
            stream: head.stream(),
            remaining: remaining.saturating_add(rest.len() as u64),
            cut: rebuilt.cut as u64,
            tail: rebuilt.tail,
            watch: rebuilt.watch,
            seal,
        };
        tx.look(&rest).map_err(|what| EncodeError::Invalid { protocol: self.protocol(), what })?;
        Ok(Some((tx, rest)))
    }

    /// How the message is closed that begins with `front`.
    fn seal(&self, frame: &Frame, head: &Head, in_place: bool, front: &[u8]) -> Seal {
        if in_place
            && let Some(of) = frame.checksum.filter(|of| of.change.is_some())
            && (head.tail_len() > 0 || head.tail_follows())
        {
            return Seal::Changed(of, of.changed(frame.id, frame.len, head.stream().id()));
        }
        // What was built anew may be of another version, which closes otherwise.
        let of = match (in_place, front) {
            (true, _) | (_, []) => frame.checksum,
            _ if !self.format.has_checksums() => None,
            _ => match self.format.frame(front) {
                Ok(Parse::Done(built)) => built.checksum,
                _ => frame.checksum,
            },
        };
        of.map_or(Seal::None, |of| Seal::Anew(Running::new(of)))
    }

    fn body(&mut self, body: &mut Body, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let Some(tx) = self.tx.as_mut().filter(|tx| tx.stream == body.stream) else {
            return Err(EncodeError::NotOpen(body.stream));
        };
        let n = body.data.len() as u64;
        if n > tx.remaining {
            return Err(EncodeError::TooLong(body.stream));
        }
        if body.end && n < tx.remaining {
            return Err(EncodeError::TooShort(body.stream));
        }
        if body.end && matches!(tx.seal, Seal::Changed(..)) {
            return invalid(self.format.head_format(), "the checksum that came with the message is missing");
        }
        tx.look(&body.data)
            .map_err(|what| EncodeError::Invalid { protocol: self.format.head_format().protocol(), what })?;
        tx.send(std::mem::take(&mut body.data), cx);
        if body.end {
            tx.finish(&[], cx);
            self.sent(cx);
        }
        Ok(Sent::All)
    }

    /// The end of a body, and the checksum that came behind it, if one did.
    fn trailers(&mut self, trailers: &Head, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if trailers.fields().into_iter().flatten().next().is_some() {
            return Err(EncodeError::NoPlace { protocol: self.protocol(), what: "trailers" });
        }
        let stream = trailers.stream();
        let own = self.format.head_format();
        let Some(tx) = self.tx.as_mut().filter(|tx| tx.stream == stream) else {
            return Err(EncodeError::NotOpen(stream));
        };
        if tx.remaining > 0 {
            return Err(EncodeError::TooShort(stream));
        }
        let tail = if std::ptr::eq(own, trailers.format()) { trailers.tail() } else { &[] };
        if matches!(tx.seal, Seal::Changed(of, _) if of.len != tail.len()) {
            return invalid(own, "the checksum that came with the message is missing");
        }
        tx.finish(tail, cx);
        self.sent(cx);
        Ok(Sent::All)
    }

    /// Any event but a head; kept out of a head's way.
    #[inline(never)]
    pub(super) fn later(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        match event {
            Event::Head(head) => self.head(head, cx),
            Event::Body(body) => self.body(body, cx),
            Event::Reset(reset) => {
                // A length-framed wire cannot say that the rest of a message will not come, nor that it is not wanted.
                if reset.reason == ResetReason::NoError {
                } else if self.tx.as_ref().is_some_and(|tx| tx.stream == reset.stream) {
                    self.tx = None;
                    self.close = true;
                } else if self.role == Role::Server {
                    // Nobody will answer it.
                    self.open = self.open.saturating_sub(1);
                }
                Ok(Sent::All)
            }
            Event::Trailers(trailers) => self.trailers(trailers, cx),
            Event::GoAway => {
                self.go_away(cx);
                Ok(Sent::All)
            }
            Event::Heartbeat { ack: false } => {
                self.heartbeat(cx);
                Ok(Sent::All)
            }
            Event::Heartbeat { ack: true } | Event::Capacity { .. } => Ok(Sent::All),
            Event::Extension(_) => {
                Err(EncodeError::NoPlace { protocol: self.protocol(), what: "a frame of an unknown type" })
            }
            Event::Upgraded { .. } | Event::Switch(_) => {
                Err(EncodeError::NoPlace { protocol: self.protocol(), what: "a change of protocol" })
            }
        }
    }

    /// Writes a control frame as soon as no message is under way; false when too many wait.
    pub(super) fn owe(&mut self, mut frame: Vec<u8>, cx: &mut Cx<'_>) -> bool {
        if self.close {
            return true;
        }
        if let Ok(Parse::Done(described)) = self.format.frame(&frame)
            && let Some(of) = described.checksum
        {
            let mut running = Running::new(of);
            running.update(&frame);
            running.put(&mut frame);
        }
        if self.tx.is_none() {
            cx.output().put(&frame);
            return true;
        }
        self.held_count = self.held_count.saturating_add(1);
        self.held.extend_from_slice(&frame);
        self.held_count <= self.limits.replies
    }

    /// The message under way has ended.
    fn sent(&mut self, cx: &mut Cx<'_>) {
        self.tx = None;
        if !self.held.is_empty() {
            cx.output().put(&std::mem::take(&mut self.held));
            self.held_count = 0;
        }
    }
}

/// Below this, one copy is cheaper than sharing the buffer.
const SHARE: usize = 4096;

/// Queues a whole frame with another id and the checksum that came with it, changed by that.
#[inline(never)]
fn put_resealed(head: &Head, old: IdField, of: &Checksum, cx: &mut Cx<'_>) {
    let id = head.stream().id();
    let bits = of.changed(old, head.bytes().len() as u64, id);
    cx.output().put_patched(head.bytes(), |copy| {
        old.overwrite(copy, id);
        of.change_bits(copy, bits);
    });
}

// What is refused is said out of line: a compiler that takes each check for a coin toss takes what follows many of them
// for rare.

#[cold]
#[inline(never)]
fn foreign(head: &Head, own: &HeadFormat) -> Result<Sent, EncodeError> {
    Err(EncodeError::Foreign { from: head.protocol(), to: own.protocol() })
}

#[cold]
#[inline(never)]
pub(super) fn refused(why: &'static str) -> Result<Sent, EncodeError> {
    Err(EncodeError::Refused(why))
}

#[cold]
#[inline(never)]
fn invalid(own: &HeadFormat, what: &'static str) -> Result<Sent, EncodeError> {
    Err(EncodeError::Invalid { protocol: own.protocol(), what })
}

#[cold]
#[inline(never)]
fn wrong_length(error: fn(StreamId) -> EncodeError, stream: StreamId) -> Result<Sent, EncodeError> {
    Err(error(stream))
}
