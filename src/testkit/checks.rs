//! The checks, a file each. Each takes one sample and says how many cases it tried.

mod chunking;
mod detection;
mod edits;
mod hostile;
mod round_trip;
mod sample;
mod truncation;

use super::check::Check;
use super::failure::Failure;
use super::kit::Kit;
use super::sample::Sample;

type Make = fn(&Kit<'_>, &Sample) -> Result<usize, Failure>;

/// In the order in which a codec's author wants to hear of them. Those not listed hold on every call.
pub(super) const ALL: &[(Check, Make)] = &[
    (Check::Sample, sample::make),
    (Check::Detection, detection::make),
    (Check::Chunking, chunking::make),
    (Check::Truncation, truncation::make),
    (Check::Hostile, hostile::make),
    (Check::Verbatim, round_trip::verbatim),
    (Check::RoundTrip, round_trip::make),
    (Check::Edits, edits::make),
];
