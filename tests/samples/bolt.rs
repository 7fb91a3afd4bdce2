//! Bolt frames in every version, as Java's and Node's SOFARPC write them, and raw ones.

use meshwire::Outcome;
use meshwire::testkit::Sample;

/// Bolt has one status for what it does not tell apart.
pub(crate) fn outcomes(asked: Outcome) -> Outcome {
    match asked {
        Outcome::TooLarge => Outcome::BadRequest,
        Outcome::Unimplemented => Outcome::NoRoute,
        Outcome::Denied => Outcome::ServerError,
        told => told,
    }
}

/// What raw Bolt throws is not told from what goes wrong around it.
pub(crate) fn raw_outcomes(asked: Outcome) -> Outcome {
    match asked {
        Outcome::Exception => Outcome::ServerError,
        told => outcomes(told),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V1,
    /// `ver1` and the switch.
    V2(u8, u8),
}

impl Version {
    fn name(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2(2, 1) => "v2-checked",
            Self::V2(2, _) => "v2-unchecked",
            Self::V2(..) => "v2",
        }
    }
}

const RESPONSE: u8 = 0;
const REQUEST: u8 = 1;
const ONE_WAY: u8 = 2;
const HESSIAN: u8 = 1;
const PROTOBUF: u8 = 11;
const SOFA_REQUEST: &str = "com.alipay.sofa.rpc.core.request.SofaRequest";
const SOFA_RESPONSE: &str = "com.alipay.sofa.rpc.core.response.SofaResponse";

/// A frame; `word` is a timeout of four bytes or a status of two.
#[allow(clippy::too_many_arguments)] // each is a field of the wire
fn frame(
    version: Version,
    kind: u8,
    command: u16,
    id: u32,
    codec: u8,
    word: &[u8],
    class: &str,
    map: &[u8],
    content: &[u8],
) -> Vec<u8> {
    let mut frame = match version {
        Version::V1 => vec![1],
        Version::V2(ver1, _) => vec![2, ver1],
    };
    frame.push(kind);
    frame.extend(command.to_be_bytes());
    frame.push(1);
    frame.extend(id.to_be_bytes());
    frame.push(codec);
    if let Version::V2(_, switch) = version {
        frame.push(switch);
    }
    frame.extend(word);
    frame.extend((class.len() as u16).to_be_bytes());
    frame.extend((map.len() as u16).to_be_bytes());
    frame.extend((content.len() as u32).to_be_bytes());
    frame.extend(class.as_bytes());
    frame.extend(map);
    frame.extend(content);
    if version == Version::V2(2, 1) {
        frame.extend(crc32(&frame).to_be_bytes());
    }
    frame
}

/// Bit by bit, as its definition has it.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 })
    })
}

fn map(fields: &[(&str, &str)]) -> Vec<u8> {
    let string = |text: &str| [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    fields.iter().flat_map(|(key, value)| [string(key), string(value)].concat()).collect()
}

/// What Java writes into the map of a call.
fn call_map(service: &str, method: &str) -> Vec<u8> {
    map(&[
        ("sofa_head_method_name", method),
        ("service", service),
        ("sofa_head_target_service", service),
        ("sofa_head_target_app", ""),
        ("rpc_trace_context.sofaTraceId", "0a0fe8ec1481528373101002011"),
        ("rpc_trace_context.sofaRpcId", "0"),
    ])
}

const WAITS: [u8; 4] = [0, 0, 0x0b, 0xb8];
const FOR_EVER: [u8; 4] = [0xff; 4];

fn exchanges(version: Version) -> Sample {
    let greeter = call_map("com.example.Greeter:1.0", "sayHello");
    let keyed = call_map("com.example.Store:2.1:blue", "put");
    let call = |id, map: &[u8]| frame(version, REQUEST, 1, id, HESSIAN, &WAITS, SOFA_REQUEST, map, b"O\xbc and so on");
    let requests = [
        call(7, &greeter),
        frame(version, REQUEST, 0, 8, HESSIAN, &FOR_EVER, "", b"", b""),
        frame(version, ONE_WAY, 1, u32::MAX, HESSIAN, &FOR_EVER, SOFA_REQUEST, &keyed, b"O"),
        frame(version, REQUEST, 1, 0, PROTOBUF, &[0; 4], SOFA_REQUEST, &keyed, &[b'p'; 900]),
    ];
    let error = map(&[("sofa_head_response_error", "true")]);
    let responses = [
        frame(version, RESPONSE, 2, 0, PROTOBUF, &[0, 0], SOFA_RESPONSE, &error, b"out of cheese"),
        frame(version, RESPONSE, 0, 8, HESSIAN, &[0, 0], "", b"", b""),
        frame(version, RESPONSE, 2, 7, HESSIAN, &[0, 0], SOFA_RESPONSE, b"", b"O\xbe and so on"),
        frame(version, REQUEST, 0, 3, HESSIAN, &FOR_EVER, "", b"", b""),
    ];
    // Half an entry behind the last one.
    let bad = [&greeter[..], &[0, 0, 0, 9, b'x']].concat();
    Sample::new(version.name(), requests.concat(), responses.concat())
        .with_bad_request(call(10, &bad), call(11, &greeter))
}

/// The contents of a call by Node, which names the method nowhere else, in Ant's dialect of Hessian 2 and in the final one.
const IN_ANT: &[u8] = b"O\xbccom.alipay.sofa.rpc.core.request.SofaRequest\x95\x0amethodName\x0dmethodArgSigs\
    \x17targetServiceUniqueName\x0dtargetAppName\x0crequestPropso\x90\x05helloVt\0\x11[java.lang.Stringn\x01\
    \x10java.lang.Stringz\x10interop.Echo:1.0\x03appM\x06tenant\x03red\x01n\x95\x11rpc_trace_contextM\
    \x09sofaRpcId\x030.1zz\x05world";
const IN_FINAL: &[u8] = b"C0,com.alipay.sofa.rpc.core.request.SofaRequest\x95\x0amethodName\x0dmethodArgSigs\
    \x17targetServiceUniqueName\x0dtargetAppName\x0crequestProps`\x05helloq\x11[java.lang.String\
    \x10java.lang.String\x10interop.Echo:1.0\x03appH\x06tenant\x03red\x01n\x95\x11rpc_trace_contextH\
    \x09sofaRpcId\x030.1ZZ\x05world";

/// Calls whose map names the service alone.
fn in_content(version: Version) -> Sample {
    let echo = map(&[("service", "interop.Echo:1.0")]);
    let call =
        |id, map: &[u8], content: &[u8]| frame(version, REQUEST, 1, id, HESSIAN, &WAITS, SOFA_REQUEST, map, content);
    let (front, rest) = IN_ANT.split_at(125);
    let (_, rest) = rest.split_at(6);
    let surrogates = [front, b"\x04h\xed\xa0\xbd\xed\xb8\x80i", rest].concat();
    let requests = [
        call(7, &echo, IN_ANT),
        call(8, &echo, IN_FINAL),
        call(9, b"", IN_FINAL),
        // A method that does not lie on the wire as it reads.
        call(10, &echo, &surrogates),
    ];
    let answer = |id| frame(version, RESPONSE, 2, id, HESSIAN, &[0, 0], SOFA_RESPONSE, b"", b"O\xbe and so on");
    // Another service than the content's.
    let bad = map(&[("service", "interop.Other:1.0")]);
    Sample::new(format!("{}-in-content", version.name()), requests.concat(), [8, 7, 10, 9].map(answer).concat())
        .with_bad_request(call(11, &bad, IN_ANT), call(12, &echo, IN_ANT))
}

/// Requests of raw Bolt: classes of the user's own, and no map.
pub(crate) fn raw() -> Sample {
    let requests = [
        frame(Version::V1, REQUEST, 1, 9, HESSIAN, &WAITS, "com.example.Ask", b"", b"C whatever it is"),
        frame(Version::V1, REQUEST, 1, 10, 12, &WAITS, "", b"", b""),
    ];
    let responses = [
        frame(Version::V1, RESPONSE, 2, 10, 12, &[0, 0], "", b"", b""),
        frame(Version::V1, RESPONSE, 2, 9, HESSIAN, &[0, 2], "com.example.Thrown", b"", b"C"),
    ];
    Sample::new("raw", requests.concat(), responses.concat())
}

pub(crate) fn samples() -> Vec<Sample> {
    let versions = [Version::V1, Version::V2(1, 0), Version::V2(1, 1), Version::V2(2, 0), Version::V2(2, 1)];
    let mut samples: Vec<_> = versions.into_iter().map(exchanges).collect();
    let size = 2 * 1024 * 1024u32;
    let store = call_map("com.example.Files:1.0", "put");
    let mut large = frame(Version::V1, REQUEST, 1, 5, HESSIAN, &WAITS, SOFA_REQUEST, &store, b"O");
    large.splice(18..22, (size + 1).to_be_bytes());
    if let Some(sample) = samples.first_mut() {
        *sample = sample.clone().with_large_request(large, Some(u64::from(size)));
    }
    samples.push(mixed());
    samples.extend([Version::V1, Version::V2(2, 1)].map(in_content));
    samples
}

/// Every version on one connection, and a go-away at its end.
fn mixed() -> Sample {
    let greeter = call_map("com.example.Greeter:1.0", "sayHello");
    let versions = [Version::V2(2, 1), Version::V1, Version::V2(1, 1)];
    let requests: Vec<u8> = (1..)
        .zip(versions)
        .flat_map(|(id, version)| frame(version, REQUEST, 1, id, HESSIAN, &WAITS, SOFA_REQUEST, &greeter, b"O"))
        .collect();
    let mut responses: Vec<u8> = (1..)
        .zip(versions)
        .flat_map(|(id, version)| frame(version, RESPONSE, 2, id, HESSIAN, &[0, 0], SOFA_RESPONSE, b"", b"O"))
        .collect();
    responses.extend(frame(Version::V1, REQUEST, 100, 9, HESSIAN, &[0; 4], "", b"", b""));
    Sample::new("mixed", requests, responses)
}
