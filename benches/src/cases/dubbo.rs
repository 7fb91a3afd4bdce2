//! Dubbo requests of 450 bytes, forwarded.

use std::hint::black_box;

use meshwire::{Attribute, Depth, RoutingKey, StreamId};
use meshwire_dubbo::{Dubbo, value};

use super::forward::Work;
use crate::case::{Case, Target};
use crate::samples;

pub(super) fn cases() -> Vec<Case> {
    let work = Work {
        protocol: || Box::new(Dubbo::default()),
        requests: [samples::dubbo(450), samples::dubbo(450)],
        answer: value(StreamId::new(1), "reserved"),
        depth: Depth::ROUTE,
        // What a Dubbo route matches.
        look: |head| {
            black_box(head.attribute(Attribute::Service).value());
            black_box(head.attribute(Attribute::Method).value());
            black_box(head.attribute(Attribute::Version).value());
        },
        read: 16,
        held: 0,
        number: None,
    };
    let bound = |case: Case| case.target(Target::Over(45.0)).target(Target::Instructions(3.0));
    vec![
        bound(work.clone().case("dubbo/forward-450/16-a-read")),
        bound(Work { read: 1, ..work.clone() }.case("dubbo/forward-450/1-a-read")),
        Work { held: 100, ..work }.case("dubbo/forward-450/100-in-flight"),
    ]
}
