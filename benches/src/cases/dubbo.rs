//! Dubbo requests of 450 bytes through a proxy's two codecs: decoded, looked at, renamed, encoded. The floor is to
//! copy the bytes in and out.

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::{
    Arena, Attribute, Codec, Conn, Cx, DecodeError, Event, Head, Output, Protocol, RoutingKey, Sent, Step, StreamId,
};
use meshwire_dubbo::{Dubbo, value};

use crate::case::{Case, Side, Target};
use crate::samples;

const MESSAGES: usize = 1024;
const BUFFER: usize = 64 * 1024;
/// Heads held in flight.
const HELD: usize = 100;

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, read: usize, held: usize| {
        Case::new(name, "copy floor", MESSAGES as u32, move || Forward::new(read, held), move || Floor::new(read))
            .collecting(4)
            .target(Target::Allocations(0.1))
    };
    let bound = |case: Case| case.target(Target::Over(45.0)).target(Target::Instructions(3.0));
    vec![
        bound(case("dubbo/forward-450/16-a-read", 16, 0)),
        bound(case("dubbo/forward-450/1-a-read", 1, 0)),
        case("dubbo/forward-450/100-in-flight", 16, HELD),
    ]
}

/// Reads what a Dubbo route matches.
fn look(head: &Head) {
    black_box(head.attribute(Attribute::Service).value());
    black_box(head.attribute(Attribute::Method).value());
    black_box(head.attribute(Attribute::Version).value());
}

struct Forward {
    server: Box<dyn Codec>,
    client: Box<dyn Codec>,
    request: Vec<u8>,
    read: usize,
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
    fn new(read: usize, hold: usize) -> Self {
        let protocol: Box<dyn Protocol> = black_box(Box::new(Dubbo::default()));
        Self {
            server: black_box(protocol.codec(Conn::server())),
            client: black_box(protocol.codec(Conn::client())),
            request: samples::dubbo(450),
            read,
            input: BytesMut::with_capacity(BUFFER),
            answer: value(StreamId::new(1), "reserved"),
            owed: 0,
            back: Output::new(),
            output: Output::new(),
            next_id: 0,
            held: VecDeque::with_capacity(HELD + 1),
            hold,
            arena: Arena::new(),
        }
    }
}

impl Forward {
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
        for _ in 0..std::mem::take(&mut self.owed) {
            let mut answer = Event::Head(self.answer.clone());
            let sent = self.server.encode(&mut answer, &mut Cx::new(&mut self.back, Duration::ZERO));
            assert!(matches!(sent, Ok(Sent::All)));
            self.back.advance(self.back.len());
        }
    }

    fn run(&mut self) {
        for _ in 0..MESSAGES / self.read {
            for _ in 0..self.read {
                self.input.extend_from_slice(&self.request);
            }
            loop {
                let mut step = self.server.decode(&mut self.input, &mut Cx::new(&mut self.back, Duration::ZERO));
                match &mut step {
                    Ok(Step::Event(event)) => {
                        self.owed += 1;
                        let Event::Head(head) = &*event else { panic!("{event:?}") };
                        look(head);
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

/// What no proxy can do without: the bytes copied in and out, and their buffer counted.
struct Floor {
    request: Vec<u8>,
    read: usize,
    input: BytesMut,
    output: Vec<u8>,
}

impl Floor {
    fn new(read: usize) -> Self {
        Self {
            request: samples::dubbo(450),
            read,
            input: BytesMut::with_capacity(BUFFER),
            output: Vec::with_capacity(BUFFER),
        }
    }
}

impl Side for Floor {
    fn run(&mut self) {
        let n = self.request.len();
        for _ in 0..MESSAGES / self.read {
            for _ in 0..self.read {
                self.input.extend_from_slice(&self.request);
            }
            for _ in 0..self.read {
                let message = self.input.split_to(n).freeze();
                self.output.extend_from_slice(&message);
            }
            black_box(&self.output[..]);
            self.output.clear();
        }
    }
}
