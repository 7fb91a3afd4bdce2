//! `resp`: Redis, RESP2 and RESP3, as a codec written by hand on the public API; header lines are read with nom.
//!
//! A RESP wire has no ids: answers come in the order of their requests. A command such as `GET users:42` names the
//! service `users` by its key, and the method `GET`. The key is the first argument; a command that has none there, and a
//! key without a prefix, belong to the service `redis`.
//!
//! * **Structure is counted, not built.** How many elements of a message are still to come is one number, whatever they
//!   are nested in: memory does not depend on the message, and there is no recursion. Messages up to `Limits::whole`
//!   come in one piece, larger ones stream.
//! * **What breaks "one answer for one command" is a tunnel**: from `SUBSCRIBE`, `MONITOR`, `CLIENT TRACKING`, `CLIENT
//!   REPLY`, `PSYNC`, `QUIT` on, bytes pass both ways until either side ends. Commands in there are not routed.
//! * **Pushes** of RESP3 outside of a tunnel go to the oldest open request as interim answers; while there is none, they
//!   wait.
//! * **Empty commands** (`*0`) are skipped as the server skips them: it does not answer them, and each would shift every
//!   later answer by one.
//! * **Inline commands** are refused: whoever does not take quotes apart exactly as the server does routes by another
//!   key than the server serves. A refused command costs the connection, as with Redis.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use meshwire::frame::{Fault, Parse};
use meshwire::{
    Attribute, Body, Codec, Conn, ConnState, Correlation, Cx, DecodeError, Detection, EncodeError, Event, Head,
    HeadFormat, Kind, Limit, Limits, LocalReply, Outcome, Protocol, ProtocolTraits, Role, Sent, Stats, Step, StreamId,
};
use nom::bytes::{complete::tag, streaming};
use nom::character::complete::{one_of, u64 as number};
use nom::combinator::{all_consuming, rest, value};
use nom::{IResult, Parser, branch::alt, sequence::preceded};

const NAME: &str = "redis";

static HEAD: HeadFormat = HeadFormat::new(NAME, NAME).without(&Attribute::ALL);

// ----- the grammar -----

/// The first line of an element: how many bytes of text follow, with the line end behind them, and how many elements.
fn element(line: &[u8]) -> IResult<&[u8], (u64, u64)> {
    let null = || value((0, 0), tag("-1"));
    alt((
        preceded(one_of("$!="), alt((null(), number.map(|n| (n.saturating_add(2), 0))))),
        preceded(one_of("*~>"), alt((null(), number.map(|n| (0, n))))),
        preceded(tag("%"), number.map(|pairs| (0, pairs.saturating_mul(2)))),
        // Attributes, and behind them the element they describe.
        preceded(tag("|"), number.map(|pairs| (0, pairs.saturating_mul(2).saturating_add(1)))),
        value((0, 0), (one_of("+-:,#(_"), rest)),
    ))
    .parse(line)
}

/// A scan of one message, which goes on where it stopped.
#[derive(Default)]
struct Scan {
    begun: bool,
    /// How far it came, and where to look for the end of the line there.
    at: usize,
    searched: usize,
    /// Elements to come, and bytes of text and its line end.
    left: u64,
    text: u64,
    /// Where the first arguments of a command lie, as many as routing looks at.
    args: Vec<Range<usize>>,
}

impl Scan {
    const fn is_done(&self) -> bool {
        self.begun && self.left == 0 && self.text == 0
    }

    /// Goes on over what is there; the message is `Done`, or worth another look at so many bytes.
    fn run(&mut self, seen: &[u8], server: bool, longest: usize) -> Result<Parse<()>, Fault> {
        loop {
            // What stands behind a text is not looked at, as Redis does not.
            let text = usize::try_from(self.text).unwrap_or(usize::MAX);
            let n = text.min(seen.len().saturating_sub(self.at));
            (self.at, self.text) = (self.at.saturating_add(n), self.text.saturating_sub(n as u64));
            if n < text {
                return Ok(Parse::Need(self.at.saturating_add(text.saturating_sub(n))));
            } else if self.is_done() {
                return Ok(Parse::Done(()));
            }
            let (at, from) = (self.at, self.at.max(self.searched));
            let found = memchr::memchr(b'\n', seen.get(from..).unwrap_or_default());
            self.searched = found.map_or(seen.len(), |n| from.saturating_add(n));
            let line = seen.get(at..self.searched).unwrap_or_default();
            if line.len() > longest {
                return Err(Fault::limit(Limit::Head, "a line is too long", at));
            } else if found.is_none() {
                return Ok(Parse::Need(seen.len().saturating_add(1)));
            }
            let line = line.strip_suffix(b"\r").ok_or(Fault::new("line_end", "a line ends with CR LF", at))?;
            let first = !std::mem::replace(&mut self.begun, true);
            self.at = self.searched.saturating_add(1);
            match (server && !line.is_empty(), first, line) {
                (true, true, [b'*', ..]) | (true, false, [b'$', b'0'..=b'9', ..]) | (false, _, [_, ..]) => {}
                (false, true, []) if server => continue,
                _ => return Err(Fault::new("command", "a command is an array of bulk strings", at)),
            }
            if let Parse::Done(((text, many), _)) = meshwire::nom::parse(all_consuming(element), line, "no such type")?
            {
                self.text = text;
                self.left = self.left.saturating_sub(1).saturating_add(many);
            }
            if server && self.args.len() < 2 && self.text > 0 {
                let len = usize::try_from(self.text).unwrap_or(usize::MAX).saturating_sub(2);
                self.args.push(self.at..self.at.saturating_add(len));
            }
        }
    }
}

// ----- what commands mean -----

/// Commands whose first argument is no key; some have one further behind.
const KEYLESS: &str = "ACL AUTH BGSAVE BITOP BLMPOP BZMPOP CLIENT CLUSTER COMMAND CONFIG DEBUG ECHO EVAL EVALSHA EVALSHA_RO \
    EVAL_RO FAILOVER FCALL FCALL_RO FLUSHALL FLUSHDB FUNCTION HELLO INFO KEYS LATENCY LMPOP MEMORY MODULE OBJECT PING \
    PUBLISH PUBSUB REPLICAOF SCAN SCRIPT SELECT SINTERCARD SLAVEOF SLOWLOG SPUBLISH SWAPDB WAIT WAITAOF XGROUP XINFO \
    XREAD XREADGROUP ZDIFF ZINTER ZINTERCARD ZMPOP ZUNION";

/// Commands behind which the connection is no longer one answer for one command.
const TUNNELS: &str = "MONITOR PSUBSCRIBE PSYNC PUNSUBSCRIBE QUIT SHUTDOWN SSUBSCRIBE SUBSCRIBE SUNSUBSCRIBE SYNC \
    UNSUBSCRIBE CLIENT.REPLY CLIENT.TRACKING";

fn is_in(list: &str, word: &[u8]) -> bool {
    list.split_ascii_whitespace().any(|known| known.as_bytes() == word)
}

/// What an answer says. Errors begin with a word for programs; local replies put the name of their outcome there.
fn outcome_of(answer: &[u8]) -> Outcome {
    let Some(text) = answer.strip_prefix(b"-") else {
        return if answer.starts_with(b"!") { Outcome::Exception } else { Outcome::Success };
    };
    let word = text.split(u8::is_ascii_whitespace).next().map(String::from_utf8_lossy).unwrap_or_default();
    match &*word.to_ascii_lowercase() {
        "noauth" | "noperm" | "wrongpass" => Outcome::Denied,
        "busy" | "oom" => Outcome::Overloaded,
        "clusterdown" | "loading" | "masterdown" | "tryagain" => Outcome::Unavailable,
        word => Outcome::from_name(word).unwrap_or(Outcome::Exception),
    }
}

fn answer(kind: Kind, stream: StreamId, bytes: Bytes, end: bool) -> Head {
    let mut head = Head::new(&HEAD, kind, stream, bytes);
    head.set_outcome(outcome_of(head.bytes()));
    head.set_data_at(0);
    head.set_end(end);
    head
}

// ----- the codec -----

/// One end of one connection. Streams are named by their place in the order: `closed..opened` are open.
#[derive(Default)]
struct Resp {
    server: bool,
    limits: Arc<Limits>,
    opened: u64,
    closed: u64,
    /// The messages under way, whose heads are out: from the peer, and to it. A tunnel is one that does not end.
    rx: Option<StreamId>,
    tx: Option<StreamId>,
    tunnel: Option<StreamId>,
    scan: Scan,
    /// Bytes that must be there before another look.
    need: usize,
    unreleased: usize,
    /// An event was refused; the way has become free since.
    refused: bool,
    freed: bool,
    failed: Option<DecodeError>,
    close: bool,
    stats: Stats,
}

impl Resp {
    const fn open(&self) -> usize {
        self.opened.saturating_sub(self.closed) as usize
    }

    /// Whether what comes next is a tunnel's.
    fn is_raw(&self) -> bool {
        let begins = |tunnel: StreamId| !self.server && self.rx.is_none() && tunnel.id() == self.closed;
        self.tunnel.is_some_and(|tunnel| self.rx == Some(tunnel) || begins(tunnel))
    }

    fn step(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>, eof: bool) -> Result<Step, DecodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        } else if self.refused && self.freed {
            self.refused = false;
            return Ok(Step::Event(Event::Capacity { stream: None }));
        }
        loop {
            let (raw, fresh) = (self.is_raw(), self.rx.is_none());
            if fresh && !self.scan.begun {
                self.stats.message_at = self.stats.bytes_in;
            }
            if input.len() < self.need.max(1) && !self.scan.is_done() {
                return match self.rx.filter(|_| raw) {
                    _ if !eof => Ok(Step::need(self.need.saturating_sub(input.len()))),
                    Some(stream) => Ok(self.hand_over(Event::Body(Body { stream, data: Bytes::new(), end: true }))),
                    None if !self.state().receiving => Ok(Step::Closed),
                    None => Err(self.fail(Fault::new("truncated", "the end came inside a message", input.len()), cx)),
                };
            }
            let unasked = !self.server && fresh && self.open() == 0;
            if unasked && self.opened > 0 && !input.starts_with(b">") {
                return Err(self.fail(Fault::new("unasked", "an answer that nobody asked for", 0), cx));
            }
            let pipelined = self.server && fresh && self.open() >= self.limits.pipelined;
            if unasked || pipelined || self.unreleased >= self.limits.window {
                return Ok(Step::Paused);
            }
            let (most, limit) = (if fresh && !raw { self.limits.whole } else { 0 }, self.limits.message);
            // To a scan, a tunnel is text.
            self.scan.text = if raw { input.len() as u64 } else { self.scan.text };
            let parsed = self.scan.run(input, self.server, self.limits.head);
            let before = self.stats.bytes_in.saturating_sub(self.stats.message_at);
            let size = before.saturating_add(self.scan.at as u64).saturating_add(self.scan.text);
            let done = match parsed.map_err(|fault| self.fail(fault, cx))? {
                _ if limit.is_some_and(|limit| size > limit && !raw) => {
                    return Err(self.fail(Fault::limit(Limit::Message, "the message is too large", 0), cx));
                }
                Parse::Need(n) if self.scan.at == 0 || input.len() <= most => {
                    self.need = n.min(most.saturating_add(1)).max(input.len().saturating_add(1));
                    continue;
                }
                parsed => parsed == Parse::Done(()),
            };
            let event = match self.rx {
                _ if self.server && fresh && done && self.scan.args.is_empty() => {
                    self.take(input, true);
                    continue;
                }
                Some(stream) => Event::Body(Body { stream, data: self.take(input, done), end: done }),
                None => Event::Head(self.head(input, done, raw).map_err(|fault| self.fail(fault, cx))?),
            };
            return Ok(self.hand_over(event));
        }
    }

    /// What was scanned leaves the input; `done`: the message ends there.
    fn take(&mut self, input: &mut BytesMut, done: bool) -> Bytes {
        let data = input.split_to(self.scan.at.min(input.len())).freeze();
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(data.len() as u64);
        self.scan.searched = self.scan.searched.saturating_sub(data.len());
        (self.scan.at, self.need) = (0, 0);
        if done {
            self.scan = Scan::default();
        }
        data
    }

    fn hand_over(&mut self, event: Event) -> Step {
        let interim = matches!(&event, Event::Head(head) if head.kind() == Kind::Interim);
        self.rx = event.stream().filter(|_| !event.is_end());
        self.unreleased = self.unreleased.saturating_add(event.data_len());
        self.closed = self.closed.saturating_add((!self.server && event.is_end() && !interim).into());
        self.stats.messages_in = self.stats.messages_in.saturating_add(matches!(event, Event::Head(_)).into());
        Step::Event(event)
    }

    /// The head of the message at the front, of which all is there or more than [`Limits::whole`].
    fn head(&mut self, input: &mut BytesMut, done: bool, raw: bool) -> Result<Head, Fault> {
        let whole = self.limits.whole;
        let end = done && self.scan.at <= whole;
        let far = Fault::limit(Limit::Head, "what must be seen at once lies too far behind", self.scan.at);
        if !self.server {
            let push = !raw && input.starts_with(b">");
            if push && !end {
                return Err(far);
            }
            let kind = if push { Kind::Interim } else { Kind::Response };
            return Ok(answer(kind, StreamId::new(self.closed), self.take(input, end), end));
        }
        let args = std::mem::take(&mut self.scan.args);
        // No further than that, whatever the buffer happens to hold.
        let arg = |n: usize| args.get(n).filter(|arg| arg.end <= whole).cloned().ok_or(far);
        let upper = |arg: Range<usize>| input.get(arg).unwrap_or_default().to_ascii_uppercase();
        let (method, command) = (arg(0)?, upper(arg(0)?));
        let keyed = !is_in(KEYLESS, &command) && (!end || args.len() > 1);
        let key = if keyed { arg(1)? } else { method.end..method.end };
        let both = [&command, arg(1).map(upper).unwrap_or_default().as_slice()].join(&b'.');
        let tunnel = is_in(TUNNELS, &command) || is_in(TUNNELS, &both);
        let (stream, bytes) = (StreamId::new(self.opened), self.take(input, end || tunnel));
        let mut head = Head::new(&HEAD, Kind::Request, stream, bytes);
        head.set_data_at(key.end);
        match head.bytes().get(key.clone()).and_then(|key| memchr::memchr(b':', key)) {
            Some(n) => head.set_span(Attribute::Service, key.start..key.start.saturating_add(n)),
            None => head.set_owned(Attribute::Service, b"redis"),
        }
        head.set_owned(Attribute::Method, &command);
        head.set_end(end && !tunnel);
        // For the codec that writes it.
        head.set_note(tunnel.into());
        (self.opened, self.tunnel) = (self.opened.saturating_add(1), tunnel.then_some(stream));
        Ok(head)
    }

    #[cold]
    fn fail(&mut self, fault: Fault, cx: &mut Cx<'_>) -> DecodeError {
        let outcome = if self.server { fault.outcome } else { Outcome::BadResponse };
        let error = DecodeError::new(NAME, fault.code, fault.detail, meshwire::Scope::Connection).with_outcome(outcome);
        let mut error = error.at(self.stats.bytes_in.saturating_add(fault.at as u64), self.stats.message_at);
        error.limit = fault.limit.inspect(|limit| self.stats.trip(*limit));
        // Answers that are owed come first; behind them the connection closes without a word.
        self.close |= !self.server || self.open() == 0;
        error.replied = self.server && self.close;
        if error.replied {
            cx.output().put(format!("-ERR Protocol error: {}\r\n", fault.detail).as_bytes());
        }
        self.failed.insert(error).clone()
    }

    /// A message to the peer goes on, or has ended.
    fn sent(&mut self, stream: StreamId, end: bool, answers: bool) {
        self.tx = (!end).then_some(stream);
        self.freed |= end;
        self.closed = self.closed.saturating_add((self.server && end && answers).into());
        self.close |= self.failed.is_some() && self.open() == 0;
    }
}

impl Codec for Resp {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        self.step(input, cx, false)
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        self.step(input, cx, true)
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let open = self.closed..self.opened;
        match event {
            Event::Head(head) => {
                let stream = head.stream();
                if !std::ptr::eq(head.format(), &HEAD) {
                    return Err(EncodeError::Foreign { from: head.protocol(), to: NAME });
                } else if head.kind().is_request() == self.server || (!self.server && self.tunnel.is_some()) {
                    return Err(EncodeError::Refused("requests come from a client, until a tunnel begins"));
                } else if self.server && !open.contains(&stream.id()) {
                    return Err(EncodeError::NotOpen(stream));
                } else if self.tx.is_some() || (self.server && stream.id() != self.closed) {
                    // One that was refused before this one may have become possible since.
                    (self.refused, self.freed) = (true, self.refused && self.freed);
                    return Ok(Sent::Blocked);
                }
                if !self.server {
                    head.set_stream(StreamId::new(self.opened));
                    self.opened = self.opened.saturating_add(1);
                    self.tunnel = Some(head.stream()).filter(|_| head.note() > 0);
                }
                self.stats.messages_out = self.stats.messages_out.saturating_add(1);
                cx.output().put_bytes(head.bytes().clone());
                self.sent(head.stream(), head.is_end(), head.kind() != Kind::Interim);
            }
            Event::Body(body) if self.tx == Some(body.stream) => {
                cx.output().put_bytes(std::mem::take(&mut body.data));
                self.sent(body.stream, body.end, true);
            }
            Event::Body(body) => return Err(EncodeError::NotOpen(body.stream)),
            Event::Trailers(_) | Event::Extension(_) | Event::Switch(_) => {
                return Err(EncodeError::NoPlace { protocol: NAME, what: "such an event" });
            }
            // The wire cannot say it. A request that is out is answered, and its holder throws the answer away.
            Event::Reset(it) => {
                self.close |= self.tx == Some(it.stream) || (self.server && open.contains(&it.stream.id()))
            }
            _ => {}
        }
        Ok(Sent::All)
    }

    fn state(&self) -> ConnState {
        let mut state = ConnState::default();
        state.receiving = !self.is_raw() && (self.rx.is_some() || self.scan.begun || self.need > 1);
        state.sending = self.tx.is_some();
        state.open = self.open();
        state.draining = self.tunnel.is_some() || self.failed.is_some() || self.close;
        state.close = self.close;
        state.tunnel = self.is_raw();
        state.ended = self.tunnel.is_some() && self.tx.is_none() && (!self.server || self.open() == 0);
        state
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        let (word, text) = (reply.outcome.name().to_ascii_uppercase(), reply.message.replace(['\r', '\n'], " "));
        let line = if reply.outcome == Outcome::Success { "+OK\r\n".into() } else { format!("-{word} {text}\r\n") };
        Some(Event::Head(answer(Kind::Response, stream, line.into(), true)))
    }

    fn capacity(&self, stream: StreamId) -> usize {
        let turn = !self.server || stream.id() == self.closed;
        if turn && self.tx.is_none_or(|tx| tx == stream) { usize::MAX } else { 0 }
    }

    fn release(&mut self, _: StreamId, n: usize, _: &mut Cx<'_>) {
        self.unreleased = self.unreleased.saturating_sub(n);
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }
}

struct Redis;

impl Protocol for Redis {
    fn name(&self) -> &'static str {
        NAME
    }

    fn detect(&self, prefix: &[u8]) -> Detection {
        let count = streaming::take_while_m_n(1, 7, |byte: u8| byte.is_ascii_digit());
        let first = (streaming::tag("*"), count, streaming::tag("\r\n$"));
        match meshwire::nom::parse(first, prefix, "a command is an array of bulk strings") {
            Ok(Parse::Done(_)) => Detection::Yes,
            Ok(Parse::Need(n)) => Detection::NeedMore(n),
            Err(_) => Detection::No,
        }
    }

    fn traits(&self) -> ProtocolTraits {
        let mut traits = ProtocolTraits::new(Correlation::Ordered, NAME);
        traits.verbatim = true;
        traits
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        Box::new(Resp { server: conn.role == Role::Server, limits: conn.limits, ..Resp::default() })
    }
}

// ----- the codec ends here; what follows shows it at work -----

mod common;

use meshwire::RoutingKey;

fn main() -> std::process::ExitCode {
    common::run("resp", std::sync::Arc::new(Redis), demo)
}

fn demo() -> Result<(), common::Failed> {
    let requests = b"*3\r\n$3\r\nSET\r\n$8\r\nusers:42\r\n$3\r\nAda\r\n*2\r\n$3\r\nGET\r\n$9\r\nsecrets:1\r\n\
        *2\r\n$3\r\nget\r\n$8\r\nusers:42\r\n*2\r\n$3\r\nTTL\r\n$9\r\norders:17\r\n*1\r\n$4\r\nPING\r\n";
    println!("Five commands, sent at once: SET, GET of a key that is not given out, get, TTL, PING.\n");
    let received = common::demo(&Redis, requests, |head| match head.attribute(Attribute::Method).value() {
        Some(b"GET") => b"$3\r\nAda\r\n".into(),
        Some(b"TTL") => b":3600\r\n".into(),
        Some(b"PING") => b"+PONG\r\n".into(),
        _ => b"+OK\r\n".into(),
    })?;
    println!("\nWhat the client was told, in the order it asked:\n\n{}", String::from_utf8_lossy(&received));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use meshwire::testkit::{Check, Kit, Sample};
    use meshwire::{Endpoint, Relay, RelayStep};

    fn command(args: &[&[u8]]) -> Vec<u8> {
        let mut out = format!("*{}\r\n", args.len()).into_bytes();
        for arg in args {
            out.extend([format!("${}\r\n", arg.len()).as_bytes(), arg, b"\r\n"].concat());
        }
        out
    }

    #[test]
    fn conforms() {
        let requests = [
            command(&[b"SET", b"users:42", b"Ada\r\nLovelace"]),
            command(&[b"get", b"users:42"]),
            command(&[b"PING"]),
            command(&[b"LRANGE", b"orders:list", b"0", b"-1"]),
            command(&[b"HGETALL", b""]),
        ];
        let resp2 =
            b"+OK\r\n$13\r\nAda\r\nLovelace\r\n+PONG\r\n*3\r\n:1\r\n*-1\r\n*2\r\n$-1\r\n-ERR x\r\n-WRONGTYPE no\r\n";
        let resp3 =
            b"_\r\n#t\r\n,1.5\r\n|1\r\n+ttl\r\n:1\r\n%1\r\n$1\r\na\r\n~2\r\n=7\r\ntxt:abc\r\n(123\r\n!5\r\nERR x\r\n";
        let large = [&command(&[b"SET", b"big:1"])[4..], &b"$1000000\r\n"[..], &[b'x'; 70_000]].concat();
        let samples = [
            Sample::new("resp2", requests.concat(), &resp2[..]),
            Sample::new("resp3", requests.concat(), &resp3[..]),
            Sample::new("large", requests.concat(), &resp2[..])
                .with_large_request([b"*3\r\n", &large[..]].concat(), Some(1_000_002 - 70_000)),
        ];
        let report = Kit::new(&Redis).with_samples(samples).run().unwrap_or_else(|failure| panic!("{failure}"));
        let skipped: Vec<_> = report.skipped().collect();
        assert_eq!(skipped, [Check::Edits, Check::OneWay, Check::BadMessage, Check::ResetCredit]);
    }

    /// A client's bytes, a relay, and an upstream's bytes.
    struct Bench {
        relay: Relay,
        link: meshwire::Link,
        asked: Vec<String>,
    }

    impl Bench {
        fn new() -> Self {
            let mut relay = Relay::new(Endpoint::new(Redis.codec(Conn::server())));
            let link = relay.connect(Endpoint::new(Redis.codec(Conn::client())), &Redis.traits());
            Self { relay, link, asked: Vec::new() }
        }

        /// What the upstream and the client see after these bytes of theirs.
        fn run(&mut self, client: &[u8], upstream: &[u8]) -> (String, String) {
            self.relay.downstream().input().extend_from_slice(client);
            if let Some(end) = self.relay.upstream(self.link) {
                end.input().extend_from_slice(upstream);
            }
            loop {
                match self.relay.poll() {
                    RelayStep::Request(exchange, head) => {
                        let part = |attribute| {
                            String::from_utf8_lossy(head.attribute(attribute).value().unwrap()).into_owned()
                        };
                        self.asked.push(format!("{} {}", part(Attribute::Service), part(Attribute::Method)));
                        if part(Attribute::Service) == "secrets" {
                            self.relay.respond(exchange, &LocalReply::new(Outcome::Denied, "no"));
                        } else {
                            self.relay.forward(exchange, self.link, head);
                        }
                    }
                    RelayStep::Idle | RelayStep::Closed => break,
                    RelayStep::Done(_) | RelayStep::Refused(_) => {}
                }
            }
            let up = self.relay.upstream(self.link).map(|end| end.output_mut().take()).unwrap_or_default();
            let down = self.relay.downstream().output_mut().take();
            (String::from_utf8(up).unwrap(), String::from_utf8(down).unwrap())
        }
    }

    #[test]
    fn answers_keep_their_order_whoever_gives_them() {
        let mut bench = Bench::new();
        let client = [command(&[b"get", b"users:1"]), command(&[b"GET", b"secrets:1"]), command(&[b"PING"])].concat();
        let (up, down) = bench.run(&client, b"");
        assert_eq!(bench.asked, ["users GET", "secrets GET", "redis PING"]);
        assert_eq!(up, "*2\r\n$3\r\nget\r\n$7\r\nusers:1\r\n*1\r\n$4\r\nPING\r\n");
        assert_eq!(down, "");
        assert_eq!(bench.run(b"", b"$1\r\na\r\n+PO").1, "$1\r\na\r\n-DENIED no\r\n");
        assert_eq!(bench.run(b"", b"NG\r\n").1, "+PONG\r\n");
    }

    #[test]
    fn a_refusal_does_not_hide_that_the_way_is_free() {
        let mut bench = Bench::new();
        let gets = [&b"users:1"[..], b"secrets:1", b"users:2", b"users:3"];
        bench.run(&gets.map(|key| command(&[b"GET", key])).concat(), b"");
        assert_eq!(bench.run(b"", b"+1\r\n+2\r\n+3\r\n").1, "+1\r\n-DENIED no\r\n+2\r\n+3\r\n");
        assert_eq!(bench.relay.open(), 0);
    }

    #[test]
    fn empty_commands_are_nobodys() {
        let mut bench = Bench::new();
        let (up, _) = bench.run(b"*0\r\n\r\n*-1\r\n*1\r\n$4\r\nPING\r\n*0\r\n", b"");
        assert_eq!(up, "*1\r\n$4\r\nPING\r\n");
        assert_eq!(bench.asked, ["redis PING"]);
    }

    #[test]
    fn a_subscription_is_a_tunnel_behind_the_answers_owed() {
        let mut bench = Bench::new();
        let client = [command(&[b"GET", b"a:1"]), command(&[b"SUBSCRIBE", b"x", b"y"]), command(&[b"PING"])].concat();
        let (up, _) = bench.run(&client, b"");
        assert_eq!(up.as_bytes(), client);
        assert_eq!(bench.asked, ["a GET", "redis SUBSCRIBE"], "what is in the tunnel is not looked at");
        assert_eq!(bench.run(b"", b"+A\r\n*3\r\n$9\r\nsub").1, "+A\r\n*3\r\n$9\r\nsub");
        assert_eq!(bench.run(b"anything", b"more").0, "anything");
        assert_eq!(bench.run(b"", b"\r\nand more").1, "\r\nand more");
        assert!(bench.relay.downstream().codec().state().tunnel);
    }

    #[test]
    fn client_reply_and_tracking_are_tunnels_and_other_client_commands_are_not() {
        for (sub, tunnel) in [("no-evict", false), ("reply", true), ("TRACKING", true), ("ID", false)] {
            let mut bench = Bench::new();
            bench.run(&command(&[b"client", sub.as_bytes(), b"on"]), b"");
            assert_eq!(bench.relay.downstream().codec().state().tunnel, tunnel, "{sub}");
        }
    }

    #[test]
    fn a_push_goes_to_the_oldest_request_and_waits_for_one() {
        let mut bench = Bench::new();
        let push = ">2\r\n+invalidate\r\n*1\r\n$1\r\na\r\n";
        bench.run(&command(&[b"GET", b"a"]), b"");
        assert_eq!(bench.run(b"", &[push.as_bytes(), b"+A\r\n"].concat()).1, format!("{push}+A\r\n"));
        assert_eq!(bench.run(b"", push.as_bytes()).1, "");
        assert_eq!(bench.run(&command(&[b"GET", b"a"]), b"").1, push);
        assert_eq!(bench.run(b"", b"+B\r\n").1, "+B\r\n");
    }

    #[test]
    fn what_is_no_command_costs_the_connection() {
        for bad in
            ["PING\r\n", "*1\r\n:1\r\n", "*2\r\n$1\r\na\r\n$-1\r\n", "*x\r\n", "*1\n", "*1\r\n$1x\r\n", "*+1\r\n"]
        {
            let mut bench = Bench::new();
            let (up, down) = bench.run(bad.as_bytes(), b"");
            assert_eq!(up, "", "{bad:?}");
            assert!(down.starts_with("-ERR Protocol error: "), "{bad:?}: {down:?}");
            assert!(bench.relay.downstream().codec().state().close, "{bad:?}");
        }
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_not_given_to_whoever_asks_next() {
        let mut bench = Bench::new();
        bench.run(&command(&[b"GET", b"a"]), b"");
        bench.run(b"", b"+A\r\n+B\r\n");
        let (_, down) = bench.run(&command(&[b"GET", b"b"]), b"");
        assert!(down.starts_with("-UNAVAILABLE"), "{down:?}");
    }

    #[test]
    fn a_key_too_far_behind_is_refused_however_it_is_read() {
        let bad = [b"*2\r\n$3\r\nGET\r\n$66000\r\n", &[b'k'; 66_000][..], b"\r\n"].concat();
        for size in [bad.len(), 1000, 1] {
            let mut end = Endpoint::new(Redis.codec(Conn::server()));
            let mut last = None;
            for piece in bad.chunks(size) {
                end.input().extend_from_slice(piece);
                last = end.decode().err().or(last);
            }
            assert_eq!(last.and_then(|error| error.limit), Some(Limit::Head), "{size}");
        }
    }
}
