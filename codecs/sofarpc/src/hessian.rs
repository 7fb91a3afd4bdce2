//! As much of Hessian as an answer needs that a proxy gives itself: objects of strings, in the client's own dialect.

/// Which Hessian. One number on the wire means either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// What `com.alipay.sofa:hessian` 3.x and Node write: class definitions begin with `O`.
    Ant,
    /// Hessian 2 as it was published: class definitions begin with `C`.
    Final,
}

/// Null.
pub(crate) const NULL: &[u8] = b"N";
/// False.
pub(crate) const FALSE: &[u8] = b"F";

/// Appends an object of a class that is the `n`th to be defined, and defines it. Values are as they stand on the wire.
pub(crate) fn put_object(dialect: Dialect, n: u8, class: &str, fields: &[(&str, &[u8])], out: &mut Vec<u8>) {
    match dialect {
        Dialect::Ant => {
            out.push(b'O');
            put_int(class.len() as u16, out);
            out.extend_from_slice(class.as_bytes());
        }
        Dialect::Final => {
            out.push(b'C');
            put_string(class, out);
        }
    }
    put_int(fields.len() as u16, out);
    for (name, _) in fields {
        put_string(name, out);
    }
    match dialect {
        Dialect::Ant => out.extend_from_slice(&[b'o', 0x90 | n & 0x0f]),
        Dialect::Final => out.push(0x60 | n & 0x0f),
    }
    for (_, value) in fields {
        out.extend_from_slice(value);
    }
}

/// Appends an array of `class` with nothing in it.
pub(crate) fn put_empty_array(dialect: Dialect, class: &str, out: &mut Vec<u8>) {
    match dialect {
        Dialect::Ant => {
            out.extend_from_slice(b"Vt");
            out.extend_from_slice(&(class.len() as u16).to_be_bytes());
            out.extend_from_slice(class.as_bytes());
            out.extend_from_slice(b"n\0z");
        }
        Dialect::Final => {
            out.push(0x70);
            put_string(class, out);
        }
    }
}

/// The most UTF-16 units of a string: it goes in one piece, which readers take up to twice as long.
const LONGEST: u16 = 0x4000;

/// Appends a string, alike in both dialects. Its length counts UTF-16 units, each of which Java writes for itself, the two
/// of a surrogate pair as well.
pub(crate) fn put_string(text: &str, out: &mut Vec<u8>) {
    let units = || text.encode_utf16().take(usize::from(LONGEST));
    let len = units().count() as u16;
    if len < 0x20 {
        out.push(len as u8);
    } else {
        out.push(b'S');
        out.extend_from_slice(&len.to_be_bytes());
    }
    for unit in units() {
        let [high, middle, low] = [(unit >> 12) as u8, (unit >> 6) as u8 & 0x3f, unit as u8 & 0x3f];
        match unit {
            0..0x80 => out.push(unit as u8),
            0x80..0x800 => out.extend_from_slice(&[0xc0 | middle, 0x80 | low]),
            _ => out.extend_from_slice(&[0xe0 | high, 0x80 | middle, 0x80 | low]),
        }
    }
}

/// Appends a number of less than 2,048.
fn put_int(n: u16, out: &mut Vec<u8>) {
    match n {
        0..0x30 => out.push(0x90u8.wrapping_add(n as u8)),
        _ => out.extend_from_slice(&[0xc8 | (n >> 8) as u8 & 0x07, n as u8]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        put_string(text, &mut out);
        out
    }

    #[test]
    fn strings_count_units_of_utf16() {
        assert_eq!(string(""), [0]);
        assert_eq!(string("hello"), *b"\x05hello");
        assert_eq!(string(&"x".repeat(31))[0], 31);
        assert_eq!(string(&"x".repeat(32))[..3], *b"S\x00\x20");
        assert_eq!(string("\u{f6}\u{4e16}"), *b"\x02\xc3\xb6\xe4\xb8\x96");
        assert_eq!(string("\u{1f600}"), *b"\x02\xed\xa0\xbd\xed\xb8\x80");
        assert_eq!(string(&"y".repeat(70_000)).len(), 3 + 0x4000);
    }

    #[test]
    fn an_object_in_each_dialect() {
        let object = |dialect| {
            let mut out = Vec::new();
            put_object(dialect, 1, "a.B", &[("x", NULL), ("y", b"\x01z")], &mut out);
            out
        };
        assert_eq!(object(Dialect::Ant), *b"O\x93a.B\x92\x01x\x01yo\x91N\x01z");
        assert_eq!(object(Dialect::Final), *b"C\x03a.B\x92\x01x\x01y\x61N\x01z");
    }

    #[test]
    fn an_array_of_nothing() {
        let array = |dialect| {
            let mut out = Vec::new();
            put_empty_array(dialect, "[a.B", &mut out);
            out
        };
        assert_eq!(array(Dialect::Ant), *b"Vt\x00\x04[a.Bn\x00z");
        assert_eq!(array(Dialect::Final), *b"p\x04[a.B");
    }

    #[test]
    fn numbers_in_one_and_two_bytes() {
        let int = |n| {
            let mut out = Vec::new();
            put_int(n, &mut out);
            out
        };
        assert_eq!(int(0), [0x90]);
        assert_eq!(int(47), [0xbf]);
        assert_eq!(int(48), [0xc8, 0x30]);
        assert_eq!(int(52), [0xc8, 0x34]);
        assert_eq!(int(0x7ff), [0xcf, 0xff]);
    }
}
