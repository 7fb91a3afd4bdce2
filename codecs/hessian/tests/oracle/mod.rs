//! A slow and obvious decoder of both dialects, and what a scanner must say about the same bytes.
//!
//! The fuzz target includes this file too.
#![allow(dead_code, clippy::indexing_slicing, clippy::panic)] // not all is used by all who include it

use meshwire_hessian::{Dialect, Error, Kind, Limits, Progress, Scanner};

/// A value, decoded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Date(i64),
    Text(Vec<u16>),
    Bytes(Vec<u8>),
    List(Option<Vec<u16>>, Vec<Value>),
    Map(Option<Vec<u16>>, Vec<(Value, Value)>),
    /// The number of the class, and the values of its fields.
    Object(usize, Vec<Value>),
    Ref(usize),
    Remote(Option<Vec<u16>>, Vec<u16>),
}

impl Value {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Long(_) => Kind::Long,
            Value::Double(_) => Kind::Double,
            Value::Date(_) => Kind::Date,
            Value::Text(_) => Kind::String,
            Value::Bytes(_) => Kind::Binary,
            Value::List(..) => Kind::List,
            // By its tag: in Ant's dialect a map always has the one of those with a type.
            Value::Map(None, _) => Kind::UntypedMap,
            Value::Map(Some(_), _) => Kind::TypedMap,
            Value::Object(..) => Kind::Object,
            Value::Ref(_) => Kind::Ref,
            Value::Remote(..) => Kind::Remote,
        }
    }
}

/// Why nothing was decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fail {
    /// There are too few bytes.
    Cut,
    /// Its kind, and where.
    Bad(&'static str, usize),
    /// The limit that is passed, and where.
    Limit(&'static str, usize),
}

type Decoded<T> = Result<T, Fail>;

pub(crate) struct Class {
    pub(crate) name: Vec<u16>,
    pub(crate) fields: Vec<Vec<u16>>,
}

/// The decoder.
pub(crate) struct Oracle<'a> {
    bytes: &'a [u8],
    pub(crate) at: usize,
    ant: bool,
    limits: Limits,
    depth: usize,
    pub(crate) classes: Vec<Class>,
    pub(crate) types: Vec<Vec<u16>>,
    pub(crate) references: usize,
    pub(crate) refers: bool,
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(bytes: &'a [u8], dialect: Dialect, limits: Limits) -> Self {
        Self {
            bytes,
            at: 0,
            ant: dialect == Dialect::Ant3,
            limits,
            depth: 0,
            classes: Vec::new(),
            types: Vec::new(),
            references: 0,
            refers: false,
        }
    }

    fn peek(&self) -> Decoded<u8> {
        self.bytes.get(self.at).copied().ok_or(Fail::Cut)
    }

    fn next(&mut self) -> Decoded<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Ok(byte)
    }

    fn number(&mut self, n: usize) -> Decoded<u64> {
        let mut value = 0;
        for _ in 0..n {
            value = value << 8 | u64::from(self.next()?);
        }
        Ok(value)
    }

    fn int(&mut self) -> Decoded<i32> {
        let at = self.at;
        Ok(match self.next()? {
            tag @ 0x80..=0xbf => i32::from(tag) - 0x90,
            tag @ 0xc0..=0xcf => (i32::from(tag) - 0xc8) * 0x100 + self.number(1)? as i32,
            tag @ 0xd0..=0xd7 => (i32::from(tag) - 0xd4) * 0x1_0000 + self.number(2)? as i32,
            b'I' => self.number(4)? as u32 as i32,
            _ => return Err(Fail::Bad("int", at)),
        })
    }

    fn length(&mut self) -> Decoded<usize> {
        let at = self.at;
        usize::try_from(self.int()?).map_err(|_| Fail::Bad("length", at))
    }

    /// One character: its units are appended.
    fn char(&mut self, left: usize, units: &mut Vec<u16>) -> Decoded<()> {
        let at = self.at;
        let bad = Fail::Bad("utf8", at);
        let lead = u32::from(self.next()?);
        let (more, least) = match lead {
            0..0x80 => (0, 0),
            0xc2..0xe0 => (1, 0x80),
            0xe0..0xf0 => (2, 0x800),
            0xf0..0xf5 => (3, 0x1_0000),
            _ => return Err(bad),
        };
        let tail = self.bytes.get(self.at..self.at + more).ok_or(Fail::Cut)?;
        self.at += more;
        let mut code = if more == 0 { lead } else { lead & (0x3f >> more) };
        for byte in tail {
            if byte & 0xc0 != 0x80 {
                return Err(bad);
            }
            code = code << 6 | u32::from(byte & 0x3f);
        }
        if code < least || code > 0x10_ffff {
            return Err(bad);
        }
        if (0xd800..0xdc00).contains(&code) {
            let half = Fail::Bad("surrogate", at);
            if left < 2 {
                return Err(half);
            }
            let mut low = 0;
            for fits in [0xed..=0xed, 0xb0..=0xbf, 0x80..=0xbf] {
                let byte = *self.bytes.get(self.at).ok_or(Fail::Cut)?;
                if !fits.contains(&byte) {
                    return Err(half);
                }
                low = low << 6 | u16::from(byte & 0x3f);
                self.at += 1;
            }
            units.extend([code as u16, low]);
            return Ok(());
        }
        if code < 0x1_0000 {
            units.push(code as u16);
            return Ok(());
        }
        if left < 2 {
            return Err(Fail::Bad("string", at));
        }
        units.extend(char::from_u32(code).ok_or(bad)?.encode_utf16(&mut [0; 2]).iter());
        Ok(())
    }

    fn chars(&mut self, n: usize, units: &mut Vec<u16>) -> Decoded<()> {
        let end = units.len() + n;
        while units.len() < end {
            self.char(end - units.len(), units)?;
        }
        Ok(())
    }

    /// A string's pieces, the first tag of which stands here.
    fn string(&mut self) -> Decoded<Vec<u16>> {
        let mut units = Vec::new();
        loop {
            let at = self.at;
            let (n, last) = match self.next()? {
                tag @ 0..=0x1f => (usize::from(tag), true),
                tag @ 0x30..=0x33 if !self.ant => (usize::from(tag - 0x30) << 8 | self.number(1)? as usize, true),
                b'S' => (self.number(2)? as usize, true),
                b'R' if !self.ant => (self.number(2)? as usize, false),
                b's' if self.ant => (self.number(2)? as usize, false),
                _ => return Err(Fail::Bad("string", at)),
            };
            self.chars(n, &mut units)?;
            if last {
                return Ok(units);
            }
        }
    }

    fn binary(&mut self) -> Decoded<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let at = self.at;
            let (n, last) = match self.next()? {
                tag @ 0x20..=0x2f => (usize::from(tag - 0x20), true),
                tag @ 0x34..=0x37 if !self.ant => (usize::from(tag - 0x34) << 8 | self.number(1)? as usize, true),
                b'B' => (self.number(2)? as usize, true),
                b'A' if !self.ant => (self.number(2)? as usize, false),
                b'b' if self.ant => (self.number(2)? as usize, false),
                _ => return Err(Fail::Bad("binary", at)),
            };
            for _ in 0..n {
                bytes.push(self.next()?);
            }
            if last {
                return Ok(bytes);
            }
        }
    }

    fn is_string(&self, tag: u8) -> bool {
        match tag {
            0..=0x1f | b'S' => true,
            0x30..=0x33 | b'R' => !self.ant,
            b's' => self.ant,
            _ => false,
        }
    }

    fn type_of(&mut self, at: usize, n: i32) -> Decoded<Vec<u16>> {
        let found = usize::try_from(n).ok().and_then(|n| self.types.get(n)).cloned().ok_or(Fail::Bad("type", at))?;
        self.refers = true;
        Ok(found)
    }

    fn type_by_number(&mut self) -> Decoded<Vec<u16>> {
        let at = self.at;
        let n = self.int()?;
        self.type_of(at, n)
    }

    fn type_name(&mut self) -> Decoded<Option<Vec<u16>>> {
        let tag = self.peek()?;
        if !self.ant {
            if !self.is_string(tag) {
                return self.type_by_number().map(Some);
            }
            let name = self.string()?;
            self.types.push(name.clone());
            return Ok(Some(name));
        }
        match tag {
            b't' => {
                self.at += 1;
                let (n, mut name) = (self.number(2)? as usize, Vec::new());
                self.chars(n, &mut name)?;
                self.types.push(name.clone());
                Ok(Some(name))
            }
            b'T' | b'u' => {
                self.at += 1;
                self.type_by_number().map(Some)
            }
            _ => Ok(None),
        }
    }

    fn class(&mut self) -> Decoded<()> {
        if self.classes.len() >= self.limits.classes {
            return Err(Fail::Limit("classes", self.at));
        }
        self.at += 1;
        let name = if self.ant {
            let (n, mut name) = (self.length()?, Vec::new());
            self.chars(n, &mut name)?;
            name
        } else {
            self.string()?
        };
        let at = self.at;
        let n = self.length()?;
        if n > self.limits.fields {
            return Err(Fail::Limit("fields", at));
        }
        let fields = (0..n).map(|_| self.string()).collect::<Decoded<_>>()?;
        self.classes.push(Class { name, fields });
        Ok(())
    }

    fn values(&mut self, n: usize) -> Decoded<Vec<Value>> {
        let mut values = Vec::new();
        for _ in 0..n {
            values.push(self.value()?);
        }
        Ok(values)
    }

    fn is_end(&self) -> Decoded<bool> {
        Ok(self.peek()? == if self.ant { b'z' } else { b'Z' })
    }

    fn until_end(&mut self) -> Decoded<Vec<Value>> {
        let mut values = Vec::new();
        while !self.is_end()? {
            values.push(self.value()?);
        }
        self.at += 1;
        Ok(values)
    }

    fn object(&mut self, at: usize, n: i32) -> Decoded<Value> {
        let class = usize::try_from(n).ok().filter(|n| *n < self.classes.len()).ok_or(Fail::Bad("class", at))?;
        self.refers = true;
        let fields = self.classes[class].fields.len();
        Ok(Value::Object(class, self.values(fields)?))
    }

    fn reference(&mut self, at: usize, n: i64) -> Decoded<Value> {
        let n = usize::try_from(n).ok().filter(|n| *n < self.references).ok_or(Fail::Bad("reference", at))?;
        self.refers = true;
        Ok(Value::Ref(n))
    }

    /// One value, and the class definitions in front of it.
    pub(crate) fn value(&mut self) -> Decoded<Value> {
        loop {
            let tag = self.peek()?;
            if self.is_end()? {
                return Err(Fail::Bad("end", self.at));
            }
            if tag != if self.ant { b'O' } else { b'C' } {
                return self.one(tag);
            }
            self.class()?;
        }
    }

    fn one(&mut self, tag: u8) -> Decoded<Value> {
        let (at, ant) = (self.at, self.ant);
        let container = match tag {
            b'M' => true,
            b'V' | b'o' | b'v' if ant => true,
            b'H' | b'O' | 0x55..=0x58 | 0x60..=0x7f if !ant => true,
            _ => false,
        };
        if self.is_string(tag) {
            return self.string().map(Value::Text);
        }
        if !container {
            return self.single(tag);
        }
        if self.depth >= self.limits.depth {
            return Err(Fail::Limit("depth", at));
        }
        if self.references >= self.limits.references {
            return Err(Fail::Limit("references", at));
        }
        self.references += 1;
        self.depth += 1;
        self.at += 1;
        let value = self.container(tag, at);
        self.depth -= 1;
        value
    }

    fn container(&mut self, tag: u8, at: usize) -> Decoded<Value> {
        let ant = self.ant;
        Ok(match tag {
            b'M' | b'H' => {
                let name = if tag == b'M' { self.type_name()? } else { None };
                let mut entries = Vec::new();
                while !self.is_end()? {
                    entries.push((self.value()?, self.value()?));
                }
                self.at += 1;
                Value::Map(name, entries)
            }
            b'V' if ant => {
                let name = self.type_name()?;
                let at = self.at;
                let n = match self.peek()? {
                    b'n' => {
                        self.at += 1;
                        Some(self.number(1)? as i32)
                    }
                    b'l' => {
                        self.at += 1;
                        Some(self.number(4)? as u32 as i32)
                    }
                    _ => None,
                };
                let Some(n) = n else { return Ok(Value::List(name, self.until_end()?)) };
                let values = self.values(usize::try_from(n).map_err(|_| Fail::Bad("length", at))?)?;
                if !self.is_end()? {
                    return Err(Fail::Bad("end", self.at));
                }
                self.at += 1;
                Value::List(name, values)
            }
            b'v' if ant => {
                let name = self.type_by_number()?;
                let n = self.length()?;
                Value::List(Some(name), self.values(n)?)
            }
            0x55 => {
                let name = self.type_name()?;
                Value::List(name, self.until_end()?)
            }
            b'V' => {
                let name = self.type_name()?;
                let n = self.length()?;
                Value::List(name, self.values(n)?)
            }
            0x57 => Value::List(None, self.until_end()?),
            0x58 => {
                let n = self.length()?;
                Value::List(None, self.values(n)?)
            }
            0x70..=0x77 => {
                let name = self.type_name()?;
                Value::List(name, self.values(usize::from(tag - 0x70))?)
            }
            0x78..=0x7f => Value::List(None, self.values(usize::from(tag - 0x78))?),
            0x60..=0x6f if !ant => self.object(at, i32::from(tag - 0x60))?,
            _ => {
                let at = self.at;
                let n = self.int()?;
                self.object(at, n)?
            }
        })
    }

    fn single(&mut self, tag: u8) -> Decoded<Value> {
        let at = self.at;
        match tag {
            0x80..=0xd7 | b'I' => return self.int().map(Value::Int),
            0x20..=0x2f | b'B' => return self.binary().map(Value::Bytes),
            0x34..=0x37 | b'A' if !self.ant => return self.binary().map(Value::Bytes),
            b'b' if self.ant => return self.binary().map(Value::Bytes),
            _ => {}
        }
        self.at += 1;
        Ok(match (tag, self.ant) {
            (b'N', _) => Value::Null,
            (b'T', _) => Value::Bool(true),
            (b'F', _) => Value::Bool(false),
            (0xd8..=0xef, _) => Value::Long(i64::from(tag) - 0xe0),
            (0xf0..=0xff, _) => Value::Long((i64::from(tag) - 0xf8) * 0x100 + self.number(1)? as i64),
            (0x38..=0x3f, _) => Value::Long((i64::from(tag) - 0x3c) * 0x1_0000 + self.number(2)? as i64),
            (0x59, false) | (0x77, true) => Value::Long(i64::from(self.number(4)? as u32 as i32)),
            (b'L', _) => Value::Long(self.number(8)? as i64),
            (b'D', _) => Value::Double(f64::from_bits(self.number(8)?)),
            (0x5b, false) | (0x67, true) => Value::Double(0.0),
            (0x5c, false) | (0x68, true) => Value::Double(1.0),
            (0x5d, false) | (0x69, true) => Value::Double(f64::from(self.number(1)? as i8)),
            (0x5e, false) | (0x6a, true) => Value::Double(f64::from(self.number(2)? as i16)),
            (0x5f, false) => Value::Double(0.001 * f64::from(self.number(4)? as u32 as i32)),
            (0x6b, true) => Value::Double(f64::from(f32::from_bits(self.number(4)? as u32))),
            (0x4a, false) | (b'd', true) => Value::Date(self.number(8)? as i64),
            (0x4b, false) => Value::Date(i64::from(self.number(4)? as u32 as i32) * 60_000),
            (0x51, false) => {
                let at = self.at;
                let n = self.int()?;
                self.reference(at, n.into())?
            }
            (0x4a, true) => {
                let n = self.number(1)?;
                self.reference(at + 1, n as i64)?
            }
            (0x4b, true) => {
                let n = self.number(2)?;
                self.reference(at + 1, n as i64)?
            }
            (b'R', true) => {
                let n = self.number(4)?;
                self.reference(at + 1, i64::from(n as u32 as i32))?
            }
            (b'r', true) => {
                let name = self.type_name()?;
                Value::Remote(name, self.string()?)
            }
            _ => return Err(Fail::Bad("tag", at)),
        })
    }

    /// Things that a number could name.
    fn containers(&self) -> u64 {
        (self.references + self.types.len() + self.classes.len()) as u64
    }
}

fn same(error: Error, fail: Fail) -> bool {
    match fail {
        Fail::Cut => false,
        Fail::Bad(code, at) => (error.code, error.at, error.limit) == (code, at, false),
        Fail::Limit(code, at) => (error.code, error.at, error.limit) == (code, at, true),
    }
}

/// Where a value ended, and what was known then.
struct End {
    at: usize,
    value: Value,
    containers: u64,
    refers: bool,
}

/// What became of all values of a message, and why there is no more.
fn decode(bytes: &[u8], dialect: Dialect, limits: Limits) -> (Vec<End>, Option<Fail>) {
    let most = usize::try_from(limits.bytes).unwrap_or(usize::MAX);
    let allowed = bytes.get(..most).unwrap_or(bytes);
    let mut oracle = Oracle::new(allowed, dialect, limits);
    let mut ends = Vec::new();
    loop {
        if oracle.at == bytes.len() {
            return (ends, None);
        }
        match oracle.value() {
            Ok(value) => {
                let (containers, refers) = (oracle.containers(), oracle.refers);
                ends.push(End { at: oracle.at, value, containers, refers });
            }
            Err(Fail::Cut) if allowed.len() < bytes.len() => return (ends, Some(Fail::Limit("bytes", most))),
            Err(fail) => return (ends, Some(fail)),
        }
    }
}

/// A scanner that is given `bytes` in pieces as long as `cut` says must find what the decoder does.
pub(crate) fn check(
    bytes: &[u8],
    dialect: Dialect,
    limits: Limits,
    scanner: &mut Scanner,
    mut cut: impl FnMut() -> usize,
) {
    let (ends, fail) = decode(bytes, dialect, limits);
    scanner.reset();
    let (mut at, mut ends) = (0, ends.iter());
    let mut end = ends.next();
    while at < bytes.len() {
        let to = at.saturating_add(cut().max(1)).min(bytes.len());
        let before = scanner.offset();
        assert_eq!(before, at as u64);
        match scanner.skip(&bytes[at..to]) {
            Ok(Progress::Done(n)) => {
                at += n;
                let wanted = end.unwrap_or_else(|| panic!("ended at {at}, {fail:?}"));
                assert_eq!(at, wanted.at, "ended at the wrong place");
                let kind = match (wanted.value.kind(), dialect) {
                    (Kind::UntypedMap, Dialect::Ant3) => Kind::TypedMap,
                    (kind, _) => kind,
                };
                assert_eq!(scanner.last(), Some(kind));
                assert_eq!((scanner.containers(), scanner.refers()), (wanted.containers, wanted.refers));
                assert!(scanner.is_between());
                end = ends.next();
            }
            Ok(Progress::More(k)) => {
                assert!(k > 0 && !scanner.is_between());
                at = to;
                if let Some(End { at: end, .. }) = end {
                    assert!(at < *end, "the value had ended at {end}, and at {at} more is asked for");
                    assert!(at + k <= *end, "at {at} {k} more bytes are asked for, and it ends at {end}");
                } else if at == bytes.len() {
                    assert_eq!(fail, Some(Fail::Cut));
                }
            }
            Err(error) => {
                assert!(end.is_none(), "{error} where a value ends at {:?}", end.map(|end| end.at));
                let fail = fail.unwrap_or_else(|| panic!("{error}, and nothing is wrong"));
                assert!(same(error, fail), "{error:?}, and {fail:?} is wrong");
                assert!(error.at <= to, "{error} beyond {to}");
                assert_eq!(scanner.skip(&bytes[at..]), Err(error), "another error after the first");
                return;
            }
        }
        assert_eq!(scanner.offset(), at as u64);
    }
    assert!(end.is_none() && matches!(fail, None | Some(Fail::Cut)), "{fail:?} was not seen");
}
