//! A scan allocates nothing, up to 16 containers in one another and 32 classes, and keeps what it needed beyond.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

use meshwire_hessian::{Dialect, Limits, Progress, Scanner, put};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// Lists in one another, classes and instances of them, long strings.
fn message(depth: usize, classes: usize) -> Vec<u8> {
    let mut out = Vec::new();
    (0..depth).for_each(|_| put::list_begin(&mut out, Dialect::Hessian2, 1));
    (0..classes).for_each(|_| put::class(&mut out, Dialect::Hessian2, "com.example.Car", &["color"]));
    put::string(&mut out, Dialect::Hessian2, &"中文".repeat(50_000));
    out
}

/// Bytes that are held at most while `f` runs, beyond those held before.
fn held(f: impl FnOnce()) -> usize {
    ALLOCATED.reset_peak_usage();
    let before = ALLOCATED.current_usage();
    f();
    ALLOCATED.peak_usage().saturating_sub(before)
}

fn scan(scanner: &mut Scanner, bytes: &[u8]) {
    scanner.reset();
    assert_eq!(scanner.skip(bytes), Ok(Progress::Done(bytes.len())));
    scanner.reset();
    for chunk in bytes.chunks(1000) {
        assert!(scanner.skip(chunk).is_ok());
    }
    assert!(scanner.is_between());
}

#[test]
fn nothing_is_allocated_for_what_is_usual() {
    let (usual, large) = (message(16, 32), message(64, 1000));
    assert_eq!(held(|| scan(&mut Scanner::new(Dialect::Hessian2, Limits::DEFAULT), &usual)), 0);
    let mut scanner = Scanner::new(Dialect::Hessian2, Limits::DEFAULT);
    assert!(held(|| scan(&mut scanner, &large)) > 0);
    assert_eq!(held(|| scan(&mut scanner, &large)), 0);
}
