//! How heads are read after they were taken apart: fields on demand, edits checked, the duties of an intermediary.

use meshwire::{Attribute, Head, HeadFormat, RoutingKey};

use crate::hpack::{Fields, Known};
use crate::note::Note;
use crate::rules;

/// The format of requests.
pub(crate) static REQUEST: HeadFormat = HeadFormat::new(crate::NAME, crate::SEMANTICS)
    .without(&Attribute::ALL)
    .editable(&[Attribute::Authority, Attribute::Path, Attribute::Service])
    .with_fields(next_field)
    .with_field_edits(check_field)
    .with_attribute_check(check_attribute)
    .with_forward(forward)
    .with_upgrade(asked_protocol);

/// The format of gRPC requests, whose path is a service and a method.
pub(crate) static CALL: HeadFormat = HeadFormat::new(crate::NAME, crate::SEMANTICS)
    .without(&Attribute::ALL)
    .editable(&[
        Attribute::Authority,
        Attribute::Path,
        Attribute::Service,
        Attribute::Method,
        Attribute::Version,
        Attribute::Group,
    ])
    .with_fields(next_field)
    .with_field_edits(check_field)
    .with_attribute_check(check_call_attribute)
    .with_forward(forward)
    .with_upgrade(asked_protocol);

/// A head of which no attribute is there: what answers and trailers are.
pub(crate) static ANSWER: HeadFormat = HeadFormat::new(crate::NAME, crate::SEMANTICS)
    .without(&Attribute::ALL)
    .with_fields(next_field)
    .with_field_edits(check_field)
    .with_upgrade(agreed_protocol);

/// The note of a head of this protocol; `None` for heads of others.
#[inline]
pub(crate) fn note(head: &Head) -> Option<Note> {
    let format: *const HeadFormat = head.format();
    let own = [&REQUEST, &CALL, &ANSWER].into_iter().any(|own| std::ptr::eq(format, own));
    own.then(|| Note::new(head.note()))
}

/// The field at `cursor` of a block that was accepted; pseudo-fields lie before the first cursor.
fn next_field<'a>(head: &'a Head, _: &'a [u8], cursor: &mut usize) -> Option<(&'a [u8], &'a [u8])> {
    // Data may lie behind the fields.
    let mut fields = Fields::from(head.head_bytes(), *cursor);
    let field = fields.next()?;
    *cursor = fields.position();
    Some((field.name, field.value))
}

/// What may be edited: any field that neither is the connection's, nor frames or addresses the message. Names are
/// taken in any case, and written in lower case.
fn check_field(name: &[u8], value: &[u8]) -> Result<(), &'static str> {
    if !rules::is_token(name) {
        return Err("a field name that is no token");
    }
    if is_hop(name) {
        return Err("edited fields of the connection: HTTP/2 has none");
    }
    if name.eq_ignore_ascii_case(b"host") {
        return Err("Host among edited fields: it is the authority, an attribute");
    }
    if name.eq_ignore_ascii_case(b"content-length") {
        return Err("an edited Content-Length: what frames the body is the codec's");
    }
    if !rules::is_value(value) {
        return Err("a field value with a control character");
    }
    Ok(())
}

/// Whether a field is the connection's and ends at the next hop, whatever `Connection` says (RFC 9110, section 7.6.1).
pub(crate) fn is_hop(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 7] =
        [b"te", b"upgrade", b"connection", b"keep-alive", b"http2-settings", b"proxy-connection", b"transfer-encoding"];
    matches!(name.len(), 2 | 7 | 10 | 14 | 16 | 17) && NAMES.iter().any(|hop| name.eq_ignore_ascii_case(hop))
}

/// What the path, and the authority, may become.
fn check_attribute(attribute: Attribute, value: &[u8]) -> Result<(), &'static str> {
    match attribute {
        Attribute::Path if value.first() == Some(&b'/') && rules::is_target(value) => Ok(()),
        Attribute::Path => Err("a path that does not begin with a slash, or holds what no path may"),
        _ if rules::is_authority(value) => Ok(()),
        _ => Err("an authority that is not a host and a port"),
    }
}

/// The same where service and method are parts of the path, and version and group are fields.
fn check_call_attribute(attribute: Attribute, value: &[u8]) -> Result<(), &'static str> {
    let is_part = rules::is_target(value) && value.first() != Some(&b'/') && value.last() != Some(&b'/');
    match attribute {
        Attribute::Service if is_part => Ok(()),
        Attribute::Method if is_part && !value.contains(&b'/') => Ok(()),
        Attribute::Service | Attribute::Method => Err("a service or method that is no part of a path"),
        Attribute::Version | Attribute::Group if rules::is_value(value) => Ok(()),
        Attribute::Version | Attribute::Group => Err("a field value with a control character"),
        _ => check_attribute(attribute, value),
    }
}

/// RFC 9113, section 8.3.1: who forwards a request says its authority where HTTP/2 says it. Fields of the connection do
/// not come this far, and `te` says of both hops what it says of one.
fn forward(head: &mut Head) {
    let note = Note::new(head.note());
    head.set_note(note.and(Note::FORWARDED).bits());
    // Where it is no call, another service that was set is another authority.
    let call = std::ptr::eq(head.format(), &CALL);
    let edited = |attribute| head.edited(attribute).is_some();
    if note.has(Note::REHOST) && !edited(Attribute::Authority) && (call || !edited(Attribute::Service)) {
        let authority = head.attribute(Attribute::Authority).value().unwrap_or_default().to_vec();
        // It was checked as it was read: nothing is wrong with it.
        let _ = head.set_attribute(Attribute::Authority, &authority);
    }
}

/// The `:protocol` of an extended CONNECT (RFC 8441, section 4).
fn asked_protocol(head: &Head) -> Option<&[u8]> {
    if !Note::new(head.note()).protocol().is_some() {
        return None;
    }
    Fields::new(head.head_bytes()).find(|field| field.known == Known::PROTOCOL).map(|field| field.value)
}

/// The one that a 2xx answers with a tunnel: it says so without naming it.
fn agreed_protocol(head: &Head) -> Option<&[u8]> {
    Note::new(head.note()).protocol().name()
}
