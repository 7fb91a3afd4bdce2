//! Edits of a head, and attributes that do not lie in one piece on the wire.

use std::ops::Range;

use crate::key::Attribute;

/// One edit of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum FieldEdit<'a> {
    /// In place of every field of that name.
    Set(&'a [u8], &'a [u8]),
    /// Behind the others.
    Add(&'a [u8], &'a [u8]),
    /// Without every field of that name.
    Remove(&'a [u8]),
}

/// All of them in one buffer; a head without edits holds a null pointer instead.
#[derive(Clone, Default)]
pub(super) struct Edits {
    buf: Vec<u8>,
    attributes: [Option<Range<usize>>; Attribute::COUNT],
    edited: u8,
    /// Most heads that are edited have one edit, which needs no memory of its own.
    first: Option<Edit>,
    more: Vec<Edit>,
    /// See [`Head::set_aside`](super::Head::set_aside).
    pub(super) aside: Box<[u8]>,
}

#[derive(Clone)]
struct Edit {
    name: Range<usize>,
    value: Option<Range<usize>>,
    add: bool,
}

impl Edits {
    fn put(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.buf.len();
        self.buf.extend_from_slice(bytes);
        start..self.buf.len()
    }

    fn get(&self, range: &Range<usize>) -> &[u8] {
        self.buf.get(range.clone()).unwrap_or_default()
    }

    pub(super) fn put_attribute(&mut self, attribute: Attribute, value: &[u8]) {
        let range = self.put(value);
        if let Some(slot) = self.attributes.get_mut(attribute as usize) {
            *slot = Some(range);
        }
    }

    pub(super) fn attribute(&self, attribute: Attribute) -> Option<&[u8]> {
        self.attributes.get(attribute as usize)?.as_ref().map(|range| self.get(range))
    }

    pub(super) fn mark_edited(&mut self, attribute: Attribute) {
        self.edited |= 1 << attribute as u8;
    }

    pub(super) fn is_edited(&self, attribute: Attribute) -> bool {
        self.edited & (1 << attribute as u8) != 0
    }

    pub(super) fn is_any(&self) -> bool {
        self.edited != 0 || self.first.is_some()
    }

    pub(super) fn put_field(&mut self, name: &[u8], value: Option<&[u8]>, add: bool) {
        if !add {
            let buf = &self.buf;
            let is_other = |edit: &Edit| !buf.get(edit.name.clone()).unwrap_or_default().eq_ignore_ascii_case(name);
            self.more.retain(is_other);
            if self.first.as_ref().is_some_and(|first| !is_other(first)) {
                self.first = if self.more.is_empty() { None } else { Some(self.more.remove(0)) };
            }
        }
        // One allocation for both.
        self.buf.reserve(name.len().saturating_add(value.map_or(0, <[u8]>::len)));
        let edit = Edit { name: self.put(name), value: value.map(|value| self.put(value)), add };
        match self.first {
            None => self.first = Some(edit),
            Some(_) => self.more.push(edit),
        }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = FieldEdit<'_>> {
        self.first.iter().chain(&self.more).map(|edit| {
            let name = self.get(&edit.name);
            match (&edit.value, edit.add) {
                (None, _) => FieldEdit::Remove(name),
                (Some(value), true) => FieldEdit::Add(name, self.get(value)),
                (Some(value), false) => FieldEdit::Set(name, self.get(value)),
            }
        })
    }

    /// The edit that stands in place of the fields called `name`.
    pub(super) fn instead_of(&self, name: &[u8]) -> Option<FieldEdit<'_>> {
        self.fields().find(|edit| match edit {
            FieldEdit::Set(known, _) | FieldEdit::Remove(known) => known.eq_ignore_ascii_case(name),
            FieldEdit::Add(..) => false,
        })
    }
}
