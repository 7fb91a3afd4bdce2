//! Reading here and there, where the bytes are.

use std::ops::Range;

use crate::dialect::{Dialect, Kind, Tag};
use crate::error::{Error, Read};
use crate::number;
use crate::scalar::Scalar;
use crate::scanner::{Scanner, Step, too_long};
use crate::stack::{Class, Shape};
use crate::text::{StringScan, Text};
use crate::utf8;

/// Reads values one by one from bytes that are there, to find something among them.
///
/// The bytes are those of a message from its begin, and all places are counted from there; so are those of the [`Scanner`],
/// which knows the limits and what was defined before. What is read here it knows afterwards, so that it can go on where
/// the reader stopped, if that is between two of the values it was asked for. A value that is half scanned is forgotten.
///
/// Where bytes are missing, a method says how many must be there in all, and has changed nothing: with more bytes, a reader
/// made at [`at`](Self::at) tries the same again. How deep a value lies is counted from where it is read.
///
/// ```
/// use meshwire_hessian::{Dialect, Limits, Read, Reader, Scanner};
///
/// let bytes = b"H\x03key\x05valueZ";
/// let mut scanner = Scanner::new(Dialect::Hessian2, Limits::DEFAULT);
/// let mut reader = Reader::new(bytes, 0, &mut scanner);
/// assert_eq!(reader.begin_map()?, Read::Done(true));
/// while let Read::Done(false) = reader.end_of_map()? {
///     let (Read::Done(key), Read::Done(value)) = (reader.text()?, reader.text()?) else { break };
///     assert!(key.is(bytes, "key") && value.is(bytes, "value"));
/// }
/// assert_eq!(reader.at(), bytes.len());
/// # Ok::<(), meshwire_hessian::Error>(())
/// ```
#[derive(Debug)]
pub struct Reader<'a, 's> {
    bytes: &'a [u8],
    at: usize,
    scanner: &'s mut Scanner,
    /// A class definition stands just before, and a value must follow.
    behind: bool,
}

impl<'a, 's> Reader<'a, 's> {
    /// A reader of `bytes` whose first value begins at `at`.
    pub fn new(bytes: &'a [u8], at: usize, scanner: &'s mut Scanner) -> Self {
        scanner.rewind(at as u64);
        Self { bytes, at, scanner, behind: false }
    }

    /// Where the next value begins.
    pub fn at(&self) -> usize {
        self.at
    }

    /// What the next value is. It is not read, but definitions of classes in front of it are.
    pub fn kind(&mut self) -> Result<Read<Kind>, Error> {
        loop {
            let Some(&tag) = self.allowed().get(self.at) else { return self.need(self.at.saturating_add(1)) };
            let dialect = self.scanner.dialect;
            match (dialect.kind(tag), dialect.tag(tag)) {
                (Some(kind), _) => return Ok(Read::Done(kind)),
                (None, Tag::CLASS) => match self.walk(0, Shape::Header)? {
                    Read::Done(()) => self.behind = true,
                    Read::Need(need) => return Ok(Read::Need(need)),
                },
                (None, Tag::END) => return Err(Error::new("end", "a value must stand here", self.at)),
                (None, _) => return Err(Error::new("tag", "no value begins so", self.at)),
            }
        }
    }

    /// A string or null.
    pub fn text(&mut self) -> Result<Read<Text>, Error> {
        let mut scan = StringScan::in_dialect(self.at, self.scanner.dialect);
        match scan.run(self.allowed())? {
            Read::Done(text) => {
                self.move_to(scan.at);
                Ok(Read::Done(text))
            }
            Read::Need(need) => self.need(need),
        }
    }

    /// Any value: where it and the class definitions in front of it lie.
    pub fn skip(&mut self) -> Result<Read<Range<usize>>, Error> {
        let from = self.at;
        Ok(self.walk(1, Shape::Top)?.map(|()| from..self.at))
    }

    /// So many values.
    pub fn skip_many(&mut self, n: usize) -> Result<Read<()>, Error> {
        match n {
            0 => Ok(Read::Done(())),
            _ => self.walk(u32::try_from(n).unwrap_or(u32::MAX), Shape::Top),
        }
    }

    /// A value that holds no others. Anything else, bytes and references included, is read over: `None`.
    pub fn scalar(&mut self) -> Result<Read<Option<Scalar>>, Error> {
        let kind = match self.kind()? {
            Read::Done(kind) => kind,
            Read::Need(need) => return Ok(Read::Need(need)),
        };
        if kind == Kind::String {
            return Ok(self.text()?.map(|text| Some(Scalar::String(text))));
        }
        let (bytes, dialect) = (self.bytes, self.scanner.dialect);
        Ok(self.skip()?.map(|span| Scalar::of(bytes.get(span).unwrap_or_default(), dialect)))
    }

    /// The begin of a map, with or without a type: keys and values follow in turn, up to the
    /// [end](Self::end_of_map). False if the next value is none; then nothing is read.
    pub fn begin_map(&mut self) -> Result<Read<bool>, Error> {
        Ok(match self.kind()? {
            Read::Done(Kind::UntypedMap | Kind::TypedMap) => self.walk(0, Shape::Header)?.map(|()| true),
            Read::Done(_) => Read::Done(false),
            Read::Need(need) => Read::Need(need),
        })
    }

    /// Whether a map ends here. If so the end is read, else the next key stands here.
    pub fn end_of_map(&mut self) -> Result<Read<bool>, Error> {
        let Some(&tag) = self.allowed().get(self.at) else { return self.need(self.at.saturating_add(1)) };
        let end = self.scanner.dialect.tag(tag) == Tag::END;
        if end && self.behind {
            return Err(Error::new("end", "a value must stand behind a class definition", self.at));
        }
        if end {
            self.move_to(self.at.saturating_add(1));
        }
        Ok(Read::Done(end))
    }

    /// The begin of an instance of a class: as many values follow as it has [fields](Object::fields). `None` if the next
    /// value is none; then nothing is read.
    pub fn begin_object(&mut self) -> Result<Read<Option<Object>>, Error> {
        match self.kind()? {
            Read::Done(Kind::Object) => {}
            Read::Done(_) => return Ok(Read::Done(None)),
            Read::Need(need) => return Ok(Read::Need(need)),
        }
        let at = self.at;
        match self.walk(0, Shape::Header)? {
            Read::Done(()) => match Object::of(self.bytes, self.scanner.class, self.scanner.dialect) {
                Some(object) => Ok(Read::Done(Some(object))),
                None => Err(Error::new("class", "the definition of the class is not among these bytes", at)),
            },
            Read::Need(need) => Ok(Read::Need(need)),
        }
    }

    /// As many of the bytes as a message may have.
    fn allowed(&self) -> &'a [u8] {
        let most = usize::try_from(self.scanner.limits.bytes).unwrap_or(usize::MAX);
        self.bytes.get(..most).unwrap_or(self.bytes)
    }

    fn need<T>(&self, need: usize) -> Result<Read<T>, Error> {
        match self.allowed().len() < self.bytes.len() {
            true => Err(too_long(self.scanner.limits.bytes)),
            false => Ok(Read::Need(need)),
        }
    }

    fn move_to(&mut self, at: usize) {
        self.at = at;
        self.behind = false;
        self.scanner.walked = at as u64;
    }

    fn walk(&mut self, n: u32, shape: Shape) -> Result<Read<()>, Error> {
        let (mark, bytes) = (self.scanner.mark(), self.allowed());
        self.scanner.begin(n, shape);
        let step = self.scanner.walk(bytes, self.at, 0);
        let read = match step {
            Ok(Step::Done(end)) => {
                self.move_to(end);
                return Ok(Read::Done(()));
            }
            Ok(Step::Need { at, need }) => {
                let missing = self.scanner.missing(bytes.len().saturating_sub(at), need);
                self.need(bytes.len().saturating_add(missing))
            }
            Err(error) => Err(error),
        };
        self.scanner.back_to(mark);
        self.scanner.begin(0, Shape::Top);
        read
    }
}

/// The class of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Object {
    /// Its name.
    pub class: Text,
    /// How many fields it has.
    pub fields: usize,
    /// Where the names of its fields begin.
    names: usize,
    dialect: Dialect,
}

impl Object {
    /// The class whose definition lies in `bytes`.
    fn of(bytes: &[u8], class: Class, dialect: Dialect) -> Option<Self> {
        if class.at == Class::FAR {
            return None;
        }
        let at = class.at as usize;
        let (name, end) = match dialect {
            Dialect::Hessian2 => {
                let mut scan = StringScan::new(at);
                (scan.run(bytes).ok()?.done()?, scan.at)
            }
            Dialect::Ant3 => {
                let (units, len) = number::length(bytes, at).ok()?.done()?;
                let begin = at.saturating_add(len);
                let walk = utf8::walk(bytes, begin, units).ok()?;
                (Text::Plain(begin..walk.at), (walk.left == 0).then_some(walk.at)?)
            }
        };
        let (fields, len) = number::length(bytes, end).ok()?.done()?;
        Some(Self { class: name, fields: fields as usize, names: end.saturating_add(len), dialect })
    }

    /// The name of field `n`, in the bytes the object was read from.
    pub fn field_name(&self, bytes: &[u8], n: usize) -> Option<Text> {
        self.field_names(bytes).nth(n)
    }

    /// The names of all fields in the order of their values, in the bytes the object was read from.
    pub fn field_names<'a>(&self, bytes: &'a [u8]) -> FieldNames<'a> {
        FieldNames { bytes, at: self.names, left: self.fields, dialect: self.dialect }
    }
}

/// The names of a class's fields.
#[derive(Debug, Clone)]
pub struct FieldNames<'a> {
    bytes: &'a [u8],
    at: usize,
    left: usize,
    dialect: Dialect,
}

impl Iterator for FieldNames<'_> {
    type Item = Text;

    fn next(&mut self) -> Option<Text> {
        self.left = self.left.checked_sub(1)?;
        let mut scan = StringScan::in_dialect(self.at, self.dialect);
        let text = scan.run(self.bytes).ok()?.done()?;
        self.at = scan.at;
        Some(text)
    }
}

/// Where the values of some fields begin in the object at `at`, by name; `None` for one that its class does not have, and
/// for all if no object stands there. Only as much is read as is needed to find them; what is in their values is not looked
/// for.
///
/// ```
/// use meshwire_hessian::{Dialect, Limits, Read, Scanner, find_fields};
///
/// let bytes = b"C\x03Car\x92\x05color\x05model\x60\x03red\x08corvette";
/// let mut scanner = Scanner::new(Dialect::Hessian2, Limits::DEFAULT);
/// let found = find_fields(bytes, 0, &mut scanner, ["model", "year"])?;
/// assert_eq!(found, Read::Done([Some(23), None]));
/// # Ok::<(), meshwire_hessian::Error>(())
/// ```
pub fn find_fields<const N: usize>(
    bytes: &[u8],
    at: usize,
    scanner: &mut Scanner,
    names: [&str; N],
) -> Result<Read<[Option<usize>; N]>, Error> {
    let mark = scanner.mark();
    let found = find(bytes, at, scanner, names);
    if !matches!(found, Ok(Read::Done(_))) {
        scanner.back_to(mark);
    }
    found
}

fn find<const N: usize>(
    bytes: &[u8],
    at: usize,
    scanner: &mut Scanner,
    names: [&str; N],
) -> Result<Read<[Option<usize>; N]>, Error> {
    let mut found = [None; N];
    let mut reader = Reader::new(bytes, at, scanner);
    let object = match reader.begin_object()? {
        Read::Done(Some(object)) => object,
        Read::Done(None) => return Ok(Read::Done(found)),
        Read::Need(need) => return Ok(Read::Need(need)),
    };
    // Which fields they are is known before any value is read, so that none is read behind the last of them.
    let mut wanted = [None; N];
    for (field, name) in object.field_names(bytes).enumerate() {
        for (wanted, _) in wanted.iter_mut().zip(names).filter(|(_, wanted)| name.is(bytes, wanted)) {
            *wanted = Some(field);
        }
    }
    let mut read = 0usize;
    while let Some(next) = wanted.iter().flatten().filter(|field| **field >= read).min().copied() {
        match reader.skip_many(next.saturating_sub(read))? {
            Read::Done(()) => read = next,
            Read::Need(need) => return Ok(Read::Need(need)),
        }
        for (found, _) in found.iter_mut().zip(wanted).filter(|(_, wanted)| *wanted == Some(next)) {
            *found = Some(reader.at());
        }
        if wanted.iter().flatten().all(|field| *field <= read) {
            break;
        }
        match reader.skip_many(1)? {
            Read::Done(()) => read = read.saturating_add(1),
            Read::Need(need) => return Ok(Read::Need(need)),
        }
    }
    Ok(Read::Done(found))
}
