//! Where a request goes: the first strings of its body.
//!
//! ```text
//! Dubbo's version | path | service version | method | parameter types | arguments ... | attachments
//! ```
//!
//! A generic call is a call of `$invoke` or `$invokeAsync`, whose first argument of three is the method that will run. Java
//! trims that name, and so does what is read here. Dubbox 2.8 puts an int between the method and the types.

use std::borrow::Cow;

use meshwire::frame::{Fault, Parse, Scan};
use meshwire::{Attribute, Depth, Head};
use meshwire_hessian::{Dialect, Read, Short, StringScan, Text, collect, is_ascii};

use crate::arguments::trimmed;
use crate::descriptor::count_args;
use crate::format::add_tag;
use crate::hessian;
use crate::note;
use crate::tag;
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
            let (strings, is_name, result) = walk(seen, wanted, scan);
            let [version_of_dubbo, service, version, method] = strings;
            if let Some(Text::Plain(span)) = version_of_dubbo
                && tag::reads_attachments(seen.get(span).unwrap_or_default())
            {
                add_tag(head, tag::ATTACHMENTS);
            }
            set(head, Attribute::Service, seen, service);
            set(head, Attribute::Version, seen, version);
            match method {
                Some(text) if is_name => set_name(head, seen, &text),
                method => set(head, Attribute::Method, seen, method),
            }
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
        Some(Text::Tangled(span)) => head.set_owned(attribute, &collect(seen, span, Dialect::Hessian2)),
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
    let dubbo = Short::guess(seen, HEADER_LEN)?;
    let mut end = dubbo.end();
    let mut strings = [Short { at: 0, len: 0, null: false }; N];
    for (n, string) in strings.iter_mut().enumerate() {
        *string = Short::guess(seen, end)?;
        if string.null && n != VERSION {
            return None;
        }
        end = string.end();
    }
    if !is_ascii(seen.get(HEADER_LEN..end)?) {
        return None;
    }
    if N == 3 && strings.last().is_some_and(|method| seen.get(method.at) == Some(&b'$')) {
        return None;
    }
    if seen.get(dubbo.at..dubbo.end()).is_some_and(tag::reads_attachments) {
        add_tag(head, tag::ATTACHMENTS);
    }
    if N == 3 {
        head.set_note(note::of_types_at(end));
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

/// The step behind the method.
const METHOD: usize = 3;
/// Dubbox' int.
const COUNT: usize = 4;
/// The types of the arguments.
const TYPES: usize = 5;
/// The method that a generic call is for.
const NAME: usize = 6;
const END: usize = 7;

/// Dubbo's version, the service, its version and the method.
type Strings = [Option<Text>; 4];

/// Reads any strings, on from where `scan` stands: those that end here, whether the method is the name that a generic call
/// brings, and what the whole came to.
#[cold]
#[inline(never)]
fn walk(seen: &[u8], wanted: usize, scan: &mut Scan) -> (Strings, bool, Result<Parse<()>, Fault>) {
    let mut strings = [const { None }; 4];
    let (mut step, mut string) = if scan.at == 0 { (0, StringScan::new(HEADER_LEN)) } else { unpack(*scan) };
    while step < wanted || (step > METHOD && step < END) {
        if step == COUNT {
            // An int has up to five bytes, and a frame that goes on here always more.
            if seen.len() < string.at.saturating_add(5) && seen.len() < scan.end {
                pack(step, &string, scan);
                return (strings, false, Ok(Parse::Need(string.at.saturating_add(5).min(scan.end))));
            }
            match hessian::int(seen, string.at) {
                Err(fault) => return (strings, false, Err(fault)),
                // The types are left out.
                Ok(Some((3, end))) => {
                    string = StringScan::new(end);
                    step = NAME;
                }
                Ok(Some((0.., _))) => break,
                Ok(Some((_, end))) => {
                    string = StringScan::new(end);
                    step = TYPES;
                }
                Ok(None) => step = TYPES,
            }
            continue;
        }
        if step == NAME && !matches!(seen.get(string.from), None | Some(0x00..=0x1f | 0x30..=0x33 | b'R' | b'S' | b'N'))
        {
            // No name, and no generic call: what the service makes of it is its own affair.
            break;
        }
        let text = match string.run(seen) {
            Ok(Read::Done(text)) => text,
            Ok(Read::Need(need)) => {
                pack(step, &string, scan);
                return (strings, false, Ok(Parse::Need(need)));
            }
            Err(error) => return (strings, false, Err(hessian::fault(error))),
        };
        let end = string.at;
        let next = match step {
            METHOD if is_generic(seen, &text) => COUNT,
            METHOD => END,
            TYPES if count_args(&bytes(seen, &text)) == Some(3) => {
                string = StringScan::new(end);
                step = NAME;
                continue;
            }
            TYPES => break,
            NAME if text == Text::Null => break,
            NAME => {
                if let Some(slot) = strings.get_mut(METHOD) {
                    *slot = Some(text);
                }
                return (strings, true, Ok(Parse::Done(())));
            }
            _ => step.saturating_add(1),
        };
        if let Some(slot) = strings.get_mut(step) {
            *slot = Some(text);
        }
        string = StringScan::new(end);
        step = next;
    }
    (strings, false, Ok(Parse::Done(())))
}

fn bytes<'a>(seen: &'a [u8], text: &Text) -> Cow<'a, [u8]> {
    match text {
        Text::Null => Cow::Borrowed(&[]),
        Text::Plain(span) => Cow::Borrowed(seen.get(span.clone()).unwrap_or_default()),
        Text::Tangled(span) => Cow::Owned(collect(seen, span.clone(), Dialect::Hessian2)),
    }
}

fn is_generic(seen: &[u8], method: &Text) -> bool {
    matches!(&*bytes(seen, method), b"$invoke" | b"$invokeAsync")
}

/// The method of a generic call: the name as Java trims it.
fn set_name(head: &mut Head, seen: &[u8], name: &Text) {
    let text = bytes(seen, name);
    let kept = trimmed(&text);
    match name {
        Text::Plain(span) => {
            let kept = span.start.saturating_add(kept.start)..span.start.saturating_add(kept.end);
            head.set_span_in(Attribute::Method, seen, kept);
        }
        _ => head.set_owned(Attribute::Method, text.get(kept).unwrap_or_default()),
    }
}

const LAST: u32 = 0x0001_0000;
const TANGLED: u32 = 0x0002_0000;
const STEP_SHIFT: u32 = 24;

/// The step under way, and how far its string was walked.
fn pack(step: usize, string: &StringScan, scan: &mut Scan) {
    let last = if string.last { LAST } else { 0 };
    let tangled = if string.tangled { TANGLED } else { 0 };
    let state = u32::from(string.left) | last | tangled | (step as u32) << STEP_SHIFT;
    *scan = Scan { at: string.at, from: string.from, state, ..*scan };
}

fn unpack(scan: Scan) -> (usize, StringScan) {
    let mut string = StringScan::new(scan.from);
    string.at = scan.at;
    string.left = scan.state as u16;
    string.last = scan.state & LAST != 0;
    string.tangled = scan.state & TANGLED != 0;
    ((scan.state >> STEP_SHIFT) as usize, string)
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
        let mut string = StringScan::new(20);
        (string.at, string.left, string.last, string.tangled) = (70_000, u16::MAX, true, true);
        let mut scan = Scan::new(80_000);
        pack(3, &string, &mut scan);
        assert_eq!((unpack(scan), scan.end), ((3, string), 80_000));
        let string = StringScan::new(16);
        pack(0, &string, &mut scan);
        assert_eq!(unpack(scan), (0, string));
    }
}
