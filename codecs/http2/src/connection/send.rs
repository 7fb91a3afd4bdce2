//! Messages on their way out.

use std::time::Duration;

use bytes::Bytes;
use meshwire::{Body, Cx, EncodeError, Event, Extension, Head, Kind, Reset, Role, Sent, StreamId};

use super::{Connection, Rx, stream_id, wire_id};
use crate::code::Code;
use crate::format;
use crate::frame::{self, Header, MAX_31, MAX_PAYLOAD};
use crate::hpack::{Encoder, Field, Indexing};
use crate::message::Facts;
use crate::note::Note;
use crate::rules;
use crate::stream::Stream;
use crate::write::{self, Sink, Terms};

/// Requests that go out before the server has said how many it takes: no server is asked to take fewer than this
/// (RFC 9113, section 6.5.2).
const UNSETTLED: u32 = 100;

const NO_MORE_CREDIT: EncodeError = EncodeError::Refused("the peer has ended and left no credit for this");

/// A block as it is written.
struct Block<'a> {
    encoder: &'a mut Encoder,
    out: &'a mut Vec<u8>,
    begun: bool,
}

impl Sink for Block<'_> {
    #[inline]
    fn put(&mut self, field: &Field<'_>) {
        // Only once nothing can be refused any more: a change of the table's size is said once.
        if !std::mem::replace(&mut self.begun, true) {
            self.encoder.begin(self.out);
        }
        self.encoder.encode(field, Indexing::Auto, self.out);
    }
}

impl Connection {
    pub(super) fn send_event(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if matches!(self.rx, Rx::New) {
            self.start(cx);
        }
        match event {
            Event::Head(head) => {
                if let Some(sent) = self.send_head(head, cx)? {
                    return Ok(sent);
                }
                let mut body = Body { stream: head.stream(), end: head.is_end(), data: head.take_data() };
                let sent = self.send_body(&mut body, cx)?;
                *event = Event::Body(body);
                Ok(sent)
            }
            Event::Body(body) => self.send_body(body, cx),
            Event::Trailers(trailers) => self.send_trailers(trailers, cx),
            Event::Reset(reset) => {
                self.send_reset(reset, cx);
                Ok(Sent::All)
            }
            Event::GoAway => {
                self.begin_drain(cx);
                Ok(Sent::All)
            }
            Event::Heartbeat { ack: false } => {
                meshwire::Codec::heartbeat(self, cx);
                Ok(Sent::All)
            }
            Event::Heartbeat { ack: true } | Event::Capacity { .. } => Ok(Sent::All),
            Event::Extension(extension) => self.send_extension(extension, cx),
            Event::Upgraded { .. } => Err(no_place("a change of protocol")),
            _ => Err(no_place("such an event")),
        }
    }

    /// Nothing comes from the peer any more: what waits for it would wait for ever, so it is refused instead of blocked.
    const fn is_over(&self) -> bool {
        self.ended || self.failed.is_some()
    }

    // ----- heads -----

    /// `None`: the head is out, and its data goes on as a body.
    fn send_head(&mut self, head: &mut Head, cx: &mut Cx<'_>) -> Result<Option<Sent>, EncodeError> {
        if head.kind().is_request() != (self.role == Role::Client) || head.kind() == Kind::Trailers {
            return Err(EncodeError::Refused("a client sends requests, a server responses"));
        }
        if self.failed.is_some() {
            return Err(EncodeError::Refused("the connection has failed"));
        }
        match self.role {
            Role::Client => self.send_request(head, cx),
            Role::Server => self.send_response(head, cx),
        }
    }

    fn send_request(&mut self, head: &mut Head, cx: &mut Cx<'_>) -> Result<Option<Sent>, EncodeError> {
        if !head.stream().is_new() {
            return Err(EncodeError::Refused("a request is named as it is written"));
        }
        if self.draining {
            return Err(EncodeError::Refused("the peer takes no new requests"));
        }
        let most = if self.settled { self.peer.streams } else { UNSETTLED };
        // What depends on the peer's settings waits for them.
        let early = !self.settled && head.upgrade().is_some();
        if self.streams.len() >= most as usize || early {
            if self.is_over() {
                return Err(EncodeError::Refused("the peer has ended"));
            }
            self.wanted = true;
            return Ok(Some(Sent::Blocked));
        }
        if self.is_over() && head.data().len() > self.send.left().min(self.peer.window as usize) {
            return Err(NO_MORE_CREDIT);
        }
        let id = if self.last == 0 { 1 } else { self.last.saturating_add(2) };
        let mut stream = Stream::new(self.peer.window, self.receive_window(), cx.now());
        let terms = Terms { scheme: self.config.scheme.as_bytes(), extended_connect: self.peer.connect };
        let ends = head.is_end() && head.data().is_empty();
        check_length(head)?;
        let via = self.via(head);
        let facts = self.put_head(id, ends, cx, via, |block| write::request(head, &terms, block))?;
        self.last = id;
        // The last stream there is was opened.
        self.draining |= id >= MAX_31.saturating_sub(1);
        stream.asked = facts.asked();
        (stream.begun, stream.sent) = (true, ends);
        stream.to_send = facts.content_length;
        self.streams.open(id, stream);
        head.set_stream(stream_id(id).with_tag(head.stream().tag()));
        Ok((ends || head.data().is_empty()).then_some(Sent::All))
    }

    fn send_response(&mut self, head: &mut Head, cx: &mut Cx<'_>) -> Result<Option<Sent>, EncodeError> {
        let (name, id) = (head.stream(), wire_id(head.stream()));
        let Some(stream) = self.streams.get(id).filter(|stream| !stream.begun && !stream.sent) else {
            return Err(EncodeError::NotOpen(name));
        };
        if self.is_over() && head.data().len() > self.send.left().min(stream.send.left()) {
            return Err(NO_MORE_CREDIT);
        }
        let asked = stream.asked;
        let interim = head.kind() == Kind::Interim;
        let bare = head.data().is_empty();
        let ends = head.is_end() && bare && !interim;
        if !(asked.is_head || interim || matches!(head.status(), Some(204 | 304))) {
            check_length(head)?;
        }
        let via = self.via(head);
        let facts = self.put_head(id, ends, cx, via, |block| write::response(head, asked, block))?;
        if facts.interim {
            return Ok(Some(Sent::All));
        }
        self.change_sending(id, cx, |stream| {
            (stream.begun, stream.sent) = (true, ends);
            (stream.bodyless, stream.tunnel) = (facts.bodyless, facts.connect);
            stream.asked.flavor = facts.flavor;
            stream.to_send = if facts.bodyless { None } else { facts.content_length };
        });
        Ok((ends || bare).then_some(Sent::All))
    }

    /// What a head that is forwarded says of us; the version is that of the message as it was received.
    fn via(&self, head: &Head) -> Option<String> {
        let name = self.config.via.as_deref()?;
        match format::note(head) {
            Some(note) if !note.has(Note::FORWARDED) => None,
            Some(_) => Some(format!("2 {name}")),
            None => Some(format!("1.1 {name}")),
        }
    }

    /// Writes a block; what it says of its message comes back.
    fn put_head(
        &mut self,
        id: u32,
        end: bool,
        cx: &mut Cx<'_>,
        via: Option<String>,
        write: impl FnOnce(&mut Block<'_>) -> Result<Facts, EncodeError>,
    ) -> Result<Facts, EncodeError> {
        let (encoder, max) = (&mut self.encoder, self.peer.frame.min(MAX_PAYLOAD));
        let mut result = Err(EncodeError::NotOpen(StreamId::NEW));
        cx.output().append(|out| {
            result = frame::put_block(out, id, end, max, |out| {
                let mut block = Block { encoder: &mut *encoder, out, begun: false };
                let facts = write(&mut block)?;
                if let Some(via) = &via {
                    block.put(&Field::new(b"via", via.as_bytes()));
                }
                Ok(facts)
            });
        });
        let facts = result?;
        self.stats.messages_out = self.stats.messages_out.saturating_add(1);
        Ok(facts)
    }

    fn send_trailers(&mut self, trailers: &Head, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let (name, id) = (trailers.stream(), wire_id(trailers.stream()));
        let Some(stream) = self.streams.get(id).filter(|stream| stream.begun && !stream.sent) else {
            return Err(EncodeError::NotOpen(name));
        };
        if stream.to_send.is_some_and(|left| left > 0) {
            return Err(EncodeError::TooShort(name));
        }
        let nothing = meshwire::RoutingKey::fields(trailers).is_none_or(|mut fields| fields.next().is_none());
        if stream.tunnel || stream.bodyless || nothing {
            return self.send_body(&mut Body { stream: name, data: Bytes::new(), end: true }, cx);
        }
        let (encoder, max) = (&mut self.encoder, self.peer.frame.min(MAX_PAYLOAD));
        let mut result = Ok(());
        cx.output().append(|out| {
            result = frame::put_block(out, id, true, max, |out| {
                write::trailers(trailers, &mut Block { encoder: &mut *encoder, out, begun: false })
            });
        });
        result?;
        self.change_sending(id, cx, |stream| stream.sent = true);
        Ok(Sent::All)
    }

    /// Changes what we send on a stream. Where its peer was told before it had said all, it need not say more.
    fn change_sending(&mut self, id: u32, cx: &mut Cx<'_>, change: impl FnOnce(&mut Stream)) {
        let deaf = self.change(id, |stream| {
            change(stream);
            stream.deaf && !stream.got && stream.sent
        });
        if deaf == Some(true) {
            self.reset(id, Code::NO_ERROR, cx);
        }
    }

    // ----- bodies -----

    fn send_body(&mut self, body: &mut Body, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let id = wire_id(body.stream);
        let (over, now, most) = (self.is_over(), cx.now(), self.peer.frame.min(MAX_PAYLOAD));
        let credit = &mut self.send;
        let budgets = &mut self.budgets;
        let (mut starved, mut done) = (false, false);
        let result = self.streams.peek(id, |stream| {
            if !stream.begun || stream.sent {
                return Err(EncodeError::NotOpen(body.stream));
            }
            if stream.bodyless {
                body.data = Bytes::new();
            }
            check_body(stream, body)?;
            // All or nothing: what is refused was not begun.
            if over && body.data.len() > stream.send.left().min(credit.left()) {
                return Err(NO_MORE_CREDIT);
            }
            loop {
                let n = body.data.len().min(most).min(stream.send.left()).min(credit.left());
                let ends = body.end && n == body.data.len();
                if n == 0 && !body.data.is_empty() {
                    starved = credit.left() == 0;
                    stream.waits_since.get_or_insert(now);
                    return Ok(Sent::Blocked);
                }
                if n > 0 || ends {
                    let data = body.data.split_to(n);
                    stream.send.take(n);
                    credit.take(n);
                    stream.to_send = stream.to_send.map(|left| left.saturating_sub(n as u64));
                    let flags = if ends { frame::END_STREAM } else { 0 };
                    let header = Header { len: n, kind: frame::DATA, flags, stream: id };
                    cx.output().put(&header.bytes());
                    cx.output().put_bytes(data);
                    budgets.data_out();
                }
                if body.data.is_empty() {
                    done = ends;
                    return Ok(Sent::All);
                }
            }
        });
        let sent = result.unwrap_or(Err(EncodeError::NotOpen(body.stream)))?;
        self.starved |= starved;
        if sent == Sent::Blocked && self.stall_at.is_none() && self.limits.stall > 0 {
            self.stall_at = Some(now.saturating_add(Duration::from_secs(u64::from(self.limits.stall))));
        }
        if done {
            self.change_sending(id, cx, |stream| stream.sent = true);
        }
        Ok(sent)
    }

    // ----- the rest -----

    fn send_reset(&mut self, reset: &Reset, cx: &mut Cx<'_>) {
        let id = wire_id(reset.stream);
        if self.streams.get(id).is_some() && self.failed.is_none() {
            self.reset(id, Code::of(reset.reason), cx);
            // What is under way for it is no mistake of the peer's.
            self.budgets.expect_stragglers();
        }
    }

    fn send_extension(&mut self, extension: &Extension, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if extension.kind <= frame::CONTINUATION {
            return Err(no_place("a frame of a type that the codec itself speaks"));
        }
        if extension.payload.len() > self.peer.frame {
            return Err(no_place("a frame larger than the peer takes"));
        }
        let stream = extension.stream.map_or(0, wire_id);
        let header = Header { len: extension.payload.len(), kind: extension.kind, flags: extension.flags, stream };
        cx.output().put(&header.bytes());
        cx.output().put_bytes(extension.payload.clone());
        Ok(Sent::All)
    }
}

const fn no_place(what: &'static str) -> EncodeError {
    EncodeError::NoPlace { protocol: crate::NAME, what }
}

/// Whether a head and the data that it holds keep to the length that the head announces.
fn check_length(head: &Head) -> Result<(), EncodeError> {
    if format::note(head).is_some_and(|note| !note.has(Note::LENGTH)) {
        return Ok(());
    }
    let declared = head.field(b"content-length").value().and_then(|value| rules::decimal(rules::trim(value)));
    let n = head.data().len() as u64;
    match declared {
        Some(length) if n > length => Err(EncodeError::TooLong(head.stream())),
        Some(length) if n < length && head.is_end() => Err(EncodeError::TooShort(head.stream())),
        _ => Ok(()),
    }
}

/// Whether a body keeps to the length that its head has announced.
fn check_body(stream: &Stream, body: &Body) -> Result<(), EncodeError> {
    let Some(left) = stream.to_send else { return Ok(()) };
    let n = body.data.len() as u64;
    if n > left {
        Err(EncodeError::TooLong(body.stream))
    } else if body.end && n < left {
        Err(EncodeError::TooShort(body.stream))
    } else {
        Ok(())
    }
}
