//! The decoder's dynamic table (RFC 7541, section 2.3.2).
//!
//! Records lie one behind the other in one buffer, new ones at its end; those that are left are moved to its front
//! when the end is reached. Places are counted from the first byte that was ever put in, so that moving changes
//! one number.

use super::record::{HEADER, PAD};

/// What an entry counts beyond its name and value (RFC 7541, section 4.1), less what its header takes here.
const MORE: usize = 32 - HEADER;

#[derive(Debug)]
pub(crate) struct Table {
    buf: Vec<u8>,
    /// The place of the first byte of `buf`.
    base: u32,
    /// The place behind the newest record.
    end: u32,
    /// Where records begin, by their number; as many as a power of two.
    places: Vec<u32>,
    /// How many were put in, and how many of them are gone.
    put: u32,
    gone: u32,
    size: usize,
    max: usize,
}

impl Table {
    pub(crate) const fn new(max: usize) -> Self {
        Self { buf: Vec::new(), base: 0, end: 0, places: Vec::new(), put: 0, gone: 0, size: 0, max }
    }

    pub(crate) const fn max(&self) -> usize {
        self.max
    }

    #[cfg(test)]
    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    pub(crate) const fn len(&self) -> usize {
        self.put.wrapping_sub(self.gone) as usize
    }

    /// Changes with every entry that comes or goes, and with what may come.
    #[inline]
    pub(crate) const fn version(&self) -> (u32, u32, usize) {
        (self.put, self.gone, self.max)
    }

    /// The record of the entry with this index, 0 being the newest, and what follows it in the buffer: [`PAD`] bytes
    /// at least. And how long the record is.
    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<(&[u8], usize)> {
        if index >= self.len() {
            return None;
        }
        let number = self.put.wrapping_sub(1).wrapping_sub(index as u32);
        let from = self.place(number);
        let to = if index == 0 { self.end } else { self.place(number.wrapping_add(1)) };
        let record = self.buf.get(from.wrapping_sub(self.base) as usize..)?;
        Some((record, to.wrapping_sub(from) as usize))
    }

    /// The same record, and what follows it, as far as [`PAD`] goes.
    #[inline]
    pub(crate) fn record(&self, index: usize) -> Option<&[u8; PAD]> {
        if index >= self.len() {
            return None;
        }
        let from = self.place(self.put.wrapping_sub(1).wrapping_sub(index as u32));
        self.buf.get(from.wrapping_sub(self.base) as usize..)?.first_chunk()
    }

    #[inline]
    fn place(&self, number: u32) -> u32 {
        let mask = self.places.len().wrapping_sub(1);
        self.places.get(number as usize & mask).copied().unwrap_or(self.end)
    }

    /// Where the oldest record begins.
    fn oldest(&self) -> u32 {
        if self.put == self.gone { self.end } else { self.place(self.gone) }
    }

    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max;
        self.shrink_to(max);
    }

    /// An entry too large for the table (RFC 7541, section 4.4).
    pub(crate) fn clear(&mut self) {
        self.shrink_to(0);
    }

    /// Puts a record in front of all others.
    #[inline]
    pub(crate) fn insert(&mut self, record: &[u8]) {
        let size = record.len().saturating_add(MORE);
        let Some(left) = self.max.checked_sub(size) else { return self.clear() };
        if self.size > left {
            self.shrink_to(left);
        }
        let end = self.end.wrapping_sub(self.base) as usize;
        let room = record.len().wrapping_add(PAD);
        if self.buf.len().wrapping_sub(end) < room || self.len() >= self.places.len() {
            return self.insert_cold(record);
        }
        self.write(record, end);
    }

    #[inline]
    fn write(&mut self, record: &[u8], end: usize) {
        if let Some(to) = self.buf.get_mut(end..).and_then(|b| b.get_mut(..record.len())) {
            to.copy_from_slice(record);
        }
        let mask = self.places.len().wrapping_sub(1);
        if let Some(place) = self.places.get_mut(self.put as usize & mask) {
            *place = self.end;
        }
        self.put = self.put.wrapping_add(1);
        self.end = self.end.wrapping_add(record.len() as u32);
        self.size = self.size.wrapping_add(record.len()).wrapping_add(MORE);
    }

    #[cold]
    fn insert_cold(&mut self, record: &[u8]) {
        if self.len() >= self.places.len() {
            let mut places = vec![0; self.places.len().saturating_mul(2).max(8)];
            let mask = places.len().wrapping_sub(1);
            let mut number = self.gone;
            while number != self.put {
                if let Some(place) = places.get_mut(number as usize & mask) {
                    *place = self.place(number);
                }
                number = number.wrapping_add(1);
            }
            self.places = places;
        }
        if (self.buf.len().wrapping_sub(self.end.wrapping_sub(self.base) as usize)) < record.len().wrapping_add(PAD) {
            self.compact();
            let want = (self.end.wrapping_sub(self.base) as usize).saturating_add(record.len());
            // A quarter of the buffer stays free, so that what is moved later was paid for by what came in.
            let most = self.max.saturating_add(self.max / 4).saturating_add(PAD);
            let len = want.saturating_add(want / 4).saturating_add(PAD).max(512);
            if self.buf.len() < len.min(most) {
                let len = len.max(self.buf.len().saturating_mul(2)).min(most);
                self.buf.reserve_exact(len.saturating_sub(self.buf.len()));
                self.buf.resize(len, 0);
            }
        }
        self.write(record, self.end.wrapping_sub(self.base) as usize);
    }

    /// Moves all records to the front of the buffer.
    fn compact(&mut self) {
        let oldest = self.oldest();
        let from = oldest.wrapping_sub(self.base) as usize;
        let to = self.end.wrapping_sub(self.base) as usize;
        if from > 0 && from <= to && to <= self.buf.len() {
            self.buf.copy_within(from..to, 0);
            self.base = oldest;
        }
    }

    /// Drops the oldest entries until no more than `size` is left.
    fn shrink_to(&mut self, size: usize) {
        while self.size > size && self.put != self.gone {
            let from = self.place(self.gone);
            self.gone = self.gone.wrapping_add(1);
            let to = self.oldest();
            self.size = self.size.wrapping_sub(to.wrapping_sub(from) as usize).wrapping_sub(MORE);
        }
        if self.put == self.gone {
            self.base = self.end;
        }
    }

    /// Gives back the memory that no entry needs.
    pub(crate) fn trim(&mut self) {
        if self.len() == 0 {
            (self.buf, self.places) = (Vec::new(), Vec::new());
            return;
        }
        self.compact();
        let len = (self.end.wrapping_sub(self.base) as usize).saturating_add(PAD);
        self.buf.truncate(len);
        self.buf.shrink_to_fit();
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.buf.capacity() + self.places.capacity() * size_of::<u32>()
    }
}
