//! The neutral attributes that a route can match, whatever the protocol.

#[cfg(feature = "http")]
mod http;

use std::borrow::Cow;

use crate::head::Fields;

/// A routing attribute: one column of the table that fixes, for every protocol, what a destination means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Attribute {
    /// The wire's own authority (`Host`, `:authority`); absent where the protocol has none.
    Authority,
    /// The wire's own path, or `/service/method` where the protocol has none.
    Path,
    /// What HTTP calls the request method (`:method`); the RPC method where the protocol has no verb.
    Verb,
    /// The service (interface) name.
    Service,
    /// The method of the service.
    Method,
    /// The service version.
    Version,
    /// The service group.
    Group,
}

impl Attribute {
    /// How many attributes there are.
    pub(crate) const COUNT: usize = 7;

    /// Every attribute, in declaration order.
    pub const ALL: [Self; Self::COUNT] =
        [Self::Authority, Self::Path, Self::Verb, Self::Service, Self::Method, Self::Version, Self::Group];

    /// The name that documents and messages use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Path => "path",
            Self::Verb => "verb",
            Self::Service => "service",
            Self::Method => "method",
            Self::Version => "version",
            Self::Group => "group",
        }
    }
}

impl std::fmt::Display for Attribute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What is known of one attribute. Values are bytes, not `str`: HTTP allows obs-text, Java writes its own UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attr<'a> {
    /// The codec was not asked to look ([`Depth`](crate::Depth)); it may or may not be there.
    NotSeen,
    /// The codec looked, and the message does not carry it.
    Absent,
    /// Its value.
    Value(&'a [u8]),
}

impl<'a> Attr<'a> {
    /// The value, if there is one.
    pub const fn value(self) -> Option<&'a [u8]> {
        match self {
            Self::Value(value) => Some(value),
            Self::NotSeen | Self::Absent => None,
        }
    }

    /// This attribute, or `other` where this one is absent.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        match self {
            Self::Absent => other,
            _ => self,
        }
    }
}

/// The path a route matches: the wire's own, or service and method joined as `/service/method`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum PathView<'a> {
    /// The path as it stands in the message.
    Whole(&'a [u8]),
    /// A path nobody wrote: `/service/method`.
    Joined {
        /// The service name.
        service: &'a [u8],
        /// The method name.
        method: &'a [u8],
    },
}

impl<'a> PathView<'a> {
    /// The path in one piece; allocates only for [`PathView::Joined`].
    pub fn to_bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Whole(path) => Cow::Borrowed(path),
            Self::Joined { service, method } => {
                let mut path = Vec::with_capacity(service.len().saturating_add(method.len()).saturating_add(2));
                path.push(b'/');
                path.extend_from_slice(service);
                path.push(b'/');
                path.extend_from_slice(method);
                Cow::Owned(path)
            }
        }
    }
}

/// What a route lookup may ask of a message. [`Head`](crate::Head) implements it; so does [`Key`] for everything else
/// that wants to be routed (tests, tools, a proxy with names of its own).
pub trait RoutingKey {
    /// One attribute as the codec saw it.
    fn attribute(&self, attribute: Attribute) -> Attr<'_>;

    /// The fields (headers, attachments) in wire order; `None` when the codec was not asked to look.
    fn fields(&self) -> Option<Fields<'_>>;

    /// Why something can never be seen of this message, whatever the codec is asked to decode: the sentence says what hides
    /// it. `None`: what was not seen was not asked for.
    fn why_unseen(&self) -> Option<&'static str> {
        None
    }

    /// What the search for a virtual host uses: the authority, else the service.
    fn host(&self) -> Attr<'_> {
        match self.attribute(Attribute::Authority) {
            Attr::Absent => self.attribute(Attribute::Service),
            authority => authority,
        }
    }

    /// The HTTP-shaped method: the verb, else the RPC method.
    fn verb(&self) -> Attr<'_> {
        self.attribute(Attribute::Verb).or(self.attribute(Attribute::Method))
    }

    /// The path, else `/service/method`. The error names the attribute that was not seen.
    ///
    /// # Errors
    ///
    /// The attribute that the codec would have had to decode.
    fn path(&self) -> Result<Option<PathView<'_>>, Attribute> {
        match self.attribute(Attribute::Path) {
            Attr::Value(path) => Ok(Some(PathView::Whole(path))),
            Attr::NotSeen => Err(Attribute::Path),
            Attr::Absent => match (self.attribute(Attribute::Service), self.attribute(Attribute::Method)) {
                (Attr::Value(service), Attr::Value(method)) => Ok(Some(PathView::Joined { service, method })),
                (Attr::NotSeen, _) => Err(Attribute::Service),
                (_, Attr::NotSeen) => Err(Attribute::Method),
                _ => Ok(None),
            },
        }
    }
}

/// A routing key of borrowed parts.
///
/// ```
/// use meshwire::{Attr, Attribute, Key, RoutingKey};
///
/// let key = Key::new().with(Attribute::Service, b"com.example.Demo").with(Attribute::Method, b"sayHello");
/// assert_eq!(key.host(), Attr::Value(b"com.example.Demo"));
/// assert_eq!(&*key.path().unwrap().unwrap().to_bytes(), b"/com.example.Demo/sayHello");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    attributes: [Attr<'a>; Attribute::COUNT],
    fields: Option<&'a [(&'a [u8], &'a [u8])]>,
}

impl Default for Key<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Key<'a> {
    /// A key in which every attribute is absent and there are no fields.
    pub const fn new() -> Self {
        Self { attributes: [Attr::Absent; Attribute::COUNT], fields: Some(&[]) }
    }

    /// A key in which nothing was seen.
    pub const fn unseen() -> Self {
        Self { attributes: [Attr::NotSeen; Attribute::COUNT], fields: None }
    }

    /// The same key with `attribute` set.
    #[must_use]
    pub fn with(mut self, attribute: Attribute, value: &'a [u8]) -> Self {
        if let Some(slot) = self.attributes.get_mut(attribute as usize) {
            *slot = Attr::Value(value);
        }
        self
    }

    /// The same key with these fields.
    #[must_use]
    pub const fn with_fields(mut self, fields: &'a [(&'a [u8], &'a [u8])]) -> Self {
        self.fields = Some(fields);
        self
    }
}

impl RoutingKey for Key<'_> {
    fn attribute(&self, attribute: Attribute) -> Attr<'_> {
        self.attributes.get(attribute as usize).copied().unwrap_or(Attr::NotSeen)
    }

    fn fields(&self) -> Option<Fields<'_>> {
        self.fields.map(Fields::from_pairs)
    }
}
