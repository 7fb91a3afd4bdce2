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
}

impl IdField {
    /// Whether there is room for `id`: one that was cut would answer for another.
    #[inline]
    pub(super) fn fits(self, id: u64) -> bool {
        let bits = u32::from(self.width).saturating_mul(8);
        bits == 0 || id.checked_shr(bits).unwrap_or_default() == 0
    }

    /// Writes `id` in place of the one in `frame`.
    #[inline(always)]
    pub(super) fn overwrite(self, frame: &mut [u8], id: u64) {
        let bytes = id.to_be_bytes();
        let [.., b4, b5, b6, b7] = bytes;
        match frame.get_mut(self.at..) {
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
        let end = self.at.saturating_add(width);
        if let (Some(to), Some(from)) = (frame.get_mut(self.at..end), bytes.get(8usize.saturating_sub(width)..)) {
            to.copy_from_slice(from);
        }
    }
}
