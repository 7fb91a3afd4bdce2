//! Values of Hessian 2, as Java writes them: with references to classes, and long strings in pieces.

/// Units in a piece of a string.
const PIECE: usize = 0x8000;

/// Where values go.
#[derive(Clone, Debug, Default)]
pub struct Values {
    bytes: Vec<u8>,
    /// Classes defined so far.
    classes: Vec<&'static str>,
}

impl Values {
    /// The bytes of what `write` writes.
    pub fn of(write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut values = Self::default();
        write(&mut values);
        values.bytes
    }

    /// A string.
    pub fn string(&mut self, value: &str) {
        let mut units: usize = value.chars().map(char::len_utf16).sum();
        let mut rest = value;
        while units > PIECE {
            let at = rest.char_indices().nth(PIECE).map_or(rest.len(), |(at, _)| at);
            let (piece, behind) = rest.split_at(at);
            // Nothing here is beyond the first plane: a character is a unit.
            assert_eq!(piece.chars().map(char::len_utf16).sum::<usize>(), PIECE);
            self.put(0x52, &(PIECE as u16).to_be_bytes());
            self.bytes.extend_from_slice(piece.as_bytes());
            (rest, units) = (behind, units - PIECE);
        }
        match units {
            0..=0x1f => self.put(units as u8, &[]),
            0x20..=0x3ff => self.put(0x30 | (units >> 8) as u8, &[units as u8]),
            _ => self.put(0x53, &(units as u16).to_be_bytes()),
        }
        self.bytes.extend_from_slice(rest.as_bytes());
    }

    /// Bytes, at most 65535 of them.
    pub fn binary(&mut self, value: &[u8]) {
        match value.len() {
            n @ 0..=0xf => self.put(0x20 | n as u8, &[]),
            n @ 0x10..=0x3ff => self.put(0x34 | (n >> 8) as u8, &[n as u8]),
            n => self.put(b'B', &u16::try_from(n).expect("one piece").to_be_bytes()),
        }
        self.bytes.extend_from_slice(value);
    }

    /// An int.
    pub fn int(&mut self, value: i32) {
        let [_, b2, b1, b0] = value.to_be_bytes();
        match value {
            -0x10..=0x2f => self.put(b0.wrapping_add(0x90), &[]),
            -0x800..=0x7ff => self.put(b1.wrapping_add(0xc8), &[b0]),
            -0x4_0000..=0x3_ffff => self.put(b2.wrapping_add(0xd4), &[b1, b0]),
            _ => self.put(b'I', &value.to_be_bytes()),
        }
    }

    /// A long.
    pub fn long(&mut self, value: i64) {
        let [.., b2, b1, b0] = value.to_be_bytes();
        match value {
            -0x08..=0x0f => self.put(b0.wrapping_add(0xe0), &[]),
            -0x800..=0x7ff => self.put(b1.wrapping_add(0xf8), &[b0]),
            -0x4_0000..=0x3_ffff => self.put(b2.wrapping_add(0x3c), &[b1, b0]),
            _ => match i32::try_from(value) {
                Ok(value) => self.put(0x59, &value.to_be_bytes()),
                Err(_) => self.put(b'L', &value.to_be_bytes()),
            },
        }
    }

    /// A double, as a whole number or thousandths where that is the same.
    pub fn double(&mut self, value: f64) {
        let thousandths = (value * 1000.0) as i32;
        match value as i16 {
            0 if value == 0.0 => self.put(0x5b, &[]),
            1 if value == 1.0 => self.put(0x5c, &[]),
            n if f64::from(n) == value => match i8::try_from(n) {
                Ok(n) => self.put(0x5d, &n.to_be_bytes()),
                Err(_) => self.put(0x5e, &n.to_be_bytes()),
            },
            _ if f64::from(thousandths) * 0.001 == value => self.put(0x5f, &thousandths.to_be_bytes()),
            _ => self.put(b'D', &value.to_be_bytes()),
        }
    }

    /// True or false.
    pub fn bool(&mut self, value: bool) {
        self.put(if value { b'T' } else { b'F' }, &[]);
    }

    /// Nothing.
    pub fn null(&mut self) {
        self.put(b'N', &[]);
    }

    /// A time in milliseconds, written in minutes where that is the same.
    pub fn date(&mut self, millis: i64) {
        match i32::try_from(millis / 60_000) {
            Ok(minutes) if millis % 60_000 == 0 => self.put(0x4b, &minutes.to_be_bytes()),
            _ => self.put(0x4a, &millis.to_be_bytes()),
        }
    }

    /// A list that is an `ArrayList`, which has no type.
    pub fn list(&mut self, n: usize, elements: impl FnOnce(&mut Self)) {
        match n {
            0..=7 => self.put(0x78 | n as u8, &[]),
            _ => {
                self.put(0x58, &[]);
                self.int(n as i32);
            }
        }
        elements(self);
    }

    /// A map that is a `HashMap`, which has no type: its keys and values.
    pub fn map(&mut self, entries: impl FnOnce(&mut Self)) {
        self.put(b'H', &[]);
        entries(self);
        self.put(b'Z', &[]);
    }

    /// An object of a class, which is defined where it is named first.
    pub fn object(&mut self, class: &'static str, fields: &[&str], values: impl FnOnce(&mut Self)) {
        let at = self.classes.iter().position(|known| *known == class).unwrap_or_else(|| {
            self.put(b'C', &[]);
            self.string(class);
            self.int(fields.len() as i32);
            fields.iter().for_each(|field| self.string(field));
            self.classes.push(class);
            self.classes.len() - 1
        });
        match at {
            0..=0xf => self.put(0x60 | at as u8, &[]),
            _ => {
                self.put(b'O', &[]);
                self.int(at as i32);
            }
        }
        values(self);
    }

    fn put(&mut self, tag: u8, rest: &[u8]) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Written<'a> = (fn(&mut Values), &'a [u8]);

    /// The examples of the specification (section 4).
    #[test]
    fn values_are_written_as_the_specification_shows() {
        let written: [Written<'_>; 26] = [
            (|v| v.int(0), b"\x90"),
            (|v| v.int(-16), b"\x80"),
            (|v| v.int(47), b"\xbf"),
            (|v| v.int(-2048), b"\xc0\x00"),
            (|v| v.int(-256), b"\xc7\x00"),
            (|v| v.int(2047), b"\xcf\xff"),
            (|v| v.int(-262_144), b"\xd0\x00\x00"),
            (|v| v.int(262_143), b"\xd7\xff\xff"),
            (|v| v.int(300_000), b"I\x00\x04\x93\xe0"),
            (|v| v.long(-8), b"\xd8"),
            (|v| v.long(15), b"\xef"),
            (|v| v.long(-2048), b"\xf0\x00"),
            (|v| v.long(-262_144), b"\x38\x00\x00"),
            (|v| v.long(300_000), b"\x59\x00\x04\x93\xe0"),
            (|v| v.long(1 << 40), b"L\x00\x00\x01\x00\x00\x00\x00\x00"),
            (|v| v.double(1.0), b"\x5c"),
            (|v| v.double(-128.0), b"\x5d\x80"),
            (|v| v.double(128.0), b"\x5e\x00\x80"),
            (|v| v.double(12.25), b"\x5f\x00\x00\x2f\xda"),
            (|v| v.double(1.0 / 3.0), b"D\x3f\xd5\x55\x55\x55\x55\x55\x55"),
            (|v| v.date(0x4b_8393 * 60_000), b"\x4b\x00\x4b\x83\x93"),
            (|v| v.date(0x0000_00d0_4b92_84b8), b"\x4a\x00\x00\x00\xd0\x4b\x92\x84\xb8"),
            (|v| v.string("hello"), b"\x05hello"),
            (|v| v.string("\u{c3}"), b"\x01\xc3\x83"),
            (|v| v.binary(b"\x01\x02\x03"), b"\x23\x01\x02\x03"),
            (|v| v.list(2, |v| (0..2).for_each(|n| v.int(n))), b"\x7a\x90\x91"),
        ];
        for (write, bytes) in written {
            assert_eq!(Values::of(write), bytes);
        }
        let car = |v: &mut Values| {
            v.object("example.Car", &["color", "model"], |v| ["red", "corvette"].into_iter().for_each(|s| v.string(s)));
        };
        let bytes = Values::of(|v| [car, car].into_iter().for_each(|car| car(v)));
        assert_eq!(bytes, b"C\x0bexample.Car\x92\x05color\x05model\x60\x03red\x08corvette\x60\x03red\x08corvette");
    }

    #[test]
    fn long_strings_come_in_pieces() {
        let bytes = Values::of(|v| v.string(&"\u{e9}".repeat(PIECE + 3)));
        assert_eq!(&bytes[..3], b"\x52\x80\x00");
        assert_eq!(&bytes[3 + 2 * PIECE..], "\x03\u{e9}\u{e9}\u{e9}".as_bytes());
    }
}
