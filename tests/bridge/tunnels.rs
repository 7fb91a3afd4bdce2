//! CONNECT, and WebSockets: `Upgrade` on one side, extended CONNECT (RFC 8441) on the other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use meshwire::Outcome;

use super::h1::Text;
use super::h2::{Frames, said};
use super::proxy::{Proxy, to_http1, to_http2};
use crate::frames::{self as wire, OK, Pairs};

/// ENABLE_CONNECT_PROTOCOL.
const OFFERED: &[(u16, u32)] = &[(8, 1)];

/// The published example of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const CHAT: &str = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://h\r\n\r\n";

const EXTENDED: Pairs<'static> = &[
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":path", "/chat"),
    (":authority", "h"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-protocol", "chat"),
];

async fn text_asks(request: &str, offered: &[(u16, u32)]) -> (Proxy, Text, Frames) {
    let mut proxy = to_http2().start();
    let mut client = proxy.text_client();
    client.send(request).await;
    let server = Frames::server(proxy.accept().await, offered).await;
    (proxy, client, server)
}

async fn frames_ask(end: bool, fields: Pairs<'_>) -> (Proxy, Frames, Text) {
    let mut proxy = to_http1().start();
    let mut client = proxy.frame_client().await;
    client.headers(1, end, fields).await;
    let server = proxy.text_server().await;
    (proxy, client, server)
}

/// What answers `key`: SHA-1 of it and of the GUID of RFC 6455.
fn accept(key: &str) -> String {
    let digest = sha1_smol::Sha1::from(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")).digest();
    STANDARD.encode(digest.bytes())
}

// ----- CONNECT -----

#[tokio::test]
async fn a_connect_of_http_1_1() {
    let (mut proxy, mut client, mut server) = text_asks("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", &[]).await;
    assert_eq!(server.head().await, said(1, false, &[":method: CONNECT", ":authority: a:443"]));
    // Nothing is sent on the hope that it succeeds.
    client.send("early").await;
    server.silence().await;
    server.headers(1, false, &[(":status", "200"), ("content-length", "0"), ("x", "y")]).await;
    client.expect("HTTP/1.1 200 OK\r\nx: y\r\n\r\n").await;
    assert_eq!(server.bytes(1, 5).await, b"early");
    server.data(1, false, "hello").await;
    client.expect("hello").await;
    client.send("GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(server.bytes(1, 18).await, b"GET / HTTP/1.1\r\n\r\n");
    // Each side ends by itself.
    client.finish().await;
    server.end_of(1).await;
    server.data(1, true, "bye").await;
    assert_eq!(client.rest().await, "bye");
    assert_eq!(proxy.outcome().await, (Outcome::Success, false));
    proxy.ended().await;
}

#[tokio::test]
async fn a_connect_of_http_2() {
    let (mut proxy, mut client, mut server) =
        frames_ask(false, &[(":method", "CONNECT"), (":authority", "a:443"), ("x", "y")]).await;
    server.expect("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\nx: y\r\n\r\n").await;
    client.data(1, false, "early").await;
    server.silence().await;
    server.send("HTTP/1.1 200 Established\r\nContent-Length: 3\r\n\r\nhello").await;
    assert_eq!(client.head().await, said(1, false, &[":status: 200"]));
    assert_eq!(client.bytes(1, 5).await, b"hello");
    server.expect("early").await;
    client.data(1, true, "bye").await;
    assert_eq!(server.rest().await, "bye");
    server.send("last").await;
    assert_eq!(client.bytes(1, 4).await, b"last");
    server.finish().await;
    client.end_of(1).await;
    assert_eq!(proxy.outcome().await, (Outcome::Success, false));
    // The upstream connection was the tunnel's; the downstream one goes on.
    client.headers(3, true, wire::GET).await;
    proxy.text_server().await.expect("GET /users?id=1 HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
}

#[tokio::test]
async fn a_refused_connect_of_http_1_1_ends_the_connection() {
    let (mut proxy, mut client, mut server) =
        text_asks("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\nGET /not HTTP/1.1\r\nHost: h\r\n\r\n", &[]).await;
    server.head().await;
    server.headers(1, false, &[(":status", "403"), ("content-length", "2")]).await;
    server.data(1, true, "no").await;
    // RFC 9931: what came behind it was meant for a tunnel.
    assert_eq!(client.rest().await, "HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nConnection: close\r\n\r\nno");
    assert_eq!(proxy.outcome().await, (Outcome::Denied, false));
    if let Some(frame) = server.try_next().await {
        assert!(matches!(frame.kind, wire::RST_STREAM | wire::DATA) && frame.payload.len() <= 4, "{frame:?}");
    }
}

#[tokio::test]
async fn a_refused_connect_of_http_2_costs_its_stream_only() {
    let (mut proxy, mut client, mut server) =
        frames_ask(false, &[(":method", "CONNECT"), (":authority", "a:443")]).await;
    server.head().await;
    client.data(1, false, "GET /not HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno").await;
    assert_eq!(client.head().await, said(1, false, &[":status: 403", "content-length: 2"]));
    assert_eq!(client.body(1).await.0, b"no");
    client.data(1, true, "").await;
    // RFC 9931, section 4: that connection is not used again.
    server.end().await;
    client.headers(3, true, wire::GET).await;
    proxy.text_server().await.expect("GET /users?id=1 HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
}

#[tokio::test]
async fn a_connect_that_ends_at_once_is_no_tunnel() {
    let (mut proxy, mut client, _server) = frames_ask(true, &[(":method", "CONNECT"), (":authority", "a:443")]).await;
    assert_eq!(client.head().await.fields[0], ":status: 400");
    assert_eq!(proxy.outcome().await, (Outcome::BadRequest, true));
}

// ----- WebSockets -----

#[tokio::test]
async fn a_websocket_of_http_1_1_becomes_an_extended_connect() {
    let (mut proxy, mut client, mut server) = text_asks(CHAT, OFFERED).await;
    let expected = [
        ":method: CONNECT",
        ":protocol: websocket",
        ":scheme: http",
        ":authority: h",
        ":path: /chat",
        "sec-websocket-version: 13",
        "origin: http://h",
    ];
    assert_eq!(server.head().await, said(1, false, &expected));
    server.headers(1, false, &[(":status", "200"), ("sec-websocket-protocol", "chat")]).await;
    assert_eq!(accept(KEY), ACCEPT);
    client
        .expect(format!(
            "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: chat\r\nConnection: upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
        ))
        .await;
    client.send(b"\x81\x05hello").await;
    assert_eq!(server.bytes(1, 7).await, b"\x81\x05hello");
    server.data(1, false, b"\x81\x02hi").await;
    client.expect(b"\x81\x02hi").await;
    server.data(1, true, "").await;
    client.end().await;
    client.send("rest").await;
    assert_eq!(server.bytes(1, 4).await, b"rest");
    client.finish().await;
    server.end_of(1).await;
    assert_eq!(proxy.outcome().await, (Outcome::Success, false));
    proxy.ended().await;
}

#[tokio::test]
async fn an_extended_connect_becomes_a_websocket_of_http_1_1() {
    let (mut proxy, mut client, mut server) = frames_ask(false, EXTENDED).await;
    let head = server.head().await;
    let front = "GET /chat HTTP/1.1\r\nHost: h\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: chat\r\n\
                 Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ";
    let key = head.strip_prefix(front).and_then(|rest| rest.strip_suffix("\r\n\r\n")).expect(&head);
    assert_eq!(STANDARD.decode(key).unwrap().len(), 16);
    client.data(1, false, "early").await;
    server.silence().await;
    server
        .send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: chat\r\n\r\nhello",
            accept(key)
        ))
        .await;
    assert_eq!(client.head().await, said(1, false, &[":status: 200", "sec-websocket-protocol: chat"]));
    assert_eq!(client.bytes(1, 5).await, b"hello");
    server.expect("early").await;
    client.data(1, true, "bye").await;
    assert_eq!(server.rest().await, "bye");
    server.finish().await;
    client.end_of(1).await;
    assert_eq!(proxy.outcome().await, (Outcome::Success, false));
}

#[tokio::test]
async fn a_websocket_without_the_right_accept_is_none() {
    let (mut proxy, mut client, mut server) = frames_ask(false, EXTENDED).await;
    server.head().await;
    server
        .send(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
        ))
        .await;
    assert_eq!(client.head().await.fields[0], ":status: 502");
    client.body(1).await;
    client.data(1, true, "").await;
    assert_eq!(proxy.outcome().await, (Outcome::BadResponse, true));
    server.end().await;
}

#[tokio::test]
async fn a_websocket_refused_by_http_2_leaves_a_connection_of_http_1_1_as_it_was() {
    let next = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    let (mut proxy, mut client, mut server) = text_asks(&format!("{CHAT}{next}"), OFFERED).await;
    server.head().await;
    server.headers(1, true, &[(":status", "403"), ("x", "y")]).await;
    client.expect("HTTP/1.1 403 Forbidden\r\nx: y\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(proxy.outcome().await, (Outcome::Denied, false));
    let mut frame = server.next().await;
    while frame.stream == 1 {
        // The request's own end, which says nothing any more.
        assert!(frame.payload.is_empty() || frame.kind == wire::RST_STREAM, "{frame:?}");
        frame = server.next().await;
    }
    let block = server.block(&frame);
    assert_eq!((block.stream, block.fields[3].as_str()), (3, ":path: /next"));
    server.headers(3, true, &[(":status", "204")]).await;
    client.expect("HTTP/1.1 204 No Content\r\n\r\n").await;
}

#[tokio::test]
async fn a_websocket_refused_by_http_1_1() {
    for (text, status, body) in [
        ("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno", ":status: 403", true),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", ":status: 404", false),
    ] {
        let (mut proxy, mut client, mut server) = frames_ask(false, EXTENDED).await;
        server.head().await;
        client.data(1, false, "early").await;
        server.send(text).await;
        let head = client.head().await;
        assert_eq!((head.stream, head.end, head.fields[0].as_str()), (1, !body, status));
        if body {
            assert_eq!(client.body(1).await.0, b"no");
        }
        client.data(1, true, "").await;
        assert!(!proxy.outcome().await.1);
        client.headers(3, true, wire::GET).await;
        // The same connection.
        server.expect("GET /users?id=1 HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
    }
}

/// A 200 refuses an Upgrade, and would grant a CONNECT: the client must not take it for a tunnel.
#[tokio::test]
async fn a_websocket_answered_with_200_by_http_1_1() {
    let (mut proxy, mut client, mut server) = frames_ask(false, EXTENDED).await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
    assert_eq!(client.head().await.fields[0], ":status: 502");
    client.body(1).await;
    client.data(1, true, "").await;
    assert_eq!(proxy.outcome().await, (Outcome::BadResponse, true));
    client.headers(3, true, wire::GET).await;
    let mut next = if proxy.has_dialed() { proxy.text_server().await } else { server };
    let head = next.head().await;
    assert!(head.starts_with("GET /users?id=1 "), "{head}");
}

#[tokio::test]
async fn a_server_that_offers_no_extended_connect_is_not_asked_for_one() {
    let (mut proxy, mut client, mut server) = text_asks(CHAT, &[]).await;
    assert!(client.head().await.starts_with("HTTP/1.1 501 "));
    assert_eq!(proxy.outcome().await, (Outcome::Unimplemented, true));
    server.silence().await;
}

#[tokio::test]
async fn a_client_that_was_offered_no_extended_connect_gets_none() {
    let down = meshwire_http2::Http2::default().extended_connect(false);
    let mut proxy = super::proxy::Setup::new(down, meshwire_http1::Http1::default()).start();
    let mut client = proxy.frame_client().await;
    client.headers(1, false, EXTENDED).await;
    assert_eq!(client.reset_of(1).await, wire::PROTOCOL_ERROR);
    assert!(!proxy.has_dialed());
}

/// What is not allowed is not tunnelled: the request goes on without its Upgrade.
#[tokio::test]
async fn another_upgrade_is_ignored() {
    let text = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\n\r\n";
    let (_proxy, mut client, mut server) = text_asks(text, OFFERED).await;
    assert_eq!(server.head().await, said(1, true, &[":method: GET", ":scheme: http", ":authority: h", ":path: /"]));
    server.headers(1, true, OK).await;
    client.expect("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
}

#[tokio::test]
async fn another_extended_connect_is_refused() {
    let mut fields = EXTENDED.to_vec();
    fields[1] = (":protocol", "connect-udp");
    let (mut proxy, mut client, _server) = frames_ask(false, &fields).await;
    assert_eq!(client.head().await.fields[0], ":status: 501");
    client.data(1, true, "").await;
    assert_eq!(proxy.outcome().await, (Outcome::Unimplemented, true));
}

#[tokio::test]
async fn a_reset_ends_a_tunnel() {
    let (mut proxy, mut client, mut server) =
        frames_ask(false, &[(":method", "CONNECT"), (":authority", "a:443")]).await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\n\r\n").await;
    client.head().await;
    client.send(wire::rst(1, wire::CANCEL)).await;
    server.end().await;
    assert_eq!(proxy.outcome().await.0, Outcome::Cancelled);

    let (_proxy, mut client, mut server) = text_asks("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", &[]).await;
    server.head().await;
    server.headers(1, false, OK).await;
    client.head().await;
    server.send(wire::rst(1, wire::CANCEL)).await;
    client.end().await;
}
