//! One upstream connection of a relay.

use std::collections::VecDeque;

use bytes::BytesMut;

use super::exchange::ExchangeId;
use crate::codec::Correlation;
use crate::endpoint::Endpoint;
use crate::event::{Body, Event, StreamId};

/// Pieces of a body that wait are joined up to so many bytes: what an event costs must not depend on who cut the body.
const PIECE: usize = 4096;

/// Names one upstream connection of a [`Relay`](crate::Relay).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link(pub(super) u64);

pub(super) struct Upstream {
    pub(super) end: Endpoint,
    pub(super) correlation: Correlation,
    pub(super) next_id: u64,
    pub(super) held: VecDeque<Held>,
    pub(super) draining: bool,
}

impl Upstream {
    pub(super) const fn new(end: Endpoint, correlation: Correlation) -> Self {
        Self { end, correlation, next_id: 0, held: VecDeque::new(), draining: false }
    }

    /// The downstream's own id where it fits and is free, else the next free one; ids wrap at the wire's width.
    pub(super) fn pick_id(&mut self, wanted: u64, bits: u8, in_flight: impl Fn(u64) -> bool) -> u64 {
        let mask = 1u64.checked_shl(u32::from(bits)).map_or(u64::MAX, |top| top.wrapping_sub(1));
        if wanted <= mask && !in_flight(wanted) {
            return wanted;
        }
        // Terminates: fewer exchanges are in flight than there are ids.
        loop {
            self.next_id = self.next_id.wrapping_add(1) & mask;
            if !in_flight(self.next_id) {
                return self.next_id;
            }
        }
    }
}

/// An event that its destination did not take yet.
pub(super) struct Held {
    pub(super) exchange: ExchangeId,
    pub(super) event: Event,
    /// The stream whose credit its data is, on the side it came from.
    pub(super) from: Option<(Side, StreamId)>,
}

/// Puts `held` behind the others, or into the last one if both are small pieces of one body; whether there is one more.
pub(super) fn hold(queue: &mut VecDeque<Held>, held: Held) -> bool {
    if let Event::Body(next) = &held.event
        && let Some(last) = queue.back_mut()
        && (last.exchange, last.from) == (held.exchange, held.from)
        && let Event::Body(body) = &mut last.event
        && !body.end
        && body.data.len().saturating_add(next.data.len()) <= PIECE
    {
        join(body, next);
        return false;
    }
    queue.push_back(held);
    true
}

fn join(body: &mut Body, next: &Body) {
    let mut data = std::mem::take(&mut body.data).try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared));
    data.extend_from_slice(&next.data);
    (body.data, body.end) = (data.freeze(), next.end);
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Down,
    Up(Link),
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn piece(exchange: u64, n: usize, end: bool) -> Held {
        let body = Body { stream: StreamId::new(1), data: Bytes::from(vec![b'x'; n]), end };
        let from = Some((Side::Down, StreamId::new(exchange)));
        Held { exchange: ExchangeId(exchange), event: Event::Body(body), from }
    }

    fn sizes(queue: &VecDeque<Held>) -> Vec<(usize, bool)> {
        queue.iter().map(|held| (held.event.data_len(), held.event.is_end())).collect()
    }

    #[test]
    fn small_pieces_of_one_body_are_one() {
        let mut queue = VecDeque::new();
        assert!(hold(&mut queue, piece(1, 1, false)));
        assert!((1..PIECE).all(|_| !hold(&mut queue, piece(1, 1, false))));
        assert!(hold(&mut queue, piece(1, 1, false)));
        assert!(!hold(&mut queue, piece(1, 2, true)));
        assert_eq!(sizes(&queue), [(PIECE, false), (3, true)]);
    }

    #[test]
    fn what_is_another_s_large_or_over_stays_apart() {
        let mut queue = VecDeque::new();
        for held in
            [piece(1, 1, false), piece(2, 1, false), piece(2, PIECE, false), piece(2, 1, true), piece(2, 0, true)]
        {
            assert!(hold(&mut queue, held));
        }
        assert!(hold(&mut queue, Held { event: Event::GoAway, ..piece(2, 0, false) }));
        assert!(hold(&mut queue, piece(2, 1, false)));
        assert_eq!(queue.len(), 7);
    }
}
