//! The encoder's dynamic table, and where in it a field is.
//!
//! Names and values lie one behind the other in one buffer, as in the decoder's table. What finds them are two arrays
//! of insertion numbers, one by the hash of name and value and one by that of the name: each has two places for a
//! hash, and an entry that finds both taken pushes out the older one. So nothing is ever scanned, whatever a peer
//! sends, a place left behind does no harm, since what it names is compared, and an entry that no place names any
//! more costs compression only.

/// What an entry counts beyond its name and value (RFC 7541, section 4.1).
const MORE: usize = 32;

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    place: u32,
    name: u16,
    /// More of the hash than the place in the array says.
    tag: u16,
}

#[derive(Debug)]
pub(crate) struct Index {
    buf: Vec<u8>,
    /// The place of the first byte of `buf`, counted from the first byte that was ever put in.
    base: u32,
    end: u32,
    /// By number; as many as a power of two.
    entries: Vec<Entry>,
    /// Twice as many as entries each: those by name and value, then those by name.
    by_field: Vec<u16>,
    by_name: Vec<u16>,
    put: u32,
    gone: u32,
    size: usize,
    max: usize,
}

/// The hashes of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hashes {
    name: u32,
    field: u32,
}

impl Hashes {
    /// `known` in place of a name that has a number.
    #[inline]
    pub(crate) fn of(known: u8, name: &[u8], value: &[u8]) -> Self {
        let name = if known == 0 { hash(0, name) } else { mix(u64::from(known), SEED) };
        let field = hash(name, value);
        Self { name: fold(name), field: fold(field) }
    }
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

#[inline]
const fn mix(a: u64, b: u64) -> u64 {
    let wide = (a ^ SEED) as u128;
    let product = wide.wrapping_mul((b ^ 0xd6e8_feb8_6659_fd93) as u128);
    product as u64 ^ (product >> 64) as u64
}

#[inline]
const fn fold(hash: u64) -> u32 {
    (hash ^ hash >> 32) as u32
}

#[inline]
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut sum = seed ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for &word in words {
        sum = mix(sum, u64::from_le_bytes(word));
    }
    if !rest.is_empty() {
        let last = match bytes.last_chunk::<8>() {
            Some(&word) => u64::from_le_bytes(word),
            None => rest.iter().fold(0, |word, &b| word << 8 | u64::from(b)),
        };
        sum = mix(sum, last);
    }
    sum
}

impl Index {
    pub(crate) const fn new(max: usize) -> Self {
        Self {
            buf: Vec::new(),
            base: 0,
            end: 0,
            entries: Vec::new(),
            by_field: Vec::new(),
            by_name: Vec::new(),
            put: 0,
            gone: 0,
            size: 0,
            max,
        }
    }

    pub(crate) const fn max(&self) -> usize {
        self.max
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.put == self.gone
    }

    const fn len(&self) -> usize {
        self.put.wrapping_sub(self.gone) as usize
    }

    fn entry(&self, number: u32) -> Entry {
        let mask = self.entries.len().wrapping_sub(1);
        self.entries.get(number as usize & mask).copied().unwrap_or_default()
    }

    /// The end of an entry's bytes.
    fn end_of(&self, number: u32) -> u32 {
        let next = number.wrapping_add(1);
        if next == self.put { self.end } else { self.entry(next).place }
    }

    /// The entry that a place names, if it still is one: its number, name and value.
    fn at(&self, place: u16) -> Option<(u32, Entry)> {
        let age = (self.put as u16).wrapping_sub(1).wrapping_sub(place);
        let number = self.put.wrapping_sub(1).wrapping_sub(u32::from(age));
        (usize::from(age) < self.len()).then(|| (number, self.entry(number)))
    }

    fn bytes(&self, number: u32, entry: Entry) -> Option<(&[u8], &[u8])> {
        let from = entry.place.wrapping_sub(self.base) as usize;
        let to = self.end_of(number).wrapping_sub(self.base) as usize;
        self.buf.get(from..to)?.split_at_checked(usize::from(entry.name))
    }

    /// The index of the entry with this name and value, 0 being the newest.
    #[inline]
    pub(crate) fn find(&self, hashes: Hashes, name: &[u8], value: &[u8]) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        let tag = (hashes.field >> 16) as u16;
        for place in places(&self.by_field, hashes.field) {
            if let Some((number, entry)) = self.at(place)
                && entry.tag == tag
                && self.bytes(number, entry).is_some_and(|(n, v)| n == name && v == value)
            {
                return Some(self.put.wrapping_sub(1).wrapping_sub(number) as usize);
            }
        }
        None
    }

    /// The index of an entry with this name, 0 being the newest.
    #[inline]
    pub(crate) fn find_name(&self, hashes: Hashes, name: &[u8]) -> Option<usize> {
        if self.is_empty() {
            return None;
        }
        for place in places(&self.by_name, hashes.name) {
            if let Some((number, entry)) = self.at(place)
                && self.bytes(number, entry).is_some_and(|(n, _)| n == name)
            {
                return Some(self.put.wrapping_sub(1).wrapping_sub(number) as usize);
            }
        }
        None
    }

    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max;
        self.shrink_to(max);
    }

    /// Puts a field in front of all others. Its size is no more than the table's.
    pub(crate) fn insert(&mut self, hashes: Hashes, name: &[u8], value: &[u8]) {
        let len = name.len().saturating_add(value.len());
        let size = len.saturating_add(MORE);
        let (Some(left), Ok(name_len)) = (self.max.checked_sub(size), u16::try_from(name.len())) else {
            return self.shrink_to(0);
        };
        self.shrink_to(left);
        if self.len() >= self.entries.len() {
            self.more_entries();
        }
        if self.buf.len().wrapping_sub(self.end.wrapping_sub(self.base) as usize) < len {
            self.more_bytes(len);
        }
        let at = self.end.wrapping_sub(self.base) as usize;
        if let Some(to) = self.buf.get_mut(at..).and_then(|b| b.get_mut(..len))
            && let Some((to_name, to_value)) = to.split_at_mut_checked(name.len())
        {
            to_name.copy_from_slice(name);
            to_value.copy_from_slice(value);
        }
        let mask = self.entries.len().wrapping_sub(1);
        if let Some(entry) = self.entries.get_mut(self.put as usize & mask) {
            *entry = Entry { place: self.end, name: name_len, tag: (hashes.field >> 16) as u16 };
        }
        let number = self.put as u16;
        self.put = self.put.wrapping_add(1);
        self.end = self.end.wrapping_add(len as u32);
        self.size = self.size.wrapping_add(size);
        take_place(&mut self.by_field, hashes.field, number);
        take_place(&mut self.by_name, hashes.name, number);
    }

    #[cold]
    fn more_entries(&mut self) {
        let n = self.entries.len().saturating_mul(2).max(8);
        let mut entries = vec![Entry::default(); n];
        let (mut by_field, mut by_name) = (vec![0; n.saturating_mul(2)], vec![0; n.saturating_mul(2)]);
        let mut number = self.gone;
        while number != self.put {
            let old = self.entry(number);
            if let Some(entry) = entries.get_mut(number as usize & n.wrapping_sub(1)) {
                *entry = old;
            }
            if let Some((name, value)) = self.bytes(number, old) {
                let known = super::known::Known::of(name).number();
                let hashes = Hashes::of(known, name, value);
                take_place(&mut by_field, hashes.field, number as u16);
                take_place(&mut by_name, hashes.name, number as u16);
            }
            number = number.wrapping_add(1);
        }
        (self.entries, self.by_field, self.by_name) = (entries, by_field, by_name);
    }

    #[cold]
    fn more_bytes(&mut self, len: usize) {
        let oldest = if self.is_empty() { self.end } else { self.entry(self.gone).place };
        let from = oldest.wrapping_sub(self.base) as usize;
        let to = self.end.wrapping_sub(self.base) as usize;
        if from > 0 && from <= to && to <= self.buf.len() {
            self.buf.copy_within(from..to, 0);
            self.base = oldest;
        }
        let want = (self.end.wrapping_sub(self.base) as usize).saturating_add(len);
        // An eighth of the buffer stays free, so that what is moved later was paid for by what came in.
        let most = self.max.saturating_add(self.max / 8);
        let need = want.saturating_add(want / 8).max(256).min(most);
        if self.buf.len() < need {
            let need = need.max(self.buf.len().saturating_mul(2)).min(most);
            self.buf.reserve_exact(need.saturating_sub(self.buf.len()));
            self.buf.resize(need, 0);
        }
    }

    fn shrink_to(&mut self, size: usize) {
        while self.size > size && !self.is_empty() {
            let len = self.end_of(self.gone).wrapping_sub(self.entry(self.gone).place);
            self.size = self.size.wrapping_sub(len as usize).wrapping_sub(MORE);
            self.gone = self.gone.wrapping_add(1);
        }
        if self.is_empty() {
            self.base = self.end;
        }
    }

    /// Gives back the memory of a table that nothing is in.
    pub(crate) fn trim(&mut self) {
        if self.is_empty() {
            (self.buf, self.entries) = (Vec::new(), Vec::new());
            (self.by_field, self.by_name) = (Vec::new(), Vec::new());
        }
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.buf.capacity()
            + self.entries.capacity() * size_of::<Entry>()
            + (self.by_field.capacity() + self.by_name.capacity()) * size_of::<u16>()
    }
}

/// The two numbers where an entry with this hash may be.
#[inline]
fn places(places: &[u16], hash: u32) -> impl Iterator<Item = u16> + '_ {
    let mask = places.len().wrapping_sub(1);
    [hash as usize, hash as usize ^ 1].into_iter().filter_map(move |i| places.get(i & mask).copied())
}

/// Names `number` in the place of its hash whose entry is the older one.
fn take_place(places: &mut [u16], hash: u32, number: u16) {
    let mask = places.len().wrapping_sub(1);
    let pair = hash as usize & mask & !1;
    if let Some([a, b]) = places.get_mut(pair..).and_then(<[u16]>::first_chunk_mut::<2>) {
        let older = if number.wrapping_sub(*a) >= number.wrapping_sub(*b) { a } else { b };
        *older = number;
    }
}
