//! Heads to and from the parts of the `http` crate's requests and answers, which hyper and what is built on it use.
//!
//! What comes in is checked by the rules that hold for peers; what goes out is what the codec would write, edits and the
//! duties of an intermediary included. Heads of HTTP/1.1 go out too, in HTTP/2's terms.
//!
//! | here | there |
//! | --- | --- |
//! | `:method`, `:status` | the method, the status |
//! | `:scheme`, `:authority`, `:path` | the URI; its scheme is `http` where it has none |
//! | `:authority` missing, `host` instead | a URI without scheme and authority, and the field |
//! | `:protocol` of an extended CONNECT (RFC 8441) | [`Protocol`] among the extensions |
//! | a field that is never to be indexed | a value that is [sensitive](http::HeaderValue::is_sensitive) |
//!
//! A `HeaderMap` keeps the order of fields of one name only. Pseudo-fields lose their order and their flag; of
//! extensions none but [`Protocol`] is looked at, and the version of what comes in is not: what is wrong in HTTP/2
//! (`Connection` and its like) is refused, whatever the version says.
//!
//! ```
//! use meshwire::{Attr, Attribute, RoutingKey};
//! use meshwire_http2::parts;
//!
//! let request = http::Request::post("http://example.com/pkg.Users/Find").header("content-type", "application/grpc");
//! let mut head = parts::from_request(&request.body(())?.into_parts().0, false)?;
//! assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"pkg.Users"));
//!
//! head.set_service(b"pkg.People")?;
//! assert_eq!(parts::to_request(&head)?.uri, "http://example.com/pkg.People/Find");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{Method, Request, Response, StatusCode, Version, request, response, uri};
use meshwire::{EncodeError, Head, Kind, Limits, StreamId};

use crate::build::{invalid, refused, take};
use crate::grpc::Flavor;
use crate::hpack::{Field, FieldList, Known, ListLimits};
use crate::message::{self, Asked, Rules};
use crate::rules;
use crate::write::{self, Sink, Terms};

/// The protocol that an extended CONNECT asks for, among a request's extensions: what `hyper::ext::Protocol` is to hyper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol(Box<str>);

impl Protocol {
    /// One of this name: `websocket`.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The head of a request; `end` where no body follows. Behind a CONNECT is a tunnel, which does not end here.
///
/// ```
/// use meshwire_http2::parts::{self, Protocol};
///
/// let request = http::Request::connect("http://example.com/chat").extension(Protocol::new("websocket")).body(())?;
/// let head = parts::from_request(&request.into_parts().0, false)?;
/// assert_eq!(head.upgrade(), Some(&b"websocket"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a server would refuse it, by the default limits.
pub fn from_request(parts: &request::Parts, end: bool) -> Result<Head, EncodeError> {
    let protocol = parts.extensions.get::<Protocol>();
    let bare = parts.method == Method::CONNECT && protocol.is_none();
    let mut list = FieldList::new(ListLimits::of(&Limits::default()));
    let mut put = |name: &[u8], value: Option<&str>| {
        if let Some(value) = value {
            list.push(&Field::new(name, value.as_bytes()));
        }
    };
    let path = parts.uri.path_and_query().map(PathAndQuery::as_str);
    // `http://host?query`.
    let slashed = path.filter(|path| path.starts_with('?')).map(|path| format!("/{path}"));
    put(b":method", Some(parts.method.as_str()));
    put(b":protocol", protocol.map(Protocol::as_str));
    put(b":scheme", parts.uri.scheme_str().or((!bare).then_some("http")));
    put(b":authority", parts.uri.authority().map(Authority::as_str));
    put(b":path", slashed.as_deref().or(path));
    push_map(&mut list, &parts.headers);
    let rules = Rules { extended_connect: true };
    let (mut head, facts) = message::request(take(list)?, StreamId::NEW, end, rules).map_err(refused)?;
    head.set_end(end && !facts.connect);
    Ok(head)
}

/// The head of an answer; `end` where no body follows, as behind the answer to a HEAD. One before the answer (1xx) never
/// ends its stream.
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a client would refuse it, by the default limits.
pub fn from_response(parts: &response::Parts, end: bool) -> Result<Head, EncodeError> {
    let end = end && !parts.status.is_informational();
    let mut list = FieldList::new(ListLimits::of(&Limits::default()));
    list.push(&Field::new(b":status", parts.status.as_str().as_bytes()));
    push_map(&mut list, &parts.headers);
    // Whether it answers a HEAD is not known here: only then may it tell a length and end.
    let asked = Asked { is_head: end, ..Asked::default() };
    message::response(take(list)?, StreamId::NEW, end, asked).map(|(head, _)| head).map_err(refused)
}

/// The head of trailers.
///
/// # Errors
///
/// [`EncodeError::Invalid`] where a peer would refuse them, by the default limits.
pub fn from_trailers(map: &HeaderMap) -> Result<Head, EncodeError> {
    let mut list = FieldList::new(ListLimits::of(&Limits::default()));
    push_map(&mut list, map);
    message::trailers(take(list)?, StreamId::NEW, Flavor::Http).map_err(refused)
}

fn push_map(list: &mut FieldList, map: &HeaderMap) {
    for (name, value) in map {
        let field = Field::new(name.as_str().as_bytes(), rules::trim(value.as_bytes()));
        list.push(&field.never_indexed(value.is_sensitive()));
    }
}

/// The parts of a request, of version 2, as the codec would write it.
///
/// # Errors
///
/// [`EncodeError::NoPlace`] where the `http` crate does not take something that HTTP/2 does: a URI with certain
/// characters, a value with a control. And whatever the codec would refuse to write.
pub fn to_request(head: &Head) -> Result<request::Parts, EncodeError> {
    if !head.kind().is_request() {
        return Err(invalid("not a request"));
    }
    let mut taken = Taken::default();
    write::request(head, &Terms { extended_connect: true, ..Terms::default() }, &mut taken)?;
    let taken = taken.done()?;
    let mut uri = taken.uri;
    if uri.authority.is_none() {
        // What names no host has no place for a scheme either.
        uri.scheme = None;
    }
    let mut parts = Request::new(()).into_parts().0;
    parts.version = Version::HTTP_2;
    parts.method = taken.method.ok_or(invalid("a request has a :method"))?;
    parts.uri = Uri::from_parts(uri).map_err(|_| no_place("these parts of a URI together"))?;
    parts.headers = taken.map;
    if let Some(protocol) = taken.protocol {
        parts.extensions.insert(protocol);
    }
    Ok(parts)
}

/// The parts of an answer, of version 2, as the codec would write it.
///
/// # Errors
///
/// As [`to_request`].
pub fn to_response(head: &Head) -> Result<response::Parts, EncodeError> {
    if !matches!(head.kind(), Kind::Response | Kind::Interim) {
        return Err(invalid("not an answer"));
    }
    let mut taken = Taken::default();
    write::response(head, Asked::default(), &mut taken)?;
    let taken = taken.done()?;
    let mut parts = Response::new(()).into_parts().0;
    parts.version = Version::HTTP_2;
    parts.status = taken.status.ok_or(invalid("an answer has a :status"))?;
    parts.headers = taken.map;
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
    let mut taken = Taken::default();
    write::trailers(head, &mut taken)?;
    taken.done().map(|taken| taken.map)
}

/// What the codec writes, field by field.
#[derive(Default)]
struct Taken {
    method: Option<Method>,
    status: Option<StatusCode>,
    protocol: Option<Protocol>,
    uri: uri::Parts,
    map: HeaderMap,
    /// The first that was not taken.
    error: Option<EncodeError>,
}

impl Sink for Taken {
    fn put(&mut self, field: &Field<'_>) {
        if let Err(error) = self.take(field) {
            self.error.get_or_insert(error);
        }
    }
}

impl Taken {
    fn take(&mut self, field: &Field<'_>) -> Result<(), EncodeError> {
        let value = field.value;
        match field.known {
            Known::METHOD => self.method = Some(Method::from_bytes(value).map_err(|_| no_place("this method"))?),
            Known::STATUS => self.status = Some(StatusCode::from_bytes(value).map_err(|_| no_place("this status"))?),
            Known::SCHEME => self.uri.scheme = Some(Scheme::try_from(value).map_err(|_| no_place("this scheme"))?),
            Known::AUTHORITY => {
                self.uri.authority = Some(Authority::try_from(value).map_err(|_| no_place("this authority"))?);
            }
            Known::PATH => {
                self.uri.path_and_query = Some(PathAndQuery::try_from(value).map_err(|_| no_place("this path"))?);
            }
            Known::PROTOCOL => self.protocol = Some(Protocol::new(String::from_utf8_lossy(value))),
            _ => {
                let name = HeaderName::from_bytes(field.name).map_err(|_| no_place("a name this long"))?;
                let mut value = HeaderValue::from_bytes(value).map_err(|_| no_place("a value with a control"))?;
                value.set_sensitive(field.never_indexed);
                self.map.try_append(name, value).map_err(|_| no_place("so many fields"))?;
            }
        }
        Ok(())
    }

    fn done(mut self) -> Result<Self, EncodeError> {
        self.error.take().map_or(Ok(self), Err)
    }
}

const fn no_place(what: &'static str) -> EncodeError {
    EncodeError::NoPlace { protocol: "the `http` crate", what }
}

#[cfg(test)]
mod tests {
    use meshwire::{Attribute, Outcome, RoutingKey};

    use super::*;
    use crate::testing::{Pairs, block, foreign_request, foreign_response, foreign_trailers, lines};

    fn head(fields: Pairs<'_>) -> Head {
        message::request(block(fields), StreamId::new(1), false, Rules { extended_connect: true }).unwrap().0
    }

    fn request(method: &str, uri: &str, fields: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn built(parts: &request::Parts) -> Vec<String> {
        lines(from_request(parts, false).unwrap().head_bytes())
    }

    #[test]
    fn requests_go_there_and_back() {
        let (m, s, p, a) = ((":method", "PUT"), (":scheme", "https"), (":path", "/a?b=/c"), (":authority", "h:1"));
        let connect = (":method", "CONNECT");
        let cases: &[(&str, Pairs<'_>)] = &[
            ("https://h:1/a?b=/c", &[m, s, a, p, ("x", "y"), ("x", "z"), ("cookie", "a"), ("te", "trailers")]),
            ("/a?b=/c", &[m, (":scheme", "http"), p, ("host", "h")]),
            ("https://h:1/a?b=/c", &[m, s, a, p, ("host", "H:1"), ("content-length", "3")]),
            ("https://h:1*", &[(":method", "OPTIONS"), s, a, (":path", "*")]),
            ("a:1", &[connect, (":authority", "a:1")]),
            ("https://h:1/a?b=/c", &[connect, (":protocol", "websocket"), s, a, p]),
            ("/s/m", &[m, (":scheme", "http"), (":path", "/s/m"), ("content-type", "application/grpc")]),
        ];
        for (uri, fields) in cases {
            let head = head(fields);
            let parts = to_request(&head).unwrap();
            assert_eq!((parts.uri.to_string().as_str(), parts.version), (*uri, Version::HTTP_2));
            let again = from_request(&parts, false).unwrap();
            assert_eq!(lines(again.head_bytes()), lines(head.head_bytes()), "{uri}");
            for attribute in Attribute::ALL {
                assert_eq!(again.attribute(attribute), head.attribute(attribute), "{uri}: {attribute}");
            }
            assert_eq!((again.upgrade(), again.note()), (head.upgrade(), head.note()));
        }
    }

    #[test]
    fn what_is_sensitive_is_never_indexed_either_way() {
        let mut parts = request("GET", "http://h/", &[("a", "1"), ("b", "2")]);
        parts.headers.get_mut("b").unwrap().set_sensitive(true);
        let mut head = from_request(&parts, true).unwrap();
        assert_eq!(lines(head.head_bytes())[4..], ["a: 1", "!b: 2"]);
        head.set_field(b"B", b"3").unwrap();
        let parts = to_request(&head).unwrap();
        assert_eq!(parts.headers["b"], "3");
        assert!(parts.headers["b"].is_sensitive() && !parts.headers["a"].is_sensitive());

        let mut parts = Response::new(()).into_parts().0;
        parts.headers = request("GET", "/", &[("set-cookie", "1")]).headers;
        parts.headers.get_mut("set-cookie").unwrap().set_sensitive(true);
        let head = from_response(&parts, true).unwrap();
        assert_eq!(lines(head.head_bytes()), [":status: 200", "!set-cookie: 1"]);
        assert!(to_response(&head).unwrap().headers["set-cookie"].is_sensitive());
        let head = from_trailers(&parts.headers).unwrap();
        assert!(to_trailers(&head).unwrap()["set-cookie"].is_sensitive());
    }

    #[test]
    fn a_uri_is_completed() {
        assert_eq!(built(&request("GET", "/a", &[])), [":method: GET", ":scheme: http", ":path: /a"]);
        let whole = [":method: GET", ":scheme: https", ":authority: h"];
        assert_eq!(built(&request("GET", "https://h", &[("x", " y ")]))[..3], whole);
        assert_eq!(built(&request("GET", "https://h", &[("x", " y ")]))[3..], [":path: /", "x: y"]);
        assert_eq!(built(&request("GET", "https://h?q", &[]))[3..], [":path: /?q"]);
    }

    #[test]
    fn where_messages_end() {
        let end = |parts: &request::Parts, end| from_request(parts, end).unwrap().is_end();
        let get = request("GET", "http://h/", &[]);
        assert!(end(&get, true) && !end(&get, false));
        assert!(!end(&request("CONNECT", "h:1", &[]), true));
        let mut parts = Response::new(()).into_parts().0;
        parts.headers = request("GET", "/", &[("content-length", "5")]).headers;
        // The answer to a HEAD, for all that is known.
        assert!(from_response(&parts, true).unwrap().is_end() && !from_response(&parts, false).unwrap().is_end());
        parts.status = StatusCode::EARLY_HINTS;
        parts.headers.clear();
        let early = from_response(&parts, true).unwrap();
        assert_eq!((early.kind(), early.is_end()), (Kind::Interim, false));
        assert_eq!(to_response(&early).unwrap().status, StatusCode::EARLY_HINTS);
        assert!(from_request(&request("PUT", "http://h/", &[("content-length", "5")]), true).is_err());
    }

    #[test]
    fn what_a_peer_would_refuse_is_not_made() {
        for (method, uri, field) in [
            ("GET", "http://u@h/", None),
            ("GET", "http://h:99999999/", None),
            ("GET", "http://h/", Some(("connection", "close"))),
            ("GET", "http://h/", Some(("transfer-encoding", "chunked"))),
            ("GET", "http://h/", Some(("upgrade", "websocket"))),
            ("GET", "http://h/", Some(("te", "gzip"))),
            ("GET", "http://h/", Some(("host", "other"))),
            ("GET", "*", None),
            ("GET", "h:1", None),
            ("CONNECT", "h", None),
            ("CONNECT", "http://h:1/", None),
        ] {
            let parts = request(method, uri, field.as_slice());
            assert!(
                matches!(from_request(&parts, false), Err(EncodeError::Invalid { .. })),
                "{method} {uri} {field:?}"
            );
        }
        let mut parts = request("GET", "http://h/", &[]);
        parts.extensions.insert(Protocol::new("websocket"));
        assert!(from_request(&parts, false).is_err());
        parts.method = Method::CONNECT;
        assert!(from_request(&parts, false).is_ok());
        let many = request("GET", "http://h/", &[("x", "y"); 200]);
        assert!(from_request(&many, false).is_err() && from_trailers(&many.headers).is_err());
        let mut parts = Response::new(()).into_parts().0;
        parts.status = StatusCode::SWITCHING_PROTOCOLS;
        assert!(from_response(&parts, false).is_err());
        assert!(from_trailers(&request("GET", "/", &[("host", "h")]).headers).is_err());
    }

    #[test]
    fn what_the_crate_does_not_take_is_not_dropped() {
        let get = |path, value| head(&[(":method", "GET"), (":scheme", "http"), (":path", path), ("x", value)]);
        for head in [get("/<", "y"), get("/", "a\x01b")] {
            assert!(matches!(to_request(&head), Err(EncodeError::NoPlace { .. })), "{head:?}");
        }
        let head = get("/", "y");
        assert!(to_response(&head).is_err() && to_trailers(&head).is_err());
        let trailers = from_trailers(&HeaderMap::new()).unwrap();
        assert!(to_request(&trailers).is_err() && to_response(&trailers).is_err());
    }

    #[test]
    fn heads_of_another_version_go_out_in_the_terms_of_this_one() {
        let head = foreign_request("GET", "/a", "Host:h\nConnection:X-Gone\nX-Gone:1\nX-A:1\n");
        let parts = to_request(&head).unwrap();
        assert_eq!((parts.uri.to_string().as_str(), parts.headers.len()), ("http://h/a", 1));
        let parts = to_request(&foreign_request("GET", "/a", "Host:h\nUpgrade:websocket\n")).unwrap();
        assert_eq!((parts.method, parts.extensions.get()), (Method::CONNECT, Some(&Protocol::new("websocket"))));
        let parts = to_response(&foreign_response(404, "X-A:1\nKeep-Alive:1\n")).unwrap();
        assert_eq!((parts.status.as_u16(), parts.headers.len()), (404, 1));
        assert_eq!(to_trailers(&foreign_trailers("X-A:1\n")).unwrap()["x-a"], "1");
    }

    #[test]
    fn answers_of_grpc() {
        let mut parts = Response::new(()).into_parts().0;
        parts.headers = request("GET", "/", &[("content-type", "application/grpc"), ("grpc-status", "14")]).headers;
        assert_eq!(from_response(&parts, true).unwrap().outcome(), Outcome::Unavailable);
        parts.headers.remove("grpc-status");
        assert_eq!(from_response(&parts, true).unwrap().outcome(), Outcome::BadResponse);
        assert_eq!(from_response(&parts, false).unwrap().outcome(), Outcome::Unknown);
    }
}
