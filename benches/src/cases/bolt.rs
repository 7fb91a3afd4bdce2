//! Bolt requests of 450 bytes with six entries in their header map, forwarded; and what the checksum costs.

use std::hint::black_box;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::{Attribute, Codec, Conn, Cx, Depth, Event, Head, Output, Protocol, RoutingKey, Step, StreamId};
use meshwire_sofarpc::{Answer, Bolt, Version};

use super::forward::{Forward, MESSAGES, Work};
use crate::case::{Case, Side, Target};
use crate::samples;

pub(super) fn cases() -> Vec<Case> {
    let with = |version| Work {
        protocol: || Box::new(Bolt::new()),
        requests: [samples::bolt(450, version), samples::bolt(450, version)],
        answer: Answer::default().head(StreamId::new(1)),
        depth: Depth::ROUTE,
        look,
        read: 16,
        held: 0,
        number: None,
    };
    let v1 = with(Version::V1);
    let bound = |case: Case| case.target(Target::Over(45.0)).target(Target::Instructions(3.0));
    let checked = with(Version::V2Checked);
    // The four bytes of a checksum longer: as much is copied.
    let unchecked = with(Version::V2Unchecked);
    vec![
        Work { depth: Depth::BOUNDARY, look: |_| {}, ..v1.clone() }
            .case("bolt/forward-450/boundary")
            .target(Target::Over(30.0)),
        bound(v1.clone().case("bolt/forward-450/16-a-read")),
        bound(Work { read: 1, ..v1.clone() }.case("bolt/forward-450/1-a-read")),
        bound(with(Version::V2).case("bolt/forward-450/v2")),
        Work { depth: Depth::ALL, look: look_at_all, ..v1.clone() }.case("bolt/forward-450/all-fields"),
        // Another method each time: no map has the shape of the last one.
        Work { requests: varied(), ..v1.clone() }.case("bolt/forward-450/varied"),
        Work { held: 100, ..v1.clone() }.case("bolt/forward-450/100-in-flight"),
        edited(&v1),
        Case::new(
            "bolt/crc/forward-450",
            "without",
            MESSAGES as u32,
            move || Forward::new(&checked),
            move || Forward::new(&unchecked),
        )
        .collecting(4)
        .target(Target::Over(40.0))
        .target(Target::Allocations(0.1)),
        Case::new(
            "bolt/crc/64-kib",
            "without",
            1,
            || Large::new(Version::V2Checked),
            || Large::new(Version::V2Unchecked),
        )
        // 5 GB/s.
        .target(Target::Over(LARGE as f64 / 5.0)),
    ]
}

/// Calls of two methods.
fn varied() -> [Vec<u8>; 2] {
    ["reserve", "release-all"].map(|method| samples::bolt_call(450, Version::V1, method))
}

/// Reads what a Bolt route matches.
fn look(head: &mut Head) {
    black_box(head.attribute(Attribute::Service).value());
    black_box(head.attribute(Attribute::Method).value());
    black_box(head.attribute(Attribute::Version).value());
}

fn look_at_all(head: &mut Head) {
    look(head);
    for field in head.fields().into_iter().flatten() {
        black_box(field);
    }
}

/// A head with a field more is built anew, and allocates for it.
fn edited(work: &Work) -> Case {
    let edit = |head: &mut Head| {
        look(head);
        assert!(head.set_field(b"rpc_trace_context.sofaRpcId", b"0.1.2.1").is_ok());
    };
    let mut case = Work { look: edit, ..work.clone() }.case("bolt/forward-450/edited");
    case.targets.clear();
    case
}

const LARGE: usize = 64 * 1024;

/// A message of 64 KiB that is decoded.
struct Large {
    codec: Box<dyn Codec>,
    request: Vec<u8>,
    input: BytesMut,
    output: Output,
}

impl Large {
    fn new(version: Version) -> Self {
        let mut codec = black_box(Bolt::new().codec(Conn::server()));
        codec.set_depth(&std::sync::Arc::new(Depth::BOUNDARY));
        Self { codec, request: samples::bolt(LARGE, version), input: BytesMut::new(), output: Output::new() }
    }
}

impl Side for Large {
    fn prepare(&mut self) {
        self.codec = black_box(Bolt::new().codec(Conn::server()));
    }

    fn run(&mut self) {
        self.input.extend_from_slice(&self.request);
        let step = self.codec.decode(&mut self.input, &mut Cx::new(&mut self.output, Duration::ZERO));
        assert!(matches!(step, Ok(Step::Event(Event::Head(_)))));
        black_box(&step);
    }
}
