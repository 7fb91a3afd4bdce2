//! Dubbo2 frames in Hessian 2, as a Java consumer and provider write them.

use meshwire::Outcome;
use meshwire::testkit::Sample;

/// What attributes and deadline are made of.
pub(crate) const OWN_FIELDS: &[&str] = &["path", "interface", "version", "group", "timeout"];

/// Dubbo has one status for what it does not tell apart.
pub(crate) fn outcomes(asked: Outcome) -> Outcome {
    match asked {
        Outcome::TooLarge | Outcome::Denied => Outcome::BadRequest,
        Outcome::Unimplemented => Outcome::NoRoute,
        Outcome::Unknown => Outcome::ServerError,
        told => told,
    }
}

const REQUEST: u8 = 0x80;
const TWO_WAY: u8 = 0x40;
const EVENT: u8 = 0x20;
const HESSIAN2: u8 = 2;
const FASTJSON: u8 = 6;
const KRYO: u8 = 8;
const FASTJSON2: u8 = 23;
const OK: u8 = 20;

fn frame(flag: u8, status: u8, id: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xda, 0xbb, flag, status];
    frame.extend(id.to_be_bytes());
    frame.extend((body.len() as u32).to_be_bytes());
    frame.extend(body);
    frame
}

/// A string of at most 1,023 characters.
fn string(text: &str) -> Vec<u8> {
    let n = text.chars().count();
    let mut out = if n < 32 { vec![n as u8] } else { vec![0x30 | (n >> 8) as u8, n as u8] };
    out.extend(text.as_bytes());
    out
}

fn call(service: &str, version: Option<&str>, method: &str, arg: &str) -> Vec<u8> {
    let version = version.map_or(vec![b'N'], string);
    let mut body = [string("2.0.2"), string(service), version, string(method)].concat();
    body.extend(string("Ljava/lang/String;"));
    body.extend(string(arg));
    // Attachments: an untyped map.
    body.push(b'H');
    for (name, value) in [("path", service), ("interface", service), ("timeout", "3000")] {
        body.extend(string(name));
        body.extend(string(value));
    }
    body.push(b'Z');
    body
}

/// A value, without attachments: flag 1.
fn value(text: &str) -> Vec<u8> {
    [vec![0x91], string(text)].concat()
}

/// In lines of JSON an exception of the application is more than a proxy can write.
pub(crate) fn line_outcomes(asked: Outcome) -> Outcome {
    match asked {
        Outcome::Exception => Outcome::ServerError,
        told => outcomes(told),
    }
}

/// A serialization whose calls are not looked into.
pub(crate) fn opaque() -> Sample {
    let request = frame(REQUEST | TWO_WAY | KRYO, 0, 9, b"\x01\x05\x82whatever it is");
    let response = frame(KRYO, OK, 9, b"\x01\x03\x01ok");
    Sample::new("opaque", request, response)
}

/// A line of JSON for each value.
pub(crate) fn lines() -> Sample {
    let call = |attachments: &str| {
        let front = "\"2.0.2\"\n\"com.example.Greeter\"\n\"1.0.0\"\n\"sayHello\"\n\"Ljava/lang/String;I\"\n\"w\\u00f6rld\"\n7\n";
        format!("{front}{attachments}\n").into_bytes()
    };
    let two_way = REQUEST | TWO_WAY | FASTJSON;
    let requests = [
        frame(two_way, 0, 7, &call(r#"{"path":"com.example.Greeter","version":"1.0.0","x":"1","y":"\u4e16"}"#)),
        frame(REQUEST | TWO_WAY | EVENT | FASTJSON, 0, 8, b"null\n"),
        frame(REQUEST | FASTJSON, 0, 1, &call("{}")),
        frame(two_way, 0, 3, &call("null")),
    ];
    let responses = [frame(FASTJSON, OK, 3, b"1\n\"found\"\n"), frame(FASTJSON, 60, 7, b"\"no such service\"\n")];
    let bad = frame(two_way, 0, 10, &call(r#"{"path":"com.example.Other"}"#));
    let next = frame(two_way, 0, 11, &call("{}"));
    Sample::new("lines", requests.concat(), responses.concat()).with_bad_request(bad, next)
}

/// A 32-bit length and JSONB for each value, of which strings of ASCII are used here.
pub(crate) fn jsonb() -> Sample {
    let text = |text: &str| [vec![0x49 + text.len() as u8], text.as_bytes().to_vec()].concat();
    let value = |bytes: Vec<u8>| [(bytes.len() as u32).to_be_bytes().to_vec(), bytes].concat();
    let call = |attachments: &[(&str, &str)]| {
        let mut body: Vec<u8> = ["2.0.2", "com.example.Greeter", "1.0.0", "sayHello", "Ljava/lang/String;", "world"]
            .into_iter()
            .flat_map(|part| value(text(part)))
            .collect();
        let entries = attachments.iter().flat_map(|(name, value)| [text(name), text(value)].concat());
        body.extend(value([vec![0xa6], entries.collect(), vec![0xa5]].concat()));
        body
    };
    let two_way = REQUEST | TWO_WAY | FASTJSON2;
    let requests = [
        frame(two_way, 0, 7, &call(&[("path", "com.example.Greeter"), ("version", "1.0.0"), ("x", "1"), ("y", "")])),
        frame(REQUEST | TWO_WAY | EVENT | FASTJSON2, 0, 8, b"\0\0\0\x01\xaf"),
        frame(REQUEST | FASTJSON2, 0, 1, &call(&[])),
        frame(two_way, 0, 3, &call(&[("group", "g"), ("timeout", "250")])),
    ];
    let responses = [
        frame(FASTJSON2, OK, 3, &[&[0, 0, 0, 1, 1][..], &value(text("found"))].concat()),
        frame(FASTJSON2, 60, 7, &value(text("no such service"))),
    ];
    let bad = frame(two_way, 0, 10, &call(&[("path", "com.example.Other")]));
    let next = frame(two_way, 0, 11, &call(&[]));
    Sample::new("jsonb", requests.concat(), responses.concat()).with_bad_request(bad, next)
}

pub(crate) fn samples() -> Vec<Sample> {
    let greet = call("com.example.Greeter", Some("1.0.0"), "sayHello", "world");
    let long = call("com.example.a.very.long.package.name.Service", None, "find", &"x".repeat(900));
    let two_way = REQUEST | TWO_WAY | HESSIAN2;
    let requests = [
        frame(two_way, 0, 7, &greet),
        frame(REQUEST | TWO_WAY | EVENT | HESSIAN2, 0, 8, b"N"),
        frame(REQUEST | HESSIAN2, 0, u64::MAX, &call("com.example.Log", None, "write", "a line")),
        frame(two_way, 0, 0, &long),
    ];
    let responses = [
        frame(HESSIAN2, OK, 0, &value("found")),
        frame(EVENT | HESSIAN2, OK, 8, b"N"),
        frame(HESSIAN2, 60, 7, &string("no such service")),
        frame(REQUEST | TWO_WAY | EVENT | HESSIAN2, 0, 3, b"N"),
    ];
    // A method that is a double.
    let mut bad = [string("2.0.2"), string("com.example.Greeter"), vec![b'N']].concat();
    bad.push(b'D');
    bad.extend([0; 8]);
    let big = call("com.example.Files", None, "put", "");
    let mut large = frame(two_way, 0, 5, &big);
    let size = 2 * 1024 * 1024u32;
    large.splice(12..16, (size + big.len() as u32).to_be_bytes());
    vec![
        Sample::new("exchanges", requests.concat(), responses.concat())
            .with_bad_request(frame(two_way, 0, 10, &bad), frame(two_way, 0, 11, &greet))
            .with_large_request(large, Some(u64::from(size))),
    ]
}
