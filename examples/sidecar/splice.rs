//! One downstream connection of HTTP/2 joined to one of a cluster's: nothing is routed, and no field is decoded.

use std::io;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use meshwire::io::Stream;
use meshwire::{Limits, LocalReply, Outcome, Output};
use meshwire_http2::{Ends, Exchange, ReplyAs, Side, Splice};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::connection::Shared;

/// Bytes on their way to one end past which nothing more is read from the other.
const HIGH_WATER: usize = 256 * 1024;
const READ: usize = 32 * 1024;
/// How long the last words may take.
const LAST: Duration = Duration::from_secs(1);

/// Where a listener's connections go, whatever they ask for.
#[derive(Clone, Debug)]
pub(crate) struct Pin {
    pub(crate) cluster: String,
    pub(crate) reply: ReplyAs,
}

pub(crate) async fn serve(client: TcpStream, pin: &Pin, limits: &Limits, shared: &Shared) -> io::Result<()> {
    let mut joined = Joined {
        splice: Splice::new(limits),
        down: Output::new(),
        up: Output::new(),
        began: Instant::now(),
        log: shared.log.is_some(),
        pin,
    };
    let found = shared.clusters.get(&pin.cluster).ok_or(io::ErrorKind::NotFound)?;
    match shared.connect.connect(&found.address).await {
        Ok(server) => joined.run(client, server, shared).await,
        Err(error) => {
            joined.lost();
            let (_, mut to_client) = client.into_split();
            let _ = tokio::time::timeout(LAST, write(&mut to_client, &mut joined.down)).await;
            Err(error)
        }
    }
}

struct Joined<'a> {
    splice: Splice,
    down: Output,
    up: Output,
    began: Instant,
    log: bool,
    pin: &'a Pin,
}

impl Joined<'_> {
    async fn run(&mut self, client: TcpStream, server: Box<dyn Stream>, shared: &Shared) -> io::Result<()> {
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = tokio::io::split(server);
        let (mut asked, mut told) = (BytesMut::new(), BytesMut::new());
        let mut draining = shared.draining.clone();
        let mut result = Ok(());
        while !self.splice.is_over() {
            asked.reserve(READ);
            told.reserve(READ);
            let deadline = self.splice.next_deadline();
            let wait = deadline.map_or(Duration::MAX, |at| at.saturating_sub(self.began.elapsed()));
            tokio::select! {
                read = from_client.read_buf(&mut asked), if self.up.len() < HIGH_WATER => match read {
                    Ok(n) if n > 0 => result = self.pass(Side::Down, &mut asked),
                    _ => self.with(|splice, ends| splice.client_lost(ends)),
                },
                read = from_server.read_buf(&mut told), if self.down.len() < HIGH_WATER => match read {
                    Ok(n) if n > 0 => result = self.pass(Side::Up, &mut told),
                    _ => self.lost(),
                },
                written = to_client.write(self.down.chunk()), if !self.down.is_empty() => match written {
                    Ok(n) if n > 0 => self.down.advance(n),
                    _ => self.with(|splice, ends| splice.client_lost(ends)),
                },
                written = to_server.write(self.up.chunk()), if !self.up.is_empty() => match written {
                    Ok(n) if n > 0 => self.up.advance(n),
                    _ => self.lost(),
                },
                Ok(()) = draining.changed() => self.with(|splice, ends| splice.drain(ends)),
                () = tokio::time::sleep(wait), if deadline.is_some() => {
                    self.with(|splice, ends| splice.on_deadline(ends));
                }
            }
            while let Some(exchange) = self.splice.finished() {
                if self.log {
                    self.print(&exchange);
                }
            }
        }
        let _ = tokio::time::timeout(LAST, async {
            let _ = tokio::join!(write(&mut to_client, &mut self.down), write(&mut to_server, &mut self.up));
        })
        .await;
        result
    }

    fn pass(&mut self, from: Side, input: &mut BytesMut) -> io::Result<()> {
        let passed = self.with(|splice, ends| splice.pass(from, input, ends));
        passed.map(|_| ()).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn lost(&mut self) {
        let message = format!("{} is gone", self.pin.cluster);
        let (reply, as_) = (LocalReply::new(Outcome::Unavailable, &message), self.pin.reply);
        self.with(|splice, ends| splice.upstream_lost(&reply, as_, ends));
    }

    fn with<T>(&mut self, call: impl FnOnce(&mut Splice, &mut Ends<'_>) -> T) -> T {
        let now = self.began.elapsed();
        call(&mut self.splice, &mut Ends::new(&mut self.down, &mut self.up, now))
    }

    fn print(&self, exchange: &Exchange) {
        println!(
            "http2 splice stream={} cluster={} ending={:?} request_bytes={} response_bytes={} ms={:.3}",
            exchange.stream,
            self.pin.cluster,
            exchange.ending,
            exchange.sent,
            exchange.received,
            exchange.ended.saturating_sub(exchange.began).as_secs_f64() * 1e3,
        );
    }
}

async fn write(io: &mut (impl AsyncWrite + Unpin), output: &mut Output) -> io::Result<()> {
    while !output.is_empty() {
        let n = io.write(output.chunk()).await?;
        output.advance(n);
    }
    io.shutdown().await
}
