//! Fields into blocks.

use super::field::Field;
use super::huffman;
use super::index::{Hashes, Index};
use super::integer::put;
use super::policy;
use super::statics::{self, ENTRIES};

/// What the table holds where the caller does not say, and what every peer takes before it says so.
const DEFAULT_TABLE: usize = 4096;

/// Whether a field goes into the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums)]
pub enum Indexing {
    /// As the encoder sees fit; see [`Encoder`].
    #[default]
    Auto,
    /// No; but what is in the table already is made use of (RFC 7541, section 6.2.2).
    Without,
    /// No, and no other hop shall either (RFC 7541, section 6.2.3).
    Never,
}

/// Turns fields into blocks: one for each connection and direction, since the table is what its blocks made of it.
///
/// It never fails: what may not go onto the wire is for the caller to know before.
///
/// What [`Indexing::Auto`] puts into the table is what may well come again with the same value. That leaves out ids
/// (`x-request-id`, `traceparent`, `b3`), lengths, validators and ranges (`content-length`, `etag`, `last-modified`,
/// `if-*`, `range`), `age`, `expires`, `location`, `set-cookie`, `grpc-timeout`, `grpc-message`, a `:path` that is
/// long or has a query, escapes or more than four digits, and every field that is larger than three quarters of the
/// table. `authorization`, `proxy-authorization`, cookies shorter than 20 bytes and fields that came as never indexed
/// go out as never indexed whatever is asked, since the size of a block that refers to a table would tell whether a
/// guess at them was right (RFC 7541, section 7.1).
#[derive(Debug)]
pub struct Encoder {
    index: Index,
    /// The most that our own table holds.
    cap: usize,
    /// The size that the peer was told last.
    told: usize,
    /// The smallest that the table was to be since then.
    lowest: usize,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder whose table holds up to 4096 bytes, whatever the peer would take.
    pub const fn new() -> Self {
        Self::with_table_size(DEFAULT_TABLE)
    }

    /// An encoder whose table holds up to `cap` bytes, at most 65,535, as far as the peer takes that; 0 for no table.
    /// The peer is taken to start with a table of 4096 bytes, as in HTTP/2.
    pub const fn with_table_size(cap: usize) -> Self {
        let cap = if cap < 0xffff { cap } else { 0xffff };
        let max = if cap < DEFAULT_TABLE { cap } else { DEFAULT_TABLE };
        Self { index: Index::new(max), cap, told: DEFAULT_TABLE, lowest: max }
    }

    /// What the peer's table may hold: its `SETTINGS_HEADER_TABLE_SIZE`. The next block tells it what we make of that.
    pub fn set_peer_table_size(&mut self, n: usize) {
        let max = n.min(self.cap);
        self.lowest = self.lowest.min(max);
        self.index.set_max(max);
    }

    /// Begins a block: tells the peer of a table whose size has changed, its smallest size first (RFC 7541, section
    /// 4.2). Without it the peer's table is no longer ours.
    #[inline]
    pub fn begin(&mut self, out: &mut Vec<u8>) {
        let max = self.index.max();
        if self.lowest < self.told || max != self.told {
            self.tell(max, out);
        }
    }

    #[cold]
    fn tell(&mut self, max: usize, out: &mut Vec<u8>) {
        if self.lowest < self.told && self.lowest < max {
            put(0x20, 0x1f, self.lowest, out);
        }
        put(0x20, 0x1f, max, out);
        (self.told, self.lowest) = (max, max);
    }

    /// Appends a field to the block that [`begin`](Self::begin) began.
    pub fn encode(&mut self, field: &Field<'_>, indexing: Indexing, out: &mut Vec<u8>) {
        if indexing == Indexing::Never || policy::is_sensitive(field) {
            return self.literal_named(0x10, 0x0f, None, field, out);
        }
        if let Some(index) = statics::find(field.known, field.value) {
            return put(0x80, 0x7f, usize::from(index), out);
        }
        let repeats = indexing == Indexing::Auto && policy::may_repeat(field);
        if !repeats && (indexing == Indexing::Auto || self.index.is_empty()) {
            return self.literal_named(0, 0x0f, None, field, out);
        }
        let hashes = Hashes::of(field.known.number(), field.name, field.value);
        if let Some(index) = self.index.find(hashes, field.name, field.value) {
            return put(0x80, 0x7f, dynamic(index), out);
        }
        if repeats && field.size() <= (self.index.max() / 4).saturating_mul(3) {
            self.literal_named(0x40, 0x3f, Some(hashes), field, out);
            self.index.insert(hashes, field.name, field.value);
        } else {
            self.literal_named(0, 0x0f, Some(hashes), field, out);
        }
    }

    /// Appends a field that neither needs nor changes any table: for blocks between those of another encoder. A field
    /// that [`encode`](Self::encode) would send as never indexed goes out as such here as well.
    pub fn literal(field: &Field<'_>, out: &mut Vec<u8>) {
        let sensitive = policy::is_sensitive(field);
        if !sensitive && let Some(index) = statics::find(field.known, field.value) {
            return put(0x80, 0x7f, usize::from(index), out);
        }
        name(if sensitive { 0x10 } else { 0 }, 0x0f, None, field, out);
        string(field.value, out);
    }

    /// Appends what a block begins with that makes the peer's table smaller, for blocks of [`literal`](Self::literal)s.
    pub(crate) fn size_update(size: usize, out: &mut Vec<u8>) {
        put(0x20, 0x1f, size, out);
    }

    fn literal_named(&self, kind: u8, mask: u8, hashes: Option<Hashes>, field: &Field<'_>, out: &mut Vec<u8>) {
        let index = if field.known.static_index().is_some() || self.index.is_empty() {
            None
        } else {
            let hashes = hashes.unwrap_or_else(|| Hashes::of(field.known.number(), field.name, b""));
            self.index.find_name(hashes, field.name).map(dynamic)
        };
        name(kind, mask, index, field, out);
        string(field.value, out);
    }

    /// Gives back the memory of a table that nothing is in.
    pub fn trim(&mut self) {
        self.index.trim();
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.index.memory()
    }
}

/// The index on the wire of an entry of the dynamic table.
const fn dynamic(index: usize) -> usize {
    index.wrapping_add(ENTRIES).wrapping_add(1)
}

/// A literal's first byte and its name (RFC 7541, section 6.2).
#[inline]
fn name(kind: u8, mask: u8, index: Option<usize>, field: &Field<'_>, out: &mut Vec<u8>) {
    match field.known.static_index().map(usize::from).or(index) {
        Some(index) => put(kind, mask, index, out),
        None => {
            out.push(kind);
            string(field.name, out);
        }
    }
}

/// A string, as Huffman code where that is shorter (RFC 7541, section 5.2).
fn string(plain: &[u8], out: &mut Vec<u8>) {
    let coded = huffman::encoded_len(plain);
    if coded < plain.len() {
        put(0x80, 0x7f, coded, out);
        huffman::encode(plain, out);
    } else {
        put(0, 0x7f, plain.len(), out);
        out.extend_from_slice(plain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_with_the_first_entry_and_stays_small() {
        let (mut encoder, mut out) = (Encoder::new(), Vec::new());
        encoder.encode(&Field::new(b":method", b"GET"), Indexing::Auto, &mut out);
        encoder.encode(&Field::new(b"x-a", b"b"), Indexing::Without, &mut out);
        assert_eq!(encoder.memory(), 0);
        for n in 0..20_000_usize {
            let value = vec![b'v'; if n < 10_000 { n % 2 } else { n % 120 }];
            encoder.encode(&Field::new(n.to_string().as_bytes(), &value), Indexing::Auto, &mut out);
            assert!(encoder.memory() <= 7 * 1024, "{n}: {}", encoder.memory());
        }
        encoder.set_peer_table_size(0);
        encoder.trim();
        assert_eq!(encoder.memory(), 0);
    }
}
