//! [`Check::Chunking`]: where a read ended is not the codec's business.

use std::iter::once;

use crate::depth::Depth;
use crate::testkit::check::Check;
use crate::testkit::failure::Failure;
use crate::testkit::kit::Kit;
use crate::testkit::rng::Rng;
use crate::testkit::sample::Sample;
use crate::testkit::splice::Splice;

/// Bytes that one check decodes of one recording, about: a large one is cut at fewer points, since each cut decodes all
/// of it.
const WORK: usize = 2 * 1024 * 1024;
const MULTI_SPLITS: usize = 200;

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let (requests, responses) = (&*sample.requests, &*sample.responses);
    let mut rng = Rng::new(kit.seed);
    let mut cases = 0usize;
    for depth in [Depth::ROUTE, sample.depth.clone()] {
        let whole = kit.whole(sample, &depth)?;
        let mut same = |what: &dyn std::fmt::Display, requests: &[&[u8]], responses: &[&[u8]]| {
            let mut cut = kit.splice(&depth);
            cut.run(requests.iter().copied(), responses.iter().copied())
                .and_then(|()| compare(&whole, &cut))
                .map_err(|failure| failure.during(what))?;
            cases = cases.saturating_add(1);
            Ok(())
        };
        same(&"a byte at a time", &bytewise(requests), &bytewise(responses))?;
        for at in cuts(requests.len()) {
            let (front, back) = requests.split_at(at);
            same(&format!("requests cut at {at}"), &[front, back], &[responses])?;
        }
        for at in cuts(responses.len()) {
            let (front, back) = responses.split_at(at);
            same(&format!("answers cut at {at}"), &[requests], &[front, back])?;
        }
        for round in 0..affordable(MULTI_SPLITS, requests.len().saturating_add(responses.len())) {
            let (asked, answered) = (pieces(requests, &mut rng), pieces(responses, &mut rng));
            same(&format!("random cuts, round {round}"), &asked, &answered)?;
        }
    }
    Ok(cases)
}

fn compare(whole: &Splice, cut: &Splice) -> Result<(), Failure> {
    for (what, one, two) in
        [("requests", &whole.requests, &cut.requests), ("answers", &whole.responses, &cut.responses)]
    {
        if let Some(difference) = one.difference(two) {
            return Err(Failure::new(Check::Chunking, format!("{what}: {difference}")));
        }
    }
    Ok(())
}

pub(super) fn bytewise(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks(1).collect()
}

/// How many of `rounds` there is time for when each decodes `len` bytes.
pub(super) fn affordable(rounds: usize, len: usize) -> usize {
    rounds.min(WORK.checked_div(len).unwrap_or(rounds)).max(10)
}

/// Every point between two bytes, or as many as there is time for: most of them where messages begin and end.
pub(super) fn cuts(len: usize) -> impl Iterator<Item = usize> {
    let rounds = affordable(1500, len);
    let dense = rounds / 3;
    let step = len.div_ceil(rounds).max(1);
    (1..len).filter(move |at| *at < dense || at.saturating_add(dense) > len || at.is_multiple_of(step))
}

/// Random cuts, half of them close together (in what is not too long): boundaries of small things are hit by small
/// pieces.
pub(super) fn pieces<'a>(mut bytes: &'a [u8], rng: &mut Rng) -> Vec<&'a [u8]> {
    let mut all = Vec::new();
    let least = (bytes.len() / 2000).max(4);
    while !bytes.is_empty() {
        let most = if rng.one_in(2) { least } else { least.saturating_mul(75) };
        let n = rng.below(most).saturating_add(1).min(bytes.len());
        let (front, back) = bytes.split_at(n);
        all.push(front);
        bytes = back;
    }
    all.into_iter().chain(once(bytes)).collect()
}
