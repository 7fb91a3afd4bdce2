//! What is held does not grow with what a peer claims.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use common::*;
use meshwire::{Endpoint, Step};
use meshwire_thrift::Thrift;
use miniz_oxide::deflate::compress_to_vec_zlib;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// How far memory rises while an end reads `bytes`, so many times.
fn rise(end: &mut Endpoint, bytes: &[u8], times: usize) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    for _ in 0..times {
        end.input().extend_from_slice(bytes);
        loop {
            match end.decode() {
                Ok(Step::Event(event)) => {
                    if let Some(stream) = event.stream() {
                        end.release(stream, event.data_len());
                    }
                }
                Ok(_) => break,
                Err(error) if error.is_fatal() => break,
                Err(_) => {}
            }
        }
    }
    MEMORY.peak_usage().saturating_sub(before)
}

// One test: what others hold meanwhile would be counted.
#[test]
fn memory_is_bounded_by_limits_and_not_by_claims() {
    // Megabytes of zeros behind a name of megabytes, in some kilobytes.
    let bomb = [&[0x80, 1, 0, 1][..], &length(3 << 20), &vec![0; 6 << 20]].concat();
    let bomb = theader(7, &[0, 1, 1], &compress_to_vec_zlib(&bomb, 6));
    let mut end = server_with(|limits| limits.pipelined = 10_000);
    let first = rise(&mut end, &bomb, 1);
    assert!(first < 4 * bomb.len() + (256 << 10), "{first} for {}", bomb.len());
    let more = rise(&mut end, &bomb, 20);
    assert!(more < 4 * bomb.len() + (128 << 10), "{more}");

    // A list of two billion structs without a frame, four megabytes of which come.
    let mut end = server_of(&Thrift::new());
    let open = message(Binary, CALL, "a", 7, b"\x0f\0\x01\x0c\x7f\xff\xff\xff");
    rise(&mut end, &open, 1);
    let streamed = rise(&mut end, &[0; 65_536], 64);
    assert!(streamed < 512 << 10, "{streamed}");

    // As many levels as somebody allows are what they cost.
    let mut end = server_with(|limits| limits.nesting = 100_000);
    let open = message(Binary, CALL, "a", 7, &b"\x0c\0\x01".repeat(20_000));
    let nested = rise(&mut end, &open, 1);
    assert!(nested < 2 << 20, "{nested}");

    // Claims of frames and names that never come.
    for bytes in [
        &b"\x7f\xff\xff\xff\x80\x01\0\x01\0\x01\0\0"[..],
        b"\x7f\xff\xff\xff\x0f\xff\0\0\0\0\0\x07\x40\0",
        b"\x7f\xff\xff\xff\xda\xbc\x7f\xff\xff\xff\xff\xff\x01\0\0\xff\0",
        b"\x80\x01\0\x01\0\0\xff\xff",
        b"\x82\x21\0\xff\xff\x03",
    ] {
        let mut end = server_of(&Thrift::new());
        let claimed = rise(&mut end, bytes, 1);
        assert!(claimed < 64 << 10, "{claimed} for {}", bytes.escape_ascii());
    }
}
