//! Edits of a map, whatever it is written in.

use meshwire::FieldEdit;

/// What becomes of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate<'e> {
    /// It stays as it is.
    Keep,
    /// It goes.
    Drop,
    /// This name and value stand in its place.
    Replace(&'e [u8], &'e [u8]),
}

/// Edits on their way through a map. Names are told apart without regard to case, as everywhere in edits.
pub(super) struct Plan<'e> {
    edits: Vec<(FieldEdit<'e>, bool)>,
}

impl<'e> Plan<'e> {
    pub(super) fn new(edits: impl Iterator<Item = FieldEdit<'e>>) -> Self {
        Self { edits: edits.map(|edit| (edit, false)).collect() }
    }

    /// What becomes of the next entry, which is called `name`.
    pub(super) fn fate(&mut self, name: &[u8]) -> Fate<'e> {
        let found = self.edits.iter_mut().find(|(edit, _)| match edit {
            FieldEdit::Set(known, _) | FieldEdit::Remove(known) => known.eq_ignore_ascii_case(name),
            // A key stands once in a map: the new one takes its place.
            FieldEdit::Add(known, _) => *known == name,
        });
        match found {
            None => Fate::Keep,
            Some((FieldEdit::Set(name, value), placed)) if !*placed => {
                *placed = true;
                Fate::Replace(name, value)
            }
            Some(_) => Fate::Drop,
        }
    }

    /// What stands behind the last entry.
    pub(super) fn rest(&self) -> impl Iterator<Item = (&'e [u8], &'e [u8])> {
        self.edits.iter().enumerate().filter_map(|(n, (edit, placed))| match edit {
            FieldEdit::Set(name, value) | FieldEdit::Add(name, value) if !placed => {
                // Of several of one name the last counts.
                let mut later = self.edits.iter().skip(n.saturating_add(1));
                let is_last = !later.any(|(later, _)| matches!(later, FieldEdit::Add(known, _) if known == name));
                is_last.then_some((*name, *value))
            }
            FieldEdit::Set(..) | FieldEdit::Add(..) | FieldEdit::Remove(_) => None,
        })
    }
}

/// The entries that edits make of nothing.
pub(crate) fn new_entries<'e>(
    edits: impl Iterator<Item = FieldEdit<'e>>,
) -> impl Iterator<Item = (&'e [u8], &'e [u8])> {
    Plan::new(edits).rest().collect::<Vec<_>>().into_iter()
}

/// A name or value as the string it must be in a map of strings.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(bytes).map_err(|_| "a name or value that is no UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_name_is_replaced_and_the_others_go() {
        let mut plan =
            Plan::new([FieldEdit::Set(b"a", b"1"), FieldEdit::Remove(b"b"), FieldEdit::Add(b"a", b"2")].into_iter());
        assert_eq!(plan.fate(b"c"), Fate::Keep);
        assert_eq!(plan.fate(b"A"), Fate::Replace(b"a", b"1"));
        assert_eq!(plan.fate(b"a"), Fate::Drop);
        assert_eq!(plan.fate(b"B"), Fate::Drop);
        assert_eq!(plan.rest().collect::<Vec<_>>(), [(&b"a"[..], &b"2"[..])]);
    }

    #[test]
    fn what_was_not_there_comes_last() {
        let plan = Plan::new([FieldEdit::Set(b"a", b"1"), FieldEdit::Remove(b"b")].into_iter());
        assert_eq!(plan.rest().collect::<Vec<_>>(), [(&b"a"[..], &b"1"[..])]);
    }
}
