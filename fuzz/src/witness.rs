//! A client codec that is followed by a witness: a server codec of the same protocol reads what it writes, and answers
//! as its peer does. Nobody may see another request than was sent: that would be smuggled.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::{
    Attribute, Body, Codec, Conn, ConnState, Cx, DecodeError, Depth, EncodeError, Endpoint, Event, Head, Limits,
    LocalReply, Protocol, Rate, RoutingKey, Sent, Stats, Step, StreamId,
};

/// Fields that are each hop's own, and those that say in one version of HTTP what the other says elsewhere.
const OWN: [&[u8]; 12] = [
    b"connection",
    b"content-length",
    b"cookie",
    b"host",
    b"http2-settings",
    b"keep-alive",
    b"proxy-connection",
    b"sec-websocket-key",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];

pub(crate) struct Witnessed {
    codec: Box<dyn Codec>,
    witness: Witness,
}

impl Witnessed {
    /// `codec` is the asking end of `protocol`, which is the one that `reader` is a tolerant variant of.
    pub(crate) fn new(codec: Box<dyn Codec>, reader: &dyn Protocol) -> Self {
        // What the peer allows and what an intermediary adds is no concern of the witness.
        let mut limits = Limits::default();
        (limits.head, limits.field, limits.target, limits.trailers) = (1 << 20, 1 << 20, 1 << 20, 1 << 20);
        (limits.fields, limits.cookie_crumbs, limits.cookie_bytes) = (1 << 14, 1 << 14, 1 << 20);
        (limits.window, limits.pipelined, limits.streams) = (1 << 24, 1 << 14, 1 << 14);
        (limits.chunk_extensions, limits.continuations) = (1 << 20, 1 << 14);
        let rate = Rate { burst: u32::MAX, per_second: u32::MAX };
        (limits.idle_frames, limits.resets, limits.window_updates, limits.small_data) = (rate, rate, rate, rate);
        let conn = Conn::server().with_limits(limits).with_depth(Depth::ALL);
        let end = Endpoint::new(reader.codec(conn)).with_high_water(usize::MAX);
        Self { codec, witness: Witness::new(end) }
    }

    /// What was written since the output held `before` bytes is read.
    fn follow(&mut self, before: usize, cx: &mut Cx<'_>) {
        let output = &*cx.output();
        if output.len() == before || self.witness.lost {
            return;
        }
        let mut most = 16;
        loop {
            let mut slices = vec![IoSlice::new(&[]); most];
            let n = output.chunks(&mut slices);
            if n < most {
                let mut skip = before;
                for slice in &slices[..n] {
                    let here = skip.min(slice.len());
                    self.witness.end.input().extend_from_slice(&slice[here..]);
                    skip -= here;
                }
                break;
            }
            most *= 2;
        }
        self.witness.read();
    }
}

/// What is known of a request.
struct Request {
    method: Option<Vec<u8>>,
    path: Option<Vec<u8>>,
    host: Option<Vec<u8>>,
    /// The host before an edit, and the path after one of the service.
    authority: Option<Vec<u8>>,
    call: Option<Vec<u8>>,
    upgrade: Option<Vec<u8>>,
    cookie: Vec<u8>,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    /// What it says of its length: where that frames the body, its last byte is its end, whoever has yet to say so.
    length: Option<usize>,
    body: Vec<u8>,
    ended: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let some = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(text).unwrap_or_default();
        let [method, path, host] = [&self.method, &self.path, &self.host].map(some);
        let [upgrade, call] = [&self.upgrade, &self.call].map(some);
        write!(f, "{method} {path} of {host}, call {call}, upgrade {upgrade}, cookie {}", text(&self.cookie))?;
        for (name, value) in &self.fields {
            write!(f, "; {}: {}", text(name), text(value))?;
        }
        write!(f, "; body {:?}, ended {}", text(&self.body), self.ended)
    }
}

impl Request {
    fn of(head: &Head) -> Self {
        let value = |attribute| head.attribute(attribute).value().map(<[u8]>::to_vec);
        let of_connection = values(head, b"connection").to_ascii_lowercase();
        let named: Vec<_> = of_connection.split(|b| *b == b',').map(<[u8]>::trim_ascii).collect();
        let mut fields: Vec<_> =
            all(head).filter(|(name, _)| !OWN.contains(&&name[..]) && !named.contains(&&name[..])).collect();
        fields.sort();
        let upgrade = head.upgrade().map(<[u8]>::to_ascii_lowercase);
        Self {
            // A tunnel is asked for by CONNECT in one version, by GET in the other.
            method: value(Attribute::Verb).filter(|_| upgrade.is_none()),
            path: value(Attribute::Path),
            host: name_of(host(head)),
            authority: name_of(head.host().value()),
            call: call(head),
            upgrade,
            cookie: values(head, b"cookie"),
            fields,
            length: str::from_utf8(&values(head, b"content-length")).ok().and_then(|n| n.parse().ok()),
            body: Vec::new(),
            ended: false,
        }
    }

    /// It asks for a tunnel: where that is refused there is nothing behind its head, whatever was to come.
    fn may_switch(&self) -> bool {
        self.upgrade.is_some() || self.method.as_deref() == Some(b"CONNECT")
    }

    /// Whether `seen` is what this asks for.
    fn is_seen_as(&self, seen: &Self) -> bool {
        self.method == seen.method
            && (self.path == seen.path && self.host == seen.host || self.is_seen_as_call(seen))
            && self.upgrade == seen.upgrade
            && self.cookie == seen.cookie
            && self.fields == seen.fields
    }

    /// The service of a call is part of its path, and its host another matter.
    fn is_seen_as_call(&self, seen: &Self) -> bool {
        self.call.is_some() && self.call == seen.path && seen.host == self.authority
    }
}

/// An edit of the service is one of the host, where there is one.
fn host(head: &Head) -> Option<&[u8]> {
    head.edited(Attribute::Authority).or(head.edited(Attribute::Service)).or(head.host().value())
}

fn name_of(host: Option<&[u8]>) -> Option<Vec<u8>> {
    host.map(<[u8]>::to_ascii_lowercase).filter(|host| !host.is_empty())
}

fn call(head: &Head) -> Option<Vec<u8>> {
    let (service, method) = (head.edited(Attribute::Service)?, head.attribute(Attribute::Method).value()?);
    Some([b"/", service, b"/", method].concat())
}

fn all(head: &Head) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let fields = head.fields().into_iter().flatten();
    fields.map(|(name, value)| (name.to_ascii_lowercase(), value.trim_ascii().to_vec()))
}

/// The values of a field, as one.
fn values(head: &Head, name: &[u8]) -> Vec<u8> {
    let values: Vec<_> = all(head).filter(|(known, _)| known == name).map(|(_, value)| value).collect();
    values.join(if name == b"cookie" { &b"; "[..] } else { b", " })
}

struct Witness {
    end: Endpoint,
    /// What was sent, in order, and which it is by the names of the client.
    sent: Vec<Request>,
    by_sent: HashMap<StreamId, usize>,
    /// What was seen of it, and the names of that end.
    seen: Vec<(StreamId, Vec<u8>)>,
    by_seen: HashMap<StreamId, usize>,
    /// What the peer answered, not yet passed on.
    answers: VecDeque<Event>,
    /// The peer's answers cannot be given again: who reads on without them may read something else.
    lost: bool,
}

impl Witness {
    fn new(end: Endpoint) -> Self {
        Self {
            end,
            sent: Vec::new(),
            by_sent: HashMap::new(),
            seen: Vec::new(),
            by_seen: HashMap::new(),
            answers: VecDeque::new(),
            lost: false,
        }
    }

    fn sent(&mut self, name: StreamId, request: Request) {
        self.by_sent.insert(name, self.sent.len());
        self.sent.push(request);
    }

    fn sent_data(&mut self, name: StreamId, data: &[u8], ended: bool) {
        if let Some(request) = self.by_sent.get(&name).and_then(|n| self.sent.get_mut(*n)) {
            request.body.extend_from_slice(data);
            request.ended |= ended;
        }
    }

    fn read(&mut self) {
        while !self.lost {
            match self.end.decode() {
                Ok(Step::Event(event)) => self.check(&event),
                Ok(_) if self.answer() => {}
                Ok(_) => {
                    let (seen, sent) = (self.seen.len(), self.sent.len());
                    assert_eq!(seen, sent, "{sent} requests were sent, {seen} seen; the last: {:?}", self.sent.last());
                    break;
                }
                Err(error) => panic!("what a client wrote a server refuses: {error}; of {:?}", self.sent),
            }
        }
        self.end.output_mut().take();
    }

    fn check(&mut self, event: &Event) {
        if let Event::Head(head) = event {
            let seen = Request::of(head);
            let sent = self.sent.get(self.seen.len());
            assert!(sent.is_some_and(|sent| sent.is_seen_as(&seen)), "{seen:?} was seen, {sent:?} was sent");
            self.by_seen.insert(head.stream(), self.seen.len());
            self.seen.push((head.stream(), Vec::new()));
        }
        let Some(name) = event.stream() else { return };
        let (data, n) = (data_of(event), event.data_len());
        let Some(n_th) = self.by_seen.get(&name).copied() else { return };
        if let (Some((_, body)), Some(sent)) = (self.seen.get_mut(n_th), self.sent.get(n_th)) {
            body.extend_from_slice(&data);
            assert!(sent.body.starts_with(body), "\"{}\" was seen of {sent:?}", body.escape_ascii());
            let ended = event.is_end() && !matches!(event, Event::Reset(_)) && !sent.may_switch();
            let whole = sent.ended || sent.length == Some(body.len());
            assert!(!ended || (whole && sent.body == *body), "the end of {} bytes was seen of {sent:?}", body.len());
        }
        self.end.release(name, n);
    }

    /// Passes on what can be; whether something was.
    fn answer(&mut self) -> bool {
        let (mut moved, mut blocked) = (false, HashSet::new());
        for mut event in std::mem::take(&mut self.answers) {
            let Some(name) = event.stream() else { continue };
            if blocked.contains(&name) {
                self.answers.push_back(event);
                continue;
            }
            let before = event.data_len();
            match self.end.send(&mut event) {
                Ok(Sent::All) => moved = true,
                Ok(Sent::Blocked) => {
                    moved |= event.data_len() < before;
                    blocked.insert(name);
                    self.answers.push_back(event);
                }
                Err(_) => self.lost = true,
            }
        }
        moved
    }

    fn answered(&mut self, event: &Event) {
        let named = event.stream().and_then(|name| self.by_sent.get(&name)).and_then(|n| self.seen.get(*n));
        let Some((name, _)) = named else { return };
        let mut event = match event {
            Event::Head(_) | Event::Body(_) | Event::Trailers(_) | Event::Reset(_) => event.clone(),
            _ => return,
        };
        event.set_stream(*name);
        self.answers.push_back(event);
        self.read();
    }
}

fn data_of(event: &Event) -> Vec<u8> {
    match event {
        Event::Head(head) => head.data().to_vec(),
        Event::Body(Body { data, .. }) => data.to_vec(),
        _ => Vec::new(),
    }
}

impl Codec for Witnessed {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let before = cx.output().len();
        let step = self.codec.decode(input, cx);
        self.follow(before, cx);
        if let Ok(Step::Event(event)) = &step {
            self.witness.answered(event);
        }
        step
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let before = cx.output().len();
        let step = self.codec.decode_eof(input, cx);
        self.follow(before, cx);
        if let Ok(Step::Event(event)) = &step {
            self.witness.answered(event);
        }
        step
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let before = cx.output().len();
        let request = match event {
            Event::Head(head) => Some(Request::of(head)),
            _ => None,
        };
        let (data, ends) = (data_of(event), event.is_end() && !matches!(event, Event::Reset(_)));
        let sent = self.codec.encode(event, cx);
        if let (Ok(sent), Some(name)) = (&sent, event.stream().filter(|name| !name.is_new())) {
            if let Some(request) = request {
                self.witness.sent(name, request);
            }
            let all = *sent == Sent::All;
            let left = if all { 0 } else { event.data_len() };
            self.witness.sent_data(name, &data[..data.len().saturating_sub(left)], all && ends);
        }
        self.follow(before, cx);
        sent
    }

    fn state(&self) -> ConnState {
        self.codec.state()
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        self.codec.reply(stream, reply)
    }

    fn capacity(&self, stream: StreamId) -> usize {
        self.codec.capacity(stream)
    }

    fn release(&mut self, stream: StreamId, n: usize, cx: &mut Cx<'_>) {
        let before = cx.output().len();
        self.codec.release(stream, n, cx);
        self.follow(before, cx);
    }

    fn heartbeat(&mut self, cx: &mut Cx<'_>) -> bool {
        let before = cx.output().len();
        let sent = self.codec.heartbeat(cx);
        self.follow(before, cx);
        sent
    }

    fn go_away(&mut self, cx: &mut Cx<'_>) {
        let before = cx.output().len();
        self.codec.go_away(cx);
        self.follow(before, cx);
    }

    fn set_depth(&mut self, depth: &Arc<Depth>) {
        self.codec.set_depth(depth);
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.codec.next_deadline()
    }

    fn on_deadline(&mut self, cx: &mut Cx<'_>) {
        let before = cx.output().len();
        self.codec.on_deadline(cx);
        self.follow(before, cx);
    }

    fn opaque(&self) -> u64 {
        self.codec.opaque()
    }

    fn stats(&self) -> &Stats {
        self.codec.stats()
    }

    fn trim(&mut self) {
        self.codec.trim();
    }
}
