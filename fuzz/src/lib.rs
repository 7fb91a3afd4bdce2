//! What the fuzz targets share: how an input is read, and the harnesses that assert what every codec owes.
//!
//! Nothing here depends on libFuzzer, so that `cargo test` replays the seeds without it.

mod checked;
mod dubbo;
mod hessian;
mod hpack;
mod input;
mod joined;
mod relayed;
mod routes;
mod spliced;
mod witness;

pub mod targets;

pub use input::{Op, SEPARATOR, Settings};
