//! The cases.

mod bolt;
mod dubbo;
mod forward;
mod hessian;
mod hpack;
mod http1;
mod http2;
mod linear;
mod pipe;
mod relay;
mod route;
mod thrift;

use crate::case::Case;

/// Every case, in the order in which they are printed.
pub fn all() -> Vec<Case> {
    [
        http1::cases(),
        pipe::cases(),
        dubbo::cases(),
        hessian::cases(),
        bolt::cases(),
        thrift::cases(),
        http2::cases(),
        hpack::cases(),
        relay::cases(),
        route::cases(),
        linear::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
