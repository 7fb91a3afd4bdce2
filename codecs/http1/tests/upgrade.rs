//! What a head says that its connection becomes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{ask, asked, client, feed, head, one, server};
use meshwire::{Event, StreamId};

fn get(fields: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: h\r\n{fields}\r\n")
}

#[test]
fn a_request_names_the_protocol_that_may_pass() {
    for (fields, name) in [
        ("Connection: upgrade\r\nUpgrade: websocket\r\n", Some("websocket")),
        ("Connection: upgrade\r\nUpgrade: h2c ,\tWebSocket\r\n", Some("WebSocket")),
        ("Connection: upgrade\r\nUpgrade: websocket/13, websocket\r\nContent-Length: 0\r\n", Some("websocket")),
        ("Connection: upgrade\r\nUpgrade: h2c\r\n", None),
        ("Upgrade: websocket\r\n", None),
        ("Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n", None),
    ] {
        let event = one(&mut server(), get(fields));
        let mut head = head(&event).clone();
        for _ in 0..2 {
            assert_eq!(head.upgrade(), name.map(str::as_bytes), "{fields}");
            head.forward();
        }
        assert_eq!(head.is_end(), name.is_none() && !fields.contains("chunked"), "{fields}");
    }
    let event = one(&mut server(), "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n");
    assert_eq!((head(&event).upgrade(), head(&event).is_end()), (None, false));
}

#[test]
fn an_answer_names_the_protocol_it_agrees_to() {
    let switch = [("Connection", "upgrade"), ("Upgrade", "websocket")];
    let mut end = asked("GET", &switch);
    let events = feed(&mut end, "HTTP/1.1 101 Ok\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").unwrap();
    assert_eq!(head(&events[0]).upgrade(), Some(&b"websocket"[..]));
    assert!(matches!(events[1], Event::Upgraded { .. }));

    let mut end = client();
    let stream = ask(&mut end, "GET", &switch);
    assert_eq!(stream, StreamId::new(1));
    let events = feed(&mut end, "HTTP/1.1 426 Ok\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").unwrap();
    assert_eq!(head(&events[0]).upgrade(), None);

    for event in [
        meshwire_http1::request("GET", "/", &[("Host", "h"), switch[0], switch[1]], "").unwrap(),
        meshwire_http1::response(101, &switch, "").unwrap(),
    ] {
        assert_eq!(head(&event).upgrade(), Some(&b"websocket"[..]));
    }
}
