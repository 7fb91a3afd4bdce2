//! The asking end.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use common::*;
use meshwire::{Body, Conn, EncodeError, Endpoint, Event, Kind, Outcome, Protocol, Sent, Step, StreamId};
use meshwire_http1::{Http1, request};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

fn get() -> Event {
    request("GET", "/", &[("Host", "h")], "").unwrap()
}

#[test]
fn a_request_is_named_as_it_is_written() {
    let mut end = client();
    let mut event = request("POST", "/p", &[("Host", "h")], "body").unwrap();
    assert_eq!(send(&mut end, &mut event), "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(event.stream(), Some(StreamId::new(1)));
    let event = one(&mut end, OK);
    assert_eq!((head(&event).status(), head(&event).outcome()), (Some(200), Outcome::Success));
    assert_eq!((head(&event).data(), event.is_end(), event.stream()), (&b"hi"[..], true, Some(StreamId::new(1))));
    assert!(!end.codec().state().close && end.codec().state().open == 0);
}

#[test]
fn one_exchange_at_a_time_unless_told_otherwise() {
    let mut end = client();
    assert!(!send(&mut end, &mut get()).is_empty());
    let mut second = get();
    assert_eq!(end.send(&mut second).unwrap(), Sent::Blocked);
    assert!(second.stream().unwrap().is_new());
    assert!(matches!(end.decode().unwrap(), Step::NeedMore(_)));
    let events = feed(&mut end, OK).unwrap();
    assert!(matches!(events[..], [Event::Head(_), Event::Capacity { stream: None }]), "{events:?}");
    assert!(!send(&mut end, &mut second).is_empty());
    assert_eq!(second.stream(), Some(StreamId::new(2)));

    let mut end = Endpoint::new(Http1::default().pipeline(2).codec(Conn::client()));
    ask(&mut end, "HEAD", &[]);
    ask(&mut end, "GET", &[]);
    assert_eq!(end.send(&mut get()).unwrap(), Sent::Blocked);
    let events = feed(&mut end, ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", OK].concat()).unwrap();
    let streams: Vec<_> =
        events.iter().filter(|e| matches!(e, Event::Head(_))).map(|e| e.stream().unwrap().id()).collect();
    assert_eq!(streams, [1, 2]);
}

#[test]
fn answers_without_a_body() {
    for (method, answer) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"),
        ("GET", "HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"),
        ("GET", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("GET", "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"),
    ] {
        let mut end = asked(method, &[]);
        let event = one(&mut end, answer);
        assert!(event.is_end(), "{answer}");
        ask(&mut end, "GET", &[]);
        assert_eq!(feed(&mut end, OK).unwrap().len(), 1, "{answer}");
    }
}

#[test]
fn framing_that_says_nothing_is_not_passed_on() {
    for (method, answer, out) in [
        ("GET", "HTTP/1.1 204 No\r\nContent-Length: 9\r\nX: y\r\n\r\n", "HTTP/1.1 204 No\r\nX: y\r\n\r\n"),
        ("GET", "HTTP/1.1 304 N\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 304 N\r\n\r\n"),
        ("GET", "HTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 304 N\r\nContent-Length: 9\r\n\r\n"),
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
    ] {
        let mut upstream = asked(method, &[]);
        let mut event = one(&mut upstream, answer);
        let mut end = server();
        one(&mut end, format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!(send(&mut end, &mut event), out);
    }
}

#[test]
fn bad_answers_cost_the_connection() {
    for (answer, code) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "framing"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "content_length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n", "content_length"),
        ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", "content_length"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "transfer_encoding"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "transfer_encoding"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "transfer_encoding"),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer_encoding"),
        ("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "field_name"),
        ("HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "field_name"),
        ("HTTP/1.1 200 OK\nX: a\r\n\r\n", "line_end"),
        ("HTTP/1.1 200 OK\r\nX: a\0\r\n\r\n", "field_value"),
        ("HTTP/1.1 200 O\rK\r\n\r\n", "status"),
        ("HTTP/1.1 20 OK\r\n\r\n", "status"),
        ("HTTP/1.1 099 OK\r\n\r\n", "status"),
        ("HTTP/1.1  200 OK\r\n\r\n", "status"),
        ("HTTP/2.0 200 OK\r\n\r\n", "version"),
        ("ICY 200 OK\r\n\r\n", "version"),
        ("\r\nHTTP/1.1 200 OK\r\n\r\n", "version"),
        ("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", "upgrade"),
    ] {
        for step in [answer.len(), 1] {
            let mut end = asked("GET", &[]);
            let error = answer.as_bytes().chunks(step).find_map(|part| feed(&mut end, part).err());
            let Some(error) = error else { panic!("not refused: {answer:?}") };
            assert_eq!((error.outcome(), error.is_fatal(), error.replied), (Outcome::BadResponse, true, false));
            if !answer.starts_with('\r') {
                assert_eq!(error.code, code, "{answer:?}");
            }
            assert!(end.codec().state().close);
            assert_eq!(end.decode().unwrap_err(), error);
            assert!(end.output().is_empty());
            assert!(matches!(end.send(&mut get()), Err(EncodeError::Refused(_))));
        }
    }
}

#[test]
fn an_answer_nobody_asked_for() {
    assert_eq!(error(&mut client(), OK).code, "unsolicited");
    let mut end = asked("GET", &[]);
    assert_eq!(feed(&mut end, OK).unwrap().len(), 1);
    assert_eq!(error(&mut end, "H").code, "unsolicited");

    let mut end = Endpoint::new(Http1::default().assume_get(true).codec(Conn::client()));
    assert_eq!(feed(&mut end, OK.repeat(2)).unwrap().len(), 2);
}

#[test]
fn interim_answers_come_first_and_are_counted() {
    let mut end = asked("POST", &[("Expect", "100-continue")]);
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let events = feed(&mut end, [interim, interim, OK].concat()).unwrap();
    let kinds: Vec<_> = events.iter().map(|event| head(event).kind()).collect();
    assert_eq!(kinds, [Kind::Interim, Kind::Interim, Kind::Response]);

    for (n, good) in [(3, true), (4, false)] {
        let mut end = client_with(|limits| limits.interim = 3);
        ask(&mut end, "GET", &[]);
        assert_eq!(feed(&mut end, interim.repeat(n)).is_ok(), good);
    }
}

#[test]
fn a_close_delimited_answer_ends_with_the_input() {
    let mut end = asked("GET", &[]);
    assert_eq!(lines(&feed(&mut end, "HTTP/1.1 200 OK\r\n\r\nabc").unwrap())[1], "body 1 \"abc\" false");
    assert!(end.codec().state().receiving && end.codec().state().draining);
    end.set_eof();
    assert!(matches!(end.decode().unwrap(), Step::Event(Event::Body(Body { end: true, .. }))));
    assert!(matches!(end.decode().unwrap(), Step::Closed));
    assert!(end.codec().state().close);
}

#[test]
fn an_end_inside_an_answer_is_a_truncation() {
    for answer in [
        "H",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n",
    ] {
        let mut end = asked("GET", &[]);
        feed(&mut end, answer).unwrap();
        end.set_eof();
        let error = end.decode().unwrap_err();
        assert_eq!((error.code, error.outcome()), ("truncated", Outcome::BadResponse), "{answer}");
    }
    let mut end = asked("GET", &[]);
    end.set_eof();
    assert!(matches!(end.decode().unwrap(), Step::Closed));
    assert!(end.codec().state().close && end.codec().state().open == 1);
}

#[test]
fn keep_alive_and_close() {
    for (answer, close) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", true),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", false),
    ] {
        let mut end = asked("GET", &[]);
        assert_eq!(feed(&mut end, answer).unwrap().len(), 1);
        assert_eq!(end.codec().state().close, close, "{answer}");
        assert_eq!(end.send(&mut get()).is_err(), close);
    }
}

#[test]
fn what_is_pipelined_behind_a_close_is_not_answered() {
    let mut end = Endpoint::new(Http1::default().pipeline(2).codec(Conn::client()));
    ask(&mut end, "GET", &[]);
    ask(&mut end, "GET", &[]);
    let close = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(feed(&mut end, [close, OK].concat()).unwrap().len(), 1);
    assert!(end.codec().state().close && end.codec().state().open == 1);
}

#[test]
fn a_blocked_request_learns_that_the_connection_is_spent() {
    let mut end = asked("GET", &[]);
    let mut event = get();
    assert_eq!(end.send(&mut event).unwrap(), Sent::Blocked);
    let events = feed(&mut end, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert!(events.iter().any(|event| matches!(event, Event::Capacity { stream: None })));
    assert!(matches!(end.send(&mut event), Err(EncodeError::Refused(_))));
}

#[test]
fn a_connect_tunnels_after_2xx_only() {
    let mut end = asked("CONNECT", &[]);
    let mut early = Event::Body(Body { stream: StreamId::new(1), data: "early".into(), end: false });
    assert_eq!(end.send(&mut early).unwrap(), Sent::Blocked);
    assert!(end.output().is_empty());
    assert_eq!(end.send(&mut get()).unwrap(), Sent::Blocked);
    let events = feed(&mut end, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nbytes").unwrap();
    assert!(!events[0].is_end());
    assert!(events.iter().any(|e| matches!(e, Event::Capacity { stream: Some(_) })));
    assert!(events.iter().any(|e| matches!(e, Event::Upgraded { .. })), "{events:?}");
    assert_eq!(lines(&events).last().unwrap(), "body 1 \"bytes\" false");
    assert_eq!(send(&mut end, &mut early), "early");
    assert!(end.codec().state().tunnel);
}

#[test]
fn a_refused_connect_closes() {
    let mut end = asked("CONNECT", &[]);
    let event = one(&mut end, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!((event.is_end(), head(&event).outcome()), (true, Outcome::Denied));
    assert!(end.codec().state().close && !end.codec().state().tunnel);
    let mut late = Event::Body(Body { stream: StreamId::new(1), data: "late".into(), end: true });
    assert_eq!(send(&mut end, &mut late), "", "there is no tunnel");
}

const UPGRADE: [(&str, &str); 2] = [("Connection", "upgrade"), ("Upgrade", "websocket")];

#[test]
fn an_upgrade_tunnels_after_101_only() {
    let mut end = asked("GET", &UPGRADE);
    let events = feed(&mut end, "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nframe").unwrap();
    assert!(matches!(events[1], Event::Upgraded { .. }));
    assert_eq!(lines(&events).last().unwrap(), "body 1 \"frame\" false");
    let mut data = Event::Body(Body { stream: StreamId::new(1), data: "data".into(), end: true });
    assert_eq!(send(&mut end, &mut data), "data");
    end.set_eof();
    assert!(matches!(end.decode().unwrap(), Step::Event(Event::Body(Body { end: true, .. }))));
    assert!(end.codec().state().close);

    let mut end = asked("GET", &UPGRADE);
    assert_eq!(feed(&mut end, OK).unwrap().len(), 1);
    ask(&mut end, "GET", &[]);
    assert_eq!(feed(&mut end, OK).unwrap().len(), 1);
}

#[test]
fn a_server_switches_to_what_was_asked_for_only() {
    let mut end = asked("GET", &UPGRADE);
    assert_eq!(error(&mut end, "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n").code, "upgrade");
    let mut end = asked("GET", &UPGRADE);
    assert_eq!(error(&mut end, "HTTP/1.1 101 X\r\n\r\n").code, "upgrade");
}

#[test]
fn other_upgrades_are_taken_out() {
    let mut end = client();
    let fields =
        [("Host", "h"), ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c"), ("HTTP2-Settings", "x")];
    let mut event = request("GET", "/", &fields, "").unwrap();
    assert_eq!(send(&mut end, &mut event), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut end = client();
    let fields = [("Host", "h"), ("Connection", "upgrade"), ("Upgrade", "h2c, websocket")];
    let mut event = request("GET", "/", &fields, "").unwrap();
    let out = send(&mut end, &mut event);
    assert_eq!(out, "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
}

#[test]
fn an_early_answer_keeps_the_request_going() {
    let mut from = server();
    let mut event = one(&mut from, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab");
    let Event::Head(head) = &mut event else { unreachable!() };
    head.set_stream(StreamId::NEW);
    let mut end = client();
    send(&mut end, &mut event);
    assert_eq!(feed(&mut end, OK).unwrap().len(), 1);
    assert!(end.codec().state().sending && end.codec().state().open == 1);
    assert_eq!(end.send(&mut get()).unwrap(), Sent::Blocked);
    let mut rest = Event::Body(Body { stream: StreamId::new(1), data: "cd".into(), end: true });
    assert_eq!(send(&mut end, &mut rest), "cd");
    assert!(matches!(end.decode().unwrap(), Step::Event(Event::Capacity { stream: None })));
}

#[test]
fn a_reset_closes() {
    let mut end = asked("GET", &[]);
    let mut reset =
        Event::Reset(meshwire::Reset { stream: StreamId::new(1), reason: meshwire::ResetReason::Cancelled });
    assert_eq!(end.send(&mut reset).unwrap(), Sent::All);
    assert!(end.codec().state().close);
    assert!(matches!(end.decode().unwrap(), Step::Closed));
}

#[test]
fn what_a_server_would_refuse_is_not_written() {
    for (method, target, fields) in [
        ("GET", "/", &[("Host", "a\r\nX: y")][..]),
        ("GET", "/", &[("Host", "h"), ("X", "a\nb")]),
        ("GET", "/", &[("Host", "h"), ("X", "a\0b")]),
        ("GET", "/", &[("Host", "h"), ("X y", "a")]),
        ("GET", "/ HTTP/1.1\r\nX: y", &[("Host", "h")]),
        ("GET", "/", &[]),
        ("G T", "/", &[("Host", "h")]),
        ("GET", "x", &[("Host", "h")]),
        ("GET", "/", &[("Host", "h"), ("Content-Length", "3")]),
        ("GET", "/", &[("Host", "h"), ("Transfer-Encoding", "chunked")]),
    ] {
        assert!(request(method, target, fields, "").is_err(), "{method} {target} {fields:?}");
    }
    assert!(meshwire_http1::response(200, &[("X", "a\r\nb")], "").is_err());
    assert!(meshwire_http1::response(99, &[], "").is_err());
    assert!(meshwire_http1::response(204, &[], "x").is_err());
}
