//! Bytes between a socket and an [`Endpoint`].

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};
use tokio_util::io::poll_read_buf;

use crate::endpoint::Endpoint;

/// The first read, and the least.
const MIN_READ: usize = 4 * 1024;
/// The largest read, and the most that is read beyond what a codec asks for.
const MAX_READ: usize = 64 * 1024;
/// An idle connection keeps a read buffer no larger than this.
const KEEP: usize = 16 * 1024;
/// How long [`Wire::poll_close`] waits for the peer to stop.
const LINGER: Duration = Duration::from_secs(1);
/// Elements of one vectored write.
const SLICES: usize = 32;

/// One socket and its clock. It reads no more than the endpoint asks for, so what nobody consumes stays in the kernel
/// and backpressure reaches the peer; it writes vectored; it runs the codec's deadlines; it gives memory back.
#[derive(Debug)]
pub struct Wire<T> {
    io: T,
    began: Instant,
    next_read: usize,
    small_reads: u8,
    sleep: Option<Pin<Box<Sleep>>>,
    shut_down: bool,
    lingering: Option<Duration>,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Wire<T> {
    /// A wire over `io`; its clock starts now.
    pub fn new(io: T) -> Self {
        Self {
            io,
            began: Instant::now(),
            next_read: MIN_READ,
            small_reads: 0,
            sleep: None,
            shut_down: false,
            lingering: None,
        }
    }

    /// The socket.
    pub const fn io(&self) -> &T {
        &self.io
    }

    /// Takes the socket out.
    pub fn into_io(self) -> T {
        self.io
    }

    /// The time since the wire was made.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Reads once if the endpoint wants input; how many bytes came (0: the end of input, which the endpoint has been
    /// told). Pending also when nothing is wanted.
    ///
    /// # Errors
    ///
    /// What the socket says.
    pub fn poll_fill(&mut self, cx: &mut Context<'_>, end: &mut Endpoint) -> Poll<io::Result<usize>> {
        let wants = end.wants();
        if wants == 0 {
            return Poll::Pending;
        }
        let input = end.input();
        let room = self.next_read.max(wants.min(MAX_READ));
        if input.capacity().saturating_sub(input.len()) < room {
            input.reserve(room);
        }
        let n = match poll_read_buf(Pin::new(&mut self.io), cx, input) {
            Poll::Ready(result) => result?,
            Poll::Pending => {
                if input.is_empty() && input.capacity() > KEEP {
                    *input = BytesMut::new();
                }
                if end.output().is_empty() {
                    end.output_mut().trim_above(KEEP);
                }
                return Poll::Pending;
            }
        };
        if n == 0 {
            end.set_eof();
        } else if n >= self.next_read {
            self.next_read = self.next_read.saturating_mul(2).min(MAX_READ);
            self.small_reads = 0;
        } else if n <= self.next_read / 2 {
            // Two small reads in a row: one alone is often just the end of a large message.
            self.small_reads = self.small_reads.saturating_add(1);
            if self.small_reads >= 2 {
                self.next_read = (self.next_read / 2).max(MIN_READ);
                self.small_reads = 0;
            }
        }
        Poll::Ready(Ok(n))
    }

    /// Writes what is queued; ready when nothing is left.
    ///
    /// # Errors
    ///
    /// What the socket says; [`io::ErrorKind::WriteZero`] when it takes nothing.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>, end: &mut Endpoint) -> Poll<io::Result<()>> {
        let output = end.output_mut();
        while !output.is_empty() {
            let n = if self.io.is_write_vectored() {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let filled = output.chunks(&mut slices);
                let slices = slices.get(..filled).unwrap_or_default();
                ready!(Pin::new(&mut self.io).poll_write_vectored(cx, slices))?
            } else {
                ready!(Pin::new(&mut self.io).poll_write(cx, output.chunk()))?
            };
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            output.advance(n);
        }
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Says that nothing more will be written; call it once everything is flushed.
    ///
    /// # Errors
    ///
    /// What the socket says.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut_down {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.shut_down = true;
        }
        Poll::Ready(Ok(()))
    }

    /// Ends the connection after its last byte is flushed: ends this direction, then reads and throws away what the
    /// peer still sends, for a second at the most. Closing with bytes unread would reset the connection, and the
    /// peer might lose the very answer that told it to stop (RFC 9112 section 9.6).
    ///
    /// # Errors
    ///
    /// What the socket says.
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_shutdown(cx))?;
        let until = *self.lingering.get_or_insert_with(|| self.began.elapsed().saturating_add(LINGER));
        let mut trash = [0; 4096];
        loop {
            let mut read = ReadBuf::new(&mut trash);
            match Pin::new(&mut self.io).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() && self.now() < until => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    return self.poll_deadline(cx, Some(until)).map(Ok);
                }
            }
        }
    }

    /// Waits for `due`, on this wire's clock; ready when it has come. `None` waits for nothing.
    pub fn poll_deadline(&mut self, cx: &mut Context<'_>, due: Option<Duration>) -> Poll<()> {
        let Some(at) = due.and_then(|due| self.began.checked_add(due)) else {
            self.sleep = None;
            return Poll::Pending;
        };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx)
    }
}
