//! Writing.
//!
//! Values are appended in the shortest form that the peers write themselves. What differs between the dialects takes the
//! [`Dialect`]; null, booleans, ints and the end of an untyped list of known length do not.
//!
//! ```
//! use meshwire_hessian::{Dialect, put};
//!
//! let mut out = Vec::new();
//! put::map_begin(&mut out, Dialect::Hessian2);
//! put::string(&mut out, Dialect::Hessian2, "tenant");
//! put::string(&mut out, Dialect::Hessian2, "red");
//! put::map_end(&mut out, Dialect::Hessian2);
//! assert_eq!(out, b"H\x06tenant\x03redZ");
//! ```

use crate::dialect::Dialect;
use crate::text::is_ascii;

/// UTF-16 units in a piece that Java and Node write.
const PIECE: usize = 0x8000;

/// Appends a null.
pub fn null(out: &mut Vec<u8>) {
    out.push(b'N');
}

/// Appends a boolean.
pub fn bool(out: &mut Vec<u8>, value: bool) {
    out.push(if value { b'T' } else { b'F' });
}

/// Appends a number of 32 bits.
pub fn int(out: &mut Vec<u8>, value: i32) {
    let [_, b2, b1, b0] = value.to_be_bytes();
    match value {
        -0x10..=0x2f => out.push(b0.wrapping_add(0x90)),
        -0x800..=0x7ff => out.extend_from_slice(&[b1.wrapping_add(0xc8), b0]),
        -0x4_0000..=0x3_ffff => out.extend_from_slice(&[b2.wrapping_add(0xd4), b1, b0]),
        _ => {
            out.push(b'I');
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Appends a number of 64 bits.
pub fn long(out: &mut Vec<u8>, dialect: Dialect, value: i64) {
    let [.., b2, b1, b0] = value.to_be_bytes();
    match (value, i32::try_from(value)) {
        (-0x08..=0x0f, _) => out.push(b0.wrapping_add(0xe0)),
        (-0x800..=0x7ff, _) => out.extend_from_slice(&[b1.wrapping_add(0xf8), b0]),
        (-0x4_0000..=0x3_ffff, _) => out.extend_from_slice(&[b2.wrapping_add(0x3c), b1, b0]),
        (_, Ok(int)) => {
            out.push(by(dialect, 0x59, 0x77));
            out.extend_from_slice(&int.to_be_bytes());
        }
        (_, Err(_)) => {
            out.push(b'L');
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

/// Appends a floating point number.
pub fn double(out: &mut Vec<u8>, dialect: Dialect, value: f64) {
    let same = |other: f64| other.to_bits() == value.to_bits();
    // Casts to an int saturate, and what does not come back the same is written whole.
    let int = value as i16;
    let thousandths = (value * 1000.0) as i32;
    let float = value as f32;
    if same(0.0) {
        out.push(by(dialect, 0x5b, 0x67));
    } else if same(1.0) {
        out.push(by(dialect, 0x5c, 0x68));
    } else if let (true, Ok(byte)) = (same(int.into()), i8::try_from(int)) {
        out.extend_from_slice(&[by(dialect, 0x5d, 0x69), byte.cast_unsigned()]);
    } else if same(int.into()) {
        out.push(by(dialect, 0x5e, 0x6a));
        out.extend_from_slice(&int.to_be_bytes());
    } else if dialect == Dialect::Hessian2 && same(0.001 * f64::from(thousandths)) {
        out.push(0x5f);
        out.extend_from_slice(&thousandths.to_be_bytes());
    } else if dialect == Dialect::Ant3 && same(float.into()) {
        out.push(0x6b);
        out.extend_from_slice(&float.to_be_bytes());
    } else {
        out.push(b'D');
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends a point in time, in milliseconds since 1970.
pub fn date(out: &mut Vec<u8>, dialect: Dialect, millis: i64) {
    let minutes = i32::try_from(millis.wrapping_div(60_000));
    match (dialect, minutes) {
        (Dialect::Hessian2, Ok(minutes)) if millis.wrapping_rem(60_000) == 0 => {
            out.push(0x4b);
            out.extend_from_slice(&minutes.to_be_bytes());
        }
        _ => {
            out.push(by(dialect, 0x4a, b'd'));
            out.extend_from_slice(&millis.to_be_bytes());
        }
    }
}

/// Appends a string in pieces that every reader takes, with Java's surrogates.
pub fn string(out: &mut Vec<u8>, dialect: Dialect, text: &str) {
    if ascii(out, dialect, text.as_bytes()) {
        return;
    }
    let mut rest = text;
    loop {
        let (piece, after, units) = split(rest);
        if after.is_empty() {
            length(out, dialect, units);
        } else {
            let [high, low] = (units as u16).to_be_bytes();
            out.extend_from_slice(&[by(dialect, b'R', b's'), high, low]);
        }
        characters(out, piece);
        if after.is_empty() {
            return;
        }
        rest = after;
    }
}

/// Appends a string in one piece if it is in ASCII, and not too long for one; false, and nothing, if not.
#[inline]
pub fn ascii(out: &mut Vec<u8>, dialect: Dialect, text: &[u8]) -> bool {
    if text.len() > PIECE || !is_ascii(text) {
        return false;
    }
    out.reserve(text.len().saturating_add(3));
    if let short @ 0..0x20 = text.len() {
        out.push(short as u8);
    } else {
        length(out, dialect, text.len());
    }
    out.extend_from_slice(text);
    true
}

/// The length of a string's last piece.
fn length(out: &mut Vec<u8>, dialect: Dialect, units: usize) {
    let [high, low] = (units as u16).to_be_bytes();
    match (high, low) {
        (0, 0..0x20) => out.push(low),
        (0..=3, _) if dialect == Dialect::Hessian2 => out.extend_from_slice(&[0x30 | high, low]),
        _ => out.extend_from_slice(&[b'S', high, low]),
    }
}

/// Characters without a length.
fn characters(out: &mut Vec<u8>, text: &str) {
    for char in text.chars() {
        if char.len_utf16() == 1 {
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            for unit in char.encode_utf16(&mut [0; 2]) {
                let [high, low] = unit.to_be_bytes();
                out.extend_from_slice(&[0xe0 | high >> 4, 0x80 | (high & 0x0f) << 2 | low >> 6, 0x80 | low & 0x3f]);
            }
        }
    }
}

/// The next piece, what is behind it, and how many units it has. No pair of surrogates is cut.
fn split(text: &str) -> (&str, &str, usize) {
    let mut units = 0usize;
    for (at, char) in text.char_indices() {
        let after = units.saturating_add(char.len_utf16());
        if after > PIECE {
            let (piece, rest) = text.split_at_checked(at).unwrap_or((text, ""));
            return (piece, rest, units);
        }
        units = after;
    }
    (text, "", units)
}

/// Appends bytes.
pub fn bytes(out: &mut Vec<u8>, dialect: Dialect, value: &[u8]) {
    let mut rest = value;
    while let Some((piece, after)) = rest.split_at_checked(PIECE).filter(|(_, after)| !after.is_empty()) {
        out.extend_from_slice(&[by(dialect, b'A', b'b'), 0x80, 0]);
        out.extend_from_slice(piece);
        rest = after;
    }
    let [high, low] = (rest.len() as u16).to_be_bytes();
    match (high, low) {
        (0, 0..0x10) => out.push(0x20 | low),
        (0..=3, _) if dialect == Dialect::Hessian2 => out.extend_from_slice(&[0x34 | high, low]),
        _ => out.extend_from_slice(&[b'B', high, low]),
    }
    out.extend_from_slice(rest);
}

/// Appends the begin of a map without a type; keys and values follow in turn, and [`map_end`].
pub fn map_begin(out: &mut Vec<u8>, dialect: Dialect) {
    out.push(by(dialect, b'H', b'M'));
}

/// Appends the begin of a map of this type; keys and values follow in turn, and [`map_end`].
pub fn typed_map_begin(out: &mut Vec<u8>, dialect: Dialect, name: &str) {
    out.push(b'M');
    type_name(out, dialect, name);
}

/// Appends the end of a map.
pub fn map_end(out: &mut Vec<u8>, dialect: Dialect) {
    out.push(by(dialect, b'Z', b'z'));
}

/// Appends a map of strings.
pub fn map<'a>(out: &mut Vec<u8>, dialect: Dialect, entries: impl IntoIterator<Item = (&'a str, &'a str)>) {
    map_begin(out, dialect);
    for (key, value) in entries {
        string(out, dialect, key);
        string(out, dialect, value);
    }
    map_end(out, dialect);
}

/// Appends the begin of a list without a type; as many values follow, and [`list_end`].
pub fn list_begin(out: &mut Vec<u8>, dialect: Dialect, len: u32) {
    match (dialect, len) {
        (Dialect::Ant3, _) => {
            out.push(b'V');
            ant_length(out, len);
        }
        (Dialect::Hessian2, 0..8) => out.push(0x78 | len as u8),
        (Dialect::Hessian2, _) => {
            out.push(0x58);
            int(out, len.min(i32::MAX.cast_unsigned()).cast_signed());
        }
    }
}

/// Appends the begin of a list or array of this type; as many values follow, and [`list_end`].
pub fn typed_list_begin(out: &mut Vec<u8>, dialect: Dialect, name: &str, len: u32) {
    match (dialect, len) {
        (Dialect::Ant3, _) => {
            out.push(b'V');
            type_name(out, dialect, name);
            ant_length(out, len);
        }
        (Dialect::Hessian2, 0..8) => {
            out.push(0x70 | len as u8);
            type_name(out, dialect, name);
        }
        (Dialect::Hessian2, _) => {
            out.push(b'V');
            type_name(out, dialect, name);
            int(out, len.min(i32::MAX.cast_unsigned()).cast_signed());
        }
    }
}

/// Appends the end of a list, which is nothing in [`Dialect::Hessian2`].
pub fn list_end(out: &mut Vec<u8>, dialect: Dialect) {
    if dialect == Dialect::Ant3 {
        out.push(b'z');
    }
}

fn ant_length(out: &mut Vec<u8>, len: u32) {
    match u8::try_from(len) {
        Ok(len) => out.extend_from_slice(&[b'n', len]),
        Err(_) => {
            out.push(b'l');
            out.extend_from_slice(&len.min(i32::MAX.cast_unsigned()).to_be_bytes());
        }
    }
}

/// Appends the name of a type, of up to 32,768 units; what is longer is cut.
fn type_name(out: &mut Vec<u8>, dialect: Dialect, name: &str) {
    match dialect {
        Dialect::Hessian2 => string(out, dialect, name),
        Dialect::Ant3 => {
            let (name, _, units) = split(name);
            out.push(b't');
            out.extend_from_slice(&(units as u16).to_be_bytes());
            characters(out, name);
        }
    }
}

/// Appends the definition of a class, whose number is how many were defined before. A value must follow.
pub fn class(out: &mut Vec<u8>, dialect: Dialect, name: &str, fields: &[&str]) {
    begin_class(out, dialect, name, fields.len());
    for field in fields {
        string(out, dialect, field);
    }
}

fn begin_class(out: &mut Vec<u8>, dialect: Dialect, name: &str, fields: usize) {
    match dialect {
        Dialect::Hessian2 => {
            out.push(b'C');
            string(out, dialect, name);
        }
        Dialect::Ant3 => {
            let (name, _, units) = split(name);
            out.push(b'O');
            // At most a piece.
            int(out, units as i32);
            characters(out, name);
        }
    }
    int(out, i32::try_from(fields).unwrap_or(i32::MAX));
}

/// Appends the begin of an instance of class `number`; as many values follow as it has fields.
pub fn instance(out: &mut Vec<u8>, dialect: Dialect, number: u32) {
    match (dialect, number) {
        (Dialect::Hessian2, 0..0x10) => out.push(0x60 | number as u8),
        _ => {
            out.push(by(dialect, b'O', b'o'));
            int(out, number.min(i32::MAX.cast_unsigned()).cast_signed());
        }
    }
}

/// Appends a definition of class `number` and an instance of it, whose values are given as they stand on the wire.
pub fn object(out: &mut Vec<u8>, dialect: Dialect, number: u32, class: &str, fields: &[(&str, &[u8])]) {
    begin_class(out, dialect, class, fields.len());
    for (name, _) in fields {
        string(out, dialect, name);
    }
    instance(out, dialect, number);
    for (_, value) in fields {
        out.extend_from_slice(value);
    }
}

/// Appends a reference to list, map or object `number`.
pub fn reference(out: &mut Vec<u8>, dialect: Dialect, number: u32) {
    match (dialect, u8::try_from(number), u16::try_from(number)) {
        (Dialect::Hessian2, ..) => {
            out.push(0x51);
            int(out, number.min(i32::MAX.cast_unsigned()).cast_signed());
        }
        (Dialect::Ant3, Ok(number), _) => out.extend_from_slice(&[0x4a, number]),
        (Dialect::Ant3, Err(_), Ok(number)) => {
            out.push(0x4b);
            out.extend_from_slice(&number.to_be_bytes());
        }
        (Dialect::Ant3, Err(_), Err(_)) => {
            out.push(b'R');
            out.extend_from_slice(&number.min(i32::MAX.cast_unsigned()).to_be_bytes());
        }
    }
}

/// Appends an exception of Java's class `class` with this message, as clients of Dubbo in Java, Go and Node read it. It is
/// the first class that the message defines.
///
/// A client must have the class: `java.lang.RuntimeException` is what Java's own servers make of one that it may not have.
pub fn exception(out: &mut Vec<u8>, class: &str, message: &str) {
    let mut text = Vec::with_capacity(message.len().saturating_add(8));
    string(&mut text, Dialect::Hessian2, message);
    object(out, Dialect::Hessian2, 0, class, &[("detailMessage", &text)]);
}

const fn by(dialect: Dialect, hessian2: u8, ant3: u8) -> u8 {
    match dialect {
        Dialect::Hessian2 => hessian2,
        Dialect::Ant3 => ant3,
    }
}
