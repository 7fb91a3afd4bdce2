//! The message that is on its way to the peer.

use bytes::Bytes;

use super::checksum::{Checksum, Running};
use super::format::Watch;
use crate::codec::Cx;
use crate::event::StreamId;

/// A message under way to the peer.
pub(super) struct Sending {
    pub(super) stream: StreamId,
    /// Payload bytes of the old message still to come.
    pub(super) remaining: u64,
    /// How many of those are left out, and what stands in their place.
    pub(super) cut: u64,
    pub(super) tail: Vec<u8>,
    /// Whether the old payload is what that was made for.
    pub(super) watch: Option<Box<dyn Watch>>,
    pub(super) seal: Seal,
}

/// What closes a message to the peer.
pub(super) enum Seal {
    /// Nothing.
    None,
    /// The checksum of what was sent.
    Anew(Running),
    /// The checksum that came, with these bits changed.
    Changed(&'static Checksum, u64),
}

impl Sending {
    /// Looks at the next bytes before they are [sent](Self::send).
    #[inline]
    pub(super) fn look(&mut self, data: &[u8]) -> Result<(), &'static str> {
        match &mut self.watch {
            None => Ok(()),
            Some(watch) => {
                let end = data.len() as u64 == self.remaining;
                watch.pass(data, end)?;
                if end {
                    self.watch = None;
                }
                Ok(())
            }
        }
    }

    /// Sends the next bytes of the old message. Its last byte does not end it: until its end is said it may turn out to
    /// be damaged, and must not be signed anew.
    pub(super) fn send(&mut self, mut data: Bytes, cx: &mut Cx<'_>) {
        let kept = self.remaining.saturating_sub(self.cut);
        self.remaining = self.remaining.saturating_sub(data.len() as u64);
        if let Ok(kept) = usize::try_from(kept) {
            data.truncate(kept);
        }
        if let Seal::Anew(running) = &mut self.seal {
            running.update(&data);
        }
        cx.output().put_bytes(data);
    }

    /// Ends the message, which came with the checksum `sum` or with none.
    pub(super) fn finish(&mut self, sum: &[u8], cx: &mut Cx<'_>) {
        match &mut self.seal {
            Seal::None => {}
            Seal::Anew(running) => {
                running.update(&self.tail);
                running.put(&mut self.tail);
            }
            Seal::Changed(of, bits) => {
                self.tail.extend_from_slice(sum);
                of.change_bits(&mut self.tail, *bits);
            }
        }
        cx.output().put(&self.tail);
    }
}
