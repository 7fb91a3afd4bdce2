//! Messages without a length: a message ends where its struct does.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use meshwire::frame::{Fault, Parse};
use meshwire::{
    Body, Codec, Conn, ConnState, Cx, DecodeError, Depth, EncodeError, Event, Head, Kind, Limit, Limits, LocalReply,
    Outcome, ResetReason, Role, Scope, Sent, Stats, Step, StreamId,
};

use crate::begin::{self, Begin, Place, kind};
use crate::config::Config;
use crate::destination;
use crate::edit;
use crate::exception;
use crate::format::HEAD;
use crate::found::Found;
use crate::info;
use crate::layout::{Encoding, Layout, Transport};
use crate::reply;
use crate::result::{self, Told};
use crate::skip::{self, Skip, SkipFault, Skipped};
use crate::tag;
use crate::zlib::Peek;

/// More than the begin of a field is long, whatever it holds.
const FIELD: usize = 16;

pub(crate) struct Unframed {
    config: Arc<Config>,
    role: Role,
    limits: Arc<Limits>,
    depth: Arc<Depth>,
    rx: Rx,
    /// What the last message was waited for in: one more costs no allocation.
    spare: Option<Box<Waiting>>,
    /// Bytes that must be there before it is worth another look.
    need: usize,
    tx: Option<Tx>,
    refused: bool,
    unreleased: usize,
    open: usize,
    draining: bool,
    close: bool,
    failed: Option<Box<DecodeError>>,
    stats: Stats,
}

/// What the next input byte belongs to.
enum Rx {
    /// A new message.
    Start,
    /// A message that is waited for: its begin, and how far its end was looked for.
    Waiting(Box<Waiting>),
    /// A struct whose head is out.
    Body { stream: StreamId, skip: Box<Skip>, passed: u64 },
    /// The last bytes of one, whose end is known.
    Rest { stream: StreamId, left: usize },
}

struct Waiting {
    encoding: Encoding,
    kind: Kind,
    begin: Begin,
    skip: Skip,
    at: usize,
}

/// A message under way to the peer.
struct Tx {
    stream: StreamId,
    /// Looks for the end of what came in a frame, whose length says nothing here: bytes behind it would be taken for
    /// another message.
    check: Option<Box<Check>>,
}

/// Whether a struct ends where its message does, in whatever pieces that comes.
struct Check {
    skip: Skip,
    /// The first bytes of an item whose others are to come.
    begun: Vec<u8>,
    /// The struct has ended.
    done: bool,
}

/// More than the bytes of any item up to where it is a jump.
const ITEM: usize = 32;

impl Unframed {
    pub(crate) fn new(config: Arc<Config>, conn: Conn) -> Self {
        Self {
            config,
            role: conn.role,
            limits: conn.limits,
            depth: conn.depth,
            rx: Rx::Start,
            spare: None,
            need: 1,
            tx: None,
            refused: false,
            unreleased: 0,
            open: 0,
            draining: false,
            close: false,
            failed: None,
            stats: Stats::default(),
        }
    }

    // ----- decoding -----

    fn consumed(&mut self, n: usize) {
        self.stats.bytes_in = self.stats.bytes_in.saturating_add(n as u64);
    }

    #[cold]
    fn error(&mut self, fault: Fault, scope: Scope) -> DecodeError {
        if let Some(limit) = fault.limit {
            self.stats.trip(limit);
        }
        let begun = self.stats.message_at;
        let mut error = DecodeError::new(HEAD.protocol(), fault.code, fault.detail, scope)
            .at(begun.saturating_add(fault.at as u64), begun)
            .with_outcome(match (self.role, fault.outcome) {
                (Role::Client, Outcome::BadRequest) => Outcome::BadResponse,
                (_, outcome) => outcome,
            });
        error.limit = fault.limit;
        error
    }

    #[cold]
    fn fatal(&mut self, fault: Fault) -> DecodeError {
        let error = self.error(fault, Scope::Connection);
        self.failed = Some(Box::new(error.clone()));
        error
    }

    /// A message that can still be answered, though nothing behind it can be read.
    #[cold]
    fn refuse(&mut self, fault: Fault, stream: StreamId, is_request: bool) -> DecodeError {
        if is_request {
            self.open = self.open.saturating_add(1);
        }
        self.stats.bad_messages = self.stats.bad_messages.saturating_add(1);
        let mut error = self.fatal(fault);
        error.scope = Scope::Message(stream);
        error
    }

    fn wait(&mut self, total: usize, input: &BytesMut) -> Result<Step, DecodeError> {
        self.need = total.max(input.len().saturating_add(1));
        if self.need > self.limits.buffered() {
            return Err(self.fatal(Fault::limit(Limit::Head, "a message's begin is larger than any limit", 0)));
        }
        Ok(Step::need(self.need.saturating_sub(input.len())))
    }

    fn start(&mut self, input: &mut BytesMut) -> Result<Step, DecodeError> {
        if input.len() < self.need {
            return Ok(Step::need(self.need.saturating_sub(input.len())));
        }
        self.stats.message_at = self.stats.bytes_in;
        let encoding = match **input {
            [0x80, 0x01, ..] => Encoding::Binary,
            [begin::COMPACT, ..] => Encoding::Compact,
            [0, ..] => Encoding::OldBinary,
            [0x80] | [] => return self.wait(2, input),
            _ => return Err(self.fatal(Fault::new("magic", "a message begins with 80 01, 82, or a name's length", 0))),
        };
        if !self.config.allows(Layout::new(Transport::Unframed, encoding)) {
            let detail = "the message is in another transport or encoding than is configured";
            return Err(self.fatal(Fault::new("layout", detail, 0)));
        }
        let place =
            Place { seen: input, at: 0, end: usize::MAX, max_name: self.limits.head.min(destination::MAX_NAME) };
        let begin = match begin::read(encoding, place) {
            Ok(Parse::Done(begin)) => begin,
            Ok(Parse::Need(total)) => return self.wait(total, input),
            Err(fault) => return Err(self.fatal(fault)),
        };
        let is_request = matches!(begin.kind, kind::CALL | kind::ONE_WAY);
        if is_request != (self.role == Role::Server) {
            let detail = "only a server sends replies, only a client calls";
            return Err(self.fatal(Fault::new("direction", detail, 0)));
        }
        let kind = match begin.kind {
            kind::CALL if self.config.is_one_way(input.get(begin.name.clone()).unwrap_or_default()) => Kind::OneWay,
            kind::CALL => Kind::Request,
            kind::ONE_WAY => Kind::OneWay,
            _ => Kind::Response,
        };
        let full = kind == Kind::Request && self.role == Role::Server && self.open >= self.limits.open;
        if full || self.unreleased >= self.limits.window {
            return Ok(Step::Paused);
        }
        let skip = Skip::new(structs_of(encoding), self.limits.nesting);
        let at = begin.end;
        let waiting = Waiting { encoding, kind, begin, skip, at };
        let waiting = match self.spare.take() {
            Some(mut spare) => {
                *spare = waiting;
                spare
            }
            None => Box::new(waiting),
        };
        self.look_for_end(waiting, input)
    }

    /// A message up to the limit comes in one event, as if it had a length.
    fn look_for_end(&mut self, mut waiting: Box<Waiting>, input: &mut BytesMut) -> Result<Step, DecodeError> {
        let result = waiting.skip.advance(input.get(waiting.at..).unwrap_or_default());
        let skipped = match result {
            Ok(skipped) => skipped,
            Err(fault) => {
                let (stream, is_request) = (stream_of(&waiting), waiting.kind == Kind::Request);
                return Err(self.refuse(fault_at(&fault, waiting.at), stream, is_request));
            }
        };
        let whole = match waiting.kind {
            // As much is looked at of what it says as in a frame.
            Kind::Response => self.limits.whole.max(self.limits.head).max(waiting.begin.end.saturating_add(FIELD)),
            _ => self.limits.whole.max(waiting.begin.end),
        };
        let (at, least) = match skipped {
            Skipped::Done(n) => {
                let total = waiting.at.saturating_add(n);
                if total <= whole {
                    self.check_size(total as u64, &waiting)?;
                    let step = self.head(&waiting, total, true, input);
                    self.spare = Some(waiting);
                    return Ok(step);
                }
                (total, total as u64)
            }
            Skipped::More { consumed, need } => {
                let at = waiting.at.saturating_add(consumed);
                (at, (at as u64).saturating_add(need))
            }
        };
        self.check_size(least, &waiting)?;
        if least <= whole as u64 {
            waiting.at = at;
            self.need = usize::try_from(least).unwrap_or(usize::MAX);
            self.rx = Rx::Waiting(waiting);
            return Ok(Step::need(self.need.saturating_sub(input.len())));
        }
        if let Skipped::Done(_) = skipped {
            let step = self.head(&waiting, whole, false, input);
            self.rx = Rx::Rest { stream: stream_of(&waiting), left: at.saturating_sub(whole) };
            return Ok(step);
        }
        let step = self.head(&waiting, at, false, input);
        self.rx = Rx::Body { stream: stream_of(&waiting), skip: Box::new(waiting.skip), passed: at as u64 };
        Ok(step)
    }

    fn check_size(&mut self, least: u64, waiting: &Waiting) -> Result<(), DecodeError> {
        if self.limits.message.is_some_and(|limit| least > limit) {
            let fault = Fault::limit(Limit::Message, "the message is larger than the configured limit", 0);
            return Err(self.refuse(fault, stream_of(waiting), waiting.kind == Kind::Request));
        }
        Ok(())
    }

    /// The event of a message of which so many bytes are there.
    fn head(&mut self, waiting: &Waiting, n: usize, end: bool, input: &mut BytesMut) -> Step {
        let Waiting { encoding, kind, begin, .. } = waiting;
        let (stream, kind) = (stream_of(waiting), *kind);
        let bytes = input.split_to(n.min(input.len())).freeze();
        let mut head = Head::new(&HEAD, kind, stream, Bytes::new());
        head.set_note(stream.tag());
        if kind == Kind::Response {
            match result::look(*encoding, begin.kind, bytes.get(begin.end..).unwrap_or_default()) {
                Told::Outcome(outcome) => head.set_outcome(outcome),
                Told::Exception(kind) => head.set_status(kind as u32, exception::outcome_of(kind)),
                Told::Need(_) => head.set_outcome(Outcome::Unknown),
            }
        }
        if !self.depth.is_boundary() {
            destination::read(&self.config, &bytes, begin.name.start, begin.name.len(), &mut head);
            if self.depth.needs_fields() {
                head.set_fields_at(info::start(0));
            }
        }
        head.attach(bytes, begin.end);
        head.set_end(end);
        self.consumed(n);
        self.unreleased = self.unreleased.saturating_add(head.data().len());
        self.stats.messages_in = self.stats.messages_in.saturating_add(1);
        match kind {
            Kind::Request => self.open = self.open.saturating_add(1),
            Kind::Response => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        self.rx = Rx::Start;
        self.need = 1;
        Step::Event(Event::Head(head))
    }

    fn body(&mut self, input: &mut BytesMut) -> Result<Step, DecodeError> {
        if !input.is_empty() && self.unreleased >= self.limits.window {
            return Ok(Step::Paused);
        }
        let (stream, n, end) = match &mut self.rx {
            Rx::Rest { stream, left } => {
                let n = (*left).min(input.len());
                *left = left.saturating_sub(n);
                (*stream, n, *left == 0)
            }
            Rx::Body { stream, skip, passed } => {
                let (stream, at) = (*stream, *passed);
                let (n, least, end) = match skip.advance(input) {
                    Ok(Skipped::Done(n)) => (n, at.saturating_add(n as u64), true),
                    Ok(Skipped::More { consumed, need }) => {
                        (consumed, at.saturating_add(consumed as u64).saturating_add(need), false)
                    }
                    Err(fault) => {
                        let at = usize::try_from(at).unwrap_or(usize::MAX);
                        return Err(self.refuse(fault_at(&fault, at), stream, false));
                    }
                };
                *passed = at.saturating_add(n as u64);
                if self.limits.message.is_some_and(|limit| least > limit) {
                    let fault = Fault::limit(Limit::Message, "the message is larger than the configured limit", 0);
                    return Err(self.refuse(fault, stream, false));
                }
                if n == 0 && !end {
                    // A string's rest comes in whatever pieces it comes.
                    let more = usize::try_from(least.saturating_sub(at)).unwrap_or(usize::MAX);
                    return Ok(Step::need(if input.is_empty() { 1 } else { more.saturating_sub(input.len()) }));
                }
                (stream, n, end)
            }
            Rx::Start | Rx::Waiting(_) => return Ok(Step::need(1)),
        };
        if n == 0 && !end {
            return Ok(Step::need(1));
        }
        if end {
            self.rx = Rx::Start;
            self.need = 1;
        }
        let data = input.split_to(n).freeze();
        self.consumed(n);
        self.unreleased = self.unreleased.saturating_add(n);
        Ok(Step::Event(Event::Body(Body { stream, data, end })))
    }

    // ----- encoding -----

    fn send_head(&mut self, head: &Head, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if !std::ptr::eq(&HEAD, head.format()) {
            return Err(EncodeError::Foreign { from: head.protocol(), to: HEAD.protocol() });
        }
        if head.kind().is_request() != (self.role == Role::Client) {
            return Err(EncodeError::Refused("a client sends requests, a server responses"));
        }
        if head.stream().is_new() {
            return Err(EncodeError::Refused("this wire takes any id: pick one that is not in flight"));
        }
        if self.tx.is_some() {
            self.refused = true;
            return Ok(Sent::Blocked);
        }
        let message = Message::of(head)?;
        let to = edit::layout_for(&self.config, message.layout, head)?;
        if head.field_edits().next().is_some() {
            return Err(edit::no_place("fields in this transport"));
        }
        let id = match u32::try_from(head.stream().id()) {
            Ok(id) => id,
            // It has kept the one that it came with, which is Dubbo's or that of a header.
            Err(_) if message.id == head.stream().id() => message.begin.id,
            Err(_) => return Err(edit::invalid("the id is wider than the wire's")),
        };
        let bytes = head.bytes();
        let body = bytes.get(message.begin.end..).unwrap_or_default();
        let mut check = None;
        if message.layout.transport != Transport::Unframed {
            let mut looked = Check::new(Skip::new(structs_of(message.layout.encoding), self.limits.nesting));
            looked.advance(body, head.is_end(), head.stream())?;
            check = Some(Box::new(looked));
        }
        let strips = self.config.strips_service && head.kind().is_request();
        let renamed = head.is_edited()
            || strips
            || to.encoding != message.layout.encoding
            || message.layout.transport == Transport::Dubbo;
        if !renamed && message.begin.id == id {
            cx.output().put(bytes.get(message.at..message.begin.end).unwrap_or_default());
        } else if !renamed && message.begin.id_len == 4 && to.encoding != Encoding::Compact {
            let id_at = message.begin.id_at.saturating_sub(message.at);
            cx.output().put_patched(bytes.get(message.at..message.begin.end).unwrap_or_default(), |copy| {
                if let Some(to) = copy.get_mut(id_at..).and_then(|to| to.first_chunk_mut()) {
                    *to = id.to_be_bytes();
                }
            });
        } else {
            let name = edit::name(
                &self.config,
                to.transport,
                head,
                bytes.get(message.begin.name.clone()).unwrap_or_default(),
            )?;
            edit::check_name(to.encoding, &name)?;
            cx.output().append(|out| begin::put(to.encoding, message.begin.kind, &name, id, out));
        }
        cx.output().put_bytes(bytes.slice(message.begin.end.min(bytes.len())..));
        if !head.is_end() {
            self.tx = Some(Tx { stream: head.stream(), check });
        }
        self.stats.messages_out = self.stats.messages_out.saturating_add(1);
        match head.kind() {
            Kind::Request => self.open = self.open.saturating_add(1),
            Kind::Response => self.open = self.open.saturating_sub(1),
            _ => {}
        }
        Ok(Sent::All)
    }

    fn send_body(&mut self, body: &mut Body, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        let Some(tx) = self.tx.as_mut().filter(|tx| tx.stream == body.stream) else {
            return Err(EncodeError::NotOpen(body.stream));
        };
        if let Some(check) = &mut tx.check {
            check.advance(&body.data, body.end, body.stream)?;
        }
        cx.output().put_bytes(std::mem::take(&mut body.data));
        if body.end {
            self.tx = None;
        }
        Ok(Sent::All)
    }
}

/// A message that is to go out, wherever it came from.
struct Message {
    layout: Layout,
    at: usize,
    begin: Begin,
    /// The id that it came with.
    id: u64,
}

impl Message {
    fn of(head: &Head) -> Result<Self, EncodeError> {
        let layout = tag::layout(head.note());
        let bytes = head.bytes();
        let (at, end, framed) = if layout.transport == Transport::Unframed {
            (0, usize::MAX, None)
        } else {
            match Found::read(bytes, destination::MAX_NAME, &Peek::default()) {
                Ok(Parse::Done(found)) if !found.compressed => (found.message_at, found.len, Some(found.id.value)),
                Ok(Parse::Done(_)) => return Err(edit::no_place("a compressed message in this transport")),
                _ => return Err(edit::invalid("the head holds no whole message header")),
            }
        };
        match begin::read(layout.encoding, Place { seen: bytes, at, end, max_name: usize::MAX }) {
            Ok(Parse::Done(begin)) => Ok(Self { layout, at, id: framed.unwrap_or(begin.id.into()), begin }),
            _ => Err(edit::invalid("the head holds no whole message header")),
        }
    }
}

impl Check {
    const fn new(skip: Skip) -> Self {
        Self { skip, begun: Vec::new(), done: false }
    }

    /// Looks on, at the next piece of the message.
    fn advance(&mut self, mut data: &[u8], end: bool, stream: StreamId) -> Result<(), EncodeError> {
        let had = self.begun.len();
        if had > 0 {
            self.begun.extend(data.iter().take(ITEM));
            let n = Self::skip(&mut self.skip, &mut self.done, &self.begun)?;
            match n.checked_sub(had) {
                Some(n) => {
                    data = data.get(n..).unwrap_or_default();
                    self.begun.clear();
                }
                None => {
                    data = &[];
                    self.begun.drain(..n);
                }
            }
        }
        if !self.done && self.begun.is_empty() {
            let n = Self::skip(&mut self.skip, &mut self.done, data)?;
            data = data.get(n..).unwrap_or_default();
            if !self.done {
                self.begun.extend_from_slice(data);
            }
        }
        match (self.done, data) {
            (true, [_, ..]) => Err(EncodeError::TooLong(stream)),
            (false, _) if end => Err(EncodeError::TooShort(stream)),
            _ => Ok(()),
        }
    }

    /// How many of the bytes are behind it.
    fn skip(skip: &mut Skip, done: &mut bool, bytes: &[u8]) -> Result<usize, EncodeError> {
        match skip.advance(bytes) {
            Ok(Skipped::Done(n)) => {
                *done = true;
                Ok(n)
            }
            Ok(Skipped::More { consumed, .. }) => Ok(consumed),
            Err(_) => Err(edit::invalid("a struct that is malformed, and would end nowhere")),
        }
    }
}

fn stream_of(waiting: &Waiting) -> StreamId {
    let mut tag = tag::of(Layout::new(Transport::Unframed, waiting.encoding));
    if waiting.kind == Kind::OneWay {
        tag |= tag::ONE_WAY;
    }
    StreamId::new(u64::from(waiting.begin.id)).with_tag(tag)
}

pub(crate) const fn structs_of(encoding: Encoding) -> skip::Layout {
    match encoding {
        Encoding::Compact => skip::Layout::Compact,
        _ => skip::Layout::Binary,
    }
}

const fn fault_at(fault: &SkipFault, from: usize) -> Fault {
    let at = from.saturating_add(fault.at);
    if fault.is_nesting {
        Fault::limit(Limit::Nesting, fault.detail, at)
    } else {
        Fault::new(fault.code, fault.detail, at)
    }
}

impl Codec for Unframed {
    fn decode(&mut self, input: &mut BytesMut, _: &mut Cx<'_>) -> Result<Step, DecodeError> {
        if self.refused && self.tx.is_none() {
            self.refused = false;
            return Ok(Step::Event(Event::Capacity { stream: None }));
        }
        if let Some(error) = &self.failed {
            return Err((**error).clone());
        }
        match &self.rx {
            Rx::Start => self.start(input),
            Rx::Waiting(_) if input.len() < self.need => Ok(Step::need(self.need.saturating_sub(input.len()))),
            Rx::Waiting(_) => match std::mem::replace(&mut self.rx, Rx::Start) {
                Rx::Waiting(waiting) => self.look_for_end(waiting, input),
                _ => Ok(Step::need(1)),
            },
            Rx::Body { .. } | Rx::Rest { .. } => self.body(input),
        }
    }

    fn decode_eof(&mut self, input: &mut BytesMut, cx: &mut Cx<'_>) -> Result<Step, DecodeError> {
        match self.decode(input, cx)? {
            Step::NeedMore(_) if input.is_empty() && matches!(self.rx, Rx::Start) => Ok(Step::Closed),
            Step::NeedMore(_) => {
                let at = self.stats.bytes_in.saturating_add(input.len() as u64);
                let into = usize::try_from(at.saturating_sub(self.stats.message_at)).unwrap_or(usize::MAX);
                input.clear();
                Err(self.fatal(Fault::new("truncated", "the connection ended inside a message", into)))
            }
            step => Ok(step),
        }
    }

    fn encode(&mut self, event: &mut Event, cx: &mut Cx<'_>) -> Result<Sent, EncodeError> {
        if self.close {
            return Err(EncodeError::Refused("the connection is closing"));
        }
        match event {
            Event::Head(head) => self.send_head(head, cx),
            Event::Body(body) => {
                let sent = self.send_body(body, cx);
                // What follows would be taken for the rest of it.
                self.close |= matches!(sent, Err(ref error) if !matches!(error, EncodeError::NotOpen(_)));
                sent
            }
            Event::Reset(reset) => {
                if reset.reason == ResetReason::NoError {
                } else if self.tx.as_ref().is_some_and(|tx| tx.stream == reset.stream) {
                    self.tx = None;
                    self.close = true;
                } else if self.role == Role::Server {
                    self.open = self.open.saturating_sub(1);
                }
                Ok(Sent::All)
            }
            Event::GoAway => {
                self.draining = true;
                Ok(Sent::All)
            }
            Event::Heartbeat { .. } | Event::Capacity { .. } => Ok(Sent::All),
            Event::Trailers(_) => Err(edit::no_place("trailers")),
            _ => Err(edit::no_place("such an event")),
        }
    }

    fn state(&self) -> ConnState {
        let failed = self.failed.is_some() && (self.open == 0 || self.role == Role::Client);
        let mut state = ConnState::default();
        state.receiving = !matches!(self.rx, Rx::Start) || self.need > 1;
        state.sending = self.tx.is_some();
        state.open = self.open;
        state.draining = self.draining || self.close || self.failed.is_some();
        state.close = self.close || failed;
        state
    }

    fn reply(&mut self, stream: StreamId, reply: &LocalReply<'_>) -> Option<Event> {
        let mut bytes = Vec::new();
        if !reply::put(stream, reply, &mut bytes) {
            return None;
        }
        let layout = tag::layout(stream.tag());
        let place = Place { seen: &bytes, at: 0, end: bytes.len(), max_name: usize::MAX };
        let Ok(Parse::Done(begin)) = begin::read(layout.encoding, place) else { return None };
        let mut head = Head::new(&HEAD, Kind::Response, stream, Bytes::new());
        head.set_note(tag::of(layout));
        head.set_outcome(reply.outcome);
        head.attach(Bytes::from(bytes), begin.end);
        head.set_end(true);
        Some(Event::Head(head))
    }

    fn capacity(&self, stream: StreamId) -> usize {
        match &self.tx {
            Some(tx) if tx.stream != stream => 0,
            _ => usize::MAX,
        }
    }

    fn release(&mut self, _: StreamId, n: usize, _: &mut Cx<'_>) {
        self.unreleased = self.unreleased.saturating_sub(n);
    }

    fn go_away(&mut self, _: &mut Cx<'_>) {
        self.draining = true;
    }

    fn set_depth(&mut self, depth: &Arc<Depth>) {
        self.depth = Arc::clone(depth);
    }

    fn stats(&self) -> &Stats {
        &self.stats
    }
}
