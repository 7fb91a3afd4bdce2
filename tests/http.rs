//! What hyper reads routes as what the codecs read: the same bytes go to both, and one table looks at both.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, clippy::panic)] // a test that cannot go on panics

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, Version};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use meshwire::io::Driver;
use meshwire::{Attribute, Conn, Event, Head, Protocol, RouteTable, RoutingKey};
use meshwire_http1::Http1;
use meshwire_http2::{Http2, parts as http2_parts};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::mpsc;

/// Every kind of condition, on all that a request of HTTP may say.
const ROUTES: &str = "
virtual_hosts:
  - hosts: [a.example.com, 'a.example.com:8080', '*.b.example.com']
    routes:
      - {name: group, match: {group: blue}, cluster: x}
      - {name: version, match: {version: {prefix: '1.'}}, cluster: x}
      - {name: call, match: {service: pkg.Users, method: Find}, cluster: x}
      - {name: service, match: {service: {prefix: pkg.}}, cluster: x}
      - {name: verb, match: {verb: DELETE}, cluster: x}
      - {name: method, match: {method: PUT}, cluster: x}
      - {name: path, match: {path: /exact}, cluster: x}
      - {name: prefix, match: {path: {prefix: /api/}}, cluster: x}
      - {name: host-field, match: {fields: [{name: Host, exact: a.example.com}, {name: x-pin, present: true}]}, cluster: x}
      - {name: list, match: {fields: [{name: X-List, contains: two}]}, cluster: x}
      - {name: cookie, match: {fields: [{name: cookie, contains: c=d}]}, cluster: x}
      - {name: no-agent, match: {fields: [{name: user-agent, present: false}]}, cluster: x}
      - {name: rest, cluster: x}
  - hosts: ['*']
    routes:
      - {name: anything, cluster: x}
";

fn table() -> RouteTable {
    RouteTable::from_yaml(ROUTES).unwrap()
}

/// The request that hyper makes of what comes over the pipe; it answers all of them.
fn hyper_server(io: DuplexStream) -> mpsc::UnboundedReceiver<Parts> {
    let (seen, parts) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let service = service_fn(move |request: Request<Incoming>| {
            let _ = seen.send(request.into_parts().0);
            async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http2().enable_connect_protocol();
        let _ = builder.serve_connection(TokioIo::new(io), service).await;
    });
    parts
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), work).await.expect("it takes too long")
}

/// The bytes of one request as hyper reads them.
async fn by_hyper(bytes: &[u8]) -> Option<Parts> {
    let (mut client, server) = duplex(1 << 20);
    let mut parts = hyper_server(server);
    client.write_all(bytes).await.unwrap();
    // What it says is read, so that it can go on saying it.
    tokio::spawn(async move { client.read_to_end(&mut Vec::new()).await });
    in_time(parts.recv()).await
}

/// The same as a codec reads them.
async fn by_codec(protocol: &dyn Protocol, bytes: &[u8]) -> Head {
    let (mut client, server) = duplex(1 << 20);
    let mut driver = Driver::new(server, protocol.codec(Conn::server()));
    client.write_all(bytes).await.unwrap();
    loop {
        if let Event::Head(head) = in_time(driver.next()).await.expect("a request").unwrap() {
            return head;
        }
    }
}

fn route(key: &impl RoutingKey) -> String {
    table().lookup(key, 0).map_or_else(|miss| miss.to_string(), |found| found.route().name().unwrap().to_owned())
}

fn fields(key: &impl RoutingKey) -> Vec<(String, Vec<u8>)> {
    let lower = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_lowercase();
    let mut fields: Vec<_> = key.fields().unwrap().map(|(name, value)| (lower(name), value.to_vec())).collect();
    // A stable sort: fields of one name keep their order.
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}

fn assert_same(parts: &Parts, head: &Head, name: &str, what: &str) {
    assert_eq!(route(head), name, "{what}");
    assert_eq!(route(parts), name, "{what}");
    for attribute in Attribute::ALL {
        assert_eq!(parts.attribute(attribute), head.attribute(attribute), "{what}: {attribute}");
    }
    assert_eq!((parts.host(), parts.verb(), parts.path()), (head.host(), head.verb(), head.path()), "{what}");
    assert_eq!(fields(parts), fields(head), "{what}");
}

#[tokio::test]
async fn http1_routes_alike() {
    for (name, text) in [
        ("no-agent", "GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n"),
        ("rest", "GET /?a=/api/ HTTP/1.1\r\nHost: a.example.com\r\nUser-Agent: x\r\n\r\n"),
        ("rest", "GET / HTTP/1.1\r\nHost:  A.Example.com:8080 \r\nUser-Agent: x\r\n\r\n"),
        ("prefix", "GET /api/x?y HTTP/1.1\r\nhost: x.b.example.com\r\n\r\n"),
        ("path", "GET /exact?query HTTP/1.1\r\nHost: a.example.com\r\n\r\n"),
        ("path", "GET http://a.example.com/exact HTTP/1.1\r\nHost: other\r\n\r\n"),
        ("verb", "DELETE /exact HTTP/1.1\r\nHost: a.example.com\r\n\r\n"),
        ("method", "PUT /api/x HTTP/1.1\r\nHost: a.example.com\r\nContent-Length: 0\r\n\r\n"),
        ("host-field", "GET / HTTP/1.1\r\nHost: a.example.com\r\nX-Pin: \r\n\r\n"),
        ("list", "GET / HTTP/1.1\r\nHost: a.example.com\r\nx-list: one\r\nA: b\r\nX-LIST: two\r\n\r\n"),
        ("cookie", "GET / HTTP/1.1\r\nHost: a.example.com\r\nCookie: a=b; c=d\r\n\r\n"),
        ("anything", "GET / HTTP/1.1\r\nHost: unknown\r\n\r\n"),
        ("anything", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        ("anything", "GET / HTTP/1.0\r\n\r\n"),
        ("anything", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("anything", "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n"),
        // What says in HTTP/2 that it is a call is a field like others here.
        (
            "no-agent",
            "POST /pkg.Users/Find HTTP/1.1\r\nHost: a.example.com\r\nContent-Type: application/grpc-web\r\n\
             tri-service-version: 1.0\r\ntri-service-group: blue\r\nContent-Length: 0\r\n\r\n",
        ),
    ] {
        let head = by_codec(&Http1::default(), text.as_bytes()).await;
        let parts = by_hyper(text.as_bytes()).await.unwrap_or_else(|| panic!("hyper refuses {text:?}"));
        assert_same(&parts, &head, name, text);
        // And hyper's parts make the head that the codec has read, but for the case of its names.
        let made = meshwire_http1::parts::from_request(&parts, head.is_end()).unwrap();
        assert_same(&parts, &made, name, text);
        assert_eq!(made.is_end(), head.is_end());
    }
}

/// The bytes of a client's connection that sends one request.
async fn http2_bytes(request: &mut Event) -> Vec<u8> {
    let (client, mut server) = duplex(1 << 20);
    let mut driver = Driver::new(client, Http2::default().codec(Conn::client()));
    let _ = driver.send(request).unwrap();
    driver.flush().await.unwrap();
    let mut bytes = vec![0; 1 << 20];
    let n = server.read(&mut bytes).await.unwrap();
    bytes.truncate(n);
    bytes
}

#[tokio::test]
async fn http2_routes_alike() {
    type Fields = &'static [(&'static str, &'static str)];
    const GRPC: (&str, &str) = ("content-type", "application/grpc");
    let a = "a.example.com";
    let cases: &[(&str, [&str; 3], Fields)] = &[
        ("no-agent", ["GET", "/", a], &[]),
        ("rest", ["GET", "/?a=/api/", "A.Example.com:8080"], &[("user-agent", "x")]),
        ("prefix", ["GET", "/api/x?y", "x.b.example.com"], &[]),
        ("path", ["GET", "/exact?query", a], &[]),
        ("path", ["GET", "/exact", ""], &[("host", "a.example.com")]),
        ("verb", ["DELETE", "/exact", a], &[]),
        ("method", ["PUT", "/api/x", a], &[]),
        ("host-field", ["GET", "/", a], &[("host", "a.example.com"), ("x-pin", "")]),
        ("no-agent", ["GET", "/", a], &[("x-pin", "")]),
        ("list", ["GET", "/", a], &[("x-list", "one"), ("b", "c"), ("x-list", "two")]),
        ("cookie", ["GET", "/", a], &[("cookie", "a=b"), ("cookie", "c=d")]),
        ("anything", ["GET", "/", ""], &[]),
        ("anything", ["OPTIONS", "*", "unknown"], &[]),
        ("anything", ["CONNECT", "", "h:80"], &[]),
        ("call", ["POST", "/pkg.Users/Find", a], &[GRPC]),
        ("call", ["POST", "/pkg.Users/Find", a], &[("content-type", "Application/gRPC-Web-text+proto")]),
        ("service", ["POST", "/pkg.Users/Find?x", a], &[GRPC]),
        ("service", ["POST", "/pkg.Others/Find", a], &[("content-type", "application/grpc;x")]),
        ("no-agent", ["POST", "/pkg.Users", a], &[GRPC]),
        ("no-agent", ["POST", "/pkg.Users/Find", a], &[("content-type", "application/grpcx")]),
        ("no-agent", ["POST", "/pkg.Users/Find", a], &[GRPC, ("content-type", "text/plain")]),
        ("version", ["POST", "/pkg.Users/Find", a], &[GRPC, ("tri-service-version", "1.2")]),
        ("group", ["GET", "/", a], &[("tri-service-group", "red"), ("tri-service-group", "blue")]),
    ];
    for (name, [method, path, authority], fields) in cases {
        let what = format!("{method} {authority}{path} {fields:?}");
        let mut request = meshwire_http2::request(method, path, authority, fields, "").unwrap();
        let bytes = http2_bytes(&mut request).await;
        let head = by_codec(&Http2::default(), &bytes).await;
        let parts = by_hyper(&bytes).await.unwrap_or_else(|| panic!("hyper refuses {what}"));
        assert_eq!(parts.version, Version::HTTP_2);
        assert_same(&parts, &head, name, &what);
        assert_same(&parts, &http2_parts::from_request(&parts, false).unwrap(), name, &what);
        assert_same(&http2_parts::to_request(&head).unwrap(), &head, name, &what);
    }
}

/// A URI always has a slash, which a request-target may lack.
#[tokio::test]
async fn what_a_uri_cannot_say() {
    for (text, said, path) in [
        ("GET http://a.example.com?q HTTP/1.1\r\nHost: a.example.com\r\n\r\n", "/?q", "/"),
        ("OPTIONS http://a.example.com HTTP/1.1\r\nHost: a.example.com\r\n\r\n", "*", "/"),
    ] {
        let head = by_codec(&Http1::default(), text.as_bytes()).await;
        let parts = by_hyper(text.as_bytes()).await.unwrap();
        assert_eq!((route(&head), route(&parts)), ("no-agent".to_owned(), "no-agent".to_owned()));
        assert_eq!(head.attribute(Attribute::Path).value(), Some(said.as_bytes()));
        assert_eq!(parts.attribute(Attribute::Path).value(), Some(path.as_bytes()));
    }
}

#[test]
fn an_extended_connect_is_named_among_the_extensions() {
    let fields = [(":protocol", "websocket")];
    let request = meshwire_http2::request("CONNECT", "/chat", "a.example.com", &fields, "").unwrap();
    let Event::Head(asked) = request else { panic!("a request is a head") };
    let mut parts = http2_parts::to_request(&asked).unwrap();
    assert_same(&parts, &asked, "no-agent", "an extended CONNECT");
    let protocol: http2_parts::Protocol = parts.extensions.remove().unwrap();
    // As a proxy says it whose other side is hyper's.
    let theirs = hyper::ext::Protocol::from_static("websocket");
    assert_eq!(protocol.as_str(), theirs.as_str());
    parts.extensions.insert(http2_parts::Protocol::new(theirs.as_str()));
    let head = http2_parts::from_request(&parts, false).unwrap();
    assert_same(&parts, &head, "no-agent", "an extended CONNECT");
    assert_eq!(head.upgrade(), Some(&b"websocket"[..]));
}

/// Version 1.1's parts become heads that the other codec writes, and the other way.
#[tokio::test]
async fn heads_of_parts_cross() {
    let parts = Request::post("http://a.example.com/x?y")
        .header("cookie", "a=b")
        .header("connection", "keep-alive")
        .header("content-length", "0")
        .body(())
        .unwrap()
        .into_parts()
        .0;
    let head = meshwire_http1::parts::from_request(&parts, true).unwrap();
    let bytes = http2_bytes(&mut Event::Head(head)).await;
    let read = by_hyper(&bytes).await.unwrap();
    assert_eq!(
        (read.uri.to_string().as_str(), read.headers.contains_key("connection")),
        ("http://a.example.com/x?y", false)
    );

    let head = http2_parts::from_request(&read, true).unwrap();
    let parts = meshwire_http1::parts::to_request(&head).unwrap();
    assert_eq!(
        (parts.uri.to_string().as_str(), &parts.headers["host"], parts.version),
        ("/x?y", &http::HeaderValue::from_static("a.example.com"), Version::HTTP_11)
    );
    assert_eq!(parts.headers["cookie"], "a=b");
}
