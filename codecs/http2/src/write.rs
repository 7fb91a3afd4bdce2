//! Heads on their way out: own ones as they came, edits laid over them, and those of other protocols that mean the same.
//!
//! All that can be refused is refused before the first field is put: an encoder that has put one has changed its table.

use std::borrow::Cow;

use meshwire::{Attribute, EncodeError, FieldEdit, Head, Kind, RoutingKey};

use crate::format::{self, CALL, is_hop};
use crate::grpc::Flavor;
use crate::hpack::{Field, FieldList, Fields, Known};
use crate::message::{Asked, Facts, length_of};
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
    let content_length = put_own(head, note, sink)?.filter(|_| !note.has(Note::CONNECT));
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
    Ok(Facts { content_length: length_of(content_length, facts.interim || facts.connect, facts.bodyless), ..facts })
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
    if note.has(Note::CONNECT) && !note.protocol().is_some() {
        if path.is_some() {
            return Err(no_place("the path of a CONNECT"));
        }
        if authority.is_some_and(|authority| !rules::is_authority_with_port(authority)) {
            return Err(invalid("CONNECT names a host and a port"));
        }
    }
    let mut overlay = Overlay::of(head);
    let fields_at = head.fields_at().unwrap_or_default();
    let mut said = authority.is_none();
    let mut length = None;
    let mut fields = Fields::new(head.head_bytes());
    loop {
        if fields.position() == fields_at && !said {
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
        // The answer could not say in that protocol's terms what it grants.
        Some(protocol) if Protocol::of(protocol) == Protocol::Other => {
            return Err(no_place("a tunnel of a protocol without a number here"));
        }
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
    Ok(Facts { content_length: length_of(said.length, stray, facts.bodyless), ..facts })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use meshwire::{Outcome, StreamId};
    use proptest::prelude::*;

    use super::*;
    use crate::message::{self, Rules};
    use crate::testing::{Lines, Pairs, block, foreign_request, foreign_response, foreign_trailers, get, lines};

    const EXTENDED: Terms<'static> = Terms { scheme: b"https", extended_connect: true };

    fn head_of(block: Bytes) -> Head {
        message::request(block, StreamId::new(1), false, Rules { extended_connect: true }).unwrap().0
    }

    fn sent(head: &Head) -> Result<(Vec<String>, Facts), EncodeError> {
        let mut out = Lines::default();
        let result = request(head, &EXTENDED, &mut out);
        assert!(result.is_ok() || out.0.is_empty(), "what is refused was never written");
        result.map(|facts| (out.0, facts))
    }

    fn answered(head: &Head, asked: Asked) -> Result<(Vec<String>, Facts), EncodeError> {
        let mut out = Lines::default();
        let result = response(head, asked, &mut out);
        assert!(result.is_ok() || out.0.is_empty(), "what is refused was never written");
        result.map(|facts| (out.0, facts))
    }

    /// `GET` with these fields, edited.
    fn edited(fields: Pairs<'_>, edit: impl FnOnce(&mut Head)) -> Vec<String> {
        let mut head = head_of(block(&[&get(), fields].concat()));
        edit(&mut head);
        sent(&head).unwrap().0.split_off(2)
    }

    #[test]
    fn own_heads_go_out_as_they_came() {
        let mut list = FieldList::new(crate::hpack::ListLimits::of(&meshwire::Limits::default()));
        for (name, value, never) in [
            (":path", "/", false),
            (":authority", "a", true),
            (":scheme", "http", false),
            (":method", "POST", false),
            ("cookie", "a=b", false),
            ("te", "trailers", false),
            ("cookie", "c=d", true),
            ("host", "A", false),
            ("content-length", "3", false),
        ] {
            list.push(&Field::new(name.as_bytes(), value.as_bytes()).never_indexed(never));
        }
        let mut head = head_of(list.take());
        head.forward();
        let (out, facts) = sent(&head).unwrap();
        assert_eq!(out, lines(head.head_bytes()));
        assert_eq!(out[1], "!:authority: a");
        assert_eq!((facts.content_length, facts.connect, facts.is_head), (Some(3), false, false));
    }

    #[test]
    fn facts_are_the_same_on_both_sides() {
        let (m, a) = ((":method", "CONNECT"), (":authority", "a:1"));
        for fields in [
            &[(":method", "HEAD"), (":scheme", "http"), (":path", "/")][..],
            &[
                (":method", "POST"),
                (":scheme", "http"),
                (":path", "/s/m"),
                ("content-type", "application/grpc-web-text"),
            ],
            &[(":method", "PUT"), (":scheme", "http"), (":path", "/"), ("content-length", "7")],
            &[m, a, ("content-length", "0")],
            &[m, a, (":protocol", "x"), (":scheme", "http"), (":path", "/")],
        ] {
            let rules = Rules { extended_connect: true };
            let (head, facts) = message::request(block(fields), StreamId::new(1), false, rules).unwrap();
            assert_eq!(sent(&head).unwrap().1, facts, "{fields:?}");
        }
        let head = Asked { is_head: true, ..Asked::default() };
        let connect = Asked { connect: true, protocol: Protocol::Other, ..Asked::default() };
        for status in ["100", "200", "204", "304", "404"] {
            for asked in [Asked::default(), head, connect] {
                let fields = [(":status", status), ("content-length", "7"), ("content-type", "application/grpc")];
                let (head, facts) = message::response(block(&fields), StreamId::new(1), false, asked).unwrap();
                assert_eq!(answered(&head, asked).unwrap().1, facts, "{status} {asked:?}");
            }
        }
    }

    #[test]
    fn a_length_that_means_nothing_is_not_passed_on() {
        let (head, _) = message::response(
            block(&[(":status", "103"), ("content-length", "7"), ("link", "x")]),
            StreamId::new(1),
            false,
            Asked::default(),
        )
        .unwrap();
        assert_eq!(answered(&head, Asked::default()).unwrap().0, [":status: 103", "link: x"]);
    }

    #[test]
    fn edits_of_fields() {
        let fields: Pairs<'_> = &[("a", "1"), ("b", "2"), ("a", "3")];
        assert_eq!(
            edited(fields, |head| {
                head.set_field(b"A", b" 9 ").unwrap();
                head.add_field(b"X-New", b"n").unwrap();
                head.set_field(b"X-Set", b"").unwrap();
            }),
            [":path: /users?id=1", ":authority: example.com", "a: 9", "b: 2", "x-new: n", "x-set: "]
        );
        assert_eq!(edited(fields, |head| head.remove_field(b"A").unwrap())[2..], ["b: 2"]);
    }

    #[test]
    fn an_edit_keeps_the_flag_of_what_it_stands_for() {
        let mut list = FieldList::new(crate::hpack::ListLimits::of(&meshwire::Limits::default()));
        list.push(&Field::new(b":status", b"200"));
        list.push(&Field::new(b"x-secret", b"1").never_indexed(true));
        let (mut head, _) = message::response(list.take(), StreamId::new(1), false, Asked::default()).unwrap();
        head.set_field(b"X-Secret", b"2").unwrap();
        assert_eq!(answered(&head, Asked::default()).unwrap().0, [":status: 200", "!x-secret: 2"]);
    }

    #[test]
    fn edits_that_have_no_place() {
        let mut head = head_of(block(&get()));
        for (name, value) in [
            (":path", "/"),
            ("connection", "close"),
            ("TE", "trailers"),
            ("http2-settings", ""),
            ("Host", "a"),
            ("Content-Length", "1"),
            ("a b", ""),
            ("", ""),
            ("x", "a\r\nb"),
            ("x", "a\0"),
        ] {
            assert!(head.set_field(name.as_bytes(), value.as_bytes()).is_err(), "{name}: {value}");
        }
        for (attribute, value) in [
            (Attribute::Path, "a"),
            (Attribute::Path, "/a b"),
            (Attribute::Path, "*"),
            (Attribute::Authority, ""),
            (Attribute::Authority, "u@h"),
            (Attribute::Service, "a/b"),
            (Attribute::Method, "PUT"),
            (Attribute::Version, "1"),
        ] {
            assert!(head.set_attribute(attribute, value.as_bytes()).is_err(), "{attribute}: {value}");
        }
        assert!(!head.is_edited());
    }

    #[test]
    fn edits_of_the_destination() {
        let host: Pairs<'_> = &[("host", "Example.com"), ("x", "y")];
        let path_at = |head: &mut Head| head.set_attribute(Attribute::Path, b"/new").unwrap();
        assert_eq!(edited(host, path_at), [":path: /new", ":authority: example.com", "host: Example.com", "x: y"]);
        for attribute in [Attribute::Authority, Attribute::Service] {
            let rehost = |head: &mut Head| head.set_attribute(attribute, b"b:1").unwrap();
            assert_eq!(edited(host, rehost), [":path: /users?id=1", ":authority: b:1", "x: y"]);
        }
    }

    #[test]
    fn forwarding_says_the_authority_where_it_belongs() {
        let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("x", "y"), ("host", "a")];
        let mut head = head_of(block(&fields));
        assert_eq!(sent(&head).unwrap().0, lines(head.head_bytes()));
        head.forward();
        head.forward();
        let moved = [":method: GET", ":scheme: http", ":path: /", ":authority: a", "x: y"];
        assert_eq!(sent(&head).unwrap().0, moved);

        let mut head = head_of(block(&fields));
        head.set_service(b"b").unwrap();
        head.forward();
        assert_eq!(sent(&head).unwrap().0[3..], [":authority: b", "x: y"], "a service that was set stays");

        let mut head = head_of(block(&fields[..3]));
        head.forward();
        assert!(!head.is_edited());
        head.set_service(b"b").unwrap();
        assert_eq!(sent(&head).unwrap().0[3..], [":authority: b"]);
    }

    #[test]
    fn edits_of_calls() {
        let call = |edits: &[(Attribute, &str)]| {
            let mut head = head_of(block(&[
                (":method", "POST"),
                (":scheme", "http"),
                (":path", "/s/m"),
                ("content-type", "application/grpc"),
                ("tri-service-version", "1"),
            ]));
            for (attribute, value) in edits {
                head.set_attribute(*attribute, value.as_bytes()).unwrap();
            }
            sent(&head).unwrap().0.split_off(2)
        };
        let typed = "content-type: application/grpc";
        let version = "tri-service-version: 1";
        assert_eq!(call(&[(Attribute::Service, "a.b")]), [":path: /a.b/m", typed, version]);
        assert_eq!(call(&[(Attribute::Method, "n")]), [":path: /s/n", typed, version]);
        assert_eq!(call(&[(Attribute::Service, "a"), (Attribute::Path, "/p/q")]), [":path: /p/q", typed, version]);
        assert_eq!(call(&[(Attribute::Authority, "h")]), [":path: /s/m", ":authority: h", typed, version]);
        assert_eq!(
            call(&[(Attribute::Version, "2"), (Attribute::Group, "g")]),
            [":path: /s/m", typed, "tri-service-version: 2", "tri-service-group: g"]
        );
        let mut head = head_of(block(&[
            (":method", "POST"),
            (":scheme", "http"),
            (":path", "/health"),
            ("content-type", "application/grpc"),
        ]));
        assert!(head.set_attribute(Attribute::Method, b"a/b").is_err());
        assert!(head.set_attribute(Attribute::Service, b"/a").is_err());
        head.set_service(b"s").unwrap();
        assert!(matches!(sent(&head), Err(EncodeError::Invalid { .. })));
    }

    #[test]
    fn edits_of_a_connect() {
        let edited = |attribute, value: &[u8]| {
            let mut head = head_of(block(&[(":method", "CONNECT"), (":authority", "a:1")]));
            head.set_attribute(attribute, value).unwrap();
            sent(&head).map(|(out, _)| out)
        };
        assert_eq!(edited(Attribute::Authority, b"b:2").unwrap(), [":method: CONNECT", ":authority: b:2"]);
        assert!(matches!(edited(Attribute::Authority, b"b"), Err(EncodeError::Invalid { .. })));
        assert!(matches!(edited(Attribute::Path, b"/"), Err(EncodeError::NoPlace { .. })));
    }

    #[test]
    fn an_extended_connect_goes_where_it_is_announced() {
        let head = head_of(block(&[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "a"),
        ]));
        assert!(sent(&head).unwrap().1.connect);
        let mut out = Lines::default();
        let refused = request(&head, &Terms::default(), &mut out);
        assert!(matches!(refused, Err(EncodeError::NoPlace { .. })) && out.0.is_empty());
        assert!(matches!(sent(&foreign_request("GET", "/", "Upgrade:x\n")), Err(EncodeError::NoPlace { .. })));
        assert!(matches!(sent(&foreign_request("GET", "/", "Upgrade:a b\n")), Err(EncodeError::Invalid { .. })));
        let upgrade = foreign_request("GET", "/", "Host:a\nUpgrade:websocket\n");
        assert!(matches!(request(&upgrade, &Terms::default(), &mut out), Err(EncodeError::NoPlace { .. })));
    }

    #[test]
    fn foreign_requests() {
        let head = foreign_request(
            "POST",
            "/a?b",
            "Host:h:1\nX-Upper: v \nConnection:X-Gone, keep-alive\nX-Gone:1\nKeep-Alive:1\nProxy-Connection:x\n\
             Transfer-Encoding:chunked\nHTTP2-Settings:x\nTE:gzip\nCookie:a=b; c=d\nContent-Length:3\nExpect:100-continue\n",
        );
        let (out, facts) = sent(&head).unwrap();
        assert_eq!(
            out,
            [
                ":method: POST",
                ":scheme: https",
                ":authority: h:1",
                ":path: /a?b",
                "x-upper: v",
                "cookie: a=b; c=d",
                "content-length: 3",
                "expect: 100-continue"
            ]
        );
        assert_eq!((facts.content_length, facts.flavor), (Some(3), Flavor::Http));
        let head = foreign_request("POST", "/s/m", "content-type:application/grpc\nte:Trailers\n");
        let (out, facts) = sent(&head).unwrap();
        assert_eq!(out[2..], [":path: /s/m", "content-type: application/grpc", "te: Trailers"]);
        assert_eq!(facts.flavor, Flavor::Grpc);
        let (out, facts) = sent(&foreign_request("OPTIONS", "*", "")).unwrap();
        assert_eq!(out[2..], [":path: *"]);
        assert!(!facts.is_head && sent(&foreign_request("HEAD", "/", "")).unwrap().1.is_head);
    }

    #[test]
    fn the_authority_of_foreign_requests() {
        let authority = |head: &Head| sent(head).unwrap().0[2].clone();
        let mut head = foreign_request("GET", "/", "Host:h\n");
        assert_eq!(authority(&head), ":authority: h");
        head.set_owned(Attribute::Authority, b"wins");
        assert_eq!(authority(&head), ":authority: wins");
        head.set_service(b"service").unwrap();
        assert_eq!(authority(&head), ":authority: service");
        head.set_attribute(Attribute::Authority, b"edited").unwrap();
        assert_eq!(authority(&head), ":authority: edited");
        assert_eq!(authority(&foreign_request("GET", "/", "Host:\n")), ":path: /");
    }

    #[test]
    fn foreign_requests_that_are_refused() {
        for (method, path, fields) in [
            ("G T", "/", ""),
            ("", "/", ""),
            ("GET", "", ""),
            ("GET", "*", ""),
            ("GET", "a", ""),
            ("GET", "/a b", ""),
            ("GET", "/", "Host:u@h\n"),
            ("GET", "/", "a b:c\n"),
            ("GET", "/", ":path:/c\n"),
            ("GET", "/", "x:a\rb\n"),
            ("GET", "/", "x:a\0b\n"),
            ("GET", "/", "Content-Length:x\n"),
            ("GET", "/", "Content-Length:\n"),
            ("GET", "/", "Content-Length:1\nContent-Length:1\n"),
            ("CONNECT", "", "Host:a\n"),
            ("CONNECT", "", ""),
        ] {
            let refused = sent(&foreign_request(method, path, fields));
            assert!(matches!(refused, Err(EncodeError::Invalid { .. })), "{method} {path} {fields:?}");
        }
        static ALIEN: meshwire::HeadFormat = meshwire::HeadFormat::new("alien", "dubbo");
        let head = Head::new(&ALIEN, Kind::Request, StreamId::NEW, Bytes::new());
        assert!(matches!(sent(&head), Err(EncodeError::Foreign { from: "alien", .. })));
        assert!(matches!(answered(&head, Asked::default()), Err(EncodeError::Foreign { .. })));
        assert!(matches!(trailers(&head, &mut Lines::default()), Err(EncodeError::Foreign { .. })));
    }

    #[test]
    fn foreign_tunnels() {
        let (out, facts) = sent(&foreign_request("CONNECT", "", "Host:a:1\nContent-Length:0\n")).unwrap();
        assert_eq!(out, [":method: CONNECT", ":authority: a:1"]);
        assert_eq!((facts.connect, facts.protocol, facts.content_length), (true, Protocol::None, None));

        let head = foreign_request(
            "GET",
            "/chat",
            "Host:a\nUpgrade:websocket\nConnection:Upgrade\nSec-WebSocket-Key:x\nSec-WebSocket-Version:13\n",
        );
        let (out, facts) = sent(&head).unwrap();
        assert_eq!(
            out,
            [
                ":method: CONNECT",
                ":protocol: websocket",
                ":scheme: https",
                ":authority: a",
                ":path: /chat",
                "sec-websocket-version: 13"
            ]
        );
        assert_eq!((facts.connect, facts.protocol), (true, Protocol::Websocket));
        let asked = facts.asked();

        let head = foreign_response(101, "Upgrade:websocket\nConnection:upgrade\nSec-WebSocket-Accept:x\nX:y\n");
        let (out, facts) = answered(&head, asked).unwrap();
        assert_eq!(out, [":status: 200", "x: y"]);
        assert_eq!((facts.connect, facts.protocol, facts.interim), (true, Protocol::Websocket, false));
        assert!(matches!(answered(&head, Asked::default()), Err(EncodeError::NoPlace { .. })));
        // An answer that does not switch must not be taken for one that does.
        assert!(matches!(answered(&foreign_response(200, "X:y\n"), asked), Err(EncodeError::NoPlace { .. })));
        let (out, facts) = answered(&foreign_response(404, "Content-Length:3\n"), asked).unwrap();
        assert_eq!((out.len(), facts.connect, facts.content_length), (2, false, Some(3)));

        let connect = Asked { connect: true, ..Asked::default() };
        let (out, facts) = answered(&foreign_response(200, "Content-Length:3\n"), connect).unwrap();
        assert_eq!((out.len(), facts.connect, facts.content_length), (1, true, None));
    }

    #[test]
    fn foreign_answers_and_trailers() {
        let head = foreign_response(204, "Server:x\nHost:a\nTE:trailers\nUpgrade:h2c\nSec-WebSocket-Accept:x\n");
        let (out, facts) = answered(&head, Asked::default()).unwrap();
        assert_eq!(out, [":status: 204", "server: x", "host: a", "sec-websocket-accept: x"]);
        assert_eq!((facts.bodyless, facts.interim), (true, false));
        let (out, facts) = answered(&foreign_response(103, "Link:x\nContent-Length:3\n"), Asked::default()).unwrap();
        assert_eq!(out, [":status: 103", "link: x"]);
        assert!(facts.interim && facts.bodyless && facts.content_length.is_none());
        for status in [99, 1000] {
            assert!(answered(&foreign_response(status, ""), Asked::default()).is_err());
        }

        let mut out = Lines::default();
        trailers(&foreign_trailers("X-Sum:1\nContent-Length:3\nConnection:x\nHost:h\nTE:trailers\n"), &mut out)
            .unwrap();
        assert_eq!(out.0, ["x-sum: 1"]);
        assert!(trailers(&foreign_trailers("x y:1\n"), &mut Lines::default()).is_err());
    }

    #[test]
    fn own_trailers_are_edited_too() {
        let mut head =
            message::trailers(block(&[("grpc-status", "0"), ("x", "y")]), StreamId::new(1), Flavor::Grpc).unwrap();
        assert_eq!(head.outcome(), Outcome::Success);
        let mut out = Lines::default();
        trailers(&head, &mut out).unwrap();
        assert_eq!(out.0, ["grpc-status: 0", "x: y"]);
        head.remove_field(b"x").unwrap();
        head.set_field(b"X-More", b"1").unwrap();
        let mut out = Lines::default();
        trailers(&head, &mut out).unwrap();
        assert_eq!(out.0, ["grpc-status: 0", "x-more: 1"]);
    }

    const NAMES: [&str; 18] = [
        ":method",
        ":path",
        ":scheme",
        ":authority",
        ":protocol",
        ":status",
        ":x",
        "host",
        "cookie",
        "te",
        "x-a",
        "X-B",
        "content-length",
        "content-type",
        "connection",
        "grpc-status",
        "tri-service-version",
        "",
    ];
    const VALUES: [&str; 16] = [
        "GET",
        "CONNECT",
        "/",
        "/s/m",
        "*",
        "http",
        "a",
        "a:80",
        "A",
        "trailers",
        "0",
        "7",
        "application/grpc",
        "websocket",
        " x",
        "",
    ];

    fn any_fields() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
        prop::collection::vec((prop::sample::select(&NAMES[..]), prop::sample::select(&VALUES[..])), 0..8)
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_written_and_read_the_same(fields in any_fields(), begun in any::<bool>(), end in any::<bool>()) {
            let fields = if begun { [get(), fields].concat() } else { fields };
            let rules = Rules { extended_connect: true };
            if let Ok((head, facts)) = message::request(block(&fields), StreamId::new(1), end, rules) {
                let (out, written) = sent(&head).unwrap();
                prop_assert_eq!(written, facts);
                prop_assert!(out == lines(head.head_bytes()) || facts.connect);
                // What a forwarder adds is accepted too, and says the same.
                let mut moved = head.clone();
                moved.forward();
                let mut list = FieldList::new(crate::hpack::ListLimits::of(&meshwire::Limits::default()));
                request(&moved, &EXTENDED, &mut list).unwrap();
                let (again, facts_again) = message::request(list.take(), StreamId::new(1), end, rules).unwrap();
                prop_assert_eq!(facts_again, facts);
                for attribute in Attribute::ALL {
                    prop_assert_eq!(again.attribute(attribute), head.attribute(attribute), "{}", attribute);
                }
            }
            if let Ok((head, facts)) = message::response(block(&fields), StreamId::new(1), end, Asked::default()) {
                prop_assert_eq!(answered(&head, Asked::default()).unwrap(), (lines(head.head_bytes()), facts));
            }
            if let Ok(head) = message::trailers(block(&fields), StreamId::new(1), Flavor::Http) {
                let mut out = Lines::default();
                trailers(&head, &mut out).unwrap();
                prop_assert_eq!(out.0, lines(head.head_bytes()));
            }
        }
    }
}
