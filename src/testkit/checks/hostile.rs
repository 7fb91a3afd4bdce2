//! [`Check::Hostile`]: mutated recordings and noise, between two codecs that forward what they can.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::depth::Depth;
use crate::testkit::check::Check;
use crate::testkit::failure::Failure;
use crate::testkit::kit::Kit;
use crate::testkit::rng::Rng;
use crate::testkit::sample::Sample;

use super::chunking::{affordable, pieces};

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let mut rng = Rng::new(kit.seed);
    let rounds = affordable(kit.mutations, sample.requests.len().saturating_add(sample.responses.len()));
    for round in 0..rounds {
        let requests = mutant(&sample.requests, &mut rng);
        // Half the time only the answers are bad, or they would seldom find a client that waits for them.
        let (requests, responses) = match rng.below(3) {
            0 => (requests, sample.responses.to_vec()),
            1 => (sample.requests.to_vec(), mutant(&sample.responses, &mut rng)),
            _ => (requests, mutant(&sample.responses, &mut rng)),
        };
        let depth = if rng.one_in(2) { Depth::ROUTE } else { sample.depth.clone() };
        let (asked, answered) = (pieces(&requests, &mut rng), pieces(&responses, &mut rng));
        let run = catch_unwind(AssertUnwindSafe(|| {
            let mut splice = kit.splice(&depth).hostile();
            splice.run(asked, answered)?;
            splice.server.feed_eof();
            splice.client.feed_eof();
            splice.pump()
        }));
        let here = || format!("seed {}, round {round}", kit.seed);
        match run {
            Ok(result) => result.map_err(|failure| failure.during(here()))?,
            Err(payload) => {
                let said = payload.downcast_ref::<String>().map(String::as_str);
                let said = said.or(payload.downcast_ref::<&str>().copied()).unwrap_or("something");
                let detail = format!("{}: panicked with {said:?} on {}", here(), requests.escape_ascii());
                return Err(Failure::new(Check::Hostile, detail));
            }
        }
    }
    Ok(rounds)
}

/// Values that lengths and counts go wrong on.
const ODD: [u8; 8] = [0x00, 0x01, 0x7f, 0x80, 0xff, 0xfe, b'\r', b'\n'];

/// `bytes` after a few changes; sometimes noise alone.
pub(super) fn mutant(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    if rng.one_in(20) {
        let n = rng.below(200);
        return rng.bytes(n);
    }
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.below(4).saturating_add(1) {
        let at = rng.below(bytes.len());
        let n = rng.below(8).saturating_add(1).min(bytes.len().saturating_sub(at));
        match rng.below(7) {
            0 => flip(bytes.get_mut(at), 1 << rng.below(8)),
            1 | 2 => {
                let odd = ODD.get(rng.below(ODD.len())).copied().unwrap_or_default();
                bytes.iter_mut().skip(at).take(n).for_each(|byte| *byte = odd);
            }
            3 => drop(bytes.drain(at..at.saturating_add(n))),
            4 => {
                let noise = rng.bytes(n);
                bytes.splice(at..at, noise);
            }
            5 => {
                // A piece said twice: headers inside bodies, messages inside messages.
                let long = rng.below(bytes.len().saturating_sub(at));
                let piece = bytes.get(at..at.saturating_add(long)).unwrap_or_default().to_vec();
                let to = rng.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => flip(bytes.get_mut(at), rng.next() as u8),
        }
    }
    bytes
}

const fn flip(byte: Option<&mut u8>, bits: u8) {
    if let Some(byte) = byte {
        *byte ^= bits;
    }
}
