//! The buffer in which a block's fields lie one behind the other.

use bytes::{Bytes, BytesMut};
use meshwire::{Limit, Limits};

use super::field::Field;
use super::known::Known;
use super::record::{HEADER, Header, NAME_OK, NEVER_INDEXED, PAD, VALUE_OK};

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
    /// No limits at all.
    pub(crate) const NONE: Self = Self {
        list: usize::MAX,
        field: usize::MAX,
        fields: usize::MAX,
        cookie_crumbs: usize::MAX,
        cookie_bytes: usize::MAX,
    };

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
    /// Its length is what was made ready, with zeros if with nothing else, so that a field can be put together in place.
    buf: BytesMut,
    /// Where the next field begins.
    at: usize,
    limits: ListLimits,
    size: usize,
    fields: usize,
    crumbs: usize,
    cookie_bytes: usize,
    over: Option<Limit>,
}

/// Memory that the fields of many blocks share, so that few allocations are made.
const BLOCK: usize = 8 * 1024;

/// How much of it is made ready at a time.
const STEP: usize = 1024;

impl FieldList {
    /// An empty list, which holds no memory.
    pub fn new(limits: ListLimits) -> Self {
        Self { buf: BytesMut::new(), at: 0, limits, size: 0, fields: 0, crumbs: 0, cookie_bytes: 0, over: None }
    }

    /// Puts a field behind the others, unless that passes a limit; the first limit that is passed stays.
    pub fn push(&mut self, field: &Field<'_>) {
        let flags = u8::from(field.never_indexed).wrapping_mul(NEVER_INDEXED)
            | u8::from(field.name_ok).wrapping_mul(NAME_OK)
            | u8::from(field.value_ok).wrapping_mul(VALUE_OK);
        let (name, value) = (field.name.len(), field.value.len());
        let header = Header { known: field.known.number(), flags, name, value };
        if !self.admit(header) {
            return;
        }
        let room = self.room(0, HEADER.saturating_add(name).saturating_add(value));
        let (front, rest) = room.split_at_mut(HEADER.min(room.len()));
        front.copy_from_slice(&header.to_bytes());
        let (to_name, rest) = rest.split_at_mut(name);
        to_name.copy_from_slice(field.name);
        let (to_value, _) = rest.split_at_mut(value);
        to_value.copy_from_slice(field.value);
        self.keep(header);
    }

    /// Puts record after record behind the others, what `next` gives for how many came before; up to the first that is
    /// long, is a cookie, passes a limit or has no room left. How many it took.
    #[inline(always)]
    pub(crate) fn extend<'r>(&mut self, next: impl Fn(usize) -> Option<&'r [u8; PAD]>) -> usize {
        const SHORT: usize = PAD - HEADER;
        let limits = &self.limits;
        let most = if self.over.is_none() { limits.fields.saturating_sub(self.fields) } else { 0 };
        let (longest, mut left) = (SHORT.min(limits.field), limits.list.saturating_sub(self.size));
        let mut room = self.buf.get_mut(self.at..).unwrap_or_default();
        let (before, mut n) = (room.len(), 0_usize);
        let all = left;
        while n < most {
            let Some(record) = next(n) else { break };
            let Some(header) = Header::of(record) else { break };
            let bare = header.name.wrapping_add(header.value);
            let Some(rest) = left.checked_sub(bare.wrapping_add(32)) else { break };
            if (bare > longest) | (header.known == Known::COOKIE.number()) {
                break;
            }
            let Some(to) = room.first_chunk_mut::<PAD>() else { break };
            *to = *record;
            room = room.split_at_mut(HEADER.wrapping_add(bare).min(PAD)).1;
            left = rest;
            n = n.wrapping_add(1);
        }
        self.at = self.at.wrapping_add(before.wrapping_sub(room.len()));
        self.size = self.size.wrapping_add(all.wrapping_sub(left));
        self.fields = self.fields.wrapping_add(n);
        n
    }

    /// Counts a field. Whether it is to be kept.
    #[inline]
    pub(crate) fn admit(&mut self, header: Header) -> bool {
        let bare = header.name.saturating_add(header.value);
        let size = self.size.saturating_add(bare).saturating_add(32);
        let limits = &self.limits;
        let well = self.over.is_none()
            & (size <= limits.list)
            & (bare <= limits.field)
            & (header.name <= usize::from(u16::MAX))
            & (self.fields < limits.fields)
            & (header.known != Known::COOKIE.number());
        self.size = size;
        if well {
            self.fields = self.fields.wrapping_add(1);
            return true;
        }
        self.admit_cold(header, bare)
    }

    #[cold]
    fn admit_cold(&mut self, header: Header, bare: usize) -> bool {
        let limits = &self.limits;
        let over = if self.size > limits.list {
            Some(Limit::Head)
        } else if bare > limits.field || header.name > usize::from(u16::MAX) {
            Some(Limit::Field)
        } else if header.known == Known::COOKIE.number() {
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
        self.over = self.over.or(over);
        self.over.is_none()
    }

    /// Where the next field is put together: `n` bytes or more, the first `done` of which are what they were.
    #[inline]
    pub(crate) fn room(&mut self, done: usize, n: usize) -> &mut [u8] {
        if self.buf.len().saturating_sub(self.at) < n {
            self.grow(done, n);
        }
        self.buf.get_mut(self.at..).unwrap_or_default()
    }

    #[cold]
    fn grow(&mut self, done: usize, n: usize) {
        let wanted = self.at.saturating_add(n);
        if self.buf.capacity() < wanted {
            let used = self.at.saturating_add(done);
            self.buf.truncate(used);
            // No more than a block together with what is there, or a block that came back would be too small.
            self.buf.reserve(n.saturating_sub(done).max(BLOCK.saturating_sub(used)));
        }
        // A little at a time: what is written soon is in the cache then.
        self.buf.resize(wanted.saturating_add(STEP).min(self.buf.capacity()), 0);
    }

    /// Keeps what was put together.
    #[inline]
    pub(crate) fn keep(&mut self, header: Header) {
        self.at = self.at.wrapping_add(HEADER).wrapping_add(header.name).wrapping_add(header.value);
    }

    /// The longest name and value together that could still be kept; `None` where nothing is kept any more.
    #[inline]
    pub(crate) const fn longest(&self) -> Option<usize> {
        if self.over.is_some() { None } else { Some(self.limits.field) }
    }

    /// More than four times the limit.
    #[inline]
    pub(crate) const fn is_absurd(&self) -> bool {
        self.size > self.limits.list.saturating_mul(4)
    }

    /// The limit that was passed first, if one was.
    pub const fn over(&self) -> Option<Limit> {
        self.over
    }

    /// What all fields come to so far, those that were not kept included (RFC 9113, section 6.5.2). Strings that were
    /// skipped count as long as their code is.
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Whether no field is in it.
    pub const fn is_empty(&self) -> bool {
        self.at == 0
    }

    /// The fields so far.
    pub fn fields(&self) -> Fields<'_> {
        Fields::new(self.buf.get(..self.at).unwrap_or_default())
    }

    /// Takes the fields out, to be read with [`Fields`], and begins anew.
    pub fn take(&mut self) -> Bytes {
        let at = self.at;
        self.clear();
        self.buf.split_to(at.min(self.buf.len())).freeze()
    }

    /// Throws the fields away and begins anew.
    pub const fn clear(&mut self) {
        (self.at, self.size, self.fields, self.crumbs, self.cookie_bytes, self.over) = (0, 0, 0, 0, 0, None);
    }

    /// Whether it holds no more memory than most blocks need.
    pub(crate) fn is_small(&self) -> bool {
        self.buf.capacity() <= BLOCK
    }

    /// Gives memory back.
    pub fn trim(&mut self) {
        if self.at == 0 {
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
        let (&header, rest) = rest.split_first_chunk::<HEADER>()?;
        let header = Header::from_bytes(header);
        let (name, rest) = rest.split_at_checked(header.name)?;
        let value = rest.get(..header.value)?;
        self.at = self.at.saturating_add(HEADER).saturating_add(header.name).saturating_add(header.value);
        Some(Field {
            name,
            value,
            known: Known::from_number(header.known),
            never_indexed: header.flags & NEVER_INDEXED != 0,
            name_ok: header.flags & NAME_OK != 0,
            value_ok: header.flags & VALUE_OK != 0,
        })
    }
}
