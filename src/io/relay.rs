//! A [`Relay`] and its sockets.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use super::connect::Stream;
use super::wire::Wire;
use crate::codec::ProtocolTraits;
use crate::endpoint::Endpoint;
use crate::outcome::Outcome;
use crate::relay::{Link, Relay, RelayStep};

/// Drives a [`Relay`] over one downstream socket and its upstream sockets, all in one task.
pub struct RelayDriver<T> {
    relay: Relay,
    down: Wire<T>,
    ups: Vec<Option<Upstream>>,
}

struct Upstream {
    link: Link,
    wire: Wire<Box<dyn Stream>>,
}

impl<T> std::fmt::Debug for RelayDriver<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayDriver").field("relay", &self.relay).finish_non_exhaustive()
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> RelayDriver<T> {
    /// A relay over `io`; `downstream` is the server end of its protocol.
    pub fn new(io: T, downstream: Endpoint) -> Self {
        Self { relay: Relay::new(downstream), down: Wire::new(io), ups: Vec::new() }
    }

    /// Adds an upstream connection; `upstream` is the client end of its protocol.
    pub fn connect(&mut self, io: Box<dyn Stream>, upstream: Endpoint, traits: &ProtocolTraits) -> Link {
        let link = self.relay.connect(upstream, traits);
        let entry = Some(Upstream { link, wire: Wire::new(io) });
        match self.ups.iter_mut().find(|up| up.is_none()) {
            Some(free) => *free = entry,
            None => self.ups.push(entry),
        }
        link
    }

    /// The relay: where decisions go.
    pub const fn relay(&mut self) -> &mut Relay {
        &mut self.relay
    }

    /// What the relay has to tell; never [`RelayStep::Idle`].
    ///
    /// # Errors
    ///
    /// What the downstream socket says; a failing upstream socket is answered as an upstream that is gone.
    pub fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<RelayStep>> {
        loop {
            self.relay.set_now(self.down.now());
            let closing = match self.relay.poll() {
                RelayStep::Idle => false,
                RelayStep::Closed => true,
                step => return Poll::Ready(Ok(step)),
            };
            let mut moved = self.poll_upstreams(cx);
            let down = self.relay.downstream();
            let queued = down.output().len();
            let flushed = match self.down.poll_flush(cx, down) {
                Poll::Ready(result) => {
                    result?;
                    true
                }
                Poll::Pending => false,
            };
            moved |= down.output().len() < queued;
            if closing {
                if !flushed {
                    return Poll::Pending;
                }
                return self.down.poll_close(cx).map_ok(|()| RelayStep::Closed);
            }
            if flushed && down.codec().state().ended {
                let _ = self.down.poll_shutdown(cx)?;
            }
            if let Poll::Ready(result) = self.down.poll_fill(cx, down) {
                result?;
                moved = true;
            }
            if self.down.poll_deadline(cx, self.relay.next_deadline()).is_ready() {
                moved = true;
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }

    /// What the relay has to tell: see [`poll_step`](Self::poll_step). Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// As [`poll_step`](Self::poll_step).
    pub async fn step(&mut self) -> io::Result<RelayStep> {
        poll_fn(|cx| self.poll_step(cx)).await
    }

    fn poll_upstreams(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        for slot in &mut self.ups {
            let Some(Upstream { link, wire }) = slot else { continue };
            let link = *link;
            let Some(end) = self.relay.upstream(link) else {
                // The relay has let go of it; dropping the socket closes it.
                *slot = None;
                continue;
            };
            let queued = end.output().len();
            let flush = wire.poll_flush(cx, end);
            moved |= end.output().len() < queued;
            let mut failed = false;
            match flush {
                Poll::Ready(Err(_)) => {
                    // It takes no more, but it may have answered first: what it sent is still read.
                    end.output_mut().take();
                    failed = true;
                }
                Poll::Ready(Ok(())) if end.codec().state().ended => {
                    failed = matches!(wire.poll_shutdown(cx), Poll::Ready(Err(_)));
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            match wire.poll_fill(cx, end) {
                Poll::Ready(Ok(_)) => moved = true,
                Poll::Ready(Err(_)) => {
                    end.set_eof();
                    moved = true;
                }
                Poll::Pending if failed => {
                    self.relay.disconnect(link, Outcome::Unavailable, "the upstream connection failed");
                    *slot = None;
                    moved = true;
                }
                Poll::Pending => {}
            }
        }
        moved
    }
}
