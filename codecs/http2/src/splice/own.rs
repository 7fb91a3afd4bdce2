//! What a splice says itself: local replies, refusals, GOAWAY, and credit for what went no further.

use std::time::Duration;

use meshwire::{DecodeError, LocalReply, Outcome, StreamId};

use super::exchange::{Ending, ReplyAs};
use super::flow::Rx;
use super::stream::Stream;
use super::{Ends, Exchange, FINISHED, Side, Splice, Wrong};
use crate::code::Code;
use crate::frame::{self, MAX_31};
use crate::hpack::{Encoder, Field};
use crate::{grpc, status};

/// How long the client gets to learn that it must open no more streams.
const ROUND_TRIP: Duration = Duration::from_secs(1);

/// Marks the PING that tells us the client has read our first GOAWAY.
const MARK: [u8; 8] = *b"\xffsplice\0";

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    No,
    /// The first GOAWAY is out, and a PING behind it.
    Announced {
        until: Duration,
    },
    /// The last one is out.
    Final,
}

/// Appends the field that no server takes: a pseudo-field that nobody knows, behind the others (RFC 9113, section 8.3).
pub(super) fn poison(stream: u32, out: &mut Vec<u8>) {
    let mut block = Vec::with_capacity(16);
    Encoder::literal(&Field::new(b":refused", b"1"), &mut block);
    frame::put(out, frame::CONTINUATION, frame::END_HEADERS, stream, &block);
}

impl Splice {
    /// Answers a stream in the server's place, where its answer has not begun; resets it where it has. Upstream it is
    /// reset as well. False where it is not open.
    ///
    /// The answer has no body: see [above](Splice#what-the-tables-of-hpack-ask). What counts as begun is any block of
    /// fields, interim ones included, since nobody has looked which they are.
    pub fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>, as_: ReplyAs, ends: &mut Ends<'_>) -> bool {
        let done = u32::try_from(stream.id()).is_ok_and(|id| self.answer(id, reply, as_, ends));
        self.settle(ends);
        done
    }

    /// Begins to end the client's connection: GOAWAY, and once the client must have read it, or a second later, GOAWAY
    /// again with the last stream that is served. [`is_over`](Self::is_over) says when they all are. Wants
    /// [`on_deadline`](Self::on_deadline) to be called.
    pub fn drain(&mut self, ends: &mut Ends<'_>) {
        if self.failed.is_some() || self.lost || self.drain != Drain::No {
            return;
        }
        if self.told == MAX_31 {
            // Where the server has said GOAWAY, the client knows.
            self.say_goaway(Side::Down, MAX_31, Code::NO_ERROR, b"");
        }
        self.say(Side::Down, frame::PING, 0, 0, &MARK);
        self.drain = Drain::Announced { until: ends.now().saturating_add(ROUND_TRIP) };
        self.settle(ends);
    }

    /// When [`on_deadline`](Self::on_deadline) wants to be called.
    pub const fn next_deadline(&self) -> Option<Duration> {
        match self.drain {
            Drain::Announced { until } if self.failed.is_none() && !self.lost => Some(until),
            _ => None,
        }
    }

    /// What there is to do when a deadline has come.
    pub fn on_deadline(&mut self, ends: &mut Ends<'_>) {
        if self.next_deadline().is_some_and(|at| at <= ends.now()) {
            self.finish_drain();
            self.settle(ends);
        }
    }

    /// The server's connection is gone: every open stream is answered as [`reply`](Self::reply) does, and the client is
    /// told to open no more. Where the server went in the middle of a frame of more than 16 KiB, or of a block, nothing
    /// can be said any more: the streams end with the connection.
    pub fn upstream_lost(&mut self, reply: &LocalReply<'_>, as_: ReplyAs, ends: &mut Ends<'_>) {
        if self.failed.is_some() || self.lost {
            return;
        }
        self.begin_down(ends);
        let between = self.up.is_between();
        for id in self.streams.after(0) {
            if between && id % 2 == 1 {
                let _ = self.answer(id, reply, as_, ends);
            } else {
                self.finish_id(id, ends, Ending::Lost(Side::Up));
            }
        }
        self.say_goaway(Side::Down, self.last, Code::NO_ERROR, b"");
        self.settle(ends);
        self.lost = true;
    }

    /// The client's connection is gone: the server is told so.
    pub fn client_lost(&mut self, ends: &mut Ends<'_>) {
        if self.failed.is_some() || self.lost {
            return;
        }
        for id in self.streams.after(0) {
            self.finish_id(id, ends, Ending::Lost(Side::Down));
        }
        self.say_goaway(Side::Up, 0, Code::NO_ERROR, b"");
        self.settle(ends);
        self.lost = true;
    }

    // ----- streams -----

    fn answer(&mut self, id: u32, reply: &LocalReply<'_>, as_: ReplyAs, ends: &Ends<'_>) -> bool {
        let Some(was) = self.streams.cut(id) else { return false };
        let asked = was.has_ended(Side::Down);
        if was.answered.is_none() {
            self.say_reply(id, reply, as_);
            if !asked {
                // The rest of the request is not wanted (section 8.1).
                self.say(Side::Down, frame::RST_STREAM, 0, id, &Code::NO_ERROR.0.to_be_bytes());
            }
        } else {
            let code = match reply.outcome {
                Outcome::Cancelled | Outcome::Timeout => Code::CANCEL,
                _ => Code::INTERNAL_ERROR,
            };
            self.say(Side::Down, frame::RST_STREAM, 0, id, &code.0.to_be_bytes());
        }
        self.say(Side::Up, frame::RST_STREAM, 0, id, &Code::CANCEL.0.to_be_bytes());
        self.down.budgets.expect_stragglers();
        self.up.budgets.expect_stragglers();
        self.push_exchange(was.exchange(id, ends.now(), Ending::Replied(reply.outcome)));
        true
    }

    fn say_reply(&mut self, id: u32, reply: &LocalReply<'_>, as_: ReplyAs) {
        let size = self.down.owes_size.take();
        let grpc = as_ == ReplyAs::Grpc;
        let status = if grpc { 200 } else { status::status(reply.outcome) }.to_string();
        let code = grpc::code(reply.outcome).to_string();
        let text = grpc::percent_encode(reply.message);
        // One frame that every client takes, whatever is said in it.
        let most = frame::MAX_PAYLOAD / 4;
        let text = if text.len() > most { "" } else { &text };
        let fields = [(":status", status.as_str()), ("content-type", "application/grpc"), ("grpc-status", &code)];
        frame::put_block(&mut self.down.held, id, true, frame::MAX_PAYLOAD, |out| -> Result<(), ()> {
            if let Some(size) = size {
                Encoder::size_update(size, out);
            }
            let mut put = |name: &str, value: &str| {
                Encoder::literal(&Field::new(name.as_bytes(), value.as_bytes()), out);
            };
            for (name, value) in fields.iter().take(if grpc { 3 } else { 1 }) {
                put(name, value);
            }
            match (grpc, text) {
                (true, "") => {}
                (true, text) => put("grpc-message", text),
                (false, _) => put("content-length", "0"),
            }
            Ok(())
        })
        .unwrap_or_default();
    }

    /// A stream that must not be served: its block goes through spoilt.
    pub(super) fn refuse(&mut self, id: u32, end: bool, ends: &mut Ends<'_>) -> Result<(), Wrong> {
        const WHAT: &str = "too many streams had to be refused";
        self.down.budgets.provoked(ends.now()).map_err(|limit| Wrong::Over(limit, WHAT))?;
        let replies = "replies that the peer does not read";
        self.down.budgets.reply(ends.output(Side::Down)).map_err(|limit| Wrong::Over(limit, replies))?;
        let mut stream = Stream::new(ends.now());
        if end {
            stream.end(Side::Down);
        }
        self.streams.insert(id, stream);
        if let Some(was) = self.streams.cut(id) {
            self.push_exchange(was.exchange(id, ends.now(), Ending::Refused));
        }
        self.down.budgets.expect_stragglers();
        self.up.budgets.expect_stragglers();
        self.say(Side::Up, frame::RST_STREAM, 0, id, &Code::CANCEL.0.to_be_bytes());
        self.say(Side::Down, frame::RST_STREAM, 0, id, &Code::REFUSED_STREAM.0.to_be_bytes());
        Ok(())
    }

    /// A stream is over and forgotten.
    pub(super) fn finish_id(&mut self, id: u32, ends: &Ends<'_>, ending: Ending) {
        let stream = self.streams.remove(id).unwrap_or_else(|| Stream::new(ends.now()));
        self.push_exchange(stream.exchange(id, ends.now(), ending));
    }

    fn push_exchange(&mut self, exchange: Exchange) {
        if self.finished.len() >= FINISHED {
            self.finished.pop_front();
        }
        self.finished.push_back(exchange);
    }

    // ----- the connection -----

    /// Whether a PING that came back is ours.
    pub(super) fn drain_ping_came_back(&mut self, payload: &[u8]) -> bool {
        if payload != MARK {
            return false;
        }
        if let Some(left) = self.down.foreign.checked_sub(1) {
            self.down.foreign = left;
            return false;
        }
        match self.drain {
            Drain::Announced { .. } => {
                self.finish_drain();
                self.down.pinged = false;
                true
            }
            // It came back after the deadline.
            Drain::Final => std::mem::take(&mut self.down.pinged),
            Drain::No => false,
        }
    }

    /// A server that is itself a splice drains with the same PING: those in front of ours come back in front of it.
    pub(super) fn foreign_ping(&mut self, payload: &[u8]) {
        if payload == MARK && self.drain == Drain::No {
            self.down.foreign = self.down.foreign.saturating_add(1);
        }
    }

    fn finish_drain(&mut self) {
        // Of what was promised until now, everything is served.
        self.say_goaway(Side::Down, self.last, Code::NO_ERROR, b"");
        self.drain = Drain::Final;
        self.down.pinged = true;
    }

    pub(super) fn say(&mut self, to: Side, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        frame::put(&mut self.flow_mut(to).held, kind, flags, stream, payload);
    }

    fn say_goaway(&mut self, to: Side, last: u32, code: Code, debug: &[u8]) {
        let mut last = last;
        if to == Side::Down {
            self.told = self.told.min(last);
            last = self.told;
        }
        let payload = [&last.to_be_bytes()[..], &code.0.to_be_bytes(), debug].concat();
        self.say(to, frame::GOAWAY, 0, 0, &payload);
    }

    /// The connection is lost: both ends are told, as far as they can be.
    pub(super) fn fail(&mut self, from: Side, code: Code, error: DecodeError, ends: &mut Ends<'_>) -> DecodeError {
        let error = error.with_reply();
        let flow = self.flow_mut(from);
        flow.stats.bad_messages = flow.stats.bad_messages.saturating_add(1);
        self.begin_down(ends);
        let debug = error.detail.as_bytes();
        let (last, other) = (self.last, Code::INTERNAL_ERROR);
        match from {
            Side::Down => {
                self.say_goaway(Side::Down, last, code, debug);
                self.say_goaway(Side::Up, 0, Code::NO_ERROR, b"");
            }
            Side::Up => {
                self.say_goaway(Side::Up, 0, code, debug);
                self.say_goaway(Side::Down, last, other, b"");
            }
        }
        for id in self.streams.after(0) {
            self.finish_id(id, ends, Ending::Lost(from));
        }
        self.failed = Some(Box::new((from, error.clone())));
        error
    }

    /// A server begins with SETTINGS, even where it has nothing else to say than GOAWAY.
    fn begin_down(&mut self, ends: &mut Ends<'_>) {
        if !self.up.settled && matches!(self.up.rx, Rx::Frame) {
            ends.output(Side::Down).append(|out| frame::put(out, frame::SETTINGS, 0, 0, &[]));
            self.up.settled = true;
        }
    }

    /// Writes what has waited, where the frame before it is whole.
    pub(super) fn settle(&mut self, ends: &mut Ends<'_>) {
        for to in [Side::Down, Side::Up] {
            if !self.flow(to.other()).is_between() {
                continue;
            }
            let flow = self.flow_mut(to);
            if flow.credit > 0 {
                let credit = std::mem::take(&mut flow.credit).min(MAX_31);
                frame::put(&mut flow.held, frame::WINDOW_UPDATE, 0, 0, &credit.to_be_bytes());
            }
            if !flow.held.is_empty() {
                ends.output(to).put(&flow.held);
                flow.held.clear();
            }
        }
    }
}
