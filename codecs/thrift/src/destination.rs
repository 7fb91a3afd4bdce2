//! What a message's name says of its destination.

use std::ops::Range;

use meshwire::{Attribute, Head, Kind};

use crate::config::Config;

/// The method, and the service in front of its colon; without one the service that is configured.
#[inline]
pub(crate) fn read(config: &Config, seen: &[u8], name: Range<usize>, head: &mut Head) {
    let bytes = seen.get(name.clone()).unwrap_or_default();
    match memchr::memchr(b':', bytes) {
        None => {
            configured(config, head);
            head.set_span_in(Attribute::Method, seen, name);
        }
        Some(colon) => {
            let colon = name.start.wrapping_add(colon);
            head.set_span_in(Attribute::Service, seen, name.start..colon);
            head.set_span_in(Attribute::Method, seen, colon.wrapping_add(1)..name.end);
        }
    }
}

/// The service of a message that names none.
#[inline]
pub(crate) fn configured(config: &Config, head: &mut Head) {
    match config.service.as_deref().filter(|_| head.kind() != Kind::Response) {
        Some(service) => head.set_owned(Attribute::Service, service),
        None => head.set_absent(Attribute::Service),
    }
}
