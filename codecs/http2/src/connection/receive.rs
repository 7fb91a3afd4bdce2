//! Messages on their way in: HEADERS, CONTINUATION and DATA.

use bytes::{Bytes, BytesMut};
use meshwire::{Body, Cx, DecodeError, Event, Head, Limit, Role, Scope};

use super::{Connection, Data, Rx, stream_id};
use crate::code::Code;
use crate::frame::{self, HEADER, Header};
use crate::grpc::Flavor;
use crate::hpack::HpackError;
use crate::message::{self, Facts, Rules};
use crate::rules::Malformed;
use crate::stream::Stream;

/// A block of fields that goes on in CONTINUATION frames.
pub(super) struct Gathered {
    pub(super) stream: u32,
    flags: u8,
    block: Vec<u8>,
    frames: usize,
}

/// What a block of fields is to its stream.
enum Place {
    /// A new request.
    Request,
    /// The answer, or an interim one.
    Response,
    /// Behind a body.
    Trailers,
    /// It is read for the tables alone.
    Nowhere,
    /// The same, and the stream is reset.
    Refused(Code),
    /// The same, and that is an error.
    Wrong(Code, &'static str),
}

impl Connection {
    // ----- HEADERS -----

    pub(super) fn headers_frame(
        &mut self,
        header: Header,
        payload: &[u8],
        cx: &mut Cx<'_>,
    ) -> Result<Option<Event>, DecodeError> {
        let Some(block) = block_of(header, payload) else {
            return Err(self.fatal(Code::PROTOCOL_ERROR, "padding", "padding as long as its frame, or longer", cx));
        };
        if header.has(frame::PRIORITIZED)
            && depends_on(payload, usize::from(header.has(frame::PADDED))) == header.stream
        {
            return Err(self.block_error(header, block, "a stream that depends on itself", cx));
        }
        if header.has(frame::END_HEADERS) {
            return self.block(header.stream, header.flags, block, cx);
        }
        self.gathered =
            Some(Box::new(Gathered { stream: header.stream, flags: header.flags, block: block.to_vec(), frames: 0 }));
        Ok(None)
    }

    pub(super) fn continuation_frame(
        &mut self,
        header: Header,
        payload: &[u8],
        cx: &mut Cx<'_>,
    ) -> Result<Option<Event>, DecodeError> {
        let Some(mut gathered) = self.gathered.take() else { return Ok(None) };
        gathered.frames = gathered.frames.saturating_add(1);
        if gathered.frames > self.limits.continuations {
            return Err(self.over(Limit::Continuations, "a head in too many CONTINUATION frames", cx));
        }
        // Compressed, a head is smaller than its fields, or not much larger.
        let most = self.limits.head.saturating_mul(2);
        if gathered.block.len().saturating_add(payload.len()) > most {
            return Err(self.over(Limit::Head, "a block of fields that no allowed head needs", cx));
        }
        gathered.block.extend_from_slice(payload);
        if header.has(frame::END_HEADERS) {
            return self.block(gathered.stream, gathered.flags, &gathered.block, cx);
        }
        self.gathered = Some(gathered);
        Ok(None)
    }

    /// A block of fields is whole.
    fn block(&mut self, id: u32, flags: u8, block: &[u8], cx: &mut Cx<'_>) -> Result<Option<Event>, DecodeError> {
        let end = flags & frame::END_STREAM != 0;
        let place = self.place(id, end, cx)?;
        if matches!(place, Place::Request)
            && !self.decoder.is_owed_update()
            && let Some((mut head, facts)) = self.repeat.get(block)
        {
            head.set_stream(stream_id(id));
            head.set_end(end);
            return Ok(Some(self.open(id, end, head, &facts, cx)));
        }
        let version = self.decoder.version();
        self.read_block(block, cx)?;
        let again = if self.decoder.version() == version {
            matches!(place, Place::Request) && self.list.over().is_none() && self.repeat.wants(block)
        } else {
            self.repeat.forget();
            false
        };
        match place {
            Place::Request => self.request(id, end, again.then_some(block), cx).map(Some),
            Place::Response => self.response(id, end, cx),
            Place::Trailers => self.trailers(id, cx),
            Place::Nowhere => {
                self.list.clear();
                if end {
                    self.change(id, |stream| stream.got = true);
                }
                self.idle(cx, "fields that nobody waits for").map(|()| None)
            }
            Place::Refused(code) => {
                self.list.clear();
                self.refuse(id, code, cx).map(|()| None)
            }
            Place::Wrong(code, detail) => {
                self.list.clear();
                Err(self.stream_error(id, code, "headers", detail, cx))
            }
        }
    }

    /// A block whose frame is wrong is read all the same: the tables must know it.
    fn block_error(&mut self, header: Header, block: &[u8], detail: &'static str, cx: &mut Cx<'_>) -> DecodeError {
        if !header.has(frame::END_HEADERS) {
            return self.fatal(Code::PROTOCOL_ERROR, "priority", detail, cx);
        }
        if let Err(error) = self.read_block(block, cx) {
            return error;
        }
        self.list.clear();
        if self.role == Role::Server && !header.stream.is_multiple_of(2) {
            self.last = self.last.max(header.stream);
        }
        self.stream_error(header.stream, Code::PROTOCOL_ERROR, "priority", detail, cx)
    }

    fn read_block(&mut self, block: &[u8], cx: &mut Cx<'_>) -> Result<(), DecodeError> {
        match self.decoder.decode_into(block, &mut self.list) {
            Ok(()) => Ok(()),
            Err(HpackError::ListTooLarge) => Err(self.over(Limit::Head, "a head of several times what is allowed", cx)),
            Err(error) => Err(self.fatal(Code::COMPRESSION_ERROR, "hpack", error.detail(), cx)),
        }
    }

    /// What a block on this stream is, by the stream's state (RFC 9113, section 5.1).
    fn place(&mut self, id: u32, end: bool, cx: &mut Cx<'_>) -> Result<Place, DecodeError> {
        if let Some(stream) = self.streams.get(id) {
            return Ok(if stream.deaf {
                Place::Nowhere
            } else if stream.got {
                Place::Wrong(Code::STREAM_CLOSED, "fields behind the end of their stream")
            } else if !stream.heard {
                Place::Response
            } else if stream.tunnel {
                Place::Wrong(Code::PROTOCOL_ERROR, "trailers in a tunnel")
            } else if end {
                Place::Trailers
            } else {
                Place::Wrong(Code::PROTOCOL_ERROR, "a second head, and no trailers since it ends nothing")
            });
        }
        match self.role {
            Role::Server if id.is_multiple_of(2) => {
                Err(self.fatal(Code::PROTOCOL_ERROR, "stream", "a client's streams are odd", cx))
            }
            Role::Server if id > self.last => Ok(self.new_stream(id)),
            Role::Client if self.config.observe => {
                self.observe(id, cx);
                Ok(Place::Response)
            }
            Role::Client if self.is_idle(id) => {
                Err(self.fatal(Code::PROTOCOL_ERROR, "stream", "an answer to a request that was never made", cx))
            }
            Role::Client => Ok(Place::Nowhere),
            Role::Server if self.reset_by_us.contains(&id) || self.is_past_goaway(id) => Ok(Place::Nowhere),
            // RFC 9113, section 5.1.1. Of older gaps nothing is known: what lies there counts as closed.
            Role::Server if self.skipped.contains(&id) => {
                Err(self.fatal(Code::PROTOCOL_ERROR, "stream", "a stream that a later one came before", cx))
            }
            Role::Server => Err(self.fatal(Code::STREAM_CLOSED, "stream", "fields on a stream that is closed", cx)),
        }
    }

    /// A recording of answers says nothing of their requests.
    fn observe(&mut self, id: u32, cx: &Cx<'_>) {
        let stream = Stream::new(self.peer.window, self.receive_window(), cx.now());
        self.last = self.last.max(id);
        self.streams.open(id, Stream { begun: true, sent: true, ..stream });
    }

    fn new_stream(&mut self, id: u32) -> Place {
        if id > self.last.saturating_add(2) {
            self.skipped = self.last.saturating_add(1)..id;
        }
        self.last = id;
        if self.drain.is_final() {
            // It is past what we said we would look at: the peer sends it again elsewhere.
            return Place::Nowhere;
        }
        if self.streams.len() >= self.limits.streams && !self.config.observe {
            self.stats.trip(Limit::Streams);
            return Place::Refused(Code::REFUSED_STREAM);
        }
        Place::Request
    }

    // ----- heads -----

    /// A request; `again` is its block, where that is one to remember.
    fn request(&mut self, id: u32, end: bool, again: Option<&[u8]>, cx: &mut Cx<'_>) -> Result<Event, DecodeError> {
        if let Some(limit) = self.list.over() {
            let mut stream = Stream::new(self.peer.window, self.receive_window(), cx.now());
            (stream.heard, stream.got, stream.deaf) = (true, end, true);
            return Err(self.too_large(id, stream, limit));
        }
        let name = stream_id(id);
        let mut fields = self.list.take();
        if again.is_some() {
            // It stays: not with all of the memory that it shares.
            fields = Bytes::copy_from_slice(&fields);
        }
        let (head, facts) = match message::request(fields, name, end, Rules { extended_connect: self.own.connect }) {
            Ok(parsed) => parsed,
            Err(malformed) => return Err(self.malformed(id, malformed, cx)),
        };
        if end && facts.content_length.is_some_and(|n| n > 0) {
            return Err(self.malformed(id, SHORT, cx));
        }
        if let Some(block) = again {
            self.repeat.put(block, &head, facts);
        }
        Ok(self.open(id, end, head, &facts, cx))
    }

    fn open(&mut self, id: u32, end: bool, head: Head, facts: &Facts, cx: &Cx<'_>) -> Event {
        let mut stream = Stream::new(self.peer.window, self.receive_window(), cx.now());
        (stream.heard, stream.got) = (true, end);
        stream.asked = facts.asked();
        stream.to_come = facts.content_length;
        self.streams.open(id, stream);
        self.stats.messages_in = self.stats.messages_in.saturating_add(1);
        Event::Head(head)
    }

    /// A request whose head passes a limit stays open for the answer that says so.
    fn too_large(&mut self, id: u32, stream: Stream, limit: Limit) -> DecodeError {
        self.list.clear();
        self.stats.trip(limit);
        self.stats.bad_messages = self.stats.bad_messages.saturating_add(1);
        self.streams.open(id, stream);
        DecodeError::limit(crate::NAME, limit, "the head is too large", Scope::Stream(stream_id(id)))
            .at(self.stats.bytes_in, self.stats.message_at)
    }

    fn malformed(&mut self, id: u32, malformed: Malformed, cx: &mut Cx<'_>) -> DecodeError {
        self.stream_error(id, Code::PROTOCOL_ERROR, malformed.code, malformed.detail, cx)
    }

    fn response(&mut self, id: u32, end: bool, cx: &mut Cx<'_>) -> Result<Option<Event>, DecodeError> {
        if self.list.over().is_some() {
            return Err(self.over_answer(id, cx));
        }
        let Some(stream) = self.streams.get(id) else { return Ok(None) };
        let (head, facts) = match message::response(self.list.take(), stream_id(id), end, stream.asked) {
            Ok(parsed) => parsed,
            Err(malformed) => return Err(self.malformed(id, malformed, cx)),
        };
        if facts.interim {
            return self.interim(id, head, cx);
        }
        if let Some(malformed) = self.begin_answer(id, end, &facts) {
            return Err(self.malformed(id, malformed, cx));
        }
        self.stats.messages_in = self.stats.messages_in.saturating_add(1);
        Ok(Some(Event::Head(head)))
    }

    fn interim(&mut self, id: u32, mut head: Head, cx: &mut Cx<'_>) -> Result<Option<Event>, DecodeError> {
        let count = self.streams.peek(id, |stream| {
            stream.interim = stream.interim.saturating_add(1);
            stream.interim as usize
        });
        if count.is_some_and(|n| n > self.limits.interim) {
            self.stats.trip(Limit::Interim);
            return Err(self.stream_error(id, Code::ENHANCE_YOUR_CALM, "interim", "too many interim answers", cx));
        }
        // The message ends here; the answer is still to come.
        head.set_end(true);
        self.stats.messages_in = self.stats.messages_in.saturating_add(1);
        Ok(Some(Event::Head(head)))
    }

    fn begin_answer(&mut self, id: u32, end: bool, facts: &Facts) -> Option<Malformed> {
        let to_come = if facts.bodyless { Some(0) } else { facts.content_length };
        if end && !facts.bodyless && to_come.is_some_and(|n| n > 0) {
            return Some(SHORT);
        }
        let (flavor, tunnel) = (facts.flavor, facts.connect);
        self.change(id, |stream| {
            (stream.heard, stream.got) = (true, end);
            (stream.to_come, stream.tunnel) = (to_come, tunnel);
            stream.asked.flavor = flavor;
        });
        None
    }

    fn over_answer(&mut self, id: u32, cx: &mut Cx<'_>) -> DecodeError {
        let limit = self.list.over().unwrap_or(Limit::Head);
        self.list.clear();
        self.stats.trip(limit);
        let error = self.stream_error(id, Code::ENHANCE_YOUR_CALM, limit.name(), "the head is too large", cx);
        if error.is_fatal() {
            return error;
        }
        let mut error = error;
        error.limit = Some(limit);
        error
    }

    fn trailers(&mut self, id: u32, cx: &mut Cx<'_>) -> Result<Option<Event>, DecodeError> {
        if self.list.over().is_some() {
            return Err(self.over_answer(id, cx));
        }
        let Some(stream) = self.streams.get(id) else { return Ok(None) };
        // The status of a call stands behind its answer, not behind its request.
        let flavor = if self.role == Role::Client { stream.asked.flavor } else { Flavor::Http };
        let short = stream.to_come.is_some_and(|n| n > 0);
        let head = match message::trailers(self.list.take(), stream_id(id), flavor) {
            _ if short => return Err(self.malformed(id, SHORT, cx)),
            Ok(head) => head,
            Err(malformed) => return Err(self.malformed(id, malformed, cx)),
        };
        self.change(id, |stream| stream.got = true);
        Ok(Some(Event::Trailers(head)))
    }

    // ----- DATA -----

    pub(super) fn data_frame(
        &mut self,
        header: Header,
        input: &mut BytesMut,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Event>, DecodeError> {
        let front = HEADER.saturating_add(usize::from(header.has(frame::PADDED)));
        if input.len() < front && header.len > 0 {
            self.need = front;
            return Ok(None);
        }
        let first = input.get(HEADER).copied().unwrap_or_default();
        let Some((before, pad)) = frame::unpadded(header, first) else {
            return Err(self.fatal(Code::PROTOCOL_ERROR, "padding", "padding as long as its frame, or longer", cx));
        };
        self.pass(input, HEADER.saturating_add(before));
        self.need = HEADER;
        let (id, end) = (header.stream, header.has(frame::END_STREAM));
        let content = header.len.saturating_sub(before).saturating_sub(pad);
        if !self.receive.take(header.len) && !self.config.observe {
            let detail = "more data than the connection's window allows";
            return Err(self.fatal(Code::FLOW_CONTROL_ERROR, "window", detail, cx));
        }
        // What is no content has done its duty.
        self.give_back(before.saturating_add(pad), cx);
        let drop = match self.check_data(header, content, end, cx) {
            Ok(drop) => drop,
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => {
                // The stream is lost, the frame goes on.
                self.rx = Rx::Data(Data { stream: id, left: content, pad, end, drop: true });
                self.need = 0;
                return Err(error);
            }
        };
        let data = Data { stream: id, left: content, pad, end, drop };
        self.data(data, input, cx)
    }

    /// What becomes of a DATA frame: whether nobody gets it.
    fn check_data(&mut self, header: Header, content: usize, end: bool, cx: &mut Cx<'_>) -> Result<bool, DecodeError> {
        let (id, now) = (header.stream, cx.now());
        let observe = self.config.observe;
        let mut padding = None;
        let verdict = self.streams.peek(id, |stream| {
            if stream.deaf {
                return Ok(true);
            }
            if stream.got {
                return Err((Code::STREAM_CLOSED, "data", "data behind the end of its stream"));
            }
            if !stream.heard {
                return Err((Code::PROTOCOL_ERROR, "data", "data in front of its head"));
            }
            if !stream.receive.take(header.len) && !observe {
                return Err((Code::FLOW_CONTROL_ERROR, "window", "more data than the stream's window allows"));
            }
            if let Some(left) = &mut stream.to_come {
                match left.checked_sub(content as u64) {
                    Some(rest) if !(end && rest > 0) => *left = rest,
                    _ => {
                        return Err((
                            Code::PROTOCOL_ERROR,
                            "content_length",
                            "not as much content as content-length says",
                        ));
                    }
                }
            }
            // Nobody else releases padding.
            padding = stream.receive.release(header.len.saturating_sub(content)).filter(|_| !end);
            Ok(false)
        });
        if let Some(credit) = padding {
            self.write(frame::WINDOW_UPDATE, 0, id, &credit.to_be_bytes(), cx);
        }
        match verdict {
            Some(Ok(drop)) => {
                if content == 0 && !end {
                    self.idle(cx, "DATA frames without content")?;
                } else if content > 0
                    && !drop
                    && let Err(limit) = self.budgets.data_in(content, now)
                {
                    return Err(self.over(limit, "small DATA frames faster than anyone takes them", cx));
                }
                Ok(drop)
            }
            Some(Err((code, name, detail))) => Err(self.stream_error(id, code, name, detail, cx)),
            None if self.is_idle(id) && !(observe && self.role == Role::Client) => {
                Err(self.fatal(Code::PROTOCOL_ERROR, "stream", "data on a stream that was never opened", cx))
            }
            None if self.role == Role::Client || self.reset_by_us.contains(&id) || self.is_past_goaway(id) => {
                self.idle(cx, "data that nobody waits for").map(|()| true)
            }
            None => Err(self.stream_error(id, Code::STREAM_CLOSED, "stream", "data on a stream that is closed", cx)),
        }
    }

    /// As much of a DATA frame as there is.
    pub(super) fn data(
        &mut self,
        mut data: Data,
        input: &mut BytesMut,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Event>, DecodeError> {
        let n = data.left.min(input.len());
        let content = self.take(input, n);
        data.left = data.left.saturating_sub(n);
        if data.left == 0 {
            let behind = data.pad.min(input.len());
            self.pass(input, behind);
            data.pad = data.pad.saturating_sub(behind);
        }
        let done = data.left == 0 && data.pad == 0;
        self.rx = if done { Rx::Frame } else { Rx::Data(data) };
        self.need = if done { HEADER } else { 1 };
        if data.drop || self.streams.get(data.stream).is_none_or(|stream| stream.got) {
            self.give_back(n, cx);
            if done && data.end {
                self.change(data.stream, |stream| stream.got = true);
            }
            return Ok(None);
        }
        let end = data.end && data.left == 0 && done;
        if end {
            self.change(data.stream, |stream| stream.got = true);
        } else if content.is_empty() {
            return Ok(None);
        }
        Ok(Some(Event::Body(Body { stream: stream_id(data.stream), data: content, end })))
    }
}

const SHORT: Malformed = Malformed::new("content_length", "not as much content as content-length says");

/// The block in a HEADERS payload, padding and priority taken off; `None` where they are longer than the payload.
fn block_of(header: Header, payload: &[u8]) -> Option<&[u8]> {
    let (before, pad) = frame::unpadded(header, payload.first().copied().unwrap_or_default())?;
    let before = before.saturating_add(if header.has(frame::PRIORITIZED) { 5 } else { 0 });
    payload.get(before..payload.len().checked_sub(pad)?)
}

/// The stream that a priority names (section 6.3).
pub(super) fn depends_on(payload: &[u8], at: usize) -> u32 {
    let bytes = payload.get(at..).and_then(|rest| rest.first_chunk::<4>()).copied().unwrap_or_default();
    u32::from_be_bytes(bytes) & frame::MAX_31
}
