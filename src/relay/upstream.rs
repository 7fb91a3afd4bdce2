//! One upstream connection of a relay.

use std::collections::VecDeque;

use super::exchange::ExchangeId;
use crate::codec::Correlation;
use crate::endpoint::Endpoint;
use crate::event::{Event, StreamId};

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

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Down,
    Up(Link),
}
