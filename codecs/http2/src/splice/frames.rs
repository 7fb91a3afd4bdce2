//! What each frame means to the streams and to the budgets.

use meshwire::Limit;

use super::exchange::Ending;
use super::flow::Block;
use super::own::Drain;
use super::stream::Stream;
use super::{Ends, Side, Splice, Verdict, Wrong};
use crate::budget::SMALL;
use crate::code::Code;
use crate::frame::{self, Header, MAX_31};

type Judged = Result<Verdict, Wrong>;

const fn rule(name: &'static str, detail: &'static str) -> Wrong {
    Wrong::Rule(Code::PROTOCOL_ERROR, name, detail)
}

const PADDING: Wrong = rule("padding", "padding as long as its frame, or longer");
const NEVER_OPENED: Wrong = rule("stream", "a frame on a stream that was never opened");

/// Codes of a server's that say its client has done wrong.
const PROVOKED: [Code; 5] = [
    Code::PROTOCOL_ERROR,
    Code::FLOW_CONTROL_ERROR,
    Code::STREAM_CLOSED,
    Code::FRAME_SIZE_ERROR,
    Code::ENHANCE_YOUR_CALM,
];

impl Splice {
    /// What becomes of a frame whose header is right. Of its payload at least the [front](super::front) is there.
    #[inline]
    pub(super) fn judge(&mut self, from: Side, header: Header, payload: &[u8], ends: &mut Ends<'_>) -> Judged {
        match header.kind {
            frame::DATA => self.data(from, header, payload, ends),
            frame::HEADERS => self.headers(from, header, payload, ends),
            frame::CONTINUATION => self.continuation(from, header, ends),
            frame::RST_STREAM => self.reset(from, header, payload, ends),
            frame::SETTINGS => self.settings(from, header, payload, ends),
            frame::PUSH_PROMISE => self.push(header, payload, ends),
            frame::PING => self.ping(from, header, payload, ends),
            frame::GOAWAY => self.goaway(from, payload, ends),
            frame::WINDOW_UPDATE => self.window(from, header, payload, ends),
            _ => self.idle(from, "too many PRIORITY frames, or frames of unknown types", ends).map(|()| Verdict::Pass),
        }
    }

    /// A frame that moves nothing forward.
    fn idle(&mut self, from: Side, what: &'static str, ends: &Ends<'_>) -> Result<(), Wrong> {
        self.flow_mut(from).budgets.idle(ends.now()).map_err(|limit| Wrong::Over(limit, what))
    }

    /// Whether the stream was never opened.
    const fn is_idle(&self, id: u32) -> bool {
        if id.is_multiple_of(2) { id > self.promised } else { id > self.last }
    }

    // ----- messages -----

    #[inline]
    fn data(&mut self, from: Side, header: Header, payload: &[u8], ends: &Ends<'_>) -> Judged {
        let mut content = header.len;
        if header.has(frame::PADDED) {
            let (before, pad) = frame::unpadded(header, payload.first().copied().unwrap_or_default()).ok_or(PADDING)?;
            content = content.saturating_sub(before).saturating_sub(pad);
        }
        let end = header.has(frame::END_STREAM);
        let Some(stream) = self.streams.get(header.stream) else {
            if self.is_idle(header.stream) {
                return Err(NEVER_OPENED);
            }
            // The stream is closed at both ends; the other one counts what comes for it, and credits it.
            if content < SMALL {
                self.idle(from, "too much data that nobody waits for", ends)?;
            }
            return Ok(Verdict::Pass);
        };
        if stream.cut {
            let over = end && stream.end(from);
            return self.cut_data(from, header, content, over, ends);
        }
        stream.count(from, header.len);
        let over = end && stream.end(from);
        if content == 0 && !end {
            self.idle(from, "DATA frames without content", ends)?;
        } else {
            self.flow_mut(from).budgets.moved();
            self.flow_mut(from.other()).budgets.data_out();
        }
        if over {
            self.complete(header.stream, ends);
        }
        Ok(Verdict::Pass)
    }

    /// Data of a stream that was cut off: the other end never hears of it, and never credits it.
    #[cold]
    fn cut_data(&mut self, from: Side, header: Header, content: usize, over: bool, ends: &Ends<'_>) -> Judged {
        if content < SMALL {
            self.idle(from, "too much data that nobody waits for", ends)?;
        }
        let flow = self.flow_mut(from);
        flow.credit = flow.credit.saturating_add(u32::try_from(header.len).unwrap_or(MAX_31));
        if over {
            let _ = self.streams.remove(header.stream);
        }
        Ok(Verdict::Drop)
    }

    fn headers(&mut self, from: Side, header: Header, payload: &[u8], ends: &mut Ends<'_>) -> Judged {
        let padded = frame::unpadded(header, payload.first().copied().unwrap_or_default()).ok_or(PADDING)?;
        let priority = if header.has(frame::PRIORITIZED) { 5 } else { 0 };
        if padded.0.saturating_add(padded.1).saturating_add(priority) > header.len {
            return Err(PADDING);
        }
        let (id, end) = (header.stream, header.has(frame::END_STREAM));
        let (mut refused, idle) = (false, self.is_idle(id));
        match self.streams.get(id) {
            Some(stream) if stream.cut => self.idle(from, "fields that nobody waits for", ends)?,
            Some(stream) => {
                stream.count(from, header.len);
                if from == Side::Up && stream.answered.is_none() {
                    stream.answered = Some(ends.now());
                    self.up.stats.messages_in = self.up.stats.messages_in.saturating_add(1);
                }
            }
            None if from == Side::Down && idle => refused = !self.open_stream(header, ends)?,
            None if idle => return Err(NEVER_OPENED),
            // The tables want it all the same.
            None => self.idle(from, "fields on streams that are closed", ends)?,
        }
        self.block(from, Block { stream: id, end, poison: refused, frames: 0 }, header, ends)
    }

    /// A block begins, and ends perhaps.
    fn block(&mut self, from: Side, block: Block, header: Header, ends: &mut Ends<'_>) -> Judged {
        if from == Side::Up {
            // From here on the server has told its client of the table's size itself.
            self.down.owes_size = None;
        }
        if !header.has(frame::END_HEADERS) {
            self.flow_mut(from).block = Some(block);
            return Ok(Verdict::Pass);
        }
        self.block_over(from, block, ends)
    }

    fn block_over(&mut self, from: Side, block: Block, ends: &mut Ends<'_>) -> Judged {
        let id = block.stream;
        if block.end
            && let Some(stream) = self.streams.get(id)
        {
            let (over, cut) = (stream.end(from), stream.cut);
            match (over, cut) {
                (true, false) => self.complete(id, ends),
                (true, true) => drop(self.streams.remove(id)),
                _ => {}
            }
        }
        if !block.poison {
            return Ok(Verdict::Pass);
        }
        self.refuse(id, block.end, ends)?;
        Ok(Verdict::Poison)
    }

    /// The client opens a stream; whether it may.
    fn open_stream(&mut self, header: Header, ends: &Ends<'_>) -> Result<bool, Wrong> {
        let id = header.stream;
        if id.is_multiple_of(2) {
            return Err(rule("stream", "a client's streams are odd"));
        }
        self.last = id;
        if id > self.told {
            // The server has said that it does not look at it; a drain, that nobody does.
            if self.drain == Drain::Final {
                return Ok(false);
            }
            self.finish_id(id, ends, Ending::Refused);
            return Ok(true);
        }
        if self.streams.open() >= self.limits.streams {
            self.down.stats.trip(Limit::Streams);
            return Ok(false);
        }
        let mut stream = Stream::new(ends.now());
        stream.count(Side::Down, header.len);
        self.streams.insert(id, stream);
        self.down.stats.messages_in = self.down.stats.messages_in.saturating_add(1);
        Ok(true)
    }

    fn continuation(&mut self, from: Side, header: Header, ends: &mut Ends<'_>) -> Judged {
        let Some(mut block) = self.flow_mut(from).block.take() else { return Ok(Verdict::Pass) };
        block.frames = block.frames.saturating_add(1);
        if block.frames > self.limits.continuations {
            return Err(Wrong::Over(Limit::Continuations, "a head in too many CONTINUATION frames"));
        }
        if let Some(stream) = self.streams.get(block.stream) {
            stream.count(from, header.len);
        }
        if header.has(frame::END_HEADERS) {
            return self.block_over(from, block, ends);
        }
        self.flow_mut(from).block = Some(block);
        Ok(Verdict::Pass)
    }

    fn push(&mut self, header: Header, payload: &[u8], ends: &mut Ends<'_>) -> Judged {
        let (before, pad) = frame::unpadded(header, payload.first().copied().unwrap_or_default()).ok_or(PADDING)?;
        if before.saturating_add(pad).saturating_add(4) > header.len {
            return Err(PADDING);
        }
        let id = payload.get(before..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
        let id = u32::from_be_bytes(id) & MAX_31;
        if header.stream.is_multiple_of(2) || self.is_idle(header.stream) {
            return Err(NEVER_OPENED);
        }
        if !id.is_multiple_of(2) || id <= self.promised {
            return Err(rule("push", "a server's streams are even, and each has a larger id than the one before"));
        }
        self.idle(Side::Up, "too many PUSH_PROMISE frames", ends)?;
        self.promised = id;
        if self.streams.open() < self.limits.streams {
            let mut stream = Stream::new(ends.now());
            stream.end(Side::Down);
            self.streams.insert(id, stream);
        }
        // Its block is of the stream that it comes on, which it does not end.
        self.block(Side::Up, Block { stream: header.stream, end: false, poison: false, frames: 0 }, header, ends)
    }

    /// Both ends have said all.
    fn complete(&mut self, id: u32, ends: &Ends<'_>) {
        self.finish_id(id, ends, Ending::Complete);
        self.down.budgets.finished();
        self.up.budgets.finished();
    }

    // ----- the others -----

    fn reset(&mut self, from: Side, header: Header, payload: &[u8], ends: &Ends<'_>) -> Judged {
        let id = header.stream;
        let code = payload.first_chunk::<4>().map_or(0, |code| u32::from_be_bytes(*code));
        let Some(stream) = self.streams.get(id) else {
            if self.is_idle(id) {
                return Err(NEVER_OPENED);
            }
            self.idle(from, "too many resets of streams that are closed", ends)?;
            return Ok(Verdict::Pass);
        };
        if stream.cut {
            // Either end was told of its end by us.
            if stream.end(from) {
                let _ = self.streams.remove(id);
            }
            self.idle(from, "too many resets of streams that are closed", ends)?;
            return Ok(Verdict::Drop);
        }
        let (age, answered) = (stream.age(ends.now()), stream.answered.is_some());
        let verdict = match from {
            Side::Down => self.down.budgets.reset(age, answered, ends.now()),
            Side::Up if !answered && PROVOKED.contains(&Code(code)) => self.down.budgets.provoked(ends.now()),
            Side::Up => Ok(()),
        };
        if let Err(limit) = verdict {
            // Where the server does the resetting, its client is who has had too many.
            return Err(Wrong::Client(limit, "streams opened and reset faster than anyone can serve them"));
        }
        self.flow_mut(from.other()).budgets.expect_stragglers();
        self.finish_id(id, ends, Ending::Reset { by: from, code });
        Ok(Verdict::Pass)
    }

    fn settings(&mut self, from: Side, header: Header, payload: &[u8], ends: &Ends<'_>) -> Judged {
        self.idle(from, "too many SETTINGS frames", ends)?;
        if header.has(frame::ACK) {
            if from == Side::Up {
                self.down.table_acknowledged();
            }
            return Ok(Verdict::Pass);
        }
        let flow = self.flow_mut(from);
        let pushed = flow.settled && flow.settings.push;
        flow.settings
            .read(payload, from == Side::Up)
            .map_err(|(code, detail)| Wrong::Rule(code, "settings", detail))?;
        // What is taken back holds once the other end knows: that is for this end to see to.
        flow.settings.push |= pushed;
        flow.takes = flow.takes.max(flow.settings.frame);
        flow.settled = true;
        if from == Side::Down {
            flow.table_announced();
        }
        self.flow_mut(from.other()).budgets.expect_answer();
        Ok(Verdict::Pass)
    }

    fn ping(&mut self, from: Side, header: Header, payload: &[u8], ends: &mut Ends<'_>) -> Judged {
        let stats = &mut self.flow_mut(from).stats;
        stats.heartbeats_in = stats.heartbeats_in.saturating_add(1);
        self.idle(from, "too many PING frames", ends)?;
        if header.has(frame::ACK) {
            let ours = from == Side::Down && self.drain_ping_came_back(payload);
            return Ok(if ours { Verdict::Drop } else { Verdict::Pass });
        }
        if from == Side::Up {
            self.foreign_ping(payload);
        }
        self.flow_mut(from.other()).budgets.expect_answer();
        Ok(Verdict::Pass)
    }

    fn goaway(&mut self, from: Side, payload: &[u8], ends: &Ends<'_>) -> Judged {
        self.idle(from, "too many GOAWAY frames", ends)?;
        if from == Side::Down {
            return Ok(Verdict::Pass);
        }
        let said = payload.first_chunk::<4>().map_or(0, |last| u32::from_be_bytes(*last) & MAX_31);
        let last = said.min(self.told);
        self.told = last;
        // What came too late was not looked at, and may be sent again elsewhere (section 6.8).
        for id in self.streams.after(last) {
            if !id.is_multiple_of(2) {
                self.finish_id(id, ends, Ending::Refused);
            }
        }
        Ok(if last == said { Verdict::Pass } else { Verdict::Last(last) })
    }

    fn window(&mut self, from: Side, header: Header, payload: &[u8], ends: &Ends<'_>) -> Judged {
        let what = "too many WINDOW_UPDATE frames";
        self.flow_mut(from).budgets.window_update(ends.now()).map_err(|limit| Wrong::Over(limit, what))?;
        if header.stream == 0 {
            let none = payload.first_chunk::<4>().is_none_or(|n| u32::from_be_bytes(*n) & MAX_31 == 0);
            return if none { Err(rule("window", "a WINDOW_UPDATE of nothing")) } else { Ok(Verdict::Pass) };
        }
        let idle = self.is_idle(header.stream);
        match self.streams.get(header.stream) {
            Some(stream) if stream.cut => Ok(Verdict::Drop),
            None if idle => Err(NEVER_OPENED),
            _ => Ok(Verdict::Pass),
        }
    }
}
