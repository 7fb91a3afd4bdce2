//! `server`: answers every request of the protocols below, whichever a connection speaks; no proxy, no routes.
//!
//! It is what the conformance suites and load generators are pointed at. An answer says what was asked for and how much
//! came with it; a gRPC call is answered with one message, a call of Thrift with an empty result in its own encoding.
//!
//! ```text
//! cargo run --release --example server -- 127.0.0.1:8080
//! ```

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use meshwire::io::{Driver, DriverError};
use meshwire::{
    Attribute, Conn, DecodeError, EncodeError, Event, Head, Kind, LocalReply, MAX_DETECT, Protocol, Registry,
    RoutingKey, Scope, Sent, Sniffed, StreamId,
};
use meshwire_dubbo::Dubbo;
use meshwire_http1::Http1;
use meshwire_http2::Http2;
use meshwire_sofarpc::{Answer as BoltAnswer, Bolt};
use meshwire_thrift::{Answer as ThriftAnswer, Thrift};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let address: SocketAddr = std::env::args().nth(1).ok_or("server HOST:PORT")?.parse()?;
    let registry = Registry::builder().with(Http1::default()).with(Http2::default());
    let registry = Arc::new(registry.with(Dubbo::default()).with(Bolt::default()).with(Thrift::default()).build()?);
    let listener = TcpListener::bind(address).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (io, _) = listener.accept().await?;
        let registry = Arc::clone(&registry);
        tokio::spawn(async move {
            if let Err(error) = connection(io, &registry).await {
                eprintln!("server: {error}");
            }
        });
    }
}

async fn connection(mut io: TcpStream, registry: &Registry) -> Result<(), Failure> {
    io.set_nodelay(true)?;
    let mut seen = BytesMut::with_capacity(MAX_DETECT);
    let protocol = loop {
        match registry.sniff(&seen) {
            Sniffed::Protocol(protocol) => break Arc::clone(protocol),
            Sniffed::NeedMore(_) if io.read_buf(&mut seen).await? > 0 => {}
            Sniffed::NeedMore(_) => return Ok(()),
            other => return Err(format!("{other:?}").into()),
        }
    };
    let mut driver = Driver::new(io, protocol.codec(Conn::server()));
    *driver.endpoint().input() = seen;
    match (Server { driver, answer: answer_of(&*protocol), open: HashMap::new(), waiting: VecDeque::new() }).run().await
    {
        // A client may leave as it likes.
        Err(DriverError::Io(error)) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        done => Ok(done?),
    }
}

/// What a protocol answers to a request with so many bytes.
type Answer = fn(&Head, usize) -> Result<Vec<Event>, EncodeError>;

struct Server {
    driver: Driver<TcpStream>,
    answer: Answer,
    /// Requests whose end has not come, and how many bytes have.
    open: HashMap<u64, (Head, usize)>,
    /// What the client does not take yet.
    waiting: VecDeque<Event>,
}

impl Server {
    async fn run(mut self) -> Result<(), DriverError> {
        while let Some(event) = self.driver.next().await {
            match event {
                Ok(event) => self.event(event)?,
                // What the codec has to say about it is queued.
                Err(DriverError::Decode(error)) if error.is_fatal() => return Ok(self.driver.close().await?),
                Err(DriverError::Decode(error)) => self.refuse(&error)?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> Result<(), DriverError> {
        if matches!(event, Event::Capacity { .. }) {
            return self.send();
        }
        let (Some(stream), end, n) = (event.stream(), event.is_end(), event.data_len()) else { return Ok(()) };
        self.driver.release(stream, n);
        match event {
            Event::Head(head) => {
                self.open.insert(stream.id(), (head, n));
            }
            Event::Body(_) | Event::Trailers(_) => {
                if let Some((_, length)) = self.open.get_mut(&stream.id()) {
                    *length = length.saturating_add(n);
                }
            }
            Event::Reset { .. } => {
                self.open.remove(&stream.id());
                self.waiting.retain(|event| event.stream() != Some(stream));
            }
            _ => return Ok(()),
        }
        if !end {
            return Ok(());
        }
        let Some((head, length)) = self.open.remove(&stream.id()) else { return Ok(()) };
        for mut event in (self.answer)(&head, length)? {
            event.set_stream(stream);
            self.waiting.push_back(event);
        }
        self.send()
    }

    /// A bad message costs its sender an answer, and nobody else anything.
    fn refuse(&mut self, error: &DecodeError) -> Result<(), DriverError> {
        let (Scope::Message(stream) | Scope::Stream(stream)) = error.scope else { return Ok(()) };
        self.open.remove(&stream.id());
        self.waiting.retain(|event| event.stream() != Some(stream));
        if error.replied {
            return Ok(());
        }
        let reply = LocalReply::new(error.outcome(), error.detail);
        self.waiting.extend(self.driver.endpoint().reply(stream, &reply));
        self.send()
    }

    /// As much as the client takes now; a stream that takes nothing does not hold up the others.
    fn send(&mut self) -> Result<(), DriverError> {
        let mut blocked: Vec<StreamId> = Vec::new();
        for mut event in std::mem::take(&mut self.waiting) {
            let stream = event.stream();
            if stream.is_some_and(|stream| blocked.contains(&stream)) {
                self.waiting.push_back(event);
            } else if self.driver.send(&mut event)? == Sent::Blocked {
                blocked.extend(stream);
                self.waiting.push_back(event);
            }
        }
        Ok(())
    }
}

/// Bolt's number for it.
const JSON: u8 = 12;

fn answer_of(protocol: &dyn Protocol) -> Answer {
    match protocol.name() {
        "http1" => |head, length| {
            meshwire_http1::response(200, &[("Content-Type", "text/plain")], told(head, length))
                .map(|event| vec![event])
        },
        "http2" => http2,
        "bolt" => |head, length| {
            let answer = BoltAnswer::default().with_content(JSON, format!("{:?}", told(head, length)));
            let owed = head.kind() == Kind::Request;
            Ok(owed.then(|| Event::Head(answer.head(head.stream()))).into_iter().collect())
        },
        "thrift" => |head, _| {
            let method = String::from_utf8_lossy(head.attribute(Attribute::Method).value().unwrap_or_default());
            let owed = head.kind() == Kind::Request;
            Ok(owed.then(|| Event::Head(ThriftAnswer::new(&method).head(head.stream()))).into_iter().collect())
        },
        _ => |head, length| {
            let owed = head.kind() == Kind::Request;
            Ok(owed
                .then(|| Event::Head(meshwire_dubbo::value(head.stream(), &told(head, length))))
                .into_iter()
                .collect())
        },
    }
}

fn http2(head: &Head, length: usize) -> Result<Vec<Event>, EncodeError> {
    let text = told(head, length);
    let kind = head.field(b"content-type").value().unwrap_or_default();
    if !kind.starts_with(b"application/grpc") {
        return meshwire_http2::response(200, &[("content-type", "text/plain")], text).map(|event| vec![event]);
    }
    let prefix = u32::try_from(text.len()).unwrap_or_default().to_be_bytes();
    let message = [&[0][..], &prefix, text.as_bytes()].concat();
    let mut answer = meshwire_http2::response(200, &[("content-type", "application/grpc")], message)?;
    if let Event::Head(head) = &mut answer {
        head.set_end(false);
    }
    Ok(vec![answer, meshwire_http2::trailers(&[("grpc-status", "0")])?])
}

/// What was asked for, and how much came with it.
fn told(head: &Head, length: usize) -> String {
    let text = |attribute| String::from_utf8_lossy(head.attribute(attribute).value().unwrap_or_default()).into_owned();
    format!("{} {}: {length} bytes\n", text(Attribute::Service), text(Attribute::Method))
}
