//! The head of a request that comes again and again. As long as the decoder's table stays as it is, the same block is
//! the same head, whatever it is made of: a client that calls one method of one service sends a few bytes each time, and
//! to look them up and check them again would find out nothing.

use meshwire::Head;

use crate::message::Facts;

/// The longest block that is remembered: a longer one has literals, which hardly come twice.
const LONGEST: usize = 32;

/// The largest list of fields that is kept for one.
const LARGEST: usize = 1024;

/// How often another block must come twice in a row before it takes the place of one that has just come.
const PATIENCE: u8 = 16;

/// What is remembered of the blocks of one connection.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    /// The block that came last and was not known.
    last: Block,
    known: Option<Box<Known>>,
    uses: u8,
}

#[derive(Debug)]
struct Known {
    block: Block,
    head: Head,
    facts: Facts,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    len: u8,
    bytes: [u8; LONGEST],
}

impl Block {
    fn of(block: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..block.len())?.copy_from_slice(block);
        Some(Self { len: block.len() as u8, bytes })
    }

    #[inline]
    fn is(&self, block: &[u8]) -> bool {
        usize::from(self.len) == block.len() && self.bytes.get(..block.len()) == Some(block)
    }
}

impl Repeat {
    /// The head that this block is.
    #[inline]
    pub(super) fn get(&mut self, block: &[u8]) -> Option<(Head, Facts)> {
        let known = self.known.as_ref().filter(|known| known.block.is(block))?;
        self.uses = self.uses.saturating_add(1).min(PATIENCE);
        Some((known.head.clone(), known.facts))
    }

    /// Whether the block, which was not known and has come twice, is to be [`put`](Self::put).
    #[inline]
    pub(super) fn wants(&mut self, block: &[u8]) -> bool {
        // A size update says something even where it changes nothing now.
        if block.len() > LONGEST || matches!(block.first(), Some(0x20..=0x3f)) {
            return false;
        }
        if !self.last.is(block) {
            self.last = Block::of(block).unwrap_or_default();
            return false;
        }
        self.uses = self.uses.saturating_sub(1);
        self.uses == 0
    }

    /// Remembers the head that a block is. Not one whose body has a length, or is a tunnel: what they are depends on
    /// more than the block.
    pub(super) fn put(&mut self, block: &[u8], head: &Head, facts: Facts) {
        if let Some(block) = Block::of(block)
            && head.bytes().len() <= LARGEST
            && facts.content_length.is_none()
            && !facts.connect
        {
            self.known = Some(Box::new(Known { block, head: head.clone(), facts }));
        }
    }

    /// The table has changed.
    #[inline]
    pub(super) fn forget(&mut self) {
        if self.known.is_some() || self.last.len > 0 {
            *self = Self::default();
        }
    }
}
