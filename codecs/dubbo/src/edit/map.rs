//! A map of attachments, written anew.

use meshwire::FieldEdit;
use meshwire_hessian::{Dialect, put};

use super::New;
use super::entries::{put_entries, put_entry};
use crate::attachments::Entry;
use crate::hessian;

/// A map of attachments that is written anew from the first entry on that goes.
pub(super) struct NewMap<'a, 'e> {
    new: New<'a, 'e>,
    /// Which of the first 64 edits have been made.
    placed: u64,
    out: &'a mut Vec<u8>,
    /// From here on the old bytes in front of the first new one are copied; past all of them where they stay where they are.
    copied: usize,
    /// Where the first entry stood that goes.
    from: Option<usize>,
    /// What goes are not strings and numbers alone.
    drops_containers: bool,
}

impl<'a, 'e> NewMap<'a, 'e> {
    /// A map that goes to `out`, behind the old bytes from `copied` on.
    pub(super) const fn new(new: New<'a, 'e>, out: &'a mut Vec<u8>, copied: usize) -> Self {
        Self { new, placed: 0, out, copied, from: None, drops_containers: false }
    }

    /// Whether something went that is not strings and numbers alone.
    pub(super) const fn drops_containers(&self) -> bool {
        self.drops_containers
    }

    /// Takes the next entry of the old map. A set entry stands where its first namesake stood.
    #[inline]
    pub(super) fn entry(&mut self, bytes: &[u8], entry: &Entry<'_>) {
        let Some(name) = entry.name.as_deref() else { return self.keep(bytes, entry) };
        if let Some(new) = self.new.renamed.attachment(name) {
            self.begin(bytes, entry.at);
            self.drops_containers |= entry.has_containers;
            put_entry(name, new, self.out);
            return;
        }
        let hit = self.new.edits.iter().enumerate().find(|(_, edit)| match edit {
            FieldEdit::Set(known, _) | FieldEdit::Remove(known) => known.eq_ignore_ascii_case(name),
            // A key stands once in a map: the new one takes its place.
            FieldEdit::Add(known, _) => *known == name,
        });
        let Some((n, edit)) = hit else { return self.keep(bytes, entry) };
        self.begin(bytes, entry.at);
        self.drops_containers |= entry.has_containers;
        let bit = 1u64.checked_shl(n as u32).unwrap_or_default();
        let stays = matches!(edit, FieldEdit::Set(..)) || name == b"group";
        if let FieldEdit::Set(name, value) | FieldEdit::Add(name, value) = edit
            && stays
            && bit & !self.placed != 0
        {
            put_entry(name, value, self.out);
            self.placed |= bit;
        }
    }

    fn keep(&mut self, bytes: &[u8], entry: &Entry<'_>) {
        if self.from.is_some() {
            self.out.extend_from_slice(bytes.get(entry.at..entry.end).unwrap_or_default());
        }
    }

    /// The first new byte stands where the old one at `at` stood.
    fn begin(&mut self, bytes: &[u8], at: usize) {
        if self.from.is_none() {
            self.from = Some(at);
            self.out.extend_from_slice(bytes.get(self.copied..at).unwrap_or_default());
        }
    }

    /// Up to where the old bytes stay. The old map lay in `at..end`.
    pub(super) fn finish(mut self, bytes: &[u8], at: usize, end: usize) -> usize {
        let placed = self.placed;
        let is_new = |n: usize| 1u64.checked_shl(n as u32).unwrap_or_default() & placed == 0;
        let mut new =
            self.new.edits.iter().enumerate().filter(|(n, edit)| !matches!(edit, FieldEdit::Remove(_)) && is_new(*n));
        if self.from.is_none() && new.next().is_none() {
            self.begin(bytes, bytes.len());
            return bytes.len();
        }
        if self.from.is_none() {
            if bytes.get(at).is_some_and(|tag| *tag != hessian::NULL) {
                self.begin(bytes, end.saturating_sub(1));
            } else {
                self.begin(bytes, at);
                put::map_begin(self.out, Dialect::Hessian2);
            }
        }
        put_entries(self.new.edits, is_new, self.out);
        put::map_end(self.out, Dialect::Hessian2);
        // Servers read nothing there; it is not for a proxy to take it away.
        self.out.extend_from_slice(bytes.get(end..).unwrap_or_default());
        self.from.unwrap_or(end)
    }
}
