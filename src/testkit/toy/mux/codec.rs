//! One end of one connection.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Buf, Bytes, BytesMut};

use crate::codec::{Codec, Conn, ConnState, Cx, Role};
use crate::error::{DecodeError, EncodeError, Scope};
use crate::event::{Body, Event, Reset, ResetReason, Sent, Step, StreamId};
use crate::head::{Head, Kind};
use crate::key::RoutingKey;
use crate::limits::{Limit, Stats, TokenBucket};
use crate::outcome::{LocalReply, Outcome};
use crate::testkit::toy::fields::status_of;

use super::wire::{self, HEADER, Header, MAX_PAYLOAD, NAME, TAG_ONE_WAY};

/// Requests of one client that this end serves at once.
const MAX_STREAMS: u16 = 3;

pub(super) struct Mux {
    role: Role,
    rx: Rx,
    /// Bytes that must be there before the input is worth another look.
    need: usize,
    streams: BTreeMap<u32, Stream>,
    /// The last stream that was opened; those up to it that are not in the map are retired.
    last: u32,
    /// What the peer lets us do, once it has said so.
    peer: Option<Settings>,
    /// Credit of all streams together: what we may send, and what the peer may.
    send_credit: usize,
    receive: Credit,
    /// A request was refused for want of a stream, or of the peer's settings.
    wanted: bool,
    events: VecDeque<Event>,
    /// The peer has ended.
    ended: bool,
    /// The longest frame that is read whole.
    waited_for: usize,
    resets: TokenBucket,
    idle_frames: TokenBucket,
    pings: u64,
    draining: bool,
    said_go_away: bool,
    failed: Option<Box<DecodeError>>,
    stats: Stats,
}

enum Rx {
    /// Nothing was written yet either.
    New,
    Preface,
    Frame,
    Data {
        stream: u32,
        left: usize,
        end: bool,
    },
}

#[derive(Clone, Copy)]
struct Settings {
    streams: usize,
    window: usize,
}

/// What the peer may send, and what it has sent that is released and not yet credited again.
#[derive(Clone, Copy)]
struct Credit {
    window: usize,
    left: usize,
    owed: usize,
}

const NO_MORE_CREDIT: EncodeError = EncodeError::Refused("the peer has ended and left no credit for this");

impl Credit {
    const fn new(window: usize) -> Self {
        Self { window, left: window, owed: 0 }
    }

    /// Takes back what was released; how much to announce, once it is worth a frame.
    fn release(&mut self, n: usize) -> Option<usize> {
        self.owed = self.owed.saturating_add(n);
        if self.owed.saturating_mul(2) < self.window {
            return None;
        }
        self.left = self.left.saturating_add(self.owed);
        Some(std::mem::take(&mut self.owed))
    }
}

struct Stream {
    one_way: bool,
    send_credit: usize,
    receive: Credit,
    /// Our head is out; our message is.
    begun: bool,
    sent: bool,
    /// The peer's head has come; its message has.
    heard: bool,
    got: bool,
    /// The rest of what the peer sends here is thrown away: its head was malformed.
    deaf: bool,
    blocked: bool,
}

impl Mux {
    pub(super) fn new(conn: Conn) -> Self {
        let window = conn.limits.window.min(u32::MAX as usize / 4);
        Self {
            role: conn.role,
            rx: Rx::New,
            need: 1,
            streams: BTreeMap::new(),
            last: 0,
            peer: None,
            send_credit: 0,
            receive: Credit::new(window.saturating_mul(2)),
            wanted: false,
            events: VecDeque::new(),
            waited_for: conn.limits.head,
            ended: false,
            resets: TokenBucket::new(conn.limits.resets),
            idle_frames: TokenBucket::new(conn.limits.idle_frames),
            pings: 0,
            draining: false,
            said_go_away: false,
            failed: None,
            stats: Stats::default(),
        }
    }

    fn window(&self) -> usize {
        self.receive.window / 2
    }

    fn write(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8], cx: &mut Cx<'_>) {
        cx.output().append(|out| wire::put(kind, flags, stream, payload, out));
    }

    fn start(&mut self, cx: &mut Cx<'_>) {
        self.rx = Rx::Frame;
        if self.role == Role::Client {
            cx.output().put(&wire::PREFACE);
        } else {
            self.rx = Rx::Preface;
            self.need = wire::PREFACE.len();
        }
        let mut settings = MAX_STREAMS.to_be_bytes().to_vec();
        settings.extend_from_slice(&(self.window() as u32).to_be_bytes());
        self.write(wire::SETTINGS, 0, 0, &settings, cx);
    }

    // ----- errors -----

    fn error(&self, code: &'static str, detail: &'static str, scope: Scope) -> DecodeError {
        let begun = self.stats.message_at;
        DecodeError::new(NAME, code, detail, scope).at(begun, begun).with_outcome(match self.role {
            Role::Server => Outcome::BadRequest,
            Role::Client => Outcome::BadResponse,
        })
    }

    fn fatal(&mut self, code: &'static str, detail: &'static str) -> DecodeError {
        let error = self.error(code, detail, Scope::Connection);
        self.failed = Some(Box::new(error.clone()));
        error
    }

    fn limit(&mut self, limit: Limit, detail: &'static str) -> DecodeError {
        self.stats.trip(limit);
        let mut error = self.fatal(limit.name(), detail);
        error.limit = Some(limit);
        self.failed = Some(Box::new(error.clone()));
        error
    }

    // ----- streams -----

    fn is_idle(&self, stream: u32) -> bool {
        stream.is_multiple_of(2) || stream > self.last
    }

    fn open(&mut self, id: u32, one_way: bool) -> &mut Stream {
        self.last = id;
        let stream = Stream {
            one_way,
            send_credit: self.peer.map_or(0, |peer| peer.window),
            receive: Credit::new(self.window()),
            begun: false,
            sent: one_way && self.role == Role::Server,
            heard: false,
            got: one_way && self.role == Role::Client,
            deaf: false,
            blocked: false,
        };
        self.streams.entry(id).or_insert(stream)
    }

    /// Lets go of a stream that is done, or given up.
    fn retire(&mut self, id: u32) {
        if self.streams.remove(&id).is_some() && std::mem::take(&mut self.wanted) {
            self.events.push_back(Event::Capacity { stream: None });
        }
    }

    fn retire_if_done(&mut self, id: u32) {
        if self.streams.get(&id).is_some_and(|stream| stream.sent && stream.got) {
            self.retire(id);
        }
    }

    /// Data that nobody holds any more.
    fn give_back(&mut self, n: usize, cx: &mut Cx<'_>) {
        if let Some(credit) = self.receive.release(n) {
            self.write(wire::WINDOW, 0, 0, &(credit as u32).to_be_bytes(), cx);
        }
    }

    // ----- decoding -----

    fn step(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Step::Event(event));
            }
            if input.len() < self.need {
                return Ok(Step::need(self.need.saturating_sub(input.len())));
            }
            match self.rx {
                Rx::New => self.start(cx),
                Rx::Preface => {
                    if !input.starts_with(&wire::PREFACE) {
                        return Err(self.fatal("preface", "a client begins with TMUX"));
                    }
                    self.take(input, wire::PREFACE.len());
                    self.rx = Rx::Frame;
                    self.need = HEADER;
                }
                Rx::Frame => {
                    if let Some(step) = self.frame(input, cx)? {
                        return Ok(step);
                    }
                }
                Rx::Data { stream, left, end } => {
                    if let Some(step) = self.data(stream, left, end, input, cx)? {
                        return Ok(step);
                    }
                }
            }
        }
    }

    fn take(&mut self, input: &mut BytesMut, n: usize) -> Bytes {
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(n as u64);
        self.need = 1;
        input.split_to(n.min(input.len())).freeze()
    }

    fn frame(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Option<Step>, DecodeError> {
        let Some(header) = Header::read(input) else {
            self.need = HEADER;
            return Ok(None);
        };
        self.stats.message_at = self.stats.bytes_in;
        if header.len > MAX_PAYLOAD {
            return Err(self.fatal("frame_length", "a payload has at most 16 KiB"));
        }
        if self.peer.is_none() != (header.kind == wire::SETTINGS) {
            return Err(self.fatal("settings", "settings come first, and once"));
        }
        if header.kind == wire::DATA {
            return self.data_frame(header, input).map(|()| None);
        }
        if header.len > self.waited_for {
            return Err(self.limit(Limit::Head, "a frame that must be whole to be read is larger than that"));
        }
        let whole = HEADER.saturating_add(header.len);
        if input.len() < whole {
            self.need = whole;
            return Ok(None);
        }
        let mut payload = self.take(input, whole);
        payload.advance(HEADER);
        let event = match header.kind {
            wire::HEAD => return self.head_frame(header, payload, cx),
            wire::RESET => self.reset_frame(header, &payload, cx)?,
            wire::WINDOW => self.window_frame(header, &payload)?,
            wire::PING => Some(self.ping_frame(header, &payload, cx)?),
            wire::GO_AWAY => Some(self.go_away_frame(&payload)?),
            wire::SETTINGS => self.settings_frame(&payload)?,
            _ => return Err(self.fatal("frame_type", "types go from 0 to 6")),
        };
        Ok(event.map(Step::Event))
    }

    fn settings_frame(&mut self, payload: &[u8]) -> Result<Option<Event>, DecodeError> {
        let Ok([a, b, c, d, e, f]) = <[u8; 6]>::try_from(payload) else {
            return Err(self.fatal("settings", "settings have 6 bytes"));
        };
        let window = u32::from_be_bytes([c, d, e, f]).min(u32::MAX / 4) as usize;
        self.peer = Some(Settings { streams: usize::from(u16::from_be_bytes([a, b])), window });
        self.send_credit = window.saturating_mul(2);
        Ok(std::mem::take(&mut self.wanted).then_some(Event::Capacity { stream: None }))
    }

    fn head_frame(&mut self, header: Header, payload: Bytes, cx: &mut Cx<'_>) -> Result<Option<Step>, DecodeError> {
        let id = header.stream;
        let (kind, tag) = match (self.role, header.has(wire::ONE_WAY)) {
            (Role::Client, _) => (Kind::Response, 0),
            (Role::Server, false) => (Kind::Request, 0),
            (Role::Server, true) => (Kind::OneWay, TAG_ONE_WAY),
        };
        if self.role == Role::Server {
            if !self.is_idle(id) || id.is_multiple_of(2) {
                return Err(self.fatal("stream", "streams are odd, and go up"));
            }
            if self.said_go_away || self.streams.len() >= usize::from(MAX_STREAMS) {
                self.last = id;
                if !self.resets.take(cx.now()) {
                    return Err(self.limit(Limit::Resets, "too many streams had to be refused"));
                }
                self.write(wire::RESET, 0, id, &[wire::code_of(ResetReason::Refused)], cx);
                return Ok(None);
            }
            self.open(id, kind == Kind::OneWay);
        } else if self.is_idle(id) {
            return Err(self.fatal("stream", "an answer to a request that was never made"));
        }
        let stream = StreamId::new(u64::from(id)).with_tag(tag);
        let Some(state) = self.streams.get_mut(&id) else { return Ok(None) };
        let again = std::mem::replace(&mut state.heard, true);
        let head = wire::read_head(kind, stream, payload).filter(|_| !again && !state.got);
        let Some(mut head) = head else {
            self.stats.bad_messages = self.stats.bad_messages.saturating_add(1);
            if self.role == Role::Client || kind == Kind::OneWay {
                self.write(wire::RESET, 0, id, &[wire::code_of(ResetReason::Malformed)], cx);
                self.retire(id);
            } else if let Some(state) = self.streams.get_mut(&id) {
                // The stream stays for the answer that it is owed.
                state.deaf = true;
                state.got = true;
            }
            return Err(self.error("head", "a name or a field ends behind its frame", Scope::Stream(stream)));
        };
        head.set_end(header.has(wire::END));
        state.got |= head.is_end();
        self.stats.messages_in = self.stats.messages_in.saturating_add(1);
        self.retire_if_done(id);
        Ok(Some(Step::Event(Event::Head(head))))
    }

    fn data_frame(&mut self, header: Header, input: &mut BytesMut) -> Result<(), DecodeError> {
        let (id, n) = (header.stream, header.len);
        if self.is_idle(id) {
            return Err(self.fatal("stream", "data of a stream that was never opened"));
        }
        let Some(left) = self.receive.left.checked_sub(n) else {
            return Err(self.fatal("credit", "more data than the connection has credit for"));
        };
        self.receive.left = left;
        if let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.deaf) {
            let fits = stream.receive.left.checked_sub(n);
            if !stream.heard || stream.got {
                return Err(self.fatal("stream", "data before its head or behind its end"));
            }
            match fits {
                Some(left) => stream.receive.left = left,
                None => return Err(self.fatal("credit", "more data than the stream has credit for")),
            }
        }
        self.take(input, HEADER);
        self.rx = Rx::Data { stream: id, left: n, end: header.has(wire::END) };
        // An empty frame says something too, and needs no more bytes for it.
        self.need = n.min(1);
        Ok(())
    }

    fn data(
        &mut self,
        id: u32,
        left: usize,
        end: bool,
        input: &mut BytesMut,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Step>, DecodeError> {
        let data = self.take(input, left.min(input.len()));
        let left = left.saturating_sub(data.len());
        self.rx = if left == 0 { Rx::Frame } else { Rx::Data { stream: id, left, end } };
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| !stream.deaf) else {
            // Of a stream that was given up, or refused: whoever sent it gets its credit back.
            self.give_back(data.len(), cx);
            return Ok(None);
        };
        let end = end && left == 0;
        if data.is_empty() && !end {
            return if self.idle_frames.take(cx.now()) {
                Ok(None)
            } else {
                Err(self.limit(Limit::IdleFrames, "too many frames without content"))
            };
        }
        stream.got |= end;
        let tag = if stream.one_way { TAG_ONE_WAY } else { 0 };
        self.retire_if_done(id);
        let stream = StreamId::new(u64::from(id)).with_tag(tag);
        Ok(Some(Step::Event(Event::Body(Body { stream, data, end }))))
    }

    fn reset_frame(&mut self, header: Header, payload: &[u8], cx: &mut Cx<'_>) -> Result<Option<Event>, DecodeError> {
        if self.is_idle(header.stream) {
            return Err(self.fatal("stream", "a reset of a stream that was never opened"));
        }
        if !self.resets.take(cx.now()) {
            return Err(self.limit(Limit::Resets, "too many resets"));
        }
        if !self.streams.contains_key(&header.stream) {
            return Ok(None);
        }
        self.retire(header.stream);
        let reason = wire::reason_of(payload.first().copied().unwrap_or(u8::MAX));
        Ok(Some(Event::Reset(Reset { stream: StreamId::new(u64::from(header.stream)), reason })))
    }

    fn window_frame(&mut self, header: Header, payload: &[u8]) -> Result<Option<Event>, DecodeError> {
        let Ok(n) = <[u8; 4]>::try_from(payload) else {
            return Err(self.fatal("window", "credit has 4 bytes"));
        };
        let n = u32::from_be_bytes(n) as usize;
        let most = u32::MAX as usize;
        if header.stream == 0 {
            self.send_credit = self.send_credit.saturating_add(n);
        } else if self.is_idle(header.stream) {
            return Err(self.fatal("stream", "credit for a stream that was never opened"));
        } else if let Some(stream) = self.streams.get_mut(&header.stream) {
            stream.send_credit = stream.send_credit.saturating_add(n);
            if stream.send_credit > most {
                return Err(self.fatal("window", "more credit than 32 bits say"));
            }
        }
        if self.send_credit > most {
            return Err(self.fatal("window", "more credit than 32 bits say"));
        }
        for (id, stream) in &mut self.streams {
            if stream.blocked && stream.send_credit > 0 && self.send_credit > 0 {
                stream.blocked = false;
                self.events.push_back(Event::Capacity { stream: Some(StreamId::new(u64::from(*id))) });
            }
        }
        Ok(self.events.pop_front())
    }

    fn ping_frame(&mut self, header: Header, payload: &[u8], cx: &mut Cx<'_>) -> Result<Event, DecodeError> {
        let ack = header.has(wire::ACK);
        if payload.len() != 8 {
            return Err(self.fatal("ping", "a ping has 8 bytes"));
        }
        if !self.idle_frames.take(cx.now()) {
            return Err(self.limit(Limit::IdleFrames, "too many pings"));
        }
        self.stats.heartbeats_in = self.stats.heartbeats_in.saturating_add(1);
        if !ack {
            self.stats.heartbeats_out = self.stats.heartbeats_out.saturating_add(1);
            self.write(wire::PING, wire::ACK, 0, payload, cx);
        }
        Ok(Event::Heartbeat { ack })
    }

    fn go_away_frame(&mut self, payload: &[u8]) -> Result<Event, DecodeError> {
        let Ok(last) = <[u8; 4]>::try_from(payload) else {
            return Err(self.fatal("go_away", "a go-away names a stream"));
        };
        self.draining = true;
        if std::mem::take(&mut self.wanted) {
            self.events.push_back(Event::Capacity { stream: None });
        }
        if self.role == Role::Client {
            // What came too late was not looked at, and may be sent again elsewhere.
            for (id, _) in self.streams.split_off(&u32::from_be_bytes(last).saturating_add(1)) {
                let stream = StreamId::new(u64::from(id));
                self.events.push_back(Event::Reset(Reset { stream, reason: ResetReason::Refused }));
            }
        }
        Ok(Event::GoAway)
    }

    // ----- encoding -----

    fn send_head(&mut self, head: &mut Head, cx: &mut Cx<'_>) -> Result<Option<Sent>, EncodeError> {
        if !std::ptr::eq(head.format(), &raw const wire::FORMAT) {
            return Err(EncodeError::Foreign { from: head.protocol(), to: NAME });
        }
        if head.kind().is_request() != (self.role == Role::Client) {
            return Err(EncodeError::Refused("a client sends requests, a server responses"));
        }
        let payload = wire::write_head(head)?;
        let one_way = head.kind() == Kind::OneWay;
        let id = match self.role {
            Role::Server => self.open_for_sending(head.stream())?,
            Role::Client if !head.stream().is_new() => {
                return Err(EncodeError::Refused("a request is named as it is written"));
            }
            Role::Client if self.draining => return Err(EncodeError::Refused("the peer takes no new requests")),
            Role::Client => {
                if self.peer.is_none_or(|peer| self.streams.len() >= peer.streams) {
                    if self.is_over() {
                        return Err(EncodeError::Refused("the peer has ended"));
                    }
                    self.wanted = true;
                    return Ok(Some(Sent::Blocked));
                }
                let id = self.last.saturating_add(if self.last == 0 { 1 } else { 2 });
                self.open(id, one_way);
                // The last stream there is was opened.
                self.draining |= id >= u32::MAX - 2;
                head.set_stream(StreamId::new(u64::from(id)).with_tag(head.stream().tag()));
                id
            }
        };
        let ends = head.is_end() && head.data().is_empty();
        let flags = if one_way { wire::ONE_WAY } else { 0 } | if ends { wire::END } else { 0 };
        self.write(wire::HEAD, flags, id, &payload, cx);
        self.stats.messages_out = self.stats.messages_out.saturating_add(1);
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.begun = true;
            stream.sent |= ends;
        }
        self.retire_if_done(id);
        // With data behind it, it goes on as a body.
        Ok((ends || head.data().is_empty()).then_some(Sent::All))
    }

    /// The stream's number, if it awaits a head of ours.
    fn open_for_sending(&self, name: StreamId) -> Result<u32, EncodeError> {
        let id = u32::try_from(name.id()).unwrap_or_default();
        let open = self.streams.get(&id).is_some_and(|stream| !stream.begun && !stream.sent);
        if open && !name.is_new() { Ok(id) } else { Err(EncodeError::NotOpen(name)) }
    }

    /// Nothing comes from the peer any more: what waits for it would wait for ever, so it is refused instead of blocked.
    const fn is_over(&self) -> bool {
        self.ended || self.failed.is_some()
    }

    fn send_body(&mut self, body: &mut Body, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let id = u32::try_from(body.stream.id()).unwrap_or_default();
        let over = self.is_over();
        let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.begun && !stream.sent) else {
            return Err(EncodeError::NotOpen(body.stream));
        };
        if over && body.data.len() > stream.send_credit.min(self.send_credit) {
            return Err(NO_MORE_CREDIT);
        }
        loop {
            let n = body.data.len().min(MAX_PAYLOAD).min(stream.send_credit).min(self.send_credit);
            let ends = body.end && n == body.data.len();
            if n == 0 && !body.data.is_empty() {
                stream.blocked = true;
                return Ok(Sent::Blocked);
            }
            if n > 0 || ends {
                let data = body.data.split_to(n);
                stream.send_credit = stream.send_credit.saturating_sub(n);
                self.send_credit = self.send_credit.saturating_sub(n);
                cx.output().append(|out| wire::put(wire::DATA, if ends { wire::END } else { 0 }, id, &data, out));
            }
            if body.data.is_empty() {
                stream.sent = ends;
                self.retire_if_done(id);
                return Ok(Sent::All);
            }
        }
    }

    fn send_reset(&mut self, reset: &Reset, cx: &mut Cx<'_>) {
        let id = u32::try_from(reset.stream.id()).unwrap_or_default();
        if self.streams.contains_key(&id) && !reset.stream.is_new() {
            self.write(wire::RESET, 0, id, &[wire::code_of(reset.reason)], cx);
            self.retire(id);
        }
    }
}

impl Codec for Mux {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if matches!(self.rx, Rx::New) {
            self.start(cx);
        }
        match &self.failed {
            Some(error) => Err((**error).clone()),
            None => self.step(input, cx),
        }
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        match self.decode(input, cx)? {
            Step::NeedMore(_) if input.is_empty() && !self.state().receiving => {
                self.ended = true;
                Ok(Step::Closed)
            }
            Step::NeedMore(_) => {
                self.ended = true;
                input.clear();
                Err(self.fatal("truncated", "the connection ended inside a message"))
            }
            step => Ok(step),
        }
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        match event {
            Event::Head(head) => {
                let data = head.data().len();
                let id = u32::try_from(head.stream().id()).unwrap_or_default();
                let new = self.peer.map_or(0, |peer| peer.window);
                let credit = self.streams.get(&id).map_or(new, |stream| stream.send_credit).min(self.send_credit);
                if self.is_over() && data > credit {
                    return Err(NO_MORE_CREDIT);
                }
                if let Some(sent) = self.send_head(head, cx)? {
                    return Ok(sent);
                }
                let mut body = Body { stream: head.stream(), end: head.is_end(), data: head.take_data() };
                let sent = self.send_body(&mut body, cx)?;
                *event = Event::Body(body);
                Ok(sent)
            }
            Event::Body(body) => self.send_body(body, cx),
            Event::Trailers(trailers) if trailers.fields().into_iter().flatten().next().is_none() => {
                self.send_body(&mut Body { stream: trailers.stream(), data: Bytes::new(), end: true }, cx)
            }
            Event::Trailers(_) => Err(EncodeError::NoPlace { protocol: NAME, what: "trailers" }),
            Event::Reset(reset) => {
                self.send_reset(reset, cx);
                Ok(Sent::All)
            }
            Event::GoAway => {
                self.go_away(cx);
                Ok(Sent::All)
            }
            Event::Heartbeat { ack: false } => {
                self.heartbeat(cx);
                Ok(Sent::All)
            }
            Event::Heartbeat { ack: true } | Event::Capacity { .. } => Ok(Sent::All),
            Event::Extension(_) => Err(EncodeError::NoPlace { protocol: NAME, what: "a frame of an unknown type" }),
            Event::Upgraded { .. } | Event::Switch(_) => {
                Err(EncodeError::NoPlace { protocol: NAME, what: "a change of protocol" })
            }
        }
    }

    fn state(&self) -> ConnState {
        let streams = || self.streams.values();
        ConnState {
            receiving: !matches!(self.rx, Rx::Frame | Rx::New)
                || self.need > 1
                || streams().any(|stream| stream.heard && !stream.got),
            sending: streams().any(|stream| stream.begun && !stream.sent),
            open: streams().filter(|stream| !stream.one_way).count(),
            draining: self.draining,
            close: self.failed.is_some(),
            ..ConnState::default()
        }
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        if stream.tag() & TAG_ONE_WAY != 0 {
            return None;
        }
        let mut bytes = vec![status_of(reply.outcome)];
        bytes.extend_from_slice(reply.message.as_bytes());
        let mut head = Head::new(&wire::FORMAT, Kind::Response, stream, bytes.into());
        head.set_status(u32::from(status_of(reply.outcome)), reply.outcome);
        head.set_data_at(1);
        head.set_fields_at(1);
        head.set_end(true);
        Some(Event::Head(head))
    }

    fn capacity(&self, stream: StreamId) -> usize {
        let id = u32::try_from(stream.id()).unwrap_or_default();
        self.streams.get(&id).map_or(0, |stream| stream.send_credit.min(self.send_credit))
    }

    fn release(&mut self, stream: StreamId, n: usize, cx: &mut Cx<'_>) {
        // The connection gets it back even where the stream is gone.
        self.give_back(n, cx);
        let id = u32::try_from(stream.id()).unwrap_or_default();
        if let Some(state) = self.streams.get_mut(&id).filter(|state| !state.got)
            && let Some(credit) = state.receive.release(n)
        {
            self.write(wire::WINDOW, 0, id, &(credit as u32).to_be_bytes(), cx);
        }
    }

    fn heartbeat(&mut self, cx: &mut Cx<'_>) -> bool {
        if matches!(self.rx, Rx::New) {
            self.start(cx);
        }
        self.pings = self.pings.wrapping_add(1);
        self.stats.heartbeats_out = self.stats.heartbeats_out.saturating_add(1);
        let payload = self.pings.to_be_bytes();
        self.write(wire::PING, 0, 0, &payload, cx);
        true
    }

    fn go_away(&mut self, cx: &mut Cx<'_>) {
        self.said_go_away = true;
        let last = self.last.to_be_bytes();
        self.write(wire::GO_AWAY, 0, 0, &last, cx);
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }
}
