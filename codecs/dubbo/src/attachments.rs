//! Attachments: the map that a body ends in, read.
//!
//! A field is one entry. Strings are their text, numbers, booleans and dates are written out, an entry whose key or value is
//! null is none, and anything else shows its type. A key that stands twice has the value that stands last, which is the one
//! that servers see.

use std::borrow::Cow;

use meshwire::frame::Fault;
use meshwire::{Attribute, Head, Limit, Limits};

use crate::body::{Body, Text};
use crate::hessian;
use crate::wire::HEADER_LEN;

/// What one map of them may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapLimits {
    /// Entries.
    pub(crate) fields: usize,
    /// Bytes of an entry.
    pub(crate) field: usize,
}

impl MapLimits {
    pub(crate) const fn new(limits: &Limits) -> Self {
        Self { fields: limits.fields, field: limits.field }
    }
}

/// One of them.
pub(crate) struct Entry<'a> {
    /// Where it begins.
    pub(crate) at: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// Its key, borrowed where it lies in one piece; `None`: a null, or no string.
    pub(crate) name: Text<'a>,
    /// Its value as text; borrowed only where it is a string in one piece.
    pub(crate) value: Text<'a>,
    /// Where the text of a borrowed value begins.
    pub(crate) value_at: usize,
    /// Key and value lie there as they read, one behind the other.
    pub(crate) is_plain: bool,
    /// The value is a string or null.
    pub(crate) is_text: bool,
    /// It holds what other values may refer to by number.
    pub(crate) has_containers: bool,
}

/// What the front of a request says of its destination.
#[derive(Clone, Debug, Default)]
pub(crate) struct Front<'a> {
    pub(crate) service: Text<'a>,
    pub(crate) version: Text<'a>,
}

/// Reads the attachments at `at` of a whole body into `head`. Those of a request may not name another destination than its
/// `front`, by which it is routed: servers run what the attachments name.
pub(crate) fn read<'a>(
    seen: &'a [u8],
    at: usize,
    body: &mut Body<'_>,
    front: Option<&Front<'a>>,
    limits: MapLimits,
    head: &mut Head,
) -> Result<(), Fault> {
    if body.is_hessian() && plain(seen, at, front, limits, head).is_some() {
        return Ok(());
    }
    let (mut first, mut count) = (None, 0usize);
    let mut names = Names::default();
    // Those that do not lie on the wire as they read, and with the first of them all in front of it.
    let mut aside: Option<Vec<Field<'a>>> = None;
    let mut group: Option<(usize, Text<'a>)> = None;
    let mut timeout = None;
    if let Some(front) = front {
        check_service(front.service.as_deref())?;
    }
    body.entries(seen, at, |entry: Entry<'a>| {
        let first = *first.get_or_insert(entry.at);
        count = count.saturating_add(1);
        if count > limits.fields {
            return Err(Fault::limit(Limit::Fields, "there are too many attachments", entry.at));
        }
        if entry.end.saturating_sub(entry.at) > limits.field {
            return Err(Fault::limit(Limit::Field, "an attachment is too long", entry.at));
        }
        let is_new = entry.name.as_deref().is_none_or(|name| names.is_new(name));
        if aside.is_none() && !(entry.is_plain && is_new) {
            aside = Some(plain_fields(seen, first, entry.at));
        }
        if let (Some(fields), Some(name)) = (&mut aside, &entry.name) {
            put_field(fields, name.clone(), entry.value.clone());
        }
        let (Some(front), Some(name)) = (front, &entry.name) else { return Ok(()) };
        check(front, &entry, name)?;
        match &**name {
            b"group" => group = Some((entry.value_at, entry.value)),
            b"timeout" => timeout = entry.value.as_deref().and_then(millis),
            _ => {}
        }
        Ok(())
    })?;
    if front.is_some() {
        match group {
            Some((at, Some(Cow::Borrowed(text)))) if body.is_hessian() => {
                head.set_span_in(Attribute::Group, seen, at..at.saturating_add(text.len()));
            }
            Some((_, Some(text))) => head.set_owned(Attribute::Group, &text),
            Some((_, None)) | None => head.set_absent(Attribute::Group),
        }
        if let Some(timeout) = timeout {
            head.set_timeout_millis(timeout);
        }
    }
    match aside {
        None => head.set_fields_at(first.unwrap_or(seen.len())),
        Some(fields) => set_aside(&fields, head),
    }
    Ok(())
}

/// Reads them as nearly every message has them: few, strings in ASCII, no key twice, and nothing against them. `None`, before
/// anything was set, says only that a closer look is needed.
fn plain(seen: &[u8], at: usize, front: Option<&Front<'_>>, limits: MapLimits, head: &mut Head) -> Option<()> {
    let flat = hessian::Flat::read(seen, at)?;
    let pairs = flat.pairs();
    if pairs.len() > limits.fields {
        return None;
    }
    let mut names = Names::default();
    let (mut group, mut timeout) = (None, None);
    let mut begun = at.saturating_add(1);
    for (name, value) in pairs {
        let key = hessian::short_text(seen, *name)?;
        if value.end().saturating_sub(begun) > limits.field || !names.is_new(key) {
            return None;
        }
        begun = value.end();
        let Some(front) = front else { continue };
        match key {
            b"path" | b"interface" if hessian::short_text(seen, *value)? != front.service.as_deref()? => return None,
            b"version" if version(hessian::short_text(seen, *value)) != version(front.version.as_deref()) => {
                return None;
            }
            b"group" => group = Some(*value),
            b"timeout" => timeout = hessian::short_text(seen, *value).and_then(millis),
            _ => {}
        }
    }
    if let Some(front) = front {
        check_service(front.service.as_deref()).ok()?;
        match group {
            Some(group) if !group.null => head.set_short_span(Attribute::Group, group.at as u32, group.len),
            _ => head.set_absent(Attribute::Group),
        }
        if let Some(timeout) = timeout {
            head.set_timeout_millis(timeout);
        }
    }
    head.set_fields_at(at.saturating_add(1));
    Some(())
}

/// A key, and its value unless it is null.
type Field<'a> = (Cow<'a, [u8]>, Text<'a>);

/// The plain entries from `at` to `end`.
#[cold]
fn plain_fields(seen: &[u8], mut at: usize, end: usize) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    while at < end
        && let Some((name, value_at)) = hessian::plain_text(seen, at)
        && let Some((value, next)) = hessian::plain_text(seen, value_at)
    {
        at = next;
        if let Some(name) = name {
            put_field(&mut fields, Cow::Borrowed(name), value.map(Cow::Borrowed));
        }
    }
    fields
}

/// Of two with one key the last counts.
fn put_field<'a>(fields: &mut Vec<Field<'a>>, name: Cow<'a, [u8]>, value: Text<'a>) {
    match fields.iter_mut().find(|(known, _)| *known == name) {
        Some((_, last)) => *last = value,
        None => fields.push((name, value)),
    }
}

/// Refuses an attachment by which a server would run another service than the front of the request names, or, for want of a
/// string, would answer nothing (Java 3) or close the connection (dubbo-go).
fn check(front: &Front<'_>, entry: &Entry<'_>, name: &[u8]) -> Result<(), Fault> {
    if !matches!(name, b"path" | b"interface" | b"version" | b"group") {
        return Ok(());
    }
    let value = entry.value.as_deref();
    if !entry.is_text || (value.is_none() && name == b"path") {
        let detail = "the attachments path, interface, version and group must be strings";
        return Err(Fault::new("attachment", detail, entry.at));
    }
    let same = match name {
        b"path" => value == front.service.as_deref(),
        b"interface" => value.is_none() || value == front.service.as_deref(),
        b"version" => version(value) == version(front.version.as_deref()),
        _ => true,
    };
    if same {
        return Ok(());
    }
    let detail = "an attachment names another service or version than the front of the request";
    Err(Fault::new("contradiction", detail, entry.at))
}

/// No version, an empty one and `0.0.0` are one to servers.
fn version(value: Option<&[u8]>) -> &[u8] {
    value.filter(|value| *value != b"0.0.0").unwrap_or_default()
}

/// Refuses a service in whose name a server would find another: to Dubbo 2.7, `group/service:version` is all three.
fn check_service(service: Option<&[u8]>) -> Result<(), Fault> {
    let service = service.unwrap_or_default();
    // Without a way out, so that many bytes are looked at in one step.
    if service.iter().fold(false, |found, byte| found | (*byte == b'/') | (*byte == b':')) {
        let detail = "a service's name holds no slash and no colon: servers would find a group or a version in it";
        return Err(Fault::new("service", detail, HEADER_LEN));
    }
    Ok(())
}

/// A timeout; `None` for what is no number, or none that is waited for.
fn millis(text: &[u8]) -> Option<u32> {
    let millis = std::str::from_utf8(text).ok()?.trim_ascii().parse().ok()?;
    (millis > 0).then_some(millis)
}

/// The names that were there, as far as telling whether one is new: false may be wrong, true is not.
#[derive(Default)]
struct Names([u64; 8]);

impl Names {
    #[inline]
    fn is_new(&mut self, name: &[u8]) -> bool {
        // Its length and both of its ends tell nearly all names apart.
        let (first, last) = if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
        } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
            (u64::from(u32::from_le_bytes(*first)), u64::from(u32::from_le_bytes(*last)))
        } else {
            (name.iter().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte)), 0)
        };
        let hash = (first ^ last.rotate_left(23) ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bit = 1u64 << (hash >> 58);
        match self.0.get_mut((hash >> 32) as usize % 8) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                true
            }
            _ => false,
        }
    }
}

/// Marks a cursor that counts in what was [set aside](Head::set_aside).
const ASIDE: usize = 1 << 31;

/// Keeps fields that do not lie on the wire as they read: length and name, length and value.
#[cold]
fn set_aside(fields: &[Field<'_>], head: &mut Head) {
    let mut aside = Vec::new();
    for (name, value) in fields {
        let Some(value) = value else { continue };
        for text in [name, value] {
            // Both came in one message, whose length has 31 bits.
            aside.extend_from_slice(&(text.len() as u32).to_be_bytes());
            aside.extend_from_slice(text);
        }
    }
    head.set_aside(aside);
    head.set_fields_at(ASIDE);
}

/// The field at `cursor`.
pub(crate) fn next_field<'a>(head: &'a Head, bytes: &'a [u8], cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
    if *cursor >= ASIDE {
        let rest = head.aside().get(cursor.saturating_sub(ASIDE)..)?;
        let (name, rest) = counted(rest)?;
        let (value, _) = counted(rest)?;
        *cursor = cursor.saturating_add(8).saturating_add(name.len()).saturating_add(value.len());
        return Some((name, value));
    }
    loop {
        let (name, end) = hessian::plain_text(bytes, *cursor)?;
        let (value, end) = hessian::plain_text(bytes, end)?;
        *cursor = end;
        if let (Some(name), Some(value)) = (name, value) {
            return Some((name, value));
        }
    }
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*len) as usize)
}
