//! Seeds of Bolt: every version, and what its readers disagree on.

use meshwire::{Conn, Cx, Event, Head, Output, Protocol};
use meshwire_sofarpc::{Answer, Bolt, Call, Version, status};

use crate::Seeds;

/// The wire form of a message, signed where its version says so.
fn wire(conn: Conn, head: Head) -> Vec<u8> {
    let mut output = Output::new();
    let sent = Bolt::new().codec(conn).encode(&mut Event::Head(head), &mut Cx::new(&mut output, Default::default()));
    assert!(sent.is_ok(), "{sent:?}");
    output.take().to_vec()
}

fn ask(call: &Call, id: u64) -> Vec<u8> {
    wire(Conn::client(), call.head(id))
}

fn answer(answer: &Answer, call: &Call, id: u64) -> Vec<u8> {
    wire(Conn::server(), answer.head(call.head(id).stream()))
}

/// A control frame in v1.
fn control(kind: u8, command: u8, id: u8) -> Vec<u8> {
    let rest: &[u8] = if kind == 0 { &[0; 10] } else { &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0] };
    [&[1, kind, 0, command, 1, 0, 0, 0, id, 1], rest].concat()
}

fn map(strings: &[Option<&str>]) -> Vec<u8> {
    let string = |string: &Option<&str>| match string {
        Some(string) => [&(string.len() as u32).to_be_bytes(), string.as_bytes()].concat(),
        None => vec![0xff; 4],
    };
    strings.iter().flat_map(string).collect()
}

/// A request in v1 with this map.
fn mapped(map: &[u8]) -> Vec<u8> {
    let mut frame = ask(&Call::raw("a.B").with_content(1, "O"), 9);
    frame.splice(16..18, (map.len() as u16).to_be_bytes());
    let at = 22 + 3;
    frame.splice(at..at, map.iter().copied());
    frame
}

/// A call whose method stands in its content only, with properties, in either dialect of Hessian.
fn in_content(is_final: bool, service: &str, tail: usize) -> Vec<u8> {
    let content: &[u8] = if is_final {
        b"C0,com.alipay.sofa.rpc.core.request.SofaRequest\x94\x0amethodName\x0dmethodArgSigs\x17targetServiceUniqueName\
            \x0crequestProps`\x05helloq\x07[string\x10java.lang.String\x03a:1H\x06tenant\x03red\x01n\x95\x01mH\x01kR\0\x01v\x01wZZ\x05world"
    } else {
        b"O\xbccom.alipay.sofa.rpc.core.request.SofaRequest\x94\x0amethodName\x0dmethodArgSigs\x17targetServiceUniqueName\
            \x0crequestPropso\x90\x05helloVt\0\x07[stringn\x01\x10java.lang.Stringz\x03a:1M\x06tenant\x03red\x01n\x95\x01mM\x01ks\0\x01v\x01wzz\x05world"
    };
    let call = Call::raw("com.alipay.sofa.rpc.core.request.SofaRequest").with_field("service", service);
    ask(&call.with_content(1, [content, &vec![0; tail]].concat()), 9)
}

/// Each conversation: requests, answers.
pub(crate) fn conversations() -> Seeds {
    let hello = |version| {
        let call = Call::new("com.example.Greeter:1.0:blue", "hello").with_layout(version).with_timeout(3000);
        call.with_field("tenant", "red").with_content(1, b"O\x93a.B\x90o\x90")
    };
    let value = Answer::default().with_class("com.alipay.sofa.rpc.core.response.SofaResponse").with_content(1, "O");
    let error = value.clone().with_field("sofa_head_response_error", "true");
    let exchange = |version| vec![ask(&hello(version), 1), answer(&value, &hello(version), 1)];
    let large = Call::raw("a.B").with_layout(Version::V2Checked).with_content(12, vec![b'x'; 3000]);
    let mut broken = ask(&hello(Version::V2Checked), 5);
    if let Some(byte) = broken.last_mut() {
        *byte ^= 1;
    }
    let [v1, checked] = [hello(Version::V1), hello(Version::V2Checked)];
    vec![
        ("v1", exchange(Version::V1)),
        ("v2", exchange(Version::V2)),
        ("v2-unchecked", exchange(Version::V2Unchecked)),
        ("v2-checked", exchange(Version::V2Checked)),
        // Answered as Java answers, in the version that came first.
        (
            "versions",
            vec![
                [ask(&v1, 1), ask(&checked, 2)].concat(),
                [answer(&value, &v1, 2), answer(&value, &checked, 1)].concat(),
            ],
        ),
        ("one-way", vec![ask(&v1.clone().one_way(), 2)]),
        ("raw", vec![ask(&Call::raw("com.example.Ask"), 3), answer(&Answer::new(status::SERVER_EXCEPTION), &v1, 3)]),
        ("error", vec![ask(&v1, 4), answer(&error, &v1, 4)]),
        (
            "heartbeat",
            vec![[control(1, 0, 7), control(1, 0, 8)].concat(), [control(0, 0, 7), control(1, 0, 9)].concat()],
        ),
        ("go-away", vec![ask(&v1, 1), [control(1, 100, 3), answer(&value, &v1, 1)].concat()]),
        ("bad-sum", vec![[broken, ask(&checked, 6)].concat(), answer(&value, &checked, 6)]),
        ("large", vec![ask(&large, 7), answer(&value.clone().with_content(1, vec![b'y'; 3000]), &large, 7)]),
        (
            "nulls",
            vec![mapped(&map(&[
                None,
                Some("x"),
                Some("service"),
                None,
                Some("sofa_head_target_service"),
                Some("a:1"),
            ]))],
        ),
        ("twice", vec![mapped(&map(&[Some("service"), Some("a:1"), Some("service"), Some("b:1")]))]),
        (
            "contradiction",
            vec![mapped(&map(&[Some("service"), Some("a"), Some("sofa_head_target_service"), Some("b")]))],
        ),
        ("in-content", vec![in_content(false, "a:1", 0), answer(&value, &v1, 9)]),
        ("in-content-final", vec![in_content(true, "a:1", 0), answer(&value, &v1, 9)]),
        ("in-content-contradiction", vec![[in_content(false, "b:1", 0), ask(&v1, 2)].concat(), answer(&value, &v1, 2)]),
        ("in-content-large", vec![in_content(true, "a:1", 3000), answer(&value, &v1, 9)]),
        ("garbage", vec![[mapped(&[0, 0, 0, 9, b'k']), ask(&v1, 2)].concat(), answer(&value, &v1, 2)]),
        (
            "unknown-command",
            vec![{
                let mut frame = ask(&v1, 2);
                frame.splice(2..4, [0, 7]);
                frame
            }],
        ),
        (
            "huge",
            vec![{
                let mut frame = ask(&v1, 2);
                frame.splice(14..22, [0xff; 8]);
                frame
            }],
        ),
        ("cut", vec![ask(&checked, 2).into_iter().take(60).collect()]),
    ]
}
