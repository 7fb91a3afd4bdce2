//! Characters, counted in the units of UTF-16 that lengths are given in.
//!
//! Java writes a character beyond the first plane as two surrogates of three bytes each, others as one sequence of four. A
//! high surrogate whose low one does not follow in the same piece is refused: Java and Node write none unless a string was cut
//! there, and Go's reader takes whatever follows for the other half, and with that loses step.
//! How many bytes a piece has is known only by walking them, but never fewer than it has units: as many bytes as there
//! are units left can be looked at without care.

use crate::error::Error;

/// How far a walk over characters came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Behind the last whole character.
    pub(crate) at: usize,
    /// Units still to come.
    pub(crate) left: u32,
    /// Bytes that the character at `at` has in all, of which some are missing; 0 where none of it is there.
    pub(crate) char: u8,
    /// There were surrogates.
    pub(crate) surrogates: bool,
}

/// Walks over `left` units from `at` on, or as many as are there.
pub(crate) fn walk(bytes: &[u8], mut at: usize, mut left: u32) -> Result<Walk, Error> {
    let mut surrogates = false;
    // Where blocks are tried next: what was odd in one is walked over first.
    let mut block_at = 0;
    let char = 'walk: loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let run = ascii(rest.get(..left as usize).unwrap_or(rest));
        // `run` is at most `left`, which fits.
        left = left.wrapping_sub(run as u32);
        at = at.wrapping_add(run);
        let mut rest = rest.get(run..).unwrap_or_default();
        // What is not ASCII comes in runs as well.
        while left > 0 {
            if at >= block_at && left as usize >= BLOCK {
                let (units, len) = blocks(bytes, at, left);
                left = left.wrapping_sub(units);
                at = at.wrapping_add(len);
                block_at = at.saturating_add(BLOCK);
                if len > 0 {
                    continue 'walk;
                }
            }
            let Some(&lead) = rest.first() else { break 'walk 0 };
            let (run, width) = match lead {
                0..0x80 => continue 'walk,
                0xc2..0xe0 => (twos(rest, left), 2),
                0xe0..0xf0 => (threes(rest, left), 3),
                0xf0..0xf5 => (0, 4),
                _ => return Err(bad(at)),
            };
            let (len, units) = if run > 0 {
                (run.wrapping_mul(width) as usize, run)
            } else {
                let Some(char) = rest.get(..width as usize) else { break 'walk width as u8 };
                let is_surrogate = check(char).ok_or_else(|| bad(at))?;
                surrogates |= is_surrogate;
                match rest {
                    [_, 0xa0..0xb0, ..] if is_surrogate => {
                        let run = pairs(rest, left);
                        if run > 0 {
                            left = left.wrapping_sub(run.wrapping_mul(2));
                            let len = (run as usize).wrapping_mul(PAIR);
                            at = at.wrapping_add(len);
                            rest = rest.get(len..).unwrap_or_default();
                            continue;
                        }
                        if left > 1 && rest.len() < PAIR && is_low(rest.get(3..).unwrap_or_default()) {
                            // Byte by byte, so that what is no other half is told as soon as it is there.
                            break 'walk (rest.len() as u8).wrapping_add(1);
                        }
                        if left < 2 || !rest.get(3..PAIR).is_some_and(is_low) {
                            return Err(half(at));
                        }
                        (PAIR, 2)
                    }
                    _ => (width as usize, if width == 4 { 2 } else { 1 }),
                }
            };
            left = left.checked_sub(units).ok_or_else(|| {
                Error::new("string", "a character of two UTF-16 units crosses the end of its piece", at)
            })?;
            at = at.wrapping_add(len);
            rest = rest.get(len..).unwrap_or_default();
        }
        break 0;
    };
    Ok(Walk { at, left, char, surrogates })
}

/// How many of the first bytes are ASCII.
#[inline]
fn ascii(bytes: &[u8]) -> usize {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let Some(word) = bytes.first_chunk() else {
        return bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len());
    };
    let high = u64::from_le_bytes(*word) & HIGH;
    if high != 0 {
        return (high.trailing_zeros() / 8) as usize;
    }
    let mut at = 0usize;
    for block in bytes.as_chunks::<64>().0 {
        if block.iter().fold(0, |seen, byte| seen | byte) >= 0x80 {
            break;
        }
        at = at.wrapping_add(64);
    }
    let (words, odd) = bytes.get(at..).unwrap_or_default().as_chunks::<8>();
    for word in words {
        let high = u64::from_le_bytes(*word) & HIGH;
        if high != 0 {
            return at.wrapping_add((high.trailing_zeros() / 8) as usize);
        }
        at = at.wrapping_add(8);
    }
    at.wrapping_add(odd.iter().position(|byte| !byte.is_ascii()).unwrap_or(odd.len()))
}

/// How many characters of two bytes stand here, as far as four of them can be seen at once.
#[inline]
fn twos(bytes: &[u8], left: u32) -> u32 {
    let (words, mut run) = (bytes.as_chunks::<8>().0, 0u32);
    for word in words {
        let word = u64::from_le_bytes(*word);
        let shape = word & 0xc0e0_c0e0_c0e0_c0e0 == 0x80c0_80c0_80c0_80c0;
        // A spelling is too long whose lead has no bit but the lowest: each of the others lifts the sum to the ninth bit.
        let lifted = (word & 0x001e_001e_001e_001e).wrapping_add(0x00fe_00fe_00fe_00fe);
        if !shape || lifted & 0x0100_0100_0100_0100 != 0x0100_0100_0100_0100 || left.wrapping_sub(run) < 4 {
            break;
        }
        run = run.wrapping_add(4);
    }
    run
}

/// Bytes that are looked at as one, and how many lanes they are looked at in.
const BLOCK: usize = 256;
const LANES: usize = 16;

/// Walks over blocks as long as nothing in them is odd: the units in them, `left` at most, and the bytes.
#[inline]
fn blocks(bytes: &[u8], begin: usize, left: u32) -> (u32, usize) {
    let (mut at, mut sum) = (begin, 0u32);
    while left.saturating_sub(sum) as usize >= BLOCK
        && let Some(from) = at.checked_sub(3)
        && let Some(window) = bytes.get(from..).and_then(<[u8]>::first_chunk)
        && let Some((units, len)) = block(window)
    {
        sum = sum.wrapping_add(units);
        at = at.wrapping_add(len);
    }
    (sum, at.wrapping_sub(begin))
}

/// Walks over one block of characters that have three bytes at most: the units in it, and the bytes of those that end in it.
/// The first three bytes lie in front of it. `None`: something odd stands in it, or in front of it something that looks like
/// the begin of a character.
///
/// Where no byte is a lead of four bytes, or of a spelling that is or may be too long, and none begins a surrogate, characters
/// are right if bytes that follow a lead stand where, and only where, one needs them. All of this is asked of each
/// byte alone, so that many can be asked at once.
#[inline]
fn block(window: &[u8; BLOCK + 3]) -> Option<(u32, usize)> {
    let shifted = |by: usize| window.get(by..)?.as_chunks::<LANES>().0.get(..BLOCK / LANES);
    let (mut odd, mut followers) = ([0u8; LANES], [0u8; LANES]);
    let rows = shifted(0)?.iter().zip(shifted(1)?).zip(shifted(2)?).zip(shifted(3)?);
    for (((third, second), first), row) in rows {
        let lanes = odd.iter_mut().zip(&mut followers).zip(row).zip(first).zip(second).zip(third);
        for (((((odd, followers), byte), first), second), third) in lanes {
            let all = |is: bool| if is { 0xff } else { 0u8 };
            let follows = all(byte.cast_signed() < -0x40);
            let must = first.saturating_sub(0xbf) | second.saturating_sub(0xdf) | third.saturating_sub(0xef);
            let long = all(*byte == 0xe0) | all(byte & 0xfe == 0xc0) | byte.saturating_sub(0xef);
            let surrogate = all(*first == 0xed) & all(*byte >= 0xa0);
            *odd |= (follows ^ all(must != 0)) | long | surrogate;
            // 0xff is -1, and there are 16 rows.
            *followers = followers.wrapping_sub(follows);
        }
    }
    if odd.iter().fold(0, |seen, odd| seen | odd) != 0 {
        return None;
    }
    let followers = followers.iter().fold(0u32, |sum, n| sum.wrapping_add(u32::from(*n)));
    let cut = match window.last_chunk()? {
        [_, 0xc0..=0xff] => 1,
        [0xe0..=0xff, _] => 2,
        _ => 0,
    };
    let units = (BLOCK as u32).wrapping_sub(followers).wrapping_sub(u32::from(cut != 0));
    Some((units, BLOCK.wrapping_sub(cut)))
}

/// How many characters of three bytes stand here, as far as two of them can be seen at once. A character is left out
/// whose spelling may be too long, and a surrogate.
#[inline]
fn threes(bytes: &[u8], left: u32) -> u32 {
    let (mut rest, mut run) = (bytes, 0u32);
    while let Some(word) = rest.first_chunk() {
        let word = u64::from_le_bytes(*word);
        // Two leads, and two times two bytes that follow one.
        let shape = word & 0x0000_c0c0_f0c0_c0f0 == 0x0000_8080_e080_80e0;
        // Too long is what begins with e0 and has no bit of the upper half behind it.
        let short = word & 0x200f != 0 && word & 0x0020_0f00_0000 != 0;
        let plain = word & 0x200f != 0x200d && word & 0x0020_0f00_0000 != 0x0020_0d00_0000;
        if !(shape && short && plain) || left.wrapping_sub(run) < 2 {
            break;
        }
        run = run.wrapping_add(2);
        rest = rest.get(6..).unwrap_or_default();
    }
    run
}

/// How many pairs of surrogates stand here, as far as each can be seen at once.
#[inline]
fn pairs(bytes: &[u8], left: u32) -> u32 {
    let (mut rest, mut run) = (bytes, 0u32);
    while left.wrapping_sub(run.wrapping_mul(2)) > 1
        && let Some(word) = rest.first_chunk()
        && u64::from_le_bytes(*word) & 0xc0f0_ffc0_f0ff == 0x80b0_ed80_a0ed
    {
        run = run.wrapping_add(1);
        rest = rest.get(PAIR..).unwrap_or_default();
    }
    run
}

/// Whether a sequence of two to four bytes is a surrogate; `None` where it is no character. Longer spellings of a
/// character are refused: the server would read a name that the routes did not see.
#[inline]
fn check(char: &[u8]) -> Option<bool> {
    let follows = |byte: u8| byte & 0xc0 == 0x80;
    match *char {
        [_, second] => follows(second).then_some(false),
        [lead, second, third] => {
            let fits = lead != 0xe0 || second >= 0xa0;
            (fits && follows(second) && follows(third)).then_some(lead == 0xed && second >= 0xa0)
        }
        [lead, second, third, fourth] => {
            let fits = (lead != 0xf0 || second >= 0x90) && (lead != 0xf4 || second <= 0x8f);
            (fits && follows(second) && follows(third) && follows(fourth)).then_some(false)
        }
        _ => None,
    }
}

/// Bytes of two surrogates that are one character.
const PAIR: usize = 6;

/// Whether three bytes are a low surrogate, or, if they are fewer, may become one.
fn is_low(bytes: &[u8]) -> bool {
    match bytes {
        [0xed, 0xb0..=0xbf, third] => third & 0xc0 == 0x80,
        [] | [0xed] | [0xed, 0xb0..=0xbf] => true,
        _ => false,
    }
}

#[cold]
fn half(at: usize) -> Error {
    Error::new("surrogate", "the first half of a surrogate pair must be followed by the second in the same piece", at)
}

#[cold]
fn bad(at: usize) -> Error {
    Error::new("utf8", "a string must be UTF-8, surrogates allowed", at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same walk, character by character.
    fn slow(bytes: &[u8], begin: usize, units: u32) -> Result<Walk, Error> {
        let (mut at, mut left, mut surrogates) = (begin, units, false);
        while left > 0 && at < bytes.len() {
            let (mut len, mut units) = match bytes[at] {
                0..0x80 => (1, 1),
                0xc2..0xe0 => (2, 1),
                0xe0..0xf0 => (3, 1),
                0xf0..0xf5 => (4, 2),
                _ => return Err(bad(at)),
            };
            let Some(char) = bytes.get(at..at + len) else {
                return Ok(Walk { at, left, char: len as u8, surrogates });
            };
            let is_surrogate = len > 1 && check(char).ok_or_else(|| bad(at))?;
            surrogates |= is_surrogate;
            if is_surrogate && char[1] < 0xb0 {
                let low = &bytes[at + 3..bytes.len().min(at + 6)];
                if left < 2 || !is_low(low) {
                    return Err(half(at));
                }
                if low.len() < 3 {
                    return Ok(Walk { at, left, char: low.len() as u8 + 4, surrogates });
                }
                (len, units) = (6, 2);
            }
            left = left.checked_sub(units).ok_or_else(|| bad(at))?;
            at += len;
        }
        Ok(Walk { at, left, char: 0, surrogates })
    }

    /// Long runs of each kind, so that blocks meet all of them at all places.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let run = prop_oneof![
            4 => (prop::sample::select(vec!["x", "\u{e9}", "\u{5e93}", "\u{905}", "\u{1f600}", "\u{d3f0}"]), 1..300_usize)
                .prop_map(|(char, n)| char.repeat(n).into_bytes()),
            2 => Just(b"\xed\xa0\xbd\xed\xb8\x80".to_vec()),
            1 => prop::sample::select(vec![&b"\xed\xa0\xbd"[..], b"\xed\xb8\x80"]).prop_map(<[u8]>::to_vec),
            2 => prop::collection::vec(any::<char>(), 1..40).prop_map(|chars| String::from_iter(chars).into_bytes()),
        ];
        prop::collection::vec(run, 0..6).prop_map(|runs| runs.concat())
    }

    proptest! {
        #[test]
        fn blocks_change_nothing(
            mut bytes in text(),
            before in prop::collection::vec(any::<u8>(), 0..5),
            units in 0..2000_u32,
            broken in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
        ) {
            if let Some((index, byte)) = broken
                && !bytes.is_empty()
            {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            let all = [&before[..], &bytes].concat();
            let same = |fast: Result<Walk, Error>, slow: Result<Walk, Error>| {
                fast.map_err(|error| error.at) == slow.map_err(|error| error.at)
            };
            let (fast, slowly) = (walk(&all, before.len(), units), slow(&all, before.len(), units));
            prop_assert!(same(fast, slowly), "{fast:?} {slowly:?}");
        }
    }
}
