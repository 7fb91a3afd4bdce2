//! Every bound that a peer can push against, exactly on it and one past it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use std::time::Duration;

use common::*;
use meshwire::{Endpoint, Event, Limit, Limits, LocalReply, Outcome, Rate, Reset, ResetReason, Sent, StreamId};

const NONE: Rate = Rate { burst: 0, per_second: 0 };

const fn burst(burst: u32) -> Rate {
    Rate { burst, per_second: 0 }
}

/// `each(n)` goes through `most` times, and the next one costs the connection, under the limit's own name.
fn costs_the_connection(mut end: Endpoint, limit: Limit, most: u32, each: impl Fn(u32) -> Vec<u8>) {
    for n in 0..most {
        feed(&mut end, each(n)).unwrap_or_else(|error| panic!("{n} of {most} {limit}: {error}"));
        end.output_mut().take();
    }
    let error = error(&mut end, each(most));
    assert_eq!((error.limit, error.is_fatal(), error.code), (Some(limit), true, limit.name()), "{error}");
    assert_eq!(end.codec().stats().tripped(limit), 1);
    let goaway = wrote(&mut end, GOAWAY);
    assert_eq!(goaway.code(), ENHANCE_YOUR_CALM);
    assert_eq!(&goaway.payload[8..], error.detail.as_bytes());
}

#[test]
fn frames_that_move_nothing() {
    let end = || server_with(|limits| limits.idle_frames = burst(21));
    // SETTINGS of the hello was the first.
    costs_the_connection(end(), Limit::IdleFrames, 20, |_| frame(PING, 0, 0, &[0; 8]));
    costs_the_connection(end(), Limit::IdleFrames, 20, |_| frame(PING, ACK, 0, &[0; 8]));
    costs_the_connection(end(), Limit::IdleFrames, 20, |_| settings(&[]));
    costs_the_connection(end(), Limit::IdleFrames, 20, |_| ack());
    costs_the_connection(end(), Limit::IdleFrames, 20, |_| frame(PRIORITY, 0, 9, &[0, 0, 0, 1, 0]));
    costs_the_connection(end(), Limit::IdleFrames, 20, |_| frame(0xef, 0, 0, b"?"));
    costs_the_connection(end(), Limit::IdleFrames, 20, |_| goaway(0, 0));
    let mut busy = end();
    feed(&mut busy, headers(1, false, POST)).unwrap();
    costs_the_connection(busy, Limit::IdleFrames, 20, |_| data(1, false, b""));
    let mut busy = end();
    feed(&mut busy, headers(1, false, POST)).unwrap();
    costs_the_connection(busy, Limit::IdleFrames, 20, |_| frame(DATA, PADDED, 1, &[3, 0, 0, 0]));
}

#[test]
fn what_moves_something_earns_the_right_to_ping() {
    let mut end = server_with(|limits| limits.idle_frames = burst(5));
    feed(&mut end, headers(1, false, POST)).unwrap();
    for _ in 0..1000 {
        feed(&mut end, [data(1, false, b"a message"), frame(PING, 0, 0, &[0; 8])].concat()).unwrap();
        end.output_mut().take();
    }
}

#[test]
fn window_updates_beyond_what_we_send() {
    let end = server_with(|limits| limits.window_updates = burst(20));
    costs_the_connection(end, Limit::WindowUpdates, 20, |_| credit(0, 1));
    let mut end = server_with(|limits| limits.window_updates = burst(20));
    feed(&mut end, headers(1, false, POST)).unwrap();
    costs_the_connection(end, Limit::WindowUpdates, 20, |_| credit(1, 1));
}

#[test]
fn window_updates_for_what_we_send_are_free() {
    let mut end = server_with(|limits| limits.window_updates = burst(12));
    feed(&mut end, headers(1, true, GET)).unwrap();
    assert_eq!(end.send(&mut open_answer(1, OK)).unwrap(), Sent::All);
    for _ in 0..1000 {
        assert_eq!(end.send(&mut body(1, false, vec![0; 100])).unwrap(), Sent::All);
        feed(&mut end, (0..5).flat_map(|_| [credit(1, 20), credit(0, 20)].concat()).collect::<Vec<_>>()).unwrap();
        end.output_mut().take();
    }
}

#[test]
fn small_data_that_nobody_takes() {
    let mut end = server_with(|limits| limits.small_data = burst(50));
    feed(&mut end, headers(1, false, POST)).unwrap();
    for _ in 0..1000 {
        feed(&mut end, data(1, false, b"x")).unwrap();
    }
    for n in 0..50 {
        assert_eq!(keep(&mut end, data(1, false, b"x")).unwrap().len(), 1, "{n}");
    }
    let error = keep(&mut end, data(1, false, b"x")).unwrap_err();
    assert_eq!(error.limit, Some(Limit::SmallData));
}

#[test]
fn rapid_reset() {
    let end = server_with(|limits| limits.resets = burst(100));
    let each = |n: u32| [headers(2 * n + 1, true, GET), rst(2 * n + 1, CANCEL)].concat();
    costs_the_connection(end, Limit::Resets, 100, each);
}

#[test]
fn resets_that_we_are_made_to_send() {
    let end = server_with(|limits| limits.resets = burst(100));
    // Malformed in a way that costs one stream only; here the errors are part of the game.
    let mut end = end;
    for n in 0..100u32 {
        let error = error(&mut end, headers(2 * n + 1, true, &[(":method", "GET")]));
        assert!(!error.is_fatal(), "{n}: {error}");
        end.output_mut().take();
    }
    let error = error(&mut end, headers(201, true, &[(":method", "GET")]));
    assert_eq!((error.limit, error.is_fatal()), (Some(Limit::Resets), true));

    let mut end = server_with(|limits| limits.resets = burst(10));
    for n in 0..10 {
        feed(&mut end, [headers(2 * n + 1, true, GET), headers(2 * n + 1, true, GET)].concat()).unwrap_err();
        assert!(!end.codec().state().close, "{n}");
    }
    assert_eq!(
        common::error(&mut end, [headers(99, true, GET), data(99, true, b"x")].concat()).limit,
        Some(Limit::Resets)
    );
}

#[test]
fn ten_thousand_cancelled_calls_are_healthy() {
    // Called off before any answer, but not before an answer could have come: a hundred at a time, 10 ms each.
    let mut end = server();
    let (mut now, mut id) = (Duration::ZERO, 1);
    for _ in 0..100 {
        let ids: Vec<u32> = (0..100).map(|n| id + 2 * n).collect();
        id += 200;
        feed(&mut end, ids.iter().flat_map(|id| headers(*id, false, CALL)).collect::<Vec<_>>()).unwrap();
        now += Duration::from_millis(10);
        end.set_now(now);
        let events = feed(&mut end, ids.iter().flat_map(|id| rst(*id, CANCEL)).collect::<Vec<_>>()).unwrap();
        assert_eq!(events.iter().filter(|event| matches!(event, Event::Reset(_))).count(), 100);
    }
    // Called off once the answer has begun: as fast as one likes.
    let mut answer = open_answer(1, OK);
    for _ in 0..10_000 {
        id += 2;
        feed(&mut end, headers(id, false, CALL)).unwrap();
        answer.set_stream(StreamId::new(u64::from(id)));
        assert_eq!(end.send(&mut answer.clone()).unwrap(), Sent::All);
        feed(&mut end, rst(id, CANCEL)).unwrap();
        end.output_mut().take();
    }
    assert!(end.codec().state().open == 0 && !end.codec().state().close);
    assert_eq!(end.codec().stats().tripped(Limit::Resets), 0);
}

#[test]
fn ten_thousand_calls_that_we_cancel_are_healthy() {
    let mut end = client();
    for _ in 0..10_000 {
        let mut ask = meshwire_http2::request("POST", "/shop.Cart/Add", "h", &[], "").unwrap();
        assert_eq!(end.send(&mut ask).unwrap(), Sent::All);
        let stream = ask.stream().unwrap();
        let cancel = Reset { stream, reason: ResetReason::Cancelled };
        assert_eq!(end.send(&mut Event::Reset(cancel)).unwrap(), Sent::All);
        // The answer was under way.
        let id = stream.id() as u32;
        let late = [headers(id, false, OK), data(id, false, b"late"), headers(id, true, &[("grpc-status", "0")])];
        assert!(feed(&mut end, late.concat()).unwrap().is_empty());
        end.output_mut().take();
    }
}

#[test]
fn continuations() {
    let fields = block(GET);
    let pieces = |n: usize| {
        let mut out = frame(HEADERS, END_STREAM, 1, &fields);
        (1..n).for_each(|_| out.extend(frame(CONTINUATION, 0, 1, &[])));
        out.extend(frame(CONTINUATION, END_HEADERS, 1, &[]));
        out
    };
    assert_eq!(feed(&mut server_with(|limits| limits.continuations = 7), pieces(7)).unwrap().len(), 1);
    let mut end = server_with(|limits| limits.continuations = 7);
    let error = error(&mut end, pieces(8));
    assert_eq!((error.limit, error.is_fatal()), (Some(Limit::Continuations), true));
    assert_eq!(wrote(&mut end, GOAWAY).code(), ENHANCE_YOUR_CALM);
}

#[test]
fn streams_past_the_announced_maximum_are_refused() {
    let mut end = server_with(|limits| limits.streams = 3);
    for id in [1, 3, 5] {
        feed(&mut end, headers(id, false, POST)).unwrap();
    }
    assert!(feed(&mut end, headers(7, false, POST)).unwrap().is_empty());
    let reset = wrote(&mut end, RST_STREAM);
    assert_eq!((reset.stream, reset.code()), (7, REFUSED_STREAM));
    assert_eq!(end.codec().stats().tripped(Limit::Streams), 1);
    // What it had under way is thrown away; and a place that is free again is given.
    assert!(feed(&mut end, data(7, true, b"x")).unwrap().is_empty());
    feed(&mut end, rst(3, CANCEL)).unwrap();
    assert_eq!(feed(&mut end, headers(9, false, POST)).unwrap().len(), 1);
}

/// A head that passes a limit of its own: the stream can be answered, and the next one goes through.
fn too_large(limits: impl FnOnce(&mut Limits), limit: Limit, good: Pairs<'_>, bad: Pairs<'_>) {
    let mut end = server_with(limits);
    assert_eq!(feed(&mut end, headers(1, true, good)).unwrap().len(), 1, "{limit}");
    let error = error(&mut end, headers(3, false, bad));
    assert_eq!((error.limit, error.stream().map(|s| s.id()), error.replied), (Some(limit), Some(3), false), "{error}");
    // It goes on sending, and gets its answer.
    assert!(feed(&mut end, data(3, false, b"more")).unwrap().is_empty());
    let mut answer = end.reply(StreamId::new(3), &LocalReply::new(error.outcome(), error.detail)).unwrap();
    assert_eq!(head(&answer).outcome(), Outcome::TooLarge);
    assert_eq!(end.send(&mut answer).unwrap(), Sent::All);
    let said = written(&mut end);
    assert_eq!(said.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [HEADERS, DATA, RST_STREAM], "{said:?}");
    assert_eq!(said[2].code(), NO_ERROR);
    assert!(feed(&mut end, data(3, true, b"late")).unwrap().is_empty());
    assert_eq!(feed(&mut end, headers(5, true, good)).unwrap().len(), 1);
}

#[test]
fn heads() {
    fn with<'a>(more: Pairs<'a>) -> Vec<(&'a str, &'a str)> {
        [GET, more].concat()
    }
    let size = |fields: Pairs<'_>| fields.iter().map(|(name, value)| name.len() + value.len() + 32).sum::<usize>();
    let base = size(GET);
    too_large(|l| l.head = base + 34, Limit::Head, &with(&[("a", "b")]), &with(&[("a", "bc")]));
    too_large(
        |l| l.field = 24,
        Limit::Field,
        &with(&[("0123456789", "0123456789abcd")]),
        &with(&[("0123456789", "0123456789abcde")]),
    );
    too_large(|l| l.fields = 5, Limit::Fields, &with(&[("a", "b")]), &with(&[("a", "b"), ("a", "b")]));
    let crumbs = [("cookie", "a=b"); 4];
    too_large(|l| (l.fields, l.cookie_crumbs) = (4, 3), Limit::CookieCrumbs, &with(&crumbs[..3]), &with(&crumbs));
    too_large(|l| l.cookie_bytes = 27, Limit::CookieBytes, &with(&crumbs[..3]), &with(&crumbs));
}

#[test]
fn a_head_of_many_times_what_is_allowed_costs_the_connection() {
    // One large entry in the table, named again and again: bytes on the wire are few.
    let mut bomb = vec![0x40, 1, b'a', 0x7f, 0xa1, 0x1e];
    bomb.extend([b'x'; 4000]);
    bomb.extend([0xbe; 200]);
    let mut end = server();
    let error = error(&mut end, frame(HEADERS, END_HEADERS, 1, &bomb));
    assert_eq!((error.limit, error.is_fatal()), (Some(Limit::Head), true), "{error}");
    assert_eq!(wrote(&mut end, GOAWAY).code(), ENHANCE_YOUR_CALM);
}

#[test]
fn interim_answers() {
    let mut end = client_with(&[], |limits| limits.interim = 3);
    let _ = end.send(&mut meshwire_http2::request("GET", "/", "h", &[], "").unwrap()).unwrap();
    for _ in 0..3 {
        assert_eq!(feed(&mut end, headers(1, false, &[(":status", "103")])).unwrap().len(), 1);
    }
    let error = error(&mut end, headers(1, false, &[(":status", "103")]));
    assert_eq!((error.code, error.is_fatal(), end.codec().stats().tripped(Limit::Interim)), ("interim", false, 1));
}

#[test]
fn replies_that_nobody_reads() {
    let mut end = server_with(|limits| limits.replies = 30);
    for n in 0..30 {
        feed(&mut end, frame(PING, 0, 0, &[0; 8])).unwrap_or_else(|error| panic!("{n}: {error}"));
    }
    let error = error(&mut end, frame(PING, 0, 0, &[0; 8]));
    assert_eq!((error.limit, error.is_fatal()), (Some(Limit::Replies), true));
}

#[test]
fn a_stream_that_waits_for_credit_for_ever() {
    let mut end = server_with(|limits| limits.stall = 60);
    feed(&mut end, [settings(&[(4, 0)]), headers(1, true, GET), headers(3, true, GET)].concat()).unwrap();
    let now = Duration::from_secs(100);
    end.set_now(now);
    for id in [1, 3] {
        let mut answer = meshwire_http2::response(200, &[], "some content").unwrap();
        answer.set_stream(StreamId::new(id));
        assert_eq!(end.send(&mut answer).unwrap(), Sent::Blocked);
    }
    feed(&mut end, credit(3, 5)).unwrap();
    written(&mut end);
    end.set_now(now + Duration::from_millis(59_999));
    end.deadline();
    assert!(written(&mut end).is_empty());
    end.set_now(now + Duration::from_secs(60));
    assert!(end.deadline().is_none_or(|next| next > now));
    let reset = wrote(&mut end, RST_STREAM);
    assert_eq!((reset.stream, reset.code()), (1, CANCEL));
    let events = events(&mut end, true).unwrap();
    assert!(matches!(&events[..], [Event::Reset(reset)] if reset.stream.id() == 1), "{events:?}");
    assert_eq!(end.codec().stats().tripped(Limit::Stall), 1);
}

#[test]
fn a_bucket_of_nothing_lets_nothing_pass() {
    let mut limits = Limits::default();
    limits.idle_frames = NONE;
    let mut end = Endpoint::new(meshwire::Protocol::codec(
        &meshwire_http2::Http2::default(),
        meshwire::Conn::server().with_limits(limits),
    ));
    assert_eq!(error(&mut end, hello()).limit, Some(Limit::IdleFrames));
}

#[test]
fn settings_that_nobody_acknowledges() {
    let mut end = Endpoint::new(meshwire::Protocol::codec(&meshwire_http2::Http2::default(), meshwire::Conn::server()));
    feed(&mut end, hello()).unwrap();
    written(&mut end);
    assert_eq!(end.deadline(), Some(Duration::from_secs(10)));
    end.set_now(Duration::from_secs(10));
    end.deadline();
    assert_eq!(wrote(&mut end, GOAWAY).code(), SETTINGS_TIMEOUT);
    assert!(end.codec().state().close);
}
