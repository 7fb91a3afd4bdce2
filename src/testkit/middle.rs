//! A relay between the two ends of a pair: what a proxy is, without its sockets.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::codec::{Conn, Protocol};
use crate::depth::Depth;
use crate::endpoint::Endpoint;
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::outcome::{LocalReply, Outcome};
use crate::relay::{Link, Relay, RelayStep};

use super::pair::BUFFER;

pub(super) struct Middle {
    relay: Relay,
    link: Link,
    /// Bytes on their way back to the client, and on to the server.
    pub(super) back: VecDeque<u8>,
    pub(super) on: VecDeque<u8>,
}

impl Middle {
    pub(super) fn new(protocol: &dyn Protocol, limits: &Arc<Limits>, depth: &Depth) -> Self {
        let conn = |conn: Conn| protocol.codec(conn.with_limits(Arc::clone(limits)).with_depth(depth.clone()));
        let mut relay = Relay::new(Endpoint::new(conn(Conn::server())));
        let link = relay.connect(Endpoint::new(conn(Conn::client())), &protocol.traits());
        Self { relay, link, back: VecDeque::new(), on: VecDeque::new() }
    }

    pub(super) fn set_now(&mut self, now: Duration) {
        self.relay.set_now(now);
    }

    /// Takes bytes of the client, as many as there is room for.
    pub(super) fn take_from_client(&mut self, wire: &mut VecDeque<u8>, most: usize) -> bool {
        feed(self.relay.downstream(), wire, most)
    }

    /// Takes bytes of the server.
    pub(super) fn take_from_server(&mut self, wire: &mut VecDeque<u8>, most: usize) -> bool {
        self.relay.upstream(self.link).is_some_and(|upstream| feed(upstream, wire, most))
    }

    /// Moves events across; what of the client's was refused, if something was.
    pub(super) fn run(&mut self, moved: &mut bool) -> Option<DecodeError> {
        loop {
            let step = self.relay.poll();
            *moved |= drain(self.relay.downstream(), &mut self.back);
            if let Some(upstream) = self.relay.upstream(self.link) {
                *moved |= drain(upstream, &mut self.on);
            }
            match step {
                RelayStep::Request(exchange, head) if self.relay.is_usable(self.link) => {
                    self.relay.forward(exchange, self.link, head);
                }
                // A proxy would look for another connection; here there is none.
                RelayStep::Request(exchange, _) => {
                    let reply = LocalReply::new(Outcome::Unavailable, "the upstream takes no new requests");
                    self.relay.respond(exchange, &reply);
                }
                RelayStep::Done(_) => {}
                RelayStep::Refused(error) => return Some(error),
                RelayStep::Idle | RelayStep::Closed => return None,
            }
            *moved = true;
        }
    }
}

fn feed(end: &mut Endpoint, wire: &mut VecDeque<u8>, most: usize) -> bool {
    let n = most.min(wire.len()).min(BUFFER.saturating_sub(end.unread()));
    end.input().extend(wire.drain(..n));
    n > 0
}

fn drain(end: &mut Endpoint, wire: &mut VecDeque<u8>) -> bool {
    // A peer that does not read is not written to.
    if wire.len() >= BUFFER || end.output().is_empty() {
        return false;
    }
    wire.extend(end.output_mut().take());
    true
}
