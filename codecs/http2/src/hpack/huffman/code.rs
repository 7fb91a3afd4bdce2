//! The code of RFC 7541, appendix B, and the tables to read it with, all of which the compiler works out.
//!
//! The code is canonical: symbols in the order of their lengths, and of their values among those of one length, have
//! codes that count up. So the lengths say everything.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // run by the compiler, which would stop

/// How many bits each symbol's code has; the last is the end of string.
#[rustfmt::skip]
pub(super) const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

#[derive(Clone, Copy)]
pub(super) struct Symbol {
    pub(super) code: u32,
    pub(super) length: u8,
}

/// Codes of one length.
#[derive(Clone, Copy)]
pub(super) struct Row {
    /// The first code, at the upper end of the word.
    pub(super) first: u32,
    /// The last, followed by ones.
    pub(super) last: u32,
    pub(super) length: u32,
    /// Where in [`SORTED`] its symbols begin.
    pub(super) sorted: u16,
}

const fn count(length: u32) -> usize {
    let (mut n, mut s) = (0, 0);
    while s < LENGTHS.len() {
        n += (LENGTHS[s] as u32 == length) as usize;
        s += 1;
    }
    n
}

const ROWS: usize = {
    let (mut rows, mut length) = (0, 1);
    while length <= 30 {
        rows += (count(length) > 0) as usize;
        length += 1;
    }
    rows
};

const ALL: ([Row; ROWS], [u16; 257], [Symbol; 257]) = {
    let mut rows = [Row { first: 0, last: 0, length: 0, sorted: 0 }; ROWS];
    let mut sorted = [0; 257];
    let mut symbols = [Symbol { code: 0, length: 0 }; 257];
    let (mut row, mut at, mut code, mut length) = (0, 0, 0_u64, 1);
    while length <= 30 {
        code <<= 1;
        if count(length) > 0 {
            rows[row].first = (code << (32 - length)) as u32;
            rows[row].length = length;
            rows[row].sorted = at as u16;
            let mut s = 0;
            while s < LENGTHS.len() {
                if LENGTHS[s] as u32 == length {
                    symbols[s] = Symbol { code: code as u32, length: length as u8 };
                    sorted[at] = s as u16;
                    at += 1;
                    code += 1;
                }
                s += 1;
            }
            rows[row].last = ((code << (32 - length)) - 1) as u32;
            row += 1;
        }
        length += 1;
    }
    (rows, sorted, symbols)
};

/// The lengths, shortest first.
pub(super) static LONG: [Row; ROWS] = ALL.0;

/// The symbols in the order of their codes.
pub(super) static SORTED: [u16; 257] = ALL.1;

/// The codes in the order of the symbols.
pub(super) static SYMBOLS: [Symbol; 257] = ALL.2;

/// How many bits a step of the decoder looks at.
pub(super) const PAIR_BITS: u32 = 12;

/// For the next bits, turned over: how many of them the symbols in front take (bits 0 to 7), eight times the number of
/// symbols (bits 8 to 15), the first symbol (bits 16 to 23) and the second (bits 24 to 31). 0 where the first symbol's
/// code is longer.
pub(super) static PAIRS: [u32; 1 << PAIR_BITS] = {
    let mut pairs = [0; 1 << PAIR_BITS];
    let mut index = 0;
    while index < pairs.len() {
        let bits = !(index as u32) << (32 - PAIR_BITS);
        if let Some((first, length)) = symbol(bits, PAIR_BITS) {
            pairs[index] = match symbol(bits << length, PAIR_BITS - length) {
                Some((second, more)) => second << 24 | first << 16 | 16 << 8 | (length + more),
                None => first << 16 | 8 << 8 | length,
            };
        }
        index += 1;
    }
    pairs
};

/// The symbol in front of `bits`, if it has at most `most` bits.
const fn symbol(bits: u32, most: u32) -> Option<(u32, u32)> {
    let mut row = 0;
    while row < ROWS {
        let Row { first, last, length, sorted } = ALL.0[row];
        if length > most {
            return None;
        }
        if bits <= last {
            return Some((ALL.1[sorted as usize + ((bits - first) >> (32 - length)) as usize] as u32, length));
        }
        row += 1;
    }
    None
}
