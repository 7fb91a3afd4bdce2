//! A message that comes a byte at a time, against one of half its size: twice the bytes, twice the work.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::{Codec, Conn, Cx, Limits, Output, Protocol, Step};
use meshwire_dubbo::Dubbo;
use meshwire_http1::Http1;
use meshwire_http2::Http2;
use meshwire_sofarpc::{Bolt, Version};
use meshwire_thrift::Thrift;

use crate::case::{Case, Side, Target};
use crate::samples;

const SIZE: usize = 64 * 1024;

type Message = fn(usize) -> Vec<u8>;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("http1/head", || Box::new(Http1::default()), samples::http1_head, 64 * 1024),
        case("http1/one-field", || Box::new(Http1::default()), samples::http1_field, 64 * 1024),
        case("http1/body", || Box::new(Http1::default()), samples::http1_body, 64 * 1024),
        case("http1/chunks", || Box::new(Http1::default()), samples::http1_chunks, 64 * 1024),
        case("http2/head", || Box::new(Http2::default()), samples::http2_head, 64 * 1024),
        case("http2/body", || Box::new(Http2::default()), samples::http2_body, 64 * 1024),
        case("http2/small-frames", || Box::new(Http2::default()), samples::http2_small, 64 * 1024),
        case("dubbo/whole", || Box::new(Dubbo::default()), samples::dubbo, 64 * 1024),
        // Smaller than the message: it is not waited for, and every byte is another look.
        case("dubbo/streamed", || Box::new(Dubbo::default()), samples::dubbo, 1024),
        case("bolt/checked", || Box::new(Bolt::new()), |n| samples::bolt(n, Version::V2Checked), 64 * 1024),
        case("bolt/streamed", || Box::new(Bolt::new()), |n| samples::bolt(n, Version::V2Checked), 1024),
        case("bolt/header-map", || Box::new(Bolt::new()), samples::bolt_field, 1024),
        case("thrift/whole", || Box::new(Thrift::new()), samples::thrift_framed, 64 * 1024),
        case("thrift/streamed", || Box::new(Thrift::new()), samples::thrift_framed, 1024),
        case("thrift/unframed", || Box::new(Thrift::new()), samples::thrift_unframed, 64 * 1024),
        case("thrift/unframed-streamed", || Box::new(Thrift::new()), samples::thrift_unframed, 1024),
        case("dubbo/long-name", || Box::new(Dubbo::default()), samples::dubbo_name, 1024),
    ]
}

fn case(name: &str, protocol: fn() -> Box<dyn Protocol>, message: Message, whole: usize) -> Case {
    let side = move |size| move || Drip::new(protocol(), message(size), whole);
    Case::new(format!("linear/{name}"), "32 KiB of it", 1, side(SIZE), side(SIZE / 2))
        .collecting(1)
        .own_prepare()
        .target(Target::Instructions(2.3))
}

struct Drip {
    protocol: Box<dyn Protocol>,
    limits: Arc<Limits>,
    codec: Box<dyn Codec>,
    message: Vec<u8>,
    output: Output,
}

impl Drip {
    fn new(protocol: Box<dyn Protocol>, message: Vec<u8>, whole: usize) -> Self {
        let mut limits = Limits::default();
        limits.whole = whole;
        // Fields count for more than their bytes.
        limits.head = 2 * SIZE;
        limits.field = limits.head;
        let limits = Arc::new(limits);
        let codec = protocol.codec(Conn::server().with_limits(Arc::clone(&limits)));
        Self { protocol, limits, codec, message, output: Output::new() }
    }
}

impl Side for Drip {
    fn prepare(&mut self) {
        self.codec = black_box(self.protocol.codec(Conn::server().with_limits(Arc::clone(&self.limits))));
    }

    fn run(&mut self) {
        let cx = &mut Cx::new(&mut self.output, Duration::ZERO);
        let (mut input, mut ended) = (BytesMut::new(), false);
        for byte in &self.message {
            input.extend_from_slice(&[*byte]);
            // Asked again for every byte, whatever the codec says it needs.
            while let Step::Event(event) = self.codec.decode(&mut input, cx).expect("decoded") {
                ended |= event.is_end();
                if let Some(stream) = event.stream() {
                    self.codec.release(stream, event.data_len(), cx);
                }
                black_box(event);
            }
        }
        assert!(ended);
    }
}
