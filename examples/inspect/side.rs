//! One recorded direction, fed to a codec piece by piece.

use std::collections::VecDeque;

use meshwire::{Endpoint, Event, Sent};

pub(crate) struct Side {
    pub(crate) dir: &'static str,
    pub(crate) end: Endpoint,
    bytes: Vec<u8>,
    fed: usize,
    chunk: usize,
    /// Nothing more will come of it.
    pub(crate) done: bool,
    /// What was read here and the other end has yet to know.
    pub(crate) untold: VecDeque<Event>,
}

impl Side {
    pub(crate) fn new(dir: &'static str, end: Endpoint, bytes: Vec<u8>, chunk: usize) -> Self {
        Self { dir, end, bytes, fed: 0, chunk, done: false, untold: VecDeque::new() }
    }

    /// Hands over the next piece, or says that there is none; false when all of that was done before.
    pub(crate) fn feed(&mut self) -> bool {
        let piece = self.bytes.get(self.fed..).unwrap_or_default();
        let piece = piece.get(..self.chunk).unwrap_or(piece);
        if piece.is_empty() {
            let first = !self.end.is_eof();
            self.end.set_eof();
            return first;
        }
        self.fed += piece.len();
        self.end.input().extend_from_slice(piece);
        true
    }

    /// Tells this end what the other direction held; false when it must wait.
    pub(crate) fn tell(&mut self, event: &mut Event) -> bool {
        let sent = self.end.send(event);
        // What it would write was written by somebody else, long ago.
        let n = self.end.output().len();
        self.end.output_mut().advance(n);
        !matches!(sent, Ok(Sent::Blocked))
    }
}
