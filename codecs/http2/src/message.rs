//! Decoded blocks become heads: every rule of RFC 9113, section 8, in one walk over the fields.

use bytes::Bytes;
use meshwire::{Attribute, Head, Kind, Outcome, StreamId};

use crate::format::{ANSWER, CALL, REQUEST};
use crate::grpc::{self, Flavor};
use crate::note::{Note, Protocol};
use crate::rules::{self, Malformed};
use crate::seen::{At, Section, Seen};
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
    /// The length that the body must have; 0 where there can be none.
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
    /// An answer that has no body, whatever it says of its length (RFC 9110, section 6.4.1).
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
    let mut seen = Seen::new();
    seen.read(&block, Section::Request)?;
    let (authority, note) = seen.check_request(&block, rules)?;
    let connect = note.has(Note::CONNECT);
    if (end || connect) && seen.length.is_some_and(|n| n != 0) {
        return Err(LENGTH);
    }
    let facts = Facts {
        content_length: seen.length.filter(|_| !connect),
        flavor: seen.flavor,
        is_head: note.has(Note::IS_HEAD),
        connect,
        protocol: note.protocol(),
        interim: false,
        bodyless: false,
    };
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
    let mut seen = Seen::new();
    seen.read(&block, Section::Response)?;
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
        content_length: length_of(seen.length, stray, bodyless),
        flavor: seen.flavor,
        is_head: false,
        connect,
        protocol,
        interim,
        bodyless,
    };
    if end && facts.content_length.is_some_and(|n| n != 0) {
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

/// The length that an answer's body must have, of what `content-length` says.
pub(crate) const fn length_of(said: Option<u64>, stray: bool, bodyless: bool) -> Option<u64> {
    match (stray, bodyless) {
        (true, _) => None,
        (_, true) => Some(0),
        _ => said,
    }
}

/// The fields behind a body, which was of `flavor`. They end their stream: that they do is for the caller to check.
pub(crate) fn trailers(block: Bytes, stream: StreamId, flavor: Flavor) -> Result<Head, Malformed> {
    let mut seen = Seen::new();
    seen.read(&block, Section::Trailers)?;
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
impl Seen {
    /// Sections 8.3.1 and 8.5; RFC 8441, section 4. Where the authority is comes back.
    #[inline]
    fn check_request(&self, block: &[u8], rules: Rules) -> Result<(At, Note), Malformed> {
        let mut note = Note::of(self.flavor);
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
        // Behind a CONNECT is a tunnel, which has no length.
        if self.length.is_some() {
            note = note.and(if note.has(Note::CONNECT) { Note::STRAY } else { Note::LENGTH });
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use meshwire::{Attr, RoutingKey};

    use super::*;
    use crate::hpack::Field;
    use crate::testing::{Pairs, block, get};

    const EXTENDED: Rules = Rules { extended_connect: true };
    const ONE: StreamId = StreamId::new(1);

    fn read(fields: Pairs<'_>) -> Result<(Head, Facts), Malformed> {
        request(block(fields), ONE, false, EXTENDED)
    }

    fn answer(fields: Pairs<'_>, asked: Asked) -> Result<(Head, Facts), Malformed> {
        response(block(fields), ONE, false, asked)
    }

    /// `GET` with these fields behind it.
    fn with(fields: Pairs<'_>) -> Result<(Head, Facts), Malformed> {
        read(&[&get(), fields].concat())
    }

    fn code<T>(result: Result<T, Malformed>) -> &'static str {
        result.map_or_else(|malformed| malformed.code, |_| "fine")
    }

    #[test]
    fn pseudo_fields() {
        let (m, s, p, a) = ((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"));
        let cases: &[(&str, Pairs<'_>)] = &[
            ("fine", &[m, s, p, a]),
            ("fine", &[a, p, s, m]),
            ("fine", &[m, s, p]),
            ("pseudo", &[s, p, a]),
            ("pseudo", &[m, p, a]),
            ("pseudo", &[m, s, a]),
            ("pseudo", &[]),
            ("pseudo", &[m, m, s, p, a]),
            ("pseudo", &[m, s, s, p, a]),
            ("pseudo", &[m, s, p, p, a]),
            ("pseudo", &[m, s, p, a, a]),
            ("pseudo", &[m, s, p, a, (":status", "200")]),
            ("pseudo", &[m, s, p, a, (":other", "x")]),
            ("pseudo", &[m, s, p, a, (":protocol", "websocket")]),
            ("fine", &[m, s, p, a, ("x", "y")]),
            ("pseudo", &[m, s, p, ("x", "y"), a]),
            ("pseudo", &[m, s, p, ("x", "y"), (":other", "x")]),
            ("field_name", &[m, s, p, (":Authority", "a")]),
            ("method", &[(":method", ""), s, p, a]),
            ("method", &[(":method", "G T"), s, p, a]),
            ("fine", &[(":method", "get"), s, p, a]),
            ("scheme", &[m, (":scheme", ""), p, a]),
            ("scheme", &[m, (":scheme", "ht tp"), p, a]),
            ("fine", &[m, (":scheme", "HTTPS"), p, a]),
            ("path", &[m, s, (":path", ""), a]),
            ("path", &[m, s, (":path", "*"), a]),
            ("path", &[m, s, (":path", "a"), a]),
            ("path", &[m, s, (":path", "http://a/"), a]),
            ("path", &[m, s, (":path", "/a b"), a]),
            ("path", &[m, s, (":path", "/a#b"), a]),
            ("path", &[m, s, (":path", "/a\r\nx:y"), a]),
            ("path", &[m, s, (":path", "/a\0"), a]),
            ("path", &[m, s, (":path", " /a"), a]),
            ("fine", &[m, s, (":path", "/a?b=c%20d"), a]),
            ("fine", &[(":method", "OPTIONS"), s, (":path", "*"), a]),
            ("fine", &[m, (":scheme", "coap"), (":path", "a"), a]),
            ("path", &[m, (":scheme", "coap"), (":path", ""), a]),
        ];
        for (expected, fields) in cases {
            assert_eq!(code(read(fields)), *expected, "{fields:?}");
        }
    }

    #[test]
    fn authorities() {
        let (m, s, p) = ((":method", "GET"), (":scheme", "http"), (":path", "/"));
        let cases: &[(&str, Pairs<'_>)] = &[
            ("authority", &[m, s, p, (":authority", "")]),
            ("authority", &[m, s, p, (":authority", "user@a")]),
            ("authority", &[m, s, p, (":authority", "a b")]),
            ("authority", &[m, s, p, (":authority", "a/b")]),
            ("authority", &[m, s, p, (":authority", "a:99999")]),
            ("fine", &[m, s, p, (":authority", "[::1]:80")]),
            ("fine", &[m, s, p, (":authority", "a"), ("host", "A")]),
            ("fine", &[m, s, p, (":authority", "a:80"), ("host", "a")]),
            ("authority", &[m, s, p, (":authority", "a:443"), ("host", "a")]),
            ("authority", &[m, s, p, (":authority", "a"), ("host", "b")]),
            ("authority", &[m, s, p, (":authority", "a"), ("host", "")]),
            ("fine", &[m, s, p, ("host", "")]),
            ("fine", &[m, s, p, ("host", "a")]),
            ("authority", &[m, s, p, ("host", "a@b")]),
            ("host", &[m, s, p, ("host", "a"), ("host", "a")]),
        ];
        for (expected, fields) in cases {
            assert_eq!(code(read(fields)), *expected, "{fields:?}");
        }
        let host =
            |fields: Pairs<'_>| read(fields).unwrap().0.attribute(Attribute::Authority).value().map(<[u8]>::to_vec);
        assert_eq!(host(&[m, s, p, ("host", "a")]), Some(b"a".to_vec()));
        assert_eq!(host(&[m, s, p, (":authority", "A:80"), ("host", "a")]), Some(b"A:80".to_vec()));
        assert_eq!(host(&[m, s, p, ("host", "")]), None);
    }

    #[test]
    fn fields() {
        let cases: &[(&str, Pairs<'_>)] = &[
            ("fine", &[("x-y_z!", "v"), ("x-y_z!", ""), ("cookie", "a=b"), ("cookie", "c=d")]),
            ("field_name", &[("X", "v")]),
            ("field_name", &[("", "v")]),
            ("field_name", &[("a b", "v")]),
            ("field_name", &[("a:b", "v")]),
            ("field_name", &[("a\u{e9}", "v")]),
            ("field_name", &[(":", "v")]),
            ("field_value", &[("x", " v")]),
            ("field_value", &[("x", "v\t")]),
            ("field_value", &[("x", "a\rb")]),
            ("field_value", &[("x", "a\nb")]),
            ("field_value", &[("x", "a\0b")]),
            ("fine", &[("x", "a b\tc \u{e9}")]),
            ("connection_field", &[("connection", "close")]),
            ("connection_field", &[("keep-alive", "1")]),
            ("connection_field", &[("proxy-connection", "x")]),
            ("connection_field", &[("upgrade", "websocket")]),
            ("connection_field", &[("transfer-encoding", "chunked")]),
            ("connection_field", &[("te", "gzip")]),
            ("connection_field", &[("te", "trailers, gzip")]),
            ("connection_field", &[("te", "")]),
            ("fine", &[("te", "trailers")]),
            ("fine", &[("trailer", "x")]),
            ("fine", &[("content-length", "0")]),
            ("fine", &[("content-length", "18446744073709551615")]),
            ("content_length", &[("content-length", "18446744073709551616")]),
            ("content_length", &[("content-length", "")]),
            ("content_length", &[("content-length", "+1")]),
            ("content_length", &[("content-length", "1, 1")]),
            ("content_length", &[("content-length", "1"), ("content-length", "1")]),
        ];
        for (expected, fields) in cases {
            assert_eq!(code(with(fields)), *expected, "{fields:?}");
        }
    }

    #[test]
    fn connects() {
        let (m, a) = ((":method", "CONNECT"), (":authority", "a:443"));
        let (s, p, w) = ((":scheme", "https"), (":path", "/chat"), (":protocol", "websocket"));
        let cases: &[(&str, Pairs<'_>)] = &[
            ("fine", &[m, a]),
            ("fine", &[m, a, ("host", "a:443")]),
            ("pseudo", &[m, s, a]),
            ("pseudo", &[m, p, a]),
            ("authority", &[m]),
            ("authority", &[m, ("host", "a:443")]),
            ("authority", &[m, (":authority", "a")]),
            ("authority", &[m, (":authority", "a:")]),
            ("authority", &[m, a, ("host", "b:443")]),
            ("fine", &[m, a, ("content-length", "0")]),
            ("content_length", &[m, a, ("content-length", "1")]),
            ("fine", &[m, w, s, p, a]),
            ("pseudo", &[m, w, s, a]),
            ("pseudo", &[m, w, p, a]),
            ("pseudo", &[m, w, w, s, p, a]),
            ("protocol", &[m, (":protocol", ""), s, p, a]),
            ("protocol", &[m, (":protocol", "a b"), s, p, a]),
            ("content_length", &[m, w, s, p, a, ("content-length", "1")]),
        ];
        for (expected, fields) in cases {
            assert_eq!(code(read(fields)), *expected, "{fields:?}");
        }
        let unannounced = request(block(&[m, w, s, p, a]), ONE, false, Rules::default());
        assert_eq!(code(unannounced), "pseudo");

        let (head, facts) = read(&[m, a, ("content-length", "0")]).unwrap();
        assert_eq!((facts.connect, facts.protocol, facts.content_length), (true, Protocol::None, None));
        assert_eq!((head.upgrade(), head.attribute(Attribute::Path)), (None, Attr::Absent));
        let (head, facts) = read(&[m, w, s, p, a]).unwrap();
        assert_eq!((facts.connect, facts.protocol), (true, Protocol::Websocket));
        assert_eq!(head.upgrade(), Some(&b"websocket"[..]));
        assert_eq!(head.attribute(Attribute::Verb), Attr::Value(b"CONNECT"));
    }

    #[test]
    fn the_end_of_a_stream_tells_its_length() {
        let end = |fields: Pairs<'_>| code(request(block(&[&get(), fields].concat()), ONE, true, EXTENDED));
        assert_eq!(end(&[]), "fine");
        assert_eq!(end(&[("content-length", "0")]), "fine");
        assert_eq!(end(&[("content-length", "1")]), "content_length");
        let end = |fields: Pairs<'_>, asked| code(response(block(fields), ONE, true, asked));
        let head = Asked { is_head: true, ..Asked::default() };
        for (expected, status, asked) in [
            ("content_length", "200", Asked::default()),
            ("fine", "204", Asked::default()),
            ("fine", "304", Asked::default()),
            ("fine", "200", head),
        ] {
            assert_eq!(end(&[(":status", status), ("content-length", "5")], asked), expected, "{status}");
        }
    }

    #[test]
    fn answers() {
        let ok = (":status", "200");
        let cases: &[(&str, Pairs<'_>)] = &[
            ("fine", &[ok]),
            ("pseudo", &[]),
            ("pseudo", &[("x", "y")]),
            ("pseudo", &[ok, ok]),
            ("pseudo", &[("x", "y"), ok]),
            ("pseudo", &[ok, (":path", "/")]),
            ("pseudo", &[ok, ("x", "y"), (":path", "/")]),
            ("pseudo", &[(":method", "GET"), ok]),
            ("pseudo", &[ok, (":x", "/")]),
            ("status", &[(":status", "")]),
            ("status", &[(":status", "20")]),
            ("status", &[(":status", "2000")]),
            ("status", &[(":status", "099")]),
            ("status", &[(":status", "2x0")]),
            ("status", &[(":status", "101")]),
            ("fine", &[(":status", "100")]),
            ("fine", &[(":status", "999")]),
            ("connection_field", &[ok, ("te", "trailers")]),
            ("connection_field", &[ok, ("connection", "close")]),
            ("content_length", &[ok, ("content-length", "1"), ("content-length", "2")]),
            ("fine", &[ok, ("host", "a"), ("host", "b")]),
        ];
        for (expected, fields) in cases {
            assert_eq!(code(answer(fields, Asked::default())), *expected, "{fields:?}");
        }
        assert_eq!(code(response(block(&[(":status", "103")]), ONE, true, Asked::default())), "interim");
        let (head, facts) = answer(&[(":status", "103"), ("content-length", "5")], Asked::default()).unwrap();
        assert_eq!((head.kind(), head.status()), (Kind::Interim, Some(103)));
        assert_eq!((facts.interim, facts.bodyless, facts.content_length), (true, true, None));
    }

    #[test]
    fn what_an_answer_is_depends_on_what_was_asked() {
        let fields: Pairs<'_> = &[(":status", "200"), ("content-length", "5")];
        let (_, facts) = answer(fields, Asked::default()).unwrap();
        assert_eq!((facts.content_length, facts.bodyless, facts.connect), (Some(5), false, false));
        let (_, facts) = answer(fields, Asked { is_head: true, ..Asked::default() }).unwrap();
        assert_eq!((facts.content_length, facts.bodyless), (Some(0), true));
        let asked = Asked { connect: true, protocol: Protocol::Websocket, ..Asked::default() };
        let (head, facts) = answer(fields, asked).unwrap();
        assert_eq!((facts.content_length, facts.connect), (None, true));
        assert_eq!(head.upgrade(), Some(&b"websocket"[..]));
        let (head, facts) = answer(&[(":status", "404"), ("content-length", "5")], asked).unwrap();
        assert_eq!((facts.content_length, facts.connect, head.upgrade()), (Some(5), false, None));
        let (_, facts) = answer(&[(":status", "304"), ("content-length", "5")], Asked::default()).unwrap();
        assert_eq!((facts.content_length, facts.bodyless), (Some(0), true));
    }

    #[test]
    fn trailer_sections() {
        let cases: &[(&str, Pairs<'_>)] = &[
            ("fine", &[]),
            ("fine", &[("grpc-status", "0"), ("x", "y")]),
            ("pseudo", &[(":status", "200")]),
            ("pseudo", &[("x", "y"), (":path", "/")]),
            ("pseudo", &[(":x", "y")]),
            ("connection_field", &[("te", "trailers")]),
            ("connection_field", &[("connection", "x")]),
            ("trailers", &[("content-length", "0")]),
            ("trailers", &[("host", "a")]),
            ("field_name", &[("X", "y")]),
        ];
        for (expected, fields) in cases {
            assert_eq!(code(trailers(block(fields), ONE, Flavor::Http)), *expected, "{fields:?}");
        }
        let outcome = |fields, flavor| trailers(block(fields), ONE, flavor).unwrap().outcome();
        assert_eq!(outcome(&[("x", "y"), ("grpc-status", "4")], Flavor::Grpc), Outcome::Timeout);
        assert_eq!(outcome(&[("grpc-status", "x")], Flavor::Grpc), Outcome::BadResponse);
        assert_eq!(outcome(&[], Flavor::Grpc), Outcome::BadResponse);
        assert_eq!(outcome(&[], Flavor::Http), Outcome::Unknown);
        let head = trailers(block(&[("grpc-status", "99")]), ONE, Flavor::Grpc).unwrap();
        assert_eq!((head.status(), head.outcome(), head.kind()), (Some(99), Outcome::Unknown, Kind::Trailers));
        assert_eq!(head.field(b"grpc-status"), Attr::Value(b"99"));
    }

    #[test]
    fn attributes_of_plain_requests() {
        let (head, facts) =
            with(&[("tri-service-group", "g"), ("grpc-timeout", "1S"), ("content-type", "a/b")]).unwrap();
        for (attribute, value) in [
            (Attribute::Verb, Attr::Value(&b"GET"[..])),
            (Attribute::Method, Attr::Value(b"GET")),
            (Attribute::Path, Attr::Value(b"/users?id=1")),
            (Attribute::Authority, Attr::Value(b"example.com")),
            (Attribute::Service, Attr::Value(b"example.com")),
            (Attribute::Version, Attr::Absent),
            (Attribute::Group, Attr::Value(b"g")),
        ] {
            assert_eq!(head.attribute(attribute), value, "{attribute}");
        }
        assert_eq!((facts.flavor, facts.is_head, head.timeout()), (Flavor::Http, false, Some(Duration::from_secs(1))));
        assert_eq!(head.fields().unwrap().count(), 3);
        assert_eq!(head.field(b"content-type"), Attr::Value(b"a/b"));
        assert_eq!((head.field(b":path"), head.stream(), head.is_end()), (Attr::Absent, ONE, false));
        let mut fields = get();
        fields[0] = (":method", "HEAD");
        assert!(read(&fields).unwrap().1.is_head);
    }

    #[test]
    fn attributes_of_calls() {
        let call = |path: &'static str, more: Pairs<'_>| {
            let front =
                [(":method", "POST"), (":scheme", "http"), (":path", path), ("content-type", "application/grpc")];
            read(&[&front, more].concat()).unwrap()
        };
        let (head, facts) = call("/pkg.Users/Find", &[("tri-service-version", "1.0"), ("grpc-timeout", "x")]);
        for (attribute, value) in [
            (Attribute::Verb, Attr::Value(&b"POST"[..])),
            (Attribute::Method, Attr::Value(b"Find")),
            (Attribute::Service, Attr::Value(b"pkg.Users")),
            (Attribute::Path, Attr::Value(b"/pkg.Users/Find")),
            (Attribute::Authority, Attr::Absent),
            (Attribute::Version, Attr::Value(b"1.0")),
            (Attribute::Group, Attr::Absent),
        ] {
            assert_eq!(head.attribute(attribute), value, "{attribute}");
        }
        assert_eq!((facts.flavor, head.timeout()), (Flavor::Grpc, None));
        let (head, _) = call("/health", &[]);
        assert_eq!(
            (head.attribute(Attribute::Service), head.attribute(Attribute::Method)),
            (Attr::Absent, Attr::Absent)
        );
    }

    #[test]
    fn a_value_longer_than_a_span_can_say_is_there_all_the_same() {
        let path = format!("/{}", "a".repeat(70_000));
        let mut list = crate::hpack::FieldList::new(crate::hpack::ListLimits {
            list: usize::MAX,
            field: usize::MAX,
            fields: 9,
            cookie_crumbs: 9,
            cookie_bytes: 9,
        });
        for (name, value) in [(":method", "GET"), (":scheme", "http"), (":path", &path)] {
            list.push(&Field::new(name.as_bytes(), value.as_bytes()));
        }
        let (head, _) = request(list.take(), ONE, true, EXTENDED).unwrap();
        assert_eq!(head.attribute(Attribute::Path), Attr::Value(path.as_bytes()));
    }

    #[test]
    fn outcomes() {
        let grpc = ("content-type", "application/grpc");
        let web = ("content-type", "application/grpc-web");
        let asked = Asked { flavor: Flavor::Grpc, ..Asked::default() };
        for (fields, end, asked, expected) in [
            (&[("x", "y")][..], true, Asked::default(), Outcome::Success),
            (&[grpc], false, asked, Outcome::Unknown),
            (&[grpc], false, Asked::default(), Outcome::Unknown),
            (&[grpc], true, asked, Outcome::BadResponse),
            (&[("content-type", "text/html")], false, asked, Outcome::BadResponse),
            (&[grpc, ("grpc-status", "0")], true, asked, Outcome::Success),
            (&[("grpc-status", "12"), ("grpc-status", "0")], true, asked, Outcome::NoRoute),
            (&[("grpc-status", "12")], true, Asked::default(), Outcome::Success),
            (&[grpc, ("grpc-status", "")], true, asked, Outcome::BadResponse),
            (&[web], false, asked, Outcome::Unknown),
        ] {
            let (head, _) = response(block(&[&[(":status", "200")], fields].concat()), ONE, end, asked).unwrap();
            assert_eq!((head.outcome(), head.status()), (expected, Some(200)), "{fields:?}");
        }
        for (status, expected) in [("503", Outcome::Unavailable), ("404", Outcome::NoRoute)] {
            let (head, _) = response(block(&[(":status", status)]), ONE, true, asked).unwrap();
            assert_eq!(head.outcome(), expected);
        }
        let (head, _) = response(block(&[(":status", "503"), ("grpc-status", "4")]), ONE, true, asked).unwrap();
        assert_eq!(head.outcome(), Outcome::Timeout);
    }
}
