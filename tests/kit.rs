//! Every codec of the project runs the conformance kit.

use meshwire::testkit::{Check, Kit, assert_conforms, toy};

/// Runs everything; what no sample has anything for must be known here.
#[track_caller]
fn run(kit: &Kit<'_>, without: &[Check]) {
    assert_conforms(kit);
    let _ = without;
}

#[test]
fn toy_framed() {
    run(&Kit::new(&toy::Framed).with_samples(toy::framed::samples()), &[]);
}
