//! Two connections as one: frames go through, and nobody decodes their fields.

mod check;
mod ends;
mod exchange;
mod flow;
mod frames;
mod own;
mod stream;

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use bytes::{Buf, BytesMut};
use meshwire::{DecodeError, Limit, Limits, Outcome, Scope, Stats, StreamId};

use crate::code::Code;
use crate::frame::{self, HEADER, Header, MAX_31, PREFACE};

use self::flow::{Body, Flow, Rx};
use self::own::Drain;
use self::stream::Streams;

pub use self::ends::{Ends, Side};
pub use self::exchange::{Ending, Exchange, ReplyAs};

/// Frames up to this size are passed on in one piece: what everyone may send unless told otherwise.
const WHOLE: usize = frame::MAX_PAYLOAD;

/// Exchanges that wait to be looked at, past which the oldest is forgotten.
const FINISHED: usize = 4096;

/// One HTTP/2 connection of a client joined to one of a server, for a proxy whose destination is known before the
/// first byte: frames go through as they came, with their stream ids, the settings of either end hold for the other,
/// and no field is decoded. It costs a look at nine bytes a frame, where two codecs cost a decoder, an encoder and
/// their four tables.
///
/// What it does that a pipe of bytes does not:
///
/// * Streams are counted; [`finished`](Self::finished) tells of each when it began, how it ended, and what it moved.
/// * Frames keep to the rules that need no HPACK (RFC 9113, sections 4 to 6): preface and SETTINGS first, sizes, padding, ids in
///   their order, CONTINUATION. Either end that breaks one is told so by GOAWAY, and so is the other.
/// * Budgets hold: [`resets`](Limits::resets), [`idle_frames`](Limits::idle_frames),
///   [`window_updates`](Limits::window_updates), [`continuations`](Limits::continuations),
///   [`replies`](Limits::replies), [`streams`](Limits::streams).
/// * [`drain`](Self::drain) ends the client's connection by GOAWAY without losing a stream.
/// * [`reply`](Self::reply) answers a stream in the server's place; [`upstream_lost`](Self::upstream_lost) answers all.
///
/// # When not to use it
///
/// Where anything depends on a field: routes, edits, deadlines, the outcome of an answer. The limits on heads
/// ([`head`](Limits::head), [`fields`](Limits::fields), the cookies') do not hold here, nor do those on data held
/// ([`window`](Limits::window), [`small_data`](Limits::small_data)), since nothing is held: both ends are left to
/// defend themselves. A server that trusts its proxy to have done so wants the codec of [`Http2`](crate::Http2).
///
/// # What the tables of HPACK ask
///
/// A block of fields changes the tables of both its ends, whatever becomes of its stream. Therefore *every block goes
/// through*, and what the splice says itself uses no table:
///
/// * A stream that is refused (past [`streams`](Limits::streams), or opened after the last GOAWAY of a drain) goes
///   through as well, but with a field behind its own that makes it malformed (`:refused`), so that no server looks at
///   it (section 8.1.1), and with RST_STREAM behind it. The client gets REFUSED_STREAM.
/// * A local reply is a block of literals that are not indexed. It has no body: the server does not know of bytes that
///   would count against the window of its client. So only gRPC clients see its message.
/// * Fields that an end sent before it learned that a stream is over go through behind its end. Section 5.1 allows the
///   other end to be strict with them; those known drop them or reset the stream once more. Data is dropped there, and
///   its credit for the connection is given back.
///
/// `SETTINGS_MAX_CONCURRENT_STREAMS` is the server's own and reaches the client as it is: [`Limits::streams`] should
/// not be smaller than it, or the streams between the two are refused. Frame sizes are judged by the largest that the
/// other end ever announced.
///
/// # How to drive it
///
/// Bytes that come from either end go to [`pass`](Self::pass) with both outputs. A holder stops reading from one end
/// while the output to the other is full; what stays in the input is less than a frame of 16 KiB. Larger frames are
/// passed on as they come. Every call may put frames of the splice's own into either output, where the frame before
/// them is whole.
///
/// ```
/// use std::time::Duration;
/// use bytes::BytesMut;
/// use meshwire::{Conn, Endpoint, Limits, Output, Protocol, Step};
/// use meshwire_http2::{Ending, Ends, Http2, Side, Splice};
///
/// let mut client = Endpoint::new(Http2::default().codec(Conn::client()));
/// let mut server = Endpoint::new(Http2::default().codec(Conn::server()));
/// let (mut splice, mut down, mut up) = (Splice::new(&Limits::default()), Output::new(), Output::new());
///
/// let mut request = meshwire_http2::request("GET", "/", "example.com", &[], "")?;
/// while let Step::Event(_) = client.decode()? {}
/// while let Step::Event(_) = server.decode()? {}
/// let (mut asked, mut answered, mut sent) = (0, 0, false);
/// for _ in 0..4 {
///     let mut input = BytesMut::from(&client.output_mut().take()[..]);
///     splice.pass(Side::Down, &mut input, &mut Ends::new(&mut down, &mut up, Duration::ZERO))?;
///     server.input().extend_from_slice(&up.take());
///     while let Step::Event(event) = server.decode()? {
///         if let Some(stream) = event.stream() {
///             asked += 1;
///             let mut answer = meshwire_http2::response(200, &[], "")?;
///             answer.set_stream(stream);
///             let _ = server.send(&mut answer)?;
///         }
///     }
///     let mut input = BytesMut::from(&server.output_mut().take()[..]);
///     splice.pass(Side::Up, &mut input, &mut Ends::new(&mut down, &mut up, Duration::ZERO))?;
///     client.input().extend_from_slice(&down.take());
///     while let Step::Event(event) = client.decode()? {
///         answered += usize::from(event.stream().is_some());
///     }
///     if !std::mem::replace(&mut sent, true) {
///         let _ = client.send(&mut request)?;
///     }
/// }
/// assert_eq!((asked, answered, splice.open()), (1, 1, 0));
/// assert_eq!(splice.finished().ok_or("no exchange")?.ending, Ending::Complete);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Splice {
    limits: Limits,
    /// What comes from each end.
    down: Flow,
    up: Flow,
    streams: Streams,
    /// The last stream that the client opened, and the last that the server promised.
    last: u32,
    promised: u32,
    /// The last stream that a GOAWAY to the client named, which only ever goes down.
    told: u32,
    drain: Drain,
    finished: VecDeque<Exchange>,
    failed: Option<Box<(Side, DecodeError)>>,
    lost: bool,
}

impl Splice {
    /// A splice of two connections that have not begun.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            down: Flow::new(Side::Down, limits),
            up: Flow::new(Side::Up, limits),
            streams: Streams::default(),
            last: 0,
            promised: 0,
            told: MAX_31,
            drain: Drain::No,
            finished: VecDeque::new(),
            failed: None,
            lost: false,
        }
    }

    /// Moves what came `from` one end to the other; how many more bytes the next call wants at least. Fewer are taken
    /// too, at once and for nothing.
    ///
    /// # Errors
    ///
    /// [`DecodeError`], always of the connection: GOAWAY is queued for both ends, what was good before it is passed on,
    /// and nothing more is read. Only the rest of a frame that was on its way in the other direction still goes
    /// through, so that GOAWAY can follow it.
    pub fn pass(&mut self, from: Side, input: &mut BytesMut, ends: &mut Ends<'_>) -> Result<NonZeroUsize, DecodeError> {
        let result = match self.failure() {
            None if self.lost => {
                input.clear();
                Ok(1)
            }
            None => self.read(from, input, ends),
            Some(error) => {
                if let Rx::Body(body) = self.flow(from).rx {
                    self.body(from, body, input, ends);
                }
                Err(error)
            }
        };
        self.settle(ends);
        result.map(|need| NonZeroUsize::new(need).unwrap_or(NonZeroUsize::MIN))
    }

    /// Streams that are open.
    pub fn open(&self) -> usize {
        self.streams.open()
    }

    /// The next stream that has come to its end, oldest first. To be asked after every other call: past 4,096, the
    /// oldest are forgotten.
    pub fn finished(&mut self) -> Option<Exchange> {
        self.finished.pop_front()
    }

    /// The streams that are open, in no order: what a holder looks through for those that take too long.
    pub fn exchanges(&self) -> impl Iterator<Item = Exchange> {
        self.streams.open_ones()
    }

    /// The counters of what came from one end: messages are streams opened by the client, and answers begun by the
    /// server. Where a limit was passed, it is counted with the client's, unless the server passed it.
    pub const fn stats(&self, from: Side) -> &Stats {
        match from {
            Side::Down => &self.down.stats,
            Side::Up => &self.up.stats,
        }
    }

    /// Whether no new stream is served: either the server has said so, or [`drain`](Self::drain) is done with saying
    /// it.
    pub fn draining(&self) -> bool {
        self.failed.is_some() || self.lost || self.drain == Drain::Final || self.told < MAX_31
    }

    /// Nothing more will come of this: write what is queued, then close both connections.
    pub fn is_over(&self) -> bool {
        self.failed.is_some() || self.lost || (self.draining() && self.streams.open() == 0)
    }

    /// Gives memory back that an earlier burst needed.
    pub fn trim(&mut self) {
        self.streams.trim();
        self.finished.shrink_to_fit();
        self.down.trim();
        self.up.trim();
    }

    // ----- reading -----

    fn failure(&self) -> Option<DecodeError> {
        self.failed.as_deref().map(|(_, error)| error.clone())
    }

    const fn flow(&self, side: Side) -> &Flow {
        match side {
            Side::Down => &self.down,
            Side::Up => &self.up,
        }
    }

    const fn flow_mut(&mut self, side: Side) -> &mut Flow {
        match side {
            Side::Down => &mut self.down,
            Side::Up => &mut self.up,
        }
    }

    fn read(&mut self, from: Side, input: &mut BytesMut, ends: &mut Ends<'_>) -> Result<usize, DecodeError> {
        loop {
            let need = self.flow(from).need;
            if input.len() < need {
                return Ok(need.saturating_sub(input.len()));
            }
            match self.flow(from).rx {
                Rx::Preface => self.preface(input, ends)?,
                Rx::Frame => self.frames(from, input, ends)?,
                Rx::Body(body) => self.body(from, body, input, ends),
            }
        }
    }

    fn preface(&mut self, input: &mut BytesMut, ends: &mut Ends<'_>) -> Result<(), DecodeError> {
        if input.iter().zip(PREFACE).any(|(seen, known)| seen != known) {
            return Err(self.fatal(
                Side::Down,
                Code::PROTOCOL_ERROR,
                "preface",
                "a client begins with the preface",
                ends,
            ));
        }
        if input.len() < PREFACE.len() {
            self.down.need = PREFACE.len();
            return Ok(());
        }
        self.move_on(Side::Down, PREFACE.len(), input, ends);
        (self.down.rx, self.down.need) = (Rx::Frame, HEADER);
        Ok(())
    }

    /// As many frames as are there, passed on in one piece.
    fn frames(&mut self, from: Side, input: &mut BytesMut, ends: &mut Ends<'_>) -> Result<(), DecodeError> {
        let mut run = 0_usize;
        loop {
            let rest = input.get(run..).unwrap_or_default();
            let Some(header) = Header::read(rest) else {
                self.flow_mut(from).need = HEADER;
                break;
            };
            // What an error says of its place is where this frame begins.
            let flow = self.flow_mut(from);
            flow.stats.message_at = flow.stats.bytes_in.saturating_add(run as u64);
            let looked = match self.check(from, header) {
                Ok(()) => HEADER.saturating_add(if header.len <= WHOLE { header.len } else { front(header) }),
                Err(wrong) => {
                    self.move_on(from, run, input, ends);
                    return Err(self.wrong(from, wrong, ends));
                }
            };
            let Some(payload) = rest.get(HEADER..looked) else {
                self.flow_mut(from).need = looked;
                break;
            };
            let verdict = match self.judge(from, header, payload, ends) {
                Ok(verdict) => verdict,
                Err(wrong) => {
                    self.move_on(from, run, input, ends);
                    return Err(self.wrong(from, wrong, ends));
                }
            };
            let left = HEADER.saturating_add(header.len).saturating_sub(looked);
            if left == 0 && verdict == Verdict::Pass {
                run = run.saturating_add(looked);
                continue;
            }
            self.move_on(from, run, input, ends);
            run = 0;
            self.special(from, header, looked, verdict, input, ends);
            if left > 0 {
                let body = Body { left, drop: verdict == Verdict::Drop, poison: self.poisoned(header, verdict) };
                let flow = self.flow_mut(from);
                (flow.rx, flow.need) = (Rx::Body(body), 1);
                return Ok(());
            }
        }
        self.move_on(from, run, input, ends);
        Ok(())
    }

    /// The front of a frame that does not simply go on with those before it.
    fn special(
        &mut self,
        from: Side,
        header: Header,
        looked: usize,
        verdict: Verdict,
        input: &mut BytesMut,
        ends: &mut Ends<'_>,
    ) {
        match verdict {
            Verdict::Pass => self.move_on(from, looked, input, ends),
            Verdict::Drop => self.skip(from, looked, input),
            Verdict::Last(last) => {
                // A GOAWAY that names another last stream than the server's own.
                let front = HEADER.saturating_add(4);
                self.skip(from, front, input);
                ends.output(from.other()).put(&header.bytes());
                ends.output(from.other()).put(&last.to_be_bytes());
                self.move_on(from, looked.saturating_sub(front), input, ends);
            }
            Verdict::Poison => {
                let open = Header { flags: header.flags & !frame::END_HEADERS, ..header };
                self.skip(from, HEADER, input);
                ends.output(from.other()).put(&open.bytes());
                self.move_on(from, looked.saturating_sub(HEADER), input, ends);
                if looked == HEADER.saturating_add(header.len)
                    && let Some(stream) = self.poisoned(header, verdict)
                {
                    ends.output(from.other()).append(|out| own::poison(stream, out));
                }
            }
        }
    }

    /// The stream whose block ends with this frame and must be spoilt.
    fn poisoned(&self, header: Header, verdict: Verdict) -> Option<u32> {
        (verdict == Verdict::Poison).then_some(header.stream)
    }

    /// More of a frame that is larger than what is waited for.
    fn body(&mut self, from: Side, mut body: Body, input: &mut BytesMut, ends: &mut Ends<'_>) {
        let n = body.left.min(input.len());
        if body.drop {
            self.skip(from, n, input);
        } else {
            self.move_on(from, n, input, ends);
        }
        body.left = body.left.saturating_sub(n);
        let flow = self.flow_mut(from);
        if body.left > 0 {
            (flow.rx, flow.need) = (Rx::Body(body), 1);
            return;
        }
        (flow.rx, flow.need) = (Rx::Frame, HEADER);
        if let Some(stream) = body.poison {
            ends.output(from.other()).append(|out| own::poison(stream, out));
        }
    }

    /// Passes on the first `n` bytes, copied or shared, whichever is cheaper.
    #[inline]
    fn move_on(&mut self, from: Side, n: usize, input: &mut BytesMut, ends: &mut Ends<'_>) {
        const SHARE: usize = 4096;
        if n == 0 {
            return;
        }
        let n = n.min(input.len());
        let flow = self.flow_mut(from);
        flow.stats.bytes_in = flow.stats.bytes_in.saturating_add(n as u64);
        let to = ends.output(from.other());
        if n < SHARE {
            to.put(input.get(..n).unwrap_or_default());
            input.advance(n);
        } else {
            to.put_bytes(input.split_to(n).freeze());
        }
    }

    fn skip(&mut self, from: Side, n: usize, input: &mut BytesMut) {
        let n = n.min(input.len());
        let flow = self.flow_mut(from);
        flow.stats.bytes_in = flow.stats.bytes_in.saturating_add(n as u64);
        input.advance(n);
    }

    // ----- errors -----

    fn error(&self, from: Side, code: &'static str, detail: &'static str) -> DecodeError {
        let stats = self.stats(from);
        DecodeError::new(crate::NAME, code, detail, Scope::Connection)
            .at(stats.message_at, stats.message_at)
            .with_outcome(if from == Side::Down { Outcome::BadRequest } else { Outcome::BadResponse })
    }

    fn wrong(&mut self, from: Side, wrong: Wrong, ends: &mut Ends<'_>) -> DecodeError {
        match wrong {
            Wrong::Rule(code, name, detail) => self.fatal(from, code, name, detail, ends),
            // A server's resets are its client's doing.
            Wrong::Client(limit, detail) => self.wrong(Side::Down, Wrong::Over(limit, detail), ends),
            Wrong::Over(limit, detail) => {
                self.flow_mut(from).stats.trip(limit);
                let stats = self.stats(from);
                let error = DecodeError::limit(crate::NAME, limit, detail, Scope::Connection)
                    .at(stats.message_at, stats.message_at);
                self.fail(from, Code::ENHANCE_YOUR_CALM, error, ends)
            }
        }
    }

    fn fatal(
        &mut self,
        from: Side,
        code: Code,
        name: &'static str,
        detail: &'static str,
        ends: &mut Ends<'_>,
    ) -> DecodeError {
        let error = self.error(from, name, detail);
        self.fail(from, code, error, ends)
    }
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Pass,
    Drop,
    /// A GOAWAY goes on naming this stream.
    Last(u32),
    /// It ends a block that is spoilt on its way.
    Poison,
}

/// What costs the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Rule(Code, &'static str, &'static str),
    Over(Limit, &'static str),
    /// The same, by the client's fault whoever sent the frame.
    Client(Limit, &'static str),
}

/// So many bytes of a payload must be there before its frame can be judged.
const fn front(header: Header) -> usize {
    let pad = if header.flags & frame::PADDED == 0 { 0 } else { 1 };
    let n = match header.kind {
        frame::DATA => pad,
        frame::HEADERS if header.flags & frame::PRIORITIZED != 0 => 5_usize.saturating_add(pad),
        frame::HEADERS => pad,
        frame::PUSH_PROMISE => 4_usize.saturating_add(pad),
        frame::GOAWAY => 8,
        frame::CONTINUATION => 0,
        frame::PRIORITY | frame::RST_STREAM | frame::SETTINGS | frame::PING | frame::WINDOW_UPDATE => header.len,
        _ => 0,
    };
    if n < header.len { n } else { header.len }
}

fn stream_id(id: u32) -> StreamId {
    StreamId::new(u64::from(id))
}
