//! A splice between two real codecs, and between hand-made frames.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use common::*;
use meshwire::{
    Conn, DecodeError, Endpoint, Event, Limit, Limits, LocalReply, Outcome, Output, Protocol, Rate, Sent, Step,
    StreamId,
};
use meshwire_http2::{Ending, Ends, Exchange, Http2, ReplyAs, Side, Splice};
use proptest::prelude::*;

const NOW: Duration = Duration::from_secs(3);

const fn burst(burst: u32) -> Rate {
    Rate { burst, per_second: 0 }
}

/// A splice fed with bytes.
struct Pipe {
    splice: Splice,
    input: [BytesMut; 2],
    down: Output,
    up: Output,
    now: Duration,
}

impl Pipe {
    fn new(edit: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        edit(&mut limits);
        let input = [BytesMut::new(), BytesMut::new()];
        Self { splice: Splice::new(&limits), input, down: Output::new(), up: Output::new(), now: NOW }
    }

    /// Both ends have said hello.
    fn ready(edit: impl FnOnce(&mut Limits)) -> Self {
        let mut pipe = Self::new(edit);
        pipe.from(Side::Down, hello()).unwrap();
        pipe.from(Side::Up, [settings(&[]), ack()].concat()).unwrap();
        pipe.from(Side::Down, ack()).unwrap();
        pipe.down.take();
        pipe.up.take();
        pipe
    }

    fn from(&mut self, side: Side, bytes: impl AsRef<[u8]>) -> Result<usize, DecodeError> {
        let input = &mut self.input[usize::from(side == Side::Up)];
        input.extend_from_slice(bytes.as_ref());
        let mut ends = Ends::new(&mut self.down, &mut self.up, self.now);
        self.splice.pass(side, input, &mut ends).map(|need| need.get())
    }

    fn with<T>(&mut self, call: impl FnOnce(&mut Splice, &mut Ends<'_>) -> T) -> T {
        call(&mut self.splice, &mut Ends::new(&mut self.down, &mut self.up, self.now))
    }

    fn reply(&mut self, id: u64, outcome: Outcome, as_: ReplyAs) -> bool {
        self.with(|splice, ends| splice.reply(StreamId::new(id), &LocalReply::new(outcome, "by us"), as_, ends))
    }

    fn client_got(&mut self) -> Vec<Frame> {
        frames(&self.down.take())
    }

    fn server_got(&mut self) -> Vec<Frame> {
        frames(&self.up.take())
    }

    fn finished(&mut self) -> Vec<Exchange> {
        std::iter::from_fn(|| self.splice.finished()).collect()
    }

    fn endings(&mut self) -> Vec<(u64, Ending)> {
        self.finished().iter().map(|exchange| (exchange.stream.id(), exchange.ending)).collect()
    }
}

fn kinds(frames: &[Frame]) -> Vec<(u8, u32)> {
    frames.iter().map(|frame| (frame.kind, frame.stream)).collect()
}

/// Two codecs joined by a splice, with bytes cut into pieces of some size.
struct Rig {
    client: Endpoint,
    server: Endpoint,
    pipe: Pipe,
    piece: usize,
    /// What left the client, reached the server, left the server, and reached the client.
    wire: [Vec<u8>; 4],
    record: bool,
    to_send: [VecDeque<Event>; 2],
    /// What has left either end and not reached the splice.
    left: [Vec<u8>; 2],
    /// What came of each stream at the client: status, bytes of body, whether it ended.
    answers: BTreeMap<u64, Answer>,
    /// What the server has of each request.
    requests: BTreeMap<u64, usize>,
    /// Bytes of the body of each answer.
    body: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Answer {
    status: Option<u32>,
    outcome: Option<Outcome>,
    tag: Vec<u8>,
    bytes: usize,
    end: bool,
    reset: Option<meshwire::ResetReason>,
}

impl Rig {
    fn new(piece: usize, edit: impl Fn(&mut Limits)) -> Self {
        let mut limits = Limits::default();
        edit(&mut limits);
        let http = Http2::default();
        let mut rig = Self {
            client: Endpoint::new(http.codec(Conn::client().with_limits(limits.clone()))),
            server: Endpoint::new(http.codec(Conn::server().with_limits(limits))),
            pipe: Pipe::new(edit),
            piece,
            wire: Default::default(),
            record: true,
            to_send: Default::default(),
            left: Default::default(),
            answers: BTreeMap::new(),
            requests: BTreeMap::new(),
            body: 300,
        };
        rig.run();
        rig
    }

    /// Until nothing moves any more.
    fn run(&mut self) {
        while self.turn() {}
    }

    fn turn(&mut self) -> bool {
        let mut moved = false;
        for side in [Side::Down, Side::Up] {
            moved |= self.half(side, usize::MAX);
            moved |= self.deliver();
        }
        moved
    }

    /// What one end says, up to so many bytes, to the splice and no further.
    fn half(&mut self, side: Side, most: usize) -> bool {
        let mut moved = self.events(side);
        let end = if side == Side::Down { &mut self.client } else { &mut self.server };
        let bytes = end.output_mut().take();
        moved |= !bytes.is_empty();
        self.note(if side == Side::Down { 0 } else { 2 }, &bytes);
        let left = &mut self.left[usize::from(side == Side::Up)];
        left.extend(bytes);
        let now: Vec<u8> = left.drain(..most.min(left.len())).collect();
        for piece in now.chunks(self.piece) {
            self.pipe.from(side, piece).unwrap();
        }
        moved || !now.is_empty()
    }

    fn deliver(&mut self) -> bool {
        let (up, down) = (self.pipe.up.take(), self.pipe.down.take());
        self.note(1, &up);
        self.note(3, &down);
        self.server.input().extend_from_slice(&up);
        self.client.input().extend_from_slice(&down);
        !up.is_empty() || !down.is_empty()
    }

    fn note(&mut self, at: usize, bytes: &[u8]) {
        if self.record {
            self.wire[at].extend_from_slice(bytes);
        }
    }

    fn events(&mut self, side: Side) -> bool {
        let mut moved = false;
        loop {
            let end = if side == Side::Down { &mut self.client } else { &mut self.server };
            match end.decode() {
                // A refused stream is malformed, to whom it was not meant for.
                Err(error) => assert!(side == Side::Up && error.code == "pseudo", "{side:?}: {error}"),
                Ok(Step::Event(event)) => {
                    moved = true;
                    if let Some(stream) = event.stream().filter(|_| event.data_len() > 0) {
                        end.release(stream, event.data_len());
                    }
                    if side == Side::Down { self.answered(&event) } else { self.asked(&event) }
                }
                _ => break,
            }
        }
        let at = usize::from(side == Side::Up);
        let mut blocked = Vec::new();
        for _ in 0..self.to_send[at].len() {
            let Some(mut event) = self.to_send[at].pop_front() else { break };
            let end = if side == Side::Down { &mut self.client } else { &mut self.server };
            if blocked.contains(&event.stream()) {
                self.to_send[at].push_back(event);
                continue;
            }
            let before = event.data_len();
            match end.send(&mut event) {
                Ok(Sent::All) => moved = true,
                Ok(Sent::Blocked) => {
                    moved |= event.data_len() != before;
                    blocked.push(event.stream());
                    self.to_send[at].push_back(event);
                }
                // Its stream was reset meanwhile.
                Err(_) => {}
            }
        }
        moved
    }

    fn asked(&mut self, event: &Event) {
        let Some(stream) = event.stream() else { return };
        *self.requests.entry(stream.id()).or_default() += event.data_len();
        let end = match event {
            Event::Head(head) => head.is_end(),
            Event::Body(body) => body.end,
            Event::Trailers(_) => true,
            _ => false,
        };
        if !end {
            return;
        }
        let id = stream.id();
        let tag = format!("value-{}", id % 40);
        let fields = [("content-type", "application/grpc"), ("x-tag", tag.as_str()), ("server", "a real one")];
        let mut head = meshwire_http2::response(200, &fields, "").unwrap();
        if let Event::Head(head) = &mut head {
            head.set_end(false);
        }
        head.set_stream(stream);
        let mut trailers = meshwire_http2::trailers(&[("grpc-status", "0"), ("x-late", tag.as_str())]).unwrap();
        trailers.set_stream(stream);
        self.to_send[1].extend([head, body(id, false, vec![7; self.body]), trailers]);
    }

    fn answered(&mut self, event: &Event) {
        let Some(stream) = event.stream() else { return };
        let answer = self.answers.entry(stream.id()).or_default();
        answer.bytes += event.data_len();
        match event {
            Event::Head(head) => {
                (answer.status, answer.outcome) = (head.status(), Some(head.outcome()));
                answer.tag = head.field(b"x-tag").value().unwrap_or_default().to_vec();
                answer.end |= head.is_end();
            }
            Event::Body(body) => answer.end |= body.end,
            Event::Trailers(head) => {
                assert_eq!(head.field(b"x-late").value().unwrap(), answer.tag);
                (answer.end, answer.outcome) = (true, Some(head.outcome()));
            }
            Event::Reset(reset) => answer.reset = Some(reset.reason),
            _ => {}
        }
    }

    /// A request, with a body in two pieces behind its head where it is not whole.
    fn ask(&mut self, n: usize, bytes: usize) -> Option<u64> {
        let path = format!("/shop.Cart/Add{}", n % 30);
        let (token, tag) = (format!("secret-{}", n % 25), format!("tenant-{}", n % 50));
        let fields = [("content-type", "application/grpc"), ("authorization", &*token), ("x-tenant", &*tag)];
        let mut event = meshwire_http2::request("POST", &path, "cart.example", &fields, "").unwrap();
        if let Event::Head(head) = &mut event {
            head.set_end(bytes == 0);
        }
        if self.client.send(&mut event) != Ok(Sent::All) {
            return None;
        }
        let id = event.stream().unwrap().id();
        if bytes > 0 {
            self.to_send[0].push_back(body(id, true, vec![1; bytes]));
        }
        Some(id)
    }
}

// ----- nothing intervenes -----

#[test]
fn bytes_come_out_as_they_went_in() {
    for piece in [1, 2, 7, 9, 10, 64, 1000, 16_393, 70_000] {
        let mut rig = Rig::new(piece, |_| {});
        for n in 0..60 {
            rig.ask(n, n % 3 * 500).unwrap();
            if n % 4 == 0 {
                rig.run();
            }
        }
        rig.ask(60, 60_000).unwrap();
        rig.run();
        assert_eq!(rig.answers.len(), 61);
        assert!(rig.answers.values().all(|answer| answer.end && answer.bytes == 300 && answer.reset.is_none()));
        assert!(rig.wire[0] == rig.wire[1] && rig.wire[2] == rig.wire[3], "pieces of {piece}");
        let finished = rig.pipe.finished();
        assert_eq!((finished.len(), rig.pipe.splice.open()), (61, 0));
        assert!(finished.iter().all(|exchange| exchange.ending == Ending::Complete && exchange.answered.is_some()));
        let last = finished.iter().find(|exchange| exchange.stream.id() == 121).unwrap();
        assert!(last.sent > 60_000 && last.received > 300 && last.received < 600, "{last:?}");
        assert_eq!(rig.pipe.splice.stats(Side::Down).messages_in, 61);
        assert_eq!(rig.pipe.splice.stats(Side::Up).messages_in, 61);
        assert_eq!(rig.pipe.splice.stats(Side::Up).bytes_in, rig.wire[2].len() as u64);
    }
}

#[test]
fn every_cut_gives_the_same() {
    let up = [
        hello(),
        headers(1, false, POST),
        data(1, false, b"one"),
        frame(DATA, PADDED | END_STREAM, 1, b"\x02two\0\0"),
        frame(
            HEADERS,
            PRIORITIZED | PADDED | END_STREAM,
            3,
            &[&[3, 0, 0, 0, 0, 9][..], &block(GET)[..9], &[0; 3]].concat(),
        ),
        frame(CONTINUATION, 0, 3, &block(GET)[9..12]),
        frame(CONTINUATION, END_HEADERS, 3, &block(GET)[12..]),
        frame(PRIORITY, 0, 9, &[0, 0, 0, 1, 0]),
        frame(0xef, 3, 0, b"unknown"),
        frame(PING, 0, 0, b"12345678"),
        credit(0, 77),
        rst(3, CANCEL),
    ]
    .concat();
    for cut in 0..=up.len() {
        let mut pipe = Pipe::new(|_| {});
        pipe.from(Side::Down, &up[..cut]).unwrap();
        let need = pipe.from(Side::Down, b"").unwrap();
        assert!(need <= up.len() - cut || cut == up.len(), "{cut}");
        pipe.from(Side::Down, &up[cut..]).unwrap();
        assert!(pipe.up.take() == up && pipe.down.is_empty(), "{cut}");
        assert_eq!(pipe.endings(), [(3, Ending::Reset { by: Side::Down, code: CANCEL })]);
        assert_eq!(pipe.splice.open(), 1);
        assert_eq!(pipe.splice.exchanges().next().unwrap().sent, (block(POST).len() + 3 + 6) as u64);
    }
}

#[test]
fn thousands_of_exchanges_with_tables_in_use() {
    let mut rig = Rig::new(50_000, |_| {});
    rig.record = false;
    for n in 0..6000 {
        rig.ask(n, n % 2 * 200).unwrap();
        if n % 50 == 0 {
            rig.run();
        }
    }
    rig.run();
    assert_eq!(rig.answers.len(), 6000);
    for (id, answer) in &rig.answers {
        assert_eq!(answer.tag, format!("value-{}", id % 40).into_bytes());
        assert!(answer.end && answer.outcome == Some(Outcome::Success));
    }
}

#[test]
fn large_frames_stream_through() {
    let mut pipe = Pipe::new(|_| {});
    pipe.from(Side::Down, hello()).unwrap();
    pipe.from(Side::Up, [settings(&[(5, 0xff_ffff)]), ack()].concat()).unwrap();
    pipe.from(Side::Down, [ack(), headers(1, false, POST)].concat()).unwrap();
    pipe.up.take();
    pipe.down.take();
    let large = data(1, true, &vec![9; 3_000_000]);
    let mut got = Vec::new();
    for piece in large.chunks(10_000) {
        pipe.from(Side::Down, piece).unwrap();
        assert!(pipe.input[0].len() <= 9, "{}", pipe.input[0].len());
        got.extend(pipe.up.take());
    }
    assert!(got == large);
    // Not so in the other direction: the client said nothing of it.
    let error = pipe.from(Side::Up, &data(1, true, &vec![9; 16_385])[..9]).unwrap_err();
    assert_eq!(error.code, "frame_size");
}

#[test]
fn a_large_payload_is_moved_and_not_copied() {
    let mut pipe = Pipe::ready(|_| {});
    pipe.from(Side::Down, headers(1, false, POST)).unwrap();
    pipe.up.take();
    let mut input = BytesMut::from(&data(1, false, &[5; 16_384])[..]);
    let at = input.as_ptr();
    pipe.with(|splice, ends| splice.pass(Side::Down, &mut input, ends)).unwrap();
    assert_eq!(pipe.up.chunk().as_ptr(), at);
    assert_eq!(pipe.up.len(), 16_384 + 9);
}

#[test]
fn pushes_pass_where_they_are_allowed() {
    let promise = |id: u32| frame(PUSH_PROMISE, END_HEADERS, 1, &[&id.to_be_bytes()[..], &block(GET)].concat());
    let mut pipe = Pipe::ready(|_| {});
    pipe.from(Side::Down, headers(1, true, GET)).unwrap();
    let pushed = [promise(2), headers(2, false, OK), data(2, true, b"x"), headers(1, true, OK)].concat();
    pipe.from(Side::Up, &pushed).unwrap();
    assert!(pipe.down.take() == pushed);
    assert_eq!(pipe.endings(), [(2, Ending::Complete), (1, Ending::Complete)]);
    assert_eq!(pipe.from(Side::Up, promise(2)).unwrap_err().code, "push");

    let mut pipe = Pipe::new(|_| {});
    pipe.from(Side::Down, [PREFACE.to_vec(), settings(&[(2, 0)]), headers(1, true, GET)].concat()).unwrap();
    pipe.from(Side::Up, settings(&[])).unwrap();
    assert_eq!(pipe.from(Side::Up, promise(2)).unwrap_err().code, "push");
}

// ----- rules -----

fn broken(from: Side, bytes: Vec<u8>) -> (DecodeError, Vec<Frame>, Vec<Frame>) {
    let mut pipe = Pipe::ready(|_| {});
    pipe.from(Side::Down, [headers(1, false, POST), headers(3, true, GET)].concat()).unwrap();
    pipe.server_got();
    let good = frame(PING, 0, 0, b"in front");
    let error = pipe.from(from, [good.clone(), bytes, good].concat()).unwrap_err();
    assert!(error.is_fatal() && error.replied && pipe.splice.is_over());
    assert_eq!(pipe.from(from, b"more").unwrap_err(), error);
    assert_eq!(pipe.from(from.other(), frame(PING, 0, 0, b"12345678")).unwrap_err(), error);
    let endings = pipe.endings();
    assert!(endings.len() >= 2 && endings.iter().all(|(_, ending)| *ending == Ending::Lost(from)));
    (error, pipe.client_got(), pipe.server_got())
}

#[test]
fn a_broken_rule_is_told_to_both_ends() {
    let cont = |stream| frame(CONTINUATION, END_HEADERS, stream, b"");
    let open = frame(HEADERS, 0, 5, &block(GET));
    let both: &[(&str, u32, Vec<u8>)] = &[
        ("stream", PROTOCOL_ERROR, data(0, false, b"x")),
        ("stream", PROTOCOL_ERROR, data(5, false, b"x")),
        ("stream", PROTOCOL_ERROR, rst(5, CANCEL)),
        ("stream", PROTOCOL_ERROR, rst(2, CANCEL)),
        ("stream", PROTOCOL_ERROR, credit(5, 1)),
        ("stream", PROTOCOL_ERROR, frame(SETTINGS, 0, 1, b"")),
        ("stream", PROTOCOL_ERROR, frame(PING, 0, 1, b"12345678")),
        ("stream", PROTOCOL_ERROR, headers(2, true, GET)),
        ("stream", PROTOCOL_ERROR, headers(0, true, GET)),
        ("continuation", PROTOCOL_ERROR, cont(1)),
        ("window", PROTOCOL_ERROR, credit(0, 0)),
        ("padding", PROTOCOL_ERROR, frame(DATA, PADDED, 1, &[3, 0, 0])),
        ("padding", PROTOCOL_ERROR, frame(HEADERS, PADDED | END_HEADERS, 1, &[3, 0, 0])),
        ("padding", PROTOCOL_ERROR, frame(HEADERS, PRIORITIZED | END_HEADERS, 1, &[3, 0, 0])),
        ("frame_size", FRAME_SIZE_ERROR, data(1, false, &[0; 16_385])),
        ("frame_size", FRAME_SIZE_ERROR, frame(PING, 0, 0, b"123")),
        ("frame_size", FRAME_SIZE_ERROR, frame(RST_STREAM, 0, 1, b"123")),
        ("frame_size", FRAME_SIZE_ERROR, frame(WINDOW_UPDATE, 0, 1, b"12345")),
        ("frame_size", FRAME_SIZE_ERROR, frame(PRIORITY, 0, 1, b"123")),
        ("frame_size", FRAME_SIZE_ERROR, frame(SETTINGS, 0, 0, b"12345")),
        ("frame_size", FRAME_SIZE_ERROR, frame(SETTINGS, ACK, 0, b"123456")),
        ("frame_size", FRAME_SIZE_ERROR, frame(GOAWAY, 0, 0, b"1234567")),
        ("settings", PROTOCOL_ERROR, settings(&[(5, 1)])),
        ("settings", FLOW_CONTROL_ERROR, settings(&[(4, 0x8000_0000)])),
    ];
    for (name, code, bytes) in both {
        for from in [Side::Down, Side::Up] {
            let (error, client, server) = broken(from, bytes.clone());
            assert_eq!(error.code, *name, "{from:?} {bytes:?}");
            let (mine, other) = if from == Side::Down { (&client, &server) } else { (&server, &client) };
            assert_eq!((mine.len(), mine[0].kind, mine[0].code()), (1, GOAWAY, *code), "{from:?} {bytes:?}");
            assert_eq!(&mine[0].payload[8..], error.detail.as_bytes());
            // What was good went through in front.
            assert_eq!(kinds(other), [(PING, 0), (GOAWAY, 0)]);
            assert_eq!(client.last().unwrap().number(), 3);
        }
    }
    for (from, bytes) in [
        (Side::Down, frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])),
        (Side::Up, frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 3])),
        (Side::Up, frame(PUSH_PROMISE, END_HEADERS, 5, &[0, 0, 0, 2])),
        (Side::Up, frame(PUSH_PROMISE, END_HEADERS | PADDED, 1, &[1, 0, 0, 0, 2])),
        (Side::Up, headers(5, true, OK)),
        (Side::Up, settings(&[(2, 1)])),
    ] {
        broken(from, bytes);
    }
    // Inside a block nothing else may come, and no GOAWAY can follow it.
    let (error, client, server) = broken(Side::Down, [open.clone(), cont(7)].concat());
    assert_eq!((error.code, kinds(&client)), ("continuation", vec![(GOAWAY, 0)]));
    assert_eq!(kinds(&server), [(PING, 0), (HEADERS, 5)]);
    broken(Side::Down, [open, frame(PING, 0, 0, b"12345678")].concat());
}

#[test]
fn both_ends_begin_as_they_must() {
    let mut pipe = Pipe::new(|_| {});
    assert_eq!(pipe.from(Side::Down, b"GET / HTTP/1.1\r\n").unwrap_err().code, "preface");
    assert_eq!(kinds(&pipe.client_got()), [(SETTINGS, 0), (GOAWAY, 0)]);
    assert!(pipe.up.is_empty());
    let mut pipe = Pipe::new(|_| {});
    assert_eq!(pipe.from(Side::Down, [PREFACE, &ack()[..]].concat()).unwrap_err().code, "settings");
    let mut pipe = Pipe::new(|_| {});
    assert_eq!(pipe.from(Side::Up, frame(PING, 0, 0, b"12345678")).unwrap_err().code, "settings");
}

#[test]
fn goaway_follows_the_frame_that_is_under_way() {
    let mut pipe = Pipe::new(|_| {});
    pipe.from(Side::Down, [PREFACE.to_vec(), settings(&[(5, 100_000)]), headers(1, false, POST)].concat()).unwrap();
    let large = data(1, false, &[1; 50_000]);
    pipe.from(Side::Up, [settings(&[]), headers(1, false, OK), large[..20_000].to_vec()].concat()).unwrap();
    pipe.down.take();
    let error = pipe.from(Side::Down, data(9, false, b"x")).unwrap_err();
    assert!(pipe.down.is_empty());
    assert_eq!(pipe.from(Side::Up, &large[20_000..40_000]).unwrap_err(), error);
    assert_eq!(pipe.down.take(), &large[20_000..40_000]);
    assert_eq!(pipe.from(Side::Up, [&large[40_000..], &data(1, true, b"")].concat()).unwrap_err(), error);
    let rest = pipe.down.take();
    assert_eq!(&rest[..10_009], &large[40_000..]);
    assert_eq!(kinds(&frames(&rest[10_009..])), [(GOAWAY, 0)]);
}

// ----- budgets -----

/// `each(n)` passes `most` times, and the next one costs the connection.
fn costs(mut pipe: Pipe, from: Side, limit: Limit, most: u32, each: impl Fn(u32) -> Vec<u8>) {
    for n in 0..most {
        pipe.from(from, each(n)).unwrap_or_else(|error| panic!("{n} of {most}: {error}"));
        pipe.down.take();
        pipe.up.take();
    }
    let error = pipe.from(from, each(most)).unwrap_err();
    assert_eq!((error.limit, error.code), (Some(limit), limit.name()));
    assert_eq!(pipe.splice.stats(from).tripped(limit), 1);
    let told = if from == Side::Down { pipe.client_got() } else { pipe.server_got() };
    assert_eq!(told.last().unwrap().code(), ENHANCE_YOUR_CALM);
}

#[test]
fn budgets_hold_exactly_and_one_past() {
    for side in [Side::Down, Side::Up] {
        let idle = || {
            let mut pipe = Pipe::ready(|limits| limits.idle_frames = burst(22));
            // SETTINGS and its acknowledgement were the first; the client's answered what the server had sent.
            pipe.from(Side::Down, headers(1, false, POST)).unwrap();
            pipe
        };
        let most = if side == Side::Down { 21 } else { 20 };
        costs(idle(), side, Limit::IdleFrames, most, |_| frame(PING, 0, 0, &[0; 8]));
        costs(idle(), side, Limit::IdleFrames, most, |_| settings(&[]));
        costs(idle(), side, Limit::IdleFrames, most, |_| frame(PRIORITY, 0, 1, &[0; 5]));
        costs(idle(), side, Limit::IdleFrames, most, |_| frame(0xef, 0, 0, &[0; 5]));
        costs(idle(), side, Limit::IdleFrames, most, |_| data(1, false, b""));
        costs(idle(), side, Limit::IdleFrames, most, |_| frame(DATA, PADDED, 1, &[2, 0, 0]));
        costs(idle(), side, Limit::IdleFrames, most, |_| goaway(0x7fff_ffff, 0));

        let pipe = Pipe::ready(|limits| limits.window_updates = burst(20));
        costs(pipe, side, Limit::WindowUpdates, 20, |_| credit(0, 1));

        let mut pipe = Pipe::ready(|limits| limits.continuations = 5);
        pipe.from(Side::Down, headers(1, false, POST)).unwrap();
        pipe.from(side, frame(HEADERS, 0, 1, b"")).unwrap();
        for _ in 0..5 {
            pipe.from(side, frame(CONTINUATION, 0, 1, b"")).unwrap();
        }
        let error = pipe.from(side, frame(CONTINUATION, END_HEADERS, 1, b"")).unwrap_err();
        assert_eq!(error.limit, Some(Limit::Continuations));
    }
}

#[test]
fn resets_by_the_client_and_those_it_provokes() {
    let pipe = || Pipe::ready(|limits| limits.resets = burst(10));
    let each = |n: u32| [headers(2 * n + 1, true, GET), rst(2 * n + 1, CANCEL)].concat();
    costs(pipe(), Side::Down, Limit::Resets, 10, each);

    let mut provoked = pipe();
    for n in 0..=10 {
        provoked.from(Side::Down, headers(2 * n + 1, true, GET)).unwrap();
        let result = provoked.from(Side::Up, rst(2 * n + 1, PROTOCOL_ERROR));
        assert_eq!(result.is_ok(), n < 10);
    }
    assert_eq!(provoked.splice.stats(Side::Down).tripped(Limit::Resets), 1);
    assert_eq!(provoked.client_got().last().unwrap().code(), ENHANCE_YOUR_CALM);

    // Those of streams that were served, at least in part, or for some time, are no abuse.
    let mut healthy = pipe();
    for n in 0..1000 {
        healthy.from(Side::Down, headers(2 * n + 1, true, GET)).unwrap();
        match n % 3 {
            0 => drop(healthy.from(Side::Up, headers(2 * n + 1, false, OK)).unwrap()),
            1 => healthy.now += Duration::from_millis(10),
            _ => {
                healthy.from(Side::Up, rst(2 * n + 1, REFUSED_STREAM)).unwrap();
                continue;
            }
        }
        healthy.from(Side::Down, rst(2 * n + 1, CANCEL)).unwrap();
    }
    assert_eq!(healthy.splice.open(), 0);
}

#[test]
fn what_moves_something_earns_the_right_to_ping() {
    let mut pipe = Pipe::ready(|limits| (limits.idle_frames, limits.window_updates) = (burst(5), burst(12)));
    pipe.from(Side::Down, headers(1, false, POST)).unwrap();
    for _ in 0..1000 {
        pipe.from(Side::Down, [data(1, false, b"message"), frame(PING, 0, 0, b"12345678")].concat()).unwrap();
        pipe.from(Side::Up, [frame(PING, ACK, 0, b"12345678"), credit(0, 7), credit(1, 7)].concat()).unwrap();
        pipe.down.take();
        pipe.up.take();
    }
}

// ----- refusals -----

#[test]
fn a_stream_past_the_limit_is_refused_and_the_tables_stay_in_step() {
    let mut rig = Rig::new(33, |limits| limits.streams = 1000);
    rig.pipe.splice = Splice::new(&{
        let mut limits = Limits::default();
        limits.streams = 8;
        limits
    });
    // A new splice hears the beginning again.
    let (client, server) = (rig.wire[0].clone(), rig.wire[2].clone());
    rig.pipe.from(Side::Down, client).unwrap();
    rig.pipe.from(Side::Up, server).unwrap();
    rig.pipe.up.take();
    rig.pipe.down.take();
    let mut refused = 0;
    for round in 0..40 {
        let ids: Vec<_> =
            (0..12).map(|n| rig.ask(round * 12 + n, if n % 2 == 0 { 0 } else { 40_000 }).unwrap()).collect();
        rig.run();
        for id in ids {
            let answer = &rig.answers[&id];
            if answer.reset == Some(meshwire::ResetReason::Refused) {
                refused += 1;
                assert!(answer.status.is_none() && !rig.requests.contains_key(&id), "{id}: {answer:?}");
            } else {
                assert!(answer.end && answer.tag == format!("value-{}", id % 40).into_bytes(), "{id}: {answer:?}");
            }
        }
    }
    assert_eq!(refused, 40 * 4);
    let refusals = rig.pipe.endings().iter().filter(|(_, ending)| *ending == Ending::Refused).count();
    assert_eq!(refusals, refused);
    assert_eq!(rig.pipe.splice.stats(Side::Down).tripped(Limit::Streams) as usize, refused);
}

#[test]
fn a_refused_block_is_spoilt_where_it_ends() {
    let mut pipe = Pipe::ready(|limits| limits.streams = 0);
    let block = block(GET);
    let head = frame(HEADERS, END_STREAM | PADDED, 1, &[&[2], &block[..9], &[0, 0]].concat());
    pipe.from(Side::Down, &head).unwrap();
    assert_eq!(pipe.up.take(), head);
    pipe.from(Side::Down, frame(CONTINUATION, END_HEADERS, 1, &block[9..])).unwrap();
    let up = pipe.server_got();
    assert_eq!(kinds(&up), [(CONTINUATION, 1), (CONTINUATION, 1), (RST_STREAM, 1)]);
    assert_eq!((up[0].flags, &up[0].payload[..], up[1].flags), (0, &block[9..], END_HEADERS));
    let down = pipe.client_got();
    assert_eq!((down.len(), down[0].code()), (1, REFUSED_STREAM));
    // A server of ours sees a malformed request, and nothing else.
    let mut end = server();
    let bytes = [frame(HEADERS, END_STREAM, 1, &block), frame(CONTINUATION, up[1].flags, 1, &up[1].payload)].concat();
    assert!(!error(&mut end, bytes).is_fatal());
    assert!(feed(&mut end, headers(3, true, GET)).unwrap().len() == 1);
}

// ----- drain -----

#[test]
fn drain_says_goaway_twice_around_a_ping() {
    let mut pipe = Pipe::ready(|_| {});
    pipe.from(Side::Down, headers(1, true, GET)).unwrap();
    pipe.server_got();
    pipe.with(|splice, ends| splice.drain(ends));
    let said = pipe.client_got();
    assert_eq!(kinds(&said), [(GOAWAY, 0), (PING, 0)]);
    assert_eq!((said[0].number(), said[0].code()), (0x7fff_ffff, NO_ERROR));
    // What crosses it is served.
    pipe.from(Side::Down, headers(3, true, GET)).unwrap();
    pipe.from(Side::Down, frame(PING, ACK, 0, b"not ours")).unwrap();
    assert_eq!(kinds(&pipe.server_got()), [(HEADERS, 3), (PING, 0)]);
    pipe.from(Side::Down, frame(PING, ACK, 0, &said[1].payload)).unwrap();
    assert!(pipe.up.is_empty());
    assert_eq!(pipe.client_got()[0].number(), 3);
    assert!(pipe.splice.draining() && !pipe.splice.is_over() && pipe.splice.next_deadline().is_none());
    // What comes too late goes through spoilt, and is refused.
    pipe.from(Side::Down, [headers(5, false, POST), data(5, false, &[0; 500])].concat()).unwrap();
    assert_eq!(kinds(&pipe.server_got()), [(HEADERS, 5), (CONTINUATION, 5), (RST_STREAM, 5)]);
    let said = pipe.client_got();
    assert_eq!(kinds(&said), [(RST_STREAM, 5), (WINDOW_UPDATE, 0)]);
    // A GOAWAY of the server's never names a later stream than ours did.
    pipe.from(Side::Up, [goaway(0x7fff_ffff, 0), headers(1, true, OK), headers(3, true, OK)].concat()).unwrap();
    let said = pipe.client_got();
    assert_eq!((said[0].kind, said[0].number()), (GOAWAY, 3));
    assert!(pipe.splice.is_over());
    assert_eq!(pipe.endings(), [(5, Ending::Refused), (1, Ending::Complete), (3, Ending::Complete)]);
}

#[test]
fn a_drain_that_nobody_acknowledges_ends_by_its_deadline() {
    let mut pipe = Pipe::ready(|_| {});
    pipe.with(|splice, ends| splice.drain(ends));
    let ping = pipe.client_got()[1].payload.clone();
    pipe.now = pipe.splice.next_deadline().unwrap() - Duration::from_millis(1);
    pipe.with(|splice, ends| splice.on_deadline(ends));
    assert!(pipe.down.is_empty());
    pipe.now += Duration::from_millis(1);
    pipe.with(|splice, ends| splice.on_deadline(ends));
    assert_eq!(pipe.client_got()[0].number(), 0);
    assert!(pipe.splice.is_over());
    // It comes back late, and is ours still; once.
    pipe.from(Side::Down, frame(PING, ACK, 0, &ping)).unwrap();
    assert!(pipe.up.is_empty());
    pipe.from(Side::Down, frame(PING, ACK, 0, &ping)).unwrap();
    assert_eq!(kinds(&pipe.server_got()), [(PING, 0)]);
}

#[test]
fn two_splices_behind_each_other_drain_both() {
    let mut inner = Pipe::ready(|_| {});
    let mut outer = Pipe::ready(|_| {});
    inner.with(|splice, ends| splice.drain(ends));
    outer.from(Side::Up, inner.down.take()).unwrap();
    outer.with(|splice, ends| splice.drain(ends));
    let pings: Vec<_> = outer.client_got().into_iter().filter(|frame| frame.kind == PING).collect();
    assert_eq!(pings.len(), 2);
    for (n, ping) in pings.into_iter().enumerate() {
        outer.from(Side::Down, frame(PING, ACK, 0, &ping.payload)).unwrap();
        inner.from(Side::Down, outer.up.take()).unwrap();
        // The one behind comes back first.
        assert_eq!((inner.splice.is_over(), outer.splice.next_deadline().is_none()), (true, n == 1));
    }
    assert!(inner.splice.is_over() && outer.splice.is_over() && inner.up.is_empty());
}

#[test]
fn no_stream_vanishes_in_a_drain_under_load() {
    for piece in [1, 13, 1000, 100_000] {
        let mut rig = Rig::new(piece, |limits| limits.streams = 1000);
        let mut ids: Vec<_> = (0..100).map(|n| rig.ask(n, n % 3 * 30_000).unwrap()).collect();
        rig.turn();
        rig.pipe.with(|splice, ends| splice.drain(ends));
        for n in 100.. {
            match rig.ask(n, 0) {
                Some(id) => ids.push(id),
                None => break,
            }
            rig.turn();
            assert!(n < 1000, "the client was never told");
        }
        rig.run();
        assert!(rig.pipe.splice.is_over() && ids.len() >= 100);
        let mut counts = (0, 0);
        for id in &ids {
            let answer = &rig.answers[id];
            match answer.reset {
                Some(meshwire::ResetReason::Refused) => counts.1 += 1,
                None => {
                    assert!(answer.end && answer.bytes == 300, "{id}: {answer:?}");
                    counts.0 += 1;
                }
                other => panic!("{id}: {other:?}"),
            }
        }
        assert_eq!(counts.0 + counts.1, ids.len());
        assert_eq!(rig.pipe.finished().len(), ids.len());
    }
}

#[test]
fn goaway_of_the_server_passes() {
    let mut pipe = Pipe::ready(|_| {});
    pipe.from(Side::Down, [headers(1, true, GET), headers(3, true, GET), headers(5, false, POST)].concat()).unwrap();
    let said = [goaway(0x7fff_ffff, 0), goaway(1, 0)].concat();
    pipe.from(Side::Up, &said).unwrap();
    assert!(pipe.down.take() == said);
    assert_eq!(pipe.endings(), [(3, Ending::Refused), (5, Ending::Refused)]);
    pipe.server_got();
    // What the client had under way goes through: the server counts it.
    pipe.from(Side::Down, [data(5, true, &[0; 300]), headers(7, true, GET)].concat()).unwrap();
    assert_eq!(kinds(&pipe.server_got()), [(DATA, 5), (HEADERS, 7)]);
    assert_eq!(pipe.endings(), [(7, Ending::Refused)]);
    pipe.with(|splice, ends| splice.drain(ends));
    assert_eq!(kinds(&pipe.client_got()), [(PING, 0)]);
    pipe.from(Side::Up, headers(1, true, OK)).unwrap();
    assert!(pipe.splice.is_over());
}

// ----- local replies -----

#[test]
fn a_local_reply_goes_to_both_ends() {
    let mut pipe = Pipe::ready(|_| {});
    pipe.from(Side::Down, [headers(1, true, GET), headers(3, false, CALL), headers(5, true, GET)].concat()).unwrap();
    pipe.from(Side::Up, headers(5, false, OK)).unwrap();
    pipe.server_got();
    pipe.client_got();
    assert!(pipe.reply(1, Outcome::Timeout, ReplyAs::Http));
    assert!(pipe.reply(3, Outcome::Timeout, ReplyAs::Grpc));
    assert!(pipe.reply(5, Outcome::Timeout, ReplyAs::Http));
    assert!(!pipe.reply(5, Outcome::Timeout, ReplyAs::Http) && !pipe.reply(7, Outcome::Timeout, ReplyAs::Http));
    assert!(!pipe.reply(u64::MAX, Outcome::Timeout, ReplyAs::Http));
    assert_eq!(kinds(&pipe.server_got()), [(RST_STREAM, 1), (RST_STREAM, 3), (RST_STREAM, 5)]);
    let said = pipe.client_got();
    assert_eq!(kinds(&said), [(HEADERS, 1), (HEADERS, 3), (RST_STREAM, 3), (RST_STREAM, 5)]);
    assert_eq!((said[2].code(), said[3].code()), (NO_ERROR, CANCEL));
    assert!(said[..2].iter().all(|frame| frame.flags == END_HEADERS | END_STREAM));
    let mut endpoint = client();
    for _ in 0..2 {
        let fields = [("content-type", "application/grpc")];
        let _ = endpoint.send(&mut meshwire_http2::request("POST", "/s/m", "h", &fields, "").unwrap()).unwrap();
    }
    let first = one(&mut endpoint, frame(HEADERS, said[0].flags, 1, &said[0].payload));
    assert_eq!((head(&first).status(), head(&first).is_end()), (Some(504), true));
    let second = one(&mut endpoint, frame(HEADERS, said[1].flags, 3, &said[1].payload));
    assert_eq!((head(&second).status(), head(&second).outcome()), (Some(200), Outcome::Timeout));
    assert_eq!(head(&second).field(b"grpc-message").value(), Some(&b"by us"[..]));
    assert!(pipe.endings().iter().all(|(_, ending)| *ending == Ending::Replied(Outcome::Timeout)));
    assert_eq!(pipe.splice.open(), 0);

    // What was under way: data is dropped and credited, fields go through, the rest is nobody's business.
    pipe.from(Side::Down, [data(3, false, &[0; 400]), credit(3, 5), data(3, true, &[0; 600])].concat()).unwrap();
    assert_eq!(kinds(&pipe.server_got()), []);
    let said = pipe.client_got();
    assert_eq!((said.len(), said[0].kind, said[0].stream, said[0].number()), (1, WINDOW_UPDATE, 0, 1000));
    let late = [headers(1, false, OK), data(1, false, &[0; 77]), rst(3, CANCEL), headers(5, true, OK)].concat();
    pipe.from(Side::Up, late).unwrap();
    assert_eq!(kinds(&pipe.client_got()), [(HEADERS, 1), (HEADERS, 5)]);
    let said = pipe.server_got();
    assert_eq!((said.len(), said[0].kind, said[0].number()), (1, WINDOW_UPDATE, 77));
}

#[test]
fn tables_and_windows_stay_in_step_behind_local_replies() {
    for piece in [5, 700, 100_000] {
        let mut rig = Rig::new(piece, |limits| (limits.window, limits.connection_window) = (70_000, 100_000));
        rig.record = false;
        let mut replied = 0;
        for round in 0..60 {
            let ids: Vec<_> = (0..6).map(|n| rig.ask(round * 6 + n, 20_000 * (n % 3)).unwrap()).collect();
            rig.body = 25_000;
            // Replies meet requests that are whole, or in part, and answers in the same way.
            rig.half(Side::Down, if round % 2 == 0 { usize::MAX } else { 20_000 });
            if round % 3 > 0 {
                rig.deliver();
                rig.half(Side::Up, 10_000 * (round % 5));
            }
            let mut ours = Vec::new();
            for id in ids.iter().step_by(2) {
                if rig.pipe.reply(*id, Outcome::Unavailable, ReplyAs::Grpc) {
                    ours.push(*id);
                }
            }
            replied += ours.len();
            rig.run();
            for id in &ids {
                let answer = &rig.answers[id];
                if ours.contains(id) {
                    assert!(answer.outcome == Some(Outcome::Unavailable) || answer.reset.is_some(), "{id}: {answer:?}");
                } else {
                    assert!(answer.end && answer.bytes == 25_000, "{piece} {round} {id}: {answer:?}");
                    assert_eq!(answer.tag, format!("value-{}", id % 40).into_bytes());
                }
            }
        }
        assert!(replied > 100, "{replied}");
        // Far more than the windows, and every byte of credit came back.
        rig.body = 900_000;
        let id = rig.ask(0, 900_000).unwrap();
        rig.run();
        assert!(rig.answers[&id].end && rig.answers[&id].bytes == 900_000 && rig.requests[&id] == 900_000);
        assert!(rig.to_send.iter().all(VecDeque::is_empty));
    }
}

#[test]
fn a_reply_waits_for_the_frame_that_is_under_way() {
    let mut pipe = Pipe::new(|_| {});
    pipe.from(Side::Down, [PREFACE.to_vec(), settings(&[(5, 100_000)]), headers(1, true, GET)].concat()).unwrap();
    pipe.from(Side::Down, headers(3, true, GET)).unwrap();
    let large = data(1, false, &[1; 50_000]);
    pipe.from(Side::Up, [settings(&[]), headers(1, false, OK), large[..20_000].to_vec()].concat()).unwrap();
    pipe.down.take();
    assert!(pipe.reply(3, Outcome::Timeout, ReplyAs::Http));
    assert!(pipe.reply(1, Outcome::Timeout, ReplyAs::Http));
    assert!(pipe.down.is_empty());
    pipe.from(Side::Up, &large[20_000..]).unwrap();
    let rest = pipe.down.take();
    assert_eq!(rest[..30_009], large[20_000..]);
    assert_eq!(kinds(&frames(&rest[30_009..])), [(HEADERS, 3), (RST_STREAM, 1)]);
    // The same inside a block.
    pipe.from(Side::Down, [headers(5, true, GET), headers(7, true, GET)].concat()).unwrap();
    pipe.from(Side::Up, frame(HEADERS, 0, 5, &block(OK))).unwrap();
    pipe.down.take();
    assert!(pipe.reply(7, Outcome::Timeout, ReplyAs::Http));
    assert!(pipe.down.is_empty());
    pipe.from(Side::Up, frame(CONTINUATION, END_HEADERS, 5, b"")).unwrap();
    assert_eq!(kinds(&pipe.client_got()), [(CONTINUATION, 5), (HEADERS, 7)]);
}

#[test]
fn a_reply_tells_of_a_smaller_table_where_the_server_has_not() {
    let mut pipe = Pipe::new(|_| {});
    pipe.from(Side::Down, [PREFACE.to_vec(), settings(&[(1, 100), (2, 0)]), headers(1, true, GET)].concat()).unwrap();
    pipe.from(Side::Down, headers(3, true, GET)).unwrap();
    pipe.from(Side::Up, [settings(&[]), ack()].concat()).unwrap();
    pipe.down.take();
    assert!(pipe.reply(1, Outcome::NoRoute, ReplyAs::Http) && pipe.reply(3, Outcome::NoRoute, ReplyAs::Http));
    let said = pipe.client_got();
    let mut decoder = meshwire_http2::hpack::Decoder::new(4096);
    decoder.set_max_table_size(100);
    for frame in said {
        let mut list = meshwire_http2::hpack::FieldList::new(meshwire_http2::hpack::ListLimits::of(&Limits::default()));
        decoder.decode_into(&frame.payload, &mut list).unwrap();
    }
    // Not where it has.
    let mut pipe = Pipe::new(|_| {});
    pipe.from(
        Side::Down,
        [PREFACE.to_vec(), settings(&[(1, 100)]), headers(1, true, GET), headers(3, true, GET)].concat(),
    )
    .unwrap();
    pipe.from(Side::Up, [settings(&[]), ack(), headers(1, true, OK)].concat()).unwrap();
    pipe.down.take();
    assert!(pipe.reply(3, Outcome::NoRoute, ReplyAs::Http));
    assert_ne!(pipe.client_got()[0].payload[0] & 0xe0, 0x20);
}

// ----- an end is lost -----

#[test]
fn a_lost_server_answers_every_stream() {
    let mut pipe = Pipe::ready(|_| {});
    pipe.from(Side::Down, [headers(1, true, GET), headers(3, false, POST), headers(5, true, GET)].concat()).unwrap();
    pipe.from(Side::Up, [headers(5, false, OK), data(5, false, &[0; 600])[..300].to_vec()].concat()).unwrap();
    pipe.client_got();
    let reply = LocalReply::new(Outcome::Unavailable, "gone");
    pipe.with(|splice, ends| splice.upstream_lost(&reply, ReplyAs::Http, ends));
    let said = pipe.client_got();
    assert_eq!(kinds(&said), [(HEADERS, 1), (HEADERS, 3), (RST_STREAM, 3), (RST_STREAM, 5), (GOAWAY, 0)]);
    assert_eq!((said[3].code(), said[4].number()), (2, 5));
    assert!(pipe.splice.is_over() && pipe.endings().len() == 3);
    pipe.from(Side::Down, headers(7, true, GET)).unwrap();
    assert!(pipe.down.is_empty());

    // It was never there.
    let mut pipe = Pipe::new(|_| {});
    pipe.from(Side::Down, [hello(), headers(1, true, GET)].concat()).unwrap();
    pipe.with(|splice, ends| splice.upstream_lost(&reply, ReplyAs::Grpc, ends));
    assert_eq!(kinds(&pipe.client_got()), [(SETTINGS, 0), (HEADERS, 1), (GOAWAY, 0)]);
}

#[test]
fn a_lost_client_is_told_to_the_server() {
    let mut pipe = Pipe::ready(|_| {});
    pipe.from(Side::Down, headers(1, false, POST)).unwrap();
    pipe.server_got();
    pipe.with(|splice, ends| splice.client_lost(ends));
    assert_eq!(kinds(&pipe.server_got()), [(GOAWAY, 0)]);
    assert_eq!(pipe.endings(), [(1, Ending::Lost(Side::Down))]);
    assert!(pipe.splice.is_over());
}

// ----- hostile input -----

/// Both directions of a busy connection.
fn recorded() -> (Vec<u8>, Vec<u8>) {
    let mut rig = Rig::new(100_000, |_| {});
    for n in 0..20 {
        rig.ask(n, n % 3 * 300).unwrap();
    }
    rig.run();
    let [up, _, down, _] = rig.wire;
    (up, down)
}

#[test]
fn what_is_remembered_of_cut_streams_is_bounded() {
    let mut pipe = Pipe::ready(|limits| limits.resets = burst(1_000_000));
    for n in 0..20_000 {
        pipe.from(Side::Down, headers(2 * n + 1, false, POST)).unwrap();
        assert!(pipe.reply(u64::from(2 * n + 1), Outcome::Timeout, ReplyAs::Http));
        pipe.down.take();
        pipe.up.take();
    }
    assert_eq!(pipe.finished().len(), 4096);
    let shown = format!("{:?}", pipe.splice);
    assert!(shown.matches("cut: true").count() <= 1024);
    // Those forgotten pass, and so are counted where they arrive.
    pipe.from(Side::Down, data(1, true, &[0; 300])).unwrap();
    assert_eq!(kinds(&pipe.server_got()), [(DATA, 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn mutations_never_panic_and_hold_no_memory(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 0..12),
        pieces in prop::collection::vec(1usize..3000, 1..20),
        actions in prop::collection::vec((0u8..12, 1u64..60), 0..20),
    ) {
        let (mut up, mut down) = recorded();
        for (at, byte, side) in changes {
            let bytes = if side { &mut up } else { &mut down };
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut pipe = Pipe::new(|_| {});
        let (mut up, mut down) = (Bytes::from(up), Bytes::from(down));
        let mut actions = actions.into_iter().cycle();
        for n in pieces.into_iter().cycle() {
            if up.is_empty() && down.is_empty() {
                break;
            }
            for (side, bytes) in [(Side::Down, &mut up), (Side::Up, &mut down)] {
                let piece = bytes.split_to(n.min(bytes.len()));
                let result = pipe.from(side, &piece);
                prop_assert!(result.is_err() || pipe.input[usize::from(side == Side::Up)].len() < 16_384 + 9);
            }
            match actions.next() {
                Some((0, id)) => drop(pipe.reply(id, Outcome::Timeout, ReplyAs::Grpc)),
                Some((1, _)) => pipe.with(|splice, ends| splice.drain(ends)),
                Some((2, _)) => { pipe.now += Duration::from_secs(1); pipe.with(|splice, ends| splice.on_deadline(ends)) }
                Some((3, 1)) => pipe.with(|s, e| s.upstream_lost(&LocalReply::new(Outcome::Timeout, ""), ReplyAs::Http, e)),
                Some((4, 1)) => pipe.with(|splice, ends| splice.client_lost(ends)),
                _ => {}
            }
            prop_assert!(pipe.splice.open() <= 256);
            pipe.down.take();
            pipe.up.take();
        }
    }

    #[test]
    fn truncation_passes_on_whole_frames_only(cut in any::<prop::sample::Index>()) {
        let (up, _) = recorded();
        let cut = cut.index(up.len());
        let mut pipe = Pipe::new(|_| {});
        prop_assert!(pipe.from(Side::Down, &up[..cut]).is_ok());
        let passed = pipe.up.take();
        prop_assert!(up.starts_with(&passed) && passed.len() <= cut);
        if cut >= PREFACE.len() {
            let _ = frames(&passed);
        }
        pipe.with(|splice, ends| splice.client_lost(ends));
        prop_assert!(pipe.splice.is_over());
    }
}
