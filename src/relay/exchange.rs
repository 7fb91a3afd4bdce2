//! One exchange, from its request until both directions have ended.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use super::upstream::Link;
use crate::error::EditError;
use crate::event::{Event, StreamId};
use crate::head::{Head, Kind};
use crate::key::{Attribute, RoutingKey};
use crate::outcome::Outcome;

/// Names one exchange of a [`Relay`](crate::Relay), from its request until both directions have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(pub(super) u64);

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Done {
    /// Which.
    pub exchange: ExchangeId,
    /// What became of it; [`Outcome::Success`] for a one-way request that went out.
    pub outcome: Outcome,
    /// The wire's status of the answer, if there was one.
    pub status: Option<u32>,
    /// Whether the proxy answered itself.
    pub local: bool,
    /// Request data bytes.
    pub request_bytes: u64,
    /// Response data bytes.
    pub response_bytes: u64,
    /// When the request's head came, on the relay's clock.
    pub began: Duration,
    /// When it ended.
    pub ended: Duration,
}

impl Done {
    /// What is known of an exchange at its begin: nothing.
    pub const fn begun(exchange: ExchangeId) -> Self {
        Self {
            exchange,
            outcome: Outcome::Unknown,
            status: None,
            local: false,
            request_bytes: 0,
            response_bytes: 0,
            began: Duration::ZERO,
            ended: Duration::ZERO,
        }
    }
}

pub(super) struct Exchange {
    pub(super) down: StreamId,
    pub(super) to: To,
    pub(super) held_up: usize,
    pub(super) held_down: usize,
    pub(super) request_ended: bool,
    pub(super) response_begun: bool,
    /// The whole answer has come from the upstream.
    pub(super) answered: bool,
    /// The whole answer has gone to the downstream, or none is owed.
    pub(super) response_ended: bool,
    pub(super) deadline: Option<Duration>,
    pub(super) on_response: Option<OnResponse>,
    /// What was called, which some protocols' local replies must say.
    pub(super) method: Option<Box<[u8]>>,
    pub(super) done: Done,
}

/// The exchanges under way. Nobody else chooses their numbers, which count up: they need no hash that keeps secrets, which would
/// be a third of what a relay does.
pub(super) type Exchanges = HashMap<ExchangeId, Exchange, BuildHasherDefault<Counted>>;

/// Spreads numbers that count up.
#[derive(Default)]
pub(super) struct Counted(u64);

impl Hasher for Counted {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, n: u64) {
        // An odd number keeps all of them apart, and this one spreads them in the upper bits too.
        self.0 = (self.0 ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

pub(super) type OnResponse = Box<dyn FnMut(&mut Head) -> Result<(), EditError> + Send>;

pub(super) enum To {
    /// Nobody has decided; what came meanwhile.
    Undecided(VecDeque<Event>),
    /// An upstream, and the name there once it has one.
    Link(Link, Option<StreamId>),
    /// Answered here: the rest of the request is thrown away.
    Nowhere,
}

impl Exchange {
    pub(super) fn new(exchange: ExchangeId, head: &Head, now: Duration) -> Self {
        Self {
            down: head.stream(),
            to: To::Undecided(VecDeque::new()),
            held_up: 0,
            held_down: 0,
            request_ended: false,
            response_begun: false,
            answered: false,
            response_ended: false,
            deadline: None,
            on_response: None,
            method: head.attribute(Attribute::Method).value().map(Box::from),
            done: Done {
                outcome: if head.kind() == Kind::OneWay { Outcome::Success } else { Outcome::Unknown },
                request_bytes: head.data().len() as u64,
                began: now,
                ..Done::begun(exchange)
            },
        }
    }
}
