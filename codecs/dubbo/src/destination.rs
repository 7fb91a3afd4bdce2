//! Where a request goes: the first strings of its body.
//!
//! ```text
//! Dubbo's version | path | service version | method | parameter types | arguments ... | attachments
//! ```

use meshwire::frame::{Fault, Parse, Scan};
use meshwire::{Attribute, Depth, Head};

use crate::hessian::{self, StringScan, Text};
use crate::wire::HEADER_LEN;

/// What the strings are to a route, in wire order.
const FIELDS: [Option<Attribute>; 4] =
    [None, Some(Attribute::Service), Some(Attribute::Version), Some(Attribute::Method)];

/// How many of them `depth` asks for. Dubbo has no authority, path or verb of its own: the service and the method stand
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
#[inline]
pub(crate) fn read(seen: &[u8], depth: &Depth, scan: &mut Scan, head: &mut Head) -> Result<Parse<()>, Fault> {
    let (done, mut string) = if scan.at == 0 { (0, StringScan::new(HEADER_LEN)) } else { unpack(*scan) };
    for (n, attribute) in FIELDS.iter().enumerate().take(wanted(depth)).skip(done) {
        let begun = string.at > string.from;
        if !begun && let Some(span) = hessian::ascii(seen, string.at) {
            string = StringScan::new(span.end);
            if let Some(attribute) = *attribute {
                head.set_span_in(attribute, seen, span);
            }
            continue;
        }
        match string.run(seen)? {
            Parse::Need(need) => {
                *scan = pack(n, &string);
                return Ok(Parse::Need(need));
            }
            Parse::Done(text) => {
                if let Some(attribute) = *attribute {
                    set(head, attribute, seen, text);
                }
            }
        }
        string = StringScan::new(string.at);
    }
    Ok(Parse::Done(()))
}

fn set(head: &mut Head, attribute: Attribute, seen: &[u8], text: Text) {
    match text {
        Text::Null => head.set_absent(attribute),
        Text::Plain(span) => head.set_span_in(attribute, seen, span),
        Text::Tangled(span) => head.set_owned(attribute, &hessian::collect(seen, span)),
    }
}

const LAST: u32 = 0x0001_0000;
const TANGLED: u32 = 0x0002_0000;
const FIELD_SHIFT: u32 = 24;

/// The field under way, and how far its string was walked.
fn pack(field: usize, string: &StringScan) -> Scan {
    let last = if string.last { LAST } else { 0 };
    let tangled = if string.tangled { TANGLED } else { 0 };
    let state = u32::from(string.left) | last | tangled | (field as u32) << FIELD_SHIFT;
    Scan { at: string.at, from: string.from, state }
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
        assert_eq!(unpack(pack(3, &string)), (3, string));
        let string = StringScan::new(16);
        assert_eq!(unpack(pack(0, &string)), (0, string));
    }
}
