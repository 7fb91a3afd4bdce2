//! Servers over an in-memory pipe, one thread for both ends: meshwire's driver against h2's server. The client is the
//! same for both: it writes bytes that were made before, and counts the ends of streams in what comes back.

use std::hint::black_box;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use meshwire::io::Driver;
use meshwire::{Conn, Event, Protocol};
use meshwire_http2::{Http2, response, trailers};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};

use crate::case::{Case, Side, Target};
use crate::cases::http1::look;
use crate::frames::{self, ACK, DATA, END_STREAM, HEADER, HEADERS, PREFACE, SETTINGS, Strings};
use crate::lists;

const BUFFER: usize = 64 * 1024;
/// Requests sent before an answer is awaited.
const AT_ONCE: usize = 32;

pub(super) fn cases() -> Vec<Case> {
    vec![
        case("get", false, || Client::new(meshwire_get, get()), || Client::new(h2_get, get())),
        case("unary", true, || Client::new(meshwire_unary, unary()), || Client::new(h2_unary, unary())),
    ]
}

fn case(name: &str, body: bool, ours: impl Fn() -> Client + 'static, theirs: impl Fn() -> Client + 'static) -> Case {
    // A head, and the data behind it: what the stream itself costs apart.
    let frames = if body { 2.0 } else { 1.0 };
    Case::new(format!("http2/server/{name}"), "h2's server", AT_ONCE as u32, ours, theirs)
        .target(Target::Time(0.5))
        .target(Target::Instructions(0.5))
        .target(Target::Allocations(0.1 * frames))
}

/// A request as the second one of a client looks, but for what is new in each: its path.
struct Sample {
    first: Vec<u8>,
    next: Vec<u8>,
    frames: usize,
}

fn get() -> Sample {
    let block = block();
    Sample {
        first: frames::get(1, &frames::literals(&lists::ten(), true, Strings::Plain)),
        next: frames::get(1, &block),
        frames: 1,
    }
}

fn unary() -> Sample {
    let body = frames::frame(DATA, END_STREAM, 1, &[&[0, 0, 0, 0, 42][..], &[b'x'; 42]].concat());
    let head = |block: &[u8]| frames::frame(HEADERS, frames::END_HEADERS, 1, block);
    Sample {
        first: [head(&frames::literals(&lists::ten(), true, Strings::Plain)), body.clone()].concat(),
        next: [head(&block()), body].concat(),
        frames: 2,
    }
}

fn block() -> Vec<u8> {
    let new = vec![
        ("grpc-timeout", "998113u".to_owned()),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
    ];
    [frames::indices(&lists::ten()), frames::literals(&new, false, Strings::Huffman)].concat()
}

/// A client that sends and awaits the answers.
struct Client {
    runtime: Runtime,
    io: DuplexStream,
    requests: Vec<u8>,
    frames: usize,
    next: u32,
    answers: Answers,
}

impl Client {
    fn new<F: Future<Output = ()> + Send + 'static>(serve: fn(DuplexStream) -> F, sample: Sample) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (mut io, server) = duplex(BUFFER);
        drop(runtime.spawn(serve(server)));
        let mut answers = Answers { bytes: vec![0; BUFFER], filled: 0, settings: 0, ended: 0 };
        runtime.block_on(async {
            let hello = [PREFACE, &*frames::open_windows()].concat();
            io.write_all(&hello).await.expect("written");
            answers.read_until(&mut io, |answers| answers.settings == 1).await;
            io.write_all(&frames::frame(SETTINGS, ACK, 0, b"")).await.expect("written");
            io.write_all(&sample.first).await.expect("written");
            answers.read_until(&mut io, |answers| answers.ended == 1).await;
        });
        Self { runtime, io, requests: sample.next.repeat(AT_ONCE), frames: sample.frames, next: 3, answers }
    }
}

impl Side for Client {
    fn prepare(&mut self) {
        self.next = frames::rename(&mut self.requests, self.next, self.frames);
        self.answers.ended = 0;
    }

    fn run(&mut self) {
        self.runtime.block_on(async {
            self.io.write_all(&self.requests).await.expect("written");
            self.answers.read_until(&mut self.io, |answers| answers.ended == AT_ONCE).await;
        });
    }
}

/// What has come back.
struct Answers {
    bytes: Vec<u8>,
    filled: usize,
    settings: usize,
    ended: usize,
}

impl Answers {
    async fn read_until(&mut self, io: &mut DuplexStream, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            let n = io.read(&mut self.bytes[self.filled..]).await.expect("answered");
            assert_ne!(n, 0, "the server has closed the connection");
            self.filled += n;
            let mut at = 0;
            while let Some(&[l0, l1, l2, kind, flags, ..]) = self.bytes[at..self.filled].first_chunk::<HEADER>() {
                let whole = HEADER + u32::from_be_bytes([0, l0, l1, l2]) as usize;
                if at + whole > self.filled {
                    break;
                }
                at += whole;
                self.ended += usize::from(matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0);
                self.settings += usize::from(kind == SETTINGS && flags & ACK == 0);
                assert!(!matches!(kind, 0x3 | 0x7), "a reset, or GOAWAY");
            }
            self.bytes.copy_within(at..self.filled, 0);
            self.filled -= at;
        }
    }
}

async fn meshwire_get(io: DuplexStream) {
    let answer = response(200, &[("content-type", "text/plain")], "ok").expect("an answer");
    let mut driver = Driver::new(io, black_box(Http2::default().codec(Conn::server())));
    while let Some(event) = driver.next().await {
        let Event::Head(head) = event.expect("decoded") else { continue };
        look(&head);
        assert!(head.is_end());
        let mut answer = answer.clone();
        answer.set_stream(head.stream());
        let _ = driver.send(&mut answer).expect("sent");
    }
}

async fn h2_get(io: DuplexStream) {
    let mut server = h2::server::handshake(io).await.expect("begun");
    while let Some(request) = server.accept().await {
        let (request, mut respond) = request.expect("decoded");
        black_box((request.method(), request.uri(), request.headers()));
        assert!(request.body().is_end_stream());
        let mut answer = Response::new(());
        answer.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
        answer.headers_mut().insert("content-length", HeaderValue::from_static("2"));
        let mut body = respond.send_response(answer, false).expect("sent");
        body.send_data(Bytes::from_static(b"ok"), true).expect("sent");
    }
}

const MESSAGE: &[u8] = b"\0\0\0\0\x0eanswer-of-14-b";

async fn meshwire_unary(io: DuplexStream) {
    let mut answer = response(200, &[("content-type", "application/grpc")], MESSAGE).expect("an answer");
    if let Event::Head(head) = &mut answer {
        head.set_end(false);
    }
    let status = trailers(&[("grpc-status", "0")]).expect("trailers");
    let mut driver = Driver::new(io, black_box(Http2::default().codec(Conn::server())));
    while let Some(event) = driver.next().await {
        let event = event.expect("decoded");
        let Some(stream) = event.stream() else { continue };
        if let Event::Head(head) = &event {
            look(head);
        }
        driver.release(stream, event.data_len());
        if event.is_end() {
            for mut event in [answer.clone(), status.clone()] {
                event.set_stream(stream);
                let _ = driver.send(&mut event).expect("sent");
            }
        }
        black_box(event);
    }
}

async fn h2_unary(io: DuplexStream) {
    let mut server = h2::server::handshake(io).await.expect("begun");
    while let Some(request) = server.accept().await {
        let (request, mut respond) = request.expect("decoded");
        // As everybody does: the connection goes on being read while a body is waited for.
        drop(tokio::spawn(async move {
            black_box((request.method(), request.uri(), request.headers()));
            let mut body = request.into_body();
            while let Some(data) = body.data().await {
                let data = data.expect("decoded");
                body.flow_control().release_capacity(data.len()).expect("released");
                black_box(data);
            }
            let mut answer = Response::new(());
            answer.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
            answer.headers_mut().insert("content-length", HeaderValue::from_static("19"));
            let mut body = respond.send_response(answer, false).expect("sent");
            body.send_data(Bytes::from_static(MESSAGE), false).expect("sent");
            let mut status = HeaderMap::new();
            status.insert("grpc-status", HeaderValue::from_static("0"));
            body.send_trailers(status).expect("sent");
        }));
    }
}
