//! [`Check::BadMessage`]: one message is refused, and the connection goes on.

use crate::testkit::check::Check;
use crate::testkit::failure::{Failure, require};
use crate::testkit::kit::Kit;
use crate::testkit::sample::Sample;

use super::chunking::bytewise;

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    let Some((bad, next)) = &sample.bad_request else { return Ok(0) };
    let bytes = [&**bad, next].concat();
    for (how, pieces) in [("at once", vec![&*bytes]), ("a byte at a time", bytewise(&bytes))] {
        // Between peers of whom nothing is expected: the upstream of the sample may have said good-bye.
        let mut splice = kit.splice(&sample.depth).hostile();
        splice.run([&*sample.requests], [&*sample.responses])?;
        let before = splice.requests.entries.len();
        splice.run(pieces, []).map_err(|failure| failure.during(how))?;
        let errors: Vec<_> = splice.requests.errors().collect();
        require(errors.len() == 1, Check::BadMessage, || {
            format!("{how}: {} errors, not one: {errors:?}", errors.len())
        })?;
        let named = splice.refused.first().and_then(crate::DecodeError::stream).is_some();
        require(named, Check::BadMessage, || format!("{how}: it costs the connection: {:?}", splice.refused.first()))?;
        let answered = splice.refused.first().is_some_and(|error| error.replied) || splice.answered_refused > 0;
        require(answered, Check::BadMessage, || format!("{how}: it cannot be answered"))?;
        let behind = splice.requests.entries.len().saturating_sub(before).saturating_sub(1);
        require(behind > 0, Check::BadMessage, || format!("{how}: the message behind it does not come through"))?;
        let counted = splice.server.codec().stats().bad_messages;
        require(counted == 1, Check::BadMessage, || format!("{how}: counted {counted} times"))?;
    }
    Ok(2)
}
