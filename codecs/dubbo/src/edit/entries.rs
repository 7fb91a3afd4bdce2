//! Attachments that are set, added or removed.

use meshwire::{Attribute, FieldEdit, Head};
use meshwire_hessian::{Dialect, put};

/// What is to be done to the attachments, in the order in which it was asked for.
pub(super) struct Edits<'h> {
    few: [FieldEdit<'h>; 4],
    len: usize,
    /// All of them, where they are more.
    many: Vec<FieldEdit<'h>>,
}

impl<'h> Edits<'h> {
    pub(super) fn of(head: &'h Head) -> Self {
        let mut edits = Self { few: [FieldEdit::Remove(b""); 4], len: 0, many: Vec::new() };
        // A group is an attachment that servers know by its exact name.
        let group = head.edited(Attribute::Group).map(|group| FieldEdit::Add(b"group", group));
        for edit in head.field_edits().chain(group) {
            match edits.few.get_mut(edits.len) {
                Some(slot) if edits.many.is_empty() => {
                    *slot = edit;
                    edits.len = edits.len.wrapping_add(1);
                }
                _ => {
                    if edits.many.is_empty() {
                        edits.many.extend(edits.few);
                    }
                    edits.many.push(edit);
                }
            }
        }
        edits
    }

    pub(super) fn all(&self) -> &[FieldEdit<'h>] {
        if self.many.is_empty() { self.few.get(..self.len).unwrap_or_default() } else { &self.many }
    }
}

/// Appends the entries that are set or added, if they are `wanted`. Of several of one name the last counts.
pub(super) fn put_entries(edits: &[FieldEdit<'_>], wanted: impl Fn(usize) -> bool, out: &mut Vec<u8>) {
    for (n, edit) in edits.iter().enumerate() {
        let (FieldEdit::Set(name, value) | FieldEdit::Add(name, value)) = edit else { continue };
        let mut later = edits.iter().skip(n.saturating_add(1));
        let is_last = !later.any(|later| matches!(later, FieldEdit::Add(known, _) if known == name));
        if is_last && wanted(n) {
            put_entry(name, value, out);
        }
    }
}

#[inline]
pub(super) fn put_entry(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    put_string(name, out);
    put_string(value, out);
}

pub(super) fn put_string(text: &[u8], out: &mut Vec<u8>) {
    if !put::ascii(out, Dialect::Hessian2, text) {
        // Looked at when the edit was made.
        put::string(out, Dialect::Hessian2, std::str::from_utf8(text).unwrap_or_default());
    }
}
