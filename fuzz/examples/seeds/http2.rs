//! Conversations of HTTP/2, a frame at a time.

use meshwire_http2::hpack::{Encoder, Field, Indexing};

use crate::Seeds;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const PRIORITY: u8 = 0x2;
const RST_STREAM: u8 = 0x3;
const SETTINGS: u8 = 0x4;
const PUSH_PROMISE: u8 = 0x5;
const PING: u8 = 0x6;
const GOAWAY: u8 = 0x7;
const WINDOW_UPDATE: u8 = 0x8;
const CONTINUATION: u8 = 0x9;

const ACK: u8 = 0x1;
const END: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITIZED: u8 = 0x20;

type Pairs<'a> = &'a [(&'a str, &'a str)];

const GET: Pairs<'static> = &[(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/a?b=c")];
const POST: Pairs<'static> = &[(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/p")];
const CALL: Pairs<'static> = &[
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/shop.Cart/Add"),
    (":authority", "cart.example:50051"),
    ("te", "trailers"),
    ("content-type", "application/grpc"),
    ("grpc-timeout", "17S"),
    ("x-tenant", "red"),
];
const OK: Pairs<'static> = &[(":status", "200")];
const CALLED: Pairs<'static> = &[(":status", "200"), ("content-type", "application/grpc")];
const WEBSOCKET: Pairs<'static> = &[
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":path", "/chat"),
    (":authority", "a"),
    ("sec-websocket-version", "13"),
];

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn settings(pairs: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<_> = pairs.iter().flat_map(|(id, n)| [&id.to_be_bytes()[..], &n.to_be_bytes()].concat()).collect();
    frame(SETTINGS, 0, 0, &payload)
}

fn ack() -> Vec<u8> {
    frame(SETTINGS, ACK, 0, b"")
}

fn hello() -> Vec<u8> {
    [PREFACE.to_vec(), settings(&[])].concat()
}

/// A block that uses no table.
fn block(fields: Pairs<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        Encoder::literal(&Field::new(name.as_bytes(), value.as_bytes()), &mut out);
    }
    out
}

/// A block that is written with its connection's table.
fn packed(encoder: &mut Encoder, fields: Pairs<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encoder.begin(&mut out);
    for (name, value) in fields {
        encoder.encode(&Field::new(name.as_bytes(), value.as_bytes()), Indexing::Auto, &mut out);
    }
    out
}

fn headers(stream: u32, flags: u8, fields: Pairs<'_>) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | flags, stream, &block(fields))
}

fn data(stream: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    frame(DATA, flags, stream, payload)
}

fn number(kind: u8, stream: u32, n: u32) -> Vec<u8> {
    frame(kind, 0, stream, &n.to_be_bytes())
}

fn goaway(last: u32, code: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[last.to_be_bytes(), code.to_be_bytes()].concat())
}

/// Both ends of a conversation.
pub(crate) fn conversations() -> Seeds {
    [calls(), bodies(), connection(), wrong()].concat()
}

fn calls() -> Seeds {
    let (mut one, mut two) = (Encoder::new(), Encoder::new());
    let mut pack = |stream, flags, fields| frame(HEADERS, END_HEADERS | flags, stream, &packed(&mut one, fields));
    let mut answer = |stream, flags, fields| frame(HEADERS, END_HEADERS | flags, stream, &packed(&mut two, fields));
    vec![
        (
            "get",
            vec![
                [hello(), headers(1, END, GET)].concat(),
                [settings(&[(3, 100)]), ack(), headers(1, 0, OK), data(1, END, b"hello")].concat(),
            ],
        ),
        (
            "grpc",
            vec![
                [hello(), pack(1, 0, CALL), data(1, END, b"\0\0\0\0\x02hi"), pack(3, END, CALL)].concat(),
                [
                    settings(&[(3, 100), (4, 1 << 18)]),
                    answer(1, 0, CALLED),
                    data(1, 0, b"\0\0\0\0\x02ho"),
                    answer(1, END, &[("grpc-status", "0")]),
                    answer(3, END, &[CALLED, &[("grpc-status", "5"), ("grpc-message", "no such%20cart")]].concat()),
                ]
                .concat(),
                [ack(), pack(5, END, CALL)].concat(),
                answer(5, END, &[(":status", "503")]),
            ],
        ),
        (
            "trailers",
            vec![
                [
                    hello(),
                    headers(1, 0, &[POST, &[("trailer", "x-sum")]].concat()),
                    data(1, 0, b"hello"),
                    headers(1, END, &[("x-sum", "1")]),
                ]
                .concat(),
                [
                    settings(&[]),
                    headers(1, 0, &[(":status", "103"), ("link", "</s>")]),
                    headers(1, 0, OK),
                    data(1, 0, b"abc"),
                    headers(1, END, &[("x-sum", "2")]),
                ]
                .concat(),
            ],
        ),
        (
            "websocket",
            vec![
                [hello(), headers(1, 0, WEBSOCKET), data(1, 0, b"\x01early")].concat(),
                [settings(&[(8, 1)]), ack(), headers(1, 0, OK), data(1, 0, b"\x02tunnel")].concat(),
                data(1, END, b"\x03more"),
                data(1, END, b""),
            ],
        ),
        (
            "connect",
            vec![
                [hello(), headers(1, 0, &[(":method", "CONNECT"), (":authority", "a:443")]), data(1, 0, b"\x16\x03")]
                    .concat(),
                [settings(&[]), headers(1, 0, OK), data(1, END, b"\x16\x03")].concat(),
            ],
        ),
        (
            "cookies",
            vec![
                [hello(), headers(1, END, &[GET, &[("cookie", "a=1"), ("cookie", "b=2"), ("host", "a")]].concat())]
                    .concat(),
                [settings(&[]), headers(1, END, &[(":status", "204"), ("set-cookie", "a=1"), ("set-cookie", "b=2")])]
                    .concat(),
            ],
        ),
        (
            "head",
            vec![
                [
                    hello(),
                    headers(1, END, &[(":method", "HEAD"), (":scheme", "https"), (":authority", "a"), (":path", "/")]),
                    headers(
                        3,
                        END,
                        &[(":method", "OPTIONS"), (":scheme", "http"), (":authority", "a"), (":path", "*")],
                    ),
                ]
                .concat(),
                [
                    settings(&[]),
                    headers(1, END, &[(":status", "200"), ("content-length", "99")]),
                    headers(3, END, &[(":status", "304"), ("etag", "\"x\"")]),
                ]
                .concat(),
            ],
        ),
    ]
}

fn bodies() -> Seeds {
    let length = |n| [POST, &[("content-length", n)]].concat();
    vec![
        (
            "lengths",
            vec![
                [
                    hello(),
                    headers(1, 0, &length("7")),
                    data(1, 0, b"one "),
                    headers(3, END, GET),
                    data(1, END, b"two"),
                    headers(5, 0, &length("2")),
                    data(5, END, b"one"),
                ]
                .concat(),
                [
                    settings(&[]),
                    headers(3, 0, &[(":status", "404"), ("content-length", "4")]),
                    headers(1, END, &[(":status", "204")]),
                    data(3, 0, b"lo"),
                    data(3, END, b"st"),
                ]
                .concat(),
            ],
        ),
        (
            "pieces",
            vec![
                [
                    hello(),
                    frame(HEADERS, END, 1, &block(GET)[..5]),
                    frame(CONTINUATION, 0, 1, &block(GET)[5..9]),
                    frame(CONTINUATION, END_HEADERS, 1, &block(GET)[9..]),
                    frame(
                        HEADERS,
                        END_HEADERS | PADDED | PRIORITIZED,
                        3,
                        &[&[3, 0x80, 0, 0, 1, 7][..], &block(POST), &[0; 3]].concat(),
                    ),
                    frame(DATA, PADDED | END, 3, b"\x04body\0\0\0\0"),
                ]
                .concat(),
                [
                    settings(&[]),
                    frame(HEADERS, END, 1, &block(CALLED)[..3]),
                    frame(CONTINUATION, END_HEADERS, 1, &block(CALLED)[3..]),
                    headers(3, 0, OK),
                    frame(DATA, PADDED, 3, b"\x02ok\0\0"),
                    frame(DATA, PADDED | END, 3, b"\x00"),
                ]
                .concat(),
            ],
        ),
        (
            "windows",
            vec![
                [
                    PREFACE.to_vec(),
                    settings(&[(4, 10), (5, 1 << 14), (6, 4096)]),
                    headers(1, 0, POST),
                    data(1, END, &[b'x'; 600]),
                    headers(3, END, GET),
                ]
                .concat(),
                [settings(&[(4, 0)]), headers(1, 0, OK), data(1, 0, &[b'y'; 8]), headers(3, 0, OK), data(3, 0, b"12")]
                    .concat(),
                [ack(), number(WINDOW_UPDATE, 1, 4), number(WINDOW_UPDATE, 0, 1), settings(&[(4, 100)])].concat(),
                [number(WINDOW_UPDATE, 1, 300), ack(), settings(&[(4, 400)]), data(1, 0, &[b'y'; 40])].concat(),
                [number(WINDOW_UPDATE, 1, 0x7fff_ff00), number(WINDOW_UPDATE, 3, 9)].concat(),
                [data(1, END, &[b'y'; 300]), data(3, END, b"")].concat(),
            ],
        ),
        (
            "given-up",
            vec![
                [hello(), headers(1, 0, POST), data(1, 0, b"x"), headers(3, END, GET), headers(5, 0, POST)].concat(),
                [
                    settings(&[]),
                    headers(3, 0, OK),
                    data(3, 0, b"y"),
                    headers(5, END, OK),
                    number(RST_STREAM, 5, 0),
                    number(RST_STREAM, 1, 7),
                ]
                .concat(),
                [number(RST_STREAM, 3, 8), data(5, 0, b"late"), headers(7, END, GET), number(RST_STREAM, 7, 8)]
                    .concat(),
                [data(3, END, b"late"), headers(7, END, OK)].concat(),
            ],
        ),
    ]
}

fn connection() -> Seeds {
    let tables = [
        PREFACE.to_vec(),
        settings(&[(1, 0), (2, 0), (3, 1)]),
        headers(1, END, GET),
        settings(&[(1, 8192)]),
        headers(3, END, GET),
    ];
    vec![
        (
            "pings",
            vec![
                [
                    hello(),
                    frame(PING, 0, 0, b"pingping"),
                    frame(PRIORITY, 0, 3, &[0, 0, 0, 1, 16]),
                    headers(1, END, GET),
                    frame(PING, ACK, 0, b"\0\0\0\0\0\0\0\x01"),
                    frame(0xfa, 0, 0, b"unknown"),
                ]
                .concat(),
                [settings(&[]), frame(PING, 0, 0, b"gnipgnip"), headers(1, END, OK)].concat(),
            ],
        ),
        (
            "goodbye",
            vec![
                [hello(), headers(1, END, GET), headers(3, END, GET), headers(5, END, GET), goaway(0, 0)].concat(),
                [settings(&[]), goaway(0x7fff_ffff, 0), headers(1, END, OK), goaway(3, 0), headers(3, END, OK)]
                    .concat(),
                headers(7, END, GET),
            ],
        ),
        (
            "tables",
            vec![
                tables.concat(),
                [
                    settings(&[(1, 64), (3, 1)]),
                    headers(1, END, OK),
                    settings(&[(1, 4096), (3, 0)]),
                    settings(&[(3, 10)]),
                    headers(3, END, OK),
                ]
                .concat(),
            ],
        ),
    ]
}

fn wrong() -> Seeds {
    let malformed: [Pairs<'_>; 4] = [
        &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("X-Upper", "1")],
        &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("connection", "close")],
        &[(":method", "GET"), (":scheme", "http"), (":path", "/ HTTP/1.1\r\nx: y"), (":authority", "a")],
        &[("x", "1"), (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), ("host", "b")],
    ];
    let smuggled = (1u32..).step_by(2).zip(malformed).map(|(stream, fields)| headers(stream, END, fields));
    vec![
        (
            "malformed",
            vec![
                [hello(), smuggled.collect::<Vec<_>>().concat(), headers(9, END, GET)].concat(),
                [settings(&[]), headers(1, END, &[(":status", "99")])].concat(),
            ],
        ),
        (
            "split",
            vec![
                [hello(), headers(1, 0, &[POST, &[("x", "a\r\n\r\nGET /hidden HTTP/1.1")]].concat())].concat(),
                [settings(&[]), headers(1, END, &[(":status", "200"), ("x", "\n")])].concat(),
            ],
        ),
        (
            "promised",
            vec![
                [hello(), headers(1, END, GET)].concat(),
                [settings(&[]), frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02\x82")].concat(),
            ],
        ),
        (
            "out-of-order",
            vec![
                [hello(), headers(3, END, GET), headers(1, END, GET)].concat(),
                [headers(1, END, OK), settings(&[])].concat(),
            ],
        ),
        (
            "too-much",
            vec![
                [
                    hello(),
                    frame(HEADERS, END | END_HEADERS, 1, &[&block(GET)[..], b"\x7f\xff\xff\xff\xff\x0f"].concat()),
                ]
                .concat(),
                settings(&[(5, 1)]),
            ],
        ),
        // The answer outlives its credit.
        (
            "no-credit",
            vec![
                [PREFACE.to_vec(), settings(&[(4, 6)]), headers(1, END, GET)].concat(),
                [settings(&[]), headers(1, 0, OK), data(1, END, &[b'y'; 20])].concat(),
            ],
        ),
        ("no-text", vec![[hello(), headers(1, END, &[&GET[..3], &[(":path", "/\u{eb}")]].concat())].concat()]),
        ("wrong-preface", vec![b"PRI * HTTP/2.0\r\n\r\nXM\r\n\r\n".to_vec()]),
        ("half", vec![[hello(), headers(1, END, GET)].concat()[..40].to_vec(), settings(&[(3, 1)])[..12].to_vec()]),
        ("another", vec![b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()]),
    ]
}

/// Answers to whoever asks on streams 1, 3 and 5.
pub(crate) fn answers() -> Vec<u8> {
    [
        settings(&[(8, 1)]),
        ack(),
        headers(1, 0, &[(":status", "200"), ("content-length", "5"), ("server", "s")]),
        data(1, END, b"hello"),
        headers(3, 0, OK),
        data(3, 0, b"ab"),
        headers(3, END, &[("x-sum", "1")]),
        headers(5, END, &[(":status", "204")]),
    ]
    .concat()
}
