//! The front of a request, up to its arguments.

use std::borrow::Cow;
use std::ops::Range;

use meshwire::frame::Fault;

use crate::attachments::Front;
use crate::body::{Body, NO_STRING, Text};
use crate::descriptor::count_args;
use crate::hessian;
use crate::wire::HEADER_LEN;

/// The front of a request that is all there.
pub(crate) struct Request<'a> {
    /// Dubbo's own version.
    pub(crate) dubbo: Text<'a>,
    pub(crate) front: Front<'a>,
    /// Where its arguments begin.
    pub(crate) args_at: usize,
    /// How many there are.
    pub(crate) args: usize,
}

/// The strings in front of the arguments' types.
pub(crate) struct Destination<'a> {
    /// Dubbo's own version.
    pub(crate) dubbo: Text<'a>,
    pub(crate) service: Text<'a>,
    pub(crate) version: Text<'a>,
    /// What will run: behind `$invoke`, the name that is its first argument.
    pub(crate) method: Text<'a>,
}

/// Reads the destination of a request.
pub(crate) fn destination<'a>(seen: &'a [u8], body: &Body<'_>) -> Result<Destination<'a>, Fault> {
    let (dubbo, at) = body.text(seen, HEADER_LEN)?;
    let (service, at) = body.text(seen, at)?;
    let (version, at) = body.text(seen, at)?;
    let (mut method, at) = body.text(seen, at)?;
    if let Some(b"$invoke" | b"$invokeAsync") = method.as_deref() {
        let (args, args_at) = count(seen, at, body)?;
        if args == 3 {
            match body.text(seen, args_at) {
                Ok((Some(name), _)) => method = Some(trim(name)),
                Err(fault) if fault.code != NO_STRING => return Err(fault),
                // No name, and no generic call: what the service makes of it is its own affair.
                Ok((None, _)) | Err(_) => {}
            }
        }
    }
    Ok(Destination { dubbo, service, version, method })
}

/// Where a name stands without white space and control characters around it, which is what Java's `trim` takes away.
pub(crate) fn trimmed(name: &[u8]) -> Range<usize> {
    let is_kept = |byte: &u8| *byte > b' ';
    let first = name.iter().position(is_kept).unwrap_or(name.len());
    first..name.iter().rposition(is_kept).map_or(first, |last| last.saturating_add(1))
}

fn trim(name: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let kept = trimmed(&name);
    match name {
        Cow::Borrowed(name) => Cow::Borrowed(name.get(kept).unwrap_or_default()),
        Cow::Owned(name) => Cow::Owned(name.get(kept).unwrap_or_default().to_vec()),
    }
}

/// Reads all that stands in front of the arguments.
pub(crate) fn read<'a>(seen: &'a [u8], body: &Body<'_>) -> Result<Request<'a>, Fault> {
    if body.is_hessian()
        && let Some([dubbo, service, version, method]) = hessian::shorts(seen, HEADER_LEN)
    {
        let (args, args_at) = count(seen, method.end(), body)?;
        let text = |short| hessian::short_text(seen, short).map(Cow::Borrowed);
        let front = Front { service: text(service), version: text(version) };
        return Ok(Request { dubbo: text(dubbo), front, args_at, args });
    }
    let (dubbo, at) = body.text(seen, HEADER_LEN)?;
    let (service, at) = body.text(seen, at)?;
    let (version, at) = body.text(seen, at)?;
    let (_, at) = body.text(seen, at)?;
    let (args, args_at) = count(seen, at, body)?;
    Ok(Request { dubbo, front: Front { service, version }, args_at, args })
}

/// How many arguments there are, and where the first begins.
///
/// Dubbox puts an int before the types: -1, or how many arguments follow, without their types.
fn count(seen: &[u8], at: usize, body: &Body<'_>) -> Result<(usize, usize), Fault> {
    let at = match body.int(seen, at)? {
        Some((count, end)) => match usize::try_from(count) {
            Ok(count) => return Ok((count, end)),
            Err(_) => end,
        },
        None => at,
    };
    let (types, end) = body.text(seen, at)?;
    match count_args(types.as_deref().unwrap_or_default()) {
        Some(count) => Ok((count, end)),
        None => Err(Fault::new("descriptor", "the types of the arguments are no list of JVM type descriptors", at)),
    }
}
