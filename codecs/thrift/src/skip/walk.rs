//! The way over all that is there and as it should be. What is not is left to [`step`](super::Skip::step).

use super::item::{STOP, Wire};
use super::level::{Level, Levels};
use super::past;

/// Where a walk over a struct is.
pub(super) struct Walk<'a, 'b> {
    pub(super) rest: &'a [u8],
    pub(super) level: Level,
    pub(super) levels: &'b mut Levels,
}

/// How far a level went.
enum Went {
    /// To another one.
    On,
    /// To the end of all.
    Through,
    /// To an item that is not all there, or should not be.
    Nowhere,
}

impl<'a> Walk<'a, '_> {
    /// Goes on as far as it can: whether that is the end.
    #[inline(always)]
    pub(super) fn all<W: Wire>(&mut self) -> bool {
        loop {
            let went = if self.level.is_struct() { self.fields::<W>() } else { self.values::<W>() };
            match went {
                Went::On => {}
                Went::Through => return true,
                Went::Nowhere => return false,
            }
        }
    }

    #[inline(always)]
    fn fields<W: Wire>(&mut self) -> Went {
        loop {
            let Some((kind, behind)) = W::fields(&mut self.rest) else { return Went::Nowhere };
            if kind == STOP {
                self.rest = behind;
                match self.leave() {
                    Went::On if self.level.is_struct() => continue,
                    went => return went,
                }
            }
            match self.enter::<W>(kind, behind, Level::STRUCT) {
                Went::On if self.level.is_struct() => {}
                went => return went,
            }
        }
    }

    #[inline(always)]
    fn values<W: Wire>(&mut self) -> Went {
        loop {
            let Some(kind) = W::values(&mut self.level, &mut self.rest) else { return self.leave() };
            match self.enter::<W>(kind, self.rest, self.level.less(1)) {
                Went::On if !self.level.is_struct() => {}
                went => return went,
            }
        }
    }

    /// Goes over a value in which something nests, or up to where it does.
    #[inline(always)]
    fn enter<W: Wire>(&mut self, kind: u8, rest: &'a [u8], outer: Level) -> Went {
        let Some((mut inner, mut rest)) = W::opening(kind, rest) else { return Went::Nowhere };
        if !self.levels.has_room() {
            return Went::Nowhere;
        }
        if !inner.is_struct() && (inner.left() == 0 || W::values(&mut inner, &mut rest).is_none()) {
            self.level = outer;
        } else {
            self.levels.push(outer);
            self.level = inner;
        }
        self.rest = rest;
        Went::On
    }

    #[inline(always)]
    fn leave(&mut self) -> Went {
        match self.levels.pop() {
            Some(outer) => {
                self.level = outer;
                Went::On
            }
            None => Went::Through,
        }
    }
}

/// What is behind a list of `count` elements, or what nests there; `None` where it cannot be told.
#[inline(always)]
pub(super) fn list<W: Wire>(count: u32, kind: u8, rest: &[u8]) -> Option<(Level, &[u8])> {
    let width = W::width(kind);
    match width.fixed() {
        Some(width) => Some((Level::SPENT, past(rest, u64::from(count).wrapping_mul(width as u64))?)),
        None if count == 0 => Some((Level::SPENT, rest)),
        None if width.is_none() => None,
        None => Some((Level::list(count, kind), rest)),
    }
}

/// The same for a map of `count` entries.
#[inline(always)]
pub(super) fn map<W: Wire>(count: u32, [key, value]: [u8; 2], rest: &[u8]) -> Option<(Level, &[u8])> {
    let (key_width, value_width) = (W::width(key), W::width(value));
    match (key_width.fixed(), value_width.fixed()) {
        (Some(key), Some(value)) => {
            let size = u64::from(count).wrapping_mul(key.wrapping_add(value) as u64);
            Some((Level::SPENT, past(rest, size)?))
        }
        _ if count == 0 => Some((Level::SPENT, rest)),
        _ if key_width.is_none() || value_width.is_none() => None,
        _ => Some((Level::map(count, key, value), rest)),
    }
}
