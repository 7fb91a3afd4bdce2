//! The fields of THeader (varint lengths; key/values, and those that stay for the connection) and of TTHeader (lengths of 16
//! bits; text keys, numbered keys, a token).

use meshwire::frame::Fault;
use meshwire::{Head, Limit};

use crate::envelope::FIXED;
use crate::keys;
use crate::layout::Transport;
use crate::tag;
use crate::varint::{self, Varint};

const WORDS: usize = 12;

/// Kinds of blocks on the wire.
mod block {
    pub(super) const PADDING: u32 = 0x00;
    pub(super) const TEXT: u32 = 0x01;
    pub(super) const PERSISTENT: u32 = 0x02;
    pub(super) const NUMBERED: u32 = 0x10;
    pub(super) const TOKEN: u32 = 0x11;
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// Key and value.
    Text,
    /// Key and value that stay for the connection (THeader).
    Persistent,
    /// A numbered key and its value (TTHeader).
    Numbered,
    /// Something else: only the value means anything.
    Token,
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) block: Block,
    /// Of a numbered key.
    pub(crate) number: u16,
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
}

/// The walk over the fields of a frame. All of it fits into a number, from which it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    header: &'a [u8],
    transport: Transport,
    at: usize,
    /// Entries left in the block.
    left: usize,
    block: Block,
    /// Where a block begins that is not known.
    unknown: usize,
}

/// A position, at most 64 KiB behind a fixed header: 17 bits, the high ones, since positions are compared; entries left in
/// the block: 13; its kind: 2.
const AT: u32 = 15;
/// Entries that a block may have.
pub(crate) const MAX_ENTRIES: usize = 0x1fff;

/// The front of a frame up to where its header says that its fields end.
#[inline]
pub(crate) fn header(frame: &[u8]) -> &[u8] {
    let words = frame.get(WORDS..FIXED).and_then(|words| words.first_chunk()).map_or(0, |w| u16::from_be_bytes(*w));
    let end = usize::from(words).saturating_mul(4).saturating_add(FIXED);
    frame.get(..end).unwrap_or(frame)
}

/// The cursor of fields that begin at `at`.
#[inline]
pub(crate) const fn start(at: usize) -> usize {
    at << AT
}

impl<'a> Walk<'a> {
    /// From a [`cursor`](Self::cursor), or from the [`start`].
    #[inline]
    pub(crate) fn new(frame: &'a [u8], transport: Transport, cursor: usize) -> Self {
        let block = match cursor & 3 {
            0 => Block::Text,
            1 => Block::Persistent,
            2 => Block::Numbered,
            _ => Block::Token,
        };
        let (header, at, left) = (header(frame), cursor >> AT, cursor >> 2 & MAX_ENTRIES);
        Self { header, transport, at, left, block, unknown: usize::MAX }
    }

    #[inline]
    pub(crate) const fn cursor(&self) -> usize {
        self.at << AT | (self.left & MAX_ENTRIES) << 2 | self.block as usize
    }

    /// Where it stands in the frame.
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// The block that is not known, and what is behind it, once the walk has come so far.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.header.get(self.unknown..).unwrap_or_default()
    }

    /// The next entry; `None` behind the last one, or where a block begins that is not known.
    pub(crate) fn next(&mut self) -> Result<Option<Entry<'a>>, Fault> {
        while self.left == 0 {
            if self.at >= self.header.len() {
                return Ok(None);
            }
            let begun = self.at;
            let id = match self.transport {
                Transport::THeader => self.number()?,
                _ => u32::from(self.byte()?),
            };
            self.block = match (id, self.transport) {
                (block::PADDING, Transport::TTHeader) => continue,
                (block::TEXT, _) => Block::Text,
                (block::PERSISTENT, Transport::THeader) => Block::Persistent,
                (block::NUMBERED, Transport::TTHeader) => Block::Numbered,
                (block::TOKEN, Transport::TTHeader) => {
                    let value = self.text()?;
                    return Ok(Some(Entry { block: Block::Token, number: 0, name: &[], value }));
                }
                _ => {
                    if id != block::PADDING {
                        self.unknown = begun;
                    }
                    self.at = self.header.len();
                    return Ok(None);
                }
            };
            self.left = match self.transport {
                Transport::THeader => self.number()? as usize,
                _ => usize::from(self.short()?),
            };
            if self.left > MAX_ENTRIES {
                return Err(Fault::limit(Limit::Fields, "a header has at most 8,191 fields a block", begun));
            }
        }
        self.left = self.left.saturating_sub(1);
        let block = self.block;
        if block == Block::Numbered {
            let number = self.short()?;
            return Ok(Some(Entry { block, number, name: keys::name(number), value: self.text()? }));
        }
        let name = self.text()?;
        Ok(Some(Entry { block, number: 0, name, value: self.text()? }))
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Fault> {
        let Some(byte) = self.header.get(self.at).copied() else { return Err(self.cut_short()) };
        self.at = self.at.saturating_add(1);
        Ok(byte)
    }

    #[inline]
    fn short(&mut self) -> Result<u16, Fault> {
        let Some(bytes) = self.header.get(self.at..).and_then(|rest| rest.first_chunk()) else {
            return Err(self.cut_short());
        };
        self.at = self.at.saturating_add(2);
        Ok(u16::from_be_bytes(*bytes))
    }

    #[inline]
    fn number(&mut self) -> Result<u32, Fault> {
        match varint::read(self.header.get(self.at..).unwrap_or_default()) {
            Varint::Done(value, len) => {
                self.at = self.at.saturating_add(len);
                Ok(value)
            }
            Varint::More | Varint::TooLong => Err(self.cut_short()),
        }
    }

    #[inline]
    fn text(&mut self) -> Result<&'a [u8], Fault> {
        let len = match self.transport {
            Transport::THeader => self.number()? as usize,
            _ => usize::from(self.short()?),
        };
        let end = self.at.saturating_add(len);
        let Some(text) = self.header.get(self.at..end) else { return Err(self.cut_short()) };
        self.at = end;
        Ok(text)
    }

    #[cold]
    const fn cut_short(&self) -> Fault {
        Fault::new("field", "the header ends inside a field", self.at)
    }
}

/// The field at `*cursor`: a [`NextField`](meshwire::NextField). What has no name is none.
pub(crate) fn next_field<'a>(head: &'a Head, bytes: &'a [u8], cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
    let transport = tag::transport(head.note());
    if !matches!(transport, Transport::THeader | Transport::TTHeader) {
        return None;
    }
    let mut walk = Walk::new(bytes, transport, *cursor);
    let found = loop {
        match walk.next() {
            Ok(Some(entry)) if entry.name.is_empty() => {}
            Ok(Some(entry)) => break Some((entry.name, entry.value)),
            Ok(None) | Err(_) => break None,
        }
    };
    *cursor = walk.cursor();
    found
}

/// Writes blocks of entries, one for each run of one kind.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    transport: Transport,
    /// The block that is written, and the entries in it.
    open: Option<Block>,
    entries: Vec<u8>,
    count: usize,
}

impl<'a> Writer<'a> {
    pub(crate) const fn new(transport: Transport, out: &'a mut Vec<u8>) -> Self {
        Self { out, transport, open: None, entries: Vec::new(), count: 0 }
    }

    /// Where a new field would go; behind the others of its kind if they come last.
    pub(crate) fn put(&mut self, entry: Entry<'_>) -> Result<(), &'static str> {
        let wide = self.transport == Transport::THeader;
        if self.open != Some(entry.block) || entry.block == Block::Token {
            self.close();
            self.open = Some(entry.block);
        }
        if self.count >= MAX_ENTRIES {
            return Err("more fields than a header may have");
        }
        self.count = self.count.saturating_add(1);
        match entry.block {
            Block::Text | Block::Persistent => put_text(wide, entry.name, &mut self.entries)?,
            Block::Numbered => self.entries.extend_from_slice(&entry.number.to_be_bytes()),
            Block::Token => {}
        }
        put_text(wide, entry.value, &mut self.entries)
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let id = match open {
            Block::Text => block::TEXT,
            Block::Persistent => block::PERSISTENT,
            Block::Numbered => block::NUMBERED,
            Block::Token => block::TOKEN,
        };
        self.out.push(id as u8);
        if self.transport == Transport::THeader {
            varint::put(self.count as u32, self.out);
        } else if open != Block::Token {
            self.out.extend_from_slice(&(self.count as u16).to_be_bytes());
        }
        self.out.append(&mut self.entries);
        self.count = 0;
    }

    /// Ends the last block.
    pub(crate) fn finish(mut self) {
        self.close();
    }
}

fn put_text(wide: bool, text: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    if wide {
        varint::put(u32::try_from(text.len()).map_err(|_| "a field that is too long")?, out);
    } else {
        let len = u16::try_from(text.len()).map_err(|_| "a field that is longer than TTHeader can say")?;
        out.extend_from_slice(&len.to_be_bytes());
    }
    out.extend_from_slice(text);
    Ok(())
}
