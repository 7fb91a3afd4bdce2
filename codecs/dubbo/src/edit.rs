//! Messages whose attachments are edited.
//!
//! They come last, so that all in front of them, the arguments for one, stays as it came. Where the whole body is there, its
//! map is written anew from the first entry that changes on. Where it streams, the new entries are put in the place of its last
//! byte, the end of the map, whose length is thereby known before it is seen; a [watch](crate::watch) makes sure that it is one.

use meshwire::frame::{Fault, Parse, Rebuilt};
use meshwire::{Attribute, EncodeError, FieldEdit, Head};
use meshwire_hessian::{Dialect, Scanner, is_ascii, put};

use crate::arguments;
use crate::attachments::Entry;
use crate::body::{Body, Known};
use crate::descriptor::count_args;
use crate::format::HEAD;
use crate::hessian::{self, Shorts};
use crate::result::ResultKind;
use crate::status;
use crate::tag;
use crate::watch::{Before, MapWatch};
use crate::wire::{HEADER_LEN, Header, flag};

/// What may be set as an attachment: those that name the destination may not, since they would contradict the front of the
/// request.
pub(crate) fn check_field(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    let is = |known: &[u8]| known.len() == name.len() && known.eq_ignore_ascii_case(name);
    if name.is_empty() {
        return Err("an attachment without a name");
    }
    if is(b"path") || is(b"interface") || is(b"version") {
        return Err("an edit of the service among the attachments: the front of the request names it too");
    }
    if is(b"group") {
        return Err("a group among its fields: set the attribute");
    }
    if !is_utf8(name) || !is_utf8(value) {
        return Err("an attachment that is not UTF-8");
    }
    Ok(())
}

pub(crate) fn check_attribute(_: Attribute, value: &[u8]) -> Result<(), &'static str> {
    if is_utf8(value) { Ok(()) } else { Err("an attachment that is not UTF-8") }
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
    let Some(known) = Known::of(header.serialization(), bytes) else {
        return Err(no_place("attachments in a serialization that is not read"));
    };
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
    let whole = bytes.len().checked_sub(HEADER_LEN).is_some_and(|len| len as u64 == u64::from(header.length));
    if whole
        && bytes.len() < SMALL
        && header.has(flag::REQUEST)
        && known == Known::Hessian
        && let Some(end) = plain_end(bytes, edits)
    {
        let begun = out.len();
        out.extend_from_slice(bytes.get(..end).unwrap_or_default());
        put_entries(edits, |_| true, out);
        out.extend_from_slice(bytes.get(end..).unwrap_or_default());
        // Edits that fill 31 bits are not made of memory that is there.
        let length = out.len().saturating_sub(begun).saturating_sub(HEADER_LEN) as u32;
        put_header(out, begun, Header { id: head.stream().id(), length, ..header });
        return Ok(Rebuilt { replaced: bytes.len(), ..Rebuilt::default() });
    }
    let answer = if header.has(flag::REQUEST) { None } else { Some(answer(header, bytes, head)?) };
    let begun = out.len();
    out.extend_from_slice(bytes.get(..HEADER_LEN).unwrap_or_default());
    if let Some(answer) = answer.filter(|answer| answer.is_new) {
        let serial = if let Known::Other(serial) = known { Some(serial) } else { None };
        crate::reply::put_flag(out, serial, answer.kind);
    }
    let rebuilt = match (whole, known) {
        (true, Known::Hessian) => in_whole(bytes, &mut Body::new(known, bytes.len(), scanner), answer, edits, out)?,
        (true, Known::Other(_)) => in_other(bytes, &mut Body::new(known, bytes.len(), scanner), answer, edits)?,
        (false, Known::Hessian) => in_stream(answer, edits, limits)?,
        (false, Known::Other(_)) => {
            return Err(no_place("new attachments in a message that streams, but in Hessian 2"));
        }
    };
    // What the old frame has behind `replaced`, and what stands in place of its last bytes.
    let kept = u64::from(header.length).saturating_add(HEADER_LEN as u64).saturating_sub(rebuilt.replaced as u64);
    let front = out.len().saturating_sub(begun).saturating_sub(HEADER_LEN) as u64;
    let length =
        kept.saturating_sub(rebuilt.cut as u64).saturating_add(front).saturating_add(rebuilt.tail.len() as u64);
    let length = u32::try_from(length).ok().filter(|length| *length <= i32::MAX as u32);
    let length = length.ok_or(invalid("a body of more than 2 GiB"))?;
    put_header(out, begun, Header { id: head.stream().id(), length, ..header });
    Ok(rebuilt)
}

fn put_header(out: &mut [u8], begun: usize, header: Header) {
    if let Some(front) = out.get_mut(begun..).and_then(<[u8]>::first_chunk_mut) {
        *front = header.to_bytes();
    }
}

/// Where the map of a small request ends, its last byte not counted, if new entries need no more than to be put there: all is
/// as in most requests (strings in one piece, and arguments of one byte each beside them), and no entry has the name of an
/// edit. `None` says only that a closer look is needed.
fn plain_end(bytes: &[u8], edits: &[FieldEdit<'_>]) -> Option<usize> {
    let mut shorts = Shorts::new(bytes, HEADER_LEN);
    for _ in 0..4 {
        shorts.next()?;
    }
    let types = shorts.next()?;
    for _ in 0..count_args(bytes.get(types.at..types.end())?)? {
        match bytes.get(shorts.at)? {
            b'T' | b'F' | 0x80..=0xbf | 0xe0..=0xef => shorts.pass(1)?,
            _ => {
                shorts.next()?;
            }
        }
    }
    if bytes.get(shorts.at) != Some(&hessian::MAP) {
        return None;
    }
    shorts.pass(1)?;
    while *bytes.get(shorts.at)? != hessian::END {
        let name = shorts.next()?;
        for edit in edits {
            let (FieldEdit::Set(known, _) | FieldEdit::Add(known, _) | FieldEdit::Remove(known)) = edit;
            if known.len() == usize::from(name.len) && bytes.get(name.at..name.end())?.eq_ignore_ascii_case(known) {
                return None;
            }
        }
        shorts.next()?;
    }
    shorts.end()
}

/// What is to be done to the attachments, in the order in which it was asked for.
struct Edits<'h> {
    few: [FieldEdit<'h>; 4],
    len: usize,
    /// All of them, where they are more.
    many: Vec<FieldEdit<'h>>,
}

impl<'h> Edits<'h> {
    fn of(head: &'h Head) -> Self {
        let mut edits = Self { few: [FieldEdit::Remove(b""); 4], len: 0, many: Vec::new() };
        // A group is an attachment that servers know by its exact name.
        let group = head.edited(Attribute::Group).map(|group| FieldEdit::Add(b"group", group));
        for edit in head.field_edits().chain(group) {
            match edits.few.get_mut(edits.len) {
                Some(slot) if edits.many.is_empty() => {
                    *slot = edit;
                    edits.len = edits.len.wrapping_add(1);
                }
                _ => {
                    if edits.many.is_empty() {
                        edits.many.extend(edits.few);
                    }
                    edits.many.push(edit);
                }
            }
        }
        edits
    }

    fn all(&self) -> &[FieldEdit<'h>] {
        if self.many.is_empty() { self.few.get(..self.len).unwrap_or_default() } else { &self.many }
    }
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

/// Up to where a body that is all there stays as it came, but for its attachments: where the new frame goes on with the old
/// one's bytes, and where those begin.
fn attachments_at(bytes: &[u8], body: &mut Body<'_>, answer: Option<Answer>) -> Result<(usize, usize), Fault> {
    match answer {
        None => {
            let request = arguments::read(bytes, body)?;
            Ok((HEADER_LEN, body.skip(bytes, request.args_at, request.args)?))
        }
        Some(Answer { kind, is_new, flag_end }) => {
            let at = body.skip(bytes, flag_end, usize::from(!kind.is_null()))?;
            Ok((if is_new { flag_end } else { HEADER_LEN }, at))
        }
    }
}

/// A body that is all there, its attachments behind their length or in a line.
fn in_other(
    bytes: &[u8],
    body: &mut Body<'_>,
    answer: Option<Answer>,
    edits: &[FieldEdit<'_>],
) -> Result<Rebuilt, EncodeError> {
    let (replaced, at) = attachments_at(bytes, body, answer).map_err(unreadable)?;
    // What stands behind a value without attachments is none of them, and must not become one.
    let shown = if answer.is_some_and(|answer| answer.is_new) { bytes.get(..at).unwrap_or(bytes) } else { bytes };
    let tail = body.edit_map(shown, replaced, at, edits).map_err(no_place)?;
    Ok(Rebuilt { replaced, cut: bytes.len().saturating_sub(at), tail, watch: None })
}

/// A message below this is written anew as a whole: to copy it costs less than to send it in three pieces.
const SMALL: usize = 4096;

/// A body in Hessian 2 that is all there.
fn in_whole(
    bytes: &[u8],
    body: &mut Body<'_>,
    answer: Option<Answer>,
    edits: &[FieldEdit<'_>],
    out: &mut Vec<u8>,
) -> Result<Rebuilt, EncodeError> {
    let (replaced, at) = attachments_at(bytes, body, answer).map_err(unreadable)?;
    let mut tail = Vec::new();
    let is_small = bytes.len() < SMALL;
    let (to, copied) = if is_small { (&mut *out, replaced) } else { (&mut tail, usize::MAX) };
    let mut map = NewMap { edits, placed: 0, out: to, copied, from: None, drops_containers: false };
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
    if map.drops_containers && body.refers() {
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

/// A map of attachments that is written anew from the first entry on that goes.
struct NewMap<'a, 'e> {
    edits: &'a [FieldEdit<'e>],
    /// Which of the first 64 edits have been made.
    placed: u64,
    out: &'a mut Vec<u8>,
    /// From here on the old bytes in front of the first new one are copied; past all of them where they stay where they are.
    copied: usize,
    /// Where the first entry stood that goes.
    from: Option<usize>,
    /// What goes are not strings and numbers alone.
    drops_containers: bool,
}

impl NewMap<'_, '_> {
    /// Takes the next entry of the old map. A set entry stands where its first namesake stood.
    #[inline]
    fn entry(&mut self, bytes: &[u8], entry: &Entry<'_>) {
        let Some(name) = entry.name.as_deref() else { return self.keep(bytes, entry) };
        let hit = self.edits.iter().enumerate().find(|(_, edit)| match edit {
            FieldEdit::Set(known, _) | FieldEdit::Remove(known) => known.eq_ignore_ascii_case(name),
            // A key stands once in a map: the new one takes its place.
            FieldEdit::Add(known, _) => *known == name,
        });
        let Some((n, edit)) = hit else { return self.keep(bytes, entry) };
        self.begin(bytes, entry.at);
        self.drops_containers |= entry.has_containers;
        let bit = 1u64.checked_shl(n as u32).unwrap_or_default();
        let stays = matches!(edit, FieldEdit::Set(..)) || name == b"group";
        if let FieldEdit::Set(name, value) | FieldEdit::Add(name, value) = edit
            && stays
            && bit & !self.placed != 0
        {
            put_entry(name, value, self.out);
            self.placed |= bit;
        }
    }

    fn keep(&mut self, bytes: &[u8], entry: &Entry<'_>) {
        if self.from.is_some() {
            self.out.extend_from_slice(bytes.get(entry.at..entry.end).unwrap_or_default());
        }
    }

    /// The first new byte stands where the old one at `at` stood.
    fn begin(&mut self, bytes: &[u8], at: usize) {
        if self.from.is_none() {
            self.from = Some(at);
            self.out.extend_from_slice(bytes.get(self.copied..at).unwrap_or_default());
        }
    }

    /// Up to where the old bytes stay. The old map lay in `at..end`.
    fn finish(mut self, bytes: &[u8], at: usize, end: usize) -> usize {
        let placed = self.placed;
        let is_new = |n: usize| 1u64.checked_shl(n as u32).unwrap_or_default() & placed == 0;
        let mut new =
            self.edits.iter().enumerate().filter(|(n, edit)| !matches!(edit, FieldEdit::Remove(_)) && is_new(*n));
        if self.from.is_none() && new.next().is_none() {
            self.begin(bytes, bytes.len());
            return bytes.len();
        }
        if self.from.is_none() {
            if bytes.get(at).is_some_and(|tag| *tag != hessian::NULL) {
                self.begin(bytes, end.saturating_sub(1));
            } else {
                self.begin(bytes, at);
                put::map_begin(self.out, Dialect::Hessian2);
            }
        }
        put_entries(self.edits, is_new, self.out);
        put::map_end(self.out, Dialect::Hessian2);
        // Servers read nothing there; it is not for a proxy to take it away.
        self.out.extend_from_slice(bytes.get(end..).unwrap_or_default());
        self.from.unwrap_or(end)
    }
}

/// A body of which more is to come, in Hessian 2.
fn in_stream(
    answer: Option<Answer>,
    edits: &[FieldEdit<'_>],
    limits: meshwire_hessian::Limits,
) -> Result<Rebuilt, EncodeError> {
    if edits.iter().any(|edit| matches!(edit, FieldEdit::Remove(_))) {
        return Err(no_place("the removal of an attachment from a message that streams"));
    }
    let is_new = answer.is_some_and(|answer| answer.is_new);
    let (before, replaced) = match answer {
        None => (Before::Arguments, HEADER_LEN),
        Some(Answer { kind, flag_end, .. }) => {
            let flag = flag_end.saturating_sub(HEADER_LEN);
            let values = usize::from(!kind.is_null());
            (Before::Values { flag, values }, if is_new { flag_end } else { HEADER_LEN })
        }
    };
    let mut tail = Vec::new();
    if is_new {
        put::map_begin(&mut tail, Dialect::Hessian2);
    }
    put_entries(edits, |_| true, &mut tail);
    put::map_end(&mut tail, Dialect::Hessian2);
    let watch = MapWatch::new(before, !is_new, limits);
    Ok(Rebuilt { replaced, cut: usize::from(!is_new), tail, watch: Some(Box::new(watch)) })
}

/// Appends the entries that are set or added, if they are `wanted`. Of several of one name the last counts.
fn put_entries(edits: &[FieldEdit<'_>], wanted: impl Fn(usize) -> bool, out: &mut Vec<u8>) {
    for (n, edit) in edits.iter().enumerate() {
        let (FieldEdit::Set(name, value) | FieldEdit::Add(name, value)) = edit else { continue };
        let mut later = edits.iter().skip(n.saturating_add(1));
        let is_last = !later.any(|later| matches!(later, FieldEdit::Add(known, _) if known == name));
        if is_last && wanted(n) {
            put_entry(name, value, out);
        }
    }
}

fn put_entry(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    for text in [name, value] {
        if !put::ascii(out, Dialect::Hessian2, text) {
            // Looked at when the edit was made.
            put::string(out, Dialect::Hessian2, std::str::from_utf8(text).unwrap_or_default());
        }
    }
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
