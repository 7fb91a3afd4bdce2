//! Every codec of the project runs the conformance kit.
#![allow(clippy::panic)]

mod samples;

use meshwire::Limits;
use meshwire::testkit::{Check, Kit, Sample, assert_conforms, toy};

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
    run(&kit.with_own_fields(samples::dubbo::OWN_FIELDS), &[Check::ResetCredit]);
}

#[test]
fn dubbo_whose_messages_are_not_waited_for() {
    let mut limits = Limits::default();
    (limits.whole, limits.head) = (64, 4096);
    let protocol = meshwire_dubbo::Dubbo::new();
    let kit = Kit::new(&protocol).with_samples(samples::dubbo::samples()).with_outcomes(samples::dubbo::outcomes);
    run(&kit.with_own_fields(samples::dubbo::OWN_FIELDS).with_limits(limits), &[Check::ResetCredit]);
}

#[test]
fn dubbo_in_jsonb() {
    let protocol = meshwire_dubbo::Dubbo::new();
    let kit = Kit::new(&protocol).with_sample(samples::dubbo::jsonb()).with_outcomes(samples::dubbo::outcomes);
    assert_conforms(&kit.with_own_fields(samples::dubbo::OWN_FIELDS));
}

#[test]
fn dubbo_in_lines() {
    let protocol = meshwire_dubbo::Dubbo::new();
    let kit = Kit::new(&protocol).with_sample(samples::dubbo::lines()).with_outcomes(samples::dubbo::line_outcomes);
    assert_conforms(&kit.with_own_fields(samples::dubbo::OWN_FIELDS));
}

#[test]
fn dubbo_in_a_serialization_that_is_not_read() {
    let protocol = meshwire_dubbo::Dubbo::new();
    let kit = Kit::new(&protocol).with_sample(samples::dubbo::opaque());
    assert_conforms(&kit.with_outcomes(samples::dubbo::outcomes));
}

#[test]
fn bolt() {
    let protocol = meshwire_sofarpc::Bolt::new();
    let kit = Kit::new(&protocol).with_samples(samples::bolt::samples()).with_outcomes(samples::bolt::outcomes);
    run(&kit, &[Check::ResetCredit]);
}

#[test]
fn bolt_whose_messages_are_not_waited_for() {
    let mut limits = Limits::default();
    limits.whole = 256;
    let protocol = meshwire_sofarpc::Bolt::new();
    let kit = Kit::new(&protocol).with_samples(samples::bolt::samples()).with_outcomes(samples::bolt::outcomes);
    run(&kit.with_limits(limits), &[Check::ResetCredit]);
}

#[test]
fn raw_bolt() {
    let protocol = meshwire_sofarpc::Bolt::new();
    let kit = Kit::new(&protocol).with_sample(samples::bolt::raw());
    assert_conforms(&kit.with_outcomes(samples::bolt::raw_outcomes));
}

use meshwire_thrift::{Thrift, Transport};

#[track_caller]
fn run_thrift(protocol: &Thrift, samples: Vec<Sample>, without: &[Check]) {
    let kit = Kit::new(protocol).with_samples(samples).with_outcomes(samples::thrift::outcomes);
    run(&kit.with_own_fields(samples::thrift::OWN_FIELDS), without);
}

#[test]
fn thrift_in_frames() {
    run_thrift(&Thrift::new(), samples::thrift::framed(), &[Check::ResetCredit]);
}

#[test]
fn thrift_in_headers() {
    run_thrift(&Thrift::new(), samples::thrift::ttheader(), &[Check::ResetCredit]);
    run_thrift(&Thrift::new(), samples::thrift::theader(), &[Check::ResetCredit]);
    let pinned = Thrift::new().with_transport(Transport::TTHeader);
    run_thrift(&pinned, samples::thrift::ttheader(), &[Check::ResetCredit]);
    let pinned = Thrift::new().with_transport(Transport::THeader);
    run_thrift(&pinned, samples::thrift::theader(), &[Check::ResetCredit]);
}

#[test]
fn thrift_without_frames() {
    let protocol = Thrift::new().with_transport(Transport::Unframed);
    run_thrift(&protocol, samples::thrift::unframed(), &[Check::BadMessage, Check::ResetCredit]);
}

/// Ids where order is the rule, and order where ids are.
#[test]
fn thrift_the_other_way_round() {
    let protocol = Thrift::new().with_transport(Transport::Unframed).with_multiplexing(true);
    run_thrift(&protocol, samples::thrift::unframed(), &[Check::BadMessage, Check::ResetCredit]);
    let protocol = Thrift::new().with_multiplexing(false);
    run_thrift(&protocol, samples::thrift::framed(), &[Check::ResetCredit]);
    let protocol = Thrift::new().answering_in_order();
    run_thrift(&protocol, samples::thrift::ttheader(), &[Check::ResetCredit]);
}

#[test]
fn thrift_whose_messages_are_not_waited_for() {
    let mut limits = Limits::default();
    limits.whole = 24;
    let all = [
        (Thrift::new(), [samples::thrift::framed(), samples::thrift::theader(), samples::thrift::ttheader()].concat()),
        (Thrift::new().with_transport(Transport::Unframed), samples::thrift::unframed()),
    ];
    for (protocol, samples) in all {
        let kit = Kit::new(&protocol).with_samples(samples).with_outcomes(samples::thrift::outcomes);
        assert_conforms(&kit.with_own_fields(samples::thrift::OWN_FIELDS).with_limits(limits.clone()));
    }
}

/// The connection preface of RFC 9113, section 3.4, and empty SETTINGS.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Every protocol's samples against every other's matcher, whatever the order of registration.
#[test]
fn each_protocol_is_told_from_every_other() {
    use std::sync::Arc;

    use meshwire::{Detection, Protocol, Registry, Sniffed};

    let thrift = [
        samples::thrift::framed(),
        samples::thrift::theader(),
        samples::thrift::ttheader(),
        samples::thrift::unframed(),
    ];
    let protocols: [(Arc<dyn Protocol>, Vec<Sample>); 7] = [
        (Arc::new(meshwire_http1::Http1::default()), samples::http1::samples()),
        // Its codec runs the kit in its own crate; what it begins with is all that matters here.
        (Arc::new(meshwire_http2::Http2::default()), vec![Sample::new("preface", HTTP2, &b""[..])]),
        (Arc::new(meshwire_dubbo::Dubbo::new()), samples::dubbo::samples()),
        (Arc::new(meshwire_sofarpc::Bolt::new()), samples::bolt::samples()),
        (Arc::new(Thrift::new()), thrift.concat()),
        (Arc::new(toy::Framed), toy::framed::samples()),
        (Arc::new(toy::Mux), toy::mux::samples()),
    ];
    for turn in 0..protocols.len() {
        let order = protocols.iter().cycle().skip(turn).take(protocols.len());
        let registry = order.fold(Registry::builder(), |builder, (protocol, _)| builder.with_shared(protocol.clone()));
        let registry = registry.build().unwrap();
        for (own, samples) in &protocols {
            for sample in samples {
                let bytes = sample.requests();
                for (other, _) in protocols.iter().filter(|(other, _)| other.name() != own.name()) {
                    assert_eq!(other.detect(bytes), Detection::No, "{} takes {}", other.name(), sample.name());
                }
                // From some length on it is its own protocol's, and before that nobody's.
                let mut known = false;
                for n in 0..=bytes.len() {
                    match registry.sniff(bytes.get(..n).unwrap_or_default()) {
                        Sniffed::Protocol(found) => {
                            assert_eq!(found.name(), own.name(), "{} bytes of {}", n, sample.name());
                            known = true;
                        }
                        Sniffed::NeedMore(total) => assert!(!known && total > n, "{n} bytes of {}", sample.name()),
                        other => panic!("{n} bytes of {}: {other:?}", sample.name()),
                    }
                }
                assert!(known, "{}", sample.name());
            }
        }
    }
}
