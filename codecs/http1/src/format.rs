//! How heads are read after they were taken apart: fields on demand, edits checked, the duties of an intermediary.

use meshwire::{Attribute, Head, HeadFormat, RoutingKey};

use crate::grammar;
use crate::note::Note;
use crate::parse::{is_fixed, is_hop, is_name};
use crate::upgrade;

/// The format of requests and of responses.
pub(crate) static FORMAT: HeadFormat = HeadFormat::new(crate::NAME, crate::SEMANTICS)
    .without(&[Attribute::Version, Attribute::Group])
    .editable(&[Attribute::Authority, Attribute::Path, Attribute::Service])
    .with_fields(next_field)
    .with_field_edits(check_field)
    .with_attribute_check(check_attribute)
    .with_forward(forward)
    .with_upgrade(upgrade::marked);

/// A head of which no attribute is there: what a response is.
pub(crate) static ANSWER: HeadFormat = HeadFormat::new(crate::NAME, crate::SEMANTICS)
    .without(&Attribute::ALL)
    .with_fields(next_field)
    .with_field_edits(check_field)
    .with_forward(forward)
    .with_upgrade(upgrade::marked);

/// Fields behind a chunked body. No note of theirs says anything: what is the connection's was refused.
pub(crate) static TRAILERS: HeadFormat = HeadFormat::new(crate::NAME, crate::SEMANTICS)
    .without(&Attribute::ALL)
    .with_fields(next_field)
    .with_field_edits(check_field);

/// The note of a head of this protocol; `None` for trailers, and for heads of others.
#[inline]
pub(crate) fn note(head: &Head) -> Option<Note> {
    let format: *const HeadFormat = head.format();
    (std::ptr::eq(format, &FORMAT) || std::ptr::eq(format, &ANSWER)).then(|| Note::new(head.note()))
}

/// The field line at `cursor` of a head that the parser has accepted. Once it is forwarded, the fields of the
/// connection are gone, for every reader.
fn next_field<'a>(head: &'a Head, bytes: &'a [u8], cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
    let note = Note::new(head.note());
    loop {
        let (name, value, next) = line(bytes, *cursor)?;
        *cursor = next;
        if !(note.has(Note::FORWARDED) && is_hop(name)) {
            return Some((name, value));
        }
    }
}

/// Name and value of the field line at `at`, and where the next one begins; `None` at the blank line.
#[inline]
pub(crate) fn line(bytes: &[u8], at: usize) -> Option<(&[u8], &[u8], usize)> {
    let rest = bytes.get(at..)?;
    if rest.first() == Some(&b'\r') {
        return None;
    }
    let end = memchr::memchr(b'\n', rest)?;
    let line = rest.get(..end.checked_sub(1)?)?;
    let colon = memchr::memchr(b':', line)?;
    let (name, value) = line.split_at_checked(colon)?;
    let next = at.saturating_add(end).saturating_add(1);
    Some((name, grammar::trim(value.get(1..).unwrap_or_default()), next))
}

/// What may be edited: any field that neither is the connection's, nor frames or addresses the message.
fn check_field(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    if !grammar::is_token(name) {
        return Err("a field name that is no token");
    }
    if is_hop(name) {
        return Err("edited fields of the connection: the codec writes them");
    }
    if is_name(name, b"host") {
        return Err("Host among edited fields: it is the authority, an attribute");
    }
    if is_name(name, b"content-length") {
        return Err("an edited Content-Length: what frames the body is the codec's");
    }
    if !grammar::is_value(value) {
        return Err("a field value with a control character");
    }
    Ok(())
}

/// What the request-target, and the authority in `Host`, may become.
fn check_attribute(attribute: Attribute, value: &[u8]) -> Result<(), &'static str> {
    match attribute {
        Attribute::Path if value.first() == Some(&b'/') && grammar::is_target(value) => Ok(()),
        Attribute::Path => Err("a path that does not begin with a slash, or holds what no path may"),
        // Without an authority an empty Host is owed (RFC 9112, section 3.2).
        _ if value.is_empty() || grammar::is_authority(value) => Ok(()),
        _ => Err("an authority that is not a host and a port"),
    }
}

/// RFC 9110, section 7.6: fields of the connection end here; the version and the form of the request-target are
/// written anew as the head goes out. Nothing is done twice.
fn forward(head: &mut Head) {
    let note = Note::new(head.note());
    if note.has(Note::FORWARDED) {
        return;
    }
    let listed = if note.has(Note::LISTED) { listed_fields(head) } else { Vec::new() };
    if head.kind().is_request() && note.has(Note::REHOST) {
        // RFC 9112, section 3.2.2; a request without any authority has an empty Host (section 3.2).
        // Another service that was set is another authority.
        let edited = head.edited(Attribute::Authority).or(head.edited(Attribute::Service));
        let authority = edited.or(head.attribute(Attribute::Authority).value()).unwrap_or_default().to_vec();
        // The parser, or the check of edits, has checked the authority: nothing is wrong with it.
        let _ = head.set_attribute(Attribute::Authority, &authority);
    }
    for name in listed {
        let _ = head.remove_field(&name);
    }
    head.set_note(note.and(Note::FORWARDED).bits());
}

/// The fields that are here and that `Connection` names.
fn listed_fields(head: &Head) -> Vec<Vec<u8>> {
    let fields = || head.fields().into_iter().flatten();
    let options: Vec<&[u8]> = fields()
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"connection"))
        .flat_map(|(_, value)| grammar::list(value))
        .collect();
    let mut listed: Vec<Vec<u8>> = Vec::new();
    for (name, _) in fields() {
        let named = options.iter().any(|option| option.eq_ignore_ascii_case(name));
        if named && !is_hop(name) && !is_fixed(name) && !listed.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            listed.push(name.to_vec());
        }
    }
    listed
}
