//! One connection: a codec and its socket.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};

use super::wire::Wire;
use crate::codec::Codec;
use crate::endpoint::Endpoint;
use crate::error::{DecodeError, EncodeError};
use crate::event::{Event, Sent, Step, StreamId};

/// A codec driven over a socket: events in and out.
///
/// Whoever takes events owes their data back: [`release`](Self::release) it once it has gone, or reading stops at
/// [`Limits::window`](crate::Limits::window).
///
/// ```
/// # use meshwire::io::Driver;
/// # use meshwire::{Conn, Event, Protocol};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tokio::io::AsyncWriteExt;
///
/// let (mut client, server) = tokio::io::duplex(1024);
/// client.write_all(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await?;
/// let mut driver = Driver::new(server, meshwire_http1::Http1::default().codec(Conn::server()));
/// assert!(matches!(driver.next().await, Some(Ok(Event::Head(_)))));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Driver<T> {
    end: Endpoint,
    wire: Wire<T>,
}

/// Why a driver stops, or what it refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The socket failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The peer sent what the codec refuses. Unless it [is fatal](DecodeError::is_fatal), the driver goes on.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The codec cannot write an event.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The connection ended while something waited to be sent.
    #[error("the connection closed before everything was sent")]
    Closed,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Driver<T> {
    /// A driver of `codec` over `io`.
    pub fn new(io: T, codec: Box<dyn Codec>) -> Self {
        Self { end: Endpoint::new(codec), wire: Wire::new(io) }
    }

    /// The endpoint: the codec and its buffers.
    pub const fn endpoint(&mut self) -> &mut Endpoint {
        &mut self.end
    }

    /// The next event; `None` when the peer has said all, or the codec wants the connection closed and everything is
    /// written.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, DriverError>>> {
        loop {
            self.end.set_now(self.wire.now());
            let queued = self.end.output().len();
            let flushed = match self.wire.poll_flush(cx, &mut self.end) {
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(Ok(())) => true,
                Poll::Pending => false,
            };
            let wrote = self.end.output().len() < queued;
            match self.end.decode() {
                Ok(Step::Event(event)) => return Poll::Ready(Some(Ok(event))),
                Ok(Step::Closed) => return Poll::Ready(None),
                Ok(Step::NeedMore(_) | Step::Paused) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
            // Decoding may have queued a reply.
            if flushed && !self.end.output().is_empty() {
                continue;
            }
            let state = self.end.codec().state();
            if flushed && state.close {
                return Poll::Ready(None);
            }
            if flushed
                && state.ended
                && let Poll::Ready(Err(error)) = self.wire.poll_shutdown(cx)
            {
                return Poll::Ready(Some(Err(error.into())));
            }
            match self.wire.poll_fill(cx, &mut self.end) {
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                Poll::Ready(Ok(_)) => continue,
                Poll::Pending => {}
            }
            let due = self.end.codec().next_deadline();
            if self.wire.poll_deadline(cx, due).is_ready() {
                self.end.set_now(self.wire.now());
                self.end.deadline();
                continue;
            }
            if !wrote {
                return Poll::Pending;
            }
        }
    }

    /// The next event: see [`poll_next`](Self::poll_next). Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Event, DriverError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Queues `event`, or what can be sent of it now; [`flush`](Self::flush) or [`next`](Self::next) write it.
    ///
    /// # Errors
    ///
    /// As [`Codec::encode`].
    pub fn send(&mut self, event: &mut Event) -> Result<Sent, EncodeError> {
        self.end.set_now(self.wire.now());
        self.end.send(event)
    }

    /// Says that `n` data bytes of `stream` have gone.
    pub fn release(&mut self, stream: StreamId, n: usize) {
        self.end.release(stream, n);
    }

    /// Writes what is queued; ready when nothing is left.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.wire.poll_flush(cx, &mut self.end)
    }

    /// Writes what is queued.
    ///
    /// # Errors
    ///
    /// What the socket says.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Writes what is queued and ends this direction.
    ///
    /// # Errors
    ///
    /// What the socket says.
    pub async fn close(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            ready!(self.poll_flush(cx))?;
            self.wire.poll_shutdown(cx)
        })
        .await
    }
}
