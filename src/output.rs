//! The write queue of one connection.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Pieces at least this long are queued as they are; shorter ones are copied together. Other Rust codecs measured the
/// break-even between one more vectored element and one more copy at 4 KiB.
const SHARE: usize = 4096;

/// Capacity above which an empty queue gives its memory back.
const KEEP: usize = 64 * 1024;

/// Bytes on their way to the peer: small pieces copied together, large ones queued as [`Bytes`] for vectored writes.
///
/// ```
/// use bytes::Bytes;
/// use meshwire::Output;
///
/// let mut output = Output::new();
/// output.put(b"head ");
/// output.put_bytes(Bytes::from_static(b"body"));
/// assert_eq!(output.len(), 9);
/// assert_eq!(output.take(), b"head body".to_vec());
/// ```
#[derive(Debug, Default)]
pub struct Output {
    /// Every copied byte, those already written before `read` included.
    copied: Vec<u8>,
    read: usize,
    /// Each shared piece, and how many copied bytes go out before it.
    shared: VecDeque<(usize, Bytes)>,
    /// Copied bytes that stand before some shared piece.
    before: usize,
    len: usize,
    /// Bytes that were written and have left.
    written: u64,
}

impl Output {
    /// An empty queue, which holds no memory.
    pub const fn new() -> Self {
        Self { copied: Vec::new(), read: 0, shared: VecDeque::new(), before: 0, len: 0, written: 0 }
    }

    /// Bytes not yet written.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether everything is written.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes ever queued.
    pub const fn total(&self) -> u64 {
        self.written.saturating_add(self.len as u64)
    }

    /// Queues a copy of `bytes`.
    pub fn put(&mut self, bytes: &[u8]) {
        self.copied.extend_from_slice(bytes);
        self.grew(bytes.len());
    }

    /// Queues a copy of `bytes` that `patch` has changed in place.
    #[inline(always)]
    pub fn put_patched(&mut self, bytes: &[u8], patch: impl FnOnce(&mut [u8])) {
        let start = self.copied.len();
        self.copied.extend_from_slice(bytes);
        if let Some(copy) = self.copied.get_mut(start..) {
            patch(copy);
        }
        self.grew(bytes.len());
    }

    /// Queues `bytes`, copied or shared, whichever is cheaper.
    pub fn put_bytes(&mut self, bytes: Bytes) {
        if bytes.len() < SHARE {
            self.put(&bytes);
        } else {
            let copied = self.copied.len().saturating_sub(self.read).saturating_sub(self.before);
            self.before = self.before.saturating_add(copied);
            self.grew(bytes.len());
            self.shared.push_back((copied, bytes));
        }
    }

    /// Lets `write` append to the copied bytes, as for a serializer that wants a `Vec`. It must only append.
    #[inline]
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.copied.len();
        write(&mut self.copied);
        self.grew(self.copied.len().saturating_sub(before));
    }

    /// The same for what may fail: then nothing is queued.
    #[inline]
    pub(crate) fn try_append<T, E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<T, E>) -> Result<T, E> {
        let before = self.copied.len();
        let result = write(&mut self.copied);
        if result.is_err() {
            self.copied.truncate(before);
        }
        self.grew(self.copied.len().saturating_sub(before));
        result
    }

    #[inline]
    fn grew(&mut self, n: usize) {
        self.len = self.len.saturating_add(n);
    }

    /// The first contiguous run of unwritten bytes.
    pub fn chunk(&self) -> &[u8] {
        match self.shared.front() {
            Some((0, bytes)) => bytes,
            Some((n, _)) => self.copied.get(self.read..self.read.saturating_add(*n)).unwrap_or_default(),
            None => self.copied.get(self.read..).unwrap_or_default(),
        }
    }

    /// Fills `slices` with unwritten bytes in order, for a vectored write; returns how many were filled.
    pub fn chunks<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        let mut read = self.read;
        let mut fill = |bytes: &'a [u8]| match slices.get_mut(filled) {
            Some(slot) if !bytes.is_empty() => {
                *slot = IoSlice::new(bytes);
                filled = filled.saturating_add(1);
            }
            _ => {}
        };
        for (copied, bytes) in &self.shared {
            let end = read.saturating_add(*copied);
            fill(self.copied.get(read..end).unwrap_or_default());
            fill(bytes);
            read = end;
        }
        fill(self.copied.get(read..).unwrap_or_default());
        filled
    }

    /// Says that the first `n` bytes are written (at most [`len`](Self::len)).
    pub fn advance(&mut self, n: usize) {
        if n >= self.len && self.shared.is_empty() {
            // What nearly every write comes to: all of it has left.
            self.written = self.written.saturating_add(self.len as u64);
            self.copied.clear();
            (self.len, self.read) = (0, 0);
            return;
        }
        let mut n = n.min(self.len);
        self.len = self.len.saturating_sub(n);
        self.written = self.written.saturating_add(n as u64);
        while n > 0 {
            let Some((copied, bytes)) = self.shared.front_mut() else {
                self.read = self.read.saturating_add(n);
                break;
            };
            let from_copied = n.min(*copied);
            *copied = copied.saturating_sub(from_copied);
            self.before = self.before.saturating_sub(from_copied);
            self.read = self.read.saturating_add(from_copied);
            n = n.saturating_sub(from_copied);
            let from_shared = n.min(bytes.len());
            bytes.advance(from_shared);
            n = n.saturating_sub(from_shared);
            if bytes.is_empty() {
                self.shared.pop_front();
            }
        }
        if self.read == self.copied.len() {
            self.copied.clear();
            self.read = 0;
        } else if self.read >= KEEP && self.read.saturating_mul(2) >= self.copied.len() {
            // A queue that never runs dry would otherwise keep every byte it ever copied.
            self.copied.drain(..self.read);
            self.read = 0;
        }
    }

    /// Takes everything out in one piece: for tests, tools and transports without vectored writes.
    pub fn take(&mut self) -> Vec<u8> {
        let mut all = Vec::with_capacity(self.len);
        while !self.is_empty() {
            let chunk = self.chunk();
            let n = chunk.len();
            all.extend_from_slice(chunk);
            self.advance(n);
        }
        all
    }

    /// Gives all memory back, if nothing is queued.
    pub fn trim(&mut self) {
        self.trim_above(0);
    }

    /// Gives memory back that an earlier burst needed: an empty queue keeps at most `keep` bytes.
    pub fn trim_above(&mut self, keep: usize) {
        if self.is_empty() && self.copied.capacity() > keep {
            self.copied = Vec::new();
            self.shared = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn memory_comes_back() {
        let mut output = Output::new();
        output.put(&[0; 3 * KEEP]);
        output.advance(3 * KEEP);
        output.trim();
        assert_eq!(output.copied.capacity(), 0);
    }

    #[test]
    fn a_queue_that_never_runs_dry_stays_small() {
        let mut output = Output::new();
        output.put(&[0; 100]);
        for _ in 0..10_000 {
            output.put(&[0; 1000]);
            output.advance(1000);
        }
        assert!(output.copied.capacity() <= 4 * KEEP, "{}", output.copied.capacity());
    }

    proptest! {
        #[test]
        fn bytes_leave_in_the_order_they_came(ops in prop::collection::vec((0usize..9000, any::<bool>(), 0usize..9000), 1..40)) {
            let mut output = Output::new();
            let (mut sent, mut got, mut next) = (Vec::new(), Vec::new(), 0u8);
            for (n, share, take) in ops {
                let piece: Vec<u8> = (0..n).map(|_| { next = next.wrapping_add(1); next }).collect();
                sent.extend_from_slice(&piece);
                if share { output.put_bytes(Bytes::from(piece)) } else { output.put(&piece) }
                let mut slices = [IoSlice::new(&[]); 3];
                let filled = output.chunks(&mut slices);
                let seen: Vec<u8> = slices[..filled].iter().flat_map(|s| s.iter().copied()).take(take).collect();
                got.extend_from_slice(&seen);
                output.advance(seen.len());
                prop_assert_eq!(output.len(), sent.len() - got.len());
            }
            got.extend(output.take());
            prop_assert_eq!(got, sent);
        }
    }
}
