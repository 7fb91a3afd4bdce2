//! A client and a server codec joined, with the bytes between them changed on the way.
//!
//! ```text
//! requests -> server codec -> client codec -> changed bytes -> server codec -> answers, and all the way back
//! ```

use meshwire::{DecodeError, Endpoint, Event, Kind, LocalReply, Outcome, Protocol, Sent, Step};

use crate::checked::Checked;
use crate::input::{self, Op, Settings};
use crate::relayed::{Asked, Relayed};

/// Changes a run makes.
const OPS: usize = 4;

/// Bytes of an input that are no requests: which protocol, changes, settings.
const TAIL: usize = 1 + OPS * Op::LEN + Settings::LEN;

/// Which protocol the input is for.
pub(crate) fn protocol_of(data: &[u8]) -> u8 {
    let (_, mut tail) = input::split_tail(data, TAIL);
    tail.arbitrary().unwrap_or_default()
}

/// Requests in `down`, of which the client codec makes those of `up`.
pub(crate) fn run(down: &dyn Protocol, up: &dyn Protocol, data: &[u8]) {
    let (wire, mut tail) = input::split_tail(data, TAIL);
    let _protocol: u8 = tail.arbitrary().unwrap_or_default();
    let ops: Vec<Op> = (0..OPS).map(|_| input::op(&mut tail)).collect();
    let settings = input::settings(&mut tail);

    let mut joined = Joined {
        relayed: Relayed::between(down, up, None, settings),
        app: App::new(up, settings),
        there: Wire::new(&ops, 0),
        back: Wire::new(&ops, 1),
    };
    // A codec may have something to say before the first byte.
    joined.run();
    let mut rest = wire;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(joined.relayed.read_size(rest.len()));
        joined.relayed.down().input().extend_from_slice(now);
        joined.run();
        rest = later;
    }
    joined.relayed.settings.flags &= !(Settings::LAZY | Settings::CONTROL);
    joined.run();
    joined.app.end.set_eof();
    joined.run();
    // Where nothing was changed on the way, nobody may see a request that was not sent on: that would be smuggled.
    // Small limits may be passed by what an intermediary adds.
    if ops.iter().all(|op| op.is_none() || op.way() != 0) && !settings.has(Settings::SMALL) {
        joined.check_boundaries();
    }
    joined.relayed.finish();
}

struct Joined {
    relayed: Relayed,
    app: App,
    there: Wire,
    back: Wire,
}

impl Joined {
    fn run(&mut self) {
        loop {
            let mut moved = self.relayed.turn();
            moved |= !self.relayed.down().output_mut().take().is_empty();
            let lazy = self.relayed.settings.has(Settings::LAZY);
            let most = if lazy { 1 + self.relayed.choices.below(64) } else { usize::MAX };
            if let Some(up) = self.relayed.up() {
                moved |= self.there.carry(up, &mut self.app.end, most);
            }
            moved |= self.app.turn(|n| self.relayed.choices.below(n));
            if let Some(up) = self.relayed.up() {
                moved |= self.back.carry(&mut self.app.end, up, most);
            }
            if !moved {
                return;
            }
        }
    }

    fn check_boundaries(&self) {
        let mut forwarded = self.relayed.forwarded.iter();
        for asked in &self.app.asked {
            assert!(forwarded.any(|known| known == asked), "{asked:?} is none of {:?}", self.relayed.forwarded);
        }
        // An answer that was changed into a request on its way back is owed an answer, which a server may not expect.
        if let Some(error) = self.app.errors.iter().find(|error| error.code != "truncated" && !error.stray) {
            panic!("what one codec wrote another refuses: {error}");
        }
    }
}

/// Whoever answers: every request, with some outcome, as soon as its head is there.
struct App {
    end: Endpoint,
    answers: Vec<Event>,
    lost: bool,
    asked: Vec<Asked>,
    errors: Vec<DecodeError>,
}

impl App {
    fn new(protocol: &dyn Protocol, settings: Settings) -> Self {
        let codec = Box::new(Checked::new(protocol, settings.server()));
        let end = Endpoint::new(codec).with_high_water(settings.high_water());
        Self { end, answers: Vec::new(), lost: false, asked: Vec::new(), errors: Vec::new() }
    }

    fn turn(&mut self, mut below: impl FnMut(usize) -> usize) -> bool {
        let mut moved = false;
        while !self.lost {
            let (stream, data, outcome) = match self.end.decode() {
                Ok(Step::Event(event)) => {
                    if let Event::Head(head) = &event {
                        self.asked.push(Asked::of(head));
                    }
                    let asked = matches!(&event, Event::Head(head) if head.kind() == Kind::Request);
                    let outcome = asked.then(|| Outcome::ALL[below(Outcome::ALL.len())]);
                    (event.stream(), event.data_len(), outcome)
                }
                Ok(Step::NeedMore(_) | Step::Paused | Step::Closed) => break,
                Err(error) => {
                    self.lost = error.is_fatal();
                    let said = (error.stream(), 0, (!error.replied).then(|| error.outcome()));
                    self.errors.push(error);
                    said
                }
            };
            moved = true;
            let Some(stream) = stream else { continue };
            if data > 0 {
                self.end.release(stream, data);
            }
            if let Some(outcome) = outcome {
                self.answers.extend(self.end.reply(stream, &LocalReply::new(outcome, "no").with_method(b"fuzz")));
            }
        }
        // An answer before its turn is refused, and tried again.
        let end = &mut self.end;
        self.answers.retain_mut(|answer| {
            let before = end.output().total();
            let kept = matches!(end.send(answer), Ok(Sent::Blocked));
            moved |= !kept || end.output().total() > before;
            kept
        });
        moved
    }
}

/// One direction between two codecs, and the changes still to be made there.
struct Wire {
    ops: Vec<Op>,
    passed: usize,
    ended: bool,
}

impl Wire {
    fn new(ops: &[Op], way: u8) -> Self {
        let mut ops: Vec<Op> = ops.iter().copied().filter(|op| op.way() == way && !op.is_none()).collect();
        ops.sort_by_key(|op| op.at);
        Self { ops, passed: 0, ended: false }
    }

    /// Carries up to `most` bytes; whether there were any.
    fn carry(&mut self, from: &mut Endpoint, to: &mut Endpoint, most: usize) -> bool {
        let output = from.output_mut();
        let mut bytes = Vec::new();
        while !output.is_empty() && bytes.len() < most {
            let chunk = output.chunk();
            assert!(!chunk.is_empty(), "an output that holds bytes shows none");
            let n = chunk.len().min(most - bytes.len());
            bytes.extend_from_slice(&chunk[..n]);
            output.advance(n);
        }
        if bytes.is_empty() {
            return false;
        }
        let start = self.passed;
        self.passed += bytes.len();
        // From the back, so that offsets in front stay what they are.
        while let Some(n) = self.ops.iter().rposition(|op| (start..self.passed).contains(&usize::from(op.at))) {
            let op = self.ops.remove(n);
            let at = (usize::from(op.at) - start).min(bytes.len());
            match op.what >> 1 & 0x03 {
                0 => {
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte = op.value;
                    }
                }
                1 => bytes.insert(at, op.value),
                2 => {
                    let end = at.saturating_add(usize::from(op.value)).min(bytes.len());
                    bytes.drain(at..end);
                }
                _ => {
                    bytes.truncate(at);
                    if !self.ended {
                        to.input().extend_from_slice(&bytes);
                        to.set_eof();
                    }
                    self.ended = true;
                }
            }
        }
        if !self.ended && !to.is_eof() {
            to.input().extend_from_slice(&bytes);
        }
        true
    }
}
