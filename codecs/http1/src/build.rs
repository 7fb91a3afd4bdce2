//! Heads that somebody writes: checked by the parser that reads those of peers.

use std::ops::Range;

use bytes::Bytes;
use meshwire::{Attribute, EncodeError, Event, Head, Kind, Limits, StreamId};

use crate::format::{ANSWER, FORMAT, TRAILERS};
use crate::note::{Framing, Note};
use crate::parse::{self, Path};
use crate::scan::{Found, Scan};
use crate::{grammar, status, upgrade};

/// A request with a body that is whole, ready to be encoded or routed. Without a `Content-Length` among `fields` one is
/// added for a body, and for a method that usually has one.
///
/// ```
/// use meshwire::{Attr, RoutingKey};
///
/// let event = meshwire_http1::request("GET", "/users?id=1", &[("Host", "example.com")], "").unwrap();
/// let meshwire::Event::Head(head) = &event else { unreachable!() };
/// assert_eq!(head.host(), Attr::Value(b"example.com"));
/// assert!(meshwire_http1::request("GET", "/a b", &[("Host", "example.com")], "").is_err());
/// ```
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a server would refuse it.
pub fn request(
    method: &str,
    target: &str,
    fields: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Result<Event, EncodeError> {
    let body = body.as_ref();
    // Neither may bring a line of its own.
    if !grammar::is_token(method.as_bytes()) || !grammar::is_target(target.as_bytes()) {
        return Err(invalid("a start line is a method and a request-target"));
    }
    let mut bytes = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
    // RFC 9110, section 8.6: a method that gives content a meaning says so even when there is none.
    let owed = !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH");
    put_fields(&mut bytes, fields, owed.then_some(body.len()))?;
    let (end, scan) = end_of(&bytes)?;
    let limits = Limits::default();
    let parsed = parse::request(bytes.get(..end).unwrap_or_default(), &scan, &limits).map_err(|f| invalid(f.detail))?;
    if parsed.note.framing() == Framing::Chunked || parsed.length != body.len() as u64 {
        return Err(invalid("the body has another length than Content-Length says"));
    }
    bytes.extend_from_slice(body);
    let mut head = request_head(parsed, StreamId::NEW, bytes.into(), end);
    // What follows a CONNECT or an Upgrade may be a tunnel.
    let switch = method == "CONNECT" || upgrade::mark(&mut head, |_| true);
    head.set_end(!switch);
    Ok(Event::Head(head))
}

/// An answer with a body that is whole. Its stream is that of the request: see [`Event::set_stream`].
///
/// ```
/// use meshwire::{Outcome, StreamId};
///
/// let mut event = meshwire_http1::response(404, &[("Content-Type", "text/plain")], "no such user\n").unwrap();
/// event.set_stream(StreamId::new(1));
/// let meshwire::Event::Head(head) = &event else { unreachable!() };
/// assert_eq!((head.status(), head.outcome()), (Some(404), Outcome::NoRoute));
/// ```
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a client would refuse it.
pub fn response(status: u16, fields: &[(&str, &str)], body: impl AsRef<[u8]>) -> Result<Event, EncodeError> {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status} {}\r\n", status::reason(status)).into_bytes();
    // RFC 9110, section 8.6: no Content-Length where no content can be.
    let bodyless = matches!(status, 100..=199 | 204 | 304);
    put_fields(&mut bytes, fields, (!bodyless).then_some(body.len()))?;
    let (end, scan) = end_of(&bytes)?;
    let limits = Limits::default();
    let parsed =
        parse::response(bytes.get(..end).unwrap_or_default(), &scan, &limits).map_err(|f| invalid(f.detail))?;
    let length = if bodyless { 0 } else { parsed.length.unwrap_or_default() };
    if parsed.note.framing() == Framing::Chunked || length != body.len() as u64 {
        return Err(invalid("the body has another length than its head says"));
    }
    bytes.extend_from_slice(body);
    let note = if bodyless { bodyless_note(parsed.note, parsed.status) } else { parsed.note };
    let kind = if is_interim(status) { Kind::Interim } else { Kind::Response };
    let mut head = response_head(note, parsed.status, parsed.fields_at, kind, StreamId::NEW, bytes.into(), end);
    head.set_end(status != 101);
    if status == 101 {
        upgrade::mark(&mut head, |_| true);
    }
    Ok(Event::Head(head))
}

/// Whether more answers follow this one (RFC 9110, section 15.2). 101 is the last one in HTTP.
pub(crate) const fn is_interim(status: u16) -> bool {
    matches!(status, 100 | 102..=199)
}

/// The note of an answer that has no body, whatever it says (RFC 9112, section 6.3).
pub(crate) const fn bodyless_note(note: Note, status: u16) -> Note {
    let bare = note.with_framing(Framing::None);
    match (note.framing(), status) {
        // A 304 may tell the length that it does not send (RFC 9110, section 8.6).
        (Framing::Length, 304) | (Framing::None | Framing::Close, _) => bare,
        _ => bare.and(Note::STRAY),
    }
}

fn put_fields(out: &mut Vec<u8>, fields: &[(&str, &str)], length: Option<usize>) -> Result<(), EncodeError> {
    for (name, value) in fields {
        if !grammar::is_token(name.as_bytes()) || !grammar::is_value(value.as_bytes()) {
            return Err(invalid("a field is a token and a value without control characters"));
        }
        out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if let Some(n) = length.filter(|_| !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"))) {
        out.extend_from_slice(format!("Content-Length: {n}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

pub(crate) fn end_of(bytes: &[u8]) -> Result<(usize, Scan), EncodeError> {
    let mut scan = Scan::default();
    match scan.run(bytes) {
        Found::End(end) if end == bytes.len() => Ok((end, scan)),
        _ => Err(invalid("a start line is one line")),
    }
}

pub(crate) const fn invalid(what: &'static str) -> EncodeError {
    EncodeError::Invalid { protocol: crate::NAME, what }
}

/// The head of a request: `bytes` are its own up to `end`, then data.
#[inline]
pub(crate) fn request_head(parsed: parse::Request, stream: StreamId, bytes: Bytes, end: usize) -> Head {
    let mut head = Head::new(&FORMAT, Kind::Request, stream, bytes);
    head.set_data_at(end);
    head.set_span(Attribute::Verb, parsed.method.clone());
    head.set_span(Attribute::Method, parsed.method);
    match parsed.path {
        Path::At(span) => head.set_span(Attribute::Path, span),
        Path::Written(path) => head.set_owned(Attribute::Path, &path),
        Path::None => head.set_absent(Attribute::Path),
    }
    match parsed.authority {
        Some(span) => {
            head.set_span(Attribute::Authority, span.clone());
            head.set_span(Attribute::Service, span);
        }
        None => {
            head.set_absent(Attribute::Authority);
            head.set_absent(Attribute::Service);
        }
    }
    head.set_fields_at(parsed.fields_at);
    head.set_note(parsed.note.bits());
    head
}

/// Where things are in a request of which nothing is far away, long, or written in pieces.
#[derive(Clone, Copy)]
pub(crate) struct Short {
    method: u16,
    path: (u32, u16),
    authority: Option<(u32, u16)>,
}

impl Short {
    /// `None` for a CONNECT too, which has no path.
    #[inline]
    pub(crate) fn of(parsed: &parse::Request) -> Option<Self> {
        let short = |span: &Range<usize>| Some((u32::try_from(span.start).ok()?, u16::try_from(span.len()).ok()?));
        let Path::At(path) = &parsed.path else { return None };
        let authority = match &parsed.authority {
            Some(span) => Some(short(span)?),
            None => None,
        };
        Some(Self { method: u16::try_from(parsed.method.len()).ok()?, path: short(path)?, authority })
    }
}

/// The same as [`request_head`], for a request whose message is whole.
#[inline(always)]
pub(crate) fn short_head(parsed: &parse::Request, short: Short, stream: StreamId, bytes: Bytes, end: usize) -> Head {
    let mut head = Head::new(&FORMAT, Kind::Request, stream, bytes);
    head.set_data_at(end);
    head.set_short_span(Attribute::Verb, 0, short.method);
    head.set_short_span(Attribute::Method, 0, short.method);
    head.set_short_span(Attribute::Path, short.path.0, short.path.1);
    if let Some((at, len)) = short.authority {
        head.set_short_span(Attribute::Authority, at, len);
        head.set_short_span(Attribute::Service, at, len);
    } else {
        head.set_absent(Attribute::Authority);
        head.set_absent(Attribute::Service);
    }
    head.set_fields_at(parsed.fields_at);
    head.set_note(parsed.note.bits());
    head.set_end(true);
    head
}

/// The trailers that `section` holds, the blank line included.
pub(crate) fn trailers(stream: StreamId, section: Bytes) -> Head {
    let mut head = Head::new(&TRAILERS, Kind::Trailers, stream, section);
    head.set_fields_at(0);
    head.set_end(true);
    head
}

/// The head of a response: `bytes` are its own up to `end`, then data.
#[inline]
pub(crate) fn response_head(
    note: Note,
    status: u16,
    fields_at: usize,
    kind: Kind,
    stream: StreamId,
    bytes: Bytes,
    end: usize,
) -> Head {
    let mut head = Head::new(&ANSWER, kind, stream, bytes);
    head.set_data_at(end);
    head.set_fields_at(fields_at);
    head.set_status(u32::from(status), status::outcome(status));
    head.set_note(note.bits());
    head
}
