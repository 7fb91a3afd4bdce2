//! HTTP/1.1 to HTTP/2 and back through the driver: what goes over the wire on either side, byte by byte.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, clippy::expect_used, clippy::string_slice)]

#[path = "../codecs/http2/tests/common/mod.rs"]
mod frames;

mod bridge {
    mod codecs;
    mod failures;
    mod flow;
    mod grpc;
    mod h1;
    mod h2;
    mod proxy;
    mod smuggling;
    mod switch;
    mod to_http1;
    mod to_http2;
    mod tunnels;
}
