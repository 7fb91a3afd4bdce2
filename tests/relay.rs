//! The relay between real codecs, in virtual time and without sockets.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test that cannot go on panics

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use meshwire::{
    Codec, Conn, ConnState, Cx, DecodeError, Done, EncodeError, Endpoint, Event, ExchangeId, Head, Link, LocalReply,
    Outcome, Protocol, Relay, RelayStep, Sent, Stats, Step, StreamId,
};
use meshwire_dubbo::{Call, Dubbo};
use meshwire_http1::Http1;

/// A relay between one downstream and one upstream connection, with the peers' bytes in hand.
struct Bench {
    relay: Relay,
    link: Link,
    done: Vec<Done>,
    refused: Vec<meshwire::DecodeError>,
    closed: bool,
    /// The exchange that was opened first.
    first: Option<ExchangeId>,
    protocol: Box<dyn Protocol>,
}

impl Bench {
    fn new(protocol: impl Protocol + 'static) -> Self {
        Self::with(Box::new(protocol), Conn::server())
    }

    /// The same with this downstream end.
    fn with(protocol: Box<dyn Protocol>, downstream: Conn) -> Self {
        let downstream = protocol.codec(downstream);
        Self::between(downstream, protocol)
    }

    fn between(downstream: Box<dyn Codec>, protocol: Box<dyn Protocol>) -> Self {
        let mut relay = Relay::new(Endpoint::new(downstream));
        let link = relay.connect(Endpoint::new(protocol.codec(Conn::client())), &protocol.traits());
        Self { relay, link, done: Vec::new(), refused: Vec::new(), closed: false, first: None, protocol }
    }

    /// Runs until nothing moves, sending every request upstream.
    fn run(&mut self) {
        self.run_with(|relay, link, exchange, head| relay.forward(exchange, link, head));
    }

    fn run_with(&mut self, mut decide: impl FnMut(&mut Relay, Link, ExchangeId, Head)) {
        loop {
            match self.relay.poll() {
                RelayStep::Request(exchange, head) => {
                    self.first.get_or_insert(exchange);
                    decide(&mut self.relay, self.link, exchange, head);
                }
                RelayStep::Done(done) => self.done.push(done),
                RelayStep::Refused(error) => self.refused.push(error),
                RelayStep::Idle => return,
                RelayStep::Closed => {
                    self.closed = true;
                    return;
                }
            }
        }
    }

    /// What the client sends; what the server then has received.
    fn ask(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.relay.downstream().input().extend_from_slice(bytes);
        self.run();
        self.upstream_received()
    }

    fn upstream_received(&mut self) -> Vec<u8> {
        self.relay.upstream(self.link).map(|end| end.output_mut().take()).unwrap_or_default()
    }

    /// What the server sends; what the client then has received.
    fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.relay.upstream(self.link).unwrap().input().extend_from_slice(bytes);
        self.run();
        self.received()
    }

    fn received(&mut self) -> Vec<u8> {
        self.relay.downstream().output_mut().take()
    }

    fn hang_up(&mut self) -> Vec<u8> {
        self.relay.upstream(self.link).unwrap().set_eof();
        self.run();
        self.received()
    }

    /// The outcomes a Dubbo client reads, by id.
    fn outcomes(&self, bytes: &[u8]) -> Vec<(u64, Outcome)> {
        let mut client = Endpoint::new(self.protocol.codec(Conn::client()));
        client.input().extend_from_slice(bytes);
        let mut outcomes = Vec::new();
        while let Step::Event(event) = client.decode().unwrap() {
            if let Event::Head(head) = event {
                outcomes.push((head.stream().id(), head.outcome()));
            }
        }
        outcomes
    }
}

fn call(id: u64) -> Vec<u8> {
    Call::new("com.example.Demo", "hello").head(id).bytes().to_vec()
}

fn value(id: u64) -> Vec<u8> {
    meshwire_dubbo::value(StreamId::new(id), "hi").bytes().to_vec()
}

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_malformed_response_is_502_to_the_client() {
    let mut bench = Bench::new(Http1::default());
    bench.ask(GET);
    let got = text(&bench.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc"));
    assert!(got.starts_with("HTTP/1.1 502 "), "{got}");
    assert!(bench.relay.upstream(bench.link).is_none(), "the upstream connection is not used again");
    assert_eq!((bench.done[0].outcome, bench.done[0].local), (Outcome::BadResponse, true));
}

#[test]
fn an_upstream_that_hangs_up_is_503_to_the_client() {
    let mut bench = Bench::new(Http1::default());
    bench.ask(GET);
    let got = text(&bench.hang_up());
    assert!(got.starts_with("HTTP/1.1 503 "), "{got}");
}

#[test]
fn an_answer_cut_short_closes_the_connection() {
    let mut bench = Bench::new(Http1::default());
    bench.ask(GET);
    bench.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    bench.hang_up();
    assert!(bench.closed, "the client must see that the answer is not whole");
}

#[test]
fn pipelined_answers_keep_the_order_of_their_requests() {
    let mut bench = Bench::new(Http1::default());
    let three = [&b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\n"[..], b"GET /2 HTTP/1.1\r\nHost: h\r\n\r\n", GET].concat();
    bench.relay.downstream().input().extend_from_slice(&three);
    // The second is answered here, long before the first.
    let mut n = 0;
    bench.run_with(|relay, link, exchange, head| {
        n += 1;
        match n {
            2 => relay.respond(exchange, &LocalReply::new(Outcome::NoRoute, "no such thing")),
            _ => relay.forward(exchange, link, head),
        }
    });
    assert_eq!(bench.received(), b"", "nothing may overtake the first answer");
    let got = text(&bench.answer(OK));
    assert!(got.starts_with("HTTP/1.1 200 OK") && got.contains("HTTP/1.1 404 "), "{got}");
    let got = text(&bench.answer(OK));
    assert!(got.starts_with("HTTP/1.1 200 OK"), "{got}");
    assert_eq!(bench.done.len(), 3);
}

#[test]
fn a_request_goes_up_as_it_came_and_its_answer_comes_back_so() {
    let mut bench = Bench::new(Dubbo::default());
    assert_eq!(bench.ask(&call(7)), call(7));
    assert_eq!(bench.answer(&value(7)), value(7));
    assert_eq!(bench.done[0].outcome, Outcome::Success);
}

#[test]
fn one_byte_at_a_time_changes_nothing() {
    let mut bench = Bench::new(Dubbo::default());
    let sent: Vec<u8> = [call(1), call(2)].concat();
    let up: Vec<u8> = sent.iter().flat_map(|byte| bench.ask(&[*byte])).collect();
    assert_eq!(up, sent);
    let answers = [value(2), value(1)].concat();
    let down: Vec<u8> = answers.iter().flat_map(|byte| bench.answer(&[*byte])).collect();
    assert_eq!(down, answers);
}

#[test]
fn a_client_that_uses_an_id_twice_harms_nobody() {
    let mut bench = Bench::new(Dubbo::default());
    let up = bench.ask(&[call(7), call(7)].concat());
    let ids: Vec<u64> =
        up.chunks(call(7).len()).map(|frame| u64::from_be_bytes(frame[4..12].try_into().unwrap())).collect();
    assert_eq!(ids[0], 7);
    assert_ne!(ids[1], 7, "two exchanges of one name cannot be told apart upstream");
    let down = bench.answer(&[value(ids[1]), value(ids[0])].concat());
    assert_eq!(down, [value(7), value(7)].concat());
}

#[test]
fn an_answer_nobody_waits_for_is_dropped() {
    let mut bench = Bench::new(Dubbo::default());
    bench.ask(&call(1));
    assert_eq!(bench.answer(&[value(99), value(1)].concat()), value(1));
}

#[test]
fn a_bad_body_gets_status_40_and_the_connection_goes_on() {
    let mut bench = Bench::new(Dubbo::default());
    let mut bad = call(2);
    bad[16] = 0x48; // a map where the version string belongs
    let up = bench.ask(&[call(1), bad, call(3)].concat());
    assert_eq!(up, [call(1), call(3)].concat());
    let down = bench.received();
    assert_eq!((down[3], &down[4..12]), (40, &2u64.to_be_bytes()[..]));
    assert_eq!(bench.refused.len(), 1);
    assert_eq!(bench.outcomes(&bench.answer_both()), [(1, Outcome::Success), (3, Outcome::Success)]);
    assert!(!bench.closed);
}

impl Bench {
    fn answer_both(&self) -> Vec<u8> {
        [value(1), value(3)].concat()
    }
}

#[test]
fn a_bad_magic_closes_the_connection_after_what_is_owed() {
    let mut bench = Bench::new(Dubbo::default());
    bench.ask(&[call(1), b"status\r\nand more of that kind".to_vec()].concat());
    assert_eq!(bench.refused[0].code, "telnet");
    assert_eq!(bench.refused[0].offset, call(1).len() as u64);
    assert!(!bench.closed, "the first call is still under way");
    assert_eq!(bench.answer(&value(1)), value(1));
    assert!(bench.closed);
}

#[test]
fn a_request_of_the_server_s_own_is_answered_and_costs_nobody_s_exchange() {
    let mut bench = Bench::new(Dubbo::default());
    let asked = bench.ask(&call(7));
    // As for an argument that is called back, under the very id that the client's request has upstream.
    let id = u64::from_be_bytes(asked[4..12].try_into().unwrap());
    assert!(bench.answer(&call(id)).is_empty());
    let answer = bench.upstream_received();
    assert_eq!((answer[2] & 0x80, answer[3]), (0, meshwire_dubbo::status::SERVICE_NOT_FOUND));
    assert_eq!(answer[4..12], asked[4..12]);
    assert_eq!(bench.answer(&value(id)), value(7), "the exchange is as it was");
    // Nor is an answer that a client gives to nobody.
    assert!(bench.ask(&value(9)).is_empty());
    assert!(bench.received().is_empty());
    assert_eq!(bench.refused.len(), 1);
}

#[test]
fn each_exchange_of_a_lost_connection_has_an_outcome_of_its_own() {
    let mut bench = Bench::new(Dubbo::default());
    bench.ask(&[call(1), call(2)].concat());
    bench.answer(&value(2));
    bench.ask(&call(3));
    let down = bench.hang_up();
    assert_eq!(bench.outcomes(&down), [(1, Outcome::Unavailable), (3, Outcome::Unavailable)]);
    assert_eq!(bench.done.len(), 3);
    assert_eq!(bench.relay.open(), 0);
}

#[test]
fn a_late_answer_is_a_timeout_and_then_nothing() {
    let mut bench = Bench::new(Dubbo::default());
    bench.relay.downstream().input().extend_from_slice(&call(1));
    bench.run_with(|relay, link, exchange, head| {
        relay.set_deadline(exchange, Duration::from_secs(3));
        relay.forward(exchange, link, head);
    });
    bench.relay.set_now(Duration::from_millis(2999));
    bench.run();
    assert_eq!(bench.received(), b"");
    assert_eq!(bench.relay.next_deadline(), Some(Duration::from_secs(3)));
    bench.relay.set_now(Duration::from_secs(3));
    bench.run();
    let down = bench.received();
    assert_eq!(bench.outcomes(&down), [(1, Outcome::Timeout)]);
    assert_eq!(bench.answer(&value(1)), b"", "too late");
    assert!(bench.relay.is_usable(bench.link), "the connection still serves others");
}

/// A request whose body is still coming when it is answered here, or when its answer has come, has no time to run out of.
#[test]
fn what_has_an_answer_gets_no_other_one_when_time_runs_out() {
    let mut long = call(1);
    let length = u32::try_from(long.len() - 16 + 200_000).unwrap();
    long[12..16].copy_from_slice(&length.to_be_bytes());
    long.extend_from_slice(&[0x10; 100_000]);
    type Answer = fn(&mut Bench) -> Vec<u8>;
    let by_the_upstream: Answer = |bench| bench.answer(&value(1));
    for (answer, outcome) in [(Bench::hang_up as Answer, Outcome::Unavailable), (by_the_upstream, Outcome::Success)] {
        let mut bench = Bench::new(Dubbo::default());
        bench.relay.downstream().input().extend_from_slice(&long);
        bench.run_with(|relay, link, exchange, head| {
            relay.set_deadline(exchange, Duration::from_secs(2));
            // The last one said counts.
            relay.set_deadline(exchange, Duration::from_secs(3));
            relay.forward(exchange, link, head);
        });
        let down = answer(&mut bench);
        assert_eq!(bench.outcomes(&down), [(1, outcome)]);
        assert_eq!(bench.relay.open(), 1, "the rest of the request is to come");
        assert_eq!(bench.relay.next_deadline(), None);
        bench.relay.set_deadline(bench.first.unwrap(), Duration::from_secs(3));
        assert_eq!(bench.relay.next_deadline(), None, "it is too late for one");
        bench.relay.set_now(Duration::from_secs(4));
        bench.run();
        assert_eq!(bench.received(), b"");
    }
}

/// A downstream end that refuses the first answer, and has no room for the second before it is told so.
struct Stubborn {
    inner: Box<dyn Codec>,
    answers: usize,
    has_room: Arc<AtomicBool>,
}

impl Codec for Stubborn {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if self.answers == 2 && self.has_room.load(Ordering::Relaxed) {
            self.answers += 1;
            return Ok(Step::Event(Event::Capacity { stream: None }));
        }
        self.inner.decode(input, cx)
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if self.answers < 2 {
            self.answers += 1;
        }
        match self.answers {
            1 => Err(EncodeError::Invalid { protocol: "stubborn", what: "the first answer" }),
            2 => Ok(Sent::Blocked),
            _ => self.inner.encode(event, cx),
        }
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        self.inner.reply(stream, reply)
    }

    fn state(&self) -> ConnState {
        self.inner.state()
    }

    fn stats(&self) -> &Stats {
        self.inner.stats()
    }
}

#[test]
fn an_answer_in_the_place_of_one_that_was_refused_is_the_only_one() {
    let has_room = Arc::new(AtomicBool::new(false));
    let inner = Dubbo::default().codec(Conn::server());
    let downstream = Box::new(Stubborn { inner, answers: 0, has_room: Arc::clone(&has_room) });
    let mut bench = Bench::between(downstream, Box::new(Dubbo::default()));
    bench.relay.downstream().input().extend_from_slice(&call(1));
    bench.run_with(|relay, link, exchange, head| {
        relay.set_deadline(exchange, Duration::from_secs(3));
        relay.forward(exchange, link, head);
    });
    // Of which more is to come: only a whole one is sure to be the answer.
    let mut long = value(1);
    let length = u32::try_from(long.len() - 16 + 200_000).unwrap();
    long[12..16].copy_from_slice(&length.to_be_bytes());
    long.extend_from_slice(&[0x10; 100_000]);
    assert_eq!(bench.answer(&long), b"", "what takes its place waits");
    assert_eq!((bench.relay.next_deadline(), bench.relay.open()), (None, 1));
    bench.relay.set_now(Duration::from_secs(4));
    has_room.store(true, Ordering::Relaxed);
    bench.run();
    let down = bench.received();
    assert_eq!(bench.outcomes(&down), [(1, Outcome::BadResponse)]);
    assert_eq!(bench.relay.open(), 0);
}

#[test]
fn each_exchange_runs_out_of_its_own_time() {
    let mut bench = Bench::new(Dubbo::default());
    for id in 1..=20 {
        bench.relay.downstream().input().extend_from_slice(&call(id));
    }
    let mut n = 0;
    bench.run_with(|relay, link, exchange, head| {
        n += 1;
        relay.set_deadline(exchange, Duration::from_secs(100));
        relay.set_deadline(exchange, Duration::from_secs(40 - n * 7 % 20));
        relay.forward(exchange, link, head);
    });
    for id in [3, 9] {
        assert_eq!(bench.answer(&value(id)), value(id));
    }
    let mut late = Vec::new();
    while let Some(at) = bench.relay.next_deadline() {
        bench.relay.set_now(at.saturating_sub(Duration::from_nanos(1)));
        bench.run();
        assert_eq!(bench.received(), b"", "too early");
        bench.relay.set_now(at);
        bench.run();
        let down = bench.received();
        late.extend(bench.outcomes(&down).into_iter().map(|(id, outcome)| {
            assert_eq!(outcome, Outcome::Timeout);
            (at.as_secs(), id)
        }));
    }
    let mut expected: Vec<_> = (1..=20).filter(|id| ![3, 9].contains(id)).map(|id| (40 - id * 7 % 20, id)).collect();
    expected.sort_unstable();
    assert_eq!(late, expected);
    assert_eq!(bench.relay.open(), 0);
}

#[test]
fn a_one_way_call_is_done_when_it_is_sent() {
    let mut bench = Bench::new(Dubbo::default());
    let note = Call::new("com.example.Demo", "note").one_way().head(5).bytes().to_vec();
    bench.relay.downstream().input().extend_from_slice(&note);
    bench.run_with(|relay, link, exchange, head| {
        relay.set_deadline(exchange, Duration::from_secs(3));
        relay.forward(exchange, link, head);
    });
    assert_eq!(bench.upstream_received(), note);
    assert_eq!(bench.relay.next_deadline(), None);
    assert_eq!((bench.done.len(), bench.done[0].outcome), (1, Outcome::Success));
    assert_eq!(bench.hang_up(), b"", "nobody is owed an answer");
}

#[test]
fn a_client_that_stops_sending_still_gets_its_answers() {
    for (protocol, asked, answered) in [
        (Box::new(Dubbo::default()) as Box<dyn Protocol>, call(1), value(1)),
        (Box::new(Http1::default()), GET.to_vec(), OK.to_vec()),
    ] {
        let mut bench = Bench::with(protocol, Conn::server());
        bench.relay.downstream().set_eof();
        bench.ask(&asked);
        assert!(!bench.closed);
        let got = bench.answer(&answered);
        assert!(got.ends_with(&answered[answered.len() - 2..]), "{}", text(&got));
        assert!(bench.closed);
    }
}

#[test]
fn a_request_cut_short_is_not_completed_upstream() {
    let mut bench = Bench::new(Dubbo::default());
    let mut long = call(1);
    let length = u32::try_from(long.len() - 16 + 200_000).unwrap();
    long[12..16].copy_from_slice(&length.to_be_bytes());
    long.extend_from_slice(&[0x10; 100_000]);
    let up = bench.ask(&long);
    assert_eq!(up.len(), long.len(), "a large message streams");
    bench.relay.downstream().set_eof();
    bench.run();
    assert!(bench.closed);
    assert!(bench.relay.upstream(bench.link).is_none(), "half a message leaves no way to send another one");
}

#[test]
fn data_of_a_request_answered_here_is_thrown_away_and_its_credit_given_back() {
    let mut bench = Bench::new(Dubbo::default());
    let mut long = call(1);
    let body = 10 * 1024 * 1024;
    let length = u32::try_from(long.len() - 16 + body).unwrap();
    long[12..16].copy_from_slice(&length.to_be_bytes());
    bench.relay.downstream().input().extend_from_slice(&long);
    bench.relay.downstream().input().extend_from_slice(&[0x10; 65_536]);
    bench.run_with(|relay, _, exchange, _| {
        relay.respond(exchange, &LocalReply::new(Outcome::NoRoute, "nobody serves this"));
    });
    for _ in 1..body / 65_536 {
        bench.relay.downstream().input().extend_from_slice(&[0x10; 65_536]);
        bench.run();
        assert_eq!(bench.relay.downstream().unread(), 0);
    }
    let down = bench.received();
    assert_eq!(bench.outcomes(&down), [(1, Outcome::NoRoute)]);
    assert_eq!(bench.ask(&call(2)), call(2));
}

/// Pieces of one byte are the dearest: what a client can make the proxy hold while nobody has decided is counted.
#[test]
fn what_waits_for_a_decision_is_bounded() {
    let mut bench = Bench::new(Http1::default());
    bench
        .relay
        .downstream()
        .input()
        .extend_from_slice(b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut asked = None;
    bench.run_with(|_, _, exchange, head| asked = Some((exchange, head)));
    let pieces = b"1\r\nx\r\n".repeat(20_000);
    bench.relay.downstream().input().extend_from_slice(&pieces);
    bench.run();
    let read = (pieces.len() - bench.relay.downstream().unread()).div_ceil(6);
    assert_eq!(read, 16 * 1024);
    let (exchange, head) = asked.unwrap();
    bench.relay.forward(exchange, bench.link, head);
    let up = bench.ask(b"0\r\n\r\n");
    assert_eq!(up.iter().filter(|byte| **byte == b'x').count(), 20_000);
}

#[test]
fn exchanges_under_way_are_bounded() {
    let mut limits = meshwire::Limits::default();
    limits.open = 3;
    let mut bench = Bench::with(Box::new(Dubbo::default()), Conn::server().with_limits(limits));
    let five: Vec<u8> = (1..=5).flat_map(call).collect();
    assert_eq!(bench.ask(&five), (1..=3).flat_map(call).collect::<Vec<_>>(), "the fourth waits for an answer");
    assert_eq!(bench.answer(&value(2)), value(2));
    assert_eq!(bench.upstream_received(), call(4));
    assert_eq!(bench.relay.open(), 3);
}

/// A client may outlive any number of upstream connections.
#[test]
fn lost_upstreams_leave_nothing_behind() {
    let mut bench = Bench::new(Http1::default());
    let mut links = std::collections::HashSet::new();
    for _ in 0..100 {
        bench.ask(GET);
        let got = bench.answer(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        assert!(got.ends_with(b"ok"));
        assert!(bench.relay.upstream(bench.link).is_none());
        assert!(links.insert(bench.link), "a name that comes again could be taken for the old connection");
        let traits = bench.protocol.traits();
        bench.link = bench.relay.connect(Endpoint::new(bench.protocol.codec(Conn::client())), &traits);
    }
    assert_eq!((bench.done.len(), bench.relay.open()), (100, 0));
}

/// A frame of the multiplexed toy.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind, flags, length[0], length[1], 0, 0, 0, stream], payload].concat()
}

/// RFC 9113, section 8.1: a server may answer in full, then say that it wants no more of the request.
#[test]
fn a_reset_behind_a_whole_answer_takes_nothing_of_it_away() {
    let (head, data, reset, window, settings) = (0, 1, 2, 3, 6);
    let (end, no_error) = (1, 4);
    let mut bench = Bench::new(meshwire::testkit::toy::Mux);
    bench.answer(&frame(settings, 0, 0, &[0, 9, 0, 1, 0, 0]));
    let narrow = frame(settings, 0, 0, &[0, 9, 0, 0, 0, 40]);
    let ask = [&b"TMUX"[..], &narrow, &frame(head, 0, 1, b"\x01s\x01m")].concat();
    assert!(bench.ask(&ask).ends_with(b"\x01s\x01m"));
    let up = 1;
    let whole = [frame(head, 0, up, b"\0"), frame(data, end, up, &[b'x'; 100]), frame(reset, 0, up, &[no_error])];
    let first = bench.answer(&whole.concat());
    assert_eq!(first.iter().filter(|byte| **byte == b'x').count(), 40);
    assert!(!first.ends_with(&frame(reset, 0, 1, &[no_error])) && bench.done.is_empty());

    // What comes of the request all the same goes nowhere.
    assert_eq!(bench.ask(&frame(data, 0, 1, b"more")), b"");
    bench.ask(&[frame(window, 0, 1, &[0, 0, 1, 0]), frame(window, 0, 0, &[0, 0, 1, 0])].concat());
    let rest = bench.received();
    assert_eq!(rest.iter().filter(|byte| **byte == b'x').count(), 60);
    assert!(rest.ends_with(&frame(reset, 0, 1, &[no_error])), "{}", rest.escape_ascii());
    assert_eq!((bench.done[0].outcome, bench.relay.open()), (Outcome::Success, 0));
}

/// A gRPC call is cancelled when its request has long been sent.
#[test]
fn a_request_that_has_ended_can_be_taken_back() {
    let (head, end, data, reset, settings) = (0, 1, 1, 2, 6);
    for answered in [false, true] {
        let mut bench = Bench::new(meshwire::testkit::toy::Mux);
        bench.answer(&frame(settings, 0, 0, &[0, 9, 0, 1, 0, 0]));
        let client = [&b"TMUX"[..], &frame(settings, 0, 0, &[0, 9, 0, 1, 0, 0]), &frame(head, end, 1, b"\x01s\x01m")];
        bench.ask(&client.concat());
        if answered {
            bench.answer(&[frame(head, 0, 1, b"\0"), frame(data, 0, 1, b"some")].concat());
        }
        let up = bench.ask(&frame(reset, 0, 1, &[0]));
        assert!(up.ends_with(&frame(reset, 0, 1, &[0])), "{}", up.escape_ascii());
        assert_eq!((bench.done[0].outcome, bench.relay.open()), (Outcome::Cancelled, 0));
    }
}

/// What waits for credit when its exchange ends before its time is thrown away, that of others is not.
#[test]
fn what_waits_goes_with_its_exchange() {
    let (head, data, reset, window, settings) = (0, 1, 2, 3, 6);
    let (narrow, wide) = (frame(settings, 0, 0, &[0, 9, 0, 0, 0, 40]), frame(settings, 0, 0, &[0, 9, 0, 1, 0, 0]));
    let open = |stream| [frame(window, 0, stream, &[0, 0, 1, 0]), frame(window, 0, 0, &[0, 0, 1, 0])].concat();
    let sent = |bytes: &[u8], letter| bytes.iter().filter(|byte| **byte == letter).count();

    // Answers.
    let mut bench = Bench::new(meshwire::testkit::toy::Mux);
    bench.answer(&wide);
    let asked = [frame(head, 1, 1, b"\x01s\x01m"), frame(head, 1, 3, b"\x01s\x01m")];
    bench.ask(&[&b"TMUX"[..], &narrow, &asked[0], &asked[1]].concat());
    let answers = [1, 3].map(|up| [frame(head, 0, up, b"\0"), frame(data, 1, up, &[b'w' + up; 100])].concat());
    let down = bench.answer(&answers.concat());
    assert_eq!((sent(&down, b'w' + 1), sent(&down, b'w' + 3)), (40, 40));
    bench.ask(&frame(reset, 0, 1, &[0]));
    assert_eq!(bench.relay.open(), 1, "nothing is left of the one");
    bench.ask(&open(3));
    let down = bench.received();
    assert_eq!((sent(&down, b'w' + 1), sent(&down, b'w' + 3)), (0, 60));
    assert_eq!(bench.relay.open(), 0);

    // Requests.
    let mut bench = Bench::new(meshwire::testkit::toy::Mux);
    bench.answer(&narrow);
    let asked =
        [1, 3].map(|down| [frame(head, 0, down, b"\x01s\x01m"), frame(data, 1, down, &[b'w' + down; 100])].concat());
    let up = bench.ask(&[&b"TMUX"[..], &wide, &asked.concat()].concat());
    assert_eq!((sent(&up, b'w' + 1), sent(&up, b'w' + 3)), (40, 40));
    bench.ask(&frame(reset, 0, 1, &[0]));
    assert_eq!(bench.relay.open(), 1, "nothing is left of the one");
    let answer = bench.answer(&open(3));
    assert_eq!(answer, b"");
    let up = bench.upstream_received();
    assert_eq!((sent(&up, b'w' + 1), sent(&up, b'w' + 3)), (0, 60));
    bench.answer(&frame(head, 1, 3, b"\0"));
    assert_eq!(bench.relay.open(), 0);
}

#[test]
fn an_answer_cut_without_an_error_is_cut_all_the_same() {
    let (head, reset, settings) = (0, 2, 6);
    let (internal, no_error) = (3, 4);
    let mut bench = Bench::new(meshwire::testkit::toy::Mux);
    bench.answer(&frame(settings, 0, 0, &[0, 9, 0, 1, 0, 0]));
    let client = [&b"TMUX"[..], &frame(settings, 0, 0, &[0, 9, 0, 1, 0, 0]), &frame(head, 1, 1, b"\x01s\x01m")];
    bench.ask(&client.concat());
    let down = bench.answer(&[frame(head, 0, 1, b"\0"), frame(reset, 0, 1, &[no_error])].concat());
    assert!(down.ends_with(&frame(reset, 0, 1, &[internal])), "{}", down.escape_ascii());
}

#[test]
fn trailers_and_their_outcome_pass() {
    let mut bench = Bench::new(Http1::default());
    let trailers = b"0\r\nX-Sum: 7\r\n\r\n";
    let ask = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(bench.ask(&[&ask[..], trailers].concat()), [&ask[..], trailers].concat());
    let answer = [&b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..], trailers].concat();
    assert_eq!(bench.answer(&answer), answer);
    assert_eq!(bench.done[0].outcome, Outcome::Success, "trailers without one leave the head's");
}

#[test]
fn an_upstream_waits_from_when_it_was_connected() {
    let http = meshwire_http2::Http2::default();
    let mut relay = Relay::new(Endpoint::new(Http1::default().codec(Conn::server())));
    let now = Duration::from_secs(3600);
    relay.set_now(now);
    let link = relay.connect(Endpoint::new(http.codec(Conn::client())), &http.traits());
    let _ = relay.poll();
    assert!(relay.next_deadline().is_none_or(|at| at > now), "{:?}", relay.next_deadline());
    relay.set_now(now + Duration::from_secs(1));
    let _ = relay.poll();
    assert!(relay.upstream(link).is_some_and(|end| !end.codec().state().close));
}

#[test]
fn what_is_answered_here_leaves_the_window_as_it_was() {
    let mut bench = Bench::new(Dubbo::default());
    let text = "x".repeat(10_000);
    let call = Call::new("com.example.Greeter", "hello").with_arg(&text);
    for id in 0..100 {
        bench.relay.downstream().input().extend_from_slice(call.head(id).bytes());
        bench.run_with(|relay, _, exchange, _| relay.respond(exchange, &LocalReply::new(Outcome::Denied, "no")));
        let answered = bench.received();
        assert_eq!(bench.outcomes(&answered).len(), 1, "request {id}");
    }
    assert_eq!(bench.relay.open(), 0);
}

/// Attachments are added to a message that streams in the place of its last byte. Where that turns out to be something else,
/// the message is broken off, and every other exchange on that connection has an outcome of its own.
#[test]
fn a_stream_that_cannot_be_edited_after_all_costs_its_connection_and_no_other_exchange_its_outcome() {
    let mut bench = Bench::new(Dubbo::default());
    bench.ask(&call(1));
    // One argument, a string in pieces, and nothing where the attachments should be.
    let front = Call::new("com.example.Demo", "hello").with_arg("").head(2).bytes().to_vec();
    let front = front.strip_suffix(b"\x00HZ").unwrap();
    let mut long = front.to_vec();
    for _ in 0..6 {
        long.extend_from_slice(b"R\x80\x00");
        long.extend_from_slice(&[b'x'; 0x8000]);
    }
    long.extend_from_slice(b"\x00\x00\x00");
    let length = u32::try_from(long.len() - 16).unwrap();
    long[12..16].copy_from_slice(&length.to_be_bytes());
    let (most, rest) = long.split_at(long.len() - 10_000);
    bench.relay.downstream().input().extend_from_slice(most);
    bench.run_with(|relay, link, exchange, mut head| {
        head.set_field(b"tenant", b"red").unwrap();
        relay.forward(exchange, link, head);
    });
    let up = bench.upstream_received();
    assert!(up.len() > 64 * 1024 && bench.received().is_empty(), "it streams");
    // What comes behind it waits, and goes on another connection.
    bench.relay.downstream().input().extend_from_slice(&[rest, &call(3)].concat());
    let traits = bench.protocol.traits();
    let old = bench.link;
    bench.link = bench.relay.connect(Endpoint::new(bench.protocol.codec(Conn::client())), &traits);
    bench.run();
    assert!(bench.relay.upstream(old).is_none(), "half a message leaves no way to send another one");
    let down = bench.received();
    let mut outcomes = bench.outcomes(&down);
    outcomes.sort_by_key(|(id, _)| *id);
    assert_eq!(outcomes, [(1, Outcome::Unavailable), (2, Outcome::BadRequest)]);
    assert!(down.windows(12).any(|head| head == [&[0xda, 0xbb, 0x02, 40][..], &2u64.to_be_bytes()].concat()));
    assert!(!bench.closed);
    assert_eq!(bench.upstream_received(), call(3));
    assert_eq!(bench.answer(&value(3)), value(3));
    assert_eq!((bench.relay.open(), bench.done.len()), (0, 3));
}

#[test]
fn an_attachment_is_added_to_a_request_that_streams_through() {
    let mut bench = Bench::new(Dubbo::default());
    let text = "x".repeat(300_000);
    let plain = Call::new("com.example.Demo", "hello").with_arg(&text);
    let long = plain.head(1).bytes().to_vec();
    let wanted = plain.clone().with_attachment("tenant", "red").head(1).bytes().to_vec();
    let mut up = Vec::new();
    for piece in long.chunks(10_000) {
        bench.relay.downstream().input().extend_from_slice(piece);
        bench.run_with(|relay, link, exchange, mut head| {
            head.set_field(b"tenant", b"red").unwrap();
            relay.forward(exchange, link, head);
        });
        up.extend(bench.upstream_received());
    }
    assert!(up == wanted);
    assert_eq!(bench.answer(&value(1)), value(1));
}

/// Servers run what the attachments name; the route is by what stands in front.
#[test]
fn a_contradiction_between_front_and_attachments_gets_status_40_and_the_connection_goes_on() {
    let depth = meshwire::Depth::ROUTE.with_field("tenant");
    let mut bench = Bench::with(Box::new(Dubbo::default()), Conn::server().with_depth(depth));
    let demo = Call::new("com.example.Demo", "hello").with_version("1.0.0");
    let good = demo.clone().with_attachment("path", "com.example.Demo").with_attachment("version", "1.0.0");
    let mut asked = Vec::new();
    for (id, name, value) in
        [(1, "path", "com.example.Admin"), (2, "version", "2"), (3, "interface", "com.example.Admin")]
    {
        asked.extend_from_slice(demo.clone().with_attachment(name, value).head(id).bytes());
    }
    asked.extend_from_slice(good.head(4).bytes());
    assert_eq!(bench.ask(&asked), good.head(4).bytes().to_vec());
    let down = bench.received();
    let refused = [1, 2, 3].map(|id| (id, Outcome::BadRequest));
    assert_eq!(bench.outcomes(&down), refused);
    assert_eq!((bench.refused.len(), bench.closed), (3, false));
    assert_eq!(bench.answer(&value(4)), value(4));
}
