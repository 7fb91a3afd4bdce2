//! Dubbo2 for [meshwire]: both ends of a connection, with destination and attachments in view.
//!
//! A Dubbo2 frame is 16 bytes of header and a body: what a route needs (the interface, its version, the method), the
//! arguments, and behind those the attachments. [`Dubbo`] reads as much of it as routes look at. Up to the method that is a
//! few strings; for attachments the arguments are scanned, and nothing is built of them.
//!
//! | attribute | is |
//! | --- | --- |
//! | service | the path (interface name) |
//! | version | the service version, absent where it is null |
//! | method | the method name; of a generic call (`$invoke`, `$invokeAsync`) the name that is its first argument |
//! | group | the attachment `group` |
//! | fields | attachments: strings, numbers and booleans as text, null ones left out, others by their type; the tag is `dubbo.tag`, a generic call's kind `generic`, who calls `remote.application` |
//! | timeout | the attachment `timeout`, a string or an int, if attachments are read |
//! | authority, path, verb | absent: the neutral view falls back on service and method |
//!
//! ```
//! use bytes::BytesMut;
//! use meshwire::{Attr, Attribute, Codec, Conn, Cx, Depth, Event, Output, Protocol, RoutingKey, Step};
//! use meshwire_dubbo::{Call, Dubbo};
//!
//! let call = Call::new("com.example.Greeter", "sayHello").with_version("1.0.0").with_arg("world");
//! let call = call.with_attachment("tenant", "red").head(7);
//! let mut input = BytesMut::from(&call.bytes()[..]);
//!
//! let mut codec = Dubbo::default().codec(Conn::server().with_depth(Depth::ROUTE.with_field("tenant")));
//! let mut output = Output::new();
//! let step = codec.decode(&mut input, &mut Cx::new(&mut output, Default::default()))?;
//! let Step::Event(Event::Head(mut head)) = step else { panic!("{step:?}") };
//!
//! assert_eq!(head.host(), Attr::Value(b"com.example.Greeter"));
//! assert_eq!(&*head.path().unwrap().unwrap().to_bytes(), b"/com.example.Greeter/sayHello");
//! assert_eq!(head.field(b"tenant"), Attr::Value(b"red"));
//! assert_eq!(head.stream().id(), 7);
//!
//! head.set_field(b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Attachments are edited
//!
//! [`Head::set_field`](meshwire::Head::set_field), `add_field` and `remove_field` edit attachments, of requests and of answers.
//! The arguments stay as they came. Where the whole body is in the buffer (up to [`Limits::whole`](meshwire::Limits::whole)) its
//! map is written anew from the first entry on that changes; a null, or no map, becomes one. In Hessian 2 a body that streams
//! can be added to as well: the new entries stand in the place of its last byte, the end of the map, and of two with one key
//! servers take the last. A body that turns out not to end in a map is broken off before its end. Nothing can be removed from
//! one, since what was sent cannot be taken back. The group is an attribute, and edited as one.
//!
//! [`Head::set_service`](meshwire::Head::set_service) and the attribute `version` send a request in Hessian 2 elsewhere: the front
//! is written anew, and the attachments `path`, `interface` and `version` with it where they are there. A body that streams cannot
//! be: it names the service again at its end, and servers disagree which counts where one is named twice. As fields those names
//! cannot be edited.
//!
//! An answer gets attachments where it has some, or where its client reads them, as Dubbo's versions 2.0.2 to 2.0.99 do.
//!
//! # What is routed by is what runs
//!
//! A request names its service twice: in front, by which it is routed, and in the attachments `path`, `interface` and `version`,
//! which servers prefer. Whenever attachments are read, a request in which the two differ is refused (status 40), as is one in
//! which they are no strings, or whose service holds a slash or a colon, in which Dubbo 2.7 finds a group and a version. So is,
//! then, a service that is exported under a `path` that is not its interface. While no route looks at a field or the group,
//! the attachments are not read, and a client can name one service in front and run another: rules that keep clients from
//! services need a depth of fields.
//!
//! dubbo-go calls a method whose name differs in the case of its first letter.
//!
//! # Bodies that are not seen
//!
//! Arguments of more than [`Limits::head`](meshwire::Limits::head) bytes are not waited for: the head comes without fields, and
//! [`why_unseen`](meshwire::RoutingKey::why_unseen) says so. What a route makes of it is the document's to say
//! (`unseen_fields`); by default the request is refused.
//!
//! | serialization | destination | attachments |
//! | --- | --- | --- |
//! | hessian2 (2) | read | read, edited, added to bodies that stream |
//! | fastjson2 (23) | read | read, edited |
//! | fastjson (6), with lines or lengths; gson (16), jackson (18) | read | read, edited |
//! | protobuf (22), protobuf-json (21) | read | read |
//! | java (3, 4, 7), kryo (8, 25), fst (9), avro (11) and all others | not seen; [a service can be configured](Dubbo::with_default_service) | not seen |
//!
//! # Local answers
//!
//! A [`LocalReply`](meshwire::LocalReply) is a status and a text in the request's serialization, or an exception that Java's,
//! Go's and Node's clients throw; see [`status`].
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))] // lengths come from the wire

mod arguments;
mod attachments;
mod body;
mod call;
mod descriptor;
mod destination;
mod detect;
mod edit;
mod event;
mod format;
mod hessian;
mod note;
mod reply;
mod result;
mod serial;
pub mod status;
mod tag;
mod watch;
mod wire;

use std::sync::Arc;

pub use call::{Call, value};
pub use format::{DubboFormat, serialization};
pub use result::{ResultKind, result};

use meshwire::frame::FrameCodec;
use meshwire::{Codec, Conn, Correlation, Detection, Protocol, ProtocolTraits};

/// The Dubbo2 protocol.
///
/// Heartbeats are answered, with the serialization they came in; a server's read-only event is a
/// [`GoAway`](meshwire::Event::GoAway). A body that cannot be read costs its message and not the connection; bytes that are
/// no frame cost the connection, where Java's own ends search for the next frame, or serve a telnet console.
#[derive(Clone, Debug, Default)]
pub struct Dubbo {
    default_service: Option<Arc<str>>,
}

impl Dubbo {
    /// The protocol.
    pub const fn new() -> Self {
        Self { default_service: None }
    }

    /// The same for a listener whose requests are for `service` where their serialization hides which they are for
    /// (kryo, fst, Java's own, avro and ids that are not known). Their method and version stay not seen.
    ///
    /// ```
    /// use meshwire::Registry;
    /// use meshwire_dubbo::Dubbo;
    ///
    /// let registry = Registry::builder().with(Dubbo::new().with_default_service("com.example.Greeter")).build();
    /// ```
    #[must_use]
    pub fn with_default_service(mut self, service: impl Into<Arc<str>>) -> Self {
        self.default_service = Some(service.into());
        self
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
        traits.field_edits = true;
        traits.heartbeat = true;
        traits.one_way = true;
        traits
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        let format = DubboFormat::new(&conn.limits, self.default_service.clone());
        Box::new(FrameCodec::new(format, conn))
    }
}
