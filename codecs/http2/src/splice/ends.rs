//! The two ends that are joined.

use std::time::Duration;

use meshwire::Output;

/// One of the two connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Side {
    /// Downstream: the client's.
    Down,
    /// Upstream: the server's.
    Up,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Down => Self::Up,
            Self::Up => Self::Down,
        }
    }
}

/// What a call of a [`Splice`](super::Splice) may use: both outputs, and the time.
#[derive(Debug)]
pub struct Ends<'a> {
    down: &'a mut Output,
    up: &'a mut Output,
    now: Duration,
}

impl<'a> Ends<'a> {
    /// The output to the client, that to the server, and the time since the splice was made.
    pub const fn new(down: &'a mut Output, up: &'a mut Output, now: Duration) -> Self {
        Self { down, up, now }
    }

    /// Where bytes for one end go.
    pub const fn output(&mut self, to: Side) -> &mut Output {
        match to {
            Side::Down => self.down,
            Side::Up => self.up,
        }
    }

    /// The time since the splice was made.
    pub const fn now(&self) -> Duration {
        self.now
    }
}
