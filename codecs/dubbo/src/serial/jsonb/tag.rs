//! What the first byte of a JSONB value says (`com.alibaba.fastjson2.JSONB.Constants`).

/// An int with a 4-bit high part here and a byte behind.
pub(super) const INT_BYTE: u8 = 0x30;
/// An int with a 3-bit high part here and two bytes behind.
pub(super) const INT_SHORT: u8 = 0x40;
pub(super) const INT32: u8 = 0x48;
/// The empty one of the strings in Latin-1 whose length is part of the tag.
pub(super) const SHORT: u8 = 0x49;
pub(super) const SHORT_MAX: u8 = 0x78;
/// Java calls it ASCII, and reads and writes Latin-1.
pub(super) const LATIN1: u8 = 0x79;
pub(super) const UTF8: u8 = 0x7a;
pub(super) const UTF16: u8 = 0x7b;
pub(super) const UTF16LE: u8 = 0x7c;
pub(super) const UTF16BE: u8 = 0x7d;
pub(super) const GB18030: u8 = 0x7e;
/// A number that stands for a string, or a string and the number that stands for it from here on.
pub(super) const SYMBOL: u8 = 0x7f;
pub(super) const CHAR: u8 = 0x90;
pub(super) const BINARY: u8 = 0x91;
/// The name of a class, and a value of it.
pub(super) const TYPED: u8 = 0x92;
/// A path to a value that stands elsewhere in the same one.
pub(super) const REFERENCE: u8 = 0x93;
/// The empty one of the arrays whose length is part of the tag.
pub(super) const ARRAY_SHORT: u8 = 0x94;
pub(super) const ARRAY: u8 = 0xa4;
pub(super) const END: u8 = 0xa5;
pub(super) const OBJECT: u8 = 0xa6;
pub(super) const LOCAL_TIME: u8 = 0xa7;
pub(super) const LOCAL_DATE_TIME: u8 = 0xa8;
pub(super) const LOCAL_DATE: u8 = 0xa9;
pub(super) const ZONED: u8 = 0xaa;
pub(super) const MILLIS: u8 = 0xab;
pub(super) const SECONDS: u8 = 0xac;
pub(super) const MINUTES: u8 = 0xad;
pub(super) const TIMESTAMP: u8 = 0xae;
pub(super) const NULL: u8 = 0xaf;
pub(super) const FALSE: u8 = 0xb0;
pub(super) const TRUE: u8 = 0xb1;
pub(super) const DOUBLE_0: u8 = 0xb2;
pub(super) const DOUBLE_1: u8 = 0xb3;
pub(super) const DOUBLE_LONG: u8 = 0xb4;
pub(super) const DOUBLE: u8 = 0xb5;
pub(super) const FLOAT_INT: u8 = 0xb6;
pub(super) const FLOAT: u8 = 0xb7;
pub(super) const DECIMAL_LONG: u8 = 0xb8;
pub(super) const DECIMAL: u8 = 0xb9;
pub(super) const BIG_LONG: u8 = 0xba;
pub(super) const BIG: u8 = 0xbb;
pub(super) const INT16: u8 = 0xbc;
pub(super) const INT8: u8 = 0xbd;
pub(super) const INT64: u8 = 0xbe;
/// A long in 32 bits.
pub(super) const INT64_INT: u8 = 0xbf;
/// Longs as the ints above: in three bytes, in two, in one.
pub(super) const LONG_SHORT: u8 = 0xc0;
pub(super) const LONG_BYTE: u8 = 0xc8;
pub(super) const LONG_TINY: u8 = 0xd8;
/// From here on, and up to 0x2f, the tag is itself an int.
pub(super) const INT_TINY: u8 = 0xf0;
