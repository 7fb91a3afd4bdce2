//! The protocols a proxy speaks, found by name, by what control planes call a port, or by a connection's first bytes.

use std::sync::Arc;

use crate::codec::{Detection, Protocol};

/// The most bytes that detection looks at.
pub const MAX_DETECT: usize = 1024;

/// The protocols of one proxy. Nothing registers itself: what is not named here is not spoken.
///
/// ```
/// # use meshwire::{Registry, Sniffed};
/// # fn main() -> Result<(), meshwire::RegistryError> {
/// let registry = Registry::builder()
///     .with(meshwire_http1::Http1::default())
///     .with(meshwire_dubbo::Dubbo::default())
///     .build()?;
/// assert_eq!(registry.by_port("tcp-metaprotocol-dubbo-orders").unwrap().name(), "dubbo");
/// assert!(matches!(registry.sniff(b"GET / HTTP/1.1\r\n"), Sniffed::Protocol(p) if p.name() == "http1"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct Registry {
    protocols: Vec<Arc<dyn Protocol>>,
}

/// Collects the protocols of a [`Registry`].
#[derive(Default)]
pub struct RegistryBuilder {
    protocols: Vec<Arc<dyn Protocol>>,
}

/// Two protocols that cannot be told apart by name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("both {first} and {second} answer to the name {name:?}")]
#[non_exhaustive]
pub struct RegistryError {
    /// The name that two protocols claim.
    pub name: String,
    /// The one registered first.
    pub first: &'static str,
    /// The other.
    pub second: &'static str,
}

/// Whose a connection's first bytes are.
#[derive(Clone)]
#[allow(clippy::exhaustive_enums)]
pub enum Sniffed<'a> {
    /// This protocol's, and no other's.
    Protocol(&'a Arc<dyn Protocol>),
    /// Nobody can tell before so many bytes in all are there. How long to wait for them is the caller's to decide.
    NeedMore(usize),
    /// No protocol's.
    Unknown,
    /// Two or more claim them: a defect of their matchers, reported rather than decided by order.
    Ambiguous(&'static str, &'static str),
}

impl std::fmt::Debug for Sniffed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Protocol(protocol) => write!(f, "Protocol({})", protocol.name()),
            Self::NeedMore(n) => write!(f, "NeedMore({n})"),
            Self::Unknown => f.write_str("Unknown"),
            Self::Ambiguous(one, two) => write!(f, "Ambiguous({one}, {two})"),
        }
    }
}

impl RegistryBuilder {
    /// The same builder and `protocol`.
    #[must_use]
    pub fn with(self, protocol: impl Protocol + 'static) -> Self {
        self.with_shared(Arc::new(protocol))
    }

    /// The same builder and `protocol`, which others hold too.
    #[must_use]
    pub fn with_shared(mut self, protocol: Arc<dyn Protocol>) -> Self {
        self.protocols.push(protocol);
        self
    }

    /// The registry.
    ///
    /// # Errors
    ///
    /// [`RegistryError`] when two protocols claim one name.
    pub fn build(self) -> Result<Registry, RegistryError> {
        let mut names: Vec<(&'static str, &'static str)> = Vec::new();
        for protocol in &self.protocols {
            for name in std::iter::once(protocol.name()).chain(protocol.aliases().iter().copied()) {
                if let Some((_, first)) = names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                    return Err(RegistryError { name: name.to_owned(), first, second: protocol.name() });
                }
                names.push((name, protocol.name()));
            }
        }
        Ok(Registry { protocols: self.protocols })
    }
}

impl Registry {
    /// A builder without protocols.
    pub fn builder() -> RegistryBuilder {
        RegistryBuilder::default()
    }

    /// The protocols, in the order they were registered.
    pub fn protocols(&self) -> &[Arc<dyn Protocol>] {
        &self.protocols
    }

    /// The protocol of that name or alias, without regard to case.
    pub fn by_name(&self, name: &str) -> Option<&Arc<dyn Protocol>> {
        self.protocols.iter().find(|protocol| {
            std::iter::once(protocol.name())
                .chain(protocol.aliases().iter().copied())
                .any(|known| known.eq_ignore_ascii_case(name))
        })
    }

    /// The protocol that a Kubernetes port name or `appProtocol` means: `dubbo`, `dubbo-orders`, `tcp-dubbo`,
    /// `tcp-metaprotocol-dubbo-orders`, `x-bolt-user`, `grpc-web`. The longest name that fits wins.
    pub fn by_port(&self, port_name: &str) -> Option<&Arc<dyn Protocol>> {
        let full = port_name.trim();
        let rest = ["tcp-metaprotocol-", "tcp-", "x-"].iter().find_map(|prefix| {
            let (front, rest) = full.split_at_checked(prefix.len())?;
            front.eq_ignore_ascii_case(prefix).then_some(rest)
        });
        [Some(full), rest].into_iter().flatten().find_map(|name| {
            let ends = name.match_indices('-').map(|(at, _)| at).rev();
            std::iter::once(name.len()).chain(ends).find_map(|end| self.by_name(name.get(..end)?))
        })
    }

    /// The protocol that an ALPN id names (RFC 7301): `http/1.1`, `h2`.
    pub fn by_alpn(&self, id: &[u8]) -> Option<&Arc<dyn Protocol>> {
        std::str::from_utf8(id).ok().and_then(|id| self.by_name(id))
    }

    /// Whose the first bytes of a connection are. The order of registration does not matter: a protocol is chosen
    /// only when every other one has ruled itself out.
    pub fn sniff(&self, prefix: &[u8]) -> Sniffed<'_> {
        let seen = prefix.get(..MAX_DETECT).unwrap_or(prefix);
        let (mut claimed, mut need): (Option<&Arc<dyn Protocol>>, Option<usize>) = (None, None);
        for protocol in self.protocols.iter().filter(|protocol| !protocol.traits().server_first) {
            match protocol.detect(seen) {
                Detection::No => {}
                Detection::NeedMore(total) if total > seen.len() && total <= MAX_DETECT => {
                    need = Some(need.map_or(total, |need| need.min(total)));
                }
                // Asking for more than anybody waits for is a no.
                Detection::NeedMore(_) => {}
                Detection::Yes => match claimed {
                    Some(other) => return Sniffed::Ambiguous(other.name(), protocol.name()),
                    None => claimed = Some(protocol),
                },
            }
        }
        match (claimed, need) {
            (_, Some(total)) => Sniffed::NeedMore(total),
            (Some(protocol), None) => Sniffed::Protocol(protocol),
            (None, None) => Sniffed::Unknown,
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.protocols.iter().map(|protocol| protocol.name())).finish()
    }
}

impl std::fmt::Debug for RegistryBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.protocols.iter().map(|protocol| protocol.name())).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Codec, Conn, Correlation, ProtocolTraits};

    struct Fake {
        name: &'static str,
        aliases: &'static [&'static str],
        magic: &'static [u8],
    }

    impl Protocol for Fake {
        fn name(&self) -> &'static str {
            self.name
        }
        fn aliases(&self) -> &'static [&'static str] {
            self.aliases
        }
        fn detect(&self, prefix: &[u8]) -> Detection {
            let n = prefix.len().min(self.magic.len());
            match prefix[..n] == self.magic[..n] {
                false => Detection::No,
                true if n == self.magic.len() => Detection::Yes,
                true => Detection::NeedMore(self.magic.len()),
            }
        }
        fn traits(&self) -> ProtocolTraits {
            ProtocolTraits::new(Correlation::Ordered, "fake")
        }
        fn codec(&self, _: Conn) -> Box<dyn Codec> {
            unreachable!("no test makes one")
        }
    }

    fn registry(reverse: bool) -> Registry {
        let mut fakes = vec![
            Fake { name: "http2", aliases: &["h2", "grpc", "grpc-web"], magic: b"PRI * HTTP/2.0" },
            Fake { name: "http1", aliases: &["http", "http/1.1"], magic: b"P" },
            Fake { name: "dubbo", aliases: &[], magic: b"\xda\xbb" },
            Fake { name: "sofarpc", aliases: &["bolt"], magic: b"\x01\x01" },
        ];
        if reverse {
            fakes.reverse();
        }
        fakes.into_iter().fold(Registry::builder(), RegistryBuilder::with).build().unwrap()
    }

    #[test]
    fn port_names_of_the_field_are_understood() {
        let registry = registry(false);
        for (port, name) in [
            ("dubbo", "dubbo"),
            ("dubbo-orders", "dubbo"),
            ("Tcp-Dubbo", "dubbo"),
            ("tcp-metaprotocol-dubbo-x", "dubbo"),
            ("x-bolt-user", "sofarpc"),
            ("grpc-web", "http2"),
            ("grpc-web-shop", "http2"),
            ("http", "http1"),
        ] {
            assert_eq!(registry.by_port(port).map(|p| p.name()), Some(name), "{port}");
        }
        for port in ["", "-", "tcp", "tcp-", "dubbox", "mysql-dubbo", "x-"] {
            assert!(registry.by_port(port).is_none(), "{port}");
        }
        assert_eq!(registry.by_alpn(b"h2").unwrap().name(), "http2");
        assert!(registry.by_alpn(b"\xff").is_none());
    }

    #[test]
    fn detection_does_not_depend_on_order() {
        for reverse in [false, true] {
            let registry = registry(reverse);
            assert!(matches!(registry.sniff(b""), Sniffed::NeedMore(1)));
            assert!(matches!(registry.sniff(b"P"), Sniffed::NeedMore(14)), "http1 says yes, http2 may still be");
            assert!(matches!(registry.sniff(b"POST /"), Sniffed::Protocol(p) if p.name() == "http1"));
            assert!(matches!(registry.sniff(b"PRI * HTTP/2.0\r\n"), Sniffed::Ambiguous(..)), "{reverse}");
            assert!(matches!(registry.sniff(b"\x16\x03"), Sniffed::Unknown));
        }
    }

    #[test]
    fn one_name_cannot_mean_two_protocols() {
        let fake = |name, aliases| Fake { name, aliases, magic: b"x" };
        let error = Registry::builder().with(fake("a", &["c"])).with(fake("b", &["C"])).build().unwrap_err();
        assert_eq!(error.to_string(), "both a and b answer to the name \"C\"");
    }
}
