//! Many clients on one connection to a server: the requests of all of them under ids of the relay's own, which
//! the clients' own ids, alike on each connection, would not be.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread;

use meshwire::io::{Driver, DriverError};
use meshwire::{Conn, Event, Kind, Protocol, Sent, StreamId};
use meshwire_sofarpc::Bolt;
use meshwire_thrift::Thrift;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A relay that ends when this value does.
pub(crate) struct Shared {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Shared {
    /// Starts it before the server on `port`; answers with its own port.
    pub(crate) fn start(port: u16, protocol: &str) -> Result<(Self, u16), String> {
        let protocol = named(protocol)?;
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let served = runtime.and_then(|runtime| {
                runtime.block_on(async {
                    let listener = TcpListener::bind("127.0.0.1:0").await?;
                    let _ = ready.send(listener.local_addr()?.port());
                    tokio::select! {
                        served = serve(listener, ([127, 0, 0, 1], port).into(), protocol) => served,
                        _ = stopped => Ok(()),
                    }
                })
            });
            if let Err(error) = served {
                eprintln!("shared relay: {error}");
            }
        });
        let port = started.recv().map_err(|_| "the shared relay did not start".to_owned())?;
        Ok((Self { stop: Some(stop), thread: Some(thread) }, port))
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The protocols whose requests may be given other ids, of 32 bits.
fn named(protocol: &str) -> Result<Arc<dyn Protocol>, String> {
    match protocol {
        "sofarpc" => Ok(Arc::new(Bolt::new())),
        "thrift" => Ok(Arc::new(Thrift::new())),
        _ => Err(format!("no relay speaks {protocol}")),
    }
}

/// One connection to the server for all clients; another one when that has gone.
async fn serve(listener: TcpListener, server: SocketAddr, protocol: Arc<dyn Protocol>) -> io::Result<()> {
    loop {
        let (first, _) = listener.accept().await?;
        let up = TcpStream::connect(server).await?;
        let mut relay = Relay::new(up, protocol.clone())?;
        relay.add(first)?;
        relay.run(&listener).await?;
    }
}

type Side = Driver<TcpStream>;

struct Relay {
    protocol: Arc<dyn Protocol>,
    up: Side,
    downs: HashMap<u64, Side>,
    next_down: u64,
    /// Whose answer the one under this id is.
    asked: HashMap<u64, (u64, StreamId)>,
    /// What requests whose bodies still come are called there.
    open: HashMap<(u64, u64), StreamId>,
    next_id: u32,
    /// What waits for the message before it.
    waiting: VecDeque<(u64, Event)>,
}

enum Step {
    Client(TcpStream),
    FromDown(u64, Option<Result<Event, DriverError>>),
    FromUp(Option<Result<Event, DriverError>>),
}

fn side(io: TcpStream, protocol: &dyn Protocol, conn: Conn) -> io::Result<Side> {
    io.set_nodelay(true)?;
    Ok(Driver::new(io, protocol.codec(conn)))
}

impl Relay {
    fn new(up: TcpStream, protocol: Arc<dyn Protocol>) -> io::Result<Self> {
        Ok(Self {
            up: side(up, &*protocol, Conn::client())?,
            protocol,
            downs: HashMap::new(),
            next_down: 0,
            asked: HashMap::new(),
            open: HashMap::new(),
            // Ids wrap on the way.
            next_id: u32::MAX - 100,
            waiting: VecDeque::new(),
        })
    }

    fn add(&mut self, io: TcpStream) -> io::Result<()> {
        self.downs.insert(self.next_down, side(io, &*self.protocol, Conn::server())?);
        self.next_down += 1;
        Ok(())
    }

    /// Until the last client, or the server, has gone.
    async fn run(&mut self, listener: &TcpListener) -> io::Result<()> {
        while !self.downs.is_empty() {
            match poll_fn(|cx| self.poll(cx, listener)).await? {
                Step::Client(io) => self.add(io)?,
                Step::FromDown(down, Some(Ok(event))) => self.request(down, event),
                Step::FromDown(down, gone) => {
                    if let Some(Err(error)) = gone {
                        eprintln!("shared relay: client: {error}");
                    }
                    self.downs.remove(&down);
                }
                Step::FromUp(Some(Ok(event))) => self.answer(event),
                Step::FromUp(gone) => {
                    eprintln!("shared relay: the server has gone: {gone:?}");
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn poll(&mut self, cx: &mut Context<'_>, listener: &TcpListener) -> Poll<io::Result<Step>> {
        if let Poll::Ready(accepted) = listener.poll_accept(cx) {
            return Poll::Ready(accepted.map(|(io, _)| Step::Client(io)));
        }
        if let Poll::Ready(event) = self.up.poll_next(cx) {
            return Poll::Ready(Ok(Step::FromUp(event)));
        }
        for (down, side) in &mut self.downs {
            if let Poll::Ready(event) = side.poll_next(cx) {
                return Poll::Ready(Ok(Step::FromDown(*down, event)));
            }
        }
        Poll::Pending
    }

    fn request(&mut self, down: u64, mut event: Event) {
        let Some(stream) = event.stream() else { return };
        let name = match &event {
            Event::Head(head) => {
                let mut id = u64::from(self.next_id);
                while self.asked.contains_key(&id) {
                    id = u64::from(self.next_id.wrapping_add(1));
                    self.next_id = id as u32;
                }
                self.next_id = self.next_id.wrapping_add(1);
                let name = StreamId::new(id).with_tag(stream.tag());
                if head.kind() == Kind::Request {
                    self.asked.insert(id, (down, stream));
                }
                if !head.is_end() {
                    self.open.insert((down, stream.id()), name);
                }
                name
            }
            _ => match self.open.get(&(down, stream.id())) {
                Some(name) => *name,
                None => return,
            },
        };
        if event.is_end() {
            self.open.remove(&(down, stream.id()));
        }
        let n = event.data_len();
        event.set_stream(name);
        self.waiting.push_back((down, event));
        self.send();
        if let Some(side) = self.downs.get_mut(&down) {
            side.release(stream, n);
        }
    }

    /// Sends what waits, a message whole before the next.
    fn send(&mut self) {
        let mut blocked = VecDeque::new();
        while let Some((down, mut event)) = self.waiting.pop_front() {
            match self.up.send(&mut event) {
                Ok(Sent::All) => {}
                Ok(Sent::Blocked) => blocked.push_back((down, event)),
                Err(error) => eprintln!("shared relay: {error}"),
            }
        }
        self.waiting = blocked;
    }

    fn answer(&mut self, mut event: Event) {
        if matches!(event, Event::Capacity { .. }) {
            return self.send();
        }
        let Some(stream) = event.stream() else { return };
        let n = event.data_len();
        self.up.release(stream, n);
        let Some(&(down, name)) = self.asked.get(&stream.id()) else { return };
        if event.is_end() {
            self.asked.remove(&stream.id());
        }
        event.set_stream(name);
        if let Some(side) = self.downs.get_mut(&down)
            && let Err(error) = side.send(&mut event)
        {
            eprintln!("shared relay: {error}");
        }
    }
}
