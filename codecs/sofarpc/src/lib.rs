//! SOFARPC for [meshwire]: Bolt v1 and v2, both ends of a connection, with the destination in view.
//!
//! A Bolt frame is 20 to 24 bytes of header, the name of a Java class, a map of strings and a content in any
//! serialization. Class and map are the head of a message, its content is the data: nothing looks into it but for one
//! byte, which tells the dialect of Hessian to answer in. v1 and v2 may stand on one connection; an answer goes out in the
//! version of its request, whatever version the upstream gave it in.
//!
//! | attribute | is |
//! | --- | --- |
//! | service | `sofa_head_target_service` or `service` of the header map, without `:version[:uniqueId]` |
//! | version, group | the rest of that name: version and unique id |
//! | method | `sofa_head_method_name` |
//! | authority, path, verb | absent: the neutral view falls back on service and method |
//! | fields | the header map: target application, trace, baggage |
//!
//! Where the two keys of the service differ, or one of the three stands twice, the message is refused: servers do not
//! agree on which of them counts. A SOFARPC call without one of them (Node's Hessian clients send no method) has it in its
//! content, which is not read: a lookup that needs it says that it was not seen. A request of raw Bolt, of a class of its own
//! and without a map, has neither.
//!
//! An entry of the map whose key or value is null is no field and is passed on; a key that stands twice is two fields, and
//! Java goes by the last; bytes behind the last entry refuse the message. Keys are told apart by case on the wire, but not by
//! the neutral view: an edit of `tenant` replaces `Tenant` too.
//!
//! v2 may close a frame with a CRC-32 of all of it. It is checked, and passed on changed only by what another id changes, so
//! that damage done on the way stays visible; a message that is edited, and an answer in another version than it came in, is
//! signed anew.
//!
//! ```
//! use bytes::BytesMut;
//! use meshwire::{Attr, Codec, Conn, Cx, Event, Output, Protocol, RoutingKey, Step};
//! use meshwire_sofarpc::{Bolt, Call};
//!
//! let call = Call::new("com.example.Greeter:1.0", "hello").with_content(12, "[\"world\"]").head(7);
//! let mut input = BytesMut::from(&call.bytes()[..]);
//!
//! let mut codec = Bolt::default().codec(Conn::server());
//! let mut output = Output::new();
//! let step = codec.decode(&mut input, &mut Cx::new(&mut output, Default::default()))?;
//! let Step::Event(Event::Head(head)) = step else { panic!("{step:?}") };
//!
//! assert_eq!(head.host(), Attr::Value(b"com.example.Greeter"));
//! assert_eq!(&*head.path().unwrap().unwrap().to_bytes(), b"/com.example.Greeter/hello");
//! assert_eq!((head.stream().id(), head.data()), (7, &b"[\"world\"]"[..]));
//! # Ok::<(), meshwire::DecodeError>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))] // lengths come from the wire

mod command;
mod crc;
mod destination;
mod detect;
mod edit;
mod format;
mod found;
mod hessian;
mod keys;
mod map;
mod message;
mod name;
mod reply;
mod shape;
pub mod status;
mod tag;
mod version;
mod wire;

pub use command::{Command, command};
pub use format::BoltFormat;
pub use message::{Answer, Call};
pub use version::Version;

use meshwire::frame::FrameCodec;
use meshwire::{Codec, Conn, Correlation, Detection, Protocol, ProtocolTraits};

/// The Bolt protocol, which SOFARPC speaks.
///
/// Heartbeats are answered in their version; the go-away of MOSN is understood. A header map that cannot be read costs its
/// message and not the connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bolt {
    sends_go_away: bool,
}

impl Bolt {
    /// The protocol.
    pub const fn new() -> Self {
        Self { sends_go_away: false }
    }

    /// The same protocol, telling peers to open no more exchanges by the go-away command (100). Off by default: Java's
    /// Bolt up to 1.6 drops the connection over a command that it does not know.
    #[must_use]
    pub const fn sending_go_away(mut self) -> Self {
        self.sends_go_away = true;
        self
    }
}

impl Protocol for Bolt {
    fn name(&self) -> &'static str {
        "bolt"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["sofarpc", "boltv1", "boltv2"]
    }

    fn detect(&self, prefix: &[u8]) -> Detection {
        detect::detect(prefix)
    }

    fn traits(&self) -> ProtocolTraits {
        let mut traits = ProtocolTraits::new(Correlation::Id { bits: 32 }, format::HEAD.semantics());
        traits.verbatim = true;
        traits.field_edits = true;
        traits.heartbeat = true;
        traits.one_way = true;
        traits
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        let format = BoltFormat::new(&conn.limits, self.sends_go_away);
        Box::new(FrameCodec::new(format, conn))
    }
}
