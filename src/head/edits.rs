//! Edits of a head, and attributes that do not lie in one piece on the wire.

use super::text::{Span, Text};
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

/// All of them together; a head without edits holds a null pointer instead.
#[derive(Clone, Default)]
pub(super) struct Edits {
    text: Text,
    attributes: [Span; Attribute::COUNT],
    /// Which of those there are, and which of these are edits.
    owned: u8,
    edited: u8,
    /// Most heads that are edited have one edit, which needs no memory of its own.
    first: Option<Edit>,
    more: Vec<Edit>,
    /// See [`Head::set_aside`](super::Head::set_aside).
    pub(super) aside: Box<[u8]>,
}

const _: () = assert!(Attribute::COUNT <= 8, "a bit for each attribute");

#[derive(Clone, Copy)]
struct Edit {
    name: Span,
    value: Span,
    action: Action,
}

/// What is done with the fields of a name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Set,
    Add,
    Remove,
}

impl Edits {
    /// `None`, and nothing has changed, where the edits of one head would come to more than 4 GiB.
    pub(super) fn put_attribute(&mut self, attribute: Attribute, value: &[u8]) -> Option<()> {
        *self.attributes.get_mut(attribute as usize)? = self.text.put(value)?;
        self.owned |= 1 << attribute as u8;
        Some(())
    }

    pub(super) fn attribute(&self, attribute: Attribute) -> Option<&[u8]> {
        let span = self.attributes.get(attribute as usize).filter(|_| self.owned & (1 << attribute as u8) != 0)?;
        Some(self.text.get(*span))
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

    /// `None`, and no edit is made, where the edits of one head would come to more than 4 GiB.
    pub(super) fn put_field(&mut self, name: &[u8], value: &[u8], action: Action) -> Option<()> {
        let edit = Edit { name: self.text.put(name)?, value: self.text.put(value)?, action };
        if action != Action::Add {
            self.forget(name);
        }
        match self.first {
            None => self.first = Some(edit),
            Some(_) => self.more.push(edit),
        }
        Some(())
    }

    /// What was to be done with the fields of a name is no more.
    fn forget(&mut self, name: &[u8]) {
        let text = &self.text;
        let is_other = |edit: &Edit| !text.get(edit.name).eq_ignore_ascii_case(name);
        self.more.retain(is_other);
        if self.first.as_ref().is_some_and(|first| !is_other(first)) {
            self.first = if self.more.is_empty() { None } else { Some(self.more.remove(0)) };
        }
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = FieldEdit<'_>> {
        self.first.iter().chain(&self.more).map(|edit| {
            let (name, value) = (self.text.get(edit.name), self.text.get(edit.value));
            match edit.action {
                Action::Set => FieldEdit::Set(name, value),
                Action::Add => FieldEdit::Add(name, value),
                Action::Remove => FieldEdit::Remove(name),
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
