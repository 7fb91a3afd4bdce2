//! How a field lies in memory: eight bytes, its name, its value. In lists and in the decoder's tables alike, so that an
//! indexed field is one copy.

/// What stands in front of the name.
pub(crate) const HEADER: usize = 8;

/// Bytes that may be copied from where any record of a table begins, whatever its length: what fits costs no more than a
/// few moves.
pub(crate) const PAD: usize = 64;

pub(crate) const NEVER_INDEXED: u8 = 1;
pub(crate) const NAME_OK: u8 = 2;
pub(crate) const VALUE_OK: u8 = 4;

/// The number of the name, flags, the length of the name (two bytes), of the value (four).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) known: u8,
    pub(crate) flags: u8,
    pub(crate) name: usize,
    pub(crate) value: usize,
}

impl Header {
    #[inline]
    pub(crate) const fn to_bytes(self) -> [u8; HEADER] {
        let low = self.known as u64 | (self.flags as u64) << 8 | (self.name as u64 & 0xffff) << 16;
        (low | (self.value as u64) << 32).to_le_bytes()
    }

    #[inline]
    pub(crate) const fn from_bytes(bytes: [u8; HEADER]) -> Self {
        let word = u64::from_le_bytes(bytes);
        Self {
            known: word as u8,
            flags: (word >> 8) as u8,
            name: (word >> 16 & 0xffff) as usize,
            value: (word >> 32) as usize,
        }
    }

    /// That of the record in front of `bytes`.
    #[inline]
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk().map(|&header| Self::from_bytes(header))
    }
}
