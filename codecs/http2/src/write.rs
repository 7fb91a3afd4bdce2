//! Heads on their way out: own ones as they came, edits laid over them, and those of other protocols that mean the same.
//!
//! All that can be refused is refused before the first field is put: an encoder that has put one has changed its table.

use std::borrow::Cow;

use meshwire::{Attribute, EncodeError, FieldEdit, Head, Kind, RoutingKey};

use crate::format::{self, CALL, is_hop};
use crate::grpc::Flavor;
use crate::hpack::{Field, FieldList, Fields, Known};
use crate::message::{Asked, Facts};
use crate::note::{Note, Protocol};
use crate::rules;

/// Where fields go, one by one.
pub(crate) trait Sink {
    /// It never fails: what is put here was found right before.
    fn put(&mut self, field: &Field<'_>);
}

impl Sink for FieldList {
    fn put(&mut self, field: &Field<'_>) {
        self.push(field);
    }
}

/// What is to be known of the connection that a request goes out on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    /// The scheme of requests that come from a protocol without one.
    pub(crate) scheme: &'a [u8],
    /// The peer has announced SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, section 3).
    pub(crate) extended_connect: bool,
}

impl Default for Terms<'_> {
    fn default() -> Self {
        Self { scheme: b"http", extended_connect: false }
    }
}

/// Puts the fields of a request.
#[inline]
pub(crate) fn request(head: &Head, terms: &Terms<'_>, sink: &mut impl Sink) -> Result<Facts, EncodeError> {
    let Some(note) = format::note(head) else { return foreign_request(head, terms, sink) };
    if note.protocol().is_some() && !terms.extended_connect {
        return Err(NO_CONNECT_PROTOCOL);
    }
    let content_length = put_own(head, note, sink)?;
    Ok(Facts {
        content_length,
        flavor: note.flavor(),
        is_head: note.has(Note::IS_HEAD),
        connect: note.has(Note::CONNECT),
        protocol: note.protocol(),
        interim: false,
        bodyless: false,
    })
}

/// Puts the fields of an answer to `asked`.
#[inline]
pub(crate) fn response(head: &Head, asked: Asked, sink: &mut impl Sink) -> Result<Facts, EncodeError> {
    let Some(note) = format::note(head) else { return foreign_response(head, asked, sink) };
    let facts = answer_facts(head, asked, head.status().unwrap_or_default(), note.flavor());
    let content_length = put_own(head, note, sink)?;
    Ok(Facts { content_length: content_length.filter(|_| !facts.interim && !facts.connect), ..facts })
}

/// Puts the fields behind a body.
pub(crate) fn trailers(head: &Head, sink: &mut impl Sink) -> Result<(), EncodeError> {
    if let Some(note) = format::note(head) {
        return put_own(head, note, sink).map(|_| ());
    }
    check_semantics(head)?;
    let foreign = Foreign::new(head, Section::Trailers);
    foreign.check()?;
    foreign.put(sink, false);
    Ok(())
}

const NO_CONNECT_PROTOCOL: EncodeError =
    no_place("an extended CONNECT: the peer has not announced SETTINGS_ENABLE_CONNECT_PROTOCOL");

const fn invalid(what: &'static str) -> EncodeError {
    EncodeError::Invalid { protocol: crate::NAME, what }
}

const fn no_place(what: &'static str) -> EncodeError {
    EncodeError::NoPlace { protocol: crate::NAME, what }
}

/// Refuses a head whose meaning this protocol does not share.
fn check_semantics(head: &Head) -> Result<(), EncodeError> {
    if head.format().semantics() == crate::SEMANTICS {
        Ok(())
    } else {
        Err(EncodeError::Foreign { from: head.protocol(), to: crate::NAME })
    }
}

fn answer_facts(head: &Head, asked: Asked, status: u32, flavor: Flavor) -> Facts {
    let interim = head.kind() == Kind::Interim;
    let connect = asked.connect && (200..300).contains(&status);
    Facts {
        content_length: None,
        flavor,
        is_head: false,
        connect,
        protocol: if connect { asked.protocol } else { Protocol::None },
        interim,
        bodyless: asked.is_head || interim || matches!(status, 204 | 304),
    }
}

/// Puts a head of this protocol: what it says was checked as it was read, built, or edited. Its `content-length` comes
/// back.
#[inline]
fn put_own(head: &Head, note: Note, sink: &mut impl Sink) -> Result<Option<u64>, EncodeError> {
    if head.is_edited() || note.has(Note::STRAY) {
        return put_edited(head, note, sink);
    }
    let mut length = None;
    for field in Fields::new(head.head_bytes()) {
        if field.known == Known::CONTENT_LENGTH {
            length = rules::decimal(field.value);
        }
        sink.put(&field);
    }
    Ok(length)
}

fn put_edited(head: &Head, note: Note, sink: &mut impl Sink) -> Result<Option<u64>, EncodeError> {
    let call = std::ptr::eq(head.format(), &CALL);
    let path = new_path(head, call)?;
    let authority = head.edited(Attribute::Authority).or_else(|| head.edited(Attribute::Service).filter(|_| !call));
    let mut overlay = Overlay::of(head);
    let fields_at = head.fields_at().unwrap_or_default();
    let mut said = authority.is_none();
    let mut length = None;
    let mut fields = Fields::new(head.head_bytes());
    loop {
        if fields.position() == fields_at && !std::mem::replace(&mut said, true) {
            put(sink, b":authority", authority.unwrap_or_default(), false);
        }
        let Some(field) = fields.next() else { break };
        match field.known {
            Known::PATH => put(sink, field.name, path.as_deref().unwrap_or(field.value), field.never_indexed),
            Known::AUTHORITY => {
                put(sink, field.name, authority.unwrap_or(field.value), field.never_indexed);
                said = true;
            }
            // It would say something else than the new authority, or the same again.
            Known::HOST if authority.is_some() => {}
            Known::CONTENT_LENGTH if note.has(Note::STRAY) => {}
            Known::CONTENT_LENGTH => {
                length = rules::decimal(field.value);
                sink.put(&field);
            }
            _ => overlay.put(&field, sink),
        }
    }
    overlay.finish(sink);
    Ok(length)
}

/// The path that edits make.
fn new_path(head: &Head, call: bool) -> Result<Option<Cow<'_, [u8]>>, EncodeError> {
    if let Some(path) = head.edited(Attribute::Path) {
        return Ok(Some(Cow::Borrowed(path)));
    }
    let edited = |attribute| head.edited(attribute).is_some();
    if !call || !(edited(Attribute::Service) || edited(Attribute::Method)) {
        return Ok(None);
    }
    let part = |attribute| head.attribute(attribute).value();
    match (part(Attribute::Service), part(Attribute::Method)) {
        (Some(service), Some(method)) => Ok(Some(Cow::Owned([b"/", service, b"/", method].concat()))),
        _ => Err(invalid("a call without a service or without a method")),
    }
}

/// Puts a field that somebody wrote: its name in lower case, its value without white space around it.
fn put(sink: &mut impl Sink, name: &[u8], value: &[u8], never_indexed: bool) {
    let name = if name.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    sink.put(&Field::new(&name, rules::trim(value)).never_indexed(never_indexed));
}

/// The edits of fields, and which of them have found their place.
struct Overlay<'a>(Vec<(FieldEdit<'a>, bool)>);

impl<'a> Overlay<'a> {
    fn of(head: &'a Head) -> Self {
        let mut edits: Vec<_> = head.field_edits().map(|edit| (edit, false)).collect();
        for (attribute, name) in
            [(Attribute::Version, Known::TRI_SERVICE_VERSION), (Attribute::Group, Known::TRI_SERVICE_GROUP)]
        {
            if let Some(value) = head.edited(attribute) {
                edits.insert(0, (FieldEdit::Set(name.name().as_bytes(), value), false));
            }
        }
        Self(edits)
    }

    /// Puts a field of the wire, or what stands in place of it; that the value is not to be indexed holds for both.
    fn put(&mut self, field: &Field<'_>, sink: &mut impl Sink) {
        let edit = self.0.iter_mut().find(|(edit, _)| match edit {
            FieldEdit::Set(name, _) | FieldEdit::Remove(name) => name.eq_ignore_ascii_case(field.name),
            FieldEdit::Add(..) => false,
        });
        match edit {
            None => sink.put(field),
            Some((FieldEdit::Set(name, value), done)) if !*done => {
                *done = true;
                put(sink, name, value, field.never_indexed);
            }
            Some(_) => {}
        }
    }

    /// Puts what stands in place of nothing.
    fn finish(self, sink: &mut impl Sink) {
        for (edit, done) in self.0 {
            match edit {
                FieldEdit::Add(name, value) => put(sink, name, value, false),
                FieldEdit::Set(name, value) if !done => put(sink, name, value, false),
                FieldEdit::Set(..) | FieldEdit::Remove(_) => {}
            }
        }
    }
}

/// What a message of another protocol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Request,
    /// A request that is to switch the protocol.
    Upgrade,
    Response,
    /// An answer that switches it.
    Switch,
    Trailers,
}

/// The fields of a head of another protocol.
struct Foreign<'a> {
    head: &'a Head,
    section: Section,
    /// What its `Connection` fields name.
    listed: Vec<&'a [u8]>,
}

/// What the fields of a foreign head say.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    length: Option<u64>,
    flavor: Flavor,
}

impl<'a> Foreign<'a> {
    /// Nothing is listed in a head that was forwarded; in one that was not, somebody else's rules have yet to be kept.
    fn new(head: &'a Head, section: Section) -> Self {
        let listed = fields(head)
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"connection"))
            .flat_map(|(_, value)| rules::list(value))
            .collect();
        Self { head, section, listed }
    }

    /// Whether a field has a place in HTTP/2 (RFC 9113, section 8.2.2).
    fn passes(&self, name: &[u8], value: &[u8]) -> bool {
        if self.listed.iter().any(|listed| listed.eq_ignore_ascii_case(name)) {
            return false;
        }
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            2 if is(b"te") => self.section == Section::Request && rules::trim(value).eq_ignore_ascii_case(b"trailers"),
            // It has become the authority.
            4 if is(b"host") => matches!(self.section, Section::Response | Section::Switch),
            14 if is(b"content-length") => matches!(self.section, Section::Request | Section::Response),
            // RFC 8441, section 5: the CONNECT says what these did.
            17 if is(b"sec-websocket-key") => self.section != Section::Upgrade,
            20 if is(b"sec-websocket-accept") => self.section != Section::Switch,
            _ => !is_hop(name),
        }
    }

    fn check(&self) -> Result<Said, EncodeError> {
        let mut said = Said::default();
        for (name, value) in fields(self.head).filter(|(name, value)| self.passes(name, value)) {
            if !rules::is_token(name) || !rules::is_value(value) {
                return Err(invalid("a field is a token and a value without control characters"));
            }
            if name.eq_ignore_ascii_case(b"content-length") {
                let Some(length) = rules::decimal(rules::trim(value)).filter(|_| said.length.is_none()) else {
                    return Err(invalid("a Content-Length is one number"));
                };
                said.length = Some(length);
            } else if name.eq_ignore_ascii_case(b"content-type") {
                said.flavor = Flavor::of(rules::trim(value));
            }
        }
        Ok(said)
    }

    /// Cookies stay in one field: to split them into crumbs is allowed (RFC 9113, section 8.2.3), and counts against
    /// the peer's limit on fields.
    fn put(&self, sink: &mut impl Sink, stray_length: bool) {
        for (name, value) in fields(self.head).filter(|(name, value)| self.passes(name, value)) {
            if !(stray_length && name.eq_ignore_ascii_case(b"content-length")) {
                put(sink, name, value, false);
            }
        }
    }
}

fn fields(head: &Head) -> impl Iterator<Item = (&[u8], &[u8])> {
    head.fields().into_iter().flatten()
}

fn foreign_request(head: &Head, terms: &Terms<'_>, sink: &mut impl Sink) -> Result<Facts, EncodeError> {
    check_semantics(head)?;
    let upgrade = head.upgrade();
    let method = match upgrade {
        Some(_) if !terms.extended_connect => return Err(NO_CONNECT_PROTOCOL),
        Some(protocol) if !rules::is_token(protocol) => return Err(invalid("a protocol is a token")),
        Some(_) => b"CONNECT",
        None => head.attribute(Attribute::Verb).value().unwrap_or_default(),
    };
    if !rules::is_token(method) {
        return Err(invalid("a method is a token"));
    }
    let connect = method == b"CONNECT";
    let edited = head.edited(Attribute::Authority).or(head.edited(Attribute::Service));
    let authority = edited
        .or(head.attribute(Attribute::Authority).value())
        .or(head.field(b"host").value().map(rules::trim))
        .filter(|authority| !authority.is_empty());
    let authority_ok = match authority {
        _ if connect && upgrade.is_none() => authority.is_some_and(rules::is_authority_with_port),
        Some(authority) => rules::is_authority(authority),
        None => true,
    };
    if !authority_ok {
        return Err(invalid("an authority is a host and a port"));
    }
    let path = if connect && upgrade.is_none() {
        None
    } else {
        let path = head.attribute(Attribute::Path).value().unwrap_or_default();
        let formed = path.first() == Some(&b'/') || (path == b"*" && method == b"OPTIONS");
        if !formed || !rules::is_target(path) {
            return Err(invalid("not a request-target of this method"));
        }
        Some(path)
    };
    let foreign = Foreign::new(head, if upgrade.is_some() { Section::Upgrade } else { Section::Request });
    let said = foreign.check()?;

    put(sink, b":method", method, false);
    if let Some(protocol) = upgrade {
        put(sink, b":protocol", protocol, false);
    }
    if path.is_some() {
        put(sink, b":scheme", terms.scheme, false);
    }
    if let Some(authority) = authority {
        put(sink, b":authority", authority, false);
    }
    if let Some(path) = path {
        put(sink, b":path", path, false);
    }
    foreign.put(sink, connect);
    Ok(Facts {
        content_length: said.length.filter(|_| !connect),
        flavor: said.flavor,
        is_head: method == b"HEAD",
        connect,
        protocol: upgrade.map_or(Protocol::None, Protocol::of),
        interim: false,
        bodyless: false,
    })
}

fn foreign_response(head: &Head, asked: Asked, sink: &mut impl Sink) -> Result<Facts, EncodeError> {
    check_semantics(head)?;
    let extended = asked.protocol.is_some();
    let switch = head.status() == Some(101) || head.upgrade().is_some();
    let status = match head.status() {
        // What was asked for as a CONNECT is granted as one (RFC 8441, section 5.1).
        Some(101) if extended => 200,
        Some(101) => return Err(no_place("101: what it switches to was not asked for")),
        // The client would take it for a tunnel.
        Some(200..=299) if extended && !switch => return Err(no_place("an answer that does not switch the protocol")),
        Some(status @ 100..=999) => status,
        _ => return Err(invalid("a status has three digits")),
    };
    let foreign = Foreign::new(head, if switch { Section::Switch } else { Section::Response });
    let said = foreign.check()?;
    let facts = answer_facts(head, asked, status, said.flavor);
    // Neither has content, so that a length is none of it (RFC 9110, sections 8.6 and 9.3.6).
    let stray = facts.interim || facts.connect;
    let digits = [status / 100, status / 10 % 10, status % 10].map(|digit| b'0' | digit as u8);
    put(sink, b":status", &digits, false);
    foreign.put(sink, stray);
    Ok(Facts { content_length: said.length.filter(|_| !stray), ..facts })
}
