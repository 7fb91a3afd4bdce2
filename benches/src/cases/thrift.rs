//! Thrift calls of 450 bytes, forwarded, and read by other libraries; and structs of 64 KiB, in which the end is looked for.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use ::thrift::protocol::{TBinaryInputProtocol, TInputProtocol, TType};
use bytes::{Bytes, BytesMut};
use meshwire::{Attribute, Codec, Conn, Cx, Depth, Event, Output, Protocol, RoutingKey, Step, StreamId};
use meshwire_thrift::{Answer, Call, Encoding, Thrift, Transport};

use super::forward::{FIRST, Forward, MESSAGES, Number, Work};
use crate::case::{Case, Side, Target};
use crate::{samples, structs};

pub(super) fn cases() -> Vec<Case> {
    let framed = work(Transport::Framed, Encoding::Binary, |request, id| {
        // Behind the frame's length, the version, and the name and its length.
        request[25..29].copy_from_slice(&id.to_be_bytes());
    });
    let compact = work(Transport::Framed, Encoding::Compact, |request, id| {
        request[6..9].copy_from_slice(&[id as u8 | 0x80, (id >> 7) as u8 | 0x80, (id >> 14) as u8]);
    });
    // Once in the header, and once in the message behind it.
    let header: Number = |request, id| {
        let message_at = 14 + 4 * usize::from(u16::from_be_bytes([request[12], request[13]]));
        for at in [8, message_at + 21] {
            request[at..at + 4].copy_from_slice(&id.to_be_bytes());
        }
    };
    let bound = |case: Case| case.target(Target::Over(45.0)).target(Target::Instructions(3.0));
    vec![
        bound(framed.clone().case("thrift/forward-450/16-a-read")),
        bound(Work { read: 1, ..framed.clone() }.case("thrift/forward-450/1-a-read")),
        bound(compact.case("thrift/forward-450/compact")),
        bound(work(Transport::TTHeader, Encoding::Binary, header).case("thrift/forward-450/ttheader")),
        bound(work(Transport::THeader, Encoding::Binary, header).case("thrift/forward-450/theader")),
        Work { held: 100, ..framed.clone() }.case("thrift/forward-450/100-in-flight"),
        head(&framed, "thrift/head/framed-450", "thrift", read).target(Target::Time(0.2)),
        head(&framed, "thrift/head/framed-450-pilota", "pilota", read_by_pilota),
        skip("thrift/skip/strings", structs::strings(Encoding::Binary, 19)),
        skip("thrift/skip/nested", structs::nested(Encoding::Binary, 320)),
    ]
}

fn work(transport: Transport, encoding: Encoding, number: Number) -> Work {
    let request = samples::thrift(450, transport, encoding, FIRST);
    let asked = Call::new("").in_transport(transport).in_encoding(encoding).head(FIRST.into());
    Work {
        protocol: || Box::new(Thrift::new()),
        requests: [request.clone(), request],
        answer: Answer::new("reserve").head(asked.stream()),
        depth: Depth::ROUTE,
        // What a Thrift route matches.
        look: |head| {
            black_box(head.attribute(Attribute::Service).value());
            black_box(head.attribute(Attribute::Method).value());
        },
        read: 16,
        held: 0,
        number: Some(number),
    }
}

/// Forwarding, against a library that only reads a message's begin and skips its arguments.
fn head(work: &Work, name: &str, peer: &'static str, read: fn(&Bytes)) -> Case {
    let (work, message) = (work.clone(), Bytes::from(work.requests[0][4..].to_vec()));
    let theirs = move || Reader { message: message.clone(), read: black_box(read), times: MESSAGES };
    Case::new(name, peer, MESSAGES as u32, move || Forward::new(&work), theirs).collecting(4)
}

/// A message that is there, read over and over.
struct Reader {
    message: Bytes,
    read: fn(&Bytes),
    times: usize,
}

impl Side for Reader {
    fn run(&mut self) {
        for _ in 0..self.times {
            (self.read)(black_box(&self.message));
        }
    }
}

fn read(message: &Bytes) {
    let mut protocol = TBinaryInputProtocol::new(&message[..], true);
    black_box(protocol.read_message_begin().expect("a begin"));
    protocol.skip(TType::Struct).expect("a struct");
}

fn read_by_pilota(message: &Bytes) {
    use pilota::thrift::TInputProtocol as _;
    let mut message = message.clone();
    let mut protocol = pilota::thrift::binary::TBinaryProtocol::new(&mut message, true);
    black_box(protocol.read_message_begin().expect("a begin"));
    protocol.skip(pilota::thrift::TType::Struct).expect("a struct");
}

/// A message without a frame, decoded at 1 GB/s at least; the peer only looks for its end. Where each string begins is known
/// once the last one's length is loaded: among strings, time is that of memory, and instructions say more.
fn skip(name: &str, arguments: Vec<u8>) -> Case {
    let message = samples::thrift_one_way(arguments);
    let within = message.len() as f64;
    let theirs = Bytes::from(message.clone());
    let theirs = move || Reader { message: theirs.clone(), read: black_box(read), times: 1 };
    Case::new(name, "thrift", 1, move || Unframed::new(message.clone()), theirs)
        .own_prepare()
        .target(Target::Within(within))
        .target(Target::Time(1.0 / 3.0))
        .target(Target::Instructions(1.0 / 3.0))
}

struct Unframed {
    codec: Box<dyn Codec>,
    message: Vec<u8>,
    input: BytesMut,
    output: Output,
    /// Data that came with the last message.
    data: usize,
}

impl Unframed {
    fn new(message: Vec<u8>) -> Self {
        let codec = black_box(Thrift::new().codec(Conn::server().with_depth(Arc::new(Depth::ROUTE))));
        Self { codec, message, input: BytesMut::new(), output: Output::new(), data: 0 }
    }
}

impl Side for Unframed {
    fn prepare(&mut self) {
        let released = std::mem::take(&mut self.data);
        self.codec.release(StreamId::new(1), released, &mut Cx::new(&mut self.output, Duration::ZERO));
        self.input.extend_from_slice(&self.message);
    }

    fn run(&mut self) {
        let step = self.codec.decode(&mut self.input, &mut Cx::new(&mut self.output, Duration::ZERO));
        let Ok(Step::Event(Event::Head(head))) = &step else { panic!("{step:?}") };
        assert!(head.is_end() && self.input.is_empty(), "the end is found");
        self.data = head.data().len();
        black_box(&step);
    }
}
