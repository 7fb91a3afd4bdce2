//! Blocks into fields.

use super::error::HpackError;
use super::field::{Field, is_name, is_value};
use super::huffman;
use super::integer::Reader;
use super::known::Known;
use super::list::{FieldList, ListLimits};
use super::record::{HEADER, Header, NAME_OK, NEVER_INDEXED, PAD, VALUE_OK};
use super::statics::{ENTRIES, ROWS};
use super::table::Table;

/// The largest table that a [`Decoder`] takes.
const MAX_TABLE: usize = 0xffff;

/// Turns blocks into fields: one for each connection and direction, since the table is what its blocks made of it.
///
/// An entry of either table is kept the way it lies in a [`FieldList`], so an indexed field is one copy. What a limit
/// of the list turns away is not kept, and costs no memory: the decoder then reads on only for the sake of its
/// table, passes over what does not go there, unseen, and stops with [`HpackError::ListTooLarge`] at four times the
/// limit of the list.
#[derive(Debug)]
pub struct Decoder {
    table: Table,
    /// The most that a size update may ask for.
    announced: usize,
    /// What the next block's first size update must not be above.
    owed: Option<usize>,
    /// Where [`decode`](Self::decode) puts one field together, once it was called.
    scratch: Option<Box<FieldList>>,
}

impl Decoder {
    /// A decoder whose table holds up to `max_table_size` bytes, at most 65,535, by the measure of RFC 7541, section
    /// 4.1. For HTTP/2 that is 4096 until the peer has acknowledged another `SETTINGS_HEADER_TABLE_SIZE`.
    pub const fn new(max_table_size: usize) -> Self {
        let max = if max_table_size < MAX_TABLE { max_table_size } else { MAX_TABLE };
        Self { table: Table::new(max), announced: max, owed: None, scratch: None }
    }

    /// What the peer has acknowledged as the most that its table may hold; at most 65,535. Where this is less than it
    /// uses, its next block must begin with a size update (RFC 9113, section 4.3.1).
    pub fn set_max_table_size(&mut self, n: usize) {
        self.announced = n.min(MAX_TABLE);
        let lowest = self.owed.unwrap_or(usize::MAX).min(self.announced);
        if lowest < self.table.max() {
            self.owed = Some(lowest);
        }
    }

    /// Two blocks with the same bytes are the same fields where this is the same in front of both, and nothing
    /// [is owed](Self::is_owed_update).
    #[inline]
    pub(crate) const fn version(&self) -> (u32, u32, usize) {
        self.table.version()
    }

    /// The next block must begin with a size update.
    #[inline]
    pub(crate) const fn is_owed_update(&self) -> bool {
        self.owed.is_some()
    }

    /// Calls `sink` with each field of a whole block. There is no limit but the length of the block, which can stand
    /// for many times as much: [`decode_into`](Self::decode_into) has limits, and is faster.
    ///
    /// # Errors
    ///
    /// The block breaks a rule of RFC 7541. The fields before that were passed on.
    pub fn decode(&mut self, block: &[u8], mut sink: impl FnMut(Field<'_>)) -> Result<(), HpackError> {
        let mut list = self.scratch.take().unwrap_or_else(|| Box::new(FieldList::new(ListLimits::NONE)));
        let result = self.decode_each(block, &mut list, &mut sink);
        list.clear();
        // Kept, or each block would cost an allocation; unless a huge field has made it huge.
        self.scratch = Some(list).filter(|list| list.is_small());
        result
    }

    fn decode_each(
        &mut self,
        block: &[u8],
        list: &mut FieldList,
        sink: &mut impl FnMut(Field<'_>),
    ) -> Result<(), HpackError> {
        let mut reader = Reader::new(block);
        self.updates(&mut reader)?;
        while let Some(first) = reader.byte() {
            list.clear();
            self.field(first, &mut reader, list)?;
            list.fields().for_each(&mut *sink);
        }
        Ok(())
    }

    /// Puts the fields of a whole block into `list`, as far as its limits go.
    ///
    /// # Errors
    ///
    /// The block breaks a rule of RFC 7541, or comes to more than four times what the list may hold.
    pub fn decode_into(&mut self, block: &[u8], list: &mut FieldList) -> Result<(), HpackError> {
        let mut reader = Reader::new(block);
        self.updates(&mut reader)?;
        loop {
            self.run(&mut reader, list);
            let Some(first) = reader.byte() else { return Ok(()) };
            self.field(first, &mut reader, list)?;
            if list.is_absurd() {
                return Err(HpackError::ListTooLarge);
            }
        }
    }

    /// Indexed fields, as long as there is nothing about them that wants a closer look: of such most blocks are made.
    #[inline]
    fn run(&self, reader: &mut Reader<'_>, list: &mut FieldList) {
        if !matches!(reader.peek(), Some(0x81..=0xfe)) {
            return;
        }
        let rest = reader.rest();
        let n = list.extend(|n| match rest.get(n) {
            Some(&first @ 0x81..=0xfe) => {
                let index = usize::from(first & 0x7f);
                match ROWS.get(index.wrapping_sub(1)) {
                    Some(row) => Some(&row.record),
                    None => self.table.record(index.wrapping_sub(ENTRIES).wrapping_sub(1)),
                }
            }
            _ => None,
        });
        reader.skip(n);
    }

    /// The size updates at the start of a block (RFC 7541, sections 4.2 and 6.3).
    #[inline]
    fn updates(&mut self, reader: &mut Reader<'_>) -> Result<(), HpackError> {
        if self.owed.is_none() && !matches!(reader.peek(), Some(0x20..=0x3f)) {
            return Ok(());
        }
        self.updates_cold(reader)
    }

    #[cold]
    fn updates_cold(&mut self, reader: &mut Reader<'_>) -> Result<(), HpackError> {
        let mut seen = 0_u8;
        while let Some(first @ 0x20..=0x3f) = reader.peek() {
            reader.byte();
            let size = reader.integer(first, 0x1f)?;
            if size > self.announced {
                return Err(HpackError::UpdateTooLarge);
            }
            if self.owed.take().is_some_and(|owed| size > owed) {
                return Err(HpackError::UpdateMissing);
            }
            seen = seen.saturating_add(1);
            if seen > 2 {
                return Err(HpackError::UpdateCount);
            }
            self.table.set_max(size);
        }
        if self.owed.is_some() { Err(HpackError::UpdateMissing) } else { Ok(()) }
    }

    #[inline]
    fn field(&mut self, first: u8, reader: &mut Reader<'_>, list: &mut FieldList) -> Result<(), HpackError> {
        match first {
            0x80..=0xff => {
                let index = reader.integer(first, 0x7f)?;
                self.indexed(index, list)
            }
            0x40..=0x7f => {
                let index = reader.integer(first, 0x3f)?;
                self.literal(index, Kind::ToTable, reader, list)
            }
            0x20..=0x3f => Err(HpackError::UpdatePlace),
            0x10..=0x1f => {
                let index = reader.integer(first, 0x0f)?;
                self.literal(index, Kind::NeverIndexed, reader, list)
            }
            0x00..=0x0f => {
                let index = reader.integer(first, 0x0f)?;
                self.literal(index, Kind::Plain, reader, list)
            }
        }
    }

    #[inline]
    fn indexed(&self, index: usize, list: &mut FieldList) -> Result<(), HpackError> {
        if let Some(row) = ROWS.get(index.wrapping_sub(1)) {
            if list.admit(row.header) {
                if let Some(to) = list.room(0, PAD).first_chunk_mut::<PAD>() {
                    *to = row.record;
                }
                list.keep(row.header);
            }
            return Ok(());
        }
        let (record, len) = self.dynamic(index)?;
        let header = Header::of(record).ok_or(HpackError::Index)?;
        if list.admit(header) {
            copy(record, len, list.room(0, len.max(PAD)));
            list.keep(header);
        }
        Ok(())
    }

    #[inline]
    fn dynamic(&self, index: usize) -> Result<(&[u8], usize), HpackError> {
        self.table.get(index.wrapping_sub(ENTRIES).wrapping_sub(1)).ok_or(HpackError::Index)
    }

    fn literal(
        &mut self,
        index: usize,
        kind: Kind,
        reader: &mut Reader<'_>,
        list: &mut FieldList,
    ) -> Result<(), HpackError> {
        let to_table = if kind == Kind::ToTable { Some(self.table.max()) } else { None };
        // Longer than this it goes nowhere.
        let Some(longest) = list.longest().max(to_table) else {
            return self.skip(index, reader, list);
        };

        let mut header = Header { known: 0, flags: 0, name: 0, value: 0 };
        if let Some(row) = ROWS.get(index.wrapping_sub(1)) {
            header = row.header;
            if let Some(to) = list.room(0, PAD).first_chunk_mut::<PAD>() {
                *to = row.record;
            }
        } else if index != 0 {
            let (record, _) = self.dynamic(index)?;
            header = Header::of(record).ok_or(HpackError::Index)?;
            let len = HEADER.wrapping_add(header.name);
            copy(record, len, list.room(0, len.max(PAD)));
        } else {
            let string = Str::read(reader)?;
            match string.write(list, HEADER, longest)? {
                Some(n) => header.name = n,
                None => {
                    let value = Str::read(reader)?;
                    header.name = string.coded.len().max(longest.saturating_add(1));
                    header.value = value.coded.len();
                    self.too_long(header, to_table, list);
                    return Ok(());
                }
            }
            let name = part(list, HEADER, header.name);
            header.known = Known::of(name).number();
            header.flags = if header.known != 0 || is_name(name) { NAME_OK } else { 0 };
        }

        let string = Str::read(reader)?;
        let at = HEADER.wrapping_add(header.name);
        match string.write(list, at, longest.saturating_sub(header.name))? {
            Some(n) => header.value = n,
            None => {
                header.value = string.coded.len().max(longest.saturating_add(1));
                self.too_long(header, to_table, list);
                return Ok(());
            }
        }
        header.flags &= NAME_OK;
        if is_value(part(list, at, header.value)) {
            header.flags |= VALUE_OK;
        }
        if kind == Kind::NeverIndexed {
            header.flags |= NEVER_INDEXED;
        }
        let len = at.wrapping_add(header.value);
        let room = list.room(len, len);
        if let Some(to) = room.first_chunk_mut::<HEADER>() {
            *to = header.to_bytes();
        }
        if to_table.is_some() {
            self.table.insert(room.get(..len).unwrap_or_default());
        }
        if list.admit(header) {
            list.keep(header);
        }
        Ok(())
    }

    /// A literal that neither the list nor the table takes.
    #[cold]
    fn too_long(&mut self, header: Header, to_table: Option<usize>, list: &mut FieldList) {
        if to_table.is_some() {
            self.table.clear();
        }
        list.admit(header);
    }

    /// A literal that is not looked at.
    #[cold]
    fn skip(&self, index: usize, reader: &mut Reader<'_>, list: &mut FieldList) -> Result<(), HpackError> {
        let mut header = Header { known: 0, flags: 0, name: 0, value: 0 };
        if let Some(row) = ROWS.get(index.wrapping_sub(1)) {
            header = row.header;
        } else if index != 0 {
            header = Header::of(self.dynamic(index)?.0).ok_or(HpackError::Index)?;
        } else {
            header.name = Str::read(reader)?.coded.len();
        }
        header.value = Str::read(reader)?.coded.len();
        list.admit(header);
        Ok(())
    }

    /// Gives back memory that the table does not need. The table itself stays as the peer knows it.
    pub fn trim(&mut self) {
        self.table.trim();
        self.scratch = None;
    }

    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        self.table.memory()
    }
}

/// What becomes of a literal (RFC 7541, section 6.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    ToTable,
    Plain,
    NeverIndexed,
}

/// Copies the first `len` bytes of `record`, and more where that is quicker.
#[inline]
fn copy(record: &[u8], len: usize, room: &mut [u8]) {
    if len <= PAD {
        if let (Some(from), Some(to)) = (record.first_chunk::<PAD>(), room.first_chunk_mut::<PAD>()) {
            *to = *from;
        }
    } else if let (Some(from), Some(to)) = (record.get(..len), room.get_mut(..len)) {
        to.copy_from_slice(from);
    }
}

/// So many bytes of the field that is being put together.
#[inline]
fn part(list: &mut FieldList, at: usize, len: usize) -> &[u8] {
    list.room(0, 0).get(at..).and_then(|b| b.get(..len)).unwrap_or_default()
}

/// A string of a block (RFC 7541, section 5.2).
#[derive(Clone, Copy)]
struct Str<'a> {
    huffman: bool,
    coded: &'a [u8],
}

impl<'a> Str<'a> {
    #[inline]
    fn read(reader: &mut Reader<'a>) -> Result<Self, HpackError> {
        let first = reader.byte().ok_or(HpackError::Truncated)?;
        let len = reader.integer(first, 0x7f)?;
        Ok(Self { huffman: first & 0x80 != 0, coded: reader.bytes(len)? })
    }

    /// Writes the string at `at` of the field that is being put together, and says how long it is. Nothing, where it
    /// is longer than `longest`.
    #[inline]
    fn write(self, list: &mut FieldList, at: usize, longest: usize) -> Result<Option<usize>, HpackError> {
        let n = self.coded.len();
        if !self.huffman {
            if n > longest {
                return Ok(None);
            }
            let room = list.room(at, at.wrapping_add(n));
            if let Some(to) = room.get_mut(at..).and_then(|b| b.get_mut(..n)) {
                to.copy_from_slice(self.coded);
            }
            return Ok(Some(n));
        }
        // No symbol is longer than 30 bits.
        if n.saturating_mul(8) / 30 > longest.saturating_add(1) {
            return Ok(None);
        }
        let most = huffman::decoded_max(n).min(longest.saturating_add(1)).saturating_add(huffman::SLACK);
        let room = list.room(at, at.saturating_add(most));
        match huffman::decode_to(self.coded, room.get_mut(at..).unwrap_or_default()) {
            Ok(n) if n <= longest => Ok(Some(n)),
            Ok(_) | Err(huffman::HuffmanError::TooLong) => Ok(None),
            Err(_) => Err(HpackError::Huffman),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_comes_with_the_first_entry_and_stays_small() {
        let mut decoder = Decoder::new(4096);
        let mut list = FieldList::new(ListLimits::of(&meshwire::Limits::default()));
        decoder.decode_into(&[0x82, 0x01, 0x01, b'a'], &mut list).unwrap();
        assert_eq!(decoder.memory(), 0);
        for n in 0..10_000_usize {
            let len = n % 120;
            let mut block = vec![0x40, 0x01, b'a', len as u8];
            block.extend(vec![b'v'; len]);
            decoder.decode_into(&block, &mut list).unwrap();
            list.clear();
        }
        assert!(decoder.table.size() > 4096 - 33 - 120);
        assert!(decoder.memory() <= 6 * 1024, "{}", decoder.memory());
        let before: Vec<_> =
            (0..decoder.table.len()).map(|i| decoder.table.get(i).map(|(r, n)| r[..n].to_vec())).collect();
        decoder.trim();
        let after: Vec<_> =
            (0..decoder.table.len()).map(|i| decoder.table.get(i).map(|(r, n)| r[..n].to_vec())).collect();
        assert_eq!(before, after);
        decoder.decode_into(&[0x20], &mut list).unwrap();
        decoder.trim();
        assert_eq!(decoder.memory(), 0);
    }
}
