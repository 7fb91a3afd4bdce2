//! Each form and its edges, as Hessian 2.0 and its draft have them.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

use meshwire_hessian::{Dialect, Error, Kind, Limits, Progress, Read, Reader, Scalar, Scanner};

const D: Dialect = Dialect::Hessian2;
const A: Dialect = Dialect::Ant3;

fn scan(dialect: Dialect, bytes: &[u8]) -> Result<Progress, Error> {
    Scanner::new(dialect, Limits::DEFAULT).skip(bytes)
}

/// It is one value of this kind, whole and in bytes.
#[track_caller]
fn is(dialect: Dialect, bytes: &[u8], kind: Kind) {
    let mut scanner = Scanner::new(dialect, Limits::DEFAULT);
    assert_eq!(scanner.skip(bytes), Ok(Progress::Done(bytes.len())), "{bytes:x?}");
    assert_eq!(scanner.last(), Some(kind), "{bytes:x?}");
    scanner.reset();
    for (at, byte) in bytes.iter().enumerate() {
        match scanner.skip(&[*byte]) {
            Ok(Progress::Done(1)) => assert_eq!(at + 1, bytes.len(), "{bytes:x?}"),
            Ok(Progress::More(k)) => assert!(k >= 1 && at + 1 + k <= bytes.len(), "{bytes:x?} at {at}: {k}"),
            other => panic!("{bytes:x?} at {at}: {other:?}"),
        }
    }
}

#[track_caller]
fn refused(dialect: Dialect, bytes: &[u8], code: &str, at: usize) {
    let error = scan(dialect, bytes).expect_err("it is broken");
    assert_eq!((error.code, error.at, error.limit), (code, at, false), "{bytes:x?}: {error}");
}

#[track_caller]
fn reads(dialect: Dialect, bytes: &[u8], value: Scalar) {
    let mut scanner = Scanner::new(dialect, Limits::DEFAULT);
    let mut reader = Reader::new(bytes, 0, &mut scanner);
    assert_eq!(reader.scalar(), Ok(Read::Done(Some(value))), "{bytes:x?}");
    assert_eq!(reader.at(), bytes.len());
    for end in 0..bytes.len() {
        let mut reader = Reader::new(&bytes[..end], 0, &mut scanner);
        let Ok(Read::Need(need)) = reader.scalar() else { panic!("{:x?} is not all of it", &bytes[..end]) };
        assert!(need > end && need <= bytes.len(), "{bytes:x?}: {need} with {end} there");
        assert_eq!(reader.at(), 0);
    }
}

#[test]
fn numbers() {
    for dialect in [D, A] {
        for (bytes, n) in [
            (&[0x90][..], 0),
            (&[0x80], -16),
            (&[0xbf], 47),
            (&[0xc8, 0x00], 0),
            (&[0xc0, 0x00], -2048),
            (&[0xc7, 0x00], -256),
            (&[0xcf, 0xff], 2047),
            (&[0xd4, 0x00, 0x00], 0),
            (&[0xd0, 0x00, 0x00], -262_144),
            (&[0xd7, 0xff, 0xff], 262_143),
            (b"I\x00\x00\x00\x00", 0),
            (b"I\x00\x00\x01\x2c", 300),
            (b"I\x80\x00\x00\x00", i32::MIN),
        ] {
            is(dialect, bytes, Kind::Int);
            reads(dialect, bytes, Scalar::Int(n));
        }
        for (bytes, n) in [
            (&[0xe0][..], 0),
            (&[0xd8], -8),
            (&[0xef], 15),
            (&[0xf8, 0x00], 0),
            (&[0xf0, 0x00], -2048),
            (&[0xf7, 0x00], -256),
            (&[0xff, 0xff], 2047),
            (&[0x3c, 0x00, 0x00], 0),
            (&[0x38, 0x00, 0x00], -262_144),
            (&[0x3f, 0xff, 0xff], 262_143),
            (b"L\x00\x00\x00\x00\x00\x00\x01\x2c", 300),
            (b"L\x80\x00\x00\x00\x00\x00\x00\x00", i64::MIN),
        ] {
            is(dialect, bytes, Kind::Long);
            reads(dialect, bytes, Scalar::Long(n));
        }
    }
    for (dialect, tag) in [(D, 0x59), (A, 0x77)] {
        reads(dialect, &[tag, 0x00, 0x00, 0x00, 0x00], Scalar::Long(0));
        reads(dialect, &[tag, 0xff, 0xff, 0xff, 0xfe], Scalar::Long(-2));
    }
}

#[test]
fn doubles() {
    for (dialect, tags) in [(D, [0x5b, 0x5c, 0x5d, 0x5e]), (A, [0x67, 0x68, 0x69, 0x6a])] {
        let [zero, one, byte, short] = tags;
        for (bytes, n) in [
            (&[zero][..], 0.0),
            (&[one], 1.0),
            (&[byte, 0x00], 0.0),
            (&[byte, 0x80], -128.0),
            (&[byte, 0x7f], 127.0),
            (&[short, 0x00, 0x00], 0.0),
            (&[short, 0x80, 0x00], -32_768.0),
            (&[short, 0x7f, 0xff], 32_767.0),
            (b"D\x40\x28\x80\x00\x00\x00\x00\x00", 12.25),
        ] {
            is(dialect, bytes, Kind::Double);
            reads(dialect, bytes, Scalar::Double(n));
        }
    }
    // The specification calls it a float, and has 12.25 as this.
    reads(D, &[0x5f, 0x00, 0x00, 0x2f, 0xda], Scalar::Double(12.25));
    reads(A, &[0x6b, 0x41, 0x44, 0x00, 0x00], Scalar::Double(12.25));
}

#[test]
fn null_booleans_dates() {
    for dialect in [D, A] {
        is(dialect, b"N", Kind::Null);
        reads(dialect, b"N", Scalar::Null);
        is(dialect, b"T", Kind::Bool);
        reads(dialect, b"T", Scalar::Bool(true));
        reads(dialect, b"F", Scalar::Bool(false));
    }
    // 09:51:31 on the 8th of May 1998.
    let date = Scalar::Date(894_621_091_000);
    reads(D, &[0x4a, 0x00, 0x00, 0x00, 0xd0, 0x4b, 0x92, 0x84, 0xb8], date.clone());
    reads(A, &[b'd', 0x00, 0x00, 0x00, 0xd0, 0x4b, 0x92, 0x84, 0xb8], date);
    // 09:51:00 of the same day.
    reads(D, &[0x4b, 0x00, 0xe3, 0x83, 0x8f], Scalar::Date(894_621_060_000));
    is(D, &[0x4b, 0xff, 0xff, 0xff, 0xff], Kind::Date);
}

#[test]
fn strings() {
    for dialect in [D, A] {
        is(dialect, b"\x00", Kind::String);
        is(dialect, b"\x05hello", Kind::String);
        is(dialect, "\u{1}\u{c3}".as_bytes(), Kind::String);
        is(dialect, b"S\x00\x05hello", Kind::String);
        is(dialect, &[&[0x1f][..], &[b'x'; 31]].concat(), Kind::String);
        is(dialect, "S\0\u{2}😀".as_bytes(), Kind::String);
        is(dialect, &[2, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], Kind::String);
    }
    is(D, &[&[0x30, 0x20][..], &[b'x'; 32]].concat(), Kind::String);
    is(D, &[&[0x33, 0xff][..], &[b'x'; 1023]].concat(), Kind::String);
    is(D, b"R\x00\x01hR\x00\x00\x30\x04ello", Kind::String);
    is(A, b"s\x00\x01hs\x00\x00S\x00\x04ello", Kind::String);
    is(D, &[1, 0xed, 0xb8, 0x80], Kind::String);
    // A pair is cut by the end of a piece, or of the string, or by another character.
    refused(D, &[b'R', 0, 1, 0xed, 0xa0, 0xbd, 1, 0xed, 0xb8, 0x80], "surrogate", 3);
    refused(D, &[2, b'x', 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], "surrogate", 2);
    refused(D, &[2, b'x', 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80, b'N', b'N', b'N'], "surrogate", 2);
    refused(D, &[2, 0xed, 0xa0, 0xbd, b'x', b'N', b'N'], "surrogate", 1);
    refused(A, &[3, 0xed, 0xa0, 0xbd, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], "surrogate", 1);

    refused(D, b"R\x00\x01hN", "string", 4);
    refused(A, b"s\x00\x01h\x30\x04", "string", 4);
    refused(A, b"\x30\x04", "tag", 0);
    for (bytes, code, at) in [
        (&[1, 0xf0, 0x9f, 0x98, 0x80][..], "string", 1), // two units where one was announced
        (&[1, 0x80], "utf8", 1),
        (&[1, 0xc0, 0x80], "utf8", 1), // longer than need be
        (&[1, 0xc1, 0xa1], "utf8", 1),
        (&[1, 0xe0, 0x9f, 0xbf], "utf8", 1),
        (&[2, 0xf0, 0x8f, 0xbf, 0xbf], "utf8", 1),
        (&[2, 0xf4, 0x90, 0x80, 0x80], "utf8", 1),
        (&[1, 0xf5], "utf8", 1),
        (&[2, b'a', 0xc3, b'b'], "utf8", 2),
        (&[2, b'a', 0xe4, 0xb8, b'b'], "utf8", 2),
    ] {
        refused(D, bytes, code, at);
        refused(A, bytes, code, at);
    }
    // What is cut is not wrong yet.
    assert_eq!(scan(D, &[2, 0xe4, 0xb8]), Ok(Progress::More(2)));
    assert_eq!(scan(D, &[2, 0xf0, 0x9f]), Ok(Progress::More(2)));
    assert_eq!(scan(D, &[9, b'a']), Ok(Progress::More(8)));
}

/// Long runs of each width, begun and broken off at every place within a word.
#[test]
fn strings_of_each_width() {
    for char in ["a", "é", "ࠀ", "中", "\u{d7ff}", "\u{e000}", "😀"] {
        for (before, n, behind) in (0..9).flat_map(|before| [1, 7, 40].map(|n| (before, n, before % 5))) {
            let text = ["x".repeat(before), char.repeat(n), "y".repeat(behind)].concat();
            let units = text.encode_utf16().count() as u16;
            let bytes = [&[b'S'][..], &units.to_be_bytes(), text.as_bytes()].concat();
            is(D, &bytes, Kind::String);
            // One byte of the last character that is none.
            let mut broken = bytes.clone();
            let last = bytes.len() - behind - 1;
            broken[last] = 0xff;
            refused(D, &broken, "utf8", last + 1 - if char == "a" { 1 } else { char.len() });
        }
    }
}

#[test]
fn binary() {
    for dialect in [D, A] {
        is(dialect, b"\x20", Kind::Binary);
        is(dialect, b"\x23\x01\x02\xff", Kind::Binary);
        is(dialect, &[&[0x2f][..], &[0xff; 15]].concat(), Kind::Binary);
        is(dialect, b"B\x00\x02\x80\x80", Kind::Binary);
    }
    is(D, &[&[0x34, 0x10][..], &[0; 16]].concat(), Kind::Binary);
    is(D, &[&[0x37, 0xff][..], &[0; 1023]].concat(), Kind::Binary);
    is(D, b"A\x00\x01zA\x00\x00\x21z", Kind::Binary);
    is(A, b"b\x00\x01zb\x00\x00\x21z", Kind::Binary);
    refused(D, b"A\x00\x01zZ", "binary", 4);
    refused(D, b"A\x00\x01z\x01z", "binary", 4);
    refused(A, b"\x34\x10", "tag", 0);
}

#[test]
fn lists() {
    // The specification's own.
    is(D, b"V\x04[int\x92\x90\x91", Kind::List);
    is(D, b"\x57\x90\x91Z", Kind::List);
    is(D, b"\x72\x04[int\x90\x91", Kind::List);
    is(D, b"\x55\x04[intZ", Kind::List);
    is(D, b"\x58\x92\x90\x91", Kind::List);
    is(D, b"\x58\x90", Kind::List);
    is(D, b"\x78", Kind::List);
    is(D, b"\x7f\x90\x90\x90\x90\x90\x90\x90", Kind::List);
    // The second has the first one's type; its number may be spelled anyhow.
    is(D, b"\x7a\x70\x04[int\x71\x90\x91", Kind::List);
    is(D, b"\x7a\x70\x04[intVI\x00\x00\x00\x00\xc8\x01\x90", Kind::List);
    refused(D, b"\x71\x90\x91", "type", 1);
    refused(D, b"\x7a\x70\x04[int\x71\x91\x91", "type", 8);
    refused(D, b"\x70\x8f", "type", 1);
    refused(D, b"VN\x90", "int", 1);
    refused(D, b"\x58N", "int", 1);
    refused(D, b"\x58\xe0", "int", 1);
    refused(D, b"\x58\x8f", "length", 1);
    refused(D, b"\x58I\xff\xff\xff\xff", "length", 1);
    refused(D, b"\x79Z", "end", 1);
    // The most that can be announced costs nothing, and what is missing is told.
    assert_eq!(scan(D, b"\x58I\x7f\xff\xff\xff"), Ok(Progress::More(0x7fff_ffff)));
    assert_eq!(scan(D, b"\x58I\x7f\xff\xff\xff\x57"), Ok(Progress::More(0x7fff_ffff)));

    is(A, b"Vt\x00\x04[intn\x02\x90\x91z", Kind::List);
    is(A, b"Vl\x00\x00\x00\x02\x90\x91z", Kind::List);
    is(A, b"V\x90\x91z", Kind::List);
    is(A, b"Vz", Kind::List);
    is(A, b"Vn\x00z", Kind::List);
    is(A, b"Vn\x02Vt\x00\x01yn\x00zv\x90\x91Nz", Kind::List);
    is(A, b"Vn\x02Vt\x00\x01yn\x00zVT\x90n\x01Nzz", Kind::List);
    is(A, b"Vn\x02Vt\x00\x01yn\x00zVu\x90Nzz", Kind::List);
    // What looks like `true` is a type by its number, to Java as well.
    refused(A, b"VTz", "int", 2);
    refused(A, b"v\x90\x91N", "type", 1);
    refused(A, b"Vl\xff\xff\xff\xff", "length", 1);
    refused(A, b"Vn\x01NN", "end", 4);
    refused(A, b"Vn\x01z", "end", 3);
    assert_eq!(scan(A, b"Vl\x7f\xff\xff\xff"), Ok(Progress::More(0x8000_0000)));
}

#[test]
fn maps() {
    is(D, b"H\x91\x03fee\xa0\x03fie\xc9\x00\x03foeZ", Kind::UntypedMap);
    is(D, b"M\x13com.caucho.test.Car\x05color\x0aaquamarineZ", Kind::TypedMap);
    is(D, b"HZ", Kind::UntypedMap);
    // Keys of any type, and a type by its number.
    is(D, b"HNNTFHZ\x78\x5b\x51\x90Z", Kind::UntypedMap);
    is(D, b"M\x01aM\x90ZNZ", Kind::TypedMap);
    refused(D, b"M\x90Z", "type", 1);
    refused(D, b"H\x01aZ", "end", 3);
    refused(D, b"Z", "end", 0);
    assert_eq!(scan(D, b"HNN"), Ok(Progress::More(1)));
    assert_eq!(scan(D, b"HN"), Ok(Progress::More(2)));

    is(A, b"Mt\x00\x01a\x05color\x03redz", Kind::TypedMap);
    is(A, b"M\x05color\x03redz", Kind::TypedMap);
    is(A, b"MMt\x00\x01azMu\x90zz", Kind::TypedMap);
    refused(A, b"HZ", "tag", 0);
    refused(A, b"Mu\x90z", "type", 2);
}

#[test]
fn objects() {
    let car = b"C\x0bexample.Car\x92\x05color\x05model";
    let all = |dialect, bytes: &[u8], rest: &[u8]| is(dialect, &[bytes, rest].concat(), Kind::Object);
    all(D, car, b"O\x90\x03red\x08corvette");
    all(D, car, b"\x60\x05green\x05civic");
    // Definitions stand wherever a value may, several in a row, and in front of what is no object.
    all(D, car, b"C\x01x\x90\x60\x61\x61");
    is(D, b"C\x01x\x90\x90", Kind::Int);
    is(D, b"HC\x01x\x90\x60C\x01y\x90\x61Z", Kind::UntypedMap);
    refused(D, b"O\x90", "class", 1);
    refused(D, b"\x60", "class", 0);
    refused(D, b"C\x01x\x90\x61", "class", 4);
    refused(D, b"C\x01x\x90O\x8f", "class", 5);
    refused(D, b"HC\x01x\x90Z", "end", 5);
    refused(D, b"CN", "string", 1);
    refused(D, b"C\x01x\x91N", "string", 4);
    refused(D, b"C\x01x\x8f", "length", 3);
    refused(D, b"C\x01xN", "int", 3);
    // Seventeen classes, the last of which has no tag of its own.
    let many = b"C\x01x\x90".repeat(17);
    all(D, &many, b"O\xa0");
    all(D, &many, b"\x6f");
    assert_eq!(scan(D, b"C\x01x\x93\x01a"), Ok(Progress::More(3)));

    all(A, b"O\x9bexample.Car\x92\x05color\x05model", b"o\x90\x03red\x08corvette");
    all(A, b"O\x91", b"\xe4\xb8\xad\x90o\x90");
    is(A, b"MO\x90\x90No\x90z", Kind::TypedMap);
    refused(A, b"o\x90", "class", 1);
    refused(A, b"O\x8f", "length", 1);
    refused(A, b"C\x01x", "tag", 0);
}

#[test]
fn references() {
    // A list that holds itself.
    is(D, b"\x79\x51\x90", Kind::List);
    is(D, b"C\x0aLinkedList\x92\x04head\x04tail\x60\x91\x51\x90", Kind::Object);
    refused(D, b"\x51\x90", "reference", 1);
    refused(D, b"\x79\x51\x91", "reference", 2);
    refused(D, b"\x79\x51\x8f", "reference", 2);
    refused(D, b"\x79\x51N", "int", 2);

    is(A, b"Vn\x03J\x00K\x00\x00R\x00\x00\x00\x00z", Kind::List);
    refused(A, b"J\x00", "reference", 1);
    refused(A, b"VK\x00\x01", "reference", 2);
    refused(A, b"VR\xff\xff\xff\xff", "reference", 2);
    is(A, b"rt\x00\x01a\x01b", Kind::Remote);
    is(A, b"r\x01b", Kind::Remote);
    refused(A, b"rN", "string", 1);

    let mut scanner = Scanner::new(D, Limits::DEFAULT);
    // It is kept from value to value, and forgotten with the message.
    assert_eq!(scanner.skip(b"\x78"), Ok(Progress::Done(1)));
    assert!(!scanner.refers());
    assert_eq!(scanner.skip(b"\x51\x90\x51"), Ok(Progress::Done(2)));
    assert_eq!((scanner.last(), scanner.refers(), scanner.containers()), (Some(Kind::Ref), true, 1));
    scanner.reset();
    assert_eq!((scanner.last(), scanner.refers(), scanner.containers(), scanner.offset()), (None, false, 0, 0));
    assert!(scanner.skip(b"\x51\x90").is_err());
    scanner.reset();
    assert_eq!(scanner.skip(b"N"), Ok(Progress::Done(1)));
}

#[test]
fn tags_that_begin_nothing() {
    let none = |dialect| {
        let bad = |tag: &u8| matches!(scan(dialect, &[*tag]), Err(Error { code: "tag", at: 0, .. }));
        (0..=255).filter(bad).collect::<Vec<u8>>()
    };
    assert_eq!(none(D), b"\x40EGP");
    assert_eq!(none(A), b"01234567\x40ACEGHPQUWXYZ[\\]^_`aceflmnpqtuxy{|}~\x7f");
}

#[test]
fn several_values_at_once() {
    let mut scanner = Scanner::new(D, Limits::DEFAULT);
    assert_eq!(scanner.skip_values(0, b"N"), Ok(Progress::Done(0)));
    assert_eq!(scanner.skip_values(3, b""), Ok(Progress::More(3)));
    assert!(scanner.is_between());
    assert_eq!(scanner.skip_values(3, b"N"), Ok(Progress::More(2)));
    assert!(!scanner.is_between());
    // How many there are was said.
    assert_eq!(scanner.skip(b"\x02a"), Ok(Progress::More(2)));
    assert_eq!(scanner.skip(b"bT and more"), Ok(Progress::Done(2)));
    assert_eq!((scanner.last(), scanner.offset(), scanner.is_between()), (Some(Kind::Bool), 5, true));
}

/// A character that is not ASCII at each place of a short string, whose end then lies further on.
#[test]
fn short_strings() {
    for len in 1..0x20u8 {
        for (at, char) in (0..len).flat_map(|at| ["é", "中"].map(|char| (at, char))) {
            let text = ["x".repeat(at.into()), char.to_owned(), "y".repeat((len - at - 1).into())].concat();
            let bytes = [&[len][..], text.as_bytes(), b"NN"].concat();
            assert_eq!(scan(D, &bytes), Ok(Progress::Done(bytes.len() - 2)), "{text}");
        }
    }
}

/// What stands behind a string may look like more of it.
#[test]
fn strings_end_where_their_units_do() {
    for (char, value) in
        [("a", &b"\x01a"[..]), ("é", "\u{1}é".as_bytes()), ("中", "\u{1}中".as_bytes()), ("😀", "\u{2}😀".as_bytes())]
    {
        assert_eq!(scan(D, value), Ok(Progress::Done(value.len())));
        for units in 1..100u8 {
            let text = char.repeat(usize::from(units) / char.encode_utf16().count());
            let len = text.encode_utf16().count() as u8;
            let bytes = [&[b'S', 0, len][..], text.as_bytes(), char.repeat(90).as_bytes()].concat();
            assert_eq!(scan(D, &bytes), Ok(Progress::Done(3 + text.len())), "{units} of {char}");
        }
    }
}

/// Small ints are seen eight at a time, but for the last of what holds them.
#[test]
fn small_ints() {
    for n in 0..40u8 {
        let ints: Vec<u8> = (0..n).map(|n| 0x80 + n).collect();
        is(D, &[&[0x58, 0x90 + n][..], &ints].concat(), Kind::List);
        is(D, &[&[0x79, 0x58, 0x90 + n][..], &ints].concat(), Kind::List);
        is(D, &[b"\x57", &ints[..], b"Z"].concat(), Kind::List);
        is(A, &[b"Vn", &[n][..], &ints, b"z"].concat(), Kind::List);
        if n % 2 == 0 {
            is(D, &[b"H", &ints[..], b"Z"].concat(), Kind::UntypedMap);
        } else {
            refused(D, &[b"H", &ints[..], b"Z"].concat(), "end", 1 + usize::from(n));
        }
        if n > 0 {
            let mut scanner = Scanner::new(D, Limits::DEFAULT);
            let bytes = [&ints[..], &[0x90; 20]].concat();
            assert_eq!(scanner.skip_values(n.into(), &bytes), Ok(Progress::Done(n.into())));
        }
    }
}

#[test]
fn half_a_pair_is_told_as_soon_as_something_else_stands_there() {
    for (more, bad) in [(&[2, 0xed, 0xa0, 0xbd][..], b'Z'), (&[2, 0xed, 0xa0, 0xbd, 0xed], 0xa0)] {
        let mut scanner = Scanner::new(D, Limits::DEFAULT);
        for byte in more {
            assert!(matches!(scanner.skip(&[*byte]), Ok(Progress::More(_))), "{byte:x}");
        }
        let error = scanner.skip(&[bad]).unwrap_err();
        assert_eq!((error.code, error.at), ("surrogate", 1));
    }
}
