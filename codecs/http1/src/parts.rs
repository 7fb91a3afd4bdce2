//! Heads to and from the parts of the `http` crate's requests and answers, which hyper and what is built on it use.
//!
//! What comes in is checked by the parser that reads peers; what goes out is what the codec would write, edits and the
//! duties of an intermediary included. Heads of HTTP/2 go out too, in HTTP/1.1's terms.
//!
//! | here | there |
//! | --- | --- |
//! | request-target | the URI, in the same form: a path, absolute, `*`, or an authority for CONNECT |
//! | `Host` | the field; where it is missing, the authority of the URI |
//! | version 1.0 | the version; all others are 1.1 here |
//! | cookies of a message of HTTP/2 | one field (RFC 9113, section 8.2.3) |
//!
//! A `HeaderMap` keeps the order of fields of one name only, and no name's case; the parts of an answer have no reason
//! phrase. Extensions are not looked at. That a value is [sensitive](http::HeaderValue::is_sensitive) cannot be said in
//! HTTP/1.1.
//!
//! ```
//! use meshwire::{Attr, RoutingKey};
//! use meshwire_http1::parts;
//!
//! let request = http::Request::get("/users?id=1").header("host", "example.com").header("connection", "close");
//! let mut head = parts::from_request(&request.body(())?.into_parts().0, true)?;
//! assert_eq!(head.host(), Attr::Value(b"example.com"));
//!
//! head.set_service(b"users.internal")?;
//! head.forward();
//! let parts = parts::to_request(&head)?;
//! assert_eq!((parts.headers["host"].as_bytes(), parts.headers.len()), (&b"users.internal"[..], 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri, Version, request, response};
use meshwire::{EncodeError, Head, Kind, Limits, Output, RoutingKey, StreamId};

use crate::body::check_trailers;
use crate::build::{bodyless_note, end_of, invalid, is_interim, request_head, response_head, trailers};
use crate::format::{self, line};
use crate::note::{Framing, Note};
use crate::scan::{Found, Scan};
use crate::write::{self, Connection, Frame, Handshake, Plan};
use crate::{grammar, parse, status, upgrade};

/// The head of a request; `end` where no body follows. Behind a CONNECT, or an `Upgrade`, may be a tunnel, which does
/// not end here.
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a server would refuse it, by the default limits.
pub fn from_request(parts: &request::Parts, end: bool) -> Result<Head, EncodeError> {
    let uri = &parts.uri;
    let path = uri.path_and_query().map(|path| path.as_str());
    let newer = parts.version >= Version::HTTP_2;
    let target = match (uri.authority(), path) {
        // An extended one (RFC 8441) has more, and no way to say it here.
        (Some(authority), None) => authority.to_string(),
        (Some(_), _) if parts.method == Method::CONNECT => return Err(invalid("CONNECT names a host and a port")),
        (Some(_), Some(path)) if newer && path.starts_with('?') => format!("/{path}"),
        (Some(_), Some(path)) if newer => path.to_owned(),
        (Some(_), Some(_)) => uri.to_string(),
        (None, path) => path.unwrap_or_default().to_owned(),
    };
    let version = if parts.version <= Version::HTTP_10 { "1.0" } else { "1.1" };
    if !grammar::is_target(target.as_bytes()) {
        return Err(invalid("a start line is a method and a request-target"));
    }
    let mut bytes = format!("{} {target} HTTP/{version}\r\n", parts.method).into_bytes();
    let host = uri.authority().filter(|_| newer || !parts.headers.contains_key(HOST));
    if let Some(host) = host {
        put(&mut bytes, HOST.as_str(), host.as_str().as_bytes());
    }
    put_map(&mut bytes, &parts.headers, |name| (newer && name == COOKIE) || (host.is_some() && name == HOST));
    if newer && parts.headers.contains_key(COOKIE) {
        let crumbs: Vec<_> =
            parts.headers.get_all(COOKIE).iter().map(|crumb| grammar::trim(crumb.as_bytes())).collect();
        put(&mut bytes, COOKIE.as_str(), &crumbs.join(&b"; "[..]));
    }
    bytes.extend_from_slice(b"\r\n");
    let (at, scan) = end_of(&bytes)?;
    let parsed = parse::request(&bytes, &scan, &Limits::default()).map_err(|fault| invalid(fault.detail))?;
    if end && parsed.note.framing() == Framing::Length && parsed.length > 0 {
        return Err(invalid("the body has another length than Content-Length says"));
    }
    let mut head = request_head(parsed, StreamId::NEW, bytes.into(), at);
    let switch = parts.method == Method::CONNECT || upgrade::mark(&mut head, |_| true);
    head.set_end(end && !switch);
    Ok(head)
}

/// The head of an answer; `end` where no body follows, as behind the answer to a HEAD. One before the answer (1xx) is
/// itself whole.
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a client would refuse it, by the default limits.
pub fn from_response(parts: &response::Parts, end: bool) -> Result<Head, EncodeError> {
    let code = parts.status.as_u16();
    let version = if parts.version <= Version::HTTP_10 { "1.0" } else { "1.1" };
    let mut bytes = format!("HTTP/{version} {code} {}\r\n", status::reason(code)).into_bytes();
    put_map(&mut bytes, &parts.headers, |_| false);
    bytes.extend_from_slice(b"\r\n");
    let (at, scan) = end_of(&bytes)?;
    let parsed = parse::response(&bytes, &scan, &Limits::default()).map_err(|fault| invalid(fault.detail))?;
    let bodyless = matches!(code, 100..=199 | 204 | 304);
    let note = if bodyless { bodyless_note(parsed.note, code) } else { parsed.note };
    let kind = if is_interim(code) { Kind::Interim } else { Kind::Response };
    let mut head = response_head(note, code, parsed.fields_at, kind, StreamId::NEW, bytes.into(), at);
    let switch = code == 101;
    if switch {
        upgrade::mark(&mut head, |_| true);
    }
    head.set_end((end || is_interim(code)) && !switch);
    Ok(head)
}

/// The head of trailers.
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a peer would refuse them, by the default limits.
pub fn from_trailers(map: &HeaderMap) -> Result<Head, EncodeError> {
    let mut section = Vec::new();
    put_map(&mut section, map, |_| false);
    section.extend_from_slice(b"\r\n");
    let (mut scan, limits) = (Scan::default(), Limits::default());
    if scan.run(&section) != Found::End(section.len()) || section.len().saturating_sub(2) > limits.trailers {
        return Err(invalid("trailers that are too long"));
    }
    if !map.is_empty() {
        parse::check_trailers(&section, &scan, &limits).map_err(|fault| invalid(fault.detail))?;
    }
    Ok(trailers(StreamId::NEW, section.into()))
}

/// Puts the fields of a map, apart from those that are `skipped`. What they are made of was checked as the map was made.
fn put_map(out: &mut Vec<u8>, map: &HeaderMap, skipped: impl Fn(&HeaderName) -> bool) {
    for (name, value) in map.iter().filter(|(name, _)| !skipped(name)) {
        put(out, name.as_str(), grammar::trim(value.as_bytes()));
    }
}

fn put(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// The parts of a request, as the codec would write it.
///
/// # Errors
///
/// [`EncodeError::NoPlace`] where the `http` crate does not take something that HTTP/1.1 does, as a URI with certain
/// characters; and for an extended CONNECT of HTTP/2, whose handshake only a connection can make. And whatever the codec
/// would refuse to write.
pub fn to_request(head: &Head) -> Result<request::Parts, EncodeError> {
    if !head.kind().is_request() {
        return Err(invalid("not a request"));
    }
    let written = written(head)?;
    let mut start = first_line(&written).splitn(3, |b| *b == b' ');
    let mut part = || start.next().unwrap_or_default();
    let mut parts = Request::new(()).into_parts().0;
    parts.method = Method::from_bytes(part()).map_err(|_| no_place("this method"))?;
    parts.uri = Uri::try_from(part()).map_err(|_| no_place("this request-target"))?;
    parts.version = version(part());
    parts.headers = map(&written)?;
    Ok(parts)
}

/// The parts of an answer, as the codec would write it.
///
/// # Errors
///
/// As [`to_request`].
pub fn to_response(head: &Head) -> Result<response::Parts, EncodeError> {
    if !matches!(head.kind(), Kind::Response | Kind::Interim) {
        return Err(invalid("not an answer"));
    }
    let written = written(head)?;
    let mut start = first_line(&written).splitn(3, |b| *b == b' ');
    let mut part = || start.next().unwrap_or_default();
    let mut parts = Response::new(()).into_parts().0;
    parts.version = version(part());
    parts.status = StatusCode::from_bytes(part()).map_err(|_| no_place("this status"))?;
    parts.headers = map(&written)?;
    Ok(parts)
}

/// The map of trailers, as the codec would write them.
///
/// # Errors
///
/// As [`to_request`].
pub fn to_trailers(head: &Head) -> Result<HeaderMap, EncodeError> {
    if head.kind() != Kind::Trailers {
        return Err(invalid("not trailers"));
    }
    check_trailers(head)?;
    let mut map = HeaderMap::new();
    for (name, value) in head.fields().into_iter().flatten() {
        append(&mut map, name, value)?;
    }
    Ok(map)
}

/// The head's bytes on the wire.
fn written(head: &Head) -> Result<Vec<u8>, EncodeError> {
    write::check_semantics(head)?;
    let note = format::note(head);
    let said = |what: Note| note.is_some_and(|note| note.has(what) && !note.has(Note::FORWARDED));
    let framing = match note {
        Some(note) if note.has(Note::STRAY) => Frame::None,
        Some(note) if note.framing() == Framing::Chunked => Frame::Chunked,
        _ => Frame::Describe,
    };
    let connection = match head.upgrade() {
        Some(_) if note.is_none() => {
            return Err(no_place("a tunnel of HTTP/2, whose handshake here is a connection's"));
        }
        Some(protocol) => Connection::Upgrade(protocol),
        None if said(Note::CLOSE) => Connection::Close,
        None if said(Note::KEEP) => Connection::KeepAlive,
        None => Connection::Default,
    };
    let plan = Plan { framing, connection, via: None, strip: false, handshake: Handshake::None };
    let mut output = Output::new();
    write::put_head(head, &plan, &mut output)?;
    Ok(output.take())
}

fn first_line(written: &[u8]) -> &[u8] {
    written.split(|b| *b == b'\r').next().unwrap_or_default()
}

fn version(text: &[u8]) -> Version {
    if text == b"HTTP/1.0" { Version::HTTP_10 } else { Version::HTTP_11 }
}

/// The field lines behind the first line.
fn map(written: &[u8]) -> Result<HeaderMap, EncodeError> {
    let mut map = HeaderMap::new();
    let mut at = first_line(written).len().saturating_add(2);
    while let Some((name, value, next)) = line(written, at) {
        append(&mut map, name, value)?;
        at = next;
    }
    Ok(map)
}

fn append(map: &mut HeaderMap, name: &[u8], value: &[u8]) -> Result<(), EncodeError> {
    let name = HeaderName::from_bytes(name).map_err(|_| no_place("a name this long"))?;
    let value = HeaderValue::from_bytes(grammar::trim(value)).map_err(|_| no_place("a value with a control"))?;
    map.try_append(name, value).map(|_| ()).map_err(|_| no_place("so many fields"))
}

const fn no_place(what: &'static str) -> EncodeError {
    EncodeError::NoPlace { protocol: "the `http` crate", what }
}

#[cfg(test)]
mod tests {
    use meshwire::{Attr, Attribute, Conn, Endpoint, Event, Protocol, Step};

    use super::*;
    use crate::Http1;

    /// As a server reads it.
    fn read(text: &str) -> Head {
        let mut server = Endpoint::new(Http1::default().codec(Conn::server()));
        server.input().extend_from_slice(text.as_bytes());
        match server.decode() {
            Ok(Step::Event(Event::Head(head))) => head,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    fn request(method: &str, uri: &str, version: Version, fields: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder().method(method).uri(uri).version(version);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn answer(status: u16, fields: &[(&str, &str)]) -> response::Parts {
        let mut parts = Response::new(()).into_parts().0;
        parts.status = StatusCode::from_u16(status).unwrap();
        parts.headers = request("GET", "/", Version::HTTP_11, fields).headers;
        parts
    }

    fn field<'a>(parts: &'a request::Parts, name: &str) -> &'a str {
        parts.headers[name].to_str().unwrap()
    }

    fn built(parts: &request::Parts) -> String {
        String::from_utf8(from_request(parts, false).unwrap().head_bytes().to_vec()).unwrap()
    }

    #[test]
    fn requests_go_there_and_back() {
        for text in [
            "GET /a?b=/c HTTP/1.1\r\nhost: h:1\r\nx: y\r\nx: z\r\n\r\n",
            "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n",
            "PUT http://u/a HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\nconnection: close, x\r\n\r\n",
            "POST //a HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntrailer: x\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nhost: \r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n",
            "GET /chat HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: h\r\ncookie: a\r\ncookie: b\r\nempty: \r\n\r\n",
        ] {
            let head = read(text);
            let parts = to_request(&head).unwrap();
            let again = from_request(&parts, head.is_end()).unwrap();
            assert_eq!(again.head_bytes(), text.as_bytes());
            assert_eq!((again.note(), again.is_end(), again.upgrade()), (head.note(), head.is_end(), head.upgrade()));
            for attribute in Attribute::ALL {
                assert_eq!(again.attribute(attribute), head.attribute(attribute), "{text:?}: {attribute}");
            }
        }
    }

    #[test]
    fn a_request_of_a_client_is_completed() {
        let to = |uri, version, fields: &[_]| built(&request("GET", uri, version, fields));
        let http11 = Version::HTTP_11;
        assert_eq!(
            to("http://h:1?q", http11, &[("x", " y ")]),
            "GET http://h:1/?q HTTP/1.1\r\nhost: h:1\r\nx: y\r\n\r\n"
        );
        assert_eq!(to("http://u/", http11, &[("host", "h")]), "GET http://u/ HTTP/1.1\r\nhost: h\r\n\r\n");
        let http2 = Version::HTTP_2;
        let crumbs = [("cookie", "a=b"), ("host", "other"), ("x", "y"), ("cookie", "c=d")];
        assert_eq!(
            to("https://h/a?b", http2, &crumbs),
            "GET /a?b HTTP/1.1\r\nhost: h\r\nx: y\r\ncookie: a=b; c=d\r\n\r\n"
        );
        assert_eq!(to("https://h?q", http2, &[]), "GET /?q HTTP/1.1\r\nhost: h\r\n\r\n");
        assert_eq!(to("/", http2, &[("host", "h")]), "GET / HTTP/1.1\r\nhost: h\r\n\r\n");
    }

    #[test]
    fn edits_and_forwarding_are_in_the_parts() {
        let text = "GET http://u/a HTTP/1.1\r\nHost: h\r\nConnection: close, x\r\nX: 1\r\nUpgrade: y\r\nA: 2\r\n\r\n";
        let mut head = read(text);
        head.set_field(b"a", b"3").unwrap();
        let parts = to_request(&head).unwrap();
        assert_eq!((parts.uri.to_string().as_str(), field(&parts, "connection")), ("http://u/a", "close"));
        head.forward();
        let parts = to_request(&head).unwrap();
        assert_eq!((parts.uri.to_string().as_str(), field(&parts, "host"), field(&parts, "a")), ("/a", "u", "3"));
        assert_eq!(parts.headers.len(), 2);
        let mut head = read(text);
        head.set_service(b"v").unwrap();
        head.set_attribute(Attribute::Path, b"/b").unwrap();
        head.forward();
        let parts = to_request(&head).unwrap();
        assert_eq!((parts.uri.to_string().as_str(), field(&parts, "host")), ("/b", "v"));
    }

    #[test]
    fn what_a_peer_would_refuse_is_not_made() {
        for (method, uri, field) in [
            ("GET", "/", None),
            ("GET", "h:1", Some(("host", "h:1"))),
            ("GET", "http://u@h/", None),
            ("GET", "ftp://h/", None),
            ("GET", "*", Some(("host", "h"))),
            ("CONNECT", "h", None),
            ("CONNECT", "/", Some(("host", "h"))),
            ("CONNECT", "http://h:1/", None),
            ("GET", "http://h/", Some(("host", "a b"))),
            ("GET", "http://h/", Some(("content-length", "x"))),
            ("GET", "http://h/", Some(("transfer-encoding", "gzip"))),
            ("GET", "http://h/", Some(("connection", "host"))),
        ] {
            let parts = request(method, uri, Version::HTTP_11, field.as_slice());
            assert!(
                matches!(from_request(&parts, false), Err(EncodeError::Invalid { .. })),
                "{method} {uri} {field:?}"
            );
        }
        let two = [("content-length", "1"), ("transfer-encoding", "chunked")];
        assert!(from_request(&request("PUT", "http://h/", Version::HTTP_11, &two), false).is_err());
        assert!(from_request(&request("PUT", "http://h/", Version::HTTP_11, &two[..1]), true).is_err());
        let hosts = [("host", "h"), ("host", "h")];
        assert!(from_request(&request("GET", "/", Version::HTTP_11, &hosts), true).is_err());
        assert!(from_response(&answer(200, &two), false).is_err());
        let many = [("x", "y"); 200];
        assert!(
            from_response(&answer(200, &many), false).is_err() && from_trailers(&answer(200, &many).headers).is_err()
        );
        for field in [("host", "h"), ("content-length", "1"), ("connection", "x")] {
            assert!(from_trailers(&answer(200, &[field]).headers).is_err());
        }
    }

    #[test]
    fn answers_go_there_and_back() {
        for (status, fields) in [
            (200, &[("content-length", "5"), ("x", "y"), ("x", "z")][..]),
            (200, &[("transfer-encoding", "chunked"), ("connection", "close")]),
            (404, &[("content-type", "text/plain")]),
            (304, &[("content-length", "5")]),
            (103, &[("link", "x")]),
            (101, &[("connection", "upgrade"), ("upgrade", "websocket")]),
        ] {
            let parts = answer(status, fields);
            let head = from_response(&parts, false).unwrap();
            assert_eq!(head.status(), Some(u32::from(status)));
            assert_eq!(head.is_end(), status == 103);
            let again = to_response(&head).unwrap();
            assert_eq!((again.status, again.version, again.headers), (parts.status, parts.version, parts.headers));
        }
        let mut head = from_response(&answer(204, &[("content-length", "5"), ("connection", "close")]), true).unwrap();
        head.forward();
        assert!(to_response(&head).unwrap().headers.is_empty() && head.is_end());
        let switch = answer(101, &[("upgrade", "x"), ("connection", "upgrade")]);
        assert!(!from_response(&switch, true).unwrap().is_end());
    }

    #[test]
    fn trailers_go_there_and_back() {
        let map = answer(200, &[("x", "y"), ("x", "z"), ("a", "")]).headers;
        let mut head = from_trailers(&map).unwrap();
        assert_eq!((to_trailers(&head).unwrap(), head.is_end()), (map, true));
        head.set_field(b"X", b"1").unwrap();
        assert_eq!(to_trailers(&head).unwrap()["x"], "1");
        assert!(to_trailers(&from_trailers(&HeaderMap::new()).unwrap()).unwrap().is_empty());
        assert!(to_request(&head).is_err() && to_response(&head).is_err());
        assert!(to_trailers(&read("GET / HTTP/1.0\r\n\r\n")).is_err());
    }

    #[test]
    fn what_the_crate_does_not_take_is_not_dropped() {
        let head = read("GET /< HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(matches!(to_request(&head), Err(EncodeError::NoPlace { .. })));
        assert_eq!(head.attribute(Attribute::Path), Attr::Value(b"/<"));
    }
}
