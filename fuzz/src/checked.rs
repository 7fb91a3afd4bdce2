//! A codec around a codec, which asserts at every call what holds whatever the bytes are.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use meshwire::{
    Attribute, Codec, Conn, ConnState, Cx, DecodeError, Depth, EncodeError, Event, Kind, Limits, LocalReply, Protocol,
    ProtocolTraits, Role, RoutingKey, Sent, Stats, Step, StreamId,
};

/// What one call may queue beyond what it was asked to write: answers owed and held, control frames, a rebuilt head.
const REPLIES: u64 = 64 * 1024;

/// Calls that an input may cause. Inputs are a few KiB; more is a livelock.
const CALLS: u64 = 1 << 20;

pub(crate) struct Checked {
    codec: Box<dyn Codec>,
    role: Role,
    traits: ProtocolTraits,
    limits: Arc<Limits>,
    /// Bytes that came, those of them not yet consumed, and whether no more will come.
    fed: u64,
    unread: usize,
    ended: bool,
    /// Data bytes that came out, events that came out, calls that may cause an event, calls in all.
    data: u64,
    events: u64,
    causes: u64,
    calls: u64,
    /// Data bytes not yet released, by stream and in all.
    held: HashMap<StreamId, usize>,
    held_in_all: usize,
    fatal: Option<DecodeError>,
}

impl Checked {
    pub(crate) fn new(protocol: &dyn Protocol, conn: Conn) -> Self {
        Self {
            role: conn.role,
            traits: protocol.traits(),
            limits: Arc::clone(&conn.limits),
            codec: protocol.codec(conn),
            fed: 0,
            unread: 0,
            ended: false,
            data: 0,
            events: 0,
            causes: 0,
            calls: 0,
            held: HashMap::new(),
            held_in_all: 0,
            fatal: None,
        }
    }

    fn call(&mut self) {
        self.calls += 1;
        assert!(self.calls <= CALLS, "{:?}: {CALLS} calls for {} bytes", self.role, self.fed);
    }

    fn cause(&mut self) {
        self.call();
        self.causes += 1;
    }

    fn step(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if self.ended { self.codec.decode_eof(input, cx) } else { self.codec.decode(input, cx) }
    }

    fn checked_step(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        self.call();
        let role = self.role;
        assert!(input.len() >= self.unread, "{role:?}: input went away between two calls");
        self.fed += (input.len() - self.unread) as u64;

        let (before, queued) = (input.len(), cx.output().total());
        let step = self.step(input, cx);
        assert!(input.len() <= before, "{role:?}: decoding added input");
        let queued = cx.output().total() - queued;
        assert!(queued <= REPLIES, "{role:?}: one call to decode queued {queued} bytes");
        match &step {
            Ok(Step::Event(event)) => self.check_event(event),
            Ok(Step::NeedMore(n)) => self.check_need(n.get(), input, cx),
            Ok(Step::Paused) => {}
            Ok(Step::Closed) => {
                let closed = self.ended || self.codec.state().close;
                assert!(closed, "{role:?}: closed before the end of input, on a connection that goes on");
            }
            Err(error) => self.check_error(error, queued),
        }
        self.unread = input.len();
        step
    }

    fn check_event(&mut self, event: &Event) {
        let role = self.role;
        assert!(self.fatal.is_none(), "{role:?}: {event:?} after {:?}", self.fatal);
        self.count_event();

        let n = event.data_len();
        self.data += n as u64;
        assert!(self.data <= self.fed, "{role:?}: {} data bytes out of {} received", self.data, self.fed);
        if let Some(stream) = event.stream().filter(|_| n > 0) {
            let of_stream = self.held.entry(stream).or_default();
            let held = if self.traits.interleaved { *of_stream } else { self.held_in_all };
            assert!(held <= self.limits.window, "{role:?}: data of {stream} comes while {held} bytes are held");
            *of_stream += n;
            self.held_in_all += n;
        }

        match event {
            Event::Head(head) => {
                let asked = role == Role::Server;
                assert_eq!(head.kind().is_request(), asked, "{role:?}: a {}", head.kind().name());
                assert!(!head.stream().is_new(), "{role:?}: a decoded head without a name");
                let bytes = head.head_bytes().len();
                assert!(bytes <= self.limits.buffered(), "{role:?}: a head of {bytes} bytes");
                for attribute in Attribute::ALL {
                    let _ = head.attribute(attribute);
                }
                let _ = (head.host(), head.verb(), head.path().map(|path| path.map(|path| path.to_bytes().len())));
                let most = bytes + 1;
                let fields = head.fields().into_iter().flatten().take(most + 1).count();
                assert!(fields <= most, "{role:?}: the fields of a head of {bytes} bytes do not end");
            }
            Event::Trailers(trailers) => {
                assert_eq!(trailers.kind(), Kind::Trailers, "{role:?}");
                let bytes = trailers.head_bytes().len();
                assert!(bytes <= self.limits.buffered(), "{role:?}: {bytes} bytes of trailers");
            }
            _ => {}
        }
    }

    /// Each byte and each call can be worth a few events; an event for nothing, again and again, is a livelock.
    fn count_event(&mut self) {
        self.events += 1;
        let most = 8 * (self.fed + self.causes) + 64;
        let (role, events, causes, fed) = (self.role, self.events, self.causes, self.fed);
        assert!(events <= most, "{role:?}: {events} events for {fed} bytes and {causes} calls");
    }

    fn check_need(&mut self, n: usize, input: &mut BytesMut, cx: &mut Cx<'_>) {
        let role = self.role;
        assert!(!self.ended, "{role:?}: {n} more bytes wanted after the end of input");
        let (unread, most) = (input.len(), self.limits.buffered());
        assert!(unread.saturating_add(n) <= most, "{role:?}: {n} more bytes wanted on top of {unread}, past {most}");

        // Asking again with nothing new changes nothing.
        let queued = cx.output().total();
        match self.step(input, cx) {
            Ok(Step::NeedMore(again)) => assert_eq!(again.get(), n, "{role:?}: asked twice, two answers"),
            other => panic!("{role:?}: asked twice, first {n} more bytes, then {other:?}"),
        }
        assert_eq!(input.len(), unread, "{role:?}: asked twice, more was consumed");
        assert_eq!(cx.output().total(), queued, "{role:?}: asked twice, more was queued");
    }

    fn check_error(&mut self, error: &DecodeError, queued: u64) {
        let role = self.role;
        let (at, message_at) = (error.offset, error.message_offset);
        assert!(at <= self.fed, "{role:?}: {error}, of {} bytes received", self.fed);
        assert!(message_at <= at, "{role:?}: {error}, in a message that begins at {message_at}");
        if let Some(known) = &self.fatal {
            assert_eq!(known, error, "{role:?}: another error after a fatal one");
            assert_eq!(queued, 0, "{role:?}: something was written after a fatal error");
            return;
        }
        self.count_event();
        if error.is_fatal() {
            self.fatal = Some(error.clone());
        }
    }
}

impl Codec for Checked {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        assert!(!self.ended, "{:?}: decode after decode_eof", self.role);
        self.checked_step(input, cx)
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        self.causes += u64::from(!self.ended);
        self.ended = true;
        self.checked_step(input, cx)
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        self.cause();
        let role = self.role;
        let data = event.data_len();
        let size = match event {
            Event::Head(head) => head.bytes().len(),
            Event::Trailers(trailers) => trailers.head_bytes().len() + 8,
            _ => data,
        };
        let before = cx.output().total();
        let sent = self.codec.encode(event, cx);
        let queued = cx.output().total() - before;
        assert!(queued <= 2 * size as u64 + REPLIES, "{role:?}: {queued} bytes queued for an event of {size}");
        match &sent {
            Ok(Sent::All) => {}
            Ok(Sent::Blocked) => assert!(event.data_len() <= data, "{role:?}: a refused event has grown"),
            Err(error) => assert_eq!(queued, 0, "{role:?}: {error}, and yet bytes were queued"),
        }
        sent
    }

    fn state(&self) -> ConnState {
        self.codec.state()
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        self.cause();
        let event = self.codec.reply(stream, reply);
        if let Some(event) = &event {
            assert_eq!(event.stream(), Some(stream), "{:?}: a reply to another stream", self.role);
            assert!(event.is_end(), "{:?}: a reply that goes on", self.role);
        }
        event
    }

    fn capacity(&self, stream: StreamId) -> usize {
        self.codec.capacity(stream)
    }

    fn release(&mut self, stream: StreamId, n: usize, cx: &mut Cx<'_>) {
        self.cause();
        if let Some(held) = self.held.get_mut(&stream) {
            *held = held.saturating_sub(n);
            if *held == 0 {
                self.held.remove(&stream);
            }
        }
        self.held_in_all = self.held_in_all.saturating_sub(n);
        self.codec.release(stream, n, cx);
    }

    fn heartbeat(&mut self, cx: &mut Cx<'_>) -> bool {
        self.cause();
        self.codec.heartbeat(cx)
    }

    fn go_away(&mut self, cx: &mut Cx<'_>) {
        self.cause();
        self.codec.go_away(cx);
    }

    fn set_depth(&mut self, depth: &Arc<Depth>) {
        self.codec.set_depth(depth);
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.codec.next_deadline()
    }

    fn on_deadline(&mut self, cx: &mut Cx<'_>) {
        self.cause();
        self.codec.on_deadline(cx);
    }

    fn opaque(&self) -> u64 {
        // Nothing is moved past the codec here: everything is to be looked at.
        0
    }

    fn stats(&self) -> &Stats {
        self.codec.stats()
    }

    fn trim(&mut self) {
        self.codec.trim();
    }
}
