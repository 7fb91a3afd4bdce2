//! Thrift for [meshwire]: both ends of a connection, in every transport and encoding in use, with the destination in view.
//!
//! | transport | binary | old binary | compact | JSON |
//! | --- | --- | --- | --- | --- |
//! | framed | yes | yes | yes | yes |
//! | unframed | yes | yes | yes | |
//! | THeader (fbthrift, Apache), zlib too | yes | yes | yes | yes |
//! | TTHeader (Kitex, Volo), with or without a frame inside | yes | yes | yes | |
//! | Dubbo's frame | yes | | | |
//!
//! Which one a connection speaks is seen by its first bytes, in frames by each frame's. An answer goes out in the transport and
//! encoding of its request, whatever the upstream gave it in; a request in those that it came in, or in the transport that is
//! [pinned](Thrift::with_transport). Its arguments are never written anew, so one encoding does not become another.
//!
//! | attribute | is |
//! | --- | --- |
//! | service | what stands before the colon of a multiplexed `Service:method`; in Dubbo's frame its service; else TTHeader's `to_service`; else what is [configured](Thrift::with_service) |
//! | method | the method's name, without the service |
//! | authority, path, verb, version, group | absent: the neutral view falls back on service and method |
//! | fields | the key/values of THeader and TTHeader, TTHeader's numbered keys under Kitex' names (`to_service`); other transports have none |
//!
//! The head of a message is out once its name is in; its arguments are not looked at. Only without a frame they are walked over,
//! to find where they end. An answer tells its [`Outcome`](meshwire::Outcome): success or a declared exception by the first
//! field of its result, else by the type of its `TApplicationException`.
//!
//! # Ids
//!
//! Many clients give each request the id 0. A server end gives requests names of its own where theirs are not unique, and
//! takes the answers to those in the order of the requests; others go out as they come, unless
//! [`answering_in_order`](Thrift::answering_in_order) is asked for. It must not be asked for in front of Go's clients, which
//! write one-way calls like any other: nothing waits for an answer to what other answers have passed, and
//! [`with_one_way`](Thrift::with_one_way) names such calls where nothing else is ever answered. A client end picks ids that are, writes them into the messages, and
//! finds answers by them, since servers give them back; [`with_multiplexing`](Thrift::with_multiplexing) turns that off for
//! those that do not, and on for unframed connections, where it is off. A message that is compressed, or whose header has a
//! checksum (Kitex' `crc32c`), keeps its id, and goes only where that is free ([`Head::kept_id`](meshwire::Head::kept_id)).
//!
//! ```
//! use bytes::BytesMut;
//! use meshwire::{Attr, Codec, Conn, Cx, Event, Output, Protocol, RoutingKey, Step};
//! use meshwire_thrift::{Call, Thrift};
//!
//! let call = Call::new("Store:reserve").with_body([0]).head(7);
//! let mut input = BytesMut::from(&call.bytes()[..]);
//!
//! let mut codec = Thrift::new().codec(Conn::server());
//! let mut output = Output::new();
//! let step = codec.decode(&mut input, &mut Cx::new(&mut output, Default::default()))?;
//! let Step::Event(Event::Head(head)) = step else { panic!("{step:?}") };
//!
//! assert_eq!(head.host(), Attr::Value(b"Store"));
//! assert_eq!(&*head.path().unwrap().unwrap().to_bytes(), b"/Store/reserve");
//! # Ok::<(), meshwire::DecodeError>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))] // lengths come from the wire

mod begin;
mod codec;
mod config;
mod destination;
mod detect;
mod edit;
mod envelope;
pub mod exception;
mod format;
mod found;
mod glance;
mod in_order;
mod info;
mod keys;
mod layout;
mod message;
mod owed;
mod reply;
mod result;
mod skip;
mod tag;
mod unframed;
mod varint;
mod wrap;
mod zlib;

pub use layout::{Encoding, Transport};
pub use message::{Answer, Call};

use std::sync::Arc;

use meshwire::{Codec, Conn, Correlation, Detection, Protocol, ProtocolTraits};

use codec::ThriftCodec;
use config::Config;

/// The Thrift protocol.
///
/// ```
/// use meshwire::{Codec, Conn, Cx, Event, Output, Protocol};
/// use meshwire_thrift::{Call, Thrift, Transport};
///
/// // Servers that are not multiplexed, in frames, behind clients that have none.
/// let protocol = Thrift::new().with_transport(Transport::Framed).stripping_service();
/// let call = Call::new("Store:reserve").in_transport(Transport::Unframed).head(7);
/// let (mut codec, mut output) = (protocol.codec(Conn::client()), Output::new());
/// let _ = codec.encode(&mut Event::Head(call), &mut Cx::new(&mut output, Default::default()))?;
/// assert_eq!(output.take(), b"\0\0\0\x14\x80\x01\0\x01\0\0\0\x07reserve\0\0\0\x07\0".to_vec());
/// # Ok::<(), meshwire::EncodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Thrift {
    config: Arc<Config>,
}

impl Thrift {
    /// The protocol, in whatever transport and encoding a connection begins with.
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// The same protocol in this transport only. A server end refuses others; a client end writes requests that came in another
    /// one in this one, without touching their arguments; fields, and Dubbo's service, stay behind where it has no place for
    /// them. An unframed message larger than
    /// [`Limits::whole`](meshwire::Limits::whole) cannot go into a frame: its length is not known in time.
    #[must_use]
    pub fn with_transport(self, transport: Transport) -> Self {
        self.with(|config| config.transport = Some(transport))
    }

    /// The same protocol in this encoding only. The two binary ones are read by the same readers, and pinned together.
    #[must_use]
    pub fn with_encoding(self, encoding: Encoding) -> Self {
        self.with(|config| config.encoding = Some(encoding))
    }

    /// The same protocol, in which requests that name no service are this one's.
    #[must_use]
    pub fn with_service(self, service: &str) -> Self {
        self.with(|config| config.service = Some(service.as_bytes().into()))
    }

    /// The same protocol, in which a client end sends `Service:method` as `method`: to servers that are not multiplexed.
    #[must_use]
    pub fn stripping_service(self) -> Self {
        self.with(|config| config.strips_service = true)
    }

    /// The same protocol, in which a server end takes all answers in the order of their requests: for clients that send
    /// several requests at once, under ids of their own, and still expect the first answer first.
    #[must_use]
    pub fn answering_in_order(self) -> Self {
        self.with(|config| config.answers_in_order = true)
    }

    /// The same protocol, in which a call of this name, with the service if it has one, is one-way whatever its type says: to
    /// a client of Go that sends nothing else.
    #[must_use]
    pub fn with_one_way(self, name: &str) -> Self {
        self.with(|config| config.one_way.push(name.as_bytes().into()))
    }

    /// The same protocol, in which a client end tells answers apart by their ids, or by their order. Without it ids are used,
    /// on connections that are known to be unframed the order.
    #[must_use]
    pub fn with_multiplexing(self, multiplexes: bool) -> Self {
        self.with(|config| config.multiplexes = Some(multiplexes))
    }
}

impl Protocol for Thrift {
    fn name(&self) -> &'static str {
        "thrift"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["ttheader", "theader"]
    }

    fn detect(&self, prefix: &[u8]) -> Detection {
        detect::detect(&self.config, prefix)
    }

    fn traits(&self) -> ProtocolTraits {
        let correlation = if self.config.by_id() { Correlation::Id { bits: 32 } } else { Correlation::Ordered };
        let mut traits = ProtocolTraits::new(correlation, format::HEAD.semantics());
        traits.verbatim = true;
        // Whether there is a place for them depends on the transport.
        traits.field_edits = matches!(self.config.transport, Some(Transport::THeader | Transport::TTHeader));
        traits.one_way = true;
        traits
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        Box::new(ThriftCodec::new(Arc::clone(&self.config), conn))
    }
}

/// The id of the message of a head on its wire.
pub(crate) fn wire_id(head: &meshwire::Head) -> Option<u64> {
    use meshwire::frame::Parse;
    if tag::transport(head.note()) == Transport::Unframed {
        let encoding = tag::layout(head.note()).encoding;
        let place = begin::Place { seen: head.bytes(), at: 0, end: usize::MAX, max_name: usize::MAX };
        return match begin::read(encoding, place) {
            Ok(Parse::Done(begin)) => Some(u64::from(begin.id)),
            _ => None,
        };
    }
    match found::Found::read(head.bytes(), destination::MAX_NAME, &zlib::Peek::default()) {
        Ok(Parse::Done(found)) => Some(found.id.value),
        _ => None,
    }
}
