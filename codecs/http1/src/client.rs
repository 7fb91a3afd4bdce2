//! The asking end: requests out, answers in, in their order.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use meshwire::{
    Attribute, Body, Codec, ConnState, Cx, DecodeError, EncodeError, Event, Head, Kind, Limit, Limits, RoutingKey,
    Scope, Sent, Stats, Step, StreamId,
};

use crate::body::{Inbound, Outbound, Piece, check_message, check_trailers};
use crate::build::{self, bodyless_note, is_interim};
use crate::config::Config;
use crate::fault::Fault;
use crate::format;
use crate::note::{Framing, Note};
use crate::parse;
use crate::scan::{Found, Scan};
use crate::upgrade::{self, Offer};
use crate::websocket::{self, Accept};
use crate::write::{self, Connection, Frame, Handshake, Plan};

/// The codec of [`Role::Client`](meshwire::Role::Client).
#[derive(Debug)]
pub(crate) struct Client {
    config: Arc<Config>,
    limits: Arc<Limits>,
    stats: Stats,
    reading: Reading,
    /// Requests written and not answered in full, oldest first.
    asked: VecDeque<Asked>,
    /// The request being written.
    writing: Option<(StreamId, Outbound)>,
    last_id: u64,
    held: usize,
    error: Option<Box<DecodeError>>,
    /// A new request was refused for now.
    blocked: bool,
    /// Early tunnel bytes were refused for now.
    early: Option<StreamId>,
    /// A switch that was refused last: its stream may still be told to end.
    refused: Option<StreamId>,
    /// No further request may be written.
    stop: bool,
    close: bool,
}

#[derive(Debug)]
enum Reading {
    Head(Scan),
    Body { stream: StreamId, body: Inbound },
    Switched { stream: StreamId },
    Tunnel { stream: StreamId, open: bool },
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Asked {
    stream: StreamId,
    head: bool,
    connect: bool,
    upgrade: bool,
    /// The handshake is ours: this is what the other end answers it with.
    accept: Option<Accept>,
    interim: usize,
    /// The request said that it is the last.
    last: bool,
}

impl Asked {
    /// Whether what follows on the connection depends on the answer.
    const fn may_switch(&self) -> bool {
        self.connect || self.upgrade
    }
}

impl Client {
    pub(crate) fn new(config: Arc<Config>, limits: Arc<Limits>) -> Self {
        Self {
            config,
            limits,
            stats: Stats::default(),
            reading: Reading::Head(Scan::default()),
            asked: VecDeque::new(),
            writing: None,
            last_id: 0,
            held: 0,
            error: None,
            blocked: false,
            early: None,
            refused: None,
            stop: false,
            close: false,
        }
    }

    const fn is_tunnel(&self) -> bool {
        matches!(self.reading, Reading::Tunnel { .. } | Reading::Switched { .. })
    }

    /// Whether a new request may be written now.
    fn is_free(&self) -> bool {
        self.writing.is_none()
            && self.asked.len() < self.config.pipeline
            && !self.asked.back().is_some_and(Asked::may_switch)
    }

    fn step(&mut self, input: &mut BytesMut) -> Result<Step, DecodeError> {
        if let Some(error) = &self.error {
            return Err((**error).clone());
        }
        // Who waits for an end that has come learns it by asking again.
        if self.blocked && (self.is_free() || self.stop || self.close || self.is_tunnel()) {
            self.blocked = false;
            return Ok(Step::Event(Event::Capacity { stream: None }));
        }
        if let Some(stream) = self.early
            && !self.asked.iter().any(|asked| asked.stream == stream && !self.is_tunnel())
            && !matches!(self.reading, Reading::Switched { .. })
        {
            self.early = None;
            return Ok(Step::Event(Event::Capacity { stream: Some(stream) }));
        }
        let before = input.len();
        let result = self.read(input);
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(before.saturating_sub(input.len()) as u64);
        result.map_err(|fault| {
            if let Some(limit) = fault.limit {
                self.stats.trip(limit);
            }
            self.stats.bad_messages = self.stats.bad_messages.saturating_add(1);
            self.fail(fault.of_response(self.stats.bytes_in, self.stats.message_at))
        })
    }

    fn fail(&mut self, error: DecodeError) -> DecodeError {
        self.error = Some(Box::new(error.clone()));
        self.stop = true;
        self.close = true;
        error
    }

    /// What came is thrown away, and counted all the same.
    fn skip(&mut self, input: &mut BytesMut) {
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(input.len() as u64);
        input.clear();
    }

    fn read(&mut self, input: &mut BytesMut) -> Result<Step, Fault> {
        if self.close {
            return Ok(Step::Closed);
        }
        let room = self.limits.window.saturating_sub(self.held);
        match &mut self.reading {
            Reading::Head(_) => self.read_head(input),
            Reading::Body { stream, body } => {
                let stream = *stream;
                let event = match body.next(input, room, &self.limits)? {
                    Piece::More(n) => return Ok(Step::need(n)),
                    Piece::Full => return Ok(Step::Paused),
                    Piece::Data(data, end) => Event::Body(Body { stream, data, end }),
                    Piece::Trailers(section) => Event::Trailers(build::trailers(stream, section)),
                };
                self.held = self.held.saturating_add(event.data_len());
                if event.is_end() {
                    self.answered();
                }
                Ok(Step::Event(event))
            }
            Reading::Switched { stream } => {
                let stream = *stream;
                self.reading = Reading::Tunnel { stream, open: true };
                Ok(Step::Event(Event::Upgraded { stream }))
            }
            Reading::Tunnel { open: false, .. } => Ok(Step::Closed),
            Reading::Tunnel { stream, .. } => {
                let n = input.len().min(room);
                if room == 0 {
                    return Ok(Step::Paused);
                }
                if n == 0 {
                    return Ok(Step::need(1));
                }
                self.held = self.held.saturating_add(n);
                Ok(Step::Event(Event::Body(Body { stream: *stream, data: input.split_to(n).freeze(), end: false })))
            }
        }
    }

    fn read_head(&mut self, input: &mut BytesMut) -> Result<Step, Fault> {
        let Reading::Head(scan) = &mut self.reading else { return Ok(Step::Paused) };
        self.stats.message_at = self.stats.bytes_in;
        if input.is_empty() {
            return Ok(Step::need(1));
        }
        if self.asked.is_empty() {
            if !self.config.assume_get {
                // Nobody can say whose it is: the next request must not be given this answer.
                return Err(Fault::bad("unsolicited", "an answer follows its request"));
            }
            self.last_id = self.last_id.saturating_add(1);
            self.asked.push_back(Asked {
                stream: StreamId::new(self.last_id),
                head: false,
                connect: false,
                upgrade: true,
                accept: None,
                interim: 0,
                last: false,
            });
        }
        if scan.seen == 0
            && let Some((parsed, end)) = parse::response_at_once(input, &self.limits)
        {
            return self.take_head(input, &parsed, end);
        }
        let end = match scan.run(input) {
            Found::End(end) if end <= self.limits.head => end,
            Found::BareLf(at) => return Err(Fault::bad("line_end", "a line ends with CR LF").at(at)),
            Found::More if input.len() <= self.limits.head => return Ok(Step::need(1)),
            Found::End(_) | Found::More => return Err(Fault::limit(Limit::Head, "the head is too long")),
        };
        let parsed = parse::response(input.get(..end).unwrap_or_default(), scan, &self.limits)?;
        self.take_head(input, &parsed, end)
    }

    fn take_head(&mut self, input: &mut BytesMut, parsed: &parse::Response, end: usize) -> Result<Step, Fault> {
        let Some(asked) = self.asked.front_mut() else { return Ok(Step::Paused) };
        let (stream, code) = (asked.stream, parsed.status);
        self.stats.messages_in = self.stats.messages_in.saturating_add(1);
        if is_interim(code) {
            asked.interim = asked.interim.saturating_add(1);
            if asked.interim > self.limits.interim {
                return Err(Fault::limit(Limit::Interim, "too many interim answers"));
            }
            let note = bodyless_note(parsed.note, code);
            let bytes = input.split_to(end).freeze();
            let mut head = build::response_head(note, code, parsed.fields_at, Kind::Interim, stream, bytes, end);
            // The message ends here; the answer is still to come.
            head.set_end(true);
            self.reading = Reading::Head(Scan::default());
            return Ok(Step::Event(Event::Head(head)));
        }
        let switched = code == 101;
        let connected = asked.connect && matches!(code, 200..=299);
        // RFC 9112, section 6.3, in its order.
        let (note, length) = if switched || connected || matches!(code, 204 | 304) {
            (bodyless_note(parsed.note, code), Some(0))
        } else if asked.head {
            (parsed.note, Some(0))
        } else if parsed.note.framing() == Framing::Length {
            (parsed.note, Some(parsed.length.unwrap_or_default()))
        } else {
            (parsed.note, None)
        };
        check_message((end as u64).saturating_add(length.unwrap_or_default()), &self.limits)?;
        let room = self.limits.window.saturating_sub(self.held);
        let taken = end as u64;
        let (data, body) = match length {
            Some(length) => {
                let have = input.len().saturating_sub(end).min(room);
                let data = usize::try_from(length).unwrap_or(usize::MAX).min(have);
                let left = length.saturating_sub(data as u64);
                (data, (left > 0).then_some(Inbound::length(left, taken)))
            }
            None if note.framing() == Framing::Chunked => (0, Some(Inbound::chunked(taken))),
            None => (0, Some(Inbound::until_close(taken))),
        };
        // RFC 9112, section 9.3; and RFC 9931 for a CONNECT that was refused.
        let keep = !note.has(Note::CLOSE)
            && (!note.has(Note::OLD) || note.has(Note::KEEP))
            && !asked.last
            && !asked.connect
            && !body.as_ref().is_some_and(Inbound::ends_with_input);
        asked.last = !keep;
        let (may_switch, accept) = (asked.upgrade, asked.accept);
        let bytes = input.split_to(end.saturating_add(data)).freeze();
        let mut head = build::response_head(note, code, parsed.fields_at, Kind::Response, stream, bytes, end);
        self.held = self.held.saturating_add(data);
        if switched && !(may_switch && upgrade::mark(&mut head, |protocol| self.config.allows(protocol))) {
            return Err(Fault::bad("upgrade", "a switch to a protocol that was not asked for"));
        }
        if switched && accept.is_some_and(|accept| !is_accepted(&head, accept)) {
            return Err(Fault::bad("upgrade", "Sec-WebSocket-Accept does not answer the key"));
        }
        if switched || connected {
            self.stop = true;
            self.reading = Reading::Switched { stream };
            self.writing = Some((stream, Outbound::Raw));
            return Ok(Step::Event(Event::Head(head)));
        }
        head.set_end(body.is_none());
        self.stop |= !keep;
        match body {
            Some(body) => self.reading = Reading::Body { stream, body },
            None => self.answered(),
        }
        Ok(Step::Event(Event::Head(head)))
    }

    /// The front request has its answer.
    fn answered(&mut self) {
        self.reading = Reading::Head(Scan::default());
        if let Some(done) = self.asked.pop_front() {
            if done.may_switch() {
                self.refused = Some(done.stream);
            }
            // RFC 9112, section 9.6: what was pipelined behind is not answered any more.
            self.close |= done.last || (self.stop && self.asked.is_empty());
        }
    }

    fn encode_head(&mut self, head: &mut Head, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if !head.kind().is_request() {
            return Err(EncodeError::Refused("a client writes requests"));
        }
        if !head.stream().is_new() {
            return Err(EncodeError::Refused("a request is named as it is written"));
        }
        write::check_semantics(head)?;
        if self.stop || self.close {
            return Err(EncodeError::Refused("the connection takes no further request"));
        }
        if !self.is_free() {
            self.blocked = true;
            return Ok(Sent::Blocked);
        }
        let note = format::note(head);
        let verb = head.attribute(Attribute::Verb).value().unwrap_or_default();
        // An extended CONNECT of another protocol (RFC 8441) asks for what an Upgrade asks for here.
        let extended = if note.is_none() { head.upgrade() } else { None };
        if extended.is_some_and(|protocol| !self.config.allows(protocol)) {
            return Err(EncodeError::NoPlace { protocol: crate::NAME, what: "a tunnel of this protocol" });
        }
        let (is_head, connect) = (verb == b"HEAD", verb == b"CONNECT" && extended.is_none());
        if note.is_none() && head.is_end() && (connect || extended.is_some()) {
            return Err(EncodeError::Invalid { protocol: crate::NAME, what: "a tunnel that ends before it begins" });
        }
        let n = head.data().len();
        let stream = StreamId::new(self.last_id.saturating_add(1));
        let (frame, mut body) = match write::declared_length(head)? {
            _ if connect && n > 0 => return Err(EncodeError::TooLong(head.stream())),
            _ if connect || extended.is_some() => (Frame::None, Outbound::Nothing),
            Some(length) => (Frame::Length(length), Outbound::Length(length)),
            // RFC 9110, section 8.6: methods that give content a meaning say that there is none.
            None if head.is_end() && n == 0 && (note.is_some() || !matches!(verb, b"POST" | b"PUT" | b"PATCH")) => {
                (Frame::None, Outbound::Nothing)
            }
            None if head.is_end() => (Frame::Length(n as u64), Outbound::Length(n as u64)),
            None if note.is_some_and(|note| note.has(Note::UPGRADE)) => (Frame::None, Outbound::Nothing),
            None => (Frame::Chunked, Outbound::Chunked),
        };
        body.check(head.stream(), n, head.is_end() && !connect)?;
        let forwarded = note.is_none_or(|note| note.has(Note::FORWARDED));
        let last = !forwarded && note.is_some_and(|note| note.has(Note::CLOSE));
        let offer = Offer::of(head, &self.config);
        let protocol = offer.protocol().or(extended);
        let upgrade = protocol.is_some();
        let key = extended.filter(|it| websocket::is_meant(it)).map(|_| websocket::key(stream.id(), cx.now()));
        let connection = match protocol {
            Some(protocol) => Connection::Upgrade(protocol),
            None if last => Connection::Close,
            None => Connection::Default,
        };
        let via = if forwarded { self.config.via.as_deref() } else { None };
        let handshake = if extended.is_some() { Handshake::Ask(key) } else { Handshake::None };
        let plan = Plan { framing: frame, connection, via, strip: offer.must_strip(), handshake };
        // A tunnel may follow: whether the stream ends here, the answer tells.
        let switch = connect || upgrade;
        let end = head.is_end() || switch;
        if let (Outbound::Length(left), true) = (body, write::is_untouched(head, &plan)) {
            cx.output().put_bytes(head.bytes().clone());
            body = Outbound::Length(left.saturating_sub(n as u64));
        } else {
            write::put_head(head, &plan, cx.output())?;
            body.put(head.take_data(), end, cx.output());
        }
        self.last_id = stream.id();
        head.set_stream(stream);
        self.stats.messages_out = self.stats.messages_out.saturating_add(1);
        self.stop |= last;
        let accept = key.map(|key| websocket::accept(&key));
        self.asked.push_back(Asked { stream, head: is_head, connect, upgrade, accept, interim: 0, last });
        if !end {
            self.writing = Some((stream, body));
        }
        Ok(Sent::All)
    }

    /// How the body of `stream` is written; `None` if it must wait for the answer.
    fn outbound(&mut self, stream: StreamId) -> Result<Option<&mut Outbound>, EncodeError> {
        let switching = self.asked.back().is_some_and(|asked| asked.stream == stream && asked.may_switch());
        let tunnel = self.is_tunnel();
        match &mut self.writing {
            Some((open, body)) if *open == stream => Ok(Some(body)),
            // RFC 9931: nothing is sent on the hope that the switch succeeds.
            _ if switching && !tunnel => {
                self.early = Some(stream);
                Ok(None)
            }
            _ => Err(EncodeError::NotOpen(stream)),
        }
    }

    fn encode_body(&mut self, body: &mut Body, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if self.refused == Some(body.stream) {
            // Bytes for a tunnel that there is not go nowhere; the end of its stream says nothing new.
            body.data.clear();
            return Ok(Sent::All);
        }
        let Some(writing) = self.outbound(body.stream)? else { return Ok(Sent::Blocked) };
        writing.check(body.stream, body.data.len(), body.end)?;
        writing.put(std::mem::take(&mut body.data), body.end, cx.output());
        if body.end {
            self.written();
        }
        Ok(Sent::All)
    }

    fn encode_trailers(&mut self, trailers: &Head, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let Some(writing) = self.outbound(trailers.stream())? else { return Ok(Sent::Blocked) };
        writing.check(trailers.stream(), 0, true)?;
        check_trailers(trailers)?;
        writing.put_trailers(trailers, cx.output());
        self.written();
        Ok(Sent::All)
    }

    /// The request, or this direction of the tunnel, is written in full.
    fn written(&mut self) {
        self.writing = None;
        if let Reading::Tunnel { open: false, .. } = self.reading {
            self.close = true;
        }
    }
}

/// Whether a switch has read our key (RFC 6455, section 4.1).
fn is_accepted(head: &Head, accept: Accept) -> bool {
    let mut answers =
        head.fields().into_iter().flatten().filter(|(name, _)| name.eq_ignore_ascii_case(websocket::ACCEPT));
    matches!((answers.next(), answers.next()), (Some((_, value)), None) if value == accept)
}

impl Codec for Client {
    fn decode(&mut self, input: &mut BytesMut, _: &mut Cx<'_>) -> Result<Step, DecodeError> {
        self.step(input)
    }

    fn decode_eof(&mut self, input: &mut BytesMut, _: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let step = self.step(input)?;
        if !matches!(step, Step::NeedMore(_)) {
            return Ok(step);
        }
        self.stop = true;
        // Who waits is told before all is said.
        if std::mem::take(&mut self.blocked) {
            return Ok(Step::Event(Event::Capacity { stream: None }));
        }
        match &mut self.reading {
            Reading::Head(_) if input.is_empty() => {
                self.close = true;
                Ok(Step::Closed)
            }
            Reading::Body { stream, body } if body.ends_with_input() => {
                let stream = *stream;
                self.answered();
                self.close = true;
                Ok(Step::Event(Event::Body(Body { stream, data: Bytes::new(), end: true })))
            }
            Reading::Tunnel { stream, open } => {
                let stream = *stream;
                *open = false;
                self.close |= self.writing.is_none();
                Ok(Step::Event(Event::Body(Body { stream, data: Bytes::new(), end: true })))
            }
            _ => {
                self.skip(input);
                let error = DecodeError::new(
                    crate::NAME,
                    "truncated",
                    "the connection ended inside a message",
                    Scope::Connection,
                )
                .at(self.stats.bytes_in, self.stats.message_at)
                .with_outcome(meshwire::Outcome::BadResponse);
                Err(self.fail(error))
            }
        }
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        match event {
            Event::Head(head) => self.encode_head(head, cx),
            Event::Body(body) => self.encode_body(body, cx),
            Event::Trailers(trailers) => self.encode_trailers(trailers, cx),
            Event::Reset(reset) => {
                // The wire cannot say it: the exchange is given up with its connection.
                let open = self.asked.iter().any(|asked| asked.stream == reset.stream)
                    || self.writing.is_some_and(|(stream, _)| stream == reset.stream);
                if open {
                    self.asked.retain(|asked| asked.stream != reset.stream);
                    self.writing = None;
                    self.stop = true;
                    self.close = true;
                }
                Ok(Sent::All)
            }
            Event::GoAway => {
                self.go_away(cx);
                Ok(Sent::All)
            }
            Event::Extension(_) => {
                Err(EncodeError::NoPlace { protocol: crate::NAME, what: "a frame of an unknown type" })
            }
            Event::Switch(_) => Err(EncodeError::NoPlace { protocol: crate::NAME, what: "a change of protocol" }),
            _ => Ok(Sent::All),
        }
    }

    fn state(&self) -> ConnState {
        let mut state = ConnState::default();
        state.receiving = match &self.reading {
            Reading::Head(scan) => scan.seen > 0,
            Reading::Body { .. } => true,
            Reading::Switched { .. } | Reading::Tunnel { .. } => false,
        } && !self.close;
        state.sending = self.writing.is_some();
        let writing = self.writing.is_some_and(|(stream, _)| self.asked.iter().all(|asked| asked.stream != stream));
        state.open = self.asked.len().saturating_add(usize::from(writing));
        state.draining = self.stop || self.close;
        state.close = self.close;
        state.tunnel = self.is_tunnel();
        state.ended = state.tunnel && self.writing.is_none() && !self.close;
        state
    }

    fn capacity(&self, stream: StreamId) -> usize {
        match self.writing {
            Some((open, Outbound::Length(left))) if open == stream => usize::try_from(left).unwrap_or(usize::MAX),
            Some((open, Outbound::Nothing)) if open == stream => 0,
            Some((open, _)) if open == stream => usize::MAX,
            _ => 0,
        }
    }

    fn release(&mut self, _: StreamId, n: usize, _: &mut Cx<'_>) {
        self.held = self.held.saturating_sub(n);
    }

    fn go_away(&mut self, _: &mut Cx<'_>) {
        self.stop = true;
        self.close |= self.asked.is_empty() && self.writing.is_none();
    }

    fn opaque(&self) -> u64 {
        if matches!(self.reading, Reading::Tunnel { open: true, .. }) { u64::MAX } else { 0 }
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn trim(&mut self) {
        self.asked.shrink_to_fit();
    }
}
