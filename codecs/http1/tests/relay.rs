//! Both ends joined by the relay, which knows no protocol.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::string_slice)]

mod common;

use common::*;
use meshwire::{Link, Protocol, Relay, RelayStep};
use meshwire_http1::Http1;

struct Path {
    relay: Relay,
    link: Link,
}

impl Path {
    fn new() -> Self {
        let mut relay = Relay::new(server());
        let link = relay.connect(client(), &Http1::default().traits());
        Self { relay, link }
    }

    fn run(&mut self) {
        loop {
            match self.relay.poll() {
                RelayStep::Request(exchange, head) => self.relay.forward(exchange, self.link, head),
                RelayStep::Idle | RelayStep::Closed => return,
                RelayStep::Done(_) | RelayStep::Refused(_) => {}
            }
        }
    }

    /// What the server gets to see when the client says this.
    fn ask(&mut self, bytes: &str) -> String {
        self.relay.downstream().input().extend_from_slice(bytes.as_bytes());
        self.run();
        taken(self.relay.upstream(self.link).unwrap())
    }

    /// What the client gets to see when the server says this.
    fn answer(&mut self, bytes: &str) -> String {
        self.relay.upstream(self.link).unwrap().input().extend_from_slice(bytes.as_bytes());
        self.run();
        taken(self.relay.downstream())
    }
}

#[test]
fn pipelined_requests_go_one_by_one() {
    let mut path = Path::new();
    let get = |n: u32| format!("GET /{n} HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(path.ask(&(get(1) + &get(2))), get(1));
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(path.answer(ok), ok);
    assert_eq!(path.ask(""), get(2));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    assert_eq!(path.answer(chunked), chunked);
    assert_eq!(path.relay.open(), 0);
}

#[test]
fn a_websocket_goes_through_both_ways() {
    let mut path = Path::new();
    let upgrade = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(path.ask(&format!("{upgrade}early")), upgrade);
    let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(path.answer(&format!("{switch}hello")), format!("{switch}hello"));
    assert_eq!(path.ask(""), "early");
    assert_eq!(path.ask("ping"), "ping");
    assert_eq!(path.answer("pong"), "pong");
    path.relay.downstream().set_eof();
    path.run();
    let up = path.relay.upstream(path.link).unwrap();
    assert!(up.codec().state().ended);
    assert_eq!(path.answer("bye"), "bye");
    path.relay.upstream(path.link).unwrap().set_eof();
    path.run();
    assert!(path.relay.downstream().codec().state().close);
    assert_eq!(path.relay.open(), 0);
}

#[test]
fn a_refused_switch_is_a_request_like_any_other() {
    let mut path = Path::new();
    let upgrade = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
    let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    assert_eq!(path.ask(&format!("{upgrade}{get}")), upgrade);
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(path.answer(ok), ok);
    assert_eq!(path.ask(""), get);
    assert_eq!(path.answer(ok), ok);
    assert_eq!(path.relay.open(), 0);

    let mut path = Path::new();
    let connect = "CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n";
    assert_eq!(path.ask(&format!("{connect}{get}")), connect);
    let no = path.answer("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(no, "HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    assert!(path.relay.downstream().codec().state().close);
    assert_eq!(path.relay.open(), 0);
}

#[test]
fn a_bad_answer_and_a_bad_request_are_answered_here() {
    let mut path = Path::new();
    path.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    let out = path.answer_lost("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert!(out.starts_with("HTTP/1.1 502 "), "{out}");
    path.relay.downstream().input().extend_from_slice(b"GET / HTTP/1.1\r\n\r\n");
    path.run();
    let out = taken(path.relay.downstream());
    assert!(out.starts_with("HTTP/1.1 400 "), "{out}");
    assert!(path.relay.downstream().codec().state().close);
}

impl Path {
    /// As `answer`, for one that costs the connection.
    fn answer_lost(&mut self, bytes: &str) -> String {
        let out = self.answer(bytes);
        assert!(self.relay.upstream(self.link).is_none());
        out
    }
}
