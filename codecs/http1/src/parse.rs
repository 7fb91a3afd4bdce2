//! A complete head, taken apart: where things are, how the body is framed, and everything that makes it refused.

use std::mem::MaybeUninit;
use std::ops::Range;

use httparse::Header;
use meshwire::{Limit, Limits};

use crate::fault::Fault;
use crate::grammar;
use crate::note::{Framing, Note};
use crate::plain;
use crate::scan::Scan;

/// Fields that are parsed without an allocation; nearly every head has fewer.
const INLINE: usize = 48;

/// Options of all `Connection` fields together: nobody means more, and forwarding compares each with every field.
const OPTIONS: usize = 32;

/// What is known of a request once its head is there.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) note: Note,
    /// The body's length, where the framing is [`Framing::Length`].
    pub(crate) length: u64,
    pub(crate) method: Range<usize>,
    pub(crate) authority: Option<Range<usize>>,
    pub(crate) path: Path,
    pub(crate) fields_at: usize,
}

/// The path part of a request-target.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Path {
    At(Range<usize>),
    /// Nobody wrote it in one piece.
    Written(Vec<u8>),
    /// CONNECT has none.
    None,
}

/// What is known of a response once its head is there.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) note: Note,
    pub(crate) status: u16,
    /// `Content-Length`, whether or not it frames anything.
    pub(crate) length: Option<u64>,
    pub(crate) fields_at: usize,
}

/// Takes apart a request head that is whole at the front of `input`; where it ends, too. Nearly every head comes in one
/// piece and is plainly written, and then one walk over its lines is enough.
///
/// `None` is no judgement: the way through [`Scan`] and [`request`] makes it, so that it depends neither on where a read
/// ended nor on what is read here. What is taken here is taken there, and comes to the same.
#[inline]
pub(crate) fn request_at_once(input: &[u8], limits: &Limits) -> Option<(Request, usize)> {
    let (method, rest) = plain::until(input, plain::name_len(input), b' ')?;
    let (target, rest) = plain::until(rest, plain::visible_len(rest), b' ')?;
    let (version, lines) = rest.split_first_chunk::<10>()?;
    let old = match version {
        b"HTTP/1.1\r\n" => false,
        b"HTTP/1.0\r\n" => true,
        _ => return None,
    };
    let (fields, end) = fields_at_once(input, lines, limits, old)?;
    let fields_at = input.len().saturating_sub(lines.len());
    request_of(input, method, target, &fields, fields_at, limits).ok().map(|request| (request, end))
}

/// The same for a response.
#[inline]
pub(crate) fn response_at_once(input: &[u8], limits: &Limits) -> Option<(Response, usize)> {
    let (version, rest) = input.split_first_chunk::<9>()?;
    let old = match version {
        b"HTTP/1.1 " => false,
        b"HTTP/1.0 " => true,
        _ => return None,
    };
    let (code, rest) = rest.split_first_chunk::<3>()?;
    let reason = rest.strip_prefix(b" ")?;
    let [b'\r', b'\n', lines @ ..] = reason.get(plain::text_len(reason)..)? else { return None };
    let status = grammar::decimal(code).and_then(|code| u16::try_from(code).ok())?;
    let (fields, end) = fields_at_once(input, lines, limits, old)?;
    let fields_at = input.len().saturating_sub(lines.len());
    response_of(status, &fields, fields_at).ok().map(|response| (response, end))
}

/// The field lines, `lines`, at the end of `input`; where their blank line ends, too.
#[inline(always)]
fn fields_at_once(input: &[u8], lines: &[u8], limits: &Limits, old: bool) -> Option<(Fields, usize)> {
    let mut fields = Fields::new(old);
    let mut count = 0usize;
    let mut rest = lines;
    let rest = loop {
        if let [b'\r', b'\n', rest @ ..] = rest {
            break rest;
        }
        let (name, after) = plain::until(rest, plain::name_len(rest), b':')?;
        let after = after.strip_prefix(b" ").unwrap_or(after);
        let (value, after) = after.split_at_checked(plain::text_len(after))?;
        let [b'\r', b'\n', next @ ..] = after else { return None };
        // That of a field is a little less.
        if rest.len().saturating_sub(next.len()) > limits.field {
            return None;
        }
        if may_matter(name) {
            fields.take(input, name, grammar::trim(value)).ok()?;
        }
        count = count.saturating_add(1);
        rest = next;
    };
    let end = input.len().saturating_sub(rest.len());
    if end > limits.head {
        return None;
    }
    fields.finish(count, limits).ok()?;
    Some((fields, end))
}

/// Takes apart a request head; `scan` has found its end, and `head` is all of it.
pub(crate) fn request(head: &[u8], scan: &Scan, limits: &Limits) -> Result<Request, Fault> {
    with_headers(scan, limits, |headers| {
        let mut parsed = httparse::Request::new(&mut []);
        match parsed.parse_with_uninit_headers(head, headers) {
            Ok(httparse::Status::Complete(n)) if n == head.len() => {
                let fields = Fields::read(head, parsed.headers, limits, parsed.version == Some(0))?;
                let method = parsed.method.unwrap_or_default().as_bytes();
                let target = parsed.path.unwrap_or_default().as_bytes();
                request_of(head, method, target, &fields, scan.first, limits)
            }
            Ok(_) => Err(Fault::bad("head", "a head ends with its first blank line")),
            Err(error) => Err(syntax(error, head)),
        }
    })
}

#[inline]
fn request_of(
    head: &[u8],
    method: &[u8],
    target: &[u8],
    fields: &Fields,
    fields_at: usize,
    limits: &Limits,
) -> Result<Request, Fault> {
    let at = method.len().saturating_add(1);
    if target.len() > limits.target {
        return Err(Fault::limit(Limit::Target, "the request-target is too long"));
    }
    let old = fields.old;
    let mut note = fields.note;
    let form = Target::read(method, target, at)?;
    // RFC 9112, section 3.2: a 1.1 request has exactly one Host, and every request at most one, a valid one.
    let authority = match (form.authority, fields.host.clone()) {
        (_, None) if !old => return Err(Fault::bad("host", "a request has a Host")),
        (Some(target), host) => {
            // Section 3.2.2: the target wins, and a proxy writes Host anew.
            if host.and_then(|host| head.get(host)) != head.get(target.clone()) {
                note = note.and(Note::REHOST);
            }
            Some(target)
        }
        (None, Some(host)) => Some(host).filter(|host| !host.is_empty()),
        (None, None) => {
            note = note.and(Note::REHOST);
            None
        }
    };
    if form.absolute {
        note = note.and(Note::ABSOLUTE);
    }
    let mut length = 0;
    let framing = match (fields.coding, fields.length) {
        (Coding::None, None) => Framing::None,
        (Coding::None, Some(n)) => {
            length = n;
            Framing::Length
        }
        // Section 6.1: both is how requests are smuggled; so is a coding in a version that has none.
        (_, Some(_)) => {
            return Err(Fault::bad("framing", "Content-Length and Transfer-Encoding exclude each other"));
        }
        (_, None) if old => return Err(Fault::bad("transfer_encoding", "HTTP/1.0 has no Transfer-Encoding")),
        (Coding::Chunked, None) => Framing::Chunked,
        (Coding::Unknown, None) => {
            return Err(Fault::with_status("transfer_encoding", "the only transfer-coding is chunked", 501));
        }
        (Coding::NotLast, None) => return Err(Fault::bad("transfer_encoding", "chunked comes last, and once")),
    };
    if method == b"CONNECT" && framing != Framing::None && (framing == Framing::Chunked || length > 0) {
        // RFC 9110, section 9.3.6: it has no content; what a body would be, the tunnel is.
        return Err(Fault::bad("connect", "CONNECT has no content"));
    }
    Ok(Request {
        note: note.with_framing(framing),
        length,
        method: 0..method.len(),
        authority,
        path: form.path,
        fields_at,
    })
}

/// Takes apart a response head; `scan` has found its end, and `head` is all of it.
///
/// The framing in the note is what the fields say. Whether a body follows at all depends on the request too.
pub(crate) fn response(head: &[u8], scan: &Scan, limits: &Limits) -> Result<Response, Fault> {
    with_headers(scan, limits, |headers| {
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        match config.parse_response_with_uninit_headers(&mut parsed, head, headers) {
            Ok(httparse::Status::Complete(n)) if n == head.len() => {
                let fields = Fields::read(head, parsed.headers, limits, parsed.version == Some(0))?;
                response_of(parsed.code.unwrap_or_default(), &fields, scan.first)
            }
            Ok(_) => Err(Fault::bad("head", "a head ends with its first blank line")),
            Err(error) => Err(syntax(error, head)),
        }
    })
}

#[inline]
fn response_of(status: u16, fields: &Fields, fields_at: usize) -> Result<Response, Fault> {
    if status < 100 {
        return Err(Fault::bad("status", "a status code has three digits, the first of them not 0"));
    }
    let framing = match (fields.coding, fields.length) {
        (Coding::None, None) => Framing::Close,
        (Coding::None, Some(_)) => Framing::Length,
        // RFC 9112, section 6.3: an attempt at response splitting, or a server that is as good as one.
        (_, Some(_)) => {
            return Err(Fault::bad("framing", "Content-Length and Transfer-Encoding exclude each other"));
        }
        (_, None) if fields.old => return Err(Fault::bad("transfer_encoding", "HTTP/1.0 has no Transfer-Encoding")),
        (Coding::Chunked, None) => Framing::Chunked,
        (Coding::Unknown | Coding::NotLast, None) => {
            return Err(Fault::bad("transfer_encoding", "the only transfer-coding is chunked"));
        }
    };
    Ok(Response { note: fields.note.with_framing(framing), status, length: fields.length, fields_at })
}

/// Refuses a trailer section that is not field lines, or says more than trailers may.
pub(crate) fn check_trailers(block: &[u8], scan: &Scan, limits: &Limits) -> Result<(), Fault> {
    if scan.lines > limits.fields {
        return Err(Fault::limit(Limit::Fields, "too many fields"));
    }
    let mut headers = vec![httparse::EMPTY_HEADER; scan.lines];
    match httparse::parse_headers(block, &mut headers) {
        Ok(httparse::Status::Complete((n, fields))) if n == block.len() => {
            for field in fields {
                // RFC 9110, section 6.5.1: what frames or routes a message comes before its content or not at all.
                if is_hop(field.name.as_bytes()) || is_fixed(field.name.as_bytes()) {
                    return Err(Fault::bad("trailers", "framing and routing fields have no place in trailers"));
                }
                if field.name.len().saturating_add(field.value.len()) > limits.field {
                    return Err(Fault::limit(Limit::Field, "a field is too long"));
                }
            }
            Ok(())
        }
        _ => Err(Fault::bad("trailers", "a trailer is a field line")),
    }
}

/// Whether a field is the connection's and ends at the next hop, whatever `Connection` says (RFC 9110, section 7.6.1).
pub(crate) fn is_hop(name: &[u8]) -> bool {
    match name.len() {
        2 => is_name(name, b"te"),
        7 => is_name(name, b"upgrade"),
        10 => is_name(name, b"connection") || is_name(name, b"keep-alive"),
        14 => is_name(name, b"http2-settings"),
        16 => is_name(name, b"proxy-connection"),
        17 => is_name(name, b"transfer-encoding"),
        _ => false,
    }
}

/// Whether a token is `known`, which is in lower case. The bit that case is in is set on every byte at once: of the
/// bytes that a token may hold, no other one becomes a letter or a hyphen that way.
#[inline]
pub(crate) fn is_name<const N: usize>(name: &[u8], known: &[u8; N]) -> bool {
    <&[u8; N]>::try_from(name)
        .is_ok_and(|name| name.iter().zip(known).fold(0, |differ, (a, b)| differ | ((a | 0x20) ^ b)) == 0)
}

/// Whether a field frames or addresses the message, so that no `Connection` may take it away.
pub(crate) fn is_fixed(name: &[u8]) -> bool {
    is_name(name, b"content-length") || is_name(name, b"host")
}

/// Runs `parse` with room for as many headers as there are lines.
#[inline]
fn with_headers<'b, T>(
    scan: &Scan,
    limits: &Limits,
    parse: impl FnOnce(&mut [MaybeUninit<Header<'b>>]) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // The first line is no field.
    let fields = scan.lines.saturating_sub(1);
    if fields <= INLINE {
        // Never initialised: setting up a large array costs as much as parsing a small head.
        let mut headers = [const { MaybeUninit::uninit() }; INLINE];
        return parse(&mut headers);
    }
    if fields > limits.fields.saturating_add(limits.cookie_crumbs) {
        return Err(Fault::limit(Limit::Fields, "too many fields"));
    }
    let mut headers = Vec::new();
    headers.resize_with(fields, MaybeUninit::uninit);
    parse(&mut headers)
}

/// What a parser's refusal means to the peer.
fn syntax(error: httparse::Error, head: &[u8]) -> Fault {
    match error {
        httparse::Error::HeaderName => Fault::bad("field_name", "a field name is a token with a colon right behind it"),
        httparse::Error::HeaderValue => Fault::bad("field_value", "a field value holds no control character"),
        httparse::Error::NewLine => Fault::bad("line_end", "a line ends with CR LF"),
        httparse::Error::Status => Fault::bad("status", "a status code has three digits"),
        httparse::Error::Version if is_foreign_version(head) => {
            Fault::with_status("version", "the versions spoken here are 1.0 and 1.1", 505)
        }
        httparse::Error::Version => Fault::bad("version", "a version is HTTP/1.0 or HTTP/1.1"),
        httparse::Error::Token => Fault::bad("start_line", "a start line is three parts with one space between them"),
        httparse::Error::TooManyHeaders => Fault::limit(Limit::Fields, "too many fields"),
    }
}

/// Whether the first line names a well-formed version that is not ours.
fn is_foreign_version(head: &[u8]) -> bool {
    let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
    let mut parts = line.split(|b| *b == b' ');
    let version = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(version @ [b'H', b'T', b'T', b'P', b'/', ..]), ..) => version,
        (_, _, Some(version), None) => version,
        _ => return false,
    };
    matches!(version, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'])
}

/// Where `part`, a slice of `whole`, lies in it.
#[inline]
pub(crate) fn span(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start..start.saturating_add(part.len())
}

/// What `Transfer-Encoding` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    None,
    Chunked,
    /// Another coding, chunked or not behind it.
    Unknown,
    /// Chunked, and something behind it.
    NotLast,
}

/// What the fields of either kind of head say.
struct Fields {
    note: Note,
    length: Option<u64>,
    coding: Coding,
    host: Option<Range<usize>>,
    /// HTTP/1.0.
    old: bool,
    upgrade: bool,
    upgrade_listed: bool,
    crumbs: usize,
    crumb_bytes: usize,
    options: usize,
}

impl Fields {
    #[inline]
    const fn new(old: bool) -> Self {
        Self {
            note: if old { Note::OLD } else { Note::new(0) },
            length: None,
            coding: Coding::None,
            host: None,
            old,
            upgrade: false,
            upgrade_listed: false,
            crumbs: 0,
            crumb_bytes: 0,
            options: 0,
        }
    }

    #[inline]
    fn read(head: &[u8], headers: &[Header<'_>], limits: &Limits, old: bool) -> Result<Self, Fault> {
        let mut seen = Self::new(old);
        for header in headers {
            let name = header.name.as_bytes();
            // No field of most heads can be too long, for the head is not.
            if head.len() > limits.field && name.len().saturating_add(header.value.len()) > limits.field {
                return Err(Fault::limit(Limit::Field, "a field is too long").at(span(head, name).start));
            }
            if may_matter(name) {
                seen.take(head, name, header.value)?;
            }
        }
        seen.finish(headers.len(), limits)?;
        Ok(seen)
    }

    /// One of those that [may matter](may_matter).
    #[inline]
    fn take(&mut self, head: &[u8], name: &[u8], value: &[u8]) -> Result<(), Fault> {
        match name.len() {
            4 if is_name(name, b"host") => {
                let host = span(head, value);
                let fault = if self.host.is_some() {
                    "a request has one Host"
                } else if !value.is_empty() && !grammar::is_authority(value) {
                    "Host is a host and a port"
                } else {
                    self.host = Some(host);
                    return Ok(());
                };
                return Err(Fault::bad("host", fault).at(host.start));
            }
            6 if is_name(name, b"cookie") => {
                self.crumbs = self.crumbs.saturating_add(1);
                self.crumb_bytes = self.crumb_bytes.saturating_add(name.len()).saturating_add(value.len());
            }
            10 if is_name(name, b"connection") => {
                self.note = self.note.and(Note::HOP);
                // What nearly everyone says.
                if is_name(value, b"keep-alive") {
                    self.note = self.note.and(Note::KEEP);
                    self.options = self.options.saturating_add(1);
                    return Ok(());
                }
                for option in grammar::list(value) {
                    self.options = self.options.saturating_add(1);
                    self.note = match option.len() {
                        5 if is_name(option, b"close") => self.note.and(Note::CLOSE),
                        10 if is_name(option, b"keep-alive") => self.note.and(Note::KEEP),
                        7 if is_name(option, b"upgrade") => {
                            self.upgrade_listed = true;
                            self.note
                        }
                        _ if is_hop(option) => self.note,
                        // Taking these away on somebody's word is how requests lose their shape at the next hop.
                        _ if is_fixed(option) => {
                            return Err(Fault::bad("connection", "Connection may not name Host or Content-Length"));
                        }
                        _ => self.note.and(Note::LISTED),
                    };
                }
                if self.options > OPTIONS {
                    return Err(Fault::bad("connection", "Connection names too many options"));
                }
            }
            14 if is_name(name, b"content-length") => {
                let at = span(head, value).start;
                // RFC 9112, section 6.3: anything but one number is an unrecoverable error. Two equal ones may be
                // taken for one; what has been through two writers already is refused here all the same.
                match (self.length, grammar::decimal(value)) {
                    (None, Some(length)) => self.length = Some(length),
                    _ => return Err(Fault::bad("content_length", "Content-Length is one decimal number").at(at)),
                }
                self.note = self.note.with_length_at(at);
            }
            17 if is_name(name, b"transfer-encoding") => {
                // A field without a coding in it is not the absence of one.
                let mut empty = true;
                for coding in grammar::list(value) {
                    empty = false;
                    let chunked = coding.eq_ignore_ascii_case(b"chunked");
                    self.coding = match self.coding {
                        Coding::Chunked | Coding::NotLast => Coding::NotLast,
                        Coding::None if chunked => Coding::Chunked,
                        Coding::None | Coding::Unknown => Coding::Unknown,
                    };
                }
                if empty {
                    return Err(Fault::bad("transfer_encoding", "Transfer-Encoding names a coding"));
                }
            }
            7 if is_name(name, b"upgrade") => {
                self.note = self.note.and(Note::HOP);
                self.upgrade = true;
            }
            2 | 10 | 14 | 16 if is_hop(name) => self.note = self.note.and(Note::HOP),
            _ => {}
        }
        Ok(())
    }

    /// What is known once all fields were seen, `count` of them.
    #[inline]
    fn finish(&mut self, count: usize, limits: &Limits) -> Result<(), Fault> {
        // RFC 9110, section 7.8: without the connection option it is not meant for us; in 1.0 it does not exist.
        if self.upgrade && self.upgrade_listed && !self.old {
            self.note = self.note.and(Note::UPGRADE);
        }
        if count.saturating_sub(self.crumbs) > limits.fields {
            return Err(Fault::limit(Limit::Fields, "too many fields"));
        }
        if self.crumbs > limits.cookie_crumbs {
            return Err(Fault::limit(Limit::CookieCrumbs, "too many cookie fields"));
        }
        if self.crumb_bytes > limits.cookie_bytes {
            return Err(Fault::limit(Limit::CookieBytes, "the cookies are too long"));
        }
        Ok(())
    }
}

/// The names that [`Fields::take`] looks for.
const MATTER: [&[u8]; 10] = [
    b"host",
    b"cookie",
    b"connection",
    b"content-length",
    b"transfer-encoding",
    b"te",
    b"upgrade",
    b"keep-alive",
    b"http2-settings",
    b"proxy-connection",
];

/// For each length of a name the first letters that matter, a bit each.
const FIRST: [u32; 18] = {
    let mut first = [0; 18];
    let mut n = 0;
    #[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)] // const: a mistake does not compile
    while n < MATTER.len() {
        first[MATTER[n].len()] |= 1 << (MATTER[n][0] & 0x1f);
        n += 1;
    }
    first
};

/// Tells most fields from those that matter, by length and first letter.
#[inline]
fn may_matter(name: &[u8]) -> bool {
    match (FIRST.get(name.len()), name.first()) {
        // The lower five bits of a letter are its place in the alphabet, in either case.
        (Some(letters), Some(first)) => letters & (1 << (first & 0x1f)) != 0,
        _ => false,
    }
}

/// What a request-target says (RFC 9112, section 3.2).
struct Target {
    authority: Option<Range<usize>>,
    path: Path,
    absolute: bool,
}

impl Target {
    /// `target` begins at `at` of the head.
    #[inline]
    fn read(method: &[u8], target: &[u8], at: usize) -> Result<Self, Fault> {
        let whole = at..at.saturating_add(target.len());
        let fault = |detail| Fault::bad("target", detail).at(at);
        if grammar::has(target, b'#') {
            return Err(fault("a request-target has no fragment"));
        }
        // Section 3.2.3: authority-form is CONNECT's, and CONNECT has no other.
        if method == b"CONNECT" {
            return if grammar::is_authority_with_port(target) {
                Ok(Self { authority: Some(whole), path: Path::None, absolute: false })
            } else {
                Err(fault("CONNECT names a host and a port"))
            };
        }
        match target {
            // Section 3.2.1: origin-form.
            [b'/', ..] => Ok(Self { authority: None, path: Path::At(whole), absolute: false }),
            // Section 3.2.4: asterisk-form.
            b"*" if method == b"OPTIONS" => Ok(Self { authority: None, path: Path::At(whole), absolute: false }),
            _ => Self::absolute(method, target, at).ok_or(fault("not a request-target of this method")),
        }
    }

    /// Section 3.2.2: absolute-form.
    fn absolute(method: &[u8], target: &[u8], at: usize) -> Option<Self> {
        let scheme = [&b"http://"[..], b"https://"]
            .into_iter()
            .find(|scheme| target.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?;
        let rest = target.get(scheme.len()..)?;
        let n = rest.iter().position(|b| matches!(b, b'/' | b'?')).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(n)?;
        // Userinfo has no place here, and an empty host in no http URI (RFC 9110, sections 4.2.1 and 4.2.4).
        if !grammar::is_authority(authority) {
            return None;
        }
        let start = at.saturating_add(scheme.len());
        let path_at = start.saturating_add(n);
        let path = match path.first() {
            Some(b'/') => Path::At(path_at..path_at.saturating_add(path.len())),
            Some(_) => Path::Written([b"/", path].concat()),
            None if method == b"OPTIONS" => Path::Written(b"*".to_vec()),
            None => Path::Written(b"/".to_vec()),
        };
        Some(Self { authority: Some(start..path_at), path, absolute: true })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scan::Found;

    /// What [`request_at_once`] may come to, were it not in a hurry.
    fn request_in_two_walks(input: &[u8], limits: &Limits) -> Option<(Request, usize)> {
        let mut scan = Scan::default();
        let Found::End(end) = scan.run(input) else { return None };
        if end > limits.head {
            return None;
        }
        request(&input[..end], &scan, limits).ok().map(|request| (request, end))
    }

    /// The same for [`response_at_once`].
    fn response_in_two_walks(input: &[u8], limits: &Limits) -> Option<(Response, usize)> {
        let mut scan = Scan::default();
        let Found::End(end) = scan.run(input) else { return None };
        if end > limits.head {
            return None;
        }
        response(&input[..end], &scan, limits).ok().map(|response| (response, end))
    }

    const PIECES: [&str; 56] = [
        "GET",
        "POST",
        "CONNECT",
        "OPTIONS",
        "HEAD",
        " ",
        "/",
        "*",
        "/a?b",
        "a:80",
        "http://a/b",
        "HTTP/1.1",
        "HTTP/1.0",
        "HTTP/2.0",
        "\r\n",
        "\r\n",
        "\r\n",
        "\n",
        "\r",
        "\r\n\r\n",
        "\r\n\r\n",
        "Host: a",
        "Host:",
        "host:  b:80 ",
        "Host: a b",
        ":",
        ": ",
        "Content-Length: 5",
        "Content-Length: x",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: x",
        "Connection: close",
        "Connection: upgrade, x",
        "Connection:keep-alive",
        "Upgrade: x",
        "Cookie: a=b",
        "cookie:c",
        "TE: x",
        "X_y-1: v",
        "X.y!: v",
        "X y: v",
        "X: \t",
        "X:\tv\t",
        "X: v\u{e9}",
        "X: \u{7f}",
        "X: \0",
        "#",
        "\t",
        "x",
        ",",
        "\u{1f}",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "GET /a HTTP/1.0\r\n",
        "X-Very-Long-Field-Name-Of-Many-Letters: and a value that is not of few letters either",
        "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n",
    ];

    fn check(input: &[u8], limits: &Limits) -> bool {
        let quick = request_at_once(input, limits);
        if quick.is_some() {
            let slow = request_in_two_walks(input, limits);
            assert_eq!(format!("{quick:?}"), format!("{slow:?}"), "{}", String::from_utf8_lossy(input));
        }
        let answer = response_at_once(input, limits);
        if answer.is_some() {
            let slow = response_in_two_walks(input, limits);
            assert_eq!(format!("{answer:?}"), format!("{slow:?}"), "{}", String::from_utf8_lossy(input));
        }
        quick.is_some() || answer.is_some()
    }

    proptest! {
        #[test]
        fn what_is_taken_at_once_is_taken_the_long_way(
            start in prop::sample::select(&PIECES[51..53]),
            pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12),
            fields in prop::collection::vec(prop::sample::select(&PIECES[21..46]), 0..6),
            tight in any::<bool>(),
        ) {
            let mut limits = Limits::default();
            if tight {
                (limits.head, limits.field, limits.fields, limits.target) = (80, 20, 2, 3);
                (limits.cookie_crumbs, limits.cookie_bytes) = (1, 8);
            }
            check(pieces.concat().as_bytes(), &limits);
            check(format!("{start}{}\r\n\r\n", pieces.concat()).as_bytes(), &limits);
            let fields = fields.join("\r\n");
            check(format!("{start}{fields}\r\n\r\nrest").as_bytes(), &limits);
            for line in ["HTTP/1.1 200 OK\r\n", "HTTP/1.0 404 \r\n", "HTTP/1.1 099 x\r\n", "HTTP/1.1 204\r\n"] {
                check(format!("{line}{fields}\r\n\r\nrest").as_bytes(), &limits);
                check(format!("{line}{}\r\n\r\n", pieces.concat()).as_bytes(), &limits);
            }
        }
    }

    #[test]
    fn any_byte_anywhere_is_taken_alike() {
        let limits = Limits::default();
        let mut taken = 0;
        for head in [
            &b"POST /a?b HTTP/1.1\r\nHost: a.b:80\r\nContent-Length: 3\r\nX-Y_z:  a b \r\nEmpty:\r\n\r\nabc"[..],
            b"HTTP/1.1 200 A reason\r\nConnection: close\r\nContent-Length: 3\r\nX: y\r\n\r\nabc",
        ] {
            assert!(check(head, &limits), "a plain head is taken at once");
            for at in 0..head.len() {
                for byte in 0..=u8::MAX {
                    let mut other = head.to_vec();
                    other[at] = byte;
                    taken += usize::from(check(&other, &limits));
                    other[at] = head[at];
                    other.insert(at, byte);
                    taken += usize::from(check(&other, &limits));
                }
                let mut other = head.to_vec();
                other.remove(at);
                taken += usize::from(check(&other, &limits));
                assert!(!check(&head[..at.min(head.len() - 4)], &limits), "half a head is none");
            }
        }
        assert!(taken > 1000, "{taken}");
    }

    #[test]
    fn what_matters_is_looked_at_in_any_case() {
        for name in MATTER {
            assert!(may_matter(name) && may_matter(&name.to_ascii_uppercase()));
            assert!(is_hop(name) || is_fixed(name) || *name == *b"cookie", "nobody looks for it");
        }
        for name in [&b""[..], b"a", b"accept", b"user-agent", b"x-request-id", &[b'h'; 70]] {
            assert!(!may_matter(name));
        }
    }
}
