//! Heads on their way out: as they came where that is right, else written anew.

use std::io::Write as _;

use meshwire::{Attr, Attribute, EncodeError, Head, Output, RoutingKey};

use crate::format::{self, line};
use crate::note::{Framing, Note};
use crate::parse::is_hop;
use crate::websocket::{self, Accept, Key};
use crate::{grammar, status};

/// What the head must say, whatever it says now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) framing: Frame,
    pub(crate) connection: Connection<'a>,
    /// The name to add to `Via`.
    pub(crate) via: Option<&'a str>,
    /// The head's fields of the connection must go, though nobody has called it forwarded.
    pub(crate) strip: bool,
    pub(crate) handshake: Handshake,
}

/// What a tunnel of another protocol becomes here (RFC 8441, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// Nothing: the head says itself what its connection becomes.
    None,
    /// An extended CONNECT: a GET that asks for an `Upgrade`, a WebSocket's with this key.
    Ask(Option<Key>),
    /// The 2xx that grants it: 101, a WebSocket's with this answer to the key.
    Grant(Option<Accept>),
}

impl Plan<'_> {
    /// Whether a head that is not forwarded says about the connection what it must say.
    fn is_said(&self, note: Note) -> bool {
        let said = match self.connection {
            Connection::Default => return !self.strip,
            Connection::Close => Note::CLOSE,
            Connection::KeepAlive => Note::KEEP,
            Connection::Upgrade(_) => Note::UPGRADE,
        };
        !self.strip && note.has(said) && !note.has(Note::FORWARDED)
    }
}

/// The framing fields to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Neither of them.
    None,
    /// `Content-Length` with this value.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// `Content-Length` if it is there: it tells what another request would have been answered with.
    Describe,
}

/// The connection option to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connection<'a> {
    /// None: the version's default.
    Default,
    Close,
    KeepAlive,
    /// `upgrade`, to this protocol.
    Upgrade(&'a [u8]),
}

const fn invalid(what: &'static str) -> EncodeError {
    EncodeError::Invalid { protocol: crate::NAME, what }
}

/// Refuses a head whose meaning this protocol does not share.
pub(crate) fn check_semantics(head: &Head) -> Result<(), EncodeError> {
    if head.format().semantics() == crate::SEMANTICS {
        Ok(())
    } else {
        Err(EncodeError::Foreign { from: head.protocol(), to: crate::NAME })
    }
}

/// The length that the head gives its body, if it gives one.
pub(crate) fn declared_length(head: &Head) -> Result<Option<u64>, EncodeError> {
    if let Some(note) = format::note(head).filter(|_| !head.is_edited()) {
        if note.framing() != Framing::Length {
            return Ok(None);
        }
        if let Some(at) = note.length_at() {
            let digits = head.head_bytes().get(at..).unwrap_or_default();
            let end = digits.iter().position(|b| !b.is_ascii_digit()).unwrap_or(digits.len());
            return Ok(digits.get(..end).and_then(grammar::decimal));
        }
    }
    let mut lengths = fields(head).filter(|(name, _)| is_length(name));
    match (lengths.next(), lengths.next()) {
        (None, _) => Ok(None),
        (Some((_, value)), None) => grammar::decimal(value).map(Some).ok_or(invalid("a Content-Length is a number")),
        _ => Err(invalid("a message has one Content-Length")),
    }
}

fn fields(head: &Head) -> impl Iterator<Item = (&[u8], &[u8])> {
    head.fields().into_iter().flatten()
}

#[inline]
fn is_length(name: &[u8]) -> bool {
    name.len() == 14 && name.eq_ignore_ascii_case(b"content-length")
}

/// Writes the head alone.
pub(crate) fn put_head(head: &Head, plan: &Plan<'_>, output: &mut Output) -> Result<(), EncodeError> {
    let mut plan = *plan;
    let mut result = Ok(());
    output.append(|out| {
        let before = out.len();
        let missing = match verbatim(head, &plan) {
            Some(bytes) => {
                out.extend_from_slice(bytes);
                if format::note(head).is_some_and(|note| plan.is_said(note)) {
                    plan.connection = Connection::Default;
                }
                Ok(if is_framed_so(head, plan.framing) { Frame::None } else { plan.framing })
            }
            None => rebuild(out, head, &plan),
        };
        match missing {
            Ok(missing) => put_behind(out, head, &plan, missing),
            // What is refused was never written.
            Err(error) => {
                out.truncate(before);
                result = Err(error);
            }
        }
    });
    result
}

/// Whether the head's own bytes say what `plan` wants and nothing else: then head and data go out in one piece.
#[inline]
pub(crate) fn is_untouched(head: &Head, plan: &Plan<'_>) -> bool {
    plan.via.is_none()
        && format::note(head).is_some_and(|note| plan.is_said(note))
        && is_framed_so(head, plan.framing)
        && verbatim(head, plan).is_some()
}

fn is_framed_so(head: &Head, frame: Frame) -> bool {
    format::note(head).is_some_and(|note| {
        matches!(
            (note.framing(), frame),
            (_, Frame::Describe)
                | (Framing::Length, Frame::Length(_))
                | (Framing::Chunked, Frame::Chunked)
                | (Framing::None | Framing::Close, Frame::None)
        )
    })
}

/// The head's bytes up to the blank line, if what `plan` wants needs only to be added to them.
#[inline]
fn verbatim<'a>(head: &'a Head, plan: &Plan<'_>) -> Option<&'a [u8]> {
    let note = format::note(head)?;
    let request = head.kind().is_request();
    let forwarded = note.has(Note::FORWARDED);
    let changed = head.is_edited()
        || note.has(Note::STRAY)
        || (note.has(Note::OLD) && (forwarded || !request))
        || (forwarded && note.has(Note::HOP.and(Note::ABSOLUTE)))
        || plan.strip
        || (plan.connection != Connection::Default && note.has(Note::HOP) && !plan.is_said(note));
    let framed = match (note.framing(), plan.framing) {
        // What is missing can be added, but not to a version that does not know it.
        (Framing::None | Framing::Close, Frame::Length(_)) => true,
        (Framing::None | Framing::Close, Frame::Chunked) => !note.has(Note::OLD),
        _ => is_framed_so(head, plan.framing),
    };
    if changed || !framed {
        return None;
    }
    let bytes = head.head_bytes();
    bytes.get(..bytes.len().checked_sub(2)?)
}

/// Writes the fields that come behind all others, and the blank line.
fn put_behind(out: &mut Vec<u8>, head: &Head, plan: &Plan<'_>, missing: Frame) {
    if let Some(name) = plan.via {
        // RFC 9110, section 7.6.3: the version is that of the message as it was received.
        let version: &[u8] = match format::note(head) {
            Some(note) if note.has(Note::OLD) => b"1.0 ",
            Some(_) => b"1.1 ",
            None => b"2 ",
        };
        put(out, &[b"Via: ", version, name.as_bytes(), b"\r\n"]);
    }
    match missing {
        Frame::None | Frame::Describe => {}
        Frame::Length(n) => put_length(out, b"Content-Length", n),
        Frame::Chunked => put(out, &[b"Transfer-Encoding: chunked\r\n"]),
    }
    match plan.connection {
        Connection::Default => {}
        Connection::Close => put(out, &[b"Connection: close\r\n"]),
        Connection::KeepAlive => put(out, &[b"Connection: keep-alive\r\n"]),
        Connection::Upgrade(token) => put(out, &[b"Connection: upgrade\r\nUpgrade: ", token, b"\r\n"]),
    }
    match &plan.handshake {
        Handshake::Ask(Some(key)) => put(out, &[b"Sec-WebSocket-Key: ", key, b"\r\n"]),
        Handshake::Grant(Some(accept)) => put(out, &[b"Sec-WebSocket-Accept: ", accept, b"\r\n"]),
        Handshake::None | Handshake::Ask(None) | Handshake::Grant(None) => {}
    }
    out.extend_from_slice(b"\r\n");
}

fn put(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
}

fn put_length(out: &mut Vec<u8>, name: &[u8], n: u64) {
    // Writing to a vector cannot fail.
    put(out, &[name, b": "]);
    let _ = write!(out, "{n}\r\n");
}

/// Writes start line and fields anew; what is left to say about the framing comes back.
fn rebuild(out: &mut Vec<u8>, head: &Head, plan: &Plan<'_>) -> Result<Frame, EncodeError> {
    let own = format::note(head);
    let host = if head.kind().is_request() {
        put_request_line(out, head, plan)?;
        new_host(head)
    } else {
        put_status_line(out, head, plan)?;
        None
    };
    let mut writer = Fields { out, plan, own: own.is_some(), host, hosts: 0, framed: false, cookies: false };
    writer.put_first_host(head)?;
    match own {
        // Lines that stay are copied as they are.
        Some(_) if !head.is_edited() => {
            let bytes = head.bytes();
            let mut at = head.fields_at().unwrap_or(bytes.len());
            while let Some((name, value, next)) = line(bytes, at) {
                writer.put(head, name, value, bytes.get(at..next))?;
                at = next;
            }
        }
        _ => {
            for (name, value) in fields(head) {
                writer.put(head, name, value, None)?;
            }
        }
    }
    let framed = writer.framed;
    if head.kind().is_request() && writer.hosts != 1 {
        return Err(invalid("a request has one Host"));
    }
    Ok(if framed { Frame::None } else { plan.framing })
}

/// The fields as they are written anew.
struct Fields<'a, 'p> {
    out: &'a mut Vec<u8>,
    plan: &'a Plan<'p>,
    /// Whether the parser, or the check of edits, has seen every name and value.
    own: bool,
    host: Option<&'a [u8]>,
    hosts: usize,
    framed: bool,
    cookies: bool,
}

impl Fields<'_, '_> {
    /// A host that stands in for no field of that name comes first (RFC 9110, section 7.2).
    fn put_first_host(&mut self, head: &Head) -> Result<(), EncodeError> {
        if let Some(host) = self.host
            && (!self.own || head.field(b"host") == Attr::Absent)
        {
            check_host(host)?;
            put(self.out, &[b"Host: ", host, b"\r\n"]);
            self.hosts = 1;
        }
        Ok(())
    }

    fn put(&mut self, head: &Head, name: &[u8], value: &[u8], raw: Option<&[u8]>) -> Result<(), EncodeError> {
        if is_hop(name) || (self.plan.handshake != Handshake::None && is_handshake(name)) {
            return Ok(());
        }
        // RFC 9113, section 10.3: what another protocol carries in a length can be the end of a line here.
        let sound = self.own || (grammar::is_token(name) && grammar::is_value(value));
        if !sound {
            return Err(invalid("a field is a token and a value without control characters"));
        }
        let value = grammar::trim(value);
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") && head.kind().is_request() => {
                // Behind a host that came first, what a foreign head calls so says it again.
                if !self.own && self.hosts > 0 {
                    return Ok(());
                }
                let host = self.host.unwrap_or(value);
                check_host(host)?;
                self.hosts = self.hosts.saturating_add(1);
                put(self.out, &[name, b": ", host, b"\r\n"]);
            }
            14 if is_length(name) => {
                let n = match self.plan.framing {
                    Frame::Length(n) => Some(n),
                    Frame::Describe => grammar::decimal(value),
                    Frame::None | Frame::Chunked => None,
                };
                if let Some(n) = n.filter(|_| !self.framed) {
                    put_length(self.out, name, n);
                    self.framed = true;
                }
            }
            // RFC 9113, section 8.2.3: crumbs that another protocol allows are one field here.
            6 if !self.own && name.eq_ignore_ascii_case(b"cookie") => {
                if !std::mem::replace(&mut self.cookies, true) {
                    put(self.out, &[name, b": "]);
                    let crumbs = fields(head).filter(|(name, _)| name.eq_ignore_ascii_case(b"cookie"));
                    for (n, (_, crumb)) in crumbs.enumerate() {
                        if !grammar::is_value(crumb) {
                            return Err(invalid("a field is a token and a value without control characters"));
                        }
                        put(self.out, &[if n > 0 { b"; " } else { b"" }, grammar::trim(crumb)]);
                    }
                    put(self.out, &[b"\r\n"]);
                }
            }
            _ => match raw {
                Some(raw) => self.out.extend_from_slice(raw),
                None => put(self.out, &[name, b": ", value, b"\r\n"]),
            },
        }
        Ok(())
    }
}

fn check_host(host: &[u8]) -> Result<(), EncodeError> {
    if host.is_empty() || grammar::is_authority(host) { Ok(()) } else { Err(invalid("a Host is a host and a port")) }
}

/// Whether a field is of a handshake that each hop makes anew.
fn is_handshake(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(websocket::KEY) || name.eq_ignore_ascii_case(websocket::ACCEPT)
}

/// The value that `Host` must have, where it is not what the fields say.
fn new_host(head: &Head) -> Option<&[u8]> {
    let edited = head.edited(Attribute::Authority).or(head.edited(Attribute::Service));
    if edited.is_some() || format::note(head).is_some() {
        return edited;
    }
    // The authority of another protocol; without one an empty Host is owed (RFC 9112, section 3.2).
    let authority = head.attribute(Attribute::Authority).value().or(head.field(b"host").value());
    Some(authority.unwrap_or_default())
}

fn put_request_line(out: &mut Vec<u8>, head: &Head, plan: &Plan<'_>) -> Result<(), EncodeError> {
    let method = match plan.handshake {
        Handshake::Ask(_) => b"GET",
        _ => head.attribute(Attribute::Verb).value().unwrap_or_default(),
    };
    if !grammar::is_token(method) {
        return Err(invalid("a method is a token"));
    }
    let edited = [Attribute::Authority, Attribute::Service, Attribute::Path].iter().any(|a| head.edited(*a).is_some());
    let proxied = format::note(head).is_some_and(|n| n.has(Note::ABSOLUTE) && !n.has(Note::FORWARDED)) && !edited;
    let target = if proxied {
        // Not forwarded: whoever sends it means it for a proxy.
        let line = head.head_bytes().split(|b| *b == b'\r').next().unwrap_or_default();
        line.split(|b| *b == b' ').nth(1).unwrap_or_default()
    } else if method == b"CONNECT" {
        new_host(head).or(head.attribute(Attribute::Authority).value()).unwrap_or_default()
    } else {
        head.attribute(Attribute::Path).value().unwrap_or_default()
    };
    let good = match target {
        b"*" => method == b"OPTIONS",
        _ if method == b"CONNECT" => grammar::is_authority_with_port(target),
        [b'/', ..] => grammar::is_target(target),
        _ => proxied,
    };
    if !good {
        return Err(invalid("not a request-target of this method"));
    }
    put(out, &[method, b" ", target, b" HTTP/1.1\r\n"]);
    Ok(())
}

fn put_status_line(out: &mut Vec<u8>, head: &Head, plan: &Plan<'_>) -> Result<(), EncodeError> {
    if format::note(head).is_some() {
        // The reason phrase stays, whatever bytes it is made of.
        let line = head.head_bytes().split(|b| *b == b'\r').next().unwrap_or_default();
        put(out, &[b"HTTP/1.1", line.get(8..).unwrap_or_default(), b"\r\n"]);
        return Ok(());
    }
    let said = if let Handshake::Grant(_) = plan.handshake { Some(101) } else { head.status() };
    let status = said.and_then(|s| u16::try_from(s).ok()).filter(|s| (100..1000).contains(s));
    let Some(code) = status else { return Err(invalid("a status has three digits")) };
    let _ = write!(out, "HTTP/1.1 {code} {}\r\n", status::reason(code));
    Ok(())
}
