//! A request and its answer through a server and a client: what an intermediary changes, and what it must leave.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use common::*;
use meshwire::{Attribute, Conn, Endpoint, Event, Head, Protocol, StreamId};
use meshwire_http1::Http1;

/// What `request` becomes on its way through `http`, `edit` applied.
fn request_through(http: &Http1, request: &str, edit: impl FnOnce(&mut Head)) -> String {
    let mut downstream = Endpoint::new(http.codec(Conn::server()));
    let mut upstream = Endpoint::new(http.codec(Conn::client()));
    let mut out = String::new();
    let mut edit = Some(edit);
    for mut event in feed(&mut downstream, request).unwrap() {
        if let Event::Head(head) = &mut event {
            head.set_stream(StreamId::NEW);
            if let Some(edit) = edit.take() {
                edit(head);
            }
        } else {
            event.set_stream(StreamId::new(1));
        }
        out += &send(&mut upstream, &mut event);
    }
    out
}

fn forwarded(request: &str) -> String {
    request_through(&Http1::default(), request, Head::forward)
}

fn answer_through(http: &Http1, asked: &str, answer: &str, edit: impl FnOnce(&mut Head)) -> String {
    let mut downstream = Endpoint::new(http.codec(Conn::server()));
    let mut upstream = Endpoint::new(http.codec(Conn::client()));
    let mut event = one(&mut downstream, asked);
    event.set_stream(StreamId::NEW);
    send(&mut upstream, &mut event);
    let mut out = String::new();
    let mut edit = Some(edit);
    let mut events = feed(&mut upstream, answer).unwrap();
    upstream.set_eof();
    events.extend(common::events(&mut upstream).unwrap());
    for mut event in events {
        if let Event::Head(head) = &mut event
            && let Some(edit) = edit.take()
        {
            edit(head);
        }
        out += &send(&mut downstream, &mut event);
    }
    out
}

#[test]
fn what_needs_no_change_goes_out_as_its_own_bytes() {
    for request in [
        "GET /a HTTP/1.1\r\nhOsT:   h \t\r\nX-b:\tc\r\nx-B:d\r\nEmpty:\r\nObs: \u{e9}\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0003\r\n\r\nabc",
        "POST /a HTTP/1.1\r\nHost: h\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n",
    ] {
        assert_eq!(forwarded(request), request);
    }
    for request in [
        "GET http://h/a HTTP/1.1\r\nHost: h\r\nConnection: close, x\r\nX: y\r\n\r\n",
        "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: h\r\nconnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    ] {
        assert_eq!(request_through(&Http1::default(), request, |_| {}), request);
    }
}

#[test]
fn what_belongs_to_the_connection_ends_here() {
    let request = "GET / HTTP/1.1\r\nA: 1\r\nConnection: keep-alive, X-Hop\r\nHost: h\r\nkeep-alive: 5\r\nx-hop: 2\r\n\
                   TE: trailers\r\nProxy-Connection: x\r\nUpgrade: foo\r\nHTTP2-Settings: y\r\nB:2\r\nX-HOP: 3\r\n\r\n";
    assert_eq!(forwarded(request), "GET / HTTP/1.1\r\nA: 1\r\nHost: h\r\nB: 2\r\n\r\n");
    let mut end = server();
    let mut event = one(&mut end, request);
    let Event::Head(head) = &mut event else { unreachable!() };
    head.forward();
    assert!(lines(&[event])[0].ends_with(" A=1;Host=h;B=2"), "every reader sees it so");
}

#[test]
fn the_version_is_ours_and_the_target_wins() {
    assert_eq!(forwarded("GET / HTTP/1.0\r\nHost: h\r\n\r\n"), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(forwarded("GET / HTTP/1.0\r\n\r\n"), "GET / HTTP/1.1\r\nHost: \r\n\r\n");
    assert_eq!(
        forwarded("GET http://t:8/p?q HTTP/1.1\r\nA: b\r\nHost: other\r\nC: d\r\n\r\n"),
        "GET /p?q HTTP/1.1\r\nA: b\r\nHost: t:8\r\nC: d\r\n\r\n"
    );
    assert_eq!(forwarded("GET http://t?q HTTP/1.1\r\nHost: t\r\n\r\n"), "GET /?q HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(forwarded("OPTIONS http://t HTTP/1.1\r\nHost: t\r\n\r\n"), "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(forwarded("CONNECT t:8 HTTP/1.1\r\nHost: other\r\n\r\n"), "CONNECT t:8 HTTP/1.1\r\nHost: t:8\r\n\r\n");
}

#[test]
fn via_names_the_version_that_came() {
    let http = Http1::default().via("edge one");
    let out = request_through(&http, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", Head::forward);
    assert_eq!(out, "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.1 edge_one\r\n\r\n");
    let out = request_through(&http, "GET / HTTP/1.0\r\nHost: h\r\nVia: 1.0 x\r\n\r\n", Head::forward);
    assert_eq!(out, "GET / HTTP/1.1\r\nHost: h\r\nVia: 1.0 x\r\nVia: 1.0 edge_one\r\n\r\n");
    let out = request_through(&http, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", |_| {});
    assert!(!out.contains("Via"));
}

#[test]
fn an_allowed_upgrade_passes_alone() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c, WebSocket\r\nConnection: upgrade, keep-alive\r\n\r\n";
    let out = "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: WebSocket\r\n\r\n";
    assert_eq!(forwarded(request), out);
    let plain = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(forwarded(&request.replace(", WebSocket", "")), plain);
    assert_eq!(forwarded(&request.replace("upgrade, ", "")), plain);
    let http = Http1::default().upgrades(&["h2c", "foo"]);
    assert_eq!(request_through(&http, request, Head::forward), plain);
    let foo = request_through(&http, &request.replace("h2c", "foo"), Head::forward);
    assert_eq!(foo, out.replace("WebSocket", "foo"));
}

#[test]
fn edits_are_written_and_decode_to_the_same() {
    let request = "POST http://h/a HTTP/1.1\r\nHost: h\r\nA: 1\r\na: 2\r\nB: 3\r\nContent-Length: 3\r\n\r\nabc";
    let out = request_through(&Http1::default(), request, |head| {
        head.forward();
        head.set_field(b"A", b"9").unwrap();
        head.remove_field(b"b").unwrap();
        head.add_field(b"C", b"4").unwrap();
        head.set_service(b"other:80").unwrap();
        head.set_attribute(Attribute::Path, b"/b?c").unwrap();
    });
    assert_eq!(out, "POST /b?c HTTP/1.1\r\nHost: other:80\r\nA: 9\r\nContent-Length: 3\r\nC: 4\r\n\r\nabc");
    let mut end = server();
    assert_eq!(key(&one(&mut end, out)), "other:80 POST /b?c");
}

#[test]
fn an_edit_that_would_be_smuggled_is_refused() {
    let mut end = server();
    let mut event = one(&mut end, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    let Event::Head(head) = &mut event else { unreachable!() };
    for (name, value) in [
        (&b"X"[..], &b"a\r\nY: b"[..]),
        (b"X", b"a\n"),
        (b"X", b"\0"),
        (b"X y", b""),
        (b"", b""),
        (b"X:", b""),
        (b"Transfer-Encoding", b"chunked"),
        (b"connection", b"close"),
        (b"Upgrade", b"h2c"),
        (b"host", b"g"),
        (b"Content-Length", b"5"),
    ] {
        assert!(head.set_field(name, value).is_err(), "{}", String::from_utf8_lossy(name));
        assert!(head.add_field(name, value).is_err());
    }
    assert!(head.set_attribute(Attribute::Verb, b"PUT").is_err());
    for (attribute, value) in [
        (Attribute::Path, &b"/a b"[..]),
        (Attribute::Path, b"a"),
        (Attribute::Path, b"/a\r\n"),
        (Attribute::Authority, b"a b"),
        (Attribute::Service, b"u@h"),
    ] {
        assert!(head.set_attribute(attribute, value).is_err());
    }
    assert!(!head.is_edited());
}

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn answers_lose_what_is_the_connections() {
    let http = Http1::default();
    let through = |answer: &str| answer_through(&http, GET, answer, Head::forward);
    let same = "HTTP/1.1 200 Fine \u{e9}\r\nDATE: x\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(through(same), same);
    assert_eq!(
        through("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: close, X\r\nX: y\r\n\r\nhi"),
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    );
    assert_eq!(
        through("HTTP/1.1 200 OK\r\n\r\nhi"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    );
    assert_eq!(
        through("HTTP/1.0 200 OK\r\nA: b\r\n\r\nhi"),
        "HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    );
    assert_eq!(
        through("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n2\r\nhi\r\n0\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    );
}

#[test]
fn a_close_that_is_not_forwarded_is_honoured() {
    let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(answer_through(&Http1::default(), GET, answer, |_| {}), answer);
    let keep = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(answer_through(&Http1::default(), GET, answer, Head::forward), keep);
}
