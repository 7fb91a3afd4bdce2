//! The answering end: requests in, answers out in their order.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use meshwire::{
    Body, Codec, ConnState, Cx, DecodeError, EncodeError, Event, Head, Limit, Limits, LocalReply, ResetReason, Scope,
    Sent, Stats, Step, StreamId, Switch,
};

use crate::body::{Inbound, Outbound, Piece, check_message, check_trailers};
use crate::build::{self, is_interim};
use crate::config::Config;
use crate::fault::Fault;
use crate::format;
use crate::h2c;
use crate::note::{Framing, Note};
use crate::parse;
use crate::scan::{Found, Scan};
use crate::status;
use crate::upgrade::{self, Offer};
use crate::websocket::{self, Accept};
use crate::write::{self, Connection, Frame, Handshake, Plan};

/// Empty lines taken in front of a request (RFC 9112, section 2.2: at least one).
const BLANK_LINES: u8 = 2;

/// A method longer than this in a first line that does not end is part of a target.
const METHOD: usize = 64;

/// The codec of [`Role::Server`](meshwire::Role::Server).
#[derive(Debug)]
pub(crate) struct Server {
    config: Arc<Config>,
    limits: Arc<Limits>,
    stats: Stats,
    reading: Reading,
    /// Requests not answered in full, oldest first: the front one is whose turn it is.
    exchanges: VecDeque<Exchange>,
    /// The answer being written, if the front exchange's has begun.
    writing: Option<Outbound>,
    /// Whose turn has come, after it was refused.
    capacity: Option<StreamId>,
    last_id: u64,
    /// Data handed out and not released.
    held: usize,
    /// What ended the reading.
    refusal: Option<Box<Refusal>>,
    /// No request is read after those that were.
    stop: bool,
    close: bool,
    ended: bool,
}

/// What is read next.
#[derive(Debug)]
enum Reading {
    Head {
        scan: Scan,
        blanks: u8,
    },
    Body {
        stream: StreamId,
        body: Inbound,
    },
    /// Bytes behind a CONNECT or an Upgrade: what they are, the answer tells (RFC 9931).
    Waiting {
        stream: StreamId,
    },
    /// No switch: that the request ends is still to be told.
    Refused {
        stream: StreamId,
    },
    /// The switch is still to be told.
    Switched {
        stream: StreamId,
    },
    Tunnel {
        stream: StreamId,
        open: bool,
    },
    /// The connection becomes another protocol's once the answers owed are out.
    Next(Box<Switch>),
}

impl Reading {
    const HEAD: Self = Self::Head { scan: Scan { line: 0, seen: 0, lines: 0, first: 0 }, blanks: 0 };
}

/// A request that is owed an answer.
#[derive(Debug)]
struct Exchange {
    stream: StreamId,
    head: bool,
    connect: bool,
    /// An Upgrade that may pass.
    upgrade: Option<Box<Wanted>>,
    /// HTTP/1.0.
    old: bool,
    /// The connection outlives the answer.
    keep: bool,
    /// An answer came before its turn.
    blocked: bool,
}

/// What an Upgrade asks for: whoever grants it in another protocol does not say it again.
#[derive(Debug)]
struct Wanted {
    protocol: Vec<u8>,
    /// What a WebSocket's key is answered with.
    accept: Option<Accept>,
}

impl Wanted {
    fn of(head: &Head) -> Option<Box<Self>> {
        let protocol = head.upgrade()?.to_vec();
        let key = head.field(websocket::KEY).value().filter(|_| websocket::is_meant(&protocol));
        Some(Box::new(Self { accept: key.map(websocket::accept), protocol }))
    }
}

/// An error that waits until the answers owed before it are out.
#[derive(Debug)]
struct Refusal {
    error: DecodeError,
    status: u16,
    /// The request that it is the answer to, if its head was handed out.
    stream: Option<StreamId>,
    told: bool,
}

impl Server {
    pub(crate) fn new(config: Arc<Config>, limits: Arc<Limits>) -> Self {
        Self {
            config,
            limits,
            stats: Stats::default(),
            reading: Reading::HEAD,
            exchanges: VecDeque::new(),
            writing: None,
            capacity: None,
            last_id: 0,
            held: 0,
            refusal: None,
            stop: false,
            close: false,
            ended: false,
        }
    }

    fn room(&self) -> usize {
        self.limits.window.saturating_sub(self.held)
    }

    fn step(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if let Some(stream) = self.capacity.take() {
            return Ok(Step::Event(Event::Capacity { stream: Some(stream) }));
        }
        if self.refusal.is_some() {
            return self.refuse(cx);
        }
        let before = input.len();
        let result = match self.at_once(input) {
            Some((parsed, end)) => {
                if let Some(short) = build::Short::of(&parsed)
                    && let Some(data) = self.data_of_whole(input, &parsed, end)
                {
                    return Ok(Step::Event(Event::Head(self.take_whole(input, &parsed, short, end, data))));
                }
                self.take_head(input, parsed, end)
            }
            None => self.read(input),
        };
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(before.saturating_sub(input.len()) as u64);
        match result {
            Ok(Step::Paused) => Ok(self.switch(cx).unwrap_or(Step::Paused)),
            Ok(step) => Ok(step),
            Err(fault) => {
                let stream = match self.reading {
                    Reading::Body { stream, .. } => Some(stream),
                    _ => None,
                };
                if let Some(limit) = fault.limit {
                    self.stats.trip(limit);
                }
                self.stats.bad_messages = self.stats.bad_messages.saturating_add(1);
                let error = fault.of_request(self.stats.bytes_in, self.stats.message_at);
                self.refusal = Some(Box::new(Refusal { error, status: fault.status, stream, told: false }));
                self.refuse(cx)
            }
        }
    }

    /// Leaves the connection to the next protocol, if that was asked for and nothing is owed before it.
    fn switch(&mut self, cx: &mut Cx<'_>) -> Option<Step> {
        if !matches!(self.reading, Reading::Next(_)) || !self.exchanges.is_empty() {
            return None;
        }
        let Reading::Next(switch) = std::mem::replace(&mut self.reading, Reading::HEAD) else { return None };
        cx.output().put(h2c::ANSWER);
        self.close = true;
        Some(Step::Event(Event::Switch(switch)))
    }

    /// A request head that is read from its first byte on, and is all there.
    #[inline]
    fn at_once(&mut self, input: &[u8]) -> Option<(parse::Request, usize)> {
        let Reading::Head { scan: Scan { seen: 0, .. }, .. } = self.reading else { return None };
        if self.close || self.stop || self.exchanges.len() >= self.limits.pipelined {
            return None;
        }
        self.stats.message_at = self.stats.bytes_in;
        parse::request_at_once(input, &self.limits)
    }

    /// How much data a message has that is all there and may be handed out in one event.
    #[inline]
    fn data_of_whole(&self, input: &[u8], parsed: &parse::Request, end: usize) -> Option<usize> {
        let note = parsed.note;
        if note.framing() == Framing::Chunked || note.has(Note::UPGRADE) {
            return None;
        }
        let data = usize::try_from(parsed.length).ok()?;
        let there = data <= input.len().saturating_sub(end).min(self.room());
        (there && check_message((end as u64).saturating_add(parsed.length), &self.limits).is_ok()).then_some(data)
    }

    /// The same as [`take_head`](Self::take_head) with nothing left to decide: what is read next is a head again, as it
    /// was. The event is made where it goes, for which nothing here may take the head's address.
    #[inline(always)]
    fn take_whole(
        &mut self,
        input: &mut BytesMut,
        parsed: &parse::Request,
        short: build::Short,
        end: usize,
        data: usize,
    ) -> Head {
        let note = parsed.note;
        let taken = end.saturating_add(data);
        self.last_id = self.last_id.saturating_add(1);
        let stream = StreamId::new(self.last_id);
        let head = input.get(..parsed.method.len()) == Some(b"HEAD");
        self.owe(
            Exchange { stream, head, connect: false, upgrade: None, old: false, keep: false, blocked: false },
            note,
        );
        self.held = self.held.saturating_add(data);
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(taken as u64);
        self.reading = Reading::HEAD;
        build::short_head(parsed, short, stream, input.split_to(taken).freeze(), end)
    }

    /// An answer is owed to a request that was read; whether it is the last one, `note` says (RFC 9112, section 9.3).
    #[inline]
    fn owe(&mut self, exchange: Exchange, note: Note) {
        let old = note.has(Note::OLD);
        let keep = !note.has(Note::CLOSE) && (!old || note.has(Note::KEEP));
        self.exchanges.push_back(Exchange { old, keep, ..exchange });
        self.stop |= !keep;
        self.stats.messages_in = self.stats.messages_in.saturating_add(1);
    }

    /// Tells the refusal; those who wait for an answer before it get theirs first.
    fn refuse(&mut self, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let Some(refusal) = &mut self.refusal else { return Ok(Step::Paused) };
        if !std::mem::replace(&mut refusal.told, true) {
            let own = self.exchanges.front().is_some_and(|front| Some(front.stream) == refusal.stream);
            if !(own && self.writing.is_some()) {
                refusal.error = refusal.error.clone().with_reply();
            }
            self.settle(cx);
        }
        match &self.refusal {
            Some(refusal) => Err(refusal.error.clone()),
            None => Ok(Step::Paused),
        }
    }

    /// Writes the answer to what was refused once no other is owed before it, and closes.
    fn settle(&mut self, cx: &mut Cx<'_>) {
        let Some(refusal) = self.refusal.as_ref().filter(|_| !self.close) else { return };
        let front = self.exchanges.front();
        let own = front.is_some_and(|front| Some(front.stream) == refusal.stream);
        if front.is_some() && !own {
            return;
        }
        // A request whose answer has begun, or is out already, gets no second one.
        if refusal.stream.is_none() || (own && self.writing.is_none()) {
            let body = if front.is_some_and(|front| front.head) { "" } else { refusal.error.detail };
            put_refusal(cx, refusal.status, body);
        }
        self.exchanges.clear();
        self.writing = None;
        self.close = true;
    }

    /// What came is thrown away, and counted all the same.
    fn skip(&mut self, input: &mut BytesMut) {
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(input.len() as u64);
        input.clear();
    }

    fn read(&mut self, input: &mut BytesMut) -> Result<Step, Fault> {
        if let Reading::Refused { stream } = self.reading {
            self.reading = Reading::HEAD;
            return Ok(Step::Event(Event::Body(Body { stream, data: Bytes::new(), end: true })));
        }
        if self.close {
            return Ok(Step::Closed);
        }
        let room = self.room();
        match &mut self.reading {
            Reading::Head { .. } => self.read_head(input),
            Reading::Body { stream, body } => {
                let stream = *stream;
                let event = match body.next(input, room, &self.limits)? {
                    Piece::More(n) => return Ok(Step::need(n)),
                    Piece::Full => return Ok(Step::Paused),
                    Piece::Data(data, end) => Event::Body(Body { stream, data, end }),
                    Piece::Trailers(section) => Event::Trailers(build::trailers(stream, section)),
                };
                if event.is_end() {
                    self.reading = Reading::HEAD;
                }
                self.held = self.held.saturating_add(event.data_len());
                Ok(Step::Event(event))
            }
            Reading::Waiting { .. } | Reading::Refused { .. } | Reading::Next(_) => Ok(Step::Paused),
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
        if self.stop || self.exchanges.len() >= self.limits.pipelined {
            return Ok(Step::Paused);
        }
        let Reading::Head { scan, blanks } = &mut self.reading else { return Ok(Step::Paused) };
        self.stats.message_at = self.stats.bytes_in;
        let mut skipped = false;
        while input.starts_with(b"\r\n") && *blanks < BLANK_LINES {
            skipped = true;
            input.advance(2);
            *blanks = blanks.saturating_add(1);
            self.stats.message_at = self.stats.message_at.saturating_add(2);
            *scan = Scan::default();
        }
        // Without empty lines it was tried already.
        if skipped && let Some((parsed, end)) = parse::request_at_once(input, &self.limits) {
            return self.take_head(input, parsed, end);
        }
        let end = match scan.run(input) {
            Found::End(end) if end <= self.limits.head => end,
            Found::BareLf(at) => return Err(Fault::bad("line_end", "a line ends with CR LF").at(at)),
            found => {
                let seen = match found {
                    Found::End(end) => end,
                    _ => input.len(),
                };
                let target = self.limits.target.saturating_add(METHOD);
                return if scan.first == 0 && seen > target.min(self.limits.head) {
                    Err(Fault::limit(Limit::Target, "the request-target is too long"))
                } else if seen > self.limits.head {
                    Err(Fault::limit(Limit::Head, "the head is too long"))
                } else {
                    Ok(Step::need(1))
                };
            }
        };
        let parsed = parse::request(input.get(..end).unwrap_or_default(), scan, &self.limits)?;
        self.take_head(input, parsed, end)
    }

    fn take_head(&mut self, input: &mut BytesMut, parsed: parse::Request, end: usize) -> Result<Step, Fault> {
        let note = parsed.note;
        let framing = note.framing();
        let length = if framing == Framing::Length { parsed.length } else { 0 };
        check_message((end as u64).saturating_add(length), &self.limits)?;
        let room = self.room();
        let data = usize::try_from(length).unwrap_or(usize::MAX).min(input.len().saturating_sub(end)).min(room);
        self.last_id = self.last_id.saturating_add(1);
        let stream = StreamId::new(self.last_id);
        let bytes = input.split_to(end.saturating_add(data)).freeze();
        let method = bytes.get(parsed.method.clone()).unwrap_or_default();
        let (is_head, connect) = (method == b"HEAD", method == b"CONNECT");
        let mut head = build::request_head(parsed, stream, bytes, end);
        let whole = data as u64 == length && framing != Framing::Chunked;
        // What follows may be the tunnel: the stream stays open until the answer tells.
        let upgrade = whole && note.has(Note::UPGRADE) && upgrade::mark(&mut head, |it| self.config.allows(it));
        head.set_end(whole && !connect && !upgrade);
        if self.config.h2c
            && let Some(settings) = h2c::settings(&head)
        {
            head.set_stream(StreamId::NEW);
            self.stats.messages_in = self.stats.messages_in.saturating_add(1);
            self.reading = Reading::Next(Box::new(Switch { protocol: h2c::PROTOCOL, head, settings }));
            return Ok(Step::Paused);
        }
        let wanted = if upgrade { Wanted::of(&head) } else { None };
        self.owe(
            Exchange { stream, head: is_head, connect, upgrade: wanted, old: false, keep: false, blocked: false },
            note,
        );
        self.held = self.held.saturating_add(data);
        let taken = end as u64;
        self.reading = if connect || upgrade {
            Reading::Waiting { stream }
        } else if whole {
            Reading::HEAD
        } else if framing == Framing::Chunked {
            Reading::Body { stream, body: Inbound::chunked(taken) }
        } else {
            Reading::Body { stream, body: Inbound::length(length.saturating_sub(data as u64), taken) }
        };
        Ok(Step::Event(Event::Head(head)))
    }

    /// Whether an event for `stream` may be written now; asks for its capacity if only the order forbids it.
    fn turn(&mut self, stream: StreamId) -> Result<bool, EncodeError> {
        match self.exchanges.iter_mut().position(|exchange| exchange.stream == stream) {
            Some(0) => Ok(true),
            Some(n) => {
                if let Some(exchange) = self.exchanges.get_mut(n) {
                    exchange.blocked = true;
                }
                Ok(false)
            }
            None => Err(EncodeError::NotOpen(stream)),
        }
    }

    fn encode_head(&mut self, head: &mut Head, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if head.kind().is_request() {
            return Err(EncodeError::Refused("a server writes answers"));
        }
        write::check_semantics(head)?;
        let stream = head.stream();
        if !self.turn(stream)? {
            return Ok(Sent::Blocked);
        }
        let last = self.exchanges.len() == 1;
        let Some(front) = self.exchanges.front() else { return Err(EncodeError::NotOpen(stream)) };
        if self.writing.is_some() {
            return Err(EncodeError::Refused("the answer has begun"));
        }
        let Some(code) = head.status().and_then(|code| u16::try_from(code).ok()) else {
            return Err(EncodeError::Invalid { protocol: crate::NAME, what: "an answer has a status" });
        };
        let note = format::note(head);
        let via = note.is_none_or(|note| note.has(Note::FORWARDED)).then_some(self.config.via.as_deref()).flatten();
        if is_interim(code) {
            // RFC 9110, section 15.2: HTTP/1.0 has none.
            if !front.old {
                let (framing, connection, handshake) = (Frame::None, Connection::Default, Handshake::None);
                let plan = Plan { framing, connection, via, strip: false, handshake };
                write::put_head(head, &plan, cx.output())?;
            }
            return Ok(Sent::All);
        }
        let offer = Offer::of(head, &self.config);
        // RFC 8441: who grants a tunnel in another protocol does so by a 2xx.
        let granted = front.upgrade.as_deref().filter(|wanted| {
            note.is_none()
                && matches!(code, 200..=299)
                && head.upgrade().is_some_and(|protocol| protocol.eq_ignore_ascii_case(&wanted.protocol))
        });
        let switched = code == 101 || granted.is_some();
        if code == 101 && (front.upgrade.is_none() || offer.protocol().is_none()) {
            return Err(EncodeError::Refused("a switch to a protocol that was not asked for, or is not allowed"));
        }
        let tunnel = switched || (front.connect && matches!(code, 200..=299));
        if tunnel && !matches!(self.reading, Reading::Waiting { .. }) {
            return Err(EncodeError::Refused("the switch comes before the end of the request"));
        }
        let (frame, mut body) = self.frame(front, head, code, tunnel)?;
        let n = head.data().len();
        if !tunnel {
            body.check(stream, n, head.is_end())?;
        }
        // RFC 9112, section 9.6: who will close says so; RFC 9931, section 4: so ends a refused CONNECT.
        let closes = !tunnel
            && (!front.keep
                || front.connect
                || (body == Outbound::Raw)
                || (self.stop && last)
                || note.is_some_and(|note| note.has(Note::CLOSE) && !note.has(Note::FORWARDED)));
        let connection = match granted.map(|wanted| &*wanted.protocol).or(offer.protocol()) {
            Some(protocol) if switched => Connection::Upgrade(protocol),
            _ if closes => Connection::Close,
            _ if front.old && !tunnel => Connection::KeepAlive,
            _ => Connection::Default,
        };
        let handshake = granted.map_or(Handshake::None, |wanted| Handshake::Grant(wanted.accept));
        let plan = Plan { framing: frame, connection, via, strip: offer.must_strip(), handshake };
        // A tunnel of another protocol may have ended already, this way.
        let ended = note.is_none() && head.is_end();
        if let (Outbound::Length(left), true) = (body, write::is_untouched(head, &plan)) {
            cx.output().put_bytes(head.bytes().clone());
            body = Outbound::Length(left.saturating_sub(n as u64));
        } else {
            write::put_head(head, &plan, cx.output())?;
            let end = head.is_end();
            body.put(head.take_data(), end, cx.output());
        }
        self.stats.messages_out = self.stats.messages_out.saturating_add(1);
        if closes {
            // Nothing that came behind is processed any more.
            self.stop = true;
            self.exchanges.truncate(1);
            if let Some(front) = self.exchanges.front_mut() {
                front.keep = false;
            }
        }
        self.writing = Some(body);
        if tunnel {
            self.exchanges.truncate(1);
            self.reading = Reading::Switched { stream };
            if ended {
                self.answered();
            }
        } else if head.is_end() {
            self.answered();
        }
        Ok(Sent::All)
    }

    /// How the body of an answer is framed.
    fn frame(&self, front: &Exchange, head: &Head, code: u16, tunnel: bool) -> Result<(Frame, Outbound), EncodeError> {
        // RFC 9110, section 9.3.6, and RFC 9112, section 6.3: neither has framing fields.
        if tunnel {
            return Ok((Frame::None, Outbound::Raw));
        }
        match code {
            204 => return Ok((Frame::None, Outbound::Nothing)),
            304 => return Ok((Frame::Describe, Outbound::Nothing)),
            _ if front.head => return Ok((Frame::Describe, Outbound::Discard)),
            _ => {}
        }
        let n = head.data().len() as u64;
        Ok(match write::declared_length(head)? {
            Some(length) => (Frame::Length(length), Outbound::Length(length)),
            None if head.is_end() => (Frame::Length(n), Outbound::Length(n)),
            None if front.old => (Frame::None, Outbound::Raw),
            None => (Frame::Chunked, Outbound::Chunked),
        })
    }

    fn encode_body(&mut self, body: &mut Body, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let stream = body.stream;
        if !self.turn(stream)? {
            return Ok(Sent::Blocked);
        }
        let Some(writing) = &mut self.writing else { return Err(EncodeError::NotOpen(stream)) };
        writing.check(stream, body.data.len(), body.end)?;
        writing.put(std::mem::take(&mut body.data), body.end, cx.output());
        if body.end {
            self.answered();
        }
        Ok(Sent::All)
    }

    fn encode_trailers(&mut self, trailers: &Head, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let stream = trailers.stream();
        if !self.turn(stream)? {
            return Ok(Sent::Blocked);
        }
        let Some(writing) = &mut self.writing else { return Err(EncodeError::NotOpen(stream)) };
        writing.check(stream, 0, true)?;
        check_trailers(trailers)?;
        writing.put_trailers(trailers, cx.output());
        self.answered();
        Ok(Sent::All)
    }

    /// The front exchange has its answer, or its tunnel has ended in this direction.
    fn answered(&mut self) {
        self.writing = None;
        let Some(done) = self.exchanges.pop_front() else { return };
        // Even who does not wait for it gets it: every refusal has its answer.
        if let Some(next) = self.exchanges.front_mut()
            && std::mem::take(&mut next.blocked)
        {
            self.capacity = Some(next.stream);
        }
        match &self.reading {
            Reading::Tunnel { open, .. } => self.close = !open,
            Reading::Switched { .. } => {}
            // What came behind an Upgrade that was ignored is the next request.
            Reading::Waiting { stream } if *stream == done.stream => {
                self.reading = Reading::Refused { stream: done.stream };
            }
            _ => {}
        }
        let tunnel = matches!(self.reading, Reading::Tunnel { .. } | Reading::Switched { .. });
        if !tunnel && (!done.keep || (self.exchanges.is_empty() && (self.stop || self.ended))) {
            self.close = true;
        }
    }
}

fn put_refusal(cx: &mut Cx<'_>, code: u16, detail: &str) {
    let reason = status::reason(code);
    let n = if detail.is_empty() { 0 } else { detail.len().saturating_add(1) };
    let head = format!(
        "HTTP/1.1 {code} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {n}\r\nConnection: close\r\n\r\n"
    );
    cx.output().put(head.as_bytes());
    if n > 0 {
        cx.output().put(detail.as_bytes());
        cx.output().put(b"\n");
    }
}

impl Codec for Server {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        self.step(input, cx)
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        let step = self.step(input, cx)?;
        if self.refusal.is_some() || !matches!(step, Step::NeedMore(_) | Step::Paused) {
            return Ok(step);
        }
        match &mut self.reading {
            // Answers may still be owed; nothing more is asked.
            Reading::Head { .. } | Reading::Waiting { .. } if input.is_empty() || self.stop => {
                self.skip(input);
                self.ended = true;
                self.close |= self.exchanges.is_empty();
                Ok(Step::Closed)
            }
            Reading::Tunnel { stream, open } if matches!(step, Step::NeedMore(_)) => {
                let stream = *stream;
                *open = false;
                self.close |= self.writing.is_none();
                Ok(Step::Event(Event::Body(Body { stream, data: Bytes::new(), end: true })))
            }
            _ if matches!(step, Step::Paused) => Ok(step),
            _ => {
                self.skip(input);
                let stream = match self.reading {
                    Reading::Body { stream, .. } => Some(stream),
                    _ => None,
                };
                let error = DecodeError::new(
                    crate::NAME,
                    "truncated",
                    "the connection ended inside a message",
                    Scope::Connection,
                )
                .at(self.stats.bytes_in, self.stats.message_at);
                // Whatever came whole is answered still; no answer of ours stands behind those.
                let first = self.exchanges.front().is_none_or(|front| Some(front.stream) == stream);
                self.exchanges.retain(|exchange| first || Some(exchange.stream) != stream);
                self.stop = true;
                self.refusal = Some(Box::new(Refusal { error: error.clone(), status: 400, stream, told: !first }));
                if first { self.refuse(cx) } else { Err(error) }
            }
        }
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let sent = match event {
            Event::Head(head) => self.encode_head(head, cx),
            Event::Body(body) => self.encode_body(body, cx),
            Event::Trailers(trailers) => self.encode_trailers(trailers, cx),
            Event::Reset(reset) => {
                // The wire cannot say it. Those whose turn comes earlier get their answers first.
                if let Some(n) = self.exchanges.iter().position(|exchange| exchange.stream == reset.stream) {
                    self.stop = true;
                    self.exchanges.truncate(n);
                    if n == 0 {
                        self.writing = None;
                        self.close = true;
                    }
                } else if reset.reason != ResetReason::NoError
                    && matches!(self.reading, Reading::Body { stream, .. } if stream == reset.stream)
                {
                    self.stop = true;
                    self.close |= self.exchanges.is_empty();
                } else if matches!(self.reading, Reading::Tunnel { stream, .. } if stream == reset.stream) {
                    // This direction has ended, and the other one is not wanted.
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
        };
        self.settle(cx);
        sent
    }

    fn state(&self) -> ConnState {
        let mut state = ConnState::default();
        let tunnel = matches!(self.reading, Reading::Tunnel { .. } | Reading::Switched { .. });
        state.receiving = match &self.reading {
            Reading::Head { scan, .. } => scan.seen > 0,
            Reading::Body { .. } => true,
            _ => false,
        } && !self.close;
        state.sending = self.writing.is_some();
        state.open = self.exchanges.len();
        state.draining = self.stop || self.close || tunnel || self.refusal.is_some();
        state.close = self.close;
        state.tunnel = tunnel;
        state.ended = tunnel && self.writing.is_none() && !self.close;
        state
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        let exchange = self.exchanges.iter().position(|exchange| exchange.stream == stream)?;
        if exchange == 0 && self.writing.is_some() {
            return None;
        }
        let body = if reply.message.is_empty() { String::new() } else { format!("{}\n", reply.message) };
        let mut event =
            build::response(status::status(reply.outcome), &[("Content-Type", "text/plain; charset=utf-8")], body)
                .ok()?;
        event.set_stream(stream);
        Some(event)
    }

    fn capacity(&self, stream: StreamId) -> usize {
        if self.exchanges.front().is_none_or(|front| front.stream != stream) {
            return 0;
        }
        match self.writing {
            Some(Outbound::Length(left)) => usize::try_from(left).unwrap_or(usize::MAX),
            Some(Outbound::Nothing) => 0,
            _ => usize::MAX,
        }
    }

    fn release(&mut self, _: StreamId, n: usize, _: &mut Cx<'_>) {
        self.held = self.held.saturating_sub(n);
    }

    fn go_away(&mut self, _: &mut Cx<'_>) {
        if !matches!(self.reading, Reading::Tunnel { .. } | Reading::Switched { .. }) {
            self.stop = true;
            self.close |= self.exchanges.is_empty() && !matches!(self.reading, Reading::Body { .. });
        }
    }

    fn opaque(&self) -> u64 {
        if matches!(self.reading, Reading::Tunnel { open: true, .. }) { u64::MAX } else { 0 }
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }

    fn trim(&mut self) {
        self.exchanges.shrink_to_fit();
    }
}
