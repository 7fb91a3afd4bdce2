//! Servers over an in-memory pipe, one thread for both ends: meshwire's driver against hyper's.

use std::convert::Infallible;
use std::hint::black_box;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use meshwire::io::Driver;
use meshwire::{Conn, Event, Protocol};
use meshwire_http1::{Http1, response};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};

use super::http1::look;
use crate::case::{Case, Side};
use crate::samples;

const BUFFER: usize = 64 * 1024;
/// Requests sent before an answer is awaited.
const PIPELINED: usize = 32;
/// `HTTP/1.1 200 OK`, and a `Content-Length` of 0.
const ANSWER: usize = 38;

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, sample: fn() -> Vec<u8>, batch: usize| {
        let ours = move || Pipe::new(meshwire, sample(), batch);
        let theirs = move || Pipe::new(hyper, sample(), batch);
        Case::new(format!("http1/server/{name}"), "hyper", batch as u32, ours, theirs)
    };
    vec![
        case("browser-703", || samples::BROWSER.to_vec(), PIPELINED),
        case("rpc-312", || samples::RPC.to_vec(), PIPELINED),
        case("chunked-1MiB/16384", || samples::chunked(1 << 20, 16 * 1024), 1).collecting(4),
        case("chunked-1MiB/1024", || samples::chunked(1 << 20, 1024), 1).collecting(4),
    ]
}

/// A client that sends and awaits the answers.
struct Pipe {
    runtime: Runtime,
    client: DuplexStream,
    requests: Vec<u8>,
    answers: Vec<u8>,
}

impl Pipe {
    fn new<F: Future<Output = ()> + Send + 'static>(
        serve: fn(DuplexStream) -> F,
        request: Vec<u8>,
        batch: usize,
    ) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (client, server) = duplex(BUFFER);
        runtime.spawn(serve(server));
        Self { runtime, client, requests: request.repeat(batch), answers: vec![0; ANSWER * batch] }
    }
}

impl Side for Pipe {
    fn run(&mut self) {
        self.runtime.block_on(async {
            self.client.write_all(&self.requests).await.expect("written");
            self.client.read_exact(&mut self.answers).await.expect("answered");
        });
        assert!(self.answers.ends_with(b": 0\r\n\r\n"));
    }
}

async fn meshwire(io: DuplexStream) {
    let answer = response(200, &[], "").expect("an answer");
    let mut driver = Driver::new(io, black_box(Http1::default().codec(Conn::server())));
    while let Some(event) = driver.next().await {
        let event = event.expect("decoded");
        let Some(stream) = event.stream() else { continue };
        if let Event::Head(head) = &event {
            look(head);
        }
        driver.release(stream, event.data_len());
        if event.is_end() {
            let mut answer = answer.clone();
            answer.set_stream(stream);
            let _ = driver.send(&mut answer).expect("sent");
        }
        black_box(event);
    }
}

async fn hyper(io: DuplexStream) {
    let service = service_fn(|request: Request<Incoming>| async {
        black_box((request.method(), request.uri().path(), request.headers().get("host")));
        let mut body = request.into_body();
        while let Some(frame) = body.frame().await {
            black_box(frame.expect("decoded"));
        }
        Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    // What makes it quicker here, and what meshwire does not write.
    server.pipeline_flush(true).auto_date_header(false);
    server.serve_connection(TokioIo::new(io), service).await.expect("served");
}
