//! Messages that are edited.
//!
//! Attachments come last, so that all in front of them, the arguments for one, stays as it came. Where the whole body is there,
//! its map is written anew from the first entry that changes on. Where it streams, the new entries are put in the place of its
//! last byte, the end of the map, whose length is thereby known before it is seen; a [watch](crate::watch) makes sure that it is
//! one.
//!
//! The service and its version are named in front of a request and among its attachments, and written anew in both.

mod entries;
mod map;
mod renamed;

use meshwire::frame::{Fault, Parse, Rebuilt};
use meshwire::{Attribute, EncodeError, FieldEdit, Head};
use meshwire_hessian::{Dialect, Scanner, is_ascii, put};

use self::entries::{Edits, put_entries};
use self::map::NewMap;
use self::renamed::Renamed;
use crate::arguments;
use crate::body::{Body, Known};
use crate::descriptor::count_args;
use crate::format::HEAD;
use crate::hessian::{self, Shorts};
use crate::note;
use crate::result::ResultKind;
use crate::status;
use crate::tag;
use crate::watch::{Before, MapWatch};
use crate::wire::{HEADER_LEN, Header, flag};

/// What may be set as an attachment: those that name the destination may not, since they would contradict the front of the
/// request.
pub(crate) fn check_field(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    if name.is_empty() {
        return Err("an attachment without a name");
    }
    // Few names have such a length.
    if matches!(name.len(), 4 | 5 | 7 | 9) {
        check_name(name)?;
    }
    if !is_utf8(name) || !is_utf8(value) {
        return Err("an attachment that is not UTF-8");
    }
    Ok(())
}

fn check_name(name: &[u8]) -> Result<(), &'static str> {
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    if is(b"path") || is(b"interface") || is(b"version") {
        return Err("an edit of the service among the attachments: the front of the request names it too");
    }
    if is(b"group") {
        return Err("a group among its fields: set the attribute");
    }
    Ok(())
}

pub(crate) fn check_attribute(attribute: Attribute, value: &[u8]) -> Result<(), &'static str> {
    if attribute == Attribute::Service && (value.is_empty() || value.contains(&b'/') || value.contains(&b':')) {
        return Err("a service without a name, or with a slash or a colon, in which servers find a group or a version");
    }
    if is_utf8(value) { Ok(()) } else { Err("text that is not UTF-8") }
}

fn is_utf8(text: &[u8]) -> bool {
    is_ascii(text) || std::str::from_utf8(text).is_ok()
}

/// Appends what stands in front of the part of the payload that stays as it came; of a small message all.
pub(crate) fn rebuild(
    head: &Head,
    scanner: &mut Scanner,
    limits: meshwire_hessian::Limits,
    out: &mut Vec<u8>,
) -> Result<Rebuilt, EncodeError> {
    let bytes = head.bytes();
    let Ok(Parse::Done(header)) = Header::read(bytes) else { return Err(invalid("the head holds no frame header")) };
    let known = Known::of(header.serialization(), bytes);
    let renamed = Renamed::of(head);
    // Not by what is there: where a read ended must not decide what can be edited.
    let whole = head.is_end();
    if renamed.is_any() {
        if !header.has(flag::REQUEST) || known != Some(Known::Hessian) {
            return Err(no_place("another service or version, but in requests in Hessian 2"));
        }
        if !whole {
            return Err(no_place(
                "another service or version in a request larger than what is waited for (`Limits::whole`)",
            ));
        }
    }
    let Some(known) = known else { return Err(no_place("attachments in a serialization that is not read")) };
    let edits = Edits::of(head);
    let edits = edits.all();
    if !header.has(flag::REQUEST) && edits.iter().all(|edit| matches!(edit, FieldEdit::Remove(_))) {
        let kind = crate::result::flag(header.serialization(), bytes).filter(|_| header.status == status::OK);
        if !kind.is_some_and(|(kind, _)| kind.has_attachments()) {
            // There is nothing to take away.
            out.extend_from_slice(&Header { id: head.stream().id(), ..header }.to_bytes());
            return Ok(Rebuilt { replaced: HEADER_LEN, ..Rebuilt::default() });
        }
    }
    if whole
        && bytes.len() < SMALL
        && header.has(flag::REQUEST)
        && known == Known::Hessian
        && !renamed.is_any()
        && let Some(end) = plain_end(bytes, head.note(), edits)
    {
        let begun = out.len();
        out.extend_from_slice(bytes.get(..end).unwrap_or_default());
        put_entries(edits, |_| true, out);
        out.extend_from_slice(bytes.get(end..).unwrap_or_default());
        let length = body_length(out.len().saturating_sub(begun).saturating_sub(HEADER_LEN) as u64)?;
        put_header(out, begun, Header { id: head.stream().id(), length, ..header });
        return Ok(Rebuilt { replaced: bytes.len(), ..Rebuilt::default() });
    }
    let answer = if header.has(flag::REQUEST) { None } else { Some(answer(header, bytes, head)?) };
    let begun = out.len();
    out.extend_from_slice(bytes.get(..HEADER_LEN).unwrap_or_default());
    // From where on the old bytes stay.
    let mut kept_from = HEADER_LEN;
    if let Some(answer) = answer.filter(|answer| answer.is_new) {
        let serial = if let Known::Other(serial) = known { Some(serial) } else { None };
        crate::reply::put_flag(out, serial, answer.kind);
        kept_from = answer.flag_end;
    }
    if renamed.is_any() {
        kept_from = renamed.put(bytes, &Body::new(known, bytes.len(), scanner), out).map_err(unreadable)?;
    }
    let new = New { edits, renamed, kept_from };
    let rebuilt = match (whole, known) {
        (true, Known::Hessian) => in_whole(bytes, &mut Body::new(known, bytes.len(), scanner), answer, new, out)?,
        (true, Known::Other(_)) => in_other(bytes, &mut Body::new(known, bytes.len(), scanner), answer, new)?,
        (false, Known::Hessian) => in_stream(answer, new, limits)?,
        (false, Known::Other(_)) => {
            return Err(no_place("new attachments in a message that streams, but in Hessian 2"));
        }
    };
    // What the old frame has behind `replaced`, and what stands in place of its last bytes.
    let kept = u64::from(header.length).saturating_add(HEADER_LEN as u64).saturating_sub(rebuilt.replaced as u64);
    let front = out.len().saturating_sub(begun).saturating_sub(HEADER_LEN) as u64;
    let length =
        kept.saturating_sub(rebuilt.cut as u64).saturating_add(front).saturating_add(rebuilt.tail.len() as u64);
    let length = body_length(length)?;
    put_header(out, begun, Header { id: head.stream().id(), length, ..header });
    Ok(rebuilt)
}

/// The length as the header says it, in 31 bits.
#[inline]
fn body_length(length: u64) -> Result<u32, EncodeError> {
    match u32::try_from(length) {
        Ok(length @ 0..=0x7fff_ffff) => Ok(length),
        _ => Err(invalid("a body of more than 2 GiB")),
    }
}

fn put_header(out: &mut [u8], begun: usize, header: Header) {
    if let Some(front) = out.get_mut(begun..).and_then(<[u8]>::first_chunk_mut) {
        *front = header.to_bytes();
    }
}

/// Where the map of a small request ends, its last byte not counted, if new entries need no more than to be put there: all is
/// as in most requests (strings in one piece, and arguments of one byte each beside them), and no entry has the name of an
/// edit. `None` says only that a closer look is needed.
fn plain_end(bytes: &[u8], known: u32, edits: &[FieldEdit<'_>]) -> Option<usize> {
    let mut shorts = Shorts::new(bytes, HEADER_LEN);
    match note::types_at(known) {
        Some(at) => shorts = Shorts::new(bytes, at),
        None => {
            for _ in 0..4 {
                shorts.next()?;
            }
        }
    }
    let types = shorts.next()?;
    for _ in 0..count_args(bytes.get(types.at..types.end())?)? {
        if !shorts.byte(hessian::is_one_byte)? {
            shorts.next()?;
        }
    }
    if !shorts.byte(|byte| byte == hessian::MAP)? {
        return None;
    }
    // Few names have the length of one that is edited.
    let bit = |len: usize| 1u64 << len.min(63);
    let lengths = edits.iter().fold(0, |lengths, edit| lengths | bit(name_of(edit).len()));
    let end = loop {
        let at = shorts.at;
        if shorts.byte(|byte| byte == hessian::END)? {
            break at;
        }
        let name = shorts.next()?;
        if lengths & bit(usize::from(name.len)) != 0 && is_edited(bytes.get(name.at..name.end())?, edits) {
            return None;
        }
        shorts.next()?;
    };
    shorts.end()?;
    Some(end)
}

const fn name_of<'h>(edit: &FieldEdit<'h>) -> &'h [u8] {
    match edit {
        FieldEdit::Set(name, _) | FieldEdit::Add(name, _) | FieldEdit::Remove(name) => name,
    }
}

#[inline(never)]
fn is_edited(name: &[u8], edits: &[FieldEdit<'_>]) -> bool {
    edits.iter().any(|edit| name_of(edit).eq_ignore_ascii_case(name))
}

/// What a message becomes.
#[derive(Clone, Copy)]
struct New<'a, 'h> {
    edits: &'a [FieldEdit<'h>],
    renamed: Renamed<'h>,
    /// Where the old bytes begin that stay.
    kept_from: usize,
}

/// What must be known of an answer to edit its attachments.
#[derive(Clone, Copy)]
struct Answer {
    /// What it will be.
    kind: ResultKind,
    /// It had no attachments.
    is_new: bool,
    /// Where its flag ends.
    flag_end: usize,
}

fn answer(header: Header, bytes: &[u8], head: &Head) -> Result<Answer, EncodeError> {
    if header.status != status::OK {
        return Err(no_place("attachments in an answer that is an error"));
    }
    let flag = crate::result::flag(header.serialization(), bytes).filter(|(_, end)| *end > HEADER_LEN);
    let Some((kind, flag_end)) = flag else {
        return Err(no_place("attachments in an answer without the flag of a result"));
    };
    if kind.has_attachments() {
        return Ok(Answer { kind, is_new: false, flag_end });
    }
    if head.stream().tag() & tag::ATTACHMENTS == 0 {
        return Err(no_place("attachments in an answer to a client that reads none there"));
    }
    Ok(Answer { kind: kind.with_attachments(), is_new: true, flag_end })
}

/// Where the attachments stand, or would, in a body that is all there.
fn attachments_at(bytes: &[u8], body: &mut Body<'_>, answer: Option<Answer>) -> Result<usize, Fault> {
    match answer {
        None => {
            let request = arguments::read(bytes, body)?;
            body.skip(bytes, request.args_at, request.args)
        }
        Some(Answer { kind, flag_end, .. }) => body.skip(bytes, flag_end, usize::from(!kind.is_null())),
    }
}

/// A body that is all there, its attachments behind their length or in a line.
fn in_other(
    bytes: &[u8],
    body: &mut Body<'_>,
    answer: Option<Answer>,
    new: New<'_, '_>,
) -> Result<Rebuilt, EncodeError> {
    let (replaced, at) = (new.kept_from, attachments_at(bytes, body, answer).map_err(unreadable)?);
    // What stands behind a value without attachments is none of them, and must not become one.
    let shown = if answer.is_some_and(|answer| answer.is_new) { bytes.get(..at).unwrap_or(bytes) } else { bytes };
    let tail = body.edit_map(shown, replaced, at, new.edits).map_err(no_place)?;
    Ok(Rebuilt { replaced, cut: bytes.len().saturating_sub(at), tail, watch: None })
}

/// A message below this is written anew as a whole: to copy it costs less than to send it in three pieces.
const SMALL: usize = 4096;

/// A body in Hessian 2 that is all there.
fn in_whole(
    bytes: &[u8],
    body: &mut Body<'_>,
    answer: Option<Answer>,
    new: New<'_, '_>,
    out: &mut Vec<u8>,
) -> Result<Rebuilt, EncodeError> {
    let (replaced, at) = (new.kept_from, attachments_at(bytes, body, answer).map_err(unreadable)?);
    let mut tail = Vec::new();
    let is_small = bytes.len() < SMALL;
    let (to, copied) = if is_small { (&mut *out, replaced) } else { (&mut tail, usize::MAX) };
    let mut map = NewMap::new(new, to, copied);
    if answer.is_some_and(|answer| answer.is_new) {
        // What stands behind a value without attachments is none of them, and must not become one.
        let cut_at = map.finish(bytes.get(..at).unwrap_or(bytes), at, at);
        return Ok(in_place(is_small, bytes, replaced, cut_at, tail));
    }
    let end = body.entries(bytes, at, |entry| {
        map.entry(bytes, &entry);
        Ok(())
    });
    let end = end.map_err(unreadable)?;
    if map.drops_containers() && body.refers() {
        return Err(no_place("the removal of an attachment that others may refer to"));
    }
    let cut_at = map.finish(bytes, at, end);
    Ok(in_place(is_small, bytes, replaced, cut_at, tail))
}

/// What came of a message whose old bytes end at `cut_at`: all of it, if it is small.
fn in_place(is_small: bool, bytes: &[u8], replaced: usize, cut_at: usize, tail: Vec<u8>) -> Rebuilt {
    if is_small {
        return Rebuilt { replaced: bytes.len(), ..Rebuilt::default() };
    }
    Rebuilt { replaced, cut: bytes.len().saturating_sub(cut_at), tail, watch: None }
}

/// A body of which more is to come, in Hessian 2.
fn in_stream(
    answer: Option<Answer>,
    new: New<'_, '_>,
    limits: meshwire_hessian::Limits,
) -> Result<Rebuilt, EncodeError> {
    if new.edits.iter().any(|edit| matches!(edit, FieldEdit::Remove(_))) {
        return Err(no_place("the removal of an attachment from a message that streams"));
    }
    let is_new = answer.is_some_and(|answer| answer.is_new);
    let before = match answer {
        None => Before::Arguments,
        Some(Answer { kind, flag_end, .. }) => {
            Before::Values { flag: flag_end.saturating_sub(HEADER_LEN), values: usize::from(!kind.is_null()) }
        }
    };
    let mut tail = Vec::new();
    if is_new {
        put::map_begin(&mut tail, Dialect::Hessian2);
    }
    put_entries(new.edits, |_| true, &mut tail);
    put::map_end(&mut tail, Dialect::Hessian2);
    let watch = MapWatch::new(before, !is_new, limits);
    Ok(Rebuilt { replaced: new.kept_from, cut: usize::from(!is_new), tail, watch: Some(Box::new(watch)) })
}

#[cold]
fn unreadable(fault: Fault) -> EncodeError {
    invalid(fault.detail)
}

#[cold]
fn invalid(what: &'static str) -> EncodeError {
    EncodeError::Invalid { protocol: HEAD.protocol(), what }
}

#[cold]
fn no_place(what: &'static str) -> EncodeError {
    EncodeError::NoPlace { protocol: HEAD.protocol(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_31_bits() {
        assert_eq!(body_length(i32::MAX as u64), Ok(0x7fff_ffff));
        for length in [0x8000_0000, u64::from(u32::MAX), u64::from(u32::MAX) + 1] {
            assert_eq!(body_length(length), Err(invalid("a body of more than 2 GiB")));
        }
    }
}
