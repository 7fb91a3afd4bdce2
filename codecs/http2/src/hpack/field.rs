//! Fields, and the buffer in which a block's fields lie one behind the other.

use bytes::{BufMut, Bytes, BytesMut};
use meshwire::{Limit, Limits};

use super::known::Known;

/// One field of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field<'a> {
    /// The name, pseudo-fields with their colon.
    pub name: &'a [u8],
    /// The value.
    pub value: &'a [u8],
    /// The name by number, where it has one.
    pub known: Known,
    /// The sender asks that no hop ever puts it into a table (RFC 7541, section 6.2.3).
    pub never_indexed: bool,
    /// The name is what RFC 9113, section 8.2.1 allows: a token without upper-case letters, or a pseudo-field's.
    pub name_ok: bool,
    /// The value is what RFC 9113, section 8.2.1 allows: no NUL, CR or LF, no white space around it.
    pub value_ok: bool,
}

const NEVER_INDEXED: u8 = 1;
const NAME_OK: u8 = 2;
const VALUE_OK: u8 = 4;

/// What stands in front of each name: its number, flags, the length of the name and of the value.
const RECORD: usize = 8;

impl<'a> Field<'a> {
    /// A field of which everything is found out by looking.
    pub fn new(name: &'a [u8], value: &'a [u8]) -> Self {
        Self {
            name,
            value,
            known: Known::of(name),
            never_indexed: false,
            name_ok: is_name(name),
            value_ok: is_value(value),
        }
    }

    /// The same field, never to be put into a table.
    #[must_use]
    pub const fn never_indexed(mut self, yes: bool) -> Self {
        self.never_indexed = yes;
        self
    }

    /// What RFC 7541, section 4.1 counts: name, value, and 32.
    pub const fn size(&self) -> usize {
        self.name.len().saturating_add(self.value.len()).saturating_add(32)
    }
}

/// Whether `name` may stand in a block (RFC 9113, section 8.2.1).
pub(crate) fn is_name(name: &[u8]) -> bool {
    let bare = name.strip_prefix(b":").unwrap_or(name);
    !bare.is_empty()
        && bare.iter().all(|b| {
            matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        })
}

/// Whether `value` may stand in a block (RFC 9113, section 8.2.1).
pub(crate) fn is_value(value: &[u8]) -> bool {
    let white = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
    memchr::memchr3(0, b'\r', b'\n', value).is_none() && !white(value.first()) && !white(value.last())
}

/// How much a block may hold. What is past it is decoded, for the tables, and not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct ListLimits {
    /// Bytes of all fields, names and values and 32 for each (RFC 9113, section 6.5.2).
    pub list: usize,
    /// Bytes of one field, name and value.
    pub field: usize,
    /// Fields, cookies apart.
    pub fields: usize,
    /// Cookie fields.
    pub cookie_crumbs: usize,
    /// Bytes of all cookie fields, names and values.
    pub cookie_bytes: usize,
}

impl ListLimits {
    /// Those of a connection.
    pub const fn of(limits: &Limits) -> Self {
        Self {
            list: limits.head,
            field: limits.field,
            fields: limits.fields,
            cookie_crumbs: limits.cookie_crumbs,
            cookie_bytes: limits.cookie_bytes,
        }
    }
}

/// Fields one behind the other in one buffer, each with what is known of it.
#[derive(Debug)]
pub struct FieldList {
    buf: BytesMut,
    limits: ListLimits,
    size: usize,
    fields: usize,
    crumbs: usize,
    cookie_bytes: usize,
    over: Option<Limit>,
}

/// Memory that the fields of many blocks share, so that few allocations are made.
const BLOCK: usize = 8 * 1024;

impl FieldList {
    /// An empty list, which holds no memory.
    pub fn new(limits: ListLimits) -> Self {
        Self { buf: BytesMut::new(), limits, size: 0, fields: 0, crumbs: 0, cookie_bytes: 0, over: None }
    }

    /// Puts a field behind the others, unless that passes a limit; the first limit that is passed stays.
    pub fn push(&mut self, field: &Field<'_>) {
        self.size = self.size.saturating_add(field.size());
        let bare = field.name.len().saturating_add(field.value.len());
        let limits = &self.limits;
        let over = if self.size > limits.list {
            Some(Limit::Head)
        } else if bare > limits.field || field.name.len() > usize::from(u16::MAX) {
            Some(Limit::Field)
        } else if field.known == Known::COOKIE {
            self.crumbs = self.crumbs.saturating_add(1);
            self.cookie_bytes = self.cookie_bytes.saturating_add(bare);
            if self.crumbs > limits.cookie_crumbs {
                Some(Limit::CookieCrumbs)
            } else {
                (self.cookie_bytes > limits.cookie_bytes).then_some(Limit::CookieBytes)
            }
        } else {
            self.fields = self.fields.saturating_add(1);
            (self.fields > limits.fields).then_some(Limit::Fields)
        };
        if over.is_some() || self.over.is_some() {
            self.over = self.over.or(over);
            return;
        }
        let need = bare.saturating_add(RECORD);
        if self.buf.capacity().saturating_sub(self.buf.len()) < need {
            self.buf.reserve(need.max(BLOCK));
        }
        let flags = u8::from(field.never_indexed) * NEVER_INDEXED
            | u8::from(field.name_ok) * NAME_OK
            | u8::from(field.value_ok) * VALUE_OK;
        self.buf.put_slice(&[field.known.number(), flags]);
        self.buf.put_u16_le(field.name.len() as u16);
        self.buf.put_u32_le(field.value.len() as u32);
        self.buf.put_slice(field.name);
        self.buf.put_slice(field.value);
    }

    /// The limit that was passed first, if one was.
    pub const fn over(&self) -> Option<Limit> {
        self.over
    }

    /// What all fields come to so far, those that were not kept included (RFC 9113, section 6.5.2).
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Takes the fields out, to be read with [`Fields`], and begins anew.
    pub fn take(&mut self) -> Bytes {
        (self.size, self.fields, self.crumbs, self.cookie_bytes, self.over) = (0, 0, 0, 0, None);
        self.buf.split().freeze()
    }

    /// Gives memory back.
    pub fn trim(&mut self) {
        if self.buf.is_empty() {
            self.buf = BytesMut::new();
        }
    }
}

/// The fields of a list, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    /// Those in `bytes`, which a [`FieldList`] made.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Those from `at` on, which an earlier [`position`](Self::position) gave.
    pub const fn from(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// Where the next field begins.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// Where in `bytes` the value of the field that came last lies: its value ends where the next one begins.
    pub const fn value_span(&self, field: &Field<'_>) -> std::ops::Range<usize> {
        self.at.saturating_sub(field.value.len())..self.at
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let rest = self.bytes.get(self.at..)?;
        let (&[known, flags, a, b, c, d, e, f], rest) = rest.split_first_chunk::<RECORD>()?;
        let name_len = usize::from(u16::from_le_bytes([a, b]));
        let value_len = u32::from_le_bytes([c, d, e, f]) as usize;
        let (name, rest) = rest.split_at_checked(name_len)?;
        let value = rest.get(..value_len)?;
        self.at = self.at.saturating_add(RECORD).saturating_add(name_len).saturating_add(value_len);
        Some(Field {
            name,
            value,
            known: Known::from_number(known),
            never_indexed: flags & NEVER_INDEXED != 0,
            name_ok: flags & NAME_OK != 0,
            value_ok: flags & VALUE_OK != 0,
        })
    }
}
