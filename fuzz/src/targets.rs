//! What each target does with its input.

use meshwire_dubbo::Dubbo;

use crate::{joined, relayed, routes};

/// A target: any bytes, and a panic where something does not hold.
pub type Target = fn(&[u8]);

/// Every target, by name.
pub const ALL: &[(&str, Target)] = &[("dubbo", dubbo), ("joined", joined), ("routes", routes)];

/// Dubbo, both roles.
pub fn dubbo(data: &[u8]) {
    relayed::run(&Dubbo::default(), data);
}

/// A client and a server codec, and what lies between them changed on the way.
pub fn joined(data: &[u8]) {
    joined::run(&Dubbo::default(), data);
}

/// A route document, and lookups in its table.
pub fn routes(data: &[u8]) {
    routes::run(data);
}
