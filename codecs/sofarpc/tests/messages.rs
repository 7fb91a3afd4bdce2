//! Each kind of message: bytes in, events out, and back.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use std::time::Duration;

use common::*;
use meshwire::{Attr, Attribute, Event, Kind, LocalReply, Outcome, RoutingKey, Scope, Step, StreamId};
use meshwire_sofarpc::{Answer, Bolt, Call, Version, command, status};

#[test]
fn a_call_that_names_its_method() {
    for version in VERSIONS {
        let bytes = wire(&call(version).with_timeout(3000).with_field("tenant", "blue"), 7);
        let mut end = server();
        let head = head(&mut end, &bytes);
        assert_eq!((head.kind(), head.stream().id(), head.is_end()), (Kind::Request, 7, true));
        assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"com.example.Greeter"));
        assert_eq!(head.attribute(Attribute::Version), Attr::Value(b"1.0"));
        assert_eq!(head.attribute(Attribute::Group), Attr::Absent);
        assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"hello"));
        assert_eq!(head.attribute(Attribute::Authority), Attr::Absent);
        assert_eq!(head.host(), Attr::Value(b"com.example.Greeter"));
        assert_eq!(head.verb(), Attr::Value(b"hello"));
        assert_eq!(&*head.path().unwrap().unwrap().to_bytes(), b"/com.example.Greeter/hello");
        assert_eq!(head.field(b"tenant"), Attr::Value(b"blue"));
        assert_eq!((head.data(), head.timeout()), (&b"O\x3cwhatever"[..], Some(Duration::from_secs(3))));
        assert_eq!(head.tail().len(), if version == Version::V2Checked { 4 } else { 0 });
        let command = command(&head).unwrap();
        assert_eq!((command.version, command.code, command.codec), (version, 1, 1));
        assert_eq!((command.timeout, command.status), (Some(3000), None));
        assert_eq!(command.class, b"com.alipay.sofa.rpc.core.request.SofaRequest");
        assert_eq!(end.codec().state().open, 1);
    }
}

#[test]
fn a_call_that_does_not() {
    let mut end = server();
    let head = head(&mut end, NODE);
    assert_eq!(head.host(), Attr::Value(b"interop.Echo"));
    assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"hello"));
    assert_eq!(&*head.path().unwrap().unwrap().to_bytes(), b"/interop.Echo/hello");
    assert!(head.data().ends_with(b"\x05world"));
}

#[test]
fn a_call_that_names_nothing() {
    let mut end = server();
    let bare = head(&mut end, &v1(SOFA_REQUEST.as_bytes(), b"", &blank()));
    assert_eq!((bare.host(), bare.attribute(Attribute::Method)), (Attr::Absent, Attr::Absent));
    // A request of raw Bolt has nothing else to say.
    for class in [&b"com.example.Ask"[..], b""] {
        let raw = head(&mut end, &v1(class, b"", b"C"));
        assert_eq!((raw.host(), raw.attribute(Attribute::Method)), (Attr::Absent, Attr::Absent));
        assert_eq!(raw.fields().unwrap().count(), 0);
    }
}

#[test]
fn a_one_way_call_gets_no_answer() {
    for version in VERSIONS {
        let mut end = server();
        let head = head(&mut end, &wire(&call(version).one_way(), 7));
        assert_eq!((head.kind(), head.timeout()), (Kind::OneWay, None));
        assert!(end.reply(head.stream(), &LocalReply::new(Outcome::NoRoute, "no route")).is_none());
        assert_eq!(end.codec().state().open, 0);
    }
}

#[test]
fn timeouts() {
    for (millis, told) in [(-1, None), (0, None), (i32::MIN, None), (1, Some(1)), (i32::MAX, Some(i32::MAX as u64))] {
        let head = head(&mut server(), &wire(&call(Version::V1).with_timeout(millis), 7));
        assert_eq!(head.timeout(), told.map(Duration::from_millis), "{millis}");
        assert_eq!(command(&head).unwrap().timeout, Some(millis));
    }
}

#[test]
fn answers() {
    for version in VERSIONS {
        for (status, outcome) in [
            (status::SUCCESS, Outcome::Success),
            (status::SERVER_EXCEPTION, Outcome::ServerError),
            (status::SERVER_THREADPOOL_BUSY, Outcome::Overloaded),
            (status::TIMEOUT, Outcome::Timeout),
            (0x77, Outcome::Unknown),
            (0xffff, Outcome::Unknown),
        ] {
            let asked = call(version).head(9).stream();
            let answer = Answer::new(status).with_class("a.B").with_content(1, "N");
            let bytes = sent(&mut server(), answer.head(asked));
            let head = head(&mut client(), &bytes);
            assert_eq!((head.kind(), head.stream().id()), (Kind::Response, 9));
            assert_eq!((head.status(), head.outcome()), (Some(u32::from(status)), outcome));
            assert_eq!(head.data(), b"N");
            let command = command(&head).unwrap();
            assert_eq!((command.version, command.status, command.class), (version, Some(status), &b"a.B"[..]));
        }
    }
}

#[test]
fn the_map_of_an_answer_tells_an_exception_of_the_service_s_own() {
    let asked = call(Version::V1).head(9).stream();
    for (value, told) in [("true", Outcome::Exception), ("false", Outcome::Success)] {
        let answer = Answer::default().with_field("a", "b").with_field("sofa_head_response_error", value);
        let head = head(&mut client(), &sent(&mut server(), answer.head(asked)));
        assert_eq!(head.outcome(), told);
    }
    let failed = Answer::new(status::TIMEOUT).with_field("sofa_head_response_error", "true");
    assert_eq!(head(&mut client(), &sent(&mut server(), failed.head(asked))).outcome(), Outcome::Timeout);
}

#[test]
fn ids_are_32_bits_of_any_value() {
    for id in [0, 1, 0x7fff_ffff, 0x8000_0000, u64::from(u32::MAX)] {
        for version in VERSIONS {
            let bytes = wire(&call(version), id);
            let seen = head(&mut server(), &bytes);
            assert_eq!(seen.stream().id(), id);
        }
    }
    let wider = call(Version::V1).head(1);
    let mut wider = Event::Head(wider);
    wider.set_stream(StreamId::new(1 << 32));
    assert!(client().send(&mut wider).is_err());
}

#[test]
fn commands_that_nobody_here_knows_are_forwarded_as_what_their_type_says() {
    for code in [2u16, 3, 99, 101, 0xffff] {
        let mut bytes = wire(&call(Version::V1), 7);
        bytes[2..4].copy_from_slice(&code.to_be_bytes());
        let request = head(&mut server(), &bytes);
        assert_eq!((request.kind(), command(&request).unwrap().code), (Kind::Request, code));
        assert_eq!(sent(&mut client(), request), bytes);
    }
}

#[test]
fn heartbeats_are_answered_in_their_version() {
    let v1 = [1, 1, 0, 0, 1, 0, 0, 0, 9, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
    let v2 = [2, 1, 1, 0, 0, 1, 0, 0, 0, 9, 1, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut checked = v2.to_vec();
    (checked[1], checked[11]) = (2, 1);
    let sum = crc32(&checked);
    checked.extend(sum.to_be_bytes());
    for (heartbeat, ack) in [
        (&v1[..], &[1, 0, 0, 0, 1, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..]),
        (&v2, &[2, 1, 0, 0, 0, 1, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        (&checked, &[2, 2, 0, 0, 0, 1, 0, 0, 0, 9, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ] {
        for mut end in [server(), client()] {
            assert!(matches!(event(&mut end, heartbeat), Event::Heartbeat { ack: false }));
            let said = end.output_mut().take();
            assert_eq!(said[..ack.len()], *ack);
            assert!(said.len() == ack.len() || said.len() == ack.len() + 4 && is_signed(&said));
            assert!(matches!(event(&mut end, &said), Event::Heartbeat { ack: true }));
            assert!(end.output().is_empty());
        }
    }
    // One that wants no answer.
    let mut one_way = v1;
    one_way[1] = 2;
    let mut end = server();
    assert!(matches!(event(&mut end, &one_way), Event::Heartbeat { ack: false }));
    assert!(end.output().is_empty());
}

#[test]
fn a_heartbeat_of_ours_is_in_the_version_that_is_spoken() {
    for (version, begin) in [
        (None, &[1, 1, 0, 0, 1][..]),
        (Some(Version::V1), &[1, 1, 0, 0, 1]),
        (Some(Version::V2), &[2, 1, 1, 0, 0, 1]),
        (Some(Version::V2Checked), &[2, 2, 1, 0, 0, 1]),
    ] {
        let mut end = client();
        if let Some(version) = version {
            sent(&mut end, call(version).head(1));
        }
        let (codec, mut cx) = end.codec_mut();
        assert!(codec.heartbeat(&mut cx));
        let said = end.output_mut().take();
        assert_eq!(said[..begin.len()], *begin);
        // Java takes -1 for no timeout, and sends these without a checksum.
        assert_eq!(said[said.len() - 12..], [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!(matches!(event(&mut server(), &said), Event::Heartbeat { ack: false }));
    }
}

#[test]
fn a_go_away_is_understood_always_and_sent_when_asked_for() {
    use meshwire::{Conn, Endpoint, Protocol};

    let go_away = [1, 1, 0, 100, 1, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for mut end in [client(), server()] {
        assert!(matches!(event(&mut end, &go_away), Event::GoAway));
        assert!(end.codec().state().draining && end.output().is_empty());
    }
    for (protocol, says) in [(Bolt::new(), false), (Bolt::new().sending_go_away(), true)] {
        let mut end = Endpoint::new(protocol.codec(Conn::server()));
        let (codec, mut cx) = end.codec_mut();
        codec.go_away(&mut cx);
        assert!(end.codec().state().draining);
        let said = end.output_mut().take();
        assert_eq!(says, !said.is_empty());
        if says {
            assert_eq!((said.len(), &said[..4], &said[9..]), (22, &go_away[..4], &go_away[9..]));
        }
    }
}

#[test]
fn a_message_in_the_wrong_direction_costs_itself() {
    let answer = sent(&mut server(), Answer::default().head(call(Version::V1).head(9).stream()));
    let mut end = server();
    let refused = error(&mut end, &answer);
    assert_eq!((refused.code, refused.scope), ("direction", Scope::Message(StreamId::new(9))));
    assert!(matches!(event(&mut end, NODE), Event::Head(_)));
}

#[test]
fn what_is_not_bolt_costs_the_connection() {
    for (bytes, code, at) in [
        (&b"GET / HTTP/1.1\r\n"[..], "protocol", 0),
        (&[2, 7, 1, 0, 1], "version", 1),
        (&[1, 9, 0, 1, 1], "type", 1),
        (&[2, 1, 3, 0, 1], "type", 2),
        (&[1, 1, 0, 1, 1, 0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0], "length", 18),
    ] {
        let mut end = server();
        // Behind a good one, so that offsets are those of the connection.
        end.input().extend_from_slice(NODE);
        assert!(matches!(end.decode(), Ok(Step::Event(_))));
        let refused = error(&mut end, bytes);
        assert_eq!((refused.code, refused.scope), (code, Scope::Connection));
        assert_eq!(refused.offset, NODE.len() as u64 + at);
        assert_eq!(error(&mut end, NODE), refused);
    }
}

#[test]
fn a_reply_is_in_the_version_and_dialect_of_its_request() {
    for version in VERSIONS {
        for (content, begins) in [("O...", b'O'), ("C...", b'C'), ("", b'O')] {
            let mut end = server();
            let asked = head(&mut end, &wire(&call(version).with_content(1, content), 7));
            let mut reply = end.reply(asked.stream(), &LocalReply::new(Outcome::Denied, "turned away")).unwrap();
            assert!(matches!(end.send(&mut reply), Ok(meshwire::Sent::All)));
            let bytes = end.output_mut().take();
            assert_eq!(bytes[0], if version == Version::V1 { 1 } else { 2 });
            let head = head(&mut client(), &bytes);
            assert_eq!((head.outcome(), head.stream().id()), (Outcome::ServerError, 7));
            let command = command(&head).unwrap();
            assert_eq!((command.version, command.codec), (version, 1));
            assert_eq!(command.class, b"com.alipay.remoting.rpc.exception.RpcServerException");
            assert_eq!(head.data()[0], begins);
            assert!(head.data().windows(11).any(|part| part == b"turned away"));
        }
    }
}

#[test]
fn a_streamed_call_tells_its_dialect_too() {
    for first in [b'O', b'C'] {
        let mut content = vec![b'x'; 70_000];
        content[0] = first;
        let bytes = wire(&call(Version::V2Checked).with_content(1, content), 7);
        let mut end = server();
        let events = events(&mut end, &bytes).unwrap();
        let Event::Head(head) = &events[0] else { panic!("{:?}", events[0]) };
        let reply = end.reply(head.stream(), &LocalReply::new(Outcome::Success, "")).unwrap();
        let Event::Head(reply) = reply else { panic!("{reply:?}") };
        assert_eq!(reply.data()[0], first);
    }
}

#[test]
fn raw_calls_have_answers_of_their_own() {
    let head = Call::raw("com.example.Ask").with_content(12, "{}").head(3);
    assert_eq!(command(&head).unwrap().class, b"com.example.Ask");
    assert_eq!((head.host(), head.data()), (Attr::Absent, &b"{}"[..]));
}

#[test]
fn heartbeats_and_go_aways_have_a_budget() {
    use meshwire::{Limit, Rate};

    let heartbeat = [1, 1, 0, 0, 1, 0, 0, 0, 9, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0];
    let ack = [1, 0, 0, 0, 1, 0, 0, 0, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut go_away = heartbeat;
    go_away[3] = 100;
    for frame in [&heartbeat[..], &ack, &go_away] {
        let mut end = server_with(|limits| limits.idle_frames = Rate { burst: 3, per_second: 1 });
        for _ in 0..3 {
            event(&mut end, frame);
        }
        let refused = error(&mut end, frame);
        assert_eq!((refused.limit, refused.is_fatal()), (Some(Limit::IdleFrames), true));
    }
}
