//! A frame's id.

/// Where a frame's id lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct IdField {
    /// Its value, unsigned.
    pub value: u64,
    /// Where it begins in the frame.
    pub at: usize,
    /// Its bytes, big-endian; 0 where only [`FrameFormat::rebuild`](super::FrameFormat::rebuild) can write another one.
    pub width: u8,
    /// Where the frame says it again, in as many bytes; 0 where it does not.
    pub twin_at: u32,
}

impl IdField {
    /// An id that stands in one place.
    #[inline]
    pub const fn new(value: u64, at: usize, width: u8) -> Self {
        Self { value, at, width, twin_at: 0 }
    }

    /// The same id, which stands at `at` too.
    #[inline]
    #[must_use]
    pub const fn with_twin(mut self, at: usize) -> Self {
        self.twin_at = at as u32;
        self
    }

    /// Whether there is room for `id`: one that was cut would answer for another.
    #[inline]
    pub(super) fn fits(self, id: u64) -> bool {
        let bits = u32::from(self.width).saturating_mul(8);
        bits == 0 || id.checked_shr(bits).unwrap_or_default() == 0
    }

    /// Writes `id` in place of the one in `frame`.
    #[inline(always)]
    pub(super) fn overwrite(self, frame: &mut [u8], id: u64) {
        self.overwrite_at(self.at, frame, id);
        if self.twin_at > 0 {
            self.overwrite_at(self.twin_at as usize, frame, id);
        }
    }

    #[inline(always)]
    fn overwrite_at(self, at: usize, frame: &mut [u8], id: u64) {
        let bytes = id.to_be_bytes();
        let [.., b4, b5, b6, b7] = bytes;
        match frame.get_mut(at..) {
            Some([a0, a1, a2, a3, ..]) if self.width == 4 => {
                (*a0, *a1, *a2, *a3) = (b4, b5, b6, b7);
                return;
            }
            Some(to) if self.width == 8 => {
                if let Some(to) = to.first_chunk_mut() {
                    *to = bytes;
                }
                return;
            }
            _ => {}
        }
        let width = usize::from(self.width).min(8);
        let end = at.saturating_add(width);
        if let (Some(to), Some(from)) = (frame.get_mut(at..end), bytes.get(8usize.saturating_sub(width)..)) {
            to.copy_from_slice(from);
        }
    }
}
