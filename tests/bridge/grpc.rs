//! gRPC from HTTP/2 to HTTP/2: it goes through as it is, and the log knows how each call ended.

use std::time::{Duration, Instant};

use meshwire::Outcome;
use meshwire_http2::Http2;

use super::h2::{Frames, said};
use super::proxy::{Proxy, Setup};
use crate::frames::{self as wire, CALL};

const GRPC: wire::Pairs<'static> = &[(":status", "200"), ("content-type", "application/grpc")];

/// A message as gRPC frames it.
fn message(text: &str) -> Vec<u8> {
    [&[0][..], &(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()
}

async fn called(fields: wire::Pairs<'_>) -> (Proxy, Frames, Frames) {
    let mut proxy = Setup::new(Http2::default(), Http2::default()).start();
    let mut client = proxy.frame_client().await;
    client.headers(1, false, fields).await;
    let mut server = proxy.frame_server().await;
    let expected: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let expected: Vec<_> = expected.iter().map(String::as_str).collect();
    assert_eq!(server.head().await, said(1, false, &expected));
    (proxy, client, server)
}

#[tokio::test]
async fn unary() {
    for (status, outcome) in [
        ("0", Outcome::Success),
        ("5", Outcome::Exception),
        ("12", Outcome::NoRoute),
        ("14", Outcome::Unavailable),
        ("8", Outcome::Overloaded),
    ] {
        let (mut proxy, mut client, mut server) = called(CALL).await;
        client.data(1, true, message("ask")).await;
        assert_eq!(server.body(1).await, (message("ask"), None));
        server.headers(1, false, GRPC).await;
        server.data(1, false, message("answer")).await;
        server.headers(1, true, &[("grpc-status", status), ("grpc-message", "a%20b"), ("x-bin", "AAEC")]).await;
        assert_eq!(client.head().await, said(1, false, &[":status: 200", "content-type: application/grpc"]));
        let trailers = vec![format!("grpc-status: {status}"), "grpc-message: a%20b".into(), "x-bin: AAEC".into()];
        assert_eq!(client.body(1).await, (message("answer"), Some(trailers)));
        let done = proxy.done().await;
        assert_eq!((done.outcome, done.local, done.request_bytes), (outcome, false, 8), "{status}");
    }
}

#[tokio::test]
async fn streams_both_ways_at_once() {
    let (mut proxy, mut client, mut server) = called(CALL).await;
    server.headers(1, false, GRPC).await;
    client.head().await;
    for n in 0..20 {
        let text = format!("message {n}");
        client.data(1, false, message(&text)).await;
        assert_eq!(server.bytes(1, 5 + text.len()).await, message(&text));
        server.data(1, false, message(&text)).await;
        assert_eq!(client.bytes(1, 5 + text.len()).await, message(&text));
    }
    client.data(1, true, "").await;
    server.end_of(1).await;
    server.headers(1, true, &[("grpc-status", "0")]).await;
    assert_eq!(client.body(1).await, (Vec::new(), Some(vec!["grpc-status: 0".to_owned()])));
    assert_eq!(proxy.outcome().await, (Outcome::Success, false));
}

#[tokio::test]
async fn trailers_only() {
    let (mut proxy, mut client, mut server) = called(CALL).await;
    client.data(1, true, message("ask")).await;
    server.body(1).await;
    server.headers(1, true, &[GRPC, &[("grpc-status", "7")]].concat()).await;
    let expected = [":status: 200", "content-type: application/grpc", "grpc-status: 7"];
    assert_eq!(client.head().await, said(1, true, &expected));
    assert_eq!(proxy.outcome().await, (Outcome::Denied, false));
}

#[tokio::test]
async fn an_answer_without_a_status_is_none() {
    let (mut proxy, mut client, mut server) = called(CALL).await;
    client.data(1, true, message("ask")).await;
    server.body(1).await;
    server.headers(1, false, GRPC).await;
    server.headers(1, true, &[("x", "y")]).await;
    client.head().await;
    client.body(1).await;
    assert_eq!(proxy.outcome().await, (Outcome::BadResponse, false));
}

#[tokio::test]
async fn the_deadline_is_the_clients() {
    let fields: Vec<_> =
        CALL.iter().map(|f| if f.0 == "grpc-timeout" { ("grpc-timeout", "150m") } else { *f }).collect();
    let (mut proxy, mut client, mut server) = called(&fields).await;
    let began = Instant::now();
    let head = client.head().await;
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
    assert_eq!((head.stream, head.end), (1, true));
    assert_eq!(head.fields[..3], [":status: 200", "content-type: application/grpc", "grpc-status: 4"]);
    assert_eq!(server.reset_of(1).await, wire::CANCEL);
    client.data(1, true, "").await;
    assert_eq!(proxy.outcome().await, (Outcome::Timeout, true));
}

#[tokio::test]
async fn a_call_that_is_given_up() {
    let (mut proxy, mut client, mut server) = called(CALL).await;
    client.send(wire::rst(1, wire::CANCEL)).await;
    assert_eq!(server.reset_of(1).await, wire::CANCEL);
    assert_eq!(proxy.outcome().await.0, Outcome::Cancelled);
}

/// A unary call whose request is out: the usual one to be given up.
#[tokio::test]
async fn a_call_that_is_given_up_while_its_answer_is_awaited() {
    let (mut proxy, mut client, mut server) = called(CALL).await;
    client.data(1, true, message("ask")).await;
    server.body(1).await;
    client.send(wire::rst(1, wire::CANCEL)).await;
    assert_eq!(server.reset_of(1).await, wire::CANCEL);
    assert_eq!(proxy.outcome().await, (Outcome::Cancelled, false));
    // Behind half of the answer as well.
    client.headers(3, true, CALL).await;
    server.head().await;
    server.headers(3, false, GRPC).await;
    client.head().await;
    client.send(wire::rst(3, wire::CANCEL)).await;
    assert_eq!(server.reset_of(3).await, wire::CANCEL);
    assert_eq!(proxy.outcome().await.0, Outcome::Cancelled);
}

#[tokio::test]
async fn a_server_that_resets() {
    for (code, status) in [(wire::REFUSED_STREAM, "8"), (wire::INTERNAL_ERROR, "14")] {
        let (_proxy, mut client, mut server) = called(CALL).await;
        server.send(wire::rst(1, code)).await;
        let head = client.head().await;
        assert_eq!((head.end, head.fields[2].clone()), (true, format!("grpc-status: {status}")), "{code}");
    }
    let (mut proxy, mut client, mut server) = called(CALL).await;
    server.headers(1, false, GRPC).await;
    server.data(1, false, "\0\0").await;
    client.head().await;
    client.bytes(1, 2).await;
    server.send(wire::rst(1, wire::INTERNAL_ERROR)).await;
    assert_eq!(client.reset_of(1).await, wire::INTERNAL_ERROR);
    assert_ne!(proxy.outcome().await.0, Outcome::Success);
}

#[tokio::test]
async fn a_local_reply_is_trailers_only() {
    let mut proxy = Setup::new(Http2::default(), Http2::default()).start();
    let mut client = proxy.frame_client().await;
    let fields: Vec<_> = CALL.iter().map(|f| if f.0 == ":path" { (":path", "/local/denied") } else { *f }).collect();
    client.headers(1, false, &fields).await;
    let expected = [":status: 200", "content-type: application/grpc", "grpc-status: 7", "grpc-message: said here"];
    assert_eq!(client.head().await, said(1, true, &expected));
    // The rest of the call is thrown away.
    client.data(1, true, message("ask")).await;
    assert_eq!(proxy.outcome().await, (Outcome::Denied, true));
}
