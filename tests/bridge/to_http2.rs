//! A client of HTTP/1.1, a server of HTTP/2.

use meshwire::Outcome;

use super::h1::Text;
use super::h2::{Frames, said};
use super::proxy::{Proxy, to_http2};
use crate::frames::{self as wire, OK};

/// A request that got through: the client, the server, and what the server read.
async fn asked(request: impl AsRef<[u8]>) -> (Proxy, Text, Frames) {
    let mut proxy = to_http2().start();
    let mut client = proxy.text_client();
    client.send(request).await;
    let server = proxy.frame_server().await;
    (proxy, client, server)
}

/// What the server reads of `request`.
async fn reads(request: &str) -> super::h2::Block {
    asked(request).await.2.head().await
}

/// What the client reads of this answer to a GET.
async fn answered(fields: wire::Pairs<'_>, body: &str, text: &str) {
    let (_proxy, mut client, mut server) = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.head().await;
    server.headers(1, body.is_empty(), fields).await;
    if !body.is_empty() {
        server.data(1, true, body).await;
    }
    client.expect(text).await;
    client.silence().await;
}

#[tokio::test]
async fn a_get_and_its_answer() {
    let request =
        "GET /users?id=1 HTTP/1.1\r\nHost: example.com:8080\r\nX-B: 2\r\nAccept: */*\r\nX-a: 1\r\nx-B:   3 \r\n\r\n";
    let (mut proxy, mut client, mut server) = asked(request).await;
    let expected = [
        ":method: GET",
        ":scheme: http",
        ":authority: example.com:8080",
        ":path: /users?id=1",
        "x-b: 2",
        "accept: */*",
        "x-a: 1",
        "x-b: 3",
    ];
    assert_eq!(server.head().await, said(1, true, &expected));
    let fields =
        [(":status", "200"), ("content-type", "text/plain"), ("x-b", "2"), ("content-length", "2"), ("x-b", "1")];
    server.headers(1, false, &fields).await;
    server.data(1, true, "hi").await;
    let text = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-b: 2\r\ncontent-length: 2\r\nx-b: 1\r\n\r\nhi";
    client.expect(text).await;
    let done = proxy.done().await;
    assert_eq!((done.outcome, done.status, done.response_bytes, done.local), (Outcome::Success, Some(200), 2, false));

    // The connections go on, and the second answer has no body at all.
    client.send("GET /b HTTP/1.1\r\nHost: example.com:8080\r\n\r\n").await;
    let expected = [":method: GET", ":scheme: http", ":authority: example.com:8080", ":path: /b"];
    assert_eq!(server.head().await, said(3, true, &expected));
    server.headers(3, true, &[(":status", "404")]).await;
    client.expect("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(proxy.outcome().await, (Outcome::NoRoute, false));
    client.finish().await;
    client.end().await;
    proxy.ended().await;
}

#[tokio::test]
async fn a_post_with_a_length() {
    let (mut proxy, mut client, mut server) =
        asked("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpires: 0\r\n\r\nhello").await;
    let expected = [":method: POST", ":scheme: http", ":authority: h", ":path: /a", "content-length: 5", "expires: 0"];
    assert_eq!(server.head().await, said(1, false, &expected));
    assert_eq!(server.body(1).await, (b"hello".to_vec(), None));
    server.headers(1, true, &[(":status", "201"), ("location", "/a/1")]).await;
    client.expect("HTTP/1.1 201 Created\r\nlocation: /a/1\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(proxy.done().await.request_bytes, 5);
}

#[tokio::test]
async fn a_post_without_content() {
    let (_proxy, _client, mut server) = asked("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await;
    let expected = [":method: POST", ":scheme: http", ":authority: h", ":path: /", "content-length: 0"];
    assert_eq!(server.head().await, said(1, true, &expected));
}

#[tokio::test]
async fn a_chunked_post_is_data_without_a_length_and_its_answer_is_chunked() {
    let (_proxy, mut client, mut server) =
        asked("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n").await;
    let head = said(1, false, &[":method: POST", ":scheme: http", ":authority: h", ":path: /"]);
    assert_eq!(server.head().await, head);
    assert_eq!(server.bytes(1, 3).await, b"abc");
    // The answer begins while the request goes on.
    server.headers(1, false, OK).await;
    server.data(1, false, "de").await;
    client.expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nde\r\n").await;
    client.send("2\r\nde\r\n0\r\n\r\n").await;
    assert_eq!(server.body(1).await, (b"de".to_vec(), None));
    server.data(1, true, "").await;
    client.expect("0\r\n\r\n").await;
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(server.head().await.stream, 3);
}

#[tokio::test]
async fn trailers_of_a_request() {
    let (_proxy, _client, mut server) = asked(
        "POST / HTTP/1.1\r\nHost: h\r\nTE: gzip, trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n\
         1\r\na\r\n0\r\nX-Sum: 7\r\nX-More: 8\r\n\r\n",
    )
    .await;
    // TE is of one hop: that trailers are taken is for the proxy to say anew, and only in HTTP/2's terms.
    let expected = [":method: POST", ":scheme: http", ":authority: h", ":path: /", "trailer: X-Sum"];
    assert_eq!(server.head().await, said(1, false, &expected));
    let trailers = vec!["x-sum: 7".to_owned(), "x-more: 8".to_owned()];
    assert_eq!(server.body(1).await, (b"a".to_vec(), Some(trailers)));
}

#[tokio::test]
async fn trailers_that_frame_or_route_cost_the_request() {
    for field in ["Connection: close", "Content-Length: 1", "Host: x", "TE: trailers"] {
        let request = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n";
        let (mut proxy, mut client, mut server) = asked(request).await;
        server.head().await;
        server.bytes(1, 1).await;
        client.send(format!("0\r\n{field}\r\n\r\n")).await;
        assert!(client.rest().await.starts_with("HTTP/1.1 400 "), "{field}");
        assert_eq!(server.reset_of(1).await, wire::CANCEL, "{field}");
        assert_eq!(proxy.outcome().await.0, Outcome::Cancelled, "{field}");
    }
}

#[tokio::test]
async fn trailers_of_an_answer() {
    let (_proxy, mut client, mut server) = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.head().await;
    server.headers(1, false, OK).await;
    server.data(1, false, "hi").await;
    server.headers(1, true, &[("x-sum", "7")]).await;
    client.expect("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n").await;
}

#[tokio::test]
async fn trailers_behind_a_length_have_no_place_and_harm_nothing() {
    let (_proxy, mut client, mut server) = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.head().await;
    server.headers(1, false, &[(":status", "200"), ("content-length", "2")]).await;
    server.data(1, false, "hi").await;
    server.headers(1, true, &[("x-sum", "7")]).await;
    client.expect("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await;
    client.send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(server.head().await.stream, 3);
}

#[tokio::test]
async fn an_answer_to_http_1_0_ends_with_the_connection() {
    let (proxy, mut client, mut server) = asked("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n").await;
    let head = said(1, true, &[":method: GET", ":scheme: http", ":authority: h", ":path: /"]);
    assert_eq!(server.head().await, head);
    server.headers(1, false, &[(":status", "103"), ("link", "x")]).await;
    server.headers(1, false, OK).await;
    server.data(1, true, "hi").await;
    assert_eq!(client.rest().await, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi");
    proxy.ended().await;
}

#[tokio::test]
async fn http_1_0_without_a_host_has_no_authority() {
    let head = said(1, true, &[":method: GET", ":scheme: http", ":path: /"]);
    assert_eq!(reads("GET / HTTP/1.0\r\n\r\n").await, head);
}

#[tokio::test]
async fn head_has_a_length_and_no_body() {
    let (_proxy, mut client, mut server) = asked("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    assert_eq!(server.head().await.fields[0], ":method: HEAD");
    server.headers(1, true, &[(":status", "200"), ("content-length", "1234")]).await;
    client.expect("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n").await;
    client.send("HEAD /b HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.head().await;
    server.headers(3, true, OK).await;
    client.expect("HTTP/1.1 200 OK\r\n\r\n").await;
    client.silence().await;
}

#[tokio::test]
async fn answers_without_a_body() {
    answered(&[(":status", "204"), ("x", "y")], "", "HTTP/1.1 204 No Content\r\nx: y\r\n\r\n").await;
    let fields = [(":status", "304"), ("etag", "\"a\""), ("content-length", "9")];
    answered(&fields, "", "HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\ncontent-length: 9\r\n\r\n").await;
    answered(&[(":status", "205")], "", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n").await;
    answered(&[(":status", "599")], "x", "HTTP/1.1 599 \r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
        .await;
}

#[tokio::test]
async fn interim_answers_come_first() {
    let (_proxy, mut client, mut server) =
        asked("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n").await;
    let expected =
        [":method: POST", ":scheme: http", ":authority: h", ":path: /", "expect: 100-continue", "content-length: 2"];
    assert_eq!(server.head().await, said(1, false, &expected));
    server.headers(1, false, &[(":status", "100")]).await;
    client.expect("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("hi").await;
    assert_eq!(server.body(1).await.0, b"hi");
    server.headers(1, false, &[(":status", "103"), ("link", "</a>; rel=preload")]).await;
    server.headers(1, true, &[(":status", "204")]).await;
    client.expect("HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").await;
}

#[tokio::test]
async fn a_cookie_stays_one_field() {
    let head = reads("GET / HTTP/1.1\r\nHost: h\r\nCookie: a=b; c=d; e=f\r\n\r\n").await;
    assert_eq!(head.fields[4..], ["cookie: a=b; c=d; e=f"]);
}

#[tokio::test]
async fn set_cookies_stay_apart() {
    let fields = [(":status", "204"), ("set-cookie", "a=b"), ("set-cookie", "c=d")];
    answered(&fields, "", "HTTP/1.1 204 No Content\r\nset-cookie: a=b\r\nset-cookie: c=d\r\n\r\n").await;
}

#[tokio::test]
async fn the_authority_is_that_of_the_target() {
    for (request, authority, path) in [
        ("GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n", ":authority: a.example", ":path: /x?y"),
        // RFC 9112, section 3.2.2: the Host of an absolute target is not looked at.
        ("GET http://a.example:81/x HTTP/1.1\r\nHost: b.example\r\n\r\n", ":authority: a.example:81", ":path: /x"),
        ("GET http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n", ":authority: a.example", ":path: /"),
        ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", ":authority: h", ":path: *"),
        // RFC 9112, section 3.2.4.
        ("OPTIONS http://a.example HTTP/1.1\r\nHost: h\r\n\r\n", ":authority: a.example", ":path: *"),
        ("GET /[x]|y HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", ":authority: [::1]:80", ":path: /[x]|y"),
    ] {
        let head = reads(request).await;
        let method = format!(":method: {}", request.split(' ').next().unwrap());
        assert_eq!(head, said(1, true, &[&method, ":scheme: http", authority, path]), "{request}");
    }
}

#[tokio::test]
async fn an_empty_host_is_no_authority() {
    let head = said(1, true, &[":method: GET", ":scheme: http", ":path: /"]);
    assert_eq!(reads("GET / HTTP/1.1\r\nHost:\r\n\r\n").await, head);
}

#[tokio::test]
async fn fields_of_one_hop_stay_there() {
    let head = reads(
        "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Hop, TE\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n\
         Proxy-Connection: keep-alive\r\nTE: trailers\r\nUpgrade: foo\r\nHTTP2-Settings: AAMAAABk\r\nX-End: 2\r\n\r\n",
    )
    .await;
    let fields: Vec<_> = head.fields[4..].iter().map(String::as_str).collect();
    assert_eq!(fields, ["x-end: 2"]);
}

#[tokio::test]
async fn fields_of_one_hop_do_not_come_back() {
    // RFC 9113, section 8.2.2: such an answer is malformed.
    let (mut proxy, mut client, mut server) = asked("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.head().await;
    server.headers(1, true, &[(":status", "200"), ("transfer-encoding", "chunked")]).await;
    assert!(client.head().await.starts_with("HTTP/1.1 502 "));
    assert_eq!(proxy.outcome().await, (Outcome::BadResponse, true));
    assert_eq!(server.reset_of(1).await, wire::PROTOCOL_ERROR);
}

#[tokio::test]
async fn obs_text_is_data() {
    let (_proxy, mut client, mut server) = asked(b"GET / HTTP/1.1\r\nHost: h\r\nX: \xe9\xff\r\n\r\n").await;
    assert_eq!(server.head().await.fields[4], "x: \u{e9}\u{ff}");
    let mut block = wire::block(OK);
    let field = meshwire_http2::hpack::Field::new(b"y", b"\x80\xfe");
    meshwire_http2::hpack::Encoder::literal(&field, &mut block);
    server.send(wire::frame(wire::HEADERS, wire::END_HEADERS | wire::END_STREAM, 1, &block)).await;
    client.expect(b"HTTP/1.1 200 OK\r\ny: \x80\xfe\r\nContent-Length: 0\r\n\r\n").await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order_whatever_order_the_server_has() {
    let get = |n: u32| format!("GET /{n} HTTP/1.1\r\nHost: h\r\n\r\n");
    let (mut proxy, mut client, mut server) = asked(&(get(1) + &get(2) + &get(3))).await;
    for n in [1, 3, 5] {
        let head = server.head().await;
        assert_eq!((head.stream, head.fields[3].clone()), (n, format!(":path: /{}", n / 2 + 1)));
    }
    for n in [5, 1, 3] {
        server.headers(n, false, &[(":status", "200"), ("content-length", "1")]).await;
        server.data(n, true, (n / 2 + 1).to_string()).await;
        if n == 5 {
            client.silence().await;
        }
    }
    for n in 1..=3 {
        client.expect(format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{n}")).await;
        assert_eq!(proxy.outcome().await, (Outcome::Success, false));
    }
}

#[tokio::test]
async fn local_replies_take_their_turn() {
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    let (mut proxy, mut client, mut server) = asked(&(get("/1") + &get("/local/denied") + &get("/2"))).await;
    assert_eq!((server.head().await.stream, server.head().await.stream), (1, 3));
    server.headers(3, true, &[(":status", "204")]).await;
    client.silence().await;
    server.headers(1, true, &[(":status", "204")]).await;
    client.expect("HTTP/1.1 204 No Content\r\n\r\n").await;
    let text =
        "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 10\r\n\r\nsaid here\n";
    client.expect(text).await;
    client.expect("HTTP/1.1 204 No Content\r\n\r\n").await;
    let mut outcomes = [proxy.outcome().await, proxy.outcome().await, proxy.outcome().await];
    outcomes.sort_by_key(|(_, local)| *local);
    assert_eq!(outcomes[2], (Outcome::Denied, true));
}

#[tokio::test]
async fn via_names_the_version_that_came() {
    let mut proxy = super::proxy::Setup::new(
        meshwire_http1::Http1::default().via("edge"),
        meshwire_http2::Http2::default().https(true),
    )
    .start();
    let mut client = proxy.text_client();
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    let mut server = proxy.frame_server().await;
    assert_eq!(server.head().await.fields[1], ":scheme: https");
    server.headers(1, true, &[(":status", "204")]).await;
    client.expect("HTTP/1.1 204 No Content\r\nVia: 2 edge\r\n\r\n").await;
}
