//! The kit itself: what is run, on what, and what is reported.

use std::sync::Arc;

use crate::codec::Protocol;
use crate::depth::Depth;
use crate::limits::Limits;
use crate::outcome::Outcome;

use super::check::Check;
use super::checks;
use super::failure::Failure;
use super::sample::Sample;
use super::splice::Splice;

/// The conformance kit for one protocol.
#[must_use]
pub struct Kit<'a> {
    pub(super) protocol: &'a dyn Protocol,
    pub(super) samples: Vec<Sample>,
    pub(super) limits: Arc<Limits>,
    pub(super) seed: u64,
    pub(super) mutations: usize,
    pub(super) outcome: fn(Outcome) -> Outcome,
    pub(super) own_fields: &'a [&'a str],
    only: Option<Vec<Check>>,
}

impl std::fmt::Debug for Kit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kit")
            .field("protocol", &self.protocol.name())
            .field("samples", &self.samples.iter().map(Sample::name).collect::<Vec<_>>())
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl<'a> Kit<'a> {
    /// A kit without samples, which checks next to nothing.
    pub fn new(protocol: &'a dyn Protocol) -> Self {
        Self {
            protocol,
            samples: Vec::new(),
            limits: Arc::default(),
            seed: 1,
            mutations: 2000,
            outcome: |outcome| outcome,
            own_fields: &[],
            only: None,
        }
    }

    /// The same kit with one more sample.
    pub fn with_sample(mut self, sample: Sample) -> Self {
        self.samples.push(sample);
        self
    }

    /// The same kit with more samples.
    pub fn with_samples(mut self, samples: impl IntoIterator<Item = Sample>) -> Self {
        self.samples.extend(samples);
        self
    }

    /// The same kit with codecs made for these limits.
    pub fn with_limits(mut self, limits: impl Into<Arc<Limits>>) -> Self {
        self.limits = limits.into();
        self
    }

    /// The same kit with other random choices.
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The same kit with so many mutations of each sample. Default 2,000.
    pub const fn with_mutations(mut self, mutations: usize) -> Self {
        self.mutations = mutations;
        self
    }

    /// What a client of this protocol makes of a local reply, where its wire cannot tell every [`Outcome`] apart. A
    /// protocol documents this.
    pub const fn with_outcomes(mut self, outcome: fn(Outcome) -> Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Fields that the codec writes itself, as framing asks, whoever edits them (HTTP's `Content-Length`).
    pub const fn with_own_fields(mut self, names: &'a [&'a str]) -> Self {
        self.own_fields = names;
        self
    }

    /// The same kit with these checks only. Those that hold on every call are made in any case.
    pub fn with_checks(mut self, checks: impl IntoIterator<Item = Check>) -> Self {
        self.only = Some(checks.into_iter().collect());
        self
    }

    /// Makes every check on every sample.
    ///
    /// # Errors
    ///
    /// The first [`Failure`].
    pub fn run(&self) -> Result<Report, Failure> {
        let mut report = Report::default();
        for (check, make) in checks::ALL {
            if self.only.as_ref().is_some_and(|only| !only.contains(check)) {
                continue;
            }
            let mut cases = 0usize;
            for sample in &self.samples {
                cases = cases.saturating_add(make(self, sample).map_err(|failure| failure.on(sample.name()))?);
            }
            report.made.push((*check, cases));
        }
        Ok(report)
    }

    pub(super) fn splice(&self, depth: &Depth) -> Splice {
        Splice::new(self.protocol, &self.limits, depth)
    }

    /// The sample, decoded in one piece.
    pub(super) fn whole(&self, sample: &Sample, depth: &Depth) -> Result<Splice, Failure> {
        let mut splice = self.splice(depth);
        splice.run([&*sample.requests], [&*sample.responses])?;
        Ok(splice)
    }
}

/// What was checked.
///
/// ```
/// use meshwire::testkit::{Check, Kit, toy};
///
/// let kit = Kit::new(&toy::Mux).with_samples(toy::mux::samples()).with_checks([Check::Edits, Check::OpenMessage]);
/// let report = kit.run()?;
/// assert!(report.cases(Check::Edits) > 0);
/// // Its messages interleave: there is no such thing as an open one that others must not interrupt.
/// assert!(report.skipped().eq([Check::OpenMessage]));
/// # Ok::<(), meshwire::testkit::Failure>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Report {
    made: Vec<(Check, usize)>,
}

impl Report {
    /// How many cases of `check` were tried. Those that hold on every call are not counted.
    pub fn cases(&self, check: Check) -> usize {
        self.made.iter().filter(|(made, _)| *made == check).map(|(_, cases)| cases).sum()
    }

    /// Checks that were asked for and that no sample had anything for, or that the protocol's traits leave out.
    pub fn skipped(&self) -> impl Iterator<Item = Check> + '_ {
        self.made.iter().filter(|(_, cases)| *cases == 0).map(|(check, _)| *check)
    }
}

/// Runs the kit, for use in a test.
///
/// # Panics
///
/// With the [`Failure`], if there is one.
///
/// ```
/// use meshwire::testkit::{Kit, assert_conforms, toy};
///
/// assert_conforms(&Kit::new(&toy::Framed).with_samples(toy::framed::samples()).with_mutations(20));
/// ```
#[allow(clippy::panic)] // its one purpose is to fail a test
#[track_caller]
pub fn assert_conforms(kit: &Kit<'_>) {
    if let Err(failure) = kit.run() {
        panic!("{} does not conform: {failure}", kit.protocol.name());
    }
}
