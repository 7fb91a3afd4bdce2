//! The static table (RFC 7541, appendix A).

use super::known::Known;
use super::record::{HEADER, Header, NAME_OK, PAD, VALUE_OK};

/// How many entries it has.
pub(crate) const ENTRIES: usize = 61;

/// The values of the entries that share a name or have a value, by index.
const VALUES: [(usize, &str); 15] = [
    (2, "GET"),
    (3, "POST"),
    (4, "/"),
    (5, "/index.html"),
    (6, "http"),
    (7, "https"),
    (8, "200"),
    (9, "204"),
    (10, "206"),
    (11, "304"),
    (12, "400"),
    (13, "404"),
    (14, "500"),
    (16, "gzip, deflate"),
    (0, ""),
];

/// An entry as it lies in a list, behind it zeros.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub(crate) record: [u8; PAD],
    pub(crate) header: Header,
}

/// By index less one.
pub(crate) static ROWS: [Row; ENTRIES] = rows();

#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // run by the compiler, which would stop
const fn rows() -> [Row; ENTRIES] {
    let mut rows = [Row { record: [0; PAD], header: Header { known: 0, flags: 0, name: 0, value: 0 } }; ENTRIES];
    let mut index = 1;
    while index <= ENTRIES {
        let first = match index {
            3 => 2,
            5 => 4,
            7 => 6,
            9..=14 => 8,
            n => n,
        };
        let name = Known::from_number(first as u8).name().as_bytes();
        let mut value: &[u8] = b"";
        let mut i = 0;
        while i < VALUES.len() {
            if VALUES[i].0 == index {
                value = VALUES[i].1.as_bytes();
            }
            i += 1;
        }
        let row = &mut rows[index - 1];
        row.header = Header { known: first as u8, flags: NAME_OK | VALUE_OK, name: name.len(), value: value.len() };
        let header = row.header.to_bytes();
        let mut at = 0;
        while at < HEADER + name.len() + value.len() {
            row.record[at] = if at < HEADER {
                header[at]
            } else if at < HEADER + name.len() {
                name[at - HEADER]
            } else {
                value[at - HEADER - name.len()]
            };
            at += 1;
        }
        index += 1;
    }
    rows
}

/// The entry with this name and value.
#[inline]
pub(crate) fn find(known: Known, value: &[u8]) -> Option<u8> {
    Some(match (known, value) {
        (Known::METHOD, b"GET") => 2,
        (Known::METHOD, b"POST") => 3,
        (Known::PATH, b"/") => 4,
        (Known::PATH, b"/index.html") => 5,
        (Known::SCHEME, b"http") => 6,
        (Known::SCHEME, b"https") => 7,
        (Known::STATUS, b"200") => 8,
        (Known::STATUS, b"204") => 9,
        (Known::STATUS, b"206") => 10,
        (Known::STATUS, b"304") => 11,
        (Known::STATUS, b"400") => 12,
        (Known::STATUS, b"404") => 13,
        (Known::STATUS, b"500") => 14,
        (Known::ACCEPT_ENCODING, b"gzip, deflate") => 16,
        (Known::METHOD | Known::PATH | Known::SCHEME | Known::STATUS | Known::ACCEPT_ENCODING, _) => return None,
        (known, b"") => known.static_index()?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_found_and_lies_as_a_record() {
        for (i, row) in ROWS.iter().enumerate() {
            let Header { known, name, value, .. } = row.header;
            let known = Known::from_number(known);
            assert_eq!(Header::of(&row.record), Some(row.header));
            assert_eq!(&row.record[HEADER..HEADER + name], known.name().as_bytes());
            assert!(!known.name().is_empty());
            let value = &row.record[HEADER + name..HEADER + name + value];
            assert_eq!(find(known, value), Some(i as u8 + 1));
        }
        assert_eq!(find(Known::METHOD, b"PUT"), None);
        assert_eq!(find(Known::METHOD, b""), None);
        assert_eq!(find(Known::OTHER, b""), None);
        assert_eq!(find(Known::GRPC_STATUS, b""), None);
    }
}
