//! The walk over bytes that are there.
//!
//! [`Scanner::values`] is where the time goes: it keeps its position and the container under way in registers, and turns
//! to the rest of this file for what is rare or long. There is no recursion: what lies around a value is on the stack.

use crate::dialect::Tag;
use crate::error::{Error, Read};
use crate::number;
use crate::scanner::{Body, Opening, Piece, Scanner, Step, Want};
use crate::stack::{Class, Frame, Shape};
use crate::utf8;

/// What one item came to.
enum Item {
    /// It is over, and the next stands here.
    Next(usize),
    /// It begins at `at` and has `need` bytes, some of which are missing.
    Cut { at: usize, need: usize },
    /// What was asked for ended here.
    Done(usize),
}

impl Scanner {
    /// Walks from `at` on until what was asked for ends or an item is cut. `base` is what to add to an index for its place
    /// in the message.
    pub(crate) fn walk(&mut self, bytes: &[u8], mut at: usize, base: u64) -> Result<Step, Error> {
        loop {
            let item = match (self.body.is, self.want) {
                (Piece::None, Want::Value) => self.values(bytes, at),
                (Piece::None, _) => self.item(bytes, at, base),
                _ => self.body(bytes, at),
            };
            match item {
                Ok(Item::Next(next)) => at = next,
                Ok(Item::Cut { at, need }) => return Ok(Step::Need { at, need }),
                Ok(Item::Done(end)) => return Ok(Step::Done(end)),
                Err(error) => return Err(error.behind(base)),
            }
        }
    }

    /// Walks over values until something else stands next.
    fn values(&mut self, bytes: &[u8], mut at: usize) -> Result<Item, Error> {
        let table = self.table;
        let Frame { mut left, mut shape } = self.top;
        let item = loop {
            let Some(&tag) = bytes.get(at) else { break Item::Cut { at, need: 1 } };
            let class = table.get(usize::from(tag)).copied().unwrap_or(Tag::NONE);
            if class.wrapping_sub(1) < Tag::SCALAR {
                // Small ints seldom come alone. The last of a container is left to the way of all values.
                if class == 1 && left.wrapping_sub(1) >= 8 && are_small_ints(bytes, at) {
                    at = at.wrapping_add(8);
                    left = left.wrapping_sub(8);
                    continue;
                }
                let end = at.wrapping_add(class.into());
                if end > bytes.len() {
                    break Item::Cut { at, need: class.into() };
                }
                at = end;
            } else if let Some(end) = short(bytes, at, tag, class) {
                at = end;
            } else {
                self.top = Frame { left, shape };
                if self.stack.len() == 0 {
                    self.outer = tag;
                }
                match self.value(bytes, at, tag, class)? {
                    Item::Next(next) if self.body.is == Piece::None && self.want == Want::Value => {
                        at = next;
                        Frame { left, shape } = self.top;
                        continue;
                    }
                    item => return Ok(item),
                }
            }

            // A value ended, and whatever ends with it.
            left = left.wrapping_sub(1);
            if left == 0 {
                self.top = Frame { left: 1, shape };
                if self.stack.len() == 0 {
                    self.outer = tag;
                }
                match self.ended(at) {
                    Item::Next(next) if self.want == Want::Value => {
                        at = next;
                        Frame { left, shape } = self.top;
                    }
                    item => return Ok(item),
                }
            }
        };
        self.top = Frame { left, shape };
        Ok(item)
    }

    /// A value that is no scalar, or none at all.
    fn value(&mut self, bytes: &[u8], at: usize, tag: u8, class: u8) -> Result<Item, Error> {
        let next = at.wrapping_add(1);
        let opening = match class {
            Tag::STRING | Tag::STRING_10 | Tag::STRING_16 | Tag::STRING_PIECE => {
                return self.text(bytes, at, tag, class);
            }
            Tag::BINARY | Tag::BINARY_10 | Tag::BINARY_16 | Tag::BINARY_PIECE => {
                return Ok(match self.piece(bytes, at, Piece::Bytes)? {
                    Item::Next(next) => self.body(bytes, next)?,
                    item => item,
                });
            }
            Tag::END => return self.end(at),
            Tag::CLASS => return self.class(at),
            Tag::REF => {
                self.want = Want::Reference;
                return Ok(Item::Next(next));
            }
            Tag::REF_8 => return self.short_reference::<1>(bytes, at),
            Tag::REF_16 => return self.short_reference::<2>(bytes, at),
            Tag::REF_32 => return self.short_reference::<4>(bytes, at),
            Tag::REMOTE => Opening::Remote,
            Tag::NONE => return Err(Error::new("tag", "no value begins so", at)),
            _ => {
                self.count(at)?;
                match class {
                    Tag::OBJECT_DIRECT => return self.instance(u32::from(tag & 0x0f), at, next),
                    Tag::OBJECT => {
                        self.want = Want::ClassNumber;
                        return Ok(Item::Next(next));
                    }
                    Tag::MAP => return Ok(self.open(0, Shape::Map, next)),
                    Tag::LIST_DIRECT => return Ok(self.open(u32::from(tag & 0x07), Shape::Fixed, next)),
                    Tag::LIST_OPEN => return Ok(self.open(0, Shape::Open, next)),
                    Tag::LIST => {
                        self.want = Want::Length;
                        return Ok(Item::Next(next));
                    }
                    Tag::LIST_DIRECT_TYPED => Opening::Values(u32::from(tag & 0x07)),
                    Tag::LIST_TYPED | Tag::ANT_LIST_REF => Opening::Counted,
                    Tag::LIST_OPEN_TYPED => Opening::Open,
                    Tag::ANT_LIST => Opening::Closed,
                    _ => Opening::Map,
                }
            }
        };
        self.opening = opening;
        self.want = match (class, self.dialect) {
            (Tag::ANT_LIST_REF, _) => Want::TypeNumber,
            (_, crate::Dialect::Ant3) => Want::AntType,
            (_, crate::Dialect::Hessian2) => Want::Type,
        };
        Ok(Item::Next(next))
    }

    /// A string that is a value and not [`short`].
    fn text(&mut self, bytes: &[u8], at: usize, tag: u8, class: u8) -> Result<Item, Error> {
        if class == Tag::STRING {
            self.body = Body { is: Piece::Text, left: tag.into(), last: true };
            return self.body(bytes, at.wrapping_add(1));
        }
        match self.piece(bytes, at, Piece::Text)? {
            Item::Next(next) => self.body(bytes, next),
            item => Ok(item),
        }
    }

    /// A container begins at `at`.
    #[inline]
    fn count(&mut self, at: usize) -> Result<(), Error> {
        if self.stack.len() >= self.limits.depth {
            return Err(Error::limit("depth", "too many containers in one another", at));
        }
        if self.references >= self.limits.references as u64 {
            return Err(Error::limit("references", "too many lists, maps and objects", at));
        }
        self.references = self.references.wrapping_add(1);
        Ok(())
    }

    /// What the container that was counted last holds stands at `at`.
    #[inline]
    fn open(&mut self, left: u32, shape: Shape, at: usize) -> Item {
        if self.top.shape == Shape::Header {
            return Item::Done(at);
        }
        if left == 0 && shape == Shape::Fixed {
            return self.ended(at);
        }
        self.stack.push(self.top);
        self.top = Frame { left, shape };
        self.want = if left == 0 && shape == Shape::Closed { Want::End } else { Want::Value };
        Item::Next(at)
    }

    /// A value has ended before `at`, and with it, it may be, what lies around it.
    #[inline]
    fn ended(&mut self, at: usize) -> Item {
        loop {
            self.top.left = self.top.left.wrapping_sub(1);
            self.want = Want::Value;
            match (self.top.left, self.top.shape) {
                (0, Shape::Top | Shape::Header) => return Item::Done(at),
                (0, Shape::Fixed) => self.top = self.stack.pop(),
                (0, Shape::Closed) => {
                    self.want = Want::End;
                    return Item::Next(at);
                }
                _ => return Item::Next(at),
            }
        }
    }

    /// An end stands at `at`.
    fn end(&mut self, at: usize) -> Result<Item, Error> {
        match (self.want, self.top.shape) {
            (Want::End, _) | (_, Shape::Open) => {}
            (_, Shape::Map) if self.top.left & 1 == 0 => {}
            (_, Shape::Map) => return Err(Error::new("end", "a map ends between a key and its value", at)),
            _ => return Err(Error::new("end", "a value must stand here", at)),
        }
        self.top = self.stack.pop();
        Ok(self.ended(at.wrapping_add(1)))
    }

    /// A class definition begins at `at`.
    fn class(&mut self, at: usize) -> Result<Item, Error> {
        if self.classes.len() >= self.limits.classes {
            return Err(Error::limit("classes", "too many classes are defined", at));
        }
        self.want = match self.dialect {
            crate::Dialect::Hessian2 => Want::ClassName,
            crate::Dialect::Ant3 => Want::ClassNameLength,
        };
        Ok(Item::Next(at.wrapping_add(1)))
    }

    /// The class under way is defined.
    fn define(&mut self, at: usize) -> Item {
        self.classes.push(self.class);
        if self.top.shape == Shape::Header {
            return Item::Done(at);
        }
        self.want = Want::Behind;
        Item::Next(at)
    }

    /// An instance of class `n`, whose number stands at `at`.
    #[inline]
    fn instance(&mut self, n: u32, at: usize, next: usize) -> Result<Item, Error> {
        let Some(class) = self.classes.get(n as usize) else {
            return Err(Error::new("class", "no class of this number is defined", at));
        };
        self.refers = true;
        self.class = class;
        Ok(self.open(class.fields, Shape::Fixed, next))
    }

    /// A reference to container `n`, which stands at `at`.
    fn reference(&mut self, n: i64, at: usize, next: usize) -> Result<Item, Error> {
        if u64::try_from(n).is_ok_and(|n| n < self.references) {
            self.refers = true;
            Ok(self.ended(next))
        } else {
            Err(Error::new("reference", "no list, map or object of this number has begun", at))
        }
    }

    /// A reference by a number of `N` bytes, Ant's.
    fn short_reference<const N: usize>(&mut self, bytes: &[u8], at: usize) -> Result<Item, Error> {
        let begin = at.wrapping_add(1);
        match bytes.get(begin..).and_then(<[u8]>::first_chunk::<N>) {
            Some(number) => {
                let n = number.iter().fold(0u32, |n, byte| n << 8 | u32::from(*byte));
                // Four bytes are a signed number.
                let n = if N == 4 { i64::from(n.cast_signed()) } else { n.into() };
                self.reference(n, begin, begin.wrapping_add(N))
            }
            None => Ok(Item::Cut { at, need: N.wrapping_add(1) }),
        }
    }

    /// The tag of a piece, which must stand at `at`.
    fn piece(&mut self, bytes: &[u8], at: usize, is: Piece) -> Result<Item, Error> {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some((&tag, tail)) = rest.split_first() else { return Ok(Item::Cut { at, need: 1 }) };
        let class = self.dialect.tag(tag);
        let (left, len) = match (is, class) {
            (Piece::Text, Tag::STRING) => (u16::from(tag), 1),
            (Piece::Bytes, Tag::BINARY) => (u16::from(tag & 0x0f), 1),
            (Piece::Text, Tag::STRING_10) | (Piece::Bytes, Tag::BINARY_10) => match tail.first() {
                Some(low) => (u16::from_be_bytes([tag & 0x03, *low]), 2),
                None => return Ok(Item::Cut { at, need: 2 }),
            },
            (Piece::Text, Tag::STRING_16 | Tag::STRING_PIECE) | (Piece::Bytes, Tag::BINARY_16 | Tag::BINARY_PIECE) => {
                match tail.first_chunk() {
                    Some(len) => (u16::from_be_bytes(*len), 3),
                    None => return Ok(Item::Cut { at, need: 3 }),
                }
            }
            (Piece::Bytes, _) => return Err(Error::new("binary", "another piece of bytes must stand here", at)),
            _ => return Err(Error::new("string", "a string must stand here", at)),
        };
        let last = !matches!(class, Tag::STRING_PIECE | Tag::BINARY_PIECE);
        self.body = Body { is, left: left.into(), last };
        Ok(Item::Next(at.wrapping_add(len)))
    }

    /// What is left of a string or of bytes.
    fn body(&mut self, bytes: &[u8], mut at: usize) -> Result<Item, Error> {
        loop {
            if self.body.left > 0 {
                let need = if self.body.is == Piece::Text {
                    let walk = utf8::walk(bytes, at, self.body.left)?;
                    (at, self.body.left) = (walk.at, walk.left);
                    walk.char.max(1).into()
                } else {
                    let there = bytes.len().saturating_sub(at).min(self.body.left as usize);
                    at = at.wrapping_add(there);
                    // At most what was left.
                    self.body.left = self.body.left.wrapping_sub(there as u32);
                    1
                };
                if self.body.left > 0 {
                    return Ok(Item::Cut { at, need });
                }
            }
            if self.body.last {
                break;
            }
            match self.piece(bytes, at, self.body.is)? {
                Item::Next(next) => at = next,
                item => return Ok(item),
            }
        }
        self.body = Body::NONE;
        Ok(match self.want {
            Want::Type => {
                self.types = self.types.wrapping_add(1);
                self.typed(at)
            }
            Want::ClassName => {
                self.want = Want::Fields;
                Item::Next(at)
            }
            Want::Name => {
                self.names = self.names.wrapping_sub(1);
                if self.names == 0 { self.define(at) } else { Item::Next(at) }
            }
            _ => self.ended(at),
        })
    }

    /// The type of a container is behind, or there is none.
    fn typed(&mut self, at: usize) -> Item {
        match self.opening {
            Opening::Map => return self.open(0, Shape::Map, at),
            Opening::Values(n) => return self.open(n, Shape::Fixed, at),
            Opening::Open => return self.open(0, Shape::Open, at),
            Opening::Counted => self.want = Want::Length,
            Opening::Closed => self.want = Want::AntLength,
            Opening::Remote => self.want = Want::Address,
        }
        Item::Next(at)
    }

    /// The container's type has a number, which stands at `at`.
    fn type_number(&mut self, n: i32, at: usize, next: usize) -> Result<Item, Error> {
        if !u64::try_from(n).is_ok_and(|n| n < self.types) {
            return Err(Error::new("type", "no type of this number was spelled", at));
        }
        self.refers = true;
        Ok(self.typed(next))
    }

    /// Anything but a value.
    fn item(&mut self, bytes: &[u8], at: usize, base: u64) -> Result<Item, Error> {
        let Some(&tag) = bytes.get(at) else { return Ok(Item::Cut { at, need: 1 }) };
        let next = |len: usize| at.wrapping_add(len);
        let cut = |need| Ok(Item::Cut { at, need });
        match self.want {
            Want::Value => Ok(Item::Next(at)),
            Want::Behind if self.dialect.tag(tag) == Tag::END => {
                Err(Error::new("end", "a value must stand behind a class definition", at))
            }
            Want::Behind => {
                self.want = Want::Value;
                Ok(Item::Next(at))
            }
            Want::End if self.dialect.tag(tag) == Tag::END => self.end(at),
            Want::End => Err(Error::new("end", "all values of the list are there, and it must end", at)),
            Want::Type => match self.dialect.tag(tag) {
                Tag::STRING | Tag::STRING_10 | Tag::STRING_16 | Tag::STRING_PIECE => self.piece(bytes, at, Piece::Text),
                _ => match number::int(bytes, at)? {
                    Read::Done((n, len)) => self.type_number(n, at, next(len)),
                    Read::Need(need) => cut(need),
                },
            },
            Want::AntType => match tag {
                b't' => match bytes.get(next(1)..).and_then(<[u8]>::first_chunk) {
                    Some(len) => {
                        self.want = Want::Type;
                        self.body = Body { is: Piece::Text, left: u16::from_be_bytes(*len).into(), last: true };
                        Ok(Item::Next(next(3)))
                    }
                    None => cut(3),
                },
                b'T' | b'u' => {
                    self.want = Want::TypeNumber;
                    Ok(Item::Next(next(1)))
                }
                _ => Ok(self.typed(at)),
            },
            Want::TypeNumber => match number::int(bytes, at)? {
                Read::Done((n, len)) => self.type_number(n, at, next(len)),
                Read::Need(need) => cut(need),
            },
            Want::Length => match number::length(bytes, at)? {
                Read::Done((n, len)) => Ok(self.open(n, Shape::Fixed, next(len))),
                Read::Need(need) => cut(need),
            },
            Want::AntLength => self.ant_length(bytes, at, tag),
            Want::ClassNumber => match number::int(bytes, at)? {
                // A negative number is beyond every class.
                Read::Done((n, len)) => self.instance(n.cast_unsigned(), at, next(len)),
                Read::Need(need) => cut(need),
            },
            Want::Reference => match number::int(bytes, at)? {
                Read::Done((n, len)) => self.reference(n.into(), at, next(len)),
                Read::Need(need) => cut(need),
            },
            Want::ClassName => {
                self.class.at = place(base, at);
                self.piece(bytes, at, Piece::Text)
            }
            Want::ClassNameLength => match number::length(bytes, at)? {
                Read::Done((left, len)) => {
                    self.class.at = place(base, at);
                    self.want = Want::ClassName;
                    self.body = Body { is: Piece::Text, left, last: true };
                    Ok(Item::Next(next(len)))
                }
                Read::Need(need) => cut(need),
            },
            Want::Fields => match number::length(bytes, at)? {
                Read::Done((n, _)) if n as usize > self.limits.fields => {
                    Err(Error::limit("fields", "a class has too many fields", at))
                }
                Read::Done((n, len)) => {
                    (self.class.fields, self.names) = (n, n);
                    if n == 0 {
                        return Ok(self.define(next(len)));
                    }
                    self.want = Want::Name;
                    Ok(Item::Next(next(len)))
                }
                Read::Need(need) => cut(need),
            },
            Want::Name => self.field_names(bytes, at),
            Want::Address => self.piece(bytes, at, Piece::Text),
        }
    }

    /// The names of a class's fields: at once those that are [`short`], as nearly all are.
    fn field_names(&mut self, bytes: &[u8], mut at: usize) -> Result<Item, Error> {
        let table = self.table;
        while let Some(&tag) = bytes.get(at) {
            let class = table.get(usize::from(tag)).copied().unwrap_or(Tag::NONE);
            let Some(end) = short(bytes, at, tag, class) else { break };
            at = end;
            self.names = self.names.wrapping_sub(1);
            if self.names == 0 {
                return Ok(self.define(at));
            }
        }
        self.piece(bytes, at, Piece::Text)
    }

    /// The length of a list of Ant's, if there is one.
    fn ant_length(&mut self, bytes: &[u8], at: usize, tag: u8) -> Result<Item, Error> {
        let tail = bytes.get(at.wrapping_add(1)..).unwrap_or_default();
        match tag {
            b'n' => Ok(match tail.first() {
                Some(n) => self.open(u32::from(*n), Shape::Closed, at.wrapping_add(2)),
                None => Item::Cut { at, need: 2 },
            }),
            b'l' => match tail.first_chunk() {
                Some(n) => match u32::try_from(i32::from_be_bytes(*n)) {
                    Ok(n) => Ok(self.open(n, Shape::Closed, at.wrapping_add(5))),
                    Err(_) => Err(Error::new("length", "a length cannot be negative", at)),
                },
                None => Ok(Item::Cut { at, need: 5 }),
            },
            _ => Ok(self.open(0, Shape::Open, at)),
        }
    }
}

/// Where in the message something lies, if that can be told in 32 bits.
fn place(base: u64, at: usize) -> u32 {
    u32::try_from(base.saturating_add(at as u64)).unwrap_or(Class::FAR)
}

/// Whether the next eight values are ints of one byte.
#[inline(always)]
fn are_small_ints(bytes: &[u8], at: usize) -> bool {
    let eight = bytes.get(at..).and_then(<[u8]>::first_chunk);
    eight.is_some_and(|eight| {
        u64::from_ne_bytes(*eight) & u64::from_ne_bytes([0xc0; 8]) == u64::from_ne_bytes([0x80; 8])
    })
}

/// Where a string of up to 31 units ends that is all there and in ASCII.
#[inline(always)]
fn short(bytes: &[u8], at: usize, tag: u8, class: u8) -> Option<usize> {
    if class != Tag::STRING {
        return None;
    }
    let begin = at.wrapping_add(1);
    let end = begin.wrapping_add(tag.into());
    let text = bytes.get(begin..end)?;
    is_short_ascii(text).then_some(end)
}

/// Whether up to 31 bytes are ASCII: words that lie over each other instead of bytes one by one.
#[inline(always)]
fn is_short_ascii(text: &[u8]) -> bool {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = |word: &[u8; 8]| u64::from_ne_bytes(*word);
    match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => {
            let mut seen = word(first) | word(last);
            if let Some((_, middle)) = text.split_first_chunk::<8>()
                && let Some((second, _)) = middle.split_first_chunk::<8>()
                && let Some((third, _)) = text.last_chunk::<16>().and_then(|last| last.split_first_chunk::<8>())
            {
                seen |= word(second) | word(third);
            }
            seen & HIGH == 0
        }
        _ => match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
            (Some(first), Some(last)) => (u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last)) & 0x8080_8080 == 0,
            _ => text.iter().fold(0, |seen, byte| seen | byte) < 0x80,
        },
    }
}
