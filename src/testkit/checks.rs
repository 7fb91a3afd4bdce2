//! The checks, a file each. Each takes one sample and says how many cases it tried.

mod bad_message;
mod chunking;
mod detection;
mod edits;
mod hostile;
mod ids;
mod open_message;
mod pair;
mod replies;
mod round_trip;
mod sample;
mod streaming;
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
    (Check::Ids, ids::make),
    (Check::LocalReply, replies::local),
    (Check::OneWay, replies::one_way),
    (Check::BadMessage, bad_message::make),
    (Check::Pair, pair::make),
    (Check::OpenMessage, open_message::held),
    (Check::Capacity, open_message::capacity),
    (Check::Streaming, streaming::streaming),
    (Check::Window, streaming::window),
    (Check::ResetCredit, streaming::reset_credit),
    (Check::Relay, pair::relayed),
];
