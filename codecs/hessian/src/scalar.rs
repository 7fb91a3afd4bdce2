//! Values that are one thing, and how they read as text.

use std::borrow::Cow;

use crate::dialect::Dialect;
use crate::number::wide;
use crate::text::Text;

/// A value that holds no others.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Null.
    Null,
    /// A boolean.
    Bool(bool),
    /// A number of 32 bits.
    Int(i32),
    /// A number of 64 bits.
    Long(i64),
    /// A floating point number.
    Double(f64),
    /// Milliseconds since 1970.
    Date(i64),
    /// A string, which is not null.
    String(Text),
}

impl Scalar {
    /// The value as text: strings as they are (see [`collect`](crate::collect)), numbers in decimal, doubles as Java's
    /// `Double.toString` has them since version 19 (the shortest digits that mean the number; `1.0`, `1.0E10`), booleans
    /// as `true` and `false`, a date in milliseconds. A null has no text. `bytes` are those it was read from.
    pub fn to_text<'a>(&self, bytes: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(true) => Cow::Borrowed(b"true"),
            Self::Bool(false) => Cow::Borrowed(b"false"),
            Self::Int(n) => Cow::Owned(n.to_string().into_bytes()),
            Self::Long(n) | Self::Date(n) => Cow::Owned(n.to_string().into_bytes()),
            Self::Double(n) => Cow::Owned(double(*n).into_bytes()),
            Self::String(text) => return text.to_bytes(bytes),
        })
    }

    /// The scalar that `item` is, which begins with its tag and is all there; `None` for anything else.
    pub(crate) fn of(item: &[u8], dialect: Dialect) -> Option<Self> {
        let (&tag, tail) = item.split_first()?;
        let byte = || Some(i32::from(i8::from_ne_bytes(*tail.first_chunk()?)));
        let short = || Some(i32::from(i16::from_be_bytes(*tail.first_chunk()?)));
        let int = || Some(i32::from_be_bytes(*tail.first_chunk()?));
        let long = || Some(i64::from_be_bytes(*tail.first_chunk()?));
        let low_8 = || Some(i32::from(*tail.first()?));
        let low_16 = || Some(i32::from(u16::from_be_bytes(*tail.first_chunk()?)));
        let draft = dialect == Dialect::Ant3;
        Some(match tag {
            b'N' => Self::Null,
            b'T' => Self::Bool(true),
            b'F' => Self::Bool(false),
            0x80..=0xbf => Self::Int(wide(tag, 0x90, 0)),
            0xc0..=0xcf => Self::Int(wide(tag, 0xc8, 8) | low_8()?),
            0xd0..=0xd7 => Self::Int(wide(tag, 0xd4, 16) | low_16()?),
            b'I' => Self::Int(int()?),
            0xd8..=0xef => Self::Long(wide(tag, 0xe0, 0).into()),
            0xf0..=0xff => Self::Long((wide(tag, 0xf8, 8) | low_8()?).into()),
            0x38..=0x3f => Self::Long((wide(tag, 0x3c, 16) | low_16()?).into()),
            b'L' => Self::Long(long()?),
            b'D' => Self::Double(f64::from_be_bytes(*tail.first_chunk()?)),
            0x59 if !draft => Self::Long(int()?.into()),
            0x77 if draft => Self::Long(int()?.into()),
            0x5b if !draft => Self::Double(0.0),
            0x67 if draft => Self::Double(0.0),
            0x5c if !draft => Self::Double(1.0),
            0x68 if draft => Self::Double(1.0),
            0x5d if !draft => Self::Double(byte()?.into()),
            0x69 if draft => Self::Double(byte()?.into()),
            0x5e if !draft => Self::Double(short()?.into()),
            0x6a if draft => Self::Double(short()?.into()),
            // Called a float, and read as thousandths by all.
            0x5f if !draft => Self::Double(0.001 * f64::from(int()?)),
            0x6b if draft => Self::Double(f32::from_be_bytes(*tail.first_chunk()?).into()),
            0x4a if !draft => Self::Date(long()?),
            b'd' if draft => Self::Date(long()?),
            0x4b if !draft => Self::Date(i64::from(int()?).saturating_mul(60_000)),
            _ => return None,
        })
    }
}

/// A double as Java writes it.
fn double(n: f64) -> String {
    if n.is_nan() {
        return "NaN".to_owned();
    }
    if n.is_infinite() {
        return if n < 0.0 { "-Infinity" } else { "Infinity" }.to_owned();
    }
    let size = n.abs();
    if n == 0.0 || (1e-3..1e7).contains(&size) {
        return format!("{n:?}");
    }
    let text = format!("{n:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if digits.contains('.') => format!("{digits}E{exponent}"),
        Some((digits, exponent)) => format!("{digits}.0E{exponent}"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_as_java_writes_them() {
        for (n, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-12.25, "-12.25"),
            (0.001, "0.001"),
            (0.000_999, "9.99E-4"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (-1.5e10, "-1.5E10"),
            (123_456_789.125, "1.23456789125E8"),
            (f64::MAX, "1.7976931348623157E308"),
            (5e-324, "5.0E-324"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "Infinity"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(n), text);
        }
    }
}
