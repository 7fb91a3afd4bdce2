//! The answering end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use common::*;
use meshwire::{Attr, Attribute, Event, Kind, Limit, LocalReply, Outcome, RoutingKey, Sent, Step, StreamId};

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[test]
fn a_request_is_one_event_with_its_key() {
    let mut end = server();
    let event =
        one(&mut end, "POST /a?b=c HTTP/1.1\r\nhOst: Example.com:80\r\nContent-Length: 4\r\nX:  y \t\r\n\r\nbody");
    let head = head(&event);
    assert_eq!(key(&event), "Example.com:80 POST /a?b=c");
    assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"Example.com:80"));
    assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"POST"));
    assert_eq!(head.attribute(Attribute::Version), Attr::Absent);
    assert_eq!(head.field(b"x"), Attr::Value(b"y"));
    assert_eq!((head.data(), head.is_end(), head.stream()), (&b"body"[..], true, StreamId::new(1)));
    assert_eq!((end.codec().state().open, end.codec().state().receiving), (1, false));
}

#[test]
fn the_four_target_forms() {
    for (request, expected) in [
        ("GET /p?q HTTP/1.1\r\nHost: h\r\n\r\n", "h GET /p?q"),
        ("GET http://T:8/p?q HTTP/1.1\r\nHost: h\r\n\r\n", "T:8 GET /p?q"),
        ("GET HTTPS://t HTTP/1.1\r\nHost: t\r\n\r\n", "t GET /"),
        ("GET http://t?q HTTP/1.1\r\nHost: t\r\n\r\n", "t GET /?q"),
        ("OPTIONS http://t HTTP/1.1\r\nHost: t\r\n\r\n", "t OPTIONS *"),
        ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "h OPTIONS *"),
        ("CONNECT t:443 HTTP/1.1\r\nHost: h\r\n\r\n", "t:443 CONNECT -"),
        ("CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n", "[::1]:443 CONNECT -"),
        ("GET / HTTP/1.0\r\n\r\n", "- GET /"),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "- GET /"),
    ] {
        assert_eq!(key(&one(&mut server(), request)), expected, "{request}");
    }
}

#[test]
fn what_is_refused_is_answered_and_closes() {
    let post = |fields: &str| format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n");
    for (request, status, code) in [
        // RFC 9112, section 11.2: request smuggling.
        (post("Content-Length: 5\r\nTransfer-Encoding: chunked"), 400, "framing"),
        (post("Transfer-Encoding: chunked\r\nContent-Length: 5"), 400, "framing"),
        (post("Content-Length: 5\r\nContent-Length: 6"), 400, "content_length"),
        (post("Content-Length: 5\r\nContent-Length: 5"), 400, "content_length"),
        (post("Content-Length: 5, 5"), 400, "content_length"),
        (post("Content-Length: +5"), 400, "content_length"),
        (post("Content-Length: -5"), 400, "content_length"),
        (post("Content-Length: 0x5"), 400, "content_length"),
        (post("Content-Length: 5 5"), 400, "content_length"),
        (post("Content-Length:"), 400, "content_length"),
        (post("Content-Length: 18446744073709551616"), 400, "content_length"),
        (post("Transfer-Encoding: gzip"), 501, "transfer_encoding"),
        (post("Transfer-Encoding: identity"), 501, "transfer_encoding"),
        (post("Transfer-Encoding: xchunked"), 501, "transfer_encoding"),
        (post("Transfer-Encoding: chunked;q=1"), 501, "transfer_encoding"),
        (post("Transfer-Encoding: gzip, chunked"), 501, "transfer_encoding"),
        (post("Transfer-Encoding: chunked, gzip"), 400, "transfer_encoding"),
        (post("Transfer-Encoding: chunked, chunked"), 400, "transfer_encoding"),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), 400, "transfer_encoding"),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), 400, "transfer_encoding"),
        (post("Transfer-Encoding:"), 400, "transfer_encoding"),
        (post("Transfer-Encoding: \x0bchunked"), 400, "field_value"),
        (post("Transfer-Encoding : chunked"), 400, "field_name"),
        (post("Content-Length: 5\r\nTransfer-Encoding\t: chunked"), 400, "field_name"),
        (post("X: a\r\n Transfer-Encoding: chunked"), 400, "field_name"),
        (post("X: a\r\n\tb"), 400, "field_name"),
        (post("X: a\nTransfer-Encoding: chunked"), 400, "line_end"),
        (post("X: a\rTransfer-Encoding: chunked"), 400, "field_value"),
        (post("X: a\0b"), 400, "field_value"),
        (post("X: a\x7fb"), 400, "field_value"),
        (post("X\0: a"), 400, "field_name"),
        (post(": a"), 400, "field_name"),
        (post("no colon"), 400, "field_name"),
        (post("Connection: Content-Length\r\nContent-Length: 3"), 400, "connection"),
        (post("Connection: host"), 400, "connection"),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".into(), 400, "transfer_encoding"),
        (post("Host: h"), 400, "host"),
        (post("host: g"), 400, "host"),
        ("GET / HTTP/1.1\r\n\r\n".into(), 400, "host"),
        ("GET http://h/ HTTP/1.1\r\n\r\n".into(), 400, "host"),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n".into(), 400, "host"),
        ("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n".into(), 400, "host"),
        ("GET / HTTP/1.1\r\nHost: h/\r\n\r\n".into(), 400, "host"),
        ("GET / HTTP/1.1\r\nHost: h:99999\r\n\r\n".into(), 400, "host"),
        ("GET http://u:p@h/ HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "target"),
        ("GET http:/// HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "target"),
        ("GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "target"),
        ("GET * HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "target"),
        ("GET h:1 HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "target"),
        ("GET /#f HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "target"),
        ("CONNECT / HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "target"),
        ("CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "target"),
        ("CONNECT http://h:1/ HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "target"),
        ("CONNECT h:1 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n".into(), 400, "connect"),
        ("GET  / HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "start_line"),
        ("GET /  HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "version"),
        ("GET / a HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "version"),
        ("GET /\tHTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "start_line"),
        ("GET / http/1.1\r\nHost: h\r\n\r\n".into(), 400, "version"),
        ("GET /\r\n\r\n".into(), 400, "start_line"),
        ("G{T / HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "start_line"),
        (" GET / HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "start_line"),
        ("GET / HTTP/1.2\r\nHost: h\r\n\r\n".into(), 505, "version"),
        ("GET / HTTP/2.0\r\nHost: h\r\n\r\n".into(), 505, "version"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 505, "version"),
        ("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "head"),
        ("GET / HTTP/1.1\nHost: h\n\n".into(), 400, "line_end"),
        ("GET / HTTP/1.1\r\nHost: h\r\n\n".into(), 400, "line_end"),
        ("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".into(), 400, "line_end"),
    ] {
        for step in [request.len(), 1] {
            let mut end = server();
            let error = request.as_bytes().chunks(step).find_map(|part| feed(&mut end, part).err());
            let Some(error) = error else { panic!("not refused: {request:?}") };
            assert_eq!((error.code, error.replied, error.is_fatal()), (code, true, true), "{request:?}");
            let answer = taken(&mut end);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer}");
            assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
            assert!(end.codec().state().close);
            assert_eq!(end.decode().unwrap_err(), error);
            assert_eq!(taken(&mut end), "");
        }
    }
}

#[test]
fn a_chunked_body_loses_its_framing() {
    let mut end = server();
    let request = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n\
                   4;a=b\r\nwiki\r\n05 ; x=\"y\"\r\npedia\r\nA\r\n0123456789\r\n0\r\nDate: now\r\nX-Y:z\r\n\r\n";
    let events = feed(&mut end, request).unwrap();
    let lines = lines(&events);
    assert!(lines[0].contains("POST") && lines[1].contains("wikipedia0123456789"), "{lines:?}");
    let Some(Event::Trailers(trailers)) = events.last() else { panic!("no trailers") };
    let fields: Vec<_> = trailers.fields().unwrap().collect();
    assert_eq!(fields, [(&b"Date"[..], &b"now"[..]), (b"X-Y", b"z")]);
    assert_eq!((trailers.kind(), trailers.head_bytes()), (Kind::Trailers, &b"Date: now\r\nX-Y:z\r\n\r\n"[..]));
    assert_eq!(key(&one(&mut end, GET)), "h GET /");
}

#[test]
fn odd_chunks_are_refused() {
    for chunk in [
        "5 \r\nhello\r\n",
        " 5\r\nhello\r\n",
        "\r\n",
        "0x5\r\nhello\r\n",
        "-1\r\n",
        "+5\r\nhello\r\n",
        "g\r\n",
        ";a\r\n",
        "5\nhello\r\n",
        "5\rhello\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\n",
        "5\r\nhello\rX",
        "5;a\nhello\r\n",
        "5;a\0\r\nhello\r\n",
        "00000000000000005\r\nhello\r\n",
        "ffffffffffffffff0\r\n",
        "0\r\nContent-Length: 5\r\n\r\n",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "0\r\nHost: other\r\n\r\n",
        "0\r\nno colon\r\n\r\n",
        "0\r\n X: y\r\n\r\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX : y\r\n\r\n",
    ] {
        for step in [chunk.len(), 1] {
            let mut end = server();
            let _ = one(&mut end, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
            let error = chunk.as_bytes().chunks(step).find_map(|part| feed(&mut end, part).err());
            assert!(error.is_some_and(|error| error.replied), "{chunk:?}");
            assert!(taken(&mut end).starts_with("HTTP/1.1 400 "), "{chunk:?}");
            assert!(end.codec().state().close);
        }
    }
}

#[test]
fn answers_go_out_in_order() {
    let mut end = server();
    assert_eq!(feed(&mut end, GET.repeat(3)).unwrap().len(), 3);
    let (mut second, mut third) = (answer(2, 200, "two"), answer(3, 200, "three"));
    assert_eq!(end.send(&mut third).unwrap(), Sent::Blocked);
    assert_eq!(end.send(&mut second).unwrap(), Sent::Blocked);
    assert!(matches!(end.decode().unwrap(), Step::NeedMore(_)));
    assert_eq!(end.codec().capacity(StreamId::new(2)), 0);
    assert!(send(&mut end, &mut answer(1, 200, "one")).ends_with("\r\n\r\none"));
    assert_eq!(events(&mut end).unwrap().iter().map(Event::stream).collect::<Vec<_>>(), [Some(StreamId::new(2))]);
    assert!(send(&mut end, &mut second).ends_with("\r\n\r\ntwo"));
    let capacity = events(&mut end).unwrap();
    assert!(matches!(capacity[..], [Event::Capacity { stream: Some(id) }] if id == StreamId::new(3)), "{capacity:?}");
    assert!(send(&mut end, &mut third).ends_with("\r\n\r\nthree"));
    assert_eq!(end.codec().state().open, 0);
}

#[test]
fn a_refusal_waits_for_the_answers_before_it() {
    let mut end = server();
    assert_eq!(feed(&mut end, GET).unwrap().len(), 1);
    assert!(feed(&mut end, ["BAD\r\n\r\n", GET].concat()).unwrap_err().replied);
    assert!(taken(&mut end).is_empty() && !end.codec().state().close, "the first answer is still owed");
    let sent = send(&mut end, &mut answer(1, 200, "one"));
    assert!(sent.contains("oneHTTP/1.1 400 "), "{sent}");
    assert!(end.codec().state().close);
}

#[test]
fn pipelining_is_bounded() {
    let mut end = server_with(|limits| limits.pipelined = 2);
    assert_eq!(feed(&mut end, GET.repeat(3)).unwrap().len(), 2);
    assert!(matches!(end.decode().unwrap(), Step::Paused));
    send(&mut end, &mut answer(1, 200, ""));
    assert_eq!(events(&mut end).unwrap().len(), 1);
}

#[test]
fn limits_hold_exactly() {
    let target = |n: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "a".repeat(n - 1));
    let field = |n: usize| format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "a".repeat(n - 1));
    let fields = |n: usize| format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: a\r\n".repeat(n - 1));
    let crumbs = |n: usize| format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "Cookie: a\r\n".repeat(n));
    let cookie = |n: usize| format!("GET / HTTP/1.1\r\nHost: h\r\nCookie: {}\r\n\r\n", "a".repeat(n - 6));
    let head = |n: usize| format!("{}\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nX: ".to_owned() + &"a".repeat(n - 32));
    assert_eq!(head(100).len(), 100);
    let body = |n: usize| format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", n - 48);
    let chunks = |n: usize| format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n", n - 56);
    let extension = |n: usize| {
        format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;{}\r\n", "a".repeat(n - 1))
    };
    let trailers = |n: usize| {
        let fields = "a".repeat(n - 5);
        format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: {fields}\r\n\r\n")
    };
    type Case<'a> = (Limit, u16, usize, &'a dyn Fn(usize) -> String);
    let cases: [Case<'_>; 10] = [
        (Limit::Target, 414, 80, &target),
        (Limit::Field, 431, 80, &field),
        (Limit::Fields, 431, 60, &fields),
        (Limit::CookieCrumbs, 431, 70, &crumbs),
        (Limit::CookieBytes, 431, 70, &cookie),
        (Limit::Head, 431, 100, &head),
        (Limit::Message, 413, 100, &body),
        (Limit::Message, 413, 100, &chunks),
        (Limit::ChunkExtensions, 431, 30, &extension),
        (Limit::Trailers, 431, 30, &trailers),
    ];
    for (limit, status, n, make) in cases {
        for step in [usize::MAX, 1] {
            let bounded = || {
                server_with(|limits| match limit {
                    Limit::Target => limits.target = n,
                    Limit::Field => limits.field = n,
                    Limit::Fields => limits.fields = n,
                    Limit::CookieCrumbs => limits.cookie_crumbs = n,
                    Limit::CookieBytes => limits.cookie_bytes = n,
                    Limit::Head => limits.head = n,
                    Limit::Message => limits.message = Some(n as u64),
                    Limit::ChunkExtensions => limits.chunk_extensions = n,
                    _ => limits.trailers = n,
                })
            };
            let mut end = bounded();
            let (good, bad) = (make(n), make(n + 1));
            for part in good.as_bytes().chunks(step.min(good.len())) {
                feed(&mut end, part).unwrap_or_else(|error| panic!("{limit}: {error}"));
            }
            let mut end = bounded();
            let error = bad.as_bytes().chunks(step.min(bad.len())).find_map(|part| feed(&mut end, part).err());
            let error = error.unwrap_or_else(|| panic!("{limit} not refused: {bad:?}"));
            assert_eq!((error.limit, error.outcome()), (Some(limit), Outcome::TooLarge), "{bad:?}");
            assert!(taken(&mut end).starts_with(&format!("HTTP/1.1 {status} ")), "{limit}");
            assert_eq!(end.codec().stats().tripped(limit), 1);
        }
    }
}

#[test]
fn an_endless_first_line_is_a_long_target() {
    let mut end = server_with(|limits| limits.head = 200);
    let error = error(&mut end, "GET /".to_owned() + &"a".repeat(300));
    assert_eq!(error.limit, Some(Limit::Target));
}

#[test]
fn keep_alive_and_close() {
    let cases = [
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", None, false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, Close\r\n\r\n", Some("Connection: close"), true),
        ("GET / HTTP/1.0\r\n\r\n", Some("Connection: close"), true),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", Some("Connection: keep-alive"), false),
        ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", Some("Connection: close"), true),
    ];
    for (request, option, close) in cases {
        let mut end = server();
        let events = feed(&mut end, [request, GET].concat()).unwrap();
        assert_eq!(events.len(), if close { 1 } else { 2 }, "{request}");
        let out = send(&mut end, &mut answer(1, 200, "x"));
        assert_eq!(out.contains("Connection"), option.is_some(), "{out}");
        assert!(option.is_none_or(|option| out.contains(option)), "{out}");
        assert_eq!(end.codec().state().close, close, "{request}");
        if close {
            assert!(matches!(end.decode().unwrap(), Step::Closed));
        }
    }
}

#[test]
fn going_away_closes_after_the_last_answer() {
    let mut end = server();
    assert_eq!(feed(&mut end, GET.repeat(2)).unwrap().len(), 2);
    let (codec, mut cx) = end.codec_mut();
    codec.go_away(&mut cx);
    assert!(feed(&mut end, GET).unwrap().is_empty());
    assert!(!send(&mut end, &mut answer(1, 200, "")).contains("close"));
    assert!(send(&mut end, &mut answer(2, 200, "")).contains("Connection: close"));
    assert!(end.codec().state().close);
}

#[test]
fn a_stream_of_unknown_length_is_chunked_or_ends_with_the_connection() {
    for (version, chunked) in [("1.1", true), ("1.0", false)] {
        let mut end = server();
        let _ = one(&mut end, format!("GET / HTTP/{version}\r\nHost: h\r\nConnection: keep-alive\r\n\r\n"));
        let mut upstream = asked("GET", &[]);
        let events =
            feed(&mut upstream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n");
        let mut out = String::new();
        for mut event in events.unwrap() {
            out += &send(&mut end, &mut event);
        }
        if chunked {
            assert_eq!(out, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n");
        } else {
            assert_eq!(out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc");
            assert!(end.codec().state().close);
        }
    }
}

#[test]
fn a_head_answer_has_no_body() {
    let mut end = server();
    let _ = one(&mut end, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    let out = send(&mut end, &mut answer(1, 200, "body"));
    assert_eq!(out, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(end.codec().state().open, 0);
}

#[test]
fn lengths_are_kept() {
    let mut end = server();
    let _ = one(&mut end, GET);
    let mut upstream = asked("GET", &[]);
    let mut head = one(&mut upstream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
    assert!(send(&mut end, &mut head).ends_with("Content-Length: 5\r\n\r\n"));
    let body = |data: &'static str, end| {
        Event::Body(meshwire::Body { stream: StreamId::new(1), data: bytes::Bytes::from_static(data.as_bytes()), end })
    };
    assert!(matches!(end.send(&mut body("123456", false)), Err(meshwire::EncodeError::TooLong(_))));
    assert!(matches!(end.send(&mut body("1234", true)), Err(meshwire::EncodeError::TooShort(_))));
    assert_eq!(end.codec().capacity(StreamId::new(1)), 5);
    assert_eq!(send(&mut end, &mut body("12", false)), "12");
    assert_eq!(send(&mut end, &mut body("345", true)), "345");
    assert!(matches!(end.send(&mut body("", true)), Err(meshwire::EncodeError::NotOpen(_))));
}

#[test]
fn a_refused_connect_closes_and_its_bytes_go_nowhere() {
    let mut end = server();
    let events = feed(&mut end, "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n").unwrap();
    assert_eq!(events.len(), 1);
    assert!(!events[0].is_end());
    assert!(matches!(end.decode().unwrap(), Step::Paused));
    assert!(send(&mut end, &mut answer(1, 403, "no")).contains("Connection: close\r\n"));
    assert!(matches!(end.decode().unwrap(), Step::Event(Event::Body(body)) if body.end && body.data.is_empty()));
    assert!(end.codec().state().close && matches!(end.decode().unwrap(), Step::Closed));
}

#[test]
fn a_connect_becomes_a_tunnel_when_it_is_answered() {
    let mut end = server();
    assert_eq!(feed(&mut end, "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\nearly").unwrap().len(), 1);
    assert_eq!(send(&mut end, &mut answer(1, 200, "")), "HTTP/1.1 200 OK\r\n\r\n");
    let lines = lines(&events(&mut end).unwrap());
    assert_eq!(lines, ["Upgraded { stream: StreamId(1) }", "body 1 \"early\" false"]);
    assert!(end.codec().state().tunnel && end.codec().state().sending);
    let mut data = Event::Body(meshwire::Body { stream: StreamId::new(1), data: "late".into(), end: true });
    assert_eq!(send(&mut end, &mut data), "late");
    assert!(end.codec().state().ended && !end.codec().state().close);
    end.set_eof();
    assert!(matches!(end.decode().unwrap(), Step::Event(Event::Body(body)) if body.end));
    assert!(matches!(end.decode().unwrap(), Step::Closed));
    assert!(end.codec().state().close);
}

const UPGRADE: &str = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";

#[test]
fn an_upgrade_switches_on_101_only() {
    let mut end = server();
    assert_eq!(feed(&mut end, [UPGRADE, "frame"].concat()).unwrap().len(), 1);
    let mut event =
        meshwire_http1::response(101, &[("Upgrade", "websocket"), ("Connection", "Upgrade"), ("X", "y")], "").unwrap();
    event.set_stream(StreamId::new(1));
    let Event::Head(head) = &mut event else { unreachable!() };
    head.forward();
    let out = send(&mut end, &mut event);
    assert_eq!(out, "HTTP/1.1 101 Switching Protocols\r\nX: y\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    let lines = lines(&events(&mut end).unwrap());
    assert_eq!(lines, ["Upgraded { stream: StreamId(1) }", "body 1 \"frame\" false"]);
}

#[test]
fn behind_an_ignored_upgrade_comes_the_next_request() {
    let mut end = server();
    assert_eq!(feed(&mut end, [UPGRADE, GET].concat()).unwrap().len(), 1);
    send(&mut end, &mut answer(1, 200, ""));
    let events = events(&mut end).unwrap();
    assert!(matches!(&events[..], [Event::Body(end), Event::Head(_)] if end.end && end.data.is_empty()), "{events:?}");
}

#[test]
fn other_upgrades_are_requests_like_any_other() {
    for token in ["h2c", "foo", "websocket2"] {
        let mut end = server();
        let request = UPGRADE
            .replace("WebSocket", token)
            .replace("Upgrade\r\n", "Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n");
        assert_eq!(feed(&mut end, request + GET).unwrap().len(), 2, "{token}");
        let mut event = meshwire_http1::response(101, &[("Upgrade", token), ("Connection", "Upgrade")], "").unwrap();
        event.set_stream(StreamId::new(1));
        assert!(matches!(end.send(&mut event), Err(meshwire::EncodeError::Refused(_))));
    }
}

#[test]
fn the_window_pauses_and_release_goes_on() {
    let mut end = server_with(|limits| limits.window = 10);
    end.input().extend_from_slice(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 25\r\n\r\n0123456789012345678901234");
    let Step::Event(event) = end.decode().unwrap() else { panic!() };
    assert_eq!(event.data_len(), 10);
    assert!(matches!(end.decode().unwrap(), Step::Paused));
    end.release(StreamId::new(1), 10);
    let Step::Event(event) = end.decode().unwrap() else { panic!() };
    assert_eq!((event.data_len(), event.is_end()), (10, false));
    assert!(matches!(end.decode().unwrap(), Step::Paused));
    end.release(StreamId::new(1), 5);
    let Step::Event(event) = end.decode().unwrap() else { panic!() };
    assert_eq!((event.data_len(), event.is_end()), (5, true));
}

#[test]
fn local_replies_read_as_what_they_say() {
    for outcome in Outcome::ALL {
        let mut end = server();
        let event = one(&mut end, GET);
        let mut reply = end.reply(event.stream().unwrap(), &LocalReply::new(outcome, "why")).unwrap();
        let out = send(&mut end, &mut reply);
        assert!(out.ends_with("why\n"));
        assert!(end.reply(StreamId::new(1), &LocalReply::new(outcome, "")).is_none());
        let mut upstream = asked("GET", &[]);
        assert_eq!(head(&one(&mut upstream, out)).outcome(), outcome);
    }
}

#[test]
fn the_end_of_input() {
    for (request, truncated) in
        [("", false), (GET, false), ("\r\n", false), ("GET / H", true), ("GET / HTTP/1.1\r\nHost: h\r\n", true)]
    {
        let mut end = server();
        feed(&mut end, request).unwrap();
        end.set_eof();
        match end.decode() {
            Ok(Step::Closed) => assert!(!truncated, "{request:?}"),
            Err(error) => assert!(truncated && error.code == "truncated", "{request:?}"),
            other => panic!("{other:?}"),
        }
    }
    let mut end = server();
    feed(&mut end, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n123").unwrap();
    assert!(end.codec().state().receiving);
    end.set_eof();
    assert_eq!(end.decode().unwrap_err().code, "truncated");
    assert!(end.codec().state().close);
}

#[test]
fn a_half_closed_client_gets_its_answer() {
    let mut end = server();
    feed(&mut end, GET).unwrap();
    end.set_eof();
    assert!(matches!(end.decode().unwrap(), Step::Closed));
    assert!(!end.codec().state().close && end.codec().state().open == 1);
    send(&mut end, &mut answer(1, 200, "x"));
    assert!(end.codec().state().close);
}

#[test]
fn a_reset_costs_the_connection() {
    let reset =
        |id| Event::Reset(meshwire::Reset { stream: StreamId::new(id), reason: meshwire::ResetReason::Cancelled });
    let mut end = server();
    feed(&mut end, GET.repeat(2)).unwrap();
    assert_eq!(end.send(&mut reset(2)).unwrap(), Sent::All);
    assert!(!end.codec().state().close);
    assert!(send(&mut end, &mut answer(1, 200, "x")).contains("Connection: close"));
    assert!(end.codec().state().close);
    let mut end = server();
    feed(&mut end, GET).unwrap();
    assert_eq!(end.send(&mut reset(1)).unwrap(), Sent::All);
    assert!(end.codec().state().close);
}

#[test]
fn interim_answers_pass_but_not_to_1_0() {
    let mut upstream = asked("GET", &[]);
    let mut interim = one(&mut upstream, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    let mut end = server();
    feed(&mut end, GET).unwrap();
    assert_eq!(send(&mut end, &mut interim.clone()), "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    send(&mut end, &mut answer(1, 200, "x"));
    let mut end = server();
    feed(&mut end, "GET / HTTP/1.0\r\n\r\n").unwrap();
    assert_eq!(send(&mut end, &mut interim), "");
}
