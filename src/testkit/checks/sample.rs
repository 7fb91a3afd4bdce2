//! [`Check::Sample`]: without it the others would compare nothing with nothing.

use crate::depth::Depth;
use crate::testkit::check::Check;
use crate::testkit::failure::{Failure, require};
use crate::testkit::kit::Kit;
use crate::testkit::log::{Ending, Log};
use crate::testkit::sample::Sample;

pub(super) fn make(kit: &Kit<'_>, sample: &Sample) -> Result<usize, Failure> {
    if sample.requests.is_empty() {
        return Ok(0);
    }
    for depth in [Depth::BOUNDARY, Depth::ROUTE, sample.depth.clone()] {
        let splice = kit.whole(sample, &depth)?;
        let tunnel = splice.server.codec().state().tunnel;
        complete("request", &splice.requests, splice.server.unread(), tunnel)?;
        complete("answer", &splice.responses, splice.client.unread(), tunnel || sample.ends_at_eof)?;
    }
    Ok(1)
}

fn complete(what: &str, log: &Log, unread: usize, open_ended: bool) -> Result<(), Failure> {
    if let Some((code, scope)) = log.errors().next() {
        return Err(Failure::new(Check::Sample, format!("the {what}s do not decode: {code} ({})", scope.name())));
    }
    require(unread == 0, Check::Sample, || format!("{unread} bytes behind the {what}s are never read"))?;
    let open = log.messages().filter(|message| message.ending == Ending::Open).count();
    require(open == 0 || (open == 1 && open_ended), Check::Sample, || format!("{open} {what}s do not end"))
}
