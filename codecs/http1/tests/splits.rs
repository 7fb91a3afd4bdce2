//! Where a read ended must not matter, and no bytes whatever may do harm.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use bytes::Bytes;
use common::*;
use meshwire::{Body, Conn, Endpoint, Event, Protocol, Sent, Step, StreamId};
use meshwire_http1::Http1;
use proptest::prelude::*;

const REQUESTS: [&str; 12] = [
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    "\r\nGET /a?b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n",
    "PUT http://t/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: h\r\nX:\r\nY: \t a b \t\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\r\nX: a\nb\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: h\n\r\n",
    "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
];

const ANSWERS: [&str; 9] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 103 Early\r\nLink: a\r\n\r\nHTTP/1.1 204 No\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: v\r\n\r\n",
    "HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nx",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 200 OK\nContent-Length: 1\r\n\r\n",
    "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nframes",
];

/// Everything that comes of `bytes` cut at `cuts`, then of their end.
fn outcome(mut end: Endpoint, bytes: &[u8], cuts: &[usize]) -> (Vec<String>, Option<String>, Vec<u8>) {
    let mut events = Vec::new();
    let mut error = None;
    let mut from = 0;
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([bytes.len()]).collect();
    cuts.sort_unstable();
    let drain = |end: &mut Endpoint, events: &mut Vec<Event>| {
        for _ in 0..10_000 {
            match end.decode() {
                Ok(Step::Event(event)) => {
                    if let Some(stream) = event.stream() {
                        end.release(stream, event.data_len());
                    }
                    events.push(event);
                }
                Ok(Step::NeedMore(_) | Step::Paused | Step::Closed) => return None,
                Err(error) => return Some(format!("{error:?}")),
            }
        }
        panic!("no progress");
    };
    for cut in cuts {
        end.input().extend_from_slice(&bytes[from..cut]);
        from = cut;
        error = error.or(drain(&mut end, &mut events));
        // Calling early costs nothing and changes nothing.
        if error.is_none() {
            assert!(!matches!(end.decode(), Ok(Step::Event(_)) | Err(_)));
        }
    }
    if error.is_none() {
        end.set_eof();
        error = drain(&mut end, &mut events);
    }
    (lines(&events), error, end.output_mut().take())
}

fn asking(requests: usize) -> Endpoint {
    let mut end = Endpoint::new(Http1::default().pipeline(100).codec(Conn::client()));
    for _ in 0..requests {
        ask(&mut end, "GET", &[]);
    }
    end
}

proptest! {
    #[test]
    fn requests_do_not_depend_on_where_reads_end(
        picks in prop::collection::vec(0..REQUESTS.len(), 1..5),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let stream: String = picks.iter().map(|n| REQUESTS[*n]).collect();
        let all: Vec<usize> = (0..stream.len()).collect();
        let whole = outcome(server(), stream.as_bytes(), &[]);
        prop_assert_eq!(&outcome(server(), stream.as_bytes(), &cuts), &whole);
        prop_assert_eq!(&outcome(server(), stream.as_bytes(), &all), &whole);
    }

    #[test]
    fn answers_do_not_depend_on_where_reads_end(
        picks in prop::collection::vec(0..ANSWERS.len(), 1..5),
        cuts in prop::collection::vec(any::<usize>(), 0..20),
    ) {
        let stream: String = picks.iter().map(|n| ANSWERS[*n]).collect();
        let all: Vec<usize> = (0..stream.len()).collect();
        let whole = outcome(asking(4), stream.as_bytes(), &[]);
        prop_assert_eq!(&outcome(asking(4), stream.as_bytes(), &cuts), &whole);
        prop_assert_eq!(&outcome(asking(4), stream.as_bytes(), &all), &whole);
    }

    #[test]
    fn changed_bytes_do_no_harm_however_they_are_cut(
        picks in prop::collection::vec(0..REQUESTS.len(), 1..4),
        changes in prop::collection::vec((any::<usize>(), prop::sample::select(&b"\r\n \t:;,0f\0\x7f\xffA/"[..]), 0u8..3), 1..6),
        cuts in prop::collection::vec(any::<usize>(), 0..10),
    ) {
        let mut requests: Vec<u8> = picks.iter().flat_map(|n| REQUESTS[*n].bytes()).collect();
        let mut answers: Vec<u8> = picks.iter().flat_map(|n| ANSWERS[n % ANSWERS.len()].bytes()).collect();
        for bytes in [&mut requests, &mut answers] {
            for (at, b, how) in &changes {
                let at = at % bytes.len();
                match how {
                    0 => bytes[at] = *b,
                    1 => bytes.insert(at, *b),
                    _ => { bytes.remove(at); }
                }
            }
        }
        let all: Vec<usize> = (0..requests.len()).collect();
        let whole = outcome(server(), &requests, &[]);
        prop_assert_eq!(&outcome(server(), &requests, &cuts), &whole);
        prop_assert_eq!(&outcome(server(), &requests, &all), &whole);
        let all: Vec<usize> = (0..answers.len()).collect();
        let whole = outcome(asking(4), &answers, &[]);
        prop_assert_eq!(&outcome(asking(4), &answers, &cuts), &whole);
        prop_assert_eq!(&outcome(asking(4), &answers, &all), &whole);
    }

    #[test]
    fn what_one_end_writes_the_other_reads(
        method in prop::sample::select(&["GET", "POST", "DELETE", "X-Y"][..]),
        path in "/[!-\"$-~]{0,20}",
        fields in prop::collection::vec(("X-[a-zA-Z0-9!#$%&'*+.^_`|~-]{1,8}", "([!-~]([ -~]{0,10}[!-~])?)?"), 0..6),
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..5),
        chunked in any::<bool>(),
        trailer in any::<bool>(),
    ) {
        let body: Vec<u8> = pieces.concat();
        let mut list = vec![("Host", "h")];
        list.extend(fields.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        let (mut from, mut to) = (client(), server());
        let mut wire = Vec::new();
        if chunked {
            // Only a peer's head can say so.
            let mut source = server();
            let head: String = list.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
            let head = format!("{method} {path} HTTP/1.1\r\n{head}Transfer-Encoding: chunked\r\n\r\n");
            let mut event = one(&mut source, head);
            event.set_stream(StreamId::NEW);
            prop_assert_eq!(from.send(&mut event).unwrap(), Sent::All);
            let stream = event.stream().unwrap();
            for piece in &pieces {
                let mut event = Event::Body(Body { stream, data: Bytes::from(piece.clone()), end: false });
                prop_assert_eq!(from.send(&mut event).unwrap(), Sent::All);
            }
            let mut end = if trailer {
                // As a peer's.
                let mut source = server();
                let events = feed(&mut source, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n");
                let mut trailers = events.unwrap().pop().unwrap();
                trailers.set_stream(stream);
                trailers
            } else {
                Event::Body(Body { stream, data: Bytes::new(), end: true })
            };
            prop_assert_eq!(from.send(&mut end).unwrap(), Sent::All);
        } else {
            let mut event = meshwire_http1::request(method, &path, &list, &body).unwrap();
            prop_assert_eq!(from.send(&mut event).unwrap(), Sent::All);
        }
        wire.extend(from.output_mut().take());
        let events = feed(&mut to, &wire).unwrap();
        let got: Vec<u8> = events.iter().flat_map(|event| match event {
            Event::Head(head) => head.data().to_vec(),
            Event::Body(body) => body.data.to_vec(),
            _ => Vec::new(),
        }).collect();
        prop_assert_eq!(got, body);
        prop_assert!(events.last().unwrap().is_end());
        prop_assert_eq!(key(&events[0]), format!("h {method} {path}"));
        let read: Vec<_> = meshwire::RoutingKey::fields(head(&events[0])).unwrap().collect();
        for (name, value) in &fields {
            prop_assert!(read.contains(&(name.as_bytes(), value.as_bytes())));
        }
        prop_assert!(matches!(to.decode().unwrap(), Step::NeedMore(_)));
    }
}

#[test]
fn a_byte_at_a_time_looks_at_each_byte_once() {
    // Quadratic work on this much would take minutes.
    let head = format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\nY: {}\r\n\r\n", "a".repeat(30_000), "b".repeat(30_000));
    for _ in 0..10 {
        let mut end = server();
        let mut events = Vec::new();
        for byte in head.as_bytes().chunks(1) {
            events.extend(feed(&mut end, byte).unwrap());
        }
        assert_eq!(events.len(), 1);
    }
}
