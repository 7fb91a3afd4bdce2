//! What each target does with its input.

use meshwire::Protocol;
use meshwire::testkit::toy;
use meshwire_dubbo::Dubbo;
use meshwire_http1::Http1;
use meshwire_http2::Http2;
use meshwire_sofarpc::Bolt;
use meshwire_thrift::{Thrift, Transport};

use crate::{dubbo, hessian, hpack, joined, relayed, routes, spliced};

/// A target: any bytes, and a panic where something does not hold.
pub type Target = fn(&[u8]);

/// Every target, by name.
pub const ALL: &[(&str, Target)] = &[
    ("bolt", bolt),
    ("bridge", bridge),
    ("dubbo", dubbo),
    ("framed", framed),
    ("hessian", hessian),
    ("hpack", hpack),
    ("http1", http1),
    ("http2", http2),
    ("joined", joined),
    ("mux", mux),
    ("routes", routes),
    ("splice", splice),
    ("thrift", thrift),
    ("thrift_unframed", thrift_unframed),
];

/// Bolt, both roles.
pub fn bolt(data: &[u8]) {
    relayed::run(&Bolt::default(), data);
}

/// One version of HTTP from whoever asks and another to whoever answers, or the same.
pub fn bridge(data: &[u8]) {
    let (one, two) = (Http1::default(), Http2::default());
    // It reads one direction only, and holds nobody to what the other one announced.
    let observer = Http2::default().observe(true);
    let which = relayed::protocols_of(data);
    let down: &dyn Protocol = if which & 1 == 0 { &one } else { &two };
    let (up, reader): (&dyn Protocol, &dyn Protocol) =
        if (which ^ which >> 1) & 1 == 0 { (&two, &observer) } else { (&one, &one) };
    relayed::bridge(down, up, reader, data);
}

/// Dubbo, both roles; each message edited, whole and as it streams.
pub fn dubbo(data: &[u8]) {
    relayed::run(&Dubbo::default(), data);
    dubbo::run(data);
}

/// The length-framed toy of the kit, both roles: a checksum, an id of variable length, fields behind the body.
pub fn framed(data: &[u8]) {
    relayed::run(&toy::Framed, data);
}

/// Values of Hessian in pieces, beside a slow decoder.
pub fn hessian(data: &[u8]) {
    hessian::run(data);
}

/// Blocks of HPACK, beside another decoder.
pub fn hpack(data: &[u8]) {
    hpack::run(data);
}

/// HTTP/1.1, both roles.
pub fn http1(data: &[u8]) {
    relayed::run(&Http1::default(), data);
}

/// HTTP/2, both roles.
pub fn http2(data: &[u8]) {
    relayed::run(&Http2::default(), data);
}

/// A client and a server codec, and what lies between them changed on the way.
pub fn joined(data: &[u8]) {
    let (thrift, thrift_in) = (Thrift::new(), |transport| Thrift::new().with_transport(transport));
    let unframed = thrift_in(Transport::Unframed);
    let protocol: &dyn Protocol = match joined::protocol_of(data) {
        0 => &Http1::default(),
        1 => &Dubbo::default(),
        3 => &toy::Mux,
        4 => &Http2::default(),
        5 => &Bolt::default(),
        6 => &thrift,
        7 => &unframed,
        // From whatever a client speaks to what its server does.
        8 => return joined::run(&thrift, &thrift_in(Transport::Framed), data),
        9 => return joined::run(&thrift, &thrift_in(Transport::TTHeader), data),
        10 => return joined::run(&thrift, &unframed, data),
        _ => &toy::Framed,
    };
    joined::run(protocol, protocol, data);
}

/// The multiplexed toy of the kit, both roles: credit, streams refused and reset, ids given as they are written.
pub fn mux(data: &[u8]) {
    relayed::run(&toy::Mux, data);
}

/// A route document, and lookups in its table.
pub fn routes(data: &[u8]) {
    routes::run(data);
}

/// Two HTTP/2 connections as one.
pub fn splice(data: &[u8]) {
    spliced::run(data);
}

/// Thrift as its first message has it, both roles.
pub fn thrift(data: &[u8]) {
    relayed::run(&Thrift::new(), data);
}

/// Thrift without frames, both roles: messages end where their structs do.
pub fn thrift_unframed(data: &[u8]) {
    relayed::run(&Thrift::new().with_transport(Transport::Unframed), data);
}
