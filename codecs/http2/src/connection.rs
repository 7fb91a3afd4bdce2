//! One end of one connection.

mod control;
mod drain;
mod receive;
mod repeat;
mod send;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use meshwire::{
    Attribute, Codec, Conn, ConnState, Cx, DecodeError, Depth, EncodeError, Event, Limit, Limits, LocalReply, Outcome,
    Reset, ResetReason, Role, RoutingKey, Scope, Sent, Stats, Step, StreamId, Switch,
};

use crate::budget::Budgets;
use crate::build;
use crate::code::Code;
use crate::config::Config;
use crate::frame::{self, HEADER, Header, MAX_31, PREFACE};
use crate::hpack::{Decoder, Encoder, FieldList, ListLimits};
use crate::settings::{INITIAL_WINDOW, Own, Settings};
use crate::stream::{Stream, Streams};
use crate::window::{Inbound, Outbound};

use self::drain::Drain;
use self::receive::Gathered;
use self::repeat::Repeat;

/// How long the peer may take to acknowledge our settings (RFC 9113, section 6.5.3).
const SETTINGS_TIMEOUT: Duration = Duration::from_secs(10);

/// Streams that we reset lately: what the peer had under way for them is no mistake of its.
const REMEMBERED: usize = 64;

/// Both roles: a client and a server differ in who opens streams.
pub(crate) struct Connection {
    role: Role,
    config: Arc<Config>,
    limits: Arc<Limits>,
    rx: Rx,
    /// Bytes that must be there before the input is worth another look.
    need: usize,
    streams: Streams,
    /// The last stream that was opened; those up to it that are not open are closed.
    last: u32,
    /// The streams that the last gap in their numbers left out: closed without ever having been open.
    skipped: Range<u32>,
    own: Own,
    /// When our settings went out, until they are acknowledged.
    unacknowledged: Option<Duration>,
    peer: Settings,
    /// The peer's settings have come.
    settled: bool,
    send: Outbound,
    receive: Inbound,
    decoder: Decoder,
    encoder: Encoder,
    list: FieldList,
    repeat: Repeat,
    /// A block of fields that goes on in CONTINUATION frames.
    gathered: Option<Box<Gathered>>,
    budgets: Budgets,
    reset_by_us: VecDeque<u32>,
    events: VecDeque<Event>,
    /// A request was refused for want of a stream, or of the peer's settings.
    wanted: bool,
    /// Something waits for credit of the connection.
    starved: bool,
    /// When to look for streams that wait for credit too long.
    stall_at: Option<Duration>,
    drain: Drain,
    /// The peer opens, or takes, no more streams.
    draining: bool,
    /// The peer has ended.
    ended: bool,
    pings: u64,
    failed: Option<Box<DecodeError>>,
    stats: Stats,
}

/// What is read next.
enum Rx {
    /// Nothing was read or written yet.
    New,
    Preface,
    Frame,
    /// Inside a DATA frame.
    Data(Data),
}

/// What is left of a DATA frame.
#[derive(Clone, Copy)]
struct Data {
    stream: u32,
    left: usize,
    pad: usize,
    end: bool,
    /// Nobody gets it.
    drop: bool,
}

impl Connection {
    pub(crate) fn new(config: Arc<Config>, conn: Conn) -> Self {
        let limits = conn.limits;
        let own = Own::new(&limits, conn.role == Role::Server, config.extended_connect);
        let mut this = Self {
            role: conn.role,
            rx: Rx::New,
            need: 0,
            streams: Streams::default(),
            last: 0,
            skipped: 0..0,
            own,
            unacknowledged: None,
            peer: Settings::initial(),
            settled: false,
            send: Outbound::new(INITIAL_WINDOW),
            receive: Inbound::new(fit(limits.connection_window).max(INITIAL_WINDOW)),
            // A smaller table holds once the peer has said that it knows.
            decoder: Decoder::new(limits.header_table.max(4096)),
            encoder: Encoder::with_table_size(limits.header_table),
            list: FieldList::new(ListLimits::of(&limits)),
            repeat: Repeat::default(),
            gathered: None,
            budgets: Budgets::new(&limits),
            reset_by_us: VecDeque::new(),
            events: VecDeque::new(),
            wanted: false,
            starved: false,
            stall_at: None,
            drain: Drain::No,
            draining: false,
            ended: false,
            pings: 0,
            failed: None,
            stats: Stats::default(),
            config,
            limits,
        };
        if let Some(switch) = conn.switch {
            this.begin_with(*switch);
        }
        this
    }

    /// A connection that was HTTP/1.1 until its first request asked for this (RFC 7540, section 3.2): that request is
    /// stream 1, and has ended.
    fn begin_with(&mut self, switch: Switch) {
        // Settings that are malformed are as good as none: the peer sends them again behind its preface.
        let mut settings = Settings::initial();
        if settings.read(&switch.settings, false).is_ok() {
            self.peer = settings;
            self.encoder.set_peer_table_size(settings.table);
        }
        let mut head = switch.head;
        let mut stream = Stream::new(self.peer.window, self.receive_window(), Duration::ZERO);
        stream.asked.is_head = head.attribute(Attribute::Verb).value() == Some(b"HEAD");
        (stream.heard, stream.got) = (true, true);
        self.last = 1;
        self.streams.open(1, stream);
        head.set_stream(StreamId::new(1));
        self.events.push_back(Event::Head(head));
    }

    /// What the peer may send on a new stream: what we announced, or what it assumed before it knew.
    fn receive_window(&self) -> u32 {
        if self.unacknowledged.is_some() || matches!(self.rx, Rx::New) {
            self.own.window.max(INITIAL_WINDOW)
        } else {
            self.own.window
        }
    }

    /// Writes what opens a connection (section 3.4).
    fn start(&mut self, cx: &mut Cx<'_>) {
        self.unacknowledged = Some(cx.now());
        let own = self.own;
        if self.role == Role::Client {
            cx.output().put(PREFACE);
            self.rx = Rx::Frame;
            self.need = HEADER;
        } else {
            self.rx = Rx::Preface;
            self.need = 1;
        }
        cx.output().append(|out| own.put(out));
        let more = fit(self.limits.connection_window).saturating_sub(INITIAL_WINDOW);
        if more > 0 {
            self.write(frame::WINDOW_UPDATE, 0, 0, &more.to_be_bytes(), cx);
        }
    }

    fn write(&self, kind: u8, flags: u8, stream: u32, payload: &[u8], cx: &mut Cx<'_>) {
        cx.output().append(|out| frame::put(out, kind, flags, stream, payload));
    }

    // ----- errors -----

    fn error(&self, code: &'static str, detail: &'static str, scope: Scope) -> DecodeError {
        DecodeError::new(crate::NAME, code, detail, scope).at(self.stats.bytes_in, self.stats.message_at).with_outcome(
            match self.role {
                Role::Server => Outcome::BadRequest,
                Role::Client => Outcome::BadResponse,
            },
        )
    }

    /// The connection is lost: the peer is told why (section 5.4.1).
    fn fatal(&mut self, code: Code, name: &'static str, detail: &'static str, cx: &mut Cx<'_>) -> DecodeError {
        let error = self.error(name, detail, Scope::Connection).with_reply();
        self.lose(code, error, cx)
    }

    fn lose(&mut self, code: Code, error: DecodeError, cx: &mut Cx<'_>) -> DecodeError {
        self.stats.bad_messages = self.stats.bad_messages.saturating_add(1);
        self.put_goaway(self.last_served(), code, error.detail.as_bytes(), cx);
        self.failed = Some(Box::new(error.clone()));
        error
    }

    /// A limit was passed that costs the connection.
    fn over(&mut self, limit: Limit, detail: &'static str, cx: &mut Cx<'_>) -> DecodeError {
        self.stats.trip(limit);
        let error = DecodeError::limit(crate::NAME, limit, detail, Scope::Connection)
            .at(self.stats.bytes_in, self.stats.message_at)
            .with_reply();
        self.lose(Code::ENHANCE_YOUR_CALM, error, cx)
    }

    /// A stream is lost (section 5.4.2).
    fn stream_error(
        &mut self,
        id: u32,
        code: Code,
        name: &'static str,
        detail: &'static str,
        cx: &mut Cx<'_>,
    ) -> DecodeError {
        self.stats.bad_messages = self.stats.bad_messages.saturating_add(1);
        if let Err(error) = self.refuse(id, code, cx) {
            return error;
        }
        self.error(name, detail, Scope::Stream(stream_id(id))).with_reply()
    }

    /// Resets a stream that the peer has spoilt, or must not have.
    fn refuse(&mut self, id: u32, code: Code, cx: &mut Cx<'_>) -> Result<(), DecodeError> {
        // A server's mistakes are as many as our requests: they need no bound.
        if self.role == Role::Server
            && let Err(limit) = self.budgets.provoked(cx.now())
        {
            return Err(self.over(limit, "too many streams had to be reset", cx));
        }
        self.count_reply(cx)?;
        self.reset(id, code, cx);
        Ok(())
    }

    fn count_reply(&mut self, cx: &mut Cx<'_>) -> Result<(), DecodeError> {
        match self.budgets.reply(cx.output()) {
            Ok(()) => Ok(()),
            Err(limit) => Err(self.over(limit, "replies that the peer does not read", cx)),
        }
    }

    /// Writes RST_STREAM and forgets the stream.
    fn reset(&mut self, id: u32, code: Code, cx: &mut Cx<'_>) {
        self.write(frame::RST_STREAM, 0, id, &code.0.to_be_bytes(), cx);
        if self.reset_by_us.len() >= REMEMBERED {
            self.reset_by_us.pop_front();
        }
        self.reset_by_us.push_back(id);
        self.retire(id);
    }

    // ----- streams -----

    /// Whether the stream was never opened.
    const fn is_idle(&self, id: u32) -> bool {
        // A server opens none: that would be a push, which we refuse.
        id.is_multiple_of(2) || id > self.last
    }

    /// The last stream of the peer's that we looked at, for GOAWAY.
    const fn last_served(&self) -> u32 {
        match (self.role, self.drain) {
            (Role::Server, Drain::Final { last }) => last,
            (Role::Server, _) => self.last,
            (Role::Client, _) => 0,
        }
    }

    /// Lets go of a stream that is given up.
    fn retire(&mut self, id: u32) {
        if self.streams.remove(id).is_some() {
            self.freed();
        }
    }

    /// A stream has gone: another one may be opened.
    fn freed(&mut self) {
        if self.wanted {
            self.wanted = false;
            self.events.push_back(Event::Capacity { stream: None });
        }
    }

    /// Changes a stream; if that was its end, it is gone.
    fn change<T>(&mut self, id: u32, change: impl FnOnce(&mut Stream) -> T) -> Option<T> {
        let before = self.streams.len();
        let value = self.streams.change(id, change);
        if self.streams.len() < before {
            self.budgets.finished();
            self.freed();
        }
        value
    }

    /// Connection credit for data that nobody holds any more.
    fn give_back(&mut self, n: usize, cx: &mut Cx<'_>) {
        if let Some(credit) = self.receive.release(n) {
            self.write(frame::WINDOW_UPDATE, 0, 0, &credit.to_be_bytes(), cx);
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
            let step = match self.rx {
                Rx::New => {
                    self.start(cx);
                    None
                }
                Rx::Preface => self.preface(input, cx)?,
                Rx::Frame => self.frame(input, cx)?,
                Rx::Data(data) => self.data(data, input, cx)?,
            };
            if let Some(event) = step {
                // What was found out on the way comes behind.
                return Ok(Step::Event(event));
            }
        }
    }

    fn take(&mut self, input: &mut BytesMut, n: usize) -> Bytes {
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(n as u64);
        input.split_to(n.min(input.len())).freeze()
    }

    /// Takes bytes that nobody gets.
    fn pass(&mut self, input: &mut BytesMut, n: usize) {
        let n = n.min(input.len());
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(n as u64);
        input.advance(n);
    }

    fn preface(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Option<Event>, DecodeError> {
        if input.iter().zip(PREFACE).any(|(seen, known)| seen != known) {
            return Err(self.fatal(Code::PROTOCOL_ERROR, "preface", "a client begins with the preface", cx));
        }
        if input.len() < PREFACE.len() {
            self.need = PREFACE.len();
            return Ok(None);
        }
        self.pass(input, PREFACE.len());
        self.rx = Rx::Frame;
        self.need = HEADER;
        Ok(None)
    }

    /// A frame begins. Its header is there.
    fn frame(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Option<Event>, DecodeError> {
        let Some(header) = Header::read(input) else {
            self.need = HEADER;
            return Ok(None);
        };
        if self.gathered.is_none() {
            self.stats.message_at = self.stats.bytes_in;
        }
        if let Err((code, name, detail)) = self.check_frame(header) {
            return Err(self.fatal(code, name, detail, cx));
        }
        if header.kind == frame::DATA {
            return self.data_frame(header, input, cx);
        }
        let whole = HEADER.saturating_add(header.len);
        if whole > self.limits.buffered() {
            return Err(self.over(Limit::Head, "a frame that must be whole to be read is larger than that", cx));
        }
        if input.len() < whole {
            self.need = whole;
            return Ok(None);
        }
        self.need = HEADER;
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(whole as u64);
        if header.kind > frame::CONTINUATION {
            let payload = input.split_to(whole).freeze().slice(HEADER..);
            return self.unknown_frame(header, payload, cx);
        }
        // Read where it lies: an owner of its own would cost as much as all that is done with most frames.
        let event = self.whole_frame(header, input.get(HEADER..whole).unwrap_or_default(), cx);
        input.advance(whole);
        event
    }

    /// What can be said of a frame by its header and by what came before it.
    fn check_frame(&self, header: Header) -> Result<(), (Code, &'static str, &'static str)> {
        let protocol = |name, detail| Err((Code::PROTOCOL_ERROR, name, detail));
        if header.len > frame::MAX_PAYLOAD && !(self.config.observe && header.kind == frame::DATA) {
            return Err((Code::FRAME_SIZE_ERROR, "frame_size", "a payload is larger than MAX_FRAME_SIZE"));
        }
        if let Some(gathered) = &self.gathered {
            return if header.kind == frame::CONTINUATION && header.stream == gathered.stream {
                Ok(())
            } else {
                protocol("continuation", "a head that goes on is followed by CONTINUATION of its stream only")
            };
        }
        if !self.settled && (header.kind != frame::SETTINGS || header.has(frame::ACK)) {
            return protocol("settings", "SETTINGS come first");
        }
        match header.kind {
            frame::SETTINGS | frame::PING | frame::GOAWAY if header.stream != 0 => {
                protocol("stream", "a frame of the connection is on stream 0")
            }
            frame::DATA | frame::HEADERS | frame::PRIORITY | frame::RST_STREAM if header.stream == 0 => {
                protocol("stream", "a frame of a stream is not on stream 0")
            }
            frame::CONTINUATION => protocol("continuation", "CONTINUATION without a head that goes on"),
            frame::PUSH_PROMISE => protocol("push", "pushes were not allowed"),
            _ => Ok(()),
        }
    }

    fn whole_frame(&mut self, header: Header, payload: &[u8], cx: &mut Cx<'_>) -> Result<Option<Event>, DecodeError> {
        match header.kind {
            frame::HEADERS => self.headers_frame(header, payload, cx),
            frame::CONTINUATION => self.continuation_frame(header, payload, cx),
            frame::PRIORITY => self.priority_frame(header, payload, cx).map(|()| None),
            frame::RST_STREAM => self.reset_frame(header, payload, cx),
            frame::SETTINGS => self.settings_frame(header, payload, cx).map(|()| None),
            frame::PING => self.ping_frame(header, payload, cx).map(Some),
            frame::GOAWAY => self.goaway_frame(payload, cx).map(Some),
            frame::WINDOW_UPDATE => self.window_frame(header, payload, cx).map(|()| None),
            _ => Ok(None),
        }
    }
}

/// The name of a stream.
const fn stream_id(id: u32) -> StreamId {
    StreamId::new(id as u64)
}

/// The wire's id of a name; 0, which is no stream, for what cannot be one.
fn wire_id(name: StreamId) -> u32 {
    if name.is_new() { 0 } else { u32::try_from(name.id()).unwrap_or_default() }
}

fn fit(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(MAX_31).min(MAX_31)
}

impl Codec for Connection {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if matches!(self.rx, Rx::New) {
            self.start(cx);
        }
        match &self.failed {
            // What is owed to those who wait comes first.
            Some(error) => match self.events.pop_front() {
                Some(event @ Event::Capacity { .. }) => Ok(Step::Event(event)),
                _ => Err((**error).clone()),
            },
            None => self.step(input, cx),
        }
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        match self.decode(input, cx)? {
            Step::NeedMore(_) if input.is_empty() && !self.state().receiving => {
                self.end();
                match self.events.pop_front() {
                    Some(event) => Ok(Step::Event(event)),
                    None => Ok(Step::Closed),
                }
            }
            Step::NeedMore(_) => {
                self.stats.bytes_in = self.stats.bytes_in.saturating_add(input.len() as u64);
                input.clear();
                self.end();
                let error = self.error("truncated", "the connection ended inside a message", Scope::Connection);
                self.failed = Some(Box::new(error.clone()));
                Err(error)
            }
            step => Ok(step),
        }
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        self.send_event(event, cx)
    }

    fn state(&self) -> ConnState {
        let mut state = ConnState::default();
        state.receiving = matches!(self.rx, Rx::Data(_))
            || self.need > HEADER
            || self.gathered.is_some()
            || self.streams.is_receiving();
        state.sending = self.streams.is_sending();
        state.open = self.streams.len();
        state.draining = self.draining || self.failed.is_some();
        state.close = self.failed.is_some() || (self.streams.is_empty() && self.is_drained());
        state
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        let open = self.streams.get(wire_id(stream)).filter(|open| !open.sent)?;
        if open.begun { build::late_reply(stream, open.asked, reply) } else { build::reply(stream, open.asked, reply) }
    }

    fn capacity(&self, stream: StreamId) -> usize {
        let left = self.streams.get(wire_id(stream)).map_or(0, |stream| stream.send.left());
        left.min(self.send.left())
    }

    fn release(&mut self, stream: StreamId, n: usize, cx: &mut Cx<'_>) {
        self.budgets.released();
        // The connection gets it back even where the stream is gone.
        self.give_back(n, cx);
        let id = wire_id(stream);
        if let Some(Some(credit)) = self.streams.peek(id, |open| if open.got { None } else { open.receive.release(n) })
        {
            self.write(frame::WINDOW_UPDATE, 0, id, &credit.to_be_bytes(), cx);
        }
    }

    fn heartbeat(&mut self, cx: &mut Cx<'_>) -> bool {
        if matches!(self.rx, Rx::New) {
            self.start(cx);
        }
        self.pings = self.pings.wrapping_add(1) & (u64::MAX >> 1);
        self.stats.heartbeats_out = self.stats.heartbeats_out.saturating_add(1);
        let payload = self.pings.to_be_bytes();
        self.write(frame::PING, 0, 0, &payload, cx);
        true
    }

    fn go_away(&mut self, cx: &mut Cx<'_>) {
        if matches!(self.rx, Rx::New) {
            self.start(cx);
        }
        self.begin_drain(cx);
    }

    fn set_depth(&mut self, _: &Arc<Depth>) {
        // The tables of HPACK want every field read, whoever looks at it.
    }

    fn next_deadline(&self) -> Option<Duration> {
        if self.failed.is_some() {
            return None;
        }
        let settings = self.unacknowledged.map(|since| since.saturating_add(SETTINGS_TIMEOUT));
        [settings, self.stall_at, self.drain.deadline()].into_iter().flatten().min()
    }

    fn on_deadline(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now();
        if self.failed.is_some() {
            return;
        }
        if self.unacknowledged.is_some_and(|since| since.saturating_add(SETTINGS_TIMEOUT) <= now) {
            let _ = self.fatal(Code::SETTINGS_TIMEOUT, "settings", "our settings were not acknowledged", cx);
            return;
        }
        if self.drain.deadline().is_some_and(|at| at <= now) {
            self.finish_drain(cx);
        }
        if self.stall_at.is_some_and(|at| at <= now) {
            self.reset_stalled(cx);
        }
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn trim(&mut self) {
        if self.streams.is_empty() {
            self.streams.trim();
        }
        self.list.trim();
        self.repeat.forget();
        self.events.shrink_to_fit();
        self.reset_by_us.shrink_to_fit();
    }
}

impl Connection {
    /// Nothing comes from the peer any more: what waits for it would wait for ever.
    fn end(&mut self) {
        self.ended = true;
        if self.wanted || self.starved {
            (self.wanted, self.starved) = (false, false);
            self.events.push_back(Event::Capacity { stream: None });
        }
    }

    /// Resets streams that have waited for credit for too long: what they hold is held for nobody.
    fn reset_stalled(&mut self, cx: &mut Cx<'_>) {
        self.stall_at = None;
        let (stall, now) = (Duration::from_secs(u64::from(self.limits.stall)), cx.now());
        let (mut late, mut next) = (Vec::new(), None::<Duration>);
        for (id, stream) in self.streams.each() {
            let Some(at) = stream.waits_since.map(|since| since.saturating_add(stall)) else { continue };
            if at <= now {
                late.push(id);
            } else {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        self.stall_at = next;
        late.sort_unstable();
        for id in late {
            self.stats.trip(Limit::Stall);
            self.reset(id, Code::CANCEL, cx);
            self.events.push_back(Event::Reset(Reset { stream: stream_id(id), reason: ResetReason::Cancelled }));
        }
    }
}

#[cfg(test)]
mod tests {
    use meshwire::Endpoint;

    use super::*;

    #[test]
    fn ids_run_out() {
        let mut codec = Connection::new(Arc::default(), Conn::client());
        codec.last = MAX_31 - 4;
        let mut end = Endpoint::new(Box::new(codec));
        for id in [MAX_31 - 2, MAX_31] {
            assert!(!end.codec().state().draining);
            let mut ask = crate::request("GET", "/", "h", &[], "").unwrap();
            assert_eq!(end.send(&mut ask).unwrap(), Sent::All);
            assert_eq!(ask.stream(), Some(stream_id(id)));
        }
        let state = end.codec().state();
        assert!(state.draining && !state.close && state.open == 2);
        let mut ask = crate::request("GET", "/", "h", &[], "").unwrap();
        assert!(matches!(end.send(&mut ask), Err(EncodeError::Refused(_))));
    }

    #[test]
    fn what_a_connection_holds_is_small() {
        assert!(size_of::<Connection>() <= 2048, "{}", size_of::<Connection>());
        assert!(size_of::<Stream>() <= 168, "{}", size_of::<Stream>());
    }
}
