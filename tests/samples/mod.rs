//! What is said on the wires of the project's protocols, written by hand.

pub(crate) mod bolt;
pub(crate) mod dubbo;
pub(crate) mod http1;
pub(crate) mod thrift;
