//! Seeds of Thrift: every transport and encoding, and what lies about where a message ends.

use meshwire::Outcome;
use meshwire_thrift::{Answer, Call, Encoding, Transport};
use miniz_oxide::deflate::compress_to_vec_zlib;

use crate::Seeds;

const CALL: u8 = 1;

fn word(n: usize) -> [u8; 4] {
    (n as u32).to_be_bytes()
}

fn frame(message: &[u8]) -> Vec<u8> {
    [&word(message.len())[..], message].concat()
}

/// A struct whose field `id` is this string.
fn text(encoding: Encoding, id: u8, text: &str) -> Vec<u8> {
    let n = text.len();
    match encoding {
        Encoding::Binary | Encoding::OldBinary => [&[11, 0, id][..], &word(n), text.as_bytes(), &[0]].concat(),
        Encoding::Compact => [&[8, id << 1, n as u8][..], text.as_bytes(), &[0]].concat(),
        _ => format!("{{\"{id}\":{{\"str\":\"{text}\"}}}}]").into_bytes(),
    }
}

fn call(transport: Transport, encoding: Encoding, name: &str) -> Call {
    let call = Call::new(name).in_transport(transport).in_encoding(encoding).of_service("com.example.Store");
    call.with_field("tenant", "red").with_field("to_service", "shop.store").with_body(text(encoding, 1, "two books"))
}

fn asked(call: &Call, id: u64) -> Vec<u8> {
    call.head(id).bytes().to_vec()
}

/// The answer to a call that went out as `id`.
fn answered(answer: &Answer, call: &Call, id: u64) -> Vec<u8> {
    answer.head(call.head(id).stream()).bytes().to_vec()
}

/// A call, one-way, in strict binary.
fn message(kind: u8, name: &str, id: u32, body: &[u8]) -> Vec<u8> {
    [&[0x80, 1, 0, kind][..], &word(name.len()), name.as_bytes(), &id.to_be_bytes(), body].concat()
}

fn compact(name: &str, id: u8, body: &[u8]) -> Vec<u8> {
    [&[0x82, CALL << 5 | 1, id, name.len() as u8][..], name.as_bytes(), body].concat()
}

/// A frame with a header: its magic, its info, the message.
fn header(magic: [u8; 2], id: u32, mut info: Vec<u8>, message: &[u8]) -> Vec<u8> {
    info.resize(info.len().next_multiple_of(4), 0);
    let words = ((info.len() / 4) as u16).to_be_bytes();
    frame(&[&magic[..], &[0, 0], &id.to_be_bytes(), &words, &info, message].concat())
}

fn theader(id: u32, info: &[u8], message: &[u8]) -> Vec<u8> {
    header([0x0f, 0xff], id, info.to_vec(), message)
}

fn ttheader(id: u32, info: &[u8], message: &[u8]) -> Vec<u8> {
    header([0x10, 0], id, info.to_vec(), message)
}

/// Binary, compressed with zlib.
const ZLIB: &[u8] = &[0, 1, 1];

/// Calls and answers as one transport and encoding has them: a result, a declared exception, one that is not.
fn exchange(transport: Transport, encoding: Encoding) -> Vec<Vec<u8>> {
    let [reserve, list, missing] = ["Store:reserve", "list", "missing"].map(|name| call(transport, encoding, name));
    let note = call(transport, encoding, "note").one_way();
    let asks = [asked(&reserve, 1), asked(&note, 2), asked(&list, 300), asked(&missing, u64::from(u32::MAX))];
    let result = |name, id| Answer::new(name).with_body(text(encoding, id, "reserved"));
    let unknown = Answer::exception("missing", Outcome::NoRoute, "no such method");
    let answers = [
        answered(&result("reserve", 0), &reserve, 1),
        answered(&result("list", 1), &list, 300),
        answered(&unknown, &missing, u64::from(u32::MAX)),
    ];
    vec![asks.concat(), answers.concat()]
}

/// In frames, and what begins like one.
pub(crate) fn framed() -> Seeds<String> {
    let mut seeds = Seeds::new();
    for transport in Transport::ALL {
        for encoding in Encoding::ALL {
            let json = encoding == Encoding::Json && !matches!(transport, Transport::Framed | Transport::THeader);
            let dubbo = transport == Transport::Dubbo && encoding != Encoding::Binary;
            if !json && !dubbo {
                seeds.push((format!("{transport}-{encoding}"), exchange(transport, encoding)));
            }
        }
    }
    let plain = message(CALL, "Store:reserve", 7, &text(Encoding::Binary, 1, "two books"));
    let reply = |id| message(2, "reserve", id, &text(Encoding::Binary, 0, "reserved"));
    let good = frame(&message(CALL, "next", 8, &[0]));
    let zlib = |message: &[u8]| compress_to_vec_zlib(message, 6);
    // One field each: a tenant, an identity that persists.
    let info = |transforms: &[u8]| [transforms, b"\x01\x01\x06tenant\x03red\x02\x01\x02id\x01a"].concat();
    let blocks = b"\0\0\x10\0\x03\0\x06\0\x0ashop.store\0\x0c\0\x043000\0\x2c\0\x01?\x11\0\x05token\0\x01\0\x01\0\x06tenant\0\x03red";
    let checksum = b"\0\0\x01\0\x01\0\x06crc32c\0\x08deadbeef";
    let dubbo = asked(&call(Transport::Dubbo, Encoding::Binary, "reserve"), 1 << 40);
    let spliced = |bytes: &[u8], at: usize, with: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes.splice(at..at + with.len(), with.iter().copied());
        bytes
    };
    // A connection is not known by a bad message.
    let begin = frame(&message(CALL, "begin", 1, &[0]));
    let bad =
        |bytes: Vec<u8>| vec![[&begin[..], &bytes, &good].concat(), [frame(&reply(1)), frame(&reply(8))].concat()];
    let large =
        call(Transport::Framed, Encoding::Binary, "put").with_body(text(Encoding::Binary, 1, &"x".repeat(3000)));
    let first = call(Transport::Framed, Encoding::Binary, "first");
    let more: [(&str, Vec<Vec<u8>>); 34] = [
        // The first that an upstream sees is not the first that came.
        (
            "first-refused",
            vec![
                [ttheader(7, blocks, &message(9, "what", 7, &[0])), frame(&message(CALL, "two words", 8, &[0]))]
                    .concat(),
                frame(&reply(8)),
            ],
        ),
        // Many clients number nothing.
        ("zeros", vec![frame(&message(CALL, "a", 0, &[0])).repeat(4), frame(&reply(0)).repeat(4)]),
        (
            "twice",
            vec![[frame(&plain), good.clone(), frame(&plain)].concat(), [frame(&reply(7)), frame(&reply(8))].concat()],
        ),
        ("crossed", vec![[frame(&plain), good.clone()].concat(), [frame(&reply(8)), frame(&reply(7))].concat()]),
        ("unasked", vec![frame(&plain), [frame(&reply(9)), frame(&reply(7))].concat()]),
        (
            "transports",
            vec![
                Transport::ALL.map(|transport| asked(&call(transport, Encoding::Binary, "a"), 3)).concat(),
                frame(&reply(3)).repeat(5),
            ],
        ),
        (
            "large",
            vec![
                asked(&large, 5),
                answered(&Answer::new("put").with_body(text(Encoding::Binary, 0, &"y".repeat(3000))), &large, 5),
            ],
        ),
        (
            "outcomes",
            vec![
                asked(&first, 4).repeat(Outcome::ALL.len()),
                Outcome::ALL.map(|outcome| answered(&Answer::exception("first", outcome, "why"), &first, 4)).concat(),
            ],
        ),
        ("volo", vec![ttheader(7, blocks, &frame(&plain)), ttheader(7, b"\0\0", &frame(&reply(7)))]),
        ("volo-lies", bad(ttheader(7, blocks, &[&word(plain.len() + 1)[..], &plain].concat()))),
        ("fields", vec![ttheader(7, blocks, &plain), ttheader(7, blocks, &reply(7))]),
        ("checksum", vec![ttheader(7, checksum, &plain).repeat(2), ttheader(7, checksum, &reply(7)).repeat(2)]),
        // The answer that the second one waits for never ends.
        (
            "checksum-cut",
            vec![ttheader(7, checksum, &plain).repeat(2), spliced(&ttheader(7, checksum, &reply(7)), 0, &[0x2a])],
        ),
        ("persistent", vec![theader(7, &info(&[0, 0]), &plain), theader(7, &info(&[0, 0]), &reply(7))]),
        // fbthrift leaves the message's own id at 0.
        ("two-ids", vec![theader(9, &info(&[0, 0]), &plain), theader(9, &info(&[0, 0]), &reply(7))]),
        ("zlib", vec![theader(7, &info(ZLIB), &zlib(&plain)), theader(7, &info(ZLIB), &zlib(&reply(7)))]),
        ("zlib-twice", vec![theader(7, ZLIB, &zlib(&plain)).repeat(2), theader(7, ZLIB, &zlib(&reply(7))).repeat(2)]),
        (
            "zlib-compact",
            vec![
                theader(7, &[2, 1, 1], &zlib(&compact("reserve", 7, &[0]))),
                theader(7, &[2, 1, 1], &zlib(b"\x82\x41\x07\x01r\0")),
            ],
        ),
        ("zlib-bomb", bad(theader(7, ZLIB, &zlib(&message(CALL, &"a".repeat(1 << 20), 7, &[0]))))),
        ("zlib-cut", bad(theader(7, ZLIB, &zlib(&plain)[..16]))),
        ("zlib-damaged", bad(theader(7, ZLIB, &spliced(&zlib(&plain), 3, &[0xff; 4])))),
        ("zlib-again", bad(theader(7, &[0, 2, 1, 1], &zlib(&zlib(&plain))))),
        ("transform", bad(theader(7, &[0, 1, 4], &plain))),
        ("transform-of-ttheader", bad(ttheader(7, ZLIB, &plain))),
        ("transforms", bad(theader(7, &[0, 0xff, 0xff, 0xff, 0xff, 0x0f], &plain))),
        ("encoding", bad(ttheader(7, &[2, 0], &plain))),
        ("words", bad(spliced(&theader(7, &info(&[0, 0]), &plain), 12, &[0x40, 0]))),
        ("words-none", bad(spliced(&ttheader(7, blocks, &plain), 12, &[0, 0]))),
        ("lengths-of-dubbo", bad(spliced(&dubbo, 9, &[1]))),
        ("kind", bad(frame(&message(9, "what", 1, &[0])))),
        ("name", bad(spliced(&frame(&plain), 8, &[0x7f, 0xff, 0xff, 0xff]))),
        // Refused before as much of it has come as it is said to end at.
        ("short", bad(frame(&message(CALL, &"a".repeat(300), 7, &[0])[..300]))),
        ("length", bad(spliced(&frame(&plain), 0, &[0x7f, 0xff, 0xff, 0xff]))),
        ("length-negative", vec![[frame(&plain), vec![0xff; 8]].concat(), [frame(&reply(7)), vec![0xff; 4]].concat()]),
    ];
    seeds.extend(more.map(|(name, turns)| (name.to_owned(), turns)));
    // Shorter and longer than the struct in it: elsewhere it would be two messages, or half of one.
    seeds.push(("smuggled".to_owned(), bad(frame(&[&plain[..], &plain].concat()))));
    seeds.push(("cut-short".to_owned(), bad(frame(&plain[..plain.len() - 4]))));
    seeds.push(("cut".to_owned(), vec![frame(&plain)[..20].to_vec()]));
    seeds
}

/// Without frames: where a message ends is what its struct says.
pub(crate) fn unframed() -> Seeds<String> {
    let encodings = [Encoding::Binary, Encoding::OldBinary, Encoding::Compact];
    let mut seeds: Seeds<String> =
        encodings.map(|encoding| (encoding.to_string(), exchange(Transport::Unframed, encoding))).into();
    let ask = |body: &[u8]| message(CALL, "Store:reserve", 7, body);
    let reply = |body: &[u8]| message(2, "reserve", 7, body);
    let small = |body: &[u8]| compact("reserve", 7, body);
    let most = [0x7f, 0xff, 0xff, 0xff];
    // Binary: a field of this type, whose id is 1.
    let field = |kind: u8, value: &[u8]| [&[kind, 0, 1][..], value].concat();
    let container =
        |kind: u8, types: &[u8], count: [u8; 4], rest: &[u8]| [&field(kind, types)[..], &count, rest].concat();
    let every = [
        field(2, &[1]),
        field(3, &[7]),
        field(4, &[0; 8]),
        field(6, &[0; 2]),
        field(8, &[0; 4]),
        field(10, &[0; 8]),
        field(11, b"\0\0\0\x02hi"),
        field(12, &[3, 0, 1, 7, 0]),
        container(13, &[11, 12], word(1), b"\0\0\0\x01k\0"),
        container(14, &[15], word(1), b"\x03\0\0\0\x02ab"),
        container(15, &[2], word(3), &[1, 0, 1]),
        field(16, &[9; 16]),
        vec![0],
    ]
    .concat();
    let every_compact = [
        &[0x11, 0x12, 0x13, 7, 0x14, 0x80, 1, 0x15, 1, 0x16, 1, 0x17][..],
        &[0; 8],
        b"\x18\x02hi\x19\x21\x01\x02\x1a\x18\x01k\x1b\x01\x8c\x01k\0\x1c\x11\0\x1d",
        &[9; 16],
        &[0],
    ]
    .concat();
    let deep = |open: &[u8], n: usize, close: &[u8]| [open.repeat(n), close.repeat(n), vec![0]].concat();
    let pair = |ask: Vec<u8>, reply: Vec<u8>| vec![ask, reply];
    let more: [(&str, Vec<Vec<u8>>); 28] = [
        ("every-type", pair(ask(&every), reply(&every))),
        ("every-type-compact", pair(small(&every_compact), [b"\x82\x41\x07\x01r", &every_compact[..]].concat())),
        ("deep", pair(ask(&deep(&[12, 0, 1], 5, &[0])), reply(&deep(&[12, 0, 1], 5, &[0])))),
        ("too-deep", pair(ask(&deep(&[12, 0, 1], 400, &[0])), reply(&deep(&[12, 0, 1], 400, &[0])))),
        ("too-deep-compact", vec![small(&deep(&[0x1c], 400, &[0]))]),
        // A list of one list of one list.
        ("too-deep-lists", vec![ask(&[field(15, &[]), [15, 0, 0, 0, 1].repeat(400)].concat())]),
        ("too-deep-lists-compact", vec![small(&[&[0x19][..], &[0x19; 400]].concat())]),
        ("too-deep-maps", vec![ask(&[field(13, &[]), [13, 13, 0, 0, 0, 1].repeat(400)].concat())]),
        ("empty-structs", vec![ask(&container(15, &[12], most, &[0; 2000]))]),
        ("empty-structs-compact", vec![small(&[&b"\x19\xfc\xff\xff\xff\xff\x07"[..], &[0; 2000]].concat())]),
        ("empty-maps", vec![ask(&container(14, &[13], most, &[0; 3000]))]),
        ("empty-maps-compact", vec![small(&[&b"\x1a\xfb\xff\xff\xff\xff\x07"[..], &[0; 2000]].concat())]),
        ("empty-keys", vec![ask(&container(13, &[12, 12], most, &[0; 2000]))]),
        ("count", vec![ask(&container(15, &[10], most, &[0; 200]))]),
        ("count-of-nothing", vec![ask(&container(13, &[0, 0], word(0), &[0]))]),
        ("count-negative", vec![ask(&container(15, &[8], [0xff; 4], &[0]))]),
        (
            "count-of-structs",
            vec![ask(&container(15, &[12], word(300), &[[3, 0, 1, 7, 0].repeat(300), vec![0]].concat()))],
        ),
        ("bools", vec![small(&[&b"\x19\xf1\xac\x02"[..], &[1; 300], &[0]].concat())]),
        ("string", vec![ask(&field(11, &most))]),
        ("string-negative", vec![ask(&field(11, &[0xff; 4]))]),
        ("string-compact", vec![small(b"\x18\xff\xff\xff\xff\x0f")]),
        ("varint", vec![small(&[&[0x16][..], &[0xff; 12]].concat())]),
        ("type", vec![[ask(&field(5, &[0])), ask(&[0])].concat()]),
        ("type-compact", vec![small(&[0x1e, 0])]),
        ("version", vec![[&[0x80, 1, 0x20], &ask(&[0])[3..]].concat()]),
        ("zeros", vec![message(CALL, "a", 0, &[0]).repeat(5), message(2, "a", 0, &[0]).repeat(4)]),
        ("framed", vec![[ask(&[0]), frame(&ask(&[0]))].concat(), frame(&reply(&[0]))]),
        ("cut", vec![ask(&every)[..60].to_vec(), reply(&every)[..40].to_vec()]),
    ];
    seeds.extend(more.map(|(name, turns)| (name.to_owned(), turns)));
    let large = |kind, field| message(kind, "put", 5, &text(Encoding::Binary, field, &"x".repeat(3000)));
    let many = container(15, &[11], word(500), &b"\0\0\0\x02ab".repeat(500));
    seeds.push(("large".to_owned(), pair(large(CALL, 1), large(2, 0))));
    seeds.push(("large-list".to_owned(), pair(ask(&[&many[..], &[0]].concat()), reply(&[&many[..], &[0]].concat()))));
    seeds.push((
        "mixed".to_owned(),
        pair([ask(&every), small(&every_compact), ask(&[0])].concat(), reply(&[0]).repeat(3)),
    ));
    seeds
}
