//! One downstream connection: detected, routed, relayed.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use meshwire::io::{Address, Connect, RelayDriver, Stream};
use meshwire::route::Target;
use meshwire::{
    Attribute, Conn, Correlation, Done, Endpoint, ExchangeId, Head, Limits, Link, LocalReply, MAX_DETECT, Outcome,
    Protocol, Registry, Relay, RelayStep, RouteTable, RoutingKey, Sniffed,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What every connection of a proxy shares.
pub(crate) struct Shared {
    pub(crate) table: Arc<RouteTable>,
    pub(crate) clusters: Arc<HashMap<String, Destination>>,
    /// Every protocol: what a connection may become, and what a cluster may speak.
    pub(crate) registry: Arc<Registry>,
    pub(crate) connect: Arc<dyn Connect>,
    /// Told of every exchange that ends.
    pub(crate) log: Option<Log>,
    /// Turns true when no new exchange is to be begun.
    pub(crate) draining: watch::Receiver<bool>,
}

/// Where the requests for a cluster go.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(crate) address: Address,
    /// What its servers speak, if it is not what the client speaks: a protocol that means the same.
    pub(crate) protocol: Option<Arc<dyn Protocol>>,
    /// How often an upstream connection gets a heartbeat, where its protocol has them.
    pub(crate) heartbeat: Option<Duration>,
}

pub(crate) type Log = Box<dyn Fn(&Entry) + Send + Sync>;

/// A line of the access log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) protocol: &'static str,
    pub(crate) service: String,
    pub(crate) method: String,
    pub(crate) route: String,
    pub(crate) cluster: String,
    pub(crate) done: Done,
}

/// Whose the first bytes of `io` are, and those bytes.
pub(crate) async fn detect<T: AsyncRead + Unpin>(
    io: &mut T,
    registry: &Registry,
    timeout: Duration,
) -> io::Result<(Arc<dyn Protocol>, BytesMut)> {
    let mut seen = BytesMut::with_capacity(MAX_DETECT);
    let sniff = async {
        loop {
            match registry.sniff(&seen) {
                Sniffed::Protocol(protocol) => return Ok(Arc::clone(protocol)),
                Sniffed::NeedMore(_) => {
                    if io.read_buf(&mut seen).await? == 0 {
                        return Err(io::Error::new(
                            io::ErrorKind::UnexpectedEof,
                            "closed before its protocol was known",
                        ));
                    }
                }
                other => return Err(io::Error::new(io::ErrorKind::InvalidData, format!("protocol: {other:?}"))),
            }
        }
    };
    let protocol = tokio::time::timeout(timeout, sniff)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "no protocol was recognised in time"))??;
    Ok((protocol, seen))
}

/// Serves a connection whose protocol is known until it ends; `seen` was read from it already.
pub(crate) async fn serve<T>(
    io: T,
    protocol: Arc<dyn Protocol>,
    limits: Arc<Limits>,
    seen: BytesMut,
    shared: Arc<Shared>,
) -> io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let conn = Conn::server().with_limits(limits).with_depth(Arc::clone(shared.table.depth()));
    let end = Endpoint::new(protocol.codec(conn.clone()));
    let mut end = end.with_registry(Arc::clone(&shared.registry), conn);
    *end.input() = seen;
    let mut draining = shared.draining.clone();
    let mut connection = Connection {
        driver: RelayDriver::new(io, end),
        protocol,
        shared,
        clusters: HashMap::new(),
        dials: JoinSet::new(),
        heartbeats: JoinSet::new(),
        entries: HashMap::new(),
    };
    loop {
        tokio::select! {
            step = connection.driver.step() => match step? {
                RelayStep::Request(exchange, head) => connection.request(exchange, head),
                RelayStep::Done(done) => connection.done(done),
                RelayStep::Refused(error) => eprintln!("refused: {error}"),
                RelayStep::Closed => return Ok(()),
                RelayStep::Idle => {}
            },
            Some(dialed) = connection.dials.join_next() => {
                if let Ok((cluster, result)) = dialed {
                    connection.dialed(&cluster, result);
                }
            }
            Some(Ok((link, every))) = connection.heartbeats.join_next() => connection.heartbeat(link, every),
            Ok(()) = draining.changed() => connection.driver.relay().drain(),
        }
    }
}

struct Connection<T> {
    driver: RelayDriver<T>,
    protocol: Arc<dyn Protocol>,
    shared: Arc<Shared>,
    clusters: HashMap<String, Upstream>,
    dials: JoinSet<(String, io::Result<Box<dyn Stream>>)>,
    /// Whose upstream connection is due for one, when.
    heartbeats: JoinSet<(Link, Duration)>,
    entries: HashMap<ExchangeId, Entry>,
}

/// This connection's own upstream connections for a cluster: one, where that takes all that comes.
struct Upstream {
    protocol: Arc<dyn Protocol>,
    /// An answer waits for those before it, which a client of many streams has not asked for: one exchange at a time.
    one_by_one: bool,
    links: Vec<Link>,
    /// Requests that wait for one to be dialed.
    waiting: VecDeque<(ExchangeId, Head)>,
}

impl Upstream {
    /// One that takes this request now.
    fn link(&mut self, relay: &mut Relay, head: &Head) -> Option<Link> {
        self.links.retain(|link| relay.is_usable(*link));
        let mut idle = |link: Link| relay.upstream(link).is_some_and(|end| end.codec().state().open == 0);
        let free = |link: &Link| !self.one_by_one || idle(*link);
        let links: Vec<_> = self.links.iter().copied().filter(free).collect();
        links.into_iter().find(|link| relay.takes(*link, head))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Connection<T> {
    fn request(&mut self, exchange: ExchangeId, mut head: Head) {
        let table = Arc::clone(&self.shared.table);
        let found = table.lookup(&head, random());
        let text = |attribute| {
            let value = head.attribute(attribute).value().unwrap_or_default();
            String::from_utf8_lossy(value).into_owned()
        };
        let mut entry = Entry {
            protocol: head.protocol(),
            service: text(Attribute::Service),
            method: text(Attribute::Method),
            route: String::new(),
            cluster: String::new(),
            done: Done::begun(exchange),
        };
        let relay = self.driver.relay();
        let refusal = match &found {
            Err(miss) => Some((miss.outcome(), miss.to_string())),
            Ok(found) => {
                let names = [found.virtual_host().name(), found.route().name()];
                entry.route = names.into_iter().flatten().collect::<Vec<_>>().join("/");
                match found.target() {
                    Target::Reply(reply) => Some((reply.outcome, reply.message.to_owned())),
                    Target::Cluster(cluster) => {
                        entry.cluster = cluster.to_owned();
                        found.route().apply_request(&mut head).err().map(|e| (Outcome::Unimplemented, e.to_string()))
                    }
                }
            }
        };
        let cluster = entry.cluster.clone();
        if self.shared.log.is_some() {
            self.entries.insert(exchange, entry);
        }
        if let Some((outcome, message)) = refusal {
            relay.respond(exchange, &LocalReply::new(outcome, &message));
            return;
        }
        if let Ok(found) = found {
            let route = found.route();
            // What the client says, unless the route is less patient.
            if let Some(timeout) = route.timeout().into_iter().chain(head.timeout()).min() {
                let at = relay.now().saturating_add(timeout);
                relay.set_deadline(exchange, at);
            }
            if let Some(edits) = route.response_edits().cloned() {
                relay.on_response(exchange, move |head| edits.apply(head));
            }
            let retry = route.retry().filter(|retry| retry.covers(Outcome::Unavailable));
            let retries = retry.map(|retry| (0..retry.attempts).map(|n| retry.wait(n, random())).collect());
            self.forward(exchange, head, cluster, retries.unwrap_or_default());
        }
    }

    fn forward(&mut self, exchange: ExchangeId, head: Head, cluster: String, waits: Vec<Duration>) {
        let relay = self.driver.relay();
        let spoken = relay.downstream().switched().unwrap_or(&self.protocol);
        let upstream = self.clusters.entry(cluster.clone()).or_insert_with(|| {
            let own = self.shared.clusters.get(&cluster).and_then(|cluster| cluster.protocol.as_ref());
            let protocol = Arc::clone(own.unwrap_or(spoken));
            let one_by_one = protocol.traits().correlation == Correlation::Ordered && spoken.traits().interleaved;
            Upstream { protocol, one_by_one, links: Vec::new(), waiting: VecDeque::new() }
        });
        if upstream.protocol.traits().semantics != head.format().semantics() {
            let message = format!("{cluster} speaks {}, which is not {}", upstream.protocol.name(), head.protocol());
            relay.respond(exchange, &LocalReply::new(Outcome::Unimplemented, &message));
            return;
        }
        if let Some(link) = upstream.link(relay, &head) {
            relay.forward(exchange, link, head);
            return;
        }
        upstream.waiting.push_back((exchange, head));
        if upstream.waiting.len() > 1 && !upstream.one_by_one {
            return;
        }
        let (connect, clusters) = (Arc::clone(&self.shared.connect), Arc::clone(&self.shared.clusters));
        self.dials.spawn(async move {
            let Some(Destination { address, .. }) = clusters.get(&cluster) else {
                return (cluster, Err(io::ErrorKind::NotFound.into()));
            };
            let mut result = connect.connect(address).await;
            for wait in waits {
                if result.is_ok() {
                    break;
                }
                tokio::time::sleep(wait).await;
                result = connect.connect(address).await;
            }
            (cluster, result)
        });
    }

    fn dialed(&mut self, cluster: &str, result: io::Result<Box<dyn Stream>>) {
        let Some(upstream) = self.clusters.get_mut(cluster) else { return };
        let n = if upstream.one_by_one { 1 } else { upstream.waiting.len() };
        let waiting: Vec<_> = upstream.waiting.drain(..n.min(upstream.waiting.len())).collect();
        match result {
            Ok(io) => {
                let traits = upstream.protocol.traits();
                let end = Endpoint::new(upstream.protocol.codec(Conn::client()));
                let link = self.driver.connect(io, end, &traits);
                upstream.links.push(link);
                let every = self.shared.clusters.get(cluster).and_then(|cluster| cluster.heartbeat);
                if let Some(every) = every.filter(|_| traits.heartbeat) {
                    self.beat_in(link, every);
                }
                for (exchange, head) in waiting {
                    let relay = self.driver.relay();
                    if relay.takes(link, &head) {
                        relay.forward(exchange, link, head);
                    } else {
                        // Its id is another one's there, and stays as it is.
                        self.forward(exchange, head, cluster.to_owned(), Vec::new());
                    }
                }
            }
            Err(error) => {
                let message = format!("cannot connect to {cluster}: {error}");
                for (exchange, _) in waiting {
                    self.driver.relay().respond(exchange, &LocalReply::new(Outcome::Unavailable, &message));
                }
            }
        }
    }

    fn heartbeat(&mut self, link: Link, every: Duration) {
        if self.driver.relay().heartbeat(link) {
            self.beat_in(link, every);
        }
    }

    fn beat_in(&mut self, link: Link, every: Duration) {
        self.heartbeats.spawn(async move {
            tokio::time::sleep(every).await;
            (link, every)
        });
    }

    fn done(&mut self, done: Done) {
        if let (Some(log), Some(mut entry)) = (&self.shared.log, self.entries.remove(&done.exchange)) {
            entry.done = done;
            log(&entry);
        }
    }
}

/// A number for each request: routes split traffic and retries spread by it, nothing secret depends on it.
fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    let mut x = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
