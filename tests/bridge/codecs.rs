//! The same with this workspace's own codecs at the far ends: what one writes the other reads as the same message.

use meshwire::io::Driver;
use meshwire::{Attr, Attribute, Body, Conn, Event, Head, Kind, Protocol, RoutingKey, Sent, StreamId};
use meshwire_http1::Http1;
use meshwire_http2::Http2;
use tokio::io::DuplexStream;

use super::proxy::{Setup, within};

type End = Driver<DuplexStream>;

async fn event(end: &mut End) -> Event {
    loop {
        let event = within(end.next()).await.expect("the connection goes on").unwrap();
        if let Some(stream) = event.stream() {
            end.release(stream, event.data_len());
        }
        if !matches!(event, Event::Capacity { .. } | Event::Heartbeat { .. }) {
            return event;
        }
    }
}

async fn head(end: &mut End) -> Head {
    match event(end).await {
        Event::Head(head) => head,
        other => panic!("{other:?}"),
    }
}

/// The rest of a message that began with `head`: its data, and what its trailers say of `x-sum`.
async fn rest(end: &mut End, head: &Head) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut data = head.data().to_vec();
    if head.is_end() {
        return (data, None);
    }
    loop {
        match event(end).await {
            Event::Body(body) => {
                data.extend_from_slice(&body.data);
                if body.end {
                    return (data, None);
                }
            }
            Event::Trailers(trailers) => return (data, trailers.field(b"x-sum").value().map(<[u8]>::to_vec)),
            other => panic!("{other:?}"),
        }
    }
}

async fn send(end: &mut End, mut event: Event) -> StreamId {
    assert_eq!(end.send(&mut event).unwrap(), Sent::All);
    within(end.flush()).await.unwrap();
    event.stream().unwrap()
}

/// A request with a body and trailers, and an answer with the same, `n` times over one connection.
async fn goes_through(down: impl Protocol + Clone + 'static, up: impl Protocol + Clone + 'static) {
    let mut proxy = Setup::new(down.clone(), up.clone()).start();
    let mut client = Driver::new(proxy.client(), down.codec(Conn::client()));
    let mut server: Option<End> = None;
    for n in 0..3 {
        let fields = [("host", "h"), ("x-n", "1"), ("cookie", "a=b; c=d"), ("content-length", "5")];
        let ask = if down.name() == "http1" {
            meshwire_http1::request("POST", "/a?b", &fields, "hello").unwrap()
        } else {
            meshwire_http2::request("POST", "/a?b", "h", &fields[1..], "hello").unwrap()
        };
        let asked = send(&mut client, ask).await;
        if server.is_none() {
            server = Some(Driver::new(proxy.accept().await, up.codec(Conn::server())));
        }
        let server = server.as_mut().unwrap();
        let got = head(server).await;
        for (attribute, value) in [(Attribute::Verb, "POST"), (Attribute::Path, "/a?b"), (Attribute::Authority, "h")] {
            assert_eq!(got.attribute(attribute), Attr::Value(value.as_bytes()), "{n}");
        }
        for (name, value) in [("x-n", "1"), ("cookie", "a=b; c=d"), ("content-length", "5")] {
            assert_eq!(got.field(name.as_bytes()), Attr::Value(value.as_bytes()), "{n}");
        }
        assert_eq!(rest(server, &got).await, (b"hello".to_vec(), None));

        // An interim answer, then one without a length and with trailers.
        let (early, answer) = (&[("link", "x")][..], &[("x-m", "2")][..]);
        let (mut early, mut answer, mut trailers) = if up.name() == "http1" {
            let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-m: 2\r\n\r\n";
            (meshwire_http1::response(103, early, "").unwrap(), read(&Http1::default(), chunked.as_bytes()), sum())
        } else {
            let open = crate::frames::open_answer(1, &[(":status", "200"), ("x-m", "2")]);
            let _ = answer;
            (meshwire_http2::response(103, early, "").unwrap(), open, sum())
        };
        for event in [&mut early, &mut answer, &mut trailers] {
            event.set_stream(got.stream());
        }
        send(server, early).await;
        send(server, answer).await;
        send(server, Event::Body(Body { stream: got.stream(), data: "world".into(), end: false })).await;
        send(server, trailers).await;
        let interim = head(&mut client).await;
        assert_eq!((interim.kind(), interim.status(), interim.stream()), (Kind::Interim, Some(103), asked));
        let got = head(&mut client).await;
        assert_eq!((got.kind(), got.status(), got.stream()), (Kind::Response, Some(200), asked));
        assert_eq!(got.field(b"x-m"), Attr::Value(b"2"));
        assert_eq!(rest(&mut client, &got).await, (b"world".to_vec(), Some(b"7".to_vec())));
    }
}

fn sum() -> Event {
    meshwire_http2::trailers(&[("x-sum", "7")]).unwrap()
}

/// The head of an answer as a client reads it.
fn read(protocol: &impl Protocol, bytes: &[u8]) -> Event {
    let mut end = meshwire::Endpoint::new(protocol.codec(Conn::client()));
    let _ = end.send(&mut meshwire_http1::request("GET", "/", &[("Host", "h")], "").unwrap()).unwrap();
    end.input().extend_from_slice(bytes);
    match end.decode().unwrap() {
        meshwire::Step::Event(event) => event,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn http_1_1_to_http_2() {
    goes_through(Http1::default(), Http2::default()).await;
}

#[tokio::test]
async fn http_2_to_http_1_1() {
    goes_through(Http2::default(), Http1::default()).await;
}

#[tokio::test]
async fn each_to_itself() {
    goes_through(Http1::default(), Http1::default()).await;
    goes_through(Http2::default(), Http2::default()).await;
}
