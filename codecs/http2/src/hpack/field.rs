//! A field, and which names and values may stand in one.

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
