//! What meshwire does with a Dubbo request that a peer reads, too.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::{
    Attribute, Codec, Conn, Cx, Depth, Event, Head, Limits, Output, Protocol, RoutingKey, Sent, Step, StreamId,
};
use meshwire_dubbo::Dubbo;
use meshwire_hessian::{Dialect, Progress, Scanner};

use crate::case::Side;
use crate::invocations::ATTACHMENT;

/// Values one behind the other, whose ends are looked for.
#[derive(Debug)]
pub struct Scan {
    scanner: Scanner,
    bytes: Vec<u8>,
    values: usize,
}

impl Scan {
    /// A scan of `bytes`, which are so many values.
    pub fn new(bytes: Vec<u8>, values: usize) -> Self {
        let scanner = Scanner::new(Dialect::Hessian2, meshwire_hessian::Limits::default());
        Self { scanner, bytes, values }
    }
}

impl Side for Scan {
    fn run(&mut self) {
        self.scanner.reset();
        let mut rest = black_box(&self.bytes[..]);
        for _ in 0..self.values {
            match self.scanner.skip(rest) {
                Ok(Progress::Done(n)) => rest = &rest[n..],
                other => panic!("{other:?}"),
            }
        }
        assert!(rest.is_empty(), "every value has ended");
    }
}

/// Requests received as a proxy does that routes by an attachment: copied into the read buffer, decoded, looked at.
pub struct Receive {
    codec: Box<dyn Codec>,
    frame: Vec<u8>,
    batch: usize,
    input: BytesMut,
    output: Output,
    answer: Head,
    owed: Vec<(StreamId, usize)>,
}

impl Receive {
    /// So many requests in a batch. A frame is waited for whole, however large it is.
    pub fn new(frame: Vec<u8>, batch: usize) -> Self {
        let mut limits = Limits::default();
        limits.whole = limits.whole.max(frame.len());
        limits.window = limits.window.max(2 * batch * frame.len());
        let conn = Conn::server().with_limits(Arc::new(limits));
        let depth = Depth::ROUTE.with(Attribute::Group).with_field(ATTACHMENT.0);
        Self {
            codec: black_box(Dubbo::default().codec(conn.with_depth(Arc::new(depth)))),
            frame,
            batch,
            input: BytesMut::new(),
            output: Output::new(),
            answer: meshwire_dubbo::value(StreamId::new(1), "reserved"),
            owed: Vec::new(),
        }
    }
}

impl Side for Receive {
    /// Answers what the last batch asked: a server reads no further while too many wait.
    fn prepare(&mut self) {
        let cx = &mut Cx::new(&mut self.output, Duration::ZERO);
        for (stream, data) in self.owed.drain(..) {
            self.codec.release(stream, data, cx);
            let mut answer = self.answer.clone();
            answer.set_stream(stream);
            let sent = self.codec.encode(&mut Event::Head(answer), cx);
            assert!(matches!(sent, Ok(Sent::All)), "{sent:?}");
        }
        self.output.advance(self.output.len());
    }

    fn run(&mut self) {
        for _ in 0..self.batch {
            self.input.extend_from_slice(&self.frame);
            let step = self.codec.decode(&mut self.input, &mut Cx::new(&mut self.output, Duration::ZERO));
            let Ok(Step::Event(Event::Head(head))) = &step else { panic!("{step:?}") };
            assert!(head.is_end(), "all of it is there");
            black_box(head.attribute(Attribute::Service).value());
            assert_eq!(head.field(ATTACHMENT.0.as_bytes()).value(), Some(ATTACHMENT.1.as_bytes()));
            self.owed.push((head.stream(), head.data().len()));
        }
    }
}
