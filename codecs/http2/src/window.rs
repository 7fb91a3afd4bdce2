//! Flow control (RFC 9113, section 5.2): what we may send, and what the peer may.

use crate::frame::MAX_31;

/// What the peer may send, and what it has sent that is released and not yet credited again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inbound {
    size: u32,
    /// Negative after a setting has made the window smaller (section 6.9.2).
    left: i64,
    owed: u32,
}

impl Inbound {
    pub(crate) const fn new(size: u32) -> Self {
        Self { size, left: size as i64, owed: 0 }
    }

    /// Takes `n` bytes; false where the peer has no credit for them.
    #[inline]
    pub(crate) fn take(&mut self, n: usize) -> bool {
        self.left = self.left.saturating_sub(n as i64);
        self.left >= 0
    }

    /// Takes back what was released; how much to announce, once that is worth a frame.
    #[inline]
    pub(crate) fn release(&mut self, n: usize) -> Option<u32> {
        self.owed = self.owed.saturating_add(u32::try_from(n).unwrap_or(MAX_31)).min(MAX_31);
        if self.owed < self.size.div_ceil(2) || self.owed == 0 {
            return None;
        }
        self.left = self.left.saturating_add(i64::from(self.owed));
        Some(std::mem::take(&mut self.owed))
    }

    /// The window becomes `size`; what is under way counts on.
    pub(crate) fn resize(&mut self, size: u32) {
        self.left = self.left.saturating_add(i64::from(size)).saturating_sub(i64::from(self.size));
        self.size = size;
    }
}

/// What we may send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outbound {
    /// Negative after a setting has made the window smaller (section 6.9.2).
    left: i64,
}

impl Outbound {
    pub(crate) const fn new(size: u32) -> Self {
        Self { left: size as i64 }
    }

    /// Bytes that may be sent now.
    #[inline]
    pub(crate) fn left(self) -> usize {
        usize::try_from(self.left).unwrap_or(0)
    }

    /// `n` bytes are sent; at most what is [left](Self::left).
    #[inline]
    pub(crate) fn take(&mut self, n: usize) {
        self.left = self.left.saturating_sub(n as i64);
    }

    /// More credit; false past 31 bits, which is an error of the peer's (section 6.9.1).
    #[must_use]
    pub(crate) fn give(&mut self, n: i64) -> bool {
        self.left = self.left.saturating_add(n);
        self.left <= i64::from(MAX_31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_window_is_worth_a_frame() {
        let mut window = Inbound::new(100);
        assert!(window.take(100) && !window.take(1));
        let mut window = Inbound::new(100);
        assert!(window.take(60));
        assert_eq!(window.release(49), None);
        assert_eq!(window.release(1), Some(50));
        assert!(window.take(90) && !window.take(1));
    }

    #[test]
    fn nothing_released_announces_nothing() {
        assert_eq!(Inbound::new(0).release(0), None);
        assert_eq!(Inbound::new(1).release(1), Some(1));
    }

    #[test]
    fn a_smaller_window_can_be_overdrawn() {
        let mut window = Inbound::new(100);
        assert!(window.take(80));
        window.resize(50);
        assert!(!window.take(0));
        assert_eq!(window.release(80), Some(80));
        assert!(window.take(50) && !window.take(1));
    }

    #[test]
    fn credit_has_31_bits() {
        let mut window = Outbound::new(65_535);
        assert!(window.give(i64::from(MAX_31) - 65_535));
        assert!(!window.give(1));
        let mut window = Outbound::new(10);
        assert!(window.give(-30));
        assert_eq!(window.left(), 0);
        assert!(window.give(25));
        assert_eq!(window.left(), 5);
    }
}
