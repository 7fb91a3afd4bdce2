//! The cases.

mod dubbo;
mod http1;
mod linear;
mod pipe;
mod route;

use crate::case::Case;

/// Every case, in the order in which they are printed.
pub fn all() -> Vec<Case> {
    [http1::cases(), pipe::cases(), dubbo::cases(), route::cases(), linear::cases()].into_iter().flatten().collect()
}
