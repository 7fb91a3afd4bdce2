//! What the conformance kit asks of every codec.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use common::*;
use meshwire::testkit::{Kit, Sample, assert_conforms};
use meshwire_http2::{Http2, grpc};

fn samples() -> Vec<Sample> {
    let hello = hello();
    let said = settings(&[(3, 100), (4, 262_144)]);
    vec![
        Sample::new("get", [hello.clone(), headers(1, true, GET)].concat(), {
            [said.clone(), headers(1, false, &[(":status", "200"), ("server", "x")]), data(1, true, b"hello")].concat()
        }),
        Sample::new(
            "several",
            [
                hello.clone(),
                ack(),
                headers(1, false, POST),
                data(1, false, b"one "),
                headers(3, true, GET),
                frame(PING, 0, 0, b"pingping"),
                data(1, true, b"two"),
                frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 16]),
                headers(5, true, &[(":method", "HEAD"), (":scheme", "http"), (":path", "/"), (":authority", "h")]),
            ]
            .concat(),
            [
                said.clone(),
                ack(),
                headers(3, false, &[(":status", "404"), ("content-length", "4")]),
                headers(1, false, &[(":status", "103"), ("link", "</a.css>")]),
                headers(1, true, &[(":status", "204")]),
                data(3, false, b"lo"),
                frame(PING, ACK, 0, b"\0\0\0\0\0\0\0\x01"),
                data(3, true, b"st"),
                headers(5, true, &[(":status", "200"), ("content-length", "17")]),
                goaway(5, 0),
            ]
            .concat(),
        ),
        Sample::new(
            "in pieces",
            [
                hello.clone(),
                frame(HEADERS, END_STREAM, 1, &block(GET)[..5]),
                frame(CONTINUATION, 0, 1, &block(GET)[5..9]),
                frame(CONTINUATION, END_HEADERS, 1, &block(GET)[9..]),
                frame(HEADERS, END_HEADERS | PADDED | PRIORITIZED, 3, &{
                    [vec![3, 0x80, 0, 0, 1, 7], block(POST), vec![0; 3]].concat()
                }),
                frame(DATA, PADDED | END_STREAM, 3, b"\x04body\0\0\0\0"),
            ]
            .concat(),
            [said, headers(1, true, OK), headers(3, true, OK)].concat(),
        ),
        Sample::new(
            "given up",
            [hello.clone(), headers(1, false, POST), data(1, false, b"x"), rst(1, CANCEL)].concat(),
            settings(&[]),
        ),
        Sample::new(
            "large",
            [hello.clone(), headers(1, true, GET)].concat(),
            [settings(&[]), headers(1, true, OK)].concat(),
        )
        .with_large_request([hello, headers(1, false, POST)].concat(), None),
    ]
}

/// gRPC has fewer codes than there are outcomes.
fn calls() -> Sample {
    let trailers: Pairs<'_> = &[("grpc-status", "5"), ("grpc-message", "no such cart")];
    let call = [(":status", "200"), ("content-type", "application/grpc")];
    Sample::new(
        "calls",
        [hello(), headers(1, false, CALL), data(1, true, b"\0\0\0\0\x02hi"), headers(3, true, CALL)].concat(),
        [
            settings(&[(3, 100)]),
            headers(1, false, &call),
            data(1, false, b"\0\0\0\0\x02ho"),
            headers(1, true, &[("grpc-status", "0")]),
            headers(3, true, &[&call[..], trailers].concat()),
        ]
        .concat(),
    )
}

// These change what the message is.
const OWN: [&str; 3] = ["content-type", "grpc-timeout", "content-length"];

#[test]
fn nor_of_calls() {
    let http = Http2::default();
    let kit = Kit::new(&http).with_sample(calls()).with_own_fields(&OWN).with_mutations(300);
    assert_conforms(&kit.with_outcomes(|outcome| grpc::outcome(grpc::code(outcome))));
}

#[test]
fn the_kit_has_nothing_to_say() {
    assert_conforms(&Kit::new(&Http2::default()).with_samples(samples()).with_own_fields(&OWN).with_mutations(300));
}
