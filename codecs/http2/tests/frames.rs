//! What each type of frame must be, and what comes of one that is not (RFC 9113, sections 4 to 6).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use common::*;
use meshwire::{Endpoint, Event, ResetReason, Scope, Step};
use meshwire_http2::Http2;

/// Which of the two ends an error takes with it, and the code on the wire.
fn fatal(bytes: impl AsRef<[u8]>, code: u32, name: &str) {
    let mut end = server();
    let error = error(&mut end, bytes);
    assert_eq!((error.scope, error.code), (Scope::Connection, name), "{error}");
    assert_eq!(wrote(&mut end, GOAWAY).code(), code, "{error}");
    assert!(end.codec().state().close && error.replied);
    // It stays so.
    end.input().extend_from_slice(&headers(99, true, GET));
    assert_eq!(end.decode().unwrap_err().code, error.code);
}

/// The stream is lost, and the next one goes through.
fn stream_error(bytes: impl AsRef<[u8]>, stream: u32, code: u32, name: &str) {
    let mut end = server();
    let error = error(&mut end, bytes);
    assert_eq!((error.stream().map(|s| s.id()), error.code), (Some(u64::from(stream)), name), "{error}");
    let reset = wrote(&mut end, RST_STREAM);
    assert_eq!((reset.stream, reset.code()), (stream, code), "{error}");
    let next = events(&mut end, true).unwrap();
    assert!(next.is_empty(), "{next:?}");
    assert_eq!(head(&one(&mut end, headers(101, true, GET))).stream().id(), 101);
}

#[test]
fn a_connection_begins_with_the_preface_and_settings() {
    let mut end = Endpoint::new(meshwire::Protocol::codec(&Http2::default(), meshwire::Conn::server()));
    let error = error(&mut end, b"GET / HTTP/1.1\r\n");
    assert_eq!((error.code, error.offset), ("preface", 0));

    let mut end = Endpoint::new(meshwire::Protocol::codec(&Http2::default(), meshwire::Conn::server()));
    let error = common::error(&mut end, [PREFACE, &frame(PING, 0, 0, b"12345678")].concat());
    assert_eq!((error.code, error.offset), ("settings", 24));
    let said = written(&mut end);
    assert_eq!(said.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [SETTINGS, WINDOW_UPDATE, GOAWAY]);
}

#[test]
fn what_is_of_the_connection_and_what_of_a_stream() {
    fatal(frame(DATA, 0, 0, b"x"), PROTOCOL_ERROR, "stream");
    fatal(frame(HEADERS, END_HEADERS, 0, &block(GET)), PROTOCOL_ERROR, "stream");
    fatal(frame(PRIORITY, 0, 0, &[0; 5]), PROTOCOL_ERROR, "stream");
    fatal(rst(0, CANCEL), PROTOCOL_ERROR, "stream");
    fatal(frame(SETTINGS, 0, 1, &[]), PROTOCOL_ERROR, "stream");
    fatal(frame(PING, 0, 1, &[0; 8]), PROTOCOL_ERROR, "stream");
    fatal(frame(GOAWAY, 0, 1, &[0; 8]), PROTOCOL_ERROR, "stream");
}

#[test]
fn each_type_has_its_size() {
    fatal(frame(RST_STREAM, 0, 1, &[0; 3]), FRAME_SIZE_ERROR, "frame_size");
    fatal(frame(SETTINGS, 0, 0, &[0; 5]), FRAME_SIZE_ERROR, "settings");
    fatal(frame(SETTINGS, ACK, 0, &[0; 6]), FRAME_SIZE_ERROR, "frame_size");
    fatal(frame(PING, 0, 0, &[0; 7]), FRAME_SIZE_ERROR, "frame_size");
    fatal(frame(GOAWAY, 0, 0, &[0; 7]), FRAME_SIZE_ERROR, "frame_size");
    fatal(frame(WINDOW_UPDATE, 0, 0, &[0; 3]), FRAME_SIZE_ERROR, "frame_size");
    stream_error([headers(1, false, POST), frame(PRIORITY, 0, 1, &[0; 4])].concat(), 1, FRAME_SIZE_ERROR, "frame_size");
    fatal(frame(DATA, 0, 1, &[0; 16_385]), FRAME_SIZE_ERROR, "frame_size");
    fatal(frame(HEADERS, 0, 1, &[0; 16_385]), FRAME_SIZE_ERROR, "frame_size");
    fatal(frame(0xfe, 0, 1, &[0; 16_385]), FRAME_SIZE_ERROR, "frame_size");
    let mut end = server();
    assert!(feed(&mut end, frame(0xfe, 0, 1, &[0; 16_384])).unwrap().is_empty());
}

#[test]
fn padding_is_part_of_its_frame() {
    fatal([headers(1, false, POST), frame(DATA, PADDED, 1, &[4, 0, 0, 0])].concat(), PROTOCOL_ERROR, "padding");
    fatal(frame(DATA, PADDED, 1, &[]), PROTOCOL_ERROR, "padding");
    let padded = |pad: u8, rest: usize| frame(HEADERS, END_HEADERS | PADDED, 1, &[vec![pad], vec![0; rest]].concat());
    fatal(padded(5, 4), PROTOCOL_ERROR, "padding");
    // Priority and padding together.
    fatal(frame(HEADERS, END_HEADERS | PADDED | PRIORITIZED, 1, &[2, 0, 0, 0, 0, 0, 1]), PROTOCOL_ERROR, "padding");

    let mut end = server();
    let body = [headers(1, false, POST), frame(DATA, PADDED | END_STREAM, 1, b"\x02hi\0\0")].concat();
    let events = feed(&mut end, body).unwrap();
    assert!(matches!(&events[1], Event::Body(body) if &body.data[..] == b"hi" && body.end), "{events:?}");
    // All padding, and nothing in it.
    let events = feed(&mut end, [headers(3, false, POST), frame(DATA, PADDED | END_STREAM, 3, &[255; 256])].concat());
    let events = events.unwrap();
    assert!(matches!(&events[1], Event::Body(body) if body.data.is_empty() && body.end), "{events:?}");
}

#[test]
fn padding_costs_credit_that_comes_back_by_itself() {
    let mut end = server_with(|limits| limits.window = 65_535);
    feed(&mut end, headers(1, false, POST)).unwrap();
    for _ in 0..2000 {
        keep(&mut end, frame(DATA, PADDED, 1, &[[255].as_slice(), &[0; 255]].concat())).unwrap();
    }
    let mut given = 0;
    for frame in written(&mut end).iter().filter(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 1) {
        given += frame.number();
    }
    assert!((512_000 - 65_535..=512_000).contains(&given), "{given}");
}

#[test]
fn a_head_in_pieces_is_not_interrupted() {
    let begun = frame(HEADERS, END_STREAM, 1, &block(GET)[..4]);
    fatal([&begun[..], &frame(PING, 0, 0, &[0; 8])].concat(), PROTOCOL_ERROR, "continuation");
    fatal([&begun[..], &frame(0xfe, 0, 0, &[])].concat(), PROTOCOL_ERROR, "continuation");
    fatal([&begun[..], &frame(CONTINUATION, 0, 3, &[])].concat(), PROTOCOL_ERROR, "continuation");
    fatal(frame(CONTINUATION, END_HEADERS, 1, &[]), PROTOCOL_ERROR, "continuation");
}

#[test]
fn streams_are_odd_and_go_up() {
    fatal(headers(2, true, GET), PROTOCOL_ERROR, "stream");
    fatal(rst(3, CANCEL), PROTOCOL_ERROR, "stream");
    fatal(credit(3, 1), PROTOCOL_ERROR, "stream");
    fatal(data(3, true, b""), PROTOCOL_ERROR, "stream");
    // Those that were passed over were never open.
    fatal([headers(5, true, GET), headers(3, true, GET)].concat(), PROTOCOL_ERROR, "stream");
    fatal(frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2]), PROTOCOL_ERROR, "push");
}

#[test]
fn a_stream_ends_once() {
    stream_error([headers(1, true, POST), data(1, true, b"x")].concat(), 1, STREAM_CLOSED, "data");
    stream_error([headers(1, true, POST), headers(1, true, &[("a", "b")])].concat(), 1, STREAM_CLOSED, "headers");
    // A second head is no trailers.
    stream_error([headers(1, false, POST), headers(1, false, GET)].concat(), 1, PROTOCOL_ERROR, "headers");
    stream_error([headers(1, false, POST), rst(1, CANCEL), data(1, false, b"x")].concat(), 1, STREAM_CLOSED, "stream");
}

#[test]
fn what_was_under_way_when_we_reset_is_no_mistake() {
    let mut end = server();
    feed(&mut end, headers(1, false, POST)).unwrap();
    let stream = meshwire::StreamId::new(1);
    let _ = end.send(&mut Event::Reset(meshwire::Reset { stream, reason: ResetReason::Internal })).unwrap();
    assert_eq!(wrote(&mut end, RST_STREAM).code(), 2);
    let late = [data(1, false, &[0; 9000]), headers(1, true, &[("a", "b")]), credit(1, 5), rst(1, CANCEL)].concat();
    assert!(feed(&mut end, late).unwrap().is_empty());
    assert!(written(&mut end).is_empty());
    // The connection's credit is not lost, once it is worth a frame.
    for _ in 0..100 {
        feed(&mut end, data(1, false, &[0; 9000])).unwrap();
    }
    assert!(written(&mut end).iter().any(|frame| frame.kind == WINDOW_UPDATE && frame.stream == 0));
}

#[test]
fn priorities_are_read_and_forgotten() {
    stream_error(
        [headers(1, false, POST), frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 0])].concat(),
        1,
        PROTOCOL_ERROR,
        "priority",
    );
    let own = [&[0, 0, 0, 3, 9][..], &block(GET)].concat();
    stream_error(frame(HEADERS, END_HEADERS | END_STREAM | PRIORITIZED, 3, &own), 3, PROTOCOL_ERROR, "priority");
    let mut end = server();
    assert!(feed(&mut end, frame(PRIORITY, 0, 7, &[0x80, 0, 0, 5, 0])).unwrap().is_empty());
}

#[test]
fn content_is_as_long_as_it_says() {
    let post = [POST, &[("content-length", "3")]].concat();
    for (body, good) in [
        (vec![data(1, true, b"abc")], true),
        (vec![data(1, false, b"ab"), data(1, true, b"c")], true),
        (vec![data(1, false, b"abc"), headers(1, true, &[("a", "b")])], true),
        (vec![data(1, true, b"ab")], false),
        (vec![data(1, false, b"abcd")], false),
        (vec![data(1, false, b"ab"), headers(1, true, &[("a", "b")])], false),
    ] {
        let bytes = [headers(1, false, &post), body.concat()].concat();
        if good {
            assert!(feed(&mut server(), bytes).unwrap().last().unwrap().is_end());
        } else {
            stream_error(bytes, 1, PROTOCOL_ERROR, "content_length");
        }
    }
    stream_error(headers(1, true, &post), 1, PROTOCOL_ERROR, "content_length");
}

#[test]
fn windows_have_31_bits_and_no_update_is_empty() {
    fatal(credit(0, 0), PROTOCOL_ERROR, "window");
    fatal(credit(0, 0x7fff_ffff), FLOW_CONTROL_ERROR, "window");
    stream_error([headers(1, false, POST), credit(1, 0)].concat(), 1, PROTOCOL_ERROR, "window");
    stream_error([headers(1, false, POST), credit(1, 0x7fff_ffff)].concat(), 1, FLOW_CONTROL_ERROR, "window");
    fatal(
        [headers(1, false, POST), credit(1, 0x7fff_0000), settings(&[(4, 0x7fff_ffff)])].concat(),
        FLOW_CONTROL_ERROR,
        "settings",
    );
}

#[test]
fn a_block_that_cannot_be_read_costs_the_connection() {
    fatal(frame(HEADERS, END_HEADERS, 1, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), COMPRESSION_ERROR, "hpack");
    fatal(frame(HEADERS, END_HEADERS, 1, &[0x80]), COMPRESSION_ERROR, "hpack");
}

#[test]
fn tables_are_in_step_whatever_becomes_of_a_block() {
    use meshwire_http2::hpack::{Encoder, Field, Indexing};
    let mut encoder = Encoder::new();
    let mut encode = |fields: Pairs<'_>| {
        let mut out = Vec::new();
        encoder.begin(&mut out);
        for (name, value) in fields {
            encoder.encode(&Field::new(name.as_bytes(), value.as_bytes()), Indexing::Auto, &mut out);
        }
        out
    };
    let mut end = server();
    // Refused, and yet read: its field is in the table.
    let bad = encode(&[(":method", "GET"), ("x-tenant", "blue")]);
    assert!(!error(&mut end, frame(HEADERS, END_HEADERS | END_STREAM, 1, &bad)).is_fatal());
    let fields = [GET, &[("x-tenant", "blue")]].concat();
    let good = encode(&fields);
    assert!(good.len() < block(&fields).len() - 10, "not from the table");
    let event = one(&mut end, frame(HEADERS, END_HEADERS | END_STREAM, 3, &good));
    assert_eq!(head(&event).field(b"x-tenant").value(), Some(&b"blue"[..]));
}

#[test]
fn a_ping_comes_back() {
    let mut end = server();
    assert!(matches!(one(&mut end, frame(PING, 0, 0, b"8 bytes.")), Event::Heartbeat { ack: false }));
    let pong = wrote(&mut end, PING);
    assert_eq!((pong.flags, &pong.payload[..]), (ACK, &b"8 bytes."[..]));
}

#[test]
fn frames_of_unknown_types_are_events_when_asked_for() {
    let strange = frame(0xbe, 3, 5, b"origin");
    assert!(feed(&mut server(), &strange).unwrap().is_empty());
    let mut end = server_of(&Http2::default().extension_frames(true), |_| {});
    let mut event = one(&mut end, &strange);
    let Event::Extension(extension) = &event else { panic!("{event:?}") };
    assert_eq!((extension.kind, extension.flags, &extension.payload[..]), (0xbe, 3, &b"origin"[..]));
    assert_eq!(extension.stream.map(|stream| stream.id()), Some(5));
    let _ = end.send(&mut event).unwrap();
    assert_eq!(end.output_mut().take(), strange);
}

#[test]
fn the_end_inside_a_message_is_a_truncation() {
    for (bytes, good) in [
        (vec![], true),
        (headers(1, true, GET), true),
        (headers(1, false, POST), false),
        (headers(1, true, GET)[..9].to_vec(), false),
        (frame(HEADERS, END_STREAM, 1, &block(GET)), false),
        (vec![0], false),
    ] {
        let mut end = server();
        feed(&mut end, &bytes).unwrap();
        end.set_eof();
        match end.decode() {
            Ok(Step::Closed) => assert!(good, "{bytes:?}"),
            Err(error) => assert!(!good && error.code == "truncated", "{bytes:?}: {error}"),
            other => panic!("{other:?}"),
        }
    }
}
