//! Everything about a length-framed connection that does not depend on the protocol.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use super::checksum::{Checksum, Running};
use super::format::{Control, Fault, Frame, FrameFormat, FrameKind, Parse, Rebuilt, Scan};
use super::id::IdField;
use super::sending::{Seal, Sending};
use crate::codec::{Codec, Conn, ConnState, Cx, Role};
use crate::depth::Depth;
use crate::error::{DecodeError, EncodeError, Scope};
use crate::event::{Body, Event, ResetReason, Sent, Step, StreamId};
use crate::head::{Head, HeadFormat, Kind};
use crate::key::RoutingKey;
use crate::limits::{Limit, Limits, Stats, TokenBucket};
use crate::outcome::{LocalReply, Outcome};

/// A [`Codec`] for any [`FrameFormat`].
///
/// It remembers nothing between a request and its answer: what the answer needs travels in the [`StreamId`]'s tag.
/// Messages up to [`Limits::whole`] come in one event, so that events do not depend on where a read ended; larger ones
/// stream. One message at a time is under way in each direction; control replies owed meanwhile are held until it ends.
pub struct FrameCodec<F> {
    format: F,
    role: Role,
    limits: Arc<Limits>,
    depth: Arc<Depth>,
    rx: Rx,
    /// Bytes that must be there before a frame is worth another look.
    need: usize,
    tx: Option<Sending>,
    /// Somebody was refused while a message was under way.
    refused: bool,
    /// Control replies that wait for the message under way to end.
    held: Vec<u8>,
    held_count: usize,
    idle_frames: TokenBucket,
    unreleased: usize,
    open: usize,
    next_id: u64,
    /// The tag of the message that passed last.
    last_tag: u32,
    /// Where the front of a message is built: kept, so that one more costs no allocation.
    front: Vec<u8>,
    draining: bool,
    close: bool,
    failed: Option<Box<DecodeError>>,
    stats: Stats,
}

/// What the next input byte belongs to.
enum Rx {
    /// A new frame.
    Start,
    /// The front of a frame too large to wait for.
    Front(Box<Front>),
    /// The payload of a message whose head is out.
    Payload(Payload),
    /// A message that was refused.
    Skip(u64),
}

struct Front {
    frame: Frame,
    head: Head,
    scan: Scan,
}

struct Payload {
    stream: StreamId,
    remaining: u64,
    checksum: Option<Running>,
}

impl<F: FrameFormat> FrameCodec<F> {
    /// One end of one connection.
    pub fn new(format: F, conn: Conn) -> Self {
        let idle_frames = TokenBucket::new(conn.limits.idle_frames);
        Self {
            format,
            role: conn.role,
            limits: conn.limits,
            depth: conn.depth,
            rx: Rx::Start,
            need: 1,
            tx: None,
            refused: false,
            held: Vec::new(),
            held_count: 0,
            idle_frames,
            unreleased: 0,
            open: 0,
            next_id: 0,
            last_tag: 0,
            front: Vec::new(),
            draining: false,
            close: false,
            failed: None,
            stats: Stats::default(),
        }
    }

    /// The format.
    pub const fn format(&self) -> &F {
        &self.format
    }

    fn protocol(&self) -> &'static str {
        self.format.head_format().protocol()
    }

    fn consumed(&mut self, n: usize) {
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(n as u64);
    }

    // ----- decoding -----

    /// A fault that costs the connection.
    #[cold]
    fn fatal(&mut self, fault: Fault) -> DecodeError {
        let error = self.error(fault, Scope::Connection);
        self.failed = Some(Box::new(error.clone()));
        error
    }

    /// A fault that costs one message: the rest of it, `remaining` bytes, is skipped.
    #[cold]
    fn refuse_frame(&mut self, fault: Fault, frame: Frame) -> DecodeError {
        // It is answered like any other, so it counts as one.
        self.count_open(frame.kind);
        let stream = StreamId::new(frame.id.value).with_tag(frame.tag);
        self.refuse(fault, stream, frame.len)
    }

    /// A message that only the other end may send. Its id is the peer's own, and names no exchange of this end: what is owed
    /// for it is written here.
    #[cold]
    fn wrong_way(&mut self, frame: &Frame, cx: &mut Cx<'_>) -> DecodeError {
        let stream = StreamId::new(frame.id.value).with_tag(frame.tag);
        let mut answer = Vec::new();
        let reply =
            LocalReply::new(Outcome::Unimplemented, "requests of the server's own are not taken on this connection");
        let is_owed = frame.kind == FrameKind::Request && self.format.reply(stream, &reply, &mut answer);
        if is_owed && !self.owe(answer, cx) {
            return self.fatal(Fault::limit(Limit::Replies, "too many control replies are owed", 0));
        }
        let fault = Fault::new("direction", "only a server sends responses, only a client requests", 0);
        let error = self.refuse(fault, stream, frame.len).of_stray();
        if is_owed { error.with_reply() } else { error }
    }

    /// The same for the frame at the front of `input`: it is read again, so that the way of those that are not refused
    /// need not keep it anywhere but in registers.
    #[cold]
    fn refuse_first(&mut self, fault: Fault, input: &BytesMut) -> DecodeError {
        match self.format.frame(input) {
            Ok(Parse::Done(frame)) => self.refuse_frame(fault, frame),
            _ => self.fatal(fault),
        }
    }

    #[cold]
    fn refuse(&mut self, fault: Fault, stream: StreamId, remaining: u64) -> DecodeError {
        self.rx = Rx::Skip(remaining);
        self.need = 1;
        self.stats.bad_messages = self.stats.bad_messages.saturating_add(1);
        self.error(fault, Scope::Message(stream))
    }

    fn error(&mut self, fault: Fault, scope: Scope) -> DecodeError {
        if let Some(limit) = fault.limit {
            self.stats.trip(limit);
        }
        let begun = self.stats.message_at;
        let mut error = DecodeError::new(self.protocol(), fault.code, fault.detail, scope)
            .at(begun.saturating_add(fault.at as u64), begun)
            .with_outcome(match (self.role, fault.outcome) {
                (Role::Client, Outcome::BadRequest) => Outcome::BadResponse,
                (_, outcome) => outcome,
            });
        error.limit = fault.limit;
        error
    }

    /// What nearly every call finds where a frame begins: one that is small, all there, and nothing against it; its whole
    /// length comes with it. `None` says only that [`start`](Self::start) must look closer.
    #[inline(always)]
    fn plain(&self, input: &BytesMut) -> Option<(Frame, usize)> {
        let Ok(Parse::Done(frame)) = self.format.frame(input) else { return None };
        let len = usize::try_from(frame.len).ok()?;
        let from_peer = match frame.kind {
            FrameKind::Control => false,
            FrameKind::Response => self.role == Role::Client,
            FrameKind::Request | FrameKind::OneWay => self.role == Role::Server,
        };
        let limits = &*self.limits;
        let fits = len.checked_sub(frame.trailer()).is_some_and(|end| end >= frame.payload_at)
            && len <= input.len()
            && len <= limits.whole
            && limits.message.is_none_or(|limit| frame.len <= limit)
            && self.unreleased < limits.window
            && (frame.kind != FrameKind::Request || self.open < limits.open);
        let sound = from_peer && fits && frame.checksum.is_none_or(|of| of.is_sound(len, input));
        sound.then_some((frame, len))
    }

    /// A frame from its first byte on; `None` when it was a control frame that makes no event.
    fn start(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Option<Step>, DecodeError> {
        if input.len() < self.need {
            return Ok(Some(Step::need(self.need.saturating_sub(input.len()))));
        }
        self.stats.message_at = self.stats.bytes_in;
        let frame = match self.format.frame(input) {
            Ok(Parse::Done(frame)) => frame,
            Ok(Parse::Need(total)) => return self.wait(total, input).map(Some),
            Err(fault) => return Err(self.fatal(fault)),
        };
        let trailer = frame.trailer();
        if frame.len.checked_sub(trailer as u64).is_none_or(|end| end < frame.payload_at as u64) {
            return Err(self.fatal(Fault::new("length", "a frame is shorter than its own header", 0)));
        }
        let stream = StreamId::new(frame.id.value).with_tag(frame.tag);
        let control = frame.kind == FrameKind::Control;
        let full = frame.kind == FrameKind::Request && self.role == Role::Server && self.open >= self.limits.open;
        if full || (!control && self.unreleased >= self.limits.window) {
            return Ok(Some(Step::Paused));
        }
        if self.limits.message.is_some_and(|limit| frame.len > limit) {
            let fault = Fault::limit(Limit::Message, "the message is larger than the configured limit", 0);
            return Err(self.refuse_frame(fault, frame));
        }
        let from_peer = match frame.kind {
            FrameKind::Control => true,
            FrameKind::Response => self.role == Role::Client,
            FrameKind::Request | FrameKind::OneWay => self.role == Role::Server,
        };
        if !from_peer {
            return Err(self.wrong_way(&frame, cx));
        }
        let whole = usize::try_from(frame.len).ok().filter(|len| *len <= self.limits.whole);
        match whole {
            Some(len) if input.len() < len => self.wait(len, input).map(Some),
            Some(len) => {
                if frame.checksum.is_some_and(|of| !of.is_sound(len, input)) {
                    return Err(self.refuse_frame(bad_checksum(len.saturating_sub(trailer)), frame));
                }
                if control { self.control(&frame, len, input, cx) } else { self.waited(&frame, len, input).map(Some) }
            }
            None if control => {
                let fault = Fault::limit(Limit::Head, "a control frame is larger than messages that are waited for", 0);
                Err(self.refuse_frame(fault, frame))
            }
            None => {
                let head = Head::new(self.format.head_format(), kind(frame.kind), stream, Bytes::new());
                self.need = 1;
                // What is looked at ends at the limit even where more was read, and what is missing is asked for only up to
                // there: where a read ended must not decide what is said of a message.
                let limit = self.limits.head.max(self.limits.whole).max(frame.payload_at);
                let payload_end = frame.len.saturating_sub(trailer as u64);
                let scan = Scan::new(usize::try_from(payload_end).unwrap_or(usize::MAX).min(limit));
                self.rx = Rx::Front(Box::new(Front { frame, head, scan }));
                Ok(None)
            }
        }
    }

    fn wait(&mut self, total: usize, input: &BytesMut) -> Result<Step, DecodeError> {
        self.need = total.max(input.len().saturating_add(1));
        if self.need > self.limits.buffered() {
            return Err(self.fatal(Fault::limit(Limit::Head, "a frame header is larger than any limit", 0)));
        }
        Ok(Step::need(self.need.saturating_sub(input.len())))
    }

    /// A message that is all there and small, so many bytes with its trailer: one event, one buffer split.
    #[inline(always)]
    fn whole(&mut self, frame: &Frame, len: usize, input: &mut BytesMut) -> Result<Step, DecodeError> {
        let stream = StreamId::new(frame.id.value).with_tag(frame.tag);
        let mut head = Head::new(self.format.head_format(), kind(frame.kind), stream, Bytes::new());
        // Both said now and not at the end: the head is about to be moved, and reading back in one piece what was just
        // written in several stalls the processor.
        head.set_end(true);
        head.will_have_data_at(frame.payload_at);
        head.set_tail(frame.trailer());
        head.set_whole_frame();
        let end = len.saturating_sub(frame.trailer());
        let seen = input.get(..end).unwrap_or_default();
        match self.format.head(frame, seen, &self.depth, &mut Scan::new(end), &mut head) {
            Ok(Parse::Done(())) => {}
            Ok(Parse::Need(_)) => return Err(self.refuse_first(cut_short(end), input)),
            Err(fault) => return Err(self.refuse_first(fault, input)),
        }
        let bytes = input.split_to(len).freeze();
        self.last_tag = frame.tag;
        self.unreleased = self.unreleased.saturating_add(end.saturating_sub(frame.payload_at));
        self.consumed(len);
        self.need = 1;
        self.begun(frame.kind);
        Ok(Step::Event(Event::Head(head.with_bytes(bytes))))
    }

    /// The same for those that [`plain`](Self::plain) left alone.
    #[inline(never)]
    fn waited(&mut self, frame: &Frame, len: usize, input: &mut BytesMut) -> Result<Step, DecodeError> {
        self.whole(frame, len, input)
    }

    #[inline]
    fn begun(&mut self, kind: FrameKind) {
        self.stats.messages_in = self.stats.messages_in.saturating_add(1);
        self.count_open(kind);
    }

    fn count_open(&mut self, kind: FrameKind) {
        if kind == FrameKind::Request {
            self.open = self.open.saturating_add(1);
        } else if kind == FrameKind::Response {
            self.open = self.open.saturating_sub(1);
        }
    }

    fn control(
        &mut self,
        frame: &Frame,
        len: usize,
        input: &mut BytesMut,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Step>, DecodeError> {
        if !self.idle_frames.take(cx.now()) {
            return Err(self.fatal(Fault::limit(Limit::IdleFrames, "too many control frames", 0)));
        }
        self.stats.control_id = Some(frame.id.value);
        let seen = input.get(..len.saturating_sub(frame.trailer())).unwrap_or_default();
        let event = match self.format.control(frame, seen) {
            Err(fault) => return Err(self.refuse_frame(fault, *frame)),
            Ok(Control::Heartbeat) => {
                let mut answer = Vec::new();
                if self.format.heartbeat_ack(frame, seen, &mut answer) {
                    self.stats.heartbeats_out = self.stats.heartbeats_out.saturating_add(1);
                    if !self.owe(answer, cx) {
                        return Err(self.fatal(Fault::limit(Limit::Replies, "too many control replies are owed", 0)));
                    }
                }
                Some(Event::Heartbeat { ack: false })
            }
            Ok(Control::HeartbeatAck) => Some(Event::Heartbeat { ack: true }),
            Ok(Control::GoAway) => {
                self.draining = true;
                Some(Event::GoAway)
            }
            Ok(Control::Ignored) => None,
        };
        if matches!(event, Some(Event::Heartbeat { .. })) {
            self.stats.heartbeats_in = self.stats.heartbeats_in.saturating_add(1);
        }
        input.advance(len);
        self.consumed(len);
        self.need = 1;
        Ok(event.map(Step::Event))
    }

    /// Writes a control frame as soon as no message is under way; false when too many wait.
    fn owe(&mut self, mut frame: Vec<u8>, cx: &mut Cx<'_>) -> bool {
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

    /// The front of a large message: its head goes out as soon as what `depth` asks for is in.
    fn front(&mut self, input: &mut BytesMut) -> Result<Option<Step>, DecodeError> {
        let Rx::Front(front) = &mut self.rx else { return Ok(None) };
        if input.len() < self.need {
            return Ok(Some(Step::need(self.need.saturating_sub(input.len()))));
        }
        let Front { frame, head, scan } = &mut **front;
        let (frame, stream, end) = (*frame, head.stream(), scan.end);
        let payload_end = frame.len.saturating_sub(frame.trailer() as u64);
        let n = input.len().min(end);
        let seen = input.get(..n).unwrap_or_default();
        let result = self.format.head(&frame, seen, &self.depth, scan, head);
        match result {
            Err(fault) => return Err(self.refuse_frame(fault, frame)),
            Ok(Parse::Need(_)) if n as u64 == payload_end => return Err(self.refuse_frame(cut_short(n), frame)),
            Ok(Parse::Need(_)) if n == end => {
                let detail = "what the routes look at lies too far behind in the message";
                return Err(self.refuse_frame(Fault::limit(Limit::Head, detail, n), frame));
            }
            Ok(Parse::Need(total)) => {
                self.need = total.max(n.saturating_add(1)).min(end);
                return Ok(Some(Step::need(self.need.saturating_sub(input.len()))));
            }
            Ok(Parse::Done(())) => {}
        }
        let Rx::Front(front) = std::mem::replace(&mut self.rx, Rx::Start) else { return Ok(None) };
        let mut head = front.head;
        head.attach(input.split_to(n).freeze(), frame.payload_at);
        let checksum = frame.checksum.map(|of| {
            let mut running = Running::new(of);
            running.update(head.bytes());
            if of.change.is_some() {
                head.set_tail_follows();
            }
            running
        });
        self.last_tag = frame.tag;
        self.rx = Rx::Payload(Payload { stream, remaining: payload_end.saturating_sub(n as u64), checksum });
        self.need = 1;
        self.consumed(n);
        self.unreleased = self.unreleased.saturating_add(head.data().len());
        self.begun(frame.kind);
        Ok(Some(Step::Event(Event::Head(head))))
    }

    fn payload(&mut self, input: &mut BytesMut) -> Result<Step, DecodeError> {
        let (window_full, at) = (self.unreleased >= self.limits.window, self.stats.bytes_in);
        let Rx::Payload(payload) = &mut self.rx else { return Ok(Step::need(1)) };
        let trailer = payload.checksum.map_or(0, |running| running.of.len);
        let n = input.len().min(usize::try_from(payload.remaining).unwrap_or(usize::MAX));
        if n > 0 && window_full {
            return Ok(Step::Paused);
        }
        if n == 0 && payload.remaining > 0 {
            return Ok(Step::need(1));
        }
        let stream = payload.stream;
        let last = n as u64 == payload.remaining;
        // A checksum that is to be passed on is an event of its own.
        let passed_on = payload.checksum.is_some_and(|running| running.of.change.is_some());
        let whole = last && input.len() >= n.saturating_add(trailer) && (n == 0 || !passed_on);
        if n == 0 && !whole {
            return Ok(Step::need(trailer.saturating_sub(input.len())));
        }
        let data = input.split_to(n).freeze();
        payload.remaining = payload.remaining.saturating_sub(n as u64);
        if let Some(running) = &mut payload.checksum {
            running.update(&data);
        }
        let mut consumed = n;
        if whole {
            let running = payload.checksum;
            let sum = input.split_to(trailer.min(input.len())).freeze();
            consumed = consumed.saturating_add(sum.len());
            self.rx = Rx::Start;
            self.need = 1;
            if running.is_some_and(|running| !running.matches(&sum)) {
                self.consumed(consumed);
                let into = at.saturating_sub(self.stats.message_at);
                let fault = bad_checksum(usize::try_from(into).unwrap_or(usize::MAX).saturating_add(n));
                return Err(self.refuse(fault, stream, 0));
            }
            if passed_on {
                self.consumed(consumed);
                let mut trailers = Head::new(self.format.head_format(), Kind::Trailers, stream, sum);
                trailers.set_data_at(0);
                trailers.set_tail(trailer);
                return Ok(Step::Event(Event::Trailers(trailers)));
            }
        }
        self.consumed(consumed);
        self.unreleased = self.unreleased.saturating_add(data.len());
        Ok(Step::Event(Event::Body(Body { stream, data, end: whole })))
    }

    fn skip(&mut self, remaining: u64, input: &mut BytesMut) -> Option<Step> {
        let n = input.len().min(usize::try_from(remaining).unwrap_or(usize::MAX));
        input.advance(n);
        self.consumed(n);
        let left = remaining.saturating_sub(n as u64);
        self.rx = if left == 0 { Rx::Start } else { Rx::Skip(left) };
        (left > 0).then(|| Step::need(1))
    }

    /// Everything that is not [`plain`](Self::plain); kept out of its way.
    #[inline(never)]
    fn any(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if let Some(error) = &self.failed {
            return Err((**error).clone());
        }
        if self.refused && self.tx.is_none() {
            self.refused = false;
            return Ok(Step::Event(Event::Capacity { stream: None }));
        }
        loop {
            let step = match &self.rx {
                Rx::Start => self.start(input, cx)?,
                Rx::Front(_) => self.front(input)?,
                Rx::Payload(_) => Some(self.payload(input)?),
                Rx::Skip(remaining) => {
                    let remaining = *remaining;
                    self.skip(remaining, input)
                }
            };
            if let Some(step) = step {
                return Ok(step);
            }
        }
    }

    // ----- encoding -----

    /// What nearly every head is that a proxy sends on: whole, as it came, and nothing in its way. False says only that
    /// [`head`](Self::head) must look closer.
    #[inline(always)]
    fn resend(&mut self, head: &Head, cx: &mut Cx<'_>) -> bool {
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
        let (bytes, stream) = (head.bytes(), head.stream());
        let mut front = std::mem::take(&mut self.front);
        front.clear();
        let rebuilt = if in_place {
            let id_at = frame.id.at.max(frame.id.twin_at as usize);
            let replaced = id_at.saturating_add(usize::from(frame.id.width)).min(bytes.len());
            front.extend_from_slice(bytes.get(..replaced).unwrap_or_default());
            frame.id.overwrite(&mut front, stream.id());
            Rebuilt { replaced, ..Rebuilt::default() }
        } else {
            self.format.rebuild(frame, head, &mut front)?
        };
        let end = bytes.len().saturating_sub(head.tail_len());
        let rest = bytes.get(rebuilt.replaced..end).map(|_| bytes.slice(rebuilt.replaced..end)).unwrap_or_default();
        let mut tx = Sending {
            stream,
            remaining: remaining.saturating_add(rest.len() as u64),
            cut: rebuilt.cut as u64,
            tail: rebuilt.tail,
            watch: rebuilt.watch,
            seal: self.seal(frame, head, in_place, &front),
        };
        tx.look(&rest).map_err(|what| EncodeError::Invalid { protocol: self.protocol(), what })?;
        if let Seal::Anew(running) = &mut tx.seal {
            running.update(&front);
        }
        cx.output().put(&front);
        if front.capacity() <= FRONT {
            self.front = front;
        }
        let tx = self.tx.insert(tx);
        tx.send(rest, cx);
        if head.is_end() {
            tx.finish(head.tail(), cx);
            self.sent(cx);
        }
        Ok(())
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
    fn later(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
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

    /// The message under way has ended.
    fn sent(&mut self, cx: &mut Cx<'_>) {
        self.tx = None;
        if !self.held.is_empty() {
            cx.output().put(&std::mem::take(&mut self.held));
            self.held_count = 0;
        }
    }
}

/// A front that has grown larger gives its memory back.
const FRONT: usize = 4096;

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
fn refused(why: &'static str) -> Result<Sent, EncodeError> {
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

const fn kind(kind: FrameKind) -> Kind {
    match kind {
        FrameKind::Request => Kind::Request,
        FrameKind::OneWay => Kind::OneWay,
        FrameKind::Response | FrameKind::Control => Kind::Response,
    }
}

const fn bad_checksum(at: usize) -> Fault {
    Fault::new("checksum", "the checksum does not match the frame", at)
}

const fn cut_short(at: usize) -> Fault {
    Fault::new("cut_short", "the message ends inside what must be read to route it", at)
}

impl<F: FrameFormat> Codec for FrameCodec<F> {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if matches!(self.rx, Rx::Start) && self.failed.is_none() && !self.refused {
            // The last call of nearly every read.
            if input.len() < self.need {
                return Ok(Step::need(self.need.saturating_sub(input.len())));
            }
            if let Some((frame, len)) = self.plain(input) {
                self.stats.message_at = self.stats.bytes_in;
                return self.whole(&frame, len, input);
            }
        }
        self.any(input, cx)
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        match self.decode(input, cx)? {
            Step::NeedMore(_) if input.is_empty() && matches!(self.rx, Rx::Start) => Ok(Step::Closed),
            Step::NeedMore(_) => {
                let at = self.stats.bytes_in.saturating_add(input.len() as u64);
                let into = usize::try_from(at.saturating_sub(self.stats.message_at)).unwrap_or(usize::MAX);
                input.clear();
                Err(self.fatal(Fault::new("truncated", "the connection ended inside a message", into)))
            }
            step => Ok(step),
        }
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if self.close {
            return refused("the connection is closing");
        }
        match event {
            Event::Head(head) if self.resend(head, cx) => Ok(Sent::All),
            event => self.later(event, cx),
        }
    }

    fn state(&self) -> ConnState {
        // Framing is lost in one direction only: a server still gives the answers it owes.
        let failed = self.failed.is_some() && (self.open == 0 || self.role == Role::Client);
        ConnState {
            receiving: !matches!(self.rx, Rx::Start) || self.need > 1,
            sending: self.tx.is_some(),
            open: self.open,
            draining: self.draining || self.close || self.failed.is_some(),
            close: self.close || failed,
            ..ConnState::default()
        }
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        let mut bytes = Vec::new();
        if !self.format.reply(stream, reply, &mut bytes) {
            return None;
        }
        let Ok(Parse::Done(frame)) = self.format.frame(&bytes) else { return None };
        let mut head = Head::new(self.format.head_format(), Kind::Response, stream, Bytes::new());
        let _ = self.format.head(&frame, &bytes, &Depth::BOUNDARY, &mut Scan::new(bytes.len()), &mut head);
        head.attach(Bytes::from(bytes), frame.payload_at);
        head.set_end(true);
        Some(Event::Head(head))
    }

    fn capacity(&self, stream: StreamId) -> usize {
        match &self.tx {
            Some(tx) if tx.stream == stream => usize::try_from(tx.remaining).unwrap_or(usize::MAX),
            Some(_) => 0,
            None => usize::MAX,
        }
    }

    fn release(&mut self, _: StreamId, n: usize, _: &mut Cx<'_>) {
        self.unreleased = self.unreleased.saturating_sub(n);
    }

    fn heartbeat(&mut self, cx: &mut Cx<'_>) -> bool {
        let mut frame = Vec::new();
        // Heartbeats count down from the top, exchanges up from the bottom: they do not meet in a lifetime.
        self.next_id = self.next_id.wrapping_sub(1);
        let sent = self.format.heartbeat(self.next_id, self.last_tag, &mut frame) && self.owe(frame, cx);
        self.stats.heartbeats_out = self.stats.heartbeats_out.saturating_add(u64::from(sent));
        sent
    }

    fn go_away(&mut self, cx: &mut Cx<'_>) {
        let mut frame = Vec::new();
        self.next_id = self.next_id.wrapping_sub(1);
        if self.format.go_away(self.next_id, self.last_tag, &mut frame) {
            let _ = self.owe(frame, cx);
        }
        self.draining = true;
    }

    fn set_depth(&mut self, depth: &Arc<Depth>) {
        self.depth = Arc::clone(depth);
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn trim(&mut self) {
        self.held.shrink_to_fit();
        self.front = Vec::new();
    }
}
