//! From bytes to events.

use bytes::{Buf, Bytes, BytesMut};

use super::{FrameCodec, Front, Payload, Rx};
use crate::codec::{Cx, Role};
use crate::error::{DecodeError, Scope};
use crate::event::{Body, Event, Step, StreamId};
use crate::frame::checksum::Running;
use crate::frame::format::{Control, Fault, Frame, FrameFormat, FrameKind, Parse, Scan};
use crate::head::{Head, Kind};
use crate::limits::Limit;
use crate::outcome::{LocalReply, Outcome};

impl<F: FrameFormat> FrameCodec<F> {
    fn consumed(&mut self, n: usize) {
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(n as u64);
    }

    /// A fault that costs the connection.
    #[cold]
    pub(super) fn fatal(&mut self, fault: Fault) -> DecodeError {
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

    pub(super) fn error(&mut self, fault: Fault, scope: Scope) -> DecodeError {
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
    pub(super) fn plain(&self, input: &BytesMut) -> Option<(Frame, usize)> {
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
    pub(super) fn whole(&mut self, frame: &Frame, len: usize, input: &mut BytesMut) -> Result<Step, DecodeError> {
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

    pub(super) fn count_open(&mut self, kind: FrameKind) {
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
    pub(super) fn any(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
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
