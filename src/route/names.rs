//! A hash table from names to numbers, without regard to ASCII case.

/// Names and their numbers, looked up in any case and without a copy in lower case.
///
/// The hash is fast and has no secret. A secret keeps those who choose the names from choosing many that fall together,
/// and here they cannot: names come from the route document, while a message's host is only looked up and leaves
/// nothing behind. The longest run it can meet is the longest in the table, at most half of which is used.
///
/// In a large table the time goes into waiting for memory: a lookup of a name that is not long touches one cache line.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Open addressing; a power of two, at least twice the number of names, or none at all.
    slots: Box<[Slot]>,
    longest: usize,
}

#[derive(Clone, Debug)]
#[repr(align(64))]
struct Slot {
    /// The half of the hash that did not choose the slot: other names are seldom compared.
    tag: u32,
    number: u32,
    /// No name is empty, so that 0 is a free slot.
    len: u32,
    name: Name,
}

const _: () = assert!(size_of::<Slot>() == 64, "a slot fills a cache line");

/// A name as it is written in the document: most messages write it so, too.
#[derive(Clone, Debug)]
enum Name {
    Short([u8; SHORT]),
    Long(Box<[u8]>),
}

/// What the slot has room for: most service names and hosts.
const SHORT: usize = 47;

impl Names {
    /// A table of these names, none of which is empty or there twice; `None` where one takes 4 GiB.
    pub(super) fn new(names: &[(&str, u32)]) -> Option<Self> {
        let size = if names.is_empty() { 0 } else { names.len().checked_mul(2)?.next_power_of_two() };
        let free = Slot { tag: 0, number: 0, len: 0, name: Name::Short([0; SHORT]) };
        let mut slots: Box<[Slot]> = vec![free; size].into();
        for &(name, number) in names {
            let hash = hash(name.as_bytes());
            let len = u32::try_from(name.len()).ok()?;
            let mut at = hash as usize;
            while let Some(slot) = slots.get_mut(at & size.wrapping_sub(1)) {
                if slot.len == 0 {
                    *slot = Slot { tag: tag(hash), number, len, name: Name::new(name.as_bytes()) };
                    break;
                }
                at = at.wrapping_add(1);
            }
        }
        let longest = names.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        Some(Self { slots, longest })
    }

    #[inline]
    pub(super) fn find(&self, name: &[u8]) -> Option<u32> {
        // A peer may send a name as long as a head; none of those is worth hashing.
        if name.len() > self.longest {
            return None;
        }
        let hash = hash(name);
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize;
        loop {
            let slot = self.slots.get(at & mask)?;
            // Half of the slots are free: the run ends.
            if slot.len == 0 {
                return None;
            }
            if slot.tag == tag(hash) && slot.len as usize == name.len() && is(slot.name.get(name.len())?, name) {
                return Some(slot.number);
            }
            at = at.wrapping_add(1);
        }
    }
}

impl Name {
    fn new(name: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match short.get_mut(..name.len()) {
            Some(place) => {
                place.copy_from_slice(name);
                Self::Short(short)
            }
            None => Self::Long(name.into()),
        }
    }

    #[inline]
    fn get(&self, len: usize) -> Option<&[u8]> {
        match self {
            Self::Short(name) => name.get(..len),
            Self::Long(name) => Some(name),
        }
    }
}

const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The hash of `name`, eight bytes at a time, the same in any case: with the bit that tells the cases apart set
/// everywhere, few other names become alike.
#[inline]
fn hash(name: &[u8]) -> u64 {
    // Nothing up the sleeve: the fractions of the golden ratio and of pi, the latter odd.
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
    const FACTOR: u64 = 0x243f_6a88_85a3_08d3;
    let mix = |hash: u64, word: u64| {
        let wide = u128::from(hash ^ (word | (0x20 * ONES))).wrapping_mul(u128::from(FACTOR));
        (wide as u64) ^ ((wide >> 64) as u64)
    };
    let (words, _) = name.as_chunks::<8>();
    let hash = words.iter().fold(SEED ^ name.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    // Twice over the end: the last bits of a product know nothing of the first bits of its factors.
    mix(mix(hash, end(name)), 0)
}

/// Whether the names, which are of the same length, are the same but for case.
#[inline]
fn is(known: &[u8], name: &[u8]) -> bool {
    let same = |one: u64, other: u64| one == other || lower(one) == lower(other);
    let (ours, _) = known.as_chunks::<8>();
    let (theirs, _) = name.as_chunks::<8>();
    ours.iter().zip(theirs).all(|(one, other)| same(u64::from_le_bytes(*one), u64::from_le_bytes(*other)))
        && same(end(known), end(name))
}

/// The last eight bytes, some of which may have been in a word before; all of a shorter name.
#[inline]
fn end(name: &[u8]) -> u64 {
    match name.last_chunk::<8>() {
        Some(last) => u64::from_le_bytes(*last),
        None => name.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)),
    }
}

/// One in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;

/// Eight bytes in ASCII lower case.
#[inline]
const fn lower(word: u64) -> u64 {
    const HIGH: u64 = 0x80 * ONES;
    // Without its high bit no byte carries into the next. The sums have the high bit where a byte is at least `A`, and
    // where it is beyond `Z`; the bit they leave is moved to 0x20, which is what tells the cases apart.
    let low = word & !HIGH;
    let from_a = low.wrapping_add(const { (0x80 - b'A' as u64) * ONES });
    let beyond_z = low.wrapping_add(const { (0x7f - b'Z' as u64) * ONES });
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
            (0..3000).map(|n: u32| (format!("{}x{n}", "Ab.".repeat(n as usize % 31)), n)).collect();
        let table = Names::new(&borrowed(&names)).unwrap();
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
            let table = Names::new(&borrowed(&names)).unwrap();
            let longest = table.slots.split(|slot| slot.len == 0).map(<[_]>::len).max().unwrap();
            assert!(longest < 64, "{pattern}: {longest}");
        }
    }
}
