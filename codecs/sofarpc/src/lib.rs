//! SOFARPC for [meshwire]: Bolt v1 and v2, both ends of a connection, with the destination in view.
//!
//! A Bolt frame is 20 to 24 bytes of header, the name of a Java class, a map of strings and a content in any
//! serialization. Class and map are the head of a message, its content is the data: nothing looks into it but for one
//! byte, which tells the dialect of Hessian to answer in, and for what a call names nowhere else. v1 and v2 may stand on one
//! connection; an answer goes out in the version of its request, whatever version the upstream gave it in.
//!
//! | attribute | is | or, in a call in Hessian whose map has none |
//! | --- | --- | --- |
//! | service | `sofa_head_target_service` or `service` of the header map, without `:version[:uniqueId]` | `targetServiceUniqueName` of the `SofaRequest` in the content |
//! | version, group | the rest of that name: version and unique id | the same |
//! | method | `sofa_head_method_name` | `methodName` |
//! | authority, path, verb | absent: the neutral view falls back on service and method | |
//! | fields | the header map: target application, trace, baggage | that, and `requestProps`, if the map lacks either name |
//!
//! Where the two keys of the service differ, or one of the three stands twice, the message is refused: servers do not
//! agree on which of them counts. A request of raw Bolt, of a class of its own and without a map, has no service and no method.
//!
//! # What stands in the content
//!
//! Java's clients, and those of protobuf, write all names and properties into the map; Node's Hessian clients write the
//! service alone. So the content is read where the map lacks service or method, and only if routes ask for what it lacks, or for
//! fields. It begins with a `SofaRequest` in either dialect of Hessian, which its first byte tells: `O` is that of Ant's 3.x, `C`
//! Hessian 2 as it was published. What is behind that object, the arguments, is never looked at.
//!
//! Servers run the method of the content. The service Java's servers take from the map where it has one (since 2021; from the
//! content before), Node's from the content. So a content that was read and names another service or another method than the
//! map is refused. A map that has both names is believed: a client that lies there runs another method than it was routed by.
//! A generic call names the method that it is for in both places: Java's clients replace `$invoke` and `$genericInvoke` by it.
//!
//! Properties are shown as Java's clients write them into the map: strings and numbers under their key, those of maps in them
//! under both keys with a dot between; others are not shown. Where the map has a key of that name (but for case), it counts, as
//! it does in Java's servers.
//!
//! A null, or a field that is not there, is absent. A content that is no `SofaRequest` in Hessian, and what lies behind more of
//! it than is looked at, stay unseen, and the lookup says why; one that cannot be read refuses the message. Another service is
//! written into the content, too; a method, and properties, that stand in it cannot be edited.
//!
//! # Details
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
mod content;
mod crc;
mod destination;
mod detect;
mod edit;
mod format;
mod found;
mod keys;
mod map;
mod message;
mod name;
mod props;
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
