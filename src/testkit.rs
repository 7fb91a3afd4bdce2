//! The conformance kit: what every codec owes, checked on the samples of whoever wrote it.
//!
//! It runs codecs against recordings and against each other, with a scheduler and a clock of its own: no sockets, no
//! sleeps, and the same run for the same seed. A third party runs it on a protocol of theirs in a few lines:
//!
//! ```
//! use meshwire::testkit::{Kit, toy};
//!
//! let report = Kit::new(&toy::Framed)
//!     .with_samples(toy::framed::samples())
//!     .with_mutations(20) // per sample; the default takes longer
//!     .run()
//!     .map_err(|failure| failure.to_string())?;
//! println!("not checked for want of a sample: {:?}", report.skipped().collect::<Vec<_>>());
//! # Ok::<(), String>(())
//! ```
//!
//! In a test, [`assert_conforms`] says the same in one line. A [`Failure`] names the [`Check`] that failed, and how.
//!
//! The kit sees bytes and events. What a codec does with the allocator it does not see, beyond the input buffer; nor
//! how long a call takes: it holds [`NeedMore`](crate::Step::NeedMore) to its word, and that asking early moves
//! nothing.

mod check;
mod checks;
mod end;
mod failure;
mod kit;
mod log;
mod middle;
mod pair;
mod rng;
mod sample;
mod splice;
pub mod toy;

pub use check::Check;
pub use failure::Failure;
pub use kit::{Kit, Report, assert_conforms};
pub use pair::{Happened, Pair, Ticket};
pub use rng::Rng;
pub use sample::Sample;
