//! What a message's name says of its destination.

use meshwire::{Attribute, Head, Kind};

use crate::config::Config;

/// Spans of names are said in 16 bits.
pub(crate) const MAX_NAME: usize = u16::MAX as usize;

/// The method, and the service in front of its colon; without one the service that is configured. The name is `len` bytes
/// from `at` on, at most [`MAX_NAME`].
#[inline]
pub(crate) fn read(config: &Config, seen: &[u8], at: usize, len: usize, head: &mut Head) {
    let name = seen.get(at..at.wrapping_add(len)).unwrap_or_default();
    let mut method = 0;
    match colon(name) {
        None => configured(config, head),
        Some(colon) => {
            head.set_short_span(Attribute::Service, at as u32, colon as u16);
            method = colon.wrapping_add(1);
        }
    }
    head.set_short_span(Attribute::Method, at.wrapping_add(method) as u32, name.len().wrapping_sub(method) as u16);
}

/// The service of a message that names none.
#[inline]
pub(crate) fn configured(config: &Config, head: &mut Head) {
    match config.service.as_deref() {
        Some(service) if head.kind() != Kind::Response => head.set_owned(Attribute::Service, service),
        _ => head.set_absent(Attribute::Service),
    }
}

/// Where the first colon is. Most names are so short that a call costs more than the search.
#[inline]
fn colon(name: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const COLONS: u64 = u64::from_ne_bytes([b':'; 8]);
    if name.len() > 64 {
        return memchr::memchr(b':', name);
    }
    let (words, rest) = name.as_chunks::<8>();
    let mut at = 0usize;
    for word in words {
        let differs = u64::from_le_bytes(*word) ^ COLONS;
        // The lowest byte that is zero is the lowest one marked.
        let zeros = differs.wrapping_sub(ONES) & !differs & HIGH;
        if zeros != 0 {
            return Some(at.wrapping_add((zeros.trailing_zeros() / 8) as usize));
        }
        at = at.wrapping_add(8);
    }
    rest.iter().position(|byte| *byte == b':').map(|n| at.wrapping_add(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_colon_wherever_it_is() {
        for len in 0..100 {
            let mut name = vec![b'9'; len];
            assert_eq!(colon(&name), None, "{len}");
            for at in (0..len).rev() {
                // One more than a colon, in front of it, borrows nothing.
                name[at] = b':';
                if at > 0 {
                    name[at - 1] = b';';
                }
                assert_eq!(colon(&name), Some(at), "{at} of {len}");
            }
        }
        for byte in 0..=u8::MAX {
            assert_eq!(colon(&[byte; 9]), (byte == b':').then_some(0));
        }
    }
}
