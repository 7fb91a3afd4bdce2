//! Where a request goes: the first strings of its body.
//!
//! ```text
//! Dubbo's version | path | service version | method | parameter types | arguments ... | attachments
//! ```

use meshwire::frame::{Fault, Parse, Scan};
use meshwire::{Attribute, Depth, Head};

use crate::hessian::{self, Short, StringScan, Text};
use crate::wire::HEADER_LEN;

/// How many of the strings `depth` asks for. Dubbo has no authority, path or verb of its own: the service and the method stand
/// in for them, so that whoever asks for one must be shown the other.
#[inline]
fn wanted(depth: &Depth) -> usize {
    if depth.needs(Attribute::Method) || depth.needs(Attribute::Verb) || depth.needs(Attribute::Path) {
        4
    } else if depth.needs(Attribute::Version) {
        3
    } else if depth.needs(Attribute::Service) || depth.needs(Attribute::Authority) {
        2
    } else {
        0
    }
}

/// Reads what `depth` asks for from a frame whose body is Hessian 2.
#[inline(always)]
pub(crate) fn read(seen: &[u8], depth: &Depth, scan: &mut Scan, head: &mut Head) -> Result<Parse<()>, Fault> {
    let wanted = wanted(depth);
    let first = scan.at == 0;
    let plain = match wanted {
        0 => return Ok(Parse::Done(())),
        4 if first => plain::<3>(seen, head),
        3 if first => plain::<2>(seen, head),
        2 if first => plain::<1>(seen, head),
        _ => None,
    };
    match plain {
        Some(()) => Ok(Parse::Done(())),
        None => {
            let (strings, result) = walk(seen, wanted, scan);
            let [service, version, method] = strings;
            set(head, Attribute::Service, seen, service);
            set(head, Attribute::Version, seen, version);
            set(head, Attribute::Method, seen, method);
            result
        }
    }
}

/// Puts what [`walk`] read into `head`. It is not handed to `walk`: a head whose address goes nowhere is made in
/// registers.
#[inline(always)]
fn set(head: &mut Head, attribute: Attribute, seen: &[u8], text: Option<Text>) {
    match text {
        None => {}
        Some(Text::Null) => head.set_absent(attribute),
        Some(Text::Plain(span)) => head.set_span_in(attribute, seen, span),
        Some(Text::Tangled(span)) => head.set_owned(attribute, &hessian::collect(seen, span)),
    }
}

/// The strings a route looks at, in wire order behind Dubbo's own version.
const ATTRIBUTES: [Attribute; 3] = [Attribute::Service, Attribute::Version, Attribute::Method];

/// The only one of them that clients leave out.
const VERSION: usize = 1;

/// Reads the first `N` of them as nearly every request has them: in one piece, all there and in ASCII, which is looked at
/// once for all. `None`, before anything was set, says only that [`walk`] must read them.
#[inline(always)]
fn plain<const N: usize>(seen: &[u8], head: &mut Head) -> Option<()> {
    let mut end = Short::guess(seen, HEADER_LEN)?.end();
    let mut strings = [Short { at: 0, len: 0, null: false }; N];
    for (n, string) in strings.iter_mut().enumerate() {
        *string = Short::guess(seen, end)?;
        if string.null && n != VERSION {
            return None;
        }
        end = string.end();
    }
    if !hessian::is_ascii(seen.get(HEADER_LEN..end)?) {
        return None;
    }
    // Not `zip`, whose `next` is a call of its own where many are compiled together.
    let mut attributes = ATTRIBUTES.into_iter();
    for string in strings {
        let Some(attribute) = attributes.next() else { break };
        if string.null {
            head.set_absent(attribute);
        } else {
            // Dubbo's lengths are 31 bits wide: what lies in a frame lies within 32.
            head.set_short_span(attribute, string.at as u32, string.len);
        }
    }
    Some(())
}

/// Reads any strings, on from where `scan` stands: those that end here, and what the whole came to.
#[cold]
#[inline(never)]
fn walk(seen: &[u8], wanted: usize, scan: &mut Scan) -> ([Option<Text>; 3], Result<Parse<()>, Fault>) {
    let mut strings = [const { None }; 3];
    let (done, mut string) = if scan.at == 0 { (0, StringScan::new(HEADER_LEN)) } else { unpack(*scan) };
    for n in done..wanted {
        let text = match string.run(seen) {
            Ok(Parse::Done(text)) => text,
            Ok(Parse::Need(need)) => {
                *scan = pack(n, &string, scan.end);
                return (strings, Ok(Parse::Need(need)));
            }
            Err(fault) => return (strings, Err(fault)),
        };
        if let Some(slot) = n.checked_sub(1).and_then(|n| strings.get_mut(n)) {
            *slot = Some(text);
        }
        string = StringScan::new(string.at);
    }
    (strings, Ok(Parse::Done(())))
}

const LAST: u32 = 0x0001_0000;
const TANGLED: u32 = 0x0002_0000;
const FIELD_SHIFT: u32 = 24;

/// The field under way, and how far its string was walked.
fn pack(field: usize, string: &StringScan, end: usize) -> Scan {
    let last = if string.last { LAST } else { 0 };
    let tangled = if string.tangled { TANGLED } else { 0 };
    let state = u32::from(string.left) | last | tangled | (field as u32) << FIELD_SHIFT;
    Scan { at: string.at, from: string.from, state, end }
}

fn unpack(scan: Scan) -> (usize, StringScan) {
    let string = StringScan {
        from: scan.from,
        at: scan.at,
        left: scan.state as u16,
        last: scan.state & LAST != 0,
        tangled: scan.state & TANGLED != 0,
    };
    ((scan.state >> FIELD_SHIFT) as usize, string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_the_strings_to_read() {
        let only = |attribute| wanted(&Depth::BOUNDARY.with(attribute));
        assert_eq!(wanted(&Depth::BOUNDARY), 0);
        assert_eq!(only(Attribute::Service), 2);
        assert_eq!(only(Attribute::Authority), 2);
        assert_eq!(only(Attribute::Version), 3);
        for attribute in [Attribute::Method, Attribute::Verb, Attribute::Path] {
            assert_eq!(only(attribute), 4);
        }
        assert_eq!(wanted(&Depth::ROUTE), 4);
    }

    #[test]
    fn a_scan_is_kept_whole() {
        let string = StringScan { from: 20, at: 70_000, left: u16::MAX, last: true, tangled: true };
        assert_eq!(unpack(pack(3, &string, 0)), (3, string));
        let string = StringScan::new(16);
        assert_eq!(unpack(pack(0, &string, 0)), (0, string));
    }
}
