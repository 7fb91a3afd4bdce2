//! The table, and the search in it.

use std::sync::Arc;

use super::action::{Route, Target};
use super::document::{Document, UnseenFields};
use super::error::RouteError;
use super::host::HostIndex;
use super::load;
use crate::depth::Depth;
use crate::key::{Attr, Attribute, RoutingKey};
use crate::outcome::Outcome;

/// The routes of a proxy, for all its protocols. Immutable: a change is another table, swapped in by its `Arc`.
///
/// The search for the virtual host is hashed: what it takes does not depend on how many there are.
#[derive(Debug)]
pub struct RouteTable {
    pub(super) hosts: HostIndex,
    pub(super) virtual_hosts: Box<[VirtualHost]>,
    pub(super) depth: Arc<Depth>,
    pub(super) unseen_fields: UnseenFields,
}

impl Default for RouteTable {
    /// A table in which nothing is found.
    fn default() -> Self {
        Self {
            hosts: HostIndex::default(),
            virtual_hosts: Box::default(),
            depth: Arc::new(Depth::BOUNDARY),
            unseen_fields: UnseenFields::default(),
        }
    }
}

impl RouteTable {
    /// The table of `document`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the document, each with its place.
    pub fn new(document: Document) -> Result<Self, RouteError> {
        load::load(document)
    }

    /// The table of a document in JSON.
    ///
    /// # Errors
    ///
    /// Where the text is no document, or everything that is wrong with it.
    #[cfg(feature = "serde")]
    #[cfg_attr(docsrs, doc(cfg(feature = "serde")))]
    pub fn from_json(text: &str) -> Result<Self, RouteError> {
        Self::new(Document::from_json(text)?)
    }

    /// The table of a document in YAML.
    ///
    /// # Errors
    ///
    /// Where the text is no document, or everything that is wrong with it.
    #[cfg(feature = "yaml")]
    #[cfg_attr(docsrs, doc(cfg(feature = "yaml")))]
    pub fn from_yaml(text: &str) -> Result<Self, RouteError> {
        Self::new(Document::from_yaml(text)?)
    }

    /// What a codec must decode for this table, and no more: with it, no lookup ends in [`Miss::NotSeen`], and only one of a
    /// message that hides what is asked for in [`Miss::Hidden`].
    pub const fn depth(&self) -> &Arc<Depth> {
        &self.depth
    }

    /// The virtual hosts, in the order of the document.
    pub const fn virtual_hosts(&self) -> &[VirtualHost] {
        &self.virtual_hosts
    }

    /// The route of a request. `random` is the request's own number: the same one gives the same answer.
    ///
    /// # Errors
    ///
    /// [`Miss`]: there is no route, or the key does not show enough to tell.
    pub fn lookup<K: RoutingKey + ?Sized>(&self, key: &K, random: u64) -> Result<Match<'_>, Miss<'_>> {
        let host = if self.hosts.is_trivial() { b"" } else { host(key)? };
        let virtual_host = self.hosts.find(host).and_then(|n| self.virtual_hosts.get(n as usize));
        let virtual_host = virtual_host.ok_or(Miss::NoHost)?;
        for route in virtual_host.routes() {
            match route.admits(key) {
                Ok(true) => return Ok(Match { virtual_host, route, random }),
                Ok(false) => {}
                Err(what) => {
                    let miss = unseen(key, what);
                    let passes = matches!(miss, Miss::Hidden(..)) && what.is_of_fields();
                    if !passes || self.unseen_fields == UnseenFields::Error {
                        return Err(miss);
                    }
                }
            }
        }
        Err(Miss::NoRoute(virtual_host))
    }
}

/// The host that a key shows; empty where there is none, which is what generic_proxy makes of it.
fn host<'t, K: RoutingKey + ?Sized>(key: &K) -> Result<&[u8], Miss<'t>> {
    match key.host() {
        Attr::Value(host) => Ok(host),
        Attr::Absent => Ok(b""),
        Attr::NotSeen => {
            let attribute = match key.attribute(Attribute::Authority) {
                Attr::NotSeen => Attribute::Authority,
                _ => Attribute::Service,
            };
            Err(unseen(key, NotSeen::Attribute(attribute)))
        }
    }
}

#[cold]
fn unseen<'t, K: RoutingKey + ?Sized>(key: &K, what: NotSeen<'t>) -> Miss<'t> {
    key.why_unseen().map_or(Miss::NotSeen(what), |why| Miss::Hidden(what, why))
}

/// A virtual host of a [`RouteTable`].
#[derive(Debug)]
pub struct VirtualHost {
    /// The first route is tried most: it lies here, and not behind a pointer.
    pub(super) first: Option<Route>,
    pub(super) others: Box<[Route]>,
    pub(super) name: Option<Box<str>>,
}

impl VirtualHost {
    /// Its name, for logs.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its routes, the first match first.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.first.iter().chain(&self.others)
    }
}

/// The route of a request.
#[derive(Clone, Copy, Debug)]
pub struct Match<'t> {
    virtual_host: &'t VirtualHost,
    route: &'t Route,
    random: u64,
}

impl<'t> Match<'t> {
    /// The virtual host it belongs to.
    pub const fn virtual_host(&self) -> &'t VirtualHost {
        self.virtual_host
    }

    /// The route.
    pub const fn route(&self) -> &'t Route {
        self.route
    }

    /// Where the request goes.
    pub fn target(&self) -> Target<'t> {
        self.route.target(self.random)
    }
}

/// Why a lookup found no route.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::exhaustive_enums)]
pub enum Miss<'t> {
    /// The answer depends on what the codec was not asked to decode: the message came in under another table. It says
    /// nothing about whether there is a route.
    NotSeen(NotSeen<'t>),
    /// The answer depends on what this message does not show, and why that is.
    Hidden(NotSeen<'t>, &'static str),
    /// No virtual host has the request's host.
    NoHost,
    /// This virtual host has the request's host, and none of its routes matches.
    NoRoute(&'t VirtualHost),
}

impl Miss<'_> {
    /// What to tell the client, unless the caller has another way out.
    pub const fn outcome(&self) -> Outcome {
        match self {
            // The destination may well be there, so that a retry makes sense.
            Self::NotSeen(_) => Outcome::Unavailable,
            // The same message would fare no better.
            Self::Hidden(..) => Outcome::BadRequest,
            Self::NoHost | Self::NoRoute(_) => Outcome::NoRoute,
        }
    }
}

impl PartialEq for Miss<'_> {
    /// Virtual hosts are the same only if they are one.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::NotSeen(one), Self::NotSeen(other)) => one == other,
            (Self::Hidden(one, why), Self::Hidden(other, because)) => one == other && why == because,
            (Self::NoHost, Self::NoHost) => true,
            (Self::NoRoute(one), Self::NoRoute(other)) => std::ptr::eq(*one, *other),
            _ => false,
        }
    }
}

impl std::fmt::Display for Miss<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSeen(what) => what.fmt(f),
            Self::Hidden(what, why) => write!(f, "{what}: {why}"),
            Self::NoHost => f.write_str("no virtual host for this host"),
            Self::NoRoute(host) => match host.name() {
                Some(name) => write!(f, "no route in virtual host {name}"),
                None => f.write_str("no route in the virtual host"),
            },
        }
    }
}

impl std::error::Error for Miss<'_> {}

/// What a lookup needed and the key does not show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotSeen<'t> {
    /// An attribute.
    Attribute(Attribute),
    /// The field of this name.
    Field(&'t str),
}

impl NotSeen<'_> {
    /// Whether it is a field, or the group, which stands among the fields.
    pub(super) const fn is_of_fields(&self) -> bool {
        matches!(self, Self::Field(_) | Self::Attribute(Attribute::Group))
    }
}

impl std::fmt::Display for NotSeen<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Attribute(attribute) => write!(f, "{attribute} was not decoded"),
            Self::Field(name) => write!(f, "field {name} was not decoded"),
        }
    }
}
