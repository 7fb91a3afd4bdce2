//! Requests that are too large to be waited for, through a proxy's two codecs. The floor is what no proxy can do without: a copy
//! into the read buffer, as a socket makes it, and one out of the queue, as a write makes it.

use std::hint::black_box;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::{Codec, Conn, Cx, Depth, Event, Head, Output, Protocol, Sent, Step, StreamId};
use meshwire_dubbo::{Dubbo, value};

use super::{add, attachments, own};
use crate::case::{Case, Side};
use crate::invocations::{self, Arguments};

/// What a read brings at most.
const READ: usize = 64 * 1024;

pub(super) fn cases() -> Vec<Case> {
    let (string, objects) = (invocations::string(), invocations::objects());
    vec![
        case(&string, "as-it-came", |_| {}, false),
        case(&string, "added", add, true),
        case(&objects, "as-it-came", |_| {}, false),
        case(&objects, "added", add, true),
    ]
}

fn case(arguments: &Arguments, what: &str, edit: fn(&mut Head), added: bool) -> Case {
    let request = arguments.frame();
    let theirs = request.clone();
    let ours = move || {
        let mut side = Stream::new(&request, edit);
        side.run();
        side.prepare();
        let mut expected = attachments(&request);
        if added {
            expected.push(own("x-mesh", "blue-7"));
        }
        assert_eq!(attachments(side.ends.written()), expected);
        side
    };
    Case::new(format!("dubbo/stream/{}-{what}", arguments.name), "copy floor", 1, ours, move || Floor::new(&theirs))
}

/// The request as it comes out of a socket, and where it goes to.
struct Ends {
    from: Vec<u8>,
    to: Vec<u8>,
    at: usize,
}

impl Ends {
    fn new(request: &[u8]) -> Self {
        Self { from: request.to_vec(), to: vec![0; request.len() + READ], at: 0 }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.to[self.at..][..bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
        black_box(&self.to[..]);
    }

    fn written(&self) -> &[u8] {
        &self.to[..self.at]
    }
}

struct Stream {
    server: Box<dyn Codec>,
    client: Box<dyn Codec>,
    edit: fn(&mut Head),
    ends: Ends,
    input: BytesMut,
    output: Output,
    back: Output,
    /// Requests that have gone through, and those of them that wait for an answer.
    sent: u64,
    owed: Option<StreamId>,
}

impl Stream {
    fn new(request: &[u8], edit: fn(&mut Head)) -> Self {
        let protocol = Dubbo::default();
        Self {
            server: black_box(protocol.codec(Conn::server().with_depth(Arc::new(Depth::ROUTE)))),
            client: black_box(protocol.codec(Conn::client())),
            edit: black_box(edit),
            ends: Ends::new(request),
            input: BytesMut::with_capacity(READ),
            output: Output::new(),
            back: Output::new(),
            sent: 0,
            owed: None,
        }
    }

    fn pass(&mut self, event: &mut Event) {
        let from = event.stream().expect("a stream's");
        let n = event.data_len();
        if let Event::Head(head) = event {
            self.owed = Some(from);
            self.sent += 1;
            (self.edit)(head);
        }
        event.set_stream(StreamId::new(self.sent).with_tag(from.tag()));
        let sent = self.client.encode(event, &mut cx(&mut self.output));
        assert!(matches!(sent, Ok(Sent::All)), "{sent:?}");
        self.server.release(from, n, &mut cx(&mut self.back));
    }
}

impl Side for Stream {
    /// The answer goes back.
    fn prepare(&mut self) {
        let Some(stream) = self.owed.take() else { return };
        let mut answer = value(StreamId::new(1), "reserved");
        answer.set_stream(stream);
        let sent = self.server.encode(&mut Event::Head(answer), &mut cx(&mut self.back));
        assert!(matches!(sent, Ok(Sent::All)), "{sent:?}");
        self.back.advance(self.back.len());
    }

    fn run(&mut self) {
        self.ends.at = 0;
        let mut ended = false;
        for at in (0..self.ends.from.len()).step_by(READ) {
            let read = self.ends.from.len().min(at + READ);
            self.input.extend_from_slice(&self.ends.from[at..read]);
            loop {
                let step = self.server.decode(&mut self.input, &mut cx(&mut self.back)).expect("decoded");
                let Step::Event(mut event) = step else { break };
                ended |= event.is_end();
                self.pass(&mut event);
            }
            write(&mut self.output, &mut self.ends);
        }
        assert!(ended && self.input.is_empty(), "all of it has come through");
    }
}

fn cx(output: &mut Output) -> Cx<'_> {
    Cx::new(output, Duration::ZERO)
}

/// What a vectored write does.
fn write(output: &mut Output, ends: &mut Ends) {
    while !output.is_empty() {
        let mut slices = [IoSlice::new(b""); 16];
        let count = output.chunks(&mut slices);
        let mut n = 0;
        for slice in &slices[..count] {
            ends.write(slice);
            n += slice.len();
        }
        output.advance(n);
    }
}

struct Floor {
    ends: Ends,
    input: BytesMut,
}

impl Floor {
    fn new(request: &[u8]) -> Self {
        Self { ends: Ends::new(request), input: BytesMut::with_capacity(READ) }
    }
}

impl Side for Floor {
    fn run(&mut self) {
        self.ends.at = 0;
        for at in (0..self.ends.from.len()).step_by(READ) {
            let read = self.ends.from.len().min(at + READ);
            self.input.extend_from_slice(&self.ends.from[at..read]);
            let read = self.input.split().freeze();
            self.ends.write(&read);
        }
    }
}
