//! A server codec and a client codec back to back, as in a proxy, between two peers that are recordings.
//!
//! It is how the kit decodes anything: answers can only be decoded by a client that has asked.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::codec::{Correlation, Protocol, Role};
use crate::depth::Depth;
use crate::error::DecodeError;
use crate::event::{Event, Sent, Step, StreamId};
use crate::head::Kind;
use crate::limits::Limits;
use crate::outcome::LocalReply;

use super::check::Check;
use super::end::End;
use super::failure::Failure;
use super::log::Log;

pub(super) struct Splice {
    pub(super) server: End,
    pub(super) client: End,
    pub(super) requests: Log,
    pub(super) responses: Log,
    /// Events on their way across, each with the stream it had where it was decoded.
    to_client: VecDeque<(StreamId, Event)>,
    /// Without one where the event was made here.
    to_server: VecDeque<(Option<StreamId>, Event)>,
    /// Names of requests: downstream to upstream while the request is under way, and back until it is answered.
    up: HashMap<StreamId, StreamId>,
    down: HashMap<StreamId, StreamId>,
    correlation: Correlation,
    forward: bool,
    /// The peers are hostile: what cannot be encoded is dropped.
    hostile: bool,
    /// Everything each codec wrote.
    pub(super) client_wrote: Vec<u8>,
    pub(super) server_wrote: Vec<u8>,
    /// Heads that did not go out as they came: their bytes, and what was written.
    pub(super) rewritten: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) exchanges: Vec<Exchange>,
    /// What the server refused, and how often it had an answer to that.
    pub(super) refused: Vec<DecodeError>,
    pub(super) answered_refused: usize,
}

/// A request and its answer, as events that can be sent again.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) stream: StreamId,
    pub(super) request: Vec<Event>,
    pub(super) response: Vec<Event>,
}

/// The bytes of a head that is to go out.
fn head_bytes(event: &Event) -> Option<Vec<u8>> {
    match event {
        Event::Head(head) if !head.is_edited() => Some(head.head_bytes().to_vec()),
        _ => None,
    }
}

impl Splice {
    pub(super) fn new(protocol: &dyn Protocol, limits: &Arc<Limits>, depth: &Depth) -> Self {
        Self {
            server: End::new(protocol, Role::Server, limits, depth),
            client: End::new(protocol, Role::Client, limits, depth),
            requests: Log::default(),
            responses: Log::default(),
            to_client: VecDeque::new(),
            to_server: VecDeque::new(),
            up: HashMap::new(),
            down: HashMap::new(),
            correlation: protocol.traits().correlation,
            forward: false,
            hostile: false,
            client_wrote: Vec::new(),
            server_wrote: Vec::new(),
            rewritten: Vec::new(),
            exchanges: Vec::new(),
            refused: Vec::new(),
            answered_refused: 0,
        }
    }

    /// The same, doing to each head what an intermediary must.
    pub(super) const fn forwarding(mut self) -> Self {
        self.forward = true;
        self
    }

    /// The same between peers that keep no rules.
    pub(super) const fn hostile(mut self) -> Self {
        self.hostile = true;
        self
    }

    /// Runs whole recordings, in these pieces.
    pub(super) fn run<'a>(
        &mut self,
        requests: impl IntoIterator<Item = &'a [u8]>,
        responses: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), Failure> {
        self.pump()?;
        for piece in requests {
            self.server.feed(piece);
            self.pump()?;
        }
        for piece in responses {
            self.client.feed(piece);
            self.pump()?;
        }
        Ok(())
    }

    /// Moves what can be moved: requests first, since what the recorded peer answered it answered to whole ones.
    pub(super) fn pump(&mut self) -> Result<(), Failure> {
        let mut moved = true;
        while moved {
            while self.decode_requests()? || self.send_requests()? {}
            moved = self.decode_responses()?;
            moved |= self.send_responses()?;
        }
        Ok(())
    }

    fn decode_requests(&mut self) -> Result<bool, Failure> {
        if self.server.is_dead() {
            return Ok(false);
        }
        let result = self.server.decode()?;
        self.server_wrote.extend(self.server.take_output());
        match result {
            Ok(Step::Event(mut event)) => {
                if let (Event::Head(head), true) = (&mut event, self.forward) {
                    head.forward();
                }
                self.requests.push(&event, self.server.codec().state().tunnel)?;
                self.keep_request(&event);
                if let Some(stream) = event.stream()
                    && !matches!(event, Event::Capacity { .. } | Event::Upgraded { .. })
                {
                    self.to_client.push_back((stream, event));
                }
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) => {
                self.requests.refused(&error);
                self.answer_refused(&error);
                let fatal = error.is_fatal();
                self.refused.push(error);
                Ok(!fatal)
            }
        }
    }

    fn keep_request(&mut self, event: &Event) {
        match event {
            Event::Head(head) => self.exchanges.push(Exchange {
                stream: head.stream(),
                request: vec![event.clone()],
                response: Vec::new(),
            }),
            Event::Body(_) | Event::Trailers(_) | Event::Reset(_) => {
                if let Some(exchange) =
                    self.exchanges.iter_mut().rev().find(|known| event.stream() == Some(known.stream))
                {
                    exchange.request.push(event.clone());
                }
            }
            _ => {}
        }
    }

    fn keep_response(&mut self, event: &Event) {
        let name = event.stream().and_then(|stream| self.down.get(&stream)).copied();
        if let Some(exchange) = self.exchanges.iter_mut().rev().find(|known| name == Some(known.stream))
            && matches!(event, Event::Head(_) | Event::Body(_) | Event::Trailers(_) | Event::Reset(_))
        {
            exchange.response.push(event.clone());
        }
    }

    /// A refused request is answered here, and what was forwarded of it is cut off.
    fn answer_refused(&mut self, error: &DecodeError) {
        let Some(stream) = error.stream() else { return };
        self.to_client.retain(|(of, _)| *of != stream);
        if !error.replied
            && let Some(event) = self.server.reply(stream, &LocalReply::new(error.outcome(), error.detail))
        {
            self.to_server.push_back((None, event));
            self.answered_refused = self.answered_refused.saturating_add(1);
        }
    }

    fn send_requests(&mut self) -> Result<bool, Failure> {
        if self.client.blocked {
            return Ok(false);
        }
        let Some((stream, event)) = self.to_client.front_mut() else { return Ok(false) };
        let stream = *stream;
        let (is_head, one_way) = match event {
            Event::Head(head) => (true, head.kind() == Kind::OneWay),
            _ => (false, false),
        };
        if is_head && !matches!(self.correlation, Correlation::Id { .. }) {
            if event.stream() == Some(stream) {
                event.set_stream(StreamId::NEW.with_tag(stream.tag()));
            }
        } else if !is_head {
            match self.up.get(&stream) {
                Some(name) => event.set_stream(*name),
                None if self.hostile => {
                    self.server.release(stream, event.data_len());
                    self.to_client.pop_front();
                    return Ok(true);
                }
                None => {}
            }
        }
        let (before, head) = (event.data_len(), head_bytes(event));
        let sent = self.client.encode(event);
        let name = event.stream();
        let left = match sent {
            Ok(Sent::Blocked) => event.data_len(),
            _ => 0,
        };
        let wrote = self.client.take_output();
        self.client_wrote.extend_from_slice(&wrote);
        if let Some(head) =
            head.filter(|head| sent.is_ok() && !wrote.is_empty() && memchr::memmem::find(&wrote, head).is_none())
        {
            self.rewritten.push((head, wrote));
        }
        self.server.release(stream, before.saturating_sub(left));
        self.server_wrote.extend(self.server.take_output());
        if is_head && let Some(name) = name.filter(|name| !name.is_new()) {
            self.up.insert(stream, name);
            if !one_way {
                self.down.insert(name, stream);
            }
        }
        match sent {
            Ok(Sent::All) => {}
            Ok(Sent::Blocked) => return Ok(false),
            Err(_) if self.hostile => {}
            Err(error) => return Err(Failure::new(Check::RoundTrip, format!("a request cannot be sent on: {error}"))),
        }
        self.to_client.pop_front();
        Ok(true)
    }

    fn decode_responses(&mut self) -> Result<bool, Failure> {
        if self.client.is_dead() {
            return Ok(false);
        }
        let result = self.client.decode()?;
        self.client_wrote.extend(self.client.take_output());
        match result {
            Ok(Step::Event(mut event)) => {
                if let (Event::Head(head), true) = (&mut event, self.forward) {
                    head.forward();
                }
                self.responses.push(&event, self.client.codec().state().tunnel)?;
                self.keep_response(&event);
                if let Some(stream) = event.stream()
                    && !matches!(event, Event::Capacity { .. } | Event::Upgraded { .. })
                {
                    self.to_server.push_back((Some(stream), event));
                }
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) => {
                self.responses.refused(&error);
                Ok(!error.is_fatal())
            }
        }
    }

    fn send_responses(&mut self) -> Result<bool, Failure> {
        if self.server.blocked {
            return Ok(false);
        }
        let Some((stream, event)) = self.to_server.front_mut() else { return Ok(false) };
        let stream = *stream;
        if let Some(stream) = stream {
            let Some(name) = self.down.get(&stream) else {
                // An answer that nobody asked for.
                self.client.release(stream, event.data_len());
                self.to_server.pop_front();
                return Ok(true);
            };
            event.set_stream(*name);
        }
        let (before, head) = (event.data_len(), head_bytes(event));
        let sent = self.server.encode(event);
        let left = match sent {
            Ok(Sent::Blocked) => event.data_len(),
            _ => 0,
        };
        let wrote = self.server.take_output();
        self.server_wrote.extend_from_slice(&wrote);
        if let Some(head) =
            head.filter(|head| sent.is_ok() && !wrote.is_empty() && memchr::memmem::find(&wrote, head).is_none())
        {
            self.rewritten.push((head, wrote));
        }
        if let Some(stream) = stream {
            self.client.release(stream, before.saturating_sub(left));
            self.client_wrote.extend(self.client.take_output());
        }
        match sent {
            Ok(Sent::All) => {}
            Ok(Sent::Blocked) => return Ok(false),
            Err(_) if self.hostile => {}
            Err(error) => return Err(Failure::new(Check::RoundTrip, format!("an answer cannot be sent on: {error}"))),
        }
        self.to_server.pop_front();
        Ok(true)
    }
}
