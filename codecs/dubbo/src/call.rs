//! Messages made from scratch: for clients, demos and tests.

use bytes::Bytes;
use meshwire::frame::{Frame, FrameFormat, FrameKind, Parse, Scan};
use meshwire::{Depth, Head, Kind, Limits, StreamId};
use meshwire_hessian::{Dialect, put};

use crate::format::{DubboFormat, HEAD};
use crate::result::ResultKind;
use crate::serial::names;
use crate::wire::{HEADER_LEN, flag, put_frame};
use crate::{reply, status};

/// The protocol version that Dubbo 2.6 and later write.
const PROTOCOL_VERSION: &str = "2.0.2";

/// An invocation with string arguments, in Hessian 2.
///
/// ```
/// use meshwire::{Attr, Attribute, RoutingKey};
/// use meshwire_dubbo::Call;
///
/// let head = Call::new("com.example.Greeter", "sayHello").with_version("1.0.0").with_arg("world").head(7);
/// assert_eq!(head.attribute(Attribute::Method), Attr::Value(b"sayHello"));
/// assert_eq!(head.stream().id(), 7);
/// ```
#[derive(Clone, Debug)]
pub struct Call<'a> {
    service: &'a str,
    method: &'a str,
    version: Option<&'a str>,
    args: Vec<&'a str>,
    attachments: Vec<(&'a str, &'a str)>,
    one_way: bool,
}

impl<'a> Call<'a> {
    /// A call of `method` of `service`, without arguments, that waits for an answer.
    pub const fn new(service: &'a str, method: &'a str) -> Self {
        Self { service, method, version: None, args: Vec::new(), attachments: Vec::new(), one_way: false }
    }

    /// The same call of this version of the service.
    #[must_use]
    pub const fn with_version(mut self, version: &'a str) -> Self {
        self.version = Some(version);
        self
    }

    /// The same call with one more argument.
    #[must_use]
    pub fn with_arg(mut self, arg: &'a str) -> Self {
        self.args.push(arg);
        self
    }

    /// The same call with one more attachment.
    #[must_use]
    pub fn with_attachment(mut self, key: &'a str, value: &'a str) -> Self {
        self.attachments.push((key, value));
        self
    }

    /// The same call, to which no answer is wanted.
    #[must_use]
    pub const fn one_way(mut self) -> Self {
        self.one_way = true;
        self
    }

    /// The call as a request named `id`, ready to be encoded.
    pub fn head(&self, id: u64) -> Head {
        let two_way = if self.one_way { 0 } else { flag::TWO_WAY };
        let mut out = Vec::new();
        put_frame(&mut out, flag::REQUEST | two_way | names::HESSIAN2, 0, id, |out| {
            put::string(out, Dialect::Hessian2, PROTOCOL_VERSION);
            put::string(out, Dialect::Hessian2, self.service);
            match self.version {
                Some(version) => put::string(out, Dialect::Hessian2, version),
                None => put::null(out),
            }
            put::string(out, Dialect::Hessian2, self.method);
            put::string(out, Dialect::Hessian2, &"Ljava/lang/String;".repeat(self.args.len()));
            for arg in &self.args {
                put::string(out, Dialect::Hessian2, arg);
            }
            put::map(out, Dialect::Hessian2, self.attachments.iter().copied());
        });
        head_of(out)
    }
}

/// The answer to the request named `stream` that brings a string, in Hessian 2.
///
/// ```
/// use meshwire::{Outcome, StreamId};
///
/// let head = meshwire_dubbo::value(StreamId::new(7), "hello");
/// assert_eq!(head.outcome(), Outcome::Success);
/// assert_eq!(head.data(), b"\x91\x05hello");
/// ```
pub fn value(stream: StreamId, value: &str) -> Head {
    let mut out = Vec::new();
    put_frame(&mut out, names::HESSIAN2, status::OK, stream.id(), |out| {
        reply::put_flag(out, None, ResultKind::Value);
        put::string(out, Dialect::Hessian2, value);
    });
    head_of(out)
}

/// The head of a whole message.
fn head_of(bytes: Vec<u8>) -> Head {
    let mut format = DubboFormat::new(&Limits::default(), None);
    let (kind, id, tag) = match format.frame(&bytes) {
        Ok(Parse::Done(Frame { kind, id, tag, .. })) => (kind, id.value, tag),
        _ => (FrameKind::Response, 0, 0),
    };
    let kind = match kind {
        FrameKind::Request => Kind::Request,
        FrameKind::OneWay => Kind::OneWay,
        FrameKind::Response | FrameKind::Control => Kind::Response,
    };
    let mut head = Head::new(&HEAD, kind, StreamId::new(id).with_tag(tag), Bytes::new());
    if let Ok(Parse::Done(frame)) = format.frame(&bytes) {
        let _ = format.head(&frame, &bytes, &Depth::ROUTE, &mut Scan::new(bytes.len()), &mut head);
    }
    head.attach(Bytes::from(bytes), HEADER_LEN);
    head.set_end(true);
    head
}
