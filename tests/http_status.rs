//! A status means the same in every version of HTTP, whichever crate reads it.

use meshwire::Outcome;

#[test]
fn both_codecs_read_and_write_a_status_alike() {
    for status in 0..=u16::MAX {
        assert_eq!(meshwire_http1::outcome(status), meshwire_http2::outcome(status), "{status}");
    }
    for outcome in Outcome::ALL {
        assert_eq!(meshwire_http1::status(outcome), meshwire_http2::status(outcome), "{outcome}");
    }
}
