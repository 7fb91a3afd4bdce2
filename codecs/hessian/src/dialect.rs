//! The two serializations that go by the name of Hessian 2, and what each of their tags begins.

/// Which Hessian. Nothing on the wire tells one from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Hessian 2.0 as it was published in the end: Dubbo in Java, Go, Node and Python, caucho 4.0.
    Hessian2,
    /// The draft of it that caucho 3.1 and `com.alipay.sofa:hessian` 3.x speak: class definitions begin with `O`.
    Ant3,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Null, of whatever type.
    Null,
    /// True or false.
    Bool,
    /// A number of 32 bits.
    Int,
    /// A number of 64 bits.
    Long,
    /// A floating point number.
    Double,
    /// A point in time.
    Date,
    /// A string.
    String,
    /// Bytes.
    Binary,
    /// A list or array, of whatever type.
    List,
    /// A map without a type.
    UntypedMap,
    /// A map with a type, which Java also writes for some objects.
    TypedMap,
    /// An instance of a class.
    Object,
    /// A list, map or object that came before.
    Ref,
    /// The address of a service, in [`Dialect::Ant3`] only.
    Remote,
}

/// What a tag begins. Scalars have their whole length, up to [`Tag::SCALAR`].
pub(crate) struct Tag;

#[rustfmt::skip]
impl Tag {
    /// No value begins so.
    pub(crate) const NONE: u8 = 0;
    /// The longest scalar.
    pub(crate) const SCALAR: u8 = 9;
    /// The last piece of a string, whose length is the tag.
    pub(crate) const STRING: u8 = 10;
    /// The same with 10 bits of length.
    pub(crate) const STRING_10: u8 = 11;
    /// The same with 16 bits of length.
    pub(crate) const STRING_16: u8 = 12;
    /// A piece that is not the last, with 16 bits of length.
    pub(crate) const STRING_PIECE: u8 = 13;
    /// The last piece of bytes; the lower 4 bits of the tag are its length.
    pub(crate) const BINARY: u8 = 14;
    /// The same with 10 bits of length.
    pub(crate) const BINARY_10: u8 = 15;
    /// The same with 16 bits of length.
    pub(crate) const BINARY_16: u8 = 16;
    /// A piece that is not the last, with 16 bits of length.
    pub(crate) const BINARY_PIECE: u8 = 17;
    /// A list of as many values as the lower 3 bits say.
    pub(crate) const LIST_DIRECT: u8 = 18;
    /// The same behind a type.
    pub(crate) const LIST_DIRECT_TYPED: u8 = 19;
    /// A list behind its length.
    pub(crate) const LIST: u8 = 20;
    /// A list behind its type and length.
    pub(crate) const LIST_TYPED: u8 = 21;
    /// A list up to an end.
    pub(crate) const LIST_OPEN: u8 = 22;
    /// A list behind a type up to an end.
    pub(crate) const LIST_OPEN_TYPED: u8 = 23;
    /// A map without a type.
    pub(crate) const MAP: u8 = 24;
    /// A map behind its type, which Ant's may lack.
    pub(crate) const MAP_TYPED: u8 = 25;
    /// The definition of a class.
    pub(crate) const CLASS: u8 = 26;
    /// An instance of the class whose number follows.
    pub(crate) const OBJECT: u8 = 27;
    /// An instance of one of the first sixteen classes.
    pub(crate) const OBJECT_DIRECT: u8 = 28;
    /// A reference by an int.
    pub(crate) const REF: u8 = 29;
    /// References by a number of so many bytes.
    pub(crate) const REF_8: u8 = 30;
    pub(crate) const REF_16: u8 = 31;
    pub(crate) const REF_32: u8 = 32;
    /// The end of a map or an open list.
    pub(crate) const END: u8 = 33;
    /// A list that may have a type and a length and has an end.
    pub(crate) const ANT_LIST: u8 = 34;
    /// A list behind the number of its type and its length, without an end.
    pub(crate) const ANT_LIST_REF: u8 = 35;
    /// A type, if any, and an address.
    pub(crate) const REMOTE: u8 = 36;
}

/// What each tag begins.
pub(crate) type Table = [u8; 256];

static HESSIAN2: Table = table(Dialect::Hessian2);
static ANT3: Table = table(Dialect::Ant3);

/// Hessian 2.0, section 6, and the same of its draft of August 2007.
const fn table(dialect: Dialect) -> Table {
    let mut table = [Tag::NONE; 256];
    let mut tag = 0u8;
    loop {
        // What both have.
        let mut class = match tag {
            0x00..=0x1f => Tag::STRING,
            0x20..=0x2f => Tag::BINARY,
            0x38..=0x3f | 0xd0..=0xd7 => 3,
            0x80..=0xbf | 0xd8..=0xef | b'F' | b'N' | b'T' => 1,
            0xc0..=0xcf | 0xf0..=0xff => 2,
            b'B' => Tag::BINARY_16,
            b'D' | b'L' => 9,
            b'I' => 5,
            b'M' => Tag::MAP_TYPED,
            b'S' => Tag::STRING_16,
            _ => Tag::NONE,
        };
        class = match (dialect, tag) {
            (Dialect::Hessian2, 0x30..=0x33) => Tag::STRING_10,
            (Dialect::Hessian2, 0x34..=0x37) => Tag::BINARY_10,
            (Dialect::Hessian2, b'A') => Tag::BINARY_PIECE,
            (Dialect::Hessian2, b'C') => Tag::CLASS,
            (Dialect::Hessian2, b'H') => Tag::MAP,
            (Dialect::Hessian2, 0x4a) => 9,
            (Dialect::Hessian2, 0x4b | 0x59 | 0x5f) => 5,
            (Dialect::Hessian2, b'O') => Tag::OBJECT,
            (Dialect::Hessian2, 0x51) => Tag::REF,
            (Dialect::Hessian2, b'R') => Tag::STRING_PIECE,
            (Dialect::Hessian2, 0x55) => Tag::LIST_OPEN_TYPED,
            (Dialect::Hessian2, b'V') => Tag::LIST_TYPED,
            (Dialect::Hessian2, 0x57) => Tag::LIST_OPEN,
            (Dialect::Hessian2, 0x58) => Tag::LIST,
            (Dialect::Hessian2, b'Z') => Tag::END,
            (Dialect::Hessian2, 0x5b | 0x5c) => 1,
            (Dialect::Hessian2, 0x5d) => 2,
            (Dialect::Hessian2, 0x5e) => 3,
            (Dialect::Hessian2, 0x60..=0x6f) => Tag::OBJECT_DIRECT,
            (Dialect::Hessian2, 0x70..=0x77) => Tag::LIST_DIRECT_TYPED,
            (Dialect::Hessian2, 0x78..=0x7f) => Tag::LIST_DIRECT,
            (Dialect::Ant3, 0x4a) => Tag::REF_8,
            (Dialect::Ant3, 0x4b) => Tag::REF_16,
            (Dialect::Ant3, b'O') => Tag::CLASS,
            (Dialect::Ant3, b'R') => Tag::REF_32,
            (Dialect::Ant3, b'V') => Tag::ANT_LIST,
            (Dialect::Ant3, b'b') => Tag::BINARY_PIECE,
            (Dialect::Ant3, b'd') => 9,
            (Dialect::Ant3, 0x67 | 0x68) => 1,
            (Dialect::Ant3, 0x69) => 2,
            (Dialect::Ant3, 0x6a) => 3,
            (Dialect::Ant3, 0x6b | 0x77) => 5,
            (Dialect::Ant3, b'o') => Tag::OBJECT,
            (Dialect::Ant3, b'r') => Tag::REMOTE,
            (Dialect::Ant3, b's') => Tag::STRING_PIECE,
            (Dialect::Ant3, b'v') => Tag::ANT_LIST_REF,
            (Dialect::Ant3, b'z') => Tag::END,
            _ => class,
        };
        if let Some(slot) = table.as_mut_slice().split_at_mut(tag as usize).1.first_mut() {
            *slot = class;
        }
        if tag == 0xff {
            return table;
        }
        tag = tag.wrapping_add(1);
    }
}

impl Dialect {
    pub(crate) const fn table(self) -> &'static Table {
        match self {
            Self::Hessian2 => &HESSIAN2,
            Self::Ant3 => &ANT3,
        }
    }

    /// What `tag` begins.
    #[inline]
    pub(crate) fn tag(self, tag: u8) -> u8 {
        self.table().get(usize::from(tag)).copied().unwrap_or(Tag::NONE)
    }

    /// What the value is that begins with `tag`.
    pub(crate) fn kind(self, tag: u8) -> Option<Kind> {
        Some(match self.tag(tag) {
            Tag::NONE | Tag::END | Tag::CLASS => return None,
            Tag::STRING | Tag::STRING_10 | Tag::STRING_16 | Tag::STRING_PIECE => Kind::String,
            Tag::BINARY | Tag::BINARY_10 | Tag::BINARY_16 | Tag::BINARY_PIECE => Kind::Binary,
            Tag::MAP => Kind::UntypedMap,
            Tag::MAP_TYPED => Kind::TypedMap,
            Tag::OBJECT | Tag::OBJECT_DIRECT => Kind::Object,
            Tag::REF | Tag::REF_8 | Tag::REF_16 | Tag::REF_32 => Kind::Ref,
            Tag::REMOTE => Kind::Remote,
            1..=Tag::SCALAR => self.scalar(tag),
            _ => Kind::List,
        })
    }

    fn scalar(self, tag: u8) -> Kind {
        match (self, tag) {
            (_, b'N') => Kind::Null,
            (_, b'F' | b'T') => Kind::Bool,
            (_, 0x80..=0xd7 | b'I') => Kind::Int,
            (_, 0xd8..=0xff | 0x38..=0x3f | b'L') | (Self::Hessian2, 0x59) | (Self::Ant3, 0x77) => Kind::Long,
            (Self::Hessian2, 0x4a | 0x4b) | (Self::Ant3, b'd') => Kind::Date,
            _ => Kind::Double,
        }
    }
}
