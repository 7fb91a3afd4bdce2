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

/// What names are made of.
static NAME: [bool; 256] = {
    let (mut bytes, mut b) = ([false; 256], 0_u8);
    #[allow(clippy::indexing_slicing)] // run by the compiler, which would stop
    while b < 0x7f {
        bytes[b as usize] = matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        b = b.wrapping_add(1);
    }
    bytes
};

/// Whether `name` may stand in a block (RFC 9113, section 8.2.1).
#[inline]
pub(crate) fn is_name(name: &[u8]) -> bool {
    let bare = name.strip_prefix(b":").unwrap_or(name);
    let ok = |&b: &u8| NAME.get(usize::from(b)).is_some_and(|&ok| ok);
    !bare.is_empty() && bare.iter().fold(true, |all, b| all & ok(b))
}

/// Whether `value` may stand in a block (RFC 9113, section 8.2.1).
#[inline]
pub(crate) fn is_value(value: &[u8]) -> bool {
    let white = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
    if white(value.first()) || white(value.last()) {
        return false;
    }
    // Bytes up to CR, eight at a time, the last eight once more: hardly a value has any.
    let low = |word: [u8; 8]| {
        let word = u64::from_le_bytes(word);
        word.wrapping_sub(0x0e0e_0e0e_0e0e_0e0e) & !word & 0x8080_8080_8080_8080 != 0
    };
    let any = match value.last_chunk::<8>() {
        Some(&last) => low(last) || value.as_chunks::<8>().0.iter().any(|&word| low(word)),
        None => value.iter().any(|&b| b <= b'\r'),
    };
    !any || memchr::memchr3(0, b'\r', b'\n', value).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_byte_anywhere() {
        for len in 1..40 {
            for at in 0..len {
                for b in 0..=255 {
                    let mut bytes = vec![b'v'; len];
                    bytes[at] = b;
                    let edge = at == 0 || at == len - 1;
                    let wrong = matches!(b, 0 | b'\r' | b'\n') || edge && matches!(b, b' ' | b'\t');
                    assert_eq!(is_value(&bytes), !wrong, "{b:#x} at {at} of {len}");
                    let token = b.is_ascii_alphanumeric() && !b.is_ascii_uppercase() || b"!#$%&'*+-.^_`|~".contains(&b);
                    assert_eq!(is_name(&bytes), token || b == b':' && at == 0 && len > 1, "{b:#x} at {at} of {len}");
                }
            }
        }
        assert!(is_value(b""));
        assert!(!is_name(b"") && !is_name(b":"));
    }
}
