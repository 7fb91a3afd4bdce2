//! The walk over a head's fields.

use super::Head;
use super::edits::{Edits, FieldEdit};

/// Name and value of each field in wire order, edits applied: a set field stands where its first namesake stood, new
/// ones follow behind.
#[derive(Clone)]
pub struct Fields<'a>(Source<'a>);

#[derive(Clone)]
enum Source<'a> {
    Pairs(std::slice::Iter<'a, (&'a [u8], &'a [u8])>),
    Head {
        head: &'a Head,
        cursor: usize,
        edits: Option<Overlay<'a>>,
    },
    #[cfg(feature = "http")]
    Map(super::map::MapFields<'a>),
}

#[derive(Clone)]
struct Overlay<'a> {
    edits: &'a Edits,
    behind: usize,
}

impl<'a> Fields<'a> {
    /// Fields that somebody lists.
    pub fn from_pairs(pairs: &'a [(&'a [u8], &'a [u8])]) -> Self {
        Self(Source::Pairs(pairs.iter()))
    }

    /// Those of a map, without white space around their values.
    ///
    /// Fields of one name come together, in their order: the map has lost how they stood among others, and how their
    /// names were written.
    ///
    /// ```
    /// let mut map = http::HeaderMap::new();
    /// for (name, value) in [("via", "1.1 a"), ("Tenant", "blue"), ("via", "1.1 b")] {
    ///     map.append(http::HeaderName::from_bytes(name.as_bytes())?, value.parse()?);
    /// }
    /// let fields: Vec<_> = meshwire::Fields::from_headers(&map).collect();
    /// assert_eq!(fields, [(&b"via"[..], &b"1.1 a"[..]), (b"via", b"1.1 b"), (b"tenant", b"blue")]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "http")]
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    pub fn from_headers(map: &'a http::HeaderMap) -> Self {
        Self(Source::Map(super::map::MapFields::new(map)))
    }

    pub(super) fn of_head(head: &'a Head, cursor: usize) -> Self {
        let edits = head.edits.as_deref().filter(|edits| edits.is_any());
        Self(Source::Head { head, cursor, edits: edits.map(|edits| Overlay { edits, behind: 0 }) })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Pairs(pairs) => pairs.next().copied(),
            #[cfg(feature = "http")]
            Source::Map(fields) => fields.next(),
            Source::Head { head, cursor, edits } => {
                let head: &'a Head = head;
                loop {
                    let start = *cursor;
                    let Some(field) = (head.format.next_field)(head, &head.bytes, cursor) else {
                        return edits.as_mut()?.next_behind(head);
                    };
                    let Some(overlay) = edits else { return Some(field) };
                    if let Some(field) = overlay.instead_of(head, start, field) {
                        return Some(field);
                    }
                }
            }
        }
    }
}

impl<'a> Overlay<'a> {
    fn instead_of(&self, head: &'a Head, start: usize, field: (&'a [u8], &'a [u8])) -> Option<(&'a [u8], &'a [u8])> {
        match self.edits.instead_of(field.0) {
            None => Some(field),
            Some(FieldEdit::Set(name, value)) if !is_on_wire(head, name, start) => Some((name, value)),
            Some(_) => None,
        }
    }

    /// Set fields that stood in for nothing, and added ones.
    fn next_behind(&mut self, head: &'a Head) -> Option<(&'a [u8], &'a [u8])> {
        loop {
            let edit = self.edits.fields().nth(self.behind)?;
            self.behind = self.behind.saturating_add(1);
            match edit {
                FieldEdit::Add(name, value) => return Some((name, value)),
                FieldEdit::Set(name, value) if !is_on_wire(head, name, usize::MAX) => return Some((name, value)),
                FieldEdit::Set(..) | FieldEdit::Remove(_) => {}
            }
        }
    }
}

/// Whether the wire has a field called `name` that begins before `until`. Asked for edited names only.
fn is_on_wire(head: &Head, name: &[u8], until: usize) -> bool {
    let mut cursor = head.fields_at().unwrap_or_default();
    while cursor < until {
        match (head.format.next_field)(head, &head.bytes, &mut cursor) {
            Some((known, _)) if known.eq_ignore_ascii_case(name) => return true,
            Some(_) => {}
            None => break,
        }
    }
    false
}

impl std::fmt::Debug for Fields<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.clone().map(|(name, value)| (String::from_utf8_lossy(name), String::from_utf8_lossy(value))))
            .finish()
    }
}
