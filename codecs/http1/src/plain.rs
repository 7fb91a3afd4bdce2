//! Runs of the bytes that plainly written heads are made of.
//!
//! Most heads are ASCII, one space here and one colon there. To fill httparse's table for those and then walk the table
//! again for framing, limits and the routing key took a third of the time, so they are read in one walk. The rest, and
//! whatever would be refused, is left to httparse: it alone decides what is wrong, and tests hold the two to each other.

/// `bytes` up to `n`, if there is something, and what follows `mark`, which must be there.
#[inline]
pub(crate) fn until(bytes: &[u8], n: usize, mark: u8) -> Option<(&[u8], &[u8])> {
    let (run, rest) = bytes.split_at_checked(n)?;
    match rest {
        [found, rest @ ..] if *found == mark && !run.is_empty() => Some((run, rest)),
        _ => None,
    }
}

/// How many letters, digits, `-` and `_` are in front.
#[inline]
pub(crate) fn name_len(bytes: &[u8]) -> usize {
    run(bytes, |word| {
        // Every sum stays below 256 where the byte is ASCII, and its upper bit tells whether a bound was reached.
        let folded = word | each(0x20);
        let letter = at_least(folded, b'a') & !at_least(folded, b'z' + 1);
        let digit = at_least(word, b'0') & !at_least(word, b'9' + 1);
        let other = differs(word, b'-') & differs(word, b'_');
        !(letter | digit | !other) | word
    })
}

/// How many bytes of ASCII, neither controls nor a space, are in front.
#[inline]
pub(crate) fn visible_len(bytes: &[u8]) -> usize {
    run(bytes, |word| word.wrapping_sub(each(b'!')) | word.wrapping_add(each(1)) | word)
}

/// How many bytes of ASCII, a space among them but no control, are in front.
#[inline]
pub(crate) fn text_len(bytes: &[u8]) -> usize {
    // Far more of them than of the others: as many at a time as a register holds, but without the place.
    let (chunks, _) = bytes.as_chunks::<16>();
    let is_text = |chunk: &[u8; 16]| chunk.iter().fold(true, |all, b| all & (b.wrapping_sub(b' ') < 0x7f - b' '));
    let skipped = chunks.iter().take_while(|chunk| is_text(chunk)).count().wrapping_mul(16);
    let rest = bytes.get(skipped..).unwrap_or_default();
    skipped.wrapping_add(run(rest, |word| word.wrapping_sub(each(b' ')) | word.wrapping_add(each(1)) | word))
}

/// How many bytes are in front of the first one that `stops`: of eight bytes, it sets the upper bit of those. Above the
/// first of them it may be wrong, for sums and differences carry.
#[inline(always)]
fn run(bytes: &[u8], stops: impl Fn(u64) -> u64) -> usize {
    let (words, rest) = bytes.as_chunks();
    let mut before = 0usize;
    for word in words {
        let stop = stops(u64::from_le_bytes(*word)) & each(0x80);
        if stop != 0 {
            return before.wrapping_add((stop.trailing_zeros() / 8) as usize);
        }
        before = before.wrapping_add(8);
    }
    let stop = stops(last_word(rest)) & each(0x80);
    before.wrapping_add((stop.trailing_zeros() / 8) as usize)
}

/// Fewer bytes than a word has, and what stops every run behind them. Only what ends in the middle of a line, or so, has
/// its end that near.
#[cold]
fn last_word(rest: &[u8]) -> u64 {
    rest.iter().rev().fold(0, |word, b| word << 8 | u64::from(*b))
}

/// Eight times the same byte.
const fn each(b: u8) -> u64 {
    u64::from_ne_bytes([b; 8])
}

/// The upper bit of each byte that is `bound` or more.
const fn at_least(word: u64, bound: u8) -> u64 {
    word.wrapping_add(each(0x80u8.wrapping_sub(bound)))
}

/// The upper bit of each byte that is not `b`.
const fn differs(word: u64, b: u8) -> u64 {
    (word ^ each(b)).wrapping_add(each(0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Len = fn(&[u8]) -> usize;
    type IsKind = fn(u8) -> bool;

    #[test]
    fn each_run_ends_with_the_first_byte_of_another_kind() {
        let kinds: [(Len, IsKind); 3] = [
            (name_len, |b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            (visible_len, |b| b.is_ascii_graphic()),
            (text_len, |b| b.is_ascii_graphic() || b == b' '),
        ];
        for (len, is_kind) in kinds {
            for n in 0..40 {
                for at in 0..n {
                    for byte in 0..=u8::MAX {
                        let mut bytes = vec![if byte % 2 == 0 { b'a' } else { b'Z' }; n];
                        bytes[at] = byte;
                        // What follows does not matter, whatever it is.
                        if let Some(next) = bytes.get_mut(at + 1) {
                            *next = byte.wrapping_mul(89);
                        }
                        let expected = bytes.iter().position(|b| !is_kind(*b)).unwrap_or(n);
                        assert_eq!(len(&bytes), expected, "{bytes:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_run_is_something_before_its_mark() {
        assert_eq!(until(b"ab: c", 2, b':'), Some((&b"ab"[..], &b" c"[..])));
        for (bytes, n) in [(&b":"[..], 0), (b"ab", 2), (b"ab c", 2), (b"", 0), (b"a", 3)] {
            assert_eq!(until(bytes, n, b':'), None);
        }
    }
}
