//! GOAWAY: the connection comes to its end, and no stream is lost on the way (RFC 9113, section 6.8).

use std::time::Duration;

use meshwire::{Cx, Role};

use super::Connection;
use crate::code::Code;
use crate::frame::{self, MAX_31};

/// How long the peer gets to learn that it must open no more streams.
const ROUND_TRIP: Duration = Duration::from_secs(1);

/// Marks the PING that tells us the peer has read our first GOAWAY.
const MARK: [u8; 8] = *b"\xffgoaway\0";

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Drain {
    No,
    /// The first GOAWAY is out: streams that are under way are served still.
    Announced {
        until: Duration,
    },
    /// The last one is out: it names the last stream that is served.
    Final {
        last: u32,
    },
}

impl Drain {
    pub(super) const fn deadline(self) -> Option<Duration> {
        match self {
            Self::Announced { until } => Some(until),
            _ => None,
        }
    }

    pub(super) const fn is_final(self) -> bool {
        matches!(self, Self::Final { .. })
    }
}

impl Connection {
    pub(super) fn put_goaway(&self, last: u32, code: Code, debug: &[u8], cx: &mut Cx<'_>) {
        let mut payload = Vec::with_capacity(debug.len().saturating_add(8));
        payload.extend_from_slice(&last.to_be_bytes());
        payload.extend_from_slice(&code.0.to_be_bytes());
        payload.extend_from_slice(debug);
        self.write(frame::GOAWAY, 0, 0, &payload, cx);
    }

    /// A server says so twice: streams that its peer opens meanwhile are served.
    pub(super) fn begin_drain(&mut self, cx: &mut Cx<'_>) {
        if self.failed.is_some() || self.drain != Drain::No {
            return;
        }
        if self.role == Role::Client {
            // Nobody pushes: there is nothing to wait for.
            self.drain = Drain::Final { last: 0 };
            self.draining = true;
            self.put_goaway(0, Code::NO_ERROR, &[], cx);
            return;
        }
        self.put_goaway(MAX_31, Code::NO_ERROR, &[], cx);
        self.write(frame::PING, 0, 0, &MARK, cx);
        self.drain = Drain::Announced { until: cx.now().saturating_add(ROUND_TRIP) };
    }

    pub(super) fn drain_ping_came_back(&mut self, payload: [u8; 8], cx: &mut Cx<'_>) {
        if payload == MARK && self.drain.deadline().is_some() {
            self.finish_drain(cx);
        }
    }

    pub(super) fn finish_drain(&mut self, cx: &mut Cx<'_>) {
        self.drain = Drain::Final { last: self.last };
        self.draining = true;
        self.put_goaway(self.last, Code::NO_ERROR, &[], cx);
    }

    /// Whether the peer opened it although our last GOAWAY was out.
    pub(super) const fn is_past_goaway(&self, id: u32) -> bool {
        matches!(self.drain, Drain::Final { last } if id > last)
    }

    /// Whether nothing new can begin, at either end's wish.
    pub(super) fn is_drained(&self) -> bool {
        self.drain.is_final() || (self.role == Role::Client && self.draining)
    }
}
