//! Integers with a prefix (RFC 7541, section 5.1).

use super::error::HpackError;

/// Bytes behind the prefix. Five carry 35 bits; what is longer is padding with zeros, or an attack.
const MORE: u32 = 5;

/// What is left of a block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(block: &'a [u8]) -> Self {
        Self { rest: block }
    }

    /// All of it.
    #[inline]
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) fn skip(&mut self, n: usize) {
        self.rest = self.rest.get(n..).unwrap_or_default();
    }

    pub(crate) const fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    #[inline]
    pub(crate) const fn byte(&mut self) -> Option<u8> {
        let Some((&first, rest)) = self.rest.split_first() else { return None };
        self.rest = rest;
        Some(first)
    }

    #[inline]
    pub(crate) const fn bytes(&mut self, n: usize) -> Result<&'a [u8], HpackError> {
        let Some((bytes, rest)) = self.rest.split_at_checked(n) else { return Err(HpackError::Truncated) };
        self.rest = rest;
        Ok(bytes)
    }

    /// The integer whose prefix is `first` under `mask`.
    #[inline]
    pub(crate) const fn integer(&mut self, first: u8, mask: u8) -> Result<usize, HpackError> {
        let low = first & mask;
        if low < mask { Ok(low as usize) } else { self.long(mask) }
    }

    const fn long(&mut self, mask: u8) -> Result<usize, HpackError> {
        let (mut sum, mut shift) = (mask as u64, 0_u32);
        while shift < MORE.wrapping_mul(7) {
            let Some(byte) = self.byte() else { return Err(HpackError::Truncated) };
            // At most 127 << 28 on top of less than 2^28 + 255.
            sum = sum.wrapping_add(((byte & 0x7f) as u64) << (shift & 63));
            if byte & 0x80 == 0 {
                return if sum <= u32::MAX as u64 { Ok(sum as usize) } else { Err(HpackError::Integer) };
            }
            shift = shift.wrapping_add(7);
        }
        Err(HpackError::Integer)
    }
}

/// Appends `n` behind a prefix of the bits in `mask`, under the bits of `kind`.
#[inline]
pub(crate) fn put(kind: u8, mask: u8, n: usize, out: &mut Vec<u8>) {
    if n < usize::from(mask) {
        out.push(kind | n as u8);
    } else {
        put_long(kind, mask, n, out);
    }
}

#[cold]
fn put_long(kind: u8, mask: u8, n: usize, out: &mut Vec<u8>) {
    out.push(kind | mask);
    let mut rest = n.wrapping_sub(usize::from(mask));
    while rest > 0x7f {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], mask: u8) -> Result<usize, HpackError> {
        let mut reader = Reader::new(bytes);
        let first = reader.byte().ok_or(HpackError::Truncated)?;
        let n = reader.integer(first, mask)?;
        assert!(reader.peek().is_none());
        Ok(n)
    }

    #[test]
    fn examples_of_the_rfc() {
        // RFC 7541, sections C.1.1 to C.1.3.
        assert_eq!(read(&[0b0000_1010], 0x1f), Ok(10));
        assert_eq!(read(&[0b0001_1111, 0b1001_1010, 0b0000_1010], 0x1f), Ok(1337));
        assert_eq!(read(&[0b0010_1010], 0xff), Ok(42));
    }

    #[test]
    fn every_prefix_there_and_back() {
        for bits in 1..=8 {
            let mask = (0xff_u16 >> (8 - bits)) as u8;
            let m = usize::from(mask);
            for n in [0, 1, m - 1, m, m + 1, m + 127, m + 128, m + 16383, m + 16384, 1 << 28, u32::MAX as usize] {
                let mut out = Vec::new();
                put(!mask, mask, n, &mut out);
                assert_eq!(out[0] & !mask, !mask, "the kind stays");
                assert_eq!(read(&out, mask), Ok(n), "{bits} bits, {n}");
                for end in 0..out.len() {
                    assert_eq!(read(&out[..end], mask), Err(HpackError::Truncated));
                }
            }
        }
    }

    #[test]
    fn too_large() {
        for bits in 1..=8 {
            let mask = (0xff_u16 >> (8 - bits)) as u8;
            let mut out = Vec::new();
            put(0, mask, u32::MAX as usize + 1, &mut out);
            assert_eq!(read(&out, mask), Err(HpackError::Integer));
            assert_eq!(read(&[mask, 0x80, 0x80, 0x80, 0x80, 0x00], mask), Ok(usize::from(mask)), "zeros up to five");
            assert_eq!(read(&[mask, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00], mask), Err(HpackError::Integer));
            assert_eq!(
                read(&[mask, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], mask),
                Err(HpackError::Integer)
            );
        }
    }
}
