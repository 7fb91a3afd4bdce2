//! Writes the seeds: `cargo run --example seeds` in this directory. What is written is committed; it changes only
//! when this file does.

#[path = "seeds/bolt.rs"]
mod bolt;
#[path = "seeds/dubbo.rs"]
mod dubbo;
#[path = "seeds/hessian.rs"]
mod hessian;
#[path = "seeds/http2.rs"]
mod http2;
#[path = "seeds/thrift.rs"]
mod thrift;

use std::fs;
use std::io;
use std::path::Path;

use meshwire::Outcome;
use meshwire::testkit::Sample;
use meshwire::testkit::toy::framed::Message;
use meshwire_fuzz::{Op, SEPARATOR, Settings};
use meshwire_http2::hpack::{Encoder, Field, Indexing};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let all = Settings::DETACH | Settings::EDIT | Settings::LOCAL | Settings::CONTROL;
    // Read at once with defaults; a byte at a time with small limits; in pieces with everything switched on.
    let settings = [
        Settings::default(),
        Settings { flags: Settings::SMALL | Settings::FIELDS, chunk: 1, seed: 1 },
        Settings { flags: all | Settings::LAZY | Settings::FIELDS, chunk: 7, seed: 2 },
    ];
    let ops = [
        [Op::NONE; 4],
        [Op { what: 0x00, value: b'X', at: 3 }, Op { what: 0x01, value: 0xff, at: 9 }, Op::NONE, Op::NONE],
        [
            Op { what: 0x02, value: 0, at: 12 },
            Op { what: 0x05, value: 5, at: 20 },
            Op { what: 0x06, value: 0, at: 60 },
            Op::NONE,
        ],
    ];
    let named = |seeds: Seeds| seeds.into_iter().map(|(name, turns)| (name.to_owned(), turns)).collect();
    let targets: [(_, Seeds<String>); 8] = [
        ("http1", named(http1())),
        ("dubbo", named(dubbo().into_iter().chain(dubbo::edited()).collect())),
        ("framed", named(framed())),
        ("mux", mux()),
        ("http2", named(http2::conversations())),
        ("bolt", named(bolt::conversations())),
        ("thrift", thrift::framed()),
        ("thrift_unframed", thrift::unframed()),
    ];
    for (protocol, (target, seeds)) in targets.iter().enumerate() {
        for (n, (name, turns)) in seeds.iter().enumerate() {
            let wire = turns.join(SEPARATOR);
            for (m, settings) in settings.iter().enumerate() {
                write(&root.join(target), &format!("{name}-{m}"), &[&wire, &settings.to_bytes()])?;
                if *target == "http2" && n % 3 == m {
                    write(&root.join("splice"), name, &[&wire, &settings.to_bytes()])?;
                }
            }
            let ops: Vec<u8> = ops[n % ops.len()].iter().flat_map(|op| op.to_bytes()).collect();
            let requests = turns.first().map(Vec::as_slice).unwrap_or_default();
            let joined = |name: String, protocol: u8, ops: &[u8]| {
                let tail: [&[u8]; 4] = [requests, &[protocol], ops, &settings[n % settings.len()].to_bytes()];
                write(&root.join("joined"), &name, &tail)
            };
            joined(format!("{target}-{name}"), protocol as u8, &ops)?;
            // From one transport to another, with no changes on the way that could be blamed for what comes of it.
            if target.starts_with("thrift") {
                joined(format!("{target}-{name}-moved"), 8 + (n / 3 % 3) as u8, &[0xff; 4 * Op::LEN])?;
            }
        }
    }
    // An answer that becomes a request on its way back: whoever asked answers it.
    let asked = Message::request(1, "shop.Cart", "add").bytes();
    let back = [Op { what: 0x01, value: 0, at: 2 }, Op { what: 0x01, value: 0, at: 3 }, Op::NONE, Op::NONE];
    let back: Vec<u8> = back.iter().flat_map(|op| op.to_bytes()).collect();
    let tail: [&[u8]; 4] = [&asked, &[2], &back, &Settings::default().to_bytes()];
    write(&root.join("joined"), "framed-answer-becomes-a-request", &tail)?;
    for (n, (name, which, turns)) in bridge().into_iter().enumerate() {
        let wire = turns.join(SEPARATOR);
        let tail: [&[u8]; 3] = [&wire, &[which], &settings[n % settings.len()].to_bytes()];
        write(&root.join("bridge"), &name, &tail)?;
    }
    for (name, document) in routes() {
        write(&root.join("routes"), name, &[document.as_bytes()])?;
    }
    for (name, values, settings) in hessian::messages() {
        write(&root.join("hessian"), &name, &[&values, &settings])?;
    }
    for (name, table, blocks) in hpack() {
        let blocks = blocks.into_iter().flat_map(|block| [vec![block.len() as u8], block]).collect::<Vec<_>>().concat();
        write(&root.join("hpack"), name, &[&u16::to_le_bytes(table), &blocks])?;
    }
    Ok(())
}

fn write(folder: &Path, name: &str, parts: &[&[u8]]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(name), parts.concat())
}

/// Seeds of one target: a name, and what the two ends sent in turn.
type Seeds<Name = &'static str> = Vec<(Name, Vec<Vec<u8>>)>;

fn http1() -> Seeds {
    let pair = |request: &str, response: &str| vec![request.as_bytes().to_vec(), response.as_bytes().to_vec()];
    vec![
        (
            "get",
            pair(
                "GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nX-Tenant: red\r\nAccept: */*\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: s\r\n\r\nhello",
            ),
        ),
        (
            "post",
            pair(
                "POST /submit HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nContent-Type: text/plain\r\n\r\nhello world",
                "HTTP/1.1 201 Created\r\nLocation: /submit/1\r\nContent-Length: 0\r\n\r\n",
            ),
        ),
        (
            "chunked",
            pair(
                "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;a=\"b\"\r\nhello\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            ),
        ),
        (
            "pipelined",
            pair(
                "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: a\r\n\r\nDELETE /3 HTTP/1.1\r\nHost: a\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nHTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n",
            ),
        ),
        (
            "continue",
            pair(
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ),
        ),
        (
            "websocket",
            pair(
                "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\u{1}early",
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\u{2}tunnel",
            ),
        ),
        (
            "connect",
            pair(
                "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n\u{16}\u{3}",
                "HTTP/1.1 200 OK\r\n\r\n\u{16}\u{3}",
            ),
        ),
        (
            "upgrade-refused",
            pair(
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            ),
        ),
        (
            "absolute",
            pair(
                "GET http://b.example/x HTTP/1.1\r\nHost: a.example\r\nProxy-Connection: keep-alive\r\nConnection: x-gone\r\nX-Gone: 1\r\nTE: trailers\r\n\r\n",
                "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
            ),
        ),
        ("options", pair("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 204 No Content\r\nAllow: GET\r\n\r\n")),
        (
            "old",
            pair(
                "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n",
                "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nxHTTP/1.0 200 OK\r\n\r\nrest",
            ),
        ),
        (
            "smuggled",
            pair(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            ),
        ),
        (
            "odd",
            pair(
                "GET / HTTP/1.1\nHost : a\r\n X: folded\r\nHost: b\r\nContent-Length: +1\r\n\r\n",
                "HTTP/1.1 099\r\nTransfer-Encoding: gzip, chunked, chunked\r\n\r\n0x1\r\na\r\n",
            ),
        ),
        (
            "cookies",
            pair(
                "GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: b=2\r\nCookie: c=3; d=4\r\nX-Text: \u{fc}\r\n\r\n",
                "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n",
            ),
        ),
        (
            "in-turn",
            vec![
                b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
                b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1".to_vec(),
                b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
            ],
        ),
    ]
}

/// A Dubbo frame: magic, flags, status, id, length, body.
fn frame(flags: u8, status: u8, id: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xda, 0xbb, flags, status];
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend_from_slice(&(body.len() as u32).to_be_bytes());
    frame.extend_from_slice(body);
    frame
}

/// A Hessian string of up to 1,023 characters, all ASCII.
fn string(text: &str) -> Vec<u8> {
    let n = text.len();
    let mut bytes = if n < 32 { vec![n as u8] } else { vec![0x30 | (n >> 8) as u8, n as u8] };
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

/// A Hessian map of strings.
fn map(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = vec![b'H'];
    for (name, value) in entries {
        bytes.extend(string(name));
        bytes.extend(string(value));
    }
    bytes.push(b'Z');
    bytes
}

fn call(method: &str, types: &str, arguments: &[u8]) -> Vec<u8> {
    let service = "com.example.DemoService";
    let head = ["2.0.2", service, "1.0.0", method, types].map(string).concat();
    let attachments = map(&[("path", service), ("interface", service), ("group", "blue"), ("timeout", "1000")]);
    [&head[..], arguments, &attachments].concat()
}

fn dubbo() -> Seeds {
    const REQUEST: u8 = 0xc2;
    const ONE_WAY: u8 = 0x82;
    const EVENT: u8 = 0xe2;
    const RESPONSE: u8 = 0x02;
    const EVENT_RESPONSE: u8 = 0x22;
    let hello = call("sayHello", "Ljava/lang/String;", &string("world"));
    let value = [&[0x94][..], &string("hello world"), &map(&[("dubbo", "2.0.2")])].concat();
    let error = string("no such service");
    let text = "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;";
    // $invoke(name, types, arguments): two typed lists.
    let generic_arguments = [
        &string("sayHello")[..],
        b"\x71\x07[string",
        &string("java.lang.String"),
        b"\x71\x07[object",
        &string("world"),
    ]
    .concat();
    let generic = call("$invoke", text, &generic_arguments);
    // A class definition, an object, a back reference, a long, a double, a date, binary, a list without an end.
    let odd = b"C\x03a.B\x92\x01x\x01y\x60\x91\x51\x90L\0\0\0\0\0\0\0\x01D\x40\x28\0\0\0\0\0\0\x4a\0\0\0\0\0\0\0\0\x23abc\x57\x90\x91Z";
    let long = call("upload", "[B", &[&[b'A', 0x01, 0x00][..], &[7; 256], &[b'B', 0x00, 0x80], &[8; 128]].concat());
    vec![
        ("call", vec![frame(REQUEST, 0, 1, &hello), frame(RESPONSE, 20, 1, &value)]),
        ("one-way", vec![frame(ONE_WAY, 0, 2, &hello)]),
        (
            "heartbeat",
            vec![
                [frame(EVENT, 0, 3, b"N"), frame(EVENT, 0, 4, &string("R"))].concat(),
                [frame(EVENT_RESPONSE, 20, 3, b"N"), frame(EVENT, 0, 9, b"N")].concat(),
            ],
        ),
        (
            "exception",
            vec![frame(REQUEST, 0, 5, &hello), frame(RESPONSE, 20, 5, b"\x93C\x10java.lang.E\x91\x06detail\x60\x02no")],
        ),
        ("null", vec![frame(REQUEST, 0, 6, &hello), frame(RESPONSE, 20, 6, b"\x92")]),
        ("error", vec![frame(REQUEST, 0, 7, &hello), frame(RESPONSE, 60, 7, &error)]),
        ("generic", vec![frame(REQUEST, 0, 8, &generic), frame(RESPONSE, 20, 8, &value)]),
        ("odd-arguments", vec![frame(REQUEST, 0, 9, &call("odd", "La/B;JD", odd)), frame(RESPONSE, 70, 9, &error)]),
        (
            "long",
            vec![
                frame(REQUEST, 0, 10, &long),
                frame(RESPONSE, 20, 10, &[&b"\x91\x53\x02\0"[..], &[b'x'; 512]].concat()),
            ],
        ),
        (
            "fastjson",
            vec![
                frame(0xc6, 0, 11, b"\"2.0.2\"\n\"com.example.DemoService\"\n\"1.0.0\"\n\"sayHello\"\n"),
                frame(0x06, 20, 11, b"1\n\"hello\"\n"),
            ],
        ),
        (
            "bad-then-good",
            vec![
                [frame(REQUEST, 0, 12, b"\xff\xff\xff"), frame(REQUEST, 0, 13, &hello)].concat(),
                frame(RESPONSE, 20, 13, &value),
            ],
        ),
        ("bad-magic", vec![[frame(REQUEST, 0, 14, &hello), b"GET / HTTP/1.1".to_vec()].concat(), b"\xda\xbc".to_vec()]),
        (
            "crossed",
            vec![
                [frame(REQUEST, 0, 21, &hello), frame(REQUEST, 0, 21, &hello), frame(REQUEST, 0, u64::MAX, &hello)]
                    .concat(),
                [frame(RESPONSE, 20, 3, &value), frame(RESPONSE, 20, 1, &value), frame(RESPONSE, 31, 2, &error)]
                    .concat(),
            ],
        ),
        ("cut", vec![frame(REQUEST, 0, 31, &long)[..100].to_vec(), frame(RESPONSE, 20, 31, &value)[..20].to_vec()]),
        (
            "huge",
            vec![[frame(REQUEST, 0, 32, &hello)[..12].to_vec(), b"\x7f\xff\xff\xff".to_vec(), hello.clone()].concat()],
        ),
    ]
}

/// Messages of the framed toy.
fn framed() -> Seeds {
    let call = Message::request(7, "shop.Cart", "add").with_field("x-tenant", "red").with_body("one book");
    let wide = Message::request(u64::MAX, "shop.Cart", "list").with_field("a", "1").with_field("b", "");
    let answer = |id, outcome| Message::response(id, outcome).with_body("done").with_field("took", "3ms").bytes();
    let mut unsigned = call.bytes();
    unsigned.pop();
    unsigned.push(0);
    vec![
        ("call", vec![call.bytes(), answer(1, Outcome::Success)]),
        (
            "mixed",
            vec![
                [wide.bytes(), Message::heartbeat(300), Message::one_way(5, "log.Sink", "write").bytes()].concat(),
                [Message::heartbeat(2), answer(1, Outcome::Timeout), Message::heartbeat_ack(1), Message::go_away(3)]
                    .concat(),
            ],
        ),
        ("bad-sum", vec![[unsigned, call.bytes()].concat(), answer(9, Outcome::Exception)]),
        (
            "large",
            vec![
                Message::request(8, "shop.Import", "all").with_body(vec![b'x'; 600]).bytes(),
                Message::response(1, Outcome::Success).with_body(vec![b'y'; 600]).bytes(),
            ],
        ),
    ]
}

/// What the kit knows of the multiplexed toy.
fn mux() -> Seeds<String> {
    let samples = meshwire::testkit::toy::mux::samples();
    let turns = |sample: &Sample| vec![sample.requests().to_vec(), sample.responses().to_vec()];
    samples.iter().map(|sample| (sample.name().replace(' ', "-"), turns(sample))).collect()
}

/// Requests in one version of HTTP and answers in another: which, and what the two ends sent in turn.
fn bridge() -> Vec<(String, u8, Vec<Vec<u8>>)> {
    const UP: u8 = 0;
    const DOWN: u8 = 1;
    const SAME: u8 = 2;
    let answers = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 1\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
    let mut all = Vec::new();
    for (name, turns) in http1() {
        let requests = turns.first().cloned().unwrap_or_default();
        all.push((format!("1-to-2-{name}"), UP, vec![requests, http2::answers()]));
        all.push((format!("1-to-1-{name}"), SAME, turns));
    }
    for (name, turns) in http2::conversations() {
        let requests = turns.first().cloned().unwrap_or_default();
        all.push((format!("2-to-1-{name}"), DOWN, vec![requests, answers.to_vec()]));
        all.push((format!("2-to-2-{name}"), DOWN | SAME, turns));
    }
    all
}

/// Route documents, in both spellings; some of them are wrong.
fn routes() -> Vec<(&'static str, &'static str)> {
    vec![
        ("empty.json", "{}"),
        ("one.json", r#"{"virtual_hosts":[{"hosts":["*"],"routes":[{"cluster":"a"}]}]}"#),
        (
            "matches.json",
            r#"{"virtual_hosts":[{"name":"n","hosts":["a.b","*.b","a.*"],"routes":[
{"match":{"service":"s","method":{"prefix":"m"},"path":{"suffix":"/p","ignore_case":true}},"cluster":"a","timeout":"1.5s"},
{"match":{"version":{"contains":"1"},"group":{"regex":"g|h+"},"verb":"GET","fields":[{"name":"f"},{"name":"g","exact":"1","invert":true},
{"name":"h","present":false},{"name":"i","regex":"^$","treat_missing_as_empty":true}]},
"weighted":[{"cluster":"a","weight":90},{"cluster":"b","weight":10},{"cluster":"c","weight":0}]},
{"reply":{"outcome":"no_route","message":"gone"}}]}]}"#,
        ),
        (
            "cluster-twice.json",
            r#"{"virtual_hosts":[{"hosts":["*","*"],"routes":[{"cluster":"a","reply":{"outcome":"denied"}}]}]}"#,
        ),
        (
            "huge-weight.json",
            r#"{"virtual_hosts":[{"hosts":["h"],"routes":[{"weighted":[{"cluster":"a","weight":4294967295},{"cluster":"b","weight":4294967295}]}]}]}"#,
        ),
        (
            "edits.yaml",
            "virtual_hosts:\n- hosts: [\"*\"]\n  routes:\n  - name: r\n    cluster: c\n    timeout: 250ms\n    retry: {attempts: 3, on: [unavailable, timeout], per_try_timeout: 1s, backoff: 25ms, max_backoff: 250ms}\n    request_fields: {set: {a: b}, add: {c: d}, remove: [e]}\n    response_fields: {set: {via: x}}\n",
        ),
        (
            "two-hosts.yaml",
            "virtual_hosts:\n- hosts: [com.example.Demo, '*.example.com']\n  routes:\n  - match: {method: sayHello, fields: [{name: tenant, prefix: re}]}\n    cluster: red\n  - cluster: other\n- hosts: ['*']\n  routes:\n  - reply: {outcome: unavailable, message: later}\n",
        ),
        (
            "aliases.yaml",
            "virtual_hosts:\n- hosts: &h [a]\n  routes: &r\n  - cluster: c\n- hosts: [b]\n  routes: *r\n- hosts: *h\n  routes: []\n",
        ),
        ("unknown.yaml", "virtual_hosts:\n- hosts: [a]\n  routes:\n  - clutser: c\n    timeout: -1s\n"),
        ("types.yaml", "virtual_hosts: 3\n---\n!!binary aGk=\n"),
        (
            "regex.yaml",
            "virtual_hosts:\n- hosts: ['']\n  routes:\n  - match: {path: {regex: '(a{1,9}){1,9}['}}\n    cluster: ''\n",
        ),
    ]
}

/// Size of the table, and blocks.
fn hpack() -> Vec<(&'static str, u16, Vec<Vec<u8>>)> {
    let fields: [(&str, &str); 8] = [
        (":method", "POST"),
        (":path", "/shop.Cart/Add"),
        (":authority", "cart.example:50051"),
        ("te", "trailers"),
        ("x-tenant", "blue"),
        ("grpc-timeout", "17S"),
        ("authorization", "Bearer a"),
        ("x-bin", "\u{80}\u{7f}"),
    ];
    let mut encoder = Encoder::new();
    let mut encode = |size: Option<usize>, indexing| {
        let mut block = Vec::new();
        size.into_iter().for_each(|n| encoder.set_peer_table_size(n));
        encoder.begin(&mut block);
        for (name, value) in fields {
            encoder.encode(&Field::new(name.as_bytes(), value.as_bytes()), indexing, &mut block);
        }
        block
    };
    let all = vec![
        encode(None, Indexing::Auto),
        encode(None, Indexing::Auto),
        encode(Some(120), Indexing::Auto),
        encode(Some(4096), Indexing::Without),
    ];
    let bomb = [&[0x40, 0x01, b'a', 0x64][..], &[b'b'; 100], &[0xbe; 40]].concat();
    vec![
        ("encoded", 4096, all),
        ("plain", 100, vec![b"\x40\x01a\x01b\x10\x01c\x01d\x00\x01e\x01f\xbe".to_vec(), b"\x20\x7e\x00\x82".to_vec()]),
        ("bomb", 4096, vec![bomb]),
        ("wrong-end", 4096, vec![b"\x40\x82\x1f\xff\x00".to_vec()]),
        ("update-behind", 4096, vec![b"\x82\x20".to_vec()]),
        (
            "long-integer",
            4096,
            vec![b"\x00\x01a\x7f\x80\x80\x80\x80\x00".to_vec(), b"\xff\xff\xff\xff\xff\x7f".to_vec()],
        ),
    ]
}
