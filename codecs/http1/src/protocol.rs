//! The plugin.

use std::sync::Arc;

use meshwire::{Codec, Conn, Correlation, Detection, Protocol, ProtocolTraits, Role};

use crate::client::Client;
use crate::config::Config;
use crate::detect::detect;
use crate::grammar;
use crate::server::Server;

/// HTTP/1.1, and 1.0 where a peer speaks it.
///
/// ```
/// use meshwire::{Conn, Protocol};
/// use meshwire_http1::Http1;
///
/// let http = Http1::default().via("edge-1").pipeline(4);
/// let codec = http.codec(Conn::server());
/// assert!(!codec.state().close);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Http1 {
    config: Arc<Config>,
}

impl Http1 {
    /// Heads that are forwarded get a `Via` with this name (RFC 9110, section 7.6.3). Bytes that cannot stand in one
    /// become `_`.
    #[must_use]
    pub fn via(mut self, name: &str) -> Self {
        let legal = |c: char| c.is_ascii() && (grammar::is_token(&[c as u8]) || matches!(c, ':' | '[' | ']'));
        let name: String = name.chars().map(|c| if legal(c) { c } else { '_' }).collect();
        Arc::make_mut(&mut self.config).via = (!name.is_empty()).then_some(name);
        self
    }

    /// A client writes up to `n` requests before the first answer. The default is 1: few servers are asked more than
    /// one thing at a time, and a lost connection loses them all.
    #[must_use]
    pub fn pipeline(mut self, n: usize) -> Self {
        Arc::make_mut(&mut self.config).pipeline = n.max(1);
        self
    }

    /// A client takes an answer that nobody asked for as that to a GET: for tools that read a recording of answers.
    #[must_use]
    pub fn assume_get(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.config).assume_get = yes;
        self
    }

    /// The protocols that an `Upgrade` may lead to; only `websocket` unless told otherwise. Every other one is removed
    /// from what goes out, and never tunnelled. `h2c` stays out: its requests would pass unread.
    #[must_use]
    pub fn upgrades(mut self, protocols: &[&str]) -> Self {
        let allowed = protocols.iter().filter(|token| !token.to_ascii_lowercase().starts_with("h2c"));
        Arc::make_mut(&mut self.config).upgrades = allowed.map(|token| (*token).to_owned()).collect();
        self
    }

    /// A server takes `Upgrade: h2c` of a request without content: it answers 101 and hands the connection over to the
    /// protocol called `http2` ([`Event::Switch`](meshwire::Event::Switch)), for which the endpoint must have a
    /// [registry](meshwire::Endpoint::with_registry).
    ///
    /// Off unless asked for. RFC 9113 has dropped it, a server may ignore any Upgrade (RFC 9110, section 7.8), and
    /// proxies that tunnel this one let requests pass unread. Here none passes unread: a client is never sent an `h2c`,
    /// and what follows the switch is decoded and routed like the rest.
    #[must_use]
    pub fn h2c(mut self, yes: bool) -> Self {
        Arc::make_mut(&mut self.config).h2c = yes;
        self
    }
}

impl Protocol for Http1 {
    fn name(&self) -> &'static str {
        crate::NAME
    }

    fn detect(&self, prefix: &[u8]) -> Detection {
        detect(prefix)
    }

    fn traits(&self) -> ProtocolTraits {
        let mut traits = ProtocolTraits::new(Correlation::Ordered, crate::SEMANTICS);
        traits.verbatim = true;
        traits.field_edits = true;
        traits
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["http", "http/1.1", "http1.1", "http/1.0"]
    }

    fn codec(&self, conn: Conn) -> Box<dyn Codec> {
        match conn.role {
            Role::Server => Box::new(Server::new(Arc::clone(&self.config), conn.limits)),
            Role::Client => Box::new(Client::new(Arc::clone(&self.config), conn.limits)),
        }
    }
}
