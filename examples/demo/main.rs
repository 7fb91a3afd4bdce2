//! `demo`: upstreams, a proxy with one port, one route table, and requests of every protocol through that port.

#[path = "../sidecar/connection.rs"]
mod connection;
mod traffic;
mod upstream;

use std::collections::HashMap;
use std::error::Error;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use meshwire::io::{Dial, Driver};
use meshwire::{Conn, Event, Kind, Outcome, Registry, RouteTable, Sent};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use connection::{Destination, Entry, Shared};
use traffic::{Message, Traffic};

/// Nothing in here takes longer on a machine that is not on fire.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|arg| arg == "-h" || arg == "--help") {
        println!("demo: sends requests of every protocol through one port of a proxy, and prints what became of them");
        return ExitCode::SUCCESS;
    }
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<bool, Box<dyn Error>> {
    let traffic = Arc::new(traffic::all()?);
    let table = Arc::new(RouteTable::from_yaml(traffic::ROUTES)?);
    let mut clusters = HashMap::new();
    for cluster in traffic::CLUSTERS {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string().parse()?;
        clusters.insert(cluster.to_owned(), Destination { address, protocol: None, heartbeat: None });
        tokio::spawn(upstream::serve(listener, Arc::clone(&traffic)));
    }
    let mut registry = Registry::builder();
    for traffic in traffic.iter() {
        registry = registry.with_shared(Arc::clone(&traffic.protocol));
    }
    let registry = Arc::new(registry.build()?);
    let (log, mut entries) = mpsc::unbounded_channel();
    let (_running, draining) = watch::channel(false);
    let shared = Arc::new(Shared {
        table,
        clusters: Arc::new(clusters),
        registry: Arc::clone(&registry),
        connect: Arc::new(Dial::default()),
        log: Some(Box::new(move |entry: &Entry| {
            let _ = log.send(entry.clone());
        })),
        draining,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?;
    tokio::spawn(proxy(listener, registry, shared));

    println!("every protocol through one port, {port}, by one route table\n");
    let mut table = Table::new();
    for traffic in traffic.iter() {
        tokio::time::timeout(PATIENCE, send_all(port, traffic, &mut entries, &mut table))
            .await
            .map_err(|_| format!("{}: no answer in {PATIENCE:?}", traffic.protocol.name()))??;
    }
    println!();
    println!("demo: {} protocols, {} messages, {} failed", traffic.len(), table.rows, table.failed);
    Ok(table.failed == 0)
}

/// One port for every protocol: who speaks is found out by the first bytes.
async fn proxy(listener: TcpListener, registry: Arc<Registry>, shared: Arc<Shared>) {
    while let Ok((mut io, _)) = listener.accept().await {
        let (registry, shared) = (Arc::clone(&registry), Arc::clone(&shared));
        tokio::spawn(async move {
            let served = async {
                io.set_nodelay(true)?;
                let (protocol, seen) = connection::detect(&mut io, &registry, PATIENCE).await?;
                connection::serve(io, protocol, Arc::default(), seen, shared).await
            };
            if let Err(error) = served.await {
                eprintln!("proxy: {error}");
            }
        });
    }
}

async fn send_all(
    port: SocketAddr,
    traffic: &Traffic,
    entries: &mut mpsc::UnboundedReceiver<Entry>,
    table: &mut Table,
) -> Result<(), Box<dyn Error>> {
    let io = TcpStream::connect(port).await?;
    io.set_nodelay(true)?;
    let mut client = Driver::new(io, traffic.protocol.codec(Conn::client()));
    for message in &traffic.messages {
        let began = Instant::now();
        let mut request = message.request.clone();
        while client.send(&mut request)? == Sent::Blocked {
            client.flush().await?;
            let _ = client.next().await;
        }
        client.flush().await?;
        let one_way = matches!(&message.request, Event::Head(head) if head.kind() == Kind::OneWay);
        let (outcome, body) = if one_way { (Outcome::Success, Vec::new()) } else { answer(&mut client).await? };
        let took = began.elapsed();
        // The proxy is done with an exchange only after its answer is on the way.
        let entry = entries.recv().await.ok_or("the proxy has gone")?;
        table.row(message, &entry, outcome, &body, took);
    }
    client.close().await?;
    Ok(())
}

async fn answer(client: &mut Driver<TcpStream>) -> Result<(Outcome, Vec<u8>), Box<dyn Error>> {
    let (mut outcome, mut body) = (Outcome::Unknown, Vec::new());
    loop {
        let event = client.next().await.ok_or("the proxy closed the connection")??;
        if let Some(stream) = event.stream() {
            client.release(stream, event.data_len());
        }
        let end = event.is_end();
        match event {
            Event::Head(head) => {
                outcome = head.outcome();
                body.extend_from_slice(head.data());
            }
            Event::Body(piece) => body.extend_from_slice(&piece.data),
            Event::Trailers(trailers) if trailers.outcome() != Outcome::Unknown => outcome = trailers.outcome(),
            Event::Trailers(_) => {}
            _ => continue,
        }
        if end {
            return Ok((outcome, body));
        }
    }
}

struct Table {
    rows: usize,
    failed: usize,
    colour: bool,
}

impl Table {
    fn new() -> Self {
        println!(
            "{:<9} {:<30} {:<8} {:<16} {:<11} {:>9} {:>9}  {:<12} {:>10}",
            "PROTOCOL", "SERVICE", "METHOD", "ROUTE", "CLUSTER", "SENT", "RECEIVED", "OUTCOME", "LATENCY"
        );
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { rows: 0, failed: 0, colour }
    }

    fn row(&mut self, message: &Message, entry: &Entry, outcome: Outcome, body: &[u8], took: Duration) {
        let holds = message
            .holds
            .as_ref()
            .is_none_or(|part| body.windows(part.len().max(1)).any(|w| w == part) || part.is_empty());
        let good = outcome == message.outcome && entry.cluster == message.cluster && holds;
        self.rows += 1;
        self.failed += usize::from(!good);
        let verdict = if good { outcome.name().to_owned() } else { format!("{outcome} FAILED") };
        let paint = match (self.colour, good, outcome == Outcome::Success) {
            (false, ..) => "",
            (true, false, _) => "\x1b[31m",
            (true, true, true) => "\x1b[32m",
            (true, true, false) => "\x1b[33m",
        };
        let reset = if paint.is_empty() { "" } else { "\x1b[0m" };
        println!(
            "{:<9} {:<30} {:<8} {:<16} {:<11} {:>9} {:>9}  {paint}{verdict:<12}{reset} {:>7} µs",
            entry.protocol,
            entry.service,
            entry.method,
            entry.route,
            if entry.cluster.is_empty() { "-" } else { &entry.cluster },
            entry.done.request_bytes,
            body.len(),
            took.as_micros(),
        );
    }
}
