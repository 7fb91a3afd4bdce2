//! meshwire measured against its peers: the cases, and how they are measured.
//!
//! `cargo compare` (an alias in `.cargo/config.toml`) runs all of them, or those whose names contain `FILTER`:
//!
//! ```text
//! cargo compare [--json] [--check] [--instructions] [FILTER]
//! ```
//!
//! Both sides of a case run in turns in one process, so that whatever slows the machine down slows both: the ratio is
//! the median over rounds, and in each round the fastest turn of either side. Instructions are counted by callgrind, which other load does not disturb.
//! `cargo bench --manifest-path benches/Cargo.toml` runs the same cases under criterion.

pub mod alloc;
pub mod callgrind;
pub mod case;
pub mod cases;
pub mod frames;
pub mod go;
pub mod hessian;
pub mod invocations;
pub mod lists;
pub mod measure;
pub mod nghttp2;
pub mod report;
pub mod samples;
pub mod sides;
pub mod structs;
