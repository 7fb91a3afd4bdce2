//! What a length can carry and a line cannot (RFC 9113, section 10.3): no byte of it reaches a server of HTTP/1.1.

use meshwire_http2::hpack::{Encoder, Field};

use super::h2::said;
use super::proxy::to_http1;
use crate::frames as wire;

type Raw<'a> = (&'a [u8], &'a [u8]);

const M: Raw<'static> = (b":method", b"GET");
const S: Raw<'static> = (b":scheme", b"http");
const A: Raw<'static> = (b":authority", b"h");
const P: Raw<'static> = (b":path", b"/");

fn headers(stream: u32, end: bool, fields: &[Raw<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        Encoder::literal(&Field::new(name, value), &mut block);
    }
    wire::frame(wire::HEADERS, wire::END_HEADERS | u8::from(end), stream, &block)
}

/// The request is refused, nothing of it goes on, and the next one of the same connection does.
async fn refused(fields: &[Raw<'_>]) {
    let mut proxy = to_http1().start();
    let mut client = proxy.frame_client().await;
    client.send(headers(1, true, fields)).await;
    client.send(headers(3, true, &[M, S, A, P])).await;
    let frame = client.next().await;
    assert_eq!((frame.kind, frame.stream, frame.code()), (wire::RST_STREAM, 1, wire::PROTOCOL_ERROR), "{fields:?}");
    let mut server = proxy.text_server().await;
    server.expect("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await, said(3, true, &[":status: 204"]), "{fields:?}");
    server.silence().await;
    assert!(!proxy.has_dialed());
}

#[tokio::test]
async fn values() {
    for value in [&b"a\r\nb: c"[..], b"a\nb", b"a\rb", b"a\0b", b" a", b"a ", b"\ta", b"\r\n\r\nGET /admin HTTP/1.1"] {
        refused(&[M, S, A, P, (b"x", value)]).await;
    }
    refused(&[M, S, A, P, (b"cookie", b"a=b"), (b"cookie", b"c=d\r\nx: y")]).await;
}

#[tokio::test]
async fn names() {
    for name in [&b"a b"[..], b"a:b", b"a\r\nb", b"a\0", b"A", b"x-Y", b"", b"a\x7f", b"a\xe9", b"x: y\r\nz", b":x"] {
        refused(&[M, S, A, P, (name, b"v")]).await;
    }
}

#[tokio::test]
async fn fields_of_one_hop() {
    for field in [
        (&b"connection"[..], &b"close"[..]),
        (b"transfer-encoding", b"chunked"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"close"),
        (b"upgrade", b"websocket"),
        (b"te", b"gzip"),
    ] {
        refused(&[M, S, A, P, field]).await;
    }
}

#[tokio::test]
async fn pseudo_fields() {
    for path in [
        &b"/ HTTP/1.1\r\nHost: evil\r\n\r\n"[..],
        b"/a b",
        b"/a\r\nb",
        b"/a\nb",
        b"/a\0",
        b"a",
        b"",
        b"/a#b",
        b"*",
        b"http://x/",
    ] {
        refused(&[M, S, A, (b":path", path)]).await;
    }
    for method in [&b"GET / HTTP/1.1\r\nX: y"[..], b"GE T", b"", b"G\nET", b"GET\0"] {
        refused(&[(b":method", method), S, A, P]).await;
    }
    for authority in
        [&b"user@h"[..], b"u:p@h", b"h/x", b"h\r\nX: y", b"h i", b"h?x", b"h#x", b"h\\x", b"h:x", b"h:1:2", b"\0"]
    {
        refused(&[M, S, (b":authority", authority), P]).await;
        refused(&[M, S, P, (b"host", authority)]).await;
    }
    for scheme in [&b"http://x/?"[..], b"ht tp", b"", b"http\r\n"] {
        refused(&[M, (b":scheme", scheme), A, P]).await;
    }
}

#[tokio::test]
async fn authorities_that_disagree() {
    refused(&[M, S, A, P, (b"host", b"other")]).await;
    refused(&[M, S, A, P, (b"host", b"h:8080")]).await;
    refused(&[M, S, A, P, (b"host", b"h"), (b"host", b"h")]).await;
}

#[tokio::test]
async fn lengths() {
    for lengths in
        [&["5"][..], &["+0"], &["0, 0"], &["0", "1"], &["-1"], &["0x0"], &["18446744073709551616"], &["a"], &[""]]
    {
        let fields = lengths.iter().map(|n| (&b"content-length"[..], n.as_bytes()));
        refused(&[M, S, A, P].into_iter().chain(fields).collect::<Vec<_>>()).await;
    }
}

/// A body that is longer than its head says goes on as far as it may, and the server never sees a second request.
#[tokio::test]
async fn a_body_longer_than_its_length() {
    let mut proxy = to_http1().start();
    let mut client = proxy.frame_client().await;
    client.send(headers(1, false, &[(b":method", b"POST"), S, A, P, (b"content-length", b"3")])).await;
    let mut server = proxy.text_server().await;
    server.expect("POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 3\r\n\r\n").await;
    client.data(1, true, "abcGET /admin HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(client.reset_of(1).await, wire::PROTOCOL_ERROR);
    // What was promised cannot be kept any more.
    server.end().await;
    client.send(headers(3, true, &[M, S, A, P])).await;
    proxy.text_server().await.expect("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
}

#[tokio::test]
async fn a_body_shorter_than_its_length() {
    let mut proxy = to_http1().start();
    let mut client = proxy.frame_client().await;
    client.send(headers(1, false, &[(b":method", b"POST"), S, A, P, (b"content-length", b"30")])).await;
    client.data(1, true, "abc").await;
    assert_eq!(client.reset_of(1).await, wire::PROTOCOL_ERROR);
    // The next request must not be taken for the rest of this one's body.
    client.send(headers(3, true, &[M, S, A, P])).await;
    let mut first = proxy.text_server().await;
    let mut second = proxy.text_server().await;
    second.expect("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let rest = first.rest().await;
    assert!("POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 30\r\n\r\nabc".starts_with(&rest), "{rest}");
}

/// The other way round: what an answer of HTTP/2 carries would end a line.
#[tokio::test]
async fn answers() {
    let fields: [Raw<'_>; 6] =
        [(b"x", b"a\r\nb: c"), (b"x\r\ny", b"a"), (b"X", b"a"), (b"x", b"\0"), (b"a b", b""), (b"connection", b"x")];
    for field in fields {
        let mut proxy = super::proxy::to_http2().start();
        let mut client = proxy.text_client();
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        let mut server = proxy.frame_server().await;
        server.head().await;
        server.send(headers(1, true, &[(b":status", b"200"), field])).await;
        let head = client.head().await;
        assert!(head.starts_with("HTTP/1.1 502 ") && !head.contains("b: c"), "{head}");
        assert_eq!(server.reset_of(1).await, wire::PROTOCOL_ERROR);
    }
}

/// Trailers go the same way.
#[tokio::test]
async fn trailers() {
    let mut proxy = to_http1().start();
    let mut client = proxy.frame_client().await;
    client.send(headers(1, false, &[(b":method", b"POST"), S, A, P])).await;
    let mut server = proxy.text_server().await;
    server.expect("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.data(1, false, "a").await;
    client.send(headers(1, true, &[(b"x", b"a\r\n\r\nGET /admin HTTP/1.1")])).await;
    assert_eq!(client.reset_of(1).await, wire::PROTOCOL_ERROR);
    let rest = server.rest().await;
    assert!(rest.is_empty() || rest == "1\r\na\r\n", "{rest}");
}
