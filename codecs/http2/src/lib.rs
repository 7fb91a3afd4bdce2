//! HTTP/2 and gRPC for [meshwire]: HPACK, frames, streams, and the duties of an intermediary, at both ends of a
//! connection (RFC 9113, RFC 7541, RFC 8441, and gRPC over HTTP/2).
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))] // lengths come from the wire

mod budget;
mod build;
mod code;
mod config;
mod connection;
mod format;
mod frame;
pub mod grpc;
pub mod hpack;
mod message;
mod note;
mod protocol;
mod rules;
mod seen;
mod settings;
mod status;
mod stream;
#[cfg(test)]
mod testing;
mod window;
mod write;

pub use build::{request, response, trailers};
pub use protocol::Http2;
pub use status::{outcome, status};

/// The protocol's name.
const NAME: &str = "http2";

/// What heads mean: joined with whatever else speaks HTTP.
const SEMANTICS: &str = "http";
