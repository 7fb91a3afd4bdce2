//! Exchanges through a relay that has many others under way, against one that has few: what is open must cost the others nothing.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use meshwire::{Conn, Endpoint, Limits, Link, Protocol, Relay, RelayStep, StreamId};
use meshwire_dubbo::{Dubbo, value};
use meshwire_sofarpc::{Answer, Bolt, Version};
use meshwire_thrift::{Encoding, Thrift, Transport};

use crate::case::{Case, Side, Target};
use crate::samples;

/// Exchanges of a batch.
const MESSAGES: usize = 256;
const FEW: usize = 10;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, wire) in [("dubbo-450", dubbo as fn() -> Wire), ("bolt-450", bolt), ("thrift-450", thrift)] {
        for open in [1_000, 10_000] {
            let side = |open| move || Exchanges::new(wire(), open);
            let case = Case::new(
                format!("relay/{name}/{open}-in-flight"),
                "10 in flight",
                MESSAGES as u32,
                side(open),
                side(FEW),
            );
            cases.push(case.collecting(1).own_prepare().target(Target::Instructions(2.0)));
        }
    }
    cases
}

/// A request and its answer, as they stand on the wire.
struct Wire {
    protocol: Box<dyn Protocol>,
    request: Vec<u8>,
    answer: Vec<u8>,
    /// Writes an id into either.
    number: fn(&mut [u8], u32),
}

fn dubbo() -> Wire {
    Wire {
        protocol: Box::new(Dubbo::default()),
        request: samples::dubbo(450),
        answer: value(StreamId::new(0), "reserved").bytes().to_vec(),
        number: |frame, id| frame[4..12].copy_from_slice(&u64::from(id).to_be_bytes()),
    }
}

fn bolt() -> Wire {
    Wire {
        protocol: Box::new(Bolt::new()),
        request: samples::bolt(450, Version::V1),
        answer: Answer::default().head(StreamId::new(1)).bytes().to_vec(),
        number: |frame, id| frame[5..9].copy_from_slice(&id.to_be_bytes()),
    }
}

fn thrift() -> Wire {
    let asked = meshwire_thrift::Call::new("").head(1);
    Wire {
        protocol: Box::new(Thrift::new()),
        request: samples::thrift(450, Transport::Framed, Encoding::Binary, 1),
        answer: meshwire_thrift::Answer::new("Stock:reserve").head(asked.stream()).bytes().to_vec(),
        // Behind the frame's length, the version, and the name and its length.
        number: |frame, id| {
            let at = 12 + usize::from(frame[11]);
            frame[at..at + 4].copy_from_slice(&id.to_be_bytes());
        },
    }
}

struct Exchanges {
    relay: Relay,
    link: Link,
    wire: Wire,
    next_id: u32,
}

impl Exchanges {
    /// A relay with so many exchanges that nobody answers.
    fn new(wire: Wire, open: usize) -> Self {
        let mut limits = Limits::default();
        (limits.open, limits.window) = (open + 2 * MESSAGES, usize::MAX);
        let limits = Arc::new(limits);
        let end = |conn: Conn| Endpoint::new(wire.protocol.codec(conn.with_limits(Arc::clone(&limits))));
        let mut relay = Relay::new(end(Conn::server()));
        let link = relay.connect(end(Conn::client()), &wire.protocol.traits());
        let mut exchanges = Self { relay, link, wire, next_id: 0 };
        for n in 0..open {
            exchanges.ask(Duration::from_secs(60 + n as u64 % 7));
        }
        assert_eq!(exchanges.relay.open(), open);
        exchanges
    }

    /// Sends a request that has until `due`, under the next id.
    fn ask(&mut self, due: Duration) {
        self.next_id += 1;
        (self.wire.number)(&mut self.wire.request, self.next_id);
        self.relay.downstream().input().extend_from_slice(&self.wire.request);
        let RelayStep::Request(exchange, head) = self.relay.poll() else { panic!("a request was sent") };
        self.relay.set_deadline(exchange, due);
        self.relay.forward(exchange, self.link, head);
        assert!(matches!(self.relay.poll(), RelayStep::Idle));
        black_box(self.relay.next_deadline());
        let upstream = self.relay.upstream(self.link).expect("it is there").output_mut();
        assert_eq!(upstream.len(), self.wire.request.len());
        upstream.advance(self.wire.request.len());
    }

    fn answer(&mut self, id: u32) {
        (self.wire.number)(&mut self.wire.answer, id);
        self.relay.upstream(self.link).expect("it is there").input().extend_from_slice(&self.wire.answer);
        assert!(matches!(self.relay.poll(), RelayStep::Done(_)));
        assert!(matches!(self.relay.poll(), RelayStep::Idle));
        let downstream = self.relay.downstream().output_mut();
        assert_eq!(downstream.len(), self.wire.answer.len());
        downstream.advance(self.wire.answer.len());
    }
}

impl Side for Exchanges {
    fn run(&mut self) {
        // The last is answered first: nobody may count on an order.
        let first = self.next_id + 1;
        for _ in 0..MESSAGES {
            self.ask(Duration::from_secs(30));
        }
        for id in (first..=self.next_id).rev() {
            self.answer(id);
        }
    }
}
