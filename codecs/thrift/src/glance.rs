//! What every request is asked of its header, found in one pass: whether its fields are within the limits, where it is to go,
//! and how long its client waits. [`Walk`] says the same, entry for entry, and slower.

use std::ops::Range;

use meshwire::Limit;
use meshwire::frame::Fault;

use crate::info::{self, Block, MAX_ENTRIES, Walk};
use crate::keys;
use crate::layout::Transport;

/// What fields may come to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) fields: usize,
    pub(crate) field: usize,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Glance {
    /// Where TTHeader says the service.
    pub(crate) service: Option<Range<usize>>,
    /// Milliseconds.
    pub(crate) timeout: Option<u32>,
}

/// Looks at the fields of a frame, which begin at `info_at`.
pub(crate) fn glance(frame: &[u8], transport: Transport, info_at: usize, bounds: Bounds) -> Result<Glance, Fault> {
    if transport == Transport::TTHeader
        && let Some(glance) = ttheader(info::header(frame), info_at, bounds)
    {
        return Ok(glance);
    }
    walk(frame, transport, info_at, bounds)
}

/// The same for any header; and for one with which something is wrong, to say what.
fn walk(frame: &[u8], transport: Transport, info_at: usize, bounds: Bounds) -> Result<Glance, Fault> {
    let mut walk = Walk::new(frame, transport, info::start(info_at));
    let (mut count, mut found) = (0usize, Glance::default());
    while let Some(entry) = walk.next()? {
        count = count.saturating_add(1);
        if count > bounds.fields {
            return Err(Fault::limit(Limit::Fields, "more fields than a head may have", walk.at()));
        }
        if entry.name.len().saturating_add(entry.value.len()) > bounds.field {
            return Err(Fault::limit(Limit::Field, "a field is longer than a field may be", walk.at()));
        }
        let is_timeout = match (entry.block, transport) {
            (Block::Numbered, _) => {
                if entry.number == keys::TO_SERVICE {
                    found.service = Some(walk.at().saturating_sub(entry.value.len())..walk.at());
                }
                entry.number == keys::RPC_TIMEOUT
            }
            (_, Transport::THeader) => entry.name.eq_ignore_ascii_case(keys::CLIENT_TIMEOUT),
            _ => false,
        };
        if is_timeout {
            found.timeout = millis(entry.value).or(found.timeout);
        }
    }
    Ok(found)
}

/// `None` where anything is not as it should be.
fn ttheader(header: &[u8], info_at: usize, bounds: Bounds) -> Option<Glance> {
    let mut found = Glance::default();
    let mut rest = header.get(info_at..)?;
    let mut count = 0usize;
    loop {
        rest = match rest {
            [] => return Some(found),
            [0x00, tail @ ..] => tail,
            [0x10, n0, n1, tail @ ..] => {
                let n = usize::from(u16::from_be_bytes([*n0, *n1]));
                count = counted(count, n, bounds)?;
                let mut tail = tail;
                for _ in 0..n {
                    let [k0, k1, entry @ ..] = tail else { return None };
                    let number = u16::from_be_bytes([*k0, *k1]);
                    let (value, behind) = text(entry)?;
                    if keys::name(number).len().saturating_add(value.len()) > bounds.field {
                        return None;
                    }
                    if number == keys::TO_SERVICE {
                        let end = header.len().saturating_sub(behind.len());
                        found.service = Some(end.saturating_sub(value.len())..end);
                    } else if number == keys::RPC_TIMEOUT {
                        found.timeout = millis(value).or(found.timeout);
                    }
                    tail = behind;
                }
                tail
            }
            [0x01, n0, n1, tail @ ..] => {
                let n = usize::from(u16::from_be_bytes([*n0, *n1]));
                count = counted(count, n, bounds)?;
                let mut tail = tail;
                for _ in 0..n {
                    let (name, entry) = text(tail)?;
                    let (value, behind) = text(entry)?;
                    if name.len().saturating_add(value.len()) > bounds.field {
                        return None;
                    }
                    tail = behind;
                }
                tail
            }
            // Tokens are rare, and so is whatever else there may be.
            _ => return None,
        };
    }
}

#[inline(always)]
fn counted(count: usize, n: usize, bounds: Bounds) -> Option<usize> {
    let count = count.saturating_add(n);
    (n <= MAX_ENTRIES && count <= bounds.fields).then_some(count)
}

#[inline(always)]
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let [l0, l1, rest @ ..] = bytes else { return None };
    rest.split_at_checked(usize::from(u16::from_be_bytes([*l0, *l1])))
}

/// A number of milliseconds, of which 0 says nothing.
fn millis(digits: &[u8]) -> Option<u32> {
    let number = digits.iter().try_fold(0u32, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(u32::from(digit))
    });
    number.filter(|millis| *millis > 0 && !digits.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::FIXED;

    fn block() -> impl Strategy<Value = Vec<u8>> {
        let text = || {
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..6)
                    .prop_map(|text| [&[0, text.len() as u8][..], &text].concat()),
                "[0-9]{1,11}".prop_map(|digits| [&[0, digits.len() as u8][..], digits.as_bytes()].concat()),
            ]
        };
        let numbered = proptest::collection::vec((0u16..15, text()), 0..5).prop_map(|entries| {
            let mut out = vec![0x10, 0, entries.len() as u8];
            entries.iter().for_each(|(key, value)| out.extend([&key.to_be_bytes()[..], value].concat()));
            out
        });
        let texts = proptest::collection::vec((text(), text()), 0..5).prop_map(|entries| {
            let mut out = vec![0x01, 0, entries.len() as u8];
            entries.iter().for_each(|(name, value)| out.extend([&name[..], value].concat()));
            out
        });
        let token = text().prop_map(|token| [&[0x11][..], &token].concat());
        prop_oneof![4 => numbered, 4 => texts, 1 => token, 1 => Just(vec![0]), 1 => Just(vec![0x77])]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

        #[test]
        fn one_pass_finds_what_the_walk_does(
            blocks in proptest::collection::vec(block(), 0..5),
            damage in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
            fields in 1usize..12,
            field in 4usize..20,
        ) {
            let mut frame = vec![0; FIXED];
            frame.extend(blocks.concat());
            frame.resize(frame.len().next_multiple_of(4) + 2, 0);
            let words = ((frame.len() - FIXED) / 4) as u16;
            frame[FIXED - 2..FIXED].copy_from_slice(&words.to_be_bytes());
            if let Some((at, byte)) = damage && frame.len() > FIXED {
                let at = FIXED + at.index(frame.len() - FIXED);
                frame[at] = byte;
            }
            let bounds = Bounds { fields, field };
            let slow = walk(&frame, Transport::TTHeader, FIXED, bounds);
            match ttheader(info::header(&frame), FIXED, bounds) {
                Some(fast) => prop_assert_eq!(Ok(fast), slow),
                // Only with a token, an unknown block, or something wrong.
                None => prop_assert_eq!(glance(&frame, Transport::TTHeader, FIXED, bounds), slow),
            }
        }
    }
}
