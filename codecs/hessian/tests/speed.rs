//! How fast the scan is, for those who work on it: `cargo test --release --test speed -- --ignored --nocapture`.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

use std::hint::black_box;
use std::time::Instant;

use meshwire_hessian::{Dialect, Limits, Progress, Scanner, put};

const D: Dialect = Dialect::Hessian2;

fn measure(name: &str, bytes: &[u8], values: usize) {
    let mut scanner = Scanner::new(D, Limits::DEFAULT);
    let rounds = (240 << 20) / bytes.len();
    let mut best = f64::MAX;
    for _ in 0..30 {
        let start = Instant::now();
        for _ in 0..rounds / 30 + 1 {
            scanner.reset();
            let progress = scanner.skip_values(values, black_box(bytes));
            assert_eq!(progress, Ok(Progress::Done(bytes.len())), "{name}");
        }
        best = best.min(start.elapsed().as_secs_f64() / (rounds / 30 + 1) as f64);
    }
    println!(
        "{name:>12} {:>9} bytes {:>10.1} ns {:>7.2} GB/s",
        bytes.len(),
        best * 1e9,
        bytes.len() as f64 / best / 1e9
    );
}

#[test]
#[ignore = "it measures"]
fn speed() {
    let mut mixed = Vec::new();
    let order = |n: u32, out: &mut Vec<u8>| {
        put::instance(out, D, 0);
        put::string(out, D, &format!("order-{n:08}"));
        put::int(out, n as i32 * 1000);
        put::long(out, D, i64::from(n) << 33);
        put::double(out, D, f64::from(n) * 1.37);
        put::bool(out, n.is_multiple_of(2));
        put::string(out, D, "shipped to the customer's door on time");
        put::date(out, D, 1_700_000_000_123);
        put::null(out);
    };
    put::list_begin(&mut mixed, D, 50);
    put::class(&mut mixed, D, "com.example.Order", &["id", "price", "number", "rate", "paid", "note", "at", "next"]);
    for n in 0..50 {
        order(n, &mut mixed);
    }
    put::map(
        &mut mixed,
        D,
        [("tenant", "red"), ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")],
    );
    measure("mixed", &mixed, 2);

    let mut args = Vec::new();
    put::string(&mut args, D, "a product");
    put::int(&mut args, 3);
    put::long(&mut args, D, 1 << 40);
    put::double(&mut args, D, 12.25);
    put::bool(&mut args, true);
    put::string(&mut args, D, "warehouse-eu-central-1");
    put::map(
        &mut args,
        D,
        [("path", "com.example.Shop"), ("interface", "com.example.Shop"), ("version", "1.0.0"), ("timeout", "3000")],
    );
    measure("arguments", &args, 7);

    let mut ints = Vec::new();
    put::list_begin(&mut ints, D, 10_000);
    (0..10_000).for_each(|n| put::int(&mut ints, n % 40));
    measure("small ints", &ints, 1);
    let mut ints = Vec::new();
    put::list_begin(&mut ints, D, 10_000);
    (0..10_000u32).for_each(|n| put::int(&mut ints, (n.wrapping_mul(2_654_435_761) >> (n * 7 % 29)).cast_signed()));
    measure("ints", &ints, 1);
    let mut words = Vec::new();
    put::list_begin(&mut words, D, 10_000);
    (0..10_000usize).for_each(|n| put::string(&mut words, D, &"a".repeat(n * 7 % 26)));
    measure("words", &words, 1);

    for (name, text) in [
        ("ascii", "a"),
        ("chinese", "中"),
        ("mixed text", "中文 and some latin, "),
        ("accents", "é"),
        ("russian", "Где заканчивается значение, "),
        ("vietnamese", "Tiếng Việt có dấu, "),
        ("emoji", "😀"),
    ] {
        let mut out = Vec::new();
        put::string(&mut out, D, &text.repeat((1 << 20) / text.len()));
        measure(name, &out, 1);
    }
    let mut out = Vec::new();
    put::bytes(&mut out, D, &[7; 1 << 20]);
    measure("bytes", &out, 1);
    let mut out = Vec::new();
    put::string(&mut out, D, "中文字符串在这里");
    measure("short zh", &out.repeat(100), 100);
}
