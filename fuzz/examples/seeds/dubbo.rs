//! Seeds of Dubbo's attachments: every kind of map, every serialization that is read, what contradicts itself.

use crate::Seeds;

fn frame(flag: u8, status: u8, id: u8, body: &[u8]) -> Vec<u8> {
    let header: [&[u8]; 4] =
        [&[0xda, 0xbb, flag, status, 0, 0, 0, 0, 0, 0, 0, id], &(body.len() as u32).to_be_bytes(), body, b""];
    header.concat()
}

/// What stands before the arguments: service `a.B`, no version, method `hi`.
fn front(types: &str) -> Vec<u8> {
    [&b"\x052.0.2\x03a.BN\x02hi"[..], &[types.len() as u8], types.as_bytes()].concat()
}

fn ask(types: &str, args: &[u8], map: &[u8]) -> Vec<u8> {
    frame(0xc2, 0, 1, &[&front(types), args, map].concat())
}

fn answer(body: &[u8]) -> Vec<u8> {
    frame(0x02, 20, 1, body)
}

fn sized(values: &[&[u8]]) -> Vec<u8> {
    values.iter().flat_map(|value| [&(value.len() as u32).to_be_bytes(), *value].concat()).collect()
}

/// Each conversation: requests, answers.
pub(crate) fn edited() -> Seeds {
    let entries = b"\x04path\x03a.B\x05group\x01g\x06tenant\x04blue\x07timeout\xcb\xe8\x01aN";
    let map = [b"H", &entries[..], b"Z"].concat();
    let value = answer(&[b"\x94\x02ok", &map[..]].concat());
    let pair = |request: Vec<u8>, answer: Vec<u8>| vec![request, answer];
    let object = b"C\x03a.B\x91\x01x\x60\x91";
    let long = [&b"A\x01\x00"[..], &[0x5a; 256], b"\x20"].concat();
    let lines =
        "\"2.0.2\"\n\"a.B\"\nnull\n\"hi\"\n\"I\"\n1\n{\"path\":\"a.B\",\"tenant\":\"blue\",\"a\":{\"b\":[1]}}\n";
    let json: Vec<&[u8]> = lines.lines().map(str::as_bytes).collect();
    let jsonb: [&[u8]; 7] = [
        b"\x4e2.0.2",
        b"\x4ca.B",
        b"\xaf",
        b"\x4bhi",
        b"\x4aI",
        b"\x01",
        b"\xa6\x4dpath\x4ca.B\x4ftenant\x4dblue\x4aa\xaf\xa5",
    ];
    let protobuf =
        b"\x07\x0a\x052.0.2\x05\x0a\x03a.B\x07\x0a\x050.0.0\x04\x0a\x02hi\x00\x13\x0a\x11\x0a\x06tenant\x12\x07bluered";
    let protobuf_json = "\"2.0.2\"\n\"a.B\"\n\"0.0.0\"\n\"hi\"\n\"\"\n{\"attachments\":{\"tenant\":\"blue\"}}\n";
    let generic =
        b"\x052.0.2\x03a.BN\x07$invoke\x30\x38Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;\x04 hi \x70\x00\x70\x00";
    let references = [&b"H\x01aC\x03a.C\x90\x61\x02k1\x51\x90\x06tenant\x51\x92\x91\x61"[..], b"Z"].concat();
    vec![
        ("strings", pair(ask("", b"", &map), value.clone())),
        (
            "typed-map",
            pair(ask("I", b"\x91", &[b"M\x11java.util.HashMap", &entries[..], b"Z"].concat()), answer(b"\x95M\x01tZ")),
        ),
        ("null-map", pair(ask("I", b"\x91", b"N"), answer(b"\x95N"))),
        ("no-map", pair(ask("I", b"\x91", b""), answer(b"\x91\x02ok"))),
        (
            "behind",
            pair(ask("I", b"\x91", &[&map[..], b"behind"].concat()), answer(&[b"\x95", &map[..], b"Z"].concat())),
        ),
        (
            "references",
            pair(
                ask("La/B;", object, &references),
                answer(&[b"\x94", &object[..], b"H\x01a\x60\x91\x06tenant\x51\x90Z"].concat()),
            ),
        ),
        (
            "pieces",
            pair(
                ask(
                    "",
                    b"",
                    b"HR\0\x02te\x04nant\x02\xed\xa0\xbd\xed\xb8\x80\x91NN\x91\x01aR\0\x02\xed\xa0\xbd\xed\xb8\x80\0Z",
                ),
                answer(b"\x92"),
            ),
        ),
        (
            "twice",
            pair(
                ask("", b"", b"H\x06tenant\x01x\x06Tenant\x01y\x06tenant\xe1\x01a\x4a\0\0\0\0\0\0\0\0Z"),
                answer(b"\x90\x02no"),
            ),
        ),
        (
            "contradiction",
            pair(
                [ask("", b"", b"H\x04path\x03a.CZ"), ask("", b"", b"H\x07version\x91Z"), ask("", b"", &map)].concat(),
                value.clone(),
            ),
        ),
        ("argument-is-map", pair(ask("Ljava/util/Map;", &map, b""), answer(&[b"\x91", &map[..]].concat()))),
        ("streams", pair(ask("[B", &long, &map), answer(&[b"\x94", &long[..], &map].concat()))),
        ("streams-not", pair(ask("[B", &long, b"\x78"), answer(&[b"\x91", &long[..], b"HZ"].concat()))),
        (
            "dubbox",
            pair(frame(0xc2, 0, 1, &[&b"\x052.0.2\x03a.BN\x02hi\xc8\x02\x91\xe1"[..], &map].concat()), answer(b"\x92")),
        ),
        ("called", pair(frame(0xc2, 0, 1, &[&generic[..], &map].concat()), answer(b"\x92"))),
        ("fastjson-lines", pair(frame(0xc6, 0, 1, lines.as_bytes()), frame(0x06, 20, 1, b"4\n\"v\"\n{\"a\":\"1\"}\n"))),
        ("gson", pair(frame(0xd0, 0, 1, lines.as_bytes()), frame(0x10, 20, 1, b"1\r\n\"v\""))),
        ("fastjson-sized", pair(frame(0xc6, 0, 1, &sized(&json)), frame(0x06, 20, 1, &sized(&[b"1", b"\"v\""])))),
        (
            "fastjson2",
            pair(frame(0xd7, 0, 1, &sized(&jsonb)), frame(0x17, 20, 1, &sized(&[b"\x04", b"\x4av", b"\xa6\xa5"]))),
        ),
        (
            "fastjson2-plain",
            pair(frame(0xd7, 0, 1, &sized(&jsonb)), frame(0x17, 20, 1, &sized(&[b"\xbd\x01", b"\x4av"]))),
        ),
        ("protobuf", pair(frame(0xd6, 0, 1, protobuf), frame(0x16, 20, 1, b"\x02\x08\x04\x00\x00"))),
        ("protobuf-json", pair(frame(0xd5, 0, 1, protobuf_json.as_bytes()), frame(0x15, 20, 1, b"4\n\"v\"\n{}\n"))),
        // Bytes behind the value of an answer without attachments, which look like some.
        (
            "answer-behind",
            pair(ask("", b"", &map), answer(&[b"\x90", &object[..], b"H\x01a\x60\x91\x06tenant\x51\x90Z"].concat())),
        ),
        // A group that is no string, which servers cannot use.
        ("group-of-a-number", pair(ask("", b"", b"H\x04path\x03a.B\x05group\xfcg\x06tenanT\x04blueZ"), value.clone())),
        ("kryo", pair(frame(0xc8, 0, 1, b"opaque"), frame(0x08, 20, 1, b"opaque"))),
    ]
}
