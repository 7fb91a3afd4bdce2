//! [`Check::Verbatim`] and [`Check::RoundTrip`]: what comes out of a proxy is what went in.

use std::ops::Range;

use crate::depth::Depth;
use crate::testkit::check::Check;
use crate::testkit::failure::Failure;
use crate::testkit::kit::Kit;
use crate::testkit::log::difference;
use crate::testkit::sample::Sample;

pub(super) fn verbatim(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let traits = kit.protocol.traits();
    // Where messages interleave there is no telling which bytes are one's.
    if !traits.verbatim || traits.interleaved || sample.requests.is_empty() {
        return Ok(0);
    }
    let mut splice = kit.splice(&Depth::ROUTE).forwarding();
    splice.run([&*sample.requests], [&*sample.responses])?;
    same("requests", &sample.requests, &splice.request_spans, &splice.client_wrote.messages)?;
    same("answers", &sample.responses, &splice.response_spans, &splice.server_wrote.messages)?;
    Ok(1)
}

fn same(what: &str, bytes: &[u8], spans: &[Range<u64>], sent: &[u8]) -> Result<(), Failure> {
    let mut expected = Vec::new();
    for span in spans {
        let (Ok(start), Ok(end)) = (usize::try_from(span.start), usize::try_from(span.end)) else { continue };
        expected.extend_from_slice(bytes.get(start..end).unwrap_or_default());
    }
    if expected == sent {
        return Ok(());
    }
    let at = expected.iter().zip(sent).take_while(|(one, two)| one == two).count();
    let near = |bytes: &[u8]| bytes.get(at.saturating_sub(8)..).unwrap_or_default().iter().take(24).copied().collect();
    let (one, two): (Vec<u8>, Vec<u8>) = (near(&expected), near(sent));
    let (one, two) = (one.escape_ascii(), two.escape_ascii());
    let lengths = format!("{} bytes became {}", expected.len(), sent.len());
    Err(Failure::new(Check::Verbatim, format!("{what}: {lengths}; at {at}, \"{one}\" became \"{two}\"")))
}

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    if sample.requests.is_empty() {
        return Ok(0);
    }
    let mut first = kit.splice(&sample.depth).forwarding();
    first.run([&*sample.requests], [&*sample.responses])?;
    let mut second = kit.splice(&sample.depth).forwarding();
    second
        .run([&*first.client_wrote.all], [&*first.server_wrote.all])
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
