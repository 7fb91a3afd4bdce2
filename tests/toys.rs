//! The toys under the kit with samples and seeds that nobody chose.

use meshwire::Outcome;
use meshwire::testkit::toy::framed::Message;
use meshwire::testkit::{Check, Kit, Sample, toy};
use proptest::prelude::*;

/// A name, a body and fields.
type Said = (String, Vec<u8>, Vec<(String, String)>);

fn said() -> impl Strategy<Value = Said> {
    let field = ("[a-z]{0,12}", "[ -~]{0,40}");
    ("[a-zA-Z.]{0,30}", prop::collection::vec(any::<u8>(), 0..300), prop::collection::vec(field, 0..4))
}

fn with(message: Message, (_, body, fields): &Said) -> Vec<u8> {
    let message = message.with_body(body.clone());
    fields.iter().fold(message, |message, (name, value)| message.with_field(name, value)).bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn framed(ids in prop::collection::btree_set(any::<u64>(), 1..4), asked in said(), told in said(), seed in any::<u64>()) {
        let requests: Vec<u8> =
            ids.iter().flat_map(|id| with(Message::request(*id, &asked.0, &told.0), &asked)).collect();
        let responses: Vec<u8> =
            ids.iter().rev().flat_map(|id| with(Message::response(*id, Outcome::Success), &told)).collect();
        let kit = Kit::new(&toy::Framed)
            .with_sample(Sample::new("generated", requests, responses))
            .with_seed(seed)
            .with_mutations(50)
            .with_checks(Check::ALL.into_iter().filter(|check| *check != Check::Chunking));
        prop_assert!(kit.run().is_ok(), "{:?}", kit.run());
    }

    #[test]
    fn mux(seed in any::<u64>()) {
        let kit = Kit::new(&toy::Mux)
            .with_samples(toy::mux::samples())
            .with_seed(seed)
            .with_mutations(200)
            .with_checks([Check::Hostile, Check::Pair, Check::Relay, Check::Streaming, Check::Window, Check::ResetCredit]);
        prop_assert!(kit.run().is_ok(), "{:?}", kit.run());
    }
}
