//! Requests through a proxy's two codecs: decoded, looked at, renamed, encoded. The floor is to copy the bytes in and out.

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::{
    Arena, Codec, Conn, Cx, DecodeError, Depth, Event, Head, Limits, Output, Protocol, Sent, Step, StreamId,
};

use crate::case::{Case, Side, Target};

/// Requests of a batch.
pub(super) const MESSAGES: usize = 1024;
const BUFFER: usize = 64 * 1024;

/// What goes through, and what is done to it.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) protocol: fn() -> Box<dyn Protocol>,
    /// Two requests of one length as they stand on the wire, which take turns.
    pub(super) requests: [Vec<u8>; 2],
    /// The answer to it.
    pub(super) answer: Head,
    pub(super) depth: Depth,
    /// What a proxy does with each head.
    pub(super) look: fn(&mut Head),
    /// Requests that come with one read.
    pub(super) read: usize,
    /// Heads held in flight.
    pub(super) held: usize,
    /// Writes an id into a request, where each of a batch must have its own.
    pub(super) number: Option<Number>,
}

/// Writes an id into a request.
pub(super) type Number = fn(&mut [u8], u32);

/// The first id of a batch.
pub(super) const FIRST: u32 = 20_000;

impl Work {
    /// A case of it, against the copy floor.
    pub(super) fn case(self, name: &str) -> Case {
        let (work, floor) = (self.clone(), self);
        Case::new(name, "copy floor", MESSAGES as u32, move || Forward::new(&work), move || Floor::new(&floor))
            .collecting(4)
            .target(Target::Allocations(0.1))
    }
}

pub(super) struct Forward {
    server: Box<dyn Codec>,
    client: Box<dyn Codec>,
    requests: [Vec<u8>; 2],
    read: usize,
    number: Option<Number>,
    look: fn(&mut Head),
    input: BytesMut,
    answer: Head,
    /// Requests that wait for it.
    owed: usize,
    back: Output,
    output: Output,
    next_id: u64,
    held: VecDeque<Event>,
    hold: usize,
    arena: Arena,
}

impl Forward {
    pub(super) fn new(work: &Work) -> Self {
        let protocol = black_box((work.protocol)());
        let mut limits = Limits::default();
        limits.pipelined = MESSAGES;
        let conn = Conn::server().with_limits(Arc::new(limits)).with_depth(work.depth.clone());
        Self {
            server: black_box(protocol.codec(conn)),
            client: black_box(protocol.codec(Conn::client())),
            requests: work.requests.clone(),
            read: work.read,
            number: work.number,
            look: black_box(work.look),
            input: BytesMut::with_capacity(BUFFER),
            answer: work.answer.clone(),
            owed: 0,
            back: Output::new(),
            output: Output::new(),
            next_id: 0,
            held: VecDeque::with_capacity(work.held + 1),
            hold: work.held,
            arena: Arena::new(),
        }
    }
}

impl Forward {
    /// The first request as it goes out, for who would see that it is right.
    pub(super) fn first(&mut self) -> Vec<u8> {
        receive(&mut self.input, &self.requests[0], self.number, 0);
        let step = self.server.decode(&mut self.input, &mut Cx::new(&mut self.back, Duration::ZERO));
        let Ok(Step::Event(mut event)) = step else { panic!("{step:?}") };
        let Event::Head(head) = &mut event else { panic!("{event:?}") };
        (self.look)(head);
        self.send(&mut event);
        self.owed += 1;
        self.output.take()
    }

    /// The client's turn: a new name, and the bytes are on their way.
    #[inline]
    fn send(&mut self, event: &mut Event) {
        let Event::Head(head) = event else { panic!("{event:?}") };
        let (stream, n) = (head.stream(), head.data().len());
        self.next_id += 1;
        head.set_stream(StreamId::new(self.next_id).with_tag(stream.tag()));
        let sent = self.client.encode(event, &mut Cx::new(&mut self.output, Duration::ZERO));
        assert!(matches!(sent, Ok(Sent::All)));
        self.server.release(stream, n, &mut Cx::new(&mut self.back, Duration::ZERO));
    }

    /// Keeps a head, and sends the one that has waited longest.
    #[inline(never)]
    fn hold(&mut self, step: Result<Step, DecodeError>) {
        let Ok(Step::Event(mut event)) = step else { return };
        let Event::Head(head) = &mut event else { return };
        head.detach(&mut self.arena);
        self.held.push_back(event);
        if self.held.len() > self.hold
            && let Some(mut event) = self.held.pop_front()
        {
            self.send(&mut event);
        }
    }
}

impl Side for Forward {
    /// Answers what the last batch asked: a server reads no further while too many wait.
    fn prepare(&mut self) {
        for n in 0..std::mem::take(&mut self.owed) {
            let mut answer = self.answer.clone();
            if self.number.is_some() {
                answer.set_stream(StreamId::new(u64::from(FIRST) + n as u64).with_tag(answer.stream().tag()));
            }
            let mut answer = Event::Head(answer);
            let sent = self.server.encode(&mut answer, &mut Cx::new(&mut self.back, Duration::ZERO));
            assert!(matches!(sent, Ok(Sent::All)));
            self.back.advance(self.back.len());
        }
    }

    fn run(&mut self) {
        for _ in 0..MESSAGES / self.read {
            for n in 0..self.read {
                receive(&mut self.input, &self.requests[n & 1], self.number, self.owed + n);
            }
            loop {
                let mut step = self.server.decode(&mut self.input, &mut Cx::new(&mut self.back, Duration::ZERO));
                match &mut step {
                    Ok(Step::Event(event)) => {
                        self.owed += 1;
                        let Event::Head(head) = &mut *event else { panic!("{event:?}") };
                        (self.look)(head);
                        if self.hold == 0 {
                            self.send(event);
                        } else {
                            self.hold(step);
                        }
                    }
                    Ok(_) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            black_box(self.output.chunk());
            self.output.advance(self.output.len());
        }
        assert_eq!(self.owed, MESSAGES, "every request has come through");
    }
}

/// What a read brings: the `n`th request of a batch.
#[inline(always)]
fn receive(input: &mut BytesMut, request: &[u8], number: Option<Number>, n: usize) {
    let at = input.len();
    input.extend_from_slice(request);
    if let Some(number) = number {
        number(&mut input[at..], FIRST + n as u32);
    }
}

/// What no proxy can do without: the bytes copied in and out, and their buffer counted.
struct Floor {
    requests: [Vec<u8>; 2],
    read: usize,
    number: Option<Number>,
    input: BytesMut,
    output: Vec<u8>,
}

impl Floor {
    fn new(work: &Work) -> Self {
        Self {
            requests: work.requests.clone(),
            read: work.read,
            number: work.number,
            input: BytesMut::with_capacity(BUFFER),
            output: Vec::with_capacity(BUFFER),
        }
    }
}

impl Side for Floor {
    fn run(&mut self) {
        let len = self.requests[0].len();
        for turn in 0..MESSAGES / self.read {
            for n in 0..self.read {
                receive(&mut self.input, &self.requests[n & 1], self.number, turn * self.read + n);
            }
            for _ in 0..self.read {
                let message = self.input.split_to(len).freeze();
                self.output.extend_from_slice(&message);
            }
            black_box(&self.output[..]);
            self.output.clear();
        }
    }
}
