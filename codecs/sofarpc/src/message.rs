//! Messages made from scratch: for clients, servers, demos and tests.

use bytes::Bytes;
use meshwire::frame::{FrameFormat, FrameKind, Parse, Scan};
use meshwire::{Depth, Head, Kind, Limits, StreamId};

use crate::format::{BoltFormat, HEAD};
use crate::keys::{METHOD, SERVICE, SOFA_REQUEST, TARGET_SERVICE};
use crate::wire::{Header, SHORT_MAX, codec, command, kind};
use crate::{Version, map, status, tag};

/// A call of SOFARPC: its destination stands in the header map, what it is called with in the content.
///
/// ```
/// use meshwire::{Attr, Attribute, RoutingKey};
/// use meshwire_sofarpc::Call;
///
/// let head = Call::new("com.example.Greeter:1.0", "hello").with_field("tenant", "blue").head(7);
/// assert_eq!(head.attribute(Attribute::Service), Attr::Value(b"com.example.Greeter"));
/// assert_eq!(head.attribute(Attribute::Version), Attr::Value(b"1.0"));
/// assert_eq!(head.field(b"tenant"), Attr::Value(b"blue"));
/// ```
#[derive(Clone, Debug)]
pub struct Call {
    version: Version,
    kind: u8,
    timeout: i32,
    parts: Parts,
}

impl Call {
    /// A call in v1 that waits for an answer and brings nothing. `service` is the unique name,
    /// `interface:version[:uniqueId]`.
    pub fn new(service: &str, method: &str) -> Self {
        let mut parts = Parts::new(&SOFA_REQUEST[..]);
        for (key, value) in [(&SERVICE[..], service), (TARGET_SERVICE, service), (METHOD, method)] {
            map::put(key, value.as_bytes(), &mut parts.map);
        }
        Self { version: Version::V1, kind: kind::REQUEST, timeout: -1, parts }
    }

    /// A request of raw Bolt: a class of its own, and no header map.
    pub fn raw(class: &str) -> Self {
        Self { version: Version::V1, kind: kind::REQUEST, timeout: -1, parts: Parts::new(class.as_bytes()) }
    }

    /// The same call in another version of the protocol.
    #[must_use]
    pub const fn with_layout(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The same call, waiting so many milliseconds; 0 and less: for ever.
    #[must_use]
    pub const fn with_timeout(mut self, millis: i32) -> Self {
        self.timeout = millis;
        self
    }

    /// The same call with one more field in its header map.
    #[must_use]
    pub fn with_field(mut self, key: &str, value: &str) -> Self {
        map::put(key.as_bytes(), value.as_bytes(), &mut self.parts.map);
        self
    }

    /// The same call with this content, in the serialization that `codec` names.
    #[must_use]
    pub fn with_content(mut self, codec: u8, content: impl Into<Vec<u8>>) -> Self {
        self.parts.codec = codec;
        self.parts.content = content.into();
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
        self.parts.head(self.version, self.kind, command::REQUEST, id, self.timeout)
    }
}

/// An answer, in the version of the request that it answers.
///
/// ```
/// use meshwire::{Outcome, RoutingKey};
/// use meshwire_sofarpc::{Answer, Call, status};
///
/// let asked = Call::new("com.example.Greeter:1.0", "hello").head(7);
/// let head = Answer::new(status::SUCCESS).with_content(12, "\"hello\"").head(asked.stream());
/// assert_eq!(head.outcome(), Outcome::Success);
/// assert_eq!(head.data(), b"\"hello\"");
/// ```
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    parts: Parts,
}

impl Answer {
    /// An answer with this [status](crate::status) that brings nothing: in raw Bolt, a null.
    pub fn new(status: u16) -> Self {
        Self { status, parts: Parts::new(b"") }
    }

    /// The same answer, whose content is of this class.
    #[must_use]
    pub fn with_class(mut self, class: &str) -> Self {
        self.parts.class = class.as_bytes().to_vec();
        self
    }

    /// The same answer with one more field in its header map.
    #[must_use]
    pub fn with_field(mut self, key: &str, value: &str) -> Self {
        map::put(key.as_bytes(), value.as_bytes(), &mut self.parts.map);
        self
    }

    /// The same answer with this content, in the serialization that `codec` names.
    #[must_use]
    pub fn with_content(mut self, codec: u8, content: impl Into<Vec<u8>>) -> Self {
        self.parts.codec = codec;
        self.parts.content = content.into();
        self
    }

    /// The answer to the request named `stream`, ready to be encoded.
    pub fn head(&self, stream: StreamId) -> Head {
        let version = tag::version(stream.tag());
        let mut head = self.parts.head(version, kind::RESPONSE, command::RESPONSE, stream.id(), i32::from(self.status));
        head.set_stream(stream);
        head
    }
}

impl Default for Answer {
    fn default() -> Self {
        Self::new(status::SUCCESS)
    }
}

#[derive(Clone, Debug)]
struct Parts {
    codec: u8,
    class: Vec<u8>,
    map: Vec<u8>,
    content: Vec<u8>,
}

impl Parts {
    fn new(class: &[u8]) -> Self {
        Self { codec: codec::HESSIAN, class: class.to_vec(), map: Vec::new(), content: Vec::new() }
    }

    /// A whole message. What is longer than its length can say is cut: a class here, a content at 2 GiB; a header map is
    /// left as long as it is, up to 64 KiB, and refused when it is sent.
    fn head(&self, version: Version, kind: u8, command: u16, id: u64, word: i32) -> Head {
        let class = self.class.get(..SHORT_MAX).unwrap_or(&self.class);
        let map = self.map.get(..usize::from(u16::MAX)).unwrap_or(&self.map);
        let content = self.content.get(..i32::MAX as usize).unwrap_or(&self.content);
        let header = Header {
            version: tag::of(version),
            kind,
            command,
            id: id as u32,
            codec: self.codec,
            word,
            class: class.len() as u16,
            map: map.len() as u16,
            content: content.len() as u32,
        };
        let mut bytes = Vec::new();
        header.put(&mut bytes);
        for part in [class, map, content] {
            bytes.extend_from_slice(part);
        }
        head_of(bytes)
    }
}

/// The head of a whole message, which is signed when it is sent.
fn head_of(bytes: Vec<u8>) -> Head {
    let mut format = BoltFormat::new(&Limits::default(), false);
    let Ok(Parse::Done(frame)) = format.frame(&bytes) else {
        return Head::new(&HEAD, Kind::Request, StreamId::NEW, Bytes::from(bytes));
    };
    let kind = match frame.kind {
        FrameKind::Request => Kind::Request,
        FrameKind::OneWay => Kind::OneWay,
        FrameKind::Response | FrameKind::Control => Kind::Response,
    };
    let mut head = Head::new(&HEAD, kind, StreamId::new(frame.id.value).with_tag(frame.tag), Bytes::new());
    let _ = format.head(&frame, &bytes, &Depth::ALL, &mut Scan::new(bytes.len()), &mut head);
    head.attach(Bytes::from(bytes), frame.payload_at);
    head.set_end(true);
    head
}
