//! DATA of 16 KiB through a proxy's two codecs. The floor is what no proxy can do without: a copy into the read buffer,
//! as a socket makes it, and one out of the queue, as a write makes it.

use std::hint::black_box;
use std::io::IoSlice;

use bytes::BytesMut;
use meshwire::{Codec, Conn, Event, Output, Protocol, Step, StreamId};
use meshwire_http2::{Http2, request};

use super::{cx, feed, send};
use crate::case::{Case, Side, Target};
use crate::frames::{self, PREFACE, Strings};
use crate::lists;

const SIZE: usize = 16 * 1024;
const READ: usize = FRAMES * (frames::HEADER + SIZE);
/// Frames in a read, as many as a read buffer of 64 KiB takes; and reads.
const FRAMES: usize = 3;
const READS: usize = 4;
const BUFFER: usize = 64 * 1024;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("http2/data/16384", "copy floor", (FRAMES * READS) as u32, Forward::new, Floor::new)
            .target(Target::Time(1.3))
            .target(Target::Instructions(1.3))
            .target(Target::Allocations(0.1)),
    ]
}

/// How fast a copy is depends on where its two ends lie in their pages. Each read of a batch has other places, the same
/// on both sides, so that it is not a matter of luck whose are better.
const APART: usize = 4096 / READS;

/// The frames as they come out of a socket, and where they go to.
struct Ends {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Ends {
    fn new() -> Self {
        let frame = frames::frame(frames::DATA, 0, 1, &[b'x'; SIZE]);
        let mut from = Vec::new();
        for n in 0..READS {
            from.resize(n * (READ + APART), 0);
            from.extend(frame.repeat(FRAMES));
        }
        Self { from, to: vec![0; 2 * BUFFER] }
    }

    fn read(&self, n: usize) -> &[u8] {
        &self.from[n * (READ + APART)..][..READ]
    }

    fn write(&mut self, n: usize, at: usize, bytes: &[u8]) {
        // Not in step with where they came from.
        let from = n * 3 % READS * APART + at;
        self.to[from..][..bytes.len()].copy_from_slice(bytes);
        black_box(&self.to[..]);
    }
}

/// An upload that has begun: a server's codec reads, a client's writes.
struct Forward {
    server: Box<dyn Codec>,
    client: Box<dyn Codec>,
    /// What the upload is called upstream.
    up: StreamId,
    ends: Ends,
    credit: Vec<u8>,
    input: BytesMut,
    answers: BytesMut,
    output: Output,
    back: Output,
}

impl Forward {
    fn new() -> Self {
        let mut server = black_box(Http2::default().codec(Conn::server()));
        let mut client = black_box(Http2::default().codec(Conn::client()));
        let (mut output, mut back) = (Output::new(), Output::new());
        let ack = frames::frame(frames::SETTINGS, frames::ACK, 0, b"");
        let block = frames::literals(&lists::ten(), true, Strings::Plain);
        let head = frames::frame(frames::HEADERS, frames::END_HEADERS, 1, &block);
        let hello = [PREFACE, &*frames::open_windows(), &*ack, &*head].concat();
        let mut heads = 0;
        feed(&mut *server, &hello, &mut back, |event| heads += usize::from(matches!(event, Event::Head(_))));
        assert_eq!(heads, 1);
        let hello = [frames::open_windows(), ack].concat();
        feed(&mut *client, &hello, &mut output, |_| ());
        let mut head = request("REPORT", "/upload", "files.example.com", &[], "").expect("a request");
        if let Event::Head(head) = &mut head {
            head.set_end(false);
        }
        send(&mut *client, &mut head, &mut output);
        let up = head.stream().expect("a name");
        output.advance(output.len());
        let bytes = ((SIZE * FRAMES * READS) as u32).to_be_bytes();
        Self {
            server,
            client,
            up,
            ends: Ends::new(),
            credit: [0, 1].map(|stream| frames::frame(frames::WINDOW_UPDATE, 0, stream, &bytes)).concat(),
            input: BytesMut::with_capacity(BUFFER),
            answers: BytesMut::with_capacity(BUFFER),
            output,
            back,
        }
    }
}

impl Side for Forward {
    fn run(&mut self) {
        let mut all = 0;
        for n in 0..READS {
            self.input.extend_from_slice(self.ends.read(n));
            loop {
                let step = self.server.decode(&mut self.input, &mut cx(&mut self.back)).expect("decoded");
                let Step::Event(mut event) = step else { break };
                let len = event.data_len();
                let stream = event.stream().expect("a stream's");
                event.set_stream(self.up);
                send(&mut *self.client, &mut event, &mut self.output);
                self.server.release(stream, len, &mut cx(&mut self.back));
            }
            all += write(&mut self.output, &mut self.ends, n);
            self.back.advance(self.back.len());
        }
        assert_eq!(all, READS * READ);
        // The peer upstream gives back what it has read.
        self.answers.extend_from_slice(&self.credit);
        while let Step::Event(event) =
            self.client.decode(&mut self.answers, &mut cx(&mut self.output)).expect("decoded")
        {
            black_box(event);
        }
    }
}

/// What a vectored write does: how many bytes it took.
fn write(output: &mut Output, ends: &mut Ends, n: usize) -> usize {
    let all = output.len();
    let mut at = 0;
    while !output.is_empty() {
        let mut slices = [IoSlice::new(b""); 16];
        let count = output.chunks(&mut slices);
        let before = at;
        for slice in &slices[..count] {
            ends.write(n, at, slice);
            at += slice.len();
        }
        output.advance(at - before);
    }
    all
}

struct Floor {
    ends: Ends,
    input: BytesMut,
}

impl Floor {
    fn new() -> Self {
        Self { ends: Ends::new(), input: BytesMut::with_capacity(BUFFER) }
    }
}

impl Side for Floor {
    fn run(&mut self) {
        for n in 0..READS {
            self.input.extend_from_slice(self.ends.read(n));
            let read = self.input.split_to(READ).freeze();
            self.ends.write(n, 0, &read);
        }
    }
}
