//! Each limit on it and one past, and what is sent to make a reader work.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

use meshwire_hessian::{Dialect, Error, Limits, Progress, Read, Reader, Scanner};

const D: Dialect = Dialect::Hessian2;
const A: Dialect = Dialect::Ant3;

fn scan(dialect: Dialect, limits: Limits, bytes: &[u8]) -> Result<Progress, Error> {
    let mut scanner = Scanner::new(dialect, limits);
    let all = scanner.skip(bytes);
    scanner.reset();
    let mut one = Ok(Progress::More(1));
    for (at, byte) in bytes.iter().enumerate() {
        one = scanner.skip(&[*byte]);
        match one {
            Ok(Progress::More(_)) => {}
            Ok(Progress::Done(_)) => {
                one = Ok(Progress::Done(at + 1));
                break;
            }
            Err(_) => break,
        }
    }
    assert_eq!(one, all, "a byte at a time");
    all
}

#[track_caller]
fn on_it(dialect: Dialect, limits: Limits, bytes: &[u8]) {
    assert_eq!(scan(dialect, limits, bytes), Ok(Progress::Done(bytes.len())));
}

#[track_caller]
fn past(dialect: Dialect, limits: Limits, bytes: &[u8], code: &str, at: usize) {
    let error = scan(dialect, limits, bytes).expect_err("it is past the limit");
    assert_eq!((error.code, error.at, error.limit), (code, at, true), "{error}");
    let mut scanner = Scanner::new(dialect, limits);
    assert_eq!(Reader::new(bytes, 0, &mut scanner).skip(), Err(error));
}

#[test]
fn depth() {
    for depth in [1, 15, 16, 17, 64, 200] {
        let limits = Limits::DEFAULT.with_depth(depth);
        let lists = |n: usize| [&[0x79].repeat(n)[..], b"N"].concat();
        on_it(D, limits, &lists(depth));
        past(D, limits, &lists(depth + 1), "depth", depth);
        let maps = |n: usize| [b"HN".repeat(n), b"N".to_vec(), b"Z".repeat(n)].concat();
        on_it(D, limits, &maps(depth));
        past(D, limits, &maps(depth + 1), "depth", 2 * depth);
        let keys = |n: usize| [b"M".repeat(n), b"z".to_vec(), b"Nz".repeat(n - 1)].concat();
        on_it(A, limits, &keys(depth));
        past(A, limits, &keys(depth + 1), "depth", depth);
    }
    // What is empty is as deep as anything else.
    past(D, Limits::DEFAULT.with_depth(0), b"\x78", "depth", 0);
    past(D, Limits::DEFAULT.with_depth(0), b"C\0\x90\x60", "depth", 3);
    // Deeper than any stack of calls.
    let limits = Limits::DEFAULT.with_depth(usize::MAX).with_references(usize::MAX);
    let deep = [&[0x79; 1_000_000][..], b"N"].concat();
    assert_eq!(Scanner::new(D, limits).skip(&deep), Ok(Progress::Done(deep.len())));
}

#[test]
fn classes() {
    for n in [0, 1, 31, 32, 33, 1024] {
        let limits = Limits::DEFAULT.with_classes(n);
        on_it(D, limits, &[b"C\0\x90".repeat(n), b"N".to_vec()].concat());
        past(D, limits, &[b"C\0\x90".repeat(n + 1), b"N".to_vec()].concat(), "classes", 3 * n);
        past(A, limits, &[b"O\x90\x90".repeat(n + 1), b"N".to_vec()].concat(), "classes", 3 * n);
    }
    // The last of many is still known by its number.
    let bytes = [b"C\0\x90".repeat(1023), b"C\0\x91\x01aO\xcb\xff\x91".to_vec()].concat();
    on_it(D, Limits::DEFAULT, &bytes);
}

#[test]
fn fields() {
    let class = |n: i32| {
        [b"C\0I".to_vec(), n.to_be_bytes().to_vec(), b"\x01x".repeat(n.min(5000) as usize), b"N".to_vec()].concat()
    };
    on_it(D, Limits::DEFAULT, &class(4096));
    past(D, Limits::DEFAULT, &class(4097), "fields", 2);
    past(D, Limits::DEFAULT, &class(i32::MAX), "fields", 2);
    on_it(D, Limits::DEFAULT.with_fields(0), &class(0));
    past(D, Limits::DEFAULT.with_fields(0), &class(1), "fields", 2);
}

#[test]
fn references() {
    let limits = Limits::DEFAULT.with_references(3);
    on_it(D, limits, b"\x7a\x78\x78");
    past(D, limits, b"\x7b\x78\x78\x78", "references", 3);
    past(D, limits, b"\x7bHZHZHZ", "references", 5);
    past(D, limits, b"C\0\x90\x7b\x60\x60\x60", "references", 6);
    let lists = |n: u32| [b"\x58I".to_vec(), n.to_be_bytes().to_vec(), vec![0x78; n as usize]].concat();
    on_it(D, Limits::DEFAULT, &lists((1 << 20) - 1));
    past(D, Limits::DEFAULT, &lists(1 << 20), "references", 5 + (1 << 20));
}

#[test]
fn bytes() {
    let limits = Limits::DEFAULT.with_bytes(6);
    on_it(D, limits, b"\x05hello");
    past(D, limits, b"\x06hello!", "bytes", 6);
    past(D, limits, b"\x57NNNNNNNN", "bytes", 6);
    // Where a value ends on it, another has no room.
    let mut scanner = Scanner::new(D, limits);
    assert_eq!(scanner.skip(b"\x05hello"), Ok(Progress::Done(6)));
    let error = scanner.skip(b"N").expect_err("it is past the limit");
    assert_eq!((error.code, error.at, error.limit), ("bytes", 6, true));
    scanner.reset();
    assert_eq!(scanner.skip(b"N"), Ok(Progress::Done(1)));
    // What is within it is not yet past it.
    assert_eq!(scan(D, limits, b"\x06hello"), Ok(Progress::More(1)));
    let mut scanner = Scanner::new(D, limits);
    let mut reader = Reader::new(b"\x05hello\x90", 0, &mut scanner);
    assert!(matches!(reader.text(), Ok(Read::Done(_))));
    assert_eq!(reader.kind().map_err(|error| error.code), Err("bytes"));
}

#[test]
fn what_never_ends() {
    // It takes what is sent, and no more memory than that of a number.
    for (dialect, begin, again) in [
        (D, &b"H"[..], &b"NN"[..]),
        (D, b"\x57", b"\x78"),
        (D, b"\x58I\x7f\xff\xff\xff", b"\x90"),
        (D, b"", b"R\xff\xff"),
        (A, b"V", b"N"),
        (A, b"Vl\x7f\xff\xff\xff", b"N"),
    ] {
        let again = match again {
            [b'R', ..] => [again, &[b'x'; 0xffff]].concat(),
            _ => again.repeat(1000),
        };
        let mut scanner = Scanner::new(dialect, Limits::DEFAULT);
        assert!(matches!(scanner.skip(&[begin, &again].concat()), Ok(Progress::More(_))));
        for _ in 0..100 {
            assert!(matches!(scanner.skip(&again), Ok(Progress::More(1..))));
        }
    }
    // One class of no fields, and as many instances as a list may announce: each is a byte.
    let mut scanner = Scanner::new(D, Limits::DEFAULT);
    let more = scanner.skip(b"C\0\x90\x58I\x7f\xff\xff\xff");
    assert_eq!(more, Ok(Progress::More(0x7fff_ffff)));
    assert_eq!(scanner.skip(&[0x60; 1000]), Ok(Progress::More(0x7fff_ffff - 1000)));
}

#[test]
fn a_fault_stays_a_fault() {
    let mut scanner = Scanner::new(D, Limits::DEFAULT);
    let error = scanner.skip(b"\x79Z").expect_err("it is broken");
    assert_eq!(scanner.skip(b"N"), Err(error));
    assert_eq!(scanner.skip(b""), Err(error));
    assert_eq!(error.to_string(), "end: a value must stand here, at byte 1");
    scanner.reset();
    assert_eq!(scanner.skip(b"N"), Ok(Progress::Done(1)));
}
