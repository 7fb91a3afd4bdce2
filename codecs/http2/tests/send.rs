//! What goes out: heads named as they are written, windows, resets, and the end of a connection.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use std::time::Duration;

use common::*;
use meshwire::{
    Attribute, Conn, EncodeError, Endpoint, Event, LocalReply, Outcome, Protocol, Reset, ResetReason, RoutingKey, Sent,
    Step, StreamId, Switch,
};
use meshwire_http2::hpack::Decoder;
use meshwire_http2::{Http2, request, response, trailers};

fn get() -> Event {
    request("GET", "/", "example.com", &[], "").unwrap()
}

fn send(end: &mut Endpoint, event: &mut Event) -> Vec<Frame> {
    assert_eq!(end.send(event).unwrap(), Sent::All);
    written(end)
}

fn fields(decoder: &mut Decoder, block: &[u8]) -> Vec<(String, String, bool)> {
    let mut all = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    decoder.decode(block, |field| all.push((text(field.name), text(field.value), field.never_indexed))).unwrap();
    all
}

#[test]
fn a_client_says_hello_before_its_first_request() {
    let mut end = Endpoint::new(Http2::default().codec(Conn::client()));
    let mut ask = get();
    assert_eq!(end.send(&mut ask).unwrap(), Sent::All);
    assert_eq!(ask.stream(), Some(StreamId::new(1)));
    let bytes = end.output_mut().take();
    assert!(bytes.starts_with(PREFACE));
    let said = frames(&bytes);
    assert_eq!(said.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [SETTINGS, WINDOW_UPDATE, HEADERS]);
    // No push; a window and a limit on heads of our own.
    assert!(said[0].payload.starts_with(&[0, 2, 0, 0, 0, 0]));
    assert_eq!((said[2].flags, said[2].stream), (END_HEADERS | END_STREAM, 1));
}

#[test]
fn requests_are_named_in_the_order_in_which_they_are_written() {
    let mut end = client();
    for id in [1, 3, 5] {
        let mut ask = get();
        assert_eq!(send(&mut end, &mut ask)[0].stream, id);
        assert_eq!(ask.stream(), Some(StreamId::new(u64::from(id))));
    }
    let mut named = get();
    named.set_stream(StreamId::new(9));
    assert!(matches!(end.send(&mut named), Err(EncodeError::Refused(_))));
}

#[test]
fn a_server_that_takes_two_at_once_is_asked_two_at_once() {
    let mut end = client_with(&[(3, 2)], |_| {});
    let mut third = get();
    send(&mut end, &mut get());
    send(&mut end, &mut get());
    assert_eq!(end.send(&mut third).unwrap(), Sent::Blocked);
    assert!(written(&mut end).is_empty() && third.stream().unwrap().is_new());
    let events = feed(&mut end, headers(3, true, OK)).unwrap();
    assert!(matches!(&events[1], Event::Capacity { stream: None }), "{events:?}");
    assert_eq!(send(&mut end, &mut third)[0].stream, 5);
}

#[test]
fn data_keeps_to_both_windows() {
    let mut end = server();
    feed(&mut end, [settings(&[(4, 10)]), headers(1, true, GET), headers(3, true, GET)].concat()).unwrap();
    send(&mut end, &mut open_answer(1, OK));
    send(&mut end, &mut open_answer(3, OK));
    let mut one = body(1, true, &b"0123456789abcdef"[..]);
    assert_eq!(end.codec().capacity(StreamId::new(1)), 10);
    assert_eq!(end.send(&mut one).unwrap(), Sent::Blocked);
    assert_eq!(wrote(&mut end, DATA).payload, b"0123456789");
    assert_eq!(one.data_len(), 6);
    assert!(feed(&mut end, credit(3, 5)).unwrap().is_empty());
    let events = feed(&mut end, credit(1, 5)).unwrap();
    assert!(matches!(events[..], [Event::Capacity { stream: Some(stream) }] if stream.id() == 1));
    assert_eq!(end.send(&mut one).unwrap(), Sent::Blocked);
    assert_eq!(wrote(&mut end, DATA).payload, b"abcde");
    // A window that shrinks below what is under way, and grows again.
    assert!(feed(&mut end, settings(&[(4, 0)])).unwrap().is_empty());
    assert!(feed(&mut end, credit(1, 9)).unwrap().is_empty());
    let events = feed(&mut end, settings(&[(4, 10)])).unwrap();
    assert!(matches!(events[..], [Event::Capacity { stream: None }]), "{events:?}");
    written(&mut end);
    assert_eq!(end.send(&mut one).unwrap(), Sent::All);
    let last = wrote(&mut end, DATA);
    assert_eq!((last.flags, &last.payload[..]), (END_STREAM, &b"f"[..]));
}

#[test]
fn data_keeps_to_the_window_of_the_connection() {
    let mut end = server();
    feed(&mut end, [settings(&[(4, 1_000_000)]), headers(1, true, GET), headers(3, true, GET)].concat()).unwrap();
    send(&mut end, &mut open_answer(1, OK));
    send(&mut end, &mut open_answer(3, OK));
    let mut one = body(1, true, vec![7; 70_000]);
    assert_eq!(end.send(&mut one).unwrap(), Sent::Blocked);
    let said = written(&mut end);
    assert_eq!(said.iter().map(|frame| frame.payload.len()).collect::<Vec<_>>(), [16_384, 16_384, 16_384, 16_383]);
    assert_eq!(end.codec().capacity(StreamId::new(3)), 0);
    assert_eq!(end.send(&mut body(3, true, &b"x"[..])).unwrap(), Sent::Blocked);
    // What has no content needs no credit.
    assert_eq!(end.send(&mut body(3, true, &b""[..])).unwrap(), Sent::All);
    let events = feed(&mut end, credit(0, 100_000)).unwrap();
    assert!(matches!(events[..], [Event::Capacity { stream: None }]), "{events:?}");
    assert_eq!(end.send(&mut one).unwrap(), Sent::All);
}

#[test]
fn credit_is_given_for_what_was_released() {
    let mut end = server_with(|limits| (limits.window, limits.connection_window) = (100_000, 200_000));
    feed(&mut end, headers(1, false, POST)).unwrap();
    for _ in 0..10 {
        keep(&mut end, data(1, false, &[0; 10_000])).unwrap();
    }
    assert!(written(&mut end).is_empty());
    end.release(StreamId::new(1), 49_999);
    assert!(written(&mut end).is_empty());
    end.release(StreamId::new(1), 1);
    let said = wrote(&mut end, WINDOW_UPDATE);
    assert_eq!((said.stream, said.number()), (1, 50_000));
    end.release(StreamId::new(1), 50_000);
    let said = written(&mut end);
    assert_eq!(said.iter().map(|f| (f.stream, f.number())).collect::<Vec<_>>(), [(0, 100_000), (1, 50_000)]);
    // Past the window is past it.
    let error = keep(&mut end, data(1, false, &[0; 16_000]).repeat(7)).unwrap_err();
    assert_eq!((error.code, error.is_fatal()), ("window", false));
    assert_eq!(wrote(&mut end, RST_STREAM).code(), FLOW_CONTROL_ERROR);
}

#[test]
fn the_window_of_the_connection_is_kept_to() {
    let mut end = server_with(|limits| (limits.window, limits.connection_window) = (100_000, 100_000));
    feed(&mut end, [headers(1, false, POST), headers(3, false, POST)].concat()).unwrap();
    for id in [1, 3] {
        keep(&mut end, data(id, false, &[0; 10_000]).repeat(5)).unwrap();
    }
    let error = keep(&mut end, data(3, false, b"x")).unwrap_err();
    assert_eq!((error.code, error.is_fatal()), ("window", true));
    assert_eq!(wrote(&mut end, GOAWAY).code(), FLOW_CONTROL_ERROR);
}

#[test]
fn a_reset_gives_the_credit_of_its_stream_back() {
    let mut end = server_with(|limits| (limits.window, limits.connection_window) = (65_535, 65_535));
    feed(&mut end, headers(1, false, POST)).unwrap();
    keep(&mut end, data(1, false, &[0; 10_000]).repeat(6)).unwrap();
    let reset = Reset { stream: StreamId::new(1), reason: ResetReason::Cancelled };
    let said = send(&mut end, &mut Event::Reset(reset));
    assert_eq!((said[0].kind, said[0].code()), (RST_STREAM, CANCEL));
    end.release(StreamId::new(1), 60_000);
    assert_eq!(wrote(&mut end, WINDOW_UPDATE).stream, 0);
    // Once more is nothing more.
    assert!(send(&mut end, &mut Event::Reset(reset)).is_empty());
}

#[test]
fn heads_longer_than_a_frame_go_on() {
    let (mut from, mut to) = (client(), server());
    let long = "v".repeat(30_000);
    let mut ask = request("GET", "/", "h", &[("a", &long), ("b", &long)], "").unwrap();
    let said = send(&mut from, &mut ask);
    assert!(said.len() > 1 && said[1].kind == CONTINUATION);
    let bytes: Vec<u8> = said.iter().flat_map(|f| frame(f.kind, f.flags, f.stream, &f.payload)).collect();
    assert_eq!(head(&one(&mut to, bytes)).field(b"b").value(), Some(long.as_bytes()));
}

#[test]
fn fields_that_must_not_be_indexed_stay_so() {
    let mut from = server();
    let mut out = Vec::new();
    for (name, value) in GET.iter().chain(&[("x-secret", "s3cr3t"), ("x-plain", "p")]) {
        let field = meshwire_http2::hpack::Field::new(name.as_bytes(), value.as_bytes());
        meshwire_http2::hpack::Encoder::literal(&field.never_indexed(*name == "x-secret"), &mut out);
    }
    let mut event = one(&mut from, frame(HEADERS, END_HEADERS | END_STREAM, 1, &out));
    // Edits do not change that.
    for edited in [false, true] {
        let mut event = event.clone();
        let Event::Head(head) = &mut event else { unreachable!() };
        head.forward();
        if edited {
            head.set_field(b"x-plain", b"other").unwrap();
            head.set_field(b"x-secret", b"changed").unwrap();
        }
        head.set_stream(StreamId::NEW);
        let said = send(&mut client(), &mut event);
        let all = fields(&mut Decoder::new(4096), &said[0].payload);
        assert!(all.iter().any(|(name, _, never)| name == "x-secret" && *never), "{all:?}");
        assert!(all.iter().any(|(name, _, never)| name == "x-plain" && !*never), "{all:?}");
    }
    let Event::Head(head) = &mut event else { unreachable!() };
    // The order of all fields is that of the wire.
    head.set_stream(StreamId::NEW);
    let said = send(&mut client(), &mut event);
    let names: Vec<_> = fields(&mut Decoder::new(4096), &said[0].payload).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(names, [":method", ":scheme", ":authority", ":path", "x-secret", "x-plain"]);
}

#[test]
fn what_is_forwarded_says_by_whom() {
    let via = |event: &mut Event| {
        let mut end = Endpoint::new(Http2::default().via("edge 1").codec(Conn::client()));
        feed(&mut end, settings(&[])).unwrap();
        written(&mut end);
        let said = send(&mut end, event);
        let all = fields(&mut Decoder::new(4096), &said[0].payload);
        all.into_iter().find(|(name, ..)| name == "via").map(|(_, value, _)| value)
    };
    let mut event = one(&mut server(), headers(1, true, GET));
    event.set_stream(StreamId::NEW);
    assert_eq!(via(&mut event.clone()), None);
    let Event::Head(head) = &mut event else { unreachable!() };
    head.forward();
    assert_eq!(via(&mut event).as_deref(), Some("2 edge_1"));
}

#[test]
fn an_answer_belongs_to_its_request() {
    let mut end = server();
    assert!(matches!(end.send(&mut open_answer(1, OK)), Err(EncodeError::NotOpen(_))));
    feed(&mut end, headers(1, true, GET)).unwrap();
    let mut answer = response(200, &[], "body").unwrap();
    answer.set_stream(StreamId::new(1));
    let said = send(&mut end, &mut answer);
    assert_eq!(said.iter().map(|f| (f.kind, f.flags & END_STREAM)).collect::<Vec<_>>(), [(HEADERS, 0), (DATA, 1)]);
    assert!(matches!(end.send(&mut body(1, true, &b"x"[..])), Err(EncodeError::NotOpen(_))));
    assert_eq!(end.codec().state().open, 0);
}

#[test]
fn a_body_keeps_to_its_length() {
    let mut end = server();
    feed(&mut end, headers(1, true, GET)).unwrap();
    send(&mut end, &mut open_answer(1, &[(":status", "200"), ("content-length", "3")]));
    assert!(matches!(end.send(&mut body(1, true, &b"ab"[..])), Err(EncodeError::TooShort(_))));
    assert!(matches!(end.send(&mut body(1, false, &b"abcd"[..])), Err(EncodeError::TooLong(_))));
    let mut last = trailers(&[("a", "b")]).unwrap();
    last.set_stream(StreamId::new(1));
    assert!(matches!(end.send(&mut last), Err(EncodeError::TooShort(_))));
    assert!(written(&mut end).is_empty());
    send(&mut end, &mut body(1, false, &b"abc"[..]));
    assert_eq!(send(&mut end, &mut last)[0].flags, END_HEADERS | END_STREAM);
}

#[test]
fn interim_answers_come_before_the_answer() {
    let (mut end, mut peer) = (server(), client());
    let _ = peer.send(&mut get()).unwrap();
    feed(&mut end, headers(1, true, GET)).unwrap();
    let mut early = response(103, &[("link", "</a.css>")], "").unwrap();
    early.set_stream(StreamId::new(1));
    assert_eq!(end.send(&mut early).unwrap(), Sent::All);
    let bytes = end.output_mut().take();
    assert_eq!(bytes[4] & END_STREAM, 0);
    assert_eq!(head(&one(&mut peer, bytes)).status(), Some(103));
    send(&mut end, &mut open_answer(1, OK));
}

#[test]
fn the_answer_to_head_has_no_body() {
    let mut end = server();
    let mut fields = GET.to_vec();
    fields[0].1 = "HEAD";
    feed(&mut end, headers(1, true, &fields)).unwrap();
    send(&mut end, &mut open_answer(1, &[(":status", "200"), ("content-length", "700")]));
    let said = send(&mut end, &mut body(1, true, vec![0; 700]));
    assert_eq!((said[0].flags, said[0].payload.len()), (END_STREAM, 0));
}

#[test]
fn local_replies_are_of_the_kind_that_was_asked_for() {
    let mut end = server();
    let grpc_web = [&CALL[..5], &[("content-type", "application/grpc-web+proto")]].concat();
    feed(&mut end, [headers(1, true, GET), headers(3, true, CALL), headers(5, true, &grpc_web)].concat()).unwrap();
    let reply = LocalReply::new(Outcome::Timeout, "no answer in time");
    let mut decoder = Decoder::new(4096);
    let mut said = |end: &mut Endpoint, id| {
        let mut event = end.reply(StreamId::new(id), &reply).unwrap();
        assert_eq!(end.send(&mut event).unwrap(), Sent::All);
        let said = written(end);
        let all = fields(&mut decoder, &said[0].payload);
        let value = |name: &str| all.iter().find(|(known, ..)| known == name).map(|(_, value, _)| value.clone());
        (value(":status"), value("content-type"), value("grpc-status"), value("grpc-message"), said.len())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(said(&mut end, 1), (some("504"), some("text/plain; charset=utf-8"), None, None, 2));
    let message = some("no answer in time");
    assert_eq!(said(&mut end, 3), (some("200"), some("application/grpc"), some("4"), message.clone(), 1));
    let (.., status, text, 1) = said(&mut end, 5) else { panic!() };
    assert_eq!((status, text), (some("4"), message));
    assert!(end.reply(StreamId::new(3), &reply).is_none());
}

#[test]
fn a_call_whose_answer_has_begun_learns_its_status_behind_it() {
    let mut end = server();
    feed(&mut end, [headers(1, true, CALL), headers(3, true, GET)].concat()).unwrap();
    send(&mut end, &mut open_answer(1, &[(":status", "200"), ("content-type", "application/grpc")]));
    send(&mut end, &mut open_answer(3, OK));
    let reply = LocalReply::new(Outcome::Timeout, "no answer in time");
    let mut late = end.reply(StreamId::new(1), &reply).unwrap();
    let said = send(&mut end, &mut late);
    assert_eq!((said.len(), said[0].flags), (1, END_HEADERS | END_STREAM));
    let all = fields(&mut Decoder::new(4096), &said[0].payload);
    assert_eq!(all[0].0, "grpc-status");
    assert_eq!(all[0].1, "4");
    // Elsewhere nothing can be said behind a head.
    assert!(end.reply(StreamId::new(3), &reply).is_none());
}

#[test]
fn a_server_says_twice_that_it_is_going() {
    let mut end = server();
    feed(&mut end, headers(1, false, POST)).unwrap();
    let (codec, mut cx) = end.codec_mut();
    codec.go_away(&mut cx);
    codec.go_away(&mut cx);
    let said = written(&mut end);
    assert_eq!(said.iter().map(|f| f.kind).collect::<Vec<_>>(), [GOAWAY, PING]);
    assert_eq!((said[0].number(), said[0].code()), (0x7fff_ffff, NO_ERROR));
    // What was under way is served.
    assert_eq!(feed(&mut end, headers(3, true, GET)).unwrap().len(), 1);
    feed(&mut end, frame(PING, ACK, 0, &said[1].payload)).unwrap();
    let last = wrote(&mut end, GOAWAY);
    assert_eq!((last.number(), last.code()), (3, NO_ERROR));
    // What comes later was told that it would not be: nothing is said, and the tables are in step.
    assert!(feed(&mut end, [headers(5, false, POST), data(5, true, b"x")].concat()).unwrap().is_empty());
    assert!(written(&mut end).is_empty() && !end.codec().state().close);
    for id in [3, 1] {
        let mut answer = response(200, &[], "").unwrap();
        answer.set_stream(StreamId::new(id));
        send(&mut end, &mut answer);
    }
    assert!(!end.codec().state().close, "a request is still coming");
    feed(&mut end, data(1, true, b"")).unwrap();
    assert!(end.codec().state().close);
}

#[test]
fn a_client_that_does_not_answer_is_not_waited_for() {
    let mut end = server();
    let (codec, mut cx) = end.codec_mut();
    codec.go_away(&mut cx);
    written(&mut end);
    assert_eq!(end.deadline(), Some(Duration::from_secs(1)));
    end.set_now(Duration::from_secs(1));
    end.deadline();
    assert_eq!(wrote(&mut end, GOAWAY).number(), 0);
    assert!(end.codec().state().close);
}

#[test]
fn requests_past_the_last_one_served_are_refused_and_none_vanishes() {
    let mut end = client();
    let names: Vec<_> = (0..5)
        .map(|_| {
            let mut ask = get();
            send(&mut end, &mut ask);
            ask.stream().unwrap()
        })
        .collect();
    let events = feed(&mut end, goaway(5, NO_ERROR)).unwrap();
    assert!(matches!(events[0], Event::GoAway));
    let refused: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Reset(Reset { stream, reason: ResetReason::Refused }) => Some(*stream),
            _ => None,
        })
        .collect();
    assert_eq!(refused, names[3..]);
    assert!(end.codec().state().draining && !end.codec().state().close);
    assert!(matches!(end.send(&mut get()), Err(EncodeError::Refused(_))));
    for name in &names[..3] {
        assert!(feed(&mut end, headers(name.id() as u32, true, OK)).unwrap()[0].is_end());
    }
    assert!(end.codec().state().close);
}

#[test]
fn a_request_that_waits_for_a_stream_learns_that_none_comes() {
    let mut end = client_with(&[(3, 0)], |_| {});
    assert_eq!(end.send(&mut get()).unwrap(), Sent::Blocked);
    let events = feed(&mut end, goaway(0, NO_ERROR)).unwrap();
    assert!(events.iter().any(|event| matches!(event, Event::Capacity { stream: None })), "{events:?}");
    assert!(matches!(end.send(&mut get()), Err(EncodeError::Refused(_))));
}

#[test]
fn nobody_waits_for_an_end_that_has_come() {
    let mut end = client_with(&[(3, 1), (4, 5)], |_| {});
    let mut ask = request("POST", "/", "h", &[], "0123456789").unwrap();
    assert_eq!(end.send(&mut ask).unwrap(), Sent::Blocked);
    assert_eq!(end.send(&mut get()).unwrap(), Sent::Blocked);
    end.set_eof();
    assert!(matches!(end.decode().unwrap(), Step::Event(Event::Capacity { stream: None })));
    assert!(matches!(end.send(&mut ask), Err(EncodeError::Refused(_))));
    assert!(matches!(end.send(&mut get()), Err(EncodeError::Refused(_))));
    assert!(matches!(end.decode().unwrap(), Step::Closed));
}

#[test]
fn extended_connect_opens_a_tunnel() {
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
        (":path", "/chat"),
        (":authority", "h"),
        ("sec-websocket-version", "13"),
    ];
    let mut end = server();
    let event = one(&mut end, headers(1, false, &fields));
    assert_eq!(head(&event).upgrade(), Some(&b"websocket"[..]));
    assert_eq!(head(&event).attribute(Attribute::Path).value(), Some(&b"/chat"[..]));
    let mut answer = open_answer(1, OK);
    answer.set_stream(StreamId::new(1));
    assert_eq!(send(&mut end, &mut answer)[0].flags, END_HEADERS);
    assert!(matches!(one(&mut end, data(1, false, b"\x81\x00")), Event::Body(_)));
    send(&mut end, &mut body(1, false, &b"\x81\x00"[..]));
    // A tunnel has no trailers.
    assert_eq!(error(&mut end, headers(1, true, &[("a", "b")])).code, "headers");

    // Where it is not offered it is malformed, and a client does not ask for it.
    let mut end = server_of(&Http2::default().extended_connect(false), |_| {});
    assert_eq!(error(&mut end, headers(1, false, &fields)).stream().map(|s| s.id()), Some(1));
    let mut ask = event.clone();
    ask.set_stream(StreamId::NEW);
    assert!(matches!(client().send(&mut ask), Err(EncodeError::NoPlace { .. })));
    let mut end = client_with(&[(8, 1)], |_| {});
    assert_eq!(send(&mut end, &mut ask)[0].flags, END_HEADERS);
}

#[test]
fn a_connection_that_was_http1_begins_with_its_request() {
    let mut first = get();
    first.set_stream(StreamId::new(77));
    let Event::Head(head) = first else { unreachable!() };
    let switch = Switch { protocol: "http2", head, settings: vec![0, 4, 0, 0, 0, 3].into() };
    let mut end = Endpoint::new(Http2::default().codec(Conn::server().with_switch(Box::new(switch))));
    let event = one(&mut end, b"");
    assert_eq!(event.stream(), Some(StreamId::new(1)));
    let mut answer = open_answer(1, OK);
    assert_eq!(end.send(&mut answer).unwrap(), Sent::All);
    assert_eq!(end.send(&mut body(1, true, &b"hello"[..])).unwrap(), Sent::Blocked);
    let said = written(&mut end);
    assert_eq!(said.iter().map(|f| f.kind).collect::<Vec<_>>(), [SETTINGS, WINDOW_UPDATE, HEADERS, DATA]);
    assert_eq!(said[3].payload, b"hel");
    feed(&mut end, [hello(), ack(), credit(1, 2), headers(3, true, GET)].concat()).unwrap();
}

#[test]
fn a_recording_of_one_direction_can_be_read() {
    let mut end = Endpoint::new(Http2::default().observe(true).codec(Conn::client()));
    let recorded =
        [settings(&[]), headers(7, false, OK), data(7, false, &[0; 9000]).repeat(40), rst(9, CANCEL)].concat();
    let events = feed(&mut end, [recorded, data(7, true, b"")].concat()).unwrap();
    assert!(matches!(&events[0], Event::Head(head) if head.status() == Some(200)));
    assert!(events.last().unwrap().is_end());
}
