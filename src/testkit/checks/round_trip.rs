//! [`Check::Verbatim`] and [`Check::RoundTrip`]: what comes out of a proxy is what went in.

use crate::depth::Depth;
use crate::testkit::check::Check;
use crate::testkit::failure::Failure;
use crate::testkit::kit::Kit;
use crate::testkit::log::difference;
use crate::testkit::sample::Sample;

pub(super) fn verbatim(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    if !kit.protocol.traits().verbatim || !sample.verbatim || sample.requests.is_empty() {
        return Ok(0);
    }
    // Ids stay as they are here, and nobody does what an intermediary must: that is an edit.
    let splice = kit.whole(sample, &Depth::ROUTE)?;
    match splice.rewritten.first() {
        None => Ok(1),
        Some((head, wrote)) => {
            // Where a frame stands around heads this shows the frame; it is close enough to find the place.
            let at = head.iter().zip(wrote).take_while(|(one, two)| one == two).count();
            let near = |bytes: &[u8]| {
                let near: Vec<u8> = bytes.iter().skip(at.saturating_sub(8)).take(24).copied().collect();
                near.escape_ascii().to_string()
            };
            let detail = format!("at byte {at} of a head, \"{}\" became \"{}\"", near(head), near(wrote));
            Err(Failure::new(Check::Verbatim, detail))
        }
    }
}

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    if sample.requests.is_empty() {
        return Ok(0);
    }
    let mut first = kit.splice(&sample.depth).forwarding();
    first.run([&*sample.requests], [&*sample.responses])?;
    let mut second = kit.splice(&sample.depth).forwarding();
    second
        .run([&*first.client_wrote], [&*first.server_wrote])
        .map_err(|failure| failure.during("what was sent on, decoded again"))?;
    for (what, one, two) in
        [("requests", &first.requests, &second.requests), ("answers", &first.responses, &second.responses)]
    {
        if let Some((code, _)) = two.errors().next() {
            return Err(Failure::new(Check::RoundTrip, format!("{what} sent on do not decode: {code}")));
        }
        if let Some(difference) = difference(&one.meaning(), &two.meaning()) {
            return Err(Failure::new(Check::RoundTrip, format!("{what} sent on: {difference}")));
        }
    }
    Ok(1)
}
