//! Dubbo2 from the outside: bytes in, events out, and back.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

use meshwire::testkit::{Check, Kit, Sample};
use meshwire::{
    Attr, Attribute, Conn, Cx, DecodeError, Depth, EncodeError, Endpoint, Event, Head, Kind, Limit, Limits, LocalReply,
    Outcome, Output, Protocol, Rate, RoutingKey, Scope, Sent, Step, StreamId,
};
use meshwire_dubbo::{Call, Dubbo, ResultKind, result, value};
use proptest::prelude::*;

/// What Java writes for `org.apache.dubbo.samples.Greeter.sayHello("world")`, version 1.0.0.
const REQUEST: &[u8] = b"\xda\xbb\xc2\x00\x00\x00\x00\x00\x00\x00\x00\x07\x00\x00\x00\x79\
    \x052.0.2\x30\x20org.apache.dubbo.samples.Greeter\x051.0.0\x08sayHello\x12Ljava/lang/String;\x05world\
    H\x04path\x30\x20org.apache.dubbo.samples.GreeterZ";

fn server() -> Endpoint {
    Endpoint::new(Dubbo::default().codec(Conn::server()))
}

fn client() -> Endpoint {
    Endpoint::new(Dubbo::default().codec(Conn::client()))
}

fn server_with(limits: Limits) -> Endpoint {
    Endpoint::new(Dubbo::default().codec(Conn::server().with_limits(limits)))
}

/// The next event of bytes that are all there.
fn event(end: &mut Endpoint, bytes: &[u8]) -> Event {
    end.input().extend_from_slice(bytes);
    match end.decode() {
        Ok(Step::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

fn head(end: &mut Endpoint, bytes: &[u8]) -> Head {
    match event(end, bytes) {
        Event::Head(head) => head,
        other => panic!("{other:?}"),
    }
}

fn error(end: &mut Endpoint, bytes: &[u8]) -> DecodeError {
    end.input().extend_from_slice(bytes);
    end.decode().map(|step| panic!("{step:?}")).unwrap_err()
}

fn frame(flag: u8, status: u8, id: u64, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xda, 0xbb, flag, status];
    bytes.extend(id.to_be_bytes());
    bytes.extend((body.len() as u32).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

fn request(body: &[u8]) -> Vec<u8> {
    frame(0xc2, 0, 7, body)
}

/// Everything said by bytes that come in pieces, as text; bodies joined, since how they are cut means nothing.
fn said(mut end: Endpoint, pieces: &[&[u8]]) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    let mut body: Vec<u8> = Vec::new();
    let last = pieces.len().saturating_sub(1);
    for (n, piece) in pieces.iter().enumerate() {
        end.input().extend_from_slice(piece);
        if n == last {
            end.set_eof();
        }
        loop {
            match end.decode() {
                Ok(Step::Event(event)) => {
                    let (stream, len, ends) = (event.stream(), event.data_len(), event.is_end());
                    match event {
                        Event::Head(head) => {
                            let key: Vec<_> = Attribute::ALL.map(|attribute| head.attribute(attribute)).to_vec();
                            said.push(format!("{:?} {stream:?} {key:?} {:?}", head.kind(), head.outcome()));
                            body.extend_from_slice(head.data());
                        }
                        Event::Body(piece) => body.extend_from_slice(&piece.data),
                        other => said.push(format!("{other:?}")),
                    }
                    if ends {
                        said.push(format!("body {:x?}", std::mem::take(&mut body)));
                    }
                    end.release(stream.unwrap_or(StreamId::NEW), len);
                }
                Ok(Step::NeedMore(_)) => break,
                Ok(Step::Closed) => {
                    said.push("closed".into());
                    break;
                }
                Ok(Step::Paused) => panic!("paused"),
                Err(error) => {
                    said.push(error.to_string());
                    if error.is_fatal() {
                        break;
                    }
                }
            }
        }
    }
    said.push(format!("out {:x?}", end.output_mut().take()));
    said
}

// ----- each kind of message -----

#[test]
fn a_request() {
    let mut end = server();
    let head = head(&mut end, REQUEST);
    assert_eq!((head.kind(), head.stream().id(), head.is_end()), (Kind::Request, 7, true));
    assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"org.apache.dubbo.samples.Greeter"));
    assert_eq!(head.attribute(Attribute::Version), Attr::Value(b"1.0.0"));
    assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"sayHello"));
    assert_eq!(head.attribute(Attribute::Authority), Attr::Absent);
    assert_eq!(head.attribute(Attribute::Group), Attr::NotSeen);
    assert!(head.fields().is_none());
    assert_eq!(head.host(), Attr::Value(b"org.apache.dubbo.samples.Greeter"));
    assert_eq!(head.verb(), Attr::Value(b"sayHello"));
    assert_eq!(&*head.path().unwrap().unwrap().to_bytes(), b"/org.apache.dubbo.samples.Greeter/sayHello");
    assert_eq!(head.data(), &REQUEST[16..]);
    assert_eq!(end.codec().state().open, 1);
}

#[test]
fn a_one_way_request_gets_no_answer() {
    let mut bytes = REQUEST.to_vec();
    bytes[2] = 0x82;
    let mut end = server();
    let head = head(&mut end, &bytes);
    assert_eq!(head.kind(), Kind::OneWay);
    assert!(end.reply(head.stream(), &LocalReply::new(Outcome::NoRoute, "no route")).is_none());
    assert_eq!(end.codec().state().open, 0);
}

#[test]
fn answers() {
    let message = b"\x04busy";
    for (status, body, outcome, brings) in [
        (20, &b"\x91\x05hello"[..], Outcome::Success, Some(ResultKind::Value)),
        (20, b"\x92", Outcome::Success, Some(ResultKind::Null)),
        (20, b"N", Outcome::Success, Some(ResultKind::Null)),
        (20, b"\x90C", Outcome::Exception, Some(ResultKind::Exception)),
        (20, b"\x93CHZ", Outcome::Exception, Some(ResultKind::ExceptionWithAttachments)),
        (20, b"\x94THZ", Outcome::Success, Some(ResultKind::ValueWithAttachments)),
        (20, b"\x95HZ", Outcome::Success, Some(ResultKind::NullWithAttachments)),
        (20, b"", Outcome::Unknown, None),
        (31, message, Outcome::Timeout, None),
        (80, message, Outcome::ServerError, None),
        (100, message, Outcome::Overloaded, None),
        (200, message, Outcome::Unknown, None),
    ] {
        let head = head(&mut client(), &frame(0x02, status, 9, body));
        assert_eq!((head.kind(), head.status()), (Kind::Response, Some(u32::from(status))));
        assert_eq!((head.outcome(), result(&head)), (outcome, brings), "{status} {body:x?}");
        assert_eq!(head.data(), body);
    }
}

#[test]
fn a_heartbeat_is_answered_in_its_own_serialization() {
    for (flag, null) in [(0xe2, &b"N"[..]), (0xe3, &[0xac, 0xed, 0, 5, b'p']), (0xf7, &[0, 0, 0, 1, 0xaf])] {
        for mut end in [server(), client()] {
            let heartbeat = frame(flag, 0, u64::MAX, null);
            assert!(matches!(event(&mut end, &heartbeat), Event::Heartbeat { ack: false }));
            assert_eq!(end.output_mut().take(), frame(flag & 0x3f, 20, u64::MAX, null));
        }
    }
}

#[test]
fn a_one_way_heartbeat_is_not_answered() {
    let mut end = server();
    assert!(matches!(event(&mut end, &frame(0xa2, 0, 1, b"N")), Event::Heartbeat { ack: false }));
    assert!(end.output().is_empty());
}

#[test]
fn an_answer_to_a_heartbeat() {
    for body in [&b"N"[..], b"NN", b""] {
        assert!(matches!(event(&mut client(), &frame(0x22, 20, 1, body)), Event::Heartbeat { ack: true }));
    }
}

#[test]
fn a_read_only_event_is_a_go_away() {
    let mut end = client();
    assert!(matches!(event(&mut end, &frame(0xa2, 0, 1, b"\x01R")), Event::GoAway));
    assert!(end.output().is_empty() && end.codec().state().draining);
    // And an event nobody here knows is passed over.
    let mut end = client();
    let mut bytes = frame(0xa2, 0, 1, b"\x01W");
    bytes.extend(frame(0x02, 20, 1, b"\x92"));
    assert_eq!(head(&mut end, &bytes).stream().id(), 1);
}

#[test]
fn each_end_understands_the_other() {
    let (mut one, mut two) = (client(), server());
    let (codec, mut cx) = one.codec_mut();
    assert!(codec.heartbeat(&mut cx));
    let bytes = one.output_mut().take();
    assert_eq!((bytes.len(), bytes[2]), (17, 0xe2));
    assert!(matches!(event(&mut two, &bytes), Event::Heartbeat { ack: false }));
    let bytes = two.output_mut().take();
    assert!(matches!(event(&mut one, &bytes), Event::Heartbeat { ack: true }));
    let (codec, mut cx) = two.codec_mut();
    codec.go_away(&mut cx);
    let bytes = two.output_mut().take();
    assert!(matches!(event(&mut one, &bytes), Event::GoAway));
}

#[test]
fn heartbeats_have_a_budget() {
    let heartbeat = frame(0xe2, 0, 1, b"N");
    let mut limits = Limits::default();
    limits.idle_frames = Rate { burst: 3, per_second: 1 };
    let mut end = server_with(limits);
    for _ in 0..3 {
        assert!(matches!(event(&mut end, &heartbeat), Event::Heartbeat { .. }));
    }
    let error = error(&mut end, &heartbeat);
    assert_eq!((error.limit, error.is_fatal()), (Some(Limit::IdleFrames), true));
}

#[test]
fn nothing_is_written_inside_a_message_under_way() {
    let mut end = server();
    let body = vec![b'x'; 100_000];
    let answer = frame(0x02, 20, 7, &body);
    // An upstream's large answer arrives in pieces, and is passed on in pieces.
    let mut upstream = client();
    let mut front = Event::Head(head(&mut upstream, &answer[..1000]));
    assert_eq!(end.send(&mut front).unwrap(), Sent::All);
    assert!(matches!(event(&mut end, &frame(0xe2, 0, 1, b"N")), Event::Heartbeat { ack: false }));
    let mut rest = event(&mut upstream, &answer[1000..]);
    assert_eq!(end.send(&mut rest).unwrap(), Sent::All);
    let wanted = [answer, frame(0x22, 20, 1, b"N")].concat();
    assert!(end.output_mut().take() == wanted);
}

// ----- the destination -----

#[test]
fn a_null_version_is_absent() {
    let call = Call::new("com.example.Demo", "ping").head(1);
    let head = head(&mut server(), call.bytes());
    assert_eq!(head.attribute(Attribute::Version), Attr::Absent);
    assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"ping"));
}

#[test]
fn strings_in_pieces_and_with_surrogates() {
    let body = b"\x052.0.2R\0\x04com.R\0\x02ex\x01.\x02\xed\xa0\xbd\xed\xb8\x80\x06na\xc3\xafve1";
    let head = head(&mut server(), &request(body));
    assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"com.ex."));
    assert_eq!(head.attribute(Attribute::Version), Attr::Value("😀".as_bytes()));
    assert_eq!(head.attribute(Attribute::Method), Attr::Value("naïve1".as_bytes()));
    assert!(!head.is_edited());
}

#[test]
fn depth_says_how_far_to_read() {
    let garbage = request(b"\xff\xff\xff");
    let end = |depth: Depth| Endpoint::new(Dubbo::default().codec(Conn::server().with_depth(depth)));
    let service = Depth::BOUNDARY.with(Attribute::Service);
    assert_eq!(head(&mut end(Depth::BOUNDARY), &garbage).host(), Attr::NotSeen);
    assert_eq!(error(&mut end(service.clone()), &garbage).code, "string");
    let version = request(b"\x052.0.2\x03a.B\xff");
    let seen = head(&mut end(service), &version);
    assert_eq!(seen.host(), Attr::Value(b"a.B"));
    assert_eq!(seen.attribute(Attribute::Version), Attr::NotSeen);
    assert_eq!(error(&mut end(Depth::BOUNDARY.with(Attribute::Version)), &version).code, "string");
}

#[test]
fn other_serializations_are_forwarded_with_what_is_known() {
    let bytes = frame(0xc8, 0, 5, b"opaque");
    let mut end = server();
    let head = head(&mut end, &bytes);
    assert_eq!((head.host(), head.path()), (Attr::NotSeen, Err(Attribute::Service)));
    assert_eq!(sent(head, 6), frame(0xc8, 0, 6, b"opaque"));
}

/// What a client end writes for `head` once it is called `id`.
fn sent(mut head: Head, id: u64) -> Vec<u8> {
    head.set_stream(StreamId::new(id));
    let mut out = client();
    assert_eq!(out.send(&mut Event::Head(head)).unwrap(), Sent::All);
    out.output_mut().take()
}

#[test]
fn forwarding_changes_the_id_and_nothing_else() {
    let mut wanted = REQUEST.to_vec();
    wanted[4..12].copy_from_slice(&u64::MAX.to_be_bytes());
    assert_eq!(sent(head(&mut server(), REQUEST), u64::MAX), wanted);
}

#[test]
fn what_the_front_names_is_no_field_to_edit() {
    let mut head = head(&mut server(), REQUEST);
    for name in ["path", "interface", "version", "group", "Path", ""] {
        assert!(head.set_field(name.as_bytes(), b"a").is_err(), "{name}");
        assert!(head.add_field(name.as_bytes(), b"a").is_err(), "{name}");
        assert!(head.remove_field(name.as_bytes()).is_err(), "{name}");
    }
    assert!(head.set_field(b"tenant", b"\xff").is_err());
    assert!(!head.is_edited());
    head.set_field(b"tenant", b"a").unwrap();
    head.set_attribute(Attribute::Group, b"g").unwrap();
}

// ----- what is wrong -----

#[test]
fn a_bad_body_costs_its_message_only() {
    for (body, code, at) in [
        (&b"\x052.0.2\x90"[..], "string", 22),
        (b"\x052.0.2\x02a\xc3\x28", "utf8", 24),
        (b"\x052.0.2\x03a", "cut_short", 24), // the string says more than the frame has
        (b"", "cut_short", 16),
        (b"\x052.0.2S\xff\xffa", "cut_short", 26),
    ] {
        let mut end = server();
        let bad = request(body);
        let error = error(&mut end, &[&bad, REQUEST].concat());
        assert_eq!((error.code, error.offset), (code, at), "{body:x?}");
        assert_eq!(error.scope, Scope::Message(StreamId::new(7)));
        let mut answer = end.reply(error.stream().unwrap(), &LocalReply::new(error.outcome(), "bad")).unwrap();
        assert_eq!(end.send(&mut answer).unwrap(), Sent::All);
        assert_eq!(end.output_mut().take(), frame(0x02, 40, 7, b"\x03bad"));
        assert_eq!(head(&mut end, b"").stream().id(), 7);
    }
}

#[test]
fn lost_framing_costs_the_connection() {
    let mut negative = REQUEST.to_vec();
    negative[12] = 0x80;
    for (bytes, code, offset) in
        [(&b"status\r\n"[..], "telnet", 0), (b"\0", "magic", 0), (b"\xda\xbc", "magic", 1), (&negative, "length", 12)]
    {
        let mut end = server();
        let first = error(&mut end, bytes);
        assert_eq!((first.code, first.offset, first.scope), (code, offset, Scope::Connection));
        assert_eq!(error(&mut end, REQUEST), first);
        assert!(end.codec().state().close);
    }
}

#[test]
fn messages_from_the_wrong_end() {
    assert_eq!(error(&mut client(), REQUEST).code, "direction");
    assert_eq!(error(&mut server(), &frame(0x02, 20, 1, b"\x92")).code, "direction");
    let mut event = Event::Head(head(&mut server(), REQUEST));
    assert!(matches!(server().send(&mut event), Err(EncodeError::Refused(_))));
}

#[test]
fn a_limit_on_messages_is_exact() {
    let mut limits = Limits::default();
    limits.message = Some(REQUEST.len() as u64);
    head(&mut server_with(limits.clone()), REQUEST);
    limits.message = Some(REQUEST.len() as u64 - 1);
    let error = error(&mut server_with(limits), REQUEST);
    assert_eq!((error.limit, error.outcome()), (Some(Limit::Message), Outcome::TooLarge));
}

#[test]
fn a_limit_on_what_must_be_read_to_route_is_exact() {
    let mut limits = Limits::default();
    (limits.whole, limits.head) = (64, 200);
    // The method name ends at byte 200 of a message that does not come in one piece.
    let mut body = b"\x052.0.2\x03a.BN\x30".to_vec();
    let method = 200 - 16 - body.len() - 1;
    body.push(method as u8);
    body.extend(vec![b'm'; method]);
    body.extend([0; 100]);
    let seen = head(&mut server_with(limits.clone()), &request(&body));
    assert_eq!(seen.attribute(Attribute::Method), Attr::Value(&vec![b'm'; method]));
    body[12] += 1;
    let error = error(&mut server_with(limits), &request(&body)[..200]);
    assert_eq!((error.limit, error.outcome()), (Some(Limit::Head), Outcome::TooLarge));
}

// ----- local replies -----

#[test]
fn local_replies_read_as_what_they_say() {
    for (flag, outcome) in [0xc2, 0xc6, 0xd7, 0xc8].into_iter().flat_map(|flag| Outcome::ALL.map(|o| (flag, o))) {
        let mut end = Endpoint::new(DUBBO.codec(Conn::server().with_depth(Depth::BOUNDARY)));
        let mut asked = REQUEST.to_vec();
        asked[2] = flag;
        if flag == 0xc6 {
            // Lines, and not lengths.
            asked[16] = b'"';
        }
        let stream = match event(&mut end, &asked) {
            Event::Head(head) => head.stream(),
            other => panic!("{other:?}"),
        };
        let mut answer = end.reply(stream, &LocalReply::new(outcome, "said by a proxy")).unwrap();
        assert_eq!(end.send(&mut answer).unwrap(), Sent::All);
        assert_eq!(end.codec().state().open, 0);
        let head = head(&mut client(), &end.output_mut().take());
        let wanted = match outcome {
            Outcome::TooLarge | Outcome::Denied => Outcome::BadRequest,
            Outcome::Unimplemented => Outcome::NoRoute,
            Outcome::Unknown => Outcome::ServerError,
            Outcome::Exception if flag == 0xc6 => Outcome::ServerError,
            same => same,
        };
        assert_eq!((head.outcome(), head.stream().id()), (wanted, 7), "{outcome} {flag:x}");
    }
}

// ----- pieces -----

fn conversation() -> Vec<u8> {
    let mut odd = b"\x052.0.2R\0\x04com.R\0\x02ex\x01.\x02\xed\xa0\xbd\xed\xb8\x80S\0\x06na\xc3\xafve1".to_vec();
    odd.extend([b'x'; 90]);
    let mut bytes = Vec::new();
    bytes.extend_from_slice(REQUEST);
    bytes.extend(frame(0xe2, 0, 8, b"N"));
    bytes.extend(request(&odd));
    bytes.extend(request(b"\x052.0.2\x90 and forty bytes more, which are skipped"));
    bytes.extend(frame(0x88, 0, 9, b"opaque, and more of it than comes whole when the limit says so"));
    bytes.extend(frame(0xe3, 0, 10, &[0xac, 0xed, 0, 5, b'p']));
    bytes.extend(request(b"\x052.0.2\x1f cut short"));
    bytes.extend_from_slice(REQUEST);
    bytes
}

/// The default, and one under which nearly nothing comes whole.
fn both_limits() -> [Limits; 2] {
    let mut small = Limits::default();
    small.whole = 24;
    [Limits::default(), small]
}

#[test]
fn every_split_says_the_same() {
    let bytes = conversation();
    for limits in both_limits() {
        let wanted = said(server_with(limits.clone()), &[&bytes]);
        assert!(wanted.contains(&"closed".to_string()), "{wanted:#?}");
        for at in 0..=bytes.len() {
            let (front, back) = bytes.split_at(at);
            assert_eq!(said(server_with(limits.clone()), &[front, back]), wanted, "split at {at}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(said(server_with(limits), &single), wanted);
    }
}

#[test]
fn truncation_is_an_error_at_every_byte_but_the_last() {
    for limits in both_limits() {
        for at in 1..REQUEST.len() {
            let said = said(server_with(limits.clone()), &[&REQUEST[..at]]);
            assert!(said.iter().any(|line| line.contains("truncated")), "{at}: {said:?}");
        }
    }
}

#[test]
fn a_body_larger_than_any_buffer_streams() {
    const BODY: usize = 8 * 1024 * 1024;
    let mut front = REQUEST.to_vec();
    front[12..16].copy_from_slice(&(BODY as u32).to_be_bytes());
    let mut end = server();
    let head = head(&mut end, &front);
    assert_eq!((head.host(), head.is_end()), (Attr::Value(b"org.apache.dubbo.samples.Greeter"), false));
    let mut sum = head.data().len();
    end.release(head.stream(), sum);
    while sum < BODY {
        let n = (BODY - sum).min(16 * 1024);
        let piece = event(&mut end, &vec![0; n]);
        sum += piece.data_len();
        assert_eq!(piece.is_end(), sum == BODY);
        end.release(head.stream(), piece.data_len());
    }
    assert!(!end.codec().state().receiving);
}

#[test]
fn a_hostile_string_a_byte_at_a_time_stays_linear() {
    // Thousands of empty pieces, in a message that does not come whole.
    let mut body = b"\x052.0.2".to_vec();
    for _ in 0..20_000 {
        body.extend(b"R\0\0");
    }
    body.extend(vec![b'x'; 10_000]);
    let mut codec = Dubbo::default().codec(Conn::server());
    let (mut input, mut output) = (bytes::BytesMut::new(), Output::new());
    let begun = std::time::Instant::now();
    for byte in request(&body) {
        input.extend_from_slice(&[byte]);
        while let Ok(Step::Event(_)) | Err(_) = codec.decode(&mut input, &mut Cx::new(&mut output, Default::default()))
        {
        }
    }
    // Quadratic would be a thousand times slower than this, even unoptimized.
    assert!(begun.elapsed().as_millis() < 2000, "{:?}", begun.elapsed());
}

// ----- the kit -----

/// Answers to [`conversation`]'s good requests, and what a server says of itself.
fn answers_of_a_server() -> Vec<u8> {
    let mut bytes = frame(0x02, 20, 7, b"\x91\x05hello");
    bytes.extend(frame(0x22, 20, 8, b"N"));
    bytes.extend(frame(0x02, 20, 9, b"\x90C\x0bjava.Exc\x90\x60"));
    bytes.extend(frame(0xe2, 0, 1, b"N"));
    bytes.extend(frame(0x02, 60, 10, b"\x09not found"));
    bytes.extend(frame(0x02, 99, 11, b""));
    bytes.extend(frame(0xa2, 0, 2, b"\x01R"));
    bytes
}

#[test]
fn the_kit() {
    let mut requests = Vec::new();
    for (id, flag) in [(7, 0xc2), (9, 0xc2), (10, 0xc2), (11, 0xc8), (12, 0x82)] {
        requests.extend(frame(flag, 0, id, &REQUEST[16..]));
        requests.extend(frame(0xe2, 0, 8, b"N"));
    }
    let mut large = frame(0xc2, 0, 3, &REQUEST[16..]);
    large[12..16].copy_from_slice(&(64u32 << 20).to_be_bytes());
    let rest = (64 << 20) - (REQUEST.len() as u64 - 16);
    let sample = Sample::new("calls", requests, answers_of_a_server())
        .with_bad_request(request(b"\x052.0.2\x90"), frame(0xc2, 0, 70, &REQUEST[16..]))
        .with_large_request(large, Some(rest))
        .with_depth(Depth::ROUTE);
    let kit = Kit::new(&DUBBO).with_sample(sample).with_mutations(150).with_outcomes(|outcome| match outcome {
        Outcome::TooLarge | Outcome::Denied => Outcome::BadRequest,
        Outcome::Unimplemented => Outcome::NoRoute,
        Outcome::Unknown => Outcome::ServerError,
        same => same,
    });
    match kit.run() {
        Ok(report) => assert_eq!(report.skipped().collect::<Vec<_>>(), [Check::ResetCredit]),
        Err(failure) => panic!("{failure}"),
    }
}

static DUBBO: Dubbo = Dubbo::new();

proptest! {
    #[test]
    fn calls_come_back_as_they_went(
        service in "\\PC{0,60}", method in "\\PC{0,40}", version in prop::option::of("\\PC{0,10}"),
        args in prop::collection::vec("\\PC{0,200}", 0..4), id: u64, one_way: bool, cut: prop::sample::Index,
    ) {
        let mut call = Call::new(&service, &method).with_attachment("timeout", "1000");
        if let Some(version) = &version { call = call.with_version(version) }
        for arg in &args { call = call.with_arg(arg) }
        if one_way { call = call.one_way() }
        let made = call.head(id);
        let bytes = made.bytes().clone();
        let mut end = server();
        end.input().extend_from_slice(&bytes[..cut.index(bytes.len())]);
        prop_assert!(matches!(end.decode(), Ok(Step::NeedMore(_))));
        let seen = head(&mut end, &bytes[cut.index(bytes.len())..]);
        prop_assert_eq!(seen.attribute(Attribute::Service), Attr::Value(service.as_bytes()));
        prop_assert_eq!(seen.attribute(Attribute::Method), Attr::Value(method.as_bytes()));
        let wanted = version.as_ref().map_or(Attr::Absent, |version| Attr::Value(version.as_bytes()));
        prop_assert_eq!(seen.attribute(Attribute::Version), wanted);
        prop_assert_eq!(seen.kind() == Kind::OneWay, one_way);
        for attribute in Attribute::ALL {
            prop_assert_eq!(made.attribute(attribute), seen.attribute(attribute));
        }
        prop_assert_eq!(sent(made, 3), sent(seen, 3));
    }

    #[test]
    fn any_bytes_are_survived(
        flag: u8, status: u8, body in prop::collection::vec(any::<u8>(), 0..200), step in 1usize..40, whole in 0usize..100,
    ) {
        let mut bytes = frame(flag, status, 1, &body);
        bytes.extend_from_slice(REQUEST);
        let mut limits = Limits::default();
        limits.whole = whole;
        for end in [server_with(limits.clone()), Endpoint::new(Dubbo::default().codec(Conn::client().with_limits(limits)))] {
            let pieces: Vec<&[u8]> = bytes.chunks(step).collect();
            said(end, &pieces);
        }
    }

    #[test]
    fn results_and_ids_pass(id: u64, text in "\\PC{0,100}") {
        let answer = value(StreamId::new(id), &text);
        let seen = head(&mut client(), answer.bytes());
        prop_assert_eq!(seen.stream().id(), id);
        prop_assert_eq!((seen.outcome(), result(&seen)), (Outcome::Success, Some(ResultKind::Value)));
    }
}
