//! Every codec of the project runs the conformance kit.

use meshwire::testkit::{Kit, toy};

fn run(kit: &Kit<'_>) {
    let report = kit.run().unwrap_or_else(|failure| panic!("{failure}"));
    let skipped: Vec<_> = report.skipped().collect();
    println!("skipped: {skipped:?}");
}

#[test]
fn toy_framed() {
    run(&Kit::new(&toy::Framed).with_samples(toy::framed::samples()));
}
