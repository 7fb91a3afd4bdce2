//! Numbers of 32 bits, seven bits a byte, the low ones first.

pub(crate) enum Varint {
    /// Its value and its bytes.
    Done(u32, usize),
    /// It goes on.
    More,
    /// It does not fit.
    TooLong,
}

#[inline]
pub(crate) fn read(bytes: &[u8]) -> Varint {
    let mut value = 0u32;
    for (n, byte) in bytes.iter().take(5).enumerate() {
        let bits = u32::from(byte & 0x7f);
        if n == 4 && bits > 0x0f {
            return Varint::TooLong;
        }
        value |= bits.wrapping_shl((n as u32).wrapping_mul(7));
        if byte & 0x80 == 0 {
            return Varint::Done(value, n.wrapping_add(1));
        }
    }
    if bytes.len() < 5 { Varint::More } else { Varint::TooLong }
}

pub(crate) fn put(mut value: u32, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back() {
        for value in [0, 1, 0x7f, 0x80, 0x3fff, 0x4000, 0x0fff_ffff, 0x1000_0000, i32::MAX as u32, u32::MAX] {
            let mut bytes = Vec::new();
            put(value, &mut bytes);
            for n in 0..bytes.len() {
                assert!(matches!(read(&bytes[..n]), Varint::More), "{n} of {value}");
            }
            bytes.push(0xff);
            let Varint::Done(back, len) = read(&bytes) else { panic!("{value}") };
            assert_eq!((back, len), (value, bytes.len() - 1));
        }
        for long in [[0xff, 0xff, 0xff, 0xff, 0x1f], [0x80; 5]] {
            assert!(matches!(read(&long), Varint::TooLong));
        }
    }
}
