//! Finds where a struct ends.
//!
//! Nothing is kept of a value but how much of it is to come: what has a known length is jumped over, there or not, and a
//! container whose elements have one is a single jump. A count from the wire is counted down, and nothing is allocated for
//! it; memory grows with the levels that are open, which are bounded.
//!
//! The types of an empty container are not looked at, as some writers leave them zero. All else that no writer writes is
//! refused, though some readers let it pass: they do not agree on where such a struct ends.

mod binary;
mod compact;
mod item;
mod level;
mod walk;

use binary::Binary;
use compact::Compact;
use item::{Item, Wire};
use level::{Level, Levels, Next};
use walk::Walk;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Binary,
    Compact,
}

/// Finds where a struct ends, over as many pieces as it comes in. Behind the end it is as new; behind a fault it is of no
/// more use.
#[derive(Clone, Debug)]
pub(crate) struct Skip {
    layout: Layout,
    /// What is being read.
    level: Level,
    /// What that is in.
    levels: Levels,
    /// Bytes to come of a value that was read.
    jump: u64,
}

/// How far a struct goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// It ends behind so many of the bytes.
    Done(usize),
    /// So many bytes are behind it; nothing more comes of less than `need` further ones. A few of them may be there already,
    /// and are to be given again.
    More { consumed: usize, need: u64 },
}

/// Bytes that are no struct.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SkipFault {
    pub(crate) code: &'static str,
    pub(crate) detail: &'static str,
    /// Where, in the bytes of this call.
    pub(crate) at: usize,
    /// Whether it is only too deep.
    pub(crate) is_nesting: bool,
}

impl Skip {
    /// At the first byte of a struct, which may be `nesting` levels of structs and containers deep, itself being one.
    pub(crate) const fn new(layout: Layout, nesting: usize) -> Self {
        Self { layout, level: Level::STRUCT, levels: Levels::new(nesting.saturating_sub(1)), jump: 0 }
    }

    /// Goes on over `bytes`, which begin where the last call stopped.
    pub(crate) fn advance(&mut self, bytes: &[u8]) -> Result<Skipped, SkipFault> {
        match self.layout {
            Layout::Binary => self.run::<Binary>(bytes),
            Layout::Compact => self.run::<Compact>(bytes),
        }
    }

    #[inline(always)]
    fn run<W: Wire>(&mut self, bytes: &[u8]) -> Result<Skipped, SkipFault> {
        let Some(mut rest) = past(bytes, self.jump) else {
            return Ok(self.jumped(bytes, bytes, self.jump));
        };
        self.jump = 0;
        loop {
            let mut walk = Walk { rest, level: self.level, levels: &mut self.levels };
            let done = walk.all::<W>();
            (rest, self.level) = (walk.rest, walk.level);
            if done {
                return Ok(Skipped::Done(behind(bytes, rest)));
            }
            if let Some(skipped) = self.step::<W>(bytes, &mut rest)? {
                return Ok(skipped);
            }
        }
    }

    /// Goes on by one item, whatever it is; or not, and tells why.
    #[cold]
    #[inline(never)]
    fn step<W: Wire>(&mut self, bytes: &[u8], rest: &mut &[u8]) -> Result<Option<Skipped>, SkipFault> {
        let at = behind(bytes, rest);
        let (item, level) = match self.level.next() {
            Next::Field => (W::field(rest), self.level),
            Next::Value(kind) => (W::value(kind, rest), self.level.less(1)),
            Next::Nothing => (Item::End(0), self.level),
        };
        let jump = match item {
            Item::Pass(n) => n,
            Item::Whole(n) if self.levels.has_room() => n,
            Item::Open { head, inner } if self.levels.push(level) => {
                self.level = inner;
                *rest = rest.get(head..).unwrap_or_default();
                return Ok(None);
            }
            Item::Whole(_) | Item::Open { .. } => return Err(SkipFault::nesting(at)),
            Item::End(n) => {
                *rest = rest.get(n..).unwrap_or_default();
                let Some(outer) = self.levels.pop() else { return Ok(Some(Skipped::Done(behind(bytes, rest)))) };
                self.level = outer;
                return Ok(None);
            }
            Item::Short(least) => return Ok(Some(Skipped::More { consumed: at, need: least })),
            Item::Unknown => return Err(SkipFault::unknown(at)),
            Item::Fault(fault) => return Err(fault.after(at)),
        };
        self.level = level;
        match past(rest, jump) {
            Some(behind) => *rest = behind,
            None => return Ok(Some(self.jumped(bytes, rest, jump))),
        }
        Ok(None)
    }

    /// Jumps from `rest`, the end of `bytes`, to where no bytes are yet.
    #[cold]
    const fn jumped(&mut self, bytes: &[u8], rest: &[u8], jump: u64) -> Skipped {
        self.jump = jump.saturating_sub(rest.len() as u64);
        Skipped::More { consumed: bytes.len(), need: self.jump }
    }
}

impl SkipFault {
    #[cold]
    const fn new(code: &'static str, detail: &'static str, at: usize) -> Self {
        Self { code, detail, at, is_nesting: false }
    }

    #[cold]
    const fn nesting(at: usize) -> Self {
        Self { code: "nesting", detail: "structs and containers nest too deep", at, is_nesting: true }
    }

    #[cold]
    const fn unknown(at: usize) -> Self {
        Self::new("type", "there is no such type", at)
    }

    /// The same, so many bytes further on.
    const fn after(mut self, n: usize) -> Self {
        self.at = self.at.saturating_add(n);
        self
    }
}

/// How many of `bytes` come before `rest`, their end.
#[inline(always)]
const fn behind(bytes: &[u8], rest: &[u8]) -> usize {
    bytes.len().saturating_sub(rest.len())
}

/// What comes after so many bytes, if there are as many.
#[inline(always)]
fn past(bytes: &[u8], n: u64) -> Option<&[u8]> {
    bytes.get(usize::try_from(n).ok()?..)
}

#[cfg(test)]
mod tests;
