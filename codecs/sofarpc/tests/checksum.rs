//! The checksum of v2: checked, passed on, changed only by what an id changes.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)] // tests

mod common;

use bytes::Bytes;
use common::*;
use meshwire::{Body, EncodeError, Event, Head, LocalReply, Outcome, RoutingKey, Scope, Sent, Step, StreamId};
use meshwire_sofarpc::{Answer, Version, status};
use proptest::prelude::*;

#[test]
fn it_stands_where_both_the_version_and_the_switch_say_so() {
    assert!(is_signed(&wire(&call(Version::V2Checked), 7)));
    for version in [Version::V1, Version::V2, Version::V2Unchecked] {
        let with = wire(&call(version), 7).len();
        let extra = if version == Version::V1 { 2 } else { 0 };
        assert_eq!(wire(&call(Version::V2Checked), 7).len(), with + extra + 4);
    }
    // Java sets the switch in version 1, too, and signs nothing.
    let mut bytes = wire(&call(Version::V2), 7);
    bytes[11] = 1;
    let mut end = server();
    let asked = head(&mut end, &bytes);
    assert_eq!((asked.tail(), asked.is_end()), (&b""[..], true));
    assert_eq!(sent(&mut client(), asked), bytes);
}

#[test]
fn a_wrong_one_costs_its_message_and_is_answered() {
    let good = wire(&call(Version::V2Checked), 7);
    for at in 12..good.len() {
        let mut bytes = good.clone();
        // Not the lengths, by which the frame ends.
        if (16..24).contains(&at) {
            continue;
        }
        bytes[at] ^= 0x10;
        let mut end = server();
        let refused = error(&mut end, &bytes);
        assert_eq!((refused.code, refused.scope), ("checksum", Scope::Message(StreamId::new(7))), "byte {at}");
        assert_eq!(refused.offset, good.len() as u64 - 4);
        let mut reply = end.reply(refused.stream().unwrap(), &LocalReply::new(refused.outcome(), "damaged")).unwrap();
        assert_eq!(end.send(&mut reply).unwrap(), Sent::All);
        let said = end.output_mut().take();
        assert!(is_signed(&said));
        assert_eq!(head(&mut client(), &said).outcome(), Outcome::BadRequest);
        assert_eq!(head(&mut end, &good).stream().id(), 7);
    }
}

#[test]
fn another_id_changes_it_and_nothing_else() {
    for length in [0, 1, 17, 450, 1023, 1024, 4095, 4096, 5000, 60_000] {
        let bytes = wire(&call(Version::V2Checked).with_content(1, vec![b'x'; length]), 7);
        for id in [0, 7, 8, u32::MAX] {
            let mut seen = head(&mut server(), &bytes);
            seen.set_stream(StreamId::new(u64::from(id)).with_tag(seen.stream().tag()));
            let out = sent(&mut client(), seen);
            let mut expected = bytes[..bytes.len() - 4].to_vec();
            expected[6..10].copy_from_slice(&id.to_be_bytes());
            assert_eq!(out[..out.len() - 4], expected, "{length} bytes");
            assert!(is_signed(&out), "{length} bytes, id {id}");
        }
    }
}

/// The head of a message whose bytes were damaged behind the codec that checked them.
fn damaged(bytes: &[u8], at: usize) -> Head {
    let good = head(&mut server(), bytes);
    let mut damaged = bytes.to_vec();
    damaged[at] ^= 0x04;
    let mut head = good.clone();
    let data_at = good.head_bytes().len();
    head.attach(Bytes::from(damaged), data_at);
    head
}

#[test]
fn damage_done_inside_a_proxy_is_not_signed_away() {
    for length in [100, 5000] {
        let bytes = wire(&call(Version::V2Checked).with_content(1, vec![b'x'; length]), 7);
        for at in [30, bytes.len() - 20, bytes.len() - 1] {
            let mut head = damaged(&bytes, at);
            head.set_stream(StreamId::new(99).with_tag(head.stream().tag()));
            let out = sent(&mut client(), head);
            assert!(!is_signed(&out), "{length} bytes, damaged at {at}");
            assert_eq!(error(&mut server(), &out).code, "checksum");
        }
    }
}

#[test]
fn an_edited_message_is_signed_anew() {
    // Without a content all of it is written anew.
    for length in [0, 1, 5000] {
        let bytes = wire(&call(Version::V2Checked).with_content(1, vec![b'x'; length]), 7);
        let mut head = head(&mut server(), &bytes);
        head.set_field(b"tenant", b"blue").unwrap();
        let out = sent(&mut client(), head);
        assert!(is_signed(&out), "{length} bytes");
        assert_eq!(common::head(&mut server(), &out).field(b"tenant").value(), Some(&b"blue"[..]));
    }
}

#[test]
fn it_comes_behind_a_body_that_streams_and_is_passed_on() {
    let bytes = large(Version::V2Checked);
    let events = events(&mut server(), &bytes).unwrap();
    assert!(matches!(&events[0], Event::Head(head) if !head.is_end() && head.tail().is_empty()));
    assert!(events[1..events.len() - 1].iter().all(|event| matches!(event, Event::Body(body) if !body.end)));
    let Some(Event::Trailers(trailers)) = events.last() else { panic!("{:?}", events.last()) };
    assert_eq!((trailers.tail(), trailers.data()), (&bytes[bytes.len() - 4..], &b""[..]));
    assert!(trailers.fields().is_none());

    let out = forward(&mut client(), events, 0x0102_0304);
    assert_eq!((out.len(), &out[6..10]), (bytes.len(), &[1, 2, 3, 4][..]));
    assert!(is_signed(&out));
}

#[test]
fn damage_to_a_stream_inside_a_proxy_is_not_signed_away() {
    let bytes = large(Version::V2Checked);
    let mut events = events(&mut server(), &bytes).unwrap();
    let Some(Event::Body(body)) = events.get_mut(5) else { panic!("{events:?}") };
    let mut data = body.data.to_vec();
    data[3] ^= 1;
    body.data = Bytes::from(data);
    assert!(!is_signed(&forward(&mut client(), events, 9)));
}

#[test]
fn a_stream_that_is_edited_is_signed_anew() {
    let bytes = large(Version::V2Checked);
    let mut events = events(&mut server(), &bytes).unwrap();
    let Some(Event::Head(head)) = events.first_mut() else { panic!("{events:?}") };
    head.set_field(b"tenant", b"blue").unwrap();
    let out = forward(&mut client(), events, 9);
    assert!(is_signed(&out) && out.len() > bytes.len());
}

#[test]
fn a_stream_with_a_wrong_one_is_never_complete() {
    let mut bytes = large(Version::V2Checked);
    let n = bytes.len();
    bytes[n - 100] ^= 1;
    let mut end = server();
    let refused = events(&mut end, &bytes).unwrap_err();
    assert_eq!((refused.code, refused.scope), ("checksum", Scope::Message(StreamId::new(7))));
    assert_eq!(refused.offset, n as u64 - 4);
    // The next one goes through.
    assert_eq!(head(&mut end, &wire(&call(Version::V2Checked), 8)).stream().id(), 8);
}

#[test]
fn a_stream_whose_checksum_is_missing_is_not_sent_as_whole() {
    let mut events = events(&mut server(), &large(Version::V2Checked)).unwrap();
    events.pop();
    let Some(Event::Body(last)) = events.last_mut() else { panic!("{events:?}") };
    last.end = true;
    let mut end = client();
    let mut results: Vec<_> = events.into_iter().map(|mut event| end.send(&mut event)).collect();
    assert!(matches!(results.pop(), Some(Err(EncodeError::Invalid { .. }))));
    assert!(results.into_iter().all(|result| result == Ok(Sent::All)));
}

#[test]
fn what_a_client_streams_itself_is_signed_as_it_goes() {
    let whole = call(Version::V2Checked).with_content(1, vec![b'y'; 100_000]).head(7);
    let (mut head, mut end) = (whole.clone(), client());
    let data = head.take_data();
    head.set_end(false);
    let stream = head.stream();
    assert_eq!(end.send(&mut Event::Head(head)).unwrap(), Sent::All);
    for (n, piece) in data.chunks(30_000).enumerate() {
        let mut body = Event::Body(Body { stream, data: Bytes::copy_from_slice(piece), end: n == 3 });
        assert_eq!(end.send(&mut body).unwrap(), Sent::All);
    }
    let out = end.output_mut().take();
    assert!(is_signed(&out));
    assert_eq!(out, sent(&mut client(), whole));
}

#[test]
fn an_answer_goes_out_in_the_version_of_its_request() {
    // Java answers all of a connection in the version that came first on it.
    for asked in VERSIONS {
        for answered in VERSIONS {
            for length in [3, 70_000] {
                let answer = Answer::new(status::SUCCESS).with_class("a.B").with_field("k", "v");
                let answer = answer.with_content(1, vec![b'z'; length]);
                let wire = sent(&mut server(), answer.head(call(answered).head(5).stream()));
                let events = events(&mut client(), &wire).unwrap();

                let asked = call(asked).head(9).stream();
                let mut end = server();
                for mut event in events {
                    event.set_stream(asked);
                    assert_eq!(end.send(&mut event).unwrap(), Sent::All);
                }
                let out = end.output_mut().take().to_vec();
                let (from, to) = (version_of(&wire), version_of(&out));
                let wanted = version_of(&sent(&mut server(), answer.head(asked)));
                // Where only the checksum differs, the frame says so for itself: Java signs no errors.
                let same = (from & !4, wanted & !4);
                assert_eq!(to, if same.0 == same.1 { from } else { wanted }, "{length}");
                assert!(to & 4 == 0 || is_signed(&out));
                let got = common::events(&mut client(), &out).unwrap();
                let Event::Head(head) = &got[0] else { panic!("{got:?}") };
                assert_eq!((head.stream().id(), head.outcome()), (9, Outcome::Success));
                assert_eq!(head.field(b"k").value(), Some(&b"v"[..]));
                assert_eq!(got.iter().map(Event::data_len).sum::<usize>(), length);
            }
        }
    }
}

/// Protocol, version and switch of a frame, as bits.
fn version_of(frame: &[u8]) -> u8 {
    match frame {
        [1, ..] => 0,
        [_, ver1, ..] => 1 | u8::from(*ver1 == 2) << 1 | (frame[11] & u8::from(*ver1 == 2)) << 2,
        _ => panic!("{frame:?}"),
    }
}

proptest! {
    /// However it is cut, a checked message comes out signed, under any id.
    #[test]
    fn any_message_cut_anywhere(
        content in prop::collection::vec(any::<u8>(), 0..600),
        cut in 1usize..64,
        whole in 1usize..700,
        id: u32,
    ) {
        let bytes = wire(&call(Version::V2Checked).with_content(1, content), 7);
        let mut end = server_with(|limits| limits.whole = whole);
        let mut out = client_with(|limits| limits.whole = whole);
        for piece in bytes.chunks(cut) {
            end.input().extend_from_slice(piece);
            while let Step::Event(mut event) = end.decode().unwrap() {
                let tag = event.stream().unwrap().tag();
                event.set_stream(StreamId::new(u64::from(id)).with_tag(tag));
                prop_assert_eq!(out.send(&mut event).unwrap(), Sent::All);
            }
        }
        let out = out.output_mut().take();
        prop_assert!(is_signed(&out));
        prop_assert_eq!(&out[6..10], &id.to_be_bytes());
        prop_assert_eq!(&out[10..out.len() - 4], &bytes[10..bytes.len() - 4]);
    }
}
