//! HEADERS frames, from bytes that are copied in to a `Head` whose rules were checked and whose routing key is there,
//! against the codec below h2's streams, which knows neither rules nor streams.

use std::hint::black_box;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use h2::frame::Frame;
use meshwire::{Codec, Conn, Event, Output, Protocol, Step, StreamId};
use meshwire_http2::{Http2, response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{cx, feed, send};
use crate::case::{Case, Side, Target};
use crate::cases::http1::look;
use crate::frames::{self, PREFACE, Strings};
use crate::lists;

/// Heads read in one go.
const BATCH: u32 = 32;

pub(super) fn cases() -> Vec<Case> {
    let case = |name: &str, block: fn() -> Vec<u8>, ratio: f64| {
        bare(name, move || vec![block()]).target(Target::Time(ratio)).target(Target::Instructions(ratio))
    };
    vec![
        // The same block each time, as a client sends it that calls one method.
        case("indexed", || frames::indices(&lists::ten()), 1.0 / 4.0),
        // Never the same block twice in a row: nothing that was remembered helps.
        bare("indexed-varied", || {
            let block = frames::indices(&lists::ten());
            (0..4).map(|n| [&block[..6], &block[6 + n..], &block[6..6 + n]].concat()).collect()
        }),
        case("literal", || frames::literals(&lists::ten(), false, Strings::Huffman), 1.0 / 3.0),
        case("literal-plain", || frames::literals(&lists::ten(), false, Strings::Plain), 1.0 / 3.0),
    ]
}

fn bare(name: &str, blocks: impl Fn() -> Vec<Vec<u8>> + Copy + 'static) -> Case {
    Case::new(
        format!("http2/head/{name}"),
        "h2's codec",
        BATCH,
        move || Decode::new(&requests(&blocks())),
        move || H2::new(&requests(&blocks())),
    )
    .target(Target::Allocations(0.1))
}

/// A batch: these blocks in turn.
fn requests(blocks: &[Vec<u8>]) -> Vec<u8> {
    blocks.iter().cycle().take(BATCH as usize).flat_map(|block| frames::get(1, block)).collect()
}

/// What fills the table, on a stream of its own.
fn first() -> Vec<u8> {
    frames::get(1, &frames::literals(&lists::ten(), true, Strings::Plain))
}

/// A server's codec; requests are answered between the batches.
struct Decode {
    codec: Box<dyn Codec>,
    requests: Vec<u8>,
    next: u32,
    answer: Event,
    streams: Vec<StreamId>,
    input: BytesMut,
    output: Output,
}

impl Decode {
    fn new(requests: &[u8]) -> Self {
        let mut codec = black_box(Http2::default().codec(Conn::server()));
        let (mut output, mut streams) = (Output::new(), Vec::with_capacity(BATCH as usize));
        let hello =
            [PREFACE, &*frames::open_windows(), &*frames::frame(frames::SETTINGS, frames::ACK, 0, b""), &*first()];
        feed(&mut *codec, &hello.concat(), &mut output, |event| streams.extend(event.stream()));
        assert_eq!(streams.len(), 1);
        Self {
            codec,
            requests: requests.to_vec(),
            next: 3,
            answer: response(200, &[], "").expect("an answer"),
            streams,
            input: BytesMut::with_capacity(64 * 1024),
            output,
        }
    }
}

impl Side for Decode {
    fn prepare(&mut self) {
        for stream in self.streams.drain(..) {
            let mut answer = self.answer.clone();
            answer.set_stream(stream);
            send(&mut *self.codec, &mut answer, &mut self.output);
        }
        self.output.advance(self.output.len());
        self.next = frames::rename(&mut self.requests, self.next, 1);
    }

    fn run(&mut self) {
        let cx = &mut cx(&mut self.output);
        self.input.extend_from_slice(&self.requests);
        loop {
            match self.codec.decode(&mut self.input, cx) {
                Ok(Step::Event(Event::Head(head))) => {
                    look(&head);
                    self.streams.push(head.stream());
                }
                Ok(Step::Event(event)) => panic!("{event:?}"),
                Ok(_) => break,
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(self.streams.len(), BATCH as usize);
    }
}

struct H2 {
    codec: h2::Codec<Feed, Bytes>,
    requests: Vec<u8>,
    next: u32,
}

impl H2 {
    fn new(requests: &[u8]) -> Self {
        let mut codec = h2::Codec::new(Feed { bytes: first(), at: 0 });
        assert_eq!(frames_of(&mut codec), 1);
        Self { codec, requests: requests.to_vec(), next: 3 }
    }
}

impl Side for H2 {
    fn prepare(&mut self) {
        self.next = frames::rename(&mut self.requests, self.next, 1);
        let feed = self.codec.get_mut();
        feed.bytes.clone_from(&self.requests);
        feed.at = 0;
    }

    fn run(&mut self) {
        assert_eq!(frames_of(&mut self.codec), BATCH as usize);
    }
}

fn frames_of(codec: &mut h2::Codec<Feed, Bytes>) -> usize {
    let mut n = 0;
    let cx = &mut Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(frame)) = Pin::new(&mut *codec).poll_next(cx) {
        let Ok(Frame::Headers(headers)) = frame else { panic!("{frame:?}") };
        black_box(headers.is_end_stream());
        let (pseudo, fields) = headers.into_parts();
        black_box((&pseudo.authority, &pseudo.path, &pseudo.method, &fields));
        n += 1;
    }
    n
}

/// What a socket would be: the bytes, and then nothing for now.
#[derive(Debug)]
struct Feed {
    bytes: Vec<u8>,
    at: usize,
}

impl AsyncRead for Feed {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let n = to.remaining().min(self.bytes.len() - self.at);
        if n == 0 {
            return Poll::Pending;
        }
        to.put_slice(&self.bytes[self.at..self.at + n]);
        self.at += n;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Feed {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
