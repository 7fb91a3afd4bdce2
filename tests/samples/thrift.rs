//! Thrift in every transport and encoding, as Apache's, Kitex' and Volo's libraries write it.

use meshwire::Outcome;
use meshwire::testkit::Sample;

/// Thrift has one type of exception for what it does not tell apart.
pub(crate) fn outcomes(asked: Outcome) -> Outcome {
    match asked {
        Outcome::TooLarge => Outcome::BadRequest,
        Outcome::Exception | Outcome::Denied | Outcome::Cancelled | Outcome::Unknown => Outcome::ServerError,
        told => told,
    }
}

/// A field that says the service: an edit of the one is one of the other.
pub(crate) const OWN_FIELDS: &[&str] = &["to_service"];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    Binary,
    Old,
    Compact,
    Json,
}

use Encoding::{Binary, Compact, Json, Old};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Transport {
    Framed,
    Unframed,
    THeader,
    TTHeader,
    /// With a frame inside, as Volo writes it.
    TTHeaderFramed,
    Dubbo,
}

const CALL: u8 = 1;
const REPLY: u8 = 2;
const EXCEPTION: u8 = 3;
const ONE_WAY: u8 = 4;

fn varint(mut value: u32) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn length(n: usize) -> [u8; 4] {
    (n as u32).to_be_bytes()
}

/// A message and its struct, which holds one string of field `field`.
fn message(encoding: Encoding, kind: u8, name: &str, id: u32, field: u8, text: &str) -> Vec<u8> {
    let binary = [&[11, 0, field][..], &length(text.len()), text.as_bytes(), &[0]].concat();
    match encoding {
        Binary => [&[0x80, 1, 0, kind][..], &length(name.len()), name.as_bytes(), &id.to_be_bytes(), &binary].concat(),
        Old => [&length(name.len())[..], name.as_bytes(), &[kind], &id.to_be_bytes(), &binary].concat(),
        Compact => {
            // A distance of 0 is written out.
            let head = if field == 0 { vec![0x08, 0] } else { vec![field << 4 | 0x08] };
            let begin = [&[0x82, kind << 5 | 1][..], &varint(id), &varint(name.len() as u32), name.as_bytes()].concat();
            [&begin[..], &head, &varint(text.len() as u32), text.as_bytes(), &[0]].concat()
        }
        Json => format!("[1,\"{name}\",{kind},{},{{\"{field}\":{{\"str\":\"{text}\"}}}}]", id as i32).into_bytes(),
    }
}

/// A `TApplicationException`: no such method.
fn thrown(encoding: Encoding, name: &str, id: u32) -> Vec<u8> {
    let mut bytes = message(encoding, EXCEPTION, name, id, 1, "no");
    match encoding {
        Binary | Old => {
            bytes.pop();
            bytes.extend([8, 0, 2, 0, 0, 0, 1, 0]);
        }
        Compact => {
            bytes.pop();
            bytes.extend([0x15, 2, 0]);
        }
        Json => {
            bytes.truncate(bytes.len() - 2);
            bytes.extend_from_slice(b",\"2\":{\"i32\":1}}]");
        }
    }
    bytes
}

fn frame(message: &[u8]) -> Vec<u8> {
    [&length(message.len())[..], message].concat()
}

fn words(mut info: Vec<u8>) -> Vec<u8> {
    info.resize(info.len().next_multiple_of(4), 0);
    [&((info.len() / 4) as u16).to_be_bytes()[..], &info].concat()
}

/// What stands around a message in `transport`, with two fields where there is room for them.
fn wrap(transport: Transport, encoding: Encoding, id: u32, message: &[u8]) -> Vec<u8> {
    let number = match encoding {
        Binary | Old => 0,
        Json => 1,
        Compact => 2,
    };
    match transport {
        Transport::Framed => frame(message),
        Transport::Unframed => message.to_vec(),
        Transport::THeader => {
            let mut info = vec![number, 0, 1, 2];
            for text in ["tenant", "blue", "trace", "0a1b"] {
                info.extend(varint(text.len() as u32));
                info.extend(text.as_bytes());
            }
            frame(&[&[0x0f, 0xff, 0, 0][..], &id.to_be_bytes(), &words(info), message].concat())
        }
        Transport::TTHeader | Transport::TTHeaderFramed => {
            let text = |text: &str| [&(text.len() as u16).to_be_bytes()[..], text.as_bytes()].concat();
            let info = [
                &[number, 0, 0x10, 0, 3, 0, 3][..],
                &text("front"),
                &[0, 6],
                &text("shop.store"),
                // A number that no name is known for.
                &[1, 44],
                &text("?"),
                &[0x11],
                &text("a token"),
                &[1, 0, 1],
                &text("tenant"),
                &text("blue"),
            ];
            let framed = frame(message);
            let message = if transport == Transport::TTHeaderFramed { &framed } else { message };
            frame(&[&[0x10, 0, 0, 0][..], &id.to_be_bytes(), &words(info.concat()), message].concat())
        }
        Transport::Dubbo => {
            let service = "com.example.Store";
            let header = [&((service.len() + 21) as u16).to_be_bytes()[..], &[1], &length(service.len())].concat();
            let rest = [&header, service.as_bytes(), &u64::from(id).to_be_bytes(), message].concat();
            let len = length(rest.len() + 6);
            [&len[..], &[0xda, 0xbc], &len, &rest].concat()
        }
    }
}

fn exchanges(name: &str, transport: Transport, encoding: Encoding) -> Sample {
    let wrapped = |id, message: Vec<u8>| wrap(transport, encoding, id, &message);
    let call = |id, kind, name| wrapped(id, message(encoding, kind, name, id, 1, "an argument"));
    let plain = if transport == Transport::Dubbo { "reserve" } else { "Store:reserve" };
    let requests =
        [call(1, CALL, plain), call(2, ONE_WAY, "note"), call(700, CALL, "list"), call(701, CALL, "missing")];
    let responses = [
        wrapped(1, message(encoding, REPLY, "reserve", 1, 0, "reserved")),
        // An exception that the service declares.
        wrapped(700, message(encoding, REPLY, "list", 700, 1, "sold out")),
        wrapped(701, thrown(encoding, "missing", 701)),
    ];
    Sample::new(name, requests.concat(), responses.concat())
}

/// The sample with a message that is larger than what is waited for.
fn with_large(transport: Transport, sample: Sample) -> Sample {
    let size = 2 * 1024 * 1024u32;
    let mut large = wrap(transport, Binary, 5, &message(Binary, CALL, "Files:put", 5, 1, "x"));
    large.splice(..4, (large.len() as u32 - 4 + size).to_be_bytes());
    sample.with_large_request(large, Some(u64::from(size)))
}

/// In frames of every kind; what can be refused without losing the connection with it.
pub(crate) fn framed() -> Vec<Sample> {
    let all = [
        ("framed-binary", Transport::Framed, Binary),
        ("framed-old", Transport::Framed, Old),
        ("framed-compact", Transport::Framed, Compact),
        ("framed-json", Transport::Framed, Json),
        ("dubbo", Transport::Dubbo, Binary),
    ];
    let mut samples: Vec<_> =
        all.into_iter().map(|(name, transport, encoding)| exchanges(name, transport, encoding)).collect();
    // A type that no message has.
    let bad = frame(&message(Binary, 9, "what", 4, 1, "x"));
    let next = frame(&message(Binary, CALL, "next", 5, 1, "x"));
    if let Some(sample) = samples.first_mut() {
        *sample = with_large(Transport::Framed, sample.clone().with_bad_request(bad, next));
    }
    samples
}

/// In headers, which have fields.
pub(crate) fn theader() -> Vec<Sample> {
    let all = [("theader-binary", Binary), ("theader-old", Old), ("theader-compact", Compact), ("theader-json", Json)];
    let mut samples: Vec<_> =
        all.into_iter().map(|(name, encoding)| exchanges(name, Transport::THeader, encoding)).collect();
    let bad =
        [&[0x0f, 0xff, 0, 0][..], &9u32.to_be_bytes(), &words(vec![7, 0]), &message(Binary, CALL, "what", 9, 1, "")];
    let next = wrap(Transport::THeader, Binary, 10, &message(Binary, CALL, "next", 10, 1, "x"));
    if let Some(sample) = samples.first_mut() {
        *sample = with_large(Transport::THeader, sample.clone().with_bad_request(frame(&bad.concat()), next));
    }
    samples
}

pub(crate) fn ttheader() -> Vec<Sample> {
    let all = [
        ("ttheader-binary", Transport::TTHeader, Binary),
        ("ttheader-compact", Transport::TTHeader, Compact),
        ("ttheader-framed", Transport::TTHeaderFramed, Binary),
        ("ttheader-framed-compact", Transport::TTHeaderFramed, Compact),
    ];
    let mut samples: Vec<_> =
        all.into_iter().map(|(name, transport, encoding)| exchanges(name, transport, encoding)).collect();
    // A transform that nobody knows.
    let bad =
        [&[0x10, 0, 0, 0][..], &9u32.to_be_bytes(), &words(vec![0, 1, 5]), &message(Binary, CALL, "what", 9, 1, "")];
    let next = wrap(Transport::TTHeader, Binary, 10, &message(Binary, CALL, "next", 10, 1, "x"));
    if let Some(sample) = samples.first_mut() {
        *sample = with_large(Transport::TTHeader, sample.clone().with_bad_request(frame(&bad.concat()), next));
    }
    samples
}

pub(crate) fn unframed() -> Vec<Sample> {
    let all = [("unframed-binary", Binary), ("unframed-old", Old), ("unframed-compact", Compact)];
    let mut samples: Vec<_> =
        all.into_iter().map(|(name, encoding)| exchanges(name, Transport::Unframed, encoding)).collect();
    // The kit's filler is 0 here, and ends the struct behind its one string.
    let rest = 32 * 65_521 + 1;
    let mut large = message(Binary, CALL, "Files:put", 5, 1, "front");
    large.pop();
    let len = large.len() - 5 - 4;
    large.splice(len..len + 4, length(5 + rest - 1));
    if let Some(sample) = samples.first_mut() {
        *sample = sample.clone().with_large_request(large, Some(rest as u64));
    }
    samples
}
