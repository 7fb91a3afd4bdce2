//! Messages made from scratch: for clients, servers, demos and tests.

use std::sync::Arc;

use bytes::Bytes;
use meshwire::frame::{FrameFormat, Parse, Scan};
use meshwire::{Depth, Head, Kind, Limits, Outcome, Role, StreamId};

use crate::begin::{self, Place, kind};
use crate::config::Config;
use crate::envelope::LENGTH;
use crate::format::{HEAD, ThriftFormat};
use crate::layout::{Encoding, Layout, Transport};
use crate::result::{self, Told};
use crate::{destination, exception, found, info, tag, wrap};

/// A call: `method`, or `Service:method` to a multiplexed server.
///
/// ```
/// use meshwire::{Attr, Attribute, RoutingKey};
/// use meshwire_thrift::{Call, Encoding, Transport};
///
/// let head = Call::new("Store:reserve")
///     .in_transport(Transport::TTHeader)
///     .in_encoding(Encoding::Compact)
///     .with_field("to_service", "shop.store")
///     .with_body([0])
///     .head(7);
/// assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"Store"));
/// assert_eq!(head.field(b"to_service"), Attr::Value(b"shop.store"));
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    layout: Layout,
    kind: u8,
    name: Box<[u8]>,
    service: Box<[u8]>,
    fields: Vec<wrap::Field>,
    body: Vec<u8>,
}

impl Call {
    /// A call in framed binary without arguments.
    pub fn new(name: &str) -> Self {
        Self {
            layout: Layout::new(Transport::Framed, Encoding::Binary),
            kind: kind::CALL,
            name: name.as_bytes().into(),
            service: Box::default(),
            fields: Vec::new(),
            body: vec![0],
        }
    }

    /// The same call in this transport.
    #[must_use]
    pub const fn in_transport(mut self, transport: Transport) -> Self {
        self.layout.transport = transport;
        self
    }

    /// The same call in this encoding; its [body](Self::with_body) must be.
    #[must_use]
    pub const fn in_encoding(mut self, encoding: Encoding) -> Self {
        self.layout.encoding = encoding;
        self
    }

    /// The same call, of this service in Dubbo's frame.
    #[must_use]
    pub fn of_service(mut self, service: &str) -> Self {
        self.service = service.as_bytes().into();
        self
    }

    /// The same call with one more field, which transports without fields leave out.
    #[must_use]
    pub fn with_field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.as_bytes().into(), value.as_bytes().into()));
        self
    }

    /// The same call with these arguments: a struct, with its end.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The same call, to which no answer is wanted.
    #[must_use]
    pub const fn one_way(mut self) -> Self {
        self.kind = kind::ONE_WAY;
        self
    }

    /// The call as a request named `id`, of which 32 bits go out, ready to be encoded.
    pub fn head(&self, id: u64) -> Head {
        let mut bytes = Vec::new();
        wrap::put(self.layout, id, &self.service, &self.fields, &mut bytes);
        let inner_at = bytes.len().saturating_sub(LENGTH);
        begin::put(self.layout.encoding, self.kind, &[&self.name], id as u32, &mut bytes);
        bytes.extend_from_slice(&self.body);
        head_of(self.layout, self.kind, id, inner_at, bytes)
    }
}

/// An answer, in the transport and encoding of the request that it answers.
///
/// ```
/// use meshwire::{Outcome, RoutingKey};
/// use meshwire_thrift::{Answer, Call};
///
/// let asked = Call::new("Store:reserve").head(7);
/// // The field 0 of the result, an i32.
/// let head = Answer::new("reserve").with_body([8, 0, 0, 0, 0, 0, 1, 0]).head(asked.stream());
/// assert_eq!(head.outcome(), Outcome::Success);
/// let head = Answer::exception("reserve", Outcome::Overloaded, "come back later").head(asked.stream());
/// assert_eq!(head.outcome(), Outcome::Overloaded);
/// ```
#[derive(Clone, Debug)]
pub struct Answer {
    name: Box<[u8]>,
    body: Option<Vec<u8>>,
    exception: Option<(Outcome, Box<str>)>,
}

impl Answer {
    /// The answer of a method of type `void`.
    pub fn new(method: &str) -> Self {
        Self { name: method.as_bytes().into(), body: None, exception: None }
    }

    /// A `TApplicationException` of the [type](crate::exception::kind_of) that says `outcome`.
    pub fn exception(method: &str, outcome: Outcome, message: &str) -> Self {
        Self { exception: Some((outcome, message.into())), ..Self::new(method) }
    }

    /// The same answer with this result: a struct, with its end.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// The answer to the request that `stream` names, ready to be encoded.
    pub fn head(&self, stream: StreamId) -> Head {
        let layout = tag::layout(stream.tag());
        let kind = if self.exception.is_some() { kind::EXCEPTION } else { kind::REPLY };
        let mut bytes = Vec::new();
        wrap::put(layout, stream.id(), b"", &[], &mut bytes);
        let inner_at = bytes.len().saturating_sub(LENGTH);
        begin::put(layout.encoding, kind, &[&self.name], found::own(layout.transport, stream.id()), &mut bytes);
        match (&self.exception, &self.body) {
            (Some((outcome, message)), _) => result::put_exception(layout.encoding, message, *outcome, &mut bytes),
            (None, Some(body)) => bytes.extend_from_slice(body),
            (None, None) => result::put_void(layout.encoding, &mut bytes),
        }
        let mut head = head_of(layout, kind, stream.id(), inner_at, bytes);
        head.set_stream(stream);
        head
    }
}

/// The head of a message whose lengths are yet to be written; the frame inside, where there is one, is at `inner_at`.
fn head_of(layout: Layout, message: u8, id: u64, inner_at: usize, mut bytes: Vec<u8>) -> Head {
    let total = bytes.len();
    // Too long for a frame: it is refused when it is sent.
    let _ = wrap::put_lengths(layout, Some(inner_at), total, &mut bytes);
    let kind = match message {
        kind::CALL => Kind::Request,
        kind::ONE_WAY => Kind::OneWay,
        _ => Kind::Response,
    };
    let mut word = tag::of(layout);
    if kind == Kind::OneWay {
        word |= tag::ONE_WAY;
    }
    let stream = StreamId::new(id).with_tag(word);
    let mut head = Head::new(&HEAD, kind, stream, Bytes::new());
    let data_at = if layout.transport == Transport::Unframed {
        unframed(layout, kind, &bytes, &mut head)
    } else {
        let mut format = ThriftFormat::new(Arc::default(), Role::Server, &Limits::default());
        match format.frame(&bytes) {
            Ok(Parse::Done(frame)) => {
                let _ = format.head(&frame, &bytes, &Depth::ALL, &mut Scan::new(bytes.len()), &mut head);
                frame.payload_at
            }
            _ => bytes.len(),
        }
    };
    head.attach(Bytes::from(bytes), data_at);
    head.set_end(true);
    head
}

/// Reads a message without a frame into its head; where its struct begins.
fn unframed(layout: Layout, kind: Kind, bytes: &[u8], head: &mut Head) -> usize {
    head.set_note(tag::of(layout));
    let place = Place { seen: bytes, at: 0, end: bytes.len(), max_name: usize::MAX };
    let Ok(Parse::Done(begin)) = begin::read(layout.encoding, place) else { return bytes.len() };
    if kind == Kind::Response {
        match result::look(layout.encoding, begin.kind, bytes.get(begin.end..).unwrap_or_default()) {
            Told::Outcome(outcome) => head.set_outcome(outcome),
            Told::Exception(kind) => head.set_status(kind as u32, exception::outcome_of(kind)),
            Told::Need(_) => head.set_outcome(Outcome::Unknown),
        }
    }
    destination::read(&Config::default(), bytes, begin.name.start, begin.name.len(), head);
    head.set_fields_at(info::start(0));
    begin.end
}
