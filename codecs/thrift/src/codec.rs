//! One end of one connection: in frames or without, as its first message has it.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use meshwire::frame::{FrameCodec, FrameFormat, Parse, Scan};
use meshwire::{
    Attribute, Codec, Conn, ConnState, Cx, DecodeError, Depth, EncodeError, Event, FieldEdit, Head, Limits, LocalReply,
    Role, Scope, Sent, Stats, Step, StreamId,
};

use crate::config::Config;
use crate::detect::{self, Look};
use crate::edit;
use crate::format::{HEAD, ThriftFormat};
use crate::in_order::InOrder;
use crate::layout::Transport;
use crate::tag;
use crate::unframed::Unframed;

pub(crate) struct ThriftCodec {
    config: Arc<Config>,
    wire: Wire,
}

// One of them lives as long as its connection.
#[allow(clippy::large_enum_variant)]
enum Wire {
    /// Nothing has passed yet.
    Unknown(Box<Unknown>),
    /// Frames, answers by order.
    Framed(InOrder<FrameCodec<ThriftFormat>>),
    /// Frames, answers by id.
    FramedById(FrameCodec<ThriftFormat>),
    Unframed(InOrder<Unframed>),
    UnframedById(Unframed),
}

struct Unknown {
    conn: Conn,
    draining: bool,
    /// A message has begun, and does not tell yet what it is.
    receiving: bool,
    failed: Option<DecodeError>,
    stats: Stats,
}

impl ThriftCodec {
    pub(crate) fn new(config: Arc<Config>, conn: Conn) -> Self {
        let pinned = config.transport;
        let unknown = Unknown { conn, draining: false, receiving: false, failed: None, stats: Stats::default() };
        let mut codec = Self { config, wire: Wire::Unknown(Box::new(unknown)) };
        if let Some(transport) = pinned {
            codec.become_known(transport);
        }
        codec
    }

    /// Goes on in frames or without.
    #[cold]
    fn become_known(&mut self, transport: Transport) {
        let Wire::Unknown(unknown) = &self.wire else { return };
        let (conn, draining, role) = (unknown.conn.clone(), unknown.draining, unknown.conn.role);
        let config = Arc::clone(&self.config);
        let (strict, limits) = (config.answers_in_order, Arc::clone(&conn.limits));
        // Without a frame's length, what a peer makes of ids is not relied upon unless it is asked for.
        let by_id = match transport {
            Transport::Unframed => config.multiplexes == Some(true),
            _ => config.multiplexes != Some(false),
        };
        let by_order = role == Role::Server || !by_id;
        self.wire = if transport == Transport::Unframed {
            let codec = Unframed::new(config, conn);
            if by_order {
                Wire::Unframed(InOrder::new(codec, role, strict, &limits))
            } else {
                Wire::UnframedById(codec)
            }
        } else {
            let format = ThriftFormat::new(config, role, &conn.limits);
            let codec = FrameCodec::new(format, conn);
            if by_order { Wire::Framed(InOrder::new(codec, role, strict, &limits)) } else { Wire::FramedById(codec) }
        };
        if draining && let Some(codec) = self.inner_mut() {
            codec.go_away(&mut Cx::new(&mut meshwire::Output::new(), Duration::ZERO));
        }
    }

    fn inner(&self) -> Option<&dyn Codec> {
        match &self.wire {
            Wire::Unknown(_) => None,
            Wire::Framed(codec) => Some(codec),
            Wire::FramedById(codec) => Some(codec),
            Wire::Unframed(codec) => Some(codec),
            Wire::UnframedById(codec) => Some(codec),
        }
    }

    fn inner_mut(&mut self) -> Option<&mut dyn Codec> {
        match &mut self.wire {
            Wire::Unknown(_) => None,
            Wire::Framed(codec) => Some(codec),
            Wire::FramedById(codec) => Some(codec),
            Wire::Unframed(codec) => Some(codec),
            Wire::UnframedById(codec) => Some(codec),
        }
    }

    /// Looks at the first bytes; answers only while they do not tell.
    #[cold]
    fn look(&mut self, input: &BytesMut) -> Option<Result<Step, DecodeError>> {
        let Wire::Unknown(unknown) = &mut self.wire else { return None };
        if let Some(error) = &unknown.failed {
            return Some(Err(error.clone()));
        }
        let look = detect::transport(input);
        unknown.receiving = matches!(look, Look::NeedMore(_)) && !input.is_empty();
        match look {
            // One byte may tell that it is nothing, and on the asking end what is sent tells what will come.
            Look::NeedMore(_) if input.is_empty() || unknown.conn.role == Role::Client => Some(Ok(Step::need(1))),
            Look::NeedMore(total) => Some(Ok(Step::need(total.saturating_sub(input.len())))),
            Look::Yes(layout) => {
                self.become_known(layout.transport);
                None
            }
            Look::No => {
                let detail = "the connection begins with no call in any transport and encoding of Thrift";
                let error = DecodeError::new(HEAD.protocol(), "magic", detail, Scope::Connection);
                unknown.failed = Some(error.clone());
                Some(Err(error))
            }
        }
    }

    #[cold]
    fn decode_unknown(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        match self.look(input) {
            Some(step) => step,
            None => self.decode(input, cx),
        }
    }

    /// Puts a message that came without a frame into one.
    fn frame(head: &Head) -> Result<Head, EncodeError> {
        if !head.is_end() {
            return Err(edit::no_place("a message in a frame whose length is not known: it is larger than `whole`"));
        }
        let length = i32::try_from(head.bytes().len());
        let length = length.map_err(|_| edit::invalid("the message is longer than a frame can say"))?;
        let bytes = [&length.to_be_bytes()[..], head.bytes()].concat();
        let mut format = ThriftFormat::new(Arc::default(), Role::Server, &Limits::default());
        let (Ok(Parse::Done(frame)), stream) = (format.frame(&bytes), head.stream()) else {
            return Err(edit::invalid("the head holds no whole message header"));
        };
        let mut framed = Head::new(&HEAD, head.kind(), stream, Bytes::new());
        let _ = format.head(&frame, &bytes, &Depth::ROUTE, &mut Scan::new(bytes.len()), &mut framed);
        framed.attach(Bytes::from(bytes), frame.payload_at);
        framed.set_end(true);
        for attribute in [Attribute::Service, Attribute::Method] {
            if let Some(value) = head.edited(attribute) {
                framed.set_attribute(attribute, value).map_err(|error| edit::no_place(error.what))?;
            }
        }
        for change in head.field_edits() {
            let made = match change {
                FieldEdit::Set(name, value) => framed.set_field(name, value),
                FieldEdit::Add(name, value) => framed.add_field(name, value),
                FieldEdit::Remove(name) => framed.remove_field(name),
            };
            made.map_err(|error| edit::no_place(error.what))?;
        }
        Ok(framed)
    }

    /// A head that begins a connection, or that came without a frame and goes into one.
    #[cold]
    fn encode_otherwise(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let Event::Head(head) = &*event else {
            return match event {
                Event::Head(_) | Event::Body(_) | Event::Trailers(_) => {
                    Err(EncodeError::NotOpen(event.stream().unwrap_or(StreamId::NEW)))
                }
                _ => Ok(Sent::All),
            };
        };
        if !std::ptr::eq(&HEAD, head.format()) {
            return Err(EncodeError::Foreign { from: head.protocol(), to: HEAD.protocol() });
        }
        if let Wire::Unknown(unknown) = &self.wire {
            if unknown.conn.role == Role::Server {
                return Err(EncodeError::NotOpen(head.stream()));
            }
            self.become_known(tag::transport(head.note()));
            return self.encode(event, cx);
        }
        let mut framed = Event::Head(Self::frame(head)?);
        let Some(codec) = self.inner_mut() else { return Ok(Sent::Blocked) };
        let sent = codec.encode(&mut framed, cx)?;
        if let (Sent::All, Some(name)) = (sent, framed.stream()) {
            event.set_stream(name);
        }
        Ok(sent)
    }

    /// Whether a head is the wire's own.
    #[inline]
    fn is_own(&self, event: &Event) -> bool {
        match (event, &self.wire) {
            (_, Wire::Unknown(_)) => false,
            (Event::Head(head), Wire::Framed(_) | Wire::FramedById(_)) => {
                tag::transport(head.note()) != Transport::Unframed || !std::ptr::eq(&HEAD, head.format())
            }
            _ => true,
        }
    }
}

impl Codec for ThriftCodec {
    fn decode(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        match &mut self.wire {
            Wire::Framed(codec) => codec.decode(input, cx),
            Wire::FramedById(codec) => codec.decode(input, cx),
            Wire::Unframed(codec) => codec.decode(input, cx),
            Wire::UnframedById(codec) => codec.decode(input, cx),
            Wire::Unknown(_) => self.decode_unknown(input, cx),
        }
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if let Some(step) = self.look(input) {
            return match step {
                Ok(Step::NeedMore(_)) if input.is_empty() => Ok(Step::Closed),
                Ok(_) => {
                    let detail = "the connection ended inside a message";
                    let at = input.len() as u64;
                    input.clear();
                    let error = DecodeError::new(HEAD.protocol(), "truncated", detail, Scope::Connection).at(at, 0);
                    if let Wire::Unknown(unknown) = &mut self.wire {
                        unknown.failed = Some(error.clone());
                    }
                    Err(error)
                }
                error => error,
            };
        }
        match self.inner_mut() {
            Some(codec) => codec.decode_eof(input, cx),
            None => Ok(Step::Closed),
        }
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if !self.is_own(event) {
            return self.encode_otherwise(event, cx);
        }
        match &mut self.wire {
            Wire::Framed(codec) => codec.encode(event, cx),
            Wire::FramedById(codec) => codec.encode(event, cx),
            Wire::Unframed(codec) => codec.encode(event, cx),
            Wire::UnframedById(codec) => codec.encode(event, cx),
            Wire::Unknown(_) => Ok(Sent::Blocked),
        }
    }

    fn state(&self) -> ConnState {
        match (self.inner(), &self.wire) {
            (Some(codec), _) => codec.state(),
            (None, Wire::Unknown(unknown)) => {
                let mut state = ConnState::default();
                state.receiving = unknown.receiving;
                state.close = unknown.failed.is_some();
                state.draining = unknown.draining || state.close;
                state
            }
            (None, _) => ConnState::default(),
        }
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        self.inner_mut()?.reply(stream, reply)
    }

    fn capacity(&self, stream: StreamId) -> usize {
        self.inner().map_or(usize::MAX, |codec| codec.capacity(stream))
    }

    fn release(&mut self, stream: StreamId, n: usize, cx: &mut Cx<'_>) {
        match &mut self.wire {
            Wire::Framed(codec) => codec.release(stream, n, cx),
            Wire::FramedById(codec) => codec.release(stream, n, cx),
            Wire::Unframed(codec) => codec.release(stream, n, cx),
            Wire::UnframedById(codec) => codec.release(stream, n, cx),
            Wire::Unknown(_) => {}
        }
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.inner().and_then(|codec| codec.next_deadline())
    }

    fn go_away(&mut self, cx: &mut Cx<'_>) {
        match &mut self.wire {
            Wire::Unknown(unknown) => unknown.draining = true,
            _ => {
                if let Some(codec) = self.inner_mut() {
                    codec.go_away(cx);
                }
            }
        }
    }

    fn set_depth(&mut self, depth: &Arc<Depth>) {
        match &mut self.wire {
            Wire::Unknown(unknown) => unknown.conn.depth = Arc::clone(depth),
            _ => {
                if let Some(codec) = self.inner_mut() {
                    codec.set_depth(depth);
                }
            }
        }
    }

    fn stats(&self) -> &Stats {
        match &self.wire {
            Wire::Unknown(unknown) => &unknown.stats,
            Wire::Framed(codec) => codec.stats(),
            Wire::FramedById(codec) => codec.stats(),
            Wire::Unframed(codec) => codec.stats(),
            Wire::UnframedById(codec) => codec.stats(),
        }
    }

    fn trim(&mut self) {
        if let Some(codec) = self.inner_mut() {
            codec.trim();
        }
    }
}
