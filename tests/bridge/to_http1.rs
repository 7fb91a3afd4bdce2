//! A client of HTTP/2, a server of HTTP/1.1.

use meshwire::Outcome;

use super::h1::Text;
use super::h2::{Frames, said};
use super::proxy::{Proxy, to_http1};
use crate::frames::{self as wire, Pairs};

const M: (&str, &str) = (":method", "GET");
const S: (&str, &str) = (":scheme", "http");
const P: (&str, &str) = (":path", "/");
const A: (&str, &str) = (":authority", "h");
const GET: Pairs<'static> = &[M, S, A, P];
const POST: Pairs<'static> = &[(":method", "POST"), S, A, P];

/// A request of stream 1 that got through, and whose end is `end`.
async fn asked(end: bool, fields: Pairs<'_>) -> (Proxy, Frames, Text) {
    let mut proxy = to_http1().start();
    let mut client = proxy.frame_client().await;
    client.headers(1, end, fields).await;
    let server = proxy.text_server().await;
    (proxy, client, server)
}

/// The server reads `text` of a request.
async fn reads(fields: Pairs<'_>, text: &str) {
    let (_proxy, _client, mut server) = asked(true, fields).await;
    server.expect(text).await;
    server.silence().await;
}

/// The client reads this block and this body of `text`.
async fn answered(text: &str, close: bool, fields: &[&str], body: &str) {
    let (mut proxy, mut client, mut server) = asked(true, GET).await;
    server.head().await;
    server.send(text).await;
    if close {
        server.finish().await;
    }
    assert_eq!(client.head().await, said(1, body.is_empty(), fields), "{text}");
    if !body.is_empty() {
        assert_eq!(client.body(1).await, (body.as_bytes().to_vec(), None), "{text}");
    }
    let done = proxy.done().await;
    assert_eq!((done.outcome, done.local), (Outcome::Success, false), "{text}");
}

#[tokio::test]
async fn a_get_and_its_answer() {
    let fields = [(":path", "/users?id=1"), M, A, S, ("x-b", "2"), ("accept", "*/*"), ("x-a", "1"), ("x-b", "3")];
    let (mut proxy, mut client, mut server) = asked(true, &fields).await;
    let text = "GET /users?id=1 HTTP/1.1\r\nHost: h\r\nx-b: 2\r\naccept: */*\r\nx-a: 1\r\nx-b: 3\r\n\r\n";
    server.expect(text).await;
    server.send("HTTP/1.1 200 Fine\r\nX-B: 2\r\nContent-Length: 2\r\nX-a:  1 \r\nx-B: 3\r\n\r\nhi").await;
    let expected = [":status: 200", "x-b: 2", "content-length: 2", "x-a: 1", "x-b: 3"];
    assert_eq!(client.head().await, said(1, false, &expected));
    assert_eq!(client.body(1).await, (b"hi".to_vec(), None));
    let done = proxy.done().await;
    assert_eq!((done.outcome, done.status, done.response_bytes, done.local), (Outcome::Success, Some(200), 2, false));

    client.headers(3, true, GET).await;
    server.expect("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.send("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.head().await, said(3, true, &[":status: 404", "content-length: 0"]));
    assert_eq!(proxy.outcome().await, (Outcome::NoRoute, false));
    client.finish().await;
    assert_eq!(client.try_next().await, None);
    proxy.ended().await;
    server.end().await;
}

#[tokio::test]
async fn a_post_with_a_length() {
    let (_proxy, mut client, mut server) = asked(false, &[POST, &[("content-length", "5"), ("x", "y")]].concat()).await;
    server.expect("POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 5\r\nx: y\r\n\r\n").await;
    client.data(1, false, "he").await;
    client.data(1, true, "llo").await;
    server.expect("hello").await;
    server.silence().await;
}

#[tokio::test]
async fn data_without_a_length_is_chunked() {
    let (_proxy, mut client, mut server) = asked(false, POST).await;
    server.expect("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.data(1, false, "abc").await;
    server.expect("3\r\nabc\r\n").await;
    // The answer begins while the request goes on.
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nde\r\n").await;
    assert_eq!(client.head().await, said(1, false, &[":status: 200"]));
    assert_eq!(client.bytes(1, 2).await, b"de");
    client.data(1, true, "").await;
    server.expect("0\r\n\r\n").await;
    server.send("0\r\n\r\n").await;
    client.end_of(1).await;
    client.headers(3, true, GET).await;
    server.expect("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
}

#[tokio::test]
async fn a_method_that_has_content_says_that_there_is_none() {
    reads(POST, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").await;
    reads(&[(":method", "DELETE"), S, A, P], "DELETE / HTTP/1.1\r\nHost: h\r\n\r\n").await;
}

#[tokio::test]
async fn answers_of_every_framing() {
    answered(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        false,
        &[":status: 200"],
        "hi",
    )
    .await;
    answered("HTTP/1.1 200 OK\r\nX: y\r\n\r\nhi", true, &[":status: 200", "x: y"], "hi").await;
    answered("HTTP/1.0 200 OK\r\nServer: s\r\n\r\nhi", true, &[":status: 200", "server: s"], "hi").await;
    answered("HTTP/1.1 204 No Content\r\n\r\n", false, &[":status: 204"], "").await;
    let fields = [":status: 304", "content-length: 9"];
    answered("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", false, &fields, "").await;
}

#[tokio::test]
async fn head_has_a_length_and_no_body() {
    let (_proxy, mut client, mut server) = asked(true, &[(":method", "HEAD"), S, A, P]).await;
    server.expect("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n").await;
    assert_eq!(client.head().await, said(1, true, &[":status: 200", "content-length: 1234"]));
    client.headers(3, true, &[(":method", "HEAD"), S, A, P]).await;
    server.expect("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    server.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    assert_eq!(client.head().await, said(3, true, &[":status: 200"]));
}

#[tokio::test]
async fn interim_answers_come_first() {
    let expecting = [POST, &[("expect", "100-continue"), ("content-length", "2")]].concat();
    let (_proxy, mut client, mut server) = asked(false, &expecting).await;
    server.expect("POST / HTTP/1.1\r\nHost: h\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n").await;
    server.send("HTTP/1.1 100 Continue\r\nConnection: x\r\nX: 1\r\n\r\n").await;
    assert_eq!(client.head().await, said(1, false, &[":status: 100"]));
    client.data(1, true, "hi").await;
    server.expect("hi").await;
    server.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(client.head().await, said(1, false, &[":status: 103", "link: </a>"]));
    assert_eq!(client.head().await, said(1, true, &[":status: 200", "content-length: 0"]));
}

#[tokio::test]
async fn trailers_of_a_request() {
    let (_proxy, mut client, mut server) =
        asked(false, &[POST, &[("te", "trailers"), ("trailer", "x-sum")]].concat()).await;
    server.expect("POST / HTTP/1.1\r\nHost: h\r\ntrailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    client.data(1, false, "a").await;
    client.headers(1, true, &[("x-sum", "7"), ("x-more", "8")]).await;
    server.expect("1\r\na\r\n0\r\nx-sum: 7\r\nx-more: 8\r\n\r\n").await;
}

#[tokio::test]
async fn trailers_behind_a_length_have_no_place_and_harm_nothing() {
    let (_proxy, mut client, mut server) = asked(false, &[POST, &[("content-length", "1")]].concat()).await;
    client.data(1, false, "a").await;
    client.headers(1, true, &[("x-sum", "7")]).await;
    server.expect("POST / HTTP/1.1\r\nHost: h\r\ncontent-length: 1\r\n\r\na").await;
    server.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    client.head().await;
    client.headers(3, true, GET).await;
    server.expect("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
}

#[tokio::test]
async fn trailers_of_an_answer() {
    let (_proxy, mut client, mut server) = asked(true, GET).await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    server.send("2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n").await;
    assert_eq!(client.head().await, said(1, false, &[":status: 200", "trailer: X-Sum"]));
    assert_eq!(client.body(1).await, (b"hi".to_vec(), Some(vec!["x-sum: 7".to_owned()])));
}

#[tokio::test]
async fn trailers_that_frame_or_route_cut_the_answer() {
    for field in ["Keep-Alive: x", "Content-Length: 2", "Host: x", "Transfer-Encoding: chunked"] {
        let (mut proxy, mut client, mut server) = asked(true, GET).await;
        server.head().await;
        server.send(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n{field}\r\n\r\n")).await;
        assert_eq!(client.head().await, said(1, false, &[":status: 200"]));
        assert_eq!(client.reset_of(1).await, wire::INTERNAL_ERROR, "{field}");
        assert_eq!(proxy.outcome().await, (Outcome::BadResponse, true), "{field}");
    }
}

#[tokio::test]
async fn cookie_crumbs_become_one_field() {
    let fields = [GET, &[("cookie", "a=b"), ("x", "y"), ("cookie", "c=d; e=f"), ("cookie", "g=h")]].concat();
    reads(&fields, "GET / HTTP/1.1\r\nHost: h\r\ncookie: a=b; c=d; e=f; g=h\r\nx: y\r\n\r\n").await;
}

#[tokio::test]
async fn host_is_the_authority() {
    reads(&[M, S, P, ("x", "y"), ("host", "a:81")], "GET / HTTP/1.1\r\nHost: a:81\r\nx: y\r\n\r\n").await;
    reads(&[M, S, A, P, ("x", "y"), ("host", "H:80")], "GET / HTTP/1.1\r\nHost: h\r\nx: y\r\n\r\n").await;
    reads(&[M, S, P, ("x", "y")], "GET / HTTP/1.1\r\nHost: \r\nx: y\r\n\r\n").await;
    let options = [(":method", "OPTIONS"), S, A, (":path", "*")];
    reads(&options, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n").await;
}

#[tokio::test]
async fn fields_of_one_hop_do_not_come_back() {
    let (_proxy, mut client, mut server) = asked(true, GET).await;
    server.head().await;
    server
        .send(
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n\
             Proxy-Connection: keep-alive\r\nUpgrade: h2c\r\nX-End: 2\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
    assert_eq!(client.head().await, said(1, true, &[":status: 200", "x-end: 2", "content-length: 0"]));
}

#[tokio::test]
async fn many_streams_wait_for_one_another_and_all_are_answered() {
    const N: u32 = 60;
    let mut proxy = to_http1().start();
    let mut client = proxy.frame_client().await;
    for n in 0..N {
        let path = format!("/{n}");
        client.headers(2 * n + 1, true, &[M, S, A, (":path", &path)]).await;
    }
    let mut server = proxy.text_server().await;
    for n in 0..N {
        server.expect(format!("GET /{n} HTTP/1.1\r\nHost: h\r\n\r\n")).await;
        if n == 0 {
            // One at a time.
            server.silence().await;
        }
        server.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{n}", n.to_string().len())).await;
        let head = client.head().await;
        assert_eq!((head.stream, head.end), (2 * n + 1, false));
        assert_eq!(client.body(2 * n + 1).await.0, n.to_string().as_bytes());
        assert_eq!(proxy.outcome().await, (Outcome::Success, false));
    }
    assert!(!proxy.has_dialed());
}

#[tokio::test]
async fn local_replies_wait_for_nobody() {
    let (mut proxy, mut client, mut server) = asked(true, GET).await;
    client.headers(3, true, &[M, S, A, (":path", "/local/overloaded")]).await;
    let head = client.head().await;
    assert_eq!((head.stream, head.end, head.fields[0].as_str()), (3, false, ":status: 429"));
    assert_eq!(client.body(3).await.0, b"said here\n");
    assert_eq!(proxy.outcome().await, (Outcome::Overloaded, true));
    server.head().await;
    server.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await, said(1, true, &[":status: 204"]));
}

#[tokio::test]
async fn obs_text_is_data() {
    let mut proxy = to_http1().start();
    let mut client = proxy.frame_client().await;
    let mut block = wire::block(GET);
    let field = meshwire_http2::hpack::Field::new(b"x", b"\xe9\xff");
    meshwire_http2::hpack::Encoder::literal(&field, &mut block);
    client.send(wire::frame(wire::HEADERS, wire::END_HEADERS | wire::END_STREAM, 1, &block)).await;
    let mut server = proxy.text_server().await;
    server.expect(b"GET / HTTP/1.1\r\nHost: h\r\nx: \xe9\xff\r\n\r\n").await;
    server.send(b"HTTP/1.1 204 No Content\r\nY: \x80\xfe\r\n\r\n").await;
    assert_eq!(client.head().await, said(1, true, &[":status: 204", "y: \u{80}\u{fe}"]));
}

#[tokio::test]
async fn an_answer_that_says_close_costs_the_next_request_nothing() {
    let (mut proxy, mut client, mut server) = asked(true, GET).await;
    server.head().await;
    server.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    server.finish().await;
    assert_eq!(client.head().await, said(1, true, &[":status: 200", "content-length: 0"]));
    proxy.done().await;
    client.headers(3, true, GET).await;
    let mut next = proxy.text_server().await;
    next.expect("GET / HTTP/1.1\r\nHost: h\r\n\r\n").await;
    next.send("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(client.head().await.stream, 3);
}
