//! The header map of a frame: keys and values, each behind its length.
//!
//! ```text
//! key length u32 | key | value length u32 | value | ...      0xffffffff: null
//! ```
//!
//! What readers of the field disagree on is settled here so: an entry whose key or value is null is no field, and is
//! passed on; a key that stands twice is two fields; bytes that are no whole entry refuse the message.

use meshwire::Head;

use crate::props;

/// The length of a null.
const NULL: u32 = u32::MAX;

/// An entry; `None` where it holds a null.
pub(crate) type Entry<'a> = Option<(&'a [u8], &'a [u8])>;

/// The entries of a map, in order.
#[derive(Clone)]
pub(crate) struct Entries<'a> {
    rest: &'a [u8],
}

/// Bytes that are no entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Entries<'a> {
    #[inline(always)]
    pub(crate) const fn new(map: &'a [u8]) -> Self {
        Self { rest: map }
    }

    /// How many bytes are still to be read.
    #[inline(always)]
    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The next entry; `None` behind the last one.
    #[inline(always)]
    pub(crate) fn next(&mut self) -> Result<Option<Entry<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.string()?;
        let value = self.string()?;
        Ok(Some(key.zip(value)))
    }

    #[inline(always)]
    fn string(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        let (len, behind) = self.rest.split_first_chunk::<4>().ok_or(Malformed)?;
        let len = u32::from_be_bytes(*len);
        match behind.split_at_checked(len as usize) {
            Some((string, behind)) => {
                self.rest = behind;
                Ok(Some(string))
            }
            None if len == NULL => {
                self.rest = behind;
                Ok(None)
            }
            None => Err(Malformed),
        }
    }
}

/// Reads the field at `*cursor`, for [`HeadFormat::with_fields`](meshwire::HeadFormat::with_fields). The cursor counts on
/// through what is set aside, which comes first, so that a field that is added to the map is the last of all.
pub(crate) fn next_field<'a>(head: &'a Head, bytes: &'a [u8], cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
    let (aside, end) = (head.aside(), head.head_bytes().len());
    let mut at = *cursor;
    if !aside.is_empty() {
        if let Some(field) = props::next(aside, cursor) {
            return Some(field);
        }
        at = props::in_map(aside, at);
    }
    let mut entries = Entries::new(bytes.get(at..end)?);
    let field = loop {
        match entries.next() {
            Ok(Some(None)) => {}
            Ok(Some(field)) => break field,
            Ok(None) | Err(Malformed) => break None,
        }
    };
    *cursor = end.saturating_sub(entries.left()).saturating_add(aside.len());
    field
}

/// Appends an entry.
pub(crate) fn put(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for string in [key, value] {
        // What is longer than a map may be is refused before it is sent.
        out.extend_from_slice(&u32::try_from(string.len()).unwrap_or(NULL).to_be_bytes());
        out.extend_from_slice(string);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(strings: &[Option<&str>]) -> Vec<u8> {
        let mut out = Vec::new();
        for string in strings {
            match string {
                Some(string) => {
                    out.extend((string.len() as u32).to_be_bytes());
                    out.extend(string.as_bytes());
                }
                None => out.extend([0xff; 4]),
            }
        }
        out
    }

    fn read(map: &[u8]) -> Result<Vec<Option<(String, String)>>, usize> {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut entries = Entries::new(map);
        let mut all = Vec::new();
        loop {
            match entries.next() {
                Ok(None) => return Ok(all),
                Ok(Some(entry)) => all.push(entry.map(|(key, value)| (text(key), text(value)))),
                Err(Malformed) => return Err(map.len() - entries.left()),
            }
        }
    }

    fn field(key: &str, value: &str) -> Option<(String, String)> {
        Some((key.into(), value.into()))
    }

    #[test]
    fn entries_in_order() {
        let bytes = map(&[Some("a"), Some("1"), Some(""), Some(""), Some("a"), Some("2")]);
        assert_eq!(read(&bytes), Ok(vec![field("a", "1"), field("", ""), field("a", "2")]));
        assert_eq!(read(b""), Ok(vec![]));
    }

    #[test]
    fn a_null_is_no_field_and_costs_no_other() {
        let bytes = map(&[None, Some("v"), Some("k"), None, None, None, Some("a"), Some("1")]);
        assert_eq!(read(&bytes), Ok(vec![None, None, None, field("a", "1")]));
    }

    #[test]
    fn bytes_that_are_no_entry() {
        let good = map(&[Some("a"), Some("1")]);
        for garbage in [&[0][..], &[0, 0, 0], &[0xff, 0xff, 0xff, 0xfe], &[0, 0, 0, 2, b'x'], &[0, 0, 0, 0], &[0xff; 4]]
        {
            let bytes = [&good[..], garbage].concat();
            assert!(read(&bytes).is_err_and(|at| at >= good.len()), "{garbage:x?}");
        }
    }
}
