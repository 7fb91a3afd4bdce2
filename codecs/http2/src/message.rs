//! Decoded blocks become heads: every rule of RFC 9113, section 8, in one walk over the fields.

use std::ops::Range;

use bytes::Bytes;
use meshwire::{Attribute, Head, Kind, Outcome, StreamId};

use crate::format::{ANSWER, CALL, REQUEST};
use crate::grpc::{self, Flavor};
use crate::hpack::{Field, Fields, Known};
use crate::note::{Note, Protocol};
use crate::rules::{self, Malformed};
use crate::status;

/// What the connection has announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441, section 3).
    pub(crate) extended_connect: bool,
}

/// What a stream must remember of its request until the answer is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) flavor: Flavor,
    pub(crate) is_head: bool,
    /// CONNECT, extended or not: behind a 2xx there is a tunnel.
    pub(crate) connect: bool,
    /// The `:protocol` of an extended one.
    pub(crate) protocol: Protocol,
}

/// What a stream must know of a message once its head has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The length that the body must have.
    pub(crate) content_length: Option<u64>,
    pub(crate) flavor: Flavor,
    /// A HEAD request.
    pub(crate) is_head: bool,
    /// A CONNECT request, extended or not; an answer that opens its tunnel.
    pub(crate) connect: bool,
    /// The `:protocol` of an extended CONNECT, or of the answer that opens its tunnel.
    pub(crate) protocol: Protocol,
    /// An answer before the answer.
    pub(crate) interim: bool,
    /// An answer that has no body, whatever it says of its length: DATA may only be empty.
    pub(crate) bodyless: bool,
}

impl Facts {
    /// What the answer will be read with.
    pub(crate) const fn asked(&self) -> Asked {
        Asked { flavor: self.flavor, is_head: self.is_head, connect: self.connect, protocol: self.protocol }
    }
}

/// The head of a request; `end` is END_STREAM.
#[inline]
pub(crate) fn request(block: Bytes, stream: StreamId, end: bool, rules: Rules) -> Result<(Head, Facts), Malformed> {
    let seen = Seen::read(&block, Section::Request)?;
    let (authority, note) = seen.check_request(&block, rules)?;
    let facts = Facts {
        content_length: seen.length,
        flavor: seen.flavor,
        is_head: note.has(Note::IS_HEAD),
        connect: note.has(Note::CONNECT),
        protocol: note.protocol(),
        interim: false,
        bodyless: false,
    };
    if (end || facts.connect) && facts.content_length.is_some_and(|n| n != 0) {
        return Err(LENGTH);
    }
    let call = if seen.flavor.is_grpc() { seen.path.get(&block).and_then(grpc::call) } else { None };
    let format = if seen.flavor.is_grpc() { &CALL } else { &REQUEST };
    let mut head = Head::new(format, Kind::Request, stream, block);
    seen.method.mark(&mut head, Attribute::Verb);
    seen.path.mark(&mut head, Attribute::Path);
    authority.mark(&mut head, Attribute::Authority);
    if seen.flavor.is_grpc() {
        if let Some((service, method)) = call {
            seen.path.part(service).mark(&mut head, Attribute::Service);
            seen.path.part(method).mark(&mut head, Attribute::Method);
        }
    } else {
        authority.mark(&mut head, Attribute::Service);
        seen.method.mark(&mut head, Attribute::Method);
    }
    if seen.has_triple {
        seen.version.mark(&mut head, Attribute::Version);
        seen.group.mark(&mut head, Attribute::Group);
    }
    if let Some(timeout) = seen.timeout {
        head.set_timeout(timeout);
    }
    head.set_fields_at(seen.fields_at);
    head.set_end(end);
    head.set_note(note.bits());
    Ok((head, facts))
}

/// The head of an answer to `asked`.
pub(crate) fn response(block: Bytes, stream: StreamId, end: bool, asked: Asked) -> Result<(Head, Facts), Malformed> {
    let seen = Seen::read(&block, Section::Response)?;
    let code = match seen.status.get(&block) {
        Some(&[a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9']) => {
            [a, b, c].iter().fold(0u16, |n, digit| n.wrapping_mul(10).wrapping_add(u16::from(digit & 0xf)))
        }
        Some(_) => return Err(Malformed::new("status", "a status code has three digits, the first of them not 0")),
        None => return Err(Malformed::new("pseudo", "an answer has a :status")),
    };
    // Section 8.6 of RFC 9113: what 101 switches to has no place on a connection of many streams.
    if code == 101 {
        return Err(Malformed::new("status", "HTTP/2 has no 101"));
    }
    let interim = code < 200;
    if interim && end {
        return Err(Malformed::new("interim", "an interim answer does not end its stream"));
    }
    let connect = asked.connect && (200..300).contains(&code);
    let protocol = if connect { asked.protocol } else { Protocol::None };
    let bodyless = asked.is_head || interim || matches!(code, 204 | 304);
    // Neither has content, so that a length is none of it (RFC 9110, sections 8.6 and 9.3.6).
    let stray = interim || connect;
    let mut note = Note::of(seen.flavor).with_protocol(protocol);
    if seen.length.is_some() {
        note = note.and(if stray { Note::STRAY } else { Note::LENGTH });
    }
    let facts = Facts {
        content_length: seen.length.filter(|_| !stray),
        flavor: seen.flavor,
        is_head: false,
        connect,
        protocol,
        interim,
        bodyless,
    };
    if end && !bodyless && facts.content_length.is_some_and(|n| n != 0) {
        return Err(LENGTH);
    }
    let outcome = seen.outcome_of(code, end && !interim, asked.flavor);
    let kind = if interim { Kind::Interim } else { Kind::Response };
    let mut head = Head::new(&ANSWER, kind, stream, block);
    head.set_status(u32::from(code), outcome);
    head.set_fields_at(seen.fields_at);
    head.set_end(end);
    head.set_note(note.bits());
    Ok((head, facts))
}

/// The fields behind a body, which was of `flavor`. They end their stream: that they do is for the caller to check.
pub(crate) fn trailers(block: Bytes, stream: StreamId, flavor: Flavor) -> Result<Head, Malformed> {
    let seen = Seen::read(&block, Section::Trailers)?;
    let mut head = Head::new(&ANSWER, Kind::Trailers, stream, block);
    match seen.grpc_status {
        Some(Some(code)) => head.set_status(code, grpc::outcome(code)),
        Some(None) => head.set_outcome(Outcome::BadResponse),
        None if flavor == Flavor::Grpc => head.set_outcome(Outcome::BadResponse),
        None => {}
    }
    head.set_fields_at(0);
    head.set_end(true);
    head.set_note(Note::of(flavor).bits());
    Ok(head)
}

const LENGTH: Malformed = Malformed::new("content_length", "the body has another length than content-length says");
const TWICE: Malformed = Malformed::new("pseudo", "a pseudo-field comes once");
const UNKNOWN: Malformed = Malformed::new("pseudo", "a pseudo-field that this message does not have");

/// Where a value lies in its block.
#[derive(Clone, Copy, Debug)]
struct At {
    from: u32,
    to: u32,
}

impl At {
    /// The value is not there.
    const NONE: Self = Self { from: u32::MAX, to: 0 };

    #[inline]
    const fn new(span: &Range<usize>) -> Self {
        Self { from: span.start as u32, to: span.end as u32 }
    }

    #[inline]
    const fn is_some(self) -> bool {
        self.from <= self.to
    }

    #[inline]
    fn get(self, block: &[u8]) -> Option<&[u8]> {
        block.get(self.from as usize..self.to as usize)
    }

    #[inline]
    const fn len(self) -> usize {
        self.to.saturating_sub(self.from) as usize
    }

    fn part(self, span: Range<usize>) -> Self {
        let from = self.from as usize;
        Self::new(&(from.saturating_add(span.start)..from.saturating_add(span.end)))
    }

    #[inline]
    fn mark(self, head: &mut Head, attribute: Attribute) {
        if self.is_some() {
            match u16::try_from(self.len()) {
                Ok(len) => head.set_short_span(attribute, self.from, len),
                Err(_) => head.set_span(attribute, self.from as usize..self.to as usize),
            }
        }
    }

    /// Takes note of a pseudo-field's value.
    #[inline]
    fn once(&mut self, span: &Range<usize>) -> Result<(), Malformed> {
        if self.is_some() {
            return Err(TWICE);
        }
        *self = Self::new(span);
        Ok(())
    }
}

/// Which block it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Request,
    Response,
    Trailers,
}

/// What is found in a block.
struct Seen {
    fields_at: usize,
    method: At,
    scheme: At,
    path: At,
    authority: At,
    protocol: At,
    status: At,
    host: At,
    version: At,
    group: At,
    has_triple: bool,
    flavor: Flavor,
    length: Option<u64>,
    timeout: Option<std::time::Duration>,
    grpc_status: Option<Option<u32>>,
}

impl Seen {
    #[inline]
    fn read(block: &[u8], section: Section) -> Result<Self, Malformed> {
        let mut seen = Self {
            fields_at: 0,
            method: At::NONE,
            scheme: At::NONE,
            path: At::NONE,
            authority: At::NONE,
            protocol: At::NONE,
            status: At::NONE,
            host: At::NONE,
            version: At::NONE,
            group: At::NONE,
            has_triple: false,
            flavor: Flavor::Http,
            length: None,
            timeout: None,
            grpc_status: None,
        };
        let mut fields = Fields::new(block);
        // Section 8.3: pseudo-fields come before all others.
        loop {
            seen.fields_at = fields.position();
            let Some(field) = fields.next() else { return Ok(seen) };
            let span = fields.value_span(&field);
            match (field.known, section) {
                (Known::METHOD, Section::Request) => seen.method.once(&span)?,
                (Known::PATH, Section::Request) => seen.path.once(&span)?,
                (Known::SCHEME, Section::Request) => seen.scheme.once(&span)?,
                (Known::AUTHORITY, Section::Request) => seen.authority.once(&span)?,
                (Known::PROTOCOL, Section::Request) => seen.protocol.once(&span)?,
                (Known::STATUS, Section::Response) => seen.status.once(&span)?,
                _ => {
                    seen.take(&field, span, section)?;
                    break;
                }
            }
        }
        while let Some(field) = fields.next() {
            let span = fields.value_span(&field);
            seen.take(&field, span, section)?;
        }
        Ok(seen)
    }

    /// A field that is no pseudo-field, or no welcome one.
    #[inline]
    fn take(&mut self, field: &Field<'_>, span: Range<usize>, section: Section) -> Result<(), Malformed> {
        if !(field.name_ok & field.value_ok) {
            return Err(if field.name_ok {
                Malformed::new("field_value", "a value has no NUL, CR or LF, and no white space around it")
            } else {
                Malformed::new("field_name", "a name is a token in lower case")
            });
        }
        match field.known {
            Known::OTHER if field.name.first() == Some(&b':') => return Err(UNKNOWN),
            Known::METHOD | Known::PATH | Known::SCHEME | Known::AUTHORITY | Known::PROTOCOL | Known::STATUS => {
                return Err(self.stray_pseudo(field.known, section));
            }
            // Section 8.2.2.
            Known::CONNECTION
            | Known::KEEP_ALIVE
            | Known::PROXY_CONNECTION
            | Known::UPGRADE
            | Known::TRANSFER_ENCODING => {
                return Err(Malformed::new("connection_field", "HTTP/2 has no fields of the connection"));
            }
            Known::TE if section != Section::Request || !field.value.eq_ignore_ascii_case(b"trailers") => {
                return Err(Malformed::new("connection_field", "TE says trailers, in requests, or is not there"));
            }
            // RFC 9110, section 6.5.1: what frames or routes a message comes before its content or not at all.
            Known::CONTENT_LENGTH | Known::HOST if section == Section::Trailers => {
                return Err(Malformed::new("trailers", "framing and routing fields have no place in trailers"));
            }
            Known::CONTENT_LENGTH => {
                // Two that say the same are refused as well: what two readers may read differently is malformed.
                let Some(length) = rules::decimal(field.value).filter(|_| self.length.is_none()) else {
                    return Err(Malformed::new("content_length", "content-length is one number"));
                };
                self.length = Some(length);
            }
            Known::CONTENT_TYPE => self.flavor = Flavor::of(field.value),
            Known::HOST if section == Section::Request => {
                if self.host.is_some() {
                    return Err(Malformed::new("host", "a request has one Host"));
                }
                self.host = At::new(&span);
            }
            Known::GRPC_TIMEOUT if section == Section::Request => self.timeout = grpc::timeout(field.value),
            Known::GRPC_STATUS if section != Section::Request => {
                self.grpc_status.get_or_insert(grpc::status(field.value));
            }
            Known::TRI_SERVICE_VERSION if section == Section::Request => {
                self.version = At::new(&span);
                self.has_triple = true;
            }
            Known::TRI_SERVICE_GROUP if section == Section::Request => {
                self.group = At::new(&span);
                self.has_triple = true;
            }
            _ => {}
        }
        Ok(())
    }

    #[cold]
    fn stray_pseudo(&self, known: Known, section: Section) -> Malformed {
        match section {
            Section::Trailers => Malformed::new("pseudo", "trailers have no pseudo-fields"),
            Section::Request if known == Known::STATUS => UNKNOWN,
            Section::Response if known != Known::STATUS => UNKNOWN,
            _ => Malformed::new("pseudo", "pseudo-fields come before all others"),
        }
    }

    /// Sections 8.3.1 and 8.5; RFC 8441, section 4. Where the authority is comes back.
    #[inline]
    fn check_request(&self, block: &[u8], rules: Rules) -> Result<(At, Note), Malformed> {
        let mut note = Note::of(self.flavor);
        if self.length.is_some() {
            note = note.and(Note::LENGTH);
        }
        let Some(method) = self.method.get(block) else {
            return Err(Malformed::new("pseudo", "a request has a :method"));
        };
        match method {
            b"GET" | b"POST" | b"PUT" => {}
            b"HEAD" => note = note.and(Note::IS_HEAD),
            b"CONNECT" => note = note.and(Note::CONNECT),
            _ if rules::is_token(method) => {}
            _ => return Err(Malformed::new("method", "a method is a token")),
        }
        if self.protocol.is_some() {
            note = note.with_protocol(self.check_protocol(block, method, rules)?);
        } else if note.has(Note::CONNECT) {
            return self.check_connect(block, note);
        }
        let (Some(scheme), Some(path)) = (self.scheme.get(block), self.path.get(block)) else {
            return Err(Malformed::new("pseudo", "a request has a :scheme and a :path"));
        };
        if !rules::is_scheme(scheme) {
            return Err(Malformed::new("scheme", "a scheme is a letter, and letters, digits, + - ."));
        }
        // Other schemes may have other paths; not being a `/` path, they have no way into an HTTP/1 start line.
        let formed = match path {
            [b'/', ..] => true,
            b"*" => method == b"OPTIONS",
            _ => !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https"),
        };
        if !formed || !rules::is_target(path) {
            return Err(Malformed::new("path", "a path begins with a slash, and holds no control, space or #"));
        }
        let (authority, rehost) = self.check_authority(block, scheme)?;
        Ok((authority, if rehost { note.and(Note::REHOST) } else { note }))
    }

    /// The authority, and whether `host` alone tells it.
    #[inline]
    fn check_authority(&self, block: &[u8], scheme: &[u8]) -> Result<(At, bool), Malformed> {
        const BAD: Malformed = Malformed::new("authority", "an authority is a host and a port, without userinfo");
        match (self.authority.get(block), self.host.get(block)) {
            (Some(authority), host) => {
                if !rules::is_authority(authority) {
                    return Err(BAD);
                }
                // What is routed by must be what the server dispatches by, whichever of the two it reads.
                if host.is_some_and(|host| !rules::is_same_authority(authority, host, scheme)) {
                    return Err(Malformed::new("authority", ":authority and Host say the same"));
                }
                Ok((self.authority, false))
            }
            (None, Some([]) | None) => Ok((At::NONE, false)),
            (None, Some(host)) if rules::is_authority(host) => Ok((self.host, true)),
            (None, Some(_)) => Err(BAD),
        }
    }

    #[cold]
    fn check_protocol(&self, block: &[u8], method: &[u8], rules: Rules) -> Result<Protocol, Malformed> {
        if !rules.extended_connect {
            return Err(Malformed::new("pseudo", ":protocol was not announced"));
        }
        if method != b"CONNECT" {
            return Err(Malformed::new("pseudo", ":protocol goes with CONNECT"));
        }
        match self.protocol.get(block) {
            Some(protocol) if rules::is_token(protocol) => Ok(Protocol::of(protocol)),
            _ => Err(Malformed::new("protocol", "a protocol is a token")),
        }
    }

    #[cold]
    fn check_connect(&self, block: &[u8], note: Note) -> Result<(At, Note), Malformed> {
        if self.scheme.is_some() || self.path.is_some() {
            return Err(Malformed::new("pseudo", "CONNECT has neither :scheme nor :path"));
        }
        if !self.authority.get(block).is_some_and(rules::is_authority_with_port) {
            return Err(Malformed::new("authority", "CONNECT names a host and a port in :authority"));
        }
        // Without a scheme there is no port that goes without saying.
        self.check_authority(block, b"")?;
        Ok((self.authority, note))
    }

    /// What an answer with `code` says. A status of gRPC's own counts more than HTTP's, and an answer to gRPC that has
    /// neither it nor another status than 200 is none.
    fn outcome_of(&self, code: u16, end: bool, asked: Flavor) -> Outcome {
        match (self.grpc_status, asked.is_grpc() || self.flavor.is_grpc()) {
            (Some(Some(status)), true) => grpc::outcome(status),
            (Some(None), true) => Outcome::BadResponse,
            (None, true) if code == 200 && (end || !self.flavor.is_grpc()) => Outcome::BadResponse,
            // It comes with the trailers; that of gRPC-Web in the body.
            (None, true) if code == 200 => Outcome::Unknown,
            _ => status::outcome(code),
        }
    }
}
