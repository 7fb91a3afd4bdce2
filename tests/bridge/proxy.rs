//! A proxy between pipes in memory: one downstream, and upstreams as the test accepts them.

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use meshwire::io::RelayDriver;
use meshwire::{
    Attr, Attribute, Conn, Done, Endpoint, Head, Limits, Link, LocalReply, Outcome, Protocol, Registry, RelayStep,
    RoutingKey,
};
use meshwire_http1::Http1;
use meshwire_http2::Http2;
use tokio::io::{DuplexStream, duplex};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::h1::Text;
use super::h2::Frames;

/// Far more than anything here takes: who waits longer waits in vain.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs what must come to an end.
pub(super) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("this takes no time")
}

/// A proxy to be.
pub(super) struct Setup {
    down: Arc<dyn Protocol>,
    up: Arc<dyn Protocol>,
    limits: Limits,
    registry: Option<Arc<Registry>>,
    pipe: usize,
}

/// From one version to the other.
pub(super) fn to_http2() -> Setup {
    Setup::new(Http1::default(), Http2::default())
}

pub(super) fn to_http1() -> Setup {
    Setup::new(Http2::default(), Http1::default())
}

impl Setup {
    pub(super) fn new(down: impl Protocol + 'static, up: impl Protocol + 'static) -> Self {
        let (down, up) = (Arc::new(down), Arc::new(up));
        Self { down, up, limits: Limits::default(), registry: None, pipe: 64 * 1024 }
    }

    /// The bytes that a pipe holds.
    pub(super) fn pipe(self, pipe: usize) -> Self {
        Self { pipe, ..self }
    }

    pub(super) fn limits(mut self, edit: impl FnOnce(&mut Limits)) -> Self {
        edit(&mut self.limits);
        self
    }

    /// The downstream may become another protocol.
    pub(super) fn registry(self, registry: Registry) -> Self {
        Self { registry: Some(Arc::new(registry)), ..self }
    }

    pub(super) fn start(self) -> Proxy {
        let (client, io) = duplex(self.pipe);
        let (dialed, upstreams) = unbounded_channel();
        let (told, done) = unbounded_channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let running = Running { setup: self, dialed, told, queued: Arc::clone(&queued) };
        let task = tokio::spawn(running.run(io));
        Proxy { client: Some(client), upstreams, done, queued, task }
    }
}

/// A proxy that runs, as its peers and its logs see it.
pub(super) struct Proxy {
    client: Option<DuplexStream>,
    upstreams: UnboundedReceiver<DuplexStream>,
    done: UnboundedReceiver<Done>,
    queued: Arc<AtomicUsize>,
    task: JoinHandle<io::Result<()>>,
}

impl Proxy {
    /// The client's end.
    pub(super) fn client(&mut self) -> DuplexStream {
        self.client.take().expect("there is one client")
    }

    pub(super) fn text_client(&mut self) -> Text {
        Text::new(self.client())
    }

    pub(super) async fn frame_client(&mut self) -> Frames {
        Frames::client(self.client()).await
    }

    /// The server's end of the next upstream connection.
    pub(super) async fn accept(&mut self) -> DuplexStream {
        within(self.upstreams.recv()).await.expect("the proxy dials")
    }

    pub(super) async fn text_server(&mut self) -> Text {
        Text::new(self.accept().await)
    }

    pub(super) async fn frame_server(&mut self) -> Frames {
        Frames::server(self.accept().await, &[]).await
    }

    /// Whether the proxy has dialed once more.
    pub(super) fn has_dialed(&mut self) -> bool {
        !self.upstreams.is_empty()
    }

    /// What the log says of the next exchange that has ended.
    pub(super) async fn done(&mut self) -> Done {
        within(self.done.recv()).await.expect("the exchange ends")
    }

    /// Its outcome, and whether the proxy has answered.
    pub(super) async fn outcome(&mut self) -> (Outcome, bool) {
        let done = self.done().await;
        (done.outcome, done.local)
    }

    /// The most bytes that were queued for one peer at any time.
    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// The downstream connection has come to its end.
    pub(super) async fn ended(self) {
        within(self.task).await.expect("it does not panic").expect("the client took all that it was sent");
    }
}

struct Running {
    setup: Setup,
    dialed: UnboundedSender<DuplexStream>,
    told: UnboundedSender<Done>,
    queued: Arc<AtomicUsize>,
}

impl Running {
    async fn run(self, io: DuplexStream) -> io::Result<()> {
        let conn = Conn::server().with_limits(self.setup.limits.clone());
        let mut end = Endpoint::new(self.setup.down.codec(conn.clone()));
        if let Some(registry) = &self.setup.registry {
            end = end.with_registry(Arc::clone(registry), conn);
        }
        let mut driver = RelayDriver::new(io, end);
        let mut link = None;
        loop {
            match self.step(&mut driver, link).await? {
                RelayStep::Request(exchange, head) => {
                    if let Some(outcome) = local(&head) {
                        driver.relay().respond(exchange, &LocalReply::new(outcome, "said here"));
                        continue;
                    }
                    let to = match link {
                        Some(link) if driver.relay().is_usable(link) => link,
                        _ => self.dial(&mut driver),
                    };
                    link = Some(to);
                    if let Some(timeout) = head.timeout() {
                        let at = driver.relay().now().saturating_add(timeout);
                        driver.relay().set_deadline(exchange, at);
                    }
                    driver.relay().forward(exchange, to, head);
                }
                RelayStep::Done(done) => drop(self.told.send(done)),
                RelayStep::Refused(_) | RelayStep::Idle => {}
                RelayStep::Closed => return Ok(()),
            }
        }
    }

    fn dial(&self, driver: &mut RelayDriver<DuplexStream>) -> Link {
        let (ours, theirs) = duplex(self.setup.pipe);
        let conn = Conn::client().with_limits(self.setup.limits.clone());
        let link = driver.connect(Box::new(ours), Endpoint::new(self.setup.up.codec(conn)), &self.setup.up.traits());
        drop(self.dialed.send(theirs));
        link
    }

    /// The driver's next step; what is queued meanwhile is noted.
    async fn step(&self, driver: &mut RelayDriver<DuplexStream>, link: Option<Link>) -> io::Result<RelayStep> {
        poll_fn(|cx| {
            let step = driver.poll_step(cx);
            let relay = driver.relay();
            let up = link.and_then(|link| relay.upstream(link)).map_or(0, |end| end.output().len() + end.unread());
            let down = relay.downstream();
            self.queued.fetch_max(up.max(down.output().len() + down.unread()), Ordering::Relaxed);
            step
        })
        .await
    }
}

/// `/local/<outcome>` is answered by the proxy itself.
fn local(head: &Head) -> Option<Outcome> {
    let Attr::Value(path) = head.attribute(Attribute::Path) else { return None };
    Outcome::from_name(std::str::from_utf8(path).ok()?.strip_prefix("/local/")?)
}
