//! Everything about a length-framed connection that does not depend on the protocol.

mod decode;
mod encode;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::checksum::Running;
use super::format::{Fault, Frame, FrameFormat, Parse, Scan};
use super::sending::Sending;
use crate::codec::{Codec, Conn, ConnState, Cx, Role};
use crate::depth::Depth;
use crate::error::{DecodeError, EncodeError};
use crate::event::{Event, Sent, Step, StreamId};
use crate::head::{Head, Kind};
use crate::limits::{Limits, Stats, TokenBucket};
use crate::outcome::LocalReply;

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
            return encode::refused("the connection is closing");
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
        self.format.trim();
    }
}
