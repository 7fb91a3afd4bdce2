//! The Huffman code of RFC 7541, section 5.2.
//!
//! ```
//! use meshwire_http2::hpack::huffman;
//!
//! let (mut coded, mut plain) = (Vec::new(), Vec::new());
//! huffman::encode(b"www.example.com", &mut coded);
//! assert_eq!(coded.len(), huffman::encoded_len(b"www.example.com"));
//! huffman::decode(&coded, &mut plain, 1024)?;
//! assert_eq!(plain, b"www.example.com");
//! # Ok::<(), huffman::HuffmanError>(())
//! ```

mod code;

use code::{LONG, PAIR_BITS, PAIRS, SORTED, SYMBOLS};

/// Why a string cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum HuffmanError {
    /// It holds the end-of-string symbol, or its padding is longer than seven bits or not all ones.
    #[error("malformed Huffman code")]
    Malformed,
    /// It comes to more than the limit.
    #[error("longer than the limit")]
    TooLong,
}

/// How many bytes [`encode`] would append.
#[inline]
pub fn encoded_len(plain: &[u8]) -> usize {
    let bits = plain.iter().fold(0_usize, |sum, &b| sum.wrapping_add(usize::from(length(b))));
    bits.div_ceil(8)
}

#[inline]
fn length(b: u8) -> u8 {
    SYMBOLS.get(usize::from(b)).map_or(0, |s| s.length)
}

/// Appends `plain` as Huffman code.
pub fn encode(plain: &[u8], out: &mut Vec<u8>) {
    // The bits that were not written yet are the lowest `have` ones.
    let (mut bits, mut have) = (0_u64, 0_u32);
    for &b in plain {
        let Some(symbol) = SYMBOLS.get(usize::from(b)) else { continue };
        let length = u32::from(symbol.length);
        bits = bits << (length & 63) | u64::from(symbol.code);
        have = have.wrapping_add(length);
        if have >= 32 {
            have = have.wrapping_sub(32);
            out.extend_from_slice(&((bits >> (have & 63)) as u32).to_be_bytes());
        }
    }
    // At most 31 bits are left; ones behind them.
    let padded = (bits << 32 | 0xffff_ffff) >> (have & 31);
    let rest = (padded as u32).to_be_bytes();
    out.extend_from_slice(rest.get(..have.div_ceil(8) as usize).unwrap_or_default());
}

/// Appends what `coded` stands for, at most `limit` bytes.
///
/// # Errors
///
/// Malformed code, or more than `limit` bytes; `out` is then as it was.
pub fn decode(coded: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), HuffmanError> {
    let start = out.len();
    let room = decoded_max(coded.len()).min(limit.saturating_add(1)).saturating_add(SLACK);
    out.resize(start.saturating_add(room), 0);
    let result = decode_to(coded, out.get_mut(start..).unwrap_or_default());
    let result = result.and_then(|n| if n > limit { Err(HuffmanError::TooLong) } else { Ok(n) });
    out.truncate(start.saturating_add(result.unwrap_or(0)));
    result.map(drop)
}

/// Bytes that [`decode_to`] wants behind what it writes.
pub(crate) const SLACK: usize = 8;

/// The most bytes that so many bytes of code can stand for: no symbol is shorter than five bits.
pub(crate) const fn decoded_max(coded: usize) -> usize {
    coded.saturating_mul(8) / 5
}

/// Writes what `coded` stands for to the front of `out`, and says how long that is. `TooLong` where `out` has not
/// [`SLACK`] bytes more than that.
///
/// Bits are turned over as they come in: the padding of ones becomes zeros, which is what shifting leaves behind, so
/// that the end needs no care: a symbol that was made of bits behind the end shows as fewer bits than none left.
pub(crate) fn decode_to(coded: &[u8], out: &mut [u8]) -> Result<usize, HuffmanError> {
    let (mut rest, mut bits, mut have, mut at) = (coded, 0_u64, 0_i32, 0_usize);
    loop {
        let word = !front(rest) & front_mask(rest.len());
        bits |= word >> (have & 63);
        let n = (63_i32.wrapping_sub(have) as usize >> 3).min(rest.len());
        rest = rest.get(n..).unwrap_or_default();
        have = have.wrapping_add((n as i32).wrapping_mul(8));

        let before = have;
        let (mut symbols, mut filled) = (0_u64, 0_u32);
        for _ in 0..4 {
            let pair = PAIRS.get((bits >> (64 - PAIR_BITS)) as usize).copied().unwrap_or(0);
            let length = pair & 0x3f;
            symbols |= u64::from(pair >> 16) << (filled & 63);
            filled = filled.wrapping_add(pair >> 8 & 0xff);
            bits <<= length;
            have = have.wrapping_sub(length as i32);
        }
        let Some(place) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<8>) else {
            return Err(HuffmanError::TooLong);
        };
        *place = symbols.to_le_bytes();
        at = at.wrapping_add((filled >> 3) as usize);

        if rest.is_empty() && have < 8 {
            if have < 0 {
                return Err(HuffmanError::Malformed);
            }
            if bits == 0 {
                return Ok(at);
            }
        }
        if have == before {
            let (symbol, length) = long(!(bits >> 32) as u32).ok_or(HuffmanError::Malformed)?;
            if length as i32 > have {
                return Err(HuffmanError::Malformed);
            }
            *out.get_mut(at).ok_or(HuffmanError::TooLong)? = symbol;
            at = at.wrapping_add(1);
            bits <<= length & 63;
            have = have.wrapping_sub(length as i32);
        }
    }
}

/// The first eight bytes, or as many as there are, at the upper end of a word.
#[inline]
fn front(bytes: &[u8]) -> u64 {
    if let Some(&eight) = bytes.first_chunk::<8>() {
        return u64::from_be_bytes(eight);
    }
    let up = |word: u64, end: usize| word << (64_usize.wrapping_sub(end.wrapping_mul(8)) & 63);
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>(), bytes) {
        // Two halves that overlap.
        (Some(&first), Some(&last), _) => {
            up(u32::from_be_bytes(first).into(), 4) | up(u32::from_be_bytes(last).into(), bytes.len())
        }
        (_, _, &[a, b, c]) => up(a.into(), 1) | up(b.into(), 2) | up(c.into(), 3),
        (_, _, &[a, b]) => up(a.into(), 1) | up(b.into(), 2),
        (_, _, &[a]) => up(a.into(), 1),
        _ => 0,
    }
}

/// The bits of [`front`] that are there.
#[inline]
const fn front_mask(len: usize) -> u64 {
    if len >= 8 { u64::MAX } else { !(u64::MAX >> (len.wrapping_mul(8) & 63)) }
}

/// The symbol whose code, longer than [`PAIR_BITS`] or not, is in front of `bits`, and how long it is. None for the
/// end of string.
fn long(bits: u32) -> Option<(u8, u32)> {
    let row = LONG.iter().find(|row| bits <= row.last)?;
    let nth = bits.wrapping_sub(row.first) >> (32_u32.wrapping_sub(row.length) & 31);
    let symbol = SORTED.get(usize::from(row.sorted).wrapping_add(nth as usize))?;
    Some((u8::try_from(*symbol).ok()?, row.length))
}

#[cfg(test)]
mod tests {
    use super::code::LENGTHS;
    use super::*;
    use proptest::prelude::*;

    /// Bit by bit.
    fn oracle(coded: &[u8]) -> Result<Vec<u8>, HuffmanError> {
        let (mut out, mut code, mut length) = (Vec::new(), 0_u32, 0_u8);
        for bit in coded.iter().flat_map(|b| (0..8).rev().map(move |n| b >> n & 1)) {
            (code, length) = (code << 1 | u32::from(bit), length + 1);
            if let Some(symbol) = SYMBOLS.iter().position(|s| (s.code, s.length) == (code, length)) {
                out.push(u8::try_from(symbol).map_err(|_| HuffmanError::Malformed)?);
                (code, length) = (0, 0);
            }
        }
        let ones = code == (1_u32 << length) - 1;
        if length < 8 && ones { Ok(out) } else { Err(HuffmanError::Malformed) }
    }

    fn all(coded: &[u8]) -> Result<Vec<u8>, HuffmanError> {
        let mut out = b"before".to_vec();
        let result = decode(coded, &mut out, usize::MAX);
        assert!(out.starts_with(b"before"));
        out.drain(..6);
        assert!(result.is_ok() || out.is_empty());
        result.map(|()| out)
    }

    #[test]
    fn the_code_is_that_of_the_rfc() {
        // A few of RFC 7541, appendix B: the codes follow from their lengths.
        for (symbol, code, length) in [
            (0, 0x1ff8, 13),
            (48, 0, 5),
            (127, 0xfff_fffc, 28),
            (22, 0x3fff_fffe, 30),
            (203, 0x7ff_ffde, 27),
            (256, 0x3fff_ffff, 30),
        ] {
            assert_eq!((SYMBOLS[symbol].code, SYMBOLS[symbol].length), (code, length), "{symbol}");
        }
        assert_eq!(LENGTHS.iter().map(|&l| 2_f64.powi(-i32::from(l))).sum::<f64>(), 1.0);
    }

    #[test]
    fn every_symbol_alone_and_among_others() {
        for b in 0..=255 {
            for plain in [vec![b], vec![b; 9], vec![b'a', b, b'e', b, b'z', b, b, b'0']] {
                let mut coded = Vec::new();
                encode(&plain, &mut coded);
                assert_eq!(coded.len(), encoded_len(&plain));
                assert_eq!(all(&coded).as_ref(), Ok(&plain));
                assert_eq!(oracle(&coded).as_ref(), Ok(&plain));
            }
        }
        assert_eq!(all(b""), Ok(Vec::new()));
    }

    #[test]
    fn wrong_ends() {
        for coded in [
            &[0xff][..],                     // eight bits of padding
            &[0x1f, 0xff],                   // the same behind a symbol
            &[0x1f, 0xff, 0xff, 0xff, 0xff], // the end of string
            &[0xff, 0xff, 0xff, 0xfc],       // the end of string, padded with zeros
            &[0xff, 0xff, 0xff, 0xff],       // the end of string, padded with ones
            &[0x1e],                         // padding that is not ones
            &[0x00, 0x00],                   // the same
            &[0xff, 0xff, 0xfe],             // inside a long symbol
        ] {
            assert_eq!(all(coded), Err(HuffmanError::Malformed), "{coded:x?}");
            assert_eq!(oracle(coded), Err(HuffmanError::Malformed), "{coded:x?}");
        }
    }

    #[test]
    fn the_limit_is_exact() {
        let mut coded = Vec::new();
        for len in 0..70 {
            let plain = vec![b'0'; len];
            coded.clear();
            encode(&plain, &mut coded);
            let mut out = Vec::new();
            assert_eq!(decode(&coded, &mut out, len), Ok(()));
            if len > 0 {
                assert_eq!(decode(&coded, &mut Vec::new(), len - 1), Err(HuffmanError::TooLong));
            }
        }
    }

    proptest! {
        #[test]
        fn there_and_back(plain in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut coded = Vec::new();
            encode(&plain, &mut coded);
            prop_assert_eq!(coded.len(), encoded_len(&plain));
            prop_assert_eq!(all(&coded), Ok(plain));
        }

        #[test]
        fn text_there_and_back(plain in "[ -~]{0,100}") {
            let mut coded = Vec::new();
            encode(plain.as_bytes(), &mut coded);
            prop_assert_eq!(all(&coded), Ok(plain.into_bytes()));
        }

        #[test]
        fn as_the_oracle_says(coded in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xff), 0xf0_u8..], 0..40)) {
            prop_assert_eq!(all(&coded), oracle(&coded));
        }

        #[test]
        fn as_the_oracle_says_of_a_changed_end(plain in "[ -~]{0,40}", by in any::<u8>()) {
            let mut coded = Vec::new();
            encode(plain.as_bytes(), &mut coded);
            if let Some(last) = coded.last_mut() {
                *last ^= by;
            }
            prop_assert_eq!(all(&coded), oracle(&coded));
        }
    }
}
