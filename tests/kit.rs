//! Every codec of the project runs the conformance kit.
#![allow(clippy::panic)]

mod samples;

use meshwire::testkit::{Check, Kit, assert_conforms, toy};

/// Runs everything. What no sample has anything for is listed, so that no check is lost unseen.
#[track_caller]
fn run(kit: &Kit<'_>, without: &[Check]) {
    let report = kit.run().unwrap_or_else(|failure| panic!("{failure}"));
    let skipped: Vec<_> = report.skipped().collect();
    assert_eq!(skipped, without, "these are skipped, those were known to be");
}

#[test]
fn toy_framed() {
    run(&Kit::new(&toy::Framed).with_samples(toy::framed::samples()), &[Check::ResetCredit]);
}

#[test]
fn toy_mux() {
    run(&Kit::new(&toy::Mux).with_samples(toy::mux::samples()), &[Check::OpenMessage]);
}

#[test]
fn http1() {
    let protocol = meshwire_http1::Http1::default();
    let kit = Kit::new(&protocol).with_samples(samples::http1::samples()).with_own_fields(samples::http1::OWN_FIELDS);
    run(&kit, &[Check::OneWay, Check::BadMessage, Check::ResetCredit]);
}

#[test]
fn dubbo() {
    let protocol = meshwire_dubbo::Dubbo::new();
    let kit = Kit::new(&protocol).with_samples(samples::dubbo::samples()).with_outcomes(samples::dubbo::outcomes);
    run(&kit, &[Check::Edits, Check::ResetCredit]);
}

#[test]
fn dubbo_in_a_serialization_that_is_not_read() {
    let protocol = meshwire_dubbo::Dubbo::new();
    let kit = Kit::new(&protocol).with_sample(samples::dubbo::opaque());
    assert_conforms(&kit.with_outcomes(samples::dubbo::opaque_outcomes));
}
