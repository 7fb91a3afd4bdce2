//! What a frame says of itself beside what every protocol says.

use meshwire::frame::Parse;
use meshwire::{Head, Kind};

use crate::Version;
use crate::format::HEAD;
use crate::tag;
use crate::wire::{Header, kind};

/// The fixed part of a frame and its class: what Bolt calls a command.
///
/// The [fields](meshwire::RoutingKey::fields) of its head are the header map, its data the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Command<'a> {
    /// How it is laid out.
    pub version: Version,
    /// The command code: 1 a request, 2 a response; others are forwarded unread.
    pub code: u16,
    /// The serialization of the content: 1 Hessian 2, 11 protobuf, 12 JSON, and what users register.
    pub codec: u8,
    /// Milliseconds that a request's client waits; 0 and less, as one-way calls have it: no time is set.
    pub timeout: Option<i32>,
    /// The [status](crate::status) of a response.
    pub status: Option<u16>,
    /// The class of the content, as Java names it; empty for none.
    pub class: &'a [u8],
}

/// What the frame of `head` says of itself; `None` for heads of other protocols.
///
/// ```
/// use meshwire_sofarpc::{Call, command};
///
/// let head = Call::new("com.example.Greeter:1.0", "hello").with_timeout(3000).head(7);
/// let command = command(&head).unwrap();
/// assert_eq!((command.code, command.codec, command.timeout), (1, 1, Some(3000)));
/// assert_eq!(command.class, b"com.alipay.sofa.rpc.core.request.SofaRequest");
/// ```
pub fn command(head: &Head) -> Option<Command<'_>> {
    if !std::ptr::eq(head.format(), &HEAD) || head.kind() == Kind::Trailers {
        return None;
    }
    let bytes = head.head_bytes();
    let Ok(Parse::Done(header)) = Header::read(bytes) else { return None };
    let is_response = header.kind == kind::RESPONSE;
    Some(Command {
        version: tag::version(header.version),
        code: header.command,
        codec: header.codec,
        timeout: (!is_response).then_some(header.word),
        status: is_response.then_some(header.word as u16),
        class: bytes.get(header.fixed()..header.map_at())?,
    })
}
