//! Where detached heads live.

use bytes::{Bytes, BytesMut};

/// Enough for dozens of ordinary heads, so that few allocations are made; little enough that one head which stays
/// behind pins less than a read buffer.
const BLOCK: usize = 16 * 1024;

/// Memory that waiting heads share: see [`Head::detach`](crate::Head::detach).
#[derive(Debug, Default)]
pub struct Arena {
    free: BytesMut,
}

impl Arena {
    /// An arena that holds no memory yet.
    pub fn new() -> Self {
        Self { free: BytesMut::new() }
    }

    pub(super) fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if bytes.len() > BLOCK / 4 {
            return Bytes::copy_from_slice(bytes);
        }
        if self.free.capacity() < bytes.len() {
            self.free.reserve(BLOCK);
        }
        self.free.extend_from_slice(bytes);
        self.free.split().freeze()
    }
}
