//! HTTP/1.1 request heads, from bytes to a `Head` whose framing is decided and whose routing key is there, against
//! httparse alone.

use std::hint::black_box;
use std::time::Duration;

use bytes::BytesMut;
use httparse::EMPTY_HEADER;
use meshwire::{Attribute, Codec, Conn, Cx, Event, Head, Output, Protocol, RoutingKey, Step, StreamId};
use meshwire_http1::{Http1, response};

use crate::case::{Case, Side, Target};
use crate::samples;

/// Heads read in one go: they stay in the first-level cache.
const BATCH: u32 = 32;

pub(super) fn cases() -> Vec<Case> {
    [("http1/head/browser-703", samples::BROWSER), ("http1/head/rpc-312", samples::RPC)]
        .into_iter()
        .map(|(name, sample)| {
            Case::new(name, "httparse", BATCH, move || Decode::new(sample), move || Httparse::new(sample))
                .target(Target::Over(60.0))
                .target(Target::Instructions(1.5))
                .target(Target::Allocations(0.1))
        })
        .collect()
}

/// A server's codec that reads pipelined requests; they are answered between the batches.
struct Decode {
    codec: Box<dyn Codec>,
    requests: Vec<u8>,
    answer: Event,
    streams: Vec<StreamId>,
    input: BytesMut,
    output: Output,
}

impl Decode {
    fn new(request: &[u8]) -> Self {
        Self {
            codec: black_box(Http1::default().codec(Conn::server())),
            requests: request.repeat(BATCH as usize),
            answer: response(200, &[], "").expect("an answer"),
            streams: Vec::with_capacity(BATCH as usize),
            input: BytesMut::with_capacity(64 * 1024),
            output: Output::new(),
        }
    }
}

impl Side for Decode {
    fn prepare(&mut self) {
        for stream in self.streams.drain(..) {
            let mut answer = self.answer.clone();
            answer.set_stream(stream);
            let _ = self.codec.encode(&mut answer, &mut Cx::new(&mut self.output, Duration::ZERO)).expect("encoded");
        }
        self.output.advance(self.output.len());
        self.input.reserve(64 * 1024);
        self.input.extend_from_slice(&self.requests);
    }

    fn run(&mut self) {
        let cx = &mut Cx::new(&mut self.output, Duration::ZERO);
        loop {
            match self.codec.decode(&mut self.input, cx) {
                Ok(Step::Event(Event::Head(head))) => {
                    look(&head);
                    let (stream, n) = (head.stream(), head.data().len());
                    self.streams.push(stream);
                    drop(head);
                    if n > 0 {
                        self.codec.release(stream, n, cx);
                    }
                }
                Ok(Step::Event(event)) => assert!(matches!(event, Event::Capacity { .. }), "{event:?}"),
                Ok(_) => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(self.streams.len(), BATCH as usize);
    }
}

/// What a proxy does with a key before it looks for a route.
pub(super) fn look(head: &Head) {
    black_box(head.host());
    black_box(head.path().ok());
    black_box(head.attribute(Attribute::Method));
    black_box(head.is_end());
}

/// httparse, which knows neither framing nor host.
struct Httparse {
    requests: Vec<u8>,
    request: usize,
}

impl Httparse {
    fn new(request: &[u8]) -> Self {
        Self { requests: request.repeat(BATCH as usize), request: request.len() }
    }
}

impl Side for Httparse {
    fn run(&mut self) {
        for bytes in self.requests.chunks_exact(self.request) {
            let mut headers = [EMPTY_HEADER; 32];
            let mut request = httparse::Request::new(&mut headers);
            let status = request.parse(black_box(bytes)).expect("parsed");
            assert!(status.is_complete());
            black_box(&request);
        }
    }
}
