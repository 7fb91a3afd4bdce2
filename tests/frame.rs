//! Bounds of framed connections, on the limit and one past it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test that cannot go on panics

use bytes::Bytes;
use meshwire::{Body, Conn, Endpoint, Event, Limit, Limits, Protocol, Rate, Sent, Step, StreamId};
use meshwire_dubbo::Dubbo;

fn server(change: impl FnOnce(&mut Limits)) -> Endpoint {
    let mut limits = Limits::default();
    change(&mut limits);
    Endpoint::new(Dubbo::default().codec(Conn::server().with_limits(limits)))
}

fn heartbeat(id: u8) -> [u8; 17] {
    [0xda, 0xbb, 0xe2, 0, 0, 0, 0, 0, 0, 0, 0, id, 0, 0, 0, 1, b'N']
}

/// An answer whose body is still to come, `rest` bytes of it.
fn begun(end: &mut Endpoint, rest: usize) {
    let mut front = meshwire_dubbo::value(StreamId::new(1), "the first of it").bytes().to_vec();
    let length = u32::try_from(front.len() - 16 + rest).unwrap();
    front[12..16].copy_from_slice(&length.to_be_bytes());
    let mut client = Endpoint::new(Dubbo::default().codec(Conn::client().with_limits({
        let mut limits = Limits::default();
        limits.whole = 16;
        limits
    })));
    client.input().extend_from_slice(&front);
    let step = client.decode().unwrap();
    let Step::Event(mut event) = step else { panic!("{step:?}") };
    assert!(!event.is_end());
    assert_eq!(end.send(&mut event).unwrap(), Sent::All);
}

#[test]
fn replies_owed_inside_a_message_are_held_and_counted() {
    let mut end = server(|limits| limits.replies = 3);
    begun(&mut end, 100);
    end.output_mut().take();
    for id in 1..=3 {
        end.input().extend_from_slice(&heartbeat(id));
        assert!(matches!(end.decode().unwrap(), Step::Event(Event::Heartbeat { ack: false })));
    }
    assert!(end.output().is_empty(), "nothing is written inside an open message");

    let mut rest = Event::Body(Body { stream: StreamId::new(1), data: Bytes::from(vec![0x10; 100]), end: true });
    assert_eq!(end.send(&mut rest).unwrap(), Sent::All);
    let sent = end.output_mut().take();
    let ids: Vec<u8> = sent[100..].chunks(17).map(|frame| frame[11]).collect();
    assert_eq!(ids, [1, 2, 3], "behind it, in order");

    begun(&mut end, 100);
    for id in 1..=3 {
        end.input().extend_from_slice(&heartbeat(id));
        assert!(matches!(end.decode().unwrap(), Step::Event(Event::Heartbeat { .. })));
    }
    end.input().extend_from_slice(&heartbeat(4));
    let error = end.decode().unwrap_err();
    assert_eq!((error.limit, error.is_fatal()), (Some(Limit::Replies), true));
    assert_eq!(end.codec().stats().tripped(Limit::Replies), 1);
}

#[test]
fn heartbeats_have_a_rate() {
    let mut end = server(|limits| limits.idle_frames = Rate { burst: 2, per_second: 1 });
    for id in 1..=2 {
        end.input().extend_from_slice(&heartbeat(id));
        assert!(end.decode().is_ok());
    }
    end.set_now(std::time::Duration::from_secs(1));
    end.input().extend_from_slice(&heartbeat(3));
    assert!(end.decode().is_ok(), "one more a second");
    end.input().extend_from_slice(&heartbeat(4));
    assert_eq!(end.decode().unwrap_err().limit, Some(Limit::IdleFrames));
}

#[test]
fn a_message_up_to_the_limit_comes_whole_and_a_larger_one_streams() {
    for (size, whole) in [(64 * 1024, true), (64 * 1024 + 1, false)] {
        let mut call = meshwire_dubbo::Call::new("a.B", "c").head(1).bytes().to_vec();
        call.resize(size, 0x10);
        let length = u32::try_from(size - 16).unwrap();
        call[12..16].copy_from_slice(&length.to_be_bytes());
        let mut end = server(|_| {});
        end.input().extend_from_slice(&call[..size - 1]);
        match end.decode().unwrap() {
            Step::NeedMore(n) => assert!(whole && n.get() == 1, "{size}"),
            Step::Event(event) => assert!(!whole && !event.is_end(), "{size}"),
            step => panic!("{step:?}"),
        }
    }
}

/// Found by fuzzing: a head was waited for beyond what may be buffered.
#[test]
fn the_multiplexed_toy_waits_for_no_more_than_a_head() {
    for (length, refused) in [(600u16, false), (601, true)] {
        let mut limits = Limits::default();
        limits.head = 600;
        let mut end = Endpoint::new(meshwire::testkit::toy::Mux.codec(Conn::server().with_limits(limits)));
        let settings = [b'T', b'M', b'U', b'X', 6, 0, 0, 6, 0, 0, 0, 0, 0, 8, 0, 1, 0, 0];
        let [high, low] = length.to_be_bytes();
        end.input().extend_from_slice(&settings);
        end.input().extend_from_slice(&[0, 0, high, low, 0, 0, 0, 1]);
        match end.decode() {
            Ok(Step::NeedMore(n)) => assert!(!refused && n.get() == usize::from(length)),
            Err(error) => assert!(refused && error.limit == Some(Limit::Head) && error.code == "head", "{error}"),
            Ok(step) => panic!("{step:?}"),
        }
    }
}

/// Found by fuzzing: an answer waited for credit from a client that had ended, and its exchange stayed open for ever.
#[test]
fn nobody_waits_for_credit_that_cannot_come() {
    use meshwire::{LocalReply, Outcome};

    for ended in [false, true] {
        let mut end = Endpoint::new(meshwire::testkit::toy::Mux.codec(Conn::server()));
        end.input().extend_from_slice(b"TMUX\x06\0\0\x06\0\0\0\0\0\x08\0\0\0\0");
        end.input().extend_from_slice(b"\0\x01\0\x0e\0\0\0\x01\x09shop.Cart\x03add");
        let step = end.decode().unwrap();
        let Step::Event(Event::Head(head)) = step else { panic!("{step:?}") };
        if ended {
            end.set_eof();
            assert!(matches!(end.decode().unwrap(), Step::Closed));
        }
        let mut answer =
            end.reply(head.stream(), &LocalReply::new(Outcome::NoRoute, "nothing is served here")).unwrap();
        assert!(answer.data_len() > 0);
        let sent = end.send(&mut answer);
        if ended { assert!(sent.is_err(), "{sent:?}") } else { assert_eq!(sent.unwrap(), Sent::Blocked) }
    }
}
