//! What goes wrong on one side, in the other one's words.

use meshwire::Outcome;

use super::h1::Text;
use super::h2::{Frames, said};
use super::proxy::{Proxy, to_http1, to_http2};
use crate::frames::{self as wire, GET, OK, POST};

const TEXT: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

async fn text_asks(request: &str) -> (Proxy, Text, Frames) {
    let mut proxy = to_http2().start();
    let mut client = proxy.text_client();
    client.send(request).await;
    let mut server = proxy.frame_server().await;
    server.head().await;
    (proxy, client, server)
}

async fn frames_ask(end: bool, fields: wire::Pairs<'_>) -> (Proxy, Frames, Text) {
    let mut proxy = to_http1().start();
    let mut client = proxy.frame_client().await;
    client.headers(1, end, fields).await;
    let mut server = proxy.text_server().await;
    server.head().await;
    (proxy, client, server)
}

// ----- the client gives up -----

#[tokio::test]
async fn a_reset_closes_the_connection_of_http_1_1() {
    let (mut proxy, mut client, mut server) = frames_ask(true, GET).await;
    client.headers(3, true, GET).await;
    client.send(wire::rst(1, wire::CANCEL)).await;
    server.end().await;
    let mut outcomes = [proxy.outcome().await, proxy.outcome().await];
    outcomes.sort_by_key(|(_, local)| *local);
    assert_eq!(outcomes, [(Outcome::Cancelled, false), (Outcome::Unavailable, true)]);
    // Who waited behind it is told so.
    let head = client.head().await;
    assert_eq!((head.stream, head.fields[0].as_str()), (3, ":status: 503"));
}

#[tokio::test]
async fn a_reset_inside_an_answer() {
    let (mut proxy, mut client, mut server) = frames_ask(true, GET).await;
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await;
    client.head().await;
    client.bytes(1, 3).await;
    client.send(wire::rst(1, wire::CANCEL)).await;
    server.end().await;
    assert_eq!(proxy.outcome().await.0, Outcome::Cancelled);
}

#[tokio::test]
async fn a_reset_inside_a_request() {
    let (mut proxy, mut client, mut server) = frames_ask(false, POST).await;
    client.data(1, false, "abc").await;
    server.expect("3\r\nabc\r\n").await;
    client.send(wire::rst(1, wire::CANCEL)).await;
    server.end().await;
    assert_eq!(proxy.outcome().await.0, Outcome::Cancelled);
}

#[tokio::test]
async fn a_client_of_http_1_1_that_is_gone_inside_its_request_resets_the_stream() {
    let (mut proxy, client, mut server) = text_asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab").await;
    assert_eq!(server.bytes(1, 2).await, b"ab");
    drop(client);
    assert_eq!(server.reset_of(1).await, wire::CANCEL);
    assert!(matches!(proxy.outcome().await.0, Outcome::BadRequest | Outcome::Cancelled));
}

/// The end of what it sends says nothing about what it reads: only when writing fails is it known to be gone.
#[tokio::test]
async fn a_client_of_http_1_1_that_is_gone_inside_its_answer_resets_the_stream() {
    let (_proxy, client, mut server) = text_asks(TEXT).await;
    server.headers(1, false, OK).await;
    drop(client);
    server.data(1, false, "abc").await;
    if let Some(frame) = server.try_next().await {
        assert_eq!((frame.kind, frame.stream, frame.code()), (wire::RST_STREAM, 1, wire::CANCEL), "{frame:?}");
    }
}

#[tokio::test]
async fn half_a_connection_of_http_1_1_is_enough_for_an_answer() {
    let (proxy, mut client, mut server) = text_asks(TEXT).await;
    client.finish().await;
    server.silence().await;
    server.headers(1, true, &[(":status", "204")]).await;
    assert_eq!(client.rest().await, "HTTP/1.1 204 No Content\r\n\r\n");
    proxy.ended().await;
}

// ----- the server gives up -----

#[tokio::test]
async fn a_stream_that_is_reset_before_its_answer() {
    for (code, status, outcome) in [
        (wire::CANCEL, "503", Outcome::Unavailable),
        (wire::INTERNAL_ERROR, "503", Outcome::Unavailable),
        (wire::REFUSED_STREAM, "429", Outcome::Overloaded),
        (wire::ENHANCE_YOUR_CALM, "429", Outcome::Overloaded),
        (wire::PROTOCOL_ERROR, "503", Outcome::Unavailable),
    ] {
        let (mut proxy, mut client, mut server) = text_asks(TEXT).await;
        server.send(wire::rst(1, code)).await;
        let head = client.head().await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{code:#x}: {head}");
        assert_eq!(proxy.outcome().await, (outcome, true), "{code:#x}");
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        client.bytes(length.parse().unwrap()).await;
        // Both connections go on.
        client.send(TEXT).await;
        assert_eq!(server.head().await.stream, 3);
    }
}

#[tokio::test]
async fn a_stream_that_is_reset_inside_its_answer_cuts_it() {
    for (fields, text) in [
        (OK, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
        (&[(":status", "200"), ("content-length", "9")][..], "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"),
    ] {
        for code in [wire::INTERNAL_ERROR, wire::NO_ERROR, wire::CANCEL] {
            let (mut proxy, mut client, mut server) = text_asks(TEXT).await;
            server.headers(1, false, fields).await;
            server.data(1, false, "abc").await;
            client.expect(text).await;
            server.send(wire::rst(1, code)).await;
            // No last chunk: the client sees that it is not whole.
            client.end().await;
            let done = proxy.done().await;
            assert_eq!(done.status, Some(200));
        }
    }
}

/// RFC 9113, section 8.1: the answer is whole, the rest of the request is not wanted.
#[tokio::test]
async fn an_answer_before_the_end_of_the_request() {
    let (mut proxy, mut client, mut server) =
        text_asks("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nab").await;
    server.headers(1, true, &[(":status", "413")]).await;
    server.send(wire::rst(1, wire::NO_ERROR)).await;
    client.expect("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n").await;
    client.send(format!("cdef{TEXT}")).await;
    assert_eq!(server.bytes(1, 2).await, b"ab");
    assert_eq!(server.head().await.stream, 3);
    assert_eq!(proxy.outcome().await, (Outcome::TooLarge, false));

    let (mut proxy, mut client, mut server) = frames_ask(false, &[POST, &[("content-length", "6")]].concat()).await;
    client.data(1, false, "ab").await;
    server.expect("ab").await;
    server.send("HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    assert_eq!(client.head().await, said(1, true, &[":status: 413", "content-length: 0"]));
    server.finish().await;
    if let Some(Ok(frame)) =
        tokio::time::timeout(std::time::Duration::from_millis(100), client.next()).await.ok().map(Ok::<_, ()>)
    {
        assert_eq!((frame.kind, frame.code()), (wire::RST_STREAM, wire::NO_ERROR), "{frame:?}");
    }
    client.headers(3, true, GET).await;
    assert!(proxy.text_server().await.head().await.starts_with("GET "));
}

#[tokio::test]
async fn an_answer_of_http_1_1_that_is_cut_resets_its_stream() {
    for front in ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let (mut proxy, mut client, mut server) = frames_ask(true, GET).await;
        server.send(format!("HTTP/1.1 200 OK\r\n{front}")).await;
        client.head().await;
        client.bytes(1, 3).await;
        server.finish().await;
        assert_eq!(client.reset_of(1).await, wire::INTERNAL_ERROR);
        let (outcome, local) = proxy.outcome().await;
        assert!(local && matches!(outcome, Outcome::BadResponse | Outcome::Unavailable), "{outcome}");
    }
}

#[tokio::test]
async fn a_server_of_http_1_1_that_hangs_up_or_babbles() {
    for (text, status, outcome) in [
        ("", ":status: 503", Outcome::Unavailable),
        ("HTTP/1.1 2", ":status: 503", Outcome::Unavailable),
        ("SSH-2.0-x\r\n\r\n", ":status: 502", Outcome::BadResponse),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n", ":status: 502", Outcome::BadResponse),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            ":status: 502",
            Outcome::BadResponse,
        ),
        ("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", ":status: 502", Outcome::BadResponse),
        (
            "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
            ":status: 502",
            Outcome::BadResponse,
        ),
    ] {
        let (mut proxy, mut client, mut server) = frames_ask(true, GET).await;
        server.send(text).await;
        server.finish().await;
        let head = client.head().await;
        assert_eq!((head.stream, head.fields[0].as_str()), (1, status), "{text:?}");
        assert_eq!(proxy.outcome().await, (outcome, true), "{text:?}");
        client.body(1).await;
        client.headers(3, true, GET).await;
        assert!(proxy.text_server().await.head().await.starts_with("GET "), "{text:?}");
    }
}

#[tokio::test]
async fn an_answer_nobody_asked_for_goes_nowhere() {
    let (mut proxy, mut client, mut server) = frames_ask(true, GET).await;
    server.send("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil").await;
    assert_eq!(client.head().await, said(1, true, &[":status: 204"]));
    // It must not be taken for the answer to the next request, which goes elsewhere.
    client.headers(3, true, GET).await;
    let mut next = proxy.text_server().await;
    next.head().await;
    client.silence().await;
}

// ----- GOAWAY -----

#[tokio::test]
async fn goaway_while_requests_run() {
    let get = |n: u32| format!("GET /{n} HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut proxy = to_http2().start();
    let mut client = proxy.text_client();
    client.send(get(1) + &get(2) + &get(3)).await;
    let mut server = proxy.frame_server().await;
    for _ in 0..3 {
        server.head().await;
    }
    // The third was not looked at.
    server.send(wire::goaway(3, wire::NO_ERROR)).await;
    server.headers(3, true, &[(":status", "204")]).await;
    server.headers(1, true, &[(":status", "204")]).await;
    client.expect("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 429 ") || head.starts_with("HTTP/1.1 503 "), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    client.bytes(length.parse().unwrap()).await;
    // What comes next goes elsewhere.
    client.send(get(4)).await;
    let mut next = proxy.frame_server().await;
    assert_eq!(next.head().await.fields[3], ":path: /4");
    next.headers(1, true, &[(":status", "204")]).await;
    client.expect("HTTP/1.1 204 No Content\r\n\r\n").await;
}

#[tokio::test]
async fn a_connection_of_http_2_that_fails_answers_all() {
    for bytes in [
        wire::goaway(0, wire::INTERNAL_ERROR),
        wire::frame(wire::HEADERS, wire::END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"),
    ] {
        let mut proxy = to_http2().start();
        let mut client = proxy.text_client();
        client.send([TEXT, TEXT].concat()).await;
        let mut server = proxy.frame_server().await;
        server.head().await;
        server.head().await;
        server.send(bytes).await;
        server.finish().await;
        for _ in 0..2 {
            let head = client.head().await;
            assert!(head.starts_with("HTTP/1.1 5") || head.starts_with("HTTP/1.1 429"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
            client.bytes(length.parse().unwrap()).await;
        }
    }
}
