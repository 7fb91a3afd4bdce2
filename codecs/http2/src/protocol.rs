//! The plugin.

use std::sync::Arc;

use meshwire::{Codec, Conn, Correlation, Detection, Protocol, ProtocolTraits};

use crate::config::Config;
use crate::connection::Connection;
use crate::frame::PREFACE;
use crate::rules;

/// HTTP/2, and with it gRPC and Triple.
///
/// ```
/// use meshwire::{Conn, Detection, Protocol};
/// use meshwire_http2::Http2;
///
/// let http = Http2::default();
/// assert_eq!(http.detect(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Detection::Yes);
/// assert!(!http.codec(Conn::server()).state().close);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Http2 {
    config: Arc<Config>,
}

impl Http2 {
    /// Requests that come from a protocol without a scheme (HTTP/1.1) are written as `https`. The default is `http`.
    #[must_use]
    pub fn https(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.config).scheme = if yes { "https" } else { "http" };
        self
    }

    /// Heads that are forwarded get a `via` with this name (RFC 9110, section 7.6.3). Bytes that cannot stand in one
    /// become `_`.
    #[must_use]
    pub fn via(mut self, name: &str) -> Self {
        let legal = |c: char| c.is_ascii() && (rules::is_token(&[c as u8]) || matches!(c, ':' | '[' | ']'));
        let name: String = name.chars().map(|c| if legal(c) { c } else { '_' }).collect();
        Arc::make_mut(&mut self.config).via = (!name.is_empty()).then_some(name);
        self
    }

    /// A server offers extended CONNECT (RFC 8441), by which WebSocket and its like get through. The default is yes.
    #[must_use]
    pub fn extended_connect(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.config).extended_connect = yes;
        self
    }

    /// Frames of types that RFC 9113 does not know are handed over as
    /// [`Event::Extension`](meshwire::Event::Extension). The default is to ignore them.
    #[must_use]
    pub fn extension_frames(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.config).extension_frames = yes;
        self
    }

    /// For tools that read a recording of one direction: answers need no request, and nobody keeps to windows that
    /// were announced in the other direction.
    #[must_use]
    pub fn observe(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.config).observe = yes;
        self
    }
}

impl Protocol for Http2 {
    fn name(&self) -> &'static str {
        crate::NAME
    }

    fn detect(&self, prefix: &[u8]) -> Detection {
        // No method is called PRI (RFC 9113, section 11.6): the first line says all, and what follows changes nothing.
        const ENOUGH: usize = b"PRI * HTTP/2.0\r\n".len();
        let n = prefix.len().min(ENOUGH);
        if prefix.get(..n) != PREFACE.get(..n) {
            return Detection::No;
        }
        if n < ENOUGH { Detection::NeedMore(ENOUGH) } else { Detection::Yes }
    }

    fn traits(&self) -> ProtocolTraits {
        let mut traits = ProtocolTraits::new(Correlation::Assigned, crate::SEMANTICS);
        traits.interleaved = true;
        traits.field_edits = true;
        traits.cancel = true;
        traits.heartbeat = true;
        traits
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["h2", "h2c", "http2.0", "grpc", "grpc-web", "tri", "triple", "kubernetes.io/h2c"]
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        Box::new(Connection::new(Arc::clone(&self.config), conn))
    }
}
