//! The streams that run through a splice.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::time::Duration;

use super::exchange::{Ending, Exchange};
use super::{Side, stream_id};
use crate::stream::IdHasher;

/// Streams cut off by the splice that are remembered, so that what is still under way for them is told apart.
const REMEMBERED: usize = 1024;

#[derive(Clone, Debug)]
pub(super) struct Stream {
    opened: Duration,
    pub(super) answered: Option<Duration>,
    /// Bytes from the client, and from the server.
    sent: u64,
    received: u64,
    /// The client has ended, the server has.
    asked: bool,
    told: bool,
    /// The splice has answered it, or refused it: neither end hears of the other any more.
    pub(super) cut: bool,
}

const _: () = assert!(size_of::<Stream>() <= 64);

impl Stream {
    pub(super) const fn new(now: Duration) -> Self {
        Self { opened: now, answered: None, sent: 0, received: 0, asked: false, told: false, cut: false }
    }

    #[inline]
    pub(super) const fn count(&mut self, from: Side, n: usize) {
        let bytes = match from {
            Side::Down => &mut self.sent,
            Side::Up => &mut self.received,
        };
        *bytes = bytes.saturating_add(n as u64);
    }

    /// This end says no more; whether neither does.
    pub(super) const fn end(&mut self, from: Side) -> bool {
        match from {
            Side::Down => self.asked = true,
            Side::Up => self.told = true,
        }
        self.asked && self.told
    }

    pub(super) const fn has_ended(&self, from: Side) -> bool {
        match from {
            Side::Down => self.asked,
            Side::Up => self.told,
        }
    }

    pub(super) const fn age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.opened)
    }

    pub(super) fn exchange(&self, id: u32, ended: Duration, ending: Ending) -> Exchange {
        let Self { opened, answered, sent, received, .. } = *self;
        Exchange { stream: stream_id(id), began: opened, answered, ended, sent, received, ending }
    }
}

/// Those that are open, and those cut off lately.
#[derive(Debug, Default)]
pub(super) struct Streams {
    map: HashMap<u32, Stream, BuildHasherDefault<IdHasher>>,
    cut: VecDeque<u32>,
    open: usize,
}

impl Streams {
    pub(super) const fn open(&self) -> usize {
        self.open
    }

    pub(super) fn insert(&mut self, id: u32, stream: Stream) {
        self.map.insert(id, stream);
        self.open = self.open.saturating_add(1);
    }

    #[inline]
    pub(super) fn get(&mut self, id: u32) -> Option<&mut Stream> {
        self.map.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Stream> {
        let stream = self.map.remove(&id)?;
        if !stream.cut {
            self.open = self.open.saturating_sub(1);
        }
        Some(stream)
    }

    /// Cuts a stream off; as it was, where it was open.
    pub(super) fn cut(&mut self, id: u32) -> Option<Stream> {
        let stream = self.map.get_mut(&id).filter(|stream| !stream.cut)?;
        stream.cut = true;
        let was = stream.clone();
        self.open = self.open.saturating_sub(1);
        if self.cut.len() >= REMEMBERED
            && let Some(oldest) = self.cut.pop_front()
        {
            self.map.remove(&oldest);
        }
        self.cut.push_back(id);
        Some(was)
    }

    /// The ids of the open ones past `last`, in their order.
    pub(super) fn after(&self, last: u32) -> Vec<u32> {
        let open = self.map.iter().filter(|(id, stream)| **id > last && !stream.cut);
        let mut ids: Vec<_> = open.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    pub(super) fn open_ones(&self) -> impl Iterator<Item = Exchange> {
        let open = self.map.iter().filter(|(_, stream)| !stream.cut);
        open.map(|(id, stream)| stream.exchange(*id, stream.opened, Ending::Open))
    }

    pub(super) fn trim(&mut self) {
        self.map.shrink_to_fit();
        self.cut.shrink_to_fit();
    }
}
