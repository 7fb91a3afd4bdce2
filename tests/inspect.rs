//! `inspect` on recorded bytes: the same events for every way of feeding them, and the exit status that fits.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)] // a test that cannot go on panics

use std::path::PathBuf;
use std::process::{Command, Output};

use meshwire::{Conn, Endpoint, Event, Protocol, Sent, Step, StreamId};
use meshwire_dubbo::Call;
use serde_json::{Value, json};

/// The example's binary stands beside this one's directory: cargo builds both for a test run.
fn inspect(args: &[&str]) -> Output {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples").join(format!("inspect{}", std::env::consts::EXE_SUFFIX));
    Command::new(path).args(args).output().expect("cargo builds examples before it runs tests")
}

fn file(name: &str, bytes: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("inspect-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Joins neighbouring pieces of a body: how it is cut is the one thing that may differ.
fn joined(lines: Vec<Value>) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for line in lines {
        let same =
            |last: &Value| last["event"] == "body" && last["dir"] == line["dir"] && last["stream"] == line["stream"];
        match all.last_mut().filter(|last| line["event"] == "body" && same(last)) {
            Some(last) => {
                last["data"] = json!(last["data"].as_u64().unwrap() + line["data"].as_u64().unwrap());
                last["end"] = line["end"].clone();
                if let Some(wire) = line.get("wire") {
                    last["wire"] = wire.clone();
                }
            }
            None => all.push(line),
        }
    }
    all
}

/// The same events for every chunk size; those, and the exit status.
fn events(name: &str, requests: Option<&[u8]>, responses: Option<&[u8]>, more: &[&str]) -> (Vec<Value>, i32) {
    let files = [("--requests", requests), ("--responses", responses)];
    let files: Vec<_> =
        files.iter().filter_map(|(flag, bytes)| Some((*flag, file(&format!("{name}{flag}"), (*bytes)?)))).collect();
    let run = |chunk: usize| {
        let chunk = chunk.to_string();
        let mut args = vec!["--json", "--chunk", &chunk];
        args.extend(files.iter().flat_map(|(flag, path)| [*flag, path.as_str()]));
        args.extend(more);
        let output = inspect(&args);
        (joined(lines(&output)), output.status.code().unwrap())
    };
    let whole = run(1 << 20);
    for chunk in [1, 2, 3, 7, 16, 17, 100, 65_535, 65_536] {
        assert_eq!(run(chunk), whole, "{name}, {chunk} bytes at a time");
    }
    whole
}

const REQUESTS: &[u8] = b"GET /a?x=1 HTTP/1.1\r\nHost: h\r\nA: 1\r\n\r\n\
    POST /b HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\n...\r\n0\r\nT: v\r\n\r\n\
    HEAD /c HTTP/1.1\r\nHost: h\r\n\r\n\
    PUT /d HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody";
const RESPONSES: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc\
    HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno\
    HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\
    HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

#[test]
fn http1_both_ways() {
    let (events, status) = events("http1", Some(REQUESTS), Some(RESPONSES), &["--depth", "fields"]);
    assert_eq!(status, 0, "{events:#?}");
    assert_eq!(
        events[0],
        json!({"dir": "request", "event": "head", "offset": 0, "stream": "1", "kind": "request", "protocol": "http1",
               "host": "h", "service": "h", "method": "GET", "path": "/a?x=1", "fields": [["Host", "h"], ["A", "1"]],
               "data": 0, "end": true})
    );
    assert_eq!(events[1]["fields"], json!([["Host", "h"], ["Transfer-Encoding", "chunked"]]));
    let trailers = events.iter().find(|event| event["event"] == "trailers").unwrap();
    assert_eq!(
        (&trailers["fields"], &trailers["stream"], &trailers["end"]),
        (&json!([["T", "v"]]), &json!("2"), &json!(true))
    );
    let body = events.iter().find(|event| event["event"] == "body" && event["stream"] == "2").unwrap();
    assert_eq!((&body["data"], &body["offset"]), (&json!(8), &json!(38)));
    let interim = events.iter().find(|event| event["interim"] == true).unwrap();
    assert_eq!((&interim["status"], &interim["stream"]), (&json!(100), &json!("4")));
    // The answer to HEAD has a length and no body.
    let head = events.iter().find(|event| event["dir"] == "response" && event["stream"] == "3").unwrap();
    assert_eq!((&head["end"], &head["data"]), (&json!(true), &json!(0)));
}

#[test]
fn either_direction_alone() {
    let (requests, status) = events("asked", Some(REQUESTS), None, &[]);
    assert_eq!((requests.iter().filter(|event| event["event"] == "head").count(), status), (4, 0));
    let answers = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 500 Oops\r\n\r\nuntil the end";
    let (answers, status) = events("answered", None, Some(answers), &[]);
    let seen: Vec<_> = answers.iter().map(|event| (event["event"].as_str().unwrap(), event["data"].as_u64())).collect();
    assert_eq!(seen, [("head", Some(0)), ("body", Some(3)), ("head", Some(0)), ("body", Some(13))]);
    assert_eq!((status, &answers[3]["end"]), (0, &json!(true)));
}

#[test]
fn an_upgrade_becomes_a_tunnel_by_its_answer() {
    let asked = b"GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello";
    let answered = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02hi";
    let (events, status) = events("upgrade", Some(asked), Some(answered), &[]);
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!((names, status), (vec!["head", "head", "upgraded", "body", "upgraded", "body"], 0));
}

#[test]
fn dubbo_both_ways() {
    let big = "x".repeat(100_000);
    let call = Call::new("com.example.Demo", "hello").with_version("1.2.3").head(u64::MAX);
    let large = Call::new("com.example.Demo", "upload").with_arg(&big).head(2);
    let note = Call::new("com.example.Demo", "note").one_way().head(3);
    let heartbeat: &[u8] = &[0xda, 0xbb, 0xe2, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, b'N'];
    let asked = [&call.bytes()[..], heartbeat, large.bytes(), note.bytes()].concat();
    let answer = meshwire_dubbo::value(StreamId::new(u64::MAX), "hi");
    let (events, status) = events("dubbo", Some(&asked), Some(answer.bytes()), &[]);
    assert_eq!(status, 0, "{events:#?}");
    let n = call.bytes().len();
    assert_eq!(
        events[0],
        json!({"dir": "request", "event": "head", "offset": 0, "stream": u64::MAX.to_string(), "kind": "request",
               "protocol": "dubbo", "host": "com.example.Demo", "service": "com.example.Demo", "method": "hello",
               "version": "1.2.3", "path": "/com.example.Demo/hello", "data": n - 16, "end": true, "wire": n})
    );
    assert_eq!(
        (&events[1]["event"], &events[1]["offset"], &events[1]["wire"]),
        (&json!("heartbeat"), &json!(n), &json!(17))
    );
    assert_eq!((&events[1]["stream"], &events[1]["kind"]), (&json!("9"), &json!("request")));
    assert_eq!((&events[2]["data"], &events[2]["end"]), (&json!(0), &json!(false)), "how much came along is no fact");
    assert_eq!(events[3]["data"], json!(large.bytes().len() - 16));
    assert_eq!(events[3]["wire"], json!(large.bytes().len()));
    assert_eq!(events[4]["kind"], "one_way");
    assert_eq!((&events[5]["status"], &events[5]["outcome"]), (&json!(20), &json!("success")));
}

#[test]
fn bolt_both_ways() {
    use meshwire_sofarpc::{Answer, Bolt, Call, Version, status};

    let bolt = Bolt::new();
    let (mut client, mut server) =
        (Endpoint::new(bolt.codec(Conn::client())), Endpoint::new(bolt.codec(Conn::server())));
    let mut sent = |head: meshwire::Head, server_s: bool| {
        let end = if server_s { &mut server } else { &mut client };
        assert!(end.send(&mut Event::Head(head)).is_ok());
        end.output_mut().take().to_vec()
    };
    let call = Call::new("com.example.Demo:1.2:blue", "hello").with_timeout(3000).with_layout(Version::V2Checked);
    let large = call.clone().with_content(12, vec![b'x'; 100_000]);
    let v1 = Call::new("com.example.Demo:1.2", "note").one_way().head(9);
    let whole = sent(call.with_content(12, "[1]").head(7), false);
    let streamed = sent(large.head(8), false);
    let asked = [&whole[..], &streamed, &sent(v1, false)].concat();
    let answered = sent(Answer::new(status::TIMEOUT).head(large.head(8).stream()), true);
    let (events, status) = events("bolt", Some(&asked), Some(&answered), &[]);
    assert_eq!(status, 0, "{events:#?}");
    let sum = |frame: &[u8]| frame[frame.len() - 4..].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(
        events[0],
        json!({"dir": "request", "event": "head", "offset": 0, "stream": "7", "kind": "request", "protocol": "bolt",
               "host": "com.example.Demo", "service": "com.example.Demo", "method": "hello", "version": "1.2",
               "group": "blue", "path": "/com.example.Demo/hello", "timeout_ms": 3000, "data": 3, "end": true,
               "checksum": sum(&whole), "wire": whole.len()})
    );
    let names: Vec<_> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["head", "head", "body", "trailers", "head", "head"]);
    assert_eq!((&events[2]["data"], &events[3]["checksum"]), (&json!(100_000), &json!(sum(&streamed))));
    assert_eq!((&events[4]["kind"], &events[4]["method"]), (&json!("one_way"), &json!("note")));
    assert_eq!((&events[5]["status"], &events[5]["outcome"]), (&json!(7), &json!("timeout")));
}

#[test]
fn thrift_both_ways() {
    use meshwire::Outcome;
    use meshwire_thrift::{Answer, Call, Encoding, Transport};

    // Many clients give each request the id 0.
    let plain = Call::new("Store:reserve").with_body([8, 0, 1, 0, 0, 0, 7, 0]);
    let header = Call::new("list").in_transport(Transport::TTHeader).in_encoding(Encoding::Compact);
    let header = header.with_field("to_service", "shop.store").with_field("tenant", "blue");
    let header = header.with_field("rpc_timeout", "3000").with_body([0]);
    let large = Call::new("put").with_body([&[11, 0, 1, 0, 1, 0, 0][..], &[b'x'; 65_536], &[0]].concat());
    let note = plain.clone().one_way();
    let asked = [&plain, &header, &large, &note].map(|call| call.head(0).bytes().to_vec());
    let answers = [
        Answer::new("reserve").head(plain.head(0).stream()),
        Answer::new("list").with_body([0x18, 2, b'n', b'o', 0]).head(header.head(0).stream()),
        Answer::exception("put", Outcome::Overloaded, "later").head(large.head(0).stream()),
    ];
    let answered = answers.map(|head| head.bytes().to_vec()).concat();
    let (events, status) = events("thrift", Some(&asked.concat()), Some(&answered), &["--depth", "fields"]);
    assert_eq!(status, 0, "{events:#?}");
    let n = asked[0].len();
    assert_eq!(
        events[0],
        json!({"dir": "request", "event": "head", "offset": 0, "stream": "0", "kind": "request", "protocol": "thrift",
               "host": "Store", "service": "Store", "method": "reserve", "path": "/Store/reserve", "fields": [],
               "data": 8, "end": true, "wire": n})
    );
    assert_eq!((&events[1]["method"], &events[1]["timeout_ms"]), (&json!("list"), &json!(3000)));
    assert_eq!(events[1]["fields"], json!([["to_service", "shop.store"], ["tenant", "blue"], ["rpc_timeout", "3000"]]));
    assert_eq!((&events[3]["event"], &events[3]["data"]), (&json!("body"), &json!(65_544)));
    assert_eq!((&events[4]["kind"], &events[4]["stream"]), (&json!("one_way"), &json!("0")));
    let told: Vec<_> = events[5..].iter().map(|event| (event["outcome"].as_str(), event["status"].as_u64())).collect();
    assert_eq!(told, [(Some("success"), None), (Some("exception"), None), (Some("overloaded"), Some(11))]);
    let (alone, status) = self::events("thrift-answered", None, Some(&answered), &[]);
    assert_eq!((alone.iter().filter(|event| event["event"] == "head").count(), status), (3, 0), "{alone:#?}");
}

#[test]
fn thrift_without_frames() {
    use meshwire_thrift::{Answer, Call, Encoding, Transport};

    let call = Call::new("Store:reserve").in_transport(Transport::Unframed);
    let compact = Call::new("list").in_transport(Transport::Unframed).in_encoding(Encoding::Compact);
    let large = call.clone().with_body([&[11, 0, 1, 0, 2, 0, 0][..], &[b'x'; 131_072], &[0]].concat());
    let asked = [&call, &compact, &large].map(|call| call.head(0).bytes().to_vec());
    let answered = [
        Answer::new("reserve").head(call.head(0).stream()).bytes().to_vec(),
        Answer::new("list").head(compact.head(0).stream()).bytes().to_vec(),
        Answer::new("reserve").with_body([12, 0, 1, 0, 0]).head(large.head(0).stream()).bytes().to_vec(),
    ];
    let (events, status) = events("thrift-unframed", Some(&asked.concat()), Some(&answered.concat()), &[]);
    assert_eq!(status, 0, "{events:#?}");
    let seen: Vec<_> = events.iter().map(|event| (event["event"].as_str().unwrap(), event["wire"].as_u64())).collect();
    let [first, second, third] = asked.map(|message| Some(message.len() as u64));
    assert_eq!(seen[..4], [("head", first), ("head", second), ("head", None), ("body", third)]);
    assert_eq!(events[3]["data"], 131_080);
    assert_eq!((&events[4]["outcome"], &events[6]["outcome"]), (&json!("success"), &json!("exception")));
}

/// A recorded connection of HTTP/2: what either end wrote.
fn http2() -> (Vec<u8>, Vec<u8>) {
    let http = meshwire_http2::Http2::default();
    let (mut client, mut server) =
        (Endpoint::new(http.codec(Conn::client())), Endpoint::new(http.codec(Conn::server())));
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    let mut carry = |client: &mut Endpoint, server: &mut Endpoint| {
        client.codec_mut();
        server.codec_mut();
        for _ in 0..4 {
            let (up, down) = (client.output_mut().take(), server.output_mut().take());
            asked.extend_from_slice(&up);
            answered.extend_from_slice(&down);
            server.input().extend_from_slice(&up);
            client.input().extend_from_slice(&down);
            while let Step::Event(_) = server.decode().unwrap() {}
            while let Step::Event(_) = client.decode().unwrap() {}
        }
    };
    carry(&mut client, &mut server);
    let grpc = [("content-type", "application/grpc"), ("te", "trailers")];
    let asks = [
        meshwire_http2::request("GET", "/a?x=1", "h", &[("a", "1")], ""),
        meshwire_http2::request("HEAD", "/c", "h", &[], ""),
        meshwire_http2::request("POST", "/pkg.Users/Find", "h", &grpc, "\0\0\0\0\x03abc"),
    ];
    for ask in asks {
        assert_eq!(client.send(&mut ask.unwrap()).unwrap(), Sent::All);
    }
    carry(&mut client, &mut server);
    let mut trailers_only = meshwire_http2::response(200, &grpc[..1], "\0\0\0\0\0").unwrap();
    let mut head_only = meshwire_http2::response(200, &[], "x".repeat(1000)).unwrap();
    if let (Event::Head(call), Event::Head(head)) = (&mut trailers_only, &mut head_only) {
        call.set_end(false);
        head.take_data();
    }
    let answers = [
        (5, trailers_only),
        (1, meshwire_http2::response(404, &[], "no").unwrap()),
        (3, head_only),
        (5, meshwire_http2::trailers(&[("grpc-status", "14")]).unwrap()),
    ];
    for (stream, mut answer) in answers {
        answer.set_stream(StreamId::new(stream));
        assert_eq!(server.send(&mut answer).unwrap(), Sent::All);
    }
    carry(&mut client, &mut server);
    (asked, answered)
}

#[test]
fn http2_both_ways() {
    let (asked, answered) = http2();
    let (events, status) = events("http2", Some(&asked), Some(&answered), &["--depth", "fields"]);
    assert_eq!(status, 0, "{events:#?}");
    let of = |dir: &str, stream: &str, event: &str| {
        let mut found = events.iter().filter(|it| it["dir"] == dir && it["stream"] == stream && it["event"] == event);
        found.next().unwrap_or_else(|| panic!("no {event} of {stream}: {events:#?}")).clone()
    };
    let get = of("request", "1", "head");
    assert_eq!((&get["host"], &get["method"], &get["path"]), (&json!("h"), &json!("GET"), &json!("/a?x=1")));
    assert_eq!((&get["fields"], &get["end"], &get["protocol"]), (&json!([["a", "1"]]), &json!(true), &json!("http2")));
    let call = of("request", "5", "head");
    assert_eq!((&call["service"], &call["method"]), (&json!("pkg.Users"), &json!("Find")));
    assert_eq!(of("request", "5", "body")["data"], 8);
    assert_eq!(
        (&of("response", "1", "head")["status"], &of("response", "1", "body")["data"]),
        (&json!(404), &json!(2))
    );
    // The answer to HEAD has a length and no body.
    assert_eq!(of("response", "3", "head")["end"], true);
    let trailers = of("response", "5", "trailers");
    assert_eq!(
        (&trailers["fields"], &trailers["outcome"], &trailers["end"]),
        (&json!([["grpc-status", "14"]]), &json!("unavailable"), &json!(true))
    );
}

#[test]
fn http2_either_direction_alone() {
    let (asked, answered) = http2();
    let (asked, status) = events("http2-asked", Some(&asked), None, &[]);
    assert_eq!((asked.iter().filter(|event| event["event"] == "head").count(), status), (3, 0), "{asked:#?}");
    // An answer to HEAD has less than it announces, unless one knows what it answers.
    let (answers, status) = events("http2-answered", None, Some(&answered), &[]);
    assert_eq!((answers.iter().filter(|event| event["event"] == "head").count(), status), (2, 1), "{answers:#?}");
}

#[test]
fn errors_say_where_and_the_exit_status_says_so() {
    let bad = b"GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n";
    let (http, status) = events("bad", Some(bad), None, &[]);
    let error = http.last().unwrap();
    assert_eq!((status, &error["event"], &error["scope"]), (1, &json!("error"), &json!("connection")));
    assert_eq!(error["message_offset"], 27);
    assert!(error["offset"].as_u64().unwrap() >= 27 && error["code"].is_string() && error["message"].is_string());

    let call = Call::new("a.B", "c").head(1);
    let mut broken = call.bytes().to_vec();
    broken[16] = b'H';
    let asked = [&broken[..], call.bytes()].concat();
    let (dubbo, status) = events("skip", Some(&asked), None, &[]);
    assert_eq!((status, dubbo.len()), (1, 2));
    assert_eq!(
        (&dubbo[0]["scope"], &dubbo[0]["stream"], &dubbo[0]["offset"]),
        (&json!("message"), &json!("1"), &json!(16))
    );
    assert_eq!(dubbo[1]["offset"], broken.len());

    let (cut, status) = events("cut", Some(&call.bytes()[..20]), None, &[]);
    assert_eq!((status, &cut[0]["code"], &cut[0]["offset"]), (1, &json!("truncated"), &json!(20)));
}

#[test]
fn wrong_usage_is_told_from_wrong_bytes() {
    for args in [&[][..], &["--chunk", "0"], &["--requests", "/nonexistent"], &["--depth", "deep"], &["--what"]] {
        let output = inspect(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("inspect --help"), "{args:?}");
    }
    let help = inspect(&["--help"]);
    assert!(help.status.success() && help.stdout.starts_with(b"inspect: "));
    let unknown = file("unknown", b"\x16\x03\x01\x02\x00");
    assert_eq!(inspect(&["--requests", &unknown]).status.code(), Some(2));
}

#[test]
fn people_get_a_table() {
    let path = file("table", REQUESTS);
    let output = inspect(&["--requests", &path, "--colour", "always", "--hex"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("\x1b[") && text.contains("GET /a?x=1 host=h end") && text.contains("47 45 54 20"), "{text}");
    assert!(text.trim_end().ends_with("0 errors\x1b[0m"), "{text}");
}
