//! `sidecar`: a plain forwarder for every protocol of the library, on one route document.

mod config;
mod connection;
mod splice;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use meshwire::Registry;
use meshwire::io::Dial;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use config::{Bind, Plan};
use connection::{Entry, Shared};

const HELP: &str = "\
sidecar: forwards every protocol it knows, by one route document

Usage: sidecar --config FILE [--check]
       sidecar --schema

  --config FILE   listeners, routes and clusters, in YAML or JSON
  --check         say whether the file is right, and stop
  --schema        print the JSON schema of the file, and stop
  -h, --help      this text

Each downstream connection has an upstream connection of its own for each cluster it uses; one
for each request under way, where HTTP/2 goes to HTTP/1.1.
On SIGINT or SIGTERM it takes no new connections, finishes what is under way for at most
ten seconds, and ends.

Example: sidecar --config examples/sidecar.yaml";

const SCHEMA: &str = include_str!("schema.json");
const DRAIN: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sidecar: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), String> {
    use lexopt::prelude::*;

    let (mut file, mut check) = (None::<PathBuf>, false);
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Long("config") => file = Some(parser.value().map_err(|error| error.to_string())?.into()),
            Long("check") => check = true,
            Long("schema") => {
                print!("{SCHEMA}");
                return Ok(());
            }
            Short('h') | Long("help") => {
                println!("{HELP}");
                return Ok(());
            }
            other => return Err(format!("{}\nTry `sidecar --help`.", other.unexpected())),
        }
    }
    let file = file.ok_or("--config FILE is missing\nTry `sidecar --help`.")?;
    let registry = Registry::builder()
        .with(meshwire_http1::Http1::default())
        .with(meshwire_http2::Http2::default())
        .with(meshwire_dubbo::Dubbo::default())
        .with(meshwire_sofarpc::Bolt::default())
        .with(meshwire_thrift::Thrift::new())
        .build()
        .map_err(|error| error.to_string())?;
    let plan =
        config::load(&file, &registry).map_err(|problems| format!("{} is not right:\n{problems}", file.display()))?;
    if check {
        let (listeners, clusters) = (plan.listeners.len(), plan.clusters.len());
        let hosts = plan.table.virtual_hosts().len();
        println!("{}: {listeners} listeners, {hosts} virtual hosts, {clusters} clusters: all right", file.display());
        return Ok(());
    }
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(serve(plan, registry)).map_err(|error| error.to_string())
}

async fn serve(plan: Plan, registry: Registry) -> io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let shared = Arc::new(Shared {
        table: plan.table,
        clusters: plan.clusters,
        registry: Arc::new(registry),
        connect: Arc::new(Dial::default()),
        log: plan.access_log.then(|| Box::new(print) as Box<_>),
        draining: stopping.clone(),
    });
    let mut listeners = JoinSet::new();
    for bind in plan.listeners {
        let listener = TcpListener::bind(&bind.address).await.map_err(|error| {
            io::Error::new(error.kind(), format!("listener {}: {}: {error}", bind.name, bind.address))
        })?;
        println!("listener {}: {}", bind.name, listener.local_addr()?);
        listeners.spawn(accept(listener, bind, Arc::clone(&shared), stopping.clone()));
    }
    signalled().await?;
    let _ = stop.send(true);
    let _ = tokio::time::timeout(DRAIN, async { while listeners.join_next().await.is_some() {} }).await;
    Ok(())
}

#[cfg(unix)]
async fn signalled() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn signalled() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}

async fn accept(listener: TcpListener, bind: Bind, shared: Arc<Shared>, mut stopping: watch::Receiver<bool>) {
    let bind = Arc::new(bind);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((io, peer)) => {
                    let (bind, shared) = (Arc::clone(&bind), Arc::clone(&shared));
                    connections.spawn(async move {
                        if let Err(error) = connection(io, &bind, shared).await {
                            eprintln!("listener {}: {peer}: {error}", bind.name);
                        }
                    });
                }
                Err(error) => {
                    // Out of descriptors, most likely: others must close first.
                    eprintln!("listener {}: {error}", bind.name);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = stopping.changed() => break,
        }
    }
    while connections.join_next().await.is_some() {}
}

async fn connection(mut io: tokio::net::TcpStream, bind: &Bind, shared: Arc<Shared>) -> io::Result<()> {
    io.set_nodelay(true)?;
    if let Some(pin) = &bind.splice {
        return splice::serve(io, pin, &bind.limits, &shared).await;
    }
    let (protocol, seen) = match &bind.pinned {
        Some(protocol) => (Arc::clone(protocol), bytes::BytesMut::new()),
        None => connection::detect(&mut io, &bind.registry, bind.detect_timeout).await?,
    };
    connection::serve(io, protocol, Arc::clone(&bind.limits), seen, shared).await
}

fn print(entry: &Entry) {
    let done = &entry.done;
    println!(
        "{} {} {} route={} cluster={} outcome={} status={} local={} request_bytes={} response_bytes={} ms={:.3}",
        entry.protocol,
        entry.service,
        entry.method,
        entry.route,
        entry.cluster,
        done.outcome,
        done.status.map(|status| status.to_string()).unwrap_or_default(),
        done.local,
        done.request_bytes,
        done.response_bytes,
        done.ended.saturating_sub(done.began).as_secs_f64() * 1e3,
    );
}
