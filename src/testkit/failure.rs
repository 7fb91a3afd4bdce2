//! What the kit found.

use super::check::Check;

/// A codec that breaks the contract: which part of it, on which sample, and how.
///
/// ```
/// use meshwire::testkit::{Check, Kit, Sample, toy};
///
/// // A recording that ends too early is no sample.
/// let kit = Kit::new(&toy::Framed).with_sample(Sample::new("short", &b"TF\0\0"[..], &b""[..]));
/// let failure = kit.run().unwrap_err();
/// assert_eq!((failure.check, failure.sample.as_str()), (Check::Sample, "short"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{check} (sample {sample:?}): {detail}")]
#[non_exhaustive]
pub struct Failure {
    /// The check that failed.
    pub check: Check,
    /// The sample it failed on.
    pub sample: String,
    /// What was expected, and what came.
    pub detail: String,
}

impl Failure {
    pub(super) fn new(check: Check, detail: impl Into<String>) -> Self {
        Self { check, sample: String::new(), detail: detail.into() }
    }

    /// The same failure, found on `sample`.
    pub(super) fn on(mut self, sample: &str) -> Self {
        if self.sample.is_empty() {
            sample.clone_into(&mut self.sample);
        }
        self
    }

    /// The same failure, found while doing `what`.
    pub(super) fn during(mut self, what: impl std::fmt::Display) -> Self {
        self.detail = format!("{what}: {}", self.detail);
        self
    }
}

/// Fails `check` unless `holds`.
pub(super) fn require(holds: bool, check: Check, detail: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::new(check, detail())) }
}
