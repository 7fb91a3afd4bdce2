//! `Upgrade: h2c`: where it is on, the connection goes on in HTTP/2 with that request as stream 1; else nothing happens.

use meshwire::{Outcome, Registry};
use meshwire_http1::Http1;
use meshwire_http2::Http2;

use super::h1::Text;
use super::h2::{Frames, said};
use super::proxy::{Proxy, Setup, to_http2};
use crate::frames::{self as wire, GET};

const ASKS: &str = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
                    HTTP2-Settings: AAMAAABkAAQAAAAC\r\nX: y\r\n\r\n";
const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

fn switching(up: impl meshwire::Protocol + 'static) -> Proxy {
    let registry = Registry::builder().with(Http2::default()).build().unwrap();
    Setup::new(Http1::default().h2c(true), up).registry(registry).start()
}

/// A client that was told so goes on in frames.
async fn switched(proxy: &mut Proxy) -> Frames {
    let mut client = proxy.text_client();
    client.send(ASKS).await;
    client.expect(SWITCHED).await;
    Frames::client_with(client.into_io(), &[(4, 2)]).await
}

#[tokio::test]
async fn the_request_is_stream_1() {
    let mut proxy = switching(Http1::default());
    let mut client = switched(&mut proxy).await;
    let mut server = proxy.text_server().await;
    server.expect("GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n").await;
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(client.head().await, said(1, false, &[":status: 200", "content-length: 5"]));
    // The window is that of the request's own settings.
    client.generous = false;
    assert_eq!(client.bytes(1, 2).await, b"he");
    client.silence().await;
    client.send(wire::credit(1, 3)).await;
    assert_eq!(client.body(1).await.0, b"llo");
    assert_eq!(proxy.outcome().await, (Outcome::Success, false));
    assert!(!client.settings.is_empty());

    client.headers(3, true, GET).await;
    server.expect("GET /users?id=1 HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
    server.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await, said(3, true, &[":status: 204"]));
    client.finish().await;
    assert_eq!(client.try_next().await, None);
    proxy.ended().await;
}

#[tokio::test]
async fn to_a_server_of_http_2() {
    let mut proxy = switching(Http2::default());
    let mut client = switched(&mut proxy).await;
    let mut server = proxy.frame_server().await;
    let expected = [":method: GET", ":scheme: http", ":authority: h", ":path: /a", "x: y"];
    assert_eq!(server.head().await, said(1, true, &expected));
    server.headers(1, true, &[(":status", "204"), ("z", "1")]).await;
    assert_eq!(client.head().await, said(1, true, &[":status: 204", "z: 1"]));
}

#[tokio::test]
async fn stream_1_is_taken() {
    let mut proxy = switching(Http1::default());
    let mut client = switched(&mut proxy).await;
    client.headers(1, true, GET).await;
    let frame = client.next().await;
    assert!(matches!(frame.kind, wire::GOAWAY | wire::RST_STREAM), "{frame:?}");
    assert_eq!(frame.code(), wire::STREAM_CLOSED);
}

/// Off, as it is unless asked for: the request goes on without its Upgrade, and nothing is tunnelled.
#[tokio::test]
async fn off_it_is_ignored() {
    let mut proxy = to_http2().start();
    let mut client = proxy.text_client();
    client.send(ASKS).await;
    client.send(wire::hello()).await;
    let mut server = proxy.frame_server().await;
    let expected = [":method: GET", ":scheme: http", ":authority: h", ":path: /a", "x: y"];
    assert_eq!(server.head().await, said(1, true, &expected));
    server.headers(1, true, &[(":status", "204")]).await;
    client.expect("HTTP/1.1 204 No Content\r\n\r\n").await;
    // The preface that came behind is a request like another, and a wrong one.
    let rest = client.rest().await;
    assert!(rest.starts_with("HTTP/1.1 505 ") || rest.starts_with("HTTP/1.1 400 "), "{rest}");
    server.silence().await;
}

#[tokio::test]
async fn what_is_not_in_full_form_is_ignored() {
    for fields in [
        "Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: !\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c, foo\r\nHTTP2-Settings: AAMAAABk\r\n",
    ] {
        let mut proxy = switching(Http1::default());
        let mut client: Text = proxy.text_client();
        client.send(format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n")).await;
        let mut server = proxy.text_server().await;
        server.expect("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
        server.send("HTTP/1.1 204 No Content\r\n\r\n").await;
        client.expect("HTTP/1.1 204 No Content\r\n\r\n").await;
    }
}
