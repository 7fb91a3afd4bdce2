//! What the kit is run with.

use crate::outcome::Outcome;
use crate::testkit::sample::Sample;
use crate::testkit::toy::fields::{put_field, status_of};

use super::wire::{self, put};

fn head(stream: u32, flags: u8, names: &[&str], fields: &[(&str, &str)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for name in names {
        payload.push(name.len() as u8);
        payload.extend_from_slice(name.as_bytes());
    }
    fields.iter().for_each(|(name, value)| put_field(name.as_bytes(), value.as_bytes(), &mut payload));
    frame(wire::HEAD, flags, stream, &payload)
}

fn answer(stream: u32, flags: u8, outcome: Outcome, fields: &[(&str, &str)]) -> Vec<u8> {
    let mut payload = vec![status_of(outcome)];
    fields.iter().for_each(|(name, value)| put_field(name.as_bytes(), value.as_bytes(), &mut payload));
    frame(wire::HEAD, flags, stream, &payload)
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(kind, flags, stream, payload, &mut out);
    out
}

fn data(stream: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(wire::DATA, flags, stream, payload)
}

fn settings(streams: u16, window: u32) -> Vec<u8> {
    let mut payload = streams.to_be_bytes().to_vec();
    payload.extend_from_slice(&window.to_be_bytes());
    frame(wire::SETTINGS, 0, 0, &payload)
}

/// Two connections: exchanges, with a request that must be refused and the front of a large one; and what goes wrong
/// with single streams.
pub fn samples() -> Vec<Sample> {
    let preface = [wire::PREFACE.to_vec(), settings(8, 65_536)].concat();
    let requests = [
        preface.clone(),
        head(1, 0, &["shop.Cart", "add"], &[("tenant", "blue")]),
        head(3, wire::END, &["shop.Cart", "list"], &[]),
        data(1, 0, b"one "),
        frame(wire::PING, 0, 0, b"pingping"),
        head(5, wire::ONE_WAY, &["log.Sink", "write"], &[]),
        data(1, 0, b""),
        data(5, wire::END, b"a line"),
        data(1, wire::END, b"book"),
    ];
    let responses = [
        settings(8, 65_536),
        answer(3, 0, Outcome::Success, &[("took", "3ms")]),
        frame(wire::WINDOW, 0, 1, &[0, 0, 1, 0]),
        answer(1, 0, Outcome::Exception, &[]),
        data(3, 0, b"nothing"),
        data(1, wire::END, b"out of stock"),
        frame(wire::PING, 0, 0, b"gnipgnip"),
        frame(wire::WINDOW, 0, 1, &[0, 0, 1, 0]),
        data(3, wire::END, b" yet"),
        frame(wire::GO_AWAY, 0, 0, &[0, 0, 0, 5]),
    ];
    // A name that ends behind its frame.
    let bad = frame(wire::HEAD, wire::END, 7, &[200, b'x']);
    let next = head(9, wire::END, &["shop.Cart", "add"], &[]);
    let large = [preface.clone(), head(1, 0, &["shop.Import", "all"], &[])].concat();
    let given_up = [
        preface,
        head(1, 0, &["shop.Export", "all"], &[]),
        data(1, 0, b"from"),
        frame(wire::RESET, 0, 1, &[0]),
        frame(wire::WINDOW, 0, 1, &[0, 0, 1, 0]),
        head(3, wire::END, &["shop.Export", "some"], &[("from", "7")]),
    ];
    let refused = [settings(8, 65_536), frame(wire::RESET, 0, 3, &[2])];
    vec![
        Sample::new("exchanges", requests.concat(), responses.concat())
            .with_bad_request(bad, next)
            .with_large_request(large, None),
        Sample::new("given up", given_up.concat(), refused.concat()),
    ]
}
