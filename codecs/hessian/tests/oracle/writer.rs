//! Random values, each written in any form that is legal for it.

use meshwire_hessian::Dialect;

use super::Value;

/// What is written, and what it stands for.
pub(crate) struct Writer<'a> {
    choices: std::slice::Iter<'a, u8>,
    ant: bool,
    pub(crate) out: Vec<u8>,
    types: Vec<Vec<u16>>,
    /// Fields of each class.
    classes: Vec<usize>,
    references: usize,
}

impl<'a> Writer<'a> {
    /// Chooses by these bytes; where they are used up, the simplest is chosen.
    pub(crate) fn new(choices: &'a [u8], dialect: Dialect) -> Self {
        Self {
            choices: choices.iter(),
            ant: dialect == Dialect::Ant3,
            out: Vec::new(),
            types: Vec::new(),
            classes: Vec::new(),
            references: 0,
        }
    }

    fn choose(&mut self, n: usize) -> usize {
        self.choices.next().map_or(0, |choice| usize::from(*choice)) % n
    }

    fn word(&mut self) -> u32 {
        (0..4).fold(0, |word, _| word << 8 | self.choose(256) as u32)
    }

    fn tag(&mut self, final_: u8, ant: u8) {
        self.out.push(if self.ant { ant } else { final_ });
    }

    fn int(&mut self, value: i32) {
        let forms = [
            true,
            (-0x4_0000..=0x3_ffff).contains(&value),
            (-0x800..=0x7ff).contains(&value),
            (-0x10..=0x2f).contains(&value),
        ];
        let form = self.choose(forms.iter().filter(|form| **form).count());
        let [_, b2, b1, b0] = value.to_be_bytes();
        match form {
            0 => {
                self.out.push(b'I');
                self.out.extend(value.to_be_bytes());
            }
            1 => self.out.extend([(0xd4 + (value >> 16)) as u8, b1, b0]),
            2 => self.out.extend([(0xc8 + (value >> 8)) as u8, b0]),
            _ => self.out.push((0x90 + value) as u8),
        }
        let _ = b2;
    }

    fn long(&mut self) -> Value {
        let value = match self.choose(5) {
            0 => self.choose(24) as i64 - 8,
            1 => i64::from(self.word() as i32 >> 20),
            2 => i64::from(self.word() as i32 >> 13),
            3 => i64::from(self.word() as i32),
            _ => i64::from(self.word()) << 32 | i64::from(self.word()),
        };
        let forms = [
            true,
            i32::try_from(value).is_ok(),
            (-0x4_0000..=0x3_ffff).contains(&value),
            (-0x800..=0x7ff).contains(&value),
            (-0x08..=0x0f).contains(&value),
        ];
        let bytes = value.to_be_bytes();
        match self.choose(forms.iter().filter(|form| **form).count()) {
            0 => {
                self.out.push(b'L');
                self.out.extend(bytes);
            }
            1 => {
                self.tag(0x59, 0x77);
                self.out.extend(&bytes[4..]);
            }
            2 => self.out.extend([(0x3c + (value >> 16)) as u8, bytes[6], bytes[7]]),
            3 => self.out.extend([(0xf8 + (value >> 8)) as u8, bytes[7]]),
            _ => self.out.push((0xe0 + value) as u8),
        }
        Value::Long(value)
    }

    fn double(&mut self) -> Value {
        let value = match self.choose(6) {
            0 => {
                let value = f64::from_bits(u64::from(self.word()) << 32 | u64::from(self.word()));
                self.out.push(b'D');
                self.out.extend(value.to_be_bytes());
                // Whatever is no number is not the same as itself.
                if value.is_nan() {
                    let end = self.out.len();
                    self.out[end - 8..].fill(0);
                    return Value::Double(0.0);
                }
                value
            }
            1 => {
                self.tag(0x5b, 0x67);
                0.0
            }
            2 => {
                self.tag(0x5c, 0x68);
                1.0
            }
            3 => {
                let byte = self.choose(256) as u8;
                self.tag(0x5d, 0x69);
                self.out.push(byte);
                f64::from(byte as i8)
            }
            4 => {
                let short = self.word() as i16;
                self.tag(0x5e, 0x6a);
                self.out.extend(short.to_be_bytes());
                f64::from(short)
            }
            _ => {
                let word = self.word() & 0xbfff_ffff;
                self.tag(0x5f, 0x6b);
                self.out.extend(word.to_be_bytes());
                if self.ant { f32::from_bits(word).into() } else { 0.001 * f64::from(word as i32) }
            }
        };
        if value.is_nan() {
            let end = self.out.len();
            self.out[end - 4..].fill(0);
            return Value::Double(0.0);
        }
        Value::Double(value)
    }

    fn date(&mut self) -> Value {
        if !self.ant && self.choose(2) == 1 {
            let minutes = self.word() as i32;
            self.out.push(0x4b);
            self.out.extend(minutes.to_be_bytes());
            return Value::Date(i64::from(minutes) * 60_000);
        }
        let millis = i64::from(self.word()) << 16;
        self.tag(0x4a, b'd');
        self.out.extend(millis.to_be_bytes());
        Value::Date(millis)
    }

    /// Characters, and the units they have.
    fn chars(&mut self, units: &mut Vec<u16>, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let end = units.len() + most;
        while units.len() < end {
            let left = end - units.len();
            let code = match self.choose(8) {
                0..=2 => u32::from(b'a') + self.choose(26) as u32,
                3 => 0x80 + self.word() % 0x780,
                // Second halves of surrogates, alone, are among them; first halves alone are refused.
                4 => match 0x800 + self.word() % 0xf800 {
                    0xd800..0xdc00 => 0x800,
                    code => code,
                },
                5 => 0x4e00 + self.word() % 0x5000,
                6 if left >= 2 => 0x1_0000 + self.word() % 0x10_0000,
                7 if left >= 2 => {
                    for unit in char::from_u32(0x1f600).unwrap().encode_utf16(&mut [0; 2]) {
                        units.push(*unit);
                        bytes.extend(spelled((*unit).into()));
                    }
                    continue;
                }
                _ => 0x7f,
            };
            match char::from_u32(code) {
                Some(char) => units.extend(char.encode_utf16(&mut [0; 2]).iter()),
                None => units.push(code as u16),
            }
            bytes.extend(spelled(code));
        }
        bytes
    }

    fn some_len(&mut self) -> usize {
        match self.choose(12) {
            0..=5 => self.choose(8),
            6..=8 => self.choose(40),
            9 => 31 + self.choose(3),
            10 => self.choose(256) * 5,
            _ => self.choose(256),
        }
    }

    fn string(&mut self) -> Vec<u16> {
        let mut units = Vec::new();
        loop {
            let last = self.choose(8) != 7;
            let n = self.some_len();
            let bytes = self.chars(&mut units, n);
            let [high, low] = (n as u16).to_be_bytes();
            match self.choose(3) {
                _ if !last => {
                    self.tag(b'R', b's');
                    self.out.extend([high, low]);
                }
                0 | 1 if n < 32 => self.out.push(low),
                1 if n < 1024 && !self.ant => self.out.extend([0x30 | high, low]),
                _ => self.out.extend([b'S', high, low]),
            }
            self.out.extend(bytes);
            if last {
                return units;
            }
        }
    }

    fn bytes(&mut self) -> Value {
        let mut all = Vec::new();
        loop {
            let last = self.choose(6) != 5;
            let n = self.some_len();
            let bytes: Vec<u8> = (0..n).map(|n| (n * 7) as u8).collect();
            let [high, low] = (n as u16).to_be_bytes();
            match self.choose(3) {
                _ if !last => {
                    self.tag(b'A', b'b');
                    self.out.extend([high, low]);
                }
                0 | 1 if n < 16 => self.out.push(0x20 | low),
                1 if n < 1024 && !self.ant => self.out.extend([0x34 | high, low]),
                _ => self.out.extend([b'B', high, low]),
            }
            self.out.extend(&bytes);
            all.extend(bytes);
            if last {
                return Value::Bytes(all);
            }
        }
    }

    fn type_name(&mut self) -> Vec<u16> {
        if !self.types.is_empty() && self.choose(2) == 1 {
            let n = self.choose(self.types.len());
            if self.ant {
                let tag = [b'T', b'u'][self.choose(2)];
                self.out.push(tag);
            }
            self.int(n as i32);
            return self.types[n].clone();
        }
        let name = if self.ant {
            let (n, mut name) = (self.some_len(), Vec::new());
            let bytes = self.chars(&mut name, n);
            self.out.push(b't');
            self.out.extend((n as u16).to_be_bytes());
            self.out.extend(bytes);
            name
        } else {
            self.string()
        };
        self.types.push(name.clone());
        name
    }

    fn class(&mut self) {
        self.tag(b'C', b'O');
        if self.ant {
            let (n, mut name) = (self.some_len(), Vec::new());
            let bytes = self.chars(&mut name, n);
            self.int(n as i32);
            self.out.extend(bytes);
        } else {
            self.string();
        }
        let fields = self.choose(4);
        self.int(fields as i32);
        for _ in 0..fields {
            self.string();
        }
        self.classes.push(fields);
    }

    fn end(&mut self) {
        self.tag(b'Z', b'z');
    }

    fn reference(&mut self) -> Value {
        let n = self.choose(self.references);
        if !self.ant {
            self.out.push(0x51);
            self.int(n as i32);
        } else {
            match self.choose(3) {
                0 if n < 256 => self.out.extend([0x4a, n as u8]),
                1 => {
                    self.out.push(0x4b);
                    self.out.extend((n as u16).to_be_bytes());
                }
                _ => {
                    self.out.push(b'R');
                    self.out.extend((n as u32).to_be_bytes());
                }
            }
        }
        Value::Ref(n)
    }

    fn values(&mut self, n: usize, depth: usize) -> Vec<Value> {
        (0..n).map(|_| self.value(depth + 1)).collect()
    }

    fn list(&mut self, depth: usize) -> Value {
        self.references += 1;
        let n = self.choose(10);
        let [typed, open] = [self.choose(2) == 1, self.choose(3) == 2];
        if self.ant {
            if typed && !self.types.is_empty() && self.choose(2) == 1 {
                self.out.push(b'v');
                let name = self.choose(self.types.len());
                self.int(name as i32);
                self.int(n as i32);
                let name = self.types[name].clone();
                return Value::List(Some(name), self.values(n, depth));
            }
            self.out.push(b'V');
            let name = typed.then(|| self.type_name());
            if open && n > 0 {
                // What stands where a type or a length may must not look like one.
                self.out.push(b'N');
                let values = std::iter::once(Value::Null).chain(self.values(n - 1, depth)).collect();
                self.end();
                return Value::List(name, values);
            }
            match (open, self.choose(2)) {
                (true, _) => {}
                (_, 0) => self.out.extend([b'n', n as u8]),
                _ => self.out.extend([b'l', 0, 0, 0, n as u8]),
            }
            let values = self.values(n, depth);
            self.end();
            return Value::List(name, values);
        }
        let short = n < 8 && self.choose(2) == 1;
        self.out.push(match (typed, open, short) {
            (true, true, _) => 0x55,
            (true, _, true) => 0x70 | n as u8,
            (true, _, false) => b'V',
            (false, true, _) => 0x57,
            (false, _, true) => 0x78 | n as u8,
            (false, _, false) => 0x58,
        });
        let name = typed.then(|| self.type_name());
        if !open && !short {
            self.int(n as i32);
        }
        let values = self.values(n, depth);
        if open {
            self.end();
        }
        Value::List(name, values)
    }

    fn map(&mut self, depth: usize) -> Value {
        self.references += 1;
        let (n, typed) = (self.choose(5), self.choose(2) == 1);
        self.out.push(if self.ant || typed { b'M' } else { b'H' });
        let name = typed.then(|| self.type_name());
        let mut entries = Vec::new();
        for entry in 0..n {
            // Java reads true, and this, as the begin of a type.
            let key = if entry == 0 && self.ant {
                self.out.push(b'N');
                Value::Null
            } else {
                self.value(depth + 1)
            };
            entries.push((key, self.value(depth + 1)));
        }
        self.end();
        Value::Map(name, entries)
    }

    fn object(&mut self, depth: usize) -> Value {
        if self.classes.is_empty() {
            self.class();
        }
        self.references += 1;
        let class = self.choose(self.classes.len());
        if !self.ant && class < 16 && self.choose(2) == 0 {
            self.out.push(0x60 | class as u8);
        } else {
            self.tag(b'O', b'o');
            self.int(class as i32);
        }
        Value::Object(class, self.values(self.classes[class], depth))
    }

    pub(crate) fn value(&mut self, depth: usize) -> Value {
        if self.choose(16) == 15 {
            self.class();
        }
        let most = if depth < 6 { 14 } else { 9 };
        match self.choose(most) {
            0 => {
                self.out.push(b'N');
                Value::Null
            }
            1 => {
                let value = self.choose(2) == 1;
                self.out.push(if value { b'T' } else { b'F' });
                Value::Bool(value)
            }
            2 => {
                let shift = self.choose(32);
                let value = self.word() as i32 >> shift;
                self.int(value);
                Value::Int(value)
            }
            3 => self.long(),
            4 => self.double(),
            5 => self.date(),
            6 => Value::Text(self.string()),
            7 => self.bytes(),
            8 if self.references > 0 => self.reference(),
            8 if self.ant => {
                self.out.push(b'r');
                let name = (self.choose(2) == 1).then(|| self.type_name());
                Value::Remote(name, self.string())
            }
            9 | 10 => self.map(depth),
            11 | 12 => self.list(depth),
            13 => self.object(depth),
            _ => Value::Text(self.string()),
        }
    }
}

/// A character or a surrogate in UTF-8.
fn spelled(code: u32) -> Vec<u8> {
    let tail = |shift: u32| 0x80 | (code >> shift) as u8 & 0x3f;
    match code {
        0..0x80 => vec![code as u8],
        0x80..0x800 => vec![0xc0 | (code >> 6) as u8, tail(0)],
        0x800..0x1_0000 => vec![0xe0 | (code >> 12) as u8, tail(6), tail(0)],
        _ => vec![0xf0 | (code >> 18) as u8, tail(12), tail(6), tail(0)],
    }
}
