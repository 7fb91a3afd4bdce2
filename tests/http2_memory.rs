//! What an HTTP/2 connection and its streams hold: live bytes, counted.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)] // a test that cannot go on panics

#[path = "../examples/sidecar/connection.rs"]
#[allow(dead_code)]
mod connection;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::io::Dial;
use meshwire::{Codec, Conn, Cx, Event, Limits, Output, Protocol, Role, RouteTable, Sent, Step, StreamId};
use meshwire_http2::{Http2, request, response};
use peak_alloc::PeakAlloc;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use connection::{Destination, Shared};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const SETTINGS: u8 = 0x4;
const WINDOW_UPDATE: u8 = 0x8;
const ACK: u8 = 0x1;
const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// SETTINGS without limits, and their acknowledgement.
fn settings() -> Vec<u8> {
    let most = 0x7fff_ffff_u32.to_be_bytes();
    let all = [&[0, 3][..], &most, &[0, 4], &most].concat();
    let credit = (0x7fff_ffff_u32 - 0xffff).to_be_bytes();
    [frame(SETTINGS, 0, 0, &all), frame(SETTINGS, ACK, 0, b""), frame(WINDOW_UPDATE, 0, 0, &credit)].concat()
}

/// `:method: GET, :scheme: http, :path: /`.
const GET: &[u8] = &[0x82, 0x86, 0x84];

/// A codec past its handshake. Its buffers are the caller's, and gone.
fn connected(role: Role, limits: &Arc<Limits>) -> Box<dyn Codec> {
    let http = Http2::default();
    let conn = if role == Role::Server { Conn::server() } else { Conn::client() };
    let mut codec = http.codec(conn.with_limits(Arc::clone(limits)));
    let hello = if role == Role::Server { [PREFACE, &settings()].concat() } else { settings() };
    feed(&mut *codec, b"");
    feed(&mut *codec, &hello);
    codec
}

fn feed(codec: &mut dyn Codec, bytes: &[u8]) -> usize {
    let (mut input, mut output, mut heads) = (BytesMut::from(bytes), Output::new(), 0);
    while let Step::Event(event) = codec.decode(&mut input, &mut Cx::new(&mut output, Duration::ZERO)).unwrap() {
        heads += usize::from(matches!(event, Event::Head(_)));
    }
    assert!(input.is_empty());
    heads
}

fn send(codec: &mut dyn Codec, event: &mut Event) {
    let mut output = Output::new();
    assert_eq!(codec.encode(event, &mut Cx::new(&mut output, Duration::ZERO)).unwrap(), Sent::All);
}

fn held(make: impl FnOnce() -> Box<dyn Codec>) -> (usize, Box<dyn Codec>) {
    let before = MEMORY.current_usage();
    let codec = make();
    (MEMORY.current_usage() - before, codec)
}

fn limits(streams: usize) -> Arc<Limits> {
    let mut limits = Limits::default();
    limits.streams = streams;
    Arc::new(limits)
}

/// A value of 40 bytes that no other field has.
fn unique(n: usize) -> String {
    format!("{n:0>40}")
}

fn state(role: Role) {
    let limits = limits(256);
    let (bytes, mut codec) = held(|| connected(role, &limits));
    println!("{role:?}: {bytes} bytes after the handshake");
    assert!(bytes <= 8 * 1024, "{role:?}: {bytes} bytes after the handshake");

    let before = MEMORY.current_usage();
    for n in 0..200_u32 {
        let mut block = if role == Role::Server { GET.to_vec() } else { vec![0x88] };
        // With incremental indexing, name and value as they are.
        for field in 0..4 {
            let (name, value) = (format!("x-field-{field}"), unique(n as usize * 4 + field));
            block.extend([&[0x40, name.len() as u8], name.as_bytes(), &[value.len() as u8], value.as_bytes()].concat());
        }
        let fields: Vec<_> = (0..4).map(|field| (format!("x-sent-{field}"), unique(n as usize * 4 + field))).collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let stream = n * 2 + 1;
        let head = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block);
        if role == Role::Server {
            assert_eq!(feed(&mut *codec, &head), 1);
            let mut answer = response(200, &fields, "").unwrap();
            answer.set_stream(StreamId::new(stream.into()));
            send(&mut *codec, &mut answer);
        } else {
            send(&mut *codec, &mut request("GET", "/", "a", &fields, "").unwrap());
            assert_eq!(feed(&mut *codec, &head), 1);
        }
        assert_eq!(codec.state().open, 0);
    }
    let full = bytes + MEMORY.current_usage() - before;
    println!("{role:?}: {full} bytes with full tables");
    assert!(full <= 24 * 1024, "{role:?}: {full} bytes with full tables");
}

/// Streams whose request is there and whose answer is not.
fn streams(role: Role, count: u32) {
    let limits = limits(count as usize);
    let mut codec = connected(role, &limits);
    let open = |codec: &mut dyn Codec, stream: u32| {
        if role == Role::Server {
            feed(codec, &frame(HEADERS, END_HEADERS | END_STREAM, stream, GET));
        } else {
            send(codec, &mut request("GET", "/", "a", &[], "").unwrap());
        }
    };
    // What a connection holds for any stream at all.
    open(&mut *codec, 1);
    let before = MEMORY.current_usage();
    for n in 1..count {
        open(&mut *codec, n * 2 + 1);
    }
    assert_eq!(codec.state().open, count as usize);
    let each = (MEMORY.current_usage() - before) / count as usize;
    println!("{role:?}: {each} bytes for each of {count} streams");
    assert!(each <= 256, "{role:?}: {each} bytes for each of {count} streams");
}

const BODY: u64 = 1 << 30;
const ALLOWED: usize = 2 << 20;
const PIECE: usize = 16 * 1024;

/// One after the other: the counter counts the whole process.
#[test]
fn a_connection_and_its_streams_hold_little() {
    for role in [Role::Server, Role::Client] {
        state(role);
        // Some of which a table that doubles has just grown for.
        for count in [100, 120, 1000, 10_000] {
            streams(role, count);
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let rise = runtime.block_on(rise());
    println!("peak over idle for 1 GiB: {} KiB", rise / 1024);
    assert!(rise < ALLOWED, "1 GiB: {rise} bytes");
}

/// How far memory rises while 1 GiB passes through a proxy.
async fn rise() -> usize {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = upstream.local_addr().unwrap().to_string().parse().unwrap();
    let (_running, draining) = watch::channel(false);
    let shared = Arc::new(Shared {
        table: Arc::new(RouteTable::from_yaml("virtual_hosts: [{hosts: ['*'], routes: [{cluster: sink}]}]").unwrap()),
        clusters: Arc::new(HashMap::from([(
            "sink".to_owned(),
            Destination { address, protocol: None, heartbeat: None },
        )])),
        registry: Arc::default(),
        connect: Arc::new(Dial::default()),
        log: None,
        draining,
    });
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (io, _) = listener.accept().await.unwrap();
    let proxy =
        tokio::spawn(connection::serve(io, Arc::new(Http2::default()), Arc::default(), BytesMut::new(), shared));
    let piece = frame(DATA, 0, 1, &vec![b'x'; PIECE]);
    let (client, server) = (Peer::new(client), upstream);
    tokio::task::yield_now().await;

    let idle = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let server = tokio::spawn(async move {
        let mut peer = Peer::new(server.accept().await.unwrap().0);
        peer.write(&settings()).await;
        while !peer.ended {
            peer.read().await;
        }
        assert_eq!(peer.content, BODY);
        peer.write(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0x88])).await;
        peer
    });
    let mut client = client;
    // `:method: POST`, and an authority.
    let head = [&[0x83, 0x86, 0x84, 0x41, 0x01][..], b"a"].concat();
    client.write(&[PREFACE, &settings(), &frame(HEADERS, END_HEADERS, 1, &head)].concat()).await;
    for _ in 0..BODY / PIECE as u64 {
        while client.credit.iter().any(|left| *left < PIECE as i64) {
            client.read().await;
        }
        client.credit = client.credit.map(|left| left - PIECE as i64);
        client.write(&piece).await;
    }
    client.write(&frame(DATA, END_STREAM, 1, b"")).await;
    while !client.ended {
        client.read().await;
    }
    let peak = MEMORY.peak_usage();
    drop((client, server.await.unwrap()));
    let _ = tokio::time::timeout(Duration::from_secs(5), proxy).await;
    peak.saturating_sub(idle)
}

/// One end that knows no more of HTTP/2 than is needed to send and take one body.
struct Peer {
    from: ReadHalf<TcpStream>,
    to: WriteHalf<TcpStream>,
    buffer: Vec<u8>,
    /// What of a frame has come; at most its header and a small payload are looked at.
    head: Vec<u8>,
    /// Bytes of DATA that are still to come.
    left: usize,
    content: u64,
    ended: bool,
    /// Of the connection and of stream 1.
    credit: [i64; 2],
}

impl Peer {
    fn new(io: TcpStream) -> Self {
        let (from, to) = tokio::io::split(io);
        Self {
            from,
            to,
            buffer: vec![0; 64 * 1024],
            head: Vec::with_capacity(1024),
            left: 0,
            content: 0,
            ended: false,
            credit: [0xffff; 2],
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.to.write_all(bytes).await.unwrap();
    }

    async fn read(&mut self) {
        let n = self.from.read(&mut self.buffer).await.unwrap();
        assert_ne!(n, 0, "the proxy closed the connection");
        let mut at = 0;
        while at < n {
            if self.left > 0 {
                let passed = self.left.min(n - at);
                (self.left, at) = (self.left - passed, at + passed);
                continue;
            }
            self.head.push(self.buffer[at]);
            at += 1;
            // A client sends the preface first.
            if self.head == PREFACE {
                self.head.clear();
            } else if !PREFACE.starts_with(&self.head) {
                self.look();
            }
        }
    }

    fn look(&mut self) {
        let Some(&[a, b, c, kind, flags, .., last]) = self.head.first_chunk::<9>() else { return };
        let len = u32::from_be_bytes([0, a, b, c]) as usize;
        if kind == DATA {
            (self.left, self.content) = (len, self.content + len as u64);
        } else if self.head.len() < 9 + len {
            return;
        }
        let number = |at: usize| i64::from(u32::from_be_bytes(*self.head[at..].first_chunk::<4>().unwrap()));
        match kind {
            DATA | HEADERS => self.ended |= flags & END_STREAM != 0,
            WINDOW_UPDATE => self.credit[usize::from(last)] += number(9),
            SETTINGS if flags & ACK == 0 => {
                for at in (9..9 + len).step_by(6).filter(|at| self.head[*at + 1] == 4) {
                    self.credit[1] += number(at + 2) - 0xffff;
                }
            }
            0x3 | 0x7 => panic!("a reset, or GOAWAY: {:x?}", self.head),
            _ => {}
        }
        self.head.clear();
    }
}
