//! The scanner against the slow decoder: what is well-formed, in every form there is, and what was broken.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod oracle;
#[path = "oracle/writer.rs"]
mod writer;

use meshwire_hessian::{Dialect, Limits, Scanner};
use oracle::{Oracle, Value, check};
use proptest::prelude::*;
use writer::Writer;

/// Random values as one message.
fn message(choices: &[u8], dialect: Dialect) -> (Vec<u8>, Vec<Value>) {
    let mut writer = Writer::new(choices, dialect);
    let values = (0..3).map(|_| writer.value(0)).collect();
    (writer.out, values)
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::Hessian2), Just(Dialect::Ant3)]
}

fn small() -> impl Strategy<Value = Limits> {
    (0..6usize, 0..4usize, 0..4usize, 0..20usize, 0..400u64).prop_map(|(depth, classes, fields, references, bytes)| {
        let limits = Limits::DEFAULT.with_depth(depth).with_classes(classes).with_fields(fields);
        limits.with_references(references).with_bytes(bytes)
    })
}

fn every_way(bytes: &[u8], dialect: Dialect, limits: Limits, cuts: &[u8]) {
    let mut scanner = Scanner::new(dialect, limits);
    check(bytes, dialect, limits, &mut scanner, || usize::MAX);
    check(bytes, dialect, limits, &mut scanner, || 1);
    let mut cuts = cuts.iter().cycle();
    check(bytes, dialect, limits, &mut scanner, || cuts.next().map_or(1, |cut| usize::from(*cut)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn every_form(choices in prop::collection::vec(any::<u8>(), 0..400), dialect in dialect(), cuts in prop::collection::vec(1u8..40, 1..9)) {
        let (bytes, values) = message(&choices, dialect);
        // The writer and the decoder know nothing of each other.
        let mut oracle = Oracle::new(&bytes, dialect, Limits::DEFAULT);
        for value in values {
            prop_assert_eq!(oracle.value(), Ok(value));
        }
        prop_assert_eq!(oracle.at, bytes.len());
        every_way(&bytes, dialect, Limits::DEFAULT, &cuts);
    }

    #[test]
    fn every_prefix(choices in prop::collection::vec(any::<u8>(), 0..60), dialect in dialect(), at: prop::sample::Index) {
        let (bytes, _) = message(&choices, dialect);
        let mut scanner = Scanner::new(dialect, Limits::DEFAULT);
        let end = at.index(bytes.len() + 1);
        check(&bytes[..end], dialect, Limits::DEFAULT, &mut scanner, || usize::MAX);
        for cut in 1..bytes.len() {
            let mut cuts = [cut, usize::MAX].into_iter();
            check(&bytes, dialect, Limits::DEFAULT, &mut scanner, || cuts.next().unwrap_or(usize::MAX));
        }
    }

    #[test]
    fn broken(
        choices in prop::collection::vec(any::<u8>(), 0..200),
        dialect in dialect(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cuts in prop::collection::vec(1u8..40, 1..9),
    ) {
        let (mut bytes, _) = message(&choices, dialect);
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        every_way(&bytes, dialect, Limits::DEFAULT, &cuts);
    }

    #[test]
    fn the_other_dialect(choices in prop::collection::vec(any::<u8>(), 0..200), dialect in dialect(), cuts in prop::collection::vec(1u8..40, 1..9)) {
        let other = if dialect == Dialect::Ant3 { Dialect::Hessian2 } else { Dialect::Ant3 };
        let (bytes, _) = message(&choices, dialect);
        every_way(&bytes, other, Limits::DEFAULT, &cuts);
    }

    #[test]
    fn small_limits(choices in prop::collection::vec(any::<u8>(), 0..400), dialect in dialect(), limits in small(), cuts in prop::collection::vec(1u8..40, 1..9)) {
        let (bytes, _) = message(&choices, dialect);
        every_way(&bytes, dialect, limits, &cuts);
    }

    #[test]
    fn anything(bytes in prop::collection::vec(any::<u8>(), 0..200), dialect in dialect(), limits in small(), cuts in prop::collection::vec(1u8..40, 1..9)) {
        every_way(&bytes, dialect, limits, &cuts);
        every_way(&bytes, dialect, Limits::DEFAULT, &cuts);
    }
}
