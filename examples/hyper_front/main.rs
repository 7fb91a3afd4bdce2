//! `hyper_front`: one port for HTTP and RPC. hyper speaks the HTTP, meshwire the rest, and one route table is for both.
//!
//! ```sh
//! cargo run --example hyper_front                       # sends itself HTTP/1.1, HTTP/2 and Dubbo, and shows where it went
//! cargo run --example hyper_front -- 127.0.0.1:8080 orders-v1=127.0.0.1:9001 orders-v2=127.0.0.1:9002
//! ```
//!
//! A connection is told by its first bytes. Those of HTTP go to hyper with these bytes in front again, and its requests
//! are routing keys as they are (feature `http`); those of other protocols to a relay. To stay short, this dials for each
//! request of HTTP, and opens no tunnels: hyper-util has a client with a pool, `hyper::upgrade` what becomes of a tunnel.

mod demo;

use std::collections::HashMap;
use std::convert::Infallible;
use std::io::{self, Cursor};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{request, response};
use http_body_util::{Either, Full};
use hyper::body::{Body, Incoming};
use hyper::{Request, Response, StatusCode, Version, client, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use meshwire::io::RelayDriver;
use meshwire::route::{Route, Target};
use meshwire::{
    Conn, Endpoint, ExchangeId, Head, Link, LocalReply, MAX_DETECT, Outcome, Protocol, Registry, RelayStep, RouteTable,
    RoutingKey, Sniffed,
};
use meshwire_http1::parts as http1;
use meshwire_http2::parts as http2;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

type Failed = Box<dyn std::error::Error + Send + Sync>;
type Answer = Response<Either<Incoming, Full<Bytes>>>;

/// The hosts of HTTP and the services of RPC are names of one kind.
const ROUTES: &str = "
virtual_hosts:
  - hosts: [shop.example.com, com.example.shop.OrderService]
    routes:
      - match: {path: {suffix: /cancel}}
        cluster: orders-v2
      - match: {path: {suffix: /refund}}
        reply: {outcome: denied, message: refunds are made by hand}
      - cluster: orders-v1
";

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let done = match args.next() {
        None => demo::run().await,
        Some(listen) => serve(&listen, args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hyper_front: {error}\nusage: hyper_front [LISTEN_ADDRESS [CLUSTER=ADDRESS]...]");
            ExitCode::from(2)
        }
    }
}

async fn serve(listen: &str, clusters: impl Iterator<Item = String>) -> Result<(), Failed> {
    let mut addresses = HashMap::new();
    for cluster in clusters {
        let (name, address) = cluster.split_once('=').ok_or("a cluster is NAME=ADDRESS")?;
        addresses.insert(name.to_owned(), address.to_owned());
    }
    let listener = TcpListener::bind(listen).await?;
    println!("listening on {}\n", listener.local_addr()?);
    Front::new(addresses)?.accept(listener).await
}

struct Front {
    table: RouteTable,
    registry: Registry,
    /// Where each cluster is.
    addresses: HashMap<String, String>,
}

impl Front {
    fn new(addresses: HashMap<String, String>) -> Result<Arc<Self>, Failed> {
        let table = RouteTable::from_yaml(ROUTES)?;
        println!("{:<8} {:<30} {:<38} routed to", "protocol", "host or service", "path");
        Ok(Arc::new(Self { table, registry: registry()?, addresses }))
    }

    async fn accept(self: Arc<Self>, listener: TcpListener) -> Result<(), Failed> {
        loop {
            let (io, _) = listener.accept().await?;
            let front = Arc::clone(&self);
            tokio::spawn(async move {
                if let Err(error) = front.connection(io).await {
                    eprintln!("a connection failed: {error}");
                }
            });
        }
    }

    async fn connection(self: Arc<Self>, mut io: TcpStream) -> Result<(), Failed> {
        io.set_nodelay(true)?;
        let (protocol, seen) = detect(&mut io, &self.registry).await?;
        match protocol.name() {
            "http1" | "http2" => self.http(rewound(seen, io)).await,
            _ => self.rpc(&*protocol, seen, io).await,
        }
    }

    // ----- HTTP, which hyper speaks -----

    async fn http(self: Arc<Self>, io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<(), Failed> {
        let service = service_fn(move |request| {
            let front = Arc::clone(&self);
            async move { Ok::<_, Infallible>(front.request(request).await) }
        });
        auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(io), service).await
    }

    async fn request(&self, request: Request<Incoming>) -> Answer {
        let protocol = if request.version() == Version::HTTP_2 { "http2" } else { "http1" };
        let found = match self.table.lookup(&request, random()) {
            Ok(found) => found,
            Err(miss) => {
                say(protocol, &request, "nowhere");
                return answer(miss.outcome(), &miss.to_string());
            }
        };
        match found.target() {
            Target::Reply(reply) => {
                say(protocol, &request, reply.outcome.name());
                answer(reply.outcome, reply.message)
            }
            Target::Cluster(cluster) => {
                say(protocol, &request, cluster);
                let proxied = self.proxy(cluster, found.route(), request).await;
                proxied.unwrap_or_else(|error| answer(Outcome::Unavailable, &error.to_string()))
            }
        }
    }

    async fn proxy(&self, cluster: &str, route: &Route, request: Request<Incoming>) -> Result<Answer, Failed> {
        let (parts, body) = request.into_parts();
        let http2 = parts.version == Version::HTTP_2;
        let request = match edit_request(&parts, body.is_end_stream(), route) {
            Ok(parts) => Request::from_parts(parts, body),
            Err(error) => return Ok(answer(Outcome::BadRequest, &error.to_string())),
        };
        let io = TokioIo::new(self.dial(cluster).await?);
        let answer = if http2 {
            let (mut sender, connection) = client::conn::http2::handshake(TokioExecutor::new(), io).await?;
            tokio::spawn(connection);
            sender.send_request(request).await?
        } else {
            let (mut sender, connection) = client::conn::http1::handshake(io).await?;
            tokio::spawn(connection);
            sender.send_request(request).await?
        };
        let (parts, body) = answer.into_parts();
        Ok(Response::from_parts(edit_response(&parts, body.is_end_stream(), route)?, Either::Left(body)))
    }

    async fn dial(&self, cluster: &str) -> Result<TcpStream, Failed> {
        let address = self.addresses.get(cluster).ok_or_else(|| format!("nobody knows where {cluster} is"))?;
        let io = TcpStream::connect(address).await?;
        io.set_nodelay(true)?;
        Ok(io)
    }

    // ----- everything else -----

    async fn rpc(&self, protocol: &dyn Protocol, seen: BytesMut, io: TcpStream) -> Result<(), Failed> {
        let conn = Conn::server().with_depth(Arc::clone(self.table.depth()));
        let mut end = Endpoint::new(protocol.codec(conn));
        *end.input() = seen;
        let mut driver = RelayDriver::new(io, end);
        let mut links = HashMap::new();
        loop {
            match driver.step().await? {
                RelayStep::Request(exchange, head) => {
                    self.call(&mut driver, &mut links, protocol, exchange, head).await;
                }
                RelayStep::Refused(error) => eprintln!("refused: {error}"),
                RelayStep::Closed => return Ok(()),
                RelayStep::Done(_) | RelayStep::Idle => {}
            }
        }
    }

    async fn call(
        &self,
        driver: &mut RelayDriver<TcpStream>,
        links: &mut HashMap<String, Link>,
        protocol: &dyn Protocol,
        exchange: ExchangeId,
        mut head: Head,
    ) {
        let (outcome, message) = match self.table.lookup(&head, random()) {
            Err(miss) => {
                say(protocol.name(), &head, "nowhere");
                (miss.outcome(), miss.to_string())
            }
            Ok(found) => match found.target() {
                Target::Reply(reply) => {
                    say(protocol.name(), &head, reply.outcome.name());
                    (reply.outcome, reply.message.to_owned())
                }
                Target::Cluster(cluster) => {
                    say(protocol.name(), &head, cluster);
                    match self.link(driver, links, protocol, cluster).await {
                        Err(error) => (Outcome::Unavailable, error.to_string()),
                        Ok(link) => match found.route().apply_request(&mut head) {
                            Err(error) => (Outcome::Unimplemented, error.to_string()),
                            Ok(()) => return driver.relay().forward(exchange, link, head),
                        },
                    }
                }
            },
        };
        driver.relay().respond(exchange, &LocalReply::new(outcome, &message));
    }

    /// This connection's own upstream connection for a cluster.
    async fn link(
        &self,
        driver: &mut RelayDriver<TcpStream>,
        links: &mut HashMap<String, Link>,
        protocol: &dyn Protocol,
        cluster: &str,
    ) -> Result<Link, Failed> {
        if let Some(link) = links.get(cluster).filter(|link| driver.relay().is_usable(**link)) {
            return Ok(*link);
        }
        let io = self.dial(cluster).await?;
        let link = driver.connect(Box::new(io), Endpoint::new(protocol.codec(Conn::client())), &protocol.traits());
        links.insert(cluster.to_owned(), link);
        Ok(link)
    }
}

/// What the route edits, and what an intermediary owes, is done to heads. The codecs make them of hyper's parts, and
/// refuse on the way what could be read in two ways.
fn edit_request(parts: &request::Parts, end: bool, route: &Route) -> Result<request::Parts, Failed> {
    let http2 = parts.version == Version::HTTP_2;
    let mut head = if http2 { http2::from_request(parts, end) } else { http1::from_request(parts, end) }?;
    route.apply_request(&mut head)?;
    head.forward();
    Ok(if http2 { http2::to_request(&head) } else { http1::to_request(&head) }?)
}

fn edit_response(parts: &response::Parts, end: bool, route: &Route) -> Result<response::Parts, Failed> {
    let http2 = parts.version == Version::HTTP_2;
    let mut head = if http2 { http2::from_response(parts, end) } else { http1::from_response(parts, end) }?;
    route.apply_response(&mut head)?;
    head.forward();
    Ok(if http2 { http2::to_response(&head) } else { http1::to_response(&head) }?)
}

/// A protocol that is to pass joins here.
fn registry() -> Result<Registry, Failed> {
    let builder = Registry::builder().with(meshwire_http1::Http1::default()).with(meshwire_http2::Http2::default());
    let builder = builder.with(meshwire_dubbo::Dubbo::default()).with(meshwire_sofarpc::Bolt::default());
    Ok(builder.with(meshwire_thrift::Thrift::default()).build()?)
}

/// Whose the first bytes of a connection are, and those bytes.
async fn detect(io: &mut TcpStream, registry: &Registry) -> Result<(Arc<dyn Protocol>, BytesMut), Failed> {
    let mut seen = BytesMut::with_capacity(MAX_DETECT);
    let sniff = async {
        loop {
            match registry.sniff(&seen) {
                Sniffed::Protocol(protocol) => return Ok(Arc::clone(protocol)),
                Sniffed::NeedMore(_) if io.read_buf(&mut seen).await? > 0 => {}
                Sniffed::NeedMore(_) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                other => return Err(io::Error::other(format!("protocol: {other:?}"))),
            }
        }
    };
    let protocol = tokio::time::timeout(Duration::from_secs(5), sniff).await??;
    Ok((protocol, seen))
}

/// A connection whose first bytes are there to be read again.
fn rewound(seen: BytesMut, io: TcpStream) -> impl AsyncRead + AsyncWrite + Send + Unpin + 'static {
    let (read, write) = io.into_split();
    tokio::io::join(Cursor::new(seen).chain(read), write)
}

fn answer(outcome: Outcome, message: &str) -> Answer {
    let mut answer = Response::new(Either::Right(Full::from(format!("{message}\n"))));
    *answer.status_mut() = StatusCode::from_u16(meshwire_http1::status(outcome)).unwrap_or_default();
    answer
}

/// A line for a request of whatever protocol: a routing key is all it takes.
fn say(protocol: &str, key: &impl RoutingKey, to: &str) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let host = key.host().value().map(text).unwrap_or_default();
    let path = key.path().ok().flatten().map(|path| text(&path.to_bytes())).unwrap_or_default();
    println!("{protocol:<8} {host:<30} {path:<38} {to}");
}

/// A number for each request, by which routes split traffic.
fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0);
    STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_protocol_goes_where_the_one_table_says() {
        let done = tokio::time::timeout(Duration::from_secs(30), demo::run()).await;
        done.map_err(Failed::from).flatten().unwrap();
    }
}
