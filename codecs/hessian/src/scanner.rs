//! The scan: where values end, and nothing else.

use crate::dialect::{Dialect, Kind, Table};
use crate::error::{Error, Progress};
use crate::limits::Limits;
use crate::stack::{Classes, Frame, Shape, Stack};

/// The longest piece of the wire that is looked at as one: a number of 64 bits and its tag.
const ITEM: usize = 12;

/// An incremental scan over values, which builds nothing.
///
/// It takes chunks of any size, sees each byte once, and goes on anywhere: inside a tag, a length or a character. Class
/// definitions are remembered, since the length of an instance depends on them; of everything else only numbers are. What
/// it needs beyond the room for 16 nested containers and 32 classes is allocated once and kept by [`reset`](Self::reset).
///
/// After an error it says the same again until it is [`reset`](Self::reset).
///
/// ```
/// use meshwire_hessian::{Dialect, Kind, Limits, Progress, Scanner};
///
/// let mut scanner = Scanner::new(Dialect::Hessian2, Limits::DEFAULT);
/// // A list of two, the first of which is there; what comes is a string of two units or more.
/// assert_eq!(scanner.skip(b"\x7a\x91\x02"), Ok(Progress::More(2)));
/// assert_eq!(scanner.skip("é中 and more".as_bytes()), Ok(Progress::Done(5)));
/// assert_eq!(scanner.last(), Some(Kind::List));
/// assert_eq!(scanner.offset(), 8);
/// ```
#[derive(Debug)]
pub struct Scanner {
    pub(crate) dialect: Dialect,
    pub(crate) table: &'static Table,
    pub(crate) limits: Limits,
    /// Bytes that were walked over, without those that are carried.
    pub(crate) walked: u64,
    /// An item that has begun, and how many bytes it has in all.
    carry: [u8; ITEM],
    carried: usize,
    need: usize,
    /// What stands next.
    pub(crate) want: Want,
    /// What of a string or of bytes is still to come.
    pub(crate) body: Body,
    /// What will be begun once its type is known.
    pub(crate) opening: Opening,
    /// Names still to come of the class under way, and the class.
    pub(crate) names: u32,
    pub(crate) class: crate::stack::Class,
    /// The container under way, and those around it.
    pub(crate) top: Frame,
    pub(crate) stack: Stack,
    pub(crate) classes: Classes,
    pub(crate) types: u64,
    pub(crate) references: u64,
    pub(crate) refers: bool,
    /// The tag of the value under way that nothing lies around, and of the last such value.
    pub(crate) outer: u8,
    last: Option<Kind>,
    under_way: bool,
    failed: Option<Error>,
}

/// What stands next on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// A value, or the end where the container has one.
    Value,
    /// A value behind a class definition, where no end can stand.
    Behind,
    /// The end of a container whose values are all there.
    End,
    /// A string or the number of a type.
    Type,
    /// The same in Ant's dialect, where it may be absent.
    AntType,
    /// The number of a type.
    TypeNumber,
    /// The length of a list.
    Length,
    /// The same in Ant's dialect, where it may be absent.
    AntLength,
    /// The number of an instance's class.
    ClassNumber,
    /// The number of a reference.
    Reference,
    /// The name of a class.
    ClassName,
    /// The number of units of a class's name, in Ant's dialect.
    ClassNameLength,
    /// How many fields a class has.
    Fields,
    /// The name of a field.
    Name,
    /// The address of a remote.
    Address,
}

/// What of a string or of bytes is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) is: Piece,
    /// Units or bytes of the piece under way.
    pub(crate) left: u32,
    /// It is the last piece.
    pub(crate) last: bool,
}

impl Body {
    pub(crate) const NONE: Self = Self { is: Piece::None, left: 0, last: true };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece {
    None,
    Text,
    Bytes,
}

/// What stands behind a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Entries of a map.
    Map,
    /// So many values.
    Values(u32),
    /// A length, and as many values.
    Counted,
    /// Values up to an end.
    Open,
    /// A length, if any, values, and an end.
    Closed,
    /// An address.
    Remote,
}

/// Where a walk stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// What was asked for ended here.
    Done(usize),
    /// The item at `at` is not all there: it has `need` bytes.
    Need { at: usize, need: usize },
}

/// What a message has defined so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    classes: usize,
    types: u64,
    references: u64,
    refers: bool,
}

impl Scanner {
    /// A scan that has seen nothing.
    pub fn new(dialect: Dialect, limits: Limits) -> Self {
        Self {
            dialect,
            table: dialect.table(),
            limits,
            walked: 0,
            carry: [0; ITEM],
            carried: 0,
            need: 1,
            want: Want::Value,
            body: Body::NONE,
            opening: Opening::Map,
            names: 0,
            class: crate::stack::Class { at: 0, fields: 0 },
            top: Frame::EMPTY,
            stack: Stack::new(),
            classes: Classes::new(),
            types: 0,
            references: 0,
            refers: false,
            outer: 0,
            last: None,
            under_way: false,
            failed: None,
        }
    }

    /// Begins a new message: definitions, references and the offset are forgotten, memory is kept.
    pub fn reset(&mut self) {
        self.rewind(0);
        self.classes.truncate(0);
        (self.types, self.references, self.refers) = (0, 0, false);
        self.last = None;
    }

    /// Forgets what is under way, and an error; what was defined stays.
    pub(crate) fn rewind(&mut self, at: u64) {
        self.walked = at;
        self.carried = 0;
        self.begin(0, Shape::Top);
        self.under_way = false;
        self.failed = None;
    }

    /// Makes `n` values, or the header of one, what is walked over next.
    pub(crate) fn begin(&mut self, n: u32, shape: Shape) {
        self.want = Want::Value;
        self.body = Body::NONE;
        self.top = Frame { left: n, shape };
        self.stack.clear();
    }

    pub(crate) fn mark(&self) -> Mark {
        let Self { types, references, refers, .. } = *self;
        Mark { classes: self.classes.len(), types, references, refers }
    }

    /// Forgets what was defined since.
    pub(crate) fn back_to(&mut self, mark: Mark) {
        self.classes.truncate(mark.classes);
        (self.types, self.references, self.refers) = (mark.types, mark.references, mark.refers);
    }

    /// Walks on until the value under way ends, or one more value if none is.
    ///
    /// The value may be cut anywhere: `bytes` are those behind what was given before.
    pub fn skip(&mut self, bytes: &[u8]) -> Result<Progress, Error> {
        self.skip_values(1, bytes)
    }

    /// The same for `n` values, up to 4,294,967,295 of them. While any are under way, `n` is not looked at: it is what it
    /// was in the first of these calls.
    pub fn skip_values(&mut self, n: usize, bytes: &[u8]) -> Result<Progress, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if !self.under_way {
            if n == 0 {
                return Ok(Progress::Done(0));
            }
            if bytes.is_empty() {
                return Ok(Progress::More(n));
            }
            self.begin(u32::try_from(n).unwrap_or(u32::MAX), Shape::Top);
            self.under_way = true;
        }
        let room = usize::try_from(self.limits.bytes.saturating_sub(self.offset())).unwrap_or(usize::MAX);
        let allowed = bytes.get(..room).unwrap_or(bytes);
        match self.feed(allowed) {
            Ok(Some(n)) => {
                self.under_way = false;
                self.last = self.dialect.kind(self.outer);
                Ok(Progress::Done(n))
            }
            Ok(None) if allowed.len() == bytes.len() => Ok(Progress::More(self.missing(self.carried, self.need))),
            Ok(None) => Err(self.fail(too_long(self.offset()))),
            Err(error) => Err(self.fail(error)),
        }
    }

    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        self.failed = Some(error);
        error
    }

    /// Bytes taken since the begin of the message.
    pub fn offset(&self) -> u64 {
        self.walked.saturating_add(self.carried as u64)
    }

    /// No value is under way.
    pub fn is_between(&self) -> bool {
        !self.under_way
    }

    /// What the value was that ended last, of those that lie in no other.
    pub fn last(&self) -> Option<Kind> {
        self.last
    }

    /// Anything so far named a value, a class or a type by its number. A class definition alone names nothing.
    pub fn refers(&self) -> bool {
        self.refers
    }

    /// How many things so far could be named by a number: lists, maps and objects begun, classes defined, types spelled.
    /// A value that leaves the sum alone can be taken out of a message, and none of the numbers behind it mean anything
    /// else.
    pub fn containers(&self) -> u64 {
        self.references.saturating_add(self.types).saturating_add(self.classes.len() as u64)
    }

    /// The dialect that is read.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Takes all bytes, or those up to the end of what is under way, which is where it ended.
    fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, Error> {
        let mut at = 0usize;
        while self.carried > 0 {
            let missing = self.need.saturating_sub(self.carried);
            let more = bytes.get(at..).unwrap_or_default();
            let more = more.get(..missing).unwrap_or(more);
            for (slot, byte) in self.carry.iter_mut().skip(self.carried).zip(more) {
                *slot = *byte;
            }
            self.carried = self.carried.saturating_add(more.len());
            at = at.saturating_add(more.len());
            if more.len() < missing {
                return Ok(None);
            }
            let (item, len) = (self.carry, self.carried);
            match self.walk(item.get(..len).unwrap_or_default(), 0, self.walked)? {
                Step::Done(_) => {
                    self.walked = self.walked.saturating_add(len as u64);
                    self.carried = 0;
                    return Ok(Some(at));
                }
                Step::Need { at: begun, need } => {
                    self.walked = self.walked.saturating_add(begun as u64);
                    self.carry.copy_within(begun.min(len)..len, 0);
                    self.carried = len.saturating_sub(begun);
                    self.need = need;
                }
            }
        }
        let base = self.walked.saturating_sub(at as u64);
        match self.walk(bytes, at, base)? {
            Step::Done(end) => {
                self.walked = base.saturating_add(end as u64);
                Ok(Some(end))
            }
            Step::Need { at: begun, need } => {
                self.walked = base.saturating_add(begun as u64);
                let begun = bytes.get(begun..).unwrap_or_default();
                for (slot, byte) in self.carry.iter_mut().zip(begun) {
                    *slot = *byte;
                }
                self.carried = begun.len().min(ITEM);
                self.need = need;
                Ok(None)
            }
        }
    }

    /// Bytes without which what is under way cannot end, with `carried` of the `need` bytes of an item there.
    pub(crate) fn missing(&self, carried: usize, need: usize) -> usize {
        let item = need.saturating_sub(carried).max(1);
        // A character that is cut is worth two units at most.
        let units = match (carried, need) {
            (0, _) => 0,
            (_, 4..=6) => 2,
            _ => 1,
        };
        let body = match self.body {
            Body { is: Piece::None, .. } => item,
            Body { left: 0, .. } => item,
            Body { is: Piece::Text, left, last } if carried > 0 => {
                item.saturating_add(left.saturating_sub(units) as usize).saturating_add(usize::from(!last))
            }
            Body { left, last, .. } => (left as usize).saturating_add(usize::from(!last)),
        };
        let opening = match self.opening {
            Opening::Values(n) => n as usize,
            Opening::Map | Opening::Counted | Opening::Open | Opening::Closed | Opening::Remote => 1,
        };
        // Behind what is counted above: what the value under way cannot do without.
        let value = match self.want {
            Want::Value | Want::Behind | Want::End | Want::ClassNumber | Want::Reference | Want::Address => 0,
            Want::Type | Want::TypeNumber => opening,
            // What is missing may as well be the end of all that may be absent.
            Want::AntType => opening.saturating_sub(1),
            Want::Length | Want::AntLength => 0,
            Want::ClassName => 2,
            Want::ClassNameLength => 2,
            Want::Fields => 1,
            Want::Name => self.names as usize,
        };
        // The end is an item of its own.
        let begun = self.want != Want::Value || carried > 0 || self.body.is != Piece::None;
        let around = self.stack.iter().fold(0usize, |sum, frame| sum.saturating_add(behind(*frame, true)));
        body.saturating_add(value).saturating_add(behind(self.top, begun)).saturating_add(around)
    }
}

/// Bytes that a container takes at least behind the value under way in it; one of them is counted already where none has
/// `begun`.
fn behind(frame: Frame, begun: bool) -> usize {
    match frame.shape {
        Shape::Top | Shape::Header | Shape::Fixed => frame.left.saturating_sub(1) as usize,
        Shape::Closed => frame.left as usize,
        Shape::Open => usize::from(begun),
        Shape::Map if frame.left & 1 == 1 => 1,
        Shape::Map => usize::from(begun).saturating_mul(2),
    }
}

#[cold]
pub(crate) fn too_long(at: u64) -> Error {
    Error::limit("bytes", "the message is too long", usize::try_from(at).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An open list or map may hold more values than its counter has numbers, which are too many to try.
    #[test]
    fn the_counter_of_an_open_list_may_pass_zero() {
        for (begin, values, end) in
            [(&b"\x57"[..], &b"NNNN"[..], &b"Z"[..]), (b"H", b"NN\x90\x90\x90\x90\x90\x90\x90\x90\x90\x90NN", b"Z")]
        {
            let mut scanner = Scanner::new(Dialect::Hessian2, Limits::DEFAULT);
            assert_eq!(scanner.skip(begin), Ok(Progress::More(1)));
            scanner.top.left = 2;
            assert_eq!(scanner.skip(values), Ok(Progress::More(1)));
            assert_eq!(scanner.skip(end), Ok(Progress::Done(1)));
        }
    }
}
