//! A hash table from names to numbers, without regard to ASCII case.

/// Names and their numbers. Stored in lower case; looked up in any, without a copy in lower case.
///
/// The hash is fast and has no secret. A secret keeps those who choose the names from choosing many that fall together,
/// and here they cannot: names come from the route document, while a message's host is only looked up and leaves
/// nothing behind. The longest run it can meet is the longest in the table, at most half of which is used.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Open addressing; a power of two, at least twice the number of names, or none at all.
    slots: Box<[Option<Entry>]>,
    longest: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    /// The half of the hash that did not choose the slot: other names are seldom compared.
    tag: u32,
    number: u32,
    name: Box<[u8]>,
}

impl Names {
    /// A table of these names, no two of which are the same.
    pub(super) fn new(names: &[(&str, u32)]) -> Self {
        let size = if names.is_empty() { 0 } else { names.len().saturating_mul(2).next_power_of_two() };
        let mut slots: Box<[Option<Entry>]> = vec![None; size].into();
        let mut longest = 0;
        for (name, number) in names {
            let name: Box<[u8]> = name.to_ascii_lowercase().into_bytes().into();
            longest = longest.max(name.len());
            let hash = hash(&name);
            let mut at = hash as usize;
            while let Some(slot) = slots.get_mut(at & size.wrapping_sub(1)) {
                if slot.is_none() {
                    *slot = Some(Entry { tag: tag(hash), number: *number, name });
                    break;
                }
                at = at.wrapping_add(1);
            }
        }
        Self { slots, longest }
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<u32> {
        // A peer may send a name as long as a head; none of those is worth hashing.
        if name.len() > self.longest {
            return None;
        }
        let hash = hash(name);
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize;
        loop {
            // Half of the slots are free: the run ends.
            let entry = self.slots.get(at & mask)?.as_ref()?;
            if entry.tag == tag(hash) && is(&entry.name, name) {
                return Some(entry.number);
            }
            at = at.wrapping_add(1);
        }
    }
}

const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The hash of `name` in lower case, eight bytes at a time.
#[inline]
fn hash(name: &[u8]) -> u64 {
    // Odd, with as many ones as zeros, and of no other meaning (the fractions of the golden ratio and of pi).
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
    const FACTOR: u64 = 0x243f_6a88_85a3_08d3;
    let mix = |hash: u64, word: u64| {
        let wide = u128::from(hash ^ lower(word)).wrapping_mul(u128::from(FACTOR));
        (wide as u64) ^ ((wide >> 64) as u64)
    };
    let (words, _) = name.as_chunks::<8>();
    let hash = words.iter().fold(SEED ^ name.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    // Twice over the end: the last bit of a product is the last bit of what was multiplied.
    mix(mix(hash, end(name)), 0)
}

/// Whether `name` is `known`, which is in lower case.
#[inline]
fn is(known: &[u8], name: &[u8]) -> bool {
    let (ours, _) = known.as_chunks::<8>();
    let (theirs, _) = name.as_chunks::<8>();
    known.len() == name.len()
        && ours.iter().zip(theirs).all(|(one, other)| u64::from_le_bytes(*one) == lower(u64::from_le_bytes(*other)))
        && end(known) == lower(end(name))
}

/// The last eight bytes, some of which may have been in a word before; all of a shorter name.
#[inline]
fn end(name: &[u8]) -> u64 {
    match name.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => name.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)),
    }
}

/// Eight bytes in ASCII lower case.
#[inline]
const fn lower(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    // Without its high bit no byte carries into the next. The sums have the high bit where a byte is at least `A`, and
    // where it is beyond `Z`; the bit they leave is moved to 0x20, which is what tells the cases apart.
    let low = word & !HIGH;
    let from_a = low.wrapping_add((0x80 - b'A' as u64) * ONES);
    let beyond_z = low.wrapping_add((0x7f - b'Z' as u64) * ONES);
    word | ((from_a & !beyond_z & !word & HIGH) >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lower_case_is_the_one_of_ascii() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut word = [byte.wrapping_add(77); 8];
                word[place] = byte;
                assert_eq!(lower(u64::from_le_bytes(word)).to_le_bytes(), word.map(|byte| byte.to_ascii_lowercase()));
            }
        }
    }

    fn borrowed(names: &[(String, u32)]) -> Vec<(&str, u32)> {
        names.iter().map(|(name, number)| (&**name, *number)).collect()
    }

    #[test]
    fn every_name_is_found_in_any_case_and_no_other() {
        let names: Vec<(String, u32)> =
            (0..3000).map(|n: u32| (format!("{}x{n}", "Ab.".repeat(n as usize % 13)), n)).collect();
        let table = Names::new(&borrowed(&names));
        for (name, number) in &names {
            assert_eq!(table.find(name.as_bytes()), Some(*number));
            assert_eq!(table.find(name.to_uppercase().as_bytes()), Some(*number));
            assert_eq!(table.find(name.replace('x', "y").as_bytes()), None);
            assert_eq!(table.find(name.replace('x', "X ").as_bytes()), None);
        }
        assert_eq!(table.find(&[b'a'; 70_000]), None);
        assert_eq!(table.find(b""), None);
        assert_eq!(Names::default().find(b""), None);
    }

    #[test]
    fn runs_are_short() {
        for pattern in ["service{}", "com.example.s{}.Service", "{}.default.svc.cluster.local", "s{}"] {
            let names: Vec<(String, u32)> = (0..20_000).map(|n| (pattern.replace("{}", &n.to_string()), n)).collect();
            let table = Names::new(&borrowed(&names));
            let longest = table.slots.split(Option::is_none).map(<[_]>::len).max().unwrap();
            assert!(longest < 64, "{pattern}: {longest}");
        }
    }
}
