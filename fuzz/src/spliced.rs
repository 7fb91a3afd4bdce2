//! Two connections as one, on bytes from either side.

use std::time::Duration;

use bytes::BytesMut;
use meshwire::{Limit, LocalReply, Outcome, Output, StreamId};
use meshwire_http2::{Ends, ReplyAs, Side, Splice};

use crate::input::{self, Choices, Settings};

/// Frames up to this size, and the header before them, are waited for.
const WHOLE: usize = 9 + 16 * 1024;

/// What one call may queue beyond what it passes on.
const OWN: usize = 64 * 1024;

const PREFACE: usize = 24;
const HEADERS: u8 = 0x1;
const PUSH_PROMISE: u8 = 0x5;
const GOAWAY: u8 = 0x7;
const CONTINUATION: u8 = 0x9;
const END_HEADERS: u8 = 0x4;

pub(crate) fn run(data: &[u8]) {
    let (wire, mut tail) = input::split_tail(data, Settings::LEN);
    let settings = input::settings(&mut tail);
    let mut spliced = Spliced::new(settings);
    for (n, segment) in input::segments(wire).into_iter().enumerate() {
        let from = if n % 2 == 0 { Side::Down } else { Side::Up };
        let mut rest = segment;
        while !rest.is_empty() {
            let most = match settings.chunk {
                0 => rest.len(),
                most => 1 + spliced.choices.below(usize::from(most)),
            };
            let (now, later) = rest.split_at(most.min(rest.len()));
            spliced.feed(from, now);
            rest = later;
        }
    }
    spliced.finish();
}

struct Spliced {
    settings: Settings,
    choices: Choices,
    splice: Splice,
    ends: [Way; 2],
    now: Duration,
    failed: bool,
    /// The splice was asked to say something itself.
    meddled: bool,
}

/// What comes from one side.
#[derive(Default)]
struct Way {
    input: BytesMut,
    /// All that came, and all that went to the other side.
    came: Vec<u8>,
    went: Vec<u8>,
    output: Output,
}

impl Spliced {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            choices: Choices::new(settings.seed),
            splice: Splice::new(&settings.limits()),
            ends: [Way::default(), Way::default()],
            now: Duration::ZERO,
            failed: false,
            meddled: false,
        }
    }

    fn feed(&mut self, from: Side, bytes: &[u8]) {
        let [down, up] = &mut self.ends;
        let way = if from == Side::Down { down } else { up };
        way.input.extend_from_slice(bytes);
        way.came.extend_from_slice(bytes);
        self.now += Duration::from_micros(50);
        let unread = self.ends[index(from)].input.len();
        let (need, queued) = self.pass(from);
        let left = self.ends[index(from)].input.len();
        assert!(left <= unread, "input was added");
        assert!(queued <= unread + OWN, "{queued} bytes queued for {unread}");
        match need {
            Some(need) => {
                assert!(!self.failed, "it goes on after an error");
                assert!(left + need <= WHOLE, "{need} more bytes wanted on top of {left}");
                // Asking again with nothing new changes nothing.
                assert_eq!(self.pass(from), (Some(need), 0), "asked twice");
                assert_eq!(self.ends[index(from)].input.len(), left, "asked twice, more was consumed");
            }
            None => self.failed = true,
        }
        assert!(!self.failed || self.splice.is_over(), "it failed and is not over");
        let (open, most) = (self.splice.open(), self.settings.limits().streams);
        assert!(open <= most && self.splice.exchanges().count() == open, "{open} streams of {most}");
        if self.settings.has(Settings::LOCAL) || self.settings.has(Settings::CONTROL) {
            self.meddle();
        }
        self.take();
        self.check();
    }

    /// What is wanted, unless it failed, and how much was queued.
    fn pass(&mut self, from: Side) -> (Option<usize>, usize) {
        let [down, up] = &mut self.ends;
        let before = down.output.total() + up.output.total();
        // What goes to the server comes from the client.
        let mut ends = Ends::new(&mut up.output, &mut down.output, self.now);
        let input = if from == Side::Down { &mut down.input } else { &mut up.input };
        let need = self.splice.pass(from, input, &mut ends).ok().map(|need| need.get());
        (need, (down.output.total() + up.output.total() - before) as usize)
    }

    /// What a holder does now and then.
    fn meddle(&mut self) {
        let (what, id) = (self.choices.below(96), 1 + self.choices.below(8) as u64);
        let outcome = Outcome::ALL[self.choices.below(Outcome::ALL.len())];
        let (reply, as_) = (LocalReply::new(outcome, "fuzzed"), self.choices.one_in(2));
        let as_ = if as_ { ReplyAs::Http } else { ReplyAs::Grpc };
        let [down, up] = &mut self.ends;
        let mut ends = Ends::new(&mut up.output, &mut down.output, self.now);
        match what {
            0..4 => self.meddled |= self.splice.reply(StreamId::new(id), &reply, as_, &mut ends),
            4 => self.splice.drain(&mut ends),
            5 => self.splice.upstream_lost(&reply, as_, &mut ends),
            6 => self.splice.client_lost(&mut ends),
            7 => self.splice.trim(),
            8 => {
                self.now += Duration::from_secs(1);
                self.splice.on_deadline(&mut Ends::new(&mut up.output, &mut down.output, self.now));
            }
            _ => {}
        }
        self.meddled |= (4..7).contains(&what);
    }

    fn take(&mut self) {
        for way in &mut self.ends {
            way.went.extend(way.output.take());
        }
        while self.splice.finished().is_some() {}
    }

    fn check(&self) {
        let [down, up] = &self.ends;
        let ways = [(down, PREFACE), (up, 0)];
        let limits = [Side::Down, Side::Up].map(|side| self.splice.stats(side).tripped(Limit::Streams));
        for (way, begin) in ways {
            let consumed = &way.came[..way.came.len() - way.input.len()];
            if self.failed {
                continue;
            }
            if !self.meddled && limits == [0, 0] {
                assert!(same_but_last_streams(consumed, &way.went, begin), "{consumed:x?} came, {:x?} went", way.went);
            } else if !self.splice.is_over() {
                // The tables of the other end want every block.
                let mut went = blocks(&way.went, begin);
                let missing = blocks(consumed, begin).find(|block| !went.any(|other| other == *block));
                assert!(missing.is_none(), "{missing:x?} came, and is not in {:x?}", way.went);
            }
            check_whole(&way.went, begin);
        }
    }

    fn finish(&mut self) {
        let [down, up] = &mut self.ends;
        let mut ends = Ends::new(&mut up.output, &mut down.output, self.now);
        self.splice.upstream_lost(&LocalReply::new(Outcome::Unavailable, "gone"), ReplyAs::Http, &mut ends);
        assert_eq!(self.splice.open(), 0, "streams stay open after both ends are gone");
        assert!(self.splice.is_over());
    }
}

const fn index(from: Side) -> usize {
    match from {
        Side::Down => 0,
        Side::Up => 1,
    }
}

/// Kind, flags, stream and payload of each frame that is whole, and where it begins.
fn frames(bytes: &[u8], begin: usize) -> impl Iterator<Item = (usize, u8, u8, u32, &[u8])> {
    let mut at = begin;
    std::iter::from_fn(move || {
        let header = bytes.get(at..at + 9)?;
        let len = usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2]);
        let payload = bytes.get(at + 9..at + 9 + len)?;
        // The highest bit of a stream means nothing.
        let stream = u32::from_be_bytes([header[5] & 0x7f, header[6], header[7], header[8]]);
        let frame = (at, header[3], header[4], stream, payload);
        at += 9 + len;
        Some(frame)
    })
}

/// The pieces of blocks; what ends one may be said elsewhere.
fn blocks(bytes: &[u8], begin: usize) -> impl Iterator<Item = (u8, u32, &[u8])> {
    frames(bytes, begin)
        .filter(|(_, kind, ..)| [HEADERS, PUSH_PROMISE, CONTINUATION].contains(kind))
        .map(|(_, kind, _, stream, payload)| (kind, stream, payload))
}

/// Whether all that came went on as it is; a GOAWAY may name an earlier stream.
fn same_but_last_streams(came: &[u8], went: &[u8], begin: usize) -> bool {
    if came == went {
        return true;
    }
    let blank = |bytes: &[u8]| {
        let mut blank = bytes.to_vec();
        for (at, kind, _, _, payload) in frames(bytes, begin) {
            if kind == GOAWAY {
                blank[at + 9..at + 9 + payload.len().min(4)].fill(0);
            }
        }
        // The last one may not be whole.
        blank
    };
    blank(came) == blank(went)
}

/// Blocks are not interrupted.
fn check_whole(bytes: &[u8], begin: usize) {
    let mut open = None;
    for (at, kind, flags, stream, _) in frames(bytes, begin) {
        match open {
            Some(of) => assert!(kind == CONTINUATION && stream == of, "a block is interrupted at {at} of {bytes:x?}"),
            None => assert!(kind != CONTINUATION, "no block goes on at {at} of {bytes:x?}"),
        }
        let goes_on = [HEADERS, PUSH_PROMISE, CONTINUATION].contains(&kind) && flags & END_HEADERS == 0;
        open = goes_on.then_some(stream);
    }
}
