//! HTTP/2: frames to heads and back, data, and servers.

mod data;
mod head;
mod server;

use std::time::Duration;

use bytes::BytesMut;
use meshwire::{Codec, Cx, Event, Output, Sent, Step};

use crate::case::Case;

pub(super) fn cases() -> Vec<Case> {
    [head::cases(), server::cases(), data::cases()].into_iter().flatten().collect()
}

/// Hands `bytes` to a codec that makes nothing but what `sink` gets of them.
fn feed(codec: &mut dyn Codec, bytes: &[u8], output: &mut Output, mut sink: impl FnMut(Event)) {
    let mut input = BytesMut::from(bytes);
    while let Step::Event(event) = codec.decode(&mut input, &mut cx(output)).expect("decoded") {
        sink(event);
    }
    assert!(input.is_empty());
}

fn send(codec: &mut dyn Codec, event: &mut Event, output: &mut Output) {
    assert_eq!(codec.encode(event, &mut cx(output)).expect("encoded"), Sent::All);
}

fn cx(output: &mut Output) -> Cx<'_> {
    Cx::new(output, Duration::ZERO)
}
