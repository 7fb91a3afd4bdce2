//! Streams: what is known of each while it is open, and which they are.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use crate::message::Asked;
use crate::window::{Inbound, Outbound};

/// One open stream.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) send: Outbound,
    pub(crate) receive: Inbound,
    /// Bytes still to come, and to be sent, where a content-length says so.
    pub(crate) to_come: Option<u64>,
    pub(crate) to_send: Option<u64>,
    /// When it was opened, and since when it waits for credit.
    pub(crate) opened: Duration,
    pub(crate) waits_since: Option<Duration>,
    /// What its answer is read, and written, with.
    pub(crate) asked: Asked,
    /// Interim answers so far.
    pub(crate) interim: u32,
    /// Our final head is out; our message is.
    pub(crate) begun: bool,
    pub(crate) sent: bool,
    /// The peer's final head has come; its message has.
    pub(crate) heard: bool,
    pub(crate) got: bool,
    /// The rest of what the peer sends here is thrown away: its head was refused.
    pub(crate) deaf: bool,
    /// The answer to a CONNECT has opened its tunnel.
    pub(crate) tunnel: bool,
    /// The answer that we send has no body, whoever hands us one.
    pub(crate) bodyless: bool,
}

const _: () = assert!(size_of::<Stream>() <= 168, "ten thousand idle streams are waiting");

impl Stream {
    pub(crate) fn new(send: u32, receive: u32, now: Duration) -> Self {
        Self {
            send: Outbound::new(send),
            receive: Inbound::new(receive),
            to_come: None,
            to_send: None,
            opened: now,
            waits_since: None,
            asked: Asked::default(),
            interim: 0,
            begun: false,
            sent: false,
            heard: false,
            got: false,
            deaf: false,
            tunnel: false,
            bodyless: false,
        }
    }

    const fn is_receiving(&self) -> bool {
        self.heard && !self.got && !self.deaf
    }

    const fn is_sending(&self) -> bool {
        self.begun && !self.sent
    }

    /// Both directions have ended, as far as anyone cares.
    const fn is_over(&self) -> bool {
        self.sent && (self.got || self.deaf)
    }
}

/// The open streams of a connection, by id.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    map: HashMap<u32, Stream, BuildHasherDefault<IdHasher>>,
    /// How many are inside a message from the peer, and to it.
    receiving: usize,
    sending: usize,
}

impl Streams {
    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    pub(crate) const fn is_receiving(&self) -> bool {
        self.receiving > 0
    }

    pub(crate) const fn is_sending(&self) -> bool {
        self.sending > 0
    }

    pub(crate) fn get(&self, id: u32) -> Option<&Stream> {
        self.map.get(&id)
    }

    pub(crate) fn open(&mut self, id: u32, stream: Stream) {
        self.receiving = self.receiving.saturating_add(usize::from(stream.is_receiving()));
        self.sending = self.sending.saturating_add(usize::from(stream.is_sending()));
        self.map.insert(id, stream);
    }

    /// Lets `change` at a stream; it is gone afterwards if both its directions have ended.
    #[inline]
    pub(crate) fn change<T>(&mut self, id: u32, change: impl FnOnce(&mut Stream) -> T) -> Option<T> {
        let stream = self.map.get_mut(&id)?;
        let (received, sent) = (stream.is_receiving(), stream.is_sending());
        let value = change(stream);
        let (receives, sends) = (stream.is_receiving(), stream.is_sending());
        let over = stream.is_over();
        self.receiving = self.receiving.saturating_add(usize::from(receives)).saturating_sub(usize::from(received));
        self.sending = self.sending.saturating_add(usize::from(sends)).saturating_sub(usize::from(sent));
        if over {
            self.map.remove(&id);
        }
        Some(value)
    }

    /// The same for what concerns neither a head nor an end.
    #[inline]
    pub(crate) fn peek<T>(&mut self, id: u32, change: impl FnOnce(&mut Stream) -> T) -> Option<T> {
        self.map.get_mut(&id).map(change)
    }

    pub(crate) fn remove(&mut self, id: u32) -> Option<Stream> {
        let stream = self.map.remove(&id)?;
        self.receiving = self.receiving.saturating_sub(usize::from(stream.is_receiving()));
        self.sending = self.sending.saturating_sub(usize::from(stream.is_sending()));
        Some(stream)
    }

    /// Every stream: for what concerns them all, such as another initial window. Not for what ends a message.
    pub(crate) fn each(&mut self) -> impl Iterator<Item = (u32, &mut Stream)> {
        self.map.iter_mut().map(|(id, stream)| (*id, stream))
    }

    /// The ids past `last`, in their order.
    pub(crate) fn after(&self, last: u32) -> Vec<u32> {
        let mut ids: Vec<_> = self.map.keys().copied().filter(|id| *id > last).collect();
        ids.sort_unstable();
        ids
    }

    pub(crate) fn trim(&mut self) {
        self.map.shrink_to_fit();
    }
}

/// Ids grow by two: spread over the table by one multiplication. A peer can choose ids that collide, but only as many
/// as it may have open.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u32(u32::from(*byte));
        }
    }

    #[inline]
    fn write_u32(&mut self, n: u32) {
        self.0 = (self.0 ^ u64::from(n)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_every_change() {
        let mut streams = Streams::default();
        streams.open(1, Stream::new(10, 10, Duration::ZERO));
        assert!(!streams.is_receiving() && !streams.is_sending());
        streams.change(1, |s| s.heard = true);
        streams.change(1, |s| s.begun = true);
        assert!(streams.is_receiving() && streams.is_sending());
        streams.change(1, |s| s.got = true);
        assert!(!streams.is_receiving());
        streams.change(1, |s| s.sent = true);
        assert!(!streams.is_sending() && streams.is_empty());

        streams.open(3, Stream::new(10, 10, Duration::ZERO));
        streams.change(3, |s| s.heard = true);
        assert!(streams.remove(3).is_some() && !streams.is_receiving());
    }

    #[test]
    fn ids_spread() {
        let mut low = std::collections::HashSet::new();
        for n in 0..256u32 {
            let mut hasher = IdHasher::default();
            hasher.write_u32(n * 2 + 1);
            low.insert(hasher.finish() & 0xff);
        }
        assert!(low.len() > 100, "{}", low.len());
    }
}
