//! Dubbo2 for [meshwire]: both ends of a connection, with the destination in view.
//!
//! A Dubbo2 frame is 16 bytes of header and a body in one of many serializations. In Hessian 2, the default, the body
//! of a request begins with what a route needs: the interface, its version and the method; [`Dubbo`] reads those and
//! nothing behind them. Requests in any other serialization are framed, correlated, answered and forwarded alike, but
//! their destination is not seen: a lookup that needs it says so.
//!
//! | attribute | is |
//! | --- | --- |
//! | service | the path (interface name) |
//! | version | the service version, absent where it is null |
//! | method | the method name |
//! | authority, path, verb | absent: the neutral view falls back on service and method |
//! | group, fields | not seen: attachments are not decoded yet |
//!
//! ```
//! use bytes::BytesMut;
//! use meshwire::{Attr, Codec, Conn, Cx, Event, Output, Protocol, RoutingKey, Step};
//! use meshwire_dubbo::{Call, Dubbo};
//!
//! let call = Call::new("com.example.Greeter", "sayHello").with_version("1.0.0").with_arg("world").head(7);
//! let mut input = BytesMut::from(&call.bytes()[..]);
//!
//! let mut codec = Dubbo::default().codec(Conn::server());
//! let mut output = Output::new();
//! let step = codec.decode(&mut input, &mut Cx::new(&mut output, Default::default()))?;
//! let Step::Event(Event::Head(head)) = step else { panic!("{step:?}") };
//!
//! assert_eq!(head.host(), Attr::Value(b"com.example.Greeter"));
//! assert_eq!(&*head.path().unwrap().unwrap().to_bytes(), b"/com.example.Greeter/sayHello");
//! assert_eq!(head.stream().id(), 7);
//! # Ok::<(), meshwire::DecodeError>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))] // lengths come from the wire

mod call;
mod destination;
mod detect;
mod event;
mod format;
mod hessian;
mod reply;
mod result;
pub mod status;
mod wire;

pub use call::{Call, value};
pub use format::DubboFormat;
pub use result::{ResultKind, result};

use meshwire::frame::FrameCodec;
use meshwire::{Attribute, Codec, Conn, Correlation, Depth, Detection, Protocol, ProtocolTraits};

/// The Dubbo2 protocol.
///
/// Heartbeats are answered, with the serialization they came in; a server's read-only event is a
/// [`GoAway`](meshwire::Event::GoAway). A body that cannot be read costs its message and not the connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dubbo(());

impl Dubbo {
    /// The protocol.
    pub const fn new() -> Self {
        Self(())
    }
}

impl Protocol for Dubbo {
    fn name(&self) -> &'static str {
        "dubbo"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["dubbo2"]
    }

    fn detect(&self, prefix: &[u8]) -> Detection {
        detect::detect(prefix)
    }

    fn traits(&self) -> ProtocolTraits {
        let mut traits = ProtocolTraits::new(Correlation::Id { bits: 64 }, format::HEAD.semantics());
        traits.verbatim = true;
        traits.heartbeat = true;
        traits.one_way = true;
        traits
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        Box::new(FrameCodec::new(DubboFormat::new(), conn))
    }

    fn check_depth(&self, depth: &Depth) -> Result<(), String> {
        let what = if depth.needs(Attribute::Group) {
            "the group"
        } else if depth.needs_fields() {
            "fields"
        } else {
            return Ok(());
        };
        Err(format!("Dubbo attachments are not decoded yet: routes cannot look at {what} of a Dubbo request"))
    }
}
