//! The checksum that a frame ends in.

use super::id::IdField;

/// A checksum behind the payload, over all of the frame before it.
///
/// A message that is whole is checked before it is handed over; a larger one when its end has come. What is forwarded
/// with another id is never signed anew where [`change`](Self::change) is known: the checksum that came is changed by what
/// the id changes, so that what was damaged on the way through a proxy stays detectably so. It travels in
/// [`Head::tail`](crate::Head::tail), or, behind a body that streams, in an [`Event::Trailers`](crate::Event::Trailers).
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Checksum {
    /// Its bytes on the wire, at most 8, big-endian.
    pub len: usize,
    /// The state before the first byte.
    pub seed: u64,
    /// The state after some bytes.
    pub update: fn(u64, &[u8]) -> u64,
    /// The checksum of a state.
    pub finish: fn(u64) -> u64,
    /// What the checksum is XORed with when 8 bytes, big-endian, that end `behind` bytes before the checksum are XORed with
    /// `difference`; `None` where the checksum is not linear (CRCs are).
    pub change: Option<fn(difference: u64, behind: u64) -> u64>,
}

impl Checksum {
    /// Whether the frame at the front of `input`, which is `len` bytes long, ends in its checksum.
    #[inline(never)]
    pub(super) fn is_sound(&'static self, len: usize, input: &[u8]) -> bool {
        let end = len.saturating_sub(self.len);
        let Some((seen, sum)) = input.get(..len).and_then(|frame| frame.split_at_checked(end)) else { return false };
        let mut running = Running::new(self);
        running.update(seen);
        running.matches(sum)
    }

    /// The bits of the checksum of a frame, so many bytes long with it, that change when its id becomes `id`.
    #[inline]
    pub(super) fn changed(&self, old: IdField, frame_len: u64, id: u64) -> u64 {
        let difference = old.value ^ id;
        let id_end = old.at.saturating_add(usize::from(old.width)).saturating_add(self.len);
        match self.change {
            Some(change) if difference != 0 => change(difference, frame_len.saturating_sub(id_end as u64)),
            _ => 0,
        }
    }

    /// Changes `bits` of the checksum that `frame` ends in.
    #[inline]
    pub(super) fn change_bits(&self, frame: &mut [u8], bits: u64) {
        if self.len == 4
            && let Some(sum) = frame.last_chunk_mut()
        {
            *sum = (u32::from_be_bytes(*sum) ^ bits as u32).to_be_bytes();
            return;
        }
        let at = frame.len().saturating_sub(self.len);
        if let Some(sum) = frame.get_mut(at..) {
            let old = sum.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            let changed = (old ^ bits).to_be_bytes();
            if let Some(changed) = changed.get(8usize.saturating_sub(sum.len())..) {
                sum.copy_from_slice(changed);
            }
        }
    }
}

/// A checksum under way.
#[derive(Clone, Copy)]
pub(super) struct Running {
    pub(super) of: &'static Checksum,
    state: u64,
}

impl Running {
    pub(super) fn new(of: &'static Checksum) -> Self {
        Self { of, state: of.seed }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.state = (self.of.update)(self.state, bytes);
    }

    fn bytes(self) -> [u8; 8] {
        (self.of.finish)(self.state).to_be_bytes()
    }

    pub(super) fn put(self, out: &mut Vec<u8>) {
        out.extend(self.bytes().iter().skip(8usize.saturating_sub(self.of.len)));
    }

    pub(super) fn matches(self, trailer: &[u8]) -> bool {
        self.bytes().get(8usize.saturating_sub(trailer.len())..).is_some_and(|sum| sum == trailer)
    }
}
