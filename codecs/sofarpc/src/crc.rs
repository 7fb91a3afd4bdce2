//! The checksum of v2: CRC-32 as zlib has it, over everything before it.
//!
//! CRCs are linear: what a difference between two frames of one length does to their checksums depends on the difference
//! alone. So a frame that goes out under another id has its checksum changed, not computed: what was wrong stays wrong.

use meshwire::frame::Checksum;

/// The checksum.
pub(crate) static CRC32: Checksum = Checksum { len: 4, seed: 0, update, finish: |state| state, change: Some(change) };

fn update(state: u64, bytes: &[u8]) -> u64 {
    let mut hasher = crc32fast::Hasher::new_with_initial(state as u32);
    hasher.update(bytes);
    u64::from(hasher.finalize())
}

/// What the checksum is XORed with when 8 bytes that end `behind` bytes before it are XORed with `difference`.
fn change(difference: u64, behind: u64) -> u64 {
    let low = moved(difference as u32, behind);
    let high = match (difference >> 32) as u32 {
        0 => 0,
        high => moved(high, behind.wrapping_add(4)),
    };
    u64::from(low ^ high)
}

/// The CRC, begun with nothing and ended with nothing, of 4 bytes and `behind` zeros.
fn moved(difference: u32, behind: u64) -> u32 {
    let n = behind.wrapping_add(4);
    let mut sum = difference.swap_bytes();
    let mut left = n;
    for powers in &POWERS {
        let digit = left as usize & (DIGIT - 1);
        if digit != 0 {
            sum = times(sum, powers.get(digit).copied().unwrap_or_default());
        }
        left >>= DIGIT.trailing_zeros();
        if left == 0 {
            break;
        }
    }
    sum
}

// Polynomials modulo the CRC's, a bit for each power and the highest bit for the lowest, as CRC-32 has them: to
// multiply by x is to shift right.

/// x to the 32nd, without its highest power.
const POLYNOMIAL: u32 = 0xedb8_8320;
const ONE: u32 = 0x8000_0000;

/// Powers of x to the eighth are looked up by so many digits at once, so that frames up to a kilobyte cost one product.
const DIGIT: usize = 1024;

/// `POWERS[k][n]` is x to the 8 · n · DIGIT^k: what n zeros do. Four digits reach past every length there is.
static POWERS: [[u32; DIGIT]; 4] = powers();

/// `TABLES[k][b]` is what the byte b becomes, k bytes before the last of four.
static TABLES: [[u32; 256]; 4] = tables();

/// The product of two polynomials.
#[inline]
fn times(a: u32, b: u32) -> u32 {
    let product = carryless(a, b) << 1;
    let [b0, b1, b2, b3] = (product as u32).to_le_bytes();
    let [t0, t1, t2, t3] = &TABLES;
    let at = |table: &[u32; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or_default();
    (product >> 32) as u32 ^ at(t3, b0) ^ at(t2, b1) ^ at(t1, b2) ^ at(t0, b3)
}

/// The product before it is reduced. Every fourth bit of each factor at a time: no sum of eight reaches the next bit that
/// counts, so that ordinary products serve.
#[inline]
fn carryless(a: u32, b: u32) -> u64 {
    const EVERY: u64 = 0x1111_1111_1111_1111;
    let split = |n: u32| [0, 1, 2, 3].map(|bit| u64::from(n) & EVERY << bit);
    let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (split(a), split(b));
    let mul = u64::wrapping_mul;
    let z0 = mul(a0, b0) ^ mul(a1, b3) ^ mul(a2, b2) ^ mul(a3, b1);
    let z1 = mul(a0, b1) ^ mul(a1, b0) ^ mul(a2, b3) ^ mul(a3, b2);
    let z2 = mul(a0, b2) ^ mul(a1, b1) ^ mul(a2, b0) ^ mul(a3, b3);
    let z3 = mul(a0, b3) ^ mul(a1, b2) ^ mul(a2, b1) ^ mul(a3, b0);
    z0 & EVERY | z1 & EVERY << 1 | z2 & EVERY << 2 | z3 & EVERY << 3
}

/// The same bit by bit: for the tables, and the oracle of the tests.
const fn slow_times(mut a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    while a != 0 {
        if a & ONE != 0 {
            product ^= b;
        }
        a <<= 1;
        b = times_x(b);
    }
    product
}

const fn times_x(a: u32) -> u32 {
    if a & 1 == 1 { a >> 1 ^ POLYNOMIAL } else { a >> 1 }
}

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // const: a mistake does not compile
const fn powers() -> [[u32; DIGIT]; 4] {
    let mut powers = [[ONE; DIGIT]; 4];
    // x to the eighth, then that to the power of DIGIT for each further digit.
    let mut step = ONE >> 8;
    let mut k = 0;
    while k < powers.len() {
        let mut n = 1;
        while n < DIGIT {
            powers[k][n] = slow_times(step, powers[k][n - 1]);
            n += 1;
        }
        step = slow_times(step, powers[k][DIGIT - 1]);
        k += 1;
    }
    powers
}

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // const: a mistake does not compile
const fn tables() -> [[u32; 256]; 4] {
    let mut tables = [[0; 256]; 4];
    let mut byte = 0;
    while byte < 256 {
        let mut sum = byte as u32;
        let mut k = 0;
        while k < 4 {
            let mut bit = 0;
            while bit < 8 {
                sum = times_x(sum);
                bit += 1;
            }
            tables[k][byte] = sum;
            k += 1;
        }
        byte += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn crc(bytes: &[u8]) -> u64 {
        (CRC32.finish)((CRC32.update)(CRC32.seed, bytes))
    }

    #[test]
    fn it_is_the_one_of_zlib() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc(b"123456789"), 0xcbf4_3926);
        assert_eq!((CRC32.update)(crc(b"1234"), b"56789"), 0xcbf4_3926);
    }

    #[test]
    fn long_frames() {
        for behind in [0usize, 1, 1019, 1020, 1021, 1023, 1024, 70_000, 1 << 20, (1 << 20) + 7] {
            let mut frame = vec![0x5a; 8 + behind];
            let before = crc(&frame);
            let difference = 0x0102_0304_8000_0001u64;
            for (byte, bits) in frame.iter_mut().zip(difference.to_be_bytes()) {
                *byte ^= bits;
            }
            assert_eq!(before ^ change(difference, behind as u64), crc(&frame), "{behind}");
        }
    }

    #[test]
    fn lengths_that_no_test_can_allocate() {
        /// What `n` zeros do, by squaring.
        fn zeros(n: u64) -> u32 {
            (0..=n.ilog2())
                .filter(|bit| n >> bit & 1 == 1)
                .fold(ONE, |all, bit| slow_times(all, (0..bit).fold(ONE >> 8, |square, _| slow_times(square, square))))
        }
        for (one, two) in [(1 << 31, 1 << 31), (u64::from(u32::MAX), 12), (1 << 33, 1023)] {
            assert_eq!(moved(0xdead_beef, one + two), slow_times(moved(0xdead_beef, one), zeros(two)));
        }
    }

    proptest! {
        #[test]
        fn products_are_those_of_the_slow_way(a: u32, b: u32) {
            prop_assert_eq!(times(a, b), slow_times(a, b));
        }

        #[test]
        fn a_changed_checksum_is_the_one_of_the_changed_frame(
            mut frame in prop::collection::vec(any::<u8>(), 8..600),
            at: prop::sample::Index,
            difference: u64,
        ) {
            let at = at.index(frame.len() - 7);
            let before = crc(&frame);
            for (byte, bits) in frame[at..].iter_mut().zip(difference.to_be_bytes()) {
                *byte ^= bits;
            }
            let behind = (frame.len() - at - 8) as u64;
            prop_assert_eq!(before ^ change(difference, behind), crc(&frame));
        }
    }
}
