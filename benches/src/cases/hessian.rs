//! Values of Hessian 2, skipped: where each ends, and nothing else.

use std::hint::black_box;

use crate::case::{Case, Side, Target};
use crate::invocations::{self, Arguments};
use crate::sides::Scan;

pub(super) fn cases() -> Vec<Case> {
    let gigabyte = |case: Case, arguments: &Arguments| case.target(Target::Within(arguments.bytes.len() as f64));
    let (mixed, orders, string) = (invocations::mixed(), invocations::orders(), invocations::string());
    vec![
        gigabyte(copied(&mixed), &mixed),
        gigabyte(copied(&orders), &orders),
        copied(&string).target(Target::Time(1.0)),
        case(&string, "-read", "memchr", |bytes| Read(bytes.to_vec())),
        copied(&invocations::text()),
        copied(&invocations::objects()),
        copied(&invocations::maps()),
    ]
}

/// Against a copy: what a proxy does with these bytes anyway, twice.
fn copied(arguments: &Arguments) -> Case {
    case(arguments, "", "a copy", Copy::new)
}

fn case<B: Side + 'static>(
    arguments: &Arguments,
    suffix: &str,
    peer: &'static str,
    theirs: impl Fn(&[u8]) -> B + 'static,
) -> Case {
    let Arguments { name, count, bytes, .. } = arguments.clone();
    let copied = bytes.clone();
    let ours = move || Scan::new(bytes.clone(), count);
    Case::new(format!("hessian/scan/{name}{suffix}"), peer, 1, ours, move || theirs(&copied))
        .target(Target::Allocations(0.0))
}

struct Copy {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Copy {
    fn new(bytes: &[u8]) -> Self {
        Self { from: bytes.to_vec(), to: bytes.to_vec() }
    }
}

impl Side for Copy {
    fn run(&mut self) {
        self.to.copy_from_slice(black_box(&self.from));
        black_box(&self.to[..]);
    }
}

/// Every byte loaded once, by who does it well.
struct Read(Vec<u8>);

impl Side for Read {
    fn run(&mut self) {
        assert_eq!(memchr::memchr(0xff, black_box(&self.0)), None, "no byte of a string is this one");
    }
}
