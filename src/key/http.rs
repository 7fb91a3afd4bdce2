//! Routing keys of the `http` crate's requests: those of hyper, and of all that is built on it.

use http::header::{CONTENT_TYPE, HOST, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, request};

use super::{Attr, Attribute, RoutingKey};
use crate::head::Fields;

/// A request that hyper has read routes as the head of the same bytes does:
///
/// | attribute | from |
/// | --- | --- |
/// | authority | the authority of the URI, else `Host` |
/// | path | path and query of the URI; a CONNECT has none |
/// | verb | the method |
/// | service, method | of gRPC over HTTP/2 (by `content-type`) the parts of the path; else the authority and the verb |
/// | version, group | `tri-service-version`, `tri-service-group`, over HTTP/2 |
///
/// Parts are not checked as a codec checks a head. Where a message could be read in two ways (the URI's authority and
/// another `Host`, two of them, userinfo), the first of what the table names counts; `parts::from_request` of the codecs
/// makes of it what the codec would, which refuses most of that. And a URI in absolute-form without a path has the path
/// `/`: a query behind it, and that an `OPTIONS` means the whole server, are not seen.
///
/// ```
/// # #[cfg(feature = "yaml")] {
/// use meshwire::{Attr, Attribute, RouteTable, RoutingKey};
/// use meshwire::route::Target;
///
/// let table = RouteTable::from_yaml("
/// virtual_hosts:
///   - hosts: [shop.example.com]
///     routes:
///       - match: {service: pkg.Orders, fields: [{name: tenant, exact: blue}]}
///         cluster: blue
///       - cluster: others
/// ")?;
/// let request = http::Request::post("http://shop.example.com/pkg.Orders/Find")
///     .version(http::Version::HTTP_2)
///     .header("content-type", "application/grpc")
///     .header("tenant", "blue")
///     .body(())?;
/// let (parts, ()) = request.into_parts();
/// assert_eq!(parts.attribute(Attribute::Method), Attr::Value(b"Find"));
/// let found = table.lookup(&parts, 0).map_err(|miss| miss.to_string())?;
/// assert_eq!(found.target(), Target::Cluster("blue"));
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
impl RoutingKey for request::Parts {
    fn attribute(&self, attribute: Attribute) -> Attr<'_> {
        View { method: &self.method, uri: &self.uri, version: self.version, fields: &self.headers }.attribute(attribute)
    }

    fn fields(&self) -> Option<Fields<'_>> {
        Some(Fields::from_headers(&self.headers))
    }
}

/// The same as its parts.
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
impl<B> RoutingKey for Request<B> {
    fn attribute(&self, attribute: Attribute) -> Attr<'_> {
        View { method: self.method(), uri: self.uri(), version: self.version(), fields: self.headers() }
            .attribute(attribute)
    }

    fn fields(&self) -> Option<Fields<'_>> {
        Some(Fields::from_headers(self.headers()))
    }
}

const VERSION: HeaderName = HeaderName::from_static("tri-service-version");
const GROUP: HeaderName = HeaderName::from_static("tri-service-group");

#[derive(Clone, Copy)]
struct View<'a> {
    method: &'a Method,
    uri: &'a Uri,
    version: Version,
    fields: &'a HeaderMap,
}

impl<'a> View<'a> {
    fn attribute(self, attribute: Attribute) -> Attr<'a> {
        let value = match attribute {
            Attribute::Authority => self.authority(),
            Attribute::Path => self.path(),
            Attribute::Verb => Some(self.verb()),
            Attribute::Service if self.is_grpc() => self.call().map(|(service, _)| service),
            Attribute::Method if self.is_grpc() => self.call().map(|(_, method)| method),
            Attribute::Service => self.authority(),
            Attribute::Method => Some(self.verb()),
            Attribute::Version => self.triple(&VERSION),
            Attribute::Group => self.triple(&GROUP),
        };
        value.map_or(Attr::Absent, Attr::Value)
    }

    fn authority(self) -> Option<&'a [u8]> {
        let uri = self.uri.authority().map(|authority| authority.as_str().as_bytes());
        uri.or_else(|| self.fields.get(HOST).map(bytes)).filter(|authority| !authority.is_empty())
    }

    fn path(self) -> Option<&'a [u8]> {
        let path = self.uri.path_and_query()?.as_str().as_bytes();
        // `http://host?query`: no route looks at what is behind the path.
        Some(if path.first() == Some(&b'?') { b"/" } else { path })
    }

    fn verb(self) -> &'a [u8] {
        self.method.as_str().as_bytes()
    }

    /// gRPC is spoken over HTTP/2 (and its successor); gRPC-Web over HTTP/1.1 is a request like any other.
    fn is_http2(self) -> bool {
        self.version >= Version::HTTP_2
    }

    fn is_grpc(self) -> bool {
        self.is_http2() && self.last(&CONTENT_TYPE).is_some_and(is_grpc)
    }

    /// Service and method of the path of a call.
    fn call(self) -> Option<(&'a [u8], &'a [u8])> {
        let path = self.path()?.strip_prefix(b"/")?;
        let (service, method) = path.split_at_checked(memchr::memrchr(b'/', path)?)?;
        let method = method.get(1..)?;
        (!service.is_empty() && !method.is_empty()).then_some((service, method))
    }

    fn triple(self, name: &HeaderName) -> Option<&'a [u8]> {
        self.last(name).filter(|_| self.is_http2())
    }

    /// Of several fields the one that the codecs go by.
    fn last(self, name: &HeaderName) -> Option<&'a [u8]> {
        self.fields.get_all(name).iter().next_back().map(bytes)
    }
}

fn bytes(value: &HeaderValue) -> &[u8] {
    value.as_bytes().trim_ascii()
}

/// Whether a `content-type` is that of gRPC, or of gRPC-Web in one of its forms.
fn is_grpc(value: &[u8]) -> bool {
    fn behind<'a>(value: &'a [u8], front: &[u8]) -> Option<&'a [u8]> {
        value.split_at_checked(front.len()).filter(|(start, _)| start.eq_ignore_ascii_case(front)).map(|(_, rest)| rest)
    }
    let Some(rest) = behind(value, b"application/grpc") else { return false };
    let web = behind(rest, b"-web");
    let text = web.and_then(|rest| behind(rest, b"-text"));
    match text.or(web).unwrap_or(rest).first() {
        None | Some(b'+' | b';' | b' ' | b'\t') => true,
        // `-text-base64` is another way to say `-text`.
        Some(b'-') => text.is_some(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(version: Version, uri: &str, fields: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder().version(version).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn values(parts: &request::Parts) -> String {
        let text = |attribute| match parts.attribute(attribute) {
            Attr::Value(value) => String::from_utf8_lossy(value).into_owned(),
            Attr::Absent => "-".into(),
            Attr::NotSeen => panic!("everything is seen"),
        };
        Attribute::ALL.map(text).join(" ")
    }

    #[test]
    fn where_each_attribute_is_from() {
        let grpc = ("content-type", "application/grpc+proto");
        let triple = [grpc, ("tri-service-version", "1"), ("tri-service-group", "g")];
        for (version, uri, fields, said) in [
            (Version::HTTP_11, "/a?b", &[("host", " h:1 ")][..], "h:1 /a?b GET h:1 GET - -"),
            (Version::HTTP_11, "http://u:1/a", &[("host", "h")], "u:1 /a GET u:1 GET - -"),
            (Version::HTTP_11, "http://u?q", &[], "u / GET u GET - -"),
            (Version::HTTP_11, "http://u", &[], "u / GET u GET - -"),
            (Version::HTTP_11, "u:1", &[], "u:1 - GET u:1 GET - -"),
            (Version::HTTP_11, "*", &[("host", "")], "- * GET - GET - -"),
            (Version::HTTP_10, "/", &[], "- / GET - GET - -"),
            (Version::HTTP_11, "/s/m", &triple, "- /s/m GET - GET - -"),
            (Version::HTTP_2, "http://h/s/m", &triple, "h /s/m GET s m 1 g"),
            (Version::HTTP_2, "http://h/a/b/m?c=d", &[grpc], "h /a/b/m?c=d GET a/b m?c=d - -"),
            (Version::HTTP_2, "http://h/m", &[grpc], "h /m GET - - - -"),
            (Version::HTTP_2, "http://h/s/m", &triple[1..], "h /s/m GET h GET 1 g"),
            (Version::HTTP_3, "/s/m", &[("host", "h"), grpc], "h /s/m GET s m - -"),
        ] {
            assert_eq!(values(&request(version, uri, fields)), said, "{version:?} {uri}");
        }
    }

    #[test]
    fn of_several_fields_one_counts() {
        let fields = [("tri-service-version", "1"), ("host", "a"), ("tri-service-version", "2"), ("host", "b")];
        assert_eq!(values(&request(Version::HTTP_2, "/", &fields)), "a / GET a GET 2 -");
        let types = [("content-type", "application/grpc"), ("content-type", "text/plain")];
        assert_eq!(values(&request(Version::HTTP_2, "/s/m", &types)), "- /s/m GET - GET - -");
    }

    #[test]
    fn a_request_is_what_its_parts_are() {
        let parts = request(Version::HTTP_2, "http://h/s/m", &[("content-type", "application/grpc"), ("a", "1")]);
        let request = Request::from_parts(parts.clone(), ());
        for attribute in Attribute::ALL {
            assert_eq!(request.attribute(attribute), parts.attribute(attribute));
        }
        assert_eq!(request.fields().unwrap().count(), 2);
    }
}
